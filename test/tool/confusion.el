;;; confusion.el --- How often the cause of a refusal is right, and what it is taken for -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -L . -L lisp -L test -l test/tool/confusion.el -f mew-submit-confusion FILE...
;;
;; FILE has labelled replies: lines as in test/cause/replies.txt, or, with the ending jsonl, objects with step, reply,
;; cause and, optional, also and mech.  For each FILE there is how many are right, how many of those that are sure,
;; the table of confusion, and each wrong answer with its reply.  A cause in `also' is right.

;;; Code:

(require 'json)
(require 'mew-submit-cause-tests)

(defun mew-submit-confusion--object (line)
  "Return (STEP LINES CAUSES MECHANISM) of LINE, an object of JSON."
  (let ((object (json-parse-string line :object-type 'alist :array-type 'list)))
    (list (alist-get 'step object) (alist-get 'reply object)
          (mapcar #'intern (cons (alist-get 'cause object) (alist-get 'also object)))
          (alist-get 'mech object))))

(defun mew-submit-confusion--read (file)
  "Return the labelled replies of FILE: (STEP LINES CAUSES MECHANISM) each."
  (if (string-suffix-p ".jsonl" file)
      (with-temp-buffer
        (let ((coding-system-for-read 'utf-8-unix))
          (insert-file-contents file))
        (mapcar #'mew-submit-confusion--object (split-string (buffer-string) "\n" t)))
    (mew-submit-cause-tests--many file)))

(defun mew-submit-confusion--judge (replies)
  "Return what is answered to REPLIES: (CAUSE ANSWER SURE LINES) each.
CAUSE is the answer when that is right, else the label."
  (mapcar (pcase-lambda (`(,step ,lines ,causes ,mechanism))
            (let* ((answer (mew-submit-cause-tests--answer step lines mechanism))
                   (cause (plist-get answer :cause)))
              (list (if (memq cause causes) cause (car causes))
                    cause (plist-get answer :sure) (string-join (cons step lines) " / "))))
          replies))

(defun mew-submit-confusion--share (part all)
  "Return PART of ALL in words."
  (format "%d of %d, %.1f %%" part all (if (zerop all) 0 (/ (* 100.0 part) all))))

(defun mew-submit-confusion--right-p (judged)
  "Is the answer of JUDGED right?"
  (eq (car judged) (nth 1 judged)))

(defun mew-submit-confusion--row (cause judged)
  "Return the row of the table for CAUSE, of which are JUDGED."
  (let* ((wrong (seq-remove #'mew-submit-confusion--right-p judged))
         (taken (sort (seq-group-by #'cadr wrong)
                      (lambda (a b) (> (length a) (length b))))))
    (format "%-36s %4d %4d %4d  %s\n" cause (length judged) (- (length judged) (length wrong))
            (seq-count #'caddr judged)
            (mapconcat (lambda (group) (format "%s %d" (car group) (length (cdr group))))
                       taken ", "))))

(defun mew-submit-confusion--table (file)
  "Return what the answers to the replies of FILE are worth, in words."
  (let* ((judged (mew-submit-confusion--judge (mew-submit-confusion--read file)))
         (right (seq-filter #'mew-submit-confusion--right-p judged))
         (sure (seq-filter #'caddr judged)))
    (concat
     (format "%s\nright: %s\nsure: %s\nright of the sure: %s\n\n%-36s %4s %4s %4s  %s\n"
             (file-name-nondirectory file)
             (mew-submit-confusion--share (length right) (length judged))
             (mew-submit-confusion--share (length sure) (length judged))
             (mew-submit-confusion--share (seq-count #'mew-submit-confusion--right-p sure)
                                          (length sure))
             "cause" "all" "ok" "sure" "taken for")
     (mapconcat (lambda (cause)
                  (if-let* ((mine (seq-filter (lambda (one) (eq cause (car one))) judged)))
                      (mew-submit-confusion--row cause mine)
                    ""))
                (mew-submit-cause-meaning--ids) "")
     "\n"
     (mapconcat (pcase-lambda (`(,cause ,answer ,sure ,reply))
                  (if (eq cause answer) ""
                    (format "%s -> %s%s: %s\n" cause answer (if sure ", sure" "") reply)))
                judged ""))))

(defun mew-submit-confusion ()
  "Print the tables for the files that the command line names."
  (let ((coding-system-for-write 'utf-8))
    (dolist (file command-line-args-left)
      (princ (mew-submit-confusion--table file))
      (terpri)))
  (setq command-line-args-left nil))

(provide 'confusion)
;;; confusion.el ends here
