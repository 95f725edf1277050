;;; k-injection.el --- Faults K: injection by addresses, names and options -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Commands and parameters in whatever goes into a command.  What cannot be carried is refused before
;; connecting, by the Lisp side and, where that is passed by (:request), by the module again.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-faults-scenario "faults/scenario")

(defconst mew-submit-faults-k--addresses
  '(("K1" "ann@example.org\r\nDATA") ("K1" "ann@example.org\nRSET") ("K1" "ann@example.org\rRSET")
    ("K1" "ann@example.org>\r\nRCPT TO:<eve@example.org") ("K1" "\r\nann@example.org")
    ("K1" "ann\r\nRSET\r\n@example.org") ("K1" "ann@example.org\r\n")
    ("K3" "ann@example.org>") ("K3" "<ann@example.org>") ("K3" "<ann@example.org")
    ("K3" "ann@example.org> SIZE=1") ("K3" "ann@example.org> NOTIFY=NEVER ORCPT=<x")
    ("K3" "ann@example.org NOTIFY=NEVER")
    ("K4" "\"ann\r\nRSET\"@example.org") ("K4" "\"ann\nRSET\"@example.org")
    ("K4" "\"ann\\\r\\\nRSET\"@example.org") ("K4" "\"ann\"\r\n@example.org")
    ("K4" "\"ann@example.org") ("K4" "\"ann\\\"@example.org")
    ("K5" "ann @example.org") ("K5" "ann@exam ple.org") ("K5" " ann@example.org")
    ("K5" "ann@example.org ") ("K5" "ann\t@example.org") ("K5" "ann\0@example.org")
    ("K5" "ann@example.org\0") ("K5" "ann\e[2J@example.org") ("K5" "ann\177@example.org")
    ("K5" "ann\b@example.org") ("K5" "\"ann\0\"@example.org")
    ("K7" "ann@example.org\x2028RCPT") ("K7" "ann\x85@example.org") ("K7" "ann\x202E@example.org")
    ("K7" "ann\x200B@example.org") ("K7" "ann\x2029@example.org"))
  "Addresses that cannot be carried: (ROW ADDRESS).")

(defconst mew-submit-faults-k--lisp-only
  '(("K7" "ann@example.org\x010D\x010ARSET") ("K7" "ann\xA0@example.org") ("K7" "ann\x3000@example.org")
    ("K3" "ann@@example.org") ("K3" "ann@example..org") ("K3" "ann@-example.org") ("K3" "@example.org")
    ("K5" "ann,bob@example.org") ("K5" "ann;bob@example.org") ("K5" "ann:bob@example.org")
    ("K5" "ann(x)@example.org"))
  "Addresses that would do no harm in a command, and are no addresses: (ROW ADDRESS).")

(defun mew-submit-faults-k--address (row address)
  "Return entries of ROW for ADDRESS that the Lisp side refuses, as recipient and as sender."
  (list
   `(,(format "%s recipient %s" row (mew-submit-faults-show address)) :recipients (,address) :kind message :reach nothing)
   `(,(format "%s recipient behind a good one %s" row (mew-submit-faults-show address))
     :recipients ("bob@example.org" ,address) :kind message :reach nothing)
   `(,(format "%s sender %s" row (mew-submit-faults-show address)) :from ,address :kind message :reach nothing)))

(defun mew-submit-faults-k--address-past (row address)
  "Return entries of ROW for ADDRESS that the module refuses, as recipient and as sender."
  (list
   `(,(format "%s recipient, past the Lisp side: %s" row (mew-submit-faults-show address))
     :request (:recipients ("bob@example.org" ,address)) :kind (message config) :reach nothing)
   `(,(format "%s sender, past the Lisp side: %s" row (mew-submit-faults-show address))
     :request (:from ,address) :kind (message config) :reach nothing)))

(defun mew-submit-faults-k--helo (helo)
  "Return entries for HELO, which cannot be the argument of EHLO."
  (list
   `(,(format "K8 helo %s" (mew-submit-faults-show helo)) :account (:helo ,helo) :kind (message config) :reach nothing)
   `(,(format "K8 helo, past the Lisp side: %s" (mew-submit-faults-show helo)) :request (:helo ,helo)
     :kind (message config) :reach nothing)))

(defun mew-submit-faults-k--host (host)
  "Return entries for HOST, which cannot be a server's name."
  (list
   `(,(format "K9 server %s" (mew-submit-faults-show host)) :account (:server ,host) :kind (message config) :reach nothing)
   `(,(format "K9 server, past the Lisp side: %s" (mew-submit-faults-show host)) :request (:host ,host)
     :kind (message config host) :reach nothing)
   `(,(format "K9 name for the certificate, past the Lisp side: %s" (mew-submit-faults-show host)) :request (:name ,host)
     :kind (message config insecure internal tls) :reach (nothing connection) :connections (0 1))))

