;;; typing.el --- Places to type into, and what has come of it -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What the cases of test/dialog/run that type for long have Emacs load.  A function key
;; goes to each place; then the case types as a person does, and has us check that the
;; place holds that and nothing else, and did what it does where no question waits.

;;; Code:

(require 'comint)
(require 'dired)
(require 'seq)

(declare-function message-goto-body "message" (&optional interactive))
(defvar explicit-shell-file-name)

(defvar mew-submit-typing--start nil
  "Where point was before the first key.")

(defvar mew-submit-typing--count 0
  "How many commands were given in a directory.")

(defun mew-submit-typing--text ()
  "Go to a buffer of text."
  (interactive)
  (switch-to-buffer "typed"))

(defun mew-submit-typing--mail ()
  "Go to a new mail."
  (interactive)
  (compose-mail "you@example.org" "typed")
  (message-goto-body)
  (auto-fill-mode -1)
  (setq mew-submit-typing--start (point)))

(defun mew-submit-typing--shell ()
  "Go to a shell."
  (interactive)
  (let ((explicit-shell-file-name "/bin/sh"))
    (switch-to-buffer (save-window-excursion (shell "*typed shell*")))))

(defun mew-submit-typing--search ()
  "Search in a buffer where little is found."
  (interactive)
  (switch-to-buffer "typed")
  (goto-char (point-min))
  (call-interactively #'isearch-forward))

(defun mew-submit-typing--replace ()
  "Have each letter of a buffer be asked about.  It is as long as need be."
  (interactive)
  (switch-to-buffer "replaced")
  (erase-buffer)
  (dotimes (_ 6000)
    (insert "a "))
  (goto-char (point-min))
  (perform-replace "a" "b" t nil nil))

(defun mew-submit-typing--dired ()
  "Go to a directory with a few files."
  (interactive)
  (let ((directory (expand-file-name "files/" user-emacs-directory)))
    (make-directory directory t)
    (dotimes (i 12)
      (write-region "" nil (expand-file-name (format "file-%d" i) directory) nil 'silent))
    (switch-to-buffer (dired-noselect directory))
    (setq mew-submit-typing--start (point)
          mew-submit-typing--count -1)
    (add-hook 'post-command-hook
              (lambda () (setq mew-submit-typing--count (1+ mew-submit-typing--count)))
              nil t)))

(defconst mew-submit-typing--places
  '((f5 . mew-submit-typing--text) (f6 . mew-submit-typing--mail)
    (f7 . mew-submit-typing--shell) (f8 . mew-submit-typing--search)
    (f9 . mew-submit-typing--replace) (f12 . mew-submit-typing--dired))
  "What goes to a place, by its key.")

(pcase-dolist (`(,key . ,command) mew-submit-typing--places)
  (global-set-key (vector key) command))

(defun mew-submit-typing--replaced (keys)
  "Return what the letters that KEYS were typed for have become."
  (replace-regexp-in-string
   "[yn]" (lambda (key) (if (equal key "y") "b " "a ")) keys t))

(defun mew-submit-typing--dired-again (keys)
  "Return what KEYS make of the directory when they are not typed."
  (dired-unmark-all-marks)
  (goto-char mew-submit-typing--start)
  (seq-doseq (key keys)
    (condition-case nil
        (call-interactively (key-binding (string key)))
      (error nil)))
  (list (buffer-string) (point)))

(defun mew-submit-typing--right-p (key keys)
  "Is what KEYS have done right, in the place that KEY goes to?"
  (with-current-buffer (window-buffer)
    (pcase key
      ('f5 (equal (buffer-string) keys))
      ('f6 (equal (buffer-substring mew-submit-typing--start (point-max)) keys))
      ('f7 (equal (buffer-substring (process-mark (get-buffer-process (current-buffer)))
                                    (point-max))
                  keys))
      ('f8 (equal isearch-string keys))
      ('f9 (equal (buffer-substring 1 (1+ (* 2 (length keys))))
                  (mew-submit-typing--replaced keys)))
      ;; Only the first time is what keys have done still there.
      ('f12 (and (= mew-submit-typing--count (length keys))
                 (equal (list (buffer-string) (point))
                        (mew-submit-typing--dired-again keys)))))))

(provide 'dialog/typing)
;;; typing.el ends here
