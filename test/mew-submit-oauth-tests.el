;;; mew-submit-oauth-tests.el --- Tests for access tokens -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Tokens from commands, functions, auth-source and files, up to a server that checks
;; them; what is said of those it does not take; and where no token may be seen.

;;; Code:

(require 'auth-source)
(require 'cl-lib)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-oauth)
(require 'mew-submit-test-helpers)

(defconst mew-submit-oauth-tests--token "ya29.T0ken-good_abcdefghijklmnop~+/=="
  "The token that the server takes.")

(defconst mew-submit-oauth-tests--message "From: me@x\nTo: a@x\n\nbody\n"
  "A message.")

(defconst mew-submit-oauth-tests--settings
  '((mew-submit-oauth2-token-command . nil) (auth-sources . nil))
  "No token from anywhere else.")

(defconst mew-submit-oauth-tests--user
  (list "--user" "me@x" "--password" mew-submit-oauth-tests--token)
  "The arguments of a test server that takes the token.")

(defun mew-submit-oauth-tests--script (peer name &rest lines)
  "Write a shell script of LINES, called NAME, into PEER's directory; return it."
  (let ((file (mew-submit-test--peer-file peer name)))
    (mew-submit-test-write file (concat "#!/bin/sh\n" (string-join lines "\n") "\n"))
    (set-file-modes file #o700)
    file))

(defun mew-submit-oauth-tests--run (peer name &rest keys)
  "Send a message to PEER's listener NAME by an account with KEYS."
  (mew-submit-test-run
   (apply #'mew-submit-test-account peer name (append keys '(:user "me@x")))
   mew-submit-oauth-tests--message
   :on-ask #'mew-submit-dialog--answer))

(defun mew-submit-oauth-tests--forms (token)
  "Return TOKEN in all forms in which it must not be seen."
  (list token (base64-encode-string token t)
        (base64-encode-string (format "user=me@x\1auth=Bearer %s\1\1" token) t)))

;;; Commands

(ert-deftest mew-submit-oauth-tests-command ()
  "The first line that a command prints is the token, for both mechanisms."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer :bind mew-submit-oauth-tests--settings mew-submit-oauth-tests--user
            "127.0.0.1:0,name=x,mechs=XOAUTH2"
            "127.0.0.1:0,name=b,mechs=OAUTHBEARER")
    (let ((script (mew-submit-oauth-tests--script
                   peer "token"
                   "echo \"$MEW_SUBMIT_USER $MEW_SUBMIT_HOST ${MEW_SUBMIT_REFRESH-no}\" \
>\"$0.env\"; echo \"$*\" >\"$0.args\"; cat >\"$0.in\""
                   (format "printf ' %%s \\r\\nsecond line\\n' '%s'"
                           mew-submit-oauth-tests--token)
                   "echo chatter >&2")))
      (pcase-dolist (`(,name ,mechanism . ,keys)
                     `(("x" "XOAUTH2" :auth "XOAUTH2" :token-command (,script "a b"))
                       ("b" "OAUTHBEARER" :auth "OAUTHBEARER" :token-command ,script)
                       ("x" "XOAUTH2" :token-command ,(concat script " 'a b'"))
                       ("x" "XOAUTH2" :oauth t)
                       ("b" "OAUTHBEARER" :oauth t)))
        (ert-info ((format "%s %S" name keys))
          (let* ((mew-submit-oauth2-token-command (list script "a b"))
                 (done (apply #'mew-submit-oauth-tests--run peer name keys)))
            (should (equal (plist-get done :result) "delivered"))
            (should (equal (plist-get done :auth) mechanism)))))
      (should (equal (mew-submit-test-octets (concat script ".env"))
                     "me@x 127.0.0.1 no\n"))
      (should (equal (mew-submit-test-octets (concat script ".args")) "a b\n"))
      (should (equal (mew-submit-test-octets (concat script ".in")) ""))
      (should-not mew-submit-auth--commands)
      (should-not (mew-submit-test-violations peer)))))

(ert-deftest mew-submit-oauth-tests-command-does-not-block ()
  "While a command runs Emacs goes on, and other mail with it."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer :bind mew-submit-oauth-tests--settings mew-submit-oauth-tests--user
            "127.0.0.1:0,name=x,mechs=XOAUTH2"
            "127.0.0.1:0,name=free,noauth")
    (let* ((script (mew-submit-oauth-tests--script
                    peer "slow" "while [ ! -e \"$0.go\" ]; do sleep 0.05; done"
                    (format "echo '%s'" mew-submit-oauth-tests--token)))
           (file (mew-submit-test-write (mew-submit-test--peer-file peer "m")
                                        mew-submit-oauth-tests--message))
           (waiting (mew-submit-send
                     file :on-done #'ignore :account
                     (mew-submit-test-account peer "x" :user "me@x"
                                              :token-command script))))
      (mew-submit-test-until ("the command to run")
        mew-submit-auth--commands)
      (should (equal (plist-get (mew-submit-wait
                                 (mew-submit-send
                                  file :on-done #'ignore :account
                                  (mew-submit-test-account peer "free"))
                                 mew-submit-test-patience)
                                :result)
                     "delivered"))
      (should (memq waiting (mew-submit-job--list)))
      (mew-submit-test-write (concat script ".go") "")
      (should (equal (plist-get (mew-submit-wait waiting mew-submit-test-patience) :result)
                     "delivered")))))

(ert-deftest mew-submit-oauth-tests-cancel-ends-the-command ()
  "A command whose mail was cancelled is ended too."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer :bind mew-submit-oauth-tests--settings mew-submit-oauth-tests--user
            "127.0.0.1:0,name=x,mechs=XOAUTH2")
    (let* ((script (mew-submit-oauth-tests--script peer "slow" "exec sleep 1000"))
           (handle (mew-submit-send
                    (mew-submit-test-write (mew-submit-test--peer-file peer "m")
                                           mew-submit-oauth-tests--message)
                    :on-done #'ignore :account
                    (mew-submit-test-account peer "x" :user "me@x"
                                             :token-command script)))
           process)
      (mew-submit-test-until ("the command to run")
        (setq process (cdar mew-submit-auth--commands)))
      (should (process-live-p process))
      (mew-submit-cancel handle)
      (should (equal (plist-get (mew-submit-wait handle mew-submit-test-patience) :result) "cancelled"))
      (mew-submit-test-until ("the command to end")
        (not (process-live-p process)))
      (should-not mew-submit-auth--commands))))

(ert-deftest mew-submit-oauth-tests-names-are-escaped ()
  "A comma or an equals sign in a user name is no syntax of OAUTHBEARER's."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer :bind mew-submit-oauth-tests--settings mew-submit-oauth-tests--user
            "127.0.0.1:0,name=o,mechs=OAUTHBEARER")
    (mew-submit-test-run
     (mew-submit-test-account peer "o" :user "a,b=c" :token-function
                              (lambda (&rest _) mew-submit-oauth-tests--token))
     mew-submit-oauth-tests--message :on-ask #'mew-submit-dialog--answer)
    (let ((line (car (mew-submit-test-lines peer "AUTH OAUTHBEARER "))))
      (should line)
      (should (string-prefix-p
               "n,a=a=2Cb=3Dc,\1host="
               (base64-decode-string (string-remove-prefix "AUTH OAUTHBEARER "
                                                           line)))))))

(ert-deftest mew-submit-oauth-tests-refreshed-once ()
  "A token that is refused is asked for once more, and no more."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer :bind mew-submit-oauth-tests--settings mew-submit-oauth-tests--user
            "127.0.0.1:0,name=x,mechs=XOAUTH2")
    (let ((script (mew-submit-oauth-tests--script
                   peer "token" "echo x >>\"$0.runs\""
                   (format "if [ \"$MEW_SUBMIT_REFRESH\" ]; then echo \"${FRESH:-%s}\"; \
else echo stale; fi" mew-submit-oauth-tests--token)))
          (runs (lambda (file) (length (mew-submit-test-octets
                                        (concat file ".runs"))))))
      (should (equal (plist-get (mew-submit-oauth-tests--run
                                 peer "x" :token-command script)
                                :result)
                     "delivered"))
      (should (= 4 (funcall runs script)))
      (should (equal (mapcar (lambda (line) (plist-get line :code))
                             (mew-submit-test-log peer "auth"))
                     '(535 235)))
      (delete-file (concat script ".runs"))
      (let* ((process-environment (cons "FRESH=bad" process-environment))
             (done (mew-submit-oauth-tests--run peer "x" :token-command script)))
        (should (equal (plist-get done :kind) "auth"))
        (should (equal (plist-get done :exit) 77))
        (should (= 4 (funcall runs script))))
      (should-not (mew-submit-test-stored peer 2)))))

(ert-deftest mew-submit-oauth-tests-failing-commands ()
  "What is wrong with a command is told, without what may be a secret."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer :bind mew-submit-oauth-tests--settings mew-submit-oauth-tests--user
            "127.0.0.1:0,name=x,mechs=XOAUTH2")
    (pcase-dolist (`(,command ,words)
                   `(("exit 3" "ended with status 3")
                     ("echo 'log in again: run token-helper' >&2; exit 1"
                      "ended with status 1: log in again: run token-helper")
                     (,(format "echo 'bad %s' >&2; exit 1"
                               mew-submit-oauth-tests--token)
                      "ended with status 1: bad")
                     ;; What a command has printed before it failed is no token.
                     (,(format "echo %s; exit 1" mew-submit-oauth-tests--token)
                      "ended with status 1")
                     ("echo; echo late" "printed no token")
                     ("true" "printed no token")
                     ("kill -9 $$" "killed by signal 9")
                     ((,(mew-submit-test-missing "program")) "No such file")
                     (("no-such-program-anywhere") "cannot be run")
                     ("printf 'a\\001b\\n'" "Forbidden character")))
      (ert-info ((format "%S" command))
        (let ((done (mew-submit-oauth-tests--run peer "x"
                                                 :token-command command)))
          (should (equal (list (plist-get done :kind) (plist-get done :result)
                               (plist-get done :exit))
                         '("auth" "refused" 77)))
          (should (string-search words (plist-get done :text)))
          (should-not (string-search "abcdefghijklmnop" (plist-get done :text))))))
    (should-not (mew-submit-test-lines peer "AUTH"))))

(ert-deftest mew-submit-oauth-tests-left-open-output ()
  "A program that the command leaves behind does not keep the token back."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer :bind mew-submit-oauth-tests--settings mew-submit-oauth-tests--user
            "127.0.0.1:0,name=x,mechs=XOAUTH2")
    (let ((pid (mew-submit-test--peer-file peer "pid")))
      (unwind-protect
          (should (equal (plist-get
                          (mew-submit-oauth-tests--run
                           peer "x" :token-command
                           (format "sleep 100 & echo $! >'%s'; echo '%s'" pid
                                   mew-submit-oauth-tests--token))
                          :result)
                         "delivered"))
        (signal-process (string-to-number (mew-submit-test-octets pid)) 'SIGKILL)))))

;;; Functions, auth-source, files

(ert-deftest mew-submit-oauth-tests-function ()
  "A function is called with user, server and whether the token was refused."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer :bind mew-submit-oauth-tests--settings mew-submit-oauth-tests--user
            "127.0.0.1:0,name=x,mechs=XOAUTH2")
    (let* ((calls nil)
           (done (mew-submit-oauth-tests--run
                  peer "x" :token-function
                  (lambda (&rest args)
                    (push args calls)
                    (if (nth 2 args) mew-submit-oauth-tests--token "stale")))))
      (should (equal (plist-get done :result) "delivered"))
      (should (equal calls '(("me@x" "127.0.0.1" t) ("me@x" "127.0.0.1" nil)))))
    (dolist (function (list #'ignore (lambda (&rest _) "") (lambda (&rest _) 5)))
      (let ((done (mew-submit-oauth-tests--run peer "x" :token-function function)))
        (should (equal (plist-get done :kind) "auth"))
        (should (string-search "returned no token" (plist-get done :text)))))
    (cl-letf (((symbol-function 'display-warning) #'ignore))
      (should (equal (plist-get (mew-submit-oauth-tests--run
                                 peer "x" :token-function
                                 (lambda (&rest _) (error "Oops")))
                                :kind)
                     "auth")))))

(ert-deftest mew-submit-oauth-tests-auth-source ()
  "A secret in auth-source is the token; a refused one is read again, not repeated."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer :bind mew-submit-oauth-tests--settings mew-submit-oauth-tests--user
            "127.0.0.1:0,name=x,mechs=XOAUTH2")
    (let* ((authinfo (mew-submit-test--peer-file peer "authinfo"))
           (auth-sources (list authinfo))
           (write (lambda (token time)
                    (mew-submit-test-write
                     authinfo (format "machine 127.0.0.1 login me@x password %s\n"
                                      token))
                    (set-file-times authinfo time))))
      (funcall write "stale" 1)
      (let ((done (mew-submit-oauth-tests--run peer "x" :auth "XOAUTH2")))
        (should (equal (plist-get done :kind) "auth"))
        (should (= 1 (length (mew-submit-test-log peer "auth")))))
      ;; Somebody writes a fresh one in between.
      (let* ((answer (symbol-function 'mew-submit-auth--answer))
             (done (cl-letf (((symbol-function 'mew-submit-auth--answer)
                              (lambda (event)
                                (when (plist-get event :refresh)
                                  (funcall write mew-submit-oauth-tests--token 2))
                                (funcall answer event))))
                     (mew-submit-oauth-tests--run peer "x" :auth "XOAUTH2"))))
        (should (equal (plist-get done :result) "delivered")))
      (let ((auth-sources nil)
            (noninteractive nil))
        (cl-letf (((symbol-function 'read-passwd) (lambda (&rest _) (ert-fail "asked"))))
          (should (string-search "mew-submit-oauth2-token-command"
                                 (plist-get (mew-submit-oauth-tests--run
                                             peer "x" :auth "XOAUTH2")
                                            :text)))))
      (should-not mew-submit-auth--given))))

(ert-deftest mew-submit-oauth-tests-batch ()
  "--token-command and --password-file give the token; no argument holds it."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer :bind mew-submit-oauth-tests--settings mew-submit-oauth-tests--user
            "127.0.0.1:0,name=x,mechs=XOAUTH2"
            "127.0.0.1:0,name=b,mechs=OAUTHBEARER")
    (let* ((token (mew-submit-test-write (mew-submit-test--peer-file peer "token")
                                         (concat mew-submit-oauth-tests--token "\n")))
           (stale (mew-submit-test-write (mew-submit-test--peer-file peer "stale")
                                         "stale.abcdefghijklmnopqrstuvw\n"))
           (run (lambda (name &rest more)
                  (mew-submit-test-batch
                   (append (list "--server" "127.0.0.1" "--ca-file"
                                 (mew-submit-test-ca peer) "--routes"
                                 (format "%d:starttls"
                                         (mew-submit-test-port peer name)))
                           more '("a@x"))
                   :input mew-submit-oauth-tests--message)))
           (refresh (format "cat \"%s${MEW_SUBMIT_REFRESH:+%s}\""
                            (file-name-directory token) "token")))
      (pcase-dolist
          (`(,name ,status . ,more)
           `(("x" 0 "--user" "me@x" "--token-command" ,(concat "cat " token))
             ("b" 0 "--user=me@x" "--auth=OAUTHBEARER"
              ,(concat "--token-command=cat " token))
             ("x" 0 "--user" "me@x" "--auth" "XOAUTH2" "--password-file" ,token)
             ("x" 77 "--user" "me@x" "--auth" "XOAUTH2" "--password-file" ,stale)
             ("x" 77 "--user" "me@x" "--token-command" "exit 1")
             ("x" 77 "--user" "me@x" "--token-command" ,refresh)
             ("x" 64 "--token-command" "true")
             ("x" 64 "--user" "me@x" "--token-command" "true" "--auth" "PLAIN")
             ("x" 64 "--user" "me@x" "--token-command" "true" "--password-file"
              ,token)))
        (ert-info ((format "%s %S" name more))
          (let ((result (apply run name "--json" more)))
            (should (= (plist-get result :status) status))
            (should (equal (plist-get result :stderr) ""))
            (dolist (form (append
                           (mew-submit-oauth-tests--forms
                            mew-submit-oauth-tests--token)
                           (mew-submit-oauth-tests--forms
                            "stale.abcdefghijklmnopqrstuvw")))
              (should-not (string-search form (plist-get result :stdout))))))))))

;;; What the server says

(ert-deftest mew-submit-oauth-tests-refusal-in-words ()
  "A refusal in JSON is put into words, and nothing else of it is shown."
  (pcase-dolist
      (`(,json ,expected)
       '(("{\"status\":\"invalid_token\",\"scope\":\"mail\",\"openid-configuration\":\
\"https://evil.example/x\"}"
          "the access token was refused: it has expired or was revoked (status \
invalid_token); it has to be for the scope mail")
         ("{\"status\":\"insufficient_scope\"}"
          "the access token was refused: it does not allow to send mail (status \
insufficient_scope)")
         ("{\"status\":\"400\",\"schemes\":\"Bearer\",\"scope\":\
\"https://mail.google.com/\"}"
          "the access token was refused: it has expired or was revoked (status 400); \
it has to be for the scope https://mail.google.com/")
         ("{\"status\":\"teapot\",\"scope\":7}"
          "the access token was refused: status teapot")
         ("{\"status\":5}") ("{}") ("{\"status\":\"inval") ("{status}")
         ("{\"scope\":\"x\"}") ("{\"status\":\"\"}")))
    (ert-info (json)
      (let ((text (format "127.0.0.1 refused the credentials (%s): 535 No" json)))
        (should (equal (mew-submit-oauth--explain text)
                       (if expected
                           (format "127.0.0.1 refused the credentials (%s): 535 No"
                                   expected)
                         text))))))
  (dolist (text '("" "(no JSON)" "({" "})" "{}"))
    (should (equal (mew-submit-oauth--explain text) text))))

(ert-deftest mew-submit-oauth-tests-refusal-from-the-server ()
  "The words reach the user, with the server's own, and without the token."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer :bind mew-submit-oauth-tests--settings mew-submit-oauth-tests--user
            "127.0.0.1:0,name=x,mechs=XOAUTH2,auth-mode=xoauth2-json"
            "127.0.0.1:0,name=b,mechs=OAUTHBEARER,auth-mode=xoauth2-json")
    (pcase-dolist (`(,name ,auth) '(("x" "XOAUTH2") ("b" "OAUTHBEARER")))
      (let* ((events nil)
             (done (mew-submit-test-run
                    (mew-submit-test-account
                     peer name :user "me@x" :auth auth :token-command
                     (format "echo '%s'" mew-submit-oauth-tests--token))
                    mew-submit-oauth-tests--message
                    :on-event (lambda (event) (push event events)))))
        (should (equal (plist-get done :kind) "auth"))
        (should (string-match-p "the access token was refused: .*(status [a-z0-9_]+)"
                                (plist-get done :text)))
        (should (string-search "535" (plist-get done :text)))
        (should-not (string-search "{" (plist-get done :text)))
        (dolist (form (mew-submit-oauth-tests--forms mew-submit-oauth-tests--token))
          (should-not (string-search form (format "%S" events))))))))

(provide 'mew-submit-oauth-tests)
;;; mew-submit-oauth-tests.el ends here
