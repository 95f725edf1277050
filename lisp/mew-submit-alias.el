;;; mew-submit-alias.el --- Who gets mail for a name without a domain -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what becomes of a recipient such as root, whom the programs of
;; this machine name and no server outside of it knows: for mew-submit-sendmail and for
;; the relay alike.

;;; Code:

(require 'mew-submit-account)

(defcustom mew-submit-sendmail-aliases nil
  "Who gets mail for a recipient without a domain, such as root.
It is an alist of names and lists of addresses; the name t stands for all
others.  The default is nil: root, postmaster and your own name are the address
of the account that the message goes by, unless its server is this machine;
others are left to the mail server."
  :type '(alist :key-type (choice string (const :tag "All others" t))
                :value-type (repeat string))
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defun mew-submit-alias--own-address (name account)
  "Return ACCOUNT's address if NAME means the user and its server is not here."
  (and (member name (list "root" "postmaster" (user-login-name)))
       (not (mew-submit-account--local-p (plist-get account :server)))
       (let ((address (mew-submit-account--qualify account name)))
         (and (not (equal address name)) address))))

(defun mew-submit-alias--expand (address account)
  "Return the addresses that ADDRESS stands for in mail by ACCOUNT, a new list."
  (if (string-search "@" address)
      (list address)
    (or (copy-sequence (cdr (or (assoc address mew-submit-sendmail-aliases)
                                (assq t mew-submit-sendmail-aliases))))
        (list (or (mew-submit-alias--own-address address account)
                  address)))))

(provide 'mew-submit-alias)
;;; mew-submit-alias.el ends here
