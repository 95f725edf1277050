;;; mew-submit-sevenbit.el --- The same message in seven bits -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the way from a message with 8-bit text to one with the same
;; content in ASCII, for a server without 8BITMIME (RFC 6152, section 3).  The MIME
;; structure is walked: text becomes quoted-printable, anything else base64, raw text
;; in a header encoded words (RFC 2047) or parameters (RFC 2231).  What cannot be
;; changed without harm, such as what was signed, is left alone: then there is no such
;; message, and the server's lack is what the user is told.
;;
;; Everything happens in a unibyte buffer.  Line ends become LF first, as each of them
;; will be CRLF on the wire, but not in a message that has binary parts.

;;; Code:

(require 'mail-parse)
(require 'qp)
(require 'rfc2047)
(require 'rfc2231)
(require 'seq)
(require 'subr-x)

(defconst mew-submit-sevenbit--depth-max 50
  "How deep parts may be nested.")

(defun mew-submit-sevenbit--refuse ()
  "End the conversion: it would harm the message."
  (throw 'mew-submit-sevenbit--refused nil))

(defun mew-submit-sevenbit--eight-bit-p ()
  "Is there an octet above 127 in the narrowed buffer?"
  (save-excursion
    (goto-char (point-min))
    (skip-chars-forward "\0-\177")
    (not (eobp))))

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
  (let ((case-fold-search t))
    (when (re-search-forward (format "^%s[ \t]*:" (regexp-quote name)) nil t)
      (let ((start (match-beginning 0)))
        (goto-char start)
        (mew-submit-sevenbit--field-end)
        (cons start (point))))))

(defun mew-submit-sevenbit--value (name)
  "Return the value of the field NAME in the narrowed header, or nil."
  (when-let* ((bounds (mew-submit-sevenbit--find-field name)))
    (let ((field (buffer-substring (car bounds) (cdr bounds))))
      (string-trim (replace-regexp-in-string
                    "[\r\n]+" "" (substring field (1+ (string-match ":" field))))))))

(defun mew-submit-sevenbit--set-field (name value)
  "Give the field NAME of the narrowed header the VALUE.
It stays in its place; a new one goes to the end."
  (let ((bounds (mew-submit-sevenbit--find-field name)))
    (if bounds
        (delete-region (car bounds) (cdr bounds))
      (goto-char (point-max)))
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

(defun mew-submit-sevenbit--parameters (name field)
  "Return FIELD, called NAME, with its parameters as RFC 2231 wants them."
  (let ((parsed (mail-header-parse-content-type
                 (substring field (1+ (string-match ":" field))))))
    (unless (and (car parsed)
                 (string-match-p "\\`[[:ascii:]]*\\'" (car parsed)))
      (mew-submit-sevenbit--refuse))
    (concat name ": " (car parsed)
            (mapconcat (lambda (parameter)
                         (concat ";\n "
                                 (rfc2231-encode-string
                                  (symbol-name (car parameter))
                                  (cdr parameter))))
                       (cdr parsed) "")
            "\n")))

(defun mew-submit-sevenbit--words (field)
  "Return FIELD with encoded words."
  (with-temp-buffer
    (insert field)
    (let ((mm-coding-system-priorities '(utf-8))
          (rfc2047-encoding-type 'address-mime))
      (rfc2047-encode-message-header))
    (buffer-string)))

(defun mew-submit-sevenbit--encode-field (octets)
  "Return the field OCTETS, which has 8-bit text, in ASCII."
  (let* ((field (decode-coding-string octets 'utf-8-unix))
         (name (and (string-match "\\`\\([!-9;-~]+\\)[ \t]*:" field)
                    (match-string 1 field)))
         (lower (downcase (or name ""))))
    (when (or (null name)
              (memq 'eight-bit (find-charset-string field))
              (and (member lower mew-submit-sevenbit--address-fields)
                   (mew-submit-sevenbit--odd-address-p field)))
      (mew-submit-sevenbit--refuse))
    (let ((encoded (if (member lower '("content-type" "content-disposition"))
                       (mew-submit-sevenbit--parameters name field)
                     (mew-submit-sevenbit--words field))))
      (unless (string-match-p "\\`[[:ascii:]]*\\'" encoded)
        (mew-submit-sevenbit--refuse))
      (string-to-unibyte encoded))))

(defun mew-submit-sevenbit--encode-header ()
  "Encode the 8-bit text in the narrowed header."
  (goto-char (point-min))
  (while (not (eobp))
    (let ((start (point)))
      (mew-submit-sevenbit--field-end)
      (let ((octets (delete-and-extract-region start (point))))
        (insert (if (string-match-p "[^\0-\177]" octets)
                    (mew-submit-sevenbit--encode-field
                     (string-replace "\r\n" "\n" octets))
                  octets))))))

;;; Leaves

(defun mew-submit-sevenbit--plain-lines ()
  "Make each line end in the narrowed body an LF."
  (goto-char (point-min))
  (while (re-search-forward "\r\n?" nil t)
    (replace-match "\n" t t)))

(defun mew-submit-sevenbit--base64 ()
  "Encode the narrowed body as base64; return the name of the encoding."
  (base64-encode-region (point-min) (point-max))
  "base64")

(defun mew-submit-sevenbit--text ()
  "Encode the narrowed body, text, as quoted-printable; return the encoding."
  (mew-submit-sevenbit--plain-lines)
  (quoted-printable-encode-region (point-min) (point-max) t)
  "quoted-printable")

(defun mew-submit-sevenbit--lines ()
  "Encode the narrowed body, lines that are no text, as base64; return that."
  (mew-submit-sevenbit--plain-lines)
  (goto-char (point-min))
  (while (search-forward "\n" nil t)
    (replace-match "\r\n" t t))
  (mew-submit-sevenbit--base64))

(defun mew-submit-sevenbit--stray-octets ()
  "Encode the octets above 127 in the narrowed body, quoted-printable already."
  (goto-char (point-min))
  (while (re-search-forward "[^\0-\177]" nil t)
    (replace-match (format "=%02X" (get-byte (match-beginning 0))) t t))
  "quoted-printable")

(defun mew-submit-sevenbit--leaf (type encoding)
  "Encode the narrowed body of the TYPE, in ENCODING; return its new encoding."
  (let ((eight-bit (mew-submit-sevenbit--eight-bit-p)))
    (cond ((equal encoding "binary") (mew-submit-sevenbit--base64))
          ((and eight-bit (equal encoding "quoted-printable"))
           (mew-submit-sevenbit--stray-octets))
          ((not (or eight-bit (equal encoding "8bit"))) encoding)
          ((not (member encoding '("7bit" "8bit")))
           (mew-submit-sevenbit--refuse))
          ;; These may not be encoded (RFC 2046, section 5.2).
          ((string-match-p "\\`message/\\(?:partial\\|external-body\\)\\'" type)
           (mew-submit-sevenbit--refuse))
          ((string-prefix-p "text/" type) (mew-submit-sevenbit--text))
          (t (mew-submit-sevenbit--lines)))))

;;; Multiparts

(defun mew-submit-sevenbit--blank-out (start end)
  "Replace the octets above 127 between START and END, in no part."
  (save-restriction
    (narrow-to-region start end)
    (goto-char (point-min))
    (while (re-search-forward "[^\0-\177]" nil t)
      (replace-match "?" t t))))

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
                   (mew-submit-sevenbit--refuse)))))
    (cond ((and (string-match-p "\\`multipart/\\(?:signed\\|encrypted\\)\\'" type))
           (if (mew-submit-sevenbit--eight-bit-p)
               (mew-submit-sevenbit--refuse)
             encoding))
          ((string-prefix-p "multipart/" type)
           (funcall parts)
           (unless boundary
             (mew-submit-sevenbit--refuse))
           (mew-submit-sevenbit--multipart boundary
                                           (equal type "multipart/digest")
                                           (1+ depth))
           "7bit")
          ((equal type "message/rfc822")
           (funcall parts)
           (mew-submit-sevenbit--message (1+ depth))
           "7bit")
          (t (mew-submit-sevenbit--leaf type encoding)))))

(defun mew-submit-sevenbit--needed-p ()
  "Is there anything to do for the narrowed entity?"
  (or (mew-submit-sevenbit--eight-bit-p)
      (let ((case-fold-search t))
        (goto-char (point-min))
        (re-search-forward
         "^content-transfer-encoding[ \t]*:[ \t\r\n]*\\(?:8bit\\|binary\\)" nil t))))

(defun mew-submit-sevenbit--encoding ()
  "Return the transfer encoding that the narrowed header names, in lower case."
  (let ((value (mew-submit-sevenbit--value "Content-Transfer-Encoding")))
    (if value
        (downcase (string-trim (replace-regexp-in-string "([^()]*)" "" value)))
      "7bit")))

(defun mew-submit-sevenbit--entity (default depth)
  "Encode the narrowed entity: a header, an empty line and a body.
DEFAULT is its type where it has none, DEPTH how deep it is."
  (when (> depth mew-submit-sevenbit--depth-max)
    (mew-submit-sevenbit--refuse))
  (when (mew-submit-sevenbit--needed-p)
    (let* ((start (or (mew-submit-sevenbit--body-start)
                      (mew-submit-sevenbit--refuse)))
           (header (progn (forward-line -1)
                          (cons (point-min-marker) (copy-marker (point) t))))
           (body (copy-marker start))
           type boundary encoding)
      (save-restriction
        (narrow-to-region (car header) (cdr header))
        (let ((parsed (ignore-errors
                        (mail-header-parse-content-type
                         (or (mew-submit-sevenbit--value "Content-Type")
                             default)))))
          (setq type (downcase (or (car parsed) "application/octet-stream"))
                boundary (cdr (assq 'boundary (cdr parsed)))
                encoding (mew-submit-sevenbit--encoding))))
      (let ((new (save-restriction
                   (narrow-to-region body (point-max))
                   (mew-submit-sevenbit--body type boundary encoding depth))))
        (save-restriction
          (narrow-to-region (car header) (cdr header))
          (unless (equal new encoding)
            (mew-submit-sevenbit--set-field "Content-Transfer-Encoding" new))
          (mew-submit-sevenbit--encode-header))))))

(defun mew-submit-sevenbit--guess-charset (start)
  "Return the charset of the 8-bit text from START on."
  (let ((text (decode-coding-string (buffer-substring start (point-max))
                                    'utf-8-unix)))
    (if (memq 'eight-bit (find-charset-string text))
        "unknown-8bit"
      "utf-8")))

(defun mew-submit-sevenbit--message (depth)
  "Encode the narrowed message; DEPTH is how deep it is.
One without MIME fields gets some."
  (when (mew-submit-sevenbit--needed-p)
    (let ((start (or (mew-submit-sevenbit--body-start)
                     (mew-submit-sevenbit--refuse)))
          charset)
      (save-restriction
        (narrow-to-region start (point-max))
        (when (mew-submit-sevenbit--eight-bit-p)
          (setq charset (mew-submit-sevenbit--guess-charset (point-min)))))
      (save-restriction
        (narrow-to-region (point-min) (progn (goto-char start)
                                             (forward-line -1)
                                             (point)))
        (unless (or (mew-submit-sevenbit--find-field "Content-Type") (null charset))
          (mew-submit-sevenbit--set-field "Content-Type"
                                          (concat "text/plain; charset=" charset)))
        (unless (mew-submit-sevenbit--find-field "MIME-Version")
          (mew-submit-sevenbit--set-field "MIME-Version" "1.0")))
      (mew-submit-sevenbit--entity "text/plain" depth))))

;;; The whole

(defun mew-submit-sevenbit--binary-p ()
  "Does the header of the message in the buffer say that it has binary parts?"
  (save-restriction
    (narrow-to-region (point-min) (or (mew-submit-sevenbit--body-start)
                                      (point-max)))
    (equal (mew-submit-sevenbit--encoding) "binary")))

(defun mew-submit-sevenbit--buffer ()
  "Make the message in the unibyte buffer one of seven bits.
Return t, or nil when that cannot be done without harm."
  (catch 'mew-submit-sevenbit--refused
    (unless (mew-submit-sevenbit--binary-p)
      (mew-submit-sevenbit--plain-lines))
    (mew-submit-sevenbit--message 0)
    (not (mew-submit-sevenbit--eight-bit-p))))

(defun mew-submit-sevenbit--convert (file out)
  "Write the message FILE to the new file OUT, in seven bits.
The content stays the same.  Return t, or nil when it would not; then there is
no OUT."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (let ((buffer-undo-list t)
          (coding-system-for-write 'no-conversion))
      (insert-file-contents-literally file)
      (when (mew-submit-sevenbit--buffer)
        (with-file-modes #o600
          (write-region nil nil out nil 'silent nil 'excl))
        t))))

(provide 'mew-submit-sevenbit)
;;; mew-submit-sevenbit.el ends here
