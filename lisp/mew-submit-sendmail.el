;;; mew-submit-sendmail.el --- What sendmail(8) is elsewhere -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 6.  For `sendmail-program', git's sendemail.sendmailCmd, mutt, cron ...:
;;
;;   Emacs -Q --batch -l mew-submit.el -f mew-submit-batch-sendmail -- \
;;         [sendmail's arguments, options of mew-submit-batch-send] < message
;;
;; When an Emacs server that has mew-submit runs, the user's own or the relay's, the
;; message goes to its outbox; else this process sends it, through the outbox too.
;;
;; The message is handed over as a file, and whoever renames it has it: so it is never
;; lost and never taken twice, whatever happens to the question and its answer.  Then
;; what is in the outbox tells what became of it.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-address)
(require 'mew-submit-command)
(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-options)
(require 'mew-submit-outbox)
(require 'mew-submit-queue)
(require 'mew-submit-request)
(require 'seq)

(declare-function mew-submit--mod-spool "ext:mew-submit-module" (fd file))
(declare-function mew-submit-batch-outbox "mew-submit-mailq" ())
(declare-function message-make-date "message" (&optional now))
(declare-function message-make-message-id "message" ())
(declare-function rfc2047-encode-string "rfc2047" (string &optional header))
(declare-function server-eval-at "server" (server form))
(declare-function server-running-p "server" (&optional name))

(defvar mew-submit-relay-account-function)
(defvar mew-submit-relay-on-ask)

(defcustom mew-submit-sendmail-wait 20
  "Seconds for which mew-submit-sendmail waits for the real server's answer.
The default is 20.  After that it says that the message is in the outbox, which
counts as success, as it does with sendmail."
  :type 'number
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-sendmail-aliases nil
  "Who gets mail for a recipient without a domain, such as root.
It is an alist of names and lists of addresses; the name t stands for all
others.  The default, nil, leaves such names to the mail server."
  :type '(alist :key-type (choice string (const :tag "All others" t))
                :value-type (repeat string))
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defvar mew-submit-sendmail-servers '("server" "mew-submit")
  "The names of Emacs servers that may take a message, the best first.
The second one is the relay's.  The environment variable EMACS_SOCKET_NAME goes
before them.")

(defconst mew-submit-sendmail--answer 10
  "Seconds to wait for an Emacs server to answer.")

(defconst mew-submit-sendmail--taken 60
  "Seconds to wait for the answer of one that has taken the message.")

;;; Arguments

(defconst mew-submit-sendmail--with-value "BCFLNORVXfhopr"
  "The flags of sendmail that have a value, in the same argument or the next.")

(defconst mew-submit-sendmail--attached "bdqeA"
  "The flags whose value is in the same argument or not there.")

(defconst mew-submit-sendmail--options
  (append mew-submit-options
          '(("--outbox" :outbox "DIRECTORY" "instead of \
mew-submit-outbox-directory")
            ("--config" :config "FILE" "Lisp to load first, such as your \
accounts")
            ("--help" :help nil "this text")))
  "Our own options, which may stand among sendmail's.")

(defun mew-submit-sendmail--set (options flag value)
  "Return OPTIONS with what FLAG, a character, and VALUE, or nil, mean.
What sendmail knows and has no meaning here is ignored."
  (pcase flag
    ((or ?f ?r) (plist-put options :from
                           (string-trim value "[ \t]*<?" ">?[ \t]*")))
    (?F (plist-put options :name value))
    (?t (plist-put options :header t))
    (?i (plist-put options :dots t))
    (?N (plist-put options :dsn-notify
                   (mew-submit-extension-value :dsn-notify value "-N" 'usage)))
    (?R (plist-put options :dsn-return
                   (mew-submit-extension-value :dsn-return value "-R" 'usage)))
    (?V (plist-put options :dsn-id
                   (mew-submit-extension-value :dsn-id value "-V" 'usage)))
    (?C (plist-put options :config (expand-file-name value)))
    (?b (plist-put options :mode (if (equal value "") "m" value)))
    (?q (plist-put options :mode "q"))
    (?v (plist-put options :verbose t))
    (?o (mew-submit-sendmail--option options value))
    (?O (mew-submit-sendmail--long-option options value))
    (_ options)))

(defun mew-submit-sendmail--option (options value)
  "Return OPTIONS with what VALUE of -o means."
  (if (string-prefix-p "i" value)
      (plist-put options :dots t)
    options))

(defun mew-submit-sendmail--long-option (options value)
  "Return OPTIONS with what VALUE of -O, such as \"IgnoreDots=true\", means."
  (if (string-match-p "\\`IgnoreDots\\(?:=[Tt]\\|\\'\\)" value)
      (plist-put options :dots t)
    options))

