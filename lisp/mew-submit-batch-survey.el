;;; mew-submit-batch-survey.el --- The field test from a script -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the command line of mew-submit-batch-survey: one line for each
;; server as it is found, and the tables at the end.

;;; Code:

(require 'mew-submit-account)
(require 'mew-submit-batch-command)
(require 'mew-submit-error)
(require 'mew-submit-module)
(require 'mew-submit-probe)
(require 'mew-submit-survey)
(require 'mew-submit-survey-fieldtest)
(require 'mew-submit-survey-mail)
(require 'mew-submit-survey-provider)
(require 'mew-submit-survey-statistics)
(require 'mew-submit-way)

(declare-function mew-submit--mod-spool "ext:mew-submit-native" (fd file))

(defconst mew-submit-batch-survey--garbage 2097152
  "After how many octets at most garbage is collected.
Other commands wait longer, for the sake of a password; here there is none, and
what a long list leaves behind is not to pile up.")

(defconst mew-submit-batch-survey--options
  `(("--json" :json nil "one JSON object per server, and one for all")
    ("--org" :org nil "Org tables")
    ("--csv" :csv nil "CSV")
    ("--ports" :ports "PORT[:MODE[:SERVICE]],..." "default: 587,25,465")
    ("--jobs" :jobs "NUMBER" "how many servers at once; default: 16")
    ,@(mew-submit-account--options '(:family :timeout :ca-file))
    ("--state" :state "FILE" "keep what was found there, and resume")
    ("--shard" :shard "I/N" "look at part I of N of the list only")
    ("--merge" :merge nil "the FILEs are states: make one result of them")
    ("--everywhere" :everywhere nil "count this machine and private networks, too")
    ("--beside" :beside "FILE" "the state of a survey from another network")
    ("--since" :since "FILE" "the state of an earlier survey: which providers have changed")
    ("--report" :report nil "the anonymised report, as it would be mailed")
    ("--salt" :salt "WORDS" "in it, hash servers' names with WORDS, agreed for one test")
    ("--help" :help nil "this text"))
  "The options: (NAME KEY ARGUMENT WHAT-FOR).")

(defun mew-submit-batch-survey--value (name key value)
  "Return VALUE of option NAME, whose key is KEY, checked and converted."
  (pcase key
    (:family (mew-submit-batch-command--choice name value '(ipv4 ipv6)))
    (:timeout (mew-submit-batch-command--seconds name value))
    (:ports (mew-submit-batch-command--checked #'mew-submit-probe--parse-ports value))
    (:jobs (let ((number (if (string-match-p "\\`[0-9]\\{1,4\\}\\'" value)
                             (string-to-number value)
                           0)))
             (unless (<= 1 number 1000)
               (mew-submit-error--throw 'usage nil "%s is 1 to 1000, not %s" name
                                        value))
             number))
    (:shard (mew-submit-batch-survey--shard name value))
    (:ca-file (mew-submit-way--file value "CA file" t)
              (expand-file-name value))
    (_ value)))

(defun mew-submit-batch-survey--shard (name value)
  "Return VALUE of the option NAME, such as \"2/8\", as (NUMBER . ALL)."
  (let ((shard (and (string-match "\\`\\([0-9]\\{1,4\\}\\)/\\([0-9]\\{1,4\\}\\)\\'" value)
                    (cons (string-to-number (match-string 1 value))
                          (string-to-number (match-string 2 value))))))
    (unless (and shard (<= 1 (car shard) (cdr shard)))
      (mew-submit-error--throw 'usage nil "%s is a part and of how many, such as 2/8, \
not %s" name value))
    shard))

(defun mew-submit-batch-survey--parse (args)
  "Return the options in ARGS as a plist, checked."
  (let ((options (mew-submit-batch-command--parse args mew-submit-batch-survey--options
                                                  #'mew-submit-batch-survey--value)))
    (when (< 1 (seq-count (lambda (key) (plist-get options key))
                          '(:json :org :csv :report)))
      (mew-submit-error--throw
       'usage nil "--json, --org, --csv and --report exclude each other"))
    (when (and (seq-some (lambda (key) (plist-get options key)) '(:beside :since))
               (seq-some (lambda (key) (plist-get options key))
                         '(:json :org :csv :report)))
      (mew-submit-error--throw
       'usage nil "--beside and --since are told in words alone, without --json, --org, \
--csv and --report"))
    (mew-submit-batch-command--check
     options mew-submit-batch-survey--options
     '(((:salt) without (:report))
       ((:ports :jobs :family) with (:merge))))
    (let ((files (length (plist-get options :arguments))))
      (cond ((plist-get options :help))
            ((plist-get options :merge)
             (when (seq-some (lambda (key) (plist-get options key)) '(:state :shard))
               (mew-submit-error--throw
                'usage nil "--merge looks at no server: --state and --shard make no sense"))
             (when (zerop files)
               (mew-submit-error--throw 'usage nil "Name the state files to merge")))
            ((/= 1 files)
             (mew-submit-error--throw 'usage nil "Name one file with a list of servers \
\(- is standard input)"))))
    options))

(defun mew-submit-batch-survey--list (file directory)
  "Return the name of a file with the list FILE; - is put into DIRECTORY."
  (if (equal file "-")
      (let ((list (expand-file-name "list" directory)))
        (mew-submit-module--ensure)
        (mew-submit--mod-spool 0 (mew-submit-module--octets-name list))
        list)
    (let ((file (expand-file-name file)))
      (unless (and (file-readable-p file) (not (file-directory-p file)))
        (mew-submit-error--throw 'config nil "The list cannot be read: %s" file))
      file)))

(defun mew-submit-batch-survey--account (options)
  "Return what OPTIONS say of an account."
  (when-let* ((file (plist-get options :ca-file)))
    (list :ca-file file)))

(defun mew-submit-batch-survey--test (options directory)
  "Return the test that OPTIONS ask for; what it has no file for is in DIRECTORY."
  (let* ((state (or (plist-get options :state) (expand-file-name "state" directory)))
         (test (mew-submit-survey-fieldtest--long
                (mew-submit-batch-survey--list (car (plist-get options :arguments))
                                               directory)
                (expand-file-name state) (plist-get options :shard)
                :ports (plist-get options :ports)
                :family (plist-get options :family)
                :timeout (plist-get options :timeout))))
    (setf (mew-submit-survey-fieldtest-account test)
          (mew-submit-batch-survey--account options))
    test))

(defun mew-submit-batch-survey--print (text)
  "Print TEXT on standard output."
  (mew-submit-batch-command--print (encode-coding-string text 'utf-8-unix)))

(defun mew-submit-batch-survey--line (record)
  "Return RECORD in a line: the server, and its case at each port."
  (format "%s: %s\n" (plist-get record :host)
          (if (plist-get record :error)
              (mew-submit-error--clean (or (plist-get record :text) ""))
            (mapconcat
             (lambda (column)
               (format "%d/%s %s" (car column)
                       (if (equal (cdr column) "ipv6") "v6" "v4")
                       (or (mew-submit-survey-statistics--of record (car column)
                                                             (cdr column))
                           "-")))
             (mew-submit-survey-statistics--columns
              (mew-submit-survey-statistics--ports (list record)))
             "  "))))

(defun mew-submit-batch-survey--on-found (options)
  "Return the function to call with each record, as OPTIONS want it."
  (cond ((plist-get options :json)
         (lambda (record)
           (mew-submit-batch-command--print (mew-submit-survey--json-record record))))
        ((seq-some (lambda (key) (plist-get options key)) '(:org :csv :report))
         #'ignore)
        (t (lambda (record)
             (mew-submit-batch-survey--print
              (mew-submit-batch-survey--line record))))))

(defun mew-submit-batch-survey--each (files function)
  "Call FUNCTION with each report in FILES."
  (dolist (file files)
    (mew-submit-survey-fieldtest--each-report file function)))

(defun mew-submit-batch-survey--each-found (files function)
  "Call FUNCTION with each record in FILES, one for each server and user."
  (let ((tally (mew-submit-survey-statistics--new-tally :everywhere t)))
    (mew-submit-batch-survey--each
     files (lambda (report)
             (when (mew-submit-survey-statistics--add tally report)
               (funcall function report))))))

(defun mew-submit-batch-survey--load (files)
  "Return a test of all that is in FILES."
  (let ((tests (mapcar #'mew-submit-survey-fieldtest--load files)))
    (dolist (test (cdr tests))
      (setf (mew-submit-survey-fieldtest-rows (car tests))
            (append (mew-submit-survey-fieldtest-rows (car tests))
                    (mew-submit-survey-fieldtest-rows test)))
      (maphash (lambda (place record)
                 (puthash place record (mew-submit-survey-fieldtest-found (car tests))))
               (mew-submit-survey-fieldtest-found test)))
    (car tests)))

(defun mew-submit-batch-survey--compare (files file function)
  "Print the value of FUNCTION for the results in FILES and in FILE, if any."
  (when file
    (mew-submit-batch-survey--print
     (concat "\n"
             (funcall function
                      (mew-submit-survey-fieldtest--results
                       (mew-submit-batch-survey--load files))
                      (mew-submit-survey-fieldtest--results
                       (mew-submit-survey-fieldtest--load (expand-file-name file))))))))

(defun mew-submit-batch-survey--conclude (files options)
  "Print what the states FILES amount to, as OPTIONS want it."
  (let ((tally (mew-submit-survey-statistics--new-tally
                :everywhere mew-submit-survey-everywhere))
        (source (apply-partially #'mew-submit-batch-survey--each files)))
    (funcall source (apply-partially #'mew-submit-survey-statistics--add tally))
    (cond
     ((plist-get options :json)
      (mew-submit-batch-command--print (mew-submit-survey--json-total tally)))
     ((plist-get options :org)
      (mew-submit-survey--org source tally #'mew-submit-batch-survey--print))
     ((plist-get options :csv)
      (mew-submit-survey--csv source tally #'mew-submit-batch-survey--print))
     ((plist-get options :report)
      (mew-submit-batch-survey--print
       (mew-submit-survey-mail--text (mew-submit-batch-survey--load files))))
     (t (mew-submit-batch-survey--print
         (concat "\n" (mew-submit-survey--text tally)))
        (mew-submit-batch-survey--compare files (plist-get options :beside)
                                          #'mew-submit-survey--beside-text)
        (mew-submit-batch-survey--compare files (plist-get options :since)
                                          #'mew-submit-survey-provider--changes-text)))))

(defun mew-submit-batch-survey--run-test (options directory)
  "Run the test that OPTIONS ask for, with DIRECTORY for files; return its file."
  (let ((test (mew-submit-batch-survey--test options directory))
        (on-found (mew-submit-batch-survey--on-found options)))
    ;; What was found before it was stopped.
    (when (file-exists-p (mew-submit-survey-fieldtest-file test))
      (mew-submit-batch-survey--each-found
       (list (mew-submit-survey-fieldtest-file test)) on-found))
    (setf (mew-submit-survey-fieldtest-on-found test)
          (lambda (_test record) (funcall on-found record)))
    (mew-submit-survey-fieldtest--run test)
    (mew-submit-survey-fieldtest--wait test)
    (when-let* ((trouble (mew-submit-survey-fieldtest-trouble test)))
      (signal (car trouble) (cdr trouble)))
    (mew-submit-survey-fieldtest-file test)))

(defun mew-submit-batch-survey--survey (options)
  "Do what OPTIONS say, and return the exit status."
  (let ((directory (mew-submit-batch-command--make-directory))
        (mew-submit-survey-limit (or (plist-get options :jobs)
                                     mew-submit-survey-limit))
        (gc-cons-threshold (min gc-cons-threshold mew-submit-batch-survey--garbage))
        (mew-submit-survey-everywhere (or (plist-get options :everywhere)
                                          mew-submit-survey-everywhere))
        (mew-submit-survey-salt (or (plist-get options :salt) mew-submit-survey-salt)))
    (unwind-protect
        (let ((files (mapcar #'expand-file-name (plist-get options :arguments))))
          ;; Better now than when all servers have been looked at.
          (dolist (file (list (plist-get options :beside) (plist-get options :since)))
            (when file
              (mew-submit-survey-fieldtest--load (expand-file-name file))))
          (if (plist-get options :merge)
              (mew-submit-batch-survey--each-found
               files (mew-submit-batch-survey--on-found options))
            (setq files (list (mew-submit-batch-survey--run-test options directory))))
          (mew-submit-batch-survey--conclude files options))
      (delete-directory directory t))
    0))

(defun mew-submit-batch-survey--usage ()
  "Return the text for --help."
  (concat "usage: emacs -Q --batch -l mew-submit.el -f mew-submit-batch-survey \
-- [options] FILE...\n"
          (mew-submit-batch-command--help mew-submit-batch-survey--options)
          "FILE has a line HOST [USER [PORTS]] for each server, or is an Org table \
or CSV.
A list too long for one machine goes in shards, and their states become one result:
  parallel --sshloginfile hosts --transferfile list --return state.{} --cleanup \\
    mew-submit survey --shard {}/8 --state state.{} list ::: 1 2 3 4 5 6 7 8
  mew-submit survey --merge state.*
Exit status: 0 complete, 64 usage, 70 internal, 75 this machine is on no network,
78 a file that cannot be used.\n"))

(defun mew-submit-batch-survey--run (args)
  "Do what ARGS say, and return the exit status."
  (mew-submit-batch-command--do args #'mew-submit-batch-survey--parse
                                #'mew-submit-batch-survey--usage
                                #'mew-submit-batch-survey--survey))

;;;###autoload
(defun mew-submit-batch-survey ()
  "Find out which case each server of a list is, print it, and leave Emacs.
Options and the file of the list are on the command line behind \"--\"; --help
lists them."
  (mew-submit-batch-command--run #'mew-submit-batch-survey--run))

(provide 'mew-submit-batch-survey)
;;; mew-submit-batch-survey.el ends here
