;;; mew-submit-dispatch.el --- When which message of the outbox is sent -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns which message is sent when, and an attempt from its beginning to its end.
;;
;; Messages of one account go one after the other, since they share a connection; a slow
;; one is overtaken.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-auth)
(require 'mew-submit-background)
(require 'mew-submit-dialog)
(require 'mew-submit-error)
(require 'mew-submit-fate)
(require 'mew-submit-job)
(require 'mew-submit-known)
(require 'mew-submit-loaddefs)
(require 'mew-submit-module)
(require 'mew-submit-network)
(require 'mew-submit-parcel)
(require 'mew-submit-question)
(require 'mew-submit-refusal)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-spool)
(require 'seq)

(defcustom mew-submit-fresh-date t
  "Whether a mail that has waited for its time is dated when that has come.
The default is t: what is sent at 18:00 says so, and not when it was written.
Its Message-ID stays.  With nil, and for a mail that is signed or encrypted,
the Date stays, too."
  :type 'boolean
  :group 'mew-submit-outbox
  :package-version '(mew-submit . "0.1.0"))

(defconst mew-submit-dispatch--overtake 10
  "Seconds after which a message that is still being sent may be overtaken.")

(defconst mew-submit-dispatch--connections 4
  "How many messages of one account are sent at the same time at most.")

(defconst mew-submit-dispatch--poll 60
  "Seconds after which the outbox is looked through for what others put there.")

(defvar mew-submit-dispatch--done-functions '(mew-submit-notice--done)
  "Functions called at the end of each attempt, with entry and `done' event.
The entry's :state is nil when all of its recipients have it; its message is
still on disk then.")

(defvar mew-submit-dispatch--timer nil
  "The timer for the next attempt, or nil.")

(defvar mew-submit-dispatch--watching nil
  "The directories to look through now and then, whether they are empty or not.")

(defvar mew-submit-dispatch--looked 0
  "When the outbox was looked through last.")

;;; What of an account is not on disk

(defun mew-submit-dispatch--divided (account)
  "Return (FROZEN . FUNCTIONS), two plists with what is in ACCOUNT.
FROZEN is what may be on disk.  The password may not, nor a function that has no
name: it may hold secrets in its variables."
  (let (frozen functions)
    (cl-loop for (key value) on account by #'cddr
             do (cond ((not (or (eq key :password)
                                (and (functionp value) (not (symbolp value)))))
                       (setq frozen (cons value (cons key frozen))))
                      ((functionp value)
                       (setq functions (cons value (cons key functions))))))
    (cons (nreverse frozen) (nreverse functions))))

;;; Sending

(defun mew-submit-dispatch--put-away (entry old done)
  "Have ENTRY, which was OLD before it was sent, on disk as DONE has left it.
When that fails the journal, which is on disk, still tells what is true."
  (condition-case err
      (cond ((plist-get entry :state)
             (let ((stamp (mew-submit-spool--write entry t)))
               (mew-submit-spool--forget-journal old)
               (mew-submit-known--note entry stamp)
               (when (plist-get entry :delivered)
                 (mew-submit-fate--log entry done))))
            (t (mew-submit-known--drop entry)
               (mew-submit-fate--finish entry done old)))
    (error
     (when (plist-get entry :state)
       (mew-submit-known--note entry))
     (display-warning 'mew-submit (mew-submit-error--text err)))))

(defun mew-submit-dispatch--claimed (parcel entry done)
  "Return what to call when PARCEL, which nobody has after DONE, is its caller's.
ENTRY is what it is then.  Return nil if the caller does not want it back."
  (and (memq (plist-get entry :state) '(queued refused held))
       (null (plist-get entry :delivered))
       (mew-submit-known--call (mew-submit-parcel-claim parcel) entry done)))

(defun mew-submit-dispatch--given-back-p (entry)
  "Remove the message of ENTRY, which is to be its caller's again, and return t.
Return nil when it stays, as on a disk that cannot be written to any more: what
is on disk is sent, so it has one owner, who is not the caller."
  (condition-case err
      (mew-submit-spool--remove entry)
    (error (display-warning 'mew-submit (mew-submit-error--text err))))
  (unless (file-exists-p (mew-submit-spool--message-file entry))
    (mew-submit-known--drop entry)
    t))

(defun mew-submit-dispatch--perhaps-lock (entry done)
  "Have ENTRY's account not log in for a time if that does harm, by DONE.
Each try may prolong what the server does to who tries too often."
  (when-let* ((seconds (cond ((mew-submit-refusal--locked-p done)
                              (mew-submit-refusal--patience done))
                             ;; What else waits has the same password.
                             ((mew-submit-refusal--log-in-refused-p done)
                              mew-submit-auth--pause))))
    (mew-submit-auth--postpone (plist-get entry :account)
                               (mew-submit-refusal--meaning done) seconds)))

(defun mew-submit-dispatch--conclude (parcel done)
  "Do all there is to do for DONE, the end of an attempt for PARCEL.
A quit, as in a question that is asked then, takes effect afterwards."
  (mew-submit-known--whole
    (let* ((old (mew-submit-parcel-entry parcel))
           (done (mew-submit-fate--perhaps-give-up
                  old (mew-submit-fate--perhaps-unread old done))))
      (unwind-protect
          (let* ((entry (mew-submit-fate--after old done))
                 (claimed (mew-submit-dispatch--claimed parcel entry done)))
            (if (and claimed (mew-submit-dispatch--given-back-p entry))
                (mew-submit-known--call claimed)
              (when (plist-get done :cause)
                (mew-submit-known--call #'mew-submit-dispatch--perhaps-lock entry done))
              (dolist (function mew-submit-dispatch--done-functions)
                (mew-submit-known--call function entry done))
              (mew-submit-known--call (mew-submit-parcel-on-done parcel) done)
              ;; It can be read again, or is not needed.
              (unless (and (eq (plist-get entry :state) 'queued)
                           (null (plist-get (plist-get entry :account)
                                            :password-file)))
                (mew-submit-parcel--forget-password parcel))
              (mew-submit-dispatch--put-away entry old done)))
        (setq mew-submit-known--under-way (delq parcel mew-submit-known--under-way))
        (mew-submit-spool--unlock (mew-submit-parcel-lock parcel))
        (mew-submit-parcel--rest parcel))
      (if mew-submit-fate--leaving
          (mew-submit-known--changed)
        (mew-submit-dispatch--run)))))

(defun mew-submit-dispatch--account (parcel)
  "Return the account of PARCEL, with what came with it and is not on disk.
Later attempts read the password from the file where one has it; functions are
those that the user's account has now."
  (let* ((kept (plist-get (mew-submit-parcel-entry parcel) :account))
         (account (mew-submit-account--check
                   (mew-submit-account--copy
                    (append kept
                            (or (mew-submit-parcel-functions parcel)
                                (cdr (mew-submit-dispatch--divided
                                      (mew-submit-account--like kept))))))))
         (password (mew-submit-parcel-password parcel))
         (file (plist-get account :password-file)))
    (cond (password
           (setq account
                 (plist-put account :password (copy-sequence password))))
          (file
           ;; A pipe in its place would have Emacs wait.
           (unless (mew-submit-module--regular-p file)
             (mew-submit-error--throw
              'config nil "The password file is no longer there: %s" file))
           (setq account (plist-put account :password
                                    (mew-submit-auth--read-file file)))))
    (if (funcall (or (mew-submit-parcel-whole parcel) #'ignore))
        (plist-put account :all-or-none t)
      account)))

(defun mew-submit-dispatch--note-server (parcel name)
  "Note on disk that NAME, one of several servers, is to get PARCEL.
That is done before: an Emacs that is killed later has to know it."
  (let ((entry (mew-submit-parcel-entry parcel)))
    (unless (equal name (plist-get entry :via))
      (mew-submit-known--save (mew-submit-spool--with entry :via name) parcel))))

(defun mew-submit-dispatch--begin (entry lock resolved)
  "Begin to send ENTRY's message, on which LOCK is.
RESOLVED is what was looked up for its account, or nil."
  (let* ((entry (mew-submit-spool--with
                 entry :state 'sending :next nil
                 ;; With another date it has another length.
                 :octets (file-attribute-size
                          (file-attributes (concat (plist-get entry :stem) ".eml")))
                 :attempts (1+ (or (plist-get entry :attempts) 0))))
         (parcel (mew-submit-known--note entry (mew-submit-spool--write entry))))
    (setf (mew-submit-parcel-lock parcel) lock
          (mew-submit-parcel-started parcel) (float-time)
          (mew-submit-parcel-sent parcel) 0
          (mew-submit-parcel-total parcel) 0
          (mew-submit-parcel-urgent parcel) nil
          (mew-submit-parcel-envelope parcel)
          (cons (plist-get entry :from) (plist-get entry :recipients))
          (mew-submit-parcel-journal parcel) (mew-submit-spool--journal-file entry)
          (mew-submit-parcel-on-server parcel) #'mew-submit-dispatch--note-server
          (mew-submit-parcel-on-end parcel) #'mew-submit-dispatch--conclude)
    (unless (mew-submit-parcel-on-ask parcel)
      (setf (mew-submit-parcel-on-ask parcel) #'mew-submit-dialog--answer))
    (push parcel mew-submit-known--under-way)
    ;; Before the jobs are stopped: this one may wait for them.
    (add-hook 'kill-emacs-hook #'mew-submit-dispatch--end -50)
    ;; Not at once: the caller goes through the table this would change.
    (let ((fail (lambda (err)
                  (setf (mew-submit-parcel-job parcel)
                        (mew-submit-job--fail
                         err :on-done (apply-partially #'mew-submit-dispatch--conclude
                                                       parcel))))))
      (unwind-protect
          (condition-case err
              (mew-submit-parcel--send parcel
                                       (append (list :resolved resolved)
                                               (mew-submit-dispatch--account parcel)))
            (error (funcall fail err)))
        ;; Whoever leaves by a throw, or a quit: it is not being sent for ever.
        (unless (mew-submit-parcel-job parcel)
          (funcall fail '(error "It was interrupted as it was to be sent")))))))

(defun mew-submit-dispatch--clock-back-p (entry now)
  "Has the clock been set back since ENTRY's next attempt was fixed, until NOW?
What the user has chosen is a time of the clock, whatever that says."
  (let ((since (or (caar (plist-get entry :history))
                   (plist-get entry :created))))
    (and since
         (null (plist-get entry :not-before))
         (< (1+ now) since))))

(defun mew-submit-dispatch--too-late-p (next now)
  "Is NEXT later than any wait from NOW on?  Then the clock was wrong once."
  (> (- next now)
     (max mew-submit-dispatch--poll
          (* 1.3 (apply #'max mew-submit-refusal--patience-max
                        (or mew-submit-retry-intervals '(3600)))))))

(defun mew-submit-dispatch--urgent-p (entry)
  "Is ENTRY's message not to wait until its time has come?"
  (when-let* ((parcel (mew-submit-known--parcel entry)))
    (mew-submit-parcel-urgent parcel)))

(defun mew-submit-dispatch--make-urgent (entry)
  "Have ENTRY's message not wait until its time has come."
  (cl-incf mew-submit-known--news)
  (setf (mew-submit-parcel-urgent (mew-submit-known--parcel entry)) t))

(defun mew-submit-dispatch--due-p (entry &optional now)
  "Is it time, NOW if non-nil, to send ENTRY's message?"
  (let* ((next (plist-get entry :next))
         (now (or now (float-time)))
         (over (and next
                    (or (<= next now)
                        (mew-submit-dispatch--clock-back-p entry now)))))
    (pcase (plist-get entry :state)
      ('queued (or (null next) over
                   (mew-submit-dispatch--too-late-p next now)
                   (mew-submit-dispatch--urgent-p entry)))
      ('held over))))

(defun mew-submit-dispatch--let-wait (entry &rest changes)
  "Have ENTRY's message, which is due and cannot be sent now, wait in memory.
CHANGES, keys and values, are made to what is known of it.  Return its parcel,
or nil where it has gone or is not due any more, which ENTRY does not know."
  (when-let* ((parcel (mew-submit-known--parcel entry))
              (known (mew-submit-parcel-entry parcel))
              ((mew-submit-dispatch--due-p known)))
    (mew-submit-known--note (apply #'mew-submit-spool--with known changes))))

(defun mew-submit-dispatch--put-off (entry err)
  "Try ENTRY, which could not be begun because of ERR, again later."
  (let* ((text (mew-submit-error--text err))
         (parcel (mew-submit-dispatch--let-wait
                  entry :next (+ (float-time) mew-submit-dispatch--poll) :last text)))
    (when parcel
      (setf (mew-submit-parcel-urgent parcel) nil)
      (unless (equal text (plist-get entry :last))
        (display-warning
         'mew-submit
         (format "Mail to %s waits, and is tried again each minute: %s"
                 (mew-submit-report--people (plist-get entry :recipients)) text))))))

(defun mew-submit-dispatch--resolve (entry)
  "Return what has to be looked up for ENTRY's account before it is sent.
It is nil for one that cannot be used, which is told later.  Signal
`mew-submit-secret' where the user has to be asked first."
  (condition-case err
      (mew-submit-request--resolve (plist-get entry :account)
                                   (plist-get entry :from))
    (mew-submit-secret (signal (car err) (cdr err)))
    (mew-submit-error nil)))

(defun mew-submit-dispatch--dated (entry lock)
  "Have the message of ENTRY, on which LOCK is, dated now if it has waited for now.
Return the lock that is on it then.  One that somebody may have stays as it is."
  (if (and mew-submit-fresh-date
           (plist-get entry :not-before)
           (zerop (or (plist-get entry :attempts) 0))
           (null (plist-get entry :delivered)))
      (progn
        (setf (mew-submit-parcel-fields (mew-submit-known--parcel entry)) nil)
        ;; It may get shorter, and Emacs, or the disk, may fail before that is noted.
        (mew-submit-spool--write (mew-submit-spool--with entry :octets nil))
        (mew-submit-spool--freshen entry lock))
    lock))

(defun mew-submit-dispatch--locked-p (entry lock)
  "Is LOCK the one on ENTRY's message, which is being sent here?"
  (let ((parcel (mew-submit-known--parcel entry)))
    (and lock parcel
         (eql lock (mew-submit-parcel-lock parcel)))))

(defun mew-submit-dispatch--returned-p (entry)
  "Is ENTRY's message, locked, one that was delivered before?  Note that then."
  (when-let* ((doubt (mew-submit-fate--returned entry)))
    (mew-submit-known--save doubt)))

(defun mew-submit-dispatch--replace (entry)
  "Remove the message of which ENTRY's, about to be sent, was made by editing it.
The Emacs that edited it may die before it does that, and nobody is to find it
when this one has left."
  (when-let* ((id (plist-get entry :instead))
              (edited (mew-submit-spool--edited (plist-get entry :directory)))
              (stem (expand-file-name id edited))
              ((file-exists-p (concat stem ".eml"))))
    (mew-submit-spool--remove (list :id id :directory edited :stem stem))))

(defun mew-submit-dispatch--try-to-begin (entry)
  "Begin to send ENTRY's message as it is on disk, if it is due there, too.
Another Emacs may do that, or have done it.  The lock is given back, unless the
message is being sent now."
  (let* ((id (plist-get entry :id))
         (directory (plist-get entry :directory))
         (lock (mew-submit-spool--lock id directory)))
    (unwind-protect
        (if (null lock)
            (cond ((file-exists-p (mew-submit-spool--message-file entry))
                   (mew-submit-known--look-at id directory nil))
                  ((file-directory-p directory) (mew-submit-known--drop entry))
                  (t (mew-submit-known--check-there directory)))
          (let ((true (mew-submit-known--reread id directory)))
            (when (and true (mew-submit-dispatch--due-p true)
                       (not (mew-submit-dispatch--returned-p true)))
              (mew-submit-spool--check-whole true)
              (when (plist-get true :instead)
                (mew-submit-dispatch--replace true))
              (let ((resolved (mew-submit-dispatch--resolve true)))
                ;; What is being sent stays locked, whoever quits.
                (mew-submit-known--whole
                  (setq lock (mew-submit-dispatch--dated true lock))
                  (mew-submit-dispatch--begin true lock resolved))))))
      ;; The end of its attempt gives it back, however that has begun.
      (unless (mew-submit-dispatch--locked-p entry lock)
        (mew-submit-spool--unlock lock)))))

(defun mew-submit-dispatch--try (entry)
  "Begin to send ENTRY's message; whatever fails puts off that message alone.
Nobody is asked anything on the way."
  (condition-case err
      (let ((mew-submit-auth--ask nil))
        (mew-submit-dispatch--try-to-begin entry))
    (mew-submit-secret (mew-submit-dispatch--ask-first entry))
    (error (mew-submit-dispatch--put-off entry err))))

;;; Passwords that somebody has to be asked for

(defvar mew-submit-dispatch--asking nil
  "The accounts for which the user will be asked something.")

(defun mew-submit-dispatch--account-waits-p (entry)
  "Does ENTRY's message wait until the password of its account can be asked for?"
  (let ((account (plist-get entry :account)))
    (or (member account mew-submit-dispatch--asking)
        (mew-submit-auth--why-put-off account))))

(defun mew-submit-dispatch--no-secret (entry why)
  "Tell that ENTRY's message waits for a password, because of WHY."
  (mew-submit-auth--postpone (plist-get entry :account) why)
  (when (mew-submit-dispatch--let-wait entry :last (concat "No password: " why))
    (mew-submit-background--tell
     "Mail to %s waits in the outbox: no password (%s)"
     (mew-submit-report--people (plist-get entry :recipients)) why)))

(defun mew-submit-dispatch--ask-first (entry)
  "Have the user asked for what is needed to begin to send ENTRY's message.
Where nobody is there it waits for somebody."
  (let ((account (plist-get entry :account)))
    (cond ((mew-submit-background--nobody-p)
           (mew-submit-dispatch--no-secret entry "nobody is there to be asked"))
          ((not (member account mew-submit-dispatch--asking))
           (push account mew-submit-dispatch--asking)
           (mew-submit-question--ask
            nil (list 'unlock account)
            (format "The log-in for %s is where a passphrase may be needed."
                    (plist-get account :server))
            (list (list "Unlock it" nil
                        (lambda ()
                          (mew-submit-dispatch--ask entry)
                          t))
                  '("Not now" nil))
            nil
            (lambda (unlocked)
              (unless unlocked
                (setq mew-submit-dispatch--asking
                      (delete account mew-submit-dispatch--asking))
                (mew-submit-dispatch--no-secret entry "you have said: not now"))))))))

(defun mew-submit-dispatch--ask (entry)
  "Begin to send ENTRY's message, and ask the user for what is needed.
One answer counts for all messages of the account."
  (let ((account (plist-get entry :account))
        (parcel (mew-submit-known--parcel entry)))
    (setq mew-submit-dispatch--asking (delete account mew-submit-dispatch--asking))
    (when parcel
      (condition-case err
          (mew-submit-dispatch--try-to-begin (mew-submit-parcel-entry parcel))
        (quit (mew-submit-dispatch--no-secret entry "you have said: not now"))
        (error (mew-submit-dispatch--no-secret entry
                                            (mew-submit-error--text err)))))
    (mew-submit-dispatch--run)))

(defun mew-submit-dispatch--somebody-came ()
  "Ask whoever has come for the passwords that mail waits for.
This is on `server-after-make-frame-hook'."
  (let ((waiting (seq-count #'mew-submit-dispatch--account-waits-p
                            (mew-submit-known--waiting))))
    (when (and (mew-submit-auth--user-is-here) (> waiting 0))
      (message "Mail waits in the outbox for a password (%d)" waiting)
      (run-at-time 0 nil #'mew-submit-dispatch--wake))))

(defun mew-submit-dispatch--room-p (entry)
  "May ENTRY's message be sent beside those of its account that are?"
  (let ((account (plist-get entry :account))
        (count 0)
        recent)
    (dolist (parcel mew-submit-known--under-way)
      (when (equal account
                   (plist-get (mew-submit-parcel-entry parcel) :account))
        (cl-incf count)
        (when (< (- (float-time) (mew-submit-parcel-started parcel))
                 mew-submit-dispatch--overtake)
          (setq recent t))))
    (and (not recent) (< count mew-submit-dispatch--connections))))

(defun mew-submit-dispatch--hurry ()
  "Send at once what waits for the network or for its turn."
  (mapc #'mew-submit-dispatch--make-urgent (mew-submit-known--waiting))
  (mew-submit-dispatch--run))

;;;###mew-submit
(defun mew-submit-dispatch--clock-went-back ()
  "Send at once what waits: nobody knows for how long it has."
  (setq mew-submit-dispatch--looked 0)
  (mew-submit-dispatch--hurry))

(defun mew-submit-dispatch--network-changed ()
  "Send at once what waits, since this machine is on another network."
  (mew-submit-background--run
    (mew-submit-dispatch--hurry)))

(defun mew-submit-dispatch--arm (seconds)
  "Come back in SECONDS; with nil do not."
  (when (timerp mew-submit-dispatch--timer)
    (cancel-timer mew-submit-dispatch--timer))
  (setq mew-submit-dispatch--timer
        (and seconds (run-at-time seconds nil #'mew-submit-dispatch--wake))))

(defvar mew-submit-dispatch--quiet nil
  "(NEWS . TIME): there is nothing to do before TIME while there is no more news.")

(defun mew-submit-dispatch--schedule (later all-later news)
  "Come back when the first of LATER, entries, is due, or to look for others.
With ALL-LATER non-nil nothing waits for something else than a time, so there is
nothing to do before that while what was known is as it was at NEWS."
  (let ((next (apply #'min 1.0e+INF
                     (mapcar (lambda (entry) (or (plist-get entry :next) 0)) later))))
    (setq mew-submit-dispatch--quiet
          (and all-later (null mew-submit-known--under-way) (cons news next)))
    (mew-submit-dispatch--arm
     (and (or later mew-submit-dispatch--watching
              mew-submit-known--under-way
              (mew-submit-known--queued-p)
              (mew-submit-known--sent-elsewhere-p))
          (max 0.05 (min (if mew-submit-known--under-way mew-submit-dispatch--overtake
                           mew-submit-dispatch--poll)
                         (- next (float-time))))))))

(defun mew-submit-dispatch--directories ()
  "Return the directories to look through."
  (delete-dups (append mew-submit-dispatch--watching
                       (hash-table-keys mew-submit-known--places))))

(defvar mew-submit-dispatch--only nil
  "If non-nil, the identifiers of the messages that may be sent; others wait.
With t they are those that this Emacs puts into the outbox.")

(defun mew-submit-dispatch--look-all ()
  "Look through all directories; one that cannot be read stops no other.
What is found there is sent when all of one has been looked at."
  (unless (eq mew-submit-dispatch--only t)
    (dolist (directory (mew-submit-dispatch--directories))
      (mew-submit-known--call #'mew-submit-known--look-then directory
                              #'mew-submit-dispatch--perhaps-run))))

(defun mew-submit-dispatch--perhaps-run ()
  "Send what is due; with no news, and nothing due, touch no entry."
  (let ((until (and (eql (car mew-submit-dispatch--quiet) mew-submit-known--news)
                    (- (cdr mew-submit-dispatch--quiet) (float-time)))))
    (if (and until (> until 0))
        (mew-submit-dispatch--arm (max 0.05 (min until mew-submit-dispatch--poll)))
      (mew-submit-dispatch--run))))

(defun mew-submit-dispatch--wake ()
  "Send what is due; look for what others have put into the outbox.
Whatever happens, this comes back."
  (mew-submit-dispatch--arm mew-submit-dispatch--poll)
  (mew-submit-background--run
    (when (>= (abs (- (float-time) mew-submit-dispatch--looked))
              (1- mew-submit-dispatch--poll))
      (setq mew-submit-dispatch--looked (float-time))
      (mew-submit-dispatch--look-all))
    (mew-submit-dispatch--perhaps-run)))

(defun mew-submit-dispatch--run-all (entries)
  "Begin to send those of ENTRIES that are due, and return those that are not."
  (let ((full (make-hash-table :test #'equal))
        (now (float-time))
        later)
    (dolist (entry entries)
      (cond ((not (mew-submit-dispatch--due-p entry now))
             (push entry later))
            ((or (gethash (plist-get entry :account) full)
                 (mew-submit-dispatch--account-waits-p entry)
                 (and (consp mew-submit-dispatch--only)
                      (not (member (plist-get entry :id)
                                   mew-submit-dispatch--only)))))
            ((mew-submit-dispatch--room-p entry)
             (mew-submit-dispatch--try entry))
            (t (puthash (plist-get entry :account) t full))))
    later))

(defun mew-submit-dispatch--run ()
  "Begin to send what is due, and come back when the next is."
  (mew-submit-dispatch--arm mew-submit-dispatch--poll)
  (unwind-protect
      (if (mew-submit-module--missing-p)
          (mew-submit-dispatch--wait-for-module)
        ;; What comes or changes meanwhile makes it more.
        (let* ((news mew-submit-known--news)
               (entries (mew-submit-known--automatic))
               (later (mew-submit-dispatch--run-all entries)))
          ;; What waits for a time is not to wait for the clock.
          (when later
            (mew-submit-known--call #'mew-submit-job--keep-time))
          (mew-submit-dispatch--schedule later (= (length later) (length entries)) news)))
    (mew-submit-known--changed))
  (unless noninteractive
    (add-hook 'server-after-make-frame-hook #'mew-submit-dispatch--somebody-came)
    (when (mew-submit-known--queued-p)
      (mew-submit-network--watch #'mew-submit-dispatch--network-changed
                                 #'mew-submit-known--queued-p))))

;;; Before the module is built

(defvar mew-submit-dispatch--no-module nil
  "Non-nil when the user has said that the module is not to be built now.")

(defun mew-submit-dispatch--build (yes)
  "Build the module in the background if YES."
  (setq mew-submit-dispatch--no-module (not yes))
  (if yes
      (when (mew-submit-module--build)
        (message "Building the module; your mail waits in the outbox"))
    (message "Mail waits in the outbox until M-x mew-submit-build-module")))

(defun mew-submit-dispatch--wait-for-module ()
  "Have the module built anew, or the question stand whether to, if mail waits.
Where neither would help, say once why the mail waits."
  (when (mew-submit-known--automatic)
    (cond ((or mew-submit-dispatch--no-module
               (mew-submit-module--rebuild)
               (mew-submit-question--asked-p 'build)))
          ((mew-submit-module--buildable-p)
           (mew-submit-question--ask 'build 'build (mew-submit-module--question)
                                     '(("Compile it" t) ("Not now" nil))
                                     nil #'mew-submit-dispatch--build))
          (t
           (setq mew-submit-dispatch--no-module t)
           (condition-case err
               (mew-submit-module--ensure)
             (mew-submit-error
              (display-warning 'mew-submit
                               (concat "Mail waits in the outbox.  "
                                       (mew-submit-error--text err)))))))))

(defun mew-submit-dispatch--offer-module ()
  "Ask, for a command that sends mail, whether to build the module it needs.
The mail goes to the outbox all the same, whatever the answer is."
  (when (and (mew-submit-background--command-p)
             (mew-submit-module--missing-p)
             (not mew-submit-dispatch--no-module)
             (not (mew-submit-module--building-p))
             (or (mew-submit-module--buildable-p)
                 (mew-submit-module--rebuild)))
    (setq mew-submit-dispatch--no-module
          (not (condition-case err
                   (mew-submit-module--offer)
                 (user-error (message "%s" (error-message-string err)) nil))))))

;;;###mew-submit
(defun mew-submit-dispatch--module-is-there ()
  "Send what has waited for the module.  This is on `mew-submit-module--hook'."
  (setq mew-submit-dispatch--no-module nil)
  (mew-submit-question--drop 'build)
  (clrhash mew-submit-known--seen)
  (mew-submit-dispatch--look-all)
  (mew-submit-dispatch--run))

;;; What the floors above call

(defun mew-submit-dispatch--start (&optional directory then)
  "Send what is in DIRECTORY, by default the outbox, now and from now on.
What others put there is found within a minute.  THEN is called when all of it
has been looked at; when there is much, that is after this has returned."
  (let ((directory (file-name-as-directory
                    (expand-file-name
                     (or directory mew-submit-outbox-directory)))))
    (cl-pushnew directory mew-submit-dispatch--watching :test #'equal)
    (setq mew-submit-fate--leaving nil)
    (mapc #'mew-submit-spool--clean
          (list directory (mew-submit-spool--copies directory)
                (mew-submit-spool--edited directory)))
    (setq mew-submit-dispatch--looked (float-time))
    (mew-submit-known--look-then directory
                                 (lambda ()
                                   (mew-submit-dispatch--run)
                                   (when then
                                     (funcall then))))
    (mew-submit-dispatch--perhaps-run)))

(defun mew-submit-dispatch--start-once ()
  "Send what an Emacs before has left in the outbox, unless that is done already.
This is for who sends without `mew-submit-mode'."
  (unless (or noninteractive
              (member (file-name-as-directory
                       (expand-file-name mew-submit-outbox-directory))
                      mew-submit-dispatch--watching))
    (mew-submit-background--run
      (mew-submit-dispatch--start))))

(defun mew-submit-dispatch--leave ()
  "Stop what is being sent, until the outbox is looked at again."
  (setq mew-submit-fate--leaving t)
  (mew-submit-job--finish))

(defconst mew-submit-dispatch--batch-wait 60
  "Seconds for which a batch Emacs that is about to end waits for its mail.")

(defun mew-submit-dispatch--end ()
  "Stop what is being sent, since Emacs ends; in batch mode wait for it first.
What has been stopped already is not waited for.  This is on `kill-emacs-hook'."
  (when (and noninteractive (not mew-submit-fate--leaving))
    (let ((deadline (+ (float-time) mew-submit-dispatch--batch-wait)))
      (dolist (parcel (copy-sequence mew-submit-known--under-way))
        (mew-submit-job--wait (mew-submit-parcel-job parcel)
                              (max 0 (- deadline (float-time)))))))
  (mew-submit-dispatch--leave))

(defun mew-submit-dispatch--stop ()
  "No longer look for what others put into the outbox."
  (setq mew-submit-dispatch--watching nil))

(provide 'mew-submit-dispatch)
;;; mew-submit-dispatch.el ends here
