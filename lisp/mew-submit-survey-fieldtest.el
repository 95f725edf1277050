;;; mew-submit-survey-fieldtest.el --- Many servers, looked at side by side -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the running of a field test: the list of servers, so many at once
;; and no more, what was found at each, and the file that keeps it.  The file is
;; appended to, a form for each server, so that whatever stops Emacs costs no more
;; than what was under way; it is read and never evaluated.
;;
;; A list may be longer than memory: then it is read as it is looked at, what was found
;; is in the file alone, and what is remembered of a server is a number.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-address)
(require 'mew-submit-caseless)
(require 'mew-submit-diagnosis)
(require 'mew-submit-error)
(require 'mew-submit-finding-server)
(require 'mew-submit-probe)
(require 'mew-submit-job)
(require 'mew-submit-network)
(require 'mew-submit-store)
(require 'mew-submit-survey-statistics)
(require 'mew-submit-table)
(require 'seq)

(defcustom mew-submit-survey-limit 16
  "How many servers a survey looks at at once.
The default is 16.  No server is looked at twice at the same time."
  :type 'natnum
  :group 'mew-submit-diagnosis
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-survey-ports "587,25,465"
  "The ports a survey looks at, where the list of servers names none.
The default is \"587,25,465\": those mail is submitted by."
  :type 'string
  :group 'mew-submit-diagnosis
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-survey-everywhere nil
  "Non-nil counts servers on this machine and in private networks, too.
The default is nil: they say nothing of the networks that mail goes through."
  :type 'boolean
  :group 'mew-submit-diagnosis
  :package-version '(mew-submit . "0.1.0"))

(defconst mew-submit-survey-fieldtest--rows-max 10000
  "How many servers a list that is kept in memory may have.")

;;; The list

(defconst mew-submit-survey-fieldtest--columns
  '(("host" . :host) ("server" . :host) ("name" . :host) ("user" . :user)
    ("login" . :user) ("port" . :ports) ("ports" . :ports) ("group" . :group)
    ("kind" . :group) ("country" . :group) ("network" . :group))
  "What the columns of a list may be called, and what they are.")

(defun mew-submit-survey-fieldtest--head (cells)
  "Return the keys that CELLS name, when they are the head of a list, or nil."
  (let ((keys (mapcar (lambda (cell)
                        (cdr (assoc (mew-submit-caseless--down cell)
                                    mew-submit-survey-fieldtest--columns)))
                      cells)))
    (and (memq :host keys) keys)))

(defun mew-submit-survey-fieldtest--ports (text)
  "Return TEXT, ports as a list has them, with commas; nil for none."
  (let ((ports (split-string (or text "") "[ /+,]+" t)))
    (and ports (string-join ports ","))))

(defun mew-submit-survey-fieldtest--row (number cells keys)
  "Return the row that CELLS of the line NUMBER are; KEYS say what they are.
Signal `mew-submit-config' when there is no host."
  (let (row)
    (cl-mapc (lambda (key cell)
               (when (and key (not (string-empty-p cell)))
                 (setq row (plist-put row key cell))))
             keys cells)
    (let ((host (plist-get row :host)))
      (when (and host (string-match "\\`\\([^@]+\\)@\\([^@]+\\)\\'" host))
        (setq row (plist-put row :user (or (plist-get row :user)
                                           (match-string 1 host)))
              host (match-string 2 host)))
      (condition-case err
          (list :host (mew-submit-address--host (or host ""))
                :user (plist-get row :user)
                :group (plist-get row :group)
                :ports (when-let* ((ports (mew-submit-survey-fieldtest--ports
                                          (plist-get row :ports))))
                         (mew-submit-probe--parse-ports ports)
                         ports))
        (mew-submit-error
         (mew-submit-error--throw 'config nil "Line %d of the list: %s" number
                                 (mew-submit-error--text err)))))))

(defun mew-submit-survey-fieldtest--some-rows (text keys number)
  "Return (KEYS NUMBER ROW...) of TEXT, the lines behind NUMBER ones of a list.
KEYS are those of its head, nil where there was neither one nor a row so far."
  (let (rows)
    (pcase-dolist (`(,line . ,cells) (mew-submit-table--parse text))
      (let ((head (and (null keys) (mew-submit-survey-fieldtest--head cells))))
        (unless keys
          (setq keys (or head '(:host :user :ports))))
        (unless head
          (push (mew-submit-survey-fieldtest--row (+ number line) cells keys) rows))))
    (cl-list* keys (+ number (seq-count (lambda (char) (eq char ?\n)) text))
              (nreverse rows))))

(defun mew-submit-survey-fieldtest--none ()
  "Say that a list is empty."
  (mew-submit-error--throw 'config nil "The list names no server"))

(defun mew-submit-survey-fieldtest--parse (text)
  "Return the rows of the list TEXT: plists of :host, :user, :ports and :group.
A line is HOST [USER [PORTS]], in an Org table, with commas or with blanks
between them; a head may name the columns, of which one may say what the server
is (group, kind, country or network).  Signal `mew-submit-config' for a line
that makes no sense, and when there is none."
  (let ((rows (cddr (mew-submit-survey-fieldtest--some-rows text nil 0))))
    (cond ((null rows) (mew-submit-survey-fieldtest--none))
          ((> (length rows) mew-submit-survey-fieldtest--rows-max)
           (mew-submit-error--throw 'config nil "The list has more than %d servers; \
mew-submit-batch-survey takes longer ones"
                                    mew-submit-survey-fieldtest--rows-max)))
    rows))

;;; Long lists and files

(defconst mew-submit-survey-fieldtest--piece 8192
  "How many octets of a file are read at once.")

(defun mew-submit-survey-fieldtest--reader (file)
  "Return a function for the next whole lines of FILE: octets, or nil."
  (let ((offset 0) (size mew-submit-survey-fieldtest--piece) ended)
    (lambda ()
      (with-temp-buffer
        (set-buffer-multibyte nil)
        (let (found)
          (while (not (or found ended))
            (erase-buffer)
            (let ((read (cadr (insert-file-contents-literally file nil offset
                                                              (+ offset size)))))
              (setq ended (< read size))
              (goto-char (point-max))
              (cond (ended (setq found t))
                    ((search-backward "\n" nil t)
                     (delete-region (1+ (point)) (point-max))
                     (setq found t))
                    ;; A line that is longer still.
                    (t (setq size (* 2 size))))))
          (setq offset (+ offset (buffer-size)))
          (and (< 0 (buffer-size)) (buffer-string)))))))

(defun mew-submit-survey-fieldtest--shard-p (row shard)
  "Does ROW belong to SHARD, (NUMBER . ALL) or nil?
The name decides, so that whatever is said of a server comes from one shard."
  (or (null shard)
      (= (car shard)
         (1+ (mod (mew-submit-survey-statistics--number (plist-get row :host))
                  (cdr shard))))))

(defun mew-submit-survey-fieldtest--source (file shard)
  "Return a function for the next rows of SHARD in the list FILE, or nil."
  (let ((next (mew-submit-survey-fieldtest--reader file)) keys (number 0))
    (lambda ()
      (let (rows text)
        (while (and (null rows) (setq text (funcall next)))
          (pcase-let ((`(,head ,lines . ,some)
                       (mew-submit-survey-fieldtest--some-rows
                        (decode-coding-string text 'utf-8) keys number)))
            (setq keys head
                  number lines
                  rows (seq-filter (lambda (row)
                                     (mew-submit-survey-fieldtest--shard-p row shard))
                                   some))))
        rows))))

(defun mew-submit-survey-fieldtest--count-list (file shard)
  "Return how many rows SHARD has in the list FILE.
Signal `mew-submit-config' unless FILE is a list of servers."
  (let ((source (mew-submit-survey-fieldtest--source file nil)) (count 0) some rows)
    (while (setq rows (funcall source))
      (setq some t)
      (cl-incf count (seq-count (lambda (row)
                                  (mew-submit-survey-fieldtest--shard-p row shard))
                                rows)))
    (unless some
      (mew-submit-survey-fieldtest--none))
    count))

;;; A test

(cl-defstruct (mew-submit-survey-fieldtest (:constructor mew-submit-survey-fieldtest--make)
                                           (:copier nil))
  (id nil :documentation "What tells this test from others, hexadecimal.")
  (rows nil :documentation "The list: plists of :host, :user, :ports and :group.")
  (source nil :documentation "Function that returns the next rows of a long list, or nil.")
  (owners nil :documentation "Of a long list: hash table from what is looked at to its rows.")
  (seen nil :documentation "Of a long list: hash table from the number of what was looked at
to how often the file has it and the list had it not yet.")
  (ports nil :documentation "The ports for rows that have none, a string.")
  (family nil :documentation "`ipv4', `ipv6', or nil for both.")
  (timeout nil :documentation "Seconds for each connection, or nil.")
  (shard nil :documentation "Which part of a long list it is, (NUMBER . ALL), or nil.")
  (account nil :documentation "What else an account says, such as :ca-file.")
  (began nil :documentation "When it began, ISO 8601.")
  (file nil :documentation "The file that keeps it, or nil.")
  (found nil :documentation "Hash table from (HOST . PORTS) to a record.")
  (pending nil :documentation "The places still to be looked at: (HOST . PORTS).")
  (running nil :documentation "What is looked at now: ((HOST . PORTS) . SESSION).")
  (stopped t :documentation "Non-nil when nothing new is begun.")
  (trouble nil :documentation "Why it was stopped, an error; or nil.")
  (filling nil :documentation "Non-nil while places are begun, or soon will be.")
  (on-found nil :documentation "Function of the test and a new record, or nil.")
  (on-end nil :documentation "Function of the test, called at its end, or nil."))

(defun mew-submit-survey-fieldtest--place (test row)
  "Return the place of ROW in TEST: (HOST . PORTS)."
  (cons (plist-get row :host)
        (or (plist-get row :ports) (mew-submit-survey-fieldtest-ports test))))

(defun mew-submit-survey-fieldtest--places (test)
  "Return all places of TEST, each once."
  (delete-dups (mapcar (lambda (row) (mew-submit-survey-fieldtest--place test row))
                       (mew-submit-survey-fieldtest-rows test))))

(defun mew-submit-survey-fieldtest--new (rows &rest keys)
  "Return a test of ROWS, which does not run yet.
KEYS are :ports, :family, :timeout, :account and :file."
  (let ((test (apply #'mew-submit-survey-fieldtest--make
                     :id (format "%08x%08x" (random #x100000000)
                                 (random #x100000000))
                     :rows rows
                     :began (format-time-string "%FT%TZ" nil t)
                     :found (make-hash-table :test #'equal)
                     keys)))
    (unless (mew-submit-survey-fieldtest-ports test)
      (setf (mew-submit-survey-fieldtest-ports test) mew-submit-survey-ports))
    (mew-submit-probe--parse-ports (mew-submit-survey-fieldtest-ports test))
    (setf (mew-submit-survey-fieldtest-pending test)
          (mew-submit-survey-fieldtest--places test))
    test))

;;; Records

(defun mew-submit-survey-fieldtest--demands-p (attempt)
  "Did ATTEMPT's server turn mail down for the lack of a log-in?"
  (seq-some (lambda (name)
              (eql 530 (plist-get (mew-submit-diagnosis--check attempt name) :code)))
            '("mail-before-auth" "rcpt-before-auth")))

(defun mew-submit-survey-fieldtest--attempt (attempts attempt)
  "Return what is kept of ATTEMPT, one of the ATTEMPTS of a diagnosis."
  (list :port (plist-get attempt :port) :family (plist-get attempt :family)
        :address (plist-get attempt :address) :case (plist-get attempt :case)
        :errno (plist-get attempt :errno) :icmp (plist-get attempt :icmp)
        :offender (plist-get attempt :offender) :ms (plist-get attempt :ms)
        :greeting (and (plist-get attempt :greeting) t)
        :starttls (plist-get attempt :starttls)
        :tls (and (plist-get attempt :tls) t)
        :verified (and (mew-submit-diagnosis--secure-p attempt) t)
        :auth (and (plist-get attempt :auth-tls) t)
        :auth-clear (and (plist-get attempt :auth-clear) t)
        :demands (and (mew-submit-survey-fieldtest--demands-p attempt) t)
        :lax (and (mew-submit-finding--open-before-auth-p attempts attempt) t)
        :extensions (seq-intersection
                     (mapcar #'mew-submit-caseless--up (plist-get attempt :capabilities-tls))
                     (append mew-submit-survey-statistics--extensions
                             mew-submit-survey-statistics--no-extensions))))

(defun mew-submit-survey-fieldtest--lookups (diagnosis)
  "Return the look-ups of DIAGNOSIS that failed, ((FAMILY . WORDS)...).
A name without an address of a family is no failure."
  (mapcar (lambda (lookup)
            (cons (plist-get lookup :family) (plist-get lookup :error)))
          (seq-filter (lambda (lookup)
                        (not (member (plist-get lookup :why) '(nil "none"))))
                      (plist-get diagnosis :lookups))))

(defun mew-submit-survey-fieldtest--record (place diagnosis)
  "Return the record of PLACE made of DIAGNOSIS, which has ended."
  (let ((done (plist-get diagnosis :done)))
    (list :host (car place) :ports (cdr place)
          :time (format-time-string "%FT%TZ" nil t)
          :error (and (not (equal (plist-get done :kind) "ok"))
                      (plist-get done :kind))
          :text (and (not (equal (plist-get done :kind) "ok"))
                     (plist-get done :text))
          :ms (plist-get done :ms)
          :lookups (mew-submit-survey-fieldtest--lookups diagnosis)
          :attempts (mapcar (apply-partially #'mew-submit-survey-fieldtest--attempt
                                             (plist-get diagnosis :attempts))
                            (plist-get diagnosis :attempts)))))

(defun mew-submit-survey-fieldtest--failed (place err)
  "Return the record of PLACE, which could not be looked at because of ERR."
  (list :host (car place) :ports (cdr place)
        :time (format-time-string "%FT%TZ" nil t)
        :error (mew-submit-error--kind err) :text (mew-submit-error--text err)
        :ms 0 :attempts nil))

(defun mew-submit-survey-fieldtest--reports (test)
  "Return what TEST has found so far: a record with :user for each of its rows."
  (delq nil
        (mapcar (lambda (row)
                  (when-let* ((record (gethash
                                       (mew-submit-survey-fieldtest--place test row)
                                       (mew-submit-survey-fieldtest-found test))))
                    (mew-submit-survey-fieldtest--report row record)))
                (mew-submit-survey-fieldtest-rows test))))

(defun mew-submit-survey-fieldtest--report (row record)
  "Return RECORD with the user and the group of ROW."
  (append (list :user (plist-get row :user) :group (plist-get row :group)) record))

(defun mew-submit-survey-fieldtest--counted (test)
  "Return (TALLY . RESULTS) of what TEST has found so far.
RESULTS are the reports that TALLY counts."
  (let ((tally (mew-submit-survey-statistics--new-tally
                :everywhere mew-submit-survey-everywhere)))
    (cons tally
          (seq-filter (apply-partially #'mew-submit-survey-statistics--add tally)
                      (mew-submit-survey-fieldtest--reports test)))))

(defun mew-submit-survey-fieldtest--results (test)
  "Return what of TEST is to be counted so far."
  (cdr (mew-submit-survey-fieldtest--counted test)))

(defun mew-submit-survey-fieldtest--tally (test)
  "Return a tally of what TEST has found so far."
  (car (mew-submit-survey-fieldtest--counted test)))

(defun mew-submit-survey-fieldtest--count (test)
  "Return (FOUND . ALL), how many places TEST is through with, and has."
  (let ((all (length (mew-submit-survey-fieldtest--places test))))
    (cons (hash-table-count (mew-submit-survey-fieldtest-found test)) all)))

(defun mew-submit-survey-fieldtest--ended-p (test)
  "Has TEST looked at everything?"
  (and (null (mew-submit-survey-fieldtest-pending test))
       (null (mew-submit-survey-fieldtest-running test))
       (null (mew-submit-survey-fieldtest-source test))))

;;; The file

(defun mew-submit-survey-fieldtest--write (test form &optional new)
  "Append FORM to the file of TEST, or begin it NEW."
  (when-let* ((file (mew-submit-survey-fieldtest-file test)))
    (let ((coding-system-for-write 'utf-8-unix))
      (with-file-modes #o600
        (write-region (concat (mew-submit-store--text form) "\n") nil file
                      (not new) 'silent)))))

(defun mew-submit-survey-fieldtest--begin-file (test)
  "Write what TEST is to its file, unless that has begun."
  (when-let* ((file (mew-submit-survey-fieldtest-file test)))
    (if (file-exists-p file)
        (mew-submit-survey-fieldtest--whole-lines file)
      (with-file-modes #o700
        (make-directory (file-name-directory (expand-file-name file)) t))
      (mew-submit-survey-fieldtest--write
       test (list :survey 1 :id (mew-submit-survey-fieldtest-id test)
                  :began (mew-submit-survey-fieldtest-began test)
                  :ports (mew-submit-survey-fieldtest-ports test)
                  :family (mew-submit-survey-fieldtest-family test)
                  :timeout (mew-submit-survey-fieldtest-timeout test)
                  :shard (mew-submit-survey-fieldtest-shard test)
                  :rows (mew-submit-survey-fieldtest-rows test))
       t))))

(defun mew-submit-survey-fieldtest--file-p (file)
  "Is FILE that of a test?"
  (and (mew-submit-module--regular-p file)
       (with-temp-buffer
         (insert-file-contents file nil 0 12)
         (looking-at-p "(:survey 1 "))))

(defun mew-submit-survey-fieldtest--each-form (file function)
  "Call FUNCTION with each form in FILE, a line each; cut off ones are left out."
  (let ((next (mew-submit-survey-fieldtest--reader file)) text)
    (while (setq text (funcall next))
      (dolist (line (split-string text "\n" t))
        (when-let* ((form (condition-case nil
                              (car (read-from-string (decode-coding-string line 'utf-8)))
                            (error nil))))
          (funcall function form))))))

(defun mew-submit-survey-fieldtest--whole-lines (file)
  "Have FILE end with a line's end: what was cut off there is no part of the next."
  (let ((size (file-attribute-size (file-attributes file))))
    (unless (or (zerop size)
                (with-temp-buffer
                  (insert-file-contents-literally file nil (1- size) size)
                  (eq (char-before) ?\n)))
      (write-region "\n" nil file t 'silent))))

(defun mew-submit-survey-fieldtest--head-p (form)
  "Is FORM the first one of a survey's file?"
  (and (eq (car-safe form) :survey)
       (proper-list-p form)
       (proper-list-p (plist-get form :rows))
       (seq-every-p #'mew-submit-survey-fieldtest--row-p (plist-get form :rows))))

(defun mew-submit-survey-fieldtest--each-report (file function &optional on-head)
  "Call FUNCTION with each report in FILE, that of a survey, one by one.
ON-HEAD is called with the first form before.  Signal `mew-submit-config' when
FILE is none."
  (let (head rows)
    (unless (and (file-readable-p file) (not (file-directory-p file)))
      (mew-submit-error--throw 'config nil "The survey cannot be read: %s" file))
    (mew-submit-survey-fieldtest--each-form
     file
     (lambda (form)
       (cond
        ((and (null head) (mew-submit-survey-fieldtest--head-p form))
         (setq head form
               rows (seq-group-by (lambda (row)
                                    (cons (plist-get row :host)
                                          (or (plist-get row :ports)
                                              (plist-get form :ports))))
                                  (plist-get form :rows)))
         (when on-head
           (funcall on-head form)))
        ((null head)
         (mew-submit-survey-fieldtest--no-survey file))
        ((not (mew-submit-survey-fieldtest--record-p form)))
        ((plist-member form :user)
         (funcall function form))
        (t (dolist (row (cdr (assoc (cons (plist-get form :host) (plist-get form :ports))
                                    rows)))
             (funcall function (mew-submit-survey-fieldtest--report row form)))))))
    (unless head
      (mew-submit-survey-fieldtest--no-survey file))))

(defun mew-submit-survey-fieldtest--no-survey (file)
  "Say that FILE is not that of a survey."
  (mew-submit-error--throw 'config nil "This is no file of a survey: %s" file))

(defun mew-submit-survey-fieldtest--attempt-p (attempt)
  "Does ATTEMPT look like one of a record?"
  (and (proper-list-p attempt)
       (natnump (plist-get attempt :port))
       (string-or-null-p (plist-get attempt :address))
       (seq-every-p #'stringp (plist-get attempt :extensions))
       (member (plist-get attempt :family) '(nil "ipv4" "ipv6"))
       (or (null (plist-get attempt :case))
           (assoc (plist-get attempt :case) mew-submit-survey-statistics--cases)
           (member (plist-get attempt :case) '("tls" "no-login")))))

(defun mew-submit-survey-fieldtest--record-p (form)
  "Does FORM look like a record?"
  (and (proper-list-p form)
       (stringp (plist-get form :host))
       (stringp (plist-get form :ports))
       (string-or-null-p (plist-get form :user))
       (string-or-null-p (plist-get form :group))
       (proper-list-p (plist-get form :lookups))
       (proper-list-p (plist-get form :attempts))
       (seq-every-p #'mew-submit-survey-fieldtest--attempt-p
                    (plist-get form :attempts))))

(defun mew-submit-survey-fieldtest--row-p (row)
  "Does ROW look like one of a list?"
  (and (proper-list-p row)
       (stringp (plist-get row :host))
       (string-or-null-p (plist-get row :user))
       (string-or-null-p (plist-get row :group))
       (string-or-null-p (plist-get row :ports))))

(defun mew-submit-survey-fieldtest--of-head (head &rest keys)
  "Return the test that HEAD, the first form of a file, is of; KEYS are more of it."
  (let ((test (apply #'mew-submit-survey-fieldtest--new (plist-get head :rows)
                     :ports (plist-get head :ports) :family (plist-get head :family)
                     :timeout (plist-get head :timeout) :shard (plist-get head :shard)
                     keys)))
    (setf (mew-submit-survey-fieldtest-id test) (format "%s" (plist-get head :id))
          (mew-submit-survey-fieldtest-began test) (plist-get head :began))
    test))

(defun mew-submit-survey-fieldtest--load (file)
  "Return the test in FILE; what it has not looked at is pending.
Signal `mew-submit-config' when FILE is none."
  (let (test rows)
    (mew-submit-survey-fieldtest--each-report
     file
     (lambda (report)
       (unless (plist-get report :again)
         (puthash (cons (plist-get report :host) (plist-get report :ports)) report
                  (mew-submit-survey-fieldtest-found test)))
       (unless (mew-submit-survey-fieldtest-rows test)
         (push (list :host (plist-get report :host) :user (plist-get report :user)
                     :group (plist-get report :group) :ports (plist-get report :ports))
               rows)))
     (lambda (head)
       (setq test (mew-submit-survey-fieldtest--of-head head :file file))))
    (unless (mew-submit-survey-fieldtest-rows test)
      (setf (mew-submit-survey-fieldtest-rows test) (nreverse rows)))
    (setf (mew-submit-survey-fieldtest-pending test)
          (seq-remove (lambda (place)
                        (gethash place (mew-submit-survey-fieldtest-found test)))
                      (mew-submit-survey-fieldtest--places test)))
    test))

(defun mew-submit-survey-fieldtest--number (host ports user)
  "Return the number that HOST, with PORTS and USER, is remembered by."
  (mew-submit-survey-statistics--number host ports user))

(defun mew-submit-survey-fieldtest--begin-long (test list shard)
  "Have TEST take its rows from SHARD of LIST, a file, or those that it has.
The table of what was seen has its whole size at once: growing would leave holes
in memory, of many times the numbers' own size."
  (unless (equal shard (mew-submit-survey-fieldtest-shard test))
    (mew-submit-error--throw 'config nil "This is the file of another shard: %s"
                             (mew-submit-survey-fieldtest-file test)))
  (let* ((rows (mew-submit-survey-fieldtest-rows test))
         (count (if rows (length rows)
                  (mew-submit-survey-fieldtest--count-list list shard))))
    (setf (mew-submit-survey-fieldtest-pending test) nil
          (mew-submit-survey-fieldtest-owners test) (make-hash-table :test #'equal)
          (mew-submit-survey-fieldtest-seen test) (make-hash-table :size count)
          (mew-submit-survey-fieldtest-source test)
          (if rows
              (lambda () (prog1 rows (setq rows nil)))
            (mew-submit-survey-fieldtest--source list shard)))
    test))

(defun mew-submit-survey-fieldtest--long (list file shard &rest keys)
  "Return the test of the long LIST, a file, with FILE for the results.
SHARD, (NUMBER . ALL) or nil, is the part of LIST to look at.  What FILE has
already is not looked at again.  KEYS are :ports, :family and :timeout of a new
test."
  (if (not (file-exists-p file))
      (mew-submit-survey-fieldtest--begin-long
       (apply #'mew-submit-survey-fieldtest--new nil :shard shard :file file keys)
       list shard)
    (let (test)
      (mew-submit-survey-fieldtest--each-report
       file
       (lambda (report)
         (cl-incf (gethash (mew-submit-survey-fieldtest--number
                            (plist-get report :host) (plist-get report :ports)
                            (plist-get report :user))
                           (mew-submit-survey-fieldtest-seen test) 0)))
       (lambda (head)
         (setq test (mew-submit-survey-fieldtest--begin-long
                     (mew-submit-survey-fieldtest--of-head head :file file)
                     list shard))))
      test)))

;;; Running

(defun mew-submit-survey-fieldtest--found (test place record)
  "Note in TEST that PLACE is RECORD.  Until that is written PLACE is under way."
  (if-let* ((owners (mew-submit-survey-fieldtest-owners test)))
      (let ((reports (mapcar (lambda (row)
                               (mew-submit-survey-fieldtest--report row record))
                             (gethash place owners))))
        (remhash place owners)
        (setq record (car reports))
        (dolist (report reports)
          (mew-submit-survey-fieldtest--write test report)))
    (mew-submit-survey-fieldtest--write test record)
    (puthash place record (mew-submit-survey-fieldtest-found test)))
  (setf (mew-submit-survey-fieldtest-running test)
        (assoc-delete-all place (mew-submit-survey-fieldtest-running test)))
  (when (mew-submit-survey-fieldtest-on-found test)
    (funcall (mew-submit-survey-fieldtest-on-found test) test record)))

(defun mew-submit-survey-fieldtest--take (test row)
  "Take ROW of a long list into TEST; return its place if that is to be looked at."
  (let* ((owners (mew-submit-survey-fieldtest-owners test))
         (seen (mew-submit-survey-fieldtest-seen test))
         (place (mew-submit-survey-fieldtest--place test row))
         (number (mew-submit-survey-fieldtest--number (car place) (cdr place)
                                                      (plist-get row :user)))
         (kept (gethash number seen))
         (begun (gethash place owners)))
    (cond ((and kept (< 0 kept))
           ;; The file has it.
           (puthash number (1- kept) seen)
           nil)
          ((and kept (null begun))
           (mew-submit-survey-fieldtest--write
            test (mew-submit-survey-fieldtest--report
                  row (list :host (car place) :ports (cdr place) :again t)))
           nil)
          (t (puthash number 0 seen)
             (puthash place (append begun (list row)) owners)
             (and (null begun) place)))))

(defun mew-submit-survey-fieldtest--refill (test)
  "Have something pending in TEST from its long list; return nil if nothing is."
  (while (and (null (mew-submit-survey-fieldtest-pending test))
              (mew-submit-survey-fieldtest-source test))
    (let ((rows (funcall (mew-submit-survey-fieldtest-source test))))
      (unless rows
        (setf (mew-submit-survey-fieldtest-source test) nil))
      (setf (mew-submit-survey-fieldtest-pending test)
            (delq nil (mapcar (apply-partially #'mew-submit-survey-fieldtest--take test)
                              rows)))))
  (mew-submit-survey-fieldtest-pending test))

(defun mew-submit-survey-fieldtest--ended (test place diagnosis)
  "Take what DIAGNOSIS has found at PLACE into TEST, and go on.
One that TEST was stopped in says nothing, nor one of a machine on no network."
  (when (eq (plist-get diagnosis :session)
            (cdr (assoc place (mew-submit-survey-fieldtest-running test))))
    (if (and (mew-submit-finding--nowhere-p diagnosis) (mew-submit-network--none-p))
        (mew-submit-survey-fieldtest--interrupt
         test 'mew-submit-connect "This machine is on no network")
      (mew-submit-survey-fieldtest--fill
       test place (mew-submit-survey-fieldtest--record place diagnosis)))))

(defun mew-submit-survey-fieldtest--interrupt (test condition words)
  "Stop TEST by the error CONDITION, which WORDS describe."
  (setf (mew-submit-survey-fieldtest-trouble test)
        (list condition :text (concat "The survey has stopped.  " words)))
  (mew-submit-survey-fieldtest--stop test)
  (when (mew-submit-survey-fieldtest-on-end test)
    (funcall (mew-submit-survey-fieldtest-on-end test) test)))

(defun mew-submit-survey-fieldtest--start (test place)
  "Begin to look at PLACE for TEST."
  (condition-case err
      (let ((diagnosis
             (mew-submit-probe--start
              (append (list :server (car place)
                            :timeout (mew-submit-survey-fieldtest-timeout test))
                      (mew-submit-survey-fieldtest-account test))
              :ports (mew-submit-probe--parse-ports (cdr place))
              :family (mew-submit-survey-fieldtest-family test)
              :on-done (lambda (diagnosis)
                         (mew-submit-survey-fieldtest--ended test place diagnosis)))))
        (push (cons place (plist-get diagnosis :session))
              (mew-submit-survey-fieldtest-running test)))
    (mew-submit-error
     (push (list place) (mew-submit-survey-fieldtest-running test))
     (mew-submit-survey-fieldtest--found test place
                                         (mew-submit-survey-fieldtest--failed place err)))))

(defconst mew-submit-survey-fieldtest--slice 0.02
  "Seconds after which Emacs does something else before more places are begun.")

(defun mew-submit-survey-fieldtest--room-p (test)
  "May TEST look at another place now?"
  (and (not (mew-submit-survey-fieldtest-stopped test))
       (< (length (mew-submit-survey-fieldtest-running test))
          (max 1 mew-submit-survey-limit))))

(defun mew-submit-survey-fieldtest--fill (test &optional place record)
  "Begin as many places of TEST as may be, in slices; tell when it has ended.
RECORD, if any, is what was found at PLACE."
  (condition-case err
      (progn (when place
               (mew-submit-survey-fieldtest--found test place record))
             (mew-submit-survey-fieldtest--begin-some test))
    (file-error (mew-submit-survey-fieldtest--interrupt
                 test 'mew-submit-config
                 (concat "What was found cannot be written: " (mew-submit-error--text err))))))

(defun mew-submit-survey-fieldtest--begin-some (test)
  "Begin as many places of TEST as may be in a slice; tell when it has ended."
  (unless (mew-submit-survey-fieldtest-filling test)
    (setf (mew-submit-survey-fieldtest-filling test) t)
    (unwind-protect
        (let ((until (+ (float-time) mew-submit-survey-fieldtest--slice)))
          (while (and (mew-submit-survey-fieldtest--room-p test)
                      (< (float-time) until)
                      (mew-submit-survey-fieldtest--refill test))
            (mew-submit-survey-fieldtest--start
             test (pop (mew-submit-survey-fieldtest-pending test)))))
      (setf (mew-submit-survey-fieldtest-filling test) nil))
    (when (and (mew-submit-survey-fieldtest--room-p test)
               (or (mew-submit-survey-fieldtest-pending test)
                   (mew-submit-survey-fieldtest-source test)))
      ;; Whoever ends meanwhile begins no slice of his own.
      (setf (mew-submit-survey-fieldtest-filling test) t)
      (run-at-time 0 nil (lambda ()
                           (setf (mew-submit-survey-fieldtest-filling test) nil)
                           (mew-submit-survey-fieldtest--fill test))))
    (when (and (mew-submit-survey-fieldtest--ended-p test)
               (not (mew-submit-survey-fieldtest-stopped test)))
      (setf (mew-submit-survey-fieldtest-stopped test) t)
      (when (mew-submit-survey-fieldtest-on-end test)
        (funcall (mew-submit-survey-fieldtest-on-end test) test)))))

(defun mew-submit-survey-fieldtest--run (test)
  "Have TEST look at what is pending, in the background."
  (mew-submit-survey-fieldtest--begin-file test)
  (setf (mew-submit-survey-fieldtest-stopped test) nil
        (mew-submit-survey-fieldtest-trouble test) nil)
  (mew-submit-survey-fieldtest--fill test)
  test)

(defun mew-submit-survey-fieldtest--stop (test)
  "Stop TEST.  What was under way is pending again."
  (unless (mew-submit-survey-fieldtest-stopped test)
    (setf (mew-submit-survey-fieldtest-stopped test) t)
    (let ((running (mew-submit-survey-fieldtest-running test)))
      (setf (mew-submit-survey-fieldtest-running test) nil
            (mew-submit-survey-fieldtest-pending test)
            (append (mapcar #'car running) (mew-submit-survey-fieldtest-pending test)))
      (mapc #'mew-submit-job--cancel (delq nil (mapcar #'cdr running))))))

(defun mew-submit-survey-fieldtest--wait (test)
  "Wait until TEST has ended or was stopped.  The user can quit."
  (while (not (mew-submit-survey-fieldtest-stopped test))
    (if-let* ((running (car (mew-submit-survey-fieldtest-running test))))
        (mew-submit-job--wait (cdr running) 1)
      (accept-process-output nil 0.05))))

(provide 'mew-submit-survey-fieldtest)
;;; mew-submit-survey-fieldtest.el ends here
