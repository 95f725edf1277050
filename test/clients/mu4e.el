;;; mu4e.el --- Cases with mu4e -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'clients "clients/clients")

(declare-function message-goto-subject "message" ())
(declare-function message-goto-to "message" ())
(declare-function mu4e "mu4e" (&optional background))
(declare-function mu4e-compose-new "mu4e-compose" ())
(declare-function mu4e-quit "mu4e" ())
(declare-function mu4e-root-maildir "mu4e-server" ())
(declare-function mu4e-running-p "mu4e-server" ())
(defvar message-fcc-handler-function)
(defvar mu4e-compose-signature)
(defvar mu4e-confirm-quit)
(defvar mu4e-drafts-folder)
(defvar mu4e-sent-folder)
(defvar mu4e-trash-folder)

(defun clients-mu4e--start ()
  "Have a database and its server."
  (unless (executable-find "mu")
    (clients-skip "mu is not installed: run make deps, or install it"))
  (clients-require 'mu4e)
  (dolist (folder '("inbox" "sent" "drafts" "trash"))
    (dolist (name '("cur" "new" "tmp"))
      (make-directory (format "~/Maildir/%s/%s" folder name) t)))
  (clients-should
   (zerop (call-process "mu" nil nil nil "init"
                        (concat "--maildir=" (expand-file-name "~/Maildir"))
                        "--my-address=sender@example.org")))
  (clients-should (zerop (call-process "mu" nil nil nil "index")))
  (setq mu4e-confirm-quit nil
        mu4e-sent-folder "/sent"
        mu4e-drafts-folder "/drafts"
        mu4e-trash-folder "/trash"
        mu4e-compose-signature nil)
  (mu4e t)
  (clients-until "mu"
    (and (mu4e-running-p) (ignore-errors (mu4e-root-maildir)))))

(defun clients-mu4e--compose ()
  "Compose a mail and send it."
  (let ((before (default-value 'message-fcc-handler-function)))
    (mu4e-compose-new)
    (clients-until "the draft"
      (seq-some (lambda (buffer)
                  (with-current-buffer buffer
                    (and (derived-mode-p 'mu4e-compose-mode) buffer)))
                (buffer-list)))
    (set-buffer (seq-find (lambda (buffer)
                            (with-current-buffer buffer
                              (derived-mode-p 'mu4e-compose-mode)))
                          (buffer-list)))
    (message-goto-to)
    (insert clients-box)
    (message-goto-subject)
    (insert clients-subject)
    (clients-insert-mail)
    (let ((draft (buffer-file-name)))
      (call-interactively (key-binding (kbd "C-c C-c")))
      (clients-until "the draft to go" (not (file-exists-p draft))))
    (clients-should (eq (default-value 'message-fcc-handler-function) before))))

(defun clients-mu4e ()
  "The copy is in the folder for sent mail, and mu knows it."
  (clients-course :start #'clients-mu4e--start
                  :compose #'clients-mu4e--compose
                  :copies (lambda () (clients-files "~/Maildir/sent/cur")))
  ;; mu commits when it ends.
  (mu4e-quit)
  (clients-until "mu to end" (not (mu4e-running-p)))
  (clients-until "mu to know the copy"
    (string-match-p "sent/cur"
                    (shell-command-to-string
                     "mu find --fields l maildir:/sent"))))

;;; mu4e.el ends here
