;;; advice.el --- Every sentence of advice there is, one a line -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -L lisp -l test/tool/manual.el -l test/tool/advice.el -f mew-submit-advice
;;
;; For review: WHERE NAME: WORDS, of causes of refusals, findings about servers, networks and domains, the doctor's,
;; and what a report says to do next.  They are read from the sources; what is only known later is three dots.

;;; Code:

(declare-function mew-submit-cause-meaning--advice "mew-submit-cause-meaning" (id &optional code))
(declare-function mew-submit-cause-meaning--ids "mew-submit-cause-meaning" ())
(declare-function mew-submit-manual--all-calls "manual" (maker))
(declare-function mew-submit-manual--load "manual" ())
(defvar mew-submit-finding--icmp-advice)
(defvar mew-submit-manual--finding-makers)
(defvar mew-submit-manual--root)

(defun mew-submit-advice--sentence-p (text)
  "Is TEXT, a string, for people?"
  (string-match-p "\\`[[:upper:]\\[][^ ]* .* [^ ]" text))

(defun mew-submit-advice--texts (form)
  "Return the texts that FORM, of Lisp, may make."
  (cond ((stringp form)
         (list (replace-regexp-in-string
                "[ \n]+" " " (replace-regexp-in-string "%[a-zA-Z]" "…" form t t))))
        ((and (symbolp form) (boundp form) (stringp (symbol-value form)))
         (mew-submit-advice--texts (symbol-value form)))
        ((memq (car-safe form) '(concat))
         (list (mapconcat (lambda (part) (or (car (mew-submit-advice--texts part)) "…"))
                          (cdr form) "")))
        ((eq (car-safe form) 'format) (mew-submit-advice--texts (nth 1 form)))
        ((consp form)
         (let (texts)
           (while (consp form)
             (setq texts (append texts (seq-filter #'mew-submit-advice--sentence-p
                                                   (mew-submit-advice--texts (pop form))))))
           texts))))

(defun mew-submit-advice--print (where name &rest forms)
  "Print a line for each text of FORMS, which NAME in WHERE gives."
  (dolist (form forms)
    (dolist (text (mew-submit-advice--texts form))
      (princ (format "%s %s: %s\n" where (if (or (stringp name) (symbolp name)) name "…") text)))))

(defun mew-submit-advice--file (name)
  "Print the sentences in the definitions of advice in the file NAME.el."
  (with-temp-buffer
    (insert-file-contents (expand-file-name (format "lisp/%s.el" name) mew-submit-manual--root))
    (goto-char (point-min))
    (condition-case nil
        (while t
          (pcase (read (current-buffer))
            (`(defconst ,symbol ',(and (pred consp) rows) . ,_)
             (dolist (row rows)
               (when (and (consp row) (stringp (cdr row)))
                 (mew-submit-advice--print symbol (car row) (cdr row)))))
            (`(defun ,symbol ,_ ,(pred stringp) . ,body)
             (when (string-match-p "advice\\|remedy" (symbol-name symbol))
               (mew-submit-advice--print symbol "" body)))))
      (end-of-file nil))))

(defun mew-submit-advice--calls (maker)
  "Return the calls of MAKER in all sources."
  (let ((mew-submit-manual--finding-makers (list maker)))
    (mew-submit-manual--all-calls maker)))

(defun mew-submit-advice ()
  "Print all advice."
  (let ((coding-system-for-write 'utf-8))
    (mew-submit-manual--load)
    (dolist (id (mew-submit-cause-meaning--ids))
      (let ((advice (mew-submit-cause-meaning--advice id)))
        (mew-submit-advice--print "cause" id (plist-get advice :meaning)
                                  (plist-get advice :remedy))))
    (pcase-dolist (`(,_ ,id ,_ ,_ ,advice ,text . ,_)
                   (mew-submit-advice--calls 'mew-submit-finding--make))
      (mew-submit-advice--print "finding" id text advice))
    (pcase-dolist (`(,id . ,advice) mew-submit-finding--icmp-advice)
      (mew-submit-advice--print "finding" id advice))
    (pcase-dolist (`(,_ ,id ,_ ,_ ,advice ,text . ,_)
                   (mew-submit-advice--calls 'mew-submit-diagnosis-network--make))
      (mew-submit-advice--print "network" id text advice))
    (pcase-dolist (`(,_ ,id ,_ ,text ,advice)
                   (mew-submit-advice--calls 'mew-submit-domain-zone--finding))
      (mew-submit-advice--print "domain" id text advice))
    (pcase-dolist (`(,_ ,topic ,level ,text . ,_)
                   (mew-submit-advice--calls 'mew-submit-doctor-finding--make))
      (unless (equal level ''ok)
        (mew-submit-advice--print "doctor" topic text)))
    (mapc #'mew-submit-advice--file '("mew-submit-report" "mew-submit-refusal"))))

(provide 'advice)
;;; advice.el ends here
