;;; network.el --- The truth table of the verdict on the network -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; In the network of table.el.  A cell is a network as it looks to who is on it: servers in states of
;; that table, the same in IPv4, in IPv6 or in both; a web page (test/diagnose/page.py) and a name server
;; (test/domain/server.py), each honest or not.  All cells live side by side, each with servers of its own.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'mew-submit-diagnose-table "diagnose/table")

(defconst mew-submit-network-truth-table
  (let* ((filtered '((25 . router-admin)))
         (silent '((25 . router-drop)))
         (stranger "host=proxy.isp.net")
         (no-tls (concat "plain\n  " stranger))
         (web "greeting=reply:HTTP/1.1 400 Bad Request")
         (bad (concat "cert=othername\n  " stranger)))
    `(("open" "clear" (ipv4 ipv6 both) (open open))
      ("25-silent" "op25b" (ipv4 ipv6 both) (,silent ,silent))
      ("25-filtered" "op25b" (ipv4 ipv6) (,filtered ,filtered))
      ("25-self" "op25b" (ipv4 ipv6) (((25 . self-admin)) ((25 . self-admin))))
      ("25-mixed" "op25b" (both) (,silent ,filtered))
      ("25-one" "clear" (ipv4 ipv6) (,silent open))
      ("25-closed" "clear" (ipv4 ipv6) (((25 . closed)) ((25 . closed))))
      ("25-server" "clear" (ipv4 ipv6) (((25 . server-admin)) ((25 . server-admin)))
       ;; Where nobody tells that it is the servers themselves, several are the network.
       :portable "op25b")
      ("all-silent" "mail-ports-shut" (ipv4 ipv6 both) (router-drop router-drop) :page ok)
      ("all-filtered" "mail-ports-shut" (ipv4 ipv6 both) (router-admin router-admin) :page ok)
      ("587-silent" "mail-ports-shut" (ipv4 ipv6) (((587 . router-drop)) ((587 . router-drop))))
      ("only-25" "mail-ports-shut" (ipv4 ipv6)
       (((587 . router-drop) (465 . router-drop)) ((587 . router-admin) (465 . router-drop))))
      ("portal" "captive-portal" (ipv4 ipv6 both) (router-drop router-drop) :page portal)
      ("portal-page" "captive-portal" (ipv4 ipv6) (router-drop router-reset) :page other)
      ("portal-511" "captive-portal" (ipv4 ipv6) (router-admin router-admin) :page 511)
      ("portal-tls" "captive-portal" (ipv4 ipv6)
       ,(make-list 2 '((25 . router-drop) (587 . router-drop)
                       (465 . "cert=othername\n  greeting=stall"))))
      ("portal-web" "captive-portal" (ipv4 ipv6)
       ,(make-list 2 `((25 . ,web) (587 . ,web) (465 . router-drop))))
      ("mute" "mail-ports-shut" (ipv4 ipv6)
       ,(make-list 2 '((25 . "greeting=stall") (587 . "greeting=stall") (465 . (:plain . "greeting=stall"))))
       :page ok)
      ("closing" "mail-ports-shut" (ipv4 ipv6)
       ,(make-list 2 '((25 . router-drop) (587 . "accept-reset") (465 . "accept-reset"))) :page ok)
      ("mute-one" "clear" (ipv4 ipv6)
       (((25 . "greeting=stall") (587 . "greeting=stall") (465 . (:plain . "greeting=stall"))) open))
      ("lie" "dns-poisoned" (ipv4 ipv6) (router-drop closed) :page ok :dns lie)
      ("lie-of-little-use" "dns-poisoned" (ipv4 ipv6) (open open) :dns lie)
      ("one-address" "dns-poisoned" (ipv4 ipv6) (closed) :page ok :alias t)
      ("loopback" "dns-poisoned" (ipv4 ipv6) (open) :page ok :loopback t)
      ("mtu" "mtu" (ipv4 ipv6 both) (router-mtu router-mtu))
      ("mtu-one" "clear" (ipv4 ipv6) (router-mtu open))
      ("proxy-25" "smtp-proxy" (ipv4 ipv6 both) (((25 . ,no-tls)) ((25 . ,no-tls))))
      ("proxy-all" "smtp-proxy" (ipv4 ipv6)
       ,(make-list 2 `((25 . ,bad) (465 . ,bad) (587 . ,bad))))
      ("asterisks" "smtp-proxy" (ipv4 ipv6)
       ,(make-list 2 '((25 . "plain\n  greeting=reply:220 ****************"))))
      ("mangled" "smtp-proxy" (ipv4 ipv6)
       ,(make-list 2 '((25 . "cap-=STARTTLS\n  cap+=XXXXXXXA"))))
      ("own-name" "clear" (ipv4 ipv6) (((25 . "plain")) ((25 . "plain"))))
      ("translated" "nat64" (ipv6 both) (open open) :nat64 t)
      ("told-translated" "nat64" (ipv6) (open open) :dns nat64)
      ("no-route" "offline" (ipv4 ipv6 both) (self-no-route self-no-route) :page silent :dns silent)
      ("no-neighbour" "offline" (ipv4 ipv6) (self-dead self-dead) :page silent :dns silent)
      ("nothing" "offline" (ipv4 ipv6 both) (router-drop router-drop) :page silent)
      ("nothing-unasked" "offline" (ipv4 ipv6) (router-drop router-drop) :page silent :dns silent)
      ("no-upstream" "offline" (ipv4 ipv6) (router-no-route router-unreachable) :page silent)
      ("server-down" "unclear" (ipv4 ipv6) (router-drop) :page ok)
      ("page-down" "unclear" (ipv4 ipv6) (closed closed) :page 503)))
  "The cells: (NAME VERDICT FAMILIES SERVERS . KEYS).
Each of FAMILIES makes one.  SERVERS are states; KEYS: :page, :dns (honest by default), :alias
for a second name in another domain at the first server's address, :loopback for a name at the
loopback address, :nat64 for addresses that the network has made of those of IPv4, :portable
for the verdict with a portable module, where it is another one.")

(cl-defstruct (mew-submit-diagnose-cell (:constructor mew-submit-diagnose-cell--make) (:copier nil))
  "A cell: NAME, the VERDICT it must have, FAMILY, HOSTS of table.el, KEYS."
  name verdict family hosts keys)

(defun mew-submit-network-truth--host (cell family states number keys)
  "Return host NUMBER of CELL, its name, in STATES in FAMILY, as KEYS say."
  (let ((nat64 (plist-get keys :nat64)))
    (mew-submit-diagnose-host--make
     :name (format "s%d-%s.example.%s" number cell (if (= number 1) "org" "net")) :number (cl-incf mew-submit-diagnose-table--number)
     :ipv6 (and (not (eq family 'ipv4)) (mew-submit-diagnose-table--states states))
     :ipv4 (and (not (eq family 'ipv6))
                (mew-submit-diagnose-table--states (if nat64 'self-no-route states)))
     :nat64 nat64)))

(defun mew-submit-network-truth-cells ()
  "Return the cells of the table."
  (let ((mew-submit-diagnose-table--number 0))
    (mapcan
     (pcase-lambda (`(,name ,verdict ,families ,servers . ,keys))
       (mapcar (lambda (family)
                 (let ((full (format "%s-%s" name family)))
                   (mew-submit-diagnose-cell--make
                    :name full :family family :keys keys
                    :verdict (or (and (mew-submit-portable-p) (plist-get keys :portable)) verdict)
                    :hosts (seq-map-indexed
                            (lambda (states index)
                              (mew-submit-network-truth--host full family states (1+ index) keys))
                            servers))))
               families))
     mew-submit-network-truth-table)))

;;; Names

(defun mew-submit-network-truth--main (family)
  "Return the family in which a cell of FAMILY has its page and its second name."
  (if (eq family 'ipv6) 'ipv6 'ipv4))

(defun mew-submit-network-truth-more (cell)
  "Return the names of CELL besides those of its hosts: (NAME . ADDRESS), a list."
  (let* ((keys (mew-submit-diagnose-cell-keys cell))
         (name (mew-submit-diagnose-cell-name cell))
         (family (mew-submit-network-truth--main (mew-submit-diagnose-cell-family cell))))
    (cond ((plist-get keys :alias)
           (list (cons (format "%s.example.net" name)
                       (mew-submit-diagnose-table-address
                        (car (mew-submit-diagnose-cell-hosts cell)) family))))
          ((plist-get keys :loopback)
           (list (cons (format "%s.example.net" name) (if (eq family 'ipv6) "::1" "127.0.0.1")))))))

(defun mew-submit-network-truth-names (cell)
  "Return the names of all servers of CELL."
  (append (unless (plist-get (mew-submit-diagnose-cell-keys cell) :loopback)
            (mapcar #'mew-submit-diagnose-host-name (mew-submit-diagnose-cell-hosts cell)))
          (mapcar #'car (mew-submit-network-truth-more cell))))

;;; Pages and name servers

(defconst mew-submit-network-truth--pages '(ok other portal 511 503 silent)
  "What web pages there are; each has an address in each family.")

(defun mew-submit-network-truth-page (what family)
  "Return the address of the page WHAT in FAMILY.  Nobody is behind `silent'."
  (let ((number (+ 240 (seq-position mew-submit-network-truth--pages what))))
    (cond ((eq what 'silent) (if (eq family 'ipv6) "2001:db8:5:4::f0" "198.18.4.240"))
          ((eq family 'ipv6) (format "2001:db8:5::%x" number))
          (t (format "198.18.0.%d" number)))))

(defconst mew-submit-network-truth-name-servers
  '((nil . "127.0.0.1") (lie . "127.0.0.2") (nat64 . "127.0.0.3") (silent . "127.0.0.4"))
  "The address of each name server; nobody is behind `silent'.")

(defun mew-submit-network-truth-write (directory)
  "Write all files that the network is made of to DIRECTORY."
  (let ((cells (mew-submit-network-truth-cells)))
    (mew-submit-diagnose-table-write
     directory (mapcan (lambda (cell) (copy-sequence (mew-submit-diagnose-cell-hosts cell))) cells)
     (mapconcat (pcase-lambda (`(,name . ,address)) (format "%s %s\n" address name))
                (mapcan #'mew-submit-network-truth-more cells) ""))
    (dolist (what (remq 'silent mew-submit-network-truth--pages))
      (dolist (family '(ipv4 ipv6))
        (let ((address (mew-submit-network-truth-page what family)))
          (write-region (format "%s %s\n" address what) nil (expand-file-name "pages" directory) t 'silent)
          (write-region (format "address add %s dev lo%s\n" address
                                (if (eq family 'ipv6) " nodad" ""))
                        nil (expand-file-name "addresses" directory) t 'silent))))
    (pcase-dolist (`(,what . ,zone) '((honest . "any.example A 192.0.2.77\n")
                                      (lie . "* A 203.0.113.99\n* AAAA 2001:db8::99\n")
                                      (nat64 . "ipv4only.arpa AAAA 64:ff9b::c000:aa\n")))
      (write-region zone nil (expand-file-name (format "zone-%s" what) directory) nil 'silent))))

(provide 'mew-submit-network-truth)
;;; network.el ends here
