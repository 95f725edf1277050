;;; mew-submit-diagnose-tests.el --- Tests for mew-submit-diagnose -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The report as it grows, the ways to stop it, and the batch command.  What is found where
;; is in test/diagnose.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'mew-submit-diagnose)
(require 'mew-submit-batch-diagnose)

(declare-function mew-submit--mod-jobs "ext:mew-submit-native" ())

(defun mew-submit-diagnose-tests--ports (peer &rest names)
  "Return specifications of the ports of PEER's listeners NAMES."
  (mapcar (lambda (name)
            (mew-submit-probe--port (mew-submit-test-port peer name)))
          names))

(defun mew-submit-diagnose-tests--account (peer)
  "Return an account for PEER at 127.0.0.1."
  (list :server "127.0.0.1" :tls-name "smtp.example.org"
        :ca-file (mew-submit-test-ca peer) :memory (mew-submit-test-missing "memory")
        :timeout 600 :step-timeout 600))

(defmacro mew-submit-diagnose-tests--with-report (peer names &rest body)
  "Run BODY in the report of a diagnosis of PEER's listeners NAMES."
  (declare (indent 2) (debug (symbolp form body)))
  `(let ((mew-submit-accounts nil))
     (save-window-excursion
       (let ((buffer (mew-submit-diagnose--show
                      (mew-submit-diagnose-tests--account ,peer)
                      :ports (apply #'mew-submit-diagnose-tests--ports ,peer
                                    ,names))))
         (unwind-protect
             (with-current-buffer buffer ,@body)
           (kill-buffer buffer))))))

(defun mew-submit-diagnose-tests--see (regexp)
  "Wait until this buffer has something that matches REGEXP."
  (mew-submit-test-until (regexp)
    (accept-process-output nil 0.02)
    (string-match-p regexp (buffer-string))))

(ert-deftest mew-submit-diagnose-tests-results-appear-as-they-come ()
  "A slow port does not keep the others waiting, nor Emacs."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=fast"
                                   "127.0.0.1:0,name=slow,greeting=stall")
    (mew-submit-diagnose-tests--with-report peer '("fast" "slow")
      ;; It is shown before the slow one is done with, which takes ten minutes.
      (should (string-match-p "^Looking" (buffer-string)))
      (mew-submit-diagnose-tests--see "TLS1\\.3")
      (mew-submit-diagnose-tests--see "connected, waiting")
      (should (string-match-p "^Looking" (buffer-string)))
      (should-not (string-match-p "Findings" (buffer-string)))
      (mew-submit-diagnose-stop)
      (mew-submit-diagnose-tests--see "^Stopped")
      (should (string-match-p "TLS1\\.3" (buffer-string))))))

(ert-deftest mew-submit-diagnose-tests-stop-works-at-every-step ()
  "Whatever a server keeps the diagnosis waiting for, it ends at once, as a whole.
By itself it would wait for ten minutes."
  (dolist (step '("connect=stall" "greeting=stall" "ehlo=stall" "mail=stall"
                  "starttls=stall" "tls=stall" "ehlo2=stall" "mail#2=stall"
                  "rset=stall" "quit=stall" "silent"))
    (mew-submit-test-with-peer (peer (concat "127.0.0.1:0,name=a," step)
                                     (concat "127.0.0.1:0,name=b," step))
      (let* (seen
             (diagnosis (mew-submit-probe--start
                         (mew-submit-diagnose-tests--account peer)
                         :ports (mew-submit-diagnose-tests--ports peer "a" "b")
                         :on-event (lambda (_diagnosis event)
                                     (setq seen (plist-get event :event)))))
             (session (plist-get diagnosis :session)))
        (mew-submit-test-until ("the first attempt")
          (accept-process-output nil 0.02)
          seen)
        (mew-submit-test-until ("both to get to where they wait")
          (accept-process-output nil 0.02)
          (or (equal step "silent") (= 2 (length (mew-submit-test-log peer "stall")))))
        (mew-submit-job--cancel session)
        (should (mew-submit-job--wait session mew-submit-test-patience))
        (should (member (plist-get (plist-get diagnosis :done) :kind)
                        ;; A farewell is not waited for: all has been seen.
                        (if (equal step "quit=stall")
                            '("ok" "cancelled")
                          '("cancelled"))))
        (mew-submit-test-until ("the job's thread to end")
          (zerop (mew-submit--mod-jobs)))))))

(ert-deftest mew-submit-diagnose-tests-rows-are-buttons ()
  "A row shows all that is known of it, and hides it again; nothing is too wide."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=good"
                                   "127.0.0.1:0,name=bad,cert=expired")
    (mew-submit-diagnose-tests--with-report peer '("good" "bad")
      (mew-submit-diagnose-tests--see "certificate-expired")
      (goto-char (next-single-property-change (point-min) 'mew-submit-view-item))
      (push-button)
      (should (string-match-p "STARTTLS +offered" (buffer-string)))
      (should (string-match-p "chain +CN=" (buffer-string)))
      (push-button)
      (should-not (string-match-p "STARTTLS +offered" (buffer-string)))
      (mew-submit-diagnose-toggle-all)
      (should (= 2 (seq-count (lambda (line)
                                (string-match-p "\\` +fingerprint" line))
                              (split-string (buffer-string) "\n"))))
      (dolist (line (split-string (buffer-string) "\n"))
        (unless (string-match-p "sha256:\\|(TLS1" line)
          (should (<= (string-width line) 80)))))))

