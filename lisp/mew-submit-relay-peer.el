;;; mew-submit-relay-peer.el --- Who has connected to the relay -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what the system knows of the other end of a connection: on
;; Linux whose process it is, from the kernel (sock_diag), and how much of what was
;; sent there has not been taken.  Elsewhere it says that it does not know.
;;
;; It counts only while a process has that socket: of one that was closed the kernel
;; says that it is root's.

;;; Code:

(require 'mew-submit-error)
(require 'seq)

(declare-function mew-submit--mod-owner "ext:mew-submit-native" (from to))

;;; Addresses

(defun mew-submit-relay-peer--address (contact)
  "Return the address of CONTACT, a vector, without its port."
  (substring contact 0 (1- (length contact))))

(defun mew-submit-relay-peer--mapped (contact)
  "Return CONTACT with an IPv4-mapped IPv6 address as an IPv4 one."
  (if (and (= (length contact) 9)
           (equal (append (substring contact 0 6) nil) '(0 0 0 0 0 65535)))
      (vector (ash (aref contact 6) -8) (logand (aref contact 6) 255)
              (ash (aref contact 7) -8) (logand (aref contact 7) 255)
              (aref contact 8))
    contact))

(defun mew-submit-relay-peer--loopback-p (contact)
  "Is CONTACT, a vector as `process-contact' has it, a loopback address?"
  (let ((contact (mew-submit-relay-peer--mapped contact)))
    (if (= (length contact) 5)
        (= (aref contact 0) 127)
      (equal (append (mew-submit-relay-peer--address contact) nil)
             '(0 0 0 0 0 0 0 1)))))

(defun mew-submit-relay-peer--bits (address)
  "Return the octets of ADDRESS, a vector without port, as a list of bits."
  (let ((width (if (= (length address) 4) 8 16)))
    (seq-mapcat (lambda (part)
                  (mapcar (lambda (bit) (logand 1 (ash part (- bit))))
                          (number-sequence (1- width) 0 -1)))
                address)))

(defun mew-submit-relay-peer--parse (network)
  "Return NETWORK, \"ADDRESS\" or \"ADDRESS/BITS\", as a list of bits.
Signal `mew-submit-config' when it is none.  No name is looked up."
  (let* ((parts (split-string network "/"))
         (address (car parts))
         (numeric (string-match-p
                   "\\`\\(?:[0-9]+\\(?:\\.[0-9]+\\)\\{3\\}\\|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\\)\\'"
                   address))
         (found (and numeric
                     (car (network-lookup-address-info
                           address (if (string-search ":" address)
                                       'ipv6 'ipv4)))))
         (bits (and found (mew-submit-relay-peer--bits
                           (mew-submit-relay-peer--address found))))
         (count (cond ((null (cdr parts)) (length bits))
                      ((string-match-p "\\`[0-9]\\{1,3\\}\\'" (cadr parts))
                       (string-to-number (cadr parts)))
                      (t 1000))))
    (if (and bits (<= count (length bits)) (null (cddr parts)))
        (cons (length bits) (seq-take bits count))
      (mew-submit-error--throw 'config nil "Not a network: %s" network))))

(defun mew-submit-relay-peer--in-p (contact networks)
  "Is the address of CONTACT in one of NETWORKS, strings?"
  (let ((bits (mew-submit-relay-peer--bits
               (mew-submit-relay-peer--address
                (mew-submit-relay-peer--mapped contact)))))
    (seq-some (lambda (network)
                (let ((parsed (mew-submit-relay-peer--parse network)))
                  (and (= (car parsed) (length bits))
                       (equal (cdr parsed)
                              (seq-take bits (length (cdr parsed)))))))
              networks)))

(defun mew-submit-relay-peer--network (contact)
  "Return the part of the address of CONTACT by which machines are counted.
Of an IPv6 address it is the network, since a machine takes as many as it likes."
  (let ((contact (mew-submit-relay-peer--mapped contact)))
    (substring contact 0 4)))

;;; Questions

(defun mew-submit-relay-peer--number (file)
  "Return the first number in FILE, or nil."
  (ignore-errors
    (with-temp-buffer
      (insert-file-contents file)
      (read (current-buffer)))))

(defun mew-submit-relay-peer--ambiguous-p ()
  "Is this user's number the one of all whom a namespace does not know?"
  (and (eql (user-uid)
            (mew-submit-relay-peer--number "/proc/sys/kernel/overflowuid"))
       (not (ignore-errors
              (with-temp-buffer
                (insert-file-contents "/proc/self/uid_map")
                (equal (split-string (buffer-string))
                       '("0" "0" "4294967295")))))))

(defun mew-submit-relay-peer--octets (contact)
  "Return CONTACT as the module takes it, a vector of octets and a port."
  (let ((contact (mew-submit-relay-peer--mapped contact)))
    (vconcat (if (= (length contact) 5)
                 (mew-submit-relay-peer--address contact)
               (seq-mapcat (lambda (part)
                             (list (ash part -8) (logand part 255)))
                           (mew-submit-relay-peer--address contact)))
             (vector (aref contact (1- (length contact)))))))

(defun mew-submit-relay-peer--look (from to)
  "Return what the system knows of the socket at FROM that is connected to TO.
Both are contacts.  Return nil when it does not tell."
  (let ((owner (mew-submit--mod-owner (mew-submit-relay-peer--octets from)
                                      (mew-submit-relay-peer--octets to))))
    (and (listp owner) owner)))

(defun mew-submit-relay-peer--user (remote local)
  "Return the number of the user whose process has connected from REMOTE to LOCAL.
Both are vectors as `process-contact' has them.  Return nil where the system
does not tell, or the connection is closed already."
  (pcase (and (not (mew-submit-relay-peer--ambiguous-p))
              (mew-submit-relay-peer--look remote local))
    (`(,user t ,_) user)))

(defun mew-submit-relay-peer--held-p (remote local)
  "Does a process of this machine still have the socket at REMOTE to LOCAL?
A client that has said all it has to say may have closed that half, and listens."
  (nth 1 (mew-submit-relay-peer--look remote local)))

(defun mew-submit-relay-peer--unread (remote local)
  "Return how many octets sent from LOCAL to REMOTE have not been taken there.
Return nil where the system does not tell."
  (nth 2 (mew-submit-relay-peer--look local remote)))

(provide 'mew-submit-relay-peer)
;;; mew-submit-relay-peer.el ends here
