;;; mew-submit-send-tests.el --- Tests for sending from mail buffers and Lisp -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; From `message-mode' and `mail-mode' to the server's store, with accounts,
;; smtpmail's variables and auth-source.

;;; Code:

(require 'auth-source)
(require 'cl-lib)
(require 'ert)
(require 'message)
(require 'mew-submit)
(require 'mew-submit-account)
(require 'mew-submit-queue)
(require 'mew-submit-test-helpers)
(require 'sendmail)

(defvar mew-submit-mode)
(defvar smtpmail-smtp-server)
(defvar smtpmail-default-smtp-server)
(defvar smtpmail-smtp-service)
(defvar smtpmail-stream-type)
(defvar smtpmail-smtp-user)
(defvar smtpmail-local-domain)

(cl-defstruct (mew-submit-send-tests-world
               (:constructor mew-submit-send-tests--make-world))
  messages warnings outbox)

(defun mew-submit-send-tests--world (peer name function)
  "Call FUNCTION with a world in which mail goes to PEER's listener NAME.
NAME nil means that there is no account.  The world notes what the user sees."
  (let* ((world (mew-submit-send-tests--make-world
                 :outbox (file-name-as-directory
                          (mew-submit-test--peer-file peer "outbox"))))
         (mew-submit-accounts
          (and name (list (mew-submit-test-account peer name :name "test"))))
         (mew-submit-outbox-directory
          (mew-submit-send-tests-world-outbox world))
         (mew-submit-fallback 'always)
         (smtpmail-smtp-server nil)
         (smtpmail-default-smtp-server nil)
         (smtpmail-smtp-user nil)
         (smtpmail-local-domain nil)
         (smtpmail-stream-type nil)
         (auth-sources nil)
         (mail-aliases nil)
         (mail-specify-envelope-from nil)
         (user-mail-address "me@example.org")
         (user-full-name "Me Myself")
         (mail-interactive nil)
         (message-interactive nil)
         (message-confirm-send nil)
         (message-kill-buffer-on-exit t)
         (send-mail-function #'mew-submit-send-it)
         (message-send-mail-function #'mew-submit-send-it)
         (message (symbol-function 'message)))
    (cl-letf (((symbol-function 'display-warning)
               (lambda (_type text &rest _)
                 (push text (mew-submit-send-tests-world-warnings world))))
              ((symbol-function 'message)
               (lambda (format &rest args)
                 (when format
                   (push (apply #'format-message format args)
                         (mew-submit-send-tests-world-messages world)))
                 (apply message format args))))
      (funcall function world)
      (dolist (session (mew-submit-job--list))
        (mew-submit-wait session mew-submit-test-patience)))))

(defmacro mew-submit-send-tests--with-world (spec &rest body)
  "Run BODY in a world; SPEC is (WORLD PEER NAME)."
  (declare (indent 1) (debug ((symbolp form form) body)))
  `(mew-submit-send-tests--world ,(nth 1 spec) ,(nth 2 spec)
                                 (lambda (,(car spec))
                                   (ignore ,(car spec))
                                   ,@body)))

(defun mew-submit-send-tests--settle ()
  "Wait until no mail is being sent."
  (dolist (session (mew-submit-job--list))
    (should (mew-submit-wait session mew-submit-test-patience))))

(defun mew-submit-send-tests--kept (world)
  "Return the messages in the outbox of WORLD."
  (let ((outbox (mew-submit-send-tests-world-outbox world)))
    (and (file-directory-p outbox)
         (directory-files outbox t "\\.eml\\'"))))

(defun mew-submit-send-tests--message (header body)
  "Send a message with HEADER, a list of (NAME . VALUE), and BODY by Message."
  (let ((buffer (generate-new-buffer "*test message*")))
    (unwind-protect
        (with-current-buffer buffer
          (message-mode)
          (pcase-dolist (`(,name . ,value) header)
            (insert (format "%s: %s\n" name value)))
          (insert mail-header-separator "\n" body)
          (let ((message-required-mail-headers
                 '(From Date Message-ID)))
            (message-send-mail)))
      (when (buffer-live-p buffer)
        (with-current-buffer buffer
          (set-buffer-modified-p nil))
        (kill-buffer buffer)))))

(defun mew-submit-send-tests--mail (header body)
  "Send a mail with HEADER, a list of (NAME . VALUE), and BODY by Mail mode."
  (with-temp-buffer
    (mail-mode)
    (erase-buffer)
    (pcase-dolist (`(,name . ,value) header)
      (insert (format "%s: %s\n" name value)))
    (insert mail-header-separator "\n" body)
    (funcall send-mail-function)))

(defun mew-submit-send-tests--lines (octets)
  "Return the lines of OCTETS, which end in CRLF."
  (should-not (string-match-p "[^\r]\n\\|\r[^\n]" octets))
  (split-string octets "\r\n"))

;;; message-mode

(ert-deftest mew-submit-send-tests-message-mode ()
  "A MIME message leaves in the background, encoded, without Bcc, and is gone.
\(SECURITY: I9, I10)."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,greeting=hold:go")
    (mew-submit-send-tests--with-world (world peer "ok")
      (mew-submit-send-tests--message
       '(("From" . "Jörg Müller <joerg@example.org>")
         ("To" . "\"Größe, Ünal\" <u@example.org>, list: a@x, b@x;")
         ("Cc" . "c@x") ("Bcc" . "Hidden <bcc@x>") ("Subject" . "Grüße €"))
       "Text mit Umlauten: äöü\n.\n..dots\n\
<#part type=\"text/plain\" disposition=attachment>\nattached\n<#/part>\n")
      ;; Nothing was said to the server yet, and the message is on disk.
      (should (= (length (mew-submit-job--list)) 1))
      (should-not (mew-submit-test-stored peer))
      (let ((kept (mew-submit-send-tests--kept world)))
        (should (= (length kept) 1))
        (should (= (file-modes (car kept)) #o600))
        (should (= (file-modes (mew-submit-send-tests-world-outbox world))
                   #o700))
        (let ((copy (mew-submit-test-octets (car kept))))
          (should-not (string-search "bcc@x" copy))
          (mew-submit-test-go peer)
          (mew-submit-send-tests--settle)
          (should (equal (mew-submit-test-stored peer)
                         (string-replace "\n" "\r\n" copy)))))
      (should (equal (mew-submit-test-envelope peer)
                     '("joerg@example.org" "u@example.org" "a@x" "b@x" "c@x"
                       "bcc@x")))
      (let ((stored (mew-submit-test-stored peer)))
        (should-not (string-match-p "[^[:ascii:]]" stored))
        (dolist (regexp '("^Subject: =\\?utf-8\\?" "^From: =\\?utf-8\\?"
                          "^Message-ID: <" "^Date: " "^Content-Type: multipart/"
                          "^Content-Disposition: attachment"))
          (should (string-match-p regexp stored)))
        (should-not (string-match-p mail-header-separator stored)))
      (should-not (mew-submit-send-tests--kept world))
      (should-not (mew-submit-send-tests-world-warnings world))
      (should (equal "Delivered to u@example.org, a@x and 3 more: Grüße €"
                     (car (mew-submit-send-tests-world-messages world)))))))

(ert-deftest mew-submit-send-tests-message-hook-runs ()
  "`message-send-mail-hook' runs, once, in the buffer that is sent."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (let* ((runs 0)
             (message-send-mail-hook
              (list (lambda ()
                      (cl-incf runs)
                      (goto-char (point-min))
                      (insert "X-Hook: yes\n")))))
        (mew-submit-send-tests--message '(("From" . "me@x") ("To" . "a@x")) "b\n")
        (mew-submit-send-tests--settle)
        (should (= runs 1))
        (should (string-search "X-Hook: yes\r\n"
                               (mew-submit-test-stored peer)))))))

(ert-deftest mew-submit-send-tests-by-send-mail-function ()
  "Message uses `send-mail-function' when it has no function of its own."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (let ((message-send-mail-function #'message--default-send-mail-function))
        (mew-submit-send-tests--message '(("From" . "me@x") ("To" . "a@x")) "b\n")
        (mew-submit-send-tests--settle)
        (should (mew-submit-test-stored peer))))))

(ert-deftest mew-submit-send-tests-read-only ()
  "A buffer whose text is read-only is sent like any other."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (with-temp-buffer
        (insert (propertize (format "From: me@x\nTo: a@x\n%s\nb" mail-header-separator)
                            'read-only t))
        (mew-submit-send-it))
      (mew-submit-send-tests--settle)
      (should (mew-submit-test-stored peer)))))

(ert-deftest mew-submit-send-tests-resend ()
  "`message-resend' sends the message again, unchanged, to the new address only."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (with-temp-buffer
        (insert "Resent-To: older@x\nFrom: other@x\nTo: old@x\nCc: old2@x\n\
Subject: =?utf-8?Q?=C3=BC?=\nMIME-Version: 1.0\n\
Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\
Gr\303\274\303\237e\n")
        (set-buffer-multibyte nil)
        (message-resend "new@x"))
      (mew-submit-send-tests--settle)
      (should (equal (cdr (mew-submit-test-envelope peer)) '("new@x")))
      (let ((stored (mew-submit-test-stored peer)))
        (should (string-search "Subject: =?utf-8?Q?=C3=BC?=\r\n" stored))
        (should (string-search "\r\n\r\nGr\303\274\303\237e\r\n" stored))))))

(defun mew-submit-send-tests--resend-hostile (peer extra again)
  "Call AGAIN in a buffer with a message that gives orders, and EXTRA fields.
Return a file that its Fcc would write."
  (let ((file (mew-submit-test--peer-file peer "pwned")))
    (with-temp-buffer
      (insert "From: evil@x\nTo: old@x\nX-Mew-Submit-From: spoof@x\n"
              "X-Mew-Submit-Account: other\nX-Mew-Submit-Send-At: 2099-01-01 00:00\n"
              "X-Mew-Submit-Not-To: new@x\nX-Mew-Submit-Hold-For: 9\n"
              (format "Fcc: | touch %s\nfcc: %s\nGcc: nnml:no\n" file file)
              extra "Subject: s\n\nb\n")
      (funcall again))
    (mew-submit-send-tests--settle)
    (mew-submit-test-until ("the copies")
      (null (mew-submit-spool--ids
             (mew-submit-spool--copies mew-submit-outbox-directory))))
    file))

(ert-deftest mew-submit-send-tests-resend-takes-no-orders ()
  "Who wrote a message gives no orders when somebody sends it again (SECURITY: P21).
An Fcc of theirs was run by the shell."
  :tags '(:module)
  (require 'rmail)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok" "127.0.0.1:0,name=evil")
    (mew-submit-send-tests--with-world (world peer "ok")
      (mew-submit-mode)
      (unwind-protect
          (let ((method (format "X-Message-SMTP-Method: smtp 127.0.0.1 %d\n"
                                (mew-submit-test-port peer "evil"))))
            (dolist (again (list (lambda () (message-resend "new@x"))
                                 (lambda ()
                                   (let ((rmail-buffer (current-buffer))
                                         (rmail-enable-mime nil))
                                     (cl-letf (((symbol-function 'rmail-set-attribute)
                                                #'ignore))
                                       (rmail-resend "new@x"))))))
              (should-not (file-exists-p
                           (mew-submit-send-tests--resend-hostile peer method again)))
              (should-not (mew-submit-known--entries)))
            (dolist (number '(1 2))
              (should (equal (mew-submit-test-envelope peer number)
                             '("me@example.org" "new@x"))))
            (should-not (seq-find (lambda (line) (equal (plist-get line :listener) "evil"))
                                  (mew-submit-test-log peer))))
        (mew-submit-mode -1)))))

(ert-deftest mew-submit-send-tests-failure-is-loud-and-loses-nothing ()
  "A message that is not delivered is kept, and a buffer says why and what to do."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=no,mail=reply:550 5.7.1 Go away")
    (mew-submit-send-tests--with-world (world peer "no")
      (mew-submit-send-tests--message '(("From" . "me@x") ("To" . "a@x")) "b\n")
      (mew-submit-send-tests--settle)
      (let ((kept (mew-submit-send-tests--kept world))
            (told (with-current-buffer "*mew-submit*" (buffer-string)))
            (entry (car (mew-submit-known--entries))))
        (should (= (length kept) 1))
        (should (eq (plist-get entry :state) 'refused))
        (should (string-search "550 5.7.1 Go away" (plist-get entry :last)))
        (dolist (words (list "550 5.7.1 Go away" "127.0.0.1"
                             "Read the server's words" "a@x" "not sent again"
                             "[Retry]" "[Edit]" "[Diagnose]"
                             (number-to-string
                              (mew-submit-test-port peer "no"))))
          (should (string-search words told)))))))

(ert-deftest mew-submit-send-tests-bad-message-stays-in-its-buffer ()
  "What cannot be sent is an error at once; nothing is kept, nothing connected."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (dolist (header '((("From" . "me@x") ("To" . "a b@x"))
                        (("From" . "me@x") ("To" . "undisclosed-recipients:;"))
                        (("From" . "me@x") ("To" . "a@x") ("Bcc" . "<b@x"))
                        (("From" . "me@x") ("To" . "a@-"))))
        (ert-info ((format "%S" header))
          (let ((err (should-error (mew-submit-send-tests--mail header "b\n")
                                   :type 'user-error)))
            (should (string-match-p "[a-z]" (cadr err))))))
      (should-not (mew-submit-send-tests--kept world))
      (should-not (mew-submit-job--list))
      (should-not (mew-submit-test-log peer "connect")))))

(ert-deftest mew-submit-send-tests-another-time ()
  "A mail that had a time, and is edited again, gets the one that is asked for now.
When it is not sent, since a hook signals an error for instance, that goes again."
  (dolist (mode '(message-mode mail-mode))
    (dolist (before '("" "X-Mew-Submit-Send-At: 2098-01-01T08:00:00+00:00\n"))
      (with-temp-buffer
        (insert "To: a@x\n" before "Subject: s\n"
                mail-header-separator "\nX-Mew-Submit-Send-At: in the text\n")
        (funcall mode)
        (let* ((lines (lambda () (sort (split-string (buffer-string) "\n") #'string<)))
               (written (funcall lines))
               (mew-submit--sent nil)
               sent
               (send (lambda (&rest _)
                       (interactive)
                       (setq sent (buffer-string))
                       (user-error "Not now"))))
          (cl-letf (((symbol-function 'message-send-and-exit) send)
                    ((symbol-function 'mail-send-and-exit) send))
            (should-error (mew-submit-send-later (date-to-time "2099-12-24T18:00:00Z"))
                          :type 'user-error)
            (should (equal (funcall lines) written))
            (setq send (lambda (&rest _)
                         (interactive)
                         (setq sent (buffer-string)
                               mew-submit--sent '("id" . 0)))))
          (cl-letf (((symbol-function 'message-send-and-exit) send)
                    ((symbol-function 'mail-send-and-exit) send))
            (mew-submit-send-later (date-to-time "2099-12-24T18:00:00Z")))
          (should (equal sent (buffer-string)))
          (goto-char (point-min))
          (should (equal (how-many "^X-Mew-Submit-Send-At: 20") 1))
          (should (re-search-forward "^X-Mew-Submit-Send-At: 2099-" nil t))
          (should (re-search-forward "^X-Mew-Submit-Send-At: in the text$" nil t)))))))

(ert-deftest mew-submit-send-tests-later-by-the-mode ()
  "A mode that has a command of its own to send mail has that look at it."
  (with-temp-buffer
    (insert "To: a@x\nSubject: s\n" mail-header-separator "\n<#secure>b\n")
    (message-mode)
    (let ((map (make-sparse-keymap)))
      (set-keymap-parent map (current-local-map))
      (define-key map [remap message-send-and-exit]
        (lambda () (interactive) (user-error "The tag is not where it encrypts")))
      (use-local-map map))
    (cl-letf (((symbol-function 'message-send-and-exit)
               (lambda (&rest _) (interactive) (ert-fail "It is sent"))))
      (should-error (mew-submit-send-later (date-to-time "2099-12-24T18:00:00Z"))
                    :type 'user-error))))

(ert-deftest mew-submit-send-tests-later-is-never-at-once ()
  "What is to be sent later goes by the outbox, whatever else mail is sent by.
An article of a newsgroup has nothing that could wait for its time."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (let ((send-mail-function (lambda () (error "Sent at once")))
            (message-send-mail-function (lambda () (error "Sent at once"))))
        (pcase-dolist (`(,on ,mode ,header)
                       '((nil message-mode) (nil mail-mode)
                         ;; Where a context of mu4e has set it since.
                         (t message-mode) (t mail-mode)
                         (nil message-mode
                              "X-Message-SMTP-Method: smtp 127.0.0.1 1 u\n")))
          (with-temp-buffer
            (insert "From: me@example.org\nTo: a@x\n" (or header "") "Subject: s\n"
                    mail-header-separator "\nb\n")
            (funcall mode)
            (cl-letf (((symbol-function 'y-or-n-p) #'always)
                      ((symbol-function 'smtpmail-send-it)
                       (lambda (&rest _) (error "Sent at once"))))
              (let ((mew-submit-mode on))
                (mew-submit-send-later (date-to-time "2099-12-24T18:00:00Z")))))
          (let ((entry (car (mew-submit-known--entries))))
            (should (eq (plist-get entry :state) 'held))
            (should (plist-get entry :next))
            (mew-submit-queue--delete (plist-get entry :id))))
        (with-temp-buffer
          (insert "From: me@example.org\nNewsgroups: a.b\nSubject: s\n"
                  mail-header-separator "\nb\n")
          (message-mode)
          (cl-letf (((symbol-function 'message-send-news)
                     (lambda (&rest _) (ert-fail "It is posted"))))
            (should-error (mew-submit-send-later (date-to-time "2099-12-24T18:00:00Z"))
                          :type 'user-error)))))))

;;; mail-mode

(ert-deftest mew-submit-send-tests-mail-mode ()
  "A mail is encoded, gets From, Date, Message-ID and MIME fields, and its Fcc."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (let ((fcc (mew-submit-test--peer-file peer "fcc")))
        (mew-submit-send-tests--mail
         `(("To" . "Jörg <j@x>, a@x") ("BCC" . "b@x,\n\tc@x")
           ("Subject" . "Grüße") ("FCC" . ,fcc))
         "äöü €\nno newline at the end")
        (mew-submit-send-tests--settle)
        (should (equal (mew-submit-test-envelope peer)
                       '("me@example.org" "j@x" "a@x" "b@x" "c@x")))
        (let* ((stored (mew-submit-test-stored peer))
               (lines (mew-submit-send-tests--lines stored)))
          (should (member "MIME-Version: 1.0" lines))
          (should (member "Content-Type: text/plain; charset=utf-8" lines))
          (should (member "Content-Transfer-Encoding: 8bit" lines))
          (should (string-match-p "^Subject: =\\?utf-8\\?" stored))
          (should (string-match-p "^From: Me Myself <me@example.org>" stored))
          (should (string-match-p "^Message-ID: <[^>]+@[^>]+>" stored))
          (should (string-match-p "^Date: " stored))
          (should (string-suffix-p
                   (encode-coding-string
                    "\r\n\r\näöü €\r\nno newline at the end\r\n" 'utf-8)
                   stored))
          (should-not (string-match-p "b?cc:\\|b@x" stored)))
        (should (string-search (encode-coding-string "äöü €" 'utf-8)
                               (mew-submit-test-octets fcc)))))))

(ert-deftest mew-submit-send-tests-mail-mode-narrowed ()
  "All of a mail leaves, and not only what is seen of it."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (with-temp-buffer
        (insert "To: a@x\nSubject: s\n" mail-header-separator "\nfirst\nlast\n")
        (mail-mode)
        (narrow-to-region (point-min) (line-beginning-position 0))
        (let ((seen (buffer-string)))
          (funcall send-mail-function)
          (should (equal (buffer-string) seen))))
      (mew-submit-send-tests--settle)
      (should (string-suffix-p "\r\nfirst\r\nlast\r\n" (mew-submit-test-stored peer))))))

(ert-deftest mew-submit-send-tests-mail-mode-blank-lines-and-bare-names ()
  "All above the separator is the header; Fcc may name a file without a directory."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (let ((default-directory (file-name-directory
                                (mew-submit-test--peer-file peer "fcc"))))
        (mew-submit-send-tests--mail
         '(("To" . "a@x\n\n \t") ("Bcc" . "b@x\n") ("Subject" . "Grüße") ("FCC" . "bare"))
         "one\n\ntwo\n")
        (mew-submit-send-tests--settle)
        (should (equal (mew-submit-test-envelope peer) '("me@example.org" "a@x" "b@x")))
        (let ((stored (mew-submit-test-stored peer)))
          (should (string-suffix-p "\r\n\r\none\r\n\r\ntwo\r\n" stored))
          (should (string-match-p "^Subject: =\\?utf-8\\?" stored))
          (should-not (string-search "b@x" stored)))
        (should (string-search "\n\none\n\ntwo\n"
                               (mew-submit-test-octets (expand-file-name "bare"))))))))

(ert-deftest mew-submit-send-tests-mail-mode-keeps-what-is-there ()
  "Fields that are there are not added again; other charsets are told."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (let ((sendmail-coding-system 'iso-8859-1))
        (mew-submit-send-tests--mail
         '(("From" . "x@example.org") ("To" . "a@x") ("message-id" . "<1@x>")
           ("date" . "Thu, 1 Jan 1970 00:00:00 +0000"))
         "ü\n"))
      (mew-submit-send-tests--settle)
      (let ((stored (mew-submit-test-stored peer)))
        (should (string-search "charset=iso-8859-1" stored))
        (should (string-suffix-p "\r\n\r\n\374\r\n" stored))
        (dolist (name '("from" "date" "message-id"))
          (should (= 1 (mew-submit-send-tests--count (format "^%s:" name)
                                                     stored))))))))

(defun mew-submit-send-tests--count (regexp string)
  "Return how often REGEXP, in lower case, occurs in STRING in any case."
  (with-temp-buffer
    (insert string)
    (let ((case-fold-search t))
      (how-many regexp (point-min) (point-max)))))

(ert-deftest mew-submit-send-tests-envelope-from ()
  "The envelope sender is what the user has set, as with smtpmail."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (let ((send (lambda ()
                    (mew-submit-send-tests--mail
                     '(("From" . "from@x") ("To" . "a@x")) "b\n")
                    (mew-submit-send-tests--settle))))
        (funcall send)
        (let ((mail-specify-envelope-from t)
              (mail-envelope-from "envelope@x"))
          (funcall send))
        (let ((mail-specify-envelope-from t)
              (mail-envelope-from 'header))
          (funcall send))
        (let ((mew-submit-accounts
               (list (mew-submit-test-account peer "ok" :sender "account@x"))))
          (funcall send))
        (should (equal (mapcar (lambda (n)
                                 (car (mew-submit-test-envelope peer n)))
                               '(1 2 3 4))
                       '("from@x" "envelope@x" "from@x" "account@x")))))))

;;; Accounts

(ert-deftest mew-submit-send-tests-account-by-sender ()
  "The first account that fits the sender is used: address, domain, regexp, any."
  (let ((mew-submit-accounts
         '((:name "one" :from "Me@One.example")
           (:name "two" :from "@two.example")
           (:name "three" :from "\\`[^@]+\\+list@")
           (:name "four" :from "four.example")
           (:name "five" :from "a+b@five.example")
           (:name "rest"))))
    (pcase-dolist (`(,sender ,name)
                   '(("me@one.example" "one") ("you@one.example" "rest")
                     ("x@TWO.example" "two") ("x@sub.two.example" "rest")
                     ("me+list@one.example" "three") (nil "rest")
                     ("x@four.example" "four") ("x@five.example" "rest")
                     ("x@notfour.example" "rest") ("a+b@five.example" "five")
                     ("aab@five.example" "rest") ("four.example@x" "rest")))
      (ert-info (sender)
        (should (equal (plist-get (mew-submit-account--choose sender) :name)
                       name)))))
  (let ((mew-submit-accounts '((:name "one" :from "me@x" :server "h")))
        (smtpmail-smtp-server nil)
        (smtpmail-default-smtp-server nil))
    (should-error (mew-submit-account--choose "you@x.example") :type 'mew-submit-config)
    (let ((smtpmail-smtp-server "other"))
      (should (equal (plist-get (mew-submit-account--choose "you@x.example") :server)
                     "other")))
    ;; What is handed out is a copy.
    (let ((account (mew-submit-account--by-name "one")))
      (plist-put account :server "changed")
      (should (equal (plist-get (mew-submit-account--by-name "one") :server)
                     "h")))
    (should-error (mew-submit-account--by-name "none")
                  :type 'mew-submit-config)))

(ert-deftest mew-submit-send-tests-account-for-the-unqualified ()
  "Who has no domain goes by the default account, as its address.
SECURITY: P11."
  (let ((smtpmail-smtp-server nil)
        (smtpmail-default-smtp-server nil)
        (one '(:name "one" :from "me@one.example" :server "h"))
        (two '(:name "two" :from "@two.example" :server "h")))
    (pcase-dolist
        (`(,accounts ,sender ,name ,from)
         `(((,one) "root" "one" "me@one.example")
           ((,one) nil "one" "me@one.example")
           ((,one) "root@localhost" "one" "me@one.example")
           ((,one) "root@vm.LocalDomain" "one" "me@one.example")
           ((,one) ,(concat "root@" (system-name)) "one" "me@one.example")
           ((,one) ,(format "root@%s.example.org" (car (split-string (system-name) "[.]"))) "one"
            "me@one.example")
           ((,one) "nas@nas.local" "one" "me@one.example")
           ((,one) "nas@box.home.arpa" "one" "me@one.example")
           ((,one) "nas@nas-7" "one" "me@one.example")
           ((,one) "raid@10.0.0.5" "one" "me@one.example")
           ((,one) "raid@[10.0.0.5]" "one" "me@one.example")
           ((,one) "root@%H" "one" "me@one.example")
           ((,one) "you@elsewhere.example" nil)
           ((,one) "you@local.example" nil)
           ((,one) "you@elsewhere\u200B.example" nil)
           ((,one ,two) "root" nil)
           ((,one (:default t . ,two)) "root" "two" "root")
           (((:default t :sender "s@two.example" . ,two) ,one) "root" "two"
            "s@two.example")
           (((:name "all" :server "h") ,one) "root" "all" "root")))
      (ert-info ((format "%S %S" accounts sender))
        (let ((mew-submit-accounts accounts))
          (if (null name)
              (should-error (mew-submit-account--choose sender)
                            :type 'mew-submit-config)
            (let ((account (mew-submit-account--choose sender)))
              (should (equal (plist-get account :name) name))
              (should (equal (mew-submit-request--sender account "root" nil)
                             from))
              (should (equal (mew-submit-request--sender account "" nil) ""))
              (should (equal (mew-submit-request--sender account "a@b.example" nil)
                             "a@b.example")))))))))

(ert-deftest mew-submit-send-tests-a-house-keeps-its-addresses ()
  "An account whose own address is of a house sends for others of the house."
  (let ((account '(:from "me@nas.lan" :server "h")))
    (should (equal (mew-submit-account--qualify account "you@nas.lan") "you@nas.lan"))
    (should (equal (mew-submit-account--qualify account "root") "me@nas.lan"))))

(ert-deftest mew-submit-send-tests-account-that-is-none ()
  "What is wrong with the accounts is told in words, with what to do about it.
A key that is misspelt is not ignored.  SECURITY: P12."
  (pcase-dolist
      (`(,accounts . ,words)
       '((("mail.example.org") "no account")
         ((:server) "no account")
         ((:server "h" :usr "me") "is :user meant?")
         ("mail.example.org" "no list of accounts")
         (t "no list of accounts")
         (((:server "h" . "x")) "no account")
         (((:server "h" :user)) "no account")
         (((:name "w" :server "h" :user me))
          "account \"w\"" "has me for :user" "text in double quotes")
         (((:server h)) "without a name" "has h for :server")
         (((:server "h" :tls requierd)) "requierd for :tls")
         (((:server "h" :fallback "never")) "\"never\" for :fallback")
         (((:server "h" :token-command (a))) ":token-command")
         (((:serverr "h")) ":serverr" "is :server meant?")
         (((:server "h" :requires-tls t)) "is :require-tls meant?")
         (((:server "h" :fallbak never)) "is :fallback meant?")
         (((:server "h") (:server "h" :usr "me")) "is :user meant?")
         (((:server "h" :colour "red")) ":colour, which means nothing.")
         (nil "no account for mail from me@x")))
    (ert-info ((format "%S" accounts))
      (let* ((mew-submit-accounts accounts)
             (smtpmail-smtp-server nil)
             (smtpmail-default-smtp-server nil)
             (text (mew-submit-error--text
                    (should-error (mew-submit-account--choose "me@x")
                                  :type 'mew-submit-config))))
        (dolist (word (cons "M-x mew-submit-setup" words))
          (should (string-search word text)))
        (should-not (string-search ":text" text))
        ;; What only looks goes on.
        (should-not (mew-submit-account--like '(:name "a")))
        ;; Whoever presses C-c C-c sees the same words, and no Lisp.
        (mew-submit-test-with-directory mew-submit-outbox-directory
          (with-temp-buffer
            (insert "From: me@x\nTo: a@x\n" mail-header-separator "\nb\n")
            (should (equal (cadr (should-error (mew-submit-send-it)
                                               :type 'user-error))
                           text)))))))
  (should (equal (mew-submit-error--text
                  (should-error (mew-submit-request--account
                                 '(:server "h" :requires-tls t) nil)))
                 (mew-submit-error--text
                  (should-error (mew-submit-account--check
                                 '(:server "h" :requires-tls t))))))
  (let ((account '(:name "w" :server "h" :routes ((25 ipv4 none)) :user nil
                         :token-command ("a" "b") :source "192.0.2.1"
                         :dsn-notify (failure) :hold-for "60" :password "s"
                         :memory "/m" :timeout 1)))
    (should (equal (mew-submit-account--check account) account))))

(ert-deftest mew-submit-send-tests-account-from-smtpmail ()
  "smtpmail's variables mean what they meant, and TLS is required where it can be."
  (let ((smtpmail-smtp-server "mail.example.org")
        (smtpmail-default-smtp-server nil)
        (mew-submit-accounts nil))
    (pcase-dolist (`(,service ,stream-type . ,expected)
                   '((587 nil) (587 starttls) ("submission" starttls)
                     ;; As with smtpmail 25 comes first, for who has no user.
                     (25 nil :routes "25:starttls,587:starttls,465:implicit"
                         :fallback always)
                     ("smtp" starttls
                      :routes "25:starttls,587:starttls,465:implicit"
                      :fallback always)
                     (nil nil :routes "25:starttls,587:starttls,465:implicit"
                          :fallback always)
                     (465 nil :plan "submissions") (465 ssl :plan "submissions")
                     ("smtps" tls :plan "submissions")
                     (25 ssl :plan "submissions")
                     (587 ssl :routes "587:implicit")
                     (2525 nil :routes "2525:starttls")
                     ("2525" plain :routes "2525:none" :tls none)
                     (587 plain :tls none)
                     (25 plain :fallback always :tls none)
                     (465 plain :plan "submissions")))
      (let ((smtpmail-smtp-service service)
            (smtpmail-stream-type stream-type)
            (smtpmail-smtp-user nil)
            (smtpmail-local-domain nil))
        (ert-info ((format "%S %S" service stream-type))
          (should (equal (mew-submit-account--choose "me@x")
                         (append '(:name "smtpmail" :server "mail.example.org")
                                 expected))))))
    (let ((smtpmail-smtp-service "nonsense"))
      (should-error (mew-submit-account--choose "me@x") :type 'mew-submit-config))
    ;; On this machine smtpmail needs no TLS; there it is not asked for either.
    (dolist (server '("localhost" "127.0.0.1" "127.1.2.3" "::1" "[::1]"))
      (pcase-dolist (`(,service ,stream-type ,user . ,expected)
                     '((25 nil nil :routes "25:none" :tls none :auth "none")
                       (1025 nil nil :routes "1025:none" :tls none :auth "none")
                       (587 nil nil) (465 nil nil :plan "submissions")
                       (1025 starttls nil :routes "1025:starttls")
                       ;; No password leaves without TLS.
                       (1025 nil "me" :routes "1025:starttls" :user "me")
                       (25 nil "me" :fallback always :user "me")))
        (let ((smtpmail-smtp-server server)
              (smtpmail-smtp-service service)
              (smtpmail-stream-type stream-type)
              (smtpmail-smtp-user user)
              (smtpmail-local-domain nil))
          (ert-info ((format "%s %S %S %S" server service stream-type user))
            (should (equal (cddddr (mew-submit-account--choose "me@x"))
                           expected))))))
    (dolist (server '("mail.localhost.example" "10.127.0.0.1" "127.example" ""))
      (should-not (mew-submit-account--local-p server)))
    (let* ((smtpmail-smtp-service 587)
           (smtpmail-stream-type nil)
           (smtpmail-smtp-user "me")
           (smtpmail-local-domain "example.org")
           (account (mew-submit-account--choose "me@x")))
      (should (equal (plist-get account :user) "me"))
      (should (string-suffix-p ".example.org" (plist-get account :helo))))))

(ert-deftest mew-submit-send-tests-smtpmail-variables-are-enough ()
  "With nothing but smtpmail's variables and auth-source, mail is sent."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=ok,implicit")
    (mew-submit-send-tests--with-world (world peer nil)
      (let* ((port (mew-submit-test-port peer "ok"))
             (smtpmail-smtp-server "127.0.0.1")
             (smtpmail-smtp-service port)
             (smtpmail-stream-type 'ssl)
             (smtpmail-smtp-user "me")
             (auth-sources
              (list (mew-submit-test-write
                     (mew-submit-test--peer-file peer "authinfo")
                     (format "machine 127.0.0.1 port %d login me password s3cret\n"
                             port))))
             (choose (symbol-function 'mew-submit-account--choose)))
        ;; The test server's CA is not the system's.
        (cl-letf (((symbol-function 'mew-submit-account--choose)
                   (lambda (&rest args)
                     (append (apply choose args)
                             (list :ca-file (mew-submit-test-ca peer))))))
          (mew-submit-send-tests--mail '(("From" . "me@x") ("To" . "a@x")) "b\n"))
        (mew-submit-send-tests--settle)
        (should (mew-submit-test-stored peer))
        (should (equal (plist-get (car (mew-submit-test-log peer "auth")) :user)
                       "me"))))))

(ert-deftest mew-submit-send-tests-smtp-method-header ()
  "X-Message-SMTP-Method chooses server, port and user, and never leaves."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer nil)
      (let ((choose (symbol-function 'mew-submit-account--choose))
            chosen)
        (cl-letf (((symbol-function 'mew-submit-account--choose)
                   (lambda (&rest args)
                     (setq chosen (apply choose args))
                     (append chosen
                             (list :ca-file (mew-submit-test-ca peer))))))
          (mew-submit-send-tests--mail
           `(("From" . "me@x") ("To" . "a@x")
             ("X-Message-SMTP-Method" .
              ,(format "smtp 127.0.0.1 %d" (mew-submit-test-port peer "ok"))))
           "b\n"))
        (mew-submit-send-tests--settle)
        (should (equal (plist-get chosen :server) "127.0.0.1"))
        (should-not (string-search "X-Message" (mew-submit-test-stored peer))))
      (should (equal (mew-submit-account--choose "me@x" "smtp h.example 465 you")
                     '(:name "smtpmail" :server "h.example" :plan "submissions"
                             :user "you")))
      (should-error (mew-submit-account--choose "me@x" "sendmail")
                    :type 'mew-submit-config))))

(ert-deftest mew-submit-send-tests-account-is-frozen ()
  "What the user changes after sending changes nothing for mail that was sent."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,greeting=hold:go")
    (mew-submit-send-tests--with-world (world peer "ok")
      (mew-submit-send-tests--mail '(("From" . "me@x") ("To" . "a@x")) "b\n")
      (plist-put (car mew-submit-accounts) :server "elsewhere.invalid")
      (mew-submit-test-go peer)
      (mew-submit-send-tests--settle)
      (should (mew-submit-test-stored peer)))))

(ert-deftest mew-submit-send-tests-settings-are-risky ()
  "No file-local variable can send mail or a password elsewhere."
  (dolist (variable '(mew-submit-accounts mew-submit-module-directory
                      mew-submit-outbox-directory mew-submit-fallback))
    (should (risky-local-variable-p variable))))

(ert-deftest mew-submit-send-tests-accounts-can-be-customized ()
  "The accounts fit their type, so Customize shows and edits them."
  (require 'wid-edit)
  (let ((widget (widget-convert (get 'mew-submit-accounts 'custom-type))))
    (should (widget-apply widget :match
                          '((:name "a" :from "me@x" :server "h" :tls required
                                   :plan "submission" :family ipv4))))
    (should-not (widget-apply widget :match "smtp.example.org")))
  (mapatoms
   (lambda (symbol)
     (when (and (string-prefix-p "mew-submit-" (symbol-name symbol))
                (get symbol 'custom-type))
       (ert-info ((symbol-name symbol))
         (should (widget-apply (widget-convert (get symbol 'custom-type))
                               :match (default-value symbol)))
         (should (documentation-property symbol 'variable-documentation)))))))

;;; auth-source

(ert-deftest mew-submit-send-tests-auth-source-entries ()
  "Entries as smtpmail uses them are found, the one for the port first."
  (mew-submit-test-with-directory directory
    (let ((auth-source-do-cache nil)
          (auth-sources
           (list (mew-submit-test-write
                  (expand-file-name "authinfo" directory)
                  "machine h port 465 login implicit password p1
machine h port submission login starttls password p2
machine any login everywhere password p3
machine old port smtp login ancient password p4\n"))))
      (pcase-dolist (`(,host ,port ,user ,expected ,password)
                     '(("h" 465 nil "implicit" "p1")
                       ("h" 587 nil "starttls" "p2")
                       ("h" 587 "implicit" "implicit" "p1")
                       ("h" 25 nil "implicit" "p1")
                       ("any" 2525 nil "everywhere" "p3")
                       ("old" 587 nil "ancient" "p4")
                       ("h" 587 "nobody" nil nil)
                       ("none" 587 nil nil nil)))
        (ert-info ((format "%s %s %s" host port user))
          (let* ((found (mew-submit-auth--lookup host port user))
                 (secret (plist-get found :secret)))
            (should (equal (plist-get found :user) expected))
            (when password
              ;; It stays a function until it is needed.
              (should (functionp secret))
              (should (equal (funcall secret) password)))))))))

(ert-deftest mew-submit-send-tests-auth-source-is-not-harmed ()
  "The password that is wiped after use is not the one auth-source keeps."
  (mew-submit-test-with-directory directory
    (let ((auth-sources
           (list (mew-submit-test-write
                  (expand-file-name "authinfo" directory)
                  "machine wipe.example port 587 login me password pässword\n")))
          (event '(:event ask :job 1 :what "password" :host "wipe.example"
                          :port 587 :user "me")))
      (dotimes (_ 2)
        (let ((answer (mew-submit-dialog--answer event)))
          (should (equal answer
                         (cons "me" (encode-coding-string "pässword" 'utf-8))))
          (clear-string (cdr answer)))))))

(ert-deftest mew-submit-send-tests-refused-password-is-forgotten ()
  "After a refusal a corrected entry is used; nothing wrong is tried again."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=ok")
    (mew-submit-send-tests--with-world (world peer "ok")
      (let* ((authinfo (mew-submit-test--peer-file peer "authinfo"))
             (auth-sources (list authinfo))
             (mew-submit-accounts
              (list (mew-submit-test-account peer "ok" :user "me")))
             (send (lambda (password time)
                     (mew-submit-test-write
                      authinfo (format "machine 127.0.0.1 login me password %s\n"
                                       password))
                     (set-file-times authinfo time)
                     (mew-submit-send-tests--mail
                      '(("From" . "me@x") ("To" . "a@x")) "b\n")
                     (mew-submit-send-tests--settle))))
        (funcall send "wr0ng" 1)
        (should-not (mew-submit-test-stored peer))
        (should (= (length (mew-submit-test-log peer "auth")) 1))
        (funcall send "s3cret" 2)
        (should (mew-submit-test-stored peer))
        (dolist (text (append (mew-submit-send-tests-world-warnings world)
                              (mew-submit-send-tests-world-messages world)))
          (should-not (string-match-p "wr0ng\\|s3cret" text)))))))

;;; Questions

(ert-deftest mew-submit-send-tests-fallback-is-a-choice ()
  "`ask' asks, and `never' never leaves the preferred port."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=shut,refused"
                                   "127.0.0.1:0,name=open")
    (mew-submit-send-tests--with-world (world peer nil)
      (let* ((answer nil)
             (questions nil)
             (mew-submit-accounts
              (list (append
                     (list :routes (format "%d:starttls,%d:starttls"
                                           (mew-submit-test-port peer "shut")
                                           (mew-submit-test-port peer "open")))
                     (mew-submit-test-account peer "open"))))
             (send (lambda (rule)
                     (let ((mew-submit-fallback rule))
                       (mew-submit-send-tests--mail
                        '(("From" . "me@x") ("To" . "a@x")) "b\n")
                       (mew-submit-send-tests--settle)))))
        (cl-letf (((symbol-function 'mew-submit-dialog--fallback)
                   (lambda (event)
                     (push event questions)
                     answer)))
          (funcall send 'never)
          (should-not questions)
          (should-not (mew-submit-test-log peer "connect"))
          (funcall send 'ask)
          (should (= (length questions) 1))
          (should-not (mew-submit-test-stored peer))
          (setq answer "yes")
          (funcall send 'ask)
          (should (= (length questions) 2))
          (should (mew-submit-test-stored peer 1))
          (funcall send 'always)
          (should (= (length questions) 2))
          (should (mew-submit-test-stored peer 2))))))
  ;; In batch mode nobody is asked.
  (should-not (mew-submit-dialog--answer
               '(:event ask :job 1 :what "fallback" :port 25
                        :preferred-port 587 :host "h"))))

;;; The Lisp interface

(ert-deftest mew-submit-send-tests-send-a-file ()
  "`mew-submit-send' returns at once, and leaves the file as it is."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let* ((text "From: me@x\nTo: a@x\nBcc: b@x\n\nbody\n")
           (file (mew-submit-test-write
                  (mew-submit-test--peer-file peer "m") text))
           (tmp (mew-submit-test--peer-file peer "tmp/"))
           (events nil)
           (ends nil))
      (make-directory tmp)
      (let* ((temporary-file-directory tmp)
             (handle (mew-submit-send
                      file :account (mew-submit-test-account peer "ok")
                      :on-event (lambda (event)
                                  (push (plist-get event :event) events))
                      :on-done (lambda (event) (push event ends)))))
        (should-not events)
        (let ((done (mew-submit-wait handle mew-submit-test-patience)))
          (should (equal (plist-get done :result) "delivered"))
          (should (equal ends (list done)))
          (should (eq (car events) 'done))
          (should (equal (mew-submit-wait handle 0) done))))
      (should (equal (mew-submit-test-envelope peer) '("me@x" "a@x" "b@x")))
      (should-not (string-search "b@x" (mew-submit-test-stored peer)))
      (should (equal (mew-submit-test-octets file) text))
      (should (directory-empty-p tmp))
      ;; An envelope of the caller's.
      (mew-submit-wait (mew-submit-send
                        file :account (mew-submit-test-account peer "ok")
                        :from "" :recipients '("c@x" "c@x"))
                       mew-submit-test-patience)
      (should (equal (mew-submit-test-envelope peer 2) '("" "c@x"))))))

(ert-deftest mew-submit-send-tests-quit-leaves-nothing ()
  "Who quits before there is a job leaves no copy and no password behind."
  (mew-submit-test-with-directory directory
    (let* ((temporary-file-directory directory)
           (file (mew-submit-test-write (expand-file-name "raw" directory)
                                        "From: me@x\nTo: a@x\nBcc: b@x\n\nb\n"))
           (real (symbol-function 'mew-submit-parcel--send))
           given)
      (cl-letf (((symbol-function 'mew-submit-message--copy-rest)
                 (lambda (&rest _) (signal 'quit nil)))
                ((symbol-function 'mew-submit-parcel--send)
                 (lambda (parcel account)
                   (setq given (plist-get account :password))
                   (funcall real parcel account))))
        (should (eq 'quit (condition-case nil
                              (mew-submit-send file :account '(:server "h.example" :user "u"
                                                                       :password "s3cret"))
                            (quit 'quit)))))
      (should given)
      (should-not (equal given "s3cret"))
      (should (equal (directory-files directory nil "\\`[^.]") '("raw"))))))

(ert-deftest mew-submit-send-tests-failure-comes-by-callback ()
  "Whatever is wrong is told by ON-DONE and never signalled; without it, warned of."
  (mew-submit-test-with-directory directory
    (let ((good (mew-submit-test-write (expand-file-name "m" directory)
                                       "From: me@x\nTo: a@x\n\nb\n"))
          (empty (mew-submit-test-write (expand-file-name "e" directory) "")))
      (pcase-dolist
          (`(,kind ,file . ,keys)
           `(("message" ,(expand-file-name "no" directory)
              :account (:server "h"))
             ("message" ,empty :account (:server "h"))
             ("message" ,good :account (:server "h") :recipients ("a b"))
             ("message" ,good :account (:server "a b"))
             ("config" ,good :account (:name "x"))
             ("config" ,good :account "no such account")
             ("config" ,good :account (:server "h" :plan "nonsense"))
             ("config" ,good :account (:server "h" :routes "0:none"))
             ("config" ,good :account (:server "h" :ca-file ,(mew-submit-test-missing "ca.pem")))))
        (ert-info ((format "%S %S" file keys))
          (let* ((warnings nil)
                 (ends nil)
                 (handle (apply #'mew-submit-send file
                                :on-done (lambda (done) (push done ends))
                                keys)))
            (should-not ends)
            (let ((done (mew-submit-wait handle mew-submit-test-patience)))
              (should (equal ends (list done)))
              (should (equal (plist-get done :kind) kind))
              (should (equal (plist-get done :result) "refused")))
            (cl-letf (((symbol-function 'display-warning)
                       (lambda (_type text &rest _) (push text warnings))))
              (mew-submit-wait (apply #'mew-submit-send file keys)
                               mew-submit-test-patience))
            (should (= (length warnings) 1))))))))

(ert-deftest mew-submit-send-tests-cancel ()
  "`mew-submit-cancel' stops one submission, or all, and says whether it ran."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=stall,greeting=stall")
    (let* ((file (mew-submit-test-write (mew-submit-test--peer-file peer "m")
                                        "From: me@x\nTo: a@x\n\nb\n"))
           (start (lambda ()
                    (mew-submit-send
                     file :account (mew-submit-test-account peer "stall")
                     :on-done #'ignore)))
           (one (funcall start)))
      (should (mew-submit-cancel one))
      (should (equal (plist-get (mew-submit-wait one mew-submit-test-patience) :result) "cancelled"))
      (should-not (mew-submit-cancel one))
      (let ((more (list (funcall start) (funcall start))))
        (should (mew-submit-cancel))
        (dolist (handle more)
          (should (equal (plist-get (mew-submit-wait handle mew-submit-test-patience) :result)
                         "cancelled"))))
      (should-not (mew-submit-cancel)))))

(ert-deftest mew-submit-send-tests-progress-while-waiting ()
  "Progress is told while the peer takes what is in the kernel already.
It is what the peer has acknowledged, and it never goes back."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=slow,rcvbuf=4k,block-at=200k,block=hold:go")
    (mew-submit-test-with-directory directory
      (let* ((file (mew-submit-test-write
                    (expand-file-name "m" directory)
                    (concat "From: me@x\nTo: a@x\nSubject: s\n\n"
                            (mapconcat #'identity
                                       (make-list 8000 (make-string 70 ?x))
                                       "\n")
                            "\n")))
             parts done)
        (mew-submit-send file :account (mew-submit-test-account peer "slow")
                         :on-event (lambda (event)
                                     (when (eq (plist-get event :event) 'progress)
                                       (push (/ (* 100 (plist-get event :sent))
                                                (plist-get event :total))
                                             parts)))
                         :on-done (lambda (event) (setq done event)))
        (mew-submit-test-until ("progress in the middle")
          (seq-some (lambda (part) (< 10 part 90)) parts))
        (mew-submit-test-go peer)
        (mew-submit-test-until ("the end") done)
        (should (equal (plist-get done :result) "delivered"))
        (setq parts (nreverse parts))
        (should (apply #'<= parts))
        (should (= (car (last parts)) 100))))))

(ert-deftest mew-submit-send-tests-full-disk ()
  "Of a mail that finds no room it is said that it does not get into the outbox."
  (mew-submit-test-with-directory directory
    (let ((mew-submit-outbox-directory directory))
      (with-temp-buffer
        (insert "From: me@example.org\nTo: a@example.org\n" mail-header-separator "\nHello\n")
        (cl-letf (((symbol-function 'mew-submit--write-message)
                   (lambda (file)
                     (signal 'file-error
                             (list "Write error" "No space left on device" file)))))
          (should (string-match-p
                   "\\`The message cannot be written to the outbox: .*No space left"
                   (mew-submit-error--text (should-error (mew-submit--send-buffer))))))
        (should-not (directory-files directory nil "\\`[^.]"))))))

(provide 'mew-submit-send-tests)
;;; mew-submit-send-tests.el ends here