(ert-deftest mew-submit-diagnose-tests-again ()
  "The key g looks again; what has been found before does not stay."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a,1:greeting=reply:554 No")
    (mew-submit-diagnose-tests--with-report peer '("a")
      (mew-submit-diagnose-tests--see "greeting-not-220")
      (call-interactively (key-binding (kbd "g")))
      (mew-submit-diagnose-tests--see "TLS1\\.3")
      (mew-submit-diagnose-tests--see "^Findings")
      (should-not (string-match-p "greeting-not-220" (buffer-string)))
      (should (eq (key-binding (kbd "k")) #'mew-submit-diagnose-stop))
      (should (eq (key-binding (kbd "C-g")) #'mew-submit-diagnose-stop)))))

(ert-deftest mew-submit-diagnose-tests-nothing-looked-at ()
  "Where nothing could be looked at it is not said that all is well; words are for people."
  (mew-submit-test-with-directory directory
    (let ((file (expand-file-name "ca.pem" directory)))
      (write-region "no certificate" nil file nil 'silent)
      (save-window-excursion
        (mew-submit-diagnose (list :server "127.0.0.1" :ca-file file))
        (unwind-protect
            (progn
              (mew-submit-diagnose-tests--see "Mail cannot be submitted")
              (should (string-search "submitted: The CA file" (buffer-string)))
              (should-not (string-search "all is well" (buffer-string)))
              (delete-file file)
              (should (string-search "cannot be read"
                                     (cadr (should-error (mew-submit-diagnose-again)
                                                         :type 'user-error)))))
          (kill-buffer))))))

(ert-deftest mew-submit-diagnose-tests-a-report-that-is-killed-stops ()
  "Nobody talks to the server when nobody looks any more."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a,greeting=stall")
    (mew-submit-diagnose-tests--with-report peer '("a")
      (mew-submit-diagnose-tests--see "connected"))
    (mew-submit-test-until ("the job to end")
      (accept-process-output nil 0.02)
      (zerop (mew-submit--mod-jobs)))))

(ert-deftest mew-submit-diagnose-tests-nothing-secret-is-said ()
  "A diagnosis knows no user, and says neither AUTH nor DATA."
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "secret"
                                   "127.0.0.1:0,name=a,mechs-clear=PLAIN")
    (let ((diagnosis (mew-submit-probe--start
                      (append '(:user "me" :password "secret" :auth "PLAIN")
                              (mew-submit-diagnose-tests--account peer))
                      :ports (mew-submit-diagnose-tests--ports peer "a"))))
      (should (mew-submit-job--wait (plist-get diagnosis :session) mew-submit-test-patience))
      (should (equal (plist-get (plist-get diagnosis :done) :kind) "ok"))
      (should (equal (mew-submit-test-lines peer)
                     '("EHLO localhost.localdomain" "MAIL FROM:<>" "STARTTLS"
                       "EHLO localhost.localdomain" "MAIL FROM:<>" "QUIT"))))))

;;; Ports

(ert-deftest mew-submit-diagnose-tests-wrong-names-leave-no-buffer ()
  "What is no name of a server is an error of the user's, and nothing else."
  (let ((mew-submit-accounts nil)
        (before (buffer-list)))
    (dolist (name '("a b" "http://a.example/" ".."))
      (should-error (mew-submit-diagnose name) :type 'user-error)
      (should-error (mew-submit-diagnose-domain name) :type 'user-error))
    (should-error (mew-submit-diagnose-domain "127.0.0.1") :type 'user-error)
    (should-not (seq-filter (lambda (buffer)
                              (string-prefix-p "*mew-submit" (buffer-name buffer)))
                            (seq-difference (buffer-list) before)))))

(ert-deftest mew-submit-diagnose-tests-accounts-are-offered-by-name ()
  "Who has two accounts at one server can say which one is looked at."
  (let ((mew-submit-accounts '((:name "one" :server "s.example") (:server "t.example")
                               (:name "two" :server "s.example")))
        offered)
    (cl-letf (((symbol-function 'completing-read)
               (lambda (_prompt words &rest _) (setq offered words) "two")))
      (should (equal (mew-submit-diagnose--read-server "Diagnose server") "two")))
    (should (equal offered '("s.example" "one" "t.example" "two")))))

(ert-deftest mew-submit-diagnose-tests-verdict-is-on-the-port-that-answers ()
  "Which port the verdict is on when mail can be submitted by none of them."
  (pcase-dolist (`(,port . ,cases)
                 '((2525 (587 submission 2) (2525 submission "tls"))
                   (465 (587 submission 5) (465 submission 1))
                   (587 (587 submission "greeting") (2525 submission 1))
                   (587 (587 submission 5) (465 submission 2))
                   (587 (587 submission 3) (25 transfer 1))
                   (25 (25 transfer 5))))
    (let ((diagnosis (mew-submit-diagnosis--make
                      "127.0.0.1" (mapcar (lambda (case)
                                            (list (car case) 'starttls (nth 1 case)))
                                          cases))))
      (plist-put diagnosis :attempts
                 (mapcar (lambda (case)
                           (list :port (car case) :service (nth 1 case)
                                 :case (nth 2 case) :family "ipv4" :state 'ended))
                         (reverse cases)))
      (should (equal (list cases port (plist-get (cdr (mew-submit-diagnosis--verdict diagnosis))
                                                 :port))
                     (list cases port port))))))

(ert-deftest mew-submit-diagnose-tests-log-ins-are-those-of-the-module ()
  "What the diagnosis takes for a way to log in is what the module speaks."
  :tags '(:module)
  (let ((text (plist-get (mew-submit-test-run
                          '(:server "127.0.0.1" :routes "9:starttls" :user "u"
                            :password "p" :auth "NO-SUCH-MECH")
                          "From: a@x\nTo: b@x\nSubject: x\n\nx\n")
                         :text)))
    (should (string-match "choose one of \\([-A-Z0-9, ]+\\)" text))
    (should (equal (split-string (match-string 1 text) ", ")
                   mew-submit-diagnosis--spoken))))

(ert-deftest mew-submit-diagnose-tests-ports ()
  "A port is a number, and perhaps what is expected there."
  (should (equal (mew-submit-probe--parse-ports "25,465, 587")
                 '((25 starttls transfer) (465 implicit submission)
                   (587 starttls submission))))
  (should (equal (mew-submit-probe--parse-ports "2525:none:transfer,143,26")
                 '((2525 none transfer) (143 starttls imap)
                   (26 implicit transfer))))
  (should (equal (mapcar #'car (mew-submit-probe--default-ports
                                "SMTPS-mx.example.org"))
                 '(26 25 465 587)))
  ;; An account's own ports are among them: mail goes there.
  (should (equal (mew-submit-probe--account-ports
                  '(:server "127.0.0.1" :routes "1025:none,587:implicit,25:starttls"))
                 '((1025 none submission) (587 implicit submission)
                   (25 starttls submission) (465 implicit submission))))
  (dolist (wrong '("" "0" "65536" "smtp" "25:tls" "25:starttls:web" "1:none:pop:x"
                   "1,2,3,4,5,6,7,8,9"))
    (should-error (mew-submit-probe--parse-ports wrong) :type 'mew-submit-config)))

;;; Batch

(defun mew-submit-diagnose-tests--batch (peer names &rest arguments)
  "Run the batch command for PEER's listeners NAMES with ARGUMENTS."
  (mew-submit-test-emacs
   (append (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                 "-f" "mew-submit-batch-diagnose" "--"
                 "--server-name" "smtp.example.org" "--timeout" "5"
                 "--ca-file" (mew-submit-test-ca peer)
                 "--ports" (mapconcat (lambda (name)
                                        (number-to-string
                                         (mew-submit-test-port peer name)))
                                      names ","))
           arguments)))

(ert-deftest mew-submit-diagnose-tests-batch-json ()
  "Each host is one object with the keys that the manual lists."
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "secret"
                                   "127.0.0.1:0,name=a" "127.0.0.1:0,name=no,refused")
    (let* ((result (mew-submit-diagnose-tests--batch peer '("a" "no") "--json"
                                                     "127.0.0.1" "x.invalid"))
           (objects (mew-submit-test-json-lines (plist-get result :stdout)))
           (good (seq-find (lambda (attempt) (eql (plist-get attempt :case) 1))
                           (plist-get (car objects) :attempts))))
      (should (equal (plist-get result :status) 69))
      (should (equal (plist-get result :stderr) ""))
      (should (equal (mapcar (lambda (object) (plist-get object :host)) objects)
                     '("127.0.0.1" "x.invalid")))
      (should (equal (length (plist-get (car objects) :attempts)) 2))
      (dolist (key '(:port :family :address :case :errno :icmp :offender :ms
                           :greeting :greeting_ms :capabilities :starttls :auth
                           :tls))
        (should (plist-member good key)))
      (should (equal (plist-get good :starttls) "offered"))
      (should (member "PLAIN" (plist-get good :auth)))
      (should (equal (plist-get (plist-get good :tls) :version) "TLS1.3"))
      (should (eq (plist-get (plist-get good :tls) :verified) t))
      (should (equal (plist-get (car objects) :findings) nil))
      (should (eql (plist-get (plist-get (car objects) :verdict) :case) 1))
      (let ((finding (car (plist-get (cadr objects) :findings))))
        (should (equal (plist-get finding :id) "host-unknown"))
        (should (equal (plist-get finding :severity) "error"))
        (should (plist-get finding :advice))))))

(ert-deftest mew-submit-diagnose-tests-batch-expectations ()
  "What a script expects decides about the exit status, and nothing else does."
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "secret"
                                   "127.0.0.1:0,name=a,cert=expired")
    (pcase-dolist
        (`(,status . ,arguments)
         `((69)
           (0 "--expect" "case=tls" "--expect" "submit=no")
           (0 "--expect" "finding=certificate-expired" "--expect=case!=1")
           (0 "--expect" ,(format "port=%d" (mew-submit-test-port peer "a"))
              "--expect" "family=ipv4")
           (1 "--expect" "case=1")
           (1 "--expect" "case=tls" "--expect" "finding=none")
           (64 "--expect" "weather=good")
           (64 "--ports" "seven")
           (64 "--no-such-option")))
      (let ((result (apply #'mew-submit-diagnose-tests--batch peer '("a")
                           (append arguments '("127.0.0.1")))))
        (should (equal (cons arguments (plist-get result :status))
                       (cons arguments status)))
        (should (eq (string-match-p "mew-submit: " (plist-get result :stderr))
                    (and (memql status '(1 64)) 0)))))))

(ert-deftest mew-submit-diagnose-tests-batch-expects-what-there-is ()
  "What can never be is no expectation: a monitor with a slip in it would never speak.
The names of findings are those of the manual."
  (dolist (wrong '("finding!=certificate-expires-son" "finding=silent-x" "case=9"
                   "case=1 " "family=IPv4" "submit=true" "login=yes" "port=smtp"
                   "network=clearr" "Case=1" "case" "=1" "case="))
    (should-error (mew-submit-batch-diagnose--parse (list "--expect" wrong "h"))
                  :type 'mew-submit-usage))
  (dolist (right '("finding!=certificate-expires-soon" "finding=silent-587" "finding=none"
                   "case=2 or 3" "case=no-login" "family=none" "submit=no" "port=2525"
                   "login=untried" "network=op25b"))
    (should (plist-get (mew-submit-batch-diagnose--parse (list "--expect" right "h"))
                       :expect)))
  (with-temp-buffer
    (insert-file-contents (expand-file-name "doc/mew-submit.org" mew-submit-test-root))
    (search-forward "# begin generated: findings")
    (let ((end (save-excursion (search-forward "# end generated")))
          names)
      (while (re-search-forward "^- =\\([^=]+\\)=" end t)
        (push (match-string 1) names))
      (should (equal (nreverse (delete "silent-PORT" names))
                     mew-submit-batch-diagnose--findings)))))

(ert-deftest mew-submit-diagnose-tests-wrong-answers-are-asked-for-again ()
  "What is no server, no port and no domain is told, and stays to be corrected."
  (require 'mew-submit-domain)
  (pcase-dolist (`(,command ,wrong ,right ,words)
                 '((mew-submit-diagnose "a b" "mail.example.org" "Not a host name")
                   (mew-submit-diagnose "" "mail.example.org" "Not a host name")
                   (mew-submit-diagnose-other-ports "465:ssl" "465" "ssl is none of")
                   (mew-submit-diagnose-domain "192.0.2.1" "example.org" "Not a domain")))
    (let* ((asked nil)
           (mew-submit-accounts nil)
           (read (lambda (prompt &rest arguments)
                   (push (cons prompt arguments) asked)
                   (if (cdr asked) right wrong))))
      (cl-letf (((symbol-function 'read-string) read)
                ((symbol-function 'completing-read) read))
        (should (equal (car (eval (cadr (interactive-form command)) t)) right))
        (should (= (length asked) 2))
        (should (string-match-p (format "\\`%s.*\n" words) (caar asked)))
        (should (member wrong (car asked)))))))

(ert-deftest mew-submit-diagnose-tests-batch-makes-sense ()
  "What does not fit together, and a host that is none, is told before any is looked at."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a")
    (pcase-dolist (`(,status ,words . ,arguments)
                   '((64 "--page is for --network" "--page" "http://x/ y" "127.0.0.1")
                     (64 "--network has no use" "--network" "--login" "127.0.0.1")
                     (64 "--network has no use" "--network" "--details" "127.0.0.1")
                     (64 "--auth needs a mechanism" "--login" "--auth" "none" "127.0.0.1")
                     (64 "Not a SASL mechanism" "--login" "--auth" "a b" "127.0.0.1")
                     (65 "as 465:implicit by" "127.0.0.1" "smtp.example.org:465")
                     (65 "Not a host" "127.0.0.1" "127.0.0.1" "127.0.0.1" "127.0.0.1"
                      "127.0.0.1" "a b")))
      (ert-info ((format "%s" arguments))
        (let ((result (apply #'mew-submit-diagnose-tests--batch peer '("a") arguments)))
          (should (equal (plist-get result :status) status))
          (should (string-search words (plist-get result :stderr)))
          (should (equal (plist-get result :stdout) "")))))
    (should-not (mew-submit-test-log peer "connect"))))

(ert-deftest mew-submit-diagnose-tests-batch-no-log-in ()
  "Who asks for a log-in and names nobody, or no password, is told what to name (77)."
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "secret" "127.0.0.1:0,name=a")
    (pcase-dolist (`(,words . ,arguments)
                   '(("no user name is known: the account's :user, or --user" "--login")
                     ("password-file" "--login" "--user" "me")))
      (let ((result (apply #'mew-submit-diagnose-tests--batch peer '("a") "--json"
                           (append arguments '("127.0.0.1")))))
        (should (eql (plist-get result :status) 77))
        (should (string-search words (plist-get result :stdout)))
        (should-not (string-search "send it again" (plist-get result :stdout)))))))

(ert-deftest mew-submit-diagnose-tests-batch-for-people ()
  "Without --json there is a report that fits into 80 columns."
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "secret"
                                   "127.0.0.1:0,name=a,cap-=STARTTLS,cap+=XXXXXXXA")
    (let* ((result (mew-submit-diagnose-tests--batch peer '("a") "127.0.0.1"))
           (text (plist-get result :stdout)))
      (should (string-match-p "^Diagnosis of 127\\.0\\.0\\.1" text))
      (should (string-match-p "\"XXXXXXXA\"[ \n]+stands in its" text))
      (should (string-match-p "port [0-9]+, STARTTLS is mangled\\." text))
      (should (string-match-p "\\[starttls-mangled\\]" text))
      (should-not (string-search "\n\n\n" text))
      (dolist (line (split-string text "\n"))
        (should (<= (string-width line) 80))))))

(defun mew-submit-diagnose-tests--log-in (peer password &rest arguments)
  "Diagnose PEER's listener \"a\" and log in with PASSWORD; return (STATUS . OBJECT).
ARGUMENTS are more of the command's.  Check that no mail was begun after a log-in."
  (let* ((file (mew-submit-test-write (mew-submit-test--peer-file peer "password")
                                      (concat password "\n")))
         (result (apply #'mew-submit-diagnose-tests--batch peer '("a")
                        (append (list "--json" "--login" "--user" "me"
                                      "--password-file" file)
                                arguments '("127.0.0.1"))))
         (log-in (seq-drop-while (lambda (line) (not (string-prefix-p "AUTH" line)))
                                 (mew-submit-test-lines peer))))
    (should-not (seq-some (lambda (line) (string-match-p "\\`\\(MAIL\\|RCPT\\|DATA\\|BDAT\\)" line))
                          log-in))
    ;; A diagnosis does try STARTTLS where it is not offered.
    (should-not (seq-remove (lambda (violation)
                              (equal (plist-get violation :violation)
                                     "starttls-not-offered"))
                            (mew-submit-test-violations peer)))
    (should-not (mew-submit-test-log peer "message"))
    ;; What is told has no secret.
    (should-not (string-search password (concat (plist-get result :stdout)
                                                (plist-get result :stderr))))
    (cons (plist-get result :status)
          (car (mew-submit-test-json-lines (plist-get result :stdout))))))

(defun mew-submit-diagnose-tests--ids (object)
  "Return the names of the findings of OBJECT about a log-in."
  (seq-filter (lambda (id) (string-prefix-p "log-in-" id))
              (mapcar (lambda (finding) (plist-get finding :id))
                      (plist-get object :findings))))

(ert-deftest mew-submit-diagnose-tests-log-in ()
  "With --login the log-in is tried once; it says how, and what the server answered."
  :tags '(:module)
  (pcase-dolist
      (`(,listener ,password ,arguments ,status ,result ,cause ,text ,auths)
       '(("" "s3cret-right" () 0 "accepted" nil "\\`235" 1)
         ("" "s3cret-wrong" () 77 "refused" "auth-wrong-password" "535" 1)
         (",auth-end=reply:534 5.7.9 Application-specific password required"
          "s3cret-right" () 77 "refused" "auth-app-password-needed" "534" 1)
         (",auth-end=reply:454 4.7.0 Too many login attempts\\, try again later"
          "s3cret-right" () 77 "refused" "auth-too-many-tries" "454" 1)
         (",auth-end=reply:504 5.5.4 Unrecognized authentication type"
          "s3cret-right" () 77 "refused" "auth-mechanism-unsupported" "504" 1)
         ;; The server has it not, or nobody has.
         ("" "s3cret-right" ("--auth" "CRAM-MD5") 77 "failed" nil "CRAM-MD5" 0)
         ("" "s3cret-right" ("--auth" "XYZZY") 77 "failed" nil "XYZZY" 0)
         ;; No log-in is offered.
         (",cap2-=AUTH" "s3cret-right" () 69 "untried" nil "no port" 0)
         ;; No verified TLS, at once or when it counts: no password goes out.
         (",cert=expired" "s3cret-right" () 69 "untried" nil "no port" 0)
         (",cap-=STARTTLS" "s3cret-right" () 69 "untried" nil "no port" 0)
         (",2+:cert=expired" "s3cret-right" () 77 "failed" nil "expired" 0)))
    (ert-info ((format "%s %s %S" listener password arguments))
      (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret-right"
                                       (concat "127.0.0.1:0,name=a" listener))
        (pcase-let* ((`(,code . ,object)
                      (apply #'mew-submit-diagnose-tests--log-in peer password arguments))
                     (log-in (plist-get object :log_in)))
          (should (equal (plist-get log-in :result) result))
          (should (equal (plist-get log-in :cause) cause))
          (should (eq (and cause t) (and (plist-get log-in :remedy) t)))
          (should (string-match-p text (plist-get log-in :text)))
          (should (equal code status))
          (should (equal (mew-submit-diagnose-tests--ids object)
                         (list (pcase result
                                 ("accepted" "log-in-works")
                                 (_ (concat "log-in-" result))))))
          (when (> auths 0)
            (should (plist-get log-in :mechanism)))
          (should (= auths (length (mew-submit-test-log peer "auth"))))
          (when (equal result "accepted")
            (should (equal (last (mew-submit-test-lines peer) 2) '("RSET" "QUIT")))))))))

(ert-deftest mew-submit-diagnose-tests-log-in-when-agreed ()
  "In Emacs a log-in is asked about first, and again for each time."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=a")
    (let ((auth-sources nil) (asked 0) (agreed nil)
          (mew-submit-accounts
           (list (append (list :name "a" :user "me"
                               :token-function nil)
                         (mew-submit-diagnose-tests--account peer)))))
      (cl-letf (((symbol-function 'mew-submit-probe--default-ports)
                 (lambda (_) (mew-submit-diagnose-tests--ports peer "a")))
                ((symbol-function 'mew-submit-dialog--answer)
                 (lambda (_) (cons "me" (copy-sequence "s3cret"))))
                ((symbol-function 'mew-submit-diagnose--read-server)
                 (lambda (_) "127.0.0.1"))
                ((symbol-function 'yes-or-no-p)
                 (lambda (_) (cl-incf asked) agreed)))
        (save-window-excursion
          (let ((current-prefix-arg '(4)))
            (call-interactively #'mew-submit-diagnose))
          (unwind-protect
              (progn
                (mew-submit-diagnose-tests--see "Findings")
                (should (= asked 1))
                (should-not (mew-submit-test-log peer "auth"))
                (setq agreed t)
                (let ((current-prefix-arg '(4)))
                  (call-interactively #'mew-submit-diagnose))
                (mew-submit-diagnose-tests--see "log-in-works")
                (should (= 1 (length (mew-submit-test-log peer "auth"))))
                (mew-submit-diagnose-again)
                (mew-submit-diagnose-tests--see "g again")
                (should-not (string-search "log-in-works" (buffer-string)))
                (should (= 1 (length (mew-submit-test-log peer "auth")))))
            (kill-buffer)))))))

(ert-deftest mew-submit-diagnose-tests-shows-nothing ()
  "A diagnosis takes what an account trusts, and nothing that tells who the user is."
  (mew-submit-test-with-directory directory
    (dolist (own '(nil t))
      (let* ((file (mew-submit-test-write (expand-file-name "file" directory) "x"))
             (keys (mew-submit-way--file-keys own))
             (request (mew-submit-request--diagnosis
                       (append (list :server "127.0.0.1" :user "me" :auth "PLAIN"
                                     :memory (expand-file-name "memory" directory))
                               (mapcan (lambda (key) (list key file)) keys))
                       '((587 nil starttls submission)))))
        (should keys)
        (should-not (plist-get request :user))
        (dolist (key keys)
          (should (eq own (null (plist-get request key))))
          (should (eq own (null (memq key mew-submit-batch-diagnose--keys)))))))))

(provide 'mew-submit-diagnose-tests)
;;; mew-submit-diagnose-tests.el ends here
