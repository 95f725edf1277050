;;; loaddefs.el --- Write or check lisp/mew-submit-loaddefs.el -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -l test/tool/loaddefs.el -f FUNCTION OUT INTERFACE FILE...
;;
;; What Emacs itself writes for ;;;###autoload differs from version to version; this does
;; not, and so the file can be in the repository and be compared.  The package's own
;; cookie is ;;;###mew-submit: for functions that are internal, such as those on hooks.

;;; Code:

(require 'cl-lib)
(require 'help)

(defun mew-submit-loaddefs--autoload (form file)
  "Return the list of forms that announce FORM, which is in FILE.
Return nil for a form that loads what is written here, as the main file has one."
  (pcase form
    (`(,(or 'defun 'cl-defun) ,name ,arguments ,(and doc (pred stringp)) . ,body)
     `((autoload ',name ,file ,(help-add-fundoc-usage doc arguments)
         ,(and (assq 'interactive (list (car body) (cadr body))) t))))
    (`(define-minor-mode ,name ,(and doc (pred stringp)) . ,_)
     `((autoload ',name ,file ,(help-add-fundoc-usage doc '(&optional arg)) t)
       (custom-autoload ',name ,file)))
    (`(,(or 'let* 'require) . ,_) nil)
    (_ (error "%s: cannot announce (%s %s ...)" file (car form) (cadr form)))))

(defun mew-submit-loaddefs--of-file (file)
  "Return the forms that announce what FILE has behind a cookie."
  (with-temp-buffer
    (insert-file-contents file)
    (emacs-lisp-mode)
    (let (forms)
      (while (re-search-forward "^;;;###\\(?:autoload\\|mew-submit\\)\n" nil t)
        (setq forms (append forms (mew-submit-loaddefs--autoload
                                   (read (current-buffer)) (file-name-base file)))))
      forms)))

(defun mew-submit-loaddefs--options (files)
  "Return the form that says which of FILES have options, for `custom-load-symbol'."
  `(put 'mew-submit 'custom-loads
        ',(mapcan (lambda (file)
                    (with-temp-buffer
                      (insert-file-contents file)
                      (and (re-search-forward "^(defcustom " nil t)
                           (list (intern (file-name-base file))))))
                  files)))

(defun mew-submit-loaddefs--text (interface files)
  "Return the text for FILES and a module that has INTERFACE."
  (let ((print-escape-newlines t)
        (print-quoted t)
        (print-length nil)
        (print-level nil))
    (concat ";;; mew-submit-loaddefs.el --- Made by `make loaddefs' -*- lexical-binding: t; -*-\n\
;; SPDX-License-Identifier: GPL-3.0-or-later\n;;; Commentary:\n\
;; What is in which file; `make lint' checks that this is true.\n;;; Code:\n\n\
;; Some package managers know of this directory alone, and not of the one above.\n\
(let ((up (file-name-directory
           (directory-file-name (file-name-directory (or load-file-name buffer-file-name))))))
  (when (file-exists-p (expand-file-name \"mew-submit.el\" up))
    (add-to-list 'load-path (directory-file-name up) t)))\n\n"
            (mapconcat (lambda (form) (concat (prin1-to-string form) "\n"))
                       (append (mapcan #'mew-submit-loaddefs--of-file files)
                               (list (mew-submit-loaddefs--options files)))
                       "")
            (format "\n(defconst mew-submit-module--interface %S
  \"The number of the interface that the module has to have.\")\n" interface)
            "\n(provide 'mew-submit-loaddefs)\n\n"
            ";; Local " "Variables:\n;; no-byte-compile: t\n\
;; no-native-compile: t\n;; no-update-autoloads: t\n;; End:\n\
;;; mew-submit-loaddefs.el ends here\n")))

(defun mew-submit-loaddefs--old (out)
  "Return the text of the file OUT, or nil."
  (with-temp-buffer
    (ignore-errors (insert-file-contents out) (buffer-string))))

(defun mew-submit-loaddefs-write ()
  "Write the first file of the command line from the others, if it is not true."
  (let ((coding-system-for-write 'utf-8-unix))
    (pcase-let* ((`(,out ,interface . ,files) command-line-args-left)
                 (text (mew-submit-loaddefs--text interface files)))
      (unless (equal text (mew-submit-loaddefs--old out))
        (write-region text nil out nil 'silent)
        (message "loaddefs: %s is new" out)))
    (setq command-line-args-left nil)))

(defun mew-submit-loaddefs-check ()
  "Leave Emacs with status 1 when the first file is not what the others make it."
  (pcase-let* ((`(,out ,interface . ,files) command-line-args-left)
               (true (equal (mew-submit-loaddefs--text interface files)
                            (mew-submit-loaddefs--old out))))
    (message (if true "loaddefs: %s is true" "%s is old: run make loaddefs and commit it") out)
    (kill-emacs (if true 0 1))))

;;; loaddefs.el ends here
