;;; mew-submit-setup.el --- From an address to an account that works -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the command `mew-submit-setup', whose buffer (mew-submit-setup-view.el) shows the
;; search for a server (mew-submit-setup-search.el).  One press there makes an account of what was found,
;; asks for its password, or begins to sign in, and sends a test mail.
;;
;; Everything but the questions happens in the background, and no question comes by itself.
;; No password goes anywhere before the test mail, and none is saved before the server has
;; taken it and the user says so.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-address)
(require 'mew-submit-auth)
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-dialog)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-issuer)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-parcel)
(require 'mew-submit-pin)
(require 'mew-submit-question)
(require 'mew-submit-report)
(require 'mew-submit-setup-discover)
(require 'mew-submit-setup-login)
(require 'mew-submit-setup-search)
(require 'mew-submit-setup-view)
(require 'mew-submit-view)
(require 'mew-submit-way)
(require 'seq)

(declare-function mew-submit-answer "mew-submit-notice" ())
(declare-function mew-submit-mode "mew-submit-clients" (&optional arg))
(declare-function mew-submit-sign-in "mew-submit-sign-in" (account &rest keys))
(declare-function mew-submit-sign-in-show "mew-submit-sign-in" ())
(declare-function mew-submit-token-source--bus-p "mew-submit-token-source" ())
(declare-function mew-submit-token-source--gnome "mew-submit-token-source"
                  (user host callback))

;;; Storing

(defun mew-submit-setup--same-sender-p (account other)
  "Is OTHER, one of the user's accounts, for the same sender as ACCOUNT?"
  (let ((from (plist-get other :from)))
    (and (stringp from)
         (string= (mew-submit-caseless--down (mew-submit-address--bare from))
                  (mew-submit-caseless--down (plist-get account :from))))))

(defun mew-submit-setup--accounts ()
  "Return the user's accounts, without what is none.
Who has got `mew-submit-accounts' wrong is told that the set-up makes an
account, and with what is wrong behind it that one would be of no use."
  (and (proper-list-p mew-submit-accounts)
       (seq-filter #'mew-submit-account--plist-p (mew-submit-account--listed))))

(defun mew-submit-setup--store (account)
  "Put ACCOUNT before the user's accounts, in place of one for the same sender."
  (mew-submit-error--save-option
   'mew-submit-accounts
   (cons account
         (seq-remove (lambda (other) (mew-submit-setup--same-sender-p account other))
                     (mew-submit-setup--accounts)))))

(defconst mew-submit-setup--wishes
  `(:default :sender :family :fallback :tls-minimum :crl-file
    ,@(mapcar #'car mew-submit-extension--table))
  "What the user wants for mail of a sender, whichever server takes it.
None of them asks for less than an account without it has.")

(defun mew-submit-setup--with-wishes (account)
  "Return ACCOUNT with what the user has in the one that it is stored in place of."
  (let ((before (seq-find (lambda (other) (mew-submit-setup--same-sender-p account other))
                          (mew-submit-setup--accounts))))
    (append account
            (cl-loop for key in mew-submit-setup--wishes
                     when (and (plist-member before key) (not (plist-member account key)))
                     append (list key (plist-get before key))))))

(defvar mew-submit-setup--typed nil
  "The passwords that were typed for test mails: a list of (ACCOUNT . PASSWORD).
They are wiped when the mail has ended.")

(defun mew-submit-setup--forget-typed (account)
  "Wipe what was typed for ACCOUNT."
  (when-let* ((typed (assq account mew-submit-setup--typed)))
    (setq mew-submit-setup--typed (delq typed mew-submit-setup--typed))
    (clear-string (cdr typed))))

(defun mew-submit-setup--read-secret (login account candidate)
  "Ask for the secret that LOGIN wants for ACCOUNT, made of CANDIDATE.
One that is known is not asked for.  It is kept until the test mail has ended."
  (let ((user (plist-get account :user)))
    (when (and (memq login '(password app-password bridge))
               (not (mew-submit-auth--lookup (plist-get account :server)
                                             (plist-get candidate :port) user)))
      (let ((password (read-passwd (mew-submit-setup-login--secret-prompt login user
                                                                          candidate))))
        (when (eq login 'app-password)
          (setq password (mew-submit-auth--ungrouped password)))
        (unless (string-empty-p password)
          (push (cons account password) mew-submit-setup--typed))))))

(defun mew-submit-setup--answer (event)
  "Return the answer to the question EVENT of a test mail.
What was typed beforehand is given once; all else is asked as for any mail."
  (let ((typed (seq-find
                (lambda (typed)
                  (and (equal (plist-get (car typed) :server) (plist-get event :host))
                       (equal (plist-get (car typed) :user) (plist-get event :user))))
                mew-submit-setup--typed)))
    (if (and typed
             (equal (plist-get event :what) "password")
             (not (plist-get event :wrong))
             (not (mew-submit-auth--token-p (plist-get event :mechanism))))
        (mew-submit-auth--typed event (cdr typed))
      (mew-submit-dialog--answer event))))

(function-put 'mew-submit-setup--answer 'mew-submit-asks-again t)

(defun mew-submit-setup--address-made-up-p ()
  "Is `user-mail-address' of Emacs' own making, since nobody has said one?"
  (member user-mail-address
          (list nil "" (concat (user-login-name) "@"
                               (or mail-host-address (system-name))))))

(defun mew-submit-setup--turn-on (address)
  "Offer what mail from ADDRESS still needs of Emacs, for good; ask once.
That is `mew-submit-mode', and ADDRESS as `user-mail-address' if it has none."
  (let ((mode (not (mew-submit-setup-view--sends-p)))
        (nobody (mew-submit-setup--address-made-up-p)))
    (when (and (or mode nobody)
               (yes-or-no-p
                (format "%s  %s, now and for future sessions? "
                        (cond ((not mode) "Emacs does not know your address.")
                              (nobody "Emacs does not send mail by mew-submit yet, and \
does not know your address.")
                              (t "Emacs does not send mail by mew-submit yet."))
                        (cond ((not mode) (format "Make it %s" address))
                              (nobody (format "Turn mew-submit-mode on, and make it %s"
                                              address))
                              (t "Turn mew-submit-mode on")))))
      (when mode
        (mew-submit-mode 1)
        (mew-submit-error--save-option 'mew-submit-mode t))
      (when nobody
        (mew-submit-error--save-option 'user-mail-address address)))))

(defun mew-submit-setup-use (&optional look)
  "Store an account for the server that was seen in LOOK, and send a test mail.
Interactively that is the server that was found.  Its password is asked for, or
the sign-in begins, where it wants one.  That a server outside of the domain is
the provider's is for the user to know: the buffer says so beside its button."
  (interactive nil mew-submit-setup-mode)
  (mew-submit-setup-view--ensure)
  (let* ((look (or look (mew-submit-setup-view--best)
                   (mew-submit-setup-view--nothing "No server was found that can be used")))
         (candidate (mew-submit-setup-search--seen look))
         (gnome (mew-submit-setup-view--in-gnome-p look))
         (login (if gnome 'oauth (mew-submit-setup-login--of look)))
         (made (mew-submit-setup-login--account-for login candidate
                                                    (mew-submit-setup-view--address)))
         (account (if gnome (plist-put made :oauth t) made)))
    (setq mew-submit-setup-view--notes nil)
    (mew-submit-setup--take login account candidate)))

(defun mew-submit-setup--take (login account candidate)
  "Store ACCOUNT, made of CANDIDATE, where one logs in by LOGIN; send a test mail."
  (mew-submit-setup-view--ensure-idle)
  (let ((account (mew-submit-setup--with-wishes account))
        begun)
    (unwind-protect
        (progn
          (mew-submit-setup--read-secret login account candidate)
          ;; A quit at this question, too, leaves all as it was.
          (mew-submit-setup--turn-on (plist-get account :from))
          (mew-submit-setup--store account)
          (setq mew-submit-setup-view--account account
                mew-submit-setup-view--candidate candidate)
          (mew-submit-setup-test)
          (setq begun t))
      (unless begun
        (mew-submit-setup--forget-typed account)))))

(defun mew-submit-setup-password ()
  "Have the account that was stored log in with a password, not by a token."
  (interactive nil mew-submit-setup-mode)
  (mew-submit-setup-view--ensure-account)
  (let ((candidate mew-submit-setup-view--candidate))
    (unless (plist-get candidate :password)
      (user-error "This server takes no password"))
    (mew-submit-setup--take 'password
                            (mew-submit-setup-login--account-for
                             'password candidate (mew-submit-setup-view--address))
                            candidate)))

(defun mew-submit-setup--check-user (user)
  "Signal `mew-submit-config' unless USER can be the name of a user."
  (unless (string-match-p "\\`[^[:cntrl:]]+\\'" user)
    (mew-submit-error--throw 'config nil "A user's name is one line that is not empty")))

(defun mew-submit-setup-user (user)
  "Have the account that was stored log in as USER, and send a test mail."
  (interactive (progn (mew-submit-setup-view--ensure-account)
                      (list (mew-submit-view--read
                             "User name: " (plist-get mew-submit-setup-view--account :user)
                             #'mew-submit-setup--check-user)))
               mew-submit-setup-mode)
  (mew-submit-setup-view--ensure-account)
  (let ((account (plist-put (copy-sequence mew-submit-setup-view--account) :user user)))
    (mew-submit-setup--take
     (if (plist-get account :oauth) 'oauth
       (or (car (memq (plist-get mew-submit-setup-view--candidate :login)
                      '(app-password bridge)))
           'password))
     account mew-submit-setup-view--candidate)))

(defun mew-submit-setup--client-file-p (client)
  "Is CLIENT, as the user has entered it, a file and not a client id?"
  (string-match-p "/\\|[.]json\\'" client))

(defun mew-submit-setup--check-client (client)
  "Signal `mew-submit-config' when CLIENT, an id or a file, cannot be used.
An empty one is for who asked."
  (cond ((mew-submit-setup--client-file-p client) (mew-submit-issuer--read-client client))
        ((not (mew-submit-caseless--exactly-p "\\`[!-~]*\\'" client))
         (mew-submit-error--throw 'config nil "A client id has no blanks, and ASCII only"))))

(defun mew-submit-setup--as-client (keys client)
  "Return KEYS, an account's :oauth, with CLIENT, an id or a file, and no other."
  (append (if (mew-submit-setup--client-file-p client)
              (list :client-file (expand-file-name client))
            (list :client-id client))
          (cl-loop for (key value) on keys by #'cddr
                   unless (memq key '(:client-id :client-file))
                   append (list key value))))

(defun mew-submit-setup-client (client)
  "Have the account that was stored sign in as CLIENT, and send a test mail.
That is the client id that the issuer has given you, or a file of its with it."
  (interactive
   (progn (mew-submit-setup-view--ensure-account)
          (list (mew-submit-view--read
                 (format "Client id, or file with it, from %s: "
                         (or (mew-submit-setup-provider--url-host
                              (plist-get mew-submit-setup-view--candidate :issuer))
                             "the sign-in service"))
                 nil #'mew-submit-setup--check-client)))
   mew-submit-setup-mode)
  (mew-submit-setup-view--ensure-account)
  (let* ((client (string-trim client))
         (candidate mew-submit-setup-view--candidate)
         (account (cond ((keywordp (car-safe (plist-get mew-submit-setup-view--account :oauth)))
                         mew-submit-setup-view--account)
                        ((and (plist-get candidate :issuer) (plist-get candidate :scope))
                         (mew-submit-setup-login--account-for 'oauth candidate
                                                        (mew-submit-setup-view--address)))
                        (t (user-error "Nobody can sign in to this account")))))
    (when (string-empty-p client)
      (user-error "The manual says how to get one, under \"Signing in\""))
    (mew-submit-setup--take
     'oauth
     (plist-put (copy-sequence account) :oauth
                (mew-submit-setup--as-client (plist-get account :oauth) client))
     candidate)))

(defun mew-submit-setup-open-page ()
  "Open the page of the provider's that is about passwords for programs."
  (interactive nil mew-submit-setup-mode)
  (mew-submit-setup-view--ensure)
  (let ((page (plist-get (or mew-submit-setup-view--candidate
                             (when-let* ((look (mew-submit-setup-view--best)))
                               (mew-submit-setup-search-look-candidate look)))
                         :page)))
    (unless page
      (mew-submit-setup-view--nothing "No page is known for that"))
    (browse-url page)))

(defun mew-submit-setup-pin ()
  "Offer to pin the certificate of the bridge, or of the server named; look again."
  (interactive nil mew-submit-setup-mode)
  (mew-submit-setup-view--ensure)
  (let* ((search mew-submit-setup-view--search)
         (look (or (mew-submit-setup-search--pinnable search)
                   (mew-submit-setup-view--nothing "There is no certificate here to pin")))
         (candidate (mew-submit-setup-search--seen look))
         (account (mew-submit-setup-search--account candidate
                                                    (mew-submit-setup-view--address)))
         (tls (mew-submit-setup-search--told look :tls)))
    (when (mew-submit-pin--offer account tls (plist-get candidate :port))
      (mew-submit-setup-search--try search (append '(:pinned t) candidate))
      (mew-submit-setup-view--look))))

;;; The test mail

(defun mew-submit-setup--test-message (address)
  "Return a test mail from ADDRESS to itself."
  (concat "From: " address "\nTo: " address
          "\nSubject: Test mail sent by mew-submit"
          "\nDate: " (mew-submit-message--date)
          "\nMessage-ID: " (mew-submit-message--new-id address)
          "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii"
          "\n\nThis server takes your mail.\n"))

(defun mew-submit-setup--test-file (address)
  "Return the name of a new file with a test mail from ADDRESS to itself."
  (let ((file (make-temp-file "mew-submit-test-" nil ".eml"))
        (coding-system-for-write 'utf-8-unix))
    (write-region (mew-submit-setup--test-message address) nil file nil
                  'silent)
    file))

(defun mew-submit-setup--next-mail (address)
  "Return a line on the mail that the user writes next, now that ADDRESS can send.
New mail is from `user-mail-address', which may be another."
  (let ((own (or user-mail-address "")))
    (cond ((not (mew-submit-setup-view--sends-p)) "")
          ((equal (mew-submit-caseless--down own) (mew-submit-caseless--down address))
           "\nC-x m writes the next one.")
          (t (format "\nC-x m writes the next one, but from %s: write %s into its From, or \
make that user-mail-address." (mew-submit-error--clean own) address)))))

(defun mew-submit-setup--tested (done)
  "Show how the test mail ended: DONE."
  (mew-submit-setup--forget-typed mew-submit-setup-view--account)
  (setq mew-submit-setup-view--session nil
        mew-submit-setup-view--doing nil)
  (mew-submit-setup-view--note
   (concat "The test mail was " (mew-submit-report--done done)
           (cond ((equal (plist-get done :kind) "ok")
                  (mew-submit-setup--next-mail (mew-submit-setup-view--address)))
                 ((and (equal (plist-get done :about) "app-password")
                       (plist-get mew-submit-setup-view--candidate :page))
                  (format "\nThe page for that is\n%s"
                          (plist-get mew-submit-setup-view--candidate :page)))
                 (t "")))))

(defun mew-submit-setup--test-now ()
  "Send a test mail with the account that was stored."
  (let* ((buffer (current-buffer))
         (account mew-submit-setup-view--account)
         (file (mew-submit-setup--test-file (mew-submit-setup-view--address)))
         (finish (lambda (done)
                   (delete-file file)
                   (mew-submit-setup--forget-typed account)
                   (mew-submit-setup-view--in buffer
                     (when (eq account mew-submit-setup-view--account)
                       (mew-submit-setup--tested done))))))
    (setq mew-submit-setup-view--doing "sending the test mail")
    (condition-case err
        (setq mew-submit-setup-view--session
              (mew-submit-parcel--submit
               file :account account
               :on-done finish :on-ask #'mew-submit-setup--answer))
      (error (funcall finish (mew-submit-error--done err))))
    (mew-submit-setup-view--render)))

(defun mew-submit-setup--signed-in (result)
  "Go on with RESULT, a plist, what came of signing in."
  (setq mew-submit-setup-view--doing nil)
  (if (equal (plist-get result :result) "signed-in")
      (mew-submit-setup--test-now)
    (mew-submit-setup-view--note (or (plist-get result :text) "You are not signed in."))))

(defun mew-submit-setup--sign-in ()
  "Sign in for the account that was stored; the test mail comes after that."
  (let ((buffer (current-buffer))
        (account mew-submit-setup-view--account))
    (setq mew-submit-setup-view--doing mew-submit-setup-view--signing-in)
    (condition-case err
        (mew-submit-sign-in
         account
         :callback (lambda (result)
                     (mew-submit-setup-view--in buffer
                       (when (eq account mew-submit-setup-view--account)
                         (mew-submit-setup--signed-in result)))))
      (error (mew-submit-setup--signed-in
              (list :result "failed" :text (mew-submit-error--text err)))))
    (mew-submit-setup-view--render)))

(defun mew-submit-setup--ask-gnome ()
  "Have the account use GNOME's tokens if it is signed in there; else sign in."
  (let ((buffer (current-buffer))
        (account mew-submit-setup-view--account))
    (setq mew-submit-setup-view--doing "asking GNOME whether it has that account")
    (mew-submit-token-source--gnome
     (plist-get account :user) (plist-get account :server)
     (lambda (token)
       (mew-submit-setup-view--in buffer
         (when (eq account mew-submit-setup-view--account)
           (if (null token)
               (mew-submit-setup--sign-in)
             (setq mew-submit-setup-view--account
                   (plist-put (copy-sequence account) :oauth t))
             (mew-submit-setup--store mew-submit-setup-view--account)
             (mew-submit-setup-view--note mew-submit-setup-view--gnome-words)
             (mew-submit-setup--test-now))))))
    (mew-submit-setup-view--render)))

(defun mew-submit-setup-test ()
  "Send a test mail with the account that was stored to its own address.
Where it wants access tokens, and nobody is signed in, the sign-in comes first."
  (interactive nil mew-submit-setup-mode)
  (mew-submit-setup-view--ensure-account)
  (mew-submit-setup-view--ensure-idle)
  (cond ((not (and (mew-submit-setup-login--can-sign-in-p)
                   (keywordp (car-safe (plist-get mew-submit-setup-view--account :oauth)))))
         (mew-submit-setup--test-now))
        ((progn (require 'mew-submit-token-source)
                (mew-submit-token-source--bus-p))
         (mew-submit-setup--ask-gnome))
        (t (mew-submit-setup--sign-in))))

;;; The commands

(defun mew-submit-setup--by-hand-candidate (text)
  "Return the candidate that TEXT, \"HOST\" or \"HOST:PORT\", names.
An IPv6 address has brackets before a port.  What providers' pages write, as
\"ssl://HOST\" or \"HOST 587\", is that, too.  Signal `mew-submit-message' or
`mew-submit-config' when TEXT is neither."
  (let* ((text (replace-regexp-in-string
                "\\`\\([^: \t]*\\|\\[.*\\]\\)[ \t]+\\([0-9]+\\)\\'" "\\1:\\2"
                (replace-regexp-in-string "\\`\\(?:smtps?\\|ssl\\|tls\\)://\\([^/]*\\)/?\\'" "\\1"
                                          text)))
         (with-port (string-match "\\`\\([^:]*\\|\\[.*\\]\\):\\([^:/]*\\)\\'" text))
         (host (if with-port (match-string 1 text) text))
         (port (and with-port (mew-submit-way--port (match-string 2 text)))))
    (append (list :host (mew-submit-address--host host) :source 'user)
            (and port (list :port port :tls (mew-submit-way--port-tls port))))))

(defun mew-submit-setup-by-hand (server)
  "Look at SERVER, \"HOST\" or \"HOST:PORT\", instead of what was found.
That the user names it is agreement enough, also where it is outside of the
domain."
  (interactive (progn (mew-submit-setup-view--ensure)
                      (list (mew-submit-view--read
                             "Server (HOST or HOST:PORT): " nil
                             #'mew-submit-setup--by-hand-candidate)))
               mew-submit-setup-mode)
  (mew-submit-setup-view--ensure)
  (let ((candidate (condition-case err
                       (mew-submit-setup-discover--known
                        (mew-submit-setup--by-hand-candidate (string-trim server)))
                     (mew-submit-error
                      (user-error "%s" (mew-submit-error--text err))))))
    (mew-submit-setup-view--stop)
    (setq mew-submit-setup-view--account nil)
    (mew-submit-setup-search--try mew-submit-setup-view--search candidate)
    (mew-submit-setup-view--look)))

(defun mew-submit-setup-further ()
  "Look for servers in other ways than those that were tried."
  (interactive nil mew-submit-setup-mode)
  (mew-submit-setup-view--ensure)
  (when (or (mew-submit-setup-search--waiting mew-submit-setup-view--search)
            (null (mew-submit-setup-search-ways mew-submit-setup-view--search)))
    (mew-submit-setup-view--nothing "There is no other way to look"))
  (mew-submit-setup-search--go-on mew-submit-setup-view--search)
  (mew-submit-setup-view--look))

(defconst mew-submit-setup--libraries
  '(cus-edit mew-submit-clients browse-url mew-submit-sign-in mew-submit-token-source)
  "What is needed once a server was found: to store, to log in, to sign in.")

(defun mew-submit-setup--plain-address (text)
  "Return the address in TEXT, as it may have been pasted, or TEXT."
  (replace-regexp-in-string
   "\\`[Mm][Aa][Ii][Ll][Tt][Oo]:" ""
   (mew-submit-address--bare (string-trim text "[ \t\u00a0]+" "[ \t\u00a0.,;]+"))))

(defun mew-submit-setup--read-address (initial)
  "Ask for a mail address, with INITIAL to begin with, and return it.
Ask before that for what a look needs: the module."
  (when (mew-submit-module--missing-p)
    (unless (mew-submit-module--buildable-p)
      (mew-submit-error--as-user-error (mew-submit-module--ensure)))
    (unless (mew-submit-module--offer)
      (user-error "Nothing can be looked at until M-x mew-submit-build-module")))
  (mew-submit-background--load mew-submit-setup--libraries #'ignore)
  (mew-submit-setup--plain-address
   (mew-submit-view--read "Your mail address: " initial
                          (lambda (text)
                            (mew-submit-setup-discover--domain
                             (mew-submit-setup--plain-address text))))))

(defun mew-submit-setup--begin (address)
  "Look for a server for ADDRESS in the current buffer, from the beginning."
  (mew-submit-setup-view--stop)
  (add-hook 'mew-submit-question--hook #'mew-submit-setup-view--show-question)
  (let ((buffer (current-buffer)))
    (setq mew-submit-setup-view--account nil
          mew-submit-setup-view--candidate nil
          mew-submit-setup-view--notes nil
          mew-submit-setup-view--search
          (mew-submit-setup-search--start
           address (lambda ()
                     (mew-submit-setup-view--in buffer
                       (mew-submit-setup-view--perhaps-ask-gnome)))
           mew-submit-setup--libraries)))
  (mew-submit-setup-view--look))

(defun mew-submit-setup-again (address)
  "Look for a server for ADDRESS, from the beginning."
  (interactive (progn (mew-submit-setup-view--ensure)
                      (list (mew-submit-setup--read-address
                             (mew-submit-setup-view--address))))
               mew-submit-setup-mode)
  (mew-submit-setup-view--ensure)
  (mew-submit-setup--begin address))

(defvar mew-submit-setup--wanted nil
  "The address to look for a server for when the module is built, or nil.")

(defun mew-submit-setup--wait-for-module (address)
  "Have the look for the server of ADDRESS begin when the module is built."
  (setq mew-submit-setup--wanted address)
  (add-hook 'mew-submit-module--hook #'mew-submit-setup--module-is-there)
  (mew-submit-view--change
    (erase-buffer)
    (insert "The module is being built; the look at your server begins then.\n")))

(defun mew-submit-setup--module-is-there ()
  "Begin the look that has waited for the module."
  (remove-hook 'mew-submit-module--hook #'mew-submit-setup--module-is-there)
  (when-let* ((address mew-submit-setup--wanted)
              (buffer (get-buffer "*mew-submit setup*")))
    (setq mew-submit-setup--wanted nil)
    (with-current-buffer buffer
      (mew-submit-setup--begin address))))

;;;###autoload
(defun mew-submit-setup (address)
  "Find the server that takes mail from ADDRESS, and make it an account that works.
The domain's SRV records are asked, then what its DNS vouches for on the web,
then the web as Thunderbird does it, then the list of providers by the MX
records; at last names are guessed.  Each server found is looked at.  One press
uses it: the password is asked for, or the sign-in begins, and a test mail is
sent.  A password is saved by auth-source when the server has taken it and you
say so."
  (interactive
   (list (mew-submit-setup--read-address
          (and (string-match-p "@.*[.]" (or user-mail-address ""))
               user-mail-address))))
  (condition-case err
      (mew-submit-setup-discover--domain address)
    (mew-submit-error (user-error "%s" (mew-submit-error--text err))))
  (with-current-buffer (get-buffer-create "*mew-submit setup*")
    (mew-submit-setup-view--stop)
    (mew-submit-setup-mode)
    (if (mew-submit-module--missing-p)
        (mew-submit-setup--wait-for-module address)
      (mew-submit-setup--begin address))
    (pop-to-buffer-same-window (current-buffer))))

(provide 'mew-submit-setup)
;;; mew-submit-setup.el ends here
