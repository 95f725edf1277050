;;; pauses.el --- Does Emacs wait, and how long does it stand still? -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; That nothing waits is seen by who is called to wait, and not by a stop-watch: a machine
;; may be slow.  With PROVIDERS_PAUSES, the name of a file, the longest pauses are put there,
;; and those of the same Emacs idle, in the same minute, beside them.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-test-helpers)

;; What is put in the place of primitives here makes a compiled Emacs compile.
(defvar comp-enable-subr-trampolines)
(defvar native-comp-enable-subr-trampolines)
(setq comp-enable-subr-trampolines nil
      native-comp-enable-subr-trampolines nil)

;;; What makes Emacs stand still

(defvar mew-submit-pauses--in-product nil
  "Non-nil while mew-submit runs: then nobody may wait.")

(defvar mew-submit-pauses--waits nil
  "What has waited there: backtraces.")

(defun mew-submit-pauses--watch (function &rest arguments)
  "Call FUNCTION, which waits, with ARGUMENTS, and note it where nobody may wait.
In what is called while the test waits, such as timers and filters, nobody may."
  (when mew-submit-pauses--in-product
    (push (with-output-to-string (backtrace)) mew-submit-pauses--waits))
  (let ((mew-submit-pauses--in-product t))
    (apply function arguments)))

(defun mew-submit-pauses--poll (function &rest arguments)
  "As `mew-submit-pauses--watch'; ARGUMENTS may say that it only looks."
  (if (eql 0 (nth 1 arguments))
      (apply function arguments)
    (apply #'mew-submit-pauses--watch function arguments)))

(defmacro mew-submit-pauses-none (&rest body)
  "Run BODY, and check that nothing in it has waited."
  (declare (indent 0))
  `(let ((mew-submit-pauses--waits nil)
         (waiters '(sleep-for sit-for call-process call-process-region
                              url-retrieve-synchronously)))
     (advice-add 'accept-process-output :around #'mew-submit-pauses--poll)
     (dolist (waiter waiters)
       (advice-add waiter :around #'mew-submit-pauses--watch))
     (unwind-protect
         (progn ,@body)
       (advice-remove 'accept-process-output #'mew-submit-pauses--poll)
       (dolist (waiter waiters)
         (advice-remove waiter #'mew-submit-pauses--watch)))
     (should-not mew-submit-pauses--waits)))

;;; How long it stands still

(defvar mew-submit-pauses--last nil
  "When a timer was run last: the time, and that which Emacs has computed, in seconds.")

(defvar mew-submit-pauses--most nil
  "The most that each of these has grown by from one time to the next.")

(defun mew-submit-pauses--tick ()
  "Note how long it is since the last time, and how much Emacs has computed since."
  (let ((now (list (float-time) (float-time (get-internal-run-time)))))
    (when mew-submit-pauses--last
      (setq mew-submit-pauses--most
            (cl-mapcar (lambda (most new old) (max most (- new old)))
                       mew-submit-pauses--most now mew-submit-pauses--last)))
    (setq mew-submit-pauses--last now)))

(defun mew-submit-pauses--longest (function)
  "Call FUNCTION; return the longest pause of Emacs meanwhile, in milliseconds.
That is (TIME COMPUTING); other programs make only the time longer."
  (let* ((mew-submit-pauses--last nil)
         (mew-submit-pauses--most '(0 0))
         (timer (run-at-time 0.01 0.01 #'mew-submit-pauses--tick)))
    (unwind-protect
        (funcall function)
      (cancel-timer timer))
    (mapcar (lambda (seconds) (* 1000 seconds)) mew-submit-pauses--most)))

(defun mew-submit-pauses--idle (seconds)
  "Do nothing for SECONDS."
  (let ((end (time-add nil seconds)))
    (mew-submit-test-until ("nothing")
      (time-less-p end nil))))

(defun mew-submit-pauses-note (function)
  "Call FUNCTION, and where that is wanted note its longest pause."
  (if-let* ((file (getenv "PROVIDERS_PAUSES")))
      (let* ((began (float-time))
             (collected gc-elapsed)
             (busy (mew-submit-pauses--longest function))
             (seconds (- (float-time) began))
             (collected (- gc-elapsed collected))
             (idle (mew-submit-pauses--longest
                    (lambda () (mew-submit-pauses--idle (min 10 seconds))))))
        (write-region (format "%-26s %6.1f s %7.0f %7.0f %7.0f %7.0f %7.0f\n"
                              (string-remove-prefix
                               "mew-submit-providers-"
                               (symbol-name (ert-test-name (ert-running-test))))
                              seconds (nth 0 busy) (nth 0 idle) (nth 1 busy) (nth 1 idle)
                              (* 1000 collected))
                      nil file t 'silent))
    (funcall function)))

(provide 'mew-submit-pauses)
;;; pauses.el ends here
