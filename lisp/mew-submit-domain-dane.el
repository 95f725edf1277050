;;; mew-submit-domain-dane.el --- TLSA records and certificates -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns DANE for SMTP (RFC 7672): which TLSA records can be used, and which of a
;; server's certificates they name.  A record is a plist of mew-submit-dns.el, a
;; certificate its octets (DER), a chain a list of those with the server's own first.
;;
;; Usage 3 is the server's own certificate, whatever it says of name and dates.  Usage 2 is
;; an issuer's: then all between has to be good, which is not judged here.

;;; Code:

(require 'mew-submit-caseless)
(require 'seq)
(require 'subr-x)

(defun mew-submit-domain-dane--usable-p (record)
  "Can RECORD be used for mail?  Usages 0 and 1 cannot: whom would they rely on?"
  (let ((length (length (plist-get record :data))))
    (and (memql (plist-get record :usage) '(2 3))
         (memql (plist-get record :selector) '(0 1))
         (pcase (plist-get record :matching)
           (0 (< 0 length))
           (1 (= length 64))
           (2 (= length 128))))))

;;; DER

(defun mew-submit-domain-dane--element (der at)
  "Return where the contents of the element of DER at AT are: (FROM . END).
Signal an error where there is none."
  (let* ((first (aref der (1+ at)))
         (octets (if (< first 128) 0 (logand first 127)))
         (from (+ at 2 octets))
         (length (if (< first 128) first
                   (seq-reduce (lambda (value octet) (+ (* 256 value) octet))
                               (substring der (+ at 2) from) 0))))
    (when (or (> octets 4) (> (+ from length) (length der)))
      (error "No DER"))
    (cons from (+ from length))))

(defun mew-submit-domain-dane--key (der)
  "Return the public key in the certificate DER, its SubjectPublicKeyInfo, or nil.
It is the seventh part of what is signed, the sixth without a version."
  (ignore-errors
    (let* ((at (car (mew-submit-domain-dane--element
                     der (car (mew-submit-domain-dane--element der 0)))))
           (skip (if (= (aref der at) #xa0) 6 5)))
      (dotimes (_ skip)
        (setq at (cdr (mew-submit-domain-dane--element der at))))
      (substring der at (cdr (mew-submit-domain-dane--element der at))))))

(defun mew-submit-domain-dane--hex (octets)
  "Return OCTETS in hexadecimal."
  (mapconcat (lambda (octet) (format "%02x" octet)) octets ""))

(defun mew-submit-domain-dane--names-p (record certificate)
  "Does RECORD name CERTIFICATE?"
  (let ((octets (if (eql (plist-get record :selector) 1)
                    (mew-submit-domain-dane--key certificate)
                  certificate)))
    (and octets
         (equal (mew-submit-caseless--down (plist-get record :data))
                (pcase (plist-get record :matching)
                  (0 (mew-submit-domain-dane--hex octets))
                  (1 (secure-hash 'sha256 octets))
                  (2 (secure-hash 'sha512 octets)))))))

;;; Judgement

(defun mew-submit-domain-dane--octets (certificates)
  "Return the chain that CERTIFICATES, in base64, are."
  (delq nil (mapcar (lambda (text) (ignore-errors (base64-decode-string text)))
                    certificates)))

(defun mew-submit-domain-dane--match (records chain)
  "Return how RECORDS name a certificate of CHAIN: (RECORD . CERTIFICATE), or nil.
Usage 3, which asks for nothing more, comes first."
  (seq-some
   (lambda (usage)
     (seq-some
      (lambda (record)
        (and (eql (plist-get record :usage) usage)
             (mew-submit-domain-dane--usable-p record)
             (when-let* ((certificate
                          (seq-find (lambda (certificate)
                                      (mew-submit-domain-dane--names-p record certificate))
                                    (if (= usage 3) (seq-take chain 1) (cdr chain)))))
               (cons record certificate))))
      records))
   '(3 2)))

(defun mew-submit-domain-dane--in-record (records)
  "Return the issuer's certificate that one of RECORDS has in it, whole, or nil."
  (when-let* ((record (seq-find (lambda (record)
                                  (and (mew-submit-domain-dane--usable-p record)
                                       (equal (list (plist-get record :usage)
                                                    (plist-get record :selector)
                                                    (plist-get record :matching))
                                              '(2 0 0))))
                                records)))
    (apply #'unibyte-string
           (mapcar (lambda (at)
                     (string-to-number (substring (plist-get record :data) at (+ 2 at))
                                       16))
                   (number-sequence 0 (- (length (plist-get record :data)) 2) 2)))))

(defun mew-submit-domain-dane--pem (certificate)
  "Return CERTIFICATE as PEM has it."
  (concat "-----BEGIN CERTIFICATE-----\n" (base64-encode-string certificate)
          "\n-----END CERTIFICATE-----\n"))

(defun mew-submit-domain-dane--words (record)
  "Return RECORD in few words."
  (format "%d %d %d" (plist-get record :usage) (plist-get record :selector)
          (plist-get record :matching)))

(provide 'mew-submit-domain-dane)
;;; mew-submit-domain-dane.el ends here
