;;; mew-submit-store.el --- Files that remember one Lisp value -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What is remembered between sessions is one Lisp value in a file: it is read
;; and never evaluated.  It is written under another name first, so that several
;; Emacsen can share it, and nobody else can read it.

;;; Code:

(require 'mew-submit-module)

(defun mew-submit-store--others (directory)
  "Return what others can do in DIRECTORY: `own', `write' or `read', or nil.
`own' is for one that is not a directory of the user's."
  (let ((attributes (file-attributes directory 'integer))
        (modes (file-modes directory)))
    (cond ((not (and (eq (file-attribute-type attributes) t)
                     (eql (file-attribute-user-id attributes) (user-uid))))
           'own)
          ((/= 0 (logand modes #o022)) 'write)
          ((/= 0 (logand modes #o055)) 'read))))

(defun mew-submit-store--read (file)
  "Return the Lisp value in FILE, or signal an error.
What may have no end, or have one read wait, is not read."
  (when (and (file-exists-p file) (not (mew-submit-module--regular-p file)))
    (signal 'file-error (list "Not a regular file" file)))
  (with-temp-buffer
    (let ((coding-system-for-read 'utf-8-unix))
      (insert-file-contents file))
    (read (current-buffer))))

(defun mew-submit-store--text (value &optional circle)
  "Return VALUE as one line, which `read' can turn into the same again.
Nothing that the user has set for what Emacs prints has a say in that.  With
CIRCLE non-nil VALUE may have itself in it."
  (let ((print-length nil)
        (print-level nil)
        (print-circle circle)
        (print-gensym nil)
        (print-quoted t)
        (print-escape-newlines t)
        (print-escape-control-characters t)
        (print-escape-multibyte nil)
        (print-escape-nonascii nil)
        (print-integers-as-characters nil)
        (float-output-format nil))
    (prin1-to-string value)))

(defun mew-submit-store--ours-p (file comment)
  "Is FILE not there, empty, a Lisp list, or one that begins with COMMENT?
Whoever has mistyped its name would lose what is in any other."
  (or (not (file-exists-p file))
      (and (mew-submit-module--regular-p file)
           (with-temp-buffer
             (insert-file-contents-literally file nil 0 1000)
             (looking-at-p (format "\\(?:;; %s\n\\|[ \t\n]*\\(?:(\\|\\'\\)\\)"
                                   (regexp-quote comment)))))))

(defun mew-submit-store--cut-off-p (file)
  "Does FILE end in the midst of a line, as on a disk that was full?"
  (ignore-errors
    (let ((size (file-attribute-size (file-attributes file))))
      (with-temp-buffer
        (insert-file-contents-literally file nil (1- size) size)
        (not (eq (char-after (point-min)) ?\n))))))

(defun mew-submit-store--write (file comment value)
  "Make FILE hold VALUE, all at once, below COMMENT, a line for people.
Signal a `file-error' when FILE holds something else."
  (unless (mew-submit-store--ours-p file comment)
    (signal 'file-error (list "Not a file of mew-submit's" file)))
  (let ((directory (file-name-directory (expand-file-name file))))
    (with-file-modes #o700
      (make-directory directory t))
    (let ((create-lockfiles nil)
          (part (make-temp-file (expand-file-name "part-" directory)))
          (coding-system-for-write 'utf-8-unix)
          ;; A batch Emacs would leave it to chance, and an empty file after a power cut.
          (write-region-inhibit-fsync nil))
      (unwind-protect
          (progn
            (write-region (concat ";; " comment "\n" (mew-submit-store--text value) "\n")
                          nil part nil 'silent)
            (rename-file part file t))
        (delete-file part)))))

(provide 'mew-submit-store)
;;; mew-submit-store.el ends here
