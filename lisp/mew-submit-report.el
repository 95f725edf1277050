;;; mew-submit-report.el --- What happened, in words for people -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the sentences made of events: one for an attempt, one
;; for the end of a message, with what to do next.  The server's own words are
;; in them as they came, made safe to show.

;;; Code:

(require 'mew-submit-error)
(require 'mew-submit-refusal)
(require 'seq)

;;; What to do

(defconst mew-submit-report--certificates
  '(("expired" . "Tell the server's administrator to renew it.  Is this machine's \
clock right?")
    ("not-yet-valid" . "Check this machine's clock first; else tell the server's \
administrator.")
    ("issuer-date" . "Tell the server's administrator to send the issuer's new \
certificate along.")
    ("name" . "Check the server's name: use one that the certificate is for.  \
Else somebody else may be answering.")
    ("issuer" . "Where the server is your own or your company's, give the \
account its issuer's certificate, a file (:ca-file); else somebody else may be answering, or the server does not send its \
issuer's certificate along.")
    ("self-signed" . "Where the server is your own, pin it (M-x \
mew-submit-pin-certificate); else somebody else may be answering.")
    ("weak" . "Tell the server's administrator to renew it with a longer key and \
SHA-256.")
    ("revoked" . "Do not use this server: its issuer has called the certificate \
back.")
    ("purpose" . "Tell the server's administrator: the certificate was not issued \
for servers.")
    ("must-staple" . "Tell the server's administrator to switch OCSP stapling on.")
    ("staple" . "Tell the server's administrator: the OCSP response it staples does \
not vouch for the certificate."))
  "What to do about each problem of a certificate.")

(defun mew-submit-report--certificate-advice (problem tls)
  "Return what to do about PROBLEM with the certificate in TLS."
  (or (and (equal problem "name")
           (null (plist-get tls :names))
           "Tell the server's administrator to renew it with an alternative name (RFC 9525); \
where the server is your own, pin it (M-x mew-submit-pin-certificate).")
      (cdr (assoc problem mew-submit-report--certificates))
      "Tell the server's administrator; somebody else may be answering."))

(defun mew-submit-report--certificate-words (problem tls)
  "Return what PROBLEM means for the certificate in TLS."
  (let ((expires (plist-get tls :expires))
        (starts (plist-get tls :starts)))
    (pcase problem
      ("expired" (format "expired on %s" (substring expires 0 10)))
      ("not-yet-valid" (format "is not valid before %s" (substring starts 0 10)))
      ("issuer-date" "has an issuer whose certificate has expired, or is not \
valid yet")
      ("name" (if-let* ((names (plist-get tls :names)))
                  (format "is for %s, not for this server"
                          (mew-submit-error--and
                           (append (seq-take names 3)
                                   (and (nthcdr 3 names) '("others")))))
                "names no host and no address (a common name does not count)"))
      ("issuer" (format "comes from an issuer that nobody here knows (%s)"
                        (plist-get tls :issuer)))
      ("self-signed" "is signed by nobody but itself")
      ("weak" "or an issuer's uses an algorithm or a key that is too weak")
      ("revoked" "has been revoked by its issuer")
      ("purpose" "is not meant for servers")
      ("must-staple" "promises a stapled OCSP response that the server does not \
send")
      ("staple" "has a stapled OCSP response that does not call it good")
      ("none" "is missing")
      (_ (or (plist-get tls :unverified) (format "fails a check (%s)" problem))))))

(defconst mew-submit-report--advice-rows
  '(("host" . "Check the server's name and the network.  Nothing was sent.")
    ("resolver" . "Look at the network, and at /etc/resolv.conf, which names who \
is asked.  Nothing was sent.")
    ("connect" . "Try again later, or from another network.  Nothing was sent.")
    ("no-login" . "It is tried again when the network has changed; [Other port] \
may help at once.  Nothing was sent.")
    ("tls" . "Try again later.  Nothing was sent.")
    ("timeout" . "Try again later.  It was not delivered.")
    ("lost" . "Try again later.  It was not delivered.")
    ("deferred" . "Try again later.")
    ("cancelled" . "It was not delivered.")
    ("protocol" . "Check server and port: this is no mail server, or something \
on the way changes what it says.  It was not delivered.")
    ("secret" . "It is sent when that can be had: you are asked again when you send \
something by that account, or later.")
    ("auth" . "Check user name and password.  Nothing was sent.")
    ("refused" . "The server would say the same again: change the message, the \
addresses or the account first.")
    ("uncertain" . "Ask a recipient before you send it again.")
    ("message" . "Correct it and send it again.  Nothing was sent.")
    ("config" . "Correct that and send it again.  Nothing was sent.")
    ("usage" . "See --help.  Nothing was sent."))
  "What to do next, by kind.")

(defconst mew-submit-report--about-rows
  '(("token" . "Sign in again, so that there is a new access token.  Nothing \
was sent.")
    ("mechanism" . "Check the server's name and port; M-x mew-submit-setup finds how to \
log in there.  Nothing was sent.")
    ("no-password" . "Put it where auth-sources keep passwords, such as a line of ~/.authinfo \
(machine HOST login USER password ...), or name --password-file.  Nothing was sent.")
    ("client-certificate" . "Give the account the certificate that the server's \
administrator has made for you: :cert-file, or --cert-file.  Nothing was sent.")
    ("no-log-in" . "This port takes no log-in: check server and port.")
    ("starttls" . "Most likely this port wants STARTTLS: leave :plan and :routes (--plan, \
--routes) out, or say PORT:starttls.  If mail went this way before, try another network.  \
No password and no mail has left.")
    ("wish" . "Ask for something else, or leave it out (:require-tls, :deliver-by, \
:hold-for, :hold-until, or the options of these names), or send through a server that \
can do it.")
    ("implicit" . "This port is for TLS at once: say PORT:implicit in :routes (--routes), or \
leave :plan and :routes (--plan, --routes) out.  No password and no mail has left.")
    ("size" . "Send less, make the attachments smaller, or send a link to them.")
    ("nothing" . "Ask the server's administrator; another password does not help, and \
more log-ins may do harm.  Nothing was sent.")
    ("tunnel" . "Look at what the account's :tunnel names: a proxy or an ssh that does not \
run, or does not let you in.  Nothing was sent.")
    ("long-packets" . "Send from another network, or without the VPN; tell who runs this \
one, or the VPN, that even packets of 1280 bytes are lost there, and to let ICMP \"packet too \
big\" through."))
  "What to do next, by what a failure is about, most often a log-in or a message.")

(defun mew-submit-report--problem (done)
  "Return what is wrong with the certificate that ended DONE, a string, or nil."
  (let ((tls (plist-get done :tls)))
    (and (equal (plist-get done :kind) "insecure")
         tls
         (not (plist-get tls :verified))
         (or (car (plist-get tls :problems)) "other"))))

(defun mew-submit-report--insecure-advice (done)
  "Return what to do after DONE, when the security asked for could not be had."
  (concat
   (cond ((equal (plist-get done :alarm) "weaker-auth")
          "Try from another network.  If the server's administrator says that it \
has changed, M-x mew-submit-forget-server.")
         ((plist-get done :alarm)
          "Try from another network.  If the server's administrator says that it \
offers TLS no longer, M-x mew-submit-forget-server; do not switch TLS off.")
         ((mew-submit-report--problem done)
          (mew-submit-report--certificate-advice (mew-submit-report--problem done)
                                                 (plist-get done :tls)))
         ((plist-get done :tls)
          "Check the account's user, port and way to log in, or ask the server's \
administrator.")
         ((plist-member done :tls)
          "Try from another network or port 465, or ask the server's \
administrator; do not switch TLS off.")
         (t "[Diagnose] tells what to do; do not switch TLS off."))
   "  No password and no mail has left."))

(defun mew-submit-report--this-machine-p (attempt)
  "Was ATTEMPT to an address that is this machine wherever it is?"
  (string-match-p "\\`\\(?:127\\.\\|0\\.\\)\\|\\`::1?\\'" (or (plist-get attempt :address) "")))

(defun mew-submit-report--forbidden-here-p (attempt)
  "Did this machine's own firewall end ATTEMPT?
That no host or net is reached may come from who is silent, too."
  (and (equal (plist-get attempt :case) "local")
       (or (member (plist-get attempt :errno) '("EPERM" "EACCES"))
           (let ((icmp (plist-get attempt :icmp)))
             (and icmp
                  (not (member (list (plist-get icmp :type) (plist-get icmp :code))
                               '((3 0) (3 1) (1 0) (1 3)))))))))

(defun mew-submit-report--connect-advice (done)
  "Return what to do after DONE, when no attempt led to the server, or nil."
  (let ((attempts (plist-get done :attempts)))
    (cond ((or (null attempts) (not (equal (plist-get done :kind) "connect"))) nil)
          ((seq-every-p (lambda (attempt)
                          (and (member (plist-get attempt :case) '(2 "2 or 3"))
                               (mew-submit-report--this-machine-p attempt)))
                        attempts)
           "Start the program that takes mail there on this machine (a bridge, a relay, a \
tunnel), or check its port.  Where the server is another machine, a filter of names (Pi-hole, \
/etc/hosts) keeps it from you.  Nothing was sent.")
          ((seq-every-p #'mew-submit-report--forbidden-here-p attempts)
           "Allow outgoing connections to these ports in the firewall of this machine; another \
network does not help.  Nothing was sent."))))

(defun mew-submit-report--advice (done &optional offline)
  "Return what to do next after the `done' event DONE, or an empty string.
OFFLINE is non-nil when this machine is on no network.  This is the one place
where advice is chosen."
  (let ((kind (plist-get done :kind)))
    (cond (offline "It is sent when this machine is on a network again.")
          ((equal kind "insecure") (or (mew-submit-report--about-advice done)
                                       (mew-submit-report--insecure-advice done)))
          ((equal (plist-get done :result) "partial")
           (mew-submit-report--sentences
            (mew-submit-refusal--to-do done)
            (and (seq-some #'mew-submit-report--for-good-p (plist-get done :recipients))
                 "Correct the addresses that were refused (e) and send it again: only \
those get it.")))
          ((and (equal (plist-get done :about) "client-certificate")
                (mew-submit-refusal--undetermined-p done))
           (mew-submit-report--about-advice done))
          ((plist-get done :cause)
           (mew-submit-report--sentences (mew-submit-refusal--to-do done)
                                         (and (equal kind "auth")
                                              "Nothing was sent.")))
          ((mew-submit-report--about-advice done))
          ((mew-submit-report--connect-advice done))
          ;; The server has not judged anything: the text says what was wrong here.
          ((and (equal kind "auth") (eql (plist-get done :code) 0))
           "Correct that and send it again.  Nothing was sent.")
          (t (or (cdr (assoc kind mew-submit-report--advice-rows)) "")))))

(defun mew-submit-report--about-advice (done)
  "Return what to do after DONE by what it is about, or nil."
  (cdr (assoc (plist-get done :about) mew-submit-report--about-rows)))

(defun mew-submit-report--sentences (&rest sentences)
  "Return SENTENCES, of which some may be nil, one after the other."
  (string-join (delq nil sentences) "  "))

;;; What happened, in a clause

(defun mew-submit-report--ports (done)
  "Return the ports that were tried in vain, as DONE has them, in words."
  (mew-submit-error--and
   (mapcar #'number-to-string
           (seq-uniq (delq nil (mapcar (lambda (attempt)
                                         (plist-get attempt :port))
                                       (plist-get done :attempts)))))))

(defun mew-submit-report--unreachable (done server)
  "Return that SERVER could not be reached, by the attempts of DONE."
  (let ((ports (mew-submit-report--ports done))
        (cases (mapcar (lambda (attempt) (plist-get attempt :case))
                       (plist-get done :attempts))))
    (cond ((string-empty-p ports) (format "%s cannot be reached" server))
          ((seq-every-p (lambda (case) (eql case 2)) cases)
           (format "%s refuses connections on %s" server ports))
          (t (format "%s does not answer on %s" server ports)))))

(defun mew-submit-report--text (done)
  "Return the text of DONE, without a full stop."
  (string-remove-suffix "." (mew-submit-error--clean
                             (or (plist-get done :text) ""))))

(defun mew-submit-report--said (done server)
  "Return what SERVER said, if its words are in DONE, else the text of that.
Of several recipients that were refused a text that names them says which has
which words."
  (let* ((text (mew-submit-report--text done))
         (refused (seq-remove #'mew-submit-report--accepted-p (plist-get done :recipients)))
         (named (and (cdr refused)
                     (seq-some (lambda (recipient)
                                 (string-search (plist-get recipient :address) text))
                               refused))))
    (if (and (not named)
             (string-match ": \\([45][0-9][0-9][ -].*\\)" text))
        (format "%s says: %s" server (match-string 1 text))
      text)))

(defun mew-submit-report--insecure (done server)
  "Return why nothing could be sent to SERVER securely, by DONE."
  (cond ((mew-submit-report--problem done)
         (format "the certificate of %s %s" server
                 (mew-submit-report--certificate-words
                  (mew-submit-report--problem done) (plist-get done :tls))))
        ((member (plist-get done :about) '("starttls" "implicit" "wish"))
         (mew-submit-report--text done))
        ;; By one that it offers the log-in was tried.
        ((and (plist-get done :tls) (null (plist-get done :mechanism)))
         (format "%s offers no way to log in" server))
        ((and (plist-member done :tls) (null (plist-get done :tls))
              (string-search "STARTTLS" (mew-submit-report--text done)))
         (format "%s offers no encryption" server))
        ;; What the outbox has kept of it does not tell.
        (t (mew-submit-report--text done))))

(defun mew-submit-report--no (done server)
  "Return why some recipients of DONE did not get the message; SERVER is the name."
  (let* ((without (seq-remove #'mew-submit-report--accepted-p (plist-get done :recipients)))
         (open (and (plist-get done :stopped)
                    (seq-remove #'mew-submit-report--for-good-p without)))
         ;; No server has said anything of these.
         (unasked (seq-filter (lambda (recipient) (plist-get recipient :kind)) without))
         (refused (seq-remove (lambda (recipient) (plist-get recipient :kind)) without))
         (reason (mew-submit-refusal--reason done)))
    (cond (open (format "you have stopped it before %s got it"
                        (mew-submit-report--recipients open)))
          ((and unasked (null refused))
           (format "it did not get to %s: %s" (mew-submit-report--recipients unasked)
                   (mew-submit-report--text (car unasked))))
          (t (concat (format "%s said no to %s" server (mew-submit-report--recipients refused))
                     (and reason (concat ": " reason))
                     (and unasked
                          (format "; it did not get to %s"
                                  (mew-submit-report--recipients unasked))))))))

(defun mew-submit-report--reason (done &optional server offline)
  "Return in a clause, without a full stop, why DONE came; SERVER is the name.
OFFLINE is non-nil when this machine is on no network."
  (let ((server (or server "the server"))
        (kind (plist-get done :kind)))
    (cond
     (offline "you are offline")
     ((plist-get done :alarm) (mew-submit-report--alarm (plist-get done :alarm)))
     ((equal (plist-get done :about) "long-packets")
      (format "long packets get lost between here and %s" server))
     ((equal (plist-get done :about) "tunnel") (mew-submit-report--text done))
     ((and (member kind '("refused" "deferred" "auth"))
           (mew-submit-refusal--reason done)))
     (t
      (pcase kind
        ("ok" (mew-submit-report--no done server))
        ("host" (format "%s is not found" server))
        ("resolver" (format "no name server tells the address of %s" server))
        ("connect" (mew-submit-report--unreachable done server))
        ("no-login" (format "no port of %s that answers takes a log-in" server))
        ("tls" (format "%s broke off the TLS handshake" server))
        ("timeout" (format "%s did not answer in time" server))
        ("lost" (format "the connection to %s broke" server))
        ("insecure" (mew-submit-report--insecure done server))
        ("secret" (or (plist-get done :why)
                      (format "the password for %s is not at hand" server)))
        ;; Without an answer the server has not been asked.
        ("auth" (cond ((eql (plist-get done :code) 0) (mew-submit-report--text done))
                      ((and (memq (plist-get done :cause) '(nil auth-wrong-password))
                            (not (equal (plist-get done :about) "client-certificate")))
                       (format "%s did not accept user name and password" server))
                      (t (mew-submit-report--said done server))))
        ("protocol" (format "what answers for %s is no mail server" server))
        ("uncertain" (format "%s did not say whether it has it" server))
        ("cancelled" "you have stopped it")
        ((or "deferred" "refused") (mew-submit-report--said done server))
        (_ (mew-submit-report--text done)))))))

(defun mew-submit-report--headline (done reason)
  "Return what became of the mail that DONE is about, for REASON, a clause."
  (if (plist-get done :alarm)
      (format "ALARM: %s.  Nothing was sent." reason)
    (format "The mail %s: %s"
            (pcase (plist-get done :result)
              ("partial" "was not delivered to all")
              ("uncertain" "may have arrived, or not")
              ("deferred" "waits")
              (_ "was not sent"))
            reason)))

(defun mew-submit-report--good-news (done subject)
  "Return in a line that the mail about SUBJECT was delivered, by its DONE."
  (format "Delivered to %s%s"
          (mew-submit-report--recipients
           (seq-filter #'mew-submit-report--accepted-p
                       (plist-get done :recipients)))
          (if (member subject '(nil "")) ""
            (concat ": " (mew-submit-error--clean subject)))))

(defconst mew-submit-report--alarms
  '(("striptls" . "The server has offered TLS before and does not any more: \
somebody on the way may be taking it away")
    ("weaker-auth" . "The server offers only weaker ways to log in than before: \
somebody on the way may be after the password"))
  "What each alarm means.")

(defun mew-submit-report--alarm (alarm)
  "Return what ALARM, a name, means, in words."
  (or (cdr (assoc alarm mew-submit-report--alarms)) alarm))

(defun mew-submit-report--people (addresses)
  "Return ADDRESSES, strings, shortened."
  (if (> (length addresses) 3)
      (format "%s and %d more" (string-join (seq-take addresses 2) ", ")
              (- (length addresses) 2))
    (string-join addresses ", ")))

(defun mew-submit-report--family (family)
  "Return FAMILY as people write it."
  (pcase family ("ipv6" "IPv6") ("ipv4" "IPv4") (_ (or family ""))))

(defun mew-submit-report--msecs (msecs)
  "Return the time MSECS, a number, in words."
  (if (< msecs 10000)
      (format "%s ms" (/ (fround (* 10 (float msecs))) 10))
    (format "%.1f s" (/ msecs 1000.0))))

(defun mew-submit-report--how (family tls)
  "Return in parentheses by which FAMILY and with which TLS mode, or nothing.
Through a tunnel the family is not known."
  (let ((words (delq nil (list (and family (mew-submit-report--family family))
                               (and (not (member tls '(nil "none"))) tls)))))
    (if words (format " (%s)" (string-join words ", ")) "")))

(defun mew-submit-report--attempt (attempt)
  "Return a line about ATTEMPT, an `attempt' event."
  (let ((case (plist-get attempt :case))
        (tls (plist-get attempt :tls)))
    (format "%s port %s%s: %s (%s%s)"
            (plist-get attempt :address) (plist-get attempt :port)
            (mew-submit-report--how (plist-get attempt :family) tls)
            (mew-submit-error--clean (or (plist-get attempt :text) ""))
            (if case (format "case %s, " case) "")
            (mew-submit-report--msecs (or (plist-get attempt :ms) 0)))))

(defun mew-submit-report--place (done)
  "Return where the connection of DONE led, such as \"192.0.2.1 port 587\"."
  (format "%s port %s%s" (plist-get done :address) (plist-get done :port)
          (if (plist-get done :fallback) " (fallback)" "")))

(defun mew-submit-report--security (done)
  "Return what protected the connection of DONE."
  (let ((tls (plist-get done :tls))
        (auth (plist-get done :auth)))
    (concat (cond ((null tls) "without TLS")
                  ((plist-get tls :pinned)
                   (format "with %s, certificate pinned"
                           (plist-get tls :version)))
                  ((plist-get tls :verified)
                   (format "with %s" (plist-get tls :version)))
                  (t (format "with %s, certificate not verified"
                             (plist-get tls :version))))
            (if auth (format ", %s" auth) ""))))

(defun mew-submit-report--recipients (recipients)
  "Return the addresses of RECIPIENTS, of a `done' event, shortened."
  (mew-submit-report--people
   (mapcar (lambda (recipient) (plist-get recipient :address)) recipients)))

(defun mew-submit-report--accepted-p (recipient)
  "Was RECIPIENT of a `done' event accepted?"
  (<= 200 (or (plist-get recipient :code) 0) 299))

(defun mew-submit-report--for-good-p (recipient)
  "Was RECIPIENT of a `done' event refused in a way that waiting does not mend?"
  (and (>= (or (plist-get recipient :code) 0) 500)
       (not (eq (plist-get (mew-submit-refusal--advice recipient) :again) 'later))))

(defun mew-submit-report--refusals (recipients)
  "Return what the server said of each of RECIPIENTS."
  (mapconcat (lambda (recipient)
               (format "%s: %s" (plist-get recipient :address)
                       (mew-submit-error--clean
                        (or (plist-get recipient :text) ""))))
             recipients "; "))

(defun mew-submit-report--delivered (done)
  "Return the line for DONE, whose message was accepted, at least for some."
  (let* ((recipients (plist-get done :recipients))
         (accepted (seq-filter #'mew-submit-report--accepted-p recipients))
         (rest (seq-remove #'mew-submit-report--accepted-p recipients)))
    (concat
     (format "delivered to %s%s%s"
             (mew-submit-report--recipients accepted)
             ;; An end that could not be put into words does not say where that was.
             (if (plist-get done :address)
                 (format " through %s, %s" (mew-submit-report--place done)
                         (mew-submit-report--security done))
               "")
             (if (plist-get done :reply)
                 (concat ": " (mew-submit-error--clean (plist-get done :reply)))
               ""))
     (and rest
          (format "; NOT delivered to %s.  The others have it: do not send it to \
them again."
                  (mew-submit-report--refusals rest))))))

(defun mew-submit-report--sentence (text)
  "Return TEXT with a full stop, unless it ends like a sentence already."
  (if (string-match-p "[.!?]\\'" text) text (concat text ".")))

(defun mew-submit-report--also (done)
  "Return who else than the recipient in the text of DONE was refused, or nil."
  (when-let* (((equal (plist-get done :step) "rcpt"))
              (others (seq-filter
                       (lambda (recipient)
                         (and (>= (or (plist-get recipient :code) 0) 400)
                              (not (string-search (concat " " (plist-get recipient :address))
                                                  (plist-get done :text)))))
                       (plist-get done :recipients))))
    (format "Refused, too: %s%s." (mew-submit-report--refusals (seq-take others 10))
            (if (nthcdr 10 others) (format "; and %d more" (- (length others) 10)) ""))))

(defun mew-submit-report--without (recipients)
  "Return which of RECIPIENTS do not have a message that others may have, or nil."
  (when-let* ((without (seq-filter (lambda (recipient)
                                     (and (not (plist-get recipient :sent))
                                          (>= (or (plist-get recipient :code) 400) 400)))
                                   recipients)))
    (format "%s did not get it: ask one of the others."
            (mew-submit-report--recipients without))))

(defun mew-submit-report--binding (done)
  "Return what else than the password may be why DONE came, or nil.
Where TLS ends before the server a mechanism that is bound to it fails, and most
servers have the same words for that."
  (and (mew-submit-refusal--secret-p done)
       (string-suffix-p "-PLUS" (or (plist-get done :mechanism) ""))
       (not (string-search "(e=" (or (plist-get done :text) "")))
       "If user name and password are right, a proxy on the way may open TLS: ask its \
administrator."))

(defun mew-submit-report--what (done)
  "Return what happened, without the result and advice, from the event DONE."
  (if (and (equal (plist-get done :kind) "ok") (not (plist-get done :kept)))
      (mew-submit-report--delivered done)
    (mew-submit-report--sentences
     (mew-submit-report--sentence
      (concat (and (plist-get done :port)
                   (not (equal (plist-get done :kind) "no-login"))
                   (concat (mew-submit-report--place done) ": "))
              (mew-submit-error--clean (plist-get done :text))))
     (mew-submit-report--also done)
     (mew-submit-report--binding done)
     (and (equal (plist-get done :kind) "uncertain")
          (mew-submit-report--without (plist-get done :recipients))))))

(defun mew-submit-report--done (done)
  "Return a line about the end of a message, from its `done' event DONE."
  (let ((kind (plist-get done :kind))
        (result (plist-get done :result)))
    (if (equal kind "ok")
        (if (equal result "partial")
            (mew-submit-report--sentences
             (concat "partly " (mew-submit-report--what done))
             (mew-submit-refusal--to-do done))
          (mew-submit-report--what done))
      (string-trim-right
       (format "%s%s: %s  %s"
               (if-let* ((alarm (plist-get done :alarm)))
                   (format "ALARM (%s): " alarm)
                 "")
               (if (equal kind "usage") "usage" result)
               (mew-submit-report--what done)
               (mew-submit-report--sentences
                (and (not (equal kind "insecure")) (mew-submit-refusal--meant done))
                (mew-submit-report--advice done)))))))

(provide 'mew-submit-report)
;;; mew-submit-report.el ends here
