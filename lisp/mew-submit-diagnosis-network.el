;;; mew-submit-diagnosis-network.el --- A verdict on the network, not on a server -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the judgement on the network: what one server does may be its own
;; doing, what several do that have nothing to do with each other is the network's.  From
;; evidence, a plist
;;   :diagnoses   diagnoses of several servers (mew-submit-diagnosis.el)
;;   :references  the hosts among them that are known to listen at the ports 25 and 587
;;   :page        nil, or what a web page with a known text was: (:url URL :state STATE
;;                :text WORDS :location URL), STATE being `ok', `foreign' (somebody else
;;                answers), `odd' (answered, but that says nothing) or `failed'
;;   :dns         nil, or what DNS said: (:invalid (ADDRESS...) of a name that does not
;;                exist, :nat64 (ADDRESS...) of ipv4only.arpa in IPv6, :failed WHY)
;; to verdicts, each a plist
;;   :id        "offline", "captive-portal", "dns-poisoned", "mtu", "smtp-proxy",
;;              "mail-ports-shut", "op25b", "nat64", "clear" or "unclear"
;;   :severity  "error": mail cannot be submitted because of it; "warning"; "note"; "ok"
;;   :text, :advice  a sentence, and what to do
;;   :sure      non-nil when it cannot well be anything else
;;   :ports     the ports that are shut, :routers who says so, :hosts whom it concerns

;;; Code:

