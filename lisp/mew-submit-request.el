;;; mew-submit-request.el --- From an account and a message to a running job -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what the module is asked to do: here account, plan, envelope
;; and message come together, and whatever is wrong with them is found before
;; anything is connected.  The batch command and the commands of mew-submit.el both
;; go this way.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-address)
(require 'mew-submit-auth)
(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-memory)
(require 'mew-submit-message)
(require 'mew-submit-network-negative)
(require 'mew-submit-network-server)
(require 'mew-submit-plan)
(require 'mew-submit-job)
(require 'mew-submit-refusal)
(require 'mew-submit-tls)
(require 'mew-submit-tunnel)

(declare-function mew-submit-sevenbit--convert "mew-submit-sevenbit" (file out &optional goal))

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
  :group 'mew-submit-connection
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-connect-timeout 10
  "Seconds to wait for one connection at most.
The default is 10, as in Mew."
  :type 'number
  :group 'mew-submit-connection
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-step-timeout nil
  "Seconds to wait for each step of SMTP and TLS at most.
The default, nil, means the figures of RFC 5321, section 4.5.3.2: five minutes
for most steps, ten for the final reply."
  :type '(choice (const :tag "As RFC 5321 says" nil) number)
  :group 'mew-submit-connection
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-helo "localhost.localdomain"
  "What to call this machine in EHLO: a domain name or an address literal.
The default, \"localhost.localdomain\", gives nothing away."
  :type 'string
  :group 'mew-submit-connection
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-keep-connection 3
  "Seconds for which a connection is kept after a message, for the next one.
The default is 3.  Only messages of the same account go over it, and 0 means
that none is kept.  In batch mode none is."
  :type 'number
  :group 'mew-submit-connection
  :package-version '(mew-submit . "0.1.0"))

(defun mew-submit-request--msecs (seconds)
  "Return SECONDS, a number or nil, in milliseconds."
  (if seconds (max 1 (round (* 1000 seconds))) 0))

(defun mew-submit-request--octets (text)
  "Return TEXT as UTF-8 octets; nil stays nil."
  (and text (encode-coding-string text 'utf-8)))

(defun mew-submit-request--plan (account rule)
  "Return the plan for ACCOUNT, as `mew-submit-plan--make' does.
RULE is the one for falling back."
  (let ((routes (plist-get account :routes)))
    (mew-submit-plan--make
     (plist-get account :server)
     :plan (plist-get account :plan)
     :routes (if (stringp routes) (mew-submit-plan--parse-routes routes) routes)
     :family (plist-get account :family)
     :tls (plist-get account :tls)
     :fallback rule)))

(defun mew-submit-request--fallback-rule (account host networks)
  "Return ACCOUNT's rule for falling back: `ask', `always' or `never'.
Where it is `ask', what the user has answered before decides, for HOST on
NETWORKS."
  (let ((rule (or (plist-get account :fallback) mew-submit-fallback)))
    (or (and (eq rule 'ask) (mew-submit-network-negative--rule host networks))
        rule)))

(defvar mew-submit-request--checking nil
  "Non-nil while it is only found out whether a message can be sent.
Nobody is asked anything then.")

(defun mew-submit-request--look-up (function)
  "Return the value of FUNCTION, a look-up, or `unknown' while only checking."
  (let ((mew-submit-auth--ask (and mew-submit-auth--ask
                                   (not mew-submit-request--checking))))
    (condition-case err
        (funcall function)
      (mew-submit-secret (if mew-submit-request--checking
                             'unknown
                           (signal (car err) (cdr err)))))))

(defun mew-submit-request--login (account host port)
  "Return the user that auth-source has for ACCOUNT at HOST and PORT, or nil.
In batch mode it is not asked."
  (cond ((plist-get account :resolved)
         (plist-get (plist-get account :resolved) :login))
        ((not noninteractive)
         (mew-submit-request--look-up
          (lambda ()
            (mew-submit-auth--user host port (plist-get account :author)))))))

(defun mew-submit-request--user (account host port)
  "Return ACCOUNT's user name, or nil for no authentication.
Without one auth-source is asked for HOST and PORT, but not in batch mode.  An
account that wants a mechanism never goes without a user: signal
`mew-submit-config'."
  (let* ((mechanism (mew-submit-auth--mechanism account))
         (none (equal mechanism "none"))
         (login (and (not none) (null (plist-get account :user))
                     (mew-submit-request--login account host port))))
    (unless (or none (eq login 'unknown))
      (or (plist-get account :user)
          login
          (pcase (upcase (or mechanism ""))
            ("" nil)
            ;; The certificate or the ticket says who it is.
            ((or "EXTERNAL" "GSSAPI") "")
            (_ (mew-submit-error--throw
                'config nil "No user name for %s at %s: the account needs :user"
                mechanism host)))))))

(defun mew-submit-request--host (account)
  "Return the server of ACCOUNT as it is looked up, or signal a condition."
  (mew-submit-address--host
   (or (plist-get account :server)
       (mew-submit-account--throw account "has no :server"))))

(defun mew-submit-request--sender (account from fields)
  "Return the envelope sender for ACCOUNT, checked.
It is FROM, else what X-Mew-Submit-From says, else the account's, else the one
in FIELDS, else the user's address.  One without a domain becomes the account's
address.  An empty FROM is the null sender."
  (let ((sender (or from (mew-submit-message--envelope-from fields)
                    (plist-get account :sender)
                    (mew-submit-message--sender fields) user-mail-address)))
    (if (equal sender "")
        ""
      (mew-submit-address--check
       (mew-submit-account--qualify account (or sender user-mail-address ""))))))

(defun mew-submit-request--recipients (recipients fields)
  "Return the checked RECIPIENTS, or those in FIELDS where they are nil."
  (or (mew-submit-address--distinct
       (mapcar #'mew-submit-address--check
               (or recipients (mew-submit-message--recipients fields))))
      (mew-submit-error--throw 'message nil "The message has no recipient")))

(defun mew-submit-request--credentials (account host port)
  "Return the part of a request about ACCOUNT's user.
HOST and PORT are for auth-source."
  (let ((user (mew-submit-request--user account host port))
        (password (plist-get account :password)))
    (when user
      (mew-submit-address--check-secret user "user name"))
    (when password
      (mew-submit-address--check-secret password "password"))
    (list :auth (or (mew-submit-auth--mechanism account)
                    (and user (null password)
                         (mew-submit-auth--entry-mechanism host port user)))
          :user (mew-submit-request--octets user)
          :password (and user password
                         (mew-submit-request--octets password)))))

(defun mew-submit-request--tunnel (account)
  "Return the part of a request about ACCOUNT's way out, in octets."
  (let* ((tunnel (mew-submit-tunnel--parse (plist-get account :tunnel)))
         (user (plist-get tunnel :tunnel-user))
         (proxy (and user (mew-submit-tunnel--proxy tunnel)))
         (part (append tunnel
                       (mew-submit-tunnel--source (plist-get account :source)))))
    (append (mapcar (lambda (value)
                      (if (stringp value)
                          (mew-submit-request--octets value)
                        value))
                    part)
            (and (eq (plist-get tunnel :tunnel) 'ssh)
                 (mew-submit-tunnel--environment))
            (and user
                 (list :tunnel-password
                       (mew-submit-request--octets
                        (if (plist-get account :resolved)
                            (plist-get (plist-get account :resolved) :proxy-password)
                          (mew-submit-request--proxy-password proxy user))))))))

(defun mew-submit-request--proxy-password (proxy user)
  "Return the password of USER at PROXY, (HOST . PORT), or nil."
  (let ((found (mew-submit-request--look-up
                (lambda ()
                  (mew-submit-auth--proxy-password (car proxy) (cdr proxy)
                                                   user)))))
    (and (stringp found) found)))

(defun mew-submit-request--resolve (account author)
  "Return what has to be looked up before ACCOUNT is used for AUTHOR, an address.
It is the value of :resolved in an account, and holds for its first server.  Who
is asked is as for `mew-submit-auth--lookup'; this is not looked up again."
  (let* ((account (append account (list :author author)))
         (host (mew-submit-request--host account))
         (plan (mew-submit-request--plan account 'never))
         (tunnel (mew-submit-tunnel--parse (plist-get account :tunnel)))
         (proxy-user (plist-get tunnel :tunnel-user)))
    (list :login (mew-submit-request--user
                  account host (caar (plist-get plan :routes)))
          :proxy-password
          (and proxy-user
               (mew-submit-request--proxy-password
                (mew-submit-tunnel--proxy tunnel) proxy-user)))))

(defun mew-submit-request--memory-file (account)
  "Return the file that remembers what ACCOUNT's server has offered, or nil.
In batch mode it has to be named."
  (or (plist-get account :memory)
      (and (not noninteractive) mew-submit-memory-file)))

(defun mew-submit-request--certified-name (account)
  "Return the name that the certificate of ACCOUNT's server must have."
  (mew-submit-address--host (or (plist-get account :tls-name)
                                (plist-get account :server))))

(defvar mew-submit-request--several nil
  "Non-nil in batch mode when the command may send several messages.
Without it a connection is not kept there for another one.")

(defun mew-submit-request--share (account request)
  "Return the part of a request about sharing REQUEST's connection.
It is shared by requests of the same ACCOUNT; whatever could make a difference
to who is reached, how safely and as whom is the same."
  (let ((keep (if (and noninteractive (not mew-submit-request--several))
                  0
                mew-submit-keep-connection))
        (secrets '(:password :tunnel-password))
        (print-length nil)
        (print-level nil))
    (unless (zerop keep)
      ;; What is tried last makes no difference once it has not been needed.
      (setq request (plist-put (copy-sequence request) :routes
                               (mew-submit-network-negative--unmark
                                (plist-get request :routes))))
      (list :keep (mew-submit-request--msecs keep)
            :share (secure-hash
                    'sha256
                    (prin1-to-string
                     (list (plist-get account :name)
                           (cl-loop for (key value) on request by #'cddr
                                    unless (memq key secrets)
                                    collect (list key value))
                           (cl-loop for (key value) on request by #'cddr
                                    when (string-suffix-p "-file" (symbol-name key))
                                    collect (mew-submit-tls--stamp value)))))))))

;;; Ports that take no log-in

(defvar mew-submit-request--no-log-in nil
  "Ports that were seen to take no log-in: a list of ((SERVER . PORT) . WHEN).")

(defconst mew-submit-request--no-log-in-seconds 86400
  "For how many seconds that is believed.")

(defun mew-submit-request--no-log-in-p (host port)
  "Was PORT of HOST seen to take no log-in, not long ago?"
  (when-let* ((when (cdr (assoc (cons host port)
                                mew-submit-request--no-log-in))))
    (< 0 (- (float-time) when) mew-submit-request--no-log-in-seconds)))

(defun mew-submit-request--learn-log-ins (host done)
  "Remember which ports of HOST took no log-in, and which one did, from DONE.
That is the end of a job."
  (dolist (attempt (plist-get done :attempts))
    (when (equal (plist-get attempt :case) "no-login")
      (setf (alist-get (cons host (plist-get attempt :port))
                       mew-submit-request--no-log-in nil nil #'equal)
            (float-time))))
  (when (plist-get done :auth)
    (setf (alist-get (cons host (plist-get done :port))
                     mew-submit-request--no-log-in nil t #'equal)
          nil)))

(defun mew-submit-request--forget-log-ins (server)
  "Forget which ports of SERVER were seen to take no log-in."
  (setq mew-submit-request--no-log-in
        (seq-remove (lambda (element)
                      (equal (downcase (caar element)) (downcase server)))
                    mew-submit-request--no-log-in)))

(defun mew-submit-request--worth-asking (routes host rule user)
  "Return those of ROUTES to HOST that USER may have to be asked about under RULE.
Nobody is asked whether to fall back on a port that takes no log-in."
  (if (and user (eq rule 'ask))
      (seq-filter (lambda (route)
                    (or (eql (car route) (caar routes))
                        (not (mew-submit-request--no-log-in-p host (car route)))))
                  routes)
    routes))

(defun mew-submit-request--connection (account)
  "Return the part of a request that is the same for all messages of ACCOUNT."
  (let* ((host (mew-submit-request--host account))
         ;; Where this machine is makes nothing right or wrong: that is for later.
         (networks (unless mew-submit-request--checking
                     (mew-submit-network-negative--networks (plist-get account :tunnel))))
         (rule (mew-submit-request--fallback-rule account host networks))
         (plan (mew-submit-request--plan account rule))
         (tunnel (mew-submit-request--tunnel account))
         (credentials (mew-submit-request--credentials
                       account host (caar (plist-get plan :routes))))
         (all (mew-submit-request--worth-asking
               (plist-get plan :routes) host rule
               (plist-get credentials :user)))
         (routes (if (plist-get tunnel :tunnel)
                     (mew-submit-tunnel--routes all)
                   all))
         (ports (delete-dups (mapcar #'car routes))))
    (append
     (list
      :host host
      :routes (mew-submit-network-negative--mark
               routes (mew-submit-network-negative--find host networks)
               (plist-get tunnel :tunnel))
      :race (plist-get plan :race)
      :ask-fallback (eq rule 'ask)
      :attempt-delay (mew-submit-request--msecs mew-submit-attempt-delay)
      :connect-timeout (mew-submit-request--msecs
                        (or (plist-get account :timeout)
                            mew-submit-connect-timeout))
      :step-timeout (mew-submit-request--msecs
                     (or (plist-get account :step-timeout)
                         mew-submit-step-timeout))
      :tls (plist-get plan :tls)
      :helo (mew-submit-address--helo (or (plist-get account :helo)
                                          mew-submit-helo))
      :without (mew-submit-account--without (plist-get account :without)))
     (mew-submit-tls--request account host ports)
     tunnel
     credentials)))

(defun mew-submit-request--ports (request)
  "Return the ports that REQUEST has routes to."
  (delete-dups (mapcar #'car (plist-get request :routes))))

(defun mew-submit-request--make (account file fields from recipients)
  "Return the request for the message FILE, whose header has FIELDS.
ACCOUNT is a plist, as in `mew-submit-accounts', and may have :password,
:memory, :timeout and :step-timeout too.  FROM and RECIPIENTS, or nil, are the
envelope.  Signal a condition such as `mew-submit-message' or
`mew-submit-config' for whatever cannot be used."
  (let* ((connection (mew-submit-request--connection
                      (append account
                              (list :author (mew-submit-message--author fields)))))
         (recipients (mew-submit-request--recipients recipients fields))
         (memory (mew-submit-request--memory-file account))
         (name (mew-submit-request--certified-name account))
         (ports (mew-submit-request--ports connection)))
    (append
     (list
      :from (mew-submit-request--octets
             (mew-submit-request--sender account from fields))
      :recipients (mapcar #'mew-submit-request--octets recipients)
      :all-or-none (and (plist-get account :all-or-none) t)
      :file (mew-submit-tls--file-name file)
      :binary (and (mew-submit-message--binary-p fields) t)
      :trace mew-submit-log)
     (list :without (mew-submit-account--without
                     (append (mew-submit-memory--without memory name ports)
                             (plist-get account :without))))
     (cl-loop for (key value) on connection by #'cddr
              unless (eq key :without) append (list key value))
     (mew-submit-extension--request account)
     (mew-submit-extension--each account recipients)
     (mew-submit-memory--request memory name ports)
     (unless mew-submit-request--checking
       (mew-submit-request--share account connection)))))

(defun mew-submit-request--check (account file fields from recipients)
  "Return the envelope, (FROM . RECIPIENTS), for the message FILE with FIELDS.
ACCOUNT, FROM and RECIPIENTS are as for `mew-submit-request--make'.  Signal the
same conditions for whatever cannot be used."
  (let* ((mew-submit-request--checking t)
         (request (mew-submit-request--make account file fields from recipients)))
    (dolist (key '(:password :tunnel-password))
      (when-let* ((secret (plist-get request key)))
        (clear-string secret)))
    (cons (mew-submit-request--sender account from fields)
          (mew-submit-request--recipients recipients fields))))

(defun mew-submit-request--probe (account)
  "Return the request for a look at ACCOUNT's server and its certificate.
Nothing is sent there but what leads to TLS.  A pin does not count."
  (let ((connection (mew-submit-request--connection
                     (append '(:tls required :auth "none") account))))
    (append '(:probe t) (plist-put connection :pins nil))))

(defun mew-submit-request--fallback (account)
  "Return ACCOUNT's rule for falling back here: `ask', `always' or `never'."
  (mew-submit-request--fallback-rule
   account (mew-submit-request--host account)
   (mew-submit-network-negative--networks (plist-get account :tunnel))))

(defun mew-submit-request--look (account routes)
  "Return the request for a look whether ACCOUNT's server can be used by ROUTES.
ROUTES are such as \"465:implicit\".  Neither user nor password is in it, and a
pin counts.  Signal `mew-submit-config' for a proxy that wants a password, which
might have to be asked for."
  (when (plist-get (mew-submit-tunnel--parse (plist-get account :tunnel))
                   :tunnel-user)
    (mew-submit-error--throw 'config nil "The proxy wants a password"))
  (append (list :probe t)
          (mew-submit-request--connection
           (append (list :tls 'required :auth "none" :user nil :password nil
                         :routes routes :plan nil :fallback 'always)
                   account))))

(defun mew-submit-request--remembered (account ports)
  "Return the part of a request about what ACCOUNT's server had at PORTS.
A memory that cannot be read is no reason not to look at the server: tell."
  (condition-case err
      (mew-submit-memory--request (mew-submit-request--memory-file account)
                                  (mew-submit-request--certified-name account)
                                  ports)
    (mew-submit-config (message "%s" (mew-submit-error--text err))
                       nil)))

(defun mew-submit-request--diagnosis (account routes)
  "Return the request for a diagnosis of ACCOUNT's server by ROUTES.
Each of them is (PORT FAMILY MODE SERVICE).  No user name and no secret is in
it."
  (let* ((account (append '(:tls required :auth "none" :user nil :cert-file nil
                                 :key-file nil)
                          account))
         (connection (mew-submit-request--connection account)))
    (append (list :diagnose t
                  :routes (if (plist-get connection :tunnel)
                              (mew-submit-tunnel--routes routes)
                            routes)
                  :trace mew-submit-log)
            (mew-submit-request--remembered account
                                            (delete-dups
                                             (mapcar #'car routes)))
            (cl-loop for (key value) on connection by #'cddr
                     unless (memq key '(:routes :race :ask-fallback :auth :user
                                                :password))
                     append (list key value)))))

(defun mew-submit-request--log-in-only (account)
  "Return the request for a log-in by ACCOUNT, after which nothing is sent."
  (let ((connection (mew-submit-request--connection account)))
    (append (list :probe t :log-in t :trace mew-submit-log)
            (mew-submit-request--remembered account (mew-submit-request--ports
                                                     connection))
            connection)))

;;; Submitting

(defun mew-submit-request--account (account fields)
  "Return the account to send a message with FIELDS by.
ACCOUNT is a plist, the name of one in `mew-submit-accounts', or nil: then the
field X-Mew-Submit-Account or the message's sender decides.  What the message
itself wishes, in fields such as X-Mew-Submit-DSN-Notify, goes before what the
account says."
  (mew-submit-extension--merge
   (cond ((stringp account) (mew-submit-account--by-name account))
         (account (mew-submit-account--copy (mew-submit-account--check account)))
         ((mew-submit-message--account fields)
          (mew-submit-account--by-name (mew-submit-message--account fields)))
         (t (mew-submit-account--choose
             (or (mew-submit-message--author fields)
                 (mew-submit-message--sender fields))
             (mew-submit-message--method fields))))
   (mew-submit-extension--wishes (mew-submit-message--wishes fields))))

(cl-defstruct (mew-submit-request--work
               (:constructor mew-submit-request--make-work)
               (:copier nil))
  (account nil :documentation "The account, a plist, for the server in question.")
  (servers nil :documentation "The account for each server that is left to try.")
  (names nil :documentation "What its servers are called, in the user's order.")
  (passed nil :documentation "Why each server before could not be used, newest first.")
  (on-server nil :documentation "Function that is told by which of several, or nil.")
  (greeted nil :documentation "The code of the greeting, or nil for none yet.")
  (file nil :documentation "The message file.")
  (fields nil :documentation "The fields of its header.")
  (from nil :documentation "The envelope sender, or nil.")
  (recipients nil :documentation "The recipients, or nil.")
  (host nil :documentation "The server.")
  (networks nil :documentation "Where this machine was when the job began.")
  (observe nil :documentation "Function of events that remembers, or nil.")
  (journal nil :documentation "The journal of final dots to be, or nil.")
  (directory nil :documentation "A directory for copies, once there is one.")
  (password nil :documentation "The password in the account, wiped at the end.")
  (on-ask nil :documentation "Function that answers questions, or nil.")
  (asked nil :documentation "Non-nil when the user's password was given.")
  (without nil :documentation "EHLO keywords that the server did not keep.")
  (refusal nil :documentation "Why that was refused, in words, then.")
  (wrong nil :documentation "What was wrong with it: `app-password' or t."))

(defun mew-submit-parcel--copy-name (work name)
  "Return the name of a new file NAME for WORK alone."
  (unless (mew-submit-request--work-directory work)
    (setf (mew-submit-request--work-directory work)
          (make-temp-file "mew-submit-" t)))
  (expand-file-name name (mew-submit-request--work-directory work)))

(defun mew-submit-parcel--clean-up (work)
  "Delete the copies that WORK has made, and wipe its password."
  (when-let* ((password (mew-submit-request--work-password work)))
    (setf (mew-submit-request--work-password work) nil)
    (clear-string password))
  (when-let* ((directory (mew-submit-request--work-directory work)))
    (setf (mew-submit-request--work-directory work) nil)
    (delete-directory directory t)))

(defun mew-submit-parcel--public-file (work)
  "Return the name of a file with WORK's message and without private fields."
  (let ((file (mew-submit-request--work-file work))
        (fields (mew-submit-request--work-fields work)))
    (if (mew-submit-message--private-p fields)
        (let ((copy (mew-submit-parcel--copy-name work "message.eml")))
          (unless (file-exists-p copy)
            (mew-submit-message--copy file fields copy))
          copy)
      file)))

(defun mew-submit-parcel--without (work)
  "Return keywords to leave out for WORK because of its server, as a plist."
  (when-let* ((keywords (mew-submit-request--work-without work)))
    (list :without (append keywords
                           (plist-get (mew-submit-request--work-account work)
                                      :without)))))

(defun mew-submit-request--make-for (work)
  "Return a request for WORK."
  (append (mew-submit-request--make (append (mew-submit-parcel--without work)
                                            (mew-submit-request--work-account
                                             work))
                                    (mew-submit-parcel--public-file work)
                                    (mew-submit-request--work-fields work)
                                    (mew-submit-request--work-from work)
                                    (mew-submit-request--work-recipients work))
          (when-let* ((journal (mew-submit-request--work-journal work)))
            (list :journal (mew-submit-tls--file-name journal)))))

;;; Questions

(defconst mew-submit-parcel--encodings
  '(("lines" . lines) ("header" . header) ("seven-bit" . octets))
  "What a message is to be encoded for, and what `mew-submit-sevenbit--goal' is.")

(defun mew-submit-parcel--encoded (work what)
  "Return the name of a file with WORK's message, encoded for WHAT, or nil."
  (require 'mew-submit-sevenbit)        ; slow to load, and seldom needed
  (let ((out (mew-submit-parcel--copy-name work (concat what ".eml"))))
    (and (or (file-exists-p out)
             (mew-submit-sevenbit--convert
              (mew-submit-parcel--public-file work) out
              (cdr (assoc what mew-submit-parcel--encodings))))
         (mew-submit-tls--file-name out))))

(defun mew-submit-parcel--or (answer otherwise)
  "Return ANSWER, or for none the value of OTHERWISE, a function, now or later."
  (if (functionp answer)
      (lambda (reply)
        (funcall answer (lambda (later)
                          (let ((value (or later (funcall otherwise))))
                            (if (functionp value)
                                (funcall value reply)
                              (funcall reply value))))))
    (or answer (funcall otherwise))))

(defun mew-submit-parcel--token-of-user (work event)
  "Return the token that whoever is asked for WORK has for EVENT.
That there is none just now holds for all mail of the account."
  (when-let* ((on-ask (mew-submit-request--work-on-ask work)))
    (mew-submit-parcel--noting work (funcall on-ask event))))

(defun mew-submit-parcel--secret (work event)
  "Return what answers the question EVENT of WORK for a secret.
It is as `mew-submit-job--start' takes it."
  (let ((account (mew-submit-request--work-account work))
        (on-ask (mew-submit-request--work-on-ask work))
        (refusal (mew-submit-request--work-refusal work)))
    (cond ((mew-submit-auth--token-p (plist-get event :mechanism))
           (mew-submit-parcel--or
            (mew-submit-auth--token event account)
            (lambda () (mew-submit-parcel--token-of-user work event))))
          ((null on-ask) nil)
          ((null refusal)
           (setf (mew-submit-request--work-asked work) t)
           (if (mew-submit-parcel--asks-user-p work)
               (mew-submit-parcel--ask-user work event)
             (funcall on-ask event)))
          (t (mew-submit-parcel--or
              (condition-case nil
                  (funcall on-ask
                           (append event
                                   (list :wrong (mew-submit-request--work-wrong work))))
                (quit nil))
              (lambda () (cons :failed refusal)))))))

(defun mew-submit-parcel--asks-user-p (work)
  "Does WORK have the user asked for what auth-source does not know?
A function that answers questions so has the property `mew-submit-asks-again'."
  (let ((on-ask (mew-submit-request--work-on-ask work)))
    (and (not noninteractive)
         on-ask (symbolp on-ask)
         (function-get on-ask 'mew-submit-asks-again))))

(defun mew-submit-parcel--none (work why)
  "Return the answer that there is no secret for WORK at the moment, and WHY.
Nobody is asked for that of its account again, for whatever message, for a time."
  (mew-submit-auth--postpone (mew-submit-request--work-account work) why)
  (cons :none why))

(defun mew-submit-parcel--noting (work answer)
  "Return ANSWER, to a question of WORK for a secret.
That there is none just now, also where that is told later, holds for all mail
of the account."
  (cond ((functionp answer)
         (lambda (reply)
           (funcall answer (lambda (later)
                             (funcall reply (mew-submit-parcel--noting work later))))))
        ((eq (car-safe answer) :none) (mew-submit-parcel--none work (cdr answer)))
        (t answer)))

(defun mew-submit-parcel--ask-user (work event)
  "Ask the user for the secret that EVENT of WORK wants; return the answer.
One answer counts for all messages of the account."
  (let ((why (mew-submit-auth--why-put-off
              (mew-submit-request--work-account work))))
    (if why
        (cons :none why)
      (condition-case err
          (mew-submit-parcel--or
           (mew-submit-parcel--noting
            work (funcall (mew-submit-request--work-on-ask work) event))
           (lambda () (mew-submit-parcel--none work "you have said: not now")))
        (quit (mew-submit-parcel--none work "you have said: not now"))
        (error (mew-submit-parcel--none work (mew-submit-error--text err)))))))

(defun mew-submit-parcel--secret-at-once (work event)
  "Return what answers EVENT of WORK for a secret if nobody has to be asked.
Where nobody is there that is that there is none."
  (let ((refusal (mew-submit-request--work-refusal work)))
    (cond ((mew-submit-auth--token-p (plist-get event :mechanism)) nil)
          ((not (mew-submit-parcel--asks-user-p work)) nil)
          ((and (null refusal)
                (mew-submit-parcel--noting work (mew-submit-auth--known event))))
          ((not (mew-submit-background--nobody-p)) nil)
          (refusal (cons :failed refusal))
          (t (mew-submit-parcel--none
              work "nobody is there to be asked for the password")))))

(defun mew-submit-parcel--answer-at-once (work event)
  "Return what answers the question EVENT of WORK if nobody has to be asked.
Return nil when the user has to be."
  (pcase (plist-get event :what)
    ((and what (guard (assoc what mew-submit-parcel--encodings)))
     (mew-submit-parcel--encoded work what))
    ("password"
     (let ((answer (mew-submit-parcel--secret-at-once work event)))
       (when answer
         (setf (mew-submit-request--work-asked work) t))
       answer))))

(defun mew-submit-parcel--tunnel-name (work)
  "Return what names the way out of WORK, or nil for no tunnel."
  (plist-get (mew-submit-request--work-account work) :tunnel))

(defun mew-submit-parcel--consent (work event)
  "Return what answers the question EVENT of WORK whether to fall back.
Whoever is asked hears of the tunnel as well: it makes another network."
  (when-let* ((on-ask (mew-submit-request--work-on-ask work)))
    (funcall on-ask (append event (list :tunnel (mew-submit-parcel--tunnel-name
                                                 work))))))

(defun mew-submit-parcel--hint (work)
  "Return why WORK must not or cannot fall back, or nil.
Either the user has said so of the network, or the other ports take no log-in."
  (let* ((host (mew-submit-request--work-host work))
         (networks (mew-submit-request--work-networks work))
         (account (mew-submit-request--work-account work))
         (rule (mew-submit-request--fallback-rule account host networks))
         (ports (mapcar #'car (plist-get (mew-submit-request--plan account rule)
                                         :routes)))
         (useless (seq-filter (lambda (port)
                                (mew-submit-request--no-log-in-p host port))
                              (delete-dups (cdr ports)))))
    (cond ((and (eq (or (plist-get account :fallback) mew-submit-fallback) 'ask)
                (eq (mew-submit-network-negative--rule host networks) 'never))
           mew-submit-network-negative--never)
          (useless
           (format "port %s takes no log-in, so mail cannot be submitted there"
                   (mapconcat #'number-to-string useless " and "))))))

(defun mew-submit-parcel--answer (work event)
  "Return what answers the question EVENT of WORK."
  (pcase (plist-get event :what)
    ((and what (guard (assoc what mew-submit-parcel--encodings)))
     (mew-submit-parcel--encoded work what))
    ("password" (mew-submit-parcel--secret work event))
    ("fallback" (mew-submit-parcel--consent work event))
    (_ (when-let* ((on-ask (mew-submit-request--work-on-ask work)))
         (funcall on-ask event)))))

(defun mew-submit-parcel--again (work done)
  "Return another request for WORK after its end DONE, or nil.
It is one where the server has refused what it offers itself, without that, one
with another password, or one to another server."
  (if-let* (((equal (plist-get done :about) "offer"))
            (news (seq-difference (plist-get done :left-out)
                                  (mew-submit-request--work-without work))))
      (progn
        (when-let* ((observe (mew-submit-request--work-observe work)))
          (funcall observe done))
        (setf (mew-submit-request--work-without work)
              (append news (mew-submit-request--work-without work)))
        (mew-submit-request--make-for work))
    (or (mew-submit-parcel--again-with-password work done)
        (mew-submit-parcel--elsewhere work done))))

(defun mew-submit-parcel--again-with-password (work done)
  "Return another request for WORK after its end DONE, or nil.
That is when the password was refused for good, and not the log-in for another
reason (RFC 4954, section 6), and there is somebody to ask for another one, but
only once: the event has :wrong then, `app-password' or t."
  (when (and (mew-submit-parcel--asks-user-p work)
             (mew-submit-request--work-asked work)
             (null (mew-submit-request--work-refusal work))
             (mew-submit-refusal--secret-p done))
    (setf (mew-submit-request--work-refusal work) (plist-get done :text)
          (mew-submit-request--work-wrong work)
          (if (mew-submit-refusal--app-password-p done) 'app-password t))
    (mew-submit-parcel--settle work done)
    (mew-submit-request--make-for work)))

;;; Other servers

(defun mew-submit-parcel--go-to (work account)
  "Have WORK go by ACCOUNT, which has one server."
  (let ((memory (mew-submit-request--memory-file account)))
    (setf (mew-submit-request--work-account work) account
          (mew-submit-request--work-host work) (mew-submit-request--host account)
          (mew-submit-request--work-networks work)
          (mew-submit-network-negative--networks (plist-get account :tunnel))
          (mew-submit-request--work-greeted work) nil
          (mew-submit-request--work-asked work) nil
          (mew-submit-request--work-refusal work) nil
          (mew-submit-request--work-without work) nil
          (mew-submit-request--work-observe work)
          (and memory
               (mew-submit-memory--observer
                memory (mew-submit-request--certified-name account))))))

(defun mew-submit-parcel--tell-server (work account)
  "Tell who wants to know that WORK is about to go by ACCOUNT, one of several."
  (when (and (cdr (mew-submit-request--work-names work))
             (mew-submit-request--work-on-server work))
    (funcall (mew-submit-request--work-on-server work)
             (mew-submit-account--server-name account))))

(defun mew-submit-parcel--prefer (work account)
  "Have WORK try the servers of ACCOUNT in order, what worked here last first."
  (let* ((servers (mew-submit-account--servers account))
         (names (mapcar #'mew-submit-account--server-name servers))
         (first (if (cdr names)
                    (nth (seq-position names (mew-submit-network-server--first
                                              names (mew-submit-network--primary)))
                         servers)
                  (car servers))))
    (setf (mew-submit-request--work-names work) names
          (mew-submit-request--work-servers work) (remq first servers))
    (mew-submit-parcel--tell-server work first)
    (mew-submit-parcel--go-to work first)))

(defun mew-submit-parcel--out-of-reach-p (work done)
  "Does DONE say that the network is between us and the server of WORK?
That is so where no port could be reached, and not where the server has said no;
but one that has greeted us with \"later\" has said nothing of the message.  It
has where it has answered to a recipient, or to a password, in an earlier
session."
  (unless (or (plist-get done :recipients) (mew-submit-request--work-refusal work))
    (pcase (plist-get done :kind)
      ((or "connect" "host") t)
      ("no-login" (seq-some #'mew-submit-network-negative--blocked-p
                            (plist-get done :attempts)))
      ("deferred" (and (mew-submit-request--work-greeted work)
                       (<= 400 (mew-submit-request--work-greeted work) 499))))))

(defun mew-submit-parcel--pass (work account text)
  "Note TEXT, why the server of ACCOUNT cannot be used for WORK."
  (push (format "%s: %s" (plist-get account :server) text)
        (mew-submit-request--work-passed work)))

(defun mew-submit-parcel--next (work)
  "Have WORK go by the next of its servers that can be used; return the request.
Where there is none return nil.  Emacs does that by itself, so nobody is asked
for a passphrase: a server whose log-in is behind one cannot be used then."
  (let ((mew-submit-auth--ask nil)
        request)
    (while (and (null request) (mew-submit-request--work-servers work))
      (let ((account (pop (mew-submit-request--work-servers work))))
        (condition-case err
            (progn (mew-submit-parcel--tell-server work account)
                   (mew-submit-parcel--go-to work account)
                   (setq request (mew-submit-request--make-for work)))
          (mew-submit-error
           (mew-submit-parcel--pass work account (mew-submit-error--text err))))))
    request))

(defun mew-submit-parcel--elsewhere (work done)
  "Return a request to the next server of WORK after its end DONE, or nil.
Nothing of the message has been said to the one before.  Where there is no next
one, DONE is told why the others could not be used."
  (let ((before (mew-submit-request--work-account work)))
    (cond ((and (mew-submit-request--work-servers work)
                (mew-submit-parcel--out-of-reach-p work done))
           (mew-submit-request--learn-log-ins (mew-submit-request--work-host work) done)
           (mew-submit-parcel--learn work done)
           (mew-submit-parcel--pass work before (plist-get done :text))
           (or (mew-submit-parcel--next work)
               (progn
                 ;; It is this one that has ended.
                 (mew-submit-parcel--go-to work before)
                 (plist-put done :text (string-join
                                        (reverse (mew-submit-request--work-passed work))
                                        "; "))
                 nil)))
          ((and (mew-submit-request--work-passed work)
                (not (equal (plist-get done :kind) "ok")))
           (plist-put done :text
                      (format "%s.  Before that, %s"
                              (string-trim-right (or (plist-get done :text) "") "[.]")
                              (string-join (reverse (mew-submit-request--work-passed
                                                     work))
                                           "; ")))
           nil))))

(defun mew-submit-parcel--learn-server (work done)
  "Remember from DONE, the end of WORK, which of several servers took mail here."
  (when (and (cdr (mew-submit-request--work-names work))
             (member (plist-get done :result) '("delivered" "partial")))
    (mew-submit-network-server--learn
     (mew-submit-request--work-names work)
     (mew-submit-account--server-name (mew-submit-request--work-account work))
     (mew-submit-network--primary))))

;;; Ports that were blocked

(defvar mew-submit-parcel--rechecks nil
  "Who will be looked at again: a list of (SERVER . TIMER).")

(defconst mew-submit-parcel--recheck-delay 2
  "Seconds after a message before anything is looked at again.")

(defun mew-submit-parcel--recheck-in (seconds host account)
  "Look at HOST, ACCOUNT's server, again in SECONDS."
  (setf (alist-get host mew-submit-parcel--rechecks nil nil #'equal)
        (run-at-time seconds nil #'mew-submit-parcel--recheck host account)))

(defun mew-submit-parcel--recheck-later (host account)
  "Look again at what ACCOUNT's server HOST did not let through, when it is time.
A proxy that wants a password is left alone: it might have to be asked for."
  (let ((entries (mew-submit-network-negative--find
                  host (mew-submit-network-negative--networks
                        (plist-get account :tunnel))))
        (tunnel (mew-submit-tunnel--parse (plist-get account :tunnel))))
    (when (and entries
               (not (plist-get tunnel :tunnel-user))
               (not (assoc host mew-submit-parcel--rechecks)))
      (setq account (copy-sequence account))
      (cl-remf account :password)
      (mew-submit-parcel--recheck-in
       (max mew-submit-parcel--recheck-delay
            (mew-submit-network-negative--next-check entries))
       host account))))

(defun mew-submit-parcel--recheck (host account)
  "Look again at what ACCOUNT's server HOST did not let through.
That is done while Emacs is idle, or sends mail anyway; else it has time."
  (setf (alist-get host mew-submit-parcel--rechecks nil t #'equal) nil)
  (if (or noninteractive (current-idle-time) (mew-submit-job--list))
      (condition-case err
          (mew-submit-parcel--recheck-now host account)
        (mew-submit-error
         (message "mew-submit: %s cannot be looked at again: %s" host
                  (mew-submit-error--text err))))
    (mew-submit-parcel--recheck-in 10 host account)))

(defun mew-submit-parcel--recheck-now (host account)
  "Have the blocked ports of HOST, ACCOUNT's server, forgotten if they answer.
Return the session that looks, or nil where there is nothing to look at."
  (let* ((tunnel (plist-get account :tunnel))
         (networks (mew-submit-network-negative--networks tunnel))
         (entries (mew-submit-network-negative--find host networks))
         (request (and entries (mew-submit-request--probe account)))
         (routes (mew-submit-network-negative--unmark
                  (seq-filter (lambda (route) (nth 3 route))
                              (plist-get request :routes)))))
    (when routes
      (mew-submit-job--start
       (plist-put (plist-put request :routes routes) :ask-fallback nil)
       :on-done (lambda (done)
                  (mew-submit-network-negative--checked entries)
                  (mew-submit-network-negative--learn
                   host (plist-get done :attempts)
                   (mew-submit-network-negative--networks tunnel) networks))))))

;;; Events

(defun mew-submit-parcel--settle (work event)
  "Tell auth-source how EVENT judges the password of WORK."
  (let ((job (plist-get event :job))
        (host (mew-submit-request--work-host work)))
    (pcase (plist-get event :event)
      ('auth (when-let* ((save (mew-submit-auth--settle job t host)))
               (mew-submit-auth--offer-to-save host save)))
      ('done (when (mew-submit-refusal--secret-p event)
               (mew-submit-auth--settle job nil host))
             (mew-submit-auth--close job)))))

(defun mew-submit-parcel--learn (work done)
  "Remember what the attempts of DONE, the end of WORK, tell of the network.
Where a message has gone another way because of it, look again some time."
  (when mew-submit-network-negative--active
    (let ((host (mew-submit-request--work-host work)))
      (mew-submit-network-negative--learn
       host (plist-get done :attempts)
       (mew-submit-network-negative--networks (mew-submit-parcel--tunnel-name work))
       (mew-submit-request--work-networks work))
      (when (member (plist-get done :result) '("delivered" "partial"))
        (mew-submit-parcel--recheck-later
         host (mew-submit-request--work-account work))))))

(defun mew-submit-parcel--note (work event)
  "Remember what is in EVENT of WORK about server, password and network."
  (mew-submit-parcel--settle work event)
  (pcase (plist-get event :event)
    ('connected (setf (mew-submit-request--work-greeted work) nil))
    ('greeting (setf (mew-submit-request--work-greeted work) (plist-get event :code)))
    ('done
     (mew-submit-request--learn-log-ins (mew-submit-request--work-host work)
                                        event)
     (mew-submit-parcel--learn work event)
     (mew-submit-parcel--learn-server work event)))
  (when-let* ((observe (mew-submit-request--work-observe work)))
    (funcall observe event)))

(defun mew-submit-dispatch--start (work on-event on-done)
  "Start a session for WORK and return it; ON-EVENT and ON-DONE hear of it."
  (mew-submit-job--start
   (mew-submit-request--make-for work)
   :on-event (lambda (event)
               (unwind-protect
                   (mew-submit-parcel--note work event)
                 (when on-event
                   (funcall on-event event))))
   :on-done (lambda (event)
              (mew-submit-parcel--clean-up work)
              (when on-done
                (funcall on-done event)))
   :on-ask (lambda (event) (mew-submit-parcel--answer work event))
   :on-know (lambda (event) (mew-submit-parcel--answer-at-once work event))
   :again (lambda (event) (mew-submit-parcel--again work event))
   :hint (mew-submit-parcel--hint work)))

(cl-defun mew-submit-parcel--log-in (account &key on-event on-done on-ask)
  "Log in by ACCOUNT, once, and send nothing; return the session.
ON-EVENT, ON-DONE and ON-ASK are as for `mew-submit-job--start'.  Signal a
condition when ACCOUNT cannot be used."
  (let ((work (mew-submit-request--make-work
               :account account :on-ask on-ask
               :host (mew-submit-request--host account))))
    (mew-submit-job--start
     (mew-submit-request--log-in-only account)
     :on-event (lambda (event)
                 (mew-submit-parcel--settle work event)
                 (when on-event
                   (funcall on-event event)))
     :on-done on-done
     :on-ask (lambda (event) (mew-submit-parcel--answer work event))
     :on-know (lambda (event) (mew-submit-parcel--answer-at-once work event)))))

(cl-defun mew-submit-parcel--submit
    (file &key account from recipients journal on-event on-done on-ask
          on-server)
  "Submit the message FILE in the background and return the session.
ACCOUNT is as for `mew-submit-request--account', FROM and RECIPIENTS are the
envelope; where they are nil the header decides.  JOURNAL is a file in which
final dots and the answers to them are noted, or nil.  Fields that must not
leave do not, whether they are in FILE or not.  ON-EVENT, ON-DONE and ON-ASK are
as for `mew-submit-job--start'; questions that ACCOUNT answers do not come to
ON-ASK.  ON-SERVER is called with the name of one of several servers, as
`mew-submit-account--at' takes it, before anything is said to that.  A :password
in ACCOUNT is the caller's to wipe, at once.  Signal a condition when FILE
cannot be sent."
  (let* ((fields (mew-submit-message--fields file))
         (account (mew-submit-request--account account fields))
         ;; It may be needed for another job, too.
         (password (copy-sequence (plist-get account :password)))
         (account (if password
                      (plist-put (copy-sequence account) :password password)
                    account))
         (work (mew-submit-request--make-work
                :file file :fields fields :from from :recipients recipients
                :password password
                :on-ask on-ask :journal journal :on-server on-server)))
    (condition-case err
        (progn (mew-submit-parcel--prefer work account)
               (mew-submit-dispatch--start work on-event on-done))
      (error (mew-submit-parcel--clean-up work)
             (signal (car err) (cdr err))))))

(provide 'mew-submit-request)
;;; mew-submit-request.el ends here
