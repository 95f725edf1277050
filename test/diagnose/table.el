;;; table.el --- The truth table of the diagnosis, and the network that makes it -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Three network namespaces in a row: the client (this machine), a router, and the server's.
;;
;;   client 192.0.2.2 ---- 192.0.2.9 router 203.0.113.1 ---- 203.0.113.2 server
;;   2001:db8:c::2         2001:db8:c::9    2001:db8:d::1    2001:db8:d::2
;;
;; Each host of the table has addresses of its own, so that all of them live side by side and no
;; rule ever changes: a cell is a host, a family and a port.  Most hosts are addresses of the server's;
;; what a route makes (no route, blackhole, a dead neighbour, a loop) has a range of addresses of its
;; own, where the route is.
;;
;; A state is a symbol, PLACE-WHAT: what the packet filter or a route does at `self' (this machine),
;; `router' or `server'; or `open' or `closed' (nobody listens); or a string, directives for the test
;; server; or (:implicit . DIRECTIVES) and (:plain . DIRECTIVES), which turn the usual TLS mode of the
;; port around.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)
(require 'mew-submit-portable "portable")

(defconst mew-submit-diagnose-table-ports '(25 465 587)
  "The ports of every host.")

;;; What a state means

(defconst mew-submit-diagnose-table--rejects
  '((admin ("admin-prohibited" 3 "EHOSTUNREACH" 3 13) ("admin-prohibited" 3 "EACCES" 1 1))
    (port ("port-unreachable" 3 "ECONNREFUSED" 3 3) ("port-unreachable" 3 "ECONNREFUSED" 1 4))
    (net ("net-unreachable" 4 "ENETUNREACH" 3 0) ("no-route" 4 "ENETUNREACH" 1 0))
    (host ("host-unreachable" 4 "EHOSTUNREACH" 3 1) ("addr-unreachable" 4 "EHOSTUNREACH" 1 3))
    (prot ("prot-unreachable" 3 "ENOPROTOOPT" 3 2) nil)
    (net-prohibited ("net-prohibited" 3 "ENETUNREACH" 3 9) nil)
    (host-prohibited ("host-prohibited" 3 "EHOSTUNREACH" 3 10) nil)
    (policy nil ("policy-fail" 3 "EACCES" 1 5))
    (reject-route nil ("reject-route" 3 "EACCES" 1 6)))
  "Packet filters' ICMP errors: (WHAT IPV4 IPV6).
Each family has (NFT-NAME CASE ERRNO TYPE CODE), or nil without such an error.")

(defconst mew-submit-diagnose-table--places
  '((self "192.0.2.2" "2001:db8:c::2")
    (router "192.0.2.9" "2001:db8:c::9")
    (server nil nil))
  "Who sends the ICMP errors of a filter: (PLACE IPV4 IPV6).
The server speaks from the address that was tried.")

(defconst mew-submit-diagnose-table--routes
  ;; STATE NUMBER-OF-RANGE (CASE ERRNO TYPE CODE WHO OFFENDER) for IPv4, for IPv6.
  '((router-no-route 1 (4 "ENETUNREACH" 3 0 "router" "192.0.2.9")
                     (4 "ENETUNREACH" 1 0 "router" "2001:db8:c::9"))
    (router-unreachable 2 (4 "EHOSTUNREACH" 3 1 "router" "192.0.2.9")
                        (4 "ENETUNREACH" 1 0 "router" "2001:db8:c::9"))
    (router-prohibit 3 (3 "EHOSTUNREACH" 3 13 "router" "192.0.2.9")
                     (3 "EACCES" 1 1 "router" "2001:db8:c::9"))
    (router-blackhole 4 (5) (5))
    (router-loop 5 (4 "EHOSTUNREACH" 11 0 "router" "203.0.113.2")
                 (4 "EHOSTUNREACH" 3 0 "router" "2001:db8:d::2"))
    (router-dead 6 (4 "EHOSTUNREACH" 3 1 "router" "192.0.2.9")
                 (4 "EHOSTUNREACH" 1 3 "router" "2001:db8:c::9"))
    (server-no-return 7 (5) (5))
    (self-dead 8 ("local" "EHOSTUNREACH" 3 1 "self" "192.0.2.2")
               ("local" "EHOSTUNREACH" 1 3 "self" "2001:db8:c::2"))
    (self-unreachable 9 ("local" "EHOSTUNREACH") ("local" "EHOSTUNREACH"))
    (self-prohibit 10 ("local" "EACCES") ("local" "EACCES"))
    (self-blackhole 11 ("local" "EINVAL") ("local" "EINVAL"))
    (self-no-route 12 ("local" "ENETUNREACH") ("local" "ENETUNREACH")))
  "What routes and their absence do, each in a range of addresses.")

