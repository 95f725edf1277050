;;; mew-submit-notice.el --- What the user sees of mail being sent -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what is told, where, and when: in the mode line, in the echo area, by the desktop,
;; and in the buffer *mew-submit*, whose texts are mew-submit-notice-message.el's, with the
;; questions; and the faces for mail that waits, is being sent, or needs the user.
;;
;; A message that waits for the network is told of once, in the echo area and the mode
;; line; what will not be tried again by itself cannot be missed.  Nothing here takes a
;; key that was meant for something else: the buffer is shown, never selected, and while
;; somebody is in the minibuffer not even that.

;;; Code:

(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-fate)
(require 'mew-submit-known)
(require 'mew-submit-notice-message)
(require 'mew-submit-offer)
(require 'mew-submit-question)
(require 'mew-submit-report)
(require 'mew-submit-spool)
(require 'mew-submit-view)
(require 'seq)
(require 'xml)

(declare-function mew-submit-outbox "mew-submit-outbox" ())
(declare-function dbus-call-method-asynchronously "dbus"
                  (bus service path interface method handler &rest args))
(defvar notifications-interface)
(defvar notifications-notify-method)
(defvar notifications-path)
(defvar notifications-service)

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

(defcustom mew-submit-mode-line t
  "Whether the mode line says how much mail waits and is being sent.
The default is t.  It says nothing when there is none."
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

(defun mew-submit-notice--face (state)
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

(defun mew-submit-notice--percent ()
  "Return how much of what is being sent is acknowledged, or nil."
  (let ((sent 0) (total 0))
    (dolist (entry (mew-submit-known--running))
      (when-let* ((progress (mew-submit-known--progress entry)))
        (setq sent (+ sent (car progress))
              total (+ total (max (cdr progress)
                                  (or (plist-get entry :bytes) 0))))))
    (and (> total 0) (min 100 (/ (* 100 sent) total)))))

(defun mew-submit-notice--word (text face help &optional command)
  "Return TEXT for the mode line in FACE, after a space, with HELP.
A click runs COMMAND, by default `mew-submit-outbox'."
  (let ((map (make-sparse-keymap)))
    (define-key map [mode-line mouse-1] (or command #'mew-submit-outbox))
    (concat " "
            (propertize text 'face face 'help-echo
                        (concat help "\nmouse-1: "
                                (if command "answer" "show the outbox"))
                        'mouse-face 'mode-line-highlight
                        ;; Without it the click is for the button that point is at.
                        'keymap map
                        'local-map map))))

(defun mew-submit-notice--words ()
  "Return what the mode line is to say, or nil."
  (let* ((entries (mew-submit-known--entries))
         (count (lambda (&rest states)
                  (seq-count (lambda (entry)
                               (memq (plist-get entry :state) states))
                             entries)))
         (sending (length (mew-submit-known--running)))
         (waiting (funcall count 'queued 'held))
         (failed (seq-count #'mew-submit-known--needs-user-p entries))
         (questions (length mew-submit-question--list))
         (name "Mail")
         (word (lambda (format number)
                 ;; The words have little room.
                 (prog1 (format "%s%s" name (format format number))
                   (setq name ""))))
         (percent (and (> sending 0) (mew-submit-notice--percent))))
    (string-join
     (delq nil
           (list
            ;; What needs the user comes first: a narrow window cuts off the rest.
            (and (> questions 0)
                 (mew-submit-notice--word
                  (funcall word "?%d" questions) 'mew-submit-mode-line-failed
                  (mew-submit-question-text (car mew-submit-question--list))
                  #'mew-submit-answer))
            (and (> failed 0)
                 (mew-submit-notice--word
                  (funcall word "!%d" failed) 'mew-submit-mode-line-failed
                  (format (if (= failed 1) "%d needs you" "%d need you") failed)))
            (and (> waiting 0)
                 (mew-submit-notice--word (funcall word ":%d" waiting)
                                             'mew-submit-mode-line-waiting
                                             (format "%d waiting" waiting)))
            (and (> sending 0)
                 (mew-submit-notice--word
                  (concat (funcall word ">%d" sending)
                          (and percent (format " (%d%%%%)" percent)))
                  'mew-submit-mode-line-sending
                  (format "%d being sent" sending))))))))

(defun mew-submit-notice--put-string ()
  "Have the mode line say `mew-submit-notice--string'."
  (let ((old global-mode-string)
        (new '(:eval mew-submit-notice--string)))
    (unless (member new (ensure-list old))
      (setq global-mode-string
            (append (cond ((null old) '(""))
                          ;; A list that begins with anything else is one thing.
                          ((or (stringp (car-safe old)) (consp (car-safe old))) old)
                          (t (list "" old)))
                    (list new))))))

(defvar mew-submit-notice--timer nil
  "The timer that will bring the mode line up to date, or nil.")

(defun mew-submit-notice--update ()
  "Bring the mode line up to date."
  (setq mew-submit-notice--timer nil)
  (let ((words (and mew-submit-mode-line (mew-submit-notice--words))))
    (unless (equal-including-properties words mew-submit-notice--string)
      (setq mew-submit-notice--string words)
      (mew-submit-notice--put-string)
      (force-mode-line-update t))))

;;;###mew-submit
(defun mew-submit-notice--update-soon (&rest _)
  "Bring the mode line up to date soon, at most five times a second."
  (unless (or noninteractive mew-submit-notice--timer)
    (setq mew-submit-notice--timer
          (run-at-time 0.2 nil #'mew-submit-notice--update))))

;;; The buffer

(defun mew-submit-notice--fill (entry done)
  "Make *mew-submit* say what happened to ENTRY's message, with DONE; return it.
What it says of other messages that need the user stays: below, when this one
does too, and else above.  Questions stay at the top.  Who is in the buffer
stays where they are, and sees what they saw: their next key is for that."
  (with-current-buffer (mew-submit-notice-message--buffer)
    (let* ((reader (and (eq (window-buffer) (current-buffer))
                        ;; At nothing, they are at the end of what is over.
                        (or (mew-submit-notice-message--read)
                            (get-text-property (point) 'mew-submit-question))))
           (read (mew-submit-notice-message--read))
           (again (and (mew-submit-notice-message--same-p read entry)
                       (mew-submit-notice--within read #'mew-submit-view--place (point))))
           (rows (and reader (count-lines (window-start) (line-beginning-position))))
           (there (copy-marker (point) t)))
      (mew-submit-view--change
        (mew-submit-notice-message--forget entry)
        (goto-char (if (mew-submit-notice--loud-p entry done)
                       (mew-submit-notice--questions-end)
                     (point-max)))
        (mew-submit-notice-message--section entry done))
      (goto-char (cond ((not reader) (point-min))
                       (again (mew-submit-notice--within entry #'mew-submit-view--find again))
                       (t there)))
      (when reader
        (set-window-start nil (save-excursion (forward-line (- rows)) (point)) t))
      (set-marker there nil))
    (dolist (window (get-buffer-window-list nil nil t))
      (unless (eq window (selected-window))
        (set-window-point window (point-min))))
    (current-buffer)))

(defun mew-submit-notice--start (entry)
  "Return where the current buffer begins to tell of ENTRY."
  (text-property-any (point-min) (point-max) 'mew-submit-entry entry))

(defun mew-submit-notice--within (entry function position)
  "Call FUNCTION with POSITION in the part of the current buffer about ENTRY."
  (let ((start (mew-submit-notice--start entry)))
    (save-restriction
      (narrow-to-region start (1- (next-single-property-change
                                   start 'mew-submit-entry nil (point-max))))
      (funcall function position))))

(defun mew-submit-notice--show (entry done)
  "Go to the section of ENTRY's message, with DONE."
  (pop-to-buffer (mew-submit-notice--fill entry done))
  (goto-char (mew-submit-notice--start entry))
  (set-window-start nil (point)))

;;; Showing it, without taking a key

(defvar mew-submit-notice--unseen nil
  "Non-nil when *mew-submit* is to be shown as soon as somebody can see it.")

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
    (let ((buffer (get-buffer "*mew-submit*")))
      (setq mew-submit-notice-message--frame (selected-frame))
      (when (or (null buffer)
                ;; Who is in it sees it; a second window of it would take another's.
                (eq buffer (window-buffer))
                (mew-submit-view--display
                 buffer '((display-buffer-reuse-window
                           display-buffer-pop-up-window
                           display-buffer-use-some-window
                           ;; A new frame would take the next key, and
                           ;; is not seen in a terminal.
                           display-buffer-no-window)
                          (allow-no-window . t)
                          (inhibit-same-window . t)
                          (inhibit-switch-frame . t))))
        (setq mew-submit-notice--unseen nil)
        (remove-hook 'minibuffer-exit-hook #'mew-submit-notice--display-soon)))))

(defun mew-submit-notice--display-again ()
  "Show *mew-submit* on a new frame, if nobody has seen it, or its frame is gone.
The latter is for questions: they wait still."
  (when (and mew-submit-question--list
             mew-submit-notice-message--frame
             (not (frame-live-p mew-submit-notice-message--frame)))
    (setq mew-submit-notice--unseen t))
  (mew-submit-notice--display-now))

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
  (mew-submit-view--button (format "[%s]" (car choice))
                           (lambda ()
                             (mew-submit-question--answer question choice)
                             (mew-submit-notice--answered question choice))
                           "Give this answer")
  (insert "  "))

(defun mew-submit-notice--insert-question (question)
  "Insert QUESTION and a button for each answer."
  (insert (propertize (mew-submit-error--clean (mew-submit-question-text question))
                      'face 'bold)
          "\n  ")
  (dolist (choice (mew-submit-question-choices question))
    (mew-submit-notice--choice-button question choice))
  (when-let* ((details (mew-submit-question-details question)))
    (mew-submit-view--button "[Details]"
                             (lambda () (mew-submit-question--show question (funcall details)))
                             "What was tried, and what each answer means"))
  (insert "\n\n"))

(defun mew-submit-notice--fill-questions ()
  "Have the questions that wait at the top of the buffer, and no others.
Who is in the buffer stays at the message they are at, and sees what they saw."
  (with-current-buffer (mew-submit-notice-message--buffer)
    (let ((there (copy-marker (point) (and (mew-submit-notice-message--read) t))))
      (mew-submit-view--change
        (delete-region (point-min) (mew-submit-notice--questions-end))
        (goto-char (point-min))
        (mapc #'mew-submit-notice--insert-question mew-submit-question--list)
        (put-text-property (point-min) (point) 'mew-submit-question t))
      (goto-char there)
      (set-marker there nil))
    (dolist (window (get-buffer-window-list nil nil t))
      (unless (eq window (selected-window))
        (set-window-start window (point-min) t)
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
    (mew-submit-notice--update-soon)
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
  (let* ((stem (plist-get entry :stem))
         (reason (cons (plist-get done :kind)
                       (mew-submit-notice-message--reason entry done)))
         (told (gethash stem mew-submit-notice-message--told))
         (new (not (equal reason (car told))))
         (shown (and (not new) (cdr told)))
         (show (and (mew-submit-notice--loud-p entry done)
                    (not (and shown (eq (plist-get entry :state) 'queued))))))
    (puthash stem (cons reason (or show shown)) mew-submit-notice-message--told)
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
      ;; Without an argument it ends a keyboard macro that is run.
      (ding t))))

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
  (remhash (plist-get entry :stem) mew-submit-notice-message--told)
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
(defun mew-submit-notice--doubt (entry)
  "Return a `done' event about ENTRY, of which nobody knows whether it arrived."
  (list :result "uncertain" :kind "uncertain" :text (plist-get entry :last)))

(defun mew-submit-notice--rest (entry done)
  "Return what to tell of DONE, a good end, for ENTRY, of whom some were refused.
That was at an earlier attempt, and DONE does not know of them."
  (append (list :result "partial" :kept t :text (plist-get entry :last)
                :recipients (append (mew-submit-fate--missed entry)
                                    (plist-get done :recipients)))
          done))

(defun mew-submit-notice--done (entry done)
  "Tell the user how an attempt for ENTRY has ended, with DONE.
In batch mode a command that wants to know it tells it itself."
  (unless (and noninteractive (mew-submit-known--heard-p entry))
    (cond ((not (equal (plist-get done :result) "delivered"))
           (mew-submit-notice--failed entry done))
          ((eq (plist-get entry :state) 'uncertain)
           (mew-submit-notice--failed entry (mew-submit-notice--doubt entry)))
          ((eq (plist-get entry :state) 'refused)
           (mew-submit-notice--failed entry (mew-submit-notice--rest entry done)))
          (t (mew-submit-notice--delivered entry done)))
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
                                   (mew-submit-known--needs-user-p entry)))
                            (mew-submit-known--entries))))
      (dolist (entry left)
        (mew-submit-notice--fill entry (mew-submit-notice--doubt entry)))
      (when left
        (mew-submit-notice--display)))))

;;; Leaving Emacs

(defun mew-submit-notice--unanswered-p (entry)
  "Has all of ENTRY's message left, and the server's answer not come?
Who leaves then makes it one in doubt, which is not sent next time."
  (string-prefix-p "dot " (or (car (last (ignore-errors
                                           (mew-submit-spool--journal-lines entry))))
                              "")))

(defun mew-submit-notice--leave-question ()
  "Return what is to be asked before Emacs is left, or nil."
  (let ((running (length (mew-submit-known--running)))
        (unanswered (seq-count #'mew-submit-notice--unanswered-p
                               (mew-submit-known--running)))
        (waiting (if mew-submit-ask-when-mail-waits
                     (length (mew-submit-known--waiting))
                   0)))
    (cond ((> unanswered 0)
           (format "%s left, and the server has not answered yet.  Leave Emacs, and \
perhaps never know what arrived? "
                   (if (= unanswered 1) "A mail has" (format "%d mails have" unanswered))))
          ((> running 0)
           (if (= running 1) "A mail is being sent.  Leave Emacs, and send it next time? "
             (format "%d mails are being sent.  Leave Emacs, and send them next time? "
                     running)))
          ((> waiting 0)
           (format "%s in the outbox until Emacs runs again.  Leave Emacs? "
                   (if (= waiting 1) "A mail waits" (format "%d mails wait" waiting)))))))

(defun mew-submit-notice--may-leave ()
  "Ask whether to leave Emacs while mail is being sent, or waits.
Where there is nobody, as when a script ends a daemon, nothing is asked: that
would wait for ever.  This is on `kill-emacs-query-functions' while that is so."
  (let ((question (mew-submit-notice--leave-question)))
    (or (null question)
        (mew-submit-background--nobody-p)
        (yes-or-no-p question))))

;;;###mew-submit
(defun mew-submit-notice--changed ()
  "Have the mode line say what is in the outbox now.
Emacs asks before it ends while mail is being sent or waits, only then.  This is
on `mew-submit-known--change-hook'."
  (mew-submit-notice--update-soon)
  (if (or mew-submit-known--under-way (mew-submit-known--queued-p))
      (add-hook 'kill-emacs-query-functions #'mew-submit-notice--may-leave)
    (remove-hook 'kill-emacs-query-functions #'mew-submit-notice--may-leave)))

(provide 'mew-submit-notice)
;;; mew-submit-notice.el ends here
