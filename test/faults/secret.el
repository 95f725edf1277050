;;; secret.el --- The shapes in which a secret can get out -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A secret may be found as it is, or inside something that was encoded as a whole: then its base64
;; depends on how many octets were before it, and its first and last characters on what they were.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'url-util)

(defun mew-submit-faults--base64-inside (secret before)
  "Return what the base64 of BEFORE octets and SECRET has of SECRET alone."
  (let* ((whole (base64-encode-string (concat (make-string before ?x) secret) t))
         (from (ceiling (* 8 before) 6))
         (to (/ (* 8 (+ before (length secret))) 6)))
    (substring whole from to)))

(defun mew-submit-faults-secret-forms (secret)
  "Return the forms of SECRET, a unibyte string of 8 characters or more, that must not be found."
  (seq-uniq
   (append (list secret (url-hexify-string secret)
                 (mapconcat (lambda (octet) (format "%02x" octet)) secret ""))
           (mapcar (lambda (before) (mew-submit-faults--base64-inside secret before)) '(0 1 2)))))

(defun mew-submit-faults-secret-in (text forms)
  "Return the one of FORMS that is in TEXT, or nil."
  (seq-find (lambda (form) (string-search form text)) forms))

(provide 'mew-submit-faults-secret)
;;; secret.el ends here
