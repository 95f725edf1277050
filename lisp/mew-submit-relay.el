;;; mew-submit-relay.el --- An SMTP server for the programs of this machine -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the local relay (the paper's Appendix B): listening, who may come
;; in, the order of commands, the limits, and what a client is told.  The grammar is
;; mew-submit-relay-smtp.el's, the message's octets mew-submit-relay-data.el's, and
;; what becomes of the message the queue's.  With TLS, or for redirected connections, it
;; is the module that listens: mew-submit-relay-gate.el's.
;;
;; A message has one owner.  Until the reply to it is 250 that is the client; then it
;; is the outbox, where the message is on disk before.  While the client waits, what
;; the real server says is passed on: when nobody has got the message and the client
;; is told so with 4yz or 5yz, the message leaves the outbox first.
;;
;; Emacs writes to a connection until all is taken, so a client that does not read
;; could hold it up: replies go out together, how much of them has not been taken is
;; looked at, and a timer ends a connection that does not take any more.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-alias)
(require 'mew-submit-dialog)
(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-json)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-spool)
(require 'mew-submit-plan)
(require 'mew-submit-queue)
(require 'mew-submit-relay-data)
(require 'mew-submit-relay-gate)
(require 'mew-submit-relay-peer)
(require 'mew-submit-relay-smtp)
(require 'mew-submit-refusal)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-store)
(require 'seq)

;;; Options

(defcustom mew-submit-relay-address "localhost"
  "Where the relay listens: \"localhost\", an IP address, or a list of those.
The default, \"localhost\", means 127.0.0.1 and ::1.  With an address that is
not a loopback one, only who is in `mew-submit-relay-networks' is let in."
  :type '(choice (const :tag "This machine alone" "localhost")
                 (string :tag "IP address")
                 (repeat (string :tag "IP address")))
  :group 'mew-submit-relay-network
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-relay-port 2587
  "The TCP port on which the relay listens.
The default is 2587.  With 0 the system chooses one; nil means no TCP port."
  :type '(choice natnum (const :tag "None" nil))
  :group 'mew-submit-relay-network
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-relay-socket nil
  "The Unix socket on which the relay listens, or nil.
The default is nil.  It is made in a directory that nobody else can enter."
  :type '(choice (const :tag "None" nil) file)
  :group 'mew-submit-relay-network
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-relay-certificate nil
  "The file with the relay's certificate, for TLS, or nil for no TLS.
The default is nil.  It is PEM, and the key may be in it too.  A file that does
not exist is made: a key, and a certificate for this machine that it signs
itself, whose fingerprint the relay tells when it starts."
  :type '(choice (const :tag "No TLS" nil) file)
  :group 'mew-submit-relay-network
  :package-version '(mew-submit . "0.2.0")
  :risky t)

(defcustom mew-submit-relay-key nil
  "The file with the key of `mew-submit-relay-certificate'.
The default, nil, means that it is in the same file."
  :type '(choice (const :tag "With the certificate" nil) file)
  :group 'mew-submit-relay-network
  :package-version '(mew-submit . "0.2.0")
  :risky t)

(defcustom mew-submit-relay-tls-port nil
  "The TCP port on which the relay has TLS from the first octet on, or nil.
The default is nil.  At `mew-submit-relay-port' clients ask for TLS (STARTTLS).
Both need a `mew-submit-relay-certificate'."
  :type '(choice natnum (const :tag "None" nil))
  :group 'mew-submit-relay-network
  :package-version '(mew-submit . "0.2.0")
  :risky t)

(defcustom mew-submit-relay-transparent nil
  "Whether the relay takes connections that were meant for other servers.
The default is nil.  A rule of the system's packet filter (nftables) leads them
here, on Linux alone; the manual has it.  The client's sender and the server it
has called choose the account."
  :type 'boolean
  :group 'mew-submit-relay-network
  :package-version '(mew-submit . "0.2.0")
  :risky t)

(defcustom mew-submit-relay-token nil
  "What a client of the relay must give as the password of AUTH PLAIN or LOGIN.
It is a string, or a function that returns one; its user name is of no account.
The default, nil, means that no log-in is wanted, and only processes of the same
user are let in.  With a token, whoever has it is let in."
  :type '(choice (const :tag "None" nil) string function)
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-relay-anyone nil
  "Whether every process of this machine may use the relay without a token.
The default is nil: only those of the same user may, and where the system does
not tell whose a process is, none may."
  :type 'boolean
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-relay-networks nil
  "The networks other than this machine from which the relay takes mail.
The default, nil, means none.  Each is an address, or ADDRESS/BITS; what is in
them may send mail in your name, and without TLS all that it says can be read
on the way.  With a `mew-submit-relay-token' they have to log in, inside TLS;
without a `mew-submit-relay-certificate' they are not let in then."
  :type '(repeat (string :tag "Network"))
  :group 'mew-submit-relay-network
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-relay-wait 20
  "Seconds for which a client of the relay waits for the real server's answer.
The default is 20.  An answer that comes in time is passed on word for word;
after that the client is told that the message is in the outbox.  With 0 it is
told so at once."
  :type 'number
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-relay-size 104857600
  "How many octets a message to the relay may have.
The default is 104857600, 100 MiB; nil means any number."
  :type '(choice natnum (const :tag "Any number" nil))
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-relay-connections 50
  "How many connections the relay has at a time.
The default is 50.  One more is told to come later, unless there is one on which
nothing has been said yet, or that has not logged in where it has to: that one
has to go."
  :type 'natnum
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-relay-recipients 1000
  "How many recipients a message to the relay may have.
The default is 1000."
  :type 'natnum
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-relay-timeout 300
  "Seconds after which the relay ends a connection on which nothing is said.
The default is 300.  A client that has said nothing at all, or has not logged in
where it has to, has a fifth of it."
  :type 'number
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0"))

(defconst mew-submit-relay--errors-max 20
  "How many errors a client may make.")

(defconst mew-submit-relay--wrong-max 10
  "How many wrong tokens may come from one place in an hour.
After that none is looked at: three in a connection would be any number.")

(defconst mew-submit-relay--wrong-kept 1000
  "How many wrong tokens are remembered.")

(defconst mew-submit-relay--idle-max 100
  "How many commands that lead nowhere a client may give before a message.")

(defconst mew-submit-relay--pending-max 16384
  "How many octets of what a client says while it has to wait are kept.")

(defconst mew-submit-relay--unread-max 65536
  "How many octets of replies a client may leave unread.")

(defconst mew-submit-relay--stuck 2
  "Seconds after which a connection that takes no reply is ended.")

(defconst mew-submit-relay--last-words 500
  "Milliseconds that it may take at the end until clients have been told of it.")

(defconst mew-submit-relay--linger 2
  "Seconds for which what a client still says is thrown away before the end.
Without that the system would throw away the last reply.")

(defvar mew-submit-relay--log-function #'ignore
  "Function called with a line about what happened at the relay.
No mail address, no text of a message and no token is ever in it.")

(declare-function mew-submit--mod-gate-rest "ext:mew-submit-native" (msecs))

(cl-defstruct (mew-submit-relay--session
               (:constructor mew-submit-relay--make-session)
               (:copier nil))
  (process nil :documentation "The connection.")
  (tls nil :documentation "How many octets it had sent when TLS began, or nil.")
  (taken 0 :documentation "How many octets it has sent.")
  (said 0 :documentation "How many octets it has been sent.")
  (phase 'command :documentation "What comes next: `command', `token' (of \
AUTH),
`data', `chunk', `wait' (nothing, it gets an answer first), or `end'.")
  (input "" :documentation "Octets that have come and are not dealt with.")
  (output nil :documentation "Replies that have not been sent, newest first.")
  (unread 0 :documentation "How many octets it may not have read.")
  (busy nil :documentation "Non-nil while its input is dealt with.")
  (fresh t :documentation "Non-nil until the first command.")
  (heard nil :documentation "When it said something last.")
  (began nil :documentation "When the message began to come.")
  (hello nil :documentation "What EHLO or HELO has said.")
  (trusted nil :documentation "Non-nil when no log-in is wanted any more.")
  (login nil :documentation "What comes next of AUTH LOGIN: `user', `password'; \
nil for PLAIN.")
  (attempts 0 :documentation "How often AUTH has failed.")
  (errors 0 :documentation "How many errors there were.")
  (idle 0 :documentation "How many commands since the last message.")
  (mail nil :documentation "What MAIL has said, a plist.")
  (rcpt nil :documentation "What each RCPT has said, newest first.")
  (data nil :documentation "The message that comes in.")
  (left 0 :documentation "How many octets of a chunk are still to come.")
  (last nil :documentation "Non-nil when that chunk is the last one.")
  (id nil :documentation "The identifier of the message it waits for.")
  (deaf nil :documentation "Non-nil while the system, not its end, tells whether \
it is there.")
  (timer nil :documentation "The timer for the end of waiting, or of it all."))

(defvar mew-submit-relay--servers nil
  "The processes that listen.")

(defvar mew-submit-relay--sessions nil
  "The sessions, the newest first.")

(defvar mew-submit-relay--wrong nil
  "Who gave a wrong token, and when: (PARTY . TIME), the newest first.")

(defvar mew-submit-relay--sweeper nil
  "The timer that looks for sessions whose time is over.")

(defvar mew-submit-relay--committing nil
  "The sessions whose message has come and is not in the outbox yet.")

(defvar mew-submit-relay--in-hand nil
  "The session whose message is being put into the outbox, or nil.")

(defvar mew-submit-relay--directory nil
  "The directory of the outbox that messages go to.")

(defvar mew-submit-relay--account-function nil
  "Function that returns the account for a message with the fields it is given.
For one that is redirected it is given the account that is chosen, too, which it
may change.  With nil, the message's sender decides.")

(defvar mew-submit-relay--one-server nil
  "Non-nil when that function has the same server for every message.")

(defvar mew-submit-relay--on-ask #'mew-submit-dialog--answer
  "Function that answers questions about messages that came to the relay.")

(defvar mew-submit-relay--sink nil
  "A directory for all messages, or nil.
With a directory, nothing is sent: what comes is kept there, and that is all.")

(defun mew-submit-relay--log (format &rest args)
  "Tell `mew-submit-relay--log-function' what FORMAT and ARGS say."
  (funcall mew-submit-relay--log-function (apply #'format format args)))

;;; Replies

(defun mew-submit-relay--contact (process key)
  "Return the address of PROCESS for KEY, a vector, or nil on a Unix socket.
KEY is `:remote', `:local', or `:called' for what the client has connected to,
from where a rule of the system's filter may have led it to the local one."
  (let ((contact (cond ((process-get process 'mew-submit-relay-guest)
                        (mew-submit-relay-gate--guest process key))
                       ((eq key :called) (process-contact process :local))
                       (t (process-contact process key)))))
    (and (vectorp contact) contact)))

(defun mew-submit-relay--who (process)
  "Return the address of the client of PROCESS, without port, for the log."
  (let ((remote (mew-submit-relay--contact process :remote)))
    (if remote
        (format-network-address remote t)
      "this machine")))

(defun mew-submit-relay--reads-p (session octets)
  "Does the client of SESSION read, so that OCTETS more can be sent to it?
What cannot be known is assumed."
  (let* ((process (mew-submit-relay--session-process session))
         (remote (mew-submit-relay--contact process :remote))
         (local (mew-submit-relay--contact process :local)))
    (when (> (cl-incf (mew-submit-relay--session-unread session) octets)
             mew-submit-relay--unread-max)
      (setf (mew-submit-relay--session-unread session)
            (+ octets (or (and remote local
                               (mew-submit-relay-peer--unread remote local))
                          0))))
    (<= (mew-submit-relay--session-unread session)
        mew-submit-relay--unread-max)))

(defun mew-submit-relay--write (process octets)
  "Send OCTETS to PROCESS, or end it when it does not take them.
One that is no connection has a function that takes them."
  (if-let* ((write (process-get process 'mew-submit-relay-write)))
      (funcall write octets)
    (mew-submit-relay--send process octets)))

(defun mew-submit-relay--send (process octets)
  "Send OCTETS to PROCESS, a connection, or end it when it does not take them."
  (let ((timer (run-at-time mew-submit-relay--stuck nil #'delete-process
                            process)))
    (unwind-protect
        (condition-case nil
            (process-send-string process octets)
          (error (delete-process process)))
      (cancel-timer timer))))

(defun mew-submit-relay--flush (session)
  "Send the replies of SESSION."
  (let ((octets (apply #'concat
                       (nreverse (mew-submit-relay--session-output session))))
        (process (mew-submit-relay--session-process session)))
    (setf (mew-submit-relay--session-output session) nil)
    (cl-incf (mew-submit-relay--session-said session) (length octets))
    (unless (or (string-empty-p octets) (not (process-live-p process)))
      (if (mew-submit-relay--reads-p session (length octets))
          (mew-submit-relay--write process octets)
        (mew-submit-relay--log "A client does not read what it is told")
        (delete-process process)))))

(defun mew-submit-relay--utf8-p (session)
  "May the client of SESSION be told what is not ASCII?"
  (plist-get (mew-submit-relay--session-mail session) :utf8))

(defun mew-submit-relay--reply (session code enhanced text)
  "Reply to SESSION with CODE, ENHANCED and TEXT.
A client that has not said EHLO knows no enhanced codes, which does no harm."
  (push (mew-submit-relay-smtp--reply code enhanced text
                                      (mew-submit-relay--utf8-p session))
        (mew-submit-relay--session-output session)))

(defun mew-submit-relay--reply-lines (session code lines)
  "Reply to SESSION with CODE and LINES."
  (push (mew-submit-relay-smtp--lines code lines
                                      (mew-submit-relay--utf8-p session))
        (mew-submit-relay--session-output session)))

;;; The end of a session

(defun mew-submit-relay--forget-message (session)
  "Forget the transaction of SESSION, and what has come of its message."
  (when-let* ((data (mew-submit-relay--session-data session)))
    (mew-submit-relay-data--discard data))
  (setf (mew-submit-relay--session-data session) nil
        (mew-submit-relay--session-mail session) nil
        (mew-submit-relay--session-rcpt session) nil
        (mew-submit-relay--session-id session) nil))

(defun mew-submit-relay--set-timer (session seconds function)
  "Have FUNCTION called with SESSION in SECONDS, instead of what was to be."
  (when (timerp (mew-submit-relay--session-timer session))
    (cancel-timer (mew-submit-relay--session-timer session)))
  (setf (mew-submit-relay--session-timer session)
        (and seconds (run-at-time seconds nil function session))))

(defun mew-submit-relay--gone (session)
  "Clean up after SESSION, whose connection is closed.
A message that has come whole is kept: nobody could be told anything else."
  (mew-submit-relay--set-timer session nil nil)
  (when (eql (mew-submit-relay--session-tls session)
             (mew-submit-relay--session-taken session))
    (mew-submit-relay--log "A client at %s has begun TLS and said nothing in it"
                           (mew-submit-relay--who
                            (mew-submit-relay--session-process session))))
  (setf (mew-submit-relay--session-phase session) 'end)
  (setq mew-submit-relay--sessions
        (delq session mew-submit-relay--sessions))
  (unless (or (memq session mew-submit-relay--committing)
              (eq session mew-submit-relay--in-hand))
    (mew-submit-relay--forget-message session)))

(defun mew-submit-relay--delete (session)
  "Close the connection of SESSION."
  (delete-process (mew-submit-relay--session-process session))
  (mew-submit-relay--gone session))

(defun mew-submit-relay--close (session)
  "Close the connection of SESSION when its last reply has been read."
  (let ((process (mew-submit-relay--session-process session)))
    (mew-submit-relay--flush session)
    (setf (mew-submit-relay--session-phase session) 'end
          (mew-submit-relay--session-input session) "")
    (setq mew-submit-relay--sessions
          (delq session mew-submit-relay--sessions))
    (if (not (process-live-p process))
        (mew-submit-relay--gone session)
      (ignore-errors (process-send-eof process))
      (set-process-filter process #'mew-submit-relay--filter)
      (mew-submit-relay--set-timer session mew-submit-relay--linger
                                   #'mew-submit-relay--delete))))

(defun mew-submit-relay--dismiss (session code enhanced text)
  "End SESSION with the reply CODE ENHANCED TEXT."
  (mew-submit-relay--reply session code enhanced text)
  (mew-submit-relay--close session))

;;; Who may come in

(defun mew-submit-relay--token ()
  "Return the token as octets, or nil."
  (let ((token (if (functionp mew-submit-relay-token)
                   (funcall mew-submit-relay-token)
                 mew-submit-relay-token)))
    (and token (encode-coding-string token 'utf-8))))

(defun mew-submit-relay--redirected-p (process)
  "Was the client of PROCESS led here by a rule of the system's filter?"
  (and mew-submit-relay-transparent
       (mew-submit-relay-gate--guest process :original)
       t))

(defun mew-submit-relay--elsewhere-p (process)
  "Is the client of PROCESS at another machine?
Who is redirected here from this one has not a loopback address, but a socket."
  (let ((remote (mew-submit-relay--contact process :remote)))
    (and remote
         (not (mew-submit-relay-peer--loopback-p remote))
         (not (and (mew-submit-relay--redirected-p process)
                   (mew-submit-relay-peer--held-p
                    remote (mew-submit-relay--contact process :called)))))))

(defun mew-submit-relay--trusted-p (process)
  "May the client of PROCESS, who is let in, send without a log-in?
What is redirected would show another server's password, and is never asked."
  (or (null mew-submit-relay-token)
      (mew-submit-relay--redirected-p process)))

(defun mew-submit-relay--tls-p (process)
  "Can the client of PROCESS have TLS?"
  (and mew-submit-relay-certificate
       (mew-submit-relay-gate--guest process :ticket)))

(defun mew-submit-relay--stranger (process)
  "Return why the client of PROCESS is not let in, or nil.
A Unix socket has no addresses; only its owner reaches it."
  (cond
   ((null (mew-submit-relay--contact process :remote)) nil)
   ((mew-submit-relay--elsewhere-p process)
    (cond ((not (mew-submit-relay-peer--in-p
                 (mew-submit-relay--contact process :remote)
                 mew-submit-relay-networks))
           "This relay serves its own machine only")
          ((and mew-submit-relay-token
                (mew-submit-relay--redirected-p process))
           "A log-in is wanted, which nobody who is redirected is asked for")
          ((and mew-submit-relay-token
                (not (mew-submit-relay--tls-p process)))
           "The token must not cross a network in the clear")))
   ((or mew-submit-relay-anyone
        (not (mew-submit-relay--trusted-p process)))
    nil)
   (t (let ((user (mew-submit-relay-peer--user
                   (mew-submit-relay--contact process :remote)
                   (mew-submit-relay--contact process :called))))
        (cond ((null user)
               "Whose process this is cannot be told; a token is wanted")
              ((/= user (user-uid))
               "This relay serves its own user only"))))))

(defun mew-submit-relay--nobody-p (session)
  "Has the client of SESSION said nothing yet, or not logged in where it has to?
Whoever can connect can do that, and does not keep others out with it."
  (or (mew-submit-relay--session-fresh session)
      (not (mew-submit-relay--session-trusted session))))

(defun mew-submit-relay--make-room ()
  "Have room for one more session, if that can be; return nil if not.
A client that has said nothing has to go, the one that has waited longest; else
one that has not logged in."
  (or (< (length mew-submit-relay--sessions) mew-submit-relay-connections)
      (let ((oldest (reverse mew-submit-relay--sessions)))
        (when-let* ((idle (or (seq-find #'mew-submit-relay--session-fresh oldest)
                              (seq-find #'mew-submit-relay--nobody-p oldest))))
          (mew-submit-relay--dismiss idle 421 "4.3.2" "Others are waiting")
          t))))

(defun mew-submit-relay--implicit-p (process)
  "Does PROCESS have TLS from the first octet on?"
  (process-get process 'mew-submit-relay-implicit))

(defun mew-submit-relay--turn-away (session code enhanced text)
  "End SESSION, which has not begun, with the reply CODE ENHANCED TEXT.
Where TLS is to come first nothing is said: it is not worth the trouble."
  (if (mew-submit-relay--implicit-p (mew-submit-relay--session-process session))
      (mew-submit-relay--delete session)
    (mew-submit-relay--dismiss session code enhanced text)))

(defun mew-submit-relay--secure (session)
  "Have TLS with the client of SESSION behind the replies so far.
Return nil when it has sent something behind what has been dealt with: that came
in the clear, from anybody, and must not be taken for a part of what TLS brings."
  (let ((pending (apply #'+ (mapcar #'length
                                    (mew-submit-relay--session-output session)))))
    (when (mew-submit-relay-gate--secure
           (mew-submit-relay--session-process session)
           (mew-submit-relay--session-taken session)
           (+ (mew-submit-relay--session-said session) pending))
      ;; Who says nothing inside TLS is one of those who have said nothing.
      (setf (mew-submit-relay--session-fresh session) t
            (mew-submit-relay--session-tls session)
            (mew-submit-relay--session-taken session)))))

(defun mew-submit-relay--greet (session)
  "Greet the client of SESSION, or send it away."
  (let* ((process (mew-submit-relay--session-process session))
         (stranger (mew-submit-relay--stranger process)))
    (cond
     ((mew-submit-relay-gate--guest process :loop)
      (mew-submit-relay--log "The relay's own connection was led back to it: \
the rule of the packet filter has to leave out its group")
      (mew-submit-relay--turn-away
       session 421 "4.4.6" "The packet filter has led mew-submit back to itself: \
its rule has to leave out the group of mew-submit"))
     (stranger
      (mew-submit-relay--log "Refused a connection from %s: %s"
                             (mew-submit-relay--who process) stranger)
      (mew-submit-relay--turn-away session 554 "5.7.1" stranger))
     ((not (mew-submit-relay--make-room))
      (mew-submit-relay--turn-away session 421 "4.3.2"
                                   "Too many connections, try again later"))
     ((and (mew-submit-relay--implicit-p process)
           (not (mew-submit-relay--secure session)))
      (mew-submit-relay--delete session))
     (t
      (push session mew-submit-relay--sessions)
      (mew-submit-relay--reply session 220 nil
                               (concat mew-submit-helo " ESMTP mew-submit"))
      (mew-submit-relay--flush session)))))

(defun mew-submit-relay--accept (server process _message)
  "Take PROCESS, a new connection to SERVER."
  (set-process-query-on-exit-flag process nil)
  (if (mew-submit-relay-gate--get server :handle)
      (progn
        (process-put process 'mew-submit-relay-implicit
                     (mew-submit-relay-gate--get server :implicit))
        (mew-submit-relay-gate--await process #'mew-submit-relay--introduced))
    (mew-submit-relay--begin process)))

(defun mew-submit-relay--introduced (process octets)
  "Begin a session on PROCESS, whose client has sent OCTETS already."
  (set-process-filter process #'mew-submit-relay--filter)
  (mew-submit-relay--begin process)
  (unless (string-empty-p octets)
    (mew-submit-relay--filter process octets)))

(defun mew-submit-relay--begin (process)
  "Begin a session on PROCESS, a new connection."
  (condition-case err
      (let ((session (mew-submit-relay--make-session
                      :process process :heard (float-time)
                      :trusted (mew-submit-relay--trusted-p process))))
        (process-put process 'mew-submit-relay session)
        (mew-submit-relay--greet session))
    (error (mew-submit-relay--log "A connection failed: %s"
                                  (mew-submit-error--text err))
           (delete-process process))))

;;; Commands

(defun mew-submit-relay--may-log-in-p (session)
  "May the client of SESSION show the token?
It must not cross a network in the clear."
  (and mew-submit-relay-token
       (not (mew-submit-relay--redirected-p
             (mew-submit-relay--session-process session)))
       (or (mew-submit-relay--session-tls session)
           (not (mew-submit-relay--elsewhere-p
                 (mew-submit-relay--session-process session))))))

(defun mew-submit-relay--may-begin-tls-p (session)
  "Can TLS begin in SESSION?"
  (and (null (mew-submit-relay--session-tls session))
       (mew-submit-relay--tls-p (mew-submit-relay--session-process session))))

(defun mew-submit-relay--keywords (session)
  "Return the lines of the reply to EHLO in SESSION."
  (append
   (list mew-submit-helo "PIPELINING"
         (format "SIZE %d" (or mew-submit-relay-size 0))
         "8BITMIME" "SMTPUTF8" "CHUNKING" "DSN" "ENHANCEDSTATUSCODES")
   (and (mew-submit-relay--may-begin-tls-p session) '("STARTTLS"))
   (and (mew-submit-relay--may-log-in-p session) '("AUTH PLAIN LOGIN"))))

(defun mew-submit-relay--hello (session argument)
  "Answer EHLO or HELO with ARGUMENT in SESSION; a transaction ends."
  (setf (mew-submit-relay--session-hello session)
        (mew-submit-relay-smtp--hello argument))
  (mew-submit-relay--forget-message session))

(defun mew-submit-relay--ehlo (session argument)
  "Carry out EHLO ARGUMENT in SESSION."
  (mew-submit-relay--hello session argument)
  (mew-submit-relay--reply-lines session 250 (mew-submit-relay--keywords session)))

(defun mew-submit-relay--helo (session argument)
  "Carry out HELO ARGUMENT in SESSION."
  (mew-submit-relay--hello session argument)
  (mew-submit-relay--reply-lines session 250 (list mew-submit-helo)))

(defun mew-submit-relay--starttls (session argument)
  "Carry out STARTTLS, whose ARGUMENT is empty, in SESSION.
All that was said before is forgotten (RFC 3207, section 4.2)."
  (mew-submit-relay-smtp--nothing "STARTTLS" argument)
  (cond
   ((mew-submit-relay--session-tls session)
    (mew-submit-relay-smtp--no 503 "5.5.1" "There is TLS already"))
   ((not (mew-submit-relay--may-begin-tls-p session))
    (mew-submit-relay-smtp--no 502 "5.5.1" "There is no TLS here")))
  (mew-submit-relay--reply session 220 "2.0.0" "Go on with TLS")
  (cond
   ((mew-submit-relay--secure session)
    (mew-submit-relay--forget-message session)
    (setf (mew-submit-relay--session-hello session) nil
          (mew-submit-relay--session-trusted session)
          (mew-submit-relay--trusted-p
           (mew-submit-relay--session-process session))))
   (t
    (pop (mew-submit-relay--session-output session))
    (mew-submit-relay--dismiss
     session 554 "5.5.0" "Something follows STARTTLS before it is answered"))))

(defun mew-submit-relay--party (process)
  "Return who is at the other end of PROCESS, or nil for who need not guess.
That is a machine or its network, or another user of this machine."
  (when-let* ((remote (mew-submit-relay--contact process :remote)))
    (if (mew-submit-relay--elsewhere-p process)
        (mew-submit-relay-peer--network remote)
      (let ((user (mew-submit-relay-peer--user
                   remote (mew-submit-relay--contact process :called))))
        (and (not (eql user (user-uid)))
             (list user))))))

(defun mew-submit-relay--guessed-p (party)
  "Did PARTY give so many wrong tokens that no more are looked at?"
  (and party
       (<= mew-submit-relay--wrong-max
           (seq-count (pcase-lambda (`(,who . ,time))
                        (and (equal who party) (< (- (float-time) time) 3600)))
                      mew-submit-relay--wrong))))

(defun mew-submit-relay--wrong-token (session party)
  "Note that the client of SESSION, which is PARTY, gave a wrong token; refuse it."
  (let ((who (mew-submit-relay--who (mew-submit-relay--session-process session))))
    (when party
      (setq mew-submit-relay--wrong
            (seq-take (cons (cons party (float-time)) mew-submit-relay--wrong)
                      mew-submit-relay--wrong-kept)))
    (mew-submit-relay--log "A client at %s gave a wrong token" who)
    (when (mew-submit-relay--guessed-p party)
      (mew-submit-relay--log "No more tokens from %s are looked at for an hour" who)))
  (if (< (cl-incf (mew-submit-relay--session-attempts session)) 3)
      (mew-submit-relay-smtp--no 535 "5.7.8" "That is not the token")
    (mew-submit-relay--dismiss session 421 "4.7.0"
                               "That is not the token, either")))

(defun mew-submit-relay--judge-token (session given)
  "Let the client of SESSION in if GIVEN, octets from it, is the token.
Wipe it."
  (let* ((party (mew-submit-relay--party
                 (mew-submit-relay--session-process session)))
         (guessed (mew-submit-relay--guessed-p party))
         (same (unwind-protect
                   (and (not guessed)
                        (mew-submit-relay-smtp--same-p given
                                                       (mew-submit-relay--token)))
                 (clear-string given))))
    (cond
     (guessed
      (mew-submit-relay--dismiss
       session 421 "4.7.0" "Too many wrong tokens came from there: come again in \
an hour"))
     (same
      (setf (mew-submit-relay--session-trusted session) t)
      (mew-submit-relay--reply session 235 "2.7.0" "Welcome"))
     (t (mew-submit-relay--wrong-token session party)))))

(defun mew-submit-relay--ask-token (session login prompt)
  "Have the client of SESSION go on with AUTH LOGIN's LOGIN, or with PLAIN on nil.
PROMPT is what it is told, base64."
  (setf (mew-submit-relay--session-phase session) 'token
        (mew-submit-relay--session-login session) login)
  (mew-submit-relay--reply-lines session 334 (list prompt)))

(defun mew-submit-relay--auth (session argument)
  "Carry out AUTH ARGUMENT in SESSION."
  (pcase-let ((`(,mechanism . ,rest) (split-string argument " +" t)))
    (cond
     ((null mew-submit-relay-token)
      (mew-submit-relay-smtp--no 503 "5.5.1" "No log-in is wanted"))
     ((not (mew-submit-relay--may-log-in-p session))
      (mew-submit-relay-smtp--no 538 "5.7.11" "Begin TLS first (STARTTLS)"))
     ((null (mew-submit-relay--session-hello session))
      (mew-submit-relay-smtp--no 503 "5.5.1" "EHLO first"))
     ((or (mew-submit-relay--session-trusted session)
          (mew-submit-relay--session-mail session))
      (mew-submit-relay-smtp--no 503 "5.5.1" "Not now"))
     ((cdr rest)
      (mew-submit-relay-smtp--no 501 "5.5.4" "AUTH, a mechanism, and what it says")))
    (pcase (upcase (or mechanism ""))
      ("PLAIN" (if rest
                   (mew-submit-relay--judge-token
                    session (mew-submit-relay-smtp--plain (car rest)))
                 (mew-submit-relay--ask-token session nil "")))
      ;; "Username:" and "Password:"; who the user is, is of no account.
      ("LOGIN" (if rest
                   (mew-submit-relay--ask-token session 'password "UGFzc3dvcmQ6")
                 (mew-submit-relay--ask-token session 'user "VXNlcm5hbWU6")))
      (_ (mew-submit-relay-smtp--no 504 "5.5.4" "Only PLAIN and LOGIN are known")))))

(defun mew-submit-relay--token-line (session line)
  "Take LINE, the next one of an AUTH in SESSION."
  (setf (mew-submit-relay--session-phase session) 'command)
  (if (equal line "*")
      (mew-submit-relay-smtp--no 501 "5.7.0" "As you like")
    (pcase (mew-submit-relay--session-login session)
      ('user (mew-submit-relay--ask-token session 'password "UGFzc3dvcmQ6"))
      ('password (mew-submit-relay--judge-token
                  session (mew-submit-relay-smtp--base64 line)))
      (_ (mew-submit-relay--judge-token
          session (mew-submit-relay-smtp--plain line))))))

(defun mew-submit-relay--mail (session argument)
  "Carry out MAIL ARGUMENT in SESSION."
  (cond ((null (mew-submit-relay--session-hello session))
         (mew-submit-relay-smtp--no 503 "5.5.1" "EHLO first"))
        ((not (or (mew-submit-relay--session-trusted session)
                  (mew-submit-relay--may-log-in-p session)))
         (mew-submit-relay-smtp--no 530 "5.7.0"
                                    "Begin TLS first (STARTTLS), then log in"))
        ((not (mew-submit-relay--session-trusted session))
         (mew-submit-relay-smtp--no 530 "5.7.0" "Log in first (AUTH PLAIN)"))
        ((mew-submit-relay--session-mail session)
         (mew-submit-relay-smtp--no 503 "5.5.1" "There is a sender already")))
  (setf (mew-submit-relay--session-mail session)
        (mew-submit-relay-smtp--mail argument mew-submit-relay-size))
  (mew-submit-relay--reply session 250 "2.1.0" "Ok"))

(defun mew-submit-relay--rcpt (session argument)
  "Carry out RCPT ARGUMENT in SESSION."
  (let ((mail (mew-submit-relay--session-mail session)))
    (cond ((null mail)
           (mew-submit-relay-smtp--no 503 "5.5.1" "MAIL first"))
          ((mew-submit-relay--session-data session)
           (mew-submit-relay-smtp--no 503 "5.5.1" "The message has begun"))
          ((>= (length (mew-submit-relay--session-rcpt session))
               mew-submit-relay-recipients)
           (mew-submit-relay-smtp--no 452 "4.5.3" "Too many recipients")))
    (push (mew-submit-relay-smtp--rcpt argument (plist-get mail :utf8))
          (mew-submit-relay--session-rcpt session))
    (mew-submit-relay--reply session 250 "2.1.5" "Ok")))

(defun mew-submit-relay--begin-message (session)
  "Begin the message of SESSION, unless it is not time for it."
  (cond ((null (mew-submit-relay--session-mail session))
         (mew-submit-relay-smtp--no 503 "5.5.1" "MAIL first"))
        ((null (mew-submit-relay--session-rcpt session))
         (mew-submit-relay-smtp--no 554 "5.5.1" "No recipient")))
  (setf (mew-submit-relay--session-began session) (float-time)
        (mew-submit-relay--session-data session)
        (mew-submit-relay-data--start
         (concat (mew-submit-spool--new-name mew-submit-relay--directory)
                 ".relay.part")
         mew-submit-relay-size)))

(defun mew-submit-relay--data (session argument)
  "Carry out DATA, whose ARGUMENT is empty, in SESSION."
  (mew-submit-relay-smtp--nothing "DATA" argument)
  (when (mew-submit-relay--session-data session)
    (mew-submit-relay-smtp--no 503 "5.5.1" "The message comes by BDAT"))
  (mew-submit-relay--begin-message session)
  (setf (mew-submit-relay--session-phase session) 'data)
  (mew-submit-relay--reply session 354 nil "Go on, and end with a dot alone"))

(defun mew-submit-relay--bdat (session argument)
  "Carry out BDAT ARGUMENT in SESSION: the octets come next, whatever it is told."
  (pcase-let ((`(,octets . ,last) (mew-submit-relay-smtp--size argument)))
    (if (and mew-submit-relay-size (> octets (* 2 mew-submit-relay-size)))
        (mew-submit-relay--dismiss session 552 "5.3.4" "That is too much")
      (setf (mew-submit-relay--session-left session) octets
            (mew-submit-relay--session-last session) last
            (mew-submit-relay--session-phase session) 'chunk)
      (unless (mew-submit-relay--session-data session)
        (mew-submit-relay--begin-message session)))))

(defun mew-submit-relay--rset (session argument)
  "Carry out RSET, whose ARGUMENT is empty, in SESSION."
  (mew-submit-relay-smtp--nothing "RSET" argument)
  (mew-submit-relay--forget-message session)
  (mew-submit-relay--reply session 250 "2.0.0" "Ok"))

(defun mew-submit-relay--quit (session _argument)
  "Carry out QUIT in SESSION."
  (mew-submit-relay--dismiss session 221 "2.0.0" "Bye"))

(defun mew-submit-relay--simple (code enhanced text)
  "Return a command that replies with CODE, ENHANCED and TEXT, whatever comes."
  (lambda (session _argument)
    (mew-submit-relay--reply session code enhanced text)))

(defconst mew-submit-relay--commands
  `(("EHLO" mew-submit-relay--ehlo idle alone)
    ("HELO" mew-submit-relay--helo idle alone)
    ("AUTH" mew-submit-relay--auth idle alone)
    ("MAIL" mew-submit-relay--mail)
    ("RCPT" mew-submit-relay--rcpt)
    ("DATA" mew-submit-relay--data alone)
    ("BDAT" mew-submit-relay--bdat)
    ("RSET" mew-submit-relay--rset idle)
    ("QUIT" mew-submit-relay--quit)
    ("NOOP" ,(mew-submit-relay--simple 250 "2.0.0" "Ok") idle)
    ("VRFY" ,(mew-submit-relay--simple 252 "2.1.5" "Send it, and see") idle)
    ("HELP" ,(mew-submit-relay--simple 214 "2.0.0" "RFC 5321") idle)
    ("EXPN" ,(mew-submit-relay--simple 502 "5.5.1" "There are no lists") idle)
    ("STARTTLS" mew-submit-relay--starttls idle alone))
  "The commands: (VERB FUNCTION FLAG...).
FUNCTION is called with the session and the argument.  Too many of those that
are `idle' end the session; behind those that are `alone' nothing may follow
before they are answered (RFC 2920, section 3.1).")

(defun mew-submit-relay--count (session flags)
  "Count a command with FLAGS in SESSION; return nil when there are too many."
  (or (not (memq 'idle flags))
      (<= (cl-incf (mew-submit-relay--session-idle session))
          mew-submit-relay--idle-max)
      (prog1 nil
        (mew-submit-relay--dismiss session 421 "4.7.0" "Too many commands"))))

(defun mew-submit-relay--refuse (session data)
  "Tell SESSION why a command is refused; DATA is the condition's.
After too many errors the session ends."
  (pcase-let ((`(,code ,enhanced ,text) data))
    (if (<= (cl-incf (mew-submit-relay--session-errors session))
            mew-submit-relay--errors-max)
        (mew-submit-relay--reply session code enhanced text)
      (mew-submit-relay--dismiss session 421 "4.7.0" "Too many errors"))))

(defun mew-submit-relay--command (session line)
  "Carry out LINE, a command, in SESSION."
  (pcase-let* ((`(,verb . ,argument) (mew-submit-relay-smtp--command line))
               (`(,function . ,flags)
                (cdr (assoc verb mew-submit-relay--commands))))
    (cond
     ((and (memq 'alone flags)
           (not (string-empty-p (mew-submit-relay--session-input session)))
           ;; Nobody smuggles anything into a pipe.
           (not (process-get (mew-submit-relay--session-process session)
                             'mew-submit-relay-write)))
      (mew-submit-relay--dismiss
       session 554 "5.5.0" (concat "Something follows " verb
                                   " before it is answered")))
     ((mew-submit-relay--count session flags)
      (funcall function session argument)))))

(defun mew-submit-relay--line (session line)
  "Take LINE, octets without CRLF, in SESSION."
  (setf (mew-submit-relay--session-fresh session) nil
        (mew-submit-relay--session-heard session) (float-time))
  (condition-case err
      (if (eq (mew-submit-relay--session-phase session) 'token)
          (mew-submit-relay--token-line session line)
        (mew-submit-relay--command session line))
    (mew-submit-relay-no (mew-submit-relay--refuse session (cdr err))))
  ;; It may hold a secret.
  (clear-string line))

;;; Input

(defun mew-submit-relay--take-line (session)
  "Take a line from the input of SESSION; return nil when there is none.
A line ends with CRLF; CR or LF alone may be a smuggler's, and end the session."
  (let* ((input (mew-submit-relay--session-input session))
         (end (string-search "\r\n" input))
         (line (if end (substring input 0 end) input)))
    (cond
     ((string-match-p (if end "[\r\n]" "\n\\|\r.") line)
      (mew-submit-relay--dismiss session 521 "5.5.2"
                                 "A line that does not end with CRLF")
      nil)
     (end
      (setf (mew-submit-relay--session-input session)
            (substring input (+ end 2)))
      (mew-submit-relay--line session line)
      t)
     ((> (length input) mew-submit-relay-smtp--line-max)
      (mew-submit-relay--dismiss session 500 "5.5.6" "The line is too long")
      nil))))

(defun mew-submit-relay--flood-p (data)
  "Does the message DATA go on and on after it was over the size?"
  (and (mew-submit-relay-data-fault data)
       (> (mew-submit-relay-data-octets data)
          (+ 1048576 (* 2 (or mew-submit-relay-size 104857600))))))

(defun mew-submit-relay--take-data (session)
  "Take what is there of the message of SESSION; return nil when it is not all."
  (let* ((data (mew-submit-relay--session-data session))
         (input (mew-submit-relay--session-input session))
         (rest (mew-submit-relay-data--take data input)))
    (setf (mew-submit-relay--session-input session) (or rest "")
          (mew-submit-relay--session-heard session) (float-time))
    (cond (rest (mew-submit-relay--end-message session)
                t)
          ((mew-submit-relay--flood-p data)
           (mew-submit-relay--dismiss session 421 "4.7.0" "That is too much")
           nil))))

(defun mew-submit-relay--take-chunk (session)
  "Take what is there of a chunk of SESSION; return nil when it is not all."
  (let* ((input (mew-submit-relay--session-input session))
         (data (mew-submit-relay--session-data session))
         (left (mew-submit-relay--session-left session))
         (count (min left (length input))))
    (setf (mew-submit-relay--session-input session) (substring input count)
          (mew-submit-relay--session-left session) (- left count)
          (mew-submit-relay--session-heard session) (float-time))
    ;; Without a message the chunk was refused, and is thrown away.
    (when data
      (mew-submit-relay-data--chunk data (substring input 0 count)))
    (cond ((> left count) nil)
          ((and data (mew-submit-relay--session-last session))
           (mew-submit-relay--end-message session)
           t)
          (t (mew-submit-relay--end-chunk session data)
             t))))

(defun mew-submit-relay--end-chunk (session data)
  "Answer a chunk of SESSION, for the message DATA, that is not the last one.
DATA is nil when it was refused, and that was said already."
  (setf (mew-submit-relay--session-phase session) 'command)
  (when data
    (if-let* ((fault (mew-submit-relay-data-fault data)))
        (progn (mew-submit-relay--forget-message session)
               (mew-submit-relay--refuse session fault))
      (mew-submit-relay--reply
       session 250 "2.0.0" (format "%d octets" (mew-submit-relay-data-octets
                                                data))))))

(defun mew-submit-relay--step (session)
  "Take the next thing from the input of SESSION; return nil when there is none."
  (pcase (mew-submit-relay--session-phase session)
    ((or 'command 'token) (mew-submit-relay--take-line session))
    ('data (mew-submit-relay--take-data session))
    ('chunk (mew-submit-relay--take-chunk session))))

(defun mew-submit-relay--held-p (session)
  "Does the system say that the client of SESSION has not closed the connection?"
  (let* ((process (mew-submit-relay--session-process session))
         (remote (mew-submit-relay--contact process :remote))
         (called (mew-submit-relay--contact process :called)))
    (and remote called
         (mew-submit-relay-peer--held-p remote called))))

(defun mew-submit-relay--pause (session)
  "Take nothing more from the client of SESSION while it has to wait.
Emacs ends a connection at the end of what it reads, and there are clients, such
as Exim, that close their half behind the message: they are to hear the answer.
Where the system does not tell whether the client is there, only the end of what
it says does; then it is read, up to a limit."
  (when (eq (mew-submit-relay--session-phase session) 'wait)
    (setf (mew-submit-relay--session-deaf session)
          (mew-submit-relay--held-p session))
    (when (or (mew-submit-relay--session-deaf session)
              (> (length (mew-submit-relay--session-input session))
                 mew-submit-relay--pending-max))
      (set-process-filter (mew-submit-relay--session-process session) t))))

(defun mew-submit-relay--work (session)
  "Deal with all input of SESSION that is whole, and send the replies."
  (unless (mew-submit-relay--session-busy session)
    (setf (mew-submit-relay--session-busy session) t)
    (unwind-protect
        (progn (while (mew-submit-relay--step session))
               (mew-submit-relay--flush session)
               (mew-submit-relay--pause session))
      (setf (mew-submit-relay--session-busy session) nil))))

(defun mew-submit-relay--filter (process octets)
  "Take OCTETS, which the client of PROCESS has sent."
  (let ((session (process-get process 'mew-submit-relay)))
    (when (and session
               (not (eq (mew-submit-relay--session-phase session) 'end)))
      (condition-case err
          (progn
            (cl-incf (mew-submit-relay--session-taken session) (length octets))
            (setf (mew-submit-relay--session-input session)
                  (concat (mew-submit-relay--session-input session) octets))
            (mew-submit-relay--work session))
        (error
         (mew-submit-relay--log "A session failed: %s"
                                (mew-submit-error--text err))
         (mew-submit-relay--dismiss session 421 "4.3.0"
                                    "Something failed here"))))))

(defun mew-submit-relay--sentinel (process _change)
  "Clean up when PROCESS is closed."
  (let ((session (process-get process 'mew-submit-relay)))
    (when (and session (not (process-live-p process)))
      (mew-submit-relay--gone session))))

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
      ("config" (mew-submit-relay--answer session 451
                                          (list (concat "4.3.5 " text))))
      (_ (mew-submit-relay--answer session 451
                                   (list (concat "4.3.0 " text)))))))

(defun mew-submit-relay--commit (session)
  "Put the message of SESSION where it has to be, or signal a condition."
  (let* ((data (mew-submit-relay--session-data session))
         (fault (mew-submit-relay-data--finish data)))
    (when fault
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
                      (and (mew-submit-account--unqualified-p sender)
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
                       (mew-submit-plan--parse-routes routes)
                     routes)))))

(defun mew-submit-relay--recipients (session)
  "Return the recipients of SESSION's message, each once, in their order."
  (delete-dups (mapcar #'car
                       (reverse (mew-submit-relay--session-rcpt session)))))

(defun mew-submit-relay--queue (session)
  "Put the message of SESSION into the outbox, and let its client wait."
  (let* ((file (mew-submit-relay-data-file
                (mew-submit-relay--session-data session)))
         (fields (mew-submit-message--fields file))
         (account (mew-submit-relay--account session fields))
         (mail (mew-submit-relay--session-mail session))
         (waits (lambda ()
                  (and (> mew-submit-relay-wait 0)
                       ;; The next message of this client is not this one.
                       (eq mail (mew-submit-relay--session-mail session))
                       (mew-submit-relay--waits-p session))))
         id)
    (when (mew-submit-relay--loop-p account)
      (mew-submit-relay-smtp--no 554 "5.4.6"
                                 "The relay would send it to itself"))
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

(defun mew-submit-relay--claim (session _entry done)
  "Have the client of SESSION told what is in DONE, if it is to be told that.
Return non-nil then: the message is the client's again.  It is told when the
message is gone."
  (when-let* ((verdict (mew-submit-relay--verdict done)))
    (mew-submit-relay--log "%s: %s, as its sender was told"
                           (mew-submit-relay--session-id session)
                           (mew-submit-relay--outcome done))
    (when (plist-get done :alarm)
      (display-warning 'mew-submit (mew-submit-report--done done) :emergency))
    ;; Nothing else may be answered from now on.
    (mew-submit-relay--set-timer session nil nil)
    (setf (mew-submit-relay--session-id session) nil)
    (run-at-time 0 nil #'mew-submit-relay--answer session (car verdict)
                 (cdr verdict))
    t))

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
           (mew-submit-relay--queued session (plist-get done :text))))))))

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

;;; Time

(defun mew-submit-relay--overdue-p (session)
  "Is the time of SESSION over?
A message may come slowly, but not ever more slowly."
  (let* ((now (float-time))
         (silence (- now (mew-submit-relay--session-heard session)))
         (data (mew-submit-relay--session-data session)))
    (pcase (mew-submit-relay--session-phase session)
      ('wait nil)
      ((or 'data 'chunk)
       (or (> silence mew-submit-relay-timeout)
           (and data
                (> (- now (mew-submit-relay--session-began session))
                   (+ (* 2 mew-submit-relay-timeout)
                      (/ (mew-submit-relay-data-octets data) 1024.0))))))
      (_ (> silence (if (mew-submit-relay--nobody-p session)
                        (/ mew-submit-relay-timeout 5.0)
                      mew-submit-relay-timeout))))))

(defun mew-submit-relay--sweep ()
  "End the sessions whose time is over."
  (dolist (session (copy-sequence mew-submit-relay--sessions))
    (when (mew-submit-relay--overdue-p session)
      (mew-submit-relay--dismiss session 421 "4.4.2" "Nothing was said"))))

;;; Listening

(defun mew-submit-relay--clear-socket (file)
  "Delete the socket FILE, unless there is somebody who listens on it."
  (when (file-exists-p file)
    (when (ignore-errors
            (delete-process
             (make-network-process :name "mew-submit-relay-probe"
                                   :family 'local :service file :noquery t))
            t)
      (mew-submit-error--throw 'config nil "Somebody listens already: %s" file))
    (delete-file file)))

(defun mew-submit-relay--listen (name &rest where)
  "Listen at WHERE, arguments of `make-network-process', and return the process.
NAME is what messages call it."
  (condition-case err
      (apply #'make-network-process
             :name (concat "mew-submit-relay " name) :server 128 :noquery t
             :coding 'binary :log #'mew-submit-relay--accept
             :filter #'mew-submit-relay--filter
             :sentinel #'mew-submit-relay--sentinel where)
    (file-error
     (mew-submit-error--throw 'config nil "The relay cannot listen on %s: %s"
                              name (error-message-string err)))))

(defun mew-submit-relay--listen-unix (file)
  "Listen on the Unix socket FILE, in a directory that nobody else can enter."
  (let* ((file (expand-file-name file))
         (directory (file-name-directory file)))
    (with-file-modes #o700
      (make-directory directory t))
    (when (mew-submit-store--others directory)
      (mew-submit-error--throw
       'config nil "Others can enter the socket's directory: %s" directory))
    (mew-submit-relay--clear-socket file)
    (with-file-modes #o700
      (mew-submit-relay--listen file :family 'local :service file))))

(defun mew-submit-relay--gate-p ()
  "Does the module have to listen?"
  (or mew-submit-relay-certificate mew-submit-relay-transparent))

(defun mew-submit-relay--identity ()
  "Return the files of certificate and key, a list of names in full, or of nil."
  (mapcar (lambda (file) (and file (expand-file-name file)))
          (list mew-submit-relay-certificate mew-submit-relay-key)))

(defun mew-submit-relay--server-names ()
  "Return the names of the servers that redirected clients may have called."
  (and mew-submit-relay-transparent
       (delete-dups
        (delq nil (mapcar (lambda (account) (plist-get account :server))
                          (seq-mapcat #'mew-submit-account--servers
                                      (mew-submit-account--all)))))))

(defun mew-submit-relay--listen-gate (name address port implicit)
  "Have the module listen on PORT of ADDRESS; NAME is what messages call that.
With IMPLICIT there is TLS from the first octet on.  Return the process."
  (let* ((file (mew-submit-relay-gate--socket))
         (server (mew-submit-relay--listen name :family 'local :service file)))
    (condition-case err
        (apply #'mew-submit-relay-gate--open server address port implicit
               (mew-submit-relay--server-names)
               ;; Those who are dismissed are there for a while, too.
               (+ 20 (* 2 mew-submit-relay-connections))
               (/ mew-submit-relay-timeout 10.0)
               (mew-submit-relay--identity))
      (error (mew-submit-relay-gate--close server)
             (signal (car err) (cdr err))))))

(defun mew-submit-relay--listen-tcp (address port &optional implicit)
  "Listen on PORT of ADDRESS, an IP address, with IMPLICIT TLS or not."
  (let ((name (format (if (string-search ":" address) "[%s]:%d" "%s:%d")
                      address port)))
    (if (mew-submit-relay--gate-p)
        (mew-submit-relay--listen-gate name address port implicit)
      (mew-submit-relay--listen
       name
       :family (if (string-search ":" address) 'ipv6 'ipv4)
       :host address :service (if (zerop port) t port)))))

(defun mew-submit-relay--listen-local (port implicit)
  "Listen on PORT of 127.0.0.1, and of ::1 where there is IPv6.
IMPLICIT is as for `mew-submit-relay--listen-tcp'.  Return the processes."
  (let ((server (mew-submit-relay--listen-tcp "127.0.0.1" port implicit)))
    (condition-case err
        (list (mew-submit-relay--listen-tcp
               "::1" (mew-submit-relay--port server) implicit)
              server)
      (error (mew-submit-relay--log "%s" (mew-submit-error--text err))
             (list server)))))

(defun mew-submit-relay--listen-port (port implicit)
  "Listen on PORT, if there is one, of all `mew-submit-relay-address'.
IMPLICIT is as for `mew-submit-relay--listen-tcp'."
  (when port
    (dolist (address (ensure-list mew-submit-relay-address))
      (setq mew-submit-relay--servers
            (nconc (if (equal address "localhost")
                       (mew-submit-relay--listen-local port implicit)
                     (mew-submit-relay-peer--parse address) ; no names
                     (list (mew-submit-relay--listen-tcp address port implicit)))
                   mew-submit-relay--servers)))))

(defun mew-submit-relay--listen-all ()
  "Listen wherever the options say."
  (when mew-submit-relay-socket
    (push (mew-submit-relay--listen-unix mew-submit-relay-socket)
          mew-submit-relay--servers))
  (mew-submit-relay--listen-port mew-submit-relay-port nil)
  (mew-submit-relay--listen-port mew-submit-relay-tls-port t))

(defun mew-submit-relay--port (server)
  "Return the port on which SERVER, a process, listens, or its Unix socket."
  (or (mew-submit-relay-gate--get server :port)
      (process-contact server :service)))

(defun mew-submit-relay--place (server)
  "Return where SERVER, a process, listens, a string."
  (let ((address (mew-submit-relay-gate--get server :address))
        (local (process-contact server :local)))
    (cond (address
           (format (if (string-search ":" address) "[%s]:%d%s" "%s:%d%s") address
                   (mew-submit-relay--port server)
                   (if (mew-submit-relay-gate--get server :implicit)
                       " (TLS)"
                     "")))
          ((vectorp local)
           (string-replace "[0:0:0:0:0:0:0:1]" "[::1]"
                           (format-network-address local)))
          (t (format "unix:%s" (process-contact server :service))))))

(defun mew-submit-relay--places ()
  "Return where the relay listens, a list of strings, the first the best."
  (reverse (mapcar #'mew-submit-relay--place mew-submit-relay--servers)))

;;; A client that is no connection

(defun mew-submit-relay--converse (read write)
  "Serve a client, whose octets come from READ, a function, to its end.
READ waits for some and returns nil at their end; WRITE gets the replies."
  (let* ((process (make-pipe-process :name "mew-submit-relay client" :noquery t
                                     :filter t))
         (session (mew-submit-relay--make-session
                   :process process :heard (float-time) :trusted t))
         octets)
    (process-put process 'mew-submit-relay session)
    (process-put process 'mew-submit-relay-write write)
    (push session mew-submit-relay--sessions)
    (mew-submit-relay--reply session 220 nil (concat mew-submit-helo " ESMTP mew-submit"))
    (mew-submit-relay--flush session)
    (unwind-protect
        (while (and (not (eq (mew-submit-relay--session-phase session) 'end))
                    (setq octets (funcall read)))
          (mew-submit-relay--filter process octets)
          (while (eq (mew-submit-relay--session-phase session) 'wait)
            (accept-process-output nil 0.1)))
      (mew-submit-relay--delete session))))

;;; Starting and stopping

(defun mew-submit-relay--check ()
  "Signal `mew-submit-config' when the options cannot be used."
  (mapc #'mew-submit-relay-peer--parse mew-submit-relay-networks)
  (unless (or mew-submit-relay-port mew-submit-relay-tls-port
              mew-submit-relay-socket)
    (mew-submit-error--throw 'config nil "The relay has nowhere to listen"))
  (when (and mew-submit-relay-transparent (not (eq system-type 'gnu/linux)))
    (mew-submit-error--throw
     'config nil "Only Linux tells what a redirected connection was meant for"))
  (when (and (or mew-submit-relay-tls-port mew-submit-relay-key)
             (null mew-submit-relay-certificate))
    (mew-submit-error--throw
     'config nil "The relay has no certificate for TLS: name one, or a file that \
does not exist, where one is to be made"))
  (when (and (stringp mew-submit-relay-token)
             (string-empty-p mew-submit-relay-token))
    (mew-submit-error--throw 'config nil "The relay's token is empty")))

(defun mew-submit-relay--certify ()
  "Have the certificate, if there is to be one."
  (when (apply #'mew-submit-relay-gate--certify (mew-submit-relay--identity))
    (mew-submit-relay--log "A certificate that signs itself is made: %s"
                           mew-submit-relay-certificate)))

(defun mew-submit-relay--start ()
  "Listen, as the options say, and take mail.
Signal a condition when that cannot be."
  (mew-submit-relay--stop)
  (mew-submit-relay--check)
  (mew-submit-module--ensure)
  (mew-submit-module--ignore-pipe)
  (setq mew-submit-relay--directory
        (mew-submit-spool--prepare (or mew-submit-relay--sink
                                       mew-submit-outbox-directory)))
  (mew-submit-relay--certify)
  (setq mew-submit-relay--wrong nil)
  (condition-case err
      (mew-submit-relay--listen-all)
    (error (mew-submit-relay--stop)
           (signal (car err) (cdr err))))
  (when-let* ((fingerprint (seq-some (lambda (server)
                                       (mew-submit-relay-gate--get server :fingerprint))
                                     mew-submit-relay--servers)))
    (mew-submit-relay--log "The certificate's fingerprint is %s" fingerprint))
  (setq mew-submit-relay--sweeper
        (run-at-time 5 5 #'mew-submit-relay--sweep))
  (add-hook 'kill-emacs-hook #'mew-submit-relay--stop -95)
  (unless mew-submit-relay--sink
    (mew-submit-queue--start mew-submit-relay--directory)))

(defun mew-submit-relay--part (session)
  "End SESSION, since the relay does: its client is told what is true."
  (when (mew-submit-relay--session-id session)
    (mew-submit-relay--queued session))
  ;; SIGTERM ends Emacs at any point.  Of a message that is just being put into
  ;; the outbox nothing can be said.
  (unless (or (eq (mew-submit-relay--session-phase session) 'end)
              (eq session mew-submit-relay--in-hand))
    (mew-submit-relay--dismiss session 421 "4.3.2" "The relay is going away"))
  (mew-submit-relay--delete session))

(defun mew-submit-relay--close-server (server)
  "Listen no more at SERVER, a process."
  (let ((place (process-contact server :service)))
    (if (mew-submit-relay-gate--get server :handle)
        (mew-submit-relay-gate--close server)
      (delete-process server)
      (when (and (stringp place) (file-name-absolute-p place)
                 (file-exists-p place))
        (ignore-errors (delete-file place))))))

(defun mew-submit-relay--stop ()
  "Listen no more, and end all sessions.
Messages in the outbox stay there, and are sent."
  (remove-hook 'kill-emacs-hook #'mew-submit-relay--stop)
  (when (timerp mew-submit-relay--sweeper)
    (cancel-timer mew-submit-relay--sweeper))
  (setq mew-submit-relay--sweeper nil)
  (let ((gate (seq-some (lambda (server)
                          (mew-submit-relay-gate--get server :handle))
                        mew-submit-relay--servers)))
    (mapc #'mew-submit-relay--close-server mew-submit-relay--servers)
    (setq mew-submit-relay--servers nil)
    (while mew-submit-relay--committing
      (mew-submit-relay--commit-next))
    (mapc #'mew-submit-relay--part (copy-sequence mew-submit-relay--sessions))
    (when gate
      (mew-submit--mod-gate-rest mew-submit-relay--last-words))))

;;;###autoload
(define-minor-mode mew-submit-relay-mode
  "Let the other programs of this machine send mail through Emacs.
While this is on, Emacs is an SMTP server on `mew-submit-relay-port' (2587) of
this machine, for processes of the same user.  What comes is put into the outbox
and sent as any other mail."
  :global t
  :group 'mew-submit-relay
  (if (not mew-submit-relay-mode)
      (mew-submit-relay--stop)
    (condition-case err
        (progn (mew-submit-relay--start)
               (message "Mail is taken at %s"
                        (string-join (mew-submit-relay--places) ", ")))
      (mew-submit-error
       (setq mew-submit-relay-mode nil)
       (user-error "%s" (mew-submit-error--text err))))))

(provide 'mew-submit-relay)
;;; mew-submit-relay.el ends here
