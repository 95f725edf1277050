;;; mew-submit-diagnosis.el --- What a diagnosis has seen, as a plist -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the form in which a diagnosis is kept while its events come
;; (module/probe.h says which) and afterwards.  Findings, reports, JSON, the picture and
;; the survey are all made of it.
;;
;; A diagnosis is a plist:
;;   :host        what was asked for
;;   :name        the name its certificates have to have, or nil for :host
;;   :ports       the ports, a list of specifications (PORT MODE SERVICE), see below
;;   :remembered  non-nil if the server has offered STARTTLS before
;;   :began       when it began, a time value
;;   :lookups     a list of (:family "ipv4"|"ipv6" :addresses (STRING...) :error WORDS
;;                :why "none"|"resolver"|"late"|"system"|"other" :ms MS)
;;   :attempts    a list of attempts, in the order of their numbers
;;   :course      what the events of its job amount to; the three others are made of it
;;   :done        nil, or at the end (:kind "ok"|"host"|"cancelled"|... :text WORDS :ms MS)
;;
;; A specification's MODE is `starttls', `implicit' or `none', and its SERVICE what is expected
;; there: `submission', `transfer' (port 25), `pop' or `imap'.
;;
;; An attempt is one of the course (mew-submit-course.el), with
;;   :service     a symbol, as above
;;   :case        nil while connecting; 1 to 5, "2 or 3", "3 or 4", "local"; once it has ended
;;                "greeting" for a connection that brought no greeting of 220, and "tls" for one
;;                without the TLS that submission asks for: so what a delivery would have met
;;   :text        the words for that, from `attempt' or from `probed'

;;; Code:

