;;; providers.el --- From an address to the first mail, at fourteen providers -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What M-x mew-submit-setup does at providers that behave like those people have: each
;; comes to its first mail, or to the sentence that says what is in the way.
;;
;; All of it runs as it is, in the network of world.sh: names come from a name server,
;; documents and sign-ins from https with oidc-provider behind it, mail servers are at their
;; real names and ports, and ask the issuer what a token is worth; the certificates are of
;; whom this machine trusts.  What is set here are options that a user has, and what is
;; typed.  Where somebody would sit in front of a browser that is Chromium, twice.
;;
;; Nothing of it may make Emacs wait, or stand still for long (pauses.el).

;;; Code:

(require 'mew-submit-setup-tests)
(require 'mew-submit-token-source-tests)
(require 'mew-submit-issuer-test "issuer/issuer.el")
(require 'mew-submit-pauses "oidc/pauses")

(defvar mew-submit-mode)

(setq mew-submit-test--certs (getenv "PROVIDERS_CERTS"))

;;; The newcomer, and the mail servers

(defun mew-submit-providers--peer (address name issuer &rest listeners)
  "Return the arguments of a mail server NAME for ADDRESS with LISTENERS.
What a token is worth it asks ISSUER, an address, unless that is nil."
  (append (list "--user" address "--password" "s3cret" "--names" name)
          (and issuer
               (list "--token-check"
                     (mapconcat #'shell-quote-argument
                                (list (expand-file-name "test/oidc/ask" mew-submit-test-root)
                                      (expand-file-name "ca.pem" mew-submit-test--certs)
                                      (concat issuer "/token/introspection"))
                                " ")))
          listeners))

(defmacro mew-submit-providers--with (spec &rest body)
  "Run BODY as a newcomer; SPEC is (PEER ARGUMENTS).
PEER is a mail server with ARGUMENTS, a list.  There is neither browser nor bus."
  (declare (indent 1))
  `(mew-submit-test-with-directory there
     (let* ((,(car spec) (mew-submit-test-peer-start there ,(nth 1 spec)))
            (mew-submit-mode t)
            (user-mail-address "me@example.org")
            (mew-submit-accounts nil)
            (mew-submit-pins nil)
            (mew-submit-memory-file nil)
            (mew-submit-setup-timeout 120)
            (mew-submit-discover-timeout 120)
            (mew-submit-token-directory (expand-file-name "tokens/" there))
            (mew-submit-issuer-clients-file (expand-file-name "clients.eld" there))
            (auth-sources (list (expand-file-name "authinfo" there)))
            (auth-source-do-cache nil)
            (auth-source-save-behavior t)
            (process-environment (append '("DISPLAY" "DBUS_SESSION_BUS_ADDRESS")
                                         process-environment))
            (init-file-user "")
            (user-init-file (expand-file-name "init.el" there))
            (custom-file (expand-file-name "custom.el" there))
            ended)
       (mew-submit-issuer-test-forget)
       (unwind-protect
           (mew-submit-pauses-none
             (mew-submit-pauses-judge (lambda () ,@body))
             (setq ended t))
         (unless ended
           (message "The mail server's log:\n%s"
                    (mew-submit-test-octets (expand-file-name "log" there))))
         (mew-submit-sign-in-cancel)
         (when (get-buffer "*mew-submit setup*")
           (kill-buffer "*mew-submit setup*"))
         (mew-submit-issuer-test-forget)
         (mew-submit-test-peer-stop ,(car spec))))))

(defun mew-submit-providers--found (address)
  "Look for the server of ADDRESS; return what is said then."
  (let ((mew-submit-pauses--in-product t))
    (mew-submit-setup address))
  (mew-submit-setup-tests--wait))

(defun mew-submit-providers--use (answers)
  "Use what was found, with ANSWERS for what is asked; return what is said then."
  (mew-submit-setup-tests--answering answers
    (let ((mew-submit-pauses--in-product t))
      (mew-submit-setup-use)))
  (mew-submit-setup-tests--wait))

(defun mew-submit-providers--should-deliver (text peer &optional mechanism)
  "Check that TEXT says that the first mail has gone, and that PEER has it.
It has logged in there by MECHANISM, if that is non-nil."
  (ert-info (text)
    (should (string-match-p "The test mail was delivered to me@" text)))
  (should (string-match-p "^Subject: Test mail" (mew-submit-test-stored peer)))
  (should-not (mew-submit-test-violations peer))
  (when mechanism
    (should (equal mechanism
                   (plist-get (car (last (mew-submit-test-log peer "auth"))) :mechanism)))))

;;; Browsers

(defmacro mew-submit-providers--with-browser (browse &rest body)
  "Run BODY where there is a display, and BROWSE is called to open addresses."
  (declare (indent 1))
  `(let ((process-environment (cons "DISPLAY=:0" process-environment))
         (browse-url-browser-function ,browse))
     ,@body))

(defun mew-submit-providers--browser (user)
  "Return a function that has USER go to an address, and say yes to everything."
  (lambda (url &rest _)
    (make-process :name "browser" :noquery t :connection-type 'pipe
                  :buffer (get-buffer-create " *browser*") :sentinel #'ignore
                  :command (list "python3" (expand-file-name "test/issuer/browser"
                                                             mew-submit-test-root)
                                 (expand-file-name "ca.pem" mew-submit-test--certs)
                                 url user))))

(defun mew-submit-providers--chromium (user url &optional code)
  "Have USER go to URL with Chromium and sign in, with CODE where that is asked for."
  (make-process :name "chromium" :noquery t :connection-type 'pipe
                :buffer (generate-new-buffer " *chromium*") :sentinel #'ignore
                :command (append
                          (list "node" (expand-file-name "test/oidc/chromium.mjs"
                                                         mew-submit-test-root)
                                (expand-file-name "cert.pem" mew-submit-test--certs)
                                url user)
                          (and code (list code)))))

(defun mew-submit-providers--need-chromium ()
  "Skip the test where there is no Chromium."
  (unless (executable-find (or (getenv "CHROMIUM") "chromium"))
    (ert-skip "chromium is not installed")))

(defun mew-submit-providers--page (process)
  "Return what the last page in front of PROCESS, a user, says."
  (mew-submit-test-until ("the last page")
    (not (process-live-p process)))
  (with-current-buffer (process-buffer process)
    (prog1 (buffer-string)
      (kill-buffer))))

;;; Those that want a sign-in

(defun mew-submit-providers--get-client (client)
  "Have the account sign in as CLIENT, which its user has got there; send the mail."
  (with-current-buffer "*mew-submit setup*"
    (let ((mew-submit-pauses--in-product t))
      (mew-submit-setup-client client))))

(ert-deftest mew-submit-providers-1-like-gmail ()
  "No password is taken (534 5.7.9); who has a client id signs in, as the manual says."
  (mew-submit-providers--need-chromium)
  (mew-submit-providers--with
      (peer (mew-submit-providers--peer
             "me@gmail.com" "smtp.gmail.com" "https://accounts.google.com"
             "198.51.100.1:465,implicit,mechs=XOAUTH2+PLAIN,2:auth-end=reply:534 5.7.9 \
Application-specific password required."))
    (let (user)
      (mew-submit-providers--with-browser
          (lambda (url &rest _)
            (setq user (mew-submit-providers--chromium "me@gmail.com" url)))
        (should (string-search "Make such an application password on \
https://myaccount.google.com/apppasswords"
                               (mew-submit-providers--found "me@gmail.com")))
        (let ((text (mew-submit-providers--use
                     '(("Application password of me@gmail.com" . "usual")))))
          (should (string-search "a password that is made for mail programs" text))
          (should (string-search "The page for that is https://myaccount.google.com" text)))
        (mew-submit-providers--get-client
         (mew-submit-test-write (expand-file-name "client.json" there)
                                "{\"installed\":{\"client_id\":\"emacs\"}}"))
        (mew-submit-providers--should-deliver (mew-submit-setup-tests--wait) peer "XOAUTH2")
        (should (string-search "You are signed in" (mew-submit-providers--page user)))))))

(defun mew-submit-providers--shown-code ()
  "Return the address and the code that are shown to sign in by, or nil."
  (when-let* ((buffer (get-buffer "*mew-submit sign-in*")))
    (with-current-buffer buffer
      (goto-char (point-min))
      (and (re-search-forward "^  \\(https://[^ \n]+\\)\n\n.*\n\n  \\(.+\\)$" nil t)
           (list (match-string-no-properties 1) (match-string-no-properties 2))))))

(ert-deftest mew-submit-providers-2-like-outlook ()
  "An Emacs without a browser shows a code, which somebody types elsewhere."
  (mew-submit-providers--need-chromium)
  (mew-submit-providers--with
      (peer (mew-submit-providers--peer
             "me@outlook.com" "smtp-mail.outlook.com"
             "https://login.microsoftonline.com/consumers/v2.0"
             "198.51.100.2:587,mechs=XOAUTH2"))
    (let ((noninteractive nil)
          user)
      (should (string-search "wants you to sign in, at login.microsoftonline.com"
                             (mew-submit-providers--found "me@outlook.com")))
      (should (string-search "has to know this program first: get a client id there"
                             (mew-submit-providers--use nil)))
      (should-not (mew-submit-test-lines peer "AUTH"))
      (mew-submit-providers--get-client "emacs")
      (setq user (apply #'mew-submit-providers--chromium "me@outlook.com"
                        (mew-submit-test-until ("the code")
                          (mew-submit-providers--shown-code))))
      (mew-submit-providers--should-deliver (mew-submit-setup-tests--wait) peer "XOAUTH2")
      (should (string-search "Sign-in Success" (mew-submit-providers--page user)))
      ;; Who looks for the server again need not get a client id again.
      (mew-submit-providers--found "me@outlook.com")
      (mew-submit-setup-tests--answering nil
        (mew-submit-setup-use))
      (should (equal "emacs" (plist-get (plist-get (car mew-submit-accounts) :oauth)
                                        :client-id)))
      ;; What was shown is shown again, and can be cancelled.
      (mew-submit-test-until ("the code")
        (mew-submit-providers--shown-code))
      (kill-buffer "*mew-submit sign-in*")
      (with-current-buffer "*mew-submit setup*"
        (call-interactively (lookup-key mew-submit-setup-mode-map "i")))
      (should (mew-submit-providers--shown-code))
      (mew-submit-sign-in-cancel)
      (should (string-search "The sign-in was cancelled" (mew-submit-setup-tests--wait)))
      (kill-buffer "*mew-submit sign-in*"))))

(ert-deftest mew-submit-providers-3-tenant-with-smtp-off ()
  "Who is signed in, and may not send, is told who has switched that off."
  (mew-submit-providers--with
      (peer (mew-submit-providers--peer
             "me@tenant.example" "smtp.office365.com"
             "https://login.microsoftonline.com/organizations/v2.0"
             "198.51.100.3:587,mechs=XOAUTH2,auth-end=reply:535 5.7.139 Authentication \
unsuccessful\\, SmtpClientAuthentication is disabled for the Tenant. Visit \
https://aka.ms/smtp_auth_disabled for more information."))
    (mew-submit-providers--with-browser (mew-submit-providers--browser "me@tenant.example")
      (should (string-search "belongs to Microsoft 365"
                             (mew-submit-providers--found "me@tenant.example")))
      (mew-submit-providers--use nil)
      (mew-submit-providers--get-client "emacs")
      (let ((text (mew-submit-setup-tests--wait)))
        (should (string-search "Your organisation has switched off sending by mail programs"
                               text))
        (should (string-search "administrator to switch authenticated SMTP on" text))))))

;;; Those with Dovecot

(defun mew-submit-providers--dovecot-lacks ()
  "Return why there is no Dovecot here, or nil."
  (cond ((not (and (executable-find "dovecot")
                   (file-exists-p "/usr/lib/dovecot/submission")))
         "dovecot-submissiond is not installed")
        ((not (string-prefix-p "2.3." (shell-command-to-string "dovecot --version")))
         "this configuration is for Dovecot 2.3")
        ;; It gives up being root, to users that a namespace of one user has not.
        ((< (string-to-number (nth 2 (split-string (mew-submit-test-octets
                                                    "/proc/self/uid_map"))))
            65536)
         "Dovecot wants a machine's root")))

(defun mew-submit-providers--dovecot-conf (directory address issuer peer)
  "Return a configuration in DIRECTORY of Dovecot, at ADDRESS, as lines.
It asks ISSUER what a token is worth, and relays to PEER."
  (let ((there (lambda (name) (expand-file-name name directory))))
    (list (concat "base_dir = " (funcall there "run"))
          (concat "state_dir = " (funcall there "state"))
          (concat "log_path = " (funcall there "log"))
          (concat "listen = " address)
          "protocols = submission"
          "ssl = required"
          (format "ssl_cert = <%s" (expand-file-name "cert.pem" mew-submit-test--certs))
          (format "ssl_key = <%s" (expand-file-name "key.pem" mew-submit-test--certs))
          "auth_mechanisms = oauthbearer xoauth2"
          "auth_failure_delay = 0"
          (format "passdb {\n  driver = oauth2\n  mechanisms = oauthbearer xoauth2\n  args = %s\n}"
                  (mew-submit-test-write
                   (funcall there "oauth2")
                   (format "introspection_mode = post
introspection_url = %s/token/introspection
client_id = mail
client_secret = mail
username_attribute = sub
active_attribute = active
active_value = true
tls_ca_cert_file = %s
" issuer (expand-file-name "ca.pem" mew-submit-test--certs))))
          (format "userdb {\n  driver = static\n  args = home=%s\n}" (funcall there "home"))
          "mail_uid = nobody\nmail_gid = nogroup\nmail_location = maildir:~/mail"
          "submission_relay_host = 127.0.0.1"
          (format "submission_relay_port = %d" (mew-submit-test-port peer "relay"))
          "service submission-login {
  inet_listener submission {
    port = 0
  }
  inet_listener submissions {
    port = 465
    ssl = yes
  }
}\n")))

(defun mew-submit-providers--listens-p (address port)
  "Does somebody listen at PORT of ADDRESS?"
  (ignore-errors
    (delete-process (make-network-process :name "look" :host address :service port))
    t))

(defmacro mew-submit-providers--with-dovecot (spec &rest body)
  "Run BODY where Dovecot takes mail with a token and gives it to a peer.
SPEC is (PEER ADDRESS ISSUER): where it is, and whom it asks about tokens.
`said' is a function that returns what Dovecot has noted."
  (declare (indent 1))
  `(progn
     (when-let* ((why (mew-submit-providers--dovecot-lacks)))
       (ert-skip why))
     (mew-submit-test-with-directory dovecot
       (set-file-modes dovecot #o755)
       (make-directory (expand-file-name "home" dovecot))
       (set-file-modes (expand-file-name "home" dovecot) #o1777)
       (mew-submit-providers--with (,(car spec) '("127.0.0.1:0,name=relay,plain,noauth"))
         (let* ((said (lambda () (mew-submit-test-octets (expand-file-name "log" dovecot))))
                (process
                 (make-process
                  :name "dovecot" :noquery t :connection-type 'pipe :sentinel #'ignore
                  :buffer (get-buffer-create " *dovecot*")
                  :command (list "dovecot" "-F" "-c"
                                 (mew-submit-test-write
                                  (expand-file-name "dovecot.conf" dovecot)
                                  (string-join
                                   (mew-submit-providers--dovecot-conf
                                    dovecot ,(nth 1 spec) ,(nth 2 spec) ,(car spec))
                                   "\n"))))))
           (unwind-protect
               (progn
                 (mew-submit-test-until ("Dovecot")
                   (unless (process-live-p process)
                     (ert-fail (with-current-buffer " *dovecot*" (buffer-string))))
                   (mew-submit-providers--listens-p ,(nth 1 spec) 465))
                 ,@body)
             (interrupt-process process)
             (mew-submit-test-until ("the end of Dovecot")
               (not (process-live-p process)))))))))

(ert-deftest mew-submit-providers-6-registration ()
  "Where a program may register itself (RFC 7591) nothing but the sign-in is asked for."
  (mew-submit-providers--with-dovecot (peer "198.51.100.6" "https://id.reg.example")
    (mew-submit-providers--with-browser (mew-submit-providers--browser "me@reg.example")
      (should (string-search "wants you to sign in, at id.reg.example"
                             (mew-submit-providers--found "me@reg.example")))
      (mew-submit-providers--should-deliver (mew-submit-providers--use nil) peer)
      (should (string-search "https://id.reg.example"
                             (mew-submit-test-octets mew-submit-issuer-clients-file)))
      (should (string-match-p "Login: user=<me@reg.example>, method=OAUTHBEARER"
                              (funcall said)))
      ;; It is asked, and knows no other token.
      (mew-submit-issuer-test-forget)
      (let ((done (mew-submit-test-run
                   (list :name "x" :server "smtp.reg.example" :routes "465:implicit"
                         :user "me@reg.example" :oauth t
                         :token-function (lambda (&rest _) "another"))
                   "From: me@reg.example\nTo: a@example.org\n\nbody\n")))
        (should (equal (plist-get done :kind) "auth"))))))

(ert-deftest mew-submit-providers-7-pacc ()
  "What the domain vouches for in its DNS leads to the issuer, and to port 465."
  (mew-submit-providers--with-dovecot (peer "198.51.100.7" "https://id.pacc.example")
    (mew-submit-providers--with-browser (mew-submit-providers--browser "me@pacc.example")
      (let ((text (mew-submit-providers--found "me@pacc.example")))
        (should (string-search "wants you to sign in, at id.pacc.example" text))
        (should-not (string-search "only if it is your provider's" text)))
      (mew-submit-providers--should-deliver (mew-submit-providers--use nil) peer)
      (should (string-match-p "Login: user=<me@pacc.example>" (funcall said))))))

;;; More that want a sign-in

(ert-deftest mew-submit-providers-8-autoconfig ()
  "What the web lists first, OAuth2, is what is done, by a client id that is known."
  (mew-submit-providers--with
      (peer (mew-submit-providers--peer
             "me@auto.example" "smtp.auto.example" "https://id.auto.example"
             "198.51.100.8:587,mechs=XOAUTH2+PLAIN"))
    (mew-submit-issuer--remember "https://id.auto.example" "emacs")
    ;; Somebody who has passwords there already, so that the sign-in is kept.
    (mew-submit-test-write (car auth-sources) "")
    (mew-submit-providers--with-browser (mew-submit-providers--browser "me@auto.example")
      (should (string-search "wants you to sign in, at id.auto.example"
                             (mew-submit-providers--found "me@auto.example")))
      (mew-submit-providers--should-deliver (mew-submit-providers--use nil) peer "XOAUTH2")
      ;; A renewal, and what needs it.
      (mew-submit-issuer-test-forget)
      (let ((done (mew-submit-test-run (car mew-submit-accounts)
                                       "From: me@auto.example\nTo: a@x\n\nbody\n"
                                       :on-ask #'mew-submit-dialog--answer)))
        (should (equal (plist-get done :result) "delivered"))))))

(ert-deftest mew-submit-providers-13-gnome-account ()
  "Who has signed in in GNOME's settings is asked nothing at all."
  (skip-unless (featurep 'dbusbind))
  (unless (getenv "DBUS_SESSION_BUS_ADDRESS")
    (ert-skip "dbus-daemon is not installed"))
  (let ((bus (getenv "DBUS_SESSION_BUS_ADDRESS")))
    (mew-submit-token-source-tests--gnome-on bus)
    (mew-submit-providers--with
        (peer '("--user" "me@outlook.com" "--password" "good-token"
                "--names" "smtp-mail.outlook.com" "198.51.100.2:587,mechs=XOAUTH2"))
      (let ((process-environment (cons (concat "DBUS_SESSION_BUS_ADDRESS=" bus)
                                       process-environment))
            (noninteractive nil))
        (mew-submit-providers--found "me@outlook.com")
        (mew-submit-setup-tests--answering nil
          (mew-submit-setup-use))
        (mew-submit-test-until ("the mail")
          ;; D-Bus is read as keys are.
          (read-event nil nil 0.05)
          (with-current-buffer "*mew-submit setup*"
            (null (mew-submit-setup-view--waiting))))
        (let ((text (mew-submit-setup-tests--text)))
          (should (string-search "You are signed in already, in GNOME's settings" text))
          (mew-submit-providers--should-deliver text peer "XOAUTH2"))
        (should (eq t (plist-get (car mew-submit-accounts) :oauth)))
        (should-not (get-buffer "*mew-submit sign-in*"))))))

;;; Those that want a password

(defun mew-submit-providers--password (peer address question)
  "Go from ADDRESS to the first mail at PEER; QUESTION asks for the password.
Return what was said when the server was found."
  (prog1 (mew-submit-providers--found address)
    (mew-submit-providers--should-deliver
     (mew-submit-providers--use (list (cons question "s3cret"))) peer)))

(defun mew-submit-providers--application-password (page address peer)
  "Go from ADDRESS to the first mail at PEER by way of the page PAGE."
  (let (opened)
    (should (string-search (concat "Make such an application password on " page)
                           (mew-submit-providers--found address)))
    (let ((browse-url-browser-function (lambda (url &rest _) (push url opened))))
      (with-current-buffer "*mew-submit setup*"
        (mew-submit-setup-open-page)))
    (should (equal opened (list page)))
    (mew-submit-providers--should-deliver
     (mew-submit-providers--use
      (list (cons (concat "Application password of " address) "s3cret")))
     peer)))

(ert-deftest mew-submit-providers-4-like-yahoo ()
  "An application password, over implicit TLS."
  (mew-submit-providers--with
      (peer (mew-submit-providers--peer "me@yahoo.com" "smtp.mail.yahoo.com" nil
                                        "198.51.100.4:465,implicit,mechs=PLAIN+LOGIN"
                                        "198.51.100.4:587,mechs=PLAIN+LOGIN"))
    (mew-submit-providers--application-password
     "https://login.yahoo.com/account/security" "me@yahoo.com" peer)))

(ert-deftest mew-submit-providers-5-like-icloud ()
  "An application password, over STARTTLS."
  (mew-submit-providers--with
      (peer (mew-submit-providers--peer "me@icloud.com" "smtp.mail.me.com" nil
                                        "198.51.100.5:587,mechs=PLAIN"))
    (mew-submit-providers--application-password
     "https://account.apple.com/account/manage" "me@icloud.com" peer)))

(ert-deftest mew-submit-providers-9-srv ()
  "The domain's own SRV record leads to the server."
  (mew-submit-providers--with
      (peer (mew-submit-providers--peer "me@srv.example" "post.srv.example" nil
                                        "198.51.100.9:587"))
    (should (string-search "Found in the SRV records"
                           (mew-submit-providers--password peer "me@srv.example"
                                                           "Password of me@srv.example")))))

(defun mew-submit-providers--guessed (peer domain port)
  "Go to the first mail at PEER for DOMAIN, whose server has to be guessed, at PORT."
  (should (string-search "Guesses"
                         (mew-submit-providers--password
                          peer (concat "me@" domain) (concat "Password of me@" domain))))
  (should (eql port (string-to-number (plist-get (car mew-submit-accounts) :routes)))))

(ert-deftest mew-submit-providers-10-port-25-only ()
  "A server that answers at port 25 only is found there, with TLS and a log-in."
  (mew-submit-providers--with
      (peer (mew-submit-providers--peer "me@port25.example" "mail.port25.example" nil
                                        "198.51.100.10:25"))
    (mew-submit-providers--guessed peer "port25.example" 25)))

(ert-deftest mew-submit-providers-11-port-443-only ()
  "A server that answers at port 443 only is found there, by ALPN."
  (mew-submit-providers--with
      (peer (mew-submit-providers--peer "me@port443.example" "smtp.port443.example" nil
                                        "198.51.100.11:443,implicit,alpn=smtp"))
    (mew-submit-providers--guessed peer "port443.example" 443)))

(ert-deftest mew-submit-providers-12-bridge ()
  "A bridge of this machine has a certificate of its own, which is pinned after a yes."
  (mew-submit-providers--with
      (peer (mew-submit-providers--peer "me@proton.me" "127.0.0.1" nil
                                        "127.0.0.1:1025,cert=self-signed"))
    (should (string-search "Pin its certificate"
                           (mew-submit-providers--found "me@proton.me")))
    (mew-submit-setup-tests--answering
        '(("Pin the certificate of" . t))
      (mew-submit-setup-pin))
    (mew-submit-setup-tests--wait)
    (mew-submit-providers--should-deliver
     (mew-submit-providers--use '(("Password that the bridge shows" . "s3cret"))) peer)))

(ert-deftest mew-submit-providers-14-own-server ()
  "A wrong password at one's own server is asked for again, and the right one saved."
  (mew-submit-providers--with
      (peer (mew-submit-providers--peer "me@own.example" "own.example" nil
                                        "198.51.100.14:465,implicit"))
    (mew-submit-providers--found "me@own.example")
    (mew-submit-setup-tests--answering-questions
      (mew-submit-setup-tests--answering '(("Password of me@own.example" . "wr0ng"))
        (mew-submit-setup-use))
      (mew-submit-setup-tests--answering '(("did not accept the password" . "s3cret"))
        (funcall press "Enter it"))
      (funcall press "Save"))
    (mew-submit-providers--should-deliver (mew-submit-setup-tests--wait) peer)
    (should (string-search "s3cret" (mew-submit-test-octets (car auth-sources))))))

(provide 'providers)
;;; providers.el ends here
