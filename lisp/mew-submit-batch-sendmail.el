;;; mew-submit-batch-sendmail.el --- What sendmail(8) is elsewhere -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; For `sendmail-program', git's sendemail.sendmailCmd, mutt, cron ...:
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
(require 'mew-submit-alias)
(require 'mew-submit-batch-command)
(require 'mew-submit-batch-hand-over)
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-dispatch)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-known)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-batch-options)
(require 'mew-submit-parcel)
(require 'mew-submit-spool)
(require 'mew-submit-queue)
(require 'mew-submit-refusal)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-batch-sendmail-arguments)
(require 'seq)

(declare-function mew-submit--mod-read "ext:mew-submit-native" (fd))
(declare-function mew-submit--mod-spool "ext:mew-submit-native" (fd file))
(declare-function mew-submit-relay--stop "mew-submit-relay" ())
(declare-function mew-submit-relay--converse "mew-submit-relay" (read write))
(declare-function mew-submit-batch-outbox "mew-submit-batch-outbox" ())

(defvar mew-submit-relay--account-function)
(defvar mew-submit-relay--directory)
(defvar mew-submit-relay--on-ask)
(defvar mew-submit-relay-wait)

(defcustom mew-submit-sendmail-wait 20
  "Seconds for which mew-submit-sendmail waits for the real server's answer.
The default is 20.  After that it says that the message is in the outbox, which
counts as success, as it does with sendmail."
  :type 'number
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0"))

;;; The message

(defun mew-submit-batch-sendmail--cut (file)
  "Cut FILE off at a line with a dot alone, as sendmail does without -i."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert-file-contents-literally file)
    (when (re-search-forward "^\\.\r?$" nil t)
      (let ((coding-system-for-write 'no-conversion))
        (write-region (point-min) (match-beginning 0) file nil 'silent)))))

(defun mew-submit-batch-sendmail--phrase (name)
  "Return NAME as it stands before an address."
  (let ((name (replace-regexp-in-string "[\0-\37\177]" " " name)))
    (cond ((string-match-p "\\`[[:alnum:] '-]*\\'" (encode-coding-string name 'utf-8))
           name)
          ((mew-submit-caseless--exactly-p "\\`[[:ascii:]]*\\'" name)
           (format "\"%s\"" (replace-regexp-in-string "[\\\"]" "\\\\\\&" name)))
          ;; No encoded word has more than 75 characters (RFC 2047, section 2).
          (t (mapconcat (lambda (chars)
                          (format "=?UTF-8?B?%s?="
                                  (base64-encode-string
                                   (encode-coding-string (concat chars) 'utf-8)
                                   t)))
                        (seq-partition name 10) "\n ")))))

