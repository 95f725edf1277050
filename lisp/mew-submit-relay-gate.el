;;; mew-submit-relay-gate.el --- Clients that come by the module: TLS, redirected ones -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the relay's side of the module's gates (gate.c).  Emacs can be no TLS server,
;; and does not ask a socket where its client wanted to go; so the module listens then,
;; and connects to a Unix socket of this Emacs for each client.  The first line of such a
;; connection is a ticket, by which the module tells who the client is.
;;
;; It owns the certificate, too: one that is missing is made, once.

;;; Code:

(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-module)
(require 'seq)

(declare-function mew-submit--mod-gate-open "ext:mew-submit-native"
                  (host port path most msecs certificate key implicit servers))
(declare-function mew-submit--mod-gate-close "ext:mew-submit-native" (handle))
(declare-function mew-submit--mod-gate-guest "ext:mew-submit-native" (ticket))
(declare-function mew-submit--mod-gate-secure "ext:mew-submit-native"
                  (ticket taken said))
(declare-function mew-submit--mod-certificate "ext:mew-submit-native" (file name))

(defconst mew-submit-relay-gate--ticket-octets 33
  "How many octets a ticket has, its newline counted.")

(defconst mew-submit-relay-gate--patience 10
  "Seconds after which a connection without a ticket is closed.")

;;; The certificate

(defun mew-submit-relay-gate--check-key (file)
  "Signal `mew-submit-config' when everybody can read FILE, which has a key."
  (let ((modes (file-modes file)))
    (when (and modes (/= 0 (logand modes #o004)))
      (mew-submit-error--throw
       'config nil "Everybody can read the key in %s: take that right away \
(chmod o-r), and think of another key" file))))

(defun mew-submit-relay-gate--certify (certificate key)
  "Have CERTIFICATE and KEY, files, or nil for none; KEY may be in CERTIFICATE.
Make CERTIFICATE, and return non-nil, when there is none and no KEY."
  (cond
   ((null certificate) nil)
   ((seq-find #'file-directory-p (delq nil (list certificate key)))
    (mew-submit-error--throw
     'config nil "The certificate, and its key, are files, not directories: name those in %s"
     (seq-find #'file-directory-p (delq nil (list certificate key)))))
   ((file-exists-p certificate)
    (mew-submit-relay-gate--check-key (or key certificate))
    nil)
   (key
    (mew-submit-error--throw
     'config nil "There is no certificate %s for the key %s" certificate key))
   (t
    (with-file-modes #o700
      (make-directory (file-name-directory certificate) t))
    (mew-submit--mod-certificate (mew-submit-module--octets-name certificate)
                                 (system-name)))))

;;; Gates

(defun mew-submit-relay-gate--socket ()
  "Return the name of a Unix socket in a new directory of this user's alone."
  (let ((temporary-file-directory (or (getenv "XDG_RUNTIME_DIR")
                                      temporary-file-directory)))
    (expand-file-name "relay" (make-temp-file "mew-submit-" t))))

(defun mew-submit-relay-gate--open
    (server address port implicit servers most seconds certificate key)
  "Have the module listen on PORT of ADDRESS for SERVER, a process.
There are MOST clients at a time; with CERTIFICATE and KEY they can have TLS,
with SECONDS for the handshake, and with IMPLICIT they have to, from the first
octet on.  SERVERS are names that redirected clients may have called.  Return
SERVER."
  (pcase-let ((`(,handle ,port ,fingerprint)
               (mew-submit--mod-gate-open
                address port (process-contact server :service) most
                (round (* 1000 seconds))
                (and certificate (mew-submit-module--octets-name certificate))
                (and key (mew-submit-module--octets-name key)) implicit
                (and servers (mapconcat (lambda (name) (concat name "\n"))
                                        servers "")))))
    (process-put server 'mew-submit-relay-gate
                 (list :handle handle :address address :port port
                       :implicit implicit
                       :fingerprint (and certificate fingerprint)))
    server))

(defun mew-submit-relay-gate--get (server key)
  "Return what KEY is of the gate before SERVER, or nil where there is none."
  (plist-get (process-get server 'mew-submit-relay-gate) key))

(defun mew-submit-relay-gate--close (server)
  "Close the gate before SERVER, which is deleted, with its socket."
  (when-let* ((handle (mew-submit-relay-gate--get server :handle)))
    (mew-submit--mod-gate-close handle))
  (let ((file (process-contact server :service)))
    (delete-process server)
    (ignore-errors (delete-file file))
    (ignore-errors (delete-directory (file-name-directory file)))))

;;; Guests

(defun mew-submit-relay-gate--admit (process octets function)
  "Take OCTETS of PROCESS, which begin with a ticket, and call FUNCTION then.
Its arguments are PROCESS and the octets behind the ticket."
  (let* ((octets (concat (process-get process 'mew-submit-relay-ticket) octets))
         (size mew-submit-relay-gate--ticket-octets)
         (ticket (and (>= (length octets) size) (substring octets 0 (1- size))))
         (guest (and ticket
                     (string-match-p "\\`[0-9a-f]+\n" octets)
                     (mew-submit--mod-gate-guest ticket))))
    (process-put process 'mew-submit-relay-ticket octets)
    (cond
     (guest
      (cancel-timer (process-get process 'mew-submit-relay-patience))
      (process-put process 'mew-submit-relay-ticket nil)
      (pcase-let ((`(,remote ,local ,original ,loop ,called) guest))
        (process-put process 'mew-submit-relay-guest
                     (list :ticket ticket :remote remote :local local
                           :original original :called (or original local)
                           :loop loop :server called)))
      (funcall function process (substring octets size)))
     (ticket (delete-process process)))))

(defun mew-submit-relay-gate--await (process function)
  "Have FUNCTION called as soon as the module has told who PROCESS is.
A connection that is not the module's is closed."
  (process-put process 'mew-submit-relay-patience
               (run-at-time mew-submit-relay-gate--patience nil
                            #'mew-submit-background--call #'delete-process process))
  (set-process-filter process
                      (lambda (process octets)
                        (mew-submit-relay-gate--admit process octets function))))

(defun mew-submit-relay-gate--guest (process key)
  "Return what KEY is of the guest at PROCESS, or nil where it is none."
  (plist-get (process-get process 'mew-submit-relay-guest) key))

(defun mew-submit-relay-gate--secure (process taken said)
  "Have TLS with the guest at PROCESS when it has been sent SAID octets.
TAKEN is how many it has sent.  Return nil when there are more, or it has gone."
  (when-let* ((ticket (mew-submit-relay-gate--guest process :ticket)))
    (mew-submit--mod-gate-secure ticket taken said)))

(provide 'mew-submit-relay-gate)
;;; mew-submit-relay-gate.el ends here
