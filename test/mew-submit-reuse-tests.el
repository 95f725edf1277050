;;; mew-submit-reuse-tests.el --- One connection for several messages -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Jobs that share everything go one after the other over one connection while it
;; is kept; TLS sessions are resumed for them and for nobody else.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'mew-submit-session)

(declare-function mew-submit--mod-jobs "ext:mew-submit-module" ())

(defun mew-submit-reuse-tests--send (peer name share keep &optional recipient)
  "Send a message to PEER's listener NAME with SHARE and KEEP, and wait.
Return (RESULT REUSED RESUMED).  RECIPIENT is its only one."
  (mew-submit-test-with-directory directory
    (let* ((events nil)
           (session
            (mew-submit-session-start
             (list :host "127.0.0.1" :race t :attempt-delay 250
                   :routes `((,(mew-submit-test-port peer name) ipv4 starttls))
                   :connect-timeout 10000 :step-timeout 10000 :tls 'required
                   :ca-file (mew-submit-test-ca peer) :helo "localhost"
                   :user "me" :password (copy-sequence "secret")
                   :from "me@example.org"
                   :recipients (list (or recipient "you@example.net"))
                   :file (mew-submit-test-write
                          (expand-file-name "m" directory) "Subject: x\r\n\r\nx\r\n")
                   :share share :keep keep)
             :on-event (lambda (event) (push event events))))
           (done (mew-submit-session-wait session 20))
           (get (lambda (type key)
                  (plist-get (seq-find (lambda (event)
                                         (eq (plist-get event :event) type))
                                       events)
                             key))))
      (list (plist-get done :result) (funcall get 'connected :reused)
            (funcall get 'tls :resumed)))))

(defmacro mew-submit-reuse-tests--with-peer (peer listeners &rest body)
  "Run BODY with PEER bound to a server with LISTENERS; then let go of all."
  (declare (indent 2))
  `(mew-submit-test-with-peer (,peer "--user" "me" "--password" "secret"
                                     ,@listeners)
     (unwind-protect
         (progn ,@body)
       (mew-submit-session-stop))))

(defun mew-submit-reuse-tests--connections (peer)
  "Return how many connections PEER has taken."
  (length (mew-submit-test-log peer "connect")))

(ert-deftest mew-submit-reuse-tests-one-connection ()
  "Messages of one account go over one connection, refused ones in between."
  (mew-submit-reuse-tests--with-peer peer
      ("127.0.0.1:0,name=a,rcpt#2=reply:550 5.1.1 No such user")
    (should (equal (mew-submit-reuse-tests--send peer "a" "k" 5000)
                   '("delivered" nil nil)))
    (should (equal (mew-submit-reuse-tests--send peer "a" "k" 5000 "no@example.net")
                   '("refused" t nil)))
    (should (equal (mew-submit-reuse-tests--send peer "a" "k" 5000)
                   '("delivered" t nil)))
    (should (equal (mew-submit-reuse-tests--send peer "a" "another" 5000)
                   '("delivered" nil nil)))
    (should (= (mew-submit-reuse-tests--connections peer) 2))
    (should (mew-submit-test-stored peer 3))
    (should-not (mew-submit-test-stored peer 4))
    (should-not (seq-filter (lambda (line) (plist-get line :violation))
                            (mew-submit-test-log peer)))))

(ert-deftest mew-submit-reuse-tests-nothing-is-shared-unasked ()
  "Without a share, and when nothing is kept, each message has its own connection."
  (mew-submit-reuse-tests--with-peer peer ("127.0.0.1:0,name=a")
    (should (equal (mew-submit-reuse-tests--send peer "a" nil 5000)
                   '("delivered" nil nil)))
    (should (equal (mew-submit-reuse-tests--send peer "a" "k" 0)
                   '("delivered" nil nil)))
    (should (equal (mew-submit-reuse-tests--send peer "a" "k" 5000)
                   '("delivered" nil nil)))
    (should (= (mew-submit-reuse-tests--connections peer) 3))))

(ert-deftest mew-submit-reuse-tests-a-dead-connection-is-replaced ()
  "A server that has closed the kept connection gets a new one, and the mail."
  (mew-submit-reuse-tests--with-peer peer ("127.0.0.1:0,name=a,dot=closeafter"
                                           "127.0.0.1:0,name=b,1:mail#2=close")
    (dolist (name '("a" "a" "b" "b"))
      (should (equal (car (mew-submit-reuse-tests--send peer name name 5000))
                     "delivered")))
    (should (= (mew-submit-reuse-tests--connections peer) 4))))

(ert-deftest mew-submit-reuse-tests-a-kept-connection-ends ()
  "A connection that nobody wants any more is closed in good order."
  (mew-submit-reuse-tests--with-peer peer ("127.0.0.1:0,name=a")
    (mew-submit-reuse-tests--send peer "a" "k" 50)
    (mew-submit-test-until ("the thread to end")
      (zerop (mew-submit--mod-jobs)))
    (mew-submit-test-until ("QUIT")
      (seq-find (lambda (line) (equal (plist-get line :text) "QUIT"))
                (mew-submit-test-log peer)))))

(ert-deftest mew-submit-reuse-tests-tls-is-resumed ()
  "A ticket is used for the same share and server, and for no other.
\(SECURITY: B13)."
  (mew-submit-reuse-tests--with-peer peer ("127.0.0.1:0,name=a,tickets"
                                           "127.0.0.1:0,name=b,tickets")
    (pcase-dolist (`(,name ,share ,resumed)
                   ;; Each behind a ticket that would do, were it not another's.
                   '(("a" "t" nil) ("a" "u" nil) ("a" "t" t) ("a" "u" t)
                     ("a" "t" t) ("b" "t" nil) ("a" "v" nil)))
      (ert-info ((format "%s %s" name share))
        (should (equal (mew-submit-reuse-tests--send peer name share 0)
                       (list "delivered" nil resumed)))
        (mew-submit-test-until ("the connection to end")
          (zerop (mew-submit--mod-jobs)))))))

(provide 'mew-submit-reuse-tests)
;;; mew-submit-reuse-tests.el ends here
