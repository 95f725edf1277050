;;; mew-submit-notice.el --- What the user sees of mail being sent -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 5.  It owns the mode line, the echo area and the buffer *mew-submit*, which
;; says what happened to a message that did not get through, why, and what to do.
;;
;; A message that waits for the network is told of once, in the echo area and the mode
;; line; what will not be tried again by itself cannot be missed.

;;; Code:

(require 'button)
(require 'mew-submit-dialog)
(require 'mew-submit-error)
(require 'mew-submit-outbox)
(require 'mew-submit-queue)
(require 'mew-submit-report)
(require 'mew-submit-session)
(require 'seq)

(declare-function mew-submit-outbox "mew-submit-browser" ())
(declare-function mew-submit-edit "mew-submit-browser" (id &optional directory))
(declare-function mew-submit-diagnose "mew-submit-diagnose" (host))
(declare-function mew-submit-dialog-uncertain "mew-submit-dialog" (entry))

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

(defface mew-submit-waiting '((t :inherit warning))
  "Face for mail that waits, in the mode line and the outbox."
  :group 'mew-submit-display)

(defface mew-submit-failed '((t :inherit error))
  "Face for mail that needs the user, in the mode line and the outbox."
  :group 'mew-submit-display)

(defface mew-submit-sending '((t :inherit success))
  "Face for mail that is being sent, in the mode line and the outbox."
  :group 'mew-submit-display)

(defun mew-submit-notice-face (state)
  "Return the face for STATE, a symbol."
  (pcase state
    ('sending 'mew-submit-sending)
    ((or 'uncertain 'refused 'broken) 'mew-submit-failed)
    ((or 'queued 'held) 'mew-submit-waiting)
    (_ 'default)))

;;; The mode line

(defvar mew-submit-notice--string nil
  "What the mode line says, or nil.")
(put 'mew-submit-notice--string 'risky-local-variable t)

(defvar mew-submit-notice-map
  (let ((map (make-sparse-keymap)))
    (define-key map [mode-line mouse-1] #'mew-submit-outbox)
    map)
  "Keymap of the mode line's word about mail.")

(defun mew-submit-notice--percent ()
  "Return how much of what is being sent is acknowledged, or nil."
  (let ((sent 0) (total 0))
    (dolist (entry (mew-submit-queue-running))
      (when-let ((progress (mew-submit-queue-progress entry)))
        (setq sent (+ sent (car progress))
              total (+ total (max (cdr progress)
                                  (or (plist-get entry :bytes) 0))))))
    (and (> total 0) (min 100 (/ (* 100 sent) total)))))

(defun mew-submit-notice--word (text face help)
  "Return TEXT for the mode line in FACE, with HELP."
  (propertize text 'face face 'help-echo
              (concat help "\nmouse-1: show the outbox")
              'mouse-face 'mode-line-highlight
              'local-map mew-submit-notice-map))

(defun mew-submit-notice--words ()
  "Return what the mode line is to say, or nil."
  (let* ((entries (mew-submit-queue-entries))
         (count (lambda (&rest states)
                  (seq-count (lambda (entry)
                               (memq (plist-get entry :state) states))
                             entries)))
         (sending (length (mew-submit-queue-running)))
         (waiting (funcall count 'queued 'held))
         (failed (funcall count 'uncertain 'refused 'broken))
         (percent (and (> sending 0) (mew-submit-notice--percent))))
    (string-join
     (delq nil
           (list
            (and (> sending 0)
                 (mew-submit-notice--word
                  (format " Mail>%s%s" (if (> sending 1) sending "")
                          (if percent (format "%d%%%%" percent) ""))
                  'mew-submit-sending
                  (format "%d being sent" sending)))
            (and (> waiting 0)
                 (mew-submit-notice--word (format " Mail:%d" waiting)
                                          'mew-submit-waiting
                                          (format "%d waiting" waiting)))
            (and (> failed 0)
                 (mew-submit-notice--word
                  (format " Mail!%d" failed) 'mew-submit-failed
                  (format "%d need you" failed))))))))

(defvar mew-submit-notice--timer nil
  "The timer that will bring the mode line up to date, or nil.")

(defun mew-submit-notice--update ()
  "Bring the mode line up to date."
  (setq mew-submit-notice--timer nil)
  (let ((words (and mew-submit-mode-line (mew-submit-notice--words))))
    (unless (equal-including-properties words mew-submit-notice--string)
      (setq mew-submit-notice--string words)
      (unless (member '(:eval mew-submit-notice--string) global-mode-string)
        (setq global-mode-string
              (append (or global-mode-string '(""))
                      '((:eval mew-submit-notice--string)))))
      (force-mode-line-update t))))

(defun mew-submit-notice--update-soon (&rest _)
  "Bring the mode line up to date soon, at most five times a second."
  (unless (or noninteractive mew-submit-notice--timer)
    (setq mew-submit-notice--timer
          (run-at-time 0.2 nil #'mew-submit-notice--update))))

;;; The buffer

(defun mew-submit-notice--here ()
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
    (define-key map "d" #'mew-submit-notice-diagnose)
    (define-key map "o" #'mew-submit-outbox)
    map)
  "Keymap of the buffer about a message that did not get through.")

(define-derived-mode mew-submit-notice-mode special-mode "Mew-Submit"
  "Major mode for the buffer about a message that did not get through."
  (setq-local truncate-lines nil)
  (visual-line-mode 1))

(defun mew-submit-notice--the-entry ()
  "Return the entry at point as it is now, or signal `user-error'."
  (let* ((old (or (mew-submit-notice--here)
                  (user-error "No message here")))
         (directory (plist-get old :directory)))
    (mew-submit-queue-look directory)
    (or (mew-submit-queue-entry (plist-get old :id) directory)
        (user-error "That message is not in the outbox any more"))))

(defun mew-submit-notice-ask-uncertain (entry)
  "Ask whether ENTRY's message, sent without an answer, may be sent again."
  (eq t (mew-submit-dialog-uncertain entry)))

(defun mew-submit-notice-send (entry)
  "Send ENTRY's message now; ask first if it may have arrived already."
  (when (or (not (eq (plist-get entry :state) 'uncertain))
            (mew-submit-notice-ask-uncertain entry))
    (mew-submit-queue-send (plist-get entry :id)
                           (plist-get entry :directory))
    (message "Sending the mail to %s again"
             (mew-submit-report-people (plist-get entry :recipients)))))

(defun mew-submit-notice-retry ()
  "Send the message of this buffer now."
  (interactive)
  (mew-submit-notice-send (mew-submit-notice--the-entry)))

(defun mew-submit-notice-edit ()
  "Take the message of this buffer out of the outbox and edit it again."
  (interactive)
  (let ((entry (mew-submit-notice--the-entry)))
    (mew-submit-edit (plist-get entry :id) (plist-get entry :directory))))

(defconst mew-submit-notice--ports
  '(("587 with STARTTLS" . "587:starttls") ("465 with TLS" . "465:implicit")
    ("25 with STARTTLS" . "25:starttls"))
  "Ports a message can be sent by instead: (WORDS . ROUTES).")

(defun mew-submit-notice-other-port (routes)
  "Send the message of this buffer now, by ROUTES, such as \"465:implicit\".
What its account asks for in TLS and authentication stays as it is."
  (interactive
   (list (let ((choice (completing-read "Send it through port: "
                                        mew-submit-notice--ports)))
           (or (cdr (assoc choice mew-submit-notice--ports)) choice))))
  (let ((entry (mew-submit-notice--the-entry)))
    (when (or (not (eq (plist-get entry :state) 'uncertain))
              (mew-submit-notice-ask-uncertain entry))
      (mew-submit-queue-send-by (plist-get entry :id) routes
                                (plist-get entry :directory))
      (message "Sending through %s" routes))))

(defun mew-submit-notice-diagnose ()
  "Find out what the network and the server of this message really do."
  (interactive)
  (let ((account (plist-get (mew-submit-notice--here) :account)))
    (if (fboundp 'mew-submit-diagnose)
        (mew-submit-diagnose (plist-get account :server))
      (user-error "There is no diagnosis in this version"))))

(defun mew-submit-notice--button (text command help)
  "Insert a button TEXT for COMMAND, with HELP."
  (insert-text-button text
                      'action (lambda (button)
                                (goto-char (button-start button))
                                (call-interactively command))
                      'follow-link t 'help-echo help)
  (insert "  "))

(defun mew-submit-notice--state-words (entry)
  "Return what will become of ENTRY's message."
  (let ((next (plist-get entry :next)))
    (pcase (plist-get entry :state)
      ('queued (format "It waits in the outbox and is tried again by itself%s."
                       (if next (format-time-string " at %H:%M" next) "")))
      ('held "It is held in the outbox until you say so.")
      ('uncertain "It is kept in the outbox and is not sent again by itself, \
since it may have arrived.")
      ('refused "It is kept in the outbox and is not sent again by itself.")
      (_ "It is delivered to the others."))))

(defun mew-submit-notice--field (name value)
  "Insert a line that NAME is VALUE, made safe to show, unless that is nil."
  (when value
    (insert (propertize (format "%-9s " (concat name ":")) 'face 'bold)
            (mew-submit-error-clean value) "\n")))

(defun mew-submit-notice--headline (done)
  "Return the headline for DONE."
  (if-let ((alarm (plist-get done :alarm)))
      (format "ALARM: %s.  Nothing was sent." (mew-submit-report-alarm alarm))
    (format "Mail was not delivered%s: %s"
            (if (equal (plist-get done :result) "partial") " to all" "")
            (plist-get done :result))))

(defun mew-submit-notice--heading (text)
  "Insert TEXT as a heading."
  (insert "\n" (propertize text 'face 'bold) "\n"))

(defun mew-submit-notice--insert (entry done)
  "Insert what happened to ENTRY's message; DONE is its `done' event."
  (insert (propertize (mew-submit-notice--headline done)
                      'face 'mew-submit-failed)
          "\n")
  (mew-submit-notice--buttons entry)
  (insert "\n")
  (mew-submit-notice--field "To" (mew-submit-report-people
                                  (or (plist-get entry :recipients)
                                      (mapcar #'car
                                              (plist-get entry :refused)))))
  (mew-submit-notice--field "Subject" (plist-get entry :subject))
  (mew-submit-notice--field "Server" (plist-get (plist-get entry :account)
                                                :server))
  (mew-submit-notice--heading "What happened")
  (insert "  " (mew-submit-report-what done) "\n")
  (dolist (attempt (plist-get done :attempts))
    (insert "  - " (mew-submit-report-attempt attempt) "\n"))
  (mew-submit-notice--heading "What to do")
  (insert "  " (mew-submit-report-advice done) "\n"
          "  " (mew-submit-notice--state-words entry) "\n"))

(defun mew-submit-notice--buttons (entry)
  "Insert the buttons for ENTRY."
  (when (plist-get entry :state)
    (mew-submit-notice--button "[Retry]" #'mew-submit-notice-retry
                               "r: send it now")
    (mew-submit-notice--button "[Edit]" #'mew-submit-notice-edit
                               "e: edit it again")
    (mew-submit-notice--button "[Other port]" #'mew-submit-notice-other-port
                               "p: send it through another port"))
  (mew-submit-notice--button "[Diagnose]" #'mew-submit-notice-diagnose
                             "d: what the network and the server really do")
  (mew-submit-notice--button "[Outbox]" #'mew-submit-outbox
                             "o: all that is not delivered")
  (insert "\n"))

(defun mew-submit-notice--over-p (old entry)
  "Is what is said of OLD over, now that something is to be said of ENTRY?
That is so when they are the same message, and when OLD has left the outbox or
only waits."
  (let ((now (mew-submit-queue-entry (plist-get old :id)
                                     (plist-get old :directory))))
    (or (equal (mew-submit-outbox-message-file old)
               (mew-submit-outbox-message-file entry))
        (not (memq (plist-get now :state) '(uncertain refused broken))))))

(defun mew-submit-notice--forget (entry)
  "Delete from the buffer what is over when something is said of ENTRY."
  (goto-char (point-min))
  (while (not (eobp))
    (let ((old (get-text-property (point) 'mew-submit-entry))
          (end (next-single-property-change (point) 'mew-submit-entry
                                            nil (point-max))))
      (if (or (null old) (mew-submit-notice--over-p old entry))
          (delete-region (point) end)
        (goto-char end)))))

(defun mew-submit-notice--section (entry done)
  "Insert at point what happened to ENTRY's message, with DONE."
  (let ((start (point)))
    (mew-submit-notice--insert entry done)
    (insert "\n")
    (put-text-property start (point) 'mew-submit-entry entry)))

(defun mew-submit-notice-fill (entry done)
  "Make *mew-submit* say what happened to ENTRY's message, with DONE; return it.
What it says of other messages that need the user stays: below, when this one
does too, and else above."
  (with-current-buffer (get-buffer-create "*mew-submit*")
    (unless (derived-mode-p 'mew-submit-notice-mode)
      (mew-submit-notice-mode))
    (let ((inhibit-read-only t))
      (mew-submit-notice--forget entry)
      (goto-char (if (mew-submit-notice--loud-p entry done)
                     (point-min)
                   (point-max)))
      (mew-submit-notice--section entry done))
    (set-buffer-modified-p nil)
    (goto-char (point-min))
    (dolist (window (get-buffer-window-list nil nil t))
      (set-window-point window (point-min)))
    (current-buffer)))

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

(defun mew-submit-notice--waits (entry done)
  "Tell that ENTRY's message waits, because of DONE."
  (message "Mail to %s waits in the outbox%s: %s"
           (mew-submit-report-people (plist-get entry :recipients))
           (if-let ((next (plist-get entry :next)))
               (format-time-string ", next try at %H:%M:%S" next)
             "")
           (mew-submit-error-clean (plist-get done :text))))

(defun mew-submit-notice--uncertain (entry)
  "Ask, when the user is not typing, what is to become of the uncertain ENTRY."
  (mew-submit-session-when-quiet
   (lambda ()
     (when-let ((now (mew-submit-queue-entry (plist-get entry :id)
                                             (plist-get entry :directory))))
       (when (eq (plist-get now :state) 'uncertain)
         (mew-submit-notice-send now))))))

(defun mew-submit-notice--show (entry done)
  "Show that ENTRY's message did not get through, because of DONE."
  (display-buffer (mew-submit-notice-fill entry done))
  (message "Mail was not delivered: %s" (mew-submit-report-done done))
  (when (plist-get done :alarm)
    (ding)))

(defun mew-submit-notice-done (entry done)
  "Tell the user how an attempt for ENTRY has ended, with DONE.
In batch mode a command that wants to know it tells it itself."
  (unless (and noninteractive (mew-submit-queue-caller entry :on-done))
    (cond ((equal (plist-get done :result) "delivered")
           (message "Mail %s" (mew-submit-report-done done)))
          ((mew-submit-notice--loud-p entry done)
           (mew-submit-notice--show entry done))
          (t (mew-submit-notice-fill entry done)
             (mew-submit-notice--waits entry done)))
    (when (and (equal (plist-get done :result) "uncertain")
               (not noninteractive))
      (mew-submit-notice--uncertain entry))))

(defun mew-submit-notice-left-behind ()
  "Ask about the messages that an Emacs that died has left `uncertain'."
  (unless noninteractive
    (dolist (entry (mew-submit-queue-entries))
      (when (eq (plist-get entry :state) 'uncertain)
        (mew-submit-notice--uncertain entry)))))

;;; Leaving Emacs

(defun mew-submit-notice--may-leave ()
  "Ask whether to leave Emacs while mail is being sent.
This is on `kill-emacs-query-functions' while that is so."
  (let ((running (length (mew-submit-queue-running))))
    (or (zerop running)
        (yes-or-no-p
         (format "%s being sent.  Leave Emacs, and send it next time? "
                 (if (= running 1) "A mail is" (format "%d mails are"
                                                       running)))))))

(defun mew-submit-notice--watch-leaving ()
  "Have Emacs ask before it ends while mail is being sent, and only then."
  (if (mew-submit-queue-running)
      (add-hook 'kill-emacs-query-functions #'mew-submit-notice--may-leave)
    (remove-hook 'kill-emacs-query-functions #'mew-submit-notice--may-leave)))

(add-hook 'mew-submit-queue-done-functions #'mew-submit-notice-done)
(add-hook 'mew-submit-queue-change-hook #'mew-submit-notice--watch-leaving)
(add-hook 'mew-submit-queue-change-hook #'mew-submit-notice--update-soon)
(add-hook 'mew-submit-queue-progress-functions #'mew-submit-notice--update-soon)

(provide 'mew-submit-notice)
;;; mew-submit-notice.el ends here
