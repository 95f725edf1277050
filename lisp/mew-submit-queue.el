;;; mew-submit-queue.el --- When which message of the outbox is sent -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what happens to the messages of the outbox: which is sent when,
;; what the end of an attempt makes of it, and when it is tried again.  What is on
;; disk is always true without it (mew-submit-spool.el); here is the copy in memory.
;;
;; A message is locked while it is sent, so that several Emacsen on one outbox never
;; send one twice.  Messages of one account go one after the other, since they share
;; a connection; a slow one is overtaken.
;;
;; What was refused, and what is uncertain, is never sent again by itself.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-auth)
(require 'mew-submit-background)
(require 'mew-submit-dialog)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-network)
(require 'mew-submit-spool)
(require 'mew-submit-plan)
(require 'mew-submit-question)
(require 'mew-submit-refusal)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-job)
(require 'mew-submit-loaddefs)
(require 'seq)

(defcustom mew-submit-delay 0
  "Seconds for which a message is held before it is sent, so that it can be undone.
The default is 0.  Meanwhile \\[mew-submit-undo-send] brings it back."
  :type 'number
  :group 'mew-submit-outbox
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-retry-intervals '(60 120 300 600 1800 3600)
  "Seconds to wait after each attempt that failed for now.
The default is 1, 2, 5, 10, 30 and 60 minutes; the last one holds from then on.
Each is made up to a fifth shorter or longer by chance.  When the network has
changed, the next attempt is made at once."
  :type '(repeat :tag "Seconds" (number :tag "Seconds"))
  :group 'mew-submit-outbox
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-give-up-after 432000
  "Seconds after which a message that is still not delivered is tried no more.
The default is 432000, five days, as mail servers have it; nil means never.  It
stays in the outbox, and the buffer *mew-submit* tells why."
  :type '(choice (const :tag "Never" nil) (number :tag "Seconds"))
  :group 'mew-submit-outbox
  :package-version '(mew-submit . "0.1.0"))

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

;; Who listens is named here, and loaded when there is something to hear: loading a
;; file changes nothing.

(defvar mew-submit-known--change-hook
  '(mew-submit-mode-line--update-soon mew-submit-notice--watch-leaving
                                   mew-submit-copies--soon)
  "Hook that is run when something in the outbox has changed.")

(defvar mew-submit-dispatch--done-functions '(mew-submit-notice--done)
  "Functions called at the end of each attempt, with entry and `done' event.
The entry's :state is nil when all of its recipients have it; its message is
still on disk then.")

(defvar mew-submit-parcel--progress-functions '(mew-submit-mode-line--update-soon)
  "Functions called with an entry and each `progress' event of its message.")

(cl-defstruct (mew-submit-queue--job (:constructor mew-submit-queue--make-job)
                                     (:copier nil))
  (entry nil :documentation "The entry, whose state is `sending'.")
  (lock nil :documentation "The lock on its message.")
  (session nil :documentation "The session, once there is one.")
  (started 0 :documentation "When, a float.")
  (sent 0 :documentation "Octets that the server has acknowledged.")
  (total 0 :documentation "Octets there are."))

(defvar mew-submit-queue--known (make-hash-table :test #'equal)
  "The entries that are known, by the names of their message files.")

(defvar mew-submit-queue--stamps (make-hash-table :test #'equal)
  "The stamp of the entry's file when it was read, by the same names.")

(defvar mew-submit-known--sending (make-hash-table :test #'equal)
  "Those of the entries that say `sending', by the same names.")

(defvar mew-submit-known--places (make-hash-table :test #'equal)
  "The directories from which an entry has come.")

(defvar mew-submit-known--news 0
  "How often something has changed that says what is to be sent when.")

(defvar mew-submit-queue--jobs (make-hash-table :test #'equal)
  "What is being sent here, by the same names.")

(defvar mew-submit-queue--callers (make-hash-table :test #'equal)
  "What came with a message and is not on disk, a plist, by the same names.")

(defvar mew-submit-queue--urgent (make-hash-table :test #'equal)
  "What is not to wait until its time has come, by the same names.")

(defvar mew-submit-dispatch--timer nil
  "The timer for the next attempt, or nil.")

(defvar mew-submit-dispatch--watching nil
  "The directories to look through now and then, whether they are empty or not.")

(defvar mew-submit-dispatch--looked 0
  "When the outbox was looked through last.")

(defvar mew-submit-fate--leaving nil
  "Non-nil when Emacs is about to end: what is stopped now goes on next time.")

;;; The copy in memory

(defun mew-submit-known--key (entry)
  "Return the key of ENTRY in the tables."
  (mew-submit-spool--message-file entry))

(defvar mew-submit-known--quitted nil
  "Non-nil when the user has quit out of a function that was called.")

(defun mew-submit-known--call (function &rest args)
  "Call FUNCTION, if there is one, with ARGS; show its errors as warnings.
A quit ends FUNCTION, and is noted for the caller."
  (when function
    (condition-case err
        (let ((inhibit-quit nil))
          (apply function args))
      (quit (setq mew-submit-known--quitted t)
            nil)
      (error (display-warning 'mew-submit
                              (format "A function for the outbox: %s"
                                      (mew-submit-error--text err)))))))

(defun mew-submit-known--changed ()
  "Tell that something has changed."
  (run-hook-wrapped 'mew-submit-known--change-hook
                    (lambda (function)
                      (mew-submit-known--call function)
                      nil)))

(defmacro mew-submit-known--whole (&rest body)
  "Run BODY to its end, and only then let a quit take effect."
  (declare (indent 0) (debug (body)))
  `(let ((inhibit-quit t)
         (mew-submit-known--quitted nil))
     (prog1 (progn ,@body)
       (when mew-submit-known--quitted
         (setq quit-flag t)))))

(defun mew-submit-spool--stamp (entry)
  "Return what is new whenever the file of ENTRY has been written.
Its time alone is not: two writes may fall into one tick of the clock."
  (let ((attributes (file-attributes
                     (mew-submit-spool--file (plist-get entry :id) ".eld"
                                             (plist-get entry :directory)))))
    (list (file-attribute-modification-time attributes)
          (file-attribute-inode-number attributes)
          (file-attribute-size attributes))))

(defun mew-submit-known--keep (entry)
  "Have ENTRY in memory."
  (let ((key (mew-submit-known--key entry)))
    (cl-incf mew-submit-known--news)
    (puthash key entry mew-submit-queue--known)
    (puthash (plist-get entry :directory) t mew-submit-known--places)
    (if (eq (plist-get entry :state) 'sending)
        (puthash key entry mew-submit-known--sending)
      (remhash key mew-submit-known--sending))))

(defun mew-submit-known--note (entry)
  "Have ENTRY, as it is on disk, in memory; return it."
  (let ((key (mew-submit-known--key entry)))
    (mew-submit-known--keep entry)
    (puthash key (mew-submit-spool--stamp entry) mew-submit-queue--stamps)
    entry))

(defun mew-submit-parcel--forget-password (entry)
  "Wipe the password that came with ENTRY; it can be read again, or is not needed."
  (let ((caller (gethash (mew-submit-known--key entry) mew-submit-queue--callers)))
    (when-let* ((password (plist-get caller :password)))
      (plist-put caller :password nil)
      (clear-string password))))

(defun mew-submit-known--drop (entry)
  "Forget ENTRY, whose message is gone."
  (mew-submit-parcel--forget-password entry)
  (cl-incf mew-submit-known--news)
  (dolist (table (list mew-submit-queue--known mew-submit-queue--stamps
                       mew-submit-queue--callers mew-submit-queue--urgent
                       mew-submit-known--sending))
    (remhash (mew-submit-known--key entry) table)))

(defun mew-submit-known--save (entry)
  "Have ENTRY on disk and in memory; return it."
  (mew-submit-spool--write entry t)
  (mew-submit-known--note entry))

(defun mew-submit-known--reread (id directory)
  "Have what is on disk of the message ID in DIRECTORY in memory; return it.
What an Emacs that died has left behind is made good.  The caller has it locked."
  (let* ((entry (mew-submit-spool--read id directory))
         (true (and entry
                    (if (eq (plist-get entry :state) 'broken)
                        entry
                      (mew-submit-fate--recover entry)))))
    (cond (true (mew-submit-known--note true))
          (entry (mew-submit-known--drop entry)
                 nil))))

(defun mew-submit-known--check-news (known entry)
  "Signal `user-error' if ENTRY is in doubt, and the user knows it as KNOWN.
Whoever wants to do something with it has not been asked about that."
  (when (and known
             (eq (plist-get entry :state) 'uncertain)
             (not (eq (plist-get known :state) 'uncertain)))
    (user-error "It was sent meanwhile, and no answer came: it may have \
arrived already")))

(defun mew-submit-known--with-lock (id directory function)
  "Call FUNCTION with the entry of the message ID in DIRECTORY, locked.
Return its value.  Signal `user-error' when that is not possible, or the message
is in doubt and was not when it was looked at; it is a person who wants that."
  (let ((known (mew-submit-known--entry id directory))
        (lock (mew-submit-spool--lock id directory)))
    (unless lock
      (user-error "%s" (if (file-exists-p (mew-submit-spool--file
                                           id ".eml" directory))
                           "That message is being sent"
                         "That message is not in the outbox any more")))
    (unwind-protect
        (let ((entry (mew-submit-known--reread id directory)))
          (unless entry
            (user-error "That message has been delivered"))
          (mew-submit-known--check-news known entry)
          (mew-submit-error--as-user-error
            (funcall function entry)))
      (mew-submit-spool--unlock lock))))

(defun mew-submit-known--recover (entry)
  "Make ENTRY good if its owner has died, and have it in memory."
  (let* ((id (plist-get entry :id))
         (directory (plist-get entry :directory))
         (lock (and (not (mew-submit-module--missing-p))
                    (mew-submit-spool--lock id directory))))
    (if (null lock)
        (mew-submit-known--note entry)
      (unwind-protect
          (mew-submit-known--reread id directory)
        (mew-submit-spool--unlock lock)))))

(defun mew-submit-known--look-at (id directory journals)
  "Have the message ID in DIRECTORY in memory as it is on disk.
JOURNALS are the identifiers of those that have a journal."
  (let ((file (mew-submit-spool--file id ".eml" directory)))
    (unless (gethash file mew-submit-queue--jobs)
      (let* ((probe (list :id id :directory directory))
             (stamp (mew-submit-spool--stamp probe))
             (known (gethash file mew-submit-queue--known))
             (journal (member id journals)))
        (unless (and known (not journal)
                     (not (eq (plist-get known :state) 'sending))
                     (equal stamp (gethash file mew-submit-queue--stamps)))
          (when-let* ((entry (mew-submit-spool--read id directory)))
            (if (or journal (eq (plist-get entry :state) 'sending))
                (mew-submit-known--recover entry)
              (mew-submit-known--note entry))))))))

(defconst mew-submit-known--look-octets 100000000
  "How much memory may be used before garbage is collected in the midst of it.")

(defvar mew-submit-known--seen (make-hash-table :test #'equal)
  "What directories were like when they were looked through whole.")

(defconst mew-submit-known--settled 3
  "Seconds after which the time of a directory changes with the next change.")

(defun mew-submit-known--likeness (directory)
  "Return what is new when something in DIRECTORY is, or what is known of it.
Return nil when that cannot be told yet: two changes may have one time.  What is
changed there gets its name by a renaming, so the directory changes."
  (let* ((attributes (file-attributes directory))
         (time (file-attribute-modification-time attributes)))
    (and time
         (> (float-time (time-subtract nil time)) mew-submit-known--settled)
         (list time (file-attribute-inode-number attributes)
               (hash-table-count mew-submit-queue--known)))))

(defun mew-submit-known--look-safely (id directory journals)
  "Look at the message ID in DIRECTORY, with JOURNALS; return nil if that fails."
  (condition-case err
      (progn (mew-submit-known--look-at id directory journals)
             t)
    (error (display-warning 'mew-submit
                            (format "The message %s: %s" id
                                    (mew-submit-error--text err)))
           nil)))

(cl-defstruct (mew-submit-known--look (:constructor mew-submit-queue--make-look)
                                      (:copier nil))
  (directory nil :documentation "What is looked through.")
  (likeness nil :documentation "What it was like before, or nil.")
  (ids nil :documentation "The identifiers that are left to be looked at.")
  (there nil :documentation "The names of all message files that were there.")
  (journals nil :documentation "The identifiers of those that have a journal.")
  (whole t :documentation "Nil when some could not be looked at."))

(defun mew-submit-known--begin-look (directory)
  "Return a look at DIRECTORY, which has changed or is not known."
  (let* ((likeness (mew-submit-known--likeness directory))
         (ids (mew-submit-spool--ids directory))
         (there (make-hash-table :test #'equal)))
    (remhash directory mew-submit-known--seen)
    (dolist (id ids)
      (puthash (mew-submit-spool--file id ".eml" directory) t there))
    (mew-submit-queue--make-look
     :directory directory :likeness likeness :ids ids :there there
     :journals (and ids (mew-submit-spool--journals directory)))))

(defun mew-submit-known--look-at-some (look count)
  "Look at COUNT more messages of LOOK; return non-nil if some are left."
  (let (;; A thousand files at once: one collection, afterwards, is enough.
        (gc-cons-threshold (max gc-cons-threshold
                                mew-submit-known--look-octets)))
    (while (and (> count 0) (mew-submit-queue--look-ids look))
      (cl-decf count)
      (unless (mew-submit-known--look-safely
               (pop (mew-submit-queue--look-ids look))
               (mew-submit-queue--look-directory look)
               (mew-submit-queue--look-journals look))
        (setf (mew-submit-queue--look-whole look) nil))))
  (mew-submit-queue--look-ids look))

(defun mew-submit-known--end-look (look)
  "Forget what LOOK has not found, and note what its directory was like.
What has come meanwhile is not to be forgotten."
  (let ((directory (mew-submit-queue--look-directory look))
        (likeness (mew-submit-queue--look-likeness look)))
    (dolist (entry (hash-table-values mew-submit-queue--known))
      (when (and (equal (plist-get entry :directory) directory)
                 (not (gethash (mew-submit-known--key entry)
                               (mew-submit-queue--look-there look)))
                 (not (gethash (mew-submit-known--key entry)
                               mew-submit-queue--jobs))
                 (not (file-exists-p (mew-submit-known--key entry))))
        (mew-submit-known--drop entry)))
    ;; The time from before: what came meanwhile makes another.
    (when (and likeness (mew-submit-queue--look-whole look))
      (puthash directory
               (list (nth 0 likeness) (nth 1 likeness)
                     (hash-table-count mew-submit-queue--known))
               mew-submit-known--seen))))

(defun mew-submit-known--look-at-sending (directory)
  "Make good what others sent from DIRECTORY and left behind: no file has changed."
  (dolist (entry (hash-table-values mew-submit-known--sending))
    (when (equal (plist-get entry :directory) directory)
      (mew-submit-known--look-safely (plist-get entry :id) directory nil))))

(defun mew-submit-known--unchanged-p (directory)
  "Is DIRECTORY as it was when it was looked through last?"
  (let ((likeness (mew-submit-known--likeness directory)))
    (and likeness
         (equal likeness (gethash directory mew-submit-known--seen)))))

(defun mew-submit-known--refresh (&optional directory)
  "Have what is in DIRECTORY, by default the outbox, in memory as it is on disk.
What cannot be looked at is told as a warning, and the rest goes on.  A look at
one that has not changed reads nothing."
  (let ((directory (file-name-as-directory
                    (expand-file-name
                     (or directory mew-submit-outbox-directory)))))
    (if (mew-submit-known--unchanged-p directory)
        (mew-submit-known--look-at-sending directory)
      (let ((look (mew-submit-known--begin-look directory)))
        (mew-submit-known--look-at-some look most-positive-fixnum)
        (mew-submit-known--end-look look)))))

;;; Many messages, and Emacs free meanwhile

(defconst mew-submit-known--slice 100
  "How many messages are looked at before Emacs may do something else.")

(defvar mew-submit-known--looks nil
  "The directories that are being looked through in slices.")

(defun mew-submit-known--go-on (look then)
  "Look at some more messages of LOOK, and call THEN after the last.
Emacs does what else there is to do between two slices."
  (condition-case err
      (if (mew-submit-known--look-at-some look mew-submit-known--slice)
          (run-at-time 0 nil #'mew-submit-known--go-on-soon look then)
        (setq mew-submit-known--looks
              (delete (mew-submit-queue--look-directory look)
                      mew-submit-known--looks))
        (mew-submit-known--end-look look)
        (funcall then))
    (error (setq mew-submit-known--looks
                 (delete (mew-submit-queue--look-directory look)
                         mew-submit-known--looks))
           (display-warning 'mew-submit (mew-submit-error--text err)))))

(defun mew-submit-known--go-on-soon (look then)
  "Go on with LOOK, and call THEN after its end.
This is called by a timer."
  (mew-submit-background--run
    (mew-submit-known--go-on look then)))

(defun mew-submit-known--look-then (directory then)
  "Have what is in DIRECTORY in memory, in slices, and then call THEN.
A batch Emacs, which nobody waits at, does it at once.  So does what is short."
  (cond ((mew-submit-known--unchanged-p directory)
         (mew-submit-known--look-at-sending directory)
         (funcall then))
        (noninteractive
         (mew-submit-known--refresh directory)
         (funcall then))
        ((not (member directory mew-submit-known--looks))
         (push directory mew-submit-known--looks)
         (mew-submit-known--go-on (mew-submit-known--begin-look directory)
                                  then))))

(defun mew-submit-known--older-p (a b)
  "Was the message of the entry A put into the outbox before that of B?
Identifiers do not tell: they are by chance within a second."
  (let ((a-time (or (plist-get a :created) 0))
        (b-time (or (plist-get b :created) 0)))
    (or (< a-time b-time)
        (and (= a-time b-time)
             (string< (plist-get a :id) (plist-get b :id))))))

(defun mew-submit-known--entries (&optional directory)
  "Return the entries of DIRECTORY, by default the outbox, the oldest first.
They are as they were when it was last looked at."
  (let ((directory (file-name-as-directory
                    (expand-file-name
                     (or directory mew-submit-outbox-directory)))))
    (sort (seq-filter (lambda (entry)
                        (equal (plist-get entry :directory) directory))
                      (hash-table-values mew-submit-queue--known))
          #'mew-submit-known--older-p)))

(defun mew-submit-known--entry (id &optional directory)
  "Return the entry of the message ID in DIRECTORY, or nil."
  (gethash (mew-submit-spool--file
            id ".eml" (or directory mew-submit-outbox-directory))
           mew-submit-queue--known))

(defun mew-submit-known--progress (entry)
  "Return (SENT . TOTAL), octets, of ENTRY's message, or nil.
It is nil when that is not being sent here."
  (when-let* ((job (gethash (mew-submit-known--key entry)
                           mew-submit-queue--jobs)))
    (cons (mew-submit-queue--job-sent job) (mew-submit-queue--job-total job))))

(defun mew-submit-known--running ()
  "Return the entries of the messages that are being sent here."
  (mapcar #'mew-submit-queue--job-entry
          (hash-table-values mew-submit-queue--jobs)))

;;; What the end of an attempt means

(defun mew-submit-fate--refusal (address done)
  "Return (ADDRESS CODE TEXT) if ADDRESS was refused according to DONE, or nil."
  (seq-some (lambda (recipient)
              (and (equal (plist-get recipient :address) address)
                   (>= (or (plist-get recipient :code) 0) 400)
                   (list address (plist-get recipient :code)
                         (plist-get recipient :text))))
            (plist-get done :recipients)))

(defun mew-submit-fate--fates (entry done)
  "Return what became of each recipient of ENTRY, whose `done' event is DONE.
It is a plist as `mew-submit-fate--of-journal' returns.  The journal knows it, and
DONE who was refused before there was a final dot."
  (let* ((fates (mew-submit-fate--of-journal
                 (plist-get entry :recipients)
                 (ignore-errors (mew-submit-spool--journal-lines entry))))
         (unknown (append (plist-get fates :uncertain)
                          (plist-get fates :unsent))))
    ;; An answer that is not in the journal, whatever has become of that, is one
    ;; all the same.
    (when (and unknown (equal (plist-get done :kind) "ok"))
      (dolist (address unknown)
        (if-let* ((refusal (mew-submit-fate--refusal address done)))
            (push refusal (plist-get fates :refused))
          (push address (plist-get fates :delivered))))
      (setq fates (plist-put (plist-put fates :uncertain nil) :unsent nil)))
    (dolist (address (plist-get fates :unsent))
      (when-let* ((refusal (mew-submit-fate--refusal address done)))
        (push refusal (plist-get fates :refused))
        (setq fates (plist-put fates :unsent
                               (remove address (plist-get fates :unsent))))))
    fates))

(defun mew-submit-fate--interval (attempts)
  "Return how many seconds to wait after ATTEMPTS attempts."
  (let ((intervals (or mew-submit-retry-intervals '(3600))))
    (* (nth (min (max 0 (1- attempts)) (1- (length intervals))) intervals)
       (/ (+ 800 (random 401)) 1000.0))))

(defun mew-submit-fate--judge (entry done)
  "Return ENTRY, of which some recipients are left, as it is after DONE."
  (pcase (plist-get done :result)
    ("uncertain" (mew-submit-spool--with entry :state 'uncertain :next nil))
    ((or "refused" "insecure")
     (mew-submit-spool--with entry :state 'refused :next nil))
    ((and "cancelled" (guard (not mew-submit-fate--leaving)))
     (mew-submit-spool--with entry :state 'held :next nil))
    ("cancelled" (mew-submit-spool--with entry :state 'queued :next nil))
    ;; It waits for its account's password, and not for a time of its own.
    ((guard (equal (plist-get done :kind) "secret"))
     (mew-submit-spool--with entry :state 'queued :next nil))
    (_ (mew-submit-spool--with
        entry :state 'queued
        :next (+ (float-time)
                 (max (mew-submit-refusal--patience done)
                      (mew-submit-fate--interval
                       (plist-get entry :attempts))))))))

(defun mew-submit-fate--perhaps-give-up (entry done)
  "Return DONE, or what is told instead when ENTRY's message has waited too long."
  (let ((since (max (or (plist-get entry :not-before) 0)
                    (or (plist-get entry :created) (float-time)))))
    (if (and mew-submit-give-up-after
             (equal (plist-get done :result) "deferred")
             (> (- (float-time) since) mew-submit-give-up-after))
        (append (list :result "refused"
                      :text (format "Given up after %d days.  The last time: %s"
                                    (/ (- (float-time) since) 86400)
                                    (plist-get done :text)))
                done)
      done)))

(defun mew-submit-fate--perhaps-unread (entry done)
  "Return DONE, or what is told instead when ENTRY's file cannot be read now.
That says nothing of the message: a network home may be away for a moment."
  (if (and (equal (plist-get done :kind) "message")
           (not (file-readable-p (mew-submit-spool--message-file entry))))
      (append '(:kind "internal" :result "deferred") done)
    done))

(defun mew-submit-fate--after (entry done)
  "Return ENTRY, which was being sent, as it is after its `done' event DONE.
Its state is nil when everybody has it."
  (let ((settled (mew-submit-fate--settle
                  entry (mew-submit-fate--fates entry done)))
        (words (mew-submit-report--done done)))
    (mew-submit-spool--note
     (mew-submit-spool--with
      (if (eq (plist-get settled :state) 'queued)
          (mew-submit-fate--judge settled done)
        settled)
      :result (plist-get done :result) :kind (plist-get done :kind)
      :alarm (plist-get done :alarm)
      :cause (plist-get done :cause) :detail (plist-get done :detail)
      :sure (plist-get done :sure) :why (plist-get done :why)
      :code (plist-get done :code) :remedy (plist-get done :remedy)
      :last (cond ((eq (plist-get settled :state) 'refused)
                   (plist-get settled :last))
                  ((string-empty-p (or (plist-get done :text) ""))
                   words)
                  (t (plist-get done :text))))
     words)))

;;; Sending

(defun mew-submit-queue--caller (entry key)
  "Return the value of KEY that came with ENTRY and is not on disk, or nil."
  (plist-get (gethash (mew-submit-known--key entry) mew-submit-queue--callers)
             key))

(defun mew-submit-dispatch--tell (entry done)
  "Tell all who want to know that an attempt for ENTRY has ended with DONE."
  (let ((on-done (mew-submit-queue--caller entry :on-done)))
    (dolist (function mew-submit-dispatch--done-functions)
      (mew-submit-known--call function entry done))
    (mew-submit-known--call on-done done)))

(defun mew-submit-dispatch--put-away (entry old done)
  "Have ENTRY, which was OLD before it was sent, on disk as DONE has left it.
When that fails the journal, which is on disk, still tells what is true."
  (condition-case err
      (cond ((plist-get entry :state)
             (mew-submit-spool--write entry t)
             (mew-submit-spool--forget-journal old)
             (mew-submit-known--note entry))
            (t (mew-submit-known--drop entry)
               (mew-submit-spool--finish entry done)
               (mew-submit-spool--forget-journal old)))
    (error
     (when (plist-get entry :state)
       (mew-submit-known--keep entry))
     (display-warning 'mew-submit (mew-submit-error--text err)))))

(defun mew-submit-dispatch--claimed-p (entry done)
  "Does the caller want ENTRY back, which DONE has left with nobody having it?"
  (and (memq (plist-get entry :state) '(queued refused held))
       (null (plist-get entry :delivered))
       (mew-submit-known--call (mew-submit-queue--caller entry :claim)
                               entry done)))

(defun mew-submit-dispatch--give-back (entry old)
  "Remove the message of ENTRY, which was OLD before it was sent.
It is its caller's again."
  (condition-case err
      (progn (mew-submit-spool--remove entry)
             (mew-submit-spool--forget-journal old))
    (error (display-warning 'mew-submit (mew-submit-error--text err))))
  (mew-submit-known--drop entry))

(defun mew-submit-dispatch--perhaps-lock (entry done)
  "Have ENTRY's account not log in for a time if that does harm, by DONE.
Each try may prolong what the server does to who tries too often."
  (when (mew-submit-refusal--locked-p done)
    (mew-submit-auth--postpone (plist-get entry :account)
                               (mew-submit-refusal--meaning done)
                               (mew-submit-refusal--patience done))))

(defun mew-submit-dispatch--conclude (job done)
  "Do all there is to do for DONE, the end of JOB.
A quit, as in a question that is asked then, takes effect afterwards."
  (mew-submit-known--whole
    (let* ((old (mew-submit-queue--job-entry job))
           (done (mew-submit-fate--perhaps-give-up
                  old (mew-submit-fate--perhaps-unread old done))))
      (unwind-protect
          (let ((entry (mew-submit-fate--after old done)))
            (if (mew-submit-dispatch--claimed-p entry done)
                (mew-submit-dispatch--give-back entry old)
              (mew-submit-dispatch--perhaps-lock entry done)
              (mew-submit-dispatch--tell entry done)
              (unless (and (eq (plist-get entry :state) 'queued)
                           (null (plist-get (plist-get entry :account)
                                            :password-file)))
                (mew-submit-parcel--forget-password old))
              (mew-submit-dispatch--put-away entry old done)))
        (remhash (mew-submit-known--key old) mew-submit-queue--jobs)
        (mew-submit-spool--unlock (mew-submit-queue--job-lock job)))
      (mew-submit-known--changed)
      (unless mew-submit-fate--leaving
        (mew-submit-dispatch--run)))))

(defun mew-submit-queue--on-event (job event)
  "Note what is in EVENT of JOB."
  (let ((entry (mew-submit-queue--job-entry job)))
    (when (eq (plist-get event :event) 'progress)
      (setf (mew-submit-queue--job-sent job) (or (plist-get event :sent) 0)
            (mew-submit-queue--job-total job) (or (plist-get event :total) 0))
      (run-hook-with-args 'mew-submit-parcel--progress-functions entry event))
    (mew-submit-known--call (mew-submit-queue--caller entry :on-event) event)))

(defun mew-submit-dispatch--account (entry)
  "Return the account of ENTRY, with what came with it and is not on disk.
Later attempts read the password from the file where one has it; functions are
those that the user's account has now."
  (let* ((account (mew-submit-account--copy
                   (append (plist-get entry :account)
                           (or (mew-submit-queue--caller entry :functions)
                               (mew-submit-dispatch--functions
                                (mew-submit-account--like
                                 (plist-get entry :account)))))))
         (password (mew-submit-queue--caller entry :password))
         (file (plist-get account :password-file)))
    (cond (password
           (setq account
                 (plist-put account :password (copy-sequence password))))
          (file
           ;; A pipe in its place would have Emacs wait.
           (unless (file-regular-p file)
             (mew-submit-error--throw
              'config nil "The password file is no longer there: %s" file))
           (setq account (plist-put account :password
                                    (mew-submit-auth--read-file file)))))
    (if (funcall (or (mew-submit-queue--caller entry :whole) #'ignore))
        (plist-put account :all-or-none t)
      account)))

(defun mew-submit-dispatch--note-server (job name)
  "Note on disk that NAME, one of several servers, is to get the message of JOB.
That is done before: an Emacs that is killed later has to know it."
  (let ((entry (mew-submit-queue--job-entry job)))
    (unless (equal name (plist-get entry :via))
      (setf (mew-submit-queue--job-entry job)
            (mew-submit-spool--with entry :via name))
      (mew-submit-spool--write (mew-submit-queue--job-entry job) t))))

(defun mew-submit-dispatch--submit (job resolved)
  "Start the session of JOB.
RESOLVED is what was looked up for its account, or nil."
  (let* ((entry (mew-submit-queue--job-entry job))
         (account (append (list :resolved resolved)
                          (mew-submit-dispatch--account entry))))
    (unwind-protect
        (setf (mew-submit-queue--job-session job)
              (mew-submit-parcel--submit
               (mew-submit-spool--message-file entry)
               :account account
               :from (plist-get entry :from)
               :recipients (plist-get entry :recipients)
               :journal (mew-submit-spool--journal-file entry)
               :on-event (lambda (event) (mew-submit-queue--on-event job event))
               :on-done (lambda (done) (mew-submit-dispatch--conclude job done))
               :on-server (lambda (name) (mew-submit-dispatch--note-server job name))
               :on-ask (or (mew-submit-queue--caller entry :on-ask)
                           #'mew-submit-dialog--answer)))
      (when-let* ((password (plist-get account :password)))
        (clear-string password)))))

(defun mew-submit-dispatch--begin (entry lock resolved)
  "Begin to send ENTRY's message, on which LOCK is.
RESOLVED is what was looked up for its account, or nil."
  (let* ((entry (mew-submit-spool--with
                 entry :state 'sending :next nil
                 :attempts (1+ (or (plist-get entry :attempts) 0))))
         (job (mew-submit-queue--make-job :entry entry :lock lock
                                          :started (float-time))))
    (mew-submit-spool--write entry)
    (mew-submit-known--note entry)
    (remhash (mew-submit-known--key entry) mew-submit-queue--urgent)
    (puthash (mew-submit-known--key entry) job mew-submit-queue--jobs)
    (add-hook 'kill-emacs-hook #'mew-submit-dispatch--end)
    (condition-case err
        (mew-submit-dispatch--submit job resolved)
      (error
       ;; Not at once: the caller goes through the table this would change.
       (setf (mew-submit-queue--job-session job)
             (mew-submit-job--fail
              err :on-done (lambda (done)
                             (mew-submit-dispatch--conclude job done))))))))

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
  (and (> (hash-table-count mew-submit-queue--urgent) 0)
       (gethash (mew-submit-known--key entry) mew-submit-queue--urgent)))

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

(defun mew-submit-dispatch--put-off (entry err)
  "Try ENTRY, which could not be begun because of ERR, again later."
  (let ((later (mew-submit-spool--with
                entry :next (+ (float-time) mew-submit-dispatch--poll)
                :last (mew-submit-error--text err))))
    (mew-submit-known--keep later)
    (remhash (mew-submit-known--key entry) mew-submit-queue--urgent)
    (unless (equal (plist-get later :last) (plist-get entry :last))
      (display-warning
       'mew-submit
       (format "Mail to %s waits, and is tried again each minute: %s"
               (mew-submit-report--people (plist-get entry :recipients))
               (plist-get later :last))))))

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
      (mew-submit-spool--freshen entry lock)
    lock))

(defun mew-submit-dispatch--begin-locked (lock id directory)
  "Begin to send the message ID in DIRECTORY, on which LOCK is, as it is on disk.
The lock is given back, unless the message is being sent now."
  (let (begun)
    (unwind-protect
        (let ((true (mew-submit-known--reread id directory)))
          (when (and true (mew-submit-dispatch--due-p true))
            (let ((resolved (mew-submit-dispatch--resolve true)))
              ;; What is being sent stays locked, whoever quits.
              (mew-submit-known--whole
                (setq lock (mew-submit-dispatch--dated true lock))
                (mew-submit-dispatch--begin true lock resolved)
                (setq begun t)))))
      (unless begun
        (mew-submit-spool--unlock lock)))))

(defun mew-submit-dispatch--try-to-begin (entry)
  "Begin to send ENTRY's message, unless another Emacs does or has done that."
  (let* ((id (plist-get entry :id))
         (directory (plist-get entry :directory))
         (lock (mew-submit-spool--lock id directory)))
    (cond (lock (mew-submit-dispatch--begin-locked lock id directory))
          ((file-exists-p (mew-submit-spool--message-file entry))
           (mew-submit-known--look-at id directory nil))
          (t (mew-submit-known--drop entry)))))

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
  (mew-submit-known--keep
   (mew-submit-spool--with entry :last (concat "No password: " why)))
  (mew-submit-background--tell
   "Mail to %s waits in the outbox: no password (%s)"
   (mew-submit-report--people (plist-get entry :recipients)) why))

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
        (key (mew-submit-known--key entry)))
    (setq mew-submit-dispatch--asking (delete account mew-submit-dispatch--asking))
    (when (gethash key mew-submit-queue--known)
      (condition-case err
          (mew-submit-dispatch--try-to-begin (gethash key mew-submit-queue--known))
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
    (dolist (job (hash-table-values mew-submit-queue--jobs))
      (when (equal account
                   (plist-get (mew-submit-queue--job-entry job) :account))
        (cl-incf count)
        (when (< (- (float-time) (mew-submit-queue--job-started job))
                 mew-submit-dispatch--overtake)
          (setq recent t))))
    (and (not recent) (< count mew-submit-dispatch--connections))))

(defun mew-submit-known--automatic ()
  "Return the entries that will be sent by themselves, the oldest first."
  (sort (seq-filter (lambda (entry)
                      (pcase (plist-get entry :state)
                        ('queued t)
                        ('held (plist-get entry :next))))
                    (hash-table-values mew-submit-queue--known))
        #'mew-submit-known--older-p))

(defun mew-submit-known--waiting ()
  "Return the entries that wait for the network or for their turn."
  (seq-filter (lambda (entry)
                (eq (plist-get entry :state) 'queued))
              (hash-table-values mew-submit-queue--known)))

(defun mew-submit-known--queued-p ()
  "Does a message wait for the network or for its turn?"
  (catch 'found
    (maphash (lambda (_ entry)
               (when (eq (plist-get entry :state) 'queued)
                 (throw 'found t)))
             mew-submit-queue--known)
    nil))

(defun mew-submit-dispatch--hurry ()
  "Send at once what waits for the network or for its turn."
  (dolist (entry (mew-submit-known--waiting))
    (puthash (mew-submit-known--key entry) t mew-submit-queue--urgent))
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

(defun mew-submit-dispatch--schedule (waiting)
  "Come back when the first of WAITING, entries, is due, or to look for others."
  (let ((seconds mew-submit-dispatch--poll)
        (now (float-time)))
    (dolist (entry waiting)
      (when-let* ((next (plist-get entry :next)))
        (setq seconds (min seconds (- next now)))))
    (when (> (hash-table-count mew-submit-queue--jobs) 0)
      (setq seconds (min seconds mew-submit-dispatch--overtake)))
    (mew-submit-dispatch--arm
     (and (or waiting mew-submit-dispatch--watching
              (mew-submit-known--queued-p)
              (> (hash-table-count mew-submit-queue--jobs) 0))
          (max seconds 0.05)))))

(defun mew-submit-dispatch--directories ()
  "Return the directories to look through."
  (delete-dups (append mew-submit-dispatch--watching
                       (hash-table-keys mew-submit-known--places))))

(defun mew-submit-dispatch--look-all ()
  "Look through all directories; one that cannot be read stops no other.
What is found there is sent when all of one has been looked at."
  (dolist (directory (mew-submit-dispatch--directories))
    (mew-submit-known--call #'mew-submit-known--look-then directory
                            #'mew-submit-dispatch--perhaps-run)))

(defvar mew-submit-dispatch--quiet nil
  "(NEWS . TIME): there is nothing to do before TIME while there is no more news.")

(defun mew-submit-dispatch--note-quiet (later)
  "Note that nothing is to be done before the first of LATER is due.
LATER are the entries that wait; those that wait for something else than a time
are not among them."
  (setq mew-submit-dispatch--quiet
        (and (zerop (hash-table-count mew-submit-queue--jobs))
             (= (length later) (length (mew-submit-known--automatic)))
             (cons mew-submit-known--news
                   (apply #'min 1.0e+INF
                          (mapcar (lambda (entry)
                                    (or (plist-get entry :next) 0))
                                  later))))))

(defun mew-submit-dispatch--perhaps-run ()
  "Send what is due; with no news, and nothing due, touch no entry."
  (let ((until (and (eql (car mew-submit-dispatch--quiet) mew-submit-known--news)
                    (- (cdr mew-submit-dispatch--quiet) (float-time)))))
    (if (and until (> until 0) (zerop (hash-table-count mew-submit-queue--urgent)))
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

(defvar mew-submit-dispatch--only nil
  "If non-nil, the identifiers of the messages that may be sent; others wait.")

(defun mew-submit-dispatch--allowed-p (entry)
  "Does `mew-submit-dispatch--only' let ENTRY's message be sent?"
  (or (null mew-submit-dispatch--only)
      (member (plist-get entry :id) mew-submit-dispatch--only)))

(defun mew-submit-dispatch--run-all ()
  "Begin to send what is due, and return the entries that are not."
  (let ((full (make-hash-table :test #'equal))
        (now (float-time))
        later)
    (dolist (entry (mew-submit-known--automatic))
      (cond ((not (mew-submit-dispatch--due-p entry now))
             (push entry later))
            ((or (gethash (plist-get entry :account) full)
                 (mew-submit-dispatch--account-waits-p entry)
                 (not (mew-submit-dispatch--allowed-p entry))))
            ((mew-submit-dispatch--room-p entry)
             (mew-submit-dispatch--try entry))
            (t (puthash (plist-get entry :account) t full))))
    later))

(defun mew-submit-dispatch--run ()
  "Begin to send what is due, and come back when the next is."
  (mew-submit-dispatch--arm mew-submit-dispatch--poll)
  (if (mew-submit-module--missing-p)
      (mew-submit-dispatch--wait-for-module)
    (let ((later (mew-submit-dispatch--run-all)))
      ;; What waits for a time is not to wait for the clock.
      (when later
        (mew-submit-known--call #'mew-submit-job--keep-time))
      (mew-submit-dispatch--note-quiet later)
      (mew-submit-dispatch--schedule later)))
  (unless noninteractive
    (add-hook 'server-after-make-frame-hook #'mew-submit-dispatch--somebody-came))
  (when (and (not noninteractive) (mew-submit-known--queued-p))
    (mew-submit-network--watch #'mew-submit-dispatch--network-changed
                               #'mew-submit-known--queued-p))
  (mew-submit-known--changed))

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
  (mapc #'mew-submit-spool--put-back mew-submit-dispatch--watching)
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
    (unless (mew-submit-module--missing-p)
      (mew-submit-spool--put-back directory))
    (mew-submit-spool--clean directory)
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
This is on `kill-emacs-hook'."
  (when noninteractive
    (let ((deadline (+ (float-time) mew-submit-dispatch--batch-wait)))
      (dolist (job (hash-table-values mew-submit-queue--jobs))
        (mew-submit-job--wait (mew-submit-queue--job-session job)
                              (max 0 (- deadline (float-time)))))))
  (mew-submit-dispatch--leave))

(defun mew-submit-dispatch--stop ()
  "No longer look for what others put into the outbox."
  (setq mew-submit-dispatch--watching nil))

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

(defun mew-submit-dispatch--volatile-p (key value)
  "Must the VALUE of KEY in an account not be on disk?
A function that has no name may hold secrets in its variables."
  (or (eq key :password)
      (and (functionp value) (not (symbolp value)))))

(defun mew-submit-dispatch--frozen (account)
  "Return ACCOUNT without what must not be on disk."
  (cl-loop for (key value) on account by #'cddr
           unless (mew-submit-dispatch--volatile-p key value)
           collect key and collect value))

(defun mew-submit-dispatch--functions (account)
  "Return the functions in ACCOUNT that are not on disk, a plist."
  (cl-loop for (key value) on account by #'cddr
           when (and (mew-submit-dispatch--volatile-p key value)
                     (functionp value))
           collect key and collect value))

(defun mew-submit-queue--user-adds (entry)
  "Have what ENTRY needs asked for, since the user who sends it is here.
Where further log-ins do harm it waits all the same, and that is told."
  (let* ((account (plist-get entry :account))
         (locked (mew-submit-auth--locked account)))
    (if (not locked)
        (mew-submit-auth--user-is-here account)
      (mew-submit-known--keep (mew-submit-spool--with entry :last locked))
      (message "Mail to %s waits in the outbox: %s"
               (mew-submit-report--people (plist-get entry :recipients)) locked))))

(defun mew-submit-queue--enter (entry file fields directory move source caller)
  "Put ENTRY with the message FILE durably into DIRECTORY, and begin to send it.
FIELDS, MOVE and SOURCE are as for `mew-submit-spool--add'; CALLER is what comes
with it and is not on disk.  Return its identifier.  Once it is there nothing is
signalled, and a quit comes too late: who believes that a message was not taken
sends it again."
  (let* ((inhibit-quit t)
         (entry (mew-submit-spool--add file fields directory entry move source)))
    (mew-submit-known--note entry)
    (puthash (mew-submit-known--key entry) caller mew-submit-queue--callers)
    (unless mew-submit-background--now
      (mew-submit-queue--user-adds entry))
    (condition-case err
        (mew-submit-dispatch--run)
      (error (display-warning 'mew-submit (mew-submit-error--text err))))
    (setq quit-flag nil)
    (plist-get entry :id)))

(cl-defun mew-submit-queue--add
    (file &key account settled from recipients fcc not-before directory move
          source held on-event on-done on-ask claim whole)
  "Put the message FILE into the outbox, durably, and begin to send it.
Return its identifier at once.  ACCOUNT, FROM, RECIPIENTS, ON-EVENT, ON-DONE and
ON-ASK are as for `mew-submit-send'; with SETTLED non-nil ACCOUNT has what the
message's header wishes already.  ON-DONE is called at the end of each attempt
that this Emacs makes.  FCC is kept in the entry, for
mew-submit-copies.el, and SOURCE, the text the user wrote, beside it, to be
edited again.  NOT-BEFORE is a time before which it is not sent.  With HELD
non-nil, which is kept in the entry, it waits until somebody says so.  A
:password in ACCOUNT is for the attempts of this Emacs only, and never on disk.
DIRECTORY is used instead of the outbox.  With MOVE non-nil FILE, which is in
that directory, goes away.

CLAIM is for a caller that can still hand the message back to whom it came from.
It is called with the entry and the `done' event of an attempt after which
nobody has the message; if it returns non-nil the message is removed, and nobody
else is told.  WHOLE is a function without arguments; while it returns non-nil,
nobody gets the message when the server refuses one of the recipients for good.

Signal a condition, with nothing left behind, when it cannot be sent."
  (let* ((directory (mew-submit-spool--prepare
                     (or directory mew-submit-outbox-directory)))
         (fields (mew-submit-message--fields file))
         (account (if settled
                      (mew-submit-account--copy account)
                    (mew-submit-request--account account fields)))
         (envelope (mew-submit-request--check account file fields from
                                              recipients))
         (entry (mew-submit-queue--new-entry
                 fields (mew-submit-dispatch--frozen account) envelope fcc
                 (or not-before (mew-submit-message--send-at fields)))))
    (mew-submit-queue--enter
     (if held
         (mew-submit-spool--with entry :state 'held :next nil :held held)
       entry)
     file fields directory move source
     (list :on-event on-event :on-done on-done :on-ask on-ask
           :claim claim :whole whole
           :password (plist-get account :password)
           :functions (mew-submit-dispatch--functions account)))))

(defun mew-submit-queue--wait (id &optional directory)
  "Wait until the attempt to send the message ID in DIRECTORY has ended.
Return its `done' event, or nil when there is no attempt."
  (when-let* ((job (mew-submit-queue--job-of id directory)))
    (mew-submit-job--wait (mew-submit-queue--job-session job))))

(defun mew-submit-queue--change (id directory function)
  "Replace the entry of the message ID in DIRECTORY by FUNCTION's value for it.
Signal `user-error' when it is being sent."
  (let ((directory (file-name-as-directory
                    (expand-file-name
                     (or directory mew-submit-outbox-directory)))))
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
            nil (append private (mew-submit-message--fields
                                 (mew-submit-spool--message-file entry)))))
          ((mew-submit-message--method private) nil)
          (t (mew-submit-account--now account)))))

(defun mew-submit-queue--renewed (entry)
  "Return the account by which to send ENTRY when the user wants that.
It is as the user has it now, who was told to correct it; what this message
wishes of the server stays."
  (let* ((old (plist-get entry :account))
         (new (mew-submit-account--copy (mew-submit-queue--account-now entry))))
    (if (null new)
        old
      (cl-loop for (key value) on old by #'cddr
               when (or (mew-submit-extension--key-p key)
                        (memq key '(:each :password-file :timeout :step-timeout)))
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

(defun mew-submit-queue--send-now (id account directory)
  "Send the message ID in DIRECTORY now, and tell by which server.
ACCOUNT is called with the one that its entry would go by, and returns one."
  (let ((entry (mew-submit-queue--change
                id directory
                (lambda (entry)
                  (let* ((account (funcall account
                                           (mew-submit-queue--staying
                                            entry (mew-submit-queue--renewed entry))))
                         (caller (gethash (mew-submit-known--key entry)
                                          mew-submit-queue--callers)))
                    (when caller
                      (plist-put caller :functions
                                 (mew-submit-dispatch--functions account)))
                    (mew-submit-spool--with
                     entry :state 'queued :next nil :left nil
                     :stays (or (plist-get entry :stays)
                                (eq (plist-get entry :state) 'uncertain))
                     :account (mew-submit-dispatch--frozen account)))))))
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
                (mew-submit-plan--parse-routes routes)))
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
  (gethash (mew-submit-spool--file
            id ".eml" (or directory mew-submit-outbox-directory))
           mew-submit-queue--jobs))

(defun mew-submit-queue--cancel (id &optional directory)
  "Do not send the message ID in DIRECTORY; it is held until told otherwise.
One that is being sent is stopped; what has been sent up to the final dot cannot
be called back, and the result says so."
  (if-let* ((job (mew-submit-queue--job-of id directory)))
      (mew-submit-job--cancel (mew-submit-queue--job-session job))
    (mew-submit-queue--hold id nil directory)))

(defun mew-submit-queue--take (id function &optional directory)
  "Call FUNCTION with the entry of the message ID in DIRECTORY, then remove it.
The message is locked, and stays when FUNCTION does not return.  Return its
value."
  (let ((directory (file-name-as-directory
                    (expand-file-name
                     (or directory mew-submit-outbox-directory)))))
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
      (puthash (mew-submit-known--key entry) t mew-submit-queue--urgent))
    (mew-submit-dispatch--run)
    (length waiting)))

(provide 'mew-submit-queue)
;;; mew-submit-queue.el ends here
