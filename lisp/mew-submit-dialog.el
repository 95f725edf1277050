;;; mew-submit-dialog.el --- The questions asked of the user -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the words of the questions that a running job has: whether to use
;; another port, for a password, and whether to save that.  None of them takes a key:
;; mew-submit-question.el keeps it until the user comes to it.  Only who waits for a
;; message in the foreground is asked at once, and in batch mode nobody is.  Whether a
;; certificate may be trusted is not among them (SECURITY.md, D25).

;;; Code:

(require 'mew-submit-auth)
(require 'mew-submit-error)
(require 'mew-submit-network-negative)
(require 'mew-submit-question)
(require 'mew-submit-report)
(require 'mew-submit-job)
(require 'seq)

(defun mew-submit-dialog--pose (event key text choices details finish)
  "Return what answers the question TEXT of EVENT, as ON-ASK functions do.
KEY, CHOICES and DETAILS are as for `mew-submit-question--ask'; FINISH makes
what the job gets of the user's answer."
  (cond (noninteractive nil)
        (mew-submit-job--waiting
         (funcall finish (mew-submit-question--ask-now text choices details)))
        (t (lambda (reply)
             (mew-submit-question--ask
              (plist-get event :job) key text choices details
              (lambda (answer) (funcall reply (funcall finish answer))))))))

;;; Another port?

(defun mew-submit-dialog--attempts (event)
  "Return lines about what was tried so far, as EVENT has it."
  (mapconcat (lambda (attempt)
               (concat "  " (mew-submit-report--attempt attempt) "\n"))
             (plist-get event :attempts) ""))

(defun mew-submit-dialog--remembered (event)
  "Return lines about what is remembered of the server of EVENT here, if any."
  (let ((entries (mew-submit-network-negative--find
                  (plist-get event :host)
                  (mew-submit-network-negative--networks (plist-get event :tunnel)))))
    (and entries
         (concat "\nRemembered, and so not tried first:\n"
                 (mapconcat
                  (lambda (entry)
                    (format "  port %s%s: case %s, met at %s; until %s\n"
                            (plist-get entry :port)
                            (pcase (plist-get entry :family)
                              ('ipv4 " over IPv4") ('ipv6 " over IPv6") (_ ""))
                            (plist-get entry :case) (plist-get entry :seen)
                            (plist-get entry :expires)))
                  entries "")))))

(defun mew-submit-dialog--fallback-details (event network)
  "Return what there is to know before the question EVENT is answered.
NETWORK is where this machine is."
  (concat
   (format "Server:   %s\nNetwork:  %s\n\n" (plist-get event :host)
           (plist-get network :label))
   "Tried for this message:\n" (mew-submit-dialog--attempts event)
   (mew-submit-dialog--remembered event)
   (format "
Port %s asks for the same security as port %s: TLS and the server's
certificate are checked in the same way, and nothing has been sent yet.

This time  send this message through port %s
Always     do so from now on, to this server on this network
Never      never do so, to this server on this network
Not now    leave the message in the outbox

\"Always\" and \"Never\" are saved in mew-submit-fallback-networks;
M-x mew-submit-forget-network takes them back.\n"
           (plist-get event :port) (plist-get event :preferred-port)
           (plist-get event :port))))

(defun mew-submit-dialog--fallback-answer (answer host networks network)
  "Return what a job gets when the user gives ANSWER about HOST on NETWORK.
What has been said of NETWORKS for good meanwhile goes before."
  (let ((rule (mew-submit-network-negative--rule host networks)))
    (when (and (memq answer '(always never)) (not (eq answer rule)))
      (mew-submit-network-negative--set-rule host answer network))
    (pcase (or rule answer)
      ((or 'yes 'always) "yes")
      ('never (cons :failed mew-submit-network-negative--never)))))

(defun mew-submit-dialog--fallback (event)
  "Return what answers the question EVENT, whether to use a less preferred port."
  (let* ((host (plist-get event :host))
         (networks (mew-submit-network-negative--networks (plist-get event :tunnel)))
         (network (mew-submit-network-negative--here (plist-get event :tunnel)))
         (finish (lambda (answer)
                   (mew-submit-dialog--fallback-answer answer host networks
                                                       network))))
    (if (mew-submit-network-negative--rule host networks)
        (funcall finish nil)
      (mew-submit-dialog--pose
       event (list 'fallback host networks (plist-get event :port))
       (format "Port %s of %s is blocked here.  Send through port %s?"
               (plist-get event :preferred-port) host (plist-get event :port))
       '(("This time" yes) ("Always on this network" always sure)
         ("Never" never sure) ("Not now" nil))
       (lambda () (mew-submit-dialog--fallback-details event network))
       finish))))

;;; Password?

(defun mew-submit-dialog--token (event)
  "Return what answers the question EVENT for an access token; nobody is asked."
  (let ((mew-submit-auth--ask nil))
    (condition-case err
        (mew-submit-auth--answer event)
      (mew-submit-secret (cons :none (mew-submit-error--text err))))))

(defun mew-submit-dialog--password (event &optional read)
  "Return what answers the question EVENT for a password.
What can be read without asking is; else the user is asked, by READ, a function,
when they have come to the question."
  (let ((user (plist-get event :user))
        (wrong (plist-get event :wrong))
        place)
    (cond ((mew-submit-auth--token-p (plist-get event :mechanism))
           (mew-submit-dialog--token event))
          ((and (not wrong) (mew-submit-auth--known event)))
          (t (setq place (mew-submit-auth--place (plist-get event :host)
                                                 (plist-get event :port)))
             (mew-submit-dialog--pose
              event (list 'password place user wrong)
              (cond ((eq wrong 'app-password)
                     (format "%s wants an application password for %s, which its web \
site makes, not the usual one." place user))
                    (wrong (format "%s did not accept the password of %s.  Another one?"
                                   place user))
                    (user (format "%s wants the password of %s." place user))
                    (t (format "%s wants a user name and a password." place)))
              (list (list "Enter it" nil
                          (or read (lambda () (mew-submit-auth--answer event))))
                    (list "Not now" nil))
              nil
              #'identity)))))

;;; Sent, but no answer came

(defun mew-submit-dialog--send-twice-p (entry)
  "Does the user want ENTRY's message, which may have arrived, sent again?
That has to be said in full.  In batch mode nobody is asked, and it is no."
  (and (not noninteractive)
       (let ((use-dialog-box nil)
             (recipients (seq-difference (plist-get entry :recipients)
                                         (plist-get entry :unsent))))
         (discard-input)
         (yes-or-no-p
          (format "%s%s may have it already, and get it twice.  Send it again? "
                  (mew-submit-error--clean (or (car recipients) "Somebody"))
                  (if (cdr recipients)
                      (format " and %d more" (length (cdr recipients)))
                    ""))))))

;;; Questions of a job

(defun mew-submit-dialog--answer (event)
  "Return the user's answer to the `ask' EVENT, or nil for none.
It is a string, (USER . PASSWORD), (:failed . WHY), or a function that tells
such an answer later."
  (pcase (plist-get event :what)
    ("fallback" (mew-submit-dialog--fallback event))
    ("password" (mew-submit-dialog--password event))))

(function-put 'mew-submit-dialog--answer 'mew-submit-asks-again t)

(provide 'mew-submit-dialog)
;;; mew-submit-dialog.el ends here
