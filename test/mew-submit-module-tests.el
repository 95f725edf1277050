;;; mew-submit-module-tests.el --- Tests for mew-submit-module -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-module)
(require 'mew-submit-test-helpers)

(declare-function mew-submit--mod-version "ext:mew-submit-module" ())
(declare-function mew-submit--mod-libraries "ext:mew-submit-module" ())

(defmacro mew-submit-module-tests--with-root (root &rest body)
  "Run BODY as if ROOT were the package, without a module, in an interactive Emacs."
  (declare (indent 1) (debug (symbolp body)))
  `(mew-submit-test-with-directory ,root
     (make-directory (expand-file-name "module" ,root))
     (let ((mew-submit-module--root ,root)
           (mew-submit-module-directory nil)
           (noninteractive nil))
       ,@body)))

(ert-deftest mew-submit-module-tests-loads-and-fits ()
  "The module that was built loads, has the right version, and names its libraries."
  :tags '(:module)
  (should (eq (mew-submit-module--ensure) t))
  (should (equal (mew-submit--mod-version) mew-submit-module--version))
  (let ((libraries (mew-submit-module--libraries)))
    (should (string-match-p "\\`3\\." (plist-get libraries :gnutls)))
    (should (plist-get libraries :gsasl))))

(ert-deftest mew-submit-module-tests-one-version ()
  "The package, its Lisp and its module have one version."
  (should (equal (with-temp-buffer
                   (insert-file-contents
                    (expand-file-name "mew-submit.el" mew-submit-test-root))
                   (re-search-forward "^;; Version: \\(.*\\)$")
                   (match-string 1))
                 mew-submit-module--version)))

