;;; mew-submit-survey-statistics.el --- How often each case is met -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the arithmetic of a field test: which case a server is at a
;; port, how many servers are which case, and how sure that is.  A result is a plist
;; (:host :user :attempts), an attempt has :port, :family and :case as the manual has
;; them; whoever has no name for the host has a number.  A tally takes results one
;; by one and keeps numbers alone, so that it does not grow with what it counts.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-caseless)
(require 'mew-submit-store)
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

;;; Whom to count

(defconst mew-submit-survey-statistics--inside
  (concat "\\`\\(?:127\\.\\|10\\.\\|0\\.\\|192\\.168\\.\\|169\\.254\\.\\|172\\.\\(?:1[6-9]\\|2[0-9]\\|3[01]\\)\\.\\|"
          "100\\.\\(?:6[4-9]\\|[7-9][0-9]\\|1[01][0-9]\\|12[0-7]\\)\\.\\|"
          "::1?\\(?:%\\|\\'\\)\\|f[cd][0-9a-f]\\{2\\}:\\|fe[89ab][0-9a-f]:\\)")
  "Addresses of this machine, of private networks (RFC 1918, 4193, 6598), of links.")

(defun mew-submit-survey-statistics--inside-p (result)
  "Is RESULT's server on this machine, or in a private network?
All of its addresses have to be; without any its name says it."
  (let ((addresses (delq nil (mapcar (lambda (attempt) (plist-get attempt :address))
                                     (plist-get result :attempts)))))
    (if addresses
        (seq-every-p (lambda (address)
                       (string-match-p mew-submit-survey-statistics--inside
                                       (string-remove-prefix
                                        "::ffff:" (mew-submit-caseless--down address))))
                     addresses)
      (let ((host (format "%s" (plist-get result :host))))
        (or (mew-submit-account--local-p host)
            (string-match-p mew-submit-survey-statistics--inside
                            (mew-submit-caseless--down host)))))))

(defun mew-submit-survey-statistics--number (&rest words)
  "Return a number that stands for WORDS, strings or nil: 60 bits of their hash."
  (string-to-number (substring (secure-hash 'sha256 (encode-coding-string
                                                     (mew-submit-store--text words)
                                                     'utf-8))
                               0 15)
                    16))

(defun mew-submit-survey-statistics--key (result)
  "Return what results of RESULT's server, by the same user, have in common.
Where a report has a hash in place of the name, it is the server alone."
  (if-let* ((hash (plist-get result :hash)))
      (mew-submit-survey-statistics--number hash)
    (mew-submit-survey-statistics--number
     (mew-submit-caseless--down (format "%s" (plist-get result :host))) (plist-get result :user))))

(defun mew-submit-survey-statistics--in-order (ports)
  "Return PORTS in order: 587 first, then 25, then the others."
  (append (seq-filter (lambda (port) (memql port ports)) '(587 25))
          (sort (seq-difference ports '(587 25)) #'<)))

(defun mew-submit-survey-statistics--ports (results)
  "Return the ports that RESULTS know of, in order."
  (let (ports)
    (dolist (result results)
      (dolist (attempt (plist-get result :attempts))
        (cl-pushnew (plist-get attempt :port) ports)))
    (mew-submit-survey-statistics--in-order ports)))

;;; All of them

(defconst mew-submit-survey-statistics--sample 20
  "How many results a tally keeps, those that a network is judged by.")

(defconst mew-submit-survey-statistics--failed-max 100
  "How many servers a tally names that could not be looked at.")

(cl-defstruct (mew-submit-survey-statistics--tally
               (:constructor mew-submit-survey-statistics--new-tally)
               (:copier nil))
  (reports 0 :documentation "How many results there were.")
  (outside 0 :documentation "How many of them were not inside.")
  (servers 0 :documentation "How many of those were not the same again.")
  (unknown 0 :documentation "How many servers could not be looked at.")
  (everywhere nil :documentation "Non-nil counts what is inside, too.")
  (users nil :documentation "Non-nil when a result has a user.")
  (sample nil :documentation "The first results, the last of them first.")
  (failed nil :documentation "The first that lack something, the last of them first.")
  (ports nil :documentation "The ports that were met.")
  (seen (make-hash-table) :documentation "The keys that were met.")
  (kinds (make-hash-table :test #'equal)
         :documentation "(GROUP . WHAT) to a number, for the breakdown of servers.")
  (cases (make-hash-table :test #'equal)
         :documentation "(PORT FAMILY CASE) to a number."))

(defun mew-submit-survey-statistics--count (tally result)
  "Count the cases of RESULT in TALLY."
  (dolist (attempt (plist-get result :attempts))
    (cl-pushnew (plist-get attempt :port)
                (mew-submit-survey-statistics--tally-ports tally)))
  (dolist (port (delete-dups (mapcar (lambda (attempt) (plist-get attempt :port))
                                     (plist-get result :attempts))))
    (dolist (family '(nil "ipv6" "ipv4"))
      (when-let* ((case (mew-submit-survey-statistics--of result port family)))
        (cl-incf (gethash (list port family case)
                          (mew-submit-survey-statistics--tally-cases tally) 0))))))

(defun mew-submit-survey-statistics--add (tally result)
  "Count RESULT in TALLY; return non-nil unless it is inside, or known already.
With :again it is nothing but one more report of what was counted before."
  (cl-incf (mew-submit-survey-statistics--tally-reports tally))
  (let* ((key (mew-submit-survey-statistics--key result))
         (seen (mew-submit-survey-statistics--tally-seen tally))
         (again (plist-get result :again))
         (outside (if again
                      (gethash key seen)
                    (or (mew-submit-survey-statistics--tally-everywhere tally)
                        (not (mew-submit-survey-statistics--inside-p result))))))
    (when outside
      (cl-incf (mew-submit-survey-statistics--tally-outside tally))
      (unless (gethash key seen)
        (puthash key t seen)
        (mew-submit-survey-statistics--add-new tally result)
        t))))

(defun mew-submit-survey-statistics--add-new (tally result)
  "Count RESULT, which is to be counted, in TALLY."
  (let ((nth (cl-incf (mew-submit-survey-statistics--tally-servers tally))))
    (when (<= nth mew-submit-survey-statistics--sample)
      (push result (mew-submit-survey-statistics--tally-sample tally))))
  (when (plist-get result :user)
    (setf (mew-submit-survey-statistics--tally-users tally) t))
  (when (plist-get result :error)
    (cl-incf (mew-submit-survey-statistics--tally-unknown tally)))
  (when (and (or (plist-get result :error) (plist-get result :lookups))
             (< (length (mew-submit-survey-statistics--tally-failed tally))
                mew-submit-survey-statistics--failed-max))
    (push result (mew-submit-survey-statistics--tally-failed tally)))
  (mew-submit-survey-statistics--count-kind tally result)
  (mew-submit-survey-statistics--count tally result))

(defun mew-submit-survey-statistics--sum (results &optional everywhere)
  "Return a tally of RESULTS; EVERYWHERE counts what is inside, too."
  (let ((tally (mew-submit-survey-statistics--new-tally :everywhere everywhere)))
    (dolist (result results tally)
      (mew-submit-survey-statistics--add tally result))))

(defun mew-submit-survey-statistics--tally-cell (tally port family)
  "Return how many of TALLY are which case at PORT by FAMILY, as a plist.
It has :port, :family (nil: both), :n and :counts, a list of (CASE . NUMBER).
What this machine has no way to is not counted."
  (let ((counts (cl-loop for (case) in mew-submit-survey-statistics--cases
                         unless (equal case "local")
                         collect (cons case
                                       (gethash (list port family case)
                                                (mew-submit-survey-statistics--tally-cases
                                                 tally)
                                                0)))))
    (list :port port :family family :n (apply #'+ (mapcar #'cdr counts)) :counts counts)))

(defun mew-submit-survey-statistics--cell (results port family)
  "Return how many of RESULTS, all of them, are which case at PORT by FAMILY.
The plist is that of `mew-submit-survey-statistics--tally-cell'."
  (let ((tally (mew-submit-survey-statistics--new-tally)))
    (dolist (result results)
      (mew-submit-survey-statistics--count tally result))
    (mew-submit-survey-statistics--tally-cell tally port family)))

(defun mew-submit-survey-statistics--cells (tally)
  "Return the cells of TALLY for each port: both families, IPv6, IPv4."
  (mapcan (lambda (port)
            (mapcar (lambda (family)
                      (mew-submit-survey-statistics--tally-cell tally port family))
                    '(nil "ipv6" "ipv4")))
          (mew-submit-survey-statistics--in-order
           (mew-submit-survey-statistics--tally-ports tally))))

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

(defun mew-submit-survey-statistics--columns (ports)
  "Return the (PORT . FAMILY) pairs that a table of PORTS has columns for."
  (mapcan (lambda (port) (list (cons port "ipv6") (cons port "ipv4"))) ports))

(defun mew-submit-survey-statistics--head (ports users)
  "Return the head of a table of servers with columns for PORTS, and for USERS."
  (append (list "server") (and users '("user"))
          (mapcar (lambda (column)
                    (format "%d/%s" (car column)
                            (if (equal (cdr column) "ipv6") "v6" "v4")))
                  (mew-submit-survey-statistics--columns ports))))

(defun mew-submit-survey-statistics--row (result ports users)
  "Return the row of RESULT in a table of servers, of PORTS and USERS."
  (append (list (format "%s" (plist-get result :host)))
          (and users (list (or (plist-get result :user) "")))
          (mapcar (lambda (column)
                    (format "%s" (or (mew-submit-survey-statistics--of
                                      result (car column) (cdr column))
                                     "-")))
                  (mew-submit-survey-statistics--columns ports))))

(defun mew-submit-survey-statistics--servers (results)
  "Return the table of servers: what each of RESULTS is at each port and family."
  (let ((ports (mew-submit-survey-statistics--ports results))
        (users (seq-some (lambda (result) (plist-get result :user)) results)))
    (cons (mew-submit-survey-statistics--head ports users)
          (mapcar (lambda (result)
                    (mew-submit-survey-statistics--row result ports users))
                  results))))

;;; The paper's words

(defun mew-submit-survey-statistics--funnel (tally)
  "Return in lines how many reports TALLY has, and how many of them count."
  (let ((reports (mew-submit-survey-statistics--tally-reports tally))
        (outside (mew-submit-survey-statistics--tally-outside tally))
        (servers (mew-submit-survey-statistics--tally-servers tally))
        (unknown (mew-submit-survey-statistics--tally-unknown tally)))
    (format "%d report%s\n%d %s this machine and private networks\n%d server%s \
without duplicates%s\n"
            reports (if (= reports 1) "" "s") outside
            (if (mew-submit-survey-statistics--tally-everywhere tally) "with" "without")
            servers (if (= servers 1) "" "s")
            (if (zerop unknown) ""
              (format ", of which %d could not be looked at" unknown)))))

(defconst mew-submit-survey-statistics--kinds
  '((servers . "servers") (p587 . "587") (p465 . "465") (only25 . "25 only")
    (none . "none") (starttls . "STARTTLS") (auth . "log-in")
    (clear . "in clear") (certificate . "valid") (submission . "good"))
  "The columns of the breakdown of servers: (WHAT . WORDS).
A log-in is offered inside TLS, or \"in clear\", and a certificate is \"valid\".
The words are short, so that all fits in 80 columns.")

(defun mew-submit-survey-statistics--count-kind (tally result)
  "Count RESULT's server in TALLY by what is offered there."
  (let* ((provider (mew-submit-survey-statistics--provider result))
         (p587 (mew-submit-survey-statistics--answering result 587))
         (p465 (mew-submit-survey-statistics--answering result 465))
         (p25 (mew-submit-survey-statistics--answering result 25))
         (table (mew-submit-survey-statistics--tally-kinds tally)))
    (cl-flet ((note (what)
                (dolist (group (delete-dups (list nil (plist-get result :group))))
                  (cl-incf (gethash (cons group what) table 0)))))
      (note 'servers)
      (when p587 (note 'p587))
      (when p465 (note 'p465))
      (when (and p25 (not p587) (not p465)) (note 'only25))
      (unless (or p25 p587 p465) (note 'none))
      (when (plist-get provider :starttls) (note 'starttls))
      (when (or (plist-get provider :auth) (plist-get provider :auth465)) (note 'auth))
      (when (plist-get provider :clear) (note 'clear))
      (when (plist-get provider :verified) (note 'certificate))
      (when (plist-get provider :submission) (note 'submission)))))

(defun mew-submit-survey-statistics--breakdown (tally)
  "Return the breakdown of the servers of TALLY: what they are and offer.
There is a row for each group that the list names, and one for all."
  (let* ((table (mew-submit-survey-statistics--tally-kinds tally))
         (groups (sort (delete-dups (delq nil (mapcar #'car (hash-table-keys table))))
                       #'string<)))
    (cons (cons "" (mapcar #'cdr mew-submit-survey-statistics--kinds))
          (mapcar (lambda (group)
                    (cons (or group "all")
                          (mapcar (lambda (kind) (gethash (cons group (car kind)) table 0))
                                  mew-submit-survey-statistics--kinds)))
                  (append groups '(nil))))))

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
                       (mew-submit-survey-statistics--columns
                        (mew-submit-survey-statistics--ports (list result))))
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

(defconst mew-submit-survey-statistics--extensions
  '("PIPELINING" "ENHANCEDSTATUSCODES" "SIZE" "8BITMIME" "DSN")
  "The extensions that a submission server should offer (RFC 6409, section 7).")

(defconst mew-submit-survey-statistics--no-extensions '("ETRN" "ATRN")
  "The extensions that it must not offer.")

(defun mew-submit-survey-statistics--offers-auth-p (attempt)
  "Is there something to log in with in ATTEMPT, inside TLS?"
  (and (plist-get attempt :tls) (plist-get attempt :auth) t))

(defun mew-submit-survey-statistics--good-p (attempt)
  "Does ATTEMPT, at 587 or 465, take a password as it should?
That is inside TLS alone, with a certificate that verifies, and no mail without
a log-in."
  (and (mew-submit-survey-statistics--offers-auth-p attempt)
       (plist-get attempt :verified)
       (not (plist-get attempt :auth-clear))
       (not (plist-get attempt :lax))
       (or (eql (plist-get attempt :port) 465)
           (equal (plist-get attempt :starttls) "offered"))))

(defun mew-submit-survey-statistics--answering (result port)
  "Return those attempts of RESULT at PORT that were answered."
  (seq-filter (lambda (attempt)
                (eql 1 (mew-submit-survey-statistics--tcp-case attempt)))
              (mew-submit-survey-statistics--select (plist-get result :attempts) port nil)))

(defun mew-submit-survey-statistics--why (port attempts)
  "Return what ATTEMPTS, those at PORT that were answered, lack, a list of words."
  (let ((some (lambda (what) (seq-some what attempts))))
    (cond
     ((null attempts) (list (format "%d does not answer" port)))
     ((and (eql port 587)
           (funcall some (lambda (attempt)
                           (not (equal (plist-get attempt :starttls) "offered")))))
      (list "no STARTTLS on 587"))
     ((not (funcall some #'mew-submit-survey-statistics--offers-auth-p))
      (list (format "no AUTH on %d" port)))
     (t (delq nil
              (list (and (funcall some (lambda (attempt) (not (plist-get attempt :verified))))
                         (format "certificate of %d does not verify" port))
                    (and (funcall some (lambda (attempt) (plist-get attempt :lax)))
                         (format "%d takes mail without a log-in" port))))))))

(defun mew-submit-survey-statistics--extensions-of (attempts)
  "Return what ATTEMPTS offer of RFC 6409's extensions: (MISSING . FORBIDDEN).
It is nil where none of ATTEMPTS got so far."
  (let ((known (seq-filter (lambda (attempt) (plist-get attempt :extensions)) attempts)))
    (when known
      (let ((all (lambda (name)
                   (seq-every-p (lambda (attempt)
                                  (member name (plist-get attempt :extensions)))
                                known))))
        (cons (seq-remove all mew-submit-survey-statistics--extensions)
              (seq-filter all mew-submit-survey-statistics--no-extensions))))))

(defun mew-submit-survey-statistics--provider (result)
  "Return what those who submit mail find at RESULT's server.
:submission is non-nil when it does so as RFC 6409 and RFC 8314 ask for: on 587
with STARTTLS and AUTH after it, or on 465, with a certificate that verifies
and no mail without a log-in; and nowhere a password before TLS.  :p587 and
:p465 are the cases, :starttls, :auth and :auth465 what was seen there.
:verified and :demands (a log-in: yes, no, or nil, not known) hold for all that
was answered on both.  :clear is non-nil when it would take a password before
TLS, :missing and :forbidden are the extensions of RFC 6409, :why is what is
missing."
  (let* ((sub (mew-submit-survey-statistics--answering result 587))
         (subs (mew-submit-survey-statistics--answering result 465))
         (both (append sub subs))
         (clear (seq-some (lambda (attempt) (plist-get attempt :auth-clear)) both))
         (good (lambda (attempts)
                 (and attempts
                      (seq-every-p #'mew-submit-survey-statistics--good-p attempts))))
         (extensions (mew-submit-survey-statistics--extensions-of both)))
    (list :host (plist-get result :host)
          :group (plist-get result :group)
          :p587 (mew-submit-survey-statistics--of result 587 nil)
          :p465 (mew-submit-survey-statistics--of result 465 nil)
          :starttls (and sub (seq-every-p
                              (lambda (attempt)
                                (equal (plist-get attempt :starttls) "offered"))
                              sub))
          :auth (seq-some #'mew-submit-survey-statistics--offers-auth-p sub)
          :auth465 (seq-some #'mew-submit-survey-statistics--offers-auth-p subs)
          :clear clear
          :verified (and both (seq-every-p (lambda (attempt) (plist-get attempt :verified))
                                           both))
          :demands (cond ((seq-some (lambda (attempt) (plist-get attempt :lax)) both) 'no)
                         ((seq-some (lambda (attempt) (plist-get attempt :demands)) both)
                          'yes))
          :missing (car extensions) :forbidden (cdr extensions)
          :submission (and (not clear)
                           (or (funcall good sub) (funcall good subs))
                           t)
          :why (string-join
                (append (mew-submit-survey-statistics--why 587 sub)
                        (and clear '("takes a password before TLS"))
                        (mew-submit-survey-statistics--why 465 subs)
                        (mapcar (lambda (name) (concat "offers " name))
                                (cdr extensions))
                        (and (car extensions)
                             (list (concat "no " (string-join (car extensions) " ")))))
                ", "))))

(defun mew-submit-survey-statistics--changes (before now)
  "Return what has become of the providers of results BEFORE in NOW, a table."
  (let ((old (make-hash-table :test #'equal))
        (state (lambda (result)
                 (let ((provider (mew-submit-survey-statistics--provider result)))
                   (cons (if (plist-get provider :submission) "good" "not good")
                         (plist-get provider :why)))))
        rows)
    (dolist (result before)
      (puthash (plist-get result :host) result old))
    (dolist (result now)
      (if-let* ((was (gethash (plist-get result :host) old)))
          (let ((was (funcall state was)) (is (funcall state result)))
            (unless (equal was is)
              (push (list (plist-get result :host) (car was) (car is) (cdr was) (cdr is))
                    rows)))
        (push (list (plist-get result :host) "not asked" (car (funcall state result)) ""
                    (cdr (funcall state result)))
              rows))
      (remhash (plist-get result :host) old))
    (maphash (lambda (host was)
               (push (list host (car (funcall state was)) "not asked"
                           (cdr (funcall state was)) "")
                     rows))
             old)
    (cons '("server" "before" "now" "missing before" "missing now")
          (nreverse rows))))

(provide 'mew-submit-survey-statistics)
;;; mew-submit-survey-statistics.el ends here
