;;; mew-submit-finding.el --- What a diagnosis means, and what to do -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  From a diagnosis (mew-submit-diagnosis.el) to findings
;; (mew-submit-finding-make.el).  A good server on a good network has none.

;;; Code:

(require 'mew-submit-finding-certificate)
(require 'mew-submit-finding-mailbox)
(require 'mew-submit-finding-make)
(require 'mew-submit-finding-network)
(require 'mew-submit-finding-server)
(require 'seq)

(defun mew-submit-finding--rank (finding)
  "Return the place of FINDING by severity, the gravest first."
  (seq-position '("error" "warning" "note") (plist-get finding :severity)))

(defun mew-submit-finding--list (diagnosis &optional now)
  "Return what DIAGNOSIS means: a list of findings, the gravest first.
NOW is a time, by default the present."
  (let ((now (or now (current-time))))
    (seq-sort-by #'mew-submit-finding--rank #'<
                 (append (mew-submit-finding--network diagnosis now)
                         (mew-submit-finding--server diagnosis)
                         (mew-submit-finding--mailboxes diagnosis)
                         (mew-submit-finding--certificates diagnosis now)))))

(provide 'mew-submit-finding)
;;; mew-submit-finding.el ends here
