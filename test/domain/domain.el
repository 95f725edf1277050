;;; domain.el --- Domains: which findings each set of records and servers gives -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Runs inside of the network that test/domain/run has made.  Each case is a domain of
;; the file zone, and exactly the findings it must give: one that is missing and one
;; too many both fail.

;;; Code:

(require 'cl-lib)
(require 'mew-submit)
(require 'race/free)
(require 'mew-submit-batch-domain)
(require 'mew-submit-domain-zone)
(require 'seq)

(defconst mew-submit-domain-test-cases
  '(("signed.example.org" "direct" "dane-mismatch" "mta-sts" "srv-usable" "srv-usable")
    ("unsigned.example.org" "direct" "dane-unsigned" "mta-sts" "srv-usable" "srv-usable")
    ("null.example.org" "null-mx" "srv-none")
    ("implicit.example.org" "implicit-mx" "direct" "srv-none")
    ("nothing.example.org" "no-domain" "srv-none")
    ("blocked.example.org" "smarthost" "srv-refused")
    ;; Neither is a network that blocks port 25.
    ("parked.example.org" "implicit-mx" "mx-refused" "srv-none")
    ("six.example.org" "mx-no-way" "srv-none")
    ("plain.example.org" "direct" "mx-no-tls" "srv-none")
    ("badcert.example.org" "direct" "mx-certificate" "srv-none")
    ("nohost.example.org" "mx-no-address" "srv-none")
    ("kept.example.org" "direct" "prefix-kept" "prefix-kept" "prefix-unsigned" "srv-none"
     "sender-delivers" "sender-delivers" "prefix-mail")
    ("no26.example.org" "direct" "prefix-broken" "prefix-unsigned" "srv-none"
     "sender-delivers" "prefix-mail")
    ("lax.example.org" "direct" "mx-certificate" "prefix-broken" "prefix-unsigned" "srv-none"
     "sender-drops" "prefix-no-mail")
    ;; A bad certificate at 26 is no reason to go to 25.
    ("bad26.example.org" "direct" "prefix-broken" "prefix-unsigned" "srv-none"
     "sender-drops" "prefix-no-mail")
    ("second.example.org" "direct" "prefix-broken" "prefix-kept" "prefix-unsigned" "srv-none"
     "sender-drops" "sender-delivers" "prefix-mail")
    ("mixed.example.org" "direct" "prefix-kept" "prefix-unsigned" "srv-none"
     "sender-delivers" "prefix-mixed")
    ("stripped.example.org" "direct" "mx-no-tls" "prefix-broken" "prefix-unsigned" "srv-none"
     "sender-drops" "prefix-no-mail")
    ;; Who cannot be reached from here has broken no promise.
    ("silent26.example.org" "smarthost" "prefix-unsigned" "srv-none" "sender-unreached")
    ("silent25.example.org" "smarthost" "prefix-unsigned" "srv-none" "sender-unreached")
    ("literal.example.org" "mx-literal" "srv-none")
    ("here.example.org" "mx-here" "srv-none")
    ("alias.example.org" "direct" "mx-alias" "srv-none")
    ;; Servers that use GnuTLS do not take such a name in SNI.
    ("underscore.example.org" "direct" "srv-none")
    ;; One of its two addresses has a good certificate.
    ("faces.example.org" "direct" "mx-certificate" "mta-sts-certificate" "srv-none")
    ;; Whose certificate TLSA records name needs nobody else's word.
    ("outside.example.org" "direct" "dane" "dane-mx-unsigned" "srv-none")
    ("null-mixed.example.org" "direct" "null-mx-mixed" "srv-none")
    ("case.example.org" "direct" "srv-none")
    ("short.example.org" "dns-failed" "srv-none")
    ("odd.example.org" "mx-no-name" "srv-none")
    ("several.example.org" "direct" "mta-sts-several" "srv-none")
    ("malformed.example.org" "direct" "mta-sts-malformed" "srv-none")
    ("sts-mx.example.org" "direct" "srv-none" "mta-sts-mx")
    ("sts-mx-testing.example.org" "direct" "srv-none" "mta-sts-mx")
    ("sts-certificate.example.org" "direct" "srv-none" "mta-sts-certificate" "mx-certificate")
    ("sts-none.example.org" "direct" "srv-none" "mta-sts-none")
    ("sts-redirect.example.org" "direct" "srv-none" "mta-sts-policy")
    ("sts-missing.example.org" "direct" "srv-none" "mta-sts-policy")
    ("sts-mode.example.org" "direct" "srv-none" "mta-sts-policy")
    ("sts-version.example.org" "direct" "srv-none" "mta-sts-policy")
    ("sts-age.example.org" "direct" "srv-none" "mta-sts-policy")
    ("sts-nobody.example.org" "direct" "srv-none" "mta-sts-policy")
    ("sts-name.example.org" "direct" "srv-none" "mta-sts-policy")
    ("sts-long.example.org" "direct" "srv-none" "mta-sts-policy")
    ("sts-away.example.org" "direct" "srv-none" "mta-sts-policy")
    ("dead.example.org" "direct" "srv-unusable")
    ("noauth.example.org" "direct" "srv-no-auth")
    ("striptls.example.org" "direct" "srv-unusable")
    ("other.example.net" "direct" "srv-name")
    ("signed.example.net" "direct" "srv-usable")
    ("order.example.org" "direct" "srv-usable" "srv-usable")
    ("silent.example.org" "dns-failed")
    ("loop.example.org" "dns-failed" "srv-none")
    ("garbage.example.org" "dns-failed" "srv-none")
    ("wrong-id.example.org" "dns-failed" "srv-none")
    ("servfail.example.org" "dns-failed" "srv-none")
    ("truncated.example.org" "direct" "srv-none"))
  "Domains, and the findings each gives: (DOMAIN ID...).")

(defconst mew-submit-domain-test-accounts
  '(("signed.example.org" "submit.example.org" "465:implicit,587:starttls")
    ("order.example.org" "submit.example.org" "587:starttls,465:implicit")
    ("dead.example.org" "dead-submit.example.org" "587:starttls")
    ("blocked.example.org" nil nil)
    ("kept.example.org" nil nil))
  "What a client would set up: (DOMAIN SERVER ROUTES).")

(defvar mew-submit-domain-test--bad nil
  "Non-nil when a test has failed.")

(defun mew-submit-domain-test--say (name problem)
  "Print the line for the test NAME, which has PROBLEM or passes."
  (when problem
    (setq mew-submit-domain-test--bad t))
  (princ (if problem
             (format "not ok - %s: %s\n" name problem)
           (format "ok - %s\n" name))))

(defun mew-submit-domain-test--start (domain)
  "Begin to look at DOMAIN, and return its zone."
  (mew-submit-domain-zone--start
   domain :account (list :timeout 20
                         :ca-file (expand-file-name "certs/ca.pem" (getenv "RACE_WORK")))))

(defun mew-submit-domain-test--ended (zone)
  "Wait for the end of ZONE, and return it, or nil when it does not end."
  (let ((deadline (time-add nil 300)))
    (while (not (or (mew-submit-domain-zone--ended-p zone) (time-less-p deadline nil)))
      (accept-process-output nil 0.02))
    (and (mew-submit-domain-zone--ended-p zone) zone)))

(defun mew-submit-domain-test--look (domain)
  "Look at DOMAIN and return its zone, or nil when it does not end."
  (mew-submit-domain-test--ended (mew-submit-domain-test--start domain)))

(defun mew-submit-domain-test--findings (domain begun expected)
  "Check that DOMAIN gives the EXPECTED findings, and that its report can be made.
BEGUN is its zone."
  (let* ((zone (mew-submit-domain-test--ended begun))
         (found (mapcar (lambda (finding) (plist-get finding :id))
                        (and zone (mew-submit-domain-transfer--findings zone)))))
    (mew-submit-domain-test--say
     (format "%s gives %s" domain (string-join expected ", "))
     (cond ((null zone) "it does not end")
           ((not (equal (sort (copy-sequence found) #'string<)
                        (sort (copy-sequence expected) #'string<)))
            (format "it gives %s" (string-join found ", ")))
           ((seq-some (lambda (line) (> (string-width line) 100))
                      (split-string (mew-submit-domain--text zone) "\n"))
            "its report has a line that is too long")
           ((not (string-prefix-p "{" (mew-submit-batch-domain--json zone)))
            "it has no JSON")))
    zone))

(defun mew-submit-domain-test--account (domain server routes)
  "Check that a client set up for DOMAIN would go to SERVER by ROUTES."
  (let ((account (mew-submit-domain-zone--account (mew-submit-domain-test--look domain))))
    (mew-submit-domain-test--say
     (format "a client for %s goes to %s" domain server)
     (unless (and (equal (plist-get account :server) server)
                  (equal (plist-get account :routes) routes))
       (format "it makes %S" account)))))

(defun mew-submit-domain-test--dane-ids (zone)
  "Return the ids of the findings of ZONE that are about DANE."
  (seq-filter (lambda (id) (string-prefix-p "dane" id))
              (mapcar (lambda (finding) (plist-get finding :id))
                      (and zone (mew-submit-domain-transfer--findings zone)))))

(defun mew-submit-domain-test--words (file)
  "Return the lines of FILE, each a list of words."
  (with-temp-buffer
    (insert-file-contents (expand-file-name file (getenv "RACE_WORK")))
    (mapcar #'split-string (split-string (buffer-string) "\n" t))))

(defun mew-submit-domain-test--dane (case zone postfix)
  "Check that ZONE is judged as CASE of dane.sh says, and as POSTFIX says."
  (pcase-let ((`(,name ,_ ,verdict . ,records) case))
    (mew-submit-domain-test--say
     (format "TLSA %s: %s is %s" name (string-join records " ") verdict)
     (let ((found (mew-submit-domain-test--dane-ids (mew-submit-domain-test--ended zone))))
       (unless (equal found (list verdict))
         (format "it gives %s" (string-join found ", ")))))
    (when postfix
      (mew-submit-domain-test--say
       (format "TLSA %s: as posttls-finger has it, %s" name postfix)
       (unless (equal postfix (pcase verdict
                                ("dane" "verified")
                                ("dane-no-tls" "failed")
                                (_ "not")))
         verdict)))))

(defun mew-submit-domain-test--dane-all ()
  "Check all cases of dane.sh, a few at a time."
  (let ((postfix (mew-submit-domain-test--words "dane-postfix")))
    (unless postfix
      (princ "ok - TLSA as posttls-finger has it # SKIP it is not installed, or this is not root\n"))
    (dolist (cases (seq-partition (mew-submit-domain-test--words "dane") 8))
      (let ((zones (mapcar (lambda (case)
                             (mew-submit-domain-test--start (concat (car case) ".example.org")))
                           cases)))
        (cl-mapc (lambda (case zone)
                   (mew-submit-domain-test--dane case zone
                                                 (cadr (assoc (car case) postfix))))
                 cases zones)))))

(defun mew-submit-domain-test--free ()
  "Check that Emacs is free meanwhile: a timer that is due runs in time."
  (mew-submit-domain-test--say
   "Emacs is free meanwhile"
   (let ((mew-submit-dns-timeout 0.3))
     (mew-submit-free-wrong
      (lambda ()
        (mew-submit-domain-test--look "silent.example.org")
        (mew-submit-domain-test--look "signed.example.org"))))))

(defun mew-submit-domain-test--no-file ()
  "Check that a look ends, and blames no server, where no file can be written."
  (let* ((temporary-file-directory "/dev/null/")
         (found (mew-submit-domain-test--dane-ids
                 (mew-submit-domain-test--look "ta-0-1.example.org"))))
    (mew-submit-domain-test--say
     "a look that can write no file ends and blames nobody"
     (unless (equal found '("dane-announced"))
       (format "it gives %S" found)))))

(defun mew-submit-domain-test--words-of (domain id)
  "Return what the finding ID of DOMAIN says and advises, or nil without one."
  (let ((finding (seq-find (lambda (finding) (equal (plist-get finding :id) id))
                           (mew-submit-domain-transfer--findings
                            (mew-submit-domain-test--look domain)))))
    (and finding (concat (plist-get finding :text) " " (plist-get finding :advice)))))

(defun mew-submit-domain-test--said ()
  "Check what some findings say, and whom they blame."
  (pcase-dolist (`(,domain ,id ,words)
                 '(("servfail.example.org" "dns-failed" "server-failure.*who runs the domain")
                   ("short.example.org" "dns-failed" "makes no sense.*who runs the domain")
                   ("silent.example.org" "dns-failed" "no DNS server answers.*resolv\\.conf")
                   ("badcert.example.org" "mx-certificate" "was issued for.*a good one")
                   ("faces.example.org" "mx-certificate" "192\\.0\\.2\\.62.*expired")))
    (mew-submit-domain-test--say
     (format "%s is told as %s" domain words)
     (let* ((mew-submit-dns-timeout 2)
            (said (mew-submit-domain-test--words-of domain id)))
       (unless (string-match-p words (or said ""))
         (format "it says %S" said))))))

(defun mew-submit-domain-test--stop ()
  "Check that a look can be stopped, and that nothing comes after that."
  (let* ((changes 0)
         (zone (mew-submit-domain-zone--start "signed.example.org"
                                              :on-change (lambda (_) (cl-incf changes)))))
    (accept-process-output nil 0.01)
    (mew-submit-domain-zone--stop zone)
    (let ((then changes))
      (accept-process-output nil 0.3)
      (mew-submit-domain-test--say
       "a look that was stopped tells no more"
       (cond ((not (mew-submit-domain-zone--ended-p zone)) "it has not ended")
             ((/= then changes) "it goes on"))))))

(defun mew-submit-domain-test-run ()
  "Run all tests, and leave Emacs."
  ;; Who says nothing is waited for, so all domains are looked at side by side.
  (setq mew-submit-dns-timeout 20)
  (princ (format "1..%d\n" (+ 8 (length mew-submit-domain-test-cases)
                              (length mew-submit-domain-test-accounts)
                              (length (mew-submit-domain-test--words "dane"))
                              (max 1 (length (mew-submit-domain-test--words "dane-postfix"))))))
  (let ((zones (mapcar (lambda (case) (mew-submit-domain-test--start (car case)))
                       mew-submit-domain-test-cases)))
    (cl-mapc (pcase-lambda (`(,domain . ,expected) zone)
               (mew-submit-domain-test--findings domain zone expected))
             mew-submit-domain-test-cases zones))
  (pcase-dolist (`(,domain ,server ,routes) mew-submit-domain-test-accounts)
    (mew-submit-domain-test--account domain server routes))
  (mew-submit-domain-test--dane-all)
  (mew-submit-domain-test--no-file)
  (mew-submit-domain-test--said)
  (mew-submit-domain-test--free)
  (mew-submit-domain-test--stop)
  (kill-emacs (if mew-submit-domain-test--bad 1 0)))

(provide 'domain/domain)
;;; domain.el ends here