(require 'mew-submit-course)
(require 'seq)
(require 'subr-x)

(defun mew-submit-diagnosis--make (host ports &rest keys)
  "Return a diagnosis of HOST's PORTS that has just begun.
PORTS is a list of (PORT MODE SERVICE).  KEYS are more of a diagnosis' keys."
  (append (list :host host :ports ports :began (current-time)
                :course nil :lookups nil :attempts nil :done nil)
          keys))

(defun mew-submit-diagnosis--service (diagnosis port)
  "Return what DIAGNOSIS expects at PORT."
  (or (nth 2 (assq port (plist-get diagnosis :ports))) 'submission))

;;; The end of an attempt

(defun mew-submit-diagnosis--check (attempt name)
  "Return what the server answered to the check NAME of ATTEMPT, or nil."
  (seq-find (lambda (check) (equal (plist-get check :name) name))
            (plist-get attempt :checks)))

(defun mew-submit-diagnosis--secure-p (attempt)
  "Is the TLS of ATTEMPT what mail is given to: offered, verified, not weak?"
  (let ((tls (plist-get attempt :tls)))
    (and tls (plist-get tls :verified) (not (plist-get tls :weak))
         (member (plist-get attempt :starttls) '(nil "offered"))
         t)))

(defun mew-submit-diagnosis--settled-case (attempt)
  "Return the case of ATTEMPT, which has ended.
On port 25 TLS is as the server likes, and so it is with mailboxes."
  (let* ((end (plist-get attempt :end))
         (stage (plist-get end :stage))
         (tried (eql (plist-get attempt :case) 1)))
    (cond ((or (not tried) (equal (plist-get end :kind) "cancelled"))
           (plist-get attempt :case))
          ((or (plist-get end :spoke)
               (equal (plist-get end :about) "client-certificate"))
           "tls")
          ((or (plist-get end :unanswered) (equal stage "greeting")) "greeting")
          ((and (eq (plist-get attempt :service) 'submission)
                (not (equal (plist-get attempt :mode) "none"))
                (or (plist-get attempt :tls) (not (equal stage "ehlo")))
                (not (mew-submit-diagnosis--secure-p attempt)))
           "tls")
          ((equal stage "tls") "tls")
          (t 1))))

(defun mew-submit-diagnosis--settled-tls (attempt)
  "Return the :tls of ATTEMPT, which has ended.
One that failed before TLS was tried says nothing wrong of its TLS: a second
look that was only made without the checks counts as the first one."
  (let ((tls (plist-get attempt :tls))
        (end (plist-get attempt :end)))
    (cond ((plist-get end :spoke) nil)
          ((and (plist-get tls :weak) (null (plist-get end :failure)))
           (mew-submit-course--with tls :weak nil))
          (t tls))))

(defun mew-submit-diagnosis--settled (attempt)
  "Return ATTEMPT, which has ended, with the case a delivery would have met."
  (let* ((attempt (mew-submit-course--with
                   attempt :tls (mew-submit-diagnosis--settled-tls attempt)))
         (case (mew-submit-diagnosis--settled-case attempt))
         (text (plist-get (plist-get attempt :end) :text)))
    (setq attempt (mew-submit-course--with attempt :case case))
    (if (and (member case '("greeting" "tls")) (not (equal text "")))
        (mew-submit-course--with attempt :text text)
      attempt)))

(defun mew-submit-diagnosis--judged (diagnosis attempt)
  "Return ATTEMPT of a course as DIAGNOSIS has it."
  (let ((attempt (mew-submit-course--with
                  attempt :service (mew-submit-diagnosis--service
                                    diagnosis (plist-get attempt :port)))))
    (if (eq (plist-get attempt :state) 'ended)
        (mew-submit-diagnosis--settled attempt)
      attempt)))

;;; The events

(defun mew-submit-diagnosis--take (diagnosis course)
  "Put COURSE, that of the job behind DIAGNOSIS so far, into it; return DIAGNOSIS."
  (plist-put diagnosis :course course)
  (plist-put diagnosis :lookups (plist-get course :lookups))
  (plist-put diagnosis :attempts
             (mapcar (lambda (attempt) (mew-submit-diagnosis--judged diagnosis attempt))
                     (plist-get course :attempts)))
  (when-let* ((done (plist-get course :done)))
    (plist-put diagnosis :done (mew-submit-course--pick done :kind :text :ms)))
  diagnosis)

(defun mew-submit-diagnosis--add (diagnosis event)
  "Note EVENT, one of the job behind DIAGNOSIS, in it; return DIAGNOSIS.
DIAGNOSIS is changed.  Events of other kinds are ignored."
  (mew-submit-diagnosis--take
   diagnosis (mew-submit-course--add (plist-get diagnosis :course) event)))

;;; Who could take mail

(defconst mew-submit-diagnosis--spoken
  '("SCRAM-SHA-256-PLUS" "SCRAM-SHA-1-PLUS" "SCRAM-SHA-256" "SCRAM-SHA-1" "PLAIN" "LOGIN"
    "OAUTHBEARER" "XOAUTH2" "GSSAPI" "EXTERNAL")
  "The ways to log in that there are here, as in sasl.c.")

(defun mew-submit-diagnosis--log-ins (attempt)
  "Return the ways to log in that are spoken here and offered to ATTEMPT."
  (seq-intersection (plist-get attempt :auth-tls) mew-submit-diagnosis--spoken))

(defun mew-submit-diagnosis--usable-p (attempt)
  "Could mail be submitted by ATTEMPT, with verified TLS?
Where the server demands a log-in it has to offer one that is spoken here."
  (let ((mail (or (mew-submit-diagnosis--check attempt "rcpt-before-auth")
                  (mew-submit-diagnosis--check attempt "mail-before-auth"))))
    (and (memq (plist-get attempt :service) '(submission transfer))
         (eq (plist-get attempt :state) 'ended)
         (eql (plist-get attempt :case) 1)
         (mew-submit-diagnosis--secure-p attempt)
         (or (plist-get attempt :capabilities-tls)
             (plist-get attempt :ehlo-name))
         (or (mew-submit-diagnosis--log-ins attempt)
             (eq (plist-get attempt :service) 'transfer)
             (and mail (eql (/ (plist-get mail :code) 100) 2)))
         t)))

(defun mew-submit-diagnosis--port-order (diagnosis)
  "Return the ports of DIAGNOSIS, submission first, then as they were named."
  (let ((ports (plist-get diagnosis :ports)))
    (mapcar #'car (append (seq-filter (lambda (port) (eq (nth 2 port) 'submission))
                                      (seq-sort-by (lambda (port)
                                                     (pcase (car port)
                                                       (587 0) (465 1) (_ 2)))
                                                   #'< ports))
                          (seq-remove (lambda (port) (eq (nth 2 port) 'submission))
                                      ports)))))

(defun mew-submit-diagnosis--attempts-at (diagnosis port)
  "Return the attempts of DIAGNOSIS at PORT, IPv6 first as in every plan."
  (seq-sort-by (lambda (attempt)
                 (if (equal (plist-get attempt :family) "ipv6") 0 1))
               #'<
               (seq-filter (lambda (attempt) (eql (plist-get attempt :port) port))
                           (plist-get diagnosis :attempts))))

(defun mew-submit-diagnosis--rank (attempt)
  "Return how good the case of ATTEMPT is, the smaller the better."
  (pcase (plist-get attempt :case)
    ((and case (pred numberp)) (if (= case 1) 0 (+ 2 case)))
    ((or "tls" "greeting") 1)
    ("2 or 3" 4.5) ("3 or 4" 5.5) ("local" 8)
    (_ 9)))

(defun mew-submit-diagnosis--best (attempts)
  "Return the one of ATTEMPTS that came furthest, or nil without any."
  (car (seq-sort-by #'mew-submit-diagnosis--rank #'< attempts)))

(defun mew-submit-diagnosis--verdict (diagnosis)
  "Return the attempt by which mail could be submitted, or else the preferred one.
It is (SUBMITS . ATTEMPT) with SUBMITS t or nil; the preferred one is the best
at the first submission port of DIAGNOSIS where somebody answers, or else at
the first port that has any.  ATTEMPT is nil without attempts."
  (let* ((order (mew-submit-diagnosis--port-order diagnosis))
         (groups (delq nil (mapcar (lambda (port)
                                     (mew-submit-diagnosis--attempts-at diagnosis port))
                                   order)))
         (usable (seq-some (lambda (attempts)
                             (seq-find #'mew-submit-diagnosis--usable-p attempts))
                           groups))
         (best (mapcar #'mew-submit-diagnosis--best groups)))
    (if usable
        (cons t usable)
      ;; What is wrong where somebody answers is nearer to mail than a shut port.
      (cons nil (or (seq-find (lambda (attempt)
                                (and (eq (plist-get attempt :service) 'submission)
                                     (< (mew-submit-diagnosis--rank attempt) 2)))
                              best)
                    (car best))))))

(defun mew-submit-diagnosis--log-in-result (diagnosis)
  "Return what came of the log-in of DIAGNOSIS, a word, or nil without one.
It is \"accepted\", \"refused\", \"failed\" (before the server has judged it),
\"untried\" or \"running\"."
  (let* ((log-in (plist-get diagnosis :log-in))
         (done (plist-get log-in :done)))
    (pcase (plist-get log-in :state)
      ('nil nil)
      ('ended (cond ((equal (plist-get done :kind) "ok") "accepted")
                    ((plist-get done :cause) "refused")
                    (t "failed")))
      (state (symbol-name state)))))

(provide 'mew-submit-diagnosis)
;;; mew-submit-diagnosis.el ends here
