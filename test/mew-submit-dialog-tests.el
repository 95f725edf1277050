;;; mew-submit-dialog-tests.el --- Tests for mew-submit-dialog -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Answers and what becomes of them.  With a real user's keys: test/dialog.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-dialog)
(require 'mew-submit-session)
(require 'mew-submit-test-helpers)

(defconst mew-submit-dialog-tests--event
  '(:event ask :job 1 :what "fallback" :host "mail.example.org"
           :preferred-port 587 :port 25 :address "192.0.2.1"
           :attempts ((:port 587 :family "ipv4" :address "192.0.2.1" :case 5
                             :text "no answer" :ms 800.0)))
  "A question whether to fall back.")

(defconst mew-submit-dialog-tests--entry
  '(:id "1" :state uncertain :recipients ("you@example.net" "they@example.net")
        :from "me@example.org" :subject "S\e[31m" :message-id "<1@example.org>"
        :account (:name "a" :server "mail.example.org")
        :last "no answer came" :history ((0.0 . "no answer came")))
  "A message that was sent, and no answer came.")

(defmacro mew-submit-dialog-tests--with (keys &rest body)
  "Run BODY for a user who answers with KEYS, one after the other.
A key that is `quit' is \\`C-g'.  The variable `asked' counts the questions."
  (declare (indent 1) (debug (form body)))
  `(let ((noninteractive nil)
         (mew-submit-negative-cache-file nil)
         (mew-submit-fallback-networks nil)
         (keys ,keys)
         (asked 0))
     (ignore asked)
     (cl-letf (((symbol-function 'read-char-from-minibuffer)
                (lambda (_ chars)
                  (cl-incf asked)
                  (let ((key (pop keys)))
                    (when (eq key 'quit)
                      (signal 'quit nil))
                    (should (memq key chars))
                    key)))
               ((symbol-function 'customize-save-variable) #'set))
       (unwind-protect
           (progn ,@body)
         (when (get-buffer "*mew-submit details*")
           (kill-buffer "*mew-submit details*"))))))

(defun mew-submit-dialog-tests--rule ()
  "Return what is saved of falling back here."
  (mew-submit-negative-rule "mail.example.org" (mew-submit-negative-networks)))

(ert-deftest mew-submit-dialog-tests-fallback-answers ()
  "Each answer means what it says, and only two of them are saved."
  (pcase-dolist (`(,key ,answer ,rule) '((?y "yes" nil) (?a "yes" always)
                                         (?n :failed never) (?q nil nil)))
    (mew-submit-dialog-tests--with (list key)
      (let ((given (mew-submit-dialog-answer mew-submit-dialog-tests--event)))
        (should (equal (if (consp given) (car given) given) answer))
        (when (consp given)
          (should (string-search "mew-submit-forget-network" (cdr given))))
        (should (eq (mew-submit-dialog-tests--rule) rule))
        (should (= asked 1))))))

