;;; mew-submit-survey-fieldtest.el --- Many servers, looked at side by side -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the running of a field test: the list of servers, so many at once
;; and no more, what was found at each, and the file that keeps it.  The file is
;; appended to, a form for each server, so that whatever stops Emacs costs no more
;; than what was under way; it is read and never evaluated.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-address)
(require 'mew-submit-diagnosis)
(require 'mew-submit-error)
(require 'mew-submit-probe)
(require 'mew-submit-job)
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

(defconst mew-submit-survey-fieldtest--rows-max 10000
  "How many servers a list may have.")

;;; The list

(defconst mew-submit-survey-fieldtest--columns
  '(("host" . :host) ("server" . :host) ("name" . :host) ("user" . :user)
    ("login" . :user) ("port" . :ports) ("ports" . :ports))
  "What the columns of a list may be called, and what they are.")

(defun mew-submit-survey-fieldtest--head (cells)
  "Return the keys that CELLS name, when they are the head of a list, or nil."
  (let ((keys (mapcar (lambda (cell)
                        (cdr (assoc (downcase cell)
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
                :ports (when-let* ((ports (mew-submit-survey-fieldtest--ports
                                          (plist-get row :ports))))
                         (mew-submit-probe--parse-ports ports)
                         ports))
        (mew-submit-error
         (mew-submit-error--throw 'config nil "Line %d of the list: %s" number
                                 (mew-submit-error--text err)))))))

(defun mew-submit-survey-fieldtest--parse (text)
  "Return the rows of the list TEXT: plists of :host, :user and :ports.
A line is HOST [USER [PORTS]], in an Org table, with commas or with blanks
between them; a head may name the columns.  Signal `mew-submit-config' for a
line that makes no sense, and when there is none."
  (let ((keys '(:host :user :ports))
        rows)
    (pcase-dolist (`(,number . ,cells) (mew-submit-table--parse text))
      (let ((head (and (null rows) (mew-submit-survey-fieldtest--head cells))))
        (if head
            (setq keys head)
          (push (mew-submit-survey-fieldtest--row number cells keys) rows))))
    (cond ((null rows)
           (mew-submit-error--throw 'config nil "The list names no server"))
          ((> (length rows) mew-submit-survey-fieldtest--rows-max)
           (mew-submit-error--throw 'config nil "The list has more than %d servers"
                                    mew-submit-survey-fieldtest--rows-max)))
    (nreverse rows)))

;;; A test

(cl-defstruct (mew-submit-survey-fieldtest (:constructor mew-submit-survey-fieldtest--make)
                                           (:copier nil))
  (id nil :documentation "What tells this test from others, hexadecimal.")
  (rows nil :documentation "The list: plists of :host, :user and :ports.")
  (ports nil :documentation "The ports for rows that have none, a string.")
  (family nil :documentation "`ipv4', `ipv6', or nil for both.")
  (timeout nil :documentation "Seconds for each connection, or nil.")
  (account nil :documentation "What else an account says, such as :ca-file.")
  (began nil :documentation "When it began, ISO 8601.")
  (file nil :documentation "The file that keeps it, or nil.")
  (found nil :documentation "Hash table from (HOST . PORTS) to a record.")
  (pending nil :documentation "The places still to be looked at: (HOST . PORTS).")
  (running nil :documentation "What is looked at now: ((HOST . PORTS) . SESSION).")
  (stopped t :documentation "Non-nil when nothing new is begun.")
  (filling nil :documentation "Non-nil while places are begun.")
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

(defun mew-submit-survey-fieldtest--attempt (attempt)
  "Return what is kept of ATTEMPT, one of a diagnosis."
  (list :port (plist-get attempt :port) :family (plist-get attempt :family)
        :address (plist-get attempt :address) :case (plist-get attempt :case)
        :errno (plist-get attempt :errno) :icmp (plist-get attempt :icmp)
        :offender (plist-get attempt :offender) :ms (plist-get attempt :ms)
        :greeting (and (plist-get attempt :greeting) t)
        :starttls (plist-get attempt :starttls)
        :tls (and (plist-get attempt :tls) t)
        :verified (and (mew-submit-diagnosis--secure-p attempt) t)
        :auth (and (plist-get attempt :auth-tls) t)
        :auth-clear (and (plist-get attempt :auth-clear) t)))

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
          :attempts (mapcar #'mew-submit-survey-fieldtest--attempt
                            (plist-get diagnosis :attempts)))))

(defun mew-submit-survey-fieldtest--failed (place err)
  "Return the record of PLACE, which could not be looked at because of ERR."
  (list :host (car place) :ports (cdr place)
        :time (format-time-string "%FT%TZ" nil t)
        :error (mew-submit-error--kind err) :text (mew-submit-error--text err)
        :ms 0 :attempts nil))

(defun mew-submit-survey-fieldtest--results (test)
  "Return what TEST has found so far: a record with :user for each of its rows.
Rows with the same server and user are one."
  (mew-submit-survey-statistics--unique
   (delq nil
         (mapcar (lambda (row)
                   (when-let* ((record (gethash
                                       (mew-submit-survey-fieldtest--place test row)
                                       (mew-submit-survey-fieldtest-found test))))
                     (append (list :user (plist-get row :user)) record)))
                 (mew-submit-survey-fieldtest-rows test)))))

(defun mew-submit-survey-fieldtest--count (test)
  "Return (FOUND . ALL), how many places TEST is through with, and has."
  (let ((all (length (mew-submit-survey-fieldtest--places test))))
    (cons (hash-table-count (mew-submit-survey-fieldtest-found test)) all)))

(defun mew-submit-survey-fieldtest--ended-p (test)
  "Has TEST looked at everything?"
  (and (null (mew-submit-survey-fieldtest-pending test))
       (null (mew-submit-survey-fieldtest-running test))))

;;; The file

(defun mew-submit-survey-fieldtest--write (test form &optional new)
  "Append FORM to the file of TEST, or begin it NEW."
  (when-let* ((file (mew-submit-survey-fieldtest-file test)))
    (let ((print-length nil)
          (print-level nil)
          (print-escape-newlines t)
          (coding-system-for-write 'utf-8-unix))
      (with-file-modes #o600
        (write-region (concat (prin1-to-string form) "\n") nil file
                      (not new) 'silent)))))

(defun mew-submit-survey-fieldtest--begin-file (test)
  "Write what TEST is to its file, unless that has begun."
  (when-let* ((file (mew-submit-survey-fieldtest-file test)))
    (unless (file-exists-p file)
      (with-file-modes #o700
        (make-directory (file-name-directory (expand-file-name file)) t))
      (mew-submit-survey-fieldtest--write
       test (list :survey 1 :id (mew-submit-survey-fieldtest-id test)
                  :began (mew-submit-survey-fieldtest-began test)
                  :ports (mew-submit-survey-fieldtest-ports test)
                  :family (mew-submit-survey-fieldtest-family test)
                  :timeout (mew-submit-survey-fieldtest-timeout test)
                  :rows (mew-submit-survey-fieldtest-rows test))
       t))))

(defun mew-submit-survey-fieldtest--file-p (file)
  "Is FILE that of a test?"
  (and (file-regular-p file)
       (with-temp-buffer
         (insert-file-contents file nil 0 12)
         (looking-at-p "(:survey 1 "))))

(defun mew-submit-survey-fieldtest--forms (file)
  "Return the forms in FILE; a last one that is cut off is left out."
  (with-temp-buffer
    (let ((coding-system-for-read 'utf-8-unix))
      (insert-file-contents file))
    (let (forms)
      (while (progn (skip-chars-forward " \n") (not (eobp)))
        (condition-case nil
            (push (read (current-buffer)) forms)
          (error (goto-char (point-max)))))
      (nreverse forms))))

(defun mew-submit-survey-fieldtest--attempt-p (attempt)
  "Does ATTEMPT look like one of a record?"
  (and (proper-list-p attempt)
       (natnump (plist-get attempt :port))
       (member (plist-get attempt :family) '(nil "ipv4" "ipv6"))
       (or (null (plist-get attempt :case))
           (assoc (plist-get attempt :case) mew-submit-survey-statistics--cases)
           (member (plist-get attempt :case) '("tls" "no-login")))))

(defun mew-submit-survey-fieldtest--record-p (form)
  "Does FORM look like a record?"
  (and (proper-list-p form)
       (stringp (plist-get form :host))
       (stringp (plist-get form :ports))
       (proper-list-p (plist-get form :lookups))
       (proper-list-p (plist-get form :attempts))
       (seq-every-p #'mew-submit-survey-fieldtest--attempt-p
                    (plist-get form :attempts))))

(defun mew-submit-survey-fieldtest--row-p (row)
  "Does ROW look like one of a list?"
  (and (proper-list-p row)
       (stringp (plist-get row :host))
       (string-or-null-p (plist-get row :user))
       (string-or-null-p (plist-get row :ports))))

(defun mew-submit-survey-fieldtest--load (file)
  "Return the test in FILE; what it has not looked at is pending.
Signal `mew-submit-config' when FILE is none."
  (pcase-let ((`(,head . ,records) (mew-submit-survey-fieldtest--forms file)))
    (unless (and (eq (car-safe head) :survey)
                 (proper-list-p head)
                 (proper-list-p (plist-get head :rows))
                 (seq-every-p #'mew-submit-survey-fieldtest--row-p
                              (plist-get head :rows)))
      (mew-submit-error--throw 'config nil "This is no file of a survey: %s" file))
    (let ((test (mew-submit-survey-fieldtest--new
                 (plist-get head :rows) :ports (plist-get head :ports)
                 :family (plist-get head :family)
                 :timeout (plist-get head :timeout) :file file)))
      (setf (mew-submit-survey-fieldtest-id test) (format "%s" (plist-get head :id))
            (mew-submit-survey-fieldtest-began test) (plist-get head :began))
      (dolist (record records)
        (when (mew-submit-survey-fieldtest--record-p record)
          (puthash (cons (plist-get record :host) (plist-get record :ports))
                   record (mew-submit-survey-fieldtest-found test))))
      (setf (mew-submit-survey-fieldtest-pending test)
            (seq-remove (lambda (place)
                          (gethash place (mew-submit-survey-fieldtest-found test)))
                        (mew-submit-survey-fieldtest-pending test)))
      test)))

;;; Running

(defun mew-submit-survey-fieldtest--found (test place record)
  "Note in TEST that PLACE is RECORD."
  (setf (mew-submit-survey-fieldtest-running test)
        (assoc-delete-all place (mew-submit-survey-fieldtest-running test)))
  (puthash place record (mew-submit-survey-fieldtest-found test))
  (mew-submit-survey-fieldtest--write test record)
  (when (mew-submit-survey-fieldtest-on-found test)
    (funcall (mew-submit-survey-fieldtest-on-found test) test record)))

(defun mew-submit-survey-fieldtest--ended (test place diagnosis)
  "Take what DIAGNOSIS has found at PLACE into TEST, and go on.
One that TEST was stopped in says nothing, even when TEST goes on."
  (when (eq (plist-get diagnosis :session)
            (cdr (assoc place (mew-submit-survey-fieldtest-running test))))
    (mew-submit-survey-fieldtest--found test place
                                        (mew-submit-survey-fieldtest--record place diagnosis))
    (mew-submit-survey-fieldtest--fill test)))

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
     (mew-submit-survey-fieldtest--found test place
                                         (mew-submit-survey-fieldtest--failed place err)))))

(defun mew-submit-survey-fieldtest--fill (test)
  "Begin as many places of TEST as may be; tell when it has ended."
  (unless (mew-submit-survey-fieldtest-filling test)
    (setf (mew-submit-survey-fieldtest-filling test) t)
    (unwind-protect
        (while (and (mew-submit-survey-fieldtest-pending test)
                    (not (mew-submit-survey-fieldtest-stopped test))
                    (< (length (mew-submit-survey-fieldtest-running test))
                       (max 1 mew-submit-survey-limit)))
          (mew-submit-survey-fieldtest--start
           test (pop (mew-submit-survey-fieldtest-pending test))))
      (setf (mew-submit-survey-fieldtest-filling test) nil))
    (when (and (mew-submit-survey-fieldtest--ended-p test)
               (not (mew-submit-survey-fieldtest-stopped test)))
      (setf (mew-submit-survey-fieldtest-stopped test) t)
      (when (mew-submit-survey-fieldtest-on-end test)
        (funcall (mew-submit-survey-fieldtest-on-end test) test)))))

(defun mew-submit-survey-fieldtest--run (test)
  "Have TEST look at what is pending, in the background."
  (mew-submit-survey-fieldtest--begin-file test)
  (setf (mew-submit-survey-fieldtest-stopped test) nil)
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
      (mapc (lambda (entry) (mew-submit-job--cancel (cdr entry))) running))))

(defun mew-submit-survey-fieldtest--wait (test)
  "Wait until TEST has ended or was stopped.  The user can quit."
  (while (not (mew-submit-survey-fieldtest-stopped test))
    (if-let* ((running (car (mew-submit-survey-fieldtest-running test))))
        (mew-submit-job--wait (cdr running) 1)
      (accept-process-output nil 0.05))))

(provide 'mew-submit-survey-fieldtest)
;;; mew-submit-survey-fieldtest.el ends here
