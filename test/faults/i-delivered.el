;;; i-delivered.el --- Faults I: delivered or not -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The final reply.  What is not a whole reply of a class that fits leaves open whether the message was
;; delivered: that is said, and it is not sent again by itself.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-faults-h "faults/h-order-time-loss")
(require 'mew-submit-faults-scenario "faults/scenario")

(declare-function mew-submit-faults--done "faults/judge")

(defconst mew-submit-faults-i--ways
  '(("DATA" mew-submit-faults-h-middling-message)
    ("BDAT in one flight" nil "chunking")
    ("BDAT" mew-submit-faults-h-middling-message "chunking")
    ("DATA, no PIPELINING" nil "cap2-=PIPELINING"))
  "The ways to the final reply: (NAME MESSAGE DIRECTIVE...).")

(defun mew-submit-faults-i--final (name directives kinds &rest more)
  "Return entries called NAME, for each way, with DIRECTIVES; they end as one of KINDS.
MORE are further keys."
  (mapcar (pcase-lambda (`(,way ,message . ,how))
            `(,(format "%s, %s" name way) :peer (,@how ,@directives) :kind ,kinds
              ,@(and message (list :message message)) ,@more))
          mew-submit-faults-i--ways))

(defun mew-submit-faults-i--answered (row reply kinds)
  "Return entries of ROW for the final REPLY; they end as one of KINDS."
  (mew-submit-faults-i--final (format "%s the final reply is %s" row reply)
                              (list (concat "dot=reply:" reply)) kinds
                              :text (unless (memq kinds '(ok uncertain))
                                      (substring reply 0 3))))

(defun mew-submit-faults-i--told (&rest codes)
  "Return a check that what is told of the recipients at the end are CODES."
  (lambda (record)
    (let ((told (mapcar (lambda (recipient) (plist-get recipient :code))
                        (plist-get (mew-submit-faults--done record) :recipients))))
      (unless (equal told codes)
        (format "told of the recipients: %S" told)))))

(defconst mew-submit-faults-i
  (append
   (mew-submit-faults-i--final "I1 close before the final reply" '("dot=close") 'uncertain
                               :text "may have been delivered\\|may or may not")
   (mew-submit-faults-i--final "I1 close without close_notify before the final reply"
                               '("no-close-notify" "dot=close") 'uncertain)
   (mew-submit-faults-i--final "I1 reset before the final reply" '("dot=reset") 'uncertain)
   (mew-submit-faults-i--final "I1 half of the final reply" '("dot=truncate") 'uncertain)
   (mew-submit-faults-i--final "I2 no final reply" '("dot=stall") 'uncertain
                               :account '(:step-timeout 1.5) :slow t)
   (mew-submit-faults-i--final "I3 noise" '("dot=reply:What is this?") 'uncertain)
   (mew-submit-faults-i--final "I3 codes that differ" '("dot=reply:250-Ok\\r\\n554 No") 'uncertain)
   (seq-mapcat (lambda (reply) (mew-submit-faults-i--answered "I3" reply 'uncertain))
               '("354 Go on" "334 " "200 Ok" "220 Ready" "221 Bye" "235 Ok" "299 Ok"))
   (seq-mapcat (lambda (reply) (mew-submit-faults-i--answered "I4" reply 'deferred))
               '("421 4.3.2 Going down" "450 4.2.0 Busy" "451 4.3.0 Later" "452 4.3.1 Full"))
   (seq-mapcat (lambda (reply) (mew-submit-faults-i--answered "I4" reply 'refused))
               '("550 5.7.1 Spam" "552 5.3.4 Too big" "554 5.6.0 No"))
   (mew-submit-faults-i--final "I4 421 and the end" '("dot=reply:421 4.3.2 Down" "dot=closeafter")
                               'deferred)
   (mew-submit-faults-i--final "I4 554 and a reset" '("dot=reply:554 5.6.0 No" "dot=resetafter")
                               'refused)
   (cl-loop for (way message) in '(("in one flight" nil) ("" mew-submit-faults-h-middling-message))
            for more = (and message (list :message message))
            append
            `((,(concat "I15 BDAT " way " is answered 502, and that is all")
               :peer ("chunking" "dot#1=reply:502 5.5.1 No BDAT") :kind ok :mails 2 :saw-line "^DATA$" ,@more)
              (,(concat "I15 BDAT " way " is answered 502, and 250 behind it")
               :peer ("chunking" "dot#1=reply:502 5.5.1 No BDAT" "dot#1=after:250 2.0.0 Ok\\r\\n") :kind uncertain
               :no-line "^DATA$" ,@more)
              (,(concat "I15 BDAT " way " is answered 502, and 354 behind it")
               :peer ("chunking" "dot#1=reply:502 5.5.1 No BDAT" "dot#1=after:354 Go on\\r\\n") :kind uncertain ,@more)
              (,(concat "I15 BDAT " way " is answered 502, and RSET 250 twice")
               :peer ("chunking" "dot#1=reply:502 5.5.1 No BDAT" "rset=repeat:2") :kind uncertain
               :no-line "^DATA$" ,@more)
              (,(concat "I15 BDAT " way " is answered 502, and RSET 421")
               :peer ("chunking" "1:dot#1=reply:502 5.5.1 No BDAT" "rset=reply:421 4.3.2 Bye") :kind ok
               :connections 2 :auths 2 :mails 2 ,@more)
              (,(concat "I15 BDAT " way " is answered 502, and DATA 554")
               :peer ("chunking" "dot#1=reply:502 5.5.1 No BDAT" "dot#2=reply:554 5.7.1 No") :kind refused
               :mails 2 ,@more)))
   (cl-loop for (way . more) in `(("" :peer ("chunking"))
                                  ("long, " :peer ("chunking") :message mew-submit-faults-h-long-message)
                                  ("no PIPELINING, " :peer ("chunking" "cap2-=PIPELINING")))
            append
            (cl-loop for (name directives . expect) in
                     '(("and is taken" () :kind ok :saw-line "^BDAT 0 LAST$")
                       ("and closes" ("data=close") :kind deferred :reach (envelope part)
                        :events ((done :about "offer")) :no-line "LAST$")
                       ("and resets" ("data=reset") :kind deferred :reach (envelope part)
                        :events ((done :about "offer")) :no-line "LAST$")
                       ("and half an answer" ("data=truncate") :kind deferred :reach (envelope part)
                        :events ((done :about "offer")) :no-line "LAST$")
                       ("and silence" ("data=stall") :kind deferred :reach (envelope part)
                        :events ((done :about "offer")) :no-line "LAST$"
                        :account (:step-timeout 2) :slow t)
                       ("and 354" ("data=reply:354 Go on") :kind protocol :reach (envelope part) :no-line "LAST$")
                       ("and 451" ("data=reply:451 4.3.0 Later") :kind deferred :reach (envelope part)
                        :no-line "LAST$")
                       ("and 554" ("data=reply:554 5.7.1 Spam") :kind refused :reach (envelope part)
                        :no-line "LAST$")
                       ("and 502" ("data#1=reply:502 5.5.1 No BDAT") :kind ok :mails 2 :saw-line "^DATA$")
                       ("and then 503" ("dot=reply:503 5.5.1 MAIL first") :kind uncertain :no-line "^DATA$")
                       ("and then 554" ("dot=reply:554 5.7.1 Spam") :kind refused :no-line "^DATA$")
                       ("and then closes" ("dot=close") :kind uncertain :no-line "^DATA$")
                       ("and 550 to RCPT" ("rcpt=reply:550 5.1.1 No") :kind refused :reach envelope
                        :no-line "^BDAT")
                       ("and 421 to RCPT" ("rcpt=reply:421 4.3.2 Bye") :kind deferred :reach envelope
                        :no-line "^BDAT"))
                     collect `(,(format "I17 BDAT is untried, %s%s" way name)
                               :request (:chunking-untried t)
                               :peer (,@(plist-get more :peer) ,@directives)
                               ,@expect ,@(cddr more))))
   (mew-submit-faults-i--final "I5 a late final reply" '("dot=delay:900") 'ok
                               :account '(:step-timeout 4) :slow t)
   (mew-submit-faults-i--final "I6 250 and the end" '("dot=closeafter") 'ok)
   (mew-submit-faults-i--final "I6 250 and a reset" '("dot=resetafter") 'ok)
   (mew-submit-faults-table
    nil
    '("I7 250 before the dot, 554 after it"
      :message mew-submit-faults-h-long-message :peer ("block=reply:250 2.0.0 Ok" "dot=reply:554 5.6.0 No")
      :kind (protocol refused deferred) :reach (part message))
    '("I7 250 with 354, 554 after the dot"
      :peer ("data=after:250 2.0.0 Ok\\r\\n" "dot=reply:554 5.6.0 No")
      :kind (protocol refused deferred) :reach (envelope part message))
    '("I7 250 with 354, 554 after the dot, no PIPELINING"
      :peer ("cap2-=PIPELINING" "data=after:250 2.0.0 Ok\\r\\n" "dot=reply:554 5.6.0 No")
      :kind (protocol refused deferred) :reach (envelope part message))
    '("I7 250 with RCPT's reply, 554 to the chunk in the same flight"
      :peer ("chunking" "rcpt=after:250 2.0.0 Ok\\r\\n" "dot=reply:554 5.6.0 No")
      :kind (protocol refused uncertain) :reach (part message))
    `("I7 one 550 too many, in one flight: whose it was is not known" :kind uncertain :reach message
      :peer ("chunking" "rcpt#1=before:550 5.1.1 No\\r\\n") :recipients ("ann@example.org" "bob@example.org")
      :check ,(mew-submit-faults-i--told 0 0))
    `("I7 a refusal, and one answer too many" :kind uncertain :reach message
      :peer ("chunking" "rcpt#2=reply:550 5.1.1 No" "dot=after:250 2.0.0 Ok\\r\\n")
      :recipients ("ann@example.org" "bob@example.org") :check ,(mew-submit-faults-i--told 0 0))
    `("I7 a refusal, and an answer to the message that is none" :kind uncertain :reach message
      :peer ("rcpt#1=reply:550 5.1.1 No" "dot=reply:299 2.0.0 Hm")
      :recipients ("ann@example.org" "bob@example.org") :check ,(mew-submit-faults-i--told 550 250))
    '("I7 250 with MAIL's reply, 550 to RCPT, in one flight"
      :peer ("chunking" "mail=after:250 2.1.5 Ok\\r\\n" "rcpt=reply:550 5.1.1 No")
      :kind (protocol refused uncertain) :reach (part message))))
  "Section I.")

(provide 'mew-submit-faults-i)
;;; i-delivered.el ends here
