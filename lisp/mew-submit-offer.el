;;; mew-submit-offer.el --- Another port that may work -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what can be offered when no port of an account's plan is of any
;; use on this network: port 465, where the plan does not have it and it answers.  It is
;; looked at in the background, only after a message could not be sent, without user and
;; password, and not oftener than `mew-submit-offer--seconds' says.
;;
;; No mail is sent there, and no question is asked here: whoever tells the user of the
;; message calls `mew-submit-offer--465', and shows what `mew-submit-offer--text' says.

;;; Code:

(require 'mew-submit-error)
(require 'mew-submit-network-negative)
(require 'mew-submit-refusal)
(require 'mew-submit-request)
(require 'mew-submit-course)
(require 'mew-submit-job)
(require 'seq)

(defconst mew-submit-offer--routes "465:implicit"
  "What is offered, as `mew-submit-queue--send-by' takes it.")

(defconst mew-submit-offer--seconds 900
  "For how many seconds what was seen there is believed.")

(defvar mew-submit-offer--seen nil
  "What was seen: a list of ((SERVER . NETWORK) WHEN . ANSWER).
ANSWER is t where port 465 answers and takes log-ins, nil where it does not, and
`looking' until that is known.")

(defun mew-submit-offer--place (account)
  "Return where port 465 of ACCOUNT's server is looked at: (SERVER . NETWORK)."
  (cons (mew-submit-request--host account)
        (plist-get (mew-submit-network-negative--here (plist-get account :tunnel)) :id)))

(defun mew-submit-offer--answer (place)
  "Return what was seen at PLACE not long ago, or `unknown'."
  (pcase (cdr (assoc place mew-submit-offer--seen))
    ((and `(,when . ,answer)
          (guard (< -1 (- (float-time) when) mew-submit-offer--seconds)))
     answer)
    (_ 'unknown)))

(defun mew-submit-offer--note (place answer)
  "Note ANSWER, what was seen at PLACE."
  (setf (alist-get place mew-submit-offer--seen nil nil #'equal)
        (cons (float-time) answer)))

(defun mew-submit-offer--wanted-p (account done)
  "Is 465 worth a look for ACCOUNT, whose message ended with DONE?
It is where no port could be used, or somebody spoils what is said before TLS,
or another one may help against what the server says, and 465 was not among
them, unless it has been said that no other port than the preferred one is
wanted."
  (and (or (member (plist-get done :kind) '("connect" "no-login"))
           (and (member (plist-get done :kind)
                        '("insecure" "lost" "protocol" "timeout" "tls"))
                (plist-get done :attempts)
                (null (plist-get done :tls)))
           (mew-submit-refusal--other-port-p done))
       (not (seq-some (lambda (attempt) (eql (plist-get attempt :port) 465))
                      (plist-get done :attempts)))
       (not (eq 'never (mew-submit-request--fallback account)))))

(defun mew-submit-offer--text (account done)
  "Return what to tell of port 465 to whom ACCOUNT's message ended with DONE.
That is nil where nothing is known in its favour."
  (and (mew-submit-offer--wanted-p account done)
       (eq t (mew-submit-offer--answer (mew-submit-offer--place account)))
       (format "Port 465 of %s answers: [Other port] (p) sends it there, as \
safely." (plist-get account :server))))

(defun mew-submit-offer--465 (account done function)
  "Call FUNCTION, without arguments, if port 465 can be offered after DONE.
DONE is the `done' event of a message of ACCOUNT, a plist.  What is not known is
looked at in the background first, and FUNCTION is called when that is over; of
several that wait for the same look the first one is.  Return the session that
looks, or nil."
  (when (mew-submit-offer--wanted-p account done)
    (let ((place (mew-submit-offer--place account)))
      (pcase (mew-submit-offer--answer place)
        ('t (funcall function) nil)
        ('unknown (mew-submit-offer--look account place function))))))

(defun mew-submit-offer--look (account place function)
  "Look at port 465 of ACCOUNT's server; call FUNCTION if it takes log-ins.
What was seen is noted for PLACE.  Return the session, or nil when it cannot be
looked at."
  (condition-case nil
      (letrec
          ((request (mew-submit-request--look account mew-submit-offer--routes))
           (session
            (mew-submit-job--start
             request
             :on-done
             (lambda (end)
               (let ((answer (and (equal (plist-get end :kind) "ok")
                                  (plist-get (mew-submit-course--current
                                              (mew-submit-job-course session))
                                             :auth-tls))))
                 ;; What was met while this machine moved tells nothing.
                 (if (equal place (mew-submit-offer--place account))
                     (mew-submit-offer--note place (and answer t))
                   (setf (alist-get place mew-submit-offer--seen nil t #'equal) nil))
                 (when answer
                   (funcall function)))))))
        (mew-submit-offer--note place 'looking)
        session)
    (mew-submit-error (mew-submit-offer--note place nil)
                      nil)))

(provide 'mew-submit-offer)
;;; mew-submit-offer.el ends here
