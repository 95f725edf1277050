;;; mew-submit-caseless.el --- Lower and upper case of what is no language -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  Keywords, names of fields, of hosts and of mechanisms have the same letters in
;; any language.  Where Emacs is set up for Turkish, as it is by a Turkish locale,
;; `downcase' makes "ıd" of "ID" and `upcase' "PLAİN" of "plain": what is compared with a
;; word of a protocol goes through these instead.  It is the same for regexps and for
;; `string-prefix-p' where case is nothing: those find no "Message-Id" for "Message-ID".

;;; Code:

(defconst mew-submit-caseless--table
  (let ((table (copy-case-table (standard-case-table))))
    ;; As `turkish-case-conversion-disable' does.
    (set-case-syntax-pair ?I ?i table)
    (set-case-syntax ?İ "w" table)
    (set-case-syntax ?ı "w" table)
    table)
  "A case table where i is the small letter of I, whatever the user writes.")

(defun mew-submit-caseless--down (text)
  "Return TEXT, a string, in lower case."
  (with-case-table mew-submit-caseless--table
    (downcase text)))

(defun mew-submit-caseless--up (text)
  "Return TEXT, a string, in upper case."
  (with-case-table mew-submit-caseless--table
    (upcase text)))

(defmacro mew-submit-caseless--folding (&rest body)
  "Return the value of BODY, which matches or compares in the current buffer.
Case is nothing to a search, and I is the capital letter of i."
  (declare (indent 0) (debug t))
  `(with-case-table mew-submit-caseless--table
     (let ((case-fold-search t))
       ,@body)))

(defun mew-submit-caseless--exactly-p (regexp text)
  "Does REGEXP match TEXT, a string, case being something?
A search that folds case has, in Turkish, no I among the characters of ASCII."
  (let ((case-fold-search nil))
    (string-match-p regexp text)))

;; In a search that folds case, which is the default, [A-Z] finds no I in Turkish, either.
(defun mew-submit-caseless--everywhere ()
  "Let I be the capital letter of i in this Emacs, where nobody writes Turkish.
That is the Emacs of a batch command."
  (set-standard-case-table mew-submit-caseless--table)
  (set-case-table mew-submit-caseless--table))

(provide 'mew-submit-caseless)
;;; mew-submit-caseless.el ends here
