;;; mew-submit-token-source-tests.el --- Tests for tokens that others have -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Tokens of entries in auth-source, of a stand-in for auth-source-xoauth2-plugin, and of a
;; stand-in for GNOME Online Accounts on a bus of our own.

;;; Code:

(require 'auth-source)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-test-helpers)
(require 'mew-submit-token-source)

(declare-function auth-source-xoauth2-plugin-mode "auth-source-xoauth2-plugin" (&optional arg))

(defmacro mew-submit-token-source-tests--with (spec &rest body)
  "Run BODY with a server that takes \"good-token\"; SPEC is (PEER AUTHINFO).
AUTHINFO is bound to the file that auth-source reads."
  (declare (indent 1) (debug ((symbolp symbolp) body)))
  `(mew-submit-test-with-peer
       (,(car spec) "--user" "me@x" "--password" "good-token"
        "127.0.0.1:0,name=x,mechs=XOAUTH2" "127.0.0.1:0,name=p,mechs=PLAIN:XOAUTH2")
     (let* ((,(cadr spec) (mew-submit-test--peer-file ,(car spec) "authinfo"))
            (auth-sources (list ,(cadr spec)))
            (mew-submit-oauth2-token-command nil))
       (auth-source-forget-all-cached)
       ,@body)))

(defun mew-submit-token-source-tests--send (peer &rest keys)
  "Send a mail to PEER by an account with KEYS; return the `done' event."
  (mew-submit-test-run (apply #'mew-submit-test-account peer "x" (append keys '(:user "me@x")))
                       "From: me@x\nTo: a@x\n\nbody\n" :on-ask #'mew-submit-dialog--answer))

(ert-deftest mew-submit-token-source-tests-entries ()
  "An entry for XOAUTH2 gives a token without a word in the account; another does not."
  :tags '(:module)
  (mew-submit-token-source-tests--with (peer authinfo)
    (pcase-dolist (`(,more ,mechanism)
                   '(("auth xoauth2" "XOAUTH2") ("smtp-auth xoauth2" "XOAUTH2")
                     ("smtp-auth XOAUTH2 port 587" "XOAUTH2")
                     ("auth xoauth2 port imap") ("smtp-auth plain") ("")))
      (ert-info (more)
        (mew-submit-test-write authinfo
                               (format "machine 127.0.0.1 login me@x password good-token %s\n"
                                       more))
        (auth-source-forget-all-cached)
        (let ((done (mew-submit-token-source-tests--send peer)))
          (should (equal (plist-get done :auth) mechanism))
          (should (eq (equal (plist-get done :result) "delivered") (and mechanism t))))))))

(ert-deftest mew-submit-token-source-tests-plugin ()
  "The package's tokens are used; it fetches them in another Emacs, not in this one."
  :tags '(:module)
  (mew-submit-token-source-tests--with (peer authinfo)
    (let ((load-path (cons (expand-file-name "test/issuer/plugin" mew-submit-test-root)
                           load-path))
          (token (mew-submit-test-write (concat authinfo ".token") "good-token")))
      (mew-submit-test-write authinfo (format "machine 127.0.0.1 login me@x auth xoauth2 \
token-url %s client-id x\n" token))
      (require 'auth-source-xoauth2-plugin)
      (unwind-protect
          (progn
            (auth-source-xoauth2-plugin-mode 1)
            (should (equal (plist-get (mew-submit-token-source-tests--send peer) :result)
                           "delivered"))
            (should (advice-member-p 'auth-source-xoauth2-plugin--search-backends
                                     'auth-source-search-backends))
            (let ((pids (mapcar #'string-to-number
                                (split-string (mew-submit-test-octets
                                               (concat token ".pid"))))))
              (should pids)
              (should-not (memql (emacs-pid) pids)))
            (should-not mew-submit-auth--commands)
            ;; What it cannot give is said to be missing.
            (delete-file token)
            (should (equal (plist-get (mew-submit-token-source-tests--send peer) :kind)
                           "auth")))
        (auth-source-xoauth2-plugin-mode -1)))))

;;; GNOME

(defconst mew-submit-token-source-tests--gnome
  '(let ((name "org.gnome.OnlineAccounts")
         (root "/org/gnome/OnlineAccounts")
         (bus (getenv "BUS")))
     (require 'dbus)
     (dbus-init-bus bus)
     (dolist (account '(("1" "other@x" nil) ("2" "me@x" nil) ("3" "off@x" t)
                        ("4" "me@outlook.com" nil "smtp.office365.com:587")))
       (let ((path (concat root "/Accounts/account_" (car account))))
         (dbus-register-property bus name path (concat name ".Mail") "EmailAddress" :read
                                 (nth 1 account) nil t)
         (dbus-register-property bus name path (concat name ".Mail") "SmtpHost" :read
                                 (or (nth 3 account) "127.0.0.1:587") nil t)
         (dbus-register-property bus name path (concat name ".Account") "MailDisabled" :read
                                 (nth 2 account) nil t)
         (dbus-register-property bus name path (concat name ".OAuth2Based") "ClientId" :read
                                 "x" nil t)
         (dbus-register-method bus name path (concat name ".Account") "EnsureCredentials"
                               (lambda () (list :int32 3600)) t)
         (dbus-register-method bus name path (concat name ".OAuth2Based") "GetAccessToken"
                               (lambda ()
                                 (list :string (if (string-prefix-p "me@" (nth 1 account))
                                                   "good-token" "bad-token")
                                       :int32 3600))
                               t)))
     (dbus-register-method bus name root "org.freedesktop.DBus.ObjectManager"
                           "GetManagedObjects" #'dbus-managed-objects-handler t)
     (dbus-register-service bus name)
     (message "ready")
     (while t
       (read-event nil nil 0.1)))
  "What is GNOME Online Accounts, with four accounts.")

(defun mew-submit-token-source-tests--process (name command)
  "Start COMMAND, called NAME, until Emacs ends: that cannot leave a bus again."
  (let ((process (make-process :name name :noquery t :connection-type 'pipe
                               :buffer (generate-new-buffer (format " *%s*" name))
                               :sentinel #'ignore :command command)))
    (add-hook 'kill-emacs-hook (lambda () (delete-process process)))
    process))

(defun mew-submit-token-source-tests--said (process regexp)
  "Wait until PROCESS has said something that REGEXP matches, and return that."
  (mew-submit-test-until ((format "%s to say %s" process regexp))
    (with-current-buffer (process-buffer process)
      (goto-char (point-min))
      (and (re-search-forward regexp nil t)
           (match-string 0)))))

(defun mew-submit-token-source-tests--gnome-on (bus)
  "Start what looks like GNOME on BUS, an address."
  ;; With one as the session's Emacs would take what comes for that one's.
  (let ((process-environment (append (list (concat "BUS=" bus) "DBUS_SESSION_BUS_ADDRESS")
                                     process-environment)))
    (mew-submit-token-source-tests--said
     (mew-submit-token-source-tests--process
      "gnome" (list mew-submit-test-emacs "-Q" "--batch" "--eval"
                    (prin1-to-string mew-submit-token-source-tests--gnome)))
     "^ready$")))

(defun mew-submit-token-source-tests--bus ()
  "Start a bus, on which there is what looks like GNOME; return its address."
  (let ((bus (mew-submit-token-source-tests--said
              (mew-submit-token-source-tests--process
               "bus" '("dbus-daemon" "--session" "--nofork" "--print-address=1"))
              "^unix:.*$")))
    (mew-submit-token-source-tests--gnome-on bus)
    (require 'dbus)
    (dbus-init-bus bus)
    bus))

(ert-deftest mew-submit-token-source-tests-gnome ()
  "SECURITY: S11.  GNOME's token is for its account's server; without one others are asked."
  :tags '(:module)
  (skip-unless (featurep 'dbusbind))
  (skip-unless (executable-find "dbus-daemon"))
  (let ((mew-submit-token-source--bus (mew-submit-token-source-tests--bus)))
    (pcase-dolist (`(,user ,host ,expected)
                   '(("me@x" "127.0.0.1" "good-token") ("other@x" "127.0.0.1" "bad-token")
                     ("off@x" "127.0.0.1" nil) ("nobody@x" "127.0.0.1" nil)
                     ("me@x" "smtp.evil.example" nil) ("me@x" "127.0.0.1.evil.example" nil)
                     ;; GNOME has the name of another server of the same provider.
                     ("me@outlook.com" "smtp-mail.outlook.com" "good-token")
                     ("me@outlook.com" "smtp.gmail.com" nil)))
      (ert-info ((format "%s at %s" user host))
        (let ((result 'none))
          (mew-submit-token-source--gnome user host (lambda (token) (setq result token)))
          (mew-submit-test-until ("GNOME's answer")
            (read-event nil nil 0.05)
            (not (eq result 'none)))
          (should (equal result expected)))))
    (mew-submit-token-source-tests--with (peer authinfo)
      (let ((noninteractive nil)
            ;; That there is one, but not this: Emacs 30 takes a bus at the address that
            ;; stands here for `:session', to which this Emacs has no connection.
            (process-environment (cons "DBUS_SESSION_BUS_ADDRESS=unix:path=/elsewhere"
                                       process-environment))
            (account (mew-submit-test-account peer "x" :user "me@x" :oauth t)))
        (mew-submit-test-write authinfo "")
        (let ((session (mew-submit-parcel--submit
                        (mew-submit-test-write (concat authinfo ".m")
                                               "From: me@x\nTo: a@x\n\nbody\n")
                        :account account :on-ask #'mew-submit-dialog--answer)))
          (mew-submit-test-until ("the mail")
            (read-event nil nil 0.05)
            (mew-submit-job-done session))
          (should (equal (plist-get (mew-submit-job-done session) :result)
                         "delivered")))))))

(provide 'mew-submit-token-source-tests)
;;; mew-submit-token-source-tests.el ends here
