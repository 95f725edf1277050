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
;;   :done        nil, or at the end (:kind "ok"|"host"|"cancelled"|... :text WORDS :ms MS)
;;
;; A specification's MODE is `starttls', `implicit' or `none', and its SERVICE what is expected
;; there: `submission', `transfer' (port 25), `pop' or `imap'.
;;
;; An attempt is one address and port, a plist:
;;   :id :port :family :address
;;   :mode        the TLS mode: "starttls", "implicit" or "none"
;;   :service     a symbol, as above
;;   :state       `connecting', `talking' (TCP is up) or `ended'
;;   :case        nil while connecting; 1 to 5, "2 or 3", "3 or 4", "local"; once it has ended
;;                "greeting" for a connection that brought no greeting of 220, and "tls" for one
;;                without the TLS that submission asks for: so what a delivery would have met
;;   :errno :icmp :offender :text  as in an `attempt' event: the verdict
;;   :ms          milliseconds to the verdict
;;   :times       a list of (WHAT . MS), oldest first, MS since :began: `connecting' (the SYN
;;                leaves), `connected' or `failed' (the verdict), `greeting', `ehlo', `tls',
;;                `ehlo-tls', `ended'
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

(require 'seq)
(require 'subr-x)

(defun mew-submit-diagnosis--make (host ports &rest keys)
  "Return a diagnosis of HOST's PORTS that has just begun.
PORTS is a list of (PORT MODE SERVICE).  KEYS are more of a diagnosis' keys."
  (append (list :host host :ports ports :began (current-time)
                :lookups nil :attempts nil :done nil)
          keys))

(defun mew-submit-diagnosis--attempt (diagnosis id)
  "Return the attempt of DIAGNOSIS with the number ID, or nil."
  (seq-find (lambda (attempt) (eql (plist-get attempt :id) id))
            (plist-get diagnosis :attempts)))

(defun mew-submit-diagnosis--service (diagnosis port)
  "Return what DIAGNOSIS expects at PORT."
  (or (nth 2 (assq port (plist-get diagnosis :ports))) 'submission))

(defun mew-submit-diagnosis--put (attempt &rest keys)
  "Set KEYS, a plist, in the plist ATTEMPT, which is not empty."
  (while keys
    (plist-put attempt (pop keys) (pop keys))))

(defun mew-submit-diagnosis--note-time (attempt what event)
  "Note in ATTEMPT that WHAT happened at the time of EVENT, if for the first time."
  (let ((times (plist-get attempt :times)))
    (unless (assq what times)
      (plist-put attempt :times
                 (append times (list (cons what (or (plist-get event :at) 0))))))))

(defun mew-submit-diagnosis--name (text)
  "Return the name in the greeting TEXT, or nil."
  (and text
       (string-match "\\`220[ -]\\([^ ]+\\)" text)
       (match-string 1 text)))

;;; Events

(defun mew-submit-diagnosis--add-attempt (diagnosis event)
  "Note the `attempt' EVENT in DIAGNOSIS."
  (let* ((id (plist-get event :id))
         (case (plist-get event :case))
         (attempt (mew-submit-diagnosis--attempt diagnosis id)))
    (unless attempt
      (setq attempt (list :id id))
      (plist-put diagnosis :attempts
                 (sort (cons attempt (plist-get diagnosis :attempts))
                       (lambda (a b) (< (plist-get a :id) (plist-get b :id))))))
    (mew-submit-diagnosis--put
     attempt
     :port (plist-get event :port) :family (plist-get event :family)
     :address (plist-get event :address) :mode (plist-get event :tls)
     :service (mew-submit-diagnosis--service diagnosis (plist-get event :port))
     :state (if (eql case 1) 'talking 'connecting)
     :case case :errno (plist-get event :errno) :icmp (plist-get event :icmp)
     :offender (plist-get event :offender)
     :ms (plist-get event :ms) :text (plist-get event :text))
    (mew-submit-diagnosis--note-time
     attempt (cond ((null case) 'connecting) ((eql case 1) 'connected) (t 'failed))
     event)))

(defun mew-submit-diagnosis--add-greeting (attempt event)
  "Note the `greeting' EVENT in ATTEMPT."
  (let ((text (plist-get event :text)))
    (mew-submit-diagnosis--put attempt :greeting text
                               :greeting-code (plist-get event :code)
                               :greeting-ms (plist-get event :ms)
                               :greeting-name (mew-submit-diagnosis--name text))
    (mew-submit-diagnosis--note-time attempt 'greeting event)))

(defun mew-submit-diagnosis--add-capabilities (attempt event)
  "Note the `capabilities' EVENT in ATTEMPT."
  (let ((secure (plist-get event :secure)))
    (mew-submit-diagnosis--put
     attempt
     (if secure :capabilities-tls :capabilities-clear) (plist-get event :keywords)
     (if secure :auth-tls :auth-clear) (plist-get event :mechanisms)
     :ehlo-name (plist-get event :name))
    (unless secure
      (mew-submit-diagnosis--put attempt :starttls (plist-get event :starttls)
                                 :starttls-instead (plist-get event :instead)))
    (mew-submit-diagnosis--note-time attempt (if secure 'ehlo-tls 'ehlo) event)))

(defun mew-submit-diagnosis--chain (chain)
  "Return CHAIN, in the form of an event, as a list of plists."
  (mapcar (lambda (certificate)
            (if (stringp certificate)
                (pcase-let ((`(,subject ,issuer ,starts ,expires)
                             (split-string certificate "\t")))
                  (list :subject subject :issuer issuer :starts starts
                        :expires expires))
              certificate))
          chain))

(defun mew-submit-diagnosis--add-tls (attempt event)
  "Note the `tls' EVENT in ATTEMPT.
From a second look it is what the server has for those who ask for less."
  (let (tls)
    (dolist (key '(:version :cipher :verified :pinned :unverified :problems :subject
                            :issuer :starts :expires :names :fingerprint :ocsp))
      (setq tls (nconc tls (list key (plist-get event key)))))
    (plist-put attempt :tls
               (nconc tls
                      (list :chain (mew-submit-diagnosis--chain
                                    (plist-get event :chain)))
                      (and (plist-get event :again) (list :weak t))))
    (mew-submit-diagnosis--note-time attempt 'tls event)))

(defun mew-submit-diagnosis--add-check (attempt event)
  "Note the `check' EVENT in ATTEMPT."
  (let (check)
    (dolist (key '(:name :code :enhanced :text :secure))
      (setq check (nconc check (list key (plist-get event key)))))
    (plist-put attempt :checks (append (plist-get attempt :checks) (list check)))))

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
          ((plist-get end :spoke) "tls")
          ((or (plist-get end :unanswered) (equal stage "greeting")) "greeting")
          ((and (eq (plist-get attempt :service) 'submission)
                (not (equal (plist-get attempt :mode) "none"))
                (not (equal stage "ehlo"))
                (not (mew-submit-diagnosis--secure-p attempt)))
           "tls")
          ((equal stage "tls") "tls")
          (t 1))))

(defun mew-submit-diagnosis--forget-second-look (attempt)
  "Have ATTEMPT, that failed before TLS was tried, say nothing wrong of its TLS.
A second look that was only made without the checks counts as the first one."
  (let ((tls (plist-get attempt :tls)))
    (when (and tls (plist-get tls :weak)
               (null (plist-get (plist-get attempt :end) :failure)))
      (plist-put attempt :tls (seq-take tls (- (length tls) 2))))))

(defun mew-submit-diagnosis--add-probed (attempt event)
  "Note the `probed' EVENT, the end, in ATTEMPT."
  (mew-submit-diagnosis--put attempt :end event :state 'ended)
  (mew-submit-diagnosis--forget-second-look attempt)
  (when (plist-get event :spoke)
    (plist-put attempt :tls nil))
  (plist-put attempt :case (mew-submit-diagnosis--settled-case attempt))
  (when (and (member (plist-get attempt :case) '("greeting" "tls"))
             (not (equal (plist-get event :text) "")))
    (plist-put attempt :text (plist-get event :text)))
  (mew-submit-diagnosis--note-time attempt 'ended event))

(defun mew-submit-diagnosis--add (diagnosis event)
  "Note EVENT, one of the job behind DIAGNOSIS, in it; return DIAGNOSIS.
DIAGNOSIS is changed.  Events of other kinds are ignored."
  (let* ((type (plist-get event :event))
         (id (plist-get event :id))
         (attempt (and id (mew-submit-diagnosis--attempt diagnosis id))))
    (pcase type
      ('attempt (mew-submit-diagnosis--add-attempt diagnosis event))
      ('resolved
       (plist-put diagnosis :lookups
                  (append (plist-get diagnosis :lookups) (list event))))
      ('done
       (plist-put diagnosis :done (list :kind (plist-get event :kind)
                                        :text (plist-get event :text)
                                        :ms (plist-get event :ms))))
      ((guard (null attempt)) nil)
      ('greeting (mew-submit-diagnosis--add-greeting attempt event))
      ('capabilities (mew-submit-diagnosis--add-capabilities attempt event))
      ('tls (mew-submit-diagnosis--add-tls attempt event))
      ('chain (plist-put attempt :certificates (plist-get event :certificates)))
      ('check (mew-submit-diagnosis--add-check attempt event))
      ('probed (mew-submit-diagnosis--add-probed attempt event)))
    diagnosis))

;;; Who could take mail

(defun mew-submit-diagnosis--usable-p (attempt)
  "Could mail be submitted by ATTEMPT, with verified TLS?
Where the server demands a log-in it has to offer one."
  (let ((mail (or (mew-submit-diagnosis--check attempt "rcpt-before-auth")
                  (mew-submit-diagnosis--check attempt "mail-before-auth"))))
    (and (memq (plist-get attempt :service) '(submission transfer))
         (eq (plist-get attempt :state) 'ended)
         (eql (plist-get attempt :case) 1)
         (mew-submit-diagnosis--secure-p attempt)
         (or (plist-get attempt :capabilities-tls)
             (plist-get attempt :ehlo-name))
         (or (plist-get attempt :auth-tls)
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
at the first port of DIAGNOSIS that has any.  ATTEMPT is nil without attempts."
  (let* ((order (mew-submit-diagnosis--port-order diagnosis))
         (groups (delq nil (mapcar (lambda (port)
                                     (mew-submit-diagnosis--attempts-at diagnosis port))
                                   order)))
         (usable (seq-some (lambda (attempts)
                             (seq-find #'mew-submit-diagnosis--usable-p attempts))
                           groups)))
    (if usable
        (cons t usable)
      (cons nil (mew-submit-diagnosis--best (car groups))))))

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