(ert-deftest mew-submit-module-tests-other-version-is-refused ()
  "A module of another version is refused, in words that say what to do."
  :tags '(:module)
  (mew-submit-module--ensure)
  (cl-letf (((symbol-function 'mew-submit--mod-version) (lambda () "0.0.9")))
    (let ((text (mew-submit-error--text
                 (should-error (mew-submit-module--ensure)
                               :type 'mew-submit-config))))
      (dolist (word '("0.0.9" "0.1.0" "make module" "restart Emacs"))
        (should (string-search word text))))))

(ert-deftest mew-submit-module-tests-no-modules-no-mail ()
  "An Emacs without modules is told what it lacks."
  (let ((module-file-suffix nil))
    (should (string-search "--with-modules"
                           (mew-submit-error--text
                            (should-error (mew-submit-module--file)
                                          :type 'mew-submit-config))))))

(defun mew-submit-module-tests--in-batch (form)
  "Evaluate FORM in a batch Emacs that has loaded mew-submit.el."
  (mew-submit-test-emacs
   (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
         "--eval" (format "%S" form))))

(ert-deftest mew-submit-module-tests-loading-does-nothing ()
  "Loading the package loads no module, sets no hook and starts nothing."
  (should (equal (plist-get
                  (mew-submit-module-tests--in-batch
                   '(princ (list (fboundp 'mew-submit--mod-version)
                                 kill-emacs-hook (process-list)
                                 timer-list send-mail-function)))
                  :stdout)
                 (format "%s" (list nil nil nil nil 'sendmail-query-once)))))

(ert-deftest mew-submit-module-tests-batch-never-builds ()
  "Without a module a batch Emacs says how to build it, and builds nothing."
  (mew-submit-test-with-directory directory
    (let ((result (mew-submit-module-tests--in-batch
                   `(progn (setq mew-submit-module-directory ,directory)
                           (condition-case err
                               (mew-submit-module--ensure)
                             (mew-submit-config
                              (princ (mew-submit-error--text err))))))))
      (should (string-match-p "is not built: run `make module' in "
                              (plist-get result :stdout))))
    (should (directory-empty-p directory))))

(ert-deftest mew-submit-module-tests-broken-file-is-refused ()
  "A file that is no module is a configuration error, not a crash."
  (mew-submit-test-with-directory directory
    (mew-submit-test-write
     (expand-file-name (concat "mew-submit-module" module-file-suffix) directory)
     "This is no module.\n")
    (let ((result (mew-submit-test-emacs
                   (list "--eval" (format "(setq mew-submit-module-directory %S)"
                                          directory)
                         "-l" (expand-file-name "mew-submit.el"
                                                mew-submit-test-root)
                         "-f" "mew-submit-batch-send" "--" "--server" "localhost"
                         "a@x")
                   :input "From: b@x\n\nbody\n")))
      (should (= (plist-get result :status) 78))
      (should (string-match-p "cannot be loaded" (plist-get result :stderr))))))

;;; Building

(defun mew-submit-module-tests--build (recipe)
  "Build, after a yes, by a Makefile whose target has RECIPE; return what was said."
  (mew-submit-test-write (expand-file-name "Makefile" mew-submit-module--root)
                         (concat ".PHONY: module\nmodule:\n" recipe))
  (let (said process)
    (cl-letf (((symbol-function 'y-or-n-p) (lambda (_) t))
              ((symbol-function 'display-warning)
               (lambda (_ text &rest _) (push text said)))
              ((symbol-function 'message)
               (lambda (format &rest args)
                 (push (apply #'format-message format args) said))))
      (mew-submit-build-module)
      ;; It has returned while that still runs, or has just ended.
      (setq process (get-buffer-process "*mew-submit build*"))
      (should process)
      (should-not (get-buffer-window "*mew-submit build*"))
      (with-timeout (120 (ert-fail "The build does not end"))
        (while mew-submit-module--process
          (accept-process-output process 0.1))))
    (string-join (mapcar (lambda (text) (format "%s" text)) said) "\n")))

(ert-deftest mew-submit-module-tests-builds-after-a-yes ()
  "After a yes `make module' runs in the package's directory, in the background."
  (mew-submit-module-tests--with-root root
    (mew-submit-module-tests--build
     (format "\ttouch module/mew-submit-module%s\n" module-file-suffix))
    (should (file-exists-p (mew-submit-module--file)))
    (should (file-in-directory-p (mew-submit-module--file) root))))

(ert-deftest mew-submit-module-tests-failed-build-is-told ()
  "When `make' fails, the line that says what is missing is told."
  (mew-submit-module-tests--with-root root
    (should (string-search
             "not built: GNU SASL is missing: run make deps."
             (mew-submit-module-tests--build
              "\t@echo 'GNU SASL is missing: run make deps' >&2; false\n")))
    (should (string-search "*mew-submit build*"
                           (mew-submit-module-tests--build "\t@false\n")))))

(ert-deftest mew-submit-module-tests-does-not-build-after-a-no ()
  "After a no, and where there is no Makefile, nothing is run."
  (mew-submit-module-tests--with-root root
    (let (asked)
      (cl-letf (((symbol-function 'y-or-n-p) (lambda (_) (setq asked t) nil))
                ((symbol-function 'compilation-start)
                 (lambda (&rest _) (ert-fail "It was run"))))
        (should-error (mew-submit-build-module) :type 'mew-submit-config)
        (should-not asked)
        (mew-submit-test-write (expand-file-name "Makefile" root) "module:\n")
        (mew-submit-build-module)
        (should asked)))))

;;; Where the package is

(ert-deftest mew-submit-module-tests-works-uncompiled-and-from-anywhere ()
  "A checkout without compiled files works, from any current directory.
Its own module is used, also where the name of the directory has a space."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((root (file-name-as-directory (expand-file-name "a b" directory))))
      (dolist (part '("lisp" "module"))
        (make-directory (expand-file-name part root) t))
      (dolist (file (append (list "mew-submit.el"
                                  (concat "module/mew-submit-module"
                                          module-file-suffix))
                            (mapcar (lambda (file) (concat "lisp/" file))
                                    (directory-files
                                     (expand-file-name "lisp"
                                                       mew-submit-test-root)
                                     nil "\\.el\\'"))))
        (copy-file (expand-file-name file mew-submit-test-root)
                   (expand-file-name file root)))
      (let ((result (mew-submit-test-emacs
                     (list "-l" (expand-file-name "mew-submit.el" root)
                           "--eval" "(mew-submit-module--ensure)"
                           "--eval" "(princ (mew-submit-module--file))"
                           "-f" "mew-submit-batch-send" "--" "--help")
                     :directory "/")))
        (should (= (plist-get result :status) 0))
        (should (string-prefix-p
                 (expand-file-name "module/mew-submit-module" root)
                 (plist-get result :stdout)))
        (should (string-search "--password-file" (plist-get result :stdout)))))))

(ert-deftest mew-submit-module-tests-ends-when-told ()
  "A batch command whose hooks never end is gone soon after SIGTERM all the same.
Without the watch it is not; the hooks are run as ever."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((begun (expand-file-name "begun" directory))
           (hooks (expand-file-name "hooks" directory))
           (process
            (make-process
             :name "told" :noquery t :connection-type 'pipe
             :command
             (list (expand-file-name invocation-name invocation-directory) "-Q" "--batch"
                   "-L" mew-submit-test-root "-L" (expand-file-name "lisp" mew-submit-test-root)
                   "--eval"
                   (prin1-to-string
                    `(progn
                       (require 'mew-submit)
                       (mew-submit-module--ensure)
                       (setq mew-submit-module--grace 1)
                       (mew-submit-module--end-when-told)
                       ;; As at a lock that is never given up.
                       (add-hook 'kill-emacs-hook
                                 (lambda ()
                                   (write-region "" nil ,hooks)
                                   (let ((inhibit-quit t))
                                     (while t (sleep-for 1)))))
                       (write-region "" nil ,begun)
                       (while t (sleep-for 1))))))))
      (unwind-protect
          (progn
            (mew-submit-test-until ("the process") (file-exists-p begun))
            (signal-process process 'SIGTERM)
            (mew-submit-test-until ("its end") (not (process-live-p process)))
            (should (file-exists-p hooks))
            (should (eq (process-status process) 'signal))
            (should (= (process-exit-status process) 9)))
        (delete-process process)))))

(ert-deftest mew-submit-module-tests-spools-from-what-does-not-block ()
  "A standard input that was left non-blocking is read to its end."
  :tags '(:module)
  (skip-unless (executable-find "perl"))
  (mew-submit-test-with-directory directory
    (let ((out (expand-file-name "out" directory)))
      (with-temp-buffer
        (call-process
         "sh" nil t nil "-c"
         "{ printf a; sleep 1; printf b; } | \
perl -MFcntl -e 'fcntl (STDIN, F_SETFL, O_NONBLOCK) or die; exec @ARGV' \"$@\"" "sh"
         mew-submit-test-emacs "-Q" "--batch" "-L" mew-submit-test-root
         "-L" (expand-file-name "lisp" mew-submit-test-root)
         "-l" "mew-submit-module" "-f" "mew-submit-module--ensure"
         "--eval" (format "(princ (mew-submit--mod-spool 0 %S))" out))
        (should (equal (buffer-string) "2")))
      (should (equal (mew-submit-test-octets out) "ab")))))

(provide 'mew-submit-module-tests)
;;; mew-submit-module-tests.el ends here
