;;; network.el --- The hosts of the race matrix, and what makes them -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Each host has addresses of its own, so that all hosts live side by side in one
;; network namespace and no rule ever changes: a test is the choice of a host.
;; Ports 587 and 465 of a host are in the same state, which may differ between
;; the families; port 25 has one of its own.  A state is one of
;;   open          a good server listens
;;   slow, greet-pause
;;                 as open, but the greeting comes after 3 s, or 8 s
;;   close, abort  accepts, then closes or resets the connection at once
;;   rst admin port net host
;;                 rejects the SYN: TCP reset; ICMP administratively prohibited, port, network or host unreachable
;;   drop          says nothing
;; or a string: directives for the test server (test/peer), which accepts.
;; A family with the state nil has no address.
;;
;; `mew-submit-race-network-write' writes /etc/hosts, the addresses, the nftables rules and the
;; script of the test server for all of them.

;;; Code:

(require 'cl-lib)

(cl-defstruct (mew-submit-race-host (:constructor mew-submit-race-host--make) (:copier nil))
  "A host: its NAME, its NUMBER (from 1), the states of its ports."
  name number ipv6 ipv4 port25)

(defconst mew-submit-race-states '(open rst admin port net host drop close slow)
  "The states that both families go through, alone and together.")

(defconst mew-submit-race-pairs
  '((open . drop) (drop . open) (open . rst) (rst . open) (open . close) (close . open)
    (rst . admin) (admin . drop) (net . port) (host . drop) (close . drop) (drop . close)
    (drop . slow) (slow . drop) (port . net))
  "States of IPv6 and IPv4 that differ.")

(defconst mew-submit-race-specials
  '(("abort" . abort)
    ("greet-pause" . greet-pause)
    ("bad-name" . "cert=othername")
    ("expired" . "cert=expired")
    ("unknown-ca" . "cert=unknown-ca")
    ("no-starttls" . "cap-=STARTTLS")
    ("starttls-refused" . "starttls=reply:454 4.7.0 Not now")
    ("alert" . "tls=alert:40")
    ("close-in-handshake" . "tls=close")
    ("greeting-554" . "greeting=reply:554 No service")
    ("greeting-421" . "greeting=reply:421 4.3.2 Not now")
    ("half-greeting" . "greeting=truncate:3")
    ("mail-451" . "mail=reply:451 4.3.0 Not now")
    ("rcpt-550" . "rcpt=reply:550 5.7.1 Not for you")
    ("auth-454" . "auth-end=reply:454 4.7.0 Not now"))
  "More hosts: a name and the state of both families.  Port 25 is open.")

(defun mew-submit-race-hosts ()
  "Return all hosts, a list of `mew-submit-race-host'."
  (let ((number 0)
        (hosts nil))
    (cl-flet ((add (name ipv6 ipv4 port25)
                (push (mew-submit-race-host--make
                       :name (concat name ".example.org") :number (cl-incf number)
                       :ipv6 ipv6 :ipv4 ipv4 :port25 port25)
                      hosts)))
      (dolist (port25 '(open rst drop))
        (dolist (pair (append (mapcar (lambda (state) (cons nil state)) mew-submit-race-states)
                              (mapcar (lambda (state) (cons state nil)) mew-submit-race-states)
                              (mapcar (lambda (state) (cons state state)) mew-submit-race-states)
                              mew-submit-race-pairs))
          (add (format "v6-%s-v4-%s-25-%s" (or (car pair) 'none) (or (cdr pair) 'none) port25)
               (car pair) (cdr pair) port25)))
      (dolist (special mew-submit-race-specials)
        (add (car special) (cdr special) (cdr special) 'open))
      (add "closes-everywhere" 'close 'close 'close))
    (nreverse hosts)))

(defun mew-submit-race-host-address (host family)
  "Return the address of HOST in FAMILY, or nil when it has none."
  (let ((number (mew-submit-race-host-number host)))
    (cond ((null (mew-submit-race-host-state host 587 family)) nil)
          ((eq family 'ipv4) (format "192.0.2.%d" number))
          (t (format "2001:db8::%x" number)))))

(defun mew-submit-race-host-state (host port family)
  "Return the state of PORT of HOST in FAMILY."
  (let ((preferred (if (eq family 'ipv6)
                       (mew-submit-race-host-ipv6 host)
                     (mew-submit-race-host-ipv4 host))))
    (if (and preferred (= port 25))
        (mew-submit-race-host-port25 host)
      preferred)))

(defun mew-submit-race-listener-name (host port family)
  "Return the name of PORT of HOST in FAMILY in the log of the test server."
  (format "%s/%d/%s" (mew-submit-race-host-name host) port family))

;;; Files

(defconst mew-submit-race--filters '(rst admin port net host drop)
  "The states that a packet filter makes, each a chain state_NAME.")

(defconst mew-submit-race--directives
  '((open) (slow . "slow-greeting:3000") (greet-pause . "slow-greeting:8000")
    (close . "accept-close") (abort . "accept-reset"))
  "The states that the test server makes, and its directives for them.")

(defconst mew-submit-race--rules "\
table inet race {
  chain state_rst { meta l4proto tcp reject with tcp reset
  }
  chain state_admin { reject with icmpx admin-prohibited
  }
  chain state_port { reject with icmpx port-unreachable
  }
  chain state_net { reject with icmpx no-route
  }
  chain state_host { reject with icmpx host-unreachable
  }
  chain state_drop { drop
  }
  map ipv4 { type ipv4_addr . inet_service : verdict
    elements = { %s }
  }
  map ipv6 { type ipv6_addr . inet_service : verdict
    elements = { %s }
  }
  chain input { type filter hook input priority 0; policy accept;
    ip daddr . tcp dport vmap @ipv4
    ip6 daddr . tcp dport vmap @ipv6
  }
}
" "The nftables rules, but for the elements of the two maps.")

(defun mew-submit-race--each-port (hosts function)
  "Call FUNCTION with each of HOSTS, its ports and its families.
Return the results that are not nil, a list."
  (let ((results nil))
    (dolist (host hosts (nreverse results))
      (dolist (family '(ipv6 ipv4))
        (when (mew-submit-race-host-address host family)
          (dolist (port '(25 465 587))
            (let ((result (funcall function host port family)))
              (when result
                (push result results)))))))))

(defun mew-submit-race--elements (hosts wanted)
  "Return the elements of the filter's map for HOSTS in the family WANTED."
  (mapconcat
   #'identity
   (mew-submit-race--each-port
    hosts
    (lambda (host port family)
      (let ((state (mew-submit-race-host-state host port family)))
        (when (and (eq family wanted) (memq state mew-submit-race--filters))
          (format "%s . %d : goto state_%s" (mew-submit-race-host-address host family) port state)))))
   ",\n"))

(defun mew-submit-race--listener (host port family)
  "Return the script of the test server for PORT of HOST in FAMILY.
Return nil when a packet filter stands there instead."
  (let ((state (mew-submit-race-host-state host port family))
        (address (mew-submit-race-host-address host family)))
    (unless (memq state mew-submit-race--filters)
      (concat (if (eq family 'ipv6) (format "[%s]" address) address)
              (format ":%d\n  name=%s\n" port (mew-submit-race-listener-name host port family))
              (when (= port 465) "  implicit\n")
              (let ((directives (if (stringp state) state
                                  (cdr (assq state mew-submit-race--directives)))))
                (when directives
                  (concat "  " directives "\n")))))))

(defun mew-submit-race-network-write (directory)
  "Write hosts, addresses, rules.nft and peer.script for all hosts to DIRECTORY."
  (let ((hosts (mew-submit-race-hosts)))
    (cl-flet ((write (file text)
                (write-region text nil (expand-file-name file directory) nil 'silent))
              (addresses (function)
                (mapconcat (lambda (host)
                             (mapconcat (lambda (family)
                                          (let ((address (mew-submit-race-host-address host family)))
                                            (if address (funcall function host address) "")))
                                        '(ipv6 ipv4) ""))
                           hosts "")))
      (write "hosts" (concat "127.0.0.1 localhost\n::1 localhost\n"
                             (addresses (lambda (host address)
                                          (format "%s %s\n" address (mew-submit-race-host-name host))))))
      (write "addresses" (addresses (lambda (_host address)
                                      (if (string-search ":" address)
                                          (format "address add %s/128 dev lo nodad\n" address)
                                        (format "address add %s/32 dev lo\n" address)))))
      (write "rules.nft" (format mew-submit-race--rules (mew-submit-race--elements hosts 'ipv4)
                                 (mew-submit-race--elements hosts 'ipv6)))
      (write "peer.script" (mapconcat #'identity (mew-submit-race--each-port hosts #'mew-submit-race--listener) "")))))

(provide 'mew-submit-race-network)
;;; network.el ends here
