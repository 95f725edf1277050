;;; mew-submit-token-source.el --- Access tokens that others on this machine have -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the tokens of whoever has signed in already: the account in GNOME's
;; settings (GNOME Online Accounts, over D-Bus), and the package auth-source-xoauth2-plugin.
;;
;; None of it is waited for.  GNOME is asked in the background.  The package fetches tokens
;; while auth-source searches, and Emacs would stand still for that, so it is left out of
;; our own searches, and runs in an Emacs beside this one; no secret is in the arguments
;; of that.

;;; Code:

(require 'mew-submit-auth)
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-oauth)
(require 'mew-submit-setup-provider)
(require 'mew-submit-store)
(require 'seq)

(declare-function dbus-call-method-asynchronously "dbus" (bus &rest args))
(declare-function dbus-event-serial-number "dbus" (event))

(defvar auth-source-xoauth2-plugin-mode)
(defvar auth-sources)
(defvar dbus-event-error-functions)
(defvar oauth2-token-file)

;;; GNOME Online Accounts

(defconst mew-submit-token-source--patience 20
  "Seconds to wait for an answer over D-Bus.")

(defvar mew-submit-token-source--bus :session
  "The bus on which GNOME is.")

(defun mew-submit-token-source--bus-p ()
  "Is there a session bus, as far as can be told without starting one?
Without a user in front Emacs does not look what comes over it."
  (and (featurep 'dbusbind)
       (not noninteractive)
       (or (getenv "DBUS_SESSION_BUS_ADDRESS")
           (file-exists-p (format "/run/user/%d/bus" (user-uid))))
       (require 'dbus nil t)))

(defun mew-submit-token-source--call (path interface method callback)
  "Call METHOD of INTERFACE at PATH of GNOME Online Accounts.
CALLBACK is called once, with the list of what is answered, or with nil."
  (let* (serial timer hook
         (end (lambda (answer)
                (when callback
                  (remove-hook 'dbus-event-error-functions hook)
                  (cancel-timer timer)
                  (funcall (prog1 callback
                             (setq callback nil))
                           answer)))))
    (setq hook (lambda (event _err)
                 (when (equal serial (ignore-errors (dbus-event-serial-number event)))
                   (funcall end nil)))
          timer (run-at-time mew-submit-token-source--patience nil
                             #'mew-submit-background--call end nil))
    (add-hook 'dbus-event-error-functions hook)
    (condition-case nil
        (setq serial (car (last (dbus-call-method-asynchronously
                                 mew-submit-token-source--bus
                                 "org.gnome.OnlineAccounts" path interface method
                                 (lambda (&rest answer)
                                   (funcall end answer))))))
      (error (funcall end nil)))))

(defun mew-submit-token-source--property (object interface name)
  "Return the property NAME of INTERFACE of OBJECT, one of GNOME's, or nil."
  (car-safe (cadr (assoc name (cadr (assoc (concat "org.gnome.OnlineAccounts." interface)
                                           (cadr object)))))))

(defun mew-submit-token-source--gnome-path (objects user host)
  "Return the path of the account of USER in OBJECTS, what GNOME has, or nil.
HOST has to be the server that mail of it is sent by, if by another of the names
that its provider is known to have for it: whoever has another server named
wants the mailbox of its user."
  (car (seq-find
        (lambda (object)
          (and (assoc "org.gnome.OnlineAccounts.OAuth2Based" (cadr object))
               (not (mew-submit-token-source--property object "Account" "MailDisabled"))
               (mew-submit-setup-provider--same-p
                host (car (split-string (or (mew-submit-token-source--property
                                             object "Mail" "SmtpHost")
                                            "")
                                        ":")))
               (member user (list (mew-submit-token-source--property
                                   object "Mail" "EmailAddress")
                                  (mew-submit-token-source--property
                                   object "Account" "PresentationIdentity")))))
        objects)))

(defun mew-submit-token-source--gnome (user host callback)
  "Call CALLBACK with GNOME's access token of USER for HOST, or with nil, later."
  (mew-submit-token-source--call
   "/org/gnome/OnlineAccounts" "org.freedesktop.DBus.ObjectManager" "GetManagedObjects"
   (lambda (answer)
     (let ((path (ignore-errors
                   (mew-submit-token-source--gnome-path (car answer) user host))))
       (if (null path)
           (funcall callback nil)
         ;; GNOME renews the token where that is needed.
         (mew-submit-token-source--call
          path "org.gnome.OnlineAccounts.Account" "EnsureCredentials"
          (lambda (_expires)
            (mew-submit-token-source--call
             path "org.gnome.OnlineAccounts.OAuth2Based" "GetAccessToken"
             (lambda (answer)
               (funcall callback (and (stringp (car answer)) (car answer))))))))))))

;;; auth-source-xoauth2-plugin

(defun mew-submit-token-source--plugin-p ()
  "Is the package auth-source-xoauth2-plugin switched on?"
  (and (bound-and-true-p auth-source-xoauth2-plugin-mode)
       (locate-library "auth-source-xoauth2-plugin")))

(defun mew-submit-token-source--plugin-form ()
  "Return what to have the other Emacs print a token with."
  `(progn
     (require 'auth-source-xoauth2-plugin)
     (setq auth-sources ',auth-sources
           ,@(and (boundp 'oauth2-token-file)
                  `(oauth2-token-file ,oauth2-token-file)))
     (auth-source-xoauth2-plugin-mode 1)
     (let* ((found (car (auth-source-search
                         :host (getenv "MEW_SUBMIT_HOST") :user (getenv "MEW_SUBMIT_USER")
                         :max 1 :require '(:secret))))
            (secret (plist-get found :secret)))
       (when (equal (plist-get found :auth) "xoauth2")
         (princ (if (functionp secret) (funcall secret) secret))))))

(defun mew-submit-token-source--plugin-command ()
  "Return the command that has the package print a token, a list."
  (append (list (expand-file-name invocation-name invocation-directory) "-Q" "--batch")
          (mapcan (lambda (library)
                    (when-let* ((file (locate-library library)))
                      (list "-L" (file-name-directory file))))
                  '("auth-source-xoauth2-plugin" "oauth2"))
          (list "--eval" (mew-submit-store--text (mew-submit-token-source--plugin-form)))))

(defun mew-submit-token-source--plugin (event callback)
  "Have the package find a token for EVENT; call CALLBACK with that, or with nil."
  (condition-case nil
      (mew-submit-auth--note-command
       (plist-get event :job)
       (mew-submit-oauth--launch (mew-submit-token-source--plugin-command)
                             (plist-get event :user) (plist-get event :host)
                             (plist-get event :refresh)
                             (lambda (token _why) (funcall callback token))))
    (mew-submit-error (funcall callback nil))))

;;; All of them

(defun mew-submit-token-source--reply (event token reply)
  "Call REPLY with TOKEN as the answer to EVENT, or with nil if it is none."
  (let ((octets (and token (encode-coding-string token 'utf-8))))
    (funcall reply (and octets (mew-submit-caseless--exactly-p "\\`[ -~]+\\'" octets)
                        (cons (plist-get event :user) octets)))))

;;;###autoload
(defun mew-submit-token-source-answer (event account)
  "Return what answers the question EVENT for an access token of ACCOUNT, or nil.
It is a function that takes the function to answer with, which is called with
nil when nobody here has a token after all.  This is on
`mew-submit-auth--token-functions'."
  (let ((gnome (and (eq (plist-get account :oauth) t)
                    (plist-get event :user)
                    (mew-submit-token-source--bus-p)))
        (plugin (and (plist-get event :user)
                     (mew-submit-token-source--plugin-p))))
    (when (or gnome plugin)
      (lambda (reply)
        (let ((second (lambda ()
                        (if plugin
                            (mew-submit-token-source--plugin
                             event (lambda (token)
                                     (mew-submit-token-source--reply event token reply)))
                          (funcall reply nil)))))
          (if (not gnome)
              (funcall second)
            (mew-submit-token-source--gnome
             (plist-get event :user) (plist-get event :host)
             (lambda (token)
               (if token
                   (mew-submit-token-source--reply event token reply)
                 (funcall second))))))))))

(provide 'mew-submit-token-source)
;;; mew-submit-token-source.el ends here
