;;; n-ports.el --- Faults N: falling back from port to port -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The listeners of a scenario are ports in order of preference: the first one stands for 587, the
;; others for 25 or 465.  Only what TCP says leads to the next one, and nothing becomes laxer there.

;;; Code:

(require 'mew-submit-faults-scenario "faults/scenario")
(require 'mew-submit-portable "portable")

(declare-function mew-submit-faults--log "faults/judge")

(defun mew-submit-faults-n--first-only (record)
  "Return a complaint when the client of RECORD said something on another than its first port."
  (seq-some (lambda (event)
              (when (and (string-suffix-p "-1" (plist-get event :listener))
                         (not (string-prefix-p "\x16" (or (plist-get event :text) ""))))
                (format "it said %S on the second port" (plist-get event :text))))
            (mew-submit-faults--log record "line")))

(defun mew-submit-faults-n--no-fallback (name directives kinds level &rest more)
  "Return an entry called NAME for DIRECTIVES of the first of two ports; the second is fine.
It ends as one of KINDS and goes as far as LEVEL; MORE are further keys.  The second port may be
connected to, since ports are raced, but not talked to."
  `(,(format "%s, the next port is fine" name) ,@more
    :listeners ((starttls ,@directives) (starttls)) :kind ,kinds :reach ,level
    :connections (1 2) :check mew-submit-faults-n--first-only))

(defun mew-submit-faults-n--fallback (name mode &rest directives)
  "Return an entry called NAME for a first port with MODE and DIRECTIVES that leads to the second."
  `(,(format "%s, the next port is fine" name)
    :listeners ((,mode ,@directives) (starttls)) :kind ok :connections (1 2)
    :events ((connected :fallback t))))

(defconst mew-submit-faults-n--refused `(attempt :case ,(mew-submit-portable-refused))
  "The event of a port where nobody listens.")

(defconst mew-submit-faults-n
  (list
   '("N1 only the port for implicit TLS" :listeners ((starttls "refused") (implicit)) :kind ok
     :saw ((auth :tls t)))
   `("N1 only port 25 with STARTTLS" :listeners ((starttls "refused") (starttls)) :kind ok
     :saw ((auth :tls t)) :events (,mew-submit-faults-n--refused (connected :fallback t)))
   '("N2 only port 25, without STARTTLS" :listeners ((starttls "refused") (starttls "cap-=STARTTLS"))
     :kind insecure :reach connection :text "STARTTLS")
   '("N2 only port 25, without STARTTLS, AUTH in the clear"
     :listeners ((starttls "refused") (starttls "cap-=STARTTLS" "mechs-clear=PLAIN"))
     :kind insecure :reach connection)
   '("N2 only port 25, without STARTTLS, and no user"
     :listeners ((starttls "refused") (starttls "cap-=STARTTLS" "noauth")) :account (:user nil)
     :kind insecure :reach connection)
   '("N2 only port 25, a route without TLS" :listeners ((starttls "refused") (none "plain" "noauth"))
     :account (:user nil) :kind insecure :reach connection)
   '("N2 only port 25, with a bad certificate"
     :listeners ((starttls "refused") (starttls "cert=othername")) :kind insecure :reach connection)
   ;; Nobody can take AUTH out of verified TLS: that port is for mail from servers, the mail waits for
   ;; the other one.
   '("N10 only port 25, no AUTH inside TLS" :listeners ((starttls "refused") (starttls "cap2-=AUTH" "noauth"))
     :kind no-login :reach connection :text "takes no log-in.*cannot be reached from here")
   '("N10 only port 25, no AUTH inside TLS, and it was offered before"
     :listeners ((starttls "refused") (starttls "cap2-=AUTH" "noauth"))
     :request (:auth-remembered "SCRAM-SHA-256" :starttls-remembered t)
     :kind no-login :reach connection :text "takes no log-in.*cannot be reached from here")
   '("N10 no AUTH inside TLS, the next port is fine" :listeners ((starttls "cap2-=AUTH" "noauth") (starttls))
     :kind ok :connections (1 2) :events ((connected :fallback t)))
   '("N10 no AUTH inside TLS, the next port has no STARTTLS"
     :listeners ((starttls "cap2-=AUTH" "noauth") (starttls "cap-=STARTTLS" "mechs-clear=PLAIN"))
     :kind insecure :reach connection :connections (1 2))
   '("N10 no AUTH inside TLS, the next port has a bad certificate"
     :listeners ((starttls "cap2-=AUTH" "noauth") (starttls "cert=othername"))
     :kind insecure :reach connection :connections (1 2))
   (mew-submit-faults-n--no-fallback "N3 STARTTLS is taken out" '("cap-=STARTTLS") 'insecure 'connection)
   (mew-submit-faults-n--no-fallback "N3 a bad certificate" '("cert=othername") 'insecure 'connection)
   (mew-submit-faults-n--no-fallback "N3 an expired certificate" '("cert=expired") 'insecure 'connection)
   (mew-submit-faults-n--no-fallback "N3 the handshake is cut off" '("tls=close") 'tls 'connection)
   (mew-submit-faults-n--no-fallback "N3 STARTTLS is refused" '("starttls=reply:454 Later")
                                     '(deferred insecure) 'connection)
   (mew-submit-faults-n--no-fallback "N3 something follows 220" '("starttls=after:250 x\\r\\n")
                                     'insecure 'connection)
   '("N3 a bad certificate, implicit TLS is fine"
     :listeners ((starttls "cert=othername") (implicit)) :kind insecure :reach connection
     :connections (1 2))
   '("N4 STARTTLS is taken out on both" :listeners ((starttls "cap-=STARTTLS") (starttls "cap-=STARTTLS"))
     :kind insecure :reach connection :connections (1 2))
   '("N4 a bad certificate, then STARTTLS taken out"
     :listeners ((starttls "cert=self-signed") (starttls "cap-=STARTTLS" "mechs-clear=PLAIN"))
     :kind insecure :reach connection :connections (1 2))
   (mew-submit-faults-n--no-fallback "N6 the final reply is lost" '("dot=close") 'uncertain 'message)
   (mew-submit-faults-n--no-fallback "N6 the final reply is reset" '("dot=reset") 'uncertain 'message)
   (mew-submit-faults-n--no-fallback "N6 the final reply never comes" '("dot=stall") 'uncertain 'message
                                     :account '(:step-timeout 1.5) :slow t)
   (mew-submit-faults-n--no-fallback "N6 the final reply is noise" '("dot=reply:what") 'uncertain 'message)
   (mew-submit-faults-n--no-fallback "N7 the greeting is 421" '("greeting=reply:421 4.3.2 Busy")
                                     'deferred 'connection)
   (mew-submit-faults-n--no-fallback "N7 the greeting is 554" '("greeting=reply:554 5.3.2 No")
                                     'refused 'connection)
   (mew-submit-faults-n--no-fallback "N7 the greeting never comes" '("greeting=stall") 'timeout
                                     'connection :account '(:step-timeout 1.5) :slow t)
   (mew-submit-faults-n--no-fallback "N7 the greeting comes late" '("greeting=delay:900") 'ok 'message
                                     :slow t)
   (mew-submit-faults-n--no-fallback "N7 half of a greeting" '("greeting=truncate:3")
                                     '(lost protocol deferred) 'connection)
   (mew-submit-faults-n--no-fallback "N7 the password is refused" '("auth-end=reply:535 5.7.8 No")
                                     'auth 'auth)
   (mew-submit-faults-n--no-fallback "N7 MAIL is refused" '("mail=reply:550 5.7.1 No") 'refused 'envelope)
   (mew-submit-faults-n--no-fallback "N7 MAIL is to be tried later" '("mail=reply:451 4.7.1 No")
                                     'deferred 'envelope)
   (mew-submit-faults-n--no-fallback "N7 the connection breaks at MAIL" '("mail=reset") '(lost tls)
                                     'envelope)
   (append (mew-submit-faults-n--fallback "N7 a black hole" 'starttls "silent")
           '(:account (:timeout 1) :slow t))
   (mew-submit-faults-n--fallback "N7 a reset" 'starttls "refused")
   (mew-submit-faults-n--fallback "N7 accepted and closed" 'starttls "accept-close")
   (mew-submit-faults-n--fallback "N7 accepted and reset" 'starttls "accept-reset")
   (mew-submit-faults-n--fallback "N7 accepted and closed, implicit TLS" 'implicit "accept-close")
   `("N7 a black hole, and nobody on the next port" :listeners ((starttls "silent") (starttls "refused"))
     :kind connect :reach nothing :events ((attempt :case 5) ,mew-submit-faults-n--refused)
     :account (:timeout 1) :slow t)
   '("N7 falling back is not wanted" :listeners ((starttls "refused") (starttls))
     :account (:fallback never) :kind connect :reach nothing)
   '("N7 falling back is asked for, and declined" :listeners ((starttls "refused") (starttls))
     :account (:fallback ask) :answer (lambda (_) "no") :kind connect :reach connection
     :text "declined" :no-line ".")
   '("N7 falling back is asked for, and not answered" :listeners ((starttls "refused") (starttls))
     :account (:fallback ask) :answer ignore :kind connect :reach connection :no-line ".")
   '("N7 falling back is asked for, and granted" :listeners ((starttls "refused") (starttls))
     :account (:fallback ask) :answer (lambda (_) "yes") :kind ok)
   '("N8 nobody listens" :listeners ((starttls "refused") (starttls "refused")) :kind connect
     :reach nothing :text "refused\\|reset\\|no connection\\|cannot be reached")
   '("N8 nobody answers" :listeners ((starttls "silent") (starttls "silent")) :kind connect
     :reach nothing :account (:timeout 1) :slow t)
   '("N8 all accept and close" :listeners ((starttls "accept-close") (starttls "accept-close"))
     :kind (connect lost) :reach connection :connections (2 3 4)))
  "Section N.")

(provide 'mew-submit-faults-n)
;;; n-ports.el ends here
