;;; mew-submit-batch-send.el --- Submitting from the command line -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The batch command:
;;
;;   Emacs -Q --batch -l mew-submit.el -f mew-submit-batch-send -- \
;;         [options] RECIPIENT... < message
;;
;; It owns the options, the exit status, and what is printed: lines for people on
;; standard error, or with --json one object per event on standard output.  It never
;; asks anything, and Emacs always ends with a status that says what happened.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-batch-command)
(require 'mew-submit-error)
(require 'mew-submit-json)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-batch-options)
(require 'mew-submit-spool)
(require 'mew-submit-queue)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'seq)

(declare-function mew-submit--mod-spool "ext:mew-submit-native" (fd file))

;;; Options

(defconst mew-submit-batch-send--options
  (append
   mew-submit-batch-options--rows
   '(("--from" :from "ADDRESS" "envelope sender; default: from the header")
     ("--outbox" :outbox "DIRECTORY" "keep the message there until it is \
delivered")
     ("--json" :json nil "one JSON object per event on standard output")
     ("-t" :header nil "recipients from the header too")
     ("--help" :help nil "this text")))
  "The options: (NAME KEY ARGUMENT WHAT-FOR).  ARGUMENT is nil for a flag.")

(defun mew-submit-batch-send--usage ()
  "Return the text for --help."
  (concat
   "usage: emacs -Q --batch -l mew-submit.el -f mew-submit-batch-send -- \
[options] RECIPIENT... < message\n"
   (mew-submit-batch-command--help mew-submit-batch-send--options)
   "Exit status: 0 delivered, 64 usage, 65 bad message or address, 68 no such \
host,\n69 refused, 70 internal, 74 uncertain, 75 deferred, 76 protocol error, \
77 insecure\nor authentication failed, 78 configuration.\n"))

(defun mew-submit-batch-send--parse (args)
  "Return the options in ARGS as a plist, with the recipients in :arguments."
  (mew-submit-batch-command--parse args mew-submit-batch-send--options
                                   #'mew-submit-batch-options--value))

(cl-defstruct (mew-submit-batch-send--work
               (:constructor mew-submit-batch-send--make-work)
               (:copier nil))
  (options nil :documentation "The plist of options.")
  (directory nil :documentation "Where the message is.")
  (raw nil :documentation "The file of the message as it came.")
  (id nil :documentation "The message's identifier, once it is there.")
  (done nil :documentation "The `done' event, once there is one."))

;;; Output

(defun mew-submit-batch-send--tell-done (done options)
  "Tell how the message ended, with DONE; OPTIONS say to whom."
  (if (plist-get options :json)
      (mew-submit-batch-command--print (mew-submit-json--event done))
    (dolist (attempt (plist-get done :attempts))
      (mew-submit-batch-command--tell (mew-submit-report--attempt attempt)))
    (let ((words (mew-submit-report--done (append '(:kept nil) done)))
          (kept (plist-get done :kept)))
      (mew-submit-batch-command--tell
       (if kept
           (mew-submit-report--sentences
            (mew-submit-report--sentence words)
            (format (if (equal (plist-get done :result) "delivered")
                        "It could not be taken out of the outbox yet: %s"
                      "The message is kept in %s")
                    kept))
         words)))))

(defun mew-submit-batch-send--on-event (options)
  "Return the function to call with each event, as OPTIONS want it."
  (when (plist-get options :json)
    (lambda (event)
      (unless (memq (plist-get event :event) '(done log))
        (mew-submit-batch-command--print (mew-submit-json--event event))))))

;;; The message

(defun mew-submit-batch-send--spool (file)
  "Copy standard input into the new FILE.
Signal `mew-submit-message' when it is empty."
  (when (zerop (mew-submit--mod-spool 0 (mew-submit-module--octets-name file)))
    (mew-submit-error--throw 'message nil
                             "The message on standard input is empty")))

(defun mew-submit-batch-send--fields (file)
  "Return the fields of FILE, the message that has been handed over.
Signal `mew-submit-message' when they stand behind an empty line: who gets it
would see no From, and what is there, such as Bcc, as text."
  (let ((fields (mew-submit-message--handed-over file)))
    (unless (seq-some (lambda (field) (not (equal (car field) ""))) fields)
      (with-temp-buffer
        (insert-file-contents-literally file nil 0 10000)
        (when (looking-at-p "\r*\n[ \t\r\n]*[!-9;-~]+:[ \t]")
          (mew-submit-error--throw
           'message nil "The message begins with an empty line, so that its header would be text: \
take that line away"))))
    fields))

(defun mew-submit-batch-send--recipients (options fields)
  "Return the recipients that OPTIONS and, with -t, FIELDS name."
  (append (plist-get options :arguments)
          (and (plist-get options :header)
               (mew-submit-message--recipients fields 'apart))))

(defun mew-submit-batch-send--submit (work account fields)
  "Put WORK's message, whose header has FIELDS, into the outbox; submit it.
ACCOUNT is how.  Return its identifier."
  (let ((options (mew-submit-batch-send--work-options work)))
    (mew-submit-queue--add
     (mew-submit-batch-send--work-raw work)
     :move t :account account :settled t
     :directory (mew-submit-batch-send--work-directory work)
     :from (plist-get options :from)
     :recipients (mew-submit-batch-send--recipients options fields)
     :on-event (mew-submit-batch-send--on-event options)
     :on-done (lambda (done) (setf (mew-submit-batch-send--work-done work) done))
     :on-ask (mew-submit-batch-options--on-ask options))))

;;; The command

(defvar mew-submit-batch-send--work nil
  "What is being done, for the case that Emacs is told to stop.")

(defun mew-submit-batch-send--conclude (work done)
  "Tell of DONE, the end of WORK, clean up, and return the exit status.
Without --outbox the directory goes away with all in it; with it the message
stays unless it was delivered or could not be taken."
  (let* ((options (mew-submit-batch-send--work-options work))
         (directory (mew-submit-batch-send--work-directory work))
         (id (mew-submit-batch-send--work-id work))
         (file (and id (plist-get options :outbox)
                    (mew-submit-spool--file id ".eml" directory)))
         (kept (and file (file-exists-p file) file)))
    (if (plist-get options :outbox)
        (mew-submit-batch-command--clean-up #'delete-file
                                            (mew-submit-batch-send--work-raw work))
      (mew-submit-batch-command--clean-up #'delete-directory directory t))
    (mew-submit-batch-send--tell-done (append done (and kept (list :kept kept)))
                                      options)
    (plist-get done :exit)))

(defun mew-submit-batch-send--interrupted ()
  "Cancel the job, tell how it ended, and end Emacs with the status for that.
This is on `kill-emacs-hook', which is run when Emacs is told to end."
  (remove-hook 'kill-emacs-hook #'mew-submit-batch-send--interrupted)
  (let ((work mew-submit-batch-send--work))
    (mew-submit-dispatch--leave)
    ;; It is there before that is known here: gpg is waited for then.
    (unless (mew-submit-batch-send--work-id work)
      (setf (mew-submit-batch-send--work-id work)
            (plist-get (car (mew-submit-known--entries
                             (mew-submit-batch-send--work-directory work)))
                       :id)))
    (kill-emacs
     (mew-submit-batch-command--ended
      (mew-submit-batch-send--conclude
       work (or (mew-submit-batch-send--work-done work)
                (mew-submit-error--done
                 '(mew-submit-cancelled :text "Told to stop"))))))))

(defun mew-submit-batch-send--start (work)
  "Start WORK: take the message in, and submit it.  Return its `done' event."
  (let* ((options (mew-submit-batch-send--work-options work))
         (directory (mew-submit-batch-send--work-directory work))
         (raw (mew-submit-batch-send--work-raw work)))
    (mew-submit-batch-send--spool raw)
    (let* ((fields (mew-submit-batch-send--fields raw))
           (from (plist-get options :from))
           (account (mew-submit-batch-options--account
                     options (if from
                                 (mew-submit-request--sent-by fields from)
                               fields)))
           (id (mew-submit-batch-send--submit work account fields)))
      (setf (mew-submit-batch-send--work-id work) id)
      (or (mew-submit-queue--wait id directory)
          (mew-submit-error--done
           ;; What is in an outbox waits there: who sent it again would send it twice.
           (list (if (plist-get options :outbox) 'mew-submit-internal 'mew-submit-config)
                 :text (or (plist-get (mew-submit-known--entry id directory)
                                      :last)
                           "The message could not be sent")))))))

(defun mew-submit-batch-send--prepare (options)
  "Return the work that OPTIONS ask for."
  (let* ((outbox (plist-get options :outbox))
         (directory (if outbox
                        (mew-submit-spool--prepare outbox)
                      (mew-submit-batch-command--make-directory))))
    (mew-submit-batch-send--make-work
     :options options :directory directory
     :raw (concat (mew-submit-spool--new-name directory) ".part"))))

(defun mew-submit-batch-send--deliver (options)
  "Submit standard input as OPTIONS say, wait, and return the exit status.
Signal a condition when there is nothing to begin with."
  (mew-submit-batch-options--check options)
  (unless (or (plist-get options :arguments) (plist-get options :header))
    (mew-submit-error--throw 'usage nil "No recipient: name one, or use -t"))
  (mew-submit-batch-options--check-server options)
  (mew-submit-batch-command--ensure-module)
  (mew-submit-batch-options--remember options)
  (let ((work (mew-submit-batch-send--prepare options))
        ;; What else is in --outbox would be stopped in the middle when this one has ended.
        (mew-submit-dispatch--only t))
    (setq mew-submit-batch-send--work work)
    (mew-submit-batch-command--watch-over #'mew-submit-batch-send--interrupted)
    (mew-submit-batch-send--conclude
     work
     (condition-case err
         (mew-submit-batch-send--start work)
       ((error quit) (mew-submit-error--done err))))))

(defun mew-submit-batch-send--run (args)
  "Do what ARGS say, and return the exit status."
  (let ((options (list :json (and (member "--json" args) t))))
    (mew-submit-batch-command--do
     args
     (lambda (args) (setq options (mew-submit-batch-send--parse args)))
     #'mew-submit-batch-send--usage
     #'mew-submit-batch-send--deliver
     (lambda (err)
       (let ((done (mew-submit-error--done err)))
         (mew-submit-batch-send--tell-done done options)
         (plist-get done :exit))))))

;;;###autoload
(defun mew-submit-batch-send ()
  "Submit the message on standard input and leave Emacs.
Options and recipients are on the command line behind \"--\"; --help lists them,
and the manual tells what the exit status means."
  (mew-submit-batch-command--run #'mew-submit-batch-send--run))

(provide 'mew-submit-batch-send)
;;; mew-submit-batch-send.el ends here
