;;; mail.el --- Cases with Mail mode -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'clients "clients/clients")
(require 'sendmail)

(defun clients-mail ()
  "A mail with Fcc and an attachment."
  (clients-course
   :start (lambda () (setq mail-user-agent 'sendmail-user-agent))
   :compose (lambda ()
              (compose-mail clients-box clients-subject '(("FCC" . "~/sent")))
              (clients-should (derived-mode-p 'mail-mode))
              (goto-char (point-max))
              (clients-insert-mail)
              (setq mail-encode-mml t)
              (mail-send))
   :copies (lambda () (clients-mbox "~/sent"))))

;;; mail.el ends here
