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

(provide 'mew-submit-survey-fieldtest-tests)
;;; mew-submit-survey-fieldtest-tests.el ends here
