;;; stress.el --- Thousands of jobs of each fate, all at once -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -L . -L lisp -L test -l test/tool/stress.el -f mew-submit-stress-run
;;
;; Jobs that keep their connection, are cancelled, race, are refused or break are started in no
;; order, a dozen at once, until COUNT of each (environment variable STRESS, 2000) have ended or
;; STRESS_SECONDS (600) have passed.  Each has to end exactly once, and in the end no thread may
;; be left.  What else goes wrong is for a sanitizer to see: `make stress' runs this with two.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-module)
(require 'mew-submit-job)
(require 'mew-submit-test-helpers)

(declare-function mew-submit--mod-jobs "ext:mew-submit-native" ())

(defconst mew-submit-stress--at-once 12
  "How many jobs run at once.")

(defconst mew-submit-stress--listeners
  '((kept "tickets,chunking" "tickets,cap2-=CHUNKING")
    (cancelled "tickets,chunking" "tickets" "dot=delay:50" "mail=delay:20")
    (raced "tickets,chunking" "silent" "accept-close")
    (refused "rcpt=reply:550 5.1.1 No" "chunking,mail=reply:550 5.7.1 No"
             "dot=reply:451 4.3.0 Later" "auth=reply:535 5.7.8 No")
    (broken "chunking,dot=close" "rcpt=reset" "chunking,rcpt#1=reply:354 Hm"
            "mail=after:250 Hm\\r\\n" "chunking,block=close" "dot=truncate:3"))
  "The fates of jobs: (FATE DIRECTIVES...), the servers each is sent to.")

(defun mew-submit-stress--port (peer fate n)
  "Return the port of PEER's server number N for FATE."
  (mew-submit-test-port peer (format "%s%d" fate n)))

(defun mew-submit-stress--request (peer files fate)
  "Return a request at random for FATE, to PEER, with one of FILES."
  (let* ((servers (length (cdr (assq fate mew-submit-stress--listeners))))
         (server (random servers))
         (ports (if (eq fate 'raced)
                    ;; What does not answer comes first.
                    (list (mew-submit-stress--port peer fate (1+ (random (1- servers))))
                          (mew-submit-stress--port peer fate 0))
                  (list (mew-submit-stress--port peer fate server)))))
    (list :host "127.0.0.1" :helo "localhost" :race t :attempt-delay 20
          :connect-timeout 10000 :step-timeout 10000 :tls 'required
          :ca-file (mew-submit-test-ca peer)
          :user "me" :password (copy-sequence "secret")
          :from "me@example.org"
          :recipients (if (zerop (random 2)) (list "a@example.net")
                        (list "a@example.net" "b@example.net"))
          :routes (mapcar (lambda (port) (list port 'ipv4 'starttls)) ports)
          :file (nth (random (length files)) files)
          :trace (zerop (random 3))
          :share (format "%s%S" fate ports)
          :keep (if (memq fate '(kept broken)) (random 300) 0))))

(defun mew-submit-stress--files (directory)
  "Return messages in DIRECTORY: good ones, and such as end a job early."
  (let ((write (lambda (name text)
                 (mew-submit-test-write (expand-file-name name directory) text))))
    (list (funcall write "short" "Subject: x\n\nx\n")
          (funcall write "long" (concat "Subject: x\n\n"
                                        (mapconcat #'identity
                                                   (make-list 2000 (make-string 70 ?x))
                                                   "\n")))
          (funcall write "nul" "Subject: x\n\n\0\n")
          (expand-file-name "missing" directory))))

(defvar mew-submit-stress--ends nil
  "How often each session has ended, a hash table.")

(defun mew-submit-stress--start (peer files fate note)
  "Start a job of FATE with one of FILES to PEER; NOTE is called at its end."
  (let (session)
    (setq session (mew-submit-job--start
                   (mew-submit-stress--request peer files fate)
                   :on-done (lambda (done)
                              (cl-incf (gethash session mew-submit-stress--ends 0))
                              (funcall note fate done))))
    (puthash session 0 mew-submit-stress--ends)
    (when (eq fate 'cancelled)
      (run-at-time (/ (random 60) 1000.0) nil #'mew-submit-job--cancel session))))

(defun mew-submit-stress--loop (peer files count seconds)
  "Run COUNT jobs of each fate at PEER with FILES, for SECONDS at most.
Return an alist of what ended: ((FATE . RESULT) . NUMBER)."
  (let* ((deadline (time-add nil seconds))
         (fates (mapcar #'car mew-submit-stress--listeners))
         (left (mapcar (lambda (fate) (cons fate count)) fates))
         (running 0) tally
         (note (lambda (fate done)
                 (cl-decf running)
                 (cl-incf (alist-get (cons fate (plist-get done :result))
                                     tally 0 nil #'equal)))))
    (while (and left (time-less-p nil deadline))
      (if (>= running mew-submit-stress--at-once)
          (accept-process-output nil 0.02)
        (let ((next (nth (random (length left)) left)))
          (cl-incf running)
          (mew-submit-stress--start peer files (car next) note)
          (when (zerop (cl-decf (cdr next)))
            (setq left (delq next left))))))
    (mew-submit-test-until ("all jobs to end" 120)
      (zerop running))
    tally))

(defun mew-submit-stress-run ()
  "Run the jobs, print what became of them, and leave Emacs; 0 when all is well."
  (let ((count (string-to-number (or (getenv "STRESS") "2000")))
        (seconds (string-to-number (or (getenv "STRESS_SECONDS") "600")))
        (mew-submit-stress--ends (make-hash-table :test #'eq)))
    (mew-submit-module--ensure)
    (mew-submit-test-with-directory directory
      (let ((peer (mew-submit-test-peer-start
                   directory
                   (append '("--user" "me" "--password" "secret")
                           (cl-loop for (fate . servers) in mew-submit-stress--listeners
                                    nconc (cl-loop for directives in servers
                                                   for n from 0
                                                   collect (format "127.0.0.1:0,name=%s%d,%s"
                                                                   fate n directives)))))))
        (unwind-protect
            (let ((tally (mew-submit-stress--loop
                          peer (mew-submit-stress--files directory) count seconds))
                  (wrong 0))
              (pcase-dolist (`((,fate . ,result) . ,number)
                             (sort tally (lambda (a b) (string< (format "%S" a)
                                                                (format "%S" b)))))
                (princ (format "%-10s %-10s %6d\n" fate result number)))
              (maphash (lambda (_session ends)
                         (unless (= ends 1)
                           (cl-incf wrong)))
                       mew-submit-stress--ends)
              (mew-submit-test-until ("all threads to end" 120)
                (zerop (mew-submit--mod-jobs)))
              (princ (format "%d jobs; %d did not end exactly once\n"
                             (hash-table-count mew-submit-stress--ends) wrong))
              (kill-emacs (if (zerop wrong) 0 1)))
          (mew-submit-test-peer-stop peer))))))

(provide 'mew-submit-stress)
;;; stress.el ends here
