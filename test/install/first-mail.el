;;; first-mail.el --- The first mail after installing -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; test/install/run loads this into an Emacs that has what a package manager
;; made known, and nothing else.  The environment has PORT, CA and COMMANDS.

;;; Code:

(require 'cl-lib)

(declare-function message-mail "message" (&optional to subject))
(declare-function message-send "message" (&optional arg))
(declare-function message-goto-body "message" (&optional interactive))
(declare-function mew-submit-build-module "mew-submit-module" ())
(declare-function mew-submit-mode "mew-submit-clients" (&optional arg))
(declare-function mew-submit-module--building-p "mew-submit-module" ())
(declare-function mew-submit-module--missing-p "mew-submit-module" ())
(declare-function mew-submit-queue--flush "mew-submit-queue" (&optional directory))
(declare-function mew-submit-known--queued-p "mew-submit-queue" ())
(declare-function mew-submit-known--running "mew-submit-queue" ())
(defvar mew-submit-accounts)
(defvar mew-submit-known--table)

(defun install-until (what predicate)
  "Wait for WHAT until PREDICATE is true."
  (let ((deadline (time-add nil 500)))
    (while (not (funcall predicate))
      (when (time-less-p deadline nil)
        (error "Waited in vain for %s" what))
      (accept-process-output nil 0.1))))

(defun install-check-commands ()
  "Signal an error unless each command of the file COMMANDS is known, unloaded."
  (when (featurep 'mew-submit)
    (error "Loaded already"))
  (with-temp-buffer
    (insert-file-contents (getenv "COMMANDS"))
    (dolist (name (split-string (buffer-string)))
      (unless (fboundp (intern name))
        (error "Not known: %s" name)))))

(defun install-first-mail ()
  "Do what a user does for the first mail."
  (install-check-commands)
  (let ((noninteractive nil))
    (setq mew-submit-accounts
          `((:server "127.0.0.1" :routes ,(concat (getenv "PORT") ":starttls")
                     :ca-file ,(getenv "CA") :auth "none"))
          user-mail-address "me@example.org"
          message-interactive nil)
    (mew-submit-mode 1)
    (install-send)))

(defun install-next-mail ()
  "Do what a user does after an upgrade; the accounts are there."
  (let ((noninteractive nil))
    (require 'mew-submit)
    (mew-submit-queue--flush)
    (install-send)))

(defun install-send ()
  "Send a mail, and build the module when it is missing; return when none waits."
  (message-mail "a@x" "The first mail")
  (message-goto-body)
  (insert "It works.\n")
  (message-send)
  (install-until "the outbox"
                 (lambda () (> (hash-table-count mew-submit-known--table) 0)))
  (when (mew-submit-module--missing-p)
    (cl-letf (((symbol-function 'y-or-n-p) #'always))
      (mew-submit-build-module))
    (install-until "the build" (lambda () (not (mew-submit-module--building-p)))))
  (install-until "the delivery"
                 (lambda () (= (hash-table-count mew-submit-known--table) 0))))

(defun install-flatten (source out)
  "Make of the tree SOURCE what MELPA makes of it by doc/recipe: OUT/mew-submit-9.9."
  (let* ((target (expand-file-name "mew-submit-9.9/" out))
         (recipe (with-temp-buffer
                   (insert-file-contents (expand-file-name "doc/recipe" source))
                   (read (current-buffer))))
         (put (lambda (pattern directory)
                (make-directory directory t)
                (dolist (file (file-expand-wildcards (expand-file-name pattern source)))
                  (copy-file file (file-name-as-directory directory))))))
    (dolist (entry (plist-get (cdr recipe) :files))
      (pcase entry
        (:defaults (funcall put "*.el" target)
                   (funcall put "lisp/*.el" target))
        ((pred stringp) (funcall put entry target))
        (`(,directory . ,patterns)
         (dolist (pattern patterns)
           (funcall put pattern (expand-file-name directory target))))))
    (with-temp-file (expand-file-name "mew-submit-pkg.el" target)
      (insert "(define-package \"mew-submit\" \"9.9\" \"x\" '((emacs \"28.1\")))\n"))))

(provide 'first-mail)
;;; first-mail.el ends here
