;;; e-auth.el --- Faults E: AUTH -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Which mechanism, what counts as success, challenges that are none, and credentials that cannot be
;; carried.  Unless an entry says otherwise the client comes to AUTH and never to MAIL.

;;; Code:

(require 'mew-submit-faults-scenario "faults/scenario")
(require 'subr-x)

(declare-function mew-submit-faults--lines "faults/judge")
(declare-function mew-submit-faults--done "faults/judge")

(defun mew-submit-faults-e--chosen (offered mechanism)
  "Return an entry for a server that has OFFERED, where MECHANISM is the one to use."
  `(,(format "E2 of %s it takes %s" offered mechanism)
    :peer (,(concat "mechs=" offered)) :kind ok :reach message
    :saw ((auth :mechanism ,mechanism) (auth :code 235)) :events ((auth :mechanism ,mechanism))))

(defun mew-submit-faults-e--pinned (mechanism offered)
  "Return an entry for an account that wants MECHANISM, where the server has OFFERED others."
  `(,(format "E3 %s is wanted, %s offered" mechanism offered)
    :peer (,(concat "mechs=" offered)) :account (:auth ,mechanism)
    :kind insecure :reach connection :text ,mechanism))

(defun mew-submit-faults-e--wanted (mechanism)
  "Return an entry for an account that wants MECHANISM, which the server offers among others."
  `(,(format "E3 %s is wanted and offered" mechanism)
    :peer (,(concat "mechs=PLAIN+" mechanism "+SCRAM-SHA-256-PLUS+XOAUTH2"))
    :account (:auth ,mechanism) :kind ok :reach message :saw ((auth :mechanism ,mechanism))))

(defun mew-submit-faults-e--none-fits (row offered)
  "Return an entry of ROW for a server that has OFFERED nothing the client would use."
  `(,(format "%s only %s" row offered)
    :peer (,(concat "mechs=" offered)) :kind insecure :reach connection :text "log[ -]in"))

(defun mew-submit-faults-e--answered (row mechanism reply kinds)
  "Return an entry of ROW for AUTH MECHANISM that is answered REPLY; it ends as one of KINDS."
  `(,(format "%s AUTH %s is answered %s" row mechanism (car (split-string reply " ")))
    :peer (,(concat "mechs=" mechanism) ,(concat "auth=reply:" reply))
    :kind ,kinds))

(defun mew-submit-faults-e--cancelled (record)
  "Return a complaint unless the client of RECORD gave the exchange up with a lone asterisk."
  (let ((said (cdr (seq-drop-while (lambda (line) (not (string-prefix-p "AUTH" line)))
                                   (mew-submit-faults--lines record)))))
    (cond ((not (member "*" said)) "the exchange was not cancelled with *")
          ((member "*" (cdr (member "*" said))) "* was said twice")
          ((> (length said) 16) (format "%d lines during AUTH" (length said))))))

(defun mew-submit-faults-e--challenge (name mechanism challenge &rest more)
  "Return an entry called NAME for MECHANISM and a CHALLENGE that has to be cancelled.
MORE are further keys."
  `(,(format "E13 %s: %s" mechanism name)
    :peer (,(concat "mechs=" mechanism) ,(concat "auth=reply:334" challenge)) ,@more
    :kind (protocol auth insecure) :check mew-submit-faults-e--cancelled))

(defun mew-submit-faults-e--challenges (mechanism)
  "Return entries for MECHANISM and challenges that are none."
  (mapcar (pcase-lambda (`(,name . ,challenge))
            (mew-submit-faults-e--challenge name mechanism challenge))
          `(("no base64" . " !!!!")
            ("padding inside" . " YQ==YQ==")
            ("padding alone" . " ====")
            ("one character" . " a")
            ("a NUL" . " YW%00JhYmE=")
            ("8-bit octets" . " \xe4\xf6\xfc")
            ("huge" . ,(concat " " (make-string 12000 ?A)))
            ("several lines" . "-YQ==\\r\\n334 YQ=="))))

(defun mew-submit-faults-e--not-the-password (record)
  "Return a complaint if the client of RECORD takes the password for what was refused."
  (let ((about (plist-get (mew-submit-faults--done record) :about)))
    (unless (member about '("nothing" "mechanism"))
      (format "the refusal is taken to be about %s" about))))

(defun mew-submit-faults-e--endless (mechanism)
  "Return an entry for a server that never stops asking during MECHANISM."
  `(,(format "E12 %s: endless challenges" mechanism)
    :peer (,(concat "mechs=" mechanism) "auth-mode=endless-challenges")
    :account (:auth ,mechanism)
    :kind (protocol auth insecure) :check mew-submit-faults-e--cancelled))

(defun mew-submit-faults-e--echo (mechanism)
  "Return an entry for a server that repeats the credentials of MECHANISM."
  `(,(format "E16 %s: 535 repeats the credentials" mechanism)
    :peer (,(concat "mechs=" mechanism) "auth-mode=echo-credentials")
    :account (:auth ,mechanism) :answer ignore :kind auth :text "Cannot use.*\\*\\*\\*"))

(defun mew-submit-faults-e--unfit (row what value &optional kinds)
  "Return entries of ROW for a user name, and a password, with VALUE, called WHAT.
They are refused before connecting; past the Lisp side they may end as one of KINDS."
  (let ((bad (concat "jo" value "e-and-more")))
    `((,(format "%s %s in the user name" row what) :account (:user ,bad)
       :kind message :reach nothing :text "user name")
      (,(format "%s %s in the password" row what) :account (:password ,bad)
       :kind message :reach nothing :text "password")
      (,(format "%s %s in the user name, past the Lisp side" row what) :request (:user ,bad)
       :kind ,(or kinds '(message config auth)) :connections (0 1)
       :reach (nothing connection auth))
      (,(format "%s %s in the password, past the Lisp side" row what) :request (:password ,bad)
       :kind ,(or kinds '(message config auth)) :connections (0 1)
       :reach (nothing connection auth))
      (,(format "%s %s in the password that a question is answered with" row what)
       :account (:password nil) :answer ,(lambda (_) (cons "joe" (copy-sequence bad)))
       :kind (message config auth insecure) :connections (0 1)
       :reach (nothing connection auth)))))

(defun mew-submit-faults-e--bearer-unfit (mechanism)
  "Return entries for MECHANISM with 0x01 in a user name or token, past the Lisp side."
  `((,(format "E22 %s: 0x01 in the user name" mechanism)
     :peer (,(concat "mechs=" mechanism)) :account (:auth ,mechanism)
     :request (:user "joe\1auth=Bearer x")
     :kind (message config auth) :reach (nothing connection) :connections (0 1))
    (,(format "E22 %s: 0x01 in the token" mechanism)
     :peer (,(concat "mechs=" mechanism)) :account (:auth ,mechanism)
     :request (:password "tok\1host=evil.example.org")
     :kind (message config auth) :reach (nothing connection) :connections (0 1))
    (,(format "E22 %s: 0x01 in the token that a question is answered with" mechanism)
     :peer (,(concat "mechs=" mechanism)) :account (:auth ,mechanism :password nil)
     :answer ,(lambda (_) (cons "joe" (copy-sequence "tok\1host=evil.example.org")))
     :kind (message config auth) :reach (nothing connection))))

(defun mew-submit-faults-e--long-token (mechanism)
  "Return an entry for MECHANISM with a token of 3000 octets: it does not fit behind AUTH."
  `(,(format "E18 %s: a long token" mechanism)
    :peer (,(concat "mechs=" mechanism))
    :account (:auth ,mechanism :password ,(make-string 3000 ?t))
    :answer ignore :kind auth :saw-line ,(format "^AUTH %s$" mechanism) :auths 2))

(defun mew-submit-faults-e--odd-json (mechanism)
  "Return entries for a refusal of MECHANISM's token that is not in base64, or on one line."
  (mapcar (pcase-lambda (`(,what . ,challenge))
            `(,(format "E19 %s: the refusal is %s" mechanism what)
              :peer (,(concat "mechs=" mechanism) ,(concat "auth=reply:334" challenge)
                     "auth-step#1=reply:535 5.7.8 Expired")
              :account (:auth ,mechanism) :answer ignore :kind auth
              :text "access token (.*): 535 5\\.7\\.8 Expired" :events ((done :about "token"))))
          '(("JSON as it is" . " {\"status\":\"401\"}") ("base64 without its padding" . " e30")
            ("on two lines" . "-e30=\\r\\n334 e30="))))

(defun mew-submit-faults-e--token-once (record)
  "Return a complaint if the client of RECORD says its token again when it was refused."
  (let ((said (cdr (seq-drop-while (lambda (line) (not (string-prefix-p "AUTH" line)))
                                   (mew-submit-faults--lines record)))))
    (unless (seq-every-p (lambda (line) (member line '("" "AQ==" "*" "QUIT"))) said)
      (format "this was said after AUTH: %S" said))))

(defun mew-submit-faults-e--asked-on (mechanism)
  "Return entries for a server that refuses the token of MECHANISM, and asks on."
  `((,(format "E19 %s: it refuses, and asks on" mechanism)
     :peer (,(concat "mechs=" mechanism) "auth=reply:334 e30=" "auth-step#1=reply:334 "
            "auth-step#2=reply:535 5.7.8 Expired")
     :account (:auth ,mechanism) :answer ignore :kind auth :violations ("unknown-command")
     :text "access token ({}): 535 5\\.7\\.8 Expired" :events ((done :about "token"))
     :check mew-submit-faults-e--token-once)
    (,(format "E19 %s: it refuses, and never stops asking" mechanism)
     :peer (,(concat "mechs=" mechanism) "auth-mode=endless-challenges")
     :account (:auth ,mechanism) :kind (protocol auth) :check mew-submit-faults-e--token-once)))

(defconst mew-submit-faults-e
  (apply
   #'mew-submit-faults-table
   '(:kind auth :reach auth)
   `(,(mew-submit-faults-e--chosen
       "PLAIN+LOGIN+SCRAM-SHA-1+SCRAM-SHA-256+SCRAM-SHA-256-PLUS" "SCRAM-SHA-256-PLUS")
     ,(mew-submit-faults-e--chosen "PLAIN+SCRAM-SHA-1+SCRAM-SHA-256+LOGIN" "SCRAM-SHA-256")
     ,(mew-submit-faults-e--chosen "LOGIN+PLAIN+SCRAM-SHA-1" "SCRAM-SHA-1")
     ,(mew-submit-faults-e--chosen "LOGIN+PLAIN" "PLAIN")
     ,(mew-submit-faults-e--chosen "LOGIN" "LOGIN")
     ,(mew-submit-faults-e--chosen "XOAUTH2+PLAIN+OAUTHBEARER" "PLAIN")
     ,@(mapcar #'mew-submit-faults-e--wanted
               '("PLAIN" "LOGIN" "SCRAM-SHA-1" "SCRAM-SHA-256" "SCRAM-SHA-256-PLUS" "XOAUTH2"
                 "OAUTHBEARER"))
     ("E2 what needs TLS is left out where there is none"
      :listeners ((none "plain" "mechs-clear=SCRAM-SHA-256-PLUS+SCRAM-SHA-256")) :account (:tls none)
      :clear t :kind ok :reach message :saw-line "^AUTH SCRAM-SHA-256 ")
     ,(mew-submit-faults-e--pinned "SCRAM-SHA-256-PLUS" "SCRAM-SHA-256+PLAIN")
     ,(mew-submit-faults-e--pinned "SCRAM-SHA-256" "PLAIN+LOGIN")
     ,(mew-submit-faults-e--pinned "PLAIN" "LOGIN")
     ,(mew-submit-faults-e--pinned "OAUTHBEARER" "XOAUTH2+PLAIN")
     ("E3 an unknown mechanism is wanted" :account (:auth "NO-SUCH-MECH")
      :kind config :reach nothing :text "NO-SUCH-MECH.*SCRAM-SHA-256, ")
     ("E4 SCRAM is answered 535, PLAIN would be left"
      :peer ("mechs=SCRAM-SHA-256+PLAIN+LOGIN" "auth-end=reply:535 5.7.8 No") :text "535")
     ("E4 SCRAM is answered 535 before the server has asked for anything"
      :peer ("mechs=SCRAM-SHA-256+PLAIN+LOGIN" "auth=reply:535 5.7.8 No")
      :text "before it saw the password.*cannot do SCRAM-SHA-256 .*:auth or --auth")
     ("E4 SCRAM is answered 535 before the server has asked, and there is nothing else"
      :peer ("mechs=SCRAM-SHA-256" "auth=reply:535 5.7.8 No") :text "535 5.7.8 No\\'")
     ("E4 SCRAM is answered 504, PLAIN would be left"
      :peer ("mechs=SCRAM-SHA-256+PLAIN+LOGIN" "auth=reply:504 5.5.4 Unknown mechanism"))
     ("E5 a wrong password is tried once" :account (:password "not-the-password"))
     ("E5 a wrong password is tried once, PLAIN" :peer ("mechs=PLAIN")
      :account (:password "not-the-password"))
     ("E5 a wrong password is tried once, LOGIN" :peer ("mechs=LOGIN")
      :account (:password "not-the-password"))
     ("E5 a refused token is refreshed once, and not again" :peer ("mechs=XOAUTH2")
      :account (:auth "XOAUTH2" :password "an-old-token")
      :answer ,(lambda (_) (cons "joe" (copy-sequence "another-old-token"))) :auths 2)
     ("E5 a refused token is refreshed once" :peer ("mechs=XOAUTH2")
      :account (:auth "XOAUTH2" :password "an-old-token")
      :answer ,(lambda (_) (cons "joe" (copy-sequence mew-submit-faults-password)))
      :auths 2 :kind ok :reach message)
     ("E5 a refused token is refreshed, though the server leaves when it has refused one"
      :peer ("mechs=XOAUTH2" "1:auth-end=closeafter")
      :account (:auth "XOAUTH2" :password "an-old-token")
      :answer ,(lambda (_) (cons "joe" (copy-sequence mew-submit-faults-password)))
      :auths 2 :connections 2 :kind ok :reach message)
     ("E5 a refused token is refreshed, though the server takes its leave when it has refused one"
      :peer ("mechs=XOAUTH2" "1:auth-end=after:421 4.7.0 Bye\\r\\n" "1:auth-end=closeafter")
      :account (:auth "XOAUTH2" :password "an-old-token")
      :answer ,(lambda (_) (cons "joe" (copy-sequence mew-submit-faults-password)))
      :auths 2 :connections 2 :kind ok :reach message)
     ("E5 a refused token is refreshed once, though the server leaves each time"
      :peer ("mechs=XOAUTH2" "auth-end=closeafter")
      :account (:auth "XOAUTH2" :password "an-old-token")
      :answer ,(lambda (_) (cons "joe" (copy-sequence "another-old-token")))
      :auths 2 :connections 2)
     ,(mew-submit-faults-e--chosen "ANONYMOUS+EXTERNAL+PLAIN" "PLAIN")
     ,(mew-submit-faults-e--none-fits "E6" "ANONYMOUS")
     ,(mew-submit-faults-e--none-fits "E6" "ANONYMOUS+EXTERNAL")
     ,(mew-submit-faults-e--none-fits "E7" "XPLAIN+PLAIN-CLIENTTOKEN+LOGIN2")
     ,(mew-submit-faults-e--none-fits "E7" "SCRAM-SHA-256-PLUSX+SCRAM-SHA-2+SCRAM-SHA-256PLUS")
     ,(mew-submit-faults-e--none-fits "E7" "PLAIN:LOGIN")
     ("E7 AUTHX PLAIN" :peer ("cap2-=AUTH" "cap2+=AUTHX PLAIN") :kind insecure :reach connection)
     ("E7 XAUTH PLAIN" :peer ("cap2-=AUTH" "cap2+=XAUTH PLAIN") :kind insecure :reach connection)
     ("E7 PLAIN in another keyword" :peer ("cap2-=AUTH" "cap2+=X-AUTH-TOO AUTH PLAIN")
      :kind insecure :reach connection)
     ("E7 auth plain, in lower case" :peer ("cap2-=AUTH" "cap2+=auth plain")
      :kind ok :reach message)
     ,(mew-submit-faults-e--none-fits "E8" "CRAM-MD5")
     ,(mew-submit-faults-e--none-fits "E8" "DIGEST-MD5+CRAM-MD5+NTLM")
     ,@(mapcar (lambda (reply)
                 (mew-submit-faults-e--answered "E10" "PLAIN" (concat reply " Ok")
                                                '(protocol auth insecure)))
               '("200" "220" "250" "251" "299" "354" "221" "503"))
     ("E10 AUTH is answered 503 already authenticated"
      :peer ("auth=reply:503 5.5.1 Already authenticated"))
     ,@(mapcar (lambda (reply)
                 (mew-submit-faults-e--answered "E11" "PLAIN" (concat reply " No") 'deferred))
               '("421" "432" "435" "454" "451"))
     ,@(mapcar (lambda (reply)
                 (mew-submit-faults-e--answered "E11" "PLAIN" (concat reply " No") 'auth))
               '("500" "501" "504" "524" "530" "534" "535" "538" "550" "554"))
     ,@(mapcar #'mew-submit-faults-e--endless
               '("PLAIN" "LOGIN" "SCRAM-SHA-256" "SCRAM-SHA-256-PLUS" "XOAUTH2" "OAUTHBEARER"))
     ,@(seq-mapcat #'mew-submit-faults-e--challenges '("PLAIN" "SCRAM-SHA-256"))
     ,(mew-submit-faults-e--challenge "an empty challenge" "SCRAM-SHA-256" " ")
     ,(mew-submit-faults-e--challenge "no challenge at all" "SCRAM-SHA-256" "")
     ,@(mapcar (pcase-lambda (`(,name . ,prompt))
                 `(,(concat "E15 LOGIN asks with " name)
                   :peer ("mechs=LOGIN" ,(concat "auth=reply:334" prompt)) :kind ok :reach message))
               `(("no base64" . " !!!!") ("base64 and more" . " VXNlcm5hbWU6 k7Qz at mail") ("a NUL" . " YW%00JhYmE=")
                 ("8-bit octets" . " \xe4\xf6\xfc") ("12000 octets" . ,(concat " " (make-string 12000 ?A)))
                 ("two lines" . "-YQ==\\r\\n334 YQ==")))
     ,@(mapcar (lambda (reply)
                 `(,(concat "E31 AUTH is answered " reply) :peer ("mechs=PLAIN" ,(concat "auth=reply:" reply))
                   :kind auth :check mew-submit-faults-e--not-the-password))
               '("535 5.7.139 Switched off" "504 5.7.4 What?" "502 5.5.1 No" "530 5.7.0 STARTTLS first" "538 5.7.11 No"
                 "503 5.5.1 Not now" "550 5.7.1 Blocked" "554 5.7.1 No" "535 5.7.13 Disabled"))
     ("E13 a challenge of 64 KiB" :peer ("auth=longline:65536" "auth=reply:334 YQ==")
      :kind protocol)
     ("E14 235 in answer to *" :peer ("auth-mode=challenge:!!!!" "auth-mode=235-after-cancel")
      :kind (protocol auth insecure) :check mew-submit-faults-e--cancelled)
     ("E14 235 in answer to *, PLAIN"
      :peer ("mechs=PLAIN" "auth-mode=challenge:!!!!" "auth-mode=235-after-cancel")
      :kind (protocol auth insecure) :check mew-submit-faults-e--cancelled)
     ("E15 LOGIN asks in German" :peer ("mechs=LOGIN" "auth=reply:334 QmVudXR6ZXI6")
      :kind ok :reach message)
     ("E15 LOGIN asks for the password, and means the user name"
      :peer ("mechs=LOGIN" "auth=reply:334 UGFzc3dvcmQ6") :kind ok :reach message)
     ("E15 LOGIN asks for the user name twice"
      :peer ("mechs=LOGIN" "auth=reply:334 VXNlcm5hbWU6" "auth-step#1=reply:334 VXNlcm5hbWU6")
      :kind ok :reach message)
     ("E15 LOGIN asks with nothing" :peer ("mechs=LOGIN" "auth=reply:334 ") :kind ok :reach message)
     ("E15 LOGIN takes the user name for enough"
      :peer ("mechs=LOGIN" "auth-step#1=reply:235 2.7.0 Ok") :kind (insecure auth protocol))
     ("E15 LOGIN has one question too many"
      :peer ("mechs=LOGIN" "auth-step#2=reply:334 UElOOg==") :kind (protocol auth)
      :check mew-submit-faults-e--cancelled)
     ,@(mapcar #'mew-submit-faults-e--echo
               '("PLAIN" "LOGIN" "SCRAM-SHA-256" "SCRAM-SHA-256-PLUS" "SCRAM-SHA-1"))
     ("E16 MAIL is refused with the password" :reach envelope :kind refused
      :peer (,(concat "mail=reply:554 You are joe, " mew-submit-faults-password)))
     ("E16 the message is refused with the password, in base64" :reach message :kind refused
      :peer (,(concat "dot=reply:554 You are "
                      (base64-encode-string (concat "joe:" mew-submit-faults-password)))))
     ("E16 the message is taken with the password" :reach message :kind ok
      :peer (,(concat "dot=reply:250 You are " mew-submit-faults-password)))
     ("E16 what is no reply is the password" :reach envelope :kind protocol
      :peer (,(concat "mail=reply:" mew-submit-faults-password)))
     ("E16 RCPT is refused with the password" :reach envelope :kind refused
      :peer (,(concat "rcpt=reply:554 You are joe, " mew-submit-faults-password)))
     ("E16 the refusal has the password split over two lines" :reach envelope :kind refused
      :peer (,(concat "mail=reply:554-" (substring mew-submit-faults-password 0 10) "\\r\\n554 "
                      (substring mew-submit-faults-password 10))))
     ,(mew-submit-faults-e--long-token "XOAUTH2")
     ,(mew-submit-faults-e--long-token "OAUTHBEARER")
     ("E18 PLAIN: a long password" :peer ("mechs=PLAIN")
      :account (:password ,(make-string 3000 ?p)) :saw-line "^AUTH PLAIN$")
     ("E13 PLAIN: words in place of a challenge" :kind protocol :reach auth :peer ("mechs=PLAIN" "auth=reply:334 Please wait")
      :text "It said: 334 Please wait\\. :auth or --auth")
     ("E13 PLAIN: several lines, and the password is still to be sent"
      :peer ("mechs=PLAIN" "auth=reply:334-Go\\r\\n334 on")
      :account (:password ,(make-string 3000 ?p))
      :kind (protocol auth insecure) :check mew-submit-faults-e--cancelled)
     ("E19 XOAUTH2: the refusal comes as JSON in a challenge"
      :peer ("mechs=XOAUTH2" "auth-mode=xoauth2-json") :account (:auth "XOAUTH2")
      :answer ignore :saw-line "^AUTH XOAUTH2 [^\n]*\n$")
     ("E19 OAUTHBEARER: the refusal comes as JSON in a challenge"
      :peer ("mechs=OAUTHBEARER" "auth-mode=xoauth2-json") :account (:auth "OAUTHBEARER")
      :answer ignore :saw-line "^AQ==$")
     ,@(mapcan #'mew-submit-faults-e--odd-json '("XOAUTH2" "OAUTHBEARER"))
     ,@(mapcan #'mew-submit-faults-e--asked-on '("XOAUTH2" "OAUTHBEARER"))
     ("E13 a blank behind the challenge" :kind ok :reach message
      :peer ("mechs=PLAIN" "auth=reply:334  ") :saw-line "^AUTH PLAIN [^\n]*\n[^\n]+=*$")
     ("E19 XOAUTH2: JSON, and then 235"
      :peer ("mechs=XOAUTH2" "auth-mode=xoauth2-json" "auth-end=reply:235 2.7.0 Ok")
      :account (:auth "XOAUTH2") :answer ignore :kind (auth insecure protocol))
     ,@(mew-submit-faults-e--unfit "E20" "NUL" "\0")
     ,@(mew-submit-faults-e--unfit "E21" "CR LF" "\r\nMAIL FROM:<x@example.org>")
     ,@(mew-submit-faults-e--unfit "E21" "LF" "\nRSET")
     ,@(seq-mapcat #'mew-submit-faults-e--bearer-unfit '("XOAUTH2" "OAUTHBEARER"))
     ("E24 no AUTH after the one that was accepted" :peer ("mail=reply:530 5.7.0 Log in")
      :kind auth :reach envelope)))
  "Section E.")

(provide 'mew-submit-faults-e)
;;; e-auth.el ends here
