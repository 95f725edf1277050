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
;;   :recipients  the last `recipient' event of each address, the newest address first
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

(defun mew-submit-course--attempt (course id)
  "Return the attempt of COURSE with the number ID, or nil."
  (seq-find (lambda (attempt) (eql (plist-get attempt :id) id))
            (plist-get course :attempts)))

(defun mew-submit-course--current (course)
  "Return the attempt of COURSE whose connection is in use, or nil."
  (when-let* ((current (plist-get course :current)))
    (mew-submit-course--attempt course (car current))))

(defun mew-submit-course--put-attempt (course attempt)
  "Return COURSE with ATTEMPT, in place of one with the same :id."
  (let ((id (plist-get attempt :id)))
    (mew-submit-course--with
     course :attempts
     (seq-sort-by (lambda (other) (or (plist-get other :id) 0)) #'<
                  (cons attempt
                        (seq-remove (lambda (other) (eql (plist-get other :id) id))
                                    (plist-get course :attempts)))))))

;;; Times

(defun mew-submit-course--began (event)
  "Return when the attempt of EVENT began.
:age is how long ago that was."
  (let ((at (or (plist-get event :at) 0)))
    (max 0 (cond ((plist-get event :age) (- at (plist-get event :age)))
                 ((plist-get event :case) (- at (or (plist-get event :ms) 0)))
                 (t at)))))

(defun mew-submit-course--timed (attempt what ms)
  "Return ATTEMPT with the time MS of WHAT, if that happened for the first time.
Talk goes on."
  (let ((times (plist-get attempt :times)))
    (if (and (assq what times) (not (eq what 'talk)))
        attempt
      (mew-submit-course--with attempt :times (append times (list (cons what ms)))))))

(defun mew-submit-course--at (event)
  "Return when EVENT was, in ms since the job began."
  (or (plist-get event :at) 0))

;;; Attempts

(defun mew-submit-course--new-attempt (event)
  "Return an attempt for EVENT, the first one of it."
  (append (mew-submit-course--pick event :id :port :family :address)
          (list :state 'connecting
                :times (list (if (eq (plist-get event :event) 'connected)
                                 ;; A connection that was kept.
                                 (cons 'used (mew-submit-course--at event))
                               (cons 'connecting (mew-submit-course--began event)))))))

(defun mew-submit-course--verdict-time (attempt event)
  "Return ATTEMPT with the time of its first verdict, if that is in EVENT."
  (let ((case (plist-get event :case))
        (ms (plist-get event :ms))
        (at (mew-submit-course--at event)))
    (if (or (null case) (plist-get attempt :case))
        attempt
      (mew-submit-course--timed
       attempt (if (member case '(1 "tls" "greeting" "no-login")) 'connected 'failed)
       (if ms (min at (+ (mew-submit-course--began event) ms)) at)))))

(defun mew-submit-course--tried (attempt event)
  "Return ATTEMPT with what is in the `attempt' EVENT."
  (apply #'mew-submit-course--with (mew-submit-course--verdict-time attempt event)
         :mode (plist-get event :tls)
         :state (if (eql (plist-get event :case) 1) 'talking 'connecting)
         (mew-submit-course--pick event :id :port :family :address :case :errno :icmp
                                  :offender :lost :ms :limit :grace :text)))

(defun mew-submit-course--anew (attempt)
  "Return ATTEMPT without what another connection to the same place has told."
  (cl-loop for (key value) on attempt by #'cddr
           unless (memq key '(:capabilities-clear :auth-clear :tls :capabilities-tls
                              :auth-tls))
           append (list key value)))

(defun mew-submit-course--name (text)
  "Return the name in the greeting TEXT, or nil."
  (and text
       (string-match "\\`220[ -]\\([^ ]+\\)" text)
       (match-string 1 text)))

(defun mew-submit-course--greeted (attempt event)
  "Return ATTEMPT with the `greeting' EVENT."
  (let ((text (plist-get event :text)))
    (mew-submit-course--with attempt :greeting text
                             :greeting-code (plist-get event :code)
                             :greeting-ms (plist-get event :ms)
                             :greeting-name (mew-submit-course--name text))))

