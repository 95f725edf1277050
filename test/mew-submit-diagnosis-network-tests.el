;;; mew-submit-diagnosis-network-tests.el --- Tests for the verdict on the network -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The function alone, with evidence made up here.  Real networks are in test/diagnose.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-diagnosis-network)
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
                      :end (:kind "timeout" :stage "tls" :text "no answer")))
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

(ert-deftest mew-submit-diagnosis-network-tests-verdicts ()
  "Each set of servers, page and DNS gives exactly these verdicts."
  (let ((ok mew-submit-diagnosis-network-tests--ok)
        (no mew-submit-diagnosis-network-tests--no))
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
           ;; One server that is down among others.
           (("clear") ((open open open) (silent silent silent) (open open open)))
           ;; Off line.
           (("offline") ((routeless routeless routeless)))
           (("offline") ((routeless routeless routeless) (dead dead dead)))
           (("offline") ((silent silent silent) (silent silent silent)) :page ,no)
           (("offline") ((soft soft soft) (silent silent silent)) :page ,no)
           (("offline") ((silent silent silent) (silent silent silent)) :dns (:failed "no"))
           (("mail-ports-shut") ((silent silent silent) (silent silent silent)))
           (("unclear") ((silent silent silent)) :page ,no)))
      (should (equal (cons (mew-submit-diagnosis-network-tests--ids
                            (apply #'mew-submit-diagnosis-network-tests--evidence
                                   servers keys))
                           servers)
                     (cons ids servers))))))

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

;;; mew-submit-diagnosis-network-tests.el ends here
