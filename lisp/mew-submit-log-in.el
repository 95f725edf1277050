;;; mew-submit-log-in.el --- A log-in as part of a diagnosis -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the log-in that a diagnosis ends with when the user has agreed: once, by the
;; route that mail would go by, with the account's own secret and by all rules that hold
;; for mail; then RSET and QUIT.  No mail is sent, and where the diagnosis has found no
;; route with verified TLS and a log-in nobody logs in.
;;
;; What came of it is in the diagnosis, :log-in, a plist:
;;
;;   :state      `running', `ended', or `untried' with :why in words
;;   :port :mechanism  where and how
;;   :text       what the server said, where it has accepted
;;   :done       the `done' event

;;; Code:

(require 'mew-submit-auth)
(require 'mew-submit-diagnosis)
(require 'mew-submit-error)
(require 'mew-submit-job)
(require 'mew-submit-parcel)
(require 'mew-submit-request)

(defun mew-submit-log-in--account (account attempt)
  "Return ACCOUNT as it logs in by the route of ATTEMPT."
  (append (list :tls 'required :plan nil :fallback 'always
                :routes (format "%d:%s" (plist-get attempt :port)
                                (plist-get attempt :mode)))
          account))

(defun mew-submit-log-in--user (account &optional port)
  "Return the user of ACCOUNT at PORT, by default 587, or nil.
Who is asked is as for `mew-submit-auth--lookup'."
  (or (plist-get account :user)
      (mew-submit-auth--user (mew-submit-request--host account) (or port 587) nil)))

(defun mew-submit-log-in--why-not (diagnosis account)
  "Return why nobody can log in after DIAGNOSIS by ACCOUNT, or nil."
  (pcase-let ((`(,submits . ,attempt) (mew-submit-diagnosis--verdict diagnosis)))
    (cond ((not (equal (plist-get (plist-get diagnosis :done) :kind) "ok"))
           "the diagnosis has not come to its end")
          ((not submits)
           "there is no port that has a log-in inside verified TLS")
          ((null (plist-get attempt :auth-tls))
           (format "port %s offers no log-in" (plist-get attempt :port)))
          ((not (mew-submit-log-in--user account (plist-get attempt :port)))
           "no user name is known: the account's :user, or --user, says it"))))

(defun mew-submit-log-in--note (diagnosis &rest keys)
  "Set KEYS, a plist, in what DIAGNOSIS knows of its log-in."
  (let ((log-in (plist-get diagnosis :log-in)))
    (while keys
      (setq log-in (plist-put log-in (pop keys) (pop keys))))
    (plist-put diagnosis :log-in log-in)))

(defun mew-submit-log-in--start (diagnosis account on-ask on-news)
  "Log in after DIAGNOSIS by ACCOUNT; ON-ASK and ON-NEWS as for `--begin'."
  (let* ((attempt (cdr (mew-submit-diagnosis--verdict diagnosis)))
         (user (mew-submit-log-in--user account (plist-get attempt :port))))
    (mew-submit-log-in--note diagnosis :state 'running
                             :port (plist-get attempt :port))
    (plist-put
     diagnosis :session
     (mew-submit-parcel--log-in
      (mew-submit-log-in--account (append (list :user user) account) attempt)
      :on-ask on-ask
      :on-done (lambda (done)
                 (let ((auth (plist-get (mew-submit-job-course
                                         (plist-get diagnosis :session))
                                        :auth)))
                   (mew-submit-log-in--note
                    diagnosis :state 'ended :done done :text (plist-get auth :text)
                    :mechanism (or (plist-get done :mechanism)
                                   (plist-get auth :mechanism))))
                 (funcall on-news))))))

(defun mew-submit-log-in--begin (diagnosis account on-ask on-news)
  "Log in after DIAGNOSIS, which has ended, by ACCOUNT.
ON-ASK answers the question for the secret, as for `mew-submit-job--start'.
ON-NEWS is called, without arguments, when it has ended.  The :session of
DIAGNOSIS is that of the log-in from now on, where there is one."
  (condition-case err
      ;; This is no command: whoever is typing is not asked for a passphrase here.
      (let* ((mew-submit-auth--ask nil)
             (why (mew-submit-log-in--why-not diagnosis account)))
        (if why
            (mew-submit-log-in--note diagnosis :state 'untried :why why)
          (mew-submit-log-in--start diagnosis account on-ask on-news)))
    (mew-submit-error
     (mew-submit-log-in--note diagnosis :state 'untried
                              :why (mew-submit-error--text err)))))

(defun mew-submit-log-in--wait (diagnosis)
  "Wait until DIAGNOSIS, and the log-in at its end, are over."
  (let (session)
    (while (not (eq session (plist-get diagnosis :session)))
      (setq session (plist-get diagnosis :session))
      (mew-submit-job--wait session))))

(provide 'mew-submit-log-in)
;;; mew-submit-log-in.el ends here
