;;; mew-submit-sevenbit-header.el --- A header in a form that a server takes -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what a server may not take in a header: lines of more than 998 octets, and octets
;; above 127.  Raw text becomes encoded words (RFC 2047) or parameters (RFC 2231), and no more
;; of it than has to: what was encoded before, the order of addresses, groups and the blanks
;; between words stay.  How it fares with the whole message is in mew-submit-sevenbit.el.
;;
;; Everything happens in a unibyte buffer whose lines end in LF.

;;; Code:

(require 'mail-parse)
(require 'mew-submit-address)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'rfc2047)
(require 'rfc2231)
(require 'subr-x)

(defconst mew-submit-sevenbit-header--line-max 998
  "How many octets a line may have.")

(defconst mew-submit-sevenbit-header--column 76
  "Where a line is folded, if there is a blank.")

(defvar mew-submit-sevenbit-header--goal 'octets
  "What is not to be in the message any more.
With `lines' that is lines that are too long; with `header' octets above 127 in
its header, too; with `octets' such octets anywhere.")

(defun mew-submit-sevenbit-header--refuse ()
  "End the conversion: it would harm the message."
  (throw 'mew-submit-sevenbit--refused nil))

(defun mew-submit-sevenbit-header--eight-bit-p ()
  "Is there an octet above 127 in the narrowed buffer?"
  (save-excursion
    (goto-char (point-min))
    (skip-chars-forward "\0-\177")
    (not (eobp))))

(defun mew-submit-sevenbit-header--long-line ()
  "Return where the first line that is too long begins in the narrowed buffer.
Return nil without one."
  (save-excursion
    (goto-char (point-min))
    (let ((span (1+ mew-submit-sevenbit-header--line-max))
          found)
      (while (and (null found) (>= (- (point-max) (point)) span))
        (let ((start (point)))
          (forward-char span)
          (skip-chars-backward "^\r\n" start)
          (when (= (point) start)
            (setq found start))))
      found)))

(defun mew-submit-sevenbit-header--bad-p ()
  "Is there in the narrowed body what is not to be there?"
  (or (and (eq mew-submit-sevenbit-header--goal 'octets)
           (mew-submit-sevenbit-header--eight-bit-p))
      (mew-submit-sevenbit-header--long-line)))

(defun mew-submit-sevenbit-header--break-lines (end &optional max)
  "Break the lines in the narrowed buffer of more than MAX octets with END.
MAX is 998 unless given.  No octet written as =XX is taken apart."
  (goto-char (point-min))
  (while (not (eobp))
    (let ((line-end (copy-marker (line-end-position))))
      (when (> (- line-end (point)) (or max mew-submit-sevenbit-header--line-max))
        (while (> (- line-end (point)) 76)
          (forward-char 73)
          (cond ((eq (char-before) ?=) (backward-char))
                ((eq (char-before (1- (point))) ?=) (backward-char 2)))
          (insert end)))
      (goto-char line-end)
      (set-marker line-end nil)
      (forward-line))))

;;; The header

(defun mew-submit-sevenbit-header--body-start ()
  "Return where the body of the narrowed entity begins, or nil without one."
  (goto-char (point-min))
  (and (re-search-forward "^\r?\n" nil t)
       (point)))

(defun mew-submit-sevenbit-header--field-end ()
  "Move point from the beginning of a field behind its end."
  (forward-line)
  (while (looking-at-p "[ \t]")
    (forward-line)))

(defun mew-submit-sevenbit-header--find-field (name)
  "Return the bounds of the field NAME in the narrowed header, or nil."
  (goto-char (point-min))
  (when (mew-submit-caseless--folding
          (re-search-forward (format "^%s[ \t]*:" (regexp-quote name)) nil t))
    (let ((start (match-beginning 0)))
      (goto-char start)
      (mew-submit-sevenbit-header--field-end)
      (cons start (point)))))

(defun mew-submit-sevenbit-header--value (name)
  "Return the value of the field NAME in the narrowed header, or nil."
  (when-let* ((bounds (mew-submit-sevenbit-header--find-field name)))
    (let ((field (buffer-substring (car bounds) (cdr bounds))))
      (mew-submit-error--trim
       (replace-regexp-in-string
        "[\r\n]+" "" (substring field (1+ (string-match ":" field))))))))

(defun mew-submit-sevenbit-header--set-field (name value)
  "Give the field NAME of the narrowed header the VALUE.
It stays in its place; a new one goes to the end.  A second one, which is what
some go by, goes away."
  (let* ((bounds (mew-submit-sevenbit-header--find-field name))
         (start (car bounds)))
    (while bounds
      (delete-region (car bounds) (cdr bounds))
      (setq bounds (mew-submit-sevenbit-header--find-field name)))
    (goto-char (or start (point-max)))
    (insert name ": " value "\n")))

(defconst mew-submit-sevenbit-header--address-fields
  '("from" "to" "cc" "bcc" "reply-to" "sender" "resent-from" "resent-to"
    "resent-cc" "resent-bcc" "resent-reply-to" "resent-sender" "mail-followup-to"
    "mail-reply-to" "mail-copies-to" "disposition-notification-to")
  "Fields that hold addresses.")

(defconst mew-submit-sevenbit-header--no-address
  "\"[^\"\\]*\\(?:\\\\.[^\"\\]*\\)*\"\\|([^()]*)"
  "A regexp that matches what is in an address field, and in no address.")

(defun mew-submit-sevenbit-header--odd-address-p (field)
  "Does FIELD, text, hold an address that is not ASCII?
An encoded word may stand in a name or a comment, and nowhere else."
  (seq-some (lambda (word)
              (and (string-search "@" word)
                   (mew-submit-caseless--exactly-p "[^[:ascii:]]" word)))
            (split-string (replace-regexp-in-string
                           mew-submit-sevenbit-header--no-address " " field)
                          "[] \t\n<>,;:\"()]+" t)))

(defun mew-submit-sevenbit-header--ascii-domains (field)
  "Return FIELD, a list of addresses, with A-labels (RFC 5890) in their domains."
  (replace-regexp-in-string
   (concat mew-submit-sevenbit-header--no-address
           "\\|@[^][ \t\r\n<>@,;:\\\"()]+")
   (lambda (part)
     (if-let* ((domain (and (eq (aref part 0) ?@)
                            (not (mew-submit-caseless--exactly-p "\\`[[:ascii:]]*\\'" part))
                            (save-match-data
                              (mew-submit-address--domain (substring part 1))))))
         (concat "@" domain)
       part))
   field t t))

