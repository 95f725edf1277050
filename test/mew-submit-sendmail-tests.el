;;; mew-submit-sendmail-tests.el --- Tests for what is called as sendmail -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Arguments, what is added to a message, exit statuses, and handing a message over
;; to an Emacs server.  Git and others as callers are test/relay's.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit)
(require 'mew-submit-outbox)
(require 'mew-submit-sendmail)
(require 'mew-submit-test-helpers)
(require 'seq)

(defun mew-submit-sendmail-tests--run (arguments &rest keys)
  "Run `mew-submit-batch-sendmail' with ARGUMENTS; KEYS as for an Emacs."
  (apply #'mew-submit-test-emacs
         (append (list "-l" (expand-file-name "mew-submit.el"
                                              mew-submit-test-root)
                       "-f" "mew-submit-batch-sendmail" "--")
                 arguments)
         keys))

(defun mew-submit-sendmail-tests--options (peer name directory)
  "Return the options for PEER's listener NAME, with an outbox in DIRECTORY."
  (list "--server" "127.0.0.1" "--ca-file" (mew-submit-test-ca peer)
        "--routes" (format "%d:starttls" (mew-submit-test-port peer name))
        "--outbox" (expand-file-name "outbox" directory)))

(ert-deftest mew-submit-sendmail-tests-arguments ()
  "Flags are sendmail's: together, with values here or there, unknown ones ignored."
  (pcase-dolist
      (`(,args ,recipients . ,wanted)
       '((("a@x" "b@x") ("a@x" "b@x"))
         (("-i" "-t") nil :header t :dots t)
         (("-oi" "-fme@x" "a@x") ("a@x") :dots t :from "me@x")
         (("-f" "<me@x>" "a@x") ("a@x") :from "me@x")
         (("-f" "" "a@x") ("a@x") :from "")
         (("-f" "<>" "a@x") ("a@x") :from "")
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
         (("-bs") nil :mode "s")
         (("-i" "--" "-a@x") ("-a@x") :dots t)
         (("a@x" "--server" "h" "-i" "--tls=none" "b@x") ("a@x" "b@x")
          :server "h" :tls none :dots t)))
    (ert-info ((format "%S" args))
      (let ((options (mew-submit-sendmail--parse (copy-sequence args))))
        (should (equal (plist-get options :arguments) recipients))
        (cl-loop for (key value) on wanted by #'cddr
                 do (should (equal (plist-get options key) value)))
        (unless wanted
          (should (equal (cl-loop for (key _) on options by #'cddr
                                  collect key)
                         '(:arguments)))))))
  (dolist (args '(("-f") ("-N" "sometimes" "a@x") ("--bogus") ("--tls" "x")))
    (should-error (mew-submit-sendmail--parse (copy-sequence args))
                  :type 'mew-submit-usage)))

(ert-deftest mew-submit-sendmail-tests-recipients ()
  "An argument may be a list of addresses; a name without domain may stand for some."
  (let ((mew-submit-sendmail-aliases '(("root" "me@x" "you@x") (t "all@x"))))
    (should (equal (mew-submit-sendmail--recipients
                    '(:arguments ("a@x, B <b@x>" "root" "cron" "a@x")) nil)
                   '("a@x" "b@x" "me@x" "you@x" "all@x"))))
  (should (equal (mew-submit-sendmail--recipients '(:arguments ("root")) nil)
                 '("root")))
  (should-error (mew-submit-sendmail--recipients nil nil)
                :type 'mew-submit-usage))

(ert-deftest mew-submit-sendmail-tests-statuses ()
  "The exit status says what is true, and what is kept is in the outbox."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=ok"
            "127.0.0.1:0,name=never,rcpt=reply:550 5.1.1 Who"
            "127.0.0.1:0,name=one,rcpt#2=reply:550 5.1.1 Who"
            "127.0.0.1:0,name=later,mail=reply:451 4.3.0 Later"
            "127.0.0.1:0,name=lost,dot=close"
            "127.0.0.1:0,name=shut,refused"
            "127.0.0.1:0,name=stripped,cap-=STARTTLS")
    (pcase-dolist
        (`(,name ,status ,state ,words)
         '(("ok" 0 nil "")
           ("never" 69 refused "a@x: 550 5.1.1 Who")
           ("one" 69 refused "b@x: 550 5.1.1 Who")
           ("later" 0 queued "451 4.3.0 Later")
           ("shut" 0 queued "queued as")
           ("lost" 74 uncertain "uncertain")
           ("stripped" 77 refused "STARTTLS")))
      (ert-info (name)
        (mew-submit-test-with-directory directory
          (let* ((outbox (expand-file-name "outbox/" directory))
                 (result (mew-submit-sendmail-tests--run
                          (append (mew-submit-sendmail-tests--options
                                   peer name directory)
                                  '("-f" "me@x" "a@x" "b@x"))
                          :input "Subject: s\n\nbody\n")))
            (should (string-search words (plist-get result :stderr)))
            (should (eql (plist-get result :status) status))
            (should (eq (plist-get
                         (when-let ((id (car (mew-submit-outbox-ids outbox))))
                           (mew-submit-outbox-read id outbox))
                         :state)
                        state))))))))

(ert-deftest mew-submit-sendmail-tests-usage ()
  "What makes no sense is said, and nothing is sent."
  :tags '(:module)
  (pcase-dolist (`(,args ,status ,words)
                 '((("-bs") 64 "mew-submit-batch-relay")
                   (("-bd") 64 "mew-submit-batch-relay")
                   (("-bz") 64 "-bz")
                   (("--server" "127.0.0.1") 64 "No recipient")
                   (("a@x") 78 "--server")
                   (("-bi") 0 "")))
    (ert-info ((format "%S" args))
      (let ((result (mew-submit-sendmail-tests--run
                     args :input "Subject: s\n\nbody\n")))
        (should (eql (plist-get result :status) status))
        (should (string-search words (plist-get result :stderr)))))))

(ert-deftest mew-submit-sendmail-tests-message ()
  "What a message lacks is added, a dot ends it without -i, Bcc does not leave."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-test-with-directory directory
      (let ((send (lambda (input &rest arguments)
                    (should (eql (plist-get
                                  (mew-submit-sendmail-tests--run
                                   (append (mew-submit-sendmail-tests--options
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

;;; An Emacs server

(defmacro mew-submit-sendmail-tests--with-server (name arguments &rest body)
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

(ert-deftest mew-submit-sendmail-tests-hand-over ()
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
            (mew-submit-sendmail-tests--with-server "server"
                (list "--eval"
                      (prin1-to-string
                       `(setq mew-submit-outbox-directory ,outbox
                              mew-submit-accounts
                              '(,(mew-submit-test-account peer name)))))
              (let ((result (mew-submit-sendmail-tests--run
                             '("-v" "-t" "-f" "me@x")
                             :input "To: a@x\nSubject: s\n\nbody\n")))
                (should (string-search words (plist-get result :stderr)))
                (should (eql (plist-get result :status) status))
                ;; It really was that Emacs, whose outbox it is.
                (should (file-directory-p outbox))))))))))

