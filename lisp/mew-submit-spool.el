;;; mew-submit-spool.el --- Messages on disk, and what is true of each -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the directory that holds the messages that are not delivered yet, with these files:
;;
;;   ID.eml      the message, octets, without Bcc; it is there from the moment on
;;               when all the rest is on disk, and whoever has it locked sends it
;;   ID.eld      the entry: state, envelope, the account as it was then (a plist)
;;   ID.source   the text the user wrote, before it was encoded, signed or encrypted, where
;;               a mail buffer had it; the entry has its digest, so nothing else needs it
;;   ID.N.journal  what the module writes at the Nth attempt, each line synced: before
;;               a final dot which recipients it is for, after it the server's words
;;
;; A lock is the kernel's, so it ends with its owner.  Of an entry that says `sending' and whose
;; message is not locked the journal says what is true: the Emacs that sent it has died
;; (mew-submit-fate.el).  When to send is mew-submit-dispatch.el's.
;;
;; What is delivered and wants copies filed (Fcc, Gcc) goes on to copies/, with the state
;; `filing', until mew-submit-copies.el has filed them.
;;
;; States: `held' (until :next, or until the user says so), `queued', `sending', `refused',
;; `uncertain' (the final dot was sent, no answer came), and `broken' (what is on disk cannot be
;; read).  What is delivered becomes a line of delivered.log, and its files go away.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-json)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-store)

(declare-function json-read-from-string "json" (string))
(declare-function mew-submit--mod-sync "ext:mew-submit-native" (file))
(declare-function mew-submit--mod-lock "ext:mew-submit-native" (file))
(declare-function mew-submit--mod-unlock "ext:mew-submit-native" (handle))

