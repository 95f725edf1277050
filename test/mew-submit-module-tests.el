;;; mew-submit-module-tests.el --- Tests for mew-submit-module -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-module)
(require 'mew-submit-queue)
(require 'mew-submit-test-helpers)

(declare-function mew-submit--mod-interface "ext:mew-submit-native" ())
(declare-function mew-submit--mod-version "ext:mew-submit-native" ())
(declare-function mew-submit--mod-libraries "ext:mew-submit-native" ())

(defvar mew-submit-module-tests--here nil
  "The programs that are on this machine.")

(defmacro mew-submit-module-tests--with-root (root &rest body)
  "Run BODY as if ROOT were the package, without a module, in an interactive Emacs."
  (declare (indent 1) (debug (symbolp body)))
  `(mew-submit-test-with-directory ,root
     (make-directory (expand-file-name "module" ,root))
     (let ((mew-submit-module--root ,root)
           (mew-submit-module--lisp ,root)
           (mew-submit-module--used nil)
           (mew-submit-module--loaded nil)
           (mew-submit-module--refused nil)
           (mew-submit-module--rebuilt nil)
           (mew-submit-module-directory nil)
           (user-emacs-directory ,root)
           (noninteractive nil))
       ,@body)))

(ert-deftest mew-submit-module-tests-loads-and-fits ()
  "The module that was built loads, has the right version, and names its libraries."
  :tags '(:module)
  (should (eq (mew-submit-module--ensure) t))
  (should (equal (mew-submit--mod-interface) mew-submit-module--interface))
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
                 mew-submit-module--version))
  (pcase-dolist (`(,file ,format) '(("CHANGELOG.org" "#+title: Changes in mew-submit\n\n* %s (")
                                    ("packaging/debian/changelog" "mew-submit (%s)")
                                    ("packaging/guix.scm" "(version \"%s\")")
                                    ("packaging/nix/default.nix" "version = \"%s\";")))
    (should (string-search
             (format format mew-submit-module--version)
             (mew-submit-test-octets (expand-file-name file mew-submit-test-root))))))

(ert-deftest mew-submit-module-tests-no-lisp-file-is-shadowed ()
  "The module has no name that a Lisp file has: `load' looks for modules first."
  (should (string-prefix-p "mew-submit-native." (mew-submit-module--name)))
  (should-not (file-expand-wildcards
               (expand-file-name "{.,lisp}/mew-submit-native.el" mew-submit-test-root))))

