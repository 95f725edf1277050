;;; mew-submit-finding-tests.el --- Tests for mew-submit-finding -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What no network here can make: other systems, resolvers and clocks.  All other findings are
;; raised by networks and servers in test/diagnose.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-diagnosis)
(require 'mew-submit-finding)
(require 'seq)
(require 'mew-submit-test-helpers)

(defconst mew-submit-finding-tests--attempt
  '(:case 1 :tls "starttls" :ms 12.0 :at 12.0 :text "answers")
  "What an `attempt' event has where a test says nothing else.")

(defun mew-submit-finding-tests--verdict (diagnosis id port family &rest keys)
  "Add to DIAGNOSIS the attempt ID at PORT in FAMILY, which ended with KEYS."
  (mew-submit-diagnosis--add
   diagnosis (append (list :event 'attempt :id id :port port :family family)
                     keys
                     (list :address (if (equal family "ipv6") "2001:db8::1" "192.0.2.1"))
                     mew-submit-finding-tests--attempt))
  (mew-submit-diagnosis--add
   diagnosis (list :event 'probed :id id :kind "connect" :stage "connect"
                   :text (or (plist-get keys :text) "no") :at 13.0)))

(defun mew-submit-finding-tests--answers (diagnosis id port &rest tls)
  "Add to DIAGNOSIS the attempt ID at PORT, a good server with TLS."
  (dolist (event
           (list (append (list :event 'attempt :id id :port port :family "ipv4"
                               :address "192.0.2.1")
                         mew-submit-finding-tests--attempt)
                 (list :event 'greeting :id id :code 220 :ms 1.0 :at 14.0
                       :text "220 smtp.example.org ESMTP")
                 (list :event 'capabilities :id id :at 15.0
                       :keywords '("STARTTLS") :starttls "offered"
                       :name "smtp.example.org")
                 (append (list :event 'tls :id id :at 16.0) tls
                         (list :version "TLS1.3" :verified t
                               :starts "2030-01-01T00:00:00Z"
                               :expires "2030-04-01T00:00:00Z"))
                 (list :event 'capabilities :id id :secure t :at 17.0
                       :keywords '("AUTH") :mechanisms '("PLAIN")
                       :name "smtp.example.org")
                 (list :event 'check :id id :name "mail-before-auth" :code 530
                       :text "530 5.7.0 Log in" :secure t :at 18.0)
                 (list :event 'probed :id id :kind "ok" :stage "end" :code 0
                       :text "" :at 19.0)))
    (mew-submit-diagnosis--add diagnosis event)))

(defun mew-submit-finding-tests--diagnosis ()
  "Return a diagnosis of the port 587 that has just begun."
  (mew-submit-diagnosis--make "smtp.example.org"
                              '((587 starttls submission))))

(defconst mew-submit-finding-tests--now (encode-time '(0 0 0 2 1 2030 nil nil 0))
  "When the diagnoses of these tests are judged.")

(defun mew-submit-finding-tests--ids (diagnosis &optional now)
  "Return the ids of the findings of DIAGNOSIS, NOW."
  (mapcar (lambda (finding) (plist-get finding :id))
          (mew-submit-finding--list diagnosis
                                    (or now mew-submit-finding-tests--now))))

(ert-deftest mew-submit-finding-tests-a-good-server-has-none ()
  "A server that answers and does everything right has no finding."
  (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
    (mew-submit-finding-tests--answers diagnosis 0 587)
    (should (equal (mew-submit-finding-tests--ids diagnosis) nil))
    (should (equal (car (mew-submit-diagnosis--verdict diagnosis)) t))))

(ert-deftest mew-submit-finding-tests-a-system-that-tells-errno-alone ()
  "Where no ICMP error can be read, nobody is blamed and the report says why."
  (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
    (mew-submit-finding-tests--verdict diagnosis 0 587 "ipv4" :case "3 or 4"
                                       :errno "EHOSTUNREACH")
    (let ((finding (car (mew-submit-finding--list
                         diagnosis mew-submit-finding-tests--now))))
      (should (equal (plist-get finding :id) "unreachable"))
      (should (string-match-p "does not tell which ICMP error"
                              (plist-get finding :advice)))))
  (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
    (mew-submit-finding-tests--verdict diagnosis 0 587 "ipv4" :case "2 or 3"
                                       :errno "ECONNREFUSED")
    (should (equal (mew-submit-finding-tests--ids diagnosis) '("refused")))
    (should-not (string-search "reset" (plist-get (car (mew-submit-finding--list
                                                        diagnosis mew-submit-finding-tests--now))
                                                  :text)))))

(ert-deftest mew-submit-finding-tests-one-port-answers-and-two-answer ()
  "What is said of the ports that answer while another is silent is a sentence."
  (dolist (silent '(25 465 2525))
    (pcase-dolist (`(,open . ,words) '(((587) . "while port 587 answers")
                                       ((465 587) . "while ports 465 and 587 answer")
                                       ((587 2587) . "while ports 587 and 2587 answer")))
      (unless (memql silent open)
        (let ((diagnosis (mew-submit-diagnosis--make
                          "smtp.example.org"
                          (mapcar (lambda (port) (list port 'starttls 'submission))
                                  (cons silent open)))))
          (mew-submit-finding-tests--verdict diagnosis 0 silent "ipv4" :case 5)
          (cl-loop for port in open for id from 1
                   do (mew-submit-finding-tests--answers diagnosis id port))
          (should (string-match-p
                   (concat (regexp-quote words) "[.;]")
                   (plist-get (seq-find (lambda (finding)
                                          (equal (plist-get finding :id) (format "silent-%d" silent)))
                                        (mew-submit-finding--list
                                         diagnosis mew-submit-finding-tests--now))
                              :text))))))))

(ert-deftest mew-submit-finding-tests-accepted-and-reset-at-once ()
  "A connection that is reset before anybody has seen it accepted is told, too."
  (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
    (mew-submit-finding-tests--verdict diagnosis 0 587 "ipv4" :case "greeting"
                                       :errno "ECONNRESET")
    (should (equal (mew-submit-finding-tests--ids diagnosis) '("closed-after-accept")))))

(ert-deftest mew-submit-finding-tests-whose-router ()
  "A router on the way is not said to be the reader's own."
  (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
    (mew-submit-finding-tests--verdict
     diagnosis 0 587 "ipv4" :case 3 :errno "EHOSTUNREACH"
     :icmp '(:type 3 :code 13 :name "prohibited")
     :offender '(:address "203.0.113.9" :who "router"))
    (should (string-prefix-p "The router 203.0.113.9 says \"prohibited\" (ICMP 3/13)"
                             (plist-get (car (mew-submit-finding--list
                                              diagnosis mew-submit-finding-tests--now))
                                        :text)))))

(ert-deftest mew-submit-finding-tests-broken-off ()
  "A conversation breaks off behind TLS; who is found there to be none has not begun one."
  (pcase-dolist (`(,stage . ,ids) '(("greeting" "conversation-broken") ("tls")))
    (let ((diagnosis (mew-submit-diagnosis--make "smtp.example.org"
                                                 '((443 implicit submission)))))
      (mew-submit-diagnosis--add
       diagnosis (append '(:event attempt :id 0 :port 443 :family "ipv4" :address "192.0.2.1"
                                  :tls "implicit")
                         mew-submit-finding-tests--attempt))
      (mew-submit-diagnosis--add
       diagnosis '(:event tls :id 0 :at 13.0 :version "TLS1.3" :verified t
                          :starts "2030-01-01T00:00:00Z" :expires "2030-04-01T00:00:00Z"))
      (mew-submit-diagnosis--add
       diagnosis (list :event 'probed :id 0 :kind "tls" :stage stage :text "no" :at 14.0))
      (should (equal (mew-submit-finding-tests--ids diagnosis) ids)))))

(ert-deftest mew-submit-finding-tests-ehlo-refused-inside-tls ()
  "EHLO that is refused is the conversation's matter; TLS that is not trusted comes first."
  (pcase-dolist (`(,tls . ,case) '((nil . 1) ((:verified t) . 1) ((:verified nil) . "tls")))
    (let ((diagnosis (mew-submit-diagnosis--make "smtp.example.org" '((465 implicit submission)))))
      (mew-submit-diagnosis--add
       diagnosis (append '(:event attempt :id 0 :port 465 :family "ipv4" :address "192.0.2.1"
                                  :tls "implicit")
                         mew-submit-finding-tests--attempt))
      (when tls
        (mew-submit-diagnosis--add
         diagnosis (append '(:event tls :id 0 :at 13.0 :version "TLS1.3") tls
                           '(:starts "2030-01-01T00:00:00Z" :expires "2030-04-01T00:00:00Z"))))
      (mew-submit-diagnosis--add
       diagnosis '(:event probed :id 0 :kind "refused" :stage "ehlo" :code 550 :text "no" :at 14.0))
      (should (equal (plist-get (car (mew-submit-finding--ended diagnosis)) :case) case))
      (should (member "ehlo-refused" (mew-submit-finding-tests--ids diagnosis))))))

(ert-deftest mew-submit-finding-tests-a-handshake-that-stalls-is-told-once ()
  "A TLS handshake behind STARTTLS that comes to nothing has one finding, however it ends."
  (dolist (kind '("timeout" "lost" "tls"))
    (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
      (dolist (event (list (append '(:event attempt :id 0 :port 587 :family "ipv4"
                                            :address "192.0.2.1")
                                   mew-submit-finding-tests--attempt)
                           '(:event greeting :id 0 :code 220 :ms 1.0 :at 14.0
                                    :text "220 smtp.example.org ESMTP")
                           '(:event capabilities :id 0 :at 15.0 :keywords ("STARTTLS")
                                    :starttls "offered" :name "smtp.example.org")
                           (list :event 'probed :id 0 :kind kind :stage "starttls"
                                 :failure "timeout" :text "no" :at 16.0)))
        (mew-submit-diagnosis--add diagnosis event))
      (should (equal (mew-submit-finding-tests--ids diagnosis) '("tls-failed")))))
  ;; What vanishes on the way for its length is no middlebox's doing.
  (pcase-dolist (`(,about . ,advice) '((nil . "a middlebox") ("long-packets" . "packets of 1280 bytes")))
    (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
      (mew-submit-finding-tests--verdict diagnosis 0 465 "ipv4" :case "tls" :text "no")
      (mew-submit-diagnosis--add
       diagnosis (list :event 'probed :id 0 :kind "timeout" :stage "tls" :failure "timeout"
                       :about about :text "no" :at 16.0))
      (let ((finding (seq-find (lambda (finding) (equal (plist-get finding :id) "tls-failed"))
                               (mew-submit-finding--list diagnosis
                                                         mew-submit-finding-tests--now))))
        (should (string-search advice (plist-get finding :advice)))))))

(ert-deftest mew-submit-finding-tests-what-several-ports-do ()
  "What a finding says of one port and of several is English."
  (pcase-dolist (`(,ports ,subject) '(((587) "Port 587") ((25 587) "Each of the ports 25 and 587")))
    (pcase-dolist (`(,kind ,stage ,verb) '(("timeout" "greeting" "accepts the connection and then")
                                           ("refused" "greeting" "greets with a refusal")
                                           ("refused" "ehlo" "does not take EHLO")))
      (let ((diagnosis (mew-submit-diagnosis--make
                        "smtp.example.org" '((25 starttls submission) (587 starttls submission)))))
        (dolist (port ports)
          (mew-submit-diagnosis--add
           diagnosis (append (list :event 'attempt :id port :port port :family "ipv4"
                                   :address "192.0.2.1")
                             mew-submit-finding-tests--attempt))
          (mew-submit-diagnosis--add
           diagnosis (list :event 'probed :id port :kind kind :stage stage :text "no" :at 13.0)))
        (should (string-prefix-p
                 (format "%s %s" subject verb)
                 (plist-get (car (mew-submit-finding--list
                                  diagnosis mew-submit-finding-tests--now))
                            :text)))))))

(ert-deftest mew-submit-finding-tests-names ()
  "No address, no resolver, and no resolver for one family are three things."
  (pcase-dolist
      (`(,ipv4 ,ipv6 . ,ids)
       '(("none" "none" "host-unknown")
         ("resolver" "resolver" "resolver")
         (nil "late" "resolver")
         (nil "none")
         ("none" nil)))
    (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
      (dolist (lookup (list (cons "ipv4" ipv4) (cons "ipv6" ipv6)))
        (mew-submit-diagnosis--add
         diagnosis (list :event 'resolved :family (car lookup) :ms 1.0
                         :addresses (unless (cdr lookup) '("192.0.2.1"))
                         :why (cdr lookup) :error (and (cdr lookup) "why"))))
      (should (equal (mew-submit-finding-tests--ids diagnosis) ids)))))

(ert-deftest mew-submit-finding-tests-half-an-answer ()
  "Where one family is known, nobody is told to look at the network."
  (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
    (mew-submit-diagnosis--add
     diagnosis '(:event resolved :family "ipv4" :addresses ("192.0.2.1") :ms 1.0))
    (mew-submit-diagnosis--add
     diagnosis '(:event resolved :family "ipv6" :why "resolver" :error "why" :ms 1.0))
    (let ((finding (car (mew-submit-finding--list diagnosis mew-submit-finding-tests--now))))
      (should (equal (plist-get finding :id) "resolver"))
      (should (string-search "Mail goes by the other family" (plist-get finding :advice)))
      (should-not (string-search "another network" (plist-get finding :advice))))))

(ert-deftest mew-submit-finding-tests-one-address-of-several ()
  "That one address cannot be reached by this machine says nothing of its family."
  (pcase-dolist (`(,family ,address ,errno . ,ids)
                 '(("ipv4" "10.1.2.3" "ENETUNREACH" "address-broken")
                   ("ipv6" "2001:db8::2" "ENETUNREACH" "no-ipv6-here")
                   ("ipv6" "fe80::1" "EINVAL" "no-ipv6-here")
                   ("ipv6" "2001:db8::2" "EINVAL" "local-firewall" "ipv6-broken")))
    (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
      (mew-submit-finding-tests--answers diagnosis 0 587)
      (mew-submit-finding-tests--verdict diagnosis 1 587 family :case "local"
                                         :address address :errno errno)
      (should (equal (mew-submit-finding-tests--ids diagnosis) ids)))))

(ert-deftest mew-submit-finding-tests-a-name-that-leads-here ()
  "A name that a filter has pointed at this machine is told; one of this machine's own is not."
  (pcase-dolist (`(,host ,address . ,ids)
                 '(("smtp.example.org" "0.0.0.0" "name-leads-here" "refused")
                   ("smtp.example.org" "127.0.0.1" "name-leads-here" "refused")
                   ("smtp.example.org" "192.0.2.1" "refused")
                   ("localhost" "127.0.0.1" "refused")
                   ("smtp.localhost" "127.0.0.1" "refused")
                   ("127.0.0.1" "127.0.0.1" "refused")))
    (let ((diagnosis (mew-submit-diagnosis--make host '((587 starttls submission)))))
      (mew-submit-finding-tests--verdict diagnosis 0 587 "ipv4" :case 2 :address address
                                         :errno "ECONNREFUSED")
      (should (equal (mew-submit-finding-tests--ids diagnosis) ids)))))

(ert-deftest mew-submit-finding-tests-a-resolver-that-fails-for-all-is-an-error ()
  "A resolver that answers nothing is worse than one without IPv6."
  (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
    (mew-submit-diagnosis--add
     diagnosis '(:event resolved :family "ipv4" :why "resolver" :error "no"))
    (should (equal (plist-get (car (mew-submit-finding--list diagnosis)) :severity)
                   "error"))
    (mew-submit-diagnosis--add
     diagnosis '(:event resolved :family "ipv6" :addresses ("2001:db8::1")))
    (should (equal (plist-get (car (mew-submit-finding--list diagnosis)) :severity)
                   "warning"))))

(ert-deftest mew-submit-finding-tests-a-clock-before-this-emacs ()
  "A clock that is before Emacs was built is wrong whatever servers say."
  (should (equal (mew-submit-finding-tests--ids
                  (mew-submit-finding-tests--diagnosis)
                  (encode-time '(0 0 0 1 1 1990 nil nil 0)))
                 '("clock-wrong"))))

(ert-deftest mew-submit-finding-tests-about-to-expire ()
  "A fortnight before its end a certificate is worth a word.
One that was made for a week is not, until a third of that is left."
  (pcase-dolist (`(,starts ,expires ,ids)
                 '(("2029-10-01" "2030-01-15" ("certificate-expires-soon"))
                   ("2029-10-01" "2030-01-17" nil)
                   ("2030-01-01" "2030-01-07" nil)
                   ("2029-12-28" "2030-01-03" ("certificate-expires-soon"))))
    (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
      (mew-submit-finding-tests--answers
       diagnosis 0 587 :starts (concat starts "T00:00:00Z")
       :expires (concat expires "T00:00:00Z"))
      (should (equal (mew-submit-finding-tests--ids diagnosis) ids)))))

(ert-deftest mew-submit-finding-tests-problems-of-certificates ()
  "Each problem with a certificate is a finding of its own; one nobody knows is told."
  (pcase-dolist (`(,problem ,id ,words)
                 '(("expired" "certificate-expired" "expired on 2030-01-01")
                   ("issuer-date" "certificate-expired" "issuer whose certificate has expired")
                   ("not-yet-valid" "certificate-not-yet-valid" "not valid before 2030-03-01")
                   ("name" "certificate-name" "is for a.example and b.example")
                   ("issuer" "certificate-unknown-issuer" "nobody here knows (CN=Some CA)")
                   ("self-signed" "certificate-self-signed" "nobody but itself")
                   ("weak" "certificate-weak" "too weak")
                   ("revoked" "certificate-revoked" "revoked by its issuer")
                   ("purpose" "certificate-purpose" "not meant for servers")
                   ("must-staple" "certificate-must-staple" "OCSP response that the server")
                   ("staple" "certificate-staple" "does not call it good")
                   ("odd" "certificate-bad" "fails a check (odd)")))
    (ert-info (problem)
      (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
        (mew-submit-finding-tests--answers
         diagnosis 0 587 :problems (list problem) :verified nil
         :names '("a.example" "b.example") :issuer "CN=Some CA"
         :starts "2030-03-01T00:00:00Z" :expires "2030-01-01T00:00:00Z")
        (let ((findings (mew-submit-finding--list
                         diagnosis mew-submit-finding-tests--now)))
          (should (equal (mapcar (lambda (finding) (plist-get finding :id)) findings)
                         (list id)))
          (should (string-search words (plist-get (car findings) :text))))))))

(ert-deftest mew-submit-finding-tests-a-pin-is-the-users-word ()
  "What is wrong with a pinned certificate the user knows."
  (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
    (mew-submit-finding-tests--answers diagnosis 0 587 :pinned t
                                       :problems '("self-signed" "name"))
    (should (equal (mew-submit-finding-tests--ids diagnosis) nil))))

(ert-deftest mew-submit-finding-tests-a-log-in-that-hides-the-password ()
  "SCRAM without TLS is a note; PLAIN without TLS is a warning."
  (dolist (case '(("SCRAM-SHA-256" "note") ("PLAIN" "warning")))
    (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
      (mew-submit-finding-tests--answers diagnosis 0 587)
      (mew-submit-diagnosis--add
       diagnosis (list :event 'capabilities :id 0 :starttls "offered" :at 15.0
                       :keywords '("STARTTLS" "AUTH")
                       :mechanisms (list (car case))))
      (let ((findings (mew-submit-finding--list
                       diagnosis mew-submit-finding-tests--now)))
        (should (equal (mapcar (lambda (finding)
                                 (list (plist-get finding :id)
                                       (plist-get finding :severity)))
                               findings)
                       (list (list "auth-in-clear" (cadr case)))))))))

(ert-deftest mew-submit-finding-tests-what-was-stopped-is-not-judged ()
  "An attempt that was stopped says nothing of the network."
  (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
    (mew-submit-diagnosis--add
     diagnosis (list :event 'attempt :id 0 :port 587 :family "ipv4" :case nil
                     :address "192.0.2.1" :tls "starttls" :at 0.0))
    (mew-submit-diagnosis--add
     diagnosis (list :event 'probed :id 0 :kind "cancelled" :stage "connect"
                     :text "Cancelled" :at 1.0))
    (should (equal (mew-submit-finding-tests--ids diagnosis) nil))))

(ert-deftest mew-submit-finding-tests-who-is-no-antivirus ()
  "A firm's name accuses no program where it is a host's, a list's or an issuer's."
  (pcase-dolist
      (`(,product . ,attempt)
       '(("avast" :greeting "220 mx.example.org ESMTP (avast! Mail Shield)")
         ("Dr.Web" :greeting "220 mx.example.org ESMTP Dr.Web proxy")
         ("Kaspersky" :greeting "421 Kaspersky: cannot connect"
          :end (:said ("421 Kaspersky: cannot connect") :code 421 :step "greeting"))
         ("ESET" :tls (:problems ("issuer") :issuer "CN=ESET SSL Filter CA"))
         (nil :greeting "220 mail.panda.example.org ESMTP Postfix")
         (nil :greeting "220 smtp.norton.com ESMTP" :ehlo-name "smtp.norton.com")
         (nil :end (:text "mail.panda.example.org: the connection was lost"))
         (nil :greeting "554 client blocked using Trend Micro RBL+"
              :end (:said ("554 5.7.1 Service unavailable; client [192.0.2.1] blocked \
using Trend Micro RBL+")
                    :code 554 :step "greeting"))
         (nil :tls (:problems ("expired" "name")
                    :issuer "CN=COMODO RSA Domain Validation Secure Server CA"))))
    (should (equal (list attempt (mew-submit-finding--product attempt))
                   (list attempt product)))))

(ert-deftest mew-submit-finding-tests-words-of-the-server-are-safe ()
  "What a server says cannot deceive whoever reads a finding."
  (let ((diagnosis (mew-submit-finding-tests--diagnosis)))
    (mew-submit-diagnosis--add
     diagnosis (append (list :event 'attempt :id 0 :port 587 :family "ipv4"
                             :address "192.0.2.1")
                       mew-submit-finding-tests--attempt))
    (mew-submit-diagnosis--add
     diagnosis (list :event 'greeting :id 0 :code 554 :ms 1.0 :at 14.0
                     :text "554 \e[31mred\u202e\n 250 fine"))
    (mew-submit-diagnosis--add
     diagnosis (list :event 'probed :id 0 :kind "refused" :stage "greeting"
                     :code 554 :text "no" :at 15.0))
    (let ((finding (car (mew-submit-finding--list
                         diagnosis mew-submit-finding-tests--now))))
      (should (equal (plist-get finding :id) "greeting-not-220"))
      (should-not (string-match-p "[\e\u202e\n]" (plist-get finding :text))))))

(defun mew-submit-finding-tests--ids-in-sources ()
  "Return the names of all findings, as the sources have them."
  (let ((root (file-name-directory (locate-library "mew-submit")))
        ids)
    (dolist (file (directory-files (expand-file-name "lisp" root) t
                                   "\\`mew-submit-finding.*\\.el\\'")
                  (delete-dups ids))
      (with-temp-buffer
        (insert-file-contents file)
        (while (re-search-forward
                "(mew-submit-finding--make[ \n]+\"\\([a-z0-9-]+\\)\"\\|\
^ +'?(*\"\\([a-z0-9-]+\\)\" \\. \"\\|\"\\(certificate-[a-z-]+\\)\"" nil t)
          (push (or (match-string 1) (match-string 2) (match-string 3)) ids))))))

(ert-deftest mew-submit-finding-tests-the-manual-has-them-all ()
  "The manual tells of every finding by its whole name."
  (let ((ids (mew-submit-finding-tests--ids-in-sources)))
    (should (> (length ids) 45))
    (with-temp-buffer
      (insert-file-contents
       (expand-file-name "doc/mew-submit.org"
                         (file-name-directory (locate-library "mew-submit"))))
      (dolist (id ids)
        (goto-char (point-min))
        (should (search-forward (format "- =%s= (" id) nil t))))))

(ert-deftest mew-submit-finding-tests-all-advice ()
  "What make advice prints has a line for each sentence, of causes, findings and reports."
  (let* ((result (mew-submit-test-emacs
                  '("-L" "." "-L" "lisp" "-l" "test/tool/manual.el" "-l" "test/tool/advice.el"
                    "-f" "mew-submit-advice")))
         (lines (split-string (plist-get result :stdout) "\n" t)))
    (should (equal 0 (plist-get result :status)))
    (pcase-dolist (`(,where ,least) '(("cause" 100) ("finding" 100) ("network" 15) ("domain" 50)
                                      ("doctor" 50) ("mew-submit-report--certificates" 11)))
      (should (<= least (seq-count (lambda (line) (string-prefix-p (concat where " ") line))
                                   lines))))
    (should (seq-find (lambda (line) (string-prefix-p "network mtu: Send from another" line))
                      lines))))

(provide 'mew-submit-finding-tests)
;;; mew-submit-finding-tests.el ends here
