;;; mew-submit-sevenbit.el --- The same message in a form that a server takes -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the way from a message to one with the same content that a server
;; takes: without lines of more than 998 octets, which no server has to take (RFC 5321,
;; section 4.5.3.1.6); with a header in ASCII, for one without SMTPUTF8 (RFC 6531); all
;; in ASCII, for one without 8BITMIME (RFC 6152, section 3).  The MIME structure is
;; walked: text becomes quoted-printable, anything else base64, raw text in a header
;; encoded words (RFC 2047) or parameters (RFC 2231).  What cannot be changed without
;; harm, such as what was signed, is left alone: then there is no such message, and why
;; it cannot be sent is what the user is told.
;;
;; A DKIM signature does not count: one that was broken on the way is as none (RFC 6376,
;; section 6.1), and who forwards a message would have it refused.
;;
;; Everything happens in a unibyte buffer.  Line ends become LF first, as each of them
;; will be CRLF on the wire, but not in a message that has binary parts.

;;; Code:

(require 'mail-parse)
(require 'mew-submit-address)
(require 'mew-submit-caseless)
(require 'qp)
(require 'rfc2047)
(require 'rfc2231)
(require 'subr-x)

(defconst mew-submit-sevenbit--depth-max 50
  "How deep parts may be nested.")

(defconst mew-submit-sevenbit--line-max 998
  "How many octets a line may have.")

(defvar mew-submit-sevenbit--goal 'octets
  "What is not to be in the message any more.
With `lines' that is lines that are too long; with `header' octets above 127 in
its header, too; with `octets' such octets anywhere.")

(defun mew-submit-sevenbit--refuse ()
  "End the conversion: it would harm the message."
  (throw 'mew-submit-sevenbit--refused nil))

(defun mew-submit-sevenbit--eight-bit-p ()
  "Is there an octet above 127 in the narrowed buffer?"
  (save-excursion
    (goto-char (point-min))
    (skip-chars-forward "\0-\177")
    (not (eobp))))

(defun mew-submit-sevenbit--long-line ()
  "Return where the first line that is too long begins in the narrowed buffer.
Return nil without one."
  (save-excursion
    (goto-char (point-min))
    (let ((span (1+ mew-submit-sevenbit--line-max))
          found)
      (while (and (null found) (>= (- (point-max) (point)) span))
        (let ((start (point)))
          (forward-char span)
          (skip-chars-backward "^\r\n" start)
          (when (= (point) start)
            (setq found start))))
      found)))

(defun mew-submit-sevenbit--bad-p ()
  "Is there in the narrowed body what is not to be there?"
  (or (and (eq mew-submit-sevenbit--goal 'octets)
           (mew-submit-sevenbit--eight-bit-p))
      (mew-submit-sevenbit--long-line)))

(defun mew-submit-sevenbit--break-lines (end &optional max)
  "Break the lines in the narrowed buffer of more than MAX octets with END.
MAX is 998 unless given.  No octet written as =XX is taken apart."
  (goto-char (point-min))
  (while (not (eobp))
    (let ((line-end (copy-marker (line-end-position))))
      (when (> (- line-end (point)) (or max mew-submit-sevenbit--line-max))
        (while (> (- line-end (point)) 76)
          (forward-char 73)
          (cond ((eq (char-before) ?=) (backward-char))
                ((eq (char-before (1- (point))) ?=) (backward-char 2)))
          (insert end)))
      (goto-char line-end)
      (set-marker line-end nil)
      (forward-line))))

;;; The header

(defun mew-submit-sevenbit--body-start ()
  "Return where the body of the narrowed entity begins, or nil without one."
  (goto-char (point-min))
  (and (re-search-forward "^\r?\n" nil t)
       (point)))

(defun mew-submit-sevenbit--field-end ()
  "Move point from the beginning of a field behind its end."
  (forward-line)
  (while (looking-at-p "[ \t]")
    (forward-line)))

(defun mew-submit-sevenbit--find-field (name)
  "Return the bounds of the field NAME in the narrowed header, or nil."
  (goto-char (point-min))
  (when (mew-submit-caseless--folding
          (re-search-forward (format "^%s[ \t]*:" (regexp-quote name)) nil t))
    (let ((start (match-beginning 0)))
      (goto-char start)
      (mew-submit-sevenbit--field-end)
      (cons start (point)))))

(defun mew-submit-sevenbit--value (name)
  "Return the value of the field NAME in the narrowed header, or nil."
  (when-let* ((bounds (mew-submit-sevenbit--find-field name)))
    (let ((field (buffer-substring (car bounds) (cdr bounds))))
      (string-trim (replace-regexp-in-string
                    "[\r\n]+" "" (substring field (1+ (string-match ":" field))))))))

(defun mew-submit-sevenbit--set-field (name value)
  "Give the field NAME of the narrowed header the VALUE.
It stays in its place; a new one goes to the end.  A second one, which is what
some go by, goes away."
  (let* ((bounds (mew-submit-sevenbit--find-field name))
         (start (car bounds)))
    (while bounds
      (delete-region (car bounds) (cdr bounds))
      (setq bounds (mew-submit-sevenbit--find-field name)))
    (goto-char (or start (point-max)))
    (insert name ": " value "\n")))

(defconst mew-submit-sevenbit--address-fields
  '("from" "to" "cc" "bcc" "reply-to" "sender" "resent-from" "resent-to"
    "resent-cc" "resent-bcc" "resent-reply-to" "resent-sender" "mail-followup-to"
    "mail-reply-to" "mail-copies-to" "disposition-notification-to")
  "Fields that hold addresses.")

(defun mew-submit-sevenbit--odd-address-p (field)
  "Does FIELD, text, hold an address that is not ASCII?
An encoded word may stand in a name or a comment, and nowhere else."
  (string-match-p
   "[^[:ascii:]][^] \t\n<>,;:\"()]*@\\|@[^] \t\n<>,;:\"()]*[^[:ascii:]]"
   (replace-regexp-in-string "\"\\(?:[^\"\\]\\|\\\\.\\)*\"\\|([^()]*)" " " field)))

(defun mew-submit-sevenbit--ascii-domains (field)
  "Return FIELD, a list of addresses, with A-labels (RFC 5890) in their domains."
  (replace-regexp-in-string
   "\"\\(?:[^\"\\]\\|\\\\.\\)*\"\\|([^()]*)\\|@[^][ \t\r\n<>@,;:\\\"()]+"
   (lambda (part)
     (if-let* ((domain (and (eq (aref part 0) ?@)
                            (not (string-match-p "\\`[[:ascii:]]*\\'" part))
                            (save-match-data
                              (mew-submit-address--domain (substring part 1))))))
         (concat "@" domain)
       part))
   field t t))

(defun mew-submit-sevenbit--quote-parameters (field)
  "Return FIELD with quotes around each value of a parameter that needs them.
Programs write filename=Größe (2).txt; a parser finds less there, or nothing.
What is behind a blank in a value in ASCII may be a comment."
  (with-temp-buffer
    (insert (string-trim-right field))
    (goto-char (point-min))
    (while (progn (skip-chars-forward "^;\"")
                  (not (eobp)))
      (if (eq (char-after) ?\")
          (mew-submit-sevenbit--skip-quoted)
        (skip-chars-forward "; \t\n")
        (skip-chars-forward "^=;\"")
        (skip-chars-forward "= \t\n")
        (unless (eq (char-after) ?\")
          (let* ((start (point))
                 (value (progn (skip-chars-forward "^;")
                               (skip-chars-backward " \t\n" start)
                               (buffer-substring start (point)))))
            (when (string-match-p "[^[:ascii:]]\\|\\`[^(]*[][<>@,:/?= \t][^(]*\\'" value)
              (delete-region start (point))
              (insert "\"" (replace-regexp-in-string "[\"\\]" "\\\\\\&" value) "\""))))))
    (concat (buffer-string) "\n")))

(defun mew-submit-sevenbit--parameters (name field unknown)
  "Return FIELD, called NAME, with its parameters as RFC 2231 wants them.
UNKNOWN is as for `mew-submit-sevenbit--words'."
  (let ((mm-coding-system-priorities (list (if unknown 'iso-8859-1 'utf-8)))
        (parsed (mail-header-parse-content-type
                 (mew-submit-sevenbit--quote-parameters
                  (substring field (1+ (string-match ":" field)))))))
    (unless (and (car parsed)
                 (string-match-p "\\`[[:ascii:]]*\\'" (car parsed))
                 ;; Of parameters in several pieces the raw ones would be lost.
                 (not (string-match-p "\\*[0-9]+\\*?[ \t]*=" field)))
      (mew-submit-sevenbit--refuse))
    (concat name ": " (car parsed)
            (mapconcat (lambda (parameter)
                         (let ((text (rfc2231-encode-string
                                      (symbol-name (car parameter))
                                      ;; Of what is in quotes only ASCII stays in them.
                                      (if (string-match-p "[^[:ascii:]]" (cdr parameter))
                                          (replace-regexp-in-string
                                           "\\\\\\([\"\\]\\)" "\\1" (cdr parameter))
                                        (cdr parameter)))))
                           (concat ";\n "
                                   (if unknown
                                       (string-replace "=iso-8859-1''" "=unknown-8bit''" text)
                                     text))))
                       (cdr parsed) "")
            "\n")))

