;;; mew-submit-table.el --- Tables as text, Org and CSV, and bars -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns how wide a text is, and how a table is written down.  A table is a list of rows, the
;; first one being its head; a row is a list of strings and numbers, nil being an empty
;; cell.

;;; Code:

(require 'subr-x)

(require 'cl-lib)

(defvar mew-submit-table--width 79
  "The width of a report: a terminal of 80 columns shows it whole.
A buffer whose window is narrower has it drawn for that.")

(defun mew-submit-table--cell (value)
  "Return VALUE, a string, a number or nil, as text."
  (cond ((null value) "")
        ((stringp value) value)
        (t (format "%s" value))))

(defun mew-submit-table--widths (table)
  "Return how wide each column of TABLE is."
  (let ((widths (make-list (length (car table)) 0)))
    (dolist (row table widths)
      (cl-loop for cell in row
               for place on widths
               do (setcar place (max (car place)
                                     (string-width
                                      (mew-submit-table--cell cell))))))))

(defun mew-submit-table--pad (value width)
  "Return VALUE in WIDTH columns; numbers go to the right."
  (let* ((text (mew-submit-table--cell value))
         (blank (make-string (max 0 (- width (string-width text))) ?\s)))
    (if (or (numberp value)
            (string-match-p "\\`[0-9.]+\\(?: %\\)?\\'" text))
        (concat blank text)
      (concat text blank))))

(defun mew-submit-table--text (table)
  "Return TABLE as lines of text with aligned columns and a rule under the head."
  (let ((widths (mew-submit-table--widths table)))
    (mapconcat
     (lambda (row)
       (concat (string-trim-right
                (string-join (cl-mapcar #'mew-submit-table--pad row widths) "  "))
               "\n"))
     (append (list (car table)
                   (mapcar (lambda (width) (make-string width ?-)) widths))
             (cdr table))
     "")))

(defun mew-submit-table--org-row (row)
  "Return ROW without what would end a cell of Org."
  (mapcar (lambda (value)
            (if (stringp value) (string-replace "|" "\\vert{}" value) value))
          row))

(defun mew-submit-table--org-line (row)
  "Return ROW as a line of an Org table whose columns are not aligned."
  (concat "| "
          (mapconcat #'mew-submit-table--cell (mew-submit-table--org-row row) " | ")
          " |\n"))

(defun mew-submit-table--org (table)
  "Return TABLE as an Org table."
  (let* ((clean (mapcar #'mew-submit-table--org-row table))
         (widths (mew-submit-table--widths clean))
         (line (lambda (row)
                 (concat "| "
                         (string-join (cl-mapcar #'mew-submit-table--pad row
                                                 widths)
                                      " | ")
                         " |\n"))))
    (concat (funcall line (car clean))
            "|" (mapconcat (lambda (width) (make-string (+ 2 width) ?-))
                           widths "+")
            "|\n"
            (mapconcat line (cdr clean) ""))))

(defun mew-submit-table--csv-cell (value)
  "Return VALUE as a cell of CSV (RFC 4180).
What a spreadsheet would take for a formula gets an apostrophe before it."
  (let ((text (mew-submit-table--cell value)))
    (when (and (stringp value) (string-match-p "\\`[-=+@\t\r]." text))
      (setq text (concat "'" text)))
    (if (string-match-p "[\",\r\n]" text)
        (concat "\"" (string-replace "\"" "\"\"" text) "\"")
      text)))

(defun mew-submit-table--csv (table)
  "Return TABLE as CSV."
  (mapconcat (lambda (row)
               (concat (mapconcat #'mew-submit-table--csv-cell row ",") "\n"))
             table ""))

;;; Reading

(defun mew-submit-table--csv-value (chars)
  "Return the cell of CSV that CHARS, a list, are without their quotes."
  (let ((text (string-trim (concat chars))))
    (if (and (< 1 (length text)) (string-prefix-p "\"" text) (string-suffix-p "\"" text))
        (string-replace "\"\"" "\"" (substring text 1 -1))
      (string-trim text "\"+" "\"+"))))

(defun mew-submit-table--csv-cells (line)
  "Return the cells of LINE, which has , ; or tabs between them.
In quotes these are no end of a cell, and two quotes are one (RFC 4180)."
  (let (cells chars quoted)
    (dolist (char (append line "," nil))
      (cond ((and (not quoted) (memq char '(?, ?\; ?\t)))
             (push (mew-submit-table--csv-value (nreverse chars)) cells)
             (setq chars nil))
            ((or chars (/= char ?\s))
             (when (and (eq char ?\") (or quoted (memq (car chars) '(nil ?\"))))
               (setq quoted (not quoted)))
             (push char chars))))
    (when chars                         ; a quote that nobody has closed
      (push (mew-submit-table--csv-value (nreverse (cdr chars))) cells))
    (nreverse cells)))

(defun mew-submit-table--split (line)
  "Return the cells of LINE: an Org table's, or separated by , ; or blanks."
  (cond ((string-match "\\`[ \t]*|\\(.*?\\)|?[ \t]*\\'" line)
         (mapcar #'string-trim (split-string (match-string 1 line) "|")))
        ((string-match-p "[,;\t]" line)
         (mew-submit-table--csv-cells line))
        (t (split-string line))))

(defun mew-submit-table--parse (text)
  "Return the rows in TEXT, as (NUMBER . CELLS) with the NUMBER of the line.
TEXT is an Org table, CSV, or words; rules, comments and lines with nothing in
them are left out, and so is the mark that begins files of some programs."
  (let ((number 0))
    (delq nil
          (mapcar
           (lambda (line)
             (cl-incf number)
             (unless (string-match-p "\\`[ \t]*\\(?:[ \t,;|]*\\'\\|#\\||[-+]+|?[ \t]*\\'\\)"
                                     line)
               (cons number (mew-submit-table--split line))))
           (split-string (string-remove-prefix "\ufeff" text) "\r?\n")))))

;;; Bars

(defun mew-submit-table--bar (share width &optional solid)
  "Return a bar for SHARE, from 0 to 1, in WIDTH columns, of the character SOLID."
  (make-string (round (* width (max 0 (min 1 share)))) (or solid ?#)))

(provide 'mew-submit-table)
;;; mew-submit-table.el ends here
