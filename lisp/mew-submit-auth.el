;;; mew-submit-auth.el --- User names and passwords -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns where secrets come from: auth-source, with the same entries
;; that smtpmail uses, the user, a command or a function for access tokens, or a file
;; in batch mode.  A secret stays a function until the server has asked for it, over
;; verified TLS.

;;; Code:

(require 'mew-submit-address)
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-oauth)
(require 'mew-submit-question)
(require 'seq)

(eval-when-compile
  (require 'auth-source))

(declare-function auth-source-backend-parse "auth-source" (entry))
(declare-function auth-source-forget+ "auth-source" (&rest spec))
(declare-function auth-source-remembered-p "auth-source" (spec))
(declare-function auth-source-search "auth-source" (&rest spec))
(declare-function slot-value "ext:eieio" (object slot))
(defvar auth-source-save-behavior)
(defvar epa-suppress-error-buffer)
(defvar epg-pinentry-mode)

(defconst mew-submit-auth--services
  '((25 "smtp") (465 "submissions" "smtps" "ssmtp") (587 "submission"))
  "The names ports go by in ~/.authinfo.")

(defun mew-submit-auth--ports (port)
  "Return lists of names for PORT, to be looked for one list after the other.
First PORT itself; then any port mail is submitted by, since the entry may have
been written for another one."
  (list (cons (format "%s" port)
              (cdr (assq port mew-submit-auth--services)))
        (mapcan (lambda (entry)
                  (cons (number-to-string (car entry))
                        (copy-sequence (cdr entry))))
                mew-submit-auth--services)))

(defun mew-submit-auth--sources ()
  "Return `auth-sources'.  The library is loaded when a secret is looked for first."
  (require 'auth-source)
  auth-sources)

(defun mew-submit-auth--quiet-sources ()
  "Return those of `auth-sources' that never ask the user anything.
That is plain files, and whatever says so itself by `:async'."
  (seq-filter (lambda (source)
                (let ((file (mew-submit-auth--source-file source)))
                  (or (and (consp source) (plist-get source :async))
                      (and file
                           (not (string-match-p "\\.\\(?:gpg\\|plist\\|json\\)\\'"
                                                file))
                           (file-readable-p file)))))
              (mew-submit-auth--sources)))

(defun mew-submit-auth--source-file (source)
  "Return the file of SOURCE, an element of `auth-sources', or nil."
  (if (stringp source) source
    (let ((file (and (listp source) (plist-get source :source))))
      (and (stringp file) file))))

(defconst mew-submit-auth--words
  '(:host :user :secret :port :auth :smtp-auth :force :account :type :async :save-function
    :client-id :client-secret :refresh-token :auth-url :token-url :redirect-uri :scope)
  "What an entry of auth-source may say.
A password with spaces that is not in quotes makes more: what stands behind the
first space is taken for a word and its value, and the password is cut there.")

(defun mew-submit-auth--peek (host port &optional user)
  "Return whether there is a secret for HOST and PORT, and USER if non-nil.
The value is a plist: :found, with the entry's :user, and :odd if it has words
that mean nothing; :read and :unread, the sources that were looked into, and
those that were not because they could ask for a passphrase.  Nobody is asked
anything and no secret is read."
  (let* ((quiet (mew-submit-auth--quiet-sources))
         (found (let ((noninteractive t))
                  (mew-submit-auth--lookup host port user))))
    (list :found (and found t) :user (plist-get found :user)
          :odd (and (not (plist-get found :async)) ; which may say what it wants
                    (seq-some (lambda (word)
                                (and (keywordp word) (not (memq word mew-submit-auth--words))))
                              found))
          :read (delq nil (mapcar #'mew-submit-auth--source-file quiet))
          :unread (seq-remove
                   (lambda (source)
                     (let ((file (mew-submit-auth--source-file source)))
                       (or (memq source quiet)
                           (and file (not (file-exists-p file))))))
                   auth-sources))))

(defvar mew-submit-auth--ask t
  "Whether a look-up may ask the user something, for a passphrase say.
Where it is nil a look-up that could ask signals `mew-submit-secret' instead.")

(defun mew-submit-auth--sources-there ()
  "Return `auth-sources' without the files that do not exist."
  (seq-filter (lambda (source)
                (let ((file (mew-submit-auth--source-file source)))
                  (or (null file) (file-exists-p file))))
              (mew-submit-auth--sources)))

(defun mew-submit-auth--first-sources ()
  "Return those of `auth-sources' that come first and never ask anything.
In batch mode return all that never do.  Files that do not exist do not count."
  (let ((quiet (mew-submit-auth--quiet-sources)))
    (if noninteractive
        quiet
      (seq-take-while (lambda (source) (memq source quiet))
                      (mew-submit-auth--sources-there)))))

(defun mew-submit-auth--forget (host)
  "Have auth-source forget what it remembers for HOST."
  (require 'auth-source)
  (auth-source-forget+ :host host))

(defun mew-submit-auth--throw-unreadable (err)
  "Signal in words that auth-source cannot look anything up because of ERR."
  (let ((text (mew-submit-oauth--error-text err)))
    (error "%s" (if (string-match "Unexpected .machine. token at line \\([0-9]+\\)" text)
                    (format "Before line %s of %s an entry is not whole, so no password \
can be read there: correct it (what has spaces in it needs \"quotes\")"
                            (match-string 1 text)
                            (mapconcat #'abbreviate-file-name
                                       (delq nil (mapcar #'mew-submit-auth--source-file
                                                         auth-sources))
                                       " or "))
                  (concat "The passwords cannot be looked up: " text)))))

(defun mew-submit-auth--search (spec)
  "Return the first entry that auth-source has for SPEC, or nil.
The package auth-source-xoauth2-plugin, which would ask the network while Emacs
waits, has no part in it: see mew-submit-token-source.el.  Signal
`mew-submit-secret' where a file cannot be decrypted."
  (let ((plugin 'auth-source-xoauth2-plugin--search-backends))
    (condition-case err
        (cond ((null auth-sources) nil)
              ((advice-member-p plugin 'auth-source-search-backends)
               (advice-remove 'auth-source-search-backends plugin)
               (unwind-protect
                   (car (apply #'auth-source-search spec))
                 (advice-add 'auth-source-search-backends :around plugin)))
              (t (car (apply #'auth-source-search spec))))
      (file-error
       (if (equal (nth 2 err) "Decryption failed")
           (mew-submit-error--throw
            'secret nil "The file of passwords could not be decrypted: the passphrase \
was wrong, or the key is not here")
         (signal (car err) (cdr err))))
      (mew-submit-error (signal (car err) (cdr err)))
      (error (mew-submit-auth--throw-unreadable err)))))

(defmacro mew-submit-auth--unless-gpg-asks (&rest body)
  "Return the value of BODY, or nil if gpg would have to ask, or something fails."
  (declare (indent 0) (debug t))
  `(let ((epg-pinentry-mode 'error)
         (epa-suppress-error-buffer t)
         (inhibit-message t))
     (ignore-errors ,@body)))

(defun mew-submit-auth--only-gpg-asks-p (source)
  "Is it gpg, and nobody else, who could ask about SOURCE, one of `auth-sources'?
So it is for a file that is called so, and for the program pass."
  (or (eq source 'password-store)
      (and (listp source) (eq (plist-get source :source) 'password-store))
      (string-suffix-p ".gpg" (or (mew-submit-auth--source-file source) ""))))

(defun mew-submit-auth--search-unlocked (spec)
  "Return the first entry for SPEC in files that gpg can read by itself, or nil.
It can when it still knows the passphrase; whoever else may ask is left alone."
  (let ((auth-sources (seq-filter #'mew-submit-auth--only-gpg-asks-p auth-sources))
        (auth-source-do-cache nil))
    (mew-submit-auth--unless-gpg-asks
      (mew-submit-auth--search spec))))

(defun mew-submit-auth--search-aloud (specs)
  "Return the first entry for one of SPECS in all of `auth-sources', or nil.
What auth-source remembers, and gpg can read by itself, nobody is asked for."
  (if (or mew-submit-auth--ask (seq-every-p #'auth-source-remembered-p specs))
      (seq-some #'mew-submit-auth--search specs)
    (or (seq-some (lambda (spec)
                    (if (auth-source-remembered-p spec)
                        (mew-submit-auth--search spec)
                      (mew-submit-auth--search-unlocked spec)))
                  specs)
        (mew-submit-error--throw
         'secret nil "The passwords are where a passphrase may have to be asked \
for"))))

(defun mew-submit-auth--find (specs)
  "Return the first entry of auth-source for one of SPECS, lists, or nil.
Sources that come first and never ask are read first, without asking.  In batch
mode no other is."
  (let ((first (mew-submit-auth--first-sources)))
    (or (let ((auth-sources first)
              ;; It would remember by SPEC alone that there is nothing at all.
              (auth-source-do-cache nil))
          (seq-some #'mew-submit-auth--search specs))
        (and (not noninteractive)
             (> (length (mew-submit-auth--sources-there)) (length first))
             (mew-submit-auth--search-aloud specs)))))

(defun mew-submit-auth--specs (host port user)
  "Return what to look for at HOST and PORT, for USER if non-nil, in order."
  (mapcar (lambda (ports)
            (append (list :host host :port ports :max 1
                          :require '(:user :secret))
                    (and user (list :user user))))
          (mew-submit-auth--ports port)))

(defun mew-submit-auth--lookup (host port &optional user)
  "Return what auth-source knows for HOST and PORT, and USER if non-nil.
It is a plist with :user and :secret, a function, or nil.  In batch mode only
sources that need no prompt are read; signal `mew-submit-secret' where the user
may have to be asked and `mew-submit-auth--ask' is nil."
  (mew-submit-auth--find (mew-submit-auth--specs host port user)))

(defun mew-submit-auth--user (host port author)
  "Return the user name that auth-source has for HOST and PORT, or nil.
That of AUTHOR, an address or nil, goes before the first one.  Who is asked is
as for `mew-submit-auth--lookup'."
  (plist-get (mew-submit-auth--find
              (append (and author (mew-submit-auth--specs host port author))
                      (mew-submit-auth--specs host port nil)))
             :user))

(defun mew-submit-auth--proxy-password (host port user)
  "Return the password of USER at the proxy on HOST and PORT, strings, or nil.
It is unibyte.  Who is asked is as for `mew-submit-auth--lookup'."
  (when-let* ((found (mew-submit-auth--find (list (list :host host :port port :user user
                                                        :max 1 :require '(:secret))))))
    (mew-submit-auth--secret found)))

;;; Not now

(defconst mew-submit-auth--pause 600
  "Seconds after which somebody who gave no password is asked again.
So long an account whose log-in was refused for now does not log in, either.")

(defvar mew-submit-auth--put-off (make-hash-table :test #'equal)
  "When an account may log in again, and why not now.
The keys are of `mew-submit-auth--account', the values (TIME SECONDS . WHY).")

(defun mew-submit-auth--account (account)
  "Return the values that ACCOUNT shares with those of the same password."
  (mapcar (lambda (key) (plist-get account key)) '(:name :server :user)))

(defun mew-submit-auth--postpone (account why &optional seconds)
  "Have no log-in to ACCOUNT, nor anybody asked for it, for SECONDS because of WHY.
SECONDS is `mew-submit-auth--pause' where it is nil."
  (let ((seconds (or seconds mew-submit-auth--pause)))
    (puthash (mew-submit-auth--account account)
             (cons (+ (float-time) seconds) (cons seconds why))
             mew-submit-auth--put-off)))

(defun mew-submit-auth--why-put-off (account)
  "Return why there is to be no log-in to ACCOUNT now, or nil."
  (pcase (gethash (mew-submit-auth--account account) mew-submit-auth--put-off)
    (`(,time ,seconds . ,why) (and (<= 0 (- time (float-time)) seconds)
                                   why))))

(defun mew-submit-auth--locked (account)
  "Return why no new mail is to log in to ACCOUNT, though the user is here, or nil."
  (pcase (gethash (mew-submit-auth--account account) mew-submit-auth--put-off)
    (`(,_ ,seconds . ,_) (and (> seconds mew-submit-auth--pause)
                              (mew-submit-auth--why-put-off account)))))

(defun mew-submit-auth--user-is-here (&optional account)
  "Have the password of ACCOUNT, or of all, asked for when it is needed.
Return non-nil if it was put off."
  (if account
      (when (mew-submit-auth--why-put-off account)
        (remhash (mew-submit-auth--account account) mew-submit-auth--put-off)
        t)
    (prog1 (> (hash-table-count mew-submit-auth--put-off) 0)
      (clrhash mew-submit-auth--put-off))))

(defun mew-submit-auth--trimmed (secret)
  "Return SECRET without the line end that comes along by pasting.
Where it has one, SECRET itself is wiped."
  (if (not (string-match "[\r\n]+\\'" secret))
      secret
    (prog1 (substring secret 0 (match-beginning 0))
      (clear-string secret))))

(defun mew-submit-auth--octets (secret)
  "Return SECRET, trimmed and encoded, as a string that may be wiped."
  (mew-submit-auth--trimmed (encode-coding-string secret 'utf-8)))

(defun mew-submit-auth--secret (found)
  "Return a copy of the secret in FOUND, encoded, which may be overwritten.
Signal `mew-submit-secret' where it comes later, and where somebody may have to
be asked for it and `mew-submit-auth--ask' is nil: a plain file may have a
secret under gpg in it."
  (let ((secret (plist-get found :secret)))
    (when (plist-get found :async)
      (mew-submit-error--throw 'secret nil "The secret comes later, which is no use \
here"))
    (mew-submit-auth--octets
     (cond ((not (functionp secret)) secret)
           (mew-submit-auth--ask (funcall secret))
           ((mew-submit-auth--unless-gpg-asks (funcall secret)))
           (t (mew-submit-error--throw
               'secret nil "A passphrase may have to be asked for"))))))

(defun mew-submit-auth--checked (user secret what)
  "Return the answer (USER . SECRET), or (:failed . WHY) for an unusable SECRET.
WHAT is \"password\" or \"access token\"."
  (condition-case err
      (progn
        (mew-submit-address--check-secret secret what)
        (cons user secret))
    (mew-submit-error
     (clear-string secret)
     (cons :failed (mew-submit-error--text err)))))

(defconst mew-submit-auth--patience 120
  "Seconds to wait for a secret that comes later.")

(defun mew-submit-auth--with-secret (found function)
  "Return the answer of FUNCTION to the secret in FOUND.
FOUND may have `:async', and then :secret is a function that takes a function,
and calls that with the secret, or with nil, now or later; the value is one that
takes the function to answer with, as those of `mew-submit-auth--token' do."
  (if (not (plist-get found :async))
      (funcall function (mew-submit-auth--secret found))
    (lambda (reply)
      (let* (timer
             (end (lambda (answer)
                    (when reply
                      (cancel-timer timer)
                      (funcall (prog1 reply
                                 (setq reply nil))
                               answer)))))
        (setq timer (run-at-time mew-submit-auth--patience nil
                                 #'mew-submit-background--call end
                                 '(:none . "the secret has not come in time")))
        (condition-case err
            (funcall (plist-get found :secret)
                     (lambda (secret)
                       (when reply
                         (funcall end (if (and (stringp secret)
                                               (not (string-empty-p secret)))
                                          (funcall function
                                                   (mew-submit-auth--octets secret))
                                        '(:none . "there is no secret after all"))))))
          (error (funcall end (cons :failed (mew-submit-error--text err)))))))))

;;; Asking

(defun mew-submit-auth--garbled-p (backend password)
  "Would BACKEND of auth-source return another PASSWORD than it is given?
It writes backslashes into a netrc file that it does not take out again."
  (and (eq (slot-value backend 'type) 'netrc)
       (string-match-p "\"\\|\\\\.*[# ]\\|[# ].*\\\\" password)))

(defun mew-submit-auth--backend ()
  "Return the first of `auth-sources' that takes passwords, or nil."
  (seq-find (lambda (backend)
              (not (memq (slot-value backend 'create-function) '(nil ignore))))
            (mapcar #'auth-source-backend-parse (mew-submit-auth--sources))))

(defun mew-submit-auth--entry (host port user password)
  "Return PASSWORD of USER at HOST and PORT as `mew-submit-auth--lookup' does.
It has a :save-function if one of `auth-sources' can take it."
  (let ((backend (mew-submit-auth--backend)))
    (or (and backend
             (not (mew-submit-auth--garbled-p backend password))
             (car (ignore-errors
                    (funcall (slot-value backend 'create-function)
                             :backend backend :create t
                             :host host :port (format "%s" port)
                             :user user :secret password))))
        (list :host host :user user :secret password))))

(defun mew-submit-auth--saver (found)
  "Return the function to save the password in FOUND with, or nil."
  (let ((save (plist-get found :save-function))
        (backend (mew-submit-auth--backend))
        (secret (plist-get found :secret)))
    (and save
         (not (plist-get found :async))
         (not (and backend
                   (mew-submit-auth--garbled-p
                    backend (if (functionp secret) (funcall secret) secret))))
         save)))

(defun mew-submit-auth--place (host port)
  "Return what the server at PORT of HOST is called when its password is asked for.
Those of the ports for mail have one password; at another one is another server."
  (if (assq port mew-submit-auth--services)
      host
    (format (if (string-search ":" host) "[%s]:%s" "%s:%s") host port)))

(defun mew-submit-auth--ungrouped (password)
  "Return PASSWORD, made for programs, without blanks between groups of four.
Pages show them, also as U+00A0.  Where it has any, PASSWORD itself is wiped."
  (if (not (mew-submit-caseless--exactly-p
            "\\`[a-z]\\{4\\}\\(?:[ \u00a0][a-z]\\{4\\}\\)\\{3\\}\\'" password))
      password
    (prog1 (replace-regexp-in-string "[ \u00a0]" "" password)
      (clear-string password))))

(defun mew-submit-auth--read (prompt host port user &optional wrong)
  "Ask with PROMPT for the password of USER at HOST and PORT.
WRONG is as for `mew-submit-auth--prompt-again'.  Return what
`mew-submit-auth--lookup' does, or nil when the user gives none."
  (let* ((typed (mew-submit-auth--trimmed (read-passwd prompt)))
         (password (if (eq wrong 'app-password) (mew-submit-auth--ungrouped typed) typed)))
    (unless (string-empty-p password)
      (mew-submit-auth--entry host port user password))))

(defun mew-submit-auth--prompt (host port user)
  "Ask for the password of USER at HOST and PORT, as auth-source does.
Return what `mew-submit-auth--lookup' returns, with a :save-function if there is
somewhere to save it."
  (require 'auth-source)
  (let* ((place (if (assq port mew-submit-auth--services) "%h" "%h:%p"))
         (auth-source-creation-prompts
          (list (cons 'user (concat "SMTP user name for " place ": "))
                (cons 'secret (concat "SMTP password for %u@" place ": ")))))
    (or (and auth-sources
             (car (auth-source-search :host host :port (format "%s" port)
                                      :user user :max 1
                                      :require '(:user :secret) :create t)))
        (mew-submit-auth--read (format "SMTP password for %s@%s: " user
                                       (mew-submit-auth--place host port))
                               host port user))))

(defun mew-submit-auth--prompt-again (host port user wrong)
  "Ask for another password of USER at HOST and PORT than the one refused.
auth-source would only return that one again.  WRONG is `app-password' where the
server wants one that is made for mail programs."
  (mew-submit-auth--read (format (if (eq wrong 'app-password)
                                     "%s wants an application password for %s: "
                                   "%s did not accept the password of %s; another one: ")
                                 (mew-submit-auth--place host port) user)
                         host port user wrong))

(defvar mew-submit-auth--unsaved nil
  "Passwords the user typed that no server has accepted yet.
A list of (JOB . SAVE-FUNCTION).")

(defun mew-submit-auth--password (event)
  "Return (USER . PASSWORD) for the question EVENT, or nil."
  (let* ((host (plist-get event :host))
         (port (plist-get event :port))
         (user (plist-get event :user))
         (found (cond ((not (plist-get event :wrong))
                       (or (mew-submit-auth--lookup host port user)
                           (and (not noninteractive)
                                (mew-submit-auth--prompt host port user))))
                      ((not noninteractive)
                       (mew-submit-auth--prompt-again host port user
                                                      (plist-get event :wrong))))))
    (when found
      (mew-submit-auth--give event found))))

(defun mew-submit-auth--save (host port user password)
  "Save PASSWORD of USER at HOST and PORT, where `auth-sources' keep such.
What is remembered of HOST is forgotten.  Return nil if there is nowhere to
save it, or the user has nothing saved.  Whoever calls this knows that it is
wanted, and auth-source does not ask for that again."
  (mew-submit-auth--forget host)
  (when-let* ((auth-source-save-behavior (and auth-source-save-behavior t))
              (save (mew-submit-auth--saver
                     (mew-submit-auth--entry
                      host port user
                      (mew-submit-auth--trimmed (copy-sequence password))))))
    (funcall save)
    t))

(defun mew-submit-auth--give (event found)
  "Return (USER . PASSWORD) in FOUND for the question EVENT.
If it can be saved, that is offered when the server has taken it."
  (when-let* ((save (mew-submit-auth--saver found)))
    (push (cons (plist-get event :job) save) mew-submit-auth--unsaved))
  (mew-submit-auth--with-secret
   found (lambda (secret)
           (mew-submit-auth--checked (or (plist-get event :user) (plist-get found :user))
                                     secret "password"))))

(defun mew-submit-auth--typed (event password)
  "Return (USER . PASSWORD) for the question EVENT; PASSWORD was typed before.
If it can be saved, that is offered when the server has taken it."
  (mew-submit-auth--give
   event (mew-submit-auth--entry (plist-get event :host) (plist-get event :port)
                                 (plist-get event :user)
                                 (mew-submit-auth--trimmed (copy-sequence password)))))

;;; Access tokens

(defconst mew-submit-auth--token-mechanisms "OAUTHBEARER,XOAUTH2"
  "The SASL mechanisms that take an access token, the standard one first.")

(defun mew-submit-auth--mechanism (account)
  "Return the SASL mechanism that ACCOUNT insists on, or nil for the best one.
It may be several, with commas between them."
  (or (plist-get account :auth)
      (and (or (plist-get account :oauth)
               (plist-get account :token-command)
               (plist-get account :token-function))
           mew-submit-auth--token-mechanisms)))

(defun mew-submit-auth--entry-mechanism (host port user)
  "Return the mechanisms that the entry of USER at HOST and PORT is for, or nil.
That is for one with `auth' or `smtp-auth' of \"xoauth2\", as smtpmail takes it.
Nobody is asked: only sources that need no passphrase are read, and what
auth-source remembers."
  (let* ((specs (mapcar (lambda (ports)
                          (append (list :host host :port ports :max 1)
                                  (and user (list :user user))))
                        (mew-submit-auth--ports port)))
         (found (or (let ((auth-sources (mew-submit-auth--quiet-sources))
                          (auth-source-do-cache nil))
                      (seq-some #'mew-submit-auth--search specs))
                    (seq-some (lambda (spec)
                                (and (auth-source-remembered-p spec)
                                     (mew-submit-auth--search spec)))
                              specs))))
    (and (seq-find (lambda (key)
                     (member (mew-submit-caseless--down (format "%s" (plist-get found key)))
                             '("xoauth2" "oauthbearer")))
                   '(:smtp-auth :auth))
         mew-submit-auth--token-mechanisms)))

(defun mew-submit-auth--token-p (mechanism)
  "Does MECHANISM, a string or nil, take an access token?
Of several with commas between, all have to."
  (when-let* ((names (split-string (mew-submit-caseless--up (or mechanism "")) "," t)))
    (seq-every-p (lambda (name) (member name '("OAUTHBEARER" "XOAUTH2"))) names)))

(defvar mew-submit-auth--commands nil
  "The commands that run for a token: a list of (JOB . PROCESS).")

(defun mew-submit-auth--note-command (job process)
  "Have PROCESS, a command for a token that JOB waits for, end with JOB."
  (push (cons job process) mew-submit-auth--commands))

(defun mew-submit-auth--token-by-command (command event)
  "Return a function that has COMMAND answer the question EVENT.
It is called with the function that takes the answer, and returns at once."
  (lambda (reply)
    (let ((user (plist-get event :user)))
      (mew-submit-auth--note-command
       (plist-get event :job)
       (mew-submit-oauth--launch
        command user (plist-get event :host) (plist-get event :refresh)
        (lambda (token why)
          (funcall reply (if token
                             (mew-submit-auth--checked user token "access token")
                           (cons :failed why)))))))))

(defun mew-submit-auth--token-by-function (function event)
  "Return the answer to the question EVENT that FUNCTION gives."
  (let* ((user (plist-get event :user))
         (token (funcall function user (plist-get event :host)
                         (and (plist-get event :refresh) t))))
    (if (and (stringp token) (not (string-empty-p token)))
        (mew-submit-auth--checked user (encode-coding-string token 'utf-8) "access token")
      (cons :failed "the token function returned no token"))))

(defvar mew-submit-auth--given nil
  "Digests of the tokens that were taken from auth-source: (JOB . DIGEST).")

(defun mew-submit-auth--token-by-auth-source (event)
  "Return the answer to the question EVENT that auth-source has.
The same token is not tried again."
  (let* ((host (plist-get event :host))
         (job (plist-get event :job))
         (user (plist-get event :user))
         (found (progn
                  (when (plist-get event :refresh)
                    (mew-submit-auth--forget host))
                  (mew-submit-auth--lookup host (plist-get event :port) user))))
    (if (null found)
        (cons :failed "there is no access token: set mew-submit-oauth2-token-command")
      (mew-submit-auth--with-secret
       found (lambda (token)
               (let ((given (cons job (secure-hash 'sha256 token))))
                 (if (member given mew-submit-auth--given)
                     (progn
                       (clear-string token)
                       (cons :failed "auth-source has no other access token"))
                   (push given mew-submit-auth--given)
                   (mew-submit-auth--checked user token "access token"))))))))

(autoload 'mew-submit-token-mail-answer "mew-submit-token-mail")
(autoload 'mew-submit-token-source-answer "mew-submit-token-source")

(defvar mew-submit-auth--token-functions '(mew-submit-token-mail-answer
                                          mew-submit-token-source-answer)
  "Functions that know access tokens, of accounts that name no other source.
Each is called with a question and the account, as `mew-submit-auth--token' is,
and returns nil or what that returns; the first that does is believed.")

(defun mew-submit-auth--token (event account)
  "Return what answers the question EVENT for an access token of ACCOUNT.
It is (USER . TOKEN), (:failed . WHY), or a function that will tell, as
`mew-submit-job--start' takes them.  Return nil when there is no source."
  (let ((function (plist-get account :token-function))
        (command (or (plist-get account :token-command)
                     mew-submit-oauth2-token-command)))
    (cond (function (mew-submit-auth--token-by-function function event))
          ((plist-get account :token-command)
           (mew-submit-auth--token-by-command command event))
          ((run-hook-with-args-until-success 'mew-submit-auth--token-functions
                                             event account))
          (command (mew-submit-auth--token-by-command command event)))))

;;; Answers, and what came of them

(defun mew-submit-auth--known (event)
  "Return (USER . SECRET) for the question EVENT if nobody needs to be asked.
Or a function that will tell it; else return nil."
  (let ((mew-submit-auth--ask nil))
    (condition-case nil
        (when-let* ((found (mew-submit-auth--lookup (plist-get event :host)
                                                    (plist-get event :port)
                                                    (plist-get event :user))))
          (mew-submit-auth--with-secret
           found (lambda (secret)
                   (mew-submit-auth--checked
                    (or (plist-get event :user) (plist-get found :user))
                    secret "password"))))
      (mew-submit-secret nil))))

(defun mew-submit-auth--answer (event)
  "Return (USER . SECRET) for the question EVENT, or nil, or (:failed . WHY).
EVENT is an `ask' event with :user, :host, :port and :mechanism; with :wrong
non-nil the password that was given before was refused.  The user is asked where
auth-source knows no password, but not in batch mode."
  (if (mew-submit-auth--token-p (plist-get event :mechanism))
      (mew-submit-auth--token-by-auth-source event)
    (mew-submit-auth--password event)))

(defun mew-submit-auth--settle (job accepted host)
  "Do what is left to do for JOB when its server HOST has judged the password.
With ACCEPTED non-nil return a function that saves the password that the user
typed, after asking, or nil; else forget what auth-source remembers, so that
nothing wrong is tried again."
  (let ((save (cdr (assq job mew-submit-auth--unsaved))))
    (setq mew-submit-auth--unsaved (assq-delete-all job mew-submit-auth--unsaved))
    (cond ((not accepted) (ignore (mew-submit-auth--forget host)))
          ((functionp save)
           ;; A new file of auth-source's would be everybody's to read.
           (lambda ()
             (with-file-modes #o600
               (funcall save)))))))

(defun mew-submit-auth--offer-to-save (host save)
  "Call SAVE, to save the password that HOST has taken, if the user wants that.
The variable `auth-source-save-behavior' says so, or the user does.  In batch
mode nobody is asked."
  (require 'auth-source)
  (cond ((eq auth-source-save-behavior t) (funcall save))
        ((or noninteractive (null auth-source-save-behavior)) nil)
        (t (mew-submit-question--ask
            nil (list 'save host) (format "%s took the password.  Save it?" host)
            '(("Save" t) ("Do not save" nil)) nil
            (lambda (yes)
              (when yes
                ;; It is answered here already.
                (let ((auth-source-save-behavior t))
                  (funcall save))))))))

(defun mew-submit-auth--close (job)
  "Forget what was needed for JOB, which has ended."
  (when-let* ((process (cdr (assq job mew-submit-auth--commands))))
    (when (process-live-p process)
      (kill-process process)))
  (setq mew-submit-auth--commands (assq-delete-all job mew-submit-auth--commands)
        mew-submit-auth--unsaved (assq-delete-all job mew-submit-auth--unsaved)
        mew-submit-auth--given (assq-delete-all job mew-submit-auth--given)))

(defun mew-submit-auth--utf-8-p (octets)
  "Are OCTETS, a secret, in UTF-8?"
  (let ((text (decode-coding-string octets 'utf-8)))
    (prog1 (not (memq 'eight-bit (find-charset-string text)))
      (clear-string text))))

(defun mew-submit-auth--read-file (file &optional words)
  "Return the first line of FILE, a password, as a unibyte string.
FILE, called WORDS, may be a pipe; the mark of UTF-8 that some editors begin it
with does not count.  Signal `mew-submit-config' when it cannot be read, or the
line is empty, or not in UTF-8, which servers take passwords in (RFC 4616)."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (condition-case err
        (insert-file-contents-literally (expand-file-name file))
      (file-error
       (mew-submit-error--throw 'config nil "The %s cannot be read: %s"
                                (or words "password file") (error-message-string err))))
    (goto-char (point-min))
    (when (looking-at "\xef\xbb\xbf")
      (delete-region (point) (match-end 0)))
    (skip-chars-forward "^\r\n")
    (when (bobp)
      (mew-submit-error--throw 'config nil "The first line of the %s is empty: %s"
                               (or words "password file") file))
    (let ((secret (buffer-substring (point-min) (point))))
      (erase-buffer)
      (unless (mew-submit-auth--utf-8-p secret)
        (clear-string secret)
        (mew-submit-error--throw 'config nil "The first line of the %s is not in UTF-8, as it \
has to be: %s" (or words "password file") file))
      secret)))

(provide 'mew-submit-auth)
;;; mew-submit-auth.el ends here