(defvar mew-submit-sevenbit--charset nil
  "The charset of the text below the header at hand, as that names it, or nil.")

(defun mew-submit-sevenbit--decode (octets)
  "Return the text of OCTETS, of a header, which are to be UTF-8.
Else they may be in the charset of the text below.  Return nil when not."
  (let ((below (and mew-submit-sevenbit--charset
                    (intern-soft (concat (mew-submit-caseless--down mew-submit-sevenbit--charset)
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

(defconst mew-submit-sevenbit--atom "^][()<>@,;:\\\\\" \t\n"
  "What words outside of quoted strings are made of, for `skip-chars-forward'.")

(defun mew-submit-sevenbit--skip-quoted ()
  "Move point behind the quoted string that begins at point."
  (forward-char)
  (while (progn (skip-chars-forward "^\"\\\\")
                (eq (char-after) ?\\))
    (forward-char (min 2 (- (point-max) (point)))))
  (unless (eobp)
    (forward-char)))

(defun mew-submit-sevenbit--skip-phrase ()
  "Move point behind the words and quoted strings at point."
  (let ((end (point)))
    (while (let ((start (point)))
             (if (eq (char-after) ?\")
                 (mew-submit-sevenbit--skip-quoted)
               (skip-chars-forward mew-submit-sevenbit--atom))
             (and (> (point) start)
                  (setq end (point))
                  (> (skip-chars-forward " \t\n") 0))))
    (goto-char end)))

(defun mew-submit-sevenbit--join-phrase (start end)
  "Make one quoted string of what is between START and END, a phrase.
Nothing is done without raw text and a quoted string: of two encoded words side
by side the blank between does not count."
  (let ((text (buffer-substring start end)))
    (when (and (string-search "\"" text)
               (string-match-p "[^[:ascii:]]" text)
               (not (string-search "=?" text)))
      (delete-region start end)
      (insert "\"" (replace-regexp-in-string
                    "\\\\.\\|[\"\n]"
                    (lambda (part) (if (eq (aref part 0) ?\\) part ""))
                    text t t)
              "\""))))

(defun mew-submit-sevenbit--prepare-addresses ()
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
           (mew-submit-sevenbit--skip-phrase)
           (if (= (point) start)
               (forward-char)
             (mew-submit-sevenbit--join-phrase start (point))))))))

(defun mew-submit-sevenbit--new-word (text unknown)
  "Return TEXT as encoded words; UNKNOWN is as for `mew-submit-sevenbit--words'."
  (mapconcat (lambda (part)
               (format "=?%s?B?%s?=" (if unknown "iso-8859-1" "utf-8")
                       (base64-encode-string
                        (encode-coding-string part (if unknown 'iso-8859-1 'utf-8))
                        t)))
             (seq-partition text 10) "\n "))

(defun mew-submit-sevenbit--take-in (start end before after unknown)
  "Make encoded words of what is between START and END, if that is raw text.
BEFORE and AFTER are put there, too.  UNKNOWN is as for
`mew-submit-sevenbit--words'.  Move to START and return non-nil then."
  (let ((text (buffer-substring start end)))
    (when (string-match-p "[^[:ascii:]]" text)
      (delete-region start end)
      (goto-char start)
      (insert (mew-submit-sevenbit--new-word (concat before text after) unknown))
      (goto-char start))))

(defun mew-submit-sevenbit--keep-blanks (atom quotes unknown)
  "Encode the raw words behind point beside encoded words, with the blank between.
That would not count else.  Words are made of ATOM, for `skip-chars-forward';
with QUOTES non-nil there are quoted strings.  UNKNOWN is as for
`mew-submit-sevenbit--words'."
  (let ((first (point)))
    (while (re-search-forward
            (concat (if quotes "\"\\|" "") "=\\?[^ \t\n?]+\\?[BbQq]\\?[^ \t\n?]*\\?=")
            nil t)
      (let ((start (match-beginning 0))
            (end (match-end 0)))
        (goto-char start)
        (if (eq (char-after) ?\")
            (mew-submit-sevenbit--skip-quoted)
          (let* ((blank (skip-chars-backward " \t\n" first))
                 (word-end (point))
                 (word (progn (skip-chars-backward atom first) (point))))
            (unless (and (< blank 0)
                         (mew-submit-sevenbit--take-in word word-end "" " " unknown))
              (goto-char end)
              (setq blank (skip-chars-forward " \t\n")
                    word (point))
              (skip-chars-forward atom)
              (unless (and (> blank 0)
                           (mew-submit-sevenbit--take-in
                            word (point) " "
                            (if (looking-at-p "[ \t\n]+=\\?") " " "") unknown))
                (goto-char end)))))))))

(defun mew-submit-sevenbit--prepare-words (unknown)
  "Have the field in the buffer mean the same when its raw text is encoded words.
UNKNOWN is as for `mew-submit-sevenbit--words'."
  (goto-char (point-min))
  (let* ((name (mew-submit-caseless--down
                (buffer-substring (point) (progn (skip-chars-forward "!-9;-~") (point)))))
         (addresses (member name mew-submit-sevenbit--address-fields))
         (start (progn (skip-chars-forward "^:") (forward-char) (point))))
    (when addresses
      (mew-submit-sevenbit--prepare-addresses)
      (goto-char start))
    (mew-submit-sevenbit--keep-blanks
     (if addresses mew-submit-sevenbit--atom "^ \t\n") addresses unknown)))

(defun mew-submit-sevenbit--words (field unknown)
  "Return FIELD with encoded words.
UNKNOWN says that its characters are the octets of a charset nobody knows, which
is called so in them (RFC 1428)."
  (with-temp-buffer
    (insert field)
    (mew-submit-sevenbit--prepare-words unknown)
    (let ((mm-coding-system-priorities (list (if unknown 'iso-8859-1 'utf-8)))
          (rfc2047-encoding-type 'address-mime)
          ;; Encoded words that are there stay what they are.
          (rfc2047-encode-encoded-words nil))
      (rfc2047-encode-message-header))
    (if unknown
        (string-replace "=?iso-8859-1?" "=?unknown-8bit?" (buffer-string))
      (buffer-string))))

(defun mew-submit-sevenbit--encode-field (octets)
  "Return the field OCTETS, which has 8-bit text, in ASCII."
  (let* ((text (mew-submit-sevenbit--decode octets))
         (field (or text (decode-coding-string octets 'iso-8859-1-unix)))
         (name (and (string-match "\\`\\([!-9;-~]+\\)[ \t]*:" field)
                    (match-string 1 field)))
         (lower (mew-submit-caseless--down (or name ""))))
    (when (and text (member lower mew-submit-sevenbit--address-fields))
      (setq field (mew-submit-sevenbit--ascii-domains field)))
    (when (or (null name)
              (and (member lower mew-submit-sevenbit--address-fields)
                   (mew-submit-sevenbit--odd-address-p field)))
      (mew-submit-sevenbit--refuse))
    (let ((encoded (if (member lower '("content-type" "content-disposition"))
                       (mew-submit-sevenbit--parameters name field (null text))
                     (mew-submit-sevenbit--words field (null text)))))
      (unless (string-match-p "\\`[[:ascii:]]*\\'" encoded)
        (mew-submit-sevenbit--refuse))
      (string-to-unibyte encoded))))

;;; Folding

(defconst mew-submit-sevenbit--column 76
  "Where a line is folded, if there is a blank.")

(defun mew-submit-sevenbit--fold-line ()
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
          (when (> (- (point) start) mew-submit-sevenbit--column)
            (save-excursion
              (goto-char blank)
              (insert "\n"))
            (setq start (1+ blank))))
        (skip-chars-forward "\r" end)))))

(defun mew-submit-sevenbit--fold ()
  "Fold the lines in the narrowed field that are too long.
Return nil if some still are."
  (goto-char (point-min))
  (while (not (eobp))
    (when (> (- (line-end-position) (point)) mew-submit-sevenbit--line-max)
      (mew-submit-sevenbit--fold-line))
    (forward-line))
  (not (mew-submit-sevenbit--long-line)))

(defun mew-submit-sevenbit--space-commas ()
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

(defun mew-submit-sevenbit--encode-word (start end)
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

(defun mew-submit-sevenbit--encode-words ()
  "Make encoded words of the words in the narrowed field that are too long to fold."
  (goto-char (point-min))
  (skip-chars-forward "^:")
  (forward-char)
  (while (not (eobp))
    (skip-chars-forward " \t\r\n")
    (let ((start (point)))
      (skip-chars-forward "^ \t\r\n")
      (when (> (- (point) start) 900)
        (mew-submit-sevenbit--encode-word start (point))))))

(defun mew-submit-sevenbit--short-field (octets)
  "Return the field OCTETS without a line that is too long."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert octets)
    (let ((name (progn (goto-char (point-min))
                       (mew-submit-caseless--down (buffer-substring
                                                   (point) (progn (skip-chars-forward "!-9;-~")
                                                                  (point)))))))
      (unless (mew-submit-sevenbit--fold)
        (cond
         ((member name mew-submit-sevenbit--address-fields)
          (mew-submit-sevenbit--space-commas))
         ((member name '("references" "in-reply-to"))
          (goto-char (point-min))
          (while (search-forward "><" nil t)
            (replace-match "> <" t t)))
         ((string-match-p "\\`\\(?:subject\\|comments\\|content-description\\|x-.+\\)\\'"
                          name)
          (mew-submit-sevenbit--encode-words)))
        (unless (mew-submit-sevenbit--fold)
          (mew-submit-sevenbit--refuse)))
      (buffer-string))))

(defun mew-submit-sevenbit--mend-field (octets)
  "Return the field OCTETS without what is not to be in it.
A line that is no field and is short cannot be encoded, and is left as it is
where the message is one of 8 bits."
  (let* ((octets (string-replace "\r\n" "\n" octets))
         (long (with-temp-buffer
                 (set-buffer-multibyte nil)
                 (insert octets)
                 (mew-submit-sevenbit--long-line)))
         (encoded (if (and (string-match-p "[^\0-\177]" octets)
                           (or long
                               (eq mew-submit-sevenbit--goal 'octets)
                               (string-match-p "\\`[!-9;-~]+[ \t]*:" octets)))
                      (mew-submit-sevenbit--encode-field octets)
                    octets)))
    (if long
        (mew-submit-sevenbit--short-field encoded)
      encoded)))

(defun mew-submit-sevenbit--mend-header ()
  "Have nothing in the narrowed header that is not to be there."
  (goto-char (point-min))
  (while (not (eobp))
    (let ((start (point)))
      (mew-submit-sevenbit--field-end)
      (save-restriction
        (narrow-to-region start (point))
        (when (or (mew-submit-sevenbit--long-line)
                  (and (not (eq mew-submit-sevenbit--goal 'lines))
                       (mew-submit-sevenbit--eight-bit-p)))
          (let ((octets (delete-and-extract-region (point-min) (point-max))))
            (insert (mew-submit-sevenbit--mend-field octets))))
        (goto-char (point-max))))))

;;; Leaves

(defun mew-submit-sevenbit--plain-lines ()
  "Make each line end in the narrowed body an LF."
  (goto-char (point-min))
  (while (re-search-forward "\r\\{1,8\\}\n\\|\r" nil t)
    (replace-match "\n" t t)))

(defun mew-submit-sevenbit--base64 ()
  "Encode the narrowed body as base64; return the name of the encoding."
  (base64-encode-region (point-min) (point-max))
  "base64")

(defconst mew-submit-sevenbit--text-max 262144
  "How many octets of text are made quoted-printable, which is slow, at most.")

(defun mew-submit-sevenbit--text ()
  "Encode the narrowed body, text, as quoted-printable; return the encoding.
One that is very long becomes base64: Emacs does not stand still for it."
  (mew-submit-sevenbit--plain-lines)
  (if (> (- (point-max) (point-min)) mew-submit-sevenbit--text-max)
      (mew-submit-sevenbit--lines)
    ;; It folds a line ever more slowly the longer that is.
    (quoted-printable-encode-region (point-min) (point-max))
    (mew-submit-sevenbit--break-lines "=\n" 76)
    "quoted-printable"))

(defun mew-submit-sevenbit--lines ()
  "Encode the narrowed body, lines that are no text, as base64; return that."
  (mew-submit-sevenbit--plain-lines)
  (goto-char (point-min))
  (while (search-forward "\n" nil t)
    (replace-match "\r\n" t t))
  (mew-submit-sevenbit--base64))

(defun mew-submit-sevenbit--quoted ()
  "Mend the narrowed body, quoted-printable already; return that."
  (when (eq mew-submit-sevenbit--goal 'octets)
    (goto-char (point-min))
    (while (re-search-forward "[^\0-\177]" nil t)
      (replace-match (format "=%02X" (get-byte (match-beginning 0))) t t)))
  (mew-submit-sevenbit--break-lines "=\n")
  "quoted-printable")

(defun mew-submit-sevenbit--leaf (type encoding)
  "Mend the narrowed body of the TYPE, in ENCODING; return its new encoding."
  (let ((all (eq mew-submit-sevenbit--goal 'octets)))
    (cond ((and all (equal encoding "binary")) (mew-submit-sevenbit--base64))
          ((not (or (mew-submit-sevenbit--bad-p)
                    (and all (equal encoding "8bit"))))
           encoding)
          ((equal encoding "quoted-printable") (mew-submit-sevenbit--quoted))
          ((and (equal encoding "base64") (not (mew-submit-sevenbit--eight-bit-p)))
           (mew-submit-sevenbit--break-lines "\n")
           encoding)
          ((not (member encoding '("7bit" "8bit" "binary")))
           (mew-submit-sevenbit--refuse))
          ;; These may not be encoded (RFC 2046, section 5.2).
          ((string-match-p "\\`message/\\(?:partial\\|external-body\\)\\'" type)
           (mew-submit-sevenbit--refuse))
          ((equal encoding "binary") (mew-submit-sevenbit--base64))
          ((string-prefix-p "text/" type) (mew-submit-sevenbit--text))
          (t (mew-submit-sevenbit--lines)))))

;;; Multiparts

(defun mew-submit-sevenbit--blank-out (start end)
  "Have nothing between START and END, in no part, that is not to be there."
  (save-restriction
    (narrow-to-region start end)
    (goto-char (point-min))
    (when (eq mew-submit-sevenbit--goal 'octets)
      (while (re-search-forward "[^\0-\177]" nil t)
        (replace-match "?" t t)))
    (mew-submit-sevenbit--break-lines "\n")))

(defun mew-submit-sevenbit--delimiters (boundary)
  "Return the delimiter lines with BOUNDARY in the narrowed body.
Each is (START END LAST): markers, START before the line end that belongs to
it; LAST is non-nil for the closing one, behind which there is nothing."
  (let ((regexp (format "^--%s\\(--\\)?[ \t]*\\(?:\r?\n\\|\r?\\'\\)"
                        (regexp-quote boundary)))
        (case-fold-search nil)
        delimiters)
    (goto-char (point-min))
    (while (and (not (nth 2 (car delimiters)))
                (re-search-forward regexp nil t))
      (let ((last (match-beginning 1)))
        (push (list (copy-marker
                     (save-excursion
                       (goto-char (match-beginning 0))
                       (skip-chars-backward "\n" (max (point-min) (1- (point))))
                       (skip-chars-backward "\r" (max (point-min) (1- (point))))
                       (point)))
                    (copy-marker (match-end 0))
                    last)
              delimiters)))
    ;; What follows is no epilogue to whoever wrote it, as where a part has the same boundary.
    (when (and delimiters
               (save-excursion (re-search-forward regexp nil t))
               (string-match-p "[^ \t\r\n]"
                               (replace-regexp-in-string
                                regexp "" (buffer-substring (point) (point-max)))))
      (mew-submit-sevenbit--refuse))
    (nreverse delimiters)))

(defun mew-submit-sevenbit--multipart (boundary digest depth)
  "Encode the parts of the narrowed body, with BOUNDARY between them.
DIGEST non-nil means that they are messages.  DEPTH is how deep they are."
  (let ((delimiters (mew-submit-sevenbit--delimiters boundary)))
    (unless delimiters
      (mew-submit-sevenbit--refuse))
    (mew-submit-sevenbit--blank-out (point-min) (nth 0 (car delimiters)))
    (while delimiters
      (pcase-let ((`(,_ ,start ,last) (pop delimiters)))
        (let ((end (if delimiters (nth 0 (car delimiters)) (point-max))))
          (cond (last (mew-submit-sevenbit--blank-out start end))
                ((< start end)
                 (save-restriction
                   (narrow-to-region start end)
                   (mew-submit-sevenbit--entity
                    (if digest "message/rfc822" "text/plain") depth)))))))))

;;; Entities

(defun mew-submit-sevenbit--body (type boundary encoding depth)
  "Encode the narrowed body of the TYPE, with BOUNDARY, in ENCODING.
DEPTH is how deep it is.  Return its new encoding."
  (let ((parts (lambda ()
                 (unless (member encoding '("7bit" "8bit" "binary"))
                   (mew-submit-sevenbit--refuse))))
        (parted (lambda ()
                  (if (eq mew-submit-sevenbit--goal 'octets) "7bit" encoding))))
    (cond ((and (string-match-p "\\`multipart/\\(?:signed\\|encrypted\\)\\'" type))
           (if (mew-submit-sevenbit--bad-p)
               (mew-submit-sevenbit--refuse)
             encoding))
          ((string-prefix-p "multipart/" type)
           (funcall parts)
           (unless boundary
             (mew-submit-sevenbit--refuse))
           (mew-submit-sevenbit--multipart boundary
                                           (equal type "multipart/digest")
                                           (1+ depth))
           (funcall parted))
          ((equal type "message/rfc822")
           (funcall parts)
           (mew-submit-sevenbit--message (1+ depth))
           (funcall parted))
          (t (mew-submit-sevenbit--leaf type encoding)))))

(defun mew-submit-sevenbit--needed-p ()
  "Is there anything to do for the narrowed entity?"
  (or (mew-submit-sevenbit--bad-p)
      (and (eq mew-submit-sevenbit--goal 'octets)
           (mew-submit-caseless--folding
             (goto-char (point-min))
             (re-search-forward
              "^content-transfer-encoding[ \t]*:[ \t\r\n]*\\(?:8bit\\|binary\\)"
              nil t)))))

(defun mew-submit-sevenbit--encoding ()
  "Return the transfer encoding that the narrowed header names, in lower case.
What programs make of 8bit is that, and an empty field is none."
  (let* ((value (or (mew-submit-sevenbit--value "Content-Transfer-Encoding") ""))
         (name (mew-submit-caseless--down
                (replace-regexp-in-string "([^()]*)\\|[\"; \t]" "" value))))
    (cond ((equal name "") "7bit")
          ((string-match-p "\\`8-?bits?\\'" name) "8bit")
          ((string-match-p "\\`7-?bits?\\'" name) "7bit")
          (t name))))

(defun mew-submit-sevenbit--split ()
  "Return (HEADER-END . BODY-START) of the narrowed entity.
Without an empty line all of it is header."
  (if-let* ((start (mew-submit-sevenbit--body-start)))
      (cons (progn (goto-char start) (forward-line -1) (point)) start)
    (cons (point-max) (point-max))))

(defun mew-submit-sevenbit--entity (default depth)
  "Encode the narrowed entity: a header, an empty line and a body.
DEFAULT is its type where it has none, DEPTH how deep it is."
  (when (> depth mew-submit-sevenbit--depth-max)
    (mew-submit-sevenbit--refuse))
  (when (or (mew-submit-sevenbit--needed-p)
            (and (zerop depth) (eq mew-submit-sevenbit--goal 'header)))
    (let* ((split (mew-submit-sevenbit--split))
           (header (cons (point-min-marker) (copy-marker (car split) t)))
           (body (copy-marker (cdr split)))
           type boundary charset encoding)
      (save-restriction
        (narrow-to-region (car header) (cdr header))
        (let ((parsed (ignore-errors
                        (mail-header-parse-content-type
                         (mew-submit-sevenbit--quote-parameters
                          (or (mew-submit-sevenbit--value "Content-Type")
                              default))))))
          (setq type (mew-submit-caseless--down (or (car parsed) "application/octet-stream"))
                boundary (cdr (assq 'boundary (cdr parsed)))
                charset (cdr (assq 'charset (cdr parsed)))
                encoding (mew-submit-sevenbit--encoding))))
      (let ((new (save-restriction
                   (narrow-to-region body (point-max))
                   (mew-submit-sevenbit--body type boundary encoding depth))))
        (save-restriction
          (narrow-to-region (car header) (cdr header))
          (unless (equal new encoding)
            (mew-submit-sevenbit--set-field "Content-Transfer-Encoding" new))
          (let ((mew-submit-sevenbit--charset charset))
            (mew-submit-sevenbit--mend-header)))))))

(defun mew-submit-sevenbit--guess-charset (start)
  "Return the charset of the 8-bit text from START on."
  (let ((text (decode-coding-string (buffer-substring start (point-max))
                                    'utf-8-unix)))
    (if (memq 'eight-bit (find-charset-string text))
        "unknown-8bit"
      "utf-8")))

(defun mew-submit-sevenbit--add-mime (split)
  "Give the narrowed message, which SPLIT is about, the MIME fields that it lacks."
  (let (charset)
    (save-restriction
      (narrow-to-region (cdr split) (point-max))
      (when (mew-submit-sevenbit--eight-bit-p)
        (setq charset (mew-submit-sevenbit--guess-charset (point-min)))))
    (save-restriction
      (narrow-to-region (point-min) (car split))
      (unless (or (mew-submit-sevenbit--find-field "Content-Type") (null charset))
        (mew-submit-sevenbit--set-field "Content-Type"
                                        (concat "text/plain; charset=" charset)))
      (unless (mew-submit-sevenbit--find-field "MIME-Version")
        (mew-submit-sevenbit--set-field "MIME-Version" "1.0")))))

(defun mew-submit-sevenbit--message (depth)
  "Encode the narrowed message; DEPTH is how deep it is.
One without MIME fields gets some if it has to be encoded."
  (let ((mew-submit-sevenbit--goal
         (if (and (> depth 0) (eq mew-submit-sevenbit--goal 'header))
             'lines
           mew-submit-sevenbit--goal))
        (split (mew-submit-sevenbit--split)))
    (when (and (mew-submit-sevenbit--needed-p)
               (or (eq mew-submit-sevenbit--goal 'octets)
                   (save-restriction
                     (narrow-to-region (cdr split) (point-max))
                     (mew-submit-sevenbit--bad-p))))
      (mew-submit-sevenbit--add-mime split))
    (mew-submit-sevenbit--entity "text/plain" depth)))

;;; The whole

(defun mew-submit-sevenbit--binary-p ()
  "Does the header of the message in the buffer say that it has binary parts?"
  (save-restriction
    (narrow-to-region (point-min) (or (mew-submit-sevenbit--body-start)
                                      (point-max)))
    (equal (mew-submit-sevenbit--encoding) "binary")))

(defun mew-submit-sevenbit--buffer ()
  "Have nothing in the message in the unibyte buffer that is not to be there.
Return t, or nil when that cannot be done without harm."
  (let ((binary (mew-submit-sevenbit--binary-p)))
    (catch 'mew-submit-sevenbit--refused
      (unless binary
        (mew-submit-sevenbit--plain-lines))
      (mew-submit-sevenbit--message 0)
      (not (and (or (not binary) (eq mew-submit-sevenbit--goal 'octets))
                (mew-submit-sevenbit--bad-p))))))

(defun mew-submit-sevenbit--convert (file out &optional goal)
  "Write the message FILE to the new file OUT, without what is not to be in it.
GOAL is as for `mew-submit-sevenbit--goal'.  The content stays the same.  Return
t, or nil when it would not; then there is no OUT."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (let ((buffer-undo-list t)
          (coding-system-for-write 'no-conversion)
          (mew-submit-sevenbit--goal (or goal 'octets)))
      (insert-file-contents-literally file)
      (when (mew-submit-sevenbit--buffer)
        (with-file-modes #o600
          (write-region nil nil out nil 'silent nil 'excl))
        t))))

(provide 'mew-submit-sevenbit)
;;; mew-submit-sevenbit.el ends here
