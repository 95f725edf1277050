;;; mew-submit-mew.el --- Mew sends its queue by mew-submit -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns `mew-submit-mew-mode', by which Mew's mail goes through the outbox:
;; what is in Mew's queue folder is put there with the settings of its case, and
;; becomes a backup in the queue folder as after Mew's own sending.  When it is
;; delivered, Mew's Fcc: folders get their copy and Mew's log its line; when it is not,
;; the log says so.  Mew's Bcc: people get their message with the mail in it.
;;
;; This is the only file with advice: Mew has no hook where a mail is to be sent.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-auth)
(require 'mew-submit-caseless)
(require 'mew-submit-copies)
(require 'mew-submit-dialog)
(require 'mew-submit-error)
(require 'mew-submit-message)
(require 'mew-submit-spool)
(require 'mew-submit-queue)
(require 'seq)

(declare-function mew-cfent-value "ext:mew-config" (case key default &optional type))
(declare-function mew-expand-new-msg "ext:mew-func" (fld msg))
(declare-function mew-imap2-fcc "ext:mew-imap2" (case))
(declare-function mew-input-passwd "ext:mew-passwd" (prompt key))
(declare-function mew-lisp-load "ext:mew-func" (filename))
(declare-function mew-mail-address "ext:mew-config" (&optional case))
(declare-function mew-net-fcc-message "ext:mew-net" (case fcc file))
(declare-function mew-passwd-get-passwd "ext:mew-passwd" (key))
(declare-function mew-passwd-set-passwd "ext:mew-passwd" (key val))
(declare-function mew-prepend-prefix "ext:mew-func" (file prefix))
(declare-function mew-smtp-bcc "ext:mew-smtp" (pro pnm back))
(declare-function mew-smtp-get-bcc "ext:mew-smtp" (arg))
(declare-function mew-smtp-get-case "ext:mew-smtp" (arg))
(declare-function mew-smtp-get-fcc "ext:mew-smtp" (arg))
(declare-function mew-smtp-get-orig-recipients "ext:mew-smtp" (arg))
(declare-function mew-smtp-get-recipients "ext:mew-smtp" (arg))
(declare-function mew-smtp-helo-domain "ext:mew-config" (&optional case))
(declare-function mew-smtp-log "ext:mew-smtp" (pnm &optional err))
(declare-function mew-smtp-mail-from "ext:mew-config" (&optional case))
(declare-function mew-smtp-port "ext:mew-config" (&optional case))
(declare-function mew-smtp-server "ext:mew-config" (&optional case))
(declare-function mew-smtp-set-case "ext:mew-smtp" (arg value))
(declare-function mew-smtp-set-from "ext:mew-smtp" (arg value))
(declare-function mew-smtp-set-port "ext:mew-smtp" (arg value))
(declare-function mew-smtp-set-server "ext:mew-smtp" (arg value))
(declare-function mew-smtp-ssh-server "ext:mew-config" (&optional case))
(declare-function mew-smtp-ssl "ext:mew-config" (&optional case))
(declare-function mew-smtp-ssl-port "ext:mew-config" (&optional case))
(declare-function mew-touch-folder "ext:mew-func" (fld))
(declare-function mew-use-smtp-auth "ext:mew-config" (&optional case))
(defvar mew-backup-prefix)
(defvar mew-case-default)
(defvar mew-queue-info-suffix)
(defvar mew-smtp-info-list)
(defvar mew-smtp-info-list-save-length)
(defvar mew-smtp-user)
(defvar mew-use-sender)
(defvar mew-use-submission)

;;; From a case to an account

(defun mew-submit-mew--port (port)
  "Return PORT, a number or a string as in Mew, as a number."
  (cond ((integerp port) port)
        ((string-match-p "\\`[0-9]+\\'" port) (string-to-number port))
        (t (mew-submit-account--service-port port))))

