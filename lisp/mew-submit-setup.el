;;; mew-submit-setup.el --- From an address to an account that works -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the command `mew-submit-setup' and its buffer: servers are
;; looked for, each one found is looked at, and one that takes mail over verified
;; TLS becomes an account, an entry for auth-source and, on request, a test mail.
;;
;; Everything but the questions happens in the background.  No password goes
;; anywhere before the test mail, and nothing is stored before the user says so.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-address)
(require 'mew-submit-auth)
(require 'mew-submit-dialog)
(require 'mew-submit-setup-discover)
(require 'mew-submit-error)
(require 'mew-submit-module)
(require 'mew-submit-network)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-job)
(require 'seq)

(declare-function mew-submit-mode "mew-submit-clients" (&optional arg))
(declare-function message-make-date "message" (&optional now))
(declare-function message-make-message-id "message" ())

(defcustom mew-submit-setup-defaults nil
  "What every account that `mew-submit-setup' makes has besides.
It is a plist such as (:tunnel \"ssh:gate.example.org\"), with keys of
`mew-submit-accounts'.  The default is nil."
  :type '(plist :key-type (symbol :tag "Key") :value-type (sexp :tag "Value"))
  :group 'mew-submit-setup
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-setup-timeout 6
  "Seconds to wait for one connection to a server that was found.
The default is 6."
  :type 'number
  :group 'mew-submit-setup
  :package-version '(mew-submit . "0.1.0"))

(cl-defstruct (mew-submit-setup--look (:constructor mew-submit-setup--look-make)
                                      (:copier nil))
  "A look at one server."
  (candidate nil :documentation "As `mew-submit-setup-discover--start' has found it.")
  (session nil :documentation "The session that looks, or nil.")
  (connected nil :documentation "Its `connected' event, or nil.")
  (tls nil :documentation "Its `tls' event, or nil.")
  (mechanisms nil :documentation "The ways to log in that are offered over TLS.")
  (done nil :documentation "Its `done' event, or nil while it runs."))

(defvar-local mew-submit-setup--address nil
  "The address that this buffer is about.")

(defvar-local mew-submit-setup--ways nil
  "The ways to find servers that are left.")

(defvar-local mew-submit-setup--notes nil
  "What happened so far, newest first: strings and looks.")

(defvar-local mew-submit-setup--exists 'yes
  "What is known of the domain, as `mew-submit-setup-discover--exists' has it.")

(defvar-local mew-submit-setup--waiting nil
  "What is being waited for, in words, or nil.")

(defvar-local mew-submit-setup--account nil
  "The account that was stored, or nil.")

(defvar-local mew-submit-setup--session nil
  "The session that looks at a server or sends the test mail, or nil.")

;;; From a candidate to an account

