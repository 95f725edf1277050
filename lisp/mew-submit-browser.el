;;; mew-submit-browser.el --- The outbox as a table -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 7.  M-x mew-submit-outbox: every message that is not delivered yet, what is
;; true of it, and what can be done with it.  Editing a message again is here too.

;;; Code:

(require 'cl-lib)
(require 'message)
(require 'mew-submit-address)
(require 'mew-submit-error)
(require 'mew-submit-notice)
(require 'mew-submit-outbox)
(require 'mew-submit-queue)
(require 'mew-submit-report)
(require 'mew-submit-restore)
(require 'mew-submit-time)
(require 'seq)
(require 'tabulated-list)

(declare-function mew-submit-diagnose "mew-submit-diagnose" (host))
(defvar mew-submit-sent)

;;; The table

(defun mew-submit-browser--size (octets)
  "Return OCTETS, a number or nil, as people write it."
  (if octets (file-size-human-readable octets) ""))

(defun mew-submit-browser--next (entry)
  "Return when ENTRY is tried next, in words."
  (let ((next (plist-get entry :next)))
    (pcase (plist-get entry :state)
      ('queued (if (and next (> next (float-time)))
                   (format-time-string "%H:%M:%S" next)
                 "soon"))
      ('held (cond ((null next) "-")
                   ((< (- next (float-time)) 86400)
                    (format-time-string "%H:%M:%S" next))
                   (t (format-time-string "%y-%m-%d" next))))
      (_ "-"))))

(defun mew-submit-browser--state (entry)
  "Return the state of ENTRY, in its face, with how much has been sent."
  (let* ((state (plist-get entry :state))
         (progress (mew-submit-queue-progress entry))
         (total (and progress (max (cdr progress)
                                   (or (plist-get entry :bytes) 0)))))
    (propertize (if (and total (> total 0) (> (car progress) 0))
                    (format "%s %d%%" state (/ (* 100 (car progress)) total))
                  (symbol-name state))
                'face (mew-submit-notice-face state))))

(defun mew-submit-browser--text (text)
  "Return TEXT, or an empty string for nil, safe to show."
  (mew-submit-error-clean (format "%s" (or text ""))))

(defun mew-submit-browser--last (entry)
  "Return the last words about ENTRY, with a tooltip for what does not fit."
  (let ((text (mew-submit-browser--text (plist-get entry :last))))
    (if (string-empty-p text) text (propertize text 'help-echo text))))

(defun mew-submit-browser--row (entry)
  "Return the row of ENTRY, as `tabulated-list-entries' has it."
  (let ((account (plist-get entry :account)))
    (list (plist-get entry :id)
          (vector
           (mew-submit-browser--state entry)
           (mew-submit-browser--text (or (plist-get account :name)
                                         (plist-get account :server)))
           (mew-submit-browser--text
            (mew-submit-report-people (plist-get entry :recipients)))
           (mew-submit-browser--text (plist-get entry :subject))
           (mew-submit-browser--size (plist-get entry :bytes))
           (format "%s" (or (plist-get entry :attempts) 0))
           (mew-submit-browser--next entry)
           (mew-submit-browser--last entry)))))

(defvar mew-submit-browser--rows (make-hash-table :test #'eq :weakness 'key)
  "The rows of entries, which are never changed in place: (ROW . UNTIL).
UNTIL is the time when a row is no longer true, or nil.")

(defun mew-submit-browser--known-row (entry)
  "Return the row of ENTRY, which is not made anew unless it has to be."
  (pcase (gethash entry mew-submit-browser--rows)
    ((and `(,row . ,until) (guard (or (null until) (< (float-time) until))))
     row)
    (_ (let ((row (mew-submit-browser--row entry)))
         (puthash entry (cons row (plist-get entry :next))
                  mew-submit-browser--rows)
         row))))

(defun mew-submit-browser--entries ()
  "Return the rows of the table."
  (mapcar (lambda (entry)
            (if (mew-submit-queue-progress entry)
                (mew-submit-browser--row entry)
              (mew-submit-browser--known-row entry)))
          (mew-submit-queue-entries)))

(defvar mew-submit-outbox-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map tabulated-list-mode-map)
    (define-key map (kbd "RET") #'mew-submit-outbox-show)
    (define-key map "s" #'mew-submit-outbox-send)
    (define-key map "S" #'mew-submit-outbox-send-all)
    (define-key map "c" #'mew-submit-outbox-cancel)
    (define-key map "u" #'mew-submit-outbox-cancel)
    (define-key map "t" #'mew-submit-outbox-hold-until)
    (define-key map "e" #'mew-submit-outbox-edit)
    (define-key map "d" #'mew-submit-outbox-delete)
    (define-key map "l" #'mew-submit-outbox-log)
    (define-key map "D" #'mew-submit-outbox-diagnose)
    (define-key map "L" #'mew-submit-outbox-delivered)
    (define-key map "?" #'describe-mode)
    map)
  "Keymap of the outbox.")

(defconst mew-submit-browser--keys
  "s send  c cancel  e edit  t send at  d delete  l log  D diagnose  S all  ? more"
  "What the echo area says of the keys.")

(define-derived-mode mew-submit-outbox-mode tabulated-list-mode "Outbox"
  "Major mode for the messages that are not delivered yet.

\\{mew-submit-outbox-mode-map}"
  (setq tabulated-list-format
        [("State" 11 t) ("Account" 9 t) ("To" 16 t) ("Subject" 16 t)
         ("Size" 5 nil :right-align t) ("Try" 3 nil :right-align t)
         ("Next" 8 t) ("Last words" 0 nil)]
        tabulated-list-entries #'mew-submit-browser--entries
        tabulated-list-padding 1)
  (setq-local revert-buffer-function #'mew-submit-browser--revert)
  (setq-local mode-line-process '(:eval (mew-submit-browser--count)))
  (tabulated-list-init-header))

(defun mew-submit-browser--count ()
  "Return how many messages there are, for the mode line."
  (format " [%d]" (length (mew-submit-queue-entries))))

(defun mew-submit-browser--revert (&rest _)
  "Look at the outbox again and show it."
  (mew-submit-queue-look)
  (mew-submit-browser--print))

(defun mew-submit-browser--print ()
  "Show the table in the current buffer, with point where it was."
  (let ((windows (mapcar (lambda (window)
                           (cons window (save-excursion
                                          (goto-char (window-point window))
                                          (tabulated-list-get-id))))
                         (get-buffer-window-list nil nil t)))
        ;; Thousands of lines at once: one collection, afterwards, is enough.
        (gc-cons-threshold (max gc-cons-threshold 100000000)))
    (tabulated-list-print t)
    (pcase-dolist (`(,window . ,id) windows)
      (save-excursion
        (goto-char (point-min))
        (while (not (or (eobp) (equal (tabulated-list-get-id) id)))
          (forward-line))
        (unless (eobp)
          (set-window-point window (point)))))))

(defun mew-submit-browser--patch-line (row there)
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

(defun mew-submit-browser--patch ()
  "Bring those lines of the table up to date that are not.
With thousands of messages to print them all would take a second."
  (let ((rows (mew-submit-browser--entries))
        (there (make-hash-table :test #'equal))
        (inhibit-read-only t))
    (dolist (row rows)
      (puthash (car row) t there))
    (save-excursion
      (goto-char (point-min))
      (while rows
        (when (mew-submit-browser--patch-line (car rows) there)
          (pop rows)))
      (delete-region (point) (point-max)))
    (set-buffer-modified-p nil)))

(defun mew-submit-browser--buffer ()
  "Return the buffer with the table, or nil."
  (get-buffer "*mew-submit outbox*"))

(defvar mew-submit-browser--timer nil
  "The timer that will bring the table up to date, or nil.")

(defun mew-submit-browser--refresh ()
  "Bring the table up to date, if anybody sees it."
  (setq mew-submit-browser--timer nil)
  (when-let* ((buffer (mew-submit-browser--buffer)))
    (when (get-buffer-window buffer t)
      (with-current-buffer buffer
        ;; In another order a row may have to go elsewhere.
        (if tabulated-list-sort-key
            (mew-submit-browser--print)
          (mew-submit-browser--patch))))))

(defun mew-submit-browser--refresh-soon (&rest _)
  "Bring the table up to date soon, at most five times a second."
  (if (mew-submit-browser--buffer)
      (unless mew-submit-browser--timer
        (setq mew-submit-browser--timer
              (run-at-time 0.2 nil #'mew-submit-browser--refresh)))
    (remove-hook 'mew-submit-queue-change-hook
                 #'mew-submit-browser--refresh-soon)
    (remove-hook 'mew-submit-queue-progress-functions
                 #'mew-submit-browser--refresh-soon)))

;;;###autoload
(defun mew-submit-outbox ()
  "Show the messages that are not delivered yet, and what is true of each."
  (interactive)
  (mew-submit-queue-look)
  (mew-submit-queue-run)
  (add-hook 'mew-submit-queue-change-hook #'mew-submit-browser--refresh-soon)
  (add-hook 'mew-submit-queue-progress-functions
            #'mew-submit-browser--refresh-soon)
  (let ((buffer (get-buffer-create "*mew-submit outbox*")))
    (with-current-buffer buffer
      (unless (derived-mode-p 'mew-submit-outbox-mode)
        (mew-submit-outbox-mode))
      (mew-submit-browser--print))
    (pop-to-buffer buffer)
    (message "%s" mew-submit-browser--keys)))

;;; What can be done

(defun mew-submit-browser--id ()
  "Return the identifier of the message at point, or signal `user-error'."
  (or (tabulated-list-get-id) (user-error "No message here")))

(defun mew-submit-browser--entry ()
  "Return the entry at point, or signal `user-error'."
  (or (mew-submit-queue-entry (mew-submit-browser--id))
      (user-error "That message is not in the outbox any more")))

(defun mew-submit-outbox-send ()
  "Send the message at point now.
One that may have arrived already is sent again after a yes only."
  (interactive nil mew-submit-outbox-mode)
  (mew-submit-notice-send (mew-submit-browser--entry)))

(defun mew-submit-outbox-send-all ()
  "Send all that waits for the network now."
  (interactive nil mew-submit-outbox-mode)
  (message "Sending %d" (mew-submit-queue-flush)))

(defun mew-submit-outbox-cancel ()
  "Do not send the message at point: it is held until you say so.
One that is being sent is stopped, if that is still possible."
  (interactive nil mew-submit-outbox-mode)
  (mew-submit-queue-cancel (mew-submit-browser--id)))

(defun mew-submit-outbox-hold-until (time)
  "Send the message at point at TIME and not before."
  (interactive (progn (mew-submit-browser--entry)
                      (list (mew-submit-time-read)))
               mew-submit-outbox-mode)
  (mew-submit-queue-hold (mew-submit-browser--id) time)
  (message "It is sent at %s" (mew-submit-time-say time)))

(defun mew-submit-outbox-delete ()
  "Delete the message at point for good, after a yes."
  (interactive nil mew-submit-outbox-mode)
  (let ((entry (mew-submit-browser--entry)))
    (when (yes-or-no-p (format "Delete the mail to %s for good? "
                               (mew-submit-report-people
                                (plist-get entry :recipients))))
      (mew-submit-queue-delete (plist-get entry :id)))))

(defun mew-submit-outbox-diagnose ()
  "Find out what the network and the server of the message at point really do."
  (interactive nil mew-submit-outbox-mode)
  (let ((account (plist-get (mew-submit-browser--entry) :account)))
    (if (fboundp 'mew-submit-diagnose)
        (mew-submit-diagnose (plist-get account :server))
      (user-error "There is no diagnosis in this version"))))

(defun mew-submit-outbox-show ()
  "Show the message at point, raw, as it is sent."
  (interactive nil mew-submit-outbox-mode)
  (let ((file (mew-submit-outbox-message-file (mew-submit-browser--entry))))
    (pop-to-buffer (get-buffer-create "*mew-submit message*"))
    (special-mode)
    (let ((inhibit-read-only t)
          (coding-system-for-read 'utf-8-unix))
      (erase-buffer)
      (insert-file-contents file nil 0 1000000))
    (goto-char (point-min))
    (set-buffer-modified-p nil)))

;;; The log of a message

(defun mew-submit-browser--insert-log (entry)
  "Insert all that is known of ENTRY."
  (cl-flet ((line (name value)
              (when value
                (insert (propertize (format "%-12s" (concat name ":"))
                                    'face 'bold)
                        (mew-submit-browser--text value) "\n"))))
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
                           (format-time-string
                            "%F %T" (plist-get entry :created))))
    (line "Server said" (plist-get entry :reply))
    (insert "\n")
    (pcase-dolist (`(,time . ,text) (reverse (plist-get entry :history)))
      (insert (format-time-string "%F %T  " time)
              (mew-submit-browser--text text) "\n"))
    (unless (plist-get entry :history)
      (insert "No attempt has been made yet.\n"))))

(defun mew-submit-outbox-log ()
  "Show what happened to the message at point so far."
  (interactive nil mew-submit-outbox-mode)
  (let ((entry (mew-submit-browser--entry)))
    (pop-to-buffer (get-buffer-create "*mew-submit message log*"))
    (special-mode)
    (let ((inhibit-read-only t))
      (erase-buffer)
      (mew-submit-browser--insert-log entry))
    (goto-char (point-min))
    (visual-line-mode 1)))

(defun mew-submit-outbox-delivered ()
  "Show the log of the messages that were delivered."
  (interactive nil mew-submit-outbox-mode)
  (let ((file (expand-file-name "delivered.log" mew-submit-outbox-directory)))
    (unless (file-exists-p file)
      (user-error "Nothing was delivered yet"))
    (view-file file)
    (goto-char (point-max))))

;;; Editing again

(defvar-local mew-submit-browser--edited nil
  "The message that is edited here, until it is sent: (ENTRY . LOCK).")

(defun mew-submit-browser--sent ()
  "Forget the message that was edited here, and is sent now."
  (pcase-let ((`(,entry . ,lock) mew-submit-browser--edited))
    (when entry
      (setq mew-submit-browser--edited nil)
      (mew-submit-outbox-unlock lock)
      (ignore-errors (mew-submit-outbox-remove entry)))))

(defun mew-submit-browser--delete-p (entry)
  "Is ENTRY's message, whose buffer is killed, to be gone for good?
Only who gives up the mail, as by \\<message-mode-map>\\[message-kill-buffer], is asked."
  (and (eq this-command 'message-kill-buffer)
       (yes-or-no-p (format "Delete the mail to %s for good, from the outbox, too? "
                            (mew-submit-report-people
                             (plist-get entry :recipients))))))

(defun mew-submit-browser--say-again (entry)
  "Tell what becomes of ENTRY's message, which was edited and is not sent."
  (message
   "The mail to %s is in the outbox again, %s"
   (mew-submit-report-people (plist-get entry :recipients))
   (cond ((plist-get entry :next)
          (format-time-string "and is sent at %F %H:%M" (plist-get entry :next)))
         ((eq (plist-get entry :state) 'held)
          "and waits there: s in M-x mew-submit-outbox sends it")
         (t "as it was"))))

(defun mew-submit-browser--given-up ()
  "Put the message that was edited here, and is not sent, back into the outbox."
  (pcase-let ((`(,entry . ,lock) mew-submit-browser--edited))
    (when entry
      (setq mew-submit-browser--edited nil)
      (let ((outbox (file-name-directory
                     (directory-file-name (plist-get entry :directory))))
            (delete (mew-submit-browser--delete-p entry)))
        (when delete
          (mew-submit-outbox-remove entry))
        (mew-submit-outbox-unlock lock)
        (unless delete
          (mapc #'mew-submit-browser--say-again
                (mew-submit-outbox-put-back outbox)))
        (mew-submit-queue-look outbox)
        (mew-submit-queue-run)))))

(defun mew-submit-browser--edit (entry)
  "Put the message of ENTRY into a buffer in `message-mode'.
Return (BUFFER . ENTRY), with ENTRY as it is while the message is edited."
  (let ((buffer (generate-new-buffer "*mail: edited again*")))
    (condition-case err
        (with-current-buffer buffer
          (let ((account (mew-submit-restore-insert entry)))
            (message-mode)
            ;; An account that no field can name goes along with the buffer.
            (message-options-set 'mew-submit-account account))
          (message-goto-body)
          (cons buffer (mew-submit-outbox-set-aside entry)))
      ((error quit)
       (kill-buffer buffer)
       (signal (car err) (cdr err))))))

(defun mew-submit-browser--take (id directory)
  "Take the message ID out of the outbox DIRECTORY into a buffer; return that."
  (pcase-let ((`(,buffer . ,entry)
               (mew-submit-queue-take id #'mew-submit-browser--edit directory)))
    (with-current-buffer buffer
      (setq mew-submit-browser--edited
            (cons entry (mew-submit-outbox-lock id (plist-get entry :directory))))
      (add-hook 'message-sent-hook #'mew-submit-browser--sent nil t)
      (add-hook 'kill-buffer-hook #'mew-submit-browser--given-up nil t))
    (when (plist-get entry :delivered)
      (message "%s not get it again: see X-Mew-Submit-Not-To"
               (if (cdr (plist-get entry :delivered))
                   "Those who have it already will"
                 (concat (car (plist-get entry :delivered)) " has it and will"))))
    buffer))

;;;###autoload
(defun mew-submit-edit (id &optional directory)
  "Take the message ID out of the outbox DIRECTORY and edit it again.
It is kept in the directory \"edited\" there until the mail is sent.  When the
buffer is killed before that, or Emacs ends, it is in the outbox again."
  (let ((entry (mew-submit-queue-entry id directory)))
    (when (and entry
               (eq (plist-get entry :state) 'uncertain)
               (not (yes-or-no-p "It may have arrived already.  Edit it, and \
send it again? ")))
      (user-error "It stays in the outbox"))
    (pop-to-buffer-same-window (mew-submit-browser--take id directory))))

(defun mew-submit-outbox-edit ()
  "Take the message at point out of the outbox and edit it again.
One that is being sent has to be cancelled first."
  (interactive nil mew-submit-outbox-mode)
  (mew-submit-edit (mew-submit-browser--id)))

(defconst mew-submit-browser--undo-seconds 600
  "For how many seconds after it was sent a mail is the one to be brought back.")

(defun mew-submit-browser--just-sent ()
  "Return the entry of the mail that was sent last from here, or nil.
Nil also when that was long ago, or it has left."
  (pcase-let ((`(,id . ,time) mew-submit-sent))
    (when (and id (< (abs (- (float-time) time))
                     (+ mew-submit-delay mew-submit-browser--undo-seconds)))
      (mew-submit-queue-entry id))))

(defun mew-submit-browser--choose ()
  "Have the user choose one of the mails that have not left; return its entry."
  (let ((choices (mapcar
                  (lambda (entry)
                    (cons (format "%s to %s (%s)"
                                  (mew-submit-browser--text
                                   (plist-get entry :subject))
                                  (mew-submit-browser--text
                                   (mew-submit-report-people
                                    (plist-get entry :recipients)))
                                  (plist-get entry :id))
                          entry))
                  (seq-filter (lambda (entry)
                                (memq (plist-get entry :state) '(held queued)))
                              (nreverse (mew-submit-queue-entries))))))
    (unless choices
      (user-error "Too late: no mail waits in the outbox"))
    (cdr (assoc (completing-read
                 "The mail sent last has left.  Bring back which one that waits? "
                 choices nil t)
                choices))))

;;;###autoload
(defun mew-submit-undo-send ()
  "Bring back the mail that was sent last from this Emacs, if it has not left yet.
With `mew-submit-delay' there is time for that.  When it has left, another one
that waits in the outbox can be chosen."
  (interactive)
  (mew-submit-queue-look)
  (let ((entry (or (mew-submit-browser--just-sent)
                   (mew-submit-browser--choose))))
    (cond ((null entry) (user-error "No mail is brought back"))
          ((eq (plist-get entry :state) 'sending)
           (user-error "It is being sent: c in M-x mew-submit-outbox stops it"))
          (t (mew-submit-edit (plist-get entry :id))))))

(provide 'mew-submit-browser)
;;; mew-submit-browser.el ends here
