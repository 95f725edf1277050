;;; rmail.el --- Cases with Rmail -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'clients "clients/clients")
(require 'message)
(require 'rmail)

(defun clients-rmail--start ()
  "Have a mail to read."
  (setq rmail-file-name
        (clients-write
         "~/RMAIL"
         (format "From x Mon Jan  1 00:00:00 2024\nFrom: %s\n\
To: sender@example.org\nSubject: %s\nMessage-ID: <1@example.net>\n\
Date: Mon, 01 Jan 2024 00:00:00 +0000\n\nThe question\n\n"
                 clients-box (rfc2047-encode-string clients-subject))))
  (rmail-input rmail-file-name)
  (clients-should (equal rmail-total-messages 1)))

(defun clients-rmail--reply ()
  "Reply to the mail."
  (set-buffer rmail-buffer)
  (rmail-reply t)
  (clients-should (derived-mode-p (if (eq mail-user-agent 'sendmail-user-agent)
                                      'mail-mode
                                    'message-mode)))
  (goto-char (point-min))
  (search-forward (concat "\n" mail-header-separator "\n"))
  (forward-line -1)
  (insert "Fcc: ~/sent\n")
  (clients-insert-mail)
  (when (derived-mode-p 'mail-mode)
    (setq mail-encode-mml t))
  (call-interactively (key-binding (kbd "C-c C-c"))))

(defun clients-rmail-reply ()
  "A reply in Message mode."
  (clients-course :start #'clients-rmail--start
                  :compose #'clients-rmail--reply
                  :copies (lambda () (clients-mbox "~/sent")))
  (with-current-buffer rmail-buffer
    (clients-should (rmail-message-attr-p 1 "\\`A"))))

(defun clients-rmail-reply-mail-mode ()
  "A reply in Mail mode."
  (setq mail-user-agent 'sendmail-user-agent)
  (clients-rmail-reply))

(defun clients-rmail-resend ()
  "A mail that is sent again."
  (clients-rmail--start)
  (mew-submit-mode 1)
  (with-current-buffer rmail-buffer
    (rmail-resend clients-box))
  (clients-wait-delivered)
  (let ((octets (clients-check-arrived)))
    (clients-should (equal (clients-header octets "Resent-To") clients-box))
    (clients-should (equal (clients-header octets "Message-ID")
                           "<1@example.net>"))))

;;; rmail.el ends here
