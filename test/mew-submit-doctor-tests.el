;;; mew-submit-doctor-tests.el --- Tests for mew-submit-doctor.el and -checkup.el -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'mew-submit)
(require 'mew-submit-doctor-checkup)
(require 'mew-submit-doctor)
(require 'mew-submit-network-negative)
(require 'mew-submit-test-helpers)

(defvar message-send-mail-function)
(defvar smtpmail-default-smtp-server)
(defvar smtpmail-smtp-server)

(defmacro mew-submit-doctor-tests--with (directory bindings &rest body)
  "Run BODY with BINDINGS in an Emacs whose files are all in DIRECTORY, which goes away.
Whatever would ask the user fails the test."
  (declare (indent 2) (debug (symbolp sexp body)))
  `(mew-submit-test-with-directory ,directory
     (ignore ,directory)
     (let* ((mew-submit-accounts nil)
            (mew-submit-pins nil)
            (mew-submit-outbox-directory (concat ,directory "outbox/"))
            (mew-submit-memory-file (concat ,directory "servers.eld"))
            (auth-sources (list (concat ,directory "authinfo")))
            (auth-source-do-cache nil)
            ,@bindings)
       (cl-letf (((symbol-function 'read-passwd)
                  (lambda (&rest _) (ert-fail "A password was asked for")))
                 ((symbol-function 'read-string)
                  (lambda (&rest _) (ert-fail "Something was asked for"))))
         ,@body))))

(defun mew-submit-doctor-tests--found (status topic regexp findings)
  "Check that FINDINGS has one with STATUS about TOPIC whose text matches REGEXP."
  (or (seq-find (lambda (finding)
                  (and (eq status (plist-get finding :status))
                       (equal topic (plist-get finding :topic))
                       (string-match-p regexp (plist-get finding :text))))
                findings)
      (ert-fail (format "No %s about %s that matches %s in:\n%s" status topic
                        regexp (mapconcat #'mew-submit-doctor--line findings "")))))

(defun mew-submit-doctor-tests--bad (findings &optional topic)
  "Return those of FINDINGS, about TOPIC, that are warnings or errors."
  (seq-filter (lambda (finding)
                (and (memq (plist-get finding :status) '(warning error))
                     (or (null topic) (equal topic (plist-get finding :topic)))))
              findings))

;;; Broken set-ups, one a row

(defconst mew-submit-doctor-tests--accounts
  `((nil error "accounts" "No account")
    (((:name "a")) error "account 1" "has no :server")
    (((:sever "x" :server "127.0.0.1")) warning "account 1" "What is :sever\\?")
    (((:server "127.0.0.1" :password "sesame")) error "account 1" "\\`It has a :password, and")
    (((:server "127.0.0.1" :plan "fast")) error "account 1"
     "has \"fast\" for :plan, which has to be \"submission\"")
    ;; A value of a wrong kind was told as Lisp has it, or not at all.
    (((:server mail)) error "account 1" "has mail for :server, which has to be a text")
    (((:server "127.0.0.1" :from ("a@example.org"))) error "account 1"
     "for :from, which has to be a text")
    (((:server "127.0.0.1" :fallback "ask")) error "account 1" "has \"ask\" for :fallback")
    (((:server "127.0.0.1" :auth plain)) error "account 1" "has plain for :auth")
    (((:server "127.0.0.1" :family "ipv4")) error "account 1" "has \"ipv4\" for :family")
    (((:server "127.0.0.1" :user me)) error "account 1" "has me for :user")
    (((:server "127.0.0.1" :without "CHUNKING")) error "account 1" "has \"CHUNKING\" for :without")
    (((:server "127.0.0.1" :token-command 5)) error "account 1" "has 5 for :token-command")
    (((:server "127.0.0.1" :oauth "https://id.example.org")) error "account 1" "for :oauth")
    (((:server "127.0.0.1" :timeout "10")) error "account 1" "has \"10\" for :timeout")
    (((:server "127.0.0.1" :step-timeout 0)) error "account 1" "has 0 for :step-timeout")
    (((:server "127.0.0.1" :hold-for "x")) error "account 1" ":hold-for has to be a number")
    (((:server "127.0.0.1" :sender "no body")) error "account 1" "Not an address: <no body>")
    (((:server "127.0.0.1" :tls "none")) error "account 1" ":tls is `\"none\"'")
    (((:server "127.0.0.1" :routes "99999:starttls")) error "account 1" "Not a port")
    (((:server "127.0.0.1" :routes "587:ssl")) error "account 1" "Not a TLS mode")
    (((:server "bad name")) error "account 1" "bad name")
    (((:server "127.0.0.1" :from "[a-")) error "account 1" ":from is no regexp")
    (((:server "mail.example.org" :tls opportunistic)) warning "account 1" "opportunistic")
    (((:server "mail.example.org" :tls none)) warning "account 1" "No TLS")
    (((:server "127.0.0.1" :tls none)) note "account 1" "on this machine itself")
    (((:server "localhost.localdomain" :tls none)) note "account 1" "on this machine itself")
    (((:server "127.0.0.1" :tls always)) error "account 1" ":tls is `always'")
    (((:server "127.0.0.1" :ca-file ,(mew-submit-test-missing "ca.pem"))) error "account 1"
     "The CA file cannot be read")
    (((:server "127.0.0.1" :key-file ,(mew-submit-test-missing "key.pem"))) error "account 1"
     "A key needs its certificate")
    (((:server "127.0.0.1" :tls-minimum "1.1")) error "account 1" "\"1\\.2\" or \"1\\.3\"")
    (((:server "127.0.0.1" :user "u" :auth "XOAUTH2" :token-command ("no-such-program-here")))
     error "account 1" "is not there: no-such-program-here")
    (((:server "127.0.0.1" :user "u")) warning "account 1" "no secret for this server")
    (((:server "127.0.0.1")) note "account 1" "without a log-in")
    (((:server "127.0.0.1") (:server "127.0.0.2" :from "@example.org")) note "accounts"
     "Account 1 is for everybody")
    (((:server "127.0.0.1" :servers ((:server "127.0.0.2" :plan "fast"))))
     error "account 1" "server 2: No such plan: fast")
    (((:server "127.0.0.1" :servers ((:server "127.0.0.2" :rotes "25:none"))))
     warning "account 1" "\\`What is :rotes\\?")
    (((:server "127.0.0.1" :servers ((:plan "rfc8314")))) error "account 1"
     "one of :servers without a :server")
    (((:server "mail.example.org" :servers ((:server "b.example.org" :tls none))))
     error "account 1" "asks for less TLS at b.example.org")
    (((:server "127.0.0.1" :user "u" :servers ((:server "127.0.0.2"))))
     warning "account 1" "server 2: auth-source has no secret")
    (((:server "127.0.0.1" :user "u" :auth "SCRAM-SHA256")) error "account 1"
     ":auth names SCRAM-SHA256, which is no way")
    (((:server "127.0.0.1" :servers "x")) error "account 1" "has \"x\" for :servers")
    (((:server "127.0.0.1" :tunnel "telnet:x")) error "account 1" "tunnel"))
  "Accounts that are not well: (ACCOUNTS STATUS TOPIC REGEXP).")

(ert-deftest mew-submit-doctor-tests-names-what-is-wrong-with-an-account ()
  "Each account that is not well gives its finding; what is an error says what to do."
  (pcase-dolist (`(,accounts ,status ,topic ,regexp) mew-submit-doctor-tests--accounts)
    (mew-submit-doctor-tests--with directory ((mew-submit-accounts accounts))
      (let ((finding (mew-submit-doctor-tests--found status topic regexp
                                                     (mew-submit-doctor-checkup--local))))
        (when (and (eq status 'warning))
          (should (plist-get finding :advice)))
        ;; Nor does the command trip over it.
        (should (mew-submit-doctor--begin #'ignore t))))))

(ert-deftest mew-submit-doctor-tests-options-of-a-wrong-kind ()
  "An option whose value Customize would not take is an error; the value is not shown."
  (mew-submit-doctor-tests--with directory nil
    (should-not (delq nil (mew-submit-doctor-checkup--options))))
  (cl-flet ((told (regexp)
              (let ((finding (mew-submit-doctor-tests--found
                              'error "options" regexp (mew-submit-doctor-checkup--local))))
                (should (plist-get finding :advice))
                (should-not (string-search "sesame" (mew-submit-doctor--line finding))))))
    (mew-submit-doctor-tests--with directory ((mew-submit-fallback "always"))
      (told "\\`mew-submit-fallback has a value that it cannot have"))
    (mew-submit-doctor-tests--with directory ((mew-submit-oauth2-token-command '("x" sesame)))
      (told "\\`mew-submit-oauth2-token-command has"))
    (mew-submit-doctor-tests--with directory ((auth-sources "~/.authinfo"))
      (told "\\`auth-sources is no list"))))

(ert-deftest mew-submit-doctor-tests-options-of-what-is-not-loaded ()
  "An option of what is not loaded yet is looked at; one that does not exist is told."
  (let ((result (mew-submit-test-emacs
                 (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root) "--eval"
                       "(setq mew-submit-relay-port \"2587\" mew-submit-relay-prot \"sesame\"
                              mew-submit-survey-salt nil
                              mew-submit-outbox-mode-hook '(ignore))"
                       "-f" "mew-submit-batch-doctor" "--" "--offline"))))
    (should (eql (plist-get result :status) 78))
    (let ((said (replace-regexp-in-string "[ \n]+" " " (plist-get result :stdout))))
      (should (string-search "ERROR options mew-submit-relay-port has a value" said))
      (should (string-search "WARNING options What is mew-submit-relay-prot?" said))
      (should-not (string-search "sesame" said))
      (should-not (string-match-p "survey\\|mode-hook" said)))))

(ert-deftest mew-submit-doctor-tests-a-slip-is-told-once ()
  "A misspelt key of an account is told once, not again for each of its servers."
  (mew-submit-doctor-tests--with directory
      ((mew-submit-accounts
        '((:server "127.0.0.1" :requires-tls t
                   :servers ((:server "127.0.0.2" :rotes "25:none")
                             (:server "127.0.0.3" :rotes "25:none"))))))
    (should (equal (seq-filter (lambda (text) (string-search "What is" text))
                               (mapcar (lambda (finding) (plist-get finding :text))
                                       (mew-submit-doctor-checkup--local)))
                   '("What is :requires-tls, :rotes?")))))

(ert-deftest mew-submit-doctor-tests-mail-that-goes-past-us ()
  "Mail that something else sends, or that is from an address without an account, is told."
  (pcase-dolist
      (`(,send ,message ,address ,words)
       '((mew-submit-send-it mew-submit-send-it "me@example.org" nil)
         (mew-submit-send-it message--default-send-mail-function "me@example.org" nil)
         (mew-submit-send-it my-own-function "me@example.org" nil)
         (sendmail-query-once mew-submit-send-it "me@example.org" ("Mail mode"))
         (mew-submit-send-it smtpmail-send-it "me@example.org" ("mu4e" "smtpmail-send-it"))
         (mew-submit-send-it mew-submit-send-it "old@example.net"
                             ("old@example.net" "no account"))
         (sendmail-query-once sendmail-query-once "me@example.org" ("M-x mew-submit-mode"))))
    (let* ((mew-submit-mode nil)
           (send-mail-function send)
           (message-send-mail-function message)
           (user-mail-address address)
           (smtpmail-smtp-server nil)
           (smtpmail-default-smtp-server nil)
           (mew-submit-accounts '((:server "h" :from "me@example.org")))
           (said (let ((noninteractive nil))
                   (delq nil (mew-submit-doctor-checkup--sending)))))
      (ert-info ((format "%S" (list send message address)))
        (should (= (length said) (if words 1 0)))
        (dolist (word words)
          (should (string-search word (format "%s" (car said)))))))))

(ert-deftest mew-submit-doctor-tests-the-mode-is-on-and-of-no-use ()
  "Where all is set to something else after the mode, turning that on is no advice.
The doctor of a batch Emacs with the init file says so, too."
  (dolist (noninteractive '(nil t))
    (let* ((mew-submit-mode t)
           (send-mail-function 'smtpmail-send-it)
           (message-send-mail-function 'message-send-mail-with-sendmail)
           (mew-submit-accounts '((:server "h")))
           (said (format "%s" (delq nil (mew-submit-doctor-checkup--sending)))))
      (should (string-search "by smtpmail-send-it, not by mew-submit" said))
      (should (string-search "by message-send-mail-with-sendmail, not by mew-submit" said))
      (should-not (string-search "M-x mew-submit-mode" said)))))

(ert-deftest mew-submit-doctor-tests-what-is-no-account ()
  "A value that is no list of accounts is told as that, with what to do."
  (let ((smtpmail-smtp-server nil))
    (pcase-dolist (`(,mew-submit-accounts ,told)
                   '((t "no list of accounts") ("mail.example.org" "no list of accounts")
                     (("mail.example.org") "something in mew-submit-accounts that is no account")
                     (((:server "127.0.0.1") 5) "that is no account")))
      (ert-info ((format "%S" mew-submit-accounts))
        (should (= 1 (seq-count (lambda (finding)
                                  (and (eq (plist-get finding :status) 'error)
                                       (string-search told (plist-get finding :text))))
                                (mew-submit-doctor-account--account-findings))))))))

(ert-deftest mew-submit-doctor-tests-an-init-file-with-an-error ()
  "What an init file has before an error counts, in a shell, too; the error is told.
So is that it quits, or ends Emacs, as one may where there is no window."
  (pcase-dolist (`(,form ,told)
                 '(("(require 'no-such-package)" "no-such-package")
                   ("(keyboard-quit)" "Quit")
                   ("(add-hook 'kill-emacs-hook #'ignore) (kill-emacs 3)" "It ends Emacs")))
    (mew-submit-test-with-directory directory
      (make-directory (expand-file-name ".emacs.d" directory))
      (mew-submit-test-write
       (expand-file-name ".emacs.d/init.el" directory)
       (concat "(setq smtpmail-smtp-server \"127.0.0.1\" smtpmail-smtp-service 587)\n"
               form "\n"))
      (let ((process-environment
             (append (list (concat "HOME=" directory) (concat "EMACS=" mew-submit-test-emacs)
                           "XDG_CONFIG_HOME" "MEW_SUBMIT_CONFIG")
                     process-environment)))
        (with-temp-buffer
          (should (eql 0 (call-process (expand-file-name "packaging/mew-submit"
                                                         mew-submit-test-root)
                                       nil '(t nil) nil "doctor" "--offline" "--json")))
          (goto-char (point-min))
          (should (re-search-forward
                   (concat "\"init file\".*init[.]el has an error when a batch .*" told)))
          (should (search-forward "1, from smtpmail's variables")))))))

(ert-deftest mew-submit-doctor-tests-a-password-cut-at-its-spaces ()
  "A password with spaces and without quotes is told, without a part of it."
  (mew-submit-doctor-tests--with directory nil
    (pcase-dolist (`(,line ,status)
                   '(("password abcd efgh ijkl mnop" warning)
                     ("password \"abcd efgh ijkl mnop\"" ok)
                     ("port 587 force yes smtp-auth plain password abcd" ok)
                     ("password abcd # of the phone" ok)))
      (ert-info (line)
        (mew-submit-test-write (car auth-sources)
                               (concat "machine 127.0.0.1 login me " line "\n"))
        (let ((finding (mew-submit-doctor-account--entry
                        "account 1" '(:server "127.0.0.1" :user "me"))))
          (should (eq (plist-get finding :status) status))
          (should-not (string-match-p "abcd\\|efgh\\|ijkl" (format "%S" finding)))
          (should (eq (and (string-search "\"quotes\"" (or (plist-get finding :advice) "")) t)
                      (eq status 'warning))))))))

(ert-deftest mew-submit-doctor-tests-no-password-where-tokens-are ()
  "An account that takes access tokens from GNOME is not said to lack a password."
  (let ((auth-sources nil)
        (mew-submit-oauth2-token-command nil))
    (pcase-let ((`(,finding . ,others)
                 (mew-submit-doctor-account--secret
                  "test" '(:server "127.0.0.1" :user "me" :oauth t))))
      (should (eq (plist-get finding :status) 'note))
      (should (string-search "GNOME" (plist-get finding :text)))
      (should-not others))))

(ert-deftest mew-submit-doctor-tests-tells-of-refused-log-ins ()
  "Why mail in the outbox could not log in is told once, with what to do."
  (mew-submit-doctor-tests--with directory nil
    (make-directory mew-submit-outbox-directory)
    (set-file-modes mew-submit-outbox-directory #o700)
    (dotimes (number 2)
      (let ((file (format "%soutbox/20260101T000000-00000%d" directory number)))
        (mew-submit-test-write (concat file ".eml") "Subject: x\n\nx\n")
        (mew-submit-test-write
         (concat file ".eld")
         (prin1-to-string
          (append '(:state refused :kind "auth" :result "refused" :code 535)
                  (mew-submit-refusal--of
                   :auth 535 "5.7.139" "Authentication unsuccessful, \
SmtpClientAuthentication is disabled for the Tenant." "XOAUTH2"))))))
    (let ((findings (mew-submit-doctor-checkup--local)))
      (should (string-search
               "Ask its administrator to switch authenticated SMTP on"
               (plist-get (mew-submit-doctor-tests--found
                           'warning "outbox" "A log-in was refused: your organisation has \
switched off sending by mail programs" findings)
                          :advice)))
      (should (= 1 (length (mew-submit-doctor-tests--bad findings "outbox"))))
      ;; "2 refused" alone was ok, and no next step.
      (should (string-search
               "M-x mew-submit-outbox"
               (plist-get (mew-submit-doctor-tests--found
                           'note "outbox" "is not sent again by itself" findings)
                          :advice))))))

(ert-deftest mew-submit-doctor-tests-a-password-that-was-refused ()
  "That this Emacs had the log-in refused is told, until it is accepted.
Where no mail was in the outbox, as after a test mail, all was well."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "--user" "me" "--password" "sesame" "127.0.0.1:0,name=a,mechs=PLAIN")
    (mew-submit-doctor-tests--with directory
        ((mew-submit-accounts (list (append '(:name "a" :user "me")
                                            (mew-submit-test-account peer "a"))))
         (mew-submit-keep-connection 0))
      (pcase-dolist (`(,password ,result ,warnings) '(("wrong" "refused" 1)
                                                      ("sesame" "delivered" 0)))
        (mew-submit-test-write (car auth-sources)
                               (format "machine 127.0.0.1 login me password %s\n" password))
        (set-file-modes (car auth-sources) #o600)
        (should (equal result (plist-get (mew-submit-test-run
                                          (car mew-submit-accounts)
                                          "From: me@example.org\nTo: a@example.org\n\nbody\n"
                                          :on-ask #'mew-submit-dialog--answer)
                                         :result)))
        (let ((bad (mew-submit-doctor-tests--bad (mew-submit-doctor-checkup--local)
                                                 "account 1")))
          (should (= warnings (length bad)))
          (dolist (finding bad)
            (should (string-match-p "127.0.0.1 did not accept the log-in the last time, at"
                                    (plist-get finding :text)))
            (should (plist-get finding :advice))))))))

(ert-deftest mew-submit-doctor-tests-a-good-account-raises-nothing ()
  "An account with a secret in a file nobody else reads gives no warning."
  (mew-submit-doctor-tests--with directory
      ((mew-submit-accounts '((:name "a" :server "mail.example.org" :user "alice"
                                     :from "@example.org"))))
    (mew-submit-test-write (concat directory "authinfo")
                           "machine mail.example.org port 587 login alice password verysecret\n")
    (set-file-modes (concat directory "authinfo") #o600)
    (let ((findings (mew-submit-doctor-checkup--local)))
      (mew-submit-doctor-tests--found 'ok "account 1" "auth-source has a secret" findings)
      (should-not (mew-submit-doctor-tests--bad findings))
      (dolist (finding findings)
        (should-not (string-match-p "verysecret" (format "%S" finding)))))))

(ert-deftest mew-submit-doctor-tests-never-asks-for-a-passphrase ()
  "A source that could ask is named and not looked into."
  (mew-submit-doctor-tests--with directory
      ((auth-sources (list (concat directory "authinfo.gpg")))
       (mew-submit-accounts '((:server "mail.example.org" :user "alice"))))
    (let ((file-name-handler-alist nil)) ; else it would be encrypted
      (mew-submit-test-write (concat directory "authinfo.gpg") "not even OpenPGP\n"))
    (mew-submit-doctor-tests--found 'note "account 1" "was not looked into"
                                    (mew-submit-doctor-checkup--local))
    ;; It may have the user, too: mail goes.
    (setq mew-submit-accounts '((:server "mail.example.org" :auth "PLAIN")))
    (let ((findings (mew-submit-doctor-checkup--local)))
      (mew-submit-doctor-tests--found 'note "account 1" "was not looked into" findings)
      (should-not (mew-submit-doctor-tests--bad findings)))
    (setq auth-sources nil)
    (mew-submit-doctor-tests--found 'error "account 1" "the account needs :user"
                                    (mew-submit-doctor-checkup--local))))

(ert-deftest mew-submit-doctor-tests-tells-of-secrets-others-can-read ()
  "A file of passwords that others can read is a warning, with what to do."
  (mew-submit-doctor-tests--with directory nil
    (mew-submit-test-write (concat directory "authinfo") "machine x login y password z\n")
    (set-file-modes (concat directory "authinfo") #o644)
    (should (string-match-p
             "chmod 600"
             (plist-get (mew-submit-doctor-tests--found 'warning "secrets" "can be read by others"
                                                        (mew-submit-doctor-checkup--local))
                        :advice)))))

(ert-deftest mew-submit-doctor-tests-looks-at-the-outbox ()
  "An outbox that is a file is an error, one that others can read a warning."
  (mew-submit-doctor-tests--with directory nil
    (mew-submit-doctor-tests--found 'ok "outbox" "which the first mail will make"
                                    (mew-submit-doctor-checkup--local))
    (mew-submit-test-write (concat directory "outbox") "")
    (mew-submit-doctor-tests--found 'error "outbox" "cannot be made" (mew-submit-doctor-checkup--local))
    (delete-file (concat directory "outbox"))
    (make-directory mew-submit-outbox-directory)
    (set-file-modes mew-submit-outbox-directory #o755)
    (mew-submit-doctor-tests--found 'warning "outbox" "can be read by others"
                                    (mew-submit-doctor-checkup--local))
    (set-file-modes mew-submit-outbox-directory #o700)
    (mew-submit-test-write (concat directory "outbox/20260101T000000-000001.eml")
                           "Subject: x\n\nx\n")
    (mew-submit-test-write (concat directory "outbox/20260101T000000-000001.eld") "(not a plist")
    (mew-submit-doctor-tests--found 'ok "outbox" "1 broken" (mew-submit-doctor-checkup--local))
    (mew-submit-doctor-tests--found 'error "outbox" "cannot be read" (mew-submit-doctor-checkup--local))))

(ert-deftest mew-submit-doctor-tests-looks-at-memory-and-pins ()
  "A memory that makes no sense, and a pin that is none, are errors."
  (mew-submit-doctor-tests--with directory
      ((mew-submit-accounts '((:name "a" :server "mail.example.org")))
       (mew-submit-pins '((nil "mail.example.org" 587 "md5:00")
                          ("gone" "mail.example.org" 587
                           "sha256:0000000000000000000000000000000000000000000000000000000000000000")
                          ("a" "mail.example.org" "587"
                           "sha256:0000000000000000000000000000000000000000000000000000000000000000")
                          odd)))
    (mew-submit-test-write mew-submit-memory-file "(((nonsense")
    (let ((findings (mew-submit-doctor-checkup--local)))
      (mew-submit-doctor-tests--found 'error "memory" "memory of servers" findings)
      (mew-submit-doctor-tests--found 'error "pins" "no SHA-256" findings)
      (mew-submit-doctor-tests--found 'error "pins" "counts nowhere" findings)
      (mew-submit-doctor-tests--found 'error "pins" "is none" findings)
      (mew-submit-doctor-tests--found 'note "pins" "account gone" findings))))

(ert-deftest mew-submit-doctor-tests-doubts-the-clock ()
  "A clock before this version or before a file was made is wrong; one far ahead is doubted."
  (mew-submit-doctor-tests--with directory nil
    (let ((now (date-to-time "2027-03-01T12:00:00Z")))
      (make-directory mew-submit-outbox-directory)
      (dolist (row '(("2027-03-01T12:00:00Z" ok) ("2019-05-05T00:00:00Z" error)
                     ("2070-01-01T00:00:00Z" warning)))
        (cl-letf (((symbol-function 'mew-submit-doctor-checkup--witnesses)
                   (lambda () (list (cons "a file" now)))))
          (should (equal (cadr row)
                         (plist-get (car (mew-submit-doctor-checkup--clock (date-to-time (car row))))
                                    :status)))
          (mew-submit-doctor-tests--found
           'error "clock" "but a file was made"
           (mew-submit-doctor-checkup--clock (date-to-time "2027-02-27T00:00:00Z")))))
      (should (file-directory-p directory)))))

(ert-deftest mew-submit-doctor-tests-knows-defects-of-gnutls ()
  "Versions between the one that has a defect and the one that has not are told of."
  (let ((names (lambda (version)
                 (mapcar #'cadr (mew-submit-doctor-checkup--defects :gnutls version)))))
    (should (equal (funcall names "3.6.13")
                   '("CVE-2020-13777" "CVE-2022-2509" "CVE-2023-0361")))
    (should (equal (funcall names "3.6.14") '("CVE-2022-2509" "CVE-2023-0361")))
    (should (equal (funcall names "3.7.8") '("CVE-2023-0361")))
    (should (equal (funcall names "3.7.9") nil))
    (should (equal (funcall names "3.8.10") nil))))

(ert-deftest mew-submit-doctor-tests-shows-cached-verdicts ()
  "A port that is remembered to be blocked on this network is told of, without the network."
  (mew-submit-doctor-tests--with directory
      ((mew-submit-accounts '((:server "other.example.org"
                               :servers ((:server "mail.example.org")
                                         (:server "mail.example.org" :plan "submissions")))))
       (mew-submit-network-negative--active t)
       (mew-submit-negative-cache-file nil)
       (network '(:id "0123456789abcdef" :label "192.0.2.254" :family ipv4 :up t))
       (mew-submit-negative-cache
        (list (list :network "0123456789abcdef" :label "192.0.2.254" :server "mail.example.org"
                    :port 587 :family 'ipv4 :case 5
                    :seen (format-time-string "%FT%TZ" (time-subtract nil 60) t)
                    :checked (format-time-string "%FT%TZ" (time-subtract nil 60) t)
                    :expires (format-time-string "%FT%TZ" (time-add nil 3600) t)))))
    (cl-letf (((symbol-function 'mew-submit-network--list) (lambda (&rest _) (list network))))
      (let ((findings (mew-submit-doctor-checkup--local)))
        (mew-submit-doctor-tests--found 'ok "verdicts" ": 1$" findings)
        (should (string-match-p
                 "forget-network"
                 (plist-get (mew-submit-doctor-tests--found
                             'note "verdicts" "Account 1: port 587 by IPv4 was case 5" findings)
                            :advice)))))))

;;; Servers

(defun mew-submit-doctor-tests--server (account)
  "Return what a look at the server of ACCOUNT finds."
  (let (found (done nil))
    (should (mew-submit-doctor-account--server account 1 1 (lambda (findings)
                                                             (setq found findings
                                                                   done t))))
    (mew-submit-test-until ("the look at the server") done)
    found))

(ert-deftest mew-submit-doctor-tests-looks-at-the-server ()
  "What is seen at the server: all well, another port, a bad certificate, nobody."
  (mew-submit-doctor-tests--with directory nil
    (mew-submit-test-with-peer (peer "127.0.0.1:0,name=good" "127.0.0.1:0,refused,name=shut"
                                     "127.0.0.1:0,cert=expired,name=expired"
                                     "127.0.0.1:0,cert=notyet,name=notyet")
      (let ((findings (mew-submit-doctor-tests--server
                       (mew-submit-test-account peer "good"))))
        (mew-submit-doctor-tests--found 'ok "account 1" "answers, TLS1.3, certificate verified"
                                        findings)
        (should-not (mew-submit-doctor-tests--bad findings)))
      (mew-submit-doctor-tests--found
       'warning "account 1" "not the preferred port"
       (mew-submit-doctor-tests--server
        (list :server "127.0.0.1" :ca-file (mew-submit-test-ca peer)
              :routes (format "%d:starttls,%d:starttls" (mew-submit-test-port peer "shut")
                              (mew-submit-test-port peer "good")))))
      (mew-submit-doctor-tests--found
       'error "account 1" "refused"
       (mew-submit-doctor-tests--server (mew-submit-test-account peer "shut")))
      (mew-submit-doctor-tests--found
       'error "account 1" "Its certificate has expired [0-9]+ \\(?:days\\|h [0-9]+ min\\) ago"
       (mew-submit-doctor-tests--server (mew-submit-test-account peer "expired")))
      (mew-submit-doctor-tests--found
       'warning "clock" "will be valid in [0-9]+ \\(?:days\\|h [0-9]+ min\\)"
       (mew-submit-doctor-tests--server (mew-submit-test-account peer "notyet"))))))

(ert-deftest mew-submit-doctor-tests-looks-at-each-server ()
  "All servers of an account are looked at, and each finding says which it is about."
  (mew-submit-doctor-tests--with directory nil
    (mew-submit-test-with-peer (peer "127.0.0.1:0,name=good" "127.0.0.1:0,cert=expired,name=old")
      (let* ((mew-submit-accounts
              (list (append (mew-submit-test-account peer "good")
                            (list :servers (list (mew-submit-test-account peer "old"))))))
             (visit (mew-submit-doctor--begin #'ignore nil)))
        (mew-submit-test-until ("both servers")
          (not (mew-submit-doctor--busy-p visit)))
        (let ((findings (mew-submit-doctor--visit-findings visit)))
          (mew-submit-doctor-tests--found 'ok "account 1" "\\`port .* answers, TLS1.3" findings)
          (mew-submit-doctor-tests--found 'error "account 1" "\\`server 2: .*has expired"
                                          findings))))))

(ert-deftest mew-submit-doctor-tests-sends-nothing-secret-to-the-server ()
  "A look at the server ends with TLS: no AUTH, no MAIL."
  (mew-submit-doctor-tests--with directory nil
    (mew-submit-test-with-peer (peer "--user" "alice" "--password" "verysecret"
                                     "127.0.0.1:0,name=good")
      (mew-submit-test-write (concat directory "authinfo")
                             "machine 127.0.0.1 login alice password verysecret\n")
      (mew-submit-doctor-tests--server
       (mew-submit-test-account peer "good" :user "alice"))
      (mew-submit-test-until ("the end of the connection")
        (mew-submit-test-log peer "close"))
      (should-not (mew-submit-test-lines peer "AUTH"))
      (should-not (mew-submit-test-lines peer "MAIL")))))

;;; What is shown

(defconst mew-submit-doctor-tests--private
  '("boss" "bigboss" "bigbosstoo" "mail\\.secret" "secret\\.example" "192\\.0\\.2\\.77" "2001:db8::77"
    "Top Secret Corp" "jumphost")
  "What must not be in a report that is masked.")

(ert-deftest mew-submit-doctor-tests-masks-names-and-addresses ()
  "The report names no server, user, account or address, unless asked; then it does."
  (mew-submit-doctor-tests--with directory
      ((user-mail-address "boss@secret.example.org")
       (mew-submit-accounts
        '((:name "Top Secret Corp" :server "mail.secret.example.org" :user "bigboss"
                 :from "boss@secret.example.org" :tls none)
          (:server "192.0.2.77" :user "bigboss" :tunnel "ssh:jumphost.secret.example.org")
          (:server "2001:db8::77" :plan "bigboss"
           :servers ((:server "localhost" :user "bigbosstoo" :routes "25:starttls"
                      :plan "bigbosstoo")))
          (:server "mail.secret.example.org" :ca-file "/x/mail.secret.example.org.pem"))))
    (let* ((visit (mew-submit-doctor--make-visit :findings (mew-submit-doctor-checkup--local)))
           (masked (mew-submit-doctor--text visit (mew-submit-doctor--names)))
           (open (mew-submit-doctor--text visit t)))
      (dolist (name mew-submit-doctor-tests--private)
        (should-not (string-match-p name masked)))
      (should-not (string-match-p (regexp-quote (expand-file-name "~")) masked))
      (should (string-match-p "mail\\.secret\\.example\\.org" open))
      (should (string-match-p "<server 1>: 587, then 25" masked))
      (dolist (line (split-string masked "\n"))
        (should (<= (string-width line) 80))))))

(ert-deftest mew-submit-doctor-tests-masks-what-was-meant-as-a-name ()
  "A value of a wrong kind is shown with what is wrong; names in it are masked, too."
  (dolist (account '((:server "mail.example.org" :user johnsmith)
                     (:server "mail.example.org" :user ("johnsmith" . x))
                     (:server johnsmith) (:server mail.johnsmith.test)
                     (:server "mail.example.org" :from (johnsmith) :servers "johnsmith")))
    (mew-submit-doctor-tests--with directory ((mew-submit-accounts (list account)))
      (let ((visit (mew-submit-doctor--begin #'ignore t)))
        (should (string-search "ERROR   account 1" (mew-submit-doctor--text visit t)))
        (should (string-search "johnsmith" (mew-submit-doctor--text visit t)))
        (should-not (string-search "johnsmith" (mew-submit-doctor--text
                                                visit (mew-submit-doctor--names))))))))

(ert-deftest mew-submit-doctor-tests-masks-no-words ()
  "The name of an account that is a word is masked where it is a name only."
  (let* ((mew-submit-accounts '((:name "no" :server "mail.example.org")))
         (names (mew-submit-doctor--names)))
    (should (equal (mew-submit-doctor--mask "No route, no answer" names)
                   "No route, no answer"))
    (should (equal (mew-submit-doctor--mask "The account \"no\" is wrong" names)
                   "The account \"<name 1>\" is wrong")))
  ;; Who logs in as "user", at a host called "Mail", can read the report.
  (let* ((mew-submit-accounts '((:server "Mail" :user "user" :sender "user@example.org")))
         (names (mew-submit-doctor--names))
         (text "No user name: mail is from user-mail-address"))
    (should (equal (mew-submit-doctor--mask text names) text))
    (should (equal (mew-submit-doctor--mask "user@example.org" names) "<sender 1>"))))

(ert-deftest mew-submit-doctor-tests-masks-what-looks-like-a-name ()
  "Addresses and hosts that nobody has named are masked as well, versions and files are not."
  (let ((mask (lambda (text) (mew-submit-doctor--mask text nil))))
    (should (equal (funcall mask "a@b.example.org said") "<address> said"))
    (should (equal (funcall mask "issued for imap.example.com, not") "issued for <host>, not"))
    (should (equal (funcall mask "port 587 over IPv6 (2001:db8::1)") "port 587 over IPv6 (<IPv6>)"))
    (should (equal (funcall mask "fe80::1%eth0 x") "<IPv6> x"))
    (should (equal (funcall mask "192.0.2.1 port 25") "<IPv4> port 25"))
    (should (equal (funcall mask "GnuTLS 3.7.9, ca.pem, ~/.authinfo.gpg, 2026-11-24 10:11:12")
                   "GnuTLS 3.7.9, ca.pem, ~/.authinfo.gpg, 2026-11-24 10:11:12"))))

(ert-deftest mew-submit-doctor-tests-shows-its-buffer-and-copies-it ()
  "M-x mew-submit-doctor returns at once; what it copies is masked, until names are shown."
  (mew-submit-doctor-tests--with directory nil
    (mew-submit-test-with-peer (peer "127.0.0.1:0,name=good")
      (let ((mew-submit-accounts
             (list (append '(:name "Top Secret Corp" :from "boss@secret.example.org")
                           (mew-submit-test-account peer "good")))))
        (mew-submit-doctor)
        (with-current-buffer "*mew-submit doctor*"
          (should (string-match-p "looking at the servers" (buffer-string)))
          (mew-submit-test-until ("the look at the servers")
            (not (mew-submit-doctor--visit-sessions mew-submit-doctor--visit)))
          ;; What was found is shown soon, not at once.
          (mew-submit-test-until ("what was found to be shown")
            (string-match-p "certificate verified" (buffer-string)))
          (mew-submit-doctor-copy)
          (should-not (string-match-p "127\\.0\\.0\\.1\\|Secret" (current-kill 0)))
          (mew-submit-doctor-toggle-names)
          (should (string-match-p "127\\.0\\.0\\.1" (buffer-string)))
          (kill-buffer))))))

;;; Batch

(defun mew-submit-doctor-tests--batch (form &rest arguments)
  "Run `mew-submit-batch-doctor' with ARGUMENTS after evaluating FORM."
  (mew-submit-test-emacs
   (append (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                 "--eval" (prin1-to-string form)
                 "-f" "mew-submit-batch-doctor" "--")
           arguments)))

(ert-deftest mew-submit-doctor-tests-batch-says-it-with-its-exit-status ()
  "The batch command ends with 78 when there is an error, with 0 when there is none."
  (mew-submit-test-with-directory home
    (let ((broken (mew-submit-doctor-tests--batch nil "--offline"))
          (well (mew-submit-doctor-tests--batch
                 `(setq mew-submit-accounts '((:server "mail.example.org" :auth "none"))
                        mew-submit-outbox-directory ,(concat home "outbox/")
                        mew-submit-memory-file nil)
                 "--offline" "--json")))
      (should (equal (plist-get broken :status) 78))
      (should (string-match-p "^ERROR +accounts" (plist-get broken :stdout)))
      (should (equal (plist-get well :status) 0))
      (let ((findings (mew-submit-test-json-lines (plist-get well :stdout))))
        (should (> (length findings) 8))
        (dolist (finding findings)
          (should (member (plist-get finding :status) '("ok" "note" "warning"))))))
    (should (equal (plist-get (mew-submit-doctor-tests--batch nil "--nonsense") :status) 64))))

(ert-deftest mew-submit-doctor-tests-tells-that-the-module-is-not-built ()
  "Without a module the rest is checked all the same, and what to do is said."
  (let ((result (mew-submit-doctor-tests--batch
                 `(setq mew-submit-module-directory
                         ,(mew-submit-test-missing "")))))
    (should (equal (plist-get result :status) 78))
    (should (string-match-p "^ERROR +module +The module .* is not" (plist-get result :stdout)))
    (should (string-match-p "mew-submit-build-module" (plist-get result :stdout)))
    (should (string-match-p "^ok +clock" (plist-get result :stdout)))))

(provide 'mew-submit-doctor-tests)
;;; mew-submit-doctor-tests.el ends here
