;;; mew.el --- Cases with Mew -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'clients "clients/clients")

(declare-function mew "mew" (&optional arg))
(declare-function mew-attach-copy "mew-attach" (&optional from to))
(declare-function mew-draft-prepare-attachments "mew-attach" (&optional no-scroll))
(declare-function mew-header-end "mew-header" ())
(declare-function mew-send "mew-draft" (&optional to cc subject))
(declare-function mew-submit-mew-mode "mew-submit-mew" (&optional arg))
(declare-function mew-submit-mew--send "mew-submit-mew" (case qfld msgs &optional fallbacked))
(defvar mew-conf-path)
(defvar mew-smtp-log-file)

(defun clients-mew--start ()
  "Have Mew with a case that knows the server."
  (add-to-list 'load-path "/usr/share/emacs/site-lisp/mew")
  (clients-require 'mew)
  (require 'mew-submit-mew)
  (setq clients-bcc-in-copies nil)
  (clients-write
   "~/.mew.el"
   (format "%S\n"
           `(setq mew-name "Jörg Sender" mew-user "sender"
                  mew-mail-domain "example.org"
                  mew-ask-send nil mew-auto-get nil mew-ask-subject nil mew-ask-fcc nil
                  mew-config-alist
                  '(("default"
                     ("proto" "+")
                     ("smtp-server" ,(getenv "SMTP_HOST"))
                     ("smtp-port" "submission")
                     ("smtp-user" "alice"))))))
  (dolist (folder '("inbox" "sent" "kept" "queue" "draft"))
    (make-directory (concat "~/Mail/" folder) t))
  ;; A case of Mew does not know whom to trust.
  (advice-add 'mew-submit-mew--account :filter-return
              (lambda (account)
                (append (list :ca-file (getenv "SMTP_CA_FILE") :fallback 'never)
                        account)))
  (mew))

(defun clients-mew--compose (&rest fields)
  "Compose a mail with FIELDS and an attachment, and send it."
  (mew-send clients-box "" clients-subject)
  (clients-should (derived-mode-p 'mew-draft-mode))
  (goto-char (point-min))
  (dolist (field fields)
    (insert field "\n"))
  (goto-char (mew-header-end))
  (forward-line)
  (insert clients-text)
  (mew-draft-prepare-attachments)
  (mew-attach-copy clients-attachment
                   (file-name-nondirectory clients-attachment))
  (call-interactively (key-binding (kbd "C-c C-c"))))

(defun clients-mew--copies ()
  "Return what was filed."
  (append (clients-files "~/Mail/sent") (clients-files "~/Mail/kept")))

(defun clients-mew--log ()
  "Return Mew's log."
  (let ((file (expand-file-name mew-smtp-log-file mew-conf-path)))
    (if (file-exists-p file) (clients-read file) "")))

(defun clients-mew ()
  "A mail with two Fcc folders and a blind copy; the log tells of it."
  (clients-course
   :mode (lambda (arg)
           (mew-submit-mew-mode arg)
           (clients-should (eq (and (advice-member-p #'mew-submit-mew--send
                                                     'mew-smtp-send-message)
                                    t)
                               (> arg 0))))
   :start #'clients-mew--start
   :compose (lambda ()
              (clients-mew--compose "Fcc: +sent,+kept"
                                    (concat "Dcc: " clients-bcc)))
   :copies #'clients-mew--copies
   :count 2)
  (clients-should (null (directory-files "~/Mail/queue" nil "\\`[0-9]+\\'")))
  (clients-should (file-exists-p "~/Mail/queue/#1"))
  (clients-should (string-match-p (concat "server=" (regexp-quote
                                                     (getenv "SMTP_HOST"))
                                          ":587 recipients=.* status=sent")
                                  (clients-mew--log)))
  (when (or (getenv "CLIENTS_DOWN") (getenv "CLIENTS_PHASE"))
    (clients-should (string-match-p "status=([^)\n]+)" (clients-mew--log)))))

(defun clients-mew-bcc ()
  "Those in Bcc get a message of their own, with the mail in it."
  (clients-mew--start)
  (mew-submit-mew-mode 1)
  (clients-mew--compose (concat "Bcc: " clients-bcc))
  (clients-wait-delivered)
  (clients-check-content (clients-check-arrived))
  (let ((octets (clients-check-arrived (cadr clients-sent) clients-bcc)))
    (clients-should (string-match-p "message/rfc822" octets))
    (clients-should (string-match-p "blind carbon copy" octets))
    (clients-should (string-search (clients-header (car clients-sent)
                                                   "Message-Id")
                                   octets))))

;;; mew.el ends here
