;;; mew-submit-report.el --- What happened, in words for people -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 2, pure.  It owns the sentences made of events: one for an attempt, one
;; for the end of a message, with what to do next.  The server's own words are
;; in them as they came, made safe to show.

;;; Code:

(require 'mew-submit-error)
(require 'seq)

(defconst mew-submit-report--advice
  '(("host" . "Check the server's name and the network.  Nothing was sent.")
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
    ("insecure" . "No password and no mail has left.  Try from another network \
or ask who runs the server; do not switch TLS off.")
    ("secret" . "It is sent when the password can be had: you are asked again when \
you send something by that account, or later.")
    ("auth" . "Check user name and password.  Nothing was sent.")
    ("refused" . "The server would say the same again: change the message, the \
addresses or the account first.")
    ("uncertain" . "Ask a recipient before you send it again.")
    ("message" . "Correct it and send it again.  Nothing was sent.")
    ("config" . "Correct that and send it again.  Nothing was sent.")
    ("usage" . "See --help.  Nothing was sent."))
  "What to do next, by kind.")

(defconst mew-submit-report--auth-advice
  '(("token" . "Sign in again, so that there is a new access token.  Nothing \
was sent.")
    ("app-password" . "Make one and give it as the password.  Nothing was sent.")
    ("mechanism" . "Nothing was sent.")
    ("no-log-in" . "This port takes no log-in: check server and port.")
    ("nothing" . "Ask who runs the server; another password does not help, and \
more log-ins may do harm.  Nothing was sent."))
  "What to do next when a log-in was refused, by what that is about.")

(defun mew-submit-report-advice (done)
  "Return what to do next after DONE, the end of a message, or an empty string."
  (let ((kind (plist-get done :kind)))
    (or (cdr (assoc (plist-get done :about) mew-submit-report--auth-advice))
        (cdr (assoc kind mew-submit-report--advice))
        "")))

(defconst mew-submit-report--alarms
  '(("striptls" . "The server has offered TLS before and does not any more: \
somebody on the way may be taking it away")
    ("weaker-auth" . "The server offers only weaker ways to log in than before: \
somebody on the way may be after the password"))
  "What each alarm means.")

(defun mew-submit-report-alarm (alarm)
  "Return what ALARM, a name, means, in words."
  (or (cdr (assoc alarm mew-submit-report--alarms)) alarm))

(defun mew-submit-report-people (addresses)
  "Return ADDRESSES, strings, shortened."
  (if (> (length addresses) 3)
      (format "%s and %d more" (string-join (seq-take addresses 2) ", ")
              (- (length addresses) 2))
    (string-join addresses ", ")))

(defun mew-submit-report-family (family)
  "Return FAMILY as people write it."
  (pcase family ("ipv6" "IPv6") ("ipv4" "IPv4") (_ (or family ""))))

(defun mew-submit-report-msecs (msecs)
  "Return the time MSECS, a number, in words."
  (if (< msecs 10000)
      (format "%s ms" (/ (fround (* 10 (float msecs))) 10))
    (format "%.1f s" (/ msecs 1000.0))))

(defun mew-submit-report--how (family tls)
  "Return in parentheses by which FAMILY and with which TLS mode, or nothing.
Through a tunnel the family is not known."
  (let ((words (delq nil (list (and family (mew-submit-report-family family))
                               (and (not (member tls '(nil "none"))) tls)))))
    (if words (format " (%s)" (string-join words ", ")) "")))

(defun mew-submit-report-attempt (attempt)
  "Return a line about ATTEMPT, an `attempt' event."
  (let ((case (plist-get attempt :case))
        (tls (plist-get attempt :tls)))
    (format "%s port %s%s: %s (%s%s)"
            (plist-get attempt :address) (plist-get attempt :port)
            (mew-submit-report--how (plist-get attempt :family) tls)
            (mew-submit-error-clean (or (plist-get attempt :text) ""))
            (if case (format "case %s, " case) "")
            (mew-submit-report-msecs (or (plist-get attempt :ms) 0)))))

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

(defun mew-submit-report--people (recipients)
  "Return the addresses of RECIPIENTS, of a `done' event, shortened."
  (mew-submit-report-people
   (mapcar (lambda (recipient) (plist-get recipient :address)) recipients)))

(defun mew-submit-report--accepted-p (recipient)
  "Was RECIPIENT of a `done' event accepted?"
  (<= 200 (or (plist-get recipient :code) 0) 299))

(defun mew-submit-report--refusals (recipients)
  "Return what the server said of each of RECIPIENTS."
  (mapconcat (lambda (recipient)
               (format "%s: %s" (plist-get recipient :address)
                       (mew-submit-error-clean
                        (or (plist-get recipient :text) ""))))
             recipients "; "))

(defun mew-submit-report--delivered (done)
  "Return the line for DONE, whose message was accepted, at least for some."
  (let* ((recipients (plist-get done :recipients))
         (accepted (seq-filter #'mew-submit-report--accepted-p recipients))
         (rest (seq-remove #'mew-submit-report--accepted-p recipients)))
    (concat
     (format "delivered to %s through %s, %s: %s"
             (mew-submit-report--people accepted)
             (mew-submit-report--place done)
             (mew-submit-report--security done)
             (mew-submit-error-clean (or (plist-get done :reply) "")))
     (and rest
          (format "; NOT delivered to %s.  Send it to %s again, not to the others."
                  (mew-submit-report--refusals rest)
                  (mew-submit-report--people rest))))))

(defun mew-submit-report-sentence (text)
  "Return TEXT with a full stop, unless it ends like a sentence already."
  (if (string-match-p "[.!?]\\'" text) text (concat text ".")))

(defun mew-submit-report-what (done)
  "Return what happened, without the result and advice, from the event DONE."
  (if (equal (plist-get done :kind) "ok")
      (mew-submit-report--delivered done)
    (mew-submit-report-sentence
     (concat (and (plist-get done :port)
                  (not (equal (plist-get done :kind) "no-login"))
                  (concat (mew-submit-report--place done) ": "))
             (mew-submit-error-clean (plist-get done :text))))))

(defun mew-submit-report-done (done)
  "Return a line about the end of a message, from its `done' event DONE."
  (let ((kind (plist-get done :kind))
        (result (plist-get done :result)))
    (if (equal kind "ok")
        (concat (if (equal result "partial") "partly " "")
                (mew-submit-report-what done))
      (string-trim-right
       (format "%s%s: %s  %s"
               (if-let* ((alarm (plist-get done :alarm)))
                   (format "ALARM (%s): " alarm)
                 "")
               (if (equal kind "usage") "usage" result)
               (mew-submit-report-what done)
               (mew-submit-report-advice done))))))

(provide 'mew-submit-report)
;;; mew-submit-report.el ends here
