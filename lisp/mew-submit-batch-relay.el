;;; mew-submit-batch-relay.el --- The relay without a user in front of it -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The relay as a service:
;;
;;   Emacs -Q --batch -l mew-submit.el -f mew-submit-batch-relay -- [options]
;;
;; It owns the options, what is told on standard error, and the orderly end: SIGTERM,
;; SIGINT and SIGHUP stop it, clients are told what is true, and what is in the outbox
;; goes on when the next one starts.  It is an Emacs server too, called mew-submit, so
;; that mew-submit-sendmail can hand it a message.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-auth)
(require 'mew-submit-batch-command)
(require 'mew-submit-error)
(require 'mew-submit-batch-options)
(require 'mew-submit-spool)
(require 'mew-submit-relay)
(require 'mew-submit-relay-peer)
(require 'mew-submit-request)
(require 'mew-submit-way)
(require 'seq)
(require 'server)

(defconst mew-submit-batch-relay--options
  (append
   '(("--listen" :listen "PLACE,..." "ADDRESS:PORT, tls:ADDRESS:PORT or \
unix:PATH; default: localhost:2587")
     ("--certificate" :certificate "FILE" "for TLS; one that does not exist is \
made")
     ("--key" :key "FILE" "its key, when it is not in the same file")
     ("--token-file" :token-file "FILE" "clients must log in with its first \
line (AUTH PLAIN, LOGIN)")
     ("--transparent" :transparent nil "take what a rule of nftables leads here")
     ("--anyone" :anyone nil "let in every process of this machine")
     ("--allow" :allow "NETWORK,..." "let in who has such an address, from \
elsewhere")
     ("--wait" :wait "SECONDS" "for the server's answer; 0: say queued at \
once; default: 20")
     ("--size" :size "OCTETS" "what a message may have; default: 100 MiB")
     ("--connections" :connections "NUMBER" "at a time; default: 50")
     ("--outbox" :outbox "DIRECTORY" "instead of mew-submit-outbox-directory")
     ("--sink" :sink "DIRECTORY" "keep all messages there, and send none")
     ("--config" :config "FILE" "Lisp to load first, such as your accounts")
     ("--help" :help nil "this text"))
   mew-submit-batch-options--rows)
  "The options, as `mew-submit-batch-command--parse' takes them.")

(defun mew-submit-batch-relay--usage ()
  "Return the text for --help."
  (concat
   "usage: emacs -Q --batch -l mew-submit.el -f mew-submit-batch-relay -- \
[options]\n"
   (mew-submit-batch-command--help mew-submit-batch-relay--options)
   "Without --server the accounts in --config are used.  SIGTERM stops it.  \
Exit status:\n0 stopped, 64 usage, 78 configuration (such as a port that is \
in use).\n"))

(defun mew-submit-batch-relay--number (name value least)
  "Return VALUE of option NAME as a number, which is at LEAST that."
  (let ((number (if (string-match-p "\\`[0-9]\\{1,15\\}\\'" value)
                    (string-to-number value)
                  -1)))
    (if (>= number least)
        number
      (mew-submit-error--throw 'usage nil "%s needs a number, not %s" name
                               value))))

(defun mew-submit-batch-relay--place (place)
  "Return PLACE, of --listen, as (ADDRESS PORT IMPLICIT) or a file name."
  (cond ((string-match "\\`unix:\\(.+\\)\\'" place)
         (expand-file-name (match-string 1 place)))
        ((string-match "\\`\\(tls:\\)?\\[?\\([^][]+?\\)\\]?:\\([0-9]\\{1,5\\}\\)\\'"
                       place)
         (let ((implicit (and (match-string 1 place) t))
               (address (match-string 2 place))
               (port (string-to-number (match-string 3 place))))
           (unless (or (equal address "localhost")
                       (ignore-errors (mew-submit-relay-peer--parse address)))
             (mew-submit-error--throw
              'usage nil "--listen needs an address, such as 127.0.0.1, or [::] for all, not %s"
              address))
           (when (> port 65535)
             (mew-submit-error--throw 'usage nil "No such port: %d" port))
           (list address port implicit)))
        (t (mew-submit-error--throw
            'usage nil "--listen needs ADDRESS:PORT, tls:ADDRESS:PORT or \
unix:PATH, not %s" place))))

(defun mew-submit-batch-relay--value (name key value)
  "Return VALUE of option NAME, whose key is KEY, checked and converted."
  (pcase key
    (:listen (mapcar #'mew-submit-batch-relay--place (split-string value ",")))
    (:allow (let ((networks (split-string value ",")))
              (dolist (network networks networks)
                (mew-submit-batch-command--read #'mew-submit-relay-peer--parse
                                                network))))
    (:wait (if (equal value "0")
               0
             (mew-submit-batch-command--seconds name value)))
    (:size (mew-submit-batch-relay--number name value 1))
    (:connections (mew-submit-batch-relay--number name value 1))
    ((or :outbox :sink :config :token-file :certificate :key)
     (expand-file-name value))
    (_ (mew-submit-batch-options--value name key value))))

(defun mew-submit-batch-relay--parse (args)
  "Return the options in ARGS as a plist.
What --listen and --allow name adds up: each names a list."
  (let* (named
         (options (mew-submit-batch-command--parse
                   args mew-submit-batch-relay--options
                   (lambda (name key value)
                     (let ((converted (mew-submit-batch-relay--value name key value)))
                       (when (memq key '(:listen :allow))
                         (setq converted (append (plist-get named key) converted)
                               named (plist-put named key converted)))
                       converted)))))
    (when-let* ((argument (car (plist-get options :arguments))))
      (mew-submit-error--throw 'usage nil "Not an option: %s" argument))
    (mew-submit-batch-options--check options)
    (mew-submit-batch-command--check
     options mew-submit-batch-relay--options
     `((,(mapcar #'cadr mew-submit-batch-options--rows) with (:sink))
       ((:outbox :wait) with (:sink))))
    options))

;;; Settings

(defun mew-submit-batch-relay--listen (places)
  "Set the options of the relay to PLACES, or leave them alone with nil."
  (when places
    (let* ((sockets (seq-filter #'stringp places))
           (tcp (seq-filter #'consp places))
           (plain (seq-remove #'caddr tcp))
           (implicit (seq-filter #'caddr tcp))
           (ports (lambda (places) (delete-dups (mapcar #'cadr places))))
           (addresses (lambda (places)
                        (sort (delete-dups (mapcar #'car places)) #'string<))))
      (when (or (cdr sockets) (cdr (funcall ports plain))
                (cdr (funcall ports implicit)))
        (mew-submit-error--throw
         'usage nil "--listen takes one port, one more with tls:, of any addresses, \
and one socket"))
      (when (and plain implicit
                 (not (equal (funcall addresses plain)
                             (funcall addresses implicit))))
        (mew-submit-error--throw
         'usage nil "--listen takes the same addresses with tls: and without"))
      (setq mew-submit-relay-socket (car sockets)
            mew-submit-relay-port (car (funcall ports plain))
            mew-submit-relay-tls-port (car (funcall ports implicit))
            mew-submit-relay-address (delete-dups (mapcar #'car tcp))))))

(defun mew-submit-batch-relay--set (options)
  "Set the options of the relay as OPTIONS say."
  (mew-submit-batch-relay--listen (plist-get options :listen))
  (cl-loop for (key variable) in '((:allow mew-submit-relay-networks)
                                   (:certificate mew-submit-relay-certificate)
                                   (:key mew-submit-relay-key)
                                   (:transparent mew-submit-relay-transparent)
                                   (:anyone mew-submit-relay-anyone)
                                   (:wait mew-submit-relay-wait)
                                   (:size mew-submit-relay-size)
                                   (:connections mew-submit-relay-connections)
                                   (:outbox mew-submit-outbox-directory)
                                   (:sink mew-submit-relay--sink))
           when (plist-member options key)
           do (set variable (plist-get options key)))
  (when-let* ((file (plist-get options :token-file)))
    (setq mew-submit-relay-token (mew-submit-auth--read-file file "token file")))
  (setq mew-submit-relay--log-function #'mew-submit-batch-command--tell
        mew-submit-relay--on-ask (mew-submit-batch-options--on-ask options)
        mew-submit-relay--account-function
        (lambda (fields &optional account)
          (mew-submit-batch-options--account options fields account))
        mew-submit-relay--one-server (and (plist-get options :server) t)))

;;; The service

(defun mew-submit-batch-relay--check-accounts (options)
  "Signal why mail can go by no account, where OPTIONS are wrong for each."
  (let (wrong)
    (unless (seq-some (lambda (account)
                        (condition-case err
                            (progn (mew-submit-request--check-account
                                    (mew-submit-batch-options--account options nil account)
                                    nil)
                                   t)
                          ((mew-submit-config mew-submit-message)
                           (setq wrong (or wrong err))
                           nil)
                          ;; That may be another later.
                          (mew-submit-error t)))
                      (or (and (not (plist-get options :server)) (mew-submit-account--all))
                          '(nil)))
      (signal (car wrong) (cdr wrong)))))

(defun mew-submit-batch-relay--tell-networks (options)
  "Tell when OPTIONS let in who cannot reach the relay.
What is redirected may come from elsewhere all the same."
  (when (and (plist-get options :allow)
             (not mew-submit-relay-transparent)
             (seq-every-p (lambda (address)
                            (string-match-p "\\`\\(?:localhost\\|127\\..*\\|::1\\)\\'" address))
                          (ensure-list mew-submit-relay-address)))
    (mew-submit-batch-command--tell "--allow has no effect: the relay listens where only this \
machine reaches it.  Give --listen an address of this machine, or [::]:2587 for all")))

(defun mew-submit-batch-relay--check (options)
  "Signal `mew-submit-config' when nothing can be sent as OPTIONS say.
A relay that took mail all the same would tell each client so, for ever.  The
password is not read: it may come from a pipe."
  (condition-case err
      (progn
        (mew-submit-batch-options--check-server options)
        (when-let* ((file (plist-get options :password-file)))
          (mew-submit-way--file file "password file" nil))
        (mew-submit-batch-relay--check-accounts
         (plist-put (copy-sequence options) :password-file nil)))
    (mew-submit-message
     (mew-submit-error--throw 'config nil "%s" (mew-submit-error--text err)))))

(defun mew-submit-batch-relay--end ()
  "End the relay and Emacs, since it was told to stop.
This is on `kill-emacs-hook'."
  (remove-hook 'kill-emacs-hook #'mew-submit-batch-relay--end)
  (mew-submit-relay--stop)
  (mew-submit-dispatch--leave)
  (mew-submit-batch-command--tell "The relay has ended")
  (kill-emacs 0))

(defun mew-submit-batch-relay--notice (entry done)
  "Tell how an attempt for ENTRY, of which nobody is told, has ended with DONE."
  (unless (mew-submit-known--heard-p entry)
    (mew-submit-batch-command--tell (format "%s: %s" (plist-get entry :id)
                                            (plist-get done :result)))))

(defun mew-submit-batch-relay--be-server ()
  "Let mew-submit-sendmail hand messages to this Emacs."
  (setq server-name "mew-submit"
        server-use-tcp nil)
  (condition-case err
      (unless (server-running-p server-name)
        (server-start nil t))
    (error (mew-submit-batch-command--tell
            (format "There is no Emacs server: %s"
                    (mew-submit-error--text err))))))

(defun mew-submit-batch-relay--serve (options)
  "Be the relay that OPTIONS describe, until Emacs is told to stop."
  (when-let* ((file (plist-get options :config)))
    (mew-submit-batch-command--load file))
  (mew-submit-batch-relay--set options)
  (mew-submit-batch-relay--tell-networks options)
  (mew-submit-batch-options--remember options)
  (unless mew-submit-relay--sink
    (mew-submit-batch-relay--check options))
  ;; A process that only serves can read more at a time.
  (setq read-process-output-max (max read-process-output-max 65536)
        mew-submit-request--several t
        mew-submit-dispatch--done-functions '(mew-submit-batch-relay--notice))
  (mew-submit-relay--start)
  (setq mew-submit-batch-command--interrupted #'mew-submit-batch-relay--end)
  (add-hook 'kill-emacs-hook #'mew-submit-batch-relay--end -100)
  (unless mew-submit-relay--sink
    (mew-submit-batch-relay--be-server))
  (mew-submit-batch-command--tell (concat "The relay listens on "
                                          (string-join (mew-submit-relay--places)
                                                       ", ")))
  (while t
    (accept-process-output nil 3600)))

(defun mew-submit-batch-relay--run (args)
  "Do what ARGS say, and return the exit status."
  (mew-submit-batch-command--do args #'mew-submit-batch-relay--parse
                                #'mew-submit-batch-relay--usage
                                #'mew-submit-batch-relay--serve))

;;;###autoload
(defun mew-submit-batch-relay ()
  "Be the local relay until Emacs is told to stop.
The options behind \"--\" say where, for whom, and how to send; --help lists
them."
  (mew-submit-batch-command--run #'mew-submit-batch-relay--run))

(provide 'mew-submit-batch-relay)
;;; mew-submit-batch-relay.el ends here
