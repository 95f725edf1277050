;;; mew-submit-batch-sendmail-tests.el --- Tests for what is called as sendmail -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Arguments, what is added to a message, exit statuses, and handing a message over
;; to an Emacs server.  Git and others as callers are test/relay's.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-spool)
(require 'mew-submit-restore)
(require 'mew-submit-batch-outbox)
(require 'mew-submit-batch-sendmail)
(require 'mew-submit-test-helpers)
(require 'seq)

(defun mew-submit-batch-sendmail-tests--run (arguments &rest keys)
  "Run `mew-submit-batch-sendmail' with ARGUMENTS; KEYS as for an Emacs.
It hands nothing over to an Emacs that somebody runs on this machine."
  (apply #'mew-submit-test-emacs
         (append (list "--eval" "(setq mew-submit-batch-hand-over--socket-directories nil
                                        mew-submit-batch-hand-over--caller 10)"
                       "-l" (expand-file-name "mew-submit.el"
                                              mew-submit-test-root)
                       "-f" "mew-submit-batch-sendmail" "--")
                 arguments)
         keys))

(defun mew-submit-batch-sendmail-tests--options (peer name directory)
  "Return the options for PEER's listener NAME, with an outbox in DIRECTORY."
  (list "--server" "127.0.0.1" "--ca-file" (mew-submit-test-ca peer)
        "--routes" (format "%d:starttls" (mew-submit-test-port peer name))
        "--outbox" (expand-file-name "outbox" directory)))

(ert-deftest mew-submit-batch-sendmail-tests-arguments ()
  "Flags are sendmail's: together, with values here or there, unknown ones ignored."
  (pcase-dolist
      (`(,args ,recipients . ,wanted)
       '((("a@x" "b@x") ("a@x" "b@x"))
         (("-i" "-t") nil :header t :dots t)
         (("-oi" "-fme@x" "a@x") ("a@x") :dots t :from "me@x")
         (("-f" "<me@x>" "a@x") ("a@x") :from "me@x")
         (("-f" "" "a@x") ("a@x") :from "")
         (("-f" "<>" "a@x") ("a@x") :from "")
         (("-f" "Me <me@x>" "a@x") ("a@x") :from "me@x")
         (("-f" "me@x (Me, I)" "a@x") ("a@x") :from "me@x")
         (("-f" "(Me) <me@x> (I)" "a@x") ("a@x") :from "me@x")
         (("-f" "root" "a@x") ("a@x") :from "root")
         (("--from" "Me <me@x>" "a@x") ("a@x") :from "me@x")
         (("--from=" "a@x") ("a@x") :from "")
         ;; As msmtp is called by Emacs, mutt and others.
         (("--read-envelope-from" "--read-recipients" "--account" "work") nil
          :header t :account "work")
         ;; Nobody is guessed: what is none is told.
         (("-f" "Me I me@x" "a@x") ("a@x") :from "Me I me@x")
         (("-f" "me@x, you@x" "a@x") ("a@x") :from "me@x, you@x")
         (("-r" "me@x" "-F" "My Name" "a@x") ("a@x") :from "me@x"
          :name "My Name")
         (("-FMy Name" "-it" "a@x") ("a@x") :name "My Name" :header t :dots t)
         (("-N" "never" "-R" "hdrs" "-V" "id1" "a@x") ("a@x")
          :dsn-notify "NEVER" :dsn-return "HDRS" :dsn-id "id1")
         (("-O" "IgnoreDots=True" "a@x") ("a@x") :dots t)
         (("-B" "8BITMIME" "-h" "5" "-L" "tag" "-p" "x" "-X" "/log" "-oem"
           "-em" "-odb" "-G" "-U" "-n" "-m" "a@x")
          ("a@x"))
         (("-bm" "a@x") ("a@x") :mode "m")
         (("-bp") nil :mode "p")
         (("-q") nil :mode "q") (("-q15m") nil :mode "q")
         (("-bs") nil :mode "s") (("-bv" "root") ("root") :mode "v")
         (("-oMr" "local" "-oi" "a@x") ("a@x") :dots t)
         (("-oMs" "host.test" "-oMa" "192.0.2.1" "a@x" "b@x") ("a@x" "b@x"))
         (("-oMrESMTP" "a@x") ("a@x"))
         (("-i" "--" "-a@x") ("-a@x") :dots t)
         (("a@x" "--server" "h" "-i" "--tls=none" "b@x") ("a@x" "b@x")
          :server "h" :tls none :dots t)))
    (ert-info ((format "%S" args))
      (let ((options (mew-submit-batch-sendmail-arguments--parse (copy-sequence args))))
        (should (equal (plist-get options :arguments) recipients))
        (cl-loop for (key value) on wanted by #'cddr
                 do (should (equal (plist-get options key) value)))
        (unless wanted
          (should (equal (cl-loop for (key _) on options by #'cddr
                                  collect key)
                         '(:arguments)))))))
  (dolist (args '(("-f") ("-N" "sometimes" "a@x") ("--bogus") ("--tls" "x")))
    (should-error (mew-submit-batch-sendmail-arguments--parse (copy-sequence args))
                  :type 'mew-submit-usage)))

(ert-deftest mew-submit-batch-sendmail-tests-recipients ()
  "An argument may be a list of addresses; a name without domain may stand for some."
  (let ((mew-submit-sendmail-aliases '(("root" "me@x" "you@x") (t "all@x"))))
    (should (equal (mew-submit-batch-sendmail--recipients
                    '(:arguments ("a@x, B <b@x>" "root" "cron" "a@x")) nil)
                   '("a@x" "b@x" "me@x" "you@x" "all@x"))))
  (should (equal (mew-submit-batch-sendmail--recipients '(:arguments ("root")) nil)
                 '("root")))
  ;; With -t those in the header come on top.
  (should (equal (mew-submit-batch-sendmail--recipients
                  '(:arguments ("a@x") :header t)
                  '(("to" . "To: b@x\n") ("bcc" . "Bcc: c@x, a@x\n")))
                 '("a@x" "b@x" "c@x")))
  (should-error (mew-submit-batch-sendmail--recipients nil nil)
                :type 'mew-submit-usage))

(ert-deftest mew-submit-batch-sendmail-tests-alias-of-an-alias ()
  "A name may stand for names, in either case, here as in sendmail; none goes round."
  (pcase-dolist
      (`(,aliases ,address . ,wanted)
       '(((("postmaster" "root") ("root" "me@x")) "Postmaster" "me@x")
         ((("staff" "ann" "bob" "c@x") ("ann" "a@x")) "staff" "a@x" "bob" "c@x")
         ((("a" "b") ("b" "a")) "a" "a")
         ((("a" "a" "a@x")) "a" "a" "a@x")
         (((t "root") ("Root" "me@x")) "cron" "me@x")
         (((t "other")) "cron" "other")
         ;; A domain that is this machine is none; any other one is.
         ((("root" "me@x")) "root@localhost" "me@x")
         ((("root" "me@x")) "root@localhost.localdomain" "me@x")
         ((("root" "me@x")) "root@host.x" "root@host.x")
         (nil "cron@localhost" "cron@localhost")))
    (ert-info ((format "%S of %S" address aliases))
      (let ((mew-submit-sendmail-aliases aliases))
        (should (equal (mew-submit-alias--expand address '(:server "smtp.x")) wanted))))))

(ert-deftest mew-submit-batch-sendmail-tests-aliases-stay ()
  "Whoever gets one message by an alias is not added to the alias: the next is theirs alone."
  (let ((mew-submit-sendmail-aliases (list (list "root" "me@x") (list t "all@x"))))
    (dotimes (_ 2)
      (should (equal (mew-submit-batch-sendmail--recipients
                      '(:arguments ("root" "cron" "you@x")) nil)
                     '("me@x" "all@x" "you@x"))))
    (should (equal (mew-submit-batch-sendmail--recipients '(:arguments ("root")) nil)
                   '("me@x")))
    (should (equal mew-submit-sendmail-aliases '(("root" "me@x") (t "all@x"))))))

(ert-deftest mew-submit-batch-sendmail-tests-statuses ()
  "The exit status says what is true, and what is kept is in the outbox."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=ok"
            "127.0.0.1:0,name=never,rcpt=reply:550 5.1.1 Who"
            "127.0.0.1:0,name=one,rcpt#2=reply:550 5.1.1 Who"
            "127.0.0.1:0,name=later,mail=reply:451 4.3.0 Later"
            "127.0.0.1:0,name=lost,dot=close"
            "127.0.0.1:0,name=shut,refused"
            "127.0.0.1:0,name=small,cap2-=SIZE,cap2+=SIZE 10"
            "127.0.0.1:0,name=stripped,cap-=STARTTLS")
    (pcase-dolist
        (`(,name ,status ,state ,words)
         '(("ok" 0 nil "")
           ("never" 69 refused "a@x: 550 5.1.1 Who")
           ("one" 69 refused "b@x: 550 5.1.1 Who")
           ("later" 0 queued "451 4.3.0 Later")
           ("shut" 0 queued "queued as")
           ("small" 69 refused "takes at most")
           ("lost" 74 uncertain "uncertain")
           ("stripped" 77 refused "STARTTLS")))
      (ert-info (name)
        (mew-submit-test-with-directory directory
          (let* ((outbox (expand-file-name "outbox/" directory))
                 (result (mew-submit-batch-sendmail-tests--run
                          (append (mew-submit-batch-sendmail-tests--options
                                   peer name directory)
                                  '("-f" "me@x" "a@x" "b@x"))
                          :input "Subject: s\n\nbody\n")))
            (should (string-search words (plist-get result :stderr)))
            (should-not (string-match-p "[^.!?]  It is in the outbox" (plist-get result :stderr)))
            (should (eql (plist-get result :status) status))
            (should (eq (plist-get
                         (when-let* ((id (car (mew-submit-spool--ids outbox))))
                           (mew-submit-spool--read id outbox))
                         :state)
                        state))))))))

(ert-deftest mew-submit-batch-sendmail-tests-usage ()
  "What makes no sense is said, and nothing is sent."
  :tags '(:module)
  (pcase-dolist (`(,args ,status ,words)
                 '((("-bd") 64 "mew-submit-batch-relay")
                   (("-bz") 64 "-bz")
                   (("--server" "127.0.0.1") 64 "No recipient")
                   (("-bi") 0 "")))
    (ert-info ((format "%S" args))
      (let ((result (mew-submit-batch-sendmail-tests--run
                     args :input "Subject: s\n\nbody\n")))
        (should (eql (plist-get result :status) status))
        (should (string-search words (plist-get result :stderr)))))))

(defun mew-submit-batch-sendmail-tests--dialog (arguments &rest lines)
  "Say each of LINES to sendmail with ARGUMENTS when the one before is answered.
Return all that it has said."
  (let* ((buffer (generate-new-buffer " *said*"))
         (coding-system-for-read 'binary)
         (coding-system-for-write 'binary)
         (process (make-process
                   :name "bs" :buffer buffer :connection-type 'pipe :noquery t
                   :sentinel #'ignore
                   :stderr (get-buffer-create " *errors*")
                   :command (append (list mew-submit-test-emacs "-Q" "--batch" "-l"
                                          (expand-file-name "mew-submit.el" mew-submit-test-root)
                                          "-f" "mew-submit-batch-sendmail" "--")
                                    arguments)))
         (said (lambda () (with-current-buffer buffer (buffer-string)))))
    (unwind-protect
        (progn
          (dolist (line lines)
            (mew-submit-test-until ("an answer")
              (or (not (process-live-p process))
                  (string-match-p "^[0-9]\\{3\\} .*\r\n\\'" (funcall said))))
            (let ((before (length (funcall said))))
              (process-send-string process (concat line "\r\n"))
              (mew-submit-test-until ("more")
                (or (not (process-live-p process))
                    (> (length (funcall said)) before)))))
          (mew-submit-test-until ("the end")
            (not (process-live-p process)))
          (accept-process-output process 0.1)
          (funcall said))
      (delete-process process)
      (kill-buffer buffer))))

(ert-deftest mew-submit-batch-sendmail-tests-smtp ()
  "With -bs it speaks SMTP; the answer is the server's."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=ok" "127.0.0.1:0,name=no,rcpt=reply:550 5.1.1 Who"
            "127.0.0.1:0,name=shut,refused")
    (mew-submit-test-with-directory directory
      (pcase-dolist (`(,name ,reply ,kept)
                     '(("ok" "250 2\\.0\\.0 Ok: queued as 0001\r\n" 0)
                       ("no" "550 5\\.1\\.1 Who\r\n" 0)
                       ("shut" "250 2\\.0\\.0 queued as .*\r\n" 1)))
        (ert-info (name)
          (let ((said (mew-submit-batch-sendmail-tests--dialog
                       (cons "-bs" (mew-submit-batch-sendmail-tests--options
                                    peer name directory))
                       "EHLO me" "MAIL FROM:<me@x>" "RCPT TO:<you@x>" "DATA"
                       "Subject: s\r\n\r\nbody\r\n." "QUIT")))
            (should (string-search "250-SMTPUTF8\r\n250-DSN\r\n" said))
            (should-not (string-search "CHUNKING" said)) ; octets are counted before they come here
            (should (string-match-p (concat reply "221 2\\.0\\.0 Bye\r\n\\'") said)))
          (should (= (length (mew-submit-spool--ids (expand-file-name "outbox/" directory)))
                     kept)))))
    (should (string-match-p "Subject: s\r\n\r\nbody\r\n\\'" (mew-submit-test-stored peer)))
    ;; All at once, as somebody types it into a pipe.
    (mew-submit-test-with-directory directory
      (let ((result (mew-submit-batch-sendmail-tests--run
                     (cons "-bs" (mew-submit-batch-sendmail-tests--options
                                  peer "ok" directory))
                     :input "HELO me\r\nMAIL FROM:me@x\r\nRCPT TO:you@x\r\nDATA\r\n\
Subject: two\r\n\r\nbody\r\n.\r\nQUIT\r\n")))
        (should (eql (plist-get result :status) 0))
        (should (string-search "Ok: queued as 0002" (plist-get result :stdout)))
        (should (string-search "Subject: two" (mew-submit-test-stored peer 2)))))
    ;; A terminal has no CR.
    (mew-submit-test-with-directory directory
      (let ((result (mew-submit-batch-sendmail-tests--run
                     (cons "-bs" (mew-submit-batch-sendmail-tests--options
                                  peer "ok" directory))
                     :input "HELO me\nMAIL FROM:me@x\nRCPT TO:you@x\nDATA\n\
Subject: three\n\nbody\r\n..\n.\nQUIT\n")))
        (should (string-search "Ok: queued as 0003" (plist-get result :stdout)))
        (should (string-suffix-p "Subject: three\r\n\r\nbody\r\n.\r\n"
                                 (mew-submit-test-stored peer 3)))))
    ;; Half a message is none.
    (mew-submit-test-with-directory directory
      (mew-submit-batch-sendmail-tests--run
       (cons "-bs" (mew-submit-batch-sendmail-tests--options peer "ok" directory))
       :input "HELO me\r\nMAIL FROM:me@x\r\nRCPT TO:you@x\r\nDATA\r\nSubject: x\r\n\r\nbody\r\n")
      (should-not (mew-submit-spool--ids (expand-file-name "outbox/" directory))))
    (should-not (mew-submit-test-stored peer 4))))

;; cron calls /usr/sbin/sendmail and nothing else: what it had to tell was lost.
(ert-deftest mew-submit-batch-sendmail-tests-by-the-names-of-sendmail ()
  "The shell command is sendmail and mailq to whoever calls it so, by a link."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((process-environment
           (append (list (concat "HOME=" directory) (concat "EMACS=" mew-submit-test-emacs)
                         "XDG_CONFIG_HOME" "XDG_RUNTIME_DIR" "MEW_SUBMIT_CONFIG")
                   process-environment)))
      (pcase-dolist (`(,name . ,arguments)
                     '(("mailq") ("sendmail" "-FCronDaemon" "-i" "-B8BITMIME" "-bp")))
        (let ((link (expand-file-name name directory)))
          (make-symbolic-link (expand-file-name "packaging/mew-submit" mew-submit-test-root)
                              link)
          (with-temp-buffer
            (should (eql 0 (apply #'call-process link nil t nil
                                  "--outbox" (expand-file-name "outbox" directory)
                                  arguments)))
            (should (string-search "empty" (buffer-string)))))))))

(ert-deftest mew-submit-batch-sendmail-tests-smtp-line-ends ()
  "The first line decides whether LF alone ends one, wherever what comes is cut.
Behind CRLF it does not: what looks like an end of the message is none."
  (require 'mew-submit-relay)
  (pcase-dolist (`(,wanted . ,parts)
                 '(("EHLO a\r\nB\r\n" "EHL" "O a" "\nB\n")
                   ("A\r\nB\r\nC\r\n" "A\nB\r" "\nC\n")
                   ("A\r\nB\r\r\nC\rD\r\n" "A\nB\r" "\r" "\nC\r" "D\n")
                   ("A\r\nB\n.\nC\r\n" "A\r\nB\n" ".\nC\r\n")
                   ("A\r\nB\n\rC" "A\r" "\nB\n\r" "C")))
    (let ((read (mew-submit-relay--with-line-ends (lambda () (pop parts))))
          (got ""))
      (while (when-let* ((octets (funcall read)))
               (setq got (concat got octets))))
      (should (equal got wanted)))))

(ert-deftest mew-submit-batch-sendmail-tests-verify ()
  "With -bv it says what becomes of addresses, and nothing is sent."
  :tags '(:module)
  (let ((result (mew-submit-batch-sendmail-tests--run
                 '("-bv" "--server" "mail.example.org" "a@x, Me <b@x>" "no one@x")
                 :input "")))
    (should (equal (plist-get result :status) 65))
    (should (string-match-p "\\`a@x\\.\\.\\. deliverable: .*, user a@x
b@x\\.\\.\\. deliverable: .*, user b@x
no one@x\\.\\.\\. undeliverable: .*
\\'"
                            (plist-get result :stdout)))))

(ert-deftest mew-submit-batch-sendmail-tests-message ()
  "What a message lacks is added, a dot ends it without -i, Bcc does not leave."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let ((send (lambda (input &rest arguments)
                    (should (eql (plist-get
                                  (mew-submit-batch-sendmail-tests--run
                                   (append (mew-submit-batch-sendmail-tests--options
                                            peer "ok" directory)
                                           arguments)
                                   :input input)
                                  :status)
                                 0)))))
        (funcall send "To: a@x\nBcc: b@x\nSubject: s\n\none\n.\ntwo\n" "-t"
                 "-f" "me@x" "-F" "Grün, \"G\"")
        (let ((stored (mew-submit-test-stored peer 1)))
          (should (string-match-p "^From: .* <me@x>\r?$" stored))
          (should (string-match-p "^Date: " stored))
          (should (string-match-p "^Message-ID: <" stored))
          (should (string-suffix-p "\r\n\r\none\r\n" stored))
          (should-not (string-match-p "[\200-\377]\\|^Bcc" stored)))
        (should (equal (mew-submit-test-envelope peer 1) '("me@x" "a@x" "b@x")))
        (funcall send "no header\n.\nat all\n" "-i" "-f" "me@x" "a@x")
        (should (string-suffix-p "\r\n\r\nno header\r\n.\r\nat all\r\n"
                                 (mew-submit-test-stored peer 2)))
        (let ((complete "From: me@x\r\nDate: now\r\nMessage-ID: <1@x>\r\n\r\nb\r\n"))
          (funcall send complete "-i" "a@x")
          (should (equal (mew-submit-test-stored peer 3) complete)))))))

(ert-deftest mew-submit-batch-sendmail-tests-from-elsewhere ()
  "Who wrote a mail that a program passes on gives no orders, at any door.
SECURITY: P23."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,cap+=DSN")
    (mew-submit-test-with-directory directory
      (let* ((number 0)
             (sent (lambda (command trace &rest arguments)
                     (let ((mail (concat trace "From: me@x\nSubject: s\n\
X-Mew-Submit-DSN-Notify: success\nX-Mew-Submit-Send-At: 2999-01-01 12:00\n\nbody\n")))
                       (should
                        (eql 0 (plist-get
                                (mew-submit-test-emacs
                                 `("-l" ,(expand-file-name "mew-submit.el"
                                                           mew-submit-test-root)
                                   "-f" ,command "--"
                                   ,@(mew-submit-batch-sendmail-tests--options
                                      peer "ok" directory)
                                   ,@arguments)
                                 :input (if (member "-bs" arguments)
                                            (concat "EHLO me\r\nMAIL FROM:<me@x>\r\n\
RCPT TO:<a@x>\r\nDATA\r\n" (string-replace "\n" "\r\n" mail) ".\r\nQUIT\r\n")
                                          mail))
                                :status))))
                     (should (mew-submit-test-stored peer (cl-incf number)))
                     (nth (1- number) (mew-submit-test-lines peer "RCPT")))))
        (pcase-dolist (`(,command . ,arguments)
                       '(("mew-submit-batch-sendmail" "-i" "a@x")
                         ("mew-submit-batch-sendmail" "-bs")
                         ("mew-submit-batch-send" "a@x")))
          (ert-info ((format "%s %S" command arguments))
            (should (equal (apply sent command "Received: from evil by me; now\n" arguments)
                           "RCPT TO:<a@x>"))))))))

(ert-deftest mew-submit-batch-sendmail-tests-dots ()
  "Without -i a line with a dot alone ends a message, and no other dot does.
With -i nothing does; -t takes recipients in arguments as well."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let ((number 0)
            (header "From: me@x\r\nTo: b@x\r\nDate: now\r\nMessage-ID: <1@x>\r\n\r\n"))
        (pcase-dolist
            (`(,body ,left)
             '(("See you.\r\n.. \r\n. x\r\n..\r\n .\r\n.\t\r\nend.")
               ("one.\r\n.\r\ntwo\r\n" "one.\r\n")
               ("one.\n.\ntwo\n" "one.\n")
               ("..\r\nlast\r\n.\r\n" "..\r\nlast\r\n")))
          (dolist (how '(("-t") ("-t" "-i")))
            (ert-info ((format "%S %S" body how))
              (let ((result (mew-submit-batch-sendmail-tests--run
                             (append (mew-submit-batch-sendmail-tests--options
                                      peer "ok" directory)
                                     how '("a@x"))
                             :input (concat header body))))
                (should (eql (plist-get result :status) 0))
                (cl-incf number)
                (should (equal (mew-submit-test-envelope peer number)
                               '("me@x" "a@x" "b@x")))
                (should (equal (mew-submit-test-stored peer number)
                               (concat header
                                       (mew-submit-batch-sendmail-tests--sent
                                        (if (equal how '("-t")) (or left body)
                                          body)))))))))))))

(defun mew-submit-batch-sendmail-tests--sent (body)
  "Return BODY with the line ends that SMTP has."
  (let ((body (replace-regexp-in-string "\r?\n" "\r\n" body)))
    (if (string-suffix-p "\r\n" body) body (concat body "\r\n"))))

;;; What cannot be sent

(defun mew-submit-batch-sendmail-tests--entries (directory)
  "Return the entries of the outbox in DIRECTORY."
  (let ((outbox (expand-file-name "outbox/" directory)))
    (mapcar (lambda (id) (mew-submit-spool--read id outbox))
            (mew-submit-spool--ids outbox))))

(ert-deftest mew-submit-batch-sendmail-tests-held ()
  "What cannot be sent is held in the outbox, whole; the status and words say why.
When the reason is gone it is sent from there.  SECURITY: P13."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let* ((account (mew-submit-test-account peer "ok" :name "me"
                                             :from "me@one.example"))
           (two (prin1-to-string
                 `(setq mew-submit-accounts '(,account (:name "b" :server "h"
                                                              :from "b@x"))))))
      (pcase-dolist
          (`(,config ,arguments ,input ,status ,words ,from ,recipients)
           `(("nil" ("a@x") "From: me@one.example\nSubject: s\n\nbody\n" 78
              "config.el" nil ("a@x"))
             (,two ("a@x") "From: root (Cron Daemon)\nSubject: s\n\nbody\n" 78
              "no account for mail from root" nil ("a@x"))
             (,two ("a@x") "Subject: s\n\nbody\n" 78 "from nobody" nil ("a@x"))
             (,two ("-f" "you@elsewhere.example" "a@x") "Subject: s\n\nbody\n" 78
              "you@elsewhere.example" "you@elsewhere.example" ("a@x"))
             ("(setq mew-submit-accounts '(:sever \"h\"))" ("a@x")
              "Subject: s\n\nbody\n" 78 "is :server meant" nil ("a@x"))
             (,two ("-t" "-f" "me@one.example")
              "To: stable@x # 5.4+\nBcc: b@x\nSubject: s\n\nbody\n" 65 "#"
              "me@one.example" ("stable@x # 5.4+" "b@x"))
             (,two ("-f" "me@one.example" "a@x..")
              "Subject: s\n\nbody\n" 65 "a@x.." "me@one.example" ("a@x.."))
             (,two ("-f" "me@one.example" "a@x")
              "From: me@one.example\nFrom: b@x\nSubject: s\n\nbody\n" 65
              "2 From fields" "me@one.example" ("a@x"))
             (,two ("-t" "-f" "me@one.example") "\nTo: a@x\n\nbody\n" 64
              "No recipient: To, Cc and Bcc name nobody" "me@one.example" nil)
             (,two ("-f" "m e@x.example" "a@x") "From: me@one.example\nSubject: s\n\nbody\n"
              65 "m e@x.example" "m e@x.example" ("a@x"))))
        (ert-info ((format "%S %S" arguments input))
          (mew-submit-test-with-directory directory
            (let* ((file (mew-submit-test-write
                          (expand-file-name "config.el" directory) config))
                   (result (mew-submit-batch-sendmail-tests--run
                            (append (list "--config" file "--outbox"
                                          (expand-file-name "outbox" directory))
                                    arguments)
                            :input input :home directory))
                   (entry (car (mew-submit-batch-sendmail-tests--entries directory))))
              (should (string-search words (plist-get result :stderr)))
              (should (string-search (concat "held in the outbox as "
                                             (plist-get entry :id))
                                     (plist-get result :stderr)))
              (should (eql (plist-get result :status) status))
              (should (eq (plist-get entry :state) 'held))
              (should-not (plist-get entry :next))
              (should (equal (plist-get entry :from) from))
              (should (equal (plist-get entry :recipients) recipients))
              (should (string-suffix-p "body\n" (mew-submit-test-octets
                                                 (mew-submit-spool--message-file
                                                  entry))))
              (should-not (file-exists-p (expand-file-name "dead.letter"
                                                           directory))))))))))

(ert-deftest mew-submit-batch-sendmail-tests-held-has-an-author ()
  "What is held names the default account's address, where there is one, as its author.
It is sent from there later, with the header that it has."
  (pcase-dolist (`(,accounts . ,author)
                 '((((:from "me@one.example" :server "h")) . "me@one.example")
                   (((:from "a@x" :server "h") (:from "b@x" :server "h" :default t)) . "b@x")
                   (nil . "root") ((:server "h") . "root")))
    (let ((mew-submit-accounts accounts)
          (user-mail-address nil))
      (dolist (header '("Subject: s\n" "From: root\nSubject: s\n"))
        (mew-submit-test-with-directory directory
          (let* ((mew-submit-outbox-directory (expand-file-name "outbox" directory))
                 (id (cl-letf (((symbol-function 'user-login-name) (lambda () "root")))
                       (mew-submit-batch-sendmail--hold
                        (mew-submit-test-write (expand-file-name "message" directory)
                                               (concat header "\nbody\n"))
                        '(:arguments ("a@x..")) '(mew-submit-message :text "No"))))
                 (entry (mew-submit-spool--read id mew-submit-outbox-directory)))
            (should (string-match-p (format "^From: %s$" author)
                                    (mew-submit-test-octets
                                     (mew-submit-spool--message-file entry))))))))))

(ert-deftest mew-submit-batch-sendmail-tests-held-goes-on ()
  "What was held goes, as the message wished, when there is an account for it."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let* ((outbox (expand-file-name "outbox/" directory))
             (result (mew-submit-batch-sendmail-tests--run
                      (list "--outbox" outbox "-N" "never" "a@x")
                      :input "From: root\nX-Mew-Submit-Require-TLS: yes\n\nb\n"
                      :home directory))
             (id (car (mew-submit-spool--ids outbox)))
             (mew-submit-accounts nil)
             (mew-submit-memory-file nil)
             (mew-submit-dispatch--done-functions nil)
             (smtpmail-smtp-server nil)
             (smtpmail-default-smtp-server nil))
        (ignore smtpmail-smtp-server smtpmail-default-smtp-server)
        (should (eql (plist-get result :status) 78))
        (mew-submit-known--refresh outbox)
        ;; Without an account it stays as it is, and that is said in words.
        (should (string-search "M-x mew-submit-setup"
                               (cadr (should-error (mew-submit-queue--send id outbox)
                                                   :type 'user-error))))
        (should (eq (plist-get (mew-submit-spool--read id outbox) :state) 'held))
        (setq mew-submit-accounts
              (list (mew-submit-test-account peer "ok" :from "me@one.example")))
        (mew-submit-queue--send id outbox)
        (let ((account (plist-get (mew-submit-known--entry id outbox) :account)))
          (should (equal (plist-get account :dsn-notify) "NEVER"))
          (should (eq (plist-get account :require-tls) 'yes)))
        ;; This server cannot do all that the message wishes.
        (mew-submit-queue--wait id outbox)
        (mew-submit-queue--delete id outbox)
        ;; Who sends it, and who root is, is known by now.
        (setq mew-submit-accounts
              (list (mew-submit-test-account peer "ok" :from "me@one.example")))
        (dolist (arguments '(("root" "a@x") ("-f" "other@two.example" "root" "a@x")))
          (let* ((mew-submit-sendmail-aliases '(("root" "admin@x")))
                 (result (mew-submit-batch-sendmail-tests--run
                          (append (list "--outbox" outbox) arguments)
                          :input "From: root\nSubject: s\n\nb\n" :home directory))
                 (id (car (mew-submit-spool--ids outbox))))
            (should (eql (plist-get result :status) 78))
            (mew-submit-known--refresh outbox)
            (mew-submit-queue--send id outbox)
            (mew-submit-queue--wait id outbox)
            (should-not (mew-submit-spool--ids outbox))))
        (should (equal (mew-submit-test-envelope peer 1) '("me@one.example" "admin@x" "a@x")))
        (should (equal (mew-submit-test-envelope peer 2) '("other@two.example" "admin@x" "a@x")))
        (dolist (number '(1 2))
          (should (string-match-p "^From: me@one.example\r?$"
                                  (mew-submit-test-stored peer number))))
        ;; What is for nobody stays, however often somebody wants to send it.
        (dolist (arguments '(("-t") ("-t" "-f" "me@x")))
          (mew-submit-batch-sendmail-tests--run (append (list "--outbox" outbox) arguments)
                                                :input "Subject: s\n\nb\n" :home directory)
          (mew-submit-known--refresh outbox)
          (let ((id (car (mew-submit-spool--ids outbox))))
            (should (string-search "no recipient"
                                   (cadr (should-error (mew-submit-queue--send id outbox)
                                                       :type 'user-error))))
            (should (eq (plist-get (mew-submit-spool--read id outbox) :state) 'held))
            (mew-submit-queue--delete id outbox)))))))

(ert-deftest mew-submit-batch-sendmail-tests-held-by-name ()
  "What was held goes as the flags have said, whatever is in its header."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=one" "127.0.0.1:0,name=two")
    (mew-submit-test-with-directory directory
      (let* ((outbox (expand-file-name "outbox/" directory))
             (mew-submit-memory-file nil)
             (mew-submit-dispatch--done-functions nil)
             (accounts (list (mew-submit-test-account peer "one" :name "one" :default t)
                             (mew-submit-test-account peer "two" :name "two"))))
        (dolist (before (list nil (list (car accounts))))
          (mew-submit-batch-sendmail-tests--run
           (list "--outbox" outbox "-a" "two" "-N" "delay" "--mt-priority" "2"
                 "--tls-minimum" "1.3" "--config"
                 (mew-submit-test-write (expand-file-name "c.el" directory)
                                        (format "%S" `(setq mew-submit-accounts ',before)))
                 "a@x")
           :input "X-Mew-Submit-Account: one\nX-Mew-Submit-DSN-Notify: never\n\nb\n"
           :home directory)
          (mew-submit-known--refresh outbox)
          (let ((id (car (mew-submit-spool--ids outbox)))
                (mew-submit-accounts accounts))
            (mew-submit-queue--send id outbox)
            (let ((account (plist-get (mew-submit-known--entry id outbox) :account)))
              (should (equal (plist-get account :name) "two"))
              (should (equal (plist-get account :dsn-notify) "DELAY"))
              (should (equal (plist-get account :mt-priority) "2"))
              (should (equal (plist-get account :tls-minimum) "1.3")))
            (mew-submit-queue--wait id outbox)
            (should-not (mew-submit-spool--ids outbox))))))))

(ert-deftest mew-submit-batch-sendmail-tests-held-for-a-server ()
  "What was held goes to the server that options have named, and to no other."
  (mew-submit-test-with-directory directory
    (let* ((mew-submit-outbox-directory (expand-file-name "outbox" directory))
           (secret (mew-submit-test-write (expand-file-name "secret" directory) "tellnoone\n"))
           (id (mew-submit-batch-sendmail--hold
                (mew-submit-test-write (expand-file-name "message" directory)
                                       "From: me@x\nSubject: s\n\nbody\n")
                (list :server "h" :user "u" :password-file secret :arguments '("a@x"))
                '(mew-submit-config :text "No")))
           (entry (mew-submit-spool--read id mew-submit-outbox-directory))
           (mew-submit-accounts '((:name "w" :from "me@x" :server "other" :user "alice")))
           (account (mew-submit-queue--renewed entry)))
      (should (equal (plist-get account :server) "h"))
      (should (equal (plist-get account :user) "u"))
      (should (equal (plist-get account :password-file) secret))
      (should-not (string-search "tellnoone" (format "%S" entry))))))

(ert-deftest mew-submit-batch-sendmail-tests-held-for-a-password ()
  "What is held since a password cannot be read goes as options have said all the same."
  (mew-submit-test-with-directory directory
    (let ((missing (expand-file-name "missing" directory))
          (mew-submit-accounts '((:name "w" :from "me@x" :server "other" :user "alice"))))
      (dolist (file (list missing "/dev/null"))
        (ert-info (file)
          (let* ((mew-submit-outbox-directory (expand-file-name "outbox" directory))
                 (id (mew-submit-batch-sendmail--hold
                      (mew-submit-test-write (expand-file-name "message" directory)
                                             "From: me@x\nSubject: s\n\nbody\n")
                      (list :server "h" :tls-minimum "1.3" :password-file file
                            :arguments '("a@x"))
                      '(mew-submit-config :text "The password file cannot be read")))
                 (account (mew-submit-queue--renewed
                           (mew-submit-spool--read id mew-submit-outbox-directory))))
            (should (equal (plist-get account :server) "h"))
            (should (equal (plist-get account :tls-minimum) "1.3"))
            (should (equal (plist-get account :password-file)
                           (and (equal file missing) missing)))))))))

(ert-deftest mew-submit-batch-sendmail-tests-nobody-left ()
  "A message that is for nobody, and that nobody has, is not delivered."
  (should (equal '(refused nil)
                 (mapcar (lambda (delivered)
                           (plist-get (mew-submit-fate--settle
                                       (list :state 'sending :recipients nil
                                             :delivered delivered)
                                       nil)
                                      :state))
                         '(nil ("a@x"))))))

(ert-deftest mew-submit-batch-sendmail-tests-held-is-edited ()
  "A message that was held because of an address comes back to be corrected."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (mew-submit-batch-sendmail-tests--run
     (list "--outbox" (expand-file-name "outbox" directory) "-t" "-f" "me@x")
     :input "To: stable@x # 5.4+\nCc: c@x\nBcc: b@x\nSubject: s\n\nbody\n"
     :home directory)
    (with-temp-buffer
      (mew-submit-restore--insert
       (car (mew-submit-batch-sendmail-tests--entries directory)))
      (let ((text (buffer-string)))
        (dolist (line '("To: stable@x # 5.4+" "Cc: c@x" "Bcc: b@x" "Subject: s"
                        "body"))
          (should (string-match-p (concat "^" (regexp-quote line) "$") text)))
        (should (= 1 (how-many "stable@x" (point-min) (point-max))))))))

(ert-deftest mew-submit-batch-sendmail-tests-dead-letter ()
  "What the outbox cannot take is put into ~/dead.letter; else it stays where it is."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((place (mew-submit-test-write (expand-file-name "file" directory) ""))
           (send (lambda (home)
                   (mew-submit-batch-sendmail-tests--run
                    (list "--outbox" (expand-file-name "outbox" place) "a@x")
                    :input "From: me@x\nSubject: s\n\nbody\n" :home home))))
      ;; Somebody has it in an Emacs.
      (make-symbolic-link "me@elsewhere.1:1" (expand-file-name ".#dead.letter" directory))
      (dotimes (_ 2)
        (let ((result (funcall send directory)))
          (should (eql (plist-get result :status) 78))
          (should (string-search "--outbox DIRECTORY." (plist-get result :stderr)))
          (should (string-search "/dead.letter." (plist-get result :stderr)))))
      (let ((letter (expand-file-name "dead.letter" directory)))
        (should (= (file-modes letter) #o600))
        (should (= 2 (with-temp-buffer
                       (insert-file-contents letter)
                       (how-many "^From MAILER-DAEMON .*\nFrom: me@x\n")))))
      (let* ((result (funcall send place))
             (text (plist-get result :stderr))
             (file (and (string-match "message is in \\(.*\\)\\.$" text)
                        (match-string 1 text))))
        (should (equal (mew-submit-test-octets file)
                       "From: me@x\nSubject: s\n\nbody\n"))
        (delete-directory (file-name-directory file) t)))))

(ert-deftest mew-submit-batch-sendmail-tests-kept-whatever-is-wrong ()
  "What is wrong in this place loses no message: accounts, module, TMPDIR.
SECURITY: P13."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((outbox (expand-file-name "outbox/" directory))
          (letter (expand-file-name "dead.letter" directory)))
      (pcase-dolist (`(,config . ,words)
                     `(("(setq mew-submit-accounts" . "Correct .*: End of file")
                       ("(error \"No\")" . "Correct .*: No")
                       (,(format "(setq mew-submit-module-directory %S)" directory)
                        . "module")))
        (ert-info (config)
          (let* ((file (mew-submit-test-write (expand-file-name "c.el" directory) config))
                 (result (mew-submit-batch-sendmail-tests--run
                          (list "--config" file "--outbox" outbox "--server" "localhost" "a@x")
                          :input "From: me@x\nSubject: s\n\nbody\n" :home directory))
                 (id (car (mew-submit-spool--ids outbox)))
                 (kept (if id (mew-submit-spool--file id ".eml" outbox) letter)))
            (should (eql (plist-get result :status) 78))
            (should (string-match-p words (plist-get result :stderr)))
            (should (string-search (if id (concat "held in the outbox as " id) letter)
                                   (plist-get result :stderr)))
            (should (string-match-p "\nSubject: s\n\nbody\n+\\'" (mew-submit-test-octets kept)))
            (when id
              (should (equal '(held ("a@x"))
                             (let ((entry (mew-submit-spool--read id outbox)))
                               (list (plist-get entry :state)
                                     (plist-get entry :recipients))))))
            (delete-file kept))))))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let ((process-environment
             (cons (concat "TMPDIR=" (expand-file-name "gone" directory)) process-environment)))
        (should (eql 0 (plist-get (mew-submit-batch-sendmail-tests--run
                                   (append (mew-submit-batch-sendmail-tests--options
                                            peer "ok" directory)
                                           '("-f" "me@x" "a@x"))
                                   :input "Subject: s\n\nbody\n")
                                  :status)))))
    (should (= 1 (length (mew-submit-test-accepted peer))))))

(ert-deftest mew-submit-batch-sendmail-tests-room ()
  "A message comes to where there is room for it."
  (mew-submit-test-with-directory directory
    (let ((temporary-file-directory (expand-file-name "tmp/" directory))
          (mew-submit-outbox-directory (expand-file-name "outbox/" directory))
          (full (list (expand-file-name "tmp/" directory) "/tmp/")))
      (make-directory temporary-file-directory)
      (cl-letf (((symbol-function 'file-system-info)
                 (lambda (place) (list 1 0 (if (member place full) 0 1000000000)))))
        (dolist (where '("/outbox/mew-submit-" "/tmp/mew-submit-"))
          (let ((made (mew-submit-batch-sendmail--make-directory)))
            (delete-directory made)
            (should (string-prefix-p (concat (directory-file-name directory) where) made)))
          (setq full nil))))))

(ert-deftest mew-submit-batch-sendmail-tests-told-to-stop ()
  "Who is told to stop tells what has become of the message, which is not held.
A client of -bs, and who sends the outbox, hears what is true, too."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=greeting,greeting=stall"
                                   "127.0.0.1:0,name=dot,dot=stall"
                                   "127.0.0.1:0,name=rcpt,rcpt=stall")
    (mew-submit-test-with-directory directory
      (let* ((outbox (expand-file-name "outbox/" directory))
             (stalls (lambda () (length (mew-submit-test-log peer "stall"))))
             (run (lambda (name signal keys &rest arguments)
                    (let ((stalled (funcall stalls))
                          (input (plist-get keys :say))
                          sent)
                      (mew-submit-batch-sendmail-tests--run
                       (append (mew-submit-batch-sendmail-tests--options peer name directory)
                               arguments)
                       :input (if input t "Subject: s\n\nbody\n")
                       :signal (lambda (process)
                                 (when input
                                   (process-send-string process input)
                                   (setq input nil))
                                 (when (and (not sent) (> (funcall stalls) stalled))
                                   (setq sent t)
                                   (signal-process process signal)))))))
             (left (lambda ()
                     (let ((id (car (mew-submit-spool--ids outbox))))
                       (prog1 (plist-get (mew-submit-spool--read id outbox) :state)
                         (delete-file (mew-submit-spool--file id ".eml" outbox)))))))
        (pcase-dolist (`(,name ,status ,state ,words)
                       '(("greeting" 0 queued "queued as .*: Told to stop before it was sent")
                         ("rcpt" 0 queued "queued as .*: Told to stop before it was sent")
                         ("dot" 74 uncertain "uncertain: .* It is in the outbox as")))
          (dolist (signal '(SIGTERM SIGHUP))
            (ert-info ((format "%s %s" name signal))
              (let ((result (funcall run name signal nil "-f" "me@x" "a@x")))
                (should (eql (plist-get result :status) status))
                (should (string-match-p words (plist-get result :stderr)))
                (should (eq (funcall left) state))))))
        (ert-info ("-bs")
          (let ((result (funcall run "rcpt" 'SIGTERM
                                 '(:say "EHLO me\r\nMAIL FROM:<me@x>\r\nRCPT TO:<a@x>\r\n\
DATA\r\nSubject: s\r\n\r\nbody\r\n.\r\n")
                                 "-bs")))
            (should (eql (plist-get result :status) 0))
            (should (string-match-p "\r?\n250 2.0.0 queued as .*\n421 " (plist-get result :stdout)))
            (should (eq (plist-get (mew-submit-spool--read (car (mew-submit-spool--ids outbox))
                                                           outbox)
                                   :state)
                        'queued))))
        (ert-info ("--flush")
          (let* ((stalled (funcall stalls))
                 (result (mew-submit-test-emacs
                          (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                                "-f" "mew-submit-batch-outbox" "--" "--outbox" outbox "--flush")
                          :signal (lambda (process)
                                    (when (> (funcall stalls) stalled)
                                      (setq stalled 1000)
                                      (signal-process process 'SIGTERM))))))
            (should (eql (plist-get result :status) 75))
            (should (string-search (car (mew-submit-spool--ids outbox))
                                   (plist-get result :stderr)))
            (should (eq (funcall left) 'queued))))))))

(ert-deftest mew-submit-batch-sendmail-tests-told-to-stop-while-gpg-is-waited-for ()
  "A message that is in the outbox is told to be, before who put it there is back."
  (mew-submit-test-with-directory directory
    (let ((mew-submit-outbox-directory directory)
          (mew-submit-known--table (make-hash-table :test #'equal))
          (mew-submit-batch-sendmail--entered nil)
          (file (mew-submit-test-write (expand-file-name "in" directory) "To: a@x\n\nbody\n"))
          told)
      (mew-submit-known--note
       (mew-submit-spool--add file (mew-submit-message--fields file) directory
                              '(:state queued :attempts 0 :from "me@x" :recipients ("a@x"))))
      (cl-letf (((symbol-function 'mew-submit-dispatch--leave) #'ignore)
                ((symbol-function 'mew-submit-batch-command--tell)
                 (lambda (text) (setq told text))))
        (should (eql 0 (mew-submit-batch-sendmail--tell-stopped)))
        (should (string-prefix-p "queued as " told))))))

(ert-deftest mew-submit-batch-sendmail-tests-few-descriptors ()
  "However few file descriptors there are, the status tells where the message is."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth")
    (cl-loop
     for count from 16 to 28
     for delivered = (length (mew-submit-test-accepted peer))
     do
     (ert-info ((format "%d descriptors" count))
       (mew-submit-test-with-directory directory
         (let* ((outbox (expand-file-name "outbox" directory))
                (process-environment
                 (append (list (concat "TMPDIR=" directory) (concat "HOME=" directory))
                         process-environment))
                (status (with-temp-buffer
                          (insert "Subject: s\n\nbody\n")
                          (apply #'call-process-region (point-min) (point-max) "sh" nil t nil
                                 "-c" "ulimit -n \"$1\"; shift; exec \"$@\"" "sh"
                                 (number-to-string count) mew-submit-test-emacs
                                 "-Q" "--batch" "--eval" "(setq load-prefer-newer t)" "-l"
                                 (expand-file-name "mew-submit.el" mew-submit-test-root)
                                 "-f" "mew-submit-batch-sendmail" "--" "-f" "me@x" "a@x"
                                 (mew-submit-batch-sendmail-tests--options
                                  peer "ok" directory))))
                (id (car (mew-submit-spool--ids outbox)))
                (state (and id (plist-get (mew-submit-spool--read id outbox) :state))))
           (should-not (memq state '(refused uncertain broken)))
           (should (eq (eql status 0)
                       (or (and (memq state '(queued sending)) t)
                           (< delivered (length (mew-submit-test-accepted peer))))))))))))

(ert-deftest mew-submit-batch-sendmail-tests-cron ()
  "Who has no domain sends by the default account, as its address, and to it.
The Message-ID has the sender's domain.  SECURITY: P10, P11."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let* ((account (mew-submit-test-account peer "ok" :from "me@one.example"))
             (config (mew-submit-test-write
                      (expand-file-name "config.el" directory)
                      (prin1-to-string
                       ;; It is not really elsewhere.
                       `(setq mew-submit-accounts
                              '(,(plist-put account :server "127.0.0.1"))
                              mew-submit-sendmail-aliases
                              '((t "me@one.example"))))))
             (number 0))
        (pcase-dolist
            (`(,arguments ,input ,envelope . ,lines)
             '((("-FCronDaemon" "-i" "root")
                "From: \"(Cron Daemon)\" <root>\nTo: root\nSubject: s\n\nb\n"
                ("me@one.example" "me@one.example")
                "^From: \"(Cron Daemon)\" <me@one.example>\r?$"
                "^Message-ID: <[^@]+@one.example>" "^Date: ")
               (("a@x") "Subject: s\n\nb\n" ("me@one.example" "a@x")
                "^From: me@one.example\r?$")
               (("-f" "<>" "a@x") "Subject: s\n\nb\n" ("" "a@x")
                "^From: me@one.example\r?$")
               (("-F" "M \"x\"" "a@x") "Subject: s\n\nb\n"
                ("me@one.example" "a@x")
                "^From: \"M \\\\\"x\\\\\"\" <me@one.example>\r?$")
               (("-F" "M \"x\" ü" "a@x") "Subject: s\n\nb\n"
                ("me@one.example" "a@x")
                "^From: =[?]UTF-8[?]B[?]TSAieCIgw7w=[?]= <me@one.example>\r?$")
               (("-t") "From a@b Thu Jan  1 00:00:00 2026\nTo: a@x\nX: y\n\nb\n"
                ("me@one.example" "a@x") "^X: y\r?$")))
          (ert-info ((format "%S %S" arguments input))
            (let ((result (mew-submit-batch-sendmail-tests--run
                           (append (list "--config" config "--outbox"
                                         (expand-file-name "outbox" directory))
                                   arguments)
                           :input input :home directory)))
              (should (equal (plist-get result :stderr) ""))
              (should (eql (plist-get result :status) 0))
              (setq number (1+ number))
              (should (equal (mew-submit-test-envelope peer number) envelope))
              (let ((stored (mew-submit-test-stored peer number)))
                (should-not (string-match-p "^From [^:]" stored))
                (dolist (line lines)
                  (should (string-match-p line stored)))))))))))

(ert-deftest mew-submit-batch-sendmail-tests-from-without-domain ()
  "From gets the address that the envelope has, and nothing else is changed.
Mail that came from elsewhere, or is sent again, stays as its writer had it."
  (mew-submit-test-with-directory directory
    (let ((file (expand-file-name "message" directory)))
      (pcase-dolist (`(,header . ,wanted)
                     '(("From: root\nSubject: s\n" . "From: me@x.example\nSubject: s\n")
                       ("from:root (Cron Daemon)\n" . "from:me@x.example (Cron Daemon)\n")
                       ("From: \"root <root\" <root>\r\n"
                        . "From: \"root <root\" <me@x.example>\r\n")
                       ("From: J\303\266rg\n <root>\n" . "From: J\303\266rg\n <me@x.example>\n")
                       ("From: root <root>\n" . "From: root <me@x.example>\n")
                       ("From: Root of all\n <root> (x)\n"
                        . "From: Root of all\n <me@x.example> (x)\n")
                       ("From: \"a <root> b\" <root >\n"
                        . "From: \"a <root> b\" <me@x.example >\n")
                       ("From: root (x <root>)\n")
                       ("From: a@b (root)\n") ("From: root@localhost\n")
                       ("From: root, daemon\n") ("From: \n") ("Subject: root\n")
                       ("Received: from a by b; now\nFrom: root\n")
                       ("Resent-From: a@b\nResent-To: c@d\nFrom: root\n")))
        (ert-info (header)
          (let ((coding-system-for-write 'no-conversion)
                (body "\nFrom: root\n"))
            (mew-submit-test-write file (concat header body))
            (let ((fields (mew-submit-request--with-domain
                           file (mew-submit-message--fields file)
                           '(:from "me@x.example" :server "h"))))
              (should (equal (mew-submit-test-octets file)
                             (concat (or wanted header) body)))
              (should (equal fields (mew-submit-message--fields file)))))))
      ;; There is no other address, as for mail that is only kept.
      (mew-submit-test-write file "From: root\n\n")
      (dolist (account '(nil (:from "@x.example" :server "h") (:server "h")))
        (mew-submit-request--with-domain file (mew-submit-message--fields file) account)
        (should (equal (mew-submit-test-octets file) "From: root\n\n"))))))

(ert-deftest mew-submit-batch-sendmail-tests-several-authors ()
  "Who of several authors has sent a message stands in its Sender, if nothing does yet."
  (mew-submit-test-with-directory directory
    (let ((file (expand-file-name "message" directory))
          (account '(:from "me@x.example" :server "h")))
      (pcase-dolist (`(,header ,address . ,wanted)
                     '(("From: a@y.org, me@x.example\n" "me@x.example" . "me@x.example")
                       ("From: A <a@y.org>,\n b@y.org\n" nil . "a@y.org")
                       ("From: a@y.org, b@y.org\n" "" . "a@y.org")
                       ("From: a@y.org, b@y.org\n" "root" . "me@x.example")
                       ("From: \"A, B\" <a@y.org>\n" "me@x.example")
                       ("From: a@y.org\n" "me@x.example")
                       ("From: a@y.org, b@y.org\nSender: c@y.org\n" "me@x.example")
                       ("Received: from a by b; now\nFrom: a@y.org, b@y.org\n" "me@x.example")
                       ("Resent-To: c@z.org\nFrom: a@y.org, b@y.org\n" "me@x.example")
                       ("Subject: s\n" "me@x.example")))
        (ert-info (header)
          (mew-submit-test-write file (concat header "\nbody\n"))
          (let ((fields (mew-submit-request--with-sender
                         file (mew-submit-message--fields file) account address)))
            (should (equal (mew-submit-test-octets file)
                           (concat (and wanted (format "Sender: %s\n" wanted))
                                   header "\nbody\n")))
            (should (equal fields (mew-submit-message--fields file)))))))))

(ert-deftest mew-submit-batch-sendmail-tests-chosen-by ()
  "The account is that of who is in From, or of the envelope's sender if none is."
  (let ((mew-submit-accounts '((:name "me" :from "me@x.example" :server "h")
                               (:name "all" :from "@y.example" :server "h"))))
    (pcase-dolist (`(,header ,from ,name)
                   '(("From: me@x.example\n" "a@y.example" "me")
                     ("From: visitor@z.example\n" "me@x.example" "me")
                     ("From: visitor@z.example, a@y.example\n" nil "all")
                     ("Subject: s\n" "a@y.example" "all")))
      (ert-info (header)
        (should (equal (plist-get (mew-submit-request--account
                                   nil (mew-submit-batch-sendmail--chosen-by
                                        (mew-submit-message--fields-of-text header)
                                        (list :from from)))
                                  :name)
                       name))))
    (should-error (mew-submit-request--account
                   nil (mew-submit-batch-sendmail--chosen-by
                        (mew-submit-message--fields-of-text "From: visitor@z.example\n")
                        '(:from "v@z.example")))
                  :type 'mew-submit-config)))

(ert-deftest mew-submit-batch-sendmail-tests-own-address ()
  "Root and the user are the account's address, unless its server knows them."
  (let ((account '(:from "me@one.example" :server "mail.one.example")))
    (dolist (name (list "root" "postmaster" (user-login-name)))
      (should (equal (mew-submit-alias--expand name account)
                     '("me@one.example")))
      (let ((mew-submit-sendmail-aliases `((,name "you@x"))))
        (should (equal (mew-submit-alias--expand name account) '("you@x"))))
      (dolist (other '((:from "me@one.example" :server "localhost")
                       (:from "@one.example" :server "h") (:server "h") nil))
        (should (equal (mew-submit-alias--expand name other) (list name)))))
    (should (equal (mew-submit-alias--expand "cron2" account) '("cron2")))
    (cl-letf (((symbol-function 'user-login-name) (lambda (&rest _) "Bob")))
      (dolist (name '("Bob" "bob" "BOB@localhost"))
        (should (equal (mew-submit-alias--expand name account)
                       '("me@one.example")))))))

(ert-deftest mew-submit-batch-sendmail-tests-aliases-of-what-is-kept ()
  "An alias stands for the names that it does in what is sent; the rest stays."
  (let ((mew-submit-sendmail-aliases '(("root" "admin@x.example"))))
    (should (equal (mew-submit-batch-sendmail--said
                    '(:arguments ("root" "Root@localhost" "a@b.example" "joe@" "<what is this"))
                    nil)
                   '("admin@x.example" "a@b.example" "joe@" "<what is this")))))

;;; An Emacs server

(defmacro mew-submit-batch-sendmail-tests--with-server (name arguments &rest body)
  "Run BODY with an Emacs server NAME that has mew-submit and ARGUMENTS.
XDG_RUNTIME_DIR is a directory of its own."
  (declare (indent 2) (debug (form form body)))
  `(mew-submit-test-with-directory runtime
     (set-file-modes runtime #o700)
     (let* ((process-environment
             (append (list (concat "XDG_RUNTIME_DIR=" runtime)
                           (concat "HOME=" runtime)
                           "EMACS_SOCKET_NAME")
                     process-environment))
            (server (make-process
                     :name "server" :noquery t :connection-type 'pipe
                     :buffer (generate-new-buffer " *server*")
                     :command
                     (append
                      (list mew-submit-test-emacs "-Q"
                            (concat "--fg-daemon=" ,name)
                            ;; It would compile all this anew.
                            "--eval" "(setq native-comp-deferred-compilation nil)"
                            "-l" (expand-file-name "mew-submit.el"
                                                   mew-submit-test-root))
                      ,arguments))))
       (unwind-protect
           (progn
             (mew-submit-test-until ("the Emacs server")
               (file-exists-p (expand-file-name (concat "emacs/" ,name)
                                                runtime)))
             ,@body)
         (delete-process server)
         (kill-buffer (process-buffer server))))))

(ert-deftest mew-submit-batch-sendmail-tests-hand-over ()
  "A message goes to the outbox of the Emacs that runs, and what came of it is told."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=ok"
            "127.0.0.1:0,name=never,rcpt=reply:550 5.1.1 Who")
    (pcase-dolist (`(,name ,status ,words)
                   '(("ok" 0 "delivered: 250 2.0.0 Ok: queued as 0001")
                     ("never" 69 "a@x: 550 5.1.1 Who")))
      (ert-info (name)
        (mew-submit-test-with-directory directory
          (let ((outbox (expand-file-name "outbox/" directory)))
            (mew-submit-batch-sendmail-tests--with-server "server"
                (list "--eval"
                      (prin1-to-string
                       `(setq mew-submit-outbox-directory ,outbox
                              mew-submit-accounts
                              '(,(mew-submit-test-account peer name)))))
              (let ((result (mew-submit-batch-sendmail-tests--run
                             '("-v" "-t" "-f" "me@x")
                             :input "To: a@x\nSubject: s\n\nbody\n")))
                (should (string-search words (plist-get result :stderr)))
                (should (eql (plist-get result :status) status))
                ;; It really was that Emacs, whose outbox it is.
                (should (file-directory-p outbox))))))))))

(ert-deftest mew-submit-batch-sendmail-tests-hand-over-drops-nothing ()
  "What options wish goes with the message; who is told the way sends it by that.
SECURITY: P27."
  :tags '(:module)
  (should (equal (mew-submit-batch-sendmail--order
                  '(:wrong t :from "me@x" :require-tls t :mt-priority "3" :hold-for nil))
                 '(:from "me@x" :require-tls yes :mt-priority "3")))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (mew-submit-batch-sendmail-tests--with-server "server"
          (list "--eval" (prin1-to-string
                          `(setq mew-submit-outbox-directory ,(expand-file-name "outbox/" directory)
                                 mew-submit-accounts '(,(mew-submit-test-account peer "ok")))))
        (pcase-dolist (`(,status ,words . ,arguments)
                       '((77 "REQUIRETLS" "--require-tls") (69 "FUTURERELEASE" "--hold-for" "60")
                         (78 "No server is named" "--tls-minimum" "1.3")
                         (78 "No server is named" "--plan" "submissions")
                         (0 "" "--read-envelope-from")))
          (ert-info ((format "%S" arguments))
            (let ((result (mew-submit-batch-sendmail-tests--run
                           (append arguments '("-f" "me@x" "a@x"))
                           :input "Subject: s\n\nbody\n")))
              (should (eql (plist-get result :status) status))
              (should (string-search words (plist-get result :stderr))))))
        (should (= 1 (length (mew-submit-test-accepted peer))))))))

(ert-deftest mew-submit-batch-sendmail-tests-named-account ()
  "Who has told msmtp which account to take tells it here; it is no recipient."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=one,rcpt=reply:550 5.1.1 Who" "127.0.0.1:0,name=two")
    (mew-submit-test-with-directory directory
      (let* ((config (prin1-to-string
                      `(setq mew-submit-outbox-directory ,(expand-file-name "outbox/" directory)
                             mew-submit-accounts
                             '((:name "one" :default t ,@(mew-submit-test-account peer "one"))
                               (:name "two" ,@(mew-submit-test-account peer "two"))))))
             (file (mew-submit-test-write (expand-file-name "c.el" directory) config))
             (ends (lambda ()
                     (pcase-dolist (`(,status . ,arguments)
                                    '((69) (0 "-a" "two") (0 "-atwo") (78 "-a" "three")))
                       (ert-info ((format "%S" arguments))
                         (should (eql status
                                      (plist-get (mew-submit-batch-sendmail-tests--run
                                                  (append (list "--config" file) arguments
                                                          '("-f" "me@x.example" "a@x"))
                                                  :input "Subject: s\n\nbody\n")
                                                 :status))))))))
        (funcall ends)
        (ert-info ("an Emacs that runs")
          (mew-submit-batch-sendmail-tests--with-server "server" (list "--eval" config)
            (funcall ends)))))
    (should (= 6 (length (seq-filter (lambda (line) (string-search "<a@x>" line))
                                     (mew-submit-test-lines peer "RCPT")))))
    (should-not (seq-find (lambda (line) (string-match-p "two\\|three" line))
                          (mew-submit-test-lines peer "RCPT")))))

(ert-deftest mew-submit-batch-sendmail-tests-hold-there ()
  "What that Emacs has no account for is held in its outbox.  cron finds it, too.
SECURITY: P13."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((outbox (expand-file-name "outbox/" directory)))
      (mew-submit-batch-sendmail-tests--with-server "server"
          (list "--eval" (prin1-to-string
                          `(setq mew-submit-outbox-directory ,outbox)))
        (let* ((config (mew-submit-test-write
                        (expand-file-name "config.el" directory)
                        (prin1-to-string
                         `(setq mew-submit-batch-hand-over--socket-directories
                                '(,(expand-file-name "emacs" runtime))
                                mew-submit-outbox-directory
                                ,(expand-file-name "own/" directory)))))
               (process-environment (cons "XDG_RUNTIME_DIR" process-environment))
               (result (mew-submit-batch-sendmail-tests--run
                        (list "--config" config "-t")
                        :input "To: a@x\nSubject: s\n\nbody\n" :home directory))
               (entry (car (mew-submit-batch-sendmail-tests--entries directory))))
          (should (eql (plist-get result :status) 78))
          (should (string-search (concat "held in the outbox as "
                                         (plist-get entry :id))
                                 (plist-get result :stderr)))
          (should (equal (plist-get entry :recipients) '("a@x")))
          (should-not (file-exists-p (expand-file-name "own" directory))))))))

(ert-deftest mew-submit-batch-sendmail-tests-no-search ()
  "A message is not lost where another Emacs cannot be looked for."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let ((config (mew-submit-test-write
                     (expand-file-name "config.el" directory)
                     (prin1-to-string
                      `(progn
                         (advice-add 'mew-submit-batch-hand-over--own-p :override
                                     (lambda (file)
                                       (signal 'file-error (list "Getting attributes" file))))
                         (setq mew-submit-outbox-directory ,(expand-file-name "own/" directory)
                               mew-submit-accounts '(,(mew-submit-test-account peer "ok"))))))))
        (should (eql 0 (plist-get (mew-submit-batch-sendmail-tests--run
                                   (list "--config" config "-f" "me@x" "a@x")
                                   :input "Subject: s\n\nbody\n")
                                  :status)))))
    (should (= 1 (length (mew-submit-test-accepted peer))))))

(ert-deftest mew-submit-batch-sendmail-tests-turkish ()
  "SMTP is spoken in a Turkish locale, too: MAIL is a command there."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((said (mew-submit-test-emacs
                 (list "--eval" "(set-language-environment \"Turkish\")"
                       "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                       "-f" "mew-submit-batch-sendmail" "--"
                       "--server" "127.0.0.1" "--outbox" directory "-bs")
                 :input "EHLO me\r\nMAIL FROM:<i@[IPv6:::1]>\r\nQUIT\r\n")))
      (should (string-match-p "^250 2.1.0" (plist-get said :stdout))))))

;; Emacs 31 warns when it loads a file without a cookie; this is how.
(ert-deftest mew-submit-batch-sendmail-tests-config-without-cookie ()
  "A file of accounts may say nothing of a dialect; its other warnings are shown."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((config (mew-submit-test-write
                    (expand-file-name "config.el" directory)
                    "(display-warning '(files missing-lexbind-cookie \"x\") \"No cookie\")
(display-warning 'files \"Old file\")\n"))
           (process-environment
            (append (list (concat "MEW_SUBMIT_CONFIG=" config) "MEW_SUBMIT_COMMAND=x")
                    process-environment)))
      (pcase-dolist (`(,command . ,arguments)
                     `(("outbox" "--outbox" ,directory)
                       ("sendmail" "--config" ,config "--outbox" ,directory "-bp")
                       ;; Ends as soon as it would listen.
                       ("relay" "--config" ,config "--server" "127.0.0.1"
                        "--listen" ,(concat "unix:" directory))))
        (let ((said (plist-get (mew-submit-test-emacs
                                (append (list "-l" (expand-file-name
                                                    "mew-submit.el" mew-submit-test-root)
                                              "-f" (concat "mew-submit-batch-" command)
                                              "--")
                                        arguments))
                               :stderr)))
          (should (string-search "Old file" said))
          (should-not (string-search "No cookie" said)))))))

(ert-deftest mew-submit-batch-sendmail-tests-how-to-go-on-in-a-shell ()
  "What was held for want of an account is sent by what the shell command then says."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((process-environment (cons "MEW_SUBMIT_COMMAND=mew-submit sendmail"
                                      process-environment))
           (outbox (expand-file-name "outbox/" directory))
           (said (plist-get (mew-submit-batch-sendmail-tests--run
                             (list "--outbox" outbox "b@x") :home directory
                             :input "From: me@x.example\n\nbody\n")
                            :stderr)))
      (should (string-match "mew-submit outbox --retry \\([^ ]+\\) sends it" said))
      (should (equal (match-string 1 said)
                     (plist-get (car (mew-submit-batch-sendmail-tests--entries directory))
                                :id))))))

(ert-deftest mew-submit-batch-sendmail-tests-own-account ()
  "An Emacs without an account for it holds nothing that can be sent from here."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let ((there (expand-file-name "there/" directory))
            (config (mew-submit-test-write
                     (expand-file-name "config.el" directory)
                     (prin1-to-string
                      `(setq mew-submit-outbox-directory ,(expand-file-name "own/" directory)
                             mew-submit-accounts '(,(mew-submit-test-account peer "ok")))))))
        (mew-submit-batch-sendmail-tests--with-server "server"
            (list "--eval" (prin1-to-string `(setq mew-submit-outbox-directory ,there)))
          (let ((result (mew-submit-batch-sendmail-tests--run
                         (list "-v" "--config" config "-f" "me@x" "a@x")
                         :input "Subject: s\n\nbody\n")))
            (should (string-search "delivered: 250" (plist-get result :stderr)))
            (should (eql (plist-get result :status) 0))))
        (should-not (mew-submit-spool--ids there))))
    (should (= 1 (length (mew-submit-test-accepted peer))))))

(ert-deftest mew-submit-batch-sendmail-tests-other-files ()
  "An Emacs that sees other files takes nothing; the message is sent from here."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let* ((account (mew-submit-test-account peer "ok"))
             (config (mew-submit-test-write
                      (expand-file-name "config.el" directory)
                      (prin1-to-string
                       `(setq mew-submit-outbox-directory
                              ,(expand-file-name "own/" directory)
                              mew-submit-accounts '(,account))))))
        (mew-submit-batch-sendmail-tests--with-server "server"
            (list "--eval"
                  (prin1-to-string
                   '(advice-add 'mew-submit-sendmail-take :filter-args
                                (lambda (args)
                                  (cons (concat "/proc/none" (car args))
                                        (cdr args))))))
          (let ((result (mew-submit-batch-sendmail-tests--run
                         (list "-v" "--config" config "-f" "me@x" "a@x")
                         :input "Subject: s\n\nbody\n")))
            (should (string-search "delivered: 250" (plist-get result :stderr)))
            (should (eql (plist-get result :status) 0))
            (should (equal (mew-submit-test-envelope peer) '("me@x" "a@x")))
            (should-not (mew-submit-test-stored peer 2))))))))

(ert-deftest mew-submit-batch-sendmail-tests-foreign-directory ()
  "A directory of another user is not looked into: who has made it takes the mail."
  (should (mew-submit-batch-hand-over--own-p (expand-file-name "~")))
  (skip-unless (zerop (user-uid)))
  (mew-submit-test-with-directory directory
    (should (mew-submit-batch-hand-over--own-p directory))
    (call-process "chown" nil nil nil "65534" directory)
    (should-not (mew-submit-batch-hand-over--own-p directory))
    (should-not (mew-submit-batch-hand-over--own-p (expand-file-name "none" directory)))))

(ert-deftest mew-submit-batch-sendmail-tests-no-home ()
  "The installed command knows where the user's configuration is without HOME.
Of a user whom the system does not know it is nowhere near."
  (mew-submit-test-with-directory directory
    (let ((default-directory mew-submit-test-root)
          (emacs (mew-submit-test-write (expand-file-name "emacs" directory)
                                        "#!/bin/sh\necho \"$HOME\"\n"))
          (id (mew-submit-test-write (expand-file-name "id" directory)
                                     "#!/bin/sh\necho 4242; exit 1\n")))
      (set-file-modes emacs #o755)
      (set-file-modes id #o755)
      (let ((prefix (expand-file-name "prefix" directory)))
        (should (zerop (call-process (expand-file-name "packaging/install")
                                     nil nil nil prefix prefix
                                     "mew-submit.el" "mew-submit.el")))
        (with-temp-buffer
          (dolist (before (list "" (concat directory ":")))
            (should (zerop (call-process
                            "env" nil t nil "-i" (concat "PATH=" before (getenv "PATH"))
                            (concat "EMACS=" emacs)
                            (expand-file-name "prefix/bin/mew-submit-sendmail"
                                              directory)
                            "a@x"))))
          (should (equal (split-string (buffer-string) "\n" t)
                         (list (directory-file-name
                                (expand-file-name (concat "~" (user-login-name))))
                               "/"))))))))

(ert-deftest mew-submit-batch-sendmail-tests-short-path ()
  "Where PATH has no Emacs, as cron's, it is the one that it was installed with.
Without any, who calls hears that nothing was done, and what to do."
  (mew-submit-test-with-directory directory
    (let ((default-directory mew-submit-test-root)
          (prefix (expand-file-name "prefix" directory))
          (emacs (mew-submit-test-write (expand-file-name "emacs" directory)
                                        "#!/bin/sh\necho here\n")))
      (set-file-modes emacs #o755)
      (make-directory (expand-file-name "bin" directory))
      (dolist (name '("sed" "grep" "id" "pwd"))
        (make-symbolic-link (executable-find name)
                            (expand-file-name (concat "bin/" name) directory)))
      (should (zerop (call-process "env" nil nil nil (concat "EMACS=" emacs)
                                   (expand-file-name "packaging/install")
                                   prefix prefix "mew-submit.el" "mew-submit.el")))
      (cl-flet ((run (command &rest settings)
                  (with-temp-buffer
                    (let ((status (apply #'call-process "env" nil t nil "-i"
                                         (append settings
                                                 (list (concat "PATH=" directory "/bin")
                                                       (concat prefix "/bin/mew-submit")
                                                       command "a@x")))))
                      (list status (buffer-string))))))
        (should (equal (run "sendmail") '(0 "here\n")))
        (should (equal (run "sendmail" "EMACS=gone") '(0 "here\n")))
        (delete-file emacs)
        (pcase-dolist (`(,command . ,status) '(("sendmail" . 75) ("relay" . 78)))
          (pcase-let ((`(,was ,words) (run command)))
            (should (eql was status))
            (should (string-match-p "\\`mew-submit: .*PATH.*\n\\'" words))))))))

(ert-deftest mew-submit-batch-sendmail-tests-list ()
  "-bp shows of each message when it came and what it is about.
A time that no calendar has, from a damaged file, hides no other message."
  :tags '(:module)
  (should-not (mew-submit-batch-outbox--time -5.0e30))
  (mew-submit-test-with-directory directory
    (let ((outbox (expand-file-name "outbox" directory)))
      (mew-submit-batch-sendmail-tests--run (list "--outbox" outbox "a@x")
                                            :input "Subject: =?utf-8?Q?gr=C3=BCn?=\n\nb\n"
                                            :home directory)
      (mew-submit-batch-sendmail-tests--run (list "--outbox" outbox "-t")
                                            :input "Subject: none\n\nb\n" :home directory)
      (should (string-match-p
               "  to nobody: none  ("
               (plist-get (mew-submit-batch-sendmail-tests--run
                           (list "--outbox" outbox "-bp") :home directory)
                          :stdout)))
      (should (string-match-p
               "held .* [0-9]\\{4\\}-[0-9-]+ [0-9]+:[0-9]+  to a@x: grün  (.*account"
               (plist-get (mew-submit-batch-sendmail-tests--run
                           (list "--outbox" outbox "-bp") :home directory)
                          :stdout))))))

;; Emacs stood still for ten seconds with each mail, until it was sent from here.
(ert-deftest mew-submit-batch-sendmail-tests-called-by-emacs ()
  "An Emacs that has called us by its `sendmail-program' may wait: it is asked shortly."
  (pcase-dolist (`(,commands . ,expected)
                 `((("emacs" "emacs-gtk") . ,mew-submit-batch-hand-over--caller)
                   (("emacs" "sh" "emacs") . ,mew-submit-batch-hand-over--caller)
                   ((".emacs-wrapped" ".emacs-wrapped") . ,mew-submit-batch-hand-over--caller)
                   ((".emacs-30.1-rea" "sh" ".emacs-30.1-rea")
                    . ,mew-submit-batch-hand-over--caller)
                   (("emacs" "sh" "cron" "systemd") . ,mew-submit-batch-hand-over--answer)
                   (("emacs") . ,mew-submit-batch-hand-over--answer)))
    (cl-letf (((symbol-function 'emacs-pid) (lambda () 0))
              ((symbol-function 'process-attributes)
               (lambda (pid)
                 (when-let* ((command (nth pid commands)))
                   (list (cons 'comm command) (cons 'ppid (1+ pid)))))))
      (should (= expected (mew-submit-batch-hand-over--patience))))))

(ert-deftest mew-submit-batch-sendmail-tests-busy-server ()
  "An Emacs that does not answer is not waited for; the message is sent from here.
It is sent once, although that Emacs finds the question later."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let* ((account (mew-submit-test-account peer "ok"))
             (go (expand-file-name "go" directory))
             (took (expand-file-name "took" directory))
             (config (mew-submit-test-write
                      (expand-file-name "config.el" directory)
                      (prin1-to-string
                       `(setq mew-submit-batch-hand-over--answer 3
                              mew-submit-batch-hand-over--caller 3
                              mew-submit-outbox-directory
                              ,(expand-file-name "own/" directory)
                              mew-submit-accounts '(,account))))))
        (mew-submit-batch-sendmail-tests--with-server "server"
            (list "--eval"
                  (prin1-to-string
                   `(setq mew-submit-outbox-directory
                          ,(expand-file-name "outbox/" directory)
                          mew-submit-accounts '(,account)))
                  "--eval"
                  ;; It says that it has mew-submit, and is busy from then on.
                  (prin1-to-string
                   `(advice-add 'mew-submit-sendmail-take :around
                                (lambda (take &rest args)
                                  (while (not (file-exists-p ,go))
                                    (sleep-for 0.05))
                                  (write-region (prin1-to-string (apply take args))
                                                nil ,took)))))
          (let ((result (mew-submit-batch-sendmail-tests--run
                         (list "-v" "--config" config "-f" "me@x" "a@x")
                         :input "Subject: s\n\nbody\n")))
            (should (string-search "delivered" (plist-get result :stderr)))
            (should (eql (plist-get result :status) 0))
            (mew-submit-test-write go "")
            (mew-submit-test-until ("the answer to the question")
              (and (file-exists-p took)
                   (string-match-p ":kind" (mew-submit-test-octets took))))
            (should-not (directory-files directory nil "\\`outbox"))
            (should (mew-submit-test-stored peer 1))
            (should-not (mew-submit-test-stored peer 2))))))))

(ert-deftest mew-submit-batch-sendmail-tests-is-no-sign-of-the-user ()
  "What a cron job sends asks nobody for a password that was put off."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((mew-submit-outbox-directory (expand-file-name "outbox/" directory))
           (mew-submit-accounts '((:server "127.0.0.1" :routes "9:starttls")))
           (file (mew-submit-test-write (expand-file-name "m" directory)
                                        "From: me@x\n\nhi\n"))
           seen)
      (cl-letf (((symbol-function 'mew-submit-dispatch--run)
                 (lambda () (push mew-submit-background--now seen)))
                ((symbol-function 'mew-submit-auth--user-is-here)
                 (lambda (&rest _) (ert-fail "Somebody seems to be here"))))
        (should (plist-get (mew-submit-sendmail-take
                            file (mew-submit-batch-sendmail-arguments--parse '("-f" "me@x" "a@x")))
                           :id))
        (should (equal seen '(t)))))))

(provide 'mew-submit-batch-sendmail-tests)
;;; mew-submit-batch-sendmail-tests.el ends here
