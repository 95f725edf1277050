;;; mew-submit-token-mail.el --- The token that a mail waits for -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what becomes of a mail that needs an access token: it gets one, or its user is
;; asked to sign in, or to unlock what is kept, or it waits.

;;; Code:

(require 'mew-submit-auth)
(require 'mew-submit-background)
(require 'mew-submit-job)
(require 'mew-submit-question)
(require 'mew-submit-token)

(declare-function mew-submit-sign-in "mew-submit-sign-in" (account &rest keys))

(defun mew-submit-token-mail--pose (event key text choices function)
  "Have the user answer the question TEXT, for EVENT, and call FUNCTION with that.
KEY and CHOICES are as for `mew-submit-question--ask'.  Who waits for the mail
in the foreground is asked at once."
  (if mew-submit-job--waiting
      (funcall function (mew-submit-question--ask-now text choices nil))
    (mew-submit-question--ask (plist-get event :job) key text choices nil function)))

(defun mew-submit-token-mail--ask (event account problem reply)
  "Have the user do something about PROBLEM of ACCOUNT; REPLY takes the answer.
EVENT is the question of the mail that waits."
  (let* ((words (cdr problem))
         (none (lambda (why) (mew-submit-token-mail--none account why reply)))
         (again (lambda ()
                  (mew-submit-token-mail--reply
                   (plist-put (copy-sequence event) :refresh nil) account reply))))
    (cond ((or noninteractive (mew-submit-background--nobody-p))
           (funcall none (concat words
                                 (if (eq (car problem) 'locked)
                                     "; send from an Emacs that you can type it in, or \
have gpg-agent know it, and the mail goes out"
                                   "; M-x mew-submit-sign-in, and the mail goes out"))))
          ((eq (car problem) 'locked)
           (mew-submit-token-mail--pose
            event (list 'unlock-token) (concat words ".")
            (list (list "Unlock it" nil #'mew-submit-token--unlock)
                  '("Not now" no))
            (lambda (answer)
              (if (eq answer t) (funcall again)
                (funcall none (concat words "; you have said: not now"))))))
          (t (mew-submit-token-mail--pose
              event (list 'sign-in (mew-submit-token--id account))
              (concat words ".  Sign in?")
              '(("Sign in" yes) ("Not now" no))
              (lambda (answer)
                (if (not (eq answer 'yes))
                    (funcall none (concat words "; you have said: not now"))
                  (mew-submit-sign-in
                   account :join t :callback
                   (lambda (result)
                     (if (equal (plist-get result :result) "signed-in")
                         (funcall again)
                       (funcall none (plist-get result :text))))))))))))

(defun mew-submit-token-mail--none (account why reply)
  "Call REPLY with the answer that ACCOUNT has no token just now, because of WHY.
Without a pause its mail would be tried again at once."
  (mew-submit-auth--postpone account why)
  (funcall reply (cons :none why)))

(defun mew-submit-token-mail--reply (event account reply)
  "Call REPLY with the answer to the question EVENT for a token of ACCOUNT."
  (mew-submit-token--get
   account
   (lambda (access problem)
     (pcase (car problem)
       ('nil (funcall reply (cons (plist-get event :user) access)))
       ('later (mew-submit-token-mail--none account (cdr problem) reply))
       ('config (funcall reply (cons :failed (cdr problem))))
       (_ (mew-submit-token-mail--ask event account problem reply))))
   (plist-get event :refresh)))

;;;###autoload
(defun mew-submit-token-mail-answer (event account)
  "Return what answers the question EVENT for an access token of ACCOUNT.
It is a function that takes the function to answer with, or nil when ACCOUNT
does not say where it signs in.  This is on `mew-submit-auth--token-functions'."
  (when (mew-submit-token--keys account)
    (lambda (reply)
      (let ((why (mew-submit-auth--why-put-off account)))
        (if why
            (funcall reply (cons :none why))
          (mew-submit-token-mail--reply event account reply))))))

(provide 'mew-submit-token-mail)
;;; mew-submit-token-mail.el ends here
