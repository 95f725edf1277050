;;; mew-submit-copies.el --- Copies of sent mail are filed when it is delivered -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what Fcc and Gcc mean: what they ask for is kept with the message
;; in the outbox, and filed once that is delivered, also by another Emacs.  Until
;; all is filed the message stays in copies/ in the outbox.
;;
;; Each copy that is wanted is a plist:
;; :kind   what :place is: `mbox', a file; `maildir', a new file in a maildir; `pipe', a
;;         shell command; `gcc', groups of Gnus; `notmuch', what notmuch has in Fcc;
;;         `function', a file for the function in :function; `closure', a file for a
;;         function that only this Emacs knows, by :token; `call': the function in
;;         :function is called with the plist and knows it all
;; :needs  a feature that has to be there before it can be filed
;; :bcc    the Bcc field, which the copy has and the message in the outbox has not
;; :in     the directory a shell command is run in, that of the mail buffer
;;
;; Nobody is asked anything, nor waited for while a machine is connected, unless they have
;; called for the copies: a key that comes meanwhile is meant for something else.  Programs (a
;; shell command, notmuch insert) run in the background; what cannot, a quit ends, and the copy
;; is left for later.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-spool)
(require 'mew-submit-report)
(require 'mew-submit-store)
(require 'seq)
(require 'subr-x)

(declare-function gnus-inews-do-gcc "gnus-msg" (&optional gcc))
(declare-function gnus-inews-group-method "gnus-msg" (group))
(declare-function gnus-request-accept-article "gnus-int"
                  (group &optional gnus-command-method last no-encode))
(declare-function gnus-status-message "gnus-int" (gnus-command-method))
(declare-function gnus-output-to-mail "gnus-util" (filename &optional ask))
(declare-function gnus-output-to-rmail "gnus-util" (filename &optional ask))
(declare-function message-narrow-to-headers "message" ())
(declare-function message-remove-header "message"
                  (header &optional is-regexp first reverse))
(declare-function message-tokenize-header "message" (header &optional separator))
(declare-function mu4e--server-add "ext:mu4e-server" (path))
(declare-function mu4e-running-p "ext:mu4e-server" ())
(declare-function notmuch-maildir-notmuch-insert-current-buffer
                  "ext:notmuch-maildir-fcc" (folder &optional create tags))
(declare-function notmuch-maildir-fcc-dir-is-maildir-p
                  "ext:notmuch-maildir-fcc" (dir))
(declare-function notmuch-maildir-fcc-create-maildir
                  "ext:notmuch-maildir-fcc" (path))
(declare-function notmuch-maildir-fcc-write-buffer-to-maildir
                  "ext:notmuch-maildir-fcc" (destdir &optional mark-seen))
(defvar gnus-gcc-externalize-attachments)
(defvar gnus-gcc-pre-body-encode-hook)
(defvar mail-header-separator)
(defvar message-encoded-mail-cache)
(defvar message-fcc-externalize-attachments)
(defvar message-fcc-handler-function)
(defvar notmuch-maildir-use-notmuch-insert)
(defvar rfc2047-encode-encoded-words)

;;; What is asked for

(defvar mew-submit-copies--closures (make-hash-table :test #'equal)
  "Functions that file a copy and have no name, by their tokens.")

(defvar mew-submit-copies--tokens 0
  "How many tokens there have been: one that is free again may be on disk.")

(defun mew-submit-copies--maildir-p (file)
  "Is FILE in a directory cur/ or new/, as those of a maildir?"
  (let ((directory (directory-file-name (file-name-directory file))))
    (member (file-name-nondirectory directory) '("cur" "new"))))

(defun mew-submit-copies--in-file (file)
  "Return the copy in FILE, an mbox file or a new one in a maildir.
Signal `user-error' for a directory, in which no copy could ever be filed."
  (when (and (not (file-remote-p file)) (file-directory-p file))
    (user-error "Fcc names %s, a directory: name a file in it"
                (abbreviate-file-name file)))
  (list :kind (if (mew-submit-copies--maildir-p file) 'maildir 'mbox)
        :place file))

