;;; mew-submit-clients-tests.el --- Tests for the mode and for copies -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What the mode sets and puts back, and what becomes of copies that cannot be filed.
;; The clients themselves are in test/clients.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'message)
(require 'rmail)
(require 'mew-submit)
(require 'mew-submit-background)
(require 'mew-submit-clients)
(require 'mew-submit-edit)
(require 'mew-submit-mew)

(declare-function rmail-cease-edit "rmailedit" ())
(defvar gnus-agent-queue-mail)
(defvar gnus-plugged)
(defvar gnus-started-hook)
(defvar smtpmail-default-smtp-server)
(defvar smtpmail-queue-dir)
(defvar mew-queue-info-suffix)
(defvar rfc2047-header-encoding-alist)
(defvar smtpmail-queue-mail)
(defvar smtpmail-smtp-server)
(defvar warning-minimum-level)

(defmacro mew-submit-clients-tests--with-mode (&rest body)
  "Run BODY where the mode can be turned on, with an outbox of its own."
  (declare (indent 0))
  `(mew-submit-test-with-directory directory
     (let ((mew-submit-outbox-directory (expand-file-name "outbox/" directory))
           (mew-submit-memory-file nil)
           (mew-submit-keep-connection 0)
           (smtpmail-queue-dir directory)
           (send-mail-function 'sendmail-send-it)
           (message-send-mail-function 'message-send-mail-with-sendmail)
           (message-fcc-handler-function 'message-output)
           (message-send-hook (list 'ignore))
           (message-header-hook nil)
           (message-mode-hook nil)
           (gnus-started-hook nil)
           (user-mail-address "me@x")
           (mail-host-address "x")
           (message-signature nil)
           (message-interactive t))
       (ignore directory)
       (unwind-protect
           (progn ,@body)
         (mew-submit-mode -1)
         (mew-submit-dispatch--stop)))))

(ert-deftest mew-submit-clients-tests-on-and-off ()
  "Turned off, everything is as it was; hooks of the user's stay."
  (mew-submit-clients-tests--with-mode
    (mew-submit-mode 1)
    (should (eq send-mail-function #'mew-submit-send-it))
    (should (eq message-send-mail-function #'mew-submit-send-it))
    ;; On again is no reason to forget what was there.
    (mew-submit-mode 1)
    (should (eq message-send-mail-function #'mew-submit-send-it))
    (mew-submit-mode -1)
    (should (eq send-mail-function 'sendmail-send-it))
    (should (eq message-send-mail-function 'message-send-mail-with-sendmail))
    (should (equal (list message-send-hook message-header-hook message-mode-hook
                         gnus-started-hook)
                   '((ignore) nil nil nil)))
    (mew-submit-mode -1)
    (should (eq send-mail-function 'sendmail-send-it))))

(defun mew-submit-clients-tests--header (mode text send)
  "Return the header of the mail TEXT when SEND has sent it in MODE.
It is held, and taken out of the outbox again."
  (let ((smtpmail-queue-mail t)
        (mew-submit-accounts '((:server "127.0.0.1")))
        (message-inhibit-body-encoding nil))
    (with-temp-buffer
      (funcall mode)
      (insert text mail-header-separator "\nb\n")
      (cl-letf (((symbol-function 'y-or-n-p) (lambda (&rest _) t)))
        (funcall send)))
    (let* ((entry (car (mew-submit-known--entries)))
           (octets (mew-submit-test-octets (mew-submit-spool--message-file entry))))
      (mew-submit-queue--delete (plist-get entry :id))
      (cons entry (decode-coding-string
                   (substring octets 0 (string-search "\n\n" octets)) 'utf-8)))))

(ert-deftest mew-submit-clients-tests-utf8-addresses ()
  "A local part that is not ASCII is left as it is; no encoded word is an address."
  :tags '(:module)
  (require 'sendmail)
  (mew-submit-clients-tests--with-mode
    (require 'rfc2047)
    (let ((before rfc2047-header-encoding-alist))
      (mew-submit-mode 1)
      (pcase-dolist (`(,mode ,send) '((message-mode message-send)
                                      (mail-mode mail-send)))
        (pcase-dolist
            (`(,field ,recipients ,wanted)
             '(("To: Jörg <jörg@x>" ("jörg@x") "To: Jörg <jörg@x>")
               ("To: jörg@x" ("jörg@x") "To: jörg@x")
               ("To: a@x,\n Jörg <jörg@x>" ("a@x" "jörg@x") "Jörg <jörg@x>")
               ("To: Jörg <a@x>" ("a@x") "=[?].*[?]= <a@x>")
               ("To: \"Jörg@work\" <a@x>" ("a@x") "=[?].*[?]= <a@x>")
               ("Subject: jörg@x\nTo: a@x" ("a@x") "Subject: =[?]")))
          (ert-info ((format "%s %s" mode field))
            (pcase-let ((`(,entry . ,header)
                         (mew-submit-clients-tests--header
                          mode
                          ;; Emacs 30 wants to know who writes.
                          (concat "From: me@x\n" field "\n") send)))
              (should (equal (plist-get entry :recipients) recipients))
              (should (string-match-p wanted header))))))
      (mew-submit-mode -1)
      (should (equal rfc2047-header-encoding-alist before)))))

