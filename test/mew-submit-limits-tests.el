;;; mew-submit-limits-tests.el --- Tests for servers that take only so much at once -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; LIMITS (RFC 9422): RCPTMAX and RCPTDOMAINMAX split a message into transactions, MAILMAX
;; these into sessions.  The test server enforces what it advertises.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-fate)
(require 'mew-submit-job)
(require 'mew-submit-parcel)
(require 'mew-submit-report)
(require 'mew-submit-spool)
(require 'mew-submit-test-helpers)

(defvar mew-submit-limits-tests--ways
  '(("DATA" . "") ("BDAT" . ",chunking") ("steps" . ",cap2-=PIPELINING")
    ("BDAT in steps" . ",chunking,cap2-=PIPELINING"))
  "The ways of a message to the server: (NAME . DIRECTIVES).")

(cl-defun mew-submit-limits-tests--run (peer recipients &rest more)
  "Send a message to RECIPIENTS by PEER, with MORE keys; return the `done' event."
  (let ((file (mew-submit-test--peer-file peer "message")))
    (mew-submit-test-write file "From: me@x\nSubject: s\n\nbody\n")
    (or (mew-submit-job--wait
         (mew-submit-job--start
          (append more
                  (list :host "127.0.0.1"
                        :routes (list (list (mew-submit-test-port peer "s") 'ipv4
                                            'starttls))
                        :connect-timeout 60000 :step-timeout 60000 :tls 'required
                        :ca-file (mew-submit-test-ca peer)
                        :helo "localhost.localdomain" :from "me@example.org"
                        :recipients recipients :file file
                        :journal (mew-submit-test--peer-file peer "journal")))
          :on-ask (lambda (_) (cons "me" (copy-sequence "s3cret"))))
         mew-submit-test-patience)
        (ert-fail "The session did not end"))))

(defun mew-submit-limits-tests--transactions (peer)
  "Return the recipients of each message that PEER has taken."
  (cl-loop for number from 1
           while (mew-submit-test-stored peer number)
           collect (cdr (mew-submit-test-envelope peer number))))

(defun mew-submit-limits-tests--codes (done)
  "Return the recipients in DONE with their codes."
  (mapcar (lambda (recipient)
            (list (plist-get recipient :address) (plist-get recipient :code)))
          (plist-get done :recipients)))

(defun mew-submit-limits-tests--journal (peer)
  "Return the first words of the lines in PEER's journal, and the ranges of dots."
  (mapcar (lambda (line)
            (if (string-prefix-p "dot" line) line (car (split-string line))))
          (split-string (mew-submit-test-octets
                         (mew-submit-test--peer-file peer "journal"))
                        "\n" t)))

(defmacro mew-submit-limits-tests--each-way (peer directives &rest body)
  "Run BODY with PEER bound to a server with DIRECTIVES, once for each way to send."
  (declare (indent 2))
  `(pcase-dolist (`(,way . ,how) mew-submit-limits-tests--ways)
     (ert-info (way)
       (mew-submit-test-with-peer
           (,peer "--user" "me" "--password" "s3cret"
                  (concat "127.0.0.1:0,name=s" how ,directives))
         ,@body
         (should-not (mew-submit-test-violations ,peer))))))

(defun mew-submit-limits-tests--connections (peer)
  "Return how many connections PEER has taken."
  (length (mew-submit-test-log peer "connect")))

;;; Recipients

(ert-deftest mew-submit-limits-tests-rcptmax ()
  "A message goes in as many transactions as it needs, in one session, in order."
  :tags '(:module)
  (mew-submit-limits-tests--each-way peer ",noauth,cap2+=LIMITS RCPTMAX=2"
    (let ((done (mew-submit-limits-tests--run
                 peer '("a@x" "b@y" "c@x" "d@z" "e@x"))))
      (should (equal (plist-get done :result) "delivered"))
      (should (equal (mew-submit-limits-tests--transactions peer)
                     '(("a@x" "b@y") ("c@x" "d@z") ("e@x"))))
      (should (equal (mew-submit-limits-tests--codes done)
                     '(("a@x" 250) ("b@y" 250) ("c@x" 250) ("d@z" 250) ("e@x" 250))))
      (should (equal (mew-submit-limits-tests--journal peer)
                     '("dot 0 2" "reply" "dot 2 2" "reply" "dot 4 1" "reply")))
      (should (= (mew-submit-limits-tests--connections peer) 1)))))

(ert-deftest mew-submit-limits-tests-rcptdomainmax ()
  "No transaction has more domains than the server takes."
  :tags '(:module)
  (mew-submit-limits-tests--each-way peer ",noauth,cap2+=LIMITS RCPTDOMAINMAX=2 RCPTMAX=3"
    (let ((done (mew-submit-limits-tests--run
                 peer '("a@x" "b@Y" "c@X" "d@y" "e@z" "f@x" "g@v" "h@w"))))
      (should (equal (plist-get done :result) "delivered"))
      (should (equal (mew-submit-limits-tests--transactions peer)
                     '(("a@x" "b@Y" "c@X") ("d@y" "e@z") ("f@x" "g@v") ("h@w")))))))

(ert-deftest mew-submit-limits-tests-partial-over-transactions ()
  "Who was refused in which transaction makes no difference to the others."
  :tags '(:module)
  (pcase-dolist
      (`(,refused ,transactions ,result ,exit)
       '(((1 2) (("c@x" "d@x") ("e@x")) "partial" 69)
         ((2 3) (("a@x") ("d@x") ("e@x")) "partial" 69)
         ((5) (("a@x" "b@x") ("c@x" "d@x")) "partial" 69)
         ((1 2 3 4) (("e@x")) "partial" 69)
         ((1 2 3 4 5) () "refused" 69)))
    (mew-submit-limits-tests--each-way peer
        (concat ",noauth,cap2+=LIMITS RCPTMAX=2"
                (mapconcat (lambda (n) (format ",rcpt#%d=reply:550 5.1.1 No %d" n n))
                           refused ""))
      (let ((done (mew-submit-limits-tests--run
                   peer '("a@x" "b@x" "c@x" "d@x" "e@x"))))
        (should (equal (plist-get done :result) result))
        (should (equal (plist-get done :exit) exit))
        (should (equal (mew-submit-limits-tests--transactions peer) transactions))
        (should (equal (mew-submit-limits-tests--codes done)
                       (cl-loop for address in '("a@x" "b@x" "c@x" "d@x" "e@x")
                                for n from 1
                                collect (list address (if (memq n refused) 550 250)))))
        (should (= (mew-submit-limits-tests--connections peer) 1))))))

(ert-deftest mew-submit-limits-tests-later-transaction-fails ()
  "Those who have the message keep it; the others are told of with the reason."
  :tags '(:module)
  (pcase-dolist
      (`(,directive ,result ,exit ,codes ,stored)
       '((",dot#2=reply:554 5.7.1 Not that" "partial" 69 (250 250 554 554 554) 1)
         (",dot#2=reply:451 4.3.0 Later" "partial" 69 (250 250 451 451 451) 1)
         (",mail#2=reply:452 4.5.3 Enough" "partial" 69 (250 250 452 452 452) 1)
         (",mail#2=reply:550 5.7.0 Enough" "partial" 69 (250 250 550 550 550) 1)
         (",rcpt#3=reply:421 4.3.2 Bye,rcpt#3=closeafter" "partial" 69 (250 250 421 421 421) 1)
         ;; What became of the second one nobody knows; the third is not tried.
         (",dot#2=close" "uncertain" 74 (250 250 250 250 451) 2)))
    (mew-submit-limits-tests--each-way peer
        (concat ",noauth,cap2+=LIMITS RCPTMAX=2" directive)
      (ert-info (directive)
        (let ((done (mew-submit-limits-tests--run
                     peer '("a@x" "b@x" "c@x" "d@x" "e@x"))))
          (should (equal (plist-get done :result) result))
          (should (equal (plist-get done :exit) exit))
          (should (equal (mapcar #'cadr (mew-submit-limits-tests--codes done)) codes))
          (should (equal (mapcar #'car (mew-submit-limits-tests--codes done))
                         '("a@x" "b@x" "c@x" "d@x" "e@x")))
          (should (= (length (mew-submit-limits-tests--transactions peer)) stored)))))))

(ert-deftest mew-submit-limits-tests-in-doubt-for-some ()
  "Who surely has not got a message that others may have is told, with words that are ours.
They were taken for those of the server, and a mailing list was blamed."
  :tags '(:module)
  (mew-submit-limits-tests--each-way peer
      ",noauth,cap2+=LIMITS RCPTMAX=2,dot#2=close"
    (let* ((done (mew-submit-limits-tests--run peer '("a@x" "b@x" "c@x" "d@x" "e@x" "f@x")))
           (words (mew-submit-report--done done)))
      (should (equal (plist-get done :result) "uncertain"))
      (dolist (recipient (plist-get done :recipients))
        (should-not (plist-get recipient :cause))
        (should (equal (plist-get recipient :kind)
                       (and (member (plist-get recipient :address) '("e@x" "f@x"))
                            "deferred"))))
      (should (string-match-p "  e@x, f@x did not get it: ask one of the others[.]" words)))))

(ert-deftest mew-submit-limits-tests-broken-in-between ()
  "Who cannot be sent to in another session has not been refused by the server."
  :tags '(:module)
  (mew-submit-limits-tests--each-way peer
      ",noauth,cap2+=LIMITS RCPTMAX=2 MAILMAX=1,2:ehlo=close"
    (let ((done (mew-submit-limits-tests--run peer '("a@x" "b@x" "c@x"))))
      (should (equal (plist-get done :result) "partial"))
      (should-not (plist-get done :cause))
      (should (string-match-p "\\`it did not get to c@x: .*closed the connection"
                              (mew-submit-report--reason done))))))

(ert-deftest mew-submit-limits-tests-another-server-cannot ()
  "Where another session's server cannot do what is wished for, those who have it are told.
Several may be behind one name.  It was said that nobody had it."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "--user" "me" "--password" "s3cret"
            "127.0.0.1:0,name=s,noauth,cap2+=LIMITS RCPTMAX=1 MAILMAX=1,cap2+=DELIVERBY,\
2:ehlo2=reply:250-other.example.org\\r\\n250 SIZE")
    (let ((done (mew-submit-limits-tests--run peer '("a@x" "b@x") :deliver-by "600;R")))
      (should (equal (list (plist-get done :result) (plist-get done :exit)) '("partial" 69)))
      (should (equal (mew-submit-limits-tests--codes done) '(("a@x" 250) ("b@x" 451))))
      (should (string-match-p "\\`it did not get to b@x: .*no DELIVERBY"
                              (mew-submit-report--reason done)))
      (should (= 1 (length (mew-submit-limits-tests--transactions peer)))))))

(ert-deftest mew-submit-limits-tests-offer-not-kept-in-between ()
  "Who is left because the server does not keep what it offers is tried again.
That it refused that for good (5yz) was taken for a refusal of all who were left."
  :tags '(:module)
  (dolist (end '("dot#2=closeafter" "rset=reply:500 What?"))
    (ert-info (end)
      (mew-submit-test-with-peer
          (peer "--user" "me" "--password" "s3cret"
                (concat "127.0.0.1:0,name=s,noauth,chunking,cap2+=LIMITS RCPTMAX=1,\
dot#2=reply:502 5.5.1 No BDAT," end))
        (let ((done (mew-submit-limits-tests--run peer '("a@x" "b@x" "c@x"))))
          (should (equal (plist-get done :left-out) '("CHUNKING")))
          (should (equal (mew-submit-limits-tests--codes done)
                         '(("a@x" 250) ("b@x" 451) ("c@x" 451)))))))))

;; Before, all of them had been refused by the server, or stopped by the user.
(ert-deftest mew-submit-limits-tests-some-refused-and-some-not-asked ()
  "Who was refused, and who was not asked any more, are told apart."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=gone,noauth,cap2+=LIMITS RCPTMAX=1,rcpt#2=reply:550 5.1.1 No such user,\
mail#3=close"
            "127.0.0.1:0,name=stopped,noauth,cap2+=LIMITS RCPTMAX=1,\
rcpt#2=reply:550 5.1.1 No such user,mail#3=stall")
    (pcase-dolist (`(,name ,words)
                   '(("gone" "said no to b@x: .*no such .*; it did not get to c@x\\'")
                     ("stopped" "\\`you have stopped it before c@x got it\\'")))
      (ert-info (name)
        (mew-submit-test-with-directory directory
          (let ((session (mew-submit-parcel--submit
                          (mew-submit-test-write (expand-file-name "message" directory)
                                                 "From: a@x\nTo: b@x\n\nHello\n")
                          :account (mew-submit-test-account peer name)
                          :recipients '("a@x" "b@x" "c@x"))))
            (when (equal name "stopped")
              (mew-submit-test-until ("the server to stall")
                (mew-submit-test-log peer "stall"))
              (mew-submit-job--cancel session))
            (let ((done (mew-submit-job--wait session mew-submit-test-patience))
                  (case-fold-search t))
              (should (equal (plist-get done :result) "partial"))
              (should (equal (and (plist-get done :stopped) t) (equal name "stopped")))
              (should (string-match-p words (mew-submit-report--reason done))))))))))

(ert-deftest mew-submit-limits-tests-nonsense-in-between ()
  "Who is left out after an answer that makes no sense has not got the message.
The answer's code was theirs: a 250 to DATA was a yes, so that nobody sent it to
them, and a 354 to MAIL left in doubt who had surely not got it."
  :tags '(:module)
  (dolist (directive '("data#2=reply:250 2.0.0 Ok" "mail#2=reply:354 Go on"
                       "rcpt#4=reply:354 Go on" "rcpt#3=repeat:2"
                       "cap2+=LIMITS MAILMAX=1,2:greeting=reply:250 Hello"))
    (ert-info (directive)
      (mew-submit-test-with-peer
          (peer (concat "127.0.0.1:0,name=s,noauth,cap2+=LIMITS RCPTMAX=2," directive))
        (let* ((recipients '("a@x" "b@x" "c@x" "d@x" "e@x"))
               (done (mew-submit-limits-tests--run peer recipients))
               (journal (split-string (mew-submit-test-octets
                                       (mew-submit-test--peer-file peer "journal"))
                                      "\n" t)))
          (should (equal (plist-get done :result) "partial"))
          (should (equal (mapcar #'cadr (mew-submit-limits-tests--codes done))
                         '(250 250 451 451 451)))
          (should (equal (plist-get (nth 2 (plist-get done :recipients)) :kind) "protocol"))
          (cl-letf (((symbol-function 'mew-submit-spool--journal-lines)
                     (lambda (_) journal)))
            (let* ((entry (list :recipients recipients))
                   (after (mew-submit-fate--settle entry (mew-submit-fate--said entry done))))
              (should (eq (plist-get after :state) 'queued))
              (should (equal (plist-get after :recipients) '("c@x" "d@x" "e@x")))
              (should (equal (plist-get after :delivered) '("a@x" "b@x"))))))))))

(ert-deftest mew-submit-limits-tests-cause-is-by-the-server ()
  "Why those of a later transaction are refused is by the server's words alone.
That they came without TLS, which we say, was taken for what the server wants."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=s,plain,noauth,cap+=LIMITS RCPTMAX=1,dot#2=reply:554 5.7.1 No")
    (let* ((recipients (cl-loop for i below 12 collect (format "a%d@x" i)))
           (done (mew-submit-test-run
                  (append '(:tls none) (mew-submit-test-account peer "s"))
                  "From: a@x\nTo: b@x\n\nHello\n" :recipients recipients))
           (refused (cdr (plist-get done :recipients))))
      (should (equal (plist-get done :result) "partial"))
      (should (= (length refused) 11))
      (dolist (recipient refused)
        (should (string-search "said without TLS" (plist-get recipient :text)))
        (should (eq (plist-get recipient :cause)
                    (plist-get (mew-submit-refusal--of-lines :rcpt 554 "5.7.1" '("554 5.7.1 No")
                                                             nil)
                               :cause)))))))

(ert-deftest mew-submit-limits-tests-in-doubt-after-a-crash ()
  "A journal tells who did not get a message that others may have."
  (mew-submit-test-with-directory directory
    (let* ((entry (list :id "1" :stem (expand-file-name "1" directory) :state 'sending
                        :recipients '("a@x" "b@x" "c@x" "d@x" "e@x")))
           (journal (mew-submit-spool--journal-file entry)))
      (mew-submit-test-write journal "dot 0 2\nreply 250 250 Ok\ndot 2 2\n")
      (let ((found (mew-submit-fate--recovered entry)))
        (should (eq (plist-get found :state) 'uncertain))
        (should (equal (plist-get found :delivered) '("a@x" "b@x")))
        (should (string-match-p "answer came[.]  e@x did not get it: ask one of the others"
                                (plist-get found :last)))))))

(ert-deftest mew-submit-limits-tests-offer-not-kept-before-many ()
  "A parameter that MAIL is refused for is left out, however many recipients follow."
  :tags '(:module)
  (let ((recipients (cl-loop for i below 250 collect (format "a%d@x" i))))
    (mew-submit-limits-tests--each-way peer
        ",noauth,mail#1=reply:555 5.5.4 Unsupported option: SIZE"
      (let ((done (mew-submit-limits-tests--run peer recipients)))
        (should (equal (plist-get done :result) "delivered"))
        (should (equal (mew-submit-limits-tests--transactions peer) (list recipients)))
        (should (= (mew-submit-limits-tests--connections peer) 1))))))

;;; Messages

(ert-deftest mew-submit-limits-tests-mailmax ()
  "Where a session takes so many messages, the rest goes in another one, logged in anew."
  :tags '(:module)
  (mew-submit-limits-tests--each-way peer ",cap2+=LIMITS RCPTMAX=1 MAILMAX=2"
    (let* ((asked 0)
           (done (mew-submit-limits-tests--run
                  peer '("a@x" "b@x" "c@x" "d@x" "e@x")
                  :user "me" :password (copy-sequence "s3cret"))))
      (should (equal (plist-get done :result) "delivered"))
      (should (= asked 0))
      (should (equal (mew-submit-limits-tests--transactions peer)
                     '(("a@x") ("b@x") ("c@x") ("d@x") ("e@x"))))
      (should (= (length (plist-get done :recipients)) 5))
      (should (= (mew-submit-limits-tests--connections peer) 3))
      (should (= (length (mew-submit-test-log peer "auth")) 3)))))

(ert-deftest mew-submit-limits-tests-mailmax-and-no-second-session ()
  "Where the second session cannot be had, those who have the message keep it."
  :tags '(:module)
  (dolist (directive '(",2+:connect=reset" ",2+:greeting=reply:421 Busy"
                       ",2+:cap-=STARTTLS" ",2+:auth=reply:454 4.7.0 Later"))
    (mew-submit-limits-tests--each-way peer
        (concat ",cap2+=LIMITS RCPTMAX=1 MAILMAX=2" directive)
      (ert-info (directive)
        (let ((done (mew-submit-limits-tests--run
                     peer '("a@x" "b@x" "c@x") :user "me"
                     :password (copy-sequence "s3cret"))))
          (should (equal (plist-get done :result) "partial"))
          (should (equal (mew-submit-limits-tests--transactions peer)
                         '(("a@x") ("b@x"))))
          (should (equal (seq-take (mapcar #'cadr (mew-submit-limits-tests--codes done)) 2)
                         '(250 250)))
          (should (<= 400 (cadr (nth 2 (mew-submit-limits-tests--codes done))))))))))

(ert-deftest mew-submit-limits-tests-mailmax-ends-a-kept-connection ()
  "A spent session is not kept for the next message."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth,cap2+=LIMITS MAILMAX=2")
    (unwind-protect
        (dotimes (_ 5)
          (should (equal (plist-get (mew-submit-limits-tests--run
                                     peer '("a@x") :share "k" :keep 5000)
                                    :result)
                         "delivered")))
      (mew-submit-job--stop))
    (should (= (length (mew-submit-limits-tests--transactions peer)) 5))
    (should (= (mew-submit-limits-tests--connections peer) 3))
    (should-not (mew-submit-test-violations peer))))

;; A server that has not said MAILMAX.
(ert-deftest mew-submit-limits-tests-a-session-is-over ()
  "Who has got enough of a session gets the rest in another one, and once only."
  :tags '(:module)
  (dolist (row '((",1:mail#2=reply:550 5.7.1 One message per session" "delivered" 2)
                 (",1:rcpt#2=reply:452 4.5.3 Too many messages this session" "delivered" 2)
                 (",1:dot#2=reply:554 5.7.1 Only one mail per connection" "delivered" 2)
                 (",1:mail#2=reply:421 4.7.0 Too many mails in this connection,1:mail#2=closeafter"
                  "delivered" 2)
                 (",mail#2=reply:550 5.7.1 Too many mails per session" "delivered" 3)
                 (",1:mail#2=reply:550 5.7.1 Too many sessions per connection point" "delivered" 2)
                 (",mail#2=reply:550 5.7.1 Too many mails" "partial" 1)
                 (",2+:mail=reply:550 5.7.1 One mail per session,1:mail#2=reply:550 5.7.1 One mail per session"
                  "partial" 2)))
    (mew-submit-limits-tests--each-way peer
        (concat ",cap2+=LIMITS RCPTMAX=1" (car row))
      (ert-info ((car row))
        (let ((done (mew-submit-limits-tests--run
                     peer '("a@x" "b@x" "c@x") :user "me")))
          (should (equal (plist-get done :result) (nth 1 row)))
          (should (= (mew-submit-limits-tests--connections peer) (nth 2 row)))
          (should (= (length (plist-get done :recipients)) 3)))))))

(ert-deftest mew-submit-limits-tests-nonsense-is-no-limit ()
  "Limits that are no numbers, or none at all, are not heeded.
\(SECURITY: O14)."
  :tags '(:module)
  (dolist (limits '("LIMITS" "LIMITS RCPTMAX=0 MAILMAX=0" "LIMITS RCPTMAX=-1"
                    "LIMITS RCPTMAX=99999999999999999999" "LIMITS X=1 Y"))
    (mew-submit-test-with-peer
        (peer (concat "127.0.0.1:0,name=s,noauth,cap2+=" limits))
      (should (equal (plist-get (mew-submit-limits-tests--run peer '("a@x" "b@x"))
                                :result)
                     "delivered"))
      (should (equal (mew-submit-limits-tests--transactions peer) '(("a@x" "b@x")))))))

(provide 'mew-submit-limits-tests)
;;; mew-submit-limits-tests.el ends here