(defun mew-submit-mew--way (case)
  "Return the part of an account about ports and TLS of CASE.
With ssl and another port for it Mew speaks TLS from the start, and STARTTLS
with ssl and the same port.  Without ssl TLS is required all the same, unless
the server is this machine: only there Mew's default is safe."
  (let* ((port (mew-submit-mew--port (mew-smtp-port case)))
         (ssl (mew-smtp-ssl case))
         (ssl-port (and ssl (mew-submit-mew--port (mew-smtp-ssl-port case)))))
    (cond ((and ssl (/= port ssl-port))
           (mew-submit-account--routes ssl-port 'tls))
          ((and (not ssl) (mew-submit-account--local-p (mew-smtp-server case)))
           (list :routes (format "%d:none" port) :tls 'none))
          ((and (bound-and-true-p mew-use-submission) (= port 25))
           '(:fallback always))
          (t (mew-submit-account--routes port 'starttls)))))

(defun mew-submit-mew--user (case)
  "Return the part of an account about the user of CASE.
Where none is configured Mew takes the mail address; a server on this machine,
or on port 25, is not told one."
  (let ((user (mew-cfent-value case "smtp-user" mew-smtp-user)))
    (cond ((not (mew-use-smtp-auth case)) '(:auth "none"))
          (user (list :user user))
          ((or (mew-submit-account--local-p (mew-smtp-server case))
               (= 25 (mew-submit-mew--port (mew-smtp-port case))))
           nil)
          (t (list :user (mew-mail-address case))))))

(defun mew-submit-mew--account (case)
  "Return the account for Mew's CASE.
It is the one of `mew-submit-accounts' with that name, or else is made of what
Mew knows of CASE."
  (mew-submit-account--copy
   (or (seq-find (lambda (account) (equal (plist-get account :name) case))
                 (mew-submit-account--listed))
       (let ((ssh (mew-smtp-ssh-server case))
             (helo (mew-smtp-helo-domain case)))
         (append (list :name (concat "Mew: " case)
                       :server (mew-smtp-server case))
                 (mew-submit-mew--way case)
                 (mew-submit-mew--user case)
                 (and ssh (list :tunnel (concat "ssh:" ssh)))
                 (and helo (not (equal helo "localhost"))
                      (list :helo helo)))))))

;;; Passwords

(defun mew-submit-mew--password-tag (event)
  "Return what Mew remembers the password that EVENT asks for by."
  (format "%s@%s:%s" (plist-get event :user) (plist-get event :host)
          (plist-get event :port)))

(defun mew-submit-mew--secret (event password)
  "Return the answer to EVENT made of PASSWORD, a string as Mew has it, or nil."
  (unless (member password '(nil ""))
    (cons (plist-get event :user)
          ;; What Mew remembers is not to be wiped.
          (copy-sequence (encode-coding-string password 'utf-8)))))

(defun mew-submit-mew--read (event)
  "Have the user enter the password that EVENT asks for, as Mew does; nil for none.
Mew remembers it."
  (let ((tag (mew-submit-mew--password-tag event))
        (enable-recursive-minibuffers t))
    (let ((answer (mew-submit-mew--secret
                   event (mew-input-passwd (format "SMTP password (%s): "
                                                   (plist-get event :user))
                                           tag))))
      (unless answer
        (mew-passwd-set-passwd tag nil))
      answer)))

(defun mew-submit-mew--keeps-p (event)
  "Is it Mew that is asked for the password that EVENT asks for?
That is where auth-source has none; where that cannot be told without a question
it is not."
  (and (equal (plist-get event :what) "password")
       (plist-get event :user)
       (fboundp 'mew-input-passwd)
       (not (mew-submit-auth--token-p (plist-get event :mechanism)))
       (not noninteractive)
       (condition-case nil
           (let ((mew-submit-auth--ask nil))
             (null (mew-submit-auth--lookup (plist-get event :host)
                                            (plist-get event :port)
                                            (plist-get event :user))))
         (mew-submit-secret nil))))

(defun mew-submit-mew--answer (event)
  "Return the answer to the `ask' EVENT; Mew is asked for what auth-source lacks.
What Mew does not remember the user is asked for when they come to the question:
a prompt of Mew's own would take keys that are meant for something else."
  (if (mew-submit-mew--keeps-p event)
      (let ((tag (mew-submit-mew--password-tag event)))
        ;; Whatever the user says then: no other mail logs in with it.
        (when (plist-get event :wrong)
          (mew-passwd-set-passwd tag nil))
        (or (mew-submit-mew--secret event (mew-passwd-get-passwd tag))
            (mew-submit-dialog--password event
                                         (lambda () (mew-submit-mew--read event)))))
    (mew-submit-dialog--answer event)))

(function-put 'mew-submit-mew--answer 'mew-submit-asks-again t)

;;; What Mew keeps with a mail

(defun mew-submit-mew--info (data)
  "Return the vector by which Mew knows a mail that it has queued with DATA."
  (let ((info (make-vector (length mew-smtp-info-list) nil)))
    (dotimes (i (min (length data) mew-smtp-info-list-save-length))
      (aset info i (aref data i)))
    info))

(defun mew-submit-mew--data (info)
  "Return of INFO what is to be kept with the message in the outbox."
  (seq-subseq info 0 mew-smtp-info-list-save-length))

(defun mew-submit-mew--log (copy server port &optional err)
  "Write the line for the mail of COPY, sent by SERVER and PORT, to Mew's log.
ERR is what went wrong, or nil."
  (let ((info (mew-submit-mew--info (plist-get copy :data))))
    (mew-smtp-set-server info (or server (mew-smtp-server (plist-get copy :case))))
    (mew-smtp-set-port info (format "%s" (or port "smtp")))
    (mew-smtp-log info err)))

(defun mew-submit-mew--file (copy)
  "File COPY, of the message in the current buffer, as Mew does; log it.
This is for a copy of kind `call'."
  (let* ((case (plist-get copy :case))
         (fcc (mew-smtp-get-fcc (mew-submit-mew--info (plist-get copy :data))))
         (file (make-temp-file "mew-submit-mew-"))
         (coding-system-for-write 'no-conversion))
    (unwind-protect
        (when fcc
          (write-region nil nil file nil 'silent)
          (when (mew-net-fcc-message case fcc file)
            (mew-imap2-fcc case)))
      (delete-file file))
    (mew-submit-mew--log copy (plist-get copy :server) (plist-get copy :port))))

(defun mew-submit-mew--copy (entry)
  "Return what was kept for Mew with the message of ENTRY, or nil."
  (seq-find (lambda (copy)
              (eq (plist-get copy :function) #'mew-submit-mew--file))
            (plist-get entry :fcc)))

(defun mew-submit-mew--done (entry done)
  "Note in Mew's log that ENTRY was not delivered, because of DONE.
This is on `mew-submit-dispatch--done-functions'."
  (when-let* ((copy (and (featurep 'mew) (mew-submit-mew--copy entry))))
    (when (plist-get entry :state)
      (mew-submit-mew--log copy (plist-get (plist-get entry :account) :server)
                           (plist-get done :port)
                           (mew-submit-error--clean
                            (or (plist-get done :text) ""))))))

;;; The message as Mew sends it

(defun mew-submit-mew--senders (fields name)
  "Return the addresses in NAME, such as \"from\", of FIELDS.
In a message that is sent again those of Resent- fields count."
  (mew-submit-message--addresses
   fields (list (if (assoc (concat "resent-" name) fields)
                    (concat "resent-" name)
                  name))))

(defun mew-submit-mew--sender-field (fields mail-from)
  "Return the Sender field for FIELDS, where Mew has one, or nil.
MAIL-FROM is the envelope sender."
  (let* ((resent (assoc "resent-from" fields))
         (name (if resent "Resent-Sender" "Sender"))
         (froms (mew-submit-mew--senders fields "from")))
    (and (not (assoc (mew-submit-caseless--down name) fields))
         (or (cdr froms)
             (and (bound-and-true-p mew-use-sender)
                  (not (equal mail-from (car froms)))))
         (format "%s: %s\n" name mail-from))))

(defun mew-submit-mew--add (file info account extra)
  "Put the message FILE of Mew into the outbox, unless it is there already.
INFO is what Mew knows of it, ACCOUNT what it is sent by, EXTRA the copies."
  (let* ((case (mew-smtp-get-case info))
         (fields (mew-submit-message--fields file))
         (from (or (mew-smtp-mail-from case)
                   (car (mew-submit-mew--senders fields "from"))))
         (recipients (or (mew-smtp-get-orig-recipients info)
                         (mew-smtp-get-recipients info)))
         (sender (mew-submit-mew--sender-field fields from))
         (copy (and sender (make-temp-file "mew-submit-mew-"))))
    (unwind-protect
        (progn
          (when copy
            (with-temp-buffer
              (set-buffer-multibyte nil)
              (insert (encode-coding-string sender 'utf-8))
              (insert-file-contents-literally file)
              (let ((coding-system-for-write 'no-conversion))
                (write-region nil nil copy nil 'silent))))
          (unless (mew-submit-spool--has-p (mew-submit-message--id fields)
                                           recipients
                                           mew-submit-outbox-directory)
            (mew-submit-queue--add
             (or copy file) :account account :from from :recipients recipients
             :fcc extra :on-ask #'mew-submit-mew--answer)))
      (when copy
        (delete-file copy)))))

(defun mew-submit-mew--bcc (file info account)
  "Send the message FILE of Mew, by ACCOUNT, to those that are in Bcc of INFO.
Mew makes a message of its own for them, with the mail as an attachment."
  (let* ((own (copy-sequence info))
         (draft (make-temp-file "mew-submit-bcc-"))
         (buffer (find-file-noselect draft t))
         (process (make-pipe-process :name "mew-submit-bcc" :buffer nil
                                     :noquery t)))
    (mew-smtp-set-from own (car (mew-submit-mew--senders
                                 (mew-submit-message--fields file) "from")))
    (unwind-protect
        (with-current-buffer buffer
          ;; Its last act is to begin to send.
          (cl-letf (((symbol-function 'mew-smtp-command-mail-from) #'ignore))
            (mew-smtp-bcc process own file))
          (let ((coding-system-for-write 'no-conversion))
            (write-region nil nil draft nil 'silent))
          (mew-submit-mew--add draft own account nil))
      (delete-process process)
      (with-current-buffer buffer
        (set-buffer-modified-p nil)
        (kill-buffer))
      (delete-file draft))))

(defun mew-submit-mew--back-up (file)
  "Make the message FILE of a queue folder a backup, as Mew does after sending."
  (dolist (name (list file (concat file mew-queue-info-suffix)))
    (rename-file name (mew-prepend-prefix name mew-backup-prefix) t)))

(defun mew-submit-mew--take (file case)
  "Put the message FILE of a queue folder into the outbox; return t then.
CASE is what it is sent by."
  (let ((data (mew-lisp-load (concat file mew-queue-info-suffix))))
    (when (vectorp data)
      (let ((info (mew-submit-mew--info data))
            (account (mew-submit-mew--account case)))
        (mew-smtp-set-case info case)
        (mew-submit-mew--add
         file info account
         (list (list :kind 'call :function #'mew-submit-mew--file :needs 'mew
                     :place (string-join (mew-smtp-get-fcc info) ",")
                     :case case :data (mew-submit-mew--data info)
                     :server (plist-get account :server)
                     :port (mew-submit-mew--port (mew-smtp-port case)))))
        ;; It will be sent: what is still in Mew's queue would be sent twice.
        (unwind-protect
            (when (mew-smtp-get-bcc info)
              (condition-case err
                  (mew-submit-mew--bcc file info account)
                (error
                 (display-warning
                  'mew-submit
                  (format "The mail is in the outbox, but NOT for those in Bcc: %s.  \
Send it to %s" (mew-submit-error--text err) (mew-smtp-get-bcc info))))))
          (mew-submit-mew--back-up file))
        t))))

(defun mew-submit-mew--send (case qfld msgs &optional _fallbacked)
  "Send MSGS, messages in the queue folder QFLD, by CASE.
This replaces `mew-smtp-send-message'.  One that cannot be sent stays there."
  (let ((case (or case mew-case-default))
        (sent 0))
    (save-excursion
      (dolist (msg msgs)
        (let ((file (mew-expand-new-msg qfld msg)))
          (when (and (file-readable-p file)
                     (file-readable-p (concat file mew-queue-info-suffix)))
            (condition-case err
                (when (mew-submit-mew--take file case)
                  (cl-incf sent))
              (error
               (display-warning
                'mew-submit (format "The mail stays in %s: %s" qfld
                                    (mew-submit-error--text err)))))))))
    (mew-touch-folder qfld)
    (message "%d mail%s from %s %s in the outbox; sending in the background"
             sent (if (= sent 1) "" "s") qfld (if (= sent 1) "is" "are"))
    (run-hooks 'mew-smtp-sentinel-hook)))

;;; The mode

(defun mew-submit-mew--started ()
  "File the copies that have waited for Mew."
  (mew-submit-copies--file mew-submit-outbox-directory))

;;;###autoload
(define-minor-mode mew-submit-mew-mode
  "Have Mew send its queue by mew-submit.
Server, port, TLS and user are those of the mail's case, unless an account of
`mew-submit-accounts' has the case's name.  Mail goes through the outbox; Mew's
Fcc: folders get their copy when it is delivered, and Mew's log its line."
  :global t
  :group 'mew-submit
  :require 'mew-submit
  (if mew-submit-mew-mode
      (progn
        (advice-add 'mew-smtp-send-message :override #'mew-submit-mew--send)
        (add-hook 'mew-submit-dispatch--done-functions #'mew-submit-mew--done)
        (add-hook 'mew-init-hook #'mew-submit-mew--started)
        (mew-submit-dispatch--start))
    (advice-remove 'mew-smtp-send-message #'mew-submit-mew--send)
    (remove-hook 'mew-submit-dispatch--done-functions #'mew-submit-mew--done)
    (remove-hook 'mew-init-hook #'mew-submit-mew--started)))

(provide 'mew-submit-mew)
;;; mew-submit-mew.el ends here
