;;; mew-submit-relay-smtp.el --- What SMTP clients say, and how they are answered -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the grammar of the commands that the relay takes (RFC 5321,
;; and the extensions it offers) and the form of its replies.  It knows nothing of
;; connections, messages and the outbox.
;;
;; Whatever is wrong is signalled as `mew-submit-relay-no', whose data are the reply's
;; code, enhanced code (RFC 3463) and text.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-address)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'seq)

(define-error 'mew-submit-relay-no "The relay says no")

(defun mew-submit-relay-smtp--no (code enhanced format &rest args)
  "Refuse with CODE, ENHANCED, and the text that FORMAT and ARGS make."
  (signal 'mew-submit-relay-no
          (list code enhanced (apply #'format format args))))

;;; Replies

(defconst mew-submit-relay-smtp--reply-max 500
  "How many octets a line of a reply has at most, its code and CRLF left out.")

(defconst mew-submit-relay-smtp--lines-max 50
  "How many lines a reply has at most.")

(defun mew-submit-relay-smtp--text (text utf8)
  "Return TEXT of a reply as octets of a line; only with UTF8 it may be not ASCII."
  (let* ((clean (replace-regexp-in-string "[\0-\37\177]" "?" text))
         (octets (encode-coding-string
                  (if utf8
                      clean
                    (replace-regexp-in-string "[^\0-\177]" "?" clean))
                  'utf-8-unix)))
    (if (<= (length octets) mew-submit-relay-smtp--reply-max)
        octets
      ;; Not within a character.
      (let ((end (- mew-submit-relay-smtp--reply-max 3)))
        (while (= (logand (aref octets end) #xC0) #x80)
          (setq end (1- end)))
        (concat (substring octets 0 end) "...")))))

(defun mew-submit-relay-smtp--public (text)
  "Return TEXT, words of our own for an error, without the names of files.
They are of no use to a client, which may be on another machine."
  ;; A name may hold blanks: a word with a slash in it goes on with it.
  (replace-regexp-in-string
   "\\(\\`\\|[ (\"'\u2018]\\)[/~][^ ,;]*[^] .,:;)\"'\u2019]\\(?: [^ ,;/]*/[^ ,;]*[^] .,:;)\"'\u2019]\\)*"
   "\\1a file" text))

