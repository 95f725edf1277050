;;; mew-submit-course.el --- What a job's events amount to -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It folds the events of a job, a delivery's or a diagnosis', into one value.  The
;; `done' event, diagnoses, pictures, pins and what is learned of servers are read from that.
;;
;; A course is a plist, nil at the start:
;;   :lookups     the `resolved' events, oldest first
;;   :attempts    one plist for each address and port, in the order of their numbers
;;   :current     the :id of the attempt whose connection is used, in a list; a diagnosis
;;                uses all, and has none
;;   :connected :tls :auth :reply  the last event of that kind
;;   :recipients  the `recipient' events, newest first; `mew-submit-course--recipients'
;;                has the last one of each address
;;   :done        the `done' event
;;
;; An attempt is a plist:
;;   :id :port :family :address
;;   :mode        the TLS mode: "starttls", "implicit" or "none"
;;   :state       `connecting', `talking' (TCP is up) or `ended' (in a diagnosis)
;;   :case :errno :icmp :offender :lost :text :ms :limit :grace  as in its last `attempt' event
;;   :times       a list of (WHAT . MS), oldest first: `connecting' (the SYN leaves),
;;                `connected' or `failed' (the verdict), `used' (it is the one that a message
;;                takes), `greeting', `ehlo', `tls', `ehlo-tls', `talk', `ended'
;;   :greeting :greeting-code :greeting-ms  its first line (or all its lines, joined), the code,
;;                and what it took after TCP, or TLS, was up
;;   :greeting-name, :ehlo-name  who it says it is
;;   :capabilities-clear, :capabilities-tls  EHLO keywords before and inside TLS
;;   :auth-clear, :auth-tls  the mechanisms offered there
;;   :starttls    "offered", "missing" or "mangled"; :starttls-instead what stands there then
;;   :tls         nil, or what the `tls' event has: :version :cipher :verified :pinned :unverified
;;                :problems :subject :issuer :starts :expires :names :fingerprint :ocsp :chain
;;                (a list of plists :subject :issuer :starts :expires); with :weak t when it was
;;                only had by asking for less than mail is given to
;;   :certificates  those of a server that mail is brought to, its own first, in base64
;;   :checks      a list of (:name NAME :code CODE :enhanced TEXT :text TEXT :secure BOOL)
;;   :end         the `probed' event: :kind :stage :code :text :failure :spoke :unanswered

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)

(defun mew-submit-course--pick (event &rest keys)
  "Return a plist of KEYS and their values in EVENT."
  (mapcan (lambda (key) (list key (plist-get event key))) keys))

(defun mew-submit-course--with (plist &rest more)
  "Return PLIST with MORE keys and values, in place of old ones."
  (setq plist (copy-sequence plist))
  (while more
    (setq plist (plist-put plist (pop more) (pop more))))
  plist)

(defun mew-submit-course--current (course &optional place)
  "Return the attempt of COURSE whose number is in the list PLACE, or nil.
Without PLACE it is the one whose connection is in use."
  (when-let* ((place (or place (plist-get course :current))))
    (seq-find (lambda (attempt) (eql (plist-get attempt :id) (car place)))
              (plist-get course :attempts))))

;;; Attempts

;; What is in an event for its attempt is first (TIME . NEWS): TIME is nil or (WHAT . MS), for
;; the attempt's :times, and NEWS are keys and values.

(defun mew-submit-course--began (event)
  "Return when the attempt of EVENT began.
:age is how long ago that was."
  (let ((at (or (plist-get event :at) 0)))
    (max 0 (cond ((plist-get event :age) (- at (plist-get event :age)))
                 ((plist-get event :case) (- at (or (plist-get event :ms) 0)))
                 (t at)))))

(defun mew-submit-course--new-attempt (event)
  "Return an attempt for EVENT, the first one of it."
  (append (mew-submit-course--pick event :id :port :family :address)
          (list :state 'connecting
                ;; A connection that was kept has no beginning.
                :times (unless (eq (plist-get event :event) 'connected)
                         (list (cons 'connecting (mew-submit-course--began event)))))))

(defun mew-submit-course--tried (attempt event at)
  "Return what is in the `attempt' EVENT, which was AT, for ATTEMPT.
