;;; mew-submit-loaddefs-tests.el --- Tests of what a bare Emacs knows -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-error)
(require 'mew-submit-memory)
(require 'mew-submit-test-helpers)

(defun mew-submit-loaddefs-tests--bare (form)
  "Return what a bare Emacs reads as FORM's value when it has the commands alone.
They are those of lisp/mew-submit-loaddefs.el, as a package manager has them."
  (let ((result (mew-submit-test-emacs
                 (list "-L" (expand-file-name "lisp" mew-submit-test-root)
                       "-L" mew-submit-test-root
                       "-l" "mew-submit-loaddefs"
                       "--eval" (format "(prin1 %S)" form)))))
    (should (equal (plist-get result :status) 0))
    (read (plist-get result :stdout))))

(defun mew-submit-loaddefs-tests--documented ()
  "Return the commands that the manual and what the Lisp files say tell to use."
  (let (names)
    (dolist (file (append (directory-files mew-submit-test-root t "\\.\\(?:org\\|el\\)\\'")
                          (directory-files (expand-file-name "doc" mew-submit-test-root)
                                           t "\\.org\\'")
                          (directory-files (expand-file-name "lisp" mew-submit-test-root)
                                           t "\\`mew.*\\.el\\'")))
      (with-temp-buffer
        (insert-file-contents file)
        (while (re-search-forward
                "\\(M-x\\|-f\\)[ \n]+\\(mew-submit\\(?:-[a-z]+\\)+\\)" nil t)
          ;; What makes and tests the package is called by -f, too.
          (when (or (equal (match-string 1) "M-x")
                    (string-prefix-p "mew-submit-batch-" (match-string 2)))
            (cl-pushnew (intern (match-string 2)) names)))))
    names))

(ert-deftest mew-submit-loaddefs-tests-all-documented-commands ()
  "A bare Emacs knows every command that the manual or a message names."
  (let ((documented (mew-submit-loaddefs-tests--documented)))
    (should (memq 'mew-submit-setup documented))
    (should (memq 'mew-submit-batch-send documented))
    (should-not (mew-submit-loaddefs-tests--bare
                 `(seq-remove #'fboundp ',documented)))))

(ert-deftest mew-submit-loaddefs-tests-every-autoload-is-there ()
  "Whatever is announced is defined by the file that is said to define it."
  (should-not
   (mew-submit-loaddefs-tests--bare
    '(let (void)
       (mapatoms (lambda (symbol)
                   (when (and (string-prefix-p "mew-submit" (symbol-name symbol))
                              (autoloadp (symbol-function symbol)))
                     (autoload-do-load (symbol-function symbol) symbol)
                     (when (autoloadp (symbol-function symbol))
                       (push symbol void)))))
       void))))

(ert-deftest mew-submit-loaddefs-tests-loading-all-changes-nothing ()
  "Loading each file sets no hook that is not the package's own and starts nothing."
  (should (equal
           (mew-submit-loaddefs-tests--bare
            `(let (changed hooks)
               ;; What Emacs' libraries set themselves is theirs.
               (dolist (library '(message smtpmail auth-source url notifications transient browse-url))
                 (require library nil t))
               (mapatoms (lambda (symbol)
                           (when (and (boundp symbol)
                                      (string-match-p "-\\(?:hook\\|functions?\\)\\'"
                                                      (symbol-name symbol)))
                             (push (cons symbol (symbol-value symbol)) hooks))))
               (dolist (file ',(directory-files (expand-file-name "lisp" mew-submit-test-root)
                                                nil "\\`mew.*\\.el\\'"))
                 (load (file-name-sans-extension file) nil t))
               (load "mew-submit" nil t)
               (dolist (hook hooks changed)
                 (unless (equal (symbol-value (car hook)) (cdr hook))
                   (push hook changed)))
               (list changed (process-list)
                     (fboundp 'mew-submit--mod-version))))
           '(nil nil nil))))

(ert-deftest mew-submit-loaddefs-tests-heavy-libraries-come-late ()
  "Loading the package loads none of the libraries that take long."
  (should-not (mew-submit-loaddefs-tests--bare
               '(progn (require 'mew-submit)
                       (seq-filter #'featurep
                                   '(auth-source eieio json message sendmail
                                     smtpmail url compile org))))))

(ert-deftest mew-submit-loaddefs-tests-each-batch-command-has-a-shell-command ()
  "What can be done by -f mew-submit-batch-X is a command of the shell's mew-submit, too."
  (let ((shell (with-temp-buffer
                 (insert-file-contents (expand-file-name "packaging/mew-submit"
                                                         mew-submit-test-root))
                 (search-forward "commands='\n")
                 (let (names)
                   (while (looking-at "\\([a-z]+\\) .*\n")
                     (push (match-string 1) names)
                     (goto-char (match-end 0)))
                   names)))
        (batch (with-temp-buffer
                 (insert-file-contents (expand-file-name "lisp/mew-submit-loaddefs.el"
                                                         mew-submit-test-root))
                 (let (names)
                   (while (re-search-forward
                           "^(autoload 'mew-submit-batch-\\([a-z-]+\\) " nil t)
                     (push (match-string 1) names))
                   names))))
    (should (equal (sort (cl-substitute "diagnose-domain" "domain" shell :test #'equal)
                         #'string<)
                   (sort batch #'string<)))))

(ert-deftest mew-submit-loaddefs-tests-nothing-is-fetched-from-itself ()
  "Autoloads that are loaded from the sources themselves leave those as they are.
To fetch them would be to delete them first."
  (mew-submit-test-with-directory directory
    (let ((load-path load-path)
          (autoloads (expand-file-name "mew-submit-autoloads.el" directory))
          (file (expand-file-name "lisp/mew-submit-loaddefs.el" directory)))
      (make-directory (file-name-directory file))
      (make-directory (expand-file-name "module" directory))
      (mew-submit-test-write file ";;; -*- lexical-binding: t; -*-\n")
      (with-temp-file autoloads
        (insert-file-contents (expand-file-name "mew-submit.el" mew-submit-test-root))
        (re-search-forward "^;;;###autoload\n\\((let\\* ((here\\)")
        (delete-region (point-min) (match-beginning 1))
        (goto-char (point-min))
        (forward-sexp)
        (delete-region (point) (point-max)))
      (with-temp-buffer
        (setq default-directory directory
              major-mode 'dired-mode)
        (ignore-errors (load autoloads nil t)))
      (should (file-exists-p file)))))

(ert-deftest mew-submit-loaddefs-tests-old-names-lead-somewhere ()
  "Each name of before is another one for something that there is."
  (require 'mew-submit-obsolete)
  (let ((here (with-temp-buffer
                (dolist (file (directory-files (expand-file-name "lisp" mew-submit-test-root)
                                               t "\\.el\\'"))
                  (insert-file-contents file))
                (buffer-string)))
        (count 0))
    (mapatoms
     (lambda (old)
       (when (and (string-prefix-p "mew-submit-" (symbol-name old))
                  (get old 'byte-obsolete-info)
                  (symbolp (symbol-function old)))
         (cl-incf count)
         (ert-info ((symbol-name old))
           (should (string-match-p (format "^(\\(?:cl-\\)?def\\(?:un\\|macro\\) %s[ \n]"
                                           (regexp-quote (symbol-name (symbol-function old))))
                                   here))))))
    (should (> count 20))))

;;; An Emacs with two versions

(ert-deftest mew-submit-loaddefs-tests-updated ()
  "What a newer file misses in an open Emacs is told as that, and only there.
Its memory of servers stands for whatever reads a file."
  (mew-submit-test-with-directory directory
    (let* ((file (expand-file-name "mew-submit-error.elc" directory))
           (load-history `((,file (provide . mew-submit-error))))
           (told (lambda (condition)
                   (cl-letf (((symbol-function 'mew-submit-store--read)
                              (lambda (_) (signal (car condition) (cdr condition)))))
                     (mew-submit-error--text
                      (should-error (mew-submit-memory--read directory)
                                    :type 'mew-submit-config)))))
           (asks-p (lambda (condition) (string-search "restart Emacs" (funcall told condition)))))
      (dolist (condition '((void-function mew-submit-x--y) (void-variable mew-submit-x--y)
                           (wrong-number-of-arguments mew-submit-x--y 2)))
        (ert-info ((format "%S" condition))
          ;; The file has gone: a package manager has another directory now.
          (should (funcall asks-p condition))
          (write-region "" nil file nil 'quiet)
          (should (funcall asks-p condition))
          (should (string-search (error-message-string condition) (funcall told condition)))
          (set-file-times file (time-subtract before-init-time 60))
          (should-not (funcall asks-p condition))
          (delete-file file)))
      (should-not (funcall asks-p '(end-of-file))))))

(provide 'mew-submit-loaddefs-tests)
;;; mew-submit-loaddefs-tests.el ends here
