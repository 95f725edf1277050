;;; mew-submit-survey-provider.el --- Who offers submission as it should be? -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the list of providers: per server, whether it offers submission
;; by RFC 6409 and RFC 8314, and what is missing.  It is made of a survey's results.

;;; Code:

(require 'mew-submit-survey-fieldtest)
(require 'mew-submit-error)
(require 'mew-submit-survey-statistics)
(require 'mew-submit-table)
(require 'mew-submit-view)
(require 'seq)
(require 'tabulated-list)

(defvar mew-submit-provider-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map "w" #'mew-submit-provider-copy)
    (define-key map "c" #'mew-submit-provider-changes)
    map)
  "The keys of the list of providers.")

(defvar-local mew-submit-survey-provider--results nil
  "The results that are shown.")

(define-derived-mode mew-submit-provider-mode tabulated-list-mode "Providers"
  "What servers offer to those who submit mail.
\\{mew-submit-provider-mode-map}"
  :interactive nil
  (setq tabulated-list-format
        [("Server" 30 t) ("Group" 10 t) ("Good" 5 t) ("587" 6 t) ("STARTTLS" 9 t)
         ("AUTH" 5 t) ("465" 6 t) ("AUTH" 5 t) ("Cert" 5 t) ("Demands" 8 t)
         ("Missing" 0 nil)]
        tabulated-list-sort-key '("Server"))
  (mew-submit-view--own-keys)
  (tabulated-list-init-header))

(defun mew-submit-survey-provider--yes (value)
  "Return VALUE as a word."
  (if value
      (propertize "yes" 'face 'success)
    (propertize "no" 'face 'warning)))

(defun mew-submit-survey-provider--entry (result)
  "Return the line for RESULT, as `tabulated-list-entries' has it."
  (let* ((provider (mew-submit-survey-statistics--provider result))
         (get (lambda (key) (plist-get provider key)))
         (error (plist-get result :error)))
    (list (cons (plist-get result :host) (plist-get result :user))
          (vector (format "%s" (plist-get result :host))
                  (or (funcall get :group) "")
                  (mew-submit-survey-provider--yes (funcall get :submission))
                  (format "%s" (or (funcall get :p587) "-"))
                  (mew-submit-survey-provider--yes (funcall get :starttls))
                  (mew-submit-survey-provider--yes (funcall get :auth))
                  (format "%s" (or (funcall get :p465) "-"))
                  (mew-submit-survey-provider--yes (funcall get :auth465))
                  (mew-submit-survey-provider--yes (funcall get :verified))
                  (pcase (funcall get :demands)
                    ('yes (mew-submit-survey-provider--yes t))
                    ('no (mew-submit-survey-provider--yes nil))
                    (_ "-"))
                  (if error
                      (mew-submit-error--clean (or (plist-get result :text) ""))
                    (funcall get :why))))))

(defun mew-submit-survey-provider--table (results)
  "Return the list of providers in RESULTS as a table (mew-submit-table.el)."
  (cons '("server" "group" "good" "587" "STARTTLS" "AUTH" "465" "AUTH" "cert" "demands"
          "missing")
        (mapcar (lambda (result)
                  (mapcar #'substring-no-properties
                          (append (cadr (mew-submit-survey-provider--entry result))
                                  nil)))
                results)))

(defun mew-submit-provider-copy ()
  "Copy the list as an Org table."
  (interactive nil mew-submit-provider-mode)
  (mew-submit-view--copy
   (mew-submit-table--org
    (mew-submit-survey-provider--table mew-submit-survey-provider--results))
   "an Org table"))

(defun mew-submit-survey-provider--list (results)
  "Show what the servers of RESULTS, those of a survey, offer."
  (with-current-buffer (get-buffer-create "*mew-submit providers*")
    (mew-submit-provider-mode)
    (setq mew-submit-survey-provider--results
          (let ((seen (make-hash-table :test #'equal)))
            (seq-remove (lambda (result)
                          (prog1 (gethash (plist-get result :host) seen)
                            (puthash (plist-get result :host) t seen)))
                        results))
          tabulated-list-entries (mapcar #'mew-submit-survey-provider--entry
                                         mew-submit-survey-provider--results))
    (tabulated-list-print)
    (pop-to-buffer (current-buffer))))

(defun mew-submit-survey-provider--changes-text (now before)
  "Return in words what NOW is other than in BEFORE, results of two surveys."
  (let ((table (mew-submit-survey-statistics--changes before now)))
    (if (cdr table)
        (mew-submit-table--text table)
      "Nothing has changed.\n")))

(defun mew-submit-provider-changes (file)
  "Show what has changed since FILE, an earlier survey of these servers."
  (interactive
   (list (read-file-name "The earlier survey: "
                         (bound-and-true-p mew-submit-survey-directory) nil t))
   mew-submit-provider-mode)
  (condition-case err
      (let ((text (mew-submit-survey-provider--changes-text
                   mew-submit-survey-provider--results
                   (mew-submit-survey-fieldtest--results
                    (mew-submit-survey-fieldtest--load (expand-file-name file))))))
        (pop-to-buffer (mew-submit-view--page
                        "*mew-submit provider changes*" (lambda () (insert text)))))
    (mew-submit-error (user-error "%s" (mew-submit-error--text err)))))

;;;###autoload
(defun mew-submit-providers (file)
  "Show which servers of the survey in FILE offer submission as it should be.
That is RFC 6409 and RFC 8314: port 587 with STARTTLS and AUTH after it, or
port 465 with AUTH, a certificate that verifies, no mail without a log-in, and
no AUTH before TLS.  The list can be sorted by group, where the survey's list
names one."
  (interactive
   (list (read-file-name "Survey: "
                         (bound-and-true-p mew-submit-survey-directory) nil t)))
  (condition-case err
      (mew-submit-survey-provider--list
       (mew-submit-survey-fieldtest--results
        (mew-submit-survey-fieldtest--load (expand-file-name file))))
    (mew-submit-error (user-error "%s" (mew-submit-error--text err)))))

(provide 'mew-submit-survey-provider)
;;; mew-submit-survey-provider.el ends here
