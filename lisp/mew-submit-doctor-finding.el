;;; mew-submit-doctor-finding.el --- What a finding of the doctor is -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the form of a finding: a plist (:topic :status :text :advice), STATUS being `ok',
;; `note', `warning' or `error'; and which accounts there are to find something about.

;;; Code:

(require 'mew-submit-account)
(require 'mew-submit-error)

(defun mew-submit-doctor-finding--make (topic status format &rest args)
  "Return a finding about TOPIC with STATUS; FORMAT and ARGS make its text.
What follows a line end in the text is the advice."
  (let ((parts (split-string (apply #'format format args) "\n")))
    (list :topic topic :status status
          :text (mew-submit-error--clean (car parts))
          :advice (and (cdr parts)
                       (mew-submit-error--clean (string-join (cdr parts) " "))))))

(defun mew-submit-doctor-finding--guarded (topic function &rest args)
  "Return the findings of FUNCTION with ARGS, a check of TOPIC.
A check that fails itself is a finding too."
  (condition-case err
      (delq nil (apply function args))
    (error (list (mew-submit-doctor-finding--make
                  topic 'error "%s" (mew-submit-error--text err))))))

(defun mew-submit-doctor-finding--accounts ()
  "Return the user's accounts: their own, or the one made of smtpmail's variables."
  (or (and (proper-list-p mew-submit-accounts)
           (seq-filter #'mew-submit-account--plist-p (mew-submit-account--listed)))
      (ignore-errors (list (mew-submit-account--choose nil)))))

(defun mew-submit-doctor-finding--topic (number)
  "Return the topic for the account with NUMBER."
  (format "account %d" number))

(provide 'mew-submit-doctor-finding)
;;; mew-submit-doctor-finding.el ends here
