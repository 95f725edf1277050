;;; pauses.el --- Does Emacs wait, and how long does it stand still? -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; That nothing waits is seen by who is called to wait, and not by a stop-watch: a machine
;; may be slow.  How long Emacs stands still while it computes is judged by how many conses
;; it makes meanwhile, which every machine makes as many of, and by how long the same Emacs
;; computes to collect garbage.  With PROVIDERS_PAUSES, the name of a file, the figures are
;; put there, and those of the same Emacs idle, in the same minute, beside them.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-test-helpers)

;; What is put in the place of primitives here makes a compiled Emacs compile.  The first is
;; the name in Emacs 28, which later ones warn of.
(dolist (name '(comp-enable-subr-trampolines native-comp-enable-subr-trampolines))
  (set name nil))

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

(defconst mew-submit-pauses--conses 60000
  "How many conses Emacs may make before it looks again whether there is a key.
To load the largest library, `cus-load', it makes 36,000, in Emacs 30 41,000.")

(defconst mew-submit-pauses--collections 6
  "How many garbage collections' time it may compute before it looks again.
One may come at any time, and takes longer than most of what we do.")

(defvar mew-submit-pauses--last nil
  "When a timer was run last: the time, that which Emacs has computed, its conses.")

(defvar mew-submit-pauses--most nil
  "The most that each of these has grown by from one time to the next.")

(defun mew-submit-pauses--computed ()
  "Return for how many seconds Emacs has computed."
  (float-time (get-internal-run-time)))

(defun mew-submit-pauses--tick ()
  "Note how long it is since the last time, and what Emacs has done since."
  (let ((now (list (float-time) (mew-submit-pauses--computed) (car (memory-use-counts)))))
    (when mew-submit-pauses--last
      (setq mew-submit-pauses--most
            (cl-mapcar (lambda (most new old) (max most (- new old)))
                       mew-submit-pauses--most now mew-submit-pauses--last)))
    (setq mew-submit-pauses--last now)))

(defun mew-submit-pauses--longest (function)
  "Call FUNCTION; return the most that was between two times that keys were looked for.
That is (SECONDS COMPUTING CONSES); other programs make only the first one more."
  (let* ((mew-submit-pauses--last nil)
         (mew-submit-pauses--most '(0 0 0))
         (timer (run-at-time 0.01 0.01 #'mew-submit-pauses--tick)))
    (unwind-protect
        (funcall function)
      (cancel-timer timer))
    mew-submit-pauses--most))

(defun mew-submit-pauses--collection ()
  "Return for how many seconds this Emacs computes to collect garbage."
  (let ((before (mew-submit-pauses--computed)))
    (garbage-collect)
    (- (mew-submit-pauses--computed) before)))

(defun mew-submit-pauses--as-interactive (function &rest arguments)
  "Call FUNCTION, which loads ahead, with ARGUMENTS, as if there were somebody."
  (let ((noninteractive nil))
    (apply function arguments)))

(defun mew-submit-pauses--idle (seconds)
  "Do nothing for SECONDS."
  (let ((end (time-add nil seconds)))
    (mew-submit-test-until ("nothing")
      (time-less-p end nil))))

(defun mew-submit-pauses--write (file seconds most)
  "Add to FILE what was the MOST in SECONDS, and what it is in this Emacs idle."
  (pcase-let ((`(,time ,computing ,conses) most)
              (`(,idle-time ,idle-computing ,_)
               (mew-submit-pauses--longest
                (lambda () (mew-submit-pauses--idle (min 10 seconds))))))
    (write-region (format "%-26s %6.1f s %7.0f %7.0f %7.0f %7.0f %7.0f %8d\n"
                          (string-remove-prefix
                           "mew-submit-providers-"
                           (symbol-name (ert-test-name (ert-running-test))))
                          seconds (* 1000 time) (* 1000 idle-time)
                          (* 1000 computing) (* 1000 idle-computing)
                          (* 1000 (mew-submit-pauses--collection)) conses)
                  nil file t 'silent)))

(defun mew-submit-pauses-judge (function)
  "Call FUNCTION, and check that Emacs could always look for a key soon."
  (advice-add 'mew-submit-background--load-next :around
              #'mew-submit-pauses--as-interactive)
  (unwind-protect
      (let* ((began (float-time))
             (most (mew-submit-pauses--longest function))
             (seconds (- (float-time) began)))
        (when-let* ((file (getenv "PROVIDERS_PAUSES")))
          (mew-submit-pauses--write file seconds most))
        (should (< (nth 2 most) mew-submit-pauses--conses))
        (should (< (nth 1 most)
                   (* mew-submit-pauses--collections (mew-submit-pauses--collection)))))
    (advice-remove 'mew-submit-background--load-next #'mew-submit-pauses--as-interactive)))

(provide 'mew-submit-pauses)
;;; pauses.el ends here
