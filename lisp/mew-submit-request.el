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
(require 'mew-submit-extension)
(require 'mew-submit-memory)
(require 'mew-submit-message)
(require 'mew-submit-negative)
(require 'mew-submit-plan)
(require 'mew-submit-session)
(require 'mew-submit-tls)
(require 'mew-submit-tunnel)

(declare-function mew-submit-sevenbit-convert "mew-submit-sevenbit" (file out))

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
  "Return the plan for ACCOUNT, as `mew-submit-plan-make' does.
RULE is the one for falling back."
  (let ((routes (plist-get account :routes)))
    (mew-submit-plan-make
     (plist-get account :server)
     :plan (plist-get account :plan)
     :routes (if (stringp routes) (mew-submit-plan-parse-routes routes) routes)
     :family (plist-get account :family)
     :tls (plist-get account :tls)
     :fallback rule)))

(defun mew-submit-request--fallback (account host networks)
  "Return ACCOUNT's rule for falling back: `ask', `always' or `never'.
Where it is `ask', what the user has answered before decides, for HOST on
NETWORKS."
  (let ((rule (or (plist-get account :fallback) mew-submit-fallback)))
    (or (and (eq rule 'ask) (mew-submit-negative-rule host networks))
        rule)))

(defun mew-submit-request--user (account host port)
  "Return ACCOUNT's user name, or nil for no authentication.
Without one auth-source is asked for HOST and PORT, but not in batch mode.  An
account that wants a mechanism never goes without a user: signal
`mew-submit-config'."
  (let ((mechanism (mew-submit-auth-mechanism account)))
    (unless (equal mechanism "none")
      (or (plist-get account :user)
          (and (not noninteractive)
               (plist-get (mew-submit-auth-lookup host port) :user))
          (pcase (upcase (or mechanism ""))
            ("" nil)
            ;; The certificate or the ticket says who it is.
            ((or "EXTERNAL" "GSSAPI") "")
            (_ (mew-submit-error-throw
                'config nil "No user name for %s at %s: the account needs :user"
                mechanism host)))))))

(defun mew-submit-request-host (account)
  "Return the server of ACCOUNT as it is looked up, or signal a condition."
  (mew-submit-address-host
   (or (plist-get account :server)
       (mew-submit-error-throw 'config nil "The account %s has no :server"
                               (plist-get account :name)))))

(defun mew-submit-request-sender (account from fields)
  "Return the envelope sender for ACCOUNT, checked.
It is FROM, else what X-Mew-Submit-From says, else the account's, else the one
in FIELDS, else the user's address.  An empty FROM is the null sender."
  (let ((sender (or from (mew-submit-message-envelope-from fields)
                    (plist-get account :sender)
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
        (password (plist-get account :password)))
    (when user
      (mew-submit-address-check-secret user "user name"))
    (when password
      (mew-submit-address-check-secret password "password"))
    (list :auth (mew-submit-auth-mechanism account)
          :user (mew-submit-request--octets user)
          :password (and user password
                         (mew-submit-request--octets password)))))

(defun mew-submit-request--tunnel (account)
  "Return the part of a request about ACCOUNT's way out, in octets."
  (let* ((tunnel (mew-submit-tunnel-parse (plist-get account :tunnel)))
         (user (plist-get tunnel :tunnel-user))
         (proxy (and user (mew-submit-tunnel-proxy tunnel)))
         (part (append tunnel
                       (mew-submit-tunnel-source (plist-get account :source)))))
    (append (mapcar (lambda (value)
                      (if (stringp value)
                          (mew-submit-request--octets value)
                        value))
                    part)
            (and (eq (plist-get tunnel :tunnel) 'ssh)
                 (mew-submit-tunnel-environment))
            (and user
                 (list :tunnel-password
                       (mew-submit-auth-proxy-password (car proxy) (cdr proxy)
                                                       user))))))

(defun mew-submit-request--memory-file (account)
  "Return the file that remembers what ACCOUNT's server has offered, or nil.
In batch mode it has to be named."
  (or (plist-get account :memory)
      (and (not noninteractive) mew-submit-memory-file)))

(defun mew-submit-request--certified-name (account)
  "Return the name that the certificate of ACCOUNT's server must have."
  (mew-submit-address-host (or (plist-get account :tls-name)
                               (plist-get account :server))))

(defvar mew-submit-request-several nil
  "Non-nil in batch mode when the command may send several messages.
Without it a connection is not kept there for another one.")

(defun mew-submit-request--share (account request)
  "Return the part of a request about sharing REQUEST's connection.
It is shared by requests of the same ACCOUNT; whatever could make a difference
to who is reached, how safely and as whom is the same."
  (let ((keep (if (and noninteractive (not mew-submit-request-several))
                  0
                mew-submit-keep-connection))
        (secrets '(:password :tunnel-password))
        (print-length nil)
        (print-level nil))
    (unless (zerop keep)
      ;; What is tried last makes no difference once it has not been needed.
      (setq request (plist-put (copy-sequence request) :routes
                               (mew-submit-negative-unmark
                                (plist-get request :routes))))
      (list :keep (mew-submit-request--msecs keep)
            :share (secure-hash
                    'sha256
                    (prin1-to-string
                     (list (plist-get account :name)
                           (cl-loop for (key value) on request by #'cddr
                                    unless (memq key secrets)
                                    collect (list key value))
                           (mapcar (lambda (key)
                                     (mew-submit-tls-stamp
                                      (plist-get request key)))
                                   '(:ca-file :crl-file :cert-file
                                     :key-file)))))))))

(defun mew-submit-request--connection (account)
  "Return the part of a request that is the same for all messages of ACCOUNT."
  (let* ((host (mew-submit-request-host account))
         (networks (mew-submit-negative-networks (plist-get account :tunnel)))
         (rule (mew-submit-request--fallback account host networks))
         (plan (mew-submit-request--plan account rule))
         (tunnel (mew-submit-request--tunnel account))
         (routes (if (plist-get tunnel :tunnel)
                     (mew-submit-tunnel-routes (plist-get plan :routes))
                   (plist-get plan :routes)))
         (ports (delete-dups (mapcar #'car routes))))
    (append
     (list
      :host host
      :routes (mew-submit-negative-mark
               routes (mew-submit-negative-find host networks)
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
      :helo (mew-submit-address-helo (or (plist-get account :helo)
                                         mew-submit-helo))
      :without (mew-submit-account-without (plist-get account :without)))
     (mew-submit-tls-request account host ports)
     tunnel
     (mew-submit-request--credentials account host (car ports)))))

(defun mew-submit-request--ports (request)
  "Return the ports that REQUEST has routes to."
  (delete-dups (mapcar #'car (plist-get request :routes))))

(defun mew-submit-request-make (account file fields from recipients)
  "Return the request for the message FILE, whose header has FIELDS.
ACCOUNT is a plist, as in `mew-submit-accounts', and may have :password,
:memory, :timeout and :step-timeout too.  FROM and RECIPIENTS, or nil, are the
envelope.  Signal a condition such as `mew-submit-message' or
`mew-submit-config' for whatever cannot be used."
  (let* ((connection (mew-submit-request--connection account))
         (recipients (mew-submit-request--recipients recipients fields))
         (memory (mew-submit-request--memory-file account))
         (name (mew-submit-request--certified-name account))
         (ports (mew-submit-request--ports connection)))
    (append
     (list
      :from (mew-submit-request--octets
             (mew-submit-request-sender account from fields))
      :recipients (mapcar #'mew-submit-request--octets recipients)
      :all-or-none (and (plist-get account :all-or-none) t)
      :file (mew-submit-tls-file-name file)
      :binary (and (mew-submit-message-binary-p fields) t)
      :trace mew-submit-log)
     (list :without (mew-submit-account-without
                     (append (mew-submit-memory-without memory name ports)
                             (plist-get account :without))))
     (cl-loop for (key value) on connection by #'cddr
              unless (eq key :without) append (list key value))
     (mew-submit-extension-request account)
     (mew-submit-extension-each account recipients)
     (mew-submit-memory-request memory name ports)
     (mew-submit-request--share account connection))))

(defun mew-submit-request-check (account file fields from recipients)
  "Return the envelope, (FROM . RECIPIENTS), for the message FILE with FIELDS.
ACCOUNT, FROM and RECIPIENTS are as for `mew-submit-request-make'.  Signal the
same conditions for whatever cannot be used."
  (let ((request (mew-submit-request-make account file fields from recipients)))
    (dolist (key '(:password :tunnel-password))
      (when-let ((secret (plist-get request key)))
        (clear-string secret)))
    (cons (mew-submit-request-sender account from fields)
          (mew-submit-request--recipients recipients fields))))

(defun mew-submit-request-probe (account)
  "Return the request for a look at ACCOUNT's server and its certificate.
Nothing is sent there but what leads to TLS.  A pin does not count."
  (let ((connection (mew-submit-request--connection
                     (append '(:tls required :auth "none") account))))
    (append '(:probe t) (plist-put connection :pins nil))))

(defun mew-submit-request--remembered (account ports)
  "Return the part of a request about what ACCOUNT's server had at PORTS.
A memory that cannot be read is no reason not to look at the server: tell."
  (condition-case err
      (mew-submit-memory-request (mew-submit-request--memory-file account)
                                 (mew-submit-request--certified-name account)
                                 ports)
    (mew-submit-config (message "%s" (mew-submit-error-text err))
                       nil)))

(defun mew-submit-request-diagnosis (account routes)
  "Return the request for a diagnosis of ACCOUNT's server by ROUTES.
Each of them is (PORT FAMILY MODE SERVICE).  No user name and no secret is in
it."
  (let* ((account (append '(:tls required :auth "none" :user nil :cert-file nil
                                 :key-file nil)
                          account))
         (connection (mew-submit-request--connection account)))
    (append (list :diagnose t
                  :routes (if (plist-get connection :tunnel)
                              (mew-submit-tunnel-routes routes)
                            routes)
                  :trace mew-submit-log)
            (mew-submit-request--remembered account
                                            (delete-dups
                                             (mapcar #'car routes)))
            (cl-loop for (key value) on connection by #'cddr
                     unless (memq key '(:routes :race :ask-fallback :auth :user
                                                :password))
                     append (list key value)))))

;;; Submitting

(defun mew-submit-request-account (account fields)
  "Return the account to send a message with FIELDS by.
ACCOUNT is a plist, the name of one in `mew-submit-accounts', or nil: then the
field X-Mew-Submit-Account or the message's sender decides.  What the message
itself wishes, in fields such as X-Mew-Submit-DSN-Notify, goes before what the
account says."
  (mew-submit-extension-merge
   (cond ((stringp account) (mew-submit-account-by-name account))
         (account (mew-submit-account-copy account))
         ((mew-submit-message-account fields)
          (mew-submit-account-by-name (mew-submit-message-account fields)))
         (t (mew-submit-account-choose
             (or (mew-submit-message-author fields)
                 (mew-submit-message-sender fields))
             (mew-submit-message-method fields))))
   (mew-submit-extension-wishes (mew-submit-message-wishes fields))))

(cl-defstruct (mew-submit-request--work
               (:constructor mew-submit-request--make-work)
               (:copier nil))
  (account nil :documentation "The account, a plist.")
  (file nil :documentation "The message file.")
  (fields nil :documentation "The fields of its header.")
  (from nil :documentation "The envelope sender, or nil.")
  (recipients nil :documentation "The recipients, or nil.")
  (host nil :documentation "The server.")
  (networks nil :documentation "Where this machine was when the job began.")
  (observe nil :documentation "Function of events that remembers, or nil.")
  (journal nil :documentation "The journal of final dots to be, or nil.")
  (directory nil :documentation "A directory for copies, once there is one.")
  (on-ask nil :documentation "Function that answers questions, or nil.")
  (asked nil :documentation "Non-nil when the user's password was given.")
  (without nil :documentation "EHLO keywords that the server did not keep.")
  (refusal nil :documentation "Why that was refused, in words, then."))

(defun mew-submit-request--copy-name (work name)
  "Return the name of a new file NAME for WORK alone."
  (unless (mew-submit-request--work-directory work)
    (setf (mew-submit-request--work-directory work)
          (make-temp-file "mew-submit-" t)))
  (expand-file-name name (mew-submit-request--work-directory work)))

(defun mew-submit-request--clean-up (work)
  "Delete the copies that WORK has made."
  (when-let ((directory (mew-submit-request--work-directory work)))
    (setf (mew-submit-request--work-directory work) nil)
    (delete-directory directory t)))

(defun mew-submit-request--public-file (work)
  "Return the name of a file with WORK's message and without private fields."
  (let ((file (mew-submit-request--work-file work))
        (fields (mew-submit-request--work-fields work)))
    (if (mew-submit-message-private-p fields)
        (let ((copy (mew-submit-request--copy-name work "message.eml")))
          (unless (file-exists-p copy)
            (mew-submit-message-copy file fields copy))
          copy)
      file)))

(defun mew-submit-request--without (work)
  "Return keywords to leave out for WORK because of its server, as a plist."
  (when-let* ((keywords (mew-submit-request--work-without work)))
    (list :without (append keywords
                           (plist-get (mew-submit-request--work-account work)
                                      :without)))))

(defun mew-submit-request--make (work)
  "Return a request for WORK."
  (append (mew-submit-request-make (append (mew-submit-request--without work)
                                           (mew-submit-request--work-account
                                            work))
                                   (mew-submit-request--public-file work)
                                   (mew-submit-request--work-fields work)
                                   (mew-submit-request--work-from work)
                                   (mew-submit-request--work-recipients work))
          (when-let ((journal (mew-submit-request--work-journal work)))
            (list :journal (mew-submit-tls-file-name journal)))))

;;; Questions

(defun mew-submit-request--seven-bit (work)
  "Return the name of a file with WORK's message in seven bits, or nil."
  (require 'mew-submit-sevenbit)        ; slow to load, and seldom needed
  (let ((out (mew-submit-request--copy-name work "seven-bit.eml")))
    (and (or (file-exists-p out)
             (mew-submit-sevenbit-convert (mew-submit-request--public-file work)
                                          out))
         (mew-submit-tls-file-name out))))

(defun mew-submit-request--secret (work event)
  "Return what answers the question EVENT of WORK for a secret.
It is as `mew-submit-session-start' takes it."
  (let ((account (mew-submit-request--work-account work))
        (on-ask (mew-submit-request--work-on-ask work))
        (refusal (mew-submit-request--work-refusal work)))
    (cond ((mew-submit-auth-token-p (plist-get event :mechanism))
           (or (mew-submit-auth-token event account)
               (and on-ask (funcall on-ask event))))
          ((null on-ask) nil)
          ((null refusal)
           (setf (mew-submit-request--work-asked work) t)
           (funcall on-ask event))
          ((condition-case nil
               (funcall on-ask (append event '(:wrong t)))
             (quit nil)))
          (t (cons :failed refusal)))))

(defun mew-submit-request--tunnel-name (work)
  "Return what names the way out of WORK, or nil for no tunnel."
  (plist-get (mew-submit-request--work-account work) :tunnel))

(defun mew-submit-request--consent (work event)
  "Return what answers the question EVENT of WORK whether to fall back.
Whoever is asked hears of the tunnel as well: it makes another network."
  (when-let ((on-ask (mew-submit-request--work-on-ask work)))
    (funcall on-ask (append event (list :tunnel (mew-submit-request--tunnel-name
                                                 work))))))

(defun mew-submit-request--hint (work)
  "Return why WORK must not fall back, if that is because of the network."
  (let* ((host (mew-submit-request--work-host work))
         (networks (mew-submit-request--work-networks work))
         (account (mew-submit-request--work-account work)))
    (and (eq (or (plist-get account :fallback) mew-submit-fallback) 'ask)
         (eq (mew-submit-negative-rule host networks) 'never)
         mew-submit-negative-never)))

(defun mew-submit-request--answer (work event)
  "Return what answers the question EVENT of WORK."
  (pcase (plist-get event :what)
    ("seven-bit" (mew-submit-request--seven-bit work))
    ("password" (mew-submit-request--secret work event))
    ("fallback" (mew-submit-request--consent work event))
    (_ (when-let ((on-ask (mew-submit-request--work-on-ask work)))
         (funcall on-ask event)))))

(defun mew-submit-request--password-refused-p (done)
  "Did the server of DONE refuse the secret itself?"
  (and (equal (plist-get done :kind) "auth")
       (member (plist-get done :about) '("password" "app-password" "token"))
       t))

(defun mew-submit-request--again (work done)
  "Return another request for WORK after its end DONE, or nil.
It is one where the server has refused what it offers itself, without that, or
one with another password."
  (if (and (equal (plist-get done :about) "offer")
           (null (mew-submit-request--work-without work)))
      (progn
        (when-let* ((observe (mew-submit-request--work-observe work)))
          (funcall observe done))
        (setf (mew-submit-request--work-without work)
              (plist-get done :left-out))
        (mew-submit-request--make work))
    (mew-submit-request--again-with-password work done)))

(defun mew-submit-request--again-with-password (work done)
  "Return another request for WORK after its end DONE, or nil.
That is when the password was refused for good, and not the log-in for another
reason (RFC 4954, section 6), and there is somebody to ask for another one, but
only once.  A function that answers questions has the
property `mew-submit-asks-again' when it gives another password to an event
with :wrong."
  (when (and (not noninteractive)
             (mew-submit-request--work-asked work)
             (let ((on-ask (mew-submit-request--work-on-ask work)))
               (and (symbolp on-ask)
                    (function-get on-ask 'mew-submit-asks-again)))
             (null (mew-submit-request--work-refusal work))
             (mew-submit-request--password-refused-p done))
    (setf (mew-submit-request--work-refusal work) (plist-get done :text))
    (mew-submit-request--settle work done)
    (mew-submit-request--make work)))

;;; Ports that were blocked

(defvar mew-submit-request--rechecks nil
  "Who will be looked at again: a list of (SERVER . TIMER).")

(defconst mew-submit-request--recheck-delay 2
  "Seconds after a message before anything is looked at again.")

(defun mew-submit-request--recheck-in (seconds host account)
  "Look at HOST, ACCOUNT's server, again in SECONDS."
  (setf (alist-get host mew-submit-request--rechecks nil nil #'equal)
        (run-at-time seconds nil #'mew-submit-request--recheck host account)))

(defun mew-submit-request--recheck-later (host account)
  "Look again at what ACCOUNT's server HOST did not let through, when it is time.
A proxy that wants a password is left alone: it might have to be asked for."
  (let ((entries (mew-submit-negative-find
                  host (mew-submit-negative-networks
                        (plist-get account :tunnel))))
        (tunnel (mew-submit-tunnel-parse (plist-get account :tunnel))))
    (when (and entries
               (not (plist-get tunnel :tunnel-user))
               (not (assoc host mew-submit-request--rechecks)))
      (setq account (copy-sequence account))
      (cl-remf account :password)
      (mew-submit-request--recheck-in
       (max mew-submit-request--recheck-delay
            (mew-submit-negative-next-check entries))
       host account))))

(defun mew-submit-request--recheck (host account)
  "Look again at what ACCOUNT's server HOST did not let through.
That is done while Emacs is idle, or sends mail anyway; else it has time."
  (setf (alist-get host mew-submit-request--rechecks nil t #'equal) nil)
  (if (or noninteractive (current-idle-time) (mew-submit-session-list))
      (condition-case err
          (mew-submit-request--recheck-now host account)
        (mew-submit-error
         (message "mew-submit: %s cannot be looked at again: %s" host
                  (mew-submit-error-text err))))
    (mew-submit-request--recheck-in 10 host account)))

(defun mew-submit-request--recheck-now (host account)
  "Have the blocked ports of HOST, ACCOUNT's server, forgotten if they answer.
Return the session that looks, or nil where there is nothing to look at."
  (let* ((tunnel (plist-get account :tunnel))
         (networks (mew-submit-negative-networks tunnel))
         (entries (mew-submit-negative-find host networks))
         (request (and entries (mew-submit-request-probe account)))
         (routes (mew-submit-negative-unmark
                  (seq-filter (lambda (route) (nth 3 route))
                              (plist-get request :routes)))))
    (when routes
      (mew-submit-session-start
       (plist-put (plist-put request :routes routes) :ask-fallback nil)
       :on-done (lambda (done)
                  (mew-submit-negative-checked entries)
                  (mew-submit-negative-learn
                   host (plist-get done :attempts)
                   (mew-submit-negative-networks tunnel) networks))))))

;;; Events

(defun mew-submit-request--settle (work event)
  "Tell auth-source how EVENT judges the password of WORK."
  (let ((job (plist-get event :job))
        (host (mew-submit-request--work-host work)))
    (pcase (plist-get event :event)
      ('auth (when-let ((save (mew-submit-auth-settle job t host)))
               (mew-submit-session-when-quiet save)))
      ('done (when (mew-submit-request--password-refused-p event)
               (mew-submit-auth-settle job nil host))
             (mew-submit-auth-close job)))))

(defun mew-submit-request--learn (work done)
  "Remember what the attempts of DONE, the end of WORK, tell of the network.
Where a message has gone another way because of it, look again some time."
  (when mew-submit-negative-active
    (let ((host (mew-submit-request--work-host work)))
      (mew-submit-negative-learn
       host (plist-get done :attempts)
       (mew-submit-negative-networks (mew-submit-request--tunnel-name work))
       (mew-submit-request--work-networks work))
      (when (member (plist-get done :result) '("delivered" "partial"))
        (mew-submit-request--recheck-later
         host (mew-submit-request--work-account work))))))

(defun mew-submit-request--note (work event)
  "Remember what is in EVENT of WORK about server, password and network."
  (mew-submit-request--settle work event)
  (when (eq (plist-get event :event) 'done)
    (mew-submit-request--learn work event))
  (when-let ((observe (mew-submit-request--work-observe work)))
    (funcall observe event)))

(defun mew-submit-request--start (work on-event on-done)
  "Start a session for WORK and return it; ON-EVENT and ON-DONE hear of it."
  (setf (mew-submit-request--work-networks work)
        (mew-submit-negative-networks (mew-submit-request--tunnel-name work)))
  (mew-submit-session-start
   (mew-submit-request--make work)
   :on-event (lambda (event)
               (unwind-protect
                   (mew-submit-request--note work event)
                 (when on-event
                   (funcall on-event event))))
   :on-done (lambda (event)
              (mew-submit-request--clean-up work)
              (when on-done
                (funcall on-done event)))
   :on-ask (lambda (event) (mew-submit-request--answer work event))
   :again (lambda (event) (mew-submit-request--again work event))
   :hint (mew-submit-request--hint work)))

(cl-defun mew-submit-request-submit
    (file &key account from recipients journal on-event on-done on-ask)
  "Submit the message FILE in the background and return the session.
ACCOUNT is as for `mew-submit-request-account', FROM and RECIPIENTS are the
envelope; where they are nil the header decides.  JOURNAL is a file in which
final dots and the answers to them are noted, or nil.  Fields that must not
leave do not, whether they are in FILE or not.  ON-EVENT, ON-DONE and ON-ASK are
as for `mew-submit-session-start'; questions that ACCOUNT answers do not come to
ON-ASK.  Signal a condition when FILE cannot be sent."
  (let* ((fields (mew-submit-message-fields file))
         (account (mew-submit-request-account account fields))
         (memory (mew-submit-request--memory-file account))
         (work (mew-submit-request--make-work
                :account account :file file :fields fields :from from
                :recipients recipients :on-ask on-ask :journal journal
                :host (mew-submit-request-host account)
                :observe (and memory
                              (mew-submit-memory-observer
                               memory
                               (mew-submit-request--certified-name account))))))
    (condition-case err
        (mew-submit-request--start work on-event on-done)
      (error (mew-submit-request--clean-up work)
             (signal (car err) (cdr err))))))

(provide 'mew-submit-request)
;;; mew-submit-request.el ends here
