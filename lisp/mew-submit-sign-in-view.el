;;; mew-submit-sign-in-view.el --- What a user sees of a sign-in -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the buffer that shows what a user has to do to sign in: an address, perhaps a
;; code to type there, and the same as a QR code.  It knows nothing of how one signs in.

;;; Code:

(require 'mew-submit-background)
(require 'mew-submit-view)
(require 'subr-x)

(define-derived-mode mew-submit-sign-in-mode mew-submit-view-mode "Sign-in"
  "Major mode of the buffer that shows a sign-in."
  :interactive nil
  (visual-line-mode 1))

(defvar-local mew-submit-sign-in-view--shown nil
  "The event that this buffer shows.")

(defun mew-submit-sign-in-view--button (words function)
  "Insert a button with WORDS, for FUNCTION to be called."
  (mew-submit-view--button (format "[%s]" words) function)
  (insert "  "))

(defface mew-submit-qr-code '((t :foreground "white" :background "black"))
  "Face for a QR code, whose characters are its light parts."
  :group 'mew-submit-display)

(defun mew-submit-sign-in-view--draw (event)
  "Show the address of EVENT, in the current buffer, as a QR code, too.
That takes the program qrencode, which is not waited for; the address has the
code in it, perhaps, and is in no argument of a program."
  (when-let* ((program (executable-find "qrencode"))
              (buffer (current-buffer))
              (default-directory "/")   ; the buffer's may be gone
              (process
               (ignore-errors
                 (make-process
                  :name "mew-submit qrencode" :noquery t :connection-type 'pipe
                  :coding 'utf-8 :buffer (generate-new-buffer " *mew-submit qrencode*")
                  :command (list program "-t" "UTF8" "-m" "2")
                  :sentinel (lambda (process _)
                              (unless (process-live-p process)
                                (mew-submit-sign-in-view--drawn event process buffer)))))))
    (ignore-errors
      (process-send-string process (or (plist-get event :complete)
                                       (plist-get event :url)))
      (process-send-eof process))))

(defun mew-submit-sign-in-view--drawn (event process buffer)
  "Put what PROCESS has made of EVENT into BUFFER, if that is still shown there."
  (let ((picture (with-current-buffer (process-buffer process)
                   (buffer-string))))
    (kill-buffer (process-buffer process))
    (when (and (eql 0 (process-exit-status process))
               (buffer-live-p buffer)
               (eq event (buffer-local-value 'mew-submit-sign-in-view--shown buffer)))
      (with-current-buffer buffer
        (save-excursion
          (mew-submit-view--change
            (goto-char (point-max))
            (insert "\n\n" (propertize picture 'face 'mew-submit-qr-code))))
        (mew-submit-sign-in-view--fit)))))

(defun mew-submit-sign-in-view--fit ()
  "Fit the window that was made for the current buffer to what is in that.
Return nil if it is in no window."
  (when-let* ((window (get-buffer-window (current-buffer) t)))
    (when (window-parameter window 'quit-restore)
      (ignore-errors (fit-window-to-buffer window)))
    window))

(defun mew-submit-sign-in-view--insert (event words open cancel)
  "Insert EVENT, as WORDS, with OPEN and CANCEL, functions, for its buttons."
  (insert words "\n\n")
  (when (memq (plist-get event :step) '(browser code))
    (mew-submit-sign-in-view--button "Open the page" open))
  (when (plist-get event :code)
    (mew-submit-sign-in-view--button "Copy the code"
                                     (lambda () (kill-new (plist-get event :code))))
    (mew-submit-sign-in-view--draw event))
  (unless (eq (plist-get event :step) 'done)
    (mew-submit-sign-in-view--button "Cancel" cancel)))

(defun mew-submit-sign-in-view--display (event words open cancel)
  "Show EVENT, as WORDS, in the buffer \"*mew-submit sign-in*\"; select no window.
OPEN and CANCEL are functions for its buttons."
  (with-current-buffer (mew-submit-view--buffer "*mew-submit sign-in*"
                                                #'mew-submit-sign-in-mode)
    (let ((done (eq (plist-get event :step) 'done)))
      (setq mew-submit-view--insert
            (lambda () (mew-submit-sign-in-view--insert event words open cancel))
            mew-submit-sign-in-view--shown event)
      (mew-submit-view--draw)
      (mew-submit-view--go (point-min))
      (unless (or (mew-submit-sign-in-view--fit) done)
        (mew-submit-view--display (current-buffer)
                                  '(nil (inhibit-same-window . t)
                                        (window-height . fit-window-to-buffer))))
      (when done
        ;; Nothing here keeps what the sign-in knows.
        (setq mew-submit-view--insert nil
              mew-submit-sign-in-view--shown nil)
        ;; Who is in it reads it there; else its room is for what comes next.
        (dolist (window (get-buffer-window-list nil nil t))
          (unless (eq window (selected-window))
            (quit-restore-window window 'bury)))
        (mew-submit-background--tell "%s" (plist-get event :text))))))

(defun mew-submit-sign-in-view--beside (function &rest arguments)
  "Call FUNCTION with ARGUMENTS, to show something that nobody waits for just now.
A browser in Emacs, such as eww, would take the selected window, and the keys
that are typed there; what it shows goes to another one."
  (let ((before (current-window-configuration))
        (window (selected-window))
        (buffer (window-buffer)))
    (mew-submit-background--run
      (apply function arguments))
    (unless (and (eq window (selected-window)) (eq buffer (window-buffer)))
      (let ((page (window-buffer)))
        (set-window-configuration before)
        (mew-submit-view--display page '(nil (inhibit-same-window . t)))))))

(provide 'mew-submit-sign-in-view)
;;; mew-submit-sign-in-view.el ends here
