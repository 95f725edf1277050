;;; mew-submit-lock-tests.el --- Tests for the module's locks -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-module)
(require 'mew-submit-test-helpers)

(declare-function mew-submit--mod-lock "ext:mew-submit-native" (file))
(declare-function mew-submit--mod-unlock "ext:mew-submit-native" (handle))

(defmacro mew-submit-lock-tests--with-file (file &rest body)
  "Run BODY with FILE bound to the name of a file, and the module loaded."
  (declare (indent 1) (debug (symbolp body)))
  `(mew-submit-test-with-directory directory
     (mew-submit-module--ensure)
     (let ((,file (mew-submit-test-write (expand-file-name "f" directory) "x")))
       ,@body)))

(defun mew-submit-lock-tests--elsewhere (file)
  "Return what another Emacs gets when it asks for a lock on FILE, as text."
  (plist-get (mew-submit-test-emacs
              (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                    "--eval" (format "(progn (mew-submit-module--ensure) \
(princ (mew-submit--mod-lock %S)))" file)))
             :stdout))

(ert-deftest mew-submit-lock-tests-one-holder ()
  "A file has one holder, in this Emacs or another, until that gives it up."
  :tags '(:module)
  (mew-submit-lock-tests--with-file file
    (let ((handle (mew-submit--mod-lock file)))
      (should (natnump handle))
      (should-not (mew-submit--mod-lock file))
      (should (equal (mew-submit-lock-tests--elsewhere file) "nil"))
      (should (mew-submit--mod-unlock handle))
      (should-not (mew-submit--mod-unlock handle))
      (should (string-match-p "\\`[0-9]+\\'" (mew-submit-lock-tests--elsewhere file)))
      (let ((again (mew-submit--mod-lock file)))
        (should (/= again handle))
        (should-not (mew-submit--mod-unlock handle))
        (should (mew-submit--mod-unlock again))))))

(ert-deftest mew-submit-lock-tests-death-gives-up ()
  "A lock goes with the Emacs that held it, however that ends."
  :tags '(:module)
  (mew-submit-lock-tests--with-file file
    (let ((ready (concat file ".ready")))
      (mew-submit-test-emacs
       (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
             "--eval" (format "(progn (mew-submit-module--ensure) \
(mew-submit--mod-lock %S) (write-region \"\" nil %S) (sleep-for 600))" file ready))
       :signal (lambda (process)
                 (when (file-exists-p ready)
                   (delete-file ready)
                   (should-not (mew-submit--mod-lock file))
                   (signal-process process 'SIGKILL))))
      (let ((handle (mew-submit--mod-lock file)))
        (should handle)
        (mew-submit--mod-unlock handle)))))

(ert-deftest mew-submit-lock-tests-children-do-not-hold-it ()
  "A program that Emacs has started does not keep the lock."
  :tags '(:module)
  (mew-submit-lock-tests--with-file file
    (let* ((handle (mew-submit--mod-lock file))
           (child (start-process "sleep" nil "sleep" "600")))
      (unwind-protect
          (progn
            (should (mew-submit--mod-unlock handle))
            (should (mew-submit--mod-unlock (mew-submit--mod-lock file))))
        (delete-process child)))))

(ert-deftest mew-submit-lock-tests-what-cannot-be-locked ()
  "A file that is no more, and a name that has become another's, are not locked."
  :tags '(:module)
  (mew-submit-lock-tests--with-file file
    (let ((handle (mew-submit--mod-lock file)))
      (delete-file file)
      (should-not (mew-submit--mod-lock file))
      (mew-submit-test-write file "another")
      (let ((other (mew-submit--mod-lock file)))
        (should other)
        (should (mew-submit--mod-unlock other)))
      (should (mew-submit--mod-unlock handle)))
    (make-symbolic-link file (concat file ".link"))
    (should-error (mew-submit--mod-lock (concat file ".link"))
                  :type 'mew-submit-internal)
    (should-not (mew-submit--mod-unlock 0))
    (should-error (mew-submit--mod-unlock "x") :type 'wrong-type-argument)))

(ert-deftest mew-submit-lock-tests-replaced-meanwhile ()
  "A file that is replaced between its opening and its locking is not locked.
Whoever has the name now would be locked by another, or by nobody."
  :tags '(:module)
  (skip-unless (mew-submit-test-preload-p))
  (mew-submit-lock-tests--with-file file
    (mew-submit-test-write (concat file ".new") "another")
    (mew-submit-test-with-preload ((concat "PRELOAD_REPLACE=" file))
      (should (equal (mew-submit-lock-tests--elsewhere file) "nil")))
    (should (equal (mew-submit-test-octets file) "another"))))

(ert-deftest mew-submit-lock-tests-bounded ()
  "There is a bound to the locks, and an error beyond it; nothing leaks."
  :tags '(:module)
  (mew-submit-lock-tests--with-file file
    (let ((open (length (directory-files "/proc/self/fd")))
          handles failure)
      (while (not failure)
        (should (< (length handles) 2000))
        (condition-case err
            (push (mew-submit--mod-lock
                   (mew-submit-test-write
                    (format "%s.%d" file (length handles)) ""))
                  handles)
          (mew-submit-internal (setq failure err))))
      (should (> (length handles) 99))
      (should (string-search "locked already" (format "%S" failure)))
      (should-not (memq nil (mapcar #'mew-submit--mod-unlock handles)))
      (should (= open (length (directory-files "/proc/self/fd")))))))

(provide 'mew-submit-lock-tests)
;;; mew-submit-lock-tests.el ends here
