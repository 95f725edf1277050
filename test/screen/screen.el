;;; screen.el --- Show a report, as the environment says -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What test/screen/run has Emacs load.  SCREEN_REPORT is diagnose, survey, domain or
;; doctor, SCREEN_BACKGROUND light or dark.

;;; Code:

(require 'mew-submit)
(require 'mew-submit-account)
(require 'mew-submit-domain)
(require 'mew-submit-spool)
(require 'mew-submit-domain-zone)

(declare-function mew-submit-diagnose--running-p "mew-submit-diagnose" ())
(declare-function mew-submit-doctor "mew-submit-doctor" (&optional offline))
(defvar mew-submit-survey-directory)

(defvar mew-submit-screen--work (getenv "RACE_WORK")
  "Where files go.")

(defun mew-submit-screen--account ()
  "Return an account for a server of the test."
  (list :server "submit.example.org" :auth "none" :plan "submission"
        :ca-file (expand-file-name "certs/ca.pem" mew-submit-screen--work)))

(defun mew-submit-screen--dark ()
  "Have everything be dark."
  (setq frame-background-mode 'dark)
  (when (display-graphic-p)
    (set-face-attribute 'default nil :foreground "#eeeeee" :background "#202020"))
  (frame-set-background-mode (selected-frame)))

(defun mew-submit-screen--shown ()
  "Say that the diagnosis of this buffer is shown, when it has ended."
  (if (mew-submit-diagnose--running-p)
      (run-at-time 0.1 nil #'mew-submit-screen--shown)
    (redisplay t)
    (write-region "" nil (expand-file-name "shown" mew-submit-screen--work) nil 'silent)))

(defun mew-submit-screen--show (report)
  "Show REPORT, a name."
  (pcase report
    ("diagnose" (mew-submit-diagnose "submit.example.org")
     (mew-submit-screen--shown))
    ("survey" (mew-submit-survey (expand-file-name "list" mew-submit-screen--work)))
    ("domain" (mew-submit-diagnose-domain (getenv "SCREEN_DOMAIN")))
    ("doctor" (mew-submit-doctor)))
  (delete-other-windows))

(setq inhibit-startup-screen t
      mew-submit-accounts (list (mew-submit-screen--account))
      mew-submit-outbox-directory (expand-file-name "outbox/" mew-submit-screen--work)
      mew-submit-survey-directory (expand-file-name "surveys/" mew-submit-screen--work))
(when (equal (getenv "SCREEN_BACKGROUND") "dark")
  (mew-submit-screen--dark))
(menu-bar-mode -1)
(when (fboundp 'tool-bar-mode)
  (tool-bar-mode -1))
(mew-submit-screen--show (getenv "SCREEN_REPORT"))

(provide 'screen/screen)
;;; screen.el ends here
