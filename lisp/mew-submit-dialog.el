;;; mew-submit-dialog.el --- The questions asked of the user -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Floor 3.  Every question that a running job has is asked here, never from a
;; filter, and never in batch mode.  Whether a certificate may be trusted is not
;; among them (SECURITY.md, D25).

;;; Code:

(require 'mew-submit-auth)

(defun mew-submit-dialog--fallback (event)
  "Ask whether EVENT's less preferred port may be used; return \"yes\" or nil."
  (let ((enable-recursive-minibuffers t))
    (and (not noninteractive)
         (y-or-n-p (format "Port %s of %s is blocked.  Send through port %s? "
                           (plist-get event :preferred-port)
                           (plist-get event :host)
                           (plist-get event :port)))
         "yes")))

(defun mew-submit-dialog--password (event)
  "Return (USER . PASSWORD) for EVENT, or nil, or (:failed . WHY)."
  (let ((enable-recursive-minibuffers t))
    (mew-submit-auth-answer event)))

(defun mew-submit-dialog-answer (event)
  "Return the user's answer to the `ask' EVENT, or nil for none.
It is a string, (USER . PASSWORD), or (:failed . WHY)."
  (pcase (plist-get event :what)
    ("fallback" (mew-submit-dialog--fallback event))
    ("password" (mew-submit-dialog--password event))))

(function-put 'mew-submit-dialog-answer 'mew-submit-asks-again t)

(provide 'mew-submit-dialog)
;;; mew-submit-dialog.el ends here
