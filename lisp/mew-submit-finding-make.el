;;; mew-submit-finding-make.el --- What all findings are made of -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the form of a finding, and what the files with the judgements
;; have in common: which attempts of a diagnosis are meant, and how they are called.  A
;; finding is a plist
;;   :id        a string that stays the same (the manual lists them all)
;;   :severity  "error": mail or its safety is at stake here; "warning": something is wrong
;;              that need not stop mail; "note": good to know
;;   :text      one plain sentence
;;   :advice    what to do
;;   :attempts  the numbers of the attempts it is about

;;; Code:

(require 'mew-submit-diagnosis)
(require 'mew-submit-error)
(require 'mew-submit-refusal)
(require 'seq)
(require 'subr-x)

(defun mew-submit-finding--make (id severity attempts advice format &rest args)
  "Return a finding ID of SEVERITY about ATTEMPTS, with ADVICE.
FORMAT and ARGS make its sentence."
  (list :id id :severity severity
        :text (mew-submit-error--clean (apply #'format format args))
        :advice advice
        :attempts (mapcar (lambda (attempt) (plist-get attempt :id)) attempts)))

(defun mew-submit-finding--with-cause (finding reply otherwise)
  "Return FINDING, that a server refused with REPLY, with the cause of that.
REPLY has :said, :code, :enhanced and :step, and may have :mechanism.  What to
do is what the cause says, and OTHERWISE where the server's words leave it open."
  (let ((cause (mew-submit-refusal--of-event reply)))
    (plist-put (mew-submit-refusal--with finding (plist-get reply :said) cause) :advice
               (if (mew-submit-refusal--undetermined-p cause)
                   otherwise
                 (mew-submit-refusal--to-do cause)))))

;;; Which attempts

(defun mew-submit-finding--ended (diagnosis)
  "Return the attempts of DIAGNOSIS that came to an end by themselves."
  (seq-filter (lambda (attempt)
                (and (eq (plist-get attempt :state) 'ended)
                     (not (equal (plist-get (plist-get attempt :end) :kind)
                                 "cancelled"))))
              (plist-get diagnosis :attempts)))

(defun mew-submit-finding--answered-p (attempt)
  "Did TCP come to stand in ATTEMPT?"
  (member (plist-get attempt :case) '(1 "tls" "greeting")))

(defun mew-submit-finding--refused-p (attempt)
  "Was ATTEMPT answered by a TCP reset?"
  (member (plist-get attempt :case) '(2 "2 or 3")))

(defun mew-submit-finding--routeless-p (attempt)
  "Has this machine no way to the address of ATTEMPT?"
  (and (equal (plist-get attempt :case) "local")
       (null (plist-get attempt :icmp))
       (or (member (plist-get attempt :errno)
                   '("ENETUNREACH" "EHOSTUNREACH" "EADDRNOTAVAIL" "EAFNOSUPPORT"))
           ;; A link-local address without its interface, as no DNS can know it.
           (and (equal (plist-get attempt :errno) "EINVAL")
                (string-match-p "\\`fe[89ab][0-9a-f]:[^%]*\\'" (plist-get attempt :address))))))

(defun mew-submit-finding--nowhere-p (diagnosis)
  "Has DIAGNOSIS met nothing but a missing way, or a missing resolver?"
  (if-let* ((attempts (plist-get diagnosis :attempts)))
      (seq-every-p #'mew-submit-finding--routeless-p attempts)
    (seq-some (lambda (lookup) (member (plist-get lookup :why) '("resolver" "late")))
              (plist-get diagnosis :lookups))))

(defun mew-submit-finding--smtp-p (attempt)
  "Does ATTEMPT lead to a place where mail is submitted or transferred?"
  (memq (plist-get attempt :service) '(submission transfer)))

(defun mew-submit-finding--submission-p (attempt)
  "Does ATTEMPT lead to a submission port?"
  (eq (plist-get attempt :service) 'submission))

(defun mew-submit-finding--usable-p (attempts)
  "Could mail be submitted by one of ATTEMPTS?"
  (seq-some #'mew-submit-diagnosis--usable-p attempts))

(defun mew-submit-finding--by-port (attempts)
  "Return ATTEMPTS grouped: a list of (PORT ATTEMPT...), the smallest port first."
  (sort (seq-group-by (lambda (attempt) (plist-get attempt :port)) attempts)
        (lambda (a b) (< (car a) (car b)))))

(defun mew-submit-finding--ports (attempts)
  "Return the ports of ATTEMPTS in ascending order."
  (mapcar #'car (mew-submit-finding--by-port attempts)))

(defun mew-submit-finding--filter (attempts predicate function)
  "Return a list with the value of FUNCTION for those of ATTEMPTS with PREDICATE.
It is nil when there are none."
  (when-let* ((those (seq-filter predicate attempts)))
    (list (funcall function those))))

(defun mew-submit-finding--stage-p (attempt stage &rest kinds)
  "Did ATTEMPT end at STAGE, and with one of KINDS if there are any?"
  (let ((end (plist-get attempt :end)))
    (and (equal (plist-get end :stage) stage)
         (not (equal (plist-get end :kind) "ok"))
         (or (null kinds) (member (plist-get end :kind) kinds)))))

(defun mew-submit-finding--severity (attempts)
  "Return \"error\", or \"warning\" where ATTEMPTS are not about submission."
  (if (seq-some #'mew-submit-finding--submission-p attempts) "error" "warning"))

;;; Words

(defalias 'mew-submit-finding--and #'mew-submit-error--and)

(defun mew-submit-finding--port-words (ports &optional upper)
  "Return PORTS, numbers, in words, with a capital letter if UPPER."
  (concat (if upper "P" "p") "ort" (if (cdr ports) "s" "") " "
          (mew-submit-finding--and (mapcar #'number-to-string ports))))

(defun mew-submit-finding--where (attempts &optional upper)
  "Return the ports of ATTEMPTS in words, with a capital letter if UPPER."
  (mew-submit-finding--port-words (mew-submit-finding--ports attempts) upper))

(defun mew-submit-finding--each (attempts)
  "Return the ports of ATTEMPTS as the subject of a sentence, one port or each."
  (concat (if (cdr (mew-submit-finding--ports attempts)) "Each of the ports" "Port") " "
          (mew-submit-finding--and
           (mapcar #'number-to-string (mew-submit-finding--ports attempts)))))

(defun mew-submit-finding--family (attempt)
  "Return the address family of ATTEMPT as people write it."
  (if (equal (plist-get attempt :family) "ipv6") "IPv6" "IPv4"))

(defun mew-submit-finding--seconds (msecs)
  "Return MSECS in words, in seconds."
  (format (if (< msecs 10000) "%.1f s" "%.0f s") (/ msecs 1000.0)))

(defun mew-submit-finding--said (attempt)
  "Return what ATTEMPT met, in words, without an end."
  (string-trim-right (or (plist-get attempt :text) "") "[. ]+"))

(provide 'mew-submit-finding-make)
;;; mew-submit-finding-make.el ends here
