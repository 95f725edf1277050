;;; mew-submit-clients.el --- Every mail client of Emacs sends by mew-submit -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns `mew-submit-mode', which makes Message mode, Mail mode, Gnus,
;; mu4e, notmuch, Rmail and whatever else goes by `send-mail-function' use mew-submit,
;; and the mail that smtpmail has queued before.  Nothing is advised.  How a mail is sent
;; from its buffer is in mew-submit.el.

;;; Code:

(require 'cl-lib)
(require 'mew-submit)
(require 'mew-submit-account)
(require 'mew-submit-background)
(require 'mew-submit-copies)
(require 'mew-submit-dispatch)
(require 'mew-submit-error)
(require 'mew-submit-menu)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-notice)
(require 'mew-submit-queue)
(require 'mew-submit-spool)
(require 'seq)

(declare-function message-field-value "message" (header &optional first))
(declare-function message-mail-p "message" ())
(defvar message-fcc-handler-function)
(defvar message-send-hook)
(defvar message-send-mail-function)
(defvar message-send-mail-real-function)
(defvar rfc2047-header-encoding-alist)
(defvar smtpmail-queue-dir)
(defvar smtpmail-queue-index-file)
(defvar smtpmail-queue-mail)

;;; The variables that say how mail is sent

(defconst mew-submit-clients--variables
  '((send-mail-function . sendmail) (message-send-mail-function . message))
  "The variables that the mode sets, each with the library that defines it.")

(defconst mew-submit-clients--others
  '(smtpmail-send-it message-smtpmail-send-it async-smtpmail-send-it sendmail-send-it
    message-send-mail-with-sendmail sendmail-query-once feedmail-send-it
    mailclient-send-it message-send-mail-with-mailclient)
  "What is known to send mail by something else.")

(defun mew-submit-clients--past-us (variable)
  "Return what VARIABLE has mail sent by where that is known to be something else.
Some packages, and settings made late, change it when the mode is on."
  (car (memq (and (boundp variable) (default-value variable))
             mew-submit-clients--others)))

(defvar mew-submit-clients--told nil
  "Non-nil when it has been told that mail goes by something else.")

(defun mew-submit-clients--tell-past ()
  "Tell once that the mail in this buffer has been sent by something else.
The settings of a client, such as mu4e's contexts, may say so for all mail; what
says it for one mail means it."
  (when-let* (((not mew-submit-clients--told))
              ((message-mail-p))
              ((not (local-variable-p 'message-send-mail-function)))
              ((not (message-field-value "X-Message-SMTP-Method")))
              (function (mew-submit-clients--past-us 'message-send-mail-function)))
    (setq mew-submit-clients--told t)
    ;; What the client says comes first.
    (run-at-time 0 nil #'mew-submit-background--tell
                 "That mail went by %s, not by mew-submit: something sets \
message-send-mail-function while mew-submit-mode is on; take that away" function)))

(defvar mew-submit-clients--saved nil
  "What the variables were before the mode: (VARIABLE VALUE), or (VARIABLE).")

(defun mew-submit-clients--set ()
  "Have mail sent by mew-submit, and remember what was there."
  (pcase-dolist (`(,variable . ,_library) mew-submit-clients--variables)
    (let ((value (and (default-boundp variable)
                      (list (default-value variable)))))
      (unless (equal value '(mew-submit-send-it))
        (setf (alist-get variable mew-submit-clients--saved) value)
        (set-default variable #'mew-submit-send-it)))))

(defun mew-submit-clients--reset ()
  "Put back what was there, except where somebody has changed it meanwhile."
  (pcase-dolist (`(,variable . ,library) mew-submit-clients--variables)
    (let ((saved (assq variable mew-submit-clients--saved)))
      (when (and saved
                 (default-boundp variable)
                 (eq (default-value variable) #'mew-submit-send-it))
        (cond ((cdr saved) (set-default variable (cadr saved)))
              ;; It had no value yet: then it gets what its library gives it.
              ((featurep library) (custom-reevaluate-setting variable))
              (t (makunbound variable))))))
  (setq mew-submit-clients--saved nil))

(defun mew-submit-clients--forget ()
  "Undo what was prepared for sending, in all buffers."
  (when (boundp 'rfc2047-header-encoding-alist)
    (setq rfc2047-header-encoding-alist
          (remq mew-submit-message--raw rfc2047-header-encoding-alist)))
  (dolist (buffer (buffer-list))
    (when (and (local-variable-p 'message-send-mail-real-function buffer)
               (eq (buffer-local-value 'message-send-mail-real-function buffer)
                   #'mew-submit--really-send))
      (with-current-buffer buffer
        (kill-local-variable 'message-send-mail-real-function)))))

;;; The queue of smtpmail

(defun mew-submit-clients--smtpmail-index ()
  "Return the file in which smtpmail has the names of the mails it has queued."
  (expand-file-name (if (boundp 'smtpmail-queue-index-file)
                        smtpmail-queue-index-file
                      "index")
                    (if (boundp 'smtpmail-queue-dir)
                        smtpmail-queue-dir
                      "~/Mail/queued-mail/")))

(defun mew-submit-clients--smtpmail-queued ()
  "Return the files of the mails that smtpmail has queued."
  (let ((index (mew-submit-clients--smtpmail-index)))
    (and (file-readable-p index)
         (with-temp-buffer
           (insert-file-contents index)
           (split-string (buffer-string) "\n" t)))))

(defconst mew-submit-clients--smtpmail-variables
  '(smtpmail-recipient-address-list smtpmail-smtp-server smtpmail-smtp-service
    smtpmail-smtp-user smtpmail-stream-type)
  "The variables that smtpmail keeps with a mail it has queued.")

(defun mew-submit-clients--smtpmail-state (file)
  "Return what smtpmail has kept with the mail in FILE, (VARIABLE . VALUE)s."
  (let ((form (with-temp-buffer
                (let ((coding-system-for-read 'utf-8))
                  (insert-file-contents (concat file ".el")))
                (read (current-buffer)))))
    (unless (and (proper-list-p form) (eq (car form) 'setq))
      (mew-submit-error--throw 'config nil "Not written by smtpmail: %s.el" file))
    ;; The values are written as they are: nothing is evaluated.
    (cl-loop for (variable value) on (cdr form) by #'cddr
             when (memq variable mew-submit-clients--smtpmail-variables)
             collect (cons variable value))))

(defun mew-submit-clients--smtpmail-account (state sender)
  "Return the account for a mail from SENDER that smtpmail kept STATE with.
It is nil where that names no server: then the sender decides as ever."
  (when (alist-get 'smtpmail-smtp-server state)
    (cl-progv (mapcar #'car state) (mapcar #'cdr state)
      (let ((mew-submit-accounts nil))
        (mew-submit-account--choose sender)))))

(defun mew-submit-clients--take (file)
  "Put the mail in FILE, which smtpmail has queued, into the outbox.
One that is there already, since Emacs has ended in the midst of this, is not
sent twice."
  (let* ((state (mew-submit-clients--smtpmail-state file))
         (index (mew-submit-clients--smtpmail-index))
         (fields (mew-submit-message--fields file))
         (recipients (or (alist-get 'smtpmail-recipient-address-list state)
                         (mew-submit-error--throw
                          'message nil "No recipient is kept with %s" file))))
    (unless (mew-submit-spool--has-p (mew-submit-message--id fields) recipients
                                     mew-submit-outbox-directory)
      (mew-submit-queue--add
       file
       :recipients recipients
       :account (mew-submit-clients--smtpmail-account
                 state (mew-submit-message--author fields))
       :held (and (bound-and-true-p smtpmail-queue-mail) 'flush)))
    (let ((left (remove file (mew-submit-clients--smtpmail-queued))))
      (write-region (mapconcat (lambda (name) (concat name "\n")) left "")
                    nil index nil 'silent))
    (delete-file file)
    (delete-file (concat file ".el"))))

;;;###autoload
(defun mew-submit-take-smtpmail-queue ()
  "Put the mails that smtpmail has queued into the outbox.
They are sent, or wait there while `smtpmail-queue-mail' is non-nil.  One that
cannot be taken over stays where it is."
  (interactive)
  (let ((files (mew-submit-clients--smtpmail-queued))
        (taken 0))
    (unless files
      (user-error "There is no mail in the queue of smtpmail"))
    (dolist (file files)
      (condition-case err
          (progn (mew-submit-clients--take file)
                 (cl-incf taken))
        (error (display-warning 'mew-submit
                                (format "%s stays in the queue of smtpmail: %s"
                                        file (mew-submit-error--text err))))))
    (message "In the outbox now: %d of %d mail%s" taken (length files)
             (if (cdr files) "s" ""))))

;;;###autoload
(defun mew-submit-send-queued-mail ()
  "Send the mails that were held because of `smtpmail-queue-mail'.
This is for mew-submit what `smtpmail-send-queued-mail' is for smtpmail, and
what keys and menus for that do in `mew-submit-mode'.  What smtpmail itself has
queued is taken over first."
  (interactive)
  (when (mew-submit-clients--smtpmail-queued)
    (mew-submit-take-smtpmail-queue))
  (mew-submit-error--as-user-error
    (mew-submit-known--refresh))
  (let ((held (seq-filter (lambda (entry)
                            (and (eq (plist-get entry :state) 'held)
                                 (eq (plist-get entry :held) 'flush)))
                          (mew-submit-known--entries)))
        failed)
    (dolist (entry held)
      ;; One that cannot be sent keeps no other.
      (condition-case err
          (mew-submit-queue--send (plist-get entry :id))
        (error (push err failed))))
    (mew-submit-queue--flush)
    (when failed
      (user-error "%s%s"
                  (if (cdr held)
                      (format "%d of %d mails stay held: " (length failed) (length held))
                    "")
                  (mew-submit-error--text (car failed))))
    (message (pcase (length held)
               (0 "No mail is held")
               (1 "Sending a mail that was held")
               (_ "Sending %d mails that were held"))
             (length held))))

;;; The mode

(defun mew-submit-clients--start ()
  "Send what is in the outbox, and file what is to be filed."
  (when (bound-and-true-p mew-submit-mode)
    (mew-submit-clients--set)
    (condition-case err
        (progn
          (mew-submit-dispatch--start nil #'mew-submit-notice--left-behind)
          (mew-submit-clients--file-copies))
      (error (display-warning 'mew-submit (mew-submit-error--text err))))
    (when-let* ((queued (mew-submit-clients--smtpmail-queued)))
      (message "smtpmail has queued %s before: \
M-x mew-submit-take-smtpmail-queue takes %s over"
               (if (cdr queued) (format "%d mails" (length queued)) "a mail")
               (if (cdr queued) "them" "it")))))

(defun mew-submit-clients--file-copies ()
  "File the copies that have waited, if there is a module to lock them with."
  (unless (mew-submit-module--missing-p)
    (mew-submit-copies--file mew-submit-outbox-directory)))

(defconst mew-submit-clients--hooks
  '((message-mode-hook . mew-submit--note-handler)
    (message-mode-hook . mew-submit--perhaps-before-sending)
    (message-send-hook . mew-submit--before-sending)
    (message-header-hook . mew-submit--note-buffer)
    (message-header-hook . mew-submit--drop-method)
    (message-sent-hook . mew-submit--after-sending)
    (gnus-started-hook . mew-submit-clients--file-copies))
  "The hooks the mode adds functions to.")

(defun mew-submit-clients--enable ()
  "Do what turning on the mode means."
  (setq mew-submit-clients--told nil)
  (mew-submit-clients--set)
  (pcase-dolist (`(,hook . ,function) mew-submit-clients--hooks)
    (add-hook hook function 90))
  (when (boundp 'message-fcc-handler-function)
    (mew-submit--note-handler))
  ;; What the init file sets after this, such as `custom-set-variables', is old.
  (if (or after-init-time noninteractive)
      (mew-submit-clients--start)
    (add-hook 'after-init-hook #'mew-submit-clients--start 90)))

(defun mew-submit-clients--disable ()
  "Do what turning off the mode means."
  (pcase-dolist (`(,hook . ,function) mew-submit-clients--hooks)
    (remove-hook hook function))
  (remove-hook 'after-init-hook #'mew-submit-clients--start)
  (mew-submit-clients--forget)
  (mew-submit-clients--reset))

;;;###autoload
(define-minor-mode mew-submit-mode
  "Have every mail client of Emacs send by mew-submit.
Message mode, Mail mode, Gnus, mu4e, notmuch, Rmail and whatever else goes by
`send-mail-function' or `message-send-mail-function' put their mail into the
outbox and return at once.  Copies (Fcc, Gcc) are filed when the mail has been
delivered.  Mail that is in the outbox already is sent.

When the mode is turned off, what was there before is there again, except for
what has been changed meanwhile."
  :global t
  :group 'mew-submit
  :require 'mew-submit
  :keymap '(([remap smtpmail-send-queued-mail] . mew-submit-send-queued-mail))
  (mew-submit-menu--put mew-submit-mode)
  (if mew-submit-mode
      (mew-submit-clients--enable)
    (mew-submit-clients--disable)))

(provide 'mew-submit-clients)
;;; mew-submit-clients.el ends here
