;;; mew-submit-fate.el --- What becomes of a message -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what the end of an attempt means: which recipients have the message, by the
;; journal and by what the server said, and whether and when the others are tried again.
;; What an Emacs that died has left behind is made good by the same rules.
;;
;; What was refused, and what is uncertain, is never sent again by itself.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-refusal)
(require 'mew-submit-report)
(require 'mew-submit-spool)
(require 'mew-submit-time)
(require 'seq)
(require 'subr-x)

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
stays in the outbox, and the buffer *mew-submit* tells why.  Of a time in which
nothing was tried, as while the machine was off, one day counts at most."
  :type '(choice (const :tag "Never" nil) (number :tag "Seconds"))
  :group 'mew-submit-outbox
  :package-version '(mew-submit . "0.1.0"))

(defvar mew-submit-fate--leaving nil
  "Non-nil when Emacs is about to end: what is stopped now goes on next time.")

;;; What a journal says

;; What was said of a message's recipients is :recipients, as in a `done' event: plists
;; with :address, and :code and :text of the answer that decides on it.  Without a :code
;; there was none; with :sent t the message has left all the same, so it is uncertain.

(defun mew-submit-fate--of-journal (addresses lines)
  "Return what LINES of a journal say about the recipients ADDRESSES.
It is a plist with :recipients, and the last final reply in :reply.  Each line
is \"dot FIRST COUNT\", written before a final dot for so many of them;
\"refused INDEX CODE TEXT\"; or \"reply CODE TEXT\", the answer to the last
dot."
  (let* ((addresses (vconcat addresses))
         (said (vconcat (mapcar (lambda (address) (list :address address)) addresses)))
         range reply)
    (dolist (line lines)
      (pcase (split-string line " ")
        (`("dot" ,first ,count . ,_)
         (let ((from (string-to-number first)))
           (setq range (number-sequence
                        from (min (1- (length addresses))
                                  (+ from (string-to-number count) -1))))
           (dolist (index range)
             (aset said index (list :address (aref addresses index) :sent t)))))
        (`("refused" ,index ,code . ,words)
         (let ((index (string-to-number index)))
           (when (< -1 index (length addresses))
             (aset said index (list :address (aref addresses index)
                                    :code (string-to-number code)
                                    :text (string-join words " "))))))
        (`("reply" ,code . ,words)
         ;; The server's words begin with the code, too.
         (setq reply (string-trim
                      (string-join (if (equal (car words) code) words (cons code words))
                                   " ")))
         (dolist (index range)
           (unless (plist-get (aref said index) :code)
             (aset said index (list :address (aref addresses index)
                                    :code (string-to-number code) :text reply))))
         (setq range nil))))
    (list :recipients (append said nil) :reply reply)))

(defun mew-submit-fate--settle (entry said)
  "Return ENTRY as it is after SAID, the :recipients and :reply of its message.
The state is nil when all is delivered.  The recipients that are left are those
that may be tried again; those refused for good are in :refused until nobody
else is left.  In doubt, those who surely did not get it are in :unsent, too."
  (let (delivered uncertain later unsent refused)
    (dolist (recipient (reverse (plist-get said :recipients)))
      (let ((address (plist-get recipient :address))
            (code (plist-get recipient :code)))
        (cond ((and (null code) (plist-get recipient :sent)) (push address uncertain))
              ((null code) (push address unsent))
              ((<= 200 code 299) (push address delivered))
              ((<= 400 code 499) (push address later))
              (t (push (list address code (plist-get recipient :text)) refused)))))
    (let* ((refused (append (plist-get entry :refused) refused))
           (left (append uncertain later unsent))
           (entry (mew-submit-spool--with
                   entry
                   :delivered (append (plist-get entry :delivered) delivered)
                   :refused refused :recipients left :unsent nil
                   :reply (or (plist-get said :reply) (plist-get entry :reply)))))
      (cond (uncertain (mew-submit-spool--with entry :state 'uncertain :next nil
                                               :unsent (append later unsent)))
            (left (mew-submit-spool--with entry :state 'queued))
            (refused (mew-submit-spool--with
                      entry :state 'refused :next nil :refused nil
                      :recipients (mapcar #'car refused)
                      :last (mapconcat (lambda (refusal)
                                         (format "%s: %s" (car refusal)
                                                 (nth 2 refusal)))
                                       refused "; ")))
            ;; Nobody is left, and nobody has it: what is not delivered stays.
            ((null (plist-get entry :delivered))
             (mew-submit-spool--with entry :state 'refused :next nil))
            (t (mew-submit-spool--with entry :state nil))))))

(defun mew-submit-fate--recovered (entry)
  "Return ENTRY, left behind by an Emacs that died, as it really is."
  (let* ((sending (eq (plist-get entry :state) 'sending))
         (said (mew-submit-fate--of-journal (plist-get entry :recipients)
                                            (mew-submit-spool--journal-lines entry)))
         (settled (mew-submit-fate--settle
                   (mew-submit-spool--with
                    entry :attempts (+ (or (plist-get entry :attempts) 0)
                                       (if sending 0 1)))
                   said)))
    (pcase (plist-get settled :state)
      ('uncertain
       (mew-submit-spool--note
        (mew-submit-spool--with
         settled :last (mew-submit-report--sentences
                        "Emacs ended after the message was sent and before the \
server's answer came."
                        (mew-submit-report--without (plist-get said :recipients))))
        "Emacs ended before the server's answer came"))
      ('queued (mew-submit-spool--note
                (mew-submit-spool--with settled :next nil)
                "Emacs ended before the message was sent"))
      (_ settled))))

(defun mew-submit-fate--recover (entry)
  "Return ENTRY as it is after its owner has died; nil when it is delivered.
The caller has it locked.  The journal decides, and what it says is on disk
then."
  (if (not (or (eq (plist-get entry :state) 'sending)
               (file-exists-p (mew-submit-spool--journal-file entry))))
      entry
    (let ((recovered (mew-submit-fate--recovered entry)))
      (cond ((plist-get recovered :state)
             (mew-submit-spool--write recovered t)
             (mew-submit-spool--forget-journal entry)
             (mew-submit-fate--log recovered nil)
             recovered)
            (t (mew-submit-fate--finish recovered nil entry)
               nil)))))

(defun mew-submit-fate--journaled-p (entry)
  "Does the journal of ENTRY, which is being sent, say that everybody has it?"
  (null (condition-case nil
            (plist-get (mew-submit-fate--recovered entry) :state)
          (error t))))

(defun mew-submit-fate--kept-p (entry done old)
  "Keep ENTRY, which is delivered, for its copies; return whether it can go.
Where they cannot be, it goes all the same, unless its journal says what DONE
does: then whoever finds it finishes it.  OLD is ENTRY as it was sent."
  (condition-case err
      (progn (mew-submit-spool--keep entry)
             t)
    (error
     (let ((waits (or (null done) (mew-submit-fate--journaled-p old))))
       (display-warning 'mew-submit
                        (format (if waits "A copy of a delivered mail has to wait: %s"
                                  "A mail was delivered, but no copy was filed: %s")
                                (mew-submit-error--text err)))
       (not waits)))))

(defun mew-submit-fate--split (people had)
  "Return ((t . THOSE) (nil . OTHERS)): PEOPLE by whether they are among HAD.
Either may be missing.  Of a thousand each is not looked for among all others."
  (let ((table (make-hash-table :test #'equal)))
    (dolist (address had)
      (puthash address t table))
    (seq-group-by (lambda (address) (gethash address table)) people)))

(defun mew-submit-fate--log (entry done)
  "Log who has got ENTRY's message, by DONE if they got it now, each once.
Somebody may have got it before, and not be logged, as when Emacs ended amid it."
  (let ((had (ignore-errors
               (mew-submit-spool--logged :id (plist-get entry :id)
                                         (plist-get entry :directory)))))
    (mew-submit-spool--log
     entry done (alist-get nil (mew-submit-fate--split (plist-get entry :delivered) had)))))

(defun mew-submit-fate--finish (entry done &optional old)
  "Log that ENTRY is delivered, by DONE, its `done' event; remove it.
Without DONE its journal says so; OLD is ENTRY as it was sent."
  ;; At the first attempt nobody is in the log yet.
  (if (and done (eql (plist-get entry :attempts) 1))
      (mew-submit-spool--log entry done (plist-get entry :delivered))
    (mew-submit-fate--log entry done))
  (when (or (null (plist-get entry :fcc))
            (mew-submit-fate--kept-p entry done old))
    (mew-submit-spool--remove entry)))

(defun mew-submit-fate--returned (entry)
  "Return ENTRY as in doubt if some who are to get its message had it, else nil.
A backup that is put back, or a program that keeps directories alike, brings
what was delivered since.  Who wants it sent all the same has been asked."
  (when-let* (((null (plist-get entry :stays)))
              (people (mew-submit-spool--logged :id (plist-get entry :id)
                                                (plist-get entry :directory)))
              (split (mew-submit-fate--split (plist-get entry :recipients) people))
              (had (alist-get t split)))
    (mew-submit-spool--note
     (mew-submit-spool--with
      entry :state 'uncertain :next nil :unsent (alist-get nil split)
      :last (format "It is back in the outbox, as from a backup; by delivered.log \
there %s had it before" (mew-submit-report--people had)))
     "It was found again after it had been delivered")))

;;; What the end of an attempt means

(defun mew-submit-fate--missed (entry)
  "Return who did not get ENTRY's message, as recipients of a `done' event.
Each of those who are left was refused for now, or else all were for good."
  (append (mapcar (lambda (refusal) (list :address (car refusal) :code (nth 1 refusal)))
                  (plist-get entry :refused))
          (mapcar (lambda (address)
                    (list :address address :cause (plist-get entry :cause)
                          :code (if (eq (plist-get entry :state) 'refused) 550 450)))
                  (plist-get entry :recipients))))

(defun mew-submit-fate--said (entry done)
  "Return what was said of each recipient of ENTRY, whose `done' event is DONE.
It is as `mew-submit-fate--of-journal' returns it.  The journal knows it, and
DONE who was refused before there was a final dot.  An answer that is not in the
journal, whatever has become of that, is one all the same.  Of whom neither
knows, though all went well, it is in doubt whether they have it."
  (let* ((ok (equal (plist-get done :kind) "ok"))
         (said (mew-submit-fate--of-journal
                (plist-get entry :recipients)
                (ignore-errors (mew-submit-spool--journal-lines entry))))
         (told-of (make-hash-table :test #'equal)))
    ;; Of a thousand recipients each is not looked for among all others.
    (dolist (told (plist-get done :recipients))
      (puthash (plist-get told :address) told told-of))
    (plist-put
     said :recipients
     (mapcar (lambda (recipient)
               (let* ((address (plist-get recipient :address))
                      (told (gethash address told-of))
                      (code (or (plist-get told :code) 0)))
                 (cond ((plist-get recipient :code) recipient)
                       ((and (>= code 400) (or ok (not (plist-get recipient :sent)))) told)
                       ((not ok) recipient)
                       ((<= 200 code 299) (list :address address :code 250))
                       (t (list :address address :sent t)))))
             (plist-get said :recipients)))))

(defun mew-submit-fate--interval (attempts)
  "Return how many seconds to wait after ATTEMPTS attempts."
  (let ((intervals (or mew-submit-retry-intervals '(3600))))
    (* (nth (min (max 0 (1- attempts)) (1- (length intervals))) intervals)
       (/ (+ 800 (random 401)) 1000.0))))

(defun mew-submit-fate--judge (entry done)
  "Return ENTRY, of which some recipients are left, as it is after DONE."
  (pcase (if (plist-get done :stopped) "cancelled" (plist-get done :result))
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

(defconst mew-submit-fate--pause-max 86400
  "How many seconds between two attempts count at most.
A machine that was off for a week, or whose clock was wrong, has tried nothing.")

(defun mew-submit-fate--waited (entry)
  "Return for how many seconds ENTRY's message has been tried in vain by now."
  (let* ((now (float-time))
         (since (max (or (plist-get entry :not-before) 0)
                     (or (plist-get entry :created) now)
                     (or (caar (plist-get entry :history)) 0))))
    (+ (or (plist-get entry :waited) 0)
       (min (max 0 (- now since)) mew-submit-fate--pause-max))))

(defun mew-submit-fate--perhaps-give-up (entry done)
  "Return DONE, or what is told instead when ENTRY's message has waited too long."
  (let ((waited (mew-submit-fate--waited entry)))
    (if (and mew-submit-give-up-after
             (equal (plist-get done :result) "deferred")
             (> waited mew-submit-give-up-after))
        (append (list :result "refused"
                      :text (format "Given up after %s.  The last time: %s"
                                    (mew-submit-time--say-while waited) (plist-get done :text)))
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
  (let* ((settled (mew-submit-fate--settle
                   entry (mew-submit-fate--said entry done)))
         (done (if (and (eq (plist-get settled :state) 'uncertain)
                        (equal (plist-get done :kind) "ok"))
                   (append (list :kind "uncertain" :result "uncertain"
                                 :text (format "It is not known what the server said of %s"
                                               (mew-submit-report--people
                                                (plist-get settled :recipients))))
                           done)
                 done))
         ;; Who was refused before may have been for another cause.
         (why (and (not (and (plist-get entry :refused)
                             (eq (plist-get settled :state) 'refused)))
                   done))
         (without (and (equal (plist-get done :kind) "uncertain")
                       (mew-submit-report--without (plist-get done :recipients))))
         ;; What becomes of a message does not hang on what can be said of it.
         (words (condition-case err
                    (mew-submit-report--done done)
                  (error (display-warning 'mew-submit (mew-submit-error--text err))
                         (or (plist-get done :text) "")))))
    (mew-submit-spool--note
     (mew-submit-spool--with
      (if (eq (plist-get settled :state) 'queued)
          (mew-submit-fate--judge settled done)
        settled)
      :waited (mew-submit-fate--waited entry)
      :result (plist-get done :result) :kind (plist-get done :kind)
      :alarm (plist-get done :alarm) :about (plist-get done :about)
      :cause (plist-get why :cause) :detail (plist-get why :detail)
      :sure (plist-get why :sure) :why (plist-get done :why)
      :code (plist-get done :code) :remedy (plist-get why :remedy)
      :last (cond ((eq (plist-get settled :state) 'refused)
                   (plist-get settled :last))
                  ((string-empty-p (or (plist-get done :text) ""))
                   words)
                  (without (mew-submit-report--sentences
                            (mew-submit-report--sentence (plist-get done :text)) without))
                  (t (plist-get done :text))))
     words)))

(provide 'mew-submit-fate)
;;; mew-submit-fate.el ends here
