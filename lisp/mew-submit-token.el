;;; mew-submit-token.el --- The tokens of who is signed in -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the tokens of accounts that have signed in: access tokens, which are
;; in memory only and renewed ahead of need, and the refresh tokens to renew them with.
;;
;; Many issuers give a new refresh token each time and take the old one never again.  The
;; new one has to be on disk before anything else happens, and two Emacsen must not use the
;; same one.  No backend of auth-source can do that: most cannot replace what they have,
;; none does it all at once, and gpg would ask for a passphrase each hour.  So what
;; auth-source keeps is one key, made once, and the refresh tokens are in files of ours that
;; nobody reads without it (AES-256-GCM).  Without a key they are in memory only.
;;
;; A file is read, used and replaced under its lock.  Before a token is used the file that
;; is to replace it is begun; an Emacs that ends between the issuer's answer and its own
;; writing leaves that behind, and whoever comes next knows why the token is refused.

;;; Code:

(require 'cl-lib)
(require 'gnutls)
(require 'mew-submit-account)
(require 'mew-submit-auth)
(require 'mew-submit-error)
(require 'mew-submit-https)
(require 'mew-submit-issuer)
(require 'mew-submit-module)
(require 'mew-submit-oauth)
(require 'mew-submit-random)
(require 'mew-submit-store)

(declare-function auth-source-forget+ "auth-source" (&rest spec))
(defvar auth-source-save-behavior)
(defvar auth-sources)

(declare-function mew-submit--mod-lock "ext:mew-submit-native" (file))
(declare-function mew-submit--mod-unlock "ext:mew-submit-native" (handle))
(declare-function mew-submit--mod-sync "ext:mew-submit-native" (file))

(defcustom mew-submit-token-directory
  (locate-user-emacs-file "mew-submit/tokens/")
  "Where it is kept who is signed in, encrypted.
The default is \"mew-submit/tokens/\" in `user-emacs-directory'.  The key is
where `auth-sources' keep passwords, as that of \"tokens\" at \"mew-submit\"."
  :type 'directory
  :group 'mew-submit-security
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defun mew-submit-token--now ()
  "Return the time, in seconds."
  (float-time))

;;; Who is meant

(defun mew-submit-token--keys (account)
  "Return the :oauth of ACCOUNT if an issuer is in it, else nil."
  (let ((keys (plist-get account :oauth)))
    (and (keywordp (car-safe keys)) keys)))

(defun mew-submit-token--issuer (account)
  "Return what the sign-in of ACCOUNT is with, an address."
  (let ((keys (mew-submit-token--keys account)))
    (mew-submit-issuer--url (or (plist-get keys :issuer) (plist-get keys :token-url) ""))))

(defun mew-submit-token--user (account)
  "Return who ACCOUNT signs in as, or nil."
  (or (plist-get account :user)
      (mew-submit-account--address (list :from (plist-get account :from)))))

(defun mew-submit-token--id (account)
  "Return what ACCOUNT's sign-in is known by: it is in the name of its file.
Who signs in for something else has another one."
  (substring (secure-hash 'sha256
                          (encode-coding-string
                           (string-join
                            (list (mew-submit-token--issuer account)
                                  (mew-submit-token--user account)
                                  (or (plist-get (mew-submit-token--keys account) :scope)
                                      ""))
                            "\0")
                           'utf-8))
             0 32))

(defun mew-submit-token--where (account)
  "Return the sign-in of ACCOUNT in words."
  (format "%s at %s" (mew-submit-token--user account)
          (mew-submit-https--host (mew-submit-token--issuer account))))

;;; What is known of each

(cl-defstruct (mew-submit-token (:constructor mew-submit-token--make)
                                (:copier nil))
  (account nil :documentation "The account, a plist.")
  (access nil :documentation "The access token, octets, or nil.")
  (got 0 :documentation "When it was got.")
  (expires 0 :documentation "When it is over.")
  (used nil :documentation "Non-nil when it has been used since.")
  (record nil :documentation "The sign-in, a plist, where no file has it.")
  (waiting nil :documentation "Who waits for a token: functions.")
  (exchange nil :documentation "The request to the issuer, or nil.")
  (lock nil :documentation "The lock on the file, or nil.")
  (timer nil :documentation "What tries for the lock again, or nil.")
  (next nil :documentation "What is done when what is under way is done: functions.")
  (ahead nil :documentation "What renews the access token in time, or nil.")
  (problem nil :documentation "Why there was none the last time, (KIND . WORDS)."))

(defvar mew-submit-token--all (make-hash-table :test #'equal)
  "What is known of each sign-in in this Emacs, by `mew-submit-token--id'.")

(defun mew-submit-token--of (account)
  "Return what is known of ACCOUNT's sign-in."
  (let ((id (mew-submit-token--id account)))
    (or (gethash id mew-submit-token--all)
        (puthash id (mew-submit-token--make :account account)
                 mew-submit-token--all))))

(defun mew-submit-token--forget-access (token)
  "Forget the access token of TOKEN, and wipe it."
  (when-let* ((access (mew-submit-token-access token)))
    (clear-string access))
  (setf (mew-submit-token-access token) nil))

(defun mew-submit-token--left (token)
  "Return for how many seconds the access token of TOKEN is good, or 0.
A clock that was set back says nothing."
  (let ((now (mew-submit-token--now)))
    (if (and (mew-submit-token-access token)
             (<= (mew-submit-token-got token) now))
        (max 0 (- (mew-submit-token-expires token) now))
      0)))

;;; The key

(defvar mew-submit-token--key nil
  "The key for the files, octets, once it is known.")

(defconst mew-submit-token--key-place '("mew-submit" "oauth2" "tokens")
  "Where the key is in auth-source: machine, port and user.")

(defun mew-submit-token--find-key ()
  "Return the key if auth-source has it, or nil.
Where somebody may have to be asked, and `mew-submit-auth--ask' is nil, signal
`mew-submit-secret'."
  (or mew-submit-token--key
      (pcase-let* ((`(,host ,port ,user) mew-submit-token--key-place)
                   (text (mew-submit-auth--proxy-password host port user))
                   (key (and text (ignore-errors (base64-decode-string text t)))))
        (when text
          (clear-string text))
        (and (= (length key) 32)
             (setq mew-submit-token--key key)))))

(defun mew-submit-token--make-key ()
  "Make a key and have auth-source keep it; return it, or nil if it does not.
Whoever calls this knows that the user wants that."
  (pcase-let* ((`(,host ,port ,user) mew-submit-token--key-place)
               (key (mew-submit-random--octets))
               (text (base64url-encode-string key t)))
    (with-file-modes #o600
      (mew-submit-auth--save host port user text))
    ;; Whether it was saved the user's settings have decided.
    (auth-source-forget+ :host host)
    (mew-submit-token--find-key)))

;;; The files

(defun mew-submit-token--file (account suffix)
  "Return the file of ACCOUNT's sign-in with SUFFIX.
Signal `mew-submit-config' when others could write to its directory."
  (with-file-modes #o700
    (make-directory mew-submit-token-directory t))
  (pcase (mew-submit-store--others
          (directory-file-name (file-truename mew-submit-token-directory)))
    ((or 'own 'write)
     (mew-submit-error--throw
      'config nil "Others can write to %s, where it is kept who is signed in: \
chmod 700 it, or set mew-submit-token-directory" mew-submit-token-directory))
    ('read (set-file-modes mew-submit-token-directory #o700)))
  (expand-file-name (concat (mew-submit-token--id account) suffix)
                    mew-submit-token-directory))

(defun mew-submit-token--seal (record key id)
  "Return RECORD, a plist, as the contents of a file named by ID, under KEY."
  (pcase-let* ((text (encode-coding-string
                      (mew-submit-store--text record) 'utf-8))
               ;; Emacs wants whole blocks, and `read' does not mind spaces.
               (plain (concat text (make-string (- 256 (% (length text) 256)) ?\s)))
               ;; Each string is wiped by what it is passed to.
               (`(,sealed ,iv) (gnutls-symmetric-encrypt
                                'AES-256-GCM (copy-sequence key) '(iv-auto 12)
                                plain (copy-sequence id))))
    (mapc #'clear-string (list text plain))
    (concat "mew-submit 1 " (base64-encode-string (concat iv sealed) t) "\n")))

(defun mew-submit-token--unseal (text key id)
  "Return the plist in TEXT, of a file named by ID, by KEY, or nil."
  (ignore-errors
    (when (let ((case-fold-search nil))
            (string-match "\\`mew-submit 1 \\([A-Za-z0-9+/=]+\\)\n\\'" text))
      (let* ((octets (base64-decode-string (match-string 1 text)))
             (plain (car (gnutls-symmetric-decrypt
                          'AES-256-GCM (copy-sequence key) (substring octets 0 12)
                          (substring octets 12) (copy-sequence id)))))
        (prog1 (car (read-from-string (decode-coding-string plain 'utf-8)))
          (clear-string plain))))))

(defun mew-submit-token--part (account record)
  "Write RECORD of ACCOUNT beside its file, whose lock is held; return its name.
There is room for what is to come in its place then, and who finds it knows that
somebody was in the middle of a renewal."
  (let ((part (mew-submit-token--file account ".part"))
        (create-lockfiles nil)
        (coding-system-for-write 'no-conversion))
    (when (file-symlink-p part)
      (delete-file part))
    (with-file-modes #o600
      (write-region (mew-submit-token--seal record mew-submit-token--key
                                            (mew-submit-token--id account))
                    nil part nil 'silent))
    part))

(defun mew-submit-token--write (account record)
  "Have the file of ACCOUNT hold RECORD, on disk, all at once.
Somebody who looks finds either all of what was there or all of this."
  (let ((file (mew-submit-token--file account ".token"))
        (part (mew-submit-token--part account record)))
    (mew-submit--mod-sync (mew-submit-module--octets-name part))
    (rename-file part file t)
    (mew-submit--mod-sync (mew-submit-module--octets-name
                           (file-name-directory file)))))

(defun mew-submit-token--read (account)
  "Return the plist in the file of ACCOUNT, `none', or `garbled'.
Where somebody may have to be asked for the key, and `mew-submit-auth--ask' is
nil, signal `mew-submit-secret'."
  (let ((file (mew-submit-token--file account ".token")))
    (if (not (file-exists-p file))
        'none
      (let ((key (mew-submit-token--find-key))
            (text (with-temp-buffer
                    (set-buffer-multibyte nil)
                    (insert-file-contents-literally file nil 0 1000000)
                    (buffer-string))))
        (or (and key (mew-submit-token--unseal text key (mew-submit-token--id account)))
            'garbled)))))

(defun mew-submit-token--lock (account)
  "Lock the file of ACCOUNT and return the lock, or nil: another Emacs has it."
  (mew-submit-module--ensure)
  (let ((file (mew-submit-token--file account ".lock")))
    (unless (file-exists-p file)
      (with-file-modes #o600
        (write-region "" nil file t 'silent)))
    (mew-submit--mod-lock (mew-submit-module--octets-name file))))

;;; Renewing

(defconst mew-submit-token--margin 60
  "Seconds before its end from which on an access token is not used.")

(defconst mew-submit-token--ahead 300
  "Seconds before its end at which an access token is renewed.")

(defconst mew-submit-token--lock-patience 90
  "Seconds to wait for another Emacs that renews the same token.")

(defun mew-submit-token--have (token parsed)
  "Have TOKEN hold the access token of PARSED, and renew it in time."
  (mew-submit-token--forget-access token)
  (let* ((now (mew-submit-token--now))
         (lifetime (plist-get parsed :lifetime))
         (ahead (mew-submit-token-ahead token)))
    (setf (mew-submit-token-access token) (plist-get parsed :access)
          (mew-submit-token-got token) now
          (mew-submit-token-expires token) (+ now lifetime)
          (mew-submit-token-used token) nil
          (mew-submit-token-problem token) nil)
    (when ahead
      (cancel-timer ahead))
    (setf (mew-submit-token-ahead token)
          (and (not noninteractive)
               (> lifetime (* 2 mew-submit-token--ahead))
               (run-at-time (- lifetime mew-submit-token--ahead) nil
                            #'mew-submit-token--renew-ahead token)))))

(defun mew-submit-token--renew-ahead (token)
  "Renew TOKEN's access token before it is needed, if it was needed before."
  (setf (mew-submit-token-ahead token) nil)
  (when (mew-submit-token-used token)
    (mew-submit-token--start token)))

(defun mew-submit-token--free (token)
  "Have nothing under way for TOKEN: give back its lock, and do what comes next."
  (setf (mew-submit-token-exchange token) nil)
  (when-let* ((timer (mew-submit-token-timer token)))
    (cancel-timer timer)
    (setf (mew-submit-token-timer token) nil))
  (when-let* ((lock (mew-submit-token-lock token)))
    (setf (mew-submit-token-lock token) nil)
    (mew-submit--mod-unlock lock))
  (when-let* ((next (pop (mew-submit-token-next token))))
    (funcall next)))

(defun mew-submit-token--tell-waiting (token problem)
  "Tell who waits for TOKEN that it is there, or the PROBLEM, (KIND . WORDS)."
  (let ((waiting (nreverse (mew-submit-token-waiting token))))
    (setf (mew-submit-token-waiting token) nil
          (mew-submit-token-problem token) problem)
    (when (and waiting (null problem))
      (setf (mew-submit-token-used token) t))
    (dolist (function waiting)
      (condition-case err
          (if problem
              (funcall function nil problem)
            (funcall function (copy-sequence (mew-submit-token-access token)) nil))
        (error (display-warning 'mew-submit (mew-submit-oauth--error-text err)))))))

(defun mew-submit-token--tell (token problem)
  "End what is under way for TOKEN with PROBLEM, or nil, and tell who waits."
  (unwind-protect
      (mew-submit-token--tell-waiting token problem)
    (mew-submit-token--free token)))

(defun mew-submit-token--not-signed-in (token)
  "Return the problem that TOKEN's account is not signed in."
  (cons 'consent (format "%s is not signed in"
                         (mew-submit-token--where (mew-submit-token-account token)))))

(defun mew-submit-token--busy-p (token)
  "Is something under way for TOKEN?"
  (or (mew-submit-token-exchange token) (mew-submit-token-lock token)
      (mew-submit-token-timer token)))

(defun mew-submit-token--start (token)
  "Have the access token of TOKEN renewed, unless something is under way.
When that is a renewal, who waits hears of its end; else it comes after it."
  (unless (mew-submit-token-exchange token)
    (let ((got (mew-submit-token-got token)))
      (mew-submit-token--with-lock
       token
       (lambda (token)
         (if (eql got (mew-submit-token-got token))
             (mew-submit-token--renew token)
           (mew-submit-token--tell token nil)))
       #'ignore))))

(defun mew-submit-token--with-lock (token function fail)
  "Call FUNCTION with TOKEN, now or later, when its lock is held.
FUNCTION has to see to it that `mew-submit-token--free' is called.  Where there
is no lock for too long, or FUNCTION signals an error or is quit, tell who waits
for TOKEN the problem, (KIND . WORDS), and call FAIL with it."
  (if (mew-submit-token--busy-p token)
      (setf (mew-submit-token-next token)
            (append (mew-submit-token-next token)
                    (list (lambda ()
                            (mew-submit-token--with-lock token function fail)))))
    (mew-submit-token--try token function fail
                           (+ (float-time) mew-submit-token--lock-patience))))

(defun mew-submit-token--try (token function fail deadline)
  "Call FUNCTION with TOKEN under its lock, or try for that until DEADLINE.
FAIL is as for `mew-submit-token--with-lock'."
  (setf (mew-submit-token-timer token) nil)
  (let ((problem
         (condition-case err
             (let ((lock (mew-submit-token--lock (mew-submit-token-account token))))
               (setf (mew-submit-token-lock token) lock)
               (cond (lock (funcall function token)
                           nil)
                     ((> (float-time) deadline)
                      (cons 'later "another Emacs renews the sign-in and does not get \
done"))
                     (t (setf (mew-submit-token-timer token)
                              (run-at-time 0.2 nil #'mew-submit-token--try token
                                           function fail deadline))
                        nil)))
           (mew-submit-secret
            (cons 'locked "the sign-in is kept under a key in your passwords, for \
which a passphrase may have to be asked"))
           (mew-submit-error (cons 'config (mew-submit-error--text err)))
           (error (cons 'later (mew-submit-oauth--error-text err)))
           ;; The lock would be held until Emacs ends.
           (quit '(later . "it was broken off by a quit")))))
    (when problem
      (mew-submit-token--tell token problem)
      (funcall fail problem))))

(defun mew-submit-token--newest (token)
  "Return what is known of TOKEN's sign-in, as `mew-submit-token--read' does.
What is in memory only counts, unless the file has the same sign-in, renewed:
the time of a sign-in tells it from others."
  (let* ((memory (mew-submit-token-record token))
         (file (condition-case err
                   (let ((mew-submit-auth--ask nil))
                     (mew-submit-token--read (mew-submit-token-account token)))
                 (mew-submit-secret (if memory 'locked
                                      (signal (car err) (cdr err)))))))
    (if (and memory
             (or (symbolp file)
                 (not (eql (plist-get memory :since) (plist-get file :since)))
                 (> (plist-get memory :count) (plist-get file :count))))
        memory
      (setf (mew-submit-token-record token) nil)
      file)))

(defun mew-submit-token--renew (token)
  "Ask the issuer for another access token for TOKEN, whose lock is held."
  (let ((record (mew-submit-token--newest token)))
    (pcase record
      ('none (mew-submit-token--tell token (mew-submit-token--not-signed-in token)))
      ('garbled
       (mew-submit-token--tell
        token (cons 'consent "what was kept of the sign-in cannot be read, or the key \
for it is not among your passwords any more")))
      (_ (let* ((account (mew-submit-token-account token))
                (broken-off (file-exists-p (mew-submit-token--file account ".part"))))
           ;; A token is not used whose successor there is no room for.
           (unless (mew-submit-token-record token)
             (mew-submit-token--part account record))
           (setf (mew-submit-token-exchange token)
                 (mew-submit-issuer--post
                  (plist-get record :token-url)
                  `(("grant_type" . "refresh_token")
                    ("refresh_token" . ,(plist-get record :refresh)))
                  record
                  (lambda (answer)
                    ;; Whatever goes wrong, who waits hears of it, and the lock is given back.
                    (condition-case err
                        (mew-submit-token--renewed token record broken-off answer)
                      (error (mew-submit-token--tell
                              token (cons 'later (mew-submit-oauth--error-text err)))))))))))))

(defun mew-submit-token--keep (token record)
  "Keep RECORD of TOKEN: in its file, or where there is no key in memory.
What cannot be written is kept in memory, and that is told."
  (if (null mew-submit-token--key)
      (setf (mew-submit-token-record token) record)
    (condition-case err
        (progn
          (mew-submit-token--write (mew-submit-token-account token) record)
          (setf (mew-submit-token-record token) nil))
      (error
       (setf (mew-submit-token-record token) record)
       (display-warning
        'mew-submit
        (format "The sign-in of %s cannot be written, and is lost when Emacs ends: %s"
                (mew-submit-token--where (mew-submit-token-account token))
                (mew-submit-oauth--error-text err)))))))

(defun mew-submit-token--renewed (token record broken-off answer)
  "Take ANSWER, of the issuer, to the refresh token in RECORD of TOKEN.
BROKEN-OFF is non-nil when it may have been used before by an Emacs that ended
before it could write down what it got."
  (let* ((host (mew-submit-https--host (plist-get record :token-url)))
         (parsed (mew-submit-issuer--parse answer host nil (plist-get record :issuer)
                                           (plist-get record :client-id)))
         (problem (plist-get parsed :problem)))
    (cond
     ;; Without a token that is of use there may yet be what the next one is had by.
     ((or (null problem) (plist-get parsed :refresh))
      (mew-submit-token--keep
       token (list :version 1 :issuer (plist-get record :issuer)
                   :user (plist-get record :user)
                   :client-id (plist-get record :client-id)
                   :client-secret (plist-get record :client-secret)
                   :basic (plist-get record :basic)
                   :token-url (plist-get record :token-url)
                   :revoke-url (plist-get record :revoke-url)
                   :scope (plist-get record :scope)
                   :since (plist-get record :since)
                   :refresh (or (plist-get parsed :refresh)
                                (plist-get record :refresh))
                   :count (1+ (plist-get record :count))))
      (unless problem
        (mew-submit-token--have token parsed)))
     ;; It was not used: whoever comes next need not wonder.
     ((not (or broken-off (plist-get parsed :sent)))
      (ignore-errors
        (delete-file (mew-submit-token--file (mew-submit-token-account token)
                                             ".part")))))
    (mew-submit-token--tell
     token
     (if (and broken-off (eq (car problem) 'consent))
         (cons 'consent (format "a renewal of the sign-in was broken off, and %s takes \
each token only once" host))
       problem))))

(defun mew-submit-token--get (account callback &optional force)
  "Call CALLBACK with an access token of ACCOUNT, octets that it wipes, and nil.
Or with nil and the problem, (KIND . WORDS): KIND is `consent' when the user has
to sign in, `locked' when the key has to be asked for, `config' when the account
is wrong, and `later' for the rest.  With FORCE the one that was given before
does not count.  Return at once."
  (let ((token (mew-submit-token--of account)))
    (when force
      (mew-submit-token--forget-access token))
    (let ((left (mew-submit-token--left token)))
      (if (> left mew-submit-token--margin)
          (progn
            (setf (mew-submit-token-used token) t)
            (funcall callback (copy-sequence (mew-submit-token-access token)) nil)
            (when (< left mew-submit-token--ahead)
              (mew-submit-token--start token)))
        (push callback (mew-submit-token-waiting token))
        (mew-submit-token--start token)))))

(defun mew-submit-token--check (account callback)
  "Have ACCOUNT's access token renewed, to see whether that works; return at once.
CALLBACK is called with nil, or with the problem, as `mew-submit-token--get' has
it.  A token that is there stays until there is another one."
  (let ((token (mew-submit-token--of account)))
    (push (lambda (access problem)
            (when access
              (clear-string access))
            (funcall callback problem))
          (mew-submit-token-waiting token))
    (mew-submit-token--start token)))

;;; Signing in and out

(defun mew-submit-token--save (token)
  "Write what memory has of TOKEN's sign-in to its file, whose lock is held."
  (when-let* ((record (mew-submit-token-record token)))
    (mew-submit-token--keep token record)))

(defun mew-submit-token--quiet-key ()
  "Return the key if nobody has to be asked for it, or `locked', or `no-key'.
Where the user has passwords saved without a question it is made."
  (condition-case nil
      (let ((mew-submit-auth--ask nil))
        (or (mew-submit-token--find-key)
            (and (eq auth-source-save-behavior t)
                 auth-sources
                 (equal (car auth-sources) (car (mew-submit-auth--quiet-sources)))
                 (mew-submit-token--make-key))
            'no-key))
    (mew-submit-secret 'locked)
    ;; What is signed in is not lost because a file cannot be read or written.
    (error 'no-key)))

(defun mew-submit-token--set (account record parsed callback)
  "Have ACCOUNT signed in with RECORD and what PARSED has of tokens.
RECORD is a plist with :client-id, :client-secret and :basic, as for
`mew-submit-issuer--post', :token-url, :revoke-url and :scope.  Call CALLBACK
with nil when it is on disk, with `no-key' when auth-source has no key for that,
with `locked' when that has to be asked for, and else with why it is in memory
only, in words."
  (let ((token (mew-submit-token--of account))
        (key (mew-submit-token--quiet-key))
        (renewal (mew-submit-token-exchange (mew-submit-token--of account))))
    (mew-submit-https--cancel renewal)
    (mew-submit-token--have token parsed)
    (setf (mew-submit-token-account token) account
          (mew-submit-token-record token)
          (and (plist-get parsed :refresh)
               (append (list :version 1 :issuer (mew-submit-token--issuer account)
                             :user (mew-submit-token--user account)
                             :since (mew-submit-token--now) :count 0
                             :refresh (plist-get parsed :refresh))
                       record)))
    ;; Who waits for the lock goes on waiting, and finds this when it has it.
    (if renewal
        (mew-submit-token--tell token nil)
      (mew-submit-token--tell-waiting token nil))
    (cond ((null (plist-get parsed :refresh))
           (funcall callback (format "there is nothing to renew it with, so that holds \
for %d minutes; :scope in :oauth may have to have offline_access"
                                     (/ (plist-get parsed :lifetime) 60))))
          ((symbolp key) (funcall callback key))
          (t (mew-submit-token--keep-now account callback)))))

(defun mew-submit-token--keep-now (account callback)
  "Have ACCOUNT's sign-in, which is in memory, on disk; the key is known.
CALLBACK is called with nil, or with why that cannot be, in words."
  (mew-submit-token--with-lock
   (mew-submit-token--of account)
   (lambda (token)
     (mew-submit-token--save token)
     (mew-submit-token--free token)
     (funcall callback (and (mew-submit-token-record token) "it cannot be written")))
   (lambda (problem) (funcall callback (cdr problem)))))

(defun mew-submit-token--unlock ()
  "Have the key read or, where there is none, made; the user may be asked.
Return non-nil if it is known then, else say why not.  This is for a command."
  (let ((mew-submit-auth--ask t))
    (or (and (or (mew-submit-token--find-key) (mew-submit-token--make-key))
             t)
        (ignore (message "No key can be kept: look at auth-sources and \
auth-source-save-behavior")))))

(defun mew-submit-token--drop (token then)
  "Forget all of TOKEN, whose lock is held; call THEN with what was kept, or nil."
  (let* ((account (mew-submit-token-account token))
         (record (or (mew-submit-token-record token)
                     (condition-case nil
                         (let ((mew-submit-auth--ask nil))
                           (mew-submit-token--read account))
                       (mew-submit-secret nil))))
         (file (mew-submit-token--file account ".token")))
    (ignore-errors
      (delete-file (mew-submit-token--file account ".part")))
    (when (file-exists-p file)
      (delete-file file)
      (mew-submit--mod-sync (mew-submit-module--octets-name
                             (file-name-directory file))))
    (mew-submit-token--forget-access token)
    (setf (mew-submit-token-record token) nil)
    (when-let* ((ahead (mew-submit-token-ahead token)))
      (cancel-timer ahead)
      (setf (mew-submit-token-ahead token) nil))
    (mew-submit-token--tell token (mew-submit-token--not-signed-in token))
    (funcall then (and (consp record) record))))

(defun mew-submit-token--ask-for-key (account)
  "Have the key read if there is a file of ACCOUNT; the user may be asked.
Without it the sign-in can be forgotten here all the same, and that is told."
  (let ((mew-submit-auth--ask t))
    (ignore-errors
      (and (file-exists-p (mew-submit-token--file account ".token"))
           (mew-submit-token--find-key)))))

(defun mew-submit-token--remove (account callback &optional ask)
  "Forget ACCOUNT's sign-in, here and at the issuer (RFC 7009).
CALLBACK is called with nil, or with what could not be done, in words.  With ASK
the user may be asked for the key."
  (when ask
    (mew-submit-token--ask-for-key account))
  (let* ((token (mew-submit-token--of account))
         (where (mew-submit-token--where account))
         there
         (not-told (lambda (why)
                     (funcall callback (format "%s is signed out here, but the issuer \
could not be told (%s); take it back on the pages of your provider" where why)))))
    (when-let* ((renewal (mew-submit-token-exchange token)))
      (mew-submit-https--cancel renewal)
      (mew-submit-token--free token))
    (mew-submit-token--with-lock
     token
     (lambda (token)
       (setq there (or (mew-submit-token-record token)
                       (file-exists-p (mew-submit-token--file account ".token"))
                       (> (mew-submit-token--left token) 0)))
       (mew-submit-token--drop
        token
        (lambda (record)
          (cond
           ((not there) (funcall callback (format "%s was not signed in" where)))
           ((null (plist-get record :revoke-url))
            (funcall not-told "it has no way for that, or what was kept cannot be read"))
           (t (mew-submit-issuer--post
               (plist-get record :revoke-url)
               `(("token" . ,(plist-get record :refresh))
                 ("token_type_hint" . "refresh_token"))
               record
               (lambda (answer)
                 (if (<= 200 (or (plist-get answer :status) 0) 299)
                     (funcall callback nil)
                   (funcall not-told (or (plist-get answer :error)
                                         (format "status %s"
                                                 (plist-get answer :status))))))))))))
     (lambda (problem)
       (funcall callback (format "%s is not signed out: %s" where (cdr problem)))))))

(defun mew-submit-token--status (account)
  "Return what is known of ACCOUNT's sign-in, a plist, without asking anybody.
:kept is non-nil when a file has it, :left for how many seconds the access token
in memory is good, 0 for none, and :problem why there was none the last time,
\(KIND . WORDS)."
  (let ((token (mew-submit-token--of account)))
    (list :user (mew-submit-token--user account)
          :issuer (mew-submit-token--issuer account)
          :kept (and (file-exists-p (mew-submit-token--file account ".token")) t)
          :memory (and (mew-submit-token-record token) t)
          :left (floor (mew-submit-token--left token))
          :problem (mew-submit-token-problem token))))

(provide 'mew-submit-token)
;;; mew-submit-token.el ends here
