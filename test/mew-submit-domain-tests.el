;;; mew-submit-domain-tests.el --- Tests for policies and TLSA records -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What is read alone; domains as a whole are in test/domain.

;;; Code:

(require 'ert)
(require 'mew-submit-domain)
(require 'mew-submit-domain-dane)
(require 'mew-submit-domain-policy)
(require 'mew-submit-domain-zone)

(ert-deftest mew-submit-domain-tests-what-is-typed ()
  "A domain may have blanks around it, or be a mail address's."
  (dolist (typed '("example.org" " example.org " "me@example.org" "me@example.org. "))
    (should (equal (mew-submit-domain-zone--name typed) "example.org")))
  (dolist (wrong '("" " " "me@" "a b" "::1" "127.0.0.1"))
    (should-error (mew-submit-domain-zone--name wrong) :type 'mew-submit-message)))

(ert-deftest mew-submit-domain-tests-client ()
  "What no answer has told yet, or could not be asked, is not told as an answer."
  (pcase-dolist (`(,status ,words)
                 '((nil "not known") (failed "not known") (none "no server")
                   (no-name "no server")))
    (should (string-search
             words (mew-submit-domain--client
                    (list :domain "example.org"
                          :answers (and status
                                        (mapcar (lambda (key) (list key :status status))
                                                '(submission submissions)))))))))

(ert-deftest mew-submit-domain-tests-prefix-kept ()
  "A port that is silent here keeps and breaks no promise; one that is there does.
Port 25 is shut on most networks, and port 26 is not."
  (pcase-dolist (`(,host ,on-26 ,on-25 ,kept)
                 '(("smtps-a.example.org" good good t)
                   ("smtps-a.example.org" good silent nil)
                   ("smtps-a.example.org" silent good nil)
                   ("smtps-a.example.org" silent silent nil)
                   ("smtps-a.example.org" bare silent "port 26")
                   ("smtps-a.example.org" closed good "port 26")
                   ("starttls-a.example.org" closed good t)
                   ("starttls-a.example.org" good silent nil)
                   ("a.example.org" closed closed nil)))
    (let* ((attempt
            (lambda (port state)
              (append (list :port port :state 'ended :text (format "port %d" port)
                            :address "192.0.2.1" :service 'transfer)
                      (pcase state
                        ('good (list :case 1 :tls '(:verified t) :end '(:kind "ok")
                                     :starttls (and (= port 25) "offered")))
                        ('bare '(:case 1 :end (:kind "ok")))
                        ('closed '(:case 2))
                        ('silent '(:case 5))))))
           (told (mew-submit-domain-zone--prefix-kept
                  host (list :done '(:kind "ok")
                             :attempts (list (funcall attempt 26 on-26)
                                             (funcall attempt 25 on-25))))))
      (ert-info ((format "%s %s %s" host on-26 on-25))
        (if (stringp kept)
            (should (string-search kept told))
          (should (eq told kept)))))))

(ert-deftest mew-submit-domain-tests-policy-names ()
  "A pattern's star is one label, the first, and nothing else."
  (pcase-dolist (`(,pattern ,host ,names)
                 '(("mx.example.org" "MX.example.org" t)
                   ("mx.example.org" "mx.example.net" nil)
                   ("*.example.org" "mx.example.org" t)
                   ("*.example.org" "a.mx.example.org" nil)
                   ("*.example.org" "example.org" nil)
                   ("*.example.org" "org" nil)
                   ("*" "mx" nil)))
    (should (eq (and (mew-submit-domain-policy--names-p (list :mx (list pattern)) host) t)
                names))))

(ert-deftest mew-submit-domain-tests-policy-reads ()
  "A policy is read as RFC 8461 has it; the first of a key counts."
  (should (equal (mew-submit-domain-policy--read
                  "version: STSv1\r\nmode: enforce\r\nmode: none\r\nmx: A.example\r\n\
x: y\r\nmx:*.b.example\r\nmax_age: 604800\r\n")
                 '(:mode "enforce" :mx ("a.example" "*.b.example") :max-age 604800)))
  (dolist (text '("" "<html>" "version: STSv1\n" "version: STSv1\nmode: enforce\nmax_age: 1\n"
                  "version: STSv1\nmode: enforce\nmx: a\nmax_age: -1\n"))
    (should (plist-get (mew-submit-domain-policy--read text) :why))))

;; With a regexp that gives blanks back one by one it does not end.
(ert-deftest mew-submit-domain-tests-policy-blanks ()
  "Blanks in a policy, however many, are read step by step, and mean nothing."
  (let ((blanks (make-string 1000000 ?\s)))
    (should (equal (mew-submit-domain-policy--read
                    (concat "version:" blanks "STSv1\nx: a" blanks "b\nmode:\tnone \n"
                            "mode: a" blanks "b\nmax_age: 1\n"))
                   '(:mode "none" :mx nil :max-age 1)))))

(ert-deftest mew-submit-domain-tests-dane-garbage ()
  "Octets that are no certificate have no key, and no record names them by it."
  (dolist (octets (list "" "0" (unibyte-string 48 130 255 255) (unibyte-string 48 128 48 128)
                        (make-string 300 ?0) (unibyte-string 48 3 48 1 160)))
    (should-not (mew-submit-domain-dane--key octets))
    (should-not (mew-submit-domain-dane--names-p
                 (list :usage 3 :selector 1 :matching 1 :data (make-string 64 ?0)) octets))))

(ert-deftest mew-submit-domain-tests-dane-usable ()
  "Only records of usages 2 and 3, whose data are as long as they have to be, count."
  (pcase-dolist (`(,usage ,selector ,matching ,length ,usable)
                 '((3 1 1 64 t) (2 0 2 128 t) (3 0 0 2 t) (3 1 1 62 nil) (3 1 2 64 nil)
                   (0 1 1 64 nil) (1 1 1 64 nil) (4 1 1 64 nil) (3 2 1 64 nil) (3 1 3 64 nil)
                   (3 1 0 0 nil)))
    (should (eq (and (mew-submit-domain-dane--usable-p
                      (list :usage usage :selector selector :matching matching
                            :data (make-string length ?a)))
                     t)
                usable))))

;;; mew-submit-domain-tests.el ends here