(defun mew-submit-relay-smtp--lines (code lines &optional utf8)
  "Return the reply CODE with LINES, strings, as octets.
Without UTF8, characters that are not ASCII become question marks."
  (let* ((lines (or (seq-take lines mew-submit-relay-smtp--lines-max) '("")))
         (last (1- (length lines))))
    (apply #'concat
           (cl-loop for line in lines
                    for i from 0
                    collect (format "%03d%s" code (if (= i last) " " "-"))
                    collect (mew-submit-relay-smtp--text line utf8)
                    collect "\r\n"))))

(defun mew-submit-relay-smtp--reply (code enhanced text &optional utf8)
  "Return the reply CODE with ENHANCED, or nil, and TEXT as octets.
UTF8 is as for `mew-submit-relay-smtp--lines'."
  (mew-submit-relay-smtp--lines
   code (list (if enhanced (concat enhanced " " text) text)) utf8))

;;; Commands

(defconst mew-submit-relay-smtp--commands
  '(("EHLO" 512) ("HELO" 512) ("AUTH" 4096) ("MAIL" 1024) ("RCPT" 1200)
    ("DATA" 512) ("BDAT" 512) ("RSET" 512) ("NOOP" 512) ("QUIT" 512)
    ("VRFY" 512) ("EXPN" 512) ("HELP" 512) ("STARTTLS" 512))
  "The commands that are known: (VERB OCTETS), with how long each may be.
Extensions make those longer that have parameters.")

(defconst mew-submit-relay-smtp--line-max 4096
  "How many octets a line may have, whatever it is.")

(defun mew-submit-relay-smtp--command (line)
  "Return LINE, octets without its CRLF, as (VERB . ARGUMENT), two strings.
VERB is in upper case."
  (unless (let ((case-fold-search nil))
            (string-match "\\`\\([A-Za-z]+\\)\\(?: \\|\\'\\)" line))
    (mew-submit-relay-smtp--no 500 "5.5.2" "Not a command"))
  (let* ((verb (mew-submit-caseless--up (match-string 1 line)))
         (argument (mew-submit-error--trim (substring line (match-end 1))))
         (known (assoc verb mew-submit-relay-smtp--commands)))
    (unless known
      (mew-submit-relay-smtp--no 500 "5.5.1" "Unknown command"))
    (when (> (+ (length line) 2) (nth 1 known))
      (mew-submit-relay-smtp--no 500 "5.5.6" "The command is too long"))
    (when (string-match-p "[\0-\37\177]" line)
      (mew-submit-relay-smtp--no 501 "5.5.2" "A control character in the command"))
    (cons verb argument)))

(defun mew-submit-relay-smtp--nothing (verb argument)
  "Refuse an ARGUMENT of VERB, which takes none."
  (unless (string-empty-p argument)
    (mew-submit-relay-smtp--no 501 "5.5.4" "%s takes no argument" verb)))

(defun mew-submit-relay-smtp--hello (argument)
  "Return ARGUMENT of EHLO or HELO, if there is one, in ASCII.
It is of no use and common clients say all sorts of things."
  (if (<= 1 (length argument) 255)
      (replace-regexp-in-string "[^ -~]" "?" argument)
    (mew-submit-relay-smtp--no 501 "5.5.4" "A domain name is wanted")))

(defun mew-submit-relay-smtp--size (argument)
  "Return (OCTETS . LAST) for ARGUMENT of BDAT."
  (if (string-match "\\`\\([0-9]\\{1,15\\}\\)\\( +LAST\\)?\\'" (mew-submit-caseless--up argument))
      (cons (string-to-number (match-string 1 argument))
            (and (match-beginning 2) t))
    (mew-submit-relay-smtp--no 501 "5.5.4" "BDAT wants a size, and LAST")))

;;; Paths and parameters

(defun mew-submit-relay-smtp--decode (octets)
  "Return OCTETS, UTF-8, as text, or refuse them."
  (let ((text (decode-coding-string octets 'utf-8-unix)))
    (if (seq-some (lambda (char) (> char #x10FFFF)) text)
        (mew-submit-relay-smtp--no 553 "5.6.7" "The address is not UTF-8")
      text)))

(defconst mew-submit-relay-smtp--quoted "\"\\(?:[^\"\\]\\|\\\\.\\)*\""
  "What matches a quoted local part.")

(defun mew-submit-relay-smtp--path (keyword argument)
  "Return (PATH . PARAMETERS) in ARGUMENT, which begins with KEYWORD and a colon.
PATH is what is between the angle brackets, without a source route.  Printers
and the like leave them out, as other servers let them."
  (mew-submit-caseless--folding
    (unless (string-match
             (format "\\`%s *: *\\(?:<\\(\\(?:%s\\|[^\"<>]\\)*\\)>\\|\\(\\(?:%s\\|[^\"<> ]\\)+\\)\\)\
\\(?: +\\(.*\\)\\)?\\'" keyword mew-submit-relay-smtp--quoted mew-submit-relay-smtp--quoted)
             argument)
      (mew-submit-relay-smtp--no 501 "5.5.4" "%s:<ADDRESS> is wanted" keyword)))
  (let ((path (or (match-string 1 argument) (match-string 2 argument)))
        (parameters (match-string 3 argument)))
    (cons (mew-submit-relay-smtp--decode
           (replace-regexp-in-string "\\`@[^:\"]*:" "" path))
          (split-string (or parameters "") " " t))))

(defun mew-submit-relay-smtp--parameters (words known)
  "Return WORDS, such as \"SIZE=12\", as an alist; their names are in KNOWN.
KNOWN is a list of (NAME . VALUE-P).  Names are in upper case."
  (let (found)
    (dolist (word words)
      (string-match "\\`\\([^=]*\\)\\(?:=\\(.*\\)\\)?\\'" word)
      (let* ((name (mew-submit-caseless--up (match-string 1 word)))
             (value (match-string 2 word))
             (entry (assoc name known)))
        (cond ((null entry)
               (mew-submit-relay-smtp--no 555 "5.5.4" "Unknown parameter"))
              ((assoc name found)
               (mew-submit-relay-smtp--no 501 "5.5.4" "%s is there twice" name))
              ((not (eq (and value t) (cdr entry)))
               (mew-submit-relay-smtp--no 501 "5.5.4" "%s has a wrong value"
                                          name)))
        (push (cons name value) found)))
    found))

(defun mew-submit-relay-smtp--xtext (value name)
  "Return VALUE of the parameter NAME, xtext (RFC 3461, section 4), decoded."
  (unless (mew-submit-caseless--folding
            (string-match-p "\\`\\(?:[!-*,-<>-~]\\|\\+[0-9A-F]\\{2\\}\\)+\\'" value))
    (mew-submit-relay-smtp--no 501 "5.5.4" "%s is not xtext" name))
  (replace-regexp-in-string
   "\\+[0-9A-F]\\{2\\}"
   (lambda (code) (string (string-to-number (substring code 1) 16)))
   value t t))

(defun mew-submit-relay-smtp--checked (address enhanced utf8)
  "Return ADDRESS, checked, or refuse it with ENHANCED.
Only with UTF8 it may be not ASCII."
  (when (and (not utf8) (mew-submit-caseless--exactly-p "[^[:ascii:]]" address))
    (mew-submit-relay-smtp--no 553 "5.6.7"
                               "The address is not ASCII; SMTPUTF8 is wanted"))
  (condition-case err
      (mew-submit-address--check address)
    (mew-submit-message
     (mew-submit-relay-smtp--no 553 enhanced "%s"
                                (mew-submit-error--text err)))))

(defun mew-submit-relay-smtp--wish (key value name)
  "Return VALUE of the parameter NAME, if it is one for KEY of an account."
  (condition-case nil
      (mew-submit-extension--value key value name 'message)
    (mew-submit-message
     (mew-submit-relay-smtp--no 501 "5.5.4" "%s has a wrong value" name))))

(defun mew-submit-relay-smtp--announced (value max)
  "Return SIZE's VALUE as a number, unless it is over MAX."
  (let ((size (if (string-match-p "\\`[0-9]\\{1,20\\}\\'" value)
                  (string-to-number value)
                (mew-submit-relay-smtp--no 501 "5.5.4" "SIZE is not a number"))))
    (when (and max (> size max))
      (mew-submit-relay-smtp--no 552 "5.3.4" "The message is over %d octets" max))
    size))

(defun mew-submit-relay-smtp--mail (argument max)
  "Return what is in ARGUMENT of MAIL, a plist of :from, :utf8 and :wishes.
MAX is how many octets a message may have, or nil.  The wishes are keys of an
account and their values."
  (pcase-let* ((`(,path . ,words) (mew-submit-relay-smtp--path "FROM" argument))
               (found (mew-submit-relay-smtp--parameters
                       words '(("SIZE" . t) ("BODY" . t) ("SMTPUTF8" . nil)
                               ("RET" . t) ("ENVID" . t) ("AUTH" . t))))
               (get (lambda (name) (cdr (assoc name found))))
               (utf8 (and (assoc "SMTPUTF8" found) t))
               (body (funcall get "BODY")))
    (when-let* ((size (funcall get "SIZE")))
      (mew-submit-relay-smtp--announced size max))
    (when (and body (not (member (mew-submit-caseless--up body) '("7BIT" "8BITMIME"))))
      (mew-submit-relay-smtp--no 501 "5.5.4" "BODY is 7BIT or 8BITMIME"))
    (list :from (if (string-empty-p path)
                    ""
                  (mew-submit-relay-smtp--checked path "5.1.7" utf8))
          :utf8 utf8
          :wishes (append
                   (when-let* ((ret (funcall get "RET")))
                     (list :dsn-return
                           (mew-submit-relay-smtp--wish :dsn-return ret "RET")))
                   (when-let* ((id (funcall get "ENVID")))
                     (list :dsn-id
                           (mew-submit-relay-smtp--wish
                            :dsn-id (mew-submit-relay-smtp--xtext id "ENVID")
                            "ENVID")))))))

(defun mew-submit-relay-smtp--rcpt (argument utf8)
  "Return what is in ARGUMENT of RCPT, (ADDRESS . WISHES).
WISHES is a plist of :notify and :original, as far as they are there.  With UTF8
the address may be not ASCII."
  (pcase-let* ((`(,path . ,words) (mew-submit-relay-smtp--path "TO" argument))
               (found (mew-submit-relay-smtp--parameters
                       words '(("NOTIFY" . t) ("ORCPT" . t))))
               (notify (cdr (assoc "NOTIFY" found)))
               (original (cdr (assoc "ORCPT" found))))
    (when (string-empty-p path)
      (mew-submit-relay-smtp--no 553 "5.1.3" "The recipient is missing"))
    (when (and original (not (mew-submit-extension--original original)))
      (mew-submit-relay-smtp--no 501 "5.5.4" "ORCPT has a wrong value"))
    (cons (mew-submit-relay-smtp--checked path "5.1.3" utf8)
          (append (and notify
                       (list :notify (mew-submit-relay-smtp--wish
                                      :dsn-notify notify "NOTIFY")))
                  (and original (list :original original))))))

;;; The token

(defun mew-submit-relay-smtp--base64 (base64)
  "Return what is in BASE64, octets.  Whoever gets it wipes it."
  (condition-case nil
      (base64-decode-string base64)
    (error (mew-submit-relay-smtp--no 501 "5.5.2" "Not base64"))))

(defun mew-submit-relay-smtp--plain (base64)
  "Return the password in BASE64, what AUTH PLAIN (RFC 4616) has sent, octets.
Whoever gets it wipes it."
  (let ((octets (mew-submit-relay-smtp--base64 base64)))
    (unwind-protect
        (if (string-match "\\`[^\0]*\0[^\0]*\0\\([^\0]+\\)\\'" octets)
            (match-string 1 octets)
          (mew-submit-relay-smtp--no 501 "5.5.2" "Not what PLAIN says"))
      (clear-string octets))))

(defun mew-submit-relay-smtp--same-p (given wanted)
  "Are the secrets GIVEN and WANTED, octets, the same?
How long it takes says nothing about how much of them is."
  (let ((a (secure-hash 'sha256 given nil nil t))
        (b (secure-hash 'sha256 wanted nil nil t))
        (difference 0))
    (dotimes (i 32)
      (setq difference (logior difference (logxor (aref a i) (aref b i)))))
    (zerop difference)))

(provide 'mew-submit-relay-smtp)
;;; mew-submit-relay-smtp.el ends here
