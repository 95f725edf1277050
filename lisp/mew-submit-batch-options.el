;;; mew-submit-batch-options.el --- An account from the command line -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the options by which the batch commands are told how to send, which are those
;; of mew-submit-account.el: their values, what excludes what, and the account they make.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-address)
(require 'mew-submit-auth)
(require 'mew-submit-batch-command)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-module)
(require 'mew-submit-network-negative)
(require 'mew-submit-request)
(require 'mew-submit-way)
(require 'seq)

(defconst mew-submit-batch-options--rows (mew-submit-account--options)
  "The options that make an account: (NAME KEY ARGUMENT WHAT-FOR).
ARGUMENT is nil for a flag.")

(defun mew-submit-batch-options--plan (value)
  "Return VALUE, which must be the name of a plan."
  (if (member value (mew-submit-way--plan-names))
      value
    (mew-submit-error--throw 'usage nil "No such plan: %s; there are %s" value
                             (string-join (mew-submit-way--plan-names) ", "))))

(defun mew-submit-batch-options--mechanism (value)
  "Return VALUE, which must look like a SASL mechanism, or be none."
  (cond ((equal value "none") value)
        ((string-match-p "\\`[A-Za-z0-9_-]\\{1,20\\}\\'" value) (mew-submit-caseless--up value))
        (t (mew-submit-error--throw 'usage nil "Not a SASL mechanism: %s"
                                    value))))

(defun mew-submit-batch-options--value (name key value)
  "Return VALUE of option NAME, whose key is KEY, checked and converted."
  (pcase key
    (:plan (mew-submit-batch-options--plan value))
    (:routes (mew-submit-batch-command--read #'mew-submit-way--parse-routes value))
    (:family (mew-submit-batch-command--choice name value '(ipv4 ipv6)))
    (:tls (mew-submit-batch-command--choice name value '(required opportunistic none)))
    (:fallback (mew-submit-batch-command--choice name value '(always never)))
    ((or :timeout :step-timeout) (mew-submit-batch-command--seconds name value))
    (:auth (mew-submit-batch-options--mechanism value))
    (:without (let ((keywords (split-string value ",")))
                (mew-submit-batch-command--checked #'mew-submit-account--without
                                            keywords)))
    (:tls-minimum (mew-submit-batch-command--read #'mew-submit-way--tls-minimum value))
    (:tunnel (mew-submit-batch-command--checked #'mew-submit-way--tunnel value))
    (:ssh (mew-submit-batch-command--read #'mew-submit-way--tunnel
                                  (concat "ssh:" value))
          value)
    (:source (mew-submit-batch-command--checked #'mew-submit-way--source value))
    ((pred mew-submit-extension--key-p)
     (mew-submit-extension--value key value name 'usage))
    (_ value)))

(defconst mew-submit-batch-options--rules
  '(((:family :source) with (:ssh)))
  "What has no effect, as `mew-submit-batch-command--check' takes it.
The far end of a tunnel by ssh chooses the family.")

(defun mew-submit-batch-options--check-source (options)
  "Signal `mew-submit-usage' when OPTIONS name a source, and the other family.
Mail would leave from another address than was said."
  (let ((source (plist-get options :source))
        (family (plist-get options :family)))
    (when (and source family
               (not (eq family (if (string-search ":" source) 'ipv6 'ipv4))))
      (mew-submit-error--throw 'usage nil "--source has no effect with --family %s: %s is of the other one"
                               family source))))

(defun mew-submit-batch-options--check (options)
  "Signal `mew-submit-usage' or another condition unless OPTIONS fit together."
  (mew-submit-batch-command--check options mew-submit-batch-options--rows
                                   mew-submit-batch-options--rules)
  (mew-submit-batch-options--check-source options)
  (let ((get (lambda (key) (plist-get options key))))
    (cond
     ((and (funcall get :plan) (funcall get :routes))
      (mew-submit-error--throw 'usage nil "--plan and --routes exclude each other"))
     ((and (funcall get :ssh) (funcall get :tunnel))
      (mew-submit-error--throw 'usage nil "--ssh and --tunnel exclude each other"))
     ((and (funcall get :hold-for) (funcall get :hold-until))
      (mew-submit-error--throw 'usage nil
                               "--hold-for and --hold-until exclude each other"))
     ((and (funcall get :key-file) (not (funcall get :cert-file)))
      (mew-submit-error--throw 'usage nil "--key-file needs --cert-file"))
     ((and (or (funcall get :password-file) (funcall get :token-command))
           (not (funcall get :user)))
      (mew-submit-error--throw 'usage nil
                               "--password-file and --token-command need --user"))
     ((and (funcall get :password-file) (funcall get :token-command))
      (mew-submit-error--throw
       'usage nil "--password-file and --token-command exclude each other"))
     ((and (funcall get :token-command) (funcall get :auth)
           (not (mew-submit-auth--token-p (funcall get :auth))))
      (mew-submit-error--throw
       'usage nil "--token-command is for XOAUTH2 and OAUTHBEARER, not for %s"
       (funcall get :auth))))))

(defun mew-submit-batch-options--applied (options account)
  "Return ACCOUNT with what OPTIONS say; :told are the keys that they have set.
These stay when the account is looked up anew."
  (let (told)
    (setq account (plist-put account :fallback 'always))
    (cl-loop for (key value) on options by #'cddr
             when (and (seq-some (lambda (option) (eq (nth 1 option) key))
                                 mew-submit-batch-options--rows)
                       (not (memq key '(:password-file :ssh
                                                   :network-cache))))
             do (setq account (mew-submit-extension--merge account
                                                          (list key value)))
             (push key told))
    (when-let* ((host (plist-get options :ssh)))
      (setq account (plist-put account :tunnel (concat "ssh:" host)))
      (push :tunnel told))
    (when told
      (setq account (plist-put account :told told)))
    (when-let* ((file (plist-get options :password-file)))
      (setq account (plist-put account :password
                               (mew-submit-auth--read-file file)))
      ;; Another file, such as a pipe, could not be read again later.
      (when (mew-submit-module--regular-p file)
        (setq account (plist-put account :password-file
                                 (expand-file-name file)))))
    account))

(defun mew-submit-batch-options--account (options fields &optional account)
  "Return the account that OPTIONS describe, for a message with FIELDS.
Without --server it is ACCOUNT, or the user's own for the sender.  OPTIONS go
before what the message's own header wishes, and that before the account."
  (mew-submit-batch-options--applied
   options (mew-submit-request--account
            (if (plist-get options :server)
                (list :server (plist-get options :server))
              account)
            fields)))

(defun mew-submit-batch-options--check-server (options)
  "Signal `mew-submit-config' when OPTIONS and the user's settings name no server.
Check the name that is there, so that nothing is read in vain."
  (if-let* ((server (plist-get options :server)))
      (mew-submit-address--host server)
    (unless (or mew-submit-accounts (bound-and-true-p smtpmail-smtp-server))
      (mew-submit-error--throw 'config nil "No server is named: use --server, or put \
your accounts into ~/.config/mew-submit/config.el, which the shell command mew-submit reads"))))

(defun mew-submit-batch-options--remember (options)
  "Have what networks block remembered in the file that OPTIONS name, if any."
  (when-let* ((file (plist-get options :network-cache)))
    (setq mew-submit-negative-cache-file (expand-file-name file)
          mew-submit-network-negative--active t)))

(defun mew-submit-batch-options--on-ask (options)
  "Return the function that answers questions, as OPTIONS let it."
  (lambda (event)
    (and (equal (plist-get event :what) "password")
         ;; A token from a file has no other.
         (not (plist-get options :password-file))
         (mew-submit-auth--answer event))))

(provide 'mew-submit-batch-options)
;;; mew-submit-batch-options.el ends here
