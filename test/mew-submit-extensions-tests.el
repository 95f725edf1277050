;;; mew-submit-extensions-tests.el --- Tests for SMTP extensions from Lisp -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What an account, an option or a field X-Mew-Submit-... asks of the server, up to
;; the commands that the server gets.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-extension)
(require 'mew-submit-test-helpers)

(defconst mew-submit-extensions-tests--message
  "From: me@example.org\nTo: you@example.org\nSubject: s\n\nbody\n"
  "A message.")

(defconst mew-submit-extensions-tests--listener
  (concat "127.0.0.1:0,name=all,chunking,cap2+=BINARYMIME,cap2+=REQUIRETLS,"
          "cap2+=DELIVERBY,cap2+=FUTURERELEASE 86400 2099-01-01T00:00:00Z,"
          "cap2+=MT-PRIORITY MIXER")
  "A listener that offers everything.")

;;; Values

(ert-deftest mew-submit-extensions-tests-values ()
  "What is right is brought into the form of SMTP, what is wrong is refused."
  (pcase-dolist
      (`(,key ,right . ,wrong)
       '((:dsn-notify
          (("never" . "NEVER") ("success" . "SUCCESS") ("Failure, delay" . "FAILURE,DELAY")
           (("success" "success") . "SUCCESS") ((failure delay) . "FAILURE,DELAY")
           (never . "NEVER") ("SUCCESS,FAILURE,DELAY" . "SUCCESS,FAILURE,DELAY"))
          "" "never,success" "sometimes" "success=1" "success\ndelay" () (1))
         (:dsn-return (("full" . "FULL") ("HDRS" . "HDRS") ("headers" . "HDRS"))
                      "" "half" "full " "full\r\nRSET")
         (:dsn-id (("QQ314159" . "QQ314159") ("a b+c=d" . "a b+c=d"))
                  "" "ü" "a\nb" "a\0b" "a\tb" 5
                  "0123456789012345678901234567890123456789012345678901234567890\
1234567890123456789012345678901234567890"
                  "====================================")
         (:require-tls ((t . yes) ("yes" . yes) ("No" . no) ("no" . no))
                       "" "maybe" 1)
         (:deliver-by (("120" . "120;R") (120 . "120;R") ("120;r" . "120;R")
                       ("-60;N" . "-60;N") ("0;n" . "0;N") ("+60;RT" . "60;RT"))
                      "" "0" "-5;R" "1h" "120;X" "1234567890" "5;" "5\r\n" 0)
         (:hold-for (("60" . "60") (60 . "60") ("0060" . "60"))
                    "" "0" "-1" "1.5" "1h" "1234567890" "6\n")
         (:hold-until (("2099-12-24T18:00:00Z" . "2099-12-24T18:00:00Z")
                       ("2099-12-24t18:00:00+01:30" . "2099-12-24T16:30:00Z"))
                      "" "2001-01-01T00:00:00Z" "2099-12-24" "tomorrow"
                      "2099-12-24T18:00:00" "2099-02-31T00:00:00Z"
                      "2099-13-01T00:00:00Z" "2099-12-24T25:00:00Z"
                      "2099-12-24T18:00:00Z\n" 5)
         (:mt-priority (("3" . "3") (-9 . "-9") ("+9" . "9") ("0" . "0"))
                       "" "10" "-10" "high" "1.5" "3\n")))
    (pcase-dolist (`(,value . ,expected) right)
      (ert-info ((format "%s %S" key value))
        (should (equal (mew-submit-extension--value key value "x" 'message)
                       expected))))
    (dolist (value wrong)
      (ert-info ((format "%s %S" key value))
        (should-error (mew-submit-extension--value key value "x" 'message)
                      :type 'mew-submit-message)))))

(ert-deftest mew-submit-extensions-tests-header-goes-first ()
  "What the header says goes before the account; what it spells wrongly is refused."
  (let ((account '(:dsn-notify "never" :hold-for 60 :require-tls t)))
    (should (equal (mew-submit-extension--request
                    (mew-submit-extension--merge
                     (copy-sequence account)
                     (mew-submit-extension--wishes
                      '(("dsn-notify" . "success") ("hold-until" . "2099-01-01T00:00:00Z")
                        ("require-tls" . "no")))))
                   '(:dsn-notify "SUCCESS" :require-tls nil
                                 :hold-until "2099-01-01T00:00:00Z")))
    (should (equal (mew-submit-extension--request account)
                   '(:dsn-notify "NEVER" :require-tls t :hold-for "60"))))
  (should-not (mew-submit-extension--wishes '(("foo" . "x") ("account" . "y")
                                              ("" . "z"))))
  (dolist (fields '((("requiretls" . "yes")) (("reqiure-tls" . "yes"))
                    (("envelop-id" . "x"))
                    (("dsn-notify" . "maybe"))
                    (("priority" . "1") ("priority" . "2"))
                    (("hold-for" . "1") ("hold-until" . "2099-01-01T00:00:00Z"))))
    (ert-info ((format "%S" fields))
      (should-error (mew-submit-extension--wishes fields)
                    :type 'mew-submit-message)))
  (should-error (mew-submit-extension--request
                 '(:hold-for 1 :hold-until "2099-01-01T00:00:00Z"))
                :type 'mew-submit-config))

;;; What the server gets

(ert-deftest mew-submit-extensions-tests-account ()
  "Every key of an account becomes its parameter."
  :tags '(:module)
  (mew-submit-test-with-peer (peer mew-submit-extensions-tests--listener)
    (let ((done (mew-submit-test-run
                 (mew-submit-test-account
                  peer "all" :dsn-notify '("success" "delay") :dsn-return "headers"
                  :dsn-id "id+1" :require-tls t :deliver-by "120;N" :hold-for 60
                  :mt-priority -3)
                 mew-submit-extensions-tests--message)))
      (should (equal (plist-get done :result) "delivered"))
      (let ((mail (car (mew-submit-test-lines peer "MAIL")))
            (rcpt (car (mew-submit-test-lines peer "RCPT"))))
        (dolist (parameter '("RET=HDRS" "ENVID=id+2B1" "REQUIRETLS" "BY=120;N"
                             "HOLDFOR=60" "MT-PRIORITY=-3"))
          (should (member parameter (split-string mail))))
        (should (member "NOTIFY=SUCCESS,DELAY" (split-string rcpt)))
        (should (member "ORCPT=rfc822;you@example.org" (split-string rcpt))))
      (should-not (mew-submit-test-violations peer)))))

(ert-deftest mew-submit-extensions-tests-header ()
  "A field asks for it as well, goes before the account, and never leaves."
  :tags '(:module)
  (mew-submit-test-with-peer (peer mew-submit-extensions-tests--listener)
    (let ((done (mew-submit-test-run
                 (mew-submit-test-account peer "all" :dsn-notify "never"
                                          :mt-priority 1 :require-tls t)
                 (concat "X-Mew-Submit-DSN-Notify: success,\r\n failure\r\n"
                         "x-mew-submit-dsn-return : FULL\r\n"
                         "X-Mew-Submit-Envelope-ID: QQ 1\r\n"
                         "X-Mew-Submit-Require-TLS: no\r\n"
                         "X-Mew-Submit-Deliver-By: 60\r\n"
                         "X-Mew-Submit-Hold-For: 30\r\n"
                         "X-Mew-Submit-Priority: 9\r\n"
                         (string-replace "\n" "\r\n"
                                         mew-submit-extensions-tests--message)))))
      (should (equal (plist-get done :result) "delivered"))
      (let ((mail (split-string (car (mew-submit-test-lines peer "MAIL")))))
        (dolist (parameter '("RET=FULL" "ENVID=QQ+201" "BY=60;R" "HOLDFOR=30"
                             "MT-PRIORITY=9"))
          (should (member parameter mail)))
        (should-not (member "REQUIRETLS" mail)))
      (should (string-search "NOTIFY=SUCCESS,FAILURE"
                             (car (mew-submit-test-lines peer "RCPT"))))
      (should (equal (mew-submit-test-stored peer)
                     (string-replace "\n" "\r\n"
                                     mew-submit-extensions-tests--message)))
      (should-not (mew-submit-test-violations peer)))))

(ert-deftest mew-submit-extensions-tests-batch ()
  "Every option becomes its parameter, and goes before the header."
  :tags '(:module)
  (mew-submit-test-with-peer (peer mew-submit-extensions-tests--listener)
    (let ((result
           (mew-submit-test-batch
            (list "--server" "127.0.0.1" "--ca-file" (mew-submit-test-ca peer)
                  "--routes" (format "%d:starttls"
                                     (mew-submit-test-port peer "all"))
                  "--dsn-notify" "failure,delay" "--dsn-return=full"
                  "--envid" "x=y" "--require-tls" "--deliver-by" "-5;N"
                  "--hold-for" "90" "--mt-priority" "-1" "you@example.org")
            :input (concat "X-Mew-Submit-Priority: 5\nX-Mew-Submit-Hold-Until: \
2099-01-01T00:00:00Z\n" mew-submit-extensions-tests--message))))
      (should (equal (plist-get result :status) 0))
      (let ((mail (split-string (car (mew-submit-test-lines peer "MAIL")))))
        (dolist (parameter '("RET=FULL" "ENVID=x+3Dy" "REQUIRETLS" "BY=-5;N"
                             "HOLDFOR=90" "MT-PRIORITY=-1"))
          (should (member parameter mail))))
      (should (string-search "NOTIFY=FAILURE,DELAY"
                             (car (mew-submit-test-lines peer "RCPT"))))
      (should-not (string-search "X-Mew-Submit" (mew-submit-test-stored peer)))
      (should-not (mew-submit-test-violations peer)))))

(ert-deftest mew-submit-extensions-tests-from-a-mail-buffer ()
  "A field in a mail buffer is heeded, though it is not in the outbox's copy."
  :tags '(:module)
  (mew-submit-test-with-peer (peer mew-submit-extensions-tests--listener)
    (let ((mew-submit-accounts (list (mew-submit-test-account peer "all")))
          (mew-submit-outbox-directory (mew-submit-test--peer-file peer "outbox"))
          (mail-aliases nil))
      (with-temp-buffer
        (insert "From: me@x\nTo: a@x\nX-Mew-Submit-Priority: 7\n"
                mail-header-separator "\nbody\n")
        (mew-submit-send-it))
      (dolist (session (mew-submit-job--list))
        (should (mew-submit-wait session mew-submit-test-patience)))
      (should (string-search " MT-PRIORITY=7"
                             (car (mew-submit-test-lines peer "MAIL"))))
      (should-not (string-search "X-Mew-Submit" (mew-submit-test-stored peer))))))

(ert-deftest mew-submit-extensions-tests-hold-until ()
  "A time becomes one in UTC; a field for it goes before an account's :hold-for."
  :tags '(:module)
  (mew-submit-test-with-peer (peer mew-submit-extensions-tests--listener)
    (should (equal (plist-get
                    (mew-submit-test-run
                     (mew-submit-test-account peer "all" :hold-for 60)
                     (concat "X-Mew-Submit-Hold-Until: 2098-12-31T23:00:00-01:00\n"
                             mew-submit-extensions-tests--message))
                    :result)
                   "delivered"))
    (let ((mail (split-string (car (mew-submit-test-lines peer "MAIL")))))
      (should (member "HOLDUNTIL=2099-01-01T00:00:00Z" mail))
      (should-not (seq-find (lambda (word) (string-prefix-p "HOLDFOR" word))
                            mail)))))

;;; What is wrong

(defconst mew-submit-extensions-tests--wrong
  '((65 "DSN-Notify: perhaps") (65 "Priority: high") (65 "Reqiure-TLS: yes")
    (65 "Hold-Until: 1999-01-01T00:00:00Z") (65 "Envelope-ID: \303\274")
    (65 "Deliver-By: 5;R\n X=1") (65 "Require-TLS:")
    (64 nil "--dsn-notify" "perhaps") (64 nil "--dsn-return=all")
    (64 nil "--deliver-by" "0") (64 nil "--hold-for" "1h")
    (64 nil "--hold-until" "tomorrow") (64 nil "--mt-priority" "12")
    (64 nil "--hold-for" "5" "--hold-until" "2099-01-01T00:00:00Z")
    (64 nil "--envid" "a\nb") (64 nil "--require-tls=yes"))
  "What is no wish: (STATUS FIELD ARGUMENT...).")

(ert-deftest mew-submit-extensions-tests-wrong-wishes-are-not-sent ()
  "A wrong field ends with 65, a wrong option with 64, a wrong account with 78."
  :tags '(:module)
  (mew-submit-test-with-peer (peer mew-submit-extensions-tests--listener)
    (let ((arguments (list "--server" "127.0.0.1" "--ca-file"
                           (mew-submit-test-ca peer) "--routes"
                           (format "%d:starttls" (mew-submit-test-port peer "all"))
                           "you@example.org")))
      (cl-mapc
       (pcase-lambda (`(,status ,field . ,more) result)
         (ert-info ((format "%s %S" field more))
           (let ((done (mew-submit-test-done result)))
             (should (equal (plist-get result :status) status))
             (should (equal (plist-get done :result) "refused"))
             (should (string-match-p
                      (regexp-quote (if field
                                        (car (split-string field ":"))
                                      (car (split-string (car more) "="))))
                      (plist-get done :text))))))
       mew-submit-extensions-tests--wrong
       (mew-submit-test-batches
        (mapcar (pcase-lambda (`(,_ ,field . ,more))
                  (cons (cons "--json" (append more arguments))
                        (concat (and field (format "X-Mew-Submit-%s\n" field))
                                mew-submit-extensions-tests--message)))
                mew-submit-extensions-tests--wrong)))
      (should-error (mew-submit-test-run
                     (mew-submit-test-account peer "all" :deliver-by "soon")
                     mew-submit-extensions-tests--message)
                    :type 'mew-submit-config)
      (should-not (mew-submit-test-log peer "connect")))))

(ert-deftest mew-submit-extensions-tests-not-offered ()
  "What a server cannot promise is not sent there; what is only a wish is left out."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=old,cap2-=DSN")
    (pcase-dolist (`(,result ,words . ,keys)
                   '(("insecure" "REQUIRETLS" :require-tls t)
                     ("refused" "DELIVERBY" :deliver-by 60)
                     ("refused" "FUTURERELEASE" :hold-for 60)
                     ("refused" "FUTURERELEASE" :hold-until "2099-01-01T00:00:00Z")))
      (ert-info ((format "%S" keys))
        (let ((done (mew-submit-test-run
                     (apply #'mew-submit-test-account peer "old" keys)
                     mew-submit-extensions-tests--message)))
          (should (equal (plist-get done :result) result))
          (should (string-search words (plist-get done :text)))
          ;; Not a word of the log-in, which was fine.
          (should (string-search "leave it out" (mew-submit-report--advice done)))
          (should (string-search words (mew-submit-report--reason done))))))
    (should-not (mew-submit-test-lines peer "MAIL"))
    (should (equal (plist-get (mew-submit-test-run
                               (mew-submit-test-account
                                peer "old" :dsn-notify "never" :dsn-id "x"
                                :mt-priority 2)
                               mew-submit-extensions-tests--message)
                              :result)
                   "delivered"))
    (should-not (mew-submit-test-violations peer))))

;; Some have limits of their own, which nobody told in words that people understand.
(ert-deftest mew-submit-extensions-tests-beyond-the-servers-limits ()
  "What the server says that it will not do is not asked for: its limit is told."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=some,cap2+=DELIVERBY 240,\
cap2+=FUTURERELEASE 3600 2098-12-31T00:00:00Z" "127.0.0.1:0,name=odd,cap2+=DELIVERBY x,\
cap2+=FUTURERELEASE -1 tomorrow" "127.0.0.1:0,name=more,cap2+=DELIVERBY 240\\,x\\,Y,\
cap2+=FUTURERELEASE 3600")
    (pcase-dolist (`(,server ,words . ,keys)
                   '(("some" "240 seconds at least" :deliver-by 239)
                     ("some" "3600 seconds at most" :hold-for 3601)
                     ("some" nil :deliver-by 240)
                     ("some" nil :deliver-by "60;N")
                     ("some" nil :hold-for 3600)
                     ("some" "until 2098-12-31T00:00:00Z at the latest"
                      :hold-until "2098-12-31T00:00:01Z")
                     ("some" nil :hold-until "2098-12-31T00:00:00Z")
                     ("more" "240 seconds at least" :deliver-by 239)
                     ("more" nil :hold-until "2099-12-31T00:00:00Z")
                     ("odd" nil :deliver-by 1)
                     ("odd" nil :hold-for 99999)
                     ("odd" nil :hold-until "2099-12-31T00:00:00Z")))
      (ert-info ((format "%s %S" server keys))
        (let* ((mails (length (mew-submit-test-lines peer "MAIL")))
               (done (mew-submit-test-run (apply #'mew-submit-test-account peer server keys)
                                          mew-submit-extensions-tests--message)))
          (should (equal (plist-get done :result) (if words "refused" "delivered")))
          (should (string-search (or words "") (plist-get done :text)))
          (should (= (length (mew-submit-test-lines peer "MAIL")) (if words mails (1+ mails)))))))
    (should-not (mew-submit-test-violations peer))))

;;; Binary

(ert-deftest mew-submit-extensions-tests-binary ()
  "A message that says that it is binary is sent as it is, where that is offered."
  :tags '(:module)
  (mew-submit-test-with-peer (peer mew-submit-extensions-tests--listener)
    (let ((text (concat "From: me@x\r\nTo: a@x\r\nMIME-Version: 1.0\r\n"
                        "Content-Type: application/octet-stream\r\n"
                        "Content-transfer-encoding: Binary (really)\r\n\r\n"
                        (apply #'unibyte-string (number-sequence 0 255))
                        "\n.\r.\r\n.\r\n")))
      (should (equal (plist-get (mew-submit-test-run
                                 (mew-submit-test-account peer "all") text)
                                :result)
                     "delivered"))
      (should (equal (mew-submit-test-stored peer) text))
      (should (string-search " BODY=BINARYMIME"
                             (car (mew-submit-test-lines peer "MAIL"))))
      ;; One that does not say so may not hold NUL.
      (let ((done (mew-submit-test-run
                   (mew-submit-test-account peer "all")
                   (string-replace "Binary (really)" "8bit" text))))
        (should (equal (plist-get done :kind) "message"))))))

(ert-deftest mew-submit-extensions-tests-binary-has-the-line-ends-of-the-wire ()
  "One whose header ends its lines otherwise is encoded, or refused where it is signed.
\(SECURITY: J1)."
  :tags '(:module)
  (mew-submit-test-with-peer (peer mew-submit-extensions-tests--listener)
    (let ((text (concat "From: me@x\nTo: a@x\nMIME-Version: 1.0\n"
                        "Content-Type: multipart/%s; boundary=b\n"
                        "Content-Transfer-Encoding: binary\n\n--b\n"
                        "Content-Type: application/x\nContent-Transfer-Encoding: binary\n\n"
                        "\0\1\r\n\377\r\r\n\n.\n--b--\n")))
      (should (equal (plist-get (mew-submit-test-run (mew-submit-test-account peer "all")
                                                     (format text "mixed"))
                                :result)
                     "delivered"))
      (let ((stored (mew-submit-test-stored peer)))
        (should-not (string-match-p "[^\r]\n" stored))
        (should (string-search "\r\n\r\nAAENCv8NDQoKLg==" stored)))
      (let ((done (mew-submit-test-run (mew-submit-test-account peer "all")
                                       (format text "signed"))))
        (should (equal (plist-get done :kind) "message"))
        (should (string-search "have to end in CRLF" (plist-get done :text))))
      (should-not (seq-find (lambda (line) (string-search "BODY=BINARY" line))
                            (mew-submit-test-lines peer "MAIL"))))))

(ert-deftest mew-submit-extensions-tests-binary-is-encoded-elsewhere ()
  "Where BINARYMIME is not offered a binary message is encoded, NUL or not."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=eight,chunking"
                                   "127.0.0.1:0,name=seven,cap2-=8BITMIME"
                                   "127.0.0.1:0,name=unchunked,cap2+=BINARYMIME")
    (let ((count 0))
      (dolist (name '("eight" "seven" "unchunked"))
        (dolist (octets (list (apply #'unibyte-string (number-sequence 1 255))
                              (apply #'unibyte-string (number-sequence 0 255))
                              "plain\nbut\r\nmixed\rlines"))
          (ert-info ((format "%s %S" name octets))
            (cl-incf count)
            (should (equal
                     (plist-get
                      (mew-submit-test-run
                       (mew-submit-test-account peer name)
                       (concat "From: me@x\r\nTo: a@x\r\nMIME-Version: 1.0\r\n"
                               "Content-Type: application/octet-stream\r\n"
                               "Content-Transfer-Encoding: binary\r\n\r\n" octets))
                      :result)
                     "delivered"))
            (let ((stored (mew-submit-test-stored peer count)))
              (should (string-match "^Content-Transfer-Encoding: base64\r\n" stored))
              (should (equal (base64-decode-string
                              (substring stored (+ 4 (string-search "\r\n\r\n" stored))))
                             octets))))))
      (should-not (seq-find (lambda (line) (string-search "BODY=BINARY" line))
                            (mew-submit-test-lines peer "MAIL")))
      (should-not (mew-submit-test-violations peer)))))

(ert-deftest mew-submit-extensions-tests-binary-is-read-from-the-header ()
  "Only the field of the whole message counts, with whatever is around it."
  (dolist (case '(("Content-Transfer-Encoding: binary" . t)
                  ("CONTENT-TRANSFER-ENCODING:\n BINARY" . t)
                  ("Content-Transfer-Encoding: 8bit")
                  ("Content-Transfer-Encoding: binaryish")
                  ("X-Content-Transfer-Encoding: binary")
                  ("Subject: x\n\nContent-Transfer-Encoding: binary")))
    (ert-info ((car case))
      (mew-submit-test-with-directory directory
        (let ((fields (mew-submit-message--fields
                       (mew-submit-test-write (expand-file-name "m" directory)
                                              (concat (car case) "\n\nb")))))
          (should (eq (and (mew-submit-message--binary-p fields) t)
                      (cdr case))))))))

(declare-function native-comp-available-p "comp.c" ())
(declare-function native-compile "comp" (function-or-file &optional output))

(ert-deftest mew-submit-extensions-tests-native ()
  "A time is read in native code, too: Emacs 28 once compiled that wrongly."
  (skip-unless (and (fboundp 'native-comp-available-p)
                    (native-comp-available-p)))
  (mew-submit-test-with-directory directory
    (let ((source (expand-file-name "lisp/mew-submit-extension.el"
                                    mew-submit-test-root)))
      (unwind-protect
          (progn
            (load (native-compile source (expand-file-name "x.eln" directory))
                  nil t t)
            (should (equal (mew-submit-extension--time "2099-01-01T00:00:00Z")
                           "2099-01-01T00:00:00Z"))
            (should-not (mew-submit-extension--time "2099-02-31T00:00:00Z")))
        (load (concat source "c") nil t t)))))

(provide 'mew-submit-extensions-tests)
;;; mew-submit-extensions-tests.el ends here
