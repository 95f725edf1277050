;;; mew-submit-diagnosis-network-tests.el --- Tests for the verdict on the network -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The function alone, with evidence made up here.  Real networks are in test/diagnose.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-diagnosis-network)
(require 'mew-submit-diagnosis-network-text)
(require 'mew-submit-json)
(require 'seq)

(defun mew-submit-diagnosis-network-tests--keys (state port)
  "Return what an attempt at PORT has that met STATE, a symbol or a plist."
  (let ((router '(:offender (:address "192.0.2.9" :who "router")
                            :icmp (:type 3 :code 13 :name "prohibited"))))
    (pcase state
      ((pred consp) state)
      ('open (list :case 1 :greeting-code 220 :greeting "220 mx.example.org ESMTP"
                   :capabilities-clear '("STARTTLS") :capabilities-tls '("AUTH")
                   :auth-tls (unless (= port 25) '("PLAIN"))
                   :tls '(:verified t :fingerprint "good")
                   :starttls (unless (= port 465) "offered") :end '(:kind "ok" :stage "end")))
      ('silent '(:case 5))
      ('reset '(:case 2 :errno "ECONNREFUSED"))
      ('router (append '(:case 3) router))
      ('soft (append '(:case 4) router))
      ('server '(:case 3 :icmp (:type 3 :code 13) :offender (:address "198.51.100.1" :who "server")))
      ('self '(:case "local" :icmp (:type 3 :code 13 :name "no")
                     :offender (:address "192.0.2.2" :who "self") :ms 1))
      ('dead '(:case "local" :icmp (:type 3 :code 1 :name "no") :ms 3000
                     :offender (:address "192.0.2.2" :who "self")))
      ('routeless '(:case "local" :errno "ENETUNREACH"))
      ('stall '(:case "tls" :greeting-code 220 :capabilities-clear ("STARTTLS") :starttls "offered"
                      :end (:kind "timeout" :stage "starttls" :failure "timeout")))
      ('mute (list :case (if (= port 465) "tls" "greeting") :text "no answer"
                   :end '(:kind "timeout" :failure "timeout")))
      ;; What has ended the handshake by an alert has said something.
      ('alert '(:case "tls" :end (:kind "insecure" :stage "tls" :failure "alert")))
      ('nonsense '(:case "greeting" :end (:kind "protocol" :stage "greeting")))
      (_ (error "No such state: %s" state)))))

(defun mew-submit-diagnosis-network-tests--diagnosis (number states &optional family address)
  "Return a diagnosis of server NUMBER; STATES are those of 25, 465 and 587.
Each has FAMILY, by default \"ipv4\", and ADDRESS."
  (let ((host (format "smtp.server%d.example" number)))
    (list :host host :done '(:kind "ok")
          :attempts
          (cl-loop for port in '(25 465 587)
                   for state in states
                   for id from 0
                   when state
                   collect (append (mew-submit-diagnosis-network-tests--keys state port)
                                   (list :id id :port port :family (or family "ipv4")
                                         :address (or address
                                                      (format "198.51.100.%d" number))
                                         :mode (if (= port 465) "implicit" "starttls")
                                         :service (if (= port 25) 'transfer 'submission)
                                         :state 'ended))))))

(defun mew-submit-diagnosis-network-tests--evidence (servers &rest keys)
  "Return evidence of SERVERS, a list of states each, with KEYS."
  (append (list :diagnoses
                (cl-loop for states in servers
                         for number from 1
                         collect (mew-submit-diagnosis-network-tests--diagnosis
                                  number states)))
          keys))

(defconst mew-submit-diagnosis-network-tests--ok '(:url "http://a.example/" :state ok))
(defconst mew-submit-diagnosis-network-tests--no '(:url "http://a.example/" :state failed))

(defun mew-submit-diagnosis-network-tests--ids (evidence &optional family)
  "Return the ids of the verdicts on EVIDENCE, those of FAMILY."
  (mapcar (lambda (verdict) (plist-get verdict :id))
          (mew-submit-diagnosis-network--list evidence family)))

(defconst mew-submit-diagnosis-network-tests--portal
  '(:case "tls" :tls (:verified nil :fingerprint "f" :names ("wifi-login.hotel.example"))))
(defconst mew-submit-diagnosis-network-tests--foreign
  '(:case "tls" :tls (:verified nil :fingerprint "f" :names ("box.example"))))
(defconst mew-submit-diagnosis-network-tests--proxy
  '(:case 1 :greeting-code 220 :greeting-name "proxy.isp.net"
          :greeting "220 proxy.isp.net ESMTP" :starttls "missing"))

(ert-deftest mew-submit-diagnosis-network-tests-verdicts ()
  "Each set of servers, page and DNS gives exactly these verdicts."
  (let ((ok mew-submit-diagnosis-network-tests--ok)
        (no mew-submit-diagnosis-network-tests--no)
        (portal mew-submit-diagnosis-network-tests--portal)
        (foreign mew-submit-diagnosis-network-tests--foreign)
        (proxy mew-submit-diagnosis-network-tests--proxy))
    (pcase-dolist
        (`(,ids ,servers . ,keys)
         `((("clear") ((open open open)))
           (("clear") ((open open open) (open open open)))
           ;; Port 25.
           (("op25b") ((silent open open) (silent open open)))
           (("op25b") ((router open open) (silent open silent)))
           (("op25b") ((self open open) (self open open)))
           (("clear") ((silent open open)))
           (("clear") ((silent open open) (open open open)))
           (("clear") ((silent open open) (reset open open)))
           (("clear") ((reset open open) (reset open open)))
           (("clear") ((server open open) (server open open)))
           (("op25b") ((reset open open) (silent open open))
            :references ("smtp.server1.example"))
           (("op25b") ((reset open open) (reset open open))
            :references ("smtp.server1.example" "smtp.server2.example"))
           ;; All of them, or some.
           (("mail-ports-shut") ((silent silent silent) (silent silent silent)) :page ,ok)
           (("mail-ports-shut") ((router router router) (router router router)) :page ,no)
           (("mail-ports-shut") ((open silent silent) (open silent silent)))
           (("mail-ports-shut") ((open open silent) (open open silent)))
           (("mail-ports-shut") ((silent open silent) (silent open silent)))
           (("unclear") ((silent silent silent)) :page ,ok)
           (("unclear") ((reset reset reset) (server server server)) :page ,ok)
           (("unclear") ((reset reset reset) (silent silent silent)) :page ,ok)
           ;; Who accepts and says nothing at several servers is the network.
           (("mail-ports-shut") ((mute mute mute) (mute mute mute)) :page ,ok)
           (("mail-ports-shut") ((silent silent mute) (silent silent mute)) :page ,ok)
           (("op25b") ((mute open open) (mute open open)))
           (("clear") ((mute mute mute) (open open open)))
           (("unclear") ((mute mute mute)) :page ,ok)
           (("clear") ((open alert open) (open alert open)))
           (("clear") ((nonsense open open) (nonsense open open)))
           (("mtu") ((stall mute stall) (stall mute stall)) :page ,ok)
           ;; One server that is down among others.
           (("clear") ((open open open) (silent silent silent) (open open open)))
           ;; Off line.
           (("offline") ((routeless routeless routeless)))
           (("offline") ((routeless routeless routeless) (dead dead dead)))
           (("offline") ((silent silent silent) (silent silent silent)) :page ,no)
           (("offline") ((soft soft soft) (silent silent silent)) :page ,no)
           (("offline") ((silent silent silent) (silent silent silent)) :dns (:failed "no"))
           (("mail-ports-shut") ((silent silent silent) (silent silent silent)))
           (("unclear") ((silent silent silent)) :page ,no)
           ;; Portals.
           (("captive-portal") ((silent silent silent)) :page (:url "u" :state foreign))
           (("captive-portal") ((open open open)) :page (:url "u" :state foreign))
           (("captive-portal") ((silent ,portal reset)))
           (("captive-portal") ((silent ,foreign reset) (silent ,foreign reset)))
           (("unclear") ((silent ,foreign reset)))
           (("clear") ((open open open)) :page (:url "u" :state odd))
           (("captive-portal") (((:case "greeting" :text "HTTP/1.1 400 Bad") nil nil)
                                ((:case "greeting" :text "HTTP/1.1 400 Bad") nil nil)))
           ;; Names.
           (("dns-poisoned") ((silent silent silent)) :dns (:invalid ("203.0.113.1")) :page ,ok)
           (("dns-poisoned") ((open open open)) :dns (:invalid ("203.0.113.1")))
           ;; Large packets.
           (("mtu") ((stall stall stall) (stall stall stall)))
           (("unclear") ((stall stall stall)))
           (("clear") ((stall stall stall) (stall stall stall) (open open open)))
           ;; Proxies.
           (("smtp-proxy") ((,proxy open open) (,proxy open open)))
           (("smtp-proxy") ((,proxy ,proxy ,proxy) (,proxy ,proxy ,proxy)))
           (("clear") ((,proxy open open) (open open open)))
           (("smtp-proxy") (((:case 1 :greeting-code 220 :greeting "220 ********") open open)
                            ((:case 1 :greeting-code 220 :greeting "220 ********") open open)))
           (("smtp-proxy") (((:case 1 :greeting-code 220 :starttls "mangled") open open)
                            ((:case 1 :greeting-code 220 :starttls "mangled") open open)))
           (("smtp-proxy") ((nil nil (:greeting-code 220 ,@foreign))
                            (nil nil (:greeting-code 220 ,@foreign))))
           ;; Several at once: what stops mail comes first.
           (("dns-poisoned" "op25b") ((silent open open) (silent open open))
            :dns (:invalid ("203.0.113.1")))))
      (should (equal (cons (mew-submit-diagnosis-network-tests--ids
                            (apply #'mew-submit-diagnosis-network-tests--evidence
                                   servers keys))
                           servers)
                     (cons ids servers))))))

(ert-deftest mew-submit-diagnosis-network-tests-addresses ()
  "Wrong addresses are those that no such server can have, unless it is the server."
  (pcase-dolist (`(,id ,address ,state ,reference)
                 '(("dns-poisoned" "127.0.0.1" reset nil)
                   ("dns-poisoned" "0.0.0.0" reset nil)
                   ("dns-poisoned" "::" reset nil)
                   ("dns-poisoned" "10.1.2.3" reset t)
                   ("dns-poisoned" "fd00::1" reset t)
                   ("unclear" "10.1.2.3" reset nil)
                   ("clear" "127.0.0.1" open nil)
                   ("clear" "10.1.2.3" open t)))
    (let ((diagnosis (mew-submit-diagnosis-network-tests--diagnosis
                      1 (list state state state) nil address)))
      (should (equal (cons id address)
                     (cons (car (mew-submit-diagnosis-network-tests--ids
                                 (list :diagnoses (list diagnosis)
                                       :references (and reference
                                                        (list (plist-get diagnosis :host))))))
                           address)))))
  ;; One that greets by its name is this machine, and /etc/hosts says where that is.
  (pcase-dolist (`(,id ,name) '(("unclear" "SMTP.server1.example")
                                ("dns-poisoned" "laptop.example")))
    (should (equal (mew-submit-diagnosis-network-tests--ids
                    (list :diagnoses
                          (list (mew-submit-diagnosis-network-tests--diagnosis
                                 1 (list (list :case 1 :greeting-code 220 :greeting-name name
                                               :starttls "missing" :end '(:kind "ok" :stage "end"))
                                         'reset 'reset)
                                 nil "127.0.1.1"))))
                   (list id))))
  ;; Servers of different domains at one address, which is neither's.
  (dolist (state '(silent open))
    (should (equal (mew-submit-diagnosis-network-tests--ids
                    (list :page mew-submit-diagnosis-network-tests--ok
                          :diagnoses
                          (mapcar (lambda (number)
                                    (mew-submit-diagnosis-network-tests--diagnosis
                                     number (list state state state) nil "198.51.100.7"))
                                  '(1 2))))
                   (list (if (eq state 'open) "clear" "dns-poisoned")))))
  ;; Unless they are at one provider: then who is known to be elsewhere is found there.
  (pcase-dolist (`(,id ,reference) '(("mail-ports-shut" "198.51.100.3")
                                     ("dns-poisoned" "198.51.100.7")))
    (should (equal (mew-submit-diagnosis-network-tests--ids
                    (list :page mew-submit-diagnosis-network-tests--ok
                          :references '("smtp.server3.example")
                          :diagnoses
                          (cl-loop for number from 1
                                   for address in (list "198.51.100.7" "198.51.100.7" reference)
                                   collect (mew-submit-diagnosis-network-tests--diagnosis
                                            number '(silent silent silent) nil address))))
                   (list id))))
  ;; A literal address, and this machine itself, are what they are.
  (dolist (host '("127.0.0.1" "localhost" "relay"))
    (should-not (mew-submit-diagnosis-network--nowhere-p
                 (list :host host :address "127.0.0.1")))))

(ert-deftest mew-submit-diagnosis-network-tests-certificates-made-anew ()
  "Who looks into TLS has a certificate for each server, and one issuer for all of them."
  (let ((forged (lambda (number)
                  (list :case 1 :greeting-code 220 :greeting "220 mx ESMTP" :starttls "offered"
                        :tls (list :verified nil :fingerprint (format "f%d" number)
                                   :issuer "CN=Box CA" :problems '("issuer"))))))
    (pcase-dolist (`(,references . ,ids)
                   '((("smtp.server1.example") "smtp-proxy") (nil "unclear")))
      (let ((evidence (mew-submit-diagnosis-network-tests--evidence
                       (mapcar (lambda (number) (make-list 3 (funcall forged number))) '(1 2))
                       :references references)))
        (should (equal (mew-submit-diagnosis-network-tests--ids evidence) ids))
        (when references
          (let ((verdict (car (mew-submit-diagnosis-network--list evidence))))
            (should (string-search "one issuer that nobody here knows (CN=Box CA)"
                                   (plist-get verdict :text)))
            (should (string-search ":ca-file" (plist-get verdict :advice)))))))))

(ert-deftest mew-submit-diagnosis-network-tests-no-issuers-known ()
  "Two servers of one issuer are no proxy where it is this machine that knows no issuers."
  (let ((one (lambda (issuer number)
               (list :case 1 :greeting-code 220 :greeting "220 mx ESMTP" :starttls "offered"
                     :tls (list :verified nil :fingerprint (format "f%d" number)
                                :issuer issuer :problems '("issuer"))))))
    (pcase-dolist (`(,other . ,id)
                   `((,(funcall one "CN=Other CA" 3) . "unclear")
                     (open . "clear")
                     (silent . "smtp-proxy")
                     (,(funcall one "CN=One CA" 3) . "smtp-proxy")))
      (should (equal (mew-submit-diagnosis-network-tests--ids
                      (mew-submit-diagnosis-network-tests--evidence
                       (list (make-list 3 (funcall one "CN=One CA" 1))
                             (make-list 3 (funcall one "CN=One CA" 2))
                             (make-list 3 other))
                       :references '("smtp.server1.example" "smtp.server3.example")))
                     (list id))))))

(ert-deftest mew-submit-diagnosis-network-tests-no-names ()
  "Where no name is found it is the network, unless it is one name alone."
  (let ((diagnosis (lambda (host why)
                     (list :host host :attempts nil :done '(:kind "host")
                           :lookups (list (list :family "ipv4" :why why)))))
        (no mew-submit-diagnosis-network-tests--no))
    (pcase-dolist (`(,id ,hosts ,why ,page)
                   `(("offline" ("a.example") "resolver" nil)
                     ("offline" ("a.example" "b.example") "none" ,no)
                     ("unclear" ("a.example") "none" ,no)
                     ("unclear" ("a.b.example" "c.b.example") "none" ,no)
                     ("unclear" ("a.example" "b.example") "none" nil)
                     ("unclear" ("a.example" "b.example") "none"
                      ,mew-submit-diagnosis-network-tests--ok)))
      (should (equal (mew-submit-diagnosis-network-tests--ids
                      (list :diagnoses (mapcar (lambda (host) (funcall diagnosis host why))
                                               hosts)
                            :page page))
                     (list id))))))

(ert-deftest mew-submit-diagnosis-network-tests-families ()
  "A port that one family reaches is open; each family has a verdict of its own."
  (let ((evidence
         (list :diagnoses
               (mapcan (lambda (number)
                         (list (mew-submit-diagnosis-network-tests--diagnosis
                                number '(silent open open))
                               (mew-submit-diagnosis-network-tests--diagnosis
                                number '(open open open) "ipv6"
                                (format "2001:db8::%d" number))))
                       '(1 2)))))
    (should (equal (mew-submit-diagnosis-network-tests--ids evidence) '("clear")))
    (should (equal (mew-submit-diagnosis-network-tests--ids evidence "ipv4") '("op25b")))
    (should (equal (mew-submit-diagnosis-network-tests--ids evidence "ipv6") '("clear")))))

(ert-deftest mew-submit-diagnosis-network-tests-a-family-without-a-way ()
  "One family has no way out, though the web page came by the other."
  (dolist (state '(routeless dead))
    (let ((evidence
           (list :page mew-submit-diagnosis-network-tests--ok
                 :diagnoses
                 (mapcan (lambda (number)
                           (list (mew-submit-diagnosis-network-tests--diagnosis
                                  number (make-list 3 state))
                                 (mew-submit-diagnosis-network-tests--diagnosis
                                  number '(open open open) "ipv6"
                                  (format "2001:db8::%d" number))))
                         '(1 2)))))
      (should (equal (mew-submit-diagnosis-network-tests--ids evidence) '("clear")))
      (should (equal (mew-submit-diagnosis-network-tests--ids evidence "ipv4") '("offline")))
      (should (string-search "IPv4: no way out of this network"
                             (mew-submit-diagnosis-network-text--families evidence))))))

(ert-deftest mew-submit-diagnosis-network-tests-nat64 ()
  "IPv6 alone with translation is told, where there is no IPv4."
  (let* ((six (mew-submit-diagnosis-network-tests--diagnosis
               1 '(open open open) "ipv6" "64:ff9b::c633:6401"))
         (none (mew-submit-diagnosis-network-tests--diagnosis
                1 '(routeless routeless routeless)))
         (four (mew-submit-diagnosis-network-tests--diagnosis 1 '(open open open)))
         (ids (lambda (diagnoses &rest keys)
                (mew-submit-diagnosis-network-tests--ids
                 (append (list :diagnoses diagnoses) keys)))))
    (should (equal (funcall ids (list six none)) '("nat64")))
    (should (equal (funcall ids (list (plist-put (copy-sequence six) :attempts nil) none)
                            :dns '(:nat64 ("64:ff9b::c000:aa")))
                   '("offline")))
    (should (equal (funcall ids (list six) :dns '(:nat64 ("64:ff9b::c000:aa"))) '("nat64")))
    (should (equal (funcall ids (list six four)) '("clear")))))

(ert-deftest mew-submit-diagnosis-network-tests-who ()
  "Who says no is named where it has said so, and doubt is told where nobody has."
  (let ((verdict (lambda (state)
                   (car (mew-submit-diagnosis-network--list
                         (mew-submit-diagnosis-network-tests--evidence
                          (list (list state 'open 'open) (list state 'open 'open))))))))
    (let ((router (funcall verdict 'router)))
      (should (plist-get router :sure))
      (should (equal (plist-get router :routers) '("192.0.2.9")))
      (should (string-search "router 192.0.2.9" (plist-get router :text))))
    (let ((self (funcall verdict 'self)))
      (should (string-search "this machine's own firewall" (plist-get self :text)))
      (should (string-search "firewall of this machine" (plist-get self :advice))))
    (let ((silent (funcall verdict 'silent)))
      (should-not (plist-get silent :sure))
      (should (string-search "does not say who" (plist-get silent :advice))))))

(ert-deftest mew-submit-diagnosis-network-tests-words ()
  "Every verdict has a clause, a sentence, advice and JSON."
  (let ((evidence (mew-submit-diagnosis-network-tests--evidence
                   '((silent open silent) (silent open silent))
                   :page mew-submit-diagnosis-network-tests--ok)))
    (should (equal (mew-submit-diagnosis-network--clause
                    (car (mew-submit-diagnosis-network--list evidence)))
                   "this network shuts ports 25 and 587"))
    (should (string-search "[mail-ports-shut]"
                           (mew-submit-diagnosis-network-text--string evidence)))
    (let ((object (json-parse-string
                   (mew-submit-json--line
                    (mew-submit-diagnosis-network-text--object evidence))
                   :object-type 'plist :null-object nil)))
      (should (equal (plist-get (plist-get object :network) :id) "mail-ports-shut"))
      (should (equal (plist-get (plist-get object :network) :ports) [25 587]))
      (should (equal (plist-get object :families) '(:ipv6 nil :ipv4 "mail-ports-shut")))
      (should (equal (plist-get (plist-get object :page) :state) "ok")))))

(ert-deftest mew-submit-diagnosis-network-tests-while-it-grows ()
  "What has not answered yet is no word of Lisp."
  (should (equal (mew-submit-diagnosis-network-text--host
                  '(:host "a.example" :attempts ((:port 25 :case 1) (:port 465 :case 5)
                                                 (:port 587 :state connecting))))
                 "  a.example: 25 open, 465 case 5, 587 ...\n")))

(ert-deftest mew-submit-diagnosis-network-tests-the-same-everywhere ()
  "Where every server refuses alike, none is said to have a reason of its own."
  (pcase-dolist (`(,servers ,words)
                 '((((reset reset reset) (reset reset reset)) "the same is met")
                   (((reset reset reset) (server server server)) "reason of its own")))
    (should (string-search words
                           (plist-get (car (mew-submit-diagnosis-network--list
                                            (mew-submit-diagnosis-network-tests--evidence
                                             servers)))
                                      :text)))))

(ert-deftest mew-submit-diagnosis-network-tests-survey ()
  "A survey tells which ports the network shuts, and nothing of what was said there."
  (let ((results (lambda (case)
                   (mapcar (lambda (number)
                             (list :host (format "smtp.server%d.example" number)
                                   :attempts
                                   (mapcar (lambda (port)
                                             (list :port port :family "ipv4"
                                                   :address (format "198.51.100.%d" number)
                                                   :case (if (= port 25) case 1)
                                                   :greeting t :tls t :verified t :auth t))
                                           '(25 110 465 587))))
                           '(1 2 3)))))
    (pcase-dolist (`(,case ,id) '((5 "op25b") (2 nil) (1 nil)))
      (should (equal (plist-get (mew-submit-diagnosis-network--survey
                                 (funcall results case))
                                :id)
                     id)))
    ;; Who has greeted is not mute, whatever is wrong with the certificate.
    (should-not (mew-submit-diagnosis-network--survey
                 (mapcar (lambda (result)
                           (plist-put result :attempts
                                      (mapcar (lambda (attempt)
                                                (append '(:case "tls" :verified nil) attempt))
                                              (plist-get result :attempts))))
                         (funcall results 1))))))

;;; mew-submit-diagnosis-network-tests.el ends here
