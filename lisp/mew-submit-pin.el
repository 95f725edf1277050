;;; mew-submit-pin.el --- Look at a server's certificate and pin it -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the commands that have a certificate accepted although it cannot be
;; verified, and that take this back.  They are never offered while mail is being sent
;; (SECURITY.md, D25): that ends, and names them.

;;; Code:

(require 'mew-submit-account)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-job)
(require 'mew-submit-view)
(require 'mew-submit-way)
(require 'seq)

(defconst mew-submit-pin--timeout 60
  "Seconds to wait for a server's certificate at most.")

;;; Which server

(defun mew-submit-pin--accounts ()
  "Return the user's accounts for each of their servers, without :servers."
  (mapcan #'mew-submit-account--servers
          (append (mew-submit-account--listed)
                  (ignore-errors
                    (list (mew-submit-account--choose nil))))))

(defun mew-submit-pin--names ()
  "Return what may be named: accounts that have a name, and servers."
  (seq-uniq (delq nil
                  (mapcan (lambda (account)
                            (list (plist-get account :name) (plist-get account :server)))
                          (mew-submit-pin--accounts)))))

(defun mew-submit-pin--account (name)
  "Return the account called NAME, or one with that server, for that server alone.
Of those one without a name comes first."
  (let ((accounts (mew-submit-pin--accounts))
        (server-p (lambda (account) (equal name (plist-get account :server)))))
    (mew-submit-account--copy
     (or (seq-find (lambda (account) (equal name (plist-get account :name))) accounts)
         (seq-find (lambda (account)
                     (and (null (plist-get account :name)) (funcall server-p account)))
                   accounts)
         (seq-find server-p accounts)
         (list :server name)))))

;;; What is seen there

(defun mew-submit-pin--probe (account)
  "Return (CONNECTED TLS DONE), events of a look at ACCOUNT's server.
Where there was no connection, or no TLS, its event is nil."
  (let* ((session (mew-submit-job--start
                   (mew-submit-request--probe account)
                   :on-ask (lambda (event)
                             (and (equal (plist-get event :what) "fallback")
                                  "yes"))))
         (done (with-local-quit
                 (mew-submit-job--wait session
                                          mew-submit-pin--timeout)))
         (course (mew-submit-job-course session)))
    (unless done
      (mew-submit-job--cancel session)
      (user-error "The server did not show its certificate"))
    (list (plist-get course :connected) (plist-get course :tls) done)))

(defun mew-submit-pin--colons (fingerprint)
  "Return FINGERPRINT, \"sha256:\" and hexadecimal digits, as openssl prints it."
  (mapconcat #'identity
             (seq-partition (mew-submit-caseless--up (string-remove-prefix "sha256:" fingerprint))
                            2)
             ":"))

(defun mew-submit-pin--lines (tls)
  "Return a list of (WHAT . TEXT) about the certificate in the `tls' event TLS."
  (let ((get (lambda (key) (or (plist-get tls key) ""))))
    `(("Subject" . ,(funcall get :subject))
      ("Names" . ,(string-join (plist-get tls :names) ", "))
      ("Issuer" . ,(funcall get :issuer))
      ("Valid from" . ,(funcall get :starts))
      ("Valid until" . ,(funcall get :expires))
      ("SHA-256 fingerprint"
       . ,(mew-submit-pin--colons (funcall get :fingerprint)))
      ("TLS" . ,(format "%s, %s" (funcall get :version) (funcall get :cipher))))))

(defun mew-submit-pin--insert (place tls)
  "Insert the words of the certificate in TLS, which was seen at PLACE."
  ;; What matters most comes first: a terminal may have no room for the rest.
  (insert (format "The certificate of %s\n\n" place)
          (if (plist-get tls :verified)
              "It was verified, so no pin is needed.\n"
            (format "It was not accepted: %s.\n"
                    (mew-submit-error--clean
                     (or (plist-get tls :unverified) "nobody knows why"))))
          "\n")
  (pcase-dolist (`(,what . ,text) (mew-submit-pin--lines tls))
    (insert (format "  %-20s %s\n" what (mew-submit-error--clean text)))))

(defun mew-submit-pin--question (account place tls)
  "Return the question whether the certificate in TLS is good for ACCOUNT at PLACE.
What else there is to know of it is shown: all of the question has to be seen."
  (format "Pin the certificate of %s for mail by %s?  Only if its owner has told \
you this fingerprint in another way: %s "
          place
          (if-let* ((name (plist-get account :name)))
              (format "the account %s" name)
            "accounts without a name")
          (mew-submit-pin--colons (plist-get tls :fingerprint))))

;;; The commands

(defun mew-submit-pin--offer (account tls port)
  "Show the certificate in TLS of PORT of ACCOUNT's server; pin it after a yes.
Return non-nil if it was pinned."
  (let* ((host (mew-submit-request--host account))
         (place (format "%s, port %d" host port))
         (buffer (mew-submit-view--page "*mew-submit certificate*"
                                        (lambda () (mew-submit-pin--insert place tls)))))
    (display-buffer buffer)
    (cond ((plist-get tls :verified)
           (message "The certificate of %s is verified: no pin is needed" place)
           nil)
          ((yes-or-no-p (mew-submit-pin--question account place tls))
           (mew-submit-way--add-pin
            (list (plist-get account :name) host port
                  (plist-get tls :fingerprint)))
           (when-let* ((window (get-buffer-window buffer)))
             (quit-restore-window window 'bury))
           (message "Pinned the certificate of %s" place)
           t)
          (t (message "Nothing was pinned")
             nil))))

;;;###autoload
(defun mew-submit-pin-certificate (name)
  "Look at the certificate of a server and have it accepted from then on.
NAME is that of an account, or of a server, or an account itself.  What the
certificate says is shown, and which check it has failed; if the answer is yes
the certificate is good for this account, server and port, and kept in
`mew-submit-pins'.
Nothing is sent to the server, and no user name."
  (interactive
   (list (completing-read "Account or server: "
                          (mew-submit-pin--names))))
  (when (and (stringp name) (string-blank-p name))
    (user-error "No account or server was named"))
  (let ((account (if (stringp name) (mew-submit-pin--account name) name)))
    (condition-case err
        (pcase-let ((`(,connected ,tls ,done)
                     (mew-submit-pin--probe account)))
          (if (and connected tls)
              (mew-submit-pin--offer account tls
                                     (plist-get connected :port))
            (user-error "No certificate was seen: %s"
                        (mew-submit-report--done done))))
      (mew-submit-error (user-error "%s" (mew-submit-error--text err))))))

(defun mew-submit-pin--pin-name (pin)
  "Return what PIN is called."
  (pcase pin
    (`(,name ,server ,port ,fingerprint)
     (format "%s%s port %s %s" (if name (format "%s: " name) "") server port
             fingerprint))
    (_ (format "%S, which is no pin" pin))))

;;;###autoload
(defun mew-submit-unpin-certificate (pin)
  "Have the certificate of PIN accepted no longer.
PIN is an element of `mew-submit-pins'."
  (interactive
   (let ((pins (mapcar (lambda (pin)
                         (cons (mew-submit-pin--pin-name pin) pin))
                       mew-submit-pins)))
     (unless pins
       (user-error "No certificate is pinned"))
     (list (cdr (assoc (completing-read "No longer accept: " pins nil t)
                       pins)))))
  (unless pin
    (user-error "No certificate was named"))
  (unless (member pin mew-submit-pins)
    (user-error "That is not pinned"))
  (mew-submit-way--remove-pin pin)
  (message "No longer pinned: %s" (mew-submit-pin--pin-name pin)))

(provide 'mew-submit-pin)
;;; mew-submit-pin.el ends here
