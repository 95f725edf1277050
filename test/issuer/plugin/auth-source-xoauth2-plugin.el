;;; auth-source-xoauth2-plugin.el --- A stand-in for that package -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The package of this name (GNU ELPA) advises auth-source to fetch a token while Emacs
;; waits.  So does this, from a file, and notes which Emacs had to wait.

;;; Code:

(require 'auth-source)

(defun auth-source-xoauth2-plugin--search-backends (function &rest arguments)
  "Call FUNCTION with ARGUMENTS, and have entries for xoauth2 have a token."
  (setf (nth 5 arguments) (remq :secret (nth 5 arguments)))
  (mapcar (lambda (found)
            (if (not (equal (plist-get found :auth) "xoauth2"))
                found
              (write-region (format "%d\n" (emacs-pid)) nil
                            (concat (plist-get found :token-url) ".pid") t 'silent)
              (plist-put found :secret
                         (with-temp-buffer
                           (insert-file-contents (plist-get found :token-url))
                           (buffer-string)))))
          (apply function arguments)))

(define-minor-mode auth-source-xoauth2-plugin-mode
  "Have auth-source fetch tokens."
  :global t :group 'auth-source
  (if auth-source-xoauth2-plugin-mode
      (advice-add 'auth-source-search-backends :around
                  #'auth-source-xoauth2-plugin--search-backends)
    (advice-remove 'auth-source-search-backends
                   #'auth-source-xoauth2-plugin--search-backends)))

(provide 'auth-source-xoauth2-plugin)
;;; auth-source-xoauth2-plugin.el ends here
