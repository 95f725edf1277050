;;; mew-submit-random.el --- What nobody can guess -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns random octets for keys and for what an answer is known by.  The
;; function `random' is no source of these: whoever sees some of its numbers knows the rest.

;;; Code:

(require 'mew-submit-error)

(defun mew-submit-random--octets ()
  "Return 32 octets that nobody can guess.
They are made of GnuTLS's random numbers and of the system's, so that one of
the two is enough."
  (let ((gnutls (ignore-errors (secure-hash 'sha256 'iv-auto 64 nil t)))
        (system (ignore-errors
                  (with-temp-buffer
                    (set-buffer-multibyte nil)
                    (insert-file-contents-literally "/dev/urandom" nil 0 32)
                    (buffer-string)))))
    (unless (or gnutls (= (length system) 32))
      (mew-submit-error--throw
       'config nil "This Emacs has no random numbers that are good enough for keys; \
use one that was built with GnuTLS"))
    (secure-hash 'sha256 (concat gnutls system) nil nil t)))

(defun mew-submit-random--text ()
  "Return 43 letters, digits and hyphens that nobody can guess."
  (base64url-encode-string (mew-submit-random--octets) t))

(defun mew-submit-random--challenge (verifier)
  "Return what is shown of VERIFIER before it is needed (RFC 7636, S256)."
  (base64url-encode-string (secure-hash 'sha256 verifier nil nil t) t))

(provide 'mew-submit-random)
;;; mew-submit-random.el ends here
