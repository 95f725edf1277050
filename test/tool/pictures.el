;;; pictures.el --- The manual's picture of a delivery, from a real one -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; test/race/run shell emacs -Q --batch -L lisp -l mew-submit.el -l test/tool/pictures.el \
;;       -f mew-submit-pictures-delivery LIGHT.svg DARK.svg
;;
;; The race's network has a host for each combination of what ports can do.  Here 587 is
;; filtered over IPv6 and silent over IPv4, and 25 is open.

;;; Code:

(require 'mew-submit)

(defvar auth-sources)
(declare-function mew-submit-delivery-save-svg "mew-submit-delivery" (file))

(defun mew-submit-pictures--send (work host)
  "Start to send the message in the directory WORK by HOST, and return the handle."
  (write-region (format "machine %s login alice password 'the password'\n" host) nil
                (expand-file-name "authinfo" work) nil 'quiet)
  (mew-submit-send (expand-file-name "message" work)
                   :account (list :server host :user "alice" :fallback 'always
                                  :ca-file (expand-file-name "certs/ca.pem" work))))

(defun mew-submit-pictures--save (file background text)
  "Save the waterfall of the last delivery in FILE, as on a BACKGROUND colour.
TEXT is the colour of text."
  (set-face-attribute 'default nil :background background :foreground text)
  (frame-set-background-mode (selected-frame))
  (mew-submit-last-delivery)
  (with-current-buffer (window-buffer)
    (mew-submit-delivery-save-svg file)))

(defun mew-submit-pictures-delivery ()
  "Deliver a message, and save the waterfall of that, for light and for dark.
The command line names the two files."
  (let* ((light (expand-file-name (pop command-line-args-left)))
         (dark (expand-file-name (pop command-line-args-left)))
         (work (getenv "RACE_WORK"))
         (host "v6-admin-v4-drop-25-open.example.org")
         (auth-sources (list (expand-file-name "authinfo" work)))
         (done (mew-submit-wait
                (mew-submit-pictures--send work host)
                120)))
    (unless (equal (plist-get done :port) 25)
      (error "The message did not go through port 25: %S" done))
    (let ((frame-background-mode 'light))
      (mew-submit-pictures--save light "#ffffff" "#000000"))
    (let ((frame-background-mode 'dark))
      (mew-submit-pictures--save dark "#1e1e1e" "#e0e0e0"))))

(provide 'mew-submit-pictures)
;;; pictures.el ends here
