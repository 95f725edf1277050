;;; mew-submit-relay.el --- An SMTP server for the programs of this machine -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the local relay (the paper's Appendix B): where it listens, taking clients,
;; starting and stopping.  A connection is mew-submit-relay-session.el's, what is said in
;; it mew-submit-relay-command.el's, and what becomes of a message
;; mew-submit-relay-delivery.el's.  The grammar is mew-submit-relay-smtp.el's, and the
;; message's octets are mew-submit-relay-data.el's.  With TLS, or for redirected clients, it
;; is the module that listens: mew-submit-relay-gate.el's.

;;; Code:

(require 'mew-submit-account)
(require 'mew-submit-background)
(require 'mew-submit-dispatch)
(require 'mew-submit-error)
(require 'mew-submit-module)
(require 'mew-submit-relay-command)
(require 'mew-submit-relay-delivery)
(require 'mew-submit-relay-gate)
(require 'mew-submit-relay-peer)
(require 'mew-submit-relay-session)
(require 'mew-submit-spool)
(require 'mew-submit-store)
(require 'seq)

(declare-function mew-submit--mod-gate-rest "ext:mew-submit-native" (msecs))

;;; Who comes

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

(defconst mew-submit-relay--rest 1
  "Seconds for which nobody is taken where the system had no descriptor for one.")

(defun mew-submit-relay--rest-at (server why)
  "Take nobody at SERVER for a moment, because of WHY; who comes then waits."
  (mew-submit-relay--log "A connection could not be taken: %s" (string-trim why))
  (stop-process server)
  (run-at-time mew-submit-relay--rest nil #'mew-submit-background--call
               (lambda ()
                 (when (process-live-p server)
                   (continue-process server)))))

(defun mew-submit-relay--accept (server process message)
  "Take PROCESS, a new connection to SERVER.
It is nil when there is none, as without a file descriptor for it; MESSAGE says
why."
  (cond
   ((null process)
    (mew-submit-relay--rest-at server message))
   ((mew-submit-relay-gate--get server :handle)
    (set-process-query-on-exit-flag process nil)
    (process-put process 'mew-submit-relay-implicit
                 (mew-submit-relay-gate--get server :implicit))
    (mew-submit-relay-gate--await process #'mew-submit-relay--introduced))
   (t
    (set-process-query-on-exit-flag process nil)
    (mew-submit-relay--begin process))))

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
    (error (mew-submit-relay--log-failure "A connection" err)
           (delete-process process))))

;;; Listening

(defun mew-submit-relay--clear-socket (file)
  "Delete the socket FILE, unless there is somebody who listens on it.
What is no socket belongs to somebody, and is left alone."
  (when (file-exists-p file)
    (unless (string-prefix-p "s" (file-attribute-modes (file-attributes file)))
      (mew-submit-error--throw
       'config nil "The relay cannot listen on %s: there is a file of that name, \
which is no socket.  Name another one" file))
    (when (ignore-errors
            (delete-process
             (make-network-process :name "mew-submit-relay-probe" :family 'local :noquery t
                                   :service (mew-submit-module--octets-name file)))
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
      (mew-submit-relay--listen file :family 'local
                                :service (mew-submit-module--octets-name file)
                                :plist (list 'mew-submit-relay-file file)))))

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
         (server (mew-submit-relay--listen
                  name :family 'local :service (mew-submit-module--octets-name file))))
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
          (t (concat "unix:" (process-get server 'mew-submit-relay-file))))))

(defun mew-submit-relay--places ()
  "Return where the relay listens, a list of strings, the first the best."
  (reverse (mapcar #'mew-submit-relay--place mew-submit-relay--servers)))

;;; A client that is no connection

(defun mew-submit-relay--with-line-ends (read)
  "Return READ, which ends each line with CRLF where the first one ends with LF.
That is somebody at a terminal, or a script; sendmail takes it."
  (let ((mode 'unknown)
        (held ""))
    (lambda ()
      (when-let* ((octets (funcall read)))
        (setq octets (concat held octets)
              held "")
        (when (and (eq mode 'unknown) (string-search "\n" octets))
          (setq mode (if (string-match-p "\\`[^\n]*\r\n" octets) 'crlf 'lf)))
        (when (and (not (eq mode 'crlf)) (string-suffix-p "\r" octets))
          (setq octets (substring octets 0 -1)
                held "\r"))
        (if (eq mode 'lf)
            (replace-regexp-in-string "\r?\n" "\r\n" octets t t)
          octets)))))

(defun mew-submit-relay--converse (read write)
  "Serve a client, whose octets come from READ, a function, to its end.
READ waits for some and returns nil at their end; WRITE gets the replies."
  (let* ((process (make-pipe-process :name "mew-submit-relay client" :noquery t
                                     :filter t))
         (session (mew-submit-relay--make-session
                   :process process :heard (float-time) :trusted t))
         (read (mew-submit-relay--with-line-ends read))
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
    (mew-submit-dispatch--start mew-submit-relay--directory)))

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
