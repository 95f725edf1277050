;;; mew-submit-finding-mailbox.el --- What a diagnosis says of POP and IMAP -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the judgements about the ports that mail is read from (RFC 2595, RFC
;; 8314): the password is the same as the one that sends.  Certificates, greetings and
;; handshakes are judged where those of all ports are.

;;; Code:

(require 'mew-submit-caseless)
(require 'mew-submit-diagnosis)
(require 'mew-submit-finding-make)
(require 'seq)

(defun mew-submit-finding--mailbox-p (attempt)
  "Does ATTEMPT lead to a port of POP or IMAP, without TLS at once, that answered?"
  (and (memq (plist-get attempt :service) '(pop imap))
       (not (equal (plist-get attempt :mode) "implicit"))
       (plist-get attempt :starttls)
       t))

(defun mew-submit-finding--mailbox-taken-p (attempt)
  "Does ATTEMPT's server take STARTTLS though it does not list it?"
  (eql 220 (plist-get (mew-submit-diagnosis--check attempt "starttls-unoffered") :code)))

(defun mew-submit-finding--mailbox-clear (attempt)
  "Return how ATTEMPT's server takes a password without TLS, or nil.
IMAP says LOGINDISABLED where it does not, POP lists USER where it does."
  (let ((words (mapcar #'mew-submit-caseless--up (plist-get attempt :capabilities-clear)))
        (mechanisms (seq-intersection (mapcar #'mew-submit-caseless--up
                                              (plist-get attempt :auth-clear))
                                      '("PLAIN" "LOGIN"))))
    (cond ((null words) nil)
          ((and (eq (plist-get attempt :service) 'imap)
                (not (member "LOGINDISABLED" words)))
           "LOGIN")
          ((and (eq (plist-get attempt :service) 'pop) (member "USER" words)) "USER")
          (t (car mechanisms)))))

(defconst mew-submit-finding--mailbox-elsewhere
  "Read mail through port 993 (IMAP) or 995 (POP), where TLS begins at once"
  "What to do where the ports of STARTTLS are not good.")

(defun mew-submit-finding--mailbox-starttls (attempts)
  "Return what has become of STARTTLS in ATTEMPTS, of POP and IMAP."
  (let ((missing (seq-filter (lambda (attempt)
                               (equal (plist-get attempt :starttls) "missing"))
                             attempts)))
    (append
     (mew-submit-finding--filter
      missing #'mew-submit-finding--mailbox-taken-p
      (lambda (those)
        (mew-submit-finding--make
         "mailbox-striptls" "error" those
         (concat mew-submit-finding--mailbox-elsewhere
                 ", or use another network; give no password here.")
         "Somebody on the way takes STARTTLS out of what %s offers: the command is \
taken all the same."
         (mew-submit-finding--where those))))
     (mew-submit-finding--filter
      missing
      (lambda (attempt) (not (mew-submit-finding--mailbox-taken-p attempt)))
      (lambda (those)
        (mew-submit-finding--make
         "mailbox-no-tls" "error" those
         (concat mew-submit-finding--mailbox-elsewhere
                 ".  The password is the one you send with: whoever is on the way can \
read it.")
         "%s offers no TLS, so no password is safe there."
         (mew-submit-finding--each those))))
     (mew-submit-finding--filter
      attempts
      (lambda (attempt) (equal (plist-get attempt :starttls) "mangled"))
      (lambda (those)
        (mew-submit-finding--make
         "mailbox-starttls-mangled" "error" those
         (concat mew-submit-finding--mailbox-elsewhere
                 ", and look for a firewall that inspects mail on the way.")
         "Something on the way writes over STARTTLS at %s: \"%s\" stands in its place."
         (mew-submit-finding--where those)
         (plist-get (car those) :starttls-instead))))
     (mew-submit-finding--filter
      attempts
      (lambda (attempt)
        (and (equal (plist-get attempt :starttls) "offered")
             (mew-submit-finding--stage-p attempt "starttls" "insecure")
             (null (plist-get (plist-get attempt :end) :failure))))
      (lambda (those)
        (mew-submit-finding--make
         "mailbox-starttls-refused" "error" those
         (concat mew-submit-finding--mailbox-elsewhere ".")
         "%s offers STARTTLS and does not start it."
         (mew-submit-finding--each those)))))))

(defun mew-submit-finding--mailboxes (diagnosis)
  "Return the findings of DIAGNOSIS about POP and IMAP."
  (let ((attempts (seq-filter #'mew-submit-finding--mailbox-p
                              (mew-submit-finding--ended diagnosis))))
    (append
     (mew-submit-finding--mailbox-starttls attempts)
     (mew-submit-finding--filter
      attempts
      (lambda (attempt)
        ;; Where there is no TLS nothing else can be meant.
        (and (equal (plist-get attempt :starttls) "offered")
             (mew-submit-finding--mailbox-clear attempt)))
      (lambda (those)
        (mew-submit-finding--make
         "mailbox-login-in-clear" "warning" those
         "Set your mail reader to insist on TLS, or to port 993 or 995, and tell the \
server's administrator: a reader that does not insist shows the password to everybody on \
the way."
         "%s takes a password without TLS (%s)." (mew-submit-finding--each those)
         (mew-submit-finding--mailbox-clear (car those))))))))

(provide 'mew-submit-finding-mailbox)
;;; mew-submit-finding-mailbox.el ends here
