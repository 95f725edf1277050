;;; lint.el --- Compile and lint the Lisp files from make -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -L . -L lisp -l test/tool/lint.el -f FUNCTION FILE...
;;
;; Each function looks at the files named on the command line and leaves Emacs
;; with status 1 when there is anything to complain of.

;;; Code:

(require 'bytecomp)
(require 'checkdoc)
(require 'cl-lib)

(setq load-prefer-newer t)

(defun mew-submit-lint--files ()
  "Take the rest of the command line: file names."
  (prog1 command-line-args-left
    (setq command-line-args-left nil)))

(defun mew-submit-lint-compile ()
  "Byte-compile the files.
A warning is an error, unless the environment variable STRICT is empty.  All old
compiled files are removed before, so that no file is compiled against a stale
one.  With a failure nothing compiled is left."
  (let ((byte-compile-error-on-warn (not (equal (getenv "STRICT") "")))
        (files (mew-submit-lint--files))
        (failed nil))
    (dolist (file files)
      (delete-file (byte-compile-dest-file file)))
    (dolist (file files)
      (unless (eq (byte-compile-file file) t)
        (setq failed t)))
    (when failed
      (dolist (file files)
        (delete-file (byte-compile-dest-file file))))
    (kill-emacs (if failed 1 0))))

(defun mew-submit-lint-warnings ()
  "Byte-compile the files for the warnings alone; the compiled files go away.
Docstrings of the tests, which no help window shows, may have 100 columns."
  (let ((byte-compile-error-on-warn t)
        (scratch (make-temp-file "mew-submit-lint" t))
        (failed nil))
    (unwind-protect
        (let ((byte-compile-dest-file-function
               (lambda (file) (expand-file-name (concat (file-name-base file) ".elc") scratch))))
          (dolist (file (mew-submit-lint--files))
            (let ((byte-compile-docstring-max-column
                   (if (string-prefix-p "test/" file) 100 byte-compile-docstring-max-column)))
              (unless (eq (byte-compile-file file) t)
                (setq failed t)))))
      (delete-directory scratch t))
    (kill-emacs (if failed 1 0))))

(defun mew-submit-lint-checkdoc ()
  "Print what checkdoc says about the files."
  (let ((complaints 0)
        (files (mew-submit-lint--files)))
    (dolist (file files)
      (with-current-buffer (find-file-noselect file)
        (let ((checkdoc-create-error-function
               (lambda (text start _end &optional _unfixable)
                 (setq complaints (1+ complaints))
                 (message "%s:%d: %s" file (line-number-at-pos (or start (point-min)) t) text)
                 nil)))
          (checkdoc-current-buffer t))))
    (message "checkdoc: %d files, %d complaints" (length files) complaints)
    (kill-emacs (if (zerop complaints) 0 1))))

(defun mew-submit-lint--find-package-lint ()
  "Load package-lint, from the user's packages or the distribution's.
Return nil where it is not installed."
  (let ((load-path
         (append load-path
                 (cl-mapcan (lambda (pattern) (file-expand-wildcards pattern))
                            (list (locate-user-emacs-file "elpa/package-lint-[0-9]*")
                                  (locate-user-emacs-file "elpa/let-alist-[0-9]*")
                                  "/usr/share/emacs/site-lisp/elpa/package-lint-[0-9]*"
                                  "/usr/share/emacs/site-lisp/elpa/let-alist-[0-9]*")))))
    (require 'package-lint nil t)))

(defun mew-submit-lint--outdated-p (complaint)
  "Is COMPLAINT of package-lint about an Emacs that was not released when it was?
Version 0.16, which Debian 12 has, thinks so of 28.1."
  (string-match-p "uninstallable in all released Emacs versions" (nth 3 complaint)))

(declare-function package-lint-buffer "ext:package-lint")
(defvar package-lint-main-file)

(defun mew-submit-lint-package ()
  "Print what package-lint says about the files; the first is the main file."
  (if (not (mew-submit-lint--find-package-lint))
      (message "package-lint: skipped, not installed (Debian: elpa-package-lint)")
    (let* ((files (mew-submit-lint--files))
           (package-lint-main-file (expand-file-name (car files)))
           (complaints 0))
      (dolist (file files)
        (with-current-buffer (find-file-noselect file)
          (pcase-dolist (`(,line ,column ,level ,text)
                         (cl-remove-if #'mew-submit-lint--outdated-p (package-lint-buffer)))
            (setq complaints (1+ complaints))
            (message "%s:%d:%d: %s: %s" file line column level text))))
      (message "package-lint: %d files, %d complaints" (length files) complaints)
      (kill-emacs (if (zerop complaints) 0 1)))))

(defvar native-compile-target-directory)
(declare-function native-compile "comp" (function-or-file &optional output))

(defun mew-submit-lint-native ()
  "Compile the files natively; a warning is an error.
The first words of the command line are the directory that the result goes to,
and a function that has to be native when the file that defines it is loaded."
  (let ((byte-compile-error-on-warn t)
        (native-compile-target-directory (expand-file-name (pop command-line-args-left)))
        (function (intern (pop command-line-args-left)))
        (failed nil))
    (dolist (file (mew-submit-lint--files))
      (condition-case err
          (native-compile (expand-file-name file))
        (error (setq failed t)
               (message "%s: %s" file (error-message-string err)))))
    (require 'mew-submit)
    (autoload-do-load (symbol-function function) function)
    (unless (subrp (symbol-function function))
      (setq failed t)
      (message "%s is not native when it is loaded" function))
    (kill-emacs (if failed 1 0))))

(provide 'mew-submit-lint)
;;; lint.el ends here
