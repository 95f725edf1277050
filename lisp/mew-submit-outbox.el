;;; mew-submit-outbox.el --- The outbox as a table -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; M-x mew-submit-outbox: every message that is not delivered yet, what is
;; true of it, and what can be done with it.

;;; Code:

(require 'cl-lib)
(eval-when-compile (require 'mm-decode)) ; it has macros
(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-fate)
(require 'mew-submit-menu)
(require 'mew-submit-notice)
(require 'mew-submit-spool)
(require 'mew-submit-queue)
(require 'mew-submit-refusal)
(require 'mew-submit-report)
(require 'mew-submit-time)
(require 'mew-submit-view)
(require 'seq)
(require 'tabulated-list)

;; Message mode takes long to load, and who looks into the outbox may not want it.
(declare-function mail-content-type-get "mail-parse" (ct attribute))
(declare-function mail-narrow-to-head "mail-parse" ())
(declare-function mm-charset-to-coding-system "mm-util"
                  (charset &optional lbt allow-override silent))
(declare-function mm-destroy-parts "mm-decode" (handles))
(declare-function mm-dissect-buffer "mm-decode"
                  (&optional no-strict-mime loose-mime from))
(declare-function mm-find-part-by-type "mm-decode"
                  (handles type &optional notp recursive))
(declare-function mm-get-part "mm-decode" (handle &optional no-cache))
(declare-function rfc2047-decode-string "rfc2047" (string &optional address-mime))

;;; The table

(defun mew-submit-outbox--time (time &optional now)
  "Return TIME, a float, as a person writes it: the hour, with a day if need be.
It is seen from NOW, by default the present."
  (let* ((now (or now (float-time)))
         (away (abs (- time now)))
         (system-time-locale "C"))      ; "24 déc. 18:00" would be cut off
    (format-time-string (cond ((equal (format-time-string "%F" time)
                                      (format-time-string "%F" now))
                               "%H:%M")
                              ((< away 432000) "%a %H:%M")
                              ((< away 26000000) "%d %b %H:%M")
                              (t "%F"))
                        time)))

(defun mew-submit-outbox--next (entry)
  "Return when ENTRY is tried next, in words."
  (let ((next (plist-get entry :next)))
    (pcase (plist-get entry :state)
      ((and 'queued (guard (or (null next) (<= next (float-time))))) "soon")
      ((or 'queued 'held) (if next (mew-submit-outbox--time next) "-"))
      (_ "-"))))

(defun mew-submit-outbox--state (entry)
  "Return the state of ENTRY, in its face, with how much has been sent."
  (let* ((state (plist-get entry :state))
         (progress (mew-submit-known--progress entry))
         (total (and progress (max (cdr progress) (or (plist-get entry :bytes) 0)))))
    (propertize (if (and total (> total 0) (> (car progress) 0))
                    (format "%s %d%%" state (/ (* 100 (car progress)) total))
                  (symbol-name state))
                'face (mew-submit-notice--face state))))

(defun mew-submit-outbox--text (text)
  "Return TEXT, or an empty string for nil, safe to show."
  (mew-submit-error--clean (format "%s" (or text ""))))

(defun mew-submit-outbox--done (entry)
  "Return how ENTRY's last attempt ended, a `done' event, as far as it is kept."
  (append (list :kept t :recipients (mew-submit-fate--missed entry)
                :kind (or (plist-get entry :kind) "internal")
                :result (or (plist-get entry :result) "deferred")
                :text (mew-submit-outbox--text (plist-get entry :last)))
          (mapcan (lambda (key) (list key (plist-get entry key)))
                  '(:alarm :about :cause :detail :why :sure :code :remedy))))

(defun mew-submit-outbox--last (entry)
  "Return why ENTRY is where it is, the reason first; all of it in a tooltip."
  (let* ((text (mew-submit-outbox--text (plist-get entry :last)))
         (kind (plist-get entry :kind))
         ;; What was decided after the attempt is in the text only.
         (short (if (and kind (member (plist-get entry :state) '(queued refused))
                         (not (equal kind "ok")))
                    (replace-regexp-in-string
                     "\\`the \\(server says: \\)?" ""
                     (mew-submit-report--reason (mew-submit-outbox--done entry)))
                  text)))
    (if (string-empty-p text) text (propertize short 'help-echo text))))

;; The reason counts most and has the rest of the line; what a narrow window has no room
;; for is in the log.

(defun mew-submit-outbox--columns (width)
  "Return the columns of the table in a window of WIDTH.
Each is (NAME WIDTH FUNCTION . PROPERTIES); FUNCTION makes it of an entry."
  (let* ((wide (>= width 100))
         (narrow (< width 70))
         (more (max 0 (- width 100))))
    (append
     '(("State" 12 mew-submit-outbox--state))
     (and wide '(("Account" 9 mew-submit-outbox--account)))
     `(("To" ,(+ (cond (wide 16) (narrow 13) (14)) (/ more 5)) mew-submit-outbox--to))
     (unless narrow
       `(("Subject" ,(+ (if wide 15 12) (/ more 4)) mew-submit-outbox--subject)))
     (and wide '(("Size" 5 mew-submit-outbox--bytes :right-align t)
                 ("Try" 3 mew-submit-outbox--tries :right-align t)))
     (unless narrow '(("Next" 12 mew-submit-outbox--next)))
     '(("Last words" 0 mew-submit-outbox--last)))))

(defvar mew-submit-outbox--rows (make-hash-table :test #'eq :weakness 'key)
  "The rows of entries, which are never changed in place: (ROW . UNTIL).
UNTIL is the time when a row is no longer true, or nil.")

(defvar mew-submit-outbox--width 80
  "The width that the rows of the table are made for.")

(defun mew-submit-outbox--account (entry)
  "Return the name of ENTRY's account."
  (let ((account (plist-get entry :account)))
    (mew-submit-outbox--text (or (plist-get account :name) (plist-get account :server)))))

(defun mew-submit-outbox--to (entry)
  "Return who gets ENTRY's message."
  (mew-submit-outbox--text (mew-submit-report--people (plist-get entry :recipients))))

(defun mew-submit-outbox--subject (entry)
  "Return the subject of ENTRY's message."
  (mew-submit-outbox--text (plist-get entry :subject)))

(defun mew-submit-outbox--bytes (entry)
  "Return how large ENTRY's message is, as people write it."
  (let ((octets (plist-get entry :bytes)))
    (if octets (file-size-human-readable octets) "")))

(defun mew-submit-outbox--tries (entry)
  "Return how often ENTRY's message was tried."
  (format "%s" (or (plist-get entry :attempts) 0)))

(defun mew-submit-outbox--row (entry)
  "Return the row of ENTRY, as `tabulated-list-entries' has it."
  (list (plist-get entry :id)
        (vconcat (mapcar (lambda (column) (funcall (nth 2 column) entry))
                         (mew-submit-outbox--columns mew-submit-outbox--width)))))

(defun mew-submit-outbox--number (key)
  "Return a function that puts rows in the order of the number KEY of entries."
  (lambda (one other)
    (apply #'< (mapcar (lambda (row)
                         (or (plist-get (mew-submit-known--entry (car row)) key) 0))
                       (list one other)))))

(defun mew-submit-outbox--format (width)
  "Return the `tabulated-list-format' for a window of WIDTH."
  (vconcat
   (mapcar (pcase-lambda (`(,name ,columns ,_ . ,properties))
             (append (list name columns
                           (pcase name
                             ("Size" (mew-submit-outbox--number :bytes))
                             ("Try" (mew-submit-outbox--number :attempts))
                             ("Next" (mew-submit-outbox--number :next))
                             ("Last words" nil)
                             (_ t)))
                     properties))
           (mew-submit-outbox--columns width))))

(defun mew-submit-outbox--fit ()
  "Have the columns of the current buffer fit its window, if there is one."
  (when-let* ((window (get-buffer-window nil t))
              (width (window-width window)))
    (unless (= width mew-submit-outbox--width)
      (setq mew-submit-outbox--width width)
      (clrhash mew-submit-outbox--rows)
      (setq tabulated-list-format (mew-submit-outbox--format width))
      (unless (assoc (car tabulated-list-sort-key) (append tabulated-list-format nil))
        (setq tabulated-list-sort-key nil))
      (tabulated-list-init-header)
      t)))

(defun mew-submit-outbox--resized (&rest _)
  "Make the table anew if its window has another width."
  (when-let* ((buffer (mew-submit-outbox--buffer)))
    (with-current-buffer buffer
      (when (mew-submit-outbox--fit)
        (mew-submit-outbox--print)))))

(defun mew-submit-outbox--known-row (entry)
  "Return the row of ENTRY, which is not made anew unless it has to be."
  (pcase (gethash entry mew-submit-outbox--rows)
    ((and `(,row . ,until) (guard (or (null until) (< (float-time) until))))
     row)
    (_ (car (puthash entry
                     (cons (mew-submit-outbox--row entry) (plist-get entry :next))
                     mew-submit-outbox--rows)))))

(defun mew-submit-outbox--entries ()
  "Return the rows of the table."
  (mapcar (lambda (entry)
            (if (mew-submit-known--progress entry)
                (mew-submit-outbox--row entry)
              (mew-submit-outbox--known-row entry)))
          (mew-submit-known--entries)))

(defvar mew-submit-outbox-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map tabulated-list-mode-map)
    (define-key map (kbd "RET") #'mew-submit-outbox-show)
    (define-key map "v" #'mew-submit-outbox-show-raw)
    (define-key map "s" #'mew-submit-outbox-send)
    ;; S sorts, as in every such list: whoever presses it there sends nothing.
    (define-key map "S" #'mew-submit-outbox-sort)
    (define-key map "A" #'mew-submit-outbox-send-all)
    (define-key map "c" #'mew-submit-outbox-cancel)
    (define-key map "m" #'mew-submit-outbox-mark)
    (define-key map "u" #'mew-submit-outbox-unmark)
    (define-key map "U" #'mew-submit-outbox-unmark-all)
    (define-key map "t" #'mew-submit-outbox-hold-until)
    (define-key map "e" #'mew-submit-outbox-edit)
    (define-key map "d" #'mew-submit-outbox-delete)
    (define-key map "w" #'mew-submit-outbox-why)
    (define-key map "l" #'mew-submit-outbox-log)
    (define-key map "D" #'mew-submit-outbox-diagnose)
    (define-key map "L" #'mew-submit-outbox-delivered)
    (define-key map "?" #'mew-submit-outbox-help)
    map)
  "Keymap of the outbox.")

(defconst mew-submit-outbox--menu
  '("Outbox"
    ["Send now" mew-submit-outbox-send]
    ["Send at a time..." mew-submit-outbox-hold-until]
    ["Cancel: hold it" mew-submit-outbox-cancel]
    ["Edit again" mew-submit-outbox-edit]
    ["Delete..." mew-submit-outbox-delete]
    "--"
    ["Mark, to do it to all marked" mew-submit-outbox-mark]
    ["Unmark" mew-submit-outbox-unmark]
    ["Unmark all" mew-submit-outbox-unmark-all]
    "--"
    ["Show the message" mew-submit-outbox-show]
    ["Show it raw" mew-submit-outbox-show-raw]
    ["Why it is here, and what to do" mew-submit-outbox-why]
    ["What happened so far" mew-submit-outbox-log]
    ["Diagnose its server" mew-submit-outbox-diagnose]
    "--"
    ["Send all that waits" mew-submit-outbox-send-all]
    ["What was delivered" mew-submit-outbox-delivered]
    ["Sort by this column" mew-submit-outbox-sort]
    ["Look again" revert-buffer])
  "What can be done in the outbox.")

(easy-menu-define nil mew-submit-outbox-mode-map
  "What can be done in the outbox." mew-submit-outbox--menu)

(defun mew-submit-outbox-help ()
  "Show the keys of the outbox."
  (interactive nil mew-submit-outbox-mode)
  (mew-submit-menu--help mew-submit-outbox--menu mew-submit-outbox-mode-map))

(defun mew-submit-outbox--context (menu click)
  "Have MENU, which is local, be about the message at CLICK; return it."
  (mouse-set-point click)
  menu)

(defconst mew-submit-outbox--keys
  "s send  c cancel  e edit  t later  d delete  w why  m mark  A send all  ? more"
  "What the echo area says of the keys.")

(define-derived-mode mew-submit-outbox-mode tabulated-list-mode "Outbox"
  "Major mode for the messages that are not delivered yet.
\\{mew-submit-outbox-mode-map}"
  :interactive nil
  (setq tabulated-list-format (mew-submit-outbox--format mew-submit-outbox--width)
        tabulated-list-entries #'mew-submit-outbox--entries
        tabulated-list-printer #'mew-submit-outbox--print-row
        tabulated-list-padding 1)
  (setq-local revert-buffer-function #'mew-submit-outbox--revert)
  (setq-local mode-line-process '(:eval (mew-submit-outbox--count)))
  (add-hook 'context-menu-functions #'mew-submit-outbox--context nil t)
  (add-hook 'window-size-change-functions #'mew-submit-outbox--resized nil t)
  (mew-submit-view--own-keys)
  (tabulated-list-init-header))

(defvar-local mew-submit-outbox--marked nil
  "The identifiers of the messages that are marked.")

(defun mew-submit-outbox--print-row (id columns)
  "Insert the row of the message ID with COLUMNS at point, and its mark."
  (let ((start (point)))
    (tabulated-list-print-entry id columns)
    ;; The room for the mark is in front of the first column, and point is there first.
    (put-text-property start (1+ start) 'tabulated-list-column-name
                       (car (aref tabulated-list-format 0))))
  (when (member id mew-submit-outbox--marked)
    (save-excursion
      (forward-line -1)
      (tabulated-list-put-tag "*"))))

(defun mew-submit-outbox--count ()
  "Return how many messages there are and are marked, for the mode line."
  (let ((marked (length (mew-submit-outbox--known-marked))))
    (concat (format " [%d]" (length (mew-submit-known--entries)))
            (and (> marked 0) (format " %d marked" marked)))))

(defun mew-submit-outbox--revert (&rest _)
  "Look at the outbox again and show it."
  (mew-submit-error--as-user-error (mew-submit-known--refresh))
  (mew-submit-outbox--print))

(defun mew-submit-outbox--place (position)
  "Return where POSITION is, to come back to when rows have come and gone.
That is (ID COLUMN FIRST): a message that has left is no longer under the next
key, but the one behind it is.  ID is nil at the end, or where FIRST is non-nil."
  (save-excursion
    (goto-char position)
    (let ((column (current-column))
          (first (bobp)))
      (while (not (or (eobp)
                      (and (tabulated-list-get-id)
                           (mew-submit-known--entry (tabulated-list-get-id)))))
        (forward-line))
      (list (tabulated-list-get-id) column first))))

(defun mew-submit-outbox--position (place)
  "Return the position that is PLACE now."
  (pcase-let ((`(,id ,column ,first) place))
    (save-excursion
      (goto-char (point-min))
      (unless (and first (null id))
        (while (not (or (eobp) (equal (tabulated-list-get-id) id)))
          (forward-line))
        (move-to-column column))
      (point))))

(defun mew-submit-outbox--print ()
  "Show the table in the current buffer, with point and what is seen where it was."
  (let ((place (mew-submit-outbox--place (point)))
        (windows (mapcar (lambda (window)
                           (list window
                                 (line-number-at-pos (window-start window) t)
                                 (mew-submit-outbox--place (window-point window))))
                         (get-buffer-window-list nil nil t)))
        ;; Thousands of lines at once: one collection, afterwards, is enough.
        (gc-cons-threshold (max gc-cons-threshold 100000000)))
    (tabulated-list-print t)
    (when (= (point-min) (point-max))
      (let ((inhibit-read-only t))
        (insert " The outbox is empty.\n")))
    (goto-char (mew-submit-outbox--position place))
    (pcase-dolist (`(,window ,line ,place) windows)
      (save-excursion
        (goto-char (point-min))
        (forward-line (1- line))
        (set-window-start window (point) t))
      (set-window-point window (mew-submit-outbox--position place)))))

(defun mew-submit-outbox--patch-line (row there)
  "Bring the line at point up to date with ROW, the next one that there is to be.
THERE has the identifiers of all rows.  Return non-nil when ROW is done."
  (let ((id (tabulated-list-get-id)))
    (cond ((equal id (car row))
           (if (equal (tabulated-list-get-entry) (cadr row))
               (forward-line)
             (delete-region (point) (line-beginning-position 2))
             (apply tabulated-list-printer row))
           t)
          ((or (null id) (gethash id there))
           (apply tabulated-list-printer row)
           t)
          (t (delete-region (point) (line-beginning-position 2))
             nil))))

(defun mew-submit-outbox--patch-lines (rows)
  "Have the lines of the table, and no others, be ROWS."
  (let ((there (make-hash-table :test #'equal)))
    (dolist (row rows)
      (puthash (car row) t there))
    (save-excursion
      (goto-char (point-min))
      (while rows
        (when (mew-submit-outbox--patch-line (car rows) there)
          (pop rows)))
      (delete-region (point) (point-max)))))

(defun mew-submit-outbox--patch ()
  "Bring those lines of the table up to date that are not.
With thousands of messages to print them all would take a second."
  ;; What is not seen would be there twice.
  (widen)
  (let ((place (mew-submit-outbox--place (point)))
        (windows (mapcar (lambda (window)
                           (cons window (mew-submit-outbox--place (window-point window))))
                         (get-buffer-window-list nil nil t)))
        (inhibit-read-only t))
    (mew-submit-outbox--patch-lines (mew-submit-outbox--entries))
    (set-buffer-modified-p nil)
    (goto-char (mew-submit-outbox--position place))
    (pcase-dolist (`(,window . ,place) windows)
      (set-window-point window (mew-submit-outbox--position place)))))

(defun mew-submit-outbox--buffer ()
  "Return the buffer with the table, or nil."
  (get-buffer "*mew-submit outbox*"))

(defvar mew-submit-outbox--timer nil
  "The timer that will bring the table up to date, or nil.")

(defun mew-submit-outbox--refresh ()
  "Bring the table up to date, if anybody sees it."
  (setq mew-submit-outbox--timer nil)
  (when-let* ((buffer (mew-submit-outbox--buffer)))
    (when (get-buffer-window buffer t)
      (with-current-buffer buffer
        ;; In another order a row may have to go elsewhere.
        (if (or tabulated-list-sort-key (null (mew-submit-known--entries)))
            (mew-submit-outbox--print)
          (mew-submit-outbox--patch))))))

(defun mew-submit-outbox--refresh-soon (&rest _)
  "Bring the table up to date soon, at most five times a second."
  (if (mew-submit-outbox--buffer)
      (unless mew-submit-outbox--timer
        (setq mew-submit-outbox--timer
              (run-at-time 0.2 nil #'mew-submit-outbox--refresh)))
    (dolist (hook '(mew-submit-known--change-hook mew-submit-parcel--progress-functions))
      (remove-hook hook #'mew-submit-outbox--refresh-soon))))

;;;###autoload
(defun mew-submit-outbox ()
  "Show the messages that are not delivered yet, and what is true of each."
  (interactive)
  (mew-submit-error--as-user-error
    (mew-submit-known--refresh))
  (mew-submit-dispatch--run)
  (add-hook 'mew-submit-known--change-hook #'mew-submit-outbox--refresh-soon)
  (add-hook 'mew-submit-parcel--progress-functions
            #'mew-submit-outbox--refresh-soon)
  (let ((buffer (get-buffer-create "*mew-submit outbox*")))
    (with-current-buffer buffer
      (unless (derived-mode-p 'mew-submit-outbox-mode)
        (mew-submit-outbox-mode))
      (mew-submit-outbox--print))
    (pop-to-buffer buffer)
    (mew-submit-outbox--resized)
    (mew-submit-background--load '(message mew-submit-edit) #'ignore)
    (message "%s" mew-submit-outbox--keys)))

;;; What can be done

(defun mew-submit-outbox--id ()
  "Return the identifier of the message at point, or signal `user-error'."
  (or (tabulated-list-get-id) (user-error "No message here")))

(defun mew-submit-outbox--entry (&optional id)
  "Return the entry of the message ID, or at point, or signal `user-error'."
  (or (mew-submit-known--entry (or id (mew-submit-outbox--id)))
      (user-error "That message is not in the outbox any more")))

(defun mew-submit-outbox--known-marked ()
  "Return the identifiers of the marked messages that are still in the outbox."
  (seq-filter #'mew-submit-known--entry mew-submit-outbox--marked))

(defun mew-submit-outbox-mark ()
  "Mark the message at point, and go to the next.
What sends, cancels, deletes or sets a time is then done to all that are marked."
  (interactive nil mew-submit-outbox-mode)
  (cl-pushnew (mew-submit-outbox--id) mew-submit-outbox--marked :test #'equal)
  (tabulated-list-put-tag "*" t)
  (force-mode-line-update))

(defun mew-submit-outbox-unmark ()
  "Unmark the message at point, and go to the next."
  (interactive nil mew-submit-outbox-mode)
  (setq mew-submit-outbox--marked
        (delete (mew-submit-outbox--id) mew-submit-outbox--marked))
  (tabulated-list-put-tag " " t)
  (force-mode-line-update))

(defun mew-submit-outbox-unmark-all ()
  "Unmark all messages."
  (interactive nil mew-submit-outbox-mode)
  (setq mew-submit-outbox--marked nil)
  (tabulated-list-clear-all-tags)
  (force-mode-line-update))

(defun mew-submit-outbox--chosen ()
  "Return the identifiers of the marked messages, or of the one at point."
  (or (mew-submit-outbox--known-marked)
      (list (plist-get (mew-submit-outbox--entry) :id))))

(defun mew-submit-outbox--each (ids function)
  "Call FUNCTION with each of IDS, and unmark all.
What goes wrong with one message keeps no other from its turn: it is signalled
at the end."
  (let (failed)
    (dolist (id ids)
      (condition-case err
          (funcall function id)
        (error (push err failed))))
    (mew-submit-outbox-unmark-all)
    (cond ((null failed))
          ((null (cdr ids))
           (mew-submit-error--as-user-error
             (signal (caar failed) (cdar failed))))
          (t (user-error "%d of %d mails: %s" (length failed) (length ids)
                         (mew-submit-error--text (car failed)))))))

(defun mew-submit-outbox-send ()
  "Send the marked messages now, or the one at point.
One that may have arrived already is sent again after a yes only."
  (interactive nil mew-submit-outbox-mode)
  (mew-submit-outbox--each (mew-submit-outbox--chosen)
                           (lambda (id)
                             (mew-submit-notice-message--send (mew-submit-outbox--entry id)))))

(defun mew-submit-outbox-send-all ()
  "Send all that waits for the network now."
  (interactive nil mew-submit-outbox-mode)
  (let ((count (mew-submit-queue--flush)))
    (message (if (zerop count) "No mail waits" "Sending %d") count)))

(defun mew-submit-outbox-cancel ()
  "Do not send the marked messages, or the one at point: they are held.
One that is being sent is stopped, if that is still possible."
  (interactive nil mew-submit-outbox-mode)
  (mew-submit-outbox--each (mew-submit-outbox--chosen) #'mew-submit-queue--cancel))

(defun mew-submit-outbox-hold-until (time &optional ids)
  "Send the marked messages, or the one at point, at TIME and not before.
IDS are theirs; while TIME is asked for others may come to point."
  (interactive (let ((ids (mew-submit-outbox--chosen)))
                 (list (mew-submit-time--read) ids))
               mew-submit-outbox-mode)
  (let ((ids (or ids (mew-submit-outbox--chosen))))
    (mew-submit-outbox--each ids (lambda (id) (mew-submit-queue--hold id time)))
    (message "%s sent on %s" (if (cdr ids) (format "%d mails are" (length ids)) "It is")
             (mew-submit-time--say time))))

(defun mew-submit-outbox-sort (&optional column)
  "Sort by the column at point, and the next time the other way round.
With a prefix argument sort by the COLUMNth, counted from 0; with a negative one
the messages are in the order in which they came."
  (interactive "P" mew-submit-outbox-mode)
  (if (and column (< (prefix-numeric-value column) 0))
      (setq tabulated-list-sort-key nil)
    (let* ((columns (append tabulated-list-format nil))
           (name (if column (car (nth (prefix-numeric-value column) columns))
                   (get-text-property (point) 'tabulated-list-column-name))))
      (unless (nth 2 (assoc name columns))
        (user-error "Go to the state of a mail, or what else they are to be sorted by"))
      (setq tabulated-list-sort-key
            (cons name (equal tabulated-list-sort-key (list name))))))
  (tabulated-list-init-header)
  (mew-submit-outbox--print))

(defun mew-submit-outbox--what (ids)
  "Return what the messages IDS are, for a question."
  (if (cdr ids)
      (format "%d mails" (length ids))
    (format "the mail to %s"
            (mew-submit-report--people
             (plist-get (mew-submit-known--entry (car ids)) :recipients)))))

(defun mew-submit-outbox-delete ()
  "Delete the marked messages, or the one at point, for good, after a yes."
  (interactive nil mew-submit-outbox-mode)
  (let ((ids (mew-submit-outbox--chosen)))
    (when (yes-or-no-p (format "Delete %s for good? " (mew-submit-outbox--what ids)))
      (mew-submit-outbox--each ids #'mew-submit-queue--delete))))

(defun mew-submit-outbox-diagnose ()
  "Find out what the network and the server of the message at point really do."
  (interactive nil mew-submit-outbox-mode)
  (mew-submit-diagnose (mew-submit-error--as-user-error
                         (mew-submit-queue--next-account (mew-submit-outbox--entry)))))

(defun mew-submit-outbox-edit ()
  "Take the message at point out of the outbox and edit it again.
One that is being sent has to be cancelled first."
  (interactive nil mew-submit-outbox-mode)
  (mew-submit-error--as-user-error
    (mew-submit-edit (mew-submit-outbox--id))))

(defun mew-submit-outbox--show (insert)
  "Show the file of the message at point in a buffer, by INSERT, a function of it."
  (let ((file (mew-submit-spool--message-file (mew-submit-outbox--entry))))
    (pop-to-buffer (mew-submit-view--page "*mew-submit message*"
                                          (lambda () (funcall insert file))))))

(defconst mew-submit-outbox--octets 1000000
  "How many octets of a message are shown.")

(defun mew-submit-outbox-show-raw ()
  "Show the message at point, raw, as it is sent."
  (interactive nil mew-submit-outbox-mode)
  (mew-submit-outbox--show
   (lambda (file)
     (let ((coding-system-for-read 'utf-8-unix)
           (format-alist nil))          ; enriched text would be another one
       (insert-file-contents file nil 0 mew-submit-outbox--octets)))))

(defun mew-submit-outbox--text-part (handles)
  "Return the text in HANDLES, of a message that was taken apart, or nil."
  (when-let* ((handle (mm-find-part-by-type
                       (if (bufferp (car handles)) (list handles) (cdr handles))
                       "text/plain" nil t)))
    (decode-coding-string
     (string-replace "\r\n" "\n" (mm-get-part handle))
     (let ((coding (mm-charset-to-coding-system
                    (or (mail-content-type-get (mm-handle-type handle) 'charset)
                        "utf-8"))))
       ;; A charset that says less than the octets do, or that nobody knows (nil is a
       ;; coding system, too), is most often a slip for this one.
       (if (memq coding '(nil ascii binary)) 'utf-8 coding)))))

(defun mew-submit-outbox--insert-decoded (file)
  "Insert the message in FILE for a reader: who, what, and the text."
  (require 'message)
  (let (fields text)
    (with-temp-buffer
      (set-buffer-multibyte nil)
      (insert-file-contents-literally file nil 0 mew-submit-outbox--octets)
      (goto-char (point-min))
      (while (search-forward "\r\n" nil t)
        (replace-match "\n"))
      (dolist (name '("From" "To" "Cc" "Date" "Subject"))
        (when-let* ((value (save-restriction
                             (mail-narrow-to-head)
                             (mail-fetch-field name))))
          ;; With SMTPUTF8 it is not encoded.
          (push (cons name (rfc2047-decode-string (decode-coding-string value 'utf-8)))
                fields)))
      (let ((handles (mm-dissect-buffer t)))
        (unwind-protect
            (setq text (mew-submit-outbox--text-part handles))
          (mm-destroy-parts handles))))
    (pcase-dolist (`(,name . ,value) (nreverse fields))
      (insert (propertize (concat name ": ") 'face 'bold)
              (mew-submit-error--clean value) "\n"))
    (insert "\n" (or text "No text can be shown: v in the outbox shows it raw.\n"))))

(defun mew-submit-outbox-show ()
  "Show the message at point as its reader sees it.
\\<mew-submit-outbox-mode-map>\\[mew-submit-outbox-show-raw] shows it raw."
  (interactive nil mew-submit-outbox-mode)
  (mew-submit-outbox--show #'mew-submit-outbox--insert-decoded))

(defun mew-submit-outbox-why ()
  "Show why the message at point is in the outbox, or the question it waits with."
  (interactive nil mew-submit-outbox-mode)
  (let ((entry (mew-submit-outbox--entry)))
    (cond ((mew-submit-queue--question (plist-get entry :id)) (mew-submit-answer))
          ((eq (plist-get entry :state) 'sending) (user-error "It is being sent just now"))
          ((plist-get entry :last)
           (mew-submit-notice--show entry (mew-submit-outbox--done entry)))
          (t (user-error "Nothing has happened to it yet")))))

;;; The log of a message

(defun mew-submit-outbox--insert-log (entry)
  "Insert all that is known of ENTRY."
  (cl-flet ((line (name value)
              (when value
                (insert (propertize (format "%-12s" (concat name ":"))
                                    'face 'bold)
                        (mew-submit-outbox--text value) "\n"))))
    (line "State" (plist-get entry :state))
    (line "From" (plist-get entry :from))
    (line "To" (string-join (plist-get entry :recipients) ", "))
    (line "Delivered" (and (plist-get entry :delivered)
                           (string-join (plist-get entry :delivered) ", ")))
    (pcase-dolist (`(,address ,_code ,text) (plist-get entry :refused))
      (line "Refused" (format "%s: %s" address text)))
    (line "Subject" (plist-get entry :subject))
    (line "Message-ID" (plist-get entry :message-id))
    (line "Put there" (and (plist-get entry :created)
                           (format-time-string "%F %T" (plist-get entry :created))))
    (line "Server said" (plist-get entry :reply))
    (line "Why" (and (plist-get entry :cause) (mew-submit-refusal--why entry)))
    (line "What to do" (plist-get entry :remedy))
    (insert "\n")
    (pcase-dolist (`(,time . ,text) (reverse (plist-get entry :history)))
      (insert (format-time-string "%F %T  " time)
              (mew-submit-outbox--text text) "\n"))
    (unless (plist-get entry :history)
      (insert (if (eq (plist-get entry :state) 'sending) "It is being sent.\n"
                "No attempt has been made yet.\n")))))

(defun mew-submit-outbox-log ()
  "Show what happened to the message at point so far."
  (interactive nil mew-submit-outbox-mode)
  (let ((entry (mew-submit-outbox--entry)))
    (pop-to-buffer (mew-submit-view--page
                    "*mew-submit message log*"
                    (lambda () (mew-submit-outbox--insert-log entry)) t))))

(defun mew-submit-outbox-delivered ()
  "Show the log of the messages that were delivered."
  (interactive nil mew-submit-outbox-mode)
  (let ((file (expand-file-name "delivered.log" mew-submit-outbox-directory)))
    (unless (file-exists-p file)
      (user-error "Nothing was delivered yet"))
    ;; Servers' words are in it.
    (let ((enable-local-variables nil))
      (view-file file))
    (goto-char (point-max))))

(provide 'mew-submit-outbox)
;;; mew-submit-outbox.el ends here
