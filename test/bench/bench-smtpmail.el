;;; bench-smtpmail.el --- One mail by smtpmail, for comparison -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The environment says what and where: BENCH_DIR, BENCH_MODE, BENCH_PORT,
;; BENCH_TO, BENCH_FILE.

;;; Code:

(require 'gnutls)
(require 'smtpmail)

(defvar network-security-level)

(defun mew-submit-bench-smtpmail (mode port recipients file)
  "Send FILE to RECIPIENTS at PORT of 127.0.0.1 with smtpmail, in MODE."
  (let ((directory (getenv "BENCH_DIR")))
    (setq gnutls-trustfiles (list (expand-file-name "certs/ca.pem" directory))
          gnutls-verify-error t
          network-security-level 'low
          auth-sources (list (expand-file-name "authinfo" directory))
          smtpmail-smtp-server "127.0.0.1"
          smtpmail-smtp-service port
          smtpmail-stream-type (pcase mode
                                 ("starttls" 'starttls) ("implicit" 'ssl)
                                 (_ 'plain))
          smtpmail-auth-supported '(plain)
          user-mail-address "me@example.org")
    (with-temp-buffer
      (insert-file-contents-literally file)
      (while (search-forward "\r\n" nil t)
        (replace-match "\n" t t))
      (let ((result (smtpmail-via-smtp recipients (current-buffer))))
        (when result
          (error "Smtpmail: %s" result))))))

(when (getenv "BENCH_MODE")
  (mew-submit-bench-smtpmail (getenv "BENCH_MODE")
                             (string-to-number (getenv "BENCH_PORT"))
                             (split-string (getenv "BENCH_TO"))
                             (getenv "BENCH_FILE")))

(provide 'bench-smtpmail)
;;; bench-smtpmail.el ends here
