;;; suite.el --- Servers as they really are, and what comes of each -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -module-assertions -L . -L lisp -L test -l cases/suite \
;;       -f mew-submit-cases-run [REGEXP]
;;
;; All cases run side by side in one Emacs, against one process with a server for each.
;; README.org says what is in the tables.  Of doc/SECURITY.md they are about rows
;; SECURITY: E15, E31, H11, H20, H21.

;;; Code:

(require 'cl-lib)
(require 'json)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-test-helpers)
(require 'seq)
(require 'subr-x)

(defconst mew-submit-cases--directory
  (expand-file-name "test/cases" mew-submit-test-root)
  "Where the tables are.")

(defconst mew-submit-cases--password "Wachtwoord-4711-geheim"
  "The password that all servers know.")

(cl-defstruct (mew-submit-case (:constructor mew-submit-case--make) (:copier nil))
  "A case: its NAME, KIND/NAME, what the table has of it, and the `done' events, oldest first."
  name server send expect directory dones error)

(defun mew-submit-cases--get (plist &rest keys)
  "Return what PLIST, parsed JSON, has under the first of KEYS, in that under the next, and so on."
  (seq-reduce (lambda (value key) (plist-get value key)) keys plist))

(defun mew-submit-cases--read (file)
  "Return what the JSON in FILE says; null and false are nil."
  (json-parse-string (decode-coding-string (mew-submit-test-octets file) 'utf-8)
                     :object-type 'plist :array-type 'list :null-object nil :false-object nil))

(defun mew-submit-cases--all (regexp)
  "Return the cases whose names match REGEXP."
  (cl-loop
   for file in (directory-files mew-submit-cases--directory t "\\.json\\'")
   append (cl-loop
           for (key case) on (mew-submit-cases--read file) by #'cddr
           for name = (concat (file-name-base file) "/" (substring (symbol-name key) 1))
           when (string-match-p regexp name)
           collect (mew-submit-case--make :name name :server (plist-get case :server)
                                          :send (plist-get case :send)
                                          :expect (plist-get case :expect)))))

;;; The servers

(defun mew-submit-cases--serve (directory cases)
  "Start the servers for CASES, with files in DIRECTORY; return (PROCESS . PORTS)."
  (cl-flet ((file (name) (expand-file-name name directory))
            (cert (name) (expand-file-name name (mew-submit-test--certs))))
    ;; The test server is a workshop for certificates, too.
    (mew-submit-test-peer-stop (mew-submit-test-peer-start directory '("127.0.0.1:0")))
    (delete-file (file "ready"))
    (let ((names (mapcar #'mew-submit-case-name cases)) (tables (make-hash-table :test #'equal)))
      (dolist (table (directory-files mew-submit-cases--directory t "\\.json\\'"))
        (maphash (lambda (name case)
                   (let ((name (concat (file-name-base table) "/" name)))
                     (when (member name names)
                       (puthash name (gethash "server" case) tables))))
                 (json-parse-string (decode-coding-string (mew-submit-test-octets table) 'utf-8))))
      (mew-submit-test-write (file "cases") (decode-coding-string (json-serialize tables) 'utf-8)))
    (let ((process (make-process
                    :name "cases" :noquery t :connection-type 'pipe
                    :buffer (generate-new-buffer " *cases*")
                    :command (list "python3" (expand-file-name "server.py" mew-submit-cases--directory)
                                   (file "cases") (cert "good.pem") (cert "good.key")
                                   (file "log") (file "ready")))))
      (mew-submit-test-until ("the servers")
        (unless (process-live-p process)
          (error "%s" (with-current-buffer (process-buffer process) (buffer-string))))
        (file-exists-p (file "ready")))
      (cons process (mew-submit-cases--read (file "ready"))))))

(defun mew-submit-cases--log (directory name)
  "Return what the server of the case NAME has noted in DIRECTORY, oldest first."
  (seq-filter (lambda (event) (equal (plist-get event :case) name))
              (mew-submit-test-json-lines
               (mew-submit-test-octets (expand-file-name "log" directory)))))

;;; Sending

(defun mew-submit-cases--recipients (case)
  "Return the recipients of CASE."
  (mapcar (lambda (number) (format "r%d@case.test" number))
          (number-sequence 1 (or (plist-get (mew-submit-case-send case) :recipients) 1))))

(defun mew-submit-cases--text (case)
  "Return the message of CASE."
  (concat "From: me@case.test\nTo: r1@case.test\nSubject: case\n"
          (pcase (plist-get (mew-submit-case-send case) :message)
            ('nil "\n.one\ntwo\n")
            ("long" (concat "\n" (apply #'concat (make-list 4000 "one line of a long message\n"))))
            (_ "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
Content-Transfer-Encoding: 8bit\n\nGr\u00fc\u00dfe\n"))))

(defun mew-submit-cases--account (case port)
  "Return the account for CASE, whose server is at PORT."
  (let ((send (mew-submit-case-send case)))
    (append
     (list :name (mew-submit-case-name case) :server "localhost" :family 'ipv4
           :routes (format "%d:starttls" port) :fallback 'always
           :ca-file (expand-file-name "ca.pem" (mew-submit-test--certs))
           :user (plist-get send :user) :password (copy-sequence mew-submit-cases--password)
           :step-timeout (or (plist-get send :step_timeout) 100)
           :auth (plist-get send :auth) :without (plist-get send :without)
           :dsn-notify (plist-get send :dsn_notify))
     (and (plist-get send :same_memory)
          (list :memory (expand-file-name "memory" (mew-submit-case-directory case)))))))

(defun mew-submit-cases--send (case port)
  "Send the message of CASE to its server at PORT, as often as it says."
  (let ((file (mew-submit-test-write (expand-file-name "message" (mew-submit-case-directory case))
                                     (mew-submit-cases--text case)))
        (mew-submit-request--several (plist-get (mew-submit-case-send case) :in_one_emacs)))
    (condition-case err
        (mew-submit-request--submit
         file :account (mew-submit-cases--account case port) :from "me@case.test"
         :recipients (mew-submit-cases--recipients case)
         :on-done (lambda (done)
                    (setf (mew-submit-case-dones case)
                          (append (mew-submit-case-dones case) (list done)))
                    (unless (mew-submit-cases--ended-p case)
                      (mew-submit-cases--send case port))))
      (error (setf (mew-submit-case-error case) (error-message-string err))))))

(defun mew-submit-cases--ended-p (case)
  "Has everything of CASE been sent that has to be?"
  (or (mew-submit-case-error case)
      (>= (length (mew-submit-case-dones case))
          (or (plist-get (mew-submit-case-send case) :times) 1))))

;;; Judging

(defun mew-submit-cases--result-wrong (case)
  "Return what is wrong with the results and the exit status of CASE, or nil."
  (let* ((dones (mew-submit-case-dones case))
         (results (mapcar (lambda (done) (plist-get done :result)) dones))
         (expect (mew-submit-case-expect case))
         (wanted (plist-get expect :result))
         (status (plist-get expect :status))
         (said (mapconcat #'mew-submit-report--done dones " / ")))
    (cond ((and (listp wanted) wanted (not (equal wanted results)))
           (format "%S, not %S: %s" results wanted said))
          ((equal wanted "delivered at the first or the second try")
           (unless (member "delivered" results)
             (format "%S: %s" results said)))
          ((and (stringp wanted) (not (equal wanted (car (last results)))))
           (format "%S, not %s: %s" results wanted said))
          ((and status (not (eql status (plist-get (car (last dones)) :exit))))
           (format "status %s, not %s: %s" (plist-get (car (last dones)) :exit) status said)))))

(defun mew-submit-cases--words-wrong (case)
  "Return what is wrong with the words of CASE, or nil."
  (let* ((done (car (last (mew-submit-case-dones case))))
         (text (mew-submit-report--done done))
         (own (seq-reduce (lambda (text line) (string-replace (string-trim line) "" text))
                          (plist-get done :said) text))
         (case-fold-search t))
    (or (seq-some (lambda (word)
                    (let ((in (if (string-match " (outside of the server's words)\\'" word) own text))
                          (regexp (replace-regexp-in-string
                                   "(application)\\?" "\\\\(?:lication\\\\)?"
                                   (replace-regexp-in-string " (outside.*" ""
                                                             (replace-regexp-in-string
                                                              "app(lication)\\?" "app\\\\(?:lication\\\\)?"
                                                              (replace-regexp-in-string
                                                               " or \\|, or " "\\\\|" word))))))
                      (unless (string-match-p regexp in)
                        (format "`%s' is not in: %s" word text))))
                  (plist-get (mew-submit-case-expect case) :words))
        (seq-some (lambda (word)
                    (when (string-match-p (regexp-quote word) text)
                      (format "`%s' is in: %s" word text)))
                  (plist-get (mew-submit-case-expect case) :not_words)))))

(defun mew-submit-cases--count-wrong (case log)
  "Return what is wrong with the sessions, questions and transactions of CASE, whose LOG that is."
  (cl-flet ((count (name &optional text)
              (seq-count (lambda (event)
                           (and (equal (plist-get event :event) name)
                                (or (null text)
                                    (string-prefix-p text (plist-get event :text)))))
                         log)))
    (let* ((expect (mew-submit-case-expect case))
           (sessions (plist-get expect :sessions))
           (most (plist-get expect :MAIL_commands_at_most))
           (transactions (plist-get expect :transactions_with_mail))
           (done (car (last (mew-submit-case-dones case))))
           (asks (and (mew-submit-refusal--secret-p done) t)))
      (cond ((and sessions (/= sessions (count "connect")))
             (format "%d sessions" (count "connect")))
            ((and most (> (count "line" "MAIL") most)) (format "%d MAILs" (count "line" "MAIL")))
            ((and transactions (/= transactions (count "message")))
             (format "%d transactions" (count "message")))
            ((and (plist-member expect :asks_for_another_password)
                  (not (eq asks (plist-get expect :asks_for_another_password))))
             (if asks "another password is asked for" "no other password is asked for"))))))

(defun mew-submit-cases--mail-wrong (case log)
  "Return what is wrong with the mail that the server of CASE has, by its LOG."
  (let* ((messages (seq-filter (lambda (event) (equal (plist-get event :event) "message")) log))
         (got (seq-mapcat (lambda (event) (plist-get event :recipients)) messages))
         (dones (mew-submit-case-dones case))
         (delivered (seq-count (lambda (done) (equal (plist-get done :result) "delivered")) dones))
         (wire (string-replace "\n" "\r\n" (mew-submit-cases--text case))))
    (cond ((seq-some (lambda (address) (> (seq-count (lambda (one) (equal one address)) got)
                                          (length dones)))
                     got)
           (format "somebody has it twice: %S" got))
          ((and (> delivered 0)
                (/= (length got) (* delivered (length (mew-submit-cases--recipients case)))))
           (format "delivered %d times, and these have it: %S" delivered got))
          ((and (not (plist-get (mew-submit-case-send case) :message))
                (seq-find (lambda (event) (not (equal (plist-get event :octets) wire))) messages))
           "what arrived is not what was sent")
          ((seq-find (lambda (event)
                       (and (string-match-p "Gr" (plist-get event :octets))
                            (not (string-match-p "Gr=C3=BC=C3=9Fe\\|\303\274" (plist-get event :octets)))))
                     messages)
           "the 8-bit text has been lost"))))

(defun mew-submit-cases--wrong (case directory)
  "Return what is wrong with CASE, whose server has noted it in DIRECTORY, or nil."
  (let ((log (mew-submit-cases--log directory (mew-submit-case-name case))))
    (or (mew-submit-case-error case)
        (and (not (mew-submit-cases--ended-p case)) "it did not end")
        (mew-submit-cases--mail-wrong case log)
        (mew-submit-cases--result-wrong case)
        (mew-submit-cases--words-wrong case)
        (mew-submit-cases--count-wrong case log)
        (when-let* ((strange (seq-find (lambda (event) (equal (plist-get event :event) "strange")) log)))
          (format "it did not say %s" (plist-get strange :wanted))))))

;;; All of it

(defun mew-submit-cases--play (cases directory)
  "Play CASES in DIRECTORY and print a line for each; return how many went wrong."
  (pcase-let ((`(,process . ,ports) (mew-submit-cases--serve directory cases)))
    (unwind-protect
        (progn
          (cl-loop for case in cases
                   for number from 1
                   do (setf (mew-submit-case-directory case)
                            (expand-file-name (format "%d" number) directory))
                   do (make-directory (mew-submit-case-directory case))
                   do (mew-submit-cases--send
                       case (plist-get ports (intern (concat ":" (mew-submit-case-name case))))))
          (let ((deadline (mew-submit-test-deadline 300)))
            (while (and (not (seq-every-p #'mew-submit-cases--ended-p cases))
                        (time-less-p nil deadline))
              (accept-process-output nil 0.05)))
          (seq-count
           (lambda (case)
             (let ((wrong (mew-submit-cases--wrong case directory)))
               (send-string-to-terminal
                (encode-coding-string
                 (if wrong
                     (format "not ok - %s: %s\n" (mew-submit-case-name case)
                             (replace-regexp-in-string "\n" " " wrong))
                   (format "ok - %s\n" (mew-submit-case-name case)))
                 'utf-8))
               wrong))
           cases))
      (delete-process process))))

(defun mew-submit-cases-run ()
  "Play the cases whose names match the regexp on the command line, and leave Emacs."
  (let ((cases (mew-submit-cases--all (or (pop command-line-args-left) "")))
        (mew-submit-keep-connection 120))
    (send-string-to-terminal (format "1..%d\n" (max 1 (length cases))))
    (kill-emacs
     (if (and cases
              (zerop (mew-submit-test-with-directory directory
                       (if-let* ((kept (getenv "CASES_KEEP")))
                           (progn (make-directory kept t)
                                  (mew-submit-cases--play cases (file-name-as-directory kept)))
                         (mew-submit-cases--play cases directory)))))
         0 1))))

(provide 'mew-submit-cases-suite)
;;; suite.el ends here
