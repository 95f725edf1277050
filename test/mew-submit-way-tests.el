;;; mew-submit-way-tests.el --- Tests for routes and plans -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'ert)
(require 'mew-submit-way)

(defun mew-submit-way-tests--short (server &rest keys)
  "Return the plan for SERVER and KEYS as (RACED TLS ROUTE...), short.
A route is a symbol like 587/6/starttls."
  (let ((plan (apply #'mew-submit-way--plan server keys)))
    (append (list (plist-get plan :race) (plist-get plan :tls))
            (mapcar (pcase-lambda (`(,port ,family ,mode))
                      (intern (format "%d/%s/%s" port
                                      (substring (symbol-name family) -1) mode)))
                    (plist-get plan :routes)))))

(defconst mew-submit-way-tests--table
  '((("h") t required 587/6/starttls 587/4/starttls 25/6/starttls 25/4/starttls)
    (("h" :plan "appendix-a")
     nil required 587/4/starttls 25/6/starttls 25/4/starttls)
    (("h" :plan "symmetric")
     nil required 587/6/starttls 587/4/starttls 25/6/starttls 25/4/starttls)
    (("h" :plan "submission")
     t required 587/6/starttls 587/4/starttls 25/6/starttls 25/4/starttls)
    (("h" :plan "submissions") t required 465/6/implicit 465/4/implicit)
    (("h" :plan "rfc8314")
     t required 465/6/implicit 465/4/implicit 587/6/starttls 587/4/starttls)
    ;; TLS
    (("h" :tls opportunistic)
     t opportunistic 587/6/starttls 587/4/starttls 25/6/starttls 25/4/starttls)
    (("h" :tls none) t none 587/6/none 587/4/none 25/6/none 25/4/none)
    (("h" :tls none :plan "submissions") t none 465/6/implicit 465/4/implicit)
    (("h" :tls none :plan "rfc8314")
     t none 465/6/implicit 465/4/implicit 587/6/none 587/4/none)
    ;; Family
    (("h" :family ipv4) t required 587/4/starttls 25/4/starttls)
    (("h" :family ipv6 :plan "appendix-a") nil required 25/6/starttls)
    (("h" :family ipv6 :plan "submissions") t required 465/6/implicit)
    ;; Falling back
    (("h" :fallback never) t required 587/6/starttls 587/4/starttls)
    (("h" :fallback always)
     t required 587/6/starttls 587/4/starttls 25/6/starttls 25/4/starttls)
    (("h" :fallback ask :plan "symmetric")
     nil required 587/6/starttls 587/4/starttls 25/6/starttls 25/4/starttls)
    (("h" :fallback never :plan "rfc8314") t required 465/6/implicit 465/4/implicit)
    (("h" :fallback never :plan "appendix-a") nil required 587/4/starttls)
    ;; Names of servers
    (("smtps-mx.example.org")
     t required 26/6/implicit 26/4/implicit 25/6/starttls 25/4/starttls)
    (("SMTPS-MX.example.org" :tls none)
     t required 26/6/implicit 26/4/implicit 25/6/starttls 25/4/starttls)
    (("starttls-mx.example.org" :tls opportunistic)
     t required 25/6/starttls 25/4/starttls)
    (("smtps-mx.example.org" :family ipv4 :fallback never) t required 26/4/implicit)
    (("smtps-mx.example.org" :plan "submissions")
     t required 465/6/implicit 465/4/implicit)
    (("mx.smtps-.example.org")
     t required 587/6/starttls 587/4/starttls 25/6/starttls 25/4/starttls)
    (("smtpsmx.example.org" :family ipv6)
     t required 587/6/starttls 25/6/starttls))
  "Arguments and what they mean.")

(ert-deftest mew-submit-way-tests-names-mean-routes ()
  "Each plan, by each rule, is the routes it should be."
  (pcase-dolist (`(,arguments . ,expected) mew-submit-way-tests--table)
    (ert-info ((format "%S" arguments))
              (should (equal (apply #'mew-submit-way-tests--short arguments)
                             expected)))))

(ert-deftest mew-submit-way-tests-routes-by-hand ()
  "PORT:MODE,... is read, in order, for both families, and is raced."
  (should (equal (mew-submit-way--parse-routes "2525:none,1:implicit")
                 '((2525 ipv6 none) (2525 ipv4 none)
                   (1 ipv6 implicit) (1 ipv4 implicit))))
  (should (equal (mew-submit-way--parse-routes "2525:none, 1:implicit")
                 (mew-submit-way--parse-routes "2525:none,1:implicit")))
  (let ((routes (mew-submit-way--parse-routes "65535:starttls,25:none")))
    (should (equal (mew-submit-way-tests--short "smtps-h" :routes routes)
                   '(t required 65535/6/starttls 65535/4/starttls
                       25/6/none 25/4/none)))
    (should (equal (mew-submit-way-tests--short "h" :routes routes :tls 'none
                                                :family 'ipv4 :fallback 'never)
                   '(t none 65535/4/starttls)))))

(ert-deftest mew-submit-way-tests-wrong-routes-are-refused ()
  "What is no list of routes signals `mew-submit-config' and is named."
  (dolist (text '("" "25" "25:" ":none" "0:none" "65536:none" "-1:none" "25:tls"
                  "25:none," ",25:none" "25:none:x" "2 5:none" "025000:none"
                  "25:NONE" "0x19:none" "1e3:none"
                  "1:none,2:none,3:none,4:none,5:none,6:none,7:none,8:none,9:none"))
    (ert-info (text)
              (should-error (mew-submit-way--parse-routes text)
                            :type 'mew-submit-config))))

(ert-deftest mew-submit-way-tests-nothing-left-is-an-error ()
  "An unknown plan, and rules that leave no route, signal `mew-submit-config'."
  (should-error (mew-submit-way--plan "h" :plan "none")
                :type 'mew-submit-config)
  (should-error (mew-submit-way--plan "h" :plan "appendix-a" :family 'ipv6
                                      :fallback 'never)
                :type 'mew-submit-config))

(provide 'mew-submit-way-tests)
;;; mew-submit-way-tests.el ends here
