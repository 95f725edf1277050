;;; mew-submit-finding-network.el --- What a diagnosis says of the network -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the judgements about what happens before a server says a word:
;; names, routes, silence, ICMP errors, resets, address families, this machine's clock.
;; Nothing is called what it is not: where the network does not tell who did something, the
;; sentence says so.

;;; Code:

(require 'mew-submit-finding-make)
(require 'mew-submit-report)
(require 'seq)
(require 'subr-x)
(require 'time-date)

;;; The name

(defun mew-submit-finding--no-resolver (host lookups whole)
  "Return the finding that the LOOKUPS of HOST got no answer, all of them if WHOLE."
  (mew-submit-finding--make
   "resolver" (if whole "error" "warning") nil
   (if whole
       "Look at the network connection and at the name servers it is set up with \
(/etc/resolv.conf); try another network."
     "Mail goes by the other family.  Tell who runs the name servers (/etc/resolv.conf) or \
the domain: somebody there answers one kind of question and not the other.")
   "The %s of %s cannot be looked up: %s."
   (mew-submit-finding--and
    (mapcar (lambda (lookup)
              (if (equal (plist-get lookup :family) "ipv6")
                  "IPv6 address" "IPv4 address"))
            lookups))
   host (plist-get (car lookups) :error)))

(defun mew-submit-finding--leads-here (diagnosis)
  "Return that the name in DIAGNOSIS leads to this machine, and to no mail.
That is how filters of names keep a server from whoever asks."
  (let* ((host (plist-get diagnosis :host))
         (attempts (mew-submit-finding--ended diagnosis))
         (here (seq-filter #'mew-submit-report--this-machine-p attempts)))
    (when (and here
               (equal (length here) (length attempts))
               (not (mew-submit-finding--usable-p attempts))
               (not (equal host (plist-get (car here) :address)))
               (not (string-match-p "\\`[^.]*\\'\\|\\.localhost\\.?\\'" host)))
      (list (mew-submit-finding--make
             "name-leads-here" "error" here
             "Where the server is not this machine, a filter of names (Pi-hole, a parental \
filter, /etc/hosts) keeps it from you: ask who runs the name servers (/etc/resolv.conf), or \
use others."
             "The name %s leads to this machine itself (%s)." host
             (mew-submit-finding--and
              (seq-uniq (mapcar (lambda (attempt) (plist-get attempt :address)) here))))))))

(defun mew-submit-finding--lookup (diagnosis)
  "Return what is wrong with the name in DIAGNOSIS."
  (let* ((lookups (plist-get diagnosis :lookups))
         (host (plist-get diagnosis :host))
         (without (seq-remove (lambda (lookup) (plist-get lookup :addresses))
                              lookups))
         (unasked (seq-remove (lambda (lookup)
                                (equal (plist-get lookup :why) "none"))
                              without))
         (whole (equal (length without) (length lookups))))
    (cond (unasked
           (list (mew-submit-finding--no-resolver host unasked whole)))
          ((and lookups whole)
           (list (mew-submit-finding--make
                  "host-unknown" "error" nil
                  "Check the spelling of the server's name; your provider's \
pages say what it is."
                  "The name %s has no address%s." host
                  (cond ((cdr lookups) ", neither IPv4 nor IPv6")
                        ((equal (plist-get (car lookups) :family) "ipv6")
                         " in IPv6, the only family asked for")
                        (t " in IPv4, the only family asked for"))))))))

;;; Silence

(defconst mew-submit-finding--nobody-knows
  "From here nobody can tell whether a firewall on this machine, on the way or at \
the server drops it."
  "What silence does not say.")

(defun mew-submit-finding--silent-ports (attempts)
  "Return the groups of ATTEMPTS by port at which everything is silence."
  (seq-filter (lambda (group)
                (let ((sent (seq-remove #'mew-submit-finding--routeless-p
                                        (cdr group))))
                  (and sent
                       (seq-every-p (lambda (attempt)
                                      (eql (plist-get attempt :case) 5))
                                    sent))))
              (mew-submit-finding--by-port attempts)))

(defun mew-submit-finding--silence-severity (attempts)
  "Return how grave it is that ATTEMPTS, all at one port, are silent.
Whoever does not serve a port may well drop what comes for it."
  (if (seq-some #'mew-submit-finding--submission-p attempts) "warning" "note"))

(defun mew-submit-finding--open-words (ports)
  "Return the clause that PORTS, at least one, answer."
  (concat (mew-submit-finding--port-words ports) (if (cdr ports) " answer" " answers")))

(defun mew-submit-finding--silent-here (port attempts open)
  "Return the finding that PORT, with its ATTEMPTS, is silent while OPEN answer."
  (pcase port
    ((and 587 (guard (memql 465 open)))
     (mew-submit-finding--make
      "silent-587-465-open" "warning" attempts
      (concat "Send through port 465 on this network (:plan \"submissions\"), or \
ask who runs it to let port 587 through.  "
              mew-submit-finding--nobody-knows)
      "Port 587 is silently dropped on this network while port 465 answers."))
    ((and 25 (guard (seq-some (lambda (other) (memql other '(465 587))) open)))
     (mew-submit-finding--make
      "silent-25" "note" attempts
      "Nothing: most providers keep port 25 for mail servers, and mail is \
submitted through the other ports."
      "Port 25 is silent while %s; so it is in most home networks."
      (mew-submit-finding--open-words (remq 25 open))))
    (465
     (mew-submit-finding--make
      "silent-465" (if (memql 587 open) "note" "warning") attempts
      (concat "Send through "
              (mew-submit-finding--port-words (seq-sort #'> (remq 465 open)))
              ".  " mew-submit-finding--nobody-knows)
      "Port 465 is silent while %s."
      (mew-submit-finding--open-words open)))
    (_
     (mew-submit-finding--make
      (format "silent-%d" port) (mew-submit-finding--silence-severity attempts)
      attempts
      (concat "Try another network, or ask who runs this one to let the port \
through.  " mew-submit-finding--nobody-knows)
      "Port %d is silent while %s." port
      (mew-submit-finding--open-words open)))))

(defun mew-submit-finding--alive-p (attempt)
  "Did the server of ATTEMPT itself say something, be it no?"
  (or (mew-submit-finding--refused-p attempt)
      (equal (plist-get (plist-get attempt :offender) :who) "server")))

(defun mew-submit-finding--silent-port (port attempts)
  "Return the finding that PORT, with its ATTEMPTS, is silent on a live host."
  (mew-submit-finding--make
   (format "silent-%d" port) (mew-submit-finding--silence-severity attempts)
   attempts
   (concat "Try another network, or ask who runs this one, or the server.  "
           mew-submit-finding--nobody-knows)
   "Port %d is silent, though the host is up: it refuses other ports." port))

(defun mew-submit-finding--silent-host (diagnosis attempts)
  "Return the finding that ATTEMPTS, all that is heard of DIAGNOSIS, are silent."
  (mew-submit-finding--make
   "silent-host" "error" attempts
   (concat "Check that you are on line and that the server's name is right; try \
another network.  "
           mew-submit-finding--nobody-knows)
   "%s of %s %s silent: the host is down, or everything is dropped."
   (mew-submit-finding--where attempts t) (plist-get diagnosis :host)
   (if (cdr (mew-submit-finding--ports attempts)) "are" "is")))

(defun mew-submit-finding--elsewhere (attempts)
  "Return the note about what others meet at the silent ATTEMPTS."
  (mew-submit-finding--make
   "silence-elsewhere" "note" attempts
   "Nothing: this is why mew-submit has a timer of its own \
(mew-submit-connect-timeout)."
   "A program that leaves %s to its system's TCP hangs for 75 s on BSD and macOS, \
127 to 189 s on Linux, 225 s on Solaris, 21 s on Windows."
   (mew-submit-finding--where attempts)))

(defun mew-submit-finding--silence (diagnosis)
  "Return what the silence of ports in DIAGNOSIS means."
  (let* ((attempts (mew-submit-finding--ended diagnosis))
         (silent (mew-submit-finding--silent-ports attempts))
         (open (mew-submit-finding--ports
                (seq-filter #'mew-submit-finding--answered-p attempts)))
         (all (mapcan (lambda (group) (copy-sequence (cdr group))) silent)))
    (when silent
      (append
       (cond (open
              (mapcar (lambda (group)
                        (mew-submit-finding--silent-here (car group) (cdr group)
                                                         open))
                      silent))
             ((seq-some #'mew-submit-finding--alive-p attempts)
              (mapcar (lambda (group)
                        (mew-submit-finding--silent-port (car group)
                                                         (cdr group)))
                      silent))
             (t (list (mew-submit-finding--silent-host diagnosis all))))
       (list (mew-submit-finding--elsewhere all))))))

;;; ICMP errors, routes, resets

(defun mew-submit-finding--icmp-words (attempt)
  "Return the words of the ICMP error that ended ATTEMPT."
  (let ((icmp (plist-get attempt :icmp)))
    (format "\"%s\" (ICMP%s %d/%d)" (plist-get icmp :name)
            (if (equal (plist-get attempt :family) "ipv6") "v6" "")
            (plist-get icmp :type) (plist-get icmp :code))))

(defun mew-submit-finding--neighbour-p (attempt)
  "Was the ICMP error of ATTEMPT made by this machine, that waited for a neighbour?
A firewall's is there at once."
  (let ((icmp (plist-get attempt :icmp)))
    (and (equal (list (plist-get icmp :type) (plist-get icmp :code))
                (if (equal (plist-get attempt :family) "ipv6") '(1 3) '(3 1)))
         (> (or (plist-get attempt :ms) 0) 900))))

(defun mew-submit-finding--icmp-kind (attempt)
  "Return the id of the finding for the ICMP error that ended ATTEMPT."
  (let ((type (plist-get (plist-get attempt :icmp) :type))
        (soft (member (plist-get attempt :case) '(4 "3 or 4")))
        (who (plist-get (plist-get attempt :offender) :who)))
    (cond ((equal who "self")
           (if (mew-submit-finding--neighbour-p attempt)
               "neighbour-silent"
             "local-firewall"))
          ((and soft (eql type (if (equal (plist-get attempt :family) "ipv6")
                                   3 11)))
           "routing-loop")
          ((equal who "router")
           (if soft "unreachable-by-router" "filtered-by-router"))
          (t "filtered-by-server"))))

(defconst mew-submit-finding--icmp-advice
  '(("local-firewall" . "Allow outgoing connections to that port in the firewall \
of this machine (nft list ruleset).")
    ("neighbour-silent" . "Check cable, radio and router: this machine finds \
nobody to give its packets to.")
    ("routing-loop" . "Nothing on this machine: ask who runs the network; try \
another one.")
    ("unreachable-by-router" . "Routes come back by themselves more often than \
not: try again later, or another network.")
    ("filtered-by-router" . "Ask who runs that router to let the port through, or \
send by another port or network.")
    ("filtered-by-server" . "Ask the server's administrator: its own firewall turns you \
away."))
  "What to do about each kind of ICMP error.")

(defun mew-submit-finding--icmp-clause (id attempts)
  "Return a clause of the finding ID about ATTEMPTS, which met the same error."
  (let ((attempt (car attempts))
        (where (mew-submit-finding--where attempts)))
    (pcase id
      ("local-firewall"
       (format "%s over %s: %s" where (mew-submit-finding--family attempt)
               (mew-submit-finding--icmp-words attempt)))
      ("neighbour-silent"
       (format "for %s this machine gave up after %s" (plist-get attempt :address)
               (mew-submit-finding--seconds (plist-get attempt :ms))))
      (_
       (format "%s says %s about %s over %s"
               (plist-get (plist-get attempt :offender) :address)
               (mew-submit-finding--icmp-words attempt) where
               (mew-submit-finding--family attempt))))))

(defconst mew-submit-finding--icmp-openings
  '(("local-firewall" . "This machine's own firewall rejects ")
    ("neighbour-silent" . "Nobody on the local network answers: ")
    ("routing-loop" . "Packets go round in circles: the router ")
    ("unreachable-by-router" . "The router ")
    ("filtered-by-router" . "The router ")
    ("filtered-by-server" . "The server itself turns you away: "))
  "How the sentence about each kind of ICMP error begins.")

(defun mew-submit-finding--same-icmp (attempts)
  "Return ATTEMPTS grouped by family and by what error came from whom."
  (mapcar #'cdr
          (seq-group-by
           (lambda (attempt)
             (list (plist-get attempt :family) (plist-get attempt :icmp)
                   (plist-get (plist-get attempt :offender) :address)))
           attempts)))

(defun mew-submit-finding--icmp-sentence (id attempts)
  "Return the sentence of the finding ID about ATTEMPTS.
It names each error once, and not more than three of them."
  (let* ((groups (mew-submit-finding--same-icmp attempts))
         (clauses (mapcar (lambda (group)
                            (mew-submit-finding--icmp-clause id group))
                          (seq-take groups 3))))
    (concat (cdr (assoc id mew-submit-finding--icmp-openings))
            (string-join clauses "; ")
            (if (nthcdr 3 groups) "; and more" "")
            ".")))

(defun mew-submit-finding--icmp (diagnosis)
  "Return what the ICMP errors in DIAGNOSIS mean, one finding for each kind."
  (let* ((attempts (mew-submit-finding--ended diagnosis))
         (severity (if (mew-submit-finding--usable-p attempts)
                       "warning" "error")))
    (mapcar
     (pcase-lambda (`(,id . ,those))
       (mew-submit-finding--make
        id severity those (cdr (assoc id mew-submit-finding--icmp-advice))
        "%s" (mew-submit-finding--icmp-sentence id those)))
     (seq-group-by #'mew-submit-finding--icmp-kind
                   (seq-filter (lambda (attempt) (plist-get attempt :icmp))
                               attempts)))))

(defun mew-submit-finding--vague (diagnosis)
  "Return what is known of unreachable ports in DIAGNOSIS without an ICMP error."
  (when-let* ((attempts (seq-filter
                        (lambda (attempt)
                          (and (equal (plist-get attempt :case) "3 or 4")
                               (null (plist-get attempt :icmp))))
                        (mew-submit-finding--ended diagnosis))))
    (list (if (plist-get (car attempts) :family)
              (mew-submit-finding--make
               "unreachable" "error" attempts
               "Try another network.  This system does not tell which ICMP error came, \
nor who sent it; Linux 5.8 and later do."
               "%s: somebody on the way says that it cannot be reached (%s)."
               (mew-submit-finding--where attempts t)
               (plist-get (car attempts) :errno))
            (mew-submit-finding--make
             "tunnel-refused" "error" attempts
             "Ask who runs the far end of the tunnel, or go another way."
             "The far end of the tunnel does not reach %s of %s: %s."
             (mew-submit-finding--where attempts) (plist-get diagnosis :host)
             (mew-submit-finding--said (car attempts)))))))

(defun mew-submit-finding--tunnel-failed-p (attempt)
  "Did ATTEMPT end in its tunnel, before that asked for the port?"
  (and (null (plist-get attempt :family))
       (equal (plist-get attempt :case) "local")
       (equal (plist-get attempt :errno) "ENOTCONN")))

(defun mew-submit-finding--tunnel (diagnosis)
  "Return that the tunnel of DIAGNOSIS fails itself, if it does."
  (mew-submit-finding--filter
   (mew-submit-finding--ended diagnosis) #'mew-submit-finding--tunnel-failed-p
   (lambda (those)
     (mew-submit-finding--make
      "tunnel-failed" "error" those
      "Look at what the account's :tunnel names: a proxy or an ssh that does not run, or does \
not let you in."
      "The tunnel does not lead to %s of %s: %s." (mew-submit-finding--where those)
      (plist-get diagnosis :host) (mew-submit-finding--said (car those))))))

(defun mew-submit-finding--local (diagnosis)
  "Return what this machine itself does to the attempts of DIAGNOSIS."
  (let* ((attempts (mew-submit-finding--ended diagnosis))
         (routeless (seq-filter #'mew-submit-finding--routeless-p attempts))
         ;; One address of several says nothing of its family.
         (families (mapcan (lambda (group)
                             (and (seq-every-p #'mew-submit-finding--routeless-p group)
                                  group))
                           (mapcar #'cdr
                                   (seq-group-by (lambda (attempt) (plist-get attempt :family))
                                                 attempts))))
         (forbidden (seq-filter
                     (lambda (attempt)
                       (and (equal (plist-get attempt :case) "local")
                            (null (plist-get attempt :icmp))
                            (not (mew-submit-finding--tunnel-failed-p attempt))
                            (not (mew-submit-finding--routeless-p attempt))))
                     attempts)))
    (delq
     nil
     (list
      (cond ((null families) nil)
            ((equal (length routeless) (length attempts))
             (mew-submit-finding--make
              "no-route" "error" routeless
              "Check that this machine is on line: it knows no way out."
              "This machine has no route to %s (%s)." (plist-get diagnosis :host)
              (plist-get (car routeless) :errno)))
            ((seq-every-p (lambda (attempt)
                            (equal (plist-get attempt :family) "ipv6"))
                          families)
             (mew-submit-finding--make
              "no-ipv6-here" "note" families
              "Nothing: mail goes by IPv4."
              "This machine has no IPv6 route to %s."
              (plist-get diagnosis :host)))
            (t
             (mew-submit-finding--make
              "no-ipv4-here" "warning" families
              "Nothing, if this network is for IPv6 alone."
              "This machine has no IPv4 route to %s (%s)."
              (plist-get diagnosis :host)
              (plist-get (car families) :errno))))
      (and forbidden
           (mew-submit-finding--make
            "local-firewall" "error" forbidden
            (cdr (assoc "local-firewall" mew-submit-finding--icmp-advice))
            "This machine itself forbids to connect to %s (%s)."
            (mew-submit-finding--where forbidden)
            (plist-get (car forbidden) :errno)))))))

(defun mew-submit-finding--refusals (diagnosis)
  "Return that the submission ports of DIAGNOSIS all refuse, if they do."
  (let ((attempts (seq-remove #'mew-submit-finding--routeless-p
                              (seq-filter #'mew-submit-finding--submission-p
                                          (mew-submit-finding--ended diagnosis)))))
    (when (and attempts (seq-every-p #'mew-submit-finding--refused-p attempts))
      (list (mew-submit-finding--make
             "refused" "error" attempts
             "Check the server's name.  A firewall, even one on this machine, can \
refuse just the same: from here nobody can tell."
             "%s of %s %s connections%s: nothing listens there, or a firewall says so."
             (mew-submit-finding--where attempts t) (plist-get diagnosis :host)
             (if (cdr (mew-submit-finding--ports attempts))
                 "refuse" "refuses")
             ;; Not every system tells a reset from an ICMP error.
             (if (seq-every-p (lambda (attempt) (eql (plist-get attempt :case) 2)) attempts)
                 " (TCP reset)"
               ""))))))

;;; Families and addresses

(defun mew-submit-finding--broken-ports (attempts family other)
  "Return the attempts among ATTEMPTS in FAMILY at ports that only OTHER reaches."
  (mapcan
   (lambda (group)
     (let ((tried (seq-filter
                   (lambda (attempt)
                     (and (equal (plist-get attempt :family) family)
                          (not (mew-submit-finding--routeless-p attempt))))
                   (cdr group))))
       (and tried
            (not (seq-some #'mew-submit-finding--answered-p tried))
            (seq-some (lambda (attempt)
                        (and (equal (plist-get attempt :family) other)
                             (mew-submit-finding--answered-p attempt)))
                      (cdr group))
            tried)))
   (mew-submit-finding--by-port attempts)))

(defun mew-submit-finding--families (diagnosis)
  "Return that one family fails in DIAGNOSIS where the other does not."
  (let ((attempts (mew-submit-finding--ended diagnosis)))
    (delq
     nil
     (mapcar
      (pcase-lambda (`(,family ,other ,id ,name ,other-name))
        (when-let* ((broken (mew-submit-finding--broken-ports attempts family
                                                             other)))
          (mew-submit-finding--make
           id "warning" broken
           (format "Mail goes by %s.  Tell the server's administrator or the network; \
until then the account's :family %s leaves %s out." other-name other name)
           "%s does not reach %s while %s does: %s." name
           (mew-submit-finding--where broken) other-name
           (mew-submit-finding--said (car broken)))))
      '(("ipv6" "ipv4" "ipv6-broken" "IPv6" "IPv4")
        ("ipv4" "ipv6" "ipv4-broken" "IPv4" "IPv6"))))))

(defun mew-submit-finding--addresses (diagnosis)
  "Return the addresses of DIAGNOSIS that fail while others of the family do not."
  (let ((broken
         (seq-filter
          (lambda (attempt)
            (and (not (mew-submit-finding--answered-p attempt))
                 (seq-some
                  (lambda (other)
                    (and (eql (plist-get other :port) (plist-get attempt :port))
                         (equal (plist-get other :family)
                                (plist-get attempt :family))
                         (mew-submit-finding--answered-p other)))
                  (mew-submit-finding--ended diagnosis))))
          (mew-submit-finding--ended diagnosis))))
    (mapcar
     (lambda (group)
       (mew-submit-finding--make
        "address-broken" "warning" (cdr group)
        "Mail goes by the other addresses.  Tell the server's administrator."
        "The address %s does not answer at %s while others of the same name do: \
%s."
        (car group) (mew-submit-finding--where (cdr group))
        (mew-submit-finding--said (cadr group))))
     (seq-group-by (lambda (attempt) (plist-get attempt :address)) broken))))

;;; The clock

(defconst mew-submit-finding--date
  (concat "\\(?:[A-Z][a-z][a-z], \\)?[0-3]?[0-9] [A-Z][a-z][a-z] 20[0-9][0-9] "
          "[0-9][0-9]:[0-9][0-9]:[0-9][0-9] [-+][0-9]\\{4\\}")
  "Regexp of a date as servers write it into their greetings.")

(defun mew-submit-finding--skew (diagnosis attempt)
  "Return how many seconds the server of ATTEMPT in DIAGNOSIS is ahead, or nil.
Its greeting may have the date."
  (let ((greeting (plist-get attempt :greeting))
        (msecs (alist-get 'greeting (plist-get attempt :times)))
        (case-fold-search nil))
    (and greeting msecs
         (string-match mew-submit-finding--date greeting)
         (ignore-errors
           (float-time (time-subtract (date-to-time (match-string 0 greeting))
                                      (time-add (plist-get diagnosis :began)
                                                (/ msecs 1000.0))))))))

(defconst mew-submit-finding--skew-max 600
  "Seconds by which two clocks may differ without a word.")

(defun mew-submit-finding--clock (diagnosis now)
  "Return that this machine's clock is wrong, which DIAGNOSIS or NOW gives away."
  (let ((those (seq-filter
                (lambda (attempt)
                  (> (abs (or (mew-submit-finding--skew diagnosis attempt) 0))
                     mew-submit-finding--skew-max))
                (mew-submit-finding--ended diagnosis)))
        (early (and emacs-build-time
                    (time-less-p now (time-subtract emacs-build-time 86400)))))
    (when (or those early)
      (list (mew-submit-finding--make
             "clock-wrong" "warning" those
             "Set this machine's clock (timedatectl): certificates are judged by \
it, and mail is dated by it."
             "This machine's clock says %s UTC%s."
             (format-time-string "%Y-%m-%d %H:%M" now t)
             (if those
                 (format ", and the server's is %s: one of the two is wrong"
                         (mew-submit-finding--apart
                          (mew-submit-finding--skew diagnosis (car those))))
               ", which is before this Emacs was built"))))))

(defun mew-submit-finding--apart (seconds)
  "Return SECONDS, how far a clock is ahead, in words."
  (let ((apart (abs seconds)))
    (format "%s %s"
            (cond ((< apart 7200) (format "%d minutes" (/ apart 60)))
                  ((< apart 172800) (format "%d hours" (/ apart 3600)))
                  (t (format "%d days" (/ apart 86400))))
            (if (> seconds 0) "ahead" "behind"))))

;;; All of them

(defun mew-submit-finding--network (diagnosis now)
  "Return the findings of DIAGNOSIS about network and machine, at the time NOW."
  (append (mew-submit-finding--lookup diagnosis)
          (mew-submit-finding--leads-here diagnosis)
          (mew-submit-finding--tunnel diagnosis)
          (mew-submit-finding--local diagnosis)
          (mew-submit-finding--silence diagnosis)
          (mew-submit-finding--icmp diagnosis)
          (mew-submit-finding--vague diagnosis)
          (mew-submit-finding--refusals diagnosis)
          (mew-submit-finding--families diagnosis)
          (mew-submit-finding--addresses diagnosis)
          (mew-submit-finding--clock diagnosis now)))

(provide 'mew-submit-finding-network)
;;; mew-submit-finding-network.el ends here
