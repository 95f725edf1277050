;;; mew-submit-menu.el --- Menus, and the keys in a short help -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the menu in mail buffers and in Tools, and how a mode shows its keys:
;; both come from one list, so that what the mouse finds and what ? says are the same.

;;; Code:

(require 'easymenu)
(require 'seq)

(declare-function mew-submit-outbox "mew-submit-outbox" ())

(defun mew-submit-menu--keys (menu map)
  "Return the lines about the keys that MAP has for the commands of MENU."
  (mapcar (lambda (item)
            (format "%-5s %s"
                    (mapconcat #'key-description
                               (seq-take (where-is-internal (aref item 1) map) 1)
                               " ")
                    (aref item 0)))
          (seq-filter #'vectorp menu)))

(defun mew-submit-menu--help (menu map)
  "Show the keys of MAP for MENU, a list as `easy-menu-define' takes it.
They are in two columns where there is room: half of a small terminal has ten
lines."
  (let* ((lines (mew-submit-menu--keys menu map))
         (half (if (< (window-width) 78) (length lines)
                 (/ (1+ (length lines)) 2)))
         (help-window-select nil))
    (with-help-window "*mew-submit keys*"
      (dotimes (at half)
        (princ (format "%-39s%s\n" (nth at lines)
                       (or (nth (+ at half) lines) ""))))
      (princ "C-h m tells more."))))

(defconst mew-submit-menu--message
  '("Mew-Submit"
    ["Send Later..." mew-submit-send-later
     :help "Put this mail into the outbox, to be sent at a time"]
    ["Bring Back the Last One" mew-submit-undo-send
     :help "Edit the mail again that was sent last, if it has not left"]
    ["Outbox" mew-submit-outbox :help "The mail that is not delivered yet"]
    ["Questions" mew-submit-answer :enable (bound-and-true-p mew-submit-question--list)
     :help "The questions about mail that wait for you"]
    ["How the Last One Went" mew-submit-last-delivery
     :help "A waterfall of every attempt"])
  "The menu in mail buffers.")

(defconst mew-submit-menu--maps
  ;; Not `mail-mode-hook': whoever composes mail is warned by Emacs of Mail mode's
  ;; variables that are set, and `sendmail' is loaded already.
  '((message-mode-map . message-mode-hook) (mail-mode-map))
  "The keymaps of mail buffers, and a hook that is run when there is one, or nil.")

(defun mew-submit-menu--put (on)
  "Have the menus in mail buffers and Tools if ON is non-nil, else no longer."
  (pcase-dolist (`(,map . ,hook) mew-submit-menu--maps)
    (when hook
      (if on
          (add-hook hook #'mew-submit-menu--put-now)
        (remove-hook hook #'mew-submit-menu--put-now)))
    (when (boundp map)
      (mew-submit-menu--put-map (symbol-value map) on)))
  (let ((tools (lookup-key global-map [menu-bar tools])))
    ;; The user may have taken it out of the menu bar.
    (when (keymapp tools)
      (define-key-after tools [mew-submit-outbox]
        (and on '(menu-item "Mail Outbox" mew-submit-outbox
                            :help "The mail that is not delivered yet"))
        'compose-mail))))

(defun mew-submit-menu--put-now ()
  "Have the menu in the maps of the mail buffers that are there by now."
  (pcase-dolist (`(,map . ,_) mew-submit-menu--maps)
    (when (boundp map)
      (mew-submit-menu--put-map (symbol-value map) t))))

(defun mew-submit-menu--put-map (map on)
  "Have the menu in MAP, a mail buffer's, if ON is non-nil, else no longer."
  (if on
      (easy-menu-define nil map "What mew-submit does with this mail."
        mew-submit-menu--message)
    (define-key map [menu-bar mew-submit] nil)))

(provide 'mew-submit-menu)
;;; mew-submit-menu.el ends here
