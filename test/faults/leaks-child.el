;;; leaks-child.el --- A client whose memory is looked at when its job has ended -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Run by leaks.el, which ends it when it has looked.  The environment has
;;   LEAKS_MASK    octets in hexadecimal that become the secret when each is combined with #x5A:
;;                 the secret is neither in the environment, nor in a literal, nor in a file
;;   LEAKS_FORM    the form to send with, as Lisp: (HOST PORT CA-FILE MECHANISM MESSAGE-FILE DOOR),
;;                 with DOOR as in leaks.el
;;   LEAKS_OUTPUT  a file for all events, messages and traces
;; For the batch command only `mew-submit-leaks-child-hold' is used.

;;; Code:

(require 'mew-submit-job)

(defvar mew-submit-leaks-child--kept nil
  "A copy of the secret that must be found.")

(defun mew-submit-leaks-child--secret ()
  "Return the secret as a new string: the only copy there is."
  (let* ((mask (getenv "LEAKS_MASK"))
         (secret (make-string (/ (length mask) 2) 0)))
    (dotimes (i (length secret))
      (aset secret i (logxor #x5A (string-to-number (substring mask (* 2 i) (* 2 (1+ i))) 16))))
    secret))

;; Its thread knows no secret, and stays: it would be waited for below.
(advice-add 'mew-submit-module--end-when-told :override #'ignore)

(defun mew-submit-leaks-child-hold ()
  "Wait until the threads of all jobs have ended, say so, and wait to be killed.
The module's heartbeat, which knows no secret, has a thread that stays."
  (let ((deadline (time-add nil 100)))
    (while (and (cddr (directory-files "/proc/self/task" nil "\\`[0-9]")) (time-less-p nil deadline))
      (accept-process-output nil 0.01)))
  (send-string-to-terminal "HELD\n")
  (sleep-for 1000))

(defun mew-submit-leaks-child--write (events file)
  "Write EVENTS, and whatever else there is to read, to FILE."
  (let ((coding-system-for-write 'utf-8))
    (with-temp-file file
      (prin1 events (current-buffer))
      (dolist (name '("*mew-submit log*" "*Messages*" "*Warnings*"))
        (when (get-buffer name)
          (insert "\n" (with-current-buffer name (buffer-string))))))))

(defun mew-submit-leaks-child-run ()
  "Send one message, write down what was to be seen, and hold."
  (pcase-let* ((`(,host ,port ,ca-file ,mechanism ,file ,door) (read (getenv "LEAKS_FORM")))
               (asked (eq door 'answer))
               (mew-submit-log t)
               (events nil)
               (session
                (mew-submit-job--start
                 (list :host host :routes (list (list port 'ipv4 'starttls)) :race t
                       :attempt-delay 250 :connect-timeout 100000 :step-timeout 100000 :tls 'required
                       :ca-file ca-file :helo "localhost.localdomain" :auth mechanism :user "joe"
                       :password (unless asked (mew-submit-leaks-child--secret))
                       :from "joe@example.org" :recipients '("ann@example.org") :file file :trace t)
                 :on-event (lambda (event) (push event events))
                 :on-ask (lambda (event)
                           (when (and asked (not (plist-get event :refresh)))
                             (cons "joe" (mew-submit-leaks-child--secret)))))))
    (when (eq door 'kept)
      (setq mew-submit-leaks-child--kept (mew-submit-leaks-child--secret)))
    (unless (mew-submit-job--wait session 100)
      (push "it did not end" events))
    (mew-submit-leaks-child--write events (getenv "LEAKS_OUTPUT"))
    (mew-submit-leaks-child-hold)))

(provide 'mew-submit-leaks-child)
;;; leaks-child.el ends here
