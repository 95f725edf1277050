;;; c-tls.el --- Faults C: the TLS protocol -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Old versions, weak parameters, handshakes that do not end, and the ends of connections.

;;; Code:

(require 'mew-submit-faults-scenario "faults/scenario")

(declare-function mew-submit-faults--done "faults/judge")
(declare-function mew-submit-faults-record-log "faults/judge")

(defun mew-submit-faults-c--versions (versions)
  "Return an entry for a server that speaks the TLS VERSIONS and no others."
  `(,(format "C1 the server speaks TLS %s" versions) :peer (,(concat "tls-versions=" versions))
    :kind insecure :reach connection :text "no TLS that is new enough"))

(defun mew-submit-faults-c--suites (name priority)
  "Return an entry called NAME for a server with the GnuTLS PRIORITY, which is too weak."
  `(,name :peer ("cert=rsa2048" ,(concat "tls-priority=" priority))
    :kind (insecure tls) :reach connection))

(defun mew-submit-faults-c--alert (number kinds)
  "Return an entry for a server that answers the ClientHello with alert NUMBER.
It ends as one of KINDS."
  `(,(format "C8 alert %d after the ClientHello" number) :peer (,(format "tls=alert:%d" number))
    :kind ,kinds :reach connection :events ((attempt :case "tls"))))

(defun mew-submit-faults-c--handshake-cut (octets)
  "Return an entry for a handshake that is cut off after OCTETS."
  `(,(format "C8 the handshake is cut off after %d octets" octets)
    :peer (,(format "tls=truncate:%d" octets)) :kind (tls insecure) :reach connection))

(defun mew-submit-faults-c--final-cut (octets)
  "Return an entry for a final reply that is cut off after OCTETS."
  `(,(format "C13 the final reply is cut off after %d octets" octets)
    :peer (,(format "dot=truncate:%d" octets) "dot=reply:250 2.0.0 Ok: queued")
    :kind uncertain))

(defun mew-submit-faults-c--final-ended (octets)
  "Return an entry for a final reply of which OCTETS come, and then an orderly end."
  `(,(format "C13 the final reply ends with close_notify after %d octets" octets)
    :peer (,(format "dot=reply:%s\\c" (substring "250 2.0.0 Ok: queued\r" 0 octets))
           "dot=closeafter")
    :kind uncertain))

(defun mew-submit-faults-c--no-rehandshake (record)
  "Return a complaint when the client of RECORD did renegotiate."
  (seq-some (lambda (event)
              (when (> (or (plist-get event :rehandshakes) 0) 0)
                "it did renegotiate"))
            (mew-submit-faults-record-log record)))

(defun mew-submit-faults-c--other-service (name greeting)
  "Return an entry called NAME for a service that greets with GREETING."
  `(,name :peer (,(concat "greeting=reply:" greeting)) :kind protocol :reach connection
    :no-line "."))

(defconst mew-submit-faults-c
  (append
   (mew-submit-faults-table
    nil
    (mew-submit-faults-c--versions "1.0")
    (mew-submit-faults-c--versions "1.1")
    (mew-submit-faults-c--versions "1.1+1.0")
    '("C1 the server speaks TLS 1.2" :peer ("tls-versions=1.2") :kind ok
      :events ((tls :version "TLS1.2") (tls :verified t)))
    '("C1 the server speaks TLS 1.3" :peer ("tls-versions=1.3") :kind ok
      :events ((tls :version "TLS1.3")))
    '("C1 the server speaks all of them" :peer ("tls-versions=1.3+1.2+1.1+1.0") :kind ok
      :events ((tls :version "TLS1.3")))
    '("C1 TLS 1.1 only, implicit TLS" :listeners ((implicit "tls-versions=1.1"))
      :kind insecure :reach connection)
    (mew-submit-faults-c--suites "C2 anonymous key exchange"
                                 "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-ECDH")
    (mew-submit-faults-c--suites "C2 the cipher NULL"
                                 "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+NULL:+SHA1")
    '("C3 1024 bits of Diffie-Hellman" :peer ("cert=rsa2048" "dh=1024")
      :kind insecure :reach connection :text "Diffie-Hellman prime")
    ;; This server cannot finish the handshake: what matters is that the parameters are not the reason.
    '("C3 2048 bits of Diffie-Hellman" :peer ("cert=rsa2048" "dh=2048") :kind (tls insecure)
      :reach connection
      :check (lambda (record)
               (when (string-match-p "Diffie" (plist-get (mew-submit-faults--done record) :text))
                 "2048 bits are too few")))
    '("C4 static RSA" :peer ("cert=rsa2048"
                             "tls-priority=NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA")
      :kind (ok insecure tls) :reach (connection message))
    '("C5 the server asks for a client certificate" :peer ("request-client-cert") :kind ok
      :saw ((tls :client_certificates 0)))
    '("C5 the server asks for a client certificate, TLS 1.2"
      :peer ("request-client-cert" "tls-versions=1.2") :kind ok
      :saw ((tls :client_certificates 0)))
    '("C5 the server demands a client certificate" :peer ("require-client-cert") :kind auth
      :reach connection :text "wants a client certificate" :events ((done :about "client-certificate")))
    '("C5 the server demands a client certificate, implicit TLS"
      :listeners ((implicit "require-client-cert")) :kind auth :reach connection
      :text "wants a client certificate"
      :events ((attempt :case "tls") (done :about "client-certificate")))
    '("C5 the server demands a client certificate, TLS 1.2"
      :peer ("require-client-cert" "tls-versions=1.2") :kind (auth tls) :reach connection
      :text "wants a client certificate" :events ((done :about "client-certificate")))
    '("C6 the server does not know the name in SNI, and goes on" :peer ("tls=warning:112") :kind ok)
    '("C6 the server does not know the name in SNI, and goes on, TLS 1.2"
      :peer ("tls=warning:112" "tls-versions=1.2") :kind ok)
    '("C6 more warnings than are of any use" :peer ("tls=warning:112" "tls=repeat:100000")
      :account (:step-timeout 1.5) :kind (ok tls insecure timeout) :reach (connection message))
    '("C6 SNI is the server's name" :account (:server "localhost") :kind ok
      :saw ((tls :sni "localhost")))
    '("C6 SNI has no final dot" :account (:server "localhost.") :kind ok
      :saw ((tls :sni "localhost")))
    '("C6 SNI has no final dot, past the Lisp side" :request (:name "smtp.example.org.") :kind ok
      :saw ((tls :sni "smtp.example.org")))
    '("C6 no SNI for an address" :kind ok :saw ((tls :sni nil)))
    ;; A server with GnuTLS would end the handshake for it.
    '("C6 no SNI for a name with _: its certificate is what counts" :peer ("cert=wildcard")
      :request (:name "mail_1.example.org") :kind ok :saw ((tls :sni nil)))
    '("C8 the server closes after the ClientHello" :peer ("tls=close") :kind tls
      :reach connection :events ((attempt :case "tls")))
    '("C8 the server resets after the ClientHello" :peer ("tls=reset") :kind tls
      :reach connection)
    '("C8 the server is silent after the ClientHello" :peer ("tls=stall")
      :account (:step-timeout 1.5) :kind timeout :reach connection :slow t)
    '("C8 the handshake drips" :peer ("tls=drip:40") :account (:step-timeout 1.5)
      :kind timeout :reach connection :slow t)
    '("C8 the handshake drips, implicit TLS" :listeners ((implicit "tls=drip:40"))
      :account (:step-timeout 1.5) :kind timeout :reach connection :slow t)
    '("C8 the server closes after the ClientHello, implicit TLS"
      :listeners ((implicit "tls=close")) :kind (tls connect lost) :reach connection))
   (mapcar (lambda (number) (mew-submit-faults-c--alert number '(tls insecure)))
           '(0 10 20 40 42 47 48 50 70 71 80 86 90 112 116 120 255))
   (mapcar #'mew-submit-faults-c--handshake-cut '(1 3 5 6 60 122 127 200 500 800))
   (mew-submit-faults-table
    '(:kind insecure :reach connection)
    '("C9 plaintext SMTP on the port for implicit TLS" :listeners ((implicit "plain" "tls=plaintext:220 x"))
      :events ((attempt :case "tls")))
    '("C9 HTTP on the port for implicit TLS"
      :listeners ((implicit "tls=plaintext:HTTP/1.1 400 Bad Request\\r\\n\\r\\nBad Request")))
    '("C9 SSH on the port for implicit TLS"
      :listeners ((implicit "tls=plaintext:SSH-2.0-OpenSSH_9.2")))
    '("C9 a yes in the clear" :listeners ((implicit "tls=plaintext:250 OK")))
    '("C9 a no in the clear that is none" :listeners ((implicit "tls=plaintext:4.2.1 Too many connections"))))
   (mew-submit-faults-table
    '(:reach connection :events ((attempt :case "greeting")))
    '("C9 a refusal in the clear, for now" :kind deferred
      :listeners ((implicit "tls=plaintext:421 4.3.2 Too many connections"))
      :text "421 4\\.3\\.2 Too many connections (said without TLS")
    '("C9 a refusal in the clear, of two lines" :kind deferred :account (:tls opportunistic)
      :listeners ((implicit "tls=plaintext:450-4.7.1 Not\\r\\n450 4.7.1 yet")) :text "Not yet")
    '("C9 a refusal in the clear, for good" :kind refused
      :listeners ((implicit "tls=plaintext:554 5.7.1 Your address is on a list")) :text "on a list")
    '("C9 a refusal in the clear, without an end of its line" :kind deferred
      :listeners ((implicit "tls=plaintext:421 4.3.2 Too many connections\\c" "tls=closeafter"))
      :text "421 4\\.3\\.2 Too many connections (said without TLS"))
   (mew-submit-faults-table
    nil
    '("C10 endless tiny handshake records" :peer ("tls=tiny-records:5")
      :account (:step-timeout 1.5) :kind (timeout tls insecure) :reach connection :slow t)
    '("C10 endless tiny handshake records, implicit TLS" :listeners ((implicit "tls=tiny-records:5"))
      :account (:step-timeout 1.5) :kind (timeout tls insecure) :reach connection :slow t)
    '("C11 a chain of 100 certificates" :peer ("cert=many-certs") :kind (ok insecure tls)
      :reach (connection message))
    '("C13 250- and then the end" :peer ("dot=reply:250-2.0.0 Ok" "dot=closeafter") :kind uncertain)
    '("C13 250- and then the end, no close_notify"
      :peer ("no-close-notify" "dot=reply:250-2.0.0 Ok" "dot=closeafter") :kind uncertain))
   (mapcar #'mew-submit-faults-c--final-cut '(1 2 3 4 5 10 20 21))
   (mapcar #'mew-submit-faults-c--final-ended '(1 2 3 4 10 20 21))
   (mew-submit-faults-table
    '(:kind ok)
    '("C14 no close_notify once 250 is in" :peer ("no-close-notify" "dot=closeafter"))
    '("C14 close_notify once 250 is in" :peer ("dot=closeafter"))
    '("C14 no close_notify on QUIT" :peer ("no-close-notify"))
    '("C14 QUIT is answered by half a reply" :peer ("quit=truncate"))
    '("C14 QUIT is answered by a reset" :peer ("quit=reset"))
    '("C16 plaintext right behind the handshake" :peer ("tls-inject:250 2.0.0 Ok\\r\\n")
      :kind (tls lost insecure) :reach connection)
    '("C16 a plaintext reply to EHLO inside TLS" :peer ("ehlo2=inject:250 AUTH PLAIN\\r\\n")
      :kind (tls lost insecure) :reach connection)
    '("C16 a plaintext reply to AUTH" :peer ("auth=inject:235 2.7.0 Ok\\r\\n")
      :kind (tls lost insecure) :reach auth)
    '("C16 a plaintext reply to MAIL" :peer ("mail=inject:250 2.1.0 Ok\\r\\n")
      :kind (tls lost insecure) :reach envelope)
    '("C16 a plaintext reply to the message" :peer ("dot=inject:250 2.0.0 Ok\\r\\n")
      :kind uncertain)
    '("C17 the server asks for renegotiation, TLS 1.2"
      :peer ("renegotiate" "tls-versions=1.2") :kind (ok tls insecure)
      :reach (connection auth envelope message)
      :check mew-submit-faults-c--no-rehandshake)
    '("C17 the server updates its keys, TLS 1.3" :peer ("renegotiate" "tls-versions=1.3"))
    '("C19 a slow server is waited for" :peer ("tls=delay:700"))
    '("C19 a slow server is waited for, implicit TLS" :listeners ((implicit "tls=delay:700"))))
   (list
    (mew-submit-faults-c--other-service "C18 an IMAP server" "* OK IMAP4rev1 ready")
    (mew-submit-faults-c--other-service "C18 a POP server" "+OK POP3 ready")
    (mew-submit-faults-c--other-service "C18 an HTTP server" "HTTP/1.1 400 Bad Request")
    (mew-submit-faults-c--other-service "C18 an SSH server" "SSH-2.0-OpenSSH_9.2"))
   (mew-submit-faults-table
    nil
    '("C18 an FTP server" :peer ("greeting=reply:220 FTP server ready"
                                 "ehlo=reply:500 'EHLO': command not understood")
      :kind (refused insecure protocol) :reach connection)
    '("C18 an IMAP server inside TLS" :listeners ((implicit "greeting=reply:* OK IMAP4rev1 ready"))
      :kind protocol :reach connection :no-line ".")))
  "Section C.")

(provide 'mew-submit-faults-c)
;;; c-tls.el ends here
