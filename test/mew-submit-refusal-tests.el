;;; mew-submit-refusal-tests.el --- Tests: what follows from a server's no -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What a server says decides whether another password is asked for and when there is
;; another try, and is told everywhere; but never makes anything less safe.

;;; Code:

(require 'auth-source)
(require 'cl-lib)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-notice)
(require 'mew-submit-offer)
(require 'mew-submit-outbox)
(require 'mew-submit-queue)
(require 'mew-submit-refusal)
(require 'mew-submit-test-helpers)

;;; The decisions

(defun mew-submit-refusal-tests--done (kind step about reply)
  "Return a `done' event of KIND: the server said REPLY, a line, to STEP.
ABOUT is what the module makes of the codes, or nil."
  (pcase-let* ((`(,code ,enhanced ,text) (mew-submit-cause--parse (list reply)))
               (event (list :kind kind :step step :about about :code code
                            :enhanced enhanced :said (list text))))
    (append event (mew-submit-refusal--of-event event))))

(ert-deftest mew-submit-refusal-tests-a-password-is-asked-for-if-it-is-about-one ()
  "Another password is asked for only where a password was refused (SECURITY: E33)."
  (pcase-dolist
      (`(,asked ,kind ,step ,about ,reply)
       '((t "auth" "auth" "password" "535 5.7.8 Authentication credentials invalid")
         ;; Nobody knows better than the code.
         (t "auth" "auth" "password" "535 5.7.8 Error")
         (t "auth" "auth" "password" "535 5.7.8 Zugriff xyzzy")
         (t "auth" "auth" "app-password" "534 5.7.9 Application-specific password required")
         (t "auth" "auth" "token" "535 5.7.8 The access token has expired")
         ;; The codes say that it is not.
         (nil "auth" "auth" "nothing" "554 5.7.0 Login failed, wrong credentials")
         (nil "auth" "auth" "password" "535 5.7.8 Too many failed logins, try later")
         (nil "auth" "auth" "password" "535 5.7.8 Your account is disabled")
         (nil "auth" "auth" "password" "535 SMTP is disabled for this account")
         (nil "auth" "auth" "password" "535 5.7.0 Please log in via your web browser")
         (nil "auth" "auth" "password" "535 Must issue a STARTTLS command first")
         (nil "auth" "auth" "mechanism" "504 5.5.4 Unrecognized authentication type")
         ;; Nobody has logged in, or it is about the mail.
         (nil "auth" "mail" nil "530 5.7.0 Authentication required")
         (nil "auth" "mail" nil "535 5.7.8 Wrong password")
         (nil "refused" "mail" nil "550 5.7.8 Wrong password")
         (nil "refused" "dot" nil "550 Invalid password in attachment")
         (nil "deferred" "auth" nil "454 4.7.0 Wrong password")))
    (ert-info (reply)
      (should (eq (mew-submit-refusal--secret-p
                   (mew-submit-refusal-tests--done kind step about reply))
                  asked)))))

(ert-deftest mew-submit-refusal-tests-an-antivirus-is-not-the-server ()
  "What a program in its place says of the way there is not told as the server's."
  (dolist (reply '("421 Cannot connect to SMTP server 192.0.2.1 (192.0.2.1:587), connect error 10060"
                   "421 Cannot connect to SMTP server mail.example.org (192.0.2.1:25), NAT connect error 10060"))
    (let ((done (mew-submit-refusal-tests--done "deferred" "greeting" nil reply)))
      (should (string-search "an antivirus" (mew-submit-refusal--reason done)))
      (should (string-search "the server itself has said nothing"
                             (mew-submit-refusal--to-do done)))))
  (let ((done (mew-submit-refusal-tests--done
               "deferred" "greeting" nil "421 Cannot connect to SMTP server, too busy")))
    (should-not (mew-submit-refusal--reason done))))

;; So a captive portal or a hotel's filter speaks.
(ert-deftest mew-submit-refusal-tests-who-connects-is-refused ()
  "Where the connection is refused for no reason, another network is what may help."
  (pcase-dolist (`(,step ,text ,helps) '(("greeting" "554 Sign in at http://a.example/" t)
                                         ("greeting" "554 Your IP is blacklisted" nil)
                                         ("rcpt" "554 No" nil)))
    (let* ((cause (mew-submit-cause--of step 554 nil (substring text 4)))
           (said (mew-submit-refusal--to-do
                  (append (list :kind "refused" :code 554 :step step :text text
                                :remedy (plist-get (mew-submit-cause-meaning--advice
                                                    (plist-get cause :cause) 554)
                                                   :remedy))
                          cause))))
      (ert-info (said)
        (should (eq helps (and (string-search "another network or port may help" said) t)))))))

(ert-deftest mew-submit-refusal-tests-words-in-another-charset ()
  "What is no UTF-8 is read by the charset that makes sense of it, if one does."
  (pcase-dolist
      (`(,cause ,charset ,text)
       '((recipient-unknown gb18030 "用户不存在") (recipient-unknown big5 "使用者不存在")
         (recipient-unknown shift_jis "ユーザーが見つかりません")
         (recipient-unknown euc-jp "宛先が存在しません")
         (recipient-unknown euc-kr "사용자를 찾을 수 없습니다")
         (recipient-unknown koi8-r "пользователь не найден")
         (recipient-unknown windows-1251 "Почтовый ящик не существует")
         (recipient-mailbox-full koi8-r "почтовый ящик переполнен")
         (recipient-mailbox-full iso-8859-1 "Postfach überfüllt")
         (recipient-mailbox-full iso-8859-2 "Skrzynka jest pełna")
         (policy-unspecified gb18030 "你好世界") (policy-unspecified windows-1251 "Привет")
         ;; The words in ASCII go before.
         (recipient-unknown koi8-r "No such user: переполнен")))
    (ert-info (text)
      (let ((octets (mapconcat (lambda (octet) (string (if (> octet 127) (+ #xf700 octet) octet)))
                               (encode-coding-string text charset) "")))
        (should (eq cause (plist-get (mew-submit-refusal--of-event
                                      (list :step "rcpt" :code 550 :enhanced ""
                                            :said (list octets)))
                                     :cause)))
        (should (eq cause (plist-get (mew-submit-refusal--of-recipient
                                      (list :code 550 :enhanced "" :text "550 \ufffd")
                                      (list octets))
                                     :cause)))))))

(ert-deftest mew-submit-refusal-tests-words-in-another-charset-are-shown ()
  "People see the words, not U+FFFD, where the charset is known; and nothing that deceives."
  (pcase-dolist
      (`(,charset ,said ,shown)
       '((gb18030 "用户不存在" "用户不存在")
         (koi8-r "5.1.1 почтовый ящик переполнен" "почтовый ящик переполнен")
         (gb18030 "用户不存在\u202e" "用户不存在\ufffd")
         ;; No charset makes sense of it.
         (windows-1251 "Привет" nil)))
    (ert-info (said)
      (let* ((octets (mapconcat (lambda (octet) (string (if (> octet 127) (+ #xf700 octet) octet)))
                                (encode-coding-string said charset) ""))
             (text (concat "550 " (mew-submit-error--clean
                                   (mew-submit-refusal--as-utf-8 octets))))
             (recipient (mew-submit-refusal--of-recipient
                         (list :address "a@x" :code 550 :enhanced "" :text text)
                         (list octets))))
        (should (string-search "\ufffd" text))
        (should-not (plist-get recipient :charset))
        (if shown
            (should (string-suffix-p shown (plist-get recipient :text)))
          (should (equal text (plist-get recipient :text))))))))

(ert-deftest mew-submit-refusal-tests-an-octet-that-is-wrong ()
  "What is UTF-8 but for an octet is read as that."
  (let ((octets (mapconcat (lambda (octet) (string (if (> octet 127) (+ #xf700 octet) octet)))
                           (concat (encode-coding-string "Пользователь не найден" 'utf-8) "\377")
                           "")))
    (should (eq 'recipient-unknown
                (plist-get (mew-submit-refusal--of-lines :rcpt 550 nil (list octets) nil)
                           :cause)))))

(ert-deftest mew-submit-refusal-tests-a-cause-in-common ()
  "Why one recipient was refused is not told of others; and each has the next try wait."
  (pcase-dolist
      (`(,cause ,sure ,seconds . ,replies)
       '((recipient-unknown t 0 "550 5.1.1 User unknown" "550 5.1.1 No such user")
         (recipient-unknown nil 0 "550 5.1.1 User unknown" "550 5.1.1 Whatever")
         (nil nil 600 "550 5.1.1 User unknown" "452 4.2.2 Mailbox full" "450 4.2.0 Greylisted")
         (nil nil 0)))
    (ert-info ((format "%S" replies))
      (let* ((refused (mapcar (lambda (reply)
                                (mew-submit-refusal--of-recipient
                                 (list :address "a@x" :text reply :enhanced (substring reply 4 9)
                                       :code (string-to-number reply))))
                              replies))
             (found (mew-submit-refusal--in-common refused)))
        (should (eq (plist-get found :cause) cause))
        (should (eq (plist-get found :sure) sure))
        (should (eql seconds (mew-submit-refusal--patience
                              (append found (list :kind "ok" :recipients refused)))))))))

(ert-deftest mew-submit-refusal-tests-an-early-try-is-not-made ()
  "Where an early try is in vain or does harm the next one comes later; else it does not."
  (pcase-dolist
      (`(,seconds ,kind ,step ,reply)
       '((600 "deferred" "rcpt" "450 4.2.0 Greylisted, see http://postgrey.example.org")
         (900 "deferred" "mail" "421 4.7.28 Unusual rate of mail, rate limited")
         (3600 "deferred" "auth" "454 4.7.0 Too many login attempts, try again later")
         ;; The code says later, but each log-in counts towards a lock-out.
         (3600 "deferred" "auth" "454 4.7.0 Authentication failed, password incorrect")
         (3600 "deferred" "auth" "421 4.7.0 Invalid username or password")
         (3600 "deferred" "auth" "451 4.7.1 Application-specific password required")
         (3600 "deferred" "auth" "432 4.7.12 A password transition is needed")
         (3600 "deferred" "auth" "454 Authentication failed, please open smtp flag first!")
         (3600 "deferred" "auth" "421 4.7.0 SMTP is disabled for this account")
         (3600 "deferred" "auth" "451 4.7.8 Invalid credentials")
         (3600 "deferred" "auth" "454 4.7.0 Account disabled")
         (0 "deferred" "mail" "451 4.7.1 Account suspended")
         (0 "deferred" "auth" "454 4.7.0 Temporary authentication failure")
         (0 "deferred" "auth" "454 4.7.0 Password database is not available")
         (0 "deferred" "dot" "451 4.3.0 Internal error")
         (0 "deferred" "mail" "450 Something")))
    (ert-info (reply)
      (let ((done (append '(:result "deferred")
                          (mew-submit-refusal-tests--done kind step nil reply))))
        (should (= (mew-submit-refusal--patience done) seconds))
        (let* ((mew-submit-retry-intervals '(10))
               (now (float-time))
               (entry (mew-submit-fate--judge
                       '(:state sending :attempts 1 :recipients ("a@x")) done)))
          (should (eq (plist-get entry :state) 'queued))
          (should (<= (max seconds 8) (- (plist-get entry :next) now)
                      (+ (max seconds 12) 120)))
          ;; It is not taken for a time that a wrong clock has left.
          (should-not (mew-submit-dispatch--due-p entry now)))))))

(ert-deftest mew-submit-refusal-tests-a-definite-no-is-not-tried-again ()
  "What is refused for good is not sent again by itself, whatever the words say."
  (dolist (reply '("550 4.7.1 Greylisted, try again in 5 minutes"
                   "554 5.3.2 Service temporarily unavailable, try again later"
                   "552 5.2.2 The mailbox is full, try again tomorrow"
                   "550 5.7.28 Rate limit exceeded, please slow down"))
    (ert-info (reply)
      (let ((done (append '(:result "refused")
                          (mew-submit-refusal-tests--done "refused" "rcpt" nil reply))))
        (should (plist-get done :cause))
        (let ((entry (mew-submit-fate--judge
                      '(:state sending :attempts 1 :recipients ("a@x")) done)))
          (should (eq (plist-get entry :state) 'refused))
          (should-not (plist-get entry :next)))
        ;; Nor does the advice say that it is.
        (should-not (string-match-p "tried again\\|by itself"
                                    (mew-submit-report--advice done)))))))

(ert-deftest mew-submit-refusal-tests-another-port-is-offered ()
  "Port 465 is looked at where the server's words make another port worth a try."
  (pcase-dolist
      (`(,wanted ,step ,reply)
       '((t "mail" "530 5.7.0 Must issue a STARTTLS command first")
         (t "rcpt" "550 5.7.1 Relaying denied")
         (nil "rcpt" "550 5.1.1 User unknown")
         (nil "dot" "554 5.7.1 Message looks like spam")))
    (ert-info (reply)
      (cl-letf (((symbol-function 'mew-submit-request--fallback) (lambda (_) 'ask)))
        (let ((done (mew-submit-refusal-tests--done "refused" step nil reply)))
          (should (eq (and (mew-submit-offer--wanted-p '(:server "h") done) t) wanted))
          (should-not (mew-submit-offer--wanted-p
                       '(:server "h") (append '(:attempts ((:port 465))) done))))))))

(ert-deftest mew-submit-refusal-tests-security-is-not-talked-away ()
  "What to do without TLS does not come from the server's words (SECURITY: E34)."
  (let ((done (append '(:result "insecure" :tls nil)
                      (mew-submit-refusal-tests--done
                       "insecure" "starttls" nil
                       "454 4.7.0 Authentication required, use port 25 without TLS"))))
    (should (string-search "do not switch TLS off" (mew-submit-report--advice done)))
    (should-not (mew-submit-notice-message--for-cause
                 '(:state refused :account (:server "smtp.gmail.com" :user "me")) done))))

(ert-deftest mew-submit-refusal-tests-no-password-can-be-entered ()
  "Where no password was given, as after \"Not now\", there is a button to enter one."
  (let ((done '(:kind "auth" :about "no-password" :result "refused" :text "No password")))
    (pcase-dolist (`(,user . ,buttons) '(("me" "[Other password...]") (nil)))
      (should (equal (mapcar #'car (mew-submit-notice-message--for-cause
                                    (list :state 'refused
                                          :account (list :server "h" :user user))
                                    done))
                     buttons)))))

(ert-deftest mew-submit-refusal-tests-binding ()
  "A bare 535 to a -PLUS mechanism may be a proxy's doing; other refusals are not."
  (pcase-dolist (`(,mechanism ,words ,may)
                 '(("SCRAM-SHA-256-PLUS" "Authentication failed" t)
                   ("SCRAM-SHA-256" "Authentication failed" nil)
                   ("SCRAM-SHA-256-PLUS" "Too many failed login attempts, wait an hour" nil)))
    (ert-info ((concat mechanism " " words))
      (let ((done (append (list :kind "auth" :result "refused" :code 535 :about "password"
                                :mechanism mechanism
                                :text (concat "h refused the credentials: 535 5.7.8 " words))
                          (mew-submit-refusal--of :auth 535 "5.7.8" words mechanism))))
        (should (eq may (and (string-search "may open TLS" (mew-submit-report--what done))
                             t)))
        ;; The server's own words come before it, and have to be seen at once.
        (should-not (string-search "TLS" (mew-submit-report--advice done)))))))

(ert-deftest mew-submit-refusal-tests-scram-is-not-possible ()
  "A server that has no password for SCRAM is not told as one that is out of order.
So are mox' words for a user without one or who is none, and RFC 4954's 432."
  (pcase-dolist (`(,code ,enhanced ,text ,cause ,meaning)
                 '((454 "4.3.0" "scram not possible" auth-wrong-password "does not know this user")
                   (432 "4.7.12" "A password transition is needed" auth-password-expired
                        "before it has seen it once")))
    (ert-info (text)
      (let ((done (append (list :kind "deferred" :result "deferred" :code code)
                          (mew-submit-refusal--of :auth code enhanced text
                                                  "SCRAM-SHA-256"))))
        (should (eq (plist-get done :cause) cause))
        (should (string-search meaning (mew-submit-refusal--why done)))
        (should (string-search ":auth \"PLAIN\"" (mew-submit-report--advice done)))
        (should (>= (mew-submit-refusal--patience done) 3600))
        (should-not (mew-submit-refusal--secret-p done))))))

(ert-deftest mew-submit-refusal-tests-sending-is-switched-off ()
  "5.7.139 and its like say who has switched what off, and that a sign-in is no help."
  (pcase-dolist
      (`(,mechanism ,text ,meaning ,remedy)
       '(("XOAUTH2" "SmtpClientAuthentication is disabled for the Tenant. Visit https://x"
          "your organisation has switched off sending" "Ask its administrator")
         ("LOGIN" "SmtpClientAuthentication is disabled for the Tenant. Visit https://x"
          "your organisation has switched off sending" "only web mail sends")
         ("OAUTHBEARER" "SmtpClientAuthentication is disabled for the Mailbox."
          "switched off for your mailbox" "settings of your account")
         ("XOAUTH2" "the request did not meet the criteria to be authenticated successfully."
          "your sign-in is good, but" "which rule forbids it")
         ;; There a sign-in does help.
         ("LOGIN" "basic authentication is disabled." "sending with a password is switched off"
          "Sign in through the browser")
         ("XOAUTH2" "the user credentials were incorrect." "no longer takes the permission"
          "Sign in again")))
    (ert-info ((format "%s %s" mechanism text))
      (let* ((done (append '(:kind "auth" :result "refused" :code 535)
                           (mew-submit-refusal--of
                            :auth 535 "5.7.139" (concat "Authentication unsuccessful, " text)
                            mechanism)))
             (entry '(:state refused :account (:server "smtp.office365.com" :user "me"
                                               :oauth (:issuer "https://id.example.org"))))
             (buttons (mapcar #'car (mew-submit-notice-message--for-cause entry done))))
        (should (string-search meaning (mew-submit-refusal--why done)))
        (should (string-search remedy (mew-submit-report--advice done)))
        (should-not (mew-submit-refusal--secret-p done))
        (should (eq (and (member "[Sign in]" buttons) t)
                    (and (string-match-p "Sign in" remedy) t)))
        (should (eq (and (member "[Web mail]" buttons) t)
                    (and (string-search "SmtpClient" text) t)))
        ;; Who has no issuer cannot sign in.
        (should-not (assoc "[Sign in]"
                           (mew-submit-notice-message--for-cause
                            '(:state refused :account (:server "h" :user "me")) done)))))))

;;; With a server

(defun mew-submit-refusal-tests--listener (step reply)
  "Return a listener that answers REPLY, a line, to STEP."
  (format "127.0.0.1:0,name=ok,%s=reply:%s" step (string-replace "," "\\," reply)))

(defun mew-submit-refusal-tests--log-in (reply)
  "Log in where the answer is REPLY; return (DONE PROMPTS AUTHS).
PROMPTS is how often the user was asked for another password, and AUTHS how often
the server."
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   (mew-submit-refusal-tests--listener "auth-end" reply))
    (let* ((authinfo (mew-submit-test-write
                      (mew-submit-test--peer-file peer "authinfo")
                      "machine 127.0.0.1 login me password wr0ng\n"))
           (noninteractive nil)
           (mew-submit-memory-file nil)
           (mew-submit-keep-connection 0)
           (auth-source-save-behavior nil)
           (auth-source-netrc-cache nil)
           (auth-sources (list authinfo))
           (prompts 0))
      (auth-source-forget-all-cached)
      (cl-letf (((symbol-function 'read-passwd)
                 (lambda (&rest _) (cl-incf prompts) "wr0ng2"))
                ((symbol-function 'message) #'ignore))
        (let ((done (mew-submit-wait
                     (mew-submit-send
                      (mew-submit-test-write (mew-submit-test--peer-file peer "m")
                                             "From: me@x\nTo: a@x\n\nbody\n")
                      :account (mew-submit-test-account peer "ok" :user "me"))
                     mew-submit-test-patience)))
          (should-not (mew-submit-test-stored peer))
          (list done prompts (length (mew-submit-test-log peer "auth"))))))))

(ert-deftest mew-submit-refusal-tests-log-ins ()
  "A refused log-in has its cause, and the user is asked once or not at all."
  :tags '(:module)
  (pcase-dolist
      (`(,cause ,prompts ,reply)
       '((auth-wrong-password 1 "535 5.7.8 Authentication credentials invalid")
         (auth-app-password-needed
          1 "535 5.7.8 Use an application-specific password")
         (auth-too-many-tries 0 "535 5.7.8 Too many failed login attempts, wait an hour")
         (auth-basic-disabled 0 "535 5.7.8 SMTP is disabled for your account")
         (auth-web-login-needed 0 "534 5.7.14 Please log in via your web browser")))
    (ert-info (reply)
      (pcase-let ((`(,done ,asked ,auths) (mew-submit-refusal-tests--log-in reply)))
        (should (eq (plist-get done :cause) cause))
        (should (equal (plist-get done :step) "auth"))
        (should (plist-get done :mechanism))
        (should (= asked prompts))
        (should (= auths (1+ prompts)))
        ;; It is not said to be the password where it is not.
        (should (equal (mew-submit-report--reason done "h")
                       (cond ((plist-get done :sure) (mew-submit-refusal--meaning done))
                             (t (concat "h says: " reply)))))))))

(ert-deftest mew-submit-refusal-tests-steps ()
  "A refusal says at which step it was, and its cause is that of the server's words."
  :tags '(:module)
  (pcase-dolist
      (`(,at ,step ,cause ,reply)
       '(("greeting" "greeting" ip-blocklisted
          "554 5.7.1 Your address is listed in zen.spamhaus.org")
         ("ehlo" "ehlo" helo-refused "550 5.7.1 Helo command rejected: invalid name")
         ("starttls" "starttls" tls-unavailable "454 4.7.0 TLS not available")
         ("mail" "mail" sender-domain-unknown
          "550 5.1.8 Sender address rejected: Domain not found")
         ("rcpt" "rcpt" recipient-unknown "550 5.1.1 User unknown")
         ("data" "data" server-busy "421 4.3.2 Too busy, try again later")
         ("dot" "dot" message-too-big "552 5.3.4 Message size exceeds fixed limit")))
    (ert-info (reply)
      (mew-submit-test-with-peer
          (peer (concat (mew-submit-refusal-tests--listener at reply)
                        (if (equal at "ehlo")
                            (concat ",helo=reply:" (string-replace "," "\\," reply))
                          "")))
        (let ((done (mew-submit-test-run (mew-submit-test-account peer "ok")
                                         "From: me@x\nTo: a@x\n\nbody\n")))
          (should (equal (plist-get done :step) step))
          (should (eq (plist-get done :cause) cause))
          (should (stringp (plist-get done :remedy))))))))

(ert-deftest mew-submit-refusal-tests-each-recipient-has-its-cause ()
  "Of several recipients each that is refused has a cause, and the message none of one alone."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer (concat "127.0.0.1:0,name=ok,rcpt#2=reply:552 5.2.2 Mailbox is full,"
                    "rcpt#3=reply:550 5.1.1 User unknown"))
    (let ((done (mew-submit-test-run (mew-submit-test-account peer "ok")
                                     "From: me@x\nTo: a@x, b@x, c@x\n\nbody\n")))
      (should (equal (plist-get done :result) "partial"))
      (should (equal (mapcar (lambda (recipient) (plist-get recipient :cause))
                             (plist-get done :recipients))
                     '(nil recipient-mailbox-full recipient-unknown)))
      (should-not (plist-get done :cause))
      (should (string-search "only those get it" (mew-submit-report--advice done))))))

(ert-deftest mew-submit-refusal-tests-all-are-refused ()
  "Who are refused for several causes are told of each, and not of the first one's cause."
  :tags '(:module)
  (pcase-dolist
      (`(,second ,kind ,cause . ,words)
       '(("550 5.7.1 Relaying denied" "refused" nil "a@x: 550 5.1.1 User unknown"
          "Refused, too: b@x: 550 5.7.1 Relaying denied.")
         ("550 5.1.1 No such user" "refused" recipient-unknown "There is no such mailbox."
          "Refused, too: b@x: 550 5.1.1 No such user.")
         ;; The one that may be taken later decides.
         ("450 4.2.0 Greylisted" "deferred" greylisted "b@x now"
          "Refused, too: a@x: 550 5.1.1 User unknown.")))
    (ert-info (second)
      (mew-submit-test-with-peer
          (peer (format "127.0.0.1:0,name=ok,rcpt#1=reply:550 5.1.1 User unknown,rcpt#2=reply:%s"
                        second))
        (let* ((done (mew-submit-test-run (mew-submit-test-account peer "ok")
                                          "From: me@x\nTo: a@x, b@x\n\nbody\n"))
               (told (mew-submit-report--done done)))
          (should (equal (plist-get done :kind) kind))
          (should (eq (plist-get done :cause) cause))
          (dolist (some words)
            (should (string-search some told)))
          (should (eq (eq cause 'recipient-unknown)
                      (and (string-search "no such mailbox" told) t))))))))

(ert-deftest mew-submit-refusal-tests-refused-before-for-another-cause ()
  "Of one who was refused for good at an earlier attempt the last one says nothing."
  (let ((done (append (list :result "refused" :text "192.0.2.1 refused b@x: 552 5.2.2 Full")
                      (mew-submit-refusal-tests--done "refused" "rcpt" nil "552 5.2.2 Full"))))
    (pcase-dolist (`(,before ,cause) '((nil recipient-mailbox-full)
                                       ((("a@x" 550 "550 5.1.1 Unknown")) nil)))
      (let ((entry (cl-letf (((symbol-function 'mew-submit-spool--journal-lines) #'ignore))
                     (mew-submit-fate--after
                      (list :id "1" :directory "/nonexistent/" :state 'sending :attempts 2
                            :refused before :recipients '("b@x"))
                      (append (list :recipients '((:address "b@x" :code 552 :text "552 5.2.2 Full")))
                              done)))))
        (should (eq (plist-get entry :state) 'refused))
        (should (eq (plist-get entry :cause) cause))))))

(ert-deftest mew-submit-refusal-tests-json ()
  "Scripts get the cause and the remedy; where no server has refused there is none."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer (mew-submit-refusal-tests--listener "rcpt" "550 5.1.1 User unknown")
            "127.0.0.1:0,name=good")
    (pcase-dolist (`(,name ,cause) '(("ok" "recipient-unknown") ("good" nil)))
      (let* ((result (mew-submit-test-batch
                      (list "--json" "--server" "127.0.0.1"
                            "--routes" (format "%d:starttls" (mew-submit-test-port peer name))
                            "--ca-file" (mew-submit-test-ca peer) "a@x")
                      :input "From: me@x\nTo: a@x\n\nbody\n"))
             (done (mew-submit-test-done result)))
        (should (equal (plist-get done :cause) cause))
        (should (eq (and (plist-get done :remedy) t) (and cause t)))
        (should (equal (plist-get (car (plist-get done :recipients)) :cause) cause))))
    (let ((result (mew-submit-test-batch
                   (list "--server" "127.0.0.1"
                         "--routes" (format "%d:starttls" (mew-submit-test-port peer "ok"))
                         "--ca-file" (mew-submit-test-ca peer) "a@x")
                   :input "From: me@x\nTo: a@x\n\nbody\n")))
      (should (= (plist-get result :status) 69))
      (should (string-search
               (concat "There is no such mailbox.  "
                       (plist-get (mew-submit-cause-meaning--advice 'recipient-unknown) :remedy))
               (plist-get result :stderr))))))

;;; What is shown

(defun mew-submit-refusal-tests--shown (entry done)
  "Return what *mew-submit* says of ENTRY, which ended with DONE."
  (with-temp-buffer
    (mew-submit-notice-mode)
    (let ((inhibit-read-only t))
      (mew-submit-notice-message--insert entry done))
    (buffer-substring-no-properties (point-min) (point-max))))

(ert-deftest mew-submit-refusal-tests-the-notice-and-its-buttons ()
  "The headline is the cause where it is sure; the buttons fit it."
  (pcase-dolist
      (`(,kind ,step ,reply ,headline ,advice ,buttons ,without)
       '(("auth" "auth" "535 5.7.8 Use an application-specific password"
          "was not sent: the provider wants a password that is made for mail programs"
          "security page" ("[Provider's page]" "[Other password...]") ("[Other port]"))
         ("auth" "auth" "534 5.7.14 Please log in via your web browser"
          "wants to see you in a browser" "web mail" ("[Web mail]") ("[Other password"))
         ("refused" "rcpt" "550 5.7.1 Relaying denied"
          "does not carry your mail" "user name" ("[Other port]" "[Set up again...]")
          ("[Pin"))
         ("refused" "rcpt" "552 5.2.2 The mailbox is full"
          "mailbox is full" "another way" ("[Send later...]") ("[Other p"))
         ;; Who is told to wait is told what to do after it.
         ("refused" "mail" "550 5.4.5 Daily sending quota exceeded"
          "has sent all" "by itself: do that then (r, or l at a time)." ("[Send later...]")
          ("[Other p"))
         ("refused" "rcpt" "550 5.1.1 User unknown"
          "no such mailbox" "is not sent again by itself." ("[Edit]") ("do that then"))
         ;; In doubt the server's words come first.
         ("refused" "dot" "550 5.7.1 Xyzzy" "smtp.gmail.com says: 550 5.7.1 Xyzzy"
          "Read the server's words" ("[Retry]") ("[Other p" "[Send later"))))
    (ert-info (reply)
      (let* ((done (append (list :result "refused"
                                 :text (concat "192.0.2.1 refused it: " reply))
                           (mew-submit-refusal-tests--done kind step "password" reply)))
             (shown (mew-submit-refusal-tests--shown
                     '(:state refused :id "1" :directory "/nonexistent/" :stem "/nonexistent/1"
                              :recipients ("a@x")
                              :account (:server "smtp.gmail.com" :user "me"))
                     done)))
        (dolist (words (append (list headline advice reply) buttons))
          (should (string-search words shown)))
        (dolist (words without)
          (should-not (string-search words shown)))))))

(ert-deftest mew-submit-refusal-tests-the-outbox-keeps-who-was-refused ()
  "Why a mail that some have is still in the outbox names who has it not, after a restart, too."
  (pcase-dolist
      (`(,state ,refused ,recipients ,last ,headline . ,words)
       '((queued (("un@x" 550 "550 5.1.1 User unknown")) ("full@x")
                 "partly delivered to ok@x; NOT delivered to un@x: 550 5.1.1 User unknown"
                 "said no to un@x, full@x\n" "Correct the addresses" "partly delivered to ok@x;")
         (refused nil ("un@x") "un@x: 550 5.1.1 User unknown"
                  "said no to un@x: there is no such mailbox\n" "un@x: 550 5.1.1 User unknown.")))
    (let* ((entry (append (list :state state :refused refused :recipients recipients :last last
                                :delivered '("ok@x") :id "1" :directory "/nonexistent/"
                                :stem "/nonexistent/1" :kind "ok" :result "partial"
                                :account '(:server "h"))
                          (unless refused
                            '(:cause recipient-unknown :sure t :remedy "Check it."))))
           (shown (mew-submit-refusal-tests--shown entry (mew-submit-outbox--done entry))))
      (dolist (words (cons headline words))
        (should (string-search words shown))))))

(ert-deftest mew-submit-refusal-tests-the-outbox-keeps-the-cause ()
  "The outbox tells the cause in its column and its details, after a restart, too."
  (mew-submit-test-with-directory directory
    (let* ((done (append (list :result "refused" :text "192.0.2.1 refused it: 550 5.1.1 No")
                         (mew-submit-refusal-tests--done
                          "refused" "rcpt" nil "550 5.1.1 User unknown")))
           (entry (mew-submit-fate--after
                   (list :id "1-1" :directory directory
                         :stem (expand-file-name "1-1" directory) :state 'sending :attempts 1
                         :recipients '("a@x") :from "me@x" :created (float-time)
                         :account '(:server "h"))
                   done)))
      (should (mew-submit-spool--sound-p entry))
      (should (eq (plist-get entry :cause) 'recipient-unknown))
      (should (equal (substring-no-properties (mew-submit-outbox--last entry))
                     "there is no such mailbox"))
      (with-temp-buffer
        (mew-submit-outbox--insert-log entry)
        (should (string-match-p "^Why: +there is no such mailbox" (buffer-string)))
        (should (string-match-p "^What to do: +Check the spelling" (buffer-string)))))))

(ert-deftest mew-submit-refusal-tests-pages-are-the-providers ()
  "A page is known by the whole of a server's name, never by a part of one."
  (should (string-prefix-p "https://myaccount.google.com/"
                           (mew-submit-refusal--page "smtp.gmail.com" 'app-password)))
  (dolist (server '("smtp.notgmail.com" "gmail.com.example.org" "mail.example.org" ""))
    (should-not (mew-submit-refusal--page server 'app-password)))
  (dolist (row mew-submit-refusal--pages)
    (dolist (page (cdr row))
      (should (string-prefix-p "https://" page)))))

(ert-deftest mew-submit-refusal-tests-a-lock-out-holds-for-the-account ()
  "After \"too many log-ins\" no mail of that account logs in for an hour."
  (let ((account '(:name "a" :server "h" :user "me"))
        (mew-submit-auth--put-off (make-hash-table :test #'equal)))
    (mew-submit-dispatch--perhaps-lock
     (list :account account)
     (mew-submit-refusal-tests--done "auth" "auth" "password" "535 5.7.8 Wrong password"))
    ;; In doubt it is the message alone that waits.
    (mew-submit-dispatch--perhaps-lock
     (list :account account)
     (mew-submit-refusal-tests--done "deferred" "auth" nil "451 4.7.0 Rate exceeded"))
    (should-not (mew-submit-dispatch--account-waits-p (list :account account)))
    (mew-submit-dispatch--perhaps-lock
     (list :account account)
     (mew-submit-refusal-tests--done "deferred" "auth" nil
                                     "454 4.7.0 Too many login attempts, try later"))
    (should (mew-submit-dispatch--account-waits-p (list :account account)))
    (should-not (mew-submit-dispatch--account-waits-p
                 '(:account (:name "b" :server "h" :user "you"))))
    ;; Somebody who sends more does not make it worse; who insists may.
    (let ((noninteractive nil) kept)
      (cl-letf (((symbol-function 'mew-submit-known--note)
                 (lambda (entry) (setq kept entry)))
                ((symbol-function 'message) #'ignore))
        (mew-submit-queue--user-adds (list :account account :recipients '("a@x")))
        (should (string-search "locked" (plist-get kept :last)))))
    (should (mew-submit-dispatch--account-waits-p (list :account account)))
    (should (< 3000 (- (car (gethash (mew-submit-auth--account account)
                                     mew-submit-auth--put-off))
                       (float-time))))
    (mew-submit-auth--user-is-here account)
    (should-not (mew-submit-dispatch--account-waits-p (list :account account)))))

(ert-deftest mew-submit-refusal-tests-mail-with-the-same-password-waits ()
  "After a log-in that was refused for now other mail of the account does not try it at once.
Who sends more has perhaps another password, and need not wait."
  (pcase-dolist (`(,waits ,kind ,reply)
                 '((t "deferred" "454 4.7.0 Authentication failed, password incorrect")
                   (t "deferred" "451 4.7.1 Application-specific password required")
                   (nil "deferred" "454 4.7.0 Temporary authentication failure")
                   ;; What is refused for good asks for another one, or is refused itself.
                   (nil "auth" "535 5.7.8 Wrong password")))
    (ert-info (reply)
      (let ((account '(:name "a" :server "h" :user "me"))
            (mew-submit-auth--put-off (make-hash-table :test #'equal)))
        (mew-submit-dispatch--perhaps-lock
         (list :account account)
         (mew-submit-refusal-tests--done kind "auth" nil reply))
        (should (eq waits (and (mew-submit-dispatch--account-waits-p (list :account account))
                               t)))
        (should-not (mew-submit-auth--locked account))
        (mew-submit-queue--user-adds (list :account account :recipients '("a@x")))
        (should-not (mew-submit-dispatch--account-waits-p (list :account account)))))))

(ert-deftest mew-submit-refusal-tests-nobody-was-asked ()
  "What is wrong on this side is not said to be the user name or the password."
  (should (string-prefix-p "Correct that" (mew-submit-report--advice
                                           '(:kind "auth" :code 0))))
  (should (string-prefix-p "Check user name" (mew-submit-report--advice
                                              '(:kind "auth" :code 535)))))

(ert-deftest mew-submit-refusal-tests-another-password-is-saved-and-used ()
  "[Other password...] saves what is typed where auth-source finds it, and sends."
  (mew-submit-test-with-directory directory
    (let* ((authinfo (mew-submit-test-write (expand-file-name "authinfo" directory)
                                            "machine h login me password wr0ng\n"))
           (auth-sources (list authinfo))
           (auth-source-save-behavior t)
           (auth-source-netrc-cache nil)
           (entry '(:state refused :account (:server "h" :user "me"
                                                     :plan "submissions")))
           sent)
      (auth-source-forget-all-cached)
      (cl-letf (((symbol-function 'mew-submit-notice-message--the-entry) (lambda (&rest _) entry))
                ((symbol-function 'mew-submit-notice-message--send)
                 (lambda (entry) (setq sent entry)))
                ((symbol-function 'message) #'ignore)
                ((symbol-function 'read-passwd) (lambda (&rest _) (copy-sequence ""))))
        (should-error (mew-submit-notice-password) :type 'user-error)
        (should-not sent)
        (fset 'read-passwd (lambda (&rest _) (copy-sequence "s3cret")))
        ;; Where nothing is saved the old password would be sent once more.
        (let ((auth-source-save-behavior nil))
          (should-error (mew-submit-notice-password) :type 'user-error)
          (should-not sent))
        ;; That it is to be saved was said with the command.
        (cl-letf ((auth-source-save-behavior 'ask)
                  ((symbol-function 'read-char-choice)
                   (lambda (&rest _) (ert-fail "asked twice"))))
          (mew-submit-notice-password))
        (should (eq sent entry))
        (let ((found (mew-submit-auth--lookup "h" 465 "me")))
          (should (equal (mew-submit-auth--secret found) "s3cret")))))))

(provide 'mew-submit-refusal-tests)
;;; mew-submit-refusal-tests.el ends here