(defun mew-submit-course--offered (attempt event)
  "Return ATTEMPT with the `capabilities' EVENT."
  (let ((keywords (plist-get event :keywords))
        (mechanisms (plist-get event :mechanisms))
        (name (plist-get event :name)))
    (if (plist-get event :secure)
        (mew-submit-course--with attempt :capabilities-tls keywords
                                 :auth-tls mechanisms :ehlo-name name)
      (mew-submit-course--with attempt :capabilities-clear keywords
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

(defun mew-submit-course--secured (attempt event)
  "Return ATTEMPT with the `tls' EVENT.
From a second look it is what the server has for those who ask for less."
  (mew-submit-course--with
   attempt :tls
   (append (mew-submit-course--pick event :version :cipher :verified :pinned
                                    :unverified :problems :subject :issuer :starts
                                    :expires :names :fingerprint :ocsp)
           (list :chain (mew-submit-course--chain (plist-get event :chain)))
           (and (plist-get event :again) (list :weak t)))))

(defun mew-submit-course--checked (attempt event)
  "Return ATTEMPT with the `check' EVENT."
  (mew-submit-course--with
   attempt :checks
   (append (plist-get attempt :checks)
           (list (mew-submit-course--pick event :name :code :enhanced :text :secure)))))

(defun mew-submit-course--heard (attempt event)
  "Return ATTEMPT with what is in EVENT, one of its connection, and when it was."
  (cl-flet ((at (what attempt)
              (mew-submit-course--timed attempt what (mew-submit-course--at event))))
    (pcase (plist-get event :event)
      ('attempt (mew-submit-course--tried attempt event))
      ('connected (at 'used (mew-submit-course--anew attempt)))
      ('greeting (at 'greeting (mew-submit-course--greeted attempt event)))
      ('capabilities (at (if (plist-get event :secure) 'ehlo-tls 'ehlo)
                         (mew-submit-course--offered attempt event)))
      ('tls (at 'tls (mew-submit-course--secured attempt event)))
      ('chain (mew-submit-course--with attempt :certificates
                                       (plist-get event :certificates)))
      ('check (mew-submit-course--checked attempt event))
      ((or 'auth 'reply 'done) (at 'talk attempt))
      ('probed (at 'ended (mew-submit-course--with attempt :end event :state 'ended)))
      (_ attempt))))

;;; The course

(defun mew-submit-course--add-to-attempt (course event)
  "Return COURSE with what is in EVENT about an attempt.
In a message's events only attempts and the connection have an :id: the others
belong to that connection."
  (let* ((names (memq (plist-get event :event) '(attempt connected)))
         (old (if (or names (plist-get event :id))
                  (mew-submit-course--attempt course (plist-get event :id))
                (mew-submit-course--current course)))
         (begun (or old (and names (mew-submit-course--new-attempt event))))
         (attempt (and begun (mew-submit-course--heard begun event))))
    (if (eq attempt old)
        course
      (mew-submit-course--put-attempt course attempt))))

(defun mew-submit-course--add-recipient (course event)
  "Return COURSE with the `recipient' EVENT, in place of one for the same address.
One that was accepted may be left out all the same, at the end of the message."
  (let* ((recipients (plist-get course :recipients))
         (address (plist-get event :address))
         (old (seq-find (lambda (recipient)
                          (equal (plist-get recipient :address) address))
                        recipients)))
    (mew-submit-course--with
     course :recipients
     (if old
         (mapcar (lambda (recipient) (if (eq recipient old) event recipient)) recipients)
       (cons event recipients)))))

(defun mew-submit-course--add (course event)
  "Return COURSE with EVENT, which came after all that is in it.
COURSE is not changed; nil is that of a job that has told nothing."
  (setq course (mew-submit-course--add-to-attempt course event))
  (pcase (plist-get event :event)
    ('resolved (mew-submit-course--with
                course :lookups (append (plist-get course :lookups) (list event))))
    ('recipient (mew-submit-course--add-recipient course event))
    ('connected (mew-submit-course--with course :connected event
                                         :current (list (plist-get event :id))))
    ('tls (mew-submit-course--with course :tls event))
    ('auth (mew-submit-course--with course :auth event))
    ('reply (mew-submit-course--with course :reply event))
    ('done (mew-submit-course--with course :done event))
    (_ course)))

(defun mew-submit-course--of (events)
  "Return the course of a job whose EVENTS are these, the oldest first."
  (seq-reduce #'mew-submit-course--add events nil))

(provide 'mew-submit-course)
;;; mew-submit-course.el ends here
