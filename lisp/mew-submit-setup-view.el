;;; mew-submit-setup-view.el --- What the buffer of a set-up shows -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The buffer of M-x mew-submit-setup: what it is about, what is drawn of that, its keys and
;; buttons.  What they do is in mew-submit-setup.el.

;;; Code:

(require 'mew-submit-job)
(require 'mew-submit-question)
(require 'mew-submit-setup-login)
(require 'mew-submit-setup-search)
(require 'mew-submit-table)
(require 'mew-submit-view)
(require 'seq)

(declare-function mew-submit-clients--past-us "mew-submit-clients" (variable))
(declare-function mew-submit-answer "mew-submit-notice" ())
(declare-function mew-submit-issuer--clients "mew-submit-issuer" ())
(declare-function mew-submit-issuer--url "mew-submit-issuer" (issuer))
(declare-function mew-submit-token-source--bus-p "mew-submit-token-source" ())
(declare-function mew-submit-token-source--gnome "mew-submit-token-source"
                  (user host callback))

(defvar mew-submit-setup-mode-map)

(defvar-local mew-submit-setup-view--search nil
  "The search that this buffer is about.")

(defvar-local mew-submit-setup-view--account nil
  "The account that was stored, or nil.")

(defvar-local mew-submit-setup-view--candidate nil
  "What that was made of.")

(defvar-local mew-submit-setup-view--notes nil
  "What came of it, in words, newest first.")

(defvar-local mew-submit-setup-view--doing nil
  "What is under way with it, in words, or nil.")

(defconst mew-submit-setup-view--signing-in "waiting for you to sign in"
  "What is under way when the user has to do something.")

(defvar-local mew-submit-setup-view--session nil
  "The session that sends the test mail, or nil.")

(defmacro mew-submit-setup-view--in (buffer &rest body)
  "Run BODY in BUFFER, if it lives, and show there what has changed."
  (declare (indent 1) (debug (form body)))
  (let ((place (make-symbol "buffer")))
    `(let ((,place ,buffer))
       (when (buffer-live-p ,place)
         (with-current-buffer ,place
           ,@body
           (mew-submit-setup-view--render))))))

(defun mew-submit-setup-view--note (note)
  "Add NOTE to what is shown in the current buffer."
  (push note mew-submit-setup-view--notes))

(defun mew-submit-setup-view--best ()
  "Return the look at the server that can be used, or nil."
  (and mew-submit-setup-view--search
       (mew-submit-setup-search--best mew-submit-setup-view--search)))

(defun mew-submit-setup-view--address ()
  "Return the address that the current buffer is about."
  (mew-submit-setup-search-address mew-submit-setup-view--search))

(defun mew-submit-setup-view--waiting ()
  "Return what is being waited for, in words, or nil."
  (or mew-submit-setup-view--doing
      (and mew-submit-setup-view--search
           (mew-submit-setup-search--waiting mew-submit-setup-view--search))))

;;; The buffer

(defun mew-submit-setup-view--question ()
  "Return the question that waits about the server of the account, or nil."
  (seq-find (lambda (question)
              (member (plist-get mew-submit-setup-view--account :server)
                      (ensure-list (mew-submit-question-key question))))
            (and mew-submit-setup-view--account mew-submit-question--list)))

(defun mew-submit-setup-view--show-question ()
  "Show that a question has come, or is gone."
  (mew-submit-setup-view--in (get-buffer "*mew-submit setup*")))

(defun mew-submit-setup-view--button (label command &optional look)
  "Insert a button with LABEL for COMMAND, of LOOK if that is non-nil, and its key."
  (let ((key (where-is-internal command mew-submit-setup-mode-map t)))
    (mew-submit-view--button (format "[%s]" label)
                             (if look (lambda () (funcall command look)) command))
    (insert (if key (format " %s   " (key-description key)) "   "))))

(defun mew-submit-setup-view--fill (text)
  "Insert TEXT, whose lines may be long, as a paragraph."
  (let ((start (point))
        (fill-column (- mew-submit-table--width 3)))
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

(defun mew-submit-setup-view--insert-note (note)
  "Insert NOTE: a look, or what came of a way."
  (if (mew-submit-setup-search-way-p note)
      (mew-submit-setup-view--fill (mew-submit-setup-search-way-text note))
    (mew-submit-setup-view--fill
     (format "  %s: %s"
             (mew-submit-setup-search--place (mew-submit-setup-search-look-candidate note))
             (mew-submit-setup-search--verdict note)))))

(defconst mew-submit-setup-view--gnome-words
  "You are signed in already, in GNOME's settings (Online Accounts), whose tokens are used."
  "What there is to know where GNOME has the account.")

(defvar-local mew-submit-setup-view--gnome nil
  "What GNOME has said: (LOOK . ANSWER), non-nil if it has that account, or nil.")

(defun mew-submit-setup-view--in-gnome-p (look)
  "Has GNOME said that it is signed in at the server of LOOK?"
  (and (eq look (car mew-submit-setup-view--gnome))
       (cdr mew-submit-setup-view--gnome)))

(defun mew-submit-setup-view--perhaps-ask-gnome ()
  "Ask GNOME for the account where an application password would have to be made.
Who has signed in there need not make one.  The answer comes later."
  (when-let* ((look (mew-submit-setup-view--best))
              ((not (eq look (car mew-submit-setup-view--gnome))))
              (candidate (mew-submit-setup-search-look-candidate look))
              ((plist-get candidate :issuer))
              ((eq (mew-submit-setup-login--of look) 'app-password))
              ((seq-intersection '("XOAUTH2" "OAUTHBEARER")
                                 (mew-submit-setup-search--mechanisms look)))
              ((progn (require 'mew-submit-token-source)
                      (mew-submit-token-source--bus-p)))
              (buffer (current-buffer)))
    (setq mew-submit-setup-view--gnome (list look))
    (mew-submit-token-source--gnome
     (or (plist-get candidate :user) (mew-submit-setup-view--address))
     (plist-get candidate :host)
     (lambda (token)
       (mew-submit-setup-view--in buffer
         (when (eq look (car mew-submit-setup-view--gnome))
           (setq mew-submit-setup-view--gnome (cons look (and token t)))))))))

(defun mew-submit-setup-view--sends-p ()
  "Do mail buffers send by mew-submit?"
  (require 'mew-submit-clients)
  (and (or (bound-and-true-p mew-submit-mode)
           (eq send-mail-function 'mew-submit-send-it)
           (eq (bound-and-true-p message-send-mail-function) 'mew-submit-send-it))
       (not (mew-submit-clients--past-us 'message-send-mail-function))))

(defun mew-submit-setup-view--wants-client-p ()
  "Does the account that was stored sign in where one gets a client id by hand?"
  (let ((keys (plist-get mew-submit-setup-view--account :oauth)))
    (and (keywordp (car-safe keys))
         (not (assoc (mew-submit-issuer--url (plist-get keys :issuer))
                     (mew-submit-issuer--clients))))))

(defun mew-submit-setup-view--insert-offer (look)
  "Insert what there is to know before the server of LOOK is used, and the button."
  (let* ((candidate (mew-submit-setup-search-look-candidate look))
         (words (if (mew-submit-setup-view--in-gnome-p look)
                    mew-submit-setup-view--gnome-words
                  (mew-submit-setup-login--words (mew-submit-setup-login--of look) candidate
                                                 (mew-submit-setup-view--address)))))
    (when (plist-get candidate :foreign)
      (insert "\n")
      (mew-submit-setup-view--fill
       (format "%s is outside of your domain%s: use it only if it is your provider's, \
who will see your mail and your password."
               (plist-get candidate :host)
               (if (plist-get candidate :provider)
                   (format " and belongs to %s" (plist-get candidate :provider))
                 ""))))
    (when words
      (insert "\n")
      (mew-submit-setup-view--fill words))
    (insert "\n  ")
    (mew-submit-setup-view--button "Use this server" 'mew-submit-setup-use look)
    (when (plist-get candidate :page)
      (mew-submit-setup-view--button "Open that page" 'mew-submit-setup-open-page))
    (insert "\n")))

(defun mew-submit-setup-view--insert-account ()
  "Insert what came of the account that was stored, and what can be done with it."
  (insert "\n")
  (mew-submit-setup-view--fill
   (format "Stored: mail from %s goes through %s, user %s.%s"
           (plist-get mew-submit-setup-view--account :from)
           (plist-get mew-submit-setup-view--account :server)
           (plist-get mew-submit-setup-view--account :user)
           (if (mew-submit-setup-view--sends-p) ""
             "  Mail buffers do not send by it before M-x mew-submit-mode.")))
  (dolist (note (reverse mew-submit-setup-view--notes))
    (insert "\n")
    (mew-submit-setup-view--fill note))
  (unless mew-submit-setup-view--doing
    (insert "\n  ")
    (mew-submit-setup-view--button "Send a test mail" 'mew-submit-setup-test)
    (when (mew-submit-setup-view--wants-client-p)
      (mew-submit-setup-view--button "Enter a client id" 'mew-submit-setup-client))
    (mew-submit-setup-view--button "Another user name" 'mew-submit-setup-user)
    (when (and (plist-get mew-submit-setup-view--account :oauth)
               (plist-get mew-submit-setup-view--candidate :password))
      (mew-submit-setup-view--button "Use a password" 'mew-submit-setup-password))
    (when (plist-get mew-submit-setup-view--candidate :page)
      (mew-submit-setup-view--button "Open the page"
                                'mew-submit-setup-open-page))
    (insert "\n")))

(defun mew-submit-setup-view--insert-end (search)
  "Insert what SEARCH, which is at rest, has come to, and what can be done."
  (let ((look (mew-submit-setup-search--best search)))
    (cond (mew-submit-setup-view--account (mew-submit-setup-view--insert-account))
          (look (mew-submit-setup-view--insert-offer look))
          (t (insert "\n")
             (mew-submit-setup-view--fill
              (mew-submit-setup-search--result-words search))
             (when (mew-submit-setup-search--pinnable search)
               (insert "\n  ")
               (mew-submit-setup-view--button "Pin its certificate"
                                         'mew-submit-setup-pin)
               (insert "\n"))))))

(defun mew-submit-setup-view--insert ()
  "Insert all that is known."
  (let ((search mew-submit-setup-view--search))
    (insert (format "A server for mail from %s\n" (mew-submit-setup-view--address)))
    (when-let* ((notes (mew-submit-setup-search-notes search)))
      (insert "\n")
      (mapc #'mew-submit-setup-view--insert-note (reverse notes)))
    (unless (mew-submit-setup-search--waiting search)
      (mew-submit-setup-view--insert-end search))
    (when (mew-submit-setup-view--waiting)
      (insert (format "\n(%s)\n" (mew-submit-setup-view--waiting))))
    (when (equal mew-submit-setup-view--doing mew-submit-setup-view--signing-in)
      (insert "\n  ")
      (mew-submit-setup-view--button "Show the sign-in" #'mew-submit-sign-in-show)
      (insert "\n"))
    (when-let* ((question (mew-submit-setup-view--question)))
      (insert "\n")
      (mew-submit-setup-view--fill (mew-submit-question-text question))
      (when (eq (plist-get mew-submit-setup-view--candidate :login) 'app-password)
        (mew-submit-setup-view--fill (mew-submit-setup-login--words
                                 'app-password mew-submit-setup-view--candidate
                                 (mew-submit-setup-view--address))))
      (insert "\n  ")
      (mew-submit-setup-view--button "Answer" #'mew-submit-answer)
      (insert "\n"))
    (insert "\n  ")
    (mew-submit-setup-view--button "Enter a server" 'mew-submit-setup-by-hand)
    (when (and (mew-submit-setup-search-ways search)
               (null mew-submit-setup-view--account)
               (null (mew-submit-setup-view--waiting)))
      (mew-submit-setup-view--button "Look further" 'mew-submit-setup-further))
    (mew-submit-setup-view--button "Start again" 'mew-submit-setup-again)
    (insert "\n")))

(defun mew-submit-setup-view--render ()
  "Show in the current buffer all that is known.
Point stays at the button where it was.  Where it was at none, and nothing is
waited for any more, it goes to the first thing that can be done."
  (let* ((here (lambda ()
                 (when-let* ((button (button-at (point))))
                   (button-label button))))
         (label (funcall here)))
    (mew-submit-view--draw)
    (unless (or (and label (equal label (funcall here)))
                (mew-submit-setup-view--waiting))
      (goto-char (point-min))
      (ignore-errors (forward-button 1))
      (mew-submit-view--go (point)))))

(defun mew-submit-setup-view--look ()
  "Show that something is looked for in the current buffer.
Point leaves the button that has begun it, and so goes to what can be done then."
  (mew-submit-view--go (point-min))
  (mew-submit-setup-view--render))

(defconst mew-submit-setup-view--keys
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

(defvar mew-submit-setup-mode-map (mew-submit-view--map mew-submit-setup-view--keys)
  "Keys of the buffer of `mew-submit-setup'.")

(define-derived-mode mew-submit-setup-mode mew-submit-view-mode "Mail setup"
  "What was found of servers for an address, and what to do with it.
\\{mew-submit-setup-mode-map}"
  :interactive nil
  (setq mew-submit-view--shape t
        mew-submit-view--insert #'mew-submit-setup-view--insert
        mew-submit-view--keys mew-submit-setup-view--keys)
  (add-hook 'kill-buffer-hook #'mew-submit-setup-view--stop nil t))

(defun mew-submit-setup-view--stop ()
  "Stop what is under way for the current buffer."
  (when mew-submit-setup-view--search
    (mew-submit-setup-search--give-up mew-submit-setup-view--search))
  (setq mew-submit-setup-view--doing nil)
  (when-let* ((session mew-submit-setup-view--session))
    (setq mew-submit-setup-view--session nil)
    (mew-submit-job--cancel session)))

(defun mew-submit-setup-view--ensure-account ()
  "Signal an error unless there is an account to do something with."
  (mew-submit-setup-view--ensure)
  (unless mew-submit-setup-view--account
    (user-error "First use a server that was found")))

(defun mew-submit-setup-view--ensure-idle ()
  "Signal an error while something is under way with the account."
  (when mew-submit-setup-view--doing
    (user-error "Already %s" mew-submit-setup-view--doing)))

(defun mew-submit-setup-view--ensure ()
  "Signal an error unless the current buffer has the search of `mew-submit-setup'."
  (unless (and (derived-mode-p 'mew-submit-setup-mode)
               mew-submit-setup-view--search)
    (user-error "First look for a server with M-x mew-submit-setup")))

(defun mew-submit-setup-view--nothing (words)
  "Signal WORDS, why there is nothing to be used, or that it may yet come."
  (let ((waiting (mew-submit-setup-search--waiting mew-submit-setup-view--search)))
    (if waiting
        (user-error "Wait for the search, which is still %s" waiting)
      (user-error "%s" words))))

(provide 'mew-submit-setup-view)
;;; mew-submit-setup-view.el ends here
