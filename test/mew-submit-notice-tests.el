;;; mew-submit-notice-tests.el --- Tests for what the user sees of mail -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The mode line, the echo area and *mew-submit*: what each of them says of events that
;; are made up here.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-notice)
(require 'mew-submit-test-helpers)

;;; The mode line

(defconst mew-submit-notice-tests--terminals
  '((("black" 0 0 0) ("red" 205 0 0) ("green" 0 205 0) ("cyan" 0 205 205)
     ("white" 229 229 229) ("bold white" 255 255 255))
    (("black" 0 0 0) ("red" 170 0 0) ("green" 0 170 0) ("cyan" 0 170 170)
     ("white" 170 170 170) ("bold white" 255 255 255)))
  "What eight colours look like: those of xterm and of the Linux console.")

(defun mew-submit-notice-tests--luminance (rgb)
  "Return the relative luminance of RGB, as WCAG defines it."
  (apply #'+ (cl-mapcar (lambda (weight part)
                          (let ((part (/ part 255.0)))
                            (* weight (if (<= part 0.04045) (/ part 12.92)
                                        (expt (/ (+ part 0.055) 1.055) 2.4)))))
                        '(0.2126 0.7152 0.0722) rgb)))

(defun mew-submit-notice-tests--contrast (one other)
  "Return the contrast of the colours ONE and OTHER, as WCAG defines it."
  (let ((light (mew-submit-notice-tests--luminance one))
        (dark (mew-submit-notice-tests--luminance other)))
    (/ (+ 0.05 (max light dark)) (+ 0.05 (min light dark)))))

(defun mew-submit-notice-tests--rgb (name)
  "Return what the colour NAME of X looks like."
  (pcase name
    ("white" '(255 255 255))
    ("black" '(0 0 0))
    ;; Without a display Emacs would take the nearest of eight.
    (_ (mapcar (lambda (at) (string-to-number (substring name at (+ at 2)) 16))
               '(1 3 5)))))

(ert-deftest mew-submit-notice-tests-contrast ()
  "Each badge in the mode line has both colours, 4.5:1, whatever is around it."
  (dolist (face '(mew-submit-mode-line-waiting mew-submit-mode-line-failed
                  mew-submit-mode-line-sending))
    (pcase-let ((`((,_ . ,many) (,_ . ,eight) (t . ,none))
                 (face-default-spec face)))
      (ert-info ((symbol-name face))
        (should (>= (mew-submit-notice-tests--contrast
                     (mew-submit-notice-tests--rgb (plist-get many :foreground))
                     (mew-submit-notice-tests--rgb (plist-get many :background)))
                    4.5))
        (should (plist-get none :inverse-video))
        (dolist (terminal mew-submit-notice-tests--terminals)
          (should (>= (mew-submit-notice-tests--contrast
                       (cdr (assoc (concat (and (plist-get eight :weight) "bold ")
                                           (plist-get eight :foreground))
                                   terminal))
                       (cdr (assoc (plist-get eight :background) terminal)))
                      4.5)))))))

(ert-deftest mew-submit-notice-tests-mode-line ()
  "What is a number of mails is never read as a percentage."
  (cl-letf* ((running '(a))
             (progress '(40 . 100))
             (entries nil)
             ((symbol-function 'mew-submit-queue-running) (lambda () running))
             ((symbol-function 'mew-submit-queue-progress) (lambda (_) progress))
             ((symbol-function 'mew-submit-queue-entries) (lambda (&rest _) entries))
             (mew-submit-question-list nil))
    (should (equal (mew-submit-notice--words) " Mail>1 (40%%)"))
    (setq running '(a b) progress '(0 . 100))
    (should (equal (mew-submit-notice--words) " Mail>2 (0%%)"))
    (setq progress nil)
    (should (equal (mew-submit-notice--words) " Mail>2"))
    (setq running nil
          entries '((:state queued) (:state held) (:state refused) (:state broken)
                    (:state uncertain :left t)))
    (should (equal (mew-submit-notice--words) " Mail:2 Mail!2"))
    (setq entries nil)
    (should (equal (mew-submit-notice--words) ""))))

(provide 'mew-submit-notice-tests)
;;; mew-submit-notice-tests.el ends here
