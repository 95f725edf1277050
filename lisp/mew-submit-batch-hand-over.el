;;; mew-submit-batch-hand-over.el --- A message for an Emacs that runs -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The user's Emacs, or the relay's, takes a message of sendmail(8) into its outbox.  It is
;; handed over as a file, and whoever renames that has it.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-background)
(require 'seq)
(require 'subr-x)

(declare-function server-eval-at "server" (server form))
(declare-function server-running-p "server" (&optional name))

(defvar server-socket-dir)
(defvar server-use-tcp)

(defvar mew-submit-batch-hand-over--servers '("server" "mew-submit")
  "The names of Emacs servers that may take a message, the best first.
The second one is the relay's.  The environment variable EMACS_SOCKET_NAME goes
before them.")

(defvar mew-submit-batch-hand-over--socket-directories
  (list (format "/run/user/%d/emacs" (user-uid))
        (format "/tmp/emacs%d" (user-uid)))
  "Where Emacs servers may be beside `server-socket-dir'.
cron, at and other daemons do not say XDG_RUNTIME_DIR.")

(defconst mew-submit-batch-hand-over--answer 10
  "Seconds to wait for an Emacs server to answer.")

(defvar mew-submit-batch-hand-over--caller 1
  "The same where an Emacs has called us: that one may wait for our end.")

(defconst mew-submit-batch-hand-over--taken 60
  "Seconds to wait for the answer of one that has taken the message.")

(defun mew-submit-batch-hand-over--patience ()
  "Return how many seconds to wait for an Emacs server to answer.
Emacs calls its `sendmail-program' and answers nobody until that has ended."
  (let ((attributes (process-attributes (emacs-pid))))
    (if (seq-some (lambda (_)
                    ;; A shell may be between.
                    (when-let* ((pid (alist-get 'ppid attributes)))
                      (setq attributes (process-attributes pid))
                      ;; Guix and Nix start .emacs-30.1-real by a script.
                      (string-match-p "\\`\\.?[Ee]macs"
                                      (or (alist-get 'comm attributes) ""))))
                  '(1 2 3))
        mew-submit-batch-hand-over--caller
      mew-submit-batch-hand-over--answer)))

(defun mew-submit-batch-hand-over--own-p (directory)
  "Is DIRECTORY one of this user?  Its owner could read what is put there."
  (eql (file-attribute-user-id (file-attributes directory)) (user-uid)))

(defun mew-submit-batch-hand-over--server ()
  "Return (NAME . DIRECTORY) of an Emacs server that has mew-submit, or nil."
  (require 'server)
  (catch 'found
    (dolist (directory (delete-dups
                        (cons (directory-file-name server-socket-dir)
                              mew-submit-batch-hand-over--socket-directories)))
      (when (mew-submit-batch-hand-over--own-p directory)
        (let ((server-socket-dir directory)
              (server-use-tcp nil))
          (dolist (name (append (ensure-list (getenv "EMACS_SOCKET_NAME"))
                                mew-submit-batch-hand-over--servers))
            (when (and (eq (ignore-errors (server-running-p name)) t)
                       (mew-submit-batch-hand-over--ask
                        name
                        '(and (fboundp 'mew-submit-sendmail-take) t)))
              (throw 'found (cons name directory)))))))))

(defun mew-submit-batch-hand-over--ask (name form &optional file)
  "Return the value of FORM in the Emacs server NAME, or nil without an answer.
It has a limited time, and more of it once FILE, the message, was taken."
  (let ((start (float-time))
        (patience (mew-submit-batch-hand-over--patience))
        (server-use-tcp nil)
        timer)
    (catch 'late
      (setq timer
            (run-at-time
             0.5 0.5 #'mew-submit-background--call
             (lambda ()
               (when (> (- (float-time) start)
                        (if (and file (not (file-exists-p file)))
                            mew-submit-batch-hand-over--taken
                          patience))
                 (throw 'late nil)))))
      (unwind-protect
          (ignore-errors (server-eval-at name form))
        (cancel-timer timer)))))

(defun mew-submit-batch-hand-over--take-back (file)
  "Take the message FILE back from an Emacs that may be about to take it.
Who comes first has it: return nil when that was us, else what to tell."
  (cond ((not (ignore-errors (rename-file file (concat file ".back")) t))
         (list :kind "internal" :lost t
               :text (format "Emacs has taken the message and does not answer; it \
is in %s.taken or in the outbox" file)))
        ((not (ignore-errors (rename-file (concat file ".back") file) t))
         (list :kind "internal" :lost t :text (format "The message is in %s.back" file)))))

(defun mew-submit-batch-hand-over--give (server file order)
  "Hand the message FILE to the Emacs SERVER, (NAME . DIRECTORY), with ORDER.
Return what `mew-submit-sendmail-take' does, or nil when it was not taken: an
Emacs that sees other files (a container, a private /tmp) cannot."
  (let* ((server-socket-dir (cdr server))
         (answer (mew-submit-batch-hand-over--ask
                  (car server)
                  `(mew-submit-sendmail-take ,file ',order)
                  file)))
    (if (plist-get answer :id)
        answer
      (mew-submit-batch-hand-over--take-back file))))

(provide 'mew-submit-batch-hand-over)
;;; mew-submit-batch-hand-over.el ends here
