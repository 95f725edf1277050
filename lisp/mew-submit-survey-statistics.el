;;; mew-submit-survey-statistics.el --- How often each case is met -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the arithmetic of a field test: which case a server is at a
;; port, how many servers are which case, and how sure that is.  A result is a plist
;; (:host :user :attempts), an attempt has :port, :family and :case as the manual has
;; them; whoever has no name for the host has a number.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)

(defconst mew-submit-survey-statistics--cases
  '((1 "1: answers") (2 "2: refused (RST)") (3 "3: ICMP hard error")
    (4 "4: ICMP soft error") (5 "5: silence") ("2 or 3" "2 or 3")
    ("3 or 4" "3 or 4") ("greeting" "no greeting")
    ("mixed" "mixed") ("local" "no way from here"))
  "What a server can be at a port, and in words: (CASE WORDS).")

(defconst mew-submit-survey-statistics--paper '(1 2 3 4 5)
  "The cases that a table has whether they occur or not.")

;;; One server

(defun mew-submit-survey-statistics--tcp-case (attempt)
  "Return what TCP has met in ATTEMPT: what came afterwards is case 1."
  (let ((case (plist-get attempt :case)))
    (if (member case '("tls" "no-login")) 1 case)))

(defun mew-submit-survey-statistics--case (attempts)
  "Return what ATTEMPTS, those at a port of a server, amount to; nil for nothing.
It is one of `mew-submit-survey-statistics--cases'.  A family that has no way
out of this machine says nothing of the server, unless there is no other."
  (let (told local)
    (dolist (attempt attempts)
      (let ((case (mew-submit-survey-statistics--tcp-case attempt)))
        (cond ((null case))
              ((equal case "local") (setq local t))
              ((not (member case told)) (push case told)))))
    (cond ((cdr told) "mixed")
          (told (car told))
          (local "local"))))

(defun mew-submit-survey-statistics--select (attempts port family)
  "Return those of ATTEMPTS at PORT by FAMILY; nil is any family."
  (cl-loop for attempt in attempts
           when (and (eql port (plist-get attempt :port))
                     (or (null family)
                         (equal family (plist-get attempt :family))))
           collect attempt))

(defun mew-submit-survey-statistics--of (result port family)
  "Return which case RESULT's server is at PORT by FAMILY (nil: both), or nil."
  (mew-submit-survey-statistics--case
   (mew-submit-survey-statistics--select (plist-get result :attempts) port family)))

(defun mew-submit-survey-statistics--unique (results)
  "Return RESULTS with one for each server and user, the first one."
  (let ((seen (make-hash-table :test #'equal)))
    (cl-loop for result in results
             for key = (cons (plist-get result :host) (plist-get result :user))
             unless (gethash key seen)
             collect result
             do (puthash key t seen))))

(defun mew-submit-survey-statistics--ports (results)
  "Return the ports that RESULTS know of: 587 first, then 25, then the others."
  (let (ports)
    (dolist (result results)
      (dolist (attempt (plist-get result :attempts))
        (cl-pushnew (plist-get attempt :port) ports)))
    (setq ports (nreverse ports))
    (append (seq-filter (lambda (port) (memql port ports)) '(587 25))
            (sort (seq-difference ports '(587 25)) #'<))))

;;; All of them

(defun mew-submit-survey-statistics--cell (results port family)
  "Return how many of RESULTS are which case at PORT by FAMILY, as a plist.
It has :port, :family (nil: both), :n and :counts, a list of (CASE . NUMBER).
What this machine has no way to is not counted."
  (let ((table (make-hash-table :test #'equal))
        (n 0))
    (dolist (result results)
      (let ((case (mew-submit-survey-statistics--of result port family)))
        (unless (member case '(nil "local"))
          (cl-incf n)
          (cl-incf (gethash case table 0)))))
    (list :port port :family family :n n
          :counts (cl-loop for (case) in mew-submit-survey-statistics--cases
                           unless (equal case "local")
                           collect (cons case (gethash case table 0))))))

(defun mew-submit-survey-statistics--cells (results)
  "Return the cells of RESULTS for each port: both families, IPv6, IPv4."
  (mapcan (lambda (port)
            (mapcar (lambda (family)
                      (mew-submit-survey-statistics--cell results port family))
                    '(nil "ipv6" "ipv4")))
          (mew-submit-survey-statistics--ports results)))

(defun mew-submit-survey-statistics--wilson (count n)
  "Return (LOW . HIGH), the Wilson interval at 95 % for COUNT of N.
It is sound for small numbers too, and for none at all."
  (if (zerop n)
      (cons 0.0 1.0)
    (let* ((z 1.959964)
           (p (/ (float count) n))
           (zz (/ (* z z) n))
           (centre (/ (+ p (/ zz 2)) (1+ zz)))
           (half (/ (* z (sqrt (+ (/ (* p (- 1 p)) n) (/ zz (* 4 n)))))
                    (1+ zz))))
      (cons (max 0.0 (- centre half)) (min 1.0 (+ centre half))))))

;;; Tables

(defun mew-submit-survey-statistics--percent (share)
  "Return SHARE in percent."
  (format "%d" (round (* 100 share))))

(defun mew-submit-survey-statistics--share (count n)
  "Return COUNT of N in words, such as \"12, 46 % (29-65)\"."
  (if (zerop n)
      "-"
    (let ((interval (mew-submit-survey-statistics--wilson count n)))
      (format "%d, %s %% (%s-%s)" count
              (mew-submit-survey-statistics--percent (/ (float count) n))
              (mew-submit-survey-statistics--percent (car interval))
              (mew-submit-survey-statistics--percent (cdr interval))))))

(defun mew-submit-survey-statistics--family (family)
  "Return FAMILY in words, nil being both."
  (pcase family ("ipv6" "IPv6") ("ipv4" "IPv4") (_ "both")))

(defun mew-submit-survey-statistics--met-p (case cells)
  "Has a table of CELLS a row for CASE?"
  (or (memql case mew-submit-survey-statistics--paper)
      (seq-some (lambda (cell)
                  (< 0 (cdr (assoc case (plist-get cell :counts)))))
                cells)))

(defun mew-submit-survey-statistics--shares (cells port)
  "Return the table of cases at PORT: their number and share in each of CELLS."
  (let ((mine (seq-filter (lambda (cell) (eql port (plist-get cell :port)))
                          cells)))
    (append
     (list (cons (format "port %d" port)
                 (mapcar (lambda (cell)
                           (mew-submit-survey-statistics--family
                            (plist-get cell :family)))
                         mine)))
     (cl-loop for (case words) in mew-submit-survey-statistics--cases
              when (and (assoc case (plist-get (car mine) :counts))
                        (mew-submit-survey-statistics--met-p case mine))
              collect (cons words
                            (mapcar (lambda (cell)
                                      (mew-submit-survey-statistics--share
                                       (cdr (assoc case
                                                   (plist-get cell :counts)))
                                       (plist-get cell :n)))
                                    mine)))
     (list (cons "n" (mapcar (lambda (cell)
                               (number-to-string (plist-get cell :n)))
                             mine))))))

(defun mew-submit-survey-statistics--columns (results)
  "Return the (PORT . FAMILY) pairs that a table of RESULTS has columns for."
  (mapcan (lambda (port) (list (cons port "ipv6") (cons port "ipv4")))
          (mew-submit-survey-statistics--ports results)))

(defun mew-submit-survey-statistics--servers (results)
  "Return the table of servers: what each of RESULTS is at each port and family."
  (let ((columns (mew-submit-survey-statistics--columns results))
        (users (seq-some (lambda (result) (plist-get result :user)) results)))
    (cons
     (append (list "server") (and users '("user"))
             (mapcar (lambda (column)
                       (format "%d/%s" (car column)
                               (if (equal (cdr column) "ipv6") "v6" "v4")))
                     columns))
     (mapcar
      (lambda (result)
        (append (list (format "%s" (plist-get result :host)))
                (and users (list (or (plist-get result :user) "")))
                (mapcar (lambda (column)
                          (format "%s" (or (mew-submit-survey-statistics--of
                                            result (car column) (cdr column))
                                           "-")))
                        columns)))
      results))))

;;; Side by side

(defun mew-submit-survey-statistics--works-p (case)
  "Does CASE mean that a port can be used, on some address at least?"
  (member case '(1 "mixed")))

(defun mew-submit-survey-statistics--differences (here there)
  "Return where the results HERE and THERE differ, a list of plists.
Each has :host, :port, :family, :here and :there, the cases, and :blocked,
which is `here' or `there' when a port works on the other side only, or nil."
  (let (differences)
    (dolist (result here)
      (when-let* ((other (seq-find (lambda (other)
                                    (equal (plist-get other :host)
                                           (plist-get result :host)))
                                  there)))
        (pcase-dolist (`(,port . ,family)
                       (mew-submit-survey-statistics--columns (list result)))
          (let ((a (mew-submit-survey-statistics--of result port family))
                (b (mew-submit-survey-statistics--of other port family)))
            (when (and a b (not (equal a b)))
              (push (list :host (plist-get result :host)
                          :port port :family family :here a :there b
                          :blocked
                          (cond ((mew-submit-survey-statistics--works-p a)
                                 (and (not (mew-submit-survey-statistics--works-p b))
                                      'there))
                                ((mew-submit-survey-statistics--works-p b) 'here)))
                    differences))))))
    (nreverse differences)))

(defun mew-submit-survey-statistics--beside (here there)
  "Return a table of where HERE and THERE, results of two surveys, differ."
  (cons
   '("server" "port" "family" "here" "there" "")
   (mapcar (lambda (difference)
             (list (format "%s" (plist-get difference :host))
                   (plist-get difference :port)
                   (mew-submit-survey-statistics--family
                    (plist-get difference :family))
                   (format "%s" (plist-get difference :here))
                   (format "%s" (plist-get difference :there))
                   (pcase (plist-get difference :blocked)
                     ('here "blocked here, works there")
                     ('there "works here, blocked there")
                     (_ "differs"))))
           (mew-submit-survey-statistics--differences here there))))

;;; What a provider offers

(defun mew-submit-survey-statistics--offers-auth-p (attempt)
  "Is there something to log in with in ATTEMPT, inside TLS?"
  (and (plist-get attempt :tls) (plist-get attempt :auth) t))

(defun mew-submit-survey-statistics--provider (result)
  "Return what those who submit mail find at RESULT's server, as a plist.
:submission is non-nil when it does so as RFC 6409 and RFC 8314 ask for: on 587
with STARTTLS and AUTH after it, or on 465.  :p587 and :p465 are the cases,
:starttls and :auth what was seen on 587, :auth465 on 465, :clear non-nil when
it would take a password before TLS, and :why what is missing."
  (let* ((at (lambda (port)
               (mew-submit-survey-statistics--select (plist-get result :attempts)
                                                     port nil)))
         (open (lambda (port)
                 (seq-filter (lambda (attempt)
                               (eql 1 (mew-submit-survey-statistics--tcp-case attempt)))
                             (funcall at port))))
         (sub (funcall open 587))
         (subs (funcall open 465))
         (starttls (and sub (seq-every-p
                             (lambda (attempt)
                               (equal (plist-get attempt :starttls) "offered"))
                             sub)))
         (auth (seq-some #'mew-submit-survey-statistics--offers-auth-p sub))
         (auth465 (seq-some #'mew-submit-survey-statistics--offers-auth-p subs))
         (clear (seq-some (lambda (attempt) (plist-get attempt :auth-clear))
                          sub)))
    (list :host (plist-get result :host)
          :p587 (mew-submit-survey-statistics--case (funcall at 587))
          :p465 (mew-submit-survey-statistics--case (funcall at 465))
          :starttls starttls :auth auth :auth465 auth465 :clear clear
          :submission (and (or (and starttls auth (not clear)) auth465) t)
          :why (string-join
                (delq nil
                      (list (cond ((null sub) "587 does not answer")
                                  ((not starttls) "no STARTTLS on 587")
                                  ((not auth) "no AUTH on 587"))
                            (and clear "takes a password before TLS")
                            (cond ((null subs) "465 does not answer")
                                  ((not auth465) "no AUTH on 465"))))
                ", "))))

(provide 'mew-submit-survey-statistics)
;;; mew-submit-survey-statistics.el ends here