(defun mew-submit-batch-sendmail--known-address (options)
  "Return the sender's address that OPTIONS or the user's settings have, or nil.
An address that Emacs has made of the name of this machine is none."
  (let ((from (plist-get options :from)))
    (cond ((not (member from '(nil ""))) from)
          ((string-match-p "@.*[.]" (or user-mail-address ""))
           user-mail-address))))

(defun mew-submit-batch-sendmail--sender (options account)
  "Return (VALUE . ADDRESS) of a From field for a message that has none.
OPTIONS and ACCOUNT, which may be nil, tell it."
  (let ((address (mew-submit-account--qualify
                  account (or (mew-submit-batch-sendmail--known-address options)
                              (user-login-name))))
        (name (string-trim (or (plist-get options :name) ""))))
    (cons (if (not (string-empty-p name))
              (format "%s <%s>" (mew-submit-batch-sendmail--phrase name) address)
            address)
          address)))

(defun mew-submit-batch-sendmail--complete (file fields options account)
  "Add to the message FILE with FIELDS what it lacks, as sendmail does.
OPTIONS and ACCOUNT, which may be nil, tell who sends it."
  (let* ((sender (mew-submit-batch-sendmail--sender options account))
         (fields (mew-submit-request--with-sender
                  file (mew-submit-request--with-domain file fields account)
                  account (plist-get options :from)))
         (author (ignore-errors (mew-submit-message--author fields))))
    (mew-submit-message--complete
     file fields (mew-submit-account--qualify account (or author (cdr sender)))
     (car sender))))

(defconst mew-submit-batch-sendmail--room (* 64 1024 1024)
  "How many octets there should be for a message that is not known yet.")

(defun mew-submit-batch-sendmail--available (directory)
  "Return how many octets can be put into DIRECTORY, nil for one that is not there."
  (and directory (file-directory-p directory) (file-writable-p directory)
       (or (nth 2 (ignore-errors (file-system-info directory)))
           mew-submit-batch-sendmail--room)))

(defun mew-submit-batch-sendmail--make-directory ()
  "Make a directory for the message where there is room, and return its name.
TMPDIR may be full, or gone with the session that it was for."
  (let ((temporary-file-directory temporary-file-directory)
        (room (or (mew-submit-batch-sendmail--available temporary-file-directory) -1)))
    (when (< room mew-submit-batch-sendmail--room)
      (dolist (directory (list "/tmp/" (ignore-errors
                                         (mew-submit-spool--prepare
                                          mew-submit-outbox-directory))))
        (let ((available (mew-submit-batch-sendmail--available directory)))
          (when (and available (> available room))
            (setq temporary-file-directory directory
                  room available)))))
    (make-temp-file "mew-submit-" t)))

(defun mew-submit-batch-sendmail--copy (file)
  "Copy standard input into the new FILE, also without a module to do it."
  (cond ((fboundp 'mew-submit--mod-spool)
         (mew-submit--mod-spool 0 (mew-submit-module--octets-name file)))
        ((not (eql 0 (call-process "cat" "/dev/stdin" (list :file file))))
         (mew-submit-error--throw 'internal nil "cat could not read it"))))

(defun mew-submit-batch-sendmail--spool (options directory)
  "Put standard input into a file in DIRECTORY; return its name.
OPTIONS say how."
  (let ((file (expand-file-name "message" directory)))
    (condition-case err
        (mew-submit-batch-sendmail--copy file)
      ((file-error mew-submit-internal)
       (mew-submit-error--throw 'deferred nil "Nothing was kept.  %s"
                                (mew-submit-error--text err))))
    (unless (plist-get options :dots)
      (mew-submit-batch-sendmail--cut file))
    (when (zerop (file-attribute-size (file-attributes file)))
      (mew-submit-error--throw 'message nil
                               "The message on standard input is empty"))
    file))

;;; Recipients

(defun mew-submit-batch-sendmail--recipients (options fields &optional account)
  "Return the recipients that OPTIONS, and with -t FIELDS, name.
An argument may be a list of addresses.  ACCOUNT is what the mail goes by."
  (or (delete-dups
       (mapcan (lambda (address) (mew-submit-alias--expand address account))
               (append (mapcan #'mew-submit-address--parse (plist-get options :arguments))
                       (and (plist-get options :header)
                            (mew-submit-message--recipients fields)))))
      (mew-submit-error--throw 'usage nil
                               (if (plist-get options :header)
                                   "No recipient: To, Cc and Bcc name nobody"
                                 "No recipient: name one, or use -t"))))

(defun mew-submit-batch-sendmail--wished (options)
  "Return the part of OPTIONS that is for any account."
  (cl-loop for (key value) on options by #'cddr
           when (and value (mew-submit-extension--key-p key))
           append (list key (if (eq value t) 'yes value))))

(defun mew-submit-batch-sendmail--way-p (options)
  "Do OPTIONS say by which way the message is to go?"
  (seq-some (pcase-lambda (`(,_ ,key . ,_))
              (and (plist-get options key)
                   (not (mew-submit-extension--key-p key))))
            mew-submit-batch-options--rows))

;;; Into the outbox

(defun mew-submit-batch-sendmail--ordered (fields options)
  "Return FIELDS with those that flags in OPTIONS stand for instead of their own."
  (let* ((name (plist-get options :account))
         (holds (or (plist-get options :hold-for) (plist-get options :hold-until)))
         (orders (mew-submit-message--fields-of-text
                  (concat (and name (format "X-Mew-Submit-Account: %s\n" name))
                          (mew-submit-extension--text
                           (mew-submit-batch-sendmail--wished options))))))
    (append orders
            (seq-remove (lambda (field)
                          (or (assoc (car field) orders)
                              (and holds
                                   (string-prefix-p "x-mew-submit-hold-" (car field)))))
                        fields))))

(defun mew-submit-batch-sendmail--chosen-by (fields options)
  "Return FIELDS with what OPTIONS tell of the account to choose.
That is its name, and who sends a message whose From chooses none."
  (let ((address (mew-submit-batch-sendmail--known-address options))
        (fields (mew-submit-request--sent-by
                 (mew-submit-batch-sendmail--ordered fields options)
                 (plist-get options :from))))
    (if (or (null address) (mew-submit-message--sender fields))
        fields
      (append fields
              (mew-submit-message--fields-of-text (format "From: %s\n" address))))))

(defun mew-submit-batch-sendmail--named (options fields)
  "Return OPTIONS with the name that stands for an address in From of FIELDS."
  (let* ((from (assoc "from" fields))
         (name (and from (mew-submit-message--mere-name from))))
    (if (or (member name '(nil "")) (plist-get options :name))
        options
      (append (list :name name) options))))

(defun mew-submit-batch-sendmail--add (file options choose keys)
  "Put the message FILE into the outbox, to be sent as OPTIONS say.
CHOOSE returns the account for the fields it is called with; KEYS are for
`mew-submit-queue--add'."
  (let* ((fields (mew-submit-message--handed-over file))
         (options (mew-submit-batch-sendmail--named options fields))
         (account (mew-submit-extension--merge
                   (funcall choose
                            (mew-submit-batch-sendmail--chosen-by
                             (mew-submit-message--filled fields '("from")) options))
                   (mew-submit-batch-sendmail--wished options)))
         (recipients (mew-submit-batch-sendmail--recipients options fields account)))
    (mew-submit-batch-sendmail--complete file fields options account)
    (apply #'mew-submit-queue--add file :account account :settled t
           :from (plist-get options :from) :recipients recipients keys)))

(defun mew-submit-batch-sendmail--said (options fields)
  "Return the recipients that OPTIONS and FIELDS name, for what is only kept.
What is no address stays as it was said."
  (delete-dups
   (mapcan (lambda (address)
             (if (string-match-p "\\`[[:alnum:]_.-]+\\(?:@[[:alnum:].-]+\\)?\\'" address)
                 (mew-submit-alias--expand address nil)
               (list address)))
           (append (mew-submit-message--said (plist-get options :arguments))
                   (and (plist-get options :header)
                        (mew-submit-message--recipients-said fields))))))

(defun mew-submit-batch-sendmail--way (options)
  "Return what OPTIONS say of the way, as it may be on disk, the password unread."
  (let ((file (plist-get options :password-file))
        (other (plist-put (copy-sequence options) :password-file nil)))
    (append (ignore-errors (mew-submit-batch-options--applied other nil))
            ;; A pipe could not be read again later; why mail is held may be a file's name.
            (and file (or (mew-submit-module--regular-p file) (not (file-exists-p file)))
                 (list :password-file (expand-file-name file))))))

(defun mew-submit-batch-sendmail--hold (file options err)
  "Put the message FILE into the outbox, where it waits for the user.
It cannot be sent as OPTIONS say because of ERR.  Its account is chosen when it
is sent, and what they say of the way is in its :way."
  (let ((directory (mew-submit-spool--prepare mew-submit-outbox-directory)))
    (mew-submit-batch-sendmail--complete file (mew-submit-message--handed-over file)
                                         options
                                         (ignore-errors (mew-submit-account--default)))
    (let* ((fields (mew-submit-message--fields file))
           (entry (mew-submit-spool--add
                   file fields directory
                   (list :state 'held :next nil :created (float-time) :attempts 0
                         :from (plist-get options :from)
                         :recipients
                         (mew-submit-batch-sendmail--said options fields)
                         :subject (ignore-errors
                                    (mew-submit-message--subject fields))
                         :message-id (mew-submit-message--id fields)
                         :private (mew-submit-message--private-text
                                   (mew-submit-batch-sendmail--ordered fields options))
                         :way (mew-submit-batch-sendmail--way options)
                         :kind (mew-submit-error--kind err)
                         :last (mew-submit-error--text err)))))
      (mew-submit-known--refresh directory)
      (plist-get entry :id))))

(defun mew-submit-batch-sendmail--enter (file options choose &rest keys)
  "Put the message FILE into the outbox, sent or held; return what became of it.
It is a plist with :id and :directory, and with :kind and :text of what prevents
it from being sent.  Nothing that was handed over goes away for that: only who
has an account of their :own, as OPTIONS say, gets back what there is none for
here.  CHOOSE and KEYS are as for `mew-submit-batch-sendmail--add'."
  (append
   (condition-case err
       (list :id (mew-submit-batch-sendmail--add file options choose keys))
     (error
      (when (and (plist-get options :own)
                 (equal (mew-submit-error--kind err) "config"))
        (signal (car err) (cdr err)))
      (list :id (mew-submit-batch-sendmail--hold file options err)
            :kind (mew-submit-error--kind err)
            :text (mew-submit-error--text err))))
   (list :directory (expand-file-name mew-submit-outbox-directory))))

(defun mew-submit-batch-sendmail--choose (fields)
  "Return the account of this Emacs for a message with FIELDS."
  ;; The relay may have been told by options how to send.
  (if-let* ((function (bound-and-true-p mew-submit-relay--account-function)))
      (funcall function fields)
    (mew-submit-request--account nil fields)))

;;;###autoload
(defun mew-submit-sendmail-take (file options)
  "Take the message FILE over, to be sent as OPTIONS say.
This is for mew-submit-sendmail, which calls it in an Emacs server.  FILE is
renamed first, so that it is clear who has it.  Return what
`mew-submit-batch-sendmail--enter' does, or only :kind and :text after giving it
back."
  (let ((taken (concat file ".taken")))
    (condition-case err
        (progn
          (rename-file file taken)
          (condition-case err
              (mew-submit-background--run
                (mew-submit-batch-sendmail--enter
                 taken options #'mew-submit-batch-sendmail--choose
                 :on-ask (bound-and-true-p mew-submit-relay--on-ask)))
            ((error quit)
             (rename-file taken file)
             (list :kind (mew-submit-error--kind err)
                   :text (mew-submit-error--text err)))))
      (file-error (list :kind "internal" :text (mew-submit-error--text err))))))

(defun mew-submit-batch-sendmail--order (options)
  "Return the part of OPTIONS that another Emacs needs to send a message.
It may know of no account, where the user has told the shell commands of one."
  (append
   (and (or mew-submit-accounts (bound-and-true-p smtpmail-smtp-server))
        (not (plist-get options :wrong))
        '(:own t))
   (cl-loop for (key value) on options by #'cddr
            when (and value (memq key '(:from :name :account :header :arguments)))
            append (list key value))
   (mew-submit-batch-sendmail--wished options)))

;;; What became of it

(defun mew-submit-batch-sendmail--logged (id directory)
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

(defun mew-submit-batch-sendmail--settled-p (entry)
  "Is there something to tell of ENTRY, as it is on disk?"
  (or (null entry)
      (not (memq (plist-get entry :state) '(queued sending)))
      (and (eq (plist-get entry :state) 'queued)
           (> (plist-get entry :attempts) 0))))

(defun mew-submit-batch-sendmail--entry (id directory)
  "Return the entry of the message ID in DIRECTORY; nil means delivered.
What could not be put on disk is known here alone, if it was sent here."
  (let ((known (mew-submit-known--entry id directory)))
    (if (and known (mew-submit-parcel-unsaved (mew-submit-known--parcel known)))
        known
      (mew-submit-spool--read id directory))))

(defun mew-submit-batch-sendmail--watch (id directory here)
  "Return the entry of the message ID in DIRECTORY when there is something to tell.
That is the one of that moment when the time is over; nil means delivered.  With
HERE non-nil it is sent here."
  (let ((deadline (+ (float-time) mew-submit-sendmail-wait))
        entry)
    (while (progn
             (setq entry (mew-submit-batch-sendmail--entry id directory))
             (and (not (mew-submit-batch-sendmail--settled-p entry))
                  (not (and here (null (mew-submit-known--entry id directory))))
                  (< (float-time) deadline)))
      (accept-process-output nil 0.05))
    ;; What is still being sent here has to come to an end: nobody goes on with it.
    (when (and here (mew-submit-queue--wait id directory))
      (setq entry (mew-submit-batch-sendmail--entry id directory)))
    ;; What is delivered is no longer known, even where it cannot be removed.
    (and (or (not here) (mew-submit-known--entry id directory))
         entry)))

(defun mew-submit-batch-sendmail--result-kind (entry)
  "Return the kind of end that ENTRY, which is not delivered, has come to."
  (pcase (plist-get entry :state)
    ('refused (let ((kind (plist-get entry :kind)))
                (if (member kind '(nil "ok" "deferred")) "refused" kind)))
    ('uncertain "uncertain")
    ('broken "internal")
    (_ "ok")))

(defun mew-submit-batch-sendmail--why (entry last)
  "Return LAST, what was last said of ENTRY, and what to do about it."
  (let ((last (mew-submit-error--clean last))
        (to-do (mew-submit-refusal--to-do entry)))
    (if to-do
        (mew-submit-report--sentences (mew-submit-report--sentence last)
                                      (mew-submit-refusal--meant entry) to-do)
      last)))

(defun mew-submit-batch-sendmail--tell (id directory entry options)
  "Tell what became of the message ID in DIRECTORY; return the exit status.
ENTRY is nil when it is delivered.  OPTIONS say whether success is told."
  (let ((kind (mew-submit-batch-sendmail--result-kind entry)))
    (cond
     ((null entry)
      (when (plist-get options :verbose)
        (mew-submit-batch-command--tell
         (format "delivered: %s" (or (mew-submit-batch-sendmail--logged id directory)
                                     id))))
      0)
     ((equal kind "ok")
      (mew-submit-batch-command--tell
       (format "queued as %s%s" id
               (if-let* ((last (plist-get entry :last)))
                   (concat ": " (mew-submit-batch-sendmail--why entry last))
                 "")))
      0)
     (t
      (mew-submit-batch-command--tell
       (format "%s: %s  It is in the outbox as %s."
               (plist-get entry :state)
               (mew-submit-report--sentence
                (mew-submit-batch-sendmail--why entry (or (plist-get entry :last) "")))
               id))
      (mew-submit-error--status kind)))))

;;; Sending here

(defvar mew-submit-batch-sendmail--directory nil
  "The directory of the message, for the case that Emacs is told to stop.")

(defvar mew-submit-batch-sendmail--handed nil
  "The file of the message while another Emacs may take it, or nil.")

(defvar mew-submit-batch-sendmail--entered nil
  "(ID DIRECTORY OPTIONS) of the message once it is in an outbox, or nil.")

(defun mew-submit-batch-sendmail--enter-here (file options)
  "Put the message FILE into the outbox of this process, as OPTIONS say."
  (mew-submit-batch-options--remember options)
  (mew-submit-batch-sendmail--enter
   file options
   (lambda (fields)
     (when-let* ((wrong (plist-get options :wrong)))
       (signal (car wrong) (cdr wrong)))
     (mew-submit-batch-options--check-server options)
     (mew-submit-batch-options--account options fields))
   :on-done #'ignore :on-ask (mew-submit-batch-options--on-ask options)))

(defun mew-submit-batch-sendmail--dead-letter (file err)
  "Put the message FILE, which nobody can take because of ERR, into ~/dead.letter.
Return what tells where it is."
  (let ((letter (expand-file-name "~/dead.letter"))
        (create-lockfiles nil)
        (write-region-inhibit-fsync nil)
        (coding-system-for-write 'no-conversion))
    (list :kind (mew-submit-error--kind err)
          :text
          (format
           "%s%s  The message is in %s."
           (mew-submit-report--sentence (mew-submit-error--text err))
           ;; PHP's user has a home that is not its own.
           (if (file-accessible-directory-p mew-submit-outbox-directory)
               ""
             "  Name an outbox that can be made: --outbox DIRECTORY.")
           (condition-case nil
               (with-temp-buffer
                 (set-buffer-multibyte nil)
                 (insert (format "From MAILER-DAEMON %s\n"
                                 (let ((system-time-locale "C"))
                                   (format-time-string "%a %b %e %T %Y" nil t))))
                 (insert-file-contents-literally file)
                 (goto-char (point-max))
                 (insert "\n")
                 (with-file-modes #o600
                   (write-region nil nil letter t 'silent))
                 letter)
             (error (setq mew-submit-batch-sendmail--directory nil)
                    file))))))

(defun mew-submit-batch-sendmail--deliver (file options)
  "Have the message FILE delivered, as OPTIONS say; return the exit status."
  (let* ((server (and (not (plist-get options :outbox))
                      (not (mew-submit-batch-sendmail--way-p options))
                      ;; Who cannot look for one sends it here.
                      (ignore-errors (mew-submit-batch-hand-over--server))))
         (there (when server
                  (setq mew-submit-batch-sendmail--handed file)
                  (prog1 (mew-submit-batch-hand-over--give
                          server file (mew-submit-batch-sendmail--order options))
                    (setq mew-submit-batch-sendmail--handed nil))))
         (entered (or there
                      (condition-case err
                          (mew-submit-batch-sendmail--enter-here file options)
                        (error (mew-submit-batch-sendmail--dead-letter file err)))))
         (id (plist-get entered :id))
         (directory (plist-get entered :directory)))
    (cond
     ((plist-get entered :kind)
      (when (plist-get entered :lost)
        (setq mew-submit-batch-sendmail--directory nil))
      (mew-submit-batch-command--tell
       (concat (mew-submit-report--sentence (plist-get entered :text))
               (and id (format "  It is held in the outbox as %s%s." id
                               (if (and (equal (plist-get entered :kind) "config")
                                        (getenv "MEW_SUBMIT_COMMAND"))
                                   (format "; when that is corrected, mew-submit outbox \
--retry %s sends it" id)
                                 "")))))
      (mew-submit-error--status (plist-get entered :kind)))
     (t
      (setq mew-submit-batch-sendmail--entered (list id directory options))
      (mew-submit-batch-sendmail--tell
       id directory
       (condition-case err
           (mew-submit-batch-sendmail--watch id directory (not there))
         ;; It is in the outbox, whatever fails from now on.
         (error (list :state 'queued :last (mew-submit-error--text err))))
       options)))))

(defun mew-submit-batch-sendmail--clean-up ()
  "Delete the copy of the message."
  (when mew-submit-batch-sendmail--directory
    (mew-submit-batch-command--clean-up #'delete-directory
                                        mew-submit-batch-sendmail--directory t)
    (setq mew-submit-batch-sendmail--directory nil)))

(defun mew-submit-batch-sendmail--tell-stopped ()
  "Tell what has become of the message so far; return the exit status."
  (mew-submit-dispatch--leave)
  (if-let* ((entered (or mew-submit-batch-sendmail--entered
                         ;; It is there before that is known here: gpg is waited for then.
                         (when-let* ((entry (car (mew-submit-known--entries))))
                           (list (plist-get entry :id) (plist-get entry :directory) nil)))))
      (pcase-let* ((`(,id ,directory ,options) entered)
                   (entry (mew-submit-batch-sendmail--entry id directory)))
        (mew-submit-batch-sendmail--tell
         id directory
         (if (eq (plist-get entry :state) 'queued)
             (mew-submit-spool--with entry :last "Told to stop before it was sent")
           entry)
         options))
    (let ((lost (and mew-submit-batch-sendmail--handed
                     (mew-submit-batch-hand-over--take-back
                      mew-submit-batch-sendmail--handed))))
      (when lost
        (setq mew-submit-batch-sendmail--directory nil))
      (mew-submit-batch-command--tell
       (or (plist-get lost :text) "Told to stop: nothing was kept"))
      (mew-submit-error--status (or (plist-get lost :kind) "cancelled")))))

(defun mew-submit-batch-sendmail--interrupted ()
  "End Emacs, which was told to, with the status of the message as it is now.
This is on `kill-emacs-hook'."
  (remove-hook 'kill-emacs-hook #'mew-submit-batch-sendmail--interrupted)
  (kill-emacs (mew-submit-batch-command--ended
               (condition-case err
                   (mew-submit-batch-sendmail--tell-stopped)
                 (error (mew-submit-batch-command--fail err))))))

(defun mew-submit-batch-sendmail--prepare (options)
  "Get ready to send a message as OPTIONS say; return them.
What is wrong then is in :wrong: the message is held because of that."
  (condition-case err
      (progn (mew-submit-batch-command--ensure-module)
             options)
    (mew-submit-config (plist-put options :wrong err))))

(defun mew-submit-batch-sendmail--mail (options)
  "Send standard input, as OPTIONS say; return the exit status."
  (unless (or (plist-get options :arguments) (plist-get options :header))
    (mew-submit-error--throw 'usage nil "No recipient: name one, or use -t"))
  (setq options (mew-submit-batch-sendmail--prepare options)
        mew-submit-batch-sendmail--directory (mew-submit-batch-sendmail--make-directory))
  (add-hook 'kill-emacs-hook #'mew-submit-batch-sendmail--clean-up 90)
  (mew-submit-batch-command--watch-over #'mew-submit-batch-sendmail--interrupted)
  (unwind-protect
      (mew-submit-batch-sendmail--deliver
       (mew-submit-batch-sendmail--spool options mew-submit-batch-sendmail--directory)
       options)
    (mew-submit-batch-sendmail--clean-up)))

;;; Other modes

(defun mew-submit-batch-sendmail--hang-up ()
  "Tell the client what is true, and end Emacs, which was told to.
This is on `kill-emacs-hook'."
  (remove-hook 'kill-emacs-hook #'mew-submit-batch-sendmail--hang-up)
  (mew-submit-relay--stop)
  (mew-submit-dispatch--leave)
  (kill-emacs (mew-submit-batch-command--ended 0)))

(defun mew-submit-batch-sendmail--speak (options)
  "Speak SMTP with standard input and output, with mail sent as OPTIONS say.
Return the exit status.  Some programs know no other way."
  (require 'mew-submit-relay)
  (mew-submit-batch-command--ensure-module)
  (mew-submit-batch-options--remember options)
  (setq mew-submit-relay-wait mew-submit-sendmail-wait
        mew-submit-relay--directory
        (mew-submit-spool--prepare mew-submit-outbox-directory)
        mew-submit-relay--on-ask (mew-submit-batch-options--on-ask options)
        mew-submit-relay--account-function
        (lambda (fields)
          (mew-submit-batch-options--check-server options)
          (mew-submit-batch-options--account options fields)))
  (mew-submit-batch-command--watch-over #'mew-submit-batch-sendmail--hang-up)
  (mew-submit-relay--converse (lambda () (mew-submit--mod-read 0))
                              #'mew-submit-batch-command--print)
  ;; What is still being sent has to come to an end: nobody goes on with it.
  (while (mew-submit-known--running)
    (accept-process-output nil 0.05))
  0)

(defun mew-submit-batch-sendmail--verify (options)
  "Tell on standard output what becomes of the addresses in OPTIONS.
Return the exit status."
  (let ((account (condition-case nil
                     (mew-submit-batch-options--account options nil)
                   (mew-submit-config nil)))
        (status 0))
    (dolist (argument (or (plist-get options :arguments)
                          (mew-submit-error--throw 'usage nil "No address: name one")))
      (condition-case err
          (dolist (name (mew-submit-address--parse argument))
            (dolist (address (mew-submit-alias--expand name account))
              (mew-submit-batch-command--print
               (encode-coding-string
                (format "%s... deliverable: mailer mew-submit, host %s, user %s\n"
                        name (or (plist-get account :server) "unknown")
                        (mew-submit-address--check address))
                'utf-8))))
        (mew-submit-error
         (setq status (mew-submit-error--status (mew-submit-error--kind err)))
         (mew-submit-batch-command--print
          (encode-coding-string
           (mew-submit-error--clean
            (format "%s... undeliverable: %s" argument (mew-submit-error--text err)))
           'utf-8))
         (mew-submit-batch-command--print "\n"))))
    status))

(defun mew-submit-batch-sendmail--mode (options)
  "Do what OPTIONS want, with -b or without; return the exit status."
  (pcase (plist-get options :mode)
    ((or 'nil "m" "a") (mew-submit-batch-sendmail--mail options))
    ((and (or "p" "q") mode)
     (setq command-line-args-left
           (append '("--") (and (equal mode "q") '("--flush"))))
     (mew-submit-batch-outbox)
     0)
    ("i" 0)                             ; newaliases: there is no such file
    ("s" (mew-submit-batch-sendmail--speak options))
    ("v" (mew-submit-batch-sendmail--verify options))
    ((or "d" "D")
     (mew-submit-error--throw
      'usage nil "What listens for SMTP is mew-submit-batch-relay, not this command"))
    (mode (mew-submit-error--throw 'usage nil "There is no mode -b%s" mode))))

(defun mew-submit-batch-sendmail--configured (options)
  "Load the file of accounts that OPTIONS name, and return OPTIONS.
One that is wrong loses no message: it is in :wrong then, and for all else an
error."
  (condition-case err
      (when-let* ((file (plist-get options :config)))
        (mew-submit-batch-command--load file))
    (mew-submit-config
     (if (member (plist-get options :mode) '(nil "m" "a"))
         (setq options (plist-put options :wrong err))
       (signal (car err) (cdr err)))))
  options)

(defun mew-submit-batch-sendmail--serve (options)
  "Do what OPTIONS say, and return the exit status."
  (setq options (mew-submit-batch-sendmail--configured options))
  (when-let* ((directory (plist-get options :outbox)))
    (setq mew-submit-outbox-directory (expand-file-name directory)))
  (mew-submit-batch-sendmail--mode options))

(defun mew-submit-batch-sendmail--run (args)
  "Do what ARGS say, and return the exit status."
  (mew-submit-batch-command--do args #'mew-submit-batch-sendmail-arguments--parse
                                #'mew-submit-batch-sendmail-arguments--usage
                                #'mew-submit-batch-sendmail--serve))

;;;###autoload
(defun mew-submit-batch-sendmail ()
  "Send the message on standard input like sendmail(8), and leave Emacs.
The arguments behind \"--\" are sendmail's; the manual tells what the exit
status means."
  (mew-submit-batch-command--run #'mew-submit-batch-sendmail--run))

(provide 'mew-submit-batch-sendmail)
;;; mew-submit-batch-sendmail.el ends here
