;;; mew-submit-domain-transfer.el --- What would become of mail to a domain -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns what a sender would do with mail for a domain, by what
;; mew-submit-domain-zone.el has seen: by the prefixes of its servers' names.

;;; Code:

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
That is as `mew-submit-domain-transfer--by-25' has it, with 26 for that port; nil
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

;;; All of them

(defun mew-submit-domain-transfer--findings (zone)
  "Return all findings about ZONE, so far."
  (append (mew-submit-domain-zone--findings zone)
          (mew-submit-domain-transfer--prefixes zone)))

(provide 'mew-submit-domain-transfer)
;;; mew-submit-domain-transfer.el ends here
