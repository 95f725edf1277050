;;; mew-submit-question-tests.el --- Tests of questions that wait -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; With a real user's keys: test/dialog.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-notice)
(require 'mew-submit-question)

(defmacro mew-submit-question-tests--with (&rest body)
  "Run BODY where no question waits and none was shown."
  (declare (indent 0) (debug (body)))
  `(let ((noninteractive nil)
         (mew-submit-question--list nil)
         (mew-submit-notice--posed nil)
         (mew-submit-notice--unseen nil)
         (mew-submit-question--hook '(mew-submit-notice--questions))
         (answers nil))
     (ignore answers)
     (save-window-excursion
       (unwind-protect
           (progn ,@body)
         (when (get-buffer "*mew-submit*")
           (kill-buffer "*mew-submit*"))))))

(defmacro mew-submit-question-tests--ask (job key &optional choices)
  "Pose the question KEY of JOB; its answers go to `answers', newest first."
  `(mew-submit-question--ask ,job ,key (format "Question %s?" ,key)
                             (or ,choices '(("Yes" yes) ("Save it" save sure) ("No" nil)))
                             nil (lambda (answer) (push (cons ,job answer) answers))))

(defun mew-submit-question-tests--press (words)
  "Press the first button WORDS of the buffer."
  (with-current-buffer "*mew-submit*"
    (goto-char (point-min))
    (search-forward (format "[%s]" words))
    (backward-char 2)
    (push-button)))

(ert-deftest mew-submit-question-tests-makes-no-frame ()
  "SECURITY: P2.  Where no window has room for a question it makes no frame of its own.
That would have the next key, or not be seen in a terminal.  It is shown when
there is room, and somebody leaves the minibuffer."
  (mew-submit-question-tests--with
    (with-temp-buffer
      (switch-to-buffer (current-buffer))
      (delete-other-windows)
      (let ((frames 0))
        (cl-letf (((symbol-function 'display-buffer-pop-up-frame)
                   (lambda (&rest _) (cl-incf frames) nil)))
          (let ((split-window-preferred-function #'ignore))
            (mew-submit-question-tests--ask 1 'a)
            (should-not (get-buffer-window "*mew-submit*"))
            (should (= frames 0)))
          (mew-submit-notice--display-now)
          (should (get-buffer-window "*mew-submit*"))
          (should-not (memq #'mew-submit-notice--display-soon minibuffer-exit-hook))
          (should (= frames 0)))))))

(ert-deftest mew-submit-question-tests-takes-no-key ()
  "SECURITY: P2.  A question is shown without its window being selected.
What is typed goes where it went, and nothing is answered."
  (mew-submit-question-tests--with
    (with-temp-buffer
      (switch-to-buffer (current-buffer))
      (let ((window (selected-window))
            (here (current-buffer)))
        (mew-submit-question-tests--ask 1 'a)
        (mew-submit-question-tests--ask 2 'b)
        (should (eq (selected-window) window))
        (should (eq (window-buffer window) here))
        (should (get-buffer-window "*mew-submit*"))
        (execute-kbd-macro (kbd "y n a SPC q RET y e s RET"))
        (should (equal (buffer-string) "yna q\nyes\n")))
      (should-not answers)
      (should (= (length mew-submit-question--list) 2)))))

(ert-deftest mew-submit-question-tests-no-button-has-the-focus ()
  "Who goes to the questions is on no button, and no letter is an answer."
  (mew-submit-question-tests--with
    (mew-submit-question-tests--ask 1 'a)
    (mew-submit-answer)
    (should (equal (buffer-name) "*mew-submit*"))
    (should-not (button-at (point)))
    (dolist (key '("y" "n" "a" "SPC" "l" "q"))
      (should-not (eq (key-binding (kbd key)) #'push-button)))
    ;; On no button RET presses none.
    (condition-case nil
        (call-interactively (key-binding (kbd "RET")))
      (error nil))
    (should-not answers)))

(ert-deftest mew-submit-question-tests-buttons ()
  "A button answers; what is for good wants a yes; a quit is no answer."
  (mew-submit-question-tests--with
    (mew-submit-question-tests--ask 1 'a)
    (cl-letf (((symbol-function 'yes-or-no-p) (lambda (_) nil)))
      (mew-submit-question-tests--press "Save it"))
    (cl-letf (((symbol-function 'yes-or-no-p) (lambda (_) (signal 'quit nil))))
      (should (eq (condition-case nil (mew-submit-question-tests--press "Save it")
                    (quit 'quit))
                  'quit)))
    (should-not answers)
    (cl-letf (((symbol-function 'yes-or-no-p)
               (lambda (prompt)
                 (should-not use-dialog-box)
                 (should (string-search "Question a: Save it?" prompt))
                 t)))
      (mew-submit-question-tests--press "Save it"))
    (should (equal answers '((1 . save))))
    (should-not mew-submit-question--list)
    (with-current-buffer "*mew-submit*"
      (should (equal (buffer-string) "")))
    (should-error (mew-submit-answer) :type 'user-error)))

(ert-deftest mew-submit-question-tests-one-for-all-that-wait ()
  "The same question is shown once, answered once, and over with its last job.
One that comes back after an answer is shown again."
  (mew-submit-question-tests--with
    (let ((shown 0))
      (cl-letf (((symbol-function 'mew-submit-notice--display)
                 (lambda () (cl-incf shown))))
        (dolist (job '(1 2 3))
          (mew-submit-question-tests--ask job 'same))
        (should (= (length mew-submit-question--list) 1))
        (should (= shown 1))
        (mew-submit-question--drop 1)
        (mew-submit-question-tests--press "Yes")
        (should (equal (sort (mapcar #'car answers) #'<) '(2 3)))
        (mew-submit-question-tests--ask 4 'same)
        (mew-submit-question--drop 4)
        (should-not mew-submit-question--list)
        (should (= shown 2))))))

(ert-deftest mew-submit-question-tests-narrowed ()
  "In a buffer that is narrowed each question is once, and one that is over is not."
  (mew-submit-question-tests--with
    (mew-submit-question-tests--ask 1 'a)
    (mew-submit-question-tests--ask 2 'b)
    (with-current-buffer "*mew-submit*"
      (goto-char (point-min))
      (search-forward "Question b")
      (narrow-to-region (line-beginning-position) (line-end-position))
      (mew-submit-question--drop 1)
      (widen)
      (should (equal (how-many "^Question" (point-min) (point-max)) 1)))))

(ert-deftest mew-submit-question-tests-an-answer-that-is-late-is-told ()
  "Who answers for good, or enters a password, while the mail ends hears that."
  (mew-submit-question-tests--with
    (let ((secret (copy-sequence "secret")))
      (mew-submit-question-tests--ask
       1 'a `(("Enter it" nil ,(lambda ()
                                 (mew-submit-question--drop 1)
                                 (cons "u" secret)))
              ("Save it" save sure)))
      (cl-letf (((symbol-function 'yes-or-no-p)
                 (lambda (_) (mew-submit-question--drop 2) t)))
        (should-error (mew-submit-question-tests--press "Enter it") :type 'user-error)
        (should (equal secret (make-string 6 0)))
        (mew-submit-question-tests--ask 2 'b)
        (should-error (mew-submit-question-tests--press "Save it") :type 'user-error))
      (should-not answers))))

(ert-deftest mew-submit-question-tests-secret-is-wiped ()
  "Each that waits gets a secret of its own; the one that was typed is wiped."
  (mew-submit-question-tests--with
    (let ((typed (copy-sequence "s3cret"))
          given)
      (dolist (job '(1 2))
        (mew-submit-question--ask
         job 'password "Password?"
         (list (list "Enter it" nil (lambda () (cons "me" typed)))) nil
         (lambda (answer) (push (cdr answer) given))))
      (mew-submit-question-tests--press "Enter it")
      (should (equal given '("s3cret" "s3cret")))
      (should-not (eq (car given) (cadr given)))
      (should (equal typed (make-string 6 0))))))

(ert-deftest mew-submit-question-tests-quit-leaves-nobody-waiting ()
  "A quit while an answer is passed on keeps it from nobody else, and wipes the secret."
  (let* ((mew-submit-question--list nil)
         (mew-submit-question--hook nil)
         (secret (copy-sequence "s3cret"))
         got)
    (mew-submit-question--ask 1 'key "Password?" nil nil (lambda (_) (signal 'quit nil)))
    (mew-submit-question--ask 2 'key "Password?" nil nil
                              (lambda (answer) (setq got (copy-sequence (cdr answer)))))
    (cl-letf (((symbol-function 'display-warning) #'ignore))
      (mew-submit-question--give (car mew-submit-question--list) (cons "me" secret)))
    (should (equal got "s3cret"))
    (should-not (string-search "s3cret" secret))))

(ert-deftest mew-submit-question-tests-not-in-the-minibuffer ()
  "While somebody is in the minibuffer no window is shown and nothing said."
  (mew-submit-question-tests--with
    (cl-letf (((symbol-function 'active-minibuffer-window) #'minibuffer-window)
              ((symbol-function 'message)
               (lambda (&rest _) (ert-fail "said something"))))
      (mew-submit-question-tests--ask 1 'a))
    (should-not (get-buffer-window "*mew-submit*"))
    (run-hooks 'minibuffer-exit-hook)
    (let ((deadline (time-add nil 60)))
      (while (not (or (get-buffer-window "*mew-submit*") (time-less-p deadline nil)))
        (accept-process-output nil 0.01)))
    (should (get-buffer-window "*mew-submit*"))))

(ert-deftest mew-submit-question-tests-told-outside ()
  "Who is elsewhere is told by the desktop, and nobody waits for that.
Nobody is where a frame has the focus, or may have it."
  (let ((noninteractive nil)
        (process-environment
         (cons "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus"
               process-environment))
        (focus nil)
        said)
    (require 'notifications)
    (cl-letf (((symbol-function 'frame-focus-state) (lambda (_) focus))
              ((symbol-function 'dbus-call-method)
               (lambda (&rest _) (ert-fail "It is waited for")))
              ((symbol-function 'dbus-call-method-asynchronously)
               (lambda (&rest args) (push args said)))
              ((symbol-function 'featurep)
               (let ((featurep (symbol-function 'featurep)))
                 (lambda (feature &rest rest)
                   (or (eq feature 'dbusbind)
                       (apply featurep feature rest))))))
      (mew-submit-notice--notify "Who <b>wrote</b> that?")
      (should (member "Who &lt;b&gt;wrote&lt;/b&gt; that?" (car said)))
      (dolist (state '(t unknown))
        (setq focus state)
        (mew-submit-notice--notify "b"))
      (setq focus nil)
      (let ((mew-submit-notify nil))
        (mew-submit-notice--notify "c"))
      (should (= (length said) 1))
      (let ((mew-submit-question--list nil)
            (mew-submit-notice--posed nil))
        (mew-submit-question--ask nil 'told "Which?" '(("A" a)) nil #'ignore)
        (should (= (length said) 2)))
      ;; A desktop without one is no error.
      (cl-letf (((symbol-function 'dbus-call-method-asynchronously)
                 (lambda (&rest _) (signal 'dbus-error '("No")))))
        (mew-submit-notice--notify "d")))))

(ert-deftest mew-submit-question-tests-shown-once ()
  "Mail that has waited for long is shown once for each reason, not at each attempt."
  (let ((entry (list :id "x" :directory "/nowhere/" :stem "/nowhere/x" :state 'queued :created 0
                     :recipients '("a@x")))
        (noninteractive nil)
        (shown 0))
    (cl-letf (((symbol-function 'mew-submit-notice--display)
               (lambda (&rest _) (cl-incf shown)))
              ((symbol-function 'mew-submit-notice--notify) #'ignore)
              ((symbol-function 'mew-submit-offer--465) #'ignore))
      (clrhash mew-submit-notice-message--told)
      (pcase-dolist (`(,wanted ,code . ,state)
                     '((1 421) (1 421) (2 450) (2 450) (3 421) (4 550 . refused)
                       (5 550 . refused) (6 421)))
        (mew-submit-notice--done
         (mew-submit-spool--with entry :state (or state 'queued))
         (list :result (if state "refused" "deferred") :kind "deferred"
               :text (format "mail.example.org: %d No" code) :code code))
        (should (= shown wanted)))
      (kill-buffer "*mew-submit*"))))

(provide 'mew-submit-question-tests)
;;; mew-submit-question-tests.el ends here
