;;; clients.el --- What the clients' cases share -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Each case composes a mail with the client's own commands, sends it, and looks at
;; what arrived at the server and at the copies that were filed.  See cases.sh.

;;; Code:

(require 'cl-lib)
(require 'mm-decode)
(require 'package)
(require 'rfc2047)
(require 'seq)
(require 'subr-x)

(declare-function mew-submit-mode "mew-submit-clients" (&optional arg))
(declare-function mew-submit-spool--copies "mew-submit-spool" (directory))
(declare-function mew-submit-spool--ids "mew-submit-spool" (directory))
(declare-function mew-submit-spool--message-file "mew-submit-spool" (entry))
(declare-function mew-submit-known--entries "mew-submit-queue" (&optional directory))
(declare-function mew-submit-queue--flush "mew-submit-queue" (&optional directory))
(declare-function mew-submit-known--running "mew-submit-queue" ())
(declare-function mml-attach-file "mml" (file &optional type description disposition))
(defvar mail-host-address)
(defvar mail-signature)
(defvar message-confirm-send)
(defvar message-interactive)
(defvar message-kill-buffer-on-exit)
(defvar message-signature)
(defvar mew-submit-accounts)
(defvar mew-submit-outbox-directory)
(defvar mew-submit-retry-intervals)

(defconst clients-root (getenv "MEW_SUBMIT_ROOT"))
(defconst clients-box (concat (getenv "CLIENTS_BOX") "@example.org"))
(defconst clients-bcc "c@example.org")
(defconst clients-subject "Grüße aus 東京 an alle")
(defconst clients-text
  "Schöne Grüße, 日本語も。\n.\n..Zwei Punkte\nFrom the start of a line\n")
(defconst clients-attachment
  (expand-file-name "Übersicht 概要.bin" (getenv "HOME")))
(defconst clients-octets
  (concat (apply #'unibyte-string (number-sequence 0 255)) "\r\n.\r\nFrom x\n\r"))

(defvar clients-bcc-in-copies t
  "Non-nil where the client keeps the Bcc in copies.")

(defvar clients-sent nil
  "The octets of the messages that were put into the outbox, oldest first.")

(defun clients-fail (format &rest args)
  "End with FORMAT and ARGS as the reason."
  (princ (concat (apply #'format format args) "\n"))
  (kill-emacs 1))

(defun clients-skip (format &rest args)
  "End, as skipped, with FORMAT and ARGS as the reason."
  (princ (concat (apply #'format format args) "\n"))
  (kill-emacs 77))

(defmacro clients-should (form)
  "Fail unless FORM is true."
  `(unless ,form
     (clients-fail "not so: %S" ',form)))

(defmacro clients-until (what &rest body)
  "Wait for WHAT until BODY is true, and return its value."
  (declare (indent 1))
  `(let ((deadline (time-add nil 120))
         value)
     (while (not (or (setq value (progn ,@body)) (time-less-p deadline nil)))
       (accept-process-output nil 0.02))
     (or value (clients-fail "waited in vain for %s" ,what))))

(defun clients-require (feature)
  "Load FEATURE, or skip the case."
  (package-initialize)
  (unless (require feature nil t)
    (clients-skip "%s is not installed: run make deps, or install it" feature)))

(defun clients-read (file)
  "Return the octets in FILE."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert-file-contents-literally file)
    (buffer-string)))

(defun clients-write (file text)
  "Write TEXT to FILE and return its name."
  (make-directory (file-name-directory (expand-file-name file)) t)
  (let ((coding-system-for-write 'no-conversion))
    (write-region (if (multibyte-string-p text)
                      (encode-coding-string text 'utf-8)
                    text)
                  nil file nil 'silent))
  (expand-file-name file))

(defun clients-mailbox (&optional address)
  "Return the files in the mailbox of ADDRESS, by default the case's."
  (let ((new (expand-file-name
              (concat (car (split-string (or address clients-box) "@")) "/new")
              (getenv "SMTP_MAILBOXES"))))
    (and (file-directory-p new)
         (directory-files new t "\\`[^.]"))))

;;; What every case sets

(defun clients-set-up ()
  "Have mew-submit, an account and something to attach."
  (add-to-list 'load-path clients-root)
  (require 'mew-submit)
  (require 'mew-submit-clients)
  (setq user-mail-address "sender@example.org"
        user-full-name "Jörg Sender"
        mail-host-address "example.org"
        mew-submit-accounts `((:name "work" :from "@example.org" :fallback never
                               :server ,(getenv "SMTP_HOST") :user "alice"
                               :ca-file ,(getenv "SMTP_CA_FILE")))
        mew-submit-retry-intervals '(3600)
        mail-signature nil
        message-signature nil
        message-interactive t
        message-confirm-send nil
        message-kill-buffer-on-exit nil)
  (prefer-coding-system 'utf-8)
  (advice-add 'mew-submit-spool--add :filter-return
              (lambda (entry)
                (setq clients-sent
                      (append clients-sent
                              (list (clients-read
                                     (mew-submit-spool--message-file entry)))))
                entry))
  (clients-write clients-attachment clients-octets))

(defun clients-insert-mail ()
  "Insert text and attachment at the end of a mail that knows MML, and a Bcc."
  (goto-char (point-min))
  (search-forward (concat "\n" mail-header-separator "\n"))
  (forward-line -1)
  (insert "Bcc: " clients-bcc "\n")
  (goto-char (point-max))
  (insert clients-text)
  (mml-attach-file clients-attachment "application/octet-stream" nil
                   "attachment"))

;;; What arrived

(defun clients-header (octets name)
  "Return the value of the field NAME of the message OCTETS, or nil."
  (with-temp-buffer
    (insert octets)
    (goto-char (point-min))
    (re-search-forward "^\n" nil 'move)
    (narrow-to-region (point-min) (point))
    (mail-fetch-field name)))

(defun clients-decode (octets)
  "Return (SUBJECT TEXT NAME OCTETS...) of the message OCTETS."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert octets)
    (let* ((handles (mm-dissect-buffer t))
           (parts (clients-leaves handles)))
      (append
       (list (replace-regexp-in-string
              "\n[ \t]*" " "
              (rfc2047-decode-string (or (clients-header octets "Subject") ""))))
       (cl-loop for handle in parts
                for file = (mm-handle-filename handle)
                collect (if file
                            (list (rfc2047-decode-string file)
                                  (mm-with-part handle (buffer-string)))
                          (clients-part-text handle)))))))

(defun clients-part-text (handle)
  "Return the text of HANDLE, decoded."
  (decode-coding-string (mm-with-part handle (buffer-string))
                        (or (mm-charset-to-coding-system
                             (mail-content-type-get (mm-handle-type handle)
                                                    'charset))
                            'us-ascii)))

(defun clients-leaves (handle)
  "Return the parts in HANDLE that are not multipart."
  (if (stringp (car handle))
      (mapcan #'clients-leaves (cdr handle))
    (list handle)))

(defun clients-check-content (octets)
  "Fail unless the message OCTETS is what was composed."
  (let ((content (clients-decode octets)))
    (unless (string-match-p (regexp-quote clients-subject) (car content))
      (clients-fail "the subject is %S" (car content)))
    (unless (seq-some (lambda (part)
                        (and (stringp part)
                             (string-match-p (regexp-quote clients-text) part)))
                      (cdr content))
      (clients-fail "the text is not there: %S" content))
    (let ((file (seq-find #'consp (cdr content))))
      (unless (equal (car file) (file-name-nondirectory clients-attachment))
        (clients-fail "the attachment is called %S" (car file)))
      (unless (equal (cadr file) clients-octets)
        (clients-fail "the attachment is not what it was")))))

(defun clients-check-arrived (&optional sent address)
  "Fail unless what arrived for ADDRESS is SENT, by default what was sent first."
  (let* ((file (car (clients-until (format "the mail for %s"
                                           (or address clients-box))
                      (clients-mailbox address))))
         (stored (clients-read file))
         (sent (or sent (car clients-sent))))
    (unless (equal 1 (length (clients-mailbox address)))
      (clients-fail "it arrived more than once"))
    (when sent
      (unless (string-suffix-p sent stored)
        (clients-fail "what arrived is not what was sent: %s" file)))
    (when (clients-header stored "Bcc")
      (clients-fail "there is a Bcc in what arrived"))
    stored))

(defun clients-check-copy (copy)
  "Fail unless COPY is what was sent first, with the Bcc."
  (let ((bcc (format "Bcc: %s\n" clients-bcc)))
    (unless (eq clients-bcc-in-copies
                (and (string-match-p (regexp-quote bcc) copy) t))
      (clients-fail "about the Bcc the copy is wrong: %s" copy))
    (unless (or (null clients-sent)
                (equal (string-replace bcc "" copy)
                       (string-replace "\r\n" "\n" (car clients-sent))))
      (clients-write "~/copy" copy)
      (clients-fail "the copy is not what was sent: %s" copy))
    (clients-check-content copy)))

(defun clients-mbox (file)
  "Return the messages in the mbox FILE."
  (and (file-exists-p file)
       (mapcar (lambda (text)
                 (let ((body (substring text (1+ (string-match "\n" text)))))
                   (concat (string-trim-right
                            (replace-regexp-in-string "^>From " "From " body)
                            "\n+")
                           "\n")))
               (split-string (concat "\n" (clients-read file)) "\nFrom " t "\n+"))))

(defun clients-files (directory)
  "Return what is in the files of DIRECTORY whose names are those of mail."
  (and (file-directory-p directory)
       (mapcar #'clients-read (directory-files directory t "\\`[0-9]"))))

;;; The course of a case

(defun clients-idle-p ()
  "Is nothing being sent?"
  (null (mew-submit-known--running)))

(defun clients-wait-down ()
  "Wait until the server was found to be down; nothing has arrived."
  (clients-until "the attempt to fail"
    (and (clients-idle-p)
         (seq-every-p (lambda (entry)
                        (and (eq (plist-get entry :state) 'queued)
                             (plist-get entry :last)))
                      (mew-submit-known--entries))))
  (clients-should (mew-submit-known--entries))
  (clients-should (null (clients-mailbox))))

(defun clients-wait-delivered ()
  "Wait until all is delivered."
  (clients-until "the delivery"
    (and (clients-idle-p) (null (mew-submit-known--entries))))
  (clients-until "the copies"
    (null (mew-submit-spool--ids
           (mew-submit-spool--copies mew-submit-outbox-directory)))))

(defun clients-server-up ()
  "Have the server answer again."
  (call-process "nft" nil nil nil "delete" "table" "inet" "down"))

(defun clients-variables ()
  "Return what the variables are that say how mail is sent."
  (list (default-value 'send-mail-function)
        (if (boundp 'message-send-mail-function)
            (default-value 'message-send-mail-function)
          'message--default-send-mail-function)))

(cl-defun clients-course (&key start compose copies (mode #'mew-submit-mode)
                               (count 1))
  "Run a case.
START is called first; COMPOSE composes a mail and sends it; COPIES returns the
copies that were filed, of which there have to be COUNT; MODE turns on and off."
  (funcall start)
  (let ((before (clients-variables))
        (phase (getenv "CLIENTS_PHASE")))
    (funcall mode 1)
    (unless (equal phase "second")
      (clients-should (null (funcall copies)))
      (funcall compose)
      (when (or (getenv "CLIENTS_DOWN") phase)
        (clients-wait-down)
        (clients-should (null (funcall copies)))
        (when phase
          (kill-emacs 0))
        (clients-server-up)))
    (mew-submit-queue--flush)
    (clients-wait-delivered)
    (clients-check-content (clients-check-arrived))
    (clients-check-arrived nil clients-bcc)
    (let ((filed (clients-until "the copies" (funcall copies))))
      (unless (= (length filed) count)
        (clients-fail "there are %d copies, not %d" (length filed) count))
      (mapc #'clients-check-copy filed))
    (funcall mode -1)
    (clients-should (equal before (clients-variables)))))

(defun clients-main (function)
  "Set up, run FUNCTION and end."
  (condition-case err
      (progn
        (clients-set-up)
        (funcall function)
        (kill-emacs 0))
    (error (when (getenv "CLIENTS_DEBUG") (signal (car err) (cdr err))) (clients-fail "%s" (error-message-string err)))))

(provide 'clients)
;;; clients.el ends here
