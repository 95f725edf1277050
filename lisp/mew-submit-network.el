;;; mew-submit-network.el --- Which network this machine is on -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A network is known by its default gateway and that one's link-layer
;; address, so that what was met in a café does not follow the user home, where the
;; gateway may well have the same address.  Where there is no gateway, or
;; nobody knows its link-layer address, the prefix of the interface has to do.  A
;; VPN that is up makes it another network.
;;
;; Nothing here waits: files in /proc/net and calls to the kernel, no subprocess.
;; Elsewhere than on Linux only the interfaces are known.

;;; Code:

(require 'mew-submit-caseless)
(require 'seq)
(require 'subr-x)

(declare-function mew-submit--mod-neighbour "ext:mew-submit-native"
                  (interface address))

(defvar mew-submit-network--directory "/proc/net/"
  "Where Linux tells of its network.")

(defun mew-submit-network--table (file)
  "Return the lines of FILE in /proc/net, each a list of words.
Return nil where there is no such file."
  (let ((name (expand-file-name file mew-submit-network--directory)))
    (when (file-readable-p name)
      (with-temp-buffer
        (insert-file-contents-literally name)
        (mapcar #'split-string (split-string (buffer-string) "\n" t))))))

;;; Addresses

(defun mew-submit-network--text (address)
  "Return the vector ADDRESS, which may end in a port, as text."
  (replace-regexp-in-string
   "\\`\\(.*?\\)\\(?:\\(?:\\`\\|:\\)0\\)\\{2,\\}\\(?::\\|\\'\\)" "\\1::"
   (format-network-address (if (memq (length address) '(5 9))
                               (substring address 0 -1)
                             address)
                           t)))

(defun mew-submit-network--prefix (address mask)
  "Return the prefix that ADDRESS has by its netmask MASK, as text."
  (let ((bits (apply #'+ (mapcar #'logcount (substring mask 0 -1)))))
    (format "%s/%d"
            (mew-submit-network--text
             (vconcat (seq-mapn #'logand address mask)))
            bits)))

(defun mew-submit-network--ipv4 (hex)
  "Return the address that HEX spells in a table of IPv4, as text."
  (let ((octets (mapcar (lambda (at)
                          (string-to-number (substring hex at (+ at 2)) 16))
                        '(0 2 4 6))))
    (mapconcat #'number-to-string
               (if (eq (byteorder) ?l) (nreverse octets) octets)
               ".")))

(defun mew-submit-network--ipv6 (hex)
  "Return the address that HEX spells in a table of IPv6, as text."
  (mew-submit-network--text
   (vconcat (mapcar (lambda (at)
                      (string-to-number (substring hex at (+ at 4)) 16))
                    '(0 4 8 12 16 20 24 28)))))

;;; Routes

(defconst mew-submit-network--up #x1 "The flag RTF_UP of a route.")
(defconst mew-submit-network--reject #x200 "The flag RTF_REJECT of a route.")

(defun mew-submit-network--usable-p (flags)
  "Do the FLAGS of a route, in hexadecimal, let packets through?"
  (= (logand (string-to-number flags 16)
             (logior mew-submit-network--up mew-submit-network--reject))
     mew-submit-network--up))

(defun mew-submit-network--route-ipv4 (words)
  "Return the route in WORDS, a line of the file route, if it is a default one.
It is a plist.  VPNs use two halves of all there is in place of one default."
  (pcase words
    (`(,interface ,destination ,gateway ,flags ,_ ,_ ,metric ,mask . ,_)
     (when (and (equal destination "00000000")
                (member mask '("00000000" "00000080" "80000000"))
                (mew-submit-network--usable-p flags))
       (list :interface interface
             :gateway (unless (equal gateway "00000000")
                        (mew-submit-network--ipv4 gateway))
             :metric (string-to-number metric)
             :length (logcount (string-to-number mask 16)))))))

(defun mew-submit-network--wide-p (destination length)
  "Is DESTINATION, with LENGTH bits, as good as a default route of IPv6?
VPNs use parts that together are all there is: the one that covers 2000::/4, or
more, counts."
  (and (<= length 4)
       (let ((mask (logand #xf (ash #xf (- 4 length)))))
         (= (string-to-number (substring destination 0 1) 16)
            (logand 2 mask)))
       (string-match-p "\\`.0*\\'" destination)))

(defun mew-submit-network--route-ipv6 (words)
  "Return the route in WORDS, a line of the file ipv6_route, if a default one.
It is a plist."
  (pcase words
    (`(,destination ,length ,_ ,_ ,next ,metric ,_ ,_ ,flags ,interface)
     (unless (equal interface "lo")
       (let ((bits (string-to-number length 16)))
         (when (and (mew-submit-network--wide-p destination bits)
                    (mew-submit-network--usable-p flags))
           (list :interface interface
                 :gateway (unless (string-match-p "\\`0*\\'" next)
                            (mew-submit-network--ipv6 next))
                 :metric (string-to-number metric 16)
                 :length bits)))))))

(defun mew-submit-network--before-p (route other)
  "Is ROUTE used rather than OTHER?"
  (let ((length (plist-get route :length))
        (other-length (plist-get other :length)))
    (or (> length other-length)
        (and (= length other-length)
             (< (plist-get route :metric) (plist-get other :metric))))))

(defun mew-submit-network--default (family)
  "Return the default route of FAMILY that is used, or nil."
  (car (sort (delq nil
                   (if (eq family 'ipv6)
                       (mapcar #'mew-submit-network--route-ipv6
                               (mew-submit-network--table "ipv6_route"))
                     (mapcar #'mew-submit-network--route-ipv4
                             (mew-submit-network--table "route"))))
             #'mew-submit-network--before-p)))

;;; Interfaces

(defun mew-submit-network--interfaces (family)
  "Return the interfaces that have an address in FAMILY beyond this machine.
It is a list of (NAME ADDRESS BROADCAST MASK)."
  (seq-remove (lambda (interface)
                (pcase (nth 1 interface)
                  (`[127 ,_ ,_ ,_ ,_] t)
                  (`[169 254 ,_ ,_ ,_] t)
                  ('[0 0 0 0 0 0 0 1 0] t)
                  (`[,first ,_ ,_ ,_ ,_ ,_ ,_ ,_ ,_]
                   (= (logand first #xffc0) #xfe80))))
              (ignore-errors (network-interface-list t family))))

(defun mew-submit-network--flags (interface)
  "Return the flags of INTERFACE, a list of symbols."
  (nth 4 (ignore-errors (network-interface-info interface))))

(defun mew-submit-network--prefixes (interface interfaces)
  "Return the prefixes that INTERFACE has in INTERFACES, sorted."
  (sort (delq nil (mapcar (lambda (entry)
                            (and (equal (car entry) interface)
                                 (mew-submit-network--prefix (nth 1 entry)
                                                             (nth 3 entry))))
                          interfaces))
        #'string<))

(defun mew-submit-network--main (interfaces)
  "Return the name of the one of INTERFACES that matters without a route.
The loopback interface does only where there is no other."
  (let ((names (sort (mapcar #'car interfaces) #'string<)))
    (or (seq-find (lambda (name)
                    (not (memq 'loopback (mew-submit-network--flags name))))
                  names)
        (car names))))

(defun mew-submit-network--tunnels (interface interfaces)
  "Return the names of those of INTERFACES that lead into a VPN, as it seems.
INTERFACE, which has the default route, is not among them."
  (sort (seq-filter (lambda (name)
                      (memq 'pointopoint (mew-submit-network--flags name)))
                    (delete interface (delete-dups (mapcar #'car interfaces))))
        #'string<))

;;; Neighbours

(defun mew-submit-network--arp (interface address)
  "Return the link-layer address of ADDRESS on INTERFACE from the file arp."
  (seq-some (pcase-lambda (`(,ip ,_ ,flags ,link ,_ ,device))
              (and (equal ip address)
                   (equal device interface)
                   (/= 0 (logand (string-to-number (string-remove-prefix "0x" flags) 16)
                                  6))
                   (not (string-match-p "\\`[0:]*\\'" link))
                   (mew-submit-caseless--down link)))
            (cdr (mew-submit-network--table "arp"))))

(defun mew-submit-network--link (family interface address)
  "Return the link-layer address of ADDRESS on INTERFACE, or nil.
FAMILY is the address's."
  (if (eq family 'ipv4)
      (mew-submit-network--arp interface address)
    (and (fboundp 'mew-submit--mod-neighbour)
         (mew-submit--mod-neighbour interface address))))

;;; Networks

(defun mew-submit-network--named (label)
  "Return a network that is known by its LABEL alone."
  (list :id (substring (secure-hash 'sha256 label) 0 16) :label label :up t))

(defun mew-submit-network--words (interface gateway mark tunnels)
  "Return what a network with GATEWAY, or INTERFACE without one, is called.
MARK tells it from another one with the same gateway; TUNNELS are its VPNs."
  (concat (or gateway interface)
          (and mark (format " (%s)" mark))
          (and tunnels (format " with %s" (string-join tunnels ", ")))))

(defun mew-submit-network--here (family)
  "Return the network that this machine is on, by FAMILY, `ipv4' or `ipv6'.
It is a plist: :id is a short string that no other network has, :label names it
for people, :up says whether there is any network at all; :gateway, :link and
:prefix are what it is known by."
  (let* ((interfaces (mew-submit-network--interfaces family))
         ;; Mail is not to wait for whoever has written these files to make sense.
         (route (ignore-errors (mew-submit-network--default family)))
         (interface (if route
                        (plist-get route :interface)
                      (mew-submit-network--main interfaces)))
         (gateway (plist-get route :gateway))
         (link (and gateway
                    (ignore-errors
                      (mew-submit-network--link family interface gateway))))
         (prefix (car (mew-submit-network--prefixes interface interfaces)))
         (tunnels (mew-submit-network--tunnels interface interfaces)))
    (append
     (if (or gateway prefix)
         (mew-submit-network--named
          (mew-submit-network--words interface gateway (or link prefix) tunnels))
       (plist-put (mew-submit-network--named
                   (if interface (format "%s (no address)" interface)
                     "this machine alone"))
                  :up (and route t)))
     (list :family family :gateway gateway :link link :prefix prefix
           :tunnels tunnels))))

(defun mew-submit-network--same-p (network other)
  "Are NETWORK and OTHER, of one family, the same as far as is known?
The link-layer address of a gateway is unknown until it is needed."
  (or (equal (plist-get network :id) (plist-get other :id))
      (and (plist-get network :gateway)
           (or (null (plist-get network :link)) (null (plist-get other :link)))
           (seq-every-p (lambda (key)
                          (equal (plist-get network key) (plist-get other key)))
                        '(:gateway :prefix :tunnels)))))

(defun mew-submit-network--list ()
  "Return the networks that this machine is on: that of IPv4, that of IPv6."
  (mapcar #'mew-submit-network--here '(ipv4 ipv6)))

(defun mew-submit-network--none-p ()
  "Is this machine on no network?"
  (not (seq-some (lambda (network) (plist-get network :up)) (mew-submit-network--list))))

(defun mew-submit-network--primary ()
  "Return the network that this machine is on, of IPv4 where there is one."
  (let ((networks (mew-submit-network--list)))
    (or (seq-find (lambda (network) (plist-get network :up)) networks)
        (car networks))))

;;; Watching

(defvar mew-submit-network--interval 5
  "Seconds between two looks at the network, while somebody wants to know.")

(defvar mew-submit-network--watches nil
  "Who wants to know of another network: a list of (FUNCTION . WAITING-P).")

(defvar mew-submit-network--timer nil
  "The timer that looks at the network, or nil.")

(defvar mew-submit-network--seen nil
  "The networks that were there at the last look.")

(defun mew-submit-network--stop ()
  "Look at the network no more."
  (when mew-submit-network--timer
    (cancel-timer mew-submit-network--timer))
  (setq mew-submit-network--timer nil
        mew-submit-network--seen nil))

(defun mew-submit-network--call (function)
  "Call FUNCTION and return its value; show its errors as a warning."
  (condition-case err
      (funcall function)
    (error (display-warning 'mew-submit (error-message-string err) :error)
           nil)))

(defun mew-submit-network--still-waiting ()
  "Return those of the watches that still want to know."
  (setq mew-submit-network--watches
        (seq-filter (lambda (watch)
                      (or (null (cdr watch))
                          (mew-submit-network--call (cdr watch))))
                    mew-submit-network--watches)))

(defun mew-submit-network--merge (seen now)
  "Return the networks NOW, with what SEEN knew better of the same ones."
  (seq-mapn (lambda (old new)
              (if (and (mew-submit-network--same-p old new)
                       (plist-get old :link))
                  old
                new))
            seen now))

(defun mew-submit-network--look ()
  "Tell the watches when this machine is on another network than before."
  (if (null (mew-submit-network--still-waiting))
      (mew-submit-network--stop)
    (let* ((now (mew-submit-network--list))
           (seen (or mew-submit-network--seen now))
           (changed (not (seq-every-p #'identity
                                      (seq-mapn #'mew-submit-network--same-p
                                                seen now)))))
      (setq mew-submit-network--seen (mew-submit-network--merge seen now))
      (when (and changed
                 (seq-some (lambda (network) (plist-get network :up)) now))
        (dolist (watch (copy-sequence mew-submit-network--watches))
          (mew-submit-network--call (car watch)))))))

(defun mew-submit-network--watch (function &optional waiting-p)
  "Call FUNCTION, without arguments, when this machine is on another network.
That is looked at now and then, for as long as the function WAITING-P returns
non-nil; without one until `mew-submit-network--unwatch' is called.  FUNCTION is
called from a timer.  It is not called when a network is gone, but when there
is one again."
  (setf (alist-get function mew-submit-network--watches nil nil #'equal)
        waiting-p)
  (unless mew-submit-network--timer
    (setq mew-submit-network--seen (mew-submit-network--list)
          mew-submit-network--timer
          (run-at-time mew-submit-network--interval mew-submit-network--interval
                       #'mew-submit-network--look))))

(defun mew-submit-network--unwatch (function)
  "Have FUNCTION called no more when the network is another one."
  (setf (alist-get function mew-submit-network--watches nil t #'equal) nil)
  (unless mew-submit-network--watches
    (mew-submit-network--stop)))

(provide 'mew-submit-network)
;;; mew-submit-network.el ends here
