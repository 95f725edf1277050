;;; mew-submit-customize-tests.el --- Tests for what a person can edit -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; All options, with their types, as Customize shows them.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'cus-edit)
(require 'mew-submit)
(require 'wid-edit)

(defun mew-submit-customize-tests--load ()
  "Load all of the package, and return its options."
  (dolist (file (directory-files (expand-file-name "lisp" mew-submit-test-root)
                                 nil "\\`mew-submit-[a-z]+\\.el\\'"))
    (require (intern (file-name-base file))))
  (let (options)
    (mapatoms (lambda (symbol)
                (when (and (string-prefix-p "mew-submit-" (symbol-name symbol))
                           (get symbol 'standard-value)
                           (not (get symbol 'custom-mode-group))
                           (get symbol 'custom-type)
                           (not (string-suffix-p "-mode" (symbol-name symbol)))
                           (not (string-suffix-p "-hook" (symbol-name symbol))))
                  (push symbol options))))
    (sort options #'string<)))

(defun mew-submit-customize-tests--groups (group)
  "Return GROUP and all groups below it."
  (cons group
        (mapcan (lambda (member)
                  (and (eq (cadr member) 'custom-group)
                       (mew-submit-customize-tests--groups (car member))))
                (get group 'custom-group))))

(defun mew-submit-customize-tests--members (group kind)
  "Return the members of GROUP of KIND."
  (delq nil (mapcar (lambda (member)
                      (and (eq (cadr member) kind) (car member)))
                    (get group 'custom-group))))

(ert-deftest mew-submit-customize-tests-account-shows-no-invalid-value ()
  "What Customize shows of a key of an account before it is set is a value it can have."
  (let ((keys (plist-get (cdr (cadr (get 'mew-submit-accounts 'custom-type)))
                         :options)))
    (should (> (length keys) 20))
    (pcase-dolist (`(,key ,type) keys)
      (ert-info ((symbol-name key))
        (let ((widget (widget-convert type)))
          (should (widget-apply widget :match (widget-default-get widget))))))))

(ert-deftest mew-submit-customize-tests-options ()
  "Each option is in one group, has a type its default fits, a version and a docstring."
  (let* ((options (mew-submit-customize-tests--load))
         (groups (mew-submit-customize-tests--groups 'mew-submit))
         (members (mapcan (lambda (group)
                            (mew-submit-customize-tests--members group
                                                                 'custom-variable))
                          groups)))
    (should (> (length options) 20))
    (dolist (option options)
      (ert-info ((symbol-name option))
        (should (= 1 (seq-count (lambda (member) (eq member option)) members)))
        (should (widget-apply (widget-convert (get option 'custom-type)) :match
                              (eval (car (get option 'standard-value)) t)))
        (should (get option 'custom-package-version))
        (should (string-match-p "[Dd]efault"
                                (documentation-property
                                 option 'variable-documentation)))))))

(ert-deftest mew-submit-customize-tests-groups ()
  "No group is so large that nobody reads it, each says what it is for."
  (mew-submit-customize-tests--load)
  (let ((groups (mew-submit-customize-tests--groups 'mew-submit)))
    (should (> (length groups) 4))
    (dolist (group groups)
      (ert-info ((symbol-name group))
        (should (<= 1 (length (get group 'custom-group)) 14))
        (should (get group 'group-documentation))))))

(ert-deftest mew-submit-customize-tests-buffers ()
  "The buffers of all groups can be made, with no option that Customize cannot edit."
  (mew-submit-customize-tests--load)
  (dolist (group (mew-submit-customize-tests--groups 'mew-submit))
    (ert-info ((symbol-name group))
      (save-window-excursion
        (customize-group group)
        (with-current-buffer (window-buffer)
          (should (derived-mode-p 'Custom-mode))
          (dolist (member (mew-submit-customize-tests--members group
                                                               'custom-variable))
            (goto-char (point-min))
            (should (search-forward (custom-unlispify-tag-name member) nil t)))
          (should-not (string-match-p "mismatch" (buffer-string)))
          (kill-buffer))))))

(defconst mew-submit-customize-tests--account
  '(:name "work" :from "@example.org" :server "smtp.example.org"
    :plan "rfc8314" :routes "587:starttls,25:starttls" :family ipv6 :tls required
    :fallback never :user "me" :auth "SCRAM-SHA-256" :sender "me@example.org"
    :helo "host.example.org" :without ("CHUNKING") :tls-minimum "1.3" :tls-priority "NORMAL"
    :tls-name "mail.example.org" :ca-file "/ca.pem" :crl-file "/crl.pem"
    :cert-file "/cert.pem" :key-file "pkcs11:x" :oauth t
    :token-command ("program" "argument") :token-function ignore
    :tunnel "ssh:gate" :source ("192.0.2.1" "2001:db8::1")
    :dsn-notify ("failure" "delay") :dsn-return "headers" :dsn-id "x"
    :require-tls t :deliver-by "60;R" :hold-for 60
    :hold-until "2030-12-24T18:00:00+01:00" :mt-priority -3)
  "An account with all keys.")

(ert-deftest mew-submit-customize-tests-accounts ()
  "An account with all keys can be shown and comes back as it was; a wrong one is told."
  (let ((type (widget-convert (get 'mew-submit-accounts 'custom-type)))
        (all (list mew-submit-customize-tests--account)))
    (should (widget-apply type :match all))
    (with-temp-buffer
      (let ((widget (widget-create (get 'mew-submit-accounts 'custom-type)
                                   :value all)))
        (widget-setup)
        (let ((back (car (widget-value widget))))
          (cl-loop for (key value) on mew-submit-customize-tests--account by #'cddr
                   do (should (equal (plist-get back key) value))))))
    ;; Every key that has words in the docstring has a widget, and the other way round.
    (let ((documented (let ((text (documentation-property 'mew-submit-accounts
                                                          'variable-documentation))
                            (start 0)
                            keys)
                        (while (string-match "^[`'‘]\\(:[a-z-]+\\)['’]\\(?:, [`'‘]\\(:[a-z-]+\\)['’]\\)?"
                                             text start)
                          (setq start (match-end 0))
                          (push (intern (match-string 1 text)) keys)
                          (when (match-string 2 text)
                            (push (intern (match-string 2 text)) keys)))
                        keys))
          (shown (mapcar #'car (plist-get (cdr (cadr (get 'mew-submit-accounts
                                                          'custom-type)))
                                          :options))))
      (should (equal (sort documented #'string<)
                     (sort (copy-sequence shown) #'string<))))))

(ert-deftest mew-submit-customize-tests-half-filled ()
  "A text of an account that nobody has filled in is told, and means nothing else.
As :sender it would be the null sender, of whose mail nobody hears that it is lost."
  (let (empty)
    (pcase-dolist (`(,key ,type) (mew-submit-account--types))
      (let ((value (widget-default-get (widget-convert type))))
        (when (and (equal value "")
                   (not (eq key :name))
                   (not (assq key mew-submit-extension--table)))
          (push key empty)
          (let ((words (mew-submit-error--text
                        (should-error (mew-submit-account--check
                                       (append (list key value) '(:server "h")))
                                      :type 'mew-submit-config))))
            (should (string-search (symbol-name key) words))))))
    (should (memq :sender empty))
    (should (memq :user empty)))
  ;; A name that is empty does no harm.
  (should (mew-submit-account--check '(:server "h" :name "")))
  (should-error (mew-submit-account--check '(:server "h" :servers ((:server ""))))
                :type 'mew-submit-config))

(ert-deftest mew-submit-customize-tests-options-of-another-shape ()
  "An option that `setq' has given a value of another shape is told before a mail is taken.
The mail would wait for ever, and Lisp's words would say why."
  (pcase-dolist (`(,option . ,values)
                 '((mew-submit-connect-timeout nil "10" 0 -1)
                   (mew-submit-step-timeout "10" 0 -0.5)
                   (mew-submit-attempt-delay "x")
                   (mew-submit-helo nil)
                   (mew-submit-delay nil "5")
                   (mew-submit-retry-intervals 60 ("1") (nil))
                   (mew-submit-give-up-after "5d")))
    (dolist (value values)
      (cl-progv (list option) (list value)
        (ert-info ((format "%s %S" option value))
          (should (string-prefix-p
                   (format "%s cannot be %S.  " option value)
                   (mew-submit-error--text
                    (should-error (mew-submit-request--check-account '(:server "a") nil)
                                  :type 'mew-submit-config))))))))
  (pcase-dolist (`(,option . ,shapes) mew-submit-request--options)
    (let ((type (get option 'custom-type))
          (words '((number . number) (string . string) (const . null) (repeat . numbers))))
      ;; As Customize has it.
      (should (equal shapes
                     (sort (mapcar (lambda (type) (cdr (assq (or (car-safe type) type) words)))
                                   (if (eq (car-safe type) 'choice) (cdr type) (list type)))
                           #'string-greaterp))))
    (cl-progv (list option) (list (eval (car (get option 'standard-value)) t))
      (mew-submit-request--check-account '(:server "a") nil)))
  (let ((mew-submit-retry-intervals nil)
        (mew-submit-give-up-after nil))
    (mew-submit-request--check-account '(:server "a") nil)))

(ert-deftest mew-submit-customize-tests-times-of-an-account ()
  "A :timeout that is no number of seconds is told before a mail is taken.
The mail waited for ever, with Lisp's words."
  (dolist (key '(:timeout :step-timeout))
    (mew-submit-request--check-account (list :server "a" key 2.5) nil)
    (dolist (value '("10" 0 -1 soon))
      (should (string-prefix-p
               (format "The account has %S for %s, which has to be a number" value key)
               (mew-submit-error--text
                (should-error (mew-submit-request--check-account (list :server "a" key value)
                                                                 nil)
                              :type 'mew-submit-config)))))))

(provide 'mew-submit-customize-tests)
;;; mew-submit-customize-tests.el ends here
