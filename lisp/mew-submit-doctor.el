;;; mew-submit-doctor.el --- What is wrong with my set-up? -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns how the findings of mew-submit-doctor-checkup.el are shown.  That is meant for a
;; bug report: names, addresses and whatever else could tell who the user is are masked,
;; unless the user wants to see them.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-caseless)
(require 'mew-submit-doctor-account)
(require 'mew-submit-doctor-checkup)
(require 'mew-submit-doctor-finding)
(require 'mew-submit-module)
(require 'mew-submit-job)
(require 'mew-submit-table)
(require 'mew-submit-view)
(require 'mew-submit-way)
(require 'seq)

;;; Masks

(defun mew-submit-doctor--account-names (account number)
  "Return ((NAME . MASK)...) for the names in ACCOUNT, the one with NUMBER.
Those of its other servers are among them, and so is what is no text, but was
meant as one, which the report may show."
  (append
   (cl-loop for key in '(:server :user :name :from :sender :tls-name :helo :source
                                 :tunnel :dsn-id)
            for mask = (format "<%s %s>" (substring (symbol-name key) 1) number)
            append (cl-loop
                    for value in (mapcan (lambda (atom)
                                           ;; Emacs 28 shows a symbol as mail\.example\.org.
                                           (delete-dups (list (format "%s" atom)
                                                              (string-trim (format "%S" atom)
                                                                           "\"" "\""))))
                                         (flatten-tree (list (plist-get account key))))
                    ;; An account is called "work" or "no": a word of our own texts, too.
                    collect (if (and (eq key :name)
                                     (string-match-p "\\`[[:alpha:]]+\\'" value))
                                (cons (format "\"%s\"" value) (format "\"%s\"" mask))
                              (cons value mask))))
   (and (proper-list-p (plist-get account :servers))
        (seq-every-p #'mew-submit-account--plist-p (plist-get account :servers))
        (apply #'append
               (seq-map-indexed
                (lambda (server index)
                  (mew-submit-doctor--account-names
                   server (format "%s.%d" number (+ 2 index))))
                (plist-get account :servers))))))

(defconst mew-submit-doctor--words
  '("account" "address" "emacs" "mail" "module" "name" "password" "port" "server" "smtp"
    "system" "user")
  "Names of users and hosts that tell nothing, and are words of the report, too.")

(defun mew-submit-doctor--names ()
  "Return ((NAME . MASK)...) for all names that are known, the longest first."
  (let* ((number 0)
         (names (append
                 (mapcan (lambda (account)
                           (mew-submit-doctor--account-names
                            account (cl-incf number)))
                         (mew-submit-doctor-finding--accounts))
                 (mapcar (lambda (pin) (cons (nth 1 pin) "<pinned server>"))
                         mew-submit-pins)
                 (list (cons (expand-file-name "~") "~")
                       (cons (system-name) "<this machine>")
                       (cons (user-login-name) "<me>")
                       (cons (user-full-name) "<me>")
                       (cons user-mail-address "<my address>")))))
    (sort (seq-filter (lambda (entry)
                        (and (stringp (car entry)) (> (length (car entry)) 1)
                             (not (member (mew-submit-caseless--down (car entry))
                                          mew-submit-doctor--words))))
                      names)
          (lambda (a b) (> (length (car a)) (length (car b)))))))

(defconst mew-submit-doctor--patterns
  `(("[^][ <>()\"':;,@]+@[[:alnum:]._-]+" . "<address>")
    ("\\(?:\\b[0-9]\\{1,3\\}\\(?:\\.[0-9]\\{1,3\\}\\)\\{3\\}\\b\\)" . "<IPv4>")
    ("\\(?:[[:xdigit:]]*:\\)\\{3,\\}[[:xdigit:].]*\\|[[:xdigit:]]*::[[:xdigit:]:.]*\
\\(?:%[[:alnum:]]+\\)?" . "<IPv6>"))
  "What looks like an address: (REGEXP . MASK).")

(defconst mew-submit-doctor--suffixes
  '("el" "elc" "so" "dll" "dylib" "pem" "gpg" "eld" "eml" "conf" "crt" "key" "sh"
    "py")
  "What follows the last dot of a file's name, and not of a host's.")

(defun mew-submit-doctor--mask-host (name)
  "Return NAME, which has dots, or the mask for it when that may be a host."
  (save-match-data
    (if (member (car (last (split-string name "\\.")))
                mew-submit-doctor--suffixes)
        name
      "<host>")))

(defun mew-submit-doctor--replace (name mask text)
  "Return TEXT with MASK instead of each NAME that is not part of a word."
  (replace-regexp-in-string
   (format "\\(^\\|[^[:alnum:]<]\\)%s\\($\\|[^[:alnum:]>]\\)" (regexp-quote name))
   (lambda (match)
     (concat (match-string 1 match) mask (match-string 2 match)))
   text t t))

(defun mew-submit-doctor--mask (text names)
  "Return TEXT without NAMES, ((NAME . MASK)...), and what could be one."
  (pcase-dolist (`(,name . ,mask) names)
    (setq text (mew-submit-doctor--replace name mask text)))
  (pcase-dolist (`(,regexp . ,mask) mew-submit-doctor--patterns)
    (setq text (replace-regexp-in-string regexp mask text t t)))
  (replace-regexp-in-string
   "\\b[[:alnum:]_-]+\\(?:\\.[[:alnum:]_-]+\\)*\\.[[:alpha:]]\\{2,\\}\\b"
   #'mew-submit-doctor--mask-host text t t))

(defun mew-submit-doctor--masked (finding names)
  "Return FINDING as it is shown; NAMES, unless it is t, are masked."
  (if (eq names t)
      finding
    (let ((copy (copy-sequence finding)))
      (dolist (key '(:text :advice) copy)
        (when (plist-get copy key)
          (setq copy (plist-put copy key
                                (mew-submit-doctor--mask (plist-get copy key)
                                                         names))))))))

;;; Words

(defconst mew-submit-doctor--marks
  '((ok "ok" success) (note "note" font-lock-comment-face)
    (warning "WARNING" warning) (error "ERROR" error))
  "How a status is shown: (STATUS WORD FACE).")

(defun mew-submit-doctor--fill (text indent width)
  "Return TEXT in lines of WIDTH columns at most, all but the first after INDENT."
  (with-temp-buffer
    (insert text)
    (let ((fill-column (- width indent))
          (sentence-end-double-space nil))
      (fill-region (point-min) (point-max)))
    (replace-regexp-in-string "\n" (concat "\n" (make-string indent ?\s))
                              (string-trim (buffer-string)))))

(defun mew-submit-doctor--line (finding &optional width)
  "Return FINDING in words, lines of WIDTH columns at most."
  (pcase-let* ((`(,_ ,word ,face) (assq (plist-get finding :status)
                                        mew-submit-doctor--marks))
               (width (or width (1- mew-submit-table--width)))
               (advice (plist-get finding :advice)))
    (concat (propertize (format "%-8s" word) 'face face)
            (format "%-11s" (plist-get finding :topic))
            (mew-submit-doctor--fill (plist-get finding :text) 19 width)
            "\n"
            (and advice
                 (concat (make-string 19 ?\s) "-> "
                         (mew-submit-doctor--fill advice 22 width)
                         "\n")))))

(defun mew-submit-doctor--summary (findings)
  "Return in a line what FINDINGS amount to."
  (let ((count (lambda (status)
                 (seq-count (lambda (finding)
                              (eq (plist-get finding :status) status))
                            findings))))
    (pcase (list (funcall count 'error) (funcall count 'warning))
      ('(0 0) "All is well.")
      (`(,errors ,warnings)
       (format "%d error%s, %d warning%s." errors (if (= errors 1) "" "s")
               warnings (if (= warnings 1) "" "s"))))))

(defun mew-submit-doctor--sort (findings)
  "Return FINDINGS in order: those of one topic together, as they came first."
  (let ((topic (lambda (finding) (plist-get finding :topic))))
    (mapcan (lambda (one)
              (seq-filter (lambda (finding) (equal one (funcall topic finding)))
                          findings))
            (seq-uniq (mapcar topic findings)))))

;;; The examination

(cl-defstruct (mew-submit-doctor--visit
               (:constructor mew-submit-doctor--make-visit)
               (:copier nil))
  (findings nil :documentation "What was found so far.")
  (sessions nil :documentation "The looks at servers that have not ended.")
  (renewals 0 :documentation "How many sign-ins are being renewed.")
  (on-change nil :documentation "Function to call when there is more."))

(defun mew-submit-doctor--begin (on-change offline)
  "Begin an examination and return it; call ON-CHANGE when more was found.
With OFFLINE non-nil no server is looked at."
  (let ((visit (mew-submit-doctor--make-visit
                :findings (mew-submit-doctor-checkup--local) :on-change on-change))
        (number 0))
    (unless (or offline (not (mew-submit-module--fits-p)))
      (dolist (account (mew-submit-doctor-finding--accounts))
        (cl-incf number)
        (seq-do-indexed
         (lambda (server index)
           (mew-submit-doctor--look visit server number (1+ index)))
         ;; One that is none is told of already.
         (ignore-errors (mew-submit-account--servers account)))
        (mew-submit-doctor--renew visit account number)))
    visit))

(defun mew-submit-doctor--add (visit findings)
  "Add FINDINGS to those of VISIT, and show that there is more."
  (setf (mew-submit-doctor--visit-findings visit)
        (append (mew-submit-doctor--visit-findings visit) findings))
  (funcall (mew-submit-doctor--visit-on-change visit)))

(defun mew-submit-doctor--renew (visit account number)
  "Have the sign-in of ACCOUNT, the one with NUMBER, tried for VISIT."
  (cl-incf (mew-submit-doctor--visit-renewals visit))
  (unless (mew-submit-doctor-account--renewal
           account number
           (lambda (findings)
             (cl-decf (mew-submit-doctor--visit-renewals visit))
             (mew-submit-doctor--add visit findings)))
    (cl-decf (mew-submit-doctor--visit-renewals visit))))

(defun mew-submit-doctor--busy-p (visit)
  "Does VISIT wait for a server or an issuer?"
  (or (mew-submit-doctor--visit-sessions visit)
      (> (mew-submit-doctor--visit-renewals visit) 0)))

(defun mew-submit-doctor--look (visit account number rank)
  "Have a look at the server of ACCOUNT, the one with NUMBER, for VISIT.
Among those of the account it has RANK."
  (let (session)
    (setq session
          (mew-submit-doctor-account--server
           account number rank
           (lambda (findings)
             (setf (mew-submit-doctor--visit-sessions visit)
                   (delq session (mew-submit-doctor--visit-sessions visit)))
             (mew-submit-doctor--add visit findings))))
    (when session
      (push session (mew-submit-doctor--visit-sessions visit)))))

(defun mew-submit-doctor--stop (visit)
  "Stop VISIT."
  (mapc #'mew-submit-job--cancel (mew-submit-doctor--visit-sessions visit)))

;;; The buffer

(defvar-local mew-submit-doctor--visit nil
  "The examination that is shown.")

(defvar-local mew-submit-doctor--names nil
  "Non-nil when names and addresses are shown.")

(defconst mew-submit-doctor--keys
  '(("g" "again" mew-submit-doctor)
    ("w" "copy for a bug report" mew-submit-doctor-copy)
    ("n" "show names, or mask them" mew-submit-doctor-toggle-names))
  "The keys of the doctor's report, a table.")

(defvar mew-submit-doctor-mode-map (mew-submit-view--map mew-submit-doctor--keys)
  "The keys of the doctor's report.")

(define-derived-mode mew-submit-doctor-mode mew-submit-view-mode "Doctor"
  "How the user's set-up of mew-submit is.
\\{mew-submit-doctor-mode-map}"
  :interactive nil
  (setq mew-submit-view--shape t
        mew-submit-view--insert #'mew-submit-doctor--insert
        mew-submit-view--text #'mew-submit-doctor--shown
        mew-submit-view--keys mew-submit-doctor--keys)
  (add-hook 'kill-buffer-hook #'mew-submit-doctor--leave nil t))

(defun mew-submit-doctor--leave ()
  "Stop what is still running for the current buffer."
  (when mew-submit-doctor--visit
    (mew-submit-doctor--stop mew-submit-doctor--visit)))

(defun mew-submit-doctor--text (visit names)
  "Return the report of VISIT; NAMES are masked unless they are t."
  (let ((findings (mew-submit-doctor--sort
                   (mew-submit-doctor--visit-findings visit))))
    (concat (format "mew-submit %s, %s\n\n" mew-submit-module--version
                    (if (mew-submit-doctor--busy-p visit)
                        "looking at the servers..."
                      (mew-submit-doctor--summary findings)))
            (mapconcat (lambda (finding)
                         (mew-submit-doctor--line
                          (mew-submit-doctor--masked finding names)))
                       findings ""))))

(defun mew-submit-doctor--shown ()
  "Return the report of the current buffer as it is shown."
  (mew-submit-doctor--text mew-submit-doctor--visit
                           (or mew-submit-doctor--names (mew-submit-doctor--names))))

(defun mew-submit-doctor--insert ()
  "Insert the examination of the current buffer."
  (mew-submit-view--buttons
   `(,@(seq-take mew-submit-doctor--keys 2)
     ("n" ,(if mew-submit-doctor--names "mask names" "show names")
      mew-submit-doctor-toggle-names)))
  (insert (mew-submit-doctor--shown)))

(defun mew-submit-doctor-toggle-names ()
  "Show names and addresses in the report, or mask them."
  (interactive nil mew-submit-doctor-mode)
  (setq mew-submit-doctor--names (not mew-submit-doctor--names))
  (mew-submit-view--draw))

(defun mew-submit-doctor-copy ()
  "Copy the report as it is shown, for a bug report."
  (interactive nil mew-submit-doctor-mode)
  (kill-new (mew-submit-view--as-text))
  (message "Copied%s" (if mew-submit-doctor--names
                          ", with names and addresses"
                        ", without names and addresses")))

;;;###autoload
(defun mew-submit-doctor (&optional offline)
  "Check whether the set-up of mew-submit is sound, and say what to correct.
The servers of all accounts are looked at, in the background, unless OFFLINE,
the prefix argument, is non-nil; nothing is sent to them but what leads to TLS.
Who is signed in has the access token renewed, which shows that this works.  No
password is read, and nobody is asked anything.  The report can be copied
into a bug report: it has no names or addresses unless they are shown by
`mew-submit-doctor-toggle-names'."
  (interactive "P")
  (let ((buffer (mew-submit-view--buffer "*mew-submit doctor*"
                                         #'mew-submit-doctor-mode)))
    (with-current-buffer buffer
      (mew-submit-doctor--leave)
      (setq mew-submit-doctor--visit
            (mew-submit-doctor--begin (lambda () (mew-submit-view--soon buffer))
                                      offline))
      (mew-submit-view--draw))
    (pop-to-buffer buffer)))

(provide 'mew-submit-doctor)
;;; mew-submit-doctor.el ends here
