;;; mew-submit-domain-policy.el --- The policy of MTA-STS -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the policy that a domain publishes over https (RFC 8461): fetching it in the
;; background, reading it, and which servers it names.  A policy is a plist :mode
;; ("enforce", "testing" or "none"), :mx (patterns), :max-age; or :why, the reason there is none.

;;; Code:

(require 'gnutls)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-https)
(require 'seq)
(require 'subr-x)

(defconst mew-submit-domain-policy--seconds 60
  "How long a policy is waited for: what RFC 8461 says.")

(defconst mew-submit-domain-policy--octets-max 65536
  "How long a policy may be: what RFC 8461 says.")

;;; Reading

(defun mew-submit-domain-policy--read (text)
  "Return the policy in TEXT.  Of a key that comes twice the first one counts."
  (let (policy patterns)
    (dolist (line (split-string text "\r?\n" t))
      (when (string-match "\\`\\([a-zA-Z0-9_.-]+\\):" line)
        (let ((key (match-string 1 line))
              ;; No regexp for the blanks at the end: among many it would take for ever.
              (value (mew-submit-error--clean
                      (string-join (split-string (substring line (match-end 0)) "[ \t]+" t)
                                   " "))))
          (cond ((equal key "mx")
                 (push (mew-submit-caseless--down value) patterns))
                ((and (member key '("version" "mode" "max_age"))
                      (not (assoc key policy)))
                 (push (cons key value) policy))))))
    (let ((mode (cdr (assoc "mode" policy)))
          (age (cdr (assoc "max_age" policy))))
      (cond ((not (equal (cdr (assoc "version" policy)) "STSv1"))
             '(:why "it does not begin with version: STSv1"))
            ((not (member mode '("enforce" "testing" "none")))
             (list :why "its mode is none of enforce, testing and none"))
            ((not (and age (string-match-p "\\`[0-9]\\{1,10\\}\\'" age)))
             '(:why "its max_age is no number"))
            ((and (null patterns) (not (equal mode "none")))
             '(:why "it names no server (mx)"))
            (t (list :mode mode :mx (nreverse patterns)
                     :max-age (string-to-number age)))))))

(defun mew-submit-domain-policy--names-p (policy host)
  "Does POLICY name HOST?  A pattern's \"*\" stands for one label, the first."
  (let ((host (mew-submit-caseless--down host)))
    (seq-some (lambda (pattern)
                (if (string-prefix-p "*." pattern)
                    (let ((dot (string-search "." host)))
                      (and dot (equal (substring host dot) (substring pattern 1))))
                  (equal host pattern)))
              (plist-get policy :mx))))

;;; Fetching

(defun mew-submit-domain-policy--of (answer)
  "Return the policy in ANSWER of the web server.
A redirection is not followed (RFC 8461)."
  (cond ((plist-get answer :error) (list :why (plist-get answer :error)))
        ((/= (plist-get answer :status) 200)
         (list :why (format "the web server says %d" (plist-get answer :status))))
        ((> (length (plist-get answer :body)) mew-submit-domain-policy--octets-max)
         '(:why "it is too long"))
        (t (mew-submit-domain-policy--read (plist-get answer :body)))))

(defun mew-submit-domain-policy--fetch (domain ca-file callback)
  "Fetch the policy of DOMAIN, and call CALLBACK with it once.
CA-FILE, where it is not nil, has the certificates to trust.  Return a function
that ends it without that."
  (let* ((gnutls-trustfiles (if ca-file (list ca-file) gnutls-trustfiles))
         (mew-submit-https--timeout mew-submit-domain-policy--seconds)
         (exchange (mew-submit-https--fetch
                    (format "https://mta-sts.%s/.well-known/mta-sts.txt" domain)
                    (lambda (answer)
                      (funcall callback (mew-submit-domain-policy--of answer)))
                    :accept "text/plain")))
    (lambda () (mew-submit-https--cancel exchange))))

(provide 'mew-submit-domain-policy)
;;; mew-submit-domain-policy.el ends here
