;;; mew-submit-diagnosis-view.el --- A diagnosis as a picture, and what to do with it -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what the report of a diagnosis has besides words: the picture, whose
;; rows are buttons, the copies as text, Org, JSON and SVG, and the way from a route
;; that works to an account that uses it.  mew-submit-diagnose.el has the buffer.

;;; Code:

(require 'button)
(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-diagnosis-json)
(require 'mew-submit-diagnosis)
(require 'mew-submit-diagnosis-text)
(require 'mew-submit-error)
(require 'mew-submit-finding)
(require 'mew-submit-json)
(require 'mew-submit-picture)
(require 'mew-submit-table)
(require 'mew-submit-view)
(require 'seq)
(require 'svg)

(defconst mew-submit-diagnosis-view--svg-width 860
  "How wide the picture is, in pixels, where there is room.")

(defconst mew-submit-diagnosis-view--svg-least 500
  "How wide the picture is at least, in pixels.")

(defun mew-submit-diagnosis-view--rows (diagnosis)
  "Return the rows of the picture of DIAGNOSIS, in the order of the report."
  (mew-submit-picture--of-diagnosis diagnosis
                                    (mew-submit-diagnosis-text--sorted diagnosis)))

;;; The picture

(defun mew-submit-diagnosis-view--keymap (rows toggle)
  "Return a keymap for clicks on ROWS: TOGGLE gets the number of the attempt."
  (let ((map (make-sparse-keymap))
        (number -1))
    (dolist (row rows map)
      (let ((id (mew-submit-picture-row-id row)))
        (cl-incf number)
        (when (integerp id)
          (define-key map (vector (intern (format "row-%d" number)) 'mouse-1)
                      (lambda () (interactive) (funcall toggle id))))))))

(defun mew-submit-diagnosis-view--insert-svg (rows toggle words)
  "Insert the picture of ROWS, in WORDS; TOGGLE is called after a click on one."
  (pcase-let ((`(,width . ,scale)
               (mew-submit-view--room mew-submit-diagnosis-view--svg-width
                                      mew-submit-diagnosis-view--svg-least))
              (start (point)))
    (insert-image (svg-image (mew-submit-picture--svg
                              rows width (mew-submit-picture--colors))
                             ;; Hot spots are not scaled along.
                             :map (mew-submit-picture--map rows width scale)
                             :scale scale)
                  words)
    (when toggle
      (put-text-property start (point) 'keymap
                         (mew-submit-diagnosis-view--keymap rows toggle)))
    (insert "\n")))

(defun mew-submit-diagnosis-view--insert-chart (rows toggle)
  "Insert the chart of ROWS; each attempt is a button for TOGGLE, if there is one."
  (pcase-dolist (`(,line . ,row)
                 (mew-submit-picture--text rows mew-submit-table--width))
    (let ((id (and toggle row (mew-submit-picture-row-id row)))
          (start (point)))
      (insert line)
      (when (integerp id)
        (make-text-button start (point) 'face nil 'follow-link t
                          'help-echo "mouse-1, RET: all that is known of it"
                          'action (lambda (_) (funcall toggle id))))
      (insert "\n")))
  (insert (mew-submit-picture--legend) "\n"))

(defun mew-submit-diagnosis-view--insert-rows (rows toggle words)
  "Insert the picture of ROWS, called WORDS where pictures are only told of.
TOGGLE is called with the number of an attempt whose row was clicked; nil is for
rows that tell no more."
  (if (mew-submit-view--graphic-p)
      (mew-submit-diagnosis-view--insert-svg rows toggle words)
    (mew-submit-diagnosis-view--insert-chart rows toggle)))

(defun mew-submit-diagnosis-view--insert-picture (diagnosis toggle)
  "Insert the picture of DIAGNOSIS.
TOGGLE is called with the number of an attempt whose row was clicked."
  (when-let* ((rows (mew-submit-diagnosis-view--rows diagnosis)))
    (insert "\n")
    (mew-submit-diagnosis-view--insert-rows rows toggle "waterfall of all attempts")))

;;; Copies

(defun mew-submit-diagnosis-view--org (diagnosis)
  "Return DIAGNOSIS as Org."
  (concat
   (format "* Diagnosis of %s\n\n" (plist-get diagnosis :host))
   (format-time-string "[%Y-%m-%d %a %H:%M]\n\n" (plist-get diagnosis :began))
   (mew-submit-diagnosis-text--verdict diagnosis) "\n\n"
   (mew-submit-table--org
    (cons '("port" "family" "address" "case" "ms" "what is there")
          (mapcar (lambda (attempt)
                    (list (plist-get attempt :port)
                          (plist-get attempt :family)
                          (plist-get attempt :address)
                          (format "%s" (or (plist-get attempt :case) ""))
                          (if (plist-get attempt :ms)
                              (format "%.1f" (plist-get attempt :ms))
                            "")
                          (mew-submit-error--clean
                           (or (plist-get attempt :text) ""))))
                  (mew-submit-diagnosis-text--sorted diagnosis))))
   "\n** Findings\n\n"
   (mapconcat (lambda (finding)
                (format "- %s (%s) :: %s  %s\n" (plist-get finding :id)
                        (plist-get finding :severity)
                        (plist-get finding :text) (plist-get finding :advice)))
              (mew-submit-finding--list diagnosis) "")))

(defun mew-submit-diagnosis-view--json (diagnosis)
  "Return DIAGNOSIS as a line of JSON, octets."
  (mew-submit-json--line (mew-submit-diagnosis-json--object diagnosis)))

(defun mew-submit-diagnosis-view--rows-svg (rows)
  "Return the picture of ROWS as the octets of an SVG file."
  (mew-submit-picture--octets
   (mew-submit-picture--svg rows mew-submit-diagnosis-view--svg-width
                            (mew-submit-picture--colors))))

(defun mew-submit-diagnosis-view--svg (diagnosis)
  "Return the picture of DIAGNOSIS as the octets of an SVG file."
  (mew-submit-diagnosis-view--rows-svg (mew-submit-diagnosis-view--rows diagnosis)))

;;; The route

(defun mew-submit-diagnosis-view--route (attempt)
  "Return the route of ATTEMPT as an account's :routes has it."
  (format "%s:%s" (plist-get attempt :port) (plist-get attempt :mode)))

(defun mew-submit-diagnosis-view--with-routes (account routes)
  "Return a copy of ACCOUNT that has ROUTES instead of a plan."
  (let (copy)
    (cl-loop for (key value) on account by #'cddr
             unless (memq key '(:plan :routes))
             do (setq copy (append copy (list key value))))
    (append copy (list :routes routes))))

(defun mew-submit-diagnosis-view--accounts (host routes)
  "Return `mew-submit-accounts' with ROUTES for those whose server is HOST.
Where there is none, one is added: what smtpmail's variables say, or else an
account that has nothing but its server."
  (let ((mine (lambda (account) (equal (plist-get account :server) host)))
        (accounts (mew-submit-account--listed)))
    (if (seq-some mine accounts)
        (mapcar (lambda (account)
                  (if (funcall mine account)
                      (mew-submit-diagnosis-view--with-routes account routes)
                    account))
                accounts)
      (let ((account (ignore-errors (mew-submit-account--choose nil))))
        (append accounts
                (list (mew-submit-diagnosis-view--with-routes
                       (if (funcall mine account) account (list :server host))
                       routes)))))))

(defun mew-submit-diagnosis-view--use (diagnosis attempt)
  "After a yes, have mail to DIAGNOSIS' server go by ATTEMPT from now on.
Signal `user-error' when mail cannot be submitted by it: nothing here lowers
what an account asks for."
  (let* ((host (plist-get diagnosis :host))
         (routes (and attempt (mew-submit-diagnosis-view--route attempt))))
    (unless (and attempt (mew-submit-diagnosis--usable-p attempt))
      (user-error "Mail cannot be submitted that way"))
    (unless (yes-or-no-p
             (format "From now on, send all mail for %s by port %s (%s), and by no \
other? " host (plist-get attempt :port) (plist-get attempt :mode)))
      (user-error "Nothing was changed"))
    (customize-save-variable 'mew-submit-accounts
                             (mew-submit-diagnosis-view--accounts host routes))
    (message "Mail for %s goes by %s; M-x customize-variable mew-submit-accounts \
changes that" host routes)))

(provide 'mew-submit-diagnosis-view)
;;; mew-submit-diagnosis-view.el ends here
