;;; mew-submit-setup.el --- From an address to an account that works -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the command `mew-submit-setup' and its buffer, which shows the search for a
;; server (mew-submit-setup-search.el).  One press there makes an account of what was found,
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
(require 'mew-submit-dialog)
(require 'mew-submit-error)
(require 'mew-submit-issuer)
(require 'mew-submit-job)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-parcel)
(require 'mew-submit-pin)
(require 'mew-submit-question)
(require 'mew-submit-report)
(require 'mew-submit-setup-discover)
(require 'mew-submit-setup-login)
(require 'mew-submit-setup-search)
(require 'mew-submit-view)
(require 'seq)

(declare-function mew-submit-answer "mew-submit-notice" ())
(declare-function mew-submit-mode "mew-submit-clients" (&optional arg))
(declare-function mew-submit-sign-in "mew-submit-sign-in" (account &rest keys))
(declare-function mew-submit-sign-in-show "mew-submit-sign-in" ())
(declare-function mew-submit-token-source--bus-p "mew-submit-token-source" ())
(declare-function mew-submit-token-source--gnome "mew-submit-token-source"
                  (user host callback))

(defvar mew-submit-setup-mode-map)

(defvar-local mew-submit-setup--search nil
  "The search that this buffer is about.")

(defvar-local mew-submit-setup--account nil
  "The account that was stored, or nil.")

(defvar-local mew-submit-setup--candidate nil
  "What that was made of.")

(defvar-local mew-submit-setup--notes nil
  "What came of it, in words, newest first.")

(defvar-local mew-submit-setup--doing nil
  "What is under way with it, in words, or nil.")

(defconst mew-submit-setup--signing-in "waiting for you to sign in"
  "What is under way when the user has to do something.")

(defvar-local mew-submit-setup--session nil
  "The session that sends the test mail, or nil.")

(defmacro mew-submit-setup--in (buffer &rest body)
  "Run BODY in BUFFER, if it lives, and show there what has changed."
  (declare (indent 1) (debug (form body)))
  (let ((place (make-symbol "buffer")))
    `(let ((,place ,buffer))
       (when (buffer-live-p ,place)
         (with-current-buffer ,place
           ,@body
           (mew-submit-setup--render))))))

(defun mew-submit-setup--note (note)
  "Add NOTE to what is shown in the current buffer."
  (push note mew-submit-setup--notes))

(defun mew-submit-setup--best ()
  "Return the look at the server that can be used, or nil."
  (and mew-submit-setup--search
       (mew-submit-setup-search--best mew-submit-setup--search)))

(defun mew-submit-setup--address ()
  "Return the address that the current buffer is about."
  (mew-submit-setup-search-address mew-submit-setup--search))

(defun mew-submit-setup--waiting ()
  "Return what is being waited for, in words, or nil."
  (or mew-submit-setup--doing
      (and mew-submit-setup--search
           (mew-submit-setup-search--waiting mew-submit-setup--search))))

;;; The buffer

(defun mew-submit-setup--question ()
  "Return the question that waits about the server of the account, or nil."
  (seq-find (lambda (question)
              (member (plist-get mew-submit-setup--account :server)
                      (ensure-list (mew-submit-question-key question))))
            (and mew-submit-setup--account mew-submit-question--list)))

(defun mew-submit-setup--show-question ()
  "Show that a question has come, or is gone."
  (mew-submit-setup--in (get-buffer "*mew-submit setup*")))

(defun mew-submit-setup--button (label command &optional look)
  "Insert a button with LABEL for COMMAND, of LOOK if that is non-nil, and its key."
  (let ((key (where-is-internal command mew-submit-setup-mode-map t)))
    (mew-submit-view--button (format "[%s]" label)
                             (if look (lambda () (funcall command look)) command))
    (insert (if key (format " %s   " (key-description key)) "   "))))

(defun mew-submit-setup--fill (text)
  "Insert TEXT, whose lines may be long, as a paragraph."
  (let ((start (point))
        (fill-column 76))
    (insert text "\n")
    (save-excursion
      (goto-char start)
      (while (not (eobp))
        (end-of-line)
        (unless (string-match-p "\\`https:" (buffer-substring (line-beginning-position)
                                                              (point)))
          (fill-region (line-beginning-position) (point)))
        (forward-line 1)))
    (goto-char (point-max))))

