;;; mew-submit-auth.el --- User names and passwords -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 2.  It owns where secrets come from: auth-source, with the same entries
;; that smtpmail uses, or a file in batch mode.  A secret stays a function until
;; the server has asked for it, over verified TLS.

;;; Code:

(require 'auth-source)
(require 'mew-submit-error)
(require 'seq)

(defconst mew-submit-auth--services
  '((25 "smtp") (465 "submissions" "smtps" "ssmtp") (587 "submission"))
  "The names ports go by in ~/.authinfo.")

(defun mew-submit-auth--ports (port)
  "Return lists of names for PORT, to be looked for one list after the other.
First PORT itself; then any port mail is submitted by, since the entry may have
been written for another one."
  (list (cons (format "%s" port)
              (cdr (assq port mew-submit-auth--services)))
        (mapcan (lambda (entry)
                  (cons (number-to-string (car entry))
                        (copy-sequence (cdr entry))))
                mew-submit-auth--services)))

(defun mew-submit-auth--quiet-sources ()
  "Return those of `auth-sources' that never ask the user anything."
  (seq-filter (lambda (source)
                (let ((file (if (stringp source) source
                              (and (listp source) (plist-get source :source)))))
                  (and (stringp file)
                       (not (string-match-p "\\.\\(?:gpg\\|plist\\|json\\)\\'"
                                            file))
                       (file-readable-p file))))
              auth-sources))

(defun mew-submit-auth-lookup (host port &optional user)
  "Return what auth-source knows for HOST and PORT, and USER if non-nil.
It is a plist with :user and :secret, a function, or nil.  In batch mode only
sources that need no prompt are read."
  (let ((auth-sources (if noninteractive
                          (mew-submit-auth--quiet-sources)
                        auth-sources)))
    (and auth-sources
         (seq-some (lambda (ports)
                     (car (apply #'auth-source-search
                                 :host host :port ports :max 1
                                 :require '(:user :secret)
                                 (and user (list :user user)))))
                   (mew-submit-auth--ports port)))))

(defun mew-submit-auth--prompt (host port user)
  "Ask for the password of USER at HOST and PORT, as auth-source does.
Return what `mew-submit-auth-lookup' returns, with a :save-function."
  (let ((auth-source-creation-prompts
         '((user . "SMTP user name for %h: ")
           (secret . "SMTP password for %u@%h: "))))
    (car (auth-source-search :host host :port (format "%s" port) :user user
                             :max 1 :require '(:user :secret) :create t))))

(defun mew-submit-auth--secret (found)
  "Return a copy of the secret in FOUND, encoded, which may be overwritten."
  (let ((secret (plist-get found :secret)))
    (encode-coding-string (if (functionp secret) (funcall secret) secret)
                          'utf-8)))

(defvar mew-submit-auth--unsaved nil
  "Passwords the user typed that no server has accepted yet.
A list of (JOB . SAVE-FUNCTION).")

(defun mew-submit-auth-answer (event)
  "Return (USER . PASSWORD) for the question EVENT, or nil.
EVENT is an `ask' event with :user, :host and :port.  The user is asked where
auth-source knows no password, but not in batch mode."
  (let* ((host (plist-get event :host))
         (port (plist-get event :port))
         (user (plist-get event :user))
         (found (or (mew-submit-auth-lookup host port user)
                    (and (not noninteractive)
                         (mew-submit-auth--prompt host port user)))))
    (when found
      (when-let ((save (plist-get found :save-function)))
        (push (cons (plist-get event :job) save) mew-submit-auth--unsaved))
      (cons (or user (plist-get found :user))
            (mew-submit-auth--secret found)))))

(defun mew-submit-auth-settle (job accepted host)
  "Do what is left to do for JOB when its server HOST has judged the password.
With ACCEPTED non-nil save a password the user typed; else forget what
auth-source remembers, so that nothing wrong is tried again."
  (let ((save (cdr (assq job mew-submit-auth--unsaved))))
    (setq mew-submit-auth--unsaved
          (assq-delete-all job mew-submit-auth--unsaved))
    (cond ((not accepted) (auth-source-forget+ :host host))
          ((functionp save) (funcall save)))))

(defun mew-submit-auth-read-file (file)
  "Return the first line of FILE, a password, as a unibyte string.
FILE may be a pipe.  Signal `mew-submit-config' when it cannot be read or the
line is empty."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (condition-case err
        (insert-file-contents-literally (expand-file-name file))
      (file-error
       (mew-submit-error-throw 'config nil "The password file cannot be read: %s"
                               (error-message-string err))))
    (goto-char (point-min))
    (skip-chars-forward "^\r\n")
    (when (bobp)
      (mew-submit-error-throw 'config nil
                              "The first line of the password file is empty: %s"
                              file))
    (prog1 (buffer-substring (point-min) (point))
      (erase-buffer))))

(provide 'mew-submit-auth)
;;; mew-submit-auth.el ends here
