;;; mew-submit-servers-tests.el --- Tests for accounts with several servers -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Each test server has several listeners, one for each server of an account.

;;; Code:

(require 'auth-source)
(require 'mew-submit-test-helpers)
(require 'mew-submit-parcel)
(require 'mew-submit-network-server)
(require 'mew-submit-queue)

(declare-function mew-submit--mod-jobs "ext:mew-submit-native" ())

(defconst mew-submit-servers-tests--message
  (concat "From: me@x\nTo: a@x\n\n" (apply #'concat (make-list 20000 "body\n")))
  "What is sent: more than fits into a packet.")

(defun mew-submit-servers-tests--routes (peer name)
  "Return the routes to PEER's listener NAME; a number is a port itself."
  (format "%d:starttls" (if (numberp name) name (mew-submit-test-port peer name))))

(defun mew-submit-servers-tests--account (peer names &rest more)
  "Return an account with PEER's listeners NAMES for its servers, and MORE keys.
Each is called by another name of this machine, so that they can be told apart."
  (let ((servers (cl-loop for name in names
                          for host in '("127.0.0.1" "localhost" "::ffff:127.0.0.1")
                          collect (list :server host
                                        :routes (mew-submit-servers-tests--routes
                                                 peer name)))))
    (append more (car servers)
            (list :servers (cdr servers) :name "several" :family 'ipv4 :timeout 20
                  :fallback 'always :ca-file (mew-submit-test-ca peer)))))

(defmacro mew-submit-servers-tests--with (spec &rest body)
  "Run BODY with a test server, SPEC being as for `mew-submit-test-with-peer'.
Nothing is remembered from before, and what is goes into a file that goes away."
  (declare (indent 1))
  `(mew-submit-test-with-directory servers
     (let ((mew-submit-negative-cache-file (expand-file-name "networks.eld" servers))
           (mew-submit-negative-cache nil)
           (mew-submit-network-negative--read nil)
           (mew-submit-network-negative--active t)
           (mew-submit-network-server--entries 'unread)
           (mew-submit-memory-file nil))
       (mew-submit-test-with-peer ,spec ,@body))))

(defun mew-submit-servers-tests--run (account &rest keys)
  "Send a message by ACCOUNT with KEYS and return the `done' event."
  (apply #'mew-submit-test-run account mew-submit-servers-tests--message keys))

(defun mew-submit-servers-tests--reached (peer)
  "Return the names of PEER's listeners that were connected to, in order."
  (mapcar (lambda (line) (plist-get line :listener))
          (mew-submit-test-log peer "connect")))

(ert-deftest mew-submit-servers-tests-when-another-is-used ()
  "SECURITY: N11.  Another server is used when the network is between, or for \"later\"."
  (pcase-dolist (`(,first ,result ,second)
                 `(("refused" "delivered" t)
                   ("accept-close" "delivered" t)
                   ("greeting=reply:421 4.3.2 Too busy" "delivered" t)
                   ("greeting=reply:451 4.3.2 Later" "delivered" t)
                   ;; What the server itself has said stands.
                   ("greeting=reply:554 5.7.1 You are on a list" "refused" nil)
                   ("mail=reply:451 4.3.0 Later" "deferred" nil)
                   ("mail=reply:550 5.7.1 Not you" "refused" nil)
                   ("rcpt=reply:550 5.1.1 Nobody" "refused" nil)
                   ("rcpt=reply:450 4.2.0 Greylisted" "deferred" nil)
                   ("dot=reply:554 5.6.0 No" "refused" nil)
                   ("dot=reply:451 4.3.0 Later" "deferred" nil)
                   ("auth-end=reply:535 5.7.8 Wrong" "refused" nil)
                   ("auth-end=reply:454 4.7.0 Later" "deferred" nil)
                   ("cap-=STARTTLS" "insecure" nil)
                   ("cert=self-signed" "insecure" nil)
                   ("ehlo2=close" "deferred" nil)
                   ;; Only Linux tells for certain that the end has not got there.
                   ("block=close" ("deferred" ,@(and (mew-submit-portable-p) '("uncertain"))) nil)
                   ;; The final dot was sent: it may have been taken.
                   ("dot=close" "uncertain" nil)))
    (ert-info (first)
      (mew-submit-servers-tests--with
          (peer "--user" "u" "--password" "p"
                (concat "127.0.0.1:0,name=a," first) "127.0.0.1:0,name=b")
        (let* ((mew-submit-servers-tests--message
                ;; What fits into the server's kernel may be there, and is in doubt then.
                (apply #'concat (make-list (if (equal first "block=close") 40 1)
                                           mew-submit-servers-tests--message)))
               (done (mew-submit-servers-tests--run
                      (mew-submit-servers-tests--account peer '("a" "b") :user "u"
                                                         :password "p")
                      :on-ask (lambda (event)
                                (and (equal (plist-get event :what) "password")
                                     (cons "u" (copy-sequence "p")))))))
          (should (member (plist-get done :result) (ensure-list result)))
          (should (eq second (and (member "b" (mew-submit-servers-tests--reached peer))
                                  t)))
          (should (= (if second 1 0)
                     (length (mew-submit-test-accepted peer)))))))))

(ert-deftest mew-submit-servers-tests-part-of-it-is-there ()
  "SECURITY: N11.  Whoever was answered for, well or not, is not tried elsewhere.
A server with limits gets a message in several sessions, and each can fail."
  (pcase-dolist (`(,script . ,accepted)
                 '(("2:greeting=reply:421 4.3.2 Busy" . 1)
                   ("2+:connect=close" . 1)
                   ("1:rcpt=reply:550 5.1.1 Nobody,2:greeting=reply:421 4.3.2 Busy" . 0)
                   ("1:rcpt=reply:550 5.1.1 Nobody,2+:connect=close" . 0)))
    (ert-info (script)
      (mew-submit-servers-tests--with
          (peer (concat "127.0.0.1:0,name=a,noauth,cap2+=LIMITS RCPTMAX=1 MAILMAX=1,"
                        script)
                "127.0.0.1:0,name=b,noauth")
        (let ((done (mew-submit-servers-tests--run
                     (mew-submit-servers-tests--account peer '("a" "b"))
                     :recipients '("a@x" "b@x"))))
          (should-not (equal "delivered" (plist-get done :result)))
          (should (= accepted (length (mew-submit-test-accepted peer))))
          (should (cdr (mew-submit-servers-tests--reached peer)))
          (should-not (member "b" (mew-submit-servers-tests--reached peer))))))))

(ert-deftest mew-submit-servers-tests-none-left ()
  "Where no server can be reached each of them is named."
  (mew-submit-servers-tests--with (peer "127.0.0.1:0,name=a,refused"
                                        "127.0.0.1:0,name=b,noauth,greeting=reply:421 Busy"
                                        "127.0.0.1:0,name=c,refused")
    (let ((done (mew-submit-servers-tests--run
                 (mew-submit-servers-tests--account peer '("a" "b" "c")))))
      (should (equal "deferred" (plist-get done :result)))
      (should (equal "connect" (plist-get done :kind)))
      (should (string-match-p "Before that, 127.0.0.1: No route.*; localhost: .*Busy"
                              (plist-get done :text))))))

(ert-deftest mew-submit-servers-tests-remembered-per-network ()
  "SECURITY: N12.  What worked here last is tried first here, for a day, and not elsewhere."
  (mew-submit-servers-tests--with (peer "127.0.0.1:0,name=a,noauth,1:greeting=reply:421 Busy"
                                        "127.0.0.1:0,name=b,noauth")
    (let* ((account (mew-submit-servers-tests--account peer '("a" "b")))
           (here '(:id "here" :label "here" :up t))
           (run (lambda ()
                  (should (equal "delivered" (plist-get (mew-submit-servers-tests--run
                                                         account)
                                                        :result)))
                  (car (last (mew-submit-servers-tests--reached peer))))))
      (cl-letf (((symbol-function 'mew-submit-network--primary) (lambda () here)))
        (should (equal "b" (funcall run)))
        (should (equal "b" (funcall run)))
        (should (equal '("a" "b" "b") (mew-submit-servers-tests--reached peer)))
        ;; Another Emacs reads it from the file; nonsense in that is nothing.
        (setq mew-submit-network-server--entries 'unread)
        (should (equal "b" (funcall run)))
        (setq here '(:id "elsewhere" :label "elsewhere" :up t))
        (should (equal "a" (funcall run)))
        (setq here '(:id "here" :label "here" :up t))
        (should (equal "b" (funcall run)))
        (let ((mew-submit-negative-cache-expiry 0))
          (setf (nth 3 (car mew-submit-network-server--entries))
                (- (time-convert nil 'integer) 10))
          (should (equal "a" (funcall run))))
        ;; It has worked: the preferred one is the first again.
        (should (equal "a" (funcall run)))
        (dolist (text '("(" "7" "((1 2))" "((\"here\" nil nil nil) . 3)"))
          (mew-submit-test-write (mew-submit-network-server--file) text)
          (setq mew-submit-network-server--entries 'unread)
          (should (equal "a" (funcall run))))))))

(ert-deftest mew-submit-servers-tests-never-less-secure ()
  "SECURITY: N11.  A server that asks for less TLS than the account is refused as such."
  (pcase-dolist (`(,words . ,account)
                 '(("asks for less TLS at b"
                    :server "a" :servers ((:server "b" :tls opportunistic)))
                   ("asks for less TLS at b"
                    :server "a" :servers ((:server "b" :tls none)))
                   ("asks for less TLS at b" :server "a" :tls opportunistic
                    :servers ((:server "c" :tls required) (:server "b" :tls none)))
                   ;; Its name says that TLS is required there.
                   ("asks for less TLS at b" :server "smtps-a.example.org"
                    :tls opportunistic :servers ((:server "b")))
                   ("has to be" :server "a" :servers ((:server "b" :tls weak)))
                   ("for :tls, which has to be" :server "a" :tls weak :servers ((:server "b")))
                   (":servers without a :server" :server "a" :servers ((:routes "465:implicit")))
                   ("no :server to try first" :servers ((:server "b")))
                   ("has to be" :server "a" :servers ((:server "b" :tsl none)))
                   ("has to be" :server "a" :servers ("b"))))
    (ert-info (words)
      (let ((err (should-error (mew-submit-account--check account)
                               :type 'mew-submit-config)))
        (should (string-search words (mew-submit-error--text err))))))
  (should (mew-submit-account--check
           '(:server "a" :tls opportunistic
             :servers ((:server "b" :tls required :routes "443:implicit" :user "me")
                       (:server "c"))))))

(ert-deftest mew-submit-servers-tests-each-has-its-own-rules ()
  "SECURITY: N11.  The other server's certificate has to be its own, and in order."
  (mew-submit-servers-tests--with (peer "127.0.0.1:0,name=a,refused"
                                        "127.0.0.1:0,name=b,noauth,cert=othername"
                                        "127.0.0.1:0,name=c,noauth,cap-=STARTTLS")
    (dolist (name '("b" "c"))
      (should (equal "insecure"
                     (plist-get (mew-submit-servers-tests--run
                                 (mew-submit-servers-tests--account
                                  peer (list "a" name)
                                  ;; The first one has that name, and the second must not.
                                  :tls-name "other.example.net"))
                                :result))))
    (should-not (mew-submit-test-lines peer "MAIL"))))

(ert-deftest mew-submit-servers-tests-secrets-stay ()
  "SECURITY: N11.  The password of one server is not given to another."
  (mew-submit-servers-tests--with (peer "--user" "u" "--password" "p"
                                        "127.0.0.1:0,name=a,refused"
                                        "127.0.0.1:0,name=b,mechs=PLAIN")
    (let* (asked
           (done (mew-submit-servers-tests--run
                  (mew-submit-servers-tests--account peer '("a" "b") :user "u"
                                                     :password "p")
                  :on-ask (lambda (event)
                            (push (plist-get event :host) asked)
                            nil))))
      (should (equal asked '("localhost")))
      (should-not (equal "delivered" (plist-get done :result)))
      (should-not (mew-submit-test-lines peer "AUTH PLAIN")))))

(ert-deftest mew-submit-servers-tests-in-doubt-stays ()
  "SECURITY: N13.  What may have been taken is sent again, if told so, to the same server."
  (dolist (killed '(nil t))
    (ert-info ((if killed "Emacs was killed" "no answer came"))
      (mew-submit-servers-tests--with
          (peer "127.0.0.1:0,name=a,noauth,1:greeting=reply:421 Busy"
                (concat "127.0.0.1:0,name=b,noauth,1:dot=" (if killed "hold:go" "close")))
        (mew-submit-test-with-directory first
          (let* ((directory first)
                 (copy (expand-file-name "copy/" servers))
                 (mew-submit-outbox-directory directory)
                 (mew-submit-delay 0)
                 (file (mew-submit-test-write (expand-file-name "raw" directory)
                                              mew-submit-servers-tests--message))
                 (id (mew-submit-queue--add
                      file :account (mew-submit-servers-tests--account peer '("a" "b"))
                      :on-ask #'ignore))
                 (state (lambda ()
                          (plist-get (mew-submit-spool--read id directory) :state)))
                 (settle (lambda ()
                           (mew-submit-test-until ("the queue")
                             (null (mew-submit-known--running))))))
            (if (not killed)
                (funcall settle)
              ;; What is on disk then is all that the next Emacs has.
              (mew-submit-test-until ("the final dot")
                (let ((entry (mew-submit-spool--read id directory)))
                  (seq-some (lambda (recipient)
                              (and (plist-get recipient :sent)
                                   (null (plist-get recipient :code))))
                            (plist-get (mew-submit-fate--of-journal
                                        (plist-get entry :recipients)
                                        (mew-submit-spool--journal-lines entry))
                                       :recipients))))
              (copy-directory directory copy t t t)
              (mew-submit-test-go peer)
              (funcall settle)
              (setq mew-submit-outbox-directory copy
                    directory copy)
              (mew-submit-fate--recover (mew-submit-spool--read id directory)))
            (should (eq 'uncertain (funcall state)))
            (let ((before (length (mew-submit-servers-tests--reached peer)))
                  (mew-submit-network-server--entries nil))
              (mew-submit-queue--send id directory)
              (funcall settle)
              (should (equal '("b") (nthcdr before
                                            (mew-submit-servers-tests--reached
                                             peer)))))))))))

(defmacro mew-submit-servers-tests--with-outbox (spec &rest body)
  "Run BODY with an outbox, where ID is the message sent by ACCOUNT, settled.
SPEC is (ID ACCOUNT)."
  (declare (indent 1))
  `(mew-submit-test-with-directory first
     (let* ((mew-submit-outbox-directory first)
            (mew-submit-delay 0)
            (mew-submit-retry-intervals '(1000))
            (,(car spec) (mew-submit-queue--add
                          (mew-submit-test-write (expand-file-name "raw" first)
                                                 mew-submit-servers-tests--message)
                          :account ,(cadr spec) :on-ask #'ignore)))
       ,@body)))

(defun mew-submit-servers-tests--settle (id)
  "Wait for the queue, and return the state of the message ID."
  (mew-submit-test-until ("the queue")
    (null (mew-submit-known--running)))
  (plist-get (mew-submit-spool--read id mew-submit-outbox-directory) :state))

(ert-deftest mew-submit-servers-tests-cancelled-in-between ()
  "What is cancelled goes to no other server, also where the first has ended already."
  (mew-submit-servers-tests--with
      (peer "127.0.0.1:0,name=a,noauth,greeting=reply:421 Busy" "127.0.0.1:0,name=b,noauth")
    (mew-submit-servers-tests--with-outbox
        (id (mew-submit-servers-tests--account peer '("a" "b")))
      ;; Emacs hears of nothing that the module says meanwhile.
      (let ((deadline (+ (float-time) mew-submit-test-patience)))
        (while (and (> (mew-submit--mod-jobs) 0) (< (float-time) deadline))
          (call-process "sleep" nil nil nil "0.05")))
      (should (mew-submit-known--running))
      (mew-submit-queue--cancel id)
      (should (eq 'held (mew-submit-servers-tests--settle id)))
      (should (equal '("a") (mew-submit-servers-tests--reached peer))))))

(ert-deftest mew-submit-servers-tests-doubt-does-not-end ()
  "SECURITY: N13.  Whatever port is named, and however often, it is the same server."
  (pcase-dolist (`(,a ,b ,again ,reached)
                 '(("1:dot=close" "chunking"
                    (lambda (id peer)
                      (mew-submit-queue--send-by
                       id (mew-submit-servers-tests--routes peer "c")))
                    ("a"))
                   ("1:greeting=reply:421 Busy" "1:dot=close,2:greeting=reply:421 Busy"
                    (lambda (id _peer)
                      (mew-submit-queue--send id)
                      (should (eq 'queued (mew-submit-servers-tests--settle id)))
                      (mew-submit-queue--send id))
                    ("a" "b" "b" "b"))))
    (ert-info (a)
      (mew-submit-servers-tests--with (peer (concat "127.0.0.1:0,name=a,noauth," a)
                                            (concat "127.0.0.1:0,name=b,noauth," b)
                                            "127.0.0.1:0,name=c,refused")
        (let* ((account (mew-submit-servers-tests--account peer '("a" "b")))
               (mew-submit-accounts (list account)))
          (mew-submit-servers-tests--with-outbox (id account)
            (should (eq 'uncertain (mew-submit-servers-tests--settle id)))
            (let ((mew-submit-network-server--entries nil))
              (funcall again id peer)
              (mew-submit-servers-tests--settle id))
            (should (equal reached (mew-submit-servers-tests--reached peer)))))))))

(ert-deftest mew-submit-servers-tests-doubt-and-another-account ()
  "SECURITY: N13.  Servers, or routes, that an account got meanwhile end no doubt."
  (pcase-dolist (`(,old ,via ,new ,server)
                 '(((:server "a") nil (:server "b" :servers ((:server "A"))) "A")
                   ((:server "b" :servers ((:server "a"))) "a "
                    (:server "b" :servers ((:server "a" :routes "465:implicit"))) "a")
                   ((:server "a" :routes "1:none") nil
                    (:server "a" :servers ((:server "a" :routes "1:none"))) "a")))
    (let ((stay (mew-submit-queue--staying
                 (list :state 'uncertain :account old :via via) new)))
      (should-not (plist-get stay :servers))
      (should (equal server (plist-get stay :server)))
      (when (plist-get old :routes)
        (should (equal (plist-get old :routes) (plist-get stay :routes)))))))

(ert-deftest mew-submit-servers-tests-back-to-the-first ()
  "The password of the preferred server is there still when another was tried first."
  (mew-submit-servers-tests--with (peer "--user" "u" "--password" "p"
                                        "127.0.0.1:0,name=a,mechs=PLAIN"
                                        "127.0.0.1:0,name=b,refused")
    (let* ((account (mew-submit-servers-tests--account peer '("a" "b") :user "u"
                                                       :password "p"))
           (names (mapcar #'mew-submit-account--server-name
                          (mew-submit-account--servers account))))
      (mew-submit-network-server--learn names (cadr names) (mew-submit-network--primary))
      (mew-submit-servers-tests--with-outbox (id account)
        (should-not (mew-submit-servers-tests--settle id)))
      (should (equal '("a") (mew-submit-servers-tests--reached peer))))))

(ert-deftest mew-submit-servers-tests-own-log-in ()
  "SECURITY: N11.  What auth-source has for one server is not used for another."
  (mew-submit-servers-tests--with (peer "--user" "ub" "--password" "pb"
                                        "127.0.0.1:0,name=a,refused"
                                        "127.0.0.1:0,name=b,mechs=PLAIN")
    (let* ((noninteractive nil)
           (auth-source-do-cache nil)
           (auth-sources (list (mew-submit-test-write
                                (expand-file-name "authinfo" servers)
                                "machine 127.0.0.1 port 587 login ua password pa
machine localhost port 587 login ub password pb
")))
           (account (mew-submit-servers-tests--account peer '("a" "b")))
           (resolved (mew-submit-request--resolve account "me@x")))
      (should (equal "ua" (plist-get resolved :login)))
      (should (equal "delivered"
                     (plist-get (mew-submit-servers-tests--run
                                 (append (list :resolved resolved) account)
                                 :on-ask #'mew-submit-auth--answer)
                                :result))))))

(ert-deftest mew-submit-servers-tests-nobody-is-interrupted ()
  "A server whose log-in is behind a passphrase is passed over: nobody is asked."
  (mew-submit-servers-tests--with (peer "127.0.0.1:0,name=a,refused"
                                        "127.0.0.1:0,name=b,mechs=PLAIN")
    (let* ((noninteractive nil)
           (auth-sources (list (let ((file-name-handler-alist nil))
                                 (mew-submit-test-write
                                  (expand-file-name "authinfo.gpg" servers) ""))))
           (account (append (list :resolved '(:login "u"))
                            (mew-submit-servers-tests--account peer '("a" "b"))))
           asked)
      (cl-letf (((symbol-function 'mew-submit-auth--search)
                 (lambda (_) (when auth-sources (setq asked t)) nil))
                ((symbol-function 'mew-submit-auth--search-unlocked) #'ignore))
        (let ((done (mew-submit-servers-tests--run account)))
          (should (equal "deferred" (plist-get done :result)))
          (should (string-match-p "\\`127.0.0.1: No route.*; localhost: .*passphrase"
                                  (plist-get done :text)))
          (should-not asked)
          (should-not (mew-submit-servers-tests--reached peer)))))))

(ert-deftest mew-submit-servers-tests-by-the-web-port ()
  "A server at port 443 is a way out where the network has no other."
  (skip-unless (mew-submit-test-port-p 443))
  (let ((place (mew-submit-test-address 1)))
    (mew-submit-servers-tests--with
        (peer "127.0.0.1:0,name=a,refused"
              (format "%s:443,name=b,noauth,implicit,alpn=smtp" place))
      (let ((done (mew-submit-servers-tests--run
                   (list :server "127.0.0.1"
                         :routes (mew-submit-servers-tests--routes peer "a")
                         :ca-file (mew-submit-test-ca peer) :fallback 'always
                         :servers `((:server ,place :routes "443:implicit"
                                             :tls-name "localhost"))))))
        (should (equal "delivered" (plist-get done :result)))
        (should (eql 443 (plist-get done :port)))))))

(provide 'mew-submit-servers-tests)
;;; mew-submit-servers-tests.el ends here
