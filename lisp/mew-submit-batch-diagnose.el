;;; mew-submit-batch-diagnose.el --- Diagnosing from the command line -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The batch command:
;;
;;   Emacs -Q --batch -l mew-submit.el -f mew-submit-batch-diagnose -- \
;;         [options] HOST...
;;
;; It owns the options, what a script may expect, and the exit
;; status.  Standard output has the reports, in the order in which the hosts were named.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-address)
(require 'mew-submit-auth)
(require 'mew-submit-batch-command)
(require 'mew-submit-batch-options)
(require 'mew-submit-diagnosis)
(require 'mew-submit-diagnosis-json)
(require 'mew-submit-diagnosis-look)
(require 'mew-submit-diagnosis-network)
(require 'mew-submit-diagnosis-network-text)
(require 'mew-submit-diagnosis-text)
(require 'mew-submit-error)
(require 'mew-submit-finding)
(require 'mew-submit-json)
(require 'mew-submit-log-in)
(require 'mew-submit-probe)
(require 'mew-submit-way)
(require 'seq)

(defconst mew-submit-batch-diagnose--keys
  `(:helo :source :tls-name ,@(mew-submit-way--file-keys nil) :timeout)
  "The keys of an account that a diagnosis takes as they are.")

(defconst mew-submit-batch-diagnose--options
  `(("--ports" :ports "PORT[:MODE[:SERVICE]],..." "default: 25,465,587")
    ,@(mew-submit-account--options
       `(:family :tunnel :ssh ,@mew-submit-batch-diagnose--keys))
    ("--step-timeout" :step-timeout "SECONDS" "for each step; default: 30")
    ("--memory" :memory "FILE" "what servers have offered before")
    ("--relay-test" :relay-test nil "try whether strangers may send to strangers")
    ("--login" :log-in nil "log in as well, once, and send nothing")
    ("--user" :user "NAME" "user name for --login; default: auth-source's")
    ("--password-file" :password-file "FILE" "its first line is the password, \
or the access token; default: auth-source's")
    ("--auth" :auth "MECHANISM" "log in by this mechanism and no other")
    ("--network" :network nil "one verdict on the network, by all hosts")
    ("--page" :page "URL TEXT" "for --network: a web page that has TEXT in it")
    ("--expect" :expect "KEY=VALUE" "case, port, family, submit, login, finding or \
network; KEY!=VALUE too; several")
    ("--details" :details nil "all that is known of each port")
    ("--json" :json nil "one JSON object for each host, or network, on \
standard output")
    ("--help" :help nil "this text"))
  "The options: (NAME KEY ARGUMENT WHAT-FOR).  ARGUMENT is nil for a flag.")

(defconst mew-submit-batch-diagnose--disappointed 1
  "The exit status when an expectation is not met.")

(defun mew-submit-batch-diagnose--usage ()
  "Return the text for --help."
  (concat
   "usage: emacs -Q --batch -l mew-submit.el -f mew-submit-batch-diagnose -- \
[options] HOST...\n"
   (mew-submit-batch-command--help mew-submit-batch-diagnose--options)
   "Exit status: 0 mail could be submitted to every host, with --network to \
any, 69 it could not; with\n\
--expect: 0 all that was expected is so, 1 it is not.  77 the log-in failed, or could not be tried.\n\
64 usage, 65 not a host, 70 internal, 78 configuration.\n"))

;;; Options

(defconst mew-submit-batch-diagnose--findings
  '("address-broken" "auth-in-clear" "auth-tokens-only" "auth-unspoken"
    "certificate-bad" "certificate-expired" "certificate-expires-soon"
    "certificate-must-staple" "certificate-name" "certificate-not-yet-valid"
    "certificate-purpose" "certificate-revoked" "certificate-self-signed"
    "certificate-staple" "certificate-unknown-issuer" "certificate-weak"
    "client-certificate" "clock-wrong" "closed-after-accept" "conversation-broken"
    "ehlo-refused" "filtered-by-router" "filtered-by-server" "greet-pause"
    "greeting-not-220" "host-unknown" "ipv4-broken" "ipv6-broken" "lax-465"
    "lax-587" "local-antivirus" "local-firewall" "log-in-failed" "log-in-refused"
    "log-in-untried" "log-in-works" "mailbox-login-in-clear" "mailbox-no-tls"
    "mailbox-starttls-mangled" "mailbox-starttls-refused" "mailbox-striptls"
    "mixed-role-25" "name-differs" "name-leads-here" "neighbour-silent" "no-auth"
    "no-greeting" "no-ipv4-here" "no-ipv6-here" "no-route" "not-smtp" "open-relay"
    "plaintext-on-tls-port" "refused" "resolver" "routing-loop" "silence-elsewhere"
    "silent-25" "silent-465" "silent-587-465-open" "silent-host" "starttls-mangled"
    "starttls-missing" "starttls-refused" "striptls" "tls-demanded-25" "tls-failed"
    "tls-on-starttls-port" "tls-too-old" "tls-weak" "tunnel-failed" "tunnel-refused"
    "unreachable" "unreachable-by-router")
  "The names of findings; besides them there are silent-PORT, and none.")

(defconst mew-submit-batch-diagnose--expectables
  `(("case" "1" "2" "3" "4" "5" "2 or 3" "3 or 4" "local" "tls" "greeting" "no-login" "none")
    ("port" . "[0-9]+\\|none")
    ("family" "ipv4" "ipv6" "none")
    ("submit" "yes" "no")
    ("login" "accepted" "refused" "failed" "untried" "none")
    ("finding" . ,(concat (regexp-opt mew-submit-batch-diagnose--findings)
                          "\\|silent-[0-9]+\\|none"))
    ("network" ,@(mapcar #'car mew-submit-diagnosis-network--clauses)))
  "What a script may expect something of, and the values, or a regexp for them.
A monitor that expects what there is not would be silent for ever.")

(defun mew-submit-batch-diagnose--expectation (value)
  "Return the expectation that VALUE spells: (KEY NOT VALUE)."
  (unless (string-match "\\`\\([a-z]+\\)\\(!?\\)=\\(.+\\)\\'" value)
    (mew-submit-error--throw 'usage nil "--expect needs KEY=VALUE or KEY!=VALUE, not %s"
                             value))
  (let* ((key (match-string 1 value))
         (not (equal (match-string 2 value) "!"))
         (expected (match-string 3 value))
         (values (cdr (or (assoc key mew-submit-batch-diagnose--expectables)
                          (mew-submit-error--throw
                           'usage nil "--expect needs one of %s, not %s"
                           (mapconcat #'car mew-submit-batch-diagnose--expectables ", ")
                           key)))))
    (unless (if (stringp values)
                (string-match-p (format "\\`\\(?:%s\\)\\'" values) expected)
              (member expected values))
      (mew-submit-error--throw
       'usage nil "--expect: no %s is ever %s%s" key expected
       (if (stringp values) "" (concat ", but one of " (string-join values ", ")))))
    (list key not expected)))

(defun mew-submit-batch-diagnose--value (name key value)
  "Return VALUE of option NAME, whose key is KEY, checked and converted."
  (pcase key
    (:ports (mew-submit-batch-command--read #'mew-submit-probe--parse-ports value))
    (:family (mew-submit-batch-command--choice name value '(ipv4 ipv6)))
    ((or :timeout :step-timeout) (mew-submit-batch-command--seconds name value))
    (:expect (mew-submit-batch-diagnose--expectation value))
    (:auth (if (equal value "none")
               (mew-submit-error--throw 'usage nil "--auth needs a mechanism, not none")
             (mew-submit-batch-options--mechanism value)))
    (:page (if (string-match "\\`\\(http://[^ ]+\\) \\(.+\\)\\'" value)
               (cons (match-string 1 value) (match-string 2 value))
             (mew-submit-error--throw 'usage nil "--page needs \"http://... TEXT\", \
not %s" value)))
    (:tunnel (mew-submit-batch-command--checked #'mew-submit-way--tunnel value))
    (:ssh (mew-submit-batch-command--read #'mew-submit-way--tunnel
                                          (concat "ssh:" value))
          value)
    (:source (mew-submit-batch-command--checked #'mew-submit-way--source value))
    (_ value)))

(defun mew-submit-batch-diagnose--parse (args)
  "Return the options in ARGS as a plist, with the hosts in :arguments.
All that is expected is in :expect, a list."
  (let* ((expected nil)
         (options (mew-submit-batch-command--parse
                   args mew-submit-batch-diagnose--options
                   (lambda (name key value)
                     (let ((converted (mew-submit-batch-diagnose--value
                                       name key value)))
                       (when (eq key :expect)
                         (push converted expected))
                       converted)))))
    (plist-put options :expect (nreverse expected))))

(defun mew-submit-batch-diagnose--check (options)
  "Signal `mew-submit-usage' unless OPTIONS fit together."
  (mew-submit-batch-command--check
   options mew-submit-batch-diagnose--options
   `(,@mew-submit-batch-options--rules ((:details) with (:json))))
  (mew-submit-batch-options--check-source options)
  (cond ((and (plist-get options :ssh) (plist-get options :tunnel))
         (mew-submit-error--throw 'usage nil
                                  "--ssh and --tunnel exclude each other"))
        ((and (not (plist-get options :log-in))
              (seq-some (lambda (key) (plist-get options key))
                        '(:user :password-file :auth)))
         (mew-submit-error--throw
          'usage nil "--user, --password-file and --auth are for --login"))
        ((and (plist-get options :network)
              (or (plist-get options :tunnel) (plist-get options :ssh)))
         (mew-submit-error--throw 'usage nil "--network is about this network, not \
about the far side of a tunnel"))
        ((and (plist-get options :network)
              (seq-some (lambda (key) (plist-get options key))
                        '(:log-in :relay-test :details)))
         (mew-submit-error--throw 'usage nil "--login, --relay-test and --details are \
about a server: --network has no use for them"))
        ((and (plist-get options :page) (not (plist-get options :network)))
         (mew-submit-error--throw 'usage nil "--page is for --network"))
        ((seq-find (lambda (expectation)
                     (not (eq (equal (car expectation) "network")
                              (and (plist-get options :network) t))))
                   (plist-get options :expect))
         (mew-submit-error--throw 'usage nil "--expect network=ID goes with --network, \
and nothing else does"))
        ((not (or (plist-get options :arguments) (plist-get options :network)))
         (mew-submit-error--throw 'usage nil "Which host?  See --help")))
  ;; None is looked at when one of them is none.
  (mapc #'mew-submit-address--host (plist-get options :arguments)))

(defun mew-submit-batch-diagnose--with-password (options)
  "Return OPTIONS with the password that is in the file they name, if any."
  (if-let* ((file (plist-get options :password-file)))
      (append (list :password (mew-submit-auth--read-file file)) options)
    options))

(defun mew-submit-batch-diagnose--account (options host)
  "Return the account to diagnose HOST by, made of OPTIONS."
  (append
   (list :server host
         :tunnel (or (plist-get options :tunnel)
                     (and (plist-get options :ssh)
                          (concat "ssh:" (plist-get options :ssh)))))
   (cl-loop for (key value) on options by #'cddr
            when (memq key `(:step-timeout :memory ,@mew-submit-batch-diagnose--keys))
            append (list key value))))

;;; Expectations

(defun mew-submit-batch-diagnose--found (diagnosis)
  "Return the ids of the findings of DIAGNOSIS, or \"none\".
Notes are no reason not to say \"none\"."
  (let ((findings (mew-submit-finding--list diagnosis)))
    (append
     (mapcar (lambda (finding) (plist-get finding :id)) findings)
     (and (seq-every-p (lambda (finding)
                         (equal (plist-get finding :severity) "note"))
                       findings)
          '("none")))))

(defun mew-submit-batch-diagnose--values (diagnosis key)
  "Return the values, strings, that KEY of an expectation has in DIAGNOSIS."
  (pcase-let ((`(,submits . ,attempt) (mew-submit-diagnosis--verdict diagnosis)))
    (pcase key
      ("finding" (mew-submit-batch-diagnose--found diagnosis))
      ("submit" (list (if submits "yes" "no")))
      ("login" (list (or (mew-submit-diagnosis--log-in-result diagnosis) "none")))
      (_ (let ((value (plist-get attempt (intern (concat ":" key)))))
           (list (if value (format "%s" value) "none")))))))

(defun mew-submit-batch-diagnose--unmet (diagnosis expectations)
  "Return in words which of EXPECTATIONS DIAGNOSIS does not meet."
  (delq nil
        (mapcar
         (pcase-lambda (`(,key ,not ,value))
           (let ((values (mew-submit-batch-diagnose--values diagnosis key)))
             (when (eq (and (member value values) t) not)
               (format "%s: expected %s%s%s, but it is %s"
                       (plist-get diagnosis :host) key (if not "!=" "=") value
                       (string-join values ", ")))))
         expectations)))

;;; The command

(defun mew-submit-batch-diagnose--start (options host)
  "Start to diagnose HOST as OPTIONS say, and return the diagnosis."
  (mew-submit-probe--start
   (mew-submit-batch-diagnose--account options host)
   :ports (plist-get options :ports) :family (plist-get options :family)
   :relay-test (plist-get options :relay-test)
   :on-done (and (plist-get options :log-in)
                 (lambda (diagnosis)
                   (mew-submit-batch-diagnose--log-in options host diagnosis)))))

(defun mew-submit-batch-diagnose--log-in (options host diagnosis)
  "Log in to HOST, whose DIAGNOSIS has ended, as OPTIONS say."
  (let ((password (copy-sequence (plist-get options :password))))
    (mew-submit-log-in--begin
     diagnosis
     (append (list :user (plist-get options :user) :password password
                   :auth (plist-get options :auth))
             (mew-submit-batch-diagnose--account options host))
     (and (null password) #'mew-submit-auth--answer)
     #'ignore)))

(defun mew-submit-batch-diagnose--tell (options diagnosis)
  "Print DIAGNOSIS as OPTIONS say."
  (mew-submit-batch-command--print
   (if (plist-get options :json)
       (mew-submit-json--line (mew-submit-diagnosis-json--object diagnosis))
     (encode-coding-string
      (concat (mew-submit-diagnosis-text--string diagnosis (plist-get options :details))
              "\n")
      'utf-8-unix))))

(defun mew-submit-batch-diagnose--status (options diagnosis)
  "Return the exit status for DIAGNOSIS, as OPTIONS say.
Tell what was expected and is not so."
  (let ((unmet (mew-submit-batch-diagnose--unmet diagnosis
                                                 (plist-get options :expect)))
        (kind (plist-get (plist-get diagnosis :done) :kind)))
    (mapc #'mew-submit-batch-command--tell unmet)
    (cond (unmet mew-submit-batch-diagnose--disappointed)
          ((not (member kind '("ok" "host" "resolver")))
           (mew-submit-batch-command--tell (plist-get (plist-get diagnosis :done) :text))
           (mew-submit-error--status kind))
          ((plist-get options :expect) 0)
          ((and (equal (mew-submit-diagnosis--log-in-result diagnosis) "untried")
                (not (car (mew-submit-diagnosis--verdict diagnosis))))
           69)
          ((not (member (mew-submit-diagnosis--log-in-result diagnosis) '(nil "accepted")))
           (mew-submit-error--status "auth"))
          ((car (mew-submit-diagnosis--verdict diagnosis)) 0)
          (t 69))))

(defconst mew-submit-batch-diagnose--at-once 4
  "How many hosts are looked at at once.")

(defun mew-submit-batch-diagnose--all (options)
  "Diagnose all hosts in OPTIONS, and return the greatest exit status."
  (let ((left (plist-get options :arguments))
        (status 0)
        running)
    (while (or left running)
      (while (and left (< (length running) mew-submit-batch-diagnose--at-once))
        (setq running
              (append running (list (mew-submit-batch-diagnose--start
                                     options (pop left))))))
      (let ((diagnosis (pop running)))
        (mew-submit-log-in--wait diagnosis)
        (mew-submit-batch-diagnose--tell options diagnosis)
        (setq status (max status (mew-submit-batch-diagnose--status options
                                                                    diagnosis)))))
    status))

;;; The network

(defun mew-submit-batch-diagnose--look (options)
  "Look at the network as OPTIONS say, and return the evidence.
Without hosts it is `mew-submit-network-servers' that are looked at."
  (let* ((hosts (plist-get options :arguments))
         (look (mew-submit-diagnosis-look--start
                (mapcar (lambda (host)
                          (mew-submit-batch-diagnose--account options host))
                        hosts)
                :references (unless hosts mew-submit-network-servers)
                :page (or (plist-get options :page) mew-submit-network-page) :dns t
                :keys (list :ports (plist-get options :ports)
                            :family (plist-get options :family)))))
    (while (not (mew-submit-diagnosis-look--ended-p look))
      (accept-process-output nil 0.05))
    (plist-get look :evidence)))

(defun mew-submit-batch-diagnose--network (options)
  "Print the verdict on the network as OPTIONS say, and return the exit status."
  (let* ((evidence (mew-submit-batch-diagnose--look options))
         (verdict (car (mew-submit-diagnosis-network--list evidence)))
         (unmet (seq-find (lambda (expectation)
                            (eq (nth 1 expectation)
                                (equal (nth 2 expectation) (plist-get verdict :id))))
                          (plist-get options :expect))))
    (mew-submit-batch-command--print
     (if (plist-get options :json)
         (mew-submit-json--line (mew-submit-diagnosis-network-text--object evidence))
       (encode-coding-string (mew-submit-diagnosis-network-text--string evidence)
                             'utf-8-unix)))
    (when unmet
      (mew-submit-batch-command--tell
       (format "the network: expected %s%s, but it is %s" (if (nth 1 unmet) "not " "")
               (nth 2 unmet) (plist-get verdict :id))))
    (cond (unmet mew-submit-batch-diagnose--disappointed)
          ((plist-get options :expect) 0)
          ((mew-submit-diagnosis-network--usable-p
            (mew-submit-diagnosis-network--entries evidence))
           0)
          (t 69))))

(defun mew-submit-batch-diagnose--diagnose (options)
  "Do what OPTIONS say, and return the exit status."
  (mew-submit-batch-diagnose--check options)
  (let ((options (mew-submit-batch-diagnose--with-password options)))
    (if (plist-get options :network)
        (mew-submit-batch-diagnose--network options)
      (mew-submit-batch-diagnose--all options))))

(defun mew-submit-batch-diagnose--run (args)
  "Do what ARGS say, and return the exit status."
  (mew-submit-batch-command--do args #'mew-submit-batch-diagnose--parse
                                #'mew-submit-batch-diagnose--usage
                                #'mew-submit-batch-diagnose--diagnose))

;;;###autoload
(defun mew-submit-batch-diagnose ()
  "Diagnose the servers named on the command line and leave Emacs.
Options and hosts are behind \"--\"; --help lists them, and the manual tells
what the exit status means."
  (mew-submit-batch-command--run #'mew-submit-batch-diagnose--run))

(provide 'mew-submit-batch-diagnose)
;;; mew-submit-batch-diagnose.el ends here
