;;; mew-submit-diagnose.el --- Why mail cannot be sent, and what to do -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the commands that diagnose a server and the buffer that shows what they
;; find, while they find it.  The buffer is drawn anew from the diagnosis whenever there is
;; news (mew-submit-view.el).

;;; Code:

(require 'button)
(require 'map)
(require 'mew-submit-account)
(require 'mew-submit-diagnosis)
(require 'mew-submit-diagnosis-text)
(require 'mew-submit-diagnosis-view)
(require 'mew-submit-dialog)
(require 'mew-submit-error)
(require 'mew-submit-finding)
(require 'mew-submit-log-in)
(require 'mew-submit-probe)
(require 'mew-submit-job)
(require 'mew-submit-request)
(require 'mew-submit-view)
(require 'seq)

(defface mew-submit-diagnose-good
  '((((class color) (min-colors 88) (background light)) :foreground "#005a9c")
    (((class color) (min-colors 88) (background dark)) :foreground "#7fb8ff")
    (t :inherit success))
  "Face of what is well: blue, which the colour-blind tell from orange."
  :group 'mew-submit-diagnosis)

(defface mew-submit-diagnose-bad
  '((((class color) (min-colors 88) (background light)) :foreground "#a33c00")
    (((class color) (min-colors 88) (background dark)) :foreground "#ffa54f")
    (t :inherit error))
  "Face of what is not well: orange."
  :group 'mew-submit-diagnosis)

(defvar-local mew-submit-diagnose--diagnosis nil
  "The diagnosis that the buffer shows.")

(defvar-local mew-submit-diagnose--arguments nil
  "What the diagnosis was started with: (ACCOUNT . KEYS).")

(defvar-local mew-submit-diagnose--open nil
  "The numbers of the attempts that are shown with all that is known of them.")

;;; Drawing

(defun mew-submit-diagnose--running-p ()
  "Will there be more news of the diagnosis of this buffer?"
  (and mew-submit-diagnose--diagnosis
       (or (null (plist-get mew-submit-diagnose--diagnosis :done))
           (equal "running" (mew-submit-diagnosis--log-in-result
                             mew-submit-diagnose--diagnosis)))))

(defun mew-submit-diagnose--insert-verdict (diagnosis)
  "Insert whether mail can be submitted, according to DIAGNOSIS."
  (let ((submits (car (mew-submit-diagnosis--verdict diagnosis)))
        (done (plist-get diagnosis :done)))
    (insert (propertize (format "Diagnosis of %s" (plist-get diagnosis :host))
                        'face 'bold)
            (format-time-string ", %Y-%m-%d %H:%M:%S\n\n"
                                (plist-get diagnosis :began))
            (propertize (mew-submit-diagnosis-text--fill
                         (mew-submit-diagnosis-text--verdict diagnosis))
                        'face (cond ((null done) 'default)
                                    (submits 'mew-submit-diagnose-good)
                                    (t 'mew-submit-diagnose-bad)))
            (mew-submit-diagnosis-text--lookups diagnosis))))

(defun mew-submit-diagnose--face (attempt)
  "Return the face for the row of ATTEMPT."
  (cond ((not (eq (plist-get attempt :state) 'ended)) 'default)
        ((eql (plist-get attempt :case) 1) 'mew-submit-diagnose-good)
        (t 'mew-submit-diagnose-bad)))

(defun mew-submit-diagnose--insert-row (diagnosis attempt)
  "Insert the row of DIAGNOSIS about ATTEMPT, a button to its details."
  (let* ((id (plist-get attempt :id))
         (open (memql id mew-submit-diagnose--open)))
    (insert-text-button
     (mew-submit-diagnosis-text--row diagnosis attempt)
     'face (mew-submit-diagnose--face attempt)
     'mew-submit-view-item id 'follow-link t
     'help-echo "mouse-1, RET: all that is known of it"
     'action (lambda (_button) (mew-submit-diagnose--toggle id)))
    (insert "\n")
    (when open
      (insert (mew-submit-diagnosis-text--detail-lines attempt)))))

(defun mew-submit-diagnose--insert-table (diagnosis)
  "Insert the table of DIAGNOSIS."
  (when (plist-get diagnosis :attempts)
    (insert "\n"
            (propertize (mew-submit-diagnosis-text--heading diagnosis)
                        'face 'underline)
            "\n")
    (dolist (attempt (mew-submit-diagnosis-text--sorted diagnosis))
      (mew-submit-diagnose--insert-row diagnosis attempt))))

(defconst mew-submit-diagnose--keys
  '(("g" "again" mew-submit-diagnose-again)
    ("p" "other ports" mew-submit-diagnose-other-ports)
    ("u" "use route" mew-submit-diagnose-use-route)
    ("w" "text" mew-submit-view-copy)
    ("o" "Org" mew-submit-diagnose-copy-org)
    ("j" "JSON" mew-submit-diagnose-copy-json)
    ("s" "SVG" mew-submit-diagnose-save-svg)
    ("k" "stop" mew-submit-diagnose-stop) ("\C-g" nil mew-submit-diagnose-stop)
    ("a" "details of all" mew-submit-diagnose-toggle-all))
  "The keys of a report, a table.")

(defun mew-submit-diagnose--insert-buttons ()
  "Insert the buttons of the report."
  (apply #'mew-submit-view--buttons mew-submit-diagnose--keys
         (if (mew-submit-diagnose--running-p) '("k")
           '("g" "p" "u" "w" "o" "j" "s"))))

(defun mew-submit-diagnose--insert-findings (diagnosis)
  "Insert what DIAGNOSIS means, once it is over.
That all is well is only said where mail can be submitted."
  (when (plist-get diagnosis :done)
    (let ((findings (mew-submit-finding--list diagnosis)))
      (when (or findings (car (mew-submit-diagnosis--verdict diagnosis)))
        (insert "\n" (propertize "Findings" 'face 'bold) "\n\n")
        (if findings
            (dolist (finding findings)
              (insert (propertize
                       (mew-submit-diagnosis-text--finding finding)
                       'face (if (equal (plist-get finding :severity) "note")
                                 'default
                               'mew-submit-diagnose-bad))
                      "\n"))
          (insert " None: as far as can be seen from here, all is well.\n"))))))

(defun mew-submit-diagnose--insert-keys ()
  "Insert what can be done in the buffer."
  (skip-chars-backward "\n")
  (delete-region (point) (point-max))
  (insert "\n\n"
          (propertize
           (if (mew-submit-diagnose--running-p)
               "k: stop    RET: details of a row"
             "g: again    RET: details of a row    a: details of all    q: quit")
           'face 'shadow)
          "\n"))

(defun mew-submit-diagnose--insert ()
  "Insert the report of this buffer."
  (let ((diagnosis mew-submit-diagnose--diagnosis))
    (mew-submit-diagnose--insert-buttons)
    (mew-submit-diagnose--insert-verdict diagnosis)
    (mew-submit-diagnose--insert-table diagnosis)
    (mew-submit-diagnosis-view--insert-picture diagnosis #'mew-submit-diagnose--toggle)
    (mew-submit-diagnose--insert-findings diagnosis)
    (mew-submit-diagnose--insert-keys)))

(defun mew-submit-diagnose--text ()
  "Return the report as text, with all that is known."
  (mew-submit-diagnosis-text--string (mew-submit-diagnose--ended) t))

;;; What the user can do

(defun mew-submit-diagnose--toggle (id)
  "Show all that is known of the attempt with number ID, or no longer."
  (setq mew-submit-diagnose--open
        (if (memql id mew-submit-diagnose--open)
            (remq id mew-submit-diagnose--open)
          (cons id mew-submit-diagnose--open)))
  (mew-submit-view--draw))

(defun mew-submit-diagnose-toggle-all ()
  "Show all that is known of every attempt, or of none."
  (interactive nil mew-submit-diagnose-mode)
  (setq mew-submit-diagnose--open
        (and (null mew-submit-diagnose--open)
             (mapcar (lambda (attempt) (plist-get attempt :id))
                     (plist-get mew-submit-diagnose--diagnosis :attempts))))
  (mew-submit-view--draw))

(defun mew-submit-diagnose-stop ()
  "Stop the diagnosis of this buffer; what it has found stays.
When there is none to stop, quit as \\[keyboard-quit] does elsewhere."
  (interactive nil mew-submit-diagnose-mode)
  (if (mew-submit-diagnose--running-p)
      (progn (mew-submit-job--cancel
              (plist-get mew-submit-diagnose--diagnosis :session))
             (message "Stopping..."))
    (keyboard-quit)))

(defun mew-submit-diagnose-again ()
  "Diagnose the server of this buffer again; nobody logs in."
  (interactive nil mew-submit-diagnose-mode)
  (mew-submit-error--as-user-error
    (mew-submit-diagnose--begin (car mew-submit-diagnose--arguments)
                                (map-delete (copy-sequence
                                             (cdr mew-submit-diagnose--arguments))
                                            :log-in))))

(defun mew-submit-diagnose--forget ()
  "Stop the diagnosis of this buffer, which is going away."
  (when (mew-submit-diagnose--running-p)
    (mew-submit-job--cancel
     (plist-get mew-submit-diagnose--diagnosis :session))))

(defvar mew-submit-diagnose-mode-map
  (mew-submit-view--map mew-submit-diagnose--keys)
  "The keys of a report.")

(define-derived-mode mew-submit-diagnose-mode mew-submit-view-mode "Diagnosis"
  "Mode of the report of a diagnosis.

\\{mew-submit-diagnose-mode-map}"
  :interactive nil
  (setq truncate-lines t
        mew-submit-view--shape t
        mew-submit-view--insert #'mew-submit-diagnose--insert
        mew-submit-view--text #'mew-submit-diagnose--text
        mew-submit-view--keys mew-submit-diagnose--keys)
  (add-hook 'kill-buffer-hook #'mew-submit-diagnose--forget nil t))

;;; Other ports, another route, copies

(defun mew-submit-diagnose--ended ()
  "Return the diagnosis of this buffer, which has ended; else signal `user-error'."
  (when (mew-submit-diagnose--running-p)
    (user-error "The diagnosis has not ended; k stops it"))
  (or mew-submit-diagnose--diagnosis
      (user-error "There is no diagnosis here")))

(defun mew-submit-diagnose-other-ports (ports)
  "Diagnose other PORTS of the server of this buffer.
PORTS is a list such as \"26,2525:starttls\", separated by commas."
  (interactive (list (mew-submit-view--read "Ports (PORT[:MODE[:SERVICE]],...): "
                                            "25,26,465,587"
                                            #'mew-submit-probe--parse-ports))
               mew-submit-diagnose-mode)
  (condition-case err
      (mew-submit-diagnose--begin
       (car mew-submit-diagnose--arguments)
       (plist-put (copy-sequence (cdr mew-submit-diagnose--arguments))
                  :ports (mew-submit-probe--parse-ports ports)))
    (mew-submit-error (user-error "%s" (mew-submit-error--text err)))))

(defun mew-submit-diagnose--attempt-here (diagnosis)
  "Return the attempt of DIAGNOSIS whose row point is in, or nil."
  (let ((id (get-text-property (line-beginning-position) 'mew-submit-view-item)))
    (seq-find (lambda (attempt) (eql id (plist-get attempt :id)))
              (and id (plist-get diagnosis :attempts)))))

(defun mew-submit-diagnose-use-route ()
  "Have mail to this server go by the route of this row, from now on.
In no row it is the first route by which mail can be submitted.  You are asked
first; the account's :routes is saved then, by Customize."
  (interactive nil mew-submit-diagnose-mode)
  (let ((diagnosis (mew-submit-diagnose--ended)))
    (mew-submit-diagnosis-view--use
     diagnosis (or (mew-submit-diagnose--attempt-here diagnosis)
                   (cdr (mew-submit-diagnosis--verdict diagnosis))))))

(defun mew-submit-diagnose-copy-org ()
  "Copy the report as Org."
  (interactive nil mew-submit-diagnose-mode)
  (mew-submit-view--copy (mew-submit-diagnosis-view--org (mew-submit-diagnose--ended))
                         "Org"))

(defun mew-submit-diagnose-copy-json ()
  "Copy the diagnosis as JSON."
  (interactive nil mew-submit-diagnose-mode)
  (mew-submit-view--copy (mew-submit-diagnosis-view--json (mew-submit-diagnose--ended))
                         "JSON"))

(defun mew-submit-diagnose-save-svg (file)
  "Save the picture of the diagnosis in FILE, as SVG."
  (interactive (progn (mew-submit-diagnose--ended)
                      (list (read-file-name "Save the picture as: " nil nil nil
                                            "diagnosis.svg")))
               mew-submit-diagnose-mode)
  (mew-submit-view--save file (mew-submit-diagnosis-view--svg
                               (mew-submit-diagnose--ended))))

;;; The commands

(defun mew-submit-diagnose--begin (account keys)
  "Start to diagnose the server of ACCOUNT with KEYS, in this buffer."
  (mew-submit-diagnose--forget)
  (let ((buffer (current-buffer)))
    (setq mew-submit-diagnose--arguments (cons account keys)
          mew-submit-diagnose--open nil
          mew-submit-diagnose--diagnosis
          (apply #'mew-submit-probe--start account
                 :on-event (lambda (_diagnosis _event)
                             (mew-submit-view--soon buffer))
                 :on-done (and (plist-get keys :log-in)
                               (lambda (diagnosis)
                                 (mew-submit-diagnose--log-in buffer diagnosis
                                                              account)))
                 (map-delete (copy-sequence keys) :log-in)))
    (mew-submit-view--draw)))

(defun mew-submit-diagnose--log-in (buffer diagnosis account)
  "Log in after DIAGNOSIS of BUFFER by ACCOUNT, if BUFFER still lives."
  (when (buffer-live-p buffer)
    (mew-submit-log-in--begin diagnosis account #'mew-submit-dialog--answer
                              (lambda () (mew-submit-view--soon buffer)))
    (mew-submit-view--soon buffer)))

(defun mew-submit-diagnose--show (account &rest keys)
  "Diagnose the server of ACCOUNT in a buffer of its own, with KEYS; return it.
KEYS are as for `mew-submit-probe--start'; with :log-in, log in at the end."
  (condition-case err
      (let ((buffer (progn
                      ;; No buffer is left of what is no server's name.
                      (mew-submit-request--host account)
                      (mew-submit-view--buffer
                       (format "*mew-submit diagnosis: %s*"
                               (plist-get account :server))
                       #'mew-submit-diagnose-mode))))
        (with-current-buffer buffer
          (mew-submit-diagnose--begin account keys))
        (pop-to-buffer buffer))
    (mew-submit-error (user-error "%s" (mew-submit-error--text err)))))

(defun mew-submit-diagnose--accounts ()
  "Return the user's accounts that have a server."
  (seq-filter (lambda (account) (plist-get account :server))
              (or (mew-submit-account--listed)
                  (ignore-errors (list (mew-submit-account--choose nil))))))

(defun mew-submit-diagnose--account (server)
  "Return a copy of the account whose server or name is SERVER, or a new one.
SERVER may be an account, too."
  (let ((account (if (consp server)
                     server
                   (seq-find (lambda (account)
                               (member server (list (plist-get account :server)
                                                    (plist-get account :name))))
                             (mew-submit-diagnose--accounts)))))
    (if account
        (mew-submit-account--copy account)
      (list :server server))))

(defun mew-submit-diagnose--read-server (prompt)
  "Read the name of a server with PROMPT; the default is the account's."
  (let* ((accounts (mew-submit-diagnose--accounts))
         (default (plist-get (car accounts) :server))
         (names (delete-dups
                 (delq nil (mapcan (lambda (account)
                                     (list (plist-get account :server)
                                           (plist-get account :name)))
                                   accounts)))))
    (mew-submit-view--read
     (format-prompt prompt default) nil
     (lambda (server)
       (mew-submit-request--host (mew-submit-diagnose--account server)))
     (lambda (prompt initial)
       (completing-read prompt names nil nil initial nil default)))))

(defun mew-submit-diagnose--relay-agreed-p (server)
  "Does the user agree that SERVER is asked to relay?"
  (yes-or-no-p (format "No mail is sent, but some servers write such questions \
down.  Ask %s whether it would pass on a mail from nobody to %s? "
                       server "relay-test@example.net")))

(defun mew-submit-diagnose--log-in-agreed-p (server)
  "Does the user agree that the account at SERVER logs in?"
  (yes-or-no-p (format "No mail is sent, but a wrong password counts as one more try.  \
Log in to %s as well? " server)))

;;;###autoload
(defun mew-submit-diagnose (server &optional relay-test log-in)
  "Find out why mail cannot be sent to SERVER, who is at fault, and what to do.
SERVER is a host, or an account or its name.  The ports 25, 465 and 587, and
those that the account has in `:routes', are looked at, at each address, in both
address families; nothing is sent, nobody logs in.  The report appears while
this is going on, and Emacs stays free.  Interactively the default is the
account's server; with a prefix argument you are asked whether to log in as
well (LOG-IN), with the account's secret, and with two whether to try as well if
the server is an open relay (RELAY-TEST)."
  (interactive
   (let ((server (mew-submit-diagnose--read-server "Diagnose server")))
     (list server
           (and (equal current-prefix-arg '(16))
                (mew-submit-diagnose--relay-agreed-p server))
           (and current-prefix-arg
                (mew-submit-diagnose--log-in-agreed-p server)))))
  (let ((account (mew-submit-diagnose--account server)))
    (mew-submit-diagnose--show
     (if log-in
         (append (list :user (mew-submit-log-in--user account)) account)
       account)
     :relay-test relay-test :log-in log-in)))

;;;###autoload
(defun mew-submit-diagnose-ports (server)
  "Show what is behind all mail ports of SERVER, in one table.
These are 25, 26, 465 and 587 for sending, 110, 143, 993 and 995 for reading."
  (interactive
   (list (mew-submit-diagnose--read-server "Mail ports of server")))
  (mew-submit-diagnose--show
   (mew-submit-diagnose--account server)
   :ports (mapcar #'mew-submit-probe--port mew-submit-probe--all-ports)))

(provide 'mew-submit-diagnose)
;;; mew-submit-diagnose.el ends here
