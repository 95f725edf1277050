;;; portable.el --- What a system other than Linux tells of a port -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The truth tables say what Linux tells: an ICMP error and who sent it.  Where MEW_SUBMIT_PORTABLE says that the
;; module has been made without that (test/tool/portable), they are seen through these functions.  It is not asked of
;; the module, which could be wrong.

;;; Code:

(defun mew-submit-portable-p ()
  "Has the module been made without what only Linux has?"
  (equal (getenv "MEW_SUBMIT_PORTABLE") "yes"))

(defun mew-submit-portable-case (case errno icmp)
  "Return the case that is told where it is CASE, with ERRNO.
ICMP is non-nil where an ICMP error is the reason."
  (cond ((not (mew-submit-portable-p)) case)
        ((equal errno "ECONNREFUSED") "2 or 3")
        (icmp "3 or 4")
        (t case)))

(defun mew-submit-portable-refused ()
  "Return the case of a port where nobody listens."
  (mew-submit-portable-case 2 "ECONNREFUSED" nil))

(provide 'mew-submit-portable)
;;; portable.el ends here
