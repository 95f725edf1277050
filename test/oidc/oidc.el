;;; oidc.el --- Signing in at a real OpenID Connect provider -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; That our issuer for tests and our sign-in are not wrong together: the same with
;; oidc-provider, whose pages a user with a browser fills in.  See run beside this.

;;; Code:

(require 'ert)
(require 'mew-submit)
(require 'mew-submit-test-helpers)

(require 'mew-submit-issuer-test "issuer/issuer.el")

(defmacro mew-submit-oidc-with (spec &rest body)
  "Run BODY with a variable bound to the address of a provider that Emacs trusts.
SPEC is that variable, or (VARIABLE ARGUMENT...) with more for the provider."
  (declare (indent 1) (debug (sexp body)))
  `(mew-submit-test-with-directory directory
     (let* ((certificate (mew-submit-issuer-test--certificate))
            (gnutls-trustfiles (list (expand-file-name "ca.pem" certificate)))
            (mew-submit-token-directory (expand-file-name "tokens/" directory))
            (mew-submit-issuer-clients-file (expand-file-name "clients.eld" directory))
            (auth-sources (list (mew-submit-test-write (expand-file-name "authinfo" directory)
                                                       "")))
            (auth-source-save-behavior t)
            (process (make-process
                      :name "oidc" :noquery t :connection-type 'pipe :sentinel #'ignore
                      :buffer (generate-new-buffer " *oidc*")
                      :command (list "node" (expand-file-name "test/oidc/server.mjs"
                                                              mew-submit-test-root)
                                     certificate ,@(cdr (ensure-list spec))))))
       (mew-submit-issuer-test-forget)
       (unwind-protect
           (let ((,(car (ensure-list spec)) (mew-submit-test-until ("the provider")
                         (with-current-buffer (process-buffer process)
                           (goto-char (point-min))
                           (unless (process-live-p process)
                             (ert-fail (buffer-string)))
                           (and (re-search-forward "^https://localhost:[0-9]+$" nil t)
                                (match-string 0))))))
             ,@body)
         (mew-submit-sign-in-cancel)
         (delete-process process)
         (kill-buffer (process-buffer process))))))

(defun mew-submit-oidc--get (account &optional force)
  "Return (ACCESS PROBLEM) for ACCOUNT; FORCE is as for `mew-submit-token--get'."
  (let (result)
    (mew-submit-token--get account (lambda (&rest got) (setq result got)) force)
    (mew-submit-test-until ("a token, or why there is none")
      result)))

(defun mew-submit-oidc--check (account &rest keys)
  "Sign in to ACCOUNT with KEYS, renew the token three times, and sign out."
  (let ((result (apply #'mew-submit-issuer-test-sign-in account keys))
        (why 'none))
    (should (equal (list (plist-get result :result) (plist-get result :text)
                         (plist-get result :kept))
                   '("signed-in" "me@x is signed in at localhost" t)))
    (dotimes (_ 3)
      (mew-submit-issuer-test-forget)
      (should (car (mew-submit-oidc--get account))))
    (mew-submit-sign-out account :callback (lambda (end) (setq why end)))
    (mew-submit-test-until ("the sign-out")
      (not (eq why 'none)))
    (should-not why)
    (should (eq 'consent (car (cadr (mew-submit-oidc--get account)))))))

(ert-deftest mew-submit-oidc-browser ()
  "By a browser, with a client id that somebody has got."
  (mew-submit-oidc-with url
    (mew-submit-oidc--check (list :name "oidc" :user "me@x" :oauth
                                  (list :issuer url :client-id "emacs" :scope "openid mail"))
                            :method 'browser)))

(ert-deftest mew-submit-oidc-code ()
  "By a code that is typed in a browser anywhere."
  (mew-submit-oidc-with url
    (mew-submit-oidc--check (list :name "oidc" :user "me@x" :oauth
                                  (list :issuer url :client-id "emacs" :scope "openid mail"))
                            :method 'code
                            :on-event (lambda (event)
                                        (when (eq (plist-get event :step) 'code)
                                          (mew-submit-issuer-test-browse
                                           (plist-get event :complete)))))))

(ert-deftest mew-submit-oidc-registered ()
  "As a program that registers itself."
  (mew-submit-oidc-with url
    (mew-submit-oidc--check (list :name "oidc" :user "me@x" :oauth
                                  (list :issuer url :scope "openid mail"))
                            :method 'browser)))

(ert-deftest mew-submit-oidc-reused ()
  "A refresh token that somebody else has used is told as what it is."
  (mew-submit-oidc-with url
    (let ((account (list :name "oidc" :user "me@x" :oauth
                         (list :issuer url :client-id "emacs" :scope "openid mail"))))
      (should (plist-get (mew-submit-issuer-test-sign-in account :method 'browser) :kept))
      (let* ((file (mew-submit-token--file account ".token"))
             (old (mew-submit-test-octets file)))
        (should (car (mew-submit-oidc--get account t)))
        (mew-submit-test-write file old)
        (mew-submit-issuer-test-forget)
        (pcase-let ((`(,access ,problem) (mew-submit-oidc--get account)))
          (should-not access)
          (should (eq (car problem) 'consent)))))))

(provide 'oidc)
;;; oidc.el ends here
