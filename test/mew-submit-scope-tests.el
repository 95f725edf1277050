;;; mew-submit-scope-tests.el --- Addresses that hold on one link only -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A link-local address is one address on each link: fe80::1 is this machine's on one and a router's on
;; another.  Two networks of our own are joined by a wire, and a batch Emacs in one of them looks.

;;; Code:

(require 'mew-submit-job)
(require 'mew-submit-test-helpers)

(defconst mew-submit-scope-tests--script "
ip link add near type veth peer name far
ip link add other type veth peer name nowhere
setpriv --pdeathsig KILL unshare --net sleep 600 &
until [ -e /proc/$!/ns/net ] && [ \"$(readlink /proc/$!/ns/net)\" != \"$(readlink /proc/self/ns/net)\" ]
do kill -0 $!; done
ip link set far netns $!
nsenter --net=/proc/$!/ns/net sh -ec 'ip link set lo up; ip link set far up
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip address add fe80::1/64 dev far nodad
ip route add 2001:db8:1::/64 dev far'
ip link set near up
ip address add 2001:db8:1::2/64 dev near nodad
ip route add 2001:db8:9::/64 via fe80::1 dev near
ip link set other up
ip address add fe80::1/64 dev other nodad
ip address add fe80::5/64 dev lo nodad"
  "Makes the networks.")

(defun mew-submit-scope-tests--send (host route ca)
  "Send a message to HOST by ROUTE, with CA; return the events without their times."
  (mew-submit-test-with-directory directory
    (let* ((events nil)
           (session (mew-submit-job--start
                     (list :host host :race t :attempt-delay 250 :routes (list route)
                           :connect-timeout 120000 :step-timeout 120000 :tls 'required
                           :ca-file ca :helo "localhost" :from ""
                           :recipients '("you@example.net")
                           :file (mew-submit-test-write
                                  (expand-file-name "message" directory) "a: b\n\nc\n"))
                     :on-event (lambda (event) (push event events)))))
      (mew-submit-job--wait session (* 2 mew-submit-test-patience))
      events)))

(defun mew-submit-scope-tests--attempt ()
  "Return the verdict on a port that fe80::1 on the wire knows no way to."
  (let ((attempt (seq-find (lambda (event) (eq (plist-get event :event) 'attempt))
                           (mew-submit-scope-tests--send "2001:db8:9::9"
                                                         '(587 ipv6 starttls) nil))))
    (list (plist-get attempt :case)
          (plist-get (plist-get attempt :offender) :who))))

(defun mew-submit-scope-tests--certificate ()
  "Return what came of a message to fe80::5%lo, and the names the server was asked for."
  (mew-submit-test-with-peer (peer "--names" "fe80::5" "[fe80::5%lo]:0,name=ok,implicit")
    (let ((done (car (mew-submit-scope-tests--send
                      "fe80::5%lo" (list (mew-submit-test-port peer "ok") 'ipv6 'implicit)
                      (mew-submit-test-ca peer)))))
      (cons (plist-get done :text)
            (mapcar (lambda (line) (plist-get line :sni)) (mew-submit-test-log peer "tls"))))))

(ert-deftest mew-submit-scope-tests-offender ()
  "Who answers from fe80::1 on the wire is not this machine, whose fe80::1 is elsewhere."
  :tags '(:module)
  (should (equal (mew-submit-test-in-network mew-submit-scope-tests--script
                                             "mew-submit-scope-tests"
                                             '(mew-submit-scope-tests--attempt))
                 (if (mew-submit-portable-p) '("3 or 4" nil) '(4 "router")))))

(ert-deftest mew-submit-scope-tests-certificate ()
  "A scope is no part of what a certificate is for, and no server is told of it.
\(SECURITY: D13)."
  :tags '(:module)
  (should (equal (mew-submit-test-in-network mew-submit-scope-tests--script
                                             "mew-submit-scope-tests"
                                             '(mew-submit-scope-tests--certificate))
                 '("" nil))))

(provide 'mew-submit-scope-tests)
;;; mew-submit-scope-tests.el ends here
