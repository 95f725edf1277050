;;; mew-submit-delivery.el --- How the last message went -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns M-x mew-submit-last-delivery: the waterfall of the message that was
;; sent last, or was tried to.  It is made of events of the session, as that of a
;; diagnosis is made of a diagnosis.

;;; Code:

(require 'mew-submit-picture)
(require 'mew-submit-report)
(require 'mew-submit-job)
(require 'svg)

(defvar-local mew-submit-delivery--rows nil
  "The rows of the picture that is shown.")

(defvar mew-submit-delivery-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map "g" #'mew-submit-last-delivery)
    (define-key map "s" #'mew-submit-delivery-save-svg)
    map)
  "The keys of the picture of a delivery.")

(define-derived-mode mew-submit-delivery-mode special-mode "Delivery"
  "How the last message went.
\\{mew-submit-delivery-mode-map}"
  (setq-local truncate-lines t))

(defun mew-submit-delivery--insert-picture (rows)
  "Insert the picture of ROWS."
  (if (and (display-graphic-p) (image-type-available-p 'svg))
      (insert-image (svg-image (mew-submit-picture--svg
                                rows 860 (mew-submit-picture--colors)))
                    "waterfall of the last message")
    (dolist (line (mew-submit-picture--text rows 79))
      (insert (car line) "\n"))
    (insert (mew-submit-picture--legend)))
  (insert "\n"))

(defun mew-submit-delivery--insert (text prefix)
  "Insert TEXT, filled, as a paragraph whose other lines have PREFIX."
  (let ((fill-column 78)
        (fill-prefix prefix)
        (start (point)))
    (insert text "\n")
    (fill-region-as-paragraph start (point))))

(defun mew-submit-delivery--words (done)
  "Return what became of the message, by its `done' event DONE, as lines."
  (with-temp-buffer
    (mew-submit-delivery--insert (mew-submit-report--done done) "")
    (insert "\n")
    (dolist (attempt (plist-get done :attempts))
      (mew-submit-delivery--insert
       (concat "- " (mew-submit-report--attempt attempt)) "  "))
    (buffer-string)))

;;;###autoload
(defun mew-submit-last-delivery ()
  "Show how the last message went: a waterfall of every attempt over time.
\\<mew-submit-delivery-mode-map>\\[mew-submit-delivery-save-svg] saves it as SVG."
  (interactive)
  (unless mew-submit-job--last
    (user-error "No message was sent from this Emacs yet"))
  (with-current-buffer (get-buffer-create "*mew-submit delivery*")
    (mew-submit-delivery-mode)
    (setq mew-submit-delivery--rows
          (mew-submit-picture--of-course mew-submit-job--last))
    (let ((inhibit-read-only t))
      (erase-buffer)
      (mew-submit-delivery--insert-picture mew-submit-delivery--rows)
      (insert "\n"
              (mew-submit-delivery--words (plist-get mew-submit-job--last :done))))
    (goto-char (point-min))
    (pop-to-buffer (current-buffer))))

(defun mew-submit-delivery-save-svg (file)
  "Save the picture in FILE, as SVG."
  (interactive (list (read-file-name "Save the picture as: " nil nil nil
                                     "delivery.svg"))
               mew-submit-delivery-mode)
  (when (or (not (file-exists-p file))
            (y-or-n-p (format "Overwrite %s? " file)))
    (let ((coding-system-for-write 'no-conversion))
      (write-region (mew-submit-picture--octets
                     (mew-submit-picture--svg mew-submit-delivery--rows 860
                                              (mew-submit-picture--colors)))
                    nil file))))

(provide 'mew-submit-delivery)
;;; mew-submit-delivery.el ends here