(ert-deftest mew-submit-clients-tests-several-authors ()
  "Of several authors one is the sender, in the header and in the envelope."
  :tags '(:module)
  (require 'sendmail)
  (mew-submit-clients-tests--with-mode
    (mew-submit-mode 1)
    (pcase-dolist
        (`(,from ,sender ,envelope)
         '(("From: a@x, Me <me@x>\n" "Sender: a@x" "a@x")
           ("From: a@x,\n Me <me@x>\n" "Sender: a@x" "a@x")
           ("From: a@x, me@x\nSender: me@x\n" "Sender: me@x" "me@x")
           ("From: \"Meyer,\n Jo\" <me@x>\n" nil "me@x")
           ("From: me@x (Meyer, Jo)\n" nil "me@x")))
      (pcase-dolist (`(,mode ,send) '((message-mode message-send) (mail-mode mail-send)))
        (ert-info ((format "%s %s" mode from))
          (pcase-let* ((`(,entry . ,header)
                        (mew-submit-clients-tests--header
                         mode (concat from "To: b@x\nSubject: s\n") send))
                       (case-fold-search t)
                       (start (string-match "^Sender:.*" header)))
            (should (equal (and start (match-string 0 header)) sender))
            (should-not (and start (string-match "^Sender:" header (1+ start))))
            (should (equal (plist-get entry :from) envelope))))))))

(ert-deftest mew-submit-clients-tests-names-alone ()
  "A name for which nobody gave an address is told while the mail is still a buffer."
  :tags '(:module)
  (require 'sendmail)
  (mew-submit-clients-tests--with-mode
    (mew-submit-mode 1)
    (let ((smtpmail-queue-mail t)
          (mew-submit-accounts '((:server "mail.example.org" :from "me@x")
                                 (:server "localhost"))))
      (pcase-dolist
          (`(,header ,wanted)
           '(("From: me@x\nTo: Meyer, Jo <j@x>\n" "\"Meyer, Jo\"")
             ("From: me@x\nTo: a@x\nCc: b@x, jo\n" "alias: jo")
             ("From: me@x\nTo: a@x\nBcc: \"b@x\"\n" "In quotes it is a name")
             ("From: me@x\nTo: a@x\nReply-To: jo\n" "alias: jo")
             ("From: me@x\nTo: a@x\nReply-To: a@x b@x\n" "Not an address: <a@x b@x>")
             ("From: Meyer, Jo <me@x>\nTo: a@x\n" "\"Meyer, Jo\"")
             ("From: \"Meyer, Jo\" <me@x>\nTo: a@x\nReply-To:\n" nil)
             ;; The server is this machine: its users have no domain.
             ("From: root\nTo: root, jo\n" nil)
             ("From: root@y\nTo: Meyer, Jo <j@x>\n" "\"Meyer, Jo\"")))
        (pcase-dolist (`(,mode ,send) '((message-mode message-send) (mail-mode mail-send)))
          (ert-info ((format "%s %s" mode header))
            (let ((told (with-temp-buffer
                          (funcall mode)
                          (insert header mail-header-separator "\nb\n")
                          (condition-case err
                              (cl-letf (((symbol-function 'y-or-n-p) (lambda (&rest _) t)))
                                (funcall send)
                                nil)
                            (user-error (error-message-string err))))))
              (if wanted
                  (should (string-search wanted told))
                (should-not told))
              (should (equal (length (mew-submit-known--entries)) (if wanted 0 1)))
              (dolist (entry (mew-submit-known--entries))
                (mew-submit-queue--delete (plist-get entry :id))))))))))

(ert-deftest mew-submit-clients-tests-hook-is-run-once ()
  "`message-send-mail-hook' is run once, whoever calls us; Sender is no envelope."
  :tags '(:module)
  (mew-submit-clients-tests--with-mode
    (dolist (function '(mew-submit-send-it message-use-send-mail-function))
      (dolist (field '("" "X-Message-SMTP-Method: smtp 127.0.0.1 25\n"))
        (ert-info ((format "%s %s" function field))
          (mew-submit-mode 1)
          (let* ((message-send-mail-function function)
                 (count 0)
                 (message-send-mail-hook (list (lambda () (setq count (1+ count)))))
                 (entry (car (mew-submit-clients-tests--header
                              #'message-mode
                              (concat "From: me@x\nSender: login@laptop.local\n"
                                      "To: a@x\n" field)
                              #'message-send))))
            (should (= count 1))
            (should (equal (plist-get entry :from) "me@x"))))))))

(ert-deftest mew-submit-clients-tests-flush-keys ()
  "What sends the queue of smtpmail in a client sends ours, and that one's."
  :tags '(:module)
  (mew-submit-clients-tests--with-mode
    (mew-submit-mode 1)
    (should (eq (command-remapping 'smtpmail-send-queued-mail)
                #'mew-submit-send-queued-mail))
    (let (taken)
      (write-region "/nowhere/mail\n" nil (expand-file-name "index" directory) nil
                    'silent)
      (cl-letf (((symbol-function 'mew-submit-take-smtpmail-queue)
                 (lambda () (setq taken t))))
        (mew-submit-send-queued-mail))
      (should taken))
    (mew-submit-mode -1)
    (should-not (command-remapping 'smtpmail-send-queued-mail))))

(ert-deftest mew-submit-clients-tests-one-that-stays-held ()
  "A held mail that cannot be sent keeps no other from it, and is told."
  (let ((entries (mapcar (lambda (id) (list :id id :state 'held :held 'flush))
                         '("1" "2" "3")))
        sent)
    (cl-letf (((symbol-function 'mew-submit-clients--smtpmail-queued) #'ignore)
              ((symbol-function 'mew-submit-known--refresh) #'ignore)
              ((symbol-function 'mew-submit-known--entries) (lambda () entries))
              ((symbol-function 'mew-submit-queue--flush) #'ignore)
              ((symbol-function 'mew-submit-queue--send)
               (lambda (id)
                 (if (equal id "1")
                     (signal 'mew-submit-config '(:text "The account is gone"))
                   (push id sent)))))
      (should (equal (error-message-string
                      (should-error (mew-submit-send-queued-mail) :type 'user-error))
                     "1 of 3 mails stay held: The account is gone"))
      (should (equal sent '("3" "2"))))))

(ert-deftest mew-submit-clients-tests-an-unusable-outbox-is-told-in-words ()
  "What is wrong with the outbox is said to who looks into it, and not as a plist."
  (mew-submit-test-with-directory directory
    (let ((mew-submit-outbox-directory directory))
      (mew-submit-test-write (expand-file-name "x.eml" directory) "Subject: s\n\nb\n")
      (set-file-modes directory #o777)
      (dolist (command '(mew-submit-outbox mew-submit-undo-send
                                           mew-submit-send-queued-mail))
        (ert-info ((symbol-name command))
          (should (string-match-p
                   "\\`Others can write to the outbox"
                   (cadr (should-error (call-interactively command)
                                       :type 'user-error)))))))))

(ert-deftest mew-submit-clients-tests-taken-once ()
  "What was taken over before Emacs died is not sent twice, whatever came of it.
SECURITY: P14."
  :tags '(:module)
  (mew-submit-clients-tests--with-mode
    (let* ((mew-submit-accounts '((:server "127.0.0.1" :routes "1:none" :tls none
                                           :auth "none")))
           (smtpmail-queue-mail t)
           (file (expand-file-name "mail" directory))
           (queue (lambda (&rest recipients)
                    (mew-submit-test-write
                     file "From: me@x\nMessage-ID: <1@x>\nSubject: s\n\nb\n")
                    (mew-submit-test-write
                     (concat file ".el")
                     (prin1-to-string
                      `(setq smtpmail-recipient-address-list ,recipients)))
                    (mew-submit-test-write (expand-file-name "index" directory)
                                           (concat file "\n"))
                    (mew-submit-take-smtpmail-queue)))
           (count (lambda () (length (mew-submit-spool--ids
                                      mew-submit-outbox-directory)))))
      (funcall queue "a@x" "b@x")
      (should (= (funcall count) 1))
      (should-not (file-exists-p file))
      ;; As after a power failure: it is in both.
      (funcall queue "a@x" "b@x")
      (should (= (funcall count) 1))
      (should-not (file-exists-p file))
      ;; The same for somebody else is another one.
      (funcall queue "c@x")
      (should (= (funcall count) 2))
      (dolist (entry (mew-submit-known--entries))
        (mew-submit-fate--finish
         (mew-submit-spool--with entry :delivered (plist-get entry :recipients))
         nil))
      (should (= (funcall count) 0))
      (funcall queue "b@x" "a@x")
      (funcall queue "c@x")
      (should (= (funcall count) 0))
      (funcall queue "d@x")
      (should (= (funcall count) 1)))))

(ert-deftest mew-submit-clients-tests-mew-bcc-fails ()
  "A mail that is in the outbox leaves Mew's queue, even if its Bcc fails; that is told.
Mew's functions are played here; itself it is in test/clients.  SECURITY: P14."
  (let ((mew-queue-info-suffix ".mqi")
        acts warnings)
    (cl-letf (((symbol-function 'mew-lisp-load) (lambda (_) (vector)))
              ((symbol-function 'mew-submit-mew--info) #'identity)
              ((symbol-function 'mew-submit-mew--data) #'identity)
              ((symbol-function 'mew-submit-mew--account) (lambda (_) '(:server "h")))
              ((symbol-function 'mew-smtp-set-case) #'ignore)
              ((symbol-function 'mew-smtp-get-fcc) #'ignore)
              ((symbol-function 'mew-smtp-port) (lambda (_) 25))
              ((symbol-function 'mew-smtp-get-bcc) (lambda (_) "b@x"))
              ((symbol-function 'mew-submit-mew--add) (lambda (&rest _) (push 'add acts)))
              ((symbol-function 'mew-submit-mew--bcc)
               (lambda (&rest _) (error "No draft folder")))
              ((symbol-function 'mew-submit-mew--back-up)
               (lambda (_) (push 'back-up acts)))
              ((symbol-function 'display-warning)
               (lambda (_ text &rest _) (push text warnings))))
      (should (mew-submit-mew--take "/queue/1" "default")))
    (should (equal acts '(back-up add)))
    (should (= (length warnings) 1))
    (should (string-match-p "NOT .*No draft folder.*b@x" (car warnings)))))

(ert-deftest mew-submit-clients-tests-mew-takes-no-key ()
  "A password that Mew does not remember is asked for when the user comes to that.
Mew's own prompt would come by itself, and take what is typed.  SECURITY: P2."
  (let* ((noninteractive nil)
         (auth-sources nil)
         (mew-submit-question--list nil)
         (mew-submit-question--hook nil)
         (event '(:what "password" :host "h" :port 587 :user "u" :job 1))
         (typed "")
         kept asked answer
         (ask (lambda (&rest wrong)
                (setq asked 0 answer nil)
                (let ((it (mew-submit-mew--answer (append event wrong))))
                  (if (functionp it)
                      (funcall it (lambda (reply) (setq answer reply)))
                    (setq answer it)))
                (car mew-submit-question--list)))
         (enter (lambda (question)
                  (mew-submit-question--answer
                   question (assoc "Enter it" (mew-submit-question-choices question))))))
    (cl-letf (((symbol-function 'mew-passwd-get-passwd)
               (lambda (tag) (and (equal tag "u@h:587") kept)))
              ((symbol-function 'mew-passwd-set-passwd) (lambda (_ value) (setq kept value)))
              ((symbol-function 'mew-input-passwd)
               (lambda (&rest _)
                 (setq asked (1+ asked))
                 (or kept (setq kept (copy-sequence typed))))))
      (let ((question (funcall ask)))
        (should (equal asked 0))
        ;; A C-g at Mew's prompt makes an empty password of it.
        (funcall enter question)
        (should (memq question mew-submit-question--list))
        (should-not kept)
        (setq typed "secret")
        (funcall enter question)
        (should (equal asked 2))
        (should (equal (car answer) "u"))
        (should-not mew-submit-question--list))
      (should (equal kept "secret"))
      ;; What Mew remembers nobody is asked for, until it is wrong.
      (should-not (funcall ask))
      (should (equal answer '("u" . "secret")))
      (clear-string (cdr answer))
      (should (equal kept "secret"))
      (setq typed "other")
      (let ((question (funcall ask :wrong t)))
        ;; Until they answer, if ever, no other mail logs in with it.
        (should-not kept)
        (funcall enter question))
      (should (equal asked 1))
      (should (equal kept "other")))))

(ert-deftest mew-submit-clients-tests-changed-meanwhile ()
  "What the user has changed while the mode was on is left alone."
  (mew-submit-clients-tests--with-mode
    (mew-submit-mode 1)
    (setq send-mail-function 'ignore)
    (mew-submit-mode -1)
    (should (eq send-mail-function 'ignore))
    (should (eq message-send-mail-function 'message-send-mail-with-sendmail))))

(ert-deftest mew-submit-clients-tests-init-file ()
  "What the init file sets after the mode is old; a library that is not loaded is no matter."
  (mew-submit-test-with-directory home
    (mew-submit-test-write
     (expand-file-name "init.el" home)
     (format "(add-to-list 'load-path %S)
(require 'mew-submit)
(setq mew-submit-outbox-directory %S)
(defun state () (list send-mail-function (and (boundp 'message-send-mail-function)
                                              message-send-mail-function)))
(setq after-init-time nil noninteractive nil)
(mew-submit-mode)
(setq send-mail-function 'smtpmail-send-it)
(setq noninteractive t after-init-time (current-time))
(run-hooks 'after-init-hook)
(princ (format \"%%S\" (state)))
(mew-submit-mode -1)
(princ (format \"%%S\" (state)))
(require 'message)
(princ (format \"%%S\" (state)))
(mew-submit-mode)
(mew-submit-mode -1)
(princ (format \"%%S\" (state)))"
             mew-submit-test-root (expand-file-name "outbox" home)))
    (should (equal (plist-get (mew-submit-test-emacs
                               (list "-l" (expand-file-name "init.el" home)))
                              :stdout)
                   (concat "(mew-submit-send-it mew-submit-send-it)"
                           "(smtpmail-send-it nil)"
                           "(smtpmail-send-it message--default-send-mail-function)"
                           "(smtpmail-send-it message--default-send-mail-function)")))))

(ert-deftest mew-submit-clients-tests-what-goes-past-us-is-told ()
  "Where a client sets the variable for all mail, as mu4e's contexts do, that is told once.
Who sets it for one mail is not told of that."
  (mew-submit-clients-tests--with-mode
    (let ((message-sent-hook nil)
          told)
      (mew-submit-mode 1)
      (cl-letf (((symbol-function 'smtpmail-send-it) #'ignore)
                ((symbol-function 'run-at-time)
                 (lambda (_time _repeat _function &rest arguments)
                   (push (apply #'format arguments) told))))
        (dolist (set '(set-default set-default set))
          (with-temp-buffer
            (message-mode)
            (insert "From: me@x\nTo: a@x\nSubject: s\n" mail-header-separator "\nx\n")
            (when (eq set 'set)
              (setq-local message-send-mail-function 'smtpmail-send-it
                          mew-submit-clients--told nil))
            (funcall set 'message-send-mail-function 'smtpmail-send-it)
            (message-send))
          (should (= (length told) 1)))
        (should (string-search "by smtpmail-send-it, not by mew-submit" (car told)))))))

(ert-deftest mew-submit-clients-tests-real-function-is-put-back ()
  "Nothing is left in the buffers of messages that were sent."
  (mew-submit-clients-tests--with-mode
    (mew-submit-mode 1)
    (with-temp-buffer
      (message-mode)
      (mew-submit--before-sending)
      (should (eq message-send-mail-real-function #'mew-submit--really-send))
      (mew-submit-mode -1)
      (should-not (local-variable-p 'message-send-mail-real-function))
      ;; Whoever has one of their own keeps it.
      (setq-local message-send-mail-real-function 'ignore)
      (mew-submit--before-sending)
      (should (eq message-send-mail-real-function 'ignore)))))

(ert-deftest mew-submit-clients-tests-groups-with-names ()
  "A group whose name is not ASCII stays one when the header is encoded."
  (mew-submit-clients-tests--with-mode
    (mew-submit-mode 1)
    (pcase-dolist
        (`(,header ,expected)
         '(("To: Größe: a@x, b@x;\nCc: c@x,\n Freunde ä:d@x ;\n"
            "To: \"Größe\": a@x, b@x;\nCc: c@x,\n \"Freunde ä\":d@x ;\n")
           ("to: friends: a@x, Bö <b@x>;, Grün : c@x;\n"
            "to: friends: a@x, Bö <b@x>;, \"Grün\" : c@x;\n")
           ;; Without its semicolon it is no group, and leaves as a name.
           ("To: Büro: Anna <a@x>\n" nil)
           ("To: \"Doe, Größe: x\" <a@x>\nSubject: a, Größe: b\n" nil)
           ("To: a@x (b, Größe: c)\nCc: \"Größe\": a@x;\n" nil)))
      (with-temp-buffer
        (message-mode)
        (insert header mail-header-separator "\nTo: Größe: a@x;\n")
        (mew-submit--before-sending)
        (should (equal (buffer-string)
                       (concat (or expected header) mail-header-separator
                               "\nTo: Größe: a@x;\n")))
        (save-restriction
          (message-narrow-to-headers)
          (mail-encode-encoded-word-buffer)
          (should-not (string-match-p "Not an address"
                                      (condition-case err
                                          (format "%S" (mew-submit-message--recipients
                                                        (mew-submit-message--fields-of-text
                                                         (buffer-string))))
                                        (error (mew-submit-error--text err))))))))))

(ert-deftest mew-submit-clients-tests-unplugged-agent ()
  "Mail that Gnus' agent is to queue goes to its queue, named server or not."
  (let ((gnus-agent-queue-mail t)
        (gnus-plugged nil)
        sent)
    (cl-letf (((symbol-function 'gnus-agent-send-mail) (lambda () (push 'agent sent)))
              ((symbol-function 'mew-submit-send-it) (lambda () (push 'us sent)))
              ((default-value 'message-send-mail-real-function) 'gnus-agent-send-mail)
              ((default-value 'mew-submit-mode) t))
      (with-temp-buffer
        (insert "To: a@x\nX-Message-SMTP-Method: smtp h 587\n\nx")
        (mew-submit--really-send)
        (setq gnus-plugged t)
        (mew-submit--really-send)
        (setq gnus-agent-queue-mail 'always)
        (mew-submit--really-send))
      (should (equal sent '(agent us agent))))))

(ert-deftest mew-submit-clients-tests-queue-of-the-agent ()
  "What Gnus' agent has queued goes by mew-submit, a server that it names included.
Gnus sends it without hooks, and encoded already: that is not what was written, and
is not what is brought back to be edited."
  :tags '(:module)
  (mew-submit-clients-tests--with-mode
    (mew-submit-mode 1)
    (cl-letf (((symbol-function 'message-smtpmail-send-it)
               (lambda () (ert-fail "It goes past mew-submit")))
              ((symbol-function 'mew-submit-dispatch--run) #'ignore))
      (with-temp-buffer
        (let ((message-send-hook nil)
              (message-inhibit-body-encoding t)
              (rfc2047-encode-encoded-words nil))
          (insert "From: me@x\nTo: a@x\nSubject: =?utf-8?B?Z3LDvMOfZQ==?=\n\
X-Message-SMTP-Method: smtp 127.0.0.1 1 u\nMIME-Version: 1.0\n\
Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n"
                  mail-header-separator "\nYsO2ZHkK\n")
          (message-mode)
          (message-send)))
      (let ((entry (car (mew-submit-known--entries))))
        (should (equal (plist-get (plist-get entry :account) :server) "127.0.0.1"))
        (with-current-buffer (mew-submit-edit--take (plist-get entry :id) nil)
          (should (string-search "\nSubject: grüße\n" (buffer-string)))
          (should (string-suffix-p "\nbödy\n" (buffer-string)))
          (set-buffer-modified-p nil)
          (kill-buffer))))))

(ert-deftest mew-submit-clients-tests-envelope-from ()
  "`message-sendmail-envelope-from' counts in Message mode, `mail-envelope-from' elsewhere."
  (let ((user-mail-address "user@x"))
    (pcase-dolist (`(,mail ,message ,specify ,envelope ,from)
                   '((t "set@x" nil nil "set@x") (t header t "mail@x" nil)
                     (t nil nil nil nil)
                     (t obey-mail-envelope-from nil "mail@x" nil)
                     (t obey-mail-envelope-from t "mail@x" "mail@x")
                     (t obey-mail-envelope-from t header nil)
                     (nil "set@x" t "mail@x" "mail@x") (nil "set@x" nil "mail@x" nil)))
      (let ((message-this-is-mail mail)
            (message-sendmail-envelope-from message)
            (mail-specify-envelope-from specify)
            (mail-envelope-from envelope))
        (should (equal (mew-submit--envelope-from) from))))))

;;; Copies

(defun mew-submit-clients-tests--compose (&rest fields)
  "Compose a message to a@x with FIELDS and send it."
  (message-mail "a@x" "subject")
  (goto-char (point-min))
  (dolist (field fields)
    (insert field "\n"))
  (goto-char (point-max))
  (insert "Text\n")
  (should (message-send)))

(defun mew-submit-clients-tests--wait ()
  "Wait until nothing is in the outbox."
  (mew-submit-test-until ("the delivery")
    (and (null (mew-submit-known--running)) (null (mew-submit-known--entries)))))

(defun mew-submit-clients-tests--kept ()
  "Return the messages whose copies are still to be filed."
  (mew-submit-spool--ids (mew-submit-spool--copies mew-submit-outbox-directory)))

(defmacro mew-submit-clients-tests--with-server (&rest body)
  "Run BODY with the mode on and a server for it."
  (declare (indent 0))
  `(mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth")
     (mew-submit-clients-tests--with-mode
       (let ((mew-submit-accounts (list (mew-submit-test-account peer "ok")))
             (warning-minimum-level :emergency))
         (mew-submit-mode 1)
         (unwind-protect
             (progn ,@body)
           (dolist (buffer (buffer-list))
             (when (with-current-buffer buffer (derived-mode-p 'message-mode))
               (with-current-buffer buffer
                 (set-buffer-modified-p nil)
                 (setq buffer-file-name nil))
               (kill-buffer buffer))))))))

(ert-deftest mew-submit-clients-tests-in-the-outbox-is-sent ()
  "Nothing that happens behind it, no quit either, tells of a mail that was not sent.
Whoever believes that sends it again."
  :tags '(:module)
  (mew-submit-clients-tests--with-server
    (dolist (condition '(error quit))
      (cl-letf (((symbol-function 'mew-submit--take-over)
                 (lambda (_) (signal condition nil))))
        (should (eq 'sent (condition-case nil
                              (progn (mew-submit-clients-tests--compose) 'sent)
                            ((error quit) 'not-sent)))))
      (mew-submit-clients-tests--wait))
    (should (mew-submit-test-stored peer 2))
    (should-not (mew-submit-test-stored peer 3))))

(ert-deftest mew-submit-clients-tests-copy-that-cannot-be-filed ()
  "It is kept, with the message, until it can; one that can be is filed and not filed twice."
  (mew-submit-clients-tests--with-server
    (let ((bad (expand-file-name "file/sent" directory))
          (good (expand-file-name "good" directory)))
      (mew-submit-test-write (expand-file-name "file" directory) "x")
      (let ((message-fcc-handler-function
             (lambda (file) (write-region nil nil file nil 'silent))))
        (mew-submit-clients-tests--compose (concat "Fcc: " bad) "Bcc: b@x"
                                           (concat "Fcc: " good))
        (mew-submit-clients-tests--wait))
      (should (= 1 (length (mew-submit-clients-tests--kept))))
      (should (string-match-p "Bcc: b@x" (mew-submit-test-octets good)))
      (delete-file good)
      (mew-submit-file-copies)
      (should (= 1 (length (mew-submit-clients-tests--kept))))
      (delete-file (expand-file-name "file" directory))
      (mew-submit-file-copies)
      (should-not (mew-submit-clients-tests--kept))
      (should (string-match-p "Bcc: b@x" (mew-submit-test-octets bad)))
      (should-not (file-exists-p good))
      (should-not (string-match-p "^Bcc" (mew-submit-test-stored peer))))))

(ert-deftest mew-submit-clients-tests-a-copy-is-done-without ()
  "One that can never be filed is given up after a yes; the others, and a no, stay."
  (mew-submit-clients-tests--with-server
    (let ((bad (list (expand-file-name "file/one" directory)
                     (expand-file-name "file/two" directory)))
          (kept #'mew-submit-clients-tests--kept)
          asked)
      (mew-submit-test-write (expand-file-name "file" directory) "x")
      (mew-submit-clients-tests--compose (concat "Fcc: " (car bad)) (concat "Fcc: " (cadr bad)))
      (mew-submit-clients-tests--wait)
      (cl-letf (((symbol-function 'yes-or-no-p)
                 (lambda (prompt)
                   (push prompt asked)
                   (string-search "file/one" prompt))))
        (mew-submit-file-copies)
        (should-not asked)
        (mew-submit-file-copies t)
        (should (= 2 (length asked)))
        (should (= 1 (length (funcall kept))))
        (setq asked nil)
        (mew-submit-file-copies t)
        (should (string-match-p "file/two" (mapconcat #'identity asked " ")))
        (should (= 1 (length asked)))
        (should (= 1 (length (funcall kept)))))
      (cl-letf (((symbol-function 'yes-or-no-p) #'always))
        (mew-submit-file-copies t))
      (should-not (funcall kept))
      (should (mew-submit-test-stored peer)))))

(ert-deftest mew-submit-clients-tests-quit-while-copies-are-filed ()
  "A quit while a copy is handed to a program keeps nobody from filing it."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((raw (expand-file-name "raw" directory))
           (copies (mew-submit-spool--prepare (mew-submit-spool--copies directory)))
           (noninteractive nil)
           (quit (lambda (file) (setq quit-flag t) file)))
      (mew-submit-test-write raw "From: me@x\nTo: a@x\n\nbody\n")
      (mew-submit-spool--add
       raw (mew-submit-message--fields raw) copies
       (list :state 'filing :from "me@x" :recipients '("a@x") :delivered '("a@x") :account nil
             :fcc (list (list :kind 'pipe :place (format "cat >>%ssent" directory)))))
      (advice-add 'mew-submit-copies--write :filter-return quit)
      (unwind-protect
          (should (eq 'quit (condition-case nil
                                (progn (mew-submit-copies--file directory)
                                       ;; It takes effect afterwards.
                                       (identity nil))
                              (quit 'quit))))
        (advice-remove 'mew-submit-copies--write quit))
      (mew-submit-test-until ("the copy")
        (mew-submit-copies--file directory)
        (null (mew-submit-spool--ids copies)))
      (should (string-search "body" (mew-submit-test-octets
                                     (expand-file-name "sent" directory)))))))

(ert-deftest mew-submit-clients-tests-copy-of-eight-bits ()
  "A copy has the octets of the message, also where they are no text."
  (mew-submit-clients-tests--with-server
    (let ((file (expand-file-name "sent" directory))
          (octets (concat "From: me@x\nTo: a@x\n\nFrom x\n"
                          (apply #'unibyte-string (number-sequence 128 255)) "\n")))
      (let ((message (mew-submit-test-write (expand-file-name "m" directory) octets)))
        (mew-submit-queue--add message :fcc (list (list :kind 'mbox :place file)
                                                 (list :kind 'pipe :place
                                                       (concat "cat > " file ".pipe")))))
      (mew-submit-clients-tests--wait)
      (should (equal (mew-submit-test-octets (concat file ".pipe")) octets))
      (should (string-suffix-p
               (concat (string-replace "\nFrom x" "\n>From x" octets) "\n")
               (mew-submit-test-octets file))))))

(ert-deftest mew-submit-clients-tests-a-copy-has-its-own-function ()
  "What a function without a name is to file, another one never does.
Not even when one that was asked for before has been filed meanwhile."
  (let* ((mew-submit-copies--closures (make-hash-table :test #'equal))
         (ask (lambda (handler)
                (plist-get (mew-submit-copies--by-handler "/nonexistent/sent" handler)
                           :token)))
         (file (list nil))
         (one (funcall ask (lambda (_) file)))
         (handler (lambda (_) (cdr file)))
         (two (funcall ask handler)))
    (remhash one mew-submit-copies--closures)
    (funcall ask (lambda (_) (car file)))
    (should (eq (gethash two mew-submit-copies--closures) handler))))

(ert-deftest mew-submit-clients-tests-copy-waits-for-gnus ()
  "A copy for a group waits for Gnus, and is not lost meanwhile."
  (mew-submit-clients-tests--with-server
    (let (filed)
      (cl-letf (((symbol-function 'featurep)
                 (let ((old (symbol-function 'featurep)))
                   (lambda (feature &rest more)
                     (and (not (eq feature 'gnus-msg)) (apply old feature more))))))
        (mew-submit-clients-tests--compose "Gcc: nnml:sent")
        (mew-submit-clients-tests--wait)
        (should (= 1 (length (mew-submit-clients-tests--kept)))))
      (require 'gnus-msg)
      (cl-letf (((symbol-function 'gnus-inews-do-gcc)
                 (lambda (groups)
                   (push (cons groups message-encoded-mail-cache) filed))))
        (run-hooks 'gnus-started-hook))
      (should-not (mew-submit-clients-tests--kept))
      (should (equal (caar filed) "nnml:sent"))
      (should (string-search (concat "\n" mail-header-separator "\nText\n")
                             (cdar filed))))))

(ert-deftest mew-submit-clients-tests-a-command-has-its-directory ()
  "A shell command that files a copy is run where the mail was written, as by Message mode."
  (mew-submit-clients-tests--with-server
    (let* ((there (file-name-as-directory (expand-file-name "there" directory)))
           (gone (expand-file-name "gone" directory))
           (copy (list :kind 'pipe :place "cat >sent" :in there)))
      (make-directory there)
      (let ((default-directory there))
        (mew-submit-clients-tests--compose "Fcc: |cat >sent"))
      (let ((default-directory temporary-file-directory))
        (mew-submit-clients-tests--wait))
      (should-not (mew-submit-clients-tests--kept))
      (should (string-search "Text" (mew-submit-test-octets (expand-file-name "sent" there))))
      (should (equal (mew-submit-copies--directory copy) there))
      (dolist (in (list nil gone "/ssh:nobody@x:/"))
        (should (equal (mew-submit-copies--directory (plist-put copy :in in))
                       (expand-file-name "~/")))))))

(ert-deftest mew-submit-clients-tests-group-that-takes-no-copy ()
  "Gnus tells that as a message alone; the copy is kept, and that for others filed once."
  (mew-submit-clients-tests--with-server
    (require 'gnus-msg)
    (require 'gnus-int)
    (let ((refused '("nnml:full"))
          filed)
      (cl-letf (((symbol-function 'gnus-inews-group-method) (lambda (_) '(nnml "")))
                ((symbol-function 'gnus-check-server) #'always)
                ((symbol-function 'gnus-request-group) #'always)
                ((symbol-function 'gnus-find-method-for-group) (lambda (&rest _) '(nnml "")))
                ((symbol-function 'gnus-group-name-charset) #'ignore)
                ((symbol-function 'gnus-status-message) (lambda (_) "Quota exceeded"))
                ((symbol-function 'gnus-request-accept-article)
                 (lambda (group &rest _)
                   (unless (member group refused)
                     (push group filed)
                     (cons group 1)))))
        (mew-submit-clients-tests--compose "Gcc: nnml:a, nnml:full, \"nnml:b c\"")
        (mew-submit-clients-tests--wait)
        (should (equal (sort (copy-sequence filed) #'string<) '("nnml:a" "nnml:b c")))
        (should (= 1 (length (mew-submit-clients-tests--kept))))
        (with-current-buffer "*Warnings*"
          (should (string-match-p "nnml:full was not filed: .*Quota exceeded"
                                  (buffer-string))))
        (setq refused nil)
        (mew-submit-file-copies)
        (should (equal (car filed) "nnml:full"))
        (should (= 3 (length filed)))
        (should-not (mew-submit-clients-tests--kept))))))

(ert-deftest mew-submit-clients-tests-refused-message-has-no-copy ()
  "A message that is refused has no copy, and after it is deleted neither."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth,rcpt=reply:550 5.1.1 no")
    (mew-submit-clients-tests--with-mode
      (let ((mew-submit-accounts (list (mew-submit-test-account peer "ok")))
            (file (expand-file-name "sent" directory)))
        (mew-submit-mode 1)
        (mew-submit-clients-tests--compose (concat "Fcc: " file))
        (mew-submit-test-until ("the refusal")
          (eq (plist-get (car (mew-submit-known--entries)) :state) 'refused))
        (should-not (file-exists-p file))
        (mew-submit-queue--delete (plist-get (car (mew-submit-known--entries)) :id))
        (should-not (file-exists-p file))
        (should-not (mew-submit-clients-tests--kept))))))

;;; Nothing waits for a copy

(defun mew-submit-clients-tests--kept-entry (directory fcc)
  "Put a delivered message that wants the copies FCC into DIRECTORY's copies/."
  (let* ((outbox (mew-submit-spool--prepare directory))
         (raw (mew-submit-test-write
               (expand-file-name "raw" outbox)
               (concat "From: me@x\nTo: a@x\n\n" (make-string 300000 ?b) "\n")))
         (entry (mew-submit-spool--add
                 raw (mew-submit-message--fields raw) outbox
                 (list :state 'queued :from "me@x" :recipients nil
                       :delivered '("a@x") :fcc fcc))))
    (mew-submit-spool--keep entry)
    (mew-submit-spool--remove entry)))

(ert-deftest mew-submit-clients-tests-a-program-is-not-waited-for ()
  "A program that files a copy and takes its time, or does not read, stops nobody.
What comes after it is filed in its turn; one that fails leaves the copy,
and what it has said is told."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((noninteractive nil)
          (outbox (expand-file-name "outbox/" directory))
          (go (expand-file-name "go" directory))
          (sent (expand-file-name "sent" directory))
          (fails "echo 'No such'; echo folder >&2; exit 3")
          warnings)
      (mew-submit-clients-tests--kept-entry
       outbox
       (list (list :kind 'pipe :place fails)
             (list :kind 'pipe
                   :place (format "while [ ! -e %s ]; do sleep 0.05; done; cat >%s"
                                  go sent))
             (list :kind 'mbox :place (concat sent ".mbox"))))
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (_type text &rest _) (push text warnings))))
        (should (= 1 (mew-submit-copies--file outbox)))
        (should-not (file-exists-p sent))
        (mew-submit-test-until ("the first to fail" 120)
          warnings)
        (should-not (file-exists-p (concat sent ".mbox")))
        (mew-submit-test-write go "")
        (mew-submit-test-until ("the last" 120)
          (file-exists-p (concat sent ".mbox")))
        (should (> (file-attribute-size (file-attributes sent)) 300000))
        (should (= 1 (length warnings)))
        (mew-submit-test-until ("the lock to be given back" 120)
          (let ((id (car (mew-submit-spool--ids (expand-file-name "copies/" outbox)))))
            (equal (plist-get (mew-submit-spool--read
                               id (expand-file-name "copies/" outbox))
                              :fcc)
                   (list (list :kind 'pipe :place fails)))))
        (should (string-search (concat "(3): " fails ": No such folder\n") (car warnings)))
        (should-not (directory-files (expand-file-name "copies/" outbox) nil
                                     "\\.part\\'"))))))

(ert-deftest mew-submit-clients-tests-copies-of-many-mails ()
  "However many copies wait for programs, a few of those run at once, and all are filed."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((noninteractive nil)
          (outbox (expand-file-name "outbox/" directory))
          (go (expand-file-name "go" directory))
          (sent (expand-file-name "sent" directory))
          warnings)
      (dolist (end (cons "exit 3" (make-list 20 (format "echo >>%s" sent))))
        (mew-submit-clients-tests--kept-entry
         outbox
         (list (list :kind 'pipe
                     :place (format "while [ ! -e %s ]; do sleep 0.05; done; %s"
                                    go end)))))
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (_type text &rest _) (push text warnings))))
        (should (= 21 (mew-submit-copies--file outbox)))
        (should (= mew-submit-copies--programs-max
                   mew-submit-copies--programs
                   (seq-count (lambda (process)
                                (string-prefix-p "mew-submit copy"
                                                 (process-name process)))
                              (process-list))))
        ;; What takes no program waits for none: they may never end.
        (mew-submit-clients-tests--kept-entry
         outbox (list (list :kind 'mbox :place (concat sent "-here"))))
        (mew-submit-copies--file outbox)
        (should (file-exists-p (concat sent "-here")))
        (mew-submit-test-write go "")
        (mew-submit-test-until ("all to end" 120)
          (zerop mew-submit-copies--programs)))
      (should (= 20 (file-attribute-size (file-attributes sent))))
      (should (= 1 (length warnings)
                 (length (mew-submit-spool--ids (expand-file-name "copies/" outbox))))))))

(ert-deftest mew-submit-clients-tests-one-that-cannot-be-filed-stops-no-other ()
  "What cannot be locked or read in copies/ is told, and the other copies are filed."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((outbox (expand-file-name "outbox/" directory))
           (copies (expand-file-name "copies/" outbox))
           (sent (expand-file-name "sent" directory))
           warnings)
      (mew-submit-clients-tests--kept-entry outbox (list (list :kind 'mbox :place sent)))
      (make-directory (expand-file-name "20200101T000000-aaaaaa.eml" copies))
      (mew-submit-test-write (expand-file-name "20200101T000000-bbbbbb.eml" copies)
                             "From: me@x\n\n")
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (_type text &rest _) (push text warnings))))
        (should (= 2 (mew-submit-copies--file outbox))))
      (should (file-exists-p sent))
      (should (= 2 (length warnings)))
      (should (string-search "aaaaaa" (nth 1 warnings)))
      (should (string-search "bbbbbb.eml yourself" (nth 0 warnings))))))

(ert-deftest mew-submit-clients-tests-a-copy-that-cannot-be-noted ()
  "That a copy is filed cannot be noted: it is told, and nobody else is locked out."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((outbox (expand-file-name "outbox/" directory))
           (copies (expand-file-name "copies/" outbox))
           (noninteractive nil)
           warnings)
      (mew-submit-clients-tests--kept-entry
       outbox (list (list :kind 'pipe :place "cat >/dev/null")
                    (list :kind 'mbox :place (expand-file-name "sent" directory))))
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (_type text &rest _) (push text warnings)))
                ((symbol-function 'mew-submit-spool--write)
                 (lambda (&rest _) (error "The disk is full"))))
        (should (= 1 (mew-submit-copies--file outbox)))
        (mew-submit-test-until ("the warning" 120)
          warnings))
      (should (string-search "The disk is full" (car warnings)))
      (let ((lock (mew-submit-spool--lock (car (mew-submit-spool--ids copies)) copies)))
        (should lock)
        (mew-submit-spool--unlock lock)))))

(ert-deftest mew-submit-clients-tests-a-quit-leaves-the-copy ()
  "A quit ends a function that files a copy; the copy is left for later."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((outbox (expand-file-name "outbox/" directory))
          (inhibit-quit t)              ; as in a timer
          (allowed nil)
          warnings)
      (mew-submit-clients-tests--kept-entry
       outbox (list (list :kind 'function :place (expand-file-name "x" directory)
                          :function 'mew-submit-clients-tests--slow)))
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (_type text &rest _) (push text warnings)))
                ((symbol-function 'mew-submit-clients-tests--slow)
                 (lambda (_)
                   (setq allowed (not inhibit-quit))
                   (signal 'quit nil))))
        (should (= 1 (mew-submit-copies--file outbox))))
      (should allowed)
      (should (string-search "not now" (car warnings))))))

(defmacro mew-submit-clients-tests--with-kept (copy &rest body)
  "Run BODY where a message waits for COPY, in OUTBOX, with its WARNINGS."
  (declare (indent 1))
  `(mew-submit-test-with-directory directory
     (let ((outbox (expand-file-name "outbox/" directory))
           warnings)
       (mew-submit-clients-tests--kept-entry outbox (list ,copy))
       (cl-letf (((symbol-function 'display-warning)
                  (lambda (_type text &rest _) (push text warnings))))
         ,@body))))

(ert-deftest mew-submit-clients-tests-a-copy-waits-for-its-function ()
  "What a function of the user's is to file, as in a mailbox by IMAP, nothing else files.
A batch Emacs does not read their init file, and the copy was in a file that nobody looks for."
  :tags '(:module)
  (let (filed)
    (mew-submit-clients-tests--with-kept
        (list :kind 'function :place (expand-file-name "INBOX.Sent" directory)
              :function 'mew-submit-clients-tests--unknown)
      (should (= 1 (mew-submit-copies--file outbox)))
      (should-not warnings)
      (let ((noninteractive nil))
        (should (= 1 (mew-submit-copies--file outbox))))
      (should (string-search "clients-tests--unknown, which files it" (car warnings)))
      (should-not (file-exists-p (expand-file-name "INBOX.Sent" directory)))
      (cl-letf (((symbol-function 'mew-submit-clients-tests--unknown)
                 (lambda (file) (push file filed))))
        (should (= 0 (mew-submit-copies--file outbox))))
      (should (equal filed (list (expand-file-name "INBOX.Sent" directory)))))))

(defun mew-submit-clients-tests--the-kept (directory)
  "Return the entry of the first message that waits for copies in DIRECTORY."
  (let ((copies (mew-submit-spool--copies directory)))
    (mew-submit-spool--read (car (mew-submit-spool--ids copies)) copies)))

(ert-deftest mew-submit-clients-tests-a-filed-copy-that-cannot-be-noted ()
  "A copy that is filed is not filed again because its message cannot be removed, or changed."
  :tags '(:module)
  (dolist (others '(nil (:kind function :place "/dev/null/x" :function ignore :needs never)))
    (mew-submit-clients-tests--with-kept (list :kind 'mbox :place (expand-file-name "sent" directory))
      (let ((sent (expand-file-name "sent" directory))
            (entry (mew-submit-clients-tests--the-kept outbox))
            mew-submit-copies--filed)
        (when others
          (mew-submit-spool--write
           (mew-submit-spool--with entry :fcc (append (plist-get entry :fcc) (list others)))))
        (cl-letf* ((full (lambda (&rest _) (signal 'file-error (list "No space left on device"))))
                   ((symbol-function 'mew-submit-spool--write) full)
                   ((symbol-function 'mew-submit-spool--remove) full))
          (dotimes (_ 3)
            (should (= 1 (mew-submit-copies--file outbox)))))
        ;; Told once, and truly.
        (should (= 1 (length warnings)))
        (should (string-match-p "is filed, but .*No space left" (car warnings)))
        (should (= (if others 1 0) (mew-submit-copies--file outbox)))
        (should (= 1 (with-temp-buffer
                       (insert-file-contents sent)
                       (how-many "^To: a@x$"))))
        (when others
          (should (equal (plist-get (mew-submit-clients-tests--the-kept outbox) :fcc)
                         (list others))))
        (should-not mew-submit-copies--filed)))))

(ert-deftest mew-submit-clients-tests-what-waits-is-told-once ()
  "A copy that cannot be filed is told of once, and again to who asks for it, or by another reason."
  :tags '(:module)
  (mew-submit-clients-tests--with-kept
      (list :kind 'mbox :place (expand-file-name "file/sent" directory))
    (mew-submit-test-write (expand-file-name "file" directory) "x")
    (dotimes (_ 3)
      (should (= 1 (mew-submit-copies--file outbox))))
    (should (= 1 (length warnings)))
    (let ((this-command 'mew-submit-file-copies)
          (noninteractive nil))
      (should (= 1 (mew-submit-copies--file outbox))))
    (should (= 2 (length warnings)))
    (delete-file (expand-file-name "file" directory))
    (make-directory (expand-file-name "file/sent" directory) t)
    (dotimes (_ 2)
      (should (= 1 (mew-submit-copies--file outbox))))
    (should (= 3 (length warnings)))))

(defvar mew-submit-clients-tests--asked nil
  "Whether a question was allowed when the copy was filed, a list.")

(defun mew-submit-clients-tests--asks (_file)
  "File nothing, but ask something, as far as that is allowed."
  (push (not inhibit-interaction) mew-submit-clients-tests--asked)
  (when inhibit-interaction
    (signal 'inhibited-interaction nil)))

(ert-deftest mew-submit-clients-tests-a-copy-takes-no-key ()
  "What asks something while it files a copy waits for a user who calls for it."
  :tags '(:module)
  (mew-submit-clients-tests--with-kept
      (list :kind 'function :place (expand-file-name "x" directory)
            :function 'mew-submit-clients-tests--asks)
    (let ((mew-submit-clients-tests--asked nil)
          (noninteractive nil)
          (this-command 'mew-submit-file-copies))
      (mew-submit-background--run
        (should (= 1 (mew-submit-copies--file outbox))))
      (should (string-search "asked something" (car warnings)))
      (should (= 0 (mew-submit-copies--file outbox)))
      (should (equal mew-submit-clients-tests--asked '(t nil)))
      (should-not (cdr warnings)))))

(defun mew-submit-clients-tests--pauses (_file)
  "File something, and let whoever looks at it see that."
  (push 'filed mew-submit-clients-tests--asked)
  (sit-for 0.01))

(ert-deftest mew-submit-clients-tests-a-pause-is-no-question ()
  "What pauses when it has filed a copy has filed it, once."
  :tags '(:module)
  (mew-submit-clients-tests--with-kept
      (list :kind 'function :place (expand-file-name "x" directory)
            :function 'mew-submit-clients-tests--pauses)
    (let ((mew-submit-clients-tests--asked nil)
          (noninteractive nil))
      (mew-submit-background--run
        (should (= 0 (mew-submit-copies--file outbox))))
      (should (equal mew-submit-clients-tests--asked '(filed)))
      (should-not warnings))))

(ert-deftest mew-submit-clients-tests-no-machine-is-connected-for-a-copy ()
  "A copy for another machine waits for a user who calls for it, or a connection."
  :tags '(:module)
  (mew-submit-clients-tests--with-kept (list :kind 'mbox :place "/ssh:nobody@nowhere.invalid:/sent")
    (cl-letf (((symbol-function 'make-directory) (lambda (&rest _) (ert-fail "Connected"))))
      (should (= 1 (mew-submit-copies--file outbox))))
    (should (string-search "not connected to /ssh:nobody@nowhere.invalid:" (car warnings)))))

(ert-deftest mew-submit-clients-tests-mbox-in-a-buffer ()
  "A copy for a file that is in a buffer goes there, at its end, and moves nobody.
Of one that has changed on disk Emacs would ask; that is told instead."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((sent (mew-submit-test-write (expand-file-name "sent" directory)
                                        "From a\nSubject: one\n\nText\n\nFrom b\nSubject: two\n\n"))
           (outbox (expand-file-name "outbox/" directory))
           (buffer (find-file-noselect sent))
           warnings)
      (unwind-protect
          (with-current-buffer buffer
            (narrow-to-region 8 20)
            (goto-char 10)
            (mew-submit-clients-tests--kept-entry outbox `((:kind mbox :place ,sent)))
            (with-temp-buffer
              (should (= 0 (mew-submit-copies--file outbox))))
            (should (= (point) 10))
            (should (= (point-max) 20))
            (widen)
            (goto-char (point-min))
            (should (re-search-forward "^Subject: two\n\\(?:.*\n\\)*To: a@x$" nil t))
            (set-buffer-modified-p nil)
            (mew-submit-test-write sent "From c\n\n")
            (set-file-times sent (time-add nil 3600))
            (mew-submit-clients-tests--kept-entry outbox `((:kind mbox :place ,sent)))
            (cl-letf (((symbol-function 'display-warning)
                       (lambda (_type text &rest _) (push text warnings))))
              (with-temp-buffer
                (should (= 1 (mew-submit-copies--file outbox)))))
            (should (string-search "revert-buffer" (car warnings)))
            (should-not (buffer-modified-p))
            (revert-buffer t t)
            (should (= 0 (mew-submit-copies--file outbox))))
        (with-current-buffer buffer
          (set-buffer-modified-p nil))
        (kill-buffer buffer)))))

(ert-deftest mew-submit-clients-tests-a-copy-behind-half-a-copy ()
  "A copy that comes after one which was cut off by a full disk is a message of its own."
  :tags '(:module)
  (pcase-dolist (`(,before . ,between)
                 '(("From a\nSubject: one\n\nhalf a li" . "\n\n")
                   ("From a\nSubject: one\n\nwhole\n\n" . "")))
    (mew-submit-clients-tests--with-kept
        (list :kind 'mbox :place (mew-submit-test-write (expand-file-name "sent" directory)
                                                        before))
      (let ((write-region (symbol-function 'write-region))
            unsynced)
        (cl-letf (((symbol-function 'write-region)
                   (lambda (start end file &rest more)
                     (when (string-suffix-p "/sent" file)
                       (push write-region-inhibit-fsync unsynced))
                     (apply write-region start end file more))))
          (should (= 0 (mew-submit-copies--file outbox))))
        ;; The message is gone now, so the copy is on disk.
        (should unsynced)
        (should-not (remq nil unsynced)))
      (should-not warnings)
      (should (string-match-p
               (concat "\\`" (regexp-quote (concat before between)) "From nobody .*\nFrom: me@x\n")
               (mew-submit-test-octets (expand-file-name "sent" directory)))))))

(ert-deftest mew-submit-clients-tests-half-a-copy-goes ()
  "What was written of a copy on a full disk goes, so that it does not stay full."
  :tags '(:module)
  (require 'warnings)                   ; what replaces `write-region' loads it
  (dolist (kind '(pipe maildir))
    (mew-submit-clients-tests--with-kept
        (list :kind kind :place (expand-file-name "sent/new/1" directory))
      (let ((write-region (symbol-function 'write-region))
            (noninteractive nil)
            half)
        (cl-letf (((symbol-function 'write-region)
                   (lambda (_start _end file &rest _)
                     (funcall write-region "half" nil (setq half file) nil 'silent)
                     (signal 'file-error '("Write error" "No space left on device")))))
          (should (= 1 (mew-submit-copies--file outbox))))
        (should half)
        (should-not (file-exists-p half))
        (should (string-search "No space left" (car warnings)))))))

(ert-deftest mew-submit-clients-tests-no-copy-of-half-a-message ()
  "A delivered message of which only half is there, as while it is copied, is not filed."
  :tags '(:module)
  (dolist (program '(nil t))
    (mew-submit-clients-tests--with-kept
        (list :kind (if program 'pipe 'mbox) :in directory
              :place (if program "cat >sent" (expand-file-name "sent" directory)))
      (let* ((sent (expand-file-name "sent" directory))
             (noninteractive (not program))
             (file (mew-submit-spool--message-file
                    (mew-submit-clients-tests--the-kept outbox)))
             (whole (mew-submit-test-octets file)))
        (mew-submit-test-write file (substring whole 0 40))
        (should (= 1 (mew-submit-copies--file outbox)))
        (should-not (file-exists-p sent))
        (should (string-search (format "the copy for %s was not filed: Only 40 of the %d octets"
                                       (if program "cat >sent" sent) (length whole))
                               (car warnings)))
        (mew-submit-test-write file whole)
        (mew-submit-copies--file outbox)
        (mew-submit-test-until ("the copy")
          (null (mew-submit-spool--ids (mew-submit-spool--copies outbox))))
        (should (string-search "bbb" (mew-submit-test-octets sent)))))))

(ert-deftest mew-submit-clients-tests-a-copy-is-in-no-message-of-rmail ()
  "While a message of an Rmail file is edited, no copy is put into that message."
  :tags '(:module)
  (mew-submit-clients-tests--with-kept
      (list :kind 'mbox
            :place (mew-submit-test-write (expand-file-name "sent" directory)
                                          "From a@x Fri Nov 27 07:05:47 2026\nFrom: a@x\n\nOne\n\n"))
    (let ((sent (expand-file-name "sent" directory))
          (rmail-primary-inbox-list nil)
          (inhibit-message t))
      (save-window-excursion
        (rmail sent)
        (let ((buffer (current-buffer)))
          (rmail-edit-current-message)
          (with-temp-buffer
            (should (= 1 (mew-submit-copies--file outbox))))
          (should (string-search "being edited" (car warnings)))
          (set-buffer buffer)
          (rmail-cease-edit)
          (with-temp-buffer
            (should (= 0 (mew-submit-copies--file outbox))))
          (should (= rmail-total-messages 2))
          (set-buffer-modified-p nil)
          (kill-buffer))))))

(ert-deftest mew-submit-clients-tests-bad-message-keeps-its-fields ()
  "A message that is not accepted into the outbox keeps its Fcc for the next try."
  (mew-submit-clients-tests--with-server
    (message-mail "a@x" "subject")
    (goto-char (point-min))
    (insert "Fcc: " directory "sent\n")
    (let ((mew-submit-accounts nil)
          (smtpmail-smtp-server nil)
          (smtpmail-default-smtp-server nil))
      (should-error (message-send) :type 'user-error))
    (should (equal (message-field-value "Fcc") (concat directory "sent")))
    (should-not (file-exists-p (concat directory "sent")))))

(ert-deftest mew-submit-clients-tests-a-directory-is-no-copy ()
  "An Fcc that names a directory is told before anything is sent, in both modes."
  (mew-submit-clients-tests--with-server
    (let ((fcc (concat "Fcc: " (directory-file-name directory) "\n")))
      (message-mail "a@x" "subject")
      (goto-char (point-min))
      (insert fcc)
      (should (string-search "a directory: name a file"
                             (cadr (should-error (message-send) :type 'user-error))))
      (with-temp-buffer
        (insert "To: a@x\n" fcc mail-header-separator "\nText\n")
        (should-error (mew-submit-send-it) :type 'user-error)))
    (should-not (mew-submit-known--entries))
    (should-not (mew-submit-test-stored peer))))

(provide 'mew-submit-clients-tests)
;;; mew-submit-clients-tests.el ends here
