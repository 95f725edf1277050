;;; mew-submit-module.el --- Find, build and load the C module -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns where the module is, how it is built and whether the one
;; that was loaded fits this Lisp.  It calls nothing of the module but its
;; version.  Loading this file loads and builds nothing.

;;; Code:

(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-loaddefs)

(declare-function mew-submit--mod-version "ext:mew-submit-module" ())
(declare-function mew-submit--mod-libraries "ext:mew-submit-module" ())
(declare-function mew-submit--mod-ignore-pipe "ext:mew-submit-module" ())

(defconst mew-submit-module--version "0.1.0"
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

(defun mew-submit-module--file ()
  "Return the name of the module's file, whether it exists or not.
Signal `mew-submit-config' when this Emacs cannot load modules."
  (unless (bound-and-true-p module-file-suffix)
    (mew-submit-error--throw
     'config nil "This Emacs has no support for dynamic modules; %s"
     "use one that was configured --with-modules"))
  (expand-file-name (concat "mew-submit-module" module-file-suffix)
                    (or mew-submit-module-directory
                        (expand-file-name "module" mew-submit-module--root))))

(defun mew-submit-module--check ()
  "Signal `mew-submit-config' unless the module that is loaded fits this Lisp."
  (let ((version (mew-submit--mod-version)))
    (unless (equal version mew-submit-module--version)
      (mew-submit-error--throw
       'config nil "The module %s has version %s, the Lisp files need %s: \
run `make module' in %s and restart Emacs (a loaded module cannot be replaced)"
       (mew-submit-module--file) version mew-submit-module--version
       (abbreviate-file-name mew-submit-module--root)))))

(defun mew-submit-module--load (file)
  "Load the module FILE, or signal `mew-submit-config'."
  (condition-case err
      (module-load file)
    (error
     (mew-submit-error--throw
      'config nil "The module %s cannot be loaded: %s; run `make module' in %s"
      file (error-message-string err)
      (abbreviate-file-name mew-submit-module--root)))))

(defun mew-submit-module--ensure ()
  "Load the module if it is not loaded yet, and check that it fits.
Signal `mew-submit-config', which tells how to build it, where it is not built.
Return t."
  (unless (fboundp 'mew-submit--mod-version)
    (let ((file (mew-submit-module--file)))
      (unless (file-exists-p file)
        (mew-submit-module--throw-missing file))
      (mew-submit-module--load file)))
  (mew-submit-module--check)
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

;;; Building

;; The first build takes a while, and the mail that needs it waits in the outbox
;; meanwhile.  Emacs waits for nothing, and asks nothing that nobody has asked for: a
;; command may ask, and the outbox has a question stand in *mew-submit*.

(defvar mew-submit-module--process nil
  "The process that builds the module, or nil.")

(defvar mew-submit-module--hook '(mew-submit-queue--module-is-there)
  "Hook that is run when a build has ended and the module is loaded.")

(defun mew-submit-module--building-p ()
  "Is the module being built?"
  (process-live-p mew-submit-module--process))

(defun mew-submit-module--makefile-p ()
  "Can the module be built here?"
  (file-exists-p (expand-file-name "Makefile" mew-submit-module--root)))

(defun mew-submit-module--throw-missing (file)
  "Signal `mew-submit-config': the module FILE is not built."
  (let ((root (abbreviate-file-name mew-submit-module--root)))
    (cond
     ((mew-submit-module--building-p)
      (mew-submit-error--throw 'config nil "The module is being built: try again \
when that is done"))
     (noninteractive
      (mew-submit-error--throw
       'config nil "The module %s is not built: run `make module' in %s" file root))
     ((mew-submit-module--makefile-p)
      (mew-submit-error--throw
       'config nil "The module is not built: M-x mew-submit-build-module builds it"))
     (t
      (mew-submit-error--throw
       'config nil "The module is not built, and %s has no Makefile" root)))))

(defun mew-submit-module--missing-p ()
  "Is the module not built yet, where it can be and somebody can say so?"
  (and (not noninteractive)
       (not (fboundp 'mew-submit--mod-version))
       (not (file-exists-p (mew-submit-module--file)))
       (mew-submit-module--makefile-p)))

(defun mew-submit-module--what-is-missing (buffer)
  "Return the line of BUFFER with the reason why the build failed, or nil."
  (with-current-buffer buffer
    (save-excursion
      (goto-char (point-min))
      (let ((case-fold-search t))
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
          (message "The module was not built: %s.  Mail waits in the outbox; \
then M-x mew-submit-build-module again"
                   (or (mew-submit-module--what-is-missing buffer)
                       "see *mew-submit build*")))
         ((fboundp 'mew-submit--mod-version)
          (message "The module is built; restart Emacs to use it"))
         (t
          (mew-submit-module--ensure)
          (message "The module is built")
          (run-hooks 'mew-submit-module--hook)))
      (error (display-warning 'mew-submit (mew-submit-error--text err))))))

(defun mew-submit-module--build ()
  "Start `make module' in the background, in the buffer *mew-submit build*.
No window shows it.  Return its process, or that of the build that runs."
  (unless (mew-submit-module--building-p)
    (let* ((default-directory mew-submit-module--root)
           (emacs (expand-file-name invocation-name invocation-directory))
           (display-buffer-overriding-action
            '(display-buffer-no-window (allow-no-window . t)))
           (buffer (compilation-start
                    (format "make -j%d module EMACS=%s" (min 4 (num-processors))
                            (shell-quote-argument emacs))
                    nil (lambda (_mode) "*mew-submit build*"))))
      (with-current-buffer buffer
        (add-hook 'compilation-finish-functions #'mew-submit-module--built nil t))
      (setq mew-submit-module--process (get-buffer-process buffer))
      (when mew-submit-module--process
        (set-process-query-on-exit-flag mew-submit-module--process nil))))
  mew-submit-module--process)

(defun mew-submit-module--question ()
  "Return the question whether to build the module."
  (format "Mail is sent by a module that is not compiled yet: compile it, in %s?"
          (abbreviate-file-name mew-submit-module--root)))

(defun mew-submit-module--offer ()
  "Ask, for a command of the user, whether to build the module; begin to if so.
Return non-nil if it is being built."
  (or (mew-submit-module--building-p)
      ;; No box: its first button, yes, would have the focus.
      (let ((use-dialog-box nil))
        (discard-input)
        (and (y-or-n-p (concat (mew-submit-module--question) " "))
             (mew-submit-module--build)))))

;;;###autoload
(defun mew-submit-build-module ()
  "Compile the C module with `make', after asking.
Emacs stays usable meanwhile; mail that waits for it is sent when it is built."
  (interactive)
  (unless (mew-submit-module--makefile-p)
    (mew-submit-module--throw-missing (mew-submit-module--file)))
  (when (mew-submit-module--offer)
    (message "Building the module; *mew-submit build* shows how that goes")))

(provide 'mew-submit-module)
;;; mew-submit-module.el ends here
