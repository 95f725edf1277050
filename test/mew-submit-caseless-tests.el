;;; mew-submit-caseless-tests.el --- Tests for words of protocols in any language -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'ert)
(require 'mew-submit)
(require 'mew-submit-account)
(require 'mew-submit-batch-options)
(require 'mew-submit-caseless)
(require 'mew-submit-cause)
(require 'mew-submit-extension)
(require 'mew-submit-https)
(require 'mew-submit-issuer)
(require 'mew-submit-oauth)
(require 'mew-submit-relay-smtp)
(require 'mew-submit-setup-provider)
(require 'mew-submit-setup-discover)
(require 'mew-submit-sevenbit)
(require 'mew-submit-time)
(require 'mew-submit-token)
(require 'mew-submit-token-source)
(require 'sendmail)

(defvar url-proxy-services)

(defmacro mew-submit-caseless-tests--in-turkish (&rest body)
  "Evaluate BODY where the small letter of I is no i, as in a Turkish Emacs."
  (declare (indent 0) (debug t))
  `(let ((before (standard-case-table)))
     (unwind-protect
         (progn
           (set-standard-case-table (copy-case-table before))
           (turkish-case-conversion-enable)
           (with-temp-buffer
             ;; Strings of ASCII are spared from Emacs 30 on.
             (should-not (eq (upcase ?i) ?I))
             ,@body))
       (set-standard-case-table before))))

(ert-deftest mew-submit-caseless-tests-letters ()
  "I is the capital letter of i, and other letters are what they are."
  (mew-submit-caseless-tests--in-turkish
    (pcase-dolist (`(,big ,small) '(("MAIL.EXAMPLE.ORG" "mail.example.org")
                                    ("ÄÖÉЖΩ" "äöéжω") ("" "")))
      (should (equal (mew-submit-caseless--down big) small))
      (should (equal (mew-submit-caseless--up small) big)))
    ;; What is unibyte stays what it is otherwise.
    (should (equal (mew-submit-caseless--down "MESSAGE-ID\351")
                   "message-id\351"))))

(ert-deftest mew-submit-caseless-tests-words ()
  "Keywords, mechanisms, fields and words of a time are known in a Turkish Emacs."
  (mew-submit-caseless-tests--in-turkish
    (should (equal (mew-submit-account--without '("pipelining")) "PIPELINING"))
    (should (equal (mew-submit-batch-options--mechanism "plain") "PLAIN"))
    (should (equal (mew-submit-extension--request
                    '(:dsn-notify ("failure") :require-tls "YES"))
                   '(:dsn-notify "FAILURE" :require-tls t)))
    (should (equal (mew-submit-extension--wishes '(("envelope-id" . "x")))
                   '(:dsn-id "x")))
    (should (mew-submit-time--parse "In 2 hours"))
    (should (mew-submit-time--parse "Friday 18:00"))
    (should (equal (car (mew-submit-relay-smtp--command "mail from:<a@x>")) "MAIL"))
    (should (equal (mew-submit-account--server-name '(:server "MAIL.EXAMPLE.ORG"))
                   "mail.example.org "))))

(ert-deftest mew-submit-caseless-tests-classes ()
  "A class of letters has the I in a Turkish Emacs; so long words are hidden whole."
  (mew-submit-caseless-tests--in-turkish
    (let ((case-fold-search t)
          (secret "aaaaaaaaaaaaIbbbbbbbbbbbbI"))
      (should (equal (mew-submit-oauth--hide secret) "****"))
      (should (equal (mew-submit-issuer--hide secret) "****"))
      (should (equal (mew-submit-account--without '("CHUNKING")) "CHUNKING"))
      (should (equal (mew-submit-address--domain "[IPv6:::1]") "[IPv6:::1]"))
      (should (equal (mew-submit-address--domain "MAIL.EXAMPLE") "MAIL.EXAMPLE"))
      (should (equal (car (mew-submit-relay-smtp--command "MAIL FROM:<a@x>")) "MAIL"))
      ;; Base64 of so much has an I in it.
      (let ((key (make-string 32 ?k))
            (kept (list :refresh (make-string 9999 ?r))))
        (should (equal (mew-submit-token--unseal (mew-submit-token--seal kept key "id")
                                                 key "id")
                       kept)))
      (should (equal (mew-submit-setup-discover--expand "%EMAILADDRESS%" "x" "a@x")
                     "a@x")))))

(ert-deftest mew-submit-caseless-tests-ascii ()
  "I is a printable character of ASCII in a Turkish Emacs, too."
  (mew-submit-caseless-tests--in-turkish
    (let ((case-fold-search t))
      ;; There is one in nearly every token.
      (should (mew-submit-issuer--usable-p "eyJ0eXAiOiJKV1QiLCJI"))
      (mew-submit-token-source--reply '(:user "me") "eyJ0eXAiOiJKV1QiLCJI"
                                      (lambda (answer)
                                        (should (equal (cdr answer) "eyJ0eXAiOiJKV1QiLCJI"))))
      (should (equal (mew-submit-extension--id "ID-I") "ID-I"))
      (should (equal (mew-submit-relay-smtp--xtext "I+2BI" "ENVID") "I+I"))
      (dolist (address '("INFO@x" "I@x"))
        (dolist (address (list address (string-to-multibyte address)))
          (should (equal (mew-submit-relay-smtp--checked address "5.1.3" nil) address))))
      (should (mew-submit-account--homeless-p "me@I.LOCAL"))
      (should (equal (mew-submit-setup-provider--url-host "https://ISSUER.example/") "issuer.example"))
      (should (equal (mew-submit-sevenbit-header--encode-field
                      "Subject: \303\274 IN ISTANBUL I\n")
                     "Subject: =?utf-8?Q?=C3=BC?= IN ISTANBUL I\n")))))

(ert-deftest mew-submit-caseless-tests-searches ()
  "Fields, hosts and addresses are found in a Turkish Emacs, whatever their case."
  (mew-submit-caseless-tests--in-turkish
    (dolist (here '("Message-Id: <1@x>\n" "MESSAGE-ID: <1@x>\n"))
      (erase-buffer)
      (insert here)
      (mew-submit--add-field (point-max-marker) "Message-ID" (lambda () "<2@x>"))
      (should (equal (buffer-string) here)))
    (erase-buffer)
    (insert "Mime-Version: 1.0\n\nä")
    (let ((mail-send-nonascii 'mime))
      (mew-submit--mime-charset (copy-marker 19) 'utf-8))
    (should-not (string-search "charset" (buffer-string)))
    (should (mew-submit-account--fits-p '(:from "@mail.example.org") "a@MAIL.example.org"))
    (should (mew-submit-account--fits-p '(:from "^info@") "INFO@example.org"))
    (should (mew-submit-extension--original "RFC822;INFO@example.org"))
    (let ((url-proxy-services '(("https" . "PROXY-I:8080"))))
      (should (equal (mew-submit-https--proxy (mew-submit-https--parse "https://a.example/"))
                     '("PROXY-I" . 8080))))
    (should-not (mew-submit-setup-discover--foreign-p "SMTP.MAIL.example.org"
                                                      "mail.example.org"))
    (erase-buffer)
    (insert "CONTENT-DISPOSITION: inline\n\n")
    (should (mew-submit-sevenbit-header--find-field "Content-Disposition"))
    ;; What is written meanwhile is written in Turkish.
    (should-not (eq (upcase ?i) ?I))))

(ert-deftest mew-submit-caseless-tests-refusals ()
  "Why a server refuses does not depend on the language of the user."
  (dolist (reply '((:rcpt 550 "5.1.1" "INVALID RECIPIENT, NO SUCH MAILBOX HERE")
                   (:auth 535 "5.7.8" "AUTHENTICATION CREDENTIALS INVALID")
                   (:auth 534 "5.7.9" "Application-specific password required")
                   (:dot 552 "5.3.4" "Message SIZE exceeds FIXED LIMIT")
                   (:greeting 554 "" "YOUR IP IS LISTED AT SPAMHAUS")))
    (ert-info ((nth 3 reply))
      (let ((here (apply #'mew-submit-cause--of reply)))
        (should-not (eq (plist-get here :cause) 'policy-unspecified))
        (mew-submit-caseless-tests--in-turkish
          (should (equal (apply #'mew-submit-cause--of reply) here)))))))

(ert-deftest mew-submit-caseless-tests-nobody-else ()
  "Only what is said to people in their own words has the case of their language.
Is something ASCII, or printable, is asked of `mew-submit-caseless--exactly-p'."
  (let (found)
    (dolist (file (cons (concat (file-name-sans-extension (locate-library "mew-submit")) ".el")
                        (directory-files (file-name-directory (locate-library "mew-submit-caseless"))
                                   t "\\.el\\'")))
      (unless (string-match-p "caseless\\|loaddefs" file)
        (with-temp-buffer
          (insert-file-contents file)
          (while (re-search-forward "(\\(?:down\\|up\\)case \\|#'\\(?:down\\|up\\)case\\_>\\|\
case-fold-search t\\_>\\|(string-match-p[ \n]+\"\\\\\\\\?`?\\[^?\\(?:\\[:ascii:\\|[ !]-~\\)" nil t)
            (push (format "%s:%d" (file-name-nondirectory file)
                          (line-number-at-pos))
                  found)))))
    (should-not found)))

(provide 'mew-submit-caseless-tests)
;;; mew-submit-caseless-tests.el ends here
