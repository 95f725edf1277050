;;; mew-submit-doctor-account.el --- What could be wrong with the user's accounts -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the doctor's checks of accounts: what they say, their secrets and sign-ins, and
;; a look at each of their servers.  Nobody is asked anything, nothing is changed, and no
;; secret is read; what needs the network comes later, to a function.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-auth)
(require 'mew-submit-caseless)
(require 'mew-submit-diagnosis)
(require 'mew-submit-doctor-finding)
(require 'mew-submit-error)
(require 'mew-submit-job)
(require 'mew-submit-parcel)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-time)
(require 'mew-submit-token)

(defvar auth-sources)

;;; Accounts

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
         topic 'error ":tls is `%S'.\nIt has to be required, opportunistic or \
none, without double quotes." level)))))

(defun mew-submit-doctor-account--keys (topic account)
  "Return a finding about keys of ACCOUNT, called TOPIC, that nobody knows.
Each is told once, whether it is the account's or that of some of its servers."
  (let ((unknown (seq-difference
                  (seq-uniq
                   (mapcan (lambda (one) (cl-loop for (key) on one by #'cddr collect key))
                           (mew-submit-account--servers account)))
                  (mew-submit-account--keys))))
    (cond
     ((memq :password unknown)
      (mew-submit-doctor-finding--make
       topic 'error "It has a :password, and no mail is sent by it.\nThe password belongs into \
~/.authinfo.gpg: see \"I know my server\" in the manual."))
     (unknown
      (mew-submit-doctor-finding--make
       topic 'warning "What is %s?\nNo mail is sent by an account with a misspelled key: see the \
documentation of mew-submit-accounts."
       (mapconcat #'symbol-name unknown ", "))))))

(defun mew-submit-doctor-account--mechanism (topic account)
  "Return a finding about ways to log in of ACCOUNT, called TOPIC, that are none."
  (when-let* ((unknown (seq-difference
                        (split-string (mew-submit-caseless--up
                                       (or (mew-submit-auth--mechanism account) ""))
                                      "," t)
                        (cons "NONE" mew-submit-diagnosis--spoken))))
    (mew-submit-doctor-finding--make
     topic 'error ":auth names %s, which is no way to log in that mew-submit knows.\nTake :auth \
away, so that the best one is taken, or name one of %s." (string-join unknown ", ")
     (string-join mew-submit-diagnosis--spoken ", "))))

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

(defun mew-submit-doctor-account--peek (account)
  "Return what `mew-submit-auth--peek' does for ACCOUNT, and its first :port."
  (let ((port (caar (plist-get (mew-submit-request--plan account 'always) :routes))))
    (append (mew-submit-auth--peek (mew-submit-request--host account) port
                                   (plist-get account :user))
            (list :port port))))

(defun mew-submit-doctor-account--request (account)
  "Return the request for a look at ACCOUNT's server, or signal why there is none.
It is that, too, where mail would be refused because of what the account says.
No source of secrets that could ask is looked into."
  (let* ((peek (mew-submit-doctor-account--peek account))
         (auth-sources (mew-submit-auth--quiet-sources))
         ;; They are told of once, and not for each account.
         (mew-submit-request--options nil))
    (mew-submit-request--check-account
     (if (or (plist-get peek :found) (plist-get peek :unread))
         ;; Who logs in may be found there, in an Emacs with somebody to ask.
         (append '(:resolved (:login "somebody")) account)
       account)
     nil)
    (when-let* ((sender (plist-get account :sender)))
      (mew-submit-address--check (mew-submit-address--bare sender)))
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
   (list (mew-submit-doctor-account--tls-level topic account)
         (mew-submit-doctor-account--mechanism topic account))
   (unless (and (> rank 1) (mew-submit-doctor-account--signs-in-p account))
     (mew-submit-doctor-account--secret topic account))))

(defun mew-submit-doctor-account--shape (topic account)
  "Return a finding about a value of a wrong kind in ACCOUNT, called TOPIC, or nil.
So is one about :servers that cannot stand in for the first.  Keys that nobody
knows, and :tls, are told of elsewhere."
  (condition-case err
      (progn (mew-submit-account--check
              (cl-loop for (key value) on account by #'cddr
                       when (memq key (remq :tls (mew-submit-account--keys)))
                       append (list key value)))
             nil)
    (error (mew-submit-doctor-finding--make topic 'error "%s" (mew-submit-error--text err)))))

(defun mew-submit-doctor-account--each-server (topic account)
  "Return findings about ACCOUNT, called TOPIC, and each of its servers."
  (cons
   (mew-submit-doctor-account--sender topic account)
   (apply #'append
          (seq-map-indexed
           (lambda (server index)
             (mapcar (lambda (finding)
                       (mew-submit-doctor-account--at (1+ index) finding))
                     (mew-submit-doctor-account--one-server topic server (1+ index))))
           (mew-submit-account--servers account)))))

(defun mew-submit-doctor-account--account (account number)
  "Return findings about ACCOUNT, the one with NUMBER.
What cannot be sent by because of a value of a wrong kind is looked at no
further; a slip in one of :servers is told once."
  (let* ((topic (mew-submit-doctor-finding--topic number))
         (keys (ignore-errors (mew-submit-doctor-account--keys topic account)))
         (shape (mew-submit-doctor-account--shape topic account)))
    (cond ((null shape) (cons keys (mew-submit-doctor-account--each-server topic account)))
          (keys (list keys))
          (t (list shape)))))

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

(defun mew-submit-doctor-account--no-account ()
  "Return a finding about what is in `mew-submit-accounts' and no account, or nil."
  (unless (and (proper-list-p mew-submit-accounts)
               (seq-every-p #'mew-submit-account--plist-p (mew-submit-account--listed)))
    (mew-submit-doctor-finding--make
     "accounts" 'error "%s" (condition-case err
                                (format "%s" (mew-submit-account--all))
                              (error (mew-submit-error--text err))))))

(defun mew-submit-doctor-account--account-findings ()
  "Return findings about all accounts."
  (let ((accounts (mew-submit-doctor-finding--accounts))
        (none (mew-submit-doctor-account--no-account))
        (number 0))
    (if (null (or accounts none))
        (list (mew-submit-doctor-finding--make
               "accounts" 'error "No account, and smtpmail names no server.\n\
M-x mew-submit-setup asks for your address and makes one."))
      (append
       (list (mew-submit-doctor-finding--make
              "accounts" 'ok "%d, from %s" (length accounts)
              (if mew-submit-accounts "mew-submit-accounts"
                "smtpmail's variables"))
             none
             (mew-submit-doctor-account--unreachable accounts))
       (mapcan (lambda (account)
                 (cl-incf number)
                 (mew-submit-doctor-finding--guarded
                  (mew-submit-doctor-finding--topic number)
                  #'mew-submit-doctor-account--account account number))
               accounts)))))

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
            (if command "command" "function")))
          ((eq (plist-get account :oauth) t)
           (mew-submit-doctor-finding--make
            topic 'note "access tokens come from GNOME's settings (Online Accounts), if \
that account is there")))))

(defun mew-submit-doctor-account--entry (topic account)
  "Return a finding about the secret of ACCOUNT, called TOPIC, in auth-source."
  (let ((peek (mew-submit-doctor-account--peek account)))
    (cond
     ((plist-get peek :odd)
      (mew-submit-doctor-finding--make
       topic 'warning "auth-source has a secret, and behind it words that mean nothing, so that it \
may be cut short.\nPut a password with spaces in \"quotes\" there."))
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
USER password PASSWORD" (plist-get peek :port)))
     (t (mew-submit-doctor-finding--make
         topic 'note "No user name, and auth-source knows none: mail is sent \
without a log-in")))))

(defun mew-submit-doctor-account--refused (topic account)
  "Return a finding about a refused log-in to ACCOUNT, called TOPIC, or nil."
  (when-let* ((host (ignore-errors (mew-submit-request--host account)))
              (time (gethash (cons host (plist-get account :user))
                             mew-submit-parcel--refused)))
    (mew-submit-doctor-finding--make
     topic 'warning "%s did not accept the log-in the last time, at %s.\nLook at user name and \
password; M-x mew-submit-setup sends a test mail." host (format-time-string "%H:%M" time))))

(defun mew-submit-doctor-account--secret (topic account)
  "Return findings about how ACCOUNT, called TOPIC, logs in."
  (let ((mechanism (mew-submit-auth--mechanism account)))
    (delq nil
          (list (mew-submit-doctor-account--refused topic account)
                (cond ((equal mechanism "none") nil)
                      ((and (mew-submit-auth--token-p mechanism)
                            (mew-submit-doctor-account--token topic account)))
                      ((ignore-errors
                         (mew-submit-doctor-account--entry topic account))))))))

(defun mew-submit-doctor-account--secrets ()
  "Return findings about the files of auth-source."
  (let ((files (plist-get (mew-submit-auth--peek "doctor.invalid" 587) :read)))
    (mapcar #'mew-submit-doctor-account--exposed files)))

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

(defun mew-submit-doctor-account--until (text)
  "Return in how many seconds the date TEXT is, or nil."
  (when-let* ((time (and text (ignore-errors (date-to-time text)))))
    (float-time (time-subtract time nil))))

(defun mew-submit-doctor-account--certificate (topic tls)
  "Return findings about the dates of the certificate in TLS, for TOPIC."
  (let ((since (mew-submit-doctor-account--until (plist-get tls :starts)))
        (left (mew-submit-doctor-account--until (plist-get tls :expires))))
    (cond
     ((and since (> since 0))
      (list (mew-submit-doctor-finding--make
             "clock" 'warning "The certificate of %s will be valid in %s.\n\
Either the clock is behind, or the server has made a mistake." topic
             (mew-submit-time--say-while since))))
     ((and left (< left 0))
      (list (mew-submit-doctor-finding--make
             topic 'error "Its certificate has expired %s ago.\nTell who \
runs the server, unless the clock is wrong." (mew-submit-time--say-while (- left)))))
     ((and left (< left (* 14 86400)))
      (list (mew-submit-doctor-finding--make
             topic 'note "Its certificate is valid for %s more"
             (mew-submit-time--say-while left)))))))

(defun mew-submit-doctor-account--outcome (topic course)
  "Return a finding about how a look at TOPIC's server ended, by its COURSE."
  (let* ((connected (plist-get course :connected))
         (tls (plist-get course :tls))
         (done (plist-get course :done))
         (place (and connected
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

(defun mew-submit-doctor-account--seen (topic course)
  "Return findings about TOPIC's server, by the COURSE of a look at it."
  (append (mew-submit-doctor-account--resolved topic (plist-get course :lookups))
          (list (mew-submit-doctor-account--outcome topic course))
          (mew-submit-doctor-account--certificate topic (plist-get course :tls))))

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
  (when-let* ((request (ignore-errors (mew-submit-doctor-account--request account))))
    (let (session timer)
      (setq session
            (mew-submit-job--start
             request
             :on-done
             (lambda (_done)
               (cancel-timer timer)
               (funcall callback
                        (mapcar (lambda (finding)
                                  (mew-submit-doctor-account--at rank finding))
                                (mew-submit-doctor-account--seen
                                 (mew-submit-doctor-finding--topic number)
                                 (mew-submit-job-course session)))))))
      (setq timer (mew-submit-doctor-account--bounded session))
      session)))

(provide 'mew-submit-doctor-account)
;;; mew-submit-doctor-account.el ends here
