;;; mew-submit-batch.el --- Submitting from the command line -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 6.  The batch command:
;;
;;   Emacs -Q --batch -l mew-submit.el -f mew-submit-batch-send -- \
;;         [options] RECIPIENT... < message
;;
;; It owns the options, the exit status, and what is printed: lines for people on
;; standard error, or with --json one object per event on standard output.  It never
;; asks anything, and Emacs always ends with a status that says what happened.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-address)
(require 'mew-submit-auth)
(require 'mew-submit-command)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-json)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-negative)
(require 'mew-submit-outbox)
(require 'mew-submit-plan)
(require 'mew-submit-queue)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-tls)
(require 'mew-submit-tunnel)

(declare-function mew-submit--mod-spool "ext:mew-submit-module" (fd file))

;;; Options

(defconst mew-submit-batch--options
  '(("--server" :server "HOST" "the server's name or address")
    ("--plan" :plan "NAME" "submission (default), submissions, rfc8314, \
symmetric, appendix-a")
    ("--routes" :routes "PORT:MODE,..." "instead of a plan; MODE is none, \
starttls or implicit")
    ("--family" :family "ipv4|ipv6" "use only that one")
    ("--tls" :tls "required|opportunistic|none" "default: required")
    ("--tls-minimum" :tls-minimum "1.2|1.3" "least TLS version; default: 1.2")
    ("--tls-priority" :tls-priority "STRING" "GnuTLS priority string")
    ("--server-name" :tls-name "NAME" "name the certificate must have")
    ("--ca-file" :ca-file "FILE" "trust these certificates (a file or \
directory), not the system's")
    ("--crl-file" :crl-file "FILE" "certificates that were revoked")
    ("--cert-file" :cert-file "FILE" "client certificate: PEM or a pkcs11: URL")
    ("--key-file" :key-file "FILE" "its key; default: in the same file")
    ("--user" :user "NAME" "user name for AUTH")
    ("--password-file" :password-file "FILE" "its first line is the password, \
or the access token")
    ("--token-command" :token-command "COMMAND" "what it prints is the access \
token (OAuth 2.0)")
    ("--auth" :auth "MECHANISM|none" "this mechanism and no other")
    ("--memory" :memory "FILE" "remember there what the server has offered; \
less is an alarm")
    ("--network-cache" :network-cache "FILE" "remember there which ports a \
network blocks")
    ("--from" :from "ADDRESS" "envelope sender; default: from the header")
    ("--helo" :helo "NAME" "argument of EHLO")
    ("--fallback" :fallback "always|never" "use less preferred ports? default: \
always")
    ("--timeout" :timeout "SECONDS" "for each connection; default: 10")
    ("--step-timeout" :step-timeout "SECONDS" "for each SMTP and TLS step; \
default: RFC 5321")
    ("--tunnel" :tunnel "TUNNEL" "ssh:HOST, socks5:[USER@]ADDRESS:PORT or \
unix:PATH")
    ("--ssh" :ssh "HOST" "the same as --tunnel ssh:HOST")
    ("--source" :source "ADDRESS" "connect from there")
    ("--dsn-notify" :dsn-notify "WHEN" "never, or success,failure,delay or some \
of them")
    ("--dsn-return" :dsn-return "full|headers" "what a notification returns")
    ("--envid" :dsn-id "TEXT" "the identifier it has")
    ("--require-tls" :require-tls nil "verified TLS on the whole way")
    ("--deliver-by" :deliver-by "SECONDS[;R|N]" "else return it, or tell")
    ("--hold-for" :hold-for "SECONDS" "before it is delivered")
    ("--hold-until" :hold-until "TIME" "such as 2030-12-24T18:00:00+01:00")
    ("--mt-priority" :mt-priority "NUMBER" "-9 to 9")
    ("--outbox" :outbox "DIRECTORY" "keep the message there until it is \
delivered")
    ("--json" :json nil "one JSON object per event on standard output")
    ("-t" :header nil "recipients from the header too")
    ("--help" :help nil "this text"))
  "The options: (NAME KEY ARGUMENT WHAT-FOR).  ARGUMENT is nil for a flag.")

(defun mew-submit-batch--plan (value)
  "Return VALUE, which must be the name of a plan."
  (if (member value (mew-submit-plan-names))
      value
    (mew-submit-error-throw 'usage nil "No such plan: %s; there are %s" value
                            (string-join (mew-submit-plan-names) ", "))))

(defun mew-submit-batch--usage ()
  "Return the text for --help."
  (concat
   "usage: emacs -Q --batch -l mew-submit.el -f mew-submit-batch-send -- \
[options] RECIPIENT... < message\n"
   (mew-submit-command-help mew-submit-batch--options)
   "Exit status: 0 delivered, 64 usage, 65 bad message or address, 68 no such \
host,\n69 refused, 70 internal, 74 uncertain, 75 deferred, 76 protocol error, \
77 insecure\nor authentication failed, 78 configuration.\n"))

(defun mew-submit-batch--mechanism (value)
  "Return VALUE, which must look like a SASL mechanism, or be none."
  (cond ((equal value "none") value)
        ((string-match-p "\\`[A-Za-z0-9_-]\\{1,20\\}\\'" value) (upcase value))
        (t (mew-submit-error-throw 'usage nil "Not a SASL mechanism: %s"
                                   value))))

(defun mew-submit-batch--value (name key value)
  "Return VALUE of option NAME, whose key is KEY, checked and converted."
  (when (and (equal value "") (not (eq key :from)))
    (mew-submit-error-throw 'usage nil "%s needs an argument" name))
  (pcase key
    (:plan (mew-submit-batch--plan value))
    (:routes (mew-submit-command-read #'mew-submit-plan-parse-routes value))
    (:family (mew-submit-command-choice name value '(ipv4 ipv6)))
    (:tls (mew-submit-command-choice name value '(required opportunistic none)))
    (:fallback (mew-submit-command-choice name value '(always never)))
    ((or :timeout :step-timeout) (mew-submit-command-seconds name value))
    (:auth (mew-submit-batch--mechanism value))
    (:tls-minimum (mew-submit-command-read #'mew-submit-tls-minimum value))
    (:tunnel (mew-submit-command-checked #'mew-submit-tunnel-parse value))
    (:ssh (mew-submit-command-read #'mew-submit-tunnel-parse
                                  (concat "ssh:" value))
          value)
    (:source (mew-submit-command-checked #'mew-submit-tunnel-source value))
    ((pred mew-submit-extension-key-p)
     (mew-submit-extension-value key value name 'usage))
    (_ value)))

(defun mew-submit-batch--parse (args)
  "Return the options in ARGS as a plist, with the recipients in :arguments."
  (mew-submit-command-parse args mew-submit-batch--options
                            #'mew-submit-batch--value))

(defun mew-submit-batch--check (options)
  "Signal `mew-submit-usage' or another condition unless OPTIONS fit together."
  (let ((get (lambda (key) (plist-get options key))))
    (cond
     ((and (funcall get :plan) (funcall get :routes))
      (mew-submit-error-throw 'usage nil "--plan and --routes exclude each other"))
     ((and (funcall get :ssh) (funcall get :tunnel))
      (mew-submit-error-throw 'usage nil "--ssh and --tunnel exclude each other"))
     ((and (funcall get :hold-for) (funcall get :hold-until))
      (mew-submit-error-throw 'usage nil
                              "--hold-for and --hold-until exclude each other"))
     ((and (funcall get :key-file) (not (funcall get :cert-file)))
      (mew-submit-error-throw 'usage nil "--key-file needs --cert-file"))
     ((and (or (funcall get :password-file) (funcall get :token-command))
           (not (funcall get :user)))
      (mew-submit-error-throw 'usage nil
                              "--password-file and --token-command need --user"))
     ((and (funcall get :password-file) (funcall get :token-command))
      (mew-submit-error-throw
       'usage nil "--password-file and --token-command exclude each other"))
     ((and (funcall get :token-command) (funcall get :auth)
           (not (mew-submit-auth-token-p (funcall get :auth))))
      (mew-submit-error-throw
       'usage nil "--token-command is for XOAUTH2 and OAUTHBEARER, not for %s"
       (funcall get :auth)))
     ((not (or (funcall get :arguments) (funcall get :header)))
      (mew-submit-error-throw 'usage nil
                              "No recipient: name one, or use -t")))))

(cl-defstruct (mew-submit-batch--work
               (:constructor mew-submit-batch--make-work)
               (:copier nil))
  (options nil :documentation "The plist of options.")
  (directory nil :documentation "Where the message is.")
  (raw nil :documentation "The file of the message as it came.")
  (id nil :documentation "The message's identifier, once it is there.")
  (done nil :documentation "The `done' event, once there is one."))

;;; Output

(defun mew-submit-batch--tell-done (done options)
  "Tell how the message ended, with DONE; OPTIONS say to whom."
  (if (plist-get options :json)
      (mew-submit-command-print (mew-submit-json-event done))
    (dolist (attempt (plist-get done :attempts))
      (mew-submit-command-tell (mew-submit-report-attempt attempt)))
    (mew-submit-command-tell
     (concat (mew-submit-report-done done)
             (when-let ((kept (plist-get done :kept)))
               (format "  The message is kept in %s" kept))))))

(defun mew-submit-batch--on-event (options)
  "Return the function to call with each event, as OPTIONS want it."
  (when (plist-get options :json)
    (lambda (event)
      (unless (memq (plist-get event :event) '(done log))
        (mew-submit-command-print (mew-submit-json-event event))))))

;;; The message

(defun mew-submit-batch--spool (file)
  "Copy standard input into the new FILE.
Signal `mew-submit-message' when it is empty."
  (when (zerop (mew-submit--mod-spool 0 (encode-coding-string file 'utf-8)))
    (mew-submit-error-throw 'message nil
                            "The message on standard input is empty")))

(defun mew-submit-batch--account (options fields)
  "Return the account that OPTIONS describe, for a message with FIELDS.
Without --server it is the user's own for the sender.  OPTIONS go before what
the message's own header wishes, and that before the account."
  (let ((account (mew-submit-request-account
                  (and (plist-get options :server)
                       (list :server (plist-get options :server)))
                  fields)))
    (setq account (plist-put account :fallback 'always))
    (cl-loop for (key value) on options by #'cddr
             unless (memq key '(:password-file :from :outbox :json :header
                                               :help :arguments :ssh
                                               :network-cache))
             do (setq account (mew-submit-extension-merge account
                                                          (list key value))))
    (when-let ((host (plist-get options :ssh)))
      (setq account (plist-put account :tunnel (concat "ssh:" host))))
    (when-let ((file (plist-get options :password-file)))
      (setq account (plist-put account :password
                               (mew-submit-auth-read-file file)))
      ;; Another file, such as a pipe, could not be read again later.
      (when (file-regular-p file)
        (setq account (plist-put account :password-file
                                 (expand-file-name file)))))
    account))

(defun mew-submit-batch--check-server (options)
  "Signal `mew-submit-config' when OPTIONS and the user's settings name no server.
Check the name that is there, so that nothing is read in vain."
  (if-let ((server (plist-get options :server)))
      (mew-submit-address-host server)
    (unless (or mew-submit-accounts (bound-and-true-p smtpmail-smtp-server))
      (mew-submit-error-throw 'config nil "No server is named: use --server"))))

(defun mew-submit-batch--recipients (options fields)
  "Return the recipients that OPTIONS and, with -t, FIELDS name."
  (append (plist-get options :arguments)
          (and (plist-get options :header)
               (mew-submit-message-recipients fields))))

(defun mew-submit-batch--on-ask (options)
  "Return the function that answers questions, as OPTIONS let it."
  (lambda (event)
    (and (equal (plist-get event :what) "password")
         ;; A token from a file has no other.
         (not (plist-get options :password-file))
         (mew-submit-auth-answer event))))

(defun mew-submit-batch--submit (work account fields)
  "Put WORK's message, whose header has FIELDS, into the outbox; submit it.
ACCOUNT is how.  Return its identifier."
  (let ((options (mew-submit-batch--work-options work)))
    (mew-submit-queue-add
     (mew-submit-batch--work-raw work)
     :move t :account account :settled t
     :directory (mew-submit-batch--work-directory work)
     :from (plist-get options :from)
     :recipients (mew-submit-batch--recipients options fields)
     :on-event (mew-submit-batch--on-event options)
     :on-done (lambda (done) (setf (mew-submit-batch--work-done work) done))
     :on-ask (mew-submit-batch--on-ask options))))

;;; The command

(defvar mew-submit-batch--work nil
  "What is being done, for the case that Emacs is told to stop.")

(defun mew-submit-batch--conclude (work done)
  "Tell of DONE, the end of WORK, clean up, and return the exit status.
Without --outbox the directory goes away with all in it; with it the message
stays unless it was delivered or could not be taken."
  (let* ((options (mew-submit-batch--work-options work))
         (directory (mew-submit-batch--work-directory work))
         (id (mew-submit-batch--work-id work))
         (file (and id (plist-get options :outbox)
                    (mew-submit-outbox-file id ".eml" directory)))
         (kept (and file (file-exists-p file) file)))
    (if (plist-get options :outbox)
        (mew-submit-outbox-discard (mew-submit-batch--work-raw work))
      (delete-directory directory t))
    (mew-submit-batch--tell-done (append done (and kept (list :kept kept)))
                                 options)
    (plist-get done :exit)))

(defun mew-submit-batch--interrupted ()
  "Cancel the job, tell how it ended, and end Emacs with the status for that.
This is on `kill-emacs-hook', since Emacs runs that hook when it gets SIGTERM,
SIGHUP or SIGINT."
  (remove-hook 'kill-emacs-hook #'mew-submit-batch--interrupted)
  (let ((work mew-submit-batch--work))
    (kill-emacs
     (mew-submit-batch--conclude
      work (or (progn (mew-submit-queue-leave)
                      (mew-submit-batch--work-done work))
               (mew-submit-error-done
                '(mew-submit-cancelled :text "Told to stop")))))))

(defun mew-submit-batch--start (work)
  "Start WORK: take the message in, and submit it.  Return its `done' event."
  (let* ((options (mew-submit-batch--work-options work))
         (directory (mew-submit-batch--work-directory work))
         (raw (mew-submit-batch--work-raw work)))
    (mew-submit-batch--spool raw)
    (let* ((fields (mew-submit-message-fields raw))
           (account (mew-submit-batch--account options fields))
           (id (mew-submit-batch--submit work account fields)))
      (setf (mew-submit-batch--work-id work) id)
      (or (mew-submit-queue-wait id directory)
          (mew-submit-error-done
           (list 'mew-submit-config
                 :text (or (plist-get (mew-submit-queue-entry id directory)
                                      :last)
                           "The message could not be sent")))))))

(defun mew-submit-batch--prepare (options)
  "Return the work that OPTIONS ask for."
  (let* ((outbox (plist-get options :outbox))
         (directory (if outbox
                        (mew-submit-outbox-prepare outbox)
                      (make-temp-file "mew-submit-" t))))
    (mew-submit-batch--make-work
     :options options :directory directory
     :raw (concat (mew-submit-outbox-new-name directory) ".part"))))

(defun mew-submit-batch--deliver (options)
  "Submit standard input as OPTIONS say, wait, and return the exit status.
Signal a condition when there is nothing to begin with."
  (mew-submit-batch--check options)
  (mew-submit-batch--check-server options)
  (mew-submit-module-ensure)
  (when-let ((file (plist-get options :network-cache)))
    (setq mew-submit-negative-cache-file (expand-file-name file)
          mew-submit-negative-active t))
  (let ((work (mew-submit-batch--prepare options)))
    (setq mew-submit-batch--work work)
    (setq mew-submit-command-interrupted #'mew-submit-batch--interrupted)
    (add-hook 'kill-emacs-hook #'mew-submit-batch--interrupted -90)
    (mew-submit-batch--conclude
     work
     (condition-case err
         (mew-submit-batch--start work)
       ((error quit) (mew-submit-error-done err))))))

(defun mew-submit-batch--run (args)
  "Do what ARGS say, and return the exit status."
  (let ((options (list :json (and (member "--json" args) t))))
    (condition-case err
        (progn
          (setq options (mew-submit-batch--parse args))
          (if (plist-get options :help)
              (progn (mew-submit-command-print (mew-submit-batch--usage))
                     0)
            (mew-submit-batch--deliver options)))
      ((error quit)
       (let ((done (mew-submit-error-done err)))
         (mew-submit-batch--tell-done done options)
         (plist-get done :exit))))))

;;;###autoload
(defun mew-submit-batch-send ()
  "Submit the message on standard input and leave Emacs.
Options and recipients are on the command line behind \"--\"; --help lists them,
and README.org tells what the exit status means."
  (mew-submit-command-run #'mew-submit-batch--run))

(provide 'mew-submit-batch)
;;; mew-submit-batch.el ends here
