;;; child.el --- An Emacs that is killed while it sends -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The environment says what it does: CRASH_OUTBOX, CRASH_PORT and CRASH_CA where
;; and how to send; CRASH_ADD how many messages to put there first, CRASH_PREFIX what
;; their Message-IDs begin with, CRASH_ACK a file that gets each one that was taken;
;; CRASH_AT the number of the step that is its last one.
;;
;; It ends with 0 when nothing waits in the outbox any more.

;;; Code:

(require 'mew-submit)
(require 'mew-submit-queue)

(declare-function crash-child--write-region "child" t t)
(declare-function crash-child--delete-file "child" t t)
(declare-function mew-submit-module-ensure "mew-submit-module" ())

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
    mew-submit--mod-start)
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

(defun crash-child--account ()
  "Return the account to send by."
  (list :server "127.0.0.1" :routes (format "%s:starttls" (getenv "CRASH_PORT"))
        :ca-file (getenv "CRASH_CA") :fallback 'always))

(defun crash-child--add (number)
  "Put the message with NUMBER into the outbox, and tell that it was taken."
  (let* ((id (format "<%s-%d@x>" (getenv "CRASH_PREFIX") number))
         (raw (make-temp-file "crash-" nil nil
                              (format "From: me@x\nTo: a@x\nMessage-ID: %s\n\nb\n"
                                      id)))
         (ack (getenv "CRASH_ACK")))
    (mew-submit-queue-add raw :account (crash-child--account))
    (crash-child--write-region (concat id "\n") nil ack t 'silent)
    (crash-child--delete-file raw)))

(defun crash-child--work ()
  "Add what is to be added, and send all that waits."
  (dotimes (number (or (crash-child--getenv "CRASH_ADD") 0))
    (crash-child--add number))
  (mew-submit-queue-start)
  (while (or (mew-submit-queue-running) (mew-submit-queue--waiting))
    (accept-process-output nil 0.01)))

(defun crash-child-run ()
  "Do what the environment says."
  (setq mew-submit-outbox-directory (getenv "CRASH_OUTBOX")
        mew-submit-retry-intervals '(0.05)
        mew-submit-request-several t
        crash-child--last (crash-child--getenv "CRASH_AT"))
  (mew-submit-module-ensure)
  (dolist (step crash-child-steps)
    (advice-add step :around #'crash-child--around))
  (crash-child--work)
  (kill-emacs 0))

(provide 'crash-child)
;;; child.el ends here