(defun mew-submit-setup--route (candidate)
  "Return the part of an account about the port of CANDIDATE."
  (let ((port (plist-get candidate :port))
        (tls (plist-get candidate :tls)))
    (cond ((null port) '(:plan "rfc8314"))
          ((and (eql port 465) (eq tls 'implicit)) '(:plan "submissions"))
          ;; The default plan, by which port 25 is asked for before it is used.
          ((and (eql port 587) (eq tls 'starttls)) nil)
          (t (list :routes (format "%d:%s" port tls))))))

(defun mew-submit-setup--make-account (candidate address)
  "Return an account for mail from ADDRESS by CANDIDATE."
  (append (list :name address :from address
                :server (plist-get candidate :host)
                :user (or (plist-get candidate :user) address))
          (and (plist-get candidate :auth)
               (list :auth (plist-get candidate :auth)))
          (and (plist-get candidate :oauth) '(:oauth t))
          (mew-submit-setup--route candidate)
          mew-submit-setup-defaults))

(defun mew-submit-setup--probe-account (candidate address)
  "Return an account for a look at CANDIDATE, found for ADDRESS: one port only."
  (let ((port (plist-get candidate :port)))
    (append (and port
                 (list :routes (format "%d:%s" port (plist-get candidate :tls))))
            (list :timeout mew-submit-setup-timeout :fallback 'always
                  :step-timeout 30)
            (mew-submit-setup--make-account candidate address))))

(defun mew-submit-setup--seen (look)
  "Return the candidate of LOOK with the port and TLS mode it was reached by."
  (let ((candidate (mew-submit-setup--look-candidate look))
        (port (plist-get (mew-submit-setup--look-connected look) :port)))
    (if (or (plist-get candidate :port) (null port))
        candidate
      (append (list :port port :tls (if (eql port 465) 'implicit 'starttls))
              candidate))))

(defun mew-submit-setup--fine-p (look)
  "Did LOOK see a server that speaks SMTP over verified TLS?"
  (let ((done (mew-submit-setup--look-done look)))
    (and (equal (plist-get done :kind) "ok")
         (plist-get (mew-submit-setup--look-tls look) :verified))))

;;; Looking

(defmacro mew-submit-setup--in (buffer &rest body)
  "Run BODY in BUFFER, if it lives, and show there what has changed."
  (declare (indent 1) (debug (form body)))
  (let ((place (make-symbol "buffer")))
    `(let ((,place ,buffer))
       (when (buffer-live-p ,place)
         (with-current-buffer ,place
           ,@body
           (mew-submit-setup--render))))))

(defun mew-submit-setup--note (note)
  "Add NOTE, a string or a look, to what is shown in the current buffer."
  (push note mew-submit-setup--notes))

(defun mew-submit-setup--hear (look event)
  "Put what is in EVENT into LOOK."
  (pcase (plist-get event :event)
    ('connected (setf (mew-submit-setup--look-connected look) event))
    ('tls (setf (mew-submit-setup--look-tls look) event))
    ('capabilities
     (when (plist-get event :secure)
       (setf (mew-submit-setup--look-mechanisms look)
             (plist-get event :mechanisms))))))

(defun mew-submit-setup--look-at (candidate rest)
  "Look at CANDIDATE for the current buffer, and if it is no good, at the REST."
  (let ((buffer (current-buffer))
        (look (mew-submit-setup--look-make :candidate candidate))
        session)
    (mew-submit-setup--note look)
    (setq mew-submit-setup--waiting
          (format "looking at %s" (plist-get candidate :host)))
    (condition-case err
        (setq session
              (mew-submit-job--start
               (mew-submit-request--probe
                (mew-submit-setup--probe-account candidate
                                                 mew-submit-setup--address))
               :on-event (lambda (event) (mew-submit-setup--hear look event))
               :on-done (lambda (done)
                          (setf (mew-submit-setup--look-done look) done)
                          (mew-submit-setup--in buffer
                            (when (eq session mew-submit-setup--session)
                              (mew-submit-setup--looked look rest))))))
      (error
       (setf (mew-submit-setup--look-done look) (mew-submit-error--done err))
       (mew-submit-setup--looked look rest)))
    (setq mew-submit-setup--session session)))

(defun mew-submit-setup--looked (look rest)
  "Go on after LOOK: it is good, or one of REST is looked at, or in another way."
  (setq mew-submit-setup--session nil
        mew-submit-setup--waiting nil)
  (cond ((mew-submit-setup--fine-p look))
        (rest (mew-submit-setup--look-at (car rest) (cdr rest)))
        (t (mew-submit-setup--search))))

(defun mew-submit-setup--way-words (way)
  "Return what is looked at in WAY, in words."
  (pcase way
    ('srv "the SRV records of the domain")
    ('autoconfig "what the domain and Thunderbird's database say on the web")
    ('mx "the MX records of the domain")))

(defun mew-submit-setup--found-words (way candidates)
  "Return a line on CANDIDATES: found in WAY, or only a guess."
  (format "%s: %s"
          ;; What a document has said has a port.
          (if (seq-some (lambda (candidate) (plist-get candidate :port)) candidates)
              (concat "Found in " (mew-submit-setup--way-words way))
            "Guesses, by the domain's name and its MX records")
          (mapconcat #'mew-submit-setup--place candidates ", ")))

(defun mew-submit-setup--found (way found)
  "Go on with what was FOUND in WAY."
  (setq mew-submit-setup--waiting nil)
  (let ((candidates (plist-get found :candidates)))
    (cond (candidates
           (mew-submit-setup--note
            (mew-submit-setup--found-words way candidates))
           (mew-submit-setup--look-at (car candidates) (cdr candidates)))
          ((plist-get found :never)
           (mew-submit-setup--note
            "The domain says that it has no server for submission."))
          (t (mew-submit-setup--note
              (format "Nothing in %s." (mew-submit-setup--way-words way)))
             (mew-submit-setup--search)))))

(defun mew-submit-setup--begin ()
  "Look for servers, unless the domain does not exist."
  (let ((buffer (current-buffer))
        (ways mew-submit-setup--ways)
        (domain (mew-submit-setup-discover--domain mew-submit-setup--address)))
    (setq mew-submit-setup--exists nil
          mew-submit-setup--waiting (format "asking for %s" domain))
    (funcall mew-submit-setup-discover--exists-function domain
             (lambda (exists)
               (mew-submit-setup--in buffer
                 ;; Unless it was started again meanwhile.
                 (when (eq mew-submit-setup--ways ways)
                   (setq mew-submit-setup--exists exists
                         mew-submit-setup--waiting nil)
                   (if (eq exists 'no)
                       (setq mew-submit-setup--ways nil)
                     (mew-submit-setup--search))))))))

(defun mew-submit-setup--nothing ()
  "Return why no server was found, and what to do."
  (pcase mew-submit-setup--exists
    ('no (format "The domain %s does not exist.  Is there a typing error in the \
address?  g asks for it again."
                 (mew-submit-setup-discover--domain mew-submit-setup--address)))
    ('yes "No server was found.  Ask your provider for its name.")
    ((guard (not (seq-some (lambda (network) (plist-get network :up))
                           (mew-submit-network--list))))
     "You are offline: this machine is on no network.  g looks again.")
    (_ "No name server answers, so nothing can be found: does the network work?  \
g looks again.")))

(defun mew-submit-setup--search ()
  "Look for servers in the next way that is left."
  (let ((buffer (current-buffer))
        (ways mew-submit-setup--ways))
    (when ways
      (pop mew-submit-setup--ways)
      (setq mew-submit-setup--waiting
            (format "asking %s" (mew-submit-setup--way-words (car ways))))
      (mew-submit-setup-discover--start
       (car ways) mew-submit-setup--address
       (lambda (found)
         (mew-submit-setup--in buffer
           ;; Unless it was started again meanwhile.
           (when (eq mew-submit-setup--ways (cdr ways))
             (mew-submit-setup--found (car ways) found))))))))

;;; The buffer

(defun mew-submit-setup--place (candidate)
  "Return CANDIDATE's server and port in words."
  (concat (plist-get candidate :host)
          (and (plist-get candidate :port)
               (format ":%d" (plist-get candidate :port)))))

(defun mew-submit-setup--verdict (look)
  "Return what is known of LOOK, in words."
  (let ((done (mew-submit-setup--look-done look))
        (tls (mew-submit-setup--look-tls look))
        (mechanisms (mew-submit-setup--look-mechanisms look)))
    (cond ((null done) "...")
          ((mew-submit-setup--fine-p look)
           (format "answers on port %d (%s), %s, certificate verified, %s"
                   (plist-get (mew-submit-setup--look-connected look) :port)
                   (mew-submit-report--family
                    (plist-get (mew-submit-setup--look-connected look) :family))
                   (plist-get tls :version)
                   (if mechanisms
                       (concat "log-in by " (string-join mechanisms ", "))
                     "no log-in")))
          ((equal (plist-get done :kind) "ok") "not usable: there was no TLS")
          (t (concat "not usable: "
                     (mew-submit-error--clean (or (plist-get done :text) "")))))))

(defun mew-submit-setup--button (label function &rest arguments)
  "Insert a button with LABEL to call FUNCTION with ARGUMENTS."
  (insert-text-button label
                      'face 'custom-button
                      'follow-link t
                      'action (lambda (_button) (apply function arguments)))
  (insert " "))

(defun mew-submit-setup--insert-look (look)
  "Insert what is known of LOOK, and a button if it can be used."
  (insert (format "  %s: %s\n"
                  (mew-submit-setup--place (mew-submit-setup--look-candidate look))
                  (mew-submit-setup--verdict look)))
  (when (mew-submit-setup--fine-p look)
    (when (plist-get (mew-submit-setup--look-candidate look) :foreign)
      (insert "  This server is outside of your domain: use it only if it is your\n"
              "  provider's, who will see your mail and your password.\n"))
    (unless mew-submit-setup--account
      (insert "\n  ")
      (mew-submit-setup--button "Use this server" #'mew-submit-setup-use look)
      (insert "\n"))))

(defun mew-submit-setup--insert-account ()
  "Insert what can be done with the account that was stored."
  (insert (format "\nStored: mail from %s goes through %s, user %s.\n"
                  (plist-get mew-submit-setup--account :from)
                  (plist-get mew-submit-setup--account :server)
                  (plist-get mew-submit-setup--account :user))
          (if (mew-submit-setup--sends-p) ""
            "Mail buffers do not send by it before M-x mew-submit-mode.\n")
          "\n  ")
  (mew-submit-setup--button "Send a test mail" #'mew-submit-setup-test))

(defun mew-submit-setup--insert ()
  "Insert all that is known."
  (insert (format "A server for mail from %s\n\n" mew-submit-setup--address))
  (dolist (note (reverse mew-submit-setup--notes))
    (if (stringp note)
        (insert note "\n")
      (mew-submit-setup--insert-look note)))
  (cond (mew-submit-setup--waiting
         (insert (format "\n(%s)\n" mew-submit-setup--waiting)))
        (mew-submit-setup--account)
        ((not (seq-some (lambda (note)
                          (and (not (stringp note))
                               (mew-submit-setup--fine-p note)))
                        mew-submit-setup--notes))
         (insert "\n" (mew-submit-setup--nothing) "\n")))
  (when mew-submit-setup--account
    (mew-submit-setup--insert-account))
  (insert "\n  ")
  (mew-submit-setup--button "Enter a server by hand" #'mew-submit-setup-by-hand)
  (when (and mew-submit-setup--ways (null mew-submit-setup--waiting))
    (mew-submit-setup--button "Look further" #'mew-submit-setup-further))
  (mew-submit-setup--button "Start again" #'call-interactively
                            #'mew-submit-setup-again)
  (insert "\n"))

(defun mew-submit-setup--render ()
  "Show in the current buffer all that is known."
  (let ((inhibit-read-only t)
        (line (line-number-at-pos)))
    (erase-buffer)
    (mew-submit-setup--insert)
    (goto-char (point-min))
    (forward-line (1- line))))

(defvar mew-submit-setup-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map (make-composed-keymap button-buffer-map
                                                 special-mode-map))
    (define-key map "u" #'mew-submit-setup-use)
    (define-key map "t" #'mew-submit-setup-test)
    (define-key map "s" #'mew-submit-setup-by-hand)
    (define-key map "f" #'mew-submit-setup-further)
    (define-key map "g" #'mew-submit-setup-again)
    map)
  "Keys of the buffer of `mew-submit-setup'.")

(define-derived-mode mew-submit-setup-mode special-mode "Mail setup"
  "What was found of servers for an address, and what to do with it.
\\<mew-submit-setup-mode-map>\\[mew-submit-setup-use] uses the server that was \
found, \\[mew-submit-setup-test] sends a test mail,
\\[mew-submit-setup-by-hand] asks for a server, \\[mew-submit-setup-further] \
looks further and \\[mew-submit-setup-again] starts again."
  :interactive nil
  (setq-local revert-buffer-function
              (lambda (&rest _) (call-interactively #'mew-submit-setup-again)))
  (add-hook 'kill-buffer-hook #'mew-submit-setup--stop nil t))

(defun mew-submit-setup--stop ()
  "Stop what is under way for the current buffer."
  (when-let* ((session mew-submit-setup--session))
    (setq mew-submit-setup--session nil)
    (mew-submit-job--cancel session)))

(defun mew-submit-setup--ensure ()
  "Signal an error unless the current buffer is that of `mew-submit-setup'."
  (unless (derived-mode-p 'mew-submit-setup-mode)
    (user-error "First look for a server with M-x mew-submit-setup")))

;;; Storing

(defun mew-submit-setup--store (account)
  "Put ACCOUNT before the user's accounts, in place of one for the same sender."
  (mew-submit-error--save-option
   'mew-submit-accounts
   (cons account
         (seq-remove (lambda (other)
                       (let ((from (plist-get other :from)))
                         (and from
                              (string= (downcase from)
                                       (downcase (plist-get account :from))))))
                     mew-submit-accounts))))

(defun mew-submit-setup--save-password (account port)
  "Ask for the password of ACCOUNT on PORT and save it, unless it is known."
  (let ((host (plist-get account :server))
        (user (plist-get account :user)))
    (if (plist-get (mew-submit-auth--lookup host port user) :user)
        (message "The password of %s at %s is known already" user host)
      (let ((password (read-passwd (format "SMTP password for %s@%s \
(empty: ask when mail is sent): " user host))))
        (unwind-protect
            (unless (or (string-empty-p password)
                        (mew-submit-auth--save host port user
                                               (copy-sequence password)))
              (message "The password is not saved: auth-sources has no place for it, \
or it has a quotation mark, which auth-source garbles"))
          (clear-string password))))))

(defun mew-submit-setup--best ()
  "Return the look at the server that can be used, the last one of them, or nil."
  (seq-find (lambda (note)
              (and (not (stringp note)) (mew-submit-setup--fine-p note)))
            mew-submit-setup--notes))

(defun mew-submit-setup--agreed-p (candidate)
  "Does the user agree that CANDIDATE, if it is outside of the domain, is right?"
  (or (not (plist-get candidate :foreign))
      (yes-or-no-p (format "%s is outside of the domain of %s.  Is it your \
provider's server? "
                           (plist-get candidate :host)
                           mew-submit-setup--address))))

(defun mew-submit-setup--log-in-p (account look)
  "Will ACCOUNT log in with a password at the server of LOOK?"
  (and (mew-submit-setup--look-mechanisms look)
       (not (plist-get account :oauth))
       (not (equal (plist-get account :auth) "none"))))

(defun mew-submit-setup--sends-p ()
  "Do mail buffers send by mew-submit?"
  (or (bound-and-true-p mew-submit-mode)
      (eq send-mail-function 'mew-submit-send-it)
      (eq (bound-and-true-p message-send-mail-function) 'mew-submit-send-it)))

(defun mew-submit-setup--turn-on ()
  "Offer to turn `mew-submit-mode' on for good, unless it is."
  (when (and (not (mew-submit-setup--sends-p))
             (fboundp 'mew-submit-mode)
             (yes-or-no-p "Emacs does not send mail by mew-submit yet.  Turn \
mew-submit-mode on, now and for future sessions? "))
    (mew-submit-mode 1)
    (condition-case err
        (customize-save-variable 'mew-submit-mode t)
      (error (message "The mode is on for this session only: %s"
                      (error-message-string err))))))

(defun mew-submit-setup-use (&optional look)
  "Store an account for the server that was seen in LOOK, and its password.
Interactively that is the one that was found."
  (interactive)
  (mew-submit-setup--ensure)
  (let* ((look (or look (mew-submit-setup--best)
                   (user-error "No server was found that can be used")))
         (candidate (mew-submit-setup--seen look))
         (buffer (current-buffer)))
    (unless (mew-submit-setup--agreed-p candidate)
      (user-error "Nothing was stored"))
    (let ((account (mew-submit-setup--make-account
                    candidate mew-submit-setup--address)))
      (if (null (mew-submit-setup--look-mechanisms look))
          (setq account (plist-put (seq-copy account) :auth "none"))
        (setq account
              (plist-put (seq-copy account) :user
                         (read-string "User name: "
                                      (plist-get account :user)))))
      (mew-submit-setup--store account)
      (when (mew-submit-setup--log-in-p account look)
        (mew-submit-setup--save-password account (plist-get candidate :port)))
      (mew-submit-setup--in buffer
        (setq mew-submit-setup--account account))
      (mew-submit-setup--turn-on))))

;;; The test mail

(defun mew-submit-setup--test-message (address)
  "Return a test mail from ADDRESS to itself."
  (require 'message)
  (concat "From: " address "\nTo: " address
          "\nSubject: Test mail sent by mew-submit"
          "\nDate: " (message-make-date)
          "\nMessage-ID: " (message-make-message-id)
          "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii"
          "\n\nThis server takes your mail.\n"))

(defun mew-submit-setup--test-file (address)
  "Return the name of a new file with a test mail from ADDRESS to itself."
  (let ((file (make-temp-file "mew-submit-test-" nil ".eml"))
        (coding-system-for-write 'utf-8-unix))
    (write-region (mew-submit-setup--test-message address) nil file nil
                  'silent)
    file))

(defun mew-submit-setup--tested (done)
  "Show how the test mail ended: DONE."
  (setq mew-submit-setup--session nil
        mew-submit-setup--waiting nil)
  (mew-submit-setup--note
   (concat "\nThe test mail was " (mew-submit-report--done done))))

(defun mew-submit-setup-test ()
  "Send a test mail with the account that was stored to its own address."
  (interactive)
  (mew-submit-setup--ensure)
  (unless mew-submit-setup--account
    (user-error "First use a server that was found"))
  (let* ((buffer (current-buffer))
         (file (mew-submit-setup--test-file mew-submit-setup--address))
         (finish (lambda (done)
                   (delete-file file)
                   (mew-submit-setup--in buffer
                     (mew-submit-setup--tested done)))))
    (setq mew-submit-setup--waiting "sending the test mail")
    (condition-case err
        (setq mew-submit-setup--session
              (mew-submit-request--submit
               file :account mew-submit-setup--account
               :on-done finish :on-ask #'mew-submit-dialog--answer))
      (error (funcall finish (mew-submit-error--done err))))
    (mew-submit-setup--render)))

;;; The commands

(defun mew-submit-setup--by-hand-candidate (text)
  "Return the candidate that TEXT, \"HOST\" or \"HOST:PORT\", names."
  (let* ((parts (and (string-match "\\`\\(.*[^:]\\):\\([0-9]\\{1,5\\}\\)\\'" text)
                     (list (match-string 1 text)
                           (string-to-number (match-string 2 text)))))
         (port (cadr parts)))
    (append (list :host (mew-submit-address--host (or (car parts) text))
                  :source 'user)
            (and port (list :port port
                            :tls (if (eql port 465) 'implicit 'starttls))))))

(defun mew-submit-setup-by-hand (server)
  "Look at SERVER, \"HOST\" or \"HOST:PORT\", instead of what was found.
That the user names it is agreement enough, also where it is outside of the
domain."
  (interactive "sServer: ")
  (mew-submit-setup--ensure)
  (let ((candidate (condition-case err
                       (mew-submit-setup--by-hand-candidate (string-trim server))
                     (mew-submit-error
                      (user-error "%s" (mew-submit-error--text err))))))
    (mew-submit-setup--stop)
    (setq mew-submit-setup--ways nil
          mew-submit-setup--account nil)
    (mew-submit-setup--look-at candidate nil)
    (mew-submit-setup--render)))

(defun mew-submit-setup-further ()
  "Look for servers in other ways than those that were tried."
  (interactive)
  (mew-submit-setup--ensure)
  (unless mew-submit-setup--ways
    (user-error "There is no other way to look"))
  (mew-submit-setup--search)
  (mew-submit-setup--render))

(defun mew-submit-setup--read-address (initial)
  "Ask for a mail address, with INITIAL to begin with, and return it.
Ask before that for what a look needs: the module."
  (when (mew-submit-module--missing-p)
    (unless (mew-submit-module--buildable-p)
      (mew-submit-error--as-user-error (mew-submit-module--ensure)))
    (unless (mew-submit-module--offer)
      (user-error "Nothing can be looked at until M-x mew-submit-build-module")))
  (let ((address (string-trim (read-string "Your mail address: " initial))))
    (condition-case err
        (mew-submit-setup-discover--domain address)
      (mew-submit-error (user-error "%s" (mew-submit-error--text err))))
    address))

(defun mew-submit-setup-again (address)
  "Look for a server for ADDRESS, from the beginning."
  (interactive (progn (mew-submit-setup--ensure)
                      (list (mew-submit-setup--read-address
                             mew-submit-setup--address))))
  (mew-submit-setup--ensure)
  (mew-submit-setup--stop)
  (setq mew-submit-setup--address address
        mew-submit-setup--notes nil
        mew-submit-setup--account nil
        ;; A list of its own, by which late results are told apart.
        mew-submit-setup--ways (copy-sequence mew-submit-setup-discover--ways))
  (mew-submit-setup--begin)
  (mew-submit-setup--render))

(defun mew-submit-setup--wait-for-module ()
  "Have the look begin when the module is built."
  (add-hook 'mew-submit-module--hook #'mew-submit-setup--module-is-there)
  (let ((inhibit-read-only t))
    (erase-buffer)
    (insert "The module is being built; the look at your server begins then.\n")))

(defun mew-submit-setup--module-is-there ()
  "Begin the look that has waited for the module."
  (remove-hook 'mew-submit-module--hook #'mew-submit-setup--module-is-there)
  (mew-submit-setup--in (get-buffer "*mew-submit setup*")
    (mew-submit-setup-again mew-submit-setup--address)))

;;;###autoload
(defun mew-submit-setup (address)
  "Find the server that takes mail from ADDRESS and make it an account.
The domain's SRV records are asked, then the web as Thunderbird does it, and
at last names are guessed from the MX records.  Each server found is looked
at; the buffer shows what it says, and stores it in `mew-submit-accounts' and
its password by auth-source when you say so."
  (interactive
   (list (mew-submit-setup--read-address
          (and (string-match-p "@.*[.]" (or user-mail-address ""))
               user-mail-address))))
  (condition-case err
      (mew-submit-setup-discover--domain address)
    (mew-submit-error (user-error "%s" (mew-submit-error--text err))))
  (with-current-buffer (get-buffer-create "*mew-submit setup*")
    (mew-submit-setup--stop)
    (mew-submit-setup-mode)
    (setq mew-submit-setup--address address)
    (if (mew-submit-module--missing-p)
        (mew-submit-setup--wait-for-module)
      (mew-submit-setup-again address))
    (goto-char (point-min))
    (pop-to-buffer (current-buffer))))

(provide 'mew-submit-setup)
;;; mew-submit-setup.el ends here
