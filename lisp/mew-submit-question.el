;;; mew-submit-question.el --- Questions that wait for the user -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the questions that come by themselves, from a mail that is being sent
;; in the background.  None of them takes a key: it waits here until the user comes to it
;; (mew-submit-notice.el shows it, with a button for each answer), because a key that is
;; typed when a question appears was meant for something else (SECURITY.md, P2).
;;
;; The same question of several mails is one question, and one answer is for all of them.
;; What is answered for good, or could send a mail twice, wants a yes in full.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-error)
(require 'mew-submit-loaddefs)
(require 'seq)
(require 'subr-x)

(declare-function mew-submit-view--display "mew-submit-view" (buffer action))

(cl-defstruct (mew-submit-question (:constructor mew-submit-question--make)
                                   (:copier nil))
  (key nil :documentation "What makes it the same question as another one.")
  (text nil :documentation "The question, a sentence.")
  (choices nil :documentation "The answers, as for `mew-submit-question--ask'.")
  (details nil :documentation "Function that returns what else there is to know.")
  (waiting nil :documentation "Who waits for the answer: (JOB . FUNCTION)s."))

(defvar mew-submit-question--list nil
  "The questions that wait, the oldest first.")

(defvar mew-submit-question--hook '(mew-submit-notice--questions)
  "Hook that is run when a question has come or gone.")

(defvar-local mew-submit-question--detailed nil
  "The question that this buffer has the details of.")

(defun mew-submit-question--changed ()
  "Tell that a question has come or gone."
  (condition-case err
      (run-hooks 'mew-submit-question--hook)
    (error (display-warning 'mew-submit (mew-submit-error--text err)))))

(defun mew-submit-question--find (key)
  "Return the question with KEY, or nil."
  (seq-find (lambda (question) (equal (mew-submit-question-key question) key))
            mew-submit-question--list))

(defun mew-submit-question--asked-p (key)
  "Does the question with KEY wait for an answer?"
  (and (mew-submit-question--find key) t))

(defun mew-submit-question--ask (job key text choices details function)
  "Have the user answer the question TEXT some time, and call FUNCTION with that.
JOB is the number of the job that waits for it, a symbol, or nil; KEY is equal
for all questions that one answer is for.  CHOICES are (WORDS VALUE HOW): with
HOW `sure' the user is asked for a yes in full first; with a function as HOW
that is called with nothing, in the foreground, and returns the answer, or nil
when there is none yet.  DETAILS is a function that returns a text, or nil.

When the job ends before, `mew-submit-question--drop' takes it out."
  (let ((question (mew-submit-question--find key)))
    (unless question
      (setq question (mew-submit-question--make :key key :text text :choices choices
                                                :details details)
            mew-submit-question--list
            (append mew-submit-question--list (list question))))
    (setf (mew-submit-question-waiting question)
          (append (mew-submit-question-waiting question)
                  (list (cons job function))))
    (mew-submit-question--changed)))

(defun mew-submit-question--remove (question)
  "Forget QUESTION, and show no longer what it is about."
  (setq mew-submit-question--list (delq question mew-submit-question--list))
  (when-let* ((buffer (get-buffer "*mew-submit details*"))
              ((eq question (buffer-local-value 'mew-submit-question--detailed buffer))))
    (dolist (window (get-buffer-window-list buffer nil t))
      ;; Who is in it reads it there.
      (unless (eq window (selected-window))
        (quit-restore-window window 'bury)))))

(defun mew-submit-question--drop (job)
  "Forget what JOB, which has ended, waited for an answer to."
  (let ((before mew-submit-question--list)
        changed)
    (dolist (question before)
      (let* ((waiting (mew-submit-question-waiting question))
             (left (seq-remove (lambda (one) (and job (eql (car one) job)))
                               waiting)))
        (unless (= (length left) (length waiting))
          (setq changed t)
          (setf (mew-submit-question-waiting question) left)
          (unless left
            (mew-submit-question--remove question)))))
    (when changed
      (mew-submit-question--changed))))

(defun mew-submit-question--value (question choice)
  "Return (ANSWER) as the user gives CHOICE to QUESTION, or nil for none yet.
A quit goes through."
  (pcase choice
    (`(,words ,value sure)
     ;; No box: its first button, yes, would have the focus.
     (let ((use-dialog-box nil))
       (discard-input)
       (and (yes-or-no-p
             (format "%s: %s? "
                     (string-remove-suffix "?" (mew-submit-question-text question))
                     words))
            (list value))))
    (`(,_ ,_ ,(and how (pred functionp)))
     (let ((answer (funcall how)))
       (and answer (list answer))))
    (`(,_ ,value . ,_) (list value))))

(defun mew-submit-question--give (question answer)
  "Pass ANSWER on to all who wait for that to QUESTION, and forget it.
A secret in it is wiped.  It may be over: the user has taken their time."
  (let ((secret (and (consp answer) (stringp (cdr answer)) (cdr answer))))
    (when (memq question mew-submit-question--list)
      (mew-submit-question--remove question)
      (pcase-dolist (`(,_ . ,function) (mew-submit-question-waiting question))
        (condition-case err
            ;; Whoever gets a secret wipes it, and so needs one of its own.
            (funcall function (if (and secret (not (eq (car answer) :failed)))
                                  (cons (car answer) (copy-sequence secret))
                                answer))
          ;; A quit, too: the others wait for it as well.
          ((error quit)
           (display-warning 'mew-submit (mew-submit-error--text err))))))
    (when (and secret (not (eq (car answer) :failed)))
      (clear-string secret))
    (mew-submit-question--changed)))

(defun mew-submit-question--answer (question choice)
  "Give CHOICE, one of its choices, as the answer to QUESTION.
One whose prompt is quit, or taken back, goes on waiting."
  (unless (memq question mew-submit-question--list)
    (user-error "That question is over"))
  (when-let* ((answer (mew-submit-question--value question choice)))
    (let ((over (not (memq question mew-submit-question--list))))
      (mew-submit-question--give question (car answer))
      (when over
        (user-error "That question was over before you answered: nothing was done")))))

(defun mew-submit-question--ask-now (text choices details)
  "Ask the question TEXT in the minibuffer, and return the answer.
This is for who waits in the foreground, and has nothing else to type to.
CHOICES and DETAILS are as for `mew-submit-question--ask'.  What the first
choice reads is read at once; else an answer is spelled."
  (let* ((question (mew-submit-question--make :text text :choices choices))
         (words (append (mapcar #'car choices) (and details '("details"))))
         (enable-recursive-minibuffers t)
         (read (nth 2 (car choices)))
         answer)
    (if (functionp read)
        (funcall read)
      (while (null answer)
        (let ((word (completing-read (concat text " ") words nil t)))
          (if (equal word "details")
              (mew-submit-question--show question (funcall details))
            (setq answer (mew-submit-question--value question
                                                     (assoc word choices))))))
      (car answer))))

(defun mew-submit-question--of (job)
  "Return the question that JOB waits for the answer of, or nil."
  (and job
       (seq-find (lambda (question) (assq job (mew-submit-question-waiting question)))
                 mew-submit-question--list)))

(defun mew-submit-question--answer-now (job)
  "Have the user, who waits for JOB in the foreground, answer what it waits for."
  (when-let* ((question (mew-submit-question--of job)))
    (mew-submit-question--give
     question (mew-submit-question--ask-now (mew-submit-question-text question)
                                            (mew-submit-question-choices question)
                                            (mew-submit-question-details question)))))

(defun mew-submit-question--show (question text)
  "Show TEXT, about QUESTION, in the buffer \"*mew-submit details*\".
No window is selected."
  (let ((buffer (mew-submit-view--page "*mew-submit details*"
                                       (lambda () (insert text)) t)))
    (with-current-buffer buffer
      (setq mew-submit-question--detailed question))
    (mew-submit-view--display buffer '(nil (inhibit-same-window . t)
                                           (window-height . fit-window-to-buffer)))))

(provide 'mew-submit-question)
;;; mew-submit-question.el ends here