(defun mew-submit-copies--by-handler (file handler)
  "Return the copy in FILE that HANDLER, as in message.el, would make."
  (cond ((memq handler '(nil message-output rmail-output))
         (mew-submit-copies--in-file file))
        ((symbolp handler)
         (list :kind 'function :place file :function handler))
        ;; That is mu4e, whose function writes the file and tells mu4e of it.
        ((mew-submit-copies--maildir-p file)
         (list :kind 'maildir :place file))
        (t (let ((token (format "%s-%s-%d" (emacs-pid) (float-time before-init-time)
                                (cl-incf mew-submit-copies--tokens))))
             (puthash token handler mew-submit-copies--closures)
             (list :kind 'closure :place file :token token)))))

(defun mew-submit-copies--for-fcc (value)
  "Return the copy that an Fcc field with VALUE asks for in the current buffer."
  (cond ((string-match "\\`|[ \t]*\\(.*\\)\\'" value)
         (list :kind 'pipe :place (match-string 1 value) :in default-directory))
        ((derived-mode-p 'notmuch-message-mode)
         (list :kind 'notmuch :place value
               :insert (and (bound-and-true-p notmuch-maildir-use-notmuch-insert)
                            t)))
        (t (mew-submit-copies--by-handler (expand-file-name value)
                                          message-fcc-handler-function))))

(defun mew-submit-copies--values (field &optional end cut)
  "Return the values of all FIELDs of the header, which ends at END.
With CUT non-nil they are cut out of it, the empty ones, too."
  (let ((field (format "^%s[ \t]*:[ \t]*\\(.*\\(?:\n[ \t].*\\)*\\)\n" field))
        values)
    (goto-char (point-min))
    ;; `mail-fetch-field' of Emacs 28 makes no list of them.
    (while (mew-submit-caseless--folding
             (re-search-forward field end t))
      (let ((text (match-string 1)))
        (when cut
          (replace-match "" t t))
        (push (string-trim (replace-regexp-in-string "\n[ \t]*" " " text)) values)))
    (delete "" (nreverse values))))

(defun mew-submit-copies--resent-p (&optional end)
  "Is the header of the current buffer, which ends at END, of a message sent again?
Its Fcc is somebody else's, and could be a command for the shell."
  (goto-char (point-min))
  (mew-submit-caseless--folding
    (re-search-forward "^Resent-" end t)))

(defun mew-submit-copies--groups (value)
  "Return the groups in VALUE, of a Gcc field, as Gnus takes it apart.
Each is a copy of its own: what one does not take is not put into the others
again.  In Emacs 30 only commas are between groups, in 28 blanks, too."
  (delete "" (mapcar #'string-trim
                     (message-tokenize-header value (and (< emacs-major-version 29)
                                                         " ,\n\t")))))

(defun mew-submit-copies--of-message ()
  "Return the copies that the current buffer, in Message mode, asks for.
Those that are to have attachments as external parts are not among them: they
cannot be made of the message that is sent."
  (save-excursion
    (save-restriction
      (widen)
      (message-narrow-to-headers)
      (unless (mew-submit-copies--resent-p)
        (append
         (unless message-fcc-externalize-attachments
           (mapcar #'mew-submit-copies--for-fcc
                   (mew-submit-copies--values "Fcc")))
         (unless (bound-and-true-p gnus-gcc-externalize-attachments)
           (mapcar (lambda (group)
                     (list :kind 'gcc :place group :needs 'gnus-msg))
                   (mapcan #'mew-submit-copies--groups
                           (mew-submit-copies--values "Gcc")))))))))

(defun mew-submit-copies--take-over (copies)
  "Remove from the current buffer, in Message mode, the fields COPIES stand for.
So Message mode and Gnus do not file them now."
  (save-excursion
    (save-restriction
      (widen)
      (message-narrow-to-headers)
      (let ((inhibit-read-only t))
        (when (seq-some (lambda (copy) (not (eq (plist-get copy :kind) 'gcc)))
                        copies)
          (message-remove-header "Fcc"))
        (when (seq-some (lambda (copy) (eq (plist-get copy :kind) 'gcc)) copies)
          (message-remove-header "Gcc"))))))

(defun mew-submit-copies--cut (end)
  "Cut the Fcc fields out of the header up to END, a marker; return the copies.
This is for Mail mode, where they name files.  Those of a message that is sent
again are cut and forgotten."
  (let ((resent (mew-submit-copies--resent-p end))
        (names (mew-submit-copies--values "Fcc" end t)))
    (unless resent
      (mapcar (lambda (name) (mew-submit-copies--in-file (expand-file-name name)))
              names))))

(defun mew-submit-copies--with-bcc (copies fields)
  "Return COPIES with the Bcc of FIELDS, which are those of the message's header."
  (let ((bcc (mapconcat (lambda (field)
                          (if (member (car field) '("bcc" "resent-bcc"))
                              (replace-regexp-in-string "\r\n?" "\n"
                                                        (cdr field))
                            ""))
                        fields "")))
    (if (string-empty-p bcc)
        copies
      (mapcar (lambda (copy)
                (append copy (list :bcc (decode-coding-string bcc 'utf-8))))
              copies))))

(defun mew-submit-copies--field (copy id)
  "Return the field that asks Message mode for COPY of the message ID.
Message mode knows nothing of notmuch, to which Fcc is a directory."
  (let ((place (plist-get copy :place)))
    (pcase (plist-get copy :kind)
      ('gcc (concat "Gcc: " place "\n"))
      ('pipe (concat "Fcc: |" place "\n"))
      ('call "")
      ((and 'notmuch (guard (plist-get copy :insert)))
       (concat "Fcc: |" (mapconcat #'shell-quote-argument
                                   (mew-submit-copies--program copy) " ")
               "\n"))
      ('notmuch (format "Fcc: %s/cur/%s:2,S\n" (directory-file-name place) id))
      (_ (concat "Fcc: " place "\n")))))

(defun mew-submit-copies--header (entry)
  "Return the fields that ask Message mode for the copies of ENTRY."
  (mapconcat (lambda (copy) (mew-submit-copies--field copy (plist-get entry :id)))
             (plist-get entry :fcc) ""))

;;; Filing

(defun mew-submit-copies--insert (file copy)
  "Insert the message in FILE, as octets, with the Bcc of COPY."
  (set-buffer-multibyte nil)
  (setq buffer-file-coding-system 'no-conversion)
  (let ((coding-system-for-read 'binary)
        (file-name-handler-alist nil))
    (insert-file-contents-literally file))
  (goto-char (point-min))
  (while (search-forward "\r\n" nil t)
    (replace-match "\n" t t))
  (when-let* ((bcc (plist-get copy :bcc)))
    (goto-char (point-min))
    (if (re-search-forward "^\n" nil t)
        (goto-char (match-beginning 0))
      (goto-char (point-max)))
    (insert (encode-coding-string bcc 'utf-8)))
  (goto-char (point-min)))

(defun mew-submit-copies--mbox-in-buffer (file visiting)
  "Append the message in the current buffer to the buffer VISITING, of FILE.
Who is in that stays where they are, and sees what they saw."
  (let ((copy (current-buffer)))
    (with-current-buffer visiting
      ;; Emacs would ask, at the first change or when it saves.
      (unless (or (verify-visited-file-modtime) (not (file-exists-p file)))
        (error "The file has changed since it was read into the buffer %s: \
M-x revert-buffer there" (buffer-name)))
      ;; All that is in it then is that message, which would have the copy in it.
      (when (derived-mode-p 'rmail-edit-mode)
        (error "A message of it is being edited in the buffer %s: C-c C-c there"
               (buffer-name)))
      (if (derived-mode-p 'rmail-mode)
          (with-current-buffer copy
            (gnus-output-to-rmail file))
        (save-excursion
          (save-restriction
            (widen)
            (with-current-buffer copy
              (gnus-output-to-mail file))))))))

(defun mew-submit-copies--mbox (file)
  "Append the message in the current buffer to FILE, or to a buffer that has it."
  (require 'gnus-util)
  (make-directory (file-name-directory file) t)
  (let ((visiting (find-buffer-visiting file)))
    (if visiting
        (mew-submit-copies--mbox-in-buffer file visiting)
      ;; The rest of a copy that found no room would have this one in it.
      (when (and (not (find-file-name-handler file 'write-region))
                 (file-exists-p file)
                 (mew-submit-store--cut-off-p file))
        (write-region "\n\n" nil file t 'silent))
      (gnus-output-to-mail file))))

(defun mew-submit-copies--maildir (file)
  "Write the message in the current buffer to FILE, new in a maildir."
  (let* ((maildir (file-name-directory
                   (directory-file-name (file-name-directory file))))
         (part (expand-file-name
                (concat "tmp/" (replace-regexp-in-string
                                ":.*" "" (file-name-nondirectory file)))
                maildir))
         (coding-system-for-write 'no-conversion))
    (dolist (name '("cur" "new" "tmp"))
      (make-directory (expand-file-name name maildir) t))
    (unwind-protect
        (progn (write-region nil nil part nil 'silent)
               (rename-file part file t))
      ;; Half a copy would keep the disk full.
      (ignore-errors (delete-file part)))
    (when (and (fboundp 'mu4e--server-add)
               (fboundp 'mu4e-running-p)
               (mu4e-running-p))
      (mu4e--server-add file))))

(defun mew-submit-copies--notmuch (copy)
  "File the message in the current buffer by notmuch, where COPY has it."
  (require 'notmuch-maildir-fcc)
  (let ((place (plist-get copy :place)))
    (if (plist-get copy :insert)
        (pcase-let ((`(,folder . ,tags) (split-string-and-unquote place)))
          (notmuch-maildir-notmuch-insert-current-buffer folder t tags))
      (unless (notmuch-maildir-fcc-dir-is-maildir-p place)
        (notmuch-maildir-fcc-create-maildir place))
      (unless (notmuch-maildir-fcc-write-buffer-to-maildir place t)
        (error "Not written to the maildir %s" place)))))

(defun mew-submit-copies--pipe (command)
  "Have COMMAND, for the shell, read the message in the current buffer."
  (let* ((coding-system-for-write 'no-conversion)
         (status (call-shell-region (point-min) (point-max) command)))
    (unless (eql status 0)
      (error "The command failed (%s): %s" status command))))

(defun mew-submit-copies--gcc (groups)
  "Put the message in the current buffer into GROUPS of Gnus.
A group that does not take it is no error to Gnus, and one to us."
  (require 'gnus-msg)
  (require 'gnus-int)
  (goto-char (point-min))
  (when (re-search-forward "^\n" nil t)
    (goto-char (match-beginning 0))
    (insert mail-header-separator))
  (setq-local message-encoded-mail-cache (buffer-string))
  (let ((gnus-gcc-externalize-attachments nil)
        (gnus-gcc-pre-body-encode-hook nil)
        ;; The header is encoded already.
        (rfc2047-encode-encoded-words nil)
        (accept (symbol-function 'gnus-request-accept-article))
        (find (symbol-function 'gnus-inews-group-method))
        (left 0)
        method)
    ;; Gnus asks for the method of each group, and then that to accept the article.
    (cl-letf (((symbol-function 'gnus-inews-group-method)
               (lambda (group)
                 (cl-incf left)
                 (setq method (funcall find group))))
              ((symbol-function 'gnus-request-accept-article)
               (lambda (&rest arguments)
                 (let ((article (apply accept arguments)))
                   (when article
                     (cl-decf left))
                   article))))
      (gnus-inews-do-gcc groups))
    (when (> left 0)
      (error "Gnus could not store it there: %s"
             (or (ignore-errors (gnus-status-message method)) "nothing was said")))))

(defun mew-submit-copies--call (copy)
  "Have the function of COPY file the message in the current buffer."
  (let ((function (or (plist-get copy :function)
                      (gethash (plist-get copy :token)
                               mew-submit-copies--closures)))
        (place (plist-get copy :place))
        (coding-system-for-write 'no-conversion))
    (when (and function (not (functionp function)))
      (error "The function %s, which files it, is not known in this Emacs" function))
    (make-directory (file-name-directory place) t)
    (if function
        (funcall function place)
      ;; Of a function without a name another Emacs does not know more.
      (mew-submit-copies--mbox place))))

(defun mew-submit-copies--ready-p (copy)
  "Can COPY be filed now?  One for Gnus or Mew waits until that has been loaded.
One for a function of the user's, whose init file a batch Emacs does not read,
waits for an Emacs that has it."
  (let ((needs (plist-get copy :needs)))
    (and (or (null needs) (featurep needs))
         (not (and noninteractive
                   (eq (plist-get copy :kind) 'function)
                   (not (functionp (plist-get copy :function))))))))

(defvar mew-submit-copies--told nil
  "What was told of copies that wait: a list of (STEM . TEXT).")

(defun mew-submit-copies--tell (entry format &rest args)
  "Tell FORMAT with ARGS about ENTRY's copies, once.
Whoever gives a command for them hears it again."
  (let ((told (cons (plist-get entry :stem) (apply #'format format args))))
    (when (or (mew-submit-background--command-p)
              (not (member told mew-submit-copies--told)))
      (cl-pushnew told mew-submit-copies--told :test #'equal)
      (display-warning 'mew-submit (cdr told)))))

(defun mew-submit-copies--warn (entry copy err)
  "Tell that COPY of ENTRY's message was not filed, because of ERR."
  (mew-submit-copies--tell
   entry "Mail to %s was delivered, but the copy for %s was not filed: %s\n\
M-x mew-submit-file-copies tries again; after C-u you can do without it."
   (mew-submit-report--people (plist-get entry :delivered))
   (plist-get copy :place) (mew-submit-error--text err)))

(defun mew-submit-copies--directory (copy)
  "Return the directory in which COPY is to be filed, or for none the user's."
  (let ((directory (plist-get copy :in)))
    (if (and directory
             (not (file-remote-p directory))
             (file-accessible-directory-p directory))
        directory
      (expand-file-name "~/"))))

(defun mew-submit-copies--connected (host)
  "Signal an error if HOST, of a remote file name, has to be connected first.
To connect takes its time, and may ask for a password."
  (unless (file-remote-p host nil t)
    (error "Emacs is not connected to %s" host)))

(defun mew-submit-copies--with-pauses (function argument)
  "Call FUNCTION, the user's or Gnus's, with ARGUMENT.
A pause in it, which would look for a key, is no question: where those are
errors a copy that is in its place would be filed once more."
  (let ((sit-for (symbol-function 'sit-for)))
    (cl-letf (((symbol-function 'sit-for)
               (lambda (&rest pause)
                 (if inhibit-interaction
                     (progn (redisplay) t)
                   (apply sit-for pause)))))
      (funcall function argument))))

(defun mew-submit-copies--try (entry copy)
  "Try to file COPY of the message of ENTRY; return nil if it is not filed.
A quit leaves it for later, and so does a question to somebody who has not
called for the copies."
  (condition-case err
      (let ((inhibit-quit nil)
            ;; Mew asks nothing, but waits for a tunnel as if it did.
            (inhibit-interaction (not (or (eq (plist-get copy :kind) 'call)
                                          (mew-submit-background--command-p))))
            ;; The message goes after this: a batch Emacs, too, has the copy on disk before.
            (write-region-inhibit-fsync nil)
            (place (plist-get copy :place)))
        (when (and inhibit-interaction (file-remote-p place))
          (mew-submit-copies--connected (file-remote-p place)))
        (with-temp-buffer
          (setq default-directory (mew-submit-copies--directory copy))
          (mew-submit-copies--insert (mew-submit-spool--message-file entry) copy)
          (pcase (plist-get copy :kind)
            ('mbox (mew-submit-copies--mbox place))
            ('maildir (mew-submit-copies--maildir place))
            ('pipe (mew-submit-copies--pipe place))
            ('notmuch (mew-submit-copies--notmuch copy))
            ('gcc (mew-submit-copies--with-pauses #'mew-submit-copies--gcc place))
            ((or 'function 'closure)
             (mew-submit-copies--with-pauses #'mew-submit-copies--call copy))
            ('call (funcall (plist-get copy :function) copy))
            (kind (error "Nobody knows how to file a copy of kind %s" kind))))
        t)
    (quit (mew-submit-copies--warn entry copy '(error "You have said: not now"))
          nil)
    (inhibited-interaction
     (mew-submit-copies--warn entry copy '(error "You would be asked something"))
     nil)
    (error (mew-submit-copies--warn entry copy err)
           nil)))

(defun mew-submit-copies--program (copy)
  "Return the program that files COPY, a list, or nil if it is not one."
  (let ((place (plist-get copy :place)))
    (pcase (plist-get copy :kind)
      ('pipe (list shell-file-name shell-command-switch place))
      ((and 'notmuch (guard (plist-get copy :insert)))
       (pcase-let ((`(,folder . ,tags) (split-string-and-unquote place)))
         (append (list (if (boundp 'notmuch-command)
                           (symbol-value 'notmuch-command)
                         "notmuch")
                       "insert" "--create-folder" (concat "--folder=" folder))
                 tags))))))

(defun mew-submit-copies--ended (process copy)
  "Return nil if PROCESS has filed COPY, else a condition with the reason."
  (let ((status (process-exit-status process)))
    (unless (and (eq (process-status process) 'exit) (zerop status))
      (let ((said (string-trim (or (process-get process 'mew-submit-said) ""))))
        (list 'error (format "The command failed (%s): %s%s%s" status
                             (plist-get copy :place)
                             (if (string-empty-p said) "" ": ")
                             (mew-submit-error--clean
                              (replace-regexp-in-string "[ \t\n]+" " " said))))))))

(defun mew-submit-copies--listen (process text)
  "Keep TEXT, unless PROCESS, a program that files a copy, has said enough."
  (let ((said (process-get process 'mew-submit-said)))
    (when (length< said 1000)
      (process-put process 'mew-submit-said (concat said text)))))

(defun mew-submit-copies--write (entry copy)
  "Write the message of ENTRY as COPY has it to a new file; return its name."
  (let ((file (make-temp-file (expand-file-name "copy-" (plist-get entry :directory))
                              nil ".part"))
        (coding-system-for-write 'no-conversion)
        written)
    (unwind-protect
        (with-temp-buffer
          (mew-submit-copies--insert (mew-submit-spool--message-file entry) copy)
          (write-region nil nil file nil 'silent)
          (setq written t))
      (unless written
        (ignore-errors (delete-file file))))
    file))

(defconst mew-submit-copies--programs-max 8
  "How many programs that file copies run at the same time at most.
The module locks so many messages, and Emacs has so many descriptors.")

(defvar mew-submit-copies--programs 0
  "How many programs that file copies are running.")

(defvar mew-submit-copies--rest nil
  "The messages that wait for a program to end: a list of (ID . DIRECTORY).")

(defun mew-submit-copies--start (entry copy then)
  "Have the program of COPY read the message of ENTRY, in the background.
THEN is called when it has ended, with non-nil if the copy is filed."
  ;; It reads a file: whoever feeds a pipe waits for one that does not read.
  (let ((file (mew-submit-copies--write entry copy))
        (default-directory (mew-submit-copies--directory copy)))
    (make-process
     :name "mew-submit copy" :noquery t :connection-type 'pipe
     :filter #'mew-submit-copies--listen
     :command (append (list "/bin/sh" "-c" "exec \"$@\" <\"$0\"" file)
                      (mew-submit-copies--program copy))
     :sentinel
     (lambda (process _)
       (unless (process-live-p process)
         (cl-decf mew-submit-copies--programs)
         (mew-submit-background--run
           (let ((why (mew-submit-copies--ended process copy)))
             (when why
               (mew-submit-copies--warn entry copy why))
             (funcall then (null why)))
           (mew-submit-copies--file-rest)
           (delete-file file)))))
    (cl-incf mew-submit-copies--programs)))

(defun mew-submit-copies--without (entry copy)
  "Return ENTRY as it is when COPY is filed or given up.
After the last one that is nil, and the message goes."
  (let* ((left (remq copy (plist-get entry :fcc)))
         (after (and left (mew-submit-spool--with entry :fcc left))))
    (remhash (plist-get copy :token) mew-submit-copies--closures)
    (if after
        (mew-submit-spool--write after t)
      (mew-submit-spool--remove entry))
    after))

(defvar mew-submit-copies--filed nil
  "Copies that are filed and not noted as such: a list of (STEM . COPY).
Those are not filed a second time.")

(defun mew-submit-copies--go-on (entry copy copies lock filed)
  "Note whether COPY of ENTRY's message is FILED; go on with COPIES.
When it was the last the message goes.  LOCK is as for
`mew-submit-copies--next-copy'."
  (let ((filed (and filed (cons (plist-get entry :stem) copy))))
    (condition-case err
        (let ((entry (if filed (mew-submit-copies--without entry copy) entry)))
          (setq mew-submit-copies--filed (delete filed mew-submit-copies--filed))
          (mew-submit-copies--next-copy entry (and entry copies) lock))
      (error
       (cl-pushnew filed mew-submit-copies--filed :test #'equal)
       (mew-submit-copies--tell
        entry "The copy for %s of a delivered mail to %s is filed, but that cannot be noted: %s\n\
When it can be, M-x mew-submit-file-copies here; another Emacs would file it twice."
        (plist-get copy :place) (mew-submit-report--people (plist-get entry :delivered))
        (mew-submit-error--text err))
       (mew-submit-spool--unlock lock)))))

(defun mew-submit-copies--next-copy (entry copies lock)
  "File those of ENTRY's copies that are in COPIES, one after the other.
Then give LOCK, which is on its message, back."
  (let* ((copy (pop copies))
         (then (apply-partially #'mew-submit-copies--go-on entry copy copies lock)))
    (condition-case err
        (cond ((null copy) (mew-submit-spool--unlock lock))
              ((member (cons (plist-get entry :stem) copy) mew-submit-copies--filed)
               (funcall then t))
              ((mew-submit-spool--check-whole entry))
              ((and (not noninteractive) (mew-submit-copies--program copy))
               (mew-submit-copies--start entry copy then))
              (t (funcall then (mew-submit-copies--try entry copy))))
      (error (mew-submit-copies--warn entry copy err)
             (mew-submit-spool--unlock lock)))))

(defun mew-submit-copies--file-locked (entry lock)
  "File the copies of ENTRY's message, on which LOCK is, that can be filed now.
Where that takes a program, and enough of those are running, it waits for one to
end; what takes none does not."
  (if (eq (plist-get entry :state) 'filing)
      (let ((copies (seq-filter #'mew-submit-copies--ready-p (plist-get entry :fcc))))
        (if (or (< mew-submit-copies--programs mew-submit-copies--programs-max)
                (not (seq-some #'mew-submit-copies--program copies)))
            (mew-submit-copies--next-copy entry copies lock)
          (mew-submit-spool--unlock lock)
          (cl-pushnew (cons (plist-get entry :id) (plist-get entry :directory))
                      mew-submit-copies--rest :test #'equal)))
    (mew-submit-spool--unlock lock)
    (when (eq (plist-get entry :state) 'broken)
      (mew-submit-copies--tell
       entry "Nobody knows where a copy of a delivered mail is to be filed.  %s.  \
File %s yourself and delete it"
       (plist-get entry :last) (mew-submit-spool--message-file entry)))))

(defun mew-submit-copies--file-entry (id directory)
  "File the copies of the message ID in DIRECTORY that can be filed now.
Where that fails it is told, and those of others are filed.  Return non-nil if
some of them are left when this returns."
  (condition-case err
      (when-let* ((lock (mew-submit-spool--lock id directory)))
        (mew-submit-copies--file-locked (mew-submit-spool--read id directory) lock))
    (error (mew-submit-copies--tell (list :stem (expand-file-name id directory))
                                    "The copies of a delivered mail wait: %s"
                                    (mew-submit-error--text err))))
  (file-exists-p (mew-submit-spool--file id ".eml" directory)))

(defun mew-submit-copies--file-rest ()
  "File the copies of what has waited for a program to end."
  (while (and mew-submit-copies--rest
              (< mew-submit-copies--programs mew-submit-copies--programs-max))
    (pcase-let ((`(,id . ,directory) (pop mew-submit-copies--rest)))
      (mew-submit-copies--file-entry id directory))))

(defun mew-submit-copies--file (directory)
  "File the copies that are to be filed in the outbox DIRECTORY.
Return how many messages have copies left."
  (let ((copies (mew-submit-spool--copies directory))
        ;; Whoever quits keeps no message locked; what can be quit says so.
        (inhibit-quit t))
    (seq-count (lambda (id) (mew-submit-copies--file-entry id copies))
               (mew-submit-spool--ids copies))))

(defun mew-submit-copies--give-up (id directory)
  "Ask of each copy of the message ID in DIRECTORY whether to do without it.
What is being filed just now is not asked about."
  (when-let* ((lock (mew-submit-spool--lock id directory)))
    (unwind-protect
        (let ((entry (mew-submit-spool--read id directory)))
          (when (eq (plist-get entry :state) 'filing)
            (dolist (copy (plist-get entry :fcc))
              (when (yes-or-no-p
                     (format "Mail to %s (%s) was delivered.  Do without its copy for %s? "
                             (mew-submit-report--people (plist-get entry :delivered))
                             (mew-submit-error--clean (or (plist-get entry :subject) ""))
                             (plist-get copy :place)))
                (setq entry (mew-submit-copies--without entry copy))))))
      (mew-submit-spool--unlock lock))))

;;;###autoload
(defun mew-submit-file-copies (&optional give-up)
  "File the copies of delivered mail that could not be filed before.
With a prefix argument, GIVE-UP, ask first which of them to do without."
  (interactive "P")
  (let* ((copies (mew-submit-spool--copies mew-submit-outbox-directory))
         (left (mew-submit-error--as-user-error
                 (when give-up
                   (dolist (id (mew-submit-spool--ids copies))
                     (mew-submit-copies--give-up id copies)))
                 (mew-submit-copies--file mew-submit-outbox-directory))))
    (if (zerop left)
        (message "No copy is left to be filed")
      (message "Copies of %s are being filed, or wait: those for Gnus and Mew until it is \
started" (if (= left 1) "a message" (format "%d messages" left))))))

;;; When

(defun mew-submit-copies--file-kept ()
  "File the copies of the messages that were delivered just now."
  (mew-submit-background--run
    (while mew-submit-spool--kept
      (let ((directory (pop mew-submit-spool--kept)))
        (condition-case err
            (mew-submit-copies--file directory)
          (error (display-warning 'mew-submit (mew-submit-error--text err))))))))

;;;###mew-submit
(defun mew-submit-copies--soon ()
  "Have the copies of what was delivered just now filed, soon.
A batch Emacs may not wait for a timer."
  (if noninteractive
      (mew-submit-copies--file-kept)
    (run-at-time 0 nil #'mew-submit-copies--file-kept)))

(provide 'mew-submit-copies)
;;; mew-submit-copies.el ends here
