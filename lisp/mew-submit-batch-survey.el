;;; mew-submit-batch-survey.el --- The field test from a script -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the command line of mew-submit-batch-survey: one line for each
;; server as it is found, and the tables at the end.

;;; Code:

(require 'mew-submit-batch-command)
(require 'mew-submit-error)
(require 'mew-submit-survey-fieldtest)
(require 'mew-submit-key)
(require 'mew-submit-probe)
(require 'mew-submit-survey-statistics)
(require 'mew-submit-survey)
(require 'mew-submit-survey-mail)
(require 'mew-submit-table)

(defconst mew-submit-batch-survey--options
  `(("--json" :json nil "one JSON object per server, and one for all")
    ("--org" :org nil "Org tables")
    ("--csv" :csv nil "CSV")
    ("--ports" :ports "PORT[:MODE[:SERVICE]],..." "default: 587,25,465")
    ("--jobs" :jobs "NUMBER" "how many servers at once; default: 16")
    ,@(mew-submit-key--options '(:family :timeout :ca-file))
    ("--state" :state "FILE" "keep what was found there, and resume")
    ("--beside" :beside "FILE" "the state of a survey from another network")
    ("--report" :report nil "the anonymised report, as it would be mailed")
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
    (_ value)))

(defun mew-submit-batch-survey--parse (args)
  "Return the options in ARGS as a plist, checked."
  (let ((options (mew-submit-batch-command--parse args mew-submit-batch-survey--options
                                                  #'mew-submit-batch-survey--value)))
    (when (< 1 (seq-count (lambda (key) (plist-get options key))
                          '(:json :org :csv :report)))
      (mew-submit-error--throw
       'usage nil "--json, --org, --csv and --report exclude each other"))
    (unless (or (plist-get options :help)
                (= 1 (length (plist-get options :arguments))))
      (mew-submit-error--throw 'usage nil "Name one file with a list of servers \
\(- is standard input)"))
    options))

(defun mew-submit-batch-survey--list (file)
  "Return the text of the list FILE, or of standard input for -."
  (if (equal file "-")
      (let (lines line)
        (while (setq line (ignore-errors (read-string "")))
          (push line lines))
        (string-join (nreverse lines) "\n"))
    (condition-case err
        (with-temp-buffer
          (let ((coding-system-for-read 'utf-8))
            (insert-file-contents (expand-file-name file)))
          (buffer-string))
      (file-error
       (mew-submit-error--throw 'config nil "The list cannot be read: %s"
                                (error-message-string err))))))

(defun mew-submit-batch-survey--account (options)
  "Return what OPTIONS say of an account."
  (when-let* ((file (plist-get options :ca-file)))
    (list :ca-file (expand-file-name file))))

(defun mew-submit-batch-survey--test (options)
  "Return the test that OPTIONS ask for: a new one, or the one to resume."
  (let* ((state (plist-get options :state))
         (file (and state (expand-file-name state)))
         (test (if (and file (file-exists-p file))
                   (mew-submit-survey-fieldtest--load file)
                 (mew-submit-survey-fieldtest--new
                  (mew-submit-survey-fieldtest--parse
                   (mew-submit-batch-survey--list
                    (car (plist-get options :arguments))))
                  :ports (plist-get options :ports)
                  :family (plist-get options :family)
                  :timeout (plist-get options :timeout)
                  :file file))))
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
             (mew-submit-survey-statistics--columns (list record)) "  "))))

(defun mew-submit-batch-survey--on-found (options)
  "Return the function to call with each record, as OPTIONS want it."
  (cond ((plist-get options :json)
         (lambda (_test record)
           (mew-submit-batch-command--print (mew-submit-survey--json-record record))))
        ((not (seq-some (lambda (key) (plist-get options key))
                        '(:org :csv :report)))
         (lambda (_test record)
           (mew-submit-batch-survey--print
            (mew-submit-batch-survey--line record))))))

(defun mew-submit-batch-survey--beside (test options)
  "Print TEST beside the survey that OPTIONS name."
  (when-let* ((file (plist-get options :beside)))
    (mew-submit-batch-survey--print
     (concat "\n"
             (mew-submit-survey--beside-text
              (mew-submit-survey-fieldtest--results test)
              (mew-submit-survey-fieldtest--results
               (mew-submit-survey-fieldtest--load (expand-file-name file))))))))

(defun mew-submit-batch-survey--conclude (test options)
  "Print what TEST amounts to, as OPTIONS want it."
  (let ((results (mew-submit-survey-fieldtest--results test)))
    (cond
     ((plist-get options :json)
      (mew-submit-batch-command--print (mew-submit-survey--json-total test)))
     ((plist-get options :org)
      (mew-submit-batch-survey--print (mew-submit-survey--org results)))
     ((plist-get options :csv)
      (mew-submit-batch-survey--print (mew-submit-survey--csv results)))
     ((plist-get options :report)
      (mew-submit-batch-survey--print (mew-submit-survey-mail--text test)))
     (t (mew-submit-batch-survey--print
         (concat "\n" (mew-submit-survey--numbers test) "\n\n"
                 (mapconcat #'mew-submit-table--text
                            (mew-submit-survey--tables results) "\n")
                 (let ((failures (mew-submit-survey--failures results)))
                   (if (string-empty-p failures) ""
                     (concat "\nNot looked at:\n" failures)))))
        (mew-submit-batch-survey--beside test options)))))

(defun mew-submit-batch-survey--survey (options)
  "Do what OPTIONS say, and return the exit status."
  (let ((test (mew-submit-batch-survey--test options))
        (mew-submit-survey-limit (or (plist-get options :jobs)
                                     mew-submit-survey-limit)))
    (setf (mew-submit-survey-fieldtest-on-found test)
          (mew-submit-batch-survey--on-found options))
    (when (mew-submit-survey-fieldtest-on-found test)
      ;; What was found before it was stopped.
      (maphash (lambda (_place record)
                 (funcall (mew-submit-survey-fieldtest-on-found test) test record))
               (mew-submit-survey-fieldtest-found test)))
    (mew-submit-survey-fieldtest--run test)
    (mew-submit-survey-fieldtest--wait test)
    (mew-submit-batch-survey--conclude test options)
    0))

(defun mew-submit-batch-survey--usage ()
  "Return the text for --help."
  (concat "usage: emacs -Q --batch -l mew-submit.el -f mew-submit-batch-survey \
-- [options] FILE\n"
          (mew-submit-batch-command--help mew-submit-batch-survey--options)
          "FILE has a line HOST [USER [PORTS]] for each server, or is an Org table \
or CSV.\nExit status: 0 complete, 64 usage, 70 internal, 78 a file that cannot be \
used.\n"))

(defun mew-submit-batch-survey--run (args)
  "Do what ARGS say, and return the exit status."
  (condition-case err
      (let ((options (mew-submit-batch-survey--parse args)))
        (if (plist-get options :help)
            (progn (mew-submit-batch-command--print-usage
                    (mew-submit-batch-survey--usage))
                   0)
          (mew-submit-batch-survey--survey options)))
    ((error quit)
     (mew-submit-batch-command--tell (mew-submit-error--text err))
     (mew-submit-error--status (mew-submit-error--kind err)))))

;;;###autoload
(defun mew-submit-batch-survey ()
  "Find out which case each server of a list is, print it, and leave Emacs.
Options and the file of the list are on the command line behind \"--\"; --help
lists them."
  (mew-submit-batch-command--run #'mew-submit-batch-survey--run))

(provide 'mew-submit-batch-survey)
;;; mew-submit-batch-survey.el ends here