(defconst mew-submit-faults-k--extensions
  '("cap2+=DELIVERBY" "cap2+=FUTURERELEASE 86400 2030-01-01T00:00:00Z" "cap2+=MT-PRIORITY MIXER"
    "cap2+=REQUIRETLS")
  "What a server offers that knows all that can be asked for.")

(defun mew-submit-faults-k--parameter (key value)
  "Return an entry for VALUE of the request's KEY, which becomes a parameter of MAIL or RCPT."
  `(,(format "K3 %s %s" key (mew-submit-faults-show value)) :peer ,mew-submit-faults-k--extensions
    :request (,key ,value) :kind (message config) :reach nothing))

(defun mew-submit-faults-k--lawful (row name address wanted)
  "Return entries of ROW called NAME for ADDRESS, which arrives as WANTED."
  (list `(,(format "%s recipient: %s" row name) :recipients (,address) :kind ok
          :envelope ("joe@example.org" ,wanted))
        `(,(format "%s sender: %s" row name) :from ,address :kind ok
          :envelope (,wanted "ann@example.org"))))

(defun mew-submit-faults-k--in-header (name header recipients &rest more)
  "Return an entry called NAME for a message with HEADER, which names RECIPIENTS; MORE are keys."
  `(,(format "K12 %s" name) ,@more :message ,(concat header "\n\nHello\n") :recipients nil :kind ok
    :envelope ("joe@example.org" ,@recipients)))

