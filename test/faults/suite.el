;;; suite.el --- Run all faults, many at once, and print a line for each -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -module-assertions -L . -L lisp -L test -l faults/suite \
;;       -f mew-submit-faults-run [REGEXP]
;;
;; One test server has a listener for each fault; one Emacs runs the jobs.  When all of them have
;; ended and the server has seen each connection end, each fault is judged.  Impatient ones that
;; went wrong because a wait ran out are played again, with more patience.  The environment has
;;   FAULTS_JOBS  how many jobs run at once (default 48)
;;   FAULTS_KEEP  a directory to leave the server's log, script and store in

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)
(require 'mew-submit-faults-judge "faults/judge")
(require 'mew-submit-faults-scenario "faults/scenario")
(require 'mew-submit-faults-secret "faults/secret")
(require 'mew-submit-job)
(require 'mew-submit-test-helpers)

(defconst mew-submit-faults-sections
  '((mew-submit-faults-a "faults/a-to-tls")
    (mew-submit-faults-b "faults/b-before-tls")
    (mew-submit-faults-c "faults/c-tls")
    (mew-submit-faults-d "faults/d-certificate")
    (mew-submit-faults-e "faults/e-auth")
    (mew-submit-faults-f "faults/f-scram")
    (mew-submit-faults-g "faults/g-replies")
    (mew-submit-faults-h "faults/h-order-time-loss")
    (mew-submit-faults-i "faults/i-delivered")
    (mew-submit-faults-j "faults/j-message")
    (mew-submit-faults-k "faults/k-injection")
    (mew-submit-faults-l "faults/l-shown")
    (mew-submit-faults-n "faults/n-ports")
    (mew-submit-faults-steps "faults/steps"))
  "The tables: (VARIABLE FILE), each file providing a feature of the variable's name.")

(defun mew-submit-faults--entries (regexp)
  "Return those entries of all tables whose name REGEXP matches, what is slow first."
  (let ((entries (seq-mapcat (pcase-lambda (`(,variable ,file))
                               (require variable file)
                               (symbol-value variable))
                             mew-submit-faults-sections))
        (case-fold-search nil))
    (when-let* ((twice (seq-difference (mapcar #'car entries)
                                      (seq-uniq (mapcar #'car entries)) #'eq)))
      (error "There are faults of the same name: %s" twice))
    (seq-sort-by (lambda (entry) (if (plist-get (cdr entry) :slow) 0 1)) #'<
                 (seq-filter (lambda (entry) (string-match-p regexp (car entry))) entries))))

;;; Printing

(defvar mew-submit-faults--failed 0
  "How many lines say \"not ok\".")

(defun mew-submit-faults-report (name wrong)
  "Print the line of the test NAME, which failed when WRONG, a string, says why."
  (when wrong
    (cl-incf mew-submit-faults--failed))
  (send-string-to-terminal
   (encode-coding-string
    (if wrong
        (format "not ok - %s: %s\n" name
                (truncate-string-to-width
                 (replace-regexp-in-string "[[:cntrl:]\x2028\x2029]+" " " wrong) 700 nil nil "..."))
      (format "ok - %s\n" name))
    'utf-8)))

;;; Running

(defvar mew-submit-faults--warnings nil
  "What `display-warning' was called with, newest first.")

(defun mew-submit-faults--note-warning (_type message &rest _)
  "Remember the MESSAGE of a warning, instead of showing it."
  (push message mew-submit-faults--warnings))

(defconst mew-submit-faults--patience 900
  "For how many seconds no fault may end before they are given up.")

(defun mew-submit-faults--run-all (faults peer directory)
  "Run FAULTS at PEER, with files in DIRECTORY, and wait for their ends.
Give up when none has ended for a long time.  On a busy machine the slow ones, which
come first, need minutes together: 48 of them, some with a million lines."
  (let ((jobs (string-to-number (or (getenv "FAULTS_JOBS") "48")))
        (deadline (mew-submit-test-deadline mew-submit-faults--patience))
        (left faults)
        (running 0))
    (while (and (or left (> running 0)) (time-less-p nil deadline))
      (while (and left (< running jobs))
        (cl-incf running)
        (mew-submit-faults-start (pop left) peer directory
                                 (lambda ()
                                   (setq deadline (mew-submit-test-deadline
                                                   mew-submit-faults--patience))
                                   (cl-decf running))))
      (accept-process-output nil 0.05))))

(defun mew-submit-faults--settled-log (peer)
  "Return the log of PEER once it has seen the end of each connection, or nothing new comes."
  (let ((deadline (mew-submit-test-deadline))
        log)
    (while (progn
             (setq log (mew-submit-faults-json-lines
                        (mew-submit-test-whole-lines (mew-submit-test--peer-file peer "log"))))
             (cl-flet ((count (name)
                         (seq-count (lambda (event) (equal (plist-get event :event) name)) log)))
               (and (/= (count "connect") (count "close"))
                    (time-less-p nil deadline))))
      (accept-process-output nil 0.2))
    log))

(defun mew-submit-faults--by-fault (log)
  "Return a hash table: the events in LOG by the number of the fault."
  (let ((table (make-hash-table)))
    (dolist (event log table)
      (let ((listener (or (plist-get event :listener) "")))
        (when (string-match "\\`s\\([0-9]+\\)-" listener)
          (push event (gethash (string-to-number (match-string 1 listener)) table)))))))

(defun mew-submit-faults--record (fault table peer)
  "Return the record of FAULT, whose part of PEER's log is in TABLE."
  (mew-submit-faults-record--make
   :fault fault
   :events (reverse (mew-submit-fault-events fault))
   :log (reverse (gethash (mew-submit-fault-number fault) table))
   :store (mew-submit-test--peer-file peer "store")))

;;; What no single fault can show

(defun mew-submit-faults--log-buffer-wrong ()
  "Return what is wrong with the buffer \"*mew-submit log*\", or nil."
  (with-current-buffer "*mew-submit log*"
    (let ((text (buffer-substring-no-properties (point-min) (point-max)))
          (forms (mew-submit-faults-secret-forms mew-submit-faults-password)))
      (cond ((not (string-search "AUTH" text)) "there is no AUTH in it")
            ((mew-submit-faults-secret-in text forms) "the password is in it")
            ((mew-submit-faults-text-wrong
              (truncate-string-to-width
               (replace-regexp-in-string "[^[:cntrl:]]+\\|\n" "" text) 20)))))))

(defun mew-submit-faults--warnings-wrong ()
  "Return what is wrong with the warnings, or nil."
  (and mew-submit-faults--warnings
       (format "%S" (seq-uniq mew-submit-faults--warnings))))

(defun mew-submit-faults--nonces (records)
  "Return the nonces that the clients of RECORDS began a SCRAM exchange with."
  (seq-mapcat
   (lambda (record)
     (delq nil (mapcar (lambda (line)
                         (when (string-match "\\`AUTH SCRAM-[^ ]* \\([^ ]+\\)" line)
                           (let ((message (base64-decode-string (match-string 1 line))))
                             (when (string-match ",r=\\([^,]*\\)" message)
                               (match-string 1 message)))))
                       (mew-submit-faults--lines record))))
   records))

(defun mew-submit-faults--nonces-wrong (records)
  "Return what is wrong with the nonces of RECORDS, or nil."
  (let ((nonces (mew-submit-faults--nonces records)))
    (cond ((/= (length nonces) (length (seq-uniq nonces))) "a nonce was used twice")
          ;; 128 bits are 22 characters of base64.
          ((seq-find (lambda (nonce) (< (length nonce) 22)) nonces)
           (format "a nonce is short: %s" (seq-find (lambda (nonce) (< (length nonce) 22)) nonces))))))

(defun mew-submit-faults--report-together (records)
  "Judge what RECORDS show together."
  (if (null (mew-submit-faults--nonces records))
      (dolist (name '("F5 SCRAM nonces" "O1 the trace"))
        (send-string-to-terminal (format "ok - %s # SKIP none of these faults used SCRAM\n" name)))
    (mew-submit-faults-report "F5 SCRAM nonces are long and never used twice"
                              (mew-submit-faults--nonces-wrong records))
    (mew-submit-faults-report "O1 the trace is clean, and has no password in it"
                              (mew-submit-faults--log-buffer-wrong)))
  (mew-submit-faults-report "all of it without a warning" (mew-submit-faults--warnings-wrong)))

(defun mew-submit-faults--play (faults directory judge)
  "Run FAULTS with a server of their own in DIRECTORY, and call JUDGE with each record.
Return the records."
  (let* ((script (mew-submit-test-write (expand-file-name "script" directory)
                                        (mew-submit-faults-script faults)))
         (peer (mew-submit-test-peer-start
                directory (list "--user" mew-submit-faults-user
                                "--password" mew-submit-faults-password "--script" script))))
    (unwind-protect
        (progn
          (mew-submit-faults--run-all faults peer directory)
          (let* ((table (mew-submit-faults--by-fault (mew-submit-faults--settled-log peer)))
                 (records (mapcar (lambda (fault) (mew-submit-faults--record fault table peer))
                                  faults)))
            (mapc judge records)
            records))
      (mew-submit-test-peer-stop peer))))

(defun mew-submit-faults--play-all (faults directory)
  "Play FAULTS, with files in DIRECTORY, and report each of them."
  (let ((all nil))
    (dolist (factor '(1 4 16))
      (let* ((again nil)
             (directory (file-name-as-directory (format "%s%d" directory factor)))
             (judge (lambda (record)
                      (let* ((fault (mew-submit-faults-record-fault record))
                             (wrong (condition-case err
                                        (mew-submit-faults-judge record)
                                      (error (format "it cannot be judged: %s"
                                                     (error-message-string err))))))
                        (if (and wrong (< factor 16) (mew-submit-faults-hurried-p record))
                            (push fault again)
                          (mew-submit-faults-report (mew-submit-fault-name fault) wrong))))))
        (when faults
          (make-directory directory t)
          (setq all (append (mew-submit-faults--play faults directory judge) all)
                faults (mapcar (lambda (fault) (mew-submit-fault-again fault (* 4 factor)))
                               (nreverse again))
                mew-submit-faults--files nil))
        (when faults
          (message "%d impatient ones again, with times %d as long: %s" (length faults) (* 4 factor)
                   (mapconcat #'mew-submit-fault-name faults "; ")))))
    (mew-submit-faults--report-together all)))

(defun mew-submit-faults-run ()
  "Run the faults whose names the regexp on the command line matches, and leave Emacs."
  (let* ((faults (mew-submit-faults-number
                  (mew-submit-faults--entries (or (pop command-line-args-left) ""))))
         (kept (getenv "FAULTS_KEEP"))
         ;; All is kept until the end, so collecting is in vain, and half of the time.
         (gc-cons-threshold (* 128 1024 1024))
         (mew-submit-log t)
         (mew-submit-log-max 100000000))
    (unless faults
      (mew-submit-faults-report "there are such faults" "no name matches")
      (kill-emacs 1))
    (advice-add 'display-warning :override #'mew-submit-faults--note-warning)
    (send-string-to-terminal (format "1..%d\n" (+ 3 (length faults))))
    (if kept
        (progn (make-directory kept t)
               (mew-submit-faults--play-all faults (file-name-as-directory kept)))
      (mew-submit-test-with-directory directory
        (mew-submit-faults--play-all faults directory)))
    (kill-emacs (if (zerop mew-submit-faults--failed) 0 1))))

(provide 'mew-submit-faults-suite)
;;; suite.el ends here
