;;; blocked.el --- What is remembered of a network that blocks a port -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Run by test/network/run, in a network of its own: this machine has a gateway, whose
;; link-layer address the tests change, and mail.example.org listens on 587, 465 and
;; 25.  A packet filter makes ports silent (drop), or has them refused (reset, admin), or
;; lets them connect and then answers every other pair of packets with an ICMP error (soft).

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-memory)
(require 'mew-submit-network-negative)
(require 'mew-submit-network)
(require 'mew-submit-notice)
(require 'mew-submit-offer)
(require 'mew-submit-queue)
(require 'mew-submit-parcel)
(require 'mew-submit-job)
(require 'mew-submit-test-helpers)
(require 'race/free)

(defconst mew-submit-blocked-host "mail.example.org" "The server.")

(defconst mew-submit-blocked-message
  "From: sender@example.org\nTo: somebody@example.org\nSubject: s\n\nbody\n"
  "The message that is sent.")

;;; The network

(defun mew-submit-blocked--run (program &rest arguments)
  "Run PROGRAM with ARGUMENTS, or fail."
  (with-temp-buffer
    (unless (eql 0 (apply #'call-process program nil t nil arguments))
      (ert-fail (format "%s %s: %s" program (string-join arguments " ")
                        (buffer-string))))))

(defun mew-submit-blocked--gateway (number)
  "Have the gateway with NUMBER: the address is the same, the machine is not."
  (dolist (address '("192.0.2.1" "fe80::1"))
    (mew-submit-blocked--run "ip" "neigh" "replace" address "lladdr"
                             (format "02:00:5e:00:53:%02x" number)
                             "dev" "net0" "nud" "permanent"))
  (mew-submit-blocked--run "ip" "route" "replace" "default" "via" "192.0.2.1")
  (mew-submit-blocked--run "ip" "-6" "route" "replace" "default" "via" "fe80::1"
                           "dev" "net0"))

(defun mew-submit-blocked--no-gateway ()
  "Have no gateway."
  (mew-submit-blocked--run "ip" "route" "flush" "default")
  (mew-submit-blocked--run "ip" "-6" "route" "flush" "default"))

(defun mew-submit-blocked--filter (&rest filters)
  "Have FILTERS, a plist: ports that are each of `drop', `reset', `admin', `soft'."
  (dolist (set '(drop reset admin soft))
    (mew-submit-blocked--run "nft" "flush" "set" "inet" "network"
                             (format "port_%s" set))
    (when-let* ((ports (plist-get filters (intern (format ":%s" set)))))
      (mew-submit-blocked--run "nft" "add" "element" "inet" "network"
                               (format "port_%s" set)
                               (format "{ %s }" (mapconcat #'number-to-string
                                                           ports ", "))))))

(defmacro mew-submit-blocked--with (filters &rest body)
  "Run BODY on a network with FILTERS, with nothing remembered, in memory only."
  (declare (indent 1) (debug (form body)))
  `(let ((mew-submit-network-negative--active t)
         (mew-submit-negative-cache nil)
         (mew-submit-negative-cache-file nil)
         (mew-submit-fallback-networks nil)
         (mew-submit-parcel--rechecks nil))
     (mew-submit-blocked--gateway 1)
     (apply #'mew-submit-blocked--filter ,filters)
     (unwind-protect
         (progn ,@body)
       (dolist (recheck mew-submit-parcel--rechecks)
         (cancel-timer (cdr recheck))))))

;;; Sending

(defun mew-submit-blocked--account (&rest more)
  "Return the account, with MORE before the rest."
  (append more
          (list :server mew-submit-blocked-host :fallback 'always
                :user "alice" :password (copy-sequence "the password")
                :ca-file (expand-file-name "certs/ca.pem"
                                           (getenv "RACE_WORK")))))

(defun mew-submit-blocked--send (account &rest keys)
  "Send a message by ACCOUNT, with KEYS, and return (DONE EVENT...).
The events are in order."
  (let* (events
         (done (apply #'mew-submit-test-run account mew-submit-blocked-message
                      :on-event (lambda (event) (push event events))
                      keys)))
    (cons done (reverse events))))

(defun mew-submit-blocked--tried (sent)
  "Return the ports that SENT has tried, in the order they were begun."
  (mapcar (lambda (attempt) (plist-get attempt :port))
          (plist-get (car sent) :attempts)))

(defun mew-submit-blocked--delivered (sent port)
  "Check that SENT was delivered through PORT, with TLS and a log-in."
  (let ((done (car sent)))
    (should (equal (plist-get done :result) "delivered"))
    (should (equal (plist-get done :port) port))
    (should (eq (plist-get (plist-get done :tls) :verified) t))
    (should (plist-get done :auth))
    (should (eq (plist-get done :fallback) (and (= port 25) t)))))

(defun mew-submit-blocked--known ()
  "Return what is remembered: a list of (PORT FAMILY CASE), sorted."
  (sort (mapcar (lambda (entry)
                  (list (plist-get entry :port) (plist-get entry :family)
                        (plist-get entry :case)))
                (mew-submit-network-negative--entries))
        (lambda (a b) (string< (prin1-to-string a) (prin1-to-string b)))))

(defun mew-submit-blocked--paid (sent port &optional limit)
  "Check what SENT has paid for PORT, which was silent in both families.
That is the grace: the round trips that the other port has measured, and half a
second; or, with LIMIT, so many milliseconds for each family."
  (let* ((attempts (plist-get (car sent) :attempts))
         (other (apply #'max (mapcar (lambda (attempt) (plist-get attempt :ms))
                                     (seq-remove (lambda (attempt)
                                                   (eql (plist-get attempt :port) port))
                                                 attempts)))))
    (should (equal (seq-take (mew-submit-blocked--tried sent) 2) (list port port)))
    (dolist (attempt (seq-take attempts 2))
      (should (eql (plist-get attempt :case) 5))
      (should (<= (plist-get attempt :limit) (plist-get attempt :ms)))
      (if limit
          (progn (should (= (plist-get attempt :limit) limit))
                 (should-not (plist-get attempt :grace)))
        (should (<= 500 (plist-get attempt :grace) (+ 500.01 (* 2 other))))))))

(defun mew-submit-blocked--skips (sent port)
  "Check that SENT went through 25 without a thought of PORT.
No attempt but one was made, so there was nothing to wait for."
  (mew-submit-blocked--delivered sent 25)
  (should-not (memql port (mew-submit-blocked--tried sent)))
  (should (equal (mew-submit-blocked--tried sent) '(25))))

;;; The tests

(ert-deftest mew-submit-blocked-the-first-mail-pays-the-second-does-not ()
  "The first mail pays the grace; the second nothing; on another network 587
is tried first again; and what was remembered of the first one still holds."
  (mew-submit-blocked--with '(:drop (587))
    (let ((first (mew-submit-blocked--send (mew-submit-blocked--account))))
      (mew-submit-blocked--delivered first 25)
      (mew-submit-blocked--paid first 587)
      (should (equal (mew-submit-blocked--known)
                     '((587 ipv4 5) (587 ipv6 5))))
      (mew-submit-blocked--skips
       (mew-submit-blocked--send (mew-submit-blocked--account)) 587)
      ;; Another café; the gateway's address is the same.
      (mew-submit-blocked--gateway 2)
      (let ((third (mew-submit-blocked--send (mew-submit-blocked--account))))
        (mew-submit-blocked--delivered third 25)
        (should (equal (car (mew-submit-blocked--tried third)) 587)))
      (mew-submit-blocked--gateway 1)
      (mew-submit-blocked--skips
       (mew-submit-blocked--send (mew-submit-blocked--account)) 587)
      (mew-submit-blocked--gateway 3)
      (mew-submit-blocked--filter)
      (mew-submit-blocked--delivered
       (mew-submit-blocked--send (mew-submit-blocked--account)) 587))))

(ert-deftest mew-submit-blocked-without-a-gateway ()
  "Without a gateway the prefix of the interface tells networks apart."
  (mew-submit-blocked--with '(:drop (587))
    (mew-submit-blocked--no-gateway)
    (mew-submit-blocked--send (mew-submit-blocked--account))
    (should (equal (mew-submit-blocked--known) '((587 ipv4 5) (587 ipv6 5))))
    (mew-submit-blocked--skips
     (mew-submit-blocked--send (mew-submit-blocked--account)) 587)
    (unwind-protect
        (progn
          (mew-submit-blocked--run "ip" "addr" "del" "192.0.2.2/24"
                                   "dev" "net0")
          (mew-submit-blocked--run "ip" "addr" "add" "203.0.113.2/24"
                                   "dev" "net0")
          (mew-submit-blocked--run "ip" "addr" "del" "2001:db8::2/64"
                                   "dev" "net0")
          (mew-submit-blocked--run "ip" "addr" "add" "2001:db8:7::2/64"
                                   "dev" "net0" "nodad")
          (should (equal (car (mew-submit-blocked--tried
                               (mew-submit-blocked--send
                                (mew-submit-blocked--account))))
                         587)))
      (mew-submit-blocked--run "ip" "addr" "del" "203.0.113.2/24" "dev" "net0")
      (mew-submit-blocked--run "ip" "addr" "add" "192.0.2.2/24" "dev" "net0")
      (mew-submit-blocked--run "ip" "addr" "del" "2001:db8:7::2/64"
                               "dev" "net0")
      (mew-submit-blocked--run "ip" "addr" "add" "2001:db8::2/64" "dev" "net0"
                               "nodad"))))

(ert-deftest mew-submit-blocked-cases ()
  "Every verdict of TCP is remembered as what it was.
What may be a reset or an ICMP error is none: the port is tried again."
  (pcase-dolist (`(,filter ,case ,errno) '((:reset 2 "ECONNREFUSED") (:admin 3) (:drop 5)))
    ;; With a portable module an ICMP error in IPv6 may come late here (test/race/expect.el).
    (unless (and (mew-submit-portable-p) (eq filter :admin))
      (mew-submit-blocked--with (list filter '(587))
        (mew-submit-blocked--send (mew-submit-blocked--account))
        (if (equal (mew-submit-portable-case case errno nil) case)
            (progn
              (should (equal (mew-submit-blocked--known)
                             `((587 ipv4 ,case) (587 ipv6 ,case))))
              (mew-submit-blocked--skips
               (mew-submit-blocked--send (mew-submit-blocked--account)) 587))
          (should-not (mew-submit-blocked--known))
          (mew-submit-blocked--delivered
           (mew-submit-blocked--send (mew-submit-blocked--account)) 25))))))

(ert-deftest mew-submit-blocked-strict-plan ()
  "A plan that goes one after the other saves a whole time-out for each route."
  (mew-submit-blocked--with '(:drop (587))
    (let* ((account (mew-submit-blocked--account :plan "symmetric" :timeout 1))
           (first (mew-submit-blocked--send account)))
      (mew-submit-blocked--paid first 587 1000)
      (mew-submit-blocked--skips (mew-submit-blocked--send
                                  (mew-submit-blocked--account
                                   :plan "symmetric" :timeout 1))
                                 587))))

(ert-deftest mew-submit-blocked-it-expires ()
  "What is remembered holds for its time; trouble on the way for an hour."
  (mew-submit-blocked--with '(:drop (587))
    (let ((mew-submit-negative-cache-expiry 60))
      (mew-submit-blocked--send (mew-submit-blocked--account))
      (should (mew-submit-network-negative--entries))
      (dolist (entry (mew-submit-network-negative--entries))
        (should (= 60 (float-time (time-subtract
                                   (date-to-time (plist-get entry :expires))
                                   (date-to-time (plist-get entry :seen))))))
        ;; The minute is nearly over.
        (plist-put entry :expires (mew-submit-network-negative--time 1)))
      (mew-submit-test-until ("the end of what is remembered" 120)
        (null (mew-submit-network-negative--entries)))
      (should (equal (car (mew-submit-blocked--tried
                           (mew-submit-blocked--send
                            (mew-submit-blocked--account))))
                     587)))))

(ert-deftest mew-submit-blocked-offline-learns-nothing ()
  "Where nothing answers, and where there is no network, nothing is learned."
  (mew-submit-blocked--with '(:drop (587 25))
    (should (equal (plist-get (car (mew-submit-blocked--send
                                    (mew-submit-blocked--account :timeout 1)))
                              :result)
                   "deferred"))
    (should-not (mew-submit-network-negative--entries)))
  (mew-submit-blocked--with '(:reset (587 25))
    (mew-submit-blocked--send (mew-submit-blocked--account))
    (should-not (mew-submit-network-negative--entries)))
  (mew-submit-blocked--with nil
    (mew-submit-blocked--no-gateway)
    (mew-submit-blocked--send
     (mew-submit-blocked--account :server "203.0.113.77" :timeout 1))
    (should-not (mew-submit-network-negative--entries))))

(ert-deftest mew-submit-blocked-tried-after-all ()
  "When nothing else answers, what is remembered to be blocked is tried, and
forgotten when it answers."
  (mew-submit-blocked--with '(:drop (587))
    (mew-submit-blocked--send (mew-submit-blocked--account))
    (mew-submit-blocked--filter :reset '(25))
    (let ((sent (mew-submit-blocked--send (mew-submit-blocked--account))))
      (mew-submit-blocked--delivered sent 587)
      (should (equal (car (mew-submit-blocked--tried sent)) 25))
      ;; One family has won; the other one was not heard of.
      (should-not (member '(587 ipv6 5) (mew-submit-blocked--known))))))

(ert-deftest mew-submit-blocked-forgotten-by-command ()
  "`mew-submit-forget-network' forgets this network; with an argument all."
  (mew-submit-blocked--with '(:drop (587))
    (mew-submit-blocked--send (mew-submit-blocked--account))
    (mew-submit-blocked--gateway 2)
    (mew-submit-blocked--send (mew-submit-blocked--account))
    ;; Where the kernel tells of no neighbours, IPv6's network is the same to a portable module.
    (should (= (length (mew-submit-network-negative--entries)) (if (mew-submit-portable-p) 3 4)))
    (mew-submit-forget-network)
    (should (= (length (mew-submit-network-negative--entries)) (if (mew-submit-portable-p) 1 2)))
    (should (equal (car (mew-submit-blocked--tried
                         (mew-submit-blocked--send
                          (mew-submit-blocked--account))))
                   587))
    (mew-submit-forget-network t)
    (should-not (mew-submit-network-negative--entries))))

(ert-deftest mew-submit-blocked-answers-first ()
  "What is remembered to be blocked and answers first is preferred as ever.
The less preferred port, which was begun before, is given up and not waited for."
  (mew-submit-blocked--with '(:drop (587))
    (mew-submit-blocked--send (mew-submit-blocked--account))
    (mew-submit-blocked--filter :drop '(25))
    (let ((sent (mew-submit-blocked--send (mew-submit-blocked--account))))
      (mew-submit-blocked--delivered sent 587)
      (should (equal (car (mew-submit-blocked--tried sent)) 25))
      (dolist (attempt (plist-get (car sent) :attempts))
        (when (eql (plist-get attempt :port) 25)
          (should (eq (plist-get attempt :lost) t))
          (should-not (plist-get attempt :case)))))))

;;; On the way

(defun mew-submit-blocked--rejected ()
  "Return how many packets were answered by a soft error."
  (with-temp-buffer
    (call-process "nft" nil t nil "list" "chain" "inet" "network" "input")
    (goto-char (point-min))
    (re-search-forward "counter packets \\([0-9]+\\)")
    (string-to-number (match-string 1))))

(ert-deftest mew-submit-blocked-soft-errors-on-the-way ()
  "An ICMP error that need not last does not end a connection that is there."
  (dolist (server '("198.51.100.10" "2001:db8:1::10" "mail.example.org"))
    (mew-submit-blocked--with '(:soft (587))
      (let ((before (mew-submit-blocked--rejected)))
        (mew-submit-blocked--delivered
         (mew-submit-blocked--send
          (mew-submit-blocked--account :server server :tls-name "mail.example.org"))
         587)
        (should (< before (mew-submit-blocked--rejected)))))))

;;; Looking again

(defun mew-submit-blocked--look-again ()
  "Look at the blocked ports as the timer does, and wait for the end of that."
  (mew-submit-job--wait
   (mew-submit-parcel--recheck-now mew-submit-blocked-host
                                    (mew-submit-blocked--account :timeout 1))
   120))

(defun mew-submit-blocked--said (log from)
  "Return the lines that clients have said to port 587 by LOG, after octet FROM."
  (delq nil
        (mapcar (lambda (line)
                  (and (equal (plist-get line :event) "line")
                       (string-prefix-p "587" (plist-get line :listener))
                       (plist-get line :text)))
                (mew-submit-test-json-lines
                 (with-temp-buffer
                   (insert-file-contents log nil from)
                   ;; The last line may not be whole yet.
                   (goto-char (point-max))
                   (buffer-substring (point-min)
                                     (line-beginning-position)))))))

(ert-deftest mew-submit-blocked-looked-at-again ()
  "A blocked port is looked at again after a mail, and forgotten when it answers.
Nothing is sent there but what leads to TLS."
  (mew-submit-blocked--with '(:drop (587))
    (let ((mew-submit-negative-cache-recheck 0)
          (log (expand-file-name "peer.log" (getenv "RACE_WORK"))))
      (mew-submit-blocked--send (mew-submit-blocked--account :timeout 1))
      (should (= (length mew-submit-parcel--rechecks) 1))
      ;; Still blocked: it stays.
      (mew-submit-blocked--look-again)
      (should (= (length (mew-submit-network-negative--entries)) 2))
      (mew-submit-test-until ("the timer")
        (null mew-submit-parcel--rechecks))
      ;; Open again: the next mail does not know, the one after it does.
      (mew-submit-blocked--filter)
      (mew-submit-blocked--skips
       (mew-submit-blocked--send (mew-submit-blocked--account)) 587)
      (let ((before (file-attribute-size (file-attributes log))))
        (mew-submit-test-until ("the port to be forgotten")
          (< (length (mew-submit-network-negative--entries)) 2))
        (mew-submit-test-until ("the farewell")
          (member "QUIT" (mew-submit-blocked--said log before)))
        (should (member "STARTTLS" (mew-submit-blocked--said log before)))
        (should-not (seq-find (lambda (line)
                                (string-match-p "\\`\\(?:AUTH\\|MAIL\\)" line))
                              (mew-submit-blocked--said log before))))
      (mew-submit-blocked--delivered
       (mew-submit-blocked--send (mew-submit-blocked--account)) 587))))

(ert-deftest mew-submit-blocked-not-looked-at-too-often ()
  "Nothing is looked at again before its time, and only once then."
  (mew-submit-blocked--with '(:drop (587))
    (let ((mew-submit-negative-cache-recheck 900)
          (before (float-time)))
      (mew-submit-blocked--send (mew-submit-blocked--account))
      (mew-submit-blocked--send (mew-submit-blocked--account))
      (should (= (length mew-submit-parcel--rechecks) 1))
      (should (<= (+ before 899)
                  (float-time (timer--time (cdar mew-submit-parcel--rechecks)))
                  (+ (float-time) 901))))))

;;; Falling back is still falling back

(ert-deftest mew-submit-blocked-asks-at-once ()
  "The question whether to fall back comes when 587 was tried, whatever is known.
After a no nothing is sent through the other port; where 587 is free again
nothing is asked."
  (mew-submit-blocked--with '(:drop (587))
    (let* (questions
           (answer "yes")
           (ask (lambda (event)
                  (push event questions)
                  answer))
           (send (lambda ()
                   (mew-submit-blocked--send
                    (mew-submit-blocked--account :fallback 'ask)
                    :on-ask ask))))
      (mew-submit-blocked--delivered (funcall send) 25)
      (should (= (length questions) 1))
      (should (seq-find (lambda (attempt)
                          (and (eql (plist-get attempt :port) 587)
                               (eql (plist-get attempt :case) 5)))
                        (plist-get (car questions) :attempts)))
      (let ((sent (funcall send)))
        (mew-submit-blocked--delivered sent 25)
        (should (equal (car (mew-submit-blocked--tried sent)) 587)))
      (should (= (length questions) 2))
      ;; No, while it is blocked.
      (setq answer nil)
      (let ((sent (mew-submit-blocked--send
                   (mew-submit-blocked--account :fallback 'ask :timeout 1)
                   :on-ask ask)))
        (should (equal (plist-get (car sent) :result) "deferred"))
        (should (string-search "declined" (plist-get (car sent) :text)))
        (should (memql 587 (mew-submit-blocked--tried sent))))
      (should (= (length questions) 3))
      ;; When it is blocked no more.
      (mew-submit-blocked--filter)
      (mew-submit-blocked--delivered (funcall send) 587)
      (should (= (length questions) 3)))))

;;; A server that takes log-ins where mail is submitted, and none at port 25

(defmacro mew-submit-blocked--with-relay (filters account &rest body)
  "Run BODY with FILTERS, where ACCOUNT makes an account of relay.example.org.
That server was met before."
  (declare (indent 2) (debug (form symbolp body)))
  `(mew-submit-test-with-directory directory
     (mew-submit-blocked--with nil
       (let* ((mew-submit-request--no-log-in nil)
              (,account (lambda (&rest more)
                          (apply #'mew-submit-blocked--account
                                 (append more
                                         (list :server "relay.example.org"
                                               :tls-name "mail.example.org"
                                               :memory (expand-file-name "m" directory)))))))
         (should (equal (plist-get (car (mew-submit-blocked--send
                                         (funcall ,account)))
                                   :port)
                        587))
         (apply #'mew-submit-blocked--filter ,filters)
         ,@body))))

(ert-deftest mew-submit-blocked-port-25-takes-no-log-in ()
  "Port 25 that takes no log-in is no attack: the message waits for 587."
  (mew-submit-blocked--with-relay '(:drop (587)) account
    (dotimes (_ 2)
      (let ((done (car (mew-submit-blocked--send (funcall account)))))
        (should (equal (plist-get done :kind) "no-login"))
        (should (equal (plist-get done :result) "deferred"))
        (should-not (plist-get done :alarm))
        (should (equal (plist-get done :text)
                       "Port 25 of relay.example.org takes no log-in, so mail cannot \
be submitted there; port 587 cannot be reached from here"))))
    ;; Another port of the plan is used.
    (should (equal (plist-get (car (mew-submit-blocked--send
                                    (funcall account :routes "587:starttls,\
25:starttls,465:implicit")))
                              :port)
                   465))
    (mew-submit-blocked--filter)
    (should (equal (plist-get (car (mew-submit-blocked--send (funcall account)))
                              :port)
                   587))))

(ert-deftest mew-submit-blocked-weaker-at-port-25 ()
  "What 587 offered is not expected at 25, but what 25 has offered itself is."
  (mew-submit-blocked--with nil
    (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                     "127.0.0.1:587,name=587,refused"
                                     "127.0.0.1:25,name=25,mechs=PLAIN")
      (let* ((memory (mew-submit-test--peer-file peer "servers.eld"))
             (send (lambda ()
                     (mew-submit-test-run
                      (append (list :memory memory :user "me" :fallback 'always
                                    :password (copy-sequence "s3cret")
                                    :routes "587:starttls,25:starttls")
                              (mew-submit-test-account peer "25"))
                      mew-submit-blocked-message))))
        (mew-submit-memory--learn memory "127.0.0.1" 587 t "SCRAM-SHA-256")
        (should (equal (plist-get (funcall send) :auth) "PLAIN"))
        (mew-submit-memory--learn memory "127.0.0.1" 25 t "SCRAM-SHA-1")
        (let ((done (funcall send)))
          (should (equal (plist-get done :result) "insecure"))
          (should (equal (plist-get done :alarm) "weaker-auth")))))))

(ert-deftest mew-submit-blocked-asked-of-what-is-of-use ()
  "Nobody is asked twice about a port that takes no log-in; why is told."
  (mew-submit-blocked--with-relay '(:drop (587)) account
    (let* ((questions 0)
           (send (lambda (&rest more)
                   (car (mew-submit-blocked--send
                         (apply account :fallback 'ask :timeout 1 more)
                         :on-ask (lambda (_) (setq questions (1+ questions))
                                   "yes"))))))
      (should (equal (plist-get (funcall send) :kind) "no-login"))
      (should (= questions 1))
      (dotimes (_ 2)
        (let ((done (funcall send)))
          (should (equal (plist-get done :result) "deferred"))
          (should (string-search "(port 25 takes no log-in, so mail cannot be \
submitted there)" (plist-get done :text)))))
      (should (= questions 1))
      ;; Who does not log in may use it, and after a day it is looked at again.
      (should (equal (plist-get (funcall send :user nil :auth "none") :port) 25))
      (should (= questions 2))
      (setcdr (car mew-submit-request--no-log-in)
              (- (float-time) mew-submit-request--no-log-in-seconds 1))
      (should (equal (plist-get (funcall send) :kind) "no-login"))
      (should (= questions 3))
      (mew-submit-blocked--filter)
      (should (equal (plist-get (funcall send) :port) 587))
      (should (= questions 3)))))

(ert-deftest mew-submit-blocked-465-is-offered ()
  "Where no port of the plan can be used 465 is looked at, and offered if it answers."
  (dolist (ports '((587 25) (587)))
    (mew-submit-blocked--with-relay (list :drop ports) account
      (let ((mew-submit-offer--seen nil)
            (mew-submit-retry-intervals '(3600))
            (mew-submit-dispatch--done-functions '(mew-submit-notice--done))
            (noninteractive nil)
            (results nil))
        (unwind-protect
            (progn
              (mew-submit-queue--add
               (mew-submit-test-write (expand-file-name "message" directory)
                                      mew-submit-blocked-message)
               :account (funcall account :timeout 1)
               :directory (expand-file-name "outbox" directory)
               :on-done (lambda (done) (push (plist-get done :result) results)))
              (mew-submit-test-until ("the offer")
                (with-current-buffer (get-buffer-create "*mew-submit*")
                  (string-search "Port 465 of relay.example.org answers"
                                 (buffer-string))))
              (should (equal results '("deferred")))
              (with-current-buffer "*mew-submit*"
                (mew-submit-notice-other-port mew-submit-offer--routes))
              (mew-submit-test-until ("the delivery") (cdr results))
              (should (equal results '("delivered" "deferred"))))
          (kill-buffer "*mew-submit*"))))))

(ert-deftest mew-submit-blocked-465-is-offered-where-starttls-is-spoilt ()
  "Where somebody writes over STARTTLS nothing is sent, and 465 is offered: it is as safe."
  (mew-submit-blocked--with nil
    (let* ((mew-submit-offer--seen nil)
           (account (append '(:server "spoilt.example.org") (mew-submit-blocked--account)))
           (done (car (mew-submit-blocked--send account)))
           offered)
      (should (equal (plist-get done :kind) "insecure"))
      (should-not (plist-get done :tls))
      (should (mew-submit-offer--465 account done (lambda () (setq offered t))))
      (mew-submit-test-until ("the offer") offered)
      (should (string-search "Port 465 of spoilt.example.org answers"
                             (mew-submit-offer--text account done)))
      ;; A certificate would be no better there.
      (setq mew-submit-offer--seen nil)
      (should-not (mew-submit-offer--465 account (append '(:tls (:verified nil)) done) #'ignore)))))

(ert-deftest mew-submit-blocked-465-is-not-always-offered ()
  "What does not answer, or is not wanted, is not offered, nor looked at again soon."
  (mew-submit-blocked--with-relay '(:drop (587 25 465)) account
    (let* ((mew-submit-offer--seen nil)
           (here (funcall account :timeout 1))
           (done (car (mew-submit-blocked--send here)))
           (look (lambda (account done)
                   (mew-submit-offer--465 account done
                                         (lambda () (ert-fail "offered")))))
           (session (funcall look here done)))
      (should (equal (plist-get done :kind) "connect"))
      (should session)
      (should-not (funcall look here done)) ; it is being looked at
      (mew-submit-job--wait session)
      (mew-submit-test-until ("what was seen")
        (null (mew-submit-offer--answer (mew-submit-offer--place here))))
      (should-not (funcall look here done))
      (should-not (mew-submit-offer--text here done))
      (setq mew-submit-offer--seen nil)
      (dolist (account (list (funcall account :fallback 'never)
                             (funcall account :tunnel "socks5://u@192.0.2.1:9")))
        (should-not (funcall look account done)))
      (dolist (done (list '(:kind "refused") '(:kind "auth")
                          '(:kind "connect" :attempts ((:port 465 :case 5)))))
        (should-not (funcall look here done))))))

(ert-deftest mew-submit-blocked-never-here ()
  "Who has said never, for this network, is told so, and 25 is not touched."
  (mew-submit-blocked--with '(:drop (587))
    (let* ((here (mew-submit-network-negative--here))
           (mew-submit-fallback-networks
            (list (list (plist-get here :id) mew-submit-blocked-host 'never
                        (plist-get here :label))))
           (account (lambda ()
                      (mew-submit-blocked--account :fallback 'ask :timeout 1)))
           (sent (mew-submit-blocked--send (funcall account))))
      (should (equal (plist-get (car sent) :result) "deferred"))
      (should-not (memql 25 (mew-submit-blocked--tried sent)))
      (should (string-search "mew-submit-forget-network"
                             (plist-get (car sent) :text)))
      ;; Elsewhere it is asked again.
      (mew-submit-blocked--gateway 2)
      (mew-submit-blocked--delivered
       (mew-submit-blocked--send (funcall account) :on-ask (lambda (_) "yes"))
       25))))

(ert-deftest mew-submit-blocked-always-here ()
  "Who has said always, for this network, is asked no more there."
  (mew-submit-blocked--with '(:drop (587))
    (let* ((here (mew-submit-network-negative--here))
           (mew-submit-fallback-networks
            (list (list (plist-get here :id) mew-submit-blocked-host 'always
                        (plist-get here :label)))))
      (mew-submit-blocked--delivered
       (mew-submit-blocked--send
        (mew-submit-blocked--account :fallback 'ask)
        :on-ask (lambda (_) (ert-fail "asked")))
       25))))

(ert-deftest mew-submit-blocked-security-stays ()
  "A memory may reorder, never relax: 25 with a certificate nobody trusts is
not used, whatever is remembered of 587."
  (mew-submit-blocked--with '(:drop (587))
    (mew-submit-blocked--send (mew-submit-blocked--account))
    (let ((sent (mew-submit-blocked--send
                 (mew-submit-blocked--account :tls-name "other.test"))))
      (should (equal (plist-get (car sent) :result) "insecure"))
      (should (equal (plist-get (car sent) :port) 25)))))

;;; Between sessions

(ert-deftest mew-submit-blocked-batch-file ()
  "Batch commands share a file when they are told to, and else know nothing."
  (mew-submit-blocked--with '(:drop (587))
    (mew-submit-test-with-directory directory
      (let* ((file (expand-file-name "networks.eld" directory))
             (password (expand-file-name "password" (getenv "RACE_WORK")))
             (ca (expand-file-name "certs/ca.pem" (getenv "RACE_WORK")))
             (send (lambda (&rest more)
                     (let ((result
                            (mew-submit-test-batch
                             (append more
                                     (list "--json" "--server"
                                           mew-submit-blocked-host
                                           "--ca-file" ca "--user" "alice"
                                           "--password-file" password
                                           "--from" "me@example.org"
                                           "you@example.org"))
                             :input mew-submit-blocked-message)))
                       (should (equal (plist-get result :status) 0))
                       (mapcar (lambda (attempt) (plist-get attempt :port))
                               (plist-get (mew-submit-test-done result)
                                          :attempts))))))
        (should (equal (car (funcall send "--network-cache" file)) 587))
        (should (= (file-modes file) #o600))
        (should-not (memql 587 (funcall send "--network-cache" file)))
        (should (equal (car (funcall send)) 587))
        ;; This Emacs reads what the others wrote.
        (let ((mew-submit-negative-cache-file file)
              (mew-submit-network-negative--read nil))
          (should (equal (mew-submit-blocked--known)
                         '((587 ipv4 5) (587 ipv6 5)))))))))

;;; The outbox

(ert-deftest mew-submit-blocked-the-outbox-follows ()
  "What waits in the outbox is sent as soon as this machine is on another network,
long before its next try; then nobody looks at the network any more."
  (mew-submit-blocked--with '(:drop (587 25))
    (mew-submit-test-with-directory directory
      (let* ((mew-submit-network--interval 0.2)
             (mew-submit-retry-intervals '(3600))
             (noninteractive nil)
             (results nil))
        (mew-submit-queue--add
         (mew-submit-test-write (expand-file-name "message" directory)
                                mew-submit-blocked-message)
         :account (mew-submit-blocked--account :timeout 1)
         :directory (expand-file-name "outbox" directory)
         :on-done (lambda (done) (push (plist-get done :result) results)))
        (mew-submit-test-until ("the first attempt") results)
        (should (equal results '("deferred")))
        (mew-submit-test-until ("the network to be looked at")
          mew-submit-network--timer)
        (mew-submit-blocked--filter)
        (mew-submit-blocked--gateway 2)
        (mew-submit-test-until ("the delivery") (cdr results))
        (should (equal results '("delivered" "deferred")))
        (mew-submit-test-until ("the end of looking at the network")
          (null mew-submit-network--timer))))))

;;; Emacs is free

(ert-deftest mew-submit-blocked-emacs-stays-free ()
  "While a mail pays the grace and another one does not, timers run."
  (mew-submit-blocked--with '(:drop (587))
    (should-not (mew-submit-free-wrong
                 (lambda ()
                   (mew-submit-forget-network)
                   (mew-submit-blocked--send (mew-submit-blocked--account))
                   (mew-submit-blocked--send (mew-submit-blocked--account)))))))

;;; blocked.el ends here
