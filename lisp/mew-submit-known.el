;;; mew-submit-known.el --- The messages of the outbox that are known -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the copy in memory of what is in the outbox, which is true without it
;; (mew-submit-spool.el): looking through directories, and having one message locked for
;; whoever does something with it.
;;
;; A message is locked while it is sent, so that several Emacsen on one outbox never
;; send one twice.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-fate)
(require 'mew-submit-loaddefs)
(require 'mew-submit-module)
(require 'mew-submit-parcel)
(require 'mew-submit-spool)
(require 'seq)

;; Who listens is named here, and loaded when there is something to hear: loading a
;; file changes nothing.

(defvar mew-submit-known--change-hook '(mew-submit-notice--changed)
  "Hook that is run when something in the outbox has changed.")

(defvar mew-submit-known--table (make-hash-table :test #'equal)
  "The parcels that are known, by the :stem of their entries.")

(defvar mew-submit-known--under-way nil
  "The parcels that are being sent here.")

(defvar mew-submit-known--places (make-hash-table :test #'equal)
  "The directories from which an entry has come.")

(defvar mew-submit-known--news 0
  "How often something has changed that says what is to be sent when.")

;;; The copy in memory

(defvar mew-submit-known--quitted nil
  "Non-nil when the user has quit out of a function that was called.")

(defun mew-submit-known--call (function &rest args)
  "Call FUNCTION, if there is one, with ARGS; show its errors as warnings.
A quit ends FUNCTION, and is noted for the caller."
  (when function
    ;; One that came before would end it before it begins.
    (when (and inhibit-quit (eq quit-flag t))
      (setq quit-flag nil
            mew-submit-known--quitted t))
    (condition-case err
        (let ((inhibit-quit nil))
          (apply function args))
      (quit (setq mew-submit-known--quitted t)
            nil)
      (error (display-warning 'mew-submit
                              (format "A function for the outbox: %s"
                                      (mew-submit-error--text err)))))))

(defun mew-submit-known--changed ()
  "Tell that something has changed; have copies filed of what was delivered."
  (run-hook-wrapped 'mew-submit-known--change-hook
                    (lambda (function)
                      (mew-submit-known--call function)
                      nil))
  (when mew-submit-spool--kept
    (mew-submit-known--call #'mew-submit-copies--soon)))

(defmacro mew-submit-known--whole (&rest body)
  "Run BODY to its end, and only then let a quit take effect."
  (declare (indent 0) (debug (body)))
  `(let ((inhibit-quit t)
         (mew-submit-known--quitted nil))
     (prog1 (progn ,@body)
       (when mew-submit-known--quitted
         (setq quit-flag t)))))

(defun mew-submit-known--parcel (entry)
  "Return the parcel of ENTRY, or nil."
  (gethash (plist-get entry :stem) mew-submit-known--table))

(defun mew-submit-known--note (entry &optional stamp parcel)
  "Have ENTRY in memory, in PARCEL or the one that is known; return that.
STAMP is that of its file, or nil when what that has may be older."
  (let* ((key (plist-get entry :stem))
         (parcel (or parcel
                     (gethash key mew-submit-known--table)
                     (mew-submit-parcel--make))))
    (cl-incf mew-submit-known--news)
    (setf (mew-submit-parcel-file parcel) (concat key ".eml")
          (mew-submit-parcel-entry parcel) entry
          (mew-submit-parcel-unsaved parcel) (null stamp))
    (when stamp
      (setf (mew-submit-parcel-stamp parcel) stamp))
    (puthash key parcel mew-submit-known--table)
    (puthash (plist-get entry :directory) t mew-submit-known--places)
    parcel))

(defun mew-submit-known--drop (entry)
  "Forget ENTRY, whose message is gone."
  (let* ((key (plist-get entry :stem))
         (parcel (gethash key mew-submit-known--table)))
    (when parcel
      (mew-submit-parcel--forget-password parcel))
    (cl-incf mew-submit-known--news)
    (remhash key mew-submit-known--table)))

(defun mew-submit-known--save (entry &optional parcel)
  "Have ENTRY on disk and in memory, and return it.
PARCEL is as for `mew-submit-known--note'."
  (mew-submit-known--note entry (mew-submit-spool--write entry t) parcel)
  entry)

(defun mew-submit-known--reread (id directory)
  "Have what is on disk of the message ID in DIRECTORY in memory; return it.
What an Emacs that died has left behind is made good.  The caller has it locked."
  (let* ((parcel (gethash (expand-file-name id directory) mew-submit-known--table))
         (entry (and parcel (mew-submit-parcel-entry parcel))))
    ;; Where one was being sent, or has a journal, that tells more than its entry.
    (if (and entry
             (not (mew-submit-parcel-unsaved parcel))
             (not (memq (plist-get entry :state) '(sending broken)))
             (equal (mew-submit-parcel-stamp parcel) (mew-submit-spool--stamp entry))
             (not (file-exists-p (mew-submit-spool--journal-file entry))))
        entry
      (mew-submit-known--read id directory))))

(defun mew-submit-known--read (id directory)
  "Do what `mew-submit-known--reread' does for ID in DIRECTORY by reading it."
  (let* ((entry (mew-submit-spool--read id directory))
         (true (and entry
                    (if (eq (plist-get entry :state) 'broken)
                        entry
                      (mew-submit-fate--recover entry)))))
    (cond (true (mew-submit-known--note true (mew-submit-spool--stamp true))
                true)
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

(defun mew-submit-known--check-there (directory)
  "Signal a condition unless DIRECTORY, an outbox, is there."
  (unless (file-directory-p directory)
    (mew-submit-error--throw
     'config nil "The outbox %s is not there; is its disk away?  If you have deleted it, \
make it anew (M-x make-directory): its mail is forgotten then" directory)))

(defun mew-submit-known--taken (id directory)
  "Return why the message ID in DIRECTORY cannot be locked."
  (let ((parcel (gethash (expand-file-name id directory) mew-submit-known--table)))
    (cond ((not (file-exists-p (mew-submit-spool--file id ".eml" directory)))
           "That message is not in the outbox any more")
          ((and parcel (mew-submit-parcel-lock parcel))
           "That message is being sent: c in M-x mew-submit-outbox stops it")
          (t "Another Emacs is sending that message: c in its outbox stops it"))))

(defun mew-submit-known--with-lock (id directory function)
  "Call FUNCTION with the entry of the message ID in DIRECTORY, locked.
Return its value.  Signal `user-error' when that is not possible, or the message
is in doubt and was not when it was looked at; it is a person who wants that."
  (let ((known (mew-submit-known--entry id directory))
        (lock (mew-submit-error--as-user-error
                (mew-submit-spool--lock id directory))))
    (unless lock
      (mew-submit-error--as-user-error
        (mew-submit-known--check-there directory)
        ;; What another Emacs has done is to be seen.
        (mew-submit-known--refresh directory))
      (user-error "%s" (mew-submit-known--taken id directory)))
    (unwind-protect
        (let ((entry (mew-submit-known--reread id directory)))
          (unless entry
            (user-error "That message has been delivered"))
          (mew-submit-known--check-news known entry)
          (mew-submit-error--as-user-error
            (funcall function entry)))
      (mew-submit-spool--unlock lock))))

(defun mew-submit-known--recover (entry stamp)
  "Make ENTRY good if its owner has died, and have it in memory.
STAMP is that of its file before it was read."
  (let* ((id (plist-get entry :id))
         (directory (plist-get entry :directory))
         (lock (and (not (mew-submit-module--missing-p))
                    (mew-submit-spool--lock id directory))))
    (if (null lock)
        ;; Whoever sends it does now what was not to wait here.
        (setf (mew-submit-parcel-urgent (mew-submit-known--note entry stamp)) nil)
      (unwind-protect
          (mew-submit-known--reread id directory)
        (mew-submit-spool--unlock lock)))))

(defun mew-submit-known--look-at (id directory journals)
  "Have the message ID in DIRECTORY in memory as it is on disk.
JOURNALS are the identifiers of those that have a journal."
  (let* ((probe (list :stem (expand-file-name id directory)))
         (parcel (mew-submit-known--parcel probe))
         (journal (member id journals)))
    (unless (and parcel (mew-submit-parcel-lock parcel))
      (let ((stamp (mew-submit-spool--stamp probe))
            (known (and parcel (mew-submit-parcel-entry parcel))))
        (unless (and known (not journal)
                     (not (eq (plist-get known :state) 'sending))
                     (equal stamp (mew-submit-parcel-stamp parcel)))
          (when-let* ((entry (mew-submit-spool--read id directory)))
            (if (or journal (eq (plist-get entry :state) 'sending))
                (mew-submit-known--recover entry stamp)
              (mew-submit-known--note entry stamp))))))))

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
               (hash-table-count mew-submit-known--table)))))

(defun mew-submit-known--look-safely (id directory journals)
  "Look at the message ID in DIRECTORY, with JOURNALS; return nil if that fails."
  (condition-case err
      (progn (mew-submit-known--look-at id directory journals)
             t)
    (error (display-warning 'mew-submit
                            (format "The message %s: %s" id
                                    (mew-submit-error--text err)))
           nil)))

(cl-defstruct (mew-submit-known--look (:constructor mew-submit-known--make-look)
                                      (:copier nil))
  (directory nil :documentation "What is looked through.")
  (likeness nil :documentation "What it was like before, or nil.")
  (ids nil :documentation "The identifiers that are left to be looked at.")
  (there nil :documentation "The identifiers of all messages that were there.")
  (journals nil :documentation "The identifiers of those that have a journal.")
  (whole t :documentation "Nil when some could not be looked at."))

(defun mew-submit-known--begin-look (directory)
  "Return a look at DIRECTORY, which has changed or is not known."
  (let* ((likeness (mew-submit-known--likeness directory))
         (ids (mew-submit-spool--ids directory))
         (there (make-hash-table :test #'equal)))
    (remhash directory mew-submit-known--seen)
    (dolist (id ids)
      (puthash id t there))
    (mew-submit-known--make-look
     :directory directory :likeness likeness :ids ids :there there
     :journals (and ids (mew-submit-spool--journals directory)))))

(defun mew-submit-known--look-at-some (look count)
  "Look at COUNT more messages of LOOK; return non-nil if some are left."
  (let (;; A thousand files at once: one collection, afterwards, is enough.
        (gc-cons-threshold (max gc-cons-threshold
                                mew-submit-known--look-octets)))
    (while (and (> count 0) (mew-submit-known--look-ids look))
      (cl-decf count)
      (unless (mew-submit-known--look-safely
               (pop (mew-submit-known--look-ids look))
               (mew-submit-known--look-directory look)
               (mew-submit-known--look-journals look))
        (setf (mew-submit-known--look-whole look) nil))))
  (mew-submit-known--look-ids look))

(defun mew-submit-known--end-look (look)
  "Forget what LOOK has not found, and note what its directory was like.
What has come meanwhile is not to be forgotten, nor what is on a disk that is
away: nobody knows any more of a message that came with a password, or of who
waits for its end."
  (let ((directory (mew-submit-known--look-directory look))
        (likeness (mew-submit-known--look-likeness look)))
    (dolist (parcel (and (file-directory-p directory)
                         (hash-table-values mew-submit-known--table)))
      (let ((entry (mew-submit-parcel-entry parcel)))
        (when (and (equal (plist-get entry :directory) directory)
                   (not (gethash (plist-get entry :id)
                                 (mew-submit-known--look-there look)))
                   (not (mew-submit-parcel-lock parcel))
                   (not (file-exists-p (mew-submit-parcel-file parcel))))
          (mew-submit-known--drop entry))))
    ;; The time from before: what came meanwhile makes another.
    (when (and likeness (mew-submit-known--look-whole look))
      (puthash directory
               (list (nth 0 likeness) (nth 1 likeness)
                     (hash-table-count mew-submit-known--table))
               mew-submit-known--seen))))

(defun mew-submit-known--look-at-sending (directory)
  "Make good what others sent from DIRECTORY and left behind: no file has changed."
  (let (ids)
    ;; Of many messages no list is made: this is done once a minute.
    (maphash (lambda (_ parcel)
               (let ((entry (mew-submit-parcel-entry parcel)))
                 (when (and (eq (plist-get entry :state) 'sending)
                            (equal (plist-get entry :directory) directory))
                   (push (plist-get entry :id) ids))))
             mew-submit-known--table)
    (dolist (id ids)
      (mew-submit-known--look-safely id directory nil))))

(defun mew-submit-known--put-back (directory)
  "Put back into DIRECTORY what was edited by an Emacs that has ended.
Nothing in DIRECTORY itself has changed by that, and no other may start soon."
  (unless (mew-submit-module--missing-p)
    (mew-submit-known--call #'mew-submit-spool--put-back directory)))

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
    (mew-submit-known--put-back directory)
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
  (let (timer)
    (condition-case err
        (progn
          (unwind-protect
              (when (mew-submit-known--look-at-some look mew-submit-known--slice)
                (setq timer (run-at-time 0 nil #'mew-submit-known--go-on-soon
                                         look then)))
            ;; Whatever has ended it, the next look is not to wait for this one.
            (unless timer
              (setq mew-submit-known--looks
                    (delete (mew-submit-known--look-directory look)
                            mew-submit-known--looks))))
          (unless timer
            (mew-submit-known--end-look look)
            (funcall then)))
      (error (display-warning 'mew-submit (mew-submit-error--text err))))))

(defun mew-submit-known--go-on-soon (look then)
  "Go on with LOOK, and call THEN after its end.
This is called by a timer."
  (mew-submit-background--run
    (mew-submit-known--go-on look then)))

(defun mew-submit-known--look-then (directory then)
  "Have what is in DIRECTORY in memory, in slices, and then call THEN.
A batch Emacs, which nobody waits at, does it at once.  So does what is short."
  (mew-submit-known--put-back directory)
  (cond ((mew-submit-known--unchanged-p directory)
         (mew-submit-known--look-at-sending directory)
         (funcall then))
        (noninteractive
         (mew-submit-known--refresh directory)
         (funcall then))
        ((not (member directory mew-submit-known--looks))
         (let ((look (mew-submit-known--begin-look directory)))
           (push directory mew-submit-known--looks)
           (mew-submit-known--go-on look then)))))

(defun mew-submit-known--older-p (a b)
  "Was the message of the entry A put into the outbox before that of B?
Identifiers do not tell: they are by chance within a second."
  (let ((a-time (or (plist-get a :created) 0))
        (b-time (or (plist-get b :created) 0)))
    (or (< a-time b-time)
        (and (= a-time b-time)
             (string< (plist-get a :id) (plist-get b :id))))))

(defun mew-submit-known--all ()
  "Return all entries that are known."
  (mapcar #'mew-submit-parcel-entry (hash-table-values mew-submit-known--table)))

(defun mew-submit-known--entries (&optional directory)
  "Return the entries of DIRECTORY, by default the outbox, the oldest first.
They are as they were when it was last looked at."
  (let ((directory (file-name-as-directory
                    (expand-file-name
                     (or directory mew-submit-outbox-directory)))))
    (sort (seq-filter (lambda (entry)
                        (equal (plist-get entry :directory) directory))
                      (mew-submit-known--all))
          #'mew-submit-known--older-p)))

(defun mew-submit-known--entry (id &optional directory)
  "Return the entry of the message ID in DIRECTORY, or nil."
  (when-let* ((parcel (gethash (expand-file-name
                                id (or directory mew-submit-outbox-directory))
                               mew-submit-known--table)))
    (mew-submit-parcel-entry parcel)))

(defun mew-submit-known--progress (entry)
  "Return (SENT . TOTAL), octets, of ENTRY's message, or nil.
It is nil when that is not being sent here."
  (when-let* ((parcel (mew-submit-known--parcel entry))
              ((mew-submit-parcel-lock parcel)))
    (cons (mew-submit-parcel-sent parcel) (mew-submit-parcel-total parcel))))

(defun mew-submit-known--running ()
  "Return the entries of the messages that are being sent here."
  (mapcar #'mew-submit-parcel-entry mew-submit-known--under-way))

(defun mew-submit-known--heard-p (entry)
  "Does somebody in this Emacs hear of the end of ENTRY's message anyway?"
  (when-let* ((parcel (mew-submit-known--parcel entry)))
    (mew-submit-parcel-on-done parcel)))

(defun mew-submit-known--needs-user-p (entry)
  "Is ENTRY's message one that the user has to do something about?
Not one of which they have said that it is not to be sent again."
  (and (memq (plist-get entry :state) '(uncertain refused broken))
       (not (plist-get entry :left))))

(defun mew-submit-known--automatic ()
  "Return the entries that will be sent by themselves, the oldest first."
  (let (entries)
    (maphash (lambda (_ parcel)
               (let ((entry (mew-submit-parcel-entry parcel)))
                 (when (pcase (plist-get entry :state)
                         ('queued t)
                         ('held (plist-get entry :next)))
                   (push entry entries))))
             mew-submit-known--table)
    (sort entries #'mew-submit-known--older-p)))

(defun mew-submit-known--waiting ()
  "Return the entries that wait for the network or for their turn."
  (seq-filter (lambda (entry)
                (eq (plist-get entry :state) 'queued))
              (mew-submit-known--all)))

(defun mew-submit-known--sent-elsewhere-p ()
  "Is a message being sent by another Emacs, as far as is known?"
  (seq-some (lambda (entry)
              (and (eq (plist-get entry :state) 'sending)
                   (null (mew-submit-known--progress entry))))
            (mew-submit-known--all)))

(defun mew-submit-known--queued-p ()
  "Does a message wait for the network or for its turn?"
  (catch 'found
    (maphash (lambda (_ parcel)
               (when (eq (plist-get (mew-submit-parcel-entry parcel) :state) 'queued)
                 (throw 'found t)))
             mew-submit-known--table)
    nil))

(provide 'mew-submit-known)
;;; mew-submit-known.el ends here
