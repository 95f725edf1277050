;;; a-to-tls.el --- Faults A: getting to TLS -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Stripping and negotiation.  Unless an entry says otherwise the client refuses before AUTH and MAIL.

;;; Code:

(require 'mew-submit-faults-scenario "faults/scenario")

(defun mew-submit-faults-a--nothing-behind (command)
  "Return a function that checks that the client said nothing behind COMMAND."
  (lambda (record)
    (let ((behind (cdr (seq-drop-while (lambda (event)
                                         (not (equal (plist-get event :text) command)))
                                       (mew-submit-faults-record-log record)))))
      (seq-some (lambda (event)
                  (when (member (plist-get event :event) '("line" "after-close"))
                    (format "it said %S behind %s" (plist-get event :text) command)))
                behind))))

(declare-function mew-submit-faults-record-log "faults/judge")

(defun mew-submit-faults-a--starttls-answered (reply kinds)
  "Return an entry for STARTTLS that is answered with REPLY; it ends as one of KINDS."
  `(,(format "%s STARTTLS is answered %s" (if (string-match-p "\\`[45]" reply) "A6" "A7") reply)
    :peer (,(format "starttls=reply:%s whatever" reply)) :kind ,kinds
    :check ,(mew-submit-faults-a--nothing-behind "STARTTLS")))

(defun mew-submit-faults-a--lookalike (line)
  "Return an entry for an EHLO reply that has LINE instead of STARTTLS."
  `(,(format "A4 %s is not the keyword STARTTLS" (mew-submit-faults-show line))
    :peer ("cap-=STARTTLS" ,(concat "cap+=" line) "mechs-clear=PLAIN")
    :text "STARTTLS"))

(defun mew-submit-faults-a--spelled (line)
  "Return an entry for an EHLO reply that has LINE for STARTTLS, which is lawful."
  `(,(format "A14 %s is the keyword STARTTLS" (mew-submit-faults-show line))
    :peer ("cap-=STARTTLS" ,(concat "cap+=" line)) :kind ok :reach message))

(defconst mew-submit-faults-a
  (apply
   #'mew-submit-faults-table
   '(:kind insecure :reach connection)
   `(("A1 STARTTLS is taken out, AUTH is offered in the clear"
      :peer ("cap-=STARTTLS" "mechs-clear=PLAIN+LOGIN") :text "STARTTLS.*Neither"
      :events ((attempt :case "tls")))
     ("A1 STARTTLS and AUTH are taken out" :peer ("cap-=STARTTLS") :text "STARTTLS")
     ("A2 neither STARTTLS nor AUTH, and none is wanted"
      :peer ("cap-=STARTTLS" "noauth") :account (:auth "none") :text "STARTTLS")
     ("A2 without a user" :peer ("cap-=STARTTLS" "noauth") :account (:user nil) :text "STARTTLS")
     ("A3 STARTTLS is overwritten with X"
      :peer ("cap-=STARTTLS" "cap+=XXXXXXXX" "mechs-clear=PLAIN") :text "STARTTLS")
     ("A3 STARTTLS is overwritten with XXXXXXXA"
      :peer ("cap-=STARTTLS" "cap+=XXXXXXXA" "mechs-clear=PLAIN") :text "STARTTLS")
     ,@(mapcar #'mew-submit-faults-a--lookalike
               '("XSTARTTLS" "NO STARTTLS" "STARTTLSX" "STARTTLS-NOT" "STARTTLS=YES" "X-STARTTLS"
                 "X STARTTLS" "\\tSTARTTLS" " STARTTLS" "START TLS" "SIZE STARTTLS" "AUTH STARTTLS"
                 "STARTTLS\\t" "ſTARTTLS"))
     ("A4 the server's name is followed by STARTTLS"
      :peer ("ehlo=reply:250-smtp.example.org STARTTLS\\r\\n250 SIZE") :text "STARTTLS")
     ("A4 the server's name is STARTTLS"
      :peer ("ehlo=reply:250-STARTTLS\\r\\n250 SIZE") :text "STARTTLS")
     ("A4 STARTTLS is the only line" :peer ("ehlo=reply:250 STARTTLS") :text "STARTTLS")
     ("A5 EHLO is refused where TLS is required: no HELO"
      :peer ("ehlo=reply:502 5.5.1 Unknown command") :kind (refused insecure) :no-line "HELO")
     ("A5 EHLO is refused where AUTH is required: no HELO"
      :peer ("plain" "ehlo=reply:502 5.5.1 Unknown command" "mechs-clear=PLAIN")
      :account (:tls none) :clear t :kind (refused insecure) :no-line "HELO")
     ("A5 EHLO is refused where neither is wanted: HELO"
      :peer ("plain" "noauth" "ehlo=reply:502 5.5.1 Unknown command")
      :account (:tls none :user nil) :clear t :kind ok :reach message :saw-line "^HELO ")
     ,@(mapcar (lambda (code) (mew-submit-faults-a--starttls-answered code '(deferred insecure)))
               '("421" "454" "450"))
     ,@(mapcar (lambda (code) (mew-submit-faults-a--starttls-answered code 'insecure))
               '("500" "501" "502" "503" "530" "554"
                 "200" "221" "235" "250" "251" "299" "334" "354"))
     ("A6 STARTTLS is answered 502, in several lines"
      :peer ("starttls=reply:502-no\\r\\n502-no\\r\\n502 no")
      :check ,(mew-submit-faults-a--nothing-behind "STARTTLS"))
     ("A8 220, and SMTP goes on" :peer ("tls=plaintext:250 2.0.0 Ok") :text "not TLS")
     ("A8 220, and an EHLO reply comes"
      :peer ("tls=plaintext:250-smtp.example.org\\r\\n250 AUTH PLAIN"))
     ("A8 220, and a second 220 comes" :peer ("tls=plaintext:220 2.0.0 Ready"))
     ("A9 the handshake is cut off, then STARTTLS is taken out"
      :peer ("1:tls=close" "2+:cap-=STARTTLS" "2+:mechs-clear=PLAIN") :kind (tls insecure))
     ("A9 the handshake is reset, then STARTTLS is taken out"
      :peer ("1:tls=reset" "2+:cap-=STARTTLS" "2+:mechs-clear=PLAIN") :kind (tls insecure))
     ("A9 protocol_version, then STARTTLS is taken out"
      :peer ("1:tls=alert:70" "2+:cap-=STARTTLS" "2+:mechs-clear=PLAIN") :kind (tls insecure))
     ("A10 the greeting says that the session is authenticated"
      :peer ("greeting=reply:220 PREAUTH logged in as joe" "cap-=STARTTLS") :text "STARTTLS")
     ("A10 the greeting says so, and STARTTLS is there"
      :peer ("greeting=reply:220 PREAUTH logged in as joe") :kind ok :reach message)
     ("A10 EHLO is answered 235" :peer ("ehlo=reply:235 2.7.0 Authenticated as joe")
      :kind (protocol insecure))
     ("A10 the EHLO reply says so, without STARTTLS"
      :peer ("cap-=STARTTLS" "cap+=AUTHENTICATED joe" "cap+=PREAUTH"))
     ("A11 the greeting is 530"
      :peer ("greeting=reply:530 5.7.0 Must issue a STARTTLS command first")
      :kind (refused auth insecure))
     ("A11 EHLO is answered 530"
      :peer ("ehlo=reply:530 5.7.0 Must issue a STARTTLS command first")
      :kind (refused auth insecure))
     ("A11 MAIL is answered 530 inside TLS"
      :peer ("mail=reply:530 5.7.0 Must issue a STARTTLS command first")
      :kind (auth refused insecure) :reach envelope)
     ("A11 EHLO is answered 530 inside TLS"
      :peer ("ehlo2=reply:530 5.7.0 Must issue a STARTTLS command first")
      :kind (refused auth insecure))
     ("A12 STARTTLS is offered again inside TLS" :peer ("cap2+=STARTTLS") :kind ok :reach message)
     ("A14 220 in two lines" :peer ("starttls=reply:220-go\\r\\n220 ahead") :kind ok :reach message)
     ("A14 220 without text" :peer ("starttls=reply:220") :kind ok :reach message)
     ,@(mapcar #'mew-submit-faults-a--spelled
               '("STARTTLS REQUIRED" "starttls" "StartTLS" "STARTTLS "))
     ("A14 a greeting without ESMTP" :peer ("greeting=reply:220 ready") :kind ok :reach message)
     ("A15 TLS is required where nothing is said of it"
      :peer ("plain" "mechs-clear=PLAIN") :account (:tls nil) :text "STARTTLS")
     ("A15 a route without TLS does not lower what the account requires"
      :listeners ((none "plain" "mechs-clear=PLAIN")) :text "STARTTLS")
     ("A15 opportunistic, by an explicit setting, without credentials"
      :peer ("cap-=STARTTLS" "noauth") :account (:tls opportunistic :user nil)
      :clear t :kind ok :reach message)
     ("A15 opportunistic uses the TLS that is offered"
      :account (:tls opportunistic) :kind ok :reach message :saw ((auth :tls t)))
     ("A15 without TLS, by an explicit setting"
      :listeners ((none "plain" "noauth")) :account (:tls none :user nil)
      :clear t :kind ok :reach message)
     ("A16 the server calls itself by another name, and has its certificate"
      :peer ("host=other.example.net" "cert=othername") :text "other.example.net")))
  "Section A.")

(provide 'mew-submit-faults-a)
;;; a-to-tls.el ends here
