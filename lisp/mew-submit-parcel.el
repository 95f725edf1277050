;;; mew-submit-parcel.el --- A message under way -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns a message while it is on its way: by which of the account's servers it goes, what
;; answers the questions of its job, whether it is tried once more, and what is learned of
;; passwords, servers and networks from its events.
;;
;; A message of the outbox has one parcel, from when it is put there or found there until it
;; has left (mew-submit-known.el); each attempt begins with `mew-submit-parcel--send'.  One
;; that `mew-submit-send' sends has one for its only attempt.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-auth)
(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-job)
(require 'mew-submit-memory)
(require 'mew-submit-message)
(require 'mew-submit-module)
(require 'mew-submit-network)
(require 'mew-submit-network-negative)
(require 'mew-submit-network-server)
(require 'mew-submit-refusal)
(require 'mew-submit-request)
(require 'mew-submit-way)
(require 'seq)
(require 'subr-x)

(declare-function mew-submit-sevenbit--convert "mew-submit-sevenbit" (file out &optional goal))
(declare-function mew-submit-sevenbit--convert-apart "mew-submit-sevenbit"
                  (file out goal then))
(defvar mew-submit-sevenbit--here-max)

(defvar mew-submit-parcel--progress-functions '(mew-submit-notice--update-soon)
  "Functions called with an entry and each `progress' event of its message.")

(cl-defstruct (mew-submit-parcel (:constructor mew-submit-parcel--make)
                                 (:copier nil))
  ;; The message.
  (file nil :documentation "The message file.")
  (fields nil :documentation "The fields of its header, or nil until it is read.")
  (envelope nil :documentation "The envelope, (FROM . RECIPIENTS), checked.")
  ;; What came with it.
  (on-event nil :documentation "Function called with each event, or nil.")
  (on-done nil :documentation "Function called with the end of an attempt, or nil.")
  (on-ask nil :documentation "Function that answers questions, or nil.")
  (claim nil :documentation "Function that may want it back, or nil.")
  (whole nil :documentation "Function that says whether it goes to all or to none.")
  (password nil :documentation "The password for all its attempts, or nil.")
  (functions nil :documentation "Functions in its account that are not on disk.")
  ;; Its place in the outbox, where it has one.
  (entry nil :documentation "Its entry.")
  (stamp nil :documentation "The stamp of the entry's file when that was read.")
  (unsaved nil :documentation "Non-nil when the entry has what its file has not.")
  (urgent nil :documentation "Non-nil when it is not to wait for its time.")
  (lock nil :documentation "The lock on it, for as long as it is being sent.")
  (on-server nil :documentation "Function told by which of several servers, or nil.")
  (on-end nil :documentation "Function called in place of ON-DONE, or nil.")
  ;; The attempt.
  (job nil :documentation "The job that sends it, once there is one.")
  (started 0 :documentation "When, a float.")
  (sent 0 :documentation "Octets that the server has acknowledged.")
  (total 0 :documentation "Octets there are.")
  (journal nil :documentation "The journal of final dots to be, or nil.")
  (directory nil :documentation "A directory for copies, once there is one.")
  (encoder nil :documentation "The process that encodes it, once there is one.")
  (secrets nil :documentation "The passwords in the account, wiped at the end.")
  ;; The server.
  (account nil :documentation "The account, a plist, for the server in question.")
  (servers nil :documentation "The account for each server that is left to try.")
  (names nil :documentation "What its servers are called, in the user's order.")
  (passed nil :documentation "Why each server before could not be used, newest first.")
  (host nil :documentation "The server.")
  (networks nil :documentation "Where this machine was when the job began.")
  (memory nil :documentation "(FILE . SERVER), where what that has is remembered.")
  (greeted nil :documentation "The code of the greeting, or nil for none yet.")
  (asked nil :documentation "Non-nil when the user's password was given.")
  (without nil :documentation "EHLO keywords that the server did not keep.")
  (refusal nil :documentation "Why that was refused, in words, then.")
  (wrong nil :documentation "What was wrong with it: `app-password' or t."))

(defun mew-submit-parcel--copy-name (parcel name)
  "Return the name of a new file NAME for PARCEL alone."
  (unless (mew-submit-parcel-directory parcel)
    (setf (mew-submit-parcel-directory parcel)
          (make-temp-file "mew-submit-" t)))
  (expand-file-name name (mew-submit-parcel-directory parcel)))

(defun mew-submit-parcel--clean-up (parcel)
  "Delete the copies that PARCEL has made, and wipe the passwords of the attempt."
  (mapc #'clear-string (mew-submit-parcel-secrets parcel))
  (setf (mew-submit-parcel-secrets parcel) nil)
  (when-let* ((encoder (mew-submit-parcel-encoder parcel)))
    (setf (mew-submit-parcel-encoder parcel) nil)
    (set-process-sentinel encoder #'ignore)
    (delete-process encoder))
  (when-let* ((directory (mew-submit-parcel-directory parcel)))
    (setf (mew-submit-parcel-directory parcel) nil)
    (delete-directory directory t)))

(defun mew-submit-parcel--rest (parcel)
  "Have PARCEL not be sent any more, whether it stays in the outbox or not.
What there is of an attempt is not needed for the next one, and may be much."
  (setf (mew-submit-parcel-lock parcel) nil
        (mew-submit-parcel-job parcel) nil
        (mew-submit-parcel-fields parcel) nil
        (mew-submit-parcel-servers parcel) nil
        (mew-submit-parcel-memory parcel) nil))

(defun mew-submit-parcel--forget-password (parcel)
  "Wipe the password that came with PARCEL."
  (when-let* ((password (mew-submit-parcel-password parcel)))
    (setf (mew-submit-parcel-password parcel) nil)
    (clear-string password)))

(defun mew-submit-parcel--public-file (parcel)
  "Return the name of a file with PARCEL's message and without private fields."
  (let ((file (mew-submit-parcel-file parcel))
        (fields (mew-submit-parcel-fields parcel)))
    (if (mew-submit-message--private-p fields)
        (let ((copy (mew-submit-parcel--copy-name parcel "message.eml")))
          (unless (file-exists-p copy)
            (mew-submit-message--copy file fields copy))
          copy)
      file)))

(defun mew-submit-parcel--request (parcel)
  "Return a request for PARCEL, without the keywords that its server has not kept."
  (let ((account (mew-submit-parcel-account parcel))
        (without (mew-submit-parcel-without parcel)))
    (append (mew-submit-request--make
             (if without
                 (append (list :without (append without (plist-get account :without)))
                         account)
               account)
             (mew-submit-parcel--public-file parcel)
             (mew-submit-parcel-fields parcel)
             (mew-submit-parcel-envelope parcel)
             (mew-submit-parcel-networks parcel))
            (when-let* ((journal (mew-submit-parcel-journal parcel)))
              (list :journal (mew-submit-module--octets-name journal))))))

;;; Questions

(defconst mew-submit-parcel--encodings
  '(("lines" . lines) ("header" . header) ("seven-bit" . octets))
  "What a message is to be encoded for, and the goal of that.")

(defun mew-submit-parcel--apart-p (file)
  "Would Emacs stand still too long for encoding the message FILE?"
  (and (not noninteractive)
       (> (file-attribute-size (file-attributes file)) mew-submit-sevenbit--here-max)))

(defun mew-submit-parcel--encoded (parcel what)
  "Return the name of a file with PARCEL's message, encoded for WHAT, or nil.
Where that takes long it is a function that passes the answer on later."
  (require 'mew-submit-sevenbit)        ; slow to load, and seldom needed
  (let* ((file (mew-submit-parcel--public-file parcel))
         (out (mew-submit-parcel--copy-name parcel (concat what ".eml")))
         (name (mew-submit-module--octets-name out))
         (goal (cdr (assoc what mew-submit-parcel--encodings))))
    (cond ((file-exists-p out) name)
          ((mew-submit-parcel--apart-p file)
           (lambda (reply)
             (setf (mew-submit-parcel-encoder parcel)
                   (mew-submit-sevenbit--convert-apart
                    file out goal
                    (lambda (done) (funcall reply (if (eq done t) name done)))))))
          (t (condition-case err
                 (and (mew-submit-sevenbit--convert file out goal) name)
               (error (cons :failed (mew-submit-error--text err))))))))

(defun mew-submit-parcel--or (answer otherwise)
  "Return ANSWER, or for none the value of OTHERWISE, a function, now or later."
  (if (functionp answer)
      (lambda (reply)
        (funcall answer (lambda (later)
                          (let ((value (or later (funcall otherwise))))
                            (if (functionp value)
                                (funcall value reply)
                              (funcall reply value))))))
    (or answer (funcall otherwise))))

(defun mew-submit-parcel--token-of-user (parcel event)
  "Return the token that whoever is asked for PARCEL has for EVENT.
That there is none just now holds for all mail of the account."
  (when-let* ((on-ask (mew-submit-parcel-on-ask parcel)))
    (mew-submit-parcel--noting parcel (funcall on-ask event))))

(defun mew-submit-parcel--secret (parcel event)
  "Return what answers the question EVENT of PARCEL for a secret.
It is as `mew-submit-job--start' takes it."
  (let ((account (mew-submit-parcel-account parcel))
        (on-ask (mew-submit-parcel-on-ask parcel))
        (refusal (mew-submit-parcel-refusal parcel)))
    (cond ((mew-submit-auth--token-p (plist-get event :mechanism))
           (mew-submit-parcel--or
            (mew-submit-auth--token event account)
            (lambda () (mew-submit-parcel--token-of-user parcel event))))
          ((null on-ask) nil)
          ((null refusal)
           (setf (mew-submit-parcel-asked parcel) t)
           (if (mew-submit-parcel--asks-user-p parcel)
               (mew-submit-parcel--ask-user parcel event)
             (funcall on-ask event)))
          (t (mew-submit-parcel--or
              (condition-case nil
                  (funcall on-ask
                           (append event
                                   (list :wrong (mew-submit-parcel-wrong parcel))))
                (quit nil))
              (lambda () (cons :failed refusal)))))))

(defun mew-submit-parcel--auth-source-p (parcel)
  "Does whoever is asked for PARCEL look into auth-source before?
A function that answers questions so has the property `mew-submit-asks-again'."
  (let ((on-ask (mew-submit-parcel-on-ask parcel)))
    (and on-ask (symbolp on-ask)
         (function-get on-ask 'mew-submit-asks-again))))

(defun mew-submit-parcel--asks-user-p (parcel)
  "Does PARCEL have the user asked for what auth-source does not know?"
  (and (not noninteractive)
       (mew-submit-parcel--auth-source-p parcel)))

(defun mew-submit-parcel--none (parcel why)
  "Return the answer that there is no secret for PARCEL at the moment, and WHY.
Nobody is asked for that of its account again, for whatever message, for a time."
  (mew-submit-auth--postpone (mew-submit-parcel-account parcel) why)
  (cons :none why))

(defun mew-submit-parcel--noting (parcel answer)
  "Return ANSWER, to a question of PARCEL for a secret.
That there is none just now, also where that is told later, holds for all mail
of the account."
  (cond ((functionp answer)
         (lambda (reply)
           (funcall answer (lambda (later)
                             (funcall reply (mew-submit-parcel--noting parcel later))))))
        ((eq (car-safe answer) :none) (mew-submit-parcel--none parcel (cdr answer)))
        (t answer)))

(defun mew-submit-parcel--ask-user (parcel event)
  "Ask the user for the secret that EVENT of PARCEL wants; return the answer.
One answer counts for all messages of the account."
  (let ((why (mew-submit-auth--why-put-off
              (mew-submit-parcel-account parcel))))
    (if why
        (cons :none why)
      (condition-case err
          (mew-submit-parcel--or
           (mew-submit-parcel--noting
            parcel (funcall (mew-submit-parcel-on-ask parcel) event))
           (lambda () (mew-submit-parcel--none parcel "you have said: not now")))
        (quit (mew-submit-parcel--none parcel "you have said: not now"))
        (error (mew-submit-parcel--none parcel (mew-submit-error--text err)))))))

(defun mew-submit-parcel--secret-at-once (parcel event)
  "Return what answers EVENT of PARCEL for a secret if nobody has to be asked.
Where nobody is there that is that there is none."
  (let ((refusal (mew-submit-parcel-refusal parcel)))
    (cond ((mew-submit-auth--token-p (plist-get event :mechanism)) nil)
          ((not (mew-submit-parcel--auth-source-p parcel)) nil)
          ((and (null refusal)
                (mew-submit-parcel--noting parcel (mew-submit-auth--known event))))
          ((or noninteractive (not (mew-submit-background--nobody-p))) nil)
          (refusal (cons :failed refusal))
          (t (mew-submit-parcel--none
              parcel "nobody is there to be asked for the password")))))

(defun mew-submit-parcel--answer-at-once (parcel event)
  "Return what answers the question EVENT of PARCEL if nobody has to be asked.
Return nil when the user has to be."
  (pcase (plist-get event :what)
    ((and what (guard (assoc what mew-submit-parcel--encodings)))
     (mew-submit-parcel--encoded parcel what))
    ("password"
     (let ((answer (mew-submit-parcel--secret-at-once parcel event)))
       (when answer
         (setf (mew-submit-parcel-asked parcel) t))
       answer))))

(defun mew-submit-parcel--tunnel-name (parcel)
  "Return what names the way out of PARCEL, or nil for no tunnel."
  (plist-get (mew-submit-parcel-account parcel) :tunnel))

(defun mew-submit-parcel--consent (parcel event)
  "Return what answers the question EVENT of PARCEL whether to fall back.
Whoever is asked hears of the tunnel as well: it makes another network."
  (when-let* ((on-ask (mew-submit-parcel-on-ask parcel)))
    (funcall on-ask (append event (list :tunnel (mew-submit-parcel--tunnel-name
                                                 parcel))))))

(defun mew-submit-parcel--hint (parcel _done)
  "Return why PARCEL, which no port took, must not or cannot fall back, or nil.
Either the user has said so of the network, or the other ports take no log-in."
  (let* ((host (mew-submit-parcel-host parcel))
         (networks (mew-submit-parcel-networks parcel))
         (account (mew-submit-parcel-account parcel))
         (rule (mew-submit-request--fallback-rule account host networks))
         (ports (mapcar #'car (plist-get (mew-submit-request--plan account rule)
                                         :routes)))
         (useless (seq-filter (lambda (port)
                                (mew-submit-request--no-log-in-p host port))
                              (delete-dups (cdr ports)))))
    (cond ((and (eq (or (plist-get account :fallback) mew-submit-fallback) 'ask)
                (eq (mew-submit-network-negative--rule host networks) 'never))
           mew-submit-network-negative--never)
          (useless
           (format "port %s takes no log-in, so mail cannot be submitted there"
                   (mapconcat #'number-to-string useless " and "))))))

(defun mew-submit-parcel--answer (parcel event)
  "Return what answers the question EVENT of PARCEL."
  (pcase (plist-get event :what)
    ((and what (guard (assoc what mew-submit-parcel--encodings)))
     (mew-submit-parcel--encoded parcel what))
    ("password" (mew-submit-parcel--secret parcel event))
    ("fallback" (mew-submit-parcel--consent parcel event))
    (_ (when-let* ((on-ask (mew-submit-parcel-on-ask parcel)))
         (funcall on-ask event)))))

(defun mew-submit-parcel--again (parcel done)
  "Return another request for PARCEL after its end DONE, or nil.
It is one where the server has refused what it offers itself, without that, one
with another password, or one to another server."
  (unless (equal (plist-get done :kind) "ok")
    (if-let* (((equal (plist-get done :about) "offer"))
              (news (seq-difference (plist-get done :left-out)
                                    (mew-submit-parcel-without parcel))))
        (progn
          (when (mew-submit-parcel-memory parcel)
            (mew-submit-parcel--remember parcel done))
          (setf (mew-submit-parcel-without parcel)
                (append news (mew-submit-parcel-without parcel)))
          (mew-submit-parcel--request parcel))
      (or (mew-submit-parcel--again-with-password parcel done)
          (mew-submit-parcel--elsewhere parcel done)))))

(defun mew-submit-parcel--again-with-password (parcel done)
  "Return another request for PARCEL after its end DONE, or nil.
That is when the password was refused for good, and not the log-in for another
reason (RFC 4954, section 6), and there is somebody to ask for another one, but
only once: the event has :wrong then, `app-password' or t."
  (when (and (mew-submit-parcel--asks-user-p parcel)
             (mew-submit-parcel-asked parcel)
             (null (mew-submit-parcel-refusal parcel))
             (mew-submit-refusal--secret-p done))
    (setf (mew-submit-parcel-refusal parcel) (plist-get done :text)
          (mew-submit-parcel-wrong parcel)
          (if (mew-submit-refusal--app-password-p done) 'app-password t))
    (mew-submit-parcel--settle parcel done)
    (mew-submit-parcel--request parcel)))

;;; Other servers

(defun mew-submit-parcel--go-to (parcel account)
  "Have PARCEL go by ACCOUNT, which has one server."
  (let ((memory (mew-submit-request--memory-file account)))
    (setf (mew-submit-parcel-account parcel) account
          (mew-submit-parcel-host parcel) (mew-submit-request--host account)
          (mew-submit-parcel-networks parcel)
          (mew-submit-request--networks account)
          (mew-submit-parcel-greeted parcel) nil
          (mew-submit-parcel-asked parcel) nil
          (mew-submit-parcel-refusal parcel) nil
          (mew-submit-parcel-without parcel) nil
          (mew-submit-parcel-memory parcel)
          (and memory
               (cons memory (mew-submit-request--certified-name account))))))

(defun mew-submit-parcel--tell-server (parcel account)
  "Tell who wants to know that PARCEL is about to go by ACCOUNT, one of several."
  (when (and (cdr (mew-submit-parcel-names parcel))
             (mew-submit-parcel-on-server parcel))
    (funcall (mew-submit-parcel-on-server parcel) parcel
             (mew-submit-account--server-name account))))

(defun mew-submit-parcel--prefer (parcel account)
  "Have PARCEL try the servers of ACCOUNT in order, what worked here last first."
  (let* ((servers (mew-submit-account--servers account))
         (names (mapcar #'mew-submit-account--server-name servers))
         (first (if (cdr names)
                    (nth (seq-position names (mew-submit-network-server--first
                                              names (mew-submit-network--primary)))
                         servers)
                  (car servers))))
    (setf (mew-submit-parcel-names parcel) names
          (mew-submit-parcel-servers parcel) (remq first servers)
          (mew-submit-parcel-passed parcel) nil)
    (mew-submit-parcel--tell-server parcel first)
    (mew-submit-parcel--go-to parcel first)))

(defun mew-submit-parcel--out-of-reach-p (parcel done)
  "Does DONE say that the network is between us and the server of PARCEL?
That is so where no port could be reached, and not where the server has said no;
but one that has greeted us with \"later\" has said nothing of the message.  It
has where it has answered to a recipient, or to a password, in an earlier
session."
  (unless (or (plist-get done :recipients) (mew-submit-parcel-refusal parcel))
    (pcase (plist-get done :kind)
      ((or "connect" "host") t)
      ("no-login" (seq-some #'mew-submit-network-negative--blocked-p
                            (plist-get done :attempts)))
      ("deferred" (and (mew-submit-parcel-greeted parcel)
                       (<= 400 (mew-submit-parcel-greeted parcel) 499))))))

(defun mew-submit-parcel--pass (parcel account text)
  "Note TEXT, why the server of ACCOUNT cannot be used for PARCEL."
  (push (format "%s: %s" (plist-get account :server) text)
        (mew-submit-parcel-passed parcel)))

(defun mew-submit-parcel--next (parcel)
  "Have PARCEL go by the next of its servers that can be used; return the request.
Where there is none return nil.  Emacs does that by itself, so nobody is asked
for a passphrase: a server whose log-in is behind one cannot be used then."
  (let ((mew-submit-auth--ask nil)
        request)
    (while (and (null request) (mew-submit-parcel-servers parcel))
      (let ((account (pop (mew-submit-parcel-servers parcel))))
        (condition-case err
            (progn (mew-submit-parcel--tell-server parcel account)
                   (mew-submit-parcel--go-to parcel account)
                   (setq request (mew-submit-parcel--request parcel)))
          (mew-submit-error
           (mew-submit-parcel--pass parcel account (mew-submit-error--text err))))))
    request))

(defun mew-submit-parcel--elsewhere (parcel done)
  "Return a request to the next server of PARCEL after its bad end DONE, or nil.
Nothing of the message has been said to the one before.  Where there is no next
one, DONE is told why the others could not be used."
  (let ((before (mew-submit-parcel-account parcel)))
    (cond ((and (mew-submit-parcel-servers parcel)
                (mew-submit-parcel--out-of-reach-p parcel done))
           (mew-submit-request--learn-log-ins (mew-submit-parcel-host parcel) done)
           (mew-submit-parcel--learn parcel done)
           (mew-submit-parcel--pass parcel before (plist-get done :text))
           (or (mew-submit-parcel--next parcel)
               (progn
                 ;; It is this one that has ended.
                 (mew-submit-parcel--go-to parcel before)
                 (plist-put done :text (string-join
                                        (reverse (mew-submit-parcel-passed parcel))
                                        "; "))
                 nil)))
          ((mew-submit-parcel-passed parcel)
           (plist-put done :text
                      (format "%s.  Before that, %s"
                              (string-trim-right (or (plist-get done :text) "") "[.]")
                              (string-join (reverse (mew-submit-parcel-passed
                                                     parcel))
                                           "; ")))
           nil))))

(defun mew-submit-parcel--learn-server (parcel done)
  "Remember from DONE, the end of PARCEL, which of several servers took mail here."
  (when (and (cdr (mew-submit-parcel-names parcel))
             (member (plist-get done :result) '("delivered" "partial")))
    (mew-submit-network-server--learn
     (mew-submit-parcel-names parcel)
     (mew-submit-account--server-name (mew-submit-parcel-account parcel))
     (mew-submit-network--primary))))

;;; Ports that were blocked

(defvar mew-submit-parcel--rechecks nil
  "Who will be looked at again: a list of (SERVER . TIMER).")

(defconst mew-submit-parcel--recheck-delay 2
  "Seconds after a message before anything is looked at again.")

(defun mew-submit-parcel--recheck-in (seconds host account)
  "Look at HOST, ACCOUNT's server, again in SECONDS."
  (setf (alist-get host mew-submit-parcel--rechecks nil nil #'equal)
        (run-at-time seconds nil #'mew-submit-parcel--recheck host account)))

(defun mew-submit-parcel--recheck-later (host account networks)
  "Look again at what ACCOUNT's server HOST did not let through, when it is time.
NETWORKS are where this machine is.  A proxy that wants a password is left
alone: it might have to be asked for."
  (let ((entries (mew-submit-network-negative--find host networks))
        (tunnel (mew-submit-way--tunnel (plist-get account :tunnel))))
    (when (and entries
               (not (plist-get tunnel :tunnel-user))
               (not (assoc host mew-submit-parcel--rechecks)))
      (setq account (copy-sequence account))
      (cl-remf account :password)
      (mew-submit-parcel--recheck-in
       (max mew-submit-parcel--recheck-delay
            (mew-submit-network-negative--next-check entries))
       host account))))

(defun mew-submit-parcel--recheck (host account)
  "Look again at what ACCOUNT's server HOST did not let through.
That is done while Emacs is idle, or sends mail anyway; else it has time."
  (setf (alist-get host mew-submit-parcel--rechecks nil t #'equal) nil)
  (if (or noninteractive (current-idle-time) (mew-submit-job--list))
      (condition-case err
          (mew-submit-parcel--recheck-now host account)
        (mew-submit-error
         (mew-submit-background--tell "mew-submit: %s cannot be looked at again: %s" host
                                      (mew-submit-error--text err))))
    (mew-submit-parcel--recheck-in 10 host account)))

(defun mew-submit-parcel--recheck-now (host account)
  "Have the blocked ports of HOST, ACCOUNT's server, forgotten if they answer.
Return the session that looks, or nil where there is nothing to look at."
  (let* ((tunnel (plist-get account :tunnel))
         (networks (mew-submit-network-negative--networks tunnel))
         (entries (mew-submit-network-negative--find host networks))
         (request (and entries (mew-submit-request--probe account)))
         (routes (mew-submit-network-negative--unmark
                  (seq-filter (lambda (route) (nth 3 route))
                              (plist-get request :routes)))))
    (when routes
      (mew-submit-job--start
       (plist-put (plist-put request :routes routes) :ask-fallback nil)
       :on-done (lambda (done)
                  (mew-submit-network-negative--checked entries)
                  (mew-submit-network-negative--learn
                   host (plist-get done :attempts)
                   (mew-submit-network-negative--networks tunnel) networks))))))

;;; Events

(defvar mew-submit-parcel--refused (make-hash-table :test #'equal)
  "When this Emacs had a log-in refused that was not accepted since: (HOST . USER).")

(defun mew-submit-parcel--settle (parcel event)
  "Tell auth-source how EVENT judges the password of PARCEL."
  (let* ((job (plist-get event :job))
         (host (mew-submit-parcel-host parcel))
         (who (cons host (plist-get (mew-submit-parcel-account parcel) :user))))
    (pcase (plist-get event :event)
      ('auth (remhash who mew-submit-parcel--refused)
             (when-let* ((save (mew-submit-auth--settle job t host)))
               (mew-submit-auth--offer-to-save host save)))
      ('done (when (and (not (equal (plist-get event :kind) "ok"))
                        (mew-submit-refusal--secret-p event))
               (puthash who (float-time) mew-submit-parcel--refused)
               (mew-submit-auth--settle job nil host))
             (mew-submit-auth--close job)))))

(defun mew-submit-parcel--learn (parcel done)
  "Remember what the attempts of DONE, the end of PARCEL, tell of the network.
Where a message has gone another way because of it, look again some time."
  (when mew-submit-network-negative--active
    (let ((host (mew-submit-parcel-host parcel))
          (networks (mew-submit-network-negative--networks
                     (mew-submit-parcel--tunnel-name parcel))))
      (mew-submit-network-negative--learn host (plist-get done :attempts) networks
                                          (mew-submit-parcel-networks parcel))
      (when (member (plist-get done :result) '("delivered" "partial"))
        (mew-submit-parcel--recheck-later
         host (mew-submit-parcel-account parcel) networks)))))

(defun mew-submit-parcel--remember (parcel event)
  "Remember for other messages what is in EVENT of PARCEL, which has a memory."
  (pcase-let ((`(,file . ,server) (mew-submit-parcel-memory parcel)))
    (condition-case err
        (mew-submit-memory--note file server event
                                 (mew-submit-job-course (mew-submit-parcel-job parcel)))
      (file-error (mew-submit-background--tell
                   "What servers offer cannot be remembered, so less is no alarm: %s"
                   (mew-submit-error--text err))))))

(defun mew-submit-parcel--hear (parcel event)
  "Tell EVENT of PARCEL.
Before, note what is in it about server, password and network."
  (unwind-protect
      (let ((type (plist-get event :event)))
        (pcase type
          ('auth (mew-submit-parcel--settle parcel event))
          ('connected (setf (mew-submit-parcel-greeted parcel) nil))
          ('greeting (setf (mew-submit-parcel-greeted parcel) (plist-get event :code)))
          ('progress
           (setf (mew-submit-parcel-sent parcel) (or (plist-get event :sent) 0)
                 (mew-submit-parcel-total parcel) (or (plist-get event :total) 0))
           (when-let* ((entry (mew-submit-parcel-entry parcel)))
             (run-hook-with-args 'mew-submit-parcel--progress-functions entry event)))
          ('done
           (mew-submit-parcel--settle parcel event)
           (mew-submit-request--learn-log-ins (mew-submit-parcel-host parcel) event)
           (mew-submit-parcel--learn parcel event)
           (mew-submit-parcel--learn-server parcel event)))
        ;; The events that `mew-submit-memory--note' knows.
        (when (and (mew-submit-parcel-memory parcel)
                   (memq type '(tls capabilities auth done)))
          (mew-submit-parcel--remember parcel event)))
    (when-let* ((on-event (mew-submit-parcel-on-event parcel)))
      (funcall on-event event))))

(defun mew-submit-parcel--end (parcel done)
  "Clean up after PARCEL's attempt, which has ended with DONE, and tell it."
  (unwind-protect
      (mew-submit-parcel--clean-up parcel)
    (cond ((mew-submit-parcel-on-end parcel)
           (funcall (mew-submit-parcel-on-end parcel) parcel done))
          ((mew-submit-parcel-on-done parcel)
           (funcall (mew-submit-parcel-on-done parcel) done)))))

(defun mew-submit-parcel--send (parcel account)
  "Send PARCEL by ACCOUNT in the background, and return the job.
Its file, envelope and callbacks are in PARCEL.  The :password of ACCOUNT, and
what its :resolved has, is for this attempt alone, and overwritten.  Signal a
condition when there is no job."
  (setf (mew-submit-parcel-secrets parcel)
        (delq nil (list (plist-get account :password)
                        (plist-get (plist-get account :resolved) :proxy-password))))
  (unwind-protect
      (progn
        (unless (mew-submit-parcel-fields parcel)
          (setf (mew-submit-parcel-fields parcel)
                (mew-submit-message--fields (mew-submit-parcel-file parcel))))
        (mew-submit-parcel--prefer parcel account)
        (let ((request (mew-submit-parcel--request parcel))
              ;; Whoever quits from here on is too late.
              (inhibit-quit t))
          (setf (mew-submit-parcel-job parcel)
                (mew-submit-job--start
                 request
                 :hint (apply-partially #'mew-submit-parcel--hint parcel)
                 :on-event (apply-partially #'mew-submit-parcel--hear parcel)
                 :on-done (apply-partially #'mew-submit-parcel--end parcel)
                 :on-ask (apply-partially #'mew-submit-parcel--answer parcel)
                 :on-know (apply-partially #'mew-submit-parcel--answer-at-once parcel)
                 :again (apply-partially #'mew-submit-parcel--again parcel)))))
    ;; A job cleans up itself, at its end.
    (unless (mew-submit-parcel-job parcel)
      (mew-submit-parcel--clean-up parcel))))

(cl-defun mew-submit-parcel--log-in (account &key on-event on-done on-ask)
  "Log in by ACCOUNT, once, and send nothing; return the session.
ON-EVENT, ON-DONE and ON-ASK are as for `mew-submit-job--start'.  Signal a
condition when ACCOUNT cannot be used."
  (let ((parcel (mew-submit-parcel--make
               :account account :on-ask on-ask
               :host (mew-submit-request--host account))))
    (mew-submit-job--start
     (mew-submit-request--log-in-only account)
     :on-event (lambda (event)
                 (mew-submit-parcel--settle parcel event)
                 (when on-event
                   (funcall on-event event)))
     :on-done on-done
     :on-ask (lambda (event) (mew-submit-parcel--answer parcel event))
     :on-know (lambda (event) (mew-submit-parcel--answer-at-once parcel event)))))

(cl-defun mew-submit-parcel--submit
    (file &key account from recipients on-event on-done on-ask)
  "Submit the message FILE in the background and return the job.
ACCOUNT is as for `mew-submit-request--account', FROM and RECIPIENTS are the
envelope; where they are nil the header decides.  Fields that must not leave do
not, whether they are in FILE or not.  ON-EVENT, ON-DONE and ON-ASK are as for
`mew-submit-job--start'; questions that ACCOUNT answers do not come to ON-ASK.
A :password in ACCOUNT is the caller's to wipe, at once.  Signal a condition
when FILE cannot be sent."
  (let* ((fields (mew-submit-message--fields file))
         (account (mew-submit-request--account account fields))
         (parcel (mew-submit-parcel--make
                  :file file :fields fields
                  :envelope (mew-submit-request--envelope account fields from
                                                          recipients)
                  :on-event on-event :on-done on-done :on-ask on-ask))
         ;; It may be needed for another job, too.
         (password (copy-sequence (plist-get account :password))))
    (mew-submit-parcel--send
     parcel (if password
                (plist-put (copy-sequence account) :password password)
              account))))

(provide 'mew-submit-parcel)
;;; mew-submit-parcel.el ends here
