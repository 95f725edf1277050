;;; mew-submit-restore-tests.el --- Tests of editing a message again -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'message)
(require 'mew-submit-edit)
(require 'mew-submit)
(require 'mew-submit-outbox)
(require 'mew-submit-clients)
(require 'mew-submit-test-helpers)
(require 'smtpmail)

(defmacro mew-submit-restore-tests--with-outbox (&rest body)
  "Run BODY with an empty outbox, in which all mail is held, and the mode on."
  (declare (indent 0) (debug (body)))
  `(mew-submit-test-with-directory directory
     (let ((mew-submit-outbox-directory directory)
           (mew-submit-memory-file nil)
           (mew-submit-negative-cache-file nil)
           (mew-submit-accounts '((:name "private" :server "smtp.private.example"
                                         :user "me")
                                  (:name "work" :server "smtp.work.example"
                                         :from "@work.example" :user "me")))
           (user-mail-address "me@example.org")
           (mail-host-address "example.org")
           (smtpmail-queue-mail t)
           (message-interactive nil)
           (message-confirm-send nil)
           (message-auto-save-directory nil)
           (message-signature nil)
           (inhibit-message t))
       (mew-submit-mode 1)
       (unwind-protect
           (progn ,@body)
         (mew-submit-mode -1)
         (mew-submit-dispatch--stop)
         (dolist (buffer (buffer-list))
           (when (buffer-local-value 'mew-submit-edit--edited buffer)
             (with-current-buffer buffer
               (mew-submit-spool--unlock (cdr mew-submit-edit--edited))
               (setq mew-submit-edit--edited nil)
               (set-buffer-modified-p nil))
             (kill-buffer buffer)))
         (dolist (entry (mew-submit-known--entries))
           (mew-submit-known--drop entry))))))

(defun mew-submit-restore-tests--compose (text)
  "Send TEXT, a header, an empty line and a body, from a buffer in Message mode."
  (with-temp-buffer
    (message-mode)
    (insert text)
    (goto-char (point-min))
    (search-forward "\n\n")
    (replace-match (concat "\n" mail-header-separator "\n"))
    (message-send)))

(defun mew-submit-restore-tests--add (text &rest keys)
  "Put TEXT, octets, into the outbox, held, with KEYS; return its identifier."
  (let ((file (make-temp-file "mew-submit-test-")))
    (unwind-protect
        (apply #'mew-submit-queue--add (mew-submit-test-write file text)
               (append keys '(:held flush)))
      (delete-file file))))

(defun mew-submit-restore-tests--only ()
  "Return the entry of the one message in the outbox."
  (let ((entries (mew-submit-known--entries)))
    (should (= (length entries) 1))
    (car entries)))

(defun mew-submit-restore-tests--octets (entry)
  "Return the message of ENTRY."
  (mew-submit-test-octets (mew-submit-spool--message-file entry)))

(defmacro mew-submit-restore-tests--edit (entry &rest body)
  "Run BODY in the buffer in which ENTRY's message is edited again."
  (declare (indent 1) (debug (form body)))
  `(with-current-buffer (mew-submit-edit--take (plist-get ,entry :id) nil)
     ,@body))

(defconst mew-submit-restore-tests--said
  '(:state :from :recipients :delivered :next :not-before :held)
  "What an entry knows that sending it again unchanged does not change.")

(defun mew-submit-restore-tests--same (before after)
  "Fail unless AFTER goes to whom and as BEFORE did, with the same wishes."
  (dolist (key mew-submit-restore-tests--said)
    (ert-info ((format "%s" key))
      (should (equal (plist-get after key) (plist-get before key)))))
  (let ((old (plist-get before :account))
        (new (plist-get after :account)))
    (dolist (key '(:name :server :user :require-tls :dsn-notify :routes))
      (ert-info ((format "%s of the account" key))
        (should (equal (plist-get new key) (plist-get old key)))))))

(ert-deftest mew-submit-restore-tests-source-comes-back ()
  "What the user wrote comes back as it was, MML, order and alphabet included."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (let ((body "<#multipart type=mixed>\n<#part type=text/plain>\nGrüße, 日本\n\
<#!part quoted>\n  a  flowed \nline\n<#/multipart>\n-- \nsig\n"))
      (mew-submit-restore-tests--compose
       (concat "From: me@example.org\nTo: Jörg <you@x.example>\nBcc: hidden@x.example\n\
Subject: Grüße\nX-Mew-Submit-Require-TLS: yes\n\n" body))
      (let ((before (mew-submit-restore-tests--only)))
        (mew-submit-restore-tests--edit before
          (should (equal (buffer-substring-no-properties
                          (save-excursion (message-goto-body) (point)) (point-max))
                         body))
          (dolist (line '("To: Jörg <you@x.example>" "Subject: Grüße"
                          "Bcc: hidden@x.example" "X-Mew-Submit-Require-TLS: yes"))
            (should (string-search (concat line "\n") (buffer-string))))
          (should-not (string-match-p "^\\(?:Date\\|Message-ID\\|MIME-Version\\):"
                                      (buffer-string)))
          (message-send))
        (mew-submit-restore-tests--same before (mew-submit-restore-tests--only))))
    ;; Nothing of it is left when the message is gone.
    (mew-submit-queue--delete (plist-get (mew-submit-restore-tests--only) :id))
    (should-not (directory-files-recursively directory "\\.source\\'"))))

(defun mew-submit-restore-tests--field (octets)
  "Return the first Content-Type in OCTETS, on one line."
  (and (string-match "^Content-Type: *\\(.*\\(?:\n[ \t].*\\)*\\)" octets)
       (replace-regexp-in-string "[ \t\r]*\n[ \t]*" " " (match-string 1 octets))))

(ert-deftest mew-submit-restore-tests-hard-newlines-come-back ()
  "What is written with hard newlines goes out as format=flowed, edited or not."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (with-temp-buffer
      (message-mode)
      (use-hard-newlines 1 'never)
      (insert "From: me@example.org\nTo: you@x.example\nSubject: s\n"
              mail-header-separator "\n"
              (mapconcat #'identity (make-list 30 "word") " ") hard-newline
              "short" hard-newline)
      (message-send))
    (let* ((before (mew-submit-restore-tests--only))
           (octets (mew-submit-restore-tests--octets before)))
      (should (string-search "format=flowed" octets))
      (mew-submit-restore-tests--edit before
        (should use-hard-newlines)
        (message-send))
      (let ((again (mew-submit-restore-tests--octets (mew-submit-restore-tests--only))))
        (dolist (text (list octets again))
          (should (string-match "\n\n\\(\\(?:.\\|\n\\)*\\)\\'" text)))
        (should (equal (mew-submit-restore-tests--field again)
                       (mew-submit-restore-tests--field octets)))
        (should (equal (substring again (string-search "\n\n" again))
                       (substring octets (string-search "\n\n" octets))))))))

(ert-deftest mew-submit-restore-tests-parameters-stay ()
  "A message that has no source keeps what its Content-Types say, and its text."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (pcase-dolist
        (`(,type ,body . ,expected)
         `(("text/plain; charset=us-ascii; format=flowed" "a \nb\n  c\n"
            "text/plain; format=flowed" "\n\na \nb\n  c\n")
           ("text/plain; format=Flowed; DelSp=\"yes\"" "a \nb\n"
            "text/plain; delsp=yes; format=Flowed" "\n\na \nb\n")
           ("text/plain; charset=us-ascii" "a \nb\n" "text/plain" "\n\na \nb\n")
           ("text/calendar; method=REQUEST" "BEGIN:VCALENDAR\n"
            "text/calendar; method=REQUEST" "\nBEGIN:VCALENDAR\n")
           ("multipart/report; report-type=\"delivery-status\"; boundary=b"
            "--b\nContent-Type: text/plain; format=flowed\n\na \nb\n\n--b\n\
Content-Type: application/x; version=\"a b\"; charset=x-y\nContent-Disposition: \
attachment; filename=f\n\nx\n--b--\n"
            "multipart/report; report-type=delivery-status; boundary=\"=-=-=\""
            "\nContent-Type: text/plain; format=flowed\n" "\n\na \nb\n"
            "\nContent-Type: application/x; charset=x-y; version=\"a b\"\n"
            "\nContent-Disposition: attachment; filename=f\n")))
      (ert-info (type)
        (let ((id (mew-submit-restore-tests--add
                   (concat "From: me@example.org\nTo: you@x.example\nSubject: s\n\
MIME-Version: 1.0\nContent-Type: " type "\n\n" body))))
          (mew-submit-restore-tests--edit (mew-submit-known--entry id) (message-send))
          (let* ((entry (mew-submit-restore-tests--only))
                 (octets (mew-submit-restore-tests--octets entry)))
            (should (equal (mew-submit-restore-tests--field octets) (car expected)))
            (dolist (part (cdr expected))
              (should (string-search part octets)))
            (mew-submit-queue--delete (plist-get entry :id))))))))

(ert-deftest mew-submit-restore-tests-charset-grows ()
  "A letter that the old charset has not can be added to a message without source."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (let ((id (mew-submit-restore-tests--add
               "From: me@example.org\nTo: you@x.example\nSubject: s\n\
MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\
Content-Type: text/plain; charset=iso-8859-1\n\nGr\374\337e\n--b\n\n--b--\n")))
      (mew-submit-restore-tests--edit (mew-submit-known--entry id)
        (goto-char (point-min))
        (search-forward "Grüße")
        (insert " 日本")
        (message-send))
      (with-temp-buffer
        (insert-file-contents-literally
         (mew-submit-spool--message-file (mew-submit-restore-tests--only)))
        (let* ((whole (mm-dissect-buffer t))
               (part (nth 1 whole)))
          (should (equal (string-trim (mm-decode-string
                                       (mm-get-part part)
                                       (mail-content-type-get (mm-handle-type part)
                                                              'charset)))
                         "Grüße 日本"))
          (mm-destroy-parts whole))))))

(ert-deftest mew-submit-restore-tests-encrypted-stays-encrypted ()
  "A mail that was encrypted is encrypted anew when it is edited again.
SECURITY: P1."
  :tags '(:module)
  (skip-unless (executable-find "gpg"))
  ;; gpg alone, as dpkg-dev brings it, makes no key.
  (skip-unless (executable-find "gpg-agent"))
  (mew-submit-test-with-directory home
    (let ((process-environment (cons (concat "GNUPGHOME=" home) process-environment))
          (mml-secure-openpgp-encrypt-to-self t)
          (mml-secure-openpgp-always-trust t))
      (set-file-modes home #o700)
      (dolist (who '("me@example.org" "you@x.example"))
        (should (zerop (call-process "gpg" nil nil nil "--batch" "--pinentry-mode"
                                     "loopback" "--passphrase" ""
                                     "--quick-gen-key" who "default" "default"
                                     "never"))))
      (unwind-protect
          (mew-submit-restore-tests--with-outbox
            (mew-submit-restore-tests--compose
             "From: me@example.org\nTo: you@x.example\nSubject: s\n\n\
<#secure method=pgpmime mode=encrypt>\nthe secret text\n")
            (dotimes (_ 2)
              (let* ((entry (mew-submit-restore-tests--only))
                     (octets (mew-submit-restore-tests--octets entry)))
                (should (string-search "multipart/encrypted" octets))
                (should (string-search "-----BEGIN PGP MESSAGE-----" octets))
                (should-not (string-search "secret" octets))
                (mew-submit-restore-tests--edit entry
                  (should (string-search
                           "<#secure method=pgpmime mode=encrypt>\nthe secret text"
                           (buffer-string)))
                  (message-send)))))
        (call-process "gpgconf" nil nil nil "--homedir" home "--kill" "all")))))

(ert-deftest mew-submit-restore-tests-protected-is-not-edited ()
  "Without the source, what is signed or encrypted is not edited and stays.
SECURITY: P1."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (dolist (content '("Content-Type: multipart/signed; boundary=b\n\n--b\n\nx\n--b--"
                       "Content-Type: multipart/encrypted;\n boundary=b\n\n--b\n\nx\n--b--"
                       "content-type:\n\tMultipart/Signed; boundary=b\n\n--b\n\nx\n--b--"
                       "Content-Type: application/pkcs7-mime; name=smime.p7m\n\nMIAG"
                       "Content-Type: application/x-pkcs7-mime\r\n\r\nMIAG"
                       "Content-Type: multipart/mixed; boundary=b\n\n--b\n\
Content-Type: multipart/encrypted; boundary=c\n\n--c\n\nx\n--c--\n--b--"
                       "\n-----BEGIN PGP MESSAGE-----\n\nhQ\n-----END PGP MESSAGE-----"
                       "\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nx"))
      (ert-info (content)
        (let* ((id (mew-submit-restore-tests--add
                    (concat "From: me@example.org\nTo: you@x.example\nSubject: s\n"
                            content "\n")))
               (octets (mew-submit-restore-tests--octets
                        (mew-submit-known--entry id))))
          (should-error (mew-submit-edit--take id nil) :type 'user-error)
          (should (equal octets (mew-submit-restore-tests--octets
                                 (mew-submit-restore-tests--only))))
          (mew-submit-queue--delete id))))))

(ert-deftest mew-submit-restore-tests-source-must-be-whole ()
  "A source that is not what was written is as good as none."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (mew-submit-restore-tests--compose
     "From: me@example.org\nTo: you@x.example\nSubject: s\n\nmine <#!part>\n")
    (let* ((entry (mew-submit-restore-tests--only))
           (file (mew-submit-spool--source-file entry)))
      (should (= (logand (file-modes file) #o077) 0))
      (should (string-search "<#!part>" (mew-submit-spool--source entry)))
      (dolist (text '("" "From: me@example.org\nTo: evil@x.example\n\nother\n"))
        (mew-submit-test-write file text)
        (should-not (mew-submit-spool--source entry)))
      (mew-submit-restore-tests--edit entry
        (should (string-search "mine" (buffer-string)))
        (should-not (string-search "evil" (buffer-string)))))))

(ert-deftest mew-submit-restore-tests-source-is-not-kept ()
  "`mew-submit-keep-source' decides, and what is sent again has no source."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (pcase-dolist (`(,keep ,tag ,kept)
                   '((t "" t) (nil "" nil) (open "" t)
                     (open "<#part encrypt=pgpmime>\n" nil)
                     (open "<#part recipients=\"Me <me@x>\" encrypt=pgpmime>\n" nil)
                     (open "<#part\n encrypt=pgpmime>\n" nil)
                     (open "<#part sign=pgpmime>\n" t)))
      (let ((mew-submit-keep-source keep))
        (cl-letf (((symbol-function 'message-encode-message-body) #'ignore))
          (mew-submit-restore-tests--compose
           (concat "From: me@example.org\nTo: you@x.example\nSubject: s\n\n"
                   tag "x\n")))
        (let ((entry (mew-submit-restore-tests--only)))
          (should (eq (and (mew-submit-spool--source entry) t) kept))
          (mew-submit-queue--delete (plist-get entry :id)))))
    (with-temp-buffer
      (insert "From: other@x.example\nTo: me@example.org\nSubject: old\n\ntext\n")
      (message-resend "you@x.example"))
    (should-not (mew-submit-spool--source (mew-submit-restore-tests--only)))))

(ert-deftest mew-submit-restore-tests-mml-of-others ()
  "MML in a message that is passed on attaches nothing, wherever it stands (SECURITY: P22)."
  (mew-submit-restore-tests--with-outbox
    (let ((file (mew-submit-test-write (expand-file-name "secret" directory) "our secret\n")))
      (dolist (within '("X-A: %s\n\nb\n" "X-A: a\nX : %s\n\nb\n" "\n%s\n\nb\n" "X-A: a\n\n%s\n"
                        "Content-Type: message/rfc822\n\nX-A: %s\n\nb\n"))
        (let ((id (mew-submit-restore-tests--add
                   (concat "From: me@example.org\nTo: you@x.example\nSubject: s\n\
MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n<#x\n--b\n\
Content-Type: message/rfc822\n\n"
                           (format within (format "<#/mml><#part filename=%S><#/part>" file))
                           "--b--\n"))))
          (mew-submit-restore-tests--edit (mew-submit-known--entry id) (message-send))
          (let ((octets (mew-submit-restore-tests--octets (mew-submit-restore-tests--only))))
            (should-not (string-search "our secret" octets))
            (should-not (string-search (base64-encode-string "our secret\n") octets)))
          (mew-submit-queue--delete (plist-get (mew-submit-restore-tests--only) :id)))))))

(ert-deftest mew-submit-restore-tests-round-trip ()
  "Editing without a change is the identity: people, wishes, sender and server."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (pcase-dolist
        (`(,what ,header . ,keys)
         `(("wishes and a server"
            "From: me@work.example\nTo: you@x.example\nX-Mew-Submit-Require-TLS: yes\n\
X-Mew-Submit-DSN-Notify: success,\n failure\n\
X-Message-SMTP-Method: smtp smtp.else.example 587 worker\n")
           ("an envelope other than the header"
            "From: me@example.org\nTo: boss@x.example\nCc: list@x.example\n"
            :from "bounces@work.example" :recipients ("colleague@x.example"))
           ("one of those the header names"
            "From: me@example.org\nTo: Boss@x.example, you@x.example\n"
            :recipients ("you@x.example"))
           ("the null sender" "From: me@example.org\nTo: you@x.example\n" :from "")
           ("an account that From does not lead to"
            "From: me@example.org\nTo: you@x.example\n" :account "work")
           ("an account that only the caller knows"
            "From: me@example.org\nTo: you@x.example\n"
            :account (:server "smtp.else.example" :routes "2525:starttls"))
           ("a time" "From: me@example.org\nTo: you@x.example\n"
            :not-before ,(+ (ffloor (float-time)) 86400))
           ("what begins as a file of enriched text"
            "Content-Type: text/enriched\nText-Width: 70\nFrom: me@example.org\n\
To: you@x.example\n")
           ("sent again, with orders of mine"
            "Resent-From: me@example.org\nX-Mew-Submit-Require-TLS: yes\n\
X-Mew-Submit-From: bounces@work.example\n\
X-Message-SMTP-Method: smtp smtp.else.example 587 worker\nResent-To: a@x.example\n\
From: orig@x.example\nTo: me@work.example\nX-Mew-Submit-Account: work\n\
Message-ID: <1@x>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n")
           ("a hidden recipient without a domain"
            "From: me@example.org\nTo: you@x.example\nBcc: <jo>\n")
           ("sent again with a hidden recipient"
            "Resent-From: me@example.org\nResent-Bcc: hidden@x.example\n\
Resent-To: a@x.example\nReceived: by x.example\nFrom: orig@x.example\nTo: me@work.example\n\
Message-ID: <1@x>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n")
           ("sent again by formail, which writes below"
            "Received: by x.example\nFrom: orig@x.example\nTo: me@work.example\n\
Message-ID: <1@x>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nResent-From: me@example.org\n\
Resent-Bcc: hidden@x.example\nResent-To: a@x.example\n")))
      (ert-info (what)
        (let* ((id (apply #'mew-submit-restore-tests--add
                          (concat header "Subject: s\n\nbody\n") keys))
               (before (mew-submit-known--entry id)))
          (mew-submit-restore-tests--edit before (message-send))
          (let ((after (mew-submit-restore-tests--only)))
            (mew-submit-restore-tests--same
             before (if (plist-get keys :not-before)
                        (mew-submit-spool--with after :held 'flush)
                      after))
            (when (string-prefix-p "Resent" header)
              (should (string-search "Message-ID: <1@x>"
                                     (mew-submit-restore-tests--octets after))))
            (mew-submit-queue--delete (plist-get after :id))))))))

(ert-deftest mew-submit-restore-tests-smtpmail-of-another-identity ()
  "What is edited goes by the log-in it had, though smtpmail has another identity's by now."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (let* ((mew-submit-accounts nil)
           (smtpmail-smtp-server "smtp.both.example")
           (smtpmail-smtp-user "worker")
           (id (mew-submit-restore-tests--add
                "From: work@x.example\nTo: you@x.example\nSubject: s\n\nbody\n"))
           (smtpmail-smtp-user "homer"))
      (mew-submit-restore-tests--edit (mew-submit-known--entry id) (message-send))
      (should (equal (plist-get (plist-get (mew-submit-restore-tests--only) :account) :user)
                     "worker")))))

;; Message mode took the directory for an mbox file, and the mail could not be sent.
(ert-deftest mew-submit-restore-tests-copies-of-notmuch ()
  "A mail of notmuch is edited in Message mode, and its copy goes to the same folder."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (pcase-dolist
        (`(,copy ,kind ,place)
         `(((:kind notmuch :place "sent +w -inbox" :insert t) pipe
            "\\`notmuch insert --create-folder --folder\\\\?=sent \\\\?\\+w -inbox\\'")
           ((:kind notmuch :place ,directory) maildir
            ,(concat "\\`" (regexp-quote directory) "/?cur/[^/:]+:2,S\\'"))))
      (let ((id (mew-submit-restore-tests--add
                 "From: me@example.org\nTo: you@x.example\nSubject: s\n\nbody\n"
                 :fcc (list copy))))
        (mew-submit-restore-tests--edit (mew-submit-known--entry id) (message-send))
        (let* ((after (mew-submit-restore-tests--only))
               (copy (car (plist-get after :fcc))))
          (should (eq (plist-get copy :kind) kind))
          (should (string-match-p place (plist-get copy :place)))
          (mew-submit-queue--delete (plist-get after :id)))))))

(defun mew-submit-restore-tests--attached (name)
  "Return a message with an attachment that says NAME."
  (format "From: me@example.org\nTo: %s@x.example\nMIME-Version: 1.0\n\
Content-Type: multipart/mixed; boundary=b\n\n--b\n\nText\n--b\nContent-Type: application/octet-stream\n\
Content-Disposition: attachment; filename=%s\n\nthis is %s\n--b--\n" name name name))

(defun mew-submit-restore-tests--parts ()
  "Return the buffers that have parts of mails that are edited."
  (seq-filter (lambda (buffer) (string-prefix-p " *mml" (buffer-name buffer)))
              (buffer-list)))

(ert-deftest mew-submit-restore-tests-attachments-are-its-own ()
  "Edited twice a mail has its own attachment, not one of a mail edited meanwhile."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (mew-submit-restore-tests--add (mew-submit-restore-tests--attached "one"))
    (mew-submit-restore-tests--edit (mew-submit-restore-tests--only)
      (message-send)
      (set-buffer-modified-p nil)
      (kill-buffer))
    ;; As in another Emacs.
    (mapc #'kill-buffer (mew-submit-restore-tests--parts))
    (let ((one (mew-submit-restore-tests--only))
          (two (mew-submit-restore-tests--add (mew-submit-restore-tests--attached "two"))))
      (mew-submit-edit--take two nil)
      (mew-submit-restore-tests--edit one
        (message-send)))
    (let ((octets (mew-submit-restore-tests--octets (mew-submit-restore-tests--only))))
      (should (string-match-p "this is one\\|dGhpcyBpcyBvbmU" octets))
      (should-not (string-match-p "this is two\\|dGhpcyBpcyB0d28" octets)))))

(ert-deftest mew-submit-restore-tests-attachment-that-is-gone ()
  "What was attached and is deleted since is still attached when the mail is edited.
One that was signed comes back as it was written, and says what is missing."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (let ((file (expand-file-name "shot" directory))
          (text "From: me@example.org\nTo: you@x.example\nBcc: h@x.example\nSubject: s\n\nText\n"))
      (mew-submit-test-write file "the picture")
      (mew-submit-restore-tests--compose
       (format "%s<#part type=\"image/png\" filename=%S disposition=attachment>\n<#/part>\n" text file))
      (delete-file file)
      (let ((before (mew-submit-restore-tests--only)))
        (mew-submit-restore-tests--edit before
          (should (equal (message-fetch-field "Bcc") "h@x.example"))
          (message-send))
        (mew-submit-restore-tests--same before (mew-submit-restore-tests--only)))
      (should (string-search (base64-encode-string "the picture")
                             (mew-submit-restore-tests--octets (mew-submit-restore-tests--only))))
      (mew-submit-queue--delete (plist-get (mew-submit-restore-tests--only) :id))
      (mew-submit-restore-tests--add
       "From: me@example.org\nTo: you@x.example\nContent-Type: multipart/signed; boundary=b\n\n"
       :source (format "%s<#part filename=%S>\n<#/part>\n" text file))
      (mew-submit-restore-tests--edit (mew-submit-restore-tests--only)
        (should (string-search (format "filename=%S" file) (buffer-string)))
        (should-error (message-send) :type 'file-missing)))))

(ert-deftest mew-submit-restore-tests-undo-keeps-the-mail ()
  "What is undone in a mail that is edited again is what was changed, and no more."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (mew-submit-restore-tests--add "From: me@example.org\nTo: you@x.example\nSubject: s\n\nb\n")
    (mew-submit-restore-tests--edit (mew-submit-restore-tests--only)
      (let ((text (buffer-string)))
        (insert "more")
        (should-not (equal (buffer-string) text))
        (primitive-undo 9 buffer-undo-list)
        (should (equal (buffer-string) text))))))

(ert-deftest mew-submit-restore-tests-given-up ()
  "What is not sent is in the outbox again: at its time, held, or deleted."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (let ((text "From: me@example.org\nTo: you@x.example\nSubject: s\n\nb\n")
          (monday (+ (ffloor (float-time)) 86400)))
      (pcase-dolist (`(,not-before ,command ,answer ,next ,count)
                     `((,monday nil nil ,monday 1)
                       (nil nil nil nil 1)
                       (,monday message-kill-buffer nil ,monday 1)
                       (,monday message-kill-buffer t nil 0)))
        (let ((id (mew-submit-restore-tests--add text :not-before not-before)))
          (when not-before
            (mew-submit-queue--hold id not-before))
          (cl-letf (((symbol-function 'yes-or-no-p) (lambda (_) answer)))
            (let ((this-command command)
                  (buffer (mew-submit-edit--take id nil)))
              (with-current-buffer buffer (set-buffer-modified-p nil))
              (kill-buffer buffer)))
          (should (= (length (mew-submit-known--entries)) count))
          (when (> count 0)
            (should (eq (plist-get (mew-submit-restore-tests--only) :state) 'held))
            (should (equal (plist-get (mew-submit-restore-tests--only) :next) next))
            (mew-submit-queue--delete id))
          (should-not (directory-files (expand-file-name "edited" directory)
                                       nil "\\`[^.]")))))))

(ert-deftest mew-submit-restore-tests-given-up-after-changes ()
  "Who gives up a changed mail is asked once; C-g goes on editing.
Any question of the minibuffer makes `this-command' another."
  :tags '(:module)
  (mew-submit-restore-tests--with-outbox
    (pcase-dolist (`(,answer ,lives ,count) '((quit t 0) (nil nil 1) (t nil 0)))
      (let* ((id (mew-submit-restore-tests--add
                  "From: me@example.org\nTo: you@x.example\nSubject: s\n\nb\n"))
             (buffer (mew-submit-edit--take id nil))
             (this-command 'message-kill-buffer)
             questions)
        (with-current-buffer buffer
          (should-not (buffer-modified-p))
          (insert "changed")
          (cl-letf (((symbol-function 'yes-or-no-p)
                     (lambda (question)
                       (push question questions)
                       (setq this-command 'exit-minibuffer)
                       (if (eq answer 'quit) (signal 'quit nil) answer))))
            (condition-case nil
                (message-kill-buffer)
              (quit nil))))
        (should (equal (length questions) 1))
        (should (string-match-p "changes are lost.*Delete the mail to you@x.example"
                                (car questions)))
        (should (eq (buffer-live-p buffer) lives))
        (should (= (length (mew-submit-known--entries)) count))
        (when lives
          (should (equal (plist-get (car (buffer-local-value 'mew-submit-edit--edited
                                                             buffer))
                                    :id)
                         id))
          (with-current-buffer buffer (set-buffer-modified-p nil))
          (kill-buffer buffer))
        (dolist (entry (mew-submit-known--entries))
          (mew-submit-queue--delete (plist-get entry :id)))))))

(provide 'mew-submit-restore-tests)
;;; mew-submit-restore-tests.el ends here
