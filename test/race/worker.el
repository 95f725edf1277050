;;; worker.el --- One Emacs that runs many batch deliveries -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Started by matrix.el, some of them, since an Emacs for each of its cells would be started 600 times.
;; A line of standard input is a list, `mew-submit-attempt-delay' and arguments for `mew-submit-batch-send'; the
;; answer are that command's lines of JSON and one with its exit status.  The message is the file RACE_WORK/message.

;;; Code:

(require 'mew-submit-batch-send)
(require 'mew-submit-queue)

(defun mew-submit-race-worker ()
  "Deliver as each line of standard input says, until its end."
  (let ((gc-cons-threshold (* 64 1024 1024))
        ;; Nothing is tried again: the command would have ended.
        (mew-submit-retry-intervals '(86400)))
    ;; What else the command does with its process belongs to a process of its own.
    (advice-add 'mew-submit-batch-send--spool :override
                (lambda (file)
                  (copy-file (expand-file-name "message" (getenv "RACE_WORK")) file)))
    (let (line)
      (while (setq line (ignore-errors (read-from-minibuffer "")))
        (let* ((told (car (read-from-string line)))
               (mew-submit-attempt-delay (car told))
               (status (mew-submit-batch-send--run (cdr told))))
          (remove-hook 'kill-emacs-hook #'mew-submit-batch-send--interrupted)
          (mew-submit-batch-command--print (format "{\"event\":\"exit\",\"status\":%d}\n" status)))))))

(provide 'mew-submit-race-worker)
;;; worker.el ends here
