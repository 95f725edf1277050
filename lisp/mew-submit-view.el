;;; mew-submit-view.el --- Reports: buffers that are drawn anew as they grow -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what all reports have in common: a buffer that nobody writes in, a function
;; that draws all of it from what it is about, when that is called, what stays where it was,
;; and the same keys.  A report's mode is derived from `mew-submit-view-mode' and sets
;; `mew-submit-view--insert'; whatever changes calls `mew-submit-view--soon'.
;;
;; A table of keys is a list of (KEY LABEL COMMAND), KEY being a string of one character, for
;; `kbd' would load a library when Emacs starts.  Where LABEL is nil the row is another key
;; for a command that has a row.

;;; Code:

(require 'button)
(require 'cl-lib)
(require 'mew-submit-error)
(require 'mew-submit-menu)
(require 'mew-submit-table)
(require 'seq)
(require 'subr-x)

(declare-function evil-initial-state "ext:evil-core" (mode &optional default &rest _))
(declare-function evil-set-initial-state "ext:evil-core" (mode state))
(defvar show-paren-data-function)        ; paren.el

(defvar-local mew-submit-view--insert nil
  "Function that inserts all of the report into the buffer, which is empty.
It is nil where the report is written part by part, which is never drawn anew.")

(defvar-local mew-submit-view--text nil
  "Function that returns the report as text, for copies; nil for what is shown.")

(defvar-local mew-submit-view--keys nil
  "The table of keys of this report, besides those that every report has.")

(defvar-local mew-submit-view--timer nil
  "The timer that will draw the report anew, or nil.")

(defvar-local mew-submit-view--cost 0
  "How many seconds the last drawing took.")

(defvar-local mew-submit-view--shape nil
  "What the last drawing had to fit, as `mew-submit-view--window-shape' has it.
A mode whose drawing fits the window sets it to t; nil is for all others.")

;;; The mode

(defconst mew-submit-view--common
  '(("g" "again" mew-submit-view-redraw)
    ("n" "next" mew-submit-view-next) ("p" "previous" mew-submit-view-previous)
    ("w" "copy" mew-submit-view-copy) ("s" "save" mew-submit-view-save)
    ("?" "keys" mew-submit-view-help) ("q" "quit" quit-window)
    ("\r" nil mew-submit-view-press))
  "The keys of all reports, a table; those of one report come first.")

