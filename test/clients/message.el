;;; message.el --- Cases with Message mode -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'clients "clients/clients")
(require 'message)
(require 'mml)

(defun clients-message--compose (&rest fields)
  "Compose a mail with FIELDS and send it."
  (message-mail clients-box clients-subject)
  ;; `message-add-header' adds no second field of a name.
  (goto-char (point-min))
  (dolist (field fields)
    (insert field "\n"))
  (clients-insert-mail)
  (clients-should (message-send-and-exit)))

(defun clients-message ()
  "A mail with Fcc to two files, one of them new in a maildir."
  (clients-course
   :start #'ignore
   :compose (lambda ()
              (clients-message--compose "Fcc: ~/sent/mbox"
                                        "Fcc: ~/Maildir/cur/1.x:2,S"))
   :copies (lambda ()
             (append (clients-mbox "~/sent/mbox")
                     (clients-files "~/Maildir/cur")))
   :count 2))

(defun clients-message-pipe ()
  "A mail with Fcc to a command."
  (clients-course
   :start #'ignore
   :compose (lambda () (clients-message--compose "Fcc: |cat > ~/piped"))
   :copies (lambda ()
             (and (file-exists-p "~/piped") (list (clients-read "~/piped"))))))

(defun clients-message-handler ()
  "The user's own function files the copy, one without a name."
  (clients-course
   :start (lambda ()
            (setq message-fcc-handler-function
                  (lambda (file) (write-region nil nil file nil 'silent))))
   :compose (lambda () (clients-message--compose "Fcc: ~/own/copy"))
   :copies (lambda ()
             (and (file-exists-p "~/own/copy")
                  (list (clients-read "~/own/copy"))))))

(defun clients-message-method ()
  "The server is named by X-Message-SMTP-Method; smtpmail is not asked."
  (setq mew-submit-accounts
        (list (append '(:server "203.0.113.1") (car mew-submit-accounts))))
  (advice-add 'smtpmail-send-it :override
              (lambda () (clients-fail "smtpmail was called")))
  ;; There is no other way to tell an account made of that field whom to trust.
  (advice-add 'mew-submit-account--choose :filter-return
              (lambda (account)
                (append (list :ca-file (getenv "SMTP_CA_FILE")) account)))
  (clients-course
   :start #'ignore
   :compose (lambda ()
              (clients-message--compose
               (format "X-Message-SMTP-Method: smtp %s 587 alice"
                       (getenv "SMTP_HOST"))
               "Fcc: ~/sent"))
   :copies (lambda () (clients-mbox "~/sent"))))

(defun clients-message-signed ()
  "What PGP has signed arrives so that the signature is good."
  (unless (and (executable-find "gpg") (executable-find "gpg-agent"))
    (clients-skip "gpg is not installed: run make deps, or install it"))
  (setenv "GNUPGHOME" (expand-file-name "~/gnupg"))
  (with-file-modes #o700 (make-directory "~/gnupg"))
  (clients-should
   (zerop (call-process "gpg" nil nil nil "--batch" "--passphrase" ""
                        "--pinentry-mode" "loopback" "--quick-generate-key"
                        "sender@example.org" "default" "default" "never")))
  (setq mml-secure-openpgp-sign-with-sender t)
  (mew-submit-mode 1)
  (message-mail clients-box clients-subject)
  (clients-insert-mail)
  (message-goto-body)
  (insert "<#secure method=pgpmime mode=sign>\n")
  ;; A signed message with Bcc asks whether that is safe.
  (message-remove-header "Bcc")
  (clients-should (message-send-and-exit))
  (clients-wait-delivered)
  (let* ((octets (clients-check-arrived))
         (boundary (progn (string-match "boundary=\"\\([^\"]+\\)\"" octets)
                          (match-string 1 octets)))
         (parts (split-string octets (concat "\n--" (regexp-quote boundary)
                                             "\\(?:--\\)?\n")))
         (signature (nth 2 parts)))
    (clients-should (string-match-p "multipart/signed" (car parts)))
    (clients-write "~/signed" (string-replace "\n" "\r\n" (nth 1 parts)))
    (clients-write "~/signature"
                   (substring signature
                              (string-match "-----BEGIN PGP" signature)))
    (clients-should (zerop (call-process "gpg" nil nil nil "--batch" "--verify"
                                         (expand-file-name "~/signature")
                                         (expand-file-name "~/signed")))))
  (call-process "gpgconf" nil nil nil "--kill" "all"))

(defun clients-message-edit ()
  "What is edited again wants its copy again, and is sent once."
  (require 'mew-submit-outbox)
  (clients-course
   :start #'ignore
   :compose (lambda ()
              (clients-message--compose "Fcc: ~/sent")
              (clients-wait-down)
              (setq clients-sent nil)
              (mew-submit-edit
               (plist-get (car (mew-submit-known--entries)) :id))
              (clients-should (equal (message-fetch-field "Fcc")
                                     (expand-file-name "~/sent")))
              (clients-should (message-send-and-exit)))
   :copies (lambda () (clients-mbox "~/sent"))))

(defun clients-message-resend ()
  "A message that is sent again arrives with its old header and a new one."
  (mew-submit-mode 1)
  (with-temp-buffer
    (insert "From: other@example.net\nTo: me@example.org\nSubject: old\n"
            "Date: Mon, 01 Jan 2024 00:00:00 +0000\n\ntext\n")
    (message-resend clients-box))
  (clients-wait-delivered)
  (let ((octets (clients-check-arrived)))
    (clients-should (equal (clients-header octets "From") "other@example.net"))
    (clients-should (equal (clients-header octets "Resent-To") clients-box))))

(defun clients-smtpmail-queue ()
  "What smtpmail has queued is taken over."
  (require 'smtpmail)
  (setq smtpmail-queue-dir "~/queued/"
        smtpmail-queue-mail t
        send-mail-function #'smtpmail-send-it
        message-send-mail-function #'smtpmail-send-it)
  (message-mail clients-box clients-subject)
  (clients-insert-mail)
  (clients-should (message-send-and-exit))
  (setq smtpmail-queue-mail nil)
  (mew-submit-mode 1)
  (clients-should (null clients-sent))
  (mew-submit-take-smtpmail-queue)
  (clients-wait-delivered)
  (clients-check-content (clients-check-arrived))
  (clients-check-arrived nil clients-bcc)
  (clients-should (equal (directory-files "~/queued/" nil "\\`[^.]") '("index")))
  (clients-should (equal (clients-read "~/queued/index") ""))
  (mew-submit-mode -1)
  (clients-should (eq send-mail-function #'smtpmail-send-it))
  (clients-should (eq message-send-mail-function #'smtpmail-send-it)))

(defun clients-smtpmail-queue-mail ()
  "With `smtpmail-queue-mail' mail waits until it is said to be sent."
  (require 'smtpmail)
  (setq smtpmail-queue-mail t)
  (mew-submit-mode 1)
  (clients-message--compose "Fcc: ~/sent")
  (let ((entry (car (mew-submit-known--entries))))
    (clients-should (eq (plist-get entry :state) 'held)))
  (mew-submit-queue--flush)
  (clients-should (clients-idle-p))
  (clients-should (null (clients-mbox "~/sent")))
  (mew-submit-send-queued-mail)
  (clients-wait-delivered)
  (clients-check-content (clients-check-arrived))
  (mapc #'clients-check-copy (clients-mbox "~/sent")))

;;; message.el ends here
