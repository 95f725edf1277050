;;; g-replies.el --- Faults G: the form and the size of replies -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What is not SMTP is a protocol error; after the whole message was sent it leaves the message's fate
;; open.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-faults-scenario "faults/scenario")

(declare-function mew-submit-faults--log "faults/judge")

(defconst mew-submit-faults-g--steps
  '((greeting . connection) (ehlo . connection) (starttls . connection) (ehlo2 . connection)
    (auth . auth) (auth-step . auth) (mail . envelope) (rcpt . envelope) (data . envelope)
    (dot . message))
  "The steps, in order, and how far the client has gone at each.")

(defun mew-submit-faults-g--at (step name directives &rest more)
  "Return an entry called NAME for DIRECTIVES that spoil STEP; MORE are further keys."
  `(,(format "%s: %s" name step) :peer ,directives ,@more
    :kind ,(pcase step ('dot 'uncertain) ('starttls '(protocol insecure)) (_ 'protocol))
    :reach ,(cdr (assq step mew-submit-faults-g--steps))))

(defun mew-submit-faults-g--replied (name reply &optional steps)
  "Return entries called NAME for a REPLY that is none at each of STEPS (default all).
A percent sign and S in it stands for the code that is right there."
  (mapcar (lambda (step)
            (mew-submit-faults-g--at
             step name
             (list (format "%s=reply:%s" step
                           (replace-regexp-in-string
                            "%S" (mew-submit-faults-g--code step) reply t t)))))
          (or steps (mapcar #'car mew-submit-faults-g--steps))))

(defun mew-submit-faults-g--code (step)
  "Return the code that is right for STEP."
  (pcase step
    ((or 'greeting 'starttls) "220") ((or 'auth 'auth-step) "334") ('data "354") (_ "250")))

(defun mew-submit-faults-g--in-pieces (octets)
  "Return an entry for a server all of whose replies come OCTETS at a time."
  `(,(format "G3 all replies in pieces of %d octets" octets)
    :peer ,(cl-loop for step in '(greeting ehlo starttls ehlo2 auth auth-step mail rcpt data dot quit)
                    collect (format "%s=split:%d" step octets)
                    collect (format "%s=drip:1" step))
    :recipients ("ann@example.org" "bob@example.org") :kind ok))

(defun mew-submit-faults-g--final-in-pieces (octets)
  "Return an entry for a final reply in several lines that comes OCTETS at a time."
  `(,(format "G3 a final reply in pieces of %d octets" octets)
    :peer (,(format "dot=split:%d" octets) "dot=drip:2"
           "dot=reply:250-2.0.0 Ok\\r\\n250-2.0.0\\r\\n250 2.0.0 queued")
    :kind ok :events ((reply :code 250) (reply :enhanced "2.0.0"))))

(defun mew-submit-faults-g--refusal (name reply &rest more)
  "Return an entry called NAME for MAIL refused with REPLY; MORE are further keys."
  `(,name :peer (,(concat "mail=reply:" reply)) :kind refused :reach envelope ,@more))

