;;; mew-submit-module.el --- Find, build and load the C module -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns where the module is, how it is built and whether the one
;; that was loaded fits this Lisp.  It calls nothing of the module but its
;; version.  Loading this file loads and builds nothing.

;;; Code:

(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
;; For who has told a package manager that the package is this directory.
;;;###autoload
(require 'mew-submit-loaddefs)
(require 'seq)

(declare-function mew-submit--mod-interface "ext:mew-submit-native" ())
(declare-function mew-submit--mod-libraries "ext:mew-submit-native" ())
(declare-function mew-submit--mod-end-when-told "ext:mew-submit-native"
                  (process seconds))
(declare-function mew-submit--mod-ignore-pipe "ext:mew-submit-native" ())

(defconst mew-submit-module--version "0.2.0"
  "The version of this Lisp.")

(defcustom mew-submit-module-directory nil
  "The directory that holds the compiled module, or is to hold it.
The default, nil, means: where it is found on `load-path', in the package, or in
\"mew-submit\" in your Emacs directory, in this order."
  :type '(choice (const :tag "Wherever it is found" nil) directory)
  :group 'mew-submit
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defconst mew-submit-module--lisp
  (file-name-directory (or (macroexp-file-name) buffer-file-name default-directory))
  "The directory of this file.")

(defun mew-submit-module--find-root (lisp)
  "Return the directory of the package whose Lisp is in LISP.
It is the one with the module's sources, if there is one: package managers link
to them from elsewhere, or put all Lisp files beside them."
  (let ((file (expand-file-name "mew-submit-module.el" lisp))
        (up (lambda (directory)
              (file-name-directory (directory-file-name directory)))))
    (or (seq-find (lambda (root)
                    (file-exists-p (expand-file-name "module/module.c" root)))
                  (mapcan (lambda (here) (list here (funcall up here)))
                          (list lisp (file-name-directory (file-truename file)))))
        (if (file-directory-p (expand-file-name "lisp" lisp))
            lisp
          (funcall up lisp)))))

(defconst mew-submit-module--root
  (mew-submit-module--find-root mew-submit-module--lisp)
  "The directory of the package: the one that holds \"module\".")

(defun mew-submit-module--name ()
  "Return the module's name as a file, without directory.
Signal `mew-submit-config' when this Emacs cannot load modules."
  (unless (bound-and-true-p module-file-suffix)
    (mew-submit-error--throw
     'config nil "This Emacs has no support for dynamic modules; %s"
     "use one that was configured --with-modules"))
  (concat "mew-submit-native" module-file-suffix))

(defun mew-submit-module--user-directory ()
  "Return the directory where a user's own module is."
  (locate-user-emacs-file "mew-submit/"))

(defun mew-submit-module--files ()
  "Return the files that may be the module and are there, the best first."
  (let ((name (mew-submit-module--name)))
    (seq-uniq
     (seq-filter
      #'file-exists-p
      (mapcar (lambda (directory) (expand-file-name name directory))
              (if mew-submit-module-directory
                  (list mew-submit-module-directory)
                ;; Not nil, which is wherever the user happens to be.
                (append (seq-filter #'stringp load-path)
                        (list (expand-file-name "module" mew-submit-module--root)
                              mew-submit-module--lisp
                              ;; Where a distribution's links lead.
                              (file-name-directory
                               (file-truename (expand-file-name "mew-submit-module.el"
                                                                mew-submit-module--lisp)))
                              (mew-submit-module--user-directory)))))))))

(defun mew-submit-module--target ()
  "Return the name of the file that is the module when it has been built here."
  (expand-file-name
   (mew-submit-module--name)
   (or mew-submit-module-directory
       (let ((own (expand-file-name "module" mew-submit-module--root)))
         (if (file-writable-p own) own (mew-submit-module--user-directory))))))

(defvar mew-submit-module--loaded nil
  "The module's file that was loaded last.")

(defvar mew-submit-module--refused nil
  "The files that do not fit, with what they were then and why: (FILE STAMP TEXT).")

(defvar mew-submit-module--used nil
  "Non-nil when a module has fitted in this Emacs.
It has threads then, and another cannot take its place.")

(defun mew-submit-module--file ()
  "Return the name of the module's file, whether it exists or not.
Signal `mew-submit-config' when this Emacs cannot load modules."
  (or mew-submit-module--loaded
      (car (mew-submit-module--files))
      (mew-submit-module--target)))

(defun mew-submit-module--fits-p ()
  "Is a module loaded, and of the interface that this Lisp needs?
It is the one that is used from then on."
  (and (fboundp 'mew-submit--mod-interface)
       (equal (mew-submit--mod-interface) mew-submit-module--interface)
       (setq mew-submit-module--used t)))

(defun mew-submit-module--load-as-new (file)
  "Load FILE by another name, since the system has loaded one of this name."
  (let ((directory (make-temp-file "mew-submit" t)))
    (unwind-protect
        (let ((link (expand-file-name (file-name-nondirectory file) directory)))
          (make-symbolic-link file link)
          (module-load link))
      (delete-directory directory t))))

(defun mew-submit-module--try (file)
  "Load FILE, unless it is known not to fit; return non-nil if it fits."
  (let* ((attributes (file-attributes file))
         ;; It is different for another file of the same name.
         (stamp (list (file-attribute-inode-number attributes)
                      (file-attribute-modification-time attributes)
                      (file-attribute-size attributes))))
    (unless (or mew-submit-module--used
                (equal stamp (cadr (assoc file mew-submit-module--refused))))
      (let ((why (condition-case err
                     (progn
                       (if (assoc file mew-submit-module--refused)
                           (mew-submit-module--load-as-new file)
                         (module-load file))
                       (setq mew-submit-module--loaded file)
                       (if (mew-submit-module--fits-p) nil
                         (format "The module %s is not of this version"
                                 (abbreviate-file-name file))))
                   (error (format "The module %s cannot be loaded: %s"
                                  (abbreviate-file-name file)
                                  (error-message-string err))))))
        (when why
          (setf (alist-get file mew-submit-module--refused nil nil #'equal)
                (list stamp why)))
        (setq mew-submit-module--used (not why))))))

(defun mew-submit-module--find ()
  "Load a module that fits, and return non-nil, if there is one.
Signal `mew-submit-config' when this Emacs cannot load modules."
  (seq-some #'mew-submit-module--try (mew-submit-module--files)))

(defun mew-submit-module--stale ()
  "Return why the modules that are there do not serve, or nil where there is none."
  (if (and mew-submit-module--used (not (mew-submit-module--fits-p)))
      "The module that is loaded is of another version, and cannot be replaced"
    (nth 2 (seq-some (lambda (file) (assoc file mew-submit-module--refused))
                     (mew-submit-module--files)))))

(defvar mew-submit-module--end-when-told nil
  "Non-nil in a batch command that the module does not watch over yet.")

(defconst mew-submit-module--grace 60
  "For how many seconds a batch command may go on after it was told to end.")

(defun mew-submit-module--told (_process octets)
  "Leave Emacs, which was told to by the signal whose number is in OCTETS."
  (kill-emacs (+ 128 (aref octets 0))))

(defun mew-submit-module--end-when-told ()
  "Have this Emacs, that of a batch command, end from its event loop when told.
Emacs itself runs `kill-emacs-hook' where the signal meets it: in the middle of
malloc or of a garbage collection it then hangs or crashes.  Who does not end in
time is killed, which the outbox can bear."
  (mew-submit--mod-end-when-told
   (make-pipe-process :name "mew-submit told" :buffer nil :noquery t :coding 'binary
                      :filter #'mew-submit-module--told)
   mew-submit-module--grace))

(defun mew-submit-module--ensure ()
  "Load the module if it is not loaded yet, and check that it fits.
Signal `mew-submit-config', which tells how to build it, where it is not built.
Return t."
  (unless (or (mew-submit-module--fits-p) (mew-submit-module--find))
    (mew-submit-module--throw-missing))
  (when mew-submit-module--end-when-told
    (setq mew-submit-module--end-when-told nil)
    (mew-submit-module--end-when-told))
  t)

(defun mew-submit-module--libraries ()
  "Return what the module was linked with, as a plist of versions.
It looks like (:gnutls \"3.7.9\" :gsasl \"2.2.0\")."
  (mew-submit-module--ensure)
  (mew-submit--mod-libraries))

(defun mew-submit-module--ignore-pipe ()
  "Keep this Emacs from ending with a connection made by Lisp.
By default a batch Emacs ends when it writes to a peer that has left, even when
that is but the word of parting that Emacs 30 has for a wrong certificate."
  (when noninteractive
    (mew-submit-module--ensure)
    (mew-submit--mod-ignore-pipe)))

;;; Names of files

(defun mew-submit-module--octets-name (file)
  "Return the name of FILE as the module, and the system, take it."
  (encode-coding-string (file-name-unquote (expand-file-name file))
                        (or file-name-coding-system
                            default-file-name-coding-system 'utf-8)))

(defun mew-submit-module--regular-p (file)
  "Is FILE a regular file?
Emacs, 30 as well, asks the system for another name where names are not UTF-8."
  (file-regular-p (mew-submit-module--octets-name file)))

;;; Building

;; The first build takes a while, and the mail that needs it waits in the outbox
;; meanwhile.  Emacs waits for nothing, and asks nothing that nobody has asked for: a
;; command may ask, and the outbox has a question stand in *mew-submit*.

(defvar mew-submit-module--process nil
  "The process that builds the module, or nil.")

(defvar mew-submit-module--rebuilt nil
  "The interfaces for which a module was built unasked.")

(defvar mew-submit-module--hook '(mew-submit-dispatch--module-is-there)
  "Hook that is run when a build has ended and the module is loaded.")

(defun mew-submit-module--building-p ()
  "Is the module being built?"
  (process-live-p mew-submit-module--process))

(defun mew-submit-module--makefile-p ()
  "Can the module be built here?"
  (file-exists-p (expand-file-name "Makefile" mew-submit-module--root)))

(defun mew-submit-module--buildable-p ()
  "Would building the module help?"
  (and (mew-submit-module--makefile-p)
       (not mew-submit-module--used)))

(defun mew-submit-module--throw-missing ()
  "Signal `mew-submit-config': there is no module that fits."
  (let ((root (abbreviate-file-name mew-submit-module--root))
        (why (mew-submit-module--stale)))
    (cond
     (mew-submit-module--used
      (mew-submit-error--throw 'config nil "%s: restart Emacs" why))
     ((mew-submit-module--building-p)
      (mew-submit-error--throw 'config nil "The module is being built: try again \
when that is done"))
     ;; Another build of it would be of no more use.
     ((and why (string-search "failed to map segment" why))
      (mew-submit-error--throw
       'config nil "The module %s cannot be loaded: nothing may be run from where it \
is (noexec).  Have mew-submit-module-directory name a directory where that is \
allowed, and build it there" (abbreviate-file-name (mew-submit-module--file))))
     ((not (mew-submit-module--makefile-p))
      (mew-submit-error--throw
       'config nil "%s, and its sources are not in %s: install the package whole, \
or have mew-submit-module-directory name the module's directory"
       (or why "The module is not built") root))
     (noninteractive
      (mew-submit-error--throw
       'config nil "%s: run `make module' in %s"
       (or why (format "The module %s is not built" (mew-submit-module--file))) root))
     (t
      (mew-submit-error--throw
       'config nil "%s: M-x mew-submit-build-module builds it"
       (or why "The module is not built"))))))

(defun mew-submit-module--missing-p ()
  "Is there no module that fits, where mail can wait and somebody is told so?"
  (not (or noninteractive
           (mew-submit-module--fits-p)
           (ignore-error mew-submit-config (mew-submit-module--find)))))

;; What a build needs, and what it is called where.

(defconst mew-submit-module--systems
  '(("apt-get" "sudo apt-get install" "make" "gcc libc6-dev" "pkg-config"
     "libgnutls28-dev" "libgsasl-dev")
    ("dnf" "sudo dnf install" "make" "gcc" "pkgconf-pkg-config" "gnutls-devel"
     "libgsasl-devel")
    ("zypper" "sudo zypper install" "make" "gcc" "pkg-config" "libgnutls-devel"
     "libgsasl-devel")
    ("pacman" "sudo pacman -S" "make" "gcc" "pkgconf" "gnutls" "gsasl")
    ("apk" "sudo apk add" "make" "gcc musl-dev" "pkgconf" "gnutls-dev" "gsasl-dev")
    ("brew" "brew install" "make" "gcc" "pkg-config" "gnutls" "gsasl")
    ("pkg" "sudo pkg install" "gmake" "gcc" "pkgconf" "gnutls" "libgsasl"))
  "For each package manager its command, and the names of what a build needs.")

(defun mew-submit-module--make ()
  "Return the name of GNU make here, or nil."
  (seq-find #'executable-find '("gmake" "make")))

(defun mew-submit-module--compiler ()
  "Return the name of the C compiler here, or nil."
  (or (getenv "CC") (seq-find #'executable-find '("cc" "gcc" "clang"))))

(defun mew-submit-module--library-p (&rest condition)
  "Does pkg-config know a library that satisfies CONDITION?"
  (ignore-errors
    ;; The directory of the buffer where somebody asks for it may be gone.
    (let ((default-directory "/"))
      (eq 0 (apply #'call-process "pkg-config" nil nil nil "--exists" condition)))))

(defun mew-submit-module--lacks ()
  "Return what a build needs and is not there: a list of (WORDS . COLUMN).
COLUMN is that of `mew-submit-module--systems'."
  (if (not (executable-find "pkg-config"))
      (append (unless (mew-submit-module--make) '(("GNU make" . 2)))
              (unless (mew-submit-module--compiler) '(("a C compiler" . 3)))
              ;; Without it nobody knows of the libraries; who has them loses nothing.
              '(("pkg-config" . 4) ("GnuTLS" . 5) ("GNU SASL" . 6)))
    (append (unless (mew-submit-module--make) '(("GNU make" . 2)))
            (unless (mew-submit-module--compiler) '(("a C compiler" . 3)))
            (unless (mew-submit-module--library-p "gnutls >= 3.7.2")
              '(("GnuTLS 3.7.2 or later" . 5)))
            (unless (mew-submit-module--library-p "libgsasl >= 2.0")
              '(("GNU SASL 2.0 or later" . 6))))))

(defun mew-submit-module--remedy (lacks)
  "Return in words what to do about LACKS."
  (let ((system (seq-find (lambda (row) (executable-find (car row)))
                          mew-submit-module--systems)))
    (format "Building the module needs %s: %s"
            (mapconcat #'car lacks ", ")
            (if system
                (concat (nth 1 system) " "
                        (mapconcat (lambda (lack) (nth (cdr lack) system)) lacks " "))
              "install that, with the files to compile against"))))

(defun mew-submit-module--what-is-missing (buffer)
  "Return the line of BUFFER with the reason why the build failed, or nil."
  (with-current-buffer buffer
    (save-excursion
      (goto-char (point-min))
      (mew-submit-caseless--folding
        (and (re-search-forward
              "^.*\\(?:is missing\\|not found\\|No such file\\|error:\\).*$" nil t)
             (mew-submit-error--clean (string-trim (match-string 0))))))))

(defun mew-submit-module--built (buffer message)
  "Tell how building in BUFFER ended, with MESSAGE, as a compilation has it.
Have the module loaded, and whoever waits for it go on."
  (setq mew-submit-module--process nil)
  (mew-submit-background--run
    (condition-case err
        (cond
         ((not (string-prefix-p "finished" message))
          (mew-submit-background--tell
           "The module was not built: %s.  Mail waits in the outbox; \
then M-x mew-submit-build-module again"
           (or (mew-submit-module--what-is-missing buffer)
               "see *mew-submit build*")))
         ((and mew-submit-module--used (not (mew-submit-module--fits-p)))
          (mew-submit-background--tell
           "The module is built; restart Emacs to use it.  Mail waits in the outbox"))
         (mew-submit-module--used
          (mew-submit-background--tell "The module is built; the next Emacs uses it"))
         (t
          (mew-submit-module--ensure)
          (mew-submit-background--tell "The module is built")
          (run-hooks 'mew-submit-module--hook)))
      (error (display-warning 'mew-submit (mew-submit-error--text err))))))

(defun mew-submit-module--command (target)
  "Return the shell command that builds the module as TARGET.
It runs in the package, or in a copy of what it needs beside TARGET."
  (let ((own (expand-file-name
              (concat "module/" (mew-submit-module--name)) mew-submit-module--root))
        (make (format "%s -j%d module CC=%s EMACS=%s"
                      (mew-submit-module--make) (min 4 (num-processors))
                      (shell-quote-argument (mew-submit-module--compiler))
                      (shell-quote-argument
                       (expand-file-name invocation-name invocation-directory)))))
    (if (equal own target) make
      (let ((scratch (expand-file-name "build" (file-name-directory target)))
            (quoted (shell-quote-argument target)))
        (format "rm -rf %1$s && mkdir %1$s && cp -R Makefile module %1$s && cd %1$s && \
chmod -R u+w . && rm -rf module/build module/%3$s && %2$s && \
mv -f module/%3$s %4$s && cd / && rm -rf %1$s"
                (shell-quote-argument scratch) make (mew-submit-module--name) quoted)))))

(defun mew-submit-module--start (target)
  "Start the program that builds the module as TARGET, and return its process."
  (let* ((default-directory mew-submit-module--root)
         (display-buffer-overriding-action
          '(display-buffer-no-window (allow-no-window . t)))
         (buffer (compilation-start (mew-submit-module--command target)
                                    nil (lambda (_mode) "*mew-submit build*"))))
    (with-current-buffer buffer
      (add-hook 'compilation-finish-functions #'mew-submit-module--built nil t))
    (setq mew-submit-module--process (get-buffer-process buffer))
    (when mew-submit-module--process
      (set-process-query-on-exit-flag mew-submit-module--process nil))
    mew-submit-module--process))

(defun mew-submit-module--build ()
  "Start to build the module in the background, in the buffer *mew-submit build*.
No window shows it.  Return its process, or that of the build that runs; nil,
when that has been told, where something is missing that a build needs."
  (if (mew-submit-module--building-p)
      mew-submit-module--process
    (let ((lacks (mew-submit-module--lacks))
          (target (mew-submit-module--target)))
      (if lacks
          (progn (message "%s" (mew-submit-module--remedy lacks)) nil)
        (make-directory (file-name-directory target) t)
        (mew-submit-module--start target)))))

(defun mew-submit-module--question ()
  "Return the question whether to build the module."
  (format "%s, in %s?"
          ;; One that is loaded could not be replaced before the next Emacs.
          (if (and (null (mew-submit-module--stale))
                   (seq-some #'mew-submit-module--regular-p (mew-submit-module--files)))
              "The module that sends mail is there already: compile it again"
            "Mail is sent by a module that is not compiled yet: compile it")
          (abbreviate-file-name
           (directory-file-name (file-name-directory (mew-submit-module--target))))))

(defun mew-submit-module--rebuild ()
  "Build the module anew, unasked, where there is one of another version.
Do it once; return non-nil if it is being built."
  (or (mew-submit-module--building-p)
      (and (mew-submit-module--stale)
           (mew-submit-module--makefile-p)
           (not (member mew-submit-module--interface mew-submit-module--rebuilt))
           (progn (push mew-submit-module--interface mew-submit-module--rebuilt)
                  (mew-submit-module--build)))))

(defun mew-submit-module--offer ()
  "Ask, for a command of the user, whether to build the module; begin to if so.
Return non-nil if it is being built."
  (or (mew-submit-module--rebuild)
      (when-let* ((lacks (mew-submit-module--lacks)))
        (user-error "%s" (mew-submit-module--remedy lacks)))
      ;; No box: its first button, yes, would have the focus.
      (let ((use-dialog-box nil))
        (discard-input)
        (and (y-or-n-p (concat (mew-submit-module--question) " "))
             (mew-submit-module--build)))))

;;;###autoload
(defun mew-submit-build-module ()
  "Compile the C module with GNU make, after asking.
Emacs stays usable meanwhile; mail that waits for it is sent when it is built."
  (interactive)
  (mew-submit-error--as-user-error
    (unless (mew-submit-module--makefile-p)
      (mew-submit-module--throw-missing)))
  (when (mew-submit-module--offer)
    (message "Building the module; *mew-submit build* shows how that goes")))

(provide 'mew-submit-module)
;;; mew-submit-module.el ends here
