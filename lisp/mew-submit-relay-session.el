;;; mew-submit-relay-session.el --- A connection to the relay, and who may have one -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what the relay knows of a connection: the options, the session, its replies
;; and its end, who may come in, and how long one may take.
;;
;; Emacs writes to a connection until all is taken, so a client that does not read
;; could hold it up: replies go out together, how much of them has not been taken is
;; looked at, and a timer ends a connection that does not take any more.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-background)
(require 'mew-submit-dialog)
(require 'mew-submit-error)
(require 'mew-submit-relay-data)
(require 'mew-submit-relay-gate)
(require 'mew-submit-relay-peer)
(require 'mew-submit-relay-smtp)
(require 'seq)

(declare-function mew-submit-relay--filter "mew-submit-relay-command" (process octets))

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

(defun mew-submit-relay--log-failure (what err)
  "Log that WHAT has failed, with the condition ERR.
What Emacs signals by itself has the values in it that it could not do with."
  (let ((conditions (get (car err) 'error-conditions)))
    (mew-submit-relay--log
     "%s failed: %s" what
     (mew-submit-error--text (if (or (eq (car err) 'error)
                                     (memq 'file-error conditions)
                                     (memq 'mew-submit-error conditions))
                                 err
                               (list (car err)))))))

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
  (let ((timer (run-at-time mew-submit-relay--stuck nil #'mew-submit-background--call
                            #'delete-process process)))
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
        (and seconds (run-at-time seconds nil #'mew-submit-background--call
                                  function session))))

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

(defun mew-submit-relay--room-p ()
  "Is there room for one more session?"
  (< (length mew-submit-relay--sessions) mew-submit-relay-connections))

(defun mew-submit-relay--forget-the-gone ()
  "Clean up after the clients that have gone.
While there is input from others Emacs calls no sentinel."
  (mapc #'mew-submit-relay--gone
        (seq-remove (lambda (session)
                      (process-live-p (mew-submit-relay--session-process session)))
                    mew-submit-relay--sessions)))

(defun mew-submit-relay--make-room ()
  "Have room for one more session, if that can be; return nil if not.
A client that has said nothing has to go, the one that has waited longest; else
one that has not logged in."
  (or (mew-submit-relay--room-p)
      (progn (mew-submit-relay--forget-the-gone)
             (mew-submit-relay--room-p))
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

(defun mew-submit-relay--port (server)
  "Return the port on which SERVER, a process, listens, or its Unix socket."
  (or (mew-submit-relay-gate--get server :port)
      (process-contact server :service)))

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

(provide 'mew-submit-relay-session)
;;; mew-submit-relay-session.el ends here
