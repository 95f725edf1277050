;;; mew-submit-batch-outbox.el --- The outbox from the command line -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What mailq is elsewhere:
;;
;;   Emacs -Q --batch -l mew-submit.el -f mew-submit-batch-outbox -- \
;;         [--json] [--outbox DIRECTORY] [--flush | --retry ID | --cancel ID | --delete ID]
;;
;; One line, or with --json one object, per message.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-batch-command)
(require 'mew-submit-error)
(require 'mew-submit-json)
(require 'mew-submit-module)
(require 'mew-submit-spool)
(require 'mew-submit-queue)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'seq)

(defconst mew-submit-batch-outbox--options
  '(("--outbox" :outbox "DIRECTORY" "instead of mew-submit-outbox-directory")
    ("--flush" :flush nil "try all that waits now, and say what came of it")
    ("--retry" :retry "ID" "send this message now, whatever its state")
    ("--cancel" :cancel "ID" "hold this message until told otherwise")
    ("--delete" :delete "ID" "delete this message for good")
    ("--json" :json nil "one JSON object per message on standard output")
    ("--help" :help nil "this text"))
  "The options, as `mew-submit-batch-command--parse' takes them.")

(defun mew-submit-batch-outbox--usage ()
  "Return the text for --help."
  (concat
   "usage: emacs -Q --batch -l mew-submit.el -f mew-submit-batch-outbox -- \
[options]\n"
   (mew-submit-batch-command--help mew-submit-batch-outbox--options)
   "Exit status: 0 nothing failed, 64 usage, 78 configuration; after --flush \
and --retry\nthe highest one of the messages that were tried (as with \
mew-submit-batch-send), 75\nat least if one could not be tried.\n"))

(defun mew-submit-batch-outbox--value (_name key value)
  "Return VALUE of an option whose key is KEY, a directory in full."
  (if (eq key :outbox) (expand-file-name value) value))

(defun mew-submit-batch-outbox--parse (args)
  "Return the options in ARGS as a plist."
  (let ((options (mew-submit-batch-command--parse args mew-submit-batch-outbox--options
                                                  #'mew-submit-batch-outbox--value)))
    (when-let* ((argument (car (plist-get options :arguments))))
      (mew-submit-error--throw 'usage nil "Not an option: %s" argument))
    (when (> (seq-count (lambda (key) (plist-get options key))
                        '(:flush :retry :cancel :delete))
             1)
      (mew-submit-error--throw
       'usage nil "--flush, --retry, --cancel and --delete exclude each other"))
    options))

;;; Telling

(defun mew-submit-batch-outbox--time (time &optional format)
  "Return TIME, a float or nil, by FORMAT, by default as JSON has it.
One that no calendar has, from a damaged file, is nil: the others are listed."
  (and time
       (ignore-errors
         (format-time-string (or format "%Y-%m-%dT%H:%M:%S%z") time))))

(defun mew-submit-batch-outbox--object (entry)
  "Return ENTRY as an object for JSON."
  (let ((account (plist-get entry :account)))
    (list :id (plist-get entry :id)
          :state (plist-get entry :state)
          :from (plist-get entry :from)
          :recipients (vconcat (plist-get entry :recipients))
          :subject (plist-get entry :subject)
          :bytes (plist-get entry :bytes)
          :attempts (or (plist-get entry :attempts) 0)
          :next (mew-submit-batch-outbox--time (plist-get entry :next))
          :last (plist-get entry :last)
          :cause (plist-get entry :cause)
          :remedy (plist-get entry :remedy)
          :account (plist-get account :name)
          :server (plist-get account :server)
          :created (mew-submit-batch-outbox--time (plist-get entry :created))
          :message-id (plist-get entry :message-id)
          :delivered (vconcat (plist-get entry :delivered))
          :unsent (vconcat (plist-get entry :unsent))
          :refused (vconcat
                    (mapcar (lambda (refusal)
                              (list :address (nth 0 refusal)
                                    :code (nth 1 refusal)
                                    :text (nth 2 refusal)))
                            (plist-get entry :refused)))
          :reply (plist-get entry :reply))))

(defun mew-submit-batch-outbox--line (entry)
  "Return ENTRY as a line for people."
  (encode-coding-string
   (concat
    (mew-submit-error--clean
     (format "%s  %-9s %s  %s  %sto %s%s%s"
             (plist-get entry :id) (plist-get entry :state)
             (file-size-human-readable (or (plist-get entry :bytes) 0))
             (or (mew-submit-batch-outbox--time (plist-get entry :created) "%F %R")
                 "-")
             ;; What is held until its account is known has no sender yet.
             (if-let* ((from (plist-get entry :from)))
                 (format "from <%s> " from)
               "")
             (if-let* ((recipients (plist-get entry :recipients)))
                 (mew-submit-report--people recipients)
               "nobody")
             (if-let* ((subject (plist-get entry :subject)))
                 (format ": %s" subject)
               "")
             (if-let* ((last (plist-get entry :last)))
                 (format "  (%s)" last)
               "")))
    "\n")
   'utf-8-unix))

(defun mew-submit-batch-outbox--list (options)
  "Print all messages, as OPTIONS want it."
  (let ((entries (mew-submit-known--entries)))
    (dolist (entry entries)
      (mew-submit-batch-command--print
       (if (plist-get options :json)
           (mew-submit-json--line (mew-submit-batch-outbox--object entry))
         (mew-submit-batch-outbox--line entry))))
    (unless (or entries (plist-get options :json))
      (mew-submit-batch-command--print
       (if (and (plist-get options :outbox)
                (not (file-exists-p mew-submit-outbox-directory)))
           (encode-coding-string (format "There is no outbox %s yet\n"
                                         mew-submit-outbox-directory)
                                 'utf-8)
         "The outbox is empty\n")))))

;;; Doing

(defun mew-submit-batch-outbox--entry (id)
  "Return the entry of the message ID, or signal `mew-submit-usage'."
  (or (mew-submit-known--entry id)
      (mew-submit-error--throw 'usage nil "No such message in the outbox: %s"
                               id)))

(defvar mew-submit-batch-outbox--status 0
  "The highest exit status of the attempts so far.")

(defvar mew-submit-batch-outbox--tried nil
  "The identifiers of the messages that were tried.")

(defun mew-submit-batch-outbox--done (entry done)
  "Tell how an attempt for ENTRY has ended with DONE."
  (push (plist-get entry :id) mew-submit-batch-outbox--tried)
  (mew-submit-batch-command--tell (format "%s: %s" (plist-get entry :id)
                                          (mew-submit-report--done done)))
  (setq mew-submit-batch-outbox--status
        (max mew-submit-batch-outbox--status (plist-get done :exit))))

(defun mew-submit-batch-outbox--flush ()
  "Send all that waits; tell of what could not even be tried.  Return the status.
Nobody is there to be asked for a password, or the outbox cannot be written to."
  (mew-submit-batch-outbox--settle #'mew-submit-queue--flush)
  (dolist (entry (mew-submit-known--entries))
    (when (and (eq (plist-get entry :state) 'queued)
               (not (member (plist-get entry :id) mew-submit-batch-outbox--tried)))
      (mew-submit-batch-command--tell
       (format "%s: not tried: %s" (plist-get entry :id)
               (or (plist-get entry :last) "another program has it")))
      (setq mew-submit-batch-outbox--status
            (max mew-submit-batch-outbox--status (mew-submit-error--status "deferred")))))
  mew-submit-batch-outbox--status)

(defun mew-submit-batch-outbox--interrupted ()
  "End Emacs, which was told to, when what is being sent has been stopped.
It stays in the outbox, and goes on with the next one.  This is on
`kill-emacs-hook'."
  (remove-hook 'kill-emacs-hook #'mew-submit-batch-outbox--interrupted)
  (mew-submit-dispatch--leave)
  (kill-emacs (mew-submit-batch-command--ended mew-submit-batch-outbox--status)))

(defun mew-submit-batch-outbox--settle (start)
  "Call START, wait for all attempts it leads to, and return the exit status.
That is the highest one of their ends."
  (let ((mew-submit-request--several t)
        (mew-submit-dispatch--done-functions '(mew-submit-batch-outbox--done)))
    (mew-submit-batch-command--watch-over #'mew-submit-batch-outbox--interrupted)
    (funcall start)
    (while (mew-submit-known--running)
      (mew-submit-queue--wait
       (plist-get (car (mew-submit-known--running)) :id)))
    mew-submit-batch-outbox--status))

(defun mew-submit-batch-outbox--user (function)
  "Call FUNCTION and make a `user-error' in it one of usage."
  (condition-case err
      (funcall function)
    (user-error
     (mew-submit-error--throw 'usage nil "%s" (error-message-string err)))))

(defun mew-submit-batch-outbox--do (options)
  "Do what OPTIONS say with the outbox, and return the exit status."
  (let* ((retry (plist-get options :retry))
         (cancel (plist-get options :cancel))
         (delete (plist-get options :delete))
         (named (or retry cancel delete))
         ;; Who names one means that one.
         (mew-submit-dispatch--only (and named (list named))))
    (when named
      (mew-submit-batch-outbox--entry named))
    (cond ((plist-get options :flush)
           (mew-submit-batch-outbox--flush))
          (retry
           (mew-submit-batch-outbox--settle
            (lambda ()
              (mew-submit-batch-outbox--user
               (lambda () (mew-submit-queue--send retry))))))
          (cancel
           (mew-submit-batch-outbox--user
            (lambda () (mew-submit-queue--cancel cancel)))
           0)
          (delete
           (mew-submit-batch-outbox--user
            (lambda () (mew-submit-queue--delete delete)))
           0)
          (t 0))))

(defun mew-submit-batch-outbox--tend (options)
  "Do what OPTIONS say, list what is there, and return the exit status."
  (let ((mew-submit-outbox-directory
         (or (plist-get options :outbox) mew-submit-outbox-directory)))
    (when (and (file-exists-p mew-submit-outbox-directory)
               (not (file-accessible-directory-p mew-submit-outbox-directory)))
      (mew-submit-error--throw 'config nil "The outbox is no directory that can be read: %s"
                               mew-submit-outbox-directory))
    (if (or (plist-get options :flush) (plist-get options :retry))
        (mew-submit-batch-command--ensure-module)
      (mew-submit-module--ensure))
    (mew-submit-known--refresh)
    (prog1 (mew-submit-batch-outbox--do options)
      (mew-submit-batch-outbox--list options))))

(defun mew-submit-batch-outbox--run (args)
  "Do what ARGS say, and return the exit status."
  (mew-submit-batch-command--do args #'mew-submit-batch-outbox--parse
                                #'mew-submit-batch-outbox--usage
                                #'mew-submit-batch-outbox--tend))

;;;###autoload
(defun mew-submit-batch-outbox ()
  "List the messages that are not delivered yet, and leave Emacs.
The options --flush, --retry, --cancel and --delete do something first."
  (mew-submit-batch-command--run #'mew-submit-batch-outbox--run))

(provide 'mew-submit-batch-outbox)
;;; mew-submit-batch-outbox.el ends here
