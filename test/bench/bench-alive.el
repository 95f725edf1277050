;;; bench-alive.el --- How long Emacs does not react while it sends -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A timer that should go off every 10 ms notes the largest gap: while Emacs
;; does nothing, while mew-submit waits out a silent port and sends 25 MB, and
;; while smtpmail sends the same (which on a silent port would take the
;; operating system's 135 s, so it gets an open one).

;;; Code:

(require 'mew-submit)

(declare-function mew-submit-bench-smtpmail "bench-smtpmail"
                  (mode port recipients file))
(load (expand-file-name "bench-smtpmail" (file-name-directory
                                          (macroexp-file-name)))
      nil t)

(defvar mew-submit-bench-gap 0.0 "The largest gap so far, in seconds.")
(defvar mew-submit-bench-last 0.0 "When the timer went off last.")

(defun mew-submit-bench-tick ()
  "Note how long it has been since the last tick."
  (let ((now (float-time)))
    (setq mew-submit-bench-gap (max mew-submit-bench-gap
                                    (- now mew-submit-bench-last))
          mew-submit-bench-last now)))

(defun mew-submit-bench-during (what function)
  "Call FUNCTION, and print the largest gap meanwhile as WHAT's."
  (setq mew-submit-bench-gap 0.0
        mew-submit-bench-last (float-time))
  (let ((timer (run-at-time 0 0.01 #'mew-submit-bench-tick))
        (start (float-time)))
    (unwind-protect
        (funcall function)
      (mew-submit-bench-tick)
      (cancel-timer timer))
    (princ (format "%-62s %8.1f ms  (in %.2f s)\n" what
                   (* 1000 mew-submit-bench-gap) (- (float-time) start)))))

(defun mew-submit-bench-message (file megabytes)
  "Write a message of MEGABYTES to FILE."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert "Subject: long\nFrom: me@example.org\nTo: you@example.net\n\n")
    (dotimes (_ (* megabytes 1024))
      (dotimes (_ 16)
        (insert (make-string 63 ?x) "\n")))
    (let ((coding-system-for-write 'no-conversion))
      (write-region nil nil file nil 'silent))))

(defun mew-submit-bench-wait (seconds)
  "Do nothing for SECONDS, as Emacs does it."
  (let ((end (+ (float-time) seconds)))
    (while (< (float-time) end)
      (accept-process-output nil (max 0 (- end (float-time)))))))

(defun mew-submit-bench-send (file routes directory)
  "Send FILE by ROUTES to the server whose certificates are in DIRECTORY."
  (let ((done (mew-submit-wait
               (mew-submit-send
                file :from "me@example.org" :recipients '("you@example.net")
                :account (list :server "127.0.0.1" :routes routes
                               :family 'ipv4 :fallback 'always :user "me"
                               :ca-file (expand-file-name "certs/ca.pem"
                                                          directory))
                :on-ask (lambda (_) (cons "me" (copy-sequence "secret")))))))
    (unless (equal (plist-get done :result) "delivered")
      (error "Not delivered: %s" (plist-get done :text)))))

(let* ((directory (getenv "BENCH_DIR"))
       (open (string-to-number (getenv "BENCH_PORT")))
       (silent (getenv "BENCH_SILENT"))
       (file (expand-file-name "long.eml" directory)))
  (mew-submit-bench-message file 25)
  (garbage-collect)
  (mew-submit-bench-during "Emacs idle"
                           (lambda () (mew-submit-bench-wait 2)))
  (mew-submit-bench-during
   "mew-submit: a silent port, then 25 MB by the next one"
   (lambda ()
     (mew-submit-bench-send file (format "%s:starttls,%d:starttls" silent open)
                            directory)))
  (mew-submit-bench-during
   "smtpmail: 25 MB by an open port"
   (lambda ()
     (mew-submit-bench-smtpmail "starttls" open '("you@example.net") file))))

(provide 'bench-alive)
;;; bench-alive.el ends here