(defun mew-submit-setup--insert-note (note)
  "Insert NOTE: a look, or what came of a way."
  (if (mew-submit-setup-search-way-p note)
      (mew-submit-setup--fill (mew-submit-setup-search-way-text note))
    (mew-submit-setup--fill
     (format "  %s: %s"
             (mew-submit-setup-search--place (mew-submit-setup-search-look-candidate note))
             (mew-submit-setup-search--verdict note)))))

(defconst mew-submit-setup--gnome-words
  "You are signed in already, in GNOME's settings (Online Accounts), whose tokens are used."
  "What there is to know where GNOME has the account.")

(defvar-local mew-submit-setup--gnome nil
  "What GNOME has said: (LOOK . ANSWER), non-nil if it has that account, or nil.")

(defun mew-submit-setup--in-gnome-p (look)
  "Has GNOME said that it is signed in at the server of LOOK?"
  (and (eq look (car mew-submit-setup--gnome))
       (cdr mew-submit-setup--gnome)))

(defun mew-submit-setup--perhaps-ask-gnome ()
  "Ask GNOME for the account where an application password would have to be made.
Who has signed in there need not make one.  The answer comes later."
  (when-let* ((look (mew-submit-setup--best))
              ((not (eq look (car mew-submit-setup--gnome))))
              (candidate (mew-submit-setup-search-look-candidate look))
              ((plist-get candidate :issuer))
              ((eq (mew-submit-setup-login--of look) 'app-password))
              ((seq-intersection '("XOAUTH2" "OAUTHBEARER")
                                 (mew-submit-setup-search--mechanisms look)))
              ((progn (require 'mew-submit-token-source)
                      (mew-submit-token-source--bus-p)))
              (buffer (current-buffer)))
    (setq mew-submit-setup--gnome (list look))
    (mew-submit-token-source--gnome
     (or (plist-get candidate :user) (mew-submit-setup--address))
     (plist-get candidate :host)
     (lambda (token)
       (mew-submit-setup--in buffer
         (when (eq look (car mew-submit-setup--gnome))
           (setq mew-submit-setup--gnome (cons look (and token t)))))))))

(defun mew-submit-setup--insert-offer (look)
  "Insert what there is to know before the server of LOOK is used, and the button."
  (let* ((candidate (mew-submit-setup-search-look-candidate look))
         (words (if (mew-submit-setup--in-gnome-p look)
                    mew-submit-setup--gnome-words
                  (mew-submit-setup-login--words (mew-submit-setup-login--of look) candidate
                                                 (mew-submit-setup--address)))))
    (when (plist-get candidate :foreign)
      (insert "\n")
      (mew-submit-setup--fill
       (format "%s is outside of your domain%s: use it only if it is your provider's, \
who will see your mail and your password."
               (plist-get candidate :host)
               (if (plist-get candidate :provider)
                   (format " and belongs to %s" (plist-get candidate :provider))
                 ""))))
    (when words
      (insert "\n")
      (mew-submit-setup--fill words))
    (insert "\n  ")
    (mew-submit-setup--button "Use this server" #'mew-submit-setup-use look)
    (when (plist-get candidate :page)
      (mew-submit-setup--button "Open that page" #'mew-submit-setup-open-page))
    (insert "\n")))

(defun mew-submit-setup--insert-account ()
  "Insert what came of the account that was stored, and what can be done with it."
  (insert "\n")
  (mew-submit-setup--fill
   (format "Stored: mail from %s goes through %s, user %s.%s"
           (plist-get mew-submit-setup--account :from)
           (plist-get mew-submit-setup--account :server)
           (plist-get mew-submit-setup--account :user)
           (if (mew-submit-setup--sends-p) ""
             "  Mail buffers do not send by it before M-x mew-submit-mode.")))
  (dolist (note (reverse mew-submit-setup--notes))
    (insert "\n")
    (mew-submit-setup--fill note))
  (unless mew-submit-setup--doing
    (insert "\n  ")
    (mew-submit-setup--button "Send a test mail" #'mew-submit-setup-test)
    (when (mew-submit-setup--wants-client-p)
      (mew-submit-setup--button "Enter a client id" #'mew-submit-setup-client))
    (mew-submit-setup--button "Another user name" #'mew-submit-setup-user)
    (when (and (plist-get mew-submit-setup--account :oauth)
               (plist-get mew-submit-setup--candidate :password))
      (mew-submit-setup--button "Use a password" #'mew-submit-setup-password))
    (when (plist-get mew-submit-setup--candidate :page)
      (mew-submit-setup--button "Open the page"
                                #'mew-submit-setup-open-page))
    (insert "\n")))

(defun mew-submit-setup--insert-end (search)
  "Insert what SEARCH, which is at rest, has come to, and what can be done."
  (let ((look (mew-submit-setup-search--best search)))
    (cond (mew-submit-setup--account (mew-submit-setup--insert-account))
          (look (mew-submit-setup--insert-offer look))
          (t (insert "\n")
             (mew-submit-setup--fill
              (mew-submit-setup-search--result-words search))
             (when (mew-submit-setup-search--pinnable search)
               (insert "\n  ")
               (mew-submit-setup--button "Pin its certificate"
                                         #'mew-submit-setup-pin)
               (insert "\n"))))))

(defun mew-submit-setup--insert ()
  "Insert all that is known."
  (let ((search mew-submit-setup--search))
    (insert (format "A server for mail from %s\n\n" (mew-submit-setup--address)))
    (dolist (note (reverse (mew-submit-setup-search-notes search)))
      (mew-submit-setup--insert-note note))
    (unless (mew-submit-setup-search--waiting search)
      (mew-submit-setup--insert-end search))
    (when (mew-submit-setup--waiting)
      (insert (format "\n(%s)\n" (mew-submit-setup--waiting))))
    (when (equal mew-submit-setup--doing mew-submit-setup--signing-in)
      (insert "\n  ")
      (mew-submit-setup--button "Show the sign-in" #'mew-submit-sign-in-show)
      (insert "\n"))
    (when-let* ((question (mew-submit-setup--question)))
      (insert "\n")
      (mew-submit-setup--fill (mew-submit-question-text question))
      (when (eq (plist-get mew-submit-setup--candidate :login) 'app-password)
        (mew-submit-setup--fill (mew-submit-setup-login--words
                                 'app-password mew-submit-setup--candidate
                                 (mew-submit-setup--address))))
      (insert "\n  ")
      (mew-submit-setup--button "Answer" #'mew-submit-answer)
      (insert "\n"))
    (insert "\n  ")
    (mew-submit-setup--button "Enter a server" #'mew-submit-setup-by-hand)
    (when (and (mew-submit-setup-search-ways search)
               (null mew-submit-setup--account)
               (null (mew-submit-setup--waiting)))
      (mew-submit-setup--button "Look further" #'mew-submit-setup-further))
    (mew-submit-setup--button "Start again" #'mew-submit-setup-again)
    (insert "\n")))

(defun mew-submit-setup--render ()
  "Show in the current buffer all that is known.
Point stays at the button where it was.  Where it was at none, and nothing is
waited for any more, it goes to the first thing that can be done."
  (let* ((here (lambda ()
                 (when-let* ((button (button-at (point))))
                   (button-label button))))
         (label (funcall here)))
    (mew-submit-view--draw)
    (unless (or (and label (equal label (funcall here)))
                (mew-submit-setup--waiting))
      (goto-char (point-min))
      (ignore-errors (forward-button 1))
      (mew-submit-view--go (point)))))

(defun mew-submit-setup--look ()
  "Show that something is looked for in the current buffer.
Point leaves the button that has begun it, and so goes to what can be done then."
  (mew-submit-view--go (point-min))
  (mew-submit-setup--render))

(defconst mew-submit-setup--keys
  '(("u" "use this server" mew-submit-setup-use)
    ("t" "send a test mail" mew-submit-setup-test)
    ("o" "open the provider's page" mew-submit-setup-open-page)
    ("a" "answer a question" mew-submit-answer)
    ("n" "another user name" mew-submit-setup-user)
    ("w" "use a password" mew-submit-setup-password)
    ("c" "enter a client id" mew-submit-setup-client)
    ("i" "show the sign-in" mew-submit-sign-in-show)
    ("p" "pin its certificate" mew-submit-setup-pin)
    ("s" "enter a server" mew-submit-setup-by-hand)
    ("f" "look further" mew-submit-setup-further)
    ("g" "start again" mew-submit-setup-again))
  "The keys of the buffer of `mew-submit-setup', a table.")

(defvar mew-submit-setup-mode-map (mew-submit-view--map mew-submit-setup--keys)
  "Keys of the buffer of `mew-submit-setup'.")

(define-derived-mode mew-submit-setup-mode mew-submit-view-mode "Mail setup"
  "What was found of servers for an address, and what to do with it.
\\{mew-submit-setup-mode-map}"
  :interactive nil
  (setq mew-submit-view--insert #'mew-submit-setup--insert
        mew-submit-view--keys mew-submit-setup--keys)
  (add-hook 'kill-buffer-hook #'mew-submit-setup--stop nil t))

(defun mew-submit-setup--stop ()
  "Stop what is under way for the current buffer."
  (when mew-submit-setup--search
    (mew-submit-setup-search--give-up mew-submit-setup--search))
  (setq mew-submit-setup--doing nil)
  (when-let* ((session mew-submit-setup--session))
    (setq mew-submit-setup--session nil)
    (mew-submit-job--cancel session)))

(defun mew-submit-setup--ensure-account ()
  "Signal an error unless there is an account to do something with."
  (mew-submit-setup--ensure)
  (unless mew-submit-setup--account
    (user-error "First use a server that was found")))

(defun mew-submit-setup--ensure-idle ()
  "Signal an error while something is under way with the account."
  (when mew-submit-setup--doing
    (user-error "Already %s" mew-submit-setup--doing)))

(defun mew-submit-setup--ensure ()
  "Signal an error unless the current buffer has the search of `mew-submit-setup'."
  (unless (and (derived-mode-p 'mew-submit-setup-mode)
               mew-submit-setup--search)
    (user-error "First look for a server with M-x mew-submit-setup")))

(defun mew-submit-setup--nothing (words)
  "Signal WORDS, why there is nothing to be used, or that it may yet come."
  (let ((waiting (mew-submit-setup-search--waiting mew-submit-setup--search)))
    (if waiting
        (user-error "Wait for the search, which is still %s" waiting)
      (user-error "%s" words))))

;;; Storing

(defun mew-submit-setup--store (account)
  "Put ACCOUNT before the user's accounts, in place of one for the same sender."
  (mew-submit-error--save-option
   'mew-submit-accounts
   (cons account
         (seq-remove (lambda (other)
                       (let ((from (plist-get other :from)))
                         (and from
                              (string= (downcase from)
                                       (downcase (plist-get account :from))))))
                     mew-submit-accounts))))

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

(defun mew-submit-setup--sends-p ()
  "Do mail buffers send by mew-submit?"
  (or (bound-and-true-p mew-submit-mode)
      (eq send-mail-function 'mew-submit-send-it)
      (eq (bound-and-true-p message-send-mail-function) 'mew-submit-send-it)))

(defun mew-submit-setup--address-made-up-p ()
  "Is `user-mail-address' of Emacs' own making, since nobody has said one?"
  (member user-mail-address
          (list nil "" (concat (user-login-name) "@"
                               (or mail-host-address (system-name))))))

(defun mew-submit-setup--turn-on (address)
  "Offer what mail from ADDRESS still needs of Emacs, for good; ask once.
That is `mew-submit-mode', and ADDRESS as `user-mail-address' if it has none."
  (let ((mode (not (mew-submit-setup--sends-p)))
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
  (interactive)
  (mew-submit-setup--ensure)
  (let* ((look (or look (mew-submit-setup--best)
                   (mew-submit-setup--nothing "No server was found that can be used")))
         (candidate (mew-submit-setup-search--seen look))
         (gnome (mew-submit-setup--in-gnome-p look))
         (login (if gnome 'oauth (mew-submit-setup-login--of look)))
         (made (mew-submit-setup-login--account-for login candidate
                                                    (mew-submit-setup--address)))
         (account (if gnome (plist-put made :oauth t) made)))
    (setq mew-submit-setup--notes nil)
    (mew-submit-setup--take login account candidate)))

(defun mew-submit-setup--take (login account candidate)
  "Store ACCOUNT, made of CANDIDATE, where one logs in by LOGIN; send a test mail."
  (mew-submit-setup--ensure-idle)
  (let (begun)
    (unwind-protect
        (progn
          (mew-submit-setup--read-secret login account candidate)
          (mew-submit-setup--store account)
          (setq mew-submit-setup--account account
                mew-submit-setup--candidate candidate)
          (mew-submit-setup--turn-on (plist-get account :from))
          (mew-submit-setup-test)
          (setq begun t))
      (unless begun
        (mew-submit-setup--forget-typed account)))))

(defun mew-submit-setup-password ()
  "Have the account that was stored log in with a password, not by a token."
  (interactive)
  (mew-submit-setup--ensure-account)
  (let ((candidate mew-submit-setup--candidate))
    (unless (plist-get candidate :password)
      (user-error "This server takes no password"))
    (mew-submit-setup--take 'password
                            (mew-submit-setup-login--account-for
                             'password candidate (mew-submit-setup--address))
                            candidate)))

(defun mew-submit-setup-user (user)
  "Have the account that was stored log in as USER, and send a test mail."
  (interactive (progn (mew-submit-setup--ensure-account)
                      (list (read-string "User name: "
                                         (plist-get mew-submit-setup--account :user)))))
  (mew-submit-setup--ensure-account)
  (let ((account (plist-put (copy-sequence mew-submit-setup--account) :user user)))
    (mew-submit-setup--take
     (if (plist-get account :oauth) 'oauth
       (or (car (memq (plist-get mew-submit-setup--candidate :login)
                      '(app-password bridge)))
           'password))
     account mew-submit-setup--candidate)))

(defun mew-submit-setup--wants-client-p ()
  "Does the account that was stored sign in where one gets a client id by hand?"
  (let ((keys (plist-get mew-submit-setup--account :oauth)))
    (and (keywordp (car-safe keys))
         (not (assoc (mew-submit-issuer--url (plist-get keys :issuer))
                     (mew-submit-issuer--clients))))))

(defun mew-submit-setup--as-client (keys client)
  "Return KEYS, an account's :oauth, with CLIENT, an id or a file, and no other."
  (append (if (string-match-p "/\\|[.]json\\'" client)
              (list :client-file (expand-file-name client))
            (list :client-id client))
          (cl-loop for (key value) on keys by #'cddr
                   unless (memq key '(:client-id :client-file))
                   append (list key value))))

(defun mew-submit-setup-client (client)
  "Have the account that was stored sign in as CLIENT, and send a test mail.
That is the client id that the issuer has given you, or a file of its with it."
  (interactive
   (progn (mew-submit-setup--ensure-account)
          (list (read-string (format "Client id, or file with it, from %s: "
                                     (or (mew-submit-setup-provider--url-host
                                          (plist-get mew-submit-setup--candidate :issuer))
                                         "the sign-in service"))))))
  (mew-submit-setup--ensure-account)
  (let* ((client (string-trim client))
         (candidate mew-submit-setup--candidate)
         (account (cond ((keywordp (car-safe (plist-get mew-submit-setup--account :oauth)))
                         mew-submit-setup--account)
                        ((and (plist-get candidate :issuer) (plist-get candidate :scope))
                         (mew-submit-setup-login--account-for 'oauth candidate
                                                        (mew-submit-setup--address)))
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
  (interactive)
  (mew-submit-setup--ensure)
  (let ((page (plist-get (or mew-submit-setup--candidate
                             (when-let* ((look (mew-submit-setup--best)))
                               (mew-submit-setup-search-look-candidate look)))
                         :page)))
    (unless page
      (mew-submit-setup--nothing "No page is known for that"))
    (browse-url page)))

(defun mew-submit-setup-pin ()
  "Offer to pin the certificate of the bridge, or of the server named; look again."
  (interactive)
  (mew-submit-setup--ensure)
  (let* ((search mew-submit-setup--search)
         (look (or (mew-submit-setup-search--pinnable search)
                   (mew-submit-setup--nothing "There is no certificate here to pin")))
         (candidate (mew-submit-setup-search--seen look))
         (account (mew-submit-setup-search--account candidate
                                                    (mew-submit-setup--address)))
         (tls (mew-submit-setup-search--told look :tls)))
    (when (mew-submit-pin--offer account tls (plist-get candidate :port))
      (mew-submit-setup-search--try search (append '(:pinned t) candidate))
      (mew-submit-setup--look))))

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

(defun mew-submit-setup--tested (done)
  "Show how the test mail ended: DONE."
  (mew-submit-setup--forget-typed mew-submit-setup--account)
  (setq mew-submit-setup--session nil
        mew-submit-setup--doing nil)
  (mew-submit-setup--note
   (concat "The test mail was " (mew-submit-report--done done)
           (cond ((equal (plist-get done :kind) "ok")
                  (if (mew-submit-setup--sends-p) "\nC-x m writes the next one." ""))
                 ((and (equal (plist-get done :about) "app-password")
                       (plist-get mew-submit-setup--candidate :page))
                  (format "\nThe page for that is\n%s"
                          (plist-get mew-submit-setup--candidate :page)))
                 (t "")))))

(defun mew-submit-setup--test-now ()
  "Send a test mail with the account that was stored."
  (let* ((buffer (current-buffer))
         (account mew-submit-setup--account)
         (file (mew-submit-setup--test-file (mew-submit-setup--address)))
         (finish (lambda (done)
                   (delete-file file)
                   (mew-submit-setup--forget-typed account)
                   (mew-submit-setup--in buffer
                     (when (eq account mew-submit-setup--account)
                       (mew-submit-setup--tested done))))))
    (setq mew-submit-setup--doing "sending the test mail")
    (condition-case err
        (setq mew-submit-setup--session
              (mew-submit-parcel--submit
               file :account account
               :on-done finish :on-ask #'mew-submit-setup--answer))
      (error (funcall finish (mew-submit-error--done err))))
    (mew-submit-setup--render)))

(defun mew-submit-setup--signed-in (result)
  "Go on with RESULT, a plist, what came of signing in."
  (setq mew-submit-setup--doing nil)
  (if (equal (plist-get result :result) "signed-in")
      (mew-submit-setup--test-now)
    (mew-submit-setup--note (or (plist-get result :text) "You are not signed in."))))

(defun mew-submit-setup--sign-in ()
  "Sign in for the account that was stored; the test mail comes after that."
  (let ((buffer (current-buffer))
        (account mew-submit-setup--account))
    (setq mew-submit-setup--doing mew-submit-setup--signing-in)
    (condition-case err
        (mew-submit-sign-in
         account
         :callback (lambda (result)
                     (mew-submit-setup--in buffer
                       (when (eq account mew-submit-setup--account)
                         (mew-submit-setup--signed-in result)))))
      (error (mew-submit-setup--signed-in
              (list :result "failed" :text (mew-submit-error--text err)))))
    (mew-submit-setup--render)))

(defun mew-submit-setup--ask-gnome ()
  "Have the account use GNOME's tokens if it is signed in there; else sign in."
  (let ((buffer (current-buffer))
        (account mew-submit-setup--account))
    (setq mew-submit-setup--doing "asking GNOME whether it has that account")
    (mew-submit-token-source--gnome
     (plist-get account :user) (plist-get account :server)
     (lambda (token)
       (mew-submit-setup--in buffer
         (when (eq account mew-submit-setup--account)
           (if (null token)
               (mew-submit-setup--sign-in)
             (setq mew-submit-setup--account
                   (plist-put (copy-sequence account) :oauth t))
             (mew-submit-setup--store mew-submit-setup--account)
             (mew-submit-setup--note mew-submit-setup--gnome-words)
             (mew-submit-setup--test-now))))))
    (mew-submit-setup--render)))

(defun mew-submit-setup-test ()
  "Send a test mail with the account that was stored to its own address.
Where it wants access tokens, and nobody is signed in, the sign-in comes first."
  (interactive)
  (mew-submit-setup--ensure-account)
  (mew-submit-setup--ensure-idle)
  (cond ((not (and (mew-submit-setup-login--can-sign-in-p)
                   (keywordp (car-safe (plist-get mew-submit-setup--account :oauth)))))
         (mew-submit-setup--test-now))
        ((progn (require 'mew-submit-token-source)
                (mew-submit-token-source--bus-p))
         (mew-submit-setup--ask-gnome))
        (t (mew-submit-setup--sign-in))))

;;; The commands

(defun mew-submit-setup--by-hand-candidate (text)
  "Return the candidate that TEXT, \"HOST\" or \"HOST:PORT\", names."
  (let* ((parts (and (string-match "\\`\\(.*[^:]\\):\\([0-9]\\{1,5\\}\\)\\'" text)
                     (list (match-string 1 text)
                           (string-to-number (match-string 2 text)))))
         (port (cadr parts)))
    (append (list :host (mew-submit-address--host (or (car parts) text))
                  :source 'user)
            (and port (list :port port :tls (mew-submit-plan--port-tls port))))))

(defun mew-submit-setup-by-hand (server)
  "Look at SERVER, \"HOST\" or \"HOST:PORT\", instead of what was found.
That the user names it is agreement enough, also where it is outside of the
domain."
  (interactive (progn (mew-submit-setup--ensure)
                      (list (read-string "Server: "))))
  (mew-submit-setup--ensure)
  (let ((candidate (condition-case err
                       (mew-submit-setup-discover--known
                        (mew-submit-setup--by-hand-candidate (string-trim server)))
                     (mew-submit-error
                      (user-error "%s" (mew-submit-error--text err))))))
    (mew-submit-setup--stop)
    (setq mew-submit-setup--account nil)
    (mew-submit-setup-search--try mew-submit-setup--search candidate)
    (mew-submit-setup--look)))

(defun mew-submit-setup-further ()
  "Look for servers in other ways than those that were tried."
  (interactive)
  (mew-submit-setup--ensure)
  (when (or (mew-submit-setup-search--waiting mew-submit-setup--search)
            (null (mew-submit-setup-search-ways mew-submit-setup--search)))
    (mew-submit-setup--nothing "There is no other way to look"))
  (mew-submit-setup-search--go-on mew-submit-setup--search)
  (mew-submit-setup--look))

(defconst mew-submit-setup--libraries
  '(cus-edit mew-submit-clients browse-url mew-submit-sign-in mew-submit-token-source)
  "What is needed once a server was found: to store, to log in, to sign in.")

(defun mew-submit-setup--read-address (initial)
  "Ask for a mail address, with INITIAL to begin with, and return it.
Ask before that for what a look needs: the module."
  (when (mew-submit-module--missing-p)
    (unless (mew-submit-module--buildable-p)
      (mew-submit-error--as-user-error (mew-submit-module--ensure)))
    (unless (mew-submit-module--offer)
      (user-error "Nothing can be looked at until M-x mew-submit-build-module")))
  (mew-submit-background--load mew-submit-setup--libraries #'ignore)
  (let ((prompt "Your mail address: ")
        address)
    (while (null address)
      (setq initial (string-trim (read-string prompt initial)))
      (condition-case err
          (progn (mew-submit-setup-discover--domain initial)
                 (setq address initial))
        (mew-submit-error
         (setq prompt (format "%s\nYour mail address: "
                              (mew-submit-error--text err))))))
    address))

(defun mew-submit-setup--begin (address)
  "Look for a server for ADDRESS in the current buffer, from the beginning."
  (mew-submit-setup--stop)
  (add-hook 'mew-submit-question--hook #'mew-submit-setup--show-question)
  (let ((buffer (current-buffer)))
    (setq mew-submit-setup--account nil
          mew-submit-setup--candidate nil
          mew-submit-setup--notes nil
          mew-submit-setup--search
          (mew-submit-setup-search--start
           address (lambda ()
                     (mew-submit-setup--in buffer
                       (mew-submit-setup--perhaps-ask-gnome)))
           mew-submit-setup--libraries)))
  (mew-submit-setup--look))

(defun mew-submit-setup-again (address)
  "Look for a server for ADDRESS, from the beginning."
  (interactive (progn (mew-submit-setup--ensure)
                      (list (mew-submit-setup--read-address
                             (mew-submit-setup--address)))))
  (mew-submit-setup--ensure)
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
    (mew-submit-setup--stop)
    (mew-submit-setup-mode)
    (if (mew-submit-module--missing-p)
        (mew-submit-setup--wait-for-module address)
      (mew-submit-setup--begin address))
    (pop-to-buffer-same-window (current-buffer))))

(provide 'mew-submit-setup)
;;; mew-submit-setup.el ends here