(defun mew-submit-sevenbit-header--quote-parameters (field)
  "Return FIELD with quotes around each value of a parameter that needs them.
Programs write filename=Größe (2).txt; a parser finds less there, or nothing.
What is behind a blank in a value in ASCII may be a comment."
  (with-temp-buffer
    (insert field)
    (skip-chars-backward " \t\r\n")
    (delete-region (point) (point-max))
    (goto-char (point-min))
    (while (progn (skip-chars-forward "^;\"")
                  (not (eobp)))
      (if (eq (char-after) ?\")
          (mew-submit-sevenbit-header--skip-quoted)
        (skip-chars-forward "; \t\n")
        (skip-chars-forward "^=;\"")
        (skip-chars-forward "= \t\n")
        (unless (eq (char-after) ?\")
          (let* ((start (point))
                 (value (progn (skip-chars-forward "^;")
                               (skip-chars-backward " \t\n" start)
                               (buffer-substring start (point)))))
            (when (mew-submit-caseless--exactly-p
                   "[^[:ascii:]]\\|\\`[^(]*[][<>@,:/?= \t][^(]*\\'" value)
              (delete-region start (point))
              (insert "\"" (replace-regexp-in-string "[\"\\]" "\\\\\\&" value) "\""))))))
    (concat (buffer-string) "\n")))

(defun mew-submit-sevenbit-header--parameters (name field unknown)
  "Return FIELD, called NAME, with its parameters as RFC 2231 wants them.
UNKNOWN is as for `mew-submit-sevenbit-header--words'."
  (let ((mm-coding-system-priorities (list (if unknown 'iso-8859-1 'utf-8)))
        (parsed (mail-header-parse-content-type
                 (mew-submit-sevenbit-header--quote-parameters
                  (substring field (1+ (string-match ":" field)))))))
    (unless (and (car parsed)
                 (mew-submit-caseless--exactly-p "\\`[[:ascii:]]*\\'" (car parsed))
                 ;; Of parameters in several pieces the raw ones would be lost.
                 (not (string-match-p "\\*[0-9]+\\*?[ \t]*=" field)))
      (mew-submit-sevenbit-header--refuse))
    (concat name ": " (car parsed)
            (mapconcat (lambda (parameter)
                         (let ((text (rfc2231-encode-string
                                      (symbol-name (car parameter))
                                      ;; Of what is in quotes only ASCII stays in them.
                                      (if (mew-submit-caseless--exactly-p
                                           "[^[:ascii:]]" (cdr parameter))
                                          (replace-regexp-in-string
                                           "\\\\\\([\"\\]\\)" "\\1" (cdr parameter))
                                        (cdr parameter)))))
                           (concat ";\n "
                                   (if unknown
                                       (string-replace "=iso-8859-1''" "=unknown-8bit''" text)
                                     text))))
                       (cdr parsed) "")
            "\n")))

