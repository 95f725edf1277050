;;; mew-submit-tls-tests.el --- Tests for TLS settings and pins -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-pin)
(require 'mew-submit-test-helpers)
(require 'mew-submit-way)

(defconst mew-submit-tls-tests--message "From: me@x\nTo: a@x\n\nbody\n"
  "A message.")

(defun mew-submit-tls-tests--run (peer name &rest keys)
  "Send a message to PEER's listener NAME by an account with KEYS."
  (mew-submit-test-run (apply #'mew-submit-test-account peer name keys)
                       mew-submit-tls-tests--message))

(defun mew-submit-tls-tests--result (peer name &rest keys)
  "Return (RESULT EXIT-STATUS) of a message to PEER's listener NAME with KEYS."
  (let ((done (apply #'mew-submit-tls-tests--run peer name keys)))
    (list (plist-get done :result) (plist-get done :exit))))

;;; The port

(ert-deftest mew-submit-tls-tests-port-that-wants-starttls ()
  "Who asks for TLS at once where STARTTLS is wanted is told so."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=starttls"
                                   "127.0.0.1:0,name=old,implicit,tls-versions=1.1")
    (cl-flet ((run (name)
                (mew-submit-tls-tests--run
                 peer name :routes (format "%d:implicit" (mew-submit-test-port peer name)))))
      (let ((done (run "starttls")))
        (should (equal (plist-get done :result) "insecure"))
        (should (equal (plist-get done :about) "starttls"))
        (should (string-match-p "wants STARTTLS" (mew-submit-report--advice done))))
      (let ((done (run "old")))
        (should (equal (plist-get done :result) "insecure"))
        (should-not (plist-get done :about))))))

(ert-deftest mew-submit-tls-tests-port-that-waits-for-tls ()
  "Who asks for STARTTLS at 465 where TLS begins at once is told so, and soon.
A server that greets late there finds its conversation as it was."
  :tags '(:module)
  (skip-unless (mew-submit-test-port-p 465))
  (mew-submit-test-with-peer
      (peer (format "%s:465,name=implicit,implicit" (mew-submit-test-address 1))
            (format "%s:465,name=late,noauth,1:greeting=hold:go" (mew-submit-test-address 2)))
    (cl-flet ((account (number name)
                (mew-submit-test-account peer name :server (mew-submit-test-address number)
                                         :tls-name "localhost" :routes "465:starttls"
                                         :step-timeout 8)))
      (let ((done (mew-submit-test-run (account 1 "implicit") mew-submit-tls-tests--message)))
        (should (equal (plist-get done :result) "insecure"))
        (should (equal (plist-get done :about) "implicit"))
        (should (string-match-p "PORT:implicit" (mew-submit-report--advice done)))
        (should (string-match-p "waits for TLS at once at port 465"
                                (mew-submit-report--reason done)))
        ;; No handshake to the end: the key of a client certificate signs for nobody.
        (mew-submit-test-until ("the server to see the end of the handshake")
          (mew-submit-test-log peer "tls-failed"))
        (should-not (mew-submit-test-log peer "tls")))
      (mew-submit-test-with-directory directory
        (let ((session (mew-submit-parcel--submit
                        (mew-submit-test-write (expand-file-name "message" directory)
                                               mew-submit-tls-tests--message)
                        :account (account 2 "late"))))
          (mew-submit-test-until ("it to be asked for TLS")
            (nth 1 (seq-filter (lambda (connect)
                                 (equal (plist-get connect :listener) "late"))
                               (mew-submit-test-log peer "connect"))))
          (mew-submit-test-go peer)
          (should (equal (plist-get (mew-submit-job--wait session mew-submit-test-patience)
                                    :result)
                         "delivered")))))))

(ert-deftest mew-submit-tls-tests-any-port-may-wait-for-tls ()
  "Where nothing was said at another port it is named what that may be for."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=implicit,implicit"
                                   "127.0.0.1:0,name=half,greeting=reply:220 hell\\c,ehlo=stall")
    (cl-flet ((text (name)
                (plist-get (mew-submit-test-run
                            (mew-submit-test-account peer name :step-timeout 1)
                            mew-submit-tls-tests--message)
                           :text)))
      (should (string-match-p (format "for TLS at once, say %d:implicit"
                                      (mew-submit-test-port peer "implicit"))
                              (text "implicit")))
      (should-not (string-search "TLS at once" (text "half"))))))

(defun mew-submit-tls-tests--token (directory cert key)
  "Put CERT and KEY, files, into a token made in DIRECTORY.
Return the variable that leads to it, and its URL.  The PIN is 4711."
  (let* ((conf (mew-submit-test-write
                (expand-file-name "softhsm.conf" directory)
                (format "directories.tokendir = %s\nobjectstore.backend = file\n" directory)))
         (process-environment (cons (concat "SOFTHSM2_CONF=" conf) process-environment))
         (write '("p11tool" "--login" "--set-pin" "4711" "--label" "it" "--write")))
    (pcase-dolist (`(,program . ,arguments)
                   `(("softhsm2-util" "--init-token" "--free" "--label" "mail"
                      "--so-pin" "8080" "--pin" "4711")
                     (,@write "--load-privkey" ,key "pkcs11:token=mail")
                     (,@write "--load-certificate" ,cert "pkcs11:token=mail")))
      (should (eql 0 (apply #'call-process program nil nil nil arguments))))
    (list (car process-environment) "pkcs11:token=mail;object=it;type=")))

(ert-deftest mew-submit-tls-tests-refused-in-the-clear-with-a-token ()
  "A key in a token, whose handshake is made apart, hides no refusal before TLS."
  :tags '(:module)
  (skip-unless (and (executable-find "softhsm2-util") (executable-find "p11tool")))
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=busy,implicit,tls=plaintext:421 4.3.2 Too many connections")
    (mew-submit-test-with-directory directory
      (pcase-let* ((certs (plist-get (mew-submit-test-peer-ready peer) :certs))
                   (`(,setting ,url) (mew-submit-tls-tests--token
                                      directory (expand-file-name "good.pem" certs)
                                      (expand-file-name "good.key" certs)))
                   (process-environment (cons setting process-environment))
                   (result (mew-submit-test-batch
                            (list "--server" "127.0.0.1" "--routes"
                                  (format "%s:implicit" (mew-submit-test-port peer "busy"))
                                  "--ca-file" (mew-submit-test-ca peer) "--from" "me@x"
                                  "--cert-file" (concat url "cert")
                                  "--key-file" (concat url "private?pin-value=4711") "a@x")
                            :input mew-submit-tls-tests--message)))
        (should (string-search "421 4.3.2 Too many connections" (plist-get result :stderr)))
        (should (eql (plist-get result :status) 75))))))

;; It was told as a port that wants STARTTLS, and never sent again.
(ert-deftest mew-submit-tls-tests-stopped-at-a-refusal-in-the-clear ()
  "A message that is stopped while a server still says no before TLS is stopped."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=half,implicit,tls=plaintext:421-4.3.2 Too many")
    (mew-submit-test-with-directory directory
      (let ((session (mew-submit-parcel--submit
                      (mew-submit-test-write (expand-file-name "message" directory)
                                             mew-submit-tls-tests--message)
                      :account (mew-submit-test-account
                                peer "half" :routes (format "%s:implicit"
                                                            (mew-submit-test-port peer "half"))))))
        (mew-submit-test-until ("half of the refusal")
          (mew-submit-test-log peer "stall"))
        (mew-submit-job--cancel session)
        (let ((done (mew-submit-job--wait session mew-submit-test-patience)))
          (should (equal (plist-get done :kind) "cancelled"))
          (should-not (plist-get done :about)))))))

;;; Versions, names, files

(ert-deftest mew-submit-tls-tests-minimum-and-priority ()
  "The least version holds whatever the priority string is, and wrong ones are told."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=old,tls-versions=1.2"
                                   "127.0.0.1:0,name=new")
    (pcase-dolist (`(,name ,version . ,keys)
                   '(("old" "TLS1.2") ("old" "TLS1.2" :tls-minimum "1.2")
                     ("new" "TLS1.3") ("new" "TLS1.3" :tls-minimum "1.3")
                     ("new" "TLS1.2" :tls-priority "NORMAL:-VERS-TLS1.3")
                     ("new" "TLS1.3" :tls-priority "NORMAL" :tls-minimum "1.3")))
      (ert-info ((format "%s %S" name keys))
        (let ((done (apply #'mew-submit-tls-tests--run peer name keys)))
          (should (equal (plist-get done :result) "delivered"))
          (should (equal (plist-get (plist-get done :tls) :version) version)))))
    (pcase-dolist (`(,result ,status . ,keys)
                   '(("insecure" 77 :tls-minimum "1.3")
                     ("insecure" 77 :tls-minimum "1.3" :tls-priority "NORMAL")
                     ("refused" 78 :tls-priority "NONSENSE:+X")))
      (ert-info ((format "%S" keys))
        (should (equal (apply #'mew-submit-tls-tests--result peer "old" keys)
                       (list result status)))))
    (dolist (keys '((:tls-minimum "1.1") (:tls-minimum "TLS1.3")
                    (:tls-minimum 1.3)))
      (should-error (apply #'mew-submit-tls-tests--run peer "new" keys)
                    :type 'mew-submit-config))))

(ert-deftest mew-submit-tls-tests-name ()
  "The certificate has to have the name that the account says, and SNI says it."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (should (equal (mew-submit-tls-tests--result peer "ok" :tls-name
                                                 "SMTP.example.org")
                   '("delivered" 0)))
    (should (equal (downcase (plist-get (car (mew-submit-test-log peer "tls")) :sni))
                   "smtp.example.org"))
    (let ((done (mew-submit-tls-tests--run peer "ok" :tls-name
                                           "mail.example.org")))
      (should (equal (plist-get done :result) "insecure"))
      (should (string-search "mail.example.org" (plist-get done :text))))
    (should-error (mew-submit-tls-tests--run peer "ok" :tls-name "a b")
                  :type 'mew-submit-message)))

(ert-deftest mew-submit-tls-tests-files ()
  "A directory of authorities, a client certificate, and what cannot be read."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,request-client-cert")
    (let* ((directory (mew-submit-test--peer-file peer "cas"))
           (certs (plist-get (mew-submit-test-peer-ready peer) :certs))
           (cert (expand-file-name "good.pem" certs))
           (key (expand-file-name "good.key" certs))
           (both (mew-submit-test-write
                  (mew-submit-test--peer-file peer "both.pem")
                  (concat (mew-submit-test-octets cert)
                          (mew-submit-test-octets key))))
           (missing (mew-submit-test-missing "x.pem"))
           (counts (lambda ()
                     (mapcar (lambda (line)
                               (plist-get line :client_certificates))
                             (mew-submit-test-log peer "tls")))))
      (make-directory directory)
      (copy-file (mew-submit-test-ca peer) (expand-file-name "x.pem" directory))
      (should (equal (mew-submit-tls-tests--result peer "ok" :ca-file directory)
                     '("delivered" 0)))
      (should (equal (mew-submit-tls-tests--result peer "ok" :cert-file cert
                                                   :key-file key)
                     '("delivered" 0)))
      (should (equal (mew-submit-tls-tests--result peer "ok" :cert-file both)
                     '("delivered" 0)))
      (let ((sent (funcall counts)))
        (should (zerop (nth 0 sent)))
        (should (< 0 (nth 1 sent)))
        (should (< 0 (nth 2 sent))))
      (should (equal (mew-submit-tls-tests--result peer "ok" :cert-file key
                                                   :key-file cert)
                     '("refused" 78)))
      (dolist (keys `((:cert-file ,missing) (:key-file ,key)
                      (:cert-file ,directory) (:crl-file ,directory)
                      (:cert-file ,cert :key-file ,missing)
                      (:ca-file ,missing)))
        (ert-info ((format "%S" keys))
          (should-error (apply #'mew-submit-tls-tests--run peer "ok" keys)
                        :type 'mew-submit-config)))
                               (should (equal (plist-get (mew-submit-way--tls
                                 '(:cert-file "pkcs11:token=x;object=y"
                                              :key-file "pkcs11:token=x;type=private")
                                 "h" '(587))
                                :cert-file)
                     "pkcs11:token=x;object=y")))))

(ert-deftest mew-submit-tls-tests-external ()
  "EXTERNAL needs no user and no password: the client certificate says who it is."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "--user" "me" "--password" "s3cret"
            "127.0.0.1:0,name=ok,request-client-cert,mechs=EXTERNAL")
    (let* ((certs (plist-get (mew-submit-test-peer-ready peer) :certs))
           (done (mew-submit-tls-tests--run
                  peer "ok" :auth "EXTERNAL"
                  :cert-file (expand-file-name "good.pem" certs)
                  :key-file (expand-file-name "good.key" certs))))
      (should (string-prefix-p "AUTH EXTERNAL"
                               (car (mew-submit-test-lines peer "AUTH"))))
      (should (member (plist-get done :kind) '("ok" "auth"))))
    ;; Without it nobody is asked for a password, or told of one.
    (let ((done (mew-submit-tls-tests--run peer "ok" :auth "EXTERNAL")))
      (should (equal (plist-get done :kind) "auth"))
      (should (equal (plist-get done :about) "client-certificate"))
      (should (string-search ":cert-file" (mew-submit-report--advice done)))
      (should-not (string-search "password" (mew-submit-report--reason done)))
      (should-not (mew-submit-refusal--secret-p done)))
    ;; An account that wants another mechanism never goes without a user.
    (should-error (mew-submit-tls-tests--run peer "ok" :auth "PLAIN")
                  :type 'mew-submit-config)))

(ert-deftest mew-submit-tls-tests-a-certificate-is-wanted-at-any-step ()
  "A server that misses our certificate at the log-in or at MAIL wants no password."
  :tags '(:module)
  (dolist (step '("auth-end=reply:530 5.7.0" "auth-end=reply:535 5.7.8"
                  "auth-end=reply:454 4.7.0" "mail=reply:530 5.7.0"))
    (ert-info (step)
      (mew-submit-test-with-peer
          (peer "--user" "me" "--password" "s3cret"
                (format "127.0.0.1:0,name=ok,%s No client certificate presented" step))
        (let ((done (mew-submit-tls-tests--run peer "ok" :user "me" :password "s3cret")))
          (should (equal (plist-get done :about) "client-certificate"))
          (should (string-search ":cert-file" (mew-submit-report--advice done)))
          (should-not (string-search "password" (mew-submit-report--reason done)))
          (should-not (mew-submit-refusal--secret-p done)))))))

(ert-deftest mew-submit-tls-tests-server-does-not-see-tls ()
  "Who asks for TLS inside verified TLS is told as one that does not see it."
  :tags '(:module)
  (dolist (reply '("530 5.7.0 Must issue a STARTTLS command first"
                   "538 5.7.11 Encryption required for requested authentication mechanism"))
    (mew-submit-test-with-peer
        (peer (concat "127.0.0.1:0,name=ok,noauth,mail=reply:" reply)
              (concat "127.0.0.1:0,name=plain,plain,noauth,mail=reply:" reply))
      (let ((done (mew-submit-tls-tests--run peer "ok")))
        (should (eq (plist-get done :cause) 'auth-needs-tls))
        (should (string-search "does not see" (mew-submit-refusal--meaning done)))
        (should (string-search "Nothing has to be changed here"
                               (mew-submit-report--advice done))))
      (let ((done (mew-submit-tls-tests--run peer "plain" :tls 'none)))
        (should (eq (plist-get done :cause) 'auth-needs-tls))
        (should-not (plist-get done :detail))))))

(ert-deftest mew-submit-tls-tests-a-certificate-is-wanted-inside-tls ()
  "A server that misses our certificate and says so inside TLS can encrypt."
  :tags '(:module)
  (dolist (words '("No client certificate presented" "Client certificate not trusted"))
    (mew-submit-test-with-peer
        (peer (concat "127.0.0.1:0,name=ok,ehlo2=reply:421 4.7.1 smtp Error: " words))
      (let* ((done (mew-submit-tls-tests--run peer "ok" :auth nil))
             (told (mew-submit-report--done done)))
        (should (equal (plist-get done :kind) "deferred"))
        (should (string-search words told))
        (should (string-search ":cert-file" told))
        (should-not (string-search "encrypt" told))))))

(ert-deftest mew-submit-tls-tests-batch ()
  "The options do what the account's keys do."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=ok,request-client-cert"
            "127.0.0.1:0,name=old,tls-versions=1.2")
    (let* ((certs (plist-get (mew-submit-test-peer-ready peer) :certs))
           (cert (expand-file-name "good.pem" certs))
           (key (expand-file-name "good.key" certs))
           (run (lambda (name &rest more)
                  (plist-get
                   (mew-submit-test-batch
                    (append (list "--server" "127.0.0.1" "--ca-file"
                                  (mew-submit-test-ca peer) "--routes"
                                  (format "%d:starttls"
                                          (mew-submit-test-port peer name)))
                            more '("a@x"))
                    :input mew-submit-tls-tests--message)
                   :status))))
      (should (= 0 (funcall run "ok" "--cert-file" cert "--key-file" key
                            "--tls-minimum" "1.3" "--server-name" "localhost"
                            "--tls-priority" "NORMAL")))
      (should (< 0 (plist-get (car (mew-submit-test-log peer "tls"))
                              :client_certificates)))
      (should (= 77 (funcall run "old" "--tls-minimum" "1.3")))
      (should (= 77 (funcall run "ok" "--server-name" "other.example.org")))
      (should (= 78 (funcall run "ok" "--tls-priority" "X")))
      (should (= 78 (funcall run "ok" "--cert-file" (mew-submit-test-missing "cert.pem"))))
      (should (= 64 (funcall run "ok" "--key-file" key)))
      (should (= 64 (funcall run "ok" "--tls-minimum" "1.1"))))))

;;; Pins

(defmacro mew-submit-tls-tests--with-answer (answer questions &rest body)
  "Run BODY with ANSWER to `yes-or-no-p'; QUESTIONS is bound to those asked."
  (declare (indent 2))
  `(let ((mew-submit-pins nil)
         (,questions nil))
     (cl-letf (((symbol-function 'yes-or-no-p)
                (lambda (prompt) (push prompt ,questions) ,answer))
               ((symbol-function 'customize-save-variable)
                (lambda (variable value &rest _) (set variable value))))
       ,@body)))

(ert-deftest mew-submit-tls-tests-port-443 ()
  "SECURITY: S10.  At the web's port smtp is chosen by ALPN, or nothing is said there."
  (skip-unless (mew-submit-test-port-p 443))
  (let* ((place (lambda (number words)
                  (format "%s:443,implicit,noauth%s" (mew-submit-test-address number)
                          words))))
    (mew-submit-test-with-peer (peer (funcall place 1 ",name=mail,alpn=smtp")
                                     (funcall place 2 ",name=web,alpn=http/1.1")
                                     (funcall place 3 ",name=old")
                                     "127.0.0.1:0,name=other,implicit,noauth,alpn=smtp")
      (pcase-dolist (`(,host ,port ,kind ,alpn)
                     `((,(mew-submit-test-address 1) 443 "ok" "smtp")
                       ;; A web server breaks off, or does not know of ALPN.
                       (,(mew-submit-test-address 2) 443 "tls" nil)
                       (,(mew-submit-test-address 3) 443 "tls" nil)
                       ;; Nowhere else is anything to be told apart.
                       ("127.0.0.1" ,(mew-submit-test-port peer "other") "ok" nil)))
        (ert-info ((format "%s:%d" host port))
          (let* ((sessions (length (mew-submit-test-log peer "tls")))
                 (done (mew-submit-test-run
                        (list :server host :tls-name "localhost"
                              :ca-file (mew-submit-test-ca peer)
                              :routes (format "%d:implicit" port))
                        "From: me@x\nTo: a@x\n\nbody\n")))
            (should (equal kind (plist-get done :kind)))
            (should (equal alpn (plist-get (nth sessions (mew-submit-test-log peer "tls"))
                                           :alpn)))
            (unless (equal kind "ok")
              (should (string-search "no mail server but one of the web"
                                     (plist-get done :text)))
              (should-not (seq-some (lambda (line)
                                      (member (plist-get line :listener) '("web" "old")))
                                    (mew-submit-test-log peer "line"))))))))))

(ert-deftest mew-submit-tls-tests-pin ()
  "A pin is for one account, server and port, and can be taken back.
While mail is sent none is offered (SECURITY: D25)."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=self,cert=self-signed"
                                   "127.0.0.1:0,name=other,cert=self-signed"
                                   "127.0.0.1:0,name=expired,cert=expired")
    (mew-submit-tls-tests--with-answer t questions
      (let* ((account (lambda (name)
                        (mew-submit-test-account peer name :name "home")))
             (send (lambda (account)
                     (mew-submit-test-run account mew-submit-tls-tests--message)))
             (mew-submit-accounts (list (funcall account "self")))
             (port (mew-submit-test-port peer "self")))
        ;; While sending nothing is asked, and the command is named.
        (let ((done (funcall send (funcall account "self"))))
          (should (equal (plist-get done :result) "insecure"))
          (should (equal (plist-get done :exit) 77))
          (should (string-match-p "signed by nobody but itself.*\
M-x mew-submit-pin-certificate" (plist-get done :text)))
          (should (string-search "mew-submit-pin-certificate"
                                 (mew-submit-report--done done)))
          (should-not questions))
        (mew-submit-pin-certificate "home")
        (should (= (length questions) 1))
        ;; The window goes back to what was there.
        (should-not (get-buffer-window "*mew-submit certificate*"))
        (let ((fingerprint (nth 3 (car mew-submit-pins))))
          (should (equal mew-submit-pins
                         (list (list "home" "127.0.0.1" port fingerprint))))
          (should (string-match-p "\\`sha256:[0-9a-f]\\{64\\}\\'" fingerprint))
          (with-current-buffer "*mew-submit certificate*"
            (dolist (text (list "Subject" "Issuer" "Valid from" "Valid until"
                                "127.0.0.1" (number-to-string port)
                                "signed by nobody but itself"
                                (mew-submit-pin--colons fingerprint)))
              (should (string-search text (buffer-string)))
              (should-not (equal text "")))
            (should (string-match-p "Valid until +20[0-9-]+T" (buffer-string)))
            (should (string-match-p "Names +smtp\\.example\\.org"
                                    (buffer-string))))
          (dolist (text (list "home" "127.0.0.1" (mew-submit-pin--colons fingerprint)))
            (should (string-search text (car questions))))
          ;; A terminal of 24 lines shows all of it.
          (should (< (length (car questions)) (* 4 79))))
        (let ((done (funcall send (funcall account "self"))))
          (should (equal (plist-get done :result) "delivered"))
          (should (eq (plist-get (plist-get done :tls) :pinned) t))
          (should (string-search "certificate pinned"
                                 (mew-submit-report--done done))))
        ;; Not for another port, another account, another certificate.
        (dolist (account (list (funcall account "other")
                               (append '(:name "work") (funcall account "self"))
                               (append '(:name nil) (funcall account "self"))
                               (funcall account "expired")))
          (should (equal (plist-get (funcall send account) :result) "insecure")))
        (let ((mew-submit-pins
               (list (list "home" "127.0.0.1"
                           (mew-submit-test-port peer "expired")
                           (nth 3 (car mew-submit-pins))))))
          (should (equal (plist-get (funcall send (funcall account "expired"))
                                    :result)
                         "insecure")))
        ;; Nor for any, where it says for none.
        (let ((mew-submit-pins (list (seq-take (car mew-submit-pins) 3))))
          (should (eq 'mew-submit-config
                      (car (should-error (funcall send (funcall account "self"))
                                         :type 'mew-submit-config)))))
        ;; The pin counts, whatever check the certificate fails.
        (should (equal (plist-get (funcall send (append '(:tls-name "other.example")
                                                        (funcall account "self")))
                                  :result)
                       "delivered"))
        (mew-submit-unpin-certificate (car mew-submit-pins))
        (should-not mew-submit-pins)
        (should (equal (plist-get (funcall send (funcall account "self")) :result)
                       "insecure"))
        (should-not (mew-submit-test-stored peer 3))))))

(ert-deftest mew-submit-tls-tests-pins-that-are-none ()
  "Pins that make no sense count nowhere, are in nobody's way, and can be taken back."
  (mew-submit-tls-tests--with-answer t questions
    (let ((bad '((nil "h" "587" "sha256:00") odd ("h" 587))))
      (setq mew-submit-pins (append bad '((nil "h" 587 "sha256:11"))))
      (should (equal (mew-submit-way--pins nil "h" '(465 587)) '((587 . "sha256:11"))))
      (mew-submit-way--add-pin '(nil "h" 465 "sha256:22"))
      (dolist (pin bad)
        (cl-letf (((symbol-function 'completing-read)
                   (lambda (_prompt pins &rest _) (car (rassoc pin pins)))))
          (call-interactively #'mew-submit-unpin-certificate)))
      (should (equal mew-submit-pins '((nil "h" 465 "sha256:22") (nil "h" 587 "sha256:11")))))))

(ert-deftest mew-submit-tls-tests-pin-by-server ()
  "Who names a server pins for the account that has it, be it its second one."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=first,cert=self-signed"
                                   "127.0.0.1:0,name=second,cert=self-signed")
    (mew-submit-tls-tests--with-answer t questions
      (let* ((second (mew-submit-test-account peer "second" :server "localhost"))
             (first (mew-submit-test-account peer "first" :name "home"))
             (place (lambda () (seq-take (car mew-submit-pins) 3)))
             (mew-submit-accounts (list (append (list :servers (list second)) first))))
        (should (equal (mew-submit-pin--names) '("home" "127.0.0.1" "localhost")))
        (pcase-dolist (`(,name ,server ,peer-name)
                       `(("home" "127.0.0.1" "first") ("127.0.0.1" "127.0.0.1" "first")
                         ("localhost" "localhost" "second")
                         (,(mew-submit-account--other-server first second)
                          "localhost" "second")))
          (setq mew-submit-pins nil)
          (mew-submit-pin-certificate name)
          (should (equal (funcall place)
                         (list "home" server (mew-submit-test-port peer peer-name)))))
        (should (= (length questions) 4))))))

(ert-deftest mew-submit-tls-tests-pinning-sends-nothing ()
  "The look at a certificate logs nobody in and sends no mail, nor in the clear."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "--user" "me" "--password" "s3cret"
            "127.0.0.1:0,name=self,cert=self-signed"
            "127.0.0.1:0,name=good" "127.0.0.1:0,name=stripped,cap-=STARTTLS"
            "127.0.0.1:0,name=shut,refused")
    (mew-submit-tls-tests--with-answer nil questions
      (let ((mew-submit-accounts
             (mapcar (lambda (name)
                       (mew-submit-test-account
                        peer name :name name :user "me" :tls 'opportunistic))
                     '("self" "good" "stripped" "shut"))))
        (mew-submit-pin-certificate "self")
        (should (= (length questions) 1))
        (should-not mew-submit-pins)
        ;; What is verified needs no pin.
        (mew-submit-pin-certificate "good")
        (should (= (length questions) 1))
        (dolist (name '("stripped" "shut"))
          (let ((err (should-error (mew-submit-pin-certificate name)
                                   :type 'user-error)))
            (should (string-match-p "No certificate was seen" (cadr err)))))
        (should-error (mew-submit-pin-certificate "no-such-host.invalid")
                      :type 'user-error)
        (should (equal (should-error (mew-submit-pin-certificate " "))
                       '(user-error "No account or server was named")))
        (should (equal (should-error (mew-submit-unpin-certificate nil))
                       '(user-error "No certificate was named")))
        (should-not mew-submit-pins))
      (should-not (seq-remove (lambda (line)
                                (string-match-p "\\`\\(EHLO\\|STARTTLS\\|QUIT\\)"
                                                line))
                              (mew-submit-test-lines peer)))
      (should-not (mew-submit-test-violations peer)))))

(ert-deftest mew-submit-tls-tests-pin-that-cannot-be-saved ()
  "Where nothing can be saved a pin is for the session, and that is said."
  (let ((mew-submit-pins nil)
        (pin '("a" "mail.example.org" 587 "sha256:00"))
        said)
    (cl-letf (((symbol-function 'customize-save-variable)
               (lambda (&rest _) (error "Cannot save customizations")))
              ((symbol-function 'message)
               (lambda (format &rest args)
                 (setq said (and format (apply #'format format args))))))
      (mew-submit-way--add-pin pin)
      (should (equal mew-submit-pins (list pin)))
      (should (string-search "until you leave Emacs" said))
      (mew-submit-way--remove-pin pin)
      (should-not mew-submit-pins))))

(ert-deftest mew-submit-tls-tests-pin-counts-at-its-port-alone ()
  "Of a plan's ports only that of the pin takes the certificate."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a,cert=self-signed"
                                   "127.0.0.1:0,name=b,cert=self-signed"
                                   "127.0.0.1:0,name=shut,refused")
    (mew-submit-tls-tests--with-answer t questions
      (let* ((account
              (lambda (&rest names)
                (list :server "127.0.0.1" :name "home" :fallback 'always
                      :ca-file (mew-submit-test-ca peer)
                      :routes (mapconcat
                               (lambda (name)
                                 (format "%d:starttls"
                                         (mew-submit-test-port peer name)))
                               names ","))))
             (send (lambda (&rest names)
                     (plist-get (mew-submit-test-run
                                 (apply account names)
                                 mew-submit-tls-tests--message)
                                :result)))
             (mew-submit-accounts (list (funcall account "a" "b"))))
        (mew-submit-pin-certificate "home")
        (should (equal (nth 2 (car mew-submit-pins))
                       (mew-submit-test-port peer "a")))
        (should (equal (funcall send "a" "b") "delivered"))
        (should (equal (funcall send "b" "a") "insecure"))
        (should (equal (funcall send "shut" "b" "a") "insecure"))
        (should (equal (funcall send "shut" "a" "b") "delivered"))
        ;; Each port has its own.
        (setq mew-submit-accounts (list (funcall account "b")))
        (mew-submit-pin-certificate "home")
        (should (= (length mew-submit-pins) 2))
        (should (equal (funcall send "b" "a") "delivered"))))))

(ert-deftest mew-submit-tls-tests-every-reason-is-told ()
  "Where more than one thing is wrong with a certificate, all of it is said."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=expired,cert=expired")
    (let ((done (mew-submit-test-run
                 (mew-submit-test-account peer "expired" :tls-name "other.example")
                 mew-submit-tls-tests--message)))
      (should (equal (plist-get done :result) "insecure"))
      (should (string-match-p "it expired [0-9]+ days? ago ([-0-9]+); it was \
issued for smtp\\.example\\.org, .*, not for other\\.example\\."
                              (plist-get done :text))))))

(ert-deftest mew-submit-tls-tests-pin-does-not-undo-a-revocation ()
  "What its issuer has called back is refused, pinned or not."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=revoked,cert=revoked")
    (mew-submit-tls-tests--with-answer t questions
      (let* ((crl (plist-get (mew-submit-test-peer-ready peer) :crl))
             (strict (mew-submit-test-account peer "revoked" :name "home"
                                              :crl-file crl))
             (mew-submit-accounts
              ;; Another name, so that there is something to pin.
              (list (append '(:tls-name "other.example" :crl-file nil) strict))))
        (mew-submit-pin-certificate "home")
        (should (= (length mew-submit-pins) 1))
        (let ((done (mew-submit-test-run (car mew-submit-accounts)
                                         mew-submit-tls-tests--message)))
          (should (equal (plist-get done :result) "delivered"))
          (should (plist-get (plist-get done :tls) :pinned)))
        (let ((done (mew-submit-test-run strict mew-submit-tls-tests--message)))
          (should (equal (plist-get done :result) "insecure"))
          (should (string-search "revoked" (plist-get done :text))))
        (should-not (mew-submit-test-stored peer 2))))))

(ert-deftest mew-submit-tls-tests-pin-replaces ()
  "There is one pin for a place; another one replaces it."
  (mew-submit-tls-tests--with-answer t questions
                                     (mew-submit-way--add-pin '("a" "h" 587 "sha256:1"))
                                     (mew-submit-way--add-pin '("a" "h" 25 "sha256:2"))
                                     (mew-submit-way--add-pin '("a" "h" 587 "sha256:3"))
    (should (equal mew-submit-pins '(("a" "h" 587 "sha256:3")
                                     ("a" "h" 25 "sha256:2"))))
                                     (should (equal (mew-submit-way--pins "a" "h" '(587 465 25))
                   '((587 . "sha256:3") (25 . "sha256:2"))))
                                     (should-not (mew-submit-way--pins "a" "h" '(465)))
                                     (should-not (mew-submit-way--pins nil "h" '(587)))
    (should-error (mew-submit-unpin-certificate '("a" "h" 465 "sha256:3"))
                  :type 'user-error)
    (should-not questions)))

(defun mew-submit-tls-tests--system-trust (bundle)
  "Send four messages while BUNDLE, the system's trust, changes; return their results."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth")
    (let ((ours (mew-submit-test-octets (mew-submit-test-ca peer)))
          (others (mew-submit-test-octets bundle))
          (send (lambda ()
                  (plist-get (mew-submit-test-run
                              (plist-put (mew-submit-test-account peer "ok") :ca-file nil)
                              "From: me@x\nTo: a@x\n\nbody\n")
                             :result))))
      (list (funcall send)
            (progn (mew-submit-test-write bundle (concat others ours))
                   (funcall send))
            (funcall send)
            (progn (mew-submit-test-write bundle others)
                   (funcall send))))))

(ert-deftest mew-submit-tls-tests-system-trust-changes ()
  "The system's trust is shared by all, and a change of it is noticed at once.
\(SECURITY: D28)."
  :tags '(:module)
  (let ((system "/etc/ssl/certs/ca-certificates.crt"))
    (skip-unless (file-readable-p system))
    (mew-submit-test-with-directory directory
      (let ((bundle (expand-file-name "bundle" directory)))
        (copy-file system bundle)
        (should (equal (mew-submit-test-in-network
                        (format "mount --bind %s %s" bundle system) "mew-submit-tls-tests"
                        (list 'mew-submit-tls-tests--system-trust system))
                       '("insecure" "delivered" "delivered" "insecure")))))))

(provide 'mew-submit-tls-tests)
;;; mew-submit-tls-tests.el ends here
