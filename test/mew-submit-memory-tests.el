;;; mew-submit-memory-tests.el --- Tests for what is remembered of servers -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A server that was seen to offer STARTTLS, or a way to log in, and then does not,
;; raises an alarm whatever the account's level is, and nothing is sent.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-memory)
(require 'mew-submit-test-helpers)

(defconst mew-submit-memory-tests--message "From: me@x\nTo: a@x\n\nbody\n"
  "A message.")

(defun mew-submit-memory-tests--send (peer name memory &rest keys)
  "Send a message to PEER's listener NAME, with the file MEMORY and KEYS."
  (mew-submit-test-run
   (apply #'mew-submit-test-account peer name
          (append keys (list :memory memory :tls 'opportunistic)))
   mew-submit-memory-tests--message))

(defun mew-submit-memory-tests--file (peer)
  "Return the name of a file for a memory, which does not exist, beside PEER."
  (mew-submit-test--peer-file peer "state/deep/servers.eld"))

(defun mew-submit-memory-tests--entry (memory port)
  "Return what the file MEMORY has for PORT of 127.0.0.1."
  (cdr (assoc (cons "127.0.0.1" port) (mew-submit-memory--read memory))))

;;; STARTTLS

(ert-deftest mew-submit-memory-tests-striptls ()
  "STARTTLS that was there and is gone is an alarm, also when TLS is not required."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=gone,2+:cap-=STARTTLS"
            "127.0.0.1:0,name=crossed,2+:cap-=STARTTLS,2+:cap+=STARTXXX"
            "127.0.0.1:0,name=never,cap-=STARTTLS")
    (let ((memory (mew-submit-memory-tests--file peer)))
      (dolist (name '("gone" "crossed"))
        (ert-info (name)
          (should (equal (plist-get (mew-submit-memory-tests--send peer name memory)
                                    :result)
                         "delivered"))
          (dolist (level '(opportunistic required))
            (let ((done (mew-submit-memory-tests--send peer name memory
                                                       :tls level)))
              (should (equal (plist-get done :result) "insecure"))
              (should (equal (plist-get done :alarm) "striptls"))
              (should (equal (plist-get done :exit) 77))
              (should (string-prefix-p "ALARM (striptls): insecure: "
                                       (mew-submit-report--done done)))))))
      (should (= (file-modes memory) #o600))
      (should (= (file-modes (file-name-directory memory)) #o700))
      (should (equal (directory-files (file-name-directory memory) nil
                                      directory-files-no-dot-files-regexp)
                     '("servers.eld")))
      ;; What never was there is not missed.
      (dotimes (_ 2)
        (should (equal (plist-get (mew-submit-memory-tests--send peer "never" memory)
                                  :result)
                       "delivered")))
      (should-not (mew-submit-memory-tests--entry
                   memory (mew-submit-test-port peer "never")))
      (should (= 4 (length (mew-submit-test-lines peer "MAIL")))))))

(ert-deftest mew-submit-memory-tests-only-verified-sessions-count ()
  "Nobody in the middle can make something be remembered."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=self,cert=self-signed"
            "127.0.0.1:0,name=dies,tls=close"
            "127.0.0.1:0,name=implicit,implicit")
    (let ((memory (mew-submit-memory-tests--file peer)))
      (should (equal (plist-get (mew-submit-memory-tests--send peer "self" memory)
                                :result)
                     "delivered"))
      (mew-submit-memory-tests--send peer "dies" memory)
      (should-not (file-exists-p memory))
      ;; Implicit TLS says nothing of STARTTLS.
      (mew-submit-memory-tests--send
       peer "implicit" memory
       :routes (format "%d:implicit" (mew-submit-test-port peer "implicit")))
      (should-not (file-exists-p memory)))))

(ert-deftest mew-submit-memory-tests-other-ports ()
  "What was offered at one port of a plan is expected at its others.
Ways to log in are so where mail is submitted; port 25 is a service of its own,
though STARTTLS is expected there too."
  (mew-submit-test-with-directory directory
    (let ((memory (expand-file-name "m" directory)))
      (mew-submit-memory--learn memory "Smtp.Example.org" 587 t "SCRAM-SHA-1")
      (mew-submit-memory--learn memory "smtp.example.org" 25 nil "PLAIN")
      (should (equal (mew-submit-memory--request memory "smtp.example.ORG" '(25 587))
                     '(:starttls-remembered t :auth-remembered "SCRAM-SHA-1"
                                            :auth-remembered-25 "PLAIN" :chunking-untried t)))
      (should (equal (mew-submit-memory--request memory "smtp.example.org" '(587 465))
                     '(:starttls-remembered t :auth-remembered "SCRAM-SHA-1"
                                            :chunking-untried t)))
      (mew-submit-memory--learn-offers memory "smtp.example.org" 25 t nil)
      (should (equal (mew-submit-memory--request memory "smtp.example.org" '(25))
                     '(:auth-remembered-25 "PLAIN")))
      (dolist (place '(("smtp.example.org" 465) ("example.org" 587)))
        (should (equal (mew-submit-memory--request memory (car place) (cdr place))
                       '(:chunking-untried t))))
      (should-not (mew-submit-memory--request nil "smtp.example.org" '(587))))))

;;; Mechanisms

(ert-deftest mew-submit-memory-tests-weaker-auth ()
  "A best mechanism that is weaker than before is an alarm; no credentials leave."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "--user" "me" "--password" "s3cret"
            "127.0.0.1:0,name=w,1:mechs=SCRAM-SHA-256+PLAIN,2+:mechs=PLAIN+LOGIN")
    (let ((memory (mew-submit-memory-tests--file peer))
          (port (mew-submit-test-port peer "w"))
          (send (lambda (memory &rest keys)
                  (apply #'mew-submit-memory-tests--send peer "w" memory :user "me"
                         :password (copy-sequence "s3cret") keys))))
      (should (equal (plist-get (funcall send memory) :auth) "SCRAM-SHA-256"))
      (should (equal (mew-submit-memory-tests--entry memory port)
                     '(:starttls t :auth "SCRAM-SHA-256")))
      (dotimes (_ 2)
        (let ((done (funcall send memory)))
          (should (equal (plist-get done :result) "insecure"))
          (should (equal (plist-get done :alarm) "weaker-auth"))))
      (should (= 1 (length (mew-submit-test-lines peer "AUTH"))))
      ;; It is not forgotten by being weaker for long.
      (should (equal (mew-submit-memory-tests--entry memory port)
                     '(:starttls t :auth "SCRAM-SHA-256")))
      ;; A mechanism that the user names is the user's own decision.
      (should (equal (plist-get (funcall send memory :auth "PLAIN") :result)
                     "delivered"))
      (should (equal (plist-get (funcall send nil) :result) "delivered")))))

(ert-deftest mew-submit-memory-tests-no-log-in-any-more ()
  "A server that has offered to log in, and offers nothing good, is told of.
That it offers nothing at all inside verified TLS is its own doing, and no alarm
\(SECURITY: A17, N10)."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "--user" "me" "--password" "s3cret"
            "127.0.0.1:0,name=gone,2+:cap2-=AUTH,2+:noauth"
            "127.0.0.1:0,name=bad,2+:mechs=CRAM-MD5"
            "127.0.0.1:0,name=token,mechs=XOAUTH2,2+:cap2-=AUTH"
            "127.0.0.1:0,name=never,cap2-=AUTH")
    (let* ((memory (mew-submit-memory-tests--file peer))
           (send (lambda (name &rest keys)
                   (apply #'mew-submit-memory-tests--send
                          peer name memory :user "me" :password "s3cret" keys))))
      (pcase-dolist (`(,name ,alarm ,result . ,keys)
                     '(("gone" nil "delivered") ("bad" "weaker-auth" "delivered")
                       ("token" nil "delivered" :auth "XOAUTH2")
                       ("never" nil "insecure")))
        (ert-info (name)
          (should (equal (plist-get (apply send name keys) :result) result))
          (let ((done (apply send name keys)))
            (should (equal (plist-get done :result) "insecure"))
            (should (equal (plist-get done :alarm) alarm))
            (should (eq (and alarm t)
                        (and (string-search "before, so somebody"
                                            (plist-get done :text))
                             t))))))
      (should-not (mew-submit-test-stored peer 4)))))

(defun mew-submit-memory-tests--observer (file server)
  "Return a function of events, for FILE to remember what SERVER has."
  (let (course)
    (lambda (event)
      (setq course (mew-submit-course--add course event))
      (mew-submit-memory--note file server event course))))

(ert-deftest mew-submit-memory-tests-best-mechanism ()
  "What is remembered is the best that could be used, and only gets better.
\(SECURITY: N9)."
  (mew-submit-test-with-directory directory
    (let* ((memory (expand-file-name "m" directory))
           (session (lambda (version mechanisms &optional auth)
                      (let ((observe (mew-submit-memory-tests--observer memory "h")))
                        (dolist (event
                                 `((:event connected :port 587)
                                   (:event capabilities :secure nil
                                           :keywords ("SIZE 1" "STARTTLS"))
                                   (:event tls :verified t :version ,version)
                                   (:event capabilities :secure t
                                           :mechanisms ,mechanisms)
                                   ,@(and auth `((:event auth :mechanism ,auth)))))
                          (funcall observe event)))
                      (plist-get (cdar (mew-submit-memory--read memory)) :auth))))
      (should-not (funcall session "TLS1.3" '("NTLM")))
      (should (equal (funcall session "TLS1.3" '("XOAUTH2" "NTLM")) "XOAUTH2"))
      (should (equal (funcall session "TLS1.3" '("LOGIN" "PLAIN")) "PLAIN"))
      (should (equal (funcall session "TLS1.3" '("LOGIN")) "PLAIN"))
      ;; TLS 1.2 may have no channel binding.
      (should (equal (funcall session "TLS1.2" '("SCRAM-SHA-256-PLUS" "SCRAM-SHA-1"))
                     "SCRAM-SHA-1"))
      (should (equal (funcall session "TLS1.2" '("SCRAM-SHA-256-PLUS")
                              "SCRAM-SHA-256-PLUS")
                     "SCRAM-SHA-256-PLUS"))
      (should (equal (funcall session "TLS1.2" nil "XOAUTH2")
                     "SCRAM-SHA-256-PLUS")))))

(ert-deftest mew-submit-memory-tests-each-connection-for-itself ()
  "That the TLS of a connection was good says nothing of the next one (SECURITY: N9)."
  (mew-submit-test-with-directory directory
    (let* ((memory (expand-file-name "m" directory))
           (observe (mew-submit-memory-tests--observer memory "h")))
      (dolist (event '((:event connected :id 0 :port 587)
                       (:event tls :verified t :version "TLS1.3")
                       (:event connected :id 0 :port 587)
                       (:event auth :mechanism "PLAIN")))
        (funcall observe event))
      (should-not (mew-submit-memory--read memory)))))

;;; The file

(ert-deftest mew-submit-memory-tests-file-is-shared ()
  "What another Emacs has written meanwhile stays."
  (mew-submit-test-with-directory directory
    (let* ((memory (expand-file-name "m" directory))
           (observe (mew-submit-memory-tests--observer memory "one")))
      (funcall observe '(:event connected :port 587))
      (funcall observe '(:event capabilities :keywords ("STARTTLS")))
      (mew-submit-memory--learn memory "two" 25 t nil)
      (funcall observe '(:event tls :verified t :version "TLS1.3"))
      (should (equal (sort (mew-submit-memory--servers memory) #'string<)
                     '("one" "two")))
      (let ((print-length 1)
            (print-level 1))
        (mew-submit-memory--learn memory "three" 25 t "PLAIN"))
      (should (= 3 (length (mew-submit-memory--read memory)))))))

(ert-deftest mew-submit-memory-tests-nonsense-is-not-believed ()
  "A file that makes no sense is told of; nothing in it is evaluated."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let ((memory (mew-submit-test--peer-file peer "m")))
      (dolist (text '("" "(" "x" "((\"h\" . 25))" "(((h . 25) :starttls t))"
                      "(((\"h\" . 25) :starttls 5))" "(((\"h\" . 25) :auth \"X\"))"
                      "(((\"h\" . 25) . x))" "#.(error \"evaluated\")"
                      "(((\"h\" . -1) :starttls t))"))
        (ert-info (text)
          (mew-submit-test-write memory text)
          (should-error (mew-submit-memory--read memory) :type 'mew-submit-config)
          (should-error (mew-submit-memory-tests--send peer "ok" memory)
                        :type 'mew-submit-config)))
      (should-not (mew-submit-test-log peer "connect")))))

(ert-deftest mew-submit-memory-tests-forget ()
  "A server can be forgotten, and is then trusted anew; others stay."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=gone,2+:cap-=STARTTLS")
    (let* ((memory (mew-submit-memory-tests--file peer))
           (mew-submit-memory-file memory)
           (mew-submit-request--no-log-in nil)
           (send (lambda ()
                   (plist-get (mew-submit-memory-tests--send peer "gone" memory)
                              :result))))
      (should (equal (funcall send) "delivered"))
      (mew-submit-memory--learn memory "other" 587 t nil)
      (should (equal (funcall send) "insecure"))
      (push (cons '("127.0.0.1" . 25) (float-time))
            mew-submit-request--no-log-in)
      (mew-submit-forget-server "127.0.0.1")
      (should-not (mew-submit-request--no-log-in-p "127.0.0.1" 25))
      (should (equal (mew-submit-memory--servers memory) '("other")))
      (should (equal (funcall send) "delivered"))
      (should-error (mew-submit-forget-server "127.0.0.1") :type 'user-error))))

(ert-deftest mew-submit-memory-tests-where ()
  "An interactive Emacs uses its file; in batch mode one has to be named."
  (let ((mew-submit-memory-file "/m"))
    (should-not (mew-submit-request--memory-file nil))
    (should (equal (mew-submit-request--memory-file '(:memory "/n")) "/n"))
    (let ((noninteractive nil))
      (should (equal (mew-submit-request--memory-file nil) "/m"))
      (let ((mew-submit-memory-file nil))
        (should-not (mew-submit-request--memory-file nil))))))

;;; What the user gets to know

(ert-deftest mew-submit-memory-tests-batch ()
  "--memory remembers from one command to the next, and JSON has the alarm."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=gone,2+:cap-=STARTTLS")
    (let* ((memory (mew-submit-memory-tests--file peer))
           (run (lambda (&rest more)
                  (mew-submit-test-batch
                   (append (list "--json" "--server" "127.0.0.1" "--tls"
                                 "opportunistic" "--ca-file"
                                 (mew-submit-test-ca peer) "--routes"
                                 (format "%d:starttls"
                                         (mew-submit-test-port peer "gone")))
                           more '("a@x"))
                   :input mew-submit-memory-tests--message)))
           (first (funcall run "--memory" memory))
           (second (funcall run "--memory" memory))
           (third (funcall run)))
      (should (equal (mapcar (lambda (result) (plist-get result :status))
                             (list first second third))
                     '(0 77 0)))
      (should-not (plist-member (mew-submit-test-done first) :alarm))
      (should (equal (plist-get (mew-submit-test-done second) :alarm)
                     "striptls")))))

(ert-deftest mew-submit-memory-tests-alarm-is-loud ()
  "An alarm rings, and names itself first."
  (let (warnings)
    (cl-letf (((symbol-function 'display-warning)
               (lambda (_type text level &rest _) (push (cons level text) warnings))))
      (mew-submit--warn '(:event done :kind "insecure" :result "insecure" :text "x"))
      (mew-submit--warn '(:event done :kind "insecure" :result "insecure" :text "x"
                                 :alarm "striptls")))
    (should (equal (mapcar #'car warnings) '(:emergency :error)))
    (should (string-prefix-p "ALARM (striptls): insecure: x" (cdar warnings)))))

;;; Offers that were not kept

(defun mew-submit-memory-tests--ways (peer)
  "Return by which commands messages came to PEER, oldest first."
  (seq-filter (lambda (verb) (member verb '("BDAT" "DATA")))
              (mapcar (lambda (line) (car (split-string line " ")))
                      (mew-submit-test-lines peer))))

(ert-deftest mew-submit-memory-tests-a-place-that-cannot-be-written-to ()
  "A memory that cannot be kept is told in words, and no error at each mail."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=x,noauth")
    (let ((memory (mew-submit-memory-tests--file peer))
          said)
      (cl-letf (((symbol-function 'mew-submit-store--write)
                 (lambda (&rest _)
                   (signal 'file-error '("Creating directory" "Read-only file system"))))
                ((symbol-function 'display-warning)
                 (lambda (_ text &rest _) (ert-fail text)))
                ((symbol-function 'mew-submit-background--tell)
                 (lambda (format &rest args) (push (apply #'format format args) said))))
        (should (equal (plist-get (mew-submit-memory-tests--send peer "x" memory) :result)
                       "delivered")))
      (should (string-match-p "\\`What servers offer cannot be .*Read-only" (car said))))))

(ert-deftest mew-submit-memory-tests-unkept-after-a-close ()
  "What ended a connection is not used for a month, and then tried again, with caution."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=x,chunking,2:dot=close")
    (let* ((memory (mew-submit-memory-tests--file peer))
           (port (mew-submit-test-port peer "x"))
           (send (lambda ()
                   (plist-get (mew-submit-memory-tests--send peer "x" memory)
                              :result))))
      (should (equal (funcall send) "delivered"))
      (should (plist-get (mew-submit-memory-tests--entry memory port) :chunking))
      (should (equal (funcall send) "uncertain"))
      (let ((entry (mew-submit-memory-tests--entry memory port)))
        (should-not (plist-get entry :chunking))
        (should (equal (mapcar #'car (plist-get entry :unkept)) '("CHUNKING"))))
      (should (equal (funcall send) "delivered"))
      (mew-submit-memory--write
       memory
       (mapcar (lambda (entry)
                 (let ((plist (copy-sequence (cdr entry))))
                   (cons (car entry)
                         (plist-put plist :unkept
                                    (list (cons "CHUNKING"
                                                (- (time-convert nil 'integer)
                                                   (* 31 24 60 60))))))))
               (mew-submit-memory--read memory)))
      (should (equal (funcall send) "delivered"))
      (should (equal (mew-submit-memory-tests--ways peer)
                     '("BDAT" "BDAT" "BDAT" "DATA" "BDAT" "BDAT"))))))

(ert-deftest mew-submit-memory-tests-untried ()
  "Where CHUNKING is untried no message is in doubt; it goes on without, at once.
SECURITY: I17."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=x,chunking,1:data=close")
    (let ((memory (mew-submit-memory-tests--file peer))
          (port (mew-submit-test-port peer "x")))
      (should (equal (plist-get (mew-submit-memory-tests--send peer "x" memory) :result)
                     "delivered"))
      (should (assoc "CHUNKING" (plist-get (mew-submit-memory-tests--entry memory port)
                                           :unkept)))
      (should (equal (mew-submit-memory-tests--ways peer) '("BDAT" "DATA"))))))

(ert-deftest mew-submit-memory-tests-unkept-after-a-no ()
  "What was refused is remembered with the rest; without a memory it is just not used."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=x,chunking,\
1:dot#1=reply:502 No BDAT,2:data#1=reply:502 No BDAT")
    (let ((memory (mew-submit-memory-tests--file peer))
          (port (mew-submit-test-port peer "x")))
      (should (equal (plist-get (mew-submit-memory-tests--send peer "x" nil) :result)
                     "delivered"))
      (should (equal (plist-get (mew-submit-memory-tests--send peer "x" memory) :left-out)
                     '("CHUNKING")))
      (let ((entry (mew-submit-memory-tests--entry memory port)))
        (should (plist-get entry :starttls))
        (should (assoc "CHUNKING" (plist-get entry :unkept)))))))

(ert-deftest mew-submit-memory-tests-unkept-has-a-form ()
  "A memory whose dates are none is told of."
  (mew-submit-test-with-directory directory
    (let ((file (expand-file-name "memory" directory)))
      (dolist (unkept '((("CHUNKING" . "yesterday")) ("CHUNKING") ((5 . 5)) "CHUNKING"))
        (mew-submit-memory--write file `((("x" . 587) :unkept ,unkept)))
        (should-error (mew-submit-memory--read file) :type 'mew-submit-config)))))

(ert-deftest mew-submit-memory-tests-without ()
  "EHLO keywords that an account does not believe are not used; safety cannot be left out."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=x,chunking")
    (let ((done (mew-submit-memory-tests--send peer "x" nil
                                               :without '("chunking" "PIPELINING" "SIZE"))))
      (should (equal (plist-get done :result) "delivered"))
      (should (equal (mew-submit-memory-tests--ways peer) '("DATA")))
      (should-not (seq-find (lambda (line) (string-search "SIZE=" line))
                            (mew-submit-test-lines peer "MAIL")))
      (dolist (keywords '(("STARTTLS") ("auth") ("a b") ("") (nil) ("X\r\nY")))
        (should-error (mew-submit-memory-tests--send peer "x" nil :without keywords)
                      :type 'mew-submit-config)))))

(provide 'mew-submit-memory-tests)
;;; mew-submit-memory-tests.el ends here
