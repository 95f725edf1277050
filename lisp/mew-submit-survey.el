;;; mew-submit-survey.el --- The field test: which case are the servers? -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns M-x mew-submit-survey, its buffer and what can be copied from it,
;; and the batch command: what Kazu Yamamoto asked the users of Mew to do in 2005, with
;; any number of servers, both families and all ports.  mew-submit-survey-fieldtest.el runs
;; it, mew-submit-survey-statistics.el counts.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-background)
(require 'mew-submit-diagnosis-network)
(require 'mew-submit-diagnosis-network-text)
(require 'mew-submit-error)
(require 'mew-submit-survey-fieldtest)
(require 'mew-submit-json)
(require 'mew-submit-picture)
(require 'mew-submit-survey-statistics)
(require 'mew-submit-table)
(require 'mew-submit-view)
(require 'seq)
(require 'svg)

(declare-function mew-submit-survey-provider--list "mew-submit-survey-provider" (results))
(declare-function mew-submit-survey-report "mew-submit-survey-mail" (test))

(defcustom mew-submit-survey-directory
  (locate-user-emacs-file "mew-submit/surveys/")
  "The directory that keeps surveys, so that they can be resumed and compared.
The default is \"mew-submit/surveys/\" in `user-emacs-directory'."
  :type 'directory
  :group 'mew-submit-diagnosis
  :package-version '(mew-submit . "0.1.0")
  :risky t)

;;; In words, as Org, CSV and JSON

(defun mew-submit-survey--network (tally)
  "Return a verdict on the network that TALLY was made in, or nil.
That nothing is wrong is nothing to say."
  (when-let* ((results (mew-submit-survey-statistics--tally-sample tally)))
    (mew-submit-diagnosis-network--survey (reverse results))))

(defun mew-submit-survey--share-tables (tally)
  "Return the breakdown of cases of TALLY: a table for each port."
  (let ((cells (mew-submit-survey-statistics--cells tally)))
    (mapcar (lambda (port) (mew-submit-survey-statistics--shares cells port))
            (delete-dups (mapcar (lambda (cell) (plist-get cell :port)) cells)))))

(defun mew-submit-survey--tables (tally)
  "Return the paper's two tables of TALLY: the servers, and the cases by port."
  (cons (mew-submit-survey-statistics--breakdown tally)
        (mew-submit-survey--share-tables tally)))

(defun mew-submit-survey--each-row (source tally function)
  "Call FUNCTION with the row of each of SOURCE's reports that TALLY has counted.
SOURCE is a function that calls its argument with each report."
  (let ((ports (mew-submit-survey-statistics--in-order
                (mew-submit-survey-statistics--tally-ports tally)))
        (users (mew-submit-survey-statistics--tally-users tally))
        (again (mew-submit-survey-statistics--new-tally
                :everywhere (mew-submit-survey-statistics--tally-everywhere tally))))
    (funcall function (mew-submit-survey-statistics--head ports users))
    (funcall source
             (lambda (report)
               (when (mew-submit-survey-statistics--add again report)
                 (funcall function
                          (mew-submit-survey-statistics--row report ports users)))))))

(defun mew-submit-survey--org (source tally print)
  "Call PRINT with SOURCE's reports and TALLY, which is theirs, as Org."
  (funcall print "* Servers\n\n")
  (let (ruled)
    (mew-submit-survey--each-row
     source tally
     (lambda (row)
       (funcall print (mew-submit-table--org-line row))
       (unless ruled
         (funcall print "|--|\n")
         (setq ruled t)))))
  (pcase-let ((`(,servers . ,shares) (mew-submit-survey--tables tally)))
    (funcall print
             (concat "\n* Breakdown of servers\n\n"
                     (mew-submit-survey-statistics--funnel tally) "\n"
                     (mew-submit-table--org servers)
                     "\n* Breakdown of cases\n\n"
                     "Number, share and its 95 % interval (Wilson), in percent.\n\n"
                     (mapconcat #'mew-submit-table--org shares "\n")))))

(defun mew-submit-survey--csv (source tally print)
  "Call PRINT with SOURCE's reports and TALLY, which is theirs, as CSV.
Behind an empty line there is the breakdown of servers, and that of cases; in
the latter numbers have columns of their own."
  (mew-submit-survey--each-row source tally
                               (lambda (row)
                                 (funcall print (mew-submit-table--csv (list row)))))
  (funcall
   print
   (concat
    "\n"
    (mew-submit-table--csv (mew-submit-survey-statistics--breakdown tally))
    "\n"
    (mew-submit-table--csv
     (cons '("port" "family" "case" "count" "n" "share" "low" "high")
           (mapcan #'mew-submit-survey--csv-cell
                   (mew-submit-survey-statistics--cells tally)))))))

(defun mew-submit-survey--text (tally)
  "Return TALLY in words: the funnel, the two tables, and what was not looked at."
  (let ((failures (mew-submit-survey--failures tally)))
    (concat (mew-submit-survey-statistics--funnel tally) "\n"
            (mapconcat #'mew-submit-table--text (mew-submit-survey--tables tally) "\n")
            (if (string-empty-p failures) ""
              (concat "\nNot looked at:\n" failures)))))

(defun mew-submit-survey--csv-cell (cell)
  "Return the rows of CSV for CELL, of `mew-submit-survey-statistics--cells'."
  (let ((n (plist-get cell :n)))
    (mapcar (lambda (entry)
              (let ((interval (mew-submit-survey-statistics--wilson (cdr entry) n)))
                (list (plist-get cell :port)
                      (or (plist-get cell :family) "both")
                      (format "%s" (car entry)) (cdr entry) n
                      (if (zerop n) ""
                        (format "%.4f" (/ (float (cdr entry)) n)))
                      (format "%.4f" (car interval))
                      (format "%.4f" (cdr interval)))))
            (plist-get cell :counts))))

(defun mew-submit-survey--truth (value)
  "Return VALUE as a truth of JSON."
  (if value t :false))

(defun mew-submit-survey--json-attempt (attempt)
  "Return ATTEMPT of a record as JSON has it."
  (append
   (mapcan (lambda (key) (list key (plist-get attempt key)))
           '(:port :family :address :case :errno :icmp :offender :ms :starttls))
   (list :extensions (vconcat (plist-get attempt :extensions)))
   (mapcan (lambda (key)
             (list key (mew-submit-survey--truth (plist-get attempt key))))
           '(:greeting :tls :verified :auth :demands :lax))
   (list :auth_clear (mew-submit-survey--truth
                      (plist-get attempt :auth-clear)))))

(defun mew-submit-survey--json-record (result)
  "Return RESULT as a line of JSON."
  (mew-submit-json--line
   (list :host (plist-get result :host) :user (plist-get result :user)
         :group (plist-get result :group)
         :error (plist-get result :error) :text (plist-get result :text)
         :ms (plist-get result :ms)
         :lookups (vconcat (mapcar (lambda (lookup)
                                     (list :family (car-safe lookup)
                                           :error (cdr-safe lookup)))
                                   (plist-get result :lookups)))
         :attempts (vconcat (mapcar #'mew-submit-survey--json-attempt
                                    (plist-get result :attempts))))))

(defun mew-submit-survey--json-cell (cell)
  "Return CELL, of `mew-submit-survey-statistics--cells', as JSON has it."
  (let ((n (plist-get cell :n)))
    (list :port (plist-get cell :port) :family (plist-get cell :family) :n n
          :cases
          (vconcat
           (mapcar
            (lambda (entry)
              (let ((interval (mew-submit-survey-statistics--wilson (cdr entry) n)))
                (list :case (car entry) :count (cdr entry)
                      :share (and (< 0 n) (/ (float (cdr entry)) n))
                      :low (car interval) :high (cdr interval))))
            (plist-get cell :counts))))))

(defun mew-submit-survey--json-kinds (tally)
  "Return the breakdown of the servers of TALLY as JSON has it."
  (pcase-let ((`(,_ . ,rows) (mew-submit-survey-statistics--breakdown tally)))
    (vconcat
     (mapcar (lambda (row)
               (append (list :group (car row))
                       (cl-mapcan (lambda (kind number)
                                    (list (intern (format ":%s" (car kind))) number))
                                  mew-submit-survey-statistics--kinds (cdr row))))
             rows))))

(defun mew-submit-survey--json-total (tally)
  "Return TALLY as a line of JSON."
  (mew-submit-json--line
   (list :event 'done
         ;; What scripts have read since 0.1 is called as it was.
         :lines (mew-submit-survey-statistics--tally-reports tally)
         :outside (mew-submit-survey-statistics--tally-outside tally)
         :servers (mew-submit-survey-statistics--tally-servers tally)
         :found (mew-submit-survey-statistics--tally-servers tally)
         :unknown (mew-submit-survey-statistics--tally-unknown tally)
         :network (when-let* ((verdict (mew-submit-survey--network tally)))
                    (list :id (plist-get verdict :id)
                          :text (plist-get verdict :text)))
         :kinds (mew-submit-survey--json-kinds tally)
         :tables (vconcat (mapcar #'mew-submit-survey--json-cell
                                  (mew-submit-survey-statistics--cells tally))))))

(defun mew-submit-survey--json (test)
  "Return TEST as lines of JSON: one for each server, and one for all."
  (pcase-let ((`(,tally . ,results) (mew-submit-survey-fieldtest--counted test)))
    (concat (mapconcat #'mew-submit-survey--json-record results "")
            (mew-submit-survey--json-total tally))))

;;; Bars

(defun mew-submit-survey--bars (tally port)
  "Return the bars for the cases of TALLY at PORT: (LABEL SHARE WORDS)."
  (let* ((cell (mew-submit-survey-statistics--tally-cell tally port nil))
         (n (plist-get cell :n)))
    (unless (zerop n)
      (delq nil
            (mapcar
             (lambda (entry)
               (when (or (numberp (car entry)) (< 0 (cdr entry)))
                 (list (cadr (assoc (car entry) mew-submit-survey-statistics--cases))
                       (/ (float (cdr entry)) n)
                       (mew-submit-survey-statistics--share (cdr entry) n))))
             (plist-get cell :counts))))))

(defun mew-submit-survey--insert-bars (tally port)
  "Insert a bar chart of the cases of TALLY at PORT."
  (when-let* ((bars (mew-submit-survey--bars tally port)))
    (if (mew-submit-view--graphic-p)
        (pcase-let ((`(,width . ,scale) (mew-submit-view--room 620 480)))
          (insert-image (svg-image (mew-submit-picture--bars
                                    bars width (mew-submit-picture--colors))
                                   :scale scale)
                        (format "cases at port %d" port)))
      (pcase-dolist (`(,label ,share ,words) bars)
        (insert (format "%-24s %s %s\n" label
                        (propertize (mew-submit-table--bar share 28)
                                    'face 'mew-submit-picture-syn)
                        words))))
    (insert "\n")))

;;; The buffer

(defvar-local mew-submit-survey--test nil
  "The test that is shown.")

(defconst mew-submit-survey--keys
  '(("k" "stop" mew-submit-survey-stop) ("\C-g" nil mew-submit-survey-stop)
    ("g" "go on" mew-submit-survey-go-on)
    ("o" "Org" mew-submit-survey-copy-org) ("c" "CSV" mew-submit-survey-copy-csv)
    ("j" "JSON" mew-submit-survey-copy-json)
    ("b" "beside another" mew-submit-survey-beside)
    ("p" "providers" mew-submit-survey-providers)
    ("m" "mail" mew-submit-survey-mail))
  "The keys of a survey, a table; the first three are to stop and to begin.")

(defvar mew-submit-survey-mode-map (mew-submit-view--map mew-submit-survey--keys)
  "The keys of a survey.")

(define-derived-mode mew-submit-survey-mode mew-submit-view-mode "Survey"
  "Which case servers are, at which port.
\\{mew-submit-survey-mode-map}"
  :interactive nil
  (setq truncate-lines t
        mew-submit-view--shape t
        mew-submit-view--insert #'mew-submit-survey--insert
        mew-submit-view--keys mew-submit-survey--keys)
  (add-hook 'kill-buffer-hook #'mew-submit-survey--leave nil t))

(defun mew-submit-survey--leave ()
  "Stop the test of the current buffer, which is going away."
  (when mew-submit-survey--test
    (mew-submit-survey-fieldtest--stop mew-submit-survey--test)))

(defun mew-submit-survey--insert-network (test tally)
  "Insert the verdict on the network by TALLY, if TEST has ended."
  (when-let* (((mew-submit-survey-fieldtest--ended-p test))
              (verdict (mew-submit-survey--network tally)))
    (insert (mew-submit-diagnosis-network-text--verdict verdict) "\n")))

(defun mew-submit-survey--insert-head (test)
  "Insert how far TEST is, and what can be done with it."
  (pcase-let ((`(,found . ,all) (mew-submit-survey-fieldtest--count test)))
    (when-let* ((trouble (mew-submit-survey-fieldtest-trouble test)))
      (insert (propertize (mew-submit-error--text trouble) 'face 'error) "\n"))
    (insert (format "[%-30s] %d of %d servers%s\n"
                    (mew-submit-table--bar (/ (float found) (max 1 all)) 30)
                    found all
                    (cond ((mew-submit-survey-fieldtest--ended-p test) "")
                          ((mew-submit-survey-fieldtest-stopped test) ", stopped")
                          (t (format ", %d at once"
                                     (length (mew-submit-survey-fieldtest-running
                                              test))))))))
  (mew-submit-view--buttons
   (cons (cond ((not (mew-submit-survey-fieldtest-stopped test))
                '("k" "stop" mew-submit-survey-stop))
               ((mew-submit-survey-fieldtest--ended-p test)
                '("g" "again" mew-submit-survey-go-on))
               (t '("g" "go on" mew-submit-survey-go-on)))
         (nthcdr 3 mew-submit-survey--keys))))

(defun mew-submit-survey--failures (tally)
  "Return a line for each of the first in TALLY that lack something, and why."
  (mapconcat
   (lambda (result)
     (if (plist-get result :error)
         (format "  %s: %s\n" (plist-get result :host)
                 (mew-submit-error--clean (or (plist-get result :text) "")))
       (mapconcat (lambda (lookup)
                    (format "  %s: no look-up by %s: %s\n"
                            (plist-get result :host)
                            (mew-submit-survey-statistics--family (car-safe lookup))
                            (mew-submit-error--clean
                             (format "%s" (cdr-safe lookup)))))
                  (plist-get result :lookups) "")))
   (reverse (mew-submit-survey-statistics--tally-failed tally)) ""))

(defun mew-submit-survey--insert-failures (tally)
  "Insert which servers of TALLY could not be looked at, or not by each family."
  (let ((failures (mew-submit-survey--failures tally)))
    (unless (string-empty-p failures)
      (insert "\nNot looked at:\n" failures))))

(defun mew-submit-survey--insert ()
  "Insert the test of the current buffer."
  (pcase-let* ((test mew-submit-survey--test)
               (`(,tally . ,results) (mew-submit-survey-fieldtest--counted test)))
    (mew-submit-survey--insert-head test)
    (mew-submit-survey--insert-network test tally)
    (when (< 0 (mew-submit-survey-statistics--tally-reports tally))
      (pcase-let ((`(,servers . ,shares) (mew-submit-survey--tables tally)))
        (insert (mew-submit-survey-statistics--funnel tally) "\n"
                (mew-submit-table--text servers)
                "\nNumber and share of each case, and the share's 95 % interval:\n\n")
        (cl-mapc (lambda (port table)
                   (insert (mew-submit-table--text table) "\n")
                   (mew-submit-survey--insert-bars tally port))
                 (mew-submit-survey-statistics--ports results) shares))
      (insert (mew-submit-table--text (mew-submit-survey-statistics--servers results)))
      (mew-submit-survey--insert-failures tally))))

(defun mew-submit-survey--run-here ()
  "Have the test of the current buffer run, and be shown."
  (let ((buffer (current-buffer)))
    (setf (mew-submit-survey-fieldtest-on-found mew-submit-survey--test)
          (lambda (_test _record) (mew-submit-view--soon buffer))
          (mew-submit-survey-fieldtest-on-end mew-submit-survey--test)
          (lambda (test)
            (mew-submit-view--soon buffer)
            (let ((servers (length (mew-submit-survey-fieldtest--results test)))
                  (trouble (mew-submit-survey-fieldtest-trouble test)))
              (mew-submit-background--tell
               "%s" (if trouble (mew-submit-error--text trouble)
                      (format "The survey is complete: %d server%s" servers
                              (if (= servers 1) "" "s")))))))
    (mew-submit-survey-fieldtest--run mew-submit-survey--test)
    (mew-submit-view--draw)))

;;; Commands

(defun mew-submit-survey--table-here ()
  "Return the table that point is in, or else all of the buffer."
  (save-excursion
    (beginning-of-line)
    (if (not (looking-at-p "[ \t]*|"))
        (buffer-substring-no-properties (point-min) (point-max))
      (while (and (not (bobp)) (looking-at-p "[ \t]*|"))
        (forward-line -1))
      (unless (looking-at-p "[ \t]*|")
        (forward-line 1))
      (let ((start (point)))
        (while (and (not (eobp)) (looking-at-p "[ \t]*|"))
          (forward-line 1))
        (buffer-substring-no-properties start (point))))))

(defun mew-submit-survey--new-file ()
  "Return the name of a new file for a survey."
  (expand-file-name (format-time-string "survey-%Y%m%dT%H%M%S.eld")
                    mew-submit-survey-directory))

(defun mew-submit-survey--test-of (source)
  "Return the test that SOURCE, a buffer or a file, asks for."
  (cond ((bufferp source)
         (with-current-buffer source
           (mew-submit-survey-fieldtest--new
            (mew-submit-survey-fieldtest--parse
             (if (use-region-p)
                 (buffer-substring-no-properties (region-beginning) (region-end))
               (mew-submit-survey--table-here)))
            :file (mew-submit-survey--new-file))))
        ((mew-submit-survey-fieldtest--file-p source)
         (mew-submit-survey-fieldtest--load source))
        (t (mew-submit-survey-fieldtest--new
            (mew-submit-survey-fieldtest--parse
             (with-temp-buffer
               (insert-file-contents source)
               (buffer-string)))
            :file (mew-submit-survey--new-file)))))

(defun mew-submit-survey--read-source ()
  "Ask for a list of servers: this buffer's, or a file."
  (if (or current-prefix-arg
          (not (y-or-n-p (format "Survey the servers listed in this buffer (%s)? "
                                 (buffer-name)))))
      (expand-file-name
       (read-file-name "List of servers, or a survey to resume: " nil nil t))
    (current-buffer)))

;;;###autoload
(defun mew-submit-survey (source)
  "Find out which case each server in SOURCE is, at each port and by each family.
SOURCE is a buffer or a file with a list: a line HOST [USER [PORTS]] for each
server, PORTS as in 587/25, an Org table, or CSV; in a buffer it is the region,
or the table that point is in.  Or it is the file of a survey that was stopped,
in `mew-submit-survey-directory', to be resumed.  `mew-submit-survey-limit'
servers are looked at at once, in the background.  No mail is sent to them, and
no password.  Interactively, with a prefix argument, ask for a file."
  (interactive (list (mew-submit-survey--read-source)))
  (condition-case err
      (let ((test (mew-submit-survey--test-of source)))
        (pop-to-buffer (generate-new-buffer "*mew-submit survey*"))
        (mew-submit-survey-mode)
        (setq mew-submit-survey--test test)
        (mew-submit-survey--run-here))
    (mew-submit-error (user-error "%s" (mew-submit-error--text err)))))

(defun mew-submit-survey--here ()
  "Return the test of the current buffer."
  (or mew-submit-survey--test
      (user-error "There is no survey here; try M-x mew-submit-survey")))

(defun mew-submit-survey-stop ()
  "Stop the survey; it can be resumed."
  (interactive nil mew-submit-survey-mode)
  (if (mew-submit-survey-fieldtest-stopped (mew-submit-survey--here))
      (keyboard-quit)
    (mew-submit-survey-fieldtest--stop mew-submit-survey--test)
    (mew-submit-view--draw)
    (message "Stopped.  What was found is in %s"
             (abbreviate-file-name
              (or (mew-submit-survey-fieldtest-file mew-submit-survey--test) "")))))

(defun mew-submit-survey-go-on ()
  "Have a survey that was stopped go on; begin one that is complete anew."
  (interactive nil mew-submit-survey-mode)
  (let ((test (mew-submit-survey--here)))
    (cond ((not (mew-submit-survey-fieldtest-stopped test))
           (user-error "It is running"))
          ((mew-submit-survey-fieldtest--ended-p test)
           (setq mew-submit-survey--test
                 (mew-submit-survey-fieldtest--new
                  (mew-submit-survey-fieldtest-rows test)
                  :ports (mew-submit-survey-fieldtest-ports test)
                  :family (mew-submit-survey-fieldtest-family test)
                  :timeout (mew-submit-survey-fieldtest-timeout test)
                  :account (mew-submit-survey-fieldtest-account test)
                  :file (mew-submit-survey--new-file)))
           (mew-submit-survey--run-here))
          (t (mew-submit-survey--run-here)))))

(defun mew-submit-survey--copy-printed (function what)
  "Copy what FUNCTION prints of this survey's reports and their tally, as WHAT."
  (let* ((test (mew-submit-survey--here))
         (reports (mew-submit-survey-fieldtest--reports test)))
    (mew-submit-view--copy
     (with-temp-buffer
       (funcall function (lambda (each) (mapc each reports))
                (mew-submit-survey-fieldtest--tally test) #'insert)
       (buffer-string))
     what)))

(defun mew-submit-survey-copy-org ()
  "Copy the survey as Org."
  (interactive nil mew-submit-survey-mode)
  (mew-submit-survey--copy-printed #'mew-submit-survey--org "Org"))

(defun mew-submit-survey-copy-csv ()
  "Copy the survey as CSV."
  (interactive nil mew-submit-survey-mode)
  (mew-submit-survey--copy-printed #'mew-submit-survey--csv "CSV"))

(defun mew-submit-survey-copy-json ()
  "Copy the survey as JSON."
  (interactive nil mew-submit-survey-mode)
  (mew-submit-view--copy (mew-submit-survey--json (mew-submit-survey--here)) "JSON"))

(defun mew-submit-survey-providers ()
  "Show what those who submit mail find at each server of the survey."
  (interactive nil mew-submit-survey-mode)
  (require 'mew-submit-survey-provider)
  (mew-submit-survey-provider--list (mew-submit-survey-fieldtest--results
                                     (mew-submit-survey--here))))

(defun mew-submit-survey-mail ()
  "Compose a mail with the survey, without names and addresses."
  (interactive nil mew-submit-survey-mode)
  (require 'mew-submit-survey-mail)
  (mew-submit-survey-report (mew-submit-survey--here)))

;;; Side by side

(defun mew-submit-survey--beside-text (here there)
  "Return in words where the results HERE and THERE differ."
  (let* ((differences (mew-submit-survey-statistics--differences here there))
         (count (lambda (side)
                  (seq-count (lambda (difference)
                               (eq (plist-get difference :blocked) side))
                             differences))))
    (concat
     (format "Blocked here, working there: %d.  Working here, blocked there: %d.  \
Other differences: %d.\n\n"
             (funcall count 'here) (funcall count 'there) (funcall count nil))
     (if differences
         (mew-submit-table--text (mew-submit-survey-statistics--beside here there))
       "Both networks show the same.\n"))))

(defun mew-submit-survey-beside (file)
  "Lay the survey in FILE, made from another network, beside the one shown."
  (interactive
   (list (read-file-name "The other survey: "
                         (file-name-as-directory mew-submit-survey-directory)
                         nil t))
   mew-submit-survey-mode)
  (condition-case err
      (let ((here (mew-submit-survey-fieldtest--results (mew-submit-survey--here)))
            (there (mew-submit-survey-fieldtest--results
                    (mew-submit-survey-fieldtest--load (expand-file-name file)))))
        (pop-to-buffer
         (mew-submit-view--page
          "*mew-submit surveys*"
          (lambda () (insert (mew-submit-survey--beside-text here there))))))
    (mew-submit-error (user-error "%s" (mew-submit-error--text err)))))

(provide 'mew-submit-survey)
;;; mew-submit-survey.el ends here
