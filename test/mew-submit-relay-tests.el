;;; mew-submit-relay-tests.el --- Tests for the local relay -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Client, relay and the functions behind it in one Emacs; the real server is
;; test/peer.  Other programs as clients are test/relay's.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'gnutls)
(require 'mew-submit)
(require 'mew-submit-spool)
(require 'mew-submit-queue)
(require 'mew-submit-relay)
(require 'mew-submit-test-helpers)
(require 'seq)

(declare-function mew-submit--mod-certificate "ext:mew-submit-native" (file name))
(declare-function mew-submit--mod-owner "ext:mew-submit-native" (from to))

(defvar mew-submit-relay-tests--log nil
  "What the relay has logged, newest first.")

(defvar mew-submit-relay-tests--clients nil
  "The clients of a test.")

(defmacro mew-submit-relay-tests--with-relay (bindings &rest body)
  "Run BODY with a relay on a free port, under BINDINGS as of `let'."
  (declare (indent 1) (debug ((&rest (symbolp form)) body)))
  `(mew-submit-test-with-directory relay-directory
     (let* ((mew-submit-outbox-directory (expand-file-name "outbox/"
                                                           relay-directory))
            (mew-submit-relay-address '("127.0.0.1"))
            (mew-submit-relay-port 0)
            (mew-submit-request--several t)
            (mew-submit-dispatch--done-functions nil)
            (mew-submit-relay--on-ask #'ignore)
            (mew-submit-relay--account-function nil)
            (mew-submit-relay-tests--log nil)
            (mew-submit-relay-tests--clients nil)
            (mew-submit-relay--log-function
             (lambda (line) (push line mew-submit-relay-tests--log)))
            ,@bindings)
       (clrhash mew-submit-known--table)
       (mew-submit-relay--start)
       (unwind-protect
           (progn ,@body)
         (mapc #'delete-process mew-submit-relay-tests--clients)
         (mew-submit-relay--stop)
         (mew-submit-test-until ("the queue")
           (null (mew-submit-known--running)))
         (mew-submit-dispatch--stop)
         (clrhash mew-submit-known--table)))))

(defmacro mew-submit-relay-tests--with-sink (bindings &rest body)
  "Run BODY with a relay that keeps what comes, under BINDINGS as of `let'."
  (declare (indent 1) (debug ((&rest (symbolp form)) body)))
  `(mew-submit-relay-tests--with-relay
       ((mew-submit-relay--sink (expand-file-name "sink/" relay-directory))
        ,@bindings)
     ,@body))

;;; The client

(defun mew-submit-relay-tests--connect (&optional no-greeting)
  "Return a connection to the relay that has read the greeting.
With NO-GREETING non-nil it has not."
  (let ((client (make-network-process
                 :name "client" :host "127.0.0.1" :family 'ipv4 :noquery t
                 :service (mew-submit-relay--port (car mew-submit-relay--servers))
                 :coding 'binary :buffer nil
                 :sentinel #'ignore
                 :filter (lambda (process octets)
                           (process-put process :got
                                        (concat (process-get process :got)
                                                octets))))))
    (push client mew-submit-relay-tests--clients)
    (unless no-greeting
      (mew-submit-relay-tests--reply client))
    client))

(defun mew-submit-relay-tests--reply (client)
  "Return the next whole reply to CLIENT, lines joined by a newline.
Return nil when the connection has ended before there is one."
  (let ((regexp "\\`\\(?:[0-9]\\{3\\}-.*\r\n\\)*[0-9]\\{3\\} .*\r\n"))
    (mew-submit-test-until ("a reply")
      (or (string-match-p regexp (or (process-get client :got) ""))
          (not (process-live-p client))))
    (let ((got (or (process-get client :got) "")))
      (when (string-match regexp got)
        (let ((reply (match-string 0 got)))
          (process-put client :got (substring got (match-end 0)))
          (string-trim-right
           (decode-coding-string (replace-regexp-in-string "\r" "" reply)
                                 'utf-8)))))))

(defun mew-submit-relay-tests--say (client octets)
  "Send OCTETS through CLIENT and return the reply."
  (ignore-errors (process-send-string client octets))
  (mew-submit-relay-tests--reply client))

(defun mew-submit-relay-tests--dialog (client &rest lines)
  "Say each of LINES through CLIENT; return the codes of the replies."
  (mapcar (lambda (line)
            (let ((reply (mew-submit-relay-tests--say client
                                                      (concat line "\r\n"))))
              (and reply (string-to-number reply))))
          lines))

(defun mew-submit-relay-tests--envelope (client &rest recipients)
  "Say all there is before the message through CLIENT, to RECIPIENTS (you@x)."
  (let ((lines (append '("EHLO me" "MAIL FROM:<me@x>")
                       (mapcar (lambda (address)
                                 (format "RCPT TO:<%s>" address))
                               (or recipients '("you@x"))))))
    (should (equal (delete-dups
                    (apply #'mew-submit-relay-tests--dialog client lines))
                   '(250)))))

(defun mew-submit-relay-tests--send (client octets &rest recipients)
  "Send the message OCTETS by DATA through CLIENT to RECIPIENTS.
OCTETS end as they are.  Return the reply."
  (apply #'mew-submit-relay-tests--envelope client recipients)
  (should (equal (mew-submit-relay-tests--dialog client "DATA") '(354)))
  (mew-submit-relay-tests--say client octets))

(defconst mew-submit-relay-tests--message
  "From: me@x\r\nTo: you@x\r\nSubject: s\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n"
  "A message.")

(defun mew-submit-relay-tests--kept ()
  "Return the messages that the sink has, octets, the oldest first."
  (mapcar #'mew-submit-test-octets
          (directory-files mew-submit-relay--sink t "\\.eml\\'")))

(defun mew-submit-relay-tests--account (peer name)
  "Return a function that returns the account for PEER's listener NAME."
  (let ((account (mew-submit-test-account peer name)))
    (lambda (_fields) (copy-sequence account))))

;;; Dialogue

(ert-deftest mew-submit-relay-tests-offers ()
  "The reply to EHLO offers what is there, and AUTH only with a token."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (should (equal (split-string (mew-submit-relay-tests--say
                                  (mew-submit-relay-tests--connect)
                                  "EHLO me\r\n")
                                 "\n")
                   '("250-localhost.localdomain" "250-PIPELINING"
                     "250-SIZE 104857600" "250-8BITMIME" "250-SMTPUTF8"
                     "250-CHUNKING" "250-DSN" "250 ENHANCEDSTATUSCODES")))))

(ert-deftest mew-submit-relay-tests-order ()
  "Commands out of order, unknown, or with nonsense are refused, and that is all."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (let ((client (mew-submit-relay-tests--connect)))
      (pcase-dolist
          (`(,line ,code)
           '(("MAIL FROM:<me@x>" 503) ("RCPT TO:<you@x>" 503) ("DATA" 503)
             ("EHLO" 501) ("ehlo me" 250) ("RCPT TO:<you@x>" 503)
             ("DATA" 503) ("AUTH PLAIN AGEAYg==" 503) ("STARTTLS" 502)
             ("BOGUS" 500) ("" 500)
             ("MAIL FROM:<me@x" 501) ("MAIL TO:<me@x>" 501)))
        (ert-info (line)
          (should (equal (mew-submit-relay-tests--dialog client line)
                         (list code))))))
    (let ((client (mew-submit-relay-tests--connect)))
      (pcase-dolist
          (`(,line ,code)
           '(("EHLO me" 250)
             ("MAIL FROM:<me@x> FOO=1" 555) ("MAIL FROM:<me@x> SIZE=x" 501)
             ("MAIL FROM:<a b@x>" 553) ("MAIL FROM:<me@x> SIZE=999999999" 552)
             ("MAIL FROM:<me@x> BODY=BINARYMIME" 501)
             ("mail from: <me@x> SIZE=10 BODY=8BITMIME" 250)
             ("MAIL FROM:<me@x>" 503) ("DATA" 554)
             ("RCPT TO:<>" 553) ("RCPT TO:<you@x> NOTIFY=SOMETIMES" 501)))
        (ert-info (line)
          (should (equal (mew-submit-relay-tests--dialog client line)
                         (list code)))))
      (pcase-dolist
          (`(,line ,code)
           '(("RCPT TO:<@a,@b:you@x> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@x"
              250)
             ("RCPT TO:<\"a>b\"@x>" 250) ("NOOP" 250) ("VRFY you" 252)
             ("RSET" 250) ("DATA" 503)))
        (ert-info (line)
          (should (equal (mew-submit-relay-tests--dialog client line)
                         (list code)))))
      (should (equal (mew-submit-relay-tests--dialog client "QUIT") '(221)))
      (should-not (mew-submit-relay-tests--kept)))))

(ert-deftest mew-submit-relay-tests-bare-addresses ()
  "Printers and the like leave the angle brackets out."
  (pcase-dolist (`(,argument ,from ,wishes)
                 '(("FROM:a@b.test" "a@b.test" nil)
                   ("FROM: a@b.test SIZE=12 RET=HDRS" "a@b.test" (:dsn-return "HDRS"))
                   ("from:\"a b\"@c.test BODY=8BITMIME" "\"a b\"@c.test" nil)
                   ("FROM:<a@b.test>" "a@b.test" nil)
                   ("FROM:<>" "" nil)
                   ("FROM:root" "root" nil)))
    (let ((mail (mew-submit-relay-smtp--mail argument nil)))
      (should (equal (plist-get mail :from) from))
      (should (equal (plist-get mail :wishes) wishes))))
  (should (equal (mew-submit-relay-smtp--rcpt "TO:c@d.test NOTIFY=NEVER" nil)
                 '("c@d.test" :notify "NEVER")))
  (dolist (argument '("FROM:" "FROM: " "FROM:<a@b" "FROM:a@b>" "FROM:<a@b>c" "FROM:a b@c"
                      "FROM:Me <a@b>" "FROM:\"a@b"))
    (ert-info (argument)
      (should-error (mew-submit-relay-smtp--mail argument nil)
                    :type 'mew-submit-relay-no))))

(ert-deftest mew-submit-relay-tests-intact ()
  "A message arrives as it was sent, by DATA and by BDAT, in any pieces."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (let* ((body (concat mew-submit-relay-tests--message
                         ".\r\n..\r\n.dot\r\nGr\303\274\303\237e\r\n\r\n"))
           (stuffed (concat (replace-regexp-in-string "^\\." ".." body t t)
                            ".\r\n")))
      (let ((client (mew-submit-relay-tests--connect)))
        (should (string-prefix-p
                 "250 2.0.0 kept as"
                 (mew-submit-relay-tests--send client stuffed)))
        ;; Octet by octet.
        (mew-submit-relay-tests--envelope client)
        (mew-submit-relay-tests--dialog client "DATA")
        (dotimes (i (1- (length stuffed)))
          (process-send-string client (substring stuffed i (1+ i)))
          (accept-process-output nil 0.0005))
        (should (string-prefix-p
                 "250" (mew-submit-relay-tests--say client "\n")))
        ;; Chunks, one of which ends within a line end.
        (mew-submit-relay-tests--envelope client)
        (let ((cut (1+ (string-search "\r\n" body))))
          (should (string-prefix-p
                   "250" (mew-submit-relay-tests--say
                          client (format "BDAT %d\r\n%s" cut
                                         (substring body 0 cut)))))
          (should (string-prefix-p
                   "250" (mew-submit-relay-tests--say
                          client (format "BDAT %d LAST\r\n%s"
                                         (- (length body) cut)
                                         (substring body cut)))))))
      (should (equal (mew-submit-relay-tests--kept) (list body body body))))))

(ert-deftest mew-submit-relay-tests-pipelining ()
  "Commands in one write are answered in order, with a message among them."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (let ((client (mew-submit-relay-tests--connect)))
      (mew-submit-relay-tests--dialog client "EHLO me")
      (process-send-string
       client (concat "MAIL FROM:<me@x>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b b@x>\r\n"
                      "RCPT TO:<c@x>\r\nBDAT 6 LAST\r\nbody\r\n"
                      "MAIL FROM:<me@x>\r\nRCPT TO:<d@x>\r\nDATA\r\n"))
      (should (equal (cl-loop repeat 8
                              collect (string-to-number
                                       (mew-submit-relay-tests--reply client)))
                     '(250 250 553 250 250 250 250 354)))
      (process-send-string client "body\r\n.\r\nNOOP\r\nQUIT\r\n")
      (should (equal (cl-loop repeat 3
                              collect (string-to-number
                                       (mew-submit-relay-tests--reply client)))
                     '(250 250 221)))
      (should (= (length (mew-submit-relay-tests--kept)) 2)))))

(ert-deftest mew-submit-relay-tests-pipelined-garbage ()
  "What follows DATA or EHLO before the answer ends the session."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (let ((client (mew-submit-relay-tests--connect)))
      (should (string-prefix-p
               "554" (mew-submit-relay-tests--say
                      client "EHLO me\r\nMAIL FROM:<me@x>\r\n"))))
    (let ((client (mew-submit-relay-tests--connect)))
      (mew-submit-relay-tests--envelope client)
      (should (string-prefix-p
               "554" (mew-submit-relay-tests--say
                      client (concat "DATA\r\n" mew-submit-relay-tests--message
                                     ".\r\n"))))
      (should-not (mew-submit-relay-tests--reply client)))
    (should-not (mew-submit-relay-tests--kept))))

(ert-deftest mew-submit-relay-tests-web-pages ()
  "A browser that a web page sends here is heard no further than its first line.
SECURITY: P26."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (dolist (line '("POST / HTTP/1.1" "GET / HTTP/1.0" "NOOP / HTTP/1.1" "PRI * HTTP/2.0"
                    "Host: localhost" "HLEO me" "\26\3\1\2\0\1\0"))
      (ert-info (line)
        (let ((client (mew-submit-relay-tests--connect)))
          (should (string-prefix-p "521 5.5.1 " (mew-submit-relay-tests--say
                                                 client (concat line "\r\nEHLO me\r\n"))))
          (should-not (mew-submit-relay-tests--reply client))
          (should (equal (pop mew-submit-relay-tests--log)
                         "A client at 127.0.0.1 does not speak SMTP")))))
    ;; Whoever has said something sensible may err.
    (should (equal (mew-submit-relay-tests--dialog
                    (mew-submit-relay-tests--connect) "HELO" "HLEO me" "EHLO me" "Host: x" "QUIT")
                   '(501 500 250 500 221)))))

;;; Smuggling, and what is too much

(ert-deftest mew-submit-relay-tests-smuggling ()
  "Whatever another server could take for an end is none, and is refused.
The commands behind it are never carried out."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (dolist (end '("\n.\n" "\n.\r\n" "\r\n.\n" "\r.\r" "\r\n.\r" "\r.\r\n"
                   "\r\r\n.\r\r\n" "\r\n\0.\r\n"))
      (ert-info ((format "%S" end))
        (let* ((client (mew-submit-relay-tests--connect))
               (reply (mew-submit-relay-tests--send
                       client
                       (concat mew-submit-relay-tests--message "smuggled" end
                               "MAIL FROM:<evil@x>\r\nRCPT TO:<victim@x>\r\n"
                               "DATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\n"))))
          (should (string-match-p "\\`550 5\\.\\(?:5\\.2\\|6\\.0\\) " reply))
          ;; Where the client shows no answer, the log does.
          (should (equal (pop mew-submit-relay-tests--log)
                         (concat "A message was not taken: " (substring reply 10))))
          (should (equal (mew-submit-relay-tests--dialog client "NOOP" "QUIT")
                         '(250 221))))))
    (should-not (mew-submit-relay-tests--kept))
    (should-not (directory-files mew-submit-relay--sink nil "part"))))

(ert-deftest mew-submit-relay-tests-smuggling-chunks ()
  "A bare CR or LF in a chunk is refused, too."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (dolist (body '("a\nb\r\n" "a\rb\r\n" "a\r\nb\r"))
      (let ((client (mew-submit-relay-tests--connect)))
        (mew-submit-relay-tests--envelope client)
        (should (string-prefix-p
                 "550" (mew-submit-relay-tests--say
                        client (format "BDAT %d LAST\r\n%s" (length body)
                                       body))))))
    (should-not (mew-submit-relay-tests--kept))))

(ert-deftest mew-submit-relay-tests-bare-line-ends ()
  "A command that ends with LF or CR alone ends the session."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (dolist (octets '("EHLO me\n" "EHLO me\rMAIL" "NOOP\nNOOP\r\n"
                      "NOOP\rNOOP\r\n"))
      (let ((client (mew-submit-relay-tests--connect)))
        (should (string-prefix-p
                 "521 5.5.2" (mew-submit-relay-tests--say client octets)))
        (should-not (mew-submit-relay-tests--reply client))
        (should (equal (pop mew-submit-relay-tests--log)
                       "A client at 127.0.0.1 ends a line without CRLF"))))))

(ert-deftest mew-submit-relay-tests-two-senders ()
  "A message with two From fields is refused, in words, and not kept.
SECURITY: J14."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-relay-tests--with-relay
        ((mew-submit-relay--account-function
          (mew-submit-relay-tests--account peer "ok")))
      (should (string-match-p
               "\\`55[04] 5\\.6\\.0 .*2 From fields"
               (mew-submit-relay-tests--send
                (mew-submit-relay-tests--connect)
                "From: a@x\r\nFrom: me@x\r\nSubject: s\r\n\r\nb\r\n.\r\n")))
      (should-not (mew-submit-known--entries))
      (should-not (mew-submit-test-lines peer "MAIL")))))

(ert-deftest mew-submit-relay-tests-bounds ()
  "Lines, messages, recipients, errors and idle commands have bounds."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ((mew-submit-relay-size 100000)
                                      (mew-submit-relay-recipients 3))
    (let ((client (mew-submit-relay-tests--connect)))
      (should (string-prefix-p
               "500 5.5.6" (mew-submit-relay-tests--say
                            client (concat "NOOP " (make-string 600 ?a)
                                           "\r\n"))))
      (should (string-prefix-p
               "500 5.5.6" (mew-submit-relay-tests--say
                            client (make-string 5000 ?a)))))
    (let ((client (mew-submit-relay-tests--connect)))
      (should (string-prefix-p
               "550 5.6.0" (mew-submit-relay-tests--send
                            client (concat (make-string 9000 ?a)
                                           "\r\n.\r\n"))))
      (should (string-prefix-p
               "552 5.3.4"
               (mew-submit-relay-tests--send
                client (concat (apply #'concat
                                      (make-list 1200 (concat (make-string 98 ?a)
                                                              "\r\n")))
                               ".\r\n"))))
      (should (equal (mew-submit-relay-tests--dialog
                      client "MAIL FROM:<me@x>" "RCPT TO:<a@x>" "RCPT TO:<b@x>"
                      "RCPT TO:<c@x>" "RCPT TO:<d@x>")
                     '(250 250 250 250 452))))
    (dolist (line '("BOGUS" "NOOP"))
      (let ((client (mew-submit-relay-tests--connect))
            (count 0))
        (should (equal (mew-submit-relay-tests--dialog client "HELO me") '(250)))
        (while (not (equal (mew-submit-relay-tests--dialog client line)
                           '(421)))
          (should (< (cl-incf count) 150)))))
    (should-not (mew-submit-relay-tests--kept))
    (should-not (directory-files mew-submit-relay--sink nil "part"))))

(ert-deftest mew-submit-relay-tests-half-messages ()
  "A client that leaves in the middle leaves nothing behind."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (dolist (octets (list "DATA\r\n" (concat "DATA\r\n") "BDAT 100 LAST\r\nabc"))
      (let ((client (mew-submit-relay-tests--connect)))
        (mew-submit-relay-tests--envelope client)
        (process-send-string client octets)
        (when (string-prefix-p "DATA" octets)
          (mew-submit-relay-tests--reply client)
          (process-send-string
           client (apply #'concat (make-list 5000 (concat (make-string 70 ?a)
                                                          "\r\n")))))
        (accept-process-output nil 0.05)
        (delete-process client)))
    (mew-submit-test-until ("the sessions to end")
      (null mew-submit-relay--sessions))
    (should-not (directory-files mew-submit-relay--sink nil "\\`[^.]"))))

(ert-deftest mew-submit-relay-tests-no-quit ()
  "A message is taken although its client does not wait for the answer."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (let ((client (mew-submit-relay-tests--connect)))
      (mew-submit-relay-tests--envelope client)
      (mew-submit-relay-tests--dialog client "DATA")
      (process-send-string client (concat mew-submit-relay-tests--message
                                          ".\r\n"))
      (delete-process client))
    (mew-submit-test-until ("the message")
      (mew-submit-relay-tests--kept))))

(ert-deftest mew-submit-relay-tests-idle-connections ()
  "Of many silent connections the oldest have to go; who speaks is served."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ((mew-submit-relay-connections 20))
    (let ((worker (mew-submit-relay-tests--connect)))
      (mew-submit-relay-tests--dialog worker "EHLO me")
      (dotimes (_ 200)
        (mew-submit-relay-tests--connect))
      (should (= (length mew-submit-relay--sessions) 20))
      (should (string-prefix-p
               "250" (mew-submit-relay-tests--send
                      worker (concat mew-submit-relay-tests--message ".\r\n"))))
      (should (string-prefix-p
               "250" (mew-submit-relay-tests--send
                      (mew-submit-relay-tests--connect)
                      (concat mew-submit-relay-tests--message ".\r\n")))))
    ;; When all have spoken, the next one has to wait.
    (dotimes (_ 30)
      (ignore-errors
        (mew-submit-relay-tests--dialog (mew-submit-relay-tests--connect)
                                        "EHLO me")))
    (let ((client (mew-submit-relay-tests--connect t)))
      (should (string-prefix-p "421"
                               (mew-submit-relay-tests--reply client))))))

(ert-deftest mew-submit-relay-tests-who-has-gone-keeps-no-place ()
  "A client that has left is not counted, though Emacs is too busy to tell."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ((mew-submit-relay-connections 2))
    (dotimes (_ 3)
      (dotimes (_ 2)
        (should (equal (mew-submit-relay-tests--dialog (mew-submit-relay-tests--connect) "EHLO me")
                       '(250))))
      (let ((there (mapcar #'mew-submit-relay--session-process mew-submit-relay--sessions)))
        (dolist (process there)
          (set-process-sentinel process #'ignore))
        (mapc #'delete-process mew-submit-relay-tests--clients)
        (mew-submit-test-until ("both have gone")
          (not (seq-some #'process-live-p there)))))
    (should (string-prefix-p "220 " (mew-submit-relay-tests--reply
                                     (mew-submit-relay-tests--connect t))))
    (should (= 1 (length mew-submit-relay--sessions)))))

(ert-deftest mew-submit-relay-tests-time ()
  "A client that says nothing, and one that trickles, is sent away."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ((mew-submit-relay-timeout 1))
    (let ((silent (mew-submit-relay-tests--connect))
          (slow (mew-submit-relay-tests--connect)))
      (mew-submit-relay-tests--dialog slow "EHLO me")
      (mew-submit-test-until ("the ends")
        (ignore-errors (process-send-string slow "N"))
        (mew-submit-relay--sweep)
        (null mew-submit-relay--sessions))
      (should (string-prefix-p "421 4.4.2"
                               (mew-submit-relay-tests--reply silent)))
      (should (string-prefix-p "421 4.4.2"
                               (mew-submit-relay-tests--reply slow))))))

;;; Who may come in

(ert-deftest mew-submit-relay-tests-token ()
  "With a token nothing goes without it, and it is in no log."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ((mew-submit-relay-token "s3kr1t-t0ken"))
    (let ((client (mew-submit-relay-tests--connect))
          (right (base64-encode-string "\0anybody\0s3kr1t-t0ken" t)))
      (should (string-match-p "^250[ -]AUTH PLAIN LOGIN$"
                              (mew-submit-relay-tests--say client
                                                           "EHLO me\r\n")))
      (should (equal (mew-submit-relay-tests--dialog
                      client "MAIL FROM:<me@x>" "AUTH CRAM-MD5" "AUTH PLAIN !!"
                      "AUTH PLAIN" "*"
                      (concat "AUTH PLAIN " (base64-encode-string "\0a\0b" t))
                      "MAIL FROM:<me@x>" "AUTH PLAIN" right
                      (concat "AUTH PLAIN " right) "MAIL FROM:<me@x>")
                     '(530 504 501 334 501 535 530 334 235 503 250))))
    (let ((client (mew-submit-relay-tests--connect))
          (wrong (concat "AUTH PLAIN "
                         (base64-encode-string "\0a\0s3kr1t-t0keX" t))))
      (should (equal (mew-submit-relay-tests--dialog
                      client "EHLO me" wrong wrong wrong)
                     '(250 535 535 421))))
    (should mew-submit-relay-tests--log)
    (dolist (line mew-submit-relay-tests--log)
      (should-not (string-match-p "s3kr1t" line)))))

(ert-deftest mew-submit-relay-tests-strangers ()
  "Other users, other machines and the unknown are refused by the greeting."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ()
    (let ((try (lambda ()
                 (mew-submit-relay-tests--reply
                  (mew-submit-relay-tests--connect t))))
          (elsewhere (lambda (&rest _) nil)))
      (cl-letf (((symbol-function 'mew-submit-relay-peer--user)
                 (lambda (&rest _) (1+ (user-uid)))))
        (should (string-prefix-p "554 5.7.1" (funcall try)))
        (let ((mew-submit-relay-anyone t))
          (should (string-prefix-p "220" (funcall try))))
        (let ((mew-submit-relay-token "x"))
          (should (string-prefix-p "220" (funcall try)))))
      (cl-letf (((symbol-function 'mew-submit-relay-peer--user) #'ignore))
        (should (string-prefix-p "554 5.7.1" (funcall try))))
      (cl-letf (((symbol-function 'mew-submit-relay-peer--loopback-p)
                 elsewhere))
        (should (string-prefix-p "554 5.7.1" (funcall try)))
        (let ((mew-submit-relay-anyone t))
          (should (string-prefix-p "554 5.7.1" (funcall try))))
        (let ((mew-submit-relay-networks '("127.0.0.0/8")))
          (should (string-prefix-p "220" (funcall try)))
          (let ((mew-submit-relay-token "x"))
            (should (string-prefix-p "554 5.7.1" (funcall try)))))
        (let ((mew-submit-relay-networks '("127.0.0.2")))
          (should (string-prefix-p "554 5.7.1" (funcall try))))))))

(ert-deftest mew-submit-relay-tests-owner ()
  "The system tells whose a connection is, but not when it is closed."
  :tags '(:module)
  (skip-unless (eq system-type 'gnu/linux))
  (mew-submit-relay-tests--with-sink ((mew-submit-relay-anyone t))
    (let* ((client (mew-submit-relay-tests--connect))
           (server (mew-submit-relay--session-process
                    (car mew-submit-relay--sessions)))
           (remote (mew-submit-relay--contact server :remote))
           (local (mew-submit-relay--contact server :local)))
      (should (eql (mew-submit-relay-peer--user remote local) (user-uid)))
      (should (eql (mew-submit-relay-peer--unread remote local) 0))
      (delete-process client)
      (should-not (mew-submit-relay-peer--user remote local)))))

(ert-deftest mew-submit-relay-tests-networks ()
  "A network is an address, or an address and bits; names are none."
  (should (mew-submit-relay-peer--in-p [192 0 2 7 25] '("192.0.2.0/24")))
  (should-not (mew-submit-relay-peer--in-p [192 0 3 7 25] '("192.0.2.0/24")))
  (should (mew-submit-relay-peer--in-p [0 0 0 0 0 65535 49152 519 25]
                                       '("192.0.2.7")))
  (should (mew-submit-relay-peer--in-p [8193 3512 0 0 0 0 0 1 25]
                                       '("2001:db8::/32")))
  (should-not (mew-submit-relay-peer--in-p [8193 3513 0 0 0 0 0 1 25]
                                           '("2001:db8::/32" "0.0.0.0/0")))
  (dolist (network '("localhost" "192.0.2.0/33" "x" "" "1.2.3.4/" "1.2.3.4/5/6"))
    (should-error (mew-submit-relay-peer--parse network)
                  :type 'mew-submit-config)))

(ert-deftest mew-submit-relay-tests-socket-is-a-file ()
  "A file that is no socket is not deleted to make room for one.
Nor is a directory, and a symbolic link; a socket that nobody listens on is."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (set-file-modes directory #o700)
    (let* ((file (expand-file-name "thesis" directory))
           (mew-submit-relay-socket file)
           (mew-submit-relay-port nil)
           (mew-submit-relay--sink (expand-file-name "sink/" directory)))
      (dolist (make (list (lambda () (write-region "years of work" nil file nil 'silent))
                          (lambda () (make-directory file))
                          (lambda () (make-symbolic-link "sink" file))))
        (funcall make)
        (let ((modes (file-attribute-modes (file-attributes file))))
          (should (string-match-p "no socket"
                                  (mew-submit-error--text
                                   (should-error (mew-submit-relay--start)
                                                 :type 'mew-submit-config))))
          (should (equal (file-attribute-modes (file-attributes file)) modes)))
        (if (file-directory-p file)
            (if (file-symlink-p file) (delete-file file) (delete-directory file))
          (delete-file file)))
      (delete-process (make-network-process :name "stale" :server t :family 'local
                                            :service file :noquery t))
      (should (file-exists-p file))
      (unwind-protect
          (mew-submit-relay--start)
        (mew-submit-relay--stop)))))

(ert-deftest mew-submit-relay-tests-socket ()
  "A Unix socket is in a directory that is its owner's alone."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((socket (expand-file-name "own/relay" directory)))
      (mew-submit-relay-tests--with-sink ((mew-submit-relay-port nil)
                                          (mew-submit-relay-socket socket))
        (should (= (file-modes (file-name-directory socket)) #o700))
        (let ((client (make-network-process
                       :name "client" :family 'local :service socket
                       :noquery t :coding 'binary
                       :filter (lambda (process octets)
                                 (process-put process :got octets)))))
          (push client mew-submit-relay-tests--clients)
          (should (string-prefix-p
                   "220" (mew-submit-relay-tests--reply client)))))
      (should-not (file-exists-p socket))
      (set-file-modes (file-name-directory socket) #o755)
      (should-error (mew-submit-relay-tests--with-sink
                        ((mew-submit-relay-port nil)
                         (mew-submit-relay-socket socket)))
                    :type 'mew-submit-config))))

;;; The real server's answer

(ert-deftest mew-submit-relay-tests-answers ()
  "What the real server says is passed on word for word.
A message that its client was told is refused is not kept."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=ok"
            "127.0.0.1:0,name=who,rcpt=reply:550 5.1.1 No such user here"
            "127.0.0.1:0,name=never,mail=reply:550 5.7.1 Never"
            "127.0.0.1:0,name=lines,mail=reply:550-5.7.1 One\\r\\n550 5.7.1 Two"
            "127.0.0.1:0,name=later,mail=reply:451 4.3.0 Later"
            "127.0.0.1:0,name=dot,dot=reply:554 5.6.0 Spam"
            "127.0.0.1:0,name=busy,mail=reply:421 4.3.2 Busy")
    (pcase-dolist
        (`(,name ,reply ,kept)
         '(("ok" "250 2\\.0\\.0 Ok: queued as 0001" 0)
           ("who" "550 5\\.1\\.1 No such user here" 0)
           ("never" "550 5\\.7\\.1 Never" 0)
           ("lines" "550-5\\.7\\.1 One\n550 5\\.7\\.1 Two" 0)
           ("later" "451 4\\.3\\.0 Later" 0)
           ("dot" "554 5\\.6\\.0 Spam" 0)
           ("busy" "250 2\\.0\\.0 queued as [-0-9A-Za-z]+: .*421 4\\.3\\.2 Busy.*"
            1)))
      (ert-info (name)
        (mew-submit-relay-tests--with-relay
            ((mew-submit-relay--account-function
              (mew-submit-relay-tests--account peer name)))
          (let ((client (mew-submit-relay-tests--connect)))
            (should (string-match-p
                     (concat "\\`" reply "\\'")
                     (mew-submit-relay-tests--send
                      client (concat mew-submit-relay-tests--message ".\r\n"))))
            (should (= (length (mew-submit-spool--ids
                                mew-submit-outbox-directory))
                       kept))))))))

(ert-deftest mew-submit-relay-tests-cannot-be-given-back ()
  "A client is told no only when its message has left the outbox.
On a disk that cannot be written to any more it stays there, and is sent later:
that client is told so, or its message would be sent twice.  SECURITY: P16."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=who,rcpt=reply:550 5.1.1 No such user here"
            "127.0.0.1:0,name=later,mail=reply:451 4.3.0 Later")
    (pcase-dolist (`(,name ,text) '(("who" "550 5\\.1\\.1 No such user here")
                                    ("later" "451 4\\.3\\.0 Later")))
      (ert-info (name)
        (mew-submit-relay-tests--with-relay
            ((mew-submit-relay--account-function
              (mew-submit-relay-tests--account peer name))
             (told nil)
             (mew-submit-dispatch--done-functions
              (list (lambda (entry _done) (push (plist-get entry :state) told)))))
          (cl-letf (((symbol-function 'mew-submit-spool--remove)
                     (lambda (_entry)
                       (signal 'file-error '("Removing old name" "Read-only file system")))))
            (should (string-match-p
                     (concat "\\`250 2\\.0\\.0 queued as [-0-9A-Za-z]+: .*" text)
                     (mew-submit-relay-tests--send
                      (mew-submit-relay-tests--connect)
                      (concat mew-submit-relay-tests--message ".\r\n")))))
          (should (= 1 (length (mew-submit-spool--ids mew-submit-outbox-directory))))
          (should (equal told (if (equal name "who") '(refused) '(queued)))))))))

(defun mew-submit-relay-tests--send-and-close (client close)
  "Send a message through CLIENT and CLOSE it, a function, behind it.
Return when the message is in the outbox."
  (mew-submit-relay-tests--envelope client)
  (mew-submit-relay-tests--dialog client "DATA")
  (process-send-string client (concat mew-submit-relay-tests--message ".\r\n"))
  (funcall close client)
  (mew-submit-test-until ("the outbox")
    (mew-submit-spool--ids mew-submit-outbox-directory)))

(ert-deftest mew-submit-relay-tests-half-closed ()
  "A client that closes its half behind the message, as Exim does, gets the answer.
SECURITY: P16."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=ok,1:mail=hold:go"
            "127.0.0.1:0,name=who,1:mail=hold:go,rcpt=reply:550 5.1.1 No such user here"
            "127.0.0.1:0,name=later,1:mail=hold:go,rcpt=reply:450 4.2.1 Busy")
    (pcase-dolist (`(,name ,reply)
                   '(("ok" "250 2.0.0 Ok: queued as 0001")
                     ("who" "550 5.1.1 No such user here")
                     ("later" "450 4.2.1 Busy")))
      (ert-info (name)
        (mew-submit-relay-tests--with-relay
            ((mew-submit-relay--account-function
              (mew-submit-relay-tests--account peer name)))
          (let ((client (mew-submit-relay-tests--connect)))
            (mew-submit-relay-tests--send-and-close client #'process-send-eof)
            (mew-submit-test-go peer)
            (should (equal (mew-submit-relay-tests--reply client) reply))
            (mew-submit-test-until ("the end")
              (not (process-live-p client)))
            (should-not (mew-submit-spool--ids mew-submit-outbox-directory))
            (mew-submit-test-halt peer)))))
    (should-not (mew-submit-test-stored peer 2))))

(ert-deftest mew-submit-relay-tests-closed ()
  "A message whose client has gone is ours: what is refused stays in the outbox.
SECURITY: P16."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=soon,1:mail=hold:go,rcpt=reply:550 5.1.1 No such user here"
            "127.0.0.1:0,name=late,1:mail=hold:go,rcpt=reply:550 5.1.1 No such user here")
    (dolist (name '("soon" "late"))
      (ert-info (name)
        (mew-submit-relay-tests--with-relay
            ((mew-submit-relay-wait 1)
             (mew-submit-relay--account-function
              (mew-submit-relay-tests--account peer name)))
          (let ((client (mew-submit-relay-tests--connect)))
            (mew-submit-relay-tests--send-and-close
             client (if (equal name "soon") #'delete-process #'ignore))
            (delete-process client))
          (mew-submit-test-go peer)
          (mew-submit-test-until ("the queue")
            (null (mew-submit-known--running)))
          (should (equal (plist-get
                          (mew-submit-spool--read
                           (car (mew-submit-spool--ids mew-submit-outbox-directory))
                           mew-submit-outbox-directory)
                          :state)
                         'refused))
          (mew-submit-test-until ("the session's end")
            (null mew-submit-relay--sessions))
          (mew-submit-test-halt peer))))))

(ert-deftest mew-submit-relay-tests-names-no-file ()
  "What a client is told names no file of this machine.
SECURITY: P17."
  (pcase-dolist
      (`(,text ,told)
       '(("The header has no end: /home/me/My Mail/outbox/1.relay.part"
          "The header has no end: a file")
         ("Writing to, No space left on device, /a/b" "Writing to, No space left on device, a file")
         ("The message ~/x.eml cannot be opened: Input/output error"
          "The message a file cannot be opened: Input/output error")
         ("550 5.7.1 See https://example.org/why." "550 5.7.1 See https://example.org/why.")))
    (should (equal (mew-submit-relay-smtp--public text) told)))
  (mew-submit-relay-tests--with-relay ((mew-submit-message--header-max 100000)
                                       (mew-submit-relay--account-function #'ignore))
    (let ((reply (mew-submit-relay-tests--send
                  (mew-submit-relay-tests--connect)
                  (concat (apply #'concat (make-list 9000 (concat "X: " (make-string 40 ?x)
                                                                  "\r\n")))
                          ".\r\n"))))
      (should (string-prefix-p "554 5.6.0 The header has no end" reply))
      (should-not (string-search "/" reply)))))

(ert-deftest mew-submit-relay-tests-names-without-domain ()
  "What smartd and the like send to root goes to the account's address."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let ((account (append (mew-submit-test-account peer "ok")
                           '(:from "me@example.org" :default t)))
          (mew-submit-sendmail-aliases '(("admin" "you@x" "she@x"))))
      ;; The server of the test is this machine, where there is a root.
      (cl-letf (((symbol-function 'mew-submit-account--local-p) #'ignore))
        (mew-submit-relay-tests--with-relay
            ((mew-submit-relay--account-function (lambda (_) (copy-sequence account))))
          (let ((client (mew-submit-relay-tests--connect)))
            (should (equal (mew-submit-relay-tests--dialog
                            client "EHLO me" "MAIL FROM:<root>" "RCPT TO:<root>"
                            "RCPT TO:<admin> NOTIFY=NEVER" "RCPT TO:<you@x>" "DATA")
                           '(250 250 250 250 250 354)))
            (should (string-prefix-p
                     "250 2.0.0 Ok"
                     (mew-submit-relay-tests--say
                      client "From: root (smartd)\r\nSubject: s\r\n\r\nbody\r\n.\r\n")))))
        (should (equal (mew-submit-test-envelope peer)
                       '("me@example.org" "me@example.org" "you@x" "she@x")))
        (should (string-match-p "^From: me@example\\.org (smartd)\r$"
                                (mew-submit-test-stored peer)))
        (should (string-match-p "^Message-ID: <[^@\n]+@example\\.org>\r$"
                                (mew-submit-test-stored peer)))
        (should (equal (mapcar (lambda (line) (and (string-search "NOTIFY=NEVER" line) t))
                               (mew-submit-test-lines peer "RCPT"))
                       '(nil t t)))))))

(ert-deftest mew-submit-relay-tests-no-account ()
  "A client for whom there is no account is told so, and when accounts are read."
  :tags '(:module)
  (dolist (command '("MEW_SUBMIT_COMMAND" "MEW_SUBMIT_COMMAND=mew-submit relay"))
    (let ((process-environment (cons command process-environment)))
      (mew-submit-relay-tests--with-relay
          ((mew-submit-accounts '((:from "a@x.example" :server "h"))))
        (let ((reply (mew-submit-relay-tests--send (mew-submit-relay-tests--connect)
                                                   "From: b@y.example\r\n\r\nbody\r\n.\r\n")))
          (should (string-prefix-p "451 4.3.5 There is no account for mail from b@y.example."
                                   reply))
          (should (eq (and (string-search "=" command) t)
                      (string-suffix-p "  The relay reads its accounts when it starts"
                                       reply))))))))

(ert-deftest mew-submit-relay-tests-sender-without-from ()
  "A message whose From has no account goes by that of the envelope's sender.
Then the Sender and other authors count.  Who is named nowhere goes by the default."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=main" "127.0.0.1:0,name=other")
    (mew-submit-relay-tests--with-relay
        ((mew-submit-accounts
          (list (mew-submit-test-account peer "main" :from "me@example.org" :default t)
                (mew-submit-test-account peer "other" :from "@other.example"))))
      (pcase-dolist (`(,sender ,header ,listener)
                     '(("b@other.example" "Subject: s\r\n" "other")
                       ("b@other.example" "From:\r\n" "other")
                       ("b@other.example" "From: me@example.org\r\n" "main")
                       ("b@other.example" "From: root\r\n" "main")
                       ("b@other.example" "From: a@x.example\r\n" "other")
                       ("b@x.example" "From: a@x.example\r\nSender: b@other.example\r\n" "other")
                       ("" "From: a@x.example, b@other.example\r\n" "other")
                       ("b@x.example" "Subject: s\r\n" "main")
                       ("" "Subject: s\r\n" "main")))
        (ert-info ((format "%S" (list sender header)))
          (let ((client (mew-submit-relay-tests--connect))
                (before (length (mew-submit-test-accepted peer))))
            (should (equal (mew-submit-relay-tests--dialog
                            client "EHLO me" (format "MAIL FROM:<%s>" sender)
                            "RCPT TO:<you@x>" "DATA")
                           '(250 250 250 354)))
            (should (string-prefix-p
                     "250 2.0.0 Ok" (mew-submit-relay-tests--say
                                     client (concat header "\r\nbody\r\n.\r\n"))))
            (let ((last (nth before (mew-submit-test-accepted peer))))
              (should (equal (plist-get last :listener) listener))
              (should (equal (plist-get last :from) sender)))))))))

(ert-deftest mew-submit-relay-tests-one-refused ()
  "While a client waits, one recipient refused for good means that none gets it.
Who is refused for now only is tried again by the relay."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=never,rcpt#2=reply:550 5.1.1 Who"
            "127.0.0.1:0,name=bdat,chunking,rcpt#2=reply:550 5.1.1 Who"
            "127.0.0.1:0,name=later,rcpt#2=reply:450 4.2.1 Busy")
    (dolist (name '("never" "bdat"))
      (mew-submit-relay-tests--with-relay
          ((mew-submit-relay--account-function
            (mew-submit-relay-tests--account peer name)))
        (should (equal (mew-submit-relay-tests--send
                        (mew-submit-relay-tests--connect)
                        (concat mew-submit-relay-tests--message ".\r\n")
                        "a@x" "b@x" "c@x")
                       "550-5.1.1 Who\n550 5.1.1 <b@x>: 550 5.1.1 Who"))
        (should-not (mew-submit-spool--ids mew-submit-outbox-directory))
        (should-not (mew-submit-test-stored peer))))
    (mew-submit-relay-tests--with-relay
        ((mew-submit-relay--account-function
          (mew-submit-relay-tests--account peer "later")))
      (should (string-match-p
               "\\`250-2.0.0 Ok: queued as 0001\n250 2.0.0 NOT delivered to <b@x>: \
450 4.2.1 Busy\\'"
               (mew-submit-relay-tests--send
                (mew-submit-relay-tests--connect)
                (concat mew-submit-relay-tests--message ".\r\n")
                "a@x" "b@x" "c@x")))
      (should (equal (cdr (mew-submit-test-envelope peer 1)) '("a@x" "c@x")))
      (should (equal (plist-get
                      (mew-submit-spool--read
                       (car (mew-submit-spool--ids mew-submit-outbox-directory))
                       mew-submit-outbox-directory)
                      :recipients)
                     '("b@x"))))))

(ert-deftest mew-submit-relay-tests-waits ()
  "After its time a client is told that the message is queued; then it is ours.
It goes to those whom the server takes then, though another one is refused."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=slow,1:mail=hold:go,rcpt#2=reply:550 5.1.1 Who")
    (mew-submit-relay-tests--with-relay
        ((mew-submit-relay-wait 0.1)
         (mew-submit-relay--account-function
          (mew-submit-relay-tests--account peer "slow")))
      (should (string-match-p
               "\\`250 2.0.0 queued as [-0-9A-Za-z]+\\'"
               (mew-submit-relay-tests--send
                (mew-submit-relay-tests--connect)
                (concat mew-submit-relay-tests--message ".\r\n")
                "a@x" "b@x")))
      (mew-submit-test-go peer)
      (mew-submit-test-until ("the delivery")
        (mew-submit-test-stored peer))
      (should (equal (cdr (mew-submit-test-envelope peer 1)) '("a@x")))
      (mew-submit-test-until ("the queue")
        (null (mew-submit-known--running)))
      (should (equal (plist-get
                      (mew-submit-spool--read
                       (car (mew-submit-spool--ids mew-submit-outbox-directory))
                       mew-submit-outbox-directory)
                      :state)
                     'refused)))))

(ert-deftest mew-submit-relay-tests-durable ()
  "The message is in the outbox, whole, before the client hears 250."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=silent,refused")
    (mew-submit-relay-tests--with-relay
        ((mew-submit-relay-wait 0)
         (mew-submit-relay--account-function
          (mew-submit-relay-tests--account peer "silent")))
      (let ((reply (mew-submit-relay-tests--send
                    (mew-submit-relay-tests--connect)
                    (concat mew-submit-relay-tests--message ".\r\n"))))
        (should (string-match "queued as \\([-0-9A-Za-z]+\\)" reply))
        ;; What a message lacks is added before it, and nothing else is changed.
        (should (string-match-p
                 (concat "\\`Date: [^\n]+\r?\n"
                         (regexp-quote mew-submit-relay-tests--message) "\\'")
                 (mew-submit-test-octets
                  (mew-submit-spool--file (match-string 1 reply) ".eml"
                                          mew-submit-outbox-directory))))))))

(ert-deftest mew-submit-relay-tests-completes ()
  "Date and Message-ID are added (RFC 6409, section 8); an mbox's line is none.
Who has no domain is the default account's.  SECURITY: P10, P11."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let ((mew-submit-accounts
           (list (mew-submit-test-account peer "ok" :from "me@one.example"))))
      (mew-submit-relay-tests--with-relay ()
        (let ((number 0))
          (pcase-dolist
              (`(,message ,from)
               '(("From: me@one.example\r\nSubject: s\r\n\r\nbody\r\n"
                  "MAIL FROM:<me@one.example>")
                 ("From: b@two.example, me@one.example\r\n\r\nbody\r\n"
                  "MAIL FROM:<me@one.example>")
                 ("From root Thu Jan  1 00:00:00 2026\r\nFrom: root\r\nTo: a@x\r\n\r\nbody\r\n"
                  "MAIL FROM:<root>")))
            (let ((client (mew-submit-relay-tests--connect)))
              (mew-submit-relay-tests--dialog client "EHLO me" from
                                              "RCPT TO:<a@x>" "DATA")
              (should (string-prefix-p
                       "250" (mew-submit-relay-tests--say
                              client (concat message ".\r\n"))))
              (setq number (1+ number))
              (should (equal (mew-submit-test-envelope peer number)
                             '("me@one.example" "a@x")))
              (let ((stored (mew-submit-test-stored peer number)))
                (should (string-match-p "^Date: " stored))
                (should (string-match-p (format "^Message-ID: <[^@]+@%s.example>\r$"
                                                (if (string-search "," message) "two" "one"))
                                        stored))
                ;; Of several authors it is to be known who has sent it.
                (should (eq (and (string-search "," message) t)
                            (and (string-search "\r\nSender: me@one.example\r\n" stored) t)))
                (should-not (string-match-p "^From root" stored))
                (should (string-suffix-p "\r\n\r\nbody\r\n" stored))))))))))

(ert-deftest mew-submit-relay-tests-is-no-sign-of-the-user ()
  "What another program sends asks nobody for a password that was put off."
  (let (seen)
    (cl-letf (((symbol-function 'mew-submit-relay-data--finish) #'ignore)
              ((symbol-function 'mew-submit-relay--queue)
               (lambda (_) (push mew-submit-background--now seen))))
      (mew-submit-relay--commit (mew-submit-relay--make-session))
      (should (equal seen '(t))))))

(ert-deftest mew-submit-relay-tests-wishes ()
  "Delivery notifications are passed on, for each recipient its own."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,cap+=DSN")
    (mew-submit-relay-tests--with-relay
        ((mew-submit-relay--account-function
          (mew-submit-relay-tests--account peer "ok")))
      (let ((client (mew-submit-relay-tests--connect)))
        (should (equal (mew-submit-relay-tests--dialog
                        client "EHLO me" "MAIL FROM:<me@x> RET=HDRS ENVID=a+2Bb"
                        "RCPT TO:<a@x> NOTIFY=NEVER"
                        "RCPT TO:<b@x> ORCPT=rfc822;B+2B@x NOTIFY=success,delay"
                        "RCPT TO:<c@x>" "DATA")
                       '(250 250 250 250 250 354)))
        (should (string-prefix-p
                 "250" (mew-submit-relay-tests--say
                        client (concat mew-submit-relay-tests--message
                                       ".\r\n"))))
        (should (string-match-p " RET=HDRS ENVID=a\\+2Bb"
                                (car (mew-submit-test-lines peer "MAIL"))))
        (should (equal (mew-submit-test-lines peer "RCPT")
                       '("RCPT TO:<a@x> NOTIFY=NEVER ORCPT=rfc822;a@x"
                         "RCPT TO:<b@x> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B+2B@x"
                         "RCPT TO:<c@x>")))))))

(ert-deftest mew-submit-relay-tests-utf8 ()
  "Addresses that are not ASCII need SMTPUTF8, and get through with it."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,cap+=SMTPUTF8")
    (mew-submit-relay-tests--with-relay
        ((mew-submit-relay--account-function
          (mew-submit-relay-tests--account peer "ok")))
      (let ((client (mew-submit-relay-tests--connect))
            (path (encode-coding-string "<grün@x>" 'utf-8)))
        (should (equal (mew-submit-relay-tests--dialog
                        client "EHLO me" (concat "MAIL FROM:" path)
                        "MAIL FROM:<me@x> SMTPUTF8"
                        (concat "RCPT TO:" path) "RCPT TO:<\377@x>" "DATA")
                       '(250 553 250 250 553 354)))
        (should (string-prefix-p
                 "250" (mew-submit-relay-tests--say
                        client (concat mew-submit-relay-tests--message
                                       ".\r\n"))))
        (should (equal (mew-submit-test-lines peer "RCPT")
                       (list (decode-coding-string
                              (concat "RCPT TO:" path) 'latin-1))))))))

(ert-deftest mew-submit-relay-tests-ends ()
  "When the relay ends, who waits is told what is true."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=slow,mail=hold:go")
    (mew-submit-relay-tests--with-relay
        ((mew-submit-relay--account-function
          (mew-submit-relay-tests--account peer "slow")))
      (let ((waits (mew-submit-relay-tests--connect))
            (idles (mew-submit-relay-tests--connect)))
        (mew-submit-relay-tests--envelope waits)
        (mew-submit-relay-tests--dialog waits "DATA")
        (process-send-string waits (concat mew-submit-relay-tests--message
                                           ".\r\n"))
        (mew-submit-test-until ("the outbox")
          (mew-submit-spool--ids mew-submit-outbox-directory))
        (mew-submit-relay--stop)
        (should (string-prefix-p "250 2.0.0 queued as"
                                 (mew-submit-relay-tests--reply waits)))
        (should (string-prefix-p "421" (mew-submit-relay-tests--reply waits)))
        (should (string-prefix-p "421"
                                 (mew-submit-relay-tests--reply idles)))
        (mew-submit-test-go peer)))))

(ert-deftest mew-submit-relay-tests-no-descriptors ()
  "Who opens more connections than the system has descriptors for ends no relay.
SECURITY: R4."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((output (generate-new-buffer " *relay*"))
           (relay (make-process
                   :name "relay" :noquery t :connection-type 'pipe :buffer output
                   :command (list "sh" "-c" "ulimit -n 48; exec \"$0\" \"$@\" 2>&1"
                                  mew-submit-test-emacs "-Q" "--batch" "--eval"
                                  "(setq load-prefer-newer t)" "-l"
                                  (expand-file-name "mew-submit.el" mew-submit-test-root)
                                  "-f" "mew-submit-batch-relay" "--" "--anyone"
                                  "--listen" "127.0.0.1:0" "--sink"
                                  (expand-file-name "sink" directory))))
           (said (lambda (regexp)
                   (with-current-buffer output
                     (save-excursion
                       (goto-char (point-min))
                       (re-search-forward regexp nil t)))))
           (mew-submit-relay-tests--clients nil)
           (mew-submit-relay--servers nil))
      (unwind-protect
          (let (port)
            (mew-submit-test-until ("the relay")
              (funcall said "listens on 127.0.0.1:\\([0-9]+\\)"))
            (with-current-buffer output
              (goto-char (point-min))
              (re-search-forward "127.0.0.1:\\([0-9]+\\)")
              (setq port (string-to-number (match-string 1))))
            (cl-letf (((symbol-function 'mew-submit-relay--port) (lambda (_) port)))
              (dotimes (_ 60)
                (mew-submit-relay-tests--connect t))
              (mew-submit-test-until ("the last descriptor")
                (or (funcall said "could not be taken") (not (process-live-p relay))))
              (mapc #'delete-process mew-submit-relay-tests--clients)
              (should (string-prefix-p
                       "250 2.0.0 kept as"
                       (mew-submit-relay-tests--send
                        (mew-submit-relay-tests--connect)
                        (concat mew-submit-relay-tests--message ".\r\n"))))))
        (mapc #'delete-process mew-submit-relay-tests--clients)
        (delete-process relay)
        (kill-buffer output)))))

(ert-deftest mew-submit-relay-tests-what-is-wrong-is-named ()
  "What an option names is called what it is, and nobody is told to spoil /tmp."
  (require 'mew-submit-batch-relay)
  (mew-submit-test-with-directory directory
    (cl-flet ((said (function &rest arguments)
                (mew-submit-error--text
                 (should-error (apply function arguments)))))
      (dolist (address '("*" "relay.example.org" "192.168.1"))
        (should (equal (said #'mew-submit-batch-relay--parse
                             (list "--listen" (concat address ":2587")))
                       (concat "--listen needs an address, such as 127.0.0.1, or [::] for all, \
not " address))))
      (let ((file (mew-submit-test-write (expand-file-name "token" directory) "")))
        (should (equal (said #'mew-submit-batch-relay--set (list :token-file file))
                       (concat "The first line of the token file is empty: " file)))
        (delete-file file)
        (should (string-prefix-p "The token file cannot be read: "
                                 (said #'mew-submit-batch-relay--set
                                       (list :token-file file)))))
      (set-file-modes directory #o755)
      (pcase-dolist (`(,certificate . ,key) `((,directory) ("/dev/null" . ,directory)))
        (should (string-suffix-p (concat "not directories: name those in " directory)
                                 (said #'mew-submit-relay-gate--certify certificate key)))))))

(ert-deftest mew-submit-relay-tests-allow-and-listen ()
  "What --allow and --listen name adds up; who can never come is not let in in vain."
  (require 'mew-submit-batch-relay)
  (let ((options (mew-submit-batch-relay--parse
                  '("--allow" "192.0.2.0/24" "--listen" "127.0.0.1:2587" "--allow"
                    "198.51.100.7,2001:db8::/32" "--listen" "unix:/tmp/s")))
        mew-submit-relay-address mew-submit-relay-port mew-submit-relay-socket
        mew-submit-relay-networks mew-submit-relay-tls-port mew-submit-relay-transparent
        (mew-submit-relay--log-function nil) (mew-submit-relay--on-ask nil)
        (mew-submit-relay--account-function nil) (mew-submit-relay--one-server nil))
    (should (equal (plist-get options :allow)
                   '("192.0.2.0/24" "198.51.100.7" "2001:db8::/32")))
    (should (equal (plist-get (mew-submit-batch-relay--parse '("--listen" "[::1]:25")) :listen)
                   '(("::1" 25 nil))))
    (mew-submit-batch-relay--set options)
    (should (equal (list mew-submit-relay-port mew-submit-relay-socket)
                   '(2587 "/tmp/s")))
    (let (told)
      (cl-letf (((symbol-function 'mew-submit-batch-command--tell) (lambda (text) (push text told))))
        (mew-submit-batch-relay--tell-networks options)
        (should (string-prefix-p "--allow has no effect: the relay listens where only" (pop told)))
        (dolist (address '(("127.0.0.1" "192.0.2.1") "::"))
          (setq mew-submit-relay-address address)
          (mew-submit-batch-relay--tell-networks options)))
      (should-not told))))

(ert-deftest mew-submit-relay-tests-batch-cannot-send ()
  "A relay that could send nothing does not begin (78): each client would be told 451.
Systemd starts it again after any other status."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (dolist (options `(("--ca-file" "/dev/null/x") ("--helo" "a b")
                       ("--user" "me" "--password-file" "/dev/null/x")
                       ("--memory" ,(mew-submit-test-write
                                     (expand-file-name "memory" directory) "x"))
                       ("--server" "127.0.0.1:587") ("--server-name" "a b")
                       ;; Without a server of its own, too.
                       ("--config" ,(mew-submit-test-write
                                     (expand-file-name "config.el" directory)
                                     "(setq mew-submit-accounts '((:server \"h\")))")
                        "--helo" "a b")))
      (ert-info ((format "%s" options))
        (let* ((outbox (expand-file-name "outbox" directory))
               (result (mew-submit-test-emacs
                        `("-l" ,(expand-file-name "mew-submit.el" mew-submit-test-root)
                          "-f" "mew-submit-batch-relay" "--" "--listen" "127.0.0.1:0"
                          "--outbox" ,outbox
                          ,@(unless (member "--config" options) '("--server" "127.0.0.1"))
                          ,@options)
                        :signal (lambda (process) ; one that begins never ends
                                  (when (file-exists-p outbox)
                                    (signal-process process 'SIGTERM))))))
          (should (eql (plist-get result :status) 78))
          (should-not (string-search "listens" (plist-get result :stderr))))))))

(ert-deftest mew-submit-relay-tests-mode ()
  "The mode starts and stops the relay, and says why it cannot."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((mew-submit-outbox-directory directory)
          (mew-submit-relay-address '("127.0.0.1"))
          (mew-submit-relay-port 0))
      (unwind-protect
          (progn
            (mew-submit-relay-mode 1)
            (let ((place (car (mew-submit-relay--places))))
              (should (string-prefix-p "127.0.0.1:" place))
              (let ((mew-submit-relay--servers nil)
                    (mew-submit-relay-port
                     (string-to-number (substring place 10))))
                (should-error (mew-submit-relay--start)
                              :type 'mew-submit-config)))
            (mew-submit-relay-mode -1)
            (should-not (mew-submit-relay--places))
            (let ((mew-submit-relay-networks '("nonsense")))
              (should-error (mew-submit-relay-mode 1) :type 'user-error)
              (should-not mew-submit-relay-mode)))
        (mew-submit-relay-mode -1)
        (mew-submit-dispatch--stop)))))

;;; Whose connection it is

(ert-deftest mew-submit-relay-tests-owner-of-a-connection ()
  "The system tells who has a connection, and tells nothing where there is none.
A socket that listens on the port is not taken for one."
  :tags '(:module)
  (skip-unless (eq system-type 'gnu/linux))
  (mew-submit-module--ensure)
  (let* ((server (make-network-process :name "server" :server t :noquery t
                                       :host "127.0.0.1" :service t))
         (port (process-contact server :service))
         (client (make-network-process :name "client" :noquery t
                                       :host "127.0.0.1" :service port)))
    (unwind-protect
        (let ((from (process-contact client :local))
              (to (process-contact client :remote)))
          (should (equal (seq-take (mew-submit--mod-owner from to) 2)
                         (list (user-uid) t)))
          (should (null (car-safe (mew-submit--mod-owner
                                   to (vector 127 0 0 1 1))))))
      (delete-process client)
      (delete-process server))))

;;; TLS

(defmacro mew-submit-relay-tests--with-tls (bindings &rest body)
  "As `mew-submit-relay-tests--with-sink' with a certificate, for BINDINGS and BODY."
  (declare (indent 1) (debug ((&rest (symbolp form)) body)))
  `(mew-submit-relay-tests--with-sink
       ((mew-submit-relay-certificate (expand-file-name "tls/relay.pem"
                                                        relay-directory))
        (mew-submit-relay-token "s3kr1t-t0ken")
        ,@bindings)
     ,@body))

(defun mew-submit-relay-tests--handshake (client)
  "Have TLS with the relay through CLIENT; its certificate is verified."
  (process-put client :got nil)
  (gnutls-negotiate :process client :hostname "localhost" :verify-error t
                    :trustfiles (list mew-submit-relay-certificate)))

(defun mew-submit-relay-tests--offers (client)
  "Return which of STARTTLS and AUTH the relay offers to CLIENT."
  (let ((reply (mew-submit-relay-tests--say client "EHLO me\r\n")))
    (seq-filter (lambda (word)
                  (string-match-p (format "^250[ -]%s\\( \\|$\\)" word) reply))
                '("STARTTLS" "AUTH"))))

(defconst mew-submit-relay-tests--right
  (concat "AUTH PLAIN " (base64-encode-string "\0anybody\0s3kr1t-t0ken" t))
  "The command with the right token.")

(ert-deftest mew-submit-relay-tests-starttls ()
  "STARTTLS leads to TLS with a certificate that can be verified; AUTH LOGIN is there."
  :tags '(:module)
  (mew-submit-relay-tests--with-tls ()
    (let ((client (mew-submit-relay-tests--connect)))
      (should (equal (mew-submit-relay-tests--offers client) '("STARTTLS" "AUTH")))
      (should (equal (mew-submit-relay-tests--dialog client "STARTTLS now" "STARTTLS")
                     '(501 220)))
      (mew-submit-relay-tests--handshake client)
      (should (equal (mew-submit-relay-tests--offers client) '("AUTH")))
      (should (equal (mew-submit-relay-tests--dialog
                      client "STARTTLS" "AUTH LOGIN"
                      (base64-encode-string "anybody" t) "*"
                      (concat "AUTH LOGIN " (base64-encode-string "anybody" t))
                      (base64-encode-string "s3kr1t" t)
                      "AUTH LOGIN" (base64-encode-string "anybody" t)
                      (base64-encode-string "s3kr1t-t0ken" t))
                     '(503 334 334 501 334 535 334 334 235)))
      (should (string-prefix-p "250" (mew-submit-relay-tests--send
                                      client (concat mew-submit-relay-tests--message
                                                     ".\r\n"))))
      (should (equal (mew-submit-relay-tests--kept)
                     (list mew-submit-relay-tests--message))))
    (should-not (string-search "s3kr1t" (format "%S" mew-submit-relay-tests--log)))))

(ert-deftest mew-submit-relay-tests-names-of-other-locales ()
  "TLS is there also where names of files are not UTF-8."
  :tags '(:module)
  (let ((file-name-coding-system 'latin-1))
    (mew-submit-test-with-directory directory
      (let* ((own (expand-file-name "K\u00e4sten/" directory))
             (process-environment (cons (concat "XDG_RUNTIME_DIR=" own) process-environment)))
        (make-directory own)
        (mew-submit-relay-tests--with-tls ((mew-submit-relay-certificate
                                            (expand-file-name "relay.pem" own)))
          (let ((client (mew-submit-relay-tests--connect)))
            (mew-submit-relay-tests--dialog client "STARTTLS")
            (mew-submit-relay-tests--handshake client)
            (should (equal (mew-submit-relay-tests--offers client) '("AUTH")))))))))

(ert-deftest mew-submit-relay-tests-implicit ()
  "R1 At the port for that, TLS comes first, and what does not begin it hears nothing."
  :tags '(:module)
  (mew-submit-relay-tests--with-tls ((mew-submit-relay-port nil)
                                     (mew-submit-relay-tls-port 0))
    (let ((client (mew-submit-relay-tests--connect t)))
      ;; A handshake holds Emacs up, and so the relay.
      (mew-submit-test-until ("the relay")
        mew-submit-relay--sessions)
      (mew-submit-relay-tests--handshake client)
      (should (string-prefix-p "220" (mew-submit-relay-tests--reply client)))
      (should (equal (mew-submit-relay-tests--offers client) '("AUTH"))))
    (let ((client (mew-submit-relay-tests--connect t)))
      (should-not (mew-submit-relay-tests--say client "EHLO me\r\n"))
      ;; GnuTLS may have said in an alert what it thinks of that.
      (should-not (string-search "220" (or (process-get client :got) ""))))
    (mew-submit-test-until ("the log")
      (seq-some (lambda (line) (string-search "has begun TLS" line))
                mew-submit-relay-tests--log))))

(ert-deftest mew-submit-relay-tests-log-in-elsewhere ()
  "R1 R5 From elsewhere nothing goes without TLS, not even with the right token.
What was said before TLS is forgotten."
  :tags '(:module)
  (mew-submit-relay-tests--with-tls ((mew-submit-relay-networks '("127.0.0.0/8")))
    (cl-letf (((symbol-function 'mew-submit-relay-peer--loopback-p) #'ignore))
      (let ((client (mew-submit-relay-tests--connect)))
        (should (equal (mew-submit-relay-tests--offers client) '("STARTTLS")))
        (should (equal (mew-submit-relay-tests--dialog
                        client mew-submit-relay-tests--right "AUTH LOGIN"
                        "MAIL FROM:<me@x>" "STARTTLS")
                       '(538 538 530 220)))
        (mew-submit-relay-tests--handshake client)
        (should (equal (mew-submit-relay-tests--dialog
                        client "MAIL FROM:<me@x>" "EHLO me" "MAIL FROM:<me@x>"
                        mew-submit-relay-tests--right "MAIL FROM:<me@x>")
                       '(503 250 530 235 250))))
      (let ((client (mew-submit-relay-tests--connect))
            (wrong (concat "AUTH PLAIN " (base64-encode-string "\0a\0s3kr1t" t))))
        (should (equal (mew-submit-relay-tests--dialog client "STARTTLS") '(220)))
        (mew-submit-relay-tests--handshake client)
        (should (equal (mew-submit-relay-tests--dialog client "EHLO me" wrong wrong wrong)
                       '(250 535 535 421)))
        (should (seq-find (lambda (line)
                            (string-search "127.0.0.1 gave a wrong token" line))
                          mew-submit-relay-tests--log))))
    ;; From here the token may be shown without; a log-in before TLS does not count in it.
    (let ((client (mew-submit-relay-tests--connect)))
      (should (equal (mew-submit-relay-tests--dialog
                      client "EHLO me" mew-submit-relay-tests--right "STARTTLS")
                     '(250 235 220)))
      (mew-submit-relay-tests--handshake client)
      (should (equal (mew-submit-relay-tests--dialog client "EHLO me" "MAIL FROM:<me@x>")
                     '(250 530))))))

(ert-deftest mew-submit-relay-tests-guessing ()
  "R9 Many wrong tokens from a place, and none from there is looked at any more.
This user's own programs go on, whatever they say, and other places do."
  :tags '(:module)
  (mew-submit-relay-tests--with-relay
      ((mew-submit-relay-token "s3kr1t-t0ken")
       (mew-submit-relay--sink (expand-file-name "sink/" relay-directory))
       (mew-submit-relay--wrong-max 4))
    (let* ((place '(7))
           (wrong (concat "AUTH PLAIN " (base64-encode-string "\0a\0s3kr1t" t)))
           (log-in (lambda (commands)
                     (apply #'mew-submit-relay-tests--dialog
                            (mew-submit-relay-tests--connect) "EHLO me" commands)))
           (right (list mew-submit-relay-tests--right)))
      (cl-letf (((symbol-function 'mew-submit-relay-peer--user)
                 (lambda (&rest _) (car place))))
        (should (equal (funcall log-in (list wrong wrong wrong)) '(250 535 535 421)))
        (should (equal (funcall log-in right) '(250 235)))
        (should (equal (funcall log-in (list wrong mew-submit-relay-tests--right))
                       '(250 535 421)))
        (should (equal (funcall log-in right) '(250 421)))
        (should (seq-find (lambda (line) (string-search "No more tokens" line))
                          mew-submit-relay-tests--log))
        (setq place '(8))
        (should (equal (funcall log-in right) '(250 235)))
        (setq place (list (user-uid)))
        (should (equal (funcall log-in (list wrong wrong wrong)) '(250 535 535 421)))
        (should (equal (funcall log-in (list wrong wrong mew-submit-relay-tests--right))
                       '(250 535 535 235)))
        ;; Where the system does not tell, nobody can guess without an end either.
        (setq place nil)
        (should (equal (funcall log-in (list wrong wrong wrong)) '(250 535 535 421)))
        (should (equal (funcall log-in (list wrong mew-submit-relay-tests--right))
                       '(250 535 421)))
        ;; An hour later.
        (setq place '(7))
        (setq mew-submit-relay--wrong
              (mapcar (pcase-lambda (`(,who . ,time)) (cons who (- time 3601)))
                      mew-submit-relay--wrong))
        (should (equal (funcall log-in right) '(250 235)))))
    (should (equal (mew-submit-relay-peer--network [8193 3512 1 2 3 4 5 6 25])
                   (mew-submit-relay-peer--network [8193 3512 1 2 9 9 9 9 26])))
    (should-not (equal (mew-submit-relay-peer--network [192 0 2 1 25])
                       (mew-submit-relay-peer--network [192 0 2 2 25])))
    (should (equal (mew-submit-relay-peer--network [0 0 0 0 0 65535 49152 513 25])
                   (mew-submit-relay-peer--network [192 0 2 1 25])))))

(ert-deftest mew-submit-relay-tests-failure-log ()
  "SECURITY: O1.  What fails here is logged without what it failed with."
  :tags '(:module)
  (pcase-dolist (`(,condition . ,words)
                 '(((args-out-of-range "s3kr1t-t0ken" 3 99) . "Args out of range")
                   ((wrong-type-argument listp ("s3kr1t-t0ken")) . "Wrong type argument")
                   ((file-error "Opening" "Decryption failed") . "Opening: Decryption failed")
                   ((error "No key") . "No key")))
    (mew-submit-relay-tests--with-sink
        ((mew-submit-relay-token (lambda () (signal (car condition) (cdr condition)))))
      (should (equal (mew-submit-relay-tests--dialog
                      (mew-submit-relay-tests--connect) "EHLO me"
                      mew-submit-relay-tests--right)
                     '(250 421)))
      (should (equal (seq-filter (lambda (line) (string-search "failed" line))
                                 mew-submit-relay-tests--log)
                     (list (concat "A session failed: " words)))))))

(ert-deftest mew-submit-relay-tests-places ()
  "R10 Who has not logged in keeps no place: not from who comes, and not for long."
  :tags '(:module)
  (mew-submit-relay-tests--with-sink ((mew-submit-relay-token "s3kr1t-t0ken")
                                      (mew-submit-relay-connections 3))
    (let ((known (mew-submit-relay-tests--connect))
          (others (list (mew-submit-relay-tests--connect)
                        (mew-submit-relay-tests--connect))))
      (should (equal (mew-submit-relay-tests--dialog
                      known "EHLO me" mew-submit-relay-tests--right)
                     '(250 235)))
      (dolist (client others)
        (should (equal (mew-submit-relay-tests--dialog client "EHLO me") '(250))))
      ;; The oldest of them has to go, and the one who is known stays.
      (push (mew-submit-relay-tests--connect) others)
      (should (string-prefix-p "421 4.3.2" (mew-submit-relay-tests--reply (nth 1 others))))
      (should (equal (mew-submit-relay-tests--dialog known "NOOP") '(250)))
      (let ((overdue (lambda ()
                       (seq-count #'mew-submit-relay--overdue-p
                                  mew-submit-relay--sessions))))
        (dolist (session mew-submit-relay--sessions)
          (setf (mew-submit-relay--session-heard session)
                (- (float-time) (/ mew-submit-relay-timeout 2))))
        (should (= (funcall overdue) 2))))))

(ert-deftest mew-submit-relay-tests-injection ()
  "R3 What comes with STARTTLS in the clear is not taken, and ends the connection."
  :tags '(:module)
  (mew-submit-relay-tests--with-tls ((mew-submit-relay-token nil))
    (let ((client (mew-submit-relay-tests--connect)))
      (should (string-prefix-p
               "554 5.5.0"
               (mew-submit-relay-tests--say
                client "STARTTLS\r\nEHLO me\r\nMAIL FROM:<me@x>\r\n")))
      (should-not (mew-submit-relay-tests--reply client)))
    ;; The relay has not read it yet, but the module has.
    (let ((secure (symbol-function 'mew-submit-relay-gate--secure)))
      (cl-letf (((symbol-function 'mew-submit-relay-gate--secure)
                 (lambda (process taken said)
                   (funcall secure process (1- taken) said))))
        (let ((client (mew-submit-relay-tests--connect)))
          (should (string-prefix-p
                   "554 5.5.0"
                   (mew-submit-relay-tests--say client "STARTTLS\r\n")))
          (should-not (mew-submit-relay-tests--reply client)))))))

(ert-deftest mew-submit-relay-tests-impostors ()
  "Whoever comes to the relay past the module has no ticket, and is no client."
  :tags '(:module)
  (mew-submit-relay-tests--with-tls ()
    (dolist (octets (list "EHLO me\r\nMAIL FROM:<me@x>\r\nQUIT\r\n"
                          (concat (make-string 32 ?0) "\nQUIT\r\n")))
      (let ((client (make-network-process
                     :name "impostor" :family 'local :noquery t :coding 'binary
                     :service (process-contact (car mew-submit-relay--servers)
                                               :service)
                     :sentinel #'ignore
                     :filter (lambda (process _) (process-put process :got t)))))
        (push client mew-submit-relay-tests--clients)
        (process-send-string client octets)
        (mew-submit-test-until ("the end of it")
          (not (process-live-p client)))
        (should-not (process-get client :got))))))

(ert-deftest mew-submit-relay-tests-certificate ()
  "A certificate is made once and kept; what cannot be used is said before listening."
  :tags '(:module)
  (mew-submit-relay-tests--with-tls ()
    (let ((first (mew-submit-test-octets mew-submit-relay-certificate))
          (fails (lambda ()
                   (should-error (mew-submit-relay--start) :type 'mew-submit-config)
                   (should-not mew-submit-relay--servers))))
      (should (= (file-modes mew-submit-relay-certificate) #o600))
      (mew-submit-relay--start)
      (should (equal (mew-submit-test-octets mew-submit-relay-certificate) first))
      (should (= 1 (seq-count (lambda (line) (string-search "is made" line))
                              mew-submit-relay-tests--log)))
      (set-file-modes mew-submit-relay-certificate #o644)
      (funcall fails)
      (set-file-modes mew-submit-relay-certificate #o600)
      (let ((mew-submit-relay-key (concat mew-submit-relay-certificate ".none")))
        (funcall fails))
      (let ((mew-submit-relay-certificate (concat mew-submit-relay-certificate ".no"))
            (mew-submit-relay-key mew-submit-relay-certificate))
        (funcall fails)
        (should-not (file-exists-p mew-submit-relay-certificate)))
      (let ((mew-submit-relay-certificate nil)
            (mew-submit-relay-tls-port 0))
        (funcall fails))
      (write-region "nonsense" nil mew-submit-relay-certificate nil 'silent)
      (funcall fails))))

(ert-deftest mew-submit-relay-tests-renewed ()
  "A certificate that is renewed is used from the next connection on."
  :tags '(:module)
  (mew-submit-relay-tests--with-tls ()
    (dotimes (_ 2)
      (let ((client (mew-submit-relay-tests--connect)))
        (should (equal (mew-submit-relay-tests--dialog client "STARTTLS") '(220)))
        (mew-submit-relay-tests--handshake client)
        (should (equal (mew-submit-relay-tests--dialog client "EHLO me") '(250))))
      (delete-file mew-submit-relay-certificate)
      (mew-submit--mod-certificate mew-submit-relay-certificate "renewed.example"))))

;;; The token

(ert-deftest mew-submit-relay-tests-token-is-compared-whole ()
  "A token that differs anywhere is another: none of a thousand is taken for it."
  (let ((token "s3cret-token"))
    (should (mew-submit-relay-smtp--same-p (copy-sequence token) token))
    (dotimes (i 1000)
      (should-not (mew-submit-relay-smtp--same-p (format "%s%d" token i) token)))
    (dolist (wrong (list "" "s3cret-toke" "s3cret-tokem" (upcase token)
                         (concat token "\0")))
      (should-not (mew-submit-relay-smtp--same-p wrong token)))))

(provide 'mew-submit-relay-tests)
;;; mew-submit-relay-tests.el ends here
