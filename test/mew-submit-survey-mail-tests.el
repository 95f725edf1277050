;;; mew-submit-survey-mail-tests.el --- Tests for mew-submit-survey-mail.el -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'mew-submit-survey-fieldtest)
(require 'mew-submit-survey-mail)
(require 'mew-submit-test-helpers)

(defun mew-submit-survey-mail-tests--test ()
  "Return a survey of three servers that is complete."
  (let ((test (mew-submit-survey-fieldtest--new
               (mew-submit-survey-fieldtest--parse "mx.secret.example.org boss\nb.example.org\nc.example.org")
               :ports "587")))
    (pcase-dolist (`(,host . ,attempts)
                   '(("mx.secret.example.org"
                      (:port 587 :family "ipv4" :address "192.0.2.77" :case 1 :ms 12.4 :greeting t
                             :starttls "offered" :tls t :verified t :auth t))
                     ("b.example.org"
                      (:port 587 :family "ipv4" :address "192.0.2.78" :case 3 :ms 3.2
                             :icmp (:type 3 :code 13 :name "x")
                             :offender (:address "192.0.2.254" :who "router"))
                      (:port 587 :family "ipv6" :address "2001:db8::78" :case 5 :ms 10000))
                     ("c.example.org" (:port 587 :family "ipv4" :case "2 or 3" :ms 1))))
      (puthash (cons host "587") (list :host host :ports "587" :attempts attempts)
               (mew-submit-survey-fieldtest-found test)))
    (setf (mew-submit-survey-fieldtest-pending test) nil)
    test))

(defun mew-submit-survey-mail-tests--cases (surveys)
  "Return the cases of port 587 in SURVEYS that occur: ((CASE . COUNT)...)."
  (seq-filter (lambda (entry) (< 0 (cdr entry)))
              (plist-get (mew-submit-survey-statistics--cell
                          (mapcan (lambda (survey) (copy-sequence (cdr survey))) surveys) 587 nil)
                         :counts)))

(defconst mew-submit-survey-mail-tests--expected
  '((1 . 1) ("2 or 3" . 1) ("mixed" . 1))
  "The cases of the survey above.")

(defun mew-submit-survey-mail-tests--collect (&rest mails)
  "Return the surveys in MAILS, each written to a file."
  (mew-submit-test-with-directory directory
    (let ((number 0))
      (dolist (mail mails)
        (mew-submit-test-write (format "%s%d" directory (cl-incf number)) mail)))
    (mew-submit-survey-mail--collect (list directory))))

(ert-deftest mew-submit-survey-mail-tests-has-no-names ()
  "What is mailed has no name, user or address, and short lines of ASCII."
  (let ((text (mew-submit-survey-mail--text (mew-submit-survey-mail-tests--test))))
    (dolist (name '("secret" "boss" "example" "192\\.0" "2001:" "\\b254\\b"))
      (should-not (string-match-p name text)))
    (should (string-match-p "\\`[[:ascii:]]*\\'" text))
    (dolist (line (split-string text "\n"))
      (should (< (length line) 79)))))

(ert-deftest mew-submit-survey-mail-tests-duplicates-are-found-by-a-salted-hash ()
  "Who agreed upon a salt sends hashes, by which a server in two mails counts once."
  (let* ((mail (lambda (salt)
                 (let ((mew-submit-survey-salt salt))
                   (concat "From: a@example.net\n\n"
                           (mew-submit-survey-mail--text
                            (mew-submit-survey-mail-tests--test))))))
         (sum (lambda (&rest mails)
                (mew-submit-survey-mail--sum
                 (apply #'mew-submit-survey-mail-tests--collect mails)))))
    (should-not (string-match-p "^Server: " (funcall mail nil)))
    (let ((text (funcall mail "agreed")))
      (should (string-match-p "^Server: 1 [0-9a-f]\\{32\\}$" text))
      (should-not (string-match-p "agreed\\|secret\\|example\\.org" text)))
    (let ((same (funcall sum (funcall mail "agreed") (funcall mail "agreed"))))
      (should (string-match-p "^2 surveys:\n6 reports\n6 without .*\n3 servers without" same))
      (should (string-match-p "^1: answers +1, 33 %" same))
      (should-not (string-match-p "have no hashes" same)))
    (should (string-match-p "^6 servers without"
                            (funcall sum (funcall mail "agreed") (funcall mail "other"))))
    (let ((half (funcall sum (funcall mail "agreed") (funcall mail nil))))
      (should (string-match-p "^6 servers without" half))
      (should (string-match-p "^1 of them have no hashes" half)))))

(ert-deftest mew-submit-survey-mail-tests-what-is-inside-is-not-sent ()
  "A server in a private network is in no mail, but it was a report."
  (let ((test (mew-submit-survey-mail-tests--test)))
    (plist-put (car (plist-get (gethash '("c.example.org" . "587")
                                        (mew-submit-survey-fieldtest-found test))
                               :attempts))
               :address "10.0.0.7")
    (let ((text (mew-submit-survey-mail--text test)))
      (should (string-match-p "^Reports: 3\nOutside: 2\nServers: 2$" text))
      (should-not (string-match-p "2/3" text))
      (should (string-match-p "^3 reports\n2 without .*\n2 servers"
                              (mew-submit-survey-mail--sum
                               (mew-submit-survey-mail-tests--collect text)))))))

(ert-deftest mew-submit-survey-mail-tests-adds-up ()
  "What was mailed is read again as it was, in every way a mail program may carry it."
  (let* ((text (mew-submit-survey-mail--text (mew-submit-survey-mail-tests--test)))
         (head "From: a@example.net\nSubject: survey\nMIME-Version: 1.0\n"))
    (dolist (mail (list (concat head "\n" text)
                        (concat head "\n" (replace-regexp-in-string "^" "> " text))
                        (concat head "\n" (string-replace "\n" "\r\n" text))
                        (concat head "Content-Type: text/plain; charset=utf-8\n"
                                "Content-Transfer-Encoding: base64\n\n"
                                (base64-encode-string text))
                        (concat head "Content-Type: text/plain; charset=utf-8\n"
                                "Content-Transfer-Encoding: quoted-printable\n\n"
                                (string-replace "-----BEGIN" "=2D----BEGIN" text))
                        (concat head "Content-Type: multipart/mixed; boundary=xx\n\n--xx\n"
                                "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
                                (base64-encode-string text) "\n--xx--\n")))
      (let ((surveys (mew-submit-survey-mail-tests--collect mail)))
        (should (= 1 (length surveys)))
        (should (equal (mew-submit-survey-mail-tests--cases surveys)
                       mew-submit-survey-mail-tests--expected))))))

(ert-deftest mew-submit-survey-mail-tests-counts-each-survey-once ()
  "The same survey in two mails counts once, two surveys twice; an mbox is many mails."
  (let* ((mail (lambda ()
                 (concat "From: a@example.net\n\n"
                         (mew-submit-survey-mail--text (mew-submit-survey-mail-tests--test)))))
         (one (funcall mail))
         (two (funcall mail)))
    (should (= 1 (length (mew-submit-survey-mail-tests--collect one one))))
    (should (= 2 (length (mew-submit-survey-mail-tests--collect one two one))))
    (let ((surveys (mew-submit-survey-mail-tests--collect
                    (concat "From a Mon Jan  1 00:00:00 2026\n" one
                            "\nFrom b Mon Jan  1 00:00:00 2026\n" two))))
      (should (= 2 (length surveys)))
      (should (string-match-p "^6 servers without" (mew-submit-survey-mail--sum surveys)))
      (should (equal (mew-submit-survey-mail-tests--cases surveys)
                     '((1 . 2) ("2 or 3" . 2) ("mixed" . 2)))))))

(ert-deftest mew-submit-survey-mail-tests-trusts-no-mail ()
  "A line that is not one is left out, nothing is evaluated, and a survey needs all its parts."
  (let ((block (lambda (&rest lines)
                 (concat "Subject: x\n\n-----BEGIN MEW-SUBMIT SURVEY-----\n"
                         (string-join lines "\n") "\n-----END MEW-SUBMIT SURVEY-----\n"))))
    (should-not (mew-submit-survey-mail-tests--collect
                 (funcall block "Version: 1" "1 587 v4 1 1 - - -")))
    (should-not (mew-submit-survey-mail-tests--collect
                 (funcall block "Version: 2" "Id: x" "1 587 v4 1 1 - - -")))
    (should-not (mew-submit-survey-mail-tests--collect
                 "Subject: x\n\n-----BEGIN MEW-SUBMIT SURVEY-----\nVersion: 1\nId: x\n1 587 v4 1 1 - - -"))
    (let ((surveys (mew-submit-survey-mail-tests--collect
                    (funcall block "Version: 1" "Id: x" "1 587 v4 1 1 - - -" "2 587 v4 7 1 - - -"
                             "3 587 v9 1 1 - - -" "4 999999 v4 1 1 - - -" "#.(kill-emacs)"
                             "5 587 v4 1 1 - (kill-emacs) -" "6 587 v4 2 1 3/13 router gst extra"))))
      (should (equal (mew-submit-survey-mail-tests--cases surveys) '((1 . 1)))))))

;; Trimmed as a whole such a line does not end.
(ert-deftest mew-submit-survey-mail-tests-long-lines ()
  "A line that is longer than ours are is none of a survey, and holds up nobody."
  (let ((text (mew-submit-survey-mail--text (mew-submit-survey-mail-tests--test))))
    (should (equal (mew-submit-survey-mail--surveys
                    (string-replace "\nVersion: 1\n"
                                    (format "\nVersion: 1\nx%sy\n" (make-string 2000000 ?\s))
                                    text))
                   (mew-submit-survey-mail--surveys text)))))

(ert-deftest mew-submit-survey-mail-tests-composes-and-sends-nothing ()
  "The command fills a mail buffer, to the collector, and sends nothing."
  (save-window-excursion
    (let ((mew-submit-survey-collector "collector@example.net")
          (mail-user-agent 'message-user-agent)
          (message-send-mail-function (lambda () (ert-fail "It was sent"))))
      (mew-submit-survey-report (mew-submit-survey-mail-tests--test))
      (should (string-match-p "^To: collector@example\\.net" (buffer-string)))
      (should (string-match-p "^-----BEGIN MEW-SUBMIT SURVEY-----$" (buffer-string)))
      (set-buffer-modified-p nil)
      (kill-buffer))))

(ert-deftest mew-submit-survey-mail-tests-shows-the-sum ()
  "M-x mew-submit-survey-collect shows the sum of a file of mails."
  (mew-submit-test-with-directory directory
    (save-window-excursion
      (let ((file (concat directory "mails")))
        (mew-submit-test-write file "Subject: x\n\nnothing\n")
        (should-error (mew-submit-survey-collect file) :type 'user-error)
        (mew-submit-test-write
         file (concat "Subject: x\n\n"
                      (mew-submit-survey-mail--text (mew-submit-survey-mail-tests--test))))
        (mew-submit-survey-collect file)
        (with-current-buffer "*mew-submit surveys*"
          (should (string-match-p "^3 servers without" (buffer-string)))
          (should (string-match-p "^2 or 3 +1, 33 % (6-79)" (buffer-string)))
          (kill-buffer))))))

(provide 'mew-submit-survey-mail-tests)
;;; mew-submit-survey-mail-tests.el ends here
