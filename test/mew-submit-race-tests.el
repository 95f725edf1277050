;;; mew-submit-race-tests.el --- A host with many addresses -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The matrix (test/race) has one address in each family.  Here there are as many as big providers have;
;; what counts is the order of the attempts, not their time.

;;; Code:

(require 'mew-submit-job)
(require 'mew-submit-test-helpers)

(defun mew-submit-race-tests--script (directory count rules)
  "Return a script for a network whose host many.example has 2 * COUNT addresses.
They are in a hosts file in DIRECTORY; RULES are for nft."
  (let ((addresses (cl-loop for i from 1 to count
                            collect (format "192.0.2.%d" i)
                            collect (format "2001:db8::%x" i)))
        (file (lambda (name) (expand-file-name name directory))))
    (mew-submit-test-write (funcall file "hosts")
                           (mapconcat (lambda (address) (concat address " many.example\n"))
                                      addresses ""))
    (mew-submit-test-write (funcall file "nsswitch.conf") "hosts: files\n")
    (mew-submit-test-write (funcall file "nft")
                           (format "table inet t { chain c { type filter hook input priority 0
%s; }; }\n" rules))
    (concat (mapconcat (lambda (address)
                         (format "ip address add %s dev lo%s\n" address
                                 (if (string-search ":" address) " nodad" "")))
                       addresses "")
            (mapconcat (lambda (name)
                         (format "mount --bind %s%s /etc/%s\n" directory name name))
                       '("hosts" "nsswitch.conf") "")
            (format "nft -f %snft\n" directory))))

(defvar mew-submit-race-tests--text nil
  "What the end of the last race said.")

(defun mew-submit-race-tests--attempts (directory race ports)
  "Try PORTS of many.example, with RACE; return the attempts in the order of their start.
Each is (PORT FAMILY CASE).  DIRECTORY is for the message.  Who connects to port 2525
is sent away, and nobody listens elsewhere."
  (let* ((attempts nil)
         (server (make-network-process :name "closes" :server t :host "::" :family 'ipv6
                                       :service 2525 :noquery t
                                       :log (lambda (_server client _message)
                                              (delete-process client))))
         (session
          (mew-submit-job--start
           (list :host "many.example" :race race :attempt-delay 250
                 :routes (cl-loop for port in ports
                                  collect (list port 'ipv6 'none)
                                  collect (list port 'ipv4 'none))
                 :connect-timeout 1000 :step-timeout 30000 :tls 'none :helo "localhost"
                 :from "" :recipients '("you@example.net")
                 :file (mew-submit-test-write (expand-file-name "message" directory)
                                              "a: b\n\nc\n"))
           :on-event (lambda (event)
                       (when (eq (plist-get event :event) 'attempt)
                         (setf (alist-get (plist-get event :id) attempts)
                               (list (plist-get event :port) (plist-get event :family)
                                     (plist-get event :case))))))))
    (setq mew-submit-race-tests--text
          (plist-get (mew-submit-job--wait session 240) :text))
    (delete-process server)
    (mapcar #'cdr (sort attempts #'car-less-than-car))))

(defmacro mew-submit-race-tests--with (count rules race ports &rest body)
  "Run BODY with `attempts' bound to those of a race.
COUNT, RULES, RACE and PORTS say what is tried."
  (declare (indent 4))
  `(mew-submit-test-with-directory directory
     (let ((attempts (mew-submit-test-in-network
                      (mew-submit-race-tests--script directory ,count ,rules)
                      "mew-submit-race-tests"
                      (list 'mew-submit-race-tests--attempts directory ,race '',ports))))
       ,@body)))

(ert-deftest mew-submit-race-tests-next-port-in-between ()
  "The next port does not wait for every address of a silent one, which all get a verdict.
\(SECURITY: M3, M11)."
  (mew-submit-race-tests--with 8 "tcp dport 587 drop" t (587 25)
    ;; Nobody listens on port 25; that is an answer, too.
    (should (equal (seq-take (mapcar #'butlast attempts) 4)
                   '((587 "ipv6") (587 "ipv4") (25 "ipv6") (25 "ipv4"))))
    (should (= (length attempts) 32))
    (should (= (seq-count (lambda (attempt) (equal (last attempt) '(5))) attempts) 16))))

(ert-deftest mew-submit-race-tests-held-meanwhile ()
  "A connection on the next port waits for a verdict on each address of a silent one.
\(SECURITY: M3, M11)."
  (mew-submit-race-tests--with 8 "tcp dport 587 drop" t (587 2525)
    (should (equal (seq-take attempts 3)
                   '((587 "ipv6" 5) (587 "ipv4" 5) (2525 "ipv6" "greeting"))))
    (should (= (seq-count (lambda (attempt) (equal attempt '(587 "ipv6" 5))) attempts) 8))
    (should (= (seq-count (lambda (attempt) (equal attempt '(587 "ipv4" 5))) attempts) 8))))

(ert-deftest mew-submit-race-tests-each-port-has-a-turn ()
  "A host with as many addresses as there can be leaves attempts for a third port.
\(SECURITY: M11)."
  (mew-submit-race-tests--with 16 "tcp dport { 25, 587 } drop" t (587 25 465)
    (should (equal (seq-take (mapcar #'butlast attempts) 6)
                   '((587 "ipv6") (587 "ipv4") (25 "ipv6") (25 "ipv4")
                     (465 "ipv6") (465 "ipv4"))))
    (should (equal (mapcar #'length (mapcar #'cdr (seq-group-by #'car attempts)))
                   '(20 20 20)))))

(ert-deftest mew-submit-race-tests-more-addresses-than-are-tried ()
  "Where not all addresses of a host were tried, the end says so."
  (pcase-dolist (`(,count . ,said) '((16) (20 . "many.example (8 more of its addresses were not")))
    (mew-submit-test-with-directory directory
      (let ((text (mew-submit-test-in-network
                   (mew-submit-race-tests--script directory count "") "mew-submit-race-tests"
                   `(progn (mew-submit-race-tests--attempts ,directory t '(587 25))
                           mew-submit-race-tests--text))))
        (should (string-search "No route leads to many.example" text))
        (should (if said (string-search said text)
                  (not (string-search "more of its addresses" text))))))))

(ert-deftest mew-submit-race-tests-a-filter-of-names ()
  "Where a filter of names says 0.0.0.0 the mail server of this machine is not connected to.
SECURITY: M5."
  (mew-submit-test-with-directory directory
    (let ((script (mew-submit-race-tests--script directory 1 "")))
      (mew-submit-test-write (expand-file-name "hosts" directory)
                             ":: many.example\n0.0.0.0 many.example\n")
      (should (equal (mew-submit-test-in-network
                      script "mew-submit-race-tests"
                      `(mew-submit-race-tests--attempts ,directory t '(2525)))
                     `((2525 "ipv6" ,(mew-submit-portable-refused))
                       (2525 "ipv4" ,(mew-submit-portable-refused))))))))

(ert-deftest mew-submit-race-tests-one-after-the-other ()
  "A plan without a race leaves a route after two silences, not after sixteen.
\(SECURITY: M11)."
  (mew-submit-race-tests--with 4 "tcp dport 587 drop" nil (587 25)
    (should (equal (seq-take attempts 5)
                   `((587 "ipv6" 5) (587 "ipv6" 5) (587 "ipv4" 5) (587 "ipv4" 5)
                     (25 "ipv6" ,(mew-submit-portable-refused)))))
    (should (= (length attempts) 12))))

;;; A server that lets a connection come about, and is silent then

(defun mew-submit-race-tests--server (host family says)
  "Listen on port 2525 of HOST, in FAMILY; say SAYS to who comes, and no more.
Where that is `leaves' it breaks off when it has heard something, where it is
`alert' it has an internal error in TLS; where it is `stops' it offers STARTTLS,
and is silent then."
  (make-network-process :name host :server t :host host :family family :service 2525 :noquery t
                        :coding 'binary
                        :filter (lambda (client octets)
                                  (cond ((eq says 'leaves) (delete-process client))
                                        ((and (eq says 'stops) (string-prefix-p "EHLO" octets))
                                         (process-send-string client "250-s\r\n250 STARTTLS\r\n"))))
                        :log (lambda (_server client _message)
                               (unless (equal says "")
                                 (process-send-string
                                  client (pcase says
                                           ((or 'leaves 'stops) "220 Hello\r\n")
                                           ('alert (unibyte-string 21 3 3 0 2 2 80))
                                           (_ says)))))))

(defun mew-submit-race-tests--silent (directory tls ipv6 ipv4)
  "Return the kind of the end of a job for many.example, and its attempts.
They are (PORT FAMILY CASE).  IPV6 and IPV4 are what is said on port 2525 by each,
nil where nobody listens.  DIRECTORY is for the message, TLS of the routes."
  (let ((servers (append
                  (and ipv6 (list (mew-submit-race-tests--server "2001:db8::1" 'ipv6 ipv6)))
                  (and ipv4 (list (mew-submit-race-tests--server "192.0.2.1" 'ipv4 ipv4)))))
        (attempts nil))
    (unwind-protect
        (let ((done (mew-submit-job--wait
                     (mew-submit-job--start
                      (list :host "many.example" :race t :attempt-delay 250
                            :routes `((2525 ipv6 ,tls) (2525 ipv4 ,tls) (25 ipv6 none) (25 ipv4 none))
                            :connect-timeout 120000 :step-timeout 3000
                            :tls (if (eq tls 'starttls) 'required 'none)
                            :helo "localhost" :from "" :recipients '("you@example.net")
                            :file (mew-submit-test-write (expand-file-name "message" directory)
                                                         "a: b\n\nc\n"))
                      :on-event (lambda (event)
                                  (when (eq (plist-get event :event) 'attempt)
                                    (setf (alist-get (plist-get event :id) attempts)
                                          (list (plist-get event :port) (plist-get event :family)
                                                (plist-get event :case))))))
                     240)))
          (cons (plist-get done :kind)
                (mapcar #'cdr (sort attempts #'car-less-than-car))))
      (mapc #'delete-process servers))))

(ert-deftest mew-submit-race-tests-silent-at-one-address ()
  "A server that is silent or breaks off at one address is asked at another one.
No other port is tried, and what is told when there is no other address is that.  SECURITY: N7."
  (pcase-dolist (`(,tls ,ipv6 ,ipv4 . ,end)
                 `((none "" "554 No\r\n" "refused"
                         (2525 "ipv6" "greeting") (2525 "ipv4" "greeting"))
                   (none "220 Hello\r\n" "554 No\r\n" "refused"
                         (2525 "ipv6" "greeting") (2525 "ipv4" "greeting"))
                   (implicit "" "554 No\r\n" "refused"
                             (2525 "ipv6" "tls") (2525 "ipv4" "greeting"))
                   (none leaves "554 No\r\n" "refused"
                         (2525 "ipv6" "greeting") (2525 "ipv4" "greeting"))
                   (implicit alert "554 No\r\n" "refused"
                             (2525 "ipv6" "tls") (2525 "ipv4" "greeting"))
                   (starttls stops "554 No\r\n" "refused"
                             (2525 "ipv6" "tls") (2525 "ipv4" "greeting"))
                   (none "" "" "timeout" (2525 "ipv6" "greeting") (2525 "ipv4" "greeting"))
                   (none "" nil "timeout"
                         (2525 "ipv6" "greeting") (2525 "ipv4" ,(mew-submit-portable-refused)))))
    (ert-info ((format "%s %S %S" tls ipv6 ipv4))
      (mew-submit-test-with-directory directory
        (should (equal (mew-submit-test-in-network
                        (mew-submit-race-tests--script directory 1 "")
                        "mew-submit-race-tests"
                        (list 'mew-submit-race-tests--silent directory `',tls `',ipv6 ipv4))
                       end))))))

;;; A name server that is cut off

(defun mew-submit-race-tests--no-uplink (packet)
  "Return the answer to PACKET of a router without a way to the internet.
It answers for its own domain, home.arpa, alone: there is no such name."
  (let ((header (string-to-list (substring packet 0 12)))
        (own (string-search "\4home\4arpa\0" packet)))
    (concat (apply #'unibyte-string (append (seq-take header 2) (list #x81 (if own #x83 #x82))
                                            (seq-subseq header 4 6) '(0 0 0 0 0 0)))
            (substring packet 12))))

(defun mew-submit-race-tests--without-uplink ()
  "Return the kinds of the ends of jobs for smtp.example, by IPv4, IPv6 and both.
The name server is one of this Emacs."
  (let ((server (make-network-process
                 :name "dns" :server t :type 'datagram :host "127.0.0.1" :service 53
                 :family 'ipv4 :coding 'binary :noquery t
                 :filter (lambda (process packet)
                           (process-send-string
                            process (mew-submit-race-tests--no-uplink packet)))))
        (message (make-temp-file "mew-submit" nil nil "a: b\n\nc\n")))
    (unwind-protect
        (mapcar (lambda (families)
                  (plist-get
                   (mew-submit-job--wait
                    (mew-submit-job--start
                     (list :host "smtp.example" :race t :attempt-delay 250
                           :routes (mapcar (lambda (family) (list 587 family 'none)) families)
                           :connect-timeout 120000 :step-timeout 30000 :tls 'none
                           :helo "localhost" :from "" :recipients '("you@example.net")
                           :file message))
                    240)
                   :kind))
                '((ipv4) (ipv6) (ipv4 ipv6)))
      (delete-file message)
      (delete-process server))))

(ert-deftest mew-submit-race-tests-no-uplink-and-a-search-domain ()
  "That a router says no to the name within its own domain is no word about the host.
It has said that it cannot tell the name itself.  SECURITY: M1."
  (mew-submit-test-with-directory directory
    (mew-submit-test-write (expand-file-name "resolv.conf" directory)
                           "nameserver 127.0.0.1\nsearch home.arpa\n")
    (mew-submit-test-write (expand-file-name "nsswitch.conf" directory) "hosts: files dns\n")
    (should (equal (mew-submit-test-in-network
                    (format "mount --bind %sresolv.conf \"$(readlink -f /etc/resolv.conf)\"
mount --bind %snsswitch.conf /etc/nsswitch.conf\n" directory directory)
                    "mew-submit-race-tests" '(mew-submit-race-tests--without-uplink))
                   '("resolver" "resolver" "resolver")))))

(provide 'mew-submit-race-tests)
;;; mew-submit-race-tests.el ends here
