;;; ert.el --- Run one file of ERT tests and print TAP-like lines -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -module-assertions -L . -L lisp -L test \
;;       -l test/tool/ert.el -f mew-submit-ert-run FILE [SELECTOR]
;;
;; Standard output gets a plan and one line for each test, at once, so that
;; nothing is lost when the module kills Emacs; what the tests print goes to
;; standard error, and so does the whole story of each failure.  Before each
;; test its name is written to the file that the environment variable
;; RUNNING_FILE names, so that test/tool/check can say in which test Emacs died.

;;; Code:

(require 'ert)
(require 'backtrace)
(require 'cl-lib)
(require 'pp)
(require 'subr-x)

(setq load-prefer-newer t)

(defconst mew-submit-ert-reason-length 300
  "How many characters of a reason go into a test's line.")

(defun mew-submit-ert--line (format &rest args)
  "Print ARGS through FORMAT as one line on standard output, and flush it."
  (send-string-to-terminal
   (encode-coding-string (concat (apply #'format format args) "\n") 'utf-8)))

(defun mew-submit-ert--words (object)
  "Return OBJECT printed on one line, shortened."
  (let* ((print-length 12)
         (print-level 6)
         (print-escape-newlines t)
         (text (if (stringp object) object (prin1-to-string object))))
    (truncate-string-to-width
     (string-trim (replace-regexp-in-string "[[:space:][:cntrl:]]+" " " text))
     mew-submit-ert-reason-length nil nil "...")))

(defun mew-submit-ert--skip-reason (condition)
  "Return why a test was skipped, from CONDITION."
  (pcase (cdr condition)
    (`(((skip-unless ,form) . ,_)) (concat "needs " (mew-submit-ert--words form)))
    (`(,(and reason (pred stringp))) (mew-submit-ert--words reason))
    (_ "no reason given")))

(defun mew-submit-ert--failure-reason (result)
  "Return in one line what went wrong in RESULT."
  (let ((condition (and (ert-test-result-with-condition-p result)
                        (ert-test-result-with-condition-condition result)))
        (infos (and (ert-test-result-with-condition-p result)
                    (ert-test-result-with-condition-infos result))))
    (mew-submit-ert--words
     (concat
      (mapconcat (lambda (info) (concat (car info) (cdr info) "; ")) (reverse infos) "")
      (pcase condition
        ('nil (if (ert-test-passed-p result) "passed, but was expected to fail" "aborted"))
        (`(ert-test-failed ,(and text (pred stringp))) text)
        (`(ert-test-failed ((,should ,form) . ,plist))
         (format "(%s %s)%s" should (mew-submit-ert--words form)
                 (cond ((plist-member plist :fail-reason)
                        (format " %s" (plist-get plist :fail-reason)))
                       ((plist-member plist :explanation)
                        (format " %S" (plist-get plist :explanation)))
                       ((plist-member plist :condition)
                        (format " signalled %S" (plist-get plist :condition)))
                       ((plist-get plist :form)
                        (format " is %S, from %S"
                                (plist-get plist :value) (plist-get plist :form)))
                       (t ""))))
        (`(quit . ,_) "quit")
        (_ (format "%S" condition)))))))

(defun mew-submit-ert--backtrace (result)
  "Return the function calls that led to RESULT, without ERT's own."
  (let ((frames (ert-test-result-with-condition-backtrace result)))
    (mapconcat
     (lambda (line) (truncate-string-to-width line 500 nil nil "..."))
     (split-string
      (backtrace-to-string
       (cl-remove-if-not #'backtrace-frame-evald
                         (cl-subseq frames 0 (cl-position 'ert--run-test-internal frames
                                                          :key #'backtrace-frame-fun))))
      "\n" t)
     "\n")))

(defun mew-submit-ert--tell-failure (test result)
  "Print all that is known of TEST's failing RESULT on standard error."
  (let ((print-escape-newlines t)
        (print-length 50)
        (print-level 10))
    (message "---- %s" (ert-test-name test))
    (when (ert-test-result-with-condition-p result)
      (dolist (info (reverse (ert-test-result-with-condition-infos result)))
        (message "%s%s" (car info) (cdr info)))
      (message "%s" (mew-submit-ert--backtrace result))
      (message "%s" (pp-to-string (ert-test-result-with-condition-condition result))))
    (message "---- end of %s" (ert-test-name test))))

(defun mew-submit-ert--tell (test result)
  "Print the line of TEST, which ended with RESULT."
  (let ((name (ert-test-name test)))
    (cond
     ((ert-test-skipped-p result)
      (mew-submit-ert--line "ok - %s # SKIP %s" name
                            (mew-submit-ert--skip-reason
                             (ert-test-result-with-condition-condition result))))
     ((ert-test-result-expected-p test result)
      (mew-submit-ert--line "ok - %s" name))
     (t
      (mew-submit-ert--tell-failure test result)
      (mew-submit-ert--line "not ok - %s: %s" name (mew-submit-ert--failure-reason result))))))

(defun mew-submit-ert--listen (event &rest args)
  "Report what ERT says with EVENT and ARGS."
  (pcase event
    ('run-started
     (mew-submit-ert--line "1..%d" (ert-stats-total (car args))))
    ('test-started
     (when-let* ((file (getenv "RUNNING_FILE")))
       (write-region (symbol-name (ert-test-name (cadr args))) nil file nil 'silent)))
    ('test-ended
     (mew-submit-ert--tell (nth 1 args) (nth 2 args)))
    ('run-ended
     (when-let* ((file (getenv "RUNNING_FILE")))
       (write-region "the exit of Emacs" nil file nil 'silent)))))

(defun mew-submit-ert-run ()
  "Run the tests of the file named on the command line, and leave Emacs.
A second argument is an ERT selector.  The exit status is 1 when a test failed
or the file does not load."
  (let ((file (pop command-line-args-left))
        (selector (if command-line-args-left (read (pop command-line-args-left)) t))
        (ert-quiet t)
        (standard-output #'external-debugging-output)
        (attempt-stack-overflow-recovery nil)
        (attempt-orderly-shutdown-on-fatal-signal nil))
    ;; "~/mew-submit/" is another directory to a process with another HOME.
    (setq default-directory (expand-file-name default-directory))
    (condition-case err
        (load (expand-file-name file) nil t t)
      (error
       (mew-submit-ert--line "not ok - %s loads: %s" (file-name-base file)
                             (mew-submit-ert--words (error-message-string err)))
       (kill-emacs 1)))
    (let ((stats (ert-run-tests selector #'mew-submit-ert--listen)))
      (kill-emacs (if (zerop (ert-stats-completed-unexpected stats)) 0 1)))))

(provide 'mew-submit-ert)
;;; ert.el ends here
