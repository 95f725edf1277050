;;; mew-submit-background.el --- Code that Emacs runs by itself -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what is true of all code that a timer, a process filter or a
;; sentinel runs.  Nobody has asked for it at that moment, so it may have come in the
;; middle of anything: of a buffer whose directory is gone, of another package's
;; `while-no-input', whose throw would leave half of the work undone.
;;
;; Who is in front of Emacs is known here, too, and what it may say to them; and how what is
;; needed soon is loaded while they type.

;;; Code:

(require 'seq)

(defvar mew-submit-background--now nil
  "Non-nil in code that Emacs runs by itself: nobody has asked for it just now.")

(defmacro mew-submit-background--run (&rest body)
  "Run BODY as code that nobody has asked for just now.
It runs in a buffer of its own, whose directory exists, and makes no lock files
\(a stale one would ask a question).  No key that another package's
`while-no-input' waits for ends it; that one is told of the key afterwards."
  (declare (indent 0) (debug (body)))
  `(unwind-protect
       (let ((throw-on-input nil)
             (create-lockfiles nil)
             (mew-submit-background--now t))
         (with-current-buffer (mew-submit-background--buffer)
           ,@body))
     (when (and throw-on-input (null quit-flag) (input-pending-p))
       (setq quit-flag throw-on-input))))

(defun mew-submit-background--buffer ()
  "Return the buffer to run in; its directory exists, on this machine."
  (with-current-buffer (get-buffer-create " *mew-submit background*")
    (setq default-directory
          (file-name-as-directory
           (if (file-accessible-directory-p user-emacs-directory)
               (expand-file-name user-emacs-directory)
             temporary-file-directory)))
    (current-buffer)))

(defun mew-submit-background--nobody-p ()
  "Is there nobody in front of this Emacs, because it is a daemon without a frame?
The terminal that a daemon begins with is not seen by anybody."
  (and (daemonp)
       (not (seq-some (lambda (frame)
                        (not (equal (terminal-name frame)
                                    "initial_terminal")))
                      (frame-list)))))

(defun mew-submit-background--command-p ()
  "Does a command that somebody has given run, who can be asked something?"
  (and this-command
       (not noninteractive)
       (not mew-submit-background--now)
       (not (mew-submit-background--nobody-p))))

(defun mew-submit-background--prompt-p ()
  "Is there a prompt in the echo area, which a message would cover?
A command that runs may be asking for a key, as `query-replace' does, and a key
that others follow is shown there.  So is what isearch, and all that has keys of
its own for a while, looks for next; that is known by those keys, since
`isearch-mode' is non-nil in one buffer alone, and this runs in any."
  (or (active-minibuffer-window)
      overriding-terminal-local-map
      cursor-in-echo-area
      (and mew-submit-background--now
           (not (seq-empty-p (this-command-keys-vector))))))

(defun mew-submit-background--tell (format &rest args)
  "Say in the echo area what FORMAT and ARGS make.
While there is a prompt nothing is said: it would be covered."
  (unless (mew-submit-background--prompt-p)
    (apply #'message format args)))

(defun mew-submit-background--say (format &rest args)
  "Say in the echo area what FORMAT and ARGS make, on one line."
  (let ((message-truncate-lines t))
    (apply #'mew-submit-background--tell format args)))

;;; Timers

(defun mew-submit-background--call (function &rest args)
  "Call FUNCTION with ARGS.
This is for a timer whose FUNCTION has no name: by the name it is known whose
timer that is, which must not wait for longer when the clock is set back."
  (apply function args))

;;; Connections

(defun mew-submit-background--looked-up-p (process)
  "Is the name of the server of PROCESS, a connection, looked up?
Nobody is waited for: Emacs does, where it is asked in another way."
  (or (not (eq (process-status process) 'connect))
      (process-contact process :local t)))

(defun mew-submit-background--drop (process)
  "Have PROCESS, a connection that nobody wants any more, go, and wait for nothing.
While the name is looked up, `delete-process' waits for the end of that, which
may take a minute, and now and then for ever."
  (set-process-filter process #'ignore)
  (if (mew-submit-background--looked-up-p process)
      (progn
        (set-process-sentinel process #'ignore)
        (delete-process process))
    (set-process-sentinel process (lambda (process _change)
                                    (mew-submit-background--drop process)))))

;;; Loading ahead

(defconst mew-submit-background--parts
  '((browse-url eieio-core eieio auth-source url-parse url-util mailcap url-cookie url)
    (cus-edit wid-edit cus-start cus-load)
    (message mail-utils mailheader gmm-utils mailabbrev mm-util rfc2047 rfc2231 mail-parse
             mm-encode mm-bodies mm-decode eieio-core eieio auth-source rmail gnus-util
             epg epa mml-sec mml dired rmc))
  "Libraries that take long to load, each with what it requires, in order.")

(defun mew-submit-background--load (libraries then)
  "Load LIBRARIES, features, in the background; then call THEN, without arguments.
Return at once: one is loaded at a time, and keys are read in between, so that
nobody waits for more than one.  Who needs a library requires it all the same,
and says so when it cannot be loaded; so in batch mode, where nobody types,
nothing is loaded ahead."
  (mew-submit-background--load-next
   (mapcan (lambda (library)
             (append (cdr (assq library mew-submit-background--parts))
                     (list library)))
           libraries)
   then))

(defun mew-submit-background--load-next (libraries then)
  "Load the first of LIBRARIES that is not there, soon, and the others later.
When all are there, call THEN."
  (let ((left (and (not noninteractive)
                   (seq-drop-while #'featurep libraries))))
    ;; Emacs reads no key before a timer that is due already.
    (run-at-time (if left 0.005 0) nil #'mew-submit-background--call
                 (lambda ()
                   (if (null left)
                       (funcall then)
                     (mew-submit-background--run
                       (let ((inhibit-message t))
                         (ignore-errors (require (car left)))))
                     (mew-submit-background--load-next (cdr left) then))))))

(provide 'mew-submit-background)
;;; mew-submit-background.el ends here
