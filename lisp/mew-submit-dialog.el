;;; mew-submit-dialog.el --- The questions asked of the user -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 3.  Every question that a running job has is asked here, never from a
;; filter, and never in batch mode.  `mew-submit-session-when-quiet' chooses the
;; moment, and asks one question at a time.  Whether a certificate may be trusted is
;; not among them (SECURITY.md, D25).

;;; Code:

(require 'mew-submit-auth)
(require 'mew-submit-error)
(require 'mew-submit-negative)
(require 'mew-submit-report)
(require 'seq)

;;; Asking

(defun mew-submit-dialog--box-p ()
  "Should the question come in a box, to be answered with the mouse?"
  (and use-dialog-box
       (display-popup-menus-p)
       last-input-event                 ; not during startup
       (listp last-nonmenu-event)))

(defun mew-submit-dialog--box (question choices)
  "Ask QUESTION in a dialog box and return the value of one of CHOICES.
The events of other messages are dealt with meanwhile: timers run."
  (x-popup-dialog t (cons question
                          (mapcar (pcase-lambda (`(,_ ,words ,value))
                                    (cons (upcase-initials words) value))
                                  choices))))

(defun mew-submit-dialog--line (question choices)
  "Ask QUESTION in the minibuffer and return the value of one of CHOICES."
  (let* ((enable-recursive-minibuffers t)
         (prompt (format "%s  (%s) " question
                         (mapconcat (pcase-lambda (`(,key ,words ,_))
                                      (concat (propertize
                                               (string key)
                                               'face 'minibuffer-prompt)
                                              " " words))
                                    choices ", ")))
         (key (read-char-from-minibuffer prompt (mapcar #'car choices))))
    ;; It leaves question and answer in the echo area, as if it still asked.
    (message nil)
    (nth 2 (assq key choices))))

(defun mew-submit-dialog--choose (question choices details)
  "Ask QUESTION and return the value of the one of CHOICES that the user takes.
CHOICES is a list of (KEY WORDS VALUE).  After the value `details' show what the
function DETAILS returns, and ask again.  A quit is left to the caller."
  (let ((ask (if (mew-submit-dialog--box-p)
                 #'mew-submit-dialog--box
               #'mew-submit-dialog--line))
        (buffer nil)
        answer)
    (unwind-protect
        (while (eq (setq answer (funcall ask question choices)) 'details)
          (setq buffer (mew-submit-dialog--show (funcall details))))
      (when (buffer-live-p buffer)
        (quit-windows-on buffer)))
    answer))

(defun mew-submit-dialog--show (text)
  "Show TEXT in the buffer \"*mew-submit details*\" and return that."
  (with-current-buffer (get-buffer-create "*mew-submit details*")
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert text)
      (goto-char (point-min)))
    (special-mode)
    (display-buffer (current-buffer)
                    '(nil (window-height . fit-window-to-buffer)))
    (current-buffer)))

;;; Another port?

(defun mew-submit-dialog--attempts (event)
  "Return lines about what was tried so far, as EVENT has it."
  (mapconcat (lambda (attempt)
               (concat "  " (mew-submit-report-attempt attempt) "\n"))
             (plist-get event :attempts) ""))

(defun mew-submit-dialog--remembered (event)
  "Return lines about what is remembered of the server of EVENT here, if any."
  (let ((entries (mew-submit-negative-find
                  (plist-get event :host)
                  (mew-submit-negative-networks (plist-get event :tunnel)))))
    (and entries
         (concat "\nRemembered, and so not tried first:\n"
                 (mapconcat
                  (lambda (entry)
                    (format "  port %s%s: case %s, met at %s; until %s\n"
                            (plist-get entry :port)
                            (pcase (plist-get entry :family)
                              ('ipv4 " over IPv4") ('ipv6 " over IPv6") (_ ""))
                            (plist-get entry :case) (plist-get entry :seen)
                            (plist-get entry :expires)))
                  entries "")))))

(defun mew-submit-dialog--fallback-details (event network)
  "Return what there is to know before the question EVENT is answered.
NETWORK is where this machine is."
  (concat
   (format "Server:   %s\nNetwork:  %s\n\n" (plist-get event :host)
           (plist-get network :label))
   "Tried for this message:\n" (mew-submit-dialog--attempts event)
   (mew-submit-dialog--remembered event)
   (format "
Port %s asks for the same security as port %s: TLS and the server's certificate
are checked in the same way, and nothing has been sent yet.

this time      send this message through port %s
always         do so from now on, to this server on this network
never          never do so, to this server on this network
not now, C-g   leave the message in the outbox

\"always\" and \"never\" are saved in the option mew-submit-fallback-networks;
M-x mew-submit-forget-network takes them back.\n"
           (plist-get event :port) (plist-get event :preferred-port)
           (plist-get event :port))))

(defun mew-submit-dialog--ask-fallback (event network)
  "Ask whether EVENT's less preferred port may be used on NETWORK.
Return `yes', `always', `never' or nil."
  (mew-submit-dialog--choose
   (format "Port %s of %s is blocked here.  Send through port %s?"
           (plist-get event :preferred-port) (plist-get event :host)
           (plist-get event :port))
   '((?y "this time" yes) (?a "always on this network" always)
     (?n "never" never) (?d "details" details) (?q "not now" nil))
   (lambda () (mew-submit-dialog--fallback-details event network))))

(defun mew-submit-dialog--fallback (event)
  "Return \"yes\" if EVENT's less preferred port may be used.
Else return nil or (:failed . WHY).  What the user has said of this network in
the meantime is not asked again."
  (let* ((host (plist-get event :host))
         (networks (mew-submit-negative-networks (plist-get event :tunnel)))
         (network (mew-submit-negative-here (plist-get event :tunnel)))
         (rule (mew-submit-negative-rule host networks))
         (answer (or rule
                     (and (not noninteractive)
                          (mew-submit-dialog--ask-fallback event network)))))
    (when (and (memq answer '(always never)) (not (eq answer rule)))
      (mew-submit-negative-set-rule host answer network))
    (pcase answer
      ((or 'yes 'always) "yes")
      ('never (cons :failed mew-submit-negative-never)))))

;;; Password?

(defun mew-submit-dialog--password (event)
  "Return (USER . PASSWORD) for EVENT, or nil, or (:failed . WHY)."
  (let ((enable-recursive-minibuffers t))
    (mew-submit-auth-answer event)))

;;; Sent, but no answer came

(defun mew-submit-dialog--field (name value)
  "Return a line with NAME and VALUE, or nothing for nil."
  (if value
      (format "%-14s %s\n" (concat name ":")
              (mew-submit-error-clean (format "%s" value)))
    ""))

(defun mew-submit-dialog--server (entry)
  "Return what names the server of ENTRY."
  (let ((account (plist-get entry :account)))
    (if (consp account)
        (plist-get account :server)
      account)))

(defun mew-submit-dialog--uncertain-details (entry)
  "Return what there is to know of ENTRY before it is sent again."
  (concat
   (mew-submit-dialog--field "Subject" (plist-get entry :subject))
   (mew-submit-dialog--field "From" (plist-get entry :from))
   (mew-submit-dialog--field "To" (string-join (plist-get entry :recipients)
                                               ", "))
   (mew-submit-dialog--field "Message-ID" (plist-get entry :message-id))
   (mew-submit-dialog--field "Server" (mew-submit-dialog--server entry))
   (mew-submit-dialog--field "When" (when-let ((time (caar (plist-get
                                                            entry :history))))
                                      (format-time-string "%F %T" time)))
   (mew-submit-dialog--field "What happened" (plist-get entry :last))
   "
The whole message was sent, and then the connection broke before the server said
whether it has taken it.  It may or may not have been delivered.

send again     the recipients may get it twice; with the Message-ID above many
               servers notice that
do not send    the message is left alone
later, C-g     ask again another time; it is best to ask a recipient meanwhile
"))

(defun mew-submit-dialog-uncertain (entry)
  "Ask whether the message ENTRY, sent without an answer, is to be sent again.
ENTRY is one of the outbox, a plist.  Return t for yes, nil for no, and `later'
when the user does not say; in batch mode nobody is asked.  Call it by way of
`mew-submit-session-when-quiet', unless the user has just asked for it."
  (if noninteractive
      'later
    (condition-case nil
        (let ((recipients (plist-get entry :recipients)))
          (mew-submit-dialog--choose
           (format "Sent to %s%s, but no answer came: send again?"
                   (mew-submit-error-clean (or (car recipients) "nobody"))
                   (if (cdr recipients)
                       (format " and %d more" (length (cdr recipients)))
                     ""))
           '((?y "send again" t) (?n "do not send" nil) (?d "details" details)
             (?l "later" later))
           (lambda () (mew-submit-dialog--uncertain-details entry))))
      (quit 'later))))

;;; Questions of a job

(defun mew-submit-dialog-answer (event)
  "Return the user's answer to the `ask' EVENT, or nil for none.
It is a string, (USER . PASSWORD), or (:failed . WHY)."
  (pcase (plist-get event :what)
    ("fallback" (mew-submit-dialog--fallback event))
    ("password" (mew-submit-dialog--password event))))

(function-put 'mew-submit-dialog-answer 'mew-submit-asks-again t)

(provide 'mew-submit-dialog)
;;; mew-submit-dialog.el ends here