(defun mew-submit-sendmail--flags (arg args options)
  "Return (OPTIONS . REST) after ARG, which begins with a dash, and ARGS."
  (let ((i 1))
    (while (< i (length arg))
      (let* ((flag (aref arg i))
             (rest (substring arg (1+ i))))
        (cond
         ((string-search (string flag) mew-submit-sendmail--with-value)
          (let ((value (cond ((not (string-empty-p rest)) rest)
                             (args (pop args))
                             (t (mew-submit-error-throw
                                 'usage nil "-%c needs an argument" flag)))))
            (setq options (mew-submit-sendmail--set options flag value)
                  i (length arg))))
         ((string-search (string flag) mew-submit-sendmail--attached)
          (setq options (mew-submit-sendmail--set options flag rest)
                i (length arg)))
         (t (setq options (mew-submit-sendmail--set options flag nil)
                  i (1+ i))))))
    (cons options args)))

(defun mew-submit-sendmail--long (arg args options)
  "Return (OPTIONS . REST) after ARG, an option with two dashes, and ARGS."
  (let* ((parts (and (string-match "\\`\\(--[^=]+\\)=?" arg)
                     (assoc (match-string 1 arg)
                            mew-submit-sendmail--options)))
         (count (if (and parts (nth 2 parts) (not (string-search "=" arg)))
                    2
                  1))
         (parsed (mew-submit-command-parse
                  (seq-take (cons arg args) count)
                  mew-submit-sendmail--options #'mew-submit-options-value)))
    (cl-loop for (key value) on parsed by #'cddr
             unless (eq key :arguments)
             do (setq options (plist-put options key value)))
    (cons options (nthcdr (1- count) args))))

(defun mew-submit-sendmail--parse (args)
  "Return the options in ARGS as a plist, with the recipients in :arguments."
  (let (options recipients)
    (while args
      (let ((arg (pop args)))
        (cond
         ((equal arg "--") (setq recipients (append (reverse args) recipients)
                                 args nil))
         ((string-prefix-p "--" arg)
          (pcase-setq `(,options . ,args)
                      (mew-submit-sendmail--long arg args options)))
         ((and (string-prefix-p "-" arg) (> (length arg) 1))
          (pcase-setq `(,options . ,args)
                      (mew-submit-sendmail--flags arg args options)))
         (t (push arg recipients)))))
    (mew-submit-options-check options)
    (plist-put options :arguments (nreverse recipients))))

(defun mew-submit-sendmail--usage ()
  "Return the text for --help."
  (concat
   "usage: mew-submit-sendmail [sendmail's flags] [options] RECIPIENT... \
< message\n"
   "  -t recipients from the header   -f ADDRESS envelope sender   -F NAME \
in From\n"
   "  -i, -oi a dot alone is no end   -N -R -V delivery notifications   -C \
FILE as --config\n"
   "  -bp lists the outbox, -q sends what is in it; other flags are ignored\n"
   (mew-submit-command-help mew-submit-sendmail--options)
   "Exit status: 0 delivered, or in the outbox and tried again by itself; 64 \
usage, 65 bad\nmessage or address, 69 refused, 74 uncertain, 77 insecure or \
log-in refused, 78\nconfiguration, 75 nothing was done, try again.\n"))

;;; The message

(defun mew-submit-sendmail--cut (file)
  "Cut FILE off at a line with a dot alone, as sendmail does without -i."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert-file-contents-literally file)
    (when (re-search-forward "^\\.\r?$" nil t)
      (let ((coding-system-for-write 'no-conversion))
        (write-region (point-min) (match-beginning 0) file nil 'silent)))))

(defun mew-submit-sendmail--phrase (name)
  "Return NAME as it stands before an address."
  (let ((name (replace-regexp-in-string "[\0-\37\177]" " " name)))
    (if (string-match-p "\\`[[:alnum:] '-]*\\'" name)
        name
      (format "\"%s\"" (replace-regexp-in-string "[\\\"]" "\\\\\\&" name)))))

(defun mew-submit-sendmail--sender (options)
  "Return the value of a From field for a message that has none, as OPTIONS say."
  (let ((address (or (plist-get options :from) user-mail-address
                     (format "%s@localhost" (user-login-name))))
        (name (plist-get options :name)))
    (if name
        (format "%s <%s>" (mew-submit-sendmail--phrase name) address)
      address)))

(defun mew-submit-sendmail--missing (options fields)
  "Return the fields that a message with FIELDS lacks, as octets.
sendmail adds them too: From (of -F in OPTIONS), Date and Message-ID."
  (require 'message)
  (let ((lacks (lambda (name) (not (assoc name fields)))))
    (encode-coding-string
     (concat
      (and (funcall lacks "from")
           (format "From: %s\n" (rfc2047-encode-string
                                 (mew-submit-sendmail--sender options))))
      (and (funcall lacks "date")
           (format "Date: %s\n" (message-make-date)))
      (and (funcall lacks "message-id")
           (format "Message-ID: %s\n" (message-make-message-id))))
     'utf-8-unix)))

(defun mew-submit-sendmail--headless-p (fields)
  "Is the first line of a message with FIELDS no part of a header?
Then all of it is its text."
  (equal (caar fields) ""))

(defun mew-submit-sendmail--complete (file options)
  "Put what the message FILE lacks before it, as OPTIONS say."
  (let* ((fields (mew-submit-message-fields file))
         (headless (mew-submit-sendmail--headless-p fields))
         (missing (mew-submit-sendmail--missing options
                                                (if headless nil fields))))
    (unless (string-empty-p missing)
      (let ((new (concat file ".new"))
            (coding-system-for-write 'no-conversion))
        (with-file-modes #o600
          (write-region (concat missing (and headless "\n")) nil new nil
                        'silent))
        (mew-submit-message-append file new)
        (rename-file new file t)))))

(defun mew-submit-sendmail--spool (options directory)
  "Put standard input into a file in DIRECTORY, complete; return its name.
OPTIONS say how."
  (let ((file (expand-file-name "message" directory)))
    (when (zerop (mew-submit--mod-spool 0 (encode-coding-string file 'utf-8)))
      (mew-submit-error-throw 'message nil
                              "The message on standard input is empty"))
    (unless (plist-get options :dots)
      (mew-submit-sendmail--cut file))
    (mew-submit-sendmail--complete file options)
    file))

;;; Recipients

(defun mew-submit-sendmail--expand (address)
  "Return the addresses that ADDRESS stands for, a list."
  (if (string-search "@" address)
      (list address)
    (cdr (or (assoc address mew-submit-sendmail-aliases)
             (assq t mew-submit-sendmail-aliases)
             (list nil address)))))

(defun mew-submit-sendmail--recipients (options fields)
  "Return the recipients that OPTIONS, and with -t FIELDS, name.
An argument may be a list of addresses."
  (or (delete-dups
       (mapcan #'mew-submit-sendmail--expand
               (append (mapcan #'mew-submit-address-parse
                               (copy-sequence (plist-get options :arguments)))
                       (and (plist-get options :header)
                            (mew-submit-message-recipients fields)))))
      (mew-submit-error-throw 'usage nil "No recipient: name one, or use -t")))

(defconst mew-submit-sendmail--wishes '(:dsn-notify :dsn-return :dsn-id)
  "The keys of an account that flags of sendmail set.")

(defun mew-submit-sendmail--wished (options)
  "Return the part of OPTIONS that is for any account."
  (mapcan (lambda (key)
            (when-let ((value (plist-get options key)))
              (list key value)))
          mew-submit-sendmail--wishes))

;;; In the Emacs that takes a message over

(defun mew-submit-sendmail--add (file from recipients wishes &rest keys)
  "Put the message FILE, FROM somebody to RECIPIENTS, into the outbox.
WISHES go before what its account says; KEYS are for `mew-submit-queue-add'."
  (let* ((fields (mew-submit-message-fields file))
         (account (mew-submit-extension-merge
                   ;; The relay may have been told by options how to send.
                   (if-let ((function
                             (bound-and-true-p
                              mew-submit-relay-account-function)))
                       (funcall function fields)
                     (mew-submit-request-account nil fields))
                   wishes)))
    (apply #'mew-submit-queue-add file :account account :settled t :from from
           :on-ask (bound-and-true-p mew-submit-relay-on-ask)
           :recipients (mew-submit-sendmail--recipients
                        (list :arguments recipients) nil)
           keys)))

;;;###autoload
(defun mew-submit-sendmail-take (file from recipients wishes)
  "Take the message FILE over: FROM, to RECIPIENTS, with WISHES.
This is for mew-submit-sendmail, which calls it in an Emacs server.  FILE is
renamed first, so that it is clear who has it.  Return (:id ID :directory
OUTBOX), or (:kind KIND :text TEXT) after giving it back."
  (let ((taken (concat file ".taken")))
    (condition-case err
        (progn
          (rename-file file taken)
          (condition-case err
              (list :id (mew-submit-background-run
                          (mew-submit-sendmail--add taken from recipients wishes))
                    :directory (expand-file-name mew-submit-outbox-directory))
            ((error quit)
             (rename-file taken file)
             (list :kind (mew-submit-error-kind err)
                   :text (mew-submit-error-text err)))))
      (file-error (list :kind "internal" :text (mew-submit-error-text err))))))

;;; Handing over

(defun mew-submit-sendmail--server ()
  "Return the name of an Emacs server that has mew-submit, or nil."
  (require 'server)
  (seq-find
   (lambda (name)
     (and (eq (ignore-errors (server-running-p name)) t)
          (mew-submit-sendmail--ask
           name '(and (fboundp 'mew-submit-sendmail-take) t))))
   (append (when-let ((name (getenv "EMACS_SOCKET_NAME")))
             (list name))
           mew-submit-sendmail-servers)))

(defun mew-submit-sendmail--ask (name form &optional file)
  "Return the value of FORM in the Emacs server NAME, or nil without an answer.
It has a limited time, and more of it once FILE, the message, was taken."
  (let ((start (float-time))
        (server-use-tcp nil)
        timer)
    (catch 'late
      (setq timer
            (run-at-time
             0.5 0.5
             (lambda ()
               (when (> (- (float-time) start)
                        (if (and file (not (file-exists-p file)))
                            mew-submit-sendmail--taken
                          mew-submit-sendmail--answer))
                 (throw 'late nil)))))
      (unwind-protect
          (ignore-errors (server-eval-at name form))
        (cancel-timer timer)))))

(defun mew-submit-sendmail--hand-over (name file options)
  "Hand the message FILE, with the envelope in OPTIONS, to the Emacs server NAME.
Return what `mew-submit-sendmail-take' does, or nil when it was not taken."
  (let* ((fields (mew-submit-message-fields file))
         (recipients (mew-submit-sendmail--recipients options fields))
         (form `(mew-submit-sendmail-take
                 ,file ,(plist-get options :from) ',recipients
                 ',(mew-submit-sendmail--wished options)))
         (answer (mew-submit-sendmail--ask name form file)))
    (cond (answer answer)
          ;; Take it back.  Who comes first has it.
          ((ignore-errors (rename-file file (concat file ".back")) t)
           (rename-file (concat file ".back") file)
           nil)
          (t (list :kind "internal" :lost t
                   :text (format "Emacs has taken the message and does not \
answer; it is in %s.taken or in the outbox" file))))))

;;; What became of it

(defun mew-submit-sendmail--logged (id directory)
  "Return the server's reply to the message ID in the log of DIRECTORY, or nil."
  (let ((file (expand-file-name "delivered.log" directory)))
    (ignore-errors
      (with-temp-buffer
        (let ((size (file-attribute-size (file-attributes file))))
          (insert-file-contents file nil (max 0 (- size 100000)) size))
        (goto-char (point-max))
        (when (search-backward (format "\"id\":\"%s\"" id) nil t)
          (let ((line (buffer-substring (line-beginning-position)
                                        (line-end-position))))
            (when (string-match "\"reply\":\"\\([^\"]*\\)\"" line)
              (match-string 1 line))))))))

(defun mew-submit-sendmail--settled-p (entry)
  "Is there something to tell of ENTRY, as it is on disk?"
  (or (null entry)
      (not (memq (plist-get entry :state) '(queued sending)))
      (and (eq (plist-get entry :state) 'queued)
           (> (plist-get entry :attempts) 0))))

(defun mew-submit-sendmail--watch (id directory)
  "Return the entry of the message ID in DIRECTORY when there is something to tell.
That is the one of that moment when the time is over; nil means delivered."
  (let ((deadline (+ (float-time) mew-submit-sendmail-wait))
        entry)
    (while (progn
             (setq entry (mew-submit-outbox-read id directory))
             (and (not (mew-submit-sendmail--settled-p entry))
                  (< (float-time) deadline)))
      (sleep-for 0.05))
    entry))

(defun mew-submit-sendmail--result-kind (entry)
  "Return the kind of end that ENTRY, which is not delivered, has come to."
  (pcase (plist-get entry :state)
    ('refused (let ((kind (plist-get entry :kind)))
                (if (member kind '(nil "ok" "deferred")) "refused" kind)))
    ('uncertain "uncertain")
    ('broken "internal")
    (_ "ok")))

(defun mew-submit-sendmail--tell (id directory entry options)
  "Tell what became of the message ID in DIRECTORY; return the exit status.
ENTRY is nil when it is delivered.  OPTIONS say whether success is told."
  (let ((kind (mew-submit-sendmail--result-kind entry)))
    (cond
     ((null entry)
      (when (plist-get options :verbose)
        (mew-submit-command-tell
         (format "delivered: %s" (or (mew-submit-sendmail--logged id directory)
                                     id))))
      0)
     ((equal kind "ok")
      (mew-submit-command-tell
       (format "queued as %s%s" id
               (if-let ((last (plist-get entry :last)))
                   (concat ": " (mew-submit-error-clean last))
                 "")))
      0)
     (t
      (mew-submit-command-tell
       (format "%s: %s  It is in the outbox as %s."
               (plist-get entry :state)
               (mew-submit-error-clean (or (plist-get entry :last) ""))
               id))
      (mew-submit-error-status kind)))))

;;; Sending here

(defvar mew-submit-sendmail--directory nil
  "The directory of the message, for the case that Emacs is told to stop.")

(defun mew-submit-sendmail--send (file options)
  "Send the message FILE from here, as OPTIONS say; return the exit status."
  (mew-submit-options-check-server options)
  (mew-submit-options-remember options)
  (let* ((fields (mew-submit-message-fields file))
         (account (mew-submit-extension-merge
                   (mew-submit-options-account options fields)
                   (mew-submit-sendmail--wished options)))
         (directory (expand-file-name mew-submit-outbox-directory))
         (id (mew-submit-queue-add
              file :account account :settled t :directory directory
              :from (plist-get options :from)
              :recipients (mew-submit-sendmail--recipients options fields)
              :on-done #'ignore
              :on-ask (mew-submit-options-on-ask options)))
         (deadline (+ (float-time) mew-submit-sendmail-wait)))
    (while (and (not (mew-submit-sendmail--settled-p
                      (mew-submit-outbox-read id directory)))
                (< (float-time) deadline))
      (accept-process-output nil 0.05))
    ;; What is still being sent has to come to an end: nobody goes on with it.
    (mew-submit-queue-wait id directory)
    (mew-submit-sendmail--tell id directory
                               (mew-submit-outbox-read id directory) options)))

(defun mew-submit-sendmail--deliver (file options)
  "Have the message FILE delivered, as OPTIONS say; return the exit status."
  (let* ((name (and (not (plist-get options :server))
                    (not (plist-get options :outbox))
                    (mew-submit-sendmail--server)))
         (taken (and name (mew-submit-sendmail--hand-over name file options)))
         (id (plist-get taken :id))
         (directory (plist-get taken :directory)))
    (cond
     (id (mew-submit-sendmail--tell id directory
                                    (mew-submit-sendmail--watch id directory)
                                    options))
     (taken
      (when (plist-get taken :lost)
        (setq mew-submit-sendmail--directory nil))
      (mew-submit-command-tell (plist-get taken :text))
      (mew-submit-error-status (plist-get taken :kind)))
     (t (mew-submit-sendmail--send file options)))))

(defun mew-submit-sendmail--clean-up ()
  "Delete the copy of the message."
  (when mew-submit-sendmail--directory
    (delete-directory mew-submit-sendmail--directory t)
    (setq mew-submit-sendmail--directory nil)))

(defun mew-submit-sendmail--mail (options)
  "Send standard input, as OPTIONS say; return the exit status."
  (mew-submit-module-ensure)
  (setq mew-submit-sendmail--directory (make-temp-file "mew-submit-" t))
  (add-hook 'kill-emacs-hook #'mew-submit-sendmail--clean-up 90)
  (unwind-protect
      (mew-submit-sendmail--deliver
       (mew-submit-sendmail--spool options mew-submit-sendmail--directory)
       options)
    (mew-submit-sendmail--clean-up)))

(defun mew-submit-sendmail--mode (options)
  "Do what OPTIONS want, with -b or without; return the exit status."
  (pcase (plist-get options :mode)
    ((or 'nil "m" "a") (mew-submit-sendmail--mail options))
    ((and (or "p" "q") mode)
     (setq command-line-args-left
           (append '("--") (and (equal mode "q") '("--flush"))))
     (mew-submit-batch-outbox)
     0)
    ("i" 0)                             ; newaliases: there is no such file
    ((or "s" "d" "D")
     (mew-submit-error-throw
      'usage nil "SMTP is spoken by mew-submit-batch-relay, not by this command"))
    (mode (mew-submit-error-throw 'usage nil "There is no mode -b%s" mode))))

(defun mew-submit-sendmail--run (args)
  "Do what ARGS say, and return the exit status."
  (condition-case err
      (let ((options (mew-submit-sendmail--parse args)))
        (if (plist-get options :help)
            (progn (mew-submit-command-print (mew-submit-sendmail--usage))
                   0)
          (when-let ((file (plist-get options :config)))
            (load file nil t t))
          (when-let ((directory (plist-get options :outbox)))
            (setq mew-submit-outbox-directory (expand-file-name directory)))
          (mew-submit-sendmail--mode options)))
    ((error quit)
     (mew-submit-command-tell (mew-submit-error-text err))
     (mew-submit-error-status (mew-submit-error-kind err)))))

;;;###autoload
(defun mew-submit-batch-sendmail ()
  "Send the message on standard input like sendmail(8), and leave Emacs.
The arguments behind \"--\" are sendmail's; README.org tells what the exit
status means."
  (mew-submit-command-run #'mew-submit-sendmail--run))

(provide 'mew-submit-sendmail)
;;; mew-submit-sendmail.el ends here
