;;; b-before-tls.el --- Faults B: what was said before TLS -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; STARTTLS response injection, replies that nobody asked for, and capabilities that were offered in
;; the clear only.

;;; Code:

(require 'mew-submit-faults-scenario "faults/scenario")

(defun mew-submit-faults-b--injected (name text)
  "Return an entry called NAME for TEXT behind the 220 to STARTTLS."
  `(,name :peer (,(concat "starttls=after:" text)) :kind insecure :reach connection
    :text "in the clear"))

(defun mew-submit-faults-b--before-only (keyword)
  "Return an entry for KEYWORD that is offered before TLS only."
  `(,(format "B10 %s is offered before TLS only" keyword)
    :peer (,(concat "cap2-=" keyword)) :kind ok
    :request (:dsn-return "HDRS" :dsn-notify "NEVER")))

(defconst mew-submit-faults-b
  (mew-submit-faults-table
   nil
   (mew-submit-faults-b--injected "B1 an EHLO reply follows 220 in the same segment"
                                  "250-smtp.example.org\\r\\n250 AUTH PLAIN LOGIN\\r\\n")
   (mew-submit-faults-b--injected "B1 a second 220 follows" "220 2.0.0 Ready\\r\\n")
   (mew-submit-faults-b--injected
    "B2 a whole forged session follows 220"
    "250-x\\r\\n250 AUTH PLAIN\\r\\n235 ok\\r\\n250 ok\\r\\n250 ok\\r\\n354 go\\r\\n250 ok\\r\\n221 bye\\r\\n")
   (mew-submit-faults-b--injected "B3 a line without an end follows 220" "250-smtp.example.org")
   (mew-submit-faults-b--injected "B3 one octet follows 220" "2")
   (mew-submit-faults-b--injected "B3 a code and a hyphen follow 220" "250-")
   '("B5 220 comes before STARTTLS was sent" :peer ("starttls=early") :kind (protocol insecure)
     :reach connection)
   '("B5 220 follows the EHLO reply" :peer ("ehlo=after:220 2.0.0 Ready\\r\\n")
     :kind (protocol insecure) :reach connection)
   (mew-submit-faults-b--injected "B6 an empty line follows 220" "\\r\\n")
   (mew-submit-faults-b--injected "B6 an LF follows 220" "\\n")
   (mew-submit-faults-b--injected "B6 a CR follows 220" "\\r")
   (mew-submit-faults-b--injected "B6 a blank follows 220" " ")
   (mew-submit-faults-b--injected "B6 a NUL follows 220" "%00")
   '("B7 a reply too many behind the greeting" :peer ("greeting=after:250 2.0.0 Ok\\r\\n")
     :kind protocol :reach connection)
   '("B7 the greeting comes twice" :peer ("greeting=repeat:2") :kind protocol :reach connection)
   '("B7 a reply too many behind EHLO, inside TLS" :peer ("ehlo2=after:235 2.7.0 Ok\\r\\n")
     :kind protocol :reach connection)
   '("B7 a reply too many behind AUTH" :peer ("auth-end=after:250 2.1.0 Ok\\r\\n")
     :kind protocol :reach (auth envelope))
   '("B7 a reply too many behind AUTH, no PIPELINING"
     :peer ("cap2-=PIPELINING" "auth-end=after:250 2.1.0 Ok\\r\\n") :kind protocol :reach auth)
   '("B7 a reply too many behind MAIL" :peer ("mail=after:250 2.1.5 Ok\\r\\n")
     :kind protocol :reach envelope)
   '("B7 a reply too many behind MAIL, no PIPELINING"
     :peer ("cap2-=PIPELINING" "mail=after:250 2.1.5 Ok\\r\\n") :kind protocol :reach envelope)
   '("B7 a reply too many behind RCPT, no PIPELINING"
     :peer ("cap2-=PIPELINING" "rcpt=after:354 Go on\\r\\n") :kind protocol :reach envelope)
   '("B8 plaintext before the ServerHello, implicit TLS"
     :listeners ((implicit "tls=plaintext:220 smtp.example.org ESMTP ready"))
     :kind insecure :reach connection)
   ;; Nobody but the server has said so inside verified TLS: no word of an attack, and no alarm.
   '("B9 AUTH is offered before TLS only" :peer ("cap2-=AUTH" "mechs-clear=PLAIN+LOGIN")
     :kind insecure :reach connection :text "takes no log-in")
   '("B9 other mechanisms are offered before TLS than inside"
     :peer ("mechs=LOGIN" "mechs-clear=SCRAM-SHA-256+PLAIN") :kind ok
     :saw ((auth :mechanism "LOGIN")))
   (mew-submit-faults-b--before-only "SIZE")
   (mew-submit-faults-b--before-only "8BITMIME")
   (mew-submit-faults-b--before-only "SMTPUTF8")
   (mew-submit-faults-b--before-only "DSN")
   (mew-submit-faults-b--before-only "PIPELINING")
   '("B10 CHUNKING is offered before TLS only" :peer ("cap+=CHUNKING") :kind ok :no-line "^BDAT")
   '("B10 8BITMIME is offered before TLS only, and the message needs it"
     :peer ("cap2-=8BITMIME") :message "To: ann@example.org\n\nBücher\n"
     :seven-bit t :kind ok :reach message)
   '("B10 SMTPUTF8 is offered before TLS only, and a recipient needs it"
     :peer ("cap2-=SMTPUTF8") :recipients ("bücher@example.org") :kind message
     :reach (connection auth) :text "bücher@example\\.org")
   '("B11 credentials, and no AUTH inside TLS" :peer ("cap2-=AUTH" "noauth")
     :kind insecure :reach connection :text "takes no log-in")
   '("B11 credentials, and an empty AUTH inside TLS" :peer ("cap2-=AUTH" "cap2+=AUTH" "noauth")
     :kind insecure :reach connection)
   '("B11 credentials, no AUTH and no TLS at all"
     :listeners ((none "plain" "noauth")) :account (:tls none) :clear t
     :kind insecure :reach connection))
  "Section B.")

(provide 'mew-submit-faults-b)
;;; b-before-tls.el ends here
