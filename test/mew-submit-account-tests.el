;;; mew-submit-account-tests.el --- Tests for the table of keys -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What is made of the table: the type, the docstring, the options.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-batch-options)
(require 'mew-submit-diagnose)
(require 'mew-submit-diagnosis-view)
(require 'mew-submit-doctor-account)
(require 'mew-submit-extension)
(require 'mew-submit-pin)
(require 'mew-submit-setup)
(require 'mew-submit-token)
(require 'seq)

(defvar smtpmail-smtp-server)
(defvar smtpmail-smtp-user)

(ert-deftest mew-submit-account-tests-an-empty-variable-is-none ()
  "A variable of smtpmail with an empty text says as little as one with nil."
  (let ((smtpmail-smtp-server "mail.example.org")
        (smtpmail-smtp-user ""))
    (should-not (plist-member (mew-submit-account--smtpmail) :user))
    (setq smtpmail-smtp-server "")
    (should-not (plist-get (mew-submit-account--smtpmail) :server))))

(ert-deftest mew-submit-account-tests-rows-are-whole ()
  "A key that users give has a type and words, an option a line of help."
  (pcase-dolist (`(,key ,group ,type ,words ,option ,_argument ,help)
                 mew-submit-account--rows)
    (ert-info ((symbol-name key))
      (should (= 1 (seq-count (lambda (row) (eq (car row) key)) mew-submit-account--rows)))
      (should (if group
                  (and (assq group mew-submit-account--groups) (consp type) (stringp words))
                (and (null type) (null words) option)))
      (should (eq (and option t) (and help t)))
      (when option
        (should (string-match-p "\\`--[a-z0-9-]+\\'" option))))))

(ert-deftest mew-submit-account-tests-every-key-is-documented ()
  "What `mew-submit-accounts' says has a line for each key, 80 columns at most."
  (let ((text (documentation-property 'mew-submit-accounts 'variable-documentation t)))
    (pcase-dolist (`(,key ,_) (mew-submit-account--types))
      (should (string-match-p (format "^`%s'" key) text)))
    (dolist (line (split-string text "\n"))
      (should (<= (length line) 80)))))

(ert-deftest mew-submit-account-tests-what-it-has-to-be ()
  "Who has a value of another shape is told the right ones, in the words of the user."
  (pcase-dolist (`(,account . ,words)
                 '(((:tls "required") . ":tls, which has to be required or opportunistic or none")
                   ((:plan submissions) . "has to be \"submission\" or \"submissions\" or")
                   ((:tls-minimum 1.3) . "has to be \"1.2\" or \"1.3\"")
                   ((:default yes) . "has to be t.")
                   ((:without "CHUNKING") . "a list, in parentheses, whose elements are each a text")
                   ((:oauth (:isuer "https://x")) . "t or .*keys, which are :issuer, :client-id,")
                   ((:user "") . "has to be a text that is not empty")
                   ((:routes (587 starttls)) . ":routes, which has to be a text")
                   ((:routes ("587:starttls")) . ":routes, which has to be a text")
                   ((:from "[me") . "has \"\\[me\" for :from, which is no regexp")
                   ;; As other programs have it.
                   ((:port 587) . "has :port, .* (is :routes, such as \"465:implicit\", meant[?])")
                   ((:host "h") . "has :host, .* (is :server meant[?])")
                   ((:sever "h") . "has :sever, .* (is :server meant[?])")
                   ((:password "sesame") . "has a :password, .*~/.authinfo")))
    (ert-info (words)
      (let* ((mew-submit-accounts (list (append account '(:server "mail.example.org"))))
             (text (mew-submit-error--text
                    (should-error (mew-submit-account--choose "me@example.org")
                                  :type 'mew-submit-config))))
        (should (string-match-p words text)))))
  (should (mew-submit-account--check
           (list :server "a" :routes (mew-submit-way--parse-routes "465:implicit")))))

(ert-deftest mew-submit-account-tests-a-password-in-an-account-stays-whole ()
  "The user's own password is refused where it does not belong, and not wiped."
  (let* ((password (copy-sequence "sesame"))
         (mew-submit-accounts (list (list :server "h" :password password))))
    (dolist (choose (list (lambda () (mew-submit-account--choose "me@example.org"))
                          (lambda () (mew-submit-account--by-name "h"))))
      (should-error (funcall choose) :type 'mew-submit-config))
    (should (equal password "sesame"))))

(ert-deftest mew-submit-account-tests-what-is-refused-shows-no-secret ()
  "A value of the wrong shape is not shown where it has a secret in it."
  (pcase-dolist (`(,key ,value)
                 '((:servers ((:server "b.example.org" :user "me" :password "sesame")))
                   (:oauth (:client-secret "sesame" :client-di "x"))))
    (let* ((mew-submit-accounts (list (list :server "mail.example.org" key value)))
           (text (mew-submit-error--text
                  (should-error (mew-submit-account--choose "me@example.org")
                                :type 'mew-submit-config))))
      (should (string-match-p (format "has a value with a secret in it for %s," key) text))
      (should-not (string-search "sesame" text)))))

(ert-deftest mew-submit-account-tests-everybody-in-a-domain ()
  "A domain is one with @ before it, or *@ as in other programs, or nothing."
  (dolist (from '("example.org" "@example.org" "*@example.org" "*@Example.ORG"))
    (let ((account (list :server "h" :from from)))
      (should (mew-submit-account--fits-p account "me@example.org"))
      (dolist (other '("me@mail.example.org" "me@badexample.org" "me@example.org.net" nil))
        (should-not (mew-submit-account--fits-p account other))))))

(ert-deftest mew-submit-account-tests-a-single-account ()
  "One account that is in no list, a pair of parentheses missing, is that account, everywhere."
  (let ((mew-submit-accounts '(:name "w" :server "h" :from "me@x" :user "me"))
        (smtpmail-smtp-server nil)
        saved)
    (should (equal (plist-get (mew-submit-account--choose "me@x") :server) "h"))
    (should (equal (mew-submit-account--by-name "w") mew-submit-accounts))
    (should (equal (mew-submit-account--now '(:name "w")) mew-submit-accounts))
    (should (equal (mew-submit-account--like mew-submit-accounts) mew-submit-accounts))
    (should (equal (mew-submit-pin--names) '("w" "h")))
    (should (equal (mew-submit-diagnose--accounts) (list mew-submit-accounts)))
    (should (equal (mew-submit-setup--accounts) (list mew-submit-accounts)))
    (should (equal (mew-submit-diagnosis-view--accounts "h" "465:implicit")
                   '((:name "w" :server "h" :from "me@x" :user "me" :routes "465:implicit"))))
    (should (equal (mew-submit-diagnosis-view--accounts "i" "465:implicit")
                   (list mew-submit-accounts '(:server "i" :routes "465:implicit"))))
    (let ((findings (mew-submit-doctor-account--account-findings)))
      (should (equal (plist-get (car findings) :text) "1, from mew-submit-accounts"))
      (should-not (seq-find (lambda (finding) (eq (plist-get finding :status) 'error))
                            findings)))
    (cl-letf (((symbol-function 'mew-submit-error--save-option)
               (lambda (_ value) (setq saved value))))
      (mew-submit-setup--store '(:server "i" :from "you@x")))
    (should (equal saved (list '(:server "i" :from "you@x") mew-submit-accounts)))))

(ert-deftest mew-submit-account-tests-an-address-with-a-name ()
  "An address that is written as in a header is the address."
  (pcase-dolist (`(,from ,address)
                 '(("Me <me@example.org>" "me@example.org") ("<me@example.org>" "me@example.org")
                   ("\"Me, I\" <Me@example.org> " "Me@example.org")))
    (let ((mew-submit-accounts `((:server "mine" :from ,from) (:server "other"))))
      (should (equal (plist-get (mew-submit-account--choose "me@example.org") :server) "mine"))
      (dolist (other '("you@example.org" "ome@example.org" "me@example.org.net"))
        (should (equal (plist-get (mew-submit-account--choose other) :server) "other")))
      (should (equal (mew-submit-account--address (car mew-submit-accounts)) address))
      (should (equal (mew-submit-account--qualify (car mew-submit-accounts) "root") address))
      (should (equal (mew-submit-token--user (car mew-submit-accounts)) address))
      (should (mew-submit-setup--same-sender-p (list :from "me@example.org")
                                               (car mew-submit-accounts))))))

(ert-deftest mew-submit-account-tests-a-regexp-is-no-address ()
  "No mail comes from a regexp, whichever character makes it one."
  (dolist (from '("me@example\\.org" "me@example.org\\'" "\\<me@example.org" "me[12]?@example.org"
                  "^me@example.org" "me@example.org$" ".*@example.org"))
    (let ((account (list :server "h" :from from)))
      (should (mew-submit-account--fits-p account "me@example.org"))
      (should-not (mew-submit-account--address account))
      (should (equal (mew-submit-account--qualify account "root") "root"))
      (should-not (mew-submit-token--user account))
      (should (equal (mew-submit-account--address (append '(:sender "me@example.org") account))
                     "me@example.org")))))

(ert-deftest mew-submit-account-tests-from-as-people-write-it ()
  "Blanks around the address in :from, and a name behind it, are no part of it."
  (pcase-dolist (`(,from ,address) '(("me@example.org (Me)" "me@example.org")
                                     (" me@example.org " "me@example.org")
                                     ("Me <me@example.org> (work)\n" "me@example.org")
                                     ("\t@example.org " nil)
                                     ("me@example\\.\\(org\\|net\\)" nil)))
    (ert-info ((format "%S" from))
      (let ((account (list :server "a" :from from)))
        (should (mew-submit-account--fits-p account "Me@example.org"))
        (should (equal (mew-submit-account--address account) address))
        (when address
          (should (equal (mew-submit-request--sender (list :server "a" :sender from) nil nil)
                         address)))
        (dolist (other '("you@example.com" "(Me)" "e@example.org.x"))
          (should-not (mew-submit-account--fits-p account other)))))))

(ert-deftest mew-submit-account-tests-what-to-do-fits-who-asked ()
  "The shell command, which reads a file of its own, does not send people to M-x."
  (pcase-dolist (`(,command ,right ,wrong)
                 '(("MEW_SUBMIT_COMMAND" "M-x mew-submit-setup" "config.el")
                   ("MEW_SUBMIT_COMMAND=mew-submit send" "config.el" "M-x")
                   ;; The doctor has the accounts of Emacs itself.
                   ("MEW_SUBMIT_INIT=~/.emacs" "M-x mew-submit-setup" "config.el")))
    (let ((process-environment (append (list command "MEW_SUBMIT_COMMAND=mew-submit doctor")
                                       process-environment)))
      (dolist (mew-submit-accounts '(((:from "you@example.org" :server "h"))
                                     ((:server "h" :tls "none"))
                                     t))
        (let ((text (mew-submit-error--text
                     (should-error (mew-submit-account--choose "me@example.org")
                                   :type 'mew-submit-config))))
          (should (string-search right text))
          (should-not (string-search wrong text)))))))

(ert-deftest mew-submit-account-tests-several-and-none-is-the-default ()
  "Who has several accounts hears which key mail from root, or from nobody, wants."
  (let* ((one '(:from "a@one.example" :server "h"))
         (mew-submit-accounts (list one '(:from "b@two.example" :server "h"))))
    (cl-flet ((said (sender)
                (mew-submit-error--text
                 (should-error (mew-submit-account--choose sender)
                               :type 'mew-submit-config))))
      (should (string-search "mail from root: give one of them :default t.  " (said "root")))
      (should (string-search "mail from nobody: give one of them :default t.  " (said nil)))
      (should-not (string-search ":default" (said "c@three.example")))
      (let (mew-submit-accounts)
        (should-not (string-search ":default" (said "root"))))
      (let ((mew-submit-accounts (list one)))
        (should (equal (mew-submit-account--choose "root") one))))))

(ert-deftest mew-submit-account-tests-options-go-into-the-account ()
  "Each option is a key that an account may have, or one that options alone have."
  (let ((account (append mew-submit-account--inner (mew-submit-account--keys))))
    (pcase-dolist (`(,name ,key) (mew-submit-account--options))
      (ert-info (name)
        (should (memq key (append '(:ssh :network-cache) account)))))
    (should (equal (mew-submit-account--options '(:tls-name))
                   '(("--server-name" :tls-name "NAME"
                      "name the certificate must have"))))))

(ert-deftest mew-submit-account-tests-wishes-are-the-same ()
  "The wishes in the table are those whose values are checked."
  (should (equal (sort (mapcar #'car mew-submit-extension--table) #'string<)
                 (sort (cl-loop for (key group) in mew-submit-account--rows
                                when (eq group 'wish) collect key)
                       #'string<))))

(provide 'mew-submit-account-tests)
;;; mew-submit-account-tests.el ends here
