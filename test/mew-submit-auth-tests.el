;;; mew-submit-auth-tests.el --- Tests for passwords that were refused -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A password that the server does not take is forgotten, another one asked for, and
;; the mail goes on by itself; once, and only where there is somebody to ask.

;;; Code:

(require 'auth-source)
(require 'cl-lib)
(require 'epg-config)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-auth)
(require 'mew-submit-test-helpers)

(defvar epg-pinentry-mode)

(cl-defstruct (mew-submit-auth-tests-world
               (:constructor mew-submit-auth-tests--make-world))
  peer authinfo prompts events ends)

(defun mew-submit-auth-tests--world (answer password function)
  "Call FUNCTION with a world in which the user types ANSWER.
ANSWER is a string, or a function.  PASSWORD is in auth-source, if it is not nil;
the right one is \"s3cret\"."
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=ok")
    (let* ((authinfo (mew-submit-test--peer-file peer "authinfo"))
           (world (mew-submit-auth-tests--make-world :peer peer
                                                     :authinfo authinfo))
           (noninteractive nil)
           (mew-submit-memory-file nil)
           (mew-submit-keep-connection 0)
           (auth-source-save-behavior t)
           (auth-source-netrc-cache nil)
           (auth-sources (list authinfo)))
      (auth-source-forget-all-cached)
      (when password
        (mew-submit-test-write
         authinfo (format "machine 127.0.0.1 login me password %s\n" password)))
      (cl-letf (((symbol-function 'read-passwd)
                 (lambda (prompt &rest _)
                   (push prompt (mew-submit-auth-tests-world-prompts world))
                   (if (functionp answer) (funcall answer) answer)))
                ((symbol-function 'message) #'ignore))
        (funcall function world)))))

(defmacro mew-submit-auth-tests--with-world (spec &rest body)
  "Run BODY in a world; SPEC is (WORLD ANSWER PASSWORD)."
  (declare (indent 1) (debug ((symbolp form form) body)))
  `(mew-submit-auth-tests--world ,(nth 1 spec) ,(nth 2 spec)
                                 (lambda (,(car spec)) ,@body)))

(defun mew-submit-auth-tests--send (world &rest keys)
  "Send a message in WORLD with KEYS, and return its `done' event."
  (let ((file (mew-submit-test-write
               (mew-submit-test--peer-file
                (mew-submit-auth-tests-world-peer world) "m")
               "From: me@x\nTo: a@x\nBcc: b@x\n\nbody\n")))
    (mew-submit-wait
     (apply #'mew-submit-send
            file
            (append
             keys
             (list :account (mew-submit-test-account
                             (mew-submit-auth-tests-world-peer world) "ok"
                             :user "me")
                   :on-event (lambda (event)
                               (push event
                                     (mew-submit-auth-tests-world-events world)))
                   :on-done (lambda (done)
                              (push done
                                    (mew-submit-auth-tests-world-ends world))))))
     mew-submit-test-patience)))

(defun mew-submit-auth-tests--codes (world)
  "Return how the server of WORLD has answered AUTH, in order."
  (mapcar (lambda (line) (plist-get line :code))
          (mew-submit-test-log (mew-submit-auth-tests-world-peer world) "auth")))

(ert-deftest mew-submit-auth-tests-asked-again ()
  "After a refusal the user is asked, the mail goes on, and the password is saved."
  :tags '(:module)
  (mew-submit-auth-tests--with-world (world "s3cret" "wr0ng")
    (let ((done (mew-submit-auth-tests--send world)))
      (should (equal (plist-get done :result) "delivered"))
      (should (equal (mew-submit-auth-tests-world-ends world) (list done)))
      (should (= 1 (seq-count (lambda (event) (eq (plist-get event :event) 'done))
                              (mew-submit-auth-tests-world-events world)))))
    (should (equal (mew-submit-auth-tests--codes world) '(535 235)))
    (should (equal (length (mew-submit-auth-tests-world-prompts world)) 1))
    (dolist (word '("me" "127.0.0.1" "another"))
      (should (string-search word (car (mew-submit-auth-tests-world-prompts world)))))
    (should (equal (mew-submit-test-envelope
                    (mew-submit-auth-tests-world-peer world))
                   '("me@x" "a@x" "b@x")))
    ;; It is saved where the wrong one no longer hides it.
    (should (string-match-p
             "\\`machine 127\\.0\\.0\\.1 .*password s3cret$"
             (mew-submit-test-octets (mew-submit-auth-tests-world-authinfo world))))
    (should (equal (plist-get (mew-submit-auth-tests--send world) :result)
                   "delivered"))
    (should (= 1 (length (mew-submit-auth-tests-world-prompts world))))
    (should-not (string-match-p "s3cret\\|wr0ng"
                                (format "%S" (mew-submit-auth-tests-world-events
                                              world))))
    (should-not mew-submit-auth--unsaved)))

(ert-deftest mew-submit-auth-tests-asked-once ()
  "A second refusal is the end; nothing wrong is saved or tried again."
  :tags '(:module)
  (mew-submit-auth-tests--with-world (world "wr0ng2" "wr0ng")
    (let ((done (mew-submit-auth-tests--send world)))
      (should (equal (plist-get done :kind) "auth"))
      (should (equal (plist-get done :exit) 77)))
    (should (equal (mew-submit-auth-tests--codes world) '(535 535)))
    (should (= 1 (length (mew-submit-auth-tests-world-prompts world))))
    (should-not (string-search "wr0ng2" (mew-submit-test-octets
                                         (mew-submit-auth-tests-world-authinfo
                                          world))))
    (should-not mew-submit-auth--unsaved)))

(ert-deftest mew-submit-auth-tests-no-other-password ()
  "Who types nothing, or C-g, is told why the password was refused."
  :tags '(:module)
  (dolist (answer (list "" (lambda () (signal 'quit nil))))
    (mew-submit-auth-tests--with-world (world answer "wr0ng")
      (let ((done (mew-submit-auth-tests--send world)))
        (should (equal (plist-get done :kind) "auth"))
        (should (string-search "535" (plist-get done :text))))
      (should (equal (mew-submit-auth-tests--codes world) '(535)))
      (should (= 1 (length (mew-submit-auth-tests-world-prompts world)))))))

(ert-deftest mew-submit-auth-tests-nobody-to-ask ()
  "In batch mode, and where a program answers, a refusal is the end."
  :tags '(:module)
  (mew-submit-auth-tests--with-world (world "s3cret" "wr0ng")
    (let ((noninteractive t))
      (should (equal (plist-get (mew-submit-auth-tests--send world) :kind) "auth")))
    (let ((asked 0))
      (should (equal (plist-get (mew-submit-auth-tests--send
                                 world :on-ask (lambda (_)
                                                 (cl-incf asked)
                                                 (cons "me" (copy-sequence "no"))))
                                :kind)
                     "auth"))
      (should (= asked 1)))
    (should (equal (mew-submit-auth-tests--codes world) '(535 535)))
    (should-not (mew-submit-auth-tests-world-prompts world))))

(ert-deftest mew-submit-auth-tests-a-password-of-the-account-is-not-asked-for ()
  "A password that a program gave with the account is not asked for again."
  :tags '(:module)
  (mew-submit-auth-tests--with-world (world "s3cret" nil)
    (should (equal (plist-get (mew-submit-auth-tests--send
                               world :account
                               (mew-submit-test-account
                                (mew-submit-auth-tests-world-peer world) "ok"
                                :user "me" :password "wr0ng"))
                              :kind)
                   "auth"))
    (should-not (mew-submit-auth-tests-world-prompts world))))

(ert-deftest mew-submit-auth-tests-a-refused-one-is-forgotten ()
  "What auth-source remembers is forgotten when the server has not taken it.
What another server has taken is not."
  (let ((specs (mapcar (lambda (host) (list :host host :port "587" :user "me" :max 1))
                       '("h" "other"))))
    (unwind-protect
        (progn
          (dolist (spec specs)
            (auth-source-remember spec (list (append '(:secret "wr0ng") spec))))
          (mew-submit-auth--settle 1 t "h")
          (should (seq-every-p #'auth-source-remembered-p specs))
          (mew-submit-auth--settle 1 nil "h")
          (should (equal (mapcar (lambda (spec) (and (auth-source-remembered-p spec) t))
                                 specs)
                         '(nil t))))
      (auth-source-forget-all-cached))))

(ert-deftest mew-submit-auth-tests-the-background-asks-nobody ()
  "In the background only what can be had without asking is looked up.
That is what gpg can read by itself; whoever else may ask is left alone."
  (mew-submit-test-with-directory directory
    (let ((noninteractive nil)
          (mew-submit-auth--ask nil)
          (auth-sources (list (let ((file-name-handler-alist nil))
                                (mew-submit-test-write
                                 (expand-file-name "authinfo.gpg" directory) ""))
                              'password-store "secrets:Login" 'macos-keychain-internet))
          looked)
      (auth-source-forget-all-cached)
      (cl-letf (((symbol-function 'auth-source-search)
                 (lambda (&rest _)
                   (push (list auth-sources epg-pinentry-mode) looked)
                   nil)))
        (should-error (mew-submit-auth--lookup "h" 587 "me") :type 'mew-submit-secret))
      (should looked)
      (pcase-dolist (`(,sources ,mode) looked)
        ;; The first look is into what never asks, and here that is nothing.
        (should (or (null sources)
                    (and (equal sources (seq-take auth-sources 2))
                         (eq mode 'error))))))))

(ert-deftest mew-submit-auth-tests-first-time ()
  "Where auth-source knows nothing the user is asked, also if nothing can be saved."
  :tags '(:module)
  (mew-submit-auth-tests--with-world (world "s3cret" nil)
    (should (equal (plist-get (mew-submit-auth-tests--send world) :result)
                   "delivered"))
    (should (string-search "s3cret"
                           (mew-submit-test-octets
                            (mew-submit-auth-tests-world-authinfo world))))
    (let ((auth-sources nil))
      (should (equal (plist-get (mew-submit-auth-tests--send world) :result)
                     "delivered")))
    (should (= 2 (length (mew-submit-auth-tests-world-prompts world))))))

(ert-deftest mew-submit-auth-tests-pasted ()
  "The line end of a pasted password is no part of it, and is not saved."
  :tags '(:module)
  (mew-submit-auth-tests--with-world (world "s3cret\r\n" "wr0ng")
    (should (equal (plist-get (mew-submit-auth-tests--send world) :result)
                   "delivered"))
    (should (string-match-p
             "password s3cret$"
             (mew-submit-test-octets (mew-submit-auth-tests-world-authinfo world))))))

(ert-deftest mew-submit-auth-tests-what-was-pasted-is-wiped ()
  "What is left over of a password with a line end is nowhere any more."
  (dolist (end '("" "\n" "\r\n" "\n\n"))
    (let ((typed (concat "s3cr\u00e9t" end)))
      (should (equal (mew-submit-auth--trimmed typed) "s3cr\u00e9t"))
      (should (eq (equal end "") (and (string-search "s3cr" typed) t))))))

(ert-deftest mew-submit-auth-tests-files-as-editors-write-them ()
  "A mark of UTF-8 is no part of the password in a file; another coding is told.
The server got octets that were not the password, and the account was blamed."
  (mew-submit-test-with-directory directory
    (let ((file (concat directory "pw")))
      (pcase-dolist (`(,octets . ,password)
                     '(("s3cr\xc3\xa9t" . "s3cr\xc3\xa9t")
                       ("\xef\xbb\xbfs3cr\xc3\xa9t\r\nmore\r\n" . "s3cr\xc3\xa9t")
                       (" with blanks \n" . " with blanks ")))
        (mew-submit-test-write file (string-to-unibyte octets))
        (should (equal (mew-submit-auth--read-file file) (string-to-unibyte password))))
      ;; Latin-1; UTF-16 with its mark; a mark and nothing else.
      (pcase-dolist (`(,octets . ,words) '(("s3cr\xe9t\n" . "not in UTF-8")
                                           ("\xff\xfes\0003\000" . "not in UTF-8")
                                           ("\xef\xbb\xbf\n" . "is empty")))
        (mew-submit-test-write file (string-to-unibyte octets))
        (let ((text (mew-submit-error--text
                     (should-error (mew-submit-auth--read-file file)
                                   :type 'mew-submit-config))))
          (should (string-search words text))
          (should-not (string-search "s3cr" text)))))))

(ert-deftest mew-submit-auth-tests-two-lines ()
  "A password of two lines is told as what it is, and the server not blamed."
  :tags '(:module)
  (mew-submit-auth-tests--with-world (world "s3\ncret" nil)
    (let* ((auth-sources nil)
           (done (mew-submit-auth-tests--send world)))
      (should (equal (plist-get done :kind) "auth"))
      (dolist (words (list (mew-submit-report--done done)
                           (mew-submit-report--reason done)))
        (should (string-search "line end" words))
        (should-not (string-search "did not accept" words)))
      (should-not (string-search "cret" (format "%S" done)))
      (should-not (mew-submit-auth-tests--codes world)))))

(ert-deftest mew-submit-auth-tests-wrong-passphrase ()
  "That a file cannot be decrypted is said in words of people."
  (let ((auth-sources '("/none/authinfo.gpg")))
    (cl-letf (((symbol-function 'auth-source-search)
               (lambda (&rest _)
                 (signal 'file-error '("Opening input file" "Decryption failed" ""
                                       "Bad session key")))))
      (should (string-match-p
               "passphrase"
               (mew-submit-error--text
                (should-error (mew-submit-auth--search '(:host "h"))
                              :type 'mew-submit-secret)))))
    (cl-letf (((symbol-function 'auth-source-search)
               (lambda (&rest _) (signal 'file-error '("Opening input file" "No such")))))
      (should-error (mew-submit-auth--search '(:host "h")) :type 'file-error))))

(ert-deftest mew-submit-auth-tests-entry-that-is-not-whole ()
  "What is wrong in a file of passwords is said in words, and where."
  (mew-submit-test-with-directory directory
    (let ((auth-sources
           (list (mew-submit-test-write
                  (expand-file-name "authinfo" directory)
                  "machine h login me password abcd efgh\nmachine i login me password p\n"))))
      (let ((words (mew-submit-error--text
                    (should-error (mew-submit-auth--lookup "h" 587 "me")))))
        (should (string-search "line 2 of " words))
        (should (string-search "authinfo" words))
        (should-not (string-search "auth-source" words))
        (should-not (string-search "abcd" words)))))
  (cl-letf (((symbol-function 'auth-source-search)
             (lambda (&rest _) (error "The keyring is away"))))
    (let ((auth-sources '("/none/authinfo")))
      (should (equal (mew-submit-error--text
                      (should-error (mew-submit-auth--search '(:host "h"))))
                     "The passwords cannot be looked up: The keyring is away")))))

(ert-deftest mew-submit-auth-tests-what-is-saved-is-private ()
  "A file that is made for a password is its owner's alone."
  (mew-submit-test-with-directory directory
    (let* ((file (expand-file-name "authinfo" directory))
           (mew-submit-auth--unsaved
            (list (cons 7 (lambda () (write-region "x" nil file nil 'silent))))))
      (funcall (mew-submit-auth--settle 7 t "h"))
      (should (= (file-modes file) #o600)))))

(ert-deftest mew-submit-auth-tests-stays-in-the-outbox-until-then ()
  "Mail from a buffer is kept while another password is asked for, and goes then."
  :tags '(:module)
  (mew-submit-auth-tests--with-world (world "s3cret" "wr0ng")
    (let* ((peer (mew-submit-auth-tests-world-peer world))
           (outbox (mew-submit-test--peer-file peer "outbox/"))
           (mew-submit-outbox-directory outbox)
           (mail-aliases nil)
           (kept nil)
           (mew-submit-accounts
            (list (mew-submit-test-account peer "ok" :user "me" :name "t"))))
      (cl-letf* ((read (symbol-function 'read-passwd))
                 ((symbol-function 'read-passwd)
                  (lambda (&rest args)
                    (setq kept (directory-files outbox nil "\\.eml\\'"))
                    (apply read args))))
        (with-temp-buffer
          (insert "From: me@x\nTo: a@x\n" mail-header-separator "\nbody\n")
          (mew-submit-send-it))
        (dolist (session (mew-submit-job--list))
          (mew-submit-wait session mew-submit-test-patience)))
      (should (= 1 (length kept)))
      (should-not (directory-files outbox nil "\\.eml\\'"))
      (should (mew-submit-test-stored peer)))))

;;; Secrets that come later

(defmacro mew-submit-auth-tests--with-later (function &rest body)
  "Run BODY where auth-source has a secret of \"me\" that comes by FUNCTION.
It takes the function to call with the secret."
  (declare (indent 1) (debug (form body)))
  `(let* ((secret ,function)
          (auth-sources '((:source later :async t)))
          (auth-source-do-cache nil)
          (auth-source-backend-parser-functions
           (cons (lambda (entry)
                   (and (eq 'later (car-safe (cdr-safe entry)))
                        (auth-source-backend
                         :type 'later :source "later"
                         :search-function
                         (lambda (&rest spec)
                           (list (list :host (plist-get spec :host) :user "me"
                                       :async t :secret secret))))))
                 auth-source-backend-parser-functions)))
     ,@body))

(ert-deftest mew-submit-auth-tests-a-secret-comes-later ()
  "Emacs goes on while a secret is on its way; that none comes ends the wait."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=p,mechs=PLAIN"
                                   "127.0.0.1:0,name=x,mechs=XOAUTH2")
    (pcase-dolist
        (`(,function ,patience ,kind ,words)
         `((,(lambda (reply)
               ;; Timers run meanwhile, and so does all else.
               (let ((ticks 0) timer)
                 (setq timer (run-at-time
                              0 0.01 (lambda ()
                                       (when (= 10 (cl-incf ticks))
                                         (cancel-timer timer)
                                         (funcall reply (copy-sequence "s3cret"))))))))
            120 "ok" "")
           (,(lambda (reply) (funcall reply "s3cret")) 120 "ok" "")
           (,(lambda (reply) (funcall reply "s3cret") (funcall reply "other")) 120 "ok" "")
           (,(lambda (reply) (funcall reply nil)) 120 "secret" "there is no secret after all")
           (,(lambda (reply) (funcall reply "")) 120 "secret" "there is no secret after all")
           (,#'ignore 0.05 "secret" "the secret has not come in time")
           (,(lambda (_) (error "The safe is shut")) 120 "auth" "The safe is shut")
           (,(lambda (reply) (funcall reply "wrong")) 120 "auth" "")))
      (dolist (name '("p" "x"))
        (mew-submit-auth-tests--with-later function
          (let* ((mew-submit-auth--patience patience)
                 ;; Another password would be asked for.
                 (noninteractive (not (equal kind "secret")))
                 (mew-submit-keep-connection 0)
                 (mew-submit-memory-file nil)
                 (account (append '(:user "me") (mew-submit-test-account peer name)
                                  (and (equal name "x") '(:auth "XOAUTH2"))))
                 (send (lambda ()
                         (mew-submit-test-run account "From: me@x\nTo: a@x\n\nbody\n"
                                              :on-ask #'mew-submit-dialog--answer)))
                 (done (progn (mew-submit-auth--user-is-here)
                              (funcall send))))
            (ert-info ((format "%s %s: %S" name function done))
              (should (equal (plist-get done :kind) kind))
              (should (string-search words (plist-get done :text)))
              (when (equal kind "secret")
                (should (equal (plist-get done :why) words))
                ;; The next mail does not begin it all again at once.
                (should (equal words (mew-submit-auth--why-put-off account)))))))))
    (mew-submit-auth--user-is-here)
    (should-not (mew-submit-test-violations peer))))

(ert-deftest mew-submit-auth-tests-a-secret-under-gpg-in-a-plain-file ()
  "What a plain file has under gpg nobody is asked for by itself, though it is plain."
  (mew-submit-test-with-directory directory
    (let* ((file (mew-submit-test-write
                  (expand-file-name "authinfo" directory)
                  "machine h port 587 login me password gpg:c2VjcmV0\n"))
           (auth-sources (list file))
           (auth-source-do-cache nil)
           (noninteractive nil)
           modes)
      (cl-letf (((symbol-function 'auth-source-epa-extract-gpg-token)
                 (lambda (&rest _)
                   (push epg-pinentry-mode modes)
                   (if (eq epg-pinentry-mode 'error)
                       (error "No passphrase")
                     "secret"))))
        (should-not (mew-submit-auth--known '(:host "h" :port 587 :user "me")))
        (should (equal modes '(error)))
        ;; Who has come to the question is.
        (should (equal (mew-submit-auth--answer '(:host "h" :port 587 :user "me"))
                       '("me" . "secret")))))))

(provide 'mew-submit-auth-tests)
;;; mew-submit-auth-tests.el ends here
