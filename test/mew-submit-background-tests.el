;;; mew-submit-background-tests.el --- Tests for what Emacs runs by itself -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What is loaded ahead is loaded bit by bit; how long Emacs stands still for that in a
;; terminal is for test/setup/run.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-background)
(require 'mew-submit-network-negative)
(require 'mew-submit-network-server)
(require 'mew-submit-parcel)
(require 'mew-submit-sign-in-view)
(require 'mew-submit-survey)
(require 'mew-submit-test-helpers)

(defvar mew-submit-background-tests--loaded nil
  "What was loaded, newest first, with `timer' where Emacs has run a timer.")

(defun mew-submit-background-tests--timer (function &rest arguments)
  "Call FUNCTION, which runs a timer, with ARGUMENTS, and note it."
  (push 'timer mew-submit-background-tests--loaded)
  (apply function arguments))

(defmacro mew-submit-background-tests--with (libraries &rest body)
  "Run BODY where there are LIBRARIES, each a feature and what its file has besides."
  (declare (indent 1))
  `(mew-submit-test-with-directory directory
     (let ((load-path (cons directory load-path))
           (mew-submit-background-tests--loaded nil))
       (pcase-dolist (`(,feature . ,forms) ,libraries)
         (mew-submit-test-write
          (expand-file-name (format "%s.el" feature) directory)
          (format "%S" `(progn (push ',feature mew-submit-background-tests--loaded)
                               ,@forms
                               (provide ',feature)))))
       (advice-add 'timer-event-handler :around #'mew-submit-background-tests--timer)
       (unwind-protect
           (progn ,@body)
         (advice-remove 'timer-event-handler #'mew-submit-background-tests--timer)
         (pcase-dolist (`(,feature . ,_) ,libraries)
           (setq features (delq feature features)))))))

(defun mew-submit-background-tests--load (libraries)
  "Load LIBRARIES ahead; return what was loaded, in order, when that has ended."
  (let (done)
    (mew-submit-background--load
     libraries (lambda ()
                 (push 'then mew-submit-background-tests--loaded)
                 (setq done t)))
    (should-not mew-submit-background-tests--loaded)
    (mew-submit-test-until ("the end of loading") done)
    (reverse mew-submit-background-tests--loaded)))

(ert-deftest mew-submit-background-tests-loads-one-at-a-time ()
  "Each library is loaded by a timer of its own, what it requires before it."
  (mew-submit-background-tests--with
      '((msub-a (require 'msub-b)) (msub-b) (msub-c))
    (let ((noninteractive nil)
          (mew-submit-background--parts '((msub-a msub-b))))
      (should (equal '(msub-b msub-a msub-c then)
                     (remq 'timer (mew-submit-background-tests--load '(msub-a msub-c)))))
      (let (since)
        (dolist (what (reverse mew-submit-background-tests--loaded))
          (if (eq what 'timer)
              (setq since nil)
            (should-not since)
            (setq since what))))
      ;; What is there is not loaded again.
      (setq mew-submit-background-tests--loaded nil)
      (should (equal '(timer then) (mew-submit-background-tests--load '(msub-a)))))))

(ert-deftest mew-submit-background-tests-reads-keys-in-between ()
  "No library is loaded by a timer that is due at once: Emacs would read no key before."
  (mew-submit-background-tests--with '((msub-a) (msub-b))
    (let* ((noninteractive nil)
           (run-at-time (symbol-function 'run-at-time))
           waits)
      (cl-letf (((symbol-function 'run-at-time)
                 (lambda (seconds &rest more)
                   (push seconds waits)
                   (apply run-at-time seconds more))))
        (mew-submit-background-tests--load '(msub-a msub-b)))
      ;; Two libraries, and the end; before that what has waited for it may have timers.
      (should (equal 2 (seq-count (lambda (seconds) (and (numberp seconds) (> seconds 0)))
                                  waits)))
      (should (eql 0 (car waits))))))

(ert-deftest mew-submit-background-tests-goes-on-without-a-library ()
  "One that is not there, or has an error, is not what the rest waits for."
  (mew-submit-background-tests--with '((msub-a (error "Broken")) (msub-b) (msub-c (throw 'x 1)))
    (let ((noninteractive nil))
      (should (equal '(msub-a msub-c msub-b then)
                     (remq 'timer (mew-submit-background-tests--load
                                   '(msub-a msub-none msub-c msub-b))))))))

(ert-deftest mew-submit-background-tests-batch-loads-nothing-ahead ()
  "In batch mode nobody types, and what is needed is loaded when it is."
  (mew-submit-background-tests--with '((msub-a))
    (should (equal '(timer then) (mew-submit-background-tests--load '(msub-a))))))

(ert-deftest mew-submit-background-tests-parts-are-small ()
  "Each library of the table is loaded in bits, of which none makes 50,000 conses.
That is counted, in a new Emacs, and is the same on every machine.  In one go each
would make more."
  (pcase-dolist (`(,library . ,parts) mew-submit-background--parts)
    (let* ((made (lambda (libraries)
                   (with-temp-buffer
                     (call-process
                      mew-submit-test-emacs nil '(t nil) nil "-Q" "--batch" "--eval"
                      (format "%S" `(dolist (library ',libraries)
                                      (let ((before (car (memory-use-counts))))
                                        (require library nil t)
                                        (print (- (car (memory-use-counts)) before))))))
                     (mapcar #'string-to-number (split-string (buffer-string))))))
           (bits (funcall made (append parts (list library)))))
      (ert-info ((format "%s: %s" library bits))
        (should (seq-every-p (lambda (conses) (< conses 50000)) bits))
        (should (> (car (funcall made (list library))) 50000))))))

;;; What is said

(ert-deftest mew-submit-background-tests-isearch-keeps-its-prompt ()
  "What is said from another buffer does not cover the prompt of isearch."
  (let (said)
    (cl-letf (((symbol-function 'message)
               (lambda (&rest words) (push (apply #'format words) said))))
      (save-window-excursion
        (with-temp-buffer
          (switch-to-buffer (current-buffer))
          (insert "a b a")
          (goto-char (point-min))
          (isearch-mode t)
          (unwind-protect
              (progn
                (setq said nil)
                (mew-submit-background--run
                  (mew-submit-background--tell "The mail was not sent"))
                (should-not said))
            (isearch-done))
          (setq said nil)
          (mew-submit-background--run
            (mew-submit-background--tell "The mail was not sent"))
          (should (equal said '("The mail was not sent"))))))))

(ert-deftest mew-submit-background-tests-what-comes-by-itself ()
  "What the background has to say of other things than mail covers no prompt, either."
  (let ((mew-submit-negative-cache nil)
        (mew-submit-network-server--entries nil)
        (mew-submit-negative-cache-file "/dev/null/x")
        (mew-submit-parcel--rechecks nil)
        (test (mew-submit-survey-fieldtest--new '((:host "h")) :ports "587"))
        prompt said)
    (cl-letf (((symbol-function 'mew-submit-background--prompt-p) (lambda () prompt))
              ((symbol-function 'message)
               (lambda (&rest words) (push (apply #'format words) said)))
              ((symbol-function 'mew-submit-parcel--recheck-now)
               (lambda (&rest _) (mew-submit-error--throw 'config nil "No")))
              ((symbol-function 'mew-submit-view--draw) #'ignore)
              ((symbol-function 'mew-submit-view--soon) #'ignore)
              ((symbol-function 'mew-submit-survey-fieldtest--run) #'ignore))
      (pcase-dolist
          (`(,words . ,happens)
           `(("Blocked ports" . ,(lambda () (mew-submit-network-negative--save nil)))
             ("Servers are" . ,(lambda () (mew-submit-network-server--save nil)))
             ("mew-submit: h cannot" . ,(lambda () (mew-submit-parcel--recheck "h" nil)))
             ("me is signed in" . ,(lambda ()
                                     (mew-submit-sign-in-view--display
                                      '(:step done :text "me is signed in") "" #'ignore
                                      #'ignore)))
             ("The survey is complete" . ,(lambda ()
                                            (with-temp-buffer
                                              (setq-local mew-submit-survey--test test)
                                              (mew-submit-survey--run-here)
                                              (funcall (mew-submit-survey-fieldtest-on-end test)
                                                       test))))))
        (ert-info (words)
          (setq said nil)
          (let ((noninteractive t))
            (setq prompt t)
            (funcall happens)
            (should-not said)
            (setq prompt nil)
            (funcall happens)
            (should (string-prefix-p words (car said)))))))))

(ert-deftest mew-submit-background-tests-timers-have-names ()
  "Whose timer each of ours is, is known by the name of its function.
Those that have one come earlier when the clock is set back; a time-out without
one was an hour longer, when it went back by an hour."
  (dolist (file (directory-files (expand-file-name "lisp" mew-submit-test-root) t
                                 "\\.el\\'"))
    (with-temp-buffer
      (insert-file-contents file)
      (goto-char (point-min))
      (while (search-forward "(run-at-time" nil t)
        (goto-char (match-beginning 0))
        (pcase-let ((`(,_ ,seconds ,_ ,function . ,_) (read (current-buffer))))
          (ert-info ((format "%s: %S" file function))
            (should (or (eql seconds 0)
                        (and (eq (car-safe function) 'function)
                             (symbolp (nth 1 function))
                             (string-prefix-p "mew-submit-"
                                              (symbol-name (nth 1 function))))))))))))

(provide 'mew-submit-background-tests)
;;; mew-submit-background-tests.el ends here
