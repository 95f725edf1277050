;;; mew-submit-notice-message.el --- A message that did not get through, and what to do -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what is said of one message that did not get through, why, and what the user can
;; do with it; and the buffer *mew-submit* that has these texts, with its keys.  Who shows it
;; is mew-submit-notice.el.

;;; Code:

(require 'button)
(require 'easymenu)
(require 'mew-submit-auth)
(require 'mew-submit-dialog)
(require 'mew-submit-error)
(require 'mew-submit-known)
(require 'mew-submit-loaddefs)
(require 'mew-submit-menu)
(require 'mew-submit-network)
(require 'mew-submit-network-verdict)
(require 'mew-submit-offer)
(require 'mew-submit-queue)
(require 'mew-submit-refusal)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-time)
(require 'mew-submit-view)
(require 'seq)

(declare-function mew-submit-outbox "mew-submit-outbox" ())
(declare-function mew-submit-edit "mew-submit-edit" (id &optional directory))
(declare-function mew-submit-diagnose "mew-submit-diagnose"
                  (server &optional relay-test log-in))
(declare-function mew-submit-forget-server "mew-submit" (server))
(declare-function mew-submit-setup "mew-submit-setup" (address))
(declare-function mew-submit-sign-in "mew-submit-sign-in" (account &rest keys))
(declare-function mew-submit-pin-certificate "mew-submit-pin" (name))

;;; What can be done with it

(defun mew-submit-notice-message--here ()
  "Return the entry that the text at point is about, else the first, or nil."
  (let ((at-point (get-text-property (point) 'mew-submit-entry))
        (first (text-property-not-all (point-min) (point-max)
                                      'mew-submit-entry nil)))
    (or at-point
        (and first (get-text-property first 'mew-submit-entry)))))

(defun mew-submit-notice-message--some-entry ()
  "Return the entry that the text at point is about, or signal `user-error'."
  (or (mew-submit-notice-message--here)
      (user-error (if (text-property-not-all (point-min) (point-max)
                                             'mew-submit-question nil)
                      "A question: TAB goes to its answers, and RET gives one"
                    "No message here"))))

(defvar mew-submit-notice-message--told (make-hash-table :test #'equal)
  "What was told of messages, by :stem: ((KIND . REASON) . SHOWN).
SHOWN is non-nil when it was shown in a window.")

(defun mew-submit-notice-message--the-entry (&optional old)
  "Return the entry at point as it is now, or signal `user-error'.
With OLD, an entry, it is that message's: what asks for something first has to
stay with the message it was called for, for others come to point meanwhile."
  (let* ((old (or old (mew-submit-notice-message--some-entry)))
         (directory (plist-get old :directory)))
    (mew-submit-error--as-user-error
      (mew-submit-known--refresh directory))
    (or (mew-submit-known--entry (plist-get old :id) directory)
        (user-error "That message is not in the outbox any more"))))

(defun mew-submit-notice-message--may-send-p (entry)
  "May ENTRY's message be sent now?  If it may have arrived already, ask."
  (or (not (eq (plist-get entry :state) 'uncertain))
      (mew-submit-dialog--send-twice-p entry)))

(defun mew-submit-notice-message--send (entry)
  "Send ENTRY's message now; ask first if it may have arrived already."
  (when (mew-submit-notice-message--may-send-p entry)
    (remhash (plist-get entry :stem) mew-submit-notice-message--told)
    (mew-submit-error--as-user-error
      (mew-submit-queue--send (plist-get entry :id)
                              (plist-get entry :directory)))
    (message "Sending the mail to %s again"
             (mew-submit-report--people (plist-get entry :recipients)))))

(defun mew-submit-notice-retry ()
  "Send the message of this buffer now."
  (interactive nil mew-submit-notice-mode)
  (mew-submit-notice-message--send (mew-submit-notice-message--the-entry)))

(defun mew-submit-notice-send-rest ()
  "Send the message of this buffer, which may have arrived, to the rest.
Those are who surely did not get it; for the others it stays as it is."
  (interactive nil mew-submit-notice-mode)
  (let ((entry (mew-submit-notice-message--the-entry))
        (old (mew-submit-notice-message--here)))
    (mew-submit-error--as-user-error
      (mew-submit-queue--send-rest (plist-get entry :id) (plist-get entry :directory)))
    (mew-submit-notice-message--renew old (mew-submit-notice-message--the-entry entry))))

(defun mew-submit-notice-leave ()
  "Have the message of this buffer, which may have arrived, left as it is for good.
It stays in the outbox, and nothing asks about it any more."
  (interactive nil mew-submit-notice-mode)
  (let ((entry (mew-submit-notice-message--the-entry)))
    (mew-submit-queue--let-be (plist-get entry :id) (plist-get entry :directory))
    (mew-submit-notice-message--tidy)
    (message "The mail to %s is not sent again; it stays in the outbox"
             (mew-submit-report--people (plist-get entry :recipients)))))

(defun mew-submit-notice-edit ()
  "Take the message of this buffer out of the outbox and edit it again."
  (interactive nil mew-submit-notice-mode)
  (let ((entry (mew-submit-notice-message--the-entry)))
    (mew-submit-error--as-user-error
      (mew-submit-edit (plist-get entry :id) (plist-get entry :directory)))))

(defconst mew-submit-notice-message--ports
  '(("587 with STARTTLS" . "587:starttls") ("465 with TLS" . "465:implicit")
    ("25 with STARTTLS" . "25:starttls"))
  "Ports a message can be sent by instead: (WORDS . ROUTES).")

(defun mew-submit-notice-other-port (routes &optional entry)
  "Send the message of this buffer now, by ROUTES, such as \"465:implicit\".
What its account asks for in TLS and authentication stays as it is.  ENTRY is
the message's, by default the one at point."
  (interactive
   (let* ((entry (mew-submit-notice-message--the-entry))
          (choice (completing-read "Send it through port: "
                                   mew-submit-notice-message--ports)))
     (list (or (cdr (or (assoc choice mew-submit-notice-message--ports)
                        ;; The number alone is what people type.
                        (assoc (try-completion choice mew-submit-notice-message--ports)
                               mew-submit-notice-message--ports)))
               choice)
           entry))
   mew-submit-notice-mode)
  (let ((entry (mew-submit-notice-message--the-entry entry)))
    (when (mew-submit-notice-message--may-send-p entry)
      (remhash (plist-get entry :stem) mew-submit-notice-message--told)
      (mew-submit-error--as-user-error
        (mew-submit-queue--send-by (plist-get entry :id) routes
                                   (plist-get entry :directory)))
      (message "Sending through %s" routes))))

(defun mew-submit-notice-diagnose ()
  "Find out what the network and the server of this message really do."
  (interactive nil mew-submit-notice-mode)
  (mew-submit-diagnose (mew-submit-error--as-user-error
                         (mew-submit-queue--next-account
                          (mew-submit-notice-message--some-entry)))))

(defun mew-submit-notice-message--server (entry)
  "Return the server of ENTRY's account, or signal `user-error'."
  (or (plist-get (plist-get entry :account) :server)
      (user-error "No account is for this mail yet: S sets one up")))

(defun mew-submit-notice-pin ()
  "Look at the certificate of this message's server, and have it accepted.
That is asked for, with its fingerprint."
  (interactive nil mew-submit-notice-mode)
  (let ((entry (mew-submit-notice-message--the-entry)))
    (mew-submit-notice-message--server entry)
    (mew-submit-pin-certificate (mew-submit-error--as-user-error
                                  (mew-submit-queue--next-account entry)))))

(defun mew-submit-notice-forget ()
  "Forget what this message's server has offered before, after a yes."
  (interactive nil mew-submit-notice-mode)
  (let ((server (mew-submit-notice-message--server
                 (mew-submit-notice-message--the-entry))))
    (when (yes-or-no-p (format "Does the administrator of %s say that it has \
changed?  Forget what it offered? " server))
      (mew-submit-forget-server server))))

(defun mew-submit-notice-message--browse (what)
  "Open the page of the provider of the message here that is for WHAT."
  (let ((server (plist-get (plist-get (mew-submit-notice-message--the-entry) :account)
                           :server)))
    (browse-url (or (mew-submit-refusal--page (or server "") what)
                    (user-error "The provider's web site is not known")))))

(defun mew-submit-notice-app-password ()
  "Open the provider's page for passwords of mail programs."
  (interactive nil mew-submit-notice-mode)
  (mew-submit-notice-message--browse 'app-password))

(defun mew-submit-notice-web-mail ()
  "Open the web mail of this message's provider."
  (interactive nil mew-submit-notice-mode)
  (mew-submit-notice-message--browse 'web-mail))

(defun mew-submit-notice-message--signs-in-p (account)
  "Does ACCOUNT say where it signs in for its tokens?"
  (keywordp (car-safe (plist-get account :oauth))))

(defun mew-submit-notice-sign-in ()
  "Sign in to this message's account; the mail that waits is sent after that.
One that is not sent again by itself is sent, too."
  (interactive nil mew-submit-notice-mode)
  (let* ((entry (mew-submit-notice-message--the-entry))
         (account (plist-get entry :account)))
    (unless (mew-submit-notice-message--signs-in-p account)
      (user-error "This account does not sign in: it has no :oauth that says where"))
    (mew-submit-sign-in
     account
     :callback
     (lambda (result)
       (let ((now (mew-submit-known--entry (plist-get entry :id)
                                           (plist-get entry :directory))))
         (when (and (equal (plist-get result :result) "signed-in")
                    (eq (plist-get now :state) 'refused))
           (mew-submit-notice-message--send now)))))))

(defun mew-submit-notice-password ()
  "Ask for another password of this message's account, save it, and send.
It is saved where `auth-sources' keep passwords."
  (interactive nil mew-submit-notice-mode)
  (let* ((entry (mew-submit-notice-message--the-entry))
         (account (plist-get entry :account))
         (server (plist-get account :server))
         (user (or (plist-get account :user)
                   (user-error "The account has no user name")))
         (password (read-passwd (format "Password of %s for %s: " user server))))
    (when (string-empty-p password)
      (user-error "No password was given"))
    (unwind-protect
        ;; For the port that is asked for first: what is there for any does not hide it.
        (unless (mew-submit-auth--save
                 server
                 (caar (plist-get (mew-submit-request--plan account 'never) :routes))
                 user password)
          (user-error "No source in `auth-sources' can save a password"))
      (clear-string password))
    (mew-submit-notice-message--send (mew-submit-notice-message--the-entry entry))))

(defun mew-submit-notice-setup ()
  "Find the server and port for the address that this message is from."
  (interactive nil mew-submit-notice-mode)
  (mew-submit-setup (or (plist-get (mew-submit-notice-message--the-entry) :from)
                        user-mail-address)))

(defun mew-submit-notice-later (time &optional entry)
  "Send the message of this buffer at TIME.
ENTRY is the message's, by default the one at point."
  (interactive (let ((entry (mew-submit-notice-message--the-entry)))
                 (list (mew-submit-time--read) entry))
               mew-submit-notice-mode)
  (let ((entry (mew-submit-notice-message--the-entry entry)))
    (mew-submit-error--as-user-error
      (mew-submit-queue--hold (plist-get entry :id) time
                              (plist-get entry :directory)))
    (message "It is sent on %s" (mew-submit-time--say time))))

;;; What is said of it

(defun mew-submit-notice-message--button (text command help)
  "Insert a button TEXT for COMMAND, with HELP."
  (insert-text-button text
                      'action (lambda (button)
                                (goto-char (button-start button))
                                (call-interactively command))
                      'follow-link t 'help-echo help)
  (insert "  "))

(defun mew-submit-notice-message--state-words (entry done)
  "Return what will become of ENTRY's message, which ended with DONE."
  (let ((next (plist-get entry :next)))
    (pcase (plist-get entry :state)
      ('queued (format "It waits in the outbox and is tried again by itself%s."
                       (if next (format-time-string " at %H:%M" next) "")))
      ('held (format "It is held in the outbox until %s."
                     (if next (format-time-string "%a %e %b %H:%M" next) "you say so")))
      ('uncertain
       (mew-submit-report--sentences
        "It is kept in the outbox and is not sent again by itself, since it may have \
arrived."
        (and (plist-get entry :unsent)
             (format "It did not get to %s: [Send to the rest]."
                     (mew-submit-report--people (plist-get entry :unsent))))))
      ('refused (concat "It is kept in the outbox and is not sent again by itself"
                        ;; The advice has said "wait".
                        (if (eq (plist-get (mew-submit-refusal--advice done) :again) 'later)
                            ": do that then (r, or l at a time)."
                          ".")))
      (_ "It is delivered to the others."))))

(defun mew-submit-notice-message--field (name value)
  "Insert a line that NAME is VALUE, made safe to show, unless that is nil."
  (when value
    (insert (propertize (format "%-9s " (concat name ":")) 'face 'bold)
            (mew-submit-error--clean value) "\n")))

(defun mew-submit-notice-message--offline-p (entry done)
  "Is it that this machine is on no network that ENTRY's attempt ended with DONE?"
  (and (null (plist-get (plist-get entry :account) :tunnel))
       (or (member (plist-get done :kind) '("host" "resolver"))
           (and (equal (plist-get done :kind) "connect")
                (plist-get done :attempts)
                (seq-every-p (lambda (attempt)
                               (equal (plist-get attempt :case) "local"))
                             (plist-get done :attempts))))
       (mew-submit-network--none-p)))

(defun mew-submit-notice-message--reason (entry done)
  "Return in a clause why ENTRY's attempt ended with DONE."
  (mew-submit-report--reason done
                             (plist-get (plist-get entry :account) :server)
                             (mew-submit-notice-message--offline-p entry done)))

(defconst mew-submit-notice-message--port-kinds
  '("connect" "no-login" "tls" "timeout" "lost" "protocol" "insecure")
  "The kinds of ends that another port may help against.")

(defun mew-submit-notice-message--network (entry done)
  "Return in a sentence what is known of the network ENTRY waits on after DONE.
That is nil where it is not known, or not to the point."
  (let ((clause (and (member (plist-get done :kind)
                             (cons "host" mew-submit-notice-message--port-kinds))
                     (null (plist-get (plist-get entry :account) :tunnel))
                     (mew-submit-network-verdict--clause))))
    (and clause (format "As was found out before, %s." clause))))

(defun mew-submit-notice-message--heading (text)
  "Insert TEXT as a heading."
  (insert "\n" (propertize text 'face 'bold) "\n"))

(defun mew-submit-notice-message--insert (entry done)
  "Insert what happened to ENTRY's message; DONE is its `done' event."
  (insert (propertize (mew-submit-report--headline
                       done (mew-submit-notice-message--reason entry done))
                      'face (if (equal (plist-get done :result) "deferred")
                                'mew-submit-waiting
                              'mew-submit-failed))
          "\n")
  ;; What to do comes first: the window may be of ten lines.
  (insert (mew-submit-report--advice
           done (mew-submit-notice-message--offline-p entry done))
          "  " (mew-submit-notice-message--state-words entry done) "\n")
  (dolist (line (list (mew-submit-notice-message--network entry done)
                      (mew-submit-offer--text (plist-get entry :account) done)))
    (when line
      (insert line "\n")))
  (mew-submit-notice-message--buttons entry done)
  (insert "\n")
  (mew-submit-notice-message--field "To" (mew-submit-report--people
                                          (or (plist-get entry :recipients)
                                              (mapcar #'car
                                                      (plist-get entry :refused)))))
  (mew-submit-notice-message--field "Subject" (plist-get entry :subject))
  (mew-submit-notice-message--field "Server" (plist-get (plist-get entry :account)
                                                        :server))
  (mew-submit-notice-message--field "Time" (format-time-string
                                            "%a %e %b %H:%M"
                                            (caar (plist-get entry :history))))
  (mew-submit-notice-message--heading "What happened")
  (insert "  " (mew-submit-report--what done) "\n")
  ;; What a server says has nothing to do with how it was reached.
  (when (and (plist-get done :attempts)
             (member (plist-get done :kind) mew-submit-notice-message--port-kinds))
    (mew-submit-notice-message--heading "What was tried")
    (dolist (attempt (plist-get done :attempts))
      (insert "  - " (mew-submit-report--attempt attempt) "\n"))))

(defconst mew-submit-notice-message--cause-buttons
  '((app-password "[Provider's page]" mew-submit-notice-app-password
                  "open the page where the provider makes passwords for mail programs")
    (sign-in "[Sign in]" mew-submit-notice-sign-in
             "s: sign in to the account, in a browser; the mail goes out then")
    (web-mail "[Web mail]" mew-submit-notice-web-mail
              "open the provider's web mail")
    (password "[Other password...]" mew-submit-notice-password
              "P: enter another password, and send it")
    (port "[Other port]" mew-submit-notice-other-port
          "p: send it through another port")
    (setup "[Set up again...]" mew-submit-notice-setup
           "S: find the server and port for this address anew")
    (later "[Send later...]" mew-submit-notice-later
           "l: send it at a time that you choose"))
  "The buttons that fit causes: (NAME TEXT COMMAND HELP).")

(defun mew-submit-notice-message--cause-button-p (name entry)
  "Is the button NAME, of a cause, of use for ENTRY?"
  (let ((account (plist-get entry :account)))
    (pcase name
      ((or 'app-password 'web-mail)
       (mew-submit-refusal--page (or (plist-get account :server) "") name))
      ('password (plist-get account :user))
      ('sign-in (mew-submit-notice-message--signs-in-p account))
      ;; What waits has its time.
      ('later (eq (plist-get entry :state) 'refused))
      (_ t))))

(defun mew-submit-notice-message--for-cause (entry done)
  "Return the buttons that fit the cause of DONE, which has ended ENTRY's attempt."
  (mapcar (lambda (name)
            (cdr (assq name mew-submit-notice-message--cause-buttons)))
          (seq-filter (lambda (name)
                        (mew-submit-notice-message--cause-button-p name entry))
                      (pcase (plist-get done :kind)
                        ("insecure" nil)
                        ("secret" '(sign-in))
                        ((guard (equal (plist-get done :about) "no-password")) '(password))
                        (_ (plist-get (mew-submit-refusal--advice done) :buttons))))))

(defun mew-submit-notice-message--fitting (entry done)
  "Return the buttons that fit DONE of ENTRY, besides those that always do."
  (let ((problem (mew-submit-report--problem done)))
    (append
     (mew-submit-notice-message--for-cause entry done)
     (and (member problem '("self-signed" "issuer"))
          '(("[Pin...]" mew-submit-notice-pin
             "c: look at the certificate, and have it accepted")))
     (and (plist-get done :alarm)
          '(("[Forget what it offered]" mew-submit-notice-forget
             "f: when the server's administrator says that it has changed")))
     (and (member (plist-get done :kind) mew-submit-notice-message--port-kinds)
          (null problem)
          '(("[Other port]" mew-submit-notice-other-port
             "p: send it through another port"))))))

(defun mew-submit-notice-message--buttons (entry done)
  "Insert the buttons for ENTRY, which ended with DONE."
  (let ((buttons
         (append
          (cond ((null (plist-get entry :state)) nil)
                ((eq (plist-get entry :state) 'uncertain)
                 `(,@(and (plist-get entry :unsent)
                          '(("[Send to the rest]" mew-submit-notice-send-rest
                             "to those alone who surely did not get it")))
                   ("[Send again]" mew-submit-notice-retry
                    "r: after a yes, since it may have arrived")
                   ("[Do not send]" mew-submit-notice-leave
                    "leave it as it is, and ask no more")))
                (t '(("[Retry]" mew-submit-notice-retry "r: send it now"))))
          (and (plist-get entry :state)
               (cons '("[Edit]" mew-submit-notice-edit "e: edit it again")
                     (mew-submit-notice-message--fitting entry done)))
          '(("[Diagnose]" mew-submit-notice-diagnose
             "d: what the network and the server really do")
            ("[Outbox]" mew-submit-outbox "o: all that is not delivered")))))
    (dolist (button buttons)
      (apply #'mew-submit-notice-message--button button))
    (insert "\n")))

;;; The buffer

(defvar mew-submit-notice-message--frame nil
  "The frame where questions were shown, unless the user has quit that window.")

(defun mew-submit-notice-message--quit ()
  "Remember that the user has seen the questions."
  (setq mew-submit-notice-message--frame nil))

(defconst mew-submit-notice-message--keys
  '(("r" "Send it again" mew-submit-notice-retry)
    ("e" "Edit it" mew-submit-notice-edit)
    ("p" "Send it through another port..." mew-submit-notice-other-port)
    ("c" "Pin its server's certificate..." mew-submit-notice-pin)
    ("f" "Forget what it offered..." mew-submit-notice-forget)
    ("l" "Send it later..." mew-submit-notice-later)
    ("P" "Enter another password..." mew-submit-notice-password)
    ("s" "Sign in" mew-submit-notice-sign-in)
    ("S" "Set the account up again..." mew-submit-notice-setup)
    ("d" "Diagnose the server" mew-submit-notice-diagnose)
    ("o" "Outbox" mew-submit-outbox) ("?" nil mew-submit-notice-help))
  "What can be done with a message that did not get through, a table of keys.")

(defvar mew-submit-notice-mode-map
  (mew-submit-view--map mew-submit-notice-message--keys mew-submit-view-mode-map)
  "Keymap of the buffer about a message that did not get through.")

(defconst mew-submit-notice-message--menu
  `("Mail" ,@(mew-submit-view--menu mew-submit-notice-message--keys)
    ["Next button" forward-button] ["Close" quit-window])
  "The menu of what can be done with a message that did not get through.")

(easy-menu-define nil mew-submit-notice-mode-map
  "What can be done with a message that did not get through."
  mew-submit-notice-message--menu)

(defun mew-submit-notice-help ()
  "Show the keys of this buffer."
  (interactive nil mew-submit-notice-mode)
  (mew-submit-menu--help mew-submit-notice-message--menu mew-submit-notice-mode-map))

(define-derived-mode mew-submit-notice-mode mew-submit-view-mode "Mew-Submit"
  "Major mode for the buffer about a message that did not get through."
  :interactive nil
  (add-hook 'quit-window-hook #'mew-submit-notice-message--quit nil t)
  (visual-line-mode 1))

(defun mew-submit-notice-message--same-p (one other)
  "Are ONE and OTHER, entries or nil, of the same message?"
  (and one other
       (equal (plist-get one :stem) (plist-get other :stem))))

(defun mew-submit-notice-message--over-p (old entry read)
  "Is what is said of OLD over, now that something is to be said of ENTRY?
That is so when they are the same message, and when OLD does not need the user
any more; but READ, which they are at, may wait."
  (let ((now (mew-submit-known--entry (plist-get old :id)
                                      (plist-get old :directory))))
    (or (mew-submit-notice-message--same-p old entry)
        (null now)
        (not (or (mew-submit-known--needs-user-p now)
                 (and (eq old read)
                      (memq (plist-get now :state) '(queued held))))))))

(defun mew-submit-notice-message--read ()
  "Return the entry that the user, if they are in the current buffer, is at."
  (and (eq (window-buffer) (current-buffer))
       (get-text-property (point) 'mew-submit-entry)))

(defun mew-submit-notice-message--forget (entry)
  "Delete from the buffer what is over when something is said of ENTRY, or nil."
  (let ((read (mew-submit-notice-message--read)))
    (goto-char (point-min))
    (while (not (eobp))
      (let ((old (get-text-property (point) 'mew-submit-entry))
            (question (get-text-property (point) 'mew-submit-question))
            (end (next-single-property-change (point) 'mew-submit-entry
                                              nil (point-max))))
        (cond (question (goto-char (next-single-property-change
                                    (point) 'mew-submit-question
                                    nil (point-max))))
              ((or (null old) (mew-submit-notice-message--over-p old entry read))
               (delete-region (point) end))
              (t (goto-char end)))))))

(defun mew-submit-notice-message--tidy ()
  "Have the buffer, if there is one, no longer say what is over."
  (when-let* ((buffer (get-buffer "*mew-submit*")))
    (with-current-buffer buffer
      (save-excursion
        (mew-submit-view--change
          (mew-submit-notice-message--forget nil))))))

(defun mew-submit-notice-message--section (entry done)
  "Insert at point what happened to ENTRY's message, with DONE."
  (let ((start (point)))
    (mew-submit-notice-message--insert entry done)
    (insert "\n")
    (put-text-property start (point) 'mew-submit-entry entry)))

(defun mew-submit-notice-message--renew (old entry)
  "Have what is said of OLD, a message in doubt, be about ENTRY, as it is now."
  (let ((start (text-property-any (point-min) (point-max) 'mew-submit-entry old)))
    (mew-submit-view--change
      (goto-char start)
      (delete-region start (next-single-property-change start 'mew-submit-entry
                                                        nil (point-max)))
      (mew-submit-notice-message--section entry (mew-submit-notice--doubt entry)))
    (goto-char start)))

(defun mew-submit-notice-message--buffer ()
  "Return the buffer *mew-submit*, made if need be."
  (mew-submit-view--buffer "*mew-submit*" #'mew-submit-notice-mode))

(provide 'mew-submit-notice-message)
;;; mew-submit-notice-message.el ends here