The time is that of the first verdict."
  (let ((case (plist-get event :case))
        (ms (plist-get event :ms)))
    (append (list (and case (null (plist-get attempt :case))
                       (cons (if (member case '(1 "tls" "greeting" "no-login"))
                                 'connected
                               'failed)
                             (if ms (min at (+ (mew-submit-course--began event) ms)) at)))
                  :mode (plist-get event :tls)
                  :state (if (eql case 1) 'talking 'connecting))
            (mew-submit-course--pick event :id :port :family :address :case :errno :icmp
                                     :offender :lost :ms :limit :grace :text))))

(defun mew-submit-course--offered (event at)
  "Return what is in the `capabilities' EVENT, which was AT, for its attempt."
  (let ((keywords (plist-get event :keywords))
        (mechanisms (plist-get event :mechanisms))
        (name (plist-get event :name)))
    (if (plist-get event :secure)
        (list (cons 'ehlo-tls at) :capabilities-tls keywords
              :auth-tls mechanisms :ehlo-name name)
      (list (cons 'ehlo at) :capabilities-clear keywords
            :auth-clear mechanisms :ehlo-name name
            :starttls (plist-get event :starttls)
            :starttls-instead (plist-get event :instead)))))

(defun mew-submit-course--chain (chain)
  "Return CHAIN, in the form of an event, as a list of plists."
  (mapcar (lambda (certificate)
            (if (stringp certificate)
                (pcase-let ((`(,subject ,issuer ,starts ,expires)
                             (split-string certificate "\t")))
                  (list :subject subject :issuer issuer :starts starts
                        :expires expires))
              certificate))
          chain))

(defun mew-submit-course--secured (event at)
  "Return what is in the `tls' EVENT, which was AT, for its attempt.
From a second look it is what the server has for those who ask for less."
  (list (cons 'tls at)
        :tls (append (mew-submit-course--pick event :version :cipher :verified :pinned
                                              :unverified :problems :subject :issuer
                                              :starts :expires :names :fingerprint :ocsp)
                     (list :chain (mew-submit-course--chain (plist-get event :chain)))
                     (and (plist-get event :again) (list :weak t)))))

(defun mew-submit-course--told (attempt event)
  "Return as keys and values what is in EVENT, one of its connection, for ATTEMPT."
  (let* ((at (or (plist-get event :at) 0))
         (text (plist-get event :text))
         (told
          (pcase (plist-get event :event)
            ('attempt (mew-submit-course--tried attempt event at))
            ;; What another connection to the same place has told is not true of this one.
            ('connected (list (cons 'used at) :capabilities-clear nil :auth-clear nil
                              :tls nil :capabilities-tls nil :auth-tls nil))
            ('greeting (list (cons 'greeting at)
                             :greeting text :greeting-code (plist-get event :code)
                             :greeting-ms (plist-get event :ms)
                             :greeting-name
                             (and text (string-match "\\`220[ -]\\([^ ]+\\)" text)
                                  (match-string 1 text))))
            ('capabilities (mew-submit-course--offered event at))
            ('tls (mew-submit-course--secured event at))
            ('chain (list nil :certificates (plist-get event :certificates)))
            ('check (list (cons 'talk at)
                          :checks
                          (append (plist-get attempt :checks)
                                  (list (mew-submit-course--pick event :name :code :enhanced
                                                                 :text :secure)))))
            ((or 'auth 'reply 'done) (list (cons 'talk at)))
            ('probed (list (cons 'ended at) :end event :state 'ended))))
         (time (car told))
         (times (plist-get attempt :times)))
    ;; What happens for the first time is timed; talk goes on.
    (if (and time (or (eq (car time) 'talk) (not (assq (car time) times))))
        (append (list :times (append times (list time))) (cdr told))
      (cdr told))))

;;; The course

(defconst mew-submit-course--last
  '((connected . :connected) (tls . :tls) (auth . :auth) (reply . :reply) (done . :done))
  "The kinds of events of which a course has the last one, and under which key.")

(defun mew-submit-course--recipients (course)
  "Return the last `recipient' event of each address in COURSE, in their order.
One that was accepted may be left out all the same, at the end of the message."
  (let ((events (plist-get course :recipients))
        (last (make-hash-table :test #'equal))
        addresses)
    (dolist (event (reverse events))
      (let ((address (plist-get event :address)))
        (unless (gethash address last)
          (push address addresses))
        (puthash address event last)))
    (mapcar (lambda (address) (gethash address last)) (nreverse addresses))))

(defun mew-submit-course--add (course event)
  "Return COURSE with EVENT, which came after all that is in it.
COURSE is not changed; nil is that of a job that has told nothing.  In a
message's events only attempts and the connection have an :id: the others of a
connection belong to that one."
  (let* ((type (plist-get event :event))
         (begins (memq type '(attempt connected)))
         (place (and (or begins (plist-get event :id)) (list (plist-get event :id))))
         (attempts (plist-get course :attempts))
         (old (and (not (memq type '(resolved recipient progress ask log)))
                   (mew-submit-course--current course place)))
         (attempt (or old (and begins (mew-submit-course--new-attempt event))))
         (key (cdr (assq type mew-submit-course--last))))
    (setq course (copy-sequence course))
    (when attempt
      (setq attempt (apply #'mew-submit-course--with attempt
                           (mew-submit-course--told attempt event))
            course (plist-put course :attempts
                              (if old
                                  (cl-substitute attempt old attempts)
                                (seq-sort-by (lambda (one) (or (plist-get one :id) 0))
                                             #'< (cons attempt attempts))))))
    (when key
      (setq course (plist-put course key event)))
    (pcase type
      ('connected (plist-put course :current place))
      ('resolved (plist-put course :lookups
                            (append (plist-get course :lookups) (list event))))
      ('recipient (plist-put course :recipients
                             (cons event (plist-get course :recipients))))
      (_ course))))

(defun mew-submit-course--of (events)
  "Return the course of a job whose EVENTS are these, the oldest first."
  (seq-reduce #'mew-submit-course--add events nil))

(provide 'mew-submit-course)
;;; mew-submit-course.el ends here
