;;; mew-submit-outbox.el --- Messages are on disk before anything is connected -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 3.  It owns the directory that holds the messages that are not delivered
;; yet.  A message enters it whole or not at all: under another name first, then
;; synced, renamed, and the directory synced.

;;; Code:

(require 'mew-submit-error)
(require 'mew-submit-message)
(require 'mew-submit-module)

(declare-function mew-submit--mod-sync "ext:mew-submit-module" (file))

(defcustom mew-submit-outbox-directory
  (locate-user-emacs-file "mew-submit/outbox/")
  "The directory that holds messages until they are delivered.
The default is \"mew-submit/outbox/\" in `user-emacs-directory'.  Nobody else
can read it."
  :type 'directory
  :group 'mew-submit
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defun mew-submit-outbox--sync (file)
  "Have FILE, or a directory, on disk."
  (mew-submit--mod-sync (encode-coding-string
                         (directory-file-name (expand-file-name file))
                         (or file-name-coding-system
                             default-file-name-coding-system 'utf-8))))

(defun mew-submit-outbox-prepare (directory)
  "Make DIRECTORY, for messages, if it does not exist; return its full name.
Signal `mew-submit-config' when it cannot be used."
  (let ((name (file-name-as-directory (expand-file-name directory))))
    (condition-case err
        (with-file-modes #o700
          (make-directory name t))
      (file-error
       (mew-submit-error-throw 'config nil "The outbox cannot be used: %s"
                               (error-message-string err))))
    (unless (and (file-directory-p name) (file-writable-p name))
      (mew-submit-error-throw 'config nil "The outbox cannot be written to: %s"
                              name))
    name))

(defun mew-submit-outbox-new-name (directory)
  "Return the name of a file in DIRECTORY that does not exist yet."
  (let (name)
    (while (file-exists-p
            (setq name (expand-file-name
                        (format-time-string
                         (format "%%Y%%m%%dT%%H%%M%%S-%06x.eml"
                                 (random #x1000000))
                         nil t)
                        directory))))
    name))

(defun mew-submit-outbox-add (file fields directory &optional move)
  "Put the message FILE, whose header has FIELDS, durably into DIRECTORY.
The fields that must not leave are left out.  With MOVE non-nil FILE, which is
in DIRECTORY already, goes away.  Return the name of the new file."
  (mew-submit-module-ensure)
  (let* ((name (mew-submit-outbox-new-name directory))
         (part (concat name ".part")))
    (unwind-protect
        (progn
          (if (and move (not (mew-submit-message-private-p fields)))
              (rename-file file part)
            (mew-submit-message-copy file fields part))
          (mew-submit-outbox--sync part)
          (rename-file part name)
          (mew-submit-outbox--sync directory)
          (when (and move (file-exists-p file))
            (delete-file file))
          name)
      (when (file-exists-p part)
        (delete-file part)))))

(defun mew-submit-outbox-discard (file)
  "Forget the message FILE, which is delivered."
  (when (file-exists-p file)
    (delete-file file)))

(provide 'mew-submit-outbox)
;;; mew-submit-outbox.el ends here
