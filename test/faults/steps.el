;;; steps.el --- What can happen at each step -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Rows G17, H3, H5, H6, H8 and H9, and section I where the step is the final reply: an end, a reset,
;; silence, 421, 451, 554, noise and half a reply, at every step, for every way a message can go.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-faults-h "faults/h-order-time-loss")
(require 'mew-submit-faults-scenario "faults/scenario")

(defconst mew-submit-faults-steps--acts
  '((close "I1/H4" "close") (reset "H5" "reset") (stall "H6" "stall")
    (421 "H3" "reply:421 4.3.2 Going down") (4yz "H8" "reply:451 4.3.0 Not now")
    (5yz "H9" "reply:554 5.0.0 No way") (noise "G17" "reply:What is this?")
    (truncate "C12" "truncate"))
  "What can happen: (ACT ROW DIRECTIVE).")

(defconst mew-submit-faults-steps--table
  ;; STEP LEVEL close/reset stall 421 4yz 5yz noise truncate
  '((greeting connection (connect lost) timeout deferred deferred refused protocol (lost protocol))
    (ehlo connection lost timeout deferred deferred (refused insecure) protocol (lost protocol))
    (starttls connection (lost tls) timeout deferred deferred insecure (protocol insecure)
              (lost tls insecure))
    (tls connection tls timeout nil nil nil nil nil)
    (ehlo2 connection (lost tls) timeout deferred deferred refused protocol (lost tls))
    (auth auth (lost tls) timeout deferred deferred auth protocol (lost tls))
    (auth-step auth (lost tls) timeout deferred deferred auth protocol (lost tls))
    (mail envelope (lost tls) timeout deferred deferred refused protocol (lost tls))
    (rcpt envelope (lost tls) timeout deferred deferred refused protocol (lost tls))
    (data envelope (lost tls) timeout deferred deferred refused protocol (lost tls))
    (dot message uncertain uncertain deferred deferred refused uncertain uncertain)
    (quit message ok ok ok ok ok ok ok))
  "How it ends: (STEP LEVEL KINDS...), KINDS for each act as in the line above.")


(defconst mew-submit-faults-steps--flight
  ;; All is in one flight with the message: without an answer nobody knows.
  '((mail part uncertain uncertain deferred deferred refused uncertain uncertain)
    (rcpt part uncertain uncertain deferred deferred refused uncertain uncertain)
    (dot message uncertain uncertain deferred deferred refused uncertain uncertain)
    (quit message ok ok ok ok ok ok ok))
  "The same as `mew-submit-faults-steps--table' for a message in one flight with MAIL and RCPT.")

(defun mew-submit-faults-steps--kinds (row act)
  "Return how ROW of a table ends with ACT, or nil where that cannot be."
  (pcase-let ((`(,_ ,_ ,close ,stall ,going ,later ,never ,noise ,truncate) row))
    (pcase act
      ((or 'close 'reset) close) ('stall stall) (421 going) ('4yz later) ('5yz never)
      ('noise noise) ('truncate truncate))))

(defun mew-submit-faults-steps--entry (way act row)
  "Return an entry, in a list, for ACT at the step of ROW by WAY; nil where that cannot be."
  (when-let* ((kinds (mew-submit-faults-steps--kinds row (car act)))
             (step (car row)))
    `((,(format "%s %s: %s, %s" (nth 1 act) step (car act) (car way))
       :peer (,@(cdr way) ,(format "%s=%s" step (nth 2 act)))
       :kind ,kinds :reach ,(if (eq (nth 1 row) 'part) '(envelope part message) (nth 1 row))
       ,@(when (eq (car act) 'stall) '(:account (:step-timeout 1.5) :slow t))
       ,@(when (memq (car act) '(421 4yz 5yz))
           (unless (memq step '(quit starttls))
             `(:text ,(substring (nth 2 act) 6 9))))))))

(defun mew-submit-faults-steps--way (way table)
  "Return entries for WAY: every act at every step of TABLE."
  (seq-mapcat (lambda (row)
                (seq-mapcat (lambda (act) (mew-submit-faults-steps--entry way act row))
                            mew-submit-faults-steps--acts))
              table))

(defun mew-submit-faults-steps--from (step)
  "Return the rows of `mew-submit-faults-steps--table' from STEP on."
  (memq (assq step mew-submit-faults-steps--table) mew-submit-faults-steps--table))

(defun mew-submit-faults-steps--without (table steps)
  "Return TABLE without the rows of STEPS."
  (seq-remove (lambda (row) (memq (car row) steps)) table))

(defun mew-submit-faults-steps--implicit (entry)
  "Return ENTRY for implicit TLS instead of STARTTLS."
  (let ((spec (copy-sequence (cdr entry))))
    (setq spec (plist-put spec :listeners (list (cons 'implicit (plist-get spec :peer)))))
    ;; Without a single octet it is as if nobody were there.
    (when (eq (plist-get spec :kind) 'tls)
      (setq spec (plist-put spec :kind '(tls connect))))
    ;; The greeting comes inside TLS: whoever sends it has answered.
    (when (equal (plist-get spec :kind) '(connect lost))
      (setq spec (plist-put spec :kind '(lost tls))))
    (when (equal (plist-get spec :kind) '(lost protocol))
      (setq spec (plist-put spec :kind '(lost tls protocol))))
    (cons (concat (car entry) ", implicit TLS") spec)))

(defconst mew-submit-faults-steps
  (append
   (mew-submit-faults-steps--way '("DATA") mew-submit-faults-steps--table)
   (mapcar #'mew-submit-faults-steps--implicit
           (mew-submit-faults-steps--way
            '("DATA") (seq-filter (lambda (row) (memq (car row) '(greeting tls ehlo2 auth quit)))
                                  mew-submit-faults-steps--table)))
   (mew-submit-faults-steps--way '("DATA, no PIPELINING" "cap2-=PIPELINING")
                                 (mew-submit-faults-steps--from 'mail))
   (mew-submit-faults-steps--way
    '("BDAT, no PIPELINING" "chunking" "cap2-=PIPELINING")
    (mew-submit-faults-steps--without (mew-submit-faults-steps--from 'mail) '(data)))
   (mew-submit-faults-steps--way '("BDAT" "chunking") mew-submit-faults-steps--flight)
   (mew-submit-faults-steps--way
    '("AUTH PLAIN" "mechs=PLAIN")
    (seq-filter (lambda (row) (eq (car row) 'auth)) mew-submit-faults-steps--table))
   (mew-submit-faults-steps--way
    '("AUTH LOGIN" "mechs=LOGIN")
    (seq-filter (lambda (row) (memq (car row) '(auth auth-step))) mew-submit-faults-steps--table)))
  "Every act at every step, every way.")

(provide 'mew-submit-faults-steps)
;;; steps.el ends here
