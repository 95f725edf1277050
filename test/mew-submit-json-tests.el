;;; mew-submit-json-tests.el --- Tests for what programs are told -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The table of events is held against the sources of the module: an event or a field
;; that is added there and forgotten here fails a test, instead of being printed empty.

;;; Code:

(require 'cl-lib)
(require 'json)
(require 'mew-submit-json)
(require 'mew-submit-test-helpers)
(require 'seq)

(defun mew-submit-json-tests--types ()
  "Return the types of events that the module has, as symbols."
  (with-temp-buffer
    (insert-file-contents (expand-file-name "module/event.h" mew-submit-test-root))
    (let (types)
      (while (re-search-forward "EVENT ([A-Z]+, \"\\([a-z]+\\)\")" nil t)
        (push (intern (match-string 1)) types))
      types)))

(defun mew-submit-json-tests--fields ()
  "Return ((FUNCTION TYPES . FIELDS)...) of the module's sources.
FIELDS are what a function puts into events, TYPES those that it names."
  (let (found)
    (dolist (file (directory-files (expand-file-name "module" mew-submit-test-root)
                                   t "\\.c\\'"))
      (dolist (function (split-string (mew-submit-test-octets file) "^}\n"))
        (let ((start 0) (case-fold-search nil) types fields)
          (while (string-match "MSUB_EVENT_\\([A-Z]+\\)" function start)
            (cl-pushnew (intern (downcase (match-string 1 function))) types)
            (setq start (match-end 0)))
          (setq start 0)
          (while (string-match "msub_event_\\(?:integer\\|real\\|truth\\|text\\|list\\) \
([^,()]+, \"\\([a-z-]+\\)\"" function start)
            (cl-pushnew (intern (concat ":" (match-string 1 function))) fields)
            (setq start (match-end 0)))
          (when fields
            (push (cons file (cons types fields)) found)))))
    found))

(ert-deftest mew-submit-json-tests-every-event-has-a-shape ()
  "What the module tells is in the table, or among what is only for a diagnosis."
  (should (> (length (mew-submit-json-tests--types)) 10))
  (dolist (type (mew-submit-json-tests--types))
    (ert-info ((symbol-name type))
      (should (xor (assq type mew-submit-json--shapes)
                   (memq type mew-submit-json--for-diagnosis))))))

(ert-deftest mew-submit-json-tests-what-it-may-be-about-is-in-the-manual ()
  "Each value of `about' that the module has is in the manual, and in the module's own list."
  (let ((manual (mew-submit-test-octets (expand-file-name "doc/mew-submit.org" mew-submit-test-root)))
        (head (mew-submit-test-octets (expand-file-name "module/error.h" mew-submit-test-root)))
        found)
    (dolist (file (directory-files (expand-file-name "module" mew-submit-test-root) t "\\.c\\'"))
      (with-temp-buffer
        (insert-file-contents file)
        (while (re-search-forward "\\<about = [^;]*;" nil t)
          (let ((assigned (match-string 0)) (start 0))
            (while (string-match "\"\\([a-z-]+\\)\"" assigned start)
              (cl-pushnew (match-string 1 assigned) found :test #'equal)
              (setq start (match-end 0)))))))
    (should (> (length found) 10))
    (dolist (value found)
      (ert-info (value)
        (should (string-search (format "=\"%s\"=" value) manual))
        (should (string-search (format "\"%s\"" value) head))))))

(ert-deftest mew-submit-json-tests-every-field-is-said-or-left-out ()
  "A field of an event is in its shape, or in the list of what JSON leaves out."
  (let* ((known (append mew-submit-json--shapes mew-submit-json--left-out))
         (all (seq-uniq (seq-mapcat #'cdr known)))
         (count 0))
    (pcase-dolist (`(,file ,types . ,fields) (mew-submit-json-tests--fields))
      (unless (seq-intersection types mew-submit-json--for-diagnosis)
        (dolist (field fields)
          (ert-info ((format "%s %s %s" (file-name-nondirectory file) types field))
            (cl-incf count)
            (should (or (memq field mew-submit-json--rare)
                        (memq field
                              ;; A helper that several events share names no type.
                              (if types
                                  (seq-mapcat #'cdr (seq-filter (lambda (shape)
                                                                  (memq (car shape) types))
                                                                known))
                                all))))))))
    (should (> count 40))
    ;; And the list has nothing that is not there any more.
    (let ((there (seq-mapcat #'cddr (mew-submit-json-tests--fields))))
      (dolist (field (seq-mapcat #'cdr mew-submit-json--left-out))
        (ert-info ((symbol-name field))
          (should (memq field there)))))))

(ert-deftest mew-submit-json-tests-false-is-false-everywhere ()
  "`:false' is false whatever a key is for, and t is true."
  (dolist (key (cons :other mew-submit-json--truths))
    (ert-info ((symbol-name key))
      (should (equal (cdr (car (mew-submit-json--object (list key :false)))) :false))
      (should (equal (cdr (car (mew-submit-json--object (list key t)))) t)))))

(ert-deftest mew-submit-json-tests-an-unknown-event-is-not-empty ()
  "Of an event that the table does not have, all is told."
  (let ((object (json-parse-string
                 (decode-coding-string
                  (mew-submit-json--event '(:event news :code 250 :text "x")) 'utf-8))))
    (should (equal (gethash "event" object) "news"))
    (should (equal (gethash "code" object) 250))
    (should (equal (gethash "text" object) "x"))))

(ert-deftest mew-submit-json-tests-nothing-for-the-terminal ()
  "Control and format characters are escaped, and what is no UTF-8 is none (SECURITY: L1, L2)."
  (let* ((text (concat "a\e[31m\177\u009b\u202e\u200b\u2028\U000e0041\ufeff\u00fc\u65e5\U0001f600"))
         (line (mew-submit-json--line (list :subject (concat text (unibyte-string 255))))))
    (should-not (string-match-p "[\0-\11\13-\37\177]" line))
    (should (equal (decode-coding-string line 'utf-8)
                   "{\"subject\":\"a\\u001b[31m\\u007f\\u009b\\u202e\\u200b\\u2028\
\\udb40\\udc41\\ufeff\u00fc\u65e5\U0001f600\ufffd\"}\n"))
    (should (equal (gethash "subject" (json-parse-string line)) (concat text "\ufffd")))))

(provide 'mew-submit-json-tests)
;;; mew-submit-json-tests.el ends here
