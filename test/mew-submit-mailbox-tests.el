;;; mew-submit-mailbox-tests.el --- Tests for what is seen of POP and IMAP -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Servers that say what a list has them say, each wrong in one way.  Real ones are in
;; test/diagnose.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'mew-submit-finding)
(require 'mew-submit-probe)

(defun mew-submit-mailbox-tests--server (greeting replies)
  "Return a server that greets with GREETING and answers as REPLIES say.
That is an alist (REGEXP . REPLY); with the reply `close' it hangs up."
  (make-network-process
   :name "mailbox" :server t :host "127.0.0.1" :service t :family 'ipv4 :noquery t
   :coding 'binary
   :log (lambda (_server client _message)
          (process-send-string client (concat greeting "\r\n")))
   :filter (lambda (client line)
             (pcase (cdr (seq-find (lambda (reply) (string-match-p (car reply) line))
                                   replies))
               ('nil (process-send-string client "a BAD\r\n"))
               ('close (delete-process client))
               (reply (process-send-string client (concat reply "\r\n")))))))

(defun mew-submit-mailbox-tests--look (service greeting replies)
  "Return the diagnosis of a SERVICE with GREETING and REPLIES."
  (let ((server (mew-submit-mailbox-tests--server greeting replies)))
    (unwind-protect
        (let ((diagnosis (mew-submit-probe--start
                          (list :server "127.0.0.1" :timeout 60 :step-timeout 60
                                :memory (mew-submit-test-missing "memory"))
                          :ports (list (list (process-contact server :service) 'starttls
                                             service)))))
          (mew-submit-test-until ("the end")
            (accept-process-output nil 0.02)
            (plist-get diagnosis :done))
          diagnosis)
      (delete-process server))))

(defun mew-submit-mailbox-tests--ids (service replies)
  "Return the ids of the findings at a SERVICE with REPLIES that are about mailboxes."
  (seq-filter
   (lambda (id) (string-prefix-p "mailbox-" id))
   (mapcar (lambda (finding) (plist-get finding :id))
           (mew-submit-finding--list
            (mew-submit-mailbox-tests--look
             service (if (eq service 'imap) "* OK ready" "+OK ready") replies)))))

(defun mew-submit-mailbox-tests--imap (capabilities &optional starttls)
  "Return replies of IMAP with CAPABILITIES; STARTTLS is the answer to that."
  `(("CAPABILITY" . ,(concat "* CAPABILITY IMAP4rev1 " capabilities "\r\na OK"))
    ("STARTTLS" . ,(or starttls "a BAD no"))
    ("LOGOUT" . "a OK")))

(defun mew-submit-mailbox-tests--pop (capabilities &optional stls)
  "Return replies of POP with CAPABILITIES, lines; STLS is the answer to that."
  `(("CAPA" . ,(concat "+OK\r\n" (mapconcat (lambda (line) (concat line "\r\n"))
                                              capabilities "")
                       "."))
    ("STLS" . ,(or stls "-ERR no"))
    ("QUIT" . "+OK")))

(ert-deftest mew-submit-mailbox-tests-findings ()
  "Each way to be wrong has its finding, and no other."
  (pcase-dolist
      (`(,service ,replies . ,ids)
       `((imap ,(mew-submit-mailbox-tests--imap "LOGINDISABLED") "mailbox-no-tls")
         (imap ,(mew-submit-mailbox-tests--imap "AUTH=PLAIN") "mailbox-no-tls")
         (imap ,(mew-submit-mailbox-tests--imap "IDLE" 'close) "mailbox-no-tls")
         (imap ,(mew-submit-mailbox-tests--imap "IDLE" "a OK go") "mailbox-striptls")
         (imap ,(mew-submit-mailbox-tests--imap "STARTXXX IDLE") "mailbox-starttls-mangled")
         (imap ,(mew-submit-mailbox-tests--imap "IDLE XXXXXXXX") "mailbox-starttls-mangled")
         (imap ,(mew-submit-mailbox-tests--imap "STARTTLS" "a NO later")
               "mailbox-starttls-refused" "mailbox-login-in-clear")
         (imap ,(mew-submit-mailbox-tests--imap "STARTTLS LOGINDISABLED" "a NO later")
               "mailbox-starttls-refused")
         (imap ,(mew-submit-mailbox-tests--imap "STARTTLS logindisabled AUTH=PLAIN" "a NO later")
               "mailbox-starttls-refused" "mailbox-login-in-clear")
         (imap ,(mew-submit-mailbox-tests--imap "STARTTLS" "a OK go") "mailbox-login-in-clear")
         (pop ,(mew-submit-mailbox-tests--pop '("TOP" "USER")) "mailbox-no-tls")
         (pop ,(mew-submit-mailbox-tests--pop '("TOP") "+OK go") "mailbox-striptls")
         (pop ,(mew-submit-mailbox-tests--pop '("TOP" "XXXX")) "mailbox-starttls-mangled")
         (pop ,(mew-submit-mailbox-tests--pop '("STXX" "TOP")) "mailbox-starttls-mangled")
         (pop ,(mew-submit-mailbox-tests--pop '("STLS" "USER") "-ERR later")
              "mailbox-starttls-refused" "mailbox-login-in-clear")
         (pop ,(mew-submit-mailbox-tests--pop '("STLS" "SASL PLAIN") "+OK go")
              "mailbox-login-in-clear")
         (pop ,(mew-submit-mailbox-tests--pop '("STLS" "SASL CRAM-MD5") "-ERR later")
              "mailbox-starttls-refused")))
    (should (equal (cons (mew-submit-mailbox-tests--ids service replies) replies)
                   (cons ids replies)))))

;;; mew-submit-mailbox-tests.el ends here
