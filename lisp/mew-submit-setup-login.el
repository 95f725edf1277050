;;; mew-submit-setup-login.el --- How one logs in at a server that was found -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns how one logs in at the server of a look: by which secret, what one has to know
;; before, how it is asked for, and the account that all of that makes.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-setup-discover)
(require 'mew-submit-setup-provider)
(require 'mew-submit-setup-search)
(require 'seq)

(defun mew-submit-setup-login--can-sign-in-p ()
  "Can this Emacs sign in for access tokens?"
  (fboundp 'mew-submit-sign-in))

(defun mew-submit-setup-login--of (look)
  "Return how one logs in at the server of LOOK.
It is as the :login of a candidate, or `none'."
  (let* ((candidate (mew-submit-setup-search-look-candidate look))
         (login (plist-get candidate :login)))
    (cond ((or (equal (plist-get candidate :auth) "none")
               (null (mew-submit-setup-search--mechanisms look)))
           'none)
          ((and (eq login 'oauth)
                (plist-get candidate :password)
                (not (and (mew-submit-setup-login--can-sign-in-p)
                          (plist-get candidate :issuer))))
           'password)
          (t (or login 'password)))))

(defun mew-submit-setup-login--whose (candidate)
  "Return whose server CANDIDATE is, for people."
  (or (plist-get candidate :provider) (plist-get candidate :host)))

(defun mew-submit-setup-login--words (login candidate address)
  "Return what has to be known of LOGIN at CANDIDATE's server for ADDRESS, or nil."
  (let ((whose (mew-submit-setup-login--whose candidate))
        (page (plist-get candidate :page)))
    (pcase login
      ('app-password
       (format "%s takes no ordinary password here, but one made for a program.  Make \
such an application password on%s" whose
               (if page (format "\n%s" page) " its web site.")))
      ('bridge
       (format "%s lets programs in through its bridge, which gives you a password of \
its own.%s" whose (if page (format "  It is had at\n%s" page) "")))
      ('oauth
       (if (and (mew-submit-setup-login--can-sign-in-p) (plist-get candidate :issuer))
           (let ((host (mew-submit-setup-provider--url-host (plist-get candidate :issuer))))
             (format "%s wants you to sign in, at %s: your browser opens for that, or you \
get a code to type there.%s"
                     whose host
                     (if (mew-submit-setup-discover--foreign-issuer-p
                          candidate (mew-submit-setup-discover--domain address))
                         (format "  %s is neither your domain's nor that of %s, who gets \
what it gives out: sign in only if it is your provider's."
                                 host (plist-get candidate :host))
                       "")))
         (format "%s takes access tokens only, no password: add the \
account in GNOME's settings (Online Accounts), or set mew-submit-oauth2-token-command to \
a program that prints one." whose))))))

(defun mew-submit-setup-login--secret-prompt (login user candidate)
  "Return how USER is asked for the secret that LOGIN at CANDIDATE's server wants."
  (format (pcase login
            ('app-password "Application password of %s for %s (empty: ask later): ")
            ('bridge "Password that the bridge shows for %s (%s; empty: ask later): ")
            (_ "Password of %s at %s (empty: ask later): "))
          user (mew-submit-setup-login--whose candidate)))

(defun mew-submit-setup-login--oauth-before (candidate address)
  "Return the :oauth of the account of ADDRESS, if that is as of CANDIDATE.
There is a client id in it, perhaps, which nobody wants to enter again."
  (when-let* ((account (seq-find (lambda (account)
                                   (equal address (mew-submit-address--bare
                                                   (plist-get account :from))))
                                 (mew-submit-account--listed)))
              (keys (plist-get account :oauth)))
    (and (keywordp (car-safe keys))
         (equal (plist-get account :server) (plist-get candidate :host))
         (seq-every-p (lambda (key)
                        (equal (plist-get keys key) (plist-get candidate key)))
                      '(:issuer :scope :redirect))
         keys)))

(defun mew-submit-setup-login--account-for (login candidate address)
  "Return the account for CANDIDATE, where one logs in by LOGIN, for ADDRESS."
  (let ((account (mew-submit-setup-search--account candidate address)))
    (pcase login
      ('none (append '(:auth "none") account))
      ('oauth
       (append (list :oauth
                     (if (and (mew-submit-setup-login--can-sign-in-p)
                              (plist-get candidate :issuer))
                         (or (mew-submit-setup-login--oauth-before candidate address)
                             (cl-loop for key in '(:issuer :scope :redirect)
                                      when (plist-get candidate key)
                                      append (list key (plist-get candidate key))))
                       t))
               account))
      (_ account))))

(provide 'mew-submit-setup-login)
;;; mew-submit-setup-login.el ends here