(defcustom mew-submit-outbox-directory
  (locate-user-emacs-file "mew-submit/outbox/")
  "The directory that holds messages until they are delivered.
The default is \"mew-submit/outbox/\" in `user-emacs-directory'.  Nobody else
can read it; one that others can write to is not used."
  :type 'directory
  :group 'mew-submit-outbox
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-delivered-log-max 1000000
  "How many octets the file \"delivered.log\" in the outbox may have.
The default is 1000000.  When it is longer, it is renamed to \"delivered.log.1\"
and begun anew.  It tells of each delivered message when, from and to whom, its
Message-ID, by which server, and that server's words; 0 keeps no log."
  :type 'natnum
  :group 'mew-submit-outbox
  :package-version '(mew-submit . "0.1.0"))

;;; Files

(defun mew-submit-spool--sync (file)
  "Have FILE, or a directory, on disk, also before there is a module to do it."
  (let ((name (mew-submit-module--octets-name (directory-file-name file)))
        (default-directory "/"))        ; that of TMPDIR may be gone
    (cond ((fboundp 'mew-submit--mod-sync) (mew-submit--mod-sync name))
          ((not (eql 0 (call-process "sync" nil nil nil name)))
           (signal 'file-error (list "It cannot be had on disk for sure" file))))))

(defun mew-submit-spool--check (directory)
  "Signal `mew-submit-config' if others could have put messages into DIRECTORY.
What is there says by which server mail goes, and which program files a copy.
That others can read it is put right."
  (let ((name (directory-file-name (file-truename directory))))
    (pcase (mew-submit-store--others name)
      ('own (mew-submit-error--throw
             'config nil "The outbox %s belongs to somebody else; set \
mew-submit-outbox-directory" directory))
      ('write (mew-submit-error--throw
               'config nil "Others can write to the outbox %s: look what is in it, and \
chmod 700 it; where that changes nothing, set mew-submit-outbox-directory to a place on \
another disk" directory))
      ('read (ignore-errors (set-file-modes directory #o700))
             ;; A memory stick, say, knows no permissions, or forgets them.
             (when (mew-submit-store--others name)
               (mew-submit-error--throw
                'config nil "Others can read the outbox %s, and its disk cannot keep them \
out: set mew-submit-outbox-directory to a place on another one" directory))))))

(defun mew-submit-spool--prepare (directory)
  "Make DIRECTORY, for messages, if it does not exist; return its full name.
It and its parents are on disk under their names then.  Signal
`mew-submit-config' when it cannot be used."
  (let* ((name (file-name-as-directory (expand-file-name directory))) (there name) missing)
    (condition-case err
        (progn
          (while (not (file-directory-p there))
            (push there missing)
            (when-let* ((attributes (file-attributes (directory-file-name there))))
              (signal 'file-error (list (if (file-attribute-type attributes)
                                            "It leads to nowhere, perhaps its disk is away"
                                          "It is a file, and no directory") there)))
            (setq there (file-name-directory (directory-file-name there)))
            ;; Without a file descriptor not even the root is one.
            (when (equal there (car missing))
              (signal 'file-error (list "No directory can be opened" there))))
          (dolist (new missing)
            (with-file-modes #o700 (make-directory new t))
            (mew-submit-spool--sync (file-name-directory (directory-file-name new)))))
      ((file-error mew-submit-internal)
       (mew-submit-error--throw 'config nil "The outbox cannot be used: %s"
                                (mew-submit-error--text err))))
    (mew-submit-spool--check name)
    (unless (and (file-directory-p name) (file-writable-p name))
      (mew-submit-error--throw 'config nil "The outbox cannot be written to: %s" name))
    name))

(defun mew-submit-spool--file (id suffix directory)
  "Return the name of the file of message ID with SUFFIX in DIRECTORY."
  (expand-file-name (concat id suffix) directory))

(defun mew-submit-spool--message-file (entry)
  "Return the name of the file with the message of ENTRY."
  (concat (plist-get entry :stem) ".eml"))

(defconst mew-submit-spool--id-regexp "[0-9]\\{8\\}T[0-9]\\{6\\}-[0-9a-f]\\{6\\}"
  "What all identifiers look like, and no copy that another program has made.")

(defun mew-submit-spool--new-id (directory)
  "Return an identifier that no message in DIRECTORY has."
  (let (id stem)
    (while (or (null id)
               (file-exists-p (concat stem ".eml"))
               (file-exists-p (concat stem ".eld")))
      (setq id (format-time-string (format "%%Y%%m%%dT%%H%%M%%S-%06x"
                                           (random #x1000000))
                                   nil t)
            stem (expand-file-name id directory)))
    id))

(defun mew-submit-spool--new-name (directory)
  "Return the name of a file in DIRECTORY that does not exist yet."
  (mew-submit-spool--file (mew-submit-spool--new-id directory) ".eml" directory))

(defmacro mew-submit-spool--with-errors (what &rest body)
  "Run BODY; a file that cannot be written becomes `mew-submit-config' about WHAT."
  (declare (indent 1) (debug (form body)))
  `(condition-case err
       (progn ,@body)
     ((file-error mew-submit-internal)
      (mew-submit-error--throw 'config nil "%s cannot be written to the outbox: %s"
                               ,what (mew-submit-error--text err)))))

;;; Entries on disk

(defconst mew-submit-spool--fleeting '(:id :directory :stem :bytes)
  "The keys of an entry that are known without its file.
:stem is what the full names of all its files begin with.")

(defun mew-submit-spool--stamp (entry)
  "Return what is new whenever the file of ENTRY has been written.
Its time alone is not: two writes may fall into one tick of the clock.  Whoever
reads that file, and has no lock, takes the stamp before."
  (let ((attributes (file-attributes (concat (plist-get entry :stem) ".eld"))))
    (list (file-attribute-modification-time attributes)
          (file-attribute-inode-number attributes)
          (file-attribute-size attributes))))

(defun mew-submit-spool--write (entry &optional durably)
  "Write ENTRY to its file, whole or not at all; return the stamp of that.
With DURABLY non-nil it is on disk, under its name, on return.  Signal
`mew-submit-config' when it could not be read again."
  (let* ((file (concat (plist-get entry :stem) ".eld"))
         (part (concat file ".part"))
         (text (mew-submit-store--text
                (cl-loop for (key value) on entry by #'cddr
                         unless (memq key mew-submit-spool--fleeting)
                         collect key and collect value)
                t)))
    (condition-case nil
        (read text)
      (error (mew-submit-error--throw 'config nil "The account cannot be put on disk, since \
it has a value that Emacs cannot read again")))
    (unwind-protect
        (mew-submit-spool--with-errors "The state of a message"
          (delete-file part)
          (let ((coding-system-for-write 'utf-8-emacs-unix)
                (create-lockfiles nil)
                (write-region-inhibit-fsync t)
                (file-name-handler-alist nil))
            (with-file-modes #o600
              (write-region text nil part nil 'silent nil 'excl)))
          (mew-submit-spool--sync part)
          (rename-file part file t)
          (when durably
            (mew-submit-spool--sync (plist-get entry :directory))))
      (delete-file part))
    (mew-submit-spool--stamp entry)))

(defun mew-submit-spool--sound-p (plist)
  "Is PLIST an entry, so that nothing trips over its values?"
  (cl-flet ((all (predicate &rest keys)
              (seq-every-p (lambda (key)
                             (or (null (plist-get plist key))
                                 (funcall predicate (plist-get plist key))))
                           keys))
            (list-of (predicate)
              (lambda (value)
                (and (proper-list-p value) (seq-every-p predicate value)))))
    (and (proper-list-p plist)
         (memq (plist-get plist :state)
               '(held queued sending uncertain refused filing))
         (all #'numberp :next :created :not-before :waited)
         (all #'natnump :attempts :octets)
         (all #'stringp :from :subject :message-id :last :reply :private :source :via
              :instead :rest-of)
         (all (list-of #'stringp) :recipients :delivered :unsent)
         (all (list-of #'natnump) :hard)
         (all (list-of (lambda (it)
                         (pcase it (`(,(pred stringp) ,(pred integerp) ,(pred stringp) . ,_)
                                    t))))
              :refused)
         (all (list-of (lambda (it) (pcase it (`(,(pred numberp) . ,(pred stringp)) t))))
              :history)
         (all (list-of #'listp) :fcc)
         (all #'proper-list-p :account :way)
         (all #'stringp :kind :result :remedy :why :about)
         (all #'natnump :code)
         (all #'symbolp :cause :detail))))

(defun mew-submit-spool--broken (file why)
  "Return an entry for the message in FILE, of which WHY is known."
  (let ((fields (ignore-errors (mew-submit-message--fields file))))
    (list :state 'broken :last why
          :from (ignore-errors (mew-submit-message--sender fields))
          :recipients (ignore-errors (mew-submit-message--recipients fields))
          :subject (mew-submit-message--subject fields)
          :attempts 0)))

(defun mew-submit-spool--read (id directory)
  "Return the entry of the message ID in DIRECTORY, or nil without a message.
What cannot be read has the state `broken', and :last says why."
  (when-let* ((stem (expand-file-name id directory))
              (file (concat stem ".eml"))
              (attributes (file-attributes file))
              ((null (file-attribute-type attributes))))
    (let ((state
           (condition-case err
               (with-temp-buffer
                 (unless (string-match-p (format "\\`%s\\'" mew-submit-spool--id-regexp) id)
                   (error "Another program has named it, as a copy of a mail that may have \
left; d in the outbox deletes it, e makes a new mail of it"))
                 (let ((coding-system-for-read 'utf-8-emacs-unix)
                       (file-name-handler-alist nil))
                   (insert-file-contents (concat stem ".eld")))
                 (let ((plist (read (current-buffer))))
                   (unless (mew-submit-spool--sound-p plist)
                     (error "It is not what it should be"))
                   plist))
             ;; Unless another Emacs has removed both meanwhile.
             (error (and (file-exists-p file)
                         (mew-submit-spool--broken file (format "Its state cannot be read: %s"
                                                                (mew-submit-error--text err))))))))
      (and state
           (append (list :id id :directory directory :stem stem
                         :bytes (file-attribute-size attributes))
                   state)))))

(defun mew-submit-spool--ids (directory)
  "Return the identifiers of all messages in DIRECTORY, the oldest first."
  (when (file-directory-p directory)
    (mew-submit-spool--check directory)
    (mapcar (lambda (file) (substring file 0 -4))
            (directory-files directory nil "\\`[^.].*\\.eml\\'"))))

(defun mew-submit-spool--clean (directory &optional now)
  "Delete what an Emacs that died has left behind unfinished in DIRECTORY.
That is what belongs to no message and came there more than a day before NOW;
what has no name of ours is somebody else's."
  (let ((old (time-subtract now 86400))
        (messages (make-hash-table :test #'equal))
        (files (and (file-directory-p directory)
                    (directory-files
                     directory nil
                     (format "\\`\\(?:copy-[a-zA-Z0-9]+\\.part\\|%s\\.\\(?:eml\\|eld\\|source\\|.*part\\|\
.*journal\\)\\)\\'" mew-submit-spool--id-regexp)))))
    (dolist (file files)
      (when (string-suffix-p ".eml" file)
        (puthash (substring file 0 -4) t messages)))
    (dolist (file files)
      (when (or (string-suffix-p ".part" file)
                (not (gethash (substring file 0 (string-search "." file)) messages)))
        (let ((attributes (file-attributes (expand-file-name file directory))))
          (when (and attributes
                     ;; What is being put back from a backup has the times it had.
                     (time-less-p (file-attribute-status-change-time attributes) old))
            (ignore-errors (delete-file (expand-file-name file directory)))))))))

;;; What the user wrote

(defun mew-submit-spool--source-file (entry)
  "Return the name of the file with the source of ENTRY's message."
  (concat (plist-get entry :stem) ".source"))

(defun mew-submit-spool--hard-newlines (text)
  "Return where TEXT has hard newlines, a list of positions in it.
They are what makes MML send it as format=flowed, see variable
`use-hard-newlines'."
  (let ((place -1) places)
    (while (setq place (text-property-any (1+ place) (length text) 'hard t text))
      (push place places))
    places))

(defun mew-submit-spool--harden (text places)
  "Return TEXT with hard newlines at PLACES, and no other properties."
  (set-text-properties 0 (length text) nil text)
  (dolist (place places text)
    (when (< place (length text))
      (put-text-property place (1+ place) 'hard t text))))

(defun mew-submit-spool--write-source (file text)
  "Write TEXT, the source of a message, to FILE.
Return what the message's entry has of it, keys and values.  It need not be on
disk: one that is not whole is as good as none."
  (let ((octets (encode-coding-string text 'utf-8-emacs-unix))
        (coding-system-for-write 'no-conversion)
        (write-region-inhibit-fsync t)
        (file-name-handler-alist nil))
    (with-file-modes #o600
      (write-region octets nil file nil 'silent nil 'excl))
    (list :source (secure-hash 'sha256 octets)
          :hard (mew-submit-spool--hard-newlines text))))

(defun mew-submit-spool--source (entry)
  "Return the text that the user wrote for the message of ENTRY, or nil."
  (let ((file (mew-submit-spool--source-file entry))
        (file-name-handler-alist nil))
    (when (and (plist-get entry :source) (file-readable-p file))
      (with-temp-buffer
        (set-buffer-multibyte nil)
        (insert-file-contents-literally file)
        (when (equal (secure-hash 'sha256 (current-buffer))
                     (plist-get entry :source))
          (mew-submit-spool--harden
           (decode-coding-string (buffer-string) 'utf-8-emacs-unix)
           (plist-get entry :hard)))))))

(defun mew-submit-spool--move-source (entry moved)
  "Have the source of ENTRY's message where that of MOVED, the same, is."
  (when (file-exists-p (mew-submit-spool--source-file entry))
    (rename-file (mew-submit-spool--source-file entry)
                 (mew-submit-spool--source-file moved) t)))

;;; Adding

(defun mew-submit-spool--add (file fields directory entry
                                    &optional move source on-stamp)
  "Put the message FILE, whose header has FIELDS, durably into DIRECTORY.
ENTRY is a plist with at least :state, :from, :recipients and :account.  The
fields that must not leave are left out.  With MOVE non-nil FILE, which is in
DIRECTORY, goes away.  SOURCE is the text the user wrote, or nil.  ON-STAMP is
called with the stamp of the entry's file, before others can see the message.
Return the whole entry.  Signal a condition, with nothing left behind, when that
cannot be done.

The module need not be built yet: nobody else knows the new name, so nothing has
to be locked."
  (unless (mew-submit-module--missing-p)
    (mew-submit-module--ensure))
  (let* ((id (mew-submit-spool--new-id directory))
         (stem (expand-file-name id directory))
         (name (concat stem ".eml"))
         (part (concat name ".part"))
         ;; A quit is for before it is there, not for between that and the end.
         (inhibit-quit t)
         octets mine added)
    (unwind-protect
        (mew-submit-spool--with-errors "The message"
          (let ((inhibit-quit nil))
            (condition-case err
                (if (and move (not (mew-submit-message--private-p fields)))
                    (rename-file file part)
                  (mew-submit-message--copy file fields part))
              (file-already-exists
               (setq part nil)
               (signal (car err) (cdr err))))
            ;; While we have PART nobody else begins; who was faster has these.
            (when (or (file-exists-p name) (file-exists-p (concat stem ".eld")))
              (signal 'file-already-exists (list "Another Emacs was faster" name)))
            (setq mine t)
            (mew-submit-spool--sync part)
            (setq octets (file-attribute-size (file-attributes part))
                  entry
                  (append (list :id id :directory directory :stem stem
                                :bytes octets :octets octets)
                          (and source (mew-submit-spool--write-source
                                       (concat stem ".source") source))
                          entry))
            (funcall (or on-stamp #'ignore) (mew-submit-spool--write entry)))
          (rename-file part name)
          (condition-case err
              (mew-submit-spool--sync directory)
            (error (ignore-errors (delete-file name))
                   ;; What is there is sent: who hears no, and sends it again, sends it twice.
                   (unless (file-exists-p name)
                     (signal (car err) (cdr err)))))
          (setq added t))
      (ignore-errors
        ;; Another Emacs may have chosen the same name: what is its own stays.
        (when part
          (delete-file part))
        (when (and mine (not added))
          (dolist (suffix '(".eml" ".eld" ".source"))
            (delete-file (concat stem suffix))))
        (when (and added move)
          (delete-file file))))
    entry))

(defun mew-submit-spool--check-whole (entry)
  "Signal `mew-submit-internal' if ENTRY's message is shorter than it was.
It is being copied, or there was no room for it: nobody is to get half of it."
  (let* ((file (concat (plist-get entry :stem) ".eml"))
         (octets (or (file-attribute-size (file-attributes file)) 0))
         (all (or (plist-get entry :octets) 0)))
    (when (< octets all)
      (mew-submit-error--throw
       'internal nil "Only %d of the %d octets of the mail are in %s%s" octets all
       (abbreviate-file-name file)
       (if (eq (plist-get entry :state) 'filing) ""
         ".  If nobody is copying it: e in the outbox makes a new mail of it")))))

;;; Locks

(defun mew-submit-spool--lock (id directory)
  "Lock the message ID in DIRECTORY and return the lock, or nil.
It is nil when somebody else has it, here or in another Emacs, or it is gone.
Signal `mew-submit-config' where DIRECTORY has become one to read only."
  (mew-submit-module--ensure)
  (let ((file (mew-submit-spool--file id ".eml" directory)))
    (and (file-exists-p file)
         (condition-case err
             (mew-submit--mod-lock (mew-submit-module--octets-name file))
           (mew-submit-internal
            (if (file-writable-p directory)
                (signal (car err) (cdr err))
              (mew-submit-error--throw
               'config nil "Nothing in the outbox %s is sent or changed until it can be \
written to again: %s" (abbreviate-file-name directory) (mew-submit-error--text err))))))))

(defun mew-submit-spool--unlock (lock)
  "Give LOCK back; nil is fine."
  (when lock
    (mew-submit--mod-unlock lock)))

;;; A message that has waited for its time

(defun mew-submit-spool--replace (entry part lock)
  "Have the file PART, the message of ENTRY as it is to be, in place of that.
Return the lock on it, which somebody who waits for LOCK, the one on what was
there, does not have in between."
  (mew-submit-spool--sync part)
  (let ((new (mew-submit--mod-lock (mew-submit-module--octets-name part)))
        renamed)
    (unwind-protect
        (progn
          (rename-file part (mew-submit-spool--message-file entry) t)
          (setq renamed t))
      (unless renamed
        (mew-submit-spool--unlock new)))
    (mew-submit-spool--unlock lock)
    new))

(defun mew-submit-spool--freshen (entry lock)
  "Have the message of ENTRY, which nobody has been sent yet, dated now.
LOCK is on it; return the lock that is on it then.  Where the header may be
signed, and where it cannot be written, the message stays as it is."
  (let* ((file (mew-submit-spool--message-file entry))
         (part (concat file ".part"))
         (held lock))
    (condition-case err
        (let* ((fields (mew-submit-message--fields file))
               (new (mew-submit-message--redated fields)))
          (when new
            (unwind-protect
                (progn
                  (delete-file part)
                  (mew-submit-message--copy-with file fields new part)
                  (setq held (mew-submit-spool--replace entry part lock))
                  (mew-submit-spool--sync (plist-get entry :directory)))
              (delete-file part))))
      (error (display-warning 'mew-submit
                              (format "A mail keeps the date it was written: %s"
                                      (mew-submit-error--text err)))))
    held))

;;; The journal

(defun mew-submit-spool--journal-file (entry)
  "Return the name of the journal of ENTRY that counts.
It is that of the attempt under way, or else of the next one: the entry of an
attempt may be lost in a power failure that the journal survives.  Older ones
say nothing that the entry does not."
  (let ((attempts (or (plist-get entry :attempts) 0)))
    (format "%s.%d.journal" (plist-get entry :stem)
            (if (eq (plist-get entry :state) 'sending) attempts (1+ attempts)))))

(defun mew-submit-spool--journal-lines (entry)
  "Return the whole lines of the journal of ENTRY, or nil without one."
  (let ((file (mew-submit-spool--journal-file entry)))
    (when (file-exists-p file)
      (with-temp-buffer
        (let ((coding-system-for-read 'utf-8-unix)
              (file-name-handler-alist nil))
          (insert-file-contents file))
        ;; What has no line end was being written when the machine stopped.
        (butlast (split-string (buffer-string) "\n"))))))

(defun mew-submit-spool--forget-journal (entry)
  "Delete the journal of ENTRY, whether its attempt is under way or over.
So that of its last attempt goes, and of one that it does not know."
  (let ((attempts (or (plist-get entry :attempts) 0)))
    (dolist (number (list attempts (1+ attempts)))
      (delete-file (format "%s.%d.journal" (plist-get entry :stem) number)))))

(defun mew-submit-spool--journals (directory)
  "Return the identifiers of all messages in DIRECTORY that have a journal."
  (mapcar (lambda (file) (substring file 0 (string-match "\\." file)))
          (directory-files directory nil "\\.[0-9]+\\.journal\\'")))

;;; States

(defun mew-submit-spool--with (entry &rest rest)
  "Return a copy of ENTRY changed by REST, keys and values."
  (cl-loop with copy = (copy-sequence entry)
           for (key value) on rest by #'cddr do (setq copy (plist-put copy key value))
           finally return copy))

(defconst mew-submit-spool--history-max 50
  "How many lines of what happened to it an entry keeps.")

(defun mew-submit-spool--note (entry text)
  "Return ENTRY with TEXT, and when it was, in its :history, newest first."
  (mew-submit-spool--with
   entry :history (seq-take (cons (cons (float-time) text)
                                  (plist-get entry :history))
                            mew-submit-spool--history-max)))

;;; The end

(defvar mew-submit-spool--kept nil
  "Outboxes with messages that have gone to copies/ since somebody looked.")

(defun mew-submit-spool--copies (directory)
  "Return the directory for messages of DIRECTORY that want copies filed."
  (file-name-as-directory (expand-file-name "copies" directory)))

(defun mew-submit-spool--move (entry directory &rest changes)
  "Move the message of ENTRY, locked, durably to the outbox DIRECTORY.
CHANGES, keys and values, are made to its entry.  What else belongs to it stays
where it was.  Return the new entry."
  (let* ((target (mew-submit-spool--prepare directory))
         (stem (expand-file-name (plist-get entry :id) target))
         (moved (apply #'mew-submit-spool--with entry
                       :directory target :stem stem changes))
         (file (concat (plist-get entry :stem) ".eml")))
    (unless (eq (plist-get moved :state) 'broken) (mew-submit-spool--write moved t))
    (mew-submit-spool--sync file)
    (rename-file file (concat stem ".eml") t)
    (mew-submit-spool--sync target)
    moved))

(defun mew-submit-spool--keep (entry)
  "Move the message of ENTRY, delivered, to where its copies are filed from."
  (let ((directory (plist-get entry :directory)))
    (mew-submit-spool--move entry (mew-submit-spool--copies directory)
                            :state 'filing)
    (cl-pushnew directory mew-submit-spool--kept :test #'equal)))

;;; What is edited again

(defun mew-submit-spool--edited (directory)
  "Return the directory for messages of DIRECTORY that are edited again."
  (file-name-as-directory (expand-file-name "edited" directory)))

(defun mew-submit-spool--set-aside (entry)
  "Move the message of ENTRY, locked, to where it is while it is edited again.
Return its entry there.  Whoever edits it has it locked."
  (let ((moved (mew-submit-spool--move
                entry (mew-submit-spool--edited (plist-get entry :directory)))))
    (mew-submit-spool--move-source entry moved)
    moved))

(defun mew-submit-spool--later-p (entry)
  "Is ENTRY's message to be sent at a time, named by the user, still to come?"
  (> (or (plist-get entry :not-before) 0) (float-time)))

(defun mew-submit-spool--unedited (entry)
  "Return what is new in ENTRY, edited and not sent, as keys and values.
What was to be sent at a time of its own still is; what would leave by itself is
held instead, since the user has taken it back.  What was refused, broken or in
doubt stays so."
  (cond ((not (memq (plist-get entry :state) '(held queued))) nil)
        ((mew-submit-spool--later-p entry)
         (list :state 'held :next (plist-get entry :not-before)))
        (t '(:state held :next nil :last "It was being edited, and not sent"))))

(defun mew-submit-spool--replaced-p (id directory)
  "Is there a message in DIRECTORY that was made of the message ID, edited?"
  (seq-some (lambda (other)
              (equal (plist-get (mew-submit-spool--read other directory) :instead) id))
            (mew-submit-spool--ids directory)))

(defun mew-submit-spool--put-back-one (id edited directory)
  "Put the message ID in EDITED, locked, back into DIRECTORY; return its entry.
It is as `mew-submit-spool--unedited' says.  One of which another was made and
sent is removed: an Emacs may have died between the two."
  (when-let* ((entry (mew-submit-spool--read id edited)))
    (let ((moved (unless (mew-submit-spool--replaced-p id directory)
                   (apply #'mew-submit-spool--move entry directory
                          (mew-submit-spool--unedited entry)))))
      (when moved
        (mew-submit-spool--move-source entry moved))
      (mew-submit-spool--remove entry)
      moved)))

(defun mew-submit-spool--put-back (directory)
  "Put back into DIRECTORY what was edited by an Emacs that has ended.
Return the entries of those messages."
  (let ((edited (mew-submit-spool--edited directory))
        entries)
    (dolist (id (mew-submit-spool--ids edited))
      (condition-case err
          (when-let* ((lock (mew-submit-spool--lock id edited)))
            (unwind-protect
                (when-let* ((entry (mew-submit-spool--put-back-one id edited directory)))
                  (push entry entries))
              (mew-submit-spool--unlock lock)))
        (error (display-warning
                'mew-submit
                (format "The message %s in %s stays there: %s" id edited
                        (mew-submit-error--text err))))))
    entries))

(defun mew-submit-spool--log (entry done people)
  "Add a line about ENTRY, delivered with DONE, to the log of its directory.
It is about PEOPLE; where there are none, there is no line.  That it cannot be
logged is no reason to keep it, and to send it again."
  (let* ((file (expand-file-name "delivered.log" (plist-get entry :directory)))
         (line (list :time (format-time-string "%Y-%m-%dT%H:%M:%S%z")
                     :id (plist-get entry :id) :message-id (plist-get entry :message-id)
                     :from (plist-get entry :from) :recipients (vconcat people)
                     :server (plist-get (plist-get entry :account) :server)
                     :port (plist-get done :port) :reply (plist-get entry :reply)))
         (coding-system-for-write 'no-conversion)
         (create-lockfiles nil)
         (file-name-handler-alist nil))
    (unless (or (zerop mew-submit-delivered-log-max) (null people))
      (condition-case err
          ;; The message goes away after this, so the line has to stay.
          (let ((write-region-inhibit-fsync nil))
            (when (> (or (file-attribute-size (file-attributes file)) 0)
                     mew-submit-delivered-log-max)
              (rename-file file (concat file ".1") t))
            (with-file-modes #o600
              (write-region (concat (and (mew-submit-store--cut-off-p file) "\n")
                                    (mew-submit-json--line line))
                            nil file t 'silent)))
        (error (display-warning 'mew-submit (format "A delivery was not logged: %s"
                                                    (mew-submit-error--text err))))))))

(defun mew-submit-spool--logged (key value directory)
  "Return who has got the message whose KEY is VALUE out of DIRECTORY, by its log.
KEY is one of those in `mew-submit-spool--log'.  This is asked before each
attempt: octets are searched, and no more decoded than one line."
  (let (people as-written)
    (dolist (name '("delivered.log.1" "delivered.log") people)
      (let ((file (expand-file-name name directory))
            (file-name-handler-alist nil))
        (when (file-readable-p file)
          (setq as-written (substring (mew-submit-json--line (list key value)) 1 -2))
          (with-temp-buffer
            (set-buffer-multibyte nil)
            (insert-file-contents-literally file)
            (setq case-fold-search nil)
            (while (search-forward as-written nil t)
              (let* ((line (buffer-substring (line-beginning-position) (line-end-position)))
                     (told (ignore-errors (json-read-from-string
                                           (decode-coding-string line 'utf-8-unix)))))
                (setq people (append (alist-get 'recipients told) people))))))))))

(defun mew-submit-spool--has-p (message-id recipients directory)
  "Has the message with MESSAGE-ID for RECIPIENTS come into DIRECTORY already?
It may have left since.  Who takes messages out of another queue asks this
first: it may have ended after one was here and before it was gone there."
  (when message-id
    (let ((people (mew-submit-spool--logged :message-id message-id directory)))
      (dolist (id (mew-submit-spool--ids directory))
        (let ((entry (mew-submit-spool--read id directory)))
          (when (equal (plist-get entry :message-id) message-id)
            (setq people (append (plist-get entry :recipients) (plist-get entry :delivered)
                                 (mapcar #'car (plist-get entry :refused)) people)))))
      (and people
           (mew-submit-caseless--folding
             (seq-every-p (lambda (address) (member-ignore-case address people))
                          recipients))))))

(defun mew-submit-spool--remove (entry)
  "Remove the message of ENTRY and all that belongs to it."
  (dolist (suffix '(".eml" ".eld" ".source"))
    (delete-file (concat (plist-get entry :stem) suffix)))
  (mew-submit-spool--sync (plist-get entry :directory))
  ;; Not before: without its journal a message that is back after a power failure was
  ;; never sent.
  (mew-submit-spool--forget-journal entry))

(provide 'mew-submit-spool)
;;; mew-submit-spool.el ends here
