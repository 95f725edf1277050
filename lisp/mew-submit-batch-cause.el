;;; mew-submit-batch-cause.el --- Causes of refusals, from a script -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the command line of mew-submit-batch-cause: replies of servers as
;; lines of JSON on standard input, a line with the cause of each on standard output.

;;; Code:

(require 'json)
(require 'mew-submit-cause)
(require 'mew-submit-cause-meaning)
(require 'mew-submit-batch-command)
(require 'mew-submit-error)
(require 'mew-submit-json)
(require 'mew-submit-module)
(require 'seq)
(require 'subr-x)

(declare-function mew-submit--mod-spool "ext:mew-submit-native" (fd file))

(defconst mew-submit-batch-cause--options
  '(("--advice" :advice nil "print all sentences of advice instead, one a line")
    ("--help" :help nil "this text"))
  "The options: (NAME KEY ARGUMENT WHAT-FOR).")

(defun mew-submit-batch-cause--usage ()
  "Return the text for --help."
  (concat "usage: emacs -Q --batch -l mew-submit.el -f mew-submit-batch-cause < FILE
Each line of FILE is an object with id, step, reply (a list of lines or a string) and,
optional, mech; for each there is a line with id, cause, who, again and sure, or with id
and error.
"
          (mew-submit-batch-command--help mew-submit-batch-cause--options)
          "Exit status: 0, 64 usage, 78 configuration.\n"))

(defconst mew-submit-batch-cause--line-max 1000000
  "How many octets of a line are read; a longer one is an error.")

(defun mew-submit-batch-cause--reply (value)
  "Return VALUE of the key reply as a list of lines or a string."
  (cond ((stringp value) value)
        ((and (listp value) (seq-every-p #'stringp value)) value)
        (t (mew-submit-error--throw 'usage nil "reply is not a list of lines"))))

(defun mew-submit-batch-cause--scalar (value)
  "Return VALUE if it is a string or a number, else nil."
  (and (or (stringp value) (numberp value)) value))

(defun mew-submit-batch-cause--answer (object)
  "Return the answer to OBJECT, an alist, as a plist."
  (let ((id (mew-submit-batch-cause--scalar (alist-get 'id object))))
    (condition-case err
        (pcase-let* ((`(,code ,enhanced ,text)
                      (mew-submit-cause--parse
                       (mew-submit-batch-cause--reply (alist-get 'reply object))))
                     (cause (mew-submit-cause--of
                             (mew-submit-batch-cause--scalar (alist-get 'step object))
                             code enhanced text
                             (mew-submit-batch-cause--scalar
                              (alist-get 'mech object)))))
          (list :id id :cause (plist-get cause :cause) :who (plist-get cause :who)
                :again (plist-get cause :again)
                :sure (or (plist-get cause :sure) :false)))
      (error (list :id id :error (mew-submit-error--text err))))))

(defun mew-submit-batch-cause--id (line)
  "Return what seems to be the identifier in LINE, which is no JSON, or nil."
  (and (string-match
        "\"id\"[ \t]*:[ \t]*\\(?:\"\\([^\"\\]\\{0,200\\}\\)\"\\|\\([0-9]\\{1,15\\}\\)\\)" line)
       (or (match-string 1 line) (string-to-number (match-string 2 line)))))

(defun mew-submit-batch-cause--line (octets)
  "Return the answer to the line OCTETS, a line of JSON; OCTETS need not be sound."
  (let ((line (decode-coding-string
               (substring octets 0 (min (length octets)
                                        mew-submit-batch-cause--line-max))
               'utf-8))
        (json-object-type 'alist) (json-array-type 'list) (json-key-type 'symbol)
        (json-false nil) (json-null nil))
    (mew-submit-json--line
     (condition-case nil
         (let ((object (json-read-from-string line)))
           (if (and (consp object) (consp (car object)) (symbolp (caar object)))
               (mew-submit-batch-cause--answer object)
             (list :id nil :error "The line is no object")))
       (error (list :id (mew-submit-batch-cause--id line)
                    :error "The line is no JSON"))))))

(defun mew-submit-batch-cause--input ()
  "Put standard input, octets, into the current buffer."
  (let* ((directory (mew-submit-batch-command--make-directory))
         (file (expand-file-name "replies" directory)))
    (unwind-protect
        (progn
          (mew-submit-module--ensure)
          (mew-submit--mod-spool 0 (mew-submit-module--octets-name file))
          (set-buffer-multibyte nil)
          (insert-file-contents-literally file))
      (delete-directory directory t))))

(defun mew-submit-batch-cause--all ()
  "Answer every line of standard input; return the exit status."
  (with-temp-buffer
    (mew-submit-batch-cause--input)
    (while (not (eobp))
      (let ((line (buffer-substring (point) (line-end-position))))
        (unless (string-blank-p line)
          (mew-submit-batch-command--print (mew-submit-batch-cause--line line))))
      (forward-line)))
  0)

(defun mew-submit-batch-cause--sentences ()
  "Return every sentence of advice, one a line, octets."
  (encode-coding-string
   (mapconcat (lambda (id)
                (let ((advice (mew-submit-cause-meaning--advice id)))
                  (format "%s: %s. %s\n" id (plist-get advice :meaning)
                          (plist-get advice :remedy))))
              (mew-submit-cause-meaning--ids) "")
   'utf-8-unix))

(defun mew-submit-batch-cause--parse (args)
  "Return the options in ARGS as a plist."
  (let ((options (mew-submit-batch-command--parse args mew-submit-batch-cause--options
                                                  #'ignore)))
    (when-let* ((argument (car (plist-get options :arguments))))
      (mew-submit-error--throw 'usage nil "There is no argument: %s" argument))
    options))

(defun mew-submit-batch-cause--answers (options)
  "Do what OPTIONS say, and return the exit status."
  (if (plist-get options :advice)
      (progn (mew-submit-batch-command--print (mew-submit-batch-cause--sentences))
             0)
    (mew-submit-batch-cause--all)))

(defun mew-submit-batch-cause--run (args)
  "Do what ARGS say, and return the exit status."
  (mew-submit-batch-command--do args #'mew-submit-batch-cause--parse
                                #'mew-submit-batch-cause--usage
                                #'mew-submit-batch-cause--answers))

;;;###autoload
(defun mew-submit-batch-cause ()
  "Say why servers refused, for each reply on standard input, and leave Emacs.
Options are on the command line behind \"--\"; --help lists them."
  (mew-submit-batch-command--run #'mew-submit-batch-cause--run))

(provide 'mew-submit-batch-cause)
;;; mew-submit-batch-cause.el ends here
