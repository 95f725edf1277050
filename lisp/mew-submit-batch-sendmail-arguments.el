;;; mew-submit-batch-sendmail-arguments.el --- The arguments of sendmail(8) -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what the programs that call sendmail(8) write on its command line: flags with
;; values beside or behind them, those of other mail servers, and long options of ours.
;; What comes of them is a plist; what is done by it is mew-submit-batch-sendmail.el's.

;;; Code:

(require 'mew-submit-address)
(require 'mew-submit-batch-command)
(require 'mew-submit-batch-options)
(require 'mew-submit-error)
(require 'seq)

(defconst mew-submit-batch-sendmail-arguments--with-value "BCFLNORVXafhopr"
  "The flags that have a value, in the same argument or the next.
They are those of sendmail, and -a of msmtp.")

(defconst mew-submit-batch-sendmail-arguments--exim
  '("Ma" "Maa" "Mai" "Mas" "Mi" "Mm" "Mr" "Ms" "Mt")
  "What stands behind -o in flags of Exim whose value is the next argument.")

(defconst mew-submit-batch-sendmail-arguments--attached "bdqeA"
  "The flags whose value is in the same argument or not there.")

(defconst mew-submit-batch-sendmail-arguments--options
  (append mew-submit-batch-options--rows
          '(("--from" :from "ADDRESS" "the same as -f")
            ("--account" :account "NAME" "the same as -a")
            ("--read-recipients" :header nil "the same as -t")
            ("--read-envelope-from" :read-from nil "as it is without -f anyway")
            ("--outbox" :outbox "DIRECTORY" "instead of \
mew-submit-outbox-directory")
            ("--config" :config "FILE" "Lisp to load first, such as your \
accounts")
            ("--help" :help nil "this text")))
  "Our own options, and some of msmtp, which may stand among sendmail's.")

(defun mew-submit-batch-sendmail-arguments--bare (value)
  "Return the address in VALUE, such as \"<a@example.org>\" or \"a@example.org (Me)\"."
  (let ((text (string-trim value)))
    (cond ((string-suffix-p "<>" text) "")
          ((condition-case nil
               (pcase (mew-submit-address--parse text)
                 (`(,address) address))
             (mew-submit-message nil)))
          (t text))))

(defun mew-submit-batch-sendmail-arguments--set (options flag value)
  "Return OPTIONS with what FLAG, a character, and VALUE, or nil, mean.
What sendmail knows and has no meaning here is ignored."
  (pcase flag
    ((or ?f ?r) (plist-put options :from (mew-submit-batch-sendmail-arguments--bare value)))
    (?F (plist-put options :name value))
    (?a (plist-put options :account value))
    (?t (plist-put options :header t))
    (?i (plist-put options :dots t))
    (?N (plist-put options :dsn-notify
                   (mew-submit-extension--value :dsn-notify value "-N" 'usage)))
    (?R (plist-put options :dsn-return
                   (mew-submit-extension--value :dsn-return value "-R" 'usage)))
    (?V (plist-put options :dsn-id
                   (mew-submit-extension--value :dsn-id value "-V" 'usage)))
    (?C (plist-put options :config (expand-file-name value)))
    (?b (plist-put options :mode (if (equal value "") "m" value)))
    (?q (plist-put options :mode "q"))
    (?v (plist-put options :verbose t))
    (?o (mew-submit-batch-sendmail-arguments--option options value))
    (?O (mew-submit-batch-sendmail-arguments--long-option options value))
    (_ options)))

(defun mew-submit-batch-sendmail-arguments--option (options value)
  "Return OPTIONS with what VALUE of -o means."
  (if (string-prefix-p "i" value)
      (plist-put options :dots t)
    options))

(defun mew-submit-batch-sendmail-arguments--long-option (options value)
  "Return OPTIONS with what VALUE of -O, such as \"IgnoreDots=true\", means."
  (if (string-match-p "\\`IgnoreDots\\(?:=[Tt]\\|\\'\\)" value)
      (plist-put options :dots t)
    options))

(defun mew-submit-batch-sendmail-arguments--flags (arg args options)
  "Return (OPTIONS . REST) after ARG, which begins with a dash, and ARGS."
  (let ((i 1))
    (while (< i (length arg))
      (let* ((flag (aref arg i))
             (rest (substring arg (1+ i))))
        (cond
         ((string-search (string flag) mew-submit-batch-sendmail-arguments--with-value)
          (let ((value (cond ((not (string-empty-p rest)) rest)
                             (args (pop args))
                             (t (mew-submit-error--throw
                                 'usage nil "-%c needs an argument" flag)))))
            (when (and (eq flag ?o) (member value mew-submit-batch-sendmail-arguments--exim))
              (pop args))
            (setq options (mew-submit-batch-sendmail-arguments--set options flag value)
                  i (length arg))))
         ((string-search (string flag) mew-submit-batch-sendmail-arguments--attached)
          (setq options (mew-submit-batch-sendmail-arguments--set options flag rest)
                i (length arg)))
         (t (setq options (mew-submit-batch-sendmail-arguments--set options flag nil)
                  i (1+ i))))))
    (cons options args)))

(defun mew-submit-batch-sendmail-arguments--value (name key value)
  "Return VALUE of option NAME, whose key is KEY, checked and converted."
  (if (eq key :from)
      (mew-submit-batch-sendmail-arguments--bare value)
    (mew-submit-batch-options--value name key value)))

(defun mew-submit-batch-sendmail-arguments--long (arg args options)
  "Return (OPTIONS . REST) after ARG, an option with two dashes, and ARGS."
  (let* ((parts (and (string-match "\\`\\(--[^=]+\\)=?" arg)
                     (assoc (match-string 1 arg)
                            mew-submit-batch-sendmail-arguments--options)))
         (count (if (and parts (nth 2 parts) (not (string-search "=" arg)))
                    2
                  1))
         (parsed (mew-submit-batch-command--parse
                  (seq-take (cons arg args) count)
                  mew-submit-batch-sendmail-arguments--options
                  #'mew-submit-batch-sendmail-arguments--value)))
    (cl-loop for (key value) on parsed by #'cddr
             unless (eq key :arguments)
             do (setq options (plist-put options key value)))
    (cons options (nthcdr (1- count) args))))

(defun mew-submit-batch-sendmail-arguments--parse (args)
  "Return the options in ARGS as a plist, with the recipients in :arguments."
  (let (options recipients)
    (while args
      (let ((arg (pop args)))
        (cond
         ((equal arg "--") (setq recipients (append (reverse args) recipients)
                                 args nil))
         ((string-prefix-p "--" arg)
          (pcase-setq `(,options . ,args)
                      (mew-submit-batch-sendmail-arguments--long arg args options)))
         ((and (string-prefix-p "-" arg) (> (length arg) 1))
          (pcase-setq `(,options . ,args)
                      (mew-submit-batch-sendmail-arguments--flags arg args options)))
         (t (push arg recipients)))))
    (mew-submit-batch-options--check options)
    (when (and (plist-get options :account) (plist-get options :server))
      (mew-submit-error--throw
       'usage nil "-a or --account, and --server exclude each other: the account names a server"))
    (plist-put options :arguments (nreverse recipients))))

(defun mew-submit-batch-sendmail-arguments--usage ()
  "Return the text for --help."
  (concat
   "usage: mew-submit-sendmail [sendmail's flags] [options] RECIPIENT... \
< message\n"
   "  -t recipients from the header   -f ADDRESS envelope sender   -F NAME \
in From\n"
   "  -i, -oi a dot alone is no end   -N -R -V delivery notifications   -C \
FILE as --config\n"
   "  -a NAME that of your accounts, whoever the sender is, as with msmtp\n"
   "  -bp lists the outbox, -q sends what is in it, -bs speaks SMTP, -bv says \
what becomes\n  of an address; other flags are ignored\n"
   (mew-submit-batch-command--help mew-submit-batch-sendmail-arguments--options)
   "Exit status: 0 delivered, or in the outbox and tried again by itself; 64 \
usage, 65 bad\nmessage or address, 69 refused, 74 uncertain, 77 insecure or \
log-in refused, 78\nconfiguration.  With all of these a message that was read is \
kept, in the outbox or\n~/dead.letter, as is told; 75 nothing was done, try \
again.\n"))

(provide 'mew-submit-batch-sendmail-arguments)
;;; mew-submit-batch-sendmail-arguments.el ends here