(ert-deftest mew-submit-module-tests-no-modules-no-mail ()
  "An Emacs without modules is told what it lacks."
  (let ((module-file-suffix nil))
    (should (string-search "--with-modules"
                           (mew-submit-error--text
                            (should-error (mew-submit-module--name)
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

;;; A module of another version

(defun mew-submit-module-tests--old-module (file version)
  "Make FILE a module that says it is VERSION, as those did that had no interface."
  (let ((source (concat file ".c")))
    (make-directory (file-name-directory file) t)
    (mew-submit-test-write
     source (format "#include <emacs-module.h>
int plugin_is_GPL_compatible;
static emacs_value version (emacs_env *env, ptrdiff_t n, emacs_value *args, void *data)
{ (void) n, (void) args, (void) data; return env->make_string (env, %S, %d); }
int emacs_module_init (struct emacs_runtime *runtime)
{ emacs_env *env = runtime->get_environment (runtime);
  emacs_value args[] = { env->intern (env, \"mew-submit--mod-version\"),
                         env->make_function (env, 0, 0, version, 0, 0) };
  env->funcall (env, env->intern (env, \"defalias\"), 2, args); return 0; }
" version (length version)))
    (should (eq 0 (call-process "cc" nil nil nil "-shared" "-fPIC"
                                (concat "-I" invocation-directory "../include")
                                "-o" file source)))
    (delete-file source)))

(defun mew-submit-module-tests--module-file (root)
  "Return the name of the module's file in ROOT."
  (expand-file-name (concat "module/mew-submit-native" module-file-suffix) root))

(ert-deftest mew-submit-module-tests-old-one-in-batch ()
  "A batch Emacs that finds a module of another version says so, and what to do."
  :tags '(:module)
  (skip-unless (executable-find "cc"))
  (mew-submit-test-with-directory root
    (mew-submit-module-tests--old-module (mew-submit-module-tests--module-file root)
                                         mew-submit-module--version)
    (mew-submit-test-write (expand-file-name "Makefile" root) "module:\n")
    (let ((result (mew-submit-module-tests--in-batch
                   `(progn (setq mew-submit-module--root ,root)
                           (dolist (_ '(1 2))
                             (condition-case err
                                 (mew-submit-module--ensure)
                               (mew-submit-config
                                (princ (mew-submit-error--text err)))))))))
      (should (string-match-p
               "\\(?:is not of this version: run `make module' in .*\\)\\{2\\}"
               (plist-get result :stdout))))))

(ert-deftest mew-submit-module-tests-question-says-where ()
  "The question names the directory that the module goes to.
Where the package cannot be written to, that is the user's."
  (mew-submit-test-with-directory root
    (let* ((mew-submit-module--root (file-name-as-directory root))
           (mew-submit-module-directory nil)
           (own (expand-file-name "module" root)))
      (make-directory own)
      (should (string-search (abbreviate-file-name own) (mew-submit-module--question)))
      (cl-letf (((symbol-function 'file-writable-p) #'ignore))
        (should (string-search (abbreviate-file-name
                                (directory-file-name (mew-submit-module--user-directory)))
                               (mew-submit-module--question)))))))

(ert-deftest mew-submit-module-tests-a-directory-that-is-gone ()
  "Where the buffer's directory is gone no library is said to be missing."
  (skip-unless (executable-find "pkg-config"))
  (let ((lacks (mew-submit-module--lacks)))
    (mew-submit-test-with-directory root
      (let ((default-directory (expand-file-name "gone/" root)))
        (should (equal (mew-submit-module--lacks) lacks))))))

(ert-deftest mew-submit-module-tests-question-is-true ()
  "Of a module that is there it is not said that it is not compiled yet.
One that does not fit is as good as none."
  (mew-submit-test-with-directory root
    (let ((mew-submit-module-directory root)
          (file (expand-file-name (mew-submit-module--name) root)))
      (cl-letf (((symbol-function 'mew-submit-module--files) (lambda () (list file))))
        (should (string-search "not compiled yet" (mew-submit-module--question)))
        (mew-submit-test-write file "")
        (should (string-search "there already: compile it again, in"
                               (mew-submit-module--question)))
        (let ((mew-submit-module--refused (list (list file nil "It is of another version"))))
          (should (string-search "not compiled yet" (mew-submit-module--question))))))))

(ert-deftest mew-submit-module-tests-old-one-is-built-anew ()
  "After an upgrade the old module is built anew, once and unasked, and used at once."
  :tags '(:module)
  (skip-unless (executable-find "cc"))
  (mew-submit-test-with-directory root
    (mew-submit-module-tests--old-module (mew-submit-module-tests--module-file root) "0.0.9")
    (mew-submit-test-write
     (expand-file-name "Makefile" root)
     (format ".PHONY: module\nmodule:\n\tcp '%s' %s.new && mv %s.new %s\n"
             (mew-submit-module-tests--module-file mew-submit-test-root)
             "module/native" "module/native"
             (file-relative-name (mew-submit-module-tests--module-file root) root)))
    (let ((result
           (mew-submit-module-tests--in-batch
            `(let ((noninteractive nil)
                   (count 0))
               (setq mew-submit-module--root ,root)
               (add-hook 'mew-submit-module--hook (lambda () (setq count (1+ count))))
               (remove-hook 'mew-submit-module--hook 'mew-submit-dispatch--module-is-there)
               (princ (list (mew-submit-module--missing-p)
                            (mew-submit--mod-version)
                            (and (mew-submit-module--rebuild) t)
                            (with-timeout (120 'late)
                              (while (mew-submit-module--building-p)
                                (accept-process-output nil 0.1))
                              (while (= count 0) (accept-process-output nil 0.1)))
                            (mew-submit-module--missing-p)
                            (mew-submit--mod-version)
                            (mew-submit-module--rebuild)
                            count))))))
      (should (equal (plist-get result :stdout)
                     (format "(t 0.0.9 t nil nil %s nil 1)" mew-submit-module--version))))))

(ert-deftest mew-submit-module-tests-used-one-is-not-replaced ()
  "A module that has sent mail has threads: it stays, and the user is told to restart."
  :tags '(:module)
  (mew-submit-module--ensure)
  (let ((mew-submit-module--interface "another")
        (noninteractive nil))
    (should (mew-submit-module--missing-p))
    (should-not (mew-submit-module--buildable-p))
    (should (string-search "cannot be replaced: restart Emacs"
                           (mew-submit-error--text
                            (should-error (mew-submit-module--ensure)
                                          :type 'mew-submit-config))))))

(ert-deftest mew-submit-module-tests-looked-for-in-order ()
  "The user's directory is the only one, else `load-path', the package, the user's."
  ;; SECURITY: P20
  (mew-submit-module-tests--with-root root
    (make-directory (expand-file-name "here" root))
    (mew-submit-test-write (expand-file-name (concat "here/" (mew-submit-module--name)) root) "")
    (let* ((name (mew-submit-module--name))
           (path (expand-file-name "path" root))
           (set (expand-file-name "set" root))
           (load-path (list nil path))
           (default-directory (expand-file-name "here/" root))
           (places (mapcar (lambda (place) (expand-file-name name place))
                           (list path (expand-file-name "module" root) root
                                 (expand-file-name "mew-submit" root)))))
      (should (equal (mew-submit-module--file) (cadr places)))
      (dolist (place places)
        (make-directory (file-name-directory place) t)
        (mew-submit-test-write place ""))
      (should (equal (mew-submit-module--files) places))
      (let ((mew-submit-module-directory set))
        (should-not (mew-submit-module--files))
        (should (equal (mew-submit-module--file) (expand-file-name name set)))))))

(ert-deftest mew-submit-module-tests-root-behind-links ()
  "The sources are found beside the Lisp files, above them, and where links lead."
  (mew-submit-test-with-directory root
    (dolist (directory '("repo/lisp" "repo/module" "build" "flat/module"))
      (make-directory (expand-file-name directory root) t))
    (dolist (file '("repo/lisp/mew-submit-module.el" "repo/module/module.c"
                    "flat/mew-submit-module.el" "flat/module/module.c"))
      (mew-submit-test-write (expand-file-name file root) ""))
    (make-symbolic-link (expand-file-name "repo/lisp/mew-submit-module.el" root)
                        (expand-file-name "build/mew-submit-module.el" root))
    (pcase-dolist (`(,lisp ,want) '(("repo/lisp/" "repo/") ("flat/" "flat/")
                                    ("build/" "repo/")))
      (should (file-equal-p (mew-submit-module--find-root (expand-file-name lisp root))
                            (expand-file-name want root))))))

(ert-deftest mew-submit-module-tests-nothing-is-asked-in-vain ()
  "Nobody is asked whether to build what cannot be built; the mail is queued as ever."
  (mew-submit-module-tests--with-root root
    (mew-submit-test-write (expand-file-name "Makefile" root) "module:\n")
    (cl-letf (((symbol-function 'mew-submit-module--lacks) (lambda () '(("GNU make" . 2))))
              ((symbol-function 'y-or-n-p) (lambda (_) (ert-fail "It asks")))
              ((symbol-function 'mew-submit-background--command-p) #'always)
              ((symbol-function 'mew-submit-module--fits-p) #'ignore)
              (mew-submit-dispatch--no-module nil))
      (should (string-search "needs GNU make"
                             (cadr (should-error (mew-submit-build-module)
                                                 :type 'user-error))))
      (mew-submit-dispatch--offer-module)
      (should mew-submit-dispatch--no-module))))

(ert-deftest mew-submit-module-tests-what-is-missing-is-named ()
  "What a build needs and is not there is named, with the command that installs it."
  (let ((mew-submit-module-tests--here '("apt-get" "pkg-config" "make")))
    (cl-letf (((symbol-function 'executable-find)
               (lambda (program &rest _)
                 (car (member program mew-submit-module-tests--here))))
              ((symbol-function 'mew-submit-module--library-p)
               (lambda (library &rest _) (string-prefix-p "libgsasl" library)))
              ((getenv "CC") nil))
      (should (equal (mew-submit-module--remedy (mew-submit-module--lacks))
                     "Building the module needs a C compiler, GnuTLS 3.7.2 or later: \
sudo apt-get install gcc libc6-dev libgnutls28-dev"))
      (setq mew-submit-module-tests--here '("pkg" "cc"))
      (should (string-suffix-p "sudo pkg install gmake pkgconf gnutls libgsasl"
                               (mew-submit-module--remedy (mew-submit-module--lacks))))
      (setq mew-submit-module-tests--here nil)
      (should (string-suffix-p "install that, with the files to compile against"
                               (mew-submit-module--remedy
                                (mew-submit-module--lacks)))))))

(ert-deftest mew-submit-module-tests-broken-file-is-refused ()
  "A file that is no module is a configuration error, not a crash."
  (mew-submit-test-with-directory directory
    (mew-submit-test-write
     (expand-file-name (concat "mew-submit-native" module-file-suffix) directory)
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

(ert-deftest mew-submit-module-tests-noexec ()
  "Where nothing may be run, another place is wanted, and not another build."
  (mew-submit-module-tests--with-root root
    (mew-submit-test-write (expand-file-name "Makefile" root) "")
    (cl-letf (((symbol-function 'mew-submit-module--stale)
               (lambda ()
                 "Module could not be opened: failed to map segment from shared object")))
      (dolist (noninteractive '(t nil))
        (let ((text (mew-submit-error--text
                     (should-error (mew-submit-module--throw-missing)
                                   :type 'mew-submit-config))))
          (should (string-search "(noexec)" text))
          (should (string-search "mew-submit-module-directory" text)))))))

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
     (format "\ttouch module/mew-submit-native%s\n" module-file-suffix))
    (should (file-exists-p (mew-submit-module--file)))
    (should (file-in-directory-p (mew-submit-module--file) root))))

(ert-deftest mew-submit-module-tests-builds-where-it-is-looked-for ()
  "With a directory of the user's the package's is left alone: it may not be ours."
  (mew-submit-module-tests--with-root root
    (let* ((mew-submit-module-directory (expand-file-name "the user's own" root))
           (name (mew-submit-module--name)))
      (mew-submit-test-write (expand-file-name (concat "module/" name) root) "old")
      (mew-submit-module-tests--build (format "\techo new > module/%s\n" name))
      (should (equal (mew-submit-test-octets (mew-submit-module--target)) "new\n"))
      (should (equal (directory-files mew-submit-module-directory nil "[^.]") (list name)))
      (should (equal (mew-submit-test-octets
                      (expand-file-name (concat "module/" name) root))
                     "old")))))

(ert-deftest mew-submit-module-tests-failed-build-is-told ()
  "When `make' fails, the line that says what is missing is told."
  (mew-submit-module-tests--with-root root
    (should (string-search
             "not built: GNU SASL is missing: run make deps-build."
             (mew-submit-module-tests--build
              "\t@echo 'GNU SASL is missing: run make deps-build' >&2; false\n")))
    (should (string-search "*mew-submit build*"
                           (mew-submit-module-tests--build "\t@false\n")))))

(ert-deftest mew-submit-module-tests-make-says-what-is-missing ()
  "What building lacks is told by name, with the command that installs no more."
  (mew-submit-test-with-directory directory
    (let ((default-directory mew-submit-test-root)
          (process-environment (cons (concat "PKG_CONFIG_PATH=" directory)
                                     process-environment)))
      (mew-submit-test-write (expand-file-name "libgsasl.pc" directory)
                             "Name: gsasl\nDescription: gsasl\nVersion: 1.10.0\nLibs: -lgsasl\n")
      (pcase-dolist (`(,words . ,arguments)
                     `(("a C compiler" "libraries" "CC=no-such-compiler -m32")
                       ("GnuTLS 3.7.2 (or later)" "libraries" "PKG_CONFIG=false")
                       ("GNU SASL 2.0 (or later)" "libraries")
                       ("Emacs 28.1 (or later) with dynamic modules"
                        ,(expand-file-name "loaddefs" directory)
                        ,(concat "BUILD=" (directory-file-name directory)) "SUFFIX=.so"
                        "EMACS=no-such-emacs")))
        (with-temp-buffer
          (should-not (eql 0 (apply #'call-process "make" nil t nil arguments)))
          (should (string-search (concat words " is missing: run make deps-build\n")
                                 (buffer-string))))))))

(ert-deftest mew-submit-module-tests-does-not-build-after-a-no ()
  "After a no, and where there is no Makefile, nothing is run."
  (mew-submit-module-tests--with-root root
    (let (asked)
      (cl-letf (((symbol-function 'y-or-n-p) (lambda (_) (setq asked t) nil))
                ((symbol-function 'compilation-start)
                 (lambda (&rest _) (ert-fail "It was run"))))
        (should-error (mew-submit-build-module) :type 'user-error)
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
                                  (concat "module/mew-submit-native"
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
                 (expand-file-name "module/mew-submit-native" root)
                 (plist-get result :stdout)))
        (should (string-search "--password-file" (plist-get result :stdout)))))))

(defun mew-submit-module-tests--watched (begun &rest forms)
  "Start a batch Emacs that the module watches over, and return its process.
It evaluates FORMS, makes the file BEGUN, and rests."
  (make-process
   :name "told" :noquery t :connection-type 'pipe
   :command
   (list mew-submit-test-emacs "-Q" "--batch"
         "-L" mew-submit-test-root "-L" (expand-file-name "lisp" mew-submit-test-root)
         "--eval"
         (prin1-to-string
          `(progn
             (require 'mew-submit)
             ,@forms
             (let ((mew-submit-module--end-when-told t))
               (mew-submit-module--ensure))
             (write-region "" nil ,begun)
             (while (not (file-exists-p ,(concat begun "-told")))
               (make-string 100000 ?x))
             (setq busy nil)
             (while t (sleep-for 1)))))))

(defun mew-submit-module-tests--tell (process begun number)
  "Send the signal NUMBER to PROCESS when it has made BEGUN; wait for its end.
The signal comes in the middle of something; only then it may rest."
  (unwind-protect
      (progn
        (mew-submit-test-until ("the process") (file-exists-p begun))
        (signal-process process number)
        (mew-submit-test-write (concat begun "-told") "")
        (mew-submit-test-until ("its end") (not (process-live-p process))))
    (delete-process process)))

(ert-deftest mew-submit-module-tests-ends-when-told ()
  "A batch command whose hooks never end is gone soon after SIGTERM all the same."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((begun (expand-file-name "begun" directory))
           (hooks (expand-file-name "hooks" directory))
           (process (mew-submit-module-tests--watched
                     begun
                     '(setq busy t mew-submit-module--grace 1)
                     ;; As at a lock that is never given up.
                     `(add-hook 'kill-emacs-hook
                                (lambda ()
                                  (write-region "" nil ,hooks)
                                  (let ((inhibit-quit t))
                                    (while t (sleep-for 1))))))))
      (mew-submit-module-tests--tell process begun 15)
      (should (file-exists-p hooks))
      (should (eq (process-status process) 'signal))
      (should (= (process-exit-status process) 9)))))

(ert-deftest mew-submit-module-tests-ends-from-the-event-loop ()
  "SECURITY: O28.  What is done at SIGTERM is not done in the middle of something else.
Emacs alone runs `kill-emacs-hook' inside of the signal's handler."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (dolist (number '(15 1 2))
      (let* ((begun (expand-file-name (format "begun-%d" number) directory))
             (ended (expand-file-name (format "ended-%d" number) directory))
             (process (mew-submit-module-tests--watched
                       begun
                       '(setq busy t)
                       `(add-hook 'kill-emacs-hook
                                  (lambda ()
                                    (write-region (if busy "busy" "at rest") nil ,ended))))))
        (mew-submit-module-tests--tell process begun number)
        (should (equal (mew-submit-test-octets ended) "at rest"))
        (should (eq (process-status process) 'exit))
        (should (= (process-exit-status process) (+ 128 number)))))))

;; "b" comes when there is nothing to read.
(ert-deftest mew-submit-module-tests-reads-what-does-not-block ()
  "A standard input that was left non-blocking is read to its end."
  :tags '(:module)
  (skip-unless (executable-find "perl"))
  (mew-submit-test-with-directory directory
    (let ((out (expand-file-name "out" directory)))
      (pcase-dolist (`(,form ,printed)
                     `(((mew-submit--mod-spool 0 ,out) "2")
                       ((let (octets all)
                          (while (setq octets (mew-submit--mod-read 0))
                            (setq all (concat all octets)))
                          all)
                        "ab")))
        (with-temp-buffer
          (call-process
           "sh" nil t nil "-c"
           "{ printf a; sleep 1; printf b; } | \
perl -MFcntl -e 'fcntl (STDIN, F_SETFL, O_NONBLOCK) or die; exec @ARGV' \"$@\"" "sh"
           mew-submit-test-emacs "-Q" "--batch" "-L" mew-submit-test-root
           "-L" (expand-file-name "lisp" mew-submit-test-root)
           "-l" "mew-submit-module" "-f" "mew-submit-module--ensure"
           "--eval" (format "(princ %S)" form))
          (should (equal (buffer-string) printed))))
      (should (equal (mew-submit-test-octets out) "ab")))))

(declare-function mew-submit--mod-gate-open "ext:mew-submit-native"
                  (host port path most msecs certificate key implicit servers))

(ert-deftest mew-submit-module-tests-no-such-gate ()
  "Where a gate cannot listen is said in words, whatever is wrong with it."
  :tags '(:module)
  (mew-submit-module--ensure)
  (pcase-dolist (`(,host ,port) '(("127.0.0.1" 70000) ("127.0.0.1" -1) ("no.address" 0)))
    (ert-info ((format "%s %d" host port))
      (should (string-search "listen"
                             (mew-submit-error--text
                              (should-error (mew-submit--mod-gate-open
                                             host port "/socket" 1 1000 nil nil nil nil)
                                            :type 'mew-submit-config)))))))

(provide 'mew-submit-module-tests)
;;; mew-submit-module-tests.el ends here
