;;; mew-submit-alias.el --- Who gets mail for a name without a domain -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what becomes of a recipient such as root, whom the programs of
;; this machine name and no server outside of it knows: for mew-submit-sendmail and for
;; the relay alike.

;;; Code:

(require 'mew-submit-account)
(require 'mew-submit-address)
(require 'mew-submit-caseless)
(require 'mew-submit-message)
(require 'seq)

(defcustom mew-submit-sendmail-aliases nil
  "Who gets mail for a recipient without a domain, such as root.
It is an alist of names, in either case, and lists of addresses, also such as
\"Joe <joe@example.org>\", or such names themselves; the name t stands for all
others.  A domain that is this machine, as in root@localhost, is none.  The
default is nil: root, postmaster and your own name are the address of the
account that the message goes by, unless its server is this machine; others are
left to the mail server."
  :type '(alist :key-type (choice string (const :tag "All others" t))
                :value-type (repeat string))
  :group 'mew-submit-relay
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defun mew-submit-alias--own-address (name account)
  "Return ACCOUNT's address if NAME means the user and its server is not here.
NAME is in lower case."
  (and (member name (list "root" "postmaster" (mew-submit-caseless--down (user-login-name))))
       (not (mew-submit-account--local-p (plist-get account :server)))
       (let ((address (mew-submit-account--qualify account name)))
         (and (not (equal address name)) address))))

(defun mew-submit-alias--entry (name)
  "Return the alias for NAME, which is in lower case, or the one for all others."
  (or (seq-find (lambda (alias)
                  (and (stringp (car alias))
                       (equal (mew-submit-caseless--down (car alias)) name)))
                mew-submit-sendmail-aliases)
      (assq t mew-submit-sendmail-aliases)))

(defun mew-submit-alias--expand (address account &optional seen)
  "Return the addresses that ADDRESS stands for in mail by ACCOUNT, a new list.
SEEN are the names on the way there, none of which is followed again."
  (if (not (mew-submit-account--unqualified-p address))
      (list address)
    (let ((name (mew-submit-caseless--down (car (mew-submit-address--split address)))))
      (or (unless (member name seen)
            (mapcan (lambda (other)
                      (mew-submit-alias--expand other account (cons name seen)))
                    (mew-submit-message--said (cdr (mew-submit-alias--entry name)))))
          (list (or (mew-submit-alias--own-address name account)
                    address))))))

(provide 'mew-submit-alias)
;;; mew-submit-alias.el ends here
