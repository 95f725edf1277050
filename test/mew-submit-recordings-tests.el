;;; mew-submit-recordings-tests.el --- JSON is what it was -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What the batch commands print with --json on scripted servers is kept, octet by octet, in
;; test/recordings/NAME: all standard output, then a line with the exit status.  Times and
;; whatever else differs from run to run have names there instead.  Programs read these
;; lines; a recording that changes is a change that users see.
;;
;; MEW_SUBMIT_RECORD=1 writes the recordings anew instead of comparing:
;;
;;   MEW_SUBMIT_RECORD=1 test/tool/check lisp/recordings
;;
;; Then `git diff test/recordings' is what users will see.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-test-helpers)

(defconst mew-submit-recordings-tests--table
  '(("send-good" send ("noauth"))
    ("send-login" send (""))
    ("send-login-refused" send ("auth-end=reply:535 5.7.8 Bad credentials"))
    ("send-second-route" send ("refused" "noauth"))
    ("send-no-route" send ("refused" "refused"))
    ("send-no-greeting" send ("greeting=reply:554 5.7.1 Your address is listed"))
    ("send-no-starttls" send ("noauth,cap-=STARTTLS"))
    ("send-bad-certificate" send ("noauth,cert=unknown-ca"))
    ("send-implicit" send ("implicit,noauth"))
    ("send-partly-refused" send ("noauth,rcpt#2=reply:550 5.1.1 No such user")
     "other@example.org")
    ("send-refused" send ("noauth,rcpt=reply:550 5.1.1 No such user"))
    ("send-deferred" send ("noauth,mail=reply:451 4.3.0 Try again later"))
    ("send-cut-off" send ("noauth,dot=close"))
    ("send-bad-option" send ("noauth") "--no-such-option")
    ("diagnose-good" diagnose (""))
    ("diagnose-two-ports" diagnose ("refused" ""))
    ("diagnose-implicit" diagnose ("implicit"))
    ("diagnose-no-starttls" diagnose ("cap-=STARTTLS"))
    ("diagnose-bad-certificate" diagnose ("cert=unknown-ca"))
    ("diagnose-no-greeting" diagnose ("greeting=reply:554 5.7.1 Your address is listed"))
    ("diagnose-login" diagnose ("") "--login" "--user" "me" "--password-file" "PASSWORD")
    ("diagnose-login-refused" diagnose ("auth-end=reply:535 5.7.8 Bad credentials")
     "--login" "--user" "me" "--password-file" "PASSWORD")
    ("diagnose-mail-without-login" diagnose ("noauth"))
    ("survey-all-kinds" survey ("" "refused" "cap-=STARTTLS" "cert=unknown-ca"
                                "greeting=reply:554 5.7.1 Your address is listed")
     "--everywhere")
    ("outbox-deferred" outbox ("noauth,mail=reply:451 4.3.0 Try again later"))
    ("outbox-flushed" outbox ("noauth,1:mail=reply:451 4.3.0 Try again later") "--flush")
    ("outbox-flushed-in-vain" outbox
     ("noauth,1:mail=reply:451 4.3.0 Try again later,2:rcpt=reply:550 5.1.1 No such user")
     "--flush"))
  "What is recorded: (NAME COMMAND (DIRECTIVES...) ARGUMENT...).
Each of DIRECTIVES is a listener of test/peer: ports 2001, 2002 and so on of one
address, which are tried in that order; for a survey port 2001 of an address each.
PASSWORD among the ARGUMENTs is a file.")

(defconst mew-submit-recordings-tests--message
  "From: Me <me@example.org>\nTo: you@example.org\nSubject: Grüße\n\
Message-ID: <1@example.org>\nDate: Thu, 01 Jan 2026 00:00:00 +0000\n\nbody\n"
  "The message that is sent.")

;;; What differs from run to run

(defconst mew-submit-recordings-tests--names
  '(("\"\\(ms\\|greeting_ms\\|limit\\|grace\\)\":[0-9.e-]+" . "\"\\1\":MS")
    ("\"\\(starts\\|expires\\|created\\|next\\)\":\"[^\"]*\"" . "\"\\1\":TIME")
    ("\"\\(cipher\\|fingerprint\\)\":\"[^\"]*\"" . "\"\\1\":TEXT")
    ;; How many there are depends on how fast the server reads.
    ("{\"event\":\"progress\"[^}]*}\n" . "")
    ("\\b[0-9]\\{8\\}T[0-9]\\{6\\}-[0-9a-f]\\{6\\}\\b" . "ID"))
  "What is not compared: (REGEXP . REPLACEMENT).")

(defun mew-submit-recordings-tests--normal (text directory)
  "Return TEXT, octets printed in a test in DIRECTORY, with names for what differs.
The addresses of this Emacs become 127.0.0.1 and so on."
  (setq text (string-replace directory "DIRECTORY/" text)
        text (string-replace (string-remove-suffix "1" (mew-submit-test-address 1))
                             "127.0.0." text))
  (dolist (pair mew-submit-recordings-tests--names text)
    (setq text (replace-regexp-in-string (car pair) (cdr pair) text t))))

;;; Running the commands

(defun mew-submit-recordings-tests--batch (peer command &rest arguments)
  "Run the batch COMMAND with --json and ARGUMENTS, for PEER.
All have the same standard input; who sends reads it."
  (mew-submit-test-emacs
   (append (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                 "-f" (format "mew-submit-batch-%s" command) "--" "--json")
           arguments)
   :input mew-submit-recordings-tests--message
   :home (mew-submit-test-peer-directory peer)))

(defun mew-submit-recordings-tests--ports (command listeners)
  "Return the ports of LISTENERS, with their modes, as COMMAND takes them."
  (mapconcat #'identity
             (cl-loop for directives in (if (eq command 'survey) (list (car listeners))
                                          listeners)
                      for port from 2001
                      collect (format "%d:%s" port
                                      (if (string-prefix-p "implicit" directives)
                                          "implicit" "starttls")))
             ","))

(defun mew-submit-recordings-tests--send (peer ports &rest arguments)
  "Send the message to PORTS of PEER, with ARGUMENTS."
  (apply #'mew-submit-recordings-tests--batch peer 'send
         "--server" (mew-submit-test-address 1) "--ca-file" (mew-submit-test-ca peer)
         "--routes" ports
         "--user" "me" "--password-file" (mew-submit-test--peer-file peer "password")
         "you@example.org" arguments))

(defun mew-submit-recordings-tests--run (peer command listeners arguments)
  "Run COMMAND of the table at PEER, with LISTENERS; return what came of it.
ARGUMENTS are those of the table."
  (let* ((file (lambda (name) (mew-submit-test--peer-file peer name)))
         (ports (mew-submit-recordings-tests--ports command listeners))
         (common (list "--ca-file" (mew-submit-test-ca peer) "--ports" ports))
         (outbox (list "--outbox" (funcall file "outbox")))
         (run (apply-partially #'mew-submit-recordings-tests--batch peer command)))
    (mew-submit-test-write (funcall file "password") "s3cret\n")
    (setq arguments (cl-substitute (funcall file "password") "PASSWORD" arguments
                                   :test #'equal))
    (pcase command
      ('send (apply #'mew-submit-recordings-tests--send peer ports arguments))
      ('diagnose (apply run (append common (list (mew-submit-test-address 1)) arguments)))
      ('survey
       (mew-submit-test-write
        (funcall file "list")
        (cl-loop for number from 1 to (length listeners)
                 concat (concat (mew-submit-test-address number) "\n")))
       (apply run (append common (list "--jobs" "1" (funcall file "list")) arguments)))
      ('outbox (apply #'mew-submit-recordings-tests--send peer ports outbox)
               (apply run (append outbox arguments))))))

(defun mew-submit-recordings-tests--judge (name text said)
  "Compare TEXT with the recording NAME; SAID, on standard error, is for people.
With MEW_SUBMIT_RECORD in the environment write the recording instead."
  (let ((file (expand-file-name (concat "test/recordings/" name) mew-submit-test-root)))
    (if (getenv "MEW_SUBMIT_RECORD")
        (mew-submit-test-write file text)
      (let ((recorded (mew-submit-test-octets file)))
        (unless (equal text recorded)
          (let ((differs (seq-find (lambda (pair) (not (equal (car pair) (cdr pair))))
                                   (seq-mapn #'cons (split-string text "\n")
                                             (split-string recorded "\n")))))
            (ert-fail (format "It printed:\n%s\nand what is recorded is:\n%s\n%s"
                              (car differs) (cdr differs) said))))))))

(defun mew-submit-recordings-tests--server (command listeners)
  "Return the arguments of a test server with LISTENERS for COMMAND."
  (append
   (list "--user" "me" "--password" "s3cret" "--names"
         (mapconcat #'identity
                    (cons "smtp.example.org"
                          (mapcar #'mew-submit-test-address (number-sequence 1 5)))
                    ","))
   (cl-loop for directives in listeners
            for number from 1
            collect (string-remove-suffix
                     "," (if (eq command 'survey)
                             (format "%s:2001,%s" (mew-submit-test-address number)
                                     directives)
                           (format "%s:%d,%s" (mew-submit-test-address 1)
                                   (+ 2000 number) directives))))))

(defun mew-submit-recordings-tests--row (name command listeners arguments)
  "Judge one row of the table: NAME, COMMAND, LISTENERS and ARGUMENTS."
  (mew-submit-test-with-peer
      (peer (mew-submit-recordings-tests--server command listeners))
    (let ((result (mew-submit-recordings-tests--run peer command listeners arguments)))
      (mew-submit-recordings-tests--judge
       name
       (mew-submit-recordings-tests--normal
        (encode-coding-string (format "%sexit %d\n" (plist-get result :stdout)
                                      (plist-get result :status))
                              'utf-8)
        (mew-submit-test-peer-directory peer))
       (plist-get result :stderr)))))

(pcase-dolist (`(,name ,command ,listeners . ,arguments)
               mew-submit-recordings-tests--table)
  (let ((test (intern (concat "mew-submit-recordings-tests-" name))))
    (ert-set-test
     test
     (make-ert-test
      :name test :tags '(:module)
      :documentation (format "What mew-submit-batch-%s prints is what is recorded." command)
      :body (lambda ()
              (mew-submit-recordings-tests--row name command listeners arguments))))))

(ert-deftest mew-submit-recordings-tests-all-are-judged ()
  "Each recording belongs to a row of the table."
  (should (equal (sort (mapcar #'car mew-submit-recordings-tests--table) #'string<)
                 (directory-files (expand-file-name "test/recordings" mew-submit-test-root)
                                  nil "\\`[^.]"))))

(provide 'mew-submit-recordings-tests)
;;; mew-submit-recordings-tests.el ends here