(defun mew-submit-diagnose-table--split (state)
  "Return (PLACE . WHAT) of STATE, a symbol such as `router-admin'."
  (let ((name (symbol-name state)))
    (and (string-match "\\`\\(self\\|router\\|server\\)-\\(.*\\)\\'" name)
         (cons (intern (match-string 1 name)) (intern (match-string 2 name))))))

(defun mew-submit-diagnose-table--reject (state family)
  "Return the ICMP error of STATE, a filter's, in FAMILY, or nil."
  (let ((reject (assq (cdr (mew-submit-diagnose-table--split state))
                      mew-submit-diagnose-table--rejects)))
    (if (eq family 'ipv4) (nth 1 reject) (nth 2 reject))))

(defun mew-submit-diagnose-table--filter-p (state)
  "Is STATE made by a packet filter?"
  (and (symbolp state)
       (not (assq state mew-submit-diagnose-table--routes))
       (mew-submit-diagnose-table--split state)
       t))

(defun mew-submit-diagnose-table-verdict (state family address)
  "Return what an attempt in FAMILY to ADDRESS, which meets STATE, has to be.
That is (CASE ERRNO TYPE CODE WHO OFFENDER), shorter where the rest is nil; nil
where only the findings say."
  (pcase (mew-submit-diagnose-table--verdict state family address)
    ((and `(,case ,errno . ,icmp) (guard (mew-submit-portable-p)))
     (list (mew-submit-portable-case case errno icmp) errno))
    (verdict verdict)))

(defun mew-submit-diagnose-table--verdict (state family address)
  "Return what `mew-submit-diagnose-table-verdict' does of STATE, FAMILY, ADDRESS.
It is what Linux tells."
  (let ((route (and (symbolp state) (assq state mew-submit-diagnose-table--routes)))
        (what (and (symbolp state) (cdr (mew-submit-diagnose-table--split state)))))
    (cond ((not (symbolp state)) nil)
          ((eq state 'open) '(1))
          ((or (eq state 'closed) (eq what 'reset)) '(2 "ECONNREFUSED"))
          (route (nth (if (eq family 'ipv4) 2 3) route))
          ((eq what 'drop) '(5))
          (t (pcase-let* ((place (car (mew-submit-diagnose-table--split state)))
                          (`(,_ ,case ,errno ,type ,code)
                           (mew-submit-diagnose-table--reject state family))
                          (offender (nth (if (eq family 'ipv4) 1 2)
                                         (assq place mew-submit-diagnose-table--places))))
               (list (if (eq place 'self) "local" case) errno type code
                     (symbol-name place) (or offender address)))))))

;;; Hosts

(cl-defstruct (mew-submit-diagnose-host
               (:constructor mew-submit-diagnose-host--make) (:copier nil))
  "A host: NAME, NUMBER, states, the FINDINGS it must raise, the GROUP of its run.
IPV4 and IPV6 are alists of ports and states.  TWIN is the number of a
second IPv4 address of the same name, or nil.  NAT64 is non-nil where the
IPv6 address is one of those that a network makes of IPv4's."
  name number ipv4 ipv6 findings group twin nat64)

(defun mew-submit-diagnose-table--states (spec)
  "Return an alist of ports and states for SPEC: a state for all, or an alist."
  (if (and (consp spec) (consp (car spec)))
      (mapcar (lambda (port) (cons port (or (cdr (assq port spec)) 'open)))
              mew-submit-diagnose-table-ports)
    (and spec (mapcar (lambda (port) (cons port spec)) mew-submit-diagnose-table-ports))))

(defconst mew-submit-diagnose-table--uniform
  (append
   '((open) (closed "refused"))
   (mapcan (lambda (place)
             (mapcar (lambda (what)
                       (cons (intern (format "%s-%s" place what))
                             (cond ((eq what 'drop) '("silent-host" "silence-elsewhere"))
                                   ((eq what 'reset) '("refused"))
                                   ((eq place 'self) '("local-firewall"))
                                   ((eq place 'server) '("filtered-by-server"))
                                   ((memq what '(net host)) '("unreachable-by-router"))
                                   (t '("filtered-by-router")))))
                     '(admin port net host prot net-prohibited host-prohibited policy
                             reject-route reset drop)))
           (list 'self 'router 'server))
   '((router-no-route "unreachable-by-router")
     (router-unreachable "unreachable-by-router")
     (router-prohibit "filtered-by-router")
     (router-blackhole "silent-host" "silence-elsewhere")
     (router-loop "routing-loop")
     (router-dead "unreachable-by-router")
     (server-no-return "silent-host" "silence-elsewhere")
     (self-dead "neighbour-silent")
     (self-unreachable "no-route")
     (self-prohibit "local-firewall")
     (self-blackhole "local-firewall")
     (self-no-route "no-route")))
  "Hosts that are in one state in both families, at all ports: (STATE FINDING...).")

(defconst mew-submit-diagnose-table--mixed
  '((open closed "ipv4-broken") (closed open "ipv6-broken")
    (router-admin open "filtered-by-router" "ipv6-broken")
    (open router-admin "filtered-by-router" "ipv4-broken")
    (server-drop open "ipv6-broken") (open router-drop "ipv4-broken")
    (self-admin open "local-firewall" "ipv6-broken")
    (open self-admin "local-firewall" "ipv4-broken")
    (router-no-route open "unreachable-by-router" "ipv6-broken")
    (open router-blackhole "ipv4-broken")
    (open router-loop "ipv4-broken" "routing-loop")
    (self-no-route open "no-ipv6-here")
    (open self-no-route "no-ipv4-here")
    (server-no-return open "ipv6-broken")
    (router-admin server-reset "filtered-by-router")
    (router-drop router-net "unreachable-by-router")
    (router-dead router-port "filtered-by-router" "unreachable-by-router")
    (self-no-route router-drop "no-ipv6-here" "silent-host" "silence-elsewhere")
    (server-admin self-drop "filtered-by-server")
    (nil open) (open nil)
    (nil router-admin "filtered-by-router") (server-drop nil "silent-host" "silence-elsewhere"))
  "Hosts whose families differ: (IPV6 IPV4 FINDING...).")

(defconst mew-submit-diagnose-table--ports
  '(("587-silent" ((587 . router-drop)) "silent-587-465-open" "silence-elsewhere")
    ("465-silent" ((465 . router-drop)) "silent-465" "silence-elsewhere")
    ("25-silent" ((25 . router-drop)) "silent-25" "silence-elsewhere")
    ("only-25" ((587 . server-drop) (465 . server-drop)) "silent-465" "silent-587" "silence-elsewhere")
    ("587-closed" ((587 . closed)))
    ("465-closed" ((465 . server-reset)))
    ("587-filtered" ((587 . router-admin)) "filtered-by-router")
    ("25-filtered" ((25 . router-admin)) "filtered-by-router")
    ("587-self" ((587 . self-admin)) "local-firewall")
    ("submission-closed" ((587 . closed) (465 . closed)) "refused")
    ("each-its-own" ((587 . router-net) (465 . server-admin) (25 . server-drop))
     "filtered-by-server" "unreachable-by-router" "silent-25" "silence-elsewhere")
    ("587-silent-465-closed" ((587 . router-drop) (465 . closed) (25 . closed))
     "silent-587" "silence-elsewhere"))
  "Hosts whose ports differ, in both families: (NAME STATES FINDING...).")

(defconst mew-submit-diagnose-table--servers
  '(("healthy" open)
    ("greeting-554" ((587 . "greeting=reply:554 5.3.2 No service")) "greeting-not-220")
    ("greeting-421" ((587 . "greeting=reply:421 4.3.2 Too busy")) "greeting-not-220")
    ("greeting-421-465" ((465 . "tls=plaintext:421 4.3.2 Too many connections")) "greeting-not-220")
    ("accept-close" ((587 . "accept-close")) "closed-after-accept")
    ("accept-reset" ((465 . "accept-reset")) "closed-after-accept")
    ("ssh-server" ((587 . "greeting=reply:SSH-2.0-OpenSSH_9.2")) "not-smtp")
    ("half-greeting" ((587 . "greeting=truncate:3")) "not-smtp")
    ("no-greeting" ((587 . "greeting=stall")) "no-greeting")
    ("greet-pause" ((25 . "slow-greeting:2500")) "greet-pause")
    ("plaintext-465" ((465 . (:plain))) "plaintext-on-tls-port")
    ("tls-587" ((587 . (:implicit))) "tls-on-starttls-port")
    ("stripped" ((587 . "cap-=STARTTLS")) "striptls")
    ("stripped-25" ((25 . "cap-=STARTTLS")) "striptls")
    ("demanded" ((587 . "plain\n  mail=reply:530 5.7.0 Must issue a STARTTLS command first")) "striptls")
    ("no-tls" ((587 . "plain")) "starttls-missing")
    ("no-tls-25" ((25 . "plain")))
    ("crossed-out" ((587 . "cap-=STARTTLS\n  cap+=XXXXXXXA")) "starttls-mangled")
    ("startxxx" ((587 . "cap-=STARTTLS\n  cap+=STARTXXX")) "starttls-mangled")
    ("tls-later" ((587 . "starttls=reply:454 4.7.0 TLS not available")) "starttls-refused")
    ("command-crossed-out" ((587 . "starttls=reply:500 5.5.1 Unknown command: XXXXXXXX")) "starttls-refused")
    ("tls-close" ((587 . "tls=close")) "tls-failed")
    ("tls-plaintext" ((587 . "tls=plaintext:500 What?")) "tls-failed")
    ("tls-certificate" ((587 . "require-client-cert")) "client-certificate")
    ("tls-certificate-465" ((465 . "require-client-cert")) "client-certificate")
    ("tls-certificate-12" ((587 . "require-client-cert\n  tls-versions=1.2")) "client-certificate")
    ("tls-old" ((587 . "tls-versions=1.0")) "tls-too-old")
    ("tls-old-465" ((465 . "tls-versions=1.1+1.0")) "tls-too-old")
    ("tls-dh1024" ((587 . "cert=rsa2048\n  dh=1024")) "tls-weak")
    ("names" ((25 . "host=proxy.example.net")) "name-differs")
    ("antivirus" ((587 . "greeting=reply:220 smtp.example.org ESMTP (avast! Mail Shield)")) "local-antivirus")
    ("antivirus-421" ((587 . "greeting=reply:421 Kaspersky Anti-Virus: cannot connect to the server"))
     "greeting-not-220" "local-antivirus")
    ("clear-auth" ((587 . "mechs-clear=PLAIN+LOGIN")) "auth-in-clear")
    ("lax" ((587 . "noauth")) "lax-587")
    ("lax-after-tls" ((587 . "noauth\n  require-tls")) "lax-587")
    ("lax-before-tls" ((587 . "mail#1=reply:250 2.1.0 Ok")) "lax-587")
    ("lax-465" ((465 . "noauth")) "lax-465")
    ("lax-without-tls" ((587 . "plain\n  noauth")) "lax-587" "starttls-missing")
    ("demanding-25" ((25 . "require-tls")) "tls-demanded-25")
    ("demanding-stripped-25" ((25 . "require-tls\n  cap-=STARTTLS")) "striptls")
    ("mixed-25" ((25 . "noauth\n  mechs=PLAIN+LOGIN")) "mixed-role-25")
    ("mixed-and-demanding-25" ((25 . "require-tls\n  mechs=PLAIN")) "mixed-role-25" "tls-demanded-25")
    ("late-refusal" ((587 . "noauth\n  require-tls\n  rcpt=reply:554 5.7.1 Log in first")))
    ("no-auth" ((587 . "cap2-=AUTH") (465 . "cap2-=AUTH")) "no-auth")
    ("no-keywords" ((587 . "ehlo2=reply:250 smtp.example.org")) "no-auth")
    ("auth-unspoken" ((587 . "mechs=CRAM-MD5")) "auth-unspoken")
    ("auth-tokens" ((587 . "mechs=XOAUTH2+OAUTHBEARER")) "auth-tokens-only")
    ("ehlo-refused" ((587 . "ehlo=reply:502 5.5.1 No\n  helo=reply:502 5.5.1 No")) "ehlo-refused")
    ("ehlo-refused-alone" ((587 . "ehlo=reply:502 5.5.1 No")) "ehlo-refused")
    ("ehlo-refused-in-tls" ((587 . "ehlo2=reply:421 4.7.0 Try again later, closing connection. (EHLO)\n  ehlo2=closeafter"))
     "ehlo-refused")
    ("ehlo-refused-untrusted" ((465 . "cert=unknown-ca\n  ehlo2=reply:550 5.7.1 No")) "ehlo-refused" "certificate-unknown-issuer")
    ("tls-breaks" ((587 . "ehlo2=inject:no TLS")) "conversation-broken")
    ("tls-breaks-465" ((465 . "greeting=inject:no TLS")) "conversation-broken")
    ;; Nothing but the look is cut off by that.
    ("mail-drops" ((587 . "mail=closeafter")))
    ("mail-garbled" ((587 . "mail#1=reply:Hm")))
    ("ehlo-close" ((587 . "ehlo=close")) "conversation-broken")
    ("hates-checks" ((587 . "mail#1=close")))
    ("clock" ((587 . "greeting=reply:220 smtp.example.org ESMTP Mon, 02 Nov 2020 10:00:00 +0000")) "clock-wrong")
    ("expired" ((587 . "cert=expired") (465 . "cert=expired")) "certificate-expired")
    ("expired-issuer" ((587 . "cert=expired-intermediate")) "certificate-expired")
    ("expired-25" ((25 . "cert=expired")) "certificate-expired")
    ("not-yet" ((587 . "cert=notyet")) "certificate-not-yet-valid")
    ("soon" ((587 . "cert=soon")) "certificate-expires-soon")
    ("other-name" ((587 . "cert=othername")) "certificate-name")
    ("unknown-issuer" ((465 . "cert=unknown-ca")) "certificate-unknown-issuer")
    ("no-intermediate" ((587 . "cert=no-intermediate")) "certificate-unknown-issuer")
    ("self-signed" ((587 . "cert=self-signed")) "certificate-self-signed")
    ("sha1" ((587 . "cert=sha1")) "certificate-weak")
    ("client-only" ((587 . "cert=clientauth-only")) "certificate-purpose")
    ("must-staple" ((587 . "cert=must-staple")) "certificate-must-staple")
    ("staple-good" ((587 . "cert=must-staple\n  staple=good")))
    ("staple-revoked" ((587 . "staple=revoked")) "certificate-revoked")
    ("staple-unknown" ((587 . "staple=unknown")) "certificate-staple"))
  "Hosts whose servers differ: (NAME STATES FINDING...).")

(defconst mew-submit-diagnose-table--groups
  '((relay ("relay" ((25 . "noauth")) "open-relay")
           ("relay-refused" ((25 . "noauth\n  rcpt=reply:554 5.7.1 Relay access denied"))))
    (memory ("remembered" ((587 . "plain")) "striptls")
            ("remembered-well" open))
    (crl ("on-the-list" ((587 . "cert=revoked")) "certificate-revoked")))
  "Hosts that are looked at with an option: (GROUP (NAME STATES FINDING...)...).")

(defconst mew-submit-diagnose-table--rationed
  '(router-no-route router-unreachable router-prohibit router-dead self-dead)
  "States whose errors take time, in a group of their own.
Linux rations those of routes in IPv4: five, then one a second for each client;
and whoever looks for a neighbour gives up after three seconds, and then begins anew.")

(defvar mew-submit-diagnose-table--number 0
  "The number of the host made last.")

(defun mew-submit-diagnose-table--host (name ipv6 ipv4 findings &optional group)
  "Return the host NAME with the states IPV6 and IPV4 that raises FINDINGS.
GROUP is the symbol of the run it is in."
  (mew-submit-diagnose-host--make
   :name (concat name ".example.org") :number (cl-incf mew-submit-diagnose-table--number)
   :ipv6 (mew-submit-diagnose-table--states ipv6)
   :ipv4 (mew-submit-diagnose-table--states ipv4)
   :findings (sort (copy-sequence findings) #'string<)
   :group (or group
              (if (seq-some (lambda (state)
                              (memq state mew-submit-diagnose-table--rationed))
                            (list ipv6 ipv4))
                  'errors
                'plain))))

(defun mew-submit-diagnose-table--possible (state family)
  "Return STATE, or nil where there is no such thing in FAMILY."
  (and state
       (or (not (mew-submit-diagnose-table--filter-p state))
           (memq (cdr (mew-submit-diagnose-table--split state)) '(reset drop))
           (mew-submit-diagnose-table--reject state family))
       state))

(defun mew-submit-diagnose-table--twins ()
  "Return hosts with two IPv4 addresses of which one fails."
  (let ((host (mew-submit-diagnose-table--host "twins" nil 'open '("address-broken"))))
    (setf (mew-submit-diagnose-host-twin host) (cl-incf mew-submit-diagnose-table--number))
    (list host)))

(defun mew-submit-diagnose-table-hosts ()
  "Return all hosts of the table."
  (let ((mew-submit-diagnose-table--number 0))
    (append
     (mapcar (pcase-lambda (`(,state . ,findings))
               (mew-submit-diagnose-table--host
                (format "all-%s" state)
                (mew-submit-diagnose-table--possible state 'ipv6)
                (mew-submit-diagnose-table--possible state 'ipv4) findings))
             mew-submit-diagnose-table--uniform)
     (mapcar (pcase-lambda (`(,ipv6 ,ipv4 . ,findings))
               (mew-submit-diagnose-table--host
                (format "v6-%s-v4-%s" (or ipv6 'none) (or ipv4 'none)) ipv6 ipv4 findings))
             mew-submit-diagnose-table--mixed)
     (mapcar (pcase-lambda (`(,name ,states . ,findings))
               (mew-submit-diagnose-table--host name states states findings))
             (append mew-submit-diagnose-table--ports mew-submit-diagnose-table--servers))
     (mew-submit-diagnose-table--twins)
     (mapcan (pcase-lambda (`(,group . ,hosts))
               (mapcar (pcase-lambda (`(,name ,states . ,findings))
                         (mew-submit-diagnose-table--host name states states findings group))
                       hosts))
             mew-submit-diagnose-table--groups))))

(defun mew-submit-diagnose-table--range (states)
  "Return the number of the range of addresses that STATES need, 0 for the server's."
  (let ((route (assq (cdar states) mew-submit-diagnose-table--routes)))
    (if route (nth 1 route) 0)))

(defun mew-submit-diagnose-table--address (range number family)
  "Return address NUMBER of RANGE in FAMILY."
  (pcase range
    (6 (format (if (eq family 'ipv4) "203.0.113.%d" "2001:db8:d::%x") number))
    (8 (format (if (eq family 'ipv4) "192.0.2.%d" "2001:db8:c::%x") number))
    (13 (format "64:ff9b::c612:%x" number))
    (_ (cond ((eq family 'ipv4) (format "198.18.%d.%d" range number))
             ((zerop range) (format "2001:db8:5::%x" number))
             (t (format "2001:db8:5:%x::%x" range number))))))

(defun mew-submit-diagnose-table-address (host family)
  "Return the address of HOST in FAMILY, or nil without one."
  (when-let* ((states (mew-submit-diagnose-table-states host family)))
    (mew-submit-diagnose-table--address
     (if (and (mew-submit-diagnose-host-nat64 host) (eq family 'ipv6)) 13
       (mew-submit-diagnose-table--range states))
     ;; The first addresses of the two networks in between are taken.
     (+ 20 (mew-submit-diagnose-host-number host)) family)))

(defun mew-submit-diagnose-table-states (host family)
  "Return the states of HOST's ports in FAMILY, an alist."
  (if (eq family 'ipv4) (mew-submit-diagnose-host-ipv4 host) (mew-submit-diagnose-host-ipv6 host)))

(defun mew-submit-diagnose-table--verdicts (host ports)
  "Return the verdicts of all attempts at HOST's PORTS."
  (mapcan (lambda (family)
            (let ((address (mew-submit-diagnose-table-address host family)))
              (mapcar (pcase-lambda (`(,_ . ,state))
                        (mew-submit-diagnose-table-verdict state family address))
                      (seq-filter (lambda (port) (memq (car port) ports))
                                  (mew-submit-diagnose-table-states host family)))))
          (list 'ipv6 'ipv4)))

(defun mew-submit-diagnose-table--candid (host)
  "Return the ids of the findings about HOST by a system that tells of errno alone.
Which ICMP error came, and from whom, are not known then: nobody is blamed, and a
server that says no by one is not known to be there."
  (let* ((all (mew-submit-diagnose-table--verdicts host mew-submit-diagnose-table-ports))
         (sent (seq-difference (mew-submit-diagnose-table--verdicts host '(465 587))
                               '(("local" "EHOSTUNREACH") ("local" "ENETUNREACH"))))
         (there (seq-some (lambda (verdict) (member (car verdict) '(nil 1 "2 or 3"))) all))
         (findings (seq-difference (mew-submit-diagnose-host-findings host)
                                   '("filtered-by-router" "filtered-by-server" "local-firewall" "neighbour-silent"
                                     "routing-loop" "unreachable-by-router"))))
    (cl-flet ((also (id wanted) (when wanted (cl-pushnew id findings :test #'equal))))
      (also "unreachable" (assoc "3 or 4" all))
      (also "refused" (and sent (seq-every-p (lambda (verdict) (equal (car verdict) "2 or 3")) sent)))
      (also "local-firewall" (seq-intersection all '(("local" "EACCES") ("local" "EINVAL")))))
    (sort (mapcar (lambda (id)
                    (if (and (not there) (string-match-p "\\`silent-[0-9]+\\'" id)) "silent-host" id))
                  findings)
          #'string<)))

(defun mew-submit-diagnose-table-findings (host)
  "Return the ids of the findings that HOST must raise, sorted."
  (if (mew-submit-portable-p)
      (mew-submit-diagnose-table--candid host)
    (mew-submit-diagnose-host-findings host)))

(defun mew-submit-diagnose-table-twin (host)
  "Return the second IPv4 address of HOST, where nobody listens, or nil."
  (when-let* ((number (mew-submit-diagnose-host-twin host)))
    (mew-submit-diagnose-table--address 0 (+ 20 number) 'ipv4)))

;;; Files

(defun mew-submit-diagnose-table--address-lines (host)
  "Return the commands of ip(8) that give the server HOST's addresses."
  (mapconcat (lambda (address)
               (if (not (string-match-p "\\`\\(198\\.18\\.[07]\\.\\|2001:db8:5:\\(:\\|7:\\)\\|64:ff9b:\\)"
                                        address))
                   ""
                 (if (string-search ":" address)
                     (format "address add %s/128 dev lo nodad\n" address)
                   (format "address add %s/32 dev lo\n" address))))
             (delq nil (list (mew-submit-diagnose-table-address host 'ipv6)
                             (mew-submit-diagnose-table-address host 'ipv4)
                             (mew-submit-diagnose-table-twin host)))
             ""))

(defun mew-submit-diagnose-table--each (hosts function)
  "Call FUNCTION with each of HOSTS, family, address, port and state.
Return its results that are not nil."
  (delq nil
        (mapcan (lambda (host)
                  (mapcan (lambda (family)
                            (let ((address (mew-submit-diagnose-table-address host family)))
                              (mapcar (pcase-lambda (`(,port . ,state))
                                        (funcall function host family address port state))
                                      (mew-submit-diagnose-table-states host family))))
                          (list 'ipv6 'ipv4)))
                hosts)))

(defun mew-submit-diagnose-table--rule (place family address port state)
  "Return the rule that PLACE's filter has for PORT of ADDRESS in STATE, or nil."
  (when (and (mew-submit-diagnose-table--filter-p state)
             (eq (car (mew-submit-diagnose-table--split state)) place))
    (format (if (eq state 'router-mtu) "    %s saddr %s tcp sport %d %s\n" "    %s daddr %s tcp dport %d %s\n")
            (if (eq family 'ipv4) "ip" "ip6") address port
            (pcase (cdr (mew-submit-diagnose-table--split state))
              ('mtu "meta length > 500 drop")
              ('drop "drop")
              ('reset "reject with tcp reset")
              (_ (format "reject with %s type %s" (if (eq family 'ipv4) "icmp" "icmpv6")
                         (car (mew-submit-diagnose-table--reject state family))))))))

(defun mew-submit-diagnose-table--rules (hosts place hook)
  "Return the nftables rules of HOSTS for PLACE, at HOOK."
  (concat "table inet diagnose {\n  chain c { type filter hook " hook
          " priority 0; policy accept;\n"
          (string-join (mew-submit-diagnose-table--each
                        hosts (lambda (_host family address port state)
                                (mew-submit-diagnose-table--rule place family address port
                                                                 state))))
          "  }\n}\n"))

(defun mew-submit-diagnose-table--listener (host family address port state)
  "Return the script of the test server for PORT of HOST in STATE, or nil.
FAMILY and ADDRESS are where it listens."
  (unless (and (symbolp state) (not (memq state '(open router-mtu))))
    (let* ((turned (car-safe state))
           (directives (cond ((stringp state) state)
                             ((consp state) (cdr state))
                             ;; One that fills packets.
                             ((eq state 'router-mtu) "cert=rsa2048"))))
      (concat (if (eq family 'ipv6) (format "[%s]" address) address)
              (format ":%d\n  name=%s/%d/%s\n" port (mew-submit-diagnose-host-name host) port family)
              (if (or (eq turned :implicit) (and (= port 465) (not (eq turned :plain))))
                  "  implicit\n" "")
              ;; Port 25 takes mail from everybody, and log-ins from nobody, where nothing else is said.
              (if (and (= port 25) (not (string-search "mechs" (or directives ""))))
                  "  noauth\n  cap2-=AUTH\n" "")
              (if directives (concat "  " directives "\n") "")))))

(defun mew-submit-diagnose-table--host-lines (host)
  "Return HOST's lines of /etc/hosts."
  (mapconcat (lambda (address) (format "%s %s\n" address (mew-submit-diagnose-host-name host)))
             (delq nil (list (mew-submit-diagnose-table-address host 'ipv6)
                             (mew-submit-diagnose-table-address host 'ipv4)
                             (mew-submit-diagnose-table-twin host)))
             ""))

(defun mew-submit-diagnose-table-write (directory &optional hosts names)
  "Write HOSTS, rules for all places and peer.script to DIRECTORY.
The default are those of the table.  NAMES are more lines of /etc/hosts."
  (let ((hosts (or hosts (mew-submit-diagnose-table-hosts))))
    (cl-flet ((write (file text)
                (write-region text nil (expand-file-name file directory) nil 'silent)))
      (write "hosts" (concat "127.0.0.1 localhost\n::1 localhost\n"
                             (mapconcat #'mew-submit-diagnose-table--host-lines hosts "")
                             names))
      (write "addresses" (mapconcat #'mew-submit-diagnose-table--address-lines hosts ""))
      (write "self.nft" (mew-submit-diagnose-table--rules hosts 'self "output"))
      (write "router.nft" (mew-submit-diagnose-table--rules hosts 'router "forward"))
      (write "server.nft" (mew-submit-diagnose-table--rules hosts 'server "input"))
      (write "peer.script" (string-join (mew-submit-diagnose-table--each
                                         hosts #'mew-submit-diagnose-table--listener)))
      (write "memory.eld" (prin1-to-string '((("remembered.example.org" . 587) :starttls t)
                                             (("remembered-well.example.org" . 587) :starttls t)))))))

(provide 'mew-submit-diagnose-table)
;;; table.el ends here
