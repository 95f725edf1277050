;;; mew-submit-setup-discover-tests.el --- Tests for finding servers -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A name server of our own, on loopback, answers; documents come from a function, or
;; from `openssl s_server' where TLS is what is tested.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'gnutls)
(require 'mew-submit-setup-discover)
(require 'mew-submit-module)

;;; A name server

(defun mew-submit-setup-discover-tests--name (name)
  "Return NAME as it is in a packet."
  (concat (mapconcat (lambda (label)
                       (concat (unibyte-string (length label)) label))
                     (split-string name "[.]" t) "")
          "\0"))

(defun mew-submit-setup-discover-tests--short (number)
  "Return NUMBER in two octets."
  (unibyte-string (ash number -8) (logand number 255)))

(defun mew-submit-setup-discover-tests--srv (priority weight port target)
  "Return the data of an SRV record with PRIORITY, WEIGHT, PORT and TARGET."
  (concat (mapconcat #'mew-submit-setup-discover-tests--short
                     (list priority weight port) "")
          (mew-submit-setup-discover-tests--name target)))

(defun mew-submit-setup-discover-tests--mx (preference host)
  "Return the data of an MX record with PREFERENCE and HOST."
  (concat (mew-submit-setup-discover-tests--short preference)
          (mew-submit-setup-discover-tests--name host)))

(defun mew-submit-setup-discover-tests--answer (packet zone)
  "Return the answer to the question PACKET from ZONE.
ZONE is a list of (NAME TYPE DATA...), or a function of the question."
  (if (functionp zone)
      (funcall zone packet)
    (let* ((question (caar (cdr (assq 'queries (dns-read packet)))))
           (name (car question))
           (type (cadr (assq 'type (cdr question))))
           (records (cddr (seq-find (lambda (entry)
                                      (and (equal (nth 0 entry) name)
                                           (eq (nth 1 entry) type)))
                                    zone))))
      (dns-write `((id ,(cadr (assq 'id (dns-read packet))))
                   (opcode query) (response-p t)
                   (response-code ,(if records 'no-error 'name-error))
                   (queries ((,name (type ,type))))
                   (answers ,(mapcar (lambda (data)
                                       `(,name (type ,type) (class IN) (ttl 60)
                                               (data ,data)))
                                     records)))))))

(defmacro mew-submit-setup-discover-tests--with-zone (zone &rest body)
  "Run BODY while a name server answers from ZONE."
  (declare (indent 1))
  `(let* ((questions nil)
          (server (make-network-process
                   :name "zone" :server t :type 'datagram :host "127.0.0.1"
                   :service t :coding 'binary :noquery t
                   :filter (lambda (process packet)
                             (push (caar (cadr (assq 'queries (dns-read packet))))
                                   questions)
                             (when-let* ((answer (mew-submit-setup-discover-tests--answer
                                                 packet ,zone)))
                               (dolist (one (ensure-list answer))
                                 (process-send-string process one))))))
          (dns-servers '("127.0.0.1"))
          (dns-servers-valid-for-interfaces t)
          (mew-submit-dns--port (process-contact server :service)))
     (ignore questions)
     (unwind-protect
         (progn ,@body)
       (delete-process server))))

(defun mew-submit-setup-discover-tests--find (way address)
  "Return what is found for ADDRESS in WAY."
  (let (found)
    (mew-submit-setup-discover--start way address (lambda (result) (setq found (list result))))
    (car (mew-submit-test-until ("what is found") found))))

(defun mew-submit-setup-discover-tests--places (found)
  "Return (HOST PORT TLS) of all candidates in FOUND."
  (mapcar (lambda (candidate)
            (list (plist-get candidate :host) (plist-get candidate :port)
                  (plist-get candidate :tls)))
          (plist-get found :candidates)))

;;; SRV

(ert-deftest mew-submit-setup-discover-tests-srv ()
  "Priority decides, then implicit TLS, then weight; names outside are told."
  (mew-submit-setup-discover-tests--with-zone
      `(("_submissions._tcp.example.org" SRV
         ,(mew-submit-setup-discover-tests--srv 10 1 465 "b.example.org"))
        ("_submission._tcp.example.org" SRV
         ,(mew-submit-setup-discover-tests--srv 10 5 587 "c.example.org")
         ,(mew-submit-setup-discover-tests--srv 5 1 2587 "smtp.example.net")
         ,(mew-submit-setup-discover-tests--srv 10 9 587 "d.example.org")))
    (let ((found (mew-submit-setup-discover-tests--find 'srv "me@example.org")))
      (should (equal (mew-submit-setup-discover-tests--places found)
                     '(("smtp.example.net" 2587 starttls)
                       ("b.example.org" 465 implicit)
                       ("d.example.org" 587 starttls)
                       ("c.example.org" 587 starttls))))
      (should (equal (mapcar (lambda (candidate) (plist-get candidate :foreign))
                             (plist-get found :candidates))
                     '(t nil nil nil)))
      (should-not (plist-get found :never)))))

(ert-deftest mew-submit-setup-discover-tests-srv-not-offered ()
  "A target of \".\" says that there is no such server, and counts for its service only."
  (mew-submit-setup-discover-tests--with-zone
      `(("_submissions._tcp.example.org" SRV
         ,(mew-submit-setup-discover-tests--srv 0 0 0 ""))
        ("_submission._tcp.example.org" SRV
         ,(mew-submit-setup-discover-tests--srv 0 0 0 ""))
        ("_submissions._tcp.example.net" SRV
         ,(mew-submit-setup-discover-tests--srv 0 0 0 ""))
        ("_submission._tcp.example.net" SRV
         ,(mew-submit-setup-discover-tests--srv 0 0 587 "a.example.net")))
    (let ((found (mew-submit-setup-discover-tests--find 'srv "me@example.org")))
      (should-not (plist-get found :candidates))
      (should (plist-get found :never)))
    (let ((found (mew-submit-setup-discover-tests--find 'srv "me@example.net")))
      (should (equal (mew-submit-setup-discover-tests--places found)
                     '(("a.example.net" 587 starttls))))
      (should-not (plist-get found :never)))))

(ert-deftest mew-submit-setup-discover-tests-srv-nothing ()
  "Where there is nothing, that is what is found; the right names were asked for."
  (mew-submit-setup-discover-tests--with-zone nil
    (let ((found (mew-submit-setup-discover-tests--find 'srv "me@Bücher.example")))
      (should-not (plist-get found :candidates))
      (should-not (plist-get found :never))
      (should (equal (car (plist-get found :said))
                     "SRV records of _submissions._tcp.xn--bcher-kva.example: none")))
    (should (equal (sort (delete-dups questions) #'string<)
                   '("_submission._tcp.xn--bcher-kva.example"
                     "_submissions._tcp.xn--bcher-kva.example")))))

(ert-deftest mew-submit-setup-discover-tests-dns-lies ()
  "SECURITY: S6.  Garbage, another question's answer and one with another number are not taken."
  (mew-submit-setup-discover-tests--with-zone
      (lambda (packet)
        (let* ((good (mew-submit-setup-discover-tests--answer
                      packet `(("example.org" MX
                                ,(mew-submit-setup-discover-tests--mx 1 "good.example.org")))))
               (evil (mew-submit-setup-discover-tests--answer
                      packet `(("example.org" MX
                                ,(mew-submit-setup-discover-tests--mx 1 "evil.example.org")))))
               (number (concat (unibyte-string (logxor 1 (aref evil 0)))
                               (substring evil 1)))
               (question (string-replace "\7example" "\7exbmple" evil)))
          (list "x" "" (make-string 40 255) (concat (substring good 0 12) "\300\14")
                number question good)))
    (let (found)
      (mew-submit-dns--ask "example.org" 'MX (lambda (result) (setq found result)))
      (should (equal (plist-get (mew-submit-test-until ("the answer") found) :answers)
                     '((:preference 1 :host "good.example.org")))))))

(ert-deftest mew-submit-setup-discover-tests-dns-elsewhere ()
  "SECURITY: S6.  An answer from anybody but who was asked is not taken."
  (let (stranger)
    (mew-submit-setup-discover-tests--with-zone
        (lambda (packet)
          (let ((answer (lambda (host)
                          (mew-submit-setup-discover-tests--answer
                           packet `(("example.org" MX
                                     ,(mew-submit-setup-discover-tests--mx 1 host)))))))
            (setq stranger (make-network-process
                            :name "stranger" :type 'datagram :coding 'binary :noquery t
                            ;; Emacs 30 warns where there is none.
                            :service nil
                            :remote (process-datagram-address
                                     (car (seq-filter (lambda (process)
                                                        (equal (process-name process) "zone"))
                                                      (process-list))))))
            (process-send-string stranger (funcall answer "evil.example.org"))
            (list (funcall answer "good.example.org"))))
      (let (found)
        (mew-submit-dns--ask "example.org" 'MX (lambda (result) (setq found result)))
        (unwind-protect
            (should (equal (plist-get (mew-submit-test-until ("the answer") found) :answers)
                           '((:preference 1 :host "good.example.org"))))
          (delete-process stranger))))))

(ert-deftest mew-submit-setup-discover-tests-dns-many ()
  "SECURITY: S6.  A packet that would take long to read is none; what is behind the answers is not read."
  (let* ((question "\7example\3org\0\0\17\0\1")
         (answer "\300\14\0\17\0\1\0\0\0\1\0\4\0\12\300\14")
         (packet (lambda (questions answers more)
                   (concat "\0\1\201\200" (unibyte-string 0 questions (ash answers -8)
                                                          (logand answers 255))
                           "\0\1\0\1"
                           (apply #'concat (make-list questions question))
                           (apply #'concat (make-list answers answer))
                           more))))
    (pcase-dolist (`(,questions ,answers) '((1 101) (1 3000) (2 1)))
      (should-error (mew-submit-dns--read (funcall packet questions answers ""))))
    (should (equal (mew-submit-dns--records
                    (mew-submit-dns--read (funcall packet 1 2 "\377\377 no record")) 'MX)
                   (make-list 2 '(:preference 10 :host "example.org"))))))

;; dns.el would wait for nslookup, look up names, and keep what it has read once.
(ert-deftest mew-submit-setup-discover-tests-dns-servers ()
  "The servers are those of the file as it is now; nobody is waited for to find them."
  (let ((mew-submit-dns--file (make-temp-file "resolv.conf"))
        (dns-servers nil)
        (dns-servers-valid-for-interfaces nil))
    (unwind-protect
        (cl-letf (((symbol-function 'call-process) (lambda (&rest _) (error "This waits"))))
          (pcase-dolist (`(,text . ,servers)
                         '(("nameserver 192.0.2.1\n" "192.0.2.1")
                           ("nameserver 192.0.2.2\n" "192.0.2.2")
                           ("" "127.0.0.1")
                           ("# nameserver 192.0.2.1\nsearch example.org\n" "127.0.0.1")
                           ("nameserver ns.example.org\nnameserver\t2001:db8::1\r\n"
                            "2001:db8::1")
                           ("nameserver fe80::1%eth0\noptions edns0\n" "fe80::1%eth0")
                           ;; The answer would come from another address than was asked.
                           ("nameserver 0.0.0.0\nnameserver ::\n" "127.0.0.1" "::1")
                           ("nameserver 192.0.2.1\nnameserver 192.0.2.2\n\
nameserver 192.0.2.3\nnameserver 192.0.2.4\n" "192.0.2.1" "192.0.2.2" "192.0.2.3")))
            (write-region text nil mew-submit-dns--file nil 'silent)
            (should (equal (mew-submit-dns--servers) servers)))
          (let ((dns-servers '("192.0.2.9")))
            (let ((dns-servers-valid-for-interfaces t))
              (should (equal (mew-submit-dns--servers) '("192.0.2.9"))))
            (delete-file mew-submit-dns--file)
            (should (equal (mew-submit-dns--servers) '("192.0.2.9"))))
          ;; What is no file cannot be read to its end.
          (should-not (mew-submit-dns--servers))
          (make-directory mew-submit-dns--file)
          (should-not (mew-submit-dns--servers))
          (delete-directory mew-submit-dns--file))
      (when (file-exists-p mew-submit-dns--file)
        (delete-file mew-submit-dns--file)))))

(ert-deftest mew-submit-setup-discover-tests-dns-silence ()
  "A name server that keeps silent is waited for, but not for long; no server at all is no wait."
  (mew-submit-setup-discover-tests--with-zone #'ignore
    (let ((mew-submit-dns-timeout 0.2)
          (calls 0))
      (dolist (dns-servers '(("127.0.0.1") ("not a server")))
        (let (found)
          (mew-submit-dns--ask "example.org" 'MX
                               (lambda (result)
                                 (cl-incf calls)
                                 (setq found result)))
          (should (eq (plist-get (mew-submit-test-until ("the end") found) :status)
                      'failed))))
      (accept-process-output nil 0.3)
      (should (= calls 2)))))

;; Under load Emacs itself is late: timers run before what has come is read.
(ert-deftest mew-submit-setup-discover-tests-dns-busy ()
  "An answer that has come while Emacs was busy counts, though time is up."
  (mew-submit-setup-discover-tests--with-zone
      `(("example.org" MX ,(mew-submit-setup-discover-tests--mx 1 "good.example.org")))
    (let ((mew-submit-dns-timeout 0)
          found)
      (mew-submit-dns--ask "example.org" 'MX (lambda (result) (setq found result)))
      (accept-process-output server 120 nil 0)
      (should (equal questions '("example.org")))
      (should (eq (plist-get (mew-submit-test-until ("the answer") found) :status) 'ok))
      (should (= (length questions) 1)))))

;;; XML

(defconst mew-submit-setup-discover-tests--document
  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<clientConfig version=\"1.1\"><emailProvider id=\"example.org\">
<incomingServer type=\"imap\"><hostname>imap.example.org</hostname><port>993</port>
<socketType>SSL</socketType></incomingServer>
<outgoingServer type=\"smtp\"><hostname>plain.example.org</hostname><port>25</port>
<socketType>plain</socketType><username>%EMAILADDRESS%</username></outgoingServer>
<outgoingServer type=\"smtp\"><hostname>smtp.%EMAILDOMAIN%</hostname><port>465</port>
<socketType>SSL</socketType><username>%EMAILLOCALPART%</username>
<authentication>OAuth2</authentication>
<authentication>password-cleartext</authentication></outgoingServer>
<outgoingServer type=\"smtp\"><hostname>oauth.example.net</hostname><port>587</port>
<socketType>STARTTLS</socketType><username>%EMAILADDRESS%</username>
<authentication>OAuth2</authentication></outgoingServer>
<outgoingServer type=\"smtp\"><hostname>bad host</hostname><port>587</port>
<socketType>STARTTLS</socketType></outgoingServer>
<outgoingServer type=\"smtp\"><hostname>relay.example.org</hostname><port>587</port>
<socketType>STARTTLS</socketType>
<authentication>client-IP-address</authentication></outgoingServer>
</emailProvider>
<oAuth2><issuer>id.example.org</issuer><scope>mail</scope>
<authURL>https://evil.example/auth</authURL></oAuth2></clientConfig>"
  "A document as Thunderbird reads it.")

(ert-deftest mew-submit-setup-discover-tests-xml ()
  "Servers without TLS and bad names are left out; names and log-in are understood."
  (let ((candidates (mew-submit-setup-discover--parse mew-submit-setup-discover-tests--document
                                                      "example.org" "me%@example.org")))
    (should (equal (mapcar (lambda (candidate)
                             (mapcar (lambda (key) (plist-get candidate key))
                                     '(:host :port :tls :user :auth :login :password
                                             :issuer :scope :foreign)))
                           candidates)
                   '(("smtp.example.org" 465 implicit "me%" nil oauth t
                      "https://id.example.org" "mail" nil)
                     ("oauth.example.net" 587 starttls "me%@example.org" nil oauth nil
                      "https://id.example.org" "mail" t)
                     ("relay.example.org" 587 starttls nil "none" nil nil nil nil nil))))))

(ert-deftest mew-submit-setup-discover-tests-xml-local-part ()
  "The user's own part of an address is that, however the domain is written."
  (dolist (address '("me@example.org" "me@EXAMPLE.org" "me@bücher.example"
                     "me@xn--bcher-kva.example"))
    (ert-info (address)
      (should (equal "me" (plist-get (car (mew-submit-setup-discover--parse
                                           mew-submit-setup-discover-tests--document
                                           (mew-submit-setup-discover--domain address)
                                           address))
                                     :user))))))

(ert-deftest mew-submit-setup-discover-tests-xml-order-of-log-ins ()
  "What is listed first counts: a password before an access token is a password."
  (let ((candidate (car (mew-submit-setup-discover--parse
                         (string-replace
                          "<authentication>OAuth2</authentication>
<authentication>password-cleartext</authentication>"
                          "<authentication>password-cleartext</authentication>
<authentication>OAuth2</authentication>"
                          mew-submit-setup-discover-tests--document)
                         "example.org" "me@example.org"))))
    (should-not (plist-get candidate :login))
    (should-not (plist-get candidate :issuer))))

(ert-deftest mew-submit-setup-discover-tests-foreign-tokens ()
  "SECURITY: S4.  No document leads tokens of a known provider to another server."
  (pcase-dolist (`(,issuer ,host ,fine)
                 '(("accounts.google.com" "smtp.evil.example" nil)
                   ("https://Accounts.Google.com/" "smtp.evil.example" nil)
                   ("https://accounts.google.com:443/x" "smtp.evil.example" nil)
                   ("https://login.microsoftonline.com/common" "smtp.gmail.com" nil)
                   ("http://id.example.org" "smtp.example.org" nil)
                   ("https://id.example.org/\e]0;x" "smtp.example.org" nil)
                   ("https://id.example.org/\nx" "smtp.example.org" nil)
                   ("https://id.example.org@accounts.google.com" "smtp.example.org" nil)
                   ("accounts.google.com" "smtp.gmail.com" t)
                   ("https://login.microsoftonline.com/organizations/v2.0"
                    "smtp.office365.com" t)
                   ("id.example.org" "smtp.example.org" t)))
    (ert-info ((format "%s at %s" issuer host))
      (should (eq fine
                  (and (plist-get (mew-submit-setup-discover--with-login
                                   (list :host host) issuer "mail" nil)
                                  :issuer)
                       t))))))

(ert-deftest mew-submit-setup-discover-tests-xml-garbage ()
  "SECURITY: S5.  What is no such document holds no server, and blows nothing up."
  (dolist (document
           (list "" "<" "<a><b></a>" "<html><body>404</body></html>" "\377\376"
                 (concat "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">"
                         "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
                         "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
                         "<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\">"
                         "<!ENTITY e \"&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;\">"
                         "]><x>&e;</x>")))
    (should-not (mew-submit-setup-discover--parse document "example.org" "me@example.org"))))

(ert-deftest mew-submit-setup-discover-tests-xml-many-servers ()
  "SECURITY: S5.  Emacs does not stand still for many servers, one in the other or not."
  (require 'dom)
  (let* ((server "<outgoingServer type='smtp'><hostname>smtp.example.org</hostname>\
<port>465</port><socketType>SSL</socketType>")
         (end "</outgoingServer>")
         (looks 0)
         (read (lambda (document)
                 (setq looks 0)
                 (length (mew-submit-setup-discover--parse document "example.org"
                                                           "me@example.org"))))
         (count (lambda (&rest _) (setq looks (1+ looks)))))
    (unwind-protect
        (progn
          (advice-add 'dom-by-tag :before count)
          (dolist (document (list (concat (apply #'concat (make-list 100 server))
                                          (apply #'concat (make-list 100 end)))
                                  (concat "<a>" (apply #'concat
                                                       (make-list 100 (concat server end)))
                                          "</a>")))
            (should (= mew-submit-setup-discover--servers-max (funcall read document)))
            ;; Each of some 400 elements is looked at for two things.
            (should (< 0 looks 1000)))
          (dolist (more (list (concat "<a b='" (apply #'concat (make-list 1000 "&amp;"))
                                      "'/>")
                              (concat "<a" (mapconcat (lambda (n) (format " b%d=''" n))
                                                      (number-sequence 1 1000) "")
                                      "/>")
                              (apply #'concat (make-list 4000 "<a/>"))))
            (should (= 1 (funcall read (concat "<a>" server end "<b/></a>"))))
            (should (= 1 (funcall read (concat "<a>" server end
                                               (apply #'concat (make-list 900 "<domain>x</domain>"))
                                               "</a>"))))
            (should (= 0 (funcall read (concat "<a>" server end more "</a>"))))))
      (advice-remove 'dom-by-tag count))))

;; Trimmed as a whole such a text does not end.
(ert-deftest mew-submit-setup-discover-tests-xml-blanks ()
  "SECURITY: S5.  A text of many blanks is none, and holds up nobody."
  (let ((blanks (make-string 1000000 ?\s)))
    (should-not (mew-submit-setup-discover--parse
                 (replace-regexp-in-string
                  "<hostname>[^<]*" (concat "<hostname>a" blanks "b")
                  mew-submit-setup-discover-tests--document t t)
                 "example.org" "me@example.org"))
    (should (mew-submit-setup-discover--parse
             (replace-regexp-in-string
              "<username>[^<]*" (concat "<username>a" blanks "b")
              mew-submit-setup-discover-tests--document t t)
             "example.org" "me@example.org"))))

(ert-deftest mew-submit-setup-discover-tests-autoconfig-order ()
  "The domain's own documents count before the database, whichever comes first."
  (let* ((asked nil)
         (own (string-replace "465" "4465" mew-submit-setup-discover-tests--document))
         (mew-submit-setup-discover--fetch-function
          (lambda (url callback)
            (push url asked)
            (cond ((string-search "well-known" url)
                   (run-at-time 0.2 nil callback own))
                  ((string-search "thunderbird" url)
                   (run-at-time 0 nil callback
                                mew-submit-setup-discover-tests--document))
                  (t (run-at-time 0 nil callback nil))))))
    (should (equal (car (mew-submit-setup-discover-tests--places
                         (mew-submit-setup-discover-tests--find 'autoconfig
                                                                "m+e@example.org")))
                   '("smtp.example.org" 4465 implicit)))
    (should (equal (sort asked #'string<)
                   '("https://autoconfig.example.org/mail/config-v1.1.xml\
?emailaddress=m%2Be%40example.org"
                     "https://autoconfig.thunderbird.net/v1.1/example.org"
                     "https://example.org/.well-known/autoconfig/mail/config-v1.1.xml")))))

(ert-deftest mew-submit-setup-discover-tests-capitals ()
  "What is asked on the web has small letters: paths are told apart by them."
  (mew-submit-setup-discover-tests--with-zone
      `(("example.org" MX ,(mew-submit-setup-discover-tests--mx 10 "MX.Example.NET")))
    (dolist (way '(autoconfig mx))
      (let* ((asked nil)
             (mew-submit-setup-discover--fetch-function
              (lambda (url callback)
                (push url asked)
                (run-at-time 0 nil callback nil))))
        (mew-submit-setup-discover-tests--find way "Me@Example.ORG")
        (should (member (format "https://autoconfig.thunderbird.net/v1.1/%s"
                                (if (eq way 'mx) "example.net" "example.org"))
                        asked))))))

;;; MX

(ert-deftest mew-submit-setup-discover-tests-mx ()
  "The database is asked about the exchanger's domain; else names are guessed."
  (mew-submit-setup-discover-tests--with-zone
      `(("example.org" MX
         ,(mew-submit-setup-discover-tests--mx 20 "backup.example.com")
         ,(mew-submit-setup-discover-tests--mx 10 "mx1.mail.example.net")))
    (let* ((asked nil)
           (document nil)
           (mew-submit-setup-discover--fetch-function
            (lambda (url callback)
              (push url asked)
              (run-at-time 0 nil callback document))))
      (should (equal (mapcar #'car (mew-submit-setup-discover-tests--places
                                    (mew-submit-setup-discover-tests--find
                                     'mx "me@example.org")))
                     '("smtp.example.org" "mail.example.org" "submission.example.org"
                       "mx1.mail.example.net" "smtp.example.net"
                       "smtp.mail.example.net")))
      (should (equal (sort asked #'string<)
                     '("https://autoconfig.thunderbird.net/v1.1/example.net"
                       "https://autoconfig.thunderbird.net/v1.1/mail.example.net")))
      (setq document mew-submit-setup-discover-tests--document)
      (should (equal (car (mew-submit-setup-discover-tests--places
                           (mew-submit-setup-discover-tests--find 'mx "me@example.org")))
                     '("smtp.example.org" 465 implicit)))
      (setq asked nil)
      (let ((mew-submit-discover-database nil))
        (mew-submit-setup-discover-tests--find 'mx "me@example.org")
        (should-not asked)))))

(ert-deftest mew-submit-setup-discover-tests-provider ()
  "The provider that the best exchanger belongs to is known, and how one logs in."
  (mew-submit-setup-discover-tests--with-zone
      `(("example.org" MX
         ,(mew-submit-setup-discover-tests--mx 20 "mx.example.com")
         ,(mew-submit-setup-discover-tests--mx 1 "ASPMX.L.Google.com"))
        ("example.net" MX ,(mew-submit-setup-discover-tests--mx 1 "notgoogle.com")))
    (let* ((found (mew-submit-setup-discover-tests--find 'provider "me@example.org"))
           (candidate (car (plist-get found :candidates))))
      (should (equal (mew-submit-setup-discover-tests--places found)
                     '(("smtp.gmail.com" 465 implicit) ("smtp.gmail.com" 587 starttls))))
      (should (equal (plist-get candidate :provider) "Google"))
      (should (eq (plist-get candidate :login) 'app-password))
      (should (plist-get candidate :foreign)))
    (should-not (plist-get (mew-submit-setup-discover-tests--find 'provider
                                                                  "me@example.net")
                           :candidates))))

(ert-deftest mew-submit-setup-discover-tests-table ()
  "Each provider of the table is whole, and found by its own exchangers and servers."
  (dolist (provider mew-submit-setup-provider--table)
    (ert-info ((car provider))
      (let ((keys (cdr provider)))
        (dolist (mx (plist-get keys :mx))
          (should (eq provider (mew-submit-setup-provider--by-mx (concat "x." mx)))))
        (pcase-dolist (`(,host ,port ,tls) (plist-get keys :servers))
          (should (eq (and (not (eq (plist-get keys :login) 'bridge)) provider)
                      (mew-submit-setup-provider--by-server host)))
          (should (equal host (mew-submit-address--host host)))
          (should (memq tls '(implicit starttls)))
          (should (< 0 port 65536)))
        (should (memq (plist-get keys :login)
                      '(nil password app-password oauth bridge)))
        (dolist (key '(:page :issuer))
          (when (plist-get keys key)
            (should (mew-submit-setup-provider--url-host (plist-get keys key)))))
        (when (memq (plist-get keys :login) '(app-password bridge))
          (should (plist-get keys :page)))
        (dolist (alias (plist-get keys :aliases))
          (let ((owner (mew-submit-setup-provider--by-server alias)))
            ;; Another one may have that name first, who gives tokens by the same issuer.
            (should (or (eq owner provider)
                        (equal (mew-submit-setup-provider--url-host
                                (plist-get (cdr owner) :issuer))
                               (mew-submit-setup-provider--url-host
                                (plist-get keys :issuer)))))))))))

(ert-deftest mew-submit-setup-discover-tests-regions ()
  "A provider whose log-ins are good in one region only is known by that region."
  (pcase-dolist (`(,mx ,server ,business)
                 '(("mx.zoho.com" "smtp.zoho.com" "smtppro.zoho.com")
                   ("mx2.zoho.eu" "smtp.zoho.eu" "smtppro.zoho.eu")
                   ("mx.zoho.in" "smtp.zoho.in" "smtppro.zoho.in")
                   ("mx3.zoho.com.au" "smtp.zoho.com.au" "smtppro.zoho.com.au")
                   ("mx.zoho.jp" "smtp.zoho.jp" "smtppro.zoho.jp")))
    (ert-info (mx)
      (let ((provider (mew-submit-setup-provider--by-mx mx)))
        (should (equal (caar (plist-get (cdr provider) :servers)) server))
        (should (eq provider (mew-submit-setup-provider--by-server business)))))))

(ert-deftest mew-submit-setup-discover-tests-foreign-issuer ()
  "An issuer that is neither the domain's nor the server's is called so."
  (pcase-dolist (`(,issuer ,server ,foreign)
                 '(("https://id.example.org" "smtp.evil.example" nil)
                   ("https://id.host.example" "smtp.host.example" nil)
                   ("https://host.example" "smtp.host.example" nil)
                   ("https://id.firm.example" "smtp.example.org" t)
                   ("https://id.example.org.evil.example" "smtp.example.org" t)
                   ("https://id.example" "smtp.example" t)
                   ("https://id.firm.co.uk" "evil.co.uk" t)
                   ("https://id.firm.co.uk" "smtp.firm.co.uk" nil)
                   ("https://firm.github.io" "evil.github.io" t)
                   ("https://accounts.google.com" "smtp.gmail.com" nil)
                   (nil "smtp.example.org" nil)))
    (ert-info ((format "%s %s" issuer server))
      (should (eq foreign (and (mew-submit-setup-discover--foreign-issuer-p
                                (list :host server :issuer issuer) "example.org")
                               t))))))

(ert-deftest mew-submit-setup-discover-tests-same-server ()
  "SECURITY: S11.  Other names of a server are those of its own provider, and no others."
  (pcase-dolist (`(,host ,other ,same)
                 '(("smtp.gmail.com" "smtp.googlemail.com" t)
                   ("smtp.googlemail.com" "SMTP.gmail.com" t)
                   ("smtp-mail.outlook.com" "smtp.office365.com" t)
                   ("smtp.office365.com" "smtp-mail.outlook.com" t)
                   ("smtp.example.org" "Smtp.Example.Org" t)
                   ("smtp.gmail.com" "smtp.office365.com" nil)
                   ("smtp.gmail.com" "smtp.gmail.com.evil.example" nil)
                   ("smtp.evil.example" "smtp.googlemail.com" nil)
                   ("smtp.mail.yahoo.com" "smtp.aol.com" nil)
                   ("smtp.gmail.com" "" nil)
                   ;; A bridge is at an address that everybody has.
                   ("127.0.0.1" "127.0.0.2" nil)))
    (ert-info ((format "%s, %s" host other))
      (should (eq same (mew-submit-setup-provider--same-p host other)))))
  ;; What the alias leads to is what is known of the provider.
  (should (equal (car (mew-submit-setup-provider--by-server "smtp.googlemail.com"))
                 "Google")))

;;; PACC

(defconst mew-submit-setup-discover-tests--pacc
  "{\"protocols\":{\"smtp\":{\"host\":\"smtp.example.org\"},
 \"imap\":{\"host\":\"imap.example.org\"}},
 \"authentication\":{\"oauth-public\":{\"issuer\":\"https://id.example.org/\"},
                     \"password\":true},
 \"info\":{\"provider\":{\"name\":\"Example\"},
          \"help\":{\"documentation\":\"https://example.org/help\"}}}"
  "A document as PACC has it.")

(defun mew-submit-setup-discover-tests--digest (document)
  "Return the record that vouches for DOCUMENT, in one string of a TXT record."
  (let ((text (format "v=UAAC1; a=sha256; d=%s"
                      (base64-encode-string (secure-hash 'sha256 document nil nil t) t))))
    (concat (unibyte-string (length text)) text)))

(ert-deftest mew-submit-setup-discover-tests-pacc ()
  "SECURITY: S3.  The JSON is believed if the DNS has its digest, and else not."
  (let* ((document mew-submit-setup-discover-tests--pacc)
         (asked nil)
         (mew-submit-setup-discover--fetch-function
          (lambda (url callback)
            (push url asked)
            (run-at-time 0 nil callback document)))
         (digest (mew-submit-setup-discover-tests--digest document)))
    (mew-submit-setup-discover-tests--with-zone
        `(("_ua-auto-config.example.org" TXT "\4none" ,digest))
      (let* ((found (mew-submit-setup-discover-tests--find 'pacc "me@example.org"))
             (candidate (car (plist-get found :candidates))))
        (should (equal asked '("https://ua-auto-config.example.org/.well-known/\
user-agent-configuration.json")))
        (should (equal (mew-submit-setup-discover-tests--places found)
                       '(("smtp.example.org" 465 implicit))))
        (should (equal (mapcar (lambda (key) (plist-get candidate key))
                               '(:login :issuer :scope :password :page))
                       '(oauth "https://id.example.org/" "urn:ietf:params:oauth:scope:mail" t
                         "https://example.org/help"))))
      ;; One octet more, and it is not what the domain vouches for.
      (setq document (concat document " "))
      (let ((found (mew-submit-setup-discover-tests--find 'pacc "me@example.org")))
        (should-not (plist-get found :candidates))
        (should (string-search "not believed" (car (plist-get found :said)))))
      (setq document nil)
      (should-not (plist-get (mew-submit-setup-discover-tests--find
                              'pacc "me@example.org")
                             :candidates))
      ;; Without a digest the web is not even asked.
      (setq asked nil)
      (should-not (plist-get (mew-submit-setup-discover-tests--find
                              'pacc "me@example.net")
                             :candidates))
      (should-not asked))))

(ert-deftest mew-submit-setup-discover-tests-pacc-garbage ()
  "SECURITY: S5.  What is no such JSON holds no server, and blows nothing up."
  (dolist (document (list "" "{" "[]" "null" "\"x\"" "{\"protocols\":[1]}"
                          "{\"protocols\":{\"smtp\":{\"host\":7}}}"
                          "{\"protocols\":{\"smtp\":{\"host\":\"no host\"}}}"
                          "\377\376" (make-string 100000 ?\[)))
    (should-not (mew-submit-setup-discover--pacc-parse document "example.org"))))

;;; The web

(defun mew-submit-setup-discover-tests--certify ()
  "Make an authority, ca.pem, and a certificate for localhost, cert.pem, here."
  (let ((key '("-newkey" "ec" "-pkeyopt" "ec_paramgen_curve:prime256v1" "-nodes"))
        (run (lambda (&rest arguments)
               (unless (eq 0 (apply #'call-process "openssl" nil nil nil arguments))
                 (ert-fail (format "openssl failed: %s" arguments))))))
    (mew-submit-test-write "ext" "subjectAltName=DNS:localhost
extendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n")
    (apply run "req" "-x509" "-days" "2" "-subj" "/CN=Test authority"
           "-addext" "keyUsage=critical,keyCertSign,cRLSign"
           "-keyout" "ca.key" "-out" "ca.pem" key)
    (apply run "req" "-new" "-subj" "/CN=localhost" "-keyout" "key.pem"
           "-out" "csr" key)
    (funcall run "x509" "-req" "-in" "csr" "-days" "2" "-CA" "ca.pem"
             "-CAkey" "ca.key" "-CAcreateserial" "-extfile" "ext"
             "-out" "cert.pem")))

(defun mew-submit-setup-discover-tests--free-port ()
  "Return the number of a port that nobody listens on."
  (let ((probe (make-network-process :name "probe" :server t :host "127.0.0.1"
                                     :service t :noquery t)))
    (prog1 (process-contact probe :service)
      (delete-process probe))))

(defun mew-submit-setup-discover-tests--start (output program &rest arguments)
  "Start PROGRAM with ARGUMENTS, have its output in the buffer OUTPUT; return the process."
  (make-process :name program :buffer output :noquery t :connection-type 'pipe
                :command (cons program arguments)))

(defmacro mew-submit-setup-discover-tests--with-https (spec &rest body)
  "Run BODY while there is a server with TLS, SPEC being (URL CA DOCUMENT).
URL and CA are bound to where DOCUMENT is, and to whom its certificate is from.
The server has all files of `default-directory', as they are with their header."
  (declare (indent 1))
  `(mew-submit-test-with-directory directory
     (let* ((default-directory directory)
            (port (mew-submit-setup-discover-tests--free-port))
            (,(nth 0 spec) (format "https://localhost:%d/doc" port))
            (,(nth 1 spec) (expand-file-name "ca.pem" directory))
            server)
       (mew-submit-setup-discover-tests--page
        "doc" "200 OK\r\nContent-Type: text/xml" ,(nth 2 spec))
       (mew-submit-setup-discover-tests--certify)
       (unwind-protect
           (progn
             (setq server (make-process
                           :name "server" :noquery t :connection-type 'pipe
                           :command (list "openssl" "s_server"
                                          "-accept" (format "%d" port)
                                          "-cert" "cert.pem" "-key" "key.pem"
                                          "-HTTP" "-quiet")))
             (mew-submit-test-until ("the server")
               (ignore-errors
                 (delete-process (open-network-stream "x" nil "127.0.0.1" port))
                 t))
             ,@body)
         (when server
           (delete-process server))))))

(defun mew-submit-setup-discover-tests--page (name head &optional body)
  "Write the answer of a web server with HEAD and BODY to the file NAME."
  (mew-submit-test-write (expand-file-name name)
                         (concat "HTTP/1.0 " head "\r\n\r\n" body)))

(defun mew-submit-setup-discover-tests--fetch (url)
  "Return what is at URL."
  (let (found)
    (mew-submit-setup-discover--fetch url (lambda (document) (setq found (list document))))
    (car (mew-submit-test-until ("the document") found))))

(ert-deftest mew-submit-setup-discover-tests-https ()
  "SECURITY: S2.  A document is taken over TLS, with a certificate that can be verified, and no other."
  :tags '(:module)
  (skip-unless (executable-find "openssl"))
  (skip-unless (gnutls-available-p))
  (mew-submit-setup-discover-tests--with-https (url ca "<the document/>")
    (let ((mew-submit-discover-timeout 120))
      (let ((gnutls-trustfiles (list ca)))
        (should (equal (mew-submit-setup-discover-tests--fetch url) "<the document/>"))
        (should-not (mew-submit-setup-discover-tests--fetch
                     (string-replace "localhost" "127.0.0.1" url))))
      (should-not (mew-submit-setup-discover-tests--fetch url))
      (should-not (mew-submit-setup-discover-tests--fetch
                   (string-replace "https:" "http:" url)))
      (should-not (mew-submit-setup-discover-tests--fetch "file:///etc/passwd")))))

(ert-deftest mew-submit-setup-discover-tests-documents-over-https ()
  "The octets that a server with TLS gives are those that the DNS vouches for; XML, too."
  :tags '(:module)
  (skip-unless (executable-find "openssl"))
  (skip-unless (gnutls-available-p))
  (pcase-dolist (`(,way ,document ,place)
                 `((pacc ,mew-submit-setup-discover-tests--pacc
                         ("smtp.example.org" 465 implicit))
                   (autoconfig ,mew-submit-setup-discover-tests--document
                               ("smtp.example.org" 465 implicit))))
    (mew-submit-setup-discover-tests--with-https (url ca document)
      (mew-submit-setup-discover-tests--with-zone
          `(("_ua-auto-config.example.org" TXT
             ,(mew-submit-setup-discover-tests--digest document)))
        (let ((gnutls-trustfiles (list ca))
              (mew-submit-discover-timeout 120)
              (mew-submit-discover-database nil)
              (mew-submit-discover-urls (list url))
              ;; PACC's name would have to be in the system's DNS.
              (mew-submit-setup-discover--fetch-function
               (lambda (_url callback)
                 (mew-submit-setup-discover--fetch url callback))))
          (should (equal (car (mew-submit-setup-discover-tests--places
                               (mew-submit-setup-discover-tests--find
                                way "me@example.org")))
                         place)))))))

(ert-deftest mew-submit-setup-discover-tests-https-silence ()
  "A web server that keeps silent is not waited for longer than it was said."
  :tags '(:module)
  (let* ((mew-submit-discover-timeout 0.3)
         (server (make-network-process :name "silent" :server t :host "127.0.0.1"
                                       :service t :noquery t)))
    (unwind-protect
        (should-not (mew-submit-setup-discover-tests--fetch
                     (format "https://127.0.0.1:%d/"
                             (process-contact server :service))))
      (delete-process server))))

(ert-deftest mew-submit-setup-discover-tests-redirected ()
  "SECURITY: S2.  A redirection is followed to https, a few times, and nowhere else."
  :tags '(:module)
  (skip-unless (executable-find "openssl"))
  (skip-unless (gnutls-available-p))
  (mew-submit-setup-discover-tests--with-https (url ca "<the document/>")
    (let* ((gnutls-trustfiles (list ca))
           (mew-submit-discover-timeout 120)
           (clear (make-network-process
                   :name "clear" :server t :host "127.0.0.1" :service t :noquery t
                   :filter (lambda (process _)
                             (process-send-string
                              process "HTTP/1.0 200 OK\r\n\r\n<in the clear/>")
                             (delete-process process))))
           (port (process-contact clear :service)))
      (unwind-protect
          (pcase-dolist (`(,location ,document)
                         `((,url "<the document/>") ("/doc" "<the document/>")
                           ("/loop" nil) ("" nil) ("http:" nil) ("file:///etc/passwd" nil)
                           (,(format "http://127.0.0.1:%d/" port) nil)
                           (,(format "http://localhost:%d/" port) nil)
                           (,(string-replace "localhost" "127.0.0.1" url) nil)))
            (mew-submit-setup-discover-tests--page
             "loop" (concat "302 Found\r\nLocation: " location))
            (ert-info ((format "to %s" location))
              (should (equal (mew-submit-setup-discover-tests--fetch
                              (string-replace "/doc" "/loop" url))
                             document))))
        (delete-process clear)))))

(ert-deftest mew-submit-setup-discover-tests-https-refused ()
  "A web server that refuses has no document; whoever is typing is not asked for a password."
  :tags '(:module)
  (skip-unless (executable-find "openssl"))
  (skip-unless (gnutls-available-p))
  (mew-submit-setup-discover-tests--with-https (url ca "")
    (let* ((gnutls-trustfiles (list ca))
           (mew-submit-discover-timeout 120)
           asked
           (ask (lambda (&rest _) (setq asked t) "x")))
      (cl-letf (((symbol-function 'read-string) ask)
                ((symbol-function 'read-passwd) ask))
        (dolist (head '("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\""
                        "404 Not Found"))
          (mew-submit-setup-discover-tests--page "doc" head "<no document/>")
          (should-not (mew-submit-setup-discover-tests--fetch url))))
      (should-not asked))))

(ert-deftest mew-submit-setup-discover-tests-no-address ()
  "What is no address, or has no domain, is refused before anything is asked."
  (dolist (address '("" "me" "me@[192.0.2.1]" "me@exa mple.org" "me@a\nb"))
    (should-error (mew-submit-setup-discover--start 'srv address #'ignore)
                  :type 'mew-submit-message)))

(provide 'mew-submit-setup-discover-tests)
;;; mew-submit-setup-discover-tests.el ends here
