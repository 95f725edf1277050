;;; info.el --- Turn doc/mew-submit.org into Texinfo -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -l test/tool/info.el -f mew-submit-info doc/mew-submit.org OUT.texi

;;; Code:

(require 'org)
(require 'ox-texinfo)

(defun mew-submit-info ()
  "Export the Org file that the command line names to the Texinfo file named next.
The exit status is 1 when a link or a macro leads nowhere."
  (let ((in (expand-file-name (pop command-line-args-left)))
        (out (expand-file-name (pop command-line-args-left)))
        (make-backup-files nil)
        (org-export-with-broken-links nil)
        (org-confirm-babel-evaluate nil)
        (org-export-use-babel nil))
    (with-current-buffer (find-file-noselect in t)
      ;; A reader of Info has the program before him; the pictures are for who has not.
      (flush-lines "^\\[\\[file:[^]]*\\.\\(?:png\\|svg\\)\\]\\]$" (point-min) (point-max))
      (condition-case err
          (org-export-to-file 'texinfo out)
        (error
         (message "%s: %s" in (error-message-string err))
         (kill-emacs 1))))))

(provide 'mew-submit-info)
;;; info.el ends here
