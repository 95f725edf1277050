;;; mew-submit-mode-line.el --- How much mail waits, in the mode line -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the words of the mode line about mail that waits, is being sent, or needs the
;; user, and the faces for that.

;;; Code:

(require 'mew-submit-known)
(require 'mew-submit-question)
(require 'seq)

(declare-function mew-submit-outbox "mew-submit-outbox" ())
(declare-function mew-submit-answer "mew-submit-notice" ())

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

(defun mew-submit-mode-line--face (state)
  "Return the face for STATE, a symbol."
  (pcase state
    ('sending 'mew-submit-sending)
    ((or 'uncertain 'refused 'broken) 'mew-submit-failed)
    ((or 'queued 'held) 'mew-submit-waiting)
    (_ 'default)))

;;; What it says

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

(provide 'mew-submit-mode-line)
;;; mew-submit-mode-line.el ends here
