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
;; Nothing of it may make Emacs wait (pauses.el).

;;; Code:

(require 'mew-submit-setup-tests)
(require 'mew-submit-token-source-tests)
(require 'mew-submit-issuer-test "issuer/issuer")
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
             (mew-submit-pauses-note (lambda () ,@body))
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
        '(("accept the certificate with the fingerprint" . t))
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
      (mew-submit-setup-tests--answering '(("did not take the password" . "s3cret"))
        (funcall press "Enter it"))
      (funcall press "Save"))
    (mew-submit-providers--should-deliver (mew-submit-setup-tests--wait) peer)
    (should (string-search "s3cret" (mew-submit-test-octets (car auth-sources))))))

(provide 'providers)
;;; providers.el ends here