(require 'mew-submit-caseless)
(require 'mew-submit-diagnosis)
(require 'mew-submit-error)
(require 'mew-submit-finding-make)
(require 'mew-submit-finding-network)
(require 'mew-submit-finding-server)
(require 'seq)
(require 'subr-x)

(defconst mew-submit-diagnosis-network--clauses
  '(("offline" . "this machine is off line")
    ("captive-portal" . "this network wants you to log in on a web page first")
    ("dns-poisoned" . "the name servers of this network give wrong addresses")
    ("mtu" . "this network loses large packets")
    ("smtp-proxy" . "somebody in this network answers in the mail servers' place")
    ("mail-ports-shut" . "this network shuts the ports of mail")
    ("op25b" . "this network shuts port 25")
    ("nat64" . "this network has IPv6 alone")
    ("clear" . "this network lets mail through")
    ("unclear" . "too little is known of this network"))
  "Each verdict in a clause: (ID . CLAUSE).")

(defun mew-submit-diagnosis-network--make (id severity keys advice format &rest args)
  "Return the verdict ID of SEVERITY with KEYS, a plist, and ADVICE.
FORMAT and ARGS make its sentence."
  (append (list :id id :severity severity
                :text (mew-submit-error--clean (apply #'format format args))
                :advice advice)
          keys))

;;; Entries: attempts that know their host

(defun mew-submit-diagnosis-network--entries (evidence &optional family)
  "Return the attempts in EVIDENCE, those of FAMILY where it is not nil.
Each has its :host, and :reference says whether that is known to listen."
  (mapcan
   (lambda (diagnosis)
     (let ((host (plist-get diagnosis :host)))
       (mapcar (lambda (attempt)
                 (append (list :host host
                               :reference (and (member host (plist-get evidence
                                                                       :references))
                                               t))
                         attempt))
               (seq-filter (lambda (attempt)
                             (and (mew-submit-finding--smtp-p attempt)
                                  (member family
                                          (list nil (plist-get attempt :family)))))
                           (mew-submit-finding--ended diagnosis)))))
   (plist-get evidence :diagnoses)))

(defun mew-submit-diagnosis-network--hosts (entries)
  "Return the hosts of ENTRIES, each once."
  (seq-uniq (mapcar (lambda (entry) (plist-get entry :host)) entries)))

(defun mew-submit-diagnosis-network--several-p (entries)
  "Are ENTRIES about several servers that have nothing to do with each other?
Two of one domain, or with one address, are one."
  (and (cdr (seq-uniq (mapcar #'mew-submit-diagnosis-network--domain
                              (mew-submit-diagnosis-network--hosts entries))))
       (cdr (seq-uniq (mapcar (lambda (entry) (plist-get entry :address)) entries)))))

(defun mew-submit-diagnosis-network--usable-p (entries)
  "Could mail be submitted by one of ENTRIES?"
  (seq-some (lambda (entry)
              (and (mew-submit-finding--submission-p entry)
                   (or (plist-get entry :usable)
                       (mew-submit-diagnosis--usable-p entry))))
            entries))

(defun mew-submit-diagnosis-network--domain (name)
  "Return the last two labels of NAME, in small letters."
  (string-join (last (split-string
                      (mew-submit-caseless--down (string-remove-suffix "." name)) "\\.")
                     2)
               "."))

(defun mew-submit-diagnosis-network--near-p (entry)
  "Has this machine itself, or who is next to it, ended ENTRY?"
  (or (mew-submit-finding--routeless-p entry)
      (and (plist-get entry :icmp)
           (equal (mew-submit-finding--icmp-kind entry) "neighbour-silent"))))

;;; Ports

(defun mew-submit-diagnosis-network--mute-p (entry)
  "Did somebody accept the connection of ENTRY, and not say a word?
What makes no sense, or ends the handshake of TLS, is one."
  (let ((end (plist-get entry :end)))
    (and (member (plist-get entry :case) '("greeting" "tls"))
         (not (seq-some (lambda (key) (plist-get entry key)) '(:greeting :greeting-code :tls)))
         (null (plist-get end :spoke))
         (not (equal (plist-get end :kind) "protocol"))
         (member (plist-get end :failure) '(nil "closed" "timeout"))
         (not (mew-submit-diagnosis-network--web-p entry)))))

(defun mew-submit-diagnosis-network--shut-p (entry)
  "Was ENTRY stopped by somebody who may be the network?
A server that refuses does so itself, unless it is known to listen."
  (pcase (plist-get entry :case)
    ((guard (mew-submit-diagnosis-network--mute-p entry)) t)
    (5 t)
    ((or 2 "2 or 3") (and (plist-get entry :reference)
                          (memql (plist-get entry :port) '(25 587))))
    ((or 3 4 "3 or 4")
     (not (equal (plist-get (plist-get entry :offender) :who) "server")))
    ("local" t)))

(defun mew-submit-diagnosis-network--at (entries port)
  "Return those of ENTRIES at PORT that this machine has a way to."
  (seq-filter (lambda (entry)
                (and (eql (plist-get entry :port) port)
                     (not (mew-submit-diagnosis-network--near-p entry))))
              entries))

(defun mew-submit-diagnosis-network--port (entries port)
  "Return how PORT is in ENTRIES: `open', `shut' (to several servers) or nil."
  (let* ((tried (mew-submit-diagnosis-network--at entries port))
         (groups (seq-group-by (lambda (entry) (plist-get entry :host)) tried))
         (shut (seq-filter (lambda (group)
                             (seq-every-p #'mew-submit-diagnosis-network--shut-p
                                          (cdr group)))
                           groups)))
    (cond ((seq-some (lambda (entry)
                       (and (mew-submit-finding--answered-p entry)
                            (not (mew-submit-diagnosis-network--mute-p entry))))
                     tried)
           'open)
          ((mew-submit-diagnosis-network--several-p (apply #'append (mapcar #'cdr shut)))
           'shut))))

(defun mew-submit-diagnosis-network--speakers (entries)
  "Return who but a server said no to several hosts of ENTRIES: (ADDRESS . WHO)."
  (let ((groups (seq-group-by
                 (lambda (entry)
                   (let ((offender (plist-get entry :offender)))
                     (and (plist-get entry :icmp)
                          (not (equal (plist-get offender :who) "server"))
                          (cons (plist-get offender :address)
                                (plist-get offender :who)))))
                 entries)))
    (mapcar #'car (seq-filter (lambda (group)
                                (and (car group)
                                     (mew-submit-diagnosis-network--several-p
                                      (cdr group))))
                              groups))))

(defun mew-submit-diagnosis-network--who (speakers)
  "Return in a clause, with a comma before it, that SPEAKERS say no."
  (cond ((null speakers) "")
        ((seq-every-p (lambda (speaker) (equal (cdr speaker) "self")) speakers)
         ", and it is this machine's own firewall that says so")
        (t (format ", and %s that says so"
                   (mew-submit-finding--and
                    (mapcar (lambda (speaker)
                              (format "it is the router %s" (car speaker)))
                            speakers))))))

(defconst mew-submit-diagnosis-network--doubt
  "  Silence does not say who drops it; that several servers are silent speaks for \
the network."
  "What is added where nobody has said no.")

(defun mew-submit-diagnosis-network--shut (id severity entries ports advice
                                             format &rest args)
  "Return the verdict ID of SEVERITY that PORTS of ENTRIES are shut.
FORMAT and ARGS make the sentence, up to who says so; ADVICE is what to do."
  (let* ((those (seq-filter (lambda (entry) (memql (plist-get entry :port) ports))
                            entries))
         (speakers (mew-submit-diagnosis-network--speakers those))
         (reference (seq-some (lambda (entry) (plist-get entry :reference)) those)))
    (mew-submit-diagnosis-network--make
     id severity
     (list :sure (and (or speakers reference) t) :ports ports
           :routers (mapcar #'car speakers)
           :hosts (mew-submit-diagnosis-network--hosts those))
     (concat (if (seq-some (lambda (speaker) (equal (cdr speaker) "self")) speakers)
                 "Allow it in the firewall of this machine (nft list ruleset)."
               advice)
             (if (or speakers reference) "" mew-submit-diagnosis-network--doubt))
     "%s%s%s." (apply #'format format args)
     (if (seq-every-p #'mew-submit-diagnosis-network--mute-p those)
         ": somebody accepts each connection and says nothing"
       "")
     (mew-submit-diagnosis-network--who speakers))))

(defun mew-submit-diagnosis-network--ports (entries)
  "Return the verdict on the ports of ENTRIES, or nil when none is shut."
  (let* ((state (lambda (port) (mew-submit-diagnosis-network--port entries port)))
         (shut (seq-filter (lambda (port) (eq (funcall state port) 'shut))
                           '(25 465 587)))
         (open (seq-filter (lambda (port) (eq (funcall state port) 'open))
                           '(587 465)))
         (count (length (mew-submit-diagnosis-network--hosts entries))))
    (cond
     ((null shut) nil)
     ((and (equal shut '(25)) open)
      (mew-submit-diagnosis-network--shut
       "op25b" "note" entries shut
       "Nothing, where you submit mail: that goes by the other port.  Who has to \
reach port 25, as a mail server does, asks the provider to open it \
(M-x mew-submit-letter)."
       "Port 25 is shut on this network, to all of %d servers, while %s answers" count
       (mew-submit-finding--port-words (list (car open)))))
     ((equal shut '(25)) nil)
     (open
      (mew-submit-diagnosis-network--shut
       "mail-ports-shut" "warning" entries shut
       (format "Send through port %d here (:routes \"%d:%s\"), or ask who runs this \
network to let the others through (M-x mew-submit-letter)."
               (car open) (car open) (if (= (car open) 465) "implicit" "starttls"))
       "%s %s shut on this network, to all of %d servers, while %s answers"
       (mew-submit-finding--port-words shut t) (if (cdr shut) "are" "is") count
       (mew-submit-finding--port-words (list (car open)))))
     (t
      (mew-submit-diagnosis-network--shut
       "mail-ports-shut" "error" entries shut
       "Send from another network, or through a tunnel (the account's :tunnel), or ask \
who runs this one to let mail through (M-x mew-submit-letter)."
       "%s %s shut on this network, to all of %d servers"
       (mew-submit-finding--port-words shut t) (if (cdr shut) "are" "is") count)))))

;;; Off line

(defun mew-submit-diagnosis-network--nobody-p (evidence)
  "Does nothing but this machine's surroundings answer in EVIDENCE?
Where there is no way at all it is no matter what the page does."
  (memq (plist-get (plist-get evidence :page) :state) '(nil failed)))

(defun mew-submit-diagnosis-network--offline (evidence entries)
  "Return the verdict that EVIDENCE and ENTRIES show no way out, or nil."
  (let* ((page (plist-get (plist-get evidence :page) :state))
         (lost (plist-get (plist-get evidence :dns) :failed))
         (unresolved (seq-some (lambda (diagnosis)
                                 (seq-some (lambda (lookup)
                                             (member (plist-get lookup :why)
                                                     '("resolver" "late" "system")))
                                           (plist-get diagnosis :lookups)))
                               (plist-get evidence :diagnoses)))
         (make (lambda (advice &rest words)
                 (apply #'mew-submit-diagnosis-network--make "offline" "error"
                        (list :sure t) advice words))))
    (cond
     ((not (mew-submit-diagnosis-network--nobody-p evidence)) nil)
     ((seq-some #'mew-submit-finding--answered-p entries) nil)
     ((null entries)
      (and (or unresolved
               ;; One name may be wrong; that of several nobody knows one is not.
               (and (eq page 'failed)
                    (cdr (seq-uniq (mapcar (lambda (diagnosis)
                                             (mew-submit-diagnosis-network--domain
                                              (plist-get diagnosis :host)))
                                           (plist-get evidence :diagnoses))))))
           (funcall make "Look at the network connection, and at the name servers in \
/etc/resolv.conf."
                    "No name can be looked up: this machine is off line, or its name \
servers do not answer.")))
     ((seq-every-p #'mew-submit-finding--routeless-p entries)
      (funcall make "Connect this machine: cable, radio, or VPN."
               "This machine has no way out: it is off line."))
     ((seq-every-p #'mew-submit-diagnosis-network--near-p entries)
      (funcall make "Look at cable, radio and router; switch the router off and on."
               "The router of this network does not answer: this machine is off line."))
     ((not (or (eq page 'failed) lost)) nil)
     ((and (mew-submit-diagnosis-network--several-p entries)
           (seq-every-p (lambda (entry)
                          (or (member (plist-get entry :case) '(4 5 "3 or 4"))
                              (mew-submit-diagnosis-network--near-p entry)))
                        entries))
      (funcall make "Nothing on this machine: wait, ask who runs the network, or use \
another one."
               "Nothing beyond this network answers, no mail server and no web page%s: \
it has no way to the Internet at present."
               (mew-submit-diagnosis-network--who
                (mew-submit-diagnosis-network--speakers entries)))))))

;;; Portals

(defconst mew-submit-diagnosis-network--portals
  (concat "\\b\\(captive\\|hotspot\\|securelogin\\|network-auth\\|wifi-?login\\|"
          "wlan-?login\\|guest-?\\(?:login\\|portal\\|wifi\\)\\|login-?portal\\|"
          "portal\\)\\b")
  "Regexp of the words by which portals that ask for a log-in are known.")

(defun mew-submit-diagnosis-network--bad-tls (entry)
  "Return the TLS of ENTRY whose certificate is not the server's, or nil."
  (let ((tls (plist-get entry :tls)))
    (and (consp tls) (not (plist-get tls :verified)) (not (plist-get tls :pinned))
         tls)))

(defun mew-submit-diagnosis-network--one-certificate (entries)
  "Return those of ENTRIES, of several servers, that show the same bad certificate."
  (seq-some (lambda (group)
              (and (car group)
                   (mew-submit-diagnosis-network--several-p (cdr group))
                   (cdr group)))
            (seq-group-by (lambda (entry)
                            (plist-get (mew-submit-diagnosis-network--bad-tls entry)
                                       :fingerprint))
                          entries)))

(defun mew-submit-diagnosis-network--greets-p (entry)
  "Does what answers in ENTRY greet as a mail server?"
  (eql (plist-get entry :greeting-code) 220))

(defun mew-submit-diagnosis-network--web-p (entry)
  "Does a web server answer in ENTRY?"
  (seq-some (lambda (text) (and text (string-match-p "\\bHTTP/[0-9]\\|<html" text)))
            (list (plist-get entry :greeting) (plist-get entry :text)
                  (plist-get (plist-get entry :end) :text))))

(defun mew-submit-diagnosis-network--portal-name (entries)
  "Return the name of a portal in a bad certificate of ENTRIES, or nil."
  (mew-submit-caseless--folding
    (seq-some (lambda (entry)
                (let ((tls (mew-submit-diagnosis-network--bad-tls entry)))
                  (seq-find (lambda (name)
                              (string-match-p mew-submit-diagnosis-network--portals
                                              name))
                            (delq nil (append (plist-get tls :names)
                                              (list (plist-get tls :subject)))))))
              entries)))

(defun mew-submit-diagnosis-network--portal (evidence entries)
  "Return the verdict that a portal is in the way, by EVIDENCE and ENTRIES, or nil."
  (let* ((page (plist-get evidence :page))
         (foreign (eq (plist-get page :state) 'foreign))
         (usable (mew-submit-diagnosis-network--usable-p entries))
         (mute (seq-remove #'mew-submit-diagnosis-network--greets-p entries))
         (same (mew-submit-diagnosis-network--one-certificate mute))
         (web (seq-filter #'mew-submit-diagnosis-network--web-p entries))
         (name (mew-submit-diagnosis-network--portal-name mute))
         (how (cond (foreign
                     (format "somebody else answers for the web page %s%s"
                             (plist-get page :url)
                             (if (plist-get page :location)
                                 (format " and sends you to %s"
                                         (plist-get page :location))
                               "")))
                    (name (format "what answers has a certificate for %s" name))
                    (same "several servers answer with one certificate that is not theirs, \
and do not greet")
                    ((mew-submit-diagnosis-network--several-p web)
                     "a web server answers in place of several mail servers"))))
    (when how
      (mew-submit-diagnosis-network--make
       "captive-portal" (if usable "note" "error")
       (list :sure (and (or foreign name) t)
             :hosts (mew-submit-diagnosis-network--hosts (or same web)))
       (if usable
           "Nothing for mail, which goes out.  Web pages may want a log-in."
         "Open any web page in a browser, log in or agree there, then send again.")
       "This network wants you to log in on a web page first: %s." how))))

;;; Names

(defun mew-submit-diagnosis-network--nowhere-p (entry)
  "Is the address of ENTRY one that no public server has?"
  (let ((address (plist-get entry :address))
        (host (plist-get entry :host)))
    (and (not (equal address host))
         (not (string-match-p "\\`localhost\\b\\|\\`[^.]*\\'" host))
         (or (string-match-p "\\`\\(?:127\\.\\|0\\.\\)\\|\\`::1?\\'" address)
             (and (plist-get entry :reference)
                  (string-match-p
                   (concat "\\`\\(?:10\\.\\|192\\.168\\.\\|169\\.254\\.\\|"
                           "172\\.\\(?:1[6-9]\\|2[0-9]\\|3[01]\\)\\.\\|"
                           "f[cd][0-9a-f][0-9a-f]:\\|fe[89ab][0-9a-f]:\\)")
                   address))))))

(defun mew-submit-diagnosis-network--reference-p (entry)
  "Is the server of ENTRY known to listen?"
  (plist-get entry :reference))

(defun mew-submit-diagnosis-network--shared (entries)
  "Return those of ENTRIES that share an address with another domain's server.
Many domains are at one provider, so that where ENTRIES have references, which
are not, one of those has to be there."
  (seq-some (lambda (group)
              (and (or (seq-some #'mew-submit-diagnosis-network--reference-p (cdr group))
                       (not (seq-some #'mew-submit-diagnosis-network--reference-p entries)))
                   (cdr (seq-uniq
                         (mapcar (lambda (entry)
                                   (mew-submit-diagnosis-network--domain
                                    (plist-get entry :host)))
                                 (cdr group))))
                   (not (seq-some #'mew-submit-diagnosis--secure-p (cdr group)))
                   (cdr group)))
            (seq-group-by (lambda (entry) (plist-get entry :address)) entries)))

(defun mew-submit-diagnosis-network--own-p (entry entries)
  "Is the server of ENTRY, one of ENTRIES, this machine, as the user has it?
Then it greets by that name: /etc/hosts has one of this machine at 127.0.1.1."
  (seq-some (lambda (other)
              (and (equal (plist-get other :host) (plist-get entry :host))
                   (not (plist-get other :reference))
                   (equal (mew-submit-finding--who other)
                          (mew-submit-caseless--down (plist-get entry :host)))))
            entries))

(defun mew-submit-diagnosis-network--poisoned (evidence entries)
  "Return the verdict that DNS lies here, by EVIDENCE and ENTRIES, or nil."
  (let* ((invalid (plist-get (plist-get evidence :dns) :invalid))
         (nowhere (seq-remove (lambda (entry)
                                (or (mew-submit-diagnosis--secure-p entry)
                                    (mew-submit-diagnosis-network--own-p entry entries)))
                              (seq-filter #'mew-submit-diagnosis-network--nowhere-p
                                          entries)))
         (shared (mew-submit-diagnosis-network--shared entries))
         (those (or nowhere shared))
         (how (cond
               (nowhere (format "%s is said to be at %s"
                                (plist-get (car nowhere) :host)
                                (plist-get (car nowhere) :address)))
               (shared (format "%s are all said to be at %s"
                               (mew-submit-finding--and
                                (mew-submit-diagnosis-network--hosts shared))
                               (plist-get (car shared) :address)))
               (invalid (format "a name that does not exist is said to be at %s"
                                (car invalid))))))
    (when how
      (mew-submit-diagnosis-network--make
       "dns-poisoned"
       (if (mew-submit-diagnosis-network--usable-p entries) "warning" "error")
       (list :sure t :hosts (mew-submit-diagnosis-network--hosts those))
       "Use other name servers (/etc/resolv.conf, or the settings of the network), \
or another network.  mew-submit gives nothing to a server whose certificate is wrong."
       "The name servers of this network give wrong addresses: %s." how))))

;;; Large packets

(defun mew-submit-diagnosis-network--stalled-p (entry)
  "Did ENTRY wait in vain for what is large, the server's certificates?"
  (equal (plist-get (plist-get entry :end) :failure) "timeout"))

(defun mew-submit-diagnosis-network--mtu (entries)
  "Return the verdict that large packets of ENTRIES are lost, or nil."
  (let ((stalled (seq-filter #'mew-submit-diagnosis-network--stalled-p entries)))
    (when (and (mew-submit-diagnosis-network--several-p stalled)
               (not (seq-some (lambda (entry) (plist-get entry :tls)) entries))
               (seq-some (lambda (entry) (plist-get entry :capabilities-clear)) stalled))
      (mew-submit-diagnosis-network--make
       "mtu" "error" (list :hosts (mew-submit-diagnosis-network--hosts stalled))
       "Send from another network, or without the VPN; tell who runs this one, or the \
VPN, that even packets of 1280 bytes are lost there, and to let ICMP \"packet too big\" \
through."
       "Large packets are lost on this network: %d servers greet, and then the TLS \
handshake stalls."
       (length (mew-submit-diagnosis-network--hosts stalled))))))

;;; Proxies

(defun mew-submit-diagnosis-network--stranger (entry)
  "Return what ENTRY's peer, not the server, is called, or nil.
With a good certificate it is the server, whatever it calls itself."
  (let ((name (mew-submit-finding--who entry))
        (greeting (or (plist-get entry :greeting) "")))
    (cond ((mew-submit-diagnosis--secure-p entry) nil)
          ((not (mew-submit-diagnosis-network--greets-p entry)) nil)
          ((string-match "\\`220[ -]\\([*X]\\{4,\\}\\)" greeting) "asterisks")
          ((equal (plist-get entry :starttls) "mangled") "mangled")
          ((and name
                (not (equal (mew-submit-diagnosis-network--domain name)
                            (mew-submit-diagnosis-network--domain
                             (plist-get entry :host)))))
           name))))

(defun mew-submit-diagnosis-network--one-issuer (entries)
  "Return those of ENTRIES, of several servers, with one issuer nobody knows.
Who looks into TLS makes each server's certificate anew.  Since a company may
well have made those of its own servers, and where a machine lacks the issuer
of some, or all, those servers are no worse for it, it has to be that of all the
known ones."
  (seq-some (lambda (group)
              (and (car group)
                   (mew-submit-diagnosis-network--several-p (cdr group))
                   (seq-some #'mew-submit-diagnosis-network--reference-p (cdr group))
                   (let ((hosts (mew-submit-diagnosis-network--hosts (cdr group))))
                     (seq-every-p (lambda (entry)
                                    (or (not (mew-submit-diagnosis-network--reference-p entry))
                                        (not (consp (plist-get entry :tls)))
                                        (member (plist-get entry :host) hosts)))
                                  entries))
                   (cdr group)))
            (seq-group-by (lambda (entry)
                            (let ((tls (mew-submit-diagnosis-network--bad-tls entry)))
                              (and (member "issuer" (plist-get tls :problems))
                                   (plist-get tls :issuer))))
                          entries)))

(defun mew-submit-diagnosis-network--proxy (entries)
  "Return the verdict that a proxy answers in ENTRIES, or nil."
  (let* ((groups (seq-filter
                  (lambda (group)
                    (and (car group)
                         (mew-submit-diagnosis-network--several-p (cdr group))))
                  (seq-group-by #'mew-submit-diagnosis-network--stranger entries)))
         (same (mew-submit-diagnosis-network--one-certificate
                (seq-filter #'mew-submit-diagnosis-network--greets-p entries)))
         (issued (mew-submit-diagnosis-network--one-issuer entries))
         (those (or (cdar groups) same issued))
         (hosts (mew-submit-diagnosis-network--hosts those)))
    (when those
      (mew-submit-diagnosis-network--make
       "smtp-proxy"
       (if (mew-submit-diagnosis-network--usable-p entries) "warning" "error")
       (list :sure t :hosts hosts :ports (mew-submit-finding--ports those))
       (concat "Send through a port that it leaves alone (465 most often), or from another \
network; mew-submit gives it neither password nor mail."
               (if (eq those issued)
                   "  Where it is your company's, and may read your mail, it has a file with its \
issuer's certificate for you (the account's :ca-file)."
                 ""))
       "Somebody on this network answers in the mail servers' place at %s: %s."
       (mew-submit-finding--where those)
       (pcase (caar groups)
         ((guard (eq those issued))
          (format "%d servers show certificates of one issuer that nobody here knows (%s)"
                  (length hosts)
                  (plist-get (plist-get (car issued) :tls) :issuer)))
         ('nil (format "%d servers show one certificate that is not theirs"
                       (length hosts)))
         ("asterisks" (format "the greetings of %d servers are written over"
                              (length hosts)))
         ("mangled" (format "what %d servers offer is written over" (length hosts)))
         (name (format "%d servers all call themselves %s" (length hosts) name)))))))

;;; IPv6 alone

(defun mew-submit-diagnosis-network--nat64 (evidence entries)
  "Return the verdict that EVIDENCE and ENTRIES show IPv6 and NAT64, or nil."
  (let* ((told (plist-get (plist-get evidence :dns) :nat64))
         (made (seq-filter (lambda (entry)
                             (string-prefix-p "64:ff9b:" (plist-get entry :address)))
                           entries))
         (ipv4 (seq-filter (lambda (entry) (equal (plist-get entry :family) "ipv4"))
                           entries)))
    (when (and (or told made)
               (seq-every-p #'mew-submit-finding--routeless-p ipv4))
      (mew-submit-diagnosis-network--make
       "nat64" "note" (list :sure t :hosts (mew-submit-diagnosis-network--hosts made))
       "Nothing, as long as servers are called by name; an address such as 192.0.2.1 \
as :server cannot be reached here."
       "This network has IPv6 alone, and translates to IPv4 for you (NAT64%s)."
       (if told (format ", %s" (car told)) "")))))

;;; A survey

(defconst mew-submit-diagnosis-network--sample 20
  "How many servers of a survey are judged by; more tell nothing new.")

(defun mew-submit-diagnosis-network--of-survey (results)
  "Return the evidence that RESULTS, records of a survey, are.
They know of ports; what was said there they do not keep."
  (list
   :diagnoses
   (mapcar
    (lambda (result)
      (list :host (plist-get result :host) :done '(:kind "ok")
            :attempts
            (mapcar
             (lambda (attempt)
               (append (list :state 'ended :tls nil :greeting nil
                             :greeting-code (and (or (plist-get attempt :greeting)
                                                     (plist-get attempt :tls))
                                                 220)
                             :service (if (eql (plist-get attempt :port) 25)
                                          'transfer
                                        'submission)
                             :address (or (plist-get attempt :address) "")
                             :usable (and (plist-get attempt :verified)
                                          (plist-get attempt :auth)))
                       attempt))
             (seq-filter (lambda (attempt)
                           (memql (plist-get attempt :port) '(25 465 587)))
                         (plist-get result :attempts)))))
    (seq-take results mew-submit-diagnosis-network--sample))))

(defun mew-submit-diagnosis-network--survey (results)
  "Return the verdict on the network that RESULTS of a survey allow, or nil."
  (let* ((evidence (mew-submit-diagnosis-network--of-survey results))
         (entries (mew-submit-diagnosis-network--entries evidence)))
    (or (mew-submit-diagnosis-network--offline evidence entries)
        (mew-submit-diagnosis-network--ports entries))))

;;; All of them

(defun mew-submit-diagnosis-network--rest (evidence entries)
  "Return the verdict where EVIDENCE and ENTRIES have nothing against the network."
  (if (mew-submit-diagnosis-network--usable-p entries)
      (mew-submit-diagnosis-network--make
       "clear" "ok" (list :sure t) "Nothing."
       "Nothing in this network is in the way of mail.")
    (mew-submit-diagnosis-network--make
     "unclear" "warning" nil
     "Name more servers (mew-submit-network-servers), or diagnose one of them \
(M-x mew-submit-diagnose)."
     "%s" (if (mew-submit-diagnosis-network--several-p entries)
              (if (cdr (seq-uniq (mapcar (lambda (entry) (plist-get entry :case)) entries)))
                  "No mail can be submitted, and each server has a reason of its own."
                "No mail can be submitted: the same is met at every server, and it does not \
tell whether it is the servers or the network.")
            (format "What is met at %s does not tell whether it is the server or the \
network."
                    (mew-submit-finding--and
                     (or (mapcar (lambda (diagnosis) (plist-get diagnosis :host))
                                 (plist-get evidence :diagnoses))
                         '("no server"))))))))

(defun mew-submit-diagnosis-network--list (evidence &optional family)
  "Return the verdicts on EVIDENCE, the one that matters most first.
With FAMILY, \"ipv4\" or \"ipv6\", it is about that one alone."
  (let* ((entries (mew-submit-diagnosis-network--entries evidence family))
         ;; The page may have come by the other family.
         (offline (mew-submit-diagnosis-network--offline
                   (if family (append '(:page nil) evidence) evidence) entries))
         (portal (mew-submit-diagnosis-network--portal evidence entries))
         (mtu (mew-submit-diagnosis-network--mtu entries))
         (verdicts
          (cond (offline (list offline))
                ;; Behind a portal nothing else says anything.
                ((equal (plist-get portal :severity) "error") (list portal))
                (t (delq nil
                         (list portal
                               (mew-submit-diagnosis-network--poisoned evidence entries)
                               mtu
                               (mew-submit-diagnosis-network--proxy entries)
                               (mew-submit-diagnosis-network--ports
                                (if mtu
                                    (seq-remove #'mew-submit-diagnosis-network--stalled-p
                                                entries)
                                  entries))
                               (mew-submit-diagnosis-network--nat64 evidence
                                                                    entries)))))))
    (or (seq-sort-by (lambda (verdict)
                       (seq-position '("error" "warning" "note")
                                     (plist-get verdict :severity)))
                     #'< verdicts)
        (list (mew-submit-diagnosis-network--rest evidence entries)))))

(defun mew-submit-diagnosis-network--clause (verdict)
  "Return VERDICT in a clause."
  (let ((ports (plist-get verdict :ports)))
    (if (equal (plist-get verdict :id) "mail-ports-shut")
        (format "this network shuts %s" (mew-submit-finding--port-words ports))
      (cdr (assoc (plist-get verdict :id) mew-submit-diagnosis-network--clauses)))))

(provide 'mew-submit-diagnosis-network)
;;; mew-submit-diagnosis-network.el ends here
