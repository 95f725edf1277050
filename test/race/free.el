;;; free.el --- Is Emacs free meanwhile? -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A timer that should run every 10 ms notes how long it did not.  On a busy machine that says little: Emacs
;; may have been ready to run and had no processor.  The kernel counts that time, so it is left out; where the
;; kernel does not tell, and where the disk was slow, trying again helps: a command that blocks Emacs does so
;; each time.

;;; Code:

(defconst mew-submit-free--tries 10
  "How often a command is tried that seems to block.")

(defun mew-submit-free--waited ()
  "Return the seconds for which this Emacs was ready to run and had no processor."
  (with-temp-buffer
    (ignore-errors (insert-file-contents "/proc/self/schedstat"))
    (/ (or (ignore-errors (nth 1 (read (format "(%s)" (buffer-string))))) 0) 1e9)))

(defun mew-submit-free--gap (function)
  "Call FUNCTION.  Return the longest time for which a timer that was due did not
run, in seconds, without that for which Emacs had no processor."
  (let* ((gap 0.0)
         (clock (lambda () (- (float-time) (mew-submit-free--waited))))
         (last (funcall clock))
         (tick (lambda ()
                 (let ((now (funcall clock)))
                   (setq gap (max gap (- now last))
                         last now))))
         (timer (run-at-time 0 0.01 tick)))
    (unwind-protect
        (funcall function)
      (funcall tick)
      (cancel-timer timer))
    gap))

(defun mew-submit-free-wrong (function)
  "Return what is wrong where FUNCTION, which waits, blocks Emacs, else nil.
It does when a timer that is due has to wait for a fifth of a second, each time
of ten."
  (let ((gaps nil))
    (while (and (< (length gaps) mew-submit-free--tries)
                (< 0.2 (car (push (mew-submit-free--gap function) gaps)))))
    (and (< 0.2 (car gaps))
         (format "Emacs did not react for %s ms"
                 (mapconcat (lambda (gap) (format "%.0f" (* 1000 gap))) gaps ", ")))))

(provide 'race/free)
;;; free.el ends here
