;;; mew-submit-setup-provider.el --- Providers that many people have -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns a table of providers: by which mail exchangers they are known, which
;; servers take mail of their users, and how one logs in there.  It is asked when the domain
;; says nothing itself, and in any case for how one logs in, which no record tells.
;;
;; Providers change what they want.  What is here is where to begin; what a server says
;; goes before.

;;; Code:

(require 'mew-submit-caseless)
(require 'seq)
(require 'subr-x)

(defconst mew-submit-setup-provider--table
  `(("Google" :mx ("google.com" "googlemail.com")
     :servers (("smtp.gmail.com" 465 implicit) ("smtp.gmail.com" 587 starttls))
     :aliases ("smtp.googlemail.com")
     :login app-password :page "https://myaccount.google.com/apppasswords"
     :issuer "https://accounts.google.com" :scope "https://mail.google.com/")
    ("Outlook.com" :mx ("olc.protection.outlook.com")
     :servers (("smtp-mail.outlook.com" 587 starttls))
     :aliases ("smtp.office365.com" "smtp.live.com")
     :login oauth :issuer "https://login.microsoftonline.com/consumers/v2.0"
     :scope "https://outlook.office.com/SMTP.Send offline_access"
     :redirect "http://localhost")
    ("Microsoft 365" :mx ("mail.protection.outlook.com" "mx.microsoft")
     :servers (("smtp.office365.com" 587 starttls))
     :aliases ("smtp-mail.outlook.com" "outlook.office365.com")
     :login oauth :issuer "https://login.microsoftonline.com/organizations/v2.0"
     :scope "https://outlook.office.com/SMTP.Send offline_access"
     :redirect "http://localhost")
    ("AOL" :mx ("mx-aol.mail.gm0.yahoodns.net")
     :servers (("smtp.aol.com" 465 implicit) ("smtp.aol.com" 587 starttls))
     :login app-password :page "https://login.aol.com/account/security"
     :issuer "https://api.login.aol.com")
    ("Yahoo" :mx ("yahoodns.net")
     :servers (("smtp.mail.yahoo.com" 465 implicit) ("smtp.mail.yahoo.com" 587 starttls))
     :login app-password :page "https://login.yahoo.com/account/security"
     :issuer "https://api.login.yahoo.com")
    ("iCloud" :mx ("mail.icloud.com")
     :servers (("smtp.mail.me.com" 587 starttls))
     :login app-password :page "https://account.apple.com/account/manage")
    ("Fastmail" :mx ("messagingengine.com")
     :servers (("smtp.fastmail.com" 465 implicit) ("smtp.fastmail.com" 587 starttls))
     :aliases ("mail.messagingengine.com" "smtp.messagingengine.com")
     :login app-password :page "https://app.fastmail.com/settings/security"
     :issuer "https://api.fastmail.com")
    ("Yandex" :mx ("mx.yandex.net" "mx.yandex.ru")
     :servers (("smtp.yandex.com" 465 implicit))
     :aliases ("smtp.yandex.ru")
     :login app-password :page "https://id.yandex.com/security/app-passwords")
    ("Mail.ru" :mx ("mxs.mail.ru" "emx.mail.ru")
     :servers (("smtp.mail.ru" 465 implicit))
     :login app-password :page "https://account.mail.ru/user/2-step-auth/passwords/")
    ("Proton" :mx ("mail.protonmail.ch" "mailsec.protonmail.ch")
     :servers (("127.0.0.1" 1025 starttls))
     :login bridge :page "https://proton.me/mail/bridge")
    ;; A log-in is good in its own region alone; business accounts have smtppro.
    ,@(mapcar (pcase-lambda (`(,name ,domain))
                (let ((host (concat "smtp." domain)))
                  `(,name :mx (,domain)
                    :servers ((,host 465 implicit) (,host 587 starttls))
                    :aliases (,(concat "smtppro." domain)))))
              '(("Zoho" "zoho.com") ("Zoho Europe" "zoho.eu") ("Zoho India" "zoho.in")
                ("Zoho Australia" "zoho.com.au") ("Zoho Japan" "zoho.jp")
                ("Zoho Canada" "zohocloud.ca") ("Zoho China" "zoho.com.cn")
                ("Zoho Saudi Arabia" "zoho.sa")))
    ("GMX" :mx ("gmx.net")
     :servers (("mail.gmx.net" 465 implicit) ("mail.gmx.net" 587 starttls)))
    ("WEB.DE" :mx ("web.de")
     :servers (("smtp.web.de" 465 implicit) ("smtp.web.de" 587 starttls)))
    ("mailbox.org" :mx ("mailbox.org")
     :servers (("smtp.mailbox.org" 465 implicit) ("smtp.mailbox.org" 587 starttls)))
    ("Posteo" :mx ("posteo.de")
     :servers (("posteo.de" 465 implicit) ("posteo.de" 587 starttls)))
    ("Migadu" :mx ("migadu.com")
     :servers (("smtp.migadu.com" 465 implicit) ("smtp.migadu.com" 587 starttls)))
    ("Infomaniak" :mx ("infomaniak.ch")
     :servers (("mail.infomaniak.com" 465 implicit) ("mail.infomaniak.com" 587 starttls)))
    ("Gandi" :mx ("mail.gandi.net")
     :servers (("mail.gandi.net" 465 implicit) ("mail.gandi.net" 587 starttls)))
    ("Runbox" :mx ("runbox.com")
     :servers (("mail.runbox.com" 465 implicit) ("mail.runbox.com" 587 starttls))))
  "Providers: (NAME KEY VALUE...).
:mx      suffixes of mail exchangers; the first entry that fits counts
:servers (HOST PORT TLS), the preferred one first
:aliases other names that its users have for one of them
:login   `password' (where it is missing), `app-password', `oauth', or
         `bridge', a program of the provider's on this machine
:page    where an application password is made, or the bridge is had
:issuer  who issues its access tokens; :scope what to ask that one for, and
         :redirect where it sends a browser back to, as the manual has one say.")

(defvar mew-submit-setup-provider--list mew-submit-setup-provider--table
  "The providers that are known.")

(defun mew-submit-setup-provider--within-p (host suffix)
  "Is HOST the domain SUFFIX, or in it?"
  (string-suffix-p (concat "." suffix)
                   (concat "." (string-remove-suffix "." host)) t))

(defun mew-submit-setup-provider--by-mx (host)
  "Return the provider that the mail exchanger HOST belongs to, or nil."
  (seq-find (lambda (provider)
              (seq-some (lambda (suffix)
                          (mew-submit-setup-provider--within-p host suffix))
                        (plist-get (cdr provider) :mx)))
            mew-submit-setup-provider--list))

(defun mew-submit-setup-provider--names (provider)
  "Return the names of PROVIDER's servers, aliases last."
  (append (mapcar #'car (plist-get (cdr provider) :servers))
          (plist-get (cdr provider) :aliases)))

(defun mew-submit-setup-provider--by-server (host)
  "Return the provider one of whose servers HOST is, or nil.
Who has it by an alias comes after all who have it.  A bridge is not known by
its address, which is that of this machine."
  (let ((host (mew-submit-caseless--down host))
        (providers (seq-remove (lambda (provider)
                                 (eq (plist-get (cdr provider) :login) 'bridge))
                               mew-submit-setup-provider--list)))
    (or (seq-find (lambda (provider) (assoc host (plist-get (cdr provider) :servers)))
                  providers)
        (seq-find (lambda (provider) (member host (plist-get (cdr provider) :aliases)))
                  providers))))

(defun mew-submit-setup-provider--same-p (host other)
  "Is OTHER, too, a name of the server HOST, as far as is known?
That is so where both are names of one provider's."
  (let ((host (mew-submit-caseless--down host))
        (other (mew-submit-caseless--down other)))
    (or (equal host other)
        (seq-some (lambda (provider)
                    (let ((names (mew-submit-setup-provider--names provider)))
                      (and (not (eq (plist-get (cdr provider) :login) 'bridge))
                           (member host names)
                           (member other names)
                           t)))
                  mew-submit-setup-provider--list))))

(defun mew-submit-setup-provider--url-host (url)
  "Return the host of URL, an address of https, in lower case, or nil."
  (and (stringp url)
       (mew-submit-caseless--exactly-p "\\`[!-~]+\\'" url)
       (string-match "\\`https://\\([a-z0-9.-]+\\)\\(?::[0-9]+\\)?\\(?:/\\|\\'\\)"
                     (mew-submit-caseless--down url))
       (match-string 1 (mew-submit-caseless--down url))))

(defun mew-submit-setup-provider--by-issuer (issuer)
  "Return the providers whose access tokens ISSUER, an address of https, gives out."
  (when-let* ((name (mew-submit-setup-provider--url-host issuer)))
    (seq-filter (lambda (provider)
                  (equal name (mew-submit-setup-provider--url-host
                               (plist-get (cdr provider) :issuer))))
                mew-submit-setup-provider--list)))

(defun mew-submit-setup-provider--token-for-p (issuer host)
  "May a token of ISSUER, an address of https, be given to the server HOST?
That of a provider in the table is for the servers of that one only: whoever
names another server wants the mailboxes of its users."
  (and (mew-submit-setup-provider--url-host issuer)
       (let ((owners (mew-submit-setup-provider--by-issuer issuer)))
         (or (null owners)
             (and (memq (mew-submit-setup-provider--by-server host) owners) t)))))

(provide 'mew-submit-setup-provider)
;;; mew-submit-setup-provider.el ends here
