;;; mew-submit-delivery.el --- How the last message went -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns M-x mew-submit-last-delivery: the waterfall of the message that was
;; sent last, or was tried to.  It is made of events of the session, as that of a
;; diagnosis is made of a diagnosis.

;;; Code:

(require 'mew-submit-diagnosis-view)
(require 'mew-submit-picture)
(require 'mew-submit-report)
(require 'mew-submit-table)
(require 'mew-submit-job)
(require 'mew-submit-view)

(defvar-local mew-submit-delivery--course nil
  "The course of the delivery that is shown.")

(defconst mew-submit-delivery--keys
  '(("g" "again" mew-submit-last-delivery)
    ("s" "SVG" mew-submit-delivery-save-svg))
  "The keys of the picture of a delivery, a table.")

(defvar mew-submit-delivery-mode-map (mew-submit-view--map mew-submit-delivery--keys)
  "The keys of the picture of a delivery.")

(define-derived-mode mew-submit-delivery-mode mew-submit-view-mode "Delivery"
  "How the last message went.
\\{mew-submit-delivery-mode-map}"
  :interactive nil
  (setq truncate-lines t
        mew-submit-view--shape t
        mew-submit-view--insert #'mew-submit-delivery--draw
        mew-submit-view--keys mew-submit-delivery--keys))

(defun mew-submit-delivery--insert (text prefix)
  "Insert TEXT, filled, as a paragraph whose other lines have PREFIX."
  (let ((fill-column (1- mew-submit-table--width))
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

(defun mew-submit-delivery--draw ()
  "Insert how the delivery of this buffer went."
  (mew-submit-delivery--insert
   (format "Mail to %s" (mew-submit-report--people
                         (plist-get mew-submit-delivery--course :to)))
   "")
  (insert "\n")
  (mew-submit-diagnosis-view--insert-rows
   (mew-submit-picture--of-course mew-submit-delivery--course) nil
   "waterfall of the last message")
  (insert "\n" (mew-submit-delivery--words
                (plist-get mew-submit-delivery--course :done))))

;;;###autoload
(defun mew-submit-last-delivery ()
  "Show how the last message went: a waterfall of every attempt over time.
\\<mew-submit-delivery-mode-map>\\[mew-submit-delivery-save-svg] saves it as SVG."
  (interactive)
  (unless mew-submit-job--last
    (user-error "No message was sent from this Emacs yet"))
  (with-current-buffer (mew-submit-view--buffer "*mew-submit delivery*"
                                                #'mew-submit-delivery-mode)
    (setq mew-submit-delivery--course mew-submit-job--last)
    (mew-submit-view--draw)
    (mew-submit-view--go (point-min))
    (pop-to-buffer (current-buffer))))

(defun mew-submit-delivery-save-svg (file)
  "Save the picture in FILE, as SVG."
  (interactive (list (read-file-name "Save the picture as: " nil nil nil
                                     "delivery.svg"))
               mew-submit-delivery-mode)
  (mew-submit-view--save file (mew-submit-diagnosis-view--rows-svg
                               (mew-submit-picture--of-course
                                mew-submit-delivery--course))))

(provide 'mew-submit-delivery)
;;; mew-submit-delivery.el ends here
