;;; mew-submit-request.el --- From an account and a message to a request -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what the module is asked to do: here account, plan, envelope
;; and message come together, and whatever is wrong with them is found before
;; anything is connected.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-address)
(require 'mew-submit-auth)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-job)
(require 'mew-submit-memory)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-network-negative)
(require 'mew-submit-store)
(require 'mew-submit-way)

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
  "Return the plan for ACCOUNT, as `mew-submit-way--plan' does.
RULE is the one for falling back."
  (let ((routes (plist-get account :routes)))
    (mew-submit-way--plan
     (plist-get account :server)
     :plan (plist-get account :plan)
     :routes (if (stringp routes) (mew-submit-way--parse-routes routes) routes)
     :family (plist-get account :family)
     :tls (plist-get account :tls)
     :fallback rule)))

(defun mew-submit-request--fallback-rule (account host networks)
  "Return ACCOUNT's rule for falling back: `ask', `always' or `never'.
Where it is `ask', what the user has answered before decides, for HOST on
NETWORKS."
  (let ((rule (or (plist-get account :fallback) mew-submit-fallback)))
    (or (and networks (eq rule 'ask) (mew-submit-network-negative--rule host networks))
        rule)))

(defun mew-submit-request--login (account host port)
  "Return the user that auth-source has for ACCOUNT at HOST and PORT, or nil.
In batch mode it is not asked."
  (cond ((plist-get account :resolved)
         (plist-get (plist-get account :resolved) :login))
        ((not noninteractive)
         (mew-submit-auth--user host port (plist-get account :author)))))

(defun mew-submit-request--user (account host port)
  "Return ACCOUNT's user name, or nil for no authentication.
Without one auth-source is asked for HOST and PORT, but not in batch mode.  An
account that wants a mechanism never goes without a user: signal
`mew-submit-config'."
  (let* ((mechanism (mew-submit-auth--mechanism account))
         (none (equal mechanism "none"))
         (login (and (not none) (null (plist-get account :user))
                     (mew-submit-request--login account host port))))
    (unless none
      (or (plist-get account :user)
          login
          (pcase (mew-submit-caseless--up (or mechanism ""))
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
  (mew-submit-message--check-names fields)
  (let ((sender (or from (mew-submit-message--envelope-from fields)
                    (when-let* ((sender (plist-get account :sender)))
                      (mew-submit-address--bare sender))
                    (mew-submit-message--sender fields) user-mail-address)))
    (if (equal sender "")
        ""
      (mew-submit-address--check
       (mew-submit-account--qualify account (or sender user-mail-address ""))))))

(defun mew-submit-request--envelope (account fields from recipients)
  "Return the envelope, (FROM . RECIPIENTS), for a message with FIELDS by ACCOUNT.
It is FROM and RECIPIENTS, checked, or for nil what FIELDS and ACCOUNT say.
Where FIELDS name the recipients, who is answered to is looked at, too.
Only users of this machine have no domain; else a name alone is a slip."
  (let ((sender (mew-submit-request--sender account from fields))
        (names (if (mew-submit-account--local-p (plist-get account :server)) 'apart 'never)))
    (unless recipients
      (dolist (field fields)
        (when (or (member (car field) '("reply-to" "sender"))
                  ;; Something between commas in which there is no address.
                  (and (equal (car field) "from")
                       (string-match-p "[:,][^@<,:]*\\(?:,\\|\\'\\)" (cdr field))))
          (unless (mew-submit-message--resent-p fields)
            (mew-submit-address--parse (mew-submit-message--value field) names)))))
    (cons sender
          (or (mew-submit-address--distinct
               (mapcar #'mew-submit-address--check
                       (or recipients (mew-submit-message--recipients fields names))))
              (mew-submit-error--throw 'message nil "The message has no recipient")))))

(defun mew-submit-request--for-author (account fields)
  "Return ACCOUNT with the author in FIELDS, who may be whose user is looked up."
  (if (plist-get account :user)
      account
    (append account (list :author (mew-submit-message--author fields)))))

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
  (let* ((tunnel (mew-submit-way--tunnel (plist-get account :tunnel)))
         (user (plist-get tunnel :tunnel-user))
         (proxy (and user (mew-submit-way--proxy tunnel)))
         (part (append tunnel
                       (mew-submit-way--source (plist-get account :source)))))
    (append (mapcar (lambda (value)
                      (if (stringp value)
                          (mew-submit-request--octets value)
                        value))
                    part)
            (and (eq (plist-get tunnel :tunnel) 'ssh)
                 (mew-submit-way--ssh-environment))
            (and user
                 (list :tunnel-password
                       (mew-submit-request--octets
                        (if (plist-get account :resolved)
                            (plist-get (plist-get account :resolved) :proxy-password)
                          (mew-submit-auth--proxy-password (car proxy) (cdr proxy)
                                                           user))))))))

(defun mew-submit-request--resolve (account author)
  "Return what has to be looked up before ACCOUNT is used for AUTHOR, an address.
It is the value of :resolved in an account, and holds for its first server.  Who
is asked is as for `mew-submit-auth--lookup'; this is not looked up again."
  (let* ((tunnel (mew-submit-way--tunnel (plist-get account :tunnel)))
         (proxy-user (plist-get tunnel :tunnel-user)))
    (list :login
          (unless (plist-get account :user)
            (mew-submit-request--user
             (append account (list :author author))
             (mew-submit-request--host account)
             (caar (plist-get (mew-submit-request--plan account 'never) :routes))))
          :proxy-password
          (and proxy-user
               (pcase-let ((`(,host . ,port) (mew-submit-way--proxy tunnel)))
                 (mew-submit-auth--proxy-password host port proxy-user))))))

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
        (secrets '(:password :tunnel-password)))
    (unless (zerop keep)
      ;; What is tried last makes no difference once it has not been needed.
      (setq request (plist-put (copy-sequence request) :routes
                               (mew-submit-network-negative--unmark
                                (plist-get request :routes))))
      (list :keep (mew-submit-request--msecs keep)
            :share (secure-hash
                    'sha256
                    (mew-submit-store--text
                     (list (plist-get account :name)
                           (cl-loop for (key value) on request by #'cddr
                                    unless (memq key secrets)
                                    collect (list key value))
                           (cl-loop for (key value) on request by #'cddr
                                    when (string-suffix-p "-file" (symbol-name key))
                                    collect (mew-submit-way--stamp value)))))))))

;;; Where this machine is

(defun mew-submit-request--networks (account)
  "Return the networks that this machine is on, for mail by ACCOUNT.
It is as `mew-submit-network-negative--networks' returns it; where nothing is
remembered of any network, nobody has to know."
  (when (or mew-submit-network-negative--active mew-submit-fallback-networks)
    (mew-submit-network-negative--networks (plist-get account :tunnel))))

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
                      (equal (mew-submit-caseless--down (caar element))
                             (mew-submit-caseless--down server)))
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

(defun mew-submit-request--connection (account networks)
  "Return the part of a request that is the same for all messages of ACCOUNT.
NETWORKS are those it leaves from, as `mew-submit-request--networks' says."
  (let* ((host (mew-submit-request--host account))
         (rule (mew-submit-request--fallback-rule account host networks))
         (plan (mew-submit-request--plan account rule))
         (tunnel (mew-submit-request--tunnel account))
         (credentials (mew-submit-request--credentials
                       account host (caar (plist-get plan :routes))))
         (all (mew-submit-request--worth-asking
               (plist-get plan :routes) host rule
               (plist-get credentials :user)))
         (routes (if (plist-get tunnel :tunnel)
                     (mew-submit-way--tunnel-routes all)
                   all))
         (ports (delete-dups (mapcar #'car routes))))
    (append
     (list
      :host host
      :routes (if networks
                  (mew-submit-network-negative--mark
                   routes (mew-submit-network-negative--find host networks)
                   (plist-get tunnel :tunnel))
                routes)
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
     (mew-submit-way--tls account host ports)
     tunnel
     credentials)))

(defun mew-submit-request--ports (request)
  "Return the ports that REQUEST has routes to."
  (delete-dups (mapcar #'car (plist-get request :routes))))

(defun mew-submit-request--make (account file fields envelope &optional networks)
  "Return the request for the message FILE, whose header has FIELDS.
ACCOUNT is a plist, as in `mew-submit-accounts', and may have :password,
:memory, :timeout and :step-timeout too.  ENVELOPE is as
`mew-submit-request--envelope' returns it, NETWORKS as for
`mew-submit-request--connection'.  Signal a condition such as
`mew-submit-config' for whatever cannot be used."
  (let* ((connection (mew-submit-request--connection
                      (mew-submit-request--for-author account fields) networks))
         (memory (mew-submit-request--memory-file account))
         (name (mew-submit-request--certified-name account))
         (ports (mew-submit-request--ports connection)))
    (append
     (list
      :from (mew-submit-request--octets (car envelope))
      :recipients (mapcar #'mew-submit-request--octets (cdr envelope))
      :all-or-none (and (plist-get account :all-or-none) t)
      :file (mew-submit-module--octets-name file)
      :binary (and (mew-submit-message--binary-p fields) t)
      :trace mew-submit-log)
     (list :without (mew-submit-account--without
                     (append (mew-submit-memory--without memory name ports)
                             (plist-get account :without))))
     (cl-loop for (key value) on connection by #'cddr
              unless (eq key :without) append (list key value))
     (mew-submit-extension--request account)
     (mew-submit-extension--each account (cdr envelope))
     (mew-submit-memory--request memory name ports)
     (mew-submit-request--share account connection))))

;;; The account of a message

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

(defun mew-submit-request--of-another-p (old now sender)
  "Is the account NOW, of smtpmail's variables, another person's than OLD was?
mu4e's contexts and others change them, with the address, for each identity.
Who has corrected them has the address SENDER, or the same server and user."
  (and now
       (equal (plist-get old :name) "smtpmail")
       (not (and (equal (plist-get old :server) (plist-get now :server))
                 (equal (plist-get old :user) (plist-get now :user))))
       (not (equal (mew-submit-caseless--down (or sender ""))
                   (mew-submit-caseless--down (or user-mail-address ""))))))

(defun mew-submit-request--sent-by (fields address)
  "Return FIELDS, with somebody in From for whom there is an account.
Programs leave From out, or put somebody else there.  Then that is ADDRESS, the
envelope's sender, or the Sender, or another author."
  (let* ((author (or (mew-submit-message--author fields)
                     (mew-submit-message--sender fields)))
         (other (and (not (and author (ignore-errors (mew-submit-account--choose author))))
                     (seq-find
                      (lambda (address)
                        (and (not (member address '(nil "")))
                             ;; What is wrong with them is told to who needs one:
                             ;; --server does not.
                             (ignore-errors
                               (seq-some (lambda (account)
                                           (mew-submit-account--fits-p account address))
                                         (mew-submit-account--all)))))
                      (cons address
                            (mew-submit-message--addresses fields '("sender" "from")))))))
    (if (null other)
        fields
      (cons (cons "from" (encode-coding-string (format "From: %s\n" other) 'utf-8))
            (seq-remove (lambda (field) (equal (car field) "from")) fields)))))

(defun mew-submit-request--with-domain (file fields account)
  "Give From of the message FILE, if it has no domain, the address of ACCOUNT.
It has FIELDS; return those that it has then.  cron's From is root, which a
server outside of this machine takes for no address, or for one of its own."
  (let* ((from (assoc "from" fields))
         (octets (cdr from))
         (names (and from
                       (not (string-search "@" octets))
                       (not (assoc "received" fields))
                       (not (mew-submit-message--resent-p fields))
                       (ignore-errors
                         (mew-submit-address--parse (mew-submit-message--line from)))))
         (address (and names (null (cdr names))
                       (mew-submit-account--qualify account (car names)))))
    (if (not (and address
                  (string-search "@" address)
                  ;; A name before <root>, or in quotes, may be the same word.
                  (string-match (format "\\(<\\|\\`[^:]*:[ \t\r\n]*\\)%s\
\\(?:>[ \t\r\n]*\\(?:([^<>]*\\)?\\|[( \t\r\n][^<]*\\)\\'"
                                        (regexp-quote (car names)))
                                octets)))
        fields
      (mew-submit-message--rewrite
       file fields
       (mapcar (lambda (field)
                 (if (eq field from)
                     (cons "from" (concat (substring octets 0 (match-end 1))
                                          (encode-coding-string address 'utf-8)
                                          (substring octets (+ (match-end 1)
                                                               (length (car names))))))
                   field))
               fields))
      (mew-submit-message--fields file))))

(defun mew-submit-request--with-sender (file fields account address)
  "Name a Sender in the message FILE where its From has several authors.
It has FIELDS; return those that it has then.  It is ADDRESS, that of the
envelope, or else the first author, as mail by ACCOUNT has it.  Who of them has
sent it is to be known (RFC 5322, section 3.6.2)."
  (let* ((from (assoc "from" fields))
         (addresses (and from
                         (not (assoc "sender" fields))
                         (not (assoc "received" fields))
                         (not (mew-submit-message--resent-p fields))
                         (ignore-errors
                           (mew-submit-address--parse (mew-submit-message--line from)))))
         (sender (mew-submit-account--qualify
                  account (if (member address '(nil "")) (car addresses) address))))
    (if (not (and (cdr addresses) (string-search "@" sender)))
        fields
      (mew-submit-message--rewrite
       file fields
       (mapcan (lambda (field)
                 (if (eq field from)
                     (list (cons "sender" (encode-coding-string
                                           (format "Sender: %s\n" sender) 'utf-8))
                           field)
                   (list field)))
               fields))
      (mew-submit-message--fields file))))

;;; Checked before anything is built

(defun mew-submit-request--check-user (account host port)
  "Signal a condition if ACCOUNT cannot log in to HOST at PORT.
Who that is is looked up for an account that insists on a mechanism and has no
user; where somebody would have to be asked first, that is for later."
  (let* ((mechanism (mew-submit-auth--mechanism account))
         (mew-submit-auth--ask nil)
         (user (and (or mechanism (plist-get account :user))
                    (condition-case nil
                        (mew-submit-request--user account host port)
                      (mew-submit-secret nil))))
         (password (plist-get account :password)))
    (when user
      (mew-submit-address--check-secret user "user name"))
    (when password
      (mew-submit-address--check-secret password "password"))))

(defconst mew-submit-request--options
  '((mew-submit-connect-timeout number) (mew-submit-step-timeout number null)
    (mew-submit-attempt-delay number) (mew-submit-helo string) (mew-submit-delay number)
    (mew-submit-retry-intervals numbers) (mew-submit-give-up-after number null))
  "Options that a message needs on its way, and what each can be.
Their types for Customize say the same, but `setq' takes any value.")

(defun mew-submit-request--check-options (account)
  "Signal `mew-submit-config' for an option whose value has the wrong shape.
A message would wait for ever because of it, and because of a time-out in which
nobody can answer, which ACCOUNT can have, too."
  (dolist (key '(:timeout :step-timeout))
    (let ((value (plist-get account key)))
      (unless (or (null value) (and (numberp value) (> value 0)))
        (mew-submit-error--throw
         'config nil "The account has %S for %s, which has to be a number of seconds"
         value key))))
  (pcase-dolist (`(,option . ,shapes) mew-submit-request--options)
    (let ((value (and (boundp option) (symbol-value option))))
      (unless (or (not (boundp option))
                  (memq (cond ((and (numberp value) (<= value 0)
                                    (memq option '(mew-submit-connect-timeout
                                                   mew-submit-step-timeout)))
                               nil)
                              ((numberp value) 'number)
                              ((stringp value) 'string)
                              ((and (proper-list-p value) (seq-every-p #'numberp value))
                               (if (or value (memq 'numbers shapes)) 'numbers 'null)))
                        shapes))
        (mew-submit-error--throw
         'config nil "%s cannot be %S.  M-x customize-option RET %s RET shows what \
it can be" option value option)))))

(defun mew-submit-request--check-account (account recipients)
  "Signal a condition if nothing can be sent to RECIPIENTS by ACCOUNT.
It is one that `mew-submit-request--make' would signal.  Where this machine is
makes nothing right or wrong, and no secret is fetched."
  (let* ((host (mew-submit-request--host account))
         (rule (or (plist-get account :fallback) mew-submit-fallback))
         (routes (plist-get (mew-submit-request--plan account rule) :routes)))
    (mew-submit-request--check-options account)
    (mew-submit-way--tunnel (plist-get account :tunnel))
    (mew-submit-way--source (plist-get account :source))
    (mew-submit-request--check-user account host (caar routes))
    (mew-submit-address--helo (or (plist-get account :helo) mew-submit-helo))
    (mew-submit-account--without (plist-get account :without))
    (mew-submit-way--tls account host nil)
    (mew-submit-extension--request account)
    (mew-submit-extension--each account recipients)
    (mew-submit-memory--read (mew-submit-request--memory-file account))))

(defun mew-submit-request--check (account fields from recipients)
  "Return the envelope, (FROM . RECIPIENTS), for a message with FIELDS by ACCOUNT.
FROM and RECIPIENTS are as for `mew-submit-request--envelope'.  Signal a
condition for whatever cannot be used."
  (let ((envelope (mew-submit-request--envelope account fields from recipients)))
    (mew-submit-request--check-account
     (mew-submit-request--for-author account fields) (cdr envelope))
    envelope))

;;; Requests without a message

(defun mew-submit-request--probe (account)
  "Return the request for a look at ACCOUNT's server and its certificate.
Nothing is sent there but what leads to TLS.  A pin does not count."
  (let ((connection (mew-submit-request--connection
                     (append '(:tls required :auth "none") account)
                     (mew-submit-request--networks account))))
    (append '(:probe t) (plist-put connection :pins nil))))

(defun mew-submit-request--fallback (account)
  "Return ACCOUNT's rule for falling back here: `ask', `always' or `never'."
  (mew-submit-request--fallback-rule account (mew-submit-request--host account)
                                     (mew-submit-request--networks account)))

(defun mew-submit-request--look (account routes)
  "Return the request for a look whether ACCOUNT's server can be used by ROUTES.
ROUTES are such as \"465:implicit\".  Neither user nor password is in it, and a
pin counts.  Signal `mew-submit-config' for a proxy that wants a password, which
might have to be asked for."
  (when (plist-get (mew-submit-way--tunnel (plist-get account :tunnel))
                   :tunnel-user)
    (mew-submit-error--throw 'config nil "The proxy wants a password"))
  (append (list :probe t)
          (mew-submit-request--connection
           (append (list :tls 'required :auth "none" :user nil :password nil
                         :routes routes :plan nil :fallback 'always)
                   account)
           (mew-submit-request--networks account))))

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
  (let* ((account (append '(:tls required :auth "none" :user nil)
                          (mapcan (lambda (key) (list key nil))
                                  (mew-submit-way--file-keys t))
                          account))
         (connection (mew-submit-request--connection
                      account (mew-submit-request--networks account))))
    (append (list :diagnose t
                  :routes (if (plist-get connection :tunnel)
                              (mew-submit-way--tunnel-routes routes)
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
  (let ((connection (mew-submit-request--connection
                     account (mew-submit-request--networks account))))
    (append (list :probe t :log-in t :trace mew-submit-log)
            (mew-submit-request--remembered account (mew-submit-request--ports
                                                     connection))
            connection)))

(provide 'mew-submit-request)
;;; mew-submit-request.el ends here
