;;; mew-submit-security-tests.el --- Tests for what no server can play -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Rows of doc/SECURITY.md that are about names, the environment, memory and Emacs, each
;; named in the docstring of its test.  test/tool/rows compares the rows with the tests.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-job)
(require 'mew-submit-test-helpers)

(defconst mew-submit-security-tests--message "From: me@x\nTo: a@x\n\nbody\n"
  "A message.")

(defun mew-submit-security-tests--source (file)
  "Return the text of FILE of the tree."
  (with-temp-buffer
    (insert-file-contents (expand-file-name file mew-submit-test-root))
    (buffer-string)))

(defun mew-submit-security-tests--arguments (peer name &rest options)
  "Return the batch command's arguments for PEER's listener NAME, with OPTIONS."
  (append options
          (list "--json" "--ca-file" (mew-submit-test-ca peer) "--fallback" "always"
                "--routes" (format "%d:starttls" (mew-submit-test-port peer name))
                "a@x")))

(defun mew-submit-security-tests--batch (peer name &rest options)
  "Send a message by the batch command to PEER's listener NAME, with OPTIONS."
  (mew-submit-test-batch
   (apply #'mew-submit-security-tests--arguments peer name options)
   :input mew-submit-security-tests--message))

;;; Names and addresses

(ert-deftest mew-submit-security-tests-local-is-not-safe ()
  "No address excuses from TLS, and the certificate has to be for what was asked for.
That holds for this machine's own, however they are written (SECURITY: M5)."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s" "[::]:0,name=six"
                                   "127.0.0.1:0,name=stripped,cap-=STARTTLS"
                                   "[::1]:0,name=stripped6,cap-=STARTTLS")
    (let ((cases '(("s" "0.0.0.0" 77) ("s" "127.0.0.1" 0) ("s" "localhost" 0)
                   ("six" "::" 77) ("six" "::1" 0)
                   ("stripped" "127.0.0.1" 77) ("stripped" "localhost" 77)
                   ("stripped" "0.0.0.0" 77) ("stripped6" "::1" 77))))
      (cl-mapc (pcase-lambda (`(,name ,server ,status) result)
                 (ert-info ((format "%s at %s: %S" name server result))
                   (should (= (plist-get result :status) status))))
               cases
               (mew-submit-test-batches
                (mapcar (pcase-lambda (`(,name ,server ,_))
                          (cons (mew-submit-security-tests--arguments
                                 peer name "--server" server)
                                mew-submit-security-tests--message))
                        cases))))
    (should-not (seq-find (lambda (event)
                            (and (equal (plist-get event :event) "line")
                                 (not (eq (plist-get event :tls) t))
                                 (string-match-p "\\`\\(AUTH\\|MAIL\\)"
                                                 (plist-get event :text))))
                          (mew-submit-test-log peer)))))

