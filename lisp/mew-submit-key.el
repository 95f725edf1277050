;;; mew-submit-key.el --- The keys of an account, said once -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the table of the keys that an account may have.  From a row come the
;; type that Customize shows and the check of a value, what `mew-submit-accounts' says of
;; the key, and the option of the batch commands with its line of --help.  What a key
;; does is said where it is used; what a wish looks like in a header, and when its value
;; is right, is in mew-submit-extension.el.

;;; Code:

(require 'seq)
(require 'subr-x)

(defconst mew-submit-key--rows
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
                              (:family (choice :tag "Only" :value ipv6 (const ipv4)
                                               (const ipv6)))
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
    (:plan account (choice :tag "Plan" :value "submission"
                           (const "submission") (const "submissions")
                           (const "rfc8314") (const "symmetric")
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
             "`ipv4' or `ipv6', to use only that one"
             "--family" "ipv4|ipv6" "use only that one")
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
           "the argument of EHLO, instead of `mew-submit-helo'"
           "--helo" "NAME" "argument of EHLO")
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

    (:tls-minimum tls (choice :tag "Least TLS version" :value "1.2"
                              (const "1.2") (const "1.3"))
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

    (:dsn-notify wish (choice :tag "Be told" :value "never"
                              (const "never")
                              (set (const "success") (const "failure")
                                   (const "delay")))
                 "when to be told: \"never\", or a list of \"success\", \"failure\"
and \"delay\""
                 "--dsn-notify" "WHEN" "never, or success,failure,delay or some of them")
    (:dsn-return wish (choice :tag "Be told with" :value "full" (const "full")
                              (const "headers"))
                 "what to be told: \"full\" or \"headers\""
                 "--dsn-return" "full|headers" "what a notification returns")
    (:dsn-id wish (string :tag "Envelope identifier")
             "the identifier that is told (ENVID)"
             "--envid" "TEXT" "the identifier it has")
    (:require-tls wish (const :tag "TLS on the whole way" t)
                  "t: every server on the way has to use verified TLS"
                  "--require-tls" nil "verified TLS on the whole way")
    (:deliver-by wish (string :tag "Deliver by (SECONDS;R or SECONDS;N)")
                 "\"SECONDS;R\" (returned when late) or \"SECONDS;N\" (told then)"
                 "--deliver-by" "SECONDS[;R|N]" "else return it, or tell")
    (:hold-for wish (natnum :tag "Hold for seconds")
               "hold the message for so many seconds"
               "--hold-for" "SECONDS" "before it is delivered")
    (:hold-until wish (string :tag "Hold until")
                 "hold the message until a time such as
\"2030-12-24T18:00:00+01:00\""
                 "--hold-until" "TIME" "such as 2030-12-24T18:00:00+01:00")
    (:mt-priority wish (integer :tag "Priority") "the priority, -9 to 9"
                  "--mt-priority" "NUMBER" "-9 to 9"))
  "The keys: (KEY GROUP TYPE WORDS OPTION ARGUMENT HELP).
GROUP is one of `mew-submit-key--groups', TYPE a Customize type, and WORDS say
what the key means; all are nil for what only programs and the command line
give.  OPTION is that of the batch commands, ARGUMENT its argument, nil for a
flag, HELP its line of --help; all are nil where there is no option.")

(defconst mew-submit-key--groups
  '((account)
    (tls . "TLS:")
    (token . "Access tokens (OAuth 2.0), with an `:auth' of \"XOAUTH2\" or \"OAUTHBEARER\":")
    (way . "The way to the server:")
    (wish . "What is asked of the server, unless the message has a field X-Mew-Submit-...
that says otherwise:"))
  "The groups of keys and their headings.")

(defun mew-submit-key--types ()
  "Return (KEY TYPE)... for the keys that users give an account."
  (mapcar (lambda (row) (list (car row) (nth 2 row)))
          (seq-filter #'cadr mew-submit-key--rows)))

(defun mew-submit-key--words (row)
  "Return a line for a docstring about the key of ROW."
  (format "%-10s %s" (format "`%s'" (car row))
          (string-replace "\n" (concat "\n" (make-string 11 ?\s)) (nth 3 row))))

(defun mew-submit-key--documentation ()
  "Return what there is to say of all keys, for a docstring."
  (mapconcat
   (lambda (group)
     (string-join
      (append (ensure-list (cdr group))
              (mapcar #'mew-submit-key--words
                      (seq-filter (lambda (row) (eq (nth 1 row) (car group)))
                                  mew-submit-key--rows)))
      "\n"))
   mew-submit-key--groups "\n\n"))

(defun mew-submit-key--option (row)
  "Return the option of ROW as `mew-submit-batch-command--parse' takes it, or nil."
  (and (nth 4 row)
       (list (nth 4 row) (car row) (nth 5 row) (nth 6 row))))

(defun mew-submit-key--options (&optional keys)
  "Return the options that KEYS, by default all, have on the command line.
Each is (NAME KEY ARGUMENT WHAT-FOR)."
  (delq nil (mapcar #'mew-submit-key--option
                    (if keys
                        (mapcar (lambda (key) (assq key mew-submit-key--rows)) keys)
                      mew-submit-key--rows))))

(provide 'mew-submit-key)
;;; mew-submit-key.el ends here
