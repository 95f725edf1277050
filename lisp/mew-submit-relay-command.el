;;; mew-submit-relay-command.el --- What is said in a connection to the relay -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the conversation: the order of commands, the limits, and what comes in.
;; What becomes of a message that has come whole is mew-submit-relay-delivery.el's.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-caseless)
(require 'mew-submit-relay-data)
(require 'mew-submit-relay-peer)
(require 'mew-submit-relay-session)
(require 'mew-submit-relay-smtp)
(require 'mew-submit-spool)
(require 'seq)

(defvar mew-submit-helo)                 ; mew-submit-request.el

(declare-function mew-submit-relay--end-message "mew-submit-relay-delivery" (session))

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
         "8BITMIME" "SMTPUTF8")
   ;; Where line ends are made longer on the way the octets would not be as many as was said.
   (unless (process-get (mew-submit-relay--session-process session) 'mew-submit-relay-write)
     '("CHUNKING"))
   '("DSN" "ENHANCEDSTATUSCODES")
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
    (pcase (mew-submit-caseless--up (or mechanism ""))
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

(defun mew-submit-relay--not-smtp (session)
  "End SESSION, whose client does not speak SMTP."
  (mew-submit-relay--log "A client at %s does not speak SMTP"
                         (mew-submit-relay--who (mew-submit-relay--session-process session)))
  (mew-submit-relay--dismiss session 521 "5.5.1" "This is a server for mail alone"))

(defun mew-submit-relay--first-line (session line)
  "Take LINE, the first one of the client of SESSION.
A web page can have the user's browser say lines of its own to any port of this
machine, behind those of HTTP; who leads names there may choose its method, too."
  (condition-case err
      (if (string-match-p " HTTP/[0-9.]+\\'" line)
          (mew-submit-relay--not-smtp session)
        (mew-submit-relay--command session line))
    (mew-submit-relay-no (pcase (cdr err)
                           (`(500 ,(or "5.5.1" "5.5.2") . ,_)
                            (mew-submit-relay--not-smtp session))
                           (data (mew-submit-relay--refuse session data))))))

(defun mew-submit-relay--line (session line)
  "Take LINE, octets without CRLF, in SESSION."
  (let ((first (and (mew-submit-relay--session-fresh session)
                    ;; No web page gets at a pipe.
                    (not (process-get (mew-submit-relay--session-process session)
                                      'mew-submit-relay-write)))))
    (setf (mew-submit-relay--session-fresh session) nil
          (mew-submit-relay--session-heard session) (float-time))
    (condition-case err
        (cond (first (mew-submit-relay--first-line session line))
              ((eq (mew-submit-relay--session-phase session) 'token)
               (mew-submit-relay--token-line session line))
              (t (mew-submit-relay--command session line)))
      (mew-submit-relay-no (mew-submit-relay--refuse session (cdr err)))))
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
      (mew-submit-relay--log "A client at %s ends a line without CRLF"
                             (mew-submit-relay--who (mew-submit-relay--session-process session)))
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
         (mew-submit-relay--log-failure "A session" err)
         (mew-submit-relay--dismiss session 421 "4.3.0"
                                    "Something failed here"))))))

(defun mew-submit-relay--sentinel (process _change)
  "Clean up when PROCESS is closed."
  (let ((session (process-get process 'mew-submit-relay)))
    (when (and session (not (process-live-p process)))
      (mew-submit-relay--gone session))))

(provide 'mew-submit-relay-command)
;;; mew-submit-relay-command.el ends here
