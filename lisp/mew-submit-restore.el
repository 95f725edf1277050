;;; mew-submit-restore.el --- A message of the outbox as it was written -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the way back from the outbox to a mail buffer.  What the user wrote
;; is kept beside the message (mew-submit-spool.el) and comes back as it was, so that
;; what was signed or encrypted will be again.  Without that the text is made of the
;; message, but never of one that is signed or encrypted: MML would make a message of it
;; that only looks so, with its text in clear (SECURITY.md, P1).
;;
;; The header says all that the entry knows beside it: who gets the message and who does
;; not, when, by which account, as whom, and what it wishes.

;;; Code:

(require 'cl-lib)
(require 'message)
(require 'mml)
(require 'mew-submit-account)
(require 'mew-submit-caseless)
(require 'mew-submit-copies)
(require 'mew-submit-message)
(require 'mew-submit-spool)
(require 'mew-submit-request)
(require 'seq)

(declare-function rfc2231-encode-string "rfc2231" (param value))

;;; The text

(defconst mew-submit-restore--protected
  "^\\(?:Content-Type:[ \t]*\\(?:\n[ \t]+\\)*\
\\(?:multipart/\\(?:signed\\|encrypted\\)\\|application/\\(?:x-\\)?pkcs7-\\|\
application/pgp\\)\\|-----BEGIN PGP \\(?:SIGNED \\)?MESSAGE-----\\)"
  "What a message has that is signed or encrypted, in itself or in a part.")

(defun mew-submit-restore--insert-octets (file)
  "Insert FILE as octets, with line ends as in a buffer."
  (set-buffer-multibyte nil)
  (insert-file-contents-literally file)
  (goto-char (point-min))
  (while (search-forward "\r\n" nil t)
    (replace-match "\n"))
  (goto-char (point-min)))

(defun mew-submit-restore--parameters (alist test)
  "Return those of ALIST that are strings and whose name satisfies TEST."
  (seq-filter (pcase-lambda (`(,name . ,value))
                (and (stringp value) (funcall test name)))
              alist))

(defun mew-submit-restore--typed (type parameters)
  "Return TYPE, of a Content-Type, with PARAMETERS, an alist, behind it.
MML writes few parameters of its own accord, and what is behind the type as it
is: the method of an invitation, for instance, must not be lost."
  (string-join (cons (substring-no-properties type)
                     (mapcar (pcase-lambda (`(,name . ,value))
                               (rfc2231-encode-string (symbol-name name) value))
                             parameters))
               "; "))

(defun mew-submit-restore--multipart-tag (handle)
  "Insert the MML tag that opens HANDLE, a multipart."
  (let ((properties (text-properties-at 0 (car handle)))
        alist)
    (while properties
      (push (cons (pop properties) (pop properties)) alist))
    (mml-insert-tag 'multipart
                    'type (mew-submit-restore--typed
                           (mm-handle-media-subtype handle)
                           (mew-submit-restore--parameters
                            alist
                            ;; MML writes the first two, and the last is no parameter.
                            (lambda (name) (not (memq name '(boundary start from))))))
                    'start (mm-handle-multipart-ctl-parameter handle 'start))))

(defun mew-submit-restore--name (buffer)
  "Give BUFFER, which has a part of a message, a name that no other ever has.
The name is kept with what the user wrote, and could be that of a part of
somebody else's mail when this one is edited once more."
  (with-current-buffer buffer
    (rename-buffer (format " *mml %s %06d*" (float-time) (random 1000000)))))

(defun mew-submit-restore--tag (handle &optional buffer text mml)
  "Insert the MML tag of HANDLE as `mml-insert-mml-markup' does, but lose nothing.
BUFFER has the octets, unless TEXT or MML is non-nil.  The charset of a text is
Message mode's to choose: the old one would make spaces of letters it has not."
  (if (stringp (car handle))
      (mew-submit-restore--multipart-tag handle)
    (pcase-let ((`(,type . ,parameters) (mm-handle-type handle))
                (`(,disposition . ,more) (mm-handle-disposition handle))
                (written (lambda (name) (memq name mml-content-type-parameters))))
      (apply #'mml-insert-tag (if mml 'mml 'part)
             'type (mew-submit-restore--typed
                    type (mew-submit-restore--parameters
                          parameters
                          (lambda (name)
                            (not (or (funcall written name)
                                     (and text (eq name 'charset)))))))
             'disposition disposition
             'id (mm-handle-id handle)
             'description (mm-handle-description handle)
             'buffer (and buffer (mew-submit-restore--name buffer))
             'nofile (and text "yes")
             (mapcan (pcase-lambda (`(,name . ,value)) (list name value))
                     (append (mew-submit-restore--parameters parameters written)
                             (mew-submit-restore--parameters
                              more
                              (lambda (name)
                                (memq name mml-content-disposition-parameters)))))))))

(defun mew-submit-restore--quote-header ()
  "Quote what would be MML in the header of the message in the buffer.
In a message within a message somebody else could attach a file of ours by it."
  (save-excursion
    (goto-char (point-min))
    (search-forward "\n\n" nil 'move)   ; as `mail-narrow-to-head'
    (mml-quote-region (point-min) (point))))

(defun mew-submit-restore--to-mml ()
  "Make MML of the message in the buffer, a header, an empty line and octets."
  (let* ((whole (mm-dissect-buffer t))
         (plain (equal (ignore-errors (mm-handle-media-type whole)) "text/plain"))
         (told (seq-some (lambda (parameter) (not (eq (car parameter) 'charset)))
                         (and plain (cdr (mm-handle-type whole))))))
    (let ((to-mml (symbol-function 'mime-to-mml)))
      (cl-letf (((symbol-function 'mml-insert-mml-markup) #'mew-submit-restore--tag)
                ;; It calls itself for a message within.
                ((symbol-function 'mime-to-mml)
                 (lambda (&rest args)
                   (apply to-mml args)
                   (mew-submit-restore--quote-header))))
        (funcall to-mml whole)))
    (when told
      (save-excursion
        (rfc822-goto-eoh)
        (forward-line)
        (mew-submit-restore--tag whole nil t)))))

(defun mew-submit-restore--at-hand-p (tag)
  "Is what TAG of MML, (NAME . ALIST), puts into a message there now?
To look at another machine would take its time."
  (let ((buffer (alist-get 'buffer (cdr tag)))
        (file (alist-get 'filename (cdr tag))))
    (cond (buffer (get-buffer buffer))
          ((or (null file) (equal (alist-get 'nofile (cdr tag)) "yes")))
          (t (or (file-remote-p file) (file-readable-p file))))))

(defun mew-submit-restore--whole-p (source)
  "Is all that SOURCE, what the user wrote, puts into the message there now?
A picture of the screen is often deleted when it has been sent."
  (with-temp-buffer
    (insert source)
    (goto-char (point-min))
    (with-syntax-table mml-syntax-table
      (let ((whole t))
        (while (and whole (re-search-forward "<#\\(?:part\\|mml\\)[ \t\n]" nil t))
          (goto-char (match-beginning 0))
          (setq whole (mew-submit-restore--at-hand-p (mml-read-tag))))
        whole))))

(defun mew-submit-restore--insert-text (entry)
  "Insert the text of ENTRY's message; its header ends with an empty line.
Return non-nil when it is as the user wrote it, and nil when what was attached
is only in the message now.  Signal `user-error' for what cannot be edited."
  (let ((source (mew-submit-spool--source entry)))
    (if (and source (ignore-errors (mew-submit-restore--whole-p source)))
        (insert source)
      (mew-submit-restore--insert-octets (mew-submit-spool--message-file entry))
      (cond ((not (mew-submit-caseless--folding
                    (re-search-forward mew-submit-restore--protected nil t)))
             (set-buffer-multibyte 'to) ; octets stay octets
             (mew-submit-restore--to-mml)
             (setq source nil))
            (source
             (erase-buffer)
             (set-buffer-multibyte t)
             (insert source))
            (t (user-error "This mail is signed or encrypted and cannot be edited: \
send it again as it is, or delete it"))))
    source))

;;; The header

(defun mew-submit-restore--bcc (fields)
  "Return the addresses in the Bcc of FIELDS."
  (mew-submit-message--addresses
   fields (if (mew-submit-message--resent-p fields) '("resent-bcc") '("bcc"))))

(defun mew-submit-restore--without (addresses others)
  "Return those of ADDRESSES that are not among OTHERS, whatever their case."
  (let ((others (mapcar #'mew-submit-caseless--down others)))
    (seq-remove (lambda (address) (member (mew-submit-caseless--down address) others))
                addresses)))

(defun mew-submit-restore--people (entry fields written)
  "Return who gets ENTRY's message besides those in FIELDS, and who does not.
That is (HIDDEN . WITHOUT), two lists of addresses.  FIELDS are those of the
message, WRITTEN those of what the user wrote, which has Bcc."
  ;; What was held because of its addresses is to be edited above all.
  (let ((named (append (mew-submit-message--recipients-said fields)
                       (mew-submit-restore--bcc written)))
        (recipients (plist-get entry :recipients)))
    (cons (mew-submit-restore--without recipients named)
          ;; Who was refused may get it, with another address for instance.
          (mew-submit-restore--without
           (delete-dups named)
           (append recipients (mapcar #'car (plist-get entry :refused)))))))

(defun mew-submit-restore--account (entry fields)
  "Return ENTRY's account, its name if it has one, or nil.
Nil when FIELDS lead to that account anyway."
  (let* ((account (plist-get entry :account))
         (name (plist-get account :name))
         (chosen (ignore-errors (mew-submit-request--account nil fields))))
    (cond ((and (equal (plist-get chosen :name) name)
                (equal (plist-get chosen :server) (plist-get account :server))
                (not (mew-submit-request--of-another-p account chosen
                                                       (plist-get entry :from))))
           nil)
          ((and name (ignore-errors (mew-submit-account--by-name name)))
           name)
          (t account))))

(defun mew-submit-restore--sender (entry fields)
  "Return ENTRY's envelope sender, or nil when FIELDS lead to it anyway."
  (let ((from (plist-get entry :from)))
    (unless (or (null from)
                (equal from (ignore-errors
                              (mew-submit-request--sender
                               (plist-get entry :account) nil fields))))
      (if (equal from "") "<>" from))))

(defun mew-submit-restore--orders (entry fields written account)
  "Return the lines of the header that say how ENTRY's message is sent.
FIELDS are those of the message, WRITTEN those of what is being edited, and
ACCOUNT is the name of an account, or nil."
  (pcase-let* ((`(,hidden . ,without)
                (mew-submit-restore--people entry fields written))
               (line (lambda (name value)
                       (if value (concat name ": " value "\n") "")))
               (list (lambda (addresses)
                       (and addresses
                            ;; A name alone would be taken for a slip.
                            (mapconcat (lambda (address)
                                         (if (string-search "@" address) address
                                           (format "<%s>" address)))
                                       addresses ", ")))))
    (concat
     (funcall line (if (mew-submit-message--resent-p fields) "Resent-Bcc" "Bcc")
              (funcall list hidden))
     (funcall line "X-Mew-Submit-Not-To" (funcall list without))
     (funcall line "X-Mew-Submit-Send-At"
              (and (mew-submit-spool--later-p entry)
                   (format-time-string "%Y-%m-%dT%H:%M:%S%:z"
                                       (plist-get entry :not-before))))
     (funcall line "X-Mew-Submit-Account" account)
     (funcall line "X-Mew-Submit-From"
              (mew-submit-restore--sender entry written))
     (mew-submit-copies--header entry))))

(defconst mew-submit-restore--made
  '("Fcc" "Gcc" "X-Mew-Submit-Not-To" "X-Mew-Submit-Send-At")
  "The fields that the entry knows better than what the user wrote.")

(defun mew-submit-restore--cut (resent source)
  "Remove from the header, to which the buffer is narrowed, what is made anew.
RESENT is non-nil for a message that is sent again: its date and identifier are
those of the first time.  SOURCE is non-nil for what the user wrote."
  (dolist (names (list mew-submit-restore--made
                       (unless resent '("Date" "Message-ID" "Lines"))
                       (unless source '("MIME-Version" "Content-[^:]*"))))
    (when names
      (message-remove-header (concat "\\(?:" (string-join names "\\|") "\\):")
                             t))))

(defun mew-submit-restore--insert (entry)
  "Insert the message of ENTRY in the current buffer, as Message mode edits it.
Return the account, a plist, by which it is to be sent, or nil when the header
says that.  Signal `user-error' when it cannot be edited truly."
  (let* ((fields (mew-submit-message--fields (mew-submit-spool--message-file entry)))
         (resent (mew-submit-message--resent-p fields))
         (source (mew-submit-restore--insert-text entry))
         written account)
    (goto-char (point-min))
    (rfc822-goto-eoh)
    (save-restriction
      (narrow-to-region (point-min) (point))
      (mew-submit-restore--cut resent source)
      (goto-char (point-max))
      (when resent
        ;; Below these fields nothing is an order, and above a trace field others are.
        (goto-char (point-min))
        (mew-submit-caseless--folding (re-search-forward "^Resent-"))
        (beginning-of-line))
      (unless source
        (insert (or (plist-get entry :private) "")))
      (setq written (mew-submit-message--fields-of-text
                     (buffer-substring-no-properties (point-min) (point-max)))
            account (mew-submit-restore--account entry written))
      (insert (mew-submit-restore--orders entry fields written
                                          (and (stringp account) account)))
      (goto-char (point-max)))
    (insert mail-header-separator)
    (unless (eolp)
      (insert "\n"))
    (and (consp account) account)))

(provide 'mew-submit-restore)
;;; mew-submit-restore.el ends here