(defun mew-submit-view--map (rows &optional parent)
  "Return a keymap for ROWS, a table of keys, with the keymap PARENT.
Of several keys of a command the first one is told of."
  (let ((map (make-sparse-keymap)))
    (when parent
      (set-keymap-parent map parent))
    (pcase-dolist (`(,key ,_ ,command) (reverse rows) map)
      (define-key map key command))))

(defvar mew-submit-view-mode-map
  (mew-submit-view--map mew-submit-view--common
                        (make-composed-keymap button-buffer-map special-mode-map))
  "The keys of all reports.")

(defun mew-submit-view--own-keys ()
  "Have the keys of the current buffer's mode be its own with Evil, too.
Evil would take them all, unless the user says there in which state they begin."
  (when (and (fboundp 'evil-set-initial-state)
             (fboundp 'evil-initial-state)
             (not (evil-initial-state major-mode)))
    (evil-set-initial-state major-mode 'emacs)))

(define-derived-mode mew-submit-view-mode special-mode "Report"
  "Mode of reports.
\\{mew-submit-view-mode-map}"
  :interactive nil
  (setq-local buffer-undo-list t
              ;; Buttons have brackets, which are no Lisp.  Emacs 29 knows that.
              show-paren-data-function #'ignore
              indent-tabs-mode nil
              revert-buffer-function #'mew-submit-view--revert)
  (add-hook 'window-size-change-functions #'mew-submit-view--resized nil t)
  (add-hook 'text-scale-mode-hook #'mew-submit-view--resized nil t)
  (mew-submit-view--own-keys))

(defun mew-submit-view--revert (&rest _)
  "Do what g does here."
  (call-interactively (lookup-key (current-local-map) "g")))

(defun mew-submit-view--buffer (name mode)
  "Return the buffer called NAME, in MODE, a function; one that is there is kept."
  (with-current-buffer (get-buffer-create name)
    (unless (derived-mode-p mode)
      (funcall mode))
    (current-buffer)))

(defmacro mew-submit-view--change (&rest body)
  "Run BODY, which writes into the current buffer, a report.
It is not narrowed any more: what BODY looks for may be anywhere."
  (declare (indent 0) (debug (body)))
  `(prog1 (let ((inhibit-read-only t))
            (widen)
            ,@body)
     (set-buffer-modified-p nil)))

(defun mew-submit-view--display (buffer action)
  "Show BUFFER by ACTION, as `display-buffer', but not where somebody is.
A rule of theirs (`display-buffer-alist', popper) could select its window: their
next key is for what they see.  One that puts it there does not count.  Return
nil if it is shown nowhere."
  (let ((before (current-window-configuration))
        (window (selected-window))
        (there (window-buffer)))
    (cl-loop for rules in (list display-buffer-alist nil)
             for shown = (let ((display-buffer-alist rules))
                           (save-selected-window
                             (display-buffer buffer action)))
             when (and (eq window (selected-window)) (eq there (window-buffer)))
             return shown
             do (set-window-configuration before))))

;;; Where one is

;; A row that changes its words has the text property `mew-submit-view-item', by `eq'.  All
;; else is told by its button, or by its line, the nearest one that is the same.

(defun mew-submit-view--place (position)
  "Return where POSITION is: (ITEM TEXT WHOLE OFFSET POSITION LINE).
TEXT is the words there, of a button or with WHOLE of all the line; nil is for
words that tell nothing, or are very long."
  (save-excursion
    (goto-char position)
    (let* ((item (get-text-property (line-beginning-position) 'mew-submit-view-item))
           (button (and (not item) (button-at position)))
           (start (if button (button-start button) (line-beginning-position)))
           (text (buffer-substring-no-properties
                  start (if button (button-end button) (line-end-position)))))
      (list item
            (unless (or (bobp) (string-blank-p text) (length> text 1000)) text)
            (not button) (- position start) position (line-number-at-pos)))))

(defun mew-submit-view--nearest (text whole position)
  "Return where TEXT, with WHOLE a line, is nearest to POSITION, or nil."
  (let ((case-fold-search nil)
        best)
    (goto-char (point-min))
    (while (search-forward text nil t)
      (let ((start (match-beginning 0)))
        (when (and (or (not whole)
                       (and (eolp) (= start (line-beginning-position))))
                   (or (null best)
                       (< (abs (- start position)) (abs (- best position)))))
          (setq best start))))
    best))

(defun mew-submit-view--find (place)
  "Return the position that is PLACE by now; what is gone was on the same line."
  (pcase-let ((`(,item ,text ,whole ,offset ,position ,line) place))
    (save-excursion
      (goto-char (or (and item (text-property-any (point-min) (point-max)
                                                  'mew-submit-view-item item))
                     (and text (mew-submit-view--nearest text whole position))
                     (progn (goto-char (point-min))
                            (forward-line (1- line))
                            (point))))
      (min (+ (point) offset) (line-end-position)))))

(defun mew-submit-view--last-page (window)
  "Return the start of WINDOW with the end of its buffer in it, and full."
  (save-excursion
    (goto-char (point-max))
    (vertical-motion (- 1 (window-body-height window)) window)
    (point)))

;;; Drawing

(defun mew-submit-view--draw ()
  "Draw the current buffer anew; point and what is seen stay, in all windows."
  (when mew-submit-view--insert
    (let ((began (float-time))
          (place (mew-submit-view--place (point)))
          (windows (mapcar (lambda (window)
                             (list window
                                   (mew-submit-view--place (window-start window))
                                   (mew-submit-view--place (window-point window))))
                           (get-buffer-window-list nil nil t))))
      (when mew-submit-view--shape
        (setq mew-submit-view--shape (mew-submit-view--window-shape)))
      (let ((mew-submit-table--width (mew-submit-view--width)))
        (mew-submit-view--change
          (erase-buffer)
          (funcall mew-submit-view--insert)))
      (goto-char (mew-submit-view--find place))
      (pcase-dolist (`(,window ,start ,point) windows)
        ;; What was seen may be gone, and the line that it was on be the last one.
        (set-window-start window (min (mew-submit-view--find start)
                                      (mew-submit-view--last-page window))
                          t)
        (set-window-point window (mew-submit-view--find point)))
      ;; Where the clock was set meanwhile it tells nothing.
      (setq mew-submit-view--cost (max 0 (min 2 (- (float-time) began)))))))

(defun mew-submit-view--draw-now (buffer)
  "Draw BUFFER anew, if it lives."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (setq mew-submit-view--timer nil)
      (mew-submit-view--draw))))

(defun mew-submit-view--window-shape ()
  "Return (COLUMNS . HEIGHT), of letters, of the current buffer's window, or t."
  (if-let* ((window (get-buffer-window nil t)))
      (cons (window-max-chars-per-line window) (window-font-height window))
    t))

(defun mew-submit-view--width ()
  "Return how wide the text of the current buffer's drawing may be, in columns."
  (pcase mew-submit-view--shape
    ((and `(,columns . ,_) (guard (not noninteractive)))
     (max 40 (min mew-submit-table--width columns)))
    (_ mew-submit-table--width)))

(defun mew-submit-view--resized (&optional window)
  "Have the report in WINDOW, or the current one, drawn anew if it fits no more."
  (with-current-buffer (if window (window-buffer window) (current-buffer))
    (unless (or (null mew-submit-view--shape)
                (equal mew-submit-view--shape (mew-submit-view--window-shape)))
      (mew-submit-view--soon (current-buffer)))))

(defun mew-submit-view--soon (buffer)
  "Have BUFFER drawn anew soon, if it lives: much news comes at once.
Drawing takes a tenth of the time at most: what is long is drawn less often."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (unless mew-submit-view--timer
        (setq mew-submit-view--timer
              (run-at-time (max 0.1 (* 10 mew-submit-view--cost)) nil
                           #'mew-submit-view--draw-now buffer))))))

;;;###mew-submit
(defun mew-submit-view--page (name insert &optional wrap)
  "Show what the function INSERT puts into the buffer called NAME; return that.
It is shown from its beginning.  With WRAP non-nil lines are wrapped at words."
  (with-current-buffer (mew-submit-view--buffer name #'mew-submit-view-mode)
    (when wrap
      (visual-line-mode 1))
    (setq mew-submit-view--insert insert)
    (mew-submit-view--draw)
    (mew-submit-view--go (point-min))
    (current-buffer)))

(defun mew-submit-view--go (position)
  "Move to POSITION in the current buffer, in all its windows."
  (goto-char position)
  (dolist (window (get-buffer-window-list nil nil t))
    (set-window-point window position)))

;;; Buttons

(defun mew-submit-view--button (label function &optional help)
  "Insert a button LABEL for FUNCTION, a command or any other function.
HELP is shown for the mouse.  Point stays when it is pressed."
  (insert-text-button label 'follow-link t 'help-echo help
                      'action (lambda (_)
                                (if (commandp function)
                                    (call-interactively function)
                                  (funcall function)))))

(defun mew-submit-view--buttons (rows &rest keys)
  "Insert buttons, most often a line, for those of ROWS, a table, that have KEYS.
Without KEYS it is for all that have a label.  It is no part of the text."
  (let ((start (point)))
    (pcase-dolist (`(,key ,label ,command) rows)
      (when (and label (or (null keys) (member key keys)))
        (let ((text (format "[%s %s]" key label)))
          (when (> (+ (current-column) (length text)) mew-submit-table--width)
            (insert "\n"))
          (mew-submit-view--button text command))
        (insert " ")))
    (insert "\n\n")
    (put-text-property start (point) 'mew-submit-view-control t)))

(defun mew-submit-view--graphic-p ()
  "Can pictures be shown here?"
  (and (display-graphic-p) (image-type-available-p 'svg)))

(defun mew-submit-view--room (most least)
  "Return (WIDTH . SCALE) for a picture in the window of the current buffer.
WIDTH, from LEAST to MOST, is that before it is enlarged by SCALE, as large
letters are: what is not seen of a picture cannot be scrolled to."
  (if-let* ((window (get-buffer-window nil t)))
      (let ((scale (max 1.0 (/ (window-font-height window) 18.0))))
        (cons (max least (min most (floor (window-body-width window t) scale)))
              scale))
    (cons most 1.0)))

;;; What the user can do

(defun mew-submit-view-redraw ()
  "Show the report as it is now."
  (interactive nil mew-submit-view-mode)
  (mew-submit-view--draw))

(defun mew-submit-view-press ()
  "Press the button at point; where there is none, say how to get to one."
  (interactive nil mew-submit-view-mode)
  (unless (push-button (point))
    (user-error (if (next-button (point-min) t)
                    "TAB goes to the next button, and RET presses it"
                  "There is nothing here to be pressed"))))

(defun mew-submit-view-next (&optional count)
  "Go to the next button, or the COUNTth; where there is none, to the next line."
  (interactive "p" mew-submit-view-mode)
  (if (next-button (point-min) t)
      (forward-button (or count 1) t t)
    (forward-line (or count 1))))

(defun mew-submit-view-previous (&optional count)
  "Go to the previous button or line, or the COUNTth."
  (interactive "p" mew-submit-view-mode)
  (mew-submit-view-next (- (or count 1))))

(defun mew-submit-view--shown ()
  "Return the text of the current buffer, without what is there to be pressed."
  (let ((from (point-min))
        parts)
    (while (< from (point-max))
      (let ((to (next-single-property-change from 'mew-submit-view-control nil
                                             (point-max))))
        (unless (get-text-property from 'mew-submit-view-control)
          (push (buffer-substring-no-properties from to) parts))
        (setq from to)))
    (apply #'concat (nreverse parts))))

(defun mew-submit-view--as-text ()
  "Return the report of the current buffer as text."
  (substring-no-properties (funcall (or mew-submit-view--text #'mew-submit-view--shown))))

(defun mew-submit-view--copy (text what)
  "Put TEXT, or octets, into the kill ring, and say that they are copied as WHAT."
  (kill-new (if (multibyte-string-p text) text (decode-coding-string text 'utf-8)))
  (message "Copied as %s" what))

(defun mew-submit-view-copy ()
  "Copy the report as text."
  (interactive nil mew-submit-view-mode)
  (mew-submit-view--copy (mew-submit-view--as-text) "text"))

(defun mew-submit-view--save (file text)
  "Write TEXT, or octets, to FILE, unless that is there and is to stay."
  (when (file-directory-p file)
    (user-error "%s is a directory: name a file in it" file))
  (when (or (not (file-exists-p file))
            (y-or-n-p (format "Overwrite %s? " file)))
    (let ((coding-system-for-write (if (multibyte-string-p text) 'utf-8-unix
                                     'no-conversion)))
      (write-region text nil file))))

(defun mew-submit-view-save (file)
  "Save the report in FILE, as text."
  (interactive (list (read-file-name "Save the report as: " nil nil nil
                                     "report.txt"))
               mew-submit-view-mode)
  (mew-submit-view--save file (mew-submit-view--as-text)))

(defun mew-submit-view--read (prompt initial check &optional read)
  "Ask by PROMPT, with INITIAL, again until CHECK takes the answer; return that.
CHECK is called with the answer and signals `mew-submit-error' for a wrong one,
which stays to be corrected.  READ asks, by default `read-string'."
  (let* ((read (or read #'read-string))
         (answer (string-trim (funcall read prompt initial)))
         wrong)
    (while (setq wrong (condition-case err
                           (progn (funcall check answer) nil)
                         (mew-submit-error (mew-submit-error--text err))))
      (setq answer (string-trim (funcall read (format "%s\n%s" wrong prompt) answer))))
    answer))

(defun mew-submit-view--menu (rows)
  "Return those of ROWS, a table of keys, that have a label as items of a menu."
  (mapcar (pcase-lambda (`(,_ ,label ,command)) (vector label command))
          (seq-filter #'cadr rows)))

(defun mew-submit-view-help ()
  "Show the keys of this report."
  (interactive nil mew-submit-view-mode)
  (let ((map (current-local-map)))
    (mew-submit-menu--help
     (mew-submit-view--menu
      (append mew-submit-view--keys
              (seq-filter (pcase-lambda (`(,key ,_ ,command))
                            (and (eq command (lookup-key map key))
                                 (not (assoc key mew-submit-view--keys))))
                          mew-submit-view--common)))
     map)))

(provide 'mew-submit-view)
;;; mew-submit-view.el ends here
