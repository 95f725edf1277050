;;; gnus.el --- Cases with Gnus -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'clients "clients/clients")
(require 'gnus)
(require 'gnus-sum)
(require 'gnus-msg)
(require 'nnml)

(defun clients-gnus--start ()
  "Have a group with a mail in it, and Gnus."
  (setq gnus-select-method '(nnml "")
        gnus-home-directory "~/"
        gnus-directory "~/News/"
        message-directory "~/Mail/"
        nnml-directory "~/Mail/"
        gnus-read-newsrc-file nil
        gnus-save-newsrc-file nil
        gnus-use-dribble-file nil
        gnus-always-read-dribble-file nil
        gnus-message-highlight-citation nil ; not in batch mode
        gnus-novice-user nil
        gnus-interactive-exit nil
        gnus-large-newsgroup nil
        gnus-read-active-file t
        gnus-message-archive-method '(nnml "")
        gnus-message-archive-group "nnml:sent"
        mail-sources nil
        mail-source-crash-box "~/crash")
  (unless (file-exists-p "~/Mail/inbox/1")
    (clients-write
     "~/Mail/inbox/1"
     (format "From: %s\nTo: sender@example.org\nSubject: %s\n\
Message-ID: <1@example.net>\nDate: Mon, 01 Jan 2024 00:00:00 +0000\n\nA question\n"
             clients-box (rfc2047-encode-string clients-subject)))
    (clients-write "~/Mail/active" "inbox 1 1 y\n")
    (nnml-generate-nov-databases))
  (gnus)
  (gnus-group-get-new-news))

(defun clients-gnus--compose ()
  "Reply to the mail."
  (clients-should (gnus-group-read-group 1 t "inbox"))
  (gnus-summary-goto-article 1 nil t)
  (gnus-summary-reply)
  (clients-should (derived-mode-p 'message-mode))
  (clients-should (equal (message-fetch-field "Gcc") "nnml:sent"))
  (clients-insert-mail)
  (call-interactively (key-binding (kbd "C-c C-c"))))

(defun clients-gnus-reply ()
  "A reply, with a copy in a group (Gcc)."
  (clients-course :start #'clients-gnus--start
                  :compose #'clients-gnus--compose
                  :copies (lambda ()
                            (mapcar #'clients-gnus--plain
                                    (clients-files "~/Mail/sent/")))))

(defun clients-gnus--plain (octets)
  "Return OCTETS without the fields that Gnus adds to what it files."
  (replace-regexp-in-string "^\\(?:Xref\\|Lines\\):.*\n" "" octets))

;;; gnus.el ends here
