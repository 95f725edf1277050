;;; mew-submit-tls.el --- What TLS an account wants, and which certificates it pins -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what an account says of TLS: files of certificates, versions and
;; priorities, the name a certificate must have; and the pins, which are set and taken
;; back by commands of mew-submit-pin.el and never while mail is sent.

;;; Code:

(require 'mew-submit-address)
(require 'mew-submit-error)
(require 'seq)

(defcustom mew-submit-pins nil
  "Certificates that are accepted although they cannot be verified.
Each element is (ACCOUNT SERVER PORT FINGERPRINT): for mail by the account
called ACCOUNT, or by one without a name where that is nil, the certificate
with the SHA-256 FINGERPRINT, and no other, is good for PORT of SERVER.  The
default is nil.  Use \\[mew-submit-pin-certificate] and
\\[mew-submit-unpin-certificate]."
  :type '(repeat (list :tag "Pin"
                       (choice :tag "Account" string
                               (const :tag "One without a name" nil))
                       (string :tag "Server")
                       (natnum :tag "Port")
                       (string :tag "Fingerprint (sha256:...)")))
  :group 'mew-submit-security
  :package-version '(mew-submit . "0.1.0")
  :risky t)

;;; Files

(defun mew-submit-tls--file-name (file)
  "Return the name of FILE as the system takes it."
  (encode-coding-string (file-name-unquote (expand-file-name file))
                        (or file-name-coding-system
                            default-file-name-coding-system 'utf-8)))

(defun mew-submit-tls--file (account key what &optional directory)
  "Return the name of the file ACCOUNT has for KEY, or nil when it has none.
It may be one with DIRECTORY non-nil.  A URL of PKCS #11 stays as it is.
Signal `mew-submit-config' when the file, called WHAT, cannot be read."
  (when-let* ((file (plist-get account key)))
    (cond ((string-prefix-p "pkcs11:" file)
           (encode-coding-string file 'utf-8))
          ((and (file-readable-p file)
                (or directory (not (file-directory-p file))))
           (mew-submit-tls--file-name file))
          (t (mew-submit-error--throw 'config nil "The %s cannot be read: %s" what
                                      file)))))

(defun mew-submit-tls--stamp (file)
  "Return something that is new when FILE was changed.
FILE is a name as in a request, or nil."
  (when file
    (let ((attributes (file-attributes file)))
      (list file (file-attribute-modification-time attributes)
            (file-attribute-size attributes)
            (file-attribute-inode-number attributes)))))

;;; Versions

(defconst mew-submit-tls--priority
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM"
  "The priority string of an account that has none, as in module/tls.c.")

(defun mew-submit-tls--minimum (text)
  "Return TEXT, the least version of TLS, or signal `mew-submit-config'."
  (if (member text '("1.2" "1.3"))
      text
    (mew-submit-error--throw 'config nil "The least TLS version is 1.2 or 1.3, \
not %s" text)))

(defun mew-submit-tls--priority-string (account)
  "Return the GnuTLS priority string for ACCOUNT, or nil for the module's own.
A least version of 1.3 goes with any priority string of the account's."
  (let ((priority (plist-get account :tls-priority))
        (minimum (plist-get account :tls-minimum)))
    (if (and minimum (equal (mew-submit-tls--minimum minimum) "1.3"))
        (concat (or priority mew-submit-tls--priority) ":-VERS-TLS1.2")
      priority)))

;;; Pins

(defun mew-submit-tls--pin-place (pin)
  "Return what PIN is for: (ACCOUNT SERVER PORT)."
  (seq-take pin 3))

(defun mew-submit-tls--pins (name server ports)
  "Return what is pinned for the account called NAME at the PORTS of SERVER.
It is a list of (PORT . FINGERPRINT)."
  (delq nil
        (mapcar (lambda (port)
                  (let ((pin (seq-find (lambda (pin)
                                         (equal (mew-submit-tls--pin-place pin)
                                                (list name server port)))
                                       mew-submit-pins)))
                    (and pin (cons port (nth 3 pin)))))
                ports)))

(defun mew-submit-tls--add-pin (pin)
  "Add PIN, and take another one for the same place away."
  (mew-submit-error--save-option
   'mew-submit-pins
   (cons pin (seq-remove (lambda (other)
                           (equal (mew-submit-tls--pin-place other)
                                  (mew-submit-tls--pin-place pin)))
                         mew-submit-pins))))

(defun mew-submit-tls--remove-pin (pin)
  "Take PIN away."
  (mew-submit-error--save-option 'mew-submit-pins (remove pin mew-submit-pins)))

;;; The request

(defun mew-submit-tls--request (account host ports)
  "Return the part of a request about TLS, for ACCOUNT.
HOST is what it connects to, PORTS where.  Signal `mew-submit-config' for a
file or a version that cannot be used, `mew-submit-message' for a name."
  (when (and (plist-get account :key-file) (not (plist-get account :cert-file)))
    (mew-submit-error--throw 'config nil "A key needs its certificate: :cert-file"))
  (let ((name (plist-get account :tls-name)))
    (list
     :name (and name (mew-submit-address--host name))
     :ca-file (mew-submit-tls--file account :ca-file "CA file" t)
     :crl-file (mew-submit-tls--file account :crl-file "CRL file")
     :cert-file (mew-submit-tls--file account :cert-file "client certificate")
     :key-file (mew-submit-tls--file account :key-file
                                     "key of the client certificate")
     :priority (mew-submit-tls--priority-string account)
     :pins (mew-submit-tls--pins (plist-get account :name) host ports))))

(provide 'mew-submit-tls)
;;; mew-submit-tls.el ends here