(ert-deftest mew-submit-sendmail-tests-busy-server ()
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
                       `(setq mew-submit-sendmail--answer 3
                              mew-submit-outbox-directory
                              ,(expand-file-name "own/" directory)
                              mew-submit-accounts '(,account))))))
        (mew-submit-sendmail-tests--with-server "server"
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
          (let ((result (mew-submit-sendmail-tests--run
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

(ert-deftest mew-submit-sendmail-tests-is-no-sign-of-the-user ()
  "What a cron job sends asks nobody for a password that was put off."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((mew-submit-outbox-directory (expand-file-name "outbox/" directory))
           (mew-submit-accounts '((:server "127.0.0.1" :routes "9:starttls")))
           (file (mew-submit-test-write (expand-file-name "m" directory)
                                        "From: me@x\n\nhi\n"))
           seen)
      (cl-letf (((symbol-function 'mew-submit-queue-run)
                 (lambda () (push mew-submit-background seen)))
                ((symbol-function 'mew-submit-auth-user-is-here)
                 (lambda (&rest _) (ert-fail "Somebody seems to be here"))))
        (should (plist-get (mew-submit-sendmail-take file "me@x" '("a@x") nil)
                           :id))
        (should (equal seen '(t)))))))

(provide 'mew-submit-sendmail-tests)
;;; mew-submit-sendmail-tests.el ends here
