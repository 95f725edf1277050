;;; notmuch.el --- Cases with notmuch -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'clients "clients/clients")

(declare-function message-fetch-field "message" (header &optional first))
(declare-function notmuch-mua-mail "notmuch-mua" (&rest args))
(defvar notmuch-fcc-dirs)
(defvar notmuch-maildir-use-notmuch-insert)

(defun clients-notmuch--start ()
  "Have a database."
  (unless (executable-find "notmuch")
    (clients-skip "notmuch is not installed: run make deps, or install it"))
  (clients-require 'notmuch)
  (make-directory "~/mail/in/cur" t)
  (make-directory "~/mail/in/new" t)
  (make-directory "~/mail/in/tmp" t)
  (setenv "NOTMUCH_CONFIG" (clients-write
                            "~/notmuch-config"
                            (format "[database]\npath=%s\n[user]\nname=Jörg\n\
primary_email=sender@example.org\n[new]\ntags=new\n"
                                    (expand-file-name "~/mail"))))
  (clients-should (zerop (call-process "notmuch" nil nil nil "new"))))

(defun clients-notmuch--compose ()
  "Compose a mail and send it."
  (notmuch-mua-mail clients-box clients-subject)
  (clients-should (derived-mode-p 'notmuch-message-mode))
  (clients-insert-mail)
  (clients-should (string-match-p "sent" (message-fetch-field "Fcc")))
  (call-interactively (key-binding (kbd "C-c C-c"))))

(defun clients-notmuch ()
  "notmuch itself keeps the copy, with a tag."
  (setq notmuch-fcc-dirs "sent +gone -unread")
  (clients-course :start #'clients-notmuch--start
                  :compose #'clients-notmuch--compose
                  :copies (lambda ()
                            (append (clients-files "~/mail/sent/cur")
                                    (clients-files "~/mail/sent/new"))))
  (clients-should
   (equal (string-trim (shell-command-to-string "notmuch count tag:gone")) "1")))

(defun clients-notmuch-files ()
  "The copy is a file in a maildir, as notmuch writes it."
  (setq notmuch-fcc-dirs "sent"
        notmuch-maildir-use-notmuch-insert nil)
  (clients-course :start #'clients-notmuch--start
                  :compose #'clients-notmuch--compose
                  :copies (lambda () (clients-files "~/mail/sent/cur"))))

;;; notmuch.el ends here
