;;; mew-submit-browser.el --- The outbox as a table -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 6.  M-x mew-submit-outbox: every message that is not delivered yet, what is
;; true of it, and what can be done with it.  Editing a message again is here too.

;;; Code:

(require 'cl-lib)
(require 'message)
(require 'mew-submit-address)
(require 'mew-submit-error)
(require 'mew-submit-copies)
(require 'mew-submit-message)
(require 'mew-submit-notice)
(require 'mew-submit-outbox)
(require 'mew-submit-queue)
(require 'mew-submit-report)
(require 'seq)
(require 'tabulated-list)

(declare-function mew-submit-diagnose "mew-submit-diagnose" (host))
(declare-function mime-to-mml "mml" (&optional handles))
(declare-function org-read-date "org"
                  (&optional with-time to-time from-string prompt
                             default-time default-input inactive))

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
           (mew-submit-browser--text (plist-get entry :last))))))

(defun mew-submit-browser--entries ()
  "Return the rows of the table."
  (mapcar #'mew-submit-browser--row (mew-submit-queue-entries)))

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
    map)
  "Keymap of the outbox.")

(defconst mew-submit-browser--keys
  "RET show  s send now  c cancel/undo  e edit  t send at  d delete  \
l log  D diagnose  S send all  L delivered"
  "What the header says of the keys.")

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
                         (get-buffer-window-list nil nil t))))
    (tabulated-list-print t)
    (pcase-dolist (`(,window . ,id) windows)
      (save-excursion
        (goto-char (point-min))
        (while (not (or (eobp) (equal (tabulated-list-get-id) id)))
          (forward-line))
        (unless (eobp)
          (set-window-point window (point)))))))

(defun mew-submit-browser--buffer ()
  "Return the buffer with the table, or nil."
  (get-buffer "*mew-submit outbox*"))

(defvar mew-submit-browser--timer nil
  "The timer that will bring the table up to date, or nil.")

(defun mew-submit-browser--refresh ()
  "Bring the table up to date, if anybody sees it."
  (setq mew-submit-browser--timer nil)
  (when-let ((buffer (mew-submit-browser--buffer)))
    (when (get-buffer-window buffer t)
      (with-current-buffer buffer
        (mew-submit-browser--print)))))

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

(defun mew-submit-browser--read-time ()
  "Ask for a time, with the calendar of Org."
  (require 'org)
  (org-read-date t t nil "Send at:"))

(defun mew-submit-outbox-hold-until (time)
  "Send the message at point at TIME and not before."
  (interactive (list (mew-submit-browser--read-time)) mew-submit-outbox-mode)
  (mew-submit-queue-hold (mew-submit-browser--id) time))

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

(defun mew-submit-browser--hidden (entry)
  "Return the recipients of ENTRY that its header does not name."
  (let ((named (ignore-errors
                 (mew-submit-message-recipients
                  (mew-submit-message-fields
                   (mew-submit-outbox-message-file entry))))))
    (seq-remove (lambda (address)
                  (seq-some (lambda (other)
                              (equal (downcase address) (downcase other)))
                            named))
                (plist-get entry :recipients))))

(defun mew-submit-browser--insert-message (entry file)
  "Insert the message of ENTRY, which is in FILE, as `message-mode' edits it."
  (set-buffer-multibyte nil)
  (let ((coding-system-for-read 'binary))
    (insert-file-contents file))
  (goto-char (point-min))
  (while (search-forward "\r\n" nil t)
    (replace-match "\n"))
  (set-buffer-multibyte 'to)            ; octets stay octets
  (mime-to-mml)
  (goto-char (point-min))
  (rfc822-goto-eoh)
  (let ((end (point-marker))
        (hidden (mew-submit-browser--hidden entry)))
    (save-restriction
      (narrow-to-region (point-min) end)
      (message-remove-header
       "\\(?:MIME-Version\\|Content-[^:]*\\|Date\\|Message-ID\\|Lines\\):" t)
      (when hidden
        (goto-char (point-max))
        (insert "Bcc: " (string-join hidden ", ") "\n"))
      (goto-char (point-max))
      (insert (mew-submit-copies-header entry)))
    (insert mail-header-separator)
    (unless (eolp)
      (insert "\n"))))

(defun mew-submit-browser--keep (entry)
  "Copy the message of ENTRY to a file for the time it is edited; return that."
  (let* ((directory (mew-submit-outbox-prepare
                     (expand-file-name "edited/"
                                       (plist-get entry :directory))))
         (file (mew-submit-outbox-file (plist-get entry :id) ".eml" directory)))
    (copy-file (mew-submit-outbox-message-file entry) file t)
    (set-file-modes file #o600)
    file))

(defvar-local mew-submit-browser--kept nil
  "The file that keeps the message that is edited here, until it is sent.")

(defun mew-submit-browser--sent ()
  "Delete the copy of the message that was edited here, and is sent now."
  (when mew-submit-browser--kept
    (ignore-errors (delete-file mew-submit-browser--kept))
    (setq mew-submit-browser--kept nil)))

(defun mew-submit-browser--edit (entry)
  "Put the message of ENTRY into a buffer in `message-mode'; return that."
  (let ((kept (mew-submit-browser--keep entry))
        (buffer (generate-new-buffer "*mail: edited again*")))
    (condition-case err
        (with-current-buffer buffer
          (mew-submit-browser--insert-message entry kept)
          (message-mode)
          (setq mew-submit-browser--kept kept)
          (add-hook 'message-sent-hook #'mew-submit-browser--sent nil t)
          (message-goto-body)
          buffer)
      (error (kill-buffer buffer)
             (delete-file kept)
             (signal (car err) (cdr err))))))

;;;###autoload
(defun mew-submit-edit (id &optional directory)
  "Take the message ID out of the outbox DIRECTORY and edit it again.
A copy is in the directory \"edited\" there until the mail is sent."
  (let ((entry (mew-submit-queue-entry id directory)))
    (when (and entry
               (eq (plist-get entry :state) 'uncertain)
               (not (yes-or-no-p "It may have arrived already.  Edit it, and \
send it again? ")))
      (user-error "It stays in the outbox"))
    (pop-to-buffer-same-window
     (mew-submit-queue-take id #'mew-submit-browser--edit directory))))

(defun mew-submit-outbox-edit ()
  "Take the message at point out of the outbox and edit it again.
One that is being sent has to be cancelled first."
  (interactive nil mew-submit-outbox-mode)
  (mew-submit-edit (mew-submit-browser--id)))

;;;###autoload
(defun mew-submit-undo-send ()
  "Bring back the message that was sent last, if it has not left yet.
With `mew-submit-delay' there is time for that."
  (interactive)
  (mew-submit-queue-look)
  (let ((entry (car (last (seq-filter
                           (lambda (entry)
                             (memq (plist-get entry :state) '(held queued)))
                           (mew-submit-queue-entries))))))
    (unless entry
      (user-error "Too late: no mail waits in the outbox"))
    (mew-submit-edit (plist-get entry :id))))

(provide 'mew-submit-browser)
;;; mew-submit-browser.el ends here
