;;; mew-submit-batch-command.el --- What the batch commands have in common -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns how a batch command reads its options and their values, what it
;; prints, and how it leaves Emacs.  A table of options is a list of
;; (NAME KEY ARGUMENT WHAT-FOR), where ARGUMENT is nil for a flag.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-module)
(require 'seq)

(declare-function mew-submit--mod-end-with "ext:mew-submit-native" (status))

;;; Values

(defun mew-submit-batch-command--choice (name value choices)
  "Return VALUE of option NAME as a symbol, which must be among CHOICES."
  (or (car (memq (intern-soft value) choices))
      (mew-submit-error--throw 'usage nil "%s is one of %s, not %s" name
                               (mapconcat #'symbol-name choices ", ") value)))

(defun mew-submit-batch-command--seconds (name value)
  "Return VALUE of option NAME, a positive number of seconds up to a day."
  (let ((number (if (string-match-p "\\`[0-9]+\\(?:\\.[0-9]+\\)?\\'" value)
                    (string-to-number value)
                  0)))
    (unless (and (> number 0) (<= number 86400))
      (mew-submit-error--throw 'usage nil "%s needs a number of seconds, not %s"
                               name value))
    number))

(defun mew-submit-batch-command--read (function value)
  "Return FUNCTION's value for VALUE; what is wrong with that is the user's fault."
  (condition-case err
      (funcall function value)
    ((mew-submit-config mew-submit-message)
     (mew-submit-error--throw 'usage nil "%s" (mew-submit-error--text err)))))

(defun mew-submit-batch-command--checked (function value)
  "Return VALUE if FUNCTION can read it."
  (mew-submit-batch-command--read function value)
  value)

;;; Options

(defun mew-submit-batch-command--help (options)
  "Return a line for each of OPTIONS, a table."
  (mapconcat (lambda (option)
               (format "  %-34s %s\n"
                       (string-trim-right
                        (concat (nth 0 option) " " (or (nth 2 option) "")))
                       (nth 3 option)))
             options ""))

(defun mew-submit-batch-command--option (name value args options convert)
  "Return (KEY VALUE . REST) for the option NAME, with REST of ARGS left.
VALUE is what followed its equals sign, or nil.  OPTIONS and CONVERT are as for
`mew-submit-batch-command--parse'."
  (pcase-let ((`(,_ ,key ,argument . ,_)
               (or (assoc name options)
                   (mew-submit-error--throw 'usage nil "Unknown option: %s"
                                            name))))
    (cond ((and value (null argument))
           (mew-submit-error--throw 'usage nil "%s takes no argument" name))
          ((null argument)
           (cons key (cons t args)))
          ;; A variable of the shell that is not set leaves nothing, or the next option.
          ((or (null (or value (car args)))
               (and (equal (or value (car args)) "") (not (eq key :from)))
               (and (null value) (assoc (car args) options)))
           (mew-submit-error--throw 'usage nil "%s needs an argument" name))
          (value
           (cons key (cons (funcall convert name key value) args)))
          (t
           (cons key (cons (funcall convert name key (car args))
                           (cdr args)))))))

(defun mew-submit-batch-command--parse (args options convert)
  "Return the options in ARGS as a plist, with the other arguments in :arguments.
OPTIONS is a table.  CONVERT is called with NAME, KEY and VALUE of an option and
returns the checked value.  Signal `mew-submit-usage' when ARGS make no sense."
  (let (plist arguments)
    (while args
      (let ((arg (pop args)))
        (cond ((equal arg "--")
               (setq arguments (append (reverse args) arguments)
                     args nil))
              ((string-match "\\`\\(--[^=]+\\)=\\(\\(?:.\\|\n\\)*\\)\\'" arg)
               (pcase-let ((`(,key ,value . ,rest)
                            (mew-submit-batch-command--option
                             (match-string 1 arg) (match-string 2 arg) args
                             options convert)))
                 (setq plist (plist-put plist key value)
                       args rest)))
              ((and (string-prefix-p "-" arg) (not (equal arg "-")))
               (pcase-let ((`(,key ,value . ,rest)
                            (mew-submit-batch-command--option arg nil args
                                                              options convert)))
                 (setq plist (plist-put plist key value)
                       args rest)))
              (t (push arg arguments)))))
    (plist-put plist :arguments (nreverse arguments))))

(defun mew-submit-batch-command--arguments ()
  "Take the arguments of the command line that Emacs has left.
Octets that the locale knows nothing of are taken for UTF-8."
  (let ((args (mapcar (lambda (arg)
                        (decode-coding-string
                         (encode-coding-string arg 'utf-8-unix) 'utf-8-unix))
                      command-line-args-left)))
    (setq command-line-args-left nil)
    (if (equal (car args) "--")
        (cdr args)
      args)))

;;; What goes together

(defun mew-submit-batch-command--check (options table rules)
  "Tell when one of OPTIONS, a plist, has no effect.
A script may give it each time, so nothing is refused for it.  TABLE names
them, as for `mew-submit-batch-command--parse'.
Each of RULES is (KEYS RELATION OTHERS): one of KEYS has no effect without any
of OTHERS, or with one of them, as RELATION says."
  (let ((given (lambda (keys) (seq-find (lambda (key) (plist-get options key)) keys)))
        (names (lambda (keys)
                 (mapconcat (lambda (key)
                              (car (seq-find (lambda (row) (eq (nth 1 row) key)) table)))
                            keys " or "))))
    (pcase-dolist (`(,keys ,relation ,others) rules)
      (let ((key (funcall given keys))
            (other (funcall given others)))
        (when (and key (eq (null other) (eq relation 'without)))
          (mew-submit-batch-command--tell
           (format "%s has no effect %s %s" (funcall names (list key)) relation
                   (funcall names (if other (list other) others)))))))))

;;; Output

(defun mew-submit-batch-command--print (octets)
  "Write OCTETS to standard output at once."
  (send-string-to-terminal octets))

(defun mew-submit-batch-command--print-usage (text)
  "Print TEXT, the answer to --help.
It begins with how Emacs is called; under a shell command that is its name."
  (let ((command (getenv "MEW_SUBMIT_COMMAND")))
    (mew-submit-batch-command--print
     (encode-coding-string
      (if (and command
               (string-match "\\`usage: \\(emacs .* -f [a-z-]+\\( --\\)?\\|[a-z-]+\\)" text))
          (replace-match (concat "usage: " command) t t text)
        text)
      'utf-8-unix))))

(defvar mew-submit-batch-command--mail nil
  "Non-nil when the exit status is that of a mail, whatever can be written.")

(defun mew-submit-batch-command--tell (text)
  "Write TEXT as a line to standard error."
  (let ((locale-coding-system 'utf-8-unix)
        (coding-system-for-write 'utf-8-unix))
    (message "mew-submit: %s" text)))

;;; The end

(defvar warning-suppress-log-types)

(defun mew-submit-batch-command--load (file)
  "Load FILE, which has the user's accounts; what is wrong with it is told.
Emacs 31 warns of a file that does not say in which dialect it is, at each mail:
cron would send that to somebody."
  (let ((warning-suppress-log-types '((files missing-lexbind-cookie))))
    (condition-case err
        (load (expand-file-name file) nil t t) ; else it is looked for on `load-path'
      (error (mew-submit-error--throw 'config nil "Correct %s: %s" file
                                      (mew-submit-error--text err))))))

(defun mew-submit-batch-command--load-config ()
  "Load the file with the user's accounts that the shell command has found, if any."
  (let ((file (or (getenv "MEW_SUBMIT_CONFIG") "")))
    (unless (or (not (getenv "MEW_SUBMIT_COMMAND"))
                (string-empty-p file))
      (mew-submit-batch-command--load file))))

(defun mew-submit-batch-command--fail (err)
  "Tell of the condition ERR, and return the exit status for it."
  (mew-submit-batch-command--tell (mew-submit-error--text err))
  (mew-submit-error--status (mew-submit-error--kind err)))

(defun mew-submit-batch-command--clean-up (delete file &rest args)
  "Call DELETE with FILE and ARGS.
That it stays is told, and changes nothing of what became of a mail."
  (condition-case err
      (apply delete file args)
    (error (mew-submit-batch-command--tell
            (format "Delete %s: %s" file (mew-submit-error--text err))))))

(defun mew-submit-batch-command--make-directory ()
  "Make a directory for what is read, and return its name."
  (condition-case err
      (make-temp-file "mew-submit-" t)
    (file-error
     (mew-submit-error--throw
      'config nil "TMPDIR has to name a directory that can be written to: %s"
      (mew-submit-error--text err)))))

(defun mew-submit-batch-command--ensure-module ()
  "Have the module for a mail, which is sent with or without readers."
  (mew-submit-module--ensure)
  (mew-submit-module--ignore-pipe)
  (setq mew-submit-batch-command--mail t))

(defun mew-submit-batch-command--ended (status)
  "Return the exit status where the command has STATUS, even when words were lost.
That of a mail stays, which somebody would send again; another one that is 0 was
for words alone."
  (if (not (and (ignore-errors (mew-submit-module--ensure))
                (mew-submit--mod-end-with status)))
      status
    (mew-submit-batch-command--tell "Standard output could not be written")
    (unless (or mew-submit-batch-command--mail (/= status 0))
      ;; 74, which sysexits(3) has for it.
      (setq status (mew-submit-error--status "uncertain"))
      (mew-submit--mod-end-with status))
    status))

(defun mew-submit-batch-command--do (args parse usage run &optional fail)
  "Do what ARGS say, and return the exit status.
PARSE is called with ARGS and returns the options, USAGE returns the text for
--help, and RUN is called with the options and returns the status.  FAIL, by
default `mew-submit-batch-command--fail', is called with the condition that ends
one of them, and returns the status, too."
  (condition-case err
      (let ((options (funcall parse args)))
        (if (plist-get options :help)
            (progn (mew-submit-batch-command--print-usage (funcall usage))
                   0)
          (mew-submit-batch-command--load-config)
          (funcall run options)))
    ((error quit) (funcall (or fail #'mew-submit-batch-command--fail) err))))

(defvar mew-submit-batch-command--interrupted nil
  "The function on `kill-emacs-hook' while a command runs, or nil.")

(defun mew-submit-batch-command--watch-over (function)
  "Have FUNCTION called if Emacs is told to end before the command has ended."
  (setq mew-submit-batch-command--interrupted function)
  (add-hook 'kill-emacs-hook function -90))

(defun mew-submit-batch-command--run (function)
  "Call FUNCTION with the arguments of the command line; leave with its value.
That is the exit status; a condition or a quit that escapes means 70."
  (let ((status 70))
    (unwind-protect
        (let ((debug-on-error nil)
              (inhibit-message nil)
              (mew-submit-module--end-when-told t)
              ;; A garbage collection moves strings, a password among them, and what
              ;; stays where it was cannot be wiped.
              (gc-cons-threshold (max gc-cons-threshold (* 64 1024 1024))))
          (mew-submit-caseless--everywhere)
          (setq status (funcall function (mew-submit-batch-command--arguments))))
      (when mew-submit-batch-command--interrupted
        (remove-hook 'kill-emacs-hook mew-submit-batch-command--interrupted))
      (kill-emacs (mew-submit-batch-command--ended status)))))

(provide 'mew-submit-batch-command)
;;; mew-submit-batch-command.el ends here