(ert-deftest mew-submit-dialog-tests-saved-answers-are-not-asked-for ()
  "What was said for this network while the question waited holds for it too."
  (mew-submit-dialog-tests--with '(?a)
    (mew-submit-dialog-answer mew-submit-dialog-tests--event)
    (should (equal (mew-submit-dialog-answer mew-submit-dialog-tests--event)
                   "yes"))
    (should (= asked 1))
    ;; Through a tunnel it is another network.
    (setq keys '(?n))
    (should (consp (mew-submit-dialog-answer
                    (append mew-submit-dialog-tests--event
                            '(:tunnel "ssh:gate")))))
    (should (= asked 2))))

(ert-deftest mew-submit-dialog-tests-details ()
  "The details tell what was tried, and the question is asked again."
  (mew-submit-dialog-tests--with '(?d ?d ?y)
    (let (texts)
      (cl-letf* ((show (symbol-function 'mew-submit-dialog--show))
                 ((symbol-function 'mew-submit-dialog--show)
                  (lambda (text)
                    (push text texts)
                    (funcall show text))))
        (should (equal (mew-submit-dialog-answer mew-submit-dialog-tests--event)
                       "yes")))
      (should (= asked 3))
      (dolist (word '("mail.example.org" "192.0.2.1 port 587" "case 5"
                      "Network:"))
        (should (string-search word (car texts)))))))

(ert-deftest mew-submit-dialog-tests-quit ()
  "A quit is no answer, for a question of a job; nothing is saved."
  (mew-submit-dialog-tests--with '(quit)
    (should (eq (condition-case nil
                    (mew-submit-dialog-answer mew-submit-dialog-tests--event)
                  (quit 'quit))
                'quit))
    (should-not mew-submit-fallback-networks))
  (mew-submit-dialog-tests--with '(?d quit)
    (should (eq (mew-submit-dialog-uncertain mew-submit-dialog-tests--entry)
                'later))
    (should (= asked 2))))

(ert-deftest mew-submit-dialog-tests-uncertain ()
  "Only a clear yes sends a message again that may have been delivered."
  (pcase-dolist (`(,key ,answer) '((?y t) (?n nil) (?l later)))
    (mew-submit-dialog-tests--with (list key)
      (should (eq (mew-submit-dialog-uncertain mew-submit-dialog-tests--entry)
                  answer))))
  (let ((details (mew-submit-dialog--uncertain-details
                  mew-submit-dialog-tests--entry)))
    (dolist (word '("<1@example.org>" "mail.example.org" "no answer came"
                    "you@example.net, they@example.net" "1970-01-01"))
      (let ((process-environment (cons "TZ=UTC" process-environment)))
        (should (string-search word details))))
    (should-not (string-search "\e" details))))

(ert-deftest mew-submit-dialog-tests-batch-asks-nobody ()
  "In batch mode there are no questions."
  (cl-letf (((symbol-function 'read-char-from-minibuffer)
             (lambda (&rest _) (ert-fail "asked")))
            ((symbol-function 'x-popup-dialog)
             (lambda (&rest _) (ert-fail "asked"))))
    (should-not (mew-submit-dialog-answer mew-submit-dialog-tests--event))
    (should (eq (mew-submit-dialog-uncertain mew-submit-dialog-tests--entry)
                'later))))

(ert-deftest mew-submit-dialog-tests-mouse ()
  "Who works with the mouse gets a box, unless boxes are not wanted."
  (let ((last-input-event '(mouse-1))
        (last-nonmenu-event '(mouse-1))
        (answers '(details always))
        boxes)
    (mew-submit-dialog-tests--with '(?y)
      (cl-letf (((symbol-function 'display-popup-menus-p) (lambda (&rest _) t))
                ((symbol-function 'x-popup-dialog)
                 (lambda (_ contents &rest _)
                   (push contents boxes)
                   (pop answers))))
        (let ((use-dialog-box t))
          (should (equal (mew-submit-dialog-answer
                          mew-submit-dialog-tests--event)
                         "yes")))
        (should (eq (mew-submit-dialog-tests--rule) 'always))
        (should (= asked 0))
        (should (= (length boxes) 2))
        (should (string-search "587" (caar boxes)))
        (should (equal (mapcar #'cdr (cdar boxes))
                       '(yes always never details nil)))
        (should (seq-every-p (lambda (item) (stringp (car item)))
                             (cdar boxes)))
        (let ((use-dialog-box nil))
          (mew-submit-dialog-uncertain mew-submit-dialog-tests--entry))
        (should (= asked 1))))))

;;; The moment

(ert-deftest mew-submit-dialog-tests-one-at-a-time ()
  "While one question is open others wait, and come when it is answered."
  (let ((noninteractive nil)
        (mew-submit-session--questions nil)
        (mew-submit-session--quiet-timer nil)
        (mew-submit-session--quiet-time 0.1)
        open most order)
    (cl-labels ((ask (name)
                  (mew-submit-session-when-quiet
                   (lambda ()
                     (push name order)
                     (setq open (1+ (or open 0))
                           most (max (or most 0) open))
                     ;; While the user thinks there is another one, and some quiet moments.
                     (when (eq name 'first)
                       (ask 'third))
                     (let* ((ticks 0)
                            (timer (run-at-time 0.1 0.1 (lambda () (cl-incf ticks)))))
                       (mew-submit-test-until ("some quiet moments")
                         (> ticks 4))
                       (cancel-timer timer))
                     (setq open (1- open))))))
      (ask 'first)
      (ask 'second)
      (mew-submit-session-when-quiet (lambda () (signal 'quit nil)))
      (mew-submit-session-when-quiet (lambda () (push 'last order)))
      (mew-submit-test-until ("the last question")
        (memq 'third order))
      (should (equal order '(third last second first)))
      (should (= most 1)))))

(provide 'mew-submit-dialog-tests)
;;; mew-submit-dialog-tests.el ends here
