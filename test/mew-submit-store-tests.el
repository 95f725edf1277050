;;; mew-submit-store-tests.el --- Tests of files that remember one Lisp value -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'auth-source)
(require 'cl-lib)
(require 'ert)
(require 'mew-submit-store)
(require 'mew-submit-survey-fieldtest)
(require 'mew-submit-token-source)

(defconst mew-submit-store-tests--value
  (list 0.1 1e100 ?a "line\nend\r\ft\e" "Grüße\u3042" '(quote a) #'car [1 "2"]
        (make-list 30 '(((((((((((("deep"))))))))))))))
  "A value that many settings print in another way.")

(defmacro mew-submit-store-tests--odd (&rest body)
  "Run BODY with settings of a user who wants to see little of a value."
  (declare (indent 0) (debug (body)))
  `(let ((print-length 2) (print-level 2) (print-quoted nil) (print-circle t)
         (print-gensym t) (print-escape-newlines nil) (print-escape-nonascii t)
         (print-escape-multibyte t) (print-escape-control-characters nil)
         (print-integers-as-characters t) (float-output-format "%.1f"))
     ,@body))

(defmacro mew-submit-store-tests--with (directory &rest body)
  "Run BODY with DIRECTORY, a new one."
  (declare (indent 1) (debug (symbolp body)))
  `(let ((,directory (make-temp-file "mew-submit-store-" t)))
     (unwind-protect
         (progn ,@body)
       (delete-directory ,directory t))))

(ert-deftest mew-submit-store-tests-text ()
  "A value is one line, the same one whatever the user has set, and is read as it was."
  (let ((text (mew-submit-store--text mew-submit-store-tests--value)))
    (should (equal text (mew-submit-store-tests--odd
                          (mew-submit-store--text mew-submit-store-tests--value))))
    (should-not (string-match-p "[[:cntrl:]]" text))
    (should (equal (read text) mew-submit-store-tests--value))))

(ert-deftest mew-submit-store-tests-file ()
  "A file holds its value, for the user alone, and nothing else is left beside it."
  (mew-submit-store-tests--with directory
    (let ((file (expand-file-name "new/state" directory)))
      (with-file-modes #o777
        (mew-submit-store-tests--odd
          (mew-submit-store--write file "For people." mew-submit-store-tests--value)
          (mew-submit-store--write file "For people." mew-submit-store-tests--value)))
      (should (equal (mew-submit-store--read file) mew-submit-store-tests--value))
      (should (eql (file-modes file) #o600))
      (should (eql (file-modes (file-name-directory file)) #o700))
      (should (equal (directory-files (file-name-directory file) nil "[^.]") '("state"))))))

(ert-deftest mew-submit-store-tests-names-of-other-locales ()
  "A file is found, too, where names of files are not UTF-8."
  (mew-submit-store-tests--with directory
    (let* ((file-name-coding-system 'latin-1)
           (file (expand-file-name "K\u00e4sten/values.eld" directory)))
      (unwind-protect
          (progn
            (mew-submit-store--write file "A test" '(1))
            (mew-submit-store--write file "A test" '(2))
            (should (equal '(2) (mew-submit-store--read file))))
        (delete-directory (file-name-directory file) t)))))

(ert-deftest mew-submit-store-tests-somebody-elses ()
  "A file that holds something else is not written over, and what is no file not read.
Its name was mistyped.  An empty file, as of mktemp, is one to begin with."
  (mew-submit-store-tests--with directory
    (let ((file (expand-file-name "diary" directory)))
      (dolist (text '("Dear diary" ";;; config.el --- mine\n(setq a 1)\n" "\0\0\0"))
        (write-region text nil file nil 'silent)
        (should-error (mew-submit-store--write file "c" 1) :type 'file-error)
        (should (equal (with-temp-buffer (insert-file-contents file) (buffer-string))
                       text)))
      (dolist (text '("" "\n" "(old)" ";; c\n(torn"))
        (write-region text nil file nil 'silent)
        (mew-submit-store--write file "c" 'new)
        (should (eq (mew-submit-store--read file) 'new)))
      (delete-file file)
      (make-network-process :name "special" :server t :family 'local :service file
                            :noquery t)
      (should-error (mew-submit-store--write file "c" 1) :type 'file-error)
      (should-error (mew-submit-store--read file) :type 'file-error)
      (should (equal (directory-files directory nil "[^.]") '("diary"))))))

(ert-deftest mew-submit-store-tests-whole-or-not-at-all ()
  "What cannot be written leaves what was there; what is there is on disk before it has its name."
  (mew-submit-store-tests--with directory
    (let ((file (expand-file-name "state" directory))
          synced)
      (mew-submit-store--write file "c" 'old)
      (cl-letf (((symbol-function 'rename-file)
                 (lambda (&rest _) (signal 'file-error '("No room")))))
        (should-error (mew-submit-store--write file "c" 'new)))
      (should (eq (mew-submit-store--read file) 'old))
      (should (equal (directory-files directory nil "[^.]") '("state")))
      ;; A batch Emacs does not wait for the disk by itself.
      (let ((write-region-inhibit-fsync t)
            (rename (symbol-function 'rename-file)))
        (cl-letf (((symbol-function 'rename-file)
                   (lambda (&rest arguments)
                     (setq synced (not write-region-inhibit-fsync))
                     (apply rename arguments))))
          (mew-submit-store--write file "c" 'new)))
      (should synced))))

(ert-deftest mew-submit-store-tests-who-prints ()
  "A survey's file and the program of a package are printed whole, whatever the user has set."
  (mew-submit-store-tests--with directory
    (let* ((file (expand-file-name "survey" directory))
           (test (mew-submit-survey-fieldtest--new '((:host "a.example")) :file file))
           (auth-sources '("a" "b" "c" "d"))
           forms)
      (mew-submit-store-tests--odd
        (mew-submit-survey-fieldtest--write test mew-submit-store-tests--value t)
        (should (equal (read (cadr (member "--eval" (mew-submit-token-source--plugin-command))))
                       (mew-submit-token-source--plugin-form))))
      (mew-submit-survey-fieldtest--each-form file (lambda (form) (push form forms)))
      (should (equal forms (list mew-submit-store-tests--value))))))

(provide 'mew-submit-store-tests)
;;; mew-submit-store-tests.el ends here