(defconst mew-submit-faults-k
  (append
   (seq-mapcat (lambda (entry) (apply #'mew-submit-faults-k--address entry))
               (append mew-submit-faults-k--addresses mew-submit-faults-k--lisp-only))
   (seq-mapcat (lambda (entry) (apply #'mew-submit-faults-k--address-past entry))
               mew-submit-faults-k--addresses)
   (mew-submit-faults-table
    nil
    '("K5 an empty recipient" :recipients ("") :kind message :reach nothing)
    '("K5 an empty recipient, past the Lisp side" :request (:recipients ("")) :kind message
      :reach nothing)
    '("K5 no recipient" :recipients nil :message "Subject: x\n\nx\n" :kind message :reach nothing)
    '("K5 no recipient, past the Lisp side" :request (:recipients nil) :kind message :reach nothing)
    `("K5 an address of 300 octets" :recipients (,(concat (make-string 288 ?a) "@example.org"))
      :kind message :reach nothing)
    `("K5 an address of 300 octets, past the Lisp side"
      :request (:recipients (,(concat (make-string 288 ?a) "@example.org"))) :kind message
      :reach nothing)
    '("K6 a recipient that is not ASCII, no SMTPUTF8" :peer ("cap2-=SMTPUTF8")
      :recipients ("ann@example.org" "bücher@example.org") :kind message :reach (connection auth)
      :text "bücher@example\\.org")
    '("K6 a sender that is not ASCII, no SMTPUTF8" :peer ("cap2-=SMTPUTF8")
      :from "bücher@example.org" :kind message :reach (connection auth)
      :text "bücher@example\\.org")
    '("K6 a recipient that is not ASCII, and SMTPUTF8" :recipients ("bücher@example.org") :kind ok
      :saw-line "^MAIL .* SMTPUTF8")
    '("K6 a recipient that is not ASCII, EAI domain" :recipients ("bücher@bücher.example.org")
      :kind ok :saw-line "^MAIL .* SMTPUTF8"))
   (seq-mapcat #'mew-submit-faults-k--helo
               '("x\r\nMAIL FROM:<eve@example.org>" "x\nRSET" "x\rRSET" "x y" "x " " x" "x\0y" "x\ty"
                 "[127.0.0.1]\r\nRSET" "[127.0.0.1 x]" "bad_\x2028name" ""))
   (seq-mapcat #'mew-submit-faults-k--host
               '("127.0.0.1\r\nRSET" "smtp.example.org\r\n" "smtp example.org" "smtp\0.example.org"
                 "smtp.example.org/x" "user@smtp.example.org" "../../etc/passwd" "<smtp.example.org>"
                 "smtp..example.org" "%s%s%n"))
   (cl-loop for key in '(:dsn-return :dsn-notify :deliver-by :hold-for :hold-until :mt-priority)
            append (cl-loop for value in '("1\r\nRSET" "1\nRSET" "1 SIZE=1" "1\rRSET" "1\0" "1=2" "ü")
                            collect (mew-submit-faults-k--parameter key value)))
   (mew-submit-faults-table
    '(:kind ok)
    '("K3 an envelope identifier with CRLF is encoded" :request (:dsn-id "a\r\nRSET b=+")
      :saw-line "ENVID=a\\+0D\\+0ARSET\\+20b\\+3D\\+2B$")
    `("K3 all that can be asked for at once" :peer ,mew-submit-faults-k--extensions
      :request (:dsn-return "HDRS" :dsn-id "id" :dsn-notify "SUCCESS,DELAY" :deliver-by "120;R"
                :hold-for "60" :mt-priority "3" :require-tls t)
      :saw-line "^MAIL FROM:<joe@example.org> .*REQUIRETLS BY=120;R HOLDFOR=60 RET=HDRS ENVID=id MT-PRIORITY=3$")
    '("K3 a mechanism with CRLF, past the Lisp side" :request (:auth "PLAIN\r\nRSET")
      :kind (config insecure message) :reach (nothing connection) :connections (0 1)))
   (mew-submit-faults-k--lawful "K11" "a quoted local part" "\"ann smith\"@example.org"
                                "\"ann smith\"@example.org")
   (mew-submit-faults-k--lawful "K11" "a leading dash" "-f@example.org" "-f@example.org")
   (mew-submit-faults-k--lawful "K11" "no domain" "root" "root")
   (mew-submit-faults-k--lawful "K11" "odd characters" "!#$%&'*+-/=?^_`{|}~@example.org"
                                "!#$%&'*+-/=?^_`{|}~@example.org")
   (mew-submit-faults-k--lawful "K11" "an address literal" "ann@[192.0.2.1]" "ann@[192.0.2.1]")
   (mew-submit-faults-k--lawful "K13" "a domain that is not ASCII" "ann@bücher.example.org"
                                "ann@xn--bcher-kva.example.org")
   (mew-submit-faults-table
    '(:kind ok)
    '("K11 a quoted bracket" :recipients ("\"a\\\"b>c\"@example.org") :kind (ok message)
      :reach (nothing message) :connections (0 1))
    '("K11 the null sender" :from "" :envelope ("" "ann@example.org") :saw-line "^MAIL FROM:<>")
    '("K13 a domain that is not ASCII, no SMTPUTF8" :peer ("cap2-=SMTPUTF8")
      :recipients ("ann@bücher.example.org")
      :envelope ("joe@example.org" "ann@xn--bcher-kva.example.org"))
    (mew-submit-faults-k--in-header
     "a folded To: whose second line looks like a command"
     "To: \"Ann\n RCPT TO:<eve@example.org>\" <ann@example.org>" '("ann@example.org"))
    (mew-submit-faults-k--in-header
     "a folded To: whose second line is a command after unfolding"
     "To: Ann <ann@example.org>,\r\n\tbob@example.org" '("ann@example.org" "bob@example.org"))
    (mew-submit-faults-k--in-header
     "a comment with an address" "To: ann@example.org (really <eve@example.org>)"
     '("ann@example.org"))
    (mew-submit-faults-k--in-header
     "a group" "To: friends: ann@example.org, bob@example.org;" '("ann@example.org" "bob@example.org"))
    (mew-submit-faults-k--in-header
     "3000 addresses"
     (concat "To: " (mapconcat (lambda (i) (format "Ann %d <a%d@example.org>" i i))
                               (number-sequence 1 3000) ",\n "))
     (mapcar (lambda (i) (format "a%d@example.org" i)) (number-sequence 1 3000)) :slow t)
    '("K12 a To: that cannot be understood" :message "To: <ann@example.org\n\nx\n" :recipients nil
      :kind message :reach nothing)
    '("K12 an encoded word with CRLF in To:" :recipients nil
      :message "To: =?utf-8?q?x=0D=0ARCPT_TO:<eve@example.org>?= <ann@example.org>\n\nx\n"
      :kind (ok message) :reach (nothing message) :connections (0 1) :no-line "eve")
    '("K14 EHLO gives nothing away" :saw-line "\\`EHLO localhost\\.localdomain\n"
      :no-line "EHLO .*[0-9]")
    '("K14 EHLO says what the user wants" :account (:helo "client.example.org")
      :saw-line "\\`EHLO client\\.example\\.org\n")
    '("K14 EHLO with an address literal" :account (:helo "[192.0.2.7]")
      :saw-line "\\`EHLO \\[192\\.0\\.2\\.7\\]\n")))
  "Section K.")

(provide 'mew-submit-faults-k)
;;; k-injection.el ends here
