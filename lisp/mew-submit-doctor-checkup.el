;;; mew-submit-doctor-checkup.el --- What could be wrong with the user's own set-up -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the checks of M-x mew-submit-doctor, which shows what they find.
;; A finding is a plist (:topic :status :text :advice), STATUS being `ok', `note',
;; `warning' or `error'.  Nobody is asked anything, nothing is changed, and no secret
;; is read; what needs the network comes later, to a function.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-auth)
(require 'mew-submit-dns)
(require 'mew-submit-error)
(require 'mew-submit-memory)
(require 'mew-submit-module)
(require 'mew-submit-network-negative)
(require 'mew-submit-spool)
(require 'mew-submit-refusal)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-job)
(require 'mew-submit-tls)
(require 'mew-submit-token)

(declare-function mew-submit--mod-source "ext:mew-submit-native" (address))
(defvar auth-sources)
(defvar send-mail-function)
(defvar message-send-mail-function)

(defun mew-submit-doctor-finding--make (topic status format &rest args)
  "Return a finding about TOPIC with STATUS; FORMAT and ARGS make its text.
What follows a line end in the text is the advice."
  (let ((parts (split-string (apply #'format format args) "\n")))
    (list :topic topic :status status
          :text (mew-submit-error--clean (car parts))
          :advice (and (cdr parts)
                       (mew-submit-error--clean (string-join (cdr parts) " "))))))

(defun mew-submit-doctor-finding--guarded (topic function &rest args)
  "Return the findings of FUNCTION with ARGS, a check of TOPIC.
A check that fails itself is a finding too."
  (condition-case err
      (delq nil (apply function args))
    (error (list (mew-submit-doctor-finding--make
                  topic 'error "%s" (mew-submit-error--text err))))))

;;; Emacs and the module

(defun mew-submit-doctor-checkup--emacs ()
  "Return findings about Emacs and the system."
  (list
   (mew-submit-doctor-finding--make
    "Emacs" (if (version< emacs-version "28.1") 'error 'ok)
    "Emacs %s, %s%s" emacs-version system-configuration
    (if (version< emacs-version "28.1") "\nmew-submit needs Emacs 28.1." ""))
   (unless (bound-and-true-p module-file-suffix)
     (mew-submit-doctor-finding--make
      "Emacs" 'error "This Emacs cannot load modules.\n\
Use one that was configured --with-modules."))
   (mew-submit-doctor-checkup--kernel)))

(defun mew-submit-doctor-checkup--kernel ()
  "Return a finding about what the system can tell of failed connections."
  (let ((release (and (eq system-type 'gnu/linux)
                      (ignore-errors
                        (string-trim (with-temp-buffer
                                       (insert-file-contents
                                        "/proc/sys/kernel/osrelease")
                                       (buffer-string)))))))
    (cond ((and release
                (string-match "\\`[0-9]+\\.[0-9]+" release)
                (not (version< (match-string 0 release) "5.8")))
           (mew-submit-doctor-finding--make
            "system" 'ok "Linux %s, which tells which ICMP error has come"
            release))
          (t (mew-submit-doctor-finding--make
              "system" 'note "%s%s does not tell which ICMP error has come, so \
cases 2 and 3, or 3 and 4, look alike" system-type
              (if release (concat " " release) ""))))))

(defun mew-submit-doctor-checkup--stale-p (file newer)
  "Is FILE older than one of the files NEWER?"
  (seq-some (lambda (other) (file-newer-than-file-p other file)) newer))

(defun mew-submit-doctor-checkup--module ()
  "Return findings about the module: is it there, does it fit, is it fresh?"
  (let* ((ready (mew-submit-module--ready-p))
         (file (mew-submit-module--file)))
    (if (not ready)
        (list (mew-submit-doctor-finding--make
               "module" 'error "%s.\n%s"
               (or (mew-submit-module--stale)
                   (format "The module %s is not built" (abbreviate-file-name file)))
               (if (mew-submit-module--lacks)
                   (mew-submit-module--remedy (mew-submit-module--lacks))
                 "M-x mew-submit-build-module builds it.")))
      (list
       (mew-submit-doctor-finding--make
        "module" 'ok "version %s, which fits the Lisp files"
        mew-submit-module--version)
       (when (and (file-exists-p file)
                  (mew-submit-doctor-checkup--stale-p
                   file (ignore-errors
                          (directory-files (file-name-directory file) t
                                           "\\.\\(?:[ch]\\|def\\)\\'"))))
         (mew-submit-doctor-finding--make
          "module" 'warning "The module is older than its sources.\n\
M-x mew-submit-build-module builds it anew; restart Emacs afterwards."))))))

(defconst mew-submit-doctor-checkup--defect-rows
  '((:gnutls "CVE-2020-13777" "3.6.4" "3.6.14"
             "session tickets without a key: TLS 1.3 can be listened to")
    (:gnutls "CVE-2022-2509" "3.6.0" "3.7.7"
             "memory freed twice by a certificate check")
    (:gnutls "CVE-2023-0361" "0" "3.7.9"
             "timing tells of RSA keys"))
  "Known defects: (LIBRARY NAME FROM BELOW WHAT): FROM has it, BELOW has not.")

(defun mew-submit-doctor-checkup--defects (library version)
  "Return the entries of known defects that VERSION of LIBRARY has."
  (seq-filter (lambda (defect)
                (pcase-let ((`(,whose ,_ ,from ,below . ,_) defect))
                  (and (eq whose library)
                       (version<= from version)
                       (version< version below))))
              mew-submit-doctor-checkup--defect-rows))

(defun mew-submit-doctor-checkup--library (library name version)
  "Return findings about LIBRARY, called NAME, whose VERSION is linked."
  (let ((defects (mew-submit-doctor-checkup--defects library version)))
    (or (mapcar (lambda (defect)
                  (pcase-let ((`(,_ ,cve ,_ ,below ,what) defect))
                    (mew-submit-doctor-finding--make
                     "libraries" 'warning "%s %s: %s, %s.\nUpdate %s to %s or \
later, unless your distribution has corrected it without a new number."
                     name version cve what name below)))
                defects)
        (list (mew-submit-doctor-finding--make "libraries" 'ok "%s %s" name
                                                  version)))))

(defun mew-submit-doctor-checkup--libraries ()
  "Return findings about the libraries the module is linked with."
  (when (mew-submit-module--fits-p)
    (let ((libraries (mew-submit-module--libraries)))
      (append
       (mew-submit-doctor-checkup--library :gnutls "GnuTLS"
                                           (plist-get libraries :gnutls))
       (mew-submit-doctor-checkup--library :gsasl "GNU SASL"
                                           (plist-get libraries :gsasl))
       (list
        (when (version< (plist-get libraries :gsasl) "2.2.0")
          (mew-submit-doctor-finding--make
           "libraries" 'note "Log-ins are not tied to their TLS 1.3 connection \
\(SCRAM-…-PLUS).\nUpdate GNU SASL to 2.2 or later where you can; they work without.")))))))

;;; Accounts

(defun mew-submit-doctor-finding--accounts ()
  "Return the user's accounts: their own, or the one made of smtpmail's variables."
  (or mew-submit-accounts
      (ignore-errors (list (mew-submit-account--choose nil)))))

(defun mew-submit-doctor-finding--topic (number)
  "Return the topic for the account with NUMBER."
  (format "account %d" number))

(defun mew-submit-doctor-account--tls-level (topic account)
  "Return a finding about the TLS level of ACCOUNT, called TOPIC, or nil."
  (let ((level (or (plist-get account :tls) 'required)))
    (cond
     ((eq level 'required) nil)
     ((and (eq level 'none)
           (mew-submit-account--local-p
            (ignore-errors (mew-submit-request--host account))))
      (mew-submit-doctor-finding--make
       topic 'note "no TLS, on this machine itself"))
     ((eq level 'opportunistic)
      (mew-submit-doctor-finding--make
       topic 'warning "TLS is `opportunistic': whoever changes a packet on the \
way reads the mail.\nTake :tls away, so that TLS is required."))
     ((eq level 'none)
      (mew-submit-doctor-finding--make
       topic 'warning "No TLS: everybody on the way reads the mail, and no \
password can be used.\nTake :tls away, so that TLS is required."))
     (t (mew-submit-doctor-finding--make
         topic 'error ":tls is `%s'.\nIt has to be required, opportunistic or \
none." level)))))

(defun mew-submit-doctor-account--keys (topic account)
  "Return a finding about keys of ACCOUNT, called TOPIC, that nobody knows.
Each is told once, whether it is the account's or that of some of its servers."
  (let ((unknown (seq-difference
                  (seq-uniq
                   (mapcan (lambda (one) (cl-loop for (key) on one by #'cddr collect key))
                           (mew-submit-account--servers account)))
                  (mew-submit-account--keys))))
    (when unknown
      (mew-submit-doctor-finding--make
       topic 'warning "What is %s?\nNo mail is sent by an account with a misspelled key: see the \
documentation of mew-submit-accounts."
       (mapconcat #'symbol-name unknown ", ")))))

(defun mew-submit-doctor-account--sender (topic account)
  "Return a finding about a :from of ACCOUNT, called TOPIC, that fits nobody."
  (let ((from (plist-get account :from)))
    (condition-case err
        (progn (when from (string-match-p from "")) nil)
      (invalid-regexp
       (unless (string-match-p "\\`[^\\^$*[]*\\'" from)
         (mew-submit-doctor-finding--make
          topic 'error ":from is no regexp: %s.\nPut a backslash before what is special \
in it, or write the address itself." (cadr err)))))))

(defun mew-submit-doctor-account--request (account)
  "Return the request for a look at ACCOUNT's server, or signal why there is none.
No source of secrets that could ask is looked into."
  (let ((auth-sources (mew-submit-auth--quiet-sources)))
    (mew-submit-request--probe
     (append '(:fallback always :timeout 5) account))))

(defun mew-submit-doctor-account--plan (account request)
  "Return in words the way of ACCOUNT's mail, by REQUEST."
  (format "%s: %s%s%s"
          (or (plist-get account :server) "?")
          (mapconcat
           (lambda (port) (number-to-string port))
           (delete-dups (mapcar #'car (plist-get request :routes)))
           ", then ")
          (if-let* ((family (plist-get account :family)))
              (format ", %s only" family)
            "")
          (if (plist-get account :tunnel) ", through a tunnel" "")))

(defun mew-submit-doctor-account--at (rank finding)
  "Return FINDING as one about the server with RANK of an account's, 1 the first.
That is said of the others; nil is nil."
  (if (or (null finding) (= rank 1))
      finding
    (plist-put (copy-sequence finding) :text
               (format "server %d: %s" rank (plist-get finding :text)))))

(defun mew-submit-doctor-account--one-server (topic account rank)
  "Return findings about ACCOUNT, called TOPIC, for its server with RANK only.
One sign-in is for all of them."
  (append
   (condition-case err
       (list (mew-submit-doctor-finding--make
              topic 'ok "%s" (mew-submit-doctor-account--plan
                              account (mew-submit-doctor-account--request account))))
     (error (list (mew-submit-doctor-finding--make
                   topic 'error "%s\nCorrect it in mew-submit-accounts%s."
                   (mew-submit-error--text err)
                   (if mew-submit-accounts "" " or smtpmail's variables")))))
   (list (mew-submit-doctor-account--tls-level topic account))
   (unless (and (> rank 1) (mew-submit-doctor-account--signs-in-p account))
     (mew-submit-doctor-account--secret topic account))))

(defun mew-submit-doctor-account--several (topic account)
  "Return a finding about the :servers of ACCOUNT, called TOPIC, or nil."
  (when (plist-get account :servers)
    (condition-case err
        (progn (mew-submit-account--check-servers account)
               nil)
      (error (mew-submit-doctor-finding--make
              topic 'error "%s\nCorrect it in mew-submit-accounts."
              (mew-submit-error--text err))))))

(defun mew-submit-doctor-account--account (account number)
  "Return findings about ACCOUNT, the one with NUMBER, and each of its servers."
  (let ((topic (mew-submit-doctor-finding--topic number)))
    (append
     (list (mew-submit-doctor-account--sender topic account)
           (mew-submit-doctor-account--several topic account)
           (mew-submit-doctor-account--keys topic account))
     (apply #'append
            (seq-map-indexed
             (lambda (server index)
               (mapcar (lambda (finding)
                         (mew-submit-doctor-account--at (1+ index) finding))
                       (mew-submit-doctor-account--one-server topic server
                                                              (1+ index))))
             (mew-submit-account--servers account))))))

(defun mew-submit-doctor-account--unreachable (accounts)
  "Return a finding about those of ACCOUNTS that are never chosen, or nil."
  (let ((general (seq-position accounts nil
                               (lambda (account _)
                                 (null (plist-get account :from))))))
    (when (and general (< (1+ general) (length accounts)))
      (mew-submit-doctor-finding--make
       "accounts" 'note
       "Account %d is for everybody, so that those behind it are used only by \
name.\nPut it at the end." (1+ general)))))

(defun mew-submit-doctor-account--account-findings ()
  "Return findings about all accounts."
  (let ((accounts (mew-submit-doctor-finding--accounts))
        (number 0))
    (if (null accounts)
        (list (mew-submit-doctor-finding--make
               "accounts" 'error "No account, and smtpmail names no server.\n\
Set mew-submit-accounts."))
      (append
       (list (mew-submit-doctor-finding--make
              "accounts" 'ok "%d, from %s" (length accounts)
              (if mew-submit-accounts "mew-submit-accounts"
                "smtpmail's variables"))
             (mew-submit-doctor-account--unreachable accounts))
       (mapcan (lambda (account)
                 (cl-incf number)
                 (mew-submit-doctor-finding--guarded
                  (mew-submit-doctor-finding--topic number)
                  #'mew-submit-doctor-account--account account number))
               accounts)))))

(defun mew-submit-doctor-checkup--sending ()
  "Return a finding about what Emacs sends mail with."
  (unless (or noninteractive
              (seq-some (lambda (variable)
                          (eq (and (boundp variable) (symbol-value variable))
                              'mew-submit-send-it))
                        '(send-mail-function message-send-mail-function)))
    (list (mew-submit-doctor-finding--make
           "sending" 'note "Emacs does not send mail by mew-submit.\nSet \
send-mail-function and message-send-mail-function to mew-submit-send-it, \
unless another program calls it."))))

;;; Secrets

(defun mew-submit-doctor-account--exposed (file)
  "Return a finding about FILE of secrets when others can read it, or nil."
  (let ((modes (file-modes file)))
    (when (and modes (/= 0 (logand #o077 modes)))
      (mew-submit-doctor-finding--make
       "secrets" 'warning "%s can be read by others.\nchmod 600 %s"
       (abbreviate-file-name file) (abbreviate-file-name file)))))

(defun mew-submit-doctor-account--who (account)
  "Return in words who signs in for ACCOUNT, and where."
  (format "%s at %s" (mew-submit-token--user account)
          (mew-submit-token--issuer account)))

(defun mew-submit-doctor-account--no-token (topic account problem)
  "Return a finding about PROBLEM, (KIND . WORDS), with the tokens of ACCOUNT.
ACCOUNT is called TOPIC."
  (pcase-let* ((`(,kind . ,words) problem)
               (`(,status . ,advice)
                (pcase kind
                  ('consent '(error . "M-x mew-submit-sign-in signs in again; until \
then mail waits."))
                  ('config '(error . "Correct :oauth in the account, or get a client id: \
see the manual, \"Signing in\"."))
                  ('locked '(note . "You are asked for the passphrase when mail is \
sent."))
                  (_ '(warning . "It is tried again when mail is sent; look at the \
network, and at the page of the issuer.")))))
    (mew-submit-doctor-finding--make
     topic status "no access token for %s: %s\n%s"
     (mew-submit-doctor-account--who account) words advice)))

(defun mew-submit-doctor-account--lifetime (seconds)
  "Return in words when an access token ends that is good for SECONDS."
  (format "an access token is good for %d minutes, until %s, and renewed by itself"
          (/ seconds 60)
          (format-time-string "%H:%M" (time-add nil seconds))))

(defun mew-submit-doctor-account--sign-in (topic account)
  "Return a finding about the sign-in of ACCOUNT, called TOPIC.
Nobody is asked, neither the user nor the issuer."
  (if (null (mew-submit-token--user account))
      (mew-submit-doctor-finding--make
       topic 'error "There is no :user to sign in as.\nAdd :user to the account")
    (let* ((status (mew-submit-token--status account))
           (where (mew-submit-doctor-account--who account))
           (left (plist-get status :left)))
      (cond ((plist-get status :problem)
             (mew-submit-doctor-account--no-token topic account
                                                  (plist-get status :problem)))
            ((plist-get status :memory)
             (mew-submit-doctor-finding--make
              topic 'note "%s is signed in until Emacs ends" where))
            ((plist-get status :kept)
             (mew-submit-doctor-finding--make
              topic 'ok "%s is signed in%s" where
              (if (zerop left) ""
                (concat "; " (mew-submit-doctor-account--lifetime left)))))
            ((> left 0)
             (mew-submit-doctor-finding--make
              topic 'note "%s is signed in for %d minutes, and cannot be renewed" where
              (/ left 60)))
            (t (mew-submit-doctor-finding--make
                topic 'warning "%s is not signed in, so mail waits.\n\
M-x mew-submit-sign-in" where))))))

(defun mew-submit-doctor-account--signs-in-p (account)
  "Does ACCOUNT sign in for its tokens, and no command or function has them?"
  (and (mew-submit-token--keys account)
       (not (plist-get account :token-command))
       (not (plist-get account :token-function))))

(defun mew-submit-doctor-account--renewal (account number callback)
  "See whether the sign-in of ACCOUNT, the one with NUMBER, can be renewed.
That is what happens each hour: the issuer is asked for another access token, in
the background, and nobody for a passphrase.  CALLBACK is called once, with the
findings.  Return nil, without that, where nobody is signed in."
  (let ((status (and (mew-submit-doctor-account--signs-in-p account)
                     (mew-submit-token--user account)
                     (ignore-errors (mew-submit-token--status account))))
        (topic (mew-submit-doctor-finding--topic number)))
    (when (or (plist-get status :kept) (plist-get status :memory))
      (mew-submit-token--check
       account
       (lambda (problem)
         (funcall callback
                  (list (if problem
                            (mew-submit-doctor-account--no-token topic account problem)
                          (mew-submit-doctor-finding--make
                           topic 'ok "its sign-in was renewed just now: %s"
                           (mew-submit-doctor-account--lifetime
                            (plist-get (mew-submit-token--status account)
                                       :left))))))))
      t)))

(defun mew-submit-doctor-account--token (topic account)
  "Return a finding about where ACCOUNT, called TOPIC, has its tokens from."
  (let* ((command (or (plist-get account :token-command)
                      mew-submit-oauth2-token-command))
         (program (car-safe command)))
    (cond ((mew-submit-doctor-account--signs-in-p account)
           (mew-submit-doctor-account--sign-in topic account))
          ((and program (not (executable-find program)))
           (mew-submit-doctor-finding--make
            topic 'error "The command for access tokens is not there: %s.\nCorrect \
:token-command of the account, or install the program."
            program))
          ((or command (plist-get account :token-function))
           (mew-submit-doctor-finding--make
            topic 'ok "access tokens come from a %s"
            (if command "command" "function"))))))

(defun mew-submit-doctor-account--entry (topic account)
  "Return a finding about the secret of ACCOUNT, called TOPIC, in auth-source."
  (let* ((host (mew-submit-request--host account))
         (port (caar (plist-get (mew-submit-doctor-account--request account) :routes)))
         (peek (mew-submit-auth--peek host port (plist-get account :user))))
    (cond
     ((plist-get peek :found)
      (mew-submit-doctor-finding--make topic 'ok "auth-source has a secret"))
     ((plist-get peek :unread)
      (mew-submit-doctor-finding--make
       topic 'note "No secret in plain files; what could ask for a passphrase \
was not looked into (%s)" (mapconcat (lambda (source) (format "%s" source))
                                     (plist-get peek :unread) ", ")))
     ((plist-get account :user)
      (mew-submit-doctor-finding--make
       topic 'warning "auth-source has no secret for this server and user, so \
Emacs will ask.\nAdd a line to ~/.authinfo.gpg: machine SERVER port %s login \
USER password PASSWORD" port))
     (t (mew-submit-doctor-finding--make
         topic 'note "No user name, and auth-source knows none: mail is sent \
without a log-in")))))

(defun mew-submit-doctor-account--secret (topic account)
  "Return findings about how ACCOUNT, called TOPIC, logs in."
  (let ((mechanism (mew-submit-auth--mechanism account)))
    (delq nil
          (list (cond ((equal mechanism "none") nil)
                      ((and (mew-submit-auth--token-p mechanism)
                            (mew-submit-doctor-account--token topic account)))
                      ((ignore-errors
                         (mew-submit-doctor-account--entry topic account))))))))

(defun mew-submit-doctor-account--secrets ()
  "Return findings about the files of auth-source."
  (let ((files (plist-get (mew-submit-auth--peek "doctor.invalid" 587) :read)))
    (mapcar #'mew-submit-doctor-account--exposed files)))

;;; What mew-submit keeps

(defun mew-submit-doctor-checkup--log-ins (entries)
  "Return findings about why those of ENTRIES wait whose log-in was refused."
  (mapcar (lambda (entry)
            (mew-submit-doctor-finding--make
             "outbox" 'warning "A log-in was refused: %s.\n%s"
             (mew-submit-refusal--why entry) (or (plist-get entry :remedy) "")))
          (seq-uniq (seq-filter (lambda (entry)
                                  (and (equal (plist-get entry :kind) "auth")
                                       (plist-get entry :cause)))
                                entries)
                    (lambda (one other)
                      (equal (mew-submit-refusal--why one)
                             (mew-submit-refusal--why other))))))

(defun mew-submit-doctor-checkup--messages (directory)
  "Return findings about the messages in DIRECTORY, the outbox.
They are looked at as they are on disk, and nothing is changed."
  (let* ((entries (mapcar (lambda (id) (mew-submit-spool--read id directory))
                          (mew-submit-spool--ids directory)))
         (groups (seq-group-by (lambda (entry) (plist-get entry :state)) entries)))
    (append
     (mew-submit-doctor-checkup--log-ins entries)
     (list
      (mew-submit-doctor-finding--make
       "outbox" 'ok "%s, %s" (abbreviate-file-name directory)
       (if groups
           (mapconcat (lambda (group)
                        (format "%d %s" (length (cdr group)) (car group)))
                      groups ", ")
         "no message"))
      (when (assq 'broken groups)
        (mew-submit-doctor-finding--make
         "outbox" 'error "What is known of a message cannot be read.\nM-x \
mew-submit-outbox shows it; the message itself is still there."))
      (when (assq 'uncertain groups)
        (mew-submit-doctor-finding--make
         "outbox" 'note "It is not known whether an uncertain message has \
arrived.\nAsk a recipient, then have M-x mew-submit-outbox send it again or \
delete it."))))))

(defun mew-submit-doctor-checkup--room (directory)
  "Return a finding about the room that is left for DIRECTORY, or nil."
  (when-let* ((info (ignore-errors (file-system-info directory))))
    (when (< (nth 2 info) (* 50 1024 1024))
      (mew-submit-doctor-finding--make
       "outbox" 'warning "%s are left on its disk.\nA message that does not fit \
cannot be sent." (file-size-human-readable (nth 2 info))))))

(defun mew-submit-doctor-checkup--outbox-usable (directory)
  "Return findings about DIRECTORY, the outbox, which exists."
  (let ((shown (abbreviate-file-name directory))
        ;; Whoever reads the outbox closes it to others.
        (modes (or (file-modes directory) 0)))
    (append
     (if (and (file-writable-p directory) (file-accessible-directory-p directory))
         (mew-submit-doctor-checkup--messages directory)
       (list (mew-submit-doctor-finding--make
              "outbox" 'error "%s cannot be written to, so no mail can be \
sent.\nchmod u+rwx %s, or set mew-submit-outbox-directory." shown shown)))
     (list
      (when (/= 0 (logand #o077 modes))
        (mew-submit-doctor-finding--make
         "outbox" 'warning "%s can be read by others.\nchmod 700 %s" shown
         shown))
      (unless (memql (file-attribute-user-id (file-attributes directory))
                     (list (user-uid) nil))
        (mew-submit-doctor-finding--make
         "outbox" 'warning "%s belongs to somebody else." shown))
      (mew-submit-doctor-checkup--room directory)))))

(defun mew-submit-doctor-checkup--nearest (directory)
  "Return DIRECTORY, or the nearest one above that exists."
  (let ((name (directory-file-name (expand-file-name directory))))
    (while (not (file-exists-p name))
      (setq name (directory-file-name (file-name-directory name))))
    name))

(defun mew-submit-doctor-checkup--outbox ()
  "Return findings about the outbox."
  (let* ((directory (expand-file-name mew-submit-outbox-directory))
         (nearest (mew-submit-doctor-checkup--nearest directory)))
    (cond
     ((file-directory-p directory)
      (mew-submit-doctor-checkup--outbox-usable (file-name-as-directory directory)))
     ((not (and (file-directory-p nearest) (file-writable-p nearest)))
      (list (mew-submit-doctor-finding--make
             "outbox" 'error "%s cannot be made: %s is %s, so no mail can be \
sent.\nCorrect that, or set mew-submit-outbox-directory."
             (abbreviate-file-name directory) (abbreviate-file-name nearest)
             (if (file-directory-p nearest) "not writable" "no directory"))))
     (t (list (mew-submit-doctor-finding--make
               "outbox" 'ok "%s, which the first mail will make"
               (abbreviate-file-name directory)))))))

(defun mew-submit-doctor-checkup--memory ()
  "Return findings about what servers have offered before."
  (list
   (if (null mew-submit-memory-file)
       (mew-submit-doctor-finding--make
        "memory" 'note "Nothing is remembered, so a server that offers less \
than before raises no alarm.\nName a file in mew-submit-memory-file.")
     (mew-submit-doctor-finding--make
      "memory" 'ok "servers that are remembered: %d"
      (length (mew-submit-memory--servers mew-submit-memory-file))))))

(defun mew-submit-doctor-checkup--verdict (entry number)
  "Return a finding about ENTRY, a port that is blocked for account NUMBER."
  (mew-submit-doctor-finding--make
   "verdicts" 'note "Account %d: port %s by %s was case %s on this network, so it \
is tried last until %s.\nM-x mew-submit-forget-network forgets that." number
   (plist-get entry :port)
   (mew-submit-report--family
    (and (plist-get entry :family) (symbol-name (plist-get entry :family))))
   (plist-get entry :case) (plist-get entry :expires)))

(defun mew-submit-doctor-checkup--hosts (account)
  "Return the hosts of all servers of ACCOUNT, those that can be told."
  (seq-uniq (delq nil (mapcar (lambda (server)
                                (ignore-errors (mew-submit-request--host server)))
                              (ignore-errors
                                (mew-submit-account--servers account))))))

(defun mew-submit-doctor-checkup--verdicts ()
  "Return findings about ports that are remembered to be blocked."
  (let ((networks (mew-submit-network-negative--networks))
        (number 0))
    (cons
     (mew-submit-doctor-finding--make
      "verdicts" 'ok "ports that are remembered to be blocked, on any network: %d"
      (length (mew-submit-network-negative--entries)))
     (mapcan
      (lambda (account)
        (cl-incf number)
        (mapcar (lambda (entry) (mew-submit-doctor-checkup--verdict entry number))
                (mapcan (lambda (host)
                          (mew-submit-network-negative--find host networks))
                        (mew-submit-doctor-checkup--hosts account))))
      (mew-submit-doctor-finding--accounts)))))

(defun mew-submit-doctor-checkup--pin (pin names)
  "Return a finding about PIN when it is of no use, or nil.
NAMES are those of the accounts there are."
  (pcase pin
    (`(,account ,server ,port ,fingerprint)
     (cond ((not (and (stringp fingerprint)
                      (string-match-p "\\`sha256:[[:xdigit:]]\\{64\\}\\'"
                                      fingerprint)))
            (mew-submit-doctor-finding--make
             "pins" 'error "The pin for %s, port %s, is no SHA-256 \
fingerprint.\nM-x mew-submit-unpin-certificate takes it away." server port))
           ((not (member account (cons nil names)))
            (mew-submit-doctor-finding--make
             "pins" 'note "A pin is for the account %s, which there is not.\n\
M-x mew-submit-unpin-certificate takes it away."
             account))))
    (_ (mew-submit-doctor-finding--make
        "pins" 'error "An element of mew-submit-pins is none: it needs an \
account, a server, a port and a fingerprint.\nM-x customize-option RET mew-submit-pins \
shows it."))))

(defun mew-submit-doctor-checkup--pins ()
  "Return findings about pinned certificates."
  (let ((names (mapcar (lambda (account) (plist-get account :name))
                       (mew-submit-doctor-finding--accounts))))
    (cons (mew-submit-doctor-finding--make
           "pins" 'ok "%d" (length mew-submit-pins))
          (mapcar (lambda (pin) (mew-submit-doctor-checkup--pin pin names))
                  mew-submit-pins))))

;;; The machine

(defun mew-submit-doctor-checkup--witnesses ()
  "Return ((WHAT . TIME)...): when things were made, which is not in the future."
  (delq nil
        (cons (and (boundp 'emacs-build-time) emacs-build-time
                   (cons "Emacs" emacs-build-time))
              (mapcar (lambda (entry)
                        (and (cdr entry) (file-exists-p (cdr entry))
                             (cons (car entry)
                                   (file-attribute-modification-time
                                    (file-attributes (cdr entry))))))
                      `(("mew-submit's Lisp"
                         . ,(locate-library "mew-submit-job"))
                        ("mew-submit's module"
                         . ,(ignore-errors (mew-submit-module--file)))
                        ("the memory of servers" . ,mew-submit-memory-file)
                        ("the outbox" . ,mew-submit-outbox-directory))))))

(defconst mew-submit-doctor-checkup--released "2026-11-01T00:00:00Z"
  "When this version was made: no clock that is right says less.")

(defun mew-submit-doctor-checkup--clock (now)
  "Return findings about NOW, the time by the clock."
  (let* ((witness (car (sort (mew-submit-doctor-checkup--witnesses)
                             (lambda (a b) (time-less-p (cdr b) (cdr a))))))
         (shown (format-time-string "%F %R UTC" now t)))
    (list
     (cond
      ((time-less-p now (date-to-time mew-submit-doctor-checkup--released))
       (mew-submit-doctor-finding--make
        "clock" 'error "It says %s, which is before mew-submit was made.\nSet \
it: no certificate can be checked by a clock that is wrong." shown))
      ((and witness (time-less-p (time-add now 3600) (cdr witness)))
       (mew-submit-doctor-finding--make
        "clock" 'error "It says %s, but %s was made %s.\nSet it: no certificate \
can be checked by a clock that is wrong." shown (car witness)
        (format-time-string "%F %R UTC" (cdr witness) t)))
      ((time-less-p (time-add (date-to-time mew-submit-doctor-checkup--released)
                              (* 20 365 86400))
                    now)
       (mew-submit-doctor-finding--make
        "clock" 'warning "It says %s: is that so?\nA clock that is wrong makes \
every certificate look expired." shown))
      (t (mew-submit-doctor-finding--make "clock" 'ok "%s" shown))))))

(defconst mew-submit-doctor-checkup--elsewhere
  '(("IPv4" . "192.0.2.1") ("IPv6" . "2001:db8::1"))
  "An address far away for each family, to which nothing is sent.")

(defun mew-submit-doctor-checkup--family (name address)
  "Return (FINDING . USABLE) about the family NAME: is there a route to ADDRESS?"
  (let ((source (mew-submit--mod-source address)))
    (cond
     ((symbolp source)
      (cons (mew-submit-doctor-finding--make
             "network" 'note "%s: no route (%s), so it is not used" name source)
            nil))
     ((string-match-p "\\`\\(?:f[cd]\\|fe[89ab]\\)" source)
      (cons (mew-submit-doctor-finding--make
             "network" 'note "%s: only an address of the local network" name)
            t))
     (t (cons (mew-submit-doctor-finding--make "network" 'ok "%s: there is a route"
                                                  name)
              t)))))

(defun mew-submit-doctor-checkup--families ()
  "Return findings about both address families."
  (when (fboundp 'mew-submit--mod-source)
    (let ((families (mapcar (lambda (entry)
                              (mew-submit-doctor-checkup--family (car entry)
                                                                 (cdr entry)))
                            mew-submit-doctor-checkup--elsewhere)))
      (append
       (mapcar #'car families)
       (list (unless (seq-some #'cdr families)
               (mew-submit-doctor-finding--make
                "network" 'warning "This machine has no way out by itself.\n\
Connect it to a network, unless the server is near.")))))))

(defun mew-submit-doctor-checkup--resolver ()
  "Return findings about the DNS servers that are known."
  (let ((servers (mew-submit-dns--servers)))
    (list (if servers
              (mew-submit-doctor-finding--make "resolver" 'ok "DNS servers: %d"
                                                  (length servers))
            (mew-submit-doctor-finding--make
             "resolver" 'note "No DNS server is known (/etc/resolv.conf), so \
mew-submit-diagnose-domain has nobody to ask.\nSet dns-servers.")))))

(defconst mew-submit-doctor-checkup--all
  '(("Emacs" mew-submit-doctor-checkup--emacs)
    ("module" mew-submit-doctor-checkup--module)
    ("libraries" mew-submit-doctor-checkup--libraries)
    ("sending" mew-submit-doctor-checkup--sending)
    ("accounts" mew-submit-doctor-account--account-findings)
    ("secrets" mew-submit-doctor-account--secrets)
    ("outbox" mew-submit-doctor-checkup--outbox)
    ("memory" mew-submit-doctor-checkup--memory)
    ("verdicts" mew-submit-doctor-checkup--verdicts)
    ("pins" mew-submit-doctor-checkup--pins)
    ("clock" mew-submit-doctor-checkup--now)
    ("network" mew-submit-doctor-checkup--families)
    ("resolver" mew-submit-doctor-checkup--resolver))
  "The checks that need no server: (TOPIC FUNCTION).")

(defun mew-submit-doctor-checkup--now ()
  "Return findings about the clock."
  (mew-submit-doctor-checkup--clock (current-time)))

(defun mew-submit-doctor-checkup--local ()
  "Return the findings about all that needs no server."
  (mapcan (lambda (check)
            (apply #'mew-submit-doctor-finding--guarded check))
          mew-submit-doctor-checkup--all))

;;; The servers

(defun mew-submit-doctor-account--resolved (topic events)
  "Return findings about the look-ups in EVENTS of the account called TOPIC."
  (let ((found (seq-filter (lambda (event) (plist-get event :addresses))
                           events))
        (slowest (apply #'max 0 (mapcar (lambda (event)
                                          (or (plist-get event :ms) 0))
                                        events))))
    (when found
      (list
       (mew-submit-doctor-finding--make
        topic (if (> slowest 2000) 'warning 'ok) "its name has %s (%s)%s"
        (mapconcat (lambda (event)
                     (format "%d %s address%s"
                             (length (plist-get event :addresses))
                             (mew-submit-report--family
                              (plist-get event :family))
                             (if (cdr (plist-get event :addresses)) "es" "")))
                   found " and ")
        (mew-submit-report--msecs slowest)
        (if (> slowest 2000)
            "\nThe resolver is slow: look at /etc/resolv.conf." ""))))))

(defun mew-submit-doctor-account--days (text)
  "Return in how many days the date TEXT is, or nil."
  (when-let* ((time (and text (ignore-errors (date-to-time text)))))
    (/ (float-time (time-subtract time nil)) 86400)))

(defun mew-submit-doctor-account--certificate (topic tls)
  "Return findings about the dates of the certificate in TLS, for TOPIC."
  (let ((since (mew-submit-doctor-account--days (plist-get tls :starts)))
        (left (mew-submit-doctor-account--days (plist-get tls :expires))))
    (cond
     ((and since (> since 0))
      (list (mew-submit-doctor-finding--make
             "clock" 'warning "The certificate of %s will be valid in %d days.\n\
Either the clock is behind, or the server has made a mistake." topic
             (ceiling since))))
     ((and left (< left 0))
      (list (mew-submit-doctor-finding--make
             topic 'error "Its certificate has expired %d days ago.\nTell who \
runs the server, unless the clock is wrong." (floor (- left)))))
     ((and left (< left 14))
      (list (mew-submit-doctor-finding--make
             topic 'note "Its certificate is valid for %d days more"
             (floor left)))))))

(defun mew-submit-doctor-account--outcome (topic connected tls done)
  "Return a finding about how a look at TOPIC's server ended.
CONNECTED, TLS and DONE are events."
  (let ((place (and connected
                    (format "port %s (%s)" (plist-get connected :port)
                            (or (mew-submit-report--family
                                 (plist-get connected :family))
                                "tunnel")))))
    (cond
     ((and (equal (plist-get done :kind) "ok") (plist-get connected :fallback))
      (mew-submit-doctor-finding--make
       topic 'warning "Only %s answers, not the preferred port.\nM-x \
mew-submit-diagnose tells what is in the way." place))
     ((equal (plist-get done :kind) "ok")
      (mew-submit-doctor-finding--make topic 'ok "%s answers%s" place
                                          (if tls
                                              (format ", %s, certificate verified"
                                                      (plist-get tls :version))
                                            ", without TLS")))
     ((equal (plist-get done :kind) "cancelled")
      (mew-submit-doctor-finding--make
       topic 'error "The server does not answer in time.\nM-x \
mew-submit-diagnose tells more."))
     (t (mew-submit-doctor-finding--make
         topic 'error "%s%s\n%s" (if place (concat place ": ") "")
         (string-replace "\n" " " (plist-get done :text))
         (mew-submit-report--advice done))))))

(defconst mew-submit-doctor-account--seconds 30
  "How many seconds a look at a server may take.")

(defun mew-submit-doctor-account--bounded (session)
  "Cancel SESSION when its time is over; return the timer."
  (run-at-time mew-submit-doctor-account--seconds nil #'mew-submit-job--cancel
               session))

(defun mew-submit-doctor-account--server (account number rank callback)
  "Have a look at the server of ACCOUNT, the one with NUMBER, in the background.
It is that with RANK among those of the account, and ACCOUNT has no other.
Nothing is sent there but what leads to TLS.  CALLBACK is called once, with the
findings.  Return the session, or nil when nothing was begun: then ACCOUNT is
not usable, and the findings of `mew-submit-doctor-checkup--local' say why."
  (let ((topic (mew-submit-doctor-finding--topic number))
        resolved connected tls timer)
    (when-let* ((request (ignore-errors (mew-submit-doctor-account--request account))))
      (let ((session
             (mew-submit-job--start
              request
              :on-event (lambda (event)
                          (pcase (plist-get event :event)
                            ('resolved (push event resolved))
                            ('connected (setq connected event))
                            ('tls (setq tls event))))
              :on-done
              (lambda (done)
                (when timer (cancel-timer timer))
                (funcall callback
                         (mapcar
                          (lambda (finding)
                            (mew-submit-doctor-account--at rank finding))
                          (append
                           (mew-submit-doctor-account--resolved topic
                                                                (nreverse resolved))
                           (list (mew-submit-doctor-account--outcome topic connected
                                                                     tls done))
                           (mew-submit-doctor-account--certificate topic tls))))))))
        (setq timer (mew-submit-doctor-account--bounded session))
        session))))

(provide 'mew-submit-doctor-checkup)
;;; mew-submit-doctor-checkup.el ends here
