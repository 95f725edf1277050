;;; mew-submit-domain-zone.el --- What a domain's records say about its mail -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the look at a domain: its records (MX, SRV of RFC 6186 and RFC
;; 8314, MTA-STS, TLSA), a diagnosis of each server they name, and the findings made
;; of both.  mew-submit-domain.el shows them.
;;
;; A zone is a plist:
;;   :domain   the name that was asked for
;;   :answers  a list of (KEY . ANSWER): mx, submission, submissions, mta-sts, tls-rpt,
;;             (tlsa HOST), as mew-submit-dns.el answers
;;   :servers  a list of (ROLE HOST PORT DIAGNOSIS), ROLE being `mx' or `submission'
;;   :issuers  a list of (HOST . DIAGNOSIS), by the issuer that TLSA records name alone
;;   :policy   the policy of MTA-STS (mew-submit-domain-policy.el), once it is known
;;   :left     how many questions and diagnoses have not ended
;;   :stopped  non-nil when it was told to stop

;;; Code:

(require 'cl-lib)
(require 'mew-submit-address)
(require 'mew-submit-caseless)
(require 'mew-submit-diagnosis)
(require 'mew-submit-dns)
(require 'mew-submit-domain-dane)
(require 'mew-submit-domain-policy)
(require 'mew-submit-error)
(require 'mew-submit-finding-make)
(require 'mew-submit-probe)
(require 'mew-submit-job)
(require 'seq)
(require 'subr-x)

(defconst mew-submit-domain-zone--servers-max 10
  "How many servers of a kind are looked at.")

;;; The look

(defun mew-submit-domain-zone--count (zone change)
  "Add CHANGE to what is left of ZONE, and tell."
  (plist-put zone :left (+ change (plist-get zone :left)))
  (unless (plist-get zone :stopped)
    (when (plist-get zone :on-change)
      (funcall (plist-get zone :on-change) zone))
    (when (and (zerop (plist-get zone :left)) (plist-get zone :on-end))
      (funcall (plist-get zone :on-end) zone))))

(defun mew-submit-domain-zone--ask (zone key name type &optional then)
  "Ask for the records of TYPE that NAME has, and keep them in ZONE as KEY.
Call THEN with the answer."
  (mew-submit-domain-zone--count zone 1)
  (plist-put
   zone :queries
   (cons (mew-submit-dns--ask
          name type
          (lambda (answer)
            (plist-put zone :answers
                       (append (plist-get zone :answers)
                               (list (cons key answer))))
            (unwind-protect
                (when (and then (not (plist-get zone :stopped)))
                  (funcall then answer))
              (mew-submit-domain-zone--count zone -1))))
         (plist-get zone :queries))))

(defun mew-submit-domain-zone--look (zone role host ports)
  "Diagnose PORTS of HOST for ZONE, where its part is ROLE."
  (condition-case err
      (let ((diagnosis
             (mew-submit-probe--start
              (append (list :server host) (plist-get zone :account))
              :ports ports
              :on-event (lambda (_diagnosis _event)
                          (mew-submit-domain-zone--count zone 0))
              :on-done (lambda (_diagnosis)
                         (unwind-protect
                             (when (eq role 'mx)
                               (mew-submit-domain-zone--look-for-issuer zone host))
                           (mew-submit-domain-zone--count zone -1))))))
        (plist-put zone :servers
                   (append (plist-get zone :servers)
                           (list (list role host (caar ports) diagnosis))))
        (mew-submit-domain-zone--count zone 1))
    (mew-submit-error
     (plist-put zone :servers
                (append (plist-get zone :servers)
                        (list (list role host (caar ports)
                                    (list :host host :attempts nil
                                          :done (mew-submit-error--done err)))))))))

(defun mew-submit-domain-zone--mx (zone)
  "Return the hosts that take mail for ZONE, the preferred ones first.
Without MX records that is the domain itself; with the null MX there is none."
  (let ((answer (mew-submit-domain-zone--answer zone 'mx)))
    (pcase (plist-get answer :status)
      ('ok (seq-take
            (seq-uniq
             (delq nil (mapcar (lambda (mx) (plist-get mx :host))
                               (seq-sort-by
                                (lambda (mx) (plist-get mx :preference)) #'<
                                (plist-get answer :answers))))
             (lambda (a b) (equal (mew-submit-caseless--down a)
                                  (mew-submit-caseless--down b))))
            mew-submit-domain-zone--servers-max))
      ('none (list (plist-get zone :domain))))))

(defun mew-submit-domain-zone--prefix (host)
  "Return what the name HOST promises: \"smtps-\", \"starttls-\" or nil."
  (seq-find (lambda (prefix) (string-prefix-p prefix host t))
            '("smtps-" "starttls-")))

(defun mew-submit-domain-zone--look-at-mx (zone)
  "Look at the hosts that take mail for ZONE.
What is an address and no name is none (RFC 5321, section 5.1)."
  (dolist (host (seq-remove #'mew-submit-address--numeric-p
                            (mew-submit-domain-zone--mx zone)))
    (when (eq 'ok (plist-get (mew-submit-domain-zone--answer zone 'mx) :status))
      (mew-submit-domain-zone--ask zone (list 'alias host) host 'CNAME))
    (mew-submit-domain-zone--ask zone (list 'tlsa host) (concat "_25._tcp." host) 'TLSA
                                 (lambda (_)
                                   (mew-submit-domain-zone--look-for-issuer zone host)))
    (mew-submit-domain-zone--look
     zone 'mx host
     (mapcar #'mew-submit-probe--port
             (if (equal (mew-submit-domain-zone--prefix host) "smtps-")
                 '(26 25)
               '(25))))))

(defun mew-submit-domain-zone--issuer (zone host)
  "Return the issuer's certificate by which ZONE's TLSA records judge HOST, or nil.
It is one of usage 2: of the chain of HOST, or in the record itself."
  (let* ((answer (mew-submit-domain-zone--answer zone (list 'tlsa host)))
         (records (plist-get answer :answers))
         (diagnosis (mew-submit-domain-zone--diagnosis zone host))
         (chain (seq-some (lambda (attempt)
                            (mew-submit-domain-dane--octets
                             (plist-get attempt :certificates)))
                          (plist-get diagnosis :attempts)))
         (match (mew-submit-domain-dane--match records chain)))
    (cond ((null chain) nil)
          ;; What is not validated says nothing.
          ((not (plist-get answer :authentic)) nil)
          ((eql (plist-get (car match) :usage) 2) (cdr match))
          ((null match) (mew-submit-domain-dane--in-record records)))))

(defun mew-submit-domain-zone--look-for-issuer (zone host)
  "Look at port 25 of HOST once more for ZONE, if its issuer is to be checked.
That is where TLSA records name an issuer (usage 2): the module judges by that
one alone."
  (when-let* (((not (plist-get zone :stopped)))
              ((plist-get (mew-submit-domain-zone--diagnosis zone host) :done))
              ((null (assoc host (plist-get zone :issuers))))
              (issuer (mew-submit-domain-zone--issuer zone host)))
    (let (file)
      (condition-case err
          (let ((diagnosis
                 (progn
                   (setq file (make-temp-file "mew-submit-issuer-" nil ".pem"
                                              (mew-submit-domain-dane--pem issuer)))
                   (mew-submit-probe--start
                    (append (list :server host :ca-file file) (plist-get zone :account))
                    :ports (list (mew-submit-probe--port 25))
                    :on-done (lambda (_)
                               (ignore-errors (delete-file file))
                               (mew-submit-domain-zone--count zone -1))))))
            (plist-put zone :issuers (cons (cons host diagnosis)
                                           (plist-get zone :issuers)))
            (mew-submit-domain-zone--count zone 1))
        ;; Where no file can be written, the rest of the look goes on.
        ((mew-submit-error file-error)
         (when file
           (ignore-errors (delete-file file)))
         (plist-put zone :issuers
                    (cons (cons host (list :host host :attempts nil
                                           :done (mew-submit-error--done err)))
                          (plist-get zone :issuers))))))))

(defun mew-submit-domain-zone--fetch-policy (zone answer)
  "Fetch the MTA-STS policy of ZONE if ANSWER, of TXT, announces one."
  (when (mew-submit-domain-zone--sts-records answer)
    (mew-submit-domain-zone--count zone 1)
    (plist-put zone :stop-policy
               (mew-submit-domain-policy--fetch
                (plist-get zone :domain)
                (plist-get (plist-get zone :account) :ca-file)
                (lambda (policy)
                  (plist-put zone :policy policy)
                  (mew-submit-domain-zone--count zone -1))))))

(defun mew-submit-domain-zone--srv (answer)
  "Return the records in ANSWER, of SRV, in the order of trying.
Those whose target is the root are left out: they say that there is none."
  (sort (seq-filter (lambda (srv) (and (plist-get srv :target)
                                       (< 0 (plist-get srv :port))))
                    (plist-get answer :answers))
        (lambda (a b)
          (or (< (plist-get a :priority) (plist-get b :priority))
              (and (= (plist-get a :priority) (plist-get b :priority))
                   (> (plist-get a :weight) (plist-get b :weight)))))))

(defun mew-submit-domain-zone--look-at-srv (zone answer mode)
  "Look at the servers in ANSWER, of SRV, for ZONE, which use TLS in MODE."
  (dolist (srv (seq-take (mew-submit-domain-zone--srv answer)
                         mew-submit-domain-zone--servers-max))
    (mew-submit-domain-zone--look zone 'submission (plist-get srv :target)
                                  (list (list (plist-get srv :port) mode
                                              'submission)))))

(defun mew-submit-domain-zone--name (domain)
  "Return the name of DOMAIN, of which a mail address may be given.
Signal `mew-submit-message' when that is no name."
  (let ((name (mew-submit-address--host
               (string-trim (replace-regexp-in-string "\\`[^@]+@" "" domain)))))
    (when (mew-submit-address--numeric-p name)
      (mew-submit-error--throw 'message nil "Not a domain but an address: %s" name))
    name))

(cl-defun mew-submit-domain-zone--start (domain &key account on-change on-end)
  "Begin a look at DOMAIN, and return the zone, which is filled in the background.
ACCOUNT is a plist with what the diagnoses need besides the server, such as
:ca-file.  ON-CHANGE is called with the zone when there is more, ON-END at the
end.  Signal `mew-submit-message' when DOMAIN is no name."
  (let* ((name (mew-submit-domain-zone--name domain))
         (zone (list :domain name :answers nil :servers nil :left 1 :stopped nil
                     :queries nil :account account :policy nil :issuers nil
                     :stop-policy nil
                     :on-change on-change :on-end on-end)))
    (mew-submit-domain-zone--ask zone 'mx name 'MX
                                 (lambda (_) (mew-submit-domain-zone--look-at-mx zone)))
    (mew-submit-domain-zone--ask zone 'submissions (concat "_submissions._tcp." name)
                                 'SRV
                                 (lambda (answer)
                                   (mew-submit-domain-zone--look-at-srv zone answer 'implicit)))
    (mew-submit-domain-zone--ask zone 'submission (concat "_submission._tcp." name) 'SRV
                                 (lambda (answer)
                                   (mew-submit-domain-zone--look-at-srv zone answer 'starttls)))
    (mew-submit-domain-zone--ask zone 'mta-sts (concat "_mta-sts." name) 'TXT
                                 (lambda (answer)
                                   (mew-submit-domain-zone--fetch-policy zone answer)))
    (mew-submit-domain-zone--ask zone 'tls-rpt (concat "_smtp._tls." name) 'TXT)
    (mew-submit-domain-zone--count zone -1)
    zone))

(defun mew-submit-domain-zone--stop (zone)
  "Stop the look at ZONE."
  (unless (zerop (plist-get zone :left))
    (plist-put zone :stopped t)
    (mapc #'mew-submit-dns--cancel (plist-get zone :queries))
    (when (plist-get zone :stop-policy)
      (funcall (plist-get zone :stop-policy)))
    (dolist (diagnosis (append (mapcar (lambda (server) (nth 3 server))
                                       (plist-get zone :servers))
                               (mapcar #'cdr (plist-get zone :issuers))))
      (when (plist-get diagnosis :session)
        (mew-submit-job--cancel (plist-get diagnosis :session))))))

(defun mew-submit-domain-zone--ended-p (zone)
  "Is there nothing more to come for ZONE?"
  (or (plist-get zone :stopped) (zerop (plist-get zone :left))))

(defun mew-submit-domain-zone--answer (zone key)
  "Return the answer that ZONE has for KEY, or nil."
  (cdr (assoc key (plist-get zone :answers))))

;;; Servers

(defun mew-submit-domain-zone--diagnosis (zone host)
  "Return the diagnosis of HOST, which takes mail for ZONE, or nil."
  (nth 3 (seq-find (lambda (server) (and (eq (car server) 'mx) (equal (nth 1 server) host)))
                   (plist-get zone :servers))))

(defun mew-submit-domain-zone--sts-records (answer)
  "Return the records in ANSWER, of TXT, that announce MTA-STS."
  (seq-filter (lambda (text) (string-match-p "\\`v=STSv1;" text))
              (plist-get answer :answers)))

(defun mew-submit-domain-zone--best (diagnosis port)
  "Return the attempt of DIAGNOSIS at PORT that came furthest, or nil."
  (mew-submit-diagnosis--best (mew-submit-diagnosis--attempts-at diagnosis port)))

(defun mew-submit-domain-zone--worst (diagnosis port)
  "Return the first attempt of DIAGNOSIS at PORT that answers without good TLS.
Where there is none it is the one that came furthest, or nil: senders take any
of the addresses of a server."
  (let ((attempts (mew-submit-diagnosis--attempts-at diagnosis port)))
    (or (seq-find (lambda (attempt)
                    (and (mew-submit-domain-zone--answers-p attempt)
                         (plist-get attempt :end)
                         (mew-submit-domain-zone--secure attempt)))
                  attempts)
        (mew-submit-diagnosis--best attempts))))

(defun mew-submit-domain-zone--answers-p (attempt)
  "Did TCP get through in ATTEMPT?"
  (member (plist-get attempt :case) '(1 "tls" "greeting")))

(defun mew-submit-domain-zone--silent-p (attempt)
  "Has ATTEMPT, one that was made, heard nothing of its server?"
  (not (member (plist-get attempt :case) '(nil 1 "tls" "greeting" 2 "2 or 3"))))

(defun mew-submit-domain-zone--secure (attempt)
  "Return nil when ATTEMPT has TLS with a good certificate, or else why not."
  (let ((tls (plist-get attempt :tls))
        (stripped (member (plist-get attempt :starttls) '("missing" "mangled"))))
    (cond ((null attempt) "it was not reached")
          ;; It may know STARTTLS all the same, but nobody would try.
          ((and (mew-submit-diagnosis--secure-p attempt) (not stripped)) nil)
          ((not (mew-submit-domain-zone--answers-p attempt))
           (format "port %s does not answer: %s" (plist-get attempt :port)
                   (or (plist-get attempt :text) "")))
          (stripped
           (format "STARTTLS is %s on port %s" (plist-get attempt :starttls)
                   (plist-get attempt :port)))
          (tls (format "its certificate is not good: %s"
                       (or (plist-get tls :unverified)
                           "it was only had by asking for less")))
          ((not (member (plist-get (plist-get attempt :end) :text) '(nil "")))
           (plist-get (plist-get attempt :end) :text))
          (t (or (plist-get attempt :text) "there is no TLS")))))

(defun mew-submit-domain-zone--prefix-kept (host diagnosis)
  "Return t if HOST is as its prefix has promised, by DIAGNOSIS; else why not.
Return nil when its name has none, or nobody can tell from here."
  (when-let* ((ports (pcase (mew-submit-domain-zone--prefix host)
                       ("smtps-" '(26 25))
                       ("starttls-" '(25))))
              ((plist-get diagnosis :done))
              (attempts (mapcar (lambda (port) (mew-submit-domain-zone--best diagnosis port))
                                ports))
              ;; A network that blocks these ports says nothing of the server.
              ((seq-some #'mew-submit-domain-zone--answers-p attempts))
              (told (seq-remove #'mew-submit-domain-zone--silent-p attempts)))
    (or (seq-some #'mew-submit-domain-zone--secure told)
        (equal told attempts))))

(defun mew-submit-domain-zone--tls-names-p (tls domain)
  "Is the certificate in TLS for DOMAIN?"
  (seq-some (lambda (name)
              (let ((name (mew-submit-caseless--down name))
                    (domain (mew-submit-caseless--down domain)))
                (or (equal name domain)
                    (and (string-prefix-p "*." name)
                         (string-match "\\." domain)
                         (equal (substring name 1)
                                (substring domain (match-beginning 0)))))))
            (plist-get tls :names)))

(defun mew-submit-domain-zone--role (zone role)
  "Return the servers of ZONE whose part is ROLE: (HOST PORT DIAGNOSIS)."
  (mapcar #'cdr (seq-filter (lambda (server) (eq (car server) role))
                            (plist-get zone :servers))))

;;; Findings

(defun mew-submit-domain-zone--finding (id severity text &optional advice)
  "Return the finding ID of SEVERITY: TEXT, and what to do, ADVICE."
  (list :id id :severity severity :text (mew-submit-error--clean text)
        :advice (and advice (mew-submit-error--clean advice))))

(defun mew-submit-domain-zone--failures (zone)
  "Return findings about questions of ZONE that nobody has answered."
  (let ((failed (seq-filter (lambda (entry)
                              (eq (plist-get (cdr entry) :status) 'failed))
                            (plist-get zone :answers))))
    (when failed
      (list (mew-submit-domain-zone--finding
             "dns-failed" "error"
             (format "%d of %d questions had no answer: %s" (length failed)
                     (length (plist-get zone :answers))
                     (plist-get (cdar failed) :why))
             (if (< (length failed) (length (plist-get zone :answers)))
                 "Try again.  When it is the same, tell who runs the domain to look at its \
name servers and its signatures (DNSSEC): other names are answered here."
               "Check the network and /etc/resolv.conf, then try again."))))))

(defun mew-submit-domain-zone--mx-findings (zone)
  "Return findings about who takes mail for ZONE."
  (let* ((answer (mew-submit-domain-zone--answer zone 'mx))
         (domain (plist-get zone :domain)))
    (pcase (plist-get answer :status)
      ('no-name
       (list (mew-submit-domain-zone--finding
              "no-domain" "error" (format "There is no domain %s" domain)
              "Check how it is spelled.")))
      ('none
       (list (mew-submit-domain-zone--finding
              "implicit-mx" "note"
              (format "%s has no MX record, so that mail goes to the host of \
that name" domain))))
      ('ok (append
            (mew-submit-domain-zone--named-findings domain (mew-submit-domain-zone--mx zone))
            (mew-submit-domain-zone--null-findings domain (plist-get answer :answers))
            (mapcan (apply-partially #'mew-submit-domain-zone--alias-findings zone)
                    (mew-submit-domain-zone--mx zone)))))))

(defun mew-submit-domain-zone--null-findings (domain records)
  "Return a finding if RECORDS, the MX of DOMAIN, have a null MX beside others."
  (when (and (seq-some (lambda (mx) (plist-get mx :host)) records)
             (not (seq-every-p (lambda (mx) (plist-get mx :host)) records)))
    (list (mew-submit-domain-zone--finding
           "null-mx-mixed" "warning"
           (format "%s names servers, and says beside them that it takes no mail (null MX, \
RFC 7505)" domain)
           "Tell who runs the domain to delete one or the other: some senders bring it no \
mail."))))

(defun mew-submit-domain-zone--alias-findings (zone host)
  "Return a finding if HOST, which an MX record of ZONE names, is an alias.
It has to be the name of the host itself (RFC 2181, section 10.3; RFC 5321,
section 5.1)."
  (when-let* ((alias (car (plist-get (mew-submit-domain-zone--answer zone (list 'alias host))
                                     :answers))))
    (list (mew-submit-domain-zone--finding
           "mx-alias" "warning"
           (format "%s, which an MX record names, is an alias of %s" host alias)
           (format "Tell who runs the domain to name %s in the MX record: some senders \
bring no mail to an alias." alias)))))

(defun mew-submit-domain-zone--named-findings (domain hosts)
  "Return findings about HOSTS, which the MX records of DOMAIN name."
  (let ((addresses (seq-filter #'mew-submit-address--numeric-p hosts)))
    (cond
     ((null hosts)
      (list (mew-submit-domain-zone--finding
             "null-mx" "note" (format "%s takes no mail (null MX, RFC 7505)" domain))))
     (addresses
      (list (mew-submit-domain-zone--finding
             "mx-literal" "error"
             (format "An MX record of %s has the address %s where a name has to be" domain
                     (mew-submit-error--and addresses))
             "Tell who runs the domain to give that server a name: most senders bring no \
mail to an address."))))))

(defun mew-submit-domain-zone--here-p (attempt)
  "Did ATTEMPT go to this machine itself?"
  (and (plist-get attempt :address)
       (string-match-p "\\`\\(?:127\\.\\|0\\.0\\.0\\.0\\'\\|::1?\\'\\)"
                       (plist-get attempt :address))))

(defun mew-submit-domain-zone--way-findings (zone)
  "Return a finding about how mail for ZONE can leave from here."
  (let* ((diagnoses (mapcar (lambda (server) (nth 2 server))
                            (mew-submit-domain-zone--role zone 'mx)))
         (tried (seq-remove #'mew-submit-domain-zone--here-p
                            (delq nil (mapcar (lambda (diagnosis)
                                                (mew-submit-domain-zone--best diagnosis 25))
                                              diagnoses)))))
    (cond
     ((null tried) nil)
     ((seq-some #'mew-submit-domain-zone--answers-p tried)
      (list (mew-submit-domain-zone--finding
             "direct" "ok" "Port 25 of its servers can be reached from here, so \
that mail could be delivered directly")))
     ((or (plist-get zone :stopped)
          (not (seq-every-p (lambda (diagnosis) (plist-get diagnosis :done)) diagnoses)))
      nil)
     ((seq-every-p #'mew-submit-finding--routeless-p tried)
      (list (mew-submit-domain-zone--finding
             "mx-no-way" "note"
             (format "This machine has no way to any of its servers (%s): mail has to go \
by a smarthost, the submission server of your own account"
                     (mew-submit-error--and
                      (seq-uniq (mapcar #'mew-submit-finding--family tried))))
             "Nothing, if this network lacks that; else look at the connection, and try \
again.")))
     ((seq-every-p #'mew-submit-finding--refused-p tried)
      (list (mew-submit-domain-zone--finding
             "mx-refused" "warning"
             "Port 25 of all of its servers refuses connections: nobody takes mail there, \
or a network on the way says so"
             "Try from another network.  If it is the same, tell who runs the domain: mail \
to it comes back.")))
     (t (list (mew-submit-domain-zone--finding
               "smarthost" "note"
               (format "Port 25 of none of its servers can be reached from here \
(case %s), so that mail has to go by a smarthost: the submission server of your \
own account" (plist-get (car tried) :case))
               "That is as it should be on most networks: they block port 25."))))))

(defun mew-submit-domain-zone--by-tlsa-p (zone host)
  "Is the certificate of HOST in ZONE judged by TLSA records?
Then it need not be good for anybody else (RFC 7672, section 3.1)."
  (let ((answer (mew-submit-domain-zone--answer zone (list 'tlsa host))))
    (and (plist-get answer :authentic)
         (seq-some #'mew-submit-domain-dane--usable-p (plist-get answer :answers)))))

(defun mew-submit-domain-zone--insecure-finding (zone host address insecure)
  "Return a finding that HOST of ZONE is INSECURE at ADDRESS, or nil.
INSECURE are words that say why."
  (cond
   ((not (string-prefix-p "its certificate" insecure))
    (mew-submit-domain-zone--finding
     "mx-no-tls" "warning" (format "%s (%s): %s" host address insecure)
     "Tell who runs it to offer TLS: whoever is on the way can read mail to it."))
   ((not (mew-submit-domain-zone--by-tlsa-p zone host))
    (mew-submit-domain-zone--finding
     "mx-certificate" "warning" (format "%s (%s): %s" host address insecure)
     "Tell who runs it to get a good one: senders cannot tell that server from \
somebody on the way who poses as it."))))

(defun mew-submit-domain-zone--server-findings (zone server)
  "Return findings about SERVER of ZONE, (HOST PORT DIAGNOSIS), which takes mail."
  (pcase-let* ((`(,host ,_ ,diagnosis) server)
               (attempt (mew-submit-domain-zone--worst diagnosis 25))
               (insecure (mew-submit-domain-zone--secure attempt))
               (here (seq-find #'mew-submit-domain-zone--here-p
                               (mew-submit-diagnosis--attempts-at diagnosis 25)))
               (kept (mew-submit-domain-zone--prefix-kept host diagnosis)))
    (delq
     nil
     (list
      (pcase (plist-get (plist-get diagnosis :done) :kind)
        ((or 'nil "ok" "cancelled"))
        ("host" (mew-submit-domain-zone--finding
                 "mx-no-address" "error" (format "%s has no address" host)
                 "Mail for the domain is lost or late: tell who runs it."))
        ("message" (mew-submit-domain-zone--finding
                    "mx-no-name" "error"
                    (format "An MX record names \"%s\", which is no host name" host)
                    "Tell who runs the domain to correct it: nobody can bring mail there."))
        (_ (mew-submit-domain-zone--finding
            "mx-unknown" "error"
            (format "Nothing can be told of %s: %s" host
                    (plist-get (plist-get diagnosis :done) :text))
            "Try again, and from another network; if it is the same, tell who runs it.")))
      (when here
        (mew-submit-domain-zone--finding
         "mx-here" "warning"
         (format "%s has an address of this machine itself, %s: what is found there \
says nothing of the domain" host (plist-get here :address))
         "Where this machine is not that server, tell who runs the domain: every sender \
finds itself there."))
      (when (and insecure (mew-submit-domain-zone--answers-p attempt)
                 (plist-get attempt :end))
        (mew-submit-domain-zone--insecure-finding
         zone host (plist-get attempt :address) insecure))
      (cond ((eq kept t)
             (mew-submit-domain-zone--finding
              "prefix-kept" "ok"
              (format "%s keeps what its name promises" host)))
            (kept
             (mew-submit-domain-zone--finding
              "prefix-broken" "error"
              (format "%s does not keep what its name promises: %s" host kept)
              "Mend the server, or take the prefix off its name: whoever takes the \
name seriously sends it no mail.")))))))

(defun mew-submit-domain-zone--prefix-findings (zone)
  "Return a finding about prefixed names of ZONE that DNSSEC does not protect."
  (let ((answer (mew-submit-domain-zone--answer zone 'mx)))
    (when (and (seq-some #'mew-submit-domain-zone--prefix (mew-submit-domain-zone--mx zone))
               (not (plist-get answer :authentic)))
      (list (mew-submit-domain-zone--finding
             "prefix-unsigned" "warning"
             "The names of its servers promise TLS, but no DNSSEC protects the \
MX records: whoever changes those takes the promise away"
             "Sign the zone; then TLSA records (DANE) say the same and more.")))))

(defun mew-submit-domain-zone--offered (zone)
  "Return what the SRV records of ZONE say: `offered', `refused' or `none'.
Return nil when that is not known."
  (let* ((answers (mapcar (lambda (key) (mew-submit-domain-zone--answer zone key))
                          '(submissions submission)))
         (records (mapcan (lambda (answer)
                            (copy-sequence (plist-get answer :answers)))
                          answers)))
    (cond ((seq-some (lambda (srv) (plist-get srv :target)) records) 'offered)
          (records 'refused)
          ((seq-every-p (lambda (answer)
                          (memq (plist-get answer :status) '(none no-name)))
                        answers)
           'none))))

(defun mew-submit-domain-zone--srv-findings (zone)
  "Return findings about the SRV records of ZONE."
  (let ((domain (plist-get zone :domain)))
    (pcase (mew-submit-domain-zone--offered zone)
      ('refused
       (list (mew-submit-domain-zone--finding
              "srv-refused" "note"
              (format "%s says that it offers no submission of mail (SRV with \
the target \".\")" domain))))
      ('none
       (list (mew-submit-domain-zone--finding
              "srv-none" "note"
              (format "%s has no SRV records (RFC 6186, RFC 8314), so that no \
client can find its submission server by itself" domain)
              "Who runs it could add _submissions._tcp and _submission._tcp.")))
      ('offered
       (mapcan (lambda (server)
                 (mew-submit-domain-zone--submission-findings zone server))
               (mew-submit-domain-zone--role zone 'submission))))))

(defun mew-submit-domain-zone--signed-p (zone)
  "Did the resolver validate all SRV records of ZONE?"
  (seq-every-p (lambda (key)
                 (let ((answer (mew-submit-domain-zone--answer zone key)))
                   (or (not (eq (plist-get answer :status) 'ok))
                       (plist-get answer :authentic))))
               '(submission submissions)))

(defun mew-submit-domain-zone--submission-findings (zone server)
  "Return findings about SERVER, (HOST PORT DIAGNOSIS), by which ZONE takes mail."
  (pcase-let* ((`(,host ,port ,diagnosis) server)
               (domain (plist-get zone :domain))
               (attempt (mew-submit-domain-zone--best diagnosis port))
               (insecure (mew-submit-domain-zone--secure attempt))
               (place (format "%s, port %d," host port)))
    (cond
     ((member (plist-get (plist-get diagnosis :done) :kind) '(nil "cancelled")) nil)
     (insecure
      (list (mew-submit-domain-zone--finding
             "srv-unusable" "error"
             (format "%s is named by an SRV record and cannot be used: %s" place
                     (if attempt insecure
                       (plist-get (plist-get diagnosis :done) :text)))
             "Try from another network; if it is the same, tell who runs it.")))
     ((null (plist-get attempt :auth-tls))
      (list (mew-submit-domain-zone--finding
             "srv-no-auth" "warning"
             (format "%s offers no log-in" place)
             "Tell who runs it to offer log-ins there (AUTH, RFC 6409).")))
     ((not (or (mew-submit-domain-zone--signed-p zone)
               (mew-submit-domain-zone--tls-names-p (plist-get attempt :tls) domain)))
      (list (mew-submit-domain-zone--finding
             "srv-name" "warning"
             (format "%s has a certificate that is not for %s, and the SRV record \
is not signed: a client has to ask its user whether that is the right server"
                     place domain)
             "Compare the server's name with what the provider says.")))
     (t (list (mew-submit-domain-zone--finding
               "srv-usable" "ok" (format "%s can be used" place)))))))

(defun mew-submit-domain-zone--findings (zone)
  "Return the findings about ZONE, so far, but for what becomes of mail.
Those are mew-submit-domain-transfer.el's."
  (append (mew-submit-domain-zone--failures zone)
          (mew-submit-domain-zone--mx-findings zone)
          (mew-submit-domain-zone--way-findings zone)
          (mapcan (apply-partially #'mew-submit-domain-zone--server-findings zone)
                  (mew-submit-domain-zone--role zone 'mx))
          (mew-submit-domain-zone--prefix-findings zone)
          (mew-submit-domain-zone--srv-findings zone)))

;;; The client

(defun mew-submit-domain-zone--candidates (zone)
  "Return the SRV records of ZONE as (SRV . MODE), in the order of trying.
Of the same priority implicit TLS comes first (RFC 8314)."
  (seq-sort-by (lambda (candidate) (plist-get (car candidate) :priority)) #'<
               (append
                (mapcar (lambda (srv) (cons srv "implicit"))
                        (mew-submit-domain-zone--srv
                         (mew-submit-domain-zone--answer zone 'submissions)))
                (mapcar (lambda (srv) (cons srv "starttls"))
                        (mew-submit-domain-zone--srv
                         (mew-submit-domain-zone--answer zone 'submission))))))

(defun mew-submit-domain-zone--account (zone)
  "Return the account that a client would make of the SRV records of ZONE, or nil.
It has one server, the first, and all of its routes."
  (let* ((candidates (mew-submit-domain-zone--candidates zone))
         (server (plist-get (caar candidates) :target)))
    (when server
      (list :from (concat "@" (plist-get zone :domain))
            :server server
            :routes (mapconcat
                     (lambda (candidate)
                       (format "%d:%s" (plist-get (car candidate) :port)
                               (cdr candidate)))
                     (seq-filter (lambda (candidate)
                                   (equal server (plist-get (car candidate)
                                                            :target)))
                                 candidates)
                     ",")))))

(provide 'mew-submit-domain-zone)
;;; mew-submit-domain-zone.el ends here
