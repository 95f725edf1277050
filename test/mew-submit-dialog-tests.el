;;; mew-submit-dialog-tests.el --- Tests for mew-submit-dialog -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Answers and what becomes of them.  With a real user's keys: test/dialog.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-dialog)
(require 'mew-submit-refusal)
(require 'mew-submit-job)
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

(defmacro mew-submit-dialog-tests--with (&rest body)
  "Run BODY where nothing is remembered, no question waits, and keys are no answers."
  (declare (indent 0) (debug (body)))
  `(let ((noninteractive nil)
         (mew-submit-negative-cache-file nil)
         (mew-submit-fallback-networks nil)
         (mew-submit-question--list nil)
         (mew-submit-question--hook nil))
     (cl-letf (((symbol-function 'customize-save-variable) #'set)
               ((symbol-function 'read-event) (lambda (&rest _) (ert-fail "a key"))))
       (unwind-protect
           (progn ,@body)
         (when (get-buffer "*mew-submit details*")
           (kill-buffer "*mew-submit details*"))))))

(defun mew-submit-dialog-tests--rule ()
  "Return what is saved of falling back here."
  (mew-submit-network-negative--rule "mail.example.org" (mew-submit-network-negative--networks)))

(defun mew-submit-dialog-tests--pose (event)
  "Pose the question EVENT; return a list that will have its answer."
  (let ((box (list 'open))
        (answer (mew-submit-dialog--answer event)))
    (if (functionp answer)
        (funcall answer (lambda (given) (setcar box (copy-tree given))))
      (setcar box answer))
    box))

(defun mew-submit-dialog-tests--press (words &optional yes)
  "Press the button WORDS of the only question; YES answers what that asks."
  (let ((question (car mew-submit-question--list)))
    (should (= (length mew-submit-question--list) 1))
    (cl-letf (((symbol-function 'yes-or-no-p) (lambda (&rest _) yes)))
      (mew-submit-question--answer
       question (assoc words (mew-submit-question-choices question))))))

(ert-deftest mew-submit-dialog-tests-fallback-answers ()
  "Each answer means what it says; two of them are saved, after a yes in full."
  (pcase-dolist (`(,words ,answer ,rule) '(("This time" "yes" nil)
                                           ("Always on this network" "yes" always)
                                           ("Never" :failed never)
                                           ("Not now" nil nil)))
    (mew-submit-dialog-tests--with
      (let ((given (mew-submit-dialog-tests--pose mew-submit-dialog-tests--event)))
        (should (equal given '(open)))
        (when rule
          (mew-submit-dialog-tests--press words nil)
          (should (equal given '(open)))
          (should-not (mew-submit-dialog-tests--rule)))
        (mew-submit-dialog-tests--press words t)
        (should-not mew-submit-question--list)
        (should (equal (if (consp (car given)) (caar given) (car given)) answer))
        (when (consp (car given))
          (should (string-search "mew-submit-forget-network" (cdar given))))
        (should (eq (mew-submit-dialog-tests--rule) rule))))))

(ert-deftest mew-submit-dialog-tests-one-answer-for-all ()
  "One answer is for all mails that wait for it, and what is saved is not asked for."
  (mew-submit-dialog-tests--with
    (let ((one (mew-submit-dialog-tests--pose mew-submit-dialog-tests--event))
          (two (mew-submit-dialog-tests--pose
                (plist-put (copy-sequence mew-submit-dialog-tests--event) :job 2))))
      (mew-submit-dialog-tests--press "Always on this network" t)
      (should (equal (list one two) '(("yes") ("yes"))))
      (should (equal (mew-submit-dialog-tests--pose mew-submit-dialog-tests--event)
                     '("yes")))
      ;; Through a tunnel it is another network.
      (let ((three (mew-submit-dialog-tests--pose
                    (append mew-submit-dialog-tests--event '(:tunnel "ssh:gate")))))
        (should (equal three '(open)))))))

(ert-deftest mew-submit-dialog-tests-details ()
  "The details tell what was tried, and the question goes on waiting."
  (mew-submit-dialog-tests--with
    (mew-submit-dialog-tests--pose mew-submit-dialog-tests--event)
    (let ((text (funcall (mew-submit-question-details
                          (car mew-submit-question--list)))))
      (dolist (word '("mail.example.org" "192.0.2.1 port 587" "case 5" "Network:"
                      "Always" "Never" "mew-submit-forget-network"))
        (should (string-search word text))))
    (should mew-submit-question--list)))

(ert-deftest mew-submit-dialog-tests-twice ()
  "Only a yes in full sends a message again that may have been delivered."
  (let (prompt)
    (mew-submit-dialog-tests--with
      (dolist (yes '(t nil))
        (cl-letf (((symbol-function 'yes-or-no-p)
                   (lambda (text)
                     (should-not use-dialog-box)
                     (setq prompt text)
                     yes)))
          (should (eq (mew-submit-dialog--send-twice-p mew-submit-dialog-tests--entry)
                      yes)))))
    (should (string-search "you@example.net and 1 more" prompt))
    ;; Who surely did not get it cannot get it twice.
    (mew-submit-dialog-tests--with
      (cl-letf (((symbol-function 'yes-or-no-p) (lambda (text) (setq prompt text))))
        (mew-submit-dialog--send-twice-p
         (append '(:unsent ("you@example.net")) mew-submit-dialog-tests--entry))))
    (should-not (string-search "you@example.net" prompt)))
  (cl-letf (((symbol-function 'yes-or-no-p) (lambda (&rest _) (ert-fail "asked"))))
    (should-not (mew-submit-dialog--send-twice-p mew-submit-dialog-tests--entry))))

(ert-deftest mew-submit-dialog-tests-password ()
  "A password that is known is given at once; else it is a question, one for all."
  (mew-submit-test-with-directory directory
    (let* ((authinfo (expand-file-name "authinfo" directory))
           (auth-sources (list authinfo))
           (auth-source-do-cache nil)
           (event '(:event ask :job 1 :what "password" :host "pass.example"
                           :port 587 :user "me" :mechanism "PLAIN"))
           (other (plist-put (copy-sequence event) :job 2)))
      (mew-submit-dialog-tests--with
        (let ((one (mew-submit-dialog-tests--pose event))
              (two (mew-submit-dialog-tests--pose other)))
          (should (equal (list one two) '((open) (open))))
          (should (string-search "me" (mew-submit-question-text
                                       (car mew-submit-question--list))))
          ;; A quit, and an empty password, are no answers: the question waits.
          (dolist (reader (list (lambda (_) nil) (lambda (_) (signal 'quit nil))))
            (cl-letf (((symbol-function 'mew-submit-auth--answer) reader))
              (condition-case nil
                  (mew-submit-dialog-tests--press "Enter it")
                (quit nil)))
            (should (equal (list one two) '((open) (open)))))
          (cl-letf (((symbol-function 'mew-submit-auth--answer)
                     (lambda (_) (cons "me" (copy-sequence "typed")))))
            (mew-submit-dialog-tests--press "Enter it"))
          (should (equal (list one two) '((("me" . "typed")) (("me" . "typed"))))))
        (mew-submit-test-write authinfo
                               "machine pass.example login me password known\n")
        (should (equal (mew-submit-dialog-tests--pose event) '(("me" . "known"))))
        ;; What was refused is not given again.
        (should (equal (mew-submit-dialog-tests--pose (append event '(:wrong t)))
                       '(open)))))))

(ert-deftest mew-submit-dialog-tests-passwords-of-two-servers-at-one-host ()
  "What is typed for a server at a port of its own, as a tunnel's, goes to no other."
  (let ((auth-sources nil))
    (mew-submit-dialog-tests--with
      (pcase-let ((`(,usual ,same ,one ,other)
                   (mapcar (lambda (port)
                             (mew-submit-dialog-tests--pose
                              (list :event 'ask :job port :what "password" :host "::1"
                                    :port port :user "me" :mechanism "PLAIN")))
                           '(587 465 2525 2526))))
        (should (equal (mapcar #'mew-submit-question-text mew-submit-question--list)
                       '("::1 wants the password of me."
                         "[::1]:2525 wants the password of me."
                         "[::1]:2526 wants the password of me.")))
        (let ((mew-submit-question--list (list (nth 1 mew-submit-question--list))))
          (cl-letf (((symbol-function 'read-passwd)
                     (lambda (prompt &rest _)
                       (should (equal prompt "SMTP password for me@[::1]:2525: "))
                       (copy-sequence "typed"))))
            (mew-submit-dialog-tests--press "Enter it")))
        (should (equal (list usual same one other)
                       '((open) (open) (("me" . "typed")) (open))))))))

(ert-deftest mew-submit-dialog-tests-batch-asks-nobody ()
  "In batch mode there are no questions."
  (let ((mew-submit-question--list nil))
    (should-not (mew-submit-dialog--answer mew-submit-dialog-tests--event))
    (should-not mew-submit-question--list)))

(ert-deftest mew-submit-dialog-tests-in-the-foreground ()
  "Who waits for a message is asked at once, and spells the answer."
  (mew-submit-dialog-tests--with
    (let ((mew-submit-job--waiting t)
          (words '("details" "This time"))
          prompts)
      (cl-letf (((symbol-function 'completing-read)
                 (lambda (prompt &rest _) (push prompt prompts) (pop words))))
        (should (equal (mew-submit-dialog--answer mew-submit-dialog-tests--event)
                       "yes"))
        (should (= (length prompts) 2))
        (should (string-search "587" (car prompts)))
        (should (get-buffer "*mew-submit details*"))))))

(ert-deftest mew-submit-dialog-tests-details-fit-a-terminal ()
  "What is explained before a question fits 80 columns, with a margin."
  (dolist (line (split-string (mew-submit-dialog--fallback-details
                               '(:host "mail.example.org" :port 25 :preferred-port 587)
                               '(:label "192.0.2.1"))
                              "\n"))
    (should (< (length line) 76))))

(ert-deftest mew-submit-dialog-tests-an-application-password-is-called-so ()
  "Where the server wants a password for mail programs, another one is not asked for."
  (let (said)
    (cl-letf (((symbol-function 'mew-submit-dialog--pose)
               (lambda (_event _key text &rest _) (setq said text) nil)))
      (pcase-dolist (`(,done . ,regexp)
                     '(((:kind "auth" :about "app-password" :code 534) . "application password")
                       ((:kind "auth" :about "password" :code 535) . "did not accept the password")))
        (mew-submit-dialog--password
         (list :what "password" :host "smtp.example.org" :port 587 :user "joe" :mechanism "PLAIN"
               :wrong (if (mew-submit-refusal--app-password-p done) 'app-password t)))
        (should (string-match-p regexp said))))))

(provide 'mew-submit-dialog-tests)
;;; mew-submit-dialog-tests.el ends here
