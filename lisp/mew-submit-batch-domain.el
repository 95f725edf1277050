;;; mew-submit-batch-domain.el --- A look at domains from the command line -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The batch command:
;;
;;   Emacs -Q --batch -l mew-submit.el -f mew-submit-batch-diagnose-domain -- [options] DOMAIN...
;;
;; It owns the options, the JSON of what was found, and the exit status.

;;; Code:

(require 'mew-submit-account)
(require 'mew-submit-batch-command)
(require 'mew-submit-diagnosis)
(require 'mew-submit-domain)
(require 'mew-submit-domain-transfer)
(require 'mew-submit-domain-zone)
(require 'mew-submit-error)
(require 'mew-submit-json)
(require 'mew-submit-way)
(require 'seq)

(defconst mew-submit-batch-domain--options
  `(("--json" :json nil "one JSON object per domain on standard output")
    ,@(mew-submit-account--options '(:ca-file :timeout))
    ("--help" :help nil "this text"))
  "The options of the batch command: (NAME KEY ARGUMENT WHAT-FOR).")

(defun mew-submit-batch-domain--value (name key value)
  "Return VALUE of option NAME, whose key is KEY, checked."
  (if (eq key :timeout)
      (mew-submit-batch-command--seconds name value)
    (mew-submit-way--file value "CA file" t)
    (expand-file-name value)))

(defun mew-submit-batch-domain--json (zone)
  "Return ZONE as a line of JSON."
  (mew-submit-json--line
   (list
    :domain (plist-get zone :domain)
    :records (vconcat
              (mapcar (lambda (entry)
                        (let ((answer (cdr entry)))
                          (list :name (plist-get answer :name)
                                :type (plist-get answer :type)
                                :status (plist-get answer :status)
                                :records (vconcat (plist-get answer :answers))
                                :dnssec (if (plist-get answer :authentic) t
                                          :false))))
                      (plist-get zone :answers)))
    :servers (vconcat
              (mapcar (lambda (server)
                        (pcase-let ((`(,role ,host ,port ,diagnosis) server))
                          (mew-submit-batch-domain--json-server role host port
                                                          diagnosis)))
                      (plist-get zone :servers)))
    :findings (vconcat (mew-submit-domain-transfer--findings zone))
    :account (mew-submit-domain-zone--account zone))))

(defun mew-submit-batch-domain--json-server (role host port diagnosis)
  "Return HOST, PORT, whose part is ROLE, and DIAGNOSIS as JSON has them."
  (list :host host :role role :port port
        :attempts
        (vconcat
         (mapcar (lambda (attempt)
                   (list :port (plist-get attempt :port)
                         :family (plist-get attempt :family)
                         :address (plist-get attempt :address)
                         :case (plist-get attempt :case)
                         :starttls (plist-get attempt :starttls)
                         :tls (plist-get (plist-get attempt :tls) :version)
                         :verified (mew-submit-diagnosis--secure-p attempt)
                         :auth (vconcat (plist-get attempt :auth-tls))))
                 (plist-get diagnosis :attempts)))))

(defun mew-submit-batch-domain--wait (zone)
  "Wait until there is nothing more to come for ZONE."
  (while (not (mew-submit-domain-zone--ended-p zone))
    (accept-process-output nil 0.05)))

(defun mew-submit-batch-domain--report (domain options)
  "Look at DOMAIN, print what OPTIONS want, and return the exit status."
  (let ((zone (mew-submit-domain-zone--start
               domain :account (mapcan (lambda (key)
                                         (and (plist-get options key)
                                              (list key (plist-get options
                                                                   key))))
                                       '(:ca-file :timeout)))))
    (mew-submit-batch-domain--wait zone)
    (mew-submit-batch-command--print
     (if (plist-get options :json)
         (mew-submit-batch-domain--json zone)
       (encode-coding-string (substring-no-properties
                              (mew-submit-domain--text zone))
                             'utf-8)))
    (if (seq-some (lambda (finding)
                    (equal (plist-get finding :severity) "error"))
                  (mew-submit-domain-transfer--findings zone))
        69
      0)))

(defun mew-submit-batch-domain--usage ()
  "Return the text for --help."
  (concat "usage: emacs -Q --batch -l mew-submit.el -f \
mew-submit-batch-diagnose-domain -- [options] DOMAIN...\n"
          (mew-submit-batch-command--help mew-submit-batch-domain--options)
          "Exit status: 0 no error was found, 64 usage, 65 not a domain, 69 errors \
were found,\n78 configuration.\n"))

(defun mew-submit-batch-domain--parse (args)
  "Return the options in ARGS as a plist, with the domains in :arguments."
  (mew-submit-batch-command--parse args mew-submit-batch-domain--options
                                   #'mew-submit-batch-domain--value))

(defun mew-submit-batch-domain--all (options)
  "Report on all domains in OPTIONS, and return the greatest exit status."
  (unless (plist-get options :arguments)
    (mew-submit-error--throw 'usage nil "Name a domain"))
  ;; None is looked at when one of them is none.
  (mapc #'mew-submit-domain-zone--name (plist-get options :arguments))
  (apply #'max
         (mapcar (lambda (domain) (mew-submit-batch-domain--report domain options))
                 (plist-get options :arguments))))

(defun mew-submit-batch-domain--run (args)
  "Do what ARGS say, and return the exit status."
  (mew-submit-batch-command--do args #'mew-submit-batch-domain--parse
                                #'mew-submit-batch-domain--usage
                                #'mew-submit-batch-domain--all))

;;;###autoload
(defun mew-submit-batch-diagnose-domain ()
  "Find out how domains take mail, print it, and leave Emacs.
Options and domains are on the command line behind \"--\"; --help lists them."
  (mew-submit-batch-command--run #'mew-submit-batch-domain--run))

(provide 'mew-submit-batch-domain)
;;; mew-submit-batch-domain.el ends here
