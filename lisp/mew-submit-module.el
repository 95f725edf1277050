;;; mew-submit-module.el --- Find, build and load the C module -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 1.  It owns where the module is, how it is built and whether the one
;; that was loaded fits this Lisp.  It calls nothing of the module but its
;; version.  Loading this file loads and builds nothing.

;;; Code:

(require 'mew-submit-error)

(declare-function mew-submit--mod-version "ext:mew-submit-module" ())
(declare-function mew-submit--mod-libraries "ext:mew-submit-module" ())
(declare-function mew-submit--mod-ignore-pipe "ext:mew-submit-module" ())

(defconst mew-submit-module-version "0.1.0"
  "The version the module has to have to fit this Lisp.")

(defcustom mew-submit-module-directory nil
  "The directory that holds the compiled module.
The default, nil, means the directory \"module\" of the package."
  :type '(choice (const :tag "The package's own" nil) directory)
  :group 'mew-submit
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defconst mew-submit-module--root
  (let ((here (file-name-directory
               (or (macroexp-file-name) buffer-file-name default-directory))))
    (if (file-directory-p (expand-file-name "module" here))
        here
      (file-name-directory (directory-file-name here))))
  "The directory of the package: the one that holds \"module\".")

(defun mew-submit-module-file ()
  "Return the name of the module's file, whether it exists or not.
Signal `mew-submit-config' when this Emacs cannot load modules."
  (unless (bound-and-true-p module-file-suffix)
    (mew-submit-error-throw
     'config nil "This Emacs has no support for dynamic modules; %s"
     "use one that was configured --with-modules"))
  (expand-file-name (concat "mew-submit-module" module-file-suffix)
                    (or mew-submit-module-directory
                        (expand-file-name "module" mew-submit-module--root))))

(defun mew-submit-module--check ()
  "Signal `mew-submit-config' unless the module that is loaded fits this Lisp."
  (let ((version (mew-submit--mod-version)))
    (unless (equal version mew-submit-module-version)
      (mew-submit-error-throw
       'config nil "The module %s has version %s, the Lisp files need %s: \
run `make module' in %s and restart Emacs (a loaded module cannot be replaced)"
       (mew-submit-module-file) version mew-submit-module-version
       (abbreviate-file-name mew-submit-module--root)))))

(defun mew-submit-module--load (file)
  "Load the module FILE, or signal `mew-submit-config'."
  (condition-case err
      (module-load file)
    (error
     (mew-submit-error-throw
      'config nil "The module %s cannot be loaded: %s; run `make module' in %s"
      file (error-message-string err)
      (abbreviate-file-name mew-submit-module--root)))))

(defun mew-submit-module-ensure ()
  "Load the module if it is not loaded yet, and check that it fits.
Where it is not built, ask whether to build it, and wait; in batch mode
signal `mew-submit-config' instead.  Return t."
  (unless (fboundp 'mew-submit--mod-version)
    (let ((file (mew-submit-module-file)))
      (unless (file-exists-p file)
        (mew-submit-build-module t))
      (mew-submit-module--load file)))
  (mew-submit-module--check)
  t)

(defun mew-submit-module-libraries ()
  "Return what the module was linked with, as a plist of versions.
It looks like (:gnutls \"3.7.9\" :gsasl \"2.2.0\")."
  (mew-submit-module-ensure)
  (mew-submit--mod-libraries))

(defun mew-submit-module-ignore-pipe ()
  "Keep this Emacs from ending with a connection made by Lisp.
By default a batch Emacs ends when it writes to a peer that has left, even when
that is but the word of parting that Emacs 30 has for a wrong certificate."
  (when noninteractive
    (mew-submit-module-ensure)
    (mew-submit--mod-ignore-pipe)))

;;; Building

(defun mew-submit-module--may-build ()
  "Return t if the user agrees to compile the module; else signal a condition."
  (let ((root (abbreviate-file-name mew-submit-module--root)))
    (cond
     (noninteractive
      (mew-submit-error-throw
       'config nil "The module %s is not built: run `make module' in %s"
       (mew-submit-module-file) root))
     ((not (file-exists-p (expand-file-name "Makefile" mew-submit-module--root)))
      (mew-submit-error-throw
       'config nil "The module is not built, and %s has no Makefile" root))
     ((y-or-n-p (format "Compile mew-submit's module in %s? " root)))
     (t
      (mew-submit-error-throw
       'config nil "The module is not built: run `make module' in %s" root)))))

(defun mew-submit-module--built (_buffer message)
  "Tell how building ended, with MESSAGE of `compilation-finish-functions'."
  (message "%s" (cond
                 ((not (string-prefix-p "finished" message))
                  "mew-submit: the module was not built; see *mew-submit build*")
                 ((fboundp 'mew-submit--mod-version)
                  "mew-submit: the module is built; restart Emacs to use it")
                 (t "mew-submit: the module is built"))))

(defun mew-submit-module--compile ()
  "Start `make module' in a compilation buffer and return its process."
  (let* ((default-directory mew-submit-module--root)
         (emacs (expand-file-name invocation-name invocation-directory))
         (buffer (compilation-start
                  (format "make module EMACS=%s" (shell-quote-argument emacs))
                  nil (lambda (_mode) "*mew-submit build*"))))
    (with-current-buffer buffer
      (add-hook 'compilation-finish-functions #'mew-submit-module--built nil t))
    (get-buffer-process buffer)))

;;;###autoload
(defun mew-submit-build-module (&optional wait)
  "Compile the C module with `make', after asking.
Emacs stays usable meanwhile.  Called from Lisp with WAIT non-nil, return when
it is built, or signal `mew-submit-config' when it is not."
  (interactive)
  (mew-submit-module--may-build)
  (let ((process (mew-submit-module--compile)))
    (when wait
      (while (process-live-p process)
        (accept-process-output process 0.2))
      (unless (file-exists-p (mew-submit-module-file))
        (mew-submit-error-throw
         'config nil "The module was not built; see the buffer %s"
         "*mew-submit build*")))))

(provide 'mew-submit-module)
;;; mew-submit-module.el ends here
