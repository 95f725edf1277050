;;; child.el --- An Emacs that is killed while it sends -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The environment says what it does: CRASH_OUTBOX, CRASH_PORT and CRASH_CA where
;; and how to send; CRASH_ADD how many messages to put there first, CRASH_PREFIX what
;; their Message-IDs begin with, CRASH_ACK a file that gets each one that was taken;
;; CRASH_AT the number of the step that is its last one.
;;
;; CRASH_HANDS is set where the first message waits for an answer of the user, whether to
;; go by another port, and the second one is edited before it is sent.
;;
;; It ends with 0 when nothing waits in the outbox any more.

;;; Code:

(require 'mew-submit)
(require 'mew-submit-dialog)
(require 'mew-submit-spool)
(require 'mew-submit-question)
(require 'mew-submit-queue)

(declare-function crash-child--write-region "child" t t)
(declare-function crash-child--delete-file "child" t t)
(declare-function mew-submit-module--ensure "mew-submit-module" ())

;; Each Emacs has a home of its own, and would compile all this anew.  Not all of these
;; are variables of every Emacs.
(dolist (variable '(comp-enable-subr-trampolines native-comp-enable-subr-trampolines
                    native-comp-deferred-compilation native-comp-jit-compilation))
  (set variable nil))

;; What this file does itself is no step.
(defalias 'crash-child--write-region (symbol-function 'write-region))
(defalias 'crash-child--delete-file (symbol-function 'delete-file))

(defconst crash-child-steps
  '(write-region rename-file delete-file copy-file
    mew-submit--mod-sync mew-submit--mod-lock mew-submit--mod-unlock
    mew-submit--mod-start mew-submit--mod-answer mew-submit-question--ask)
  "What changes something outside this Emacs: it may end before and after each.")

(defvar crash-child--count 0
  "How many steps there were.")

(defvar crash-child--last nil
  "The step that is the last one, or nil.")

(defun crash-child--step ()
  "Count a step, and end here if it is the last one."
  (setq crash-child--count (1+ crash-child--count))
  (when (eql crash-child--count crash-child--last)
    (signal-process (emacs-pid) 'SIGKILL)
    (sleep-for 10)))

(defun crash-child--around (function &rest args)
  "Call FUNCTION with ARGS, with a step before and one behind."
  (crash-child--step)
  (prog1 (apply function args)
    (crash-child--step)))

(defun crash-child--getenv (name)
  "Return the number in the environment variable NAME, or nil."
  (let ((value (getenv name)))
    (and value (string-to-number value))))

(defun crash-child--account (asks)
  "Return the account to send by; with ASKS the user is asked about the port."
  (list :server "127.0.0.1" :ca-file (getenv "CRASH_CA")
        :routes (format (if asks "1:starttls,%s:starttls" "%s:starttls")
                        (getenv "CRASH_PORT"))
        :fallback (if asks 'ask 'always)))

(defun crash-child--pose (event key text choices details finish)
  "Have a question wait, and answer it a moment later, as a user does.
EVENT, KEY, TEXT, CHOICES, DETAILS and FINISH are as for `mew-submit-dialog--pose'."
  (lambda (reply)
    (mew-submit-question--ask
     (plist-get event :job) key text choices details
     (lambda (answer) (funcall reply (funcall finish answer))))
    (run-at-time 0.01 nil
                 (lambda ()
                   (dolist (question mew-submit-question--list)
                     (mew-submit-question--answer question (car choices)))))))

(defun crash-child--edit (id)
  "Edit the message ID, which is held, and put it back, as a user does."
  (let* ((directory mew-submit-outbox-directory)
         (moved (mew-submit-queue--take id #'mew-submit-spool--set-aside directory))
         (lock (mew-submit-spool--lock id (plist-get moved :directory))))
    (mew-submit-spool--unlock lock)
    (mew-submit-spool--put-back directory)
    (mew-submit-known--refresh directory)))

(defun crash-child--add (number)
  "Put the message with NUMBER into the outbox, and tell that it was taken."
  (let* ((hands (getenv "CRASH_HANDS"))
         (edited (and hands (= number 1)))
         (id (format "<%s-%d@x>" (getenv "CRASH_PREFIX") number))
         (raw (make-temp-file "crash-" nil nil
                              (format "From: me@x\nTo: a@x\nMessage-ID: %s\n\nb\n"
                                      id)))
         (taken (mew-submit-queue--add
                 raw :account (crash-child--account (and hands (= number 0)))
                 :held edited)))
    (crash-child--write-region (concat id "\n") nil (getenv "CRASH_ACK") t 'silent)
    (crash-child--delete-file raw)
    (when edited
      (crash-child--edit taken))))

(defun crash-child--work ()
  "Add what is to be added, and send all that waits, and what is held."
  (dotimes (number (or (crash-child--getenv "CRASH_ADD") 0))
    (crash-child--add number))
  (mew-submit-dispatch--start)
  (dolist (entry (mew-submit-known--entries))
    (when (eq (plist-get entry :state) 'held)
      (mew-submit-queue--send (plist-get entry :id))))
  (while (or (mew-submit-known--running) (mew-submit-known--automatic))
    (accept-process-output nil 0.01)))

(defun crash-child-run ()
  "Do what the environment says."
  (setq mew-submit-outbox-directory (getenv "CRASH_OUTBOX")
        mew-submit-retry-intervals '(0.05)
        mew-submit-request--several t
        crash-child--last (crash-child--getenv "CRASH_AT"))
  (mew-submit-module--ensure)
  (advice-add 'mew-submit-dialog--pose :override #'crash-child--pose)
  (dolist (step crash-child-steps)
    (advice-add step :around #'crash-child--around))
  (crash-child--work)
  (kill-emacs 0))

(provide 'crash-child)
;;; child.el ends here
