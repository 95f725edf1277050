;;; mew-submit-survey-fieldtest-tests.el --- Many servers, a few at a time -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; How a field test begins places.  What it finds there is the suite survey's.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-survey-fieldtest)
(require 'mew-submit-test-helpers)

(ert-deftest mew-submit-survey-fieldtest-tests-slices ()
  "Between slices Emacs does something else, however many places end meanwhile."
  (let ((test (mew-submit-survey-fieldtest--new
               (mapcar (lambda (i) (list :host (format "h%d.example" i)))
                       (number-sequence 1 9))
               :ports "587"))
        (mew-submit-survey-fieldtest--slice 0.001)
        (begun 0))
    (cl-letf (((symbol-function 'mew-submit-survey-fieldtest--start)
               (lambda (test place)
                 (cl-incf begun)
                 (push (cons place begun) (mew-submit-survey-fieldtest-running test))
                 (let ((end (+ (float-time) 0.002)))
                   (while (< (float-time) end)))))
              ((symbol-function 'mew-submit-survey-fieldtest--record)
               (lambda (place _diagnosis) (list :host (car place) :ports (cdr place)))))
      (mew-submit-survey-fieldtest--run test)
      (should (= begun 1))
      (mew-submit-survey-fieldtest--ended
       test (caar (mew-submit-survey-fieldtest-running test)) (list :session 1))
      (should (= 1 (hash-table-count (mew-submit-survey-fieldtest-found test))))
      (should (= begun 1))
      (mew-submit-test-until ("all are begun") (= begun 9))
      (should-not (mew-submit-survey-fieldtest-stopped test))
      (dolist (entry (copy-sequence (mew-submit-survey-fieldtest-running test)))
        (mew-submit-survey-fieldtest--ended test (car entry) (list :session (cdr entry))))
      (should (mew-submit-survey-fieldtest-stopped test)))))

(ert-deftest mew-submit-survey-fieldtest-tests-odd-lists ()
  "What spreadsheets put into a list besides servers is no server."
  (pcase-dolist (`(,text . ,hosts)
                 '(("\ufeffa.example\r\nb.example\r\n" "a.example" "b.example")
                   ("host;user;ports\n;;\na.example;u;25\n ; ;\n" "a.example")
                   ("a.example,u,25\n,,\n" "a.example")
                   ("| host |\n|---|\n| | |\n| a.example |\n" "a.example")))
    (should (equal (mapcar (lambda (row) (plist-get row :host))
                           (mew-submit-survey-fieldtest--parse text))
                   hosts))))

(ert-deftest mew-submit-survey-fieldtest-tests-quotes-of-csv ()
  "A cell in quotes is one, whatever it has in it."
  (pcase-dolist (`(,text . ,row)
                 '(("host,user,ports\na.example,u,\"587,25\"\n" "a.example" "u" "587,25")
                   ("host;user;group\n\"a.example\";\"Doe; J.\" ; \n" "a.example" "Doe; J." nil)
                   ("user\thost\n\"a \"\"b\"\", c\"\ta.example\n" "a.example" "a \"b\", c" nil)
                   ("user,host\n\"\",\"a.example\"\n" "a.example" nil nil)
                   ("host,user\na.example,\"x\n" "a.example" "x" nil)
                   ("host,user\na.example,\" \n" "a.example" nil nil)
                   ("host,user,ports\na.example,5\" x,25\n" "a.example" "5\" x" "25")))
    (pcase-let ((`(,found) (mew-submit-survey-fieldtest--parse text)))
      (should (equal (list (plist-get found :host) (plist-get found :user)
                           (plist-get found :ports))
                     row)))))

(defconst mew-submit-survey-fieldtest-tests--start
  (symbol-function 'mew-submit-survey-fieldtest--start)
  "How a place is begun where nothing stands in for it.")

(defmacro mew-submit-survey-fieldtest-tests--with-file (rows &rest body)
  "Run BODY with a `test' of ROWS in a new `file'; its places end when BODY says so."
  (declare (indent 1))
  `(let* ((file (make-temp-name (expand-file-name "survey" temporary-file-directory)))
          (test (mew-submit-survey-fieldtest--new ,rows :ports "587" :file file)))
     (unwind-protect
         (cl-letf (((symbol-function 'mew-submit-survey-fieldtest--start)
                    (lambda (test place)
                      (push (cons place (car place))
                            (mew-submit-survey-fieldtest-running test))))
                   ((symbol-function 'mew-submit-survey-fieldtest--record)
                    (lambda (place _diagnosis) (list :host (car place) :ports (cdr place))))
                   ((symbol-function 'mew-submit-job--cancel) #'ignore))
           ,@body)
       (delete-file file))))

(defun mew-submit-survey-fieldtest-tests--end (test &rest diagnosis)
  "Have one of the places of TEST end with DIAGNOSIS."
  (pcase-let ((`(,place . ,session) (car (mew-submit-survey-fieldtest-running test))))
    (mew-submit-survey-fieldtest--ended test place (cl-list* :session session diagnosis))))

(ert-deftest mew-submit-survey-fieldtest-tests-full ()
  "Where nothing more can be written the survey stops, says why, and can go on."
  (mew-submit-survey-fieldtest-tests--with-file '((:host "a.example") (:host "b.example"))
    (let ((write (symbol-function 'write-region))
          (ends 0))
      (setf (mew-submit-survey-fieldtest-on-end test) (lambda (_) (cl-incf ends)))
      (mew-submit-survey-fieldtest--run test)
      (cl-letf (((symbol-function 'write-region)
                 (lambda (&rest _) (signal 'file-error '("Writing" "no space")))))
        (mew-submit-survey-fieldtest-tests--end test))
      (should (mew-submit-survey-fieldtest-stopped test))
      (should (string-search "cannot be written"
                             (mew-submit-error--text
                              (mew-submit-survey-fieldtest-trouble test))))
      (should (= ends 1))
      (should-not (mew-submit-survey-fieldtest-running test))
      (should (= 2 (length (mew-submit-survey-fieldtest-pending test))))
      (should (eq write (symbol-function 'write-region)))
      (mew-submit-survey-fieldtest--run test)
      (should-not (mew-submit-survey-fieldtest-trouble test))
      (mew-submit-survey-fieldtest-tests--end test)
      (mew-submit-survey-fieldtest-tests--end test)
      (should (mew-submit-survey-fieldtest--ended-p test))
      (should (= 2 (hash-table-count (mew-submit-survey-fieldtest-found
                                      (mew-submit-survey-fieldtest--load file))))))))

(ert-deftest mew-submit-survey-fieldtest-tests-off-line ()
  "A machine that is on no network says nothing of servers: the survey waits."
  (pcase-dolist
      (`(,up ,pending ,attempts ,lookups)
       '((nil t (:case "local" :errno "ENETUNREACH") nil)
         (nil t nil (:family "ipv4" :why "resolver"))
         (nil t nil (:family "ipv4" :why "late"))
         ;; What is said of the server all the same.
         (t nil (:case "local" :errno "ENETUNREACH") nil)
         (t nil nil (:family "ipv4" :why "resolver"))
         (nil nil (:case 2 :errno "ECONNREFUSED") nil)
         (nil nil (:case "local" :errno "EPERM") nil)
         (nil nil nil (:family "ipv4" :why "none"))))
    (mew-submit-survey-fieldtest-tests--with-file '((:host "a.example"))
      (cl-letf (((symbol-function 'mew-submit-network--list)
                 (lambda () (list '(:up nil) (list :up up)))))
        (mew-submit-survey-fieldtest--run test)
        (mew-submit-survey-fieldtest-tests--end
         test :attempts (and attempts (list attempts)) :lookups (and lookups (list lookups)))
        (should (mew-submit-survey-fieldtest-stopped test))
        (should-not (mew-submit-survey-fieldtest-running test))
        (should (eq pending (and (mew-submit-survey-fieldtest-pending test) t)))
        (should (eq pending (equal "The survey has stopped.  This machine is on no network"
                                   (mew-submit-error--text
                                    (mew-submit-survey-fieldtest-trouble test)))))))))

(ert-deftest mew-submit-survey-fieldtest-tests-odd-row-full ()
  "A server that cannot be looked at is not forgotten where that cannot be written."
  (mew-submit-survey-fieldtest-tests--with-file '((:host "a.example"))
    (cl-letf (((symbol-function 'mew-submit-survey-fieldtest--start)
               mew-submit-survey-fieldtest-tests--start)
              ((symbol-function 'mew-submit-probe--start)
               (lambda (&rest _) (mew-submit-error--throw 'config nil "No"))))
      (mew-submit-survey-fieldtest--begin-file test)
      (cl-letf (((symbol-function 'mew-submit-survey-fieldtest--write)
                 (lambda (&rest _) (signal 'file-error '("Writing" "no space")))))
        (mew-submit-survey-fieldtest--run test))
      (should (mew-submit-survey-fieldtest-stopped test))
      (should (mew-submit-survey-fieldtest-pending test))
      (mew-submit-survey-fieldtest--run test)
      (should (mew-submit-survey-fieldtest--ended-p test)))))

(ert-deftest mew-submit-survey-fieldtest-tests-batch-other-surveys ()
  "A survey to compare with is read before any server is looked at.
What has no place for the comparison does not take it."
  (mew-submit-test-with-directory directory
    (let ((list (mew-submit-test-write (expand-file-name "list" directory) "127.0.0.1 u 1\n")))
      (pcase-dolist (`(,status . ,options) '((78 "--since" "/dev/null/x")
                                             (78 "--beside" "/dev/null/x")
                                             (64 "--json" "--since" "/dev/null/x")
                                             (64 "--csv" "--beside" "/dev/null/x")))
        (let ((result (mew-submit-test-emacs
                       `("-l" ,(expand-file-name "mew-submit.el" mew-submit-test-root)
                         "-f" "mew-submit-batch-survey" "--" ,@options ,list))))
          (should (eql (plist-get result :status) status))
          (should (equal (plist-get result :stdout) "")))))))

(ert-deftest mew-submit-survey-fieldtest-tests-cut-off ()
  "What was cut off in the file takes nothing with it that is written later."
  (mew-submit-survey-fieldtest-tests--with-file '((:host "a.example") (:host "b.example"))
    (mew-submit-survey-fieldtest--run test)
    (mew-submit-survey-fieldtest--stop test)
    (write-region "(:host \"a.exam" nil file t 'silent)
    (let ((again (mew-submit-survey-fieldtest--load file)))
      (mew-submit-survey-fieldtest--run again)
      (mew-submit-survey-fieldtest-tests--end again)
      (mew-submit-survey-fieldtest-tests--end again)
      (should (= 2 (hash-table-count (mew-submit-survey-fieldtest-found
                                      (mew-submit-survey-fieldtest--load file))))))))

(provide 'mew-submit-survey-fieldtest-tests)
;;; mew-submit-survey-fieldtest-tests.el ends here
