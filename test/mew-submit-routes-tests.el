;;; mew-submit-routes-tests.el --- Tests for going on to another port -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Port 25 of many servers takes no log-in.  Said inside verified TLS that is no attack:
;; mail goes by another port, or waits for one.  With real servers and a real network:
;; test/real, test/network.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-memory)
(require 'mew-submit-queue)
(require 'mew-submit-report)
(require 'mew-submit-test-helpers)

(defun mew-submit-routes-tests--routes (peer names)
  "Return routes to PEER's listeners NAMES, as an account has them."
  (mapconcat (lambda (name)
               (format "%d:starttls" (mew-submit-test-port peer name)))
             names ","))

(defun mew-submit-routes-tests--send (peer names &rest keys)
  "Send a message to PEER by its listeners NAMES, in order, with KEYS.
Return its `done' event."
  (mew-submit-test-run
   (append keys
           (list :routes (mew-submit-routes-tests--routes peer names)
                 :fallback 'always
                 :user "me" :password (copy-sequence "s3cret"))
           (mew-submit-test-account peer (car names)))
   "From: me@x\nTo: a@x\n\nbody\n"))

(defun mew-submit-routes-tests--cases (done)
  "Return the cases of DONE's attempts."
  (mapcar (lambda (attempt) (plist-get attempt :case))
          (plist-get done :attempts)))

(defmacro mew-submit-routes-tests--with (peer &rest body)
  "Run BODY with a PEER whose listener \"relay\" takes no log-in."
  (declare (indent 1) (debug (symbolp body)))
  `(mew-submit-test-with-peer
       (,peer "--user" "me" "--password" "s3cret"
              "127.0.0.1:0,name=shut,refused"
              "127.0.0.1:0,name=relay,cap2-=AUTH,noauth"
              "127.0.0.1:0,name=relay2,cap2-=AUTH,cap2+=AUTH,noauth"
              "127.0.0.1:0,name=submission"
              "127.0.0.1:0,name=clear,cap-=STARTTLS,noauth"
              "127.0.0.1:0,name=self,cert=self-signed,cap2-=AUTH,noauth")
     ,@body))

(ert-deftest mew-submit-routes-tests-a-port-without-log-in ()
  "A port that takes no log-in inside verified TLS is passed by (SECURITY: N10).
Where there is none but those that cannot be reached the message waits for one."
  :tags '(:module)
  (mew-submit-routes-tests--with peer
    (pcase-dolist
        (`(,names ,kind ,result ,exit ,cases)
         '((("shut" "relay") "no-login" "deferred" 75 (2 "no-login"))
           (("shut" "relay" "relay2") "no-login" "deferred" 75
            (2 "no-login" "no-login"))
           (("shut" "relay" "submission") "ok" "delivered" 0 (2 "no-login" 1))
           (("relay" "submission") "ok" "delivered" 0 ("no-login" 1))
           (("relay") "insecure" "insecure" 77 ("no-login"))
           (("relay" "relay2") "insecure" "insecure" 77 ("no-login" "no-login"))
           ;; What is not said inside verified TLS stays what it was.
           (("shut" "relay" "clear") "insecure" "insecure" 77 (2 "no-login" "tls"))
           (("self" "submission") "insecure" "insecure" 77 ("tls" nil))))
      (ert-info ((format "%S" names))
        (let ((done (mew-submit-routes-tests--send peer names)))
          (should (equal (plist-get done :kind) kind))
          (should (equal (plist-get done :result) result))
          (should (equal (plist-get done :exit) exit))
          (should-not (plist-get done :alarm))
          (should (equal (delq nil (mew-submit-routes-tests--cases done))
                         (cl-substitute (mew-submit-portable-refused) 2 (remq nil cases)))))))
    (should (= 2 (length (mew-submit-test-lines peer "MAIL"))))
    ;; Nor where less than that is asked for: anybody on the way may have said it.
    (dolist (name '("self" "clear"))
      (ert-info (name)
        (should (equal (plist-get (mew-submit-routes-tests--send
                                   peer (list name "submission") :tls 'opportunistic)
                                  :kind)
                       "insecure"))))
    (should (= 2 (length (mew-submit-test-lines peer "MAIL"))))))

(defun mew-submit-routes-tests--breaks-off ()
  "Send where one address of a port breaks off, and the other takes no log-in.
The next port cannot be reached.  Return what the first heard, and the kind."
  (mew-submit-routes-tests--with peer
    (let* ((heard nil)
           (server (make-network-process
                    :name "breaks off" :server t :family 'ipv6 :host "::1" :noquery t
                    :service (mew-submit-test-port peer "relay")
                    :log (lambda (_server client _message)
                           (process-send-string client "220 Hello\r\n"))
                    :filter (lambda (client octets)
                              (setq heard (substring octets 0 4))
                              (delete-process client)))))
      (unwind-protect
          (list (plist-get (mew-submit-routes-tests--send peer '("relay" "shut")
                                                          :server "localhost")
                           :kind)
                heard)
        (delete-process server)))))

(ert-deftest mew-submit-routes-tests-an-address-that-breaks-off ()
  "That a port takes no log-in is told where another address of it broke off, too."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (mew-submit-test-write (expand-file-name "hosts" directory)
                           "127.0.0.1 localhost\n::1 localhost\n")
    (mew-submit-test-write (expand-file-name "nsswitch.conf" directory) "hosts: files\n")
    (should (equal (mew-submit-test-in-network
                    (mapconcat (lambda (name)
                                 (format "mount --bind %s%s /etc/%s\n" directory name name))
                               '("hosts" "nsswitch.conf") "")
                    "mew-submit-routes-tests" '(mew-submit-routes-tests--breaks-off))
                   '("no-login" "EHLO")))))

(ert-deftest mew-submit-routes-tests-words ()
  "What is told says which port takes no log-in, and which cannot be reached."
  :tags '(:module)
  (mew-submit-routes-tests--with peer
    (let* ((port (lambda (name) (mew-submit-test-port peer name)))
           (done (mew-submit-routes-tests--send peer '("shut" "relay"))))
      (should (equal (plist-get done :text)
                     (format "Port %d of 127.0.0.1 takes no log-in, so mail cannot be \
submitted there; port %d cannot be reached from here"
                             (funcall port "relay") (funcall port "shut"))))
      (should (string-prefix-p "deferred: Port " (mew-submit-report--done done)))
      (should-not (string-empty-p (mew-submit-report--advice done)))
      (setq done (mew-submit-routes-tests--send peer '("relay")))
      (should (string-search "takes no log-in" (plist-get done :text)))
      (should-not (string-search "somebody" (plist-get done :text))))))

(ert-deftest mew-submit-routes-tests-remembered ()
  "That a log-in was taken before makes no attack of it inside verified TLS.
Where another port of the plan is left the message waits for that."
  :tags '(:module)
  (mew-submit-routes-tests--with peer
    (let ((memory (mew-submit-test--peer-file peer "servers.eld")))
      (dolist (name '("shut" "relay"))
        (mew-submit-memory--learn memory "127.0.0.1"
                                  (mew-submit-test-port peer name)
                                  t "SCRAM-SHA-256"))
      (let ((done (mew-submit-routes-tests--send peer '("shut" "relay")
                                                 :memory memory)))
        (should (equal (plist-get done :kind) "no-login"))
        (should-not (plist-get done :alarm)))
      ;; STARTTLS that was there and is not is one as before.
      (let ((done (mew-submit-routes-tests--send peer '("relay" "clear")
                                                 :memory memory)))
        (should (equal (plist-get done :kind) "insecure"))
        (should (equal (plist-get done :alarm) "striptls"))))))

;;; The question

(defun mew-submit-routes-tests--asked (peer names answer &optional change)
  "Send by PEER's listeners NAMES, with questions; return (DONE . QUESTIONS).
Each question is answered with ANSWER.  CHANGE gets the request to change it."
  (let* (mew-submit-request--no-log-in
         questions
         (account (append
                   (list :routes (mew-submit-routes-tests--routes peer names)
                         :fallback 'ask :user "me"
                         :password (copy-sequence "s3cret"))
                   (mew-submit-test-account peer (car names))))
         (file (mew-submit-test-write (mew-submit-test--peer-file peer "asked")
                                      "From: me@x\nTo: a@x\n\nbody\n"))
         (make (symbol-function 'mew-submit-request--make))
         done)
    (cl-letf (((symbol-function 'mew-submit-request--make)
               (lambda (&rest arguments)
                 (funcall (or change #'identity) (apply make arguments)))))
      (mew-submit-parcel--submit file :account account
                                  :on-ask (lambda (event)
                                            (push event questions)
                                            answer)
                                  :on-done (lambda (event) (setq done event))))
    (mew-submit-test-until ("the end") done)
    (cons done (nreverse questions))))

(defun mew-submit-routes-tests--demote (request)
  "Return REQUEST with the routes to its first port demoted."
  (let ((port (caar (plist-get request :routes))))
    (plist-put request :routes
               (mapcar (lambda (route)
                         (if (= port (car route))
                             (append (seq-take route 3) '(t))
                           route))
                       (plist-get request :routes)))))

(ert-deftest mew-submit-routes-tests-asked-of-what-is-so-now ()
  "A question about a blocked port comes only where it was tried this time.
That is so whatever is remembered of the network: a port that answers again is
used, and nothing is asked."
  :tags '(:module)
  (mew-submit-routes-tests--with peer
    (pcase-let ((`(,done . ,questions)
                 (mew-submit-routes-tests--asked
                  peer '("submission" "relay") "yes"
                  #'mew-submit-routes-tests--demote)))
      (should-not questions)
      (should (equal (plist-get done :result) "delivered"))
      (should (equal (plist-get done :port)
                     (mew-submit-test-port peer "submission"))))
    (dolist (change (list nil #'mew-submit-routes-tests--demote))
      (dolist (answer '("yes" nil))
        (pcase-let* ((`(,done . ,questions)
                      (mew-submit-routes-tests--asked
                       peer '("shut" "submission") answer change))
                     (attempts (plist-get (car questions) :attempts)))
          (should (= 1 (length questions)))
          (should (equal (plist-get done :result)
                         (if answer "delivered" "deferred")))
          ;; The preferred port's verdict is there when the question is.
          (should (seq-some (lambda (attempt)
                              (and (eql (plist-get attempt :port)
                                        (mew-submit-test-port peer "shut"))
                                   (equal (plist-get attempt :case)
                                          (mew-submit-portable-refused))))
                            attempts)))))))

(ert-deftest mew-submit-routes-tests-asked-once ()
  "One question is enough for all the ports of a message.
None comes where the preferred port is not blocked, but takes no log-in."
  :tags '(:module)
  (mew-submit-routes-tests--with peer
    (pcase-dolist (`(,names ,count ,kind)
                   '((("shut" "relay" "submission") 1 "ok")
                     (("shut" "relay") 1 "no-login")
                     (("relay" "submission") 0 "ok")))
      (ert-info ((format "%S" names))
        (pcase-let ((`(,done . ,questions)
                     (mew-submit-routes-tests--asked peer names "yes")))
          (should (= count (length questions)))
          (should (equal (plist-get done :kind) kind)))))))

(provide 'mew-submit-routes-tests)
;;; mew-submit-routes-tests.el ends here
