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
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-module)
(require 'mew-submit-sevenbit-header)
(require 'qp)

(defconst mew-submit-sevenbit--depth-max 50
  "How deep parts may be nested.")

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
    (mew-submit-sevenbit-header--break-lines "=\n" 76)
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
  (when (eq mew-submit-sevenbit-header--goal 'octets)
    (goto-char (point-min))
    (while (re-search-forward "[^\0-\177]" nil t)
      (replace-match (format "=%02X" (get-byte (match-beginning 0))) t t)))
  (mew-submit-sevenbit-header--break-lines "=\n")
  "quoted-printable")

(defun mew-submit-sevenbit--leaf (type encoding)
  "Mend the narrowed body of the TYPE, in ENCODING; return its new encoding."
  (let ((all (eq mew-submit-sevenbit-header--goal 'octets)))
    (cond ((and all (equal encoding "binary")) (mew-submit-sevenbit--base64))
          ((not (or (mew-submit-sevenbit-header--bad-p)
                    (and all (equal encoding "8bit"))))
           encoding)
          ((equal encoding "quoted-printable") (mew-submit-sevenbit--quoted))
          ((and (equal encoding "base64") (not (mew-submit-sevenbit-header--eight-bit-p)))
           (mew-submit-sevenbit-header--break-lines "\n")
           encoding)
          ((not (member encoding '("7bit" "8bit" "binary")))
           (mew-submit-sevenbit-header--refuse))
          ;; These may not be encoded (RFC 2046, section 5.2).
          ((string-match-p "\\`message/\\(?:partial\\|external-body\\)\\'" type)
           (mew-submit-sevenbit-header--refuse))
          ((equal encoding "binary") (mew-submit-sevenbit--base64))
          ((string-prefix-p "text/" type) (mew-submit-sevenbit--text))
          (t (mew-submit-sevenbit--lines)))))

;;; Multiparts

(defun mew-submit-sevenbit--blank-out (start end)
  "Have nothing between START and END, in no part, that is not to be there."
  (save-restriction
    (narrow-to-region start end)
    (goto-char (point-min))
    (when (eq mew-submit-sevenbit-header--goal 'octets)
      (while (re-search-forward "[^\0-\177]" nil t)
        (replace-match "?" t t)))
    (mew-submit-sevenbit-header--break-lines "\n")))

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
      (mew-submit-sevenbit-header--refuse))
    (nreverse delimiters)))

(defun mew-submit-sevenbit--multipart (boundary digest depth)
  "Encode the parts of the narrowed body, with BOUNDARY between them.
DIGEST non-nil means that they are messages.  DEPTH is how deep they are."
  (let ((delimiters (mew-submit-sevenbit--delimiters boundary)))
    (unless delimiters
      (mew-submit-sevenbit-header--refuse))
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
                   (mew-submit-sevenbit-header--refuse))))
        (parted (lambda ()
                  (if (eq mew-submit-sevenbit-header--goal 'octets) "7bit" encoding))))
    (cond ((and (string-match-p "\\`multipart/\\(?:signed\\|encrypted\\)\\'" type))
           (if (mew-submit-sevenbit-header--bad-p)
               (mew-submit-sevenbit-header--refuse)
             encoding))
          ((string-prefix-p "multipart/" type)
           (funcall parts)
           (unless boundary
             (mew-submit-sevenbit-header--refuse))
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
  (or (mew-submit-sevenbit-header--bad-p)
      (and (eq mew-submit-sevenbit-header--goal 'octets)
           (mew-submit-caseless--folding
             (goto-char (point-min))
             (re-search-forward
              "^content-transfer-encoding[ \t]*:[ \t\r\n]*\\(?:8bit\\|binary\\)"
              nil t)))))

(defun mew-submit-sevenbit--encoding ()
  "Return the transfer encoding that the narrowed header names, in lower case.
What programs make of 8bit is that, and an empty field is none."
  (let* ((value (or (mew-submit-sevenbit-header--value "Content-Transfer-Encoding") ""))
         (name (mew-submit-caseless--down
                (replace-regexp-in-string "([^()]*)\\|[\"; \t]" "" value))))
    (cond ((equal name "") "7bit")
          ((string-match-p "\\`8-?bits?\\'" name) "8bit")
          ((string-match-p "\\`7-?bits?\\'" name) "7bit")
          (t name))))

(defun mew-submit-sevenbit--split ()
  "Return (HEADER-END . BODY-START) of the narrowed entity.
Without an empty line all of it is header."
  (if-let* ((start (mew-submit-sevenbit-header--body-start)))
      (cons (progn (goto-char start) (forward-line -1) (point)) start)
    (cons (point-max) (point-max))))

(defun mew-submit-sevenbit--entity (default depth)
  "Encode the narrowed entity: a header, an empty line and a body.
DEFAULT is its type where it has none, DEPTH how deep it is."
  (when (> depth mew-submit-sevenbit--depth-max)
    (mew-submit-sevenbit-header--refuse))
  (when (or (mew-submit-sevenbit--needed-p)
            (and (zerop depth) (eq mew-submit-sevenbit-header--goal 'header)))
    (let* ((split (mew-submit-sevenbit--split))
           (header (cons (point-min-marker) (copy-marker (car split) t)))
           (body (copy-marker (cdr split)))
           type boundary charset encoding)
      (save-restriction
        (narrow-to-region (car header) (cdr header))
        (let ((parsed (ignore-errors
                        (mail-header-parse-content-type
                         (mew-submit-sevenbit-header--quote-parameters
                          (or (mew-submit-sevenbit-header--value "Content-Type")
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
            (mew-submit-sevenbit-header--set-field "Content-Transfer-Encoding" new))
          (let ((mew-submit-sevenbit-header--charset charset))
            (mew-submit-sevenbit-header--mend-header)))))))

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
      (when (mew-submit-sevenbit-header--eight-bit-p)
        (setq charset (mew-submit-sevenbit--guess-charset (point-min)))))
    (save-restriction
      (narrow-to-region (point-min) (car split))
      (unless (or (mew-submit-sevenbit-header--find-field "Content-Type") (null charset))
        (mew-submit-sevenbit-header--set-field "Content-Type"
                                        (concat "text/plain; charset=" charset)))
      (unless (mew-submit-sevenbit-header--find-field "MIME-Version")
        (mew-submit-sevenbit-header--set-field "MIME-Version" "1.0")))))

(defun mew-submit-sevenbit--message (depth)
  "Encode the narrowed message; DEPTH is how deep it is.
One without MIME fields gets some if it has to be encoded."
  (let ((mew-submit-sevenbit-header--goal
         (if (and (> depth 0) (eq mew-submit-sevenbit-header--goal 'header))
             'lines
           mew-submit-sevenbit-header--goal))
        (split (mew-submit-sevenbit--split)))
    (when (and (mew-submit-sevenbit--needed-p)
               (or (eq mew-submit-sevenbit-header--goal 'octets)
                   (save-restriction
                     (narrow-to-region (cdr split) (point-max))
                     (mew-submit-sevenbit-header--bad-p))))
      (mew-submit-sevenbit--add-mime split))
    (mew-submit-sevenbit--entity "text/plain" depth)))

;;; The whole

(defun mew-submit-sevenbit--binary-p ()
  "Does the header of the message in the buffer say that it has binary parts?"
  (save-restriction
    (narrow-to-region (point-min) (or (mew-submit-sevenbit-header--body-start)
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
      (not (and (or (not binary) (eq mew-submit-sevenbit-header--goal 'octets))
                (mew-submit-sevenbit-header--bad-p))))))

(defun mew-submit-sevenbit--convert (file out &optional goal)
  "Write the message FILE to the new file OUT, without what is not to be in it.
GOAL is as for `mew-submit-sevenbit-header--goal'.  The content stays the same.
Return t, or nil when it would not; then there is no OUT."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (let ((buffer-undo-list t)
          (coding-system-for-write 'no-conversion)
          (mew-submit-sevenbit-header--goal (or goal 'octets)))
      (insert-file-contents-literally file)
      (when (mew-submit-sevenbit--buffer)
        ;; What is half written has another name: OUT is whole, or is not there.
        (let ((part (make-temp-file (concat out "."))))
          (unwind-protect
              (progn (write-region nil nil part nil 'silent)
                     (rename-file part out))
            (ignore-errors (delete-file part))))
        t))))

;;; Another Emacs

(defconst mew-submit-sevenbit--here-max 8192
  "How many octets a message has at most for which no other Emacs is started.")

(defun mew-submit-sevenbit--exit (file out goal)
  "Do what `mew-submit-sevenbit--convert' does, and end Emacs with what came of it.
FILE, OUT and GOAL are as for that."
  (kill-emacs (if (mew-submit-sevenbit--convert file out goal) 0 3)))

(defun mew-submit-sevenbit--command (file out goal)
  "Return the command that has an Emacs convert FILE to OUT for GOAL."
  (let ((print-escape-nonascii t)
        (print-escape-newlines t)
        print-length print-level)
    (list (expand-file-name invocation-name invocation-directory)
          "-Q" "--batch"
          "-L" (file-name-directory (locate-library "mew-submit-sevenbit"))
          "-l" "mew-submit-sevenbit"
          "--eval" (prin1-to-string
                    (list 'mew-submit-sevenbit--exit
                          (mew-submit-module--octets-name file)
                          (mew-submit-module--octets-name out)
                          (list 'quote goal))))))

(defun mew-submit-sevenbit--outcome (process file out goal)
  "Return what has become of FILE, OUT and GOAL by PROCESS, which has ended.
It is t, nil when that would do harm, or (:failed . WHY).  Where no other Emacs
can be had, this one does the work."
  (condition-case err
      (pcase (and (eq (process-status process) 'exit)
                  (process-exit-status process))
        (0 t)
        (3 nil)
        ('nil (cons :failed "the Emacs that encodes it was killed"))
        (_ (mew-submit-sevenbit--convert file out goal)))
    (error (cons :failed (mew-submit-error--text err)))))

(defun mew-submit-sevenbit--convert-apart (file out goal then)
  "Have another Emacs convert FILE to OUT for GOAL; return its process, or nil.
This one goes on meanwhile.  THEN is called as soon as it has ended, with what
`mew-submit-sevenbit--outcome' returns."
  (let ((default-directory (file-name-directory out)))
    (condition-case nil
        (make-process
         :name "mew-submit encoding" :noquery t :connection-type 'pipe :filter #'ignore
         :command (mew-submit-sevenbit--command file out goal)
         :sentinel (lambda (process _)
                     (unless (process-live-p process)
                       (mew-submit-background--run
                         (funcall then (mew-submit-sevenbit--outcome
                                        process file out goal))))))
      (error
       (funcall then (mew-submit-sevenbit--convert file out goal))
       nil))))

(provide 'mew-submit-sevenbit)
;;; mew-submit-sevenbit.el ends here
