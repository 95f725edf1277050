;;; mew-submit-sign-in-tests.el --- Tests for signing in -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Sign-ins with an issuer of test/issuer, by browser and by code, up to a mail that a
;; server takes with the token; and what attackers do to them.

;;; Code:

(require 'ert)
(require 'mew-submit)
(require 'mew-submit-sign-in)
(require 'mew-submit-test-helpers)

(load (expand-file-name "test/issuer/issuer" mew-submit-test-root) nil t)

(defconst mew-submit-sign-in-tests--token "ya29.T0ken-good_abcdefghijklmnop~+/=="
  "The token that the mail server takes.")

;;; From nothing to a mail

(ert-deftest mew-submit-sign-in-tests-to-a-mail ()
  "Who signs in with a browser, or with a code, sends mail with the token."
  :tags '(:module)
  (mew-submit-issuer-test-with issuer
    (mew-submit-test-with-peer
        (peer "--user" "me@x" "--password" mew-submit-sign-in-tests--token
              "127.0.0.1:0,name=x,mechs=XOAUTH2" "127.0.0.1:0,name=b,mechs=OAUTHBEARER")
      (mew-submit-issuer-test-behave issuer :access mew-submit-sign-in-tests--token
                                     :device_answers ["authorization_pending"])
      (pcase-dolist (`(,name ,method ,mechanism)
                     '(("x" browser "XOAUTH2") ("b" code "OAUTHBEARER")))
        (ert-info (name)
          (mew-submit-issuer-test-forget)
          (let* ((account (apply #'mew-submit-issuer-test-account issuer
                                 (mew-submit-test-account peer name)))
                 (result (mew-submit-issuer-test-sign-in account :method method)))
            (should (equal (list (plist-get result :result) (plist-get result :text))
                           (list "signed-in" "me@x is signed in at localhost")))
            (should (plist-get result :kept))
            ;; Another Emacs has to renew it.
            (dolist (new '(nil t))
              (when new
                (mew-submit-issuer-test-forget))
              (let ((done (mew-submit-test-run
                           account "From: me@x\nTo: a@x\n\nbody\n"
                           :on-ask #'mew-submit-dialog-answer)))
                (should (equal (plist-get done :result) "delivered"))
                (should (equal (plist-get done :auth) mechanism)))))))
      (should-not (mew-submit-test-violations peer)))))

(provide 'mew-submit-sign-in-tests)
;;; mew-submit-sign-in-tests.el ends here
