;;; mew-submit-finding-certificate.el --- What a diagnosis says of certificates -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 3, pure.  It owns the judgements about certificates.

;;; Code:

(require 'mew-submit-finding-make)
(require 'seq)
(require 'subr-x)
(require 'time-date)

;;; Problems

(defconst mew-submit-finding--certificate-advice
  '(("expired" "certificate-expired" "Tell who runs the server to renew it.  Is \
this machine's clock right?")
    ("not-yet-valid" "certificate-not-yet-valid" "Check this machine's clock \
first; else tell who runs the server.")
    ("issuer-date" "certificate-expired" "Tell who runs the server to send the \
issuer's new certificate along.")
    ("name" "certificate-name" "Check the server's name: use one that the \
certificate is for.  Else somebody else may be answering.")
    ("issuer" "certificate-unknown-issuer" "Where the server is your own or your \
company's, name its CA (:ca-file); else somebody else may be answering, or the \
server does not send its issuer's certificate along.")
    ("self-signed" "certificate-self-signed" "Where the server is your own, pin \
it (M-x mew-submit-pin-certificate); else somebody else may be answering.")
    ("weak" "certificate-weak" "Tell who runs the server to renew it with a \
longer key and SHA-256.")
    ("revoked" "certificate-revoked" "Do not use this server: its issuer has \
called the certificate back.")
    ("purpose" "certificate-purpose" "Tell who runs the server: the certificate \
was not issued for servers.")
    ("must-staple" "certificate-must-staple" "Tell who runs the server to switch \
OCSP stapling on.")
    ("staple" "certificate-staple" "Tell who runs the server: the OCSP response \
it staples does not vouch for the certificate."))
  "Findings about certificates: (PROBLEM ID ADVICE).")

(defun mew-submit-finding--certificate-words (problem tls)
  "Return what PROBLEM means for the certificate in TLS."
  (let ((expires (plist-get tls :expires))
        (starts (plist-get tls :starts)))
    (pcase problem
      ("expired" (format "expired on %s" (substring expires 0 10)))
      ("not-yet-valid" (format "is not valid before %s" (substring starts 0 10)))
      ("issuer-date" "has an issuer whose certificate has expired, or is not \
valid yet")
      ("name" (format "is for %s, not for this server"
                      (if-let* ((names (plist-get tls :names)))
                          (mew-submit-finding-and
                           (append (seq-take names 3)
                                   (and (nthcdr 3 names) '("others"))))
                        "no host name or address")))
      ("issuer" (format "comes from an issuer that nobody here knows (%s)"
                        (plist-get tls :issuer)))
      ("self-signed" "is signed by nobody but itself")
      ("weak" "or an issuer's uses an algorithm or a key that is too weak")
      ("revoked" "has been revoked by its issuer")
      ("purpose" "is not meant for servers")
      ("must-staple" "promises a stapled OCSP response that the server does not \
send")
      ("staple" "has a stapled OCSP response that does not call it good")
      ("none" "is missing")
      (_ (or (plist-get tls :unverified) (format "fails a check (%s)" problem))))))

(defun mew-submit-finding--certificate (problem attempts)
  "Return the finding for PROBLEM with the certificates of ATTEMPTS."
  (pcase-let* ((`(,_ ,id ,advice)
                (or (assoc problem mew-submit-finding--certificate-advice)
                    (list problem "certificate-bad" "Tell who runs the server; \
somebody else may be answering."))))
    (mew-submit-finding-make
     id (mew-submit-finding-severity attempts) attempts advice
     "The certificate of %s %s." (mew-submit-finding-where attempts)
     (mew-submit-finding--certificate-words problem
                                            (plist-get (car attempts) :tls)))))

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
  (mew-submit-finding-filter
   attempts
   (lambda (attempt)
     (mew-submit-finding--soon-p (plist-get attempt :tls) now))
   (lambda (those)
     (let ((tls (plist-get (car those) :tls)))
       (mew-submit-finding-make
        "certificate-expires-soon" "warning" those
        "Tell who runs the server to renew it in time."
        "The certificate of %s expires on %s, in %d days."
        (mew-submit-finding-where those) (substring (plist-get tls :expires) 0 10)
        (floor (mew-submit-finding--days-left tls now)))))))

(defun mew-submit-finding-certificates (diagnosis now)
  "Return what is wrong with the certificates in DIAGNOSIS, at the time NOW."
  ;; What is pinned the user has looked at.
  (let ((attempts (seq-filter (lambda (attempt)
                                (and (plist-get attempt :tls)
                                     (not (plist-get (plist-get attempt :tls)
                                                     :pinned))))
                              (mew-submit-finding-ended diagnosis))))
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
