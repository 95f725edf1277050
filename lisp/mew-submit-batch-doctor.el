;;; mew-submit-batch-doctor.el --- The doctor from the command line -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The batch command:
;;
;;   Emacs --batch -l ~/.emacs -l mew-submit.el -f mew-submit-batch-doctor -- [options]
;;
;; It owns the options, how findings are printed, and the exit status.

;;; Code:

(require 'mew-submit-batch-command)
(require 'mew-submit-doctor)
(require 'mew-submit-doctor-finding)
(require 'mew-submit-error)
(require 'mew-submit-job)
(require 'mew-submit-json)
(require 'seq)

(defconst mew-submit-batch-doctor--options
  '(("--json" :json nil "one JSON object per finding on standard output")
    ("--names" :names nil "with names and addresses")
    ("--offline" :offline nil "look at no server")
    ("--help" :help nil "this text"))
  "The options of the batch command: (NAME KEY ARGUMENT WHAT-FOR).")

(defun mew-submit-batch-doctor--print (findings options)
  "Print FINDINGS as OPTIONS want it."
  (let ((names (or (plist-get options :names) (mew-submit-doctor--names))))
    (dolist (finding (mew-submit-doctor--sort findings))
      (let ((masked (mew-submit-doctor--masked finding names)))
        (mew-submit-batch-command--print
         (if (plist-get options :json)
             (mew-submit-json--line masked)
           (encode-coding-string
            (substring-no-properties (mew-submit-doctor--line masked))
            'utf-8)))))
    (unless (plist-get options :json)
      (mew-submit-batch-command--print
       (concat (mew-submit-doctor--summary findings) "\n")))))

(defun mew-submit-batch-doctor--load (file)
  "Load FILE, an init file; signal an error where it ends Emacs."
  (let ((end (lambda () (throw 'mew-submit-batch-doctor t))))
    (add-hook 'kill-emacs-hook end -100)
    (unwind-protect
        (when (catch 'mew-submit-batch-doctor
                (load file nil t t)
                nil)
          (error "It ends Emacs"))
      (remove-hook 'kill-emacs-hook end))))

(defun mew-submit-batch-doctor--init ()
  "Load the init file that the shell command has found, as Emacs itself does.
Packages, which a batch Emacs does not have by itself, are there before it.
Return a finding where it has an error, such as for want of a window."
  (let ((file (or (getenv "MEW_SUBMIT_INIT") "")))
    (unless (string-empty-p file)
      (condition-case err
          (progn
            (when (bound-and-true-p package-enable-at-startup)
              (package-activate-all))
            (mew-submit-batch-doctor--load (expand-file-name file))
            nil)
        ((error quit)
         (list (mew-submit-doctor-finding--make
                "init file" 'warning "%s has an error when a batch Emacs loads it, and what \
is behind that is not known here: %s\nM-x mew-submit-doctor, in Emacs, looks at all of it."
                (abbreviate-file-name file) (mew-submit-error--text err))))))))

(defun mew-submit-batch-doctor--examine (options)
  "Examine, wait until that is over, print, and return the exit status.
OPTIONS are those of the command line."
  (let* ((init (mew-submit-batch-doctor--init))
         (visit (mew-submit-doctor--begin #'ignore (plist-get options :offline))))
    (while (mew-submit-doctor--busy-p visit)
      (if-let* ((session (car (mew-submit-doctor--visit-sessions visit))))
          (mew-submit-job--wait session)
        (accept-process-output nil 0.1)))
    (let ((findings (append init (mew-submit-doctor--visit-findings visit))))
      (mew-submit-batch-doctor--print findings options)
      (if (seq-some (lambda (finding) (eq (plist-get finding :status) 'error))
                    findings)
          78
        0))))

(defun mew-submit-batch-doctor--parse (args)
  "Return the options in ARGS as a plist."
  (let* ((options (mew-submit-batch-command--parse args mew-submit-batch-doctor--options
                                                   #'ignore))
         (argument (car (plist-get options :arguments))))
    (when (and argument (not (plist-get options :help)))
      (mew-submit-error--throw 'usage nil "There is no argument: %s" argument))
    options))

(defun mew-submit-batch-doctor--usage ()
  "Return the text for --help."
  (concat "usage: emacs --batch -l ~/.emacs -l mew-submit.el -f \
mew-submit-batch-doctor -- [options]\n"
          (mew-submit-batch-command--help mew-submit-batch-doctor--options)
          "Exit status: 0 no error, 64 usage, 78 an error was found.\n"))

(defun mew-submit-batch-doctor--run (args)
  "Do what ARGS say, and return the exit status."
  (mew-submit-batch-command--do args #'mew-submit-batch-doctor--parse
                                #'mew-submit-batch-doctor--usage
                                #'mew-submit-batch-doctor--examine))

;;;###autoload
(defun mew-submit-batch-doctor ()
  "Check the set-up that Emacs has loaded, print the findings, and leave Emacs.
Options are on the command line behind \"--\"; --help lists them.  The exit
status is 0 when there is no error."
  (mew-submit-batch-command--run #'mew-submit-batch-doctor--run))

(provide 'mew-submit-batch-doctor)
;;; mew-submit-batch-doctor.el ends here
