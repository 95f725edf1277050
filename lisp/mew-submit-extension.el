;;; mew-submit-extension.el --- What one message asks of the server -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the wishes that SMTP extensions carry: delivery status
;; notifications (RFC 3461), REQUIRETLS (RFC 8689), DELIVERBY (RFC 2852),
;; FUTURERELEASE (RFC 4865) and MT-PRIORITY (RFC 6710).  Each is a key of an account,
;; an option of the batch command and a field X-Mew-Submit-... of a header; here its
;; value is checked and brought into the form the module takes.

;;; Code:

(require 'cl-lib)
(require 'iso8601)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'seq)

;;; Values

(defun mew-submit-extension--notify (value)
  "Return VALUE, when to send a notification, as NOTIFY takes it, or nil.
It is a list of strings or symbols, or one string."
  (let ((words (mapcar (lambda (word) (mew-submit-caseless--up (format "%s" word)))
                       (if (stringp value)
                           (split-string value "[, \t]+" t)
                         (ensure-list value)))))
    (and words
         (or (equal words '("NEVER"))
             (seq-every-p (lambda (word)
                            (member word '("SUCCESS" "FAILURE" "DELAY")))
                          words))
         (string-join (delete-dups words) ","))))

(defun mew-submit-extension--return (value)
  "Return VALUE, what is to be in a notification, as RET takes it, or nil."
  (cdr (assoc (mew-submit-caseless--down (format "%s" value))
              '(("full" . "FULL") ("headers" . "HDRS") ("hdrs" . "HDRS")))))

(defun mew-submit-extension--id (value)
  "Return the envelope identifier VALUE if ENVID can carry it, or nil.
As xtext it may have 100 characters (RFC 3461, section 4.4)."
  (and (stringp value)
       (mew-submit-caseless--exactly-p "\\`[ -~]+\\'" value)
       (<= (seq-reduce (lambda (sum char)
                         (+ sum (if (memq char '(?\s ?+ ?=)) 3 1)))
                       value 0)
           100)
       value))

(defun mew-submit-extension--truth (value)
  "Return `yes' or `no' for VALUE, or nil when it is neither."
  (cond ((memq value '(t yes)) 'yes)
        ((eq value 'no) 'no)
        ((stringp value)
         (cdr (assoc (mew-submit-caseless--down value) '(("yes" . yes) ("no" . no)))))))

(defun mew-submit-extension--deliver-by (value)
  "Return VALUE as BY takes it, or nil.
What has no letter is returned to the sender when it is late.  A message that
may be returned needs some time (RFC 2852, section 4)."
  (let ((text (format "%s" value)))
    (when (string-match
           "\\`\\([-+]?[0-9]\\{1,9\\}\\)\\(?:;\\([rn]\\)\\(t?\\)\\)?\\'"
           (mew-submit-caseless--down text))
      (let ((seconds (string-to-number (match-string 1 text)))
            (mode (mew-submit-caseless--up (or (match-string 2 text) "R")))
            (trace (mew-submit-caseless--up (or (match-string 3 text) ""))))
        (and (or (> seconds 0) (equal mode "N"))
             (format "%d;%s%s" seconds mode trace))))))

(defun mew-submit-extension--seconds (value)
  "Return VALUE, a number of seconds, as HOLDFOR takes it, or nil."
  (let ((text (format "%s" value)))
    (and (string-match-p "\\`[0-9]\\{1,9\\}\\'" text)
         (> (string-to-number text) 0)
         (number-to-string (string-to-number text)))))

(defun mew-submit-extension--parse-time (text)
  "Return the time that TEXT, a date with a time and a zone, names, or nil."
  (let* ((decoded (iso8601-parse text))
         ;; Not called by its name: Emacs 28's native compiler makes a function
         ;; of that which always returns nil.
         (time (apply #'encode-time (list decoded))))
    ;; Without this the 31st of February would be a day in March.
    (and (equal (seq-take decoded 6)
                (seq-take (decode-time time (decoded-time-zone decoded)
                                       'integer)
                          6))
         time)))

(defun mew-submit-extension--time (value)
  "Return VALUE, a time of RFC 3339, as HOLDUNTIL takes it, or nil.
It has to be in the future."
  (when (and (stringp value)
             (string-match-p "\\`[0-9]\\{4\\}-[0-9][0-9]-[0-9][0-9][Tt]\
[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\\(?:[Zz]\\|[-+][0-9][0-9]:[0-9][0-9]\\)\\'"
                             value))
    (let ((time (ignore-errors
                  (mew-submit-extension--parse-time (mew-submit-caseless--up value)))))
      (and time
           (time-less-p nil time)
           (format-time-string "%Y-%m-%dT%H:%M:%SZ" time t)))))

(defun mew-submit-extension--priority (value)
  "Return the priority VALUE, -9 to 9, as MT-PRIORITY takes it, or nil."
  (let ((text (format "%s" value)))
    (and (string-match-p "\\`[-+]?[0-9]\\'" text)
         (number-to-string (string-to-number text)))))

(defconst mew-submit-extension--table
  '((:dsn-notify "DSN-Notify" mew-submit-extension--notify
                 "never, or some of success, failure and delay")
    (:dsn-return "DSN-Return" mew-submit-extension--return "full or headers")
    (:dsn-id "Envelope-ID" mew-submit-extension--id
             "up to 100 printable ASCII characters")
    (:require-tls "Require-TLS" mew-submit-extension--truth "yes or no")
    (:deliver-by "Deliver-By" mew-submit-extension--deliver-by
                 "SECONDS;R (returned when late) or SECONDS;N (told when late)")
    (:hold-for "Hold-For" mew-submit-extension--seconds "a number of seconds")
    (:hold-until "Hold-Until" mew-submit-extension--time
                 "a time in the future such as 2030-12-24T18:00:00+01:00")
    (:mt-priority "Priority" mew-submit-extension--priority
                  "a number from -9 to 9"))
  "The wishes: (KEY FIELD FUNCTION WORDS).
FIELD is the name of the header field without X-Mew-Submit-; FUNCTION returns
the value the module takes, or nil for a wrong one; WORDS say what is right.")

(defun mew-submit-extension--key-p (key)
  "Is KEY of an account one of the wishes?"
  (and (assq key mew-submit-extension--table) t))

(defun mew-submit-extension--value (key value what kind)
  "Return VALUE of KEY as the module takes it.
WHAT names where VALUE stands; if it is wrong the condition of KIND, such as
`message', is signalled.  The value of :require-tls is `yes' or `no'."
  (pcase-let ((`(,_ ,_ ,function ,words)
               (assq key mew-submit-extension--table)))
    (or (funcall function value)
        (mew-submit-error--throw kind nil "%s has to be %s, not: %s"
                                 what words value))))

;;; The header

(defconst mew-submit-extension--orders '("Send-At" "Not-To" "Account" "From")
  "The names, without X-Mew-Submit-, of the fields for mew-submit itself.
They say when, to whom not, by which account and as whom a message is sent; they
are no wishes of the server.")

(defun mew-submit-extension--names ()
  "Return the names, without X-Mew-Submit-, of all fields there are."
  (append (mapcar (lambda (entry) (nth 1 entry)) mew-submit-extension--table)
          mew-submit-extension--orders))

(defun mew-submit-extension--entry (name)
  "Return the entry of the field X-Mew-Submit-... called NAME, or nil.
Signal `mew-submit-message' for a name that is ours but for a few letters: a
wish, such as that for TLS, must not be dropped in silence because of a slip."
  (or (seq-find (lambda (entry) (equal name (mew-submit-caseless--down (nth 1 entry))))
                mew-submit-extension--table)
      (when-let* ((most (if (> (length name) 4) 2 1))
                  ((not (member name (mapcar #'mew-submit-caseless--down
                                         mew-submit-extension--orders))))
                  (like (seq-find
                         (lambda (other)
                           (<= (string-distance name (mew-submit-caseless--down other)) most))
                         (mew-submit-extension--names))))
        (mew-submit-error--throw
         'message nil "There is no field X-Mew-Submit-%s; is X-Mew-Submit-%s \
meant?" (capitalize name) like))))

(defun mew-submit-extension--wishes (fields)
  "Return the wishes in FIELDS as a plist for `mew-submit-extension--merge'.
FIELDS is a list of (NAME . TEXT), the names in lower case and without
\"x-mew-submit-\"; other names are no wishes.  Signal `mew-submit-message' for
whatever is wrong."
  (let (wishes)
    (pcase-dolist (`(,name . ,text) fields)
      (when-let* ((entry (mew-submit-extension--entry name))
                  (key (car entry))
                  (what (concat "X-Mew-Submit-" (nth 1 entry))))
        (when (plist-member wishes key)
          (mew-submit-error--throw 'message nil "%s is there twice" what))
        (setq wishes (plist-put wishes key
                                (mew-submit-extension--value key text what
                                                             'message)))))
    (when (and (plist-get wishes :hold-for) (plist-get wishes :hold-until))
      (mew-submit-error--throw
       'message nil "X-Mew-Submit-Hold-For and -Hold-Until exclude each other"))
    wishes))

(defun mew-submit-extension--text (wishes)
  "Return the lines of a header that say WISHES, a plist."
  (cl-loop for (key value) on wishes by #'cddr
           concat (format "X-Mew-Submit-%s: %s\n"
                          (nth 1 (assq key mew-submit-extension--table)) value)))

(defun mew-submit-extension--merge (account wishes)
  "Return the plist ACCOUNT with WISHES, which go first."
  (seq-do (lambda (pair)
            (pcase-let ((`(,key ,value) pair))
              (setq account (plist-put account key value))
              (pcase key
                (:hold-for (setq account (plist-put account :hold-until nil)))
                (:hold-until (setq account (plist-put account :hold-for nil))))))
          (seq-partition wishes 2))
  account)

;;; The request

(defun mew-submit-extension--request (account)
  "Return the part of a request about the wishes of ACCOUNT.
Signal `mew-submit-config' for a value that is wrong."
  (when (and (plist-get account :hold-for) (plist-get account :hold-until))
    (mew-submit-error--throw 'config nil
                             ":hold-for and :hold-until exclude each other"))
  (mapcan (lambda (entry)
            (let* ((key (car entry))
                   (value (plist-get account key)))
              (when value
                (let ((value (mew-submit-extension--value
                              key value (symbol-name key) 'config)))
                  (list key (if (symbolp value) (eq value 'yes) value))))))
          mew-submit-extension--table))

;;; One recipient's wishes

(defun mew-submit-extension--original (value)
  "Return VALUE, the original recipient, if ORCPT can carry it, or nil.
It is a type, a semicolon, and an address in xtext (RFC 3461, section 4.2)."
  (and (stringp value)
       (<= (length value) 500)
       (let ((case-fold-search nil))
         (string-match-p
          "\\`[A-Za-z0-9-]\\{1,40\\};\\(?:[!-*,-<>-~]\\|\\+[0-9A-Fa-f]\\{2\\}\\)+\\'" value))
       value))

(defun mew-submit-extension--each (account recipients)
  "Return the part of a request about what ACCOUNT asks for each of RECIPIENTS.
The account's :each is a list of (ADDRESS :notify VALUE :original VALUE), as
NOTIFY and ORCPT have them."
  (when-let* ((each (plist-get account :each)))
    (let ((value (lambda (key check)
                   (mapcar (lambda (address)
                             (or (funcall check (plist-get
                                                 (cdr (assoc address each))
                                                 key))
                                 ""))
                           recipients))))
      (list :notify (funcall value :notify #'mew-submit-extension--notify)
            :original (funcall value :original
                               #'mew-submit-extension--original)))))

(provide 'mew-submit-extension)
;;; mew-submit-extension.el ends here
