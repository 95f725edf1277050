;;; mew-submit-batch-send-tests.el --- Tests for mew-submit-batch -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-batch-diagnose)
(require 'mew-submit-batch-domain)
(require 'mew-submit-batch-outbox)
(require 'mew-submit-batch-relay)
(require 'mew-submit-batch-send)
(require 'mew-submit-batch-sendmail)
(require 'mew-submit-batch-setup)
(require 'mew-submit-batch-survey)
(require 'mew-submit-test-helpers)

(defconst mew-submit-batch-send-tests--message
  "From: Me <me@example.org>\nTo: you@example.org\nSubject: s\n\nbody\n.\n..x\n"
  "A message.")

(defun mew-submit-batch-send-tests--arguments (peer name &rest more)
  "Return the options that lead to PEER's listener NAME, and MORE."
  (append (list "--server" "127.0.0.1" "--ca-file" (mew-submit-test-ca peer)
                "--routes" (format "%d:starttls"
                                   (mew-submit-test-port peer name)))
          more))

(defun mew-submit-batch-send-tests--run (peer name &rest arguments)
  "Submit the message to PEER's listener NAME with ARGUMENTS."
  (mew-submit-test-batch
   (apply #'mew-submit-batch-send-tests--arguments peer name arguments)
   :input mew-submit-batch-send-tests--message))

(defun mew-submit-batch-send-tests--lines (result)
  "Return the lines that RESULT has on standard error."
  (split-string (plist-get result :stderr) "\n" t))

(defun mew-submit-batch-send-tests--crlf (text)
  "Return TEXT, whose lines end in LF, with CRLF."
  (string-replace "\n" "\r\n" text))

;;; Where standard input is kept

(ert-deftest mew-submit-batch-send-tests-names-of-other-locales ()
  "What reads standard input keeps it also where names of files are not UTF-8."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth")
    (let* ((temporary (expand-file-name "K\u00e4sten/" (mew-submit-test-peer-directory peer)))
           (server (mew-submit-batch-send-tests--arguments peer "ok" "--outbox" temporary)))
      (pcase-dolist
          (`(,command ,arguments ,input)
           `(("send" (,@server "--from" "me@x" "a@x") ,mew-submit-batch-send-tests--message)
             ("sendmail" (,@server "-f" "me@x" "a@x") ,mew-submit-batch-send-tests--message)
             ("cause" nil "{\"id\":1,\"step\":\"rcpt\",\"reply\":[\"550 5.1.1 Who\"]}\n")
             ("survey" ("--ports" ,(number-to-string (mew-submit-test-port peer "ok")) "-")
              "127.0.0.1\n")))
        (ert-info (command)
          (let ((result (mew-submit-test-emacs
                         `("-l" ,(expand-file-name "mew-submit.el" mew-submit-test-root)
                           "--eval" ,(format "(progn (setq file-name-coding-system 'latin-1) \
(make-directory (setq temporary-file-directory %S) t))" temporary)
                           "-f" ,(concat "mew-submit-batch-" command) "--" ,@arguments)
                         :input input)))
            (should-not (string-search "cannot be written" (plist-get result :stderr)))
            (should (eql 0 (plist-get result :status))))))
      (should (= 2 (length (mew-submit-test-accepted peer)))))))

;;; What is printed

(ert-deftest mew-submit-batch-send-tests-the-status-is-the-mail-s ()
  "Words that nobody reads, or that cannot be written, do not change the status.
Who sends again what has failed would send it twice."
  :tags '(:module)
  (skip-unless (and (file-exists-p "/dev/full") (executable-find "bash")))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth"
                                   "127.0.0.1:0,name=never,noauth,rcpt=reply:550 5.1.1 Who")
    (pcase-dolist (`(,name ,json ,where ,status)
                   '(("ok" nil "2>&-" 0) ("ok" nil ">&- 2>&-" 0) ("ok" t ">&-" 0)
                     ("ok" t ">/dev/full" 0) ("ok" nil "2>/dev/full" 0)
                     ("ok" nil ">/dev/full 2>&1" 0) ("ok" nil "2>&1 | :" 0) ("ok" t "| :" 0)
                     ("never" nil "2>&-" 69) ("never" nil "2>/dev/full" 69)
                     ("never" t ">/dev/full" 69)))
      (ert-info ((format "%s %s" name where))
        (with-temp-buffer
          (insert mew-submit-batch-send-tests--message)
          (apply #'call-process-region (point-min) (point-max) "bash" t t nil "-c"
                 (concat "\"$0\" \"$@\" " where "\nstatus=${PIPESTATUS[0]}\n"
                         "echo; echo status=$status")
                 mew-submit-test-emacs "-Q" "--batch" "--eval" "(setq load-prefer-newer t)"
                 "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                 "-f" "mew-submit-batch-send" "--"
                 (apply #'mew-submit-batch-send-tests--arguments peer name
                        (append (and json '("--json")) '("--from" "me@x" "a@x"))))
          (should (string-match-p (format "^status=%d$" status) (buffer-string)))
          ;; What was not to be written is not lost.
          (unless json
            (should-not (string-search "Standard output" (buffer-string)))))))
    (should (= (length (mew-submit-test-accepted peer)) 8))))

(ert-deftest mew-submit-batch-send-tests-words-that-are-lost ()
  "What only prints does not end well where that cannot be written, and says so.
Why something failed is told all the same."
  :tags '(:module)
  (skip-unless (and (file-exists-p "/dev/full") (executable-find "bash")))
  (mew-submit-test-with-directory directory
    (pcase-dolist (`(,status . ,arguments)
                   `((74 "cause") (74 "outbox" "--outbox" ,directory) (74 "send" "--help")
                     (74 "sendmail" "-bv" "root") (64 "send" "--json")))
      (ert-info ((format "%S" arguments))
        (with-temp-buffer
          (insert "{\"id\":1,\"step\":\"rcpt\",\"reply\":[\"550 5.1.1 Who\"]}\n")
          (should (eql status
                       (apply #'call-process-region (point-min) (point-max) "bash" t t nil "-c"
                              "exec \"$0\" \"$@\" >/dev/full" mew-submit-test-emacs
                              "-Q" "--batch" "--eval" "(setq load-prefer-newer t)"
                              "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                              "-f" (concat "mew-submit-batch-" (car arguments)) "--"
                              (cdr arguments))))
          (should (equal (buffer-string)
                         "mew-submit: Standard output could not be written\n")))))))

(ert-deftest mew-submit-batch-send-tests-files-of-a-limited-length ()
  "A limit of the length of files does not change what is told of a mail.
The log of what was delivered is the file that becomes too long."
  :tags '(:module)
  (skip-unless (executable-find "bash"))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth")
    (let* ((outbox (file-name-as-directory (mew-submit-test--peer-file peer "outbox")))
           (log (expand-file-name "delivered.log" outbox)))
      (with-file-modes #o700
        (make-directory outbox))
      (mew-submit-test-write log (make-string 16380 ?\n))
      (with-temp-buffer
        (insert mew-submit-batch-send-tests--message)
        (should (eql 0 (apply #'call-process-region (point-min) (point-max) "bash" nil t nil "-c"
                              "ulimit -f 16; exec \"$0\" \"$@\"" mew-submit-test-emacs
                              "-Q" "--batch" "--eval" "(setq load-prefer-newer t)"
                              "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                              "-f" "mew-submit-batch-send" "--"
                              (mew-submit-batch-send-tests--arguments
                               peer "ok" "--outbox" outbox "--from" "me@x" "a@x")))))
      (should-not (mew-submit-spool--ids outbox))
      (should (= 1 (length (mew-submit-test-accepted peer)))))))

(ert-deftest mew-submit-batch-send-tests-a-flush-needs-no-reader ()
  "Who stops reading of a flush of the outbox stops no mail of it."
  :tags '(:module)
  (skip-unless (executable-find "bash"))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=later,noauth,rcpt=reply:450 4.2.1 Later")
    (let ((outbox (expand-file-name "flushed" (mew-submit-test--peer-file peer "."))))
      (dotimes (_ 2)
        (mew-submit-batch-send-tests--run peer "later" "--outbox" outbox "--from" "me@x" "a@x"))
      (with-temp-buffer
        (call-process "bash" nil t nil "-c"
                      "\"$0\" \"$@\" 2>&1 | :\necho status=${PIPESTATUS[0]}"
                      mew-submit-test-emacs "-Q" "--batch" "--eval" "(setq load-prefer-newer t)"
                      "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                      "-f" "mew-submit-batch-outbox" "--" "--outbox" outbox "--flush")
        (should (equal (buffer-string) "status=75\n")))
      (should (= 4 (length (mew-submit-test-lines peer "RCPT")))))))

(ert-deftest mew-submit-batch-send-tests-a-flush-tells-what-it-could-not-try ()
  "A message that cannot even be tried is told, and is no success."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=busy,noauth,1:rcpt=reply:450 4.2.1 Later")
    (let ((outbox (expand-file-name "outbox" (mew-submit-test--peer-file peer "."))))
      (mew-submit-batch-send-tests--run peer "busy" "--outbox" outbox "--from" "me@x" "a@x")
      (let* ((id (car (mew-submit-spool--ids outbox)))
             ;; So its state cannot be written, whoever we are.
             (in-the-way (mew-submit-spool--file id ".eld.part" outbox))
             (flush (lambda ()
                      (mew-submit-test-emacs
                       (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                             "-f" "mew-submit-batch-outbox" "--" "--outbox" outbox "--flush")))))
        (make-directory in-the-way)
        (let ((result (funcall flush)))
          (should (eql (plist-get result :status) 75))
          (should (string-search (concat id ": not tried: ") (plist-get result :stderr))))
        (delete-directory in-the-way)
        (should (eql (plist-get (funcall flush) :status) 0)))
      (should (= 1 (length (mew-submit-test-accepted peer)))))))

(ert-deftest mew-submit-batch-send-tests-told-to-stop-while-gpg-is-waited-for ()
  "A message that is in --outbox is told to be, before who put it there is back."
  (mew-submit-test-with-directory directory
    (let* ((mew-submit-known--table (make-hash-table :test #'equal))
           (file (mew-submit-test-write (expand-file-name "in" directory) "To: a@x\n\nbody\n"))
           (entry (mew-submit-spool--add
                   file (mew-submit-message--fields file) directory
                   '(:state queued :attempts 0 :from "me@x" :recipients ("a@x"))))
           (mew-submit-batch-send--work
            (mew-submit-batch-send--make-work
             :options (list :outbox directory) :directory directory :raw (concat file ".part")))
           (message-file (mew-submit-spool--message-file entry))
           status told)
      (mew-submit-known--note entry)
      (cl-letf (((symbol-function 'mew-submit-dispatch--leave) #'ignore)
                ((symbol-function 'kill-emacs) (lambda (code) (setq status code)))
                ;; The status would be this Emacs' own.
                ((symbol-function 'mew-submit-batch-command--ended) #'identity)
                ((symbol-function 'mew-submit-batch-command--tell)
                 (lambda (text) (setq told text))))
        (mew-submit-batch-send--interrupted))
      (should (eql status 75))
      (should (string-search (concat "kept in " message-file) told))
      (should (file-exists-p message-file)))))

(ert-deftest mew-submit-batch-send-tests-what-is-told-of-an-outbox ()
  "With --outbox it is told who has the message and who not, and why it is still there.
What waits in the outbox is not to be sent again by whoever put it there."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth,1:rcpt#2=reply:550 5.1.1 Nobody")
    (let ((outbox (mew-submit-test--peer-file peer "outbox")))
      (pcase-dolist
          (`(,status ,words ,function ,file ,fails)
           `((69 "partly delivered to a@x .*NOT delivered to b@x: 550 5\\.1\\.1 Nobody.*kept in")
             (0 "delivered to a@x, b@x .*could not be taken out of the outbox yet: .*eml$"
                mew-submit-spool--remove "mew-submit-spool"
                (signal 'file-error '("Removing old name" "Read-only file system")))
             (70 "deferred: x\\.eml cannot be locked\\.  The message is kept in .*eml$"
                 mew-submit-spool--lock "mew-submit-spool"
                 (signal 'mew-submit-internal '(:text "x.eml cannot be locked")))))
        (let* ((run (mew-submit-test-emacs
                     (append
                      (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root))
                      (and function
                           (list "-l" file "--eval"
                                 (format "(advice-add '%s :override (lambda (&rest _) %S))"
                                         function fails)))
                      (list "-f" "mew-submit-batch-send" "--")
                      (mew-submit-batch-send-tests--arguments
                       peer "s" "--outbox" outbox "a@x" "b@x"))
                     :input mew-submit-batch-send-tests--message))
               (told (plist-get run :stderr)))
          (should (eql (plist-get run :status) status))
          (should (string-match-p words told))
          (should-not (string-search "send it again" told)))))))

(ert-deftest mew-submit-batch-send-tests-what-else-waits-there ()
  "What else is due in --outbox is not begun: it would be stopped in the middle."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth,1:rcpt=reply:450 4.2.1 Later")
    (let ((outbox (expand-file-name "outbox" (mew-submit-test--peer-file peer "."))))
      (mew-submit-batch-send-tests--run peer "s" "--outbox" outbox "--from" "me@x" "waits@x")
      (let ((entry (mew-submit-spool--read (car (mew-submit-spool--ids outbox)) outbox)))
        (mew-submit-spool--write (mew-submit-spool--with entry :next nil))
        (let ((result (mew-submit-test-emacs
                       `("-l" ,(expand-file-name "mew-submit.el" mew-submit-test-root)
                         ;; As after ten seconds.
                         "--eval" "(advice-add 'mew-submit-queue--wait :before \
(lambda (&rest _) (mew-submit-dispatch--wake)))"
                         "-f" "mew-submit-batch-send" "--"
                         ,@(mew-submit-batch-send-tests--arguments
                            peer "s" "--outbox" outbox "--from" "me@x" "a@x"))
                       :input mew-submit-batch-send-tests--message)))
          (should (eql (plist-get result :status) 0)))
        (should (equal (mapcar (lambda (line) (string-search "waits@x" line))
                               (mew-submit-test-lines peer "RCPT"))
                       (list (length "RCPT TO:<") nil)))
        (should (equal (plist-get entry :attempts)
                       (plist-get (mew-submit-spool--read (plist-get entry :id) outbox)
                                  :attempts)))))))

(ert-deftest mew-submit-batch-send-tests-one-of-the-outbox ()
  "--retry, --cancel and --delete are for one message of the outbox, and leave the others."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=busy,noauth,1:rcpt=reply:450 4.2.1 Later,2:rcpt=reply:450 4.2.1 Later")
    (let ((outbox (expand-file-name "outbox" (mew-submit-test--peer-file peer "."))))
      (dotimes (_ 2)
        (mew-submit-batch-send-tests--run peer "busy" "--outbox" outbox "--from" "me@x" "a@x"))
      (pcase-let ((`(,one ,other) (mew-submit-spool--ids outbox)))
        (pcase-dolist (`(,option ,id ,status ,left ,sent)
                       `(("--retry" ,one 0 (,other) 1)
                         ("--retry" ,one 64 (,other) 1)
                         ("--cancel" "20260101T000000-1-1" 64 (,other) 1)
                         ("--cancel" ,other 0 (,other) 1)
                         ("--flush" nil 0 (,other) 1)
                         ("--delete" "20260101T000000-1-1" 64 (,other) 1)
                         ("--delete" ,other 0 nil 1)))
          (ert-info ((format "%s %s" option id))
            (should (eql (plist-get
                          (mew-submit-test-emacs
                           (append (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                                         "-f" "mew-submit-batch-outbox" "--" "--outbox" outbox option)
                                   (and id (list id))))
                          :status)
                         status))
            (should (equal (mew-submit-spool--ids outbox) left))
            (should (= sent (length (mew-submit-test-accepted peer))))))))))

(ert-deftest mew-submit-batch-send-tests-json-has-its-shape ()
  "With --json each event is an object on a line, and `done' has every key."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=shut,refused"
                                   "127.0.0.1:0,name=ok")
    (let* ((password (mew-submit-test-write
                      (mew-submit-test--peer-file peer "pw") "s3cret\n"))
           (shut (mew-submit-test-port peer "shut"))
           (ok (mew-submit-test-port peer "ok"))
           (result (mew-submit-batch-send-tests--run
                    peer "ok" "--json" "--user" "me" "--password-file" password
                    "--routes" (format "%d:starttls,%d:starttls" shut ok)
                    "you@example.org"))
           (events (mew-submit-test-events result))
           (done (mew-submit-test-done result)))
      (should (= (plist-get result :status) 0))
      (should (equal (plist-get result :stderr) ""))
      (should (equal (seq-difference
                      (mapcar (lambda (event) (plist-get event :event)) events)
                      '("resolved" "progress" "capabilities"))
                     '("attempt" "attempt" "connected" "greeting" "tls" "auth"
                       "recipient" "reply" "done")))
      (should (equal (cl-loop for key in done by #'cddr collect key)
                     '(:event :result :kind :exit :code :enhanced :text :port
                       :family :address :fallback :tls :auth :reply
                       :recipients :attempts :ms)))
      (should (equal (plist-get done :result) "delivered"))
      (should (equal (plist-get done :port) ok))
      (should (equal (plist-get done :family) "ipv4"))
      (should (equal (plist-get done :address) "127.0.0.1"))
      (should (eq (plist-get done :fallback) t))
      (should (eq (plist-get (plist-get done :tls) :verified) t))
      (should (equal (plist-get (plist-get done :tls) :version) "TLS1.3"))
      (should (equal (plist-get done :auth) "SCRAM-SHA-256-PLUS"))
      (should (string-prefix-p "250 2.0.0 " (plist-get done :reply)))
      (should (equal (mapcar (lambda (recipient)
                               (list (plist-get recipient :address)
                                     (plist-get recipient :code)))
                             (plist-get done :recipients))
                     '(("you@example.org" 250))))
      (should (equal (mapcar (lambda (attempt)
                               (list (plist-get attempt :port)
                                     (plist-get attempt :family)
                                     (plist-get attempt :address)
                                     (plist-get attempt :case)
                                     (plist-get attempt :errno)
                                     (plist-get attempt :icmp)
                                     (plist-get attempt :offender)))
                             (plist-get done :attempts))
                     `((,shut "ipv4" "127.0.0.1" ,(mew-submit-portable-refused) "ECONNREFUSED" nil nil)
                       (,ok "ipv4" "127.0.0.1" 1 nil nil nil))))
      (should (numberp (plist-get done :ms)))
      (should (seq-every-p (lambda (attempt)
                             (numberp (plist-get attempt :ms)))
                           (plist-get done :attempts)))
      ;; Nothing secret, in any form.
      (dolist (form (list "s3cret" (base64-encode-string "s3cret")
                          (base64-encode-string "\0me\0s3cret")))
        (should-not (string-search form (plist-get result :stdout)))))))

(ert-deftest mew-submit-batch-send-tests-json-values ()
  "False, null, empty arrays, nested objects and text come out right."
  (should (equal
           (mew-submit-json--event
            '(:event attempt :id 0 :port 25 :family "ipv6" :address "::1"
                     :tls "none" :case "tls" :ms 312.5 :lost t
                     :text "ü \"q\" \\ 用"
                     :icmp (:type 3 :code 13 :name "n")
                     :offender (:address "192.0.2.9" :who "router")))
           (encode-coding-string
            (concat "{\"event\":\"attempt\",\"id\":0,\"port\":25,\
\"family\":\"ipv6\",\"address\":\"::1\",\"tls\":\"none\",\"case\":\"tls\",\
\"errno\":null,\"icmp\":{\"type\":3,\"code\":13,\"name\":\"n\"},\
\"offender\":{\"address\":\"192.0.2.9\",\"who\":\"router\"},\"ms\":312.5,\
\"text\":\"ü \\\"q\\\" \\\\ 用\",\"lost\":true}\n")
            'utf-8)))
  (should (equal (mew-submit-json--event
                  '(:event resolved :family "ipv4" :ms 1.0))
                 "{\"event\":\"resolved\",\"family\":\"ipv4\",\"addresses\":[],\
\"error\":null,\"ms\":1.0}\n"))
  (should (equal (mew-submit-json--event '(:event connected :id 1 :ms 2))
                 "{\"event\":\"connected\",\"id\":1,\"port\":null,\
\"family\":null,\"address\":null,\"fallback\":false,\"ms\":2}\n")))

(ert-deftest mew-submit-batch-send-tests-lines-for-people ()
  "Without --json there is a line per attempt and one for the end, on stderr."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=shut,refused"
                                   "127.0.0.1:0,name=ok")
    (let* ((result (mew-submit-batch-send-tests--run
                    peer "ok" "--routes"
                    (format "%d:starttls,%d:starttls"
                            (mew-submit-test-port peer "shut")
                            (mew-submit-test-port peer "ok"))
                    "you@example.org"))
           (lines (mew-submit-batch-send-tests--lines result)))
      (should (= (plist-get result :status) 0))
      (should (equal (plist-get result :stdout) ""))
      (should (= (length lines) 3))
      (should (string-match-p
               (format "\\`mew-submit: 127\\.0\\.0\\.1 port %d .*(case %s, .* ms)\\'"
                       (mew-submit-test-port peer "shut")
                       (mew-submit-portable-refused))
               (nth 0 lines)))
      (should (string-match-p "(case 1, " (nth 1 lines)))
      (should (string-match-p
               (format "\\`mew-submit: delivered to you@example\\.org through \
127\\.0\\.0\\.1 port %d (fallback), with TLS1\\.3: 250 2\\.0\\.0 Ok"
                       (mew-submit-test-port peer "ok"))
               (nth 2 lines))))))

(ert-deftest mew-submit-batch-send-tests-words-of-the-server-are-safe ()
  "The server's own words are shown, and none of its control characters.
\(SECURITY: O6)."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=no,rcpt=reply:550 5.1.1 \\e[31mGo away \\xC3\\xBC\\x9B %n")
    (let ((result (mew-submit-batch-send-tests--run peer "no" "you@example.org"))
          (json (mew-submit-batch-send-tests--run peer "no" "--json"
                                                  "you@example.org")))
      (should (= (plist-get result :status) 69))
      (should (string-match-p "550 5\\.1\\.1 �\\[31mGo away ü� %n"
                              (plist-get result :stderr)))
      (should-not (string-match-p "[\0-\010\013-\037\177-\237]"
                                  (concat (plist-get result :stderr)
                                          (plist-get json :stdout))))
      (should (equal (plist-get (car (plist-get (mew-submit-test-done json)
                                                :recipients))
                                :code)
                     550)))))

;;; The message

(ert-deftest mew-submit-batch-send-tests-message-arrives-as-it-is ()
  "What arrives is what was sent, with CRLF; the envelope is the one asked for."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (should (= 0 (plist-get (mew-submit-batch-send-tests--run
                             peer "ok" "--from=boss@example.org" "a@x" "b@x"
                             "a@x")
                            :status)))
    (should (equal (mew-submit-test-stored peer)
                   (mew-submit-batch-send-tests--crlf
                    mew-submit-batch-send-tests--message)))
    (should (equal (mew-submit-test-envelope peer)
                   '("boss@example.org" "a@x" "b@x")))))

(ert-deftest mew-submit-batch-send-tests-recipients-from-the-header ()
  "With -t the header names recipients, beside the arguments; Bcc never leaves."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let ((message (lambda (header)
                     (mew-submit-test-batch
                      (mew-submit-batch-send-tests--arguments peer "ok" "-t" "--"
                                                              "-dash@x")
                      :input (concat header "\n\nbody\n")))))
      (should (= 0 (plist-get (funcall message "From: me@x\nTo: Grüße <a@x>,
 g: b@x;\nBcc: c@x,\n d@x\nSubject: s\rBcc: e@x")
                              :status)))
      (should (equal (mew-submit-test-envelope peer)
                     '("me@x" "-dash@x" "a@x" "b@x" "c@x" "d@x" "e@x")))
      (should (equal (mew-submit-test-stored peer)
                     "From: me@x\r\nTo: =?utf-8?B?R3LDvMOfZQ==?= <a@x>,\r\n g : b@x;\r\nSubject: s\r
\r\nbody\r\n"))
      (should (= 0 (plist-get (funcall message "Resent-From: r@x
Resent-To: new@x\nResent-Bcc: hid@x\nFrom: me@x\nTo: old@x")
                              :status)))
      (should (equal (mew-submit-test-envelope peer 2)
                     '("r@x" "-dash@x" "new@x" "hid@x")))
      (should-not (string-search "hid@x" (mew-submit-test-stored peer 2))))))

(ert-deftest mew-submit-batch-send-tests-account-of-from ()
  "Of several accounts a message without From goes by that of --from."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=main" "127.0.0.1:0,name=other")
    (mew-submit-test-with-directory directory
      (let* ((config (mew-submit-test-write
                      (expand-file-name "config.el" directory)
                      (format "(setq mew-submit-accounts '%S)"
                              (list (mew-submit-test-account peer "main" :from "me@one.example"
                                                             :default t)
                                    (mew-submit-test-account peer "other"
                                                             :from "me@two.example")))))
             (process-environment (append (list (concat "MEW_SUBMIT_CONFIG=" config)
                                                "MEW_SUBMIT_COMMAND=x")
                                          process-environment)))
        (should (= 0 (plist-get (mew-submit-test-batch '("--from" "me@two.example" "a@x")
                                                       :input "Subject: s\n\nbody\n")
                                :status)))
        (should (equal (plist-get (car (mew-submit-test-accepted peer)) :listener)
                       "other"))))))

(ert-deftest mew-submit-batch-send-tests-server-without-accounts ()
  "With --server it is no matter what is wrong with accounts, for no message."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth")
    (mew-submit-test-with-directory directory
      (let* ((config (mew-submit-test-write
                      (expand-file-name "config.el" directory)
                      "(setq mew-submit-accounts '((:server \"h\" :from \"[\")))"))
             (process-environment (append (list (concat "MEW_SUBMIT_CONFIG=" config)
                                                "MEW_SUBMIT_COMMAND=x")
                                          process-environment)))
        (dolist (header '("From: me@one.example\n" ""))
          (should (= 0 (plist-get (mew-submit-test-batch
                                   (mew-submit-batch-send-tests--arguments
                                    peer "ok" "--from" "me@one.example" "a@x")
                                   :input (concat header "Subject: s\n\nbody\n"))
                                  :status))))))))

(ert-deftest mew-submit-batch-send-tests-bcc-leaves-without-t-neither ()
  "Bcc is taken out also when the recipients are arguments."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-batch
     (mew-submit-batch-send-tests--arguments peer "ok" "a@x")
     :input "From: me@x\nBCC:\n secret@x\nTo: a@x\n\nbody\n")
    (should (equal (mew-submit-test-envelope peer) '("me@x" "a@x")))
    (should (equal (mew-submit-test-stored peer)
                   "From: me@x\r\nTo: a@x\r\n\r\nbody\r\n"))))

(ert-deftest mew-submit-batch-send-tests-three-thousand-recipients ()
  "A message to 3000 recipients in its header reaches them all."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let* ((addresses (mapcar (lambda (n) (format "user%d@example.org" n))
                              (number-sequence 1 3000)))
           (result (mew-submit-test-batch
                    (mew-submit-batch-send-tests--arguments peer "ok" "--json" "-t")
                    :input (concat "From: me@x\nTo: "
                                   (mapconcat (lambda (a) (format "\"A, B\" <%s>" a))
                                              addresses ",\n ")
                                   "\n\nbody\n"))))
      (should (= (plist-get result :status) 0))
      (should (equal (cdr (mew-submit-test-envelope peer)) addresses))
      (should (= (length (plist-get (mew-submit-test-done result) :recipients))
                 3000)))))

(ert-deftest mew-submit-batch-send-tests-international-addresses ()
  "A domain goes out in A-labels; SMTPUTF8 is used only for a local part."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=ok"
            "127.0.0.1:0,name=old,cap-=SMTPUTF8,cap2-=SMTPUTF8")
    (dolist (name '("ok" "old"))
      (should (= 0 (plist-get (mew-submit-batch-send-tests--run peer name
                                                                "a@Bücher.example")
                              :status))))
    (should (equal (mew-submit-test-envelope peer 2)
                   '("me@example.org" "a@xn--bcher-kva.example")))
    (should (= 0 (plist-get (mew-submit-batch-send-tests--run peer "ok"
                                                              "jörg@bücher.example")
                            :status)))
    (let ((result (mew-submit-batch-send-tests--run peer "old"
                                                    "jörg@bücher.example")))
      (should-not (= 0 (plist-get result :status)))
      (should (string-search "jörg@" (plist-get result :stderr))))
    (should (equal (mapcar (lambda (line)
                             (and (string-search "SMTPUTF8"
                                                 (plist-get line :text))
                                  t))
                           (seq-filter (lambda (line)
                                         (string-prefix-p
                                          "MAIL" (plist-get line :text)))
                                       (mew-submit-test-log peer "line")))
                   '(nil nil t)))))

(ert-deftest mew-submit-batch-send-tests-null-sender-and-lawful-oddities ()
  "The null sender and unusual but lawful addresses are sent as they are."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (should (= 0 (plist-get (mew-submit-batch-send-tests--run
                             peer "ok" "--from" "" "\"a b\"@x" "root"
                             "a@[192.0.2.1]" "a..b@x")
                            :status)))
    (should (equal (mew-submit-test-envelope peer)
                   '("" "\"a b\"@x" "root" "a@[192.0.2.1]" "a..b@x")))))

(ert-deftest mew-submit-batch-send-tests-ehlo-gives-nothing-away ()
  "EHLO does not name this machine, unless --helo does."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-batch-send-tests--run peer "ok" "a@x")
    (mew-submit-batch-send-tests--run peer "ok" "--helo" "[192.0.2.7]" "a@x")
    (should (equal (delete-dups
                    (seq-filter (lambda (text) (string-prefix-p "EHLO" text))
                                (mapcar (lambda (line) (plist-get line :text))
                                        (mew-submit-test-log peer "line"))))
                   '("EHLO localhost.localdomain" "EHLO [192.0.2.7]")))))

;;; Refused before anything is connected

(defun mew-submit-batch-send-tests--refused (peer status cases)
  "Check that each of CASES ends with STATUS, one line, and no connection to PEER.
A case is (ARGUMENTS . INPUT).  The first one has an Emacs of its own."
  (let ((json (mapcar (lambda (case) (cons (cons "--json" (car case)) (cdr case))) cases)))
    (cl-mapc (lambda (case said json)
               (mew-submit-batch-send-tests--told peer status (car case) said json))
             (cons (car cases) cases)
             (cons (mew-submit-test-batch (caar cases) :input (cdar cases))
                   (mew-submit-test-batches cases))
             (cons (mew-submit-test-batch (caar json) :input (cdar json))
                   (mew-submit-test-batches json)))))

(defun mew-submit-batch-send-tests--told (peer status arguments said json)
  "Check that SAID, what came of ARGUMENTS, has STATUS and one line.
JSON is the same with --json.  There was no connection to PEER."
  (ert-info ((format "%S" arguments))
    (should (= (plist-get said :status) status))
    (should (= (length (mew-submit-batch-send-tests--lines said)) 1))
    (should (string-prefix-p "mew-submit: " (plist-get said :stderr)))
    (should (equal (plist-get said :stdout) ""))
    (should (= (plist-get json :status) status))
    (let ((done (mew-submit-test-done json)))
      (should (= (length (mew-submit-test-events json)) 1))
      (should (equal (plist-get done :exit) status))
      (should (equal (plist-get done :result) "refused"))
      (should (string-match-p "[a-z]" (plist-get done :text))))
    (should-not (mew-submit-test-log peer "connect"))))

(defun mew-submit-batch-send-tests--cases (peer &rest mores)
  "Return cases with the arguments that lead to PEER and each of MORES."
  (mapcar (lambda (more)
            (cons (apply #'mew-submit-batch-send-tests--arguments peer "ok" more)
                  mew-submit-batch-send-tests--message))
          mores))

(ert-deftest mew-submit-batch-send-tests-usage ()
  "A command that makes no sense ends with 64, before anything is connected."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-batch-send-tests--refused
     peer 64
     (mew-submit-batch-send-tests--cases
      peer
      '("--frob" "a@x") '("-x" "a@x") '("a@x" "--server") '()
      '("--plan" "nonsense" "a@x") '("--plan=submission" "a@x")
      '("--routes" "0:none" "a@x") '("--routes" "65536:none" "a@x")
      '("--routes" "25" "a@x") '("--routes" "25:ssl" "a@x")
      '("--family" "ipv5" "a@x") '("--tls" "maybe" "a@x")
      '("--tls=" "a@x") '("--fallback" "ask" "a@x")
      '("--timeout" "0" "a@x") '("--timeout" "1s" "a@x")
      '("--timeout" "-1" "a@x") '("--step-timeout" "1e9" "a@x")
      '("--auth" "PLAIN X" "a@x") '("--without" "STARTTLS" "a@x")
      '("--without" "A,,B" "a@x") '("--json=1" "a@x")
      '("--ssh" "a b" "a@x") '("--ssh" "-oX=y" "a@x")
      '("--ssh" "h" "--tunnel" "ssh:h" "a@x")
      '("--tunnel" "h" "a@x") '("--source" "localhost" "a@x")
      '("--password-file" "/dev/null" "a@x")))))

(ert-deftest mew-submit-batch-send-tests-options-have-an-effect ()
  "Two options of which one has no effect are told, by each command.
Who named the sender's address, say, would think that mail leaves from there."
  (pcase-dolist
      (`(,parse ,check ,words . ,args)
       '((send t "--family has no effect with --ssh" "--ssh" "h" "--family" "ipv4")
         (send t "--source has no effect with --ssh" "--source" "::1" "--ssh" "h")
         ;; What a script gives each time is no mistake.
         (send t nil "--tls" "none" "--server" "h" "--user" "u" "--auth" "none" "--ca-file" "/f")
         (send t nil "--source" "::1" "--tunnel" "socks5:127.0.0.1:1080")
         (diagnose t "--family has no effect with --ssh" "--ssh" "h" "--family" "ipv4" "x")
         (send t "--source has no effect with --family ipv6" "--source" "192.0.2.1" "--family"
               "ipv6")
         (send t nil "--source" "::1" "--family" "ipv6")
         (diagnose t "--source has no effect" "--source" "::1" "--family" "ipv4" "127.0.0.1")
         (diagnose t "--details has no effect with --json" "--json" "--details" "127.0.0.1")
         (survey nil "--salt has no effect without --report" "--salt" "a b" "f")
         (survey nil "--jobs has no effect with --merge" "--merge" "--jobs" "3" "f")
         (survey nil nil "--salt" "a b" "--report" "f")
         (sendmail-arguments nil "exclude each other" "-a" "nope" "--server" "h" "a@x")
         (relay nil "--server has no effect with --sink" "--sink" "/d" "--server" "h")
         (relay nil "--outbox has no effect with --sink" "--sink" "/d" "--outbox" "/o")
         (relay nil nil "--sink" "/d" "--anyone")))
    (let (told)
      (cl-letf (((symbol-function 'mew-submit-batch-command--tell)
                 (lambda (text) (push text told))))
        (condition-case err
            (let ((options (funcall (intern (format "mew-submit-batch-%s--parse" parse)) args)))
              (when check
                (funcall (if (eq parse 'send)
                             #'mew-submit-batch-options--check
                           #'mew-submit-batch-diagnose--check)
                         options)))
          (mew-submit-usage
           ;; Only what could go another way than was said is refused.
           (should-not (string-match-p " no effect with\\(?:out\\)? --[^f]"
                                       (mew-submit-error--text err)))
           (push (mew-submit-error--text err) told))))
      (ert-info ((format "%s: %s" parse args))
        (should (= (length told) (if words 1 0)))
        (when words
          (should (string-search words (car told))))))))

(ert-deftest mew-submit-batch-send-tests-options-have-values ()
  "An option without its value is told, by each command.
A shell's variable that is not set leaves nothing, or the next option: it would
be a user called --password-file, or the file of certificates the directory."
  (pcase-dolist
      (`(,parse . ,options)
       `((mew-submit-batch-send--parse . ,mew-submit-batch-send--options)
         (mew-submit-batch-diagnose--parse . ,mew-submit-batch-diagnose--options)
         (mew-submit-batch-domain--parse . ,mew-submit-batch-domain--options)
         (mew-submit-batch-outbox--parse . ,mew-submit-batch-outbox--options)
         (mew-submit-batch-relay--parse . ,mew-submit-batch-relay--options)
         (mew-submit-batch-setup--parse . ,mew-submit-batch-setup--options)
         (mew-submit-batch-sendmail-arguments--parse
          . ,mew-submit-batch-sendmail-arguments--options)
         (mew-submit-batch-survey--parse . ,mew-submit-batch-survey--options)))
    (pcase-dolist (`(,name ,key ,argument . ,_) options)
      (dolist (args (and argument
                         `((,name) (,name "--help")
                           ,@(unless (eq key :from)
                               `((,name "") (,(concat name "=")))))))
        (ert-info ((format "%s: %s" parse args))
          (should (equal (mew-submit-error--text
                          (should-error (funcall parse args) :type 'mew-submit-usage))
                         (concat name " needs an argument")))))))
  (should (equal (plist-get (mew-submit-batch-send--parse '("--from" "" "a@x")) :from) ""))
  (should (equal (plist-get (mew-submit-batch-send--parse '("--user=--help" "a@x")) :user)
                 "--help")))

(ert-deftest mew-submit-batch-send-tests-files-that-cannot-be-read ()
  "A file of certificates that is not there is told before anything is looked at."
  (dolist (parse '(mew-submit-batch-domain--parse mew-submit-batch-setup--parse
                                                  mew-submit-batch-survey--parse))
    (should (equal (mew-submit-error--text
                    (should-error (funcall parse '("--ca-file" "/dev/null/x" "x@y"))
                                  :type 'mew-submit-config))
                   "The CA file cannot be read: /dev/null/x"))))

(ert-deftest mew-submit-batch-send-tests-places-that-are-none ()
  "A place that is mistyped, or gone, is told as such: TMPDIR, an outbox."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((file (mew-submit-test-write (expand-file-name "file" directory) "x"))
          (run (lambda (command &rest arguments)
                 (mew-submit-test-emacs
                  `("-l" ,(expand-file-name "mew-submit.el" mew-submit-test-root)
                    "-f" ,command "--" ,@arguments)
                  :input mew-submit-batch-send-tests--message))))
      (let ((result (funcall run "mew-submit-batch-outbox" "--outbox" file)))
        (should (eql (plist-get result :status) 78))
        (should (string-search (concat "no directory that can be read: " file)
                               (plist-get result :stderr))))
      (let ((result (funcall run "mew-submit-batch-outbox" "--outbox" (concat file "s"))))
        (should (eql (plist-get result :status) 0))
        (should (equal (plist-get result :stdout)
                       (format "There is no outbox %ss yet\n" file))))
      (let ((process-environment (cons (concat "TMPDIR=" file) process-environment)))
        (pcase-dolist (`(,command . ,arguments)
                       '(("mew-submit-batch-send" "--server" "localhost" "a@x")
                         ("mew-submit-batch-cause")
                         ("mew-submit-batch-survey" "/dev/null")))
          (let ((result (apply run command arguments)))
            (should (eql (plist-get result :status) 78))
            (should (string-search "TMPDIR has to name a directory"
                                   (plist-get result :stderr)))))))))

(ert-deftest mew-submit-batch-send-tests-bad-addresses ()
  "An address, host, name or secret that could inject ends with 65, unconnected."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let ((password (mew-submit-test-write
                     (mew-submit-test--peer-file peer "pw") "a\0b\n")))
      (mew-submit-batch-send-tests--refused
       peer 65
       (mew-submit-batch-send-tests--cases
        peer
        '("a@x\r\nRCPT TO:<b@x>") '("a@x\nDATA") '("good@x" "a b@x")
        '("a@x> SIZE=1") '("<a@x>") '("\"a\r\nb\"@x") '("a\u2028@x")
        '("a\u0085@x") '("a\u010D\u010A@x") `(,(make-string 300 ?a))
        `(,(concat (make-string 253 ?a) "@x")) '("a@x y") '("")
        '("--from" "a@x\nDATA" "b@x") '("--from" "a b" "b@x")
        '("--server" "a\r\nb" "b@x") '("--server" "a b" "b@x")
        '("--server=;id" "b@x")
        '("--helo" "x\r\nMAIL FROM:<a@x>" "b@x")
        '("--helo" "a b" "b@x")
        '("--user" "me\r\nX" "b@x")
        `("--user" "me" "--password-file" ,password "b@x"))))))

(ert-deftest mew-submit-batch-send-tests-bad-messages ()
  "A message that is empty, or behind an empty line, or with -t for nobody, ends with 65."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let ((named (mew-submit-batch-send-tests--arguments peer "ok" "a@x")))
      (mew-submit-batch-send-tests--refused
       peer 65
       `((,named . "")
         ;; All of the header would be text, Bcc too.
         ,@(mapcar (lambda (text) (cons named text))
                   '("\nFrom: me@x\nBcc: b@x\n\nbody\n" "\r\n\r\nSubject: s\r\n\r\nbody\r\n"))
         ,@(mapcar (lambda (header)
                     (cons (mew-submit-batch-send-tests--arguments peer "ok" "-t")
                           (concat "From: me@x\n" header "\n\nbody\n")))
                   '("Subject: s" "To: undisclosed-recipients:;" "To: a b@x"
                     "To: \"a\nBcc: <b@x>" "To: a@x\rCc: b c@x"
                     ;; SECURITY: J14
                     "To: a@x\nFrom: me@x" "To: a@x\nSender: a@x\nSENDER : b@x"))
         ;; This one the module finds.
         (,named . "From: me@x\n\nbo\0dy\n"))))))

(ert-deftest mew-submit-batch-send-tests-bad-configuration ()
  "A file that cannot be used, and no server at all, end with 78."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let ((junk (mew-submit-test-write
                 (mew-submit-test--peer-file peer "junk") "\n")))
      (mew-submit-batch-send-tests--refused
       peer 78
       (cons
        (cons '("a@x") mew-submit-batch-send-tests--message)
        (mew-submit-batch-send-tests--cases
         peer
         `("--ca-file" ,(mew-submit-test-missing "ca.pem") "a@x")
         `("--ca-file" ,junk "a@x") '("--ca-file" "/" "a@x")
         `("--crl-file" ,(mew-submit-test-missing "crl.pem") "a@x")
         `("--user" "me" "--password-file" ,(mew-submit-test-missing "pw") "a@x")
         `("--user" "me" "--password-file" ,junk "a@x")
         `("--memory" ,junk "a@x")
         `("--outbox" ,(concat junk "/outbox") "a@x")))))))

;;; How it ends

(ert-deftest mew-submit-batch-send-tests-exit-status ()
  "Each way to end has its exit status, and nothing was delivered unless it is 0.
\(SECURITY: M1)."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "--user" "me" "--password" "s3cret"
            "127.0.0.1:0,name=ok"
            "127.0.0.1:0,name=partly,noauth,rcpt#1=reply:550 5.1.1 No"
            "127.0.0.1:0,name=later,noauth,rcpt#2=reply:450 4.2.1 Later"
            "127.0.0.1:0,name=busy,noauth,mail=reply:451 4.3.0 Later"
            "127.0.0.1:0,name=no,noauth,mail=reply:550 5.7.1 No"
            "127.0.0.1:0,name=lost,noauth,dot=close"
            "127.0.0.1:0,name=noise,noauth,ehlo=reply:hello"
            "127.0.0.1:0,name=stripped,cap-=STARTTLS"
            "127.0.0.1:0,name=shut,refused")
    (let ((good (mew-submit-test-write
                 (mew-submit-test--peer-file peer "good") "s3cret\r\nmore\n"))
          (wrong (mew-submit-test-write
                  (mew-submit-test--peer-file peer "wrong") "guess\n")))
      (pcase-dolist
          (`(,name ,status ,result . ,more)
           `(("ok" 0 "delivered" "--user" "me" "--password-file" ,good)
             ("ok" 77 "refused" "--user" "me" "--password-file" ,wrong)
             ("ok" 77 "refused")
             ("ok" 77 "refused" "--user" "me")
             ("partly" 69 "partial")
             ("later" 69 "partial")
             ("busy" 75 "deferred")
             ("no" 69 "refused")
             ("lost" 74 "uncertain")
             ("noise" 76 "deferred")
             ("stripped" 77 "insecure")
             ("shut" 75 "deferred")
             ("ok" 77 "insecure" "--server" "localhost" "--ca-file"
              "/etc/ssl/certs/ca-certificates.crt")
             ("ok" 68 "deferred" "--server" "no-such-host.invalid")))
        (ert-info ((format "%s %S" name more))
          (let* ((result-of (apply #'mew-submit-batch-send-tests--run peer name
                                   "--json" (append more '("a@x" "b@x"))))
                 (done (mew-submit-test-done result-of)))
            (should (equal (list (plist-get result-of :status)
                                 (plist-get done :exit)
                                 (plist-get done :result))
                           (list status status result)))
            (dolist (secret '("s3cret" "guess"))
              (should-not (string-search secret (format "%S" result-of))))))))))

(ert-deftest mew-submit-batch-send-tests-no-name-server ()
  "That a name server does not answer is no word about the host.
SECURITY: M1."
  :tags '(:module)
  (skip-unless (mew-submit-test-preload-p))
  ;; EAI_NONAME, EAI_AGAIN and EAI_FAIL.
  (pcase-dolist (`(,ipv4 ,ipv6 ,status ,kind ,words)
                 '(("-2" "-2" 68 "host" "No such host: mail.example.org")
                   ("-3" "-3" 75 "resolver" "mail.example.org cannot be found out: no name server tells it\\.")
                   ("-3" "-2" 75 "resolver" "mail.example.org cannot be found out")
                   ("-2" "-3" 75 "resolver" "mail.example.org cannot be found out")
                   ("-4" "-4" 75 "resolver" "mail.example.org cannot be found out: the look-up failed\\.")
                   ("-2" "-4" 75 "resolver" "mail.example.org cannot be found out")))
    (ert-info ((format "%s %s" ipv4 ipv6))
      (mew-submit-test-with-preload ((concat "PRELOAD_IPV4=" ipv4) (concat "PRELOAD_IPV6=" ipv6))
        (let* ((arguments '("--server" "mail.example.org" "a@x"))
               (json (mew-submit-test-batch (cons "--json" arguments)
                                            :input mew-submit-batch-send-tests--message))
               (done (mew-submit-test-done json))
               (told (mew-submit-test-batch arguments
                                            :input mew-submit-batch-send-tests--message)))
          (should (equal (list (plist-get json :status) (plist-get done :kind)
                               (plist-get done :result))
                         (list status kind "deferred")))
          (should (string-match-p words (plist-get told :stderr)))
          (should (eq (equal kind "host")
                      (and (string-search "No such host" (plist-get told :stderr)) t))))))))

(ert-deftest mew-submit-batch-send-tests-partial-is-told ()
  "A line says who got the message and who did not, and what to do."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=partly,rcpt#1=reply:550 5.1.1 Nobody here")
    (let ((text (plist-get (mew-submit-batch-send-tests--run peer "partly" "a@x"
                                                             "b@x")
                           :stderr)))
      (should (string-match-p "partly delivered to b@x .*NOT delivered to a@x: \
550 5\\.1\\.1 Nobody here\\.  The others have it: do not send it to them again\\.  \
.*spelling" text)))))

(ert-deftest mew-submit-batch-send-tests-partial-is-not-sent-again ()
  "Of one whose mailbox is full it is not said to send it again, which is no use."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=full,rcpt#1=reply:552 5.2.2 Mailbox full")
    (let ((text (plist-get (mew-submit-batch-send-tests--run peer "full" "a@x" "b@x")
                           :stderr)))
      (should (string-match-p "full\\.  The others have it: .*when there is room\\." text))
      (should-not (string-match-p "a@x again\\|Correct" text)))))

(ert-deftest mew-submit-batch-send-tests-implicit-tls ()
  "Implicit TLS needs no STARTTLS, and never speaks in the clear."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,implicit")
    (let* ((result (mew-submit-batch-send-tests--run
                    peer "ok" "--json" "--routes"
                    (format "%d:implicit" (mew-submit-test-port peer "ok"))
                    "a@x"))
           (done (mew-submit-test-done result)))
      (should (= (plist-get result :status) 0))
      (should (eq (plist-get (plist-get done :tls) :verified) t)))))

(ert-deftest mew-submit-batch-send-tests-options-have-two-forms ()
  "--option=value is --option value; the last one counts; -- ends the options."
  (should (equal (mew-submit-batch-send--parse
                  '("--server=h" "a@x" "--tls" "none" "--tls=opportunistic" "-t"
                    "--from=" "--timeout" "2.5" "--auth" "scram-sha-1"
                    "--without=CHUNKING,SIZE" "--" "--json"))
                 '(:server "h" :tls opportunistic :header t :from ""
                           :timeout 2.5 :auth "SCRAM-SHA-1"
                           :without ("CHUNKING" "SIZE")
                           :arguments ("a@x" "--json")))))

(ert-deftest mew-submit-batch-send-tests-help ()
  "--help names every option, on standard output, and ends with 0."
  (let ((result (mew-submit-test-batch '("--help"))))
    (should (= (plist-get result :status) 0))
    (should (equal (plist-get result :stderr) ""))
    (dolist (option mew-submit-batch-send--options)
      (should (string-search (car option) (plist-get result :stdout))))))

(ert-deftest mew-submit-batch-send-tests-unexpected-error ()
  "An error nobody thought of ends with 70 and one line, without a backtrace."
  :tags '(:module)
  (dolist (more '(() ("--json")))
    (let ((result (mew-submit-test-emacs
                   (append
                    (list "-l" (expand-file-name "mew-submit.el"
                                                 mew-submit-test-root)
                          "--eval" "(setq debug-on-error t)"
                          "--eval" "(advice-add 'mew-submit-message--fields \
:before (lambda (&rest _) (car 1)))"
                          "-f" "mew-submit-batch-send" "--")
                    more '("--server" "localhost" "a@x"))
                   :input mew-submit-batch-send-tests--message)))
      (should (= (plist-get result :status) 70))
      (should (= (length (split-string (concat (plist-get result :stdout)
                                               (plist-get result :stderr))
                                       "\n" t))
                 1)))))

(ert-deftest mew-submit-batch-send-tests-told-to-stop ()
  "SIGTERM and SIGINT end the job, tell how it ended, and lose no message."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=greeting,greeting=stall"
                                   "127.0.0.1:0,name=dot,dot=stall")
    (dolist (signal '(SIGTERM SIGINT))
      (pcase-dolist (`(,name ,status ,result)
                     '(("greeting" 75 "cancelled") ("dot" 74 "uncertain")))
        (ert-info ((format "%s %s" signal name))
          (let* ((outbox (mew-submit-test--peer-file
                          peer (format "outbox-%s-%s" name signal)))
                 (stalled (length (mew-submit-test-log peer "stall")))
                 (sent nil)
                 (run (mew-submit-test-batch
                       (mew-submit-batch-send-tests--arguments
                        peer name "--json" "--outbox" outbox "a@x")
                       :input mew-submit-batch-send-tests--message
                       :signal
                       (lambda (process)
                         (when (and (not sent)
                                    (> (length (mew-submit-test-log peer "stall"))
                                       stalled))
                           (setq sent t)
                           (signal-process process signal)))))
                 (done (mew-submit-test-done run)))
            (should (= (plist-get run :status) status))
            (should (equal (plist-get done :result) result))
            (should (equal (mew-submit-test-octets (plist-get done :kept))
                           mew-submit-batch-send-tests--message))))))))

(ert-deftest mew-submit-batch-send-tests-a-script-ends ()
  "A script that sends mail, and ends, has the mail delivered first.
What is told to end cannot wait: its mail goes on with the next Emacs."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=slow,noauth,rcpt=hold:go"
                                   "127.0.0.1:0,name=never,noauth,rcpt=stall")
    (pcase-dolist (`(,name ,end ,left)
                   '(("slow" nil nil) ("never" (mew-submit-dispatch--leave) queued)))
      (ert-info (name)
        (let* ((outbox (file-name-as-directory (mew-submit-test--peer-file peer name)))
               (message (mew-submit-test-write (mew-submit-test--peer-file peer "message")
                                               mew-submit-batch-send-tests--message))
               (result
                (mew-submit-test-emacs
                 (list "-L" (expand-file-name "lisp" mew-submit-test-root)
                       "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                       "--eval"
                       (format "%S"
                               `(progn
                                  (setq mew-submit-outbox-directory ,outbox)
                                  (require 'mew-submit-queue)
                                  (mew-submit-queue--add
                                   ,message :recipients '("a@x")
                                   :account ',(mew-submit-test-account peer name))
                                  (write-region "" nil ,(mew-submit-test--peer-file
                                                         peer "store/go"))
                                  ,end)))))
               (id (car (mew-submit-spool--ids outbox))))
          (should (eql (plist-get result :status) 0))
          (should (eq left (and id (plist-get (mew-submit-spool--read id outbox) :state)))))))
    (should (= 1 (length (mew-submit-test-accepted peer))))))

(ert-deftest mew-submit-batch-send-tests-told-to-stop-while-reading ()
  "SIGTERM while the message comes in ends with 75 and leaves no file."
  :tags '(:module)
  (when (equal (getenv "MEW_SUBMIT_SANITIZER") "tsan")
    (ert-skip "TSan holds a signal back while a thread reads"))
  (mew-submit-test-with-directory tmp
    (dolist (outbox (list nil (expand-file-name "outbox" tmp)))
      (let* ((process-environment (cons (concat "TMPDIR=" tmp)
                                        process-environment))
             (files (lambda ()
                      (seq-filter #'file-regular-p
                                  (directory-files-recursively tmp ".*"))))
             (result (mew-submit-test-batch
                      (append (and outbox (list "--outbox" outbox))
                              '("--server" "localhost" "a@x"))
                      :input t
                      :signal (lambda (process)
                                (when (funcall files)
                                  (signal-process process 'SIGTERM))))))
        (should (= (plist-get result :status) 75))
        (should (= (length (mew-submit-batch-send-tests--lines result)) 1))
        (should-not (funcall files))))))

;; mew-submit send < ~/mail, for a file in it.
(ert-deftest mew-submit-batch-send-tests-a-directory-is-no-message ()
  "A directory as standard input is told as such, and is nothing to be tried again."
  :tags '(:module)
  (mew-submit-test-with-directory tmp
    (pcase-dolist (`(,command . ,arguments)
                   '(("mew-submit-batch-send" "--server" "localhost" "a@x")
                     ("mew-submit-batch-sendmail" "--server" "localhost" "a@x")
                     ("mew-submit-batch-cause")
                     ("mew-submit-batch-survey" "-")))
      (ert-info (command)
        (with-temp-buffer
          (let ((process-environment (append (list (concat "HOME=" tmp)
                                                   (concat "TMPDIR=" tmp))
                                             process-environment)))
            (should
             (eql 78
                  (apply #'call-process "sh" nil t nil "-c" "exec \"$@\" < /" "sh"
                         mew-submit-test-emacs "-Q" "--batch" "--eval"
                         "(setq load-prefer-newer t)" "-l"
                         (expand-file-name "mew-submit.el" mew-submit-test-root)
                         "-f" command "--" arguments))))
          (should (string-match-p "Standard input cannot be read: Is a directory"
                                  (buffer-string)))
          (should-not (directory-files tmp nil "\\`mew-submit")))))))

;;; The outbox

(ert-deftest mew-submit-batch-send-tests-outbox-keeps-what-is-not-delivered ()
  "With --outbox a message stays until it is delivered, for its owner only."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=busy,mail=reply:451 Later"
                                   "127.0.0.1:0,name=ok")
    (let* ((outbox (mew-submit-test--peer-file peer "new/outbox"))
           (result (mew-submit-batch-send-tests--run peer "busy" "--outbox" outbox
                                                     "a@x"))
           (files (directory-files outbox t "\\.eml\\'")))
      (should (= (plist-get result :status) 75))
      (should (= (length files) 1))
      (should (equal (mew-submit-test-octets (car files))
                     mew-submit-batch-send-tests--message))
      (should (= (file-modes (car files)) #o600))
      (should (= (file-modes outbox) #o700))
      (should (string-search (car files) (plist-get result :stderr)))
      (should (= 0 (plist-get (mew-submit-batch-send-tests--run
                               peer "ok" "--outbox" outbox "a@x")
                              :status)))
      (should (equal (directory-files outbox t "\\.eml\\'") files)))))

(ert-deftest mew-submit-batch-send-tests-nothing-is-left-in-the-temporary-directory ()
  "Without --outbox nothing stays on disk, however it ends."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=busy,mail=reply:451 Later"
                                   "127.0.0.1:0,name=ok")
    (let* ((tmp (mew-submit-test--peer-file peer "tmp"))
           (process-environment (cons (concat "TMPDIR=" tmp)
                                      process-environment)))
      (make-directory tmp)
      (pcase-dolist (`(,name ,address ,status)
                     '(("ok" "a@x" 0) ("busy" "a@x" 75) ("ok" "a b@x" 65)))
        (should (= status (plist-get (mew-submit-test-batch
                                      (mew-submit-batch-send-tests--arguments
                                       peer name address)
                                      :input (concat "Bcc: c@x\n"
                                                     mew-submit-batch-send-tests--message))
                                     :status)))
        (should (directory-empty-p tmp))))))

(ert-deftest mew-submit-batch-send-tests-out-of-descriptors ()
  "Whatever cannot be opened for want of descriptors is a matter of later, not of the mail."
  :tags '(:module)
  (when (getenv "MEW_SUBMIT_SANITIZER")
    (ert-skip "The sanitizer wants descriptors"))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let* ((emacs mew-submit-test-emacs)
           (mew-submit-test-emacs (mew-submit-test--peer-file peer "few"))
           (delivered 0))
      (cl-loop
       for limit from 14 to 26
       do (mew-submit-test-write
           mew-submit-test-emacs
           (format "#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n" limit
                   (shell-quote-argument emacs)))
       (set-file-modes mew-submit-test-emacs #o700)
       (ert-info ((format "%d descriptors" limit))
         (let* ((result (mew-submit-test-batch
                         (mew-submit-batch-send-tests--arguments peer "ok" "a@x")
                         :input mew-submit-batch-send-tests--message))
                (status (plist-get result :status)))
           (ert-info ((plist-get result :stderr))
             ;; With 255 Emacs itself did not come to its command.
             (should (memq status '(0 70 75 255))))
           (when (eq status 0)
             (cl-incf delivered))
           (should (= delivered (length (mew-submit-test-log peer "message"))))))))))

;;; Credentials

(ert-deftest mew-submit-batch-send-tests-authinfo-only-with-a-user ()
  "~/.authinfo is read when --user has no password file, and else not."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=ok")
    (let ((home (file-name-as-directory
                 (mew-submit-test--peer-file peer "home"))))
      (make-directory home)
      (mew-submit-test-write (expand-file-name ".authinfo" home)
                             "machine 127.0.0.1 login other password no port 587
machine 127.0.0.1 login me password s3cret port 587\n")
      (pcase-dolist (`(,status . ,more) '((0 "--user" "me") (77)
                                          (77 "--user" "nobody")
                                          (77 "--user" "other")))
        (ert-info ((format "%S" more))
          (let ((result (mew-submit-test-batch
                         (apply #'mew-submit-batch-send-tests--arguments peer "ok"
                                "a@x" more)
                         :input mew-submit-batch-send-tests--message :home home)))
            (should (= (plist-get result :status) status))))))))

(provide 'mew-submit-batch-send-tests)
;;; mew-submit-batch-send-tests.el ends here
