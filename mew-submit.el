;;; mew-submit.el --- Submit mail in the background, port by port -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors

;; Author: The mew-submit authors
;; Version: 0.2.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: mail, comm
;; URL: https://example.org/mew-submit/manual.html
;; SPDX-License-Identifier: GPL-3.0-or-later

;; This program is free software; you can redistribute it and/or modify
;; it under the terms of the GNU General Public License as published by
;; the Free Software Foundation, either version 3 of the License, or
;; (at your option) any later version.

;; This program is distributed in the hope that it will be useful,
;; but WITHOUT ANY WARRANTY; without even the implied warranty of
;; MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
;; GNU General Public License for more details.

;; You should have received a copy of the GNU General Public License
;; along with this program.  If not, see <https://www.gnu.org/licenses/>.

;;; Commentary:

;; Send mail from Emacs without waiting, by the best port that the network lets
;; through, and say exactly why when it cannot be sent.
;;
;;   (require 'mew-submit)
;;   (mew-submit-mode)
;;
;; The server is the one of `mew-submit-accounts', or else the one your
;; smtpmail-* variables name; passwords come from auth-source.  The manual is
;; doc/mew-submit.org, or `info mew-submit' where it is installed.
;;
;; The commands, and the way from a mail buffer to a message file in the outbox.
;;
;; In Message mode a message leaves from a temporary buffer.  `message-options', which
;; goes along with it, is what leads from there back to the buffer of the user, who knows
;; what a message file does not: copies to be filed (Fcc, Gcc), the text as it was
;; written, and the field X-Message-SMTP-Method.  mew-submit-clients.el has Message mode
;; run what is here.

;;; Code:

;; In a checkout and in most packages the other files are in lisp/; some package managers
;; put them beside this one.  The autoloads of a package begin with this form, which a
;; package manager copies there: it looks at the top directory alone.
;;
;; So does `package-install-file' with a directory, and it leaves the others behind.  It loads
;; the new autoloads while a temporary buffer shows that directory: they fetch the rest.
;;;###autoload
(let* ((here (file-name-directory (or load-file-name buffer-file-name default-directory)))
       (lisp (expand-file-name "lisp" here)))
  (add-to-list 'load-path (directory-file-name here))
  (dolist (buffer (and load-file-name
                       (string-suffix-p "mew-submit-autoloads.el" load-file-name)
                       (buffer-list)))
    (let ((source (buffer-local-value 'default-directory buffer)))
      (when (and (string-prefix-p " *temp*" (buffer-name buffer))
                 (eq (buffer-local-value 'major-mode buffer) 'dired-mode)
                 (file-exists-p (expand-file-name "lisp/mew-submit-loaddefs.el" source))
                 ;; What would be fetched would be deleted.
                 (not (file-equal-p source here)))
        (dolist (wanted '(("lisp" . "\\.el\\'") ("module" . "\\.\\(?:[ch]\\|def\\)\\'")
                          ("." . "\\`\\(?:Makefile\\|COPYING\\)\\'")))
          (let ((from (expand-file-name (car wanted) source))
                (to (file-name-as-directory (expand-file-name (car wanted) here))))
            ;; What an earlier version had is in the way.
            (unless (equal (car wanted) ".")
              (delete-directory to t)
              (make-directory to))
            (dolist (file (directory-files from t (cdr wanted)))
              (copy-file file to t)))))))
  (when (file-exists-p (expand-file-name "mew-submit-loaddefs.el" lisp))
    (add-to-list 'load-path lisp))
  ;; Not `require': after an upgrade there is a new one.
  (unless (load "mew-submit-loaddefs" t t)
    (error "Only the first file of mew-submit is in %s: delete that package, \
run `make dist' in its sources, and M-x package-install-file the tar file" here)))

(eval-when-compile
  (add-to-list 'load-path
               (expand-file-name "lisp" (file-name-directory
                                         (or (macroexp-file-name) default-directory)))))

(require 'cl-lib)
(require 'mew-submit-address)
(require 'mew-submit-caseless)
(require 'mew-submit-copies)
(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-dialog)
(require 'mew-submit-memory)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-notice)
(require 'mew-submit-obsolete)
(require 'mew-submit-parcel)
(require 'mew-submit-spool)
(require 'mew-submit-queue)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-job)
(require 'mew-submit-time)

(declare-function message-make-date "message" (&optional now))
(declare-function message-fetch-field "message" (header &optional first))
(declare-function message-field-value "message" (header &optional not-all))
(declare-function message-multi-smtp-send-mail "message" ())
(declare-function message-options-set "message" (symbol value))
(declare-function message-narrow-to-headers "message" ())
(declare-function message-news-p "message" ())
(declare-function message-remove-header "message"
                  (header &optional is-regexp first reverse))
(declare-function message-replace-header "message"
                  (header new-value &optional after force))
(declare-function message-send-and-exit "message" (&optional arg))
(declare-function message-options-get "message" (symbol))
(declare-function expand-mail-aliases "mailalias" (beg end &optional exclude))
(declare-function mail-encode-header "sendmail" (beg end))
(declare-function mail-insert-from-field "sendmail" ())
(declare-function mail-send-and-exit "sendmail" (&optional arg))
(declare-function mail-sendmail-undelimit-header "sendmail" ())
(declare-function mew-submit-clients--tell-past "mew-submit-clients" ())
(declare-function mew-submit-edit--sent "mew-submit-edit" ())
(defvar gnus-agent-queue-mail)
(defvar gnus-plugged)
(defvar mail-aliases)
(defvar mail-envelope-from)
(defvar mail-send-nonascii)
(defvar mail-specify-envelope-from)
(defvar message-fcc-handler-function)
(defvar message-send-hook)
(defvar message-sendmail-envelope-from)
(defvar message-send-mail-hook)
(defvar message-send-mail-function)
(defvar message-send-mail-real-function)
(defvar message-this-is-mail)
(defvar rfc2047-header-encoding-alist)

;;; The asynchronous interface

;;;###autoload
(cl-defun mew-submit-send
    (message-file &key account from recipients on-event on-done on-ask)
  "Submit the message in MESSAGE-FILE in the background and return a handle.
ACCOUNT is a plist as in `mew-submit-accounts' or the name of one of those; by
default the sender of the message decides.  FROM and RECIPIENTS, a string and a
list of strings, are the envelope; by default the header has it.  Bcc never
leaves.

ON-EVENT is called with each event, a plist; ON-DONE with the last one, whose
:result says how it ended, :text why, and :recipients who got it; see Info node
`(mew-submit)Events and errors'.  Whatever goes wrong is told there and nowhere
else; without ON-DONE a failure is shown as a warning.  ON-ASK is called with an
`ask' event, and returns the answer, a string, (USER . SECRET) or nil, or a
function that is called with a function to pass such an answer to; by default
the user is asked."
  (let ((on-done (or on-done #'mew-submit--warn-unless-delivered))
        (on-ask (or on-ask #'mew-submit-dialog--answer)))
    (condition-case err
        (mew-submit-parcel--submit
         message-file :account account :from from :recipients recipients
         :on-event on-event :on-done on-done :on-ask on-ask)
      (error
       (mew-submit-job--fail err :on-event on-event :on-done on-done)))))

;;;###autoload
(defun mew-submit-cancel (&optional handle)
  "Stop the submission HANDLE, which `mew-submit-send' returned.
Interactively, stop all that run.  Return t if it still ran.  What has been sent
up to the final dot cannot be called back; the result says so."
  (interactive)
  (cond (handle (mew-submit-job--cancel handle))
        ((mew-submit-job--list)
         (mapc #'mew-submit-job--cancel (mew-submit-job--list))
         (message "Stopping the mail that is being sent...")
         t)
        (t (message "No mail is being sent")
           nil)))

(defun mew-submit-wait (handle &optional timeout)
  "Wait until the submission HANDLE has ended; return its `done' event.
Return nil when TIMEOUT seconds have passed before.  Quitting stops the waiting,
not the submission."
  (mew-submit-job--wait handle timeout))

;;;###autoload
(defun mew-submit-forget-server (server)
  "Forget what SERVER has offered before, in `mew-submit-memory-file'.
This is for when an alarm was false: when the server really has stopped to offer
STARTTLS, or a way to log in."
  (interactive
   (list (completing-read "Forget what was offered by: "
                          (or (mew-submit-memory--servers mew-submit-memory-file)
                              (user-error "Nothing is remembered of any server"))
                          nil t)))
  (when (string-blank-p server)
    (user-error "No server was named"))
  (mew-submit-error--as-user-error
    (unless (member (mew-submit-caseless--down server)
                    (mew-submit-memory--servers mew-submit-memory-file))
      (user-error "Nothing is remembered of %s" server))
    (mew-submit-memory--forget mew-submit-memory-file server)
    (mew-submit-request--forget-log-ins server))
  (message "Forgotten what %s has offered" server))

;;; What the user sees

(defun mew-submit--warn (done)
  "Show as a warning that a message was not delivered, or not to all.
DONE is its `done' event.  An alarm rings."
  (display-warning
   'mew-submit
   (concat (mew-submit-report--done done)
           (mapconcat (lambda (attempt)
                        (concat "\n  " (mew-submit-report--attempt attempt)))
                      (plist-get done :attempts) ""))
   (if (plist-get done :alarm) :emergency :error)))

(defun mew-submit--warn-unless-delivered (done)
  "Show a warning unless DONE is the end of a message that was delivered."
  (unless (equal (plist-get done :result) "delivered")
    (mew-submit--warn done)))

;;; What Message mode knows

(defun mew-submit--queued-by-agent-p (function)
  "Would FUNCTION, Gnus' agent, only put the mail into its own queue?"
  (and (eq function 'gnus-agent-send-mail)
       (bound-and-true-p gnus-agent-queue-mail)
       (or (eq gnus-agent-queue-mail 'always)
           (not (bound-and-true-p gnus-plugged)))))

(defun mew-submit--really-send ()
  "Send the current buffer, as `message-send-mail-real-function' does.
A message that names its server in X-Message-SMTP-Method, for which Message mode
would call smtpmail, is submitted there."
  (let ((real (default-value 'message-send-mail-real-function))
        (method (message-field-value "X-Message-SMTP-Method")))
    (cond ((and method
                (bound-and-true-p mew-submit-mode)
                (string-match-p "\\`[ \t]*smtp[ \t]" method)
                (memq real '(nil gnus-agent-send-mail))
                (not (mew-submit--queued-by-agent-p real)))
           (let ((message-send-mail-function #'mew-submit-send-it))
             (mew-submit-send-it)))
          (real (funcall real))
          (t (message-multi-smtp-send-mail)))))

(defun mew-submit--quote-group (start end)
  "Put the name of a group between START and END, a marker, in quotes; move to END."
  (goto-char end)
  (skip-chars-backward " \t\n")
  (insert "\"")
  (goto-char start)
  (skip-chars-forward " \t\n")
  (insert "\"")
  (goto-char end))

(defun mew-submit--quote-groups ()
  "Put the names of groups that are not ASCII in quotes in the header.
Emacs takes the colon for a part of the name where it encodes one without them,
and then there is no address.  Fields with quotes or comments stay as they are,
and so does what is no group, as it has no semicolon."
  (save-excursion
    (save-restriction
      (message-narrow-to-headers)
      (mew-submit-caseless--folding
        (while (re-search-forward "^\\(?:Resent-\\)?\\(?:To\\|Cc\\|Bcc\\|Reply-To\\):"
                                  nil t)
          (save-restriction
            (narrow-to-region (1- (point))
                              (progn (while (and (zerop (forward-line))
                                                 (looking-at-p "[ \t]")))
                                     (point)))
            (goto-char (point-min))
            (unless (save-excursion (re-search-forward "[\"(]" nil t))
              (while (re-search-forward "[:,;]\\([^][()<>@,;:\\\".]+\\):" nil t)
                (when (and (mew-submit-caseless--exactly-p "[^[:ascii:]]" (match-string 1))
                           (save-match-data (looking-at-p "[^:;]*;")))
                  (mew-submit--quote-group (match-beginning 1)
                                           (copy-marker (match-end 1) t)))))
            (goto-char (point-max))))))))

(defun mew-submit--before-sending ()
  "Prepare the current buffer, in Message mode, for being sent.
This is on `message-send-hook'."
  (require 'rfc2047)
  (add-to-list 'rfc2047-header-encoding-alist mew-submit-message--raw)
  (mew-submit--quote-groups)
  (unless (local-variable-p 'message-send-mail-real-function)
    (setq-local message-send-mail-real-function #'mew-submit--really-send)))

(defun mew-submit--perhaps-before-sending ()
  "Prepare the current buffer, in Message mode, unless sending it does that.
This is on `message-mode-hook'; Gnus sends its queue with no hooks, at once."
  (unless (memq #'mew-submit--before-sending message-send-hook)
    (mew-submit--before-sending)))

(defun mew-submit--after-sending ()
  "Tell if the mail in the current buffer went by something else.
This is on `message-sent-hook'."
  (unless (eq message-send-mail-function #'mew-submit-send-it)
    (mew-submit-clients--tell-past)))

;;; Copies

(defvar mew-submit--fcc-handler 'message-output
  "What `message-fcc-handler-function' was when it last had a name.
mu4e replaces it for one message by a function that puts it back when it is
called, which it is not when the copy is put off.")

(defun mew-submit--note-handler ()
  "Remember the user's `message-fcc-handler-function'."
  (let ((handler (default-value 'message-fcc-handler-function)))
    (when (symbolp handler)
      (setq mew-submit--fcc-handler handler))))

(defun mew-submit--note-buffer ()
  "Note the current buffer, in Message mode, as the one the message comes from.
This is on `message-header-hook'."
  (message-options-set 'mew-submit-buffer (current-buffer)))

(defun mew-submit--drop-method ()
  "Forget the server that a message names which `message-resend' sends again.
Its author has put it there, and Message mode would call smtpmail with it.  This
is on `message-header-hook'; who wrote a header of their own, `message-send' has
prepared."
  (when (and (message-fetch-field "Resent-To")
             (not (eq message-send-mail-real-function #'mew-submit--really-send)))
    (message-remove-header "X-Message-SMTP-Method[ \t]*:" t)))

(defun mew-submit--buffer ()
  "Return the buffer the message to be sent comes from, or nil."
  (when (bound-and-true-p message-this-is-mail)
    (let ((buffer (message-options-get 'mew-submit-buffer)))
      (and (buffer-live-p buffer)
           ;; A part of a message is not what is to be filed.
           (not (string-match-p "\\`[ \t]*message/partial"
                                (or (message-field-value "Content-Type") "")))
           buffer))))

(defun mew-submit--copies ()
  "Return the copies that the message to be sent asks for."
  (when-let* ((buffer (mew-submit--buffer)))
    (with-current-buffer buffer
      (mew-submit-copies--of-message))))

(defun mew-submit--take-over (copies)
  "Take over COPIES from where the message that is in the outbox now came from."
  (when-let* ((buffer (and copies (mew-submit--buffer))))
    (with-current-buffer buffer
      (mew-submit-copies--take-over copies))
    (unless (symbolp (default-value 'message-fcc-handler-function))
      (set-default 'message-fcc-handler-function mew-submit--fcc-handler))))

;;; What the user wrote

(defcustom mew-submit-keep-source t
  "Whether the text of a mail as you wrote it is kept until the mail has left.
The default is t: `mew-submit-undo-send' and `e' in the outbox bring that text
back, with its MML tags, so that the mail is signed and encrypted anew.  It is
in clear in `mew-submit-outbox-directory', where only you can read it.  With
`open' that of a mail to be encrypted is not kept, and with nil none: a mail
that is signed or encrypted can then be sent again or deleted, but not edited."
  :type '(choice (const :tag "Yes" t)
                 (const :tag "Unless it is to be encrypted" open)
                 (const :tag "No" nil))
  :group 'mew-submit-outbox
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defun mew-submit--keep-source-p (text fields)
  "Is TEXT, what the user wrote for the message with FIELDS, to be kept?"
  (and mew-submit-keep-source
       ;; What is sent again or was encrypted before is not what the user wrote, nor what
       ;; was encoded before, as in the queue of Gnus' agent.
       (not (mew-submit-message--resent-p fields))
       (not (bound-and-true-p message-inhibit-body-encoding))
       (not (and (eq mew-submit-keep-source 'open)
                 ;; A > in quotes does not end the tag, and a line end does not either.
                 (string-match-p "^<#\\(?:.*\\|[^>]*\\)encrypt" text)))))

(defun mew-submit--source (fields)
  "Return the text the user wrote for the message to be sent, or nil.
FIELDS are those of that message.
The line between its header and its text is an empty one.  Newlines may be
hard, see variable `use-hard-newlines'."
  (when-let* ((buffer (mew-submit--buffer)))
    (let ((text (with-current-buffer buffer
                  (save-restriction
                    (widen)
                    (buffer-substring (point-min) (point-max)))))
          (separator (buffer-local-value 'mail-header-separator buffer)))
      (with-temp-buffer
        (insert (mew-submit-spool--harden text (mew-submit-spool--hard-newlines text)))
        (let ((mail-header-separator separator))
          (mail-sendmail-undelimit-header))
        (let ((source (buffer-string)))
          (and (mew-submit--keep-source-p source fields)
               source))))))

;;; From a mail buffer to a message

(defun mew-submit--add-field (end name value)
  "Add the field NAME before END, unless there is one.
VALUE is called for what is in it."
  (goto-char (point-min))
  (unless (mew-submit-caseless--folding
            (re-search-forward (format "^%s[ \t]*:" (regexp-quote name)) end t))
    (let ((text (funcall value)))
      (goto-char end)
      (insert name ": " text "\n"))))

(defun mew-submit--complete-header (end)
  "Complete the header of the message, which ends at END, a marker.
Aliases are expanded, and From, Date and Message-ID are there.  The last two are
fixed before the first try, so that duplicates can be told.  Of several authors
the first sends it, where Sender names nobody (RFC 5322, section 3.6.2)."
  (when (and mail-aliases (not (bound-and-true-p message-this-is-mail)))
    (expand-mail-aliases (point-min) end))
  (goto-char (point-min))
  (unless (save-excursion
            (mew-submit-caseless--folding
              (re-search-forward "^From[ \t]*:" end t)))
    (mail-insert-from-field))           ; which is for the top only
  (when-let* ((from (save-restriction
                      (narrow-to-region (point-min) end)
                      (mail-fetch-field "From")))
              ((string-search "," from))
              (people (ignore-errors (mew-submit-address--parse from)))
              ((cdr people)))
    (unless (mew-submit-message--resent-p (mew-submit-message--fields-of-text
                                           (buffer-substring-no-properties (point-min) end)))
      (mew-submit--add-field end "Sender" (lambda () (car people)))))
  (require 'message)
  (mew-submit--add-field end "Date" #'message-make-date)
  (mew-submit--add-field
   end "Message-ID"
   (lambda ()
     (mew-submit-message--new-id
      (ignore-errors
        (mew-submit-message--author
         (mew-submit-message--fields-of-text (buffer-substring-no-properties
                                              (point-min) end))))))))

(defun mew-submit--mime-charset (end coding)
  "Say in the header, which ends at END, in which charset CODING the text is.
Nothing is done for ASCII and for a message that has MIME fields."
  (goto-char (point-min))
  (let ((charset (and coding (coding-system-get coding :mime-charset))))
    (when (and charset
               (eq mail-send-nonascii 'mime)
               (not (mew-submit-caseless--folding
                      (re-search-forward "^MIME-version:" end t)))
               (progn (skip-chars-forward "\0-\177") (not (eobp))))
      (goto-char end)
      (insert (format "MIME-Version: 1.0\nContent-Type: text/plain; charset=%s\n\
Content-Transfer-Encoding: 8bit\n" charset)))))

(defun mew-submit--close-header ()
  "Delete the lines of blanks above the separator of the mail in the buffer.
All that is above it is the header to who writes it; Message mode does the same.
Where there is text, it is a line of that, which is quoted."
  (goto-char (point-min))
  (when-let* ((end (and (not (string-empty-p mail-header-separator))
                        (re-search-forward
                         (format "^%s$" (regexp-quote mail-header-separator)) nil t)
                        (copy-marker (match-beginning 0)))))
    (goto-char (point-min))
    (while (and (< (point) end)
                (looking-at-p "[ \t\n]\\|[^: \t\n]+[ \t]*:"))
      (forward-line))
    (when (= (point) end)
      (goto-char (point-min))
      (while (re-search-forward "^[ \t]*\n" end t)
        (replace-match "" t t)))))

(defun mew-submit--compose (source coding)
  "Make the current buffer the message in the mail buffer SOURCE, finished.
CODING is how its text will be encoded, nil when it is octets already.  Return
the copies that Fcc fields ask for, which are gone."
  ;; A text property could forbid what comes next.
  (insert-buffer-substring-no-properties source)
  (set-buffer-file-coding-system coding nil t)
  (goto-char (point-max))
  (unless (bolp)
    (insert "\n"))
  (mew-submit--close-header)
  (mail-sendmail-undelimit-header)
  (let ((end (copy-marker (point) t)))
    (mew-submit--complete-header end)
    (mew-submit--mime-charset end coding)
    (prog1 (mew-submit-copies--cut end)
      (when coding
        (require 'rfc2047)
        (let ((rfc2047-header-encoding-alist
               (cons mew-submit-message--raw rfc2047-header-encoding-alist)))
          (mail-encode-header (point-min) end))))))

(defun mew-submit--write-message (file)
  "Write the message in the current mail buffer, finished, to FILE.
Return the copies that its Fcc fields ask for."
  (save-restriction
    ;; Mail mode hands over what is seen; Message mode, all.
    (when (derived-mode-p 'mail-mode)
      (widen))
    (let* ((source (current-buffer))
           (multibyte enable-multibyte-characters)
           (coding (and multibyte (select-message-coding-system)))
           (separator mail-header-separator))
      (with-temp-buffer
        (set-buffer-multibyte multibyte)
        (let ((mail-header-separator separator)
              (case-fold-search nil))
          (prog1 (mew-submit--compose source coding)
            (let ((coding-system-for-write
                   (if coding
                       (coding-system-change-eol-conversion coding 'unix)
                     'no-conversion)))
              (write-region nil nil file nil 'silent))))))))

(defun mew-submit--envelope-from ()
  "Return the envelope sender the user has set for the current mail buffer.
Return nil where the header decides, as smtpmail does."
  (let ((own (and (bound-and-true-p message-this-is-mail)
                  message-sendmail-envelope-from)))
    (cond ((stringp own) own)
          ((eq own 'header) nil)
          ((and mail-specify-envelope-from (stringp mail-envelope-from))
           mail-envelope-from))))

(defvar mew-submit--sent nil
  "The message that was put into the outbox from a mail buffer last: (ID . TIME).")

(defun mew-submit--say (id)
  "Tell that the message ID is in the outbox, unless there is more to tell."
  (when-let* ((entry (mew-submit-known--entry id)))
    (let ((people (mew-submit-report--people (plist-get entry :recipients)))
          (state (plist-get entry :state)))
      (cond ((eq (plist-get entry :held) 'flush)
             (mew-submit-background--tell "Mail to %s is held in the outbox until \
M-x mew-submit-send-queued-mail" people))
            ((and (eq state 'held) (plist-get entry :next))
             (mew-submit-background--tell
              "Mail to %s is held in the outbox until %s; \
M-x mew-submit-undo-send brings it back" people
              (format-time-string (if (> (- (plist-get entry :next) (float-time))
                                         60000)
                                      "%F %H:%M"
                                    "%T")
                                  (plist-get entry :next))))
            ((mew-submit-module--building-p)
             (mew-submit-background--tell
              "Building the module; your mail waits in the outbox"))
            ((mew-submit-module--missing-p)
             (mew-submit-background--tell "Your mail waits in the outbox until \
M-x mew-submit-build-module"))
            ((and (memq state '(queued sending)) (null (plist-get entry :last)))
             (mew-submit-background--say
              "Mail to %s is in the outbox; sending in the background" people))))))

(defun mew-submit--edited-id ()
  "Return the identifier of the message that is edited in this buffer, or nil.
Message mode sends from a buffer of its own, which has the options alone."
  (or (plist-get (car (bound-and-true-p mew-submit-edit--edited)) :id)
      (and (bound-and-true-p message-this-is-mail)
           (message-options-get 'mew-submit-edited))))

(defun mew-submit--send-buffer ()
  "Put the mail in the current buffer into the outbox and submit it."
  (require 'sendmail)
  (let* ((directory (mew-submit-spool--prepare mew-submit-outbox-directory))
         (raw (mew-submit-spool--with-errors "The message"
                (make-temp-file (expand-file-name "draft-" directory) nil ".part"))))
    (unwind-protect
        (let* ((files (mew-submit-spool--with-errors "The message"
                        (mew-submit--write-message raw)))
               (fields (mew-submit-message--fields raw))
               (copies (append files (mew-submit--copies)))
               (id (mew-submit-queue--add
                    raw :fields fields :directory directory :move t
                    :account (and (bound-and-true-p message-this-is-mail)
                                  (message-options-get 'mew-submit-account))
                    :from (and (not (mew-submit-message--envelope-from fields))
                               (mew-submit--envelope-from))
                    :held (and (bound-and-true-p smtpmail-queue-mail) 'flush)
                    :instead (mew-submit--edited-id)
                    :source (mew-submit--source fields)
                    :fcc (mew-submit-copies--with-bcc copies fields))))
          (setq mew-submit--sent (cons id (float-time)))
          ;; Not each client runs a hook when it has sent.
          (when (bound-and-true-p mew-submit-edit--edited)
            (mew-submit-edit--sent))
          ;; It will be sent: whoever is told of an error sends it twice.
          (condition-case err
              (mew-submit--take-over copies)
            ((error quit)
             (display-warning 'mew-submit
                              (format "The mail is in the outbox, but: %s"
                                      (mew-submit-error--text err)))))
          ;; What the client says when it has handed the mail over comes first.
          (run-at-time 0 nil (lambda () (mew-submit-background--run
                                         (mew-submit--say id))))
          (run-at-time 0 nil #'mew-submit-dispatch--start-once))
      (when (file-exists-p raw)
        (delete-file raw)))))

;;;###autoload
(defun mew-submit-send-it ()
  "Submit the mail in the current buffer, and return at once.
This is for `send-mail-function' and `message-send-mail-function'.  The message
is put on disk first, in `mew-submit-outbox-directory'.  That it was delivered
is told in the echo area; if it was not, the buffer *mew-submit* tells why and
what to do."
  (when (and (bound-and-true-p message-this-is-mail)
             ;; Which has run the hook already.
             (not (eq message-send-mail-function 'message-use-send-mail-function)))
    (run-hooks 'message-send-mail-hook))
  (mew-submit-dispatch--offer-module)
  (mew-submit-error--as-user-error
    (mew-submit--send-buffer)))

(defun mew-submit--ensure-mail ()
  "Signal `user-error' unless a mail is written in the current buffer."
  (unless (derived-mode-p 'message-mode 'mail-mode)
    (user-error "This buffer is no mail that is being written"))
  (when (and (derived-mode-p 'message-mode) (message-news-p))
    (user-error "An article for a newsgroup is posted at once: it has no time")))

(defun mew-submit--set-time (text)
  "Have TEXT be the time of the mail in the current buffer, nil for none.
Return the one it had before, or nil."
  (save-restriction
    (widen)
    (prog1 (save-excursion
             (save-restriction
               (message-narrow-to-headers)
               (message-fetch-field "X-Mew-Submit-Send-At")))
      (if text
          (message-replace-header "X-Mew-Submit-Send-At" text)
        (save-excursion
          (save-restriction
            (message-narrow-to-headers)
            (message-remove-header "X-Mew-Submit-Send-At")))))))

(defun mew-submit--send-by-mode ()
  "Send the mail in the current buffer as its mode does, by mew-submit.
What the user sends by otherwise would send at once.  A mode that has a command
of its own for it looks at more before: notmuch, for tags that are to encrypt."
  (let* ((command (if (derived-mode-p 'mail-mode) #'mail-send-and-exit
                    #'message-send-and-exit))
         (command (or (command-remapping command) command))
         (send-mail-function #'mew-submit-send-it)
         (message-send-mail-function #'mew-submit-send-it))
    (if (or (derived-mode-p 'mail-mode) (bound-and-true-p mew-submit-mode))
        (call-interactively command)
      ;; Gnus' agent, which keeps mail while there is no network, is not passed by.
      (let ((message-send-mail-real-function (or message-send-mail-real-function
                                                 #'mew-submit-send-it)))
        (call-interactively command)))))

;;;###autoload
(defun mew-submit-send-later (time)
  "Put the mail in the current buffer into the outbox, to be sent at TIME.
TIME is what a person says, as for `mew-submit-time--parse', or a Lisp time.
When it is not sent after all, as after a \\[keyboard-quit], it has no time."
  (interactive (progn (mew-submit--ensure-mail)
                      (list (mew-submit-time--read))))
  (mew-submit--ensure-mail)
  (require 'message)
  (let* ((then (if (stringp time) (mew-submit-time--future time) time))
         (buffer (current-buffer))
         (sent mew-submit--sent)
         ;; A mail that is edited again may have another time.
         (before (mew-submit--set-time
                  (format-time-string "%Y-%m-%dT%H:%M:%S%:z" then))))
    (unwind-protect
        (mew-submit--send-by-mode)
      (when (and (eq sent mew-submit--sent) (buffer-live-p buffer))
        (with-current-buffer buffer
          (mew-submit--set-time before))))))

(provide 'mew-submit)
;;; mew-submit.el ends here
