;;; compare.el --- Who delivers where -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Each client sends the message of each case to a fresh server, as a program that is called from a script: batch,
;; STARTTLS with a certificate that is checked, user and password.  It is called again, as often as the case has it, where it
;; ends with 75: later.  What counts is what the server has.

;;; Code:

(require 'mew-submit-cases-suite "cases/suite")

(defconst mew-submit-compare--clients '("mew-submit" "smtpmail" "msmtp" "curl")
  "Who is compared.")

(defconst mew-submit-compare--seconds 25
  "How long one may take.")

(defun mew-submit-compare--case-p (case)
  "Can any client be told to send the message of CASE?"
  (let ((send (mew-submit-case-send case)))
    (and (plist-get send (if (plist-get send :program) :program :user))
         (member (plist-get send :program) '(nil "send"))
         (not (plist-get send :in_one_emacs)))))

(defun mew-submit-compare--recipients (case)
  "Return the recipients of CASE."
  (if (mew-submit-cases--program-p case)
      (or (plist-get (mew-submit-case-expect case) :recipients) '("a@case.test"))
    (mew-submit-cases--recipients case)))

(defun mew-submit-compare--octets (case)
  "Return the message of CASE."
  (if (mew-submit-cases--program-p case)
      (mew-submit-cases--input case)
    (encode-coding-string (mew-submit-cases--text case) 'utf-8-unix)))

(defun mew-submit-compare--smtpmail (port implicit ca file recipients)
  "Return the arguments for an Emacs that sends FILE to RECIPIENTS by smtpmail, to PORT, with CA.
IMPLICIT: with TLS at once."
  (list mew-submit-test-emacs "-Q" "--batch" "--eval"
        (format "%S"
                `(progn
                   (require 'smtpmail)
                   (require 'gnutls)
                   (setq smtpmail-smtp-server "localhost" smtpmail-smtp-service ,port
                         smtpmail-stream-type ',(if implicit 'ssl 'starttls) smtpmail-smtp-user "me"
                         smtpmail-servers-requiring-authorization "localhost"
                         user-mail-address "me@case.test" gnutls-trustfiles '(,ca)
                         gnutls-verify-error t network-security-level 'low
                         nsm-settings-file (concat (file-name-directory ,file) "nsm")
                         auth-sources (list (concat (file-name-directory ,file) "authinfo")))
                   (with-temp-buffer
                     (set-buffer-multibyte nil)
                     (insert-file-contents-literally ,file)
                     (let ((error (smtpmail-via-smtp ',recipients (current-buffer))))
                       (kill-emacs (if error (progn (message "%s" error) 1) 0))))))))

(defun mew-submit-compare--command (client case port file)
  "Return the command by which CLIENT sends FILE, the message of CASE, to PORT."
  (let ((ca (expand-file-name "ca.pem" (mew-submit-test--certs)))
        (recipients (mew-submit-compare--recipients case))
        (implicit (plist-get (mew-submit-case-server case) :implicit))
        (password (mew-submit-cases--file case "password" (concat mew-submit-cases--password "\n"))))
    (mew-submit-cases--file case "authinfo"
                            (format "machine localhost login me password %s port %d\n"
                                    mew-submit-cases--password port))
    (pcase client
      ("mew-submit"
       (append (list mew-submit-test-emacs "-Q" "--batch" "-l"
                     (expand-file-name "mew-submit.el" mew-submit-test-root)
                     "-f" "mew-submit-batch-send" "--" "--server" "localhost" "--family" "ipv4"
                     "--routes" (mew-submit-cases--routes case port) "--ca-file" ca "--user" "me"
                     "--password-file" password "--from" "me@case.test"
                     "--memory" (mew-submit-cases--file case "memory"))
               (when-let* ((keywords (plist-get (mew-submit-case-send case) :without)))
                 (list "--without" (string-join keywords ",")))
               (when-let* ((seconds (plist-get (mew-submit-case-send case) :step_timeout)))
                 (list "--step-timeout" (number-to-string seconds)))
               recipients))
      ("smtpmail" (mew-submit-compare--smtpmail port implicit ca file recipients))
      ("msmtp" (append (list "msmtp" "--host=localhost" (format "--port=%d" port) "--auth=on" "--user=me"
                             (concat "--passwordeval=cat " password) "--tls=on"
                             (if implicit "--tls-starttls=off" "--tls-starttls=on")
                             (concat "--tls-trust-file=" ca) "--from=me@case.test" "--")
                       recipients))
      ("curl" (append (list "curl" "-sS" "-4" "--ssl-reqd" "--cacert" ca "--crlf" "--user"
                            (concat "me:" mew-submit-cases--password) "--mail-from" "me@case.test"
                            "--upload-file" file (format "smtp%s://localhost:%d" (if implicit "s" "") port))
                      (mapcan (lambda (recipient) (list "--mail-rcpt" recipient)) recipients))))))

(defun mew-submit-compare--run (client case port)
  "Have CLIENT send the message of CASE to PORT."
  (let* ((coding-system-for-write 'no-conversion)
         (file (mew-submit-cases--file case "message"))
         (process-environment (cons (concat "HOME=" (mew-submit-case-directory case)) process-environment)))
    (with-temp-file file
      (set-buffer-multibyte nil)
      (insert (mew-submit-compare--octets case)))
    (let ((process (make-process
                    :name "client" :connection-type 'pipe :noquery t
                    :filter (lambda (_process text)
                              (when (getenv "COMPARE_TELL")
                                (princ (format "%s %s: %s\n" client (mew-submit-case-name case) text))))
                    :command (append (list "timeout" (number-to-string mew-submit-compare--seconds))
                                     (mew-submit-compare--command client case port file))
                    :sentinel (lambda (process _change)
                                (unless (process-live-p process)
                                  ;; Until now it is running, whatever `process-live-p' says.
                                  (setf (mew-submit-case-process case) nil)
                                  (push (list :exit (process-exit-status process))
                                        (mew-submit-case-dones case)))))))
      (setf (mew-submit-case-process case) process)
      ;; The others read the file.
      (ignore-errors
        (when (member client '("mew-submit" "msmtp"))
          (process-send-string process (mew-submit-compare--octets case)))
        (process-send-eof process)))))

(defun mew-submit-compare--ended-p (case)
  "Is nobody to be called again for CASE?"
  (and (mew-submit-case-dones case)
       (or (/= 75 (plist-get (car (mew-submit-case-dones case)) :exit))
           (mew-submit-cases--ended-p case))))

(defun mew-submit-compare--outcome (case directory)
  "Return what came of CASE, whose server has noted it in DIRECTORY."
  (let* ((messages (seq-filter (lambda (event) (equal (plist-get event :event) "message"))
                               (gethash (mew-submit-case-name case)
                                        (mew-submit-cases--logs directory))))
         (got (seq-mapcat (lambda (event) (plist-get event :recipients)) messages))
         (wanted (mew-submit-compare--recipients case))
         (status (plist-get (car (mew-submit-case-dones case)) :exit)))
    (cond ((/= (length got) (length (delete-dups (copy-sequence got)))) "twice")
          ((and (null got) (eql status 0)) "lost")
          ((null got) "none")
          ((seq-difference wanted got) "some")
          ((seq-some (lambda (event)
                       (mew-submit-cases--wire-wrong
                        (encode-coding-string (plist-get event :octets) 'latin-1)))
                     messages)
           "raw")
          ((not (eql status 0)) "doubt")
          (t "all"))))

(defun mew-submit-compare--play (client cases)
  "Have CLIENT send the messages of CASES; return the outcomes, (NAME . OUTCOME)."
  (mew-submit-test-with-directory directory
    (pcase-let ((`(,process . ,ports) (mew-submit-cases--serve directory cases)))
      (cl-loop for case in cases
               for number from 1
               do (setf (mew-submit-case-directory case)
                        (file-name-as-directory (expand-file-name (format "%d" number) directory))
                        (mew-submit-case-process case) nil
                        (mew-submit-case-dones case) nil)
               do (make-directory (mew-submit-case-directory case)))
      (while (seq-remove #'mew-submit-compare--ended-p cases)
        (let ((running (seq-count #'mew-submit-case-process cases)))
          (dolist (case cases)
            (unless (or (>= running 10)
                        (mew-submit-case-process case)
                        (mew-submit-compare--ended-p case))
              (setq running (1+ running))
              (mew-submit-compare--run client case (mew-submit-cases--port case ports)))))
        (accept-process-output nil 0.05))
      (prog1 (mapcar (lambda (case)
                       (cons (mew-submit-case-name case)
                             (mew-submit-compare--outcome case directory)))
                     cases)
        (delete-process process)))))

(defun mew-submit-compare--counts (outcomes)
  "Return OUTCOMES in words, such as \"3 all, 1 none\"."
  (mapconcat (lambda (outcome)
               (format "%d %s" (seq-count (lambda (other) (equal other outcome)) outcomes) outcome))
             (seq-filter (lambda (outcome) (member outcome outcomes))
                         '("all" "raw" "doubt" "some" "none" "lost" "twice"))
             ", "))

(defun mew-submit-compare-run ()
  "Compare the clients on the cases whose names match the regexp on the command line; leave Emacs."
  (let* ((cases (seq-filter #'mew-submit-compare--case-p
                            (mew-submit-cases--all (or (pop command-line-args-left) ""))))
         (results (mapcar (lambda (client)
                            (message "%s ..." client)
                            (cons client (mew-submit-compare--play client cases)))
                          mew-submit-compare--clients))
         (kinds (delete-dups (mapcar (lambda (case) (car (split-string (mew-submit-case-name case) "/")))
                                     cases))))
    (princ (format "| kind | %s |\n|-\n" (string-join mew-submit-compare--clients " | ")))
    (dolist (kind kinds)
      (princ (format "| %s | %s |\n" kind
                     (mapconcat (lambda (result)
                                  (mew-submit-compare--counts
                                   (cl-loop for (name . outcome) in (cdr result)
                                            when (string-prefix-p (concat kind "/") name)
                                            collect outcome)))
                                results " | "))))
    (princ "\nAnother one delivers to all, and mew-submit does not:\n")
    (pcase-dolist (`(,name . ,ours) (cdr (car results)))
      (let ((others (seq-filter (lambda (result) (member (cdr (assoc name (cdr result))) '("all" "raw")))
                                (cdr results))))
        (when (and others (not (equal ours "all")))
          (princ (format "- %s: %s; %s\n" name ours
                         (mapconcat (lambda (result)
                                      (format "%s %s" (car result) (cdr (assoc name (cdr result)))))
                                    others ", "))))))
    (kill-emacs 0)))

;;; compare.el ends here
