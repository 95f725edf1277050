;;; mew-submit-notice.el --- What the user sees of mail being sent -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the mode line, the echo area and the buffer *mew-submit*, which
;; says what happened to a message that did not get through, why, and what to do.
;;
;; A message that waits for the network is told of once, in the echo area and the mode
;; line; what will not be tried again by itself cannot be missed.  Nothing here takes a
;; key that was meant for something else: the buffer is shown, never selected, and while
;; somebody is in the minibuffer not even that.

;;; Code:

(require 'button)
(require 'easymenu)
(require 'mew-submit-auth)
(require 'mew-submit-background)
(require 'mew-submit-dialog)
(require 'mew-submit-error)
(require 'mew-submit-menu)
(require 'mew-submit-network)
(require 'mew-submit-network-verdict)
(require 'mew-submit-offer)
(require 'mew-submit-spool)
(require 'mew-submit-question)
(require 'mew-submit-queue)
(require 'mew-submit-refusal)
(require 'mew-submit-request)
(require 'mew-submit-report)
(require 'mew-submit-time)
(require 'seq)
(require 'xml)

(declare-function dbus-call-method-asynchronously "dbus"
                  (bus service path interface method handler &rest args))
(defvar notifications-interface)
(defvar notifications-notify-method)
(defvar notifications-path)
(defvar notifications-service)
(declare-function mew-submit-outbox "mew-submit-outbox" ())
(declare-function mew-submit-edit "mew-submit-outbox" (id &optional directory))
(declare-function mew-submit-diagnose "mew-submit-diagnose"
                  (server &optional relay-test log-in))
(declare-function mew-submit-forget-server "mew-submit" (server))
(declare-function mew-submit-setup "mew-submit-setup" (address))
(declare-function mew-submit-sign-in "mew-submit-sign-in" (account &rest keys))
(declare-function mew-submit-pin-certificate "mew-submit-pin" (name))

(defcustom mew-submit-mode-line t
  "Whether the mode line says how much mail waits and is being sent.
The default is t.  It says nothing when there is none."
  :type 'boolean
  :group 'mew-submit-display
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-warn-after 14400
  "Seconds after which mail that still waits is shown in a window.
The default is 14400, four hours.  Until then the echo area and the mode line
tell of it."
  :type 'number
  :group 'mew-submit-display
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-ask-when-mail-waits t
  "Whether Emacs asks before it ends while mail waits in the outbox.
The default is t.  Mail that is held, or needs you, does not count; while mail
is being sent Emacs always asks."
  :type 'boolean
  :group 'mew-submit-display
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-notify t
  "Whether the desktop tells of mail that needs you while you are elsewhere.
The default is t: where there is D-Bus, a mail that was not delivered and a
question are told in a notification when no frame of Emacs has the focus."
  :type 'boolean
  :group 'mew-submit-display
  :package-version '(mew-submit . "0.1.0"))

(defface mew-submit-waiting '((t :inherit warning))
  "Face for mail that waits, in the outbox."
  :group 'mew-submit-display)

(defface mew-submit-failed '((t :inherit error))
  "Face for mail that needs the user, in the outbox."
  :group 'mew-submit-display)

(defface mew-submit-sending '((t :inherit success))
  "Face for mail that is being sent, in the outbox."
  :group 'mew-submit-display)

;; The mode line has a background of its own in each theme, light grey or dark or the
;; terminal's: a badge that brings both its colours can be read on all of them.

(defface mew-submit-mode-line-waiting
  '((((class color) (min-colors 88)) :foreground "black" :background "#ffd75f")
    (((class color)) :foreground "black" :background "cyan")
    (t :inverse-video t :weight bold))
  "Face for mail that waits, in the mode line."
  :group 'mew-submit-display)

(defface mew-submit-mode-line-failed
  '((((class color) (min-colors 88)) :foreground "white" :background "#a00000")
    (((class color)) :foreground "white" :background "red" :weight bold)
    (t :inverse-video t :weight bold))
  "Face for mail and questions that need the user, in the mode line."
  :group 'mew-submit-display)

(defface mew-submit-mode-line-sending
  '((((class color) (min-colors 88)) :foreground "white" :background "#006400")
    (((class color)) :foreground "black" :background "green")
    (t :inverse-video t :weight bold))
  "Face for mail that is being sent, in the mode line."
  :group 'mew-submit-display)

(defun mew-submit-mode-line--face (state)
  "Return the face for STATE, a symbol."
  (pcase state
    ('sending 'mew-submit-sending)
    ((or 'uncertain 'refused 'broken) 'mew-submit-failed)
    ((or 'queued 'held) 'mew-submit-waiting)
    (_ 'default)))

;;; The mode line

(defvar mew-submit-mode-line--string nil
  "What the mode line says, or nil.")
(put 'mew-submit-mode-line--string 'risky-local-variable t)

(defun mew-submit-mode-line--percent ()
  "Return how much of what is being sent is acknowledged, or nil."
  (let ((sent 0) (total 0))
    (dolist (entry (mew-submit-known--running))
      (when-let* ((progress (mew-submit-known--progress entry)))
        (setq sent (+ sent (car progress))
              total (+ total (max (cdr progress)
                                  (or (plist-get entry :bytes) 0))))))
    (and (> total 0) (min 100 (/ (* 100 sent) total)))))

(defun mew-submit-mode-line--word (text face help &optional command)
  "Return TEXT for the mode line in FACE, after a space, with HELP.
A click runs COMMAND, by default `mew-submit-outbox'."
  (let ((map (make-sparse-keymap)))
    (define-key map [mode-line mouse-1] (or command #'mew-submit-outbox))
    (concat " "
            (propertize text 'face face 'help-echo
                        (concat help "\nmouse-1: "
                                (if command "answer" "show the outbox"))
                        'mouse-face 'mode-line-highlight
                        'local-map map))))

(defun mew-submit-mode-line--needs-user-p (entry)
  "Is ENTRY's message one that the user has to do something about?
Not one of which they have said that it is not to be sent again."
  (and (memq (plist-get entry :state) '(uncertain refused broken))
       (not (plist-get entry :left))))

(defun mew-submit-mode-line--words ()
  "Return what the mode line is to say, or nil."
  (let* ((entries (mew-submit-known--entries))
         (count (lambda (&rest states)
                  (seq-count (lambda (entry)
                               (memq (plist-get entry :state) states))
                             entries)))
         (sending (length (mew-submit-known--running)))
         (waiting (funcall count 'queued 'held))
         (failed (seq-count #'mew-submit-mode-line--needs-user-p entries))
         (questions (length mew-submit-question--list))
         (name "Mail")
         (word (lambda (format number)
                 ;; The words have little room.
                 (prog1 (format "%s%s" name (format format number))
                   (setq name ""))))
         (percent (and (> sending 0) (mew-submit-mode-line--percent))))
    (string-join
     (delq nil
           (list
            ;; What needs the user comes first: a narrow window cuts off the rest.
            (and (> questions 0)
                 (mew-submit-mode-line--word
                  (funcall word "?%d" questions) 'mew-submit-mode-line-failed
                  (mew-submit-question-text (car mew-submit-question--list))
                  #'mew-submit-answer))
            (and (> failed 0)
                 (mew-submit-mode-line--word
                  (funcall word "!%d" failed) 'mew-submit-mode-line-failed
                  (format "%d need you" failed)))
            (and (> waiting 0)
                 (mew-submit-mode-line--word (funcall word ":%d" waiting)
                                          'mew-submit-mode-line-waiting
                                          (format "%d waiting" waiting)))
            (and (> sending 0)
                 (mew-submit-mode-line--word
                  (concat (funcall word ">%d" sending)
                          (and percent (format " (%d%%%%)" percent)))
                  'mew-submit-mode-line-sending
                  (format "%d being sent" sending))))))))

(defvar mew-submit-mode-line--timer nil
  "The timer that will bring the mode line up to date, or nil.")

(defun mew-submit-mode-line--update ()
  "Bring the mode line up to date."
  (setq mew-submit-mode-line--timer nil)
  (let ((words (and mew-submit-mode-line (mew-submit-mode-line--words))))
    (unless (equal-including-properties words mew-submit-mode-line--string)
      (setq mew-submit-mode-line--string words)
      (unless (member '(:eval mew-submit-mode-line--string) global-mode-string)
        (setq global-mode-string
              (append (or global-mode-string '(""))
                      '((:eval mew-submit-mode-line--string)))))
      (force-mode-line-update t))))

;;;###mew-submit
(defun mew-submit-mode-line--update-soon (&rest _)
  "Bring the mode line up to date soon, at most five times a second."
  (unless (or noninteractive mew-submit-mode-line--timer)
    (setq mew-submit-mode-line--timer
          (run-at-time 0.2 nil #'mew-submit-mode-line--update))))

;;; The buffer

(defun mew-submit-notice-message--here ()
  "Return the entry that the text at point is about, else the first, or nil."
  (let ((at-point (get-text-property (point) 'mew-submit-entry))
        (first (text-property-not-all (point-min) (point-max)
                                      'mew-submit-entry nil)))
    (or at-point
        (and first (get-text-property first 'mew-submit-entry)))))

(defvar mew-submit-notice-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map (make-composed-keymap button-buffer-map
                                                 special-mode-map))
    (define-key map "r" #'mew-submit-notice-retry)
    (define-key map "e" #'mew-submit-notice-edit)
    (define-key map "p" #'mew-submit-notice-other-port)
    (define-key map "c" #'mew-submit-notice-pin)
    (define-key map "f" #'mew-submit-notice-forget)
    (define-key map "l" #'mew-submit-notice-later)
    (define-key map "P" #'mew-submit-notice-password)
    (define-key map "s" #'mew-submit-notice-sign-in)
    (define-key map "S" #'mew-submit-notice-setup)
    (define-key map "d" #'mew-submit-notice-diagnose)
    (define-key map "o" #'mew-submit-outbox)
    (define-key map "?" #'mew-submit-notice-help)
    map)
  "Keymap of the buffer about a message that did not get through.")

(defconst mew-submit-notice-message--menu
  '("Mail"
    ["Send it again" mew-submit-notice-retry]
    ["Edit it" mew-submit-notice-edit]
    ["Send it through another port..." mew-submit-notice-other-port]
    ["Pin its server's certificate..." mew-submit-notice-pin]
    ["Forget what it offered..." mew-submit-notice-forget]
    ["Send it later..." mew-submit-notice-later]
    ["Enter another password..." mew-submit-notice-password]
    ["Sign in" mew-submit-notice-sign-in]
    ["Set the account up again..." mew-submit-notice-setup]
    ["Diagnose the server" mew-submit-notice-diagnose]
    ["Outbox" mew-submit-outbox]
    ["Next button" forward-button]
    ["Close" quit-window])
  "What can be done with a message that did not get through.")

(easy-menu-define nil mew-submit-notice-mode-map
  "What can be done with a message that did not get through."
  mew-submit-notice-message--menu)

(defun mew-submit-notice-help ()
  "Show the keys of this buffer."
  (interactive)
  (mew-submit-menu--help mew-submit-notice-message--menu mew-submit-notice-mode-map))

(define-derived-mode mew-submit-notice-mode special-mode "Mew-Submit"
  "Major mode for the buffer about a message that did not get through."
  (setq-local truncate-lines nil)
  (add-hook 'quit-window-hook #'mew-submit-notice-message--quit nil t)
  (visual-line-mode 1))

(defvar mew-submit-notice-message--told (make-hash-table :test #'equal)
  "What was told of messages, by file: ((KIND . REASON) . SHOWN).
SHOWN is non-nil when it was shown in a window.")

(defun mew-submit-notice-message--the-entry (&optional old)
  "Return the entry at point as it is now, or signal `user-error'.
With OLD, an entry, it is that message's: what asks for something first has to
stay with the message it was called for, for others come to point meanwhile."
  (let* ((old (or old
                  (mew-submit-notice-message--here)
                  (user-error "No message here")))
         (directory (plist-get old :directory)))
    (mew-submit-known--refresh directory)
    (or (mew-submit-known--entry (plist-get old :id) directory)
        (user-error "That message is not in the outbox any more"))))

(defun mew-submit-notice-message--may-send-p (entry)
  "May ENTRY's message be sent now?  If it may have arrived already, ask."
  (or (not (eq (plist-get entry :state) 'uncertain))
      (mew-submit-dialog--send-twice-p entry)))

(defun mew-submit-notice-message--send (entry)
  "Send ENTRY's message now; ask first if it may have arrived already."
  (when (mew-submit-notice-message--may-send-p entry)
    (remhash (mew-submit-spool--message-file entry) mew-submit-notice-message--told)
    (mew-submit-error--as-user-error
      (mew-submit-queue--send (plist-get entry :id)
                              (plist-get entry :directory)))
    (message "Sending the mail to %s again"
             (mew-submit-report--people (plist-get entry :recipients)))))

(defun mew-submit-notice-retry ()
  "Send the message of this buffer now."
  (interactive)
  (mew-submit-notice-message--send (mew-submit-notice-message--the-entry)))

(defun mew-submit-notice-leave ()
  "Have the message of this buffer, which may have arrived, left as it is for good.
It stays in the outbox, and nothing asks about it any more."
  (interactive)
  (let ((entry (mew-submit-notice-message--the-entry)))
    (mew-submit-queue--let-be (plist-get entry :id) (plist-get entry :directory))
    (mew-submit-notice-message--tidy)
    (message "The mail to %s is not sent again; it stays in the outbox"
             (mew-submit-report--people (plist-get entry :recipients)))))

(defun mew-submit-notice-edit ()
  "Take the message of this buffer out of the outbox and edit it again."
  (interactive)
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
     (list (or (cdr (assoc choice mew-submit-notice-message--ports)) choice)
           entry)))
  (let ((entry (mew-submit-notice-message--the-entry entry)))
    (when (mew-submit-notice-message--may-send-p entry)
      (remhash (mew-submit-spool--message-file entry) mew-submit-notice-message--told)
      (mew-submit-error--as-user-error
        (mew-submit-queue--send-by (plist-get entry :id) routes
                                   (plist-get entry :directory)))
      (message "Sending through %s" routes))))

(defun mew-submit-notice-diagnose ()
  "Find out what the network and the server of this message really do."
  (interactive)
  (mew-submit-diagnose (mew-submit-queue--next-account (mew-submit-notice-message--here))))

(defun mew-submit-notice-pin ()
  "Look at the certificate of this message's server, and have it accepted.
That is asked for, with its fingerprint."
  (interactive)
  (let ((account (plist-get (mew-submit-notice-message--the-entry) :account)))
    (mew-submit-pin-certificate (or (plist-get account :name)
                                    (plist-get account :server)))))

(defun mew-submit-notice-forget ()
  "Forget what this message's server has offered before, after a yes."
  (interactive)
  (let ((server (plist-get (plist-get (mew-submit-notice-message--the-entry) :account)
                           :server)))
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
  (interactive)
  (mew-submit-notice-message--browse 'app-password))

(defun mew-submit-notice-web-mail ()
  "Open the web mail of this message's provider."
  (interactive)
  (mew-submit-notice-message--browse 'web-mail))

(defun mew-submit-notice-message--signs-in-p (account)
  "Does ACCOUNT say where it signs in for its tokens?"
  (keywordp (car-safe (plist-get account :oauth))))

(defun mew-submit-notice-sign-in ()
  "Sign in to this message's account; the mail that waits is sent after that.
One that is not sent again by itself is sent, too."
  (interactive)
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
  (interactive)
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
  (interactive)
  (mew-submit-setup (or (plist-get (mew-submit-notice-message--the-entry) :from)
                        user-mail-address)))

(defun mew-submit-notice-later (time &optional entry)
  "Send the message of this buffer at TIME.
ENTRY is the message's, by default the one at point."
  (interactive (let ((entry (mew-submit-notice-message--the-entry)))
                 (list (mew-submit-time--read) entry)))
  (let ((entry (mew-submit-notice-message--the-entry entry)))
    (mew-submit-error--as-user-error
      (mew-submit-queue--hold (plist-get entry :id) time
                              (plist-get entry :directory)))
    (message "It is sent on %s" (mew-submit-time--say time))))

(defun mew-submit-notice--button (text command help)
  "Insert a button TEXT for COMMAND, with HELP."
  (insert-text-button text
                      'action (lambda (button)
                                (goto-char (button-start button))
                                (call-interactively command))
                      'follow-link t 'help-echo help)
  (insert "  "))

(defun mew-submit-notice-message--state-words (entry)
  "Return what will become of ENTRY's message."
  (let ((next (plist-get entry :next)))
    (pcase (plist-get entry :state)
      ('queued (format "It waits in the outbox and is tried again by itself%s."
                       (if next (format-time-string " at %H:%M" next) "")))
      ('held (format "It is held in the outbox until %s."
                     (if next (format-time-string "%a %e %b %H:%M" next) "you say so")))
      ('uncertain "It is kept in the outbox and is not sent again by itself, \
since it may have arrived.")
      ('refused "It is kept in the outbox and is not sent again by itself.")
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
       (seq-every-p (lambda (network) (not (plist-get network :up)))
                    (mew-submit-network--list))))

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
          "  " (mew-submit-notice-message--state-words entry) "\n")
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
                 '(("[Send again]" mew-submit-notice-retry
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
      (apply #'mew-submit-notice--button button))
    (insert "\n")))

(defun mew-submit-notice-message--same-p (one other)
  "Are ONE and OTHER, entries or nil, of the same message?"
  (and one other
       (equal (mew-submit-spool--message-file one)
              (mew-submit-spool--message-file other))))

(defun mew-submit-notice-message--over-p (old entry read)
  "Is what is said of OLD over, now that something is to be said of ENTRY?
That is so when they are the same message, and when OLD does not need the user
any more; but READ, which they are at, may wait."
  (let ((now (mew-submit-known--entry (plist-get old :id)
                                      (plist-get old :directory))))
    (or (mew-submit-notice-message--same-p old entry)
        (null now)
        (not (or (mew-submit-mode-line--needs-user-p now)
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
        (let ((inhibit-read-only t))
          (mew-submit-notice-message--forget nil))
        (set-buffer-modified-p nil)))))

(defun mew-submit-notice-message--section (entry done)
  "Insert at point what happened to ENTRY's message, with DONE."
  (let ((start (point)))
    (mew-submit-notice-message--insert entry done)
    (insert "\n")
    (put-text-property start (point) 'mew-submit-entry entry)))

(defun mew-submit-notice-message--buffer ()
  "Return the buffer *mew-submit*, made if need be."
  (with-current-buffer (get-buffer-create "*mew-submit*")
    (unless (derived-mode-p 'mew-submit-notice-mode)
      (mew-submit-notice-mode))
    (current-buffer)))

(defun mew-submit-notice--fill (entry done)
  "Make *mew-submit* say what happened to ENTRY's message, with DONE; return it.
What it says of other messages that need the user stays: below, when this one
does too, and else above.  Questions stay at the top.  Who is in the buffer
stays at the message they see: their next key is for that."
  (with-current-buffer (mew-submit-notice-message--buffer)
    (let* ((inhibit-read-only t)
           (reader (and (eq (window-buffer) (current-buffer))
                        ;; At nothing, they are at the end of what is over.
                        (or (mew-submit-notice-message--read)
                            (get-text-property (point) 'mew-submit-question))))
           (again (mew-submit-notice-message--same-p (mew-submit-notice-message--read) entry))
           (there (copy-marker (point) t)))
      (mew-submit-notice-message--forget entry)
      (goto-char (if (mew-submit-notice--loud-p entry done)
                     (mew-submit-notice--questions-end)
                   (point-max)))
      (mew-submit-notice-message--section entry done)
      (goto-char (cond ((not reader) (point-min))
                       (again (mew-submit-notice--start entry))
                       (t there)))
      (set-marker there nil))
    (set-buffer-modified-p nil)
    (dolist (window (get-buffer-window-list nil nil t))
      (unless (eq window (selected-window))
        (set-window-point window (point-min))))
    (current-buffer)))

(defun mew-submit-notice--start (entry)
  "Return where the current buffer begins to tell of ENTRY."
  (text-property-any (point-min) (point-max) 'mew-submit-entry entry))

(defun mew-submit-notice--show (entry done)
  "Go to the section of ENTRY's message, with DONE."
  (pop-to-buffer (mew-submit-notice--fill entry done))
  (goto-char (mew-submit-notice--start entry))
  (set-window-start nil (point)))

;;; Showing it, without taking a key

(defvar mew-submit-notice--unseen nil
  "Non-nil when *mew-submit* is to be shown as soon as somebody can see it.")

(defvar mew-submit-notice-message--frame nil
  "The frame where questions were shown, unless the user has quit that window.")

(defun mew-submit-notice--busy-p ()
  "Is there nobody to show a window to, or are they in the minibuffer?"
  (or (mew-submit-background--nobody-p)
      (active-minibuffer-window)))

(defun mew-submit-notice--display ()
  "Show *mew-submit* in a window that is not selected, as soon as possible."
  (setq mew-submit-notice--unseen t)
  (add-hook 'server-after-make-frame-hook #'mew-submit-notice--display-again)
  (add-hook 'minibuffer-exit-hook #'mew-submit-notice--display-soon)
  (unless (mew-submit-notice--busy-p)
    (mew-submit-notice--display-now)))

(defun mew-submit-notice--display-soon ()
  "Show *mew-submit* when the minibuffer that is being left is gone."
  (run-at-time 0 nil #'mew-submit-notice--display-now))

(defun mew-submit-notice--display-now ()
  "Show *mew-submit* if it waits for that and somebody is there."
  (when (and mew-submit-notice--unseen (not (mew-submit-notice--busy-p)))
    (setq mew-submit-notice--unseen nil
          mew-submit-notice-message--frame (selected-frame))
    (remove-hook 'minibuffer-exit-hook #'mew-submit-notice--display-soon)
    (when-let* ((buffer (get-buffer "*mew-submit*"))
                ;; Who is in it sees it; a second window of it would take another's.
                ((not (eq buffer (window-buffer)))))
      (display-buffer buffer '((display-buffer-reuse-window
                                display-buffer-pop-up-window
                                display-buffer-use-some-window)
                               (inhibit-same-window . t)
                               (inhibit-switch-frame . t))))))

(defun mew-submit-notice--display-again ()
  "Show *mew-submit* on a new frame, if nobody has seen it, or its frame is gone.
The latter is for questions: they wait still."
  (when (and mew-submit-question--list
             mew-submit-notice-message--frame
             (not (frame-live-p mew-submit-notice-message--frame)))
    (setq mew-submit-notice--unseen t))
  (mew-submit-notice--display-now))

(defun mew-submit-notice-message--quit ()
  "Remember that the user has seen the questions."
  (setq mew-submit-notice-message--frame nil))

;;; Outside of Emacs

(defun mew-submit-notice--elsewhere-p ()
  "Does no frame have the focus, as far as that can be told?
A terminal that does not tell may have it."
  (or (mew-submit-background--nobody-p)
      (not (seq-some #'frame-focus-state
                     (if (daemonp)
                         (seq-remove (lambda (frame)
                                       (equal (terminal-name frame)
                                              "initial_terminal"))
                                     (frame-list))
                       (frame-list))))))

(defun mew-submit-notice--notify (text)
  "Have the desktop show TEXT, a line, if the user is elsewhere.
It is not waited for: a desktop that does not answer would hold Emacs."
  (when (and mew-submit-notify
             (not noninteractive)
             (featurep 'dbusbind)
             (getenv "DBUS_SESSION_BUS_ADDRESS")
             (mew-submit-notice--elsewhere-p))
    (condition-case nil
        (progn
          (require 'notifications)
          (dbus-call-method-asynchronously
           :session notifications-service notifications-path
           notifications-interface notifications-notify-method nil
           :string "Emacs" :uint32 0 :string "emacs" :string "Mail"
           ;; It may be shown as HTML.
           :string (xml-escape-string (mew-submit-error--clean text))
           '(:array) '(:array :signature "{sv}") :int32 -1))
      ;; There is none; the mode line tells of it, too.
      (error nil))))

;;; Questions

(defun mew-submit-notice--questions-end ()
  "Return where the questions in the buffer end."
  (or (text-property-not-all (point-min) (point-max) 'mew-submit-question t)
      (point-max)))

(defun mew-submit-notice--choice-button (question choice)
  "Insert a button for CHOICE of QUESTION."
  (insert-text-button (format "[%s]" (car choice))
                      'action (lambda (_)
                                (mew-submit-question--answer question choice)
                                (mew-submit-notice--answered question choice))
                      'follow-link t
                      'help-echo "Give this answer")
  (insert "  "))

(defun mew-submit-notice--insert-question (question)
  "Insert QUESTION and a button for each answer."
  (insert (propertize (mew-submit-error--clean (mew-submit-question-text question))
                      'face 'bold)
          "\n  ")
  (dolist (choice (mew-submit-question-choices question))
    (mew-submit-notice--choice-button question choice))
  (when-let* ((details (mew-submit-question-details question)))
    (insert-text-button "[Details]" 'follow-link t
                        'help-echo "What was tried, and what each answer means"
                        'action (lambda (_)
                                  (mew-submit-question--show (funcall details)))))
  (insert "\n\n"))

(defun mew-submit-notice--fill-questions ()
  "Have the questions that wait at the top of the buffer, and no others.
Who is in the buffer stays at the message they are at."
  (with-current-buffer (mew-submit-notice-message--buffer)
    (let ((inhibit-read-only t)
          (there (copy-marker (point) (and (mew-submit-notice-message--read) t))))
      (delete-region (point-min) (mew-submit-notice--questions-end))
      (goto-char (point-min))
      (mapc #'mew-submit-notice--insert-question mew-submit-question--list)
      (put-text-property (point-min) (point) 'mew-submit-question t)
      (goto-char there)
      (set-marker there nil))
    (set-buffer-modified-p nil)
    (dolist (window (get-buffer-window-list nil nil t))
      (set-window-start window (point-min) t)
      (unless (eq window (selected-window))
        (set-window-point window (point-min))))))

(defvar mew-submit-notice--posed nil
  "The keys of the questions that have been shown and not answered since.
One is shown by itself once.")

(defun mew-submit-notice--answered (question choice)
  "Have QUESTION, which the user has given CHOICE to, be shown if it comes again.
One that was put off is not.  If that was all, the user goes back to where they
were; not when the last one goes by itself, for a key may be under way."
  (unless (or (memq question mew-submit-question--list)
              (equal (car choice) "Not now"))
    (setq mew-submit-notice--posed (delete (mew-submit-question-key question)
                                           mew-submit-notice--posed)))
  (when-let* ((buffer (get-buffer "*mew-submit*"))
              ((zerop (buffer-size buffer)))
              (window (get-buffer-window buffer)))
    (quit-window nil window)))

;;;###mew-submit
(defun mew-submit-notice--questions ()
  "Show the questions that have come, and no longer those that are gone.
This is on `mew-submit-question--hook'."
  (unless noninteractive
    (mew-submit-notice--fill-questions)
    (mew-submit-mode-line--update-soon)
    (let ((new (seq-remove (lambda (question)
                             (member (mew-submit-question-key question)
                                     mew-submit-notice--posed))
                           mew-submit-question--list)))
      (when new
        (setq mew-submit-notice--posed
              (append (mapcar #'mew-submit-question-key new)
                      mew-submit-notice--posed))
        (mew-submit-notice--display)
        (mew-submit-notice--notify (mew-submit-question-text (car new)))
        (mew-submit-notice--say-why "Mail: " (mew-submit-question-text (car new))
                                    "  (M-x mew-submit-answer)")))))

;;;###autoload
(defun mew-submit-answer ()
  "Go to the questions about mail that wait for an answer.
Each has a button for each answer: TAB goes to the next one, RET presses it."
  (interactive)
  (unless mew-submit-question--list
    (user-error "No mail waits for an answer of yours"))
  (mew-submit-notice--fill-questions)
  (pop-to-buffer (mew-submit-notice-message--buffer))
  (goto-char (point-min)))

;;; Telling

(defun mew-submit-notice--old-p (entry)
  "Has ENTRY's message waited so long that it has to be shown?"
  (> (- (float-time) (or (plist-get entry :created) (float-time)))
     mew-submit-warn-after))

(defun mew-submit-notice--loud-p (entry done)
  "Must the end DONE of an attempt for ENTRY be shown in a window?"
  (or (member (plist-get done :result)
              '("refused" "insecure" "uncertain" "partial"))
      (plist-get done :alarm)
      (and (eq (plist-get entry :state) 'queued)
           (mew-submit-notice--old-p entry))))

(defun mew-submit-notice--say-why (head reason &optional tail more)
  "Say HEAD, the clause REASON and TAIL on one line; REASON is cut if need be.
MORE follows where there is room for it."
  (let* ((tail (or tail ""))
         (room (- (window-width (minibuffer-window)) 1
                  (string-width head) (string-width tail))))
    (mew-submit-background--say
     "%s%s%s%s" head
     (if noninteractive reason
       (truncate-string-to-width reason (max 20 room) nil nil "..."))
     tail
     (if (and more
              (or noninteractive
                  (<= (+ (string-width reason) (string-width more)) room)))
         more
       ""))))

(defun mew-submit-notice--say-failed (entry done)
  "Say on a line why ENTRY's message did not get through, with DONE."
  (let ((reason (mew-submit-notice-message--reason entry done)))
    (if (equal (plist-get done :result) "deferred")
        (mew-submit-notice--say-why
         (format "Mail to %s waits: "
                 (mew-submit-report--people (plist-get entry :recipients)))
         reason nil
         (when-let* ((next (plist-get entry :next)))
           (format-time-string "; next try %H:%M" next)))
      (mew-submit-notice--say-why "" (mew-submit-report--headline done reason)))))

(defun mew-submit-notice--failed (entry done)
  "Tell that ENTRY's message did not get through, because of DONE.
The next time the same happens to one that waits, there is nothing to tell."
  (let* ((file (mew-submit-spool--message-file entry))
         (reason (cons (plist-get done :kind)
                       (mew-submit-notice-message--reason entry done)))
         (told (gethash file mew-submit-notice-message--told))
         (new (not (equal reason (car told))))
         (shown (and (not new) (cdr told)))
         (show (and (mew-submit-notice--loud-p entry done)
                    (not (and shown (eq (plist-get entry :state) 'queued))))))
    (puthash file (cons reason (or show shown)) mew-submit-notice-message--told)
    (mew-submit-notice--fill entry done)
    (when show
      (mew-submit-notice--display))
    (when (or new show)
      (mew-submit-notice--say-failed entry done))
    (when show
      (mew-submit-notice--notify
       (format "Mail to %s: %s"
               (mew-submit-report--people (plist-get entry :recipients))
               (mew-submit-notice-message--reason entry done))))
    (when (and show (plist-get done :alarm))
      (ding))))

(defvar mew-submit-notice--news nil
  "What was delivered and is not told of yet: (TIME LINE...), the newest first.")

(defun mew-submit-notice--tell-news ()
  "Tell what was delivered, or later while more of it comes, or somebody is typing."
  (let ((lines (cdr mew-submit-notice--news)))
    (cond ((null lines))
          ((and (not noninteractive)
                (or (mew-submit-background--prompt-p)
                    (and (mew-submit-known--running)
                         (< (- (float-time) (car mew-submit-notice--news)) 5))))
           (run-at-time 1 nil #'mew-submit-notice--tell-news))
          (t (setq mew-submit-notice--news nil)
             (if (cdr lines)
                 (mew-submit-background--say "%d mails delivered" (length lines))
               (mew-submit-background--say "%s" (car lines)))))))

(defun mew-submit-notice--delivered (entry done)
  "Tell that ENTRY's message was delivered, with DONE.
That comes after what filing copies says, and once for several."
  (remhash (mew-submit-spool--message-file entry) mew-submit-notice-message--told)
  (let ((line (mew-submit-report--good-news done (plist-get entry :subject)))
        (first (null mew-submit-notice--news)))
    (setq mew-submit-notice--news
          (cons (or (car mew-submit-notice--news) (float-time))
                (cons line (cdr mew-submit-notice--news))))
    (cond (noninteractive (mew-submit-notice--tell-news))
          (first (run-at-time 1 nil #'mew-submit-notice--tell-news)))))

(defun mew-submit-notice--offer (entry done)
  "Tell that another port may do for ENTRY's message, which waits because of DONE."
  (when-let* (((mew-submit-offer--text (plist-get entry :account) done))
              (now (mew-submit-known--entry (plist-get entry :id)
                                            (plist-get entry :directory))))
    (when (eq (plist-get now :state) 'queued)
      (mew-submit-notice--fill now done)
      (mew-submit-notice--say-why
       (format "Mail to %s waits: "
               (mew-submit-report--people (plist-get entry :recipients)))
       "port 465 answers" "; [Other port] in *mew-submit*"))))

;;;###mew-submit
(defun mew-submit-notice--done (entry done)
  "Tell the user how an attempt for ENTRY has ended, with DONE.
In batch mode a command that wants to know it tells it itself."
  (unless (and noninteractive (mew-submit-queue--caller entry :on-done))
    (if (equal (plist-get done :result) "delivered")
        (mew-submit-notice--delivered entry done)
      (mew-submit-notice--failed entry done))
    (unless noninteractive
      (mew-submit-offer--465 (plist-get entry :account) done
                             (lambda () (mew-submit-notice--offer entry done))))
    (when (and (null (plist-get entry :state))
               (get-buffer "*mew-submit*"))
      ;; It is still in the table.
      (run-at-time 0 nil #'mew-submit-notice-message--tidy))))

(defun mew-submit-notice--left-behind ()
  "Have *mew-submit* tell of the messages that are `uncertain', and show it.
Those of which the user has said that they are not sent again are left alone."
  (unless noninteractive
    (let ((left (seq-filter (lambda (entry)
                              (and (eq (plist-get entry :state) 'uncertain)
                                   (mew-submit-mode-line--needs-user-p entry)))
                            (mew-submit-known--entries))))
      (dolist (entry left)
        (mew-submit-notice--fill entry (list :result "uncertain" :kind "uncertain"
                                             :text (plist-get entry :last))))
      (when left
        (mew-submit-notice--display)))))

;;; Leaving Emacs

(defun mew-submit-notice--may-leave ()
  "Ask whether to leave Emacs while mail is being sent, or waits.
This is on `kill-emacs-query-functions' while that is so."
  (let ((running (length (mew-submit-known--running)))
        (waiting (if mew-submit-ask-when-mail-waits
                     (length (mew-submit-known--waiting))
                   0)))
    (if (zerop running)
        (or (zerop waiting)
            (yes-or-no-p
             (format "%s in the outbox until Emacs runs again.  Leave Emacs? "
                     (if (= waiting 1) "A mail waits"
                       (format "%d mails wait" waiting)))))
        (yes-or-no-p
         (format "%s being sent.  Leave Emacs, and send it next time? "
                 (if (= running 1) "A mail is" (format "%d mails are"
                                                       running)))))))

;;;###mew-submit
(defun mew-submit-notice--watch-leaving ()
  "Have Emacs ask before it ends while mail is being sent or waits, only then."
  (if (or (mew-submit-known--running) (mew-submit-known--waiting))
      (add-hook 'kill-emacs-query-functions #'mew-submit-notice--may-leave)
    (remove-hook 'kill-emacs-query-functions #'mew-submit-notice--may-leave)))

(provide 'mew-submit-notice)
;;; mew-submit-notice.el ends here