(defun mew-submit-faults-g--many-octets (name step act)
  "Return an entry called NAME for a server that floods the client with ACT at STEP."
  (mew-submit-faults-g--at
   step name (list (format "%s=%s" step act)) :slow t :check #'mew-submit-faults-g--took-little))

(defun mew-submit-faults-g--took-little (record)
  "Return a complaint when the client of RECORD took more than fits into the buffers on the way."
  (let ((octets (apply #'+ (mapcar (lambda (event) (plist-get event :octets_out))
                                   (mew-submit-faults--log record "close")))))
    (when (> octets 16777216)
      (format "the server could send %d octets" octets))))

(defun mew-submit-faults-g--keywords (count)
  "Return directives for COUNT keywords that nobody knows."
  (cl-loop for i from 1 to count collect (format "cap2+=X-KEYWORD-%d with arguments" i)))

(defconst mew-submit-faults-g
  (append
   (mew-submit-faults-table
    '(:kind ok)
    '("G1 a greeting of several lines" :peer ("greeting=flood:5"))
    '("G1 a final reply of several lines" :peer ("dot=flood:5")
      :events ((reply :code 250)))
    '("G1 all replies of several lines"
      :peer ("greeting=flood:2" "starttls=reply:220-a\\r\\n220 b" "mail=flood:2" "rcpt=flood:2"
             "data=flood:2" "dot=flood:2" "quit=flood:2"))
    '("G2 codes without text"
      :peer ("starttls=reply:220" "mail=reply:250" "rcpt=reply:250" "data=reply:354" "dot=reply:250"
             "quit=reply:221"))
    '("G2 codes with a blank and no text"
      :peer ("starttls=reply:220 " "mail=reply:250 " "rcpt=reply:250 " "data=reply:354 "
             "dot=reply:250 " "quit=reply:221 "))
    '("G2 a greeting that is a code" :peer ("greeting=reply:220") :kind (ok refused protocol)
      :reach (connection message))
    '("G2 EHLO is answered by a code, inside TLS" :peer ("ehlo2=reply:250" "noauth")
      :account (:user nil))
    '("G2 lines that end with LF alone"
      :peer ("mail=reply:250 Ok\\n\\c" "dot=reply:250-Ok\\n250 Ok\\n\\c")
      :kind (ok protocol uncertain) :reach (envelope message)))
   (cl-loop for octets from 1 to 40 collect (mew-submit-faults-g--in-pieces octets))
   (cl-loop for octets from 1 to 47 collect (mew-submit-faults-g--final-in-pieces octets))
   (mew-submit-faults-g--replied "G4 the code changes to 550" "%S-one\\r\\n550 two")
   (mew-submit-faults-g--replied "G4 the code changes to 251" "%S-one\\r\\n251 two" '(mail rcpt dot))
   (mew-submit-faults-g--replied "G4 the code changes to 2500" "%S-one\\r\\n2500 two" '(mail dot))
   (mew-submit-faults-g--replied "G6 a NUL in the code" "2%0050 Ok" '(greeting ehlo ehlo2 mail dot))
   (mew-submit-faults-g--replied "G6 a NUL behind the code" "%S%00Ok" '(greeting ehlo ehlo2 mail dot))
   (mew-submit-faults-table
    '(:kind ok)
    '("G6 a NUL in the text"
      :peer ("greeting=reply:220 smtp%00 ready" "mail=reply:250 O%00k" "dot=reply:250 2.0.0 O%00k")
      :events ((reply :code 250)))
    '("G6 a NUL behind STARTTLS"
      :peer ("ehlo=reply:250-smtp.example.org\\r\\n250-STARTTLS%00\\r\\n250 SIZE")
      :kind insecure :reach connection)
    '("G6 a NUL in STARTTLS"
      :peer ("ehlo=reply:250-smtp.example.org\\r\\n250-START%00TLS\\r\\n250 SIZE")
      :kind insecure :reach connection)
    '("G6 a NUL behind PLAIN"
      :peer ("ehlo2=reply:250-smtp.example.org\\r\\n250-AUTH PLAIN%00\\r\\n250 SIZE")
      :kind insecure :reach connection)
    '("G6 a NUL behind AUTH"
      :peer ("ehlo2=reply:250-smtp.example.org\\r\\n250-AUTH%00 PLAIN\\r\\n250 SIZE")
      :kind insecure :reach connection)
    '("G7 Latin-1 in all replies"
      :peer ("greeting=reply:220 f%FCr Sie" "ehlo2=before:250-gr%FC%DF Gott\\r\\n"
             "mail=reply:250 gr%FC%DF" "rcpt=reply:250 gr%FC%DF" "dot=reply:250 2.0.0 gr%FC%DF"))
    '("G7 broken UTF-8 in all replies"
      :peer ("greeting=reply:220 %C3%28 %F0%9F %ED%A0%80 %C0%80"
             "mail=reply:250 %F8%88%80%80%80" "rcpt=reply:250 %FE%FF"
             "dot=reply:250 2.0.0 %80%BF %F4%90%80%80"))
    '("G7 a refusal in Latin-1" :peer ("mail=reply:550 5.7.1 %DCbel %E4%F6%FC")
      :kind refused :reach envelope :text "bel")
    '("G7 a refusal in UTF-8" :peer ("mail=reply:550 5.7.1 %C3%9Cbel")
      :kind refused :reach envelope :text "Übel")
    '("G8 lines of 1000 octets"
      :peer ("greeting=longline:1000" "mail=longline:1000" "rcpt=longline:1000" "dot=longline:1000")))
   (cl-loop for step in '(greeting ehlo ehlo2 auth mail rcpt data dot)
            collect (mew-submit-faults-g--many-octets "G8 a line of 64 KiB" step "longline:65536"))
   (cl-loop for step in '(greeting ehlo starttls ehlo2 auth mail rcpt data dot)
            collect (mew-submit-faults-g--many-octets "G9 a line without end" step "endless"))
   (cl-loop for step in '(greeting ehlo2 mail dot)
            collect (mew-submit-faults-g--many-octets "G10 a million lines" step "flood:1000000"))
   (mew-submit-faults-table
    '(:kind ok)
    '("G10 a hundred lines" :peer ("mail=flood:100" "dot=flood:100"))
    `("G11 300 keywords" :peer ,(mew-submit-faults-g--keywords 150))
    `("G11 300 keywords, and AUTH behind them"
      :peer ("cap2-=AUTH" ,@(mew-submit-faults-g--keywords 100) "cap2+=AUTH PLAIN"))
    '("G11 odd keywords"
      :peer ("cap2+=" "cap2+= " "cap2+=  BLANK" "cap2+=-" "cap2+==" "cap2+=X=Y Z" "cap2+=AUTHOR x"
             "cap2+=\\x7f\\x1b[31m" "cap2+=%E4%F6" "cap2+=SIZEX 1" "cap2+=8BITMIME2"))
    '("G11 keywords twice, the second one other"
      :peer ("cap2+=SIZE 0" "cap2+=AUTH LOGIN" "cap2+=PIPELINING no")))
   (mew-submit-faults-g--replied "G12 2x0" "2x0 Ok" '(greeting ehlo ehlo2 mail rcpt data dot))
   (cl-loop for reply in '("25" "25 Ok" "2500 Ok" "000 Ok" " 250 Ok" "-250 Ok" "+25 Ok" "250_ok"
                           "250:ok" "250+ok" "0xFA Ok" "" "\\r\\n250 Ok" "250" "2 50 Ok" "٢٥٠ Ok" "25O Ok"
                           "199 Ok" "600 Ok" "999 Ok" "\\t250 Ok" "250\\tOk")
            unless (equal reply "250")
            append (mew-submit-faults-g--replied (concat "G12 " (mew-submit-faults-show reply)) reply '(mail dot)))
   (cl-loop for reply in '("HTTP/1.1 200 OK" "* OK IMAP4rev1" "+OK POP3" "SSH-2.0-x" "NOTICE x")
            append (mew-submit-faults-g--replied (concat "G12 " (mew-submit-faults-show reply)) reply
                                                 '(greeting ehlo2 dot)))
   (mew-submit-faults-table
    '(:kind ok)
    '("G14 250 with an enhanced code that refuses"
      :peer ("mail=reply:250 5.1.0 No" "rcpt=reply:250 5.1.1 No" "dot=reply:250 5.0.0 No"))
    '("G14 550 with an enhanced code that agrees" :peer ("rcpt=reply:550 2.1.5 Ok")
      :kind refused :reach envelope)
    '("G14 554 to the message, with an enhanced code that agrees"
      :peer ("dot=reply:554 2.0.0 Ok") :kind refused)
    '("G14 451 with an enhanced code that refuses" :peer ("mail=reply:451 5.7.1 No")
      :kind deferred :reach envelope))
   (cl-loop for code in '("5." "5.1" "5.1." "." "5.1.1234567" "5.1.1.1" "5.x.1" "99999.1.1" "5.-1.1"
                          "5..1" "5.1.1x" "5. 1.1")
            collect (mew-submit-faults-g--refusal (format "G15 the enhanced code %s" code)
                                                  (format "550 %s No" code) :text "550"))
   (list
    (mew-submit-faults-g--refusal "G15 an enhanced code and no text" "550 5.1.1"
                                  :events '((done :enhanced "5.1.1")))
    (mew-submit-faults-g--refusal "G15 the last line is only the code"
                                  "550-5.1.1 No\\r\\n550" :text "No")
    (mew-submit-faults-g--refusal "G15 the last line is the code and a blank"
                                  "550-5.1.1 No\\r\\n550 " :text "No"))
   (mew-submit-faults-table
    '(:kind protocol)
    '("G16 354 to EHLO" :peer ("ehlo=reply:354 Go on") :kind (protocol insecure) :reach connection)
    '("G16 334 to EHLO inside TLS" :peer ("ehlo2=reply:334 ") :reach connection)
    '("G16 354 to MAIL" :peer ("mail=reply:354 Go on") :reach envelope)
    '("G16 334 to MAIL" :peer ("mail=reply:334 ") :reach envelope)
    '("G16 354 to RCPT" :peer ("rcpt=reply:354 Go on") :reach envelope)
    '("G16 250 to DATA" :peer ("data=reply:250 Ok") :reach envelope)
    '("G16 220 to DATA" :peer ("data=reply:220 Ok") :reach envelope)
    '("G16 334 to DATA" :peer ("data=reply:334 Ok") :reach envelope)
    '("G16 250 to DATA, no PIPELINING" :peer ("cap2-=PIPELINING" "data=reply:250 Ok")
      :reach envelope)
    '("G16 a single 250 to EHLO offers nothing" :peer ("ehlo=reply:250 smtp.example.org")
      :kind insecure :reach connection)
    '("G16 a single 250 to EHLO inside TLS offers nothing"
      :peer ("ehlo2=reply:250 smtp.example.org") :kind insecure :reach connection)
    '("G16 220 to EHLO" :peer ("ehlo=reply:220-smtp.example.org\\r\\n220 STARTTLS")
      :kind (protocol insecure) :reach connection)
    '("G16 250 as greeting" :peer ("greeting=reply:250 ready") :reach connection)
    '("G16 354 as greeting" :peer ("greeting=reply:354 ready") :reach connection)))
  "Section G.")

(provide 'mew-submit-faults-g)
;;; g-replies.el ends here
