;;; suite.el --- Servers as they really are, and what comes of each -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -module-assertions -L . -L lisp -L test -l cases/suite \
;;       -f mew-submit-cases-run [REGEXP]
;;
;; All cases run side by side in one Emacs, against one process with a server for each.
;; README.org says what is in the tables.  Of doc/SECURITY.md they are about rows
;; SECURITY: E15, E31, H11, H20, H21, I17, J2, J8, P10.

;;; Code:

(require 'cl-lib)
(require 'json)
(require 'mm-decode)
(require 'mew-submit-module)
(require 'mew-submit-report)
(require 'mew-submit-parcel)
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
  name server send expect directory dones error process output)

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

(defun mew-submit-cases--logs (directory)
  "Return a table, NAME -> what the server of that case has noted in DIRECTORY, oldest first."
  (let ((logs (make-hash-table :test #'equal)))
    (dolist (event (nreverse (mew-submit-test-json-log (expand-file-name "log" directory))) logs)
      (push event (gethash (plist-get event :case) logs)))))

;;; Sending

(defun mew-submit-cases--routes (case port)
  "Return the routes to the server of CASE at PORT."
  (format "%d:%s" port
          (if (plist-get (mew-submit-case-server case) :implicit) "implicit" "starttls")))

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
           :routes (mew-submit-cases--routes case port) :fallback 'always
           :ca-file (expand-file-name "ca.pem" (mew-submit-test--certs))
           :user (plist-get send :user) :password (copy-sequence mew-submit-cases--password)
           :step-timeout (or (plist-get send :step_timeout) 100)
           :auth (plist-get send :auth) :without (plist-get send :without)
           :dsn-notify (plist-get send :dsn_notify) :dsn-return (plist-get send :dsn_return)
           :all-or-none (plist-get send :all_or_none) :dsn-id (plist-get send :dsn_id)
           :mt-priority (plist-get send :mt_priority))
     (and (plist-get send :same_memory)
          (list :memory (expand-file-name "memory" (mew-submit-case-directory case)))))))

;;; By a program

(defun mew-submit-cases--input (case)
  "Return the standard input of the program of CASE."
  (mew-submit-cases--octets (plist-get (mew-submit-case-send case) :octets)
                            (and (plist-get (mew-submit-case-send case) :latin1) 'latin-1-unix)))

(defun mew-submit-cases--octets (text &optional coding)
  "Return TEXT as octets, by CODING; {N*WORDS} in it are N times WORDS."
  (let ((start 0) (parts nil))
    (while (string-match "{\\([0-9]+\\)\\*\\([^}]*\\)}" text start)
      (push (substring text start (match-beginning 0)) parts)
      (push (mapconcat #'identity
                       (make-list (string-to-number (match-string 1 text)) (match-string 2 text)) "")
            parts)
      (setq start (match-end 0)))
    (push (substring text start) parts)
    (encode-coding-string (apply #'concat (nreverse parts)) (or coding 'utf-8-unix))))

(defun mew-submit-cases--file (case name &optional text)
  "Return the file NAME of CASE, with TEXT in it if there is one."
  (let ((file (expand-file-name name (mew-submit-case-directory case))))
    (if text (mew-submit-test-write file text) file)))

(defun mew-submit-cases--server-options (case port)
  "Return the options for the server of CASE at PORT, named there or in a configuration."
  (let ((ca (expand-file-name "ca.pem" (mew-submit-test--certs)))
        (routes (mew-submit-cases--routes case port))
        (aliases (cl-loop for (key value) on (plist-get (mew-submit-case-send case) :aliases) by #'cddr
                          collect (list (substring (symbol-name key) 1) value))))
    (if (plist-get (mew-submit-case-send case) :configured)
        (list "--config"
              (mew-submit-cases--file
               case "config.el"
               (format "(setq mew-submit-sendmail-aliases '%S mew-submit-accounts '(%S))\n" aliases
                       (list :from "me@case.test" :server "localhost" :family 'ipv4
                             :routes routes :ca-file ca))))
      (list "--server" "localhost" "--family" "ipv4" "--routes" routes "--ca-file" ca))))

(defun mew-submit-cases--command (case port)
  "Return the command that sends the message of CASE to its server at PORT."
  (let* ((send (mew-submit-case-send case))
         (program (plist-get send :program)))
    (append (list mew-submit-test-emacs "-Q" "--batch" "-l"
                  (expand-file-name "mew-submit.el" mew-submit-test-root)
                  "-f" (concat "mew-submit-batch-" program) "--")
            (mew-submit-cases--server-options case port)
            (list "--user" "me" "--password-file"
                  (mew-submit-cases--file case "password" mew-submit-cases--password))
            (and (equal program "sendmail")
                 (list "--outbox" (mew-submit-cases--file case "outbox")))
            (plist-get send :arguments))))

(defun mew-submit-cases--run (case port)
  "Have a program send the message of CASE to its server at PORT."
  (let ((process-environment (append (list (concat "HOME=" (mew-submit-case-directory case)))
                                     process-environment))
        (coding-system-for-write 'no-conversion)
        (coding-system-for-read 'utf-8-unix))
    (setf (mew-submit-case-process case)
          (make-process
           :name "case" :connection-type 'pipe :noquery t
           :command (mew-submit-cases--command case port)
           :filter (lambda (_process text)
                     (setf (mew-submit-case-output case)
                           (concat (mew-submit-case-output case) text)))
           :sentinel (lambda (process _change)
                       (unless (process-live-p process)
                         (push (list :exit (process-exit-status process)
                                     :output (mew-submit-case-output case))
                               (mew-submit-case-dones case))))))
    (process-send-string (mew-submit-case-process case)
                         (mew-submit-cases--input case))
    (process-send-eof (mew-submit-case-process case))))

(defun mew-submit-cases--program-p (case)
  "Is the message of CASE sent by a program?"
  (plist-get (mew-submit-case-send case) :program))

(defun mew-submit-cases--run-some (cases ports)
  "Have programs send the messages of some CASES, a few at a time, to the servers at PORTS."
  (let ((running (seq-count (lambda (case) (and (mew-submit-case-process case)
                                                (not (mew-submit-cases--ended-p case))))
                            cases)))
    (dolist (case cases)
      (when (and (< running 3)
                 (mew-submit-cases--program-p case)
                 (null (mew-submit-case-process case)))
        (setq running (1+ running))
        (mew-submit-cases--run case (mew-submit-cases--port case ports))))))

;;; In this Emacs

(defun mew-submit-cases--port (case ports)
  "Return the port of CASE among PORTS."
  (plist-get ports (intern (concat ":" (mew-submit-case-name case)))))

(defun mew-submit-cases--send (case port)
  "Send the message of CASE to its server at PORT, as often as it says."
  (let ((file (mew-submit-test-write (expand-file-name "message" (mew-submit-case-directory case))
                                     (mew-submit-cases--text case)))
        (mew-submit-request--several (plist-get (mew-submit-case-send case) :in_one_emacs)))
    (condition-case err
        (mew-submit-parcel--submit
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
                          (remove "" (plist-get done :said)) text))
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

(defun mew-submit-cases--twice (log times)
  "Return what is wrong when somebody has a message more than TIMES times, by the server's LOG."
  (let ((got (seq-mapcat (lambda (event) (and (equal (plist-get event :event) "message")
                                              (plist-get event :recipients)))
                         log)))
    (when (seq-some (lambda (address) (> (seq-count (lambda (one) (equal one address)) got) times))
                    got)
      (format "somebody has it twice: %S" got))))

(defun mew-submit-cases--mail-wrong (case log)
  "Return what is wrong with the mail that the server of CASE has, by its LOG."
  (let* ((messages (seq-filter (lambda (event) (equal (plist-get event :event) "message")) log))
         (got (seq-mapcat (lambda (event) (plist-get event :recipients)) messages))
         (dones (mew-submit-case-dones case))
         (delivered (seq-count (lambda (done) (equal (plist-get done :result) "delivered")) dones))
         (wire (string-replace "\n" "\r\n" (mew-submit-cases--text case))))
    (cond ((mew-submit-cases--twice log (length dones)))
          ((and (> delivered 0)
                (/= (length got) (* delivered (length (mew-submit-cases--recipients case)))))
           (format "delivered %d times, and these have it: %S" delivered got))
          ((and (not (plist-get (mew-submit-case-send case) :message))
                (seq-find (lambda (event) (not (equal (plist-get event :octets) wire))) messages))
           "what arrived is not what was sent")
          ((seq-find (lambda (event)
                       (and (string-match-p "Gr" (plist-get event :octets))
                            (not (string-match-p "Gr=C3=BC=C3=9Fe\\|Gr\u00c3\u00bc" (plist-get event :octets)))))
                     messages)
           "the 8-bit text has been lost"))))

;;; What a program has done

(defun mew-submit-cases--decoded (octets)
  "Return the text of the body of the message OCTETS, decoded, with LF, or of the parts of it."
  (let* ((handle (with-temp-buffer
                   (set-buffer-multibyte nil)
                   (insert (string-replace "\r\n" "\n" octets))
                   (mm-dissect-buffer t t)))
         (texts (lambda (handle self)
                  (if (stringp (car handle))
                      (mapconcat (lambda (part) (funcall self part self)) (cdr handle) "")
                    (string-replace "\r\n" "\n" (mm-get-part handle t))))))
    (prog1 (funcall texts handle texts)
      (mm-destroy-parts handle))))

(defun mew-submit-cases--wire-wrong (octets)
  "Return what is wrong with the message OCTETS, whatever it was, or nil."
  (cond ((string-match-p "[^\r]\n\\|\r[^\n]" octets) "a CR or an LF alone")
        ((seq-find (lambda (line) (> (length line) 998)) (split-string octets "\r\n")) "a long line")
        ((string-match-p "\r\n[ \t]+\r\n" (car (split-string octets "\r\n\r\n")))
         "a line of blanks in the header")
        ((string-match-p "[^[:ascii:]]" (car (split-string octets "\r\n\r\n")))
         "8-bit text in the header")))

(defun mew-submit-cases--program-wrong (case log)
  "Return what is wrong with CASE, which a program has sent; the server has noted LOG."
  (let* ((done (car (mew-submit-case-dones case)))
         (expect (mew-submit-case-expect case))
         (output (or (plist-get done :output) ""))
         (message (seq-find (lambda (event) (equal (plist-get event :event) "message")) log))
         (octets (and message (encode-coding-string (plist-get message :octets) 'latin-1)))
         (mail (seq-find (lambda (event) (string-prefix-p "MAIL" (or (plist-get event :text) ""))) log))
         (case-fold-search nil))
    (cl-flet ((missing (regexps text)
                (seq-some (lambda (regexp)
                            (unless (string-match-p regexp text)
                              (format "`%s' is not in: %s" regexp text)))
                          regexps))
              (present (regexps text)
                (seq-some (lambda (regexp)
                            (when (string-match-p regexp text)
                              (format "`%s' is in: %s" regexp text)))
                          regexps)))
      (or (unless (eql (plist-get done :exit) (plist-get expect :status))
            (format "status %s: %s" (plist-get done :exit) output))
          (missing (plist-get expect :words) output)
          (present (plist-get expect :not_words) output)
          (if (plist-get expect :connections)
              (unless (= (plist-get expect :connections)
                         (seq-count (lambda (event) (equal (plist-get event :event) "connect")) log))
                "it was connected to"))
          (when (and (not message) (seq-some (lambda (key) (plist-get expect key))
                                             '(:wire :recipients :from :content)))
            (format "nothing arrived: %s" output))
          (mew-submit-cases--twice log 1)
          (when message
            (or (mew-submit-cases--wire-wrong octets)
                (missing (plist-get expect :wire) octets)
                (present (plist-get expect :not_wire) octets)
                (let ((wanted (plist-get expect :recipients)))
                  (unless (equal wanted (plist-get message :recipients))
                    (format "recipients are %S" (plist-get message :recipients))))
                (when-let* ((from (plist-get expect :from)))
                  (unless (string-prefix-p (format "MAIL FROM:<%s>" from) (plist-get mail :text))
                    (plist-get mail :text)))
                (when-let* ((content (plist-get expect :content)))
                  (unless (equal (mew-submit-cases--octets content) (mew-submit-cases--decoded octets))
                    (format "the content is %S" (mew-submit-cases--decoded octets))))))))))

(defun mew-submit-cases--wrong (case log)
  "Return what is wrong with CASE, whose server has noted LOG, or nil."
  (if (mew-submit-cases--program-p case)
      (or (and (not (mew-submit-cases--ended-p case)) "it did not end")
          (mew-submit-cases--program-wrong case log))
    (mew-submit-cases--request-wrong case log)))

(defun mew-submit-cases--request-wrong (case log)
  "Return what is wrong with CASE, which this Emacs has sent; the server has noted LOG."
  (or (mew-submit-case-error case)
      (and (not (mew-submit-cases--ended-p case)) "it did not end")
      (mew-submit-cases--mail-wrong case log)
      (mew-submit-cases--result-wrong case)
      (mew-submit-cases--words-wrong case)
      (mew-submit-cases--count-wrong case log)
      (when-let* ((strange (seq-find (lambda (event) (equal (plist-get event :event) "strange")) log)))
        (format "it did not say %s" (plist-get strange :wanted)))))

;;; All of it

(defun mew-submit-cases--judge (cases logs)
  "Print a line for each of CASES, whose servers have noted LOGS; return how many went wrong."
  (seq-count
   (lambda (case)
     ;; It may have been told to end.
     (accept-process-output nil 0)
     (let ((wrong (mew-submit-cases--wrong case (gethash (mew-submit-case-name case) logs))))
       (send-string-to-terminal
        (encode-coding-string
         (if wrong
             (format "not ok - %s: %s\n" (mew-submit-case-name case)
                     (replace-regexp-in-string "\n" " " wrong))
           (format "ok - %s\n" (mew-submit-case-name case)))
         'utf-8))
       wrong))
   cases))

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
                   do (unless (mew-submit-cases--program-p case)
                        (mew-submit-cases--send case (mew-submit-cases--port case ports))))
          (let ((deadline (mew-submit-test-deadline 900)))
            (while (and (not (seq-every-p #'mew-submit-cases--ended-p cases))
                        (time-less-p nil deadline))
              (mew-submit-cases--run-some cases ports)
              (accept-process-output nil 0.05)))
          (mew-submit-cases--judge cases (mew-submit-cases--logs directory)))
      (dolist (case cases)
        (when (mew-submit-case-process case)
          (delete-process (mew-submit-case-process case))))
      (delete-process process))))

(defun mew-submit-cases-run ()
  "Play the cases whose names match the regexp on the command line, and leave Emacs."
  (let ((cases (mew-submit-cases--all (or (pop command-line-args-left) "")))
        (mew-submit-keep-connection 120)
        ;; Whoever limits the time of this tells it to end, maybe in the middle of a collection.
        (mew-submit-module--end-when-told t))
    (mew-submit-module--ensure)
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
