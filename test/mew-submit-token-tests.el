;;; mew-submit-token-tests.el --- Tests for the tokens of who is signed in -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Refresh tokens that are taken once, between several Emacsen, and across their sudden
;; end; what is in the files, and what others do to them; and a month of it.

;;; Code:

(require 'ert)
(require 'mew-submit)
(require 'mew-submit-dialog)
(require 'mew-submit-notice)
(require 'mew-submit-sign-in)
(require 'mew-submit-test-helpers)

(load (expand-file-name "test/issuer/issuer" mew-submit-test-root) nil t)

(defmacro mew-submit-token-tests--with (spec &rest body)
  "Run BODY with an issuer, and an account that has signed in there.
SPEC is (ISSUER ACCOUNT)."
  (declare (indent 1) (debug ((symbolp symbolp) body)))
  `(mew-submit-issuer-test-with ,(car spec)
     (let ((,(cadr spec) (mew-submit-issuer-test-account ,(car spec))))
       (should (plist-get (mew-submit-issuer-test-sign-in ,(cadr spec) :method 'browser)
                          :kept))
       ,@body)))

(defun mew-submit-token-tests--get (account &optional force)
  "Return (ACCESS PROBLEM) for ACCOUNT; FORCE is as for `mew-submit-token-get'."
  (let (result)
    (mew-submit-token-get account (lambda (&rest got) (setq result got)) force)
    (mew-submit-test-until ("a token, or why there is none")
      result)))

(defun mew-submit-token-tests--as-new (account)
  "Return what an Emacs that has just started gets for ACCOUNT: (ACCESS PROBLEM)."
  (mew-submit-issuer-test-forget)
  (mew-submit-token-tests--get account))

(defun mew-submit-token-tests--file (account)
  "Return the file of ACCOUNT."
  (mew-submit-token--file account ".token"))

(defun mew-submit-token-tests--reused (issuer)
  "Has somebody used a refresh token of ISSUER twice?"
  (mew-submit-issuer-test-log issuer "reuse"))

;;; Other Emacsen

(defun mew-submit-token-tests--emacs (name account &rest forms)
  "Start an Emacs called NAME that gets tokens of ACCOUNT, one for each line it reads.
It prints a line for each: \"ok\", or the problem.  FORMS are evaluated first."
  (make-process
   :name name :noquery t :connection-type 'pipe :coding 'utf-8-unix
   :buffer (generate-new-buffer " *other emacs*") :sentinel #'ignore
   :command
   (list mew-submit-test-emacs "-Q" "--batch" "-L" mew-submit-test-root "-L"
         (expand-file-name "lisp" mew-submit-test-root) "-l" "mew-submit" "-l"
         "mew-submit-token" "--eval"
         (prin1-to-string
          `(let ((gnutls-trustfiles ',gnutls-trustfiles)
                 (mew-submit-token-directory ,mew-submit-token-directory)
                 (auth-sources ',auth-sources)
                 (auth-source-save-behavior nil)
                 (account ',account)
                 line result)
             ,@forms
             (message "ready")
             (while (setq line (ignore-errors (read-from-minibuffer "")))
               (setq result nil)
               (mew-submit-token-get account (lambda (&rest got) (setq result got))
                                     (equal line "force"))
               (while (null result)
                 (accept-process-output nil 0.02))
               (princ (format "%s\n" (if (car result) "ok" (cadr result))))))))))

(defun mew-submit-token-tests--lines (process)
  "Return what PROCESS, an Emacs, has printed, lines."
  (with-current-buffer (process-buffer process)
    (split-string (replace-regexp-in-string "^Saved new.*\n" "" (buffer-string)) "\n" t)))

(defmacro mew-submit-token-tests--with-emacsen (emacsen &rest body)
  "Run BODY, and end the processes in the variable EMACSEN after it."
  (declare (indent 1) (debug (symbolp body)))
  `(unwind-protect
       (progn ,@body)
     (dolist (process ,emacsen)
       (when (process-live-p process)
         (delete-process process))
       (kill-buffer (process-buffer process)))))

(defun mew-submit-token-tests--wait (emacsen count)
  "Wait until each of EMACSEN has printed COUNT lines."
  (dolist (process emacsen)
    (mew-submit-test-until ((format "line %d of %s: %S" count (process-name process)
                                    (mew-submit-token-tests--lines process)))
      (>= (length (mew-submit-token-tests--lines process)) count))))

(ert-deftest mew-submit-token-tests-several-at-once ()
  "\"Q28 several Emacsen renew at once\": each gets a token, none is used twice."
  :tags '(:module)
  (mew-submit-token-tests--with (issuer account)
    (let (emacsen)
      (mew-submit-token-tests--with-emacsen emacsen
        (dotimes (number 3)
          (push (mew-submit-token-tests--emacs (format "emacs %d" number) account)
                emacsen))
        (mew-submit-token-tests--wait emacsen 1)
        (dotimes (round 3)
          (dolist (process emacsen)
            (process-send-string process "force\n"))
          (should (car (mew-submit-token-tests--get account t)))
          (mew-submit-token-tests--wait emacsen (+ 2 round)))
        (dolist (process emacsen)
          (should (equal (mew-submit-token-tests--lines process)
                         '("ready" "ok" "ok" "ok")))))
      (should-not (mew-submit-token-tests--reused issuer))
      (should (= 12 (seq-count (lambda (line)
                                 (equal (plist-get (plist-get line :form) :grant_type)
                                        "refresh_token"))
                               (mew-submit-issuer-test-log issuer "post"))))
      (should (equal (directory-files mew-submit-token-directory nil "part") nil)))))

(ert-deftest mew-submit-token-tests-killed ()
  "\"Q29 an Emacs is killed in the middle of a renewal\", at any point of it.
Nothing that is there is spoilt.  A token that only that one had is lost, and
that is told; with an issuer that takes the old one again all goes on."
  :tags '(:module)
  (mew-submit-token-tests--with (issuer account)
    (pcase-dolist
        (`(,row ,rotate ,function ,how ,words)
         '(("before it is marked" t mew-submit-token--seal :before nil)
           ("before the mark is in place" t rename-file :before nil)
           ("before the request" t mew-submit-https-fetch :before nil)
           ("after the request, before the answer" t mew-submit-token--renewed :before
            "in the middle of a renewal")
           ("the same, where the old one is taken again" :false mew-submit-token--renewed
            :before nil)
           ("before what is new is in place" t mew-submit-token--have :before nil)))
      (ert-info (row)
        (mew-submit-issuer-test-behave issuer :rotate rotate)
        (let (emacsen)
          (mew-submit-token-tests--with-emacsen emacsen
            (push (mew-submit-token-tests--emacs
                   "killed" account
                   `(advice-add ',function ,how
                                (lambda (&rest _) (signal-process (emacs-pid) 'SIGKILL))))
                  emacsen)
            (mew-submit-token-tests--wait emacsen 1)
            (process-send-string (car emacsen) "\n")
            (mew-submit-test-until ("it to be killed")
              (not (process-live-p (car emacsen))))
            (should (eq (process-status (car emacsen)) 'signal))))
        (mew-submit-issuer-test-behave issuer)
        (pcase-let ((`(,access ,problem) (mew-submit-token-tests--as-new account)))
          (if (null words)
              (should access)
            (should (eq (car problem) 'consent))
            (should (string-search words (cdr problem)))
            ;; Signed in again, it is as before.
            (mew-submit-issuer-test-sign-in account :method 'browser)
            (should (car (mew-submit-token-tests--as-new account)))))))))

(ert-deftest mew-submit-token-tests-month ()
  "Thirty days, each two hours, with two Emacsen, one of which is killed each week.
Nobody is asked anything, no token is used twice, and each mail has its token."
  :tags '(:module :expensive-test)
  (mew-submit-token-tests--with (issuer account)
    (let* ((file (mew-submit-issuer-test--file issuer "behaviour"))
           (start (floor (float-time)))
           (clock `(fset 'mew-submit-token--now
                         (lambda ()
                           (with-temp-buffer
                             (insert-file-contents ,file)
                             (string-to-number (progn (re-search-forward "[0-9]+")
                                                      (match-string 0)))))))
           (lines (list 1 1))
           emacsen)
      (mew-submit-issuer-test-behave issuer :now start)
      (mew-submit-token-tests--with-emacsen emacsen
        (dolist (name '("one" "two"))
          (push (mew-submit-token-tests--emacs name account clock) emacsen))
        (mew-submit-token-tests--wait emacsen 1)
        (dotimes (step (* 30 12))
          (mew-submit-issuer-test-behave issuer :now (+ start (* step 7200)))
          (when (= (% step 84) 83)
            (let ((old (pop emacsen)))
              (signal-process old 'SIGKILL)
              (mew-submit-test-until ("it to be killed")
                (not (process-live-p old)))
              (kill-buffer (process-buffer old))
              (push (mew-submit-token-tests--emacs "next" account clock) emacsen)
              (setcar lines 1)
              (mew-submit-token-tests--wait (list (car emacsen)) 1)))
          (dolist (process emacsen)
            (process-send-string process "\n"))
          (setq lines (mapcar #'1+ lines))
          (cl-mapc (lambda (process count)
                     (mew-submit-token-tests--wait (list process) count))
                   emacsen lines))
        (dolist (process emacsen)
          (should-not (seq-difference (mew-submit-token-tests--lines process)
                                      '("ready" "ok")))))
      (should-not (mew-submit-token-tests--reused issuer))
      (should (= 720 (seq-count (lambda (line)
                                  (equal (plist-get (plist-get line :form) :grant_type)
                                         "refresh_token"))
                                (mew-submit-issuer-test-log issuer "post")))))))

(provide 'mew-submit-token-tests)
;;; mew-submit-token-tests.el ends here
