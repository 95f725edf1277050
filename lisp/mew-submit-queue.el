;;; mew-submit-queue.el --- What is done with the messages of the outbox -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what people and programs do with messages: one is put into the outbox, sent now
;; or later, held, changed, taken out.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-alias)
(require 'mew-submit-auth)
(require 'mew-submit-background)
(require 'mew-submit-dispatch)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-job)
(require 'mew-submit-known)
(require 'mew-submit-message)
(require 'mew-submit-parcel)
(require 'mew-submit-question)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-spool)
(require 'mew-submit-way)
(require 'seq)

(defcustom mew-submit-delay 0
  "Seconds for which a message is held before it is sent, so that it can be undone.
The default is 0.  Meanwhile \\[mew-submit-undo-send] brings it back."
  :type 'number
  :group 'mew-submit-outbox
  :package-version '(mew-submit . "0.1.0"))

(defun mew-submit-queue--new-entry (fields account envelope fcc not-before)
  "Return an entry for a message with FIELDS, by ACCOUNT.
ENVELOPE is (FROM . RECIPIENTS), FCC is kept for whoever files copies, and the
message is held until NOT-BEFORE, a time or nil, and for `mew-submit-delay'."
  (let* ((now (float-time))
         (next (max (if not-before (float-time not-before) 0)
                    (if (and (> mew-submit-delay 0) (not noninteractive))
                        (+ now mew-submit-delay)
                      0))))
    (list :state (if (> next now) 'held 'queued)
          :next (and (> next now) next)
          :created now :attempts 0
          :not-before (and not-before (float-time not-before))
          :from (car envelope) :recipients (cdr envelope)
          :subject (mew-submit-message--subject fields)
          :message-id (mew-submit-message--id fields)
          :private (mew-submit-message--private-text fields)
          :account account :fcc fcc)))

(defun mew-submit-queue--user-adds (entry)
  "Have what ENTRY needs asked for, since the user who sends it is here.
Where further log-ins do harm it waits all the same, and that is told."
  (let* ((account (plist-get entry :account))
         (locked (mew-submit-auth--locked account)))
    (if (not locked)
        (mew-submit-auth--user-is-here account)
      (mew-submit-known--note (mew-submit-spool--with entry :last locked))
      (message "Mail to %s waits in the outbox: %s"
               (mew-submit-report--people (plist-get entry :recipients)) locked))))

(defun mew-submit-queue--enter (entry file fields directory move source parcel)
  "Put ENTRY with the message FILE durably into DIRECTORY, and begin to send it.
FIELDS, MOVE and SOURCE are as for `mew-submit-spool--add'; PARCEL has what
comes with it and is not on disk.  Return its identifier.  Once it is there
nothing is signalled, and a quit comes too late: who believes that a message was
not taken sends it again."
  (let* ((inhibit-quit t)
         stamp
         (entry (mew-submit-spool--add file fields directory entry move source
                                       (lambda (it) (setq stamp it)))))
    (mew-submit-known--note entry stamp parcel)
    (dolist (step (list (if mew-submit-background--now
                            #'ignore
                          (lambda () (mew-submit-queue--user-adds entry)))
                        #'mew-submit-dispatch--run))
      (condition-case err
          (funcall step)
        ((error quit) (display-warning 'mew-submit (mew-submit-error--text err)))))
    (setq quit-flag nil)
    (plist-get entry :id)))

(cl-defun mew-submit-queue--add
    (file &key fields account settled from recipients fcc not-before directory
          move source instead held on-event on-done on-ask claim whole)
  "Put the message FILE into the outbox, durably, and begin to send it.
Return its identifier at once.  FIELDS are those of its header, where they have
been read already.  ACCOUNT, FROM, RECIPIENTS, ON-EVENT, ON-DONE and
ON-ASK are as for `mew-submit-send'; with SETTLED non-nil ACCOUNT has what the
message's header wishes already.  ON-DONE is called at the end of each attempt
that this Emacs makes.  FCC is kept in the entry, for
mew-submit-copies.el, and SOURCE, the text the user wrote, beside it, to be
edited again.  INSTEAD is the identifier of the message that was edited, which
goes away.  NOT-BEFORE is a time before which it is not sent.  With HELD
non-nil, which is kept in the entry, it waits until somebody says so.  A
:password in ACCOUNT is for the attempts of this Emacs only, and never on disk.
DIRECTORY is used instead of the outbox.  With MOVE non-nil FILE, which is in
that directory, goes away.

CLAIM is for a caller that can still hand the message back to whom it came from.
It is called with the entry and the `done' event of an attempt after which
nobody has the message; if it returns a function the message is removed, and
nobody else is told.  That function is called when it is gone, and not called
when it cannot be removed.  WHOLE is a function without arguments; while it
returns non-nil, nobody gets the message when the server refuses one of the
recipients for good.

Signal a condition, with nothing left behind, when it cannot be sent."
  (let* ((directory (mew-submit-spool--prepare
                     (or directory mew-submit-outbox-directory)))
         (fields (or fields (mew-submit-message--fields file)))
         (account (if settled
                      (mew-submit-account--copy account)
                    (mew-submit-request--account account fields)))
         (envelope (mew-submit-request--check account fields from recipients))
         (divided (mew-submit-dispatch--divided account))
         (entry (mew-submit-queue--new-entry
                 fields (car divided) envelope fcc
                 (or not-before (mew-submit-message--send-at fields)))))
    (mew-submit-queue--enter
     (append (and instead (list :instead instead))
             (if held
                 (mew-submit-spool--with entry :state 'held :next nil :held held)
               entry))
     file fields directory move source
     (mew-submit-parcel--make
      ;; What must not leave as it is, is not in the copy: that is read when it is sent.
      :fields (and (not (mew-submit-message--private-p fields)) fields)
      :on-event on-event :on-done on-done :on-ask on-ask :claim claim :whole whole
      :password (plist-get account :password)
      :functions (cdr divided)))))

(defun mew-submit-queue--wait (id &optional directory)
  "Wait until the attempt to send the message ID in DIRECTORY has ended.
Return its `done' event, or nil when there is no attempt."
  (when-let* ((job (mew-submit-queue--job-of id directory)))
    (mew-submit-job--wait job)))

(defun mew-submit-queue--finish-apart (id directory)
  "Have a message in doubt no longer be for those who have one of their own.
The message ID in DIRECTORY is one of the two.  An Emacs may have ended when one
of them was written and the other was not.  Return the entry of what is for the
rest, if that was so."
  (when-let* ((entry (mew-submit-known--entry id directory))
              (rest (cond ((plist-get entry :rest-of) entry)
                          ((plist-get entry :unsent)
                           (seq-find (lambda (other) (equal (plist-get other :rest-of) id))
                                     (mew-submit-known--entries directory)))))
              (doubt (mew-submit-spool--read (plist-get rest :rest-of) directory))
              ((equal (plist-get doubt :unsent) (plist-get rest :recipients))))
    (mew-submit-known--with-lock (plist-get doubt :id) directory
                                 #'mew-submit-queue--without-rest)
    rest))

(defun mew-submit-queue--change (id directory function)
  "Replace the entry of the message ID in DIRECTORY by FUNCTION's value for it.
Signal `user-error' when it is being sent."
  (let ((directory (file-name-as-directory
                    (expand-file-name
                     (or directory mew-submit-outbox-directory)))))
    (mew-submit-queue--finish-apart id directory)
    (prog1 (mew-submit-known--with-lock
            id directory
            (lambda (entry)
              (when (eq (plist-get entry :state) 'broken)
                (user-error "%s" (plist-get entry :last)))
              (mew-submit-auth--user-is-here (plist-get entry :account))
              (mew-submit-known--save (funcall function entry))))
      (mew-submit-dispatch--run))))

(defun mew-submit-queue--account-now (entry)
  "Return the user's account for ENTRY as it is now, or nil to keep the old one.
A message that names its server keeps it.  One that was held without an account
gets the one that fits it by now."
  (let ((account (plist-get entry :account))
        (private (mew-submit-message--fields-of-text
                  (or (plist-get entry :private) ""))))
    (cond ((null account)
           (mew-submit-request--account
            (and (plist-get (plist-get entry :way) :server) (plist-get entry :way))
            (append private (mew-submit-message--fields
                             (mew-submit-spool--message-file entry)))))
          ((mew-submit-message--method private) nil)
          (t (let ((now (mew-submit-account--now account)))
               (unless (mew-submit-request--of-another-p account now (plist-get entry :from))
                 now))))))

(defun mew-submit-queue--renewed (entry)
  "Return the account by which to send ENTRY when the user wants that.
It is as the user has it now, who was told to correct it; what this message
wishes of the server stays, and the way that options of a command have told."
  (let* ((parcel (mew-submit-known--parcel entry))
         (old (append (plist-get entry :account) (plist-get entry :way)
                      (and parcel (mew-submit-parcel-functions parcel))))
         (new (mew-submit-account--copy (mew-submit-queue--account-now entry))))
    (if (null new)
        old
      (cl-loop for (key value) on old by #'cddr
               when (or (mew-submit-extension--key-p key)
                        (memq key '(:each :password-file :timeout :step-timeout :told))
                        (memq key (plist-get old :told)))
               do (setq new (plist-put new key value)))
      new)))

(defun mew-submit-queue--via (entry)
  "Return what the server is called that ENTRY's message went to last."
  (let ((account (plist-get entry :account)))
    (if (plist-get account :servers)
        (plist-get entry :via)
      (mew-submit-account--server-name account))))

(defun mew-submit-queue--next-account (entry)
  "Return the account, with one server, by which ENTRY's message would go next.
Of several servers it is the one it went to last."
  (let ((account (mew-submit-queue--renewed entry))
        (via (mew-submit-queue--via entry)))
    (if via
        (mew-submit-account--at account via)
      account)))

(defun mew-submit-queue--staying (entry account)
  "Return ACCOUNT as ENTRY's message may go by it: in doubt, by the same server.
That one may know that it has the message already, and no other can.  That a
later attempt was put off does not end the doubt about the one before."
  (let ((via (and (or (eq (plist-get entry :state) 'uncertain)
                      (plist-get entry :stays))
                  (mew-submit-queue--via entry))))
    (if via
        (mew-submit-account--at account via)
      account)))

(defun mew-submit-queue--name-author (entry account)
  "Give the message of ENTRY, which is locked, the address of ACCOUNT in From.
That is for one that had no account before, where From is such as root."
  (let* ((file (mew-submit-spool--message-file entry))
         (fields (mew-submit-message--fields file))
         (from (cdr (assoc "from" fields)))
         (part (concat file ".part")))
    (when (and from (not (string-search "@" from)))
      (unwind-protect
          (progn
            (copy-file file part t)
            (unless (eq fields (mew-submit-request--with-domain part fields account))
              (mew-submit-spool--sync part)
              ;; Whoever locks the new one sees the entry, which says that it is held.
              (rename-file part file t)
              (mew-submit-spool--sync (plist-get entry :directory))))
        (delete-file part)))))

(defun mew-submit-queue--enveloped (entry account)
  "Return ENTRY with the envelope of its message, which is to go by ACCOUNT.
One that was held before its account was known has no sender yet, and perhaps
recipients without a domain.  Signal a condition where it could not be sent."
  (if (and (plist-get entry :account) (plist-get entry :from) (plist-get entry :recipients))
      entry
    (let ((envelope
           (mew-submit-request--check
            account
            (append (mew-submit-message--fields-of-text (or (plist-get entry :private) ""))
                    (mew-submit-message--fields (mew-submit-spool--message-file entry)))
            (plist-get entry :from)
            (delete-dups
             (seq-mapcat (lambda (address) (mew-submit-alias--expand address account))
                         (or (plist-get entry :recipients)
                             (mew-submit-error--throw
                              'message nil "It has no recipient: edit it (e)")))))))
      (unless (plist-get entry :account)
        (mew-submit-queue--name-author entry account))
      (mew-submit-spool--with entry :from (car envelope) :recipients (cdr envelope)))))

(defun mew-submit-queue--send-now (id account directory)
  "Send the message ID in DIRECTORY now, and tell by which server.
ACCOUNT is called with the one that its entry would go by, and returns one."
  (let ((entry (mew-submit-queue--change
                id directory
                (lambda (entry)
                  (let* ((account (funcall account
                                           (mew-submit-queue--staying
                                            entry (mew-submit-queue--renewed entry))))
                         (entry (mew-submit-queue--enveloped entry account))
                         (divided (mew-submit-dispatch--divided account)))
                    (setf (mew-submit-parcel-functions (mew-submit-known--parcel entry))
                          (cdr divided))
                    (mew-submit-spool--with
                     entry :state 'queued :next nil :left nil :waited nil
                     :stays (or (plist-get entry :stays)
                                (eq (plist-get entry :state) 'uncertain))
                     :account (car divided)))))))
    (unless noninteractive
      (message "Mail to %s goes by %s now"
               (mew-submit-report--people (plist-get entry :recipients))
               (plist-get (plist-get entry :account) :server)))
    entry))

(defun mew-submit-queue--send (id &optional directory)
  "Send the message ID in DIRECTORY, by default the outbox, now.
It goes by its account as the user has it now.  Whoever calls this for one that
is `uncertain' has asked the user."
  (mew-submit-queue--send-now id #'identity directory))

(defun mew-submit-queue--apart (entry)
  "Put ENTRY's message into its outbox for those who surely did not get it.
It is held there.  Return its entry."
  (let* ((file (mew-submit-spool--message-file entry))
         (old (mew-submit-known--parcel entry))
         (password (and old (mew-submit-parcel-password old)))
         stamp
         (new (mew-submit-spool--add
               file (mew-submit-message--fields file) (plist-get entry :directory)
               (append (list :state 'held :attempts 0 :rest-of (plist-get entry :id)
                             :recipients (plist-get entry :unsent))
                       (mapcan (lambda (key) (list key (plist-get entry key)))
                               '(:created :from :subject :message-id :private :account
                                          :fcc)))
               nil (mew-submit-spool--source entry)
               (lambda (it) (setq stamp it)))))
    (mew-submit-known--note new stamp
                            (mew-submit-parcel--make
                             ;; Each wipes its own.
                             :password (and password (copy-sequence password))
                             :functions (and old (mew-submit-parcel-functions old))))
    new))

(defun mew-submit-queue--without-rest (entry)
  "Have ENTRY's message, in doubt, no longer be for who surely did not get it."
  (mew-submit-known--save
   (mew-submit-spool--with
    (mew-submit-spool--note entry "Those who did not get it were left to another mail")
    :recipients (seq-difference (plist-get entry :recipients) (plist-get entry :unsent))
    :unsent nil :fcc nil
    :last (mew-submit-report--sentences (plist-get entry :last)
                                        "That is left to another mail."))))

(defun mew-submit-queue--send-rest (id &optional directory)
  "Send the message ID in DIRECTORY, in doubt, to who surely did not get it.
For them it is a message of its own, with the copies that were wanted; the one
in doubt stays for the others.  Where Emacs ends in between the new one is held,
and whatever is done with either makes the other what it has to be."
  (let* ((inhibit-quit t)
         (directory (file-name-as-directory
                     (expand-file-name (or directory mew-submit-outbox-directory))))
         (new (mew-submit-queue--finish-apart id directory)))
    (unless new
      (mew-submit-known--with-lock
       id directory
       (lambda (entry)
         (unless (plist-get entry :unsent)
           (user-error "Nobody is left who surely did not get it"))
         (mew-submit-spool--check-whole entry)
         (setq new (mew-submit-queue--apart entry))
         (condition-case err
             (mew-submit-queue--without-rest entry)
           (error
            ;; Unless it was written all the same.
            (when (plist-get (mew-submit-spool--read id directory) :unsent)
              (mew-submit-spool--remove new)
              (mew-submit-known--drop new))
            (signal (car err) (cdr err)))))))
    (mew-submit-queue--send (plist-get new :id) (plist-get new :directory))))

(defun mew-submit-queue--let-be (id &optional directory)
  "Note that the message ID in DIRECTORY, which is in doubt, is left as it is.
Nothing asks about it any more, until somebody sends it again."
  (mew-submit-queue--change
   id directory
   (lambda (entry)
     (mew-submit-spool--with entry :left t))))

(defun mew-submit-queue--send-by (id routes &optional directory)
  "Send the message ID in DIRECTORY now, by ROUTES such as \"465:implicit\".
What else its account says stays as it is.  Signal `user-error' when ROUTES are
none."
  (mew-submit-queue--send-now
   id
   (lambda (account)
     (plist-put (mew-submit-account--copy account) :routes
                (mew-submit-way--parse-routes routes)))
   directory))

(defun mew-submit-queue--hold (id &optional time directory)
  "Hold the message ID in DIRECTORY until TIME, or with nil until told otherwise.
Signal `user-error' for one that is in doubt: it would not be so any more."
  (mew-submit-queue--change
   id directory
   (lambda (entry)
     (when (eq (plist-get entry :state) 'uncertain)
       (user-error "It may have arrived already; it is not sent again by itself"))
     (mew-submit-spool--with entry :state 'held
                             :not-before (and time (float-time time))
                             :next (and time (float-time time))))))

(defun mew-submit-queue--job-of (id directory)
  "Return the job that sends the message ID in DIRECTORY, or nil."
  (when-let* ((entry (mew-submit-known--entry id directory))
              (parcel (mew-submit-known--parcel entry))
              ((mew-submit-parcel-lock parcel)))
    (mew-submit-parcel-job parcel)))

(defun mew-submit-queue--question (id &optional directory)
  "Return the question that the message ID in DIRECTORY is held up by, or nil."
  (when-let* ((job (mew-submit-queue--job-of id directory)))
    (mew-submit-question--of (mew-submit-job-id job))))

(defun mew-submit-queue--cancel (id &optional directory)
  "Do not send the message ID in DIRECTORY; it is held until told otherwise.
One that is being sent is stopped; what has been sent up to the final dot cannot
be called back, and the result says so."
  (let ((job (mew-submit-queue--job-of id directory)))
    ;; Who is told of the end of an attempt hears that it is too late for that one.
    (if (and job (null (mew-submit-job-done job)))
        (mew-submit-job--cancel job)
      (mew-submit-queue--hold id nil directory))))

(defun mew-submit-queue--take (id function &optional directory)
  "Call FUNCTION with the entry of the message ID in DIRECTORY, then remove it.
The message is locked, and stays when FUNCTION does not return.  Return its
value."
  (let ((directory (file-name-as-directory
                    (expand-file-name
                     (or directory mew-submit-outbox-directory)))))
    (mew-submit-queue--finish-apart id directory)
    (prog1 (mew-submit-known--with-lock
            id directory
            (lambda (entry)
              (prog1 (funcall function entry)
                (mew-submit-spool--remove entry)
                (mew-submit-known--drop entry))))
      (mew-submit-known--changed))))

(defun mew-submit-queue--delete (id &optional directory)
  "Delete the message ID in DIRECTORY, by default the outbox, for good.
If some recipients have it already, the copies that were wanted are filed."
  (mew-submit-queue--take id (lambda (entry)
                               (when (and (plist-get entry :delivered)
                                          (plist-get entry :fcc))
                                 (mew-submit-spool--keep entry)))
                          directory))

(defun mew-submit-queue--flush (&optional directory)
  "Send all that waits in DIRECTORY, by default the outbox, now.
What is held, refused or uncertain stays as it is.  Return how many there are."
  (let ((waiting (seq-filter (lambda (entry)
                               (eq (plist-get entry :state) 'queued))
                             (mew-submit-known--entries directory))))
    (dolist (entry waiting)
      (mew-submit-auth--user-is-here (plist-get entry :account))
      (mew-submit-dispatch--make-urgent entry))
    (mew-submit-dispatch--run)
    (length waiting)))

(provide 'mew-submit-queue)
;;; mew-submit-queue.el ends here