;; Only 127/8 and ::1 are this machine beyond doubt: 0.0.0.0 reaches it as well, and counts as any other address.
(ert-deftest mew-submit-security-tests-no-password-beyond-loopback ()
  "Beyond loopback a password goes through verified TLS alone, whatever the level.
\(SECURITY: A15)."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=plain,cap-=STARTTLS,mechs-clear=PLAIN+LOGIN+SCRAM-SHA-256"
                                   "127.0.0.1:0,name=othername,cert=othername"
                                   "127.0.0.1:0,name=expired,cert=expired"
                                   "127.0.0.1:0,name=unknown,cert=unknown-ca,implicit")
    (let ((send (lambda (server name tls &rest keys)
                  (mew-submit-test-run
                   (append keys
                           (list :server server :tls tls
                                 :routes (format "%d:%s" (mew-submit-test-port peer name)
                                                 (cond ((eq tls 'none) "none")
                                                       ((equal name "unknown") "implicit")
                                                       (t "starttls")))
                                 :ca-file (mew-submit-test-ca peer)
                                 :user "me" :password (copy-sequence "s3cret")))
                   mew-submit-security-tests--message))))
      (pcase-dolist (`(,name ,tls) '(("plain" none) ("plain" opportunistic)
                                     ("othername" opportunistic) ("expired" opportunistic)
                                     ("unknown" opportunistic)))
        (dolist (auth '(nil "plain" "scram-sha-256"))
          (ert-info ((format "%s %S %S" name tls auth))
            (let ((done (apply send "0.0.0.0" name tls (and auth (list :auth auth)))))
              (should (equal (plist-get done :result) "insecure"))
              (should (string-search "The password is not sent to 0.0.0.0"
                                     (plist-get done :text)))))))
      (should-not (mew-submit-test-lines peer "AUTH"))
      (should-not (mew-submit-test-lines peer "MAIL"))
      ;; It is the address: the same servers get it on this machine.
      (dolist (name '("plain" "othername"))
        (should (equal (plist-get (funcall send "127.0.0.1" name 'opportunistic) :result)
                       "delivered"))))))

(ert-deftest mew-submit-security-tests-nobody-is-asked-for-invalid-names ()
  "No resolver hears of a name below \"invalid\", which is nobody's (RFC 6761)."
  :tags '(:module)
  (skip-unless (mew-submit-test-preload-p))
  (mew-submit-test-with-directory directory
    (let ((log (expand-file-name "calls" directory)))
      (mew-submit-test-with-preload ((concat "PRELOAD_LOG=" log))
        (dolist (server '("mail.invalid" "Mail.INVALID." "invalid" "mail.invalidity"))
          (mew-submit-test-batch (list "--server" server "--timeout" "1" "a@x")
                                 :input mew-submit-security-tests--message)))
      (should (equal (delete-dups (mapcar (lambda (call) (nth 1 call))
                                          (seq-filter (lambda (call)
                                                        (equal (car call) "look-up"))
                                                      (mew-submit-test-calls log))))
                     '("mail.invalidity"))))))

(ert-deftest mew-submit-security-tests-no-proxy-from-the-environment ()
  "No variable of the environment sends mail another way (SECURITY: M7)."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s" "127.0.0.1:0,name=trap")
    (let* ((trap (format "127.0.0.1:%d" (mew-submit-test-port peer "trap")))
           (process-environment
            (append (cl-loop for variable in '("http_proxy" "https_proxy" "all_proxy"
                                               "smtp_proxy" "socks_proxy" "ftp_proxy")
                             for value = (concat "http://" trap)
                             collect (format "%s=%s" variable value)
                             collect (format "%s=%s" (upcase variable) value))
                    (list (concat "SOCKS_SERVER=" trap) (concat "SMTPSERVER=" trap)
                          (concat "RELAYHOST=" trap))
                    process-environment)))
      (should (= 0 (plist-get (mew-submit-security-tests--batch peer "s" "--server" "127.0.0.1")
                              :status)))
      (should-not (seq-find (lambda (event) (equal (plist-get event :listener) "trap"))
                            (mew-submit-test-log peer "connect"))))))

(ert-deftest mew-submit-security-tests-only-mechanisms-of-our-own ()
  "What the library could do besides is never begun, whatever a server offers (SECURITY: E23)."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "--user" "me" "--password" "s3cret"
            (concat "127.0.0.1:0,name=s,cap2-=AUTH,cap2+=AUTH GSSAPI EXTERNAL ANONYMOUS "
                    "DIGEST-MD5 CRAM-MD5 NTLM SECURID OPENID20 SAML20 KERBEROS_V5 "
                    "GS2-KRB5 OAUTHBEARER XOAUTH2"))
    (let ((done (mew-submit-test-run
                 (mew-submit-test-account peer "s" :user "me"
                                          :password (copy-sequence "s3cret"))
                 mew-submit-security-tests--message)))
      (should (equal (plist-get done :result) "insecure"))
      (should-not (mew-submit-test-lines peer "AUTH")))))

;;; Secrets

(defun mew-submit-security-tests--proc (file)
  "Return what is in FILE of /proc, for this process and its children, in one string."
  (mapconcat
   (lambda (directory)
     (condition-case nil
         (with-temp-buffer
           (set-buffer-multibyte nil)
           (insert-file-contents-literally (expand-file-name file directory))
           (buffer-string))
       (file-error "")))
   (file-expand-wildcards "/proc/[0-9]*") "\n"))

(ert-deftest mew-submit-security-tests-no-secret-in-arguments-or-files ()
  "While a password is used, it is no process' argument, in no environment, in no file.
The test server's own arguments aside (SECURITY: O2)."
  :tags '(:module)
  (skip-unless (file-directory-p "/proc/self"))
  (mew-submit-test-with-directory directory
    (let* ((secret (format "Geheim-%s" (secure-hash 'sha1 (format "%s" (current-time)))))
           (temporary-file-directory directory)
           (process-environment (cons (concat "TMPDIR=" directory) process-environment)))
      (mew-submit-test-with-peer
          (peer "--user" "me" "--password" "another" "127.0.0.1:0,name=s,auth=hold:go")
        (let ((session
               (mew-submit-parcel--submit
                (mew-submit-test-write (mew-submit-test--peer-file peer "m")
                                       mew-submit-security-tests--message)
                :account (mew-submit-test-account peer "s" :user "me" :password secret))))
          (mew-submit-test-until ("the log-in")
            (mew-submit-test-lines peer "AUTH"))
          (dolist (file '("cmdline" "environ"))
            (should-not (string-search secret (mew-submit-security-tests--proc file))))
          (dolist (file (directory-files-recursively directory "" nil))
            (unless (equal (file-name-nondirectory file) "log")
              (should-not (string-search secret (mew-submit-test-octets file)))))
          (mew-submit-test-go peer)
          (should (equal (plist-get (mew-submit-job--wait session mew-submit-test-patience)
                                    :kind)
                         "auth")))))))

(ert-deftest mew-submit-security-tests-descriptors-stay-at-home ()
  "No descriptor of a job is inherited by a program that Emacs starts (SECURITY: O11)."
  :tags '(:module)
  (skip-unless (file-directory-p "/proc/self/fdinfo"))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,mail=hold:go" "127.0.0.1:0,name=u")
    (let* ((before (directory-files "/proc/self/fd" nil "[0-9]"))
           (session
            (mew-submit-parcel--submit
             (mew-submit-test-write (mew-submit-test--peer-file peer "m")
                                    mew-submit-security-tests--message)
             :account (mew-submit-test-account peer "s"))))
      (mew-submit-test-until ("MAIL") (mew-submit-test-lines peer "MAIL"))
      (let ((new (seq-difference (directory-files "/proc/self/fd" nil "[0-9]") before)))
        (should (>= (length new) 3))    ; the socket and the job's pipe
        (dolist (fd new)
          (when-let* ((info (ignore-errors
                             (mew-submit-security-tests--source
                              (concat "/proc/self/fdinfo/" fd)))))
            (ert-info ((format "%s %s" fd (file-symlink-p (concat "/proc/self/fd/" fd))))
              (should (string-match "^flags:\t\\([0-7]+\\)" info))
              ;; O_CLOEXEC
              (should (/= 0 (logand #o2000000
                                    (string-to-number (match-string 1 info) 8))))))))
      (mew-submit-test-go peer)
      (should (equal (plist-get (mew-submit-job--wait session mew-submit-test-patience) :result)
                     "delivered")))))

;;; Emacs

(ert-deftest mew-submit-security-tests-with-module-assertions ()
  "The tests run in an Emacs that ends when the module misuses it (SECURITY: O7)."
  (skip-unless (file-readable-p "/proc/self/cmdline"))
  (should (member "-module-assertions"
                  (split-string (mew-submit-test-octets "/proc/self/cmdline") "\0"))))

(ert-deftest mew-submit-security-tests-what-the-source-must-not-have ()
  "Deadlines are on the monotonic clock (SECURITY: O13); nothing is left to a finaliser
\(SECURITY: O10); the libraries are linked dynamically, so that their mends are ours
\(SECURITY: C20)."
  (let ((net (mew-submit-security-tests--source "module/net.c")))
    (should (string-search "clock_gettime (CLOCK_MONOTONIC" net)))
  (dolist (file (directory-files (expand-file-name "module" mew-submit-test-root)
                                 t "\\.[ch]\\'"))
    (let ((text (mew-submit-security-tests--source file))
          (case-fold-search nil))
      (ert-info (file)
        (should-not (string-match-p "CLOCK_REALTIME\\|gettimeofday" text))
        (should-not (string-match-p "make_user_ptr\\|set_function_finalizer" text))
        ;; What a certificate's dates are compared with, or made of, is the time of day.
        (unless (string-match-p "/\\(?:certificate\\|served\\)\\.c\\'" file)
          (should-not (string-match-p "\\btime (NULL)" text))))))
  (should (string-match-p "GnuTLS 3\\.[0-9.]+ or later"
                          (mew-submit-security-tests--source "doc/mew-submit.org")))
  (when (executable-find "ldd")
    (let ((libraries (with-temp-buffer
                       (call-process "ldd" nil t nil
                                     (expand-file-name
                                      (concat "module/mew-submit-native" module-file-suffix)
                                      mew-submit-test-root))
                       (buffer-string))))
      (should (string-search "libgnutls.so" libraries))
      (should (string-search "libgsasl.so" libraries)))))

(defconst mew-submit-security-tests--harmless
  '(mew-submit-helo mew-submit-mode-line mew-submit-relay-size mew-submit-give-up-after
    mew-submit-retry-intervals
    mew-submit-step-timeout)
  "Settings that decide neither where mail and secrets go nor what is run.")

(ert-deftest mew-submit-security-tests-settings-are-risky ()
  "What could lead mail or a secret astray cannot be set by a file (SECURITY: O18).
Numbers and switches aside, a setting is either risky or known to be harmless."
  (dolist (file (directory-files (expand-file-name "lisp" mew-submit-test-root) t
                                 "\\`mew-submit-.*\\.el\\'"))
    (require (intern (file-name-base file)) file))
  (let (settings)
    (mapatoms (lambda (symbol)
                (when (and (string-prefix-p "mew-submit-" (symbol-name symbol))
                           (custom-variable-p symbol)
                           (not (memq (get symbol 'custom-type)
                                      '(boolean integer natnum number)))
                           (not (string-suffix-p "-mode" (symbol-name symbol)))
                           (not (string-suffix-p "-hook" (symbol-name symbol)))
                           (not (string-suffix-p "-functions" (symbol-name symbol))))
                  (push symbol settings))))
    (should (memq 'mew-submit-accounts settings))
    (should-not (seq-remove (lambda (symbol)
                              (or (risky-local-variable-p symbol)
                                  (memq symbol mew-submit-security-tests--harmless)))
                            settings))))

(ert-deftest mew-submit-security-tests-the-log-is-off ()
  "Who writes to whom about what is not noted unless the user wants it (SECURITY: O17).
There is no trace file that others could read, only a buffer (SECURITY: O5)."
  (should (eq (default-value 'mew-submit-log) nil))
  (should (string-search "*mew-submit log*"
                         (documentation-property 'mew-submit-log
                                                 'variable-documentation)))
  (should-not (string-match-p "\"w\"\\|fopen" (mew-submit-security-tests--source
                                               "module/conversation.c"))))

(ert-deftest mew-submit-security-tests-the-file-that-was-measured-is-sent ()
  "A message that is changed while it is sent is never completed; one that is replaced
or deleted is sent as it was (SECURITY: O15)."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,greeting=hold:go")
    (let ((file (mew-submit-test--peer-file peer "m")))
      (dolist (change (list (lambda ()
                              (write-region "more\n" nil file t 'silent))
                            (lambda ()
                              (write-region "" nil file nil 'silent))))
        (mew-submit-test-write file mew-submit-security-tests--message)
        (let ((session (mew-submit-parcel--submit
                        file :account (mew-submit-test-account peer "s"))))
          (mew-submit-test-until ("the connection")
            (plist-get (mew-submit-job-course session) :attempts))
          (funcall change)
          (mew-submit-test-go peer)
          (should (equal (plist-get (mew-submit-job--wait session mew-submit-test-patience) :kind)
                         "message"))
          (mew-submit-test-halt peer)))
      (should-not (mew-submit-test-stored peer))
      (mew-submit-test-write file mew-submit-security-tests--message)
      (let ((session (mew-submit-parcel--submit
                      file :account (mew-submit-test-account peer "s"))))
        (mew-submit-test-until ("the connection")
          (plist-get (mew-submit-job-course session) :attempts))
        (delete-file file)
        (mew-submit-test-write file "From: x@x\n\nSomething else.\n")
        (mew-submit-test-go peer)
        (should (equal (plist-get (mew-submit-job--wait session mew-submit-test-patience) :result)
                       "delivered")))
      (should (equal (mew-submit-test-stored peer)
                     (string-replace "\n" "\r\n" mew-submit-security-tests--message))))))

(ert-deftest mew-submit-security-tests-no-internal-coding-on-the-wire ()
  "What goes into a command is UTF-8 or refused, never Emacs' own coding (SECURITY: O16)."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s")
    (let ((account (mew-submit-test-account peer "s")))
      (dolist (recipient (list (concat "a" (string #x3fff80) "@x") "a\u2028b@x"
                               (concat "a" (string #x110000) "@x")))
        (should-error (mew-submit-test-run account mew-submit-security-tests--message
                                           :recipients (list recipient))
                      :type 'mew-submit-message))
      (should (equal (plist-get (mew-submit-test-run
                                 account mew-submit-security-tests--message
                                 :recipients '("grüße@x"))
                                :result)
                     "delivered"))
      (should (equal (mew-submit-test-envelope peer)
                     (list (car (mew-submit-test-envelope peer))
                           "gr\u00c3\u00bc\u00c3\u009fe@x")))
      (should-not (mew-submit-test-violations peer)))))

(provide 'mew-submit-security-tests)
;;; mew-submit-security-tests.el ends here
