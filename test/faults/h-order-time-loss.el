;;; h-order-time-loss.el --- Faults H: order, time and loss -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Replies that come too early, too late or slowly, recipients that are refused, sizes, and what
;; happens in the middle of a message.  steps.el has what can happen at each step.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-faults-scenario "faults/scenario")

(declare-function mew-submit-faults--log "faults/judge")
(declare-function mew-submit-faults--done "faults/judge")
(declare-function mew-submit-faults-record-fault "faults/judge")

(defconst mew-submit-faults-h--two '("ann@example.org" "bob@example.org")
  "Two recipients.")

(defconst mew-submit-faults-h--ways
  '(("DATA") ("DATA, no PIPELINING" "cap2-=PIPELINING") ("BDAT" "chunking")
    ("BDAT, no PIPELINING" "chunking" "cap2-=PIPELINING"))
  "The ways of a message to the server: (NAME DIRECTIVE...).")

(defun mew-submit-faults-h--each-way (name directives &rest more)
  "Return an entry called NAME for each way to send, with DIRECTIVES; MORE are further keys."
  (mapcar (pcase-lambda (`(,way . ,how))
            `(,(format "%s, %s" name way) :peer (,@how ,@directives) ,@more))
          mew-submit-faults-h--ways))

(defun mew-submit-faults-h--partly (name replies exit accepted)
  "Return entries called NAME for two recipients that are answered REPLIES.
The exit status is EXIT, and ACCEPTED has the message."
  (mew-submit-faults-h--each-way
   name (cl-loop for reply in replies for i from 1
                 collect (format "rcpt#%d=reply:%s" i reply))
   :recipients mew-submit-faults-h--two
   :kind 'ok :result "partial" :exit exit
   :envelope (list "joe@example.org" accepted)
   :check #'mew-submit-faults-h--listed))

(defun mew-submit-faults-h--listed (record)
  "Return a complaint unless the client of RECORD tells of each recipient, in order."
  (let ((told (mapcar (lambda (recipient) (plist-get recipient :address))
                      (plist-get (mew-submit-faults--done record) :recipients))))
    (unless (equal told mew-submit-faults-h--two)
      (format "recipients told of: %S" told))))

(defun mew-submit-faults-h--no-octet (record)
  "Return a complaint when the server of RECORD got an octet of the message."
  (seq-some (lambda (event)
              (when (> (plist-get event :octets) 0)
                (format "%d octets of a message" (plist-get event :octets))))
            (mew-submit-faults--log record "message")))

(defun mew-submit-faults-h--size (size)
  "Return an entry for a server that offers SIZE, which is no limit."
  `(,(format "H15 %s says nothing of a limit" (mew-submit-faults-show size))
    :peer ("cap2-=SIZE" ,(concat "cap2+=" size)) :kind ok))

(defun mew-submit-faults-h-long-message ()
  "Return a message that does not fit into the buffers of a connection."
  (concat "To: ann@example.org\n\n"
          (apply #'concat (make-list 400000 "twelve dozen octets, all told, or rather less\n"))))

(defun mew-submit-faults-h-middling-message ()
  "Return a message of some hundred KiB."
  (concat "To: ann@example.org\n\n" (apply #'concat (make-list 10000 "not so long a message\n"))))

(defun mew-submit-faults-h--took-long (record)
  "Return a complaint unless RECORD took longer than a single step may."
  (let ((msecs (plist-get (mew-submit-faults--done record) :ms))
        (seconds (mew-submit-fault-seconds (mew-submit-faults-record-fault record) :step-timeout)))
    (when (< msecs (* 1000 seconds))
      (format "it took only %s ms" msecs))))

(defun mew-submit-faults-h--early (step kinds reach &rest directives)
  "Return an entry for the reply to STEP that comes with the one before it.
It ends as one of KINDS and goes as far as REACH; the server has DIRECTIVES too."
  `(,(format "H2 the reply to %s comes early%s" step
             (if directives (format " (%s)" (string-join directives " ")) ""))
    :peer (,(format "%s=early" step) ,@directives) :kind ,kinds :reach ,reach))

(defun mew-submit-faults-h--unasked-421 (step kinds reach &rest directives)
  "Return an entry for a 421 behind the reply to STEP.
It ends as one of KINDS and goes as far as REACH; the server has DIRECTIVES too."
  `(,(format "H3 421 behind the reply to %s%s" step
             (if directives (format " (%s)" (string-join directives " ")) ""))
    :peer (,(format "%s=after:421 4.3.2 Going down\\r\\n" step) ,(format "%s=closeafter" step)
           ,@directives)
    :kind ,kinds :reach ,reach))

(defun mew-submit-faults-h--dripping (step text kinds reach)
  "Return an entry for a reply to STEP with TEXT that comes octet by octet, and too slowly.
It ends as one of KINDS and goes as far as REACH."
  `(,(format "H7 the reply to %s drips" step)
    :peer (,(list (format "%s=drip:%%d" step) 150) ,(format "%s=reply:%s" step text))
    :account (:step-timeout 1.5) :kind ,kinds :reach ,reach :slow t))

(defconst mew-submit-faults-h
  (append
   (mew-submit-faults-table
    '(:kind ok)
    '("H1 a slow greeting" :peer ("greeting=delay:900") :slow t)
    '("H1 a slow greeting inside TLS" :listeners ((implicit "greeting=delay:900")) :slow t)
    '("H1 everything is slow" :slow t
      :peer ("greeting=delay:200" "ehlo=delay:200" "starttls=delay:200" "tls=delay:200"
             "ehlo2=delay:200" "auth=delay:200" "auth-step=delay:200" "mail=delay:200"
             "rcpt=delay:200" "data=delay:200" "dot=delay:200" "quit=delay:200")))
   (list
    (mew-submit-faults-h--early 'ehlo 'protocol 'connection)
    (mew-submit-faults-h--early 'ehlo 'protocol 'connection "ehlo=reply:250 STARTTLS")
    (mew-submit-faults-h--early 'starttls '(protocol insecure) 'connection)
    (mew-submit-faults-h--early 'ehlo2 'insecure 'connection)
    (mew-submit-faults-h--early 'auth 'protocol 'connection "mechs=PLAIN")
    (mew-submit-faults-h--early 'mail 'protocol '(auth envelope))
    (mew-submit-faults-h--early 'mail 'protocol 'auth "cap2-=PIPELINING")
    (mew-submit-faults-h--early 'rcpt 'protocol 'envelope "cap2-=PIPELINING")
    (mew-submit-faults-h--early 'data 'protocol 'envelope "cap2-=PIPELINING")
    (mew-submit-faults-h--early 'dot '(protocol deferred) '(envelope part))
    (mew-submit-faults-h--early 'dot '(protocol deferred) '(envelope part) "cap2-=PIPELINING")
    (mew-submit-faults-h--early 'quit 'ok 'message)
    (mew-submit-faults-h--unasked-421 'greeting 'deferred 'connection)
    (mew-submit-faults-h--unasked-421 'ehlo 'deferred 'connection)
    (mew-submit-faults-h--unasked-421 'starttls 'insecure 'connection)
    (mew-submit-faults-h--unasked-421 'ehlo2 'deferred 'connection)
    (mew-submit-faults-h--unasked-421 'auth-end 'deferred 'auth)
    (mew-submit-faults-h--unasked-421 'mail 'deferred 'envelope)
    (mew-submit-faults-h--unasked-421 'mail 'deferred 'envelope "cap2-=PIPELINING")
    (mew-submit-faults-h--unasked-421 'rcpt 'deferred 'envelope)
    (mew-submit-faults-h--unasked-421 'rcpt 'deferred 'envelope "cap2-=PIPELINING")
    (mew-submit-faults-h--unasked-421 'data 'deferred '(envelope part))
    (mew-submit-faults-h--unasked-421 'dot 'ok 'message)
    (mew-submit-faults-h--unasked-421 'rcpt '(deferred uncertain) '(envelope part) "chunking")
    (mew-submit-faults-h--dripping 'greeting "220 smtp.example.org ready" 'timeout 'connection)
    (mew-submit-faults-h--dripping 'ehlo "250-smtp.example.org\\r\\n250 STARTTLS" 'timeout 'connection)
    (mew-submit-faults-h--dripping 'ehlo2 "250-smtp.example.org\\r\\n250 AUTH PLAIN" 'timeout 'connection)
    (mew-submit-faults-h--dripping 'auth "535 5.7.8 Not today" 'timeout 'auth)
    (mew-submit-faults-h--dripping 'mail "250 2.1.0 Ok, go on" 'timeout 'envelope)
    (mew-submit-faults-h--dripping 'rcpt "250 2.1.5 Ok, go on" 'timeout 'envelope)
    (mew-submit-faults-h--dripping 'data "354 Go on, I am waiting" 'timeout 'envelope)
    (mew-submit-faults-h--dripping 'dot "250 2.0.0 Ok: queued" 'uncertain 'message))
   (mew-submit-faults-h--each-way "H10 a recipient is answered 251"
                                  '("rcpt=reply:251 2.1.5 Will forward to <eve@example.net>")
                                  :kind 'ok :envelope '("joe@example.org" "ann@example.org")
                                  :no-line "eve@")
   (mew-submit-faults-h--each-way "H10 a recipient is answered 252"
                                  '("rcpt=reply:252 2.1.5 Cannot verify")
                                  :kind 'ok :envelope '("joe@example.org" "ann@example.org"))
   (mew-submit-faults-h--each-way "H10 a recipient is answered 551"
                                  '("rcpt=reply:551 5.1.6 Try <eve@example.net>")
                                  :kind 'refused :reach '(envelope part) :no-line "eve@" :text "551")
   (mew-submit-faults-h--partly "H11 the first recipient is refused"
                                '("550 5.1.1 No such user" "250 Ok") 69 "bob@example.org")
   (mew-submit-faults-h--partly "H11 the second recipient is refused"
                                '("250 Ok" "550 5.1.1 No such user") 69 "ann@example.org")
   (mew-submit-faults-h--partly "H11 the second recipient is to be tried later"
                                '("250 Ok" "450 4.2.1 Busy") 69 "ann@example.org")
   (mew-submit-faults-h--each-way "H13 both recipients are refused"
                                  '("rcpt=reply:550 5.1.1 No such user")
                                  :recipients mew-submit-faults-h--two :kind 'refused
                                  :reach '(envelope part) :text "550"
                                  :check #'mew-submit-faults-h--no-octet)
   (mew-submit-faults-h--each-way "H13 both recipients are to be tried later"
                                  '("rcpt=reply:450 4.2.1 Busy")
                                  :recipients mew-submit-faults-h--two :kind 'deferred
                                  :reach '(envelope part) :check #'mew-submit-faults-h--no-octet)
   (mew-submit-faults-h--each-way "H13 one is refused, one to be tried later"
                                  '("rcpt#1=reply:550 5.1.1 No such user" "rcpt#2=reply:450 4.2.1 Busy")
                                  :recipients mew-submit-faults-h--two :kind 'deferred
                                  :reach '(envelope part) :check #'mew-submit-faults-h--no-octet)
   (mew-submit-faults-h--each-way "H13 one is to be tried later, one refused"
                                  '("rcpt#1=reply:450 4.2.1 Busy" "rcpt#2=reply:550 5.1.1 No such user")
                                  :recipients mew-submit-faults-h--two :kind 'deferred
                                  :reach '(envelope part) :check #'mew-submit-faults-h--no-octet)
   (mew-submit-faults-table
    nil
    '("H13 every recipient is refused, and DATA is answered 354"
      :peer ("rcpt=reply:550 5.1.1 No such user" "data=reply:354 Go on") :kind refused
      :body "" :reach (envelope message) :check mew-submit-faults-h--no-octet)
    `("H13 every recipient is refused, and the server leaves"
      :recipients ,mew-submit-faults-h--two :peer ("rcpt=reply:550 5.1.1 No such user" "rcpt#2=closeafter")
      :kind refused :text "550" :reach envelope :check mew-submit-faults-h--no-octet)
    `("H13 every recipient is to be tried later, and the server leaves"
      :recipients ,mew-submit-faults-h--two :peer ("rcpt=reply:450 4.2.1 Busy" "rcpt#2=closeafter")
      :kind deferred :text "450" :reach envelope :check mew-submit-faults-h--no-octet)
    `("H13 one recipient is refused, and the server leaves"
      :recipients ,mew-submit-faults-h--two :peer ("rcpt#2=reply:550 5.1.1 No such user" "rcpt#2=closeafter")
      :kind (lost tls) :reach envelope :check mew-submit-faults-h--no-octet)
    '("H13 DATA is answered 250" :peer ("data=reply:250 2.0.0 Ok") :kind protocol :text "DATA"
      :reach envelope :check mew-submit-faults-h--no-octet)
    '("H13 DATA is answered 250, no PIPELINING" :peer ("cap2-=PIPELINING" "data=reply:250 2.0.0 Ok")
      :kind protocol :text "DATA" :reach envelope :check mew-submit-faults-h--no-octet)
    ;; Who refuses all cannot have taken it: one of these answers is none (I14).
    '("H13 every recipient is refused, and the chunk is taken"
      :peer ("chunking" "rcpt=reply:550 5.1.1 No such user" "dot=reply:250 2.0.0 Ok")
      :kind uncertain :reach part)
    '("H14 the message is larger than SIZE" :peer ("cap2-=SIZE" "cap2+=SIZE 80")
      :kind refused :reach auth :text "80")
    '("H14 the message is as large as SIZE" :peer ("cap2-=SIZE" "cap2+=SIZE 86") :kind ok)
    '("H14 552 to MAIL" :peer ("mail=reply:552 5.3.4 Too big") :kind refused :reach envelope
      :text "552")
    '("H14 552 to the message" :peer ("dot=reply:552 5.3.4 Too big") :kind refused :text "552"))
   (mapcar #'mew-submit-faults-h--size
           '("SIZE 0" "SIZE" "SIZE " "SIZE 99999999999999999999999999" "SIZE -1" "SIZE many"
             "SIZE 1 2" "SIZE 10x" "SIZE +1" "SIZE 0x10" "SIZE 18446744073709551616" "SIZE 1e3"))
   (cl-loop for (way . how) in '(("DATA") ("BDAT" "chunking"))
            append
            (mew-submit-faults-table
             '(:message mew-submit-faults-h-long-message :reach part :slow t)
             `(,(format "H16 close in the middle of the message, %s" way)
               :peer (,@how "block-at=100k" "block=close") :kind (lost tls))
             `(,(format "H16 reset in the middle of the message, %s" way)
               :peer (,@how "block-at=100k" "block=reset") :kind (lost tls))
             `(,(format "H16 421 in the middle of the message, %s" way)
               :peer (,@how "block-at=100k" "block=reply:421 4.3.2 Going down" "block=closeafter")
               :kind deferred :text "421")
             `(,(format "H16 451 in the middle of the message, %s" way)
               :peer (,@how "block-at=100k" "block=reply:451 4.3.1 Disk full")
               :kind deferred :text "451")
             `(,(format "H16 552 in the middle of the message, %s" way)
               :peer (,@how "block-at=100k" "block=reply:552 5.3.4 Too big" "block=closeafter")
               :kind refused :text "552")
             `(,(format "H16 552 in the middle of the message, and no end, %s" way)
               :peer (,@how "block-at=100k" "block=reply:552 5.3.4 Too big")
               :kind refused :text "552")
             `(,(format "H16 250 in the middle of the message, %s" way)
               :peer (,@how "block-at=100k" "block=reply:250 2.0.0 Ok")
               :kind (protocol deferred))
             `(,(format "H17 the server stops reading, %s" way)
               :peer (,@how "rcvbuf=4k" "block-at=100k" ("block=delay:%d" 4000))
               :account (:step-timeout 1.5)
               :kind timeout)
             `(,(format "H17 the server reads slowly, %s" way)
               :peer (,@how "rcvbuf=4k" "block-at=1k" ("block=drip:%d" 5) "block=split:16k")
               :account (:step-timeout 4) :kind ok :reach message
               :check ,#'mew-submit-faults-h--took-long)))
   (cl-loop for (step kind reach) in '(("greeting" deferred connection) ("ehlo" deferred connection)
                                       ("starttls" deferred connection) ("ehlo2" deferred connection)
                                       ("auth" deferred auth) ("mail" deferred envelope)
                                       ("rcpt" deferred envelope) ("data" deferred envelope)
                                       ("dot" deferred message))
            collect `(,(format "H22 a 421 without an end: %s" step) :kind ,kind :reach ,reach
                      :peer (,(format "%s=reply:421 4.3.2 Too bu\\c" step)
                             ,(format "%s=closeafter" step))
                      :text "421 4\\.3\\.2 Too bu"))
   (cl-loop for (step reach . more) in '(("greeting" connection) ("ehlo" connection) ("ehlo2" connection)
                                         ("mail" envelope) ("rcpt" envelope) ("data" envelope)
                                         ("mail" envelope "chunking") ("rcpt" envelope "chunking"))
            collect `(,(format "H3 221, which nobody has asked for: %s%s" step (if more ", BDAT" ""))
                      :kind deferred :reach ,reach :text "221 2\\.0\\.0 Too many errors"
                      :peer (,@more ,(format "%s=reply:221 2.0.0 Too many errors" step)
                             ,(format "%s=closeafter" step))))
   (cl-loop for (at reach . peer) in '(("EHLO, unasked" connection "ehlo2=after:221 2.0.0 Too idle\\r\\n" "ehlo2=closeafter")
                                       ("RCPT, unasked" envelope "cap2-=PIPELINING"
                                        "rcpt=after:221 2.0.0 Too idle\\r\\n" "rcpt=closeafter")
                                       ("the middle of a message" part "block=reply:221 2.0.0 Too idle" "block=closeafter"))
            collect `(,(format "H3 221 behind %s" at) :kind deferred :reach ,reach :peer ,peer
                      :message mew-submit-faults-h-middling-message
                      :text "221 2\\.0\\.0 Too idle"))
   (mew-submit-faults-table
    '(:kind refused :text "550 5\\.1\\.0 No" :reach (envelope part))
    '("H3 221 behind a refusal of the sender, in one flight"
      :peer ("chunking" "mail=reply:550 5.1.0 No" "rcpt=reply:221 2.0.0 Bye" "rcpt=closeafter"))
    '("H3 221 to the message in one flight, behind a refusal of the sender"
      :peer ("chunking" "mail=reply:550 5.1.0 No" "rcpt=reply:503 5.5.1 No" "dot=reply:221 2.0.0 Bye" "dot=closeafter"))
    '("H3 221 behind a refusal of BDAT" :kind ok :reach message :connections 2 :mails 2 :auths 2
      :text nil :peer ("chunking" "1:dot=reply:502 5.5.1 What?" "1:dot=after:221 2.0.0 Too many errors\\r\\n" "1:dot=closeafter"))
    '("H3 221 to BDAT, which is untried" :kind deferred :text "221 2\\.0\\.0 Bye" :reach part
      :request (:chunking-untried t) :message mew-submit-faults-h-middling-message
      :peer ("chunking" "data=reply:221 2.0.0 Bye" "data=closeafter")))
   (mew-submit-faults-table
    '(:kind refused :text "55[024]-? ?5\\.")
    '("H22 a wrong password, told without an end" :kind auth :reach auth :text "535 5\\.7\\.8 No"
      :peer ("auth-end=reply:535 5.7.8 No\\c" "auth-end=closeafter"))
    '("H22 a recipient's refusal without an end" :reach envelope
      :peer ("rcpt=reply:550 5.1.1 Nobody\\c" "rcpt=closeafter"))
    '("H22 a message's refusal without an end" :reach message
      :peer ("dot=reply:554-5.7.1 Spam\\r\\n\\c" "dot=closeafter"))
    '("H22 a refusal without an end, to BDAT" :reach message
      :peer ("chunking" "dot=reply:554 5.7.1 Spam\\c" "dot=closeafter")))
   (mew-submit-faults-table
    '(:kind ok)
    `("H18 250 recipients" :recipients ,(cl-loop for i from 1 to 250
                                                 collect (format "r%d@example.org" i)))
    `("H18 250 recipients, BDAT" :peer ("chunking")
      :recipients ,(cl-loop for i from 1 to 250 collect (format "r%d@example.org" i)))
    `("H18 250 recipients, every other one refused" :result "partial" :exit 69
      :peer ,(cl-loop for i from 1 to 250 by 2 collect (format "rcpt#%d=reply:550 5.1.1 No" i))
      :recipients ,(cl-loop for i from 1 to 250 collect (format "r%d@example.org" i)))
    '("H22 a yes, and an end that its line has not" :peer ("dot=reply:250 2.0.0 Ok\\c" "dot=closeafter")
      :kind uncertain)
    '("H22 a no inside TLS, cut off there" :kind lost :reach envelope
      :peer ("no-close-notify" "rcpt=reply:550 5.1.1 Nob\\c" "rcpt=closeafter"))
    '("H19 no PIPELINING" :peer ("cap2-=PIPELINING") :recipients ("ann@example.org" "bob@example.org"))
    '("H19 PIPELINING is offered in the clear only, by a server that minds"
      :peer ("cap2-=PIPELINING" "mail=delay:100" "rcpt=delay:100" "data=delay:100")
      :recipients ("ann@example.org" "bob@example.org"))))
  "Section H.")

(provide 'mew-submit-faults-h)
;;; h-order-time-loss.el ends here
