;;; mew-submit-account.el --- The user's accounts: their keys, and which one it is -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the table of the keys that an account may have: from a row come the type that
;; Customize shows and the check of a value, what `mew-submit-accounts' says of the key,
;; and the option of the batch commands with its line of --help.  What a key does is said
;; where it is used; what a wish looks like in a header, and when its value is right, is in
;; mew-submit-extension.el.
;;
;; It owns the user's accounts, too, and the choice among them: by the From of the
;; message; where the user has none, they are made of the smtpmail-* variables.  An account
;; is a plist, and what is handed out is a copy, so a job keeps the account it began with.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-address)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-way)
(require 'seq)
(require 'subr-x)

(defvar smtpmail-smtp-server)
(defvar smtpmail-default-smtp-server)
(defvar smtpmail-smtp-service)
(defvar smtpmail-stream-type)
(defvar smtpmail-smtp-user)
(defvar smtpmail-local-domain)

;;; The table of keys

(defconst mew-submit-account--rows
  '((:name account (string :tag "Name") "what you call it")
    (:from account (string :tag "Sender's address, @domain or regexp")
           "whose mail it is for: an address, a domain such as
\"@example.org\", or a regexp; without it, everybody's")
    (:default account (const :tag "For senders without a domain, too" t)
              "t: for senders without a domain, such as cron's root, too")
    (:server account (string :tag "Server") "the server's name or address"
             "--server" "HOST" "the server's name or address")
    (:servers account
              (repeat :tag "Other servers"
                      (plist :tag "Server"
                             :options
                             ((:server (string :tag "Server"))
                              (:plan (string :tag "Plan"))
                              (:routes (string :tag "Routes (PORT:MODE,...)"))
                              (:family (choice :tag "Only" :value ipv6 (const ipv4) (const ipv6)))
                              (:tls (choice :tag "TLS" :value required
                                            (const required) (const opportunistic)
                                            (const none)))
                              (:tls-name (string :tag "Name the certificate must have"))
                              (:ca-file (file :tag "Trusted certificates"))
                              (:user (string :tag "User name"))
                              (:auth (string :tag "SASL mechanism, or none"))
                              (:tunnel (string :tag "Tunnel")))))
              "other servers, in the order of preference, for when that one
cannot be reached: plists with keys of those here; see the manual,
\"Several servers\"")
    (:plan account (choice :tag "Plan" :value "submission" (const "submission")
                           (const "submissions") (const "rfc8314") (const "symmetric")
                           (const "appendix-a"))
           "a plan by name: \"submission\" (the default), \"submissions\",
\"rfc8314\", \"symmetric\" or \"appendix-a\""
           "--plan" "NAME"
           "submission (default), submissions, rfc8314, symmetric, appendix-a")
    (:routes account (string :tag "Routes (PORT:MODE,...)")
             "instead of a plan: \"PORT:MODE,...\" as for the batch command"
             "--routes" "PORT:MODE,..."
             "instead of a plan; MODE is none, starttls or implicit")
    (:family account (choice :tag "Only" :value ipv6 (const ipv4) (const ipv6))
             "`ipv4' or `ipv6', to use only that one" "--family" "ipv4|ipv6" "use only that one")
    (:tls account (choice :tag "TLS" :value required
                          (const :tag "Required" required)
                          (const :tag "If offered (not safe)" opportunistic)
                          (const :tag "None (not safe)" none))
          "`required' (the default), `opportunistic' or `none'"
          "--tls" "required|opportunistic|none" "default: required")
    (:fallback account (choice :tag "Fall back" :value ask (const ask) (const always)
                               (const never))
               "`ask', `always' or `never', instead of `mew-submit-fallback'"
               "--fallback" "always|never" "use less preferred ports? default: always")
    (:user account (string :tag "User name")
           "the user name; without it auth-source is asked for one"
           "--user" "NAME" "user name for AUTH")
    (:password-file nil nil nil "--password-file" "FILE"
                    "its first line is the password, or the access token")
    (:auth account (string :tag "SASL mechanism, or none")
           "one SASL mechanism and no other, such as \"SCRAM-SHA-256\", or
\"none\" for no authentication"
           "--auth" "MECHANISM|none" "this mechanism and no other")
    (:sender account (string :tag "Envelope sender")
             "the envelope sender, instead of the one in the message")
    (:helo account (string :tag "Argument of EHLO")
           "the argument of EHLO, instead of `mew-submit-helo'" "--helo" "NAME" "argument of EHLO")
    (:without account (repeat :tag "EHLO keywords not to believe" string)
              "a list of EHLO keywords not to believe the server, such as
\"CHUNKING\" or \"PIPELINING\""
              "--without" "KEYWORD,..." "EHLO keywords not to believe, such as CHUNKING")
    (:memory nil nil nil "--memory" "FILE"
             "remember there what the server has offered; less is an alarm")
    (:network-cache nil nil nil "--network-cache" "FILE"
                    "remember there which ports a network blocks")
    (:timeout nil nil nil "--timeout" "SECONDS" "for each connection; default: 10")
    (:step-timeout nil nil nil "--step-timeout" "SECONDS"
                   "for each SMTP and TLS step; default: RFC 5321")

    (:tls-minimum tls (choice :tag "Least TLS version" :value "1.2" (const "1.2") (const "1.3"))
                  "\"1.2\" (the default) or \"1.3\""
                  "--tls-minimum" "1.2|1.3" "least TLS version; default: 1.2")
    (:tls-priority tls (string :tag "GnuTLS priority string") "a GnuTLS priority string"
                   "--tls-priority" "STRING" "GnuTLS priority string")
    (:tls-name tls (string :tag "Name the certificate must have")
               "the name the certificate must have, instead of `:server'"
               "--server-name" "NAME" "name the certificate must have")
    (:ca-file tls (file :tag "Trusted certificates")
              "a file or directory of certificates to trust, instead of the
system's"
              "--ca-file" "FILE"
              "trust these certificates (a file or directory), not the system's")
    (:crl-file tls (file :tag "Revoked certificates") "a file of revoked certificates"
               "--crl-file" "FILE" "certificates that were revoked")
    (:cert-file tls (string :tag "Client certificate (file or URL)")
                "a client certificate: a file in PEM format, or a pkcs11: URL"
                "--cert-file" "FILE" "client certificate: PEM or a pkcs11: URL")
    (:key-file tls (string :tag "Its key (file or URL)")
               "its key; without this it is in the same file"
               "--key-file" "FILE" "its key; default: in the same file")

    (:oauth token
            (choice :tag "Access token instead of a password" :value t
                    (const :tag "From elsewhere" t)
                    (plist :tag "Sign in at"
                           :options
                           ((:issuer (string :tag "Issuer (https://...)"))
                            (:client-id (string :tag "Client id"))
                            (:client-file (file :tag "Client file"))
                            (:scope (string :tag "Scope"))
                            (:redirect (string :tag "Redirect address"))
                            (:authorize-url (string :tag "Page to sign in"))
                            (:token-url (string :tag "Where tokens are had"))
                            (:device-url (string :tag "Where codes are had")))))
            "t: an access token instead of a password, where there is no `:auth';
or where to sign in for one (`mew-submit-sign-in'), such as
(:issuer \"https://id.example.org\" :client-id \"...\" :scope \"...\");
see the manual, \"Signing in\"")
    (:token-command token (choice :tag "Command for access tokens" :value ""
                                  (string :tag "Shell command")
                                  (repeat :tag "Program and arguments" string))
                    "instead of `mew-submit-oauth2-token-command'"
                    "--token-command" "COMMAND"
                    "what it prints is the access token (OAuth 2.0)")
    (:token-function token (function :tag "Function for access tokens")
                     "a function that returns the token; it is called with the
user name, the server and non-nil if the token before was refused")

    (:tunnel way (string :tag "Tunnel")
             "\"ssh:HOST\", \"socks5:[USER@]ADDRESS:PORT\" or \"unix:PATH\""
             "--tunnel" "TUNNEL" "ssh:HOST, socks5:[USER@]ADDRESS:PORT or unix:PATH")
    (:ssh nil nil nil "--ssh" "HOST" "the same as --tunnel ssh:HOST")
    (:source way (choice :tag "Connect from" :value "" (string :tag "Address")
                         (repeat :tag "Addresses" string))
             "the address to connect from, or a list of an IPv4 and an IPv6 one"
             "--source" "ADDRESS" "connect from there")

    (:dsn-notify wish (choice :tag "Be told" :value "never" (const "never")
                              (set (const "success") (const "failure") (const "delay")))
                 "when to be told: \"never\", or a list of \"success\", \"failure\"
and \"delay\""
                 "--dsn-notify" "WHEN" "never, or success,failure,delay or some of them")
    (:dsn-return wish (choice :tag "Be told with" :value "full" (const "full") (const "headers"))
                 "what to be told: \"full\" or \"headers\""
                 "--dsn-return" "full|headers" "what a notification returns")
    (:dsn-id wish (string :tag "Envelope identifier")
             "the identifier that is told (ENVID)" "--envid" "TEXT" "the identifier it has")
    (:require-tls wish (const :tag "TLS on the whole way" t)
                  "t: every server on the way has to use verified TLS" "--require-tls" nil
                  "verified TLS on the whole way")
    (:deliver-by wish (string :tag "Deliver by (SECONDS;R or SECONDS;N)")
                 "\"SECONDS;R\" (returned when late) or \"SECONDS;N\" (told then)"
                 "--deliver-by" "SECONDS[;R|N]" "else return it, or tell")
    (:hold-for wish (natnum :tag "Hold for seconds") "hold the message for so many seconds"
               "--hold-for" "SECONDS" "before it is delivered")
    (:hold-until wish (string :tag "Hold until")
                 "hold the message until a time such as
\"2030-12-24T18:00:00+01:00\""
                 "--hold-until" "TIME" "such as 2030-12-24T18:00:00+01:00")
    (:mt-priority wish (integer :tag "Priority") "the priority, -9 to 9"
                  "--mt-priority" "NUMBER" "-9 to 9"))
  "The keys: (KEY GROUP TYPE WORDS OPTION ARGUMENT HELP).
GROUP is one of `mew-submit-account--groups', TYPE a Customize type, and
WORDS say what the key means; all are nil for what only programs and the
command line give.  OPTION is that of the batch commands, ARGUMENT its
argument, nil for a flag, HELP its line of --help; all are nil where there
is no option.")

(defconst mew-submit-account--groups
  '((account)
    (tls . "TLS:")
    (token . "Access tokens (OAuth 2.0), with an `:auth' of \"XOAUTH2\" or \"OAUTHBEARER\":")
    (way . "The way to the server:")
    (wish . "What is asked of the server, unless the message has a field X-Mew-Submit-...
that says otherwise:"))
  "The groups of keys and their headings.")

(defun mew-submit-account--types ()
  "Return (KEY TYPE)... for the keys that users give an account."
  (mapcar (lambda (row) (list (car row) (nth 2 row)))
          (seq-filter #'cadr mew-submit-account--rows)))

(defun mew-submit-account--words (row)
  "Return a line for a docstring about the key of ROW."
  (format "%-10s %s" (format "`%s'" (car row))
          (string-replace "\n" (concat "\n" (make-string 11 ?\s)) (nth 3 row))))

(defun mew-submit-account--documentation ()
  "Return what there is to say of all keys, for a docstring."
  (mapconcat
   (lambda (group)
     (string-join
      (append (ensure-list (cdr group))
              (mapcar #'mew-submit-account--words
                      (seq-filter (lambda (row) (eq (nth 1 row) (car group)))
                                  mew-submit-account--rows)))
      "\n"))
   mew-submit-account--groups "\n\n"))

(defun mew-submit-account--option (row)
  "Return the option of ROW as `mew-submit-batch-command--parse' takes it, or nil."
  (and (nth 4 row)
       (list (nth 4 row) (car row) (nth 5 row) (nth 6 row))))

(defun mew-submit-account--options (&optional keys)
  "Return the options that KEYS, by default all, have on the command line.
Each is (NAME KEY ARGUMENT WHAT-FOR)."
  (delq nil (mapcar #'mew-submit-account--option
                    (if keys
                        (mapcar (lambda (key) (assq key mew-submit-account--rows)) keys)
                      mew-submit-account--rows))))

;;; The accounts, and the choice among them

(defcustom mew-submit-accounts nil
  (concat "The accounts mail is submitted by.
The first one that fits the sender of a message is used.  Each is a plist:
" (mew-submit-account--documentation) "

The default is nil: then the variables of smtpmail are used.  Passwords come
from auth-source.")
  :type `(repeat (plist :tag "Account" :options ,(mew-submit-account--types)))
  :group 'mew-submit
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defconst mew-submit-account--untyped '(:timeout :step-timeout :memory)
  "Keys that an account may have and Customize does not show.")

(defun mew-submit-account--keys ()
  "Return the keys that an account may have."
  (append mew-submit-account--untyped (mapcar #'car (mew-submit-account--types))))

;;; What is wrong with one

(defun mew-submit-account--remedy ()
  "Return what to do about accounts that cannot be used, also by the shell command."
  (if (and noninteractive (getenv "MEW_SUBMIT_COMMAND")
           (member (getenv "MEW_SUBMIT_INIT") '(nil "")))
      "Accounts are in ~/.config/mew-submit/config.el, or the file MEW_SUBMIT_CONFIG names"
    "M-x mew-submit-setup makes an account; \
M-x customize-option RET mew-submit-accounts RET shows those there are"))

(defconst mew-submit-account--inner
  '(:password :password-file :all-or-none :each :author :resolved :told)
  "Keys that programs, not users, give an account.")

(defun mew-submit-account--throw (account format &rest args)
  "Signal `mew-submit-config' about ACCOUNT, with FORMAT and ARGS."
  (mew-submit-error--throw
   'config nil "The account %s %s.  %s"
   (if (plist-get account :name)
       (format "\"%s\"" (plist-get account :name))
     "without a name")
   (apply #'format format args) (mew-submit-account--remedy)))

(defun mew-submit-account--plist-p (object)
  "Is OBJECT a list of keys, each followed by its value?"
  (and (proper-list-p object)
       (cl-evenp (length object))
       (cl-loop for (key) on object by #'cddr always (keywordp key))))

(defun mew-submit-account--match-p (type value)
  "Is VALUE of TYPE, one of those in the type of `mew-submit-accounts'?"
  (pcase type
    (`(const . ,words) (equal value (car (last words))))
    (`(choice . ,types)
     (seq-some (lambda (type)
                 (and (consp type) (mew-submit-account--match-p type value)))
               types))
    (`(set . ,types)
     (and (proper-list-p value)
          (seq-every-p (lambda (value)
                         (mew-submit-account--match-p (cons 'choice types) value))
                       value)))
    (`(repeat . ,words)
     (let ((type (if (consp (car (last words))) (car (last words)) (last words))))
       (and (proper-list-p value)
            (seq-every-p (lambda (value) (mew-submit-account--match-p type value))
                         value))))
    ;; Customize gives a text that nobody has filled in as an empty one.
    (`(,(or 'string 'file) . ,_) (and (stringp value) (not (equal value ""))))
    (`(plist ,_ ,_ :options ,options)
     (and (mew-submit-account--plist-p value)
          (cl-loop for (key value) on value by #'cddr
                   for option = (cadr (assq key options))
                   always (and option (mew-submit-account--match-p option value)))))
    (`(function . ,_) (functionp value))
    (_ t)))

(defconst mew-submit-account--elsewhere
  '((:port . ":routes, such as \"465:implicit\",") (:service . ":routes, such as \"465:implicit\",")
    (:host . ":server") (:smtp-server . ":server") (:login . ":user") (:username . ":user"))
  "What other programs call a key: (THERE . HERE), HERE in words.")

(defun mew-submit-account--refuse-key (account key keys)
  "Signal `mew-submit-config': KEY of ACCOUNT is none of KEYS, and means nothing.
A wish, such as that for TLS, must not be dropped in silence because of a slip."
  (let ((near (car (sort (mapcar (lambda (known)
                                   (cons (string-distance (symbol-name key) (symbol-name known))
                                         known))
                                 keys)
                         #'car-less-than-car))))
    (mew-submit-account--throw account "has %s, which means nothing%s" key
                               (if-let* ((meant (or (cdr (assq key mew-submit-account--elsewhere))
                                                    (and (<= (car near) 3) (cdr near)))))
                                   (format " (is %s meant?)" meant)
                                 ""))))

(defun mew-submit-account--type-words (type)
  "Return the words for TYPE, a type of Customize: how one writes such a value."
  (pcase (car type)
    ((or 'string 'file) "a text in double quotes")
    ('choice (string-join (delete-dups (mapcar #'mew-submit-account--type-words
                                               (seq-filter #'consp type)))
                          " or "))
    ('const (format "%S" (car (last type))))
    ('repeat (format "a list, in parentheses, whose elements are each %s"
                     (mew-submit-account--type-words (ensure-list (car (last type))))))
    ('plist (format "a list of values behind keys, which are %s"
                    (mapconcat (lambda (option) (symbol-name (car option)))
                               (plist-get (cdr type) :options) ", ")))
    (kind (format "a %s" kind))))

(defun mew-submit-account--refuse-value (account key value type)
  "Signal `mew-submit-config': KEY of ACCOUNT has VALUE, which is not of TYPE."
  (mew-submit-account--throw
   account "has %s for %s, which has to be %s"
   (if (seq-some (lambda (word) (memq word '(:password :client-secret))) (flatten-tree value))
       "a value with a secret in it" (format "%S" value))
   key (if (equal value "") "a text that is not empty" (mew-submit-account--type-words type))))

(defun mew-submit-account--check (account)
  "Return ACCOUNT, or signal `mew-submit-config' when it is not one.
Whatever has the wrong shape is told here, in words; what else is wrong with a
value is said by who reads it."
  (unless (mew-submit-account--plist-p account)
    (mew-submit-error--throw
     'config nil "There is something in mew-submit-accounts that is no account, \
which is a list such as (:name \"work\" :server \"mail.example.org\").  %s"
     (mew-submit-account--remedy)))
  (cl-loop with types = (mew-submit-account--types)
           for (key value) on account by #'cddr
           for type = (cadr (assq key types))
           unless (or type (memq key mew-submit-account--untyped)
                      (memq key mew-submit-account--inner))
           do (mew-submit-account--refuse-key account key (mew-submit-account--keys))
           unless (or (null value)
                      (assq key mew-submit-extension--table)
                      (and (eq key :name) (equal value "")) ; means nothing
                      (and (eq key :routes) (proper-list-p value) ; as it is read
                           (seq-every-p (lambda (route) (numberp (car-safe route))) value))
                      (mew-submit-account--match-p type value))
           do (mew-submit-account--refuse-value account key value type))
  (mew-submit-account--check-servers account)
  account)

(defun mew-submit-account--listed ()
  "Return `mew-submit-accounts'; a single account, in no list, is in one then."
  (if (keywordp (car-safe mew-submit-accounts))
      (list mew-submit-accounts)
    mew-submit-accounts))

(defun mew-submit-account--all ()
  "Return `mew-submit-accounts', or signal `mew-submit-config' if it is no list."
  (cond ((keywordp (car-safe mew-submit-accounts))
         (let ((mew-submit-accounts (mew-submit-account--listed)))
           (mew-submit-account--all)))
        ((proper-list-p mew-submit-accounts)
         (dolist (account mew-submit-accounts mew-submit-accounts)
           (when (plist-member (mew-submit-account--check account) :password)
             (mew-submit-account--throw account "has a :password, which belongs into \
~/.authinfo.gpg, as the manual says under \"I know my server\""))))
        (t (mew-submit-error--throw
            'config nil "The value of mew-submit-accounts is no list of accounts.  %s"
            (mew-submit-account--remedy)))))

(defun mew-submit-account--without (keywords)
  "Return KEYWORDS, EHLO keywords that are not to count, with commas, or nil.
Signal `mew-submit-config' for one that is none, or that safety depends on."
  (mapc (lambda (keyword)
          (cond ((not (and (stringp keyword)
                           (mew-submit-caseless--folding
                             (string-match-p "\\`[A-Za-z0-9][A-Za-z0-9-]*\\'"
                                             keyword))))
                 (mew-submit-error--throw 'config nil "Not an EHLO keyword: %s"
                                          keyword))
                ((member (mew-submit-caseless--up keyword) '("STARTTLS" "AUTH"))
                 (mew-submit-error--throw 'config nil "%s cannot be left out: \
%s" keyword (if (equal (mew-submit-caseless--up keyword) "AUTH")
                ":auth \"none\" means no log-in"
              ":tls says how much TLS there has to be")))))
        keywords)
  (and keywords
       (string-join (delete-dups (mapcar #'mew-submit-caseless--up keywords)) ",")))

;;; Several servers

(defconst mew-submit-account--of-one-server
  '(:server :servers :plan :routes :tls-name :password :resolved)
  "Keys that hold for one server of an account, and for no other.")

(defun mew-submit-account--other-server (account server)
  "Return ACCOUNT with what SERVER, one of its :servers, has in place of it."
  (append server
          (cl-loop for (key value) on account by #'cddr
                   unless (memq key mew-submit-account--of-one-server)
                   append (list key value))))

(defun mew-submit-account--servers (account)
  "Return ACCOUNT for each of its servers: a list of accounts without :servers."
  (let ((others (mapcar (lambda (server)
                          (mew-submit-account--other-server account server))
                        (plist-get account :servers))))
    (if (null (plist-get account :servers))
        (list account)
      (cons (cl-loop for (key value) on account by #'cddr
                     unless (eq key :servers) append (list key value))
            others))))

(defun mew-submit-account--server-name (account)
  "Return a name for the server of ACCOUNT, which no other of it has."
  (format "%s %s" (mew-submit-caseless--down (or (plist-get account :server) ""))
          (or (plist-get account :routes) (plist-get account :plan) "")))

(defun mew-submit-account--at (account name)
  "Return ACCOUNT for the one of its servers that is called NAME, and no other.
A server is still the same when its routes are others.  Return ACCOUNT as it is
where it has no such server."
  (let ((servers (mew-submit-account--servers account))
        (host (car (split-string name " "))))
    (or (seq-find (lambda (other)
                    (equal name (mew-submit-account--server-name other)))
                  servers)
        (seq-find (lambda (other)
                    (equal host (mew-submit-caseless--down (or (plist-get other :server) ""))))
                  servers)
        account)))

(defun mew-submit-account--check-servers (account)
  "Signal `mew-submit-config' unless the :servers of ACCOUNT can stand in for it.
None of them may ask for less TLS: whoever blocks one server would choose that."
  (when (and (plist-get account :servers) (null (plist-get account :server)))
    (mew-submit-account--throw account "has :servers, but no :server to try first"))
  (unless (seq-every-p (lambda (server) (plist-get server :server))
                       (plist-get account :servers))
    (mew-submit-account--throw account "has one of :servers without a :server"))
  (cl-flet ((level (one)
              (let ((tls (mew-submit-way--tls-level (plist-get one :server) one)))
                (or (seq-position '(none opportunistic required) tls)
                    (mew-submit-account--throw
                     account "has `%s' for :tls, which has to be required, \
opportunistic or none" tls)))))
    (let ((servers (and (plist-get account :servers)
                        (mew-submit-account--servers account))))
      (dolist (server (cdr servers))
        (when (< (level server) (level (car servers)))
          (mew-submit-account--throw
           account "asks for less TLS at %s than at %s, so that whoever blocks that \
one could have it" (plist-get server :server) (plist-get account :server)))))))

;;; By the sender

(defun mew-submit-account--unqualified-p (sender)
  "Is SENDER, an address or nil, one without a domain that others know?
Programs of this machine, such as mail(1) and smartd, add its name or localhost,
and devices their number."
  (let ((domain (and sender (string-match "@\\([^@]*\\)\\'" sender)
                     (mew-submit-caseless--down (match-string 1 sender)))))
    (or (null domain)
        (equal domain "localhost")
        (string-suffix-p ".localdomain" domain)
        (string-match-p "\\`[0-9]+\\(?:[.][0-9]+\\)\\{3\\}\\'" domain)
        (and (not (string-search "." domain))
             (equal domain (mew-submit-caseless--down (system-name)))))))

(defconst mew-submit-account--homes
  "\\`\\[\\|\\`[^.]*\\'\\|[.]\\(?:home\\|home[.]arpa\\|internal\\|lan\\|local\\)\\'"
  "What matches a number, a name without a dot, or one that is for a house.")

(defun mew-submit-account--machine-p (domain)
  "Is DOMAIN, in lower case, the name of this machine, with a domain or without?"
  (equal (car (split-string domain "[.]"))
         (car (split-string (mew-submit-caseless--down (system-name)) "[.]"))))

(defun mew-submit-account--homeless-p (sender)
  "Is SENDER, an address or nil, one that no server outside of here can answer?
Devices add the name that they have in their own network, or their number, or
what is none.  A recipient there may be found; mail that comes from there is
refused."
  (or (mew-submit-account--unqualified-p sender)
      (and (mew-submit-caseless--folding
             (string-match "@\\([!-~]*\\)\\'" sender))
           (let ((domain (mew-submit-address--domain (match-string 1 sender))))
             (or (null domain)
                 (mew-submit-account--machine-p (mew-submit-caseless--down domain))
                 (string-match-p mew-submit-account--homes (mew-submit-caseless--down domain)))))))

(defun mew-submit-account--address (account)
  "Return the address that mail by ACCOUNT comes from, or nil."
  (seq-some (lambda (text)
              (when (string-match mew-submit-address--named (or text ""))
                (match-string 1 text)))
            (list (plist-get account :sender) (plist-get account :from))))

(defun mew-submit-account--qualify (account sender)
  "Return SENDER, or for one without a domain the address of ACCOUNT if it has one.
No server outside of this machine knows a sender such as root, and none outside
of its network one that only a device there calls itself."
  (let ((address (mew-submit-account--address account)))
    (if (and address
             (not (equal sender ""))
             (or (mew-submit-account--unqualified-p sender)
                 (and (mew-submit-account--homeless-p sender)
                      (not (mew-submit-account--homeless-p address)))))
        address
      sender)))

(defun mew-submit-account--default ()
  "Return the account for senders without a domain, or nil.
That is the one with :default, or the only one."
  (let ((accounts (mew-submit-account--all)))
    (or (seq-find (lambda (account) (plist-get account :default)) accounts)
        (and (null (cdr accounts)) (car accounts)))))

(defun mew-submit-account--fits-p (account sender)
  "Is ACCOUNT for the address SENDER, a string or nil?
What has one of the characters \\=\\ ^ $ * [ in :from is a regexp, but for *@DOMAIN."
  (let ((from (string-trim (or (plist-get account :from) "") nil mew-submit-address--comment)))
    (or (null (plist-get account :from))
        (and sender
             (mew-submit-caseless--folding
               (or (equal (mew-submit-caseless--down from) (mew-submit-caseless--down sender))
                   (string-suffix-p (concat "<" sender ">") from t)
                   (string-suffix-p (concat "@" (string-trim-left from "[*]?@")) sender t)
                   (and (string-match-p "[\\^$*[]" from)
                        (condition-case err
                            (string-match-p from sender)
                          (invalid-regexp
                           (mew-submit-account--throw
                            account "has %S for :from, which is no regexp: %s"
                            from (cadr err)))))))))))

;;; From smtpmail

(defun mew-submit-account--service-port (service)
  "Return the port number of SERVICE, a number or a name as in smtpmail.
Signal `mew-submit-config' when there is no such service."
  (cond ((integerp service) service)
        ((cdr (assoc service '(("smtp" . 25) ("submission" . 587) ("submissions" . 465)
                               ("smtps" . 465) ("ssmtp" . 465)))))
        ((and (stringp service) (string-match-p "\\`[0-9]+\\'" service))
         (string-to-number service))
        (t (mew-submit-error--throw 'config nil "No such service: %s; a port is a number, or \
\"smtp\", \"submission\" or \"submissions\"" service))))

(defun mew-submit-account--local-p (server)
  "Is SERVER, a name or an address, this machine?"
  (and (stringp server)
       (string-match-p "\\`\\(?:localhost\\(?:\\.localdomain\\)?\\|ip6-localhost\\|\
127\\(?:\\.[0-9]+\\)\\{3\\}\\|\\[?::1]?\\)\\'" server)))

(defun mew-submit-account--routes (port stream-type)
  "Return what PORT and STREAM-TYPE of smtpmail mean, a plist for an account.
Port 587 means the default plan, as 25 does; whoever has 25 is not asked before
it is used.  TLS is required unless STREAM-TYPE is `plain'; the default of
smtpmail, nil, would let whoever changes a packet read mail and password."
  (let ((implicit (or (eql port 465) (memq stream-type '(ssl tls)))))
    (append
     (cond ((and implicit (memql port '(25 465))) '(:plan "submissions"))
           (implicit (list :routes (format "%s:implicit" port)))
           ((eql port 25) '(:fallback always))
           ((not (eql port 587))
            (list :routes (format "%s:%s" port
                                  (if (eq stream-type 'plain) "none" "starttls")))))
     (and (eq stream-type 'plain) (not implicit) '(:tls none)))))

(defun mew-submit-account--way (server port stream-type user)
  "Return the part of an account about the way to SERVER, by smtpmail's settings.
PORT, STREAM-TYPE and USER are those.  A server of this machine without them is
reached as smtpmail does, without TLS; no password is ever sent there.  Who has
port 25 and no user relies on a server that knows this network: that port comes
first, since the others want a log-in."
  (cond ((and (null stream-type) (null user)
              (mew-submit-account--local-p server)
              (not (memql port '(465 587))))
         (list :routes (format "%s:none" port) :tls 'none :auth "none"))
        ((and (eql port 25) (null user) (memq stream-type '(nil starttls)))
         (list :routes "25:starttls,587:starttls,465:implicit"
               :fallback 'always))
        (t (mew-submit-account--routes port stream-type))))

(defun mew-submit-account--value (variable)
  "Return the value of VARIABLE, or nil when it has none or an empty text."
  (let ((value (and (boundp variable) (symbol-value variable))))
    (and (not (equal value "")) value)))

(defun mew-submit-account--smtpmail (&optional server service user)
  "Return an account made of the user's smtpmail variables, or nil.
SERVER, SERVICE and USER, where non-nil, are used instead of the variables."
  (let ((server (or server
                    (mew-submit-account--value 'smtpmail-smtp-server)
                    (mew-submit-account--value 'smtpmail-default-smtp-server)))
        (service (or service (mew-submit-account--value 'smtpmail-smtp-service) 25))
        (user (or user (mew-submit-account--value 'smtpmail-smtp-user)))
        (domain (mew-submit-account--value 'smtpmail-local-domain)))
    (when server
      (append
       (list :name "smtpmail" :server server)
       (mew-submit-account--way
        server (mew-submit-account--service-port service)
        (mew-submit-account--value 'smtpmail-stream-type) user)
       (and user (list :user user))
       (and domain (list :helo (concat (system-name) "." domain)))))))

(defun mew-submit-account--method (method)
  "Return the account for METHOD, the value of X-Message-SMTP-Method.
It reads \"smtp HOST PORT [USER]\".  Signal `mew-submit-config' for another."
  (pcase (split-string method)
    (`("smtp" ,host ,service . ,rest)
     (mew-submit-account--smtpmail host service (car rest)))
    (_ (mew-submit-error--throw
        'config nil "X-Message-SMTP-Method is not smtp HOST PORT [USER]: %s" method))))

;;; The choice

(defun mew-submit-account--copy (account)
  "Return a copy of ACCOUNT, so that it stays as it is now.
A function in it is not copied: it may have variables of its own."
  (mapcar (lambda (value)
            (if (functionp value) value (copy-tree value)))
          account))

(defun mew-submit-account--choose (sender &optional method)
  "Return the account for mail from the address SENDER, a copy.
METHOD, the value of X-Message-SMTP-Method, or nil, comes first; then
`mew-submit-accounts'; then smtpmail's variables.  Signal `mew-submit-config'
when there is none."
  (mew-submit-account--copy
   (or (and method (mew-submit-account--method method))
       (seq-find (lambda (account) (mew-submit-account--fits-p account sender))
                 (mew-submit-account--all))
       (and (mew-submit-account--homeless-p sender) (mew-submit-account--default))
       (mew-submit-account--smtpmail)
       (mew-submit-error--throw
        'config nil "There is no account for mail from %s%s.  %s" (or sender "nobody")
        (if (and (mew-submit-account--homeless-p sender) (mew-submit-account--all))
            ": give one of them :default t" "") (mew-submit-account--remedy)))))

(defun mew-submit-account--like (account)
  "Return the one of `mew-submit-accounts' that ACCOUNT was made of, or nil."
  (seq-find (lambda (other)
              (and (seq-every-p (lambda (key)
                                  (equal (plist-get account key) (plist-get other key)))
                                '(:name :from))
                   (seq-some (lambda (server)
                               (equal (plist-get account :server)
                                      (plist-get server :server)))
                             (cons other (plist-get other :servers)))))
            (and (proper-list-p mew-submit-accounts)
                 (seq-filter #'mew-submit-account--plist-p (mew-submit-account--listed)))))

(defun mew-submit-account--now (account)
  "Return what the user has now instead of ACCOUNT, or nil.
That is the account of the same name, or of the same :from without a name."
  (let* ((name (plist-get account :name))
         (key (if name :name :from)))
    (or (and (plist-get account key)
             (seq-find (lambda (other)
                         (and (equal (plist-get other :name) name)
                              (equal (plist-get other key)
                                     (plist-get account key))))
                       (mew-submit-account--all)))
        (and (equal name "smtpmail")
             (mew-submit-account--smtpmail)))))

(defun mew-submit-account--by-name (name)
  "Return the account called NAME, a copy, or signal `mew-submit-config'."
  (mew-submit-account--copy
   (or (seq-find (lambda (account) (equal (plist-get account :name) name))
                 (mew-submit-account--all))
       (mew-submit-error--throw 'config nil "There is no account called %s.  %s"
                                name (mew-submit-account--remedy)))))

(provide 'mew-submit-account)
;;; mew-submit-account.el ends here
