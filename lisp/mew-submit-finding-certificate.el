;;; mew-submit-finding-certificate.el --- What a diagnosis says of certificates -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the judgements about certificates.

;;; Code:

(require 'mew-submit-finding-make)
(require 'mew-submit-report)
(require 'mew-submit-time)
(require 'seq)
(require 'subr-x)
(require 'time-date)

;;; Problems

(defconst mew-submit-finding--certificate-ids
  '(("expired" "certificate-expired")
    ("not-yet-valid" "certificate-not-yet-valid")
    ("issuer-date" "certificate-expired")
    ("name" "certificate-name")
    ("issuer" "certificate-unknown-issuer")
    ("self-signed" "certificate-self-signed")
    ("weak" "certificate-weak")
    ("revoked" "certificate-revoked")
    ("purpose" "certificate-purpose")
    ("must-staple" "certificate-must-staple")
    ("staple" "certificate-staple"))
  "Findings about certificates: (PROBLEM ID).")

(defun mew-submit-finding--certificate (problem attempts)
  "Return the finding for PROBLEM with the certificates of ATTEMPTS."
  (mew-submit-finding--make
   (or (cadr (assoc problem mew-submit-finding--certificate-ids)) "certificate-bad")
   (mew-submit-finding--severity attempts) attempts
   (mew-submit-report--certificate-advice problem (plist-get (car attempts) :tls))
   "The certificate of %s %s." (mew-submit-finding--where attempts)
   (mew-submit-report--certificate-words problem (plist-get (car attempts) :tls))))

(defun mew-submit-finding--problems (attempts)
  "Return the problems with the certificates of ATTEMPTS, each once."
  (seq-uniq (mapcan (lambda (attempt)
                      (copy-sequence
                       (plist-get (plist-get attempt :tls) :problems)))
                    attempts)))

(defconst mew-submit-finding--soon 14
  "Days before its end from which on a certificate is about to expire.")

(defconst mew-submit-finding--short 7
  "Days of a short-lived certificate, which is renewed every few days.
The figure is that of the CA/Browser Forum.  Such a one is about to expire when
a third of its time is left.")

(defun mew-submit-finding--days (time)
  "Return TIME, ISO 8601 in UTC, in days since the epoch, or nil."
  (and time
       (string-match-p "\\`[0-9]\\{4\\}-" time)
       (/ (float-time (date-to-time time)) 86400)))

(defun mew-submit-finding--days-left (tls now)
  "Return the days that the certificate in TLS is valid for, from NOW on, or nil."
  (when-let* ((expires (mew-submit-finding--days (plist-get tls :expires))))
    (- expires (/ (float-time now) 86400))))

(defun mew-submit-finding--soon-p (tls now)
  "Is the certificate in TLS about to expire, NOW?"
  (let ((left (mew-submit-finding--days-left tls now))
        (starts (mew-submit-finding--days (plist-get tls :starts))))
    (when (and left starts)
      (let ((lifetime (- (mew-submit-finding--days (plist-get tls :expires))
                         starts)))
        (< 0 left (if (<= lifetime mew-submit-finding--short)
                      (/ lifetime 3)
                    mew-submit-finding--soon))))))

(defun mew-submit-finding--expiring (attempts now)
  "Return which certificates of ATTEMPTS are about to expire, NOW."
  (mew-submit-finding--filter
   attempts
   (lambda (attempt)
     (mew-submit-finding--soon-p (plist-get attempt :tls) now))
   (lambda (those)
     (let ((tls (plist-get (car those) :tls)))
       (mew-submit-finding--make
        "certificate-expires-soon" "warning" those
        "Tell the server's administrator to renew it in time."
        "The certificate of %s expires on %s, in %s."
        (mew-submit-finding--where those) (substring (plist-get tls :expires) 0 10)
        (mew-submit-time--say-while (* 86400 (mew-submit-finding--days-left tls now))))))))

(defun mew-submit-finding--certificates (diagnosis now)
  "Return what is wrong with the certificates in DIAGNOSIS, at the time NOW."
  ;; What is pinned the user has looked at.
  (let ((attempts (seq-filter (lambda (attempt)
                                (and (plist-get attempt :tls)
                                     (not (plist-get (plist-get attempt :tls)
                                                     :pinned))))
                              (mew-submit-finding--ended diagnosis))))
    (append
     (mapcar (lambda (problem)
               (mew-submit-finding--certificate
                problem
                (seq-filter (lambda (attempt)
                              (member problem
                                      (plist-get (plist-get attempt :tls)
                                                 :problems)))
                            attempts)))
             (mew-submit-finding--problems attempts))
     (mew-submit-finding--expiring attempts now))))

(provide 'mew-submit-finding-certificate)
;;; mew-submit-finding-certificate.el ends here
