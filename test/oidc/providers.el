;;; providers.el --- From an address to the first mail, at fourteen providers -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What M-x mew-submit-setup does at providers that behave like those people have: each
;; comes to its first mail, or to the sentence that says what is in the way.  Those that want
;; a sign-in have it at oidc-provider, with Chromium where somebody would sit in front of
;; it, and their mail server asks that issuer what the token is worth.

;;; Code:

(require 'mew-submit-setup-tests)
(require 'mew-submit-token-source-tests)
(require 'oidc "oidc/oidc")

(defvar mew-submit-mode)

(defun mew-submit-providers--peer (url &rest listeners)
  "Return the arguments of a mail server with LISTENERS.
What a token is worth it asks the issuer at URL, unless that is nil."
  (append (list "--user" "me@example.org" "--password" "s3cret")
          (and url
               (list "--token-check"
                     (mapconcat #'shell-quote-argument
                                (list (expand-file-name "test/oidc/ask" mew-submit-test-root)
                                      (car gnutls-trustfiles)
                                      (concat url "/token/introspection"))
                                " ")))
          listeners))

(defmacro mew-submit-providers--with (spec &rest body)
  "Run BODY as a newcomer; SPEC is (PEER RECORDS ARGUMENTS).
PEER is a mail server with ARGUMENTS, a list; RECORDS are in the DNS."
  (declare (indent 1))
  `(mew-submit-test-with-directory there
     (let ((,(car spec) (mew-submit-test-peer-start there ,(nth 2 spec)))
           ended)
       (unwind-protect
           (prog1 (mew-submit-setup-tests--with (,(car spec) file ,(nth 1 spec))
                    (ignore file)
                    ,@body)
             (setq ended t))
         (unless ended
           (message "The mail server's log:\n%s"
                    (mew-submit-test-octets (expand-file-name "log" there))))
         (mew-submit-test-peer-stop ,(car spec))))))

(defmacro mew-submit-providers--signing-in (url &rest body)
  "Run BODY with URL bound to the address of an issuer; it is as for `mew-submit-oidc-with'.
A browser that is opened is `mew-submit-issuer-test-browse'."
  (declare (indent 1))
  `(progn
     (unless (getenv "OIDC_MODULES")
       (ert-skip "oidc-provider of npm is not there"))
     (mew-submit-oidc-with ,url
       (let ((browse-url-browser-function
              (lambda (url &rest _) (mew-submit-issuer-test-browse url)))
             ;; Somebody with a browser.
             (process-environment (append '("DISPLAY=:0" "DBUS_SESSION_BUS_ADDRESS")
                                          process-environment)))
         ,@body))))

(defun mew-submit-providers--chromium (url &optional code)
  "Have a user with Chromium go to URL and sign in, with CODE where that is asked for."
  (make-process :name "chromium" :noquery t :connection-type 'pipe
                :buffer (generate-new-buffer " *chromium*") :sentinel #'ignore
                :command (append
                          (list "node" (expand-file-name "test/oidc/chromium.mjs"
                                                         mew-submit-test-root)
                                (expand-file-name
                                 "cert.pem" (mew-submit-issuer-test--certificate))
                                url "me@example.org")
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

(defun mew-submit-providers--provider (peer login &rest keys)
  "Return a list of one provider, whose servers are all of PEER's, in their order.
One logs in by LOGIN; KEYS are more of the table's."
  `(("Example" :mx ("mx.provider.example")
     :servers ,(mapcar (lambda (listener)
                         (list (plist-get listener :address) (plist-get listener :port)
                               (intern (plist-get listener :mode))))
                       (plist-get (mew-submit-test-peer-ready peer) :listeners))
     :login ,login ,@keys)))

(defun mew-submit-providers--found ()
  "Look for the server of the newcomer; return what is said then."
  (mew-submit-setup "me@example.org")
  (mew-submit-setup-tests--wait))

(defun mew-submit-providers--use (answers)
  "Use what was found, with ANSWERS for what is asked; return what is said then."
  (mew-submit-setup-tests--answering answers
    (mew-submit-setup-use))
  (mew-submit-setup-tests--wait))

(defun mew-submit-providers--should-deliver (text peer &optional mechanism)
  "Check that TEXT says that the first mail has gone, and that PEER has it.
It has logged in by MECHANISM, if that is non-nil."
  (ert-info (text)
    (should (string-search "The test mail was delivered to me@example.org" text)))
  (should (string-match-p "^Subject: Test mail" (mew-submit-test-stored peer)))
  (should-not (mew-submit-test-violations peer))
  (when mechanism
    (should (equal mechanism
                   (plist-get (car (last (mew-submit-test-log peer "auth"))) :mechanism)))))

;;; Those that want a sign-in

(ert-deftest mew-submit-providers-1-like-gmail ()
  "No password is taken (534 5.7.9), and the client id has to be the user's own."
  (mew-submit-providers--need-chromium)
  (mew-submit-providers--signing-in (url "closed")
    (mew-submit-providers--with
        (peer mew-submit-setup-tests--mx
              (mew-submit-providers--peer
               url "127.0.0.1:0,name=a,mechs=XOAUTH2+PLAIN"
               "127.0.0.1:0,name=p,mechs=PLAIN,auth-end=reply:534 5.7.9 \
Application-specific password required."))
      (let* ((mew-submit-setup-provider--list
              (mew-submit-providers--provider peer 'oauth :issuer url :scope "openid mail"))
             user
             (browse-url-browser-function
              (lambda (url &rest _) (setq user (mew-submit-providers--chromium url)))))
        (should (string-search "wants you to sign in, at localhost"
                               (mew-submit-providers--found)))
        (should (string-search "has to know this program first: get a client id there"
                               (mew-submit-providers--use nil)))
        (should-not (mew-submit-test-lines peer "AUTH"))
        ;; As the manual says.
        (let ((account (car mew-submit-accounts)))
          (plist-put account :oauth (append '(:client-id "emacs")
                                            (plist-get account :oauth)))
          (with-current-buffer "*mew-submit setup*"
            (mew-submit-setup-test))
          (mew-submit-providers--should-deliver (mew-submit-setup-tests--wait) peer "XOAUTH2")
          (should (string-search "You are signed in" (mew-submit-providers--page user)))
          ;; And with a password?
          (let ((done (mew-submit-test-run
                       (mew-submit-test-account peer "p" :user "me@example.org"
                                                :password "usual")
                       "From: me@example.org\nTo: a@example.org\n\nbody\n")))
            (should (string-search "a password that is made for mail programs"
                                   (mew-submit-report--reason done "Example")))))))))

(ert-deftest mew-submit-providers-2-like-outlook ()
  "An Emacs without a browser shows a code, which somebody types elsewhere."
  (mew-submit-providers--need-chromium)
  (mew-submit-providers--signing-in url
    (mew-submit-providers--with
        (peer mew-submit-setup-tests--mx
              (mew-submit-providers--peer url "127.0.0.1:0,name=a,mechs=OAUTHBEARER"))
      (let ((mew-submit-setup-provider--list
             (mew-submit-providers--provider peer 'oauth :issuer url :scope "openid mail"))
            (process-environment (append '("DISPLAY" "WAYLAND_DISPLAY") process-environment))
            (noninteractive nil)
            user)
        (mew-submit-providers--found)
        (mew-submit-setup-tests--answering nil
          (mew-submit-setup-use))
        (mew-submit-test-until ("the code")
          (when-let* ((buffer (get-buffer "*mew-submit sign-in*")))
            (with-current-buffer buffer
              (goto-char (point-min))
              (and (re-search-forward "^  \\(https://[^ \n]+\\)\n\n.*\n\n  \\(.+\\)$" nil t)
                   (setq user (mew-submit-providers--chromium
                               (match-string-no-properties 1)
                               (match-string-no-properties 2)))))))
        (mew-submit-providers--should-deliver (mew-submit-setup-tests--wait) peer "OAUTHBEARER")
        (should (string-search "Sign-in Success" (mew-submit-providers--page user)))
        (kill-buffer "*mew-submit sign-in*")))))

(ert-deftest mew-submit-providers-3-tenant-with-smtp-off ()
  "Who is signed in, and may not send, is told who has switched that off."
  (mew-submit-providers--signing-in url
    (mew-submit-providers--with
        (peer mew-submit-setup-tests--mx
              (mew-submit-providers--peer
               url "127.0.0.1:0,name=a,mechs=XOAUTH2,auth-end=reply:535 5.7.139 Authentication \
unsuccessful\\, SmtpClientAuthentication is disabled for the Tenant. Visit \
https://aka.ms/smtp_auth_disabled for more information."))
      (let ((mew-submit-setup-provider--list
             (mew-submit-providers--provider peer 'oauth :issuer url :scope "openid mail")))
        (mew-submit-providers--found)
        (let ((text (mew-submit-providers--use nil)))
          (should (string-search "Your organisation has switched off sending by mail programs"
                                 text))
          (should (string-search "administrator to switch authenticated SMTP on" text)))))))

(ert-deftest mew-submit-providers-6-registration ()
  "Where a program may register itself (RFC 7591) nothing but the sign-in is asked for."
  (mew-submit-providers--signing-in url
    (mew-submit-providers--with
        (peer mew-submit-setup-tests--mx
              (mew-submit-providers--peer url "127.0.0.1:0,name=a,mechs=OAUTHBEARER"))
      (let ((mew-submit-setup-provider--list
             (mew-submit-providers--provider peer 'oauth :issuer url :scope "openid mail")))
        (mew-submit-providers--found)
        (mew-submit-providers--should-deliver (mew-submit-providers--use nil) peer
                                              "OAUTHBEARER")
        (should (string-search url (mew-submit-test-octets mew-submit-issuer-clients-file)))))))

(ert-deftest mew-submit-providers-7-pacc ()
  "What the domain vouches for in its DNS leads to the issuer, and to port 465."
  (skip-unless (mew-submit-test-port-p 465))
  (mew-submit-providers--signing-in url
    (let* ((place (mew-submit-test-address 1))
           (document (format "{\"protocols\":{\"smtp\":{\"host\":\"%s\"}},
 \"authentication\":{\"oauth-public\":{\"issuer\":\"%s\"}}}" place url))
           (digest (format "v=UAAC1; a=sha256; d=%s"
                           (base64-encode-string (secure-hash 'sha256 document nil nil t) t))))
      (mew-submit-providers--with
          (peer `(("_ua-auto-config.example.org" TXT
                   ,(concat (unibyte-string (length digest)) digest)))
                (append (list "--names" (concat "smtp.example.org," place))
                        (mew-submit-providers--peer
                         url (format "%s:465,implicit,mechs=XOAUTH2" place))))
        (let ((mew-submit-setup-discover--fetch-function
               (lambda (url callback)
                 (run-at-time 0 nil callback
                              (and (string-search "ua-auto-config" url) document)))))
          (should (string-search "wants you to sign in" (mew-submit-providers--found)))
          (mew-submit-providers--should-deliver (mew-submit-providers--use nil) peer
                                                "XOAUTH2"))))))

(ert-deftest mew-submit-providers-8-autoconfig ()
  "What the web lists first, OAuth2, is what is done."
  (mew-submit-providers--signing-in url
    (mew-submit-providers--with
        (peer nil (mew-submit-providers--peer url "127.0.0.1:0,name=a,mechs=XOAUTH2+PLAIN"))
      (let ((mew-submit-setup-discover--fetch-function
             (lambda (address callback)
               (run-at-time
                0 nil callback
                (and (string-search "autoconfig.example.org" address)
                     (format "<clientConfig><emailProvider><outgoingServer type='smtp'>
<hostname>127.0.0.1</hostname><port>%d</port><socketType>STARTTLS</socketType>
<username>%%EMAILADDRESS%%</username><authentication>OAuth2</authentication>
<authentication>password-cleartext</authentication></outgoingServer></emailProvider>
<oAuth2><issuer>%s</issuer><scope>openid mail</scope></oAuth2>
</clientConfig>" (mew-submit-test-port peer "a") url))))))
        (mew-submit-providers--found)
        (mew-submit-providers--should-deliver (mew-submit-providers--use nil) peer
                                              "XOAUTH2")))))

(ert-deftest mew-submit-providers-13-gnome-account ()
  "Who has signed in in GNOME's settings is asked nothing at all."
  (skip-unless (featurep 'dbusbind))
  (skip-unless (executable-find "dbus-daemon"))
  (let ((mew-submit-token-source--bus (mew-submit-token-source-tests--bus))
        (process-environment (cons "DBUS_SESSION_BUS_ADDRESS=unix:path=/elsewhere"
                                   process-environment)))
    (mew-submit-providers--with
        (peer mew-submit-setup-tests--mx
              '("--user" "me@example.org" "--password" "good-token"
                "127.0.0.1:0,name=a,mechs=XOAUTH2"))
      (let ((mew-submit-setup-provider--list
             (mew-submit-providers--provider peer 'oauth :issuer "https://id.example.com"))
            (noninteractive nil))
        (cl-letf (((symbol-function 'mew-submit-sign-in)
                   (lambda (&rest _) (ert-fail "A sign-in was begun"))))
          (mew-submit-providers--found)
          (mew-submit-setup-tests--answering nil
            (mew-submit-setup-use))
          (mew-submit-test-until ("the mail")
            ;; D-Bus is read as keys are.
            (read-event nil nil 0.05)
            (with-current-buffer "*mew-submit setup*"
              (null (mew-submit-setup--waiting)))))
        (let ((text (mew-submit-setup-tests--text)))
          (should (string-search "You are signed in already, in GNOME's settings" text))
          (mew-submit-providers--should-deliver text peer "XOAUTH2"))
        (should (eq t (plist-get (car mew-submit-accounts) :oauth)))))))

;;; Those that want a password

(defun mew-submit-providers--application-password (page &rest listener)
  "Go from the page PAGE to the first mail at a provider with LISTENER."
  (mew-submit-providers--with
      (peer mew-submit-setup-tests--mx (apply #'mew-submit-providers--peer nil listener))
    (let ((mew-submit-setup-provider--list
           (mew-submit-providers--provider peer 'app-password :page page))
          opened)
      (should (string-search (concat "Make such an application password on " page)
                             (mew-submit-providers--found)))
      (cl-letf (((symbol-function 'browse-url) (lambda (url &rest _) (push url opened))))
        (with-current-buffer "*mew-submit setup*"
          (mew-submit-setup-open-page)))
      (should (equal opened (list page)))
      (mew-submit-providers--should-deliver
       (mew-submit-providers--use '(("Application password of me@example.org" . "s3cret")))
       peer))))

(ert-deftest mew-submit-providers-4-like-yahoo ()
  "An application password, over implicit TLS."
  (mew-submit-providers--application-password
   "https://login.yahoo.com/account/security" "127.0.0.1:0,name=a,implicit,mechs=PLAIN+LOGIN"))

(ert-deftest mew-submit-providers-5-like-icloud ()
  "An application password, over STARTTLS."
  (mew-submit-providers--application-password
   "https://account.apple.com/account/manage" "127.0.0.1:0,name=a,mechs=PLAIN"))

(ert-deftest mew-submit-providers-9-srv ()
  "The domain's own SRV record leads to the server."
  (mew-submit-providers--with
      (peer `(("_submission._tcp.example.org" SRV
               ,(mew-submit-setup-tests--srv (mew-submit-test-port peer "a"))))
            (mew-submit-providers--peer nil "127.0.0.1:0,name=a"))
    (should (string-search "Found in the SRV records" (mew-submit-providers--found)))
    (mew-submit-providers--should-deliver
     (mew-submit-providers--use '(("Password of me@example.org" . "s3cret"))) peer)))

(defun mew-submit-providers--guessed (port listener)
  "Go to the first mail at a server that answers at PORT only, with LISTENER."
  (unless (mew-submit-test-port-p port)
    (ert-skip (format "nobody may listen at port %d here" port)))
  (let ((place (mew-submit-test-address 1)))
    (mew-submit-providers--with
        (peer nil (append (list "--names" (concat "smtp.example.org," place))
                          (mew-submit-providers--peer nil (format listener place port))))
      (cl-letf (((symbol-function 'mew-submit-setup-discover--guess)
                 (lambda (&rest _) (list (list :host place :source 'mx)))))
        (should (string-search "Guesses" (mew-submit-providers--found)))
        (mew-submit-providers--should-deliver
         (mew-submit-providers--use '(("Password of me@example.org" . "s3cret"))) peer)
        (should (eql port (string-to-number (plist-get (car mew-submit-accounts)
                                                       :routes))))))))

(ert-deftest mew-submit-providers-10-port-25-only ()
  "A server that answers at port 25 only is found there, with TLS and a log-in."
  (mew-submit-providers--guessed 25 "%s:%d,name=a"))

(ert-deftest mew-submit-providers-11-port-443-only ()
  "A server that answers at port 443 only is found there, by ALPN."
  (mew-submit-providers--guessed 443 "%s:%d,name=a,implicit,alpn=smtp"))

(ert-deftest mew-submit-providers-12-bridge ()
  "A bridge of this machine has a certificate of its own, which is pinned after a yes."
  (mew-submit-providers--with
      (peer mew-submit-setup-tests--mx
            (mew-submit-providers--peer nil "127.0.0.1:0,name=a,cert=self-signed"))
    (let ((mew-submit-setup-provider--list
           (mew-submit-providers--provider peer 'bridge :page "https://example.com/bridge"))
          (mew-submit-pins nil))
      (should (string-search "Pin its certificate" (mew-submit-providers--found)))
      (mew-submit-setup-tests--answering
          '(("accept the certificate with the fingerprint" . t))
        (mew-submit-setup-pin))
      (mew-submit-setup-tests--wait)
      (mew-submit-providers--should-deliver
       (mew-submit-providers--use '(("Password that the bridge shows" . "s3cret"))) peer))))

(ert-deftest mew-submit-providers-14-own-server ()
  "A wrong password at one's own server is asked for again, and the right one saved."
  (mew-submit-providers--with
      (peer `(("_submissions._tcp.example.org" SRV
               ,(mew-submit-setup-tests--srv (mew-submit-test-port peer "a"))))
            (mew-submit-providers--peer nil "127.0.0.1:0,name=a,implicit"))
    (mew-submit-providers--found)
    (mew-submit-setup-tests--answering-questions
      (mew-submit-setup-tests--answering '(("Password of me@example.org" . "wr0ng"))
        (mew-submit-setup-use))
      (mew-submit-setup-tests--answering '(("did not accept the password" . "s3cret"))
        (funcall press "Enter it"))
      (funcall press "Save"))
    (mew-submit-providers--should-deliver (mew-submit-setup-tests--wait) peer)))

(provide 'providers)
;;; providers.el ends here
