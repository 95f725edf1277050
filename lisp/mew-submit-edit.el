;;; mew-submit-edit.el --- A message taken out of the outbox again -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; M-x mew-submit-undo-send, and "e" in the outbox: a message comes back into a buffer in
;; Message mode.  It stays on disk meanwhile, and whoever gives it up finds it in the
;; outbox again.

;;; Code:

(require 'message)
(require 'mew-submit-error)
(require 'mew-submit-queue)
(require 'mew-submit-report)
(require 'mew-submit-restore)
(require 'mew-submit-spool)
(require 'seq)

(defvar mew-submit--sent)

(defvar-local mew-submit-edit--edited nil
  "The message that is edited here, until it is sent: (ENTRY . LOCK).")

;; Whatever mode the buffer is put into, by M-x or since it gets the name of a file: what is
;; sent must not come back, and what is given up must.
(put 'mew-submit-edit--edited 'permanent-local t)
(put 'mew-submit-edit--sent 'permanent-local-hook t)
(put 'mew-submit-edit--given-up 'permanent-local-hook t)

(defun mew-submit-edit--buffers (edited)
  "Return the buffers in which EDITED, as in `mew-submit-edit--edited', is edited.
A copy of one (`clone-indirect-buffer', `clone-buffer') has what is its own, and
its hooks."
  (seq-filter (lambda (buffer)
                (eq edited (buffer-local-value 'mew-submit-edit--edited buffer)))
              (buffer-list)))

(defun mew-submit-edit--sent ()
  "Forget the message that was edited here, and is sent now.
A quit comes too late: who is told of one sends it twice."
  (when-let* ((edited mew-submit-edit--edited)
              (inhibit-quit t))
    (dolist (buffer (mew-submit-edit--buffers edited))
      (with-current-buffer buffer
        (setq mew-submit-edit--edited nil)))
    ;; Unlocked it would be put back by another Emacs.
    (ignore-errors (mew-submit-spool--remove (car edited)))
    (mew-submit-spool--unlock (cdr edited))
    (setq quit-flag nil)))

(defun mew-submit-edit--delete-p (entry)
  "Is ENTRY's message, whose buffer is killed, to be gone for good?
Only who gives up the mail, as by \\<message-mode-map>\\[message-kill-buffer], is asked."
  (and (eq this-command 'message-kill-buffer)
       (yes-or-no-p (format "%sDelete the mail to %s for good, from the outbox, too? "
                            (if (buffer-modified-p)
                                "Your changes are lost (C-g goes on editing).  "
                              "")
                            (mew-submit-report--people
                             (plist-get entry :recipients))))))

(defun mew-submit-edit--say-again (entry)
  "Tell what becomes of ENTRY's message, which was edited and is not sent."
  (message
   "The mail to %s is in the outbox again, %s"
   (mew-submit-report--people (plist-get entry :recipients))
   (cond ((plist-get entry :next)
          (format-time-string "and is sent at %F %H:%M" (plist-get entry :next)))
         ((eq (plist-get entry :state) 'held)
          "and waits there: s in M-x mew-submit-outbox sends it")
         (t "as it was"))))

(defun mew-submit-edit--elsewhere-p ()
  "Is the message that is edited here edited in another buffer, too?
With an indirect buffer its base, which goes first, is what counts."
  (or (buffer-base-buffer)
      (seq-some (lambda (buffer)
                  (not (or (eq buffer (current-buffer)) (buffer-base-buffer buffer))))
                (mew-submit-edit--buffers mew-submit-edit--edited))))

(defun mew-submit-edit--put-back (entry lock delete)
  "Put ENTRY's message, which is edited and has LOCK, back into the outbox.
With DELETE non-nil it goes instead."
  (let ((outbox (file-name-directory
                 (directory-file-name (plist-get entry :directory)))))
    (when delete
      (mew-submit-spool--remove entry))
    (mew-submit-spool--unlock lock)
    (unless delete
      (mapc #'mew-submit-edit--say-again
            (mew-submit-spool--put-back outbox)))
    (mew-submit-known--refresh outbox)
    (mew-submit-dispatch--run)))

(defun mew-submit-edit--given-up ()
  "Put the message that was edited here, and is not sent, back into the outbox."
  (pcase-let ((`(,entry . ,lock) mew-submit-edit--edited))
    (when (and entry (not (mew-submit-edit--elsewhere-p)))
      ;; A quit at this question leaves all as it is.
      (let ((delete (mew-submit-edit--delete-p entry)))
        (setq mew-submit-edit--edited nil)
        (mew-submit-edit--put-back entry lock delete)))))

(defun mew-submit-edit--buffer (entry)
  "Put the message of ENTRY into a buffer in `message-mode'.
Return (BUFFER . ENTRY), with ENTRY as it is while the message is edited."
  (let ((buffer (generate-new-buffer "*mail: edited again*")))
    (condition-case err
        (with-current-buffer buffer
          ;; A quit is for before it is set aside, not for between that and the lock.
          (let* ((inhibit-quit nil)
                 (account (mew-submit-restore--insert entry)))
            (message-mode)
            (when (text-property-any (point-min) (point-max) 'hard t)
              (use-hard-newlines 1 'never))
            ;; An account that no field can name goes along with the buffer.
            (message-options-set 'mew-submit-account account)
            (message-options-set 'mew-submit-edited (plist-get entry :id))
            (message-goto-body))
          ;; There was nothing before this.
          (setq buffer-undo-list nil)
          (set-buffer-modified-p nil)
          ;; One question is enough, and Emacs' own would make `this-command' another.
          (setq-local message-kill-buffer-query nil)
          (cons buffer (mew-submit-spool--set-aside entry)))
      ((error quit)
       (kill-buffer buffer)
       (signal (car err) (cdr err))))))

;;;###mew-submit
(defun mew-submit-edit--take (id directory)
  "Take the message ID out of the outbox DIRECTORY into a buffer; return that.
Signal `user-error' when another Emacs, which saw nobody edit it, was faster."
  (pcase-let* ((inhibit-quit t)
               (`(,buffer . ,entry)
                (mew-submit-queue--take id #'mew-submit-edit--buffer directory))
               (lock (mew-submit-spool--lock id (plist-get entry :directory))))
    (unless lock
      (kill-buffer buffer)
      (user-error "Another Emacs has put it back into the outbox; try again"))
    (with-current-buffer buffer
      (setq mew-submit-edit--edited (cons entry lock))
      (add-hook 'message-sent-hook #'mew-submit-edit--sent nil t)
      (add-hook 'kill-buffer-hook #'mew-submit-edit--given-up nil t))
    (setq quit-flag nil)
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
  (let ((entry (mew-submit-known--entry id directory)))
    (when (and entry
               (eq (plist-get entry :state) 'uncertain)
               (not (yes-or-no-p "It may have arrived already.  Edit it, and \
send it again? ")))
      (user-error "It stays in the outbox"))
    (pop-to-buffer-same-window (mew-submit-edit--take id directory))))

(defconst mew-submit-edit--undo-seconds 600
  "For how many seconds after it was sent a mail is the one to be brought back.")

(defun mew-submit-edit--just-sent ()
  "Return the entry of the mail that was sent last from here, or nil.
Nil also when that was long ago, or it has left."
  (pcase-let ((`(,id . ,time) mew-submit--sent))
    (when (and id (< (abs (- (float-time) time))
                     (+ mew-submit-delay mew-submit-edit--undo-seconds)))
      (mew-submit-known--entry id))))

(defun mew-submit-edit--choose ()
  "Have the user choose one of the mails that have not left; return its entry."
  (let ((choices (mapcar
                  (lambda (entry)
                    (cons (format "%s to %s (%s)"
                                  (mew-submit-error--clean
                                   (or (plist-get entry :subject) ""))
                                  (mew-submit-error--clean
                                   (mew-submit-report--people
                                    (plist-get entry :recipients)))
                                  (plist-get entry :id))
                          entry))
                  (seq-filter (lambda (entry)
                                (memq (plist-get entry :state) '(held queued)))
                              (nreverse (mew-submit-known--entries))))))
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
  (mew-submit-error--as-user-error
    (mew-submit-known--refresh))
  (let ((entry (or (mew-submit-edit--just-sent)
                   (mew-submit-edit--choose))))
    (cond ((null entry) (user-error "No mail is brought back"))
          ((eq (plist-get entry :state) 'sending)
           (user-error "It is being sent: c in M-x mew-submit-outbox stops it"))
          (t (mew-submit-edit (plist-get entry :id))))))

(provide 'mew-submit-edit)
;;; mew-submit-edit.el ends here
