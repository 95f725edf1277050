;;; expect.el --- What the race has to bring, as a pure function -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; From the states of a host's ports and a plan, `mew-submit-race-expect' says who wins
;; and what each attempt met.  It follows from these sentences alone:
;;
;; - A strict plan tries its routes one after the other; the first that answers wins.
;; - In a race the families of a port start one after the other, the next when the one before has
;;   failed, or 250 ms later: the first that answers wins.  Only one that is silent (`drop') is still
;;   under way then: it is given up, without a verdict.
;; - A less preferred port wins only when every attempt on the preferred ones has a verdict.
;; - A port that accepts and closes before the first octet of its greeting has not answered.
;; - Whatever happens after a port has answered, no other port is tried; but where it breaks off before
;;   the log-in, one more address of it is.
;;
;; On this network a rejected SYN is rejected at once, by the address that was tried.
;; (SECURITY: M2, M3.)

;;; Code:

(require 'cl-lib)
(require 'mew-submit-portable "portable")
(require 'mew-submit-race-network "race/network")

(defconst mew-submit-race-plans
  '((appendix-a strict (587 ipv4) (25 ipv6) (25 ipv4))
    (symmetric strict (587 ipv6) (587 ipv4) (25 ipv6) (25 ipv4))
    (submission race (587 ipv6) (587 ipv4) (25 ipv6) (25 ipv4))
    (submissions race (465 ipv6) (465 ipv4)))
  "The plans: name, `strict' or `race', routes as port and family.")

(defun mew-submit-race-answers-p (state)
  "Does a port in STATE answer?  Then no other route is tried."
  (or (memq state '(open slow greet-pause)) (stringp state)))

(defun mew-submit-race--try (host route)
  "Return the attempt of ROUTE at HOST: (PORT FAMILY STATE)."
  (list (car route) (cadr route)
        (mew-submit-race-host-state host (car route) (cadr route))))

(defun mew-submit-race--reachable (host routes)
  "Return those of ROUTES for which HOST has an address, as attempts."
  (cl-loop for route in routes
           when (mew-submit-race-host-address host (cadr route))
           collect (mew-submit-race--try host route)))

(defun mew-submit-race--breaks-off-p (state)
  "Does a port in STATE answer, and break off before the log-in?"
  (member state '("tls=close" "greeting=truncate:3")))

(defun mew-submit-race--up-to-winner (attempts)
  "Return those of ATTEMPTS that are made: up to the first that is answered.
Where that breaks off the next at its port is made, too."
  (let ((winner (cl-position-if (lambda (attempt) (mew-submit-race-answers-p (nth 2 attempt)))
                                attempts)))
    (when (and winner
               (mew-submit-race--breaks-off-p (nth 2 (nth winner attempts)))
               (eql (car (nth winner attempts)) (car (nth (1+ winner) attempts))))
      (setq winner (1+ winner)))
    (if winner (cl-subseq attempts 0 (1+ winner)) attempts)))

(defun mew-submit-race--give-up-silent (attempts)
  "Return ATTEMPTS on one port with what is silent given up, where one has won."
  (if (mew-submit-race-answers-p (nth 2 (car (last attempts))))
      (mapcar (lambda (attempt)
                (if (eq (nth 2 attempt) 'drop)
                    (list (nth 0 attempt) (nth 1 attempt) 'given-up)
                  attempt))
              attempts)
    attempts))

(defun mew-submit-race-expect (host plan)
  "Return what comes of PLAN, a symbol, at HOST.
That is a list of attempts (PORT FAMILY STATE).
The last one has won when its state answers.  STATE `given-up' means no
verdict."
  (pcase-let* ((`(,kind . ,routes) (cdr (assq plan mew-submit-race-plans)))
               (made (mew-submit-race--up-to-winner (mew-submit-race--reachable host routes))))
    (if (eq kind 'strict)
        made
      ;; Only the port where the race ends can have attempts without a verdict.
      (let ((last-port (caar (last made))))
        (append (cl-remove last-port made :key #'car)
                (mew-submit-race--give-up-silent
                 (cl-remove last-port made :key #'car :test-not #'eql)))))))

(defun mew-submit-race-winner (attempts)
  "Return the one of ATTEMPTS that has won, or nil."
  (let ((end (car (last attempts))))
    (and (mew-submit-race-answers-p (nth 2 end)) end)))

;;; Verdicts

(defconst mew-submit-race--verdicts
  '((open 1) (slow 1) (greet-pause 1)
    (rst 2 "ECONNREFUSED")
    (admin 3 ("EHOSTUNREACH" 3 13) ("EACCES" 1 1))
    (port 3 ("ECONNREFUSED" 3 3) ("ECONNREFUSED" 1 4))
    (net 4 ("ENETUNREACH" 3 0) ("ENETUNREACH" 1 0))
    (host 4 ("EHOSTUNREACH" 3 1) ("EHOSTUNREACH" 1 3))
    (drop 5)
    (close "greeting")
    (abort "greeting")
    (given-up nil))
  "What each state means for an attempt.
Each element is (STATE CASE), (STATE CASE ERRNO), or for
an ICMP error (STATE CASE (ERRNO TYPE CODE) (ERRNO TYPE CODE)), of which the
first is for IPv4 and the second for IPv6.")

(defun mew-submit-race-verdict (state family)
  "Return the verdict of an attempt in FAMILY that meets STATE.
It is a plist (:case :errno :icmp :offender-who), :icmp being (TYPE CODE)."
  (pcase-let* ((`(,case ,ipv4 ,ipv6) (cdr (assq state mew-submit-race--verdicts)))
               (`(,errno . ,icmp) (ensure-list (if (eq family 'ipv6) (or ipv6 ipv4) ipv4)))
               (told (and icmp (not (mew-submit-portable-p)))))
    (list :case (mew-submit-portable-case case errno icmp) :errno errno
          :icmp (and told icmp) :offender-who (and told "server"))))

(defun mew-submit-race-verdicts (state family)
  "Return the verdicts of which an attempt in FAMILY that meets STATE has one.
There is more than one for an ICMP error in IPv6 with a portable module: Linux
forgets one that comes before connect() has returned, as all do on this network.
Then it comes with the next SYN, after a second, or that is too late."
  (cons (mew-submit-race-verdict state family)
        (and (mew-submit-portable-p) (eq family 'ipv6) (memq state '(admin port net host))
             (list (mew-submit-race-verdict 'drop family)))))

(provide 'mew-submit-race-expect)
;;; expect.el ends here
