;;; d-certificate.el --- Faults D: the server's certificate -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; One thing is wrong with each certificate, or nothing; test/peer/README.org lists them.  What is not
;; accepted ends the session before AUTH, says why in words, and asks nobody (D25).

;;; Code:

(require 'mew-submit-faults-scenario "faults/scenario")

(defun mew-submit-faults-d--bad (row certificate words &rest more)
  "Return an entry of ROW for CERTIFICATE, which is refused with WORDS; MORE are further keys."
  `(,(format "%s %s%s" row certificate
             (if-let* ((name (plist-get (plist-get more :request) :name))) (format " for %s" name) ""))
    :peer (,(format "cert=%s" certificate)) ,@more
    :kind insecure :reach connection :text ,(concat "not accepted.*" words)
    :events ((attempt :case "tls") (tls :verified nil))))

(defun mew-submit-faults-d--good (row certificate &rest more)
  "Return an entry of ROW for CERTIFICATE, which is accepted; MORE are further keys."
  `(,(format "%s %s%s is accepted" row certificate
             (if-let* ((name (plist-get (plist-get more :request) :name))) (format " for %s" name) ""))
    :peer (,(format "cert=%s" certificate)) ,@more
    :kind ok :events ((tls :verified t))))

(defun mew-submit-faults-d--named-bad (row certificate &optional name words)
  "Return an entry of ROW for CERTIFICATE, which is not for NAME; WORDS say so."
  (mew-submit-faults-d--bad row certificate (or words "not for")
                            :request (list :name (or name "smtp.example.org"))))

(defun mew-submit-faults-d--named-good (row certificate &optional name)
  "Return an entry of ROW for CERTIFICATE, which is for NAME."
  (mew-submit-faults-d--good row certificate :request (list :name (or name "smtp.example.org"))))

(defun mew-submit-faults-d--stapled (row certificate staple kinds)
  "Return an entry of ROW for CERTIFICATE with the OCSP response STAPLE; it ends as KINDS say."
  `(,(format "%s %s with a stapled response that is %s" row certificate staple)
    :peer (,(format "cert=%s" certificate) ,(format "staple=%s" staple))
    :kind ,kinds :reach ,(if (eq kinds 'ok) 'message 'connection)))

(defun mew-submit-faults-d--trust (name file)
  "Return an entry called NAME for an account whose CA file is FILE."
  `(,name :account (:ca-file ,file) :kind (insecure config) :reach (nothing connection)
    :connections (0 1) :text "CA\\|trust\\|certificate"))

(defconst mew-submit-faults-d
  (list
   (mew-submit-faults-d--bad "D1" "expired" "expired 1 day ago")
   (mew-submit-faults-d--bad "D1" "notyet" "not valid before")
   (mew-submit-faults-d--bad "D1" "expired-intermediate" "expired")
   (mew-submit-faults-d--bad "D2" "self-signed" "itself")
   (mew-submit-faults-d--bad "D2" "fake-ca-subject" "itself\\|signature\\|vouches")
   (mew-submit-faults-d--bad "D2" "unknown-ca" "vouches")
   (mew-submit-faults-d--bad "D27" "utf8-issuer" "vouches")
   (mew-submit-faults-d--named-bad "D27" "utf8-sans")
   (mew-submit-faults-d--bad "D4" "no-intermediate" "vouches")
   (mew-submit-faults-d--bad "D5" "not-a-ca-issuer" "authority")
   (mew-submit-faults-d--bad "D5" "no-certsign-issuer" "issue\\|authority")
   (mew-submit-faults-d--bad "D5" "pathlen" "issue")
   (mew-submit-faults-d--named-bad "D5" "name-constraints" nil "issue")
   (mew-submit-faults-d--bad "D6" "bad-signature" "signature")
   '("D6 wrong-key" :peer ("cert=wrong-key") :kind insecure :reach connection :text "its own")
   '("D6 wrong-key, TLS 1.2" :peer ("cert=wrong-key" "tls-versions=1.2") :kind insecure :text "its own"
     :reach connection)
   (mew-submit-faults-d--bad "D7" "othername" "other\\.example\\.net, not for 127\\.0\\.0\\.1")
   (mew-submit-faults-d--named-bad "D7" "othername" nil
                                   "other\\.example\\.net, not for smtp\\.example\\.org")
   (mew-submit-faults-d--named-bad "D7" "parent")
   (mew-submit-faults-d--named-bad "D7" "prefix")
   (mew-submit-faults-d--named-bad "D7" "suffix")
   (mew-submit-faults-d--named-bad "D7" "good" "other.example.net")
   (mew-submit-faults-d--named-bad "D7" "good" "example.org")
   (mew-submit-faults-d--named-bad "D7" "good" "x.smtp.example.org")
   (mew-submit-faults-d--named-bad "D7" "good" "smtp-example.org")
   (mew-submit-faults-d--named-bad "D7" "good" "mtp.example.org")
   (mew-submit-faults-d--named-good "D7" "good" "SMTP.Example.ORG")
   '("D7 othername, implicit TLS" :listeners ((implicit "cert=othername")) :kind insecure
     :reach connection :text "not accepted.*not for 127\\.0\\.0\\.1")
   '("D7 othername, by the name localhost" :peer ("cert=othername") :account (:server "localhost")
     :kind insecure :reach connection :text "not for localhost")
   (mew-submit-faults-d--named-bad "D8" "cn-ok-san-other")
   (mew-submit-faults-d--named-bad "D9" "no-san-cn" nil "common name does not count.*not for smtp")
   (mew-submit-faults-d--named-bad "D9" "uri-san")
   (mew-submit-faults-d--named-good "D10" "cn-other-san-ok")
   (mew-submit-faults-d--named-good "D10" "second-san")
   (mew-submit-faults-d--named-good "D10" "wildcard")
   (mew-submit-faults-d--named-bad "D12" "wildcard" "a.smtp.example.org")
   (mew-submit-faults-d--named-bad "D12" "wildcard" "example.org")
   (mew-submit-faults-d--named-bad "D12" "wildcard-star")
   (mew-submit-faults-d--named-bad "D12" "wildcard-star" "localhost")
   (mew-submit-faults-d--named-bad "D12" "wildcard-double")
   (mew-submit-faults-d--named-bad "D12" "wildcard-partial")
   (mew-submit-faults-d--named-bad "D12" "wildcard-inner")
   (mew-submit-faults-d--named-bad "D12" "wildcard-idn" "xn--bcher-kva.example.org")
   (mew-submit-faults-d--good "D13" "ip-ok")
   (mew-submit-faults-d--bad "D13" "ip-other" "198\\.51\\.100\\.7.*not for 127\\.0\\.0\\.1")
   (mew-submit-faults-d--bad "D13" "ip-in-dns" "not for 127\\.0\\.0\\.1")
   (mew-submit-faults-d--bad "D13" "ip-in-cn" "not for 127\\.0\\.0\\.1")
   (mew-submit-faults-d--bad "D13" "wildcard-ip" "not for 127\\.0\\.0\\.1")
   (mew-submit-faults-d--named-bad "D14" "ip-ok")
   (mew-submit-faults-d--named-bad "D15" "nul-in-san")
   (mew-submit-faults-d--named-bad "D15" "nul-in-san" "smtp.example.org.evil.test")
   (mew-submit-faults-d--named-good "D16" "idn" "xn--bcher-kva.example.org")
   '("D16 idn for a U-label" :peer ("cert=idn") :request (:name "bücher.example.org")
     :kind (ok insecure config message) :reach (nothing connection message) :connections (0 1))
   '("D16 another one for a U-label" :peer ("cert=good") :request (:name "bücher.example.org")
     :kind (insecure config message) :reach (nothing connection) :connections (0 1))
   '("D16 a U-label host becomes A-labels" :account (:server "bücher.invalid")
     :kind (host deferred connect) :reach nothing :text "xn--bcher-kva\\.invalid")
   (mew-submit-faults-d--bad "D17" "sha1" "weak\\|signature")
   (mew-submit-faults-d--bad "D17" "md5" "weak\\|signature")
   '("D18 rsa1024" :peer ("cert=rsa1024") :kind (insecure tls) :reach connection)
   '("D18 rsa512" :peer ("cert=rsa512") :kind (insecure tls) :reach connection)
   (mew-submit-faults-d--bad "D20" "critical-ext" "critical extension")
   (mew-submit-faults-d--bad "D20" "clientauth-only" "not meant for servers")
   '("D20 encipher-only"
     :peer ("cert=encipher-only" "tls-priority=NORMAL:%25DEBUG_ALLOW_KEY_USAGE_VIOLATIONS")
     :kind insecure :reach connection :text "key usage")
   (mew-submit-faults-d--bad "D21" "revoked" "revoked" :account '(:crl-file (certs "crl.pem")))
   (mew-submit-faults-d--good "D21" "good" :account '(:crl-file (certs "crl.pem")))
   '("D21 the CRL file is missing" :account (:crl-file (certs "missing/crl.pem")) :kind config
     :reach nothing :text "CRL")
   '("D21 the CRL file holds none" :account (:crl-file "/etc/hostname") :kind config
     :reach nothing :text "CRL")
   (mew-submit-faults-d--bad "D22" "must-staple" "stapled")
   (mew-submit-faults-d--stapled "D22" "must-staple" "good" 'ok)
   (mew-submit-faults-d--stapled "D22" "must-staple" "stale" 'insecure)
   (mew-submit-faults-d--stapled "D22" "must-staple" "other" 'insecure)
   (mew-submit-faults-d--stapled "D22" "must-staple" "unknown" 'insecure)
   (mew-submit-faults-d--stapled "D22" "must-staple" "bad-signature" '(insecure tls))
   (mew-submit-faults-d--stapled "D22" "must-staple" "garbage" '(insecure tls))
   (mew-submit-faults-d--stapled "D23" "must-staple" "revoked" 'insecure)
   (mew-submit-faults-d--stapled "D23" "good" "revoked" 'insecure)
   (mew-submit-faults-d--stapled "D23" "good" "good" 'ok)
   (mew-submit-faults-d--good "D24" "ed25519")
   (mew-submit-faults-d--good "D24" "intermediate")
   (mew-submit-faults-d--good "D24" "rsa2048")
   (mew-submit-faults-d--trust "D26 the CA file is missing" '(certs "missing/ca.pem"))
   (mew-submit-faults-d--trust "D26 the CA file is empty" "/dev/null")
   (mew-submit-faults-d--trust "D26 the CA file is no certificate" "/etc/hostname")
   (mew-submit-faults-d--trust "D26 the CA file is a CRL" '(certs "crl.pem"))
   '("D26 another CA is trusted" :account (:ca-file (certs "othername.pem")) :kind insecure
     :reach connection :text "vouches"))
  "Section D.")

(provide 'mew-submit-faults-d)
;;; d-certificate.el ends here
