;;; mew-submit-relay-delivery.el --- What becomes of a message that came to the relay -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the way of a message into the outbox, or the sink, and what the client is told.
;;
;; A message has one owner.  Until the reply to it is 250 that is the client; then it
;; is the outbox, where the message is on disk before.  While the client waits, what
;; the real server says is passed on: when nobody has got the message and the client
;; is told so with 4yz or 5yz, the message leaves the outbox first.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-alias)
(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-json)
(require 'mew-submit-message)
(require 'mew-submit-queue)
(require 'mew-submit-refusal)
(require 'mew-submit-relay-command)
(require 'mew-submit-relay-data)
(require 'mew-submit-relay-gate)
(require 'mew-submit-relay-session)
(require 'mew-submit-relay-smtp)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-spool)
(require 'mew-submit-way)
(require 'seq)

;;; The message has come

(defun mew-submit-relay--end-message (session)
  "The message of SESSION is there: have it put into the outbox soon.
One is put there at a time, so that Emacs can do other things between."
  (setf (mew-submit-relay--session-phase session) 'wait
        (mew-submit-relay--session-idle session) 0)
  (setq mew-submit-relay--committing
        (nconc mew-submit-relay--committing (list session)))
  (run-at-time 0 nil #'mew-submit-relay--commit-next))

(defun mew-submit-relay--commit-next ()
  "Put the message that has waited longest into the outbox."
  (when-let* ((session (pop mew-submit-relay--committing)))
    (setq mew-submit-relay--in-hand session)
    (unwind-protect
        (condition-case err
            (mew-submit-relay--commit session)
          (mew-submit-relay-no
           (mew-submit-relay--answer session (nth 1 err)
                                     (list (format "%s %s" (nth 2 err)
                                                   (nth 3 err)))))
          (error (mew-submit-relay--failed session err)))
      (setq mew-submit-relay--in-hand nil)
      (when (eq (mew-submit-relay--session-phase session) 'end)
        (mew-submit-relay--forget-message session)))))

(defun mew-submit-relay--failed (session err)
  "Tell SESSION that its message was not taken because of the condition ERR."
  (let ((text (mew-submit-relay-smtp--public (mew-submit-error--text err))))
    (mew-submit-relay--log "A message was not taken: %s"
                           (mew-submit-error--kind err))
    (pcase (mew-submit-error--kind err)
      ("message" (mew-submit-relay--answer session 554
                                           (list (concat "5.6.0 " text))))
      ("config" (mew-submit-relay--answer
                 session 451
                 (list (if (getenv "MEW_SUBMIT_COMMAND")
                           (format "4.3.5 %s  The relay reads its accounts when it starts"
                                   (mew-submit-report--sentence text))
                         ;; An Emacs has new ones at once.
                         (concat "4.3.5 " text)))))
      (_ (mew-submit-relay--answer session 451
                                   (list (concat "4.3.0 " text)))))))

(defun mew-submit-relay--commit (session)
  "Put the message of SESSION where it has to be, or signal a condition."
  (let* ((data (mew-submit-relay--session-data session))
         (fault (mew-submit-relay-data--finish data)))
    (when fault
      ;; Many a program does not show the answer: where it came from is looked at.
      (mew-submit-relay--log "A message was not taken: %s" (nth 2 fault))
      (signal 'mew-submit-relay-no fault))
    ;; Another program has sent it, so that is no sign of the user.
    (mew-submit-background--run
      (if mew-submit-relay--sink
          (mew-submit-relay--keep session)
        (mew-submit-relay--queue session)))))

(defun mew-submit-relay--account-redirected (session fields)
  "Return the account for the message of SESSION, which is redirected.
Its header has FIELDS.  Of the accounts that are for its sender, the one whose
server the client has called is the one, else the first; when there is none for
the sender, that of the server which was called."
  (let* ((sender (plist-get (mew-submit-relay--session-mail session) :from))
         (called (mew-submit-relay-gate--guest
                  (mew-submit-relay--session-process session) :server))
         (accounts (mew-submit-account--all))
         (called-p (lambda (account)
                     (and called
                          (seq-find (lambda (server)
                                      (equal called (plist-get server :server)))
                                    (mew-submit-account--servers account)))))
         (fitting (seq-filter (lambda (account)
                                (mew-submit-account--fits-p account sender))
                              accounts))
         (account (or (seq-find called-p fitting)
                      (car fitting)
                      (seq-find called-p accounts)
                      (and (mew-submit-account--homeless-p sender)
                           (mew-submit-account--default)))))
    (cond ((null account)
           (mew-submit-relay-smtp--no
            451 "4.3.5" "No account is for %s, or for the server that was called"
            (if (equal sender "") "the empty sender" sender)))
          (mew-submit-relay--account-function
           (funcall mew-submit-relay--account-function fields account))
          (t (mew-submit-request--account account fields)))))

(defun mew-submit-relay--account (session fields)
  "Return the account for the message of SESSION, whose header has FIELDS.
What the client asks for goes before what the account says."
  (let ((account (cond
                  ((and (not mew-submit-relay--one-server)
                        (mew-submit-relay--redirected-p
                         (mew-submit-relay--session-process session)))
                   (mew-submit-relay--account-redirected session fields))
                  (mew-submit-relay--account-function
                   (funcall mew-submit-relay--account-function fields))
                  (t (mew-submit-request--account nil fields))))
        (each (seq-filter #'cdr (mew-submit-relay--session-rcpt session))))
    (setq account (mew-submit-extension--merge
                   account
                   (plist-get (mew-submit-relay--session-mail session)
                              :wishes)))
    (if each
        (plist-put account :each
                   (mapcan (pcase-lambda (`(,address . ,wishes))
                             (mapcar (lambda (address) (cons address wishes))
                                     (mew-submit-alias--expand address account)))
                           (reverse each)))
      account)))

(defun mew-submit-relay--loop-p (account)
  "Does ACCOUNT lead back to this relay?"
  (let ((routes (plist-get account :routes))
        (own (mapcar #'mew-submit-relay--port mew-submit-relay--servers)))
    (and (mew-submit-account--local-p (plist-get account :server))
         (seq-some (lambda (route) (memq (car route) own))
                   (if (stringp routes)
                       (mew-submit-way--parse-routes routes)
                     routes)))))

(defun mew-submit-relay--recipients (session)
  "Return the recipients of SESSION's message, each once, in their order."
  (delete-dups (mapcar #'car
                       (reverse (mew-submit-relay--session-rcpt session)))))

(defun mew-submit-relay--queue (session)
  "Put the message of SESSION into the outbox, and let its client wait."
  (let* ((file (mew-submit-relay-data-file
                (mew-submit-relay--session-data session)))
         (fields (mew-submit-message--handed-over file))
         (mail (mew-submit-relay--session-mail session))
         (account (mew-submit-relay--account
                   session (mew-submit-request--sent-by
                            (mew-submit-message--filled fields '("from"))
                            (plist-get mail :from))))
         (waits (lambda ()
                  (and (> mew-submit-relay-wait 0)
                       ;; The next message of this client is not this one.
                       (eq mail (mew-submit-relay--session-mail session))
                       (mew-submit-relay--waits-p session))))
         id)
    (when (mew-submit-relay--loop-p account)
      (mew-submit-relay--log "A message was not taken: its account leads back to the relay")
      (mew-submit-relay-smtp--no 554 "5.4.6"
                                 "The relay would send it to itself"))
    (setq fields (mew-submit-request--with-sender
                  file (mew-submit-request--with-domain file fields account)
                  account (plist-get mail :from)))
    (mew-submit-message--complete
     file fields (mew-submit-account--qualify
                  account (or (ignore-errors (mew-submit-message--author fields))
                              (plist-get mail :from))))
    (setq id (mew-submit-queue--add
              file :move t :directory mew-submit-relay--directory
              :account account :settled t
              :from (plist-get mail :from)
              :recipients (delete-dups
                           (mapcan (lambda (address)
                                     (mew-submit-alias--expand address account))
                                   (mew-submit-relay--recipients session)))
              :on-ask mew-submit-relay--on-ask
              :whole waits
              :claim (lambda (entry done)
                       (and (funcall waits)
                            (mew-submit-relay--claim session entry done)))
              :on-done (lambda (done)
                         (mew-submit-relay--done session id done))))
    (setf (mew-submit-relay--session-id session) id
          (mew-submit-relay--session-data session) nil)
    (mew-submit-relay--log "%s is in the outbox" id)
    (if (<= mew-submit-relay-wait 0)
        (mew-submit-relay--queued session)
      (mew-submit-relay--set-timer session mew-submit-relay-wait
                                   #'mew-submit-relay--queued))))

(defun mew-submit-relay--waits-p (session)
  "Does the client of SESSION still wait for the answer to its message?"
  (and (eq (mew-submit-relay--session-phase session) 'wait)
       (process-live-p (mew-submit-relay--session-process session))
       (or (not (mew-submit-relay--session-deaf session))
           (mew-submit-relay--held-p session))
       t))

;;; The answer

(defun mew-submit-relay--answer (session code lines)
  "Answer the message of SESSION with CODE and LINES, and go on.
A client that has gone is forgotten."
  (cond
   ((mew-submit-relay--waits-p session)
    (mew-submit-relay--set-timer session nil nil)
    (mew-submit-relay--reply-lines session code lines)
    (setf (mew-submit-relay--session-phase session) 'command
          (mew-submit-relay--session-heard session) (float-time))
    (mew-submit-relay--forget-message session)
    (set-process-filter (mew-submit-relay--session-process session)
                        #'mew-submit-relay--filter)
    (mew-submit-relay--work session))
   ((eq (mew-submit-relay--session-phase session) 'wait)
    (mew-submit-relay--delete session))))

(defun mew-submit-relay--queued (session &optional why)
  "Tell the client of SESSION that its message is in the outbox, and WHY."
  (mew-submit-relay--answer
   session 250
   (list (format "2.0.0 queued as %s%s" (mew-submit-relay--session-id session)
                 (if why
                     (concat ": " (mew-submit-relay-smtp--public why))
                   "")))))

(defun mew-submit-relay--refusals (done)
  "Return the `recipient' events in DONE that are refusals."
  (seq-filter (lambda (recipient) (>= (or (plist-get recipient :code) 0) 400))
              (plist-get done :recipients)))

(defun mew-submit-relay--refusal-lines (done)
  "Return a line about each recipient that was refused according to DONE."
  (mapcar (lambda (recipient)
            (format "%s <%s>: %s"
                    (let ((enhanced (plist-get recipient :enhanced)))
                      (if (member enhanced '(nil ""))
                          (if (< (plist-get recipient :code) 500)
                              "4.0.0"
                            "5.0.0")
                        enhanced))
                    (plist-get recipient :address)
                    (plist-get recipient :text)))
          (mew-submit-relay--refusals done)))

(defun mew-submit-relay--verdict (done)
  "Return the reply (CODE . LINES) for DONE, after which nobody has the message.
Return nil when the network is to blame: then it is tried again."
  (let ((code (or (plist-get done :code) 0))
        (said (plist-get done :said))
        (text (mew-submit-relay-smtp--public (or (plist-get done :text) ""))))
    (pcase (plist-get done :kind)
      ;; 421 is about the connection there, and would end the one here.
      ((and (or "refused" "deferred")
            (guard (and said (<= 400 code 599) (/= code 421))))
       (cons code (append said
                          (and (cdr (plist-get done :recipients))
                               (mew-submit-relay--refusal-lines done)))))
      ("refused" (cons 554 (list (concat "5.0.0 " text))))
      ("message" (cons 554 (list (concat "5.6.0 " text))))
      ((or "auth" "insecure") (cons 451 (list (concat "4.7.0 " text))))
      ((or "config" "internal") (cons 451 (list (concat "4.3.5 " text)))))))

(defun mew-submit-relay--outcome (done)
  "Return the result of DONE for the log, with the cause where a server refused."
  (if-let* ((cause (plist-get done :cause)))
      (format "%s (%s: %s)" (plist-get done :result) cause
              (mew-submit-refusal--why done))
    (plist-get done :result)))

(defun mew-submit-relay--tell-verdict (session verdict done)
  "Have the client of SESSION, whose message is its own again, told VERDICT.
That is made of DONE."
  (mew-submit-relay--log "%s: %s, as its sender was told"
                         (mew-submit-relay--session-id session)
                         (mew-submit-relay--outcome done))
  (when (plist-get done :alarm)
    (display-warning 'mew-submit (mew-submit-report--done done) :emergency))
  ;; Nothing else may be answered from now on.
  (mew-submit-relay--set-timer session nil nil)
  (setf (mew-submit-relay--session-id session) nil)
  (run-at-time 0 nil #'mew-submit-relay--answer session (car verdict) (cdr verdict)))

(defun mew-submit-relay--claim (session _entry done)
  "Return a function that has SESSION's client told what is in DONE, or nil.
With a function the message is to be the client's again.  It is called when the
message is gone; one that stays is the outbox's."
  (when-let* ((verdict (mew-submit-relay--verdict done)))
    (lambda () (mew-submit-relay--tell-verdict session verdict done))))

(defun mew-submit-relay--success (session done)
  "Tell the client of SESSION that its message is delivered, with DONE.
Who was refused is told last, where git shows it."
  (let ((reply (or (plist-get done :reply) "")))
    (mew-submit-relay--answer
     session
     (if (string-match-p "\\`2[0-9][0-9]" reply)
         (string-to-number reply)
       250)
     (append (or (plist-get done :said) '("2.0.0 Ok"))
             (mapcar (lambda (line)
                       (concat "2.0.0 NOT delivered to "
                               (substring line (1+ (string-search " " line)))))
                     (mew-submit-relay--refusal-lines done))))))

(defun mew-submit-relay--again (id done)
  "Send the message ID to those the server takes, if it refused all for some.
That was for the client that waited; DONE is the end of that attempt."
  (when (and (equal (plist-get done :kind) "refused")
             (mew-submit-relay--refusals done)
             (cl-find 250 (plist-get done :recipients)
                      :key (lambda (recipient) (plist-get recipient :code))))
    (run-at-time 0 nil
                 (lambda ()
                   (ignore-errors
                     (mew-submit-queue--send id mew-submit-relay--directory))))))

(defun mew-submit-relay--done (session id done)
  "Tell the client of SESSION, if it still waits, how DONE left its message ID."
  (mew-submit-relay--log "%s: %s" id (mew-submit-relay--outcome done))
  (if (not (and (mew-submit-relay--waits-p session)
                (equal id (mew-submit-relay--session-id session))))
      (mew-submit-relay--again id done)
    (run-at-time
     0 nil
     (lambda ()
       (when (equal id (mew-submit-relay--session-id session))
         (if (equal (plist-get done :kind) "ok")
             (mew-submit-relay--success session done)
           (mew-submit-relay--queued session (plist-get done :text))
           ;; It was to be given back and could not be.
           (mew-submit-relay--again id done)))))))

;;; The sink

(defun mew-submit-relay--envelope (session id)
  "Return the envelope of SESSION's message ID as a line of JSON."
  (let ((mail (mew-submit-relay--session-mail session)))
    (mew-submit-json--line
     (list :id id
           :time (format-time-string "%Y-%m-%dT%H:%M:%S%z")
           :helo (mew-submit-relay--session-hello session)
           :from (plist-get mail :from)
           :recipients (vconcat (mew-submit-relay--recipients session))
           :smtputf8 (if (plist-get mail :utf8) t :false)
           :ret (plist-get (plist-get mail :wishes) :dsn-return)
           :envid (plist-get (plist-get mail :wishes) :dsn-id)))))

(defun mew-submit-relay--keep (session)
  "Keep the message of SESSION in the sink, as ID.eml and ID.json."
  (let* ((directory mew-submit-relay--directory)
         (id (mew-submit-spool--new-id directory))
         (name (lambda (suffix) (mew-submit-spool--file id suffix directory)))
         (coding-system-for-write 'no-conversion))
    (with-file-modes #o600
      (write-region (mew-submit-relay--envelope session id) nil
                    (funcall name ".json") nil 'silent))
    (mew-submit-spool--sync (funcall name ".json"))
    (let ((file (mew-submit-relay-data-file
                 (mew-submit-relay--session-data session))))
      (mew-submit-spool--sync file)
      (rename-file file (funcall name ".eml")))
    (mew-submit-spool--sync directory)
    (mew-submit-relay--log "%s is kept" id)
    (mew-submit-relay--answer session 250 (list (concat "2.0.0 kept as " id)))))

(provide 'mew-submit-relay-delivery)
;;; mew-submit-relay-delivery.el ends here