(defvar mew-submit-sevenbit-header--charset nil
  "The charset of the text below the header at hand, as that names it, or nil.")

(defun mew-submit-sevenbit-header--decode (octets)
  "Return the text of OCTETS, of a header, which are to be UTF-8.
Else they may be in the charset of the text below.  Return nil when not."
  (let ((below (and mew-submit-sevenbit-header--charset
                    (intern-soft (concat (mew-submit-caseless--down mew-submit-sevenbit-header--charset)
                                         "-unix")))))
    (seq-some (lambda (coding)
                (let ((text (decode-coding-string octets coding)))
                  (and (not (memq 'eight-bit (find-charset-string text)))
                       text)))
              (cons 'utf-8-unix
                    (and below
                         (coding-system-p below)
                         (coding-system-get below :ascii-compatible-p)
                         (list below))))))

(defconst mew-submit-sevenbit-header--atom "^][()<>@,;:\\\\\" \t\n"
  "What words outside of quoted strings are made of, for `skip-chars-forward'.")

(defun mew-submit-sevenbit-header--skip-quoted ()
  "Move point behind the quoted string that begins at point."
  (forward-char)
  (while (progn (skip-chars-forward "^\"\\\\")
                (eq (char-after) ?\\))
    (forward-char (min 2 (- (point-max) (point)))))
  (unless (eobp)
    (forward-char)))

(defun mew-submit-sevenbit-header--skip-phrase ()
  "Move point behind the words and quoted strings at point."
  (let ((end (point)))
    (while (let ((start (point)))
             (if (eq (char-after) ?\")
                 (mew-submit-sevenbit-header--skip-quoted)
               (skip-chars-forward mew-submit-sevenbit-header--atom))
             (and (> (point) start)
                  (setq end (point))
                  (> (skip-chars-forward " \t\n") 0))))
    (goto-char end)))

(defun mew-submit-sevenbit-header--join-phrase (start end)
  "Make one quoted string of what is between START and END, a phrase.
Nothing is done without raw text and a quoted string: of two encoded words side
by side the blank between does not count."
  (let ((text (buffer-substring start end)))
    (when (and (string-search "\"" text)
               (mew-submit-caseless--exactly-p "[^[:ascii:]]" text)
               (not (string-search "=?" text)))
      (delete-region start end)
      (insert "\"" (replace-regexp-in-string
                    "\\\\.\\|[\"\n]"
                    (lambda (part) (if (eq (aref part 0) ?\\) part ""))
                    text t t)
              "\""))))

(defun mew-submit-sevenbit-header--prepare-addresses ()
  "Have the list of addresses behind point mean the same with encoded words.
A phrase becomes one word, and the colon of a group, which would be a part of
the word before it, has a blank before it."
  (while (not (eobp))
    (pcase (char-after)
      (?\( (search-forward ")" nil 'move))
      (?\[ (search-forward "]" nil 'move))
      (?< (search-forward ">" nil 'move))
      (?: (unless (memq (char-before) '(?\s ?\t ?\n ?:))
            (insert " "))
          (forward-char))
      (_ (let ((start (point)))
           (mew-submit-sevenbit-header--skip-phrase)
           (if (= (point) start)
               (forward-char)
             (mew-submit-sevenbit-header--join-phrase start (point))))))))

(defun mew-submit-sevenbit-header--new-word (text unknown)
  "Return TEXT as encoded words.
UNKNOWN is as for `mew-submit-sevenbit-header--words'."
  (let ((charset (if unknown 'iso-8859-1 'utf-8)))
    (mapconcat (lambda (from)
                 (format "=?%s?B?%s?=" charset
                         (base64-encode-string
                          (encode-coding-string
                           (substring text from (min (length text) (+ from 10)))
                           charset)
                          t)))
               (number-sequence 0 (1- (length text)) 10) "\n ")))

(defun mew-submit-sevenbit-header--take-in (start end before after unknown)
  "Make encoded words of what is between START and END, if that is raw text.
BEFORE and AFTER are put there, too.  UNKNOWN is as for
`mew-submit-sevenbit-header--words'.  Move to START and return non-nil then."
  (let ((text (buffer-substring start end)))
    (when (mew-submit-caseless--exactly-p "[^[:ascii:]]" text)
      (delete-region start end)
      (goto-char start)
      (insert (mew-submit-sevenbit-header--new-word (concat before text after) unknown))
      (goto-char start))))

(defun mew-submit-sevenbit-header--keep-blanks (atom quotes unknown)
  "Encode the raw words behind point beside encoded words, with the blank between.
That would not count else.  Words are made of ATOM, for `skip-chars-forward';
with QUOTES non-nil there are quoted strings.  UNKNOWN is as for
`mew-submit-sevenbit-header--words'."
  (let ((first (point)))
    (while (re-search-forward
            (concat (if quotes "\"\\|" "") "=\\?[^ \t\n?]+\\?[BbQq]\\?[^ \t\n?]*\\?=")
            nil t)
      (let ((start (match-beginning 0))
            (end (match-end 0)))
        (goto-char start)
        (if (eq (char-after) ?\")
            (mew-submit-sevenbit-header--skip-quoted)
          (let* ((blank (skip-chars-backward " \t\n" first))
                 (word-end (point))
                 (word (progn (skip-chars-backward atom first) (point))))
            (unless (and (< blank 0)
                         (mew-submit-sevenbit-header--take-in word word-end "" " " unknown))
              (goto-char end)
              (setq blank (skip-chars-forward " \t\n")
                    word (point))
              (skip-chars-forward atom)
              (unless (and (> blank 0)
                           (mew-submit-sevenbit-header--take-in
                            word (point) " "
                            (if (looking-at-p "[ \t\n]+=\\?") " " "") unknown))
                (goto-char end)))))))))

(defun mew-submit-sevenbit-header--unquote (start end)
  "Replace the quoted string between START and END by what it means; move behind."
  (let ((text (buffer-substring (1+ start) end)))
    (delete-region start end)
    (insert (replace-regexp-in-string
             "\\\\.\\|[\"\n]"
             (lambda (part) (if (eq (aref part 0) ?\\) (substring part 1) ""))
             text t t))))

(defun mew-submit-sevenbit-header--take-in-long (atom quotes unknown)
  "Encode the raw words behind point that are long, or any where there is much.
On those rfc2047.el works ever longer, and at last it gives up.  ATOM, QUOTES
and UNKNOWN are as for `mew-submit-sevenbit-header--keep-blanks'."
  (let ((long (if (> (buffer-size) 1000) 0 200)))
    (while (not (eobp))
      (let* ((start (point))
             (quoted (and quotes (eq (char-after) ?\")))
             (before (if (looking-back "\\?=[ \t\n]" (max (point-min) (- start 3))) " " "")))
        (if quoted
            (mew-submit-sevenbit-header--skip-quoted)
          (skip-chars-forward atom))
        (cond ((= (point) start)
               (forward-char))
              ((and (> (- (point) start) long)
                    (not (eq (char-after) ?@))
                    (mew-submit-caseless--exactly-p
                     "[^[:ascii:]]" (buffer-substring start (point))))
               (when quoted
                 (mew-submit-sevenbit-header--unquote start (point)))
               (mew-submit-sevenbit-header--take-in
                start (point) before (if (looking-at-p "[ \t\n]+=\\?") " " "")
                unknown)))))))

(defun mew-submit-sevenbit-header--prepare-words (unknown)
  "Have the field in the buffer mean the same when its raw text is encoded words.
UNKNOWN is as for `mew-submit-sevenbit-header--words'."
  (goto-char (point-min))
  (let* ((name (mew-submit-caseless--down
                (buffer-substring (point) (progn (skip-chars-forward "!-9;-~") (point)))))
         (addresses (member name mew-submit-sevenbit-header--address-fields))
         (start (progn (skip-chars-forward "^:") (forward-char) (point))))
    (when addresses
      (mew-submit-sevenbit-header--prepare-addresses)
      (goto-char start))
    (let ((atom (if addresses mew-submit-sevenbit-header--atom "^ \t\n")))
      (mew-submit-sevenbit-header--take-in-long atom addresses unknown)
      (goto-char start)
      (mew-submit-sevenbit-header--keep-blanks atom addresses unknown))))

(defun mew-submit-sevenbit-header--words (field unknown)
  "Return FIELD with encoded words.
UNKNOWN says that its characters are the octets of a charset nobody knows, which
is called so in them (RFC 1428)."
  (with-temp-buffer
    (insert field)
    (mew-submit-sevenbit-header--prepare-words unknown)
    (if (not (mew-submit-caseless--exactly-p "[^[:ascii:]]" (buffer-string)))
        (mew-submit-sevenbit-header--fold-lines mew-submit-sevenbit-header--column)
      (let ((mm-coding-system-priorities (list (if unknown 'iso-8859-1 'utf-8)))
            (rfc2047-encoding-type 'address-mime)
            ;; Encoded words that are there stay what they are.
            (rfc2047-encode-encoded-words nil))
        (rfc2047-encode-message-header)))
    (if unknown
        (string-replace "=?iso-8859-1?" "=?unknown-8bit?" (buffer-string))
      (buffer-string))))

(defun mew-submit-sevenbit-header--encode-field (octets)
  "Return the field OCTETS, which has 8-bit text, in ASCII."
  (let* ((text (mew-submit-sevenbit-header--decode octets))
         (field (or text (decode-coding-string octets 'iso-8859-1-unix)))
         (name (and (string-match "\\`\\([!-9;-~]+\\)[ \t]*:" field)
                    (match-string 1 field)))
         (lower (mew-submit-caseless--down (or name ""))))
    (when (and text (member lower mew-submit-sevenbit-header--address-fields))
      (setq field (mew-submit-sevenbit-header--ascii-domains field)))
    (when (or (null name)
              (and (member lower mew-submit-sevenbit-header--address-fields)
                   (mew-submit-sevenbit-header--odd-address-p field)))
      (mew-submit-sevenbit-header--refuse))
    (let ((encoded (if (member lower '("content-type" "content-disposition"))
                       (mew-submit-sevenbit-header--parameters name field (null text))
                     (mew-submit-sevenbit-header--words field (null text)))))
      (unless (mew-submit-caseless--exactly-p "\\`[[:ascii:]]*\\'" encoded)
        (mew-submit-sevenbit-header--refuse))
      (string-to-unibyte encoded))))

;;; Folding

(defun mew-submit-sevenbit-header--fold-line ()
  "Fold the line at point at its blanks; the text stays the same."
  (let ((start (point))
        (end (copy-marker (line-end-position))))
    ;; A line with a field's name and nothing else is a trap for others.
    (skip-chars-forward "!-9;-~" end)
    (skip-chars-forward ":" end)
    (skip-chars-forward " \t" end)
    (skip-chars-forward "^ \t\r\n" end)
    (while (< (point) end)
      (let ((blank (point)))
        (skip-chars-forward " \t" end)
        (unless (zerop (skip-chars-forward "^ \t\r\n" end))
          (when (> (- (point) start) mew-submit-sevenbit-header--column)
            (save-excursion
              (goto-char blank)
              (insert "\n"))
            (setq start (1+ blank))))
        (skip-chars-forward "\r" end)))))

(defun mew-submit-sevenbit-header--fold-lines (max)
  "Fold the lines in the narrowed field that have more than MAX characters."
  (goto-char (point-min))
  (while (not (eobp))
    (when (> (- (line-end-position) (point)) max)
      (mew-submit-sevenbit-header--fold-line))
    (forward-line)))

(defun mew-submit-sevenbit-header--fold ()
  "Fold the lines in the narrowed field that are too long.
Return nil if some still are."
  (mew-submit-sevenbit-header--fold-lines mew-submit-sevenbit-header--line-max)
  (not (mew-submit-sevenbit-header--long-line)))

(defun mew-submit-sevenbit-header--space-commas ()
  "Put a blank behind each comma of the narrowed field that is in no quoted string."
  (goto-char (point-min))
  (while (progn (skip-chars-forward "^\",")
                (not (eobp)))
    (if (eq (char-after) ?,)
        (progn (forward-char)
               (unless (looking-at-p "[ \t\r\n]")
                 (insert " ")))
      (forward-char)
      (while (progn (skip-chars-forward "^\"\\\\")
                    (eq (char-after) ?\\))
        (forward-char (min 2 (- (point-max) (point)))))
      (unless (eobp)
        (forward-char)))))

(defun mew-submit-sevenbit-header--encode-word (start end)
  "Make encoded words (RFC 2047) of the word from START to END, which is ASCII.
Blanks between encoded words do not count, so one there becomes part of it."
  (let ((text (concat (and (save-excursion
                             (goto-char start)
                             (skip-chars-backward " \t\r\n")
                             (looking-back "\\?=" (- (point) 2)))
                           " ")
                      (buffer-substring start end)
                      (and (progn (goto-char end)
                                  (skip-chars-forward " \t\r\n")
                                  (looking-at-p "=\\?"))
                           " "))))
    (delete-region start end)
    (goto-char start)
    (insert (mapconcat (lambda (from)
                         (format "=?us-ascii?B?%s?="
                                 (base64-encode-string
                                  (substring text from (min (length text) (+ from 42)))
                                  t)))
                       (number-sequence 0 (1- (length text)) 42) "\n "))))

(defun mew-submit-sevenbit-header--encode-words ()
  "Make encoded words of the words in the narrowed field that are too long to fold."
  (goto-char (point-min))
  (skip-chars-forward "^:")
  (forward-char)
  (while (not (eobp))
    (skip-chars-forward " \t\r\n")
    (let ((start (point)))
      (skip-chars-forward "^ \t\r\n")
      (when (> (- (point) start) 900)
        (mew-submit-sevenbit-header--encode-word start (point))))))

(defun mew-submit-sevenbit-header--short-field (octets)
  "Return the field OCTETS without a line that is too long."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert octets)
    (let ((name (progn (goto-char (point-min))
                       (mew-submit-caseless--down (buffer-substring
                                                   (point) (progn (skip-chars-forward "!-9;-~")
                                                                  (point)))))))
      (unless (mew-submit-sevenbit-header--fold)
        (cond
         ((member name mew-submit-sevenbit-header--address-fields)
          (mew-submit-sevenbit-header--space-commas))
         ((member name '("references" "in-reply-to"))
          (goto-char (point-min))
          (while (search-forward "><" nil t)
            (replace-match "> <" t t)))
         ((string-match-p "\\`\\(?:subject\\|comments\\|content-description\\|x-.+\\)\\'"
                          name)
          (mew-submit-sevenbit-header--encode-words)))
        (unless (mew-submit-sevenbit-header--fold)
          (mew-submit-sevenbit-header--refuse)))
      (buffer-string))))

(defun mew-submit-sevenbit-header--mend-field (octets)
  "Return the field OCTETS without what is not to be in it.
A line that is no field and is short cannot be encoded, and is left as it is
where the message is one of 8 bits."
  (let* ((octets (string-replace "\r\n" "\n" octets))
         (long (with-temp-buffer
                 (set-buffer-multibyte nil)
                 (insert octets)
                 (mew-submit-sevenbit-header--long-line)))
         (encoded (if (and (string-match-p "[^\0-\177]" octets)
                           (or long
                               (eq mew-submit-sevenbit-header--goal 'octets)
                               (string-match-p "\\`[!-9;-~]+[ \t]*:" octets)))
                      (mew-submit-sevenbit-header--encode-field octets)
                    octets)))
    (if long
        (mew-submit-sevenbit-header--short-field encoded)
      encoded)))

(defun mew-submit-sevenbit-header--mend-header ()
  "Have nothing in the narrowed header that is not to be there."
  (goto-char (point-min))
  (while (not (eobp))
    (let ((start (point)))
      (mew-submit-sevenbit-header--field-end)
      (save-restriction
        (narrow-to-region start (point))
        (when (or (mew-submit-sevenbit-header--long-line)
                  (and (not (eq mew-submit-sevenbit-header--goal 'lines))
                       (mew-submit-sevenbit-header--eight-bit-p)))
          (let ((octets (delete-and-extract-region (point-min) (point-max))))
            (insert (mew-submit-sevenbit-header--mend-field octets))))
        (goto-char (point-max))))))

(provide 'mew-submit-sevenbit-header)
;;; mew-submit-sevenbit-header.el ends here
