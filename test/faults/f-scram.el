;;; f-scram.el --- Faults F: SCRAM and channel binding -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; RFC 5802 and 7677.  What fails ends before MAIL; where the fault is in the server's first message,
;; before the proof, which would let a false server guess passwords.

;;; Code:

(require 'mew-submit-faults-scenario "faults/scenario")

(declare-function mew-submit-faults--log "faults/judge")
(declare-function mew-submit-faults--lines "faults/judge")
(declare-function mew-submit-faults--done "faults/judge")

(defun mew-submit-faults-f--no-proof (record)
  "Return a complaint when the client of RECORD sent a proof."
  (let ((said (cdr (seq-drop-while (lambda (line) (not (string-prefix-p "AUTH" line)))
                                   (mew-submit-faults--lines record)))))
    (unless (member said '(("*") ("*" "QUIT") ()))
      (format "after the server's first message it said %S" said))))

(defun mew-submit-faults-f--mode (name mode &rest more)
  "Return entries called NAME for MODE of the server; MORE are further keys.
One is for SCRAM-SHA-256, one for the mechanism with channel binding."
  (mapcar (lambda (mechanism)
            `(,(format "%s, %s" name mechanism)
              :peer (,(concat "mechs=" mechanism) ,(concat "auth-mode=" mode)) ,@more))
          '("SCRAM-SHA-256" "SCRAM-SHA-256-PLUS")))

(defun mew-submit-faults-f--first (name message &rest more)
  "Return entries called NAME for a server-first MESSAGE that must not be answered; MORE are keys."
  (apply #'mew-submit-faults-f--mode name (concat "server-first:" message)
         (append more '(:check mew-submit-faults-f--no-proof))))

(defun mew-submit-faults-f--iterations (row iterations)
  "Return entries of ROW for a number of ITERATIONS that is not acceptable."
  (mew-submit-faults-f--mode (format "%s %s iterations" row iterations)
                             (concat "iterations:" iterations)
                             :check 'mew-submit-faults-f--no-proof
                             :text "iteration"))

(defun mew-submit-faults-f--final (name message)
  "Return entries called NAME for a server-final MESSAGE that proves nothing, and 235 behind it."
  (mew-submit-faults-f--mode name (concat "server-final:" message)))

(defun mew-submit-faults-f--saying (mechanism error reply)
  "Return directives for a server that answers MECHANISM's proof by ERROR, and then by REPLY."
  (list (concat "mechs=" mechanism)
        (concat "auth-step#1=reply:334 " (base64-encode-string error))
        (concat "auth-step#2=reply:" reply)))

(defun mew-submit-faults-f--said (name error reply kind text)
  "Return entries called NAME for SCRAM's own ERROR and a REPLY: KIND comes of it, with TEXT."
  (mapcar (lambda (mechanism)
            `(,(format "%s, %s" name mechanism) :kind ,kind :text ,(regexp-quote text)
              :peer ,(mew-submit-faults-f--saying mechanism error reply)))
          '("SCRAM-SHA-256" "SCRAM-SHA-256-PLUS")))

(defun mew-submit-faults-f--tells-how (record)
  "Return a complaint unless the end of RECORD tells by what the log-in was tried.
Where it does not, the server is said to offer none."
  (unless (string-prefix-p "SCRAM-" (or (plist-get (mew-submit-faults--done record) :mechanism) ""))
    "the mechanism is not told"))

(defconst mew-submit-faults-f
  (apply
   #'mew-submit-faults-table
   '(:kind (insecure auth protocol) :reach auth)
   `(,@(mew-submit-faults-f--mode "F2 235 without the server's last message" "no-server-final")
     ,@(mew-submit-faults-f--mode "F2 235 after the client's first message"
                                  "235-after-client-first" :text "proved\\|prove")
     ("F2 235 at once" :peer ("auth=reply:235 2.7.0 Ok"))
     ("F2 235 in place of the server's last message" :peer ("auth-step#1=reply:235 2.7.0 Ok"))
     ,@(mew-submit-faults-f--mode "F3 an error as last message, then 235" "error-attr")
     ,@(mew-submit-faults-f--mode "F3 an error as first message, then 235" "error-first"
                                  :check 'mew-submit-faults-f--no-proof)
     ,@(mew-submit-faults-f--said "F3 it says itself that the password is wrong" "e=invalid-proof"
                                  "535 5.7.8 No" 'auth "the credentials (e=invalid-proof): 535 5.7.8 No")
     ,@(mew-submit-faults-f--said "F3 it says so, and that is all" "e=invalid-proof"
                                  "501 5.7.0 Ended" 'auth "user name or the password: e=invalid-proof")
     ,@(mapcan (pcase-lambda (`(,what . ,reply))
                 (mew-submit-faults-f--said (concat "F3 it says so, and " what) "e=invalid-proof" reply
                                            'auth "user name or the password: e=invalid-proof"))
               '(("that it goes" . "421 4.7.0 Bye") ("that * is no command" . "500 5.5.1 What?")))
     ("F3 it says so, and goes" :kind auth :text "user name or the password: e=invalid-proof"
      :peer ("mechs=SCRAM-SHA-256" "auth-step#1=reply:334 ZT1pbnZhbGlkLXByb29m" "auth-step#2=close"))
     ("F3 it says so, and goes at once" :kind auth :text "user name or the password: e=invalid-proof"
      :events ((done :about "password"))
      :peer ("mechs=SCRAM-SHA-256" "auth-step#1=reply:334 ZT1pbnZhbGlkLXByb29m" "auth-step#1=closeafter"))
     ("F3 it says so, and does not wait for *" :kind auth :text "credentials (e=invalid-proof): 535 5\\.7\\.8 No"
      :events ((done :about "password"))
      :peer ("mechs=SCRAM-SHA-256" "auth-step#1=reply:334 ZT1pbnZhbGlkLXByb29m\\r\\n535 5.7.8 No"
             "auth-step#2=stall"))
     ("F3 it says so, and asks on" :kind auth :text "user name or the password: e=invalid-proof"
      :peer ("mechs=SCRAM-SHA-256" "auth-step#1=reply:334 ZT1pbnZhbGlkLXByb29m"
             "auth-step#2=reply:334 YQ==")
      :violations ("unknown-command"))
     ("F3 it says so, and goes in the middle of its reply" :kind auth
      :text "user name or the password: e=invalid-proof"
      :peer ("mechs=SCRAM-SHA-256" "auth-step#1=reply:334 ZT1pbnZhbGlkLXByb29m"
             "auth-step#2=reply:535-5.7.8 No\\r\\n535 5.7.8 no" "auth-step#2=truncate:16"))
     ("F3 it says so, and then what is no reply" :kind auth
      :text "user name or the password: e=invalid-proof"
      :peer ("mechs=SCRAM-SHA-256" "auth-step#1=reply:334 ZT1pbnZhbGlkLXByb29m"
             "auth-step#2=reply:what?"))
     ,@(mapcar (lambda (cut)
                 `(,(format "F3 it says so, and then a reply that is cut off: %s" (car cut))
                   :kind auth
                   :text "user name or the password: e=invalid-proof\\|credentials (e=invalid-proof): 535 5"
                   :events ((done :about "password"))
                   :peer ("mechs=SCRAM-SHA-256" "auth-step#1=reply:334 ZT1pbnZhbGlkLXByb29m"
                          ,(concat "auth-step#2=reply:" (cdr cut)) "auth-step#2=closeafter")))
               '(("in its line" . "535 5.7.8 Auth\\c") ("between two lines" . "535-5.7.8 Authentication")
                 ("by another code" . "535-5.7.8 No\\r\\n550 5.7.1 No")))
     ,@(mew-submit-faults-f--said "F3 it says so, and then 235" "e=invalid-proof"
                                  "235 2.7.0 Ok" 'insecure "impostor")
     ("F11 TLS ends elsewhere, as the server says" :kind insecure :text "another TLS connection"
      :peer ,(mew-submit-faults-f--saying "SCRAM-SHA-256-PLUS" "e=channel-bindings-dont-match"
                                          "535 5.7.8 No"))
     ,@(mew-submit-faults-f--mode "F3 the server's signature is wrong" "wrong-signature"
                                  :kind 'insecure :text "impostor\\|prove"
                                  :check 'mew-submit-faults-f--tells-how)
     ,@(mew-submit-faults-f--mode "F4 the nonce is not ours" "bad-nonce"
                                  :check 'mew-submit-faults-f--no-proof)
     ,@(mew-submit-faults-f--mode "F4 the server adds nothing to the nonce" "nonce-unchanged")
     ,@(mew-submit-faults-f--first "F4 the nonce is cut" "r=abc,s=$s,i=$i")
     ,@(mew-submit-faults-f--first "F4 the nonce is empty" "r=,s=$s,i=$i")
     ,@(seq-mapcat (lambda (iterations) (mew-submit-faults-f--iterations "F6" iterations))
                   '("1" "0" "-1" "4095" "4096x" "04095" "" "0x1000"))
     ,@(mew-submit-faults-f--first "F6 +4096 iterations" "r=$r,s=$s,i=+4096")
     ,@(mew-submit-faults-f--first "F6 a blank and 4096 iterations" "r=$r,s=$s,i= 4096")
     ,@(seq-mapcat (lambda (iterations) (mew-submit-faults-f--iterations "F7" iterations))
                   '("1000001" "2147483647" "4294967295" "4294971392" "18446744073709555712"
                     "99999999999999999999999999999999"))
     ,@(mew-submit-faults-f--mode "F6 4096 iterations are enough" "iterations:4096"
                                  :kind 'ok :reach 'message)
     ,@(mew-submit-faults-f--mode "F7 100000 iterations are not too many" "iterations:100000"
                                  :kind 'ok :reach 'message)
     ,@(mew-submit-faults-f--mode "F6 the iterations come twice"
                                  "server-first:r=$r,s=$s,i=4096,i=1")
     ,@(mew-submit-faults-f--first "F6 the iterations come twice, the low ones first"
                                   "r=$r,s=$s,i=1,i=4096")
     ,@(mew-submit-faults-f--first "F6 the iterations hide in the salt's place"
                                   "r=$r,i=4096,s=$s,i=1")
     ,@(mew-submit-faults-f--mode "F8 no salt" "salt-missing"
                                  :check 'mew-submit-faults-f--no-proof)
     ,@(mew-submit-faults-f--first "F8 an empty salt" "r=$r,s=,i=$i")
     ,@(mew-submit-faults-f--first "F8 a salt that is no base64" "r=$r,s=!!!!,i=$i")
     ,@(mew-submit-faults-f--first "F8 attributes in another order" "i=$i,r=$r,s=$s")
     ,@(mew-submit-faults-f--first "F8 an unknown mandatory extension" "m=x,r=$r,s=$s,i=$i")
     ,@(mew-submit-faults-f--first "F8 noise" "what is this?")
     ,@(mew-submit-faults-f--first "F8 commas alone" ",,,,,")
     ,@(mew-submit-faults-f--first "F8 a NUL in the nonce" "r=$r\\0,s=$s,i=$i")
     ,@(mew-submit-faults-f--first "F8 no iterations" "r=$r,s=$s")
     ,@(mew-submit-faults-f--final "F8 an empty signature" "v=")
     ,@(mew-submit-faults-f--final "F8 a signature that is no base64" "v=!!!!")
     ,@(mew-submit-faults-f--final "F8 a short signature" "v=AAAA")
     ,@(mew-submit-faults-f--final "F8 a signature that begins as the right one" "v=$vAAAA")
     ,@(mew-submit-faults-f--final "F8 noise as last message" "what is this?")
     ,@(mew-submit-faults-f--final "F8 an error behind the signature" "e=other-error,v=$v")
     ;; Flag "y" is out of reach: libgsasl 2.2 fails when a SCRAM without -PLUS is
     ;; given channel binding data.  What a server offered before takes its place.
     ("F10 -PLUS was taken off the list of a server that had it"
      :peer ("auth-mode=strip-plus") :request (:auth-remembered "SCRAM-SHA-256-PLUS")
      :kind insecure :reach connection
      :text "has offered SCRAM-SHA-256-PLUS before")
     ("F10 a server without -PLUS" :peer ("mechs=SCRAM-SHA-256+PLAIN") :kind ok :reach message
      :check ,(lambda (record)
                (let ((line (car (mew-submit-faults--lines record "AUTH"))))
                  (unless (and (string-match "\\`AUTH SCRAM-SHA-256 \\([^ ]+\\)\\'" line)
                               (string-prefix-p
                                "n," (base64-decode-string (match-string 1 line))))
                    "it says that the server could bind"))))
     ("F11 tls-exporter with TLS 1.3" :peer ("mechs=SCRAM-SHA-256-PLUS" "tls-versions=1.3")
      :kind ok :reach message :check ,(lambda (record)
                                        (mew-submit-faults-f--binding record "tls-exporter")))
     ("F11 tls-exporter or tls-unique with TLS 1.2"
      :peer ("mechs=SCRAM-SHA-256-PLUS" "tls-versions=1.2")
      :kind ok :reach message
      :check ,(lambda (record)
                (mew-submit-faults-f--binding record "tls-unique" "tls-exporter")))
     ("F11 no -PLUS without extended master secret"
      :peer ("tls-priority=NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH")
      :kind ok :reach message :saw ((tls :extended_master_secret nil)
                                    (auth :mechanism "SCRAM-SHA-256")))
     ("F11 -PLUS is wanted, and there is no extended master secret"
      :peer ("tls-priority=NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH")
      :account (:auth "SCRAM-SHA-256-PLUS") :kind insecure :reach connection)
     ("F11 the server has other binding data" :peer ("auth-mode=cb-mismatch") :kind auth
      :saw ((auth :proved nil)))
     ("F12 SCRAM-SHA-256" :peer ("mechs=SCRAM-SHA-256") :kind ok :reach message)
     ("F12 SCRAM-SHA-1" :peer ("mechs=SCRAM-SHA-1") :kind ok :reach message)
     ("F12 SCRAM-SHA-256 with TLS 1.2" :peer ("mechs=SCRAM-SHA-256" "tls-versions=1.2")
      :kind ok :reach message)))
  "Section F.")

(defun mew-submit-faults-f--binding (record &rest types)
  "Return a complaint unless the client of RECORD bound itself to TLS by one of TYPES."
  (let ((line (car (mew-submit-faults--lines record "AUTH"))))
    (unless (and (string-match "\\`AUTH SCRAM-SHA-256-PLUS \\([^ ]+\\)\\'" line)
                 (let ((message (base64-decode-string (match-string 1 line))))
                   (seq-some (lambda (type) (string-prefix-p (format "p=%s," type) message))
                             types)))
      (format "not bound by %s" types))))

(provide 'mew-submit-faults-f)
;;; f-scram.el ends here
