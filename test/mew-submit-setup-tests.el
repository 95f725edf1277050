;;; mew-submit-setup-tests.el --- Tests for making an account -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The test server is what is found; names and documents come from functions.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'mew-submit-setup)

(defvar mew-submit-mode)

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
      (null (mew-submit-setup--waiting))))
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
        (should (equal (button-label (button-at (point))) "Use this server")))
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
        (mew-submit-setup-by-hand (format "127.0.0.1:%d"
                                          (mew-submit-test-port peer "a"))))
      (should (string-match-p "answers on port" (mew-submit-setup-tests--wait)))
      ;; There is no log-in, so neither user nor password is asked for; and who has
      ;; entered it is not asked whether it is right.
      (mew-submit-setup-tests--answering nil
        (mew-submit-setup-use))
      (should (equal (plist-get (car mew-submit-accounts) :auth) "none"))
      (should-not (file-exists-p file)))))

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
            (should (string-search words (mew-submit-setup-tests--wait)))))))))

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
      (mew-submit-setup-tests--answering '(("Your mail address" . "me@example.org"))
        (call-interactively (lookup-key mew-submit-setup-mode-map "g")))
      (should (string-search "example.org does not exist"
                             (mew-submit-setup-tests--wait))))))

(ert-deftest mew-submit-setup-tests-offers-the-mode ()
  "With the mode off, who stores an account is asked whether mail is to go by it."
  (let ((send-mail-function 'smtpmail-send-it)
        (message-send-mail-function 'smtpmail-send-it)
        (mew-submit-mode nil)
        asked done)
    (cl-letf (((symbol-function 'yes-or-no-p) (lambda (prompt) (setq asked prompt) t))
              ((symbol-function 'mew-submit-mode) (lambda (arg) (push arg done)))
              ((symbol-function 'customize-save-variable)
               (lambda (name value) (push (cons name value) done))))
      (mew-submit-setup--turn-on)
      (should (string-search "mew-submit-mode" asked))
      (should (equal done '((mew-submit-mode . t) 1)))
      (setq asked nil
            mew-submit-mode t)
      (mew-submit-setup--turn-on)
      (should-not asked))))

(ert-deftest mew-submit-setup-tests-corrected-password-is-offered ()
  "A password that is corrected when the test mail is sent can be saved."
  (mew-submit-test-with-peer (peer "--user" "me@example.org" "--password" "right"
                                   "127.0.0.1:0,name=a")
    (mew-submit-setup-tests--with
        (peer file `(("_submission._tcp.example.org" SRV
                      ,(mew-submit-setup-tests--srv (mew-submit-test-port peer "a")))))
      (let ((mew-submit-question--list nil)
            (mew-submit-question--hook nil)
            (noninteractive t)
            (press (lambda (words)
                     (let ((question (car mew-submit-question--list)))
                       (mew-submit-question--answer
                        question (assoc words (mew-submit-question-choices question)))))))
        (mew-submit-setup "me@example.org")
        (mew-submit-setup-tests--wait)
        (mew-submit-setup-tests--answering
            '(("Password" . "wrong"))
          (setq noninteractive nil)
          (mew-submit-setup-use))
        (let ((auth-source-save-behavior 'ask))
          (mew-submit-test-until ("the question for another password")
            mew-submit-question--list)
          (mew-submit-setup-tests--answering '(("another one" . "right"))
            (funcall press "Enter it"))
          (mew-submit-test-until ("the offer to save it") mew-submit-question--list)
          (funcall press "Save"))
        (should (string-search "was delivered" (mew-submit-setup-tests--wait)))
        ;; Nothing wrong was saved, not even for a moment.
        (should (string-match-p "\\`machine 127.0.0.1.*right\n\\'"
                                (mew-submit-test-octets file)))))))

(provide 'mew-submit-setup-tests)
;;; mew-submit-setup-tests.el ends here
