;;; mew-submit-doctor-checkup.el --- What could be wrong with the user's own set-up -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the checks of M-x mew-submit-doctor, which shows what they find.
;; A finding is a plist (:topic :status :text :advice), STATUS being `ok', `note',
;; `warning' or `error'.  Nobody is asked anything, nothing is changed, and no secret
;; is read.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-clients)
(require 'mew-submit-dns)
(require 'mew-submit-doctor-account)
(require 'mew-submit-doctor-finding)
(require 'mew-submit-memory)
(require 'mew-submit-module)
(require 'mew-submit-network-negative)
(require 'mew-submit-spool)
(require 'mew-submit-refusal)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-way)

(declare-function mew-submit--mod-source "ext:mew-submit-native" (address))
(declare-function custom-variable-type "cus-edit" (symbol))
(declare-function widget-apply "wid-edit" (widget property &rest args))
(declare-function widget-convert "wid-edit" (type &rest args))

;;; Emacs and the module

(defun mew-submit-doctor-checkup--emacs ()
  "Return findings about Emacs and the system."
  (list
   (mew-submit-doctor-finding--make
    "Emacs" (if (version< emacs-version "28.1") 'error 'ok)
    "Emacs %s, %s%s" emacs-version system-configuration
    (if (version< emacs-version "28.1") "\nmew-submit needs Emacs 28.1." ""))
   (unless (bound-and-true-p module-file-suffix)
     (mew-submit-doctor-finding--make
      "Emacs" 'error "This Emacs cannot load modules.\n\
Use one that was configured --with-modules."))
   (mew-submit-doctor-checkup--kernel)))

(defun mew-submit-doctor-checkup--kernel ()
  "Return a finding about what the system can tell of failed connections."
  (let ((release (and (eq system-type 'gnu/linux)
                      (ignore-errors
                        (string-trim (with-temp-buffer
                                       (insert-file-contents
                                        "/proc/sys/kernel/osrelease")
                                       (buffer-string)))))))
    (cond ((and release
                (string-match "\\`[0-9]+\\.[0-9]+" release)
                (not (version< (match-string 0 release) "5.8")))
           (mew-submit-doctor-finding--make
            "system" 'ok "Linux %s, which tells which ICMP error has come"
            release))
          (t (mew-submit-doctor-finding--make
              "system" 'note "%s%s does not tell which ICMP error has come, so \
cases 2 and 3, or 3 and 4, look alike" system-type
              (if release (concat " " release) ""))))))

(defun mew-submit-doctor-checkup--stale-p (file newer)
  "Is FILE older than one of the files NEWER?"
  (seq-some (lambda (other) (file-newer-than-file-p other file)) newer))

(defun mew-submit-doctor-checkup--module ()
  "Return findings about the module: is it there, does it fit, is it fresh?"
  (let* ((ready (or (mew-submit-module--fits-p) (mew-submit-module--find)))
         (file (mew-submit-module--file)))
    (if (not ready)
        (list (mew-submit-doctor-finding--make
               "module" 'error "%s.\n%s"
               (or (mew-submit-module--stale)
                   (format "The module %s is not built" (abbreviate-file-name file)))
               (if (mew-submit-module--lacks)
                   (mew-submit-module--remedy (mew-submit-module--lacks))
                 "M-x mew-submit-build-module builds it.")))
      (list
       (mew-submit-doctor-finding--make
        "module" 'ok "version %s, which fits the Lisp files"
        mew-submit-module--version)
       (when (and (file-exists-p file)
                  (mew-submit-doctor-checkup--stale-p
                   file (ignore-errors
                          (directory-files (file-name-directory file) t
                                           "\\.\\(?:[ch]\\|def\\)\\'"))))
         (mew-submit-doctor-finding--make
          "module" 'warning "The module is older than its sources.\n\
M-x mew-submit-build-module builds it anew; restart Emacs afterwards."))))))

(defconst mew-submit-doctor-checkup--defect-rows
  '((:gnutls "CVE-2020-13777" "3.6.4" "3.6.14"
             "session tickets without a key: TLS 1.3 can be listened to")
    (:gnutls "CVE-2022-2509" "3.6.0" "3.7.7"
             "memory freed twice by a certificate check")
    (:gnutls "CVE-2023-0361" "0" "3.7.9"
             "timing tells of RSA keys"))
  "Known defects: (LIBRARY NAME FROM BELOW WHAT): FROM has it, BELOW has not.")

(defun mew-submit-doctor-checkup--defects (library version)
  "Return the entries of known defects that VERSION of LIBRARY has."
  (seq-filter (lambda (defect)
                (pcase-let ((`(,whose ,_ ,from ,below . ,_) defect))
                  (and (eq whose library)
                       (version<= from version)
                       (version< version below))))
              mew-submit-doctor-checkup--defect-rows))

(defun mew-submit-doctor-checkup--library (library name version)
  "Return findings about LIBRARY, called NAME, whose VERSION is linked."
  (let ((defects (mew-submit-doctor-checkup--defects library version)))
    (or (mapcar (lambda (defect)
                  (pcase-let ((`(,_ ,cve ,_ ,below ,what) defect))
                    (mew-submit-doctor-finding--make
                     "libraries" 'warning "%s %s: %s, %s.\nUpdate %s to %s or \
later, unless your distribution has corrected it without a new number."
                     name version cve what name below)))
                defects)
        (list (mew-submit-doctor-finding--make "libraries" 'ok "%s %s" name
                                               version)))))

(defun mew-submit-doctor-checkup--libraries ()
  "Return findings about the libraries the module is linked with."
  (when (mew-submit-module--fits-p)
    (let ((libraries (mew-submit-module--libraries)))
      (append
       (mew-submit-doctor-checkup--library :gnutls "GnuTLS"
                                           (plist-get libraries :gnutls))
       (mew-submit-doctor-checkup--library :gsasl "GNU SASL"
                                           (plist-get libraries :gsasl))
       (list
        (when (version< (plist-get libraries :gsasl) "2.2.0")
          (mew-submit-doctor-finding--make
           "libraries" 'note "Log-ins are not tied to their TLS 1.3 connection \
\(SCRAM-*-PLUS).\nUpdate GNU SASL to 2.2 or later where you can; they work without.")))))))

;;; What mew-submit keeps, and what it is used for

(defun mew-submit-doctor-checkup--past-us (variable who)
  "Return a finding about mail of WHO that something else sends, or nil.
VARIABLE says by what."
  (when-let* ((function (mew-submit-clients--past-us variable)))
    (mew-submit-doctor-finding--make
     "sending" 'warning "Mail of %s goes by %s, not by mew-submit.\nLook what sets %s \
after mew-submit-mode, and take that away." who function variable)))

(defun mew-submit-doctor-checkup--sending ()
  "Return findings about what Emacs sends mail with."
  (cond ((or (bound-and-true-p mew-submit-mode)
             (seq-some (lambda (variable)
                         (eq (and (boundp variable) (symbol-value variable))
                             'mew-submit-send-it))
                       '(send-mail-function message-send-mail-function)))
         (list (mew-submit-doctor-checkup--past-us
                'message-send-mail-function "Message mode, Gnus, mu4e and notmuch")
               (mew-submit-doctor-checkup--past-us
                'send-mail-function "Mail mode, Rmail and others")
               (mew-submit-doctor-checkup--own-address)))
        ((not noninteractive)
         (list (mew-submit-doctor-finding--make
                "sending" 'note "Emacs does not send mail by mew-submit.\nM-x \
mew-submit-mode has it do so, and (mew-submit-mode) in the init file always, unless \
another program calls it.")))))

(defun mew-submit-doctor-checkup--option (option)
  "Return a finding about OPTION if Customize would not let it have its value.
Or return nil.  The value may have a secret in it, and is not shown."
  (unless (widget-apply (widget-convert (custom-variable-type option))
                        :match (symbol-value option))
    (mew-submit-doctor-finding--make
     "options" 'error "%s has a value that it cannot have.\nM-x customize-option RET %s RET \
shows what it can be." option option)))

(defun mew-submit-doctor-checkup--options ()
  "Return findings about options of ours that are misspelled, or have wrong values.
Their accounts are looked at one by one, and so are pins."
  (require 'cus-edit)
  ;; What is not loaded yet has no type.
  (custom-load-symbol 'mew-submit)
  (let (findings)
    (mapatoms (lambda (symbol)
                (when (and (string-prefix-p "mew-submit-" (symbol-name symbol))
                           (boundp symbol)
                           (not (memq symbol '(mew-submit-accounts mew-submit-pins))))
                  (push (cond ((custom-variable-p symbol)
                               (mew-submit-doctor-checkup--option symbol))
                              ((not (or (special-variable-p symbol)
                                        ;; `add-hook' makes it before its file is loaded.
                                        (string-suffix-p "-hook" (symbol-name symbol))))
                               (mew-submit-doctor-finding--make
                                "options" 'warning "What is %s?\nThere is no such option, and its \
value has no effect: look for its name in the manual." symbol)))
                        findings))))
    (unless (proper-list-p (bound-and-true-p auth-sources))
      (push (mew-submit-doctor-finding--make
             "options" 'error "auth-sources is no list.\nWrite it as (\"~/.authinfo.gpg\").")
            findings))
    findings))

(defun mew-submit-doctor-checkup--own-address ()
  "Return a finding about `user-mail-address' if no account is for that, or nil."
  (when (mew-submit-doctor-finding--accounts)
    (condition-case err
        (progn (mew-submit-account--choose user-mail-address)
               nil)
      (mew-submit-config
       (mew-submit-doctor-finding--make
        "sending" 'warning "New mail is from %s, which is user-mail-address: %s"
        (or user-mail-address "nobody") (mew-submit-error--text err))))))

(defun mew-submit-doctor-checkup--log-ins (entries)
  "Return findings about why those of ENTRIES wait whose log-in was refused."
  (mapcar (lambda (entry)
            (mew-submit-doctor-finding--make
             "outbox" 'warning "A log-in was refused: %s.\n%s"
             (mew-submit-refusal--why entry) (or (plist-get entry :remedy) "")))
          (seq-uniq (seq-filter (lambda (entry)
                                  (and (equal (plist-get entry :kind) "auth")
                                       (plist-get entry :cause)))
                                entries)
                    (lambda (one other)
                      (equal (mew-submit-refusal--why one)
                             (mew-submit-refusal--why other))))))

(defun mew-submit-doctor-checkup--messages (directory)
  "Return findings about the messages in DIRECTORY, the outbox.
They are looked at as they are on disk, and nothing is changed."
  (let* ((entries (mapcar (lambda (id) (mew-submit-spool--read id directory))
                          (mew-submit-spool--ids directory)))
         (groups (seq-group-by (lambda (entry) (plist-get entry :state)) entries)))
    (append
     (mew-submit-doctor-checkup--log-ins entries)
     (list
      (mew-submit-doctor-finding--make
       "outbox" 'ok "%s, %s" (abbreviate-file-name directory)
       (if groups
           (mapconcat (lambda (group)
                        (format "%d %s" (length (cdr group)) (car group)))
                      groups ", ")
         "no message"))
      (when (assq 'broken groups)
        (mew-submit-doctor-finding--make
         "outbox" 'error "What is known of a message cannot be read.\nM-x \
mew-submit-outbox shows it; the message itself is still there."))
      (when (assq 'refused groups)
        (mew-submit-doctor-finding--make
         "outbox" 'note "What is refused is not sent again by itself.\n\
w in M-x mew-submit-outbox says why, and what to do."))
      (when (assq 'uncertain groups)
        (mew-submit-doctor-finding--make
         "outbox" 'note "It is not known whether an uncertain message has \
arrived.\nAsk a recipient, then have M-x mew-submit-outbox send it again or \
delete it."))))))

(defun mew-submit-doctor-checkup--room (directory)
  "Return a finding about the room that is left for DIRECTORY, or nil."
  (when-let* ((info (ignore-errors (file-system-info directory))))
    (when (< (nth 2 info) (* 50 1024 1024))
      (mew-submit-doctor-finding--make
       "outbox" 'warning "%s are left on its disk.\nA message that does not fit \
cannot be sent." (file-size-human-readable (nth 2 info))))))

(defun mew-submit-doctor-checkup--outbox-usable (directory)
  "Return findings about DIRECTORY, the outbox, which exists."
  (let ((shown (abbreviate-file-name directory))
        ;; Whoever reads the outbox closes it to others.
        (modes (or (file-modes directory) 0)))
    (append
     (if (and (file-writable-p directory) (file-accessible-directory-p directory))
         (mew-submit-doctor-checkup--messages directory)
       (list (mew-submit-doctor-finding--make
              "outbox" 'error "%s cannot be written to, so no mail can be \
sent.\nchmod u+rwx %s, or set mew-submit-outbox-directory." shown shown)))
     (list
      (when (/= 0 (logand #o077 modes))
        (mew-submit-doctor-finding--make
         "outbox" 'warning "%s can be read by others.\nchmod 700 %s" shown
         shown))
      (unless (memql (file-attribute-user-id (file-attributes directory))
                     (list (user-uid) nil))
        (mew-submit-doctor-finding--make
         "outbox" 'warning "%s belongs to somebody else." shown))
      (mew-submit-doctor-checkup--room directory)))))

(defun mew-submit-doctor-checkup--nearest (directory)
  "Return DIRECTORY, or the nearest one above that exists."
  (let ((name (directory-file-name (expand-file-name directory))))
    (while (not (file-exists-p name))
      (setq name (directory-file-name (file-name-directory name))))
    name))

(defun mew-submit-doctor-checkup--outbox ()
  "Return findings about the outbox."
  (let* ((directory (expand-file-name mew-submit-outbox-directory))
         (nearest (mew-submit-doctor-checkup--nearest directory)))
    (cond
     ((file-directory-p directory)
      (mew-submit-doctor-checkup--outbox-usable (file-name-as-directory directory)))
     ((not (and (file-directory-p nearest) (file-writable-p nearest)))
      (list (mew-submit-doctor-finding--make
             "outbox" 'error "%s cannot be made: %s is %s, so no mail can be \
sent.\nCorrect that, or set mew-submit-outbox-directory."
             (abbreviate-file-name directory) (abbreviate-file-name nearest)
             (if (file-directory-p nearest) "not writable" "no directory"))))
     (t (list (mew-submit-doctor-finding--make
               "outbox" 'ok "%s, which the first mail will make"
               (abbreviate-file-name directory)))))))

(defun mew-submit-doctor-checkup--memory ()
  "Return findings about what servers have offered before."
  (list
   (if (null mew-submit-memory-file)
       (mew-submit-doctor-finding--make
        "memory" 'note "Nothing is remembered, so a server that offers less \
than before raises no alarm.\nName a file in mew-submit-memory-file.")
     (mew-submit-doctor-finding--make
      "memory" 'ok "servers that are remembered: %d"
      (length (mew-submit-memory--servers mew-submit-memory-file))))))

(defun mew-submit-doctor-checkup--verdict (entry number)
  "Return a finding about ENTRY, a port that is blocked for account NUMBER."
  (mew-submit-doctor-finding--make
   "verdicts" 'note "Account %d: port %s by %s was case %s on this network, so it \
is tried last until %s.\nM-x mew-submit-forget-network forgets that." number
   (plist-get entry :port)
   (mew-submit-report--family
    (and (plist-get entry :family) (symbol-name (plist-get entry :family))))
   (plist-get entry :case) (plist-get entry :expires)))

(defun mew-submit-doctor-checkup--hosts (account)
  "Return the hosts of all servers of ACCOUNT, those that can be told."
  (seq-uniq (delq nil (mapcar (lambda (server)
                                (ignore-errors (mew-submit-request--host server)))
                              (ignore-errors
                                (mew-submit-account--servers account))))))

(defun mew-submit-doctor-checkup--verdicts ()
  "Return findings about ports that are remembered to be blocked."
  (let ((networks (mew-submit-network-negative--networks))
        (number 0))
    (cons
     (mew-submit-doctor-finding--make
      "verdicts" 'ok "ports that are remembered to be blocked, on any network: %d"
      (length (mew-submit-network-negative--entries)))
     (mapcan
      (lambda (account)
        (cl-incf number)
        (mapcar (lambda (entry) (mew-submit-doctor-checkup--verdict entry number))
                (mapcan (lambda (host)
                          (mew-submit-network-negative--find host networks))
                        (mew-submit-doctor-checkup--hosts account))))
      (mew-submit-doctor-finding--accounts)))))

(defun mew-submit-doctor-checkup--pin (pin names)
  "Return a finding about PIN when it is of no use, or nil.
NAMES are those of the accounts there are."
  (pcase pin
    (`(,account ,server ,port ,fingerprint)
     (cond ((not (and (stringp fingerprint)
                      (string-match-p "\\`sha256:[[:xdigit:]]\\{64\\}\\'"
                                      fingerprint)))
            (mew-submit-doctor-finding--make
             "pins" 'error "The pin for %s, port %s, is no SHA-256 \
fingerprint.\nM-x mew-submit-unpin-certificate takes it away." server port))
           ((not (and (stringp server) (natnump port)))
            (mew-submit-doctor-finding--make
             "pins" 'error "The pin for %s, port %S, counts nowhere: a server is a \
string, and a port a number.\nM-x mew-submit-unpin-certificate takes it away."
             server port))
           ((not (member account (cons nil names)))
            (mew-submit-doctor-finding--make
             "pins" 'note "A pin is for the account %s, which there is not.\n\
M-x mew-submit-unpin-certificate takes it away."
             account))))
    (_ (mew-submit-doctor-finding--make
        "pins" 'error "An element of mew-submit-pins is none: it needs an \
account, a server, a port and a fingerprint.\nM-x mew-submit-unpin-certificate takes it \
away."))))

(defun mew-submit-doctor-checkup--pins ()
  "Return findings about pinned certificates."
  (let ((names (mapcar (lambda (account) (plist-get account :name))
                       (mew-submit-doctor-finding--accounts))))
    (cons (mew-submit-doctor-finding--make
           "pins" 'ok "%d" (length mew-submit-pins))
          (mapcar (lambda (pin) (mew-submit-doctor-checkup--pin pin names))
                  mew-submit-pins))))

;;; The machine

(defun mew-submit-doctor-checkup--witnesses ()
  "Return ((WHAT . TIME)...): when things were made, which is not in the future."
  (delq nil
        (cons (and (boundp 'emacs-build-time) emacs-build-time
                   (cons "Emacs" emacs-build-time))
              (mapcar (lambda (entry)
                        (and (cdr entry) (file-exists-p (cdr entry))
                             (cons (car entry)
                                   (file-attribute-modification-time
                                    (file-attributes (cdr entry))))))
                      `(("mew-submit's Lisp"
                         . ,(locate-library "mew-submit-job"))
                        ("mew-submit's module"
                         . ,(ignore-errors (mew-submit-module--file)))
                        ("the memory of servers" . ,mew-submit-memory-file)
                        ("the outbox" . ,mew-submit-outbox-directory))))))

(defconst mew-submit-doctor-checkup--released "2026-11-01T00:00:00Z"
  "When this version was made: no clock that is right says less.")

(defun mew-submit-doctor-checkup--clock (now)
  "Return findings about NOW, the time by the clock."
  (let* ((witness (car (sort (mew-submit-doctor-checkup--witnesses)
                             (lambda (a b) (time-less-p (cdr b) (cdr a))))))
         (shown (format-time-string "%F %R UTC" now t)))
    (list
     (cond
      ((time-less-p now (date-to-time mew-submit-doctor-checkup--released))
       (mew-submit-doctor-finding--make
        "clock" 'error "It says %s, which is before mew-submit was made.\nSet \
it: no certificate can be checked by a clock that is wrong." shown))
      ((and witness (time-less-p (time-add now 3600) (cdr witness)))
       (mew-submit-doctor-finding--make
        "clock" 'error "It says %s, but %s was made %s.\nSet it: no certificate \
can be checked by a clock that is wrong." shown (car witness)
        (format-time-string "%F %R UTC" (cdr witness) t)))
      ((time-less-p (time-add (date-to-time mew-submit-doctor-checkup--released)
                              (* 20 365 86400))
                    now)
       (mew-submit-doctor-finding--make
        "clock" 'warning "It says %s: is that so?\nA clock that is wrong makes \
every certificate look expired." shown))
      (t (mew-submit-doctor-finding--make "clock" 'ok "%s" shown))))))

(defconst mew-submit-doctor-checkup--elsewhere
  '(("IPv4" . "192.0.2.1") ("IPv6" . "2001:db8::1"))
  "An address far away for each family, to which nothing is sent.")

(defun mew-submit-doctor-checkup--family (name address)
  "Return (FINDING . USABLE) about the family NAME: is there a route to ADDRESS?"
  (let ((source (mew-submit--mod-source address)))
    (cond
     ((symbolp source)
      (cons (mew-submit-doctor-finding--make
             "network" 'note "%s: no route (%s), so it is not used" name source)
            nil))
     ((string-match-p "\\`\\(?:f[cd]\\|fe[89ab]\\)" source)
      (cons (mew-submit-doctor-finding--make
             "network" 'note "%s: only an address of the local network" name)
            t))
     (t (cons (mew-submit-doctor-finding--make "network" 'ok "%s: there is a route"
                                               name)
              t)))))

(defun mew-submit-doctor-checkup--families ()
  "Return findings about both address families."
  (when (fboundp 'mew-submit--mod-source)
    (let ((families (mapcar (lambda (entry)
                              (mew-submit-doctor-checkup--family (car entry)
                                                                 (cdr entry)))
                            mew-submit-doctor-checkup--elsewhere)))
      (append
       (mapcar #'car families)
       (list (unless (seq-some #'cdr families)
               (mew-submit-doctor-finding--make
                "network" 'warning "This machine has no way out by itself.\n\
Connect it to a network, unless the server is near.")))))))

(defun mew-submit-doctor-checkup--resolver ()
  "Return findings about the DNS servers that are known."
  (let ((servers (mew-submit-dns--servers)))
    (list (if servers
              (mew-submit-doctor-finding--make "resolver" 'ok "DNS servers: %d"
                                               (length servers))
            (mew-submit-doctor-finding--make
             "resolver" 'note "No DNS server is known (/etc/resolv.conf), so \
mew-submit-diagnose-domain has nobody to ask.\nSet dns-servers.")))))

(defconst mew-submit-doctor-checkup--all
  '(("Emacs" mew-submit-doctor-checkup--emacs)
    ("module" mew-submit-doctor-checkup--module)
    ("libraries" mew-submit-doctor-checkup--libraries)
    ("sending" mew-submit-doctor-checkup--sending)
    ("options" mew-submit-doctor-checkup--options)
    ("accounts" mew-submit-doctor-account--account-findings)
    ("secrets" mew-submit-doctor-account--secrets)
    ("outbox" mew-submit-doctor-checkup--outbox)
    ("memory" mew-submit-doctor-checkup--memory)
    ("verdicts" mew-submit-doctor-checkup--verdicts)
    ("pins" mew-submit-doctor-checkup--pins)
    ("clock" mew-submit-doctor-checkup--now)
    ("network" mew-submit-doctor-checkup--families)
    ("resolver" mew-submit-doctor-checkup--resolver))
  "The checks that need no server: (TOPIC FUNCTION).")

(defun mew-submit-doctor-checkup--now ()
  "Return findings about the clock."
  (mew-submit-doctor-checkup--clock (current-time)))

(defun mew-submit-doctor-checkup--local ()
  "Return the findings about all that needs no server."
  (mapcan (lambda (check)
            (apply #'mew-submit-doctor-finding--guarded check))
          mew-submit-doctor-checkup--all))

(provide 'mew-submit-doctor-checkup)
;;; mew-submit-doctor-checkup.el ends here
