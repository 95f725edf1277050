;;; leaks.el --- Where secrets are left -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -L . -L lisp -L test -l faults/leaks -f mew-submit-faults-leaks-run [REGEXP]
;;
;; For each mechanism, where the server accepts the secret, refuses it, and repeats it, an Emacs of its
;; own sends a message (leaks-child.el).  It gets the secret in the request, as the answer to a
;; question, or as the batch command does from a file.  When its job has ended
;;
;; - nothing that it printed, logged or reported has any form of the secret in it,
;; - its memory has none: all that it can write to and is no file, as /proc shows it.
;;
;; The forms are the secret itself, its base64 as it would be inside something longer, and UTF-32,
;; which is what a library for SASLprep computes with.  FAULTS_JOBS says how many run at once (4).

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)
(require 'mew-submit-faults-secret "faults/secret")
(require 'mew-submit-test-helpers)

(defconst mew-submit-faults-leaks--mechanisms
  '("SCRAM-SHA-256-PLUS" "SCRAM-SHA-256" "SCRAM-SHA-1" "PLAIN" "LOGIN" "OAUTHBEARER" "XOAUTH2")
  "The mechanisms that are tried.")

(defconst mew-submit-faults-leaks--outcomes
  '((accepted) (refused) (repeated "auth-mode=echo-credentials"))
  "What the server does with the secret: (OUTCOME DIRECTIVE...).")

(defconst mew-submit-faults-leaks--doors '(request answer batch)
  "How the client gets the secret.
There is one more, `kept': from the request, and the client keeps a copy, which has to be found.")

(cl-defstruct (mew-submit-faults-leak (:constructor mew-submit-faults-leak--make) (:copier nil))
  "A client: its NAME, MECHANISM, OUTCOME and DOOR, the SECRET, the PROCESS and its OUTPUT, a file."
  name mechanism outcome door secret process output)

(defun mew-submit-faults-leaks--secret ()
  "Return a new secret of 20 letters and digits."
  (let ((letters "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"))
    (apply #'string (cl-loop repeat 20 collect (aref letters (random (length letters)))))))

(defun mew-submit-faults-leaks--all (right)
  "Return all clients; RIGHT is the secret that the server takes."
  (cons
   (mew-submit-faults-leak--make
    :name "PLAIN accepted, and kept" :mechanism "PLAIN" :outcome 'accepted :door 'kept :secret right)
   (cl-loop
    for mechanism in mew-submit-faults-leaks--mechanisms append
    (cl-loop
     for (outcome) in mew-submit-faults-leaks--outcomes append
     (cl-loop
      for door in mew-submit-faults-leaks--doors collect
      (mew-submit-faults-leak--make
       :name (format "%s %s, from the %s" mechanism outcome door)
       :mechanism mechanism :outcome outcome :door door
       :secret (if (eq outcome 'refused) (mew-submit-faults-leaks--secret) right)))))))

;;; The server

(defun mew-submit-faults-leaks--listener (mechanism outcome)
  "Return the name of the listener for MECHANISM and OUTCOME."
  (format "%s-%s" mechanism outcome))

(defun mew-submit-faults-leaks--script ()
  "Return a script for the test server."
  (mapconcat
   (lambda (mechanism)
     (mapconcat
      (pcase-lambda (`(,outcome . ,directives))
        (concat (format "127.0.0.1:0,name=%s,mechs=%s\n"
                        (mew-submit-faults-leaks--listener mechanism outcome) mechanism)
                (mapconcat (lambda (directive) (concat "  " directive "\n")) directives "")))
      mew-submit-faults-leaks--outcomes ""))
   mew-submit-faults-leaks--mechanisms ""))

;;; The clients

