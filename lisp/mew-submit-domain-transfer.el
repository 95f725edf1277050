;;; mew-submit-domain-transfer.el --- What would become of mail to a domain -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns what a sender would do with mail for a domain, by what
;; mew-submit-domain-zone.el has seen: by the prefixes of its servers' names, by TLSA records
;; (DANE), by the policy of MTA-STS.  What has not been looked at is called announced.

;;; Code:

(require 'mew-submit-diagnosis)
(require 'mew-submit-domain-dane)
(require 'mew-submit-domain-policy)
(require 'mew-submit-domain-zone)
(require 'mew-submit-error)
(require 'seq)

;;; Prefixes: "smtps-" and "starttls-" (2019)

(defun mew-submit-domain-transfer--by-25 (diagnosis)
  "Return what a sender who insists on TLS does at port 25 of DIAGNOSIS.
That is (deliver . 25), (drop . WHY) or (unreached . WHY)."
  (let* ((attempt (mew-submit-domain-zone--best diagnosis 25))
         (insecure (mew-submit-domain-zone--secure attempt)))
    (cond ((null insecure) (cons 'deliver 25))
          ((mew-submit-domain-zone--answers-p attempt) (cons 'drop insecure))
          (t (cons 'unreached insecure)))))

(defun mew-submit-domain-transfer--act (host diagnosis)
  "Return what a sender does who takes the name of HOST seriously, by DIAGNOSIS.
It is as `mew-submit-domain-transfer--by-25' has it, with 26 for that port; nil
where the name has no prefix, or nothing is known yet.  Only who cannot be
reached at 26 is tried at 25: bad TLS there is no reason to ask for less."
  (when (plist-get diagnosis :done)
    (pcase (mew-submit-domain-zone--prefix host)
      ("starttls-" (mew-submit-domain-transfer--by-25 diagnosis))
      ("smtps-"
       (let* ((attempt (mew-submit-domain-zone--best diagnosis 26))
              (insecure (mew-submit-domain-zone--secure attempt)))
         (cond ((null insecure) (cons 'deliver 26))
               ((mew-submit-domain-zone--answers-p attempt) (cons 'drop insecure))
               (t (mew-submit-domain-transfer--by-25 diagnosis))))))))

(defun mew-submit-domain-transfer--act-finding (host act)
  "Return the finding that a sender does ACT at HOST."
  (pcase act
    (`(deliver . ,port)
     (mew-submit-domain-zone--finding
      "sender-delivers" "ok"
      (format "A sender who knows these names gives %s its mail by port %d, %s" host port
              (if (= port 26) "TLS at once" "after STARTTLS, and not without"))))
    (`(drop . ,why)
     (mew-submit-domain-zone--finding
      "sender-drops" "error"
      (format "A sender who knows these names hangs up on %s: %s" host why)
      "Mend that, or take the prefix off the name."))
    (`(unreached . ,why)
     (mew-submit-domain-zone--finding
      "sender-unreached" "note"
      (format "What a sender finds at %s cannot be told from here: %s" host why)
      "Try from a network that lets port 25 through."))))

(defun mew-submit-domain-transfer--outcome (acts)
  "Return the finding on what ACTS, of all servers in order, mean for the mail.
ACTS is a list of (HOST . ACT); an ACT of nil is a server without a prefix."
  (let ((first (seq-find (lambda (act) (not (eq (cadr act) 'drop))) acts))
        (plain (mapcar #'car (seq-filter (lambda (act) (null (cdr act))) acts))))
    (cond
     ((null first)
      (mew-submit-domain-zone--finding
       "prefix-no-mail" "error"
       "Mail from a sender who knows these names is not delivered at all: it waits, and \
comes back after days; a sender who does not know them delivers as ever"
       "Mend the servers, or take the prefixes off their names."))
     ((eq (cadr first) 'unreached) nil)
     (plain
      (mew-submit-domain-zone--finding
       "prefix-mixed" "warning"
       (format "Mail goes to %s; but %s %s nothing by its name, so whoever keeps senders \
from the others has the mail without TLS" (car first) (mew-submit-error--and plain)
               (if (cdr plain) "promise" "promises"))
       "Give all servers of the domain a prefix, or none."))
     (t
      (mew-submit-domain-zone--finding
       "prefix-mail" "ok"
       (format "Mail from a sender who knows these names goes to %s by port %d, always \
encrypted and to the right server" (car first) (cddr first)))))))

(defun mew-submit-domain-transfer--prefixes (zone)
  "Return findings about prefixes in ZONE, and what they mean for mail."
  (let ((acts (mapcar (pcase-lambda (`(,host ,_ ,diagnosis))
                        (cons host (mew-submit-domain-transfer--act host diagnosis)))
                      (mew-submit-domain-zone--role zone 'mx))))
    (when (and (seq-some (lambda (act) (mew-submit-domain-zone--prefix (car act))) acts)
               (seq-every-p (lambda (server) (plist-get (nth 2 server) :done))
                            (mew-submit-domain-zone--role zone 'mx)))
      (delq nil
            (append
             (mapcar (pcase-lambda (`(,host . ,act))
                       (and act (mew-submit-domain-transfer--act-finding host act)))
                     acts)
             (list (mew-submit-domain-transfer--outcome acts)))))))

;;; DANE (RFC 7672)

(defun mew-submit-domain-transfer--issuer-why (zone host)
  "Return nil when the issuer in ZONE's records vouches for HOST, else why not.
The certificate may be for the domain, too.  Return t while that is not known."
  (let* ((diagnosis (cdr (assoc host (plist-get zone :issuers))))
         (attempt (mew-submit-domain-zone--best diagnosis 25))
         (tls (plist-get attempt :tls)))
    (cond ((null (plist-get diagnosis :done)) t)
          ((equal (plist-get (plist-get diagnosis :done) :kind) "internal") t)
          ;; Who answers once need not answer twice.
          ((and attempt (not (mew-submit-domain-zone--answers-p attempt))) t)
          ((null (mew-submit-domain-zone--secure attempt)) nil)
          ((and (equal (plist-get tls :problems) '("name"))
                (mew-submit-domain-zone--tls-names-p tls (plist-get zone :domain)))
           nil)
          (t (mew-submit-domain-zone--secure attempt)))))

(defun mew-submit-domain-transfer--dane-verdict (zone host records)
  "Return what RECORDS, signed TLSA, say of HOST in ZONE: (VERDICT . WORDS)."
  (let* ((usable (seq-filter #'mew-submit-domain-dane--usable-p records))
         (diagnosis (mew-submit-domain-zone--diagnosis zone host))
         (attempts (seq-filter #'mew-submit-domain-zone--answers-p
                               (mew-submit-diagnosis--attempts-at diagnosis 25)))
         (chains (mapcar (lambda (attempt)
                           (mew-submit-domain-dane--octets
                            (plist-get attempt :certificates)))
                         attempts))
         (matches (mapcar (lambda (chain) (mew-submit-domain-dane--match usable chain))
                          chains))
         (record (caar matches)))
    (cond
     ((null (plist-get diagnosis :done)) '(announced . "it has not been looked at"))
     ((null attempts) '(announced . "it cannot be reached from here"))
     ((memq nil chains) '(no-tls . "it has no TLS"))
     ((null usable) '(unusable . "none of them can be used for mail"))
     ((and (not (memq nil matches)) (eql (plist-get record :usage) 3))
      (cons 'good (mew-submit-domain-dane--words record)))
     ((and (or (memq nil matches) (null matches))
           (null (mew-submit-domain-zone--issuer zone host)))
      '(mismatch . "its certificate is none of those they name"))
     (t (pcase (mew-submit-domain-transfer--issuer-why zone host)
          ('nil (cons 'good (if record (mew-submit-domain-dane--words record) "2 0 0")))
          ('t '(announced . "its issuer has not been looked at"))
          (why (cons 'mismatch (concat "not by the issuer they name: " why))))))))

(defun mew-submit-domain-transfer--dane-finding (host verdict)
  "Return the finding that DANE gives VERDICT on HOST."
  (pcase verdict
    (`(good . ,words)
     (mew-submit-domain-zone--finding
      "dane" "ok" (format "The certificate of %s is what its TLSA record says (%s)" host
                          words)))
    (`(announced . ,why)
     (mew-submit-domain-zone--finding
      "dane-announced" "note" (format "TLSA records are announced for %s; %s" host why)))
    (`(unusable . ,why)
     (mew-submit-domain-zone--finding
      "dane-unusable" "warning" (format "The TLSA records of %s: %s" host why)
      "Publish a record of the kind 3 1 1, the hash of the server's own key \
(RFC 7672)."))
    (`(,what . ,why)
     (mew-submit-domain-zone--finding
      (if (eq what 'no-tls) "dane-no-tls" "dane-mismatch") "error"
      (format "%s does not keep what its TLSA records say: %s" host why)
      "Senders who know DANE bring it no mail: publish the record of the present \
certificate, or take the records away."))))

(defun mew-submit-domain-transfer--mx-unsigned (zone)
  "Return a finding if nobody has validated the MX records of ZONE."
  (let ((answer (mew-submit-domain-zone--answer zone 'mx)))
    (when (and (eq (plist-get answer :status) 'ok) (not (plist-get answer :authentic)))
      (list (mew-submit-domain-zone--finding
             "dane-mx-unsigned" "warning"
             (format "The TLSA records of its servers are validated (DNSSEC), and the MX \
records of %s are not: whoever changes those leads mail past DANE" (plist-get zone :domain))
             "Have whoever runs the domain sign its zone, too.")))))

(defun mew-submit-domain-transfer--dane (zone)
  "Return findings about the TLSA records of ZONE's servers."
  (let* ((found (seq-filter (lambda (entry)
                              (and (eq (car-safe (car entry)) 'tlsa)
                                   (eq (plist-get (cdr entry) :status) 'ok)))
                            (plist-get zone :answers)))
         (signed (seq-filter (lambda (entry) (plist-get (cdr entry) :authentic)) found)))
    (append
     (mapcar (pcase-lambda (`((,_ ,host) . ,answer))
               (mew-submit-domain-transfer--dane-finding
                host (mew-submit-domain-transfer--dane-verdict
                      zone host (plist-get answer :answers))))
             signed)
     (and signed (mew-submit-domain-transfer--mx-unsigned zone))
     (when (< (length signed) (length found))
       (list (mew-submit-domain-zone--finding
              "dane-unsigned" "warning"
              "There are TLSA records, but the resolver does not say that they were \
validated (DNSSEC), and without that they say nothing"
              "Have whoever runs the domain sign its zone; if it is signed, ask name \
servers that check signatures (/etc/resolv.conf)."))))))

;;; MTA-STS (RFC 8461)

(defun mew-submit-domain-transfer--policy (zone policy)
  "Return findings about POLICY, which ZONE publishes."
  (let* ((enforce (equal (plist-get policy :mode) "enforce"))
         (hosts (mapcar #'car (mew-submit-domain-zone--role zone 'mx)))
         (left-out (seq-remove (lambda (host)
                                 (mew-submit-domain-policy--names-p policy host))
                               hosts))
         (bad (seq-filter
               (lambda (host)
                 (let ((attempt (mew-submit-domain-zone--worst
                                 (mew-submit-domain-zone--diagnosis zone host) 25)))
                   (and (mew-submit-domain-zone--answers-p attempt)
                        (plist-get attempt :end)
                        (mew-submit-domain-zone--secure attempt))))
               hosts)))
    (cond
     ((plist-get policy :why)
      (list (mew-submit-domain-zone--finding
             "mta-sts-policy" "warning"
             (format "MTA-STS is announced, and there is no policy: %s"
                     (plist-get policy :why))
             (format "Mend https://mta-sts.%s/.well-known/mta-sts.txt; until then it protects nobody \
who has no older one." (plist-get zone :domain)))))
     ((equal (plist-get policy :mode) "none")
      (list (mew-submit-domain-zone--finding
             "mta-sts-none" "note" "The MTA-STS policy says that there is none any more")))
     (t
      (delq
       nil
       (list
        (when left-out
          (mew-submit-domain-zone--finding
           "mta-sts-mx" (if enforce "error" "warning")
           (format "The MTA-STS policy (mode %s) does not name %s" (plist-get policy :mode)
                   (mew-submit-error--and left-out))
           "Senders who know it bring no mail there: add it to the policy, and give the \
record a new id."))
        (when bad
          (mew-submit-domain-zone--finding
           "mta-sts-certificate" (if enforce "error" "warning")
           (format "The MTA-STS policy (mode %s) asks for a good certificate, and %s %s none"
                   (plist-get policy :mode) (mew-submit-error--and bad)
                   (if (cdr bad) "have" "has"))
           "Get a certificate that is good for that name: senders who know the policy \
bring no mail there."))
        (unless (or left-out bad)
          (mew-submit-domain-zone--finding
           "mta-sts" "ok"
           (format "The MTA-STS policy (mode %s) names all servers of the domain"
                   (plist-get policy :mode))))))))))

(defun mew-submit-domain-transfer--sts (zone)
  "Return findings about MTA-STS for ZONE."
  (let ((records (mew-submit-domain-zone--sts-records
                  (mew-submit-domain-zone--answer zone 'mta-sts))))
    (cond
     ((cdr records)
      (list (mew-submit-domain-zone--finding
             "mta-sts-several" "warning"
             "There are several MTA-STS records, which is as if there were none"
             "Delete all but one.")))
     ((null records) nil)
     ((not (string-match "\\bid=\\([[:alnum:]]\\{1,32\\}\\) *\\(?:;\\|\\'\\)"
                         (car records)))
      (list (mew-submit-domain-zone--finding
             "mta-sts-malformed" "warning"
             (format "The MTA-STS record makes no sense: %s" (car records))
             "Write it as v=STSv1; id=LETTERS-AND-DIGITS;")))
     ((plist-get zone :policy)
      (mew-submit-domain-transfer--policy zone (plist-get zone :policy)))
     (t (list (mew-submit-domain-zone--finding
               "mta-sts-announced" "note"
               (format "MTA-STS is announced (id %s); its policy is not here yet"
                       (match-string 1 (car records)))))))))

;;; All of them

(defun mew-submit-domain-transfer--findings (zone)
  "Return all findings about ZONE, so far."
  (append (mew-submit-domain-zone--findings zone)
          (mew-submit-domain-transfer--prefixes zone)
          (mew-submit-domain-transfer--dane zone)
          (mew-submit-domain-transfer--sts zone)))

(provide 'mew-submit-domain-transfer)
;;; mew-submit-domain-transfer.el ends here
