;;; mew-submit-domain.el --- How a domain takes mail -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns M-x mew-submit-diagnose-domain, and its report:
;; how what mew-submit-domain-zone.el has seen is shown.

;;; Code:

(require 'mew-submit-error)
(require 'mew-submit-table)
(require 'mew-submit-domain-transfer)
(require 'mew-submit-domain-zone)
(require 'mew-submit-view)

;;; Words

(defun mew-submit-domain--signed (answer)
  "Return whether ANSWER was validated, in words."
  (if (plist-get answer :authentic) "DNSSEC" ""))

(defun mew-submit-domain--record (record)
  "Return RECORD, of an answer, as a zone file has it."
  (cond ((stringp record) record)
        ((plist-member record :preference)
         (format "%d %s" (plist-get record :preference)
                 (or (plist-get record :host) ".")))
        ((plist-member record :target)
         (format "%d %d %d %s" (plist-get record :priority)
                 (plist-get record :weight) (plist-get record :port)
                 (or (plist-get record :target) ".")))
        (t (format "%d %d %d %s" (plist-get record :usage)
                   (plist-get record :selector) (plist-get record :matching)
                   (let ((data (plist-get record :data)))
                     (if (> (length data) 16)
                         (concat (substring data 0 16) "...")
                       data))))))

(defun mew-submit-domain--rows (answer)
  "Return the rows of the table of records for ANSWER."
  (let ((head (list (plist-get answer :name)
                    (format "%s" (plist-get answer :type)))))
    (pcase (plist-get answer :status)
      ('ok (mapcar (lambda (record)
                     (append head (list (mew-submit-domain--record record)
                                        (mew-submit-domain--signed answer))))
                   (plist-get answer :answers)))
      (status (list (append head
                            (list (pcase status
                                    ('none "(none)")
                                    ('no-name "(no such name)")
                                    (_ (format "(%s)" (plist-get answer :why))))
                                  "")))))))

(defun mew-submit-domain--records (zone)
  "Return the table of the records of ZONE."
  (cons '("name" "type" "record" "")
        (mapcan (lambda (entry) (mew-submit-domain--rows (cdr entry)))
                (plist-get zone :answers))))

(defun mew-submit-domain--tls (attempt)
  "Return what TLS there was in ATTEMPT, in words."
  (let ((tls (plist-get attempt :tls)))
    (cond (tls (format "%s%s" (or (plist-get tls :version) "TLS")
                       (if (plist-get tls :verified) ""
                         ", bad")))
          ((plist-get attempt :starttls)
           (format "STARTTLS %s" (plist-get attempt :starttls)))
          (t ""))))

(defun mew-submit-domain--server-rows (server)
  "Return the rows of the table of servers for SERVER, (ROLE HOST PORT DIAGNOSIS)."
  (pcase-let ((`(,_ ,host ,port ,diagnosis) server))
    (or (mapcar (lambda (attempt)
                  (list host (plist-get attempt :port)
                        (format "%s" (or (plist-get attempt :case) "..."))
                        (mew-submit-domain--tls attempt)
                        (if (plist-get attempt :auth-tls) "yes" "")
                        (or (plist-get attempt :address) "")))
                (plist-get diagnosis :attempts))
        (list (list host port "..." "" ""
                    (pcase (plist-get (plist-get diagnosis :done) :kind)
                      ('nil "")
                      ("host" "no address")
                      (_ "not looked at")))))))

(defun mew-submit-domain--servers (zone)
  "Return the table of the servers of ZONE."
  (cons '("server" "port" "case" "TLS" "AUTH" "address")
        (mapcan #'mew-submit-domain--server-rows (plist-get zone :servers))))

(defconst mew-submit-domain--marks
  '(("ok" . success) ("note" . font-lock-comment-face) ("warning" . warning)
    ("error" . error))
  "The face for each severity.")

(defun mew-submit-domain--finding (finding)
  "Return FINDING in words."
  (concat (propertize (format "%-8s " (plist-get finding :severity))
                      'face (cdr (assoc (plist-get finding :severity)
                                        mew-submit-domain--marks)))
          (mew-submit-domain--filled (plist-get finding :text) 9)
          (if (plist-get finding :advice)
              (concat (make-string 9 ?\s) "-> "
                      (mew-submit-domain--filled (plist-get finding :advice) 12))
            "")))

(defun mew-submit-domain--filled (text indent)
  "Return TEXT filled, all lines but the first after INDENT columns."
  (with-temp-buffer
    (insert text)
    (let ((fill-column (- mew-submit-table--width 1 indent)))
      (fill-region (point-min) (point-max)))
    (concat (replace-regexp-in-string
             "\n" (concat "\n" (make-string indent ?\s))
             (string-trim (buffer-string)))
            "\n")))

(defun mew-submit-domain--client (zone)
  "Return in words what a client set up from the records of ZONE would do."
  (let ((account (mew-submit-domain-zone--account zone)))
    (cond
     (account
      (concat
       (mew-submit-domain--filled
        (format "It would connect to %s, %s, and log in as the whole address, \
or else as its local part.  As an account:"
                (plist-get account :server)
                (mapconcat (lambda (route)
                             (pcase (split-string route ":")
                               (`(,port "implicit")
                                (format "port %s (TLS at once)" port))
                               (`(,port ,_)
                                (format "port %s (STARTTLS)" port))))
                           (split-string (plist-get account :routes) ",")
                           ", else "))
        0)
       (format "\n  (:from %S :server %S\n   :routes %S)\n"
               (plist-get account :from) (plist-get account :server)
               (plist-get account :routes))))
     ((mew-submit-domain-zone--offered zone)
      "It would find no server, and ask for one.\n")
     (t "What it would find is not known.\n"))))

(defun mew-submit-domain--text (zone)
  "Return the report about ZONE."
  (concat
   (format "Mail of %s%s\n\n" (plist-get zone :domain)
           (cond ((plist-get zone :stopped) " (stopped)")
                 ((mew-submit-domain-zone--ended-p zone) "")
                 (t (format " (%d still to come)" (plist-get zone :left)))))
   (mapconcat #'mew-submit-domain--finding (mew-submit-domain-transfer--findings zone) "")
   "\nRecords\n\n" (mew-submit-table--text (mew-submit-domain--records zone))
   (if (plist-get zone :servers)
       (concat "\nServers\n\n"
               (mew-submit-table--text (mew-submit-domain--servers zone)))
     "")
   "\nA client set up from these records\n\n"
   (mew-submit-domain--client zone)))

;;; The buffer

(defvar-local mew-submit-domain--zone nil
  "The zone that is shown.")

(defconst mew-submit-domain--keys
  '(("g" "again" mew-submit-domain-again)
    ("k" "stop" mew-submit-domain-stop) ("\C-g" nil mew-submit-domain-stop)
    ("w" "copy" mew-submit-view-copy))
  "The keys of the report about a domain, a table.")

(defvar mew-submit-domain-mode-map (mew-submit-view--map mew-submit-domain--keys)
  "The keys of the report about a domain.")

(define-derived-mode mew-submit-domain-mode mew-submit-view-mode "Domain"
  "How a domain takes mail.
\\{mew-submit-domain-mode-map}"
  :interactive nil
  (setq truncate-lines t
        mew-submit-view--shape t
        mew-submit-view--insert #'mew-submit-domain--insert
        mew-submit-view--text (lambda ()
                                (mew-submit-domain--text mew-submit-domain--zone))
        mew-submit-view--keys mew-submit-domain--keys)
  (add-hook 'kill-buffer-hook #'mew-submit-domain--leave nil t))

(defun mew-submit-domain--leave ()
  "Stop what is running for the current buffer."
  (when mew-submit-domain--zone
    (mew-submit-domain-zone--stop mew-submit-domain--zone)))

(defun mew-submit-domain--insert ()
  "Insert the zone of the current buffer."
  (apply #'mew-submit-view--buttons mew-submit-domain--keys
         (if (mew-submit-domain-zone--ended-p mew-submit-domain--zone) '("g" "w")
           '("k")))
  (insert (mew-submit-domain--text mew-submit-domain--zone)))

;;;###autoload
(defun mew-submit-diagnose-domain (domain)
  "Find out how DOMAIN takes mail: its records, and each server they name.
These are MX and SRV records (RFC 6186, RFC 8314), TLSA and MTA-STS.  Each
server is looked at: does it answer from here, is there TLS, is the certificate
good, does it keep what a prefix of its name promises.  Nothing is delivered.
What a client that was set up from these records would do is told, too."
  (interactive
   (list (mew-submit-view--read "Domain: "
                                (and (stringp user-mail-address)
                                     (string-match "@\\([^@]+\\)\\'" user-mail-address)
                                     (match-string 1 user-mail-address))
                                #'mew-submit-domain-zone--name)))
  (condition-case err
      (let ((buffer (mew-submit-view--buffer
                     (format "*mew-submit domain %s*" (mew-submit-domain-zone--name domain))
                     #'mew-submit-domain-mode)))
        (with-current-buffer buffer
          (mew-submit-domain--leave)
          (setq mew-submit-domain--zone
                (mew-submit-domain-zone--start
                 domain :on-change (lambda (_) (mew-submit-view--soon buffer))))
          (mew-submit-view--draw))
        (pop-to-buffer buffer))
    (mew-submit-error (user-error "%s" (mew-submit-error--text err)))))

(defun mew-submit-domain-again ()
  "Look at the domain again."
  (interactive nil mew-submit-domain-mode)
  (mew-submit-diagnose-domain (plist-get mew-submit-domain--zone :domain)))

(defun mew-submit-domain-stop ()
  "Stop the look at the domain."
  (interactive nil mew-submit-domain-mode)
  (if (mew-submit-domain-zone--ended-p mew-submit-domain--zone)
      (keyboard-quit)
    (mew-submit-domain-zone--stop mew-submit-domain--zone)
    (mew-submit-view--draw)))

(provide 'mew-submit-domain)
;;; mew-submit-domain.el ends here
