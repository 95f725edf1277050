;;; mew-submit-setup-tests.el --- Tests for making an account -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The test server is what is found; names and documents come from functions.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'mew-submit-batch-setup)
(require 'mew-submit-setup)
(require 'mew-submit-token-source)

(defvar mew-submit-mode)
(defvar message-send-mail-function)

(defun mew-submit-setup-tests--srv (port &optional target)
  "Return an SRV record for TARGET, by default 127.0.0.1, and PORT."
  (list :priority 0 :weight 0 :port port
        :target (and (not (equal target "")) (or target "127.0.0.1"))))

(defmacro mew-submit-setup-tests--with (spec &rest body)
  "Run BODY where nothing of the user's is touched, SPEC being (PEER FILE RECORDS).
RECORDS is a list of (NAME TYPE DATA...); the file FILE is for passwords."
  (declare (indent 1))
  `(mew-submit-test-with-directory directory
     (let* ((,(nth 1 spec) (expand-file-name "authinfo" directory))
            (records ,(nth 2 spec))
            (exists 'yes)
            (mew-submit-setup-discover--dns-function
             (lambda (name type callback)
               (let ((found (cddr (seq-find (lambda (record)
                                              (and (equal name (car record))
                                                   (eq type (cadr record))))
                                            records))))
                 (run-at-time 0 nil callback
                              (list :name name :type type :answers found
                                    :status (cond (found 'ok)
                                                  ((eq exists 'yes) 'none)
                                                  ((eq exists 'no) 'no-name)
                                                  (t 'failed)))))))
            (mew-submit-mode t)
            (user-mail-address "me@example.org")
            (mew-submit-setup-discover--fetch-function
             (lambda (_url callback) (run-at-time 0 nil callback nil)))
            (mew-submit-setup-defaults (list :ca-file (mew-submit-test-ca ,(car spec))))
            (mew-submit-setup-timeout 60)
            (mew-submit-memory-file nil)
            (mew-submit-accounts '((:name "old" :from "me@example.org" :server "old")
                                   (:name "other" :from "@example.net" :server "n")))
            (auth-sources (list ,(nth 1 spec)))
            (auth-source-do-cache nil)
            (auth-source-save-behavior t)
            (init-file-user "")
            (user-init-file (expand-file-name "init.el" directory))
            (custom-file (expand-file-name "custom.el" directory)))
       (unwind-protect
           (progn ,@body)
         (when (get-buffer "*mew-submit setup*")
           (kill-buffer "*mew-submit setup*"))))))

(defun mew-submit-setup-tests--text ()
  "Return what the buffer says, in one line."
  (with-current-buffer "*mew-submit setup*"
    (replace-regexp-in-string "[ \n]+" " " (buffer-substring-no-properties
                                             (point-min) (point-max)))))

(defun mew-submit-setup-tests--wait ()
  "Wait until nothing is waited for, and return what the buffer says."
  (mew-submit-test-until ("the buffer to come to rest")
    (with-current-buffer "*mew-submit setup*"
      (null (mew-submit-setup-view--waiting))))
  (mew-submit-setup-tests--text))

(defmacro mew-submit-setup-tests--answering (answers &rest body)
  "Run BODY, in the buffer, with ANSWERS for the questions asked, in order.
Each is (REGEXP . ANSWER); all have to be asked for."
  (declare (indent 1))
  `(let* ((answers ,answers)
          (answer (lambda (prompt &rest _)
                    (let ((next (pop answers)))
                      (should (string-match-p (car next) prompt))
                      (cdr next)))))
     (cl-letf (((symbol-function 'read-string) answer)
               ((symbol-function 'read-passwd)
                (lambda (&rest args) (copy-sequence (apply answer args))))
               ((symbol-function 'yes-or-no-p) answer))
       (with-current-buffer "*mew-submit setup*"
         ,@body))
     (should-not answers)))

(defmacro mew-submit-setup-tests--answering-questions (&rest body)
  "Run BODY, which has a user, where questions wait; `press' answers the first one."
  (declare (indent 0))
  `(let* ((mew-submit-question--list nil)
          (mew-submit-question--hook nil)
          (noninteractive nil)
          (auth-source-save-behavior 'ask)
          (press (lambda (words)
                   (mew-submit-test-until ((format "the question %s" words))
                     mew-submit-question--list)
                   (let ((question (car mew-submit-question--list)))
                     (mew-submit-question--answer
                      question
                      (assoc words (mew-submit-question-choices question)))))))
     ,@body))

(ert-deftest mew-submit-setup-tests-from-address-to-test-mail ()
  "A server in SRV records is looked at, stored with its password, and takes a mail."
  (mew-submit-test-with-peer (peer "--user" "me@example.org"
                                   "--password" "secret pass"
                                   "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with
        (peer file `(("_submission._tcp.example.org" SRV
                      ,(mew-submit-setup-tests--srv (mew-submit-test-port peer "a")))))
      (mew-submit-setup "me@example.org")
      (let ((text (mew-submit-setup-tests--wait)))
        (should (string-match-p "Found in the SRV records" text))
        (should (string-match-p "answers on port [0-9]+ (IPv4), TLS1.3, certificate \
verified, log-in by .*SCRAM-SHA-256" text))
        (should (string-match-p "outside of your domain" text))
        (should (string-match-p "Use this server" text)))
      ;; Nothing was said there but hello, and nothing is stored yet.
      (should-not (mew-submit-test-lines peer "AUTH"))
      (should-not (mew-submit-test-lines peer "MAIL"))
      (should (equal (plist-get (car mew-submit-accounts) :name) "old"))
      (mew-submit-setup-tests--answering
          '(("Password of me@example.org at 127.0.0.1" . "secret pass"))
        (mew-submit-setup-use))
      (should (equal (mapcar (lambda (account) (plist-get account :name))
                             mew-submit-accounts)
                     '("me@example.org" "other")))
      (should (string-match-p (regexp-quote ":server \"127.0.0.1\"")
                              (mew-submit-test-octets custom-file)))
      (should-not (string-match-p "secret" (mew-submit-test-octets custom-file)))
      (should (string-match-p "The test mail was delivered to me@example.org"
                              (mew-submit-setup-tests--wait)))
      (should (string-match-p "machine 127.0.0.1.*me@example.org.*secret pass"
                              (mew-submit-test-octets file)))
      ;; It is wiped here, and was in no buffer.
      (should-not mew-submit-setup--typed)
      (should (string-match-p "^Subject: Test mail" (mew-submit-test-stored peer)))
      (should-not (string-match-p "secret" (mew-submit-setup-tests--text))))))

(ert-deftest mew-submit-setup-tests-password-that-auth-source-garbles ()
  "What is saved is what is found again; what would not be is not saved."
  (mew-submit-test-with-directory directory
    (let ((auth-source-do-cache nil)
          (auth-source-save-behavior t))
      (dolist (password '("a" "a b" "a#b" "it's a" "a\\b" "ü ß" "\"" "a \\b" "\\ #"
                          "correct horse: battery \"staple\""))
        (ert-info (password)
          (let* ((file (expand-file-name (secure-hash 'sha1 password) directory))
                 (auth-sources (list file)))
            (auth-source-forget-all-cached)
            (mew-submit-auth--typed '(:job 7 :host "h" :port 587 :user "u") password)
            (if (mew-submit-auth--offer-to-save
                 "h" (or (mew-submit-auth--settle 7 t "h") #'ignore))
                (should (equal (mew-submit-auth--secret
                                (mew-submit-auth--lookup "h" 587 "u"))
                               (encode-coding-string password 'utf-8)))
              (should (string-match-p "[\"\\]" password))
              (should-not (file-exists-p file)))))))))

(ert-deftest mew-submit-setup-tests-nothing-before-the-press ()
  "SECURITY: S1, S7.  What is found is shown; nothing is stored before one uses it."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with
        (peer file `(("_submission._tcp.example.org" SRV
                      ,(mew-submit-setup-tests--srv (mew-submit-test-port peer "a")))))
      (mew-submit-setup "me@example.org")
      (should (string-match-p "127.0.0.1 is outside of your domain"
                              (mew-submit-setup-tests--wait)))
      (with-current-buffer "*mew-submit setup*"
        ;; Where a person reads that is where the button is.
        (should (equal (button-label (button-at (point))) "[Use this server]")))
      (should (equal (plist-get (car mew-submit-accounts) :name) "old"))
      (should-not (file-exists-p custom-file))
      (should-not (file-exists-p file)))))

(ert-deftest mew-submit-setup-tests-next-one ()
  "A server that does not answer, and one with a bad certificate, are passed over."
  (mew-submit-test-with-peer (peer "--user" "u" "--password" "p"
                                   "127.0.0.1:0,name=a,cert=self-signed"
                                   "127.0.0.1:0,name=b,implicit")
    (mew-submit-setup-tests--with
        (peer file
              `(("_submission._tcp.example.org" SRV
                 ,(mew-submit-setup-tests--srv (mew-submit-test-port peer "a")
                                               "127.0.0.1")
                 ,(mew-submit-setup-tests--srv 1))
                ("_submissions._tcp.example.org" SRV
                 ,(plist-put (mew-submit-setup-tests--srv
                              (mew-submit-test-port peer "b"))
                             :priority 9))))
      (mew-submit-setup "me@example.org")
      (let ((text (mew-submit-setup-tests--wait)))
        (should (string-match-p "127.0.0.1:[0-9]+: not usable: .*certificate" text))
        (should (string-match-p "127.0.0.1:1: not usable: " text))
        (should (string-match-p "127.0.0.1:[0-9]+: answers" text)))
      (mew-submit-setup-tests--answering '(("Password" . ""))
        (mew-submit-setup-use))
      (should (equal (plist-get (car mew-submit-accounts) :routes)
                     (format "%d:implicit" (mew-submit-test-port peer "b"))))
      ;; No password was given: it is asked for when mail is sent.
      (should-not (file-exists-p file)))))

(ert-deftest mew-submit-setup-tests-nothing-found ()
  "Where nothing is found that is said, and a server can be entered."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with (peer file nil)
      (cl-letf (((symbol-function 'mew-submit-setup-discover--guess)
                 (lambda (&rest _) nil)))
        (mew-submit-setup "me@example.org")
        (let ((text (mew-submit-setup-tests--wait)))
          (should (string-match-p "No server was found" text))
          (should-not (string-match-p "Use this server" text))))
      (with-current-buffer "*mew-submit setup*"
        (should-error (mew-submit-setup-use) :type 'user-error)
        (should-error (mew-submit-setup-test) :type 'user-error)
        (should-error (mew-submit-setup-by-hand "no host") :type 'user-error)
        ;; Point was at the button for that.
        (should (equal (button-label (button-at (point))) "[Enter a server]"))
        (mew-submit-setup-by-hand (format "127.0.0.1:%d"
                                          (mew-submit-test-port peer "a"))))
      (should (string-match-p "answers on port" (mew-submit-setup-tests--wait)))
      (with-current-buffer "*mew-submit setup*"
        (should (equal (button-label (button-at (point))) "[Use this server]")))
      ;; There is no log-in, so neither user nor password is asked for; and who has
      ;; entered it is not asked whether it is right.
      (mew-submit-setup-tests--answering nil
        (mew-submit-setup-use))
      (should (equal (plist-get (car mew-submit-accounts) :auth) "none"))
      (should-not (file-exists-p file)))))

(ert-deftest mew-submit-setup-tests-servers-by-hand ()
  "What is entered for a server: a host, with a port or without one."
  (pcase-dolist (`(,text ,host ,port)
                 '(("smtp.example.org" "smtp.example.org" nil)
                   ("smtp.example.org:2525" "smtp.example.org" 2525)
                   ("smtp.bücher.example:465" "smtp.xn--bcher-kva.example" 465)
                   ("127.0.0.1:25" "127.0.0.1" 25)
                   ("::1" "::1" nil) ("[::1]" "::1" nil) ("[::1]:25" "::1" 25)
                   ;; As pages of providers write it.
                   ("ssl://smtp.example.org:465" "smtp.example.org" 465)
                   ("smtps://smtp.example.org/" "smtp.example.org" nil)
                   ("smtp.example.org 587" "smtp.example.org" 587)
                   ;; Not port 1: only brackets tell.
                   ("2001:db8:0:0:0:0:0:1" "2001:db8:0:0:0:0:0:1" nil)))
    (let ((candidate (mew-submit-setup--by-hand-candidate text)))
      (should (equal (list text host port)
                     (list text (plist-get candidate :host) (plist-get candidate :port))))))
  (dolist (wrong '("" "a b" "smtp.example.org:" "smtp.example.org:99999" "smtp.example.org:0"
                   "127.0.0.1:abc" "http://smtp.example.org/" "a\nb"
                   ;; Another host, and no port.
                   "2001:db8::1 587" "[::1]:x" ":25"))
    (should-error (mew-submit-setup--by-hand-candidate wrong) :type 'mew-submit-error))
  ;; "//smtp.example.org" was called no port.
  (should (string-prefix-p "Not a host name or address: https://smtp"
                           (mew-submit-error--text
                            (should-error (mew-submit-setup--by-hand-candidate
                                           "https://smtp.example.org"))))))

(ert-deftest mew-submit-setup-tests-wrong-answers-are-asked-for-again ()
  "What was wrong is said, and the answer stays to be corrected."
  (let* (asked
         (ask (lambda (prompt &optional initial &rest _)
                (push (list prompt initial) asked)
                (pcase (length asked) (1 "  ") (2 "me\nyou") (_ " me ")))))
    (cl-letf (((symbol-function 'read-string) ask))
      (should (equal (mew-submit-view--read "User name: " "i" #'mew-submit-setup--check-user)
                     "me")))
    (should (equal (reverse (mapcar #'cadr asked)) '("i" "" "me\nyou")))
    (should (string-match-p "\\`A user's name is .*\nUser name: \\'" (caar asked)))))

(ert-deftest mew-submit-setup-tests-client-is-checked ()
  "A client id, or a file of one, that cannot be used is told before it is stored."
  (mew-submit-test-with-directory directory
    (let ((file (mew-submit-test-write (concat directory "client.json")
                                       "{\"client_id\": \"x\"}")))
      (dolist (client (list "" "123-abc.apps.example.org" file))
        (mew-submit-setup--check-client client))
      (pcase-dolist (`(,client ,words) `(("my id" "has no blanks")
                                         (,(concat directory "other.json") "cannot be read")
                                         (,directory "cannot be read")))
        (should (string-search words (mew-submit-error--text
                                      (should-error (mew-submit-setup--check-client client)
                                                    :type 'mew-submit-config))))))))

(ert-deftest mew-submit-setup-tests-nothing-before-the-search ()
  "While the module is being built no key of the buffer is an error of Lisp."
  (with-current-buffer (get-buffer-create "*mew-submit setup*")
    (unwind-protect
        (let (mew-submit-module--hook mew-submit-setup--wanted)
          (mew-submit-setup-mode)
          (mew-submit-setup--wait-for-module "me@example.org")
          (pcase-dolist (`(,key ,_ ,command) mew-submit-setup-view--keys)
            (when (string-prefix-p "mew-submit-setup-" (symbol-name command))
              (ert-info (key)
                (cl-letf (((symbol-function 'read-string) (lambda (&rest _) "a.example")))
                  (should-error (call-interactively command) :type 'user-error))))))
      (kill-buffer))))

(ert-deftest mew-submit-setup-tests-domain-says-never ()
  "A domain that says it has no server is believed; to look further is the user's choice."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with
        (peer file `(("_submission._tcp.example.org" SRV
                      ,(mew-submit-setup-tests--srv 0 ""))))
      (mew-submit-setup "me@example.org")
      (let ((text (mew-submit-setup-tests--wait)))
        (should (string-match-p "says that it has no server" text))
        (should-not (string-match-p "MX records" text))
        (should (string-match-p "Look further" text)))
      (should-not (file-exists-p file)))))

(ert-deftest mew-submit-setup-tests-started-again ()
  "What comes late, for a search that was given up, changes nothing."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with (peer file nil)
      (let (late)
        (cl-letf ((mew-submit-setup-discover--dns-function
                   (lambda (_name _type callback) (push callback late)))
                  ((symbol-function 'mew-submit-setup-discover--guess)
                   (lambda (&rest _) nil)))
          (mew-submit-setup "me@example.org")
          (let ((old (copy-sequence late)))
            (mew-submit-setup "you@example.org")
            (dolist (callback old)
              (funcall callback (list (mew-submit-setup-tests--srv 1))))
            (should-not (string-match-p "Found" (mew-submit-setup-tests--text)))
            (kill-buffer "*mew-submit setup*")
            (dolist (callback late)
              (funcall callback nil)))))
      (should-error (mew-submit-setup "nobody") :type 'user-error)
      (should-not (file-exists-p file)))))

(ert-deftest mew-submit-setup-tests-routes ()
  "What was found becomes the plan that fits it."
  (pcase-dolist (`(,port ,tls . ,part)
                 '((465 implicit :plan "submissions") (587 starttls)
                   (2525 starttls :routes "2525:starttls")
                   (25 starttls :routes "25:starttls")
                 (443 implicit :routes "443:implicit")))
    (should (equal (mew-submit-setup-search--route (list :port port :tls tls))
                   part))))

(ert-deftest mew-submit-setup-tests-why-nothing-was-found ()
  "A domain that does not exist, no DNS and no network are told apart."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with (peer file nil)
      (ignore file)
      (let ((mew-submit-setup-discover--ways '(srv)))
        (pcase-dolist (`(,is ,up ,words)
                       '((no t "example.org does not exist")
                         (yes t "Ask your provider")
                         (nil t "No name server answers")
                         (nil nil "You are offline")))
          (setq exists is)
          (cl-letf (((symbol-function 'mew-submit-network--list)
                     (lambda () (list (list :up up)))))
            (mew-submit-setup "me@example.org")
            (should (string-search words (mew-submit-setup-tests--wait)))
            (with-current-buffer "*mew-submit setup*"
              (should-not (string-search "\n\n\n" (buffer-string))))))))))

(ert-deftest mew-submit-setup-tests-guesses-are-called-so ()
  "Names that are only usual are not \"found in the MX records\"."
  (should (string-prefix-p "Guesses" (mew-submit-setup-search--found-words
                                      'mx '((:host "smtp.example.org")))))
  (should (string-prefix-p "Found in the SRV" (mew-submit-setup-search--found-words
                                               'srv '((:host "a" :port 587))))))

(ert-deftest mew-submit-setup-tests-again-asks-for-the-address ()
  "Who starts again can correct the address, with what was typed before."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with (peer file nil)
      (ignore file)
      (setq exists 'no)
      (mew-submit-setup "me@exmple.org")
      (mew-submit-setup-tests--wait)
      (mew-submit-setup-tests--answering
          ;; What is no address is asked for once more.
          '(("\\`Your mail address" . "nobody")
            ("\\`No domain in the address: <nobody>\nYour mail address" . "me@example.org"))
        (call-interactively (lookup-key mew-submit-setup-mode-map "g")))
      (should (string-search "example.org does not exist"
                             (mew-submit-setup-tests--wait))))))

(ert-deftest mew-submit-setup-tests-pasted-address ()
  "An address that comes with a name, or a dot, is taken without that."
  (dolist (text '("me@example.org" "Me <me@example.org>" "\"Me, too\" <me@example.org> "
                  "<me@example.org>" "me@example.org (Me)" "mailto:me@example.org" "me@example.org."
                  "me@example.org," "Me <me@example.org>;" "MAILTO:me@example.org"
                  "\u00a0me@example.org\u00a0"))
    (cl-letf (((symbol-function 'read-string) (lambda (&rest _) text))
              ((symbol-function 'mew-submit-module--missing-p) #'ignore)
              ((symbol-function 'mew-submit-background--load) #'ignore))
      (should (equal (mew-submit-setup--read-address nil) "me@example.org")))))

(ert-deftest mew-submit-setup-tests-offers-the-mode-and-the-address ()
  "Who stores an account is asked once for what Emacs lacks: the mode, an address."
  (pcase-dolist (`(,mode ,message ,address ,words ,saved)
                 `((nil smtpmail-send-it
                        "me@example.org" ("mew-submit-mode") (mew-submit-mode))
                   (nil smtpmail-send-it ,(concat (user-login-name) "@" (system-name))
                        ("mew-submit-mode" "me@example.org")
                        (mew-submit-mode user-mail-address))
                   (t mew-submit-send-it "" ("me@example.org") (user-mail-address))
                   (t mew-submit-send-it nil ("me@example.org") (user-mail-address))
                   (t mew-submit-send-it "else@example.net" nil nil)
                   (t my-own-function "else@example.net" nil nil)
                   ;; Something has set it after the mode was turned on.
                   (t message-send-mail-with-sendmail "else@example.net"
                      ("mew-submit-mode") (mew-submit-mode))))
    (let ((send-mail-function 'smtpmail-send-it)
          (message-send-mail-function message)
          (mail-host-address nil)
          (mew-submit-mode mode)
          (user-mail-address address)
          asked done)
      (cl-letf (((symbol-function 'yes-or-no-p) (lambda (prompt) (push prompt asked) t))
                ((symbol-function 'mew-submit-mode) #'ignore)
                ((symbol-function 'customize-save-variable)
                 (lambda (name _value) (push name done))))
        (mew-submit-setup--turn-on "me@example.org"))
      (should (= (length asked) (if words 1 0)))
      (dolist (word words)
        (should (string-search word (car asked))))
      (should (equal (reverse done) saved)))))

(ert-deftest mew-submit-setup-tests-wishes-stay ()
  "Who sets an address up once more keeps what they want for it; a server's is gone."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a,mechs=none")
    (mew-submit-setup-tests--with
        (peer file `(("_submission._tcp.example.org" SRV
                      ,(mew-submit-setup-tests--srv (mew-submit-test-port peer "a")))))
      (ignore file)
      (setq mew-submit-accounts
            '((:name "old" :from "Me@example.org" :server "old" :tls none :tls-name "old"
                     :servers ((:server "older")) :user "someone" :tls-minimum "1.3"
                     :fallback never :sender "bounces@example.org" :hold-for 60)))
      (dotimes (_ 2)
        (mew-submit-setup "me@example.org")
        (mew-submit-setup-tests--wait)
        (mew-submit-setup-tests--answering nil
          (mew-submit-setup-use))
        (mew-submit-setup-tests--wait)
        (should-not (cdr mew-submit-accounts))
        (let ((account (car mew-submit-accounts)))
          (should (equal (plist-get account :tls-minimum) "1.3"))
          (should (eq (plist-get account :fallback) 'never))
          (should (equal (plist-get account :sender) "bounces@example.org"))
          (should (equal (plist-get account :hold-for) 60))
          (should (equal (plist-get account :server) "127.0.0.1"))
          (dolist (key '(:tls :tls-name :servers))
            (should-not (plist-member account key))))))))

(ert-deftest mew-submit-setup-tests-accounts-that-are-none ()
  "What makes an account is of use where `mew-submit-accounts' is all wrong, too."
  (pcase-dolist (`(,before ,after)
                 '(((:server "a" :from "you@x") ((:from "me@x") (:server "a" :from "you@x")))
                   ("smtp.x" ((:from "me@x")))
                   (("smtp.x" (:server) (:server "a") 7) ((:from "me@x") (:server "a")))))
    (let ((mew-submit-accounts before))
      (cl-letf (((symbol-function 'customize-save-variable) #'set))
        (mew-submit-setup--store (mew-submit-setup--with-wishes '(:from "me@x"))))
      (should (equal mew-submit-accounts after))
      (should (mew-submit-account--all)))))

(ert-deftest mew-submit-setup-tests-quit-stores-nothing ()
  "Who quits at a question after the press has no account of it, now or later."
  (pcase-dolist (`(,secret ,yes-or-no) '((quit ignore) ("right" quit)))
    (mew-submit-test-with-peer (peer "--user" "me@example.org" "--password" "right"
                                     "127.0.0.1:0,name=a")
      (mew-submit-setup-tests--with
          (peer file `(("_submission._tcp.example.org" SRV
                        ,(mew-submit-setup-tests--srv (mew-submit-test-port peer "a")))))
        (let ((mew-submit-mode nil)
              (send-mail-function nil)
              (message-send-mail-function nil))
          (mew-submit-setup "me@example.org")
          (mew-submit-setup-tests--wait)
          (cl-letf (((symbol-function 'read-passwd)
                     (lambda (&rest _)
                       (if (eq secret 'quit) (signal 'quit nil) (copy-sequence secret))))
                    ((symbol-function 'yes-or-no-p)
                     (lambda (&rest _)
                       (and (eq yes-or-no 'quit) (signal 'quit nil)))))
            (with-current-buffer "*mew-submit setup*"
              (should (eq 'quit (condition-case nil (mew-submit-setup-use)
                                  (quit 'quit))))
              (should-not mew-submit-setup-view--account)))
          (should-not mew-submit-setup--typed)
          (should (equal (plist-get (car mew-submit-accounts) :name) "old"))
          (should-not (file-exists-p custom-file))
          (ignore file))))))

(ert-deftest mew-submit-setup-tests-who-the-next-mail-is-from ()
  "A new mail that would be from another address than the one set up is told of."
  (let ((mew-submit-mode t))
    (pcase-dolist (`(,own ,words) '(("Me@Example.org" "C-x m writes the next one.")
                                    ("old@example.net" "but from old@example.net")
                                    (nil "make that user-mail-address")))
      (let ((user-mail-address own))
        (should (string-search words (mew-submit-setup--next-mail "me@example.org")))))))

(ert-deftest mew-submit-setup-tests-corrected-password-is-offered ()
  "A password that is corrected when the test mail is sent can be saved."
  (mew-submit-test-with-peer (peer "--user" "me@example.org" "--password" "right"
                                   "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with
        (peer file `(("_submission._tcp.example.org" SRV
                      ,(mew-submit-setup-tests--srv (mew-submit-test-port peer "a")))))
      (mew-submit-setup "me@example.org")
      (mew-submit-setup-tests--wait)
      (mew-submit-setup-tests--answering-questions
        (mew-submit-setup-tests--answering '(("Password" . "wrong"))
          (mew-submit-setup-use))
        (mew-submit-setup-tests--answering '(("another one" . "right"))
          (funcall press "Enter it"))
        (funcall press "Save"))
      (should (string-search "was delivered" (mew-submit-setup-tests--wait)))
      ;; Nothing wrong was saved, not even for a moment.
      (should (string-match-p "\\`machine 127.0.0.1.*right\n\\'"
                              (mew-submit-test-octets file))))))


;;; Providers as there are

(defun mew-submit-setup-tests--provider (peer name login &rest keys)
  "Return a list of one provider, whose server is PEER's listener NAME.
One logs in there by LOGIN; KEYS are more of the table's."
  `(("Example" :mx ("mx.provider.example")
     :servers (("127.0.0.1" ,(mew-submit-test-port peer name) starttls))
     :login ,login ,@keys)))

(defconst mew-submit-setup-tests--mx
  '(("example.org" MX (:preference 1 :host "mx.provider.example")))
  "The records of a domain that has its mail at that provider.")

(ert-deftest mew-submit-setup-tests-application-password ()
  "SECURITY: S8.  The page is named, and opened on request; the right password is saved."
  (mew-submit-test-with-peer
      (peer "--user" "me@example.org" "--password" "abcdefghijklmnop"
            ;; As Gmail does it: the first log-in, with the ordinary password.
            "127.0.0.1:0,name=a,mechs=PLAIN,2:auth-end=reply:534 5.7.9 \
Application-specific password required.")
    (mew-submit-setup-tests--with (peer file mew-submit-setup-tests--mx)
      (let ((mew-submit-setup-provider--list
             (mew-submit-setup-tests--provider
              peer "a" 'app-password :page "https://example.com/passwords"))
            opened)
        (mew-submit-setup "me@example.org")
        (let ((text (mew-submit-setup-tests--wait)))
          (should (string-search "Found in the list of providers" text))
          (should (string-search "outside of your domain and belongs to Example" text))
          (should (string-search "Make such an application password on \
https://example.com/passwords" text)))
        (cl-letf (((symbol-function 'browse-url) (lambda (url &rest _) (push url opened))))
          (with-current-buffer "*mew-submit setup*"
            (call-interactively (lookup-key mew-submit-setup-mode-map "o"))))
        (should (equal opened '("https://example.com/passwords")))
        (mew-submit-setup-tests--answering-questions
          (mew-submit-setup-tests--answering
              '(("Application password of me@example.org for Example" . "ordinary"))
            (mew-submit-setup-use))
          (mew-submit-setup-tests--answering '(("application password" . "abcd efgh ijkl mnop"))
            (funcall press "Enter it"))
          (should-not (file-exists-p file))
          (funcall press "Save"))
        (should (string-search "was delivered" (mew-submit-setup-tests--wait)))
        ;; The page shows it in groups of four, which was sent as it stood.
        (should (string-match-p "\\`machine 127.0.0.1.* abcdefghijklmnop\n\\'"
                                (mew-submit-test-octets file)))
        (should-not mew-submit-setup--typed)))))

(ert-deftest mew-submit-setup-tests-grouped-passwords ()
  "Blanks are taken out of a password in groups of four, and what had them is wiped."
  (dolist (typed '("abcd efgh ijkl mnop" "abcd\u00a0efgh\u00a0ijkl\u00a0mnop"))
    (let ((copy (copy-sequence typed)))
      (should (equal (mew-submit-auth--ungrouped copy) "abcdefghijklmnop"))
      (should-not (string-search "abcd" copy))))
  (dolist (typed '("abcd efgh ijkl" "abcd efgh ijkl mnop " "Abcd efgh ijkl mnop" "my own password"))
    (should (equal (mew-submit-auth--ungrouped typed) typed))))

(ert-deftest mew-submit-setup-tests-application-password-at-once ()
  "Who has made one gives it, and that is all: it is the only question."
  (pcase-dolist (`(,mechanisms ,typed) '(("PLAIN+LOGIN" "abcdefghijklmnop")
                                         ("LOGIN" "abcd\u00a0efgh\u00a0ijkl\u00a0mnop")))
    (mew-submit-test-with-peer
        (peer "--user" "me@example.org" "--password" "abcdefghijklmnop"
              (format "127.0.0.1:0,name=a,mechs=%s" mechanisms))
      (mew-submit-setup-tests--with (peer file mew-submit-setup-tests--mx)
        (let ((mew-submit-setup-provider--list
               (mew-submit-setup-tests--provider peer "a" 'app-password)))
          (mew-submit-setup "me@example.org")
          (mew-submit-setup-tests--wait)
          (mew-submit-setup-tests--answering `(("Application password" . ,typed))
            (mew-submit-setup-use))
          (should (string-search "was delivered" (mew-submit-setup-tests--wait)))
          (should (file-exists-p file)))))))

(ert-deftest mew-submit-setup-tests-foreign-issuer ()
  "SECURITY: S12.  That an issuer is neither the domain's nor the server's is said before."
  (pcase-dolist (`(,issuer ,foreign)
                 '(("https://id.firm.example" t) ("https://id.example.org" nil)))
    (let ((words (mew-submit-setup-login--words
                  'oauth (list :host "smtp.example.org" :login 'oauth :issuer issuer)
                  "me@example.org")))
      (should (string-search "wants you to sign in" words))
      (should (eq foreign (and (string-search "only if it is your provider's" words)
                               t))))))

(ert-deftest mew-submit-setup-tests-sign-in ()
  "A provider of access tokens has the user sign in; the test mail comes after that."
  (mew-submit-test-with-peer
      (peer "--user" "me@example.org" "--password" "t0ken"
            "127.0.0.1:0,name=a,mechs=XOAUTH2")
    (mew-submit-setup-tests--with (peer file mew-submit-setup-tests--mx)
      (ignore file)
      (let ((mew-submit-auth--token-functions
             ;; What signing in has got.
             (list (lambda (&rest _) (cons "me@example.org" (copy-sequence "t0ken")))))
            (mew-submit-setup-provider--list
             (mew-submit-setup-tests--provider peer "a" 'oauth
                                               :issuer "https://id.example.com"
                                               :scope "send"))
            (results '((:result "failed" :text "You have said no.")
                       (:result "signed-in" :text "Fine")))
            asked)
        (cl-letf (((symbol-function 'mew-submit-sign-in)
                   (lambda (account &rest keys)
                     (push account asked)
                     (run-at-time 0 nil (plist-get keys :callback) (pop results)))))
          (mew-submit-setup "me@example.org")
          (should (string-search "wants you to sign in, at id.example.com"
                                 (mew-submit-setup-tests--wait)))
          (mew-submit-setup-tests--answering nil
            (mew-submit-setup-use))
          (should (string-search "You have said no." (mew-submit-setup-tests--wait)))
          (should-not (mew-submit-test-lines peer "AUTH"))
          (with-current-buffer "*mew-submit setup*"
            (should-error (mew-submit-setup-password) :type 'user-error)
            (mew-submit-setup-test))
          (should (string-search "was delivered" (mew-submit-setup-tests--wait)))
          (should (equal (plist-get (car asked) :oauth)
                         '(:issuer "https://id.example.com" :scope "send")))
          (should (mew-submit-test-lines peer "AUTH XOAUTH2")))))))

(ert-deftest mew-submit-setup-tests-password-instead ()
  "Who is not signed in takes a password where the server takes one, too."
  (mew-submit-test-with-peer (peer "--user" "me@example.org" "--password" "p"
                                   "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with (peer file nil)
      (ignore file)
      (cl-letf (((symbol-function 'mew-submit-sign-in)
                 (lambda (_account &rest keys)
                   (run-at-time 0 nil (plist-get keys :callback)
                                '(:result "failed" :text "No client id."))))
                ((symbol-function 'mew-submit-setup-discover--srv)
                 (lambda (_domain _address callback)
                   (run-at-time
                    0 nil callback
                    `(:candidates ((:host "127.0.0.1" :tls starttls :login oauth
                                          :issuer "https://id.example.org" :password t
                                          :port ,(mew-submit-test-port peer "a"))))))))
        (mew-submit-setup "me@example.org")
        (mew-submit-setup-tests--wait)
        (mew-submit-setup-tests--answering nil
          (mew-submit-setup-use))
        (let ((text (mew-submit-setup-tests--wait)))
          (should (string-search "No client id." text))
          (should (string-search "[Use a password] w" text)))
        (mew-submit-setup-tests--answering '(("Password of" . "p"))
          (call-interactively (lookup-key mew-submit-setup-mode-map "w")))
        (should (string-search "was delivered" (mew-submit-setup-tests--wait)))
        (should-not (plist-get (car mew-submit-accounts) :oauth))))))

(ert-deftest mew-submit-setup-tests-quit-wipes ()
  "SECURITY: S8.  Who breaks off leaves no password behind, and point stays where it is."
  (mew-submit-test-with-peer (peer "--user" "me@example.org" "--password" "p"
                                   "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with
        (peer file `(("_submission._tcp.example.org" SRV
                      ,(mew-submit-setup-tests--srv (mew-submit-test-port peer "a")))))
      (ignore file)
      (mew-submit-setup "me@example.org")
      (mew-submit-setup-tests--wait)
      (let ((password (copy-sequence "secret")))
        (cl-letf (((symbol-function 'read-passwd) (lambda (&rest _) password))
                  ((symbol-function 'mew-submit-setup--turn-on)
                   (lambda (_address) (signal 'quit nil))))
          (with-current-buffer "*mew-submit setup*"
            (should (eq 'quit (condition-case nil (mew-submit-setup-use) (quit 'quit))))))
        (should-not mew-submit-setup--typed)
        (should-not (string-search "secret" password)))
      (should-not (mew-submit-test-lines peer "AUTH"))
      (with-current-buffer "*mew-submit setup*"
        (mew-submit-setup-view--render)
        (forward-button 2)
        (let ((label (button-label (button-at (point)))))
          (run-hooks 'mew-submit-question--hook)
          (should (equal label (button-label (button-at (point))))))))))

(ert-deftest mew-submit-setup-tests-no-sign-in ()
  "Where Emacs cannot sign in that is said, or a password is asked for if one will do."
  (mew-submit-test-with-peer (peer "--user" "me@example.org" "--password" "p"
                                   "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with (peer file nil)
      (ignore file)
      (cl-letf (((symbol-function 'mew-submit-sign-in) nil))
        (pcase-dolist (`(,password . ,words)
                       '((nil . "takes access tokens only, no password")
                         (t . "certificate verified, log-in by")))
          (cl-letf (((symbol-function 'mew-submit-setup-discover--srv)
                     (lambda (_domain _address callback)
                       (run-at-time
                        0 nil callback
                        `(:candidates ((:host "127.0.0.1" :tls starttls :login oauth
                                              :issuer "https://id.example.com"
                                              :port ,(mew-submit-test-port peer "a")
                                              :password ,password)))))))
            (mew-submit-setup "me@example.org")
            (should (string-search words (mew-submit-setup-tests--wait)))
            (with-current-buffer "*mew-submit setup*"
              (should (eq (mew-submit-setup-login--of (mew-submit-setup-view--best))
                          (if password 'password 'oauth))))))))))

(defmacro mew-submit-setup-tests--guessing (routes &rest body)
  "Run BODY where the only guess is this machine, at ROUTES."
  (declare (indent 1))
  `(let ((mew-submit-setup-discover--guess-routes ,routes))
     (cl-letf (((symbol-function 'mew-submit-setup-discover--guess)
                (lambda (&rest _) (list (list :host "127.0.0.1" :source 'mx)))))
       ,@body)))

(ert-deftest mew-submit-setup-tests-one-port-only ()
  "SECURITY: S7.  A guess is found at its only port, 25 or 443; without a log-in it is none."
  (mew-submit-test-with-peer (peer "--user" "me@example.org" "--password" "p"
                                   "127.0.0.1:0,name=25"
                                   "127.0.0.1:0,name=443,implicit"
                                   "127.0.0.1:0,name=mx,noauth,cap2-=AUTH")
    (pcase-dolist (`(,name ,mode ,fine)
                   '(("25" "starttls" t) ("443" "implicit" t) ("mx" "starttls" nil)))
      (mew-submit-setup-tests--with (peer file nil)
        (ignore file)
        (let ((route (format "%d:%s" (mew-submit-test-port peer name) mode)))
          (mew-submit-setup-tests--guessing (format "1:implicit,2:starttls,%s" route)
            (mew-submit-setup "me@example.org")
            (let ((text (mew-submit-setup-tests--wait)))
              (should (string-search "Guesses, by the domain's name" text))
              (should (eq fine (and (string-search "Use this server" text) t)))
              (unless fine
                (should (string-search "no log-in" text))))
            (when fine
              (mew-submit-setup-tests--answering '(("Password" . "p"))
                (mew-submit-setup-use))
              (should (equal route (plist-get (car mew-submit-accounts) :routes)))
              (should (string-search "was delivered"
                                     (mew-submit-setup-tests--wait))))))))))

(ert-deftest mew-submit-setup-tests-gnome-before-an-app-password ()
  "Who is signed in in GNOME's settings need not make an application password.
What GNOME says comes later; without that account all is as ever."
  (mew-submit-test-with-peer (peer "--user" "me@example.org" "--password" "good-token"
                                   "127.0.0.1:0,name=a,mechs=PLAIN+XOAUTH2")
    (dolist (token '("good-token" nil))
      (mew-submit-setup-tests--with (peer file mew-submit-setup-tests--mx)
        (ignore file)
        (let ((mew-submit-setup-provider--list
               (mew-submit-setup-tests--provider peer "a" 'app-password
                                                 :page "https://example.com/passwords"
                                                 :issuer "https://id.example.com"))
              (asked nil))
          (cl-letf (((symbol-function 'mew-submit-token-source--bus-p) #'always)
                    ((symbol-function 'mew-submit-token-source--gnome)
                     (lambda (user host callback)
                       (push (list user host) asked)
                       (run-at-time 0 nil callback (copy-sequence token)))))
            (mew-submit-setup "me@example.org")
            (mew-submit-test-until ("GNOME's answer")
              (with-current-buffer "*mew-submit setup*"
                (and asked (or (null token) (cdr mew-submit-setup-view--gnome)))))
            (should (equal asked '(("me@example.org" "127.0.0.1"))))
            (let ((text (mew-submit-setup-tests--wait)))
              (should (eq (null token) (not (string-search "signed in already" text))))
              (should (eq (null token) (and (string-search "application password" text) t))))
            (mew-submit-setup-tests--answering
                (unless token
                  '(("Application password of me@example.org" . "good-token")))
              (mew-submit-setup-use))
            (should (string-search "was delivered" (mew-submit-setup-tests--wait)))
            (should (eq (plist-get (car mew-submit-accounts) :oauth) (and token t)))))))))

(ert-deftest mew-submit-setup-tests-bridge ()
  "SECURITY: S9.  A bridge of this machine is pinned after a yes."
  (mew-submit-test-with-peer (peer "--user" "me@example.org" "--password" "bridge"
                                   "127.0.0.1:0,name=a,cert=self-signed")
    (mew-submit-setup-tests--with (peer file mew-submit-setup-tests--mx)
      (ignore file)
      (let ((mew-submit-setup-provider--list
             (mew-submit-setup-tests--provider peer "a" 'bridge
                                               :page "https://example.com/bridge"))
            (mew-submit-pins nil))
        (mew-submit-setup "me@example.org")
        (should (string-search "Pin its certificate" (mew-submit-setup-tests--wait)))
        (mew-submit-setup-tests--answering
            '(("\\`Pin the certificate of .*fingerprint" . nil))
          (mew-submit-setup-pin))
        (should-error (with-current-buffer "*mew-submit setup*" (mew-submit-setup-use))
                      :type 'user-error)
        (mew-submit-setup-tests--answering
            '(("\\`Pin the certificate of .*fingerprint" . t))
          (mew-submit-setup-pin))
        (should (string-search "Use this server" (mew-submit-setup-tests--wait)))
        (mew-submit-setup-tests--answering
            '(("Password that the bridge shows for me@example.org" . "bridge"))
          (mew-submit-setup-use))
        (should (string-search "was delivered" (mew-submit-setup-tests--wait))))
      ;; The same certificate on another machine is offered only to who named that.
      (pcase-dolist (`(,candidate ,pinnable)
                     '((() nil) ((:source srv) nil) ((:source user) t)
                       ((:source user :provider "Example") nil)))
        (should (eq (and (mew-submit-setup-search--pinnable
                          (mew-submit-setup-search--make
                           :notes (list (mew-submit-setup-search--make-look
                                         :candidate `(:host "mail.example.org" ,@candidate)
                                         :course '(:tls (:fingerprint "sha256:00"))))))
                         t)
                    pinnable))))))

(ert-deftest mew-submit-setup-tests-provider-out-of-reach ()
  "Where a provider is known and cannot be reached nothing is guessed; that is said."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a,refused")
    (mew-submit-setup-tests--with (peer file mew-submit-setup-tests--mx)
      (ignore file)
      (pcase-dolist (`(,login . ,words)
                     '((bridge . "does not answer on this machine. Start it")
                       (password . "Your mail is Example's, whose servers cannot")))
        (let ((mew-submit-setup-provider--list
               (mew-submit-setup-tests--provider peer "a" login
                                                 :page "https://example.com/b")))
          (mew-submit-setup "me@example.org")
          (let ((text (mew-submit-setup-tests--wait)))
            (should (string-search words text))
            (should-not (string-search "Guesses" text))
            ;; Who knows better can go on.
            (should (string-search "[Look further]" text))))))))

(ert-deftest mew-submit-setup-tests-autoconfig ()
  "What the web says leads to the first mail: port, TLS, user name."
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "p"
                                   "127.0.0.1:0,name=a,implicit")
    (mew-submit-setup-tests--with (peer file nil)
      (ignore file)
      (let ((mew-submit-setup-discover--fetch-function
             (lambda (url callback)
               (run-at-time
                0 nil callback
                (and (string-search "autoconfig.example.org" url)
                     (format "<clientConfig><emailProvider><outgoingServer type='smtp'>
<hostname>127.0.0.1</hostname><port>%d</port><socketType>SSL</socketType>
<username>%%EMAILLOCALPART%%</username>
<authentication>password-cleartext</authentication></outgoingServer></emailProvider>
</clientConfig>" (mew-submit-test-port peer "a")))))))
        (mew-submit-setup "me@example.org")
        (mew-submit-setup-tests--wait)
        (mew-submit-setup-tests--answering '(("Password of me at 127.0.0.1" . "p"))
          (mew-submit-setup-use))
        (should (string-search "was delivered" (mew-submit-setup-tests--wait)))))))

(ert-deftest mew-submit-setup-tests-another-user-name ()
  "Who is known there by another name gives that, and the mail is sent."
  (mew-submit-test-with-peer (peer "--user" "u1234" "--password" "p"
                                   "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with
        (peer file `(("_submission._tcp.example.org" SRV
                      ,(mew-submit-setup-tests--srv (mew-submit-test-port peer "a")))))
      (mew-submit-setup "me@example.org")
      (mew-submit-setup-tests--wait)
      (mew-submit-setup-tests--answering '(("Password" . "p"))
        (mew-submit-setup-use))
      (should (string-search "The test mail was refused" (mew-submit-setup-tests--wait)))
      (should-not (file-exists-p file))
      (mew-submit-setup-tests--answering '(("User name" . "u1234") ("Password" . "p"))
        (call-interactively (lookup-key mew-submit-setup-mode-map "n")))
      (should (string-search "was delivered" (mew-submit-setup-tests--wait)))
      (should (equal "u1234" (plist-get (car mew-submit-accounts) :user)))
      (should (string-match-p "login \"?u1234" (mew-submit-test-octets file))))))

;;; From the shell

(defun mew-submit-setup-tests--batch (&rest args)
  "Return (STATUS . OUTPUT) of the batch command with ARGS, run here."
  (let ((output ""))
    (cl-letf (((symbol-function 'mew-submit-batch-command--print)
               (lambda (octets) (setq output (concat output octets)))))
      (cons (mew-submit-batch-setup--run args) output))))

(ert-deftest mew-submit-setup-tests-batch ()
  "The batch command says what it found and why, and its status what came of it."
  (mew-submit-test-with-peer (peer "--user" "me@example.org" "--password" "p"
                                   "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with (peer file mew-submit-setup-tests--mx)
      (ignore file)
      (let* ((mew-submit-setup-provider--list
              (mew-submit-setup-tests--provider peer "a" 'app-password
                                                :page "https://example.com/p"))
             (run (mew-submit-setup-tests--batch "--json" "me@example.org (Me)"))
             (lines (mew-submit-test-json-lines (cdr run)))
             (done (car (last lines))))
        (should (eql 0 (car run)))
        (should (equal (mapcar (lambda (line) (plist-get line :way)) lines)
                       '("srv" "pacc" "autoconfig" "provider" nil nil)))
        (should (member "mx.provider.example is Example's"
                        (plist-get (nth 3 lines) :said)))
        (should (eq t (plist-get (nth 4 lines) :usable)))
        (should (equal (mapcar (lambda (key) (plist-get done key))
                               '(:event :result :login :provider :page))
                       '("done" "found" "app-password" "Example" "https://example.com/p")))
        (should (equal "127.0.0.1" (plist-get (plist-get done :account) :server)))
        (should (equal "me@example.org" (plist-get (plist-get done :account) :from)))
        (let ((run (mew-submit-setup-tests--batch "me@example.org")))
          (should (eql 0 (car run)))
          (should (string-search "SRV records of _submission._tcp.example.org: none"
                                 (cdr run)))
          (should (string-search ":server \"127.0.0.1\"" (cdr run)))))
      ;; Nothing is stored, whatever was found.
      (should (equal (plist-get (car mew-submit-accounts) :name) "old"))
      (should-not (file-exists-p custom-file))
      (let ((mew-submit-setup-discover--ways '(srv)))
        (pcase-dolist (`(,is ,up ,status ,result)
                       '((no t 68 "no-domain") (yes t 69 "nothing")
                         (nil t 75 "no-dns") (nil nil 75 "offline")))
          (setq exists is
                records nil)
          (cl-letf (((symbol-function 'mew-submit-network--list)
                     (lambda () (list (list :up up)))))
            (let ((run (mew-submit-setup-tests--batch "--json" "me@example.org")))
              (should (eql status (car run)))
              (should (equal result
                             (plist-get (car (last (mew-submit-test-json-lines
                                                    (cdr run))))
                                        :result)))))))
      (pcase-dolist (`(,status . ,args)
                     '((64) (64 "a@b.example" "c@d.example") (64 "--nonsense" "a@b.example")
                       (65 "nobody") (0 "--help")))
        (should (eql status (car (apply #'mew-submit-setup-tests--batch args))))))))

(ert-deftest mew-submit-setup-tests-batch-from-the-shell ()
  "The command is there with mew-submit.el alone; a DNS that is not there is status 75."
  (with-temp-buffer
    (should (eql 75 (call-process
                     mew-submit-test-emacs nil t nil "-Q" "--batch"
                     "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                     "--eval" "(setq dns-servers '(\"127.0.0.1\")
 dns-servers-valid-for-interfaces t mew-submit-dns--port 1 mew-submit-dns-timeout 1
 mew-submit-discover-urls nil mew-submit-discover-database nil)"
                     "-f" "mew-submit-batch-setup" "--" "me@example.org")))
    (should (string-match-p "No name server answers\\|You are offline" (buffer-string)))))

(provide 'mew-submit-setup-tests)
;;; mew-submit-setup-tests.el ends here
