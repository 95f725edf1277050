;;; mew-submit-plan.el --- From an account to the routes to try -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure: it asks nobody and remembers nothing.  A route is a list
;; (PORT FAMILY TLS) as the module takes it, FAMILY being `ipv6' or `ipv4' and
;; TLS `starttls', `implicit' or `none'.  A plan is an ordered list of routes
;; and says whether they are raced or tried one after the other.  The port of the
;; first route is the preferred one.

;;; Code:

(require 'mew-submit-error)
(require 'seq)

(defconst mew-submit-plan--table
  '(("appendix-a" nil (587 ipv4) (25 ipv6) (25 ipv4))
    ("symmetric" nil (587 ipv6) (587 ipv4) (25 ipv6) (25 ipv4))
    ("submission" t (587 ipv6) (587 ipv4) (25 ipv6) (25 ipv4))
    ("submissions" t (465 ipv6) (465 ipv4))
    ("rfc8314" t (465 ipv6) (465 ipv4) (587 ipv6) (587 ipv4)))
  "The plans that have a name: (NAME RACED (PORT FAMILY)...).
\"appendix-a\" is what Mew did, made explicit about the family; \"submissions\"
never falls back; \"rfc8314\" never uses port 25.")

(defconst mew-submit-plan--default "submission"
  "The plan that is used when none is named.")

(defconst mew-submit-plan--prefixes
  '(("smtps-" t (26 ipv6) (26 ipv4) (25 ipv6) (25 ipv4))
    ("starttls-" t (25 ipv6) (25 ipv4)))
  "What the first label of a server's name says, as `mew-submit-plan--table'.
Such a name raises the security that is required, and never lowers it.")

(defun mew-submit-plan--names ()
  "Return the names of the plans, a list of strings."
  (mapcar #'car mew-submit-plan--table))

(defun mew-submit-plan--port-tls (port)
  "Return the TLS mode for PORT where none is named."
  (if (memq port '(26 443 465)) 'implicit 'starttls))

;;; Routes by hand

(defun mew-submit-plan--port (text)
  "Return the port number that TEXT spells, or signal `mew-submit-config'."
  (let ((port (if (string-match-p "\\`[0-9]\\{1,5\\}\\'" text)
                  (string-to-number text)
                0)))
    (unless (<= 1 port 65535)
      (mew-submit-error--throw 'config nil
                               "Not a port (1 to 65535): %s" text))
    port))

(defun mew-submit-plan--mode (text)
  "Return the TLS mode that TEXT names, or signal `mew-submit-config'."
  (or (cdr (assoc text '(("none" . none)
                         ("starttls" . starttls)
                         ("implicit" . implicit))))
      (mew-submit-error--throw
       'config nil "Not a TLS mode (none, starttls, implicit): %s" text)))

(defun mew-submit-plan--both-families (port mode)
  "Return the routes to PORT with TLS mode MODE, in both families."
  (list (list port 'ipv6 mode) (list port 'ipv4 mode)))

(defconst mew-submit-plan--ports-max 8
  "How many ports a list of routes may name: the module takes 16 routes.")

(defun mew-submit-plan--parse-routes (text)
  "Return the routes that TEXT names: PORT:MODE,... with the preferred one first.
Each is tried in both families.  Signal `mew-submit-config' when TEXT is wrong."
  (let ((elements (split-string text ",")))
    (when (> (length elements) mew-submit-plan--ports-max)
      (mew-submit-error--throw 'config nil "More than %d routes: %s"
                               mew-submit-plan--ports-max text))
    (mapcan (lambda (element)
              (pcase (split-string element ":")
                (`(,port ,mode)
                 (mew-submit-plan--both-families
                  (mew-submit-plan--port port) (mew-submit-plan--mode mode)))
                (_ (mew-submit-error--throw
                    'config nil "Not a route: %s (it is PORT:MODE, and \
a comma between two)" element))))
            elements)))

;;; Plans

(defun mew-submit-plan--prefix (server)
  "Return the entry that the name of SERVER begins with, or nil."
  (seq-find (lambda (entry) (string-prefix-p (car entry) server t))
            mew-submit-plan--prefixes))

(defun mew-submit-plan--named (name)
  "Return the entry of the plan NAME, or signal `mew-submit-config'."
  (or (assoc name mew-submit-plan--table)
      (mew-submit-error--throw 'config nil "No such plan: %s; there are %s" name
                               (string-join (mew-submit-plan--names) ", "))))

(defun mew-submit-plan--routes (pairs tls)
  "Return routes for PAIRS of port and family, for an account with TLS.
Without TLS only implicit TLS is left, since there is no such port without it."
  (mapcar (lambda (pair)
            (let ((mode (mew-submit-plan--port-tls (car pair))))
              (append pair (list (if (and (eq tls 'none) (eq mode 'starttls))
                                     'none
                                   mode)))))
          pairs))

(defun mew-submit-plan--restrict (routes family fallback)
  "Return those of ROUTES that FAMILY and FALLBACK leave.
FAMILY nil leaves both.  FALLBACK `never' leaves those to the first one's port."
  (let ((preferred (caar routes)))
    (or (seq-filter (lambda (route)
                      (and (or (null family) (eq (nth 1 route) family))
                           (or (not (eq fallback 'never))
                               (= (car route) preferred))))
                    routes)
        (mew-submit-error--throw
         'config nil "No route is left: the plan has none by %s%s" family
         (if (eq fallback 'never)
             (format " to its preferred port %d" preferred)
           "")))))

(defun mew-submit-plan--tls (server keys)
  "Return how much TLS an account for SERVER with KEYS asks for.
KEYS are as for `mew-submit-plan--make'."
  (if (and (null (plist-get keys :plan)) (null (plist-get keys :routes))
           (mew-submit-plan--prefix server))
      'required
    (or (plist-get keys :tls) 'required)))

(defun mew-submit-plan--make (server &rest keys)
  "Return what to try to reach SERVER, as a plist (:routes :race :tls).
KEYS are
`:plan' NAME     one of `mew-submit-plan--names'
`:routes' LIST   instead of a plan: routes, raced
`:family' FAMILY `ipv6' or `ipv4', or nil for both
`:tls' LEVEL     `required' (the default), `opportunistic' or `none'
`:fallback' RULE `never' leaves only the preferred port.
Without a plan and routes, a SERVER whose name begins with \"smtps-\" or
\"starttls-\" says by it how it wants to be reached; then TLS is required,
whatever LEVEL is.  Else the plan is \"submission\".
Signal `mew-submit-config' for a name that is not known and when no route is
left."
  (let* ((plan (plist-get keys :plan))
         (routes (plist-get keys :routes))
         (prefix (and (null plan) (null routes)
                      (mew-submit-plan--prefix server)))
         (entry (unless routes
                  (or prefix (mew-submit-plan--named
                              (or plan mew-submit-plan--default)))))
         (tls (mew-submit-plan--tls server keys)))
    (list :routes (mew-submit-plan--restrict
                   (or routes (mew-submit-plan--routes (cddr entry) tls))
                   (plist-get keys :family) (plist-get keys :fallback))
          :race (if routes t (nth 1 entry))
          :tls tls)))

(provide 'mew-submit-plan)
;;; mew-submit-plan.el ends here
