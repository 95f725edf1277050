;;; mew-submit-request.el --- From an account and a message to a running job -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 3.  It owns what the module is asked to do: here account, plan, envelope
;; and message come together, and whatever is wrong with them is found before
;; anything is connected.  The batch command and the commands of mew-submit.el both
;; go this way.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-address)
(require 'mew-submit-auth)
(require 'mew-submit-error)
(require 'mew-submit-message)
(require 'mew-submit-plan)
(require 'mew-submit-session)

(defcustom mew-submit-fallback 'ask
  "Whether a less preferred port may be used when the preferred one is blocked.
The default is `ask'.  An account's :fallback goes first.  Falling back never
lowers what the account requires of TLS and authentication."
  :type '(choice (const :tag "Ask" ask)
                 (const :tag "Always" always)
                 (const :tag "Never" never))
  :group 'mew-submit
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-attempt-delay 0.25
  "Seconds after which the next route is tried beside one without answer.
The default is 0.25, the Connection Attempt Delay of RFC 8305."
  :type 'number
  :group 'mew-submit
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-connect-timeout 10
  "Seconds to wait for one connection at most.
The default is 10, as in Mew."
  :type 'number
  :group 'mew-submit
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-step-timeout nil
  "Seconds to wait for each step of SMTP and TLS at most.
The default, nil, means the figures of RFC 5321, section 4.5.3.2: five minutes
for most steps, ten for the final reply."
  :type '(choice (const :tag "As RFC 5321 says" nil) number)
  :group 'mew-submit
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-helo "localhost.localdomain"
  "What to call this machine in EHLO: a domain name or an address literal.
The default, \"localhost.localdomain\", gives nothing away."
  :type 'string
  :group 'mew-submit
  :package-version '(mew-submit . "0.1.0"))

(defun mew-submit-request--msecs (seconds)
  "Return SECONDS, a number or nil, in milliseconds."
  (if seconds (max 1 (round (* 1000 seconds))) 0))

(defun mew-submit-request--octets (text)
  "Return TEXT as UTF-8 octets; nil stays nil."
  (and text (encode-coding-string text 'utf-8)))

(defun mew-submit-request--file (file)
  "Return the name of FILE as the system takes it."
  (encode-coding-string (file-name-unquote (expand-file-name file))
                        (or file-name-coding-system
                            default-file-name-coding-system 'utf-8)))

(defun mew-submit-request--trust-file (account key what)
  "Return the name of the file ACCOUNT has for KEY, or nil when it has none.
Signal `mew-submit-config' when the file, called WHAT, cannot be read."
  (when-let ((file (plist-get account key)))
    (unless (and (file-readable-p file) (not (file-directory-p file)))
      (mew-submit-error-throw 'config nil "The %s cannot be read: %s" what file))
    (mew-submit-request--file file)))

(defun mew-submit-request--plan (account)
  "Return the plan for ACCOUNT, as `mew-submit-plan-make' does."
  (let ((routes (plist-get account :routes)))
    (mew-submit-plan-make
     (plist-get account :server)
     :plan (plist-get account :plan)
     :routes (if (stringp routes) (mew-submit-plan-parse-routes routes) routes)
     :family (plist-get account :family)
     :tls (plist-get account :tls)
     :fallback (mew-submit-request--fallback account))))

(defun mew-submit-request--fallback (account)
  "Return ACCOUNT's rule for falling back: `ask', `always' or `never'."
  (or (plist-get account :fallback) mew-submit-fallback))

(defun mew-submit-request--user (account host port)
  "Return ACCOUNT's user name, or nil for no authentication.
Without one auth-source is asked for HOST and PORT, but not in batch mode."
  (unless (equal (plist-get account :auth) "none")
    (or (plist-get account :user)
        (and (not noninteractive)
             (plist-get (mew-submit-auth-lookup host port) :user)))))

(defun mew-submit-request--server (account)
  "Return the server of ACCOUNT as it is looked up, or signal a condition."
  (mew-submit-address-host
   (or (plist-get account :server)
       (mew-submit-error-throw 'config nil "The account %s has no :server"
                               (plist-get account :name)))))

(defun mew-submit-request--sender (account from fields)
  "Return the envelope sender for ACCOUNT, checked.
It is FROM, else the account's, else the one in FIELDS, else the user's address.
An empty FROM is the null sender."
  (let ((sender (or from (plist-get account :sender)
                    (mew-submit-message-sender fields) user-mail-address)))
    (if (equal sender "")
        ""
      (mew-submit-address-check (or sender "")))))

(defun mew-submit-request--recipients (recipients fields)
  "Return the checked RECIPIENTS, or those in FIELDS where they are nil."
  (or (delete-dups
       (mapcar #'mew-submit-address-check
               (or recipients (mew-submit-message-recipients fields))))
      (mew-submit-error-throw 'message nil "The message has no recipient")))

(defun mew-submit-request--credentials (account host port)
  "Return the part of a request about ACCOUNT's user.
HOST and PORT are for auth-source."
  (let ((user (mew-submit-request--user account host port))
        (password (plist-get account :password))
        (mechanism (plist-get account :auth)))
    (when user
      (mew-submit-address-check-secret user "user name"))
    (when password
      (mew-submit-address-check-secret password "password"))
    (list :auth mechanism
          :user (mew-submit-request--octets user)
          :password (and user password
                         (mew-submit-request--octets password)))))

(defun mew-submit-request-make (account file fields from recipients)
  "Return the request for the message FILE, whose header has FIELDS.
ACCOUNT is a plist, as in `mew-submit-accounts', and may have :password,
:timeout and :step-timeout too.  FROM and RECIPIENTS, or nil, are the envelope.
Signal a condition such as `mew-submit-message' or `mew-submit-config' for
whatever cannot be used."
  (let* ((host (mew-submit-request--server account))
         (plan (mew-submit-request--plan account))
         (routes (plist-get plan :routes)))
    (append
     (list
      :host host
      :routes routes
      :race (plist-get plan :race)
      :ask-fallback (eq (mew-submit-request--fallback account) 'ask)
      :attempt-delay (mew-submit-request--msecs mew-submit-attempt-delay)
      :connect-timeout (mew-submit-request--msecs
                        (or (plist-get account :timeout)
                            mew-submit-connect-timeout))
      :step-timeout (mew-submit-request--msecs
                     (or (plist-get account :step-timeout)
                         mew-submit-step-timeout))
      :tls (plist-get plan :tls)
      :ca-file (mew-submit-request--trust-file account :ca-file "CA file")
      :crl-file (mew-submit-request--trust-file account :crl-file "CRL file")
      :helo (mew-submit-address-helo (or (plist-get account :helo)
                                         mew-submit-helo))
      :from (mew-submit-request--octets
             (mew-submit-request--sender account from fields))
      :recipients (mapcar #'mew-submit-request--octets
                          (mew-submit-request--recipients recipients fields))
      :file (mew-submit-request--file file)
      :trace mew-submit-log)
     (mew-submit-request--credentials account host (caar routes)))))

;;; Submitting

(defun mew-submit-request-account (account fields)
  "Return the account to send a message with FIELDS by.
ACCOUNT is a plist, the name of one in `mew-submit-accounts', or nil: then the
message's sender decides."
  (cond ((stringp account) (mew-submit-account-by-name account))
        (account (copy-tree account))
        (t (mew-submit-account-choose
            (or (mew-submit-message-author fields)
                (mew-submit-message-sender fields))
            (mew-submit-message-method fields)))))

(defun mew-submit-request--clean-copy (file fields)
  "Return the name of a copy of FILE without the private ones of FIELDS.
It is alone in a directory of its own.  Return nil where there are none."
  (when (mew-submit-message-private-p fields)
    (let ((copy (expand-file-name "message.eml"
                                  (make-temp-file "mew-submit-" t))))
      (condition-case err
          (mew-submit-message-copy file fields copy)
        (error
         (delete-directory (file-name-directory copy) t)
         (signal (car err) (cdr err))))
      copy)))

(defun mew-submit-request--settle (event host)
  "Tell auth-source how EVENT judges the password for HOST."
  (pcase (plist-get event :event)
    ('auth (mew-submit-auth-settle (plist-get event :job) t host))
    ('done (when (equal (plist-get event :kind) "auth")
             (mew-submit-auth-settle (plist-get event :job) nil host)))))

(cl-defun mew-submit-request-submit
    (file &key account from recipients on-event on-done on-ask)
  "Submit the message FILE in the background and return the session.
ACCOUNT is as for `mew-submit-request-account', FROM and RECIPIENTS are the
envelope; where they are nil the header decides.  Fields that must not leave do
not, whether they are in FILE or not.  ON-EVENT, ON-DONE and ON-ASK are as for
`mew-submit-session-start'.  Signal a condition when FILE cannot be sent."
  (let* ((fields (mew-submit-message-fields file))
         (account (mew-submit-request-account account fields))
         (request (mew-submit-request-make account file fields from recipients))
         (host (plist-get request :host))
         (copy (mew-submit-request--clean-copy file fields))
         (clean-up (lambda ()
                     (when copy
                       (delete-directory (file-name-directory copy) t)))))
    (when copy
      (plist-put request :file (mew-submit-request--file copy)))
    (condition-case err
        (mew-submit-session-start
         request
         :on-event (lambda (event)
                     (mew-submit-request--settle event host)
                     (when on-event
                       (funcall on-event event)))
         :on-done (lambda (event)
                    (funcall clean-up)
                    (when on-done
                      (funcall on-done event)))
         :on-ask on-ask)
      (error (funcall clean-up)
             (signal (car err) (cdr err))))))

(provide 'mew-submit-request)
;;; mew-submit-request.el ends here