(defun mew-submit-faults-leaks--masked (secret)
  "Return SECRET as leaks-child.el wants it."
  (mapconcat (lambda (octet) (format "%02x" (logxor octet #x5A))) secret ""))

(defun mew-submit-faults-leaks--port (leak peer)
  "Return the port at PEER for LEAK."
  (mew-submit-test-port peer (mew-submit-faults-leaks--listener
                              (mew-submit-faults-leak-mechanism leak)
                              (mew-submit-faults-leak-outcome leak))))

(defun mew-submit-faults-leaks--file (directory leak suffix)
  "Return the name of the file in DIRECTORY that LEAK has with SUFFIX."
  (expand-file-name (concat (replace-regexp-in-string "[^A-Za-z0-9]+" "-"
                                                      (mew-submit-faults-leak-name leak))
                            suffix)
                    directory))

(defun mew-submit-faults-leaks--batch-words (leak peer directory)
  "Return the words of the shell for the batch command of LEAK at PEER.
Files are in DIRECTORY."
  (list "-l" "mew-submit.el" "-l" "faults/leaks-child"
        "--eval" "(add-hook 'kill-emacs-hook #'mew-submit-leaks-child-hold t)"
        "-f" "mew-submit-batch-send" "--" "--json" "--server" "127.0.0.1" "--family" "ipv4"
        "--routes" (format "%d:starttls" (mew-submit-faults-leaks--port leak peer))
        "--ca-file" (mew-submit-test-ca peer) "--user" "joe"
        "--password-file" (mew-submit-test-write
                           (mew-submit-faults-leaks--file directory leak ".password")
                           (concat (mew-submit-faults-leak-secret leak) "\n"))
        "--auth" (mew-submit-faults-leak-mechanism leak) "--from" "joe@example.org"
        "--step-timeout" "100" "ann@example.org"))

(defun mew-submit-faults-leaks--environment (leak peer directory)
  "Return the environment of the client for LEAK at PEER; files are in DIRECTORY."
  (append
   (list (concat "HOME=" directory) "LC_ALL=C"
         (concat "LEAKS_MASK="
                 (mew-submit-faults-leaks--masked (mew-submit-faults-leak-secret leak)))
         (concat "LEAKS_OUTPUT=" (mew-submit-faults-leak-output leak))
         (format "LEAKS_FORM=%S"
                 (list "127.0.0.1" (mew-submit-faults-leaks--port leak peer)
                       (mew-submit-test-ca peer) (mew-submit-faults-leak-mechanism leak)
                       (expand-file-name "message" directory)
                       (mew-submit-faults-leak-door leak))))
   process-environment))

(defun mew-submit-faults-leaks--start (leak peer directory)
  "Start the client for LEAK at PEER; files are in DIRECTORY."
  (setf (mew-submit-faults-leak-output leak) (mew-submit-faults-leaks--file directory leak ".events"))
  (let* ((batch (eq (mew-submit-faults-leak-door leak) 'batch))
         (message (expand-file-name "message" directory))
         (default-directory mew-submit-test-root)
         (process-environment (mew-submit-faults-leaks--environment leak peer directory))
         (words (append (list mew-submit-test-emacs "-Q" "--batch" "-module-assertions" "-L" "."
                              "-L" "lisp" "-L" "test")
                        (if batch
                            (mew-submit-faults-leaks--batch-words leak peer directory)
                          '("-l" "faults/leaks-child" "-f" "mew-submit-leaks-child-run")))))
    (setf (mew-submit-faults-leak-process leak)
          (make-process
           :name "leak" :noquery t :connection-type 'pipe
           :buffer (generate-new-buffer " *leak*") :sentinel #'ignore :coding 'no-conversion
           :command (list "sh" "-c" (concat "exec 2>&1; exec "
                                            (mapconcat #'shell-quote-argument words " ")))))
    (when batch
      (process-send-string (mew-submit-faults-leak-process leak)
                           (mew-submit-test-octets message))
      (process-send-eof (mew-submit-faults-leak-process leak)))))

(defun mew-submit-faults-leaks--printed (leak)
  "Return what the client of LEAK has printed so far."
  (with-current-buffer (process-buffer (mew-submit-faults-leak-process leak))
    (buffer-string)))

;;; Looking

(defun mew-submit-faults-leaks--regions (pid)
  "Return the regions of PID's memory that it can write to and that are no file's.
Each is (NAME BEGINNING END)."
  (with-temp-buffer
    (insert-file-contents (format "/proc/%d/maps" pid))
    (let (regions)
      (while (re-search-forward "^\\([0-9a-f]+\\)-\\([0-9a-f]+\\) rw.p [^ ]+ [^ ]+ 0 *\\(.*\\)$" nil t)
        (push (list (if (string-empty-p (match-string 3)) "anonymous" (match-string 3))
                    (string-to-number (match-string 1) 16) (string-to-number (match-string 2) 16))
              regions))
      (nreverse regions))))

(defun mew-submit-faults-leaks--memory-forms (secret)
  "Return (NAME . OCTETS) for each form in which SECRET could be in memory."
  (append
   (mapcar (lambda (form) (cons (format "%s" form) form))
           (mew-submit-faults-secret-forms secret))
   (list (cons "UTF-32" (mapconcat (lambda (octet) (string octet 0 0 0)) secret ""))
         (cons "UTF-16" (mapconcat (lambda (octet) (string octet 0)) secret "")))))

(defun mew-submit-faults-leaks--around (from to)
  "Return what is near FROM to TO in the buffer, with dots for what is not printable."
  (replace-regexp-in-string "[^ -~]" "."
                            (concat (buffer-substring (max (point-min) (- from 48)) from) "<<>>"
                                    (buffer-substring to (min (point-max) (+ to 48))))
                            t t))

(defun mew-submit-faults-leaks--find (region forms)
  "Return where FORMS are in the buffer, which has REGION, as a list of strings."
  (seq-mapcat
   (pcase-lambda (`(,name . ,octets))
     (goto-char (point-min))
     (let ((case-fold-search nil)
           found)
       (while (search-forward octets nil t)
         (push (format "%s in %s+%x: %s" name (car region) (- (match-beginning 0) (point-min))
                       (mew-submit-faults-leaks--around (match-beginning 0) (match-end 0)))
               found))
       found))
   forms))

(defun mew-submit-faults-leaks--scan (pid secret)
  "Return where SECRET is in the memory of the process PID, as a list of strings."
  (let ((forms (mew-submit-faults-leaks--memory-forms secret)))
    (with-temp-buffer
      (set-buffer-multibyte nil)
      (setq buffer-undo-list t)
      (seq-mapcat
       (lambda (region)
         (erase-buffer)
         ;; Some of what the kernel puts there, such as [vvar], cannot be read.
         (ignore-errors
           (insert-file-contents-literally (format "/proc/%d/mem" pid) nil
                                           (nth 1 region) (nth 2 region)))
         (mew-submit-faults-leaks--find region forms))
       (mew-submit-faults-leaks--regions pid)))))

;;; Judging

(defvar mew-submit-faults-leaks--failed 0
  "How many lines say \"not ok\".")

(defun mew-submit-faults-leaks--report (name wrong)
  "Print the line of the test NAME, which failed when WRONG, a string, says why."
  (when wrong
    (cl-incf mew-submit-faults-leaks--failed))
  (princ (if wrong
             (format "not ok - %s: %s\n" name (replace-regexp-in-string "[[:cntrl:]]+" " " wrong))
           (format "ok - %s\n" name))))

(defun mew-submit-faults-leaks--shown (leak)
  "Return all that the client of LEAK has shown."
  (concat (mew-submit-faults-leaks--printed leak)
          (if (file-exists-p (mew-submit-faults-leak-output leak))
              (mew-submit-test-octets (mew-submit-faults-leak-output leak))
            "")))

(defun mew-submit-faults-leaks--shown-wrong (leak)
  "Return what is wrong with what the client of LEAK has shown, or nil."
  (let* ((shown (mew-submit-faults-leaks--shown leak))
         (kind (if (eq (mew-submit-faults-leak-outcome leak) 'accepted) "ok" "auth"))
         (form (mew-submit-faults-secret-in
                shown (mew-submit-faults-secret-forms (mew-submit-faults-leak-secret leak)))))
    (cond (form (format "the secret is shown as %s" form))
          ((not (string-match-p (format "\\(?::kind\\|\"kind\":\\) ?\"%s\"" kind) shown))
           (format "it did not end as %s: %s" kind (truncate-string-to-width shown 300))))))

(defun mew-submit-faults-leaks--memory-wrong (leak)
  "Return where the secret of LEAK is left in the memory of its client, or nil."
  (let ((found (mew-submit-faults-leaks--scan
                (process-id (mew-submit-faults-leak-process leak))
                (mew-submit-faults-leak-secret leak))))
    (if (eq (mew-submit-faults-leak-door leak) 'kept)
        (unless found "the copy that the client keeps was not found")
      (and found (format "%d copies: %s" (length found) (string-join found " | "))))))

(defun mew-submit-faults-leaks--readable-p ()
  "May this process read the memory of its children?"
  (let ((process (start-process "probe" nil "sleep" "60")))
    (unwind-protect
        (with-temp-buffer
          (set-buffer-multibyte nil)
          (let ((region (assoc "[stack]" (mew-submit-faults-leaks--regions (process-id process)))))
            (and region
                 (ignore-errors
                   (insert-file-contents-literally
                    (format "/proc/%d/mem" (process-id process)) nil
                    (nth 1 region) (+ 4096 (nth 1 region))))
                 (= (buffer-size) 4096))))
      (delete-process process))))

(defun mew-submit-faults-leaks--judge (leak readable)
  "Judge LEAK, whose client waits; READABLE says whether its memory can be read."
  (let ((name (mew-submit-faults-leak-name leak))
        (process (mew-submit-faults-leak-process leak)))
    (if (not (string-match-p "HELD" (mew-submit-faults-leaks--printed leak)))
        (mew-submit-faults-leaks--report
         (concat name ": ends") (mew-submit-faults-leaks--printed leak))
      (mew-submit-faults-leaks--report (concat "E16 " name ": nothing is shown")
                                       (mew-submit-faults-leaks--shown-wrong leak))
      (setq name (format "O3 %s: %s in memory" name
                         (if (eq (mew-submit-faults-leak-door leak) 'kept) "it is found"
                           "nothing is left")))
      (if readable
          (mew-submit-faults-leaks--report name (mew-submit-faults-leaks--memory-wrong leak))
        (princ (format "ok - %s # SKIP /proc/PID/mem cannot be read\n" name))))
    (delete-process process)
    (kill-buffer (process-buffer process))))

(defun mew-submit-faults-leaks--run-all (leaks peer directory)
  "Run and judge LEAKS at PEER; files are in DIRECTORY."
  (let ((jobs (string-to-number (or (getenv "FAULTS_JOBS") "4")))
        (readable (mew-submit-faults-leaks--readable-p))
        (deadline (mew-submit-test-deadline))
        running)
    (while (or leaks running)
      (while (and leaks (< (length running) jobs))
        (push (car leaks) running)
        (mew-submit-faults-leaks--start (pop leaks) peer directory))
      (accept-process-output nil 0.05)
      (dolist (leak running)
        (when (or (string-match-p "HELD" (mew-submit-faults-leaks--printed leak))
                  (not (process-live-p (mew-submit-faults-leak-process leak)))
                  (time-less-p deadline nil))
          (setq running (delq leak running)
                deadline (mew-submit-test-deadline))
          (mew-submit-faults-leaks--judge leak readable))))))

(defun mew-submit-faults-leaks-run ()
  "Run the clients whose names the regexp on the command line matches, and leave Emacs."
  (let* ((regexp (or (pop command-line-args-left) ""))
         (right (mew-submit-faults-leaks--secret))
         (leaks (seq-filter (lambda (leak)
                              (string-match-p regexp (mew-submit-faults-leak-name leak)))
                            (mew-submit-faults-leaks--all right))))
    (princ (format "1..%d\n" (* 2 (length leaks))))
    (mew-submit-test-with-directory directory
      (mew-submit-test-write (expand-file-name "message" directory)
                             "From: joe@example.org\nTo: ann@example.org\n\nHello\n")
      (let ((peer (mew-submit-test-peer-start
                   directory
                   (list "--user" "joe" "--password" right "--script"
                         (mew-submit-test-write (expand-file-name "script" directory)
                                                (mew-submit-faults-leaks--script))))))
        (unwind-protect
            (mew-submit-faults-leaks--run-all leaks peer directory)
          (mew-submit-test-peer-stop peer))))
    (kill-emacs (if (zerop mew-submit-faults-leaks--failed) 0 1))))

(provide 'mew-submit-faults-leaks)
;;; leaks.el ends here
