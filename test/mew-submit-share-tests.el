;;; mew-submit-share-tests.el --- Tests for who may share a connection -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Messages of one account go over one connection while it is kept; whatever could
;; make a difference to where they go, how safely and as whom, keeps them apart.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-test-helpers)

(defun mew-submit-share-tests--send (account &optional header)
  "Send a message with HEADER by ACCOUNT; return t if a connection was used again."
  (let* ((noninteractive nil)
         (reused 'none)
         (done (mew-submit-test-run
                account (concat header "From: me@x\nTo: a@x\n\nbody\n")
                :on-event (lambda (event)
                            (when (eq (plist-get event :event) 'connected)
                              (setq reused (plist-get event :reused)))))))
    (should (equal (plist-get done :result) "delivered"))
    reused))

(defconst mew-submit-share-tests--settings
  '((mew-submit-memory-file . nil) (mew-submit-keep-connection . 20) (auth-sources . nil))
  "Connections are kept for long, and nothing is known of servers or secrets.")

(ert-deftest mew-submit-share-tests-one-account-one-connection ()
  "Messages of an account share a connection, whatever each asks of the server."
  :tags '(:module)
  (mew-submit-test-with-peer (peer :bind mew-submit-share-tests--settings
                                   "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=a")
    (let ((account (lambda (&rest keys)
                     (apply #'mew-submit-test-account peer "a"
                            (append keys (list :name "one" :user "me" :password
                                               (copy-sequence "s3cret")))))))
      (should-not (mew-submit-share-tests--send (funcall account)))
      (should (mew-submit-share-tests--send (funcall account)))
      (should (mew-submit-share-tests--send
               (funcall account) "X-Mew-Submit-DSN-Notify: never\n"))
      (should (mew-submit-share-tests--send (funcall account :dsn-id "x")))
      (should (= 1 (length (mew-submit-test-log peer "connect"))))
      (should (= 1 (length (mew-submit-test-log peer "auth"))))
      (should-not (mew-submit-test-violations peer)))))

(ert-deftest mew-submit-share-tests-what-keeps-apart ()
  "Another name, level, user, file or way out means another connection.
\(SECURITY: B13)."
  :tags '(:module)
  (mew-submit-test-with-peer (peer :bind mew-submit-share-tests--settings
                                   "127.0.0.1:0,name=a")
    (let* ((ca (mew-submit-test--peer-file peer "ca.pem"))
           (account (lambda (&rest keys)
                      (apply #'mew-submit-test-account peer "a"
                             (append keys (list :name "one" :ca-file ca)))))
           (shared (lambda (&rest keys)
                     (mew-submit-share-tests--send (apply account keys)))))
      (copy-file (mew-submit-test-ca peer) ca)
      (should-not (funcall shared))
      (should (funcall shared))
      (dolist (keys (list '(:name "two") '(:tls opportunistic) '(:user "me")
                          '(:tls-name "localhost") '(:tls-minimum "1.3")
                          '(:helo "other.example") '(:source "127.0.0.2")
                          (list :ca-file (mew-submit-test-ca peer))
                          '(:server "localhost")))
        (ert-info ((format "%S" keys))
          (should-not (apply shared (append keys (and (plist-get keys :user)
                                                      '(:auth "none" :name "x")))))))
      (should (funcall shared))
      ;; A list of authorities that was changed is read again.
      (set-file-times ca 1)
      (should-not (funcall shared))
      (let ((mew-submit-pins (list (list "one" "127.0.0.1"
                                         (mew-submit-test-port peer "a")
                                         "sha256:00"))))
        (should-not (funcall shared))))))

(ert-deftest mew-submit-share-tests-a-fallback-is-not-smuggled-in ()
  "A kept connection to a less preferred port serves those who have said yes to it.
An account that never falls back does not get it, nor one whose answer was no."
  :tags '(:module)
  (mew-submit-test-with-peer (peer :bind mew-submit-share-tests--settings
                                   "127.0.0.1:0,name=shut,refused"
                                   "127.0.0.1:0,name=ok")
    (let* ((asked 0)
           (send (lambda (rule answer)
                   (let ((noninteractive nil))
                     (plist-get
                      (mew-submit-test-run
                       (list :server "127.0.0.1" :name "one" :fallback rule
                             :ca-file (mew-submit-test-ca peer)
                             :routes (format "%d:starttls,%d:starttls"
                                             (mew-submit-test-port peer "shut")
                                             (mew-submit-test-port peer "ok")))
                       "From: me@x\nTo: a@x\n\nbody\n"
                       :on-ask (lambda (_event) (cl-incf asked) answer))
                      :result)))))
      (should (equal (funcall send 'ask nil) "deferred"))
      (should (equal (funcall send 'ask nil) "deferred"))
      (should (= asked 2))
      (should (equal (funcall send 'ask "yes") "delivered"))
      (should (equal (funcall send 'ask nil) "delivered"))
      (should (= asked 3))
      (should (equal (funcall send 'never "yes") "deferred"))
      (should (equal (funcall send 'always nil) "delivered"))
      (should (= asked 3)))))

(ert-deftest mew-submit-share-tests-nothing-is-kept ()
  "Nothing is kept when the user wants that, nor in batch mode."
  :tags '(:module)
  (mew-submit-test-with-peer (peer :bind mew-submit-share-tests--settings
                                   "127.0.0.1:0,name=a")
    (let ((account (mew-submit-test-account peer "a")))
      (let ((mew-submit-keep-connection 0))
        (dotimes (_ 2)
          (should-not (mew-submit-share-tests--send account))))
      (dotimes (_ 2)
        (mew-submit-test-run account "From: me@x\nTo: a@x\n\nbody\n"))
      (should (= 4 (length (mew-submit-test-log peer "connect"))))
      (should-not (plist-member (mew-submit-request--make
                                 account (mew-submit-test-ca peer)
                                 '(("from" . "From: me@x")) '("me@x" "a@x"))
                                :share)))))

(provide 'mew-submit-share-tests)
;;; mew-submit-share-tests.el ends here
