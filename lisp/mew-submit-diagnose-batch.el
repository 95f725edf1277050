;;; mew-submit-diagnose-batch.el --- Diagnosing from the command line -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 6.  The batch command:
;;
;;   Emacs -Q --batch -l mew-submit.el -f mew-submit-batch-diagnose -- \
;;         [options] HOST...
;;
;; It owns the options, the JSON of a diagnosis, what a script may expect, and the exit
;; status.  Standard output has the reports, in the order in which the hosts were named.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-command)
(require 'mew-submit-diagnosis)
(require 'mew-submit-diagnosis-text)
(require 'mew-submit-error)
(require 'mew-submit-finding)
(require 'mew-submit-json)
(require 'mew-submit-probe)
(require 'mew-submit-session)
(require 'mew-submit-tunnel)
(require 'seq)

(defconst mew-submit-diagnose-batch--options
  '(("--ports" :ports "PORT[:MODE[:SERVICE]],..." "default: 25,465,587")
    ("--family" :family "ipv4|ipv6" "use only that one")
    ("--server-name" :tls-name "NAME" "name the certificate must have")
    ("--ca-file" :ca-file "FILE" "trust these certificates (a file or \
directory), not the system's")
    ("--crl-file" :crl-file "FILE" "certificates that were revoked")
    ("--timeout" :timeout "SECONDS" "for each connection; default: 10")
    ("--step-timeout" :step-timeout "SECONDS" "for each step; default: 30")
    ("--helo" :helo "NAME" "argument of EHLO")
    ("--memory" :memory "FILE" "what servers have offered before")
    ("--tunnel" :tunnel "TUNNEL" "ssh:HOST, socks5:[USER@]ADDRESS:PORT or \
unix:PATH")
    ("--ssh" :ssh "HOST" "the same as --tunnel ssh:HOST")
    ("--source" :source "ADDRESS" "connect from there")
    ("--relay-test" :relay-test nil "try whether strangers may send to strangers")
    ("--expect" :expect "KEY=VALUE" "case, port, family, submit or finding; \
KEY!=VALUE too; several")
    ("--details" :details nil "all that is known of each port")
    ("--json" :json nil "one JSON object for each host on standard output")
    ("--help" :help nil "this text"))
  "The options: (NAME KEY ARGUMENT WHAT-FOR).  ARGUMENT is nil for a flag.")

(defconst mew-submit-diagnose-batch--disappointed 1
  "The exit status when an expectation is not met.")

(defun mew-submit-diagnose-batch--usage ()
  "Return the text for --help."
  (concat
   "usage: emacs -Q --batch -l mew-submit.el -f mew-submit-batch-diagnose -- \
[options] HOST...\n"
   (mew-submit-command-help mew-submit-diagnose-batch--options)
   "Exit status: 0 mail could be submitted to every host, 69 it could not; with \
--expect:\n0 all that was expected is so, 1 it is not.  64 usage, 70 internal, 78 \
configuration.\n"))

;;; Options

(defconst mew-submit-diagnose-batch--expectables
  '("case" "port" "family" "submit" "finding")
  "What a script may expect something of.")

(defun mew-submit-diagnose-batch--expectation (value)
  "Return the expectation that VALUE spells: (KEY NOT VALUE)."
  (if (and (string-match "\\`\\([a-z]+\\)\\(!?\\)=\\(.+\\)\\'" value)
           (member (match-string 1 value) mew-submit-diagnose-batch--expectables))
      (list (match-string 1 value) (equal (match-string 2 value) "!")
            (match-string 3 value))
    (mew-submit-error-throw 'usage nil "--expect needs KEY=VALUE or KEY!=VALUE \
with one of %s, not %s"
                            (string-join mew-submit-diagnose-batch--expectables
                                         ", ")
                            value)))

(defun mew-submit-diagnose-batch--value (name key value)
  "Return VALUE of option NAME, whose key is KEY, checked and converted."
  (when (equal value "")
    (mew-submit-error-throw 'usage nil "%s needs an argument" name))
  (pcase key
    (:ports (mew-submit-command-read #'mew-submit-probe-parse-ports value))
    (:family (mew-submit-command-choice name value '(ipv4 ipv6)))
    ((or :timeout :step-timeout) (mew-submit-command-seconds name value))
    (:expect (mew-submit-diagnose-batch--expectation value))
    (:tunnel (mew-submit-command-checked #'mew-submit-tunnel-parse value))
    (:ssh (mew-submit-command-read #'mew-submit-tunnel-parse
                                   (concat "ssh:" value))
          value)
    (:source (mew-submit-command-checked #'mew-submit-tunnel-source value))
    (_ value)))

(defun mew-submit-diagnose-batch--parse (args)
  "Return the options in ARGS as a plist, with the hosts in :arguments.
All that is expected is in :expect, a list."
  (let* ((expected nil)
         (options (mew-submit-command-parse
                   args mew-submit-diagnose-batch--options
                   (lambda (name key value)
                     (let ((converted (mew-submit-diagnose-batch--value
                                       name key value)))
                       (when (eq key :expect)
                         (push converted expected))
                       converted)))))
    (plist-put options :expect (nreverse expected))))

(defun mew-submit-diagnose-batch--check (options)
  "Signal `mew-submit-usage' unless OPTIONS fit together."
  (cond ((and (plist-get options :ssh) (plist-get options :tunnel))
         (mew-submit-error-throw 'usage nil
                                 "--ssh and --tunnel exclude each other"))
        ((null (plist-get options :arguments))
         (mew-submit-error-throw 'usage nil "Which host?  See --help"))))

(defun mew-submit-diagnose-batch--account (options host)
  "Return the account to diagnose HOST by, made of OPTIONS."
  (append
   (list :server host
         :tunnel (or (plist-get options :tunnel)
                     (and (plist-get options :ssh)
                          (concat "ssh:" (plist-get options :ssh)))))
   (cl-loop for (key value) on options by #'cddr
            when (memq key '(:tls-name :ca-file :crl-file :timeout
                                       :step-timeout :helo :memory :source))
            append (list key value))))

;;; JSON

(defun mew-submit-diagnose-batch--tls-object (tls)
  "Return TLS of an attempt as an object, or nil."
  (when tls
    (list :version (plist-get tls :version) :cipher (plist-get tls :cipher)
          :verified (and (plist-get tls :verified) (not (plist-get tls :weak)))
          :unverified (plist-get tls :unverified)
          :problems (vconcat (plist-get tls :problems))
          :subject (plist-get tls :subject) :issuer (plist-get tls :issuer)
          :starts (plist-get tls :starts) :expires (plist-get tls :expires)
          :names (plist-get tls :names)
          :fingerprint (plist-get tls :fingerprint)
          :ocsp (plist-get tls :ocsp)
          :chain (vconcat (plist-get tls :chain)))))

(defun mew-submit-diagnose-batch--check-object (check)
  "Return CHECK of an attempt as an object."
  (list :name (plist-get check :name) :code (plist-get check :code)
        :text (plist-get check :text)
        :secure (plist-get check :secure)))

(defun mew-submit-diagnose-batch--attempt-object (attempt)
  "Return ATTEMPT as an object."
  (let ((secure (plist-get attempt :capabilities-tls)))
    (list :port (plist-get attempt :port) :family (plist-get attempt :family)
          :address (plist-get attempt :address) :mode (plist-get attempt :mode)
          :case (plist-get attempt :case) :errno (plist-get attempt :errno)
          :icmp (plist-get attempt :icmp) :offender (plist-get attempt :offender)
          :ms (plist-get attempt :ms) :text (plist-get attempt :text)
          :greeting (plist-get attempt :greeting)
          :greeting_ms (plist-get attempt :greeting-ms)
          :capabilities (vconcat (or secure
                                     (plist-get attempt :capabilities-clear)))
          :capabilities_clear (vconcat (plist-get attempt :capabilities-clear))
          :starttls (plist-get attempt :starttls)
          :auth (vconcat (if secure
                             (plist-get attempt :auth-tls)
                           (plist-get attempt :auth-clear)))
          :auth_clear (vconcat (plist-get attempt :auth-clear))
          :tls (mew-submit-diagnose-batch--tls-object (plist-get attempt :tls))
          :checks (vconcat (mapcar #'mew-submit-diagnose-batch--check-object
                                   (plist-get attempt :checks))))))

(defun mew-submit-diagnose-batch--finding-object (finding)
  "Return FINDING as an object."
  (cl-loop for key in '(:id :severity :text :advice)
           append (list key (plist-get finding key))))

(defun mew-submit-diagnose-batch--verdict-object (diagnosis)
  "Return the verdict of DIAGNOSIS as an object."
  (pcase-let ((`(,submits . ,attempt) (mew-submit-diagnosis-verdict diagnosis)))
    (append
     (cl-loop for key in '(:port :case :family :address :mode)
              append (list key (plist-get attempt key)))
     (list :submit (if submits t :false)
           :text (mew-submit-diagnosis-text-verdict diagnosis)))))

(defun mew-submit-diagnose-batch-object (diagnosis)
  "Return DIAGNOSIS as `mew-submit-json-line' takes it."
  (list :host (plist-get diagnosis :host)
        ;; A vector, so that it is there without attempts, too.
        :attempts (vconcat (mapcar #'mew-submit-diagnose-batch--attempt-object
                                   (mew-submit-diagnosis-text-sorted diagnosis)))
        :findings (vconcat (mapcar #'mew-submit-diagnose-batch--finding-object
                                   (mew-submit-finding-list diagnosis)))
        :verdict (mew-submit-diagnose-batch--verdict-object diagnosis)))

;;; Expectations

(defun mew-submit-diagnose-batch--found (diagnosis)
  "Return the ids of the findings of DIAGNOSIS, or \"none\".
Notes are no reason not to say \"none\"."
  (let ((findings (mew-submit-finding-list diagnosis)))
    (append
     (mapcar (lambda (finding) (plist-get finding :id)) findings)
     (and (seq-every-p (lambda (finding)
                         (equal (plist-get finding :severity) "note"))
                       findings)
          '("none")))))

(defun mew-submit-diagnose-batch--values (diagnosis key)
  "Return the values, strings, that KEY of an expectation has in DIAGNOSIS."
  (pcase-let ((`(,submits . ,attempt) (mew-submit-diagnosis-verdict diagnosis)))
    (pcase key
      ("finding" (mew-submit-diagnose-batch--found diagnosis))
      ("submit" (list (if submits "yes" "no")))
      (_ (let ((value (plist-get attempt (intern (concat ":" key)))))
           (list (if value (format "%s" value) "none")))))))

(defun mew-submit-diagnose-batch--unmet (diagnosis expectations)
  "Return in words which of EXPECTATIONS DIAGNOSIS does not meet."
  (delq nil
        (mapcar
         (pcase-lambda (`(,key ,not ,value))
           (let ((values (mew-submit-diagnose-batch--values diagnosis key)))
             (when (eq (and (member value values) t) not)
               (format "%s: expected %s%s%s, but it is %s"
                       (plist-get diagnosis :host) key (if not "!=" "=") value
                       (string-join values ", ")))))
         expectations)))

;;; The command

(defun mew-submit-diagnose-batch--start (options host)
  "Start to diagnose HOST as OPTIONS say, and return the diagnosis."
  (mew-submit-probe-start
   (mew-submit-diagnose-batch--account options host)
   :ports (plist-get options :ports) :family (plist-get options :family)
   :relay-test (plist-get options :relay-test)))

(defun mew-submit-diagnose-batch--tell (options diagnosis)
  "Print DIAGNOSIS as OPTIONS say."
  (mew-submit-command-print
   (if (plist-get options :json)
       (mew-submit-json-line (mew-submit-diagnose-batch-object diagnosis))
     (encode-coding-string
      (concat (mew-submit-diagnosis-text diagnosis (plist-get options :details))
              "\n")
      'utf-8-unix))))

(defun mew-submit-diagnose-batch--status (options diagnosis)
  "Return the exit status for DIAGNOSIS, as OPTIONS say.
Tell what was expected and is not so."
  (let ((unmet (mew-submit-diagnose-batch--unmet diagnosis
                                                 (plist-get options :expect)))
        (kind (plist-get (plist-get diagnosis :done) :kind)))
    (mapc #'mew-submit-command-tell unmet)
    (cond (unmet mew-submit-diagnose-batch--disappointed)
          ((not (member kind '("ok" "host")))
           (mew-submit-command-tell (plist-get (plist-get diagnosis :done) :text))
           (mew-submit-error-status kind))
          ((plist-get options :expect) 0)
          ((car (mew-submit-diagnosis-verdict diagnosis)) 0)
          (t 69))))

(defconst mew-submit-diagnose-batch--at-once 4
  "How many hosts are looked at at once.")

(defun mew-submit-diagnose-batch--all (options)
  "Diagnose all hosts in OPTIONS, and return the greatest exit status."
  (let ((left (plist-get options :arguments))
        (status 0)
        running)
    (while (or left running)
      (while (and left (< (length running) mew-submit-diagnose-batch--at-once))
        (setq running
              (append running (list (mew-submit-diagnose-batch--start
                                     options (pop left))))))
      (let ((diagnosis (pop running)))
        (mew-submit-session-wait (plist-get diagnosis :session))
        (mew-submit-diagnose-batch--tell options diagnosis)
        (setq status (max status (mew-submit-diagnose-batch--status options
                                                                    diagnosis)))))
    status))

(defun mew-submit-diagnose-batch--run (args)
  "Do what ARGS say, and return the exit status."
  (condition-case err
      (let ((options (mew-submit-diagnose-batch--parse args)))
        (cond ((plist-get options :help)
               (mew-submit-command-print (mew-submit-diagnose-batch--usage))
               0)
              (t (mew-submit-diagnose-batch--check options)
                 (mew-submit-diagnose-batch--all options))))
    ((error quit)
     (mew-submit-command-tell (mew-submit-error-text err))
     (mew-submit-error-status (mew-submit-error-kind err)))))

;;;###autoload
(defun mew-submit-batch-diagnose ()
  "Diagnose the servers named on the command line and leave Emacs.
Options and hosts are behind \"--\"; --help lists them, and the manual tells
what the exit status means."
  (mew-submit-command-run #'mew-submit-diagnose-batch--run))

(provide 'mew-submit-diagnose-batch)
;;; mew-submit-diagnose-batch.el ends here
