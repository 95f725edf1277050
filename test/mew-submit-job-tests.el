;;; mew-submit-job-tests.el --- Tests for mew-submit-job -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-module)
(require 'mew-submit-job)
(require 'mew-submit-test-helpers)

(declare-function mew-submit--mod-jobs "ext:mew-submit-native" ())
(declare-function mew-submit--mod-drain "ext:mew-submit-native" ())

(defun mew-submit-job-tests--message (peer)
  "Return the file of a message, in PEER's directory."
  (let ((file (mew-submit-test--peer-file peer "message")))
    (unless (file-exists-p file)
      (mew-submit-test-write file "From: me@example.org\nSubject: s\n\nbody\n"))
    file))

(defun mew-submit-job-tests--request (peer name &rest more)
  "Return a request for PEER's listener NAME, with MORE keys first."
  (append more
          (list :host "127.0.0.1"
                :routes (list (list (mew-submit-test-port peer name)
                                    'ipv4 'starttls))
                :race t :connect-timeout 60000 :step-timeout 60000
                :attempt-delay 250 :tls 'required
                :ca-file (mew-submit-test-ca peer)
                :helo "localhost.localdomain" :from "me@example.org"
                :recipients (list "you@example.org")
                :file (mew-submit-job-tests--message peer))))

(defun mew-submit-job-tests--wait (session)
  "Wait for SESSION and return its `done' event."
  (or (mew-submit-job--wait session mew-submit-test-patience)
      (ert-fail "The session did not end")))

(defun mew-submit-job-tests--run (request &rest keys)
  "Run REQUEST to its end, with KEYS; return its `done' event."
  (mew-submit-job-tests--wait
   (apply #'mew-submit-job--start request keys)))

(defmacro mew-submit-job-tests--with-warnings (warnings &rest body)
  "Run BODY with WARNINGS bound to what `display-warning' was told."
  (declare (indent 1) (debug (symbolp body)))
  `(let (,warnings)
     (cl-letf (((symbol-function 'display-warning)
                (lambda (_type message &rest _) (push message ,warnings))))
       ,@body)))

;;; Connections that end

(ert-deftest mew-submit-job-tests-gone-before-the-message ()
  "Nothing of a message is sent to a server that is known to have gone.
With the whole of it in one flight it would be in doubt."
  :tags '(:module)
  (dolist (end '("ehlo2=closeafter" "ehlo2=resetafter" "no-close-notify,ehlo2=closeafter"))
    (ert-info (end)
      (mew-submit-test-with-peer (peer (concat "127.0.0.1:0,name=s,noauth,chunking,cap2-=8BITMIME,"
                                               end))
        (let ((done (mew-submit-job-tests--run
                     (mew-submit-job-tests--request
                      peer "s" :file (mew-submit-test-write
                                      (mew-submit-test--peer-file peer "8bit")
                                      "From: me@example.org\n\n\u00fc\n"))
                     ;; It has closed the connection when it is known how the message goes.
                     :on-ask (lambda (_event)
                               (mew-submit-test-until ("the server to go")
                                 (mew-submit-test-log peer "close"))
                               (mew-submit-job-tests--message peer)))))
          (should (equal (plist-get done :result) "deferred")))))))

(ert-deftest mew-submit-job-tests-reset-while-nothing-was-expected ()
  "A connection that was reset is told as that, and not as closed, whenever it is noticed."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,plain,noauth,cap-=8BITMIME,ehlo=resetafter")
    (let ((done (mew-submit-job-tests--run
                 (plist-put (mew-submit-job-tests--request
                             peer "s" :file (mew-submit-test-write
                                             (mew-submit-test--peer-file peer "8bit")
                                             "From: me@example.org\n\n\u00fc\n"))
                            :tls 'opportunistic)
                 :on-ask (lambda (_event)
                           (mew-submit-test-until ("the server to go")
                             (mew-submit-test-log peer "close"))
                           (mew-submit-job-tests--message peer)))))
      (should (equal (plist-get done :result) "deferred"))
      (should (string-match-p "broke while reading: Connection reset" (plist-get done :text))))))

;;; Short passwords

(ert-deftest mew-submit-job-tests-short-passwords ()
  "A password that occurs in challenges logs in; a short one is not starred out.
\(SECURITY: E30)."
  :tags '(:module)
  (pcase-dolist (`(,password ,shown)
                 '(("c" "a cat") ("j" "a cat") ("cj" "a cat") ("dj0" "a cat")
                   ("a" "a cat") ("cat" "a cat") ("a ca" "\\*\\*\\*\\*t")))
    (dolist (mechanism '("SCRAM-SHA-256" "LOGIN" "PLAIN"))
      (ert-info ((format "%s %S" mechanism password))
        (mew-submit-test-with-peer
            (peer "--user" "me" "--password" password
                  (format "127.0.0.1:0,name=s,mechs=%s,dot=reply:554 a cat"
                          mechanism))
          (let ((done (mew-submit-job-tests--run
                       (mew-submit-job-tests--request
                        peer "s" :user "me" :password (copy-sequence password)))))
            (should (equal (plist-get done :result) "refused"))
            (should (string-match-p (concat " " shown "\\'")
                                    (plist-get done :text)))))))))

;;; Looks

(ert-deftest mew-submit-job-tests-a-look-checks-its-words ()
  "What a diagnosis would say is checked where it leaves.  \(SECURITY: K8, K9)."
  :tags '(:module)
  (dolist (words '((:helo "a b") (:host "127.0.0.1 x") (:name "x\"y")))
    (let (events)
      (mew-submit-job-tests--wait
       (mew-submit-job--start
        (append '(:diagnose t) words
                '(:host "127.0.0.1" :helo "localhost" :tls required
                  :connect-timeout 1000 :routes ((1 ipv4 none))))
        :on-event (lambda (event) (push event events))))
      (should (equal (plist-get (car events) :kind) "message"))
      (should-not (cdr events)))))

(ert-deftest mew-submit-job-tests-a-slow-mailbox ()
  "The time for an answer is for all its lines.  \(SECURITY: H7)."
  :tags '(:module)
  (let* (timer
         (server (make-network-process
                  :name "pop" :server t :host "127.0.0.1" :service t
                  :family 'ipv4 :noquery t
                  :filter (lambda (process _)
                            (process-send-string process "+OK\r\n")
                            (setq timer
                                  (run-at-time
                                   0 0.1
                                   (lambda ()
                                     (ignore-errors
                                       (process-send-string process "X\r\n"))))))
                  :log (lambda (_server process _)
                         (process-send-string process "+OK hello\r\n"))))
         events)
    (unwind-protect
        (progn
          (mew-submit-job--wait
           (mew-submit-job--start
            (list :diagnose t :host "127.0.0.1" :helo "localhost" :tls 'required
                  :connect-timeout 60000 :step-timeout 2000
                  :routes (list (list (process-contact server :service)
                                      'ipv4 'starttls 'pop)))
            :on-event (lambda (event) (push event events)))
           120)
          (let ((probed (seq-find (lambda (event)
                                    (eq (plist-get event :event) 'probed))
                                  events)))
            (should (equal (plist-get probed :stage) "ehlo"))
            (should (equal (plist-get probed :kind) "timeout"))))
      (when timer
        (cancel-timer timer))
      (delete-process server))))

;;; Events that cannot be told

(defun mew-submit-job-tests--poison (failures signal)
  "Have the module fail to make lists of strings, FAILURES times, by SIGNAL.
Return a function in place of `mew-submit--mod-drain' that does so."
  (mew-submit-module--ensure)
  (let ((drain (symbol-function 'mew-submit--mod-drain))
        (nreverse (symbol-function 'nreverse)))
    (lambda ()
      (cl-letf (((symbol-function 'nreverse)
                 (lambda (list)
                   (if (and (stringp (car-safe list)) (>= (cl-decf failures) 0))
                       (funcall signal)
                     (funcall nreverse list)))))
        (funcall drain)))))

(ert-deftest mew-submit-job-tests-a-poisoned-event ()
  "An event that cannot be told whole is told without what is to blame.
All others are told as they are, those of other jobs too.  \(SECURITY: O27)."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=no,noauth,dot=reply:554 5.7.1 No"
            "127.0.0.1:0,name=ok,noauth")
    (let* (events
           (bad (lambda () (signal 'wrong-type-argument '(utf-8-string-p "x")))))
      (cl-letf (((symbol-function 'mew-submit--mod-drain)
                 (mew-submit-job-tests--poison 1000000 bad)))
        (let* ((note (lambda (event) (push event events)))
               (sessions
                (mapcar (lambda (name)
                          (mew-submit-job--start
                           (mew-submit-job-tests--request peer name)
                           :on-event note))
                        '("no" "ok")))
               (dones (mapcar #'mew-submit-job-tests--wait sessions)))
          (should (equal (mapcar (lambda (done) (plist-get done :result)) dones)
                         '("refused" "delivered")))
          (should-not (plist-get (car dones) :said))
          (should (string-match-p "5\\.7\\.1 No" (plist-get (car dones) :text)))
          (dolist (type '(connected greeting tls capabilities recipient))
            (should (= (seq-count (lambda (event)
                                    (eq (plist-get event :event) type))
                                  events)
                       (if (eq type 'capabilities) 4 2))))
          (should (seq-every-p
                   (lambda (event)
                     (or (not (eq (plist-get event :event) 'capabilities))
                         (and (plist-member event :secure)
                              (not (plist-member event :keywords)))))
                   events)))))))

(ert-deftest mew-submit-job-tests-an-end-that-cannot-be-told ()
  "A job ends, and whoever waits for it is told, whatever fails in putting it into words."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=no,rcpt=reply:550 5.1.1 No such user")
    (pcase-dolist (`(,function . ,keys)
                   '((mew-submit-cause--of :result :code :text :recipients)
                     (mew-submit-cause-meaning--advice :result :code :text :recipients)
                     (mew-submit-job--done :result :code :text)
                     (mew-submit-course--add :result :code :text)))
      (ert-info ((symbol-name function))
        (let* ((run (lambda ()
                      (mew-submit-job-tests--run (mew-submit-job-tests--request peer "no"))))
               (good (funcall run))
               (before (symbol-function function))
               (done (cl-letf (((symbol-function 'display-warning) #'ignore)
                               ((symbol-function function)
                                (lambda (&rest arguments)
                                  (if (or (not (eq function 'mew-submit-course--add))
                                          (eq (plist-get (nth 1 arguments) :event) 'done))
                                      (error "Something is wrong")
                                    (apply before arguments)))))
                       (funcall run))))
          (should (equal (plist-get done :kind) "refused"))
          (dolist (key (remq :recipients keys))
            (should (equal (plist-get done key) (plist-get good key))))
          (should (or (not (memq :recipients keys))
                      (equal (plist-get (car (plist-get done :recipients)) :address)
                             (plist-get (car (plist-get good :recipients)) :address)))))))))

(ert-deftest mew-submit-job-tests-a-quit-brings-events-again ()
  "What the user breaks off, or throws past, is told again, and once."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth")
    (dolist (leave (list (lambda () (signal 'quit nil))
                         (lambda () (throw 'away nil))))
      (let* ((drain (mew-submit-job-tests--poison 3 leave))
             (left 0) done
             (session
              (cl-letf (((symbol-function 'mew-submit--mod-drain)
                         (lambda ()
                           (let (events (here t))
                             (catch 'away
                               (condition-case nil
                                   (setq events (funcall drain))
                                 (quit (throw 'away nil)))
                               (setq here nil))
                             (when here (cl-incf left))
                             events))))
                (let ((session (mew-submit-job--start
                                (mew-submit-job-tests--request peer "ok"))))
                  (setq done (mew-submit-job-tests--wait session))
                  session))))
        (should (equal (plist-get done :result) "delivered"))
        (should (= left 3))
        (should (= (length (plist-get done :recipients)) 1))
        (should (plist-get done :said))
        (should session)))))

;;; The course of a job

(ert-deftest mew-submit-job-tests-delivers ()
  "Events come in order, the last is `done', and it tells all there is to tell."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=ok")
    (let* (events ends
           (done (mew-submit-job-tests--run
                  (mew-submit-job-tests--request
                   peer "ok" :user "me" :password (copy-sequence "s3cret"))
                  :on-event (lambda (event)
                              (push (plist-get event :event) events))
                  :on-done (lambda (event) (push event ends)))))
      (should (equal (seq-difference (reverse events)
                                     '(resolved progress capabilities))
                     '(attempt connected greeting tls auth recipient reply
                               done)))
      (should (equal ends (list done)))
      (should (equal (plist-get done :result) "delivered"))
      (should (equal (plist-get done :exit) 0))
      (should (equal (plist-get done :port) (mew-submit-test-port peer "ok")))
      (should (equal (plist-get done :family) "ipv4"))
      (should (equal (plist-get done :address) "127.0.0.1"))
      (should (eq (plist-get (plist-get done :tls) :verified) t))
      (should (equal (plist-get done :auth) "SCRAM-SHA-256-PLUS"))
      (should (string-prefix-p "250 " (plist-get done :reply)))
      (should (equal (mapcar (lambda (recipient)
                               (list (plist-get recipient :address)
                                     (plist-get recipient :code)))
                             (plist-get done :recipients))
                     '(("you@example.org" 250))))
      (should (equal (mapcar (lambda (attempt) (plist-get attempt :case))
                             (plist-get done :attempts))
                     '(1)))
      (should (mew-submit-test-stored peer)))))

(ert-deftest mew-submit-job-tests-callbacks-run-outside-the-filter ()
  "A callback may wait for output itself, and may not be called by the filter."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let (inside other)
      (cl-letf* ((filter (symbol-function 'mew-submit-job--filter))
                 (in-filter nil)
                 ((symbol-function 'mew-submit-job--filter)
                  (lambda (&rest args)
                    (let ((in-filter t))
                      (ignore in-filter)
                      (apply filter args)))))
        (mew-submit-job-tests--run
         (mew-submit-job-tests--request peer "ok")
         :on-event (lambda (event)
                     (when in-filter
                       (setq inside t))
                     ;; A whole other job inside a callback.
                     (when (eq (plist-get event :event) 'greeting)
                       (setq other (mew-submit-job-tests--run
                                    (mew-submit-job-tests--request
                                     peer "ok")))))))
      (should-not inside)
      (should (equal (plist-get other :result) "delivered"))
      (should (mew-submit-test-stored peer 2)))))

(ert-deftest mew-submit-job-tests-failing-callback-harms-nothing ()
  "An error in a callback is a warning; the job and its end go on."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-job-tests--with-warnings warnings
      (let (ended)
        (should (equal (plist-get
                        (mew-submit-job-tests--run
                         (mew-submit-job-tests--request peer "ok")
                         :on-event (lambda (_) (error "Oops"))
                         :on-done (lambda (_) (setq ended t)))
                        :result)
                       "delivered"))
        (should ended)
        (should (seq-every-p (lambda (text) (string-match-p "Oops" text))
                             warnings))
        (should warnings)))))

(ert-deftest mew-submit-job-tests-quit-stops-the-waiting-only ()
  "Quitting in a callback ends the wait; the job goes on, and no event is lost."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let* (events
           (session (mew-submit-job--start
                     (mew-submit-job-tests--request peer "ok")
                     :on-event (lambda (event)
                                 (push (plist-get event :event) events)
                                 (when (eq (car events) 'greeting)
                                   (signal 'quit nil))))))
      (should (eq (condition-case nil
                      (mew-submit-job--wait session mew-submit-test-patience)
                    (quit 'quit))
                  'quit))
      (should (eq (car events) 'greeting))
      (should (equal (plist-get (mew-submit-job-tests--wait session)
                                :result)
                     "delivered"))
      (should (equal (seq-intersection events '(tls reply done))
                     '(done reply tls))))))

(ert-deftest mew-submit-job-tests-quit-loses-no-event ()
  "A quit in one callback does not end the next one, which is called later."
  (let* (events
         (mew-submit-job--queue nil)
         (mew-submit-job--timer nil)
         (session (mew-submit-job--make
                   :on-event (lambda (event)
                               (push (plist-get event :ms) events)
                               (when (= (plist-get event :ms) 1)
                                 (signal 'quit nil))))))
    (dolist (ms '(1 2 3))
      (mew-submit-job--enqueue (list (list session :event 'greeting :ms ms))))
    (let ((inhibit-quit t))             ; as in a timer
      (mew-submit-job--dispatch)
      (should quit-flag)
      (setq quit-flag nil))
    (should (equal events '(1)))
    (should mew-submit-job--timer)
    (mew-submit-job--dispatch)
    (should (equal events '(3 2 1)))))

(ert-deftest mew-submit-job-tests-quit-before-a-callback ()
  "A quit that comes before a callback ends it no more than the one after it."
  (let* (ends
         (mew-submit-job--queue nil)
         (mew-submit-job--timer nil)
         (end '(:event done :kind "ok" :result "delivered"))
         (session (mew-submit-job--make
                   :id 7
                   :on-event (lambda (_) (push 'event ends))
                   :on-done (lambda (_) (push 'done ends)))))
    (mew-submit-job--enqueue (list (cons session end)))
    (let ((inhibit-quit t)              ; as in a timer
          (before (symbol-function 'mew-submit-course--add)))
      (cl-letf (((symbol-function 'mew-submit-course--add)
                 (lambda (&rest arguments)
                   (setq quit-flag t)
                   (apply before arguments))))
        (mew-submit-job--dispatch))
      (should quit-flag)
      (setq quit-flag nil))
    (should (equal ends '(done event)))))

(ert-deftest mew-submit-job-tests-many-at-once ()
  "Forty jobs at once end, each with exactly one `done', and no thread stays."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let* ((ends 0)
           (sessions (mapcar (lambda (_)
                               (mew-submit-job--start
                                (mew-submit-job-tests--request peer "ok")
                                :on-done (lambda (_) (cl-incf ends))))
                             (number-sequence 1 40))))
      (dolist (session sessions)
        (should (equal (plist-get (mew-submit-job-tests--wait session)
                                  :result)
                       "delivered")))
      (should (= ends 40))
      (should-not (mew-submit-job--list))
      (mew-submit-test-until ("the threads to end")
        (zerop (mew-submit--mod-jobs)))
      (should (= (length (mew-submit-test-log peer "message")) 40)))))

(ert-deftest mew-submit-job-tests-survives-a-killed-pipe ()
  "When the pipe process is killed, another one takes its place.
\(SECURITY: O8)."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=slow,greeting=hold:go")
    (let ((session (mew-submit-job--start
                    (mew-submit-job-tests--request peer "slow"))))
      (delete-process mew-submit-job--process)
      (mew-submit-test-go peer)
      (should (equal (plist-get (mew-submit-job-tests--wait session)
                                :result)
                     "delivered"))
      (should (process-live-p mew-submit-job--process)))
    ;; And when it is killed while nobody needs it.
    (delete-process mew-submit-job--process)
    (accept-process-output nil 0.05)
    (should (equal (plist-get (mew-submit-job-tests--run
                               (mew-submit-job-tests--request peer "slow"))
                              :result)
                   "delivered"))))

;;; Ends

(ert-deftest mew-submit-job-tests-ends ()
  "Each way to end has its result and its status."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=all-refused,rcpt=reply:550 5.1.1 No"
            "127.0.0.1:0,name=mail-refused,mail=reply:550 5.7.1 No"
            "127.0.0.1:0,name=later,mail=reply:451 4.3.0 Later"
            "127.0.0.1:0,name=lost,dot=close"
            "127.0.0.1:0,name=late,dot=reply:452 4.3.1 Full"
            "127.0.0.1:0,name=noise,ehlo=reply:hello"
            "127.0.0.1:0,name=stripped,cap-=STARTTLS"
            "127.0.0.1:0,name=expired,cert=expired"
            "127.0.0.1:0,name=refused,refused"
            "127.0.0.1:0,name=mute,greeting=close")
    (pcase-dolist (`(,name ,kind ,result ,status)
                   '(("all-refused" "refused" "refused" 69)
                     ("mail-refused" "refused" "refused" 69)
                     ("later" "deferred" "deferred" 75)
                     ("lost" "uncertain" "uncertain" 74)
                     ("late" "deferred" "deferred" 75)
                     ("noise" "protocol" "deferred" 76)
                     ("stripped" "insecure" "insecure" 77)
                     ("expired" "insecure" "insecure" 77)
                     ("refused" "connect" "deferred" 75)
                     ("mute" "connect" "deferred" 75)))
      (ert-info (name)
        (let ((done (mew-submit-job-tests--run
                     (mew-submit-job-tests--request peer name))))
          (should (equal (list (plist-get done :kind) (plist-get done :result)
                               (plist-get done :exit))
                         (list kind result status)))
          (should (string-match-p "[a-z]" (plist-get done :text))))))))

(ert-deftest mew-submit-job-tests-file-must-be-a-message ()
  "A directory, a pipe, an empty file or one with a NUL is no message."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (let ((file (lambda (name) (mew-submit-test--peer-file peer name))))
      (make-directory (funcall file "directory"))
      (call-process "mkfifo" nil nil nil (funcall file "pipe"))
      (mew-submit-test-write (funcall file "empty") "")
      (mew-submit-test-write (funcall file "nul") "Subject: s\n\na\0b\n")
      (pcase-dolist (`(,name ,words) '(("directory" "not a regular file")
                                       ("pipe" "not a regular file")
                                       ("empty" "is empty")
                                       ("nul" "NUL") ("none" "cannot be opened")))
        (ert-info (name)
          (let ((done (mew-submit-job-tests--run
                       (plist-put (mew-submit-job-tests--request peer "ok")
                                  :file (funcall file name)))))
            (should (equal (plist-get done :kind) "message"))
            (should (string-search words (plist-get done :text))))))
      (should-not (mew-submit-test-lines peer "MAIL")))))

(ert-deftest mew-submit-job-tests-partial-is-not-success ()
  "Where some recipients are refused the result is partial: 69, also for later."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=never,rcpt#1=reply:550 5.1.1 No"
            "127.0.0.1:0,name=later,rcpt#1=reply:450 4.2.1 Later"
            "127.0.0.1:0,name=both,rcpt#1=reply:450 4.2.1 Later,rcpt#2=reply:550 No")
    (pcase-dolist (`(,name ,status ,codes)
                   '(("never" 69 (550 250 250)) ("later" 69 (450 250 250))
                     ("both" 69 (450 550 250))))
      (ert-info (name)
        (let ((done (mew-submit-job-tests--run
                     (mew-submit-job-tests--request
                      peer name :recipients (list "a@x" "b@x" "c@x")))))
          (should (equal (plist-get done :result) "partial"))
          (should (equal (plist-get done :exit) status))
          (should (equal (mapcar (lambda (recipient)
                                   (plist-get recipient :code))
                                 (plist-get done :recipients))
                         codes)))))))

(ert-deftest mew-submit-job-tests-cancel ()
  "A job that is cancelled ends with one `done', in whatever phase; twice is no."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=connect,silent"
            "127.0.0.1:0,name=greeting,greeting=stall"
            "127.0.0.1:0,name=ehlo,ehlo=stall" "127.0.0.1:0,name=tls,tls=stall"
            "127.0.0.1:0,name=rcpt,rcpt=stall" "127.0.0.1:0,name=dot,dot=stall")
    (pcase-dolist (`(,name ,result ,status)
                   '(("connect" "cancelled" 75) ("greeting" "cancelled" 75)
                     ("ehlo" "cancelled" 75) ("tls" "cancelled" 75)
                     ("rcpt" "cancelled" 75) ("dot" "uncertain" 74)))
      (ert-info (name)
        (let* ((ends 0)
               (session (mew-submit-job--start
                         (mew-submit-job-tests--request peer name)
                         :on-done (lambda (_) (cl-incf ends)))))
          (unless (equal name "connect")
            (mew-submit-test-until ("the server to stall")
              (seq-find (lambda (line) (equal (plist-get line :listener) name))
                        (mew-submit-test-log peer "stall"))))
          (should (mew-submit-job--cancel session))
          (let ((done (mew-submit-job-tests--wait session)))
            (should (equal (plist-get done :result) result))
            (should (equal (plist-get done :exit) status)))
          (should-not (mew-submit-job--cancel session))
          (should (= ends 1)))))
    (mew-submit-test-until ("the threads to end")
      (zerop (mew-submit--mod-jobs)))))

(ert-deftest mew-submit-job-tests-wait-has-a-deadline ()
  "Waiting ends at its deadline; the job goes on, and can be waited for again."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=slow,greeting=hold:go")
    (let ((session (mew-submit-job--start
                    (mew-submit-job-tests--request peer "slow"))))
      (should-not (mew-submit-job--wait session 0.05))
      (should (memq session (mew-submit-job--list)))
      (mew-submit-test-go peer)
      (should (equal (plist-get (mew-submit-job-tests--wait session)
                                :result)
                     "delivered")))))

(ert-deftest mew-submit-job-tests-stop-is-bounded ()
  "What runs when Emacs ends is stopped, and nothing stays."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=stall,greeting=stall")
    (should (memq #'mew-submit-job--stop kill-emacs-hook))
    (let ((session (mew-submit-job--start
                    (mew-submit-job-tests--request peer "stall"))))
      (should (= (mew-submit-job--stop) 0))
      (should (equal (plist-get (mew-submit-job-tests--wait session)
                                :result)
                     "cancelled")))
    (should (= (mew-submit-job--stop) 0))))

(ert-deftest mew-submit-job-tests-bad-request-is-signalled ()
  "A request that the module does not take signals, and leaves no session."
  :tags '(:module)
  (dolist (request '((:frob 1) (:host "h") (:host "h" :routes ((0 ipv4 none)))
                     (:host "h" :routes ((25 ipx none)))))
    (should-error (mew-submit-job--start request) :type 'mew-submit-config))
  (should-not (mew-submit-job--list)))

(ert-deftest mew-submit-job-tests-fail-looks-like-an-end ()
  "A session that never had a job ends through its callbacks, and not before."
  (let* (events ends
         (session (mew-submit-job--fail
                   '(mew-submit-message :text "No\033" :recipient "x")
                   :on-event (lambda (event) (push event events))
                   :on-done (lambda (event) (push event ends)))))
    (should-not (or events ends))
    (should-not (mew-submit-job--cancel session))
    (let ((done (mew-submit-job-tests--wait session)))
      (should (equal events (list done)))
      (should (equal ends (list done)))
      (should (equal (plist-get done :kind) "message"))
      (should (equal (plist-get done :exit) 65))
      (should (equal (plist-get done :text) "No�")))))

;;; Questions

(ert-deftest mew-submit-job-tests-password-is-asked-for-and-wiped ()
  "A password comes when the server wants it, and is overwritten afterwards."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=ok")
    (let* ((secret (copy-sequence "s3cret"))
           asked
           (done (mew-submit-job-tests--run
                  (mew-submit-job-tests--request peer "ok" :user "me")
                  :on-ask (lambda (event)
                            (push event asked)
                            (cons "me" secret)))))
      (should (equal (plist-get done :result) "delivered"))
      (should (= (length asked) 1))
      (should (equal (plist-get (car asked) :what) "password"))
      (should (equal (plist-get (car asked) :user) "me"))
      (should (equal (plist-get (car asked) :host) "127.0.0.1"))
      (should-not (string-match-p "s3cret" secret)))
    (let ((secret (copy-sequence "s3cret")))
      (mew-submit-job-tests--run
       (mew-submit-job-tests--request peer "ok" :user "me" :password secret))
      (should-not (string-match-p "s3cret" secret)))))

(ert-deftest mew-submit-job-tests-no-answer-is-no ()
  "Without an answer, and after an error or a quit while asking, nothing is sent."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=ok")
    (mew-submit-job-tests--with-warnings warnings
      (dolist (on-ask (list nil #'ignore
                            (lambda (_) (error "Oops"))
                            (lambda (_) (signal 'quit nil))))
        (let ((done (mew-submit-job-tests--run
                     (mew-submit-job-tests--request peer "ok" :user "me")
                     :on-ask on-ask)))
          (should (equal (plist-get done :kind) "auth"))
          (should (equal (plist-get done :exit) 77))))
      (should (= (length warnings) 1)))
    (should-not (mew-submit-test-stored peer))
    (should-not (mew-submit-test-log peer "auth"))))

(ert-deftest mew-submit-job-tests-a-question-that-cannot-be-asked ()
  "A question that something fails before counts as answered with no: the job ends."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret"
                                   "127.0.0.1:0,name=ok")
    (dolist (function '(mew-submit-job--tried mew-submit-course--add))
      (ert-info ((symbol-name function))
        (mew-submit-job-tests--with-warnings warnings
          (let* ((before (symbol-function function))
                 (asking (lambda (&rest arguments)
                           (or (eq function 'mew-submit-job--tried)
                               (eq (plist-get (nth 1 arguments) :event) 'ask))))
                 failed
                 (done (cl-letf (((symbol-function function)
                                  (lambda (&rest arguments)
                                    (if (or failed (not (apply asking arguments)))
                                        (apply before arguments)
                                      (setq failed t)
                                      (error "Something is wrong")))))
                         (mew-submit-job-tests--run
                          (mew-submit-job-tests--request peer "ok" :user "me")
                          :on-ask (lambda (_) (cons "me" (copy-sequence "s3cret")))))))
            (should failed)
            (should (equal (plist-get done :kind) "auth"))
            (should (string-search "Something is wrong" (plist-get done :text)))
            (should (= (length warnings) 1))))))
    (should-not (mew-submit-test-stored peer))))

(ert-deftest mew-submit-job-tests-fallback-is-asked-for ()
  "A less preferred port is used after a yes, and not after anything else."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=shut,refused"
                                   "127.0.0.1:0,name=open")
    (let ((routes (list (list (mew-submit-test-port peer "shut") 'ipv4 'starttls)
                        (list (mew-submit-test-port peer "open") 'ipv4
                              'starttls))))
      (pcase-dolist (`(,answer ,result ,fallback)
                     '(("yes" "delivered" t) ("no" "deferred" nil)
                       (nil "deferred" nil)))
        (ert-info ((format "%S" answer))
          (let* (asked
                 (done (mew-submit-job-tests--run
                        (mew-submit-job-tests--request
                         peer "open" :routes routes :ask-fallback t)
                        :on-ask (lambda (event) (push event asked) answer))))
            (should (equal (plist-get done :result) result))
            (should (equal (plist-get done :fallback) fallback))
            (should (equal (plist-get done :port) (and fallback (caadr routes))))
            (should (= (length asked) 1))
            (should (equal (plist-get (car asked) :what) "fallback"))
            (should (= (plist-get (car asked) :preferred-port) (caar routes)))
            (should (= (plist-get (car asked) :port) (caadr routes)))))))
    (should (mew-submit-test-stored peer 1))
    (should-not (mew-submit-test-stored peer 2))))

(ert-deftest mew-submit-job-tests-questions-wait ()
  "A question that has no answer yet waits, and is over when its job is."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=shut,refused"
                                   "127.0.0.1:0,name=open")
    (let* ((noninteractive nil)
           (mew-submit-question--list nil)
           (start (lambda ()
                    (mew-submit-job--start
                     (mew-submit-job-tests--request
                      peer "open" :ask-fallback t :routes
                      (mapcar (lambda (name)
                                (list (mew-submit-test-port peer name) 'ipv4
                                      'starttls))
                              '("shut" "open")))
                     :on-ask (lambda (event)
                               (lambda (reply)
                                 (mew-submit-question--ask
                                  (plist-get event :job) 'again "Again?"
                                  '(("Yes" "yes")) nil reply))))))
           (session (funcall start)))
      (mew-submit-test-until ("the question")
        mew-submit-question--list)
      (should-not (mew-submit-job-done session))
      (mew-submit-job--cancel session)
      (mew-submit-test-until ("the end")
        (mew-submit-job-done session))
      (should-not mew-submit-question--list)
      ;; Whoever waits for a job is asked at once what it waits for, old questions too.
      (setq session (funcall start))
      (mew-submit-test-until ("the second question")
        mew-submit-question--list)
      (cl-letf (((symbol-function 'completing-read) (lambda (&rest _) "Yes")))
        (should (equal (plist-get (mew-submit-job-tests--wait session) :result)
                       "delivered"))))))

;;; Nothing reaches past an event

(ert-deftest mew-submit-job-tests-a-key-ends-no-callback ()
  "A key that another package's `while-no-input' waits for ends no callback."
  (let* ((mew-submit-job--queue nil)
         (ends nil)
         (session (mew-submit-job--make
                   :id 7 :on-event (lambda (_)
                                     ;; What Emacs does when a key comes.
                                     (when throw-on-input
                                       (setq quit-flag throw-on-input))
                                     (push 'event ends))
                   :on-done (lambda (_) (push 'done ends)))))
    (mew-submit-job--enqueue
     (list (cons session '(:event done :kind "ok" :result "delivered"))))
    (while-no-input (mew-submit-job--dispatch))
    (should (equal ends '(done event)))))

(ert-deftest mew-submit-job-tests-a-throw-stops-nobody ()
  "A callback that is left by a throw loses neither its end nor other events."
  (let* ((mew-submit-job--queue nil)
         (ends nil)
         (make (lambda (id)
                 (mew-submit-job--make
                  :id id :on-event (lambda (_) (throw 'away id))
                  :on-done (lambda (_) (push id ends))))))
    (dolist (id '(1 2 3))
      (mew-submit-job--enqueue
       (list (cons (funcall make id) '(:event done :kind "ok" :result "delivered")))))
    (dotimes (_ 3)
      (catch 'away (mew-submit-job--dispatch))
      ;; The others have not been forgotten.
      (should (eq (null mew-submit-job--queue)
                  (null mew-submit-job--timer))))
    (should (equal ends '(3 2 1)))))

(ert-deftest mew-submit-job-tests-callbacks-have-a-directory ()
  "Callbacks run in a directory that exists, whatever the current one is.
That is so where there is no directory for Emacs' files either."
  (dolist (user-emacs-directory (list temporary-file-directory "/does/not/exist/"))
    (let ((mew-submit-job--queue nil)
          (default-directory "/does/not/exist/")
          (there nil))
      (mew-submit-job--enqueue
       (list (cons (mew-submit-job--make
                    :id 7
                    :on-done (lambda (_)
                               (setq there (list (file-directory-p default-directory)
                                                 mew-submit-background--now))))
                   '(:event done :kind "ok" :result "delivered"))))
      (mew-submit-job--dispatch)
      (should (equal there '(t t)))
      (should (equal default-directory "/does/not/exist/")))))

;;; What is kept of events

(ert-deftest mew-submit-job-tests-attempts-are-normal ()
  "An attempt has all its keys, nested, and a later one of its :id replaces it."
  (let ((session (mew-submit-job--make :id 0)))
    (dolist (event '((:event attempt :job 0 :id 0 :port 587 :family "ipv4"
                             :address "192.0.2.1" :tls "starttls" :case "1"
                             :ms 1.0 :text "answers")
                     (:event attempt :job 0 :id 1 :port 25 :family "ipv4"
                             :address "192.0.2.1" :tls "starttls" :case "3"
                             :errno "EHOSTUNREACH" :icmp-type 3 :icmp-code 13
                             :icmp-name "prohibited" :offender "192.0.2.9"
                             :offender-who "router" :ms 2.5 :text "no" :lost t)
                     (:event attempt :job 0 :id 0 :port 587 :family "ipv4"
                             :address "192.0.2.1" :tls "starttls"
                             :case "greeting" :ms 1.0 :text "closed")))
      (let ((mew-submit-job--queue (list (cons session event))))
        (mew-submit-job--handle-queue)))
    (let* ((done (mew-submit-job--done
                  session '(:event done :job 0 :kind "connect" :text "t")))
           (attempts (plist-get done :attempts)))
      (should (= (length attempts) 2))
      (should (equal (car attempts)
                     '(:port 587 :family "ipv4" :address "192.0.2.1"
                             :tls "starttls" :case "greeting" :errno nil
                             :icmp nil :offender nil :lost nil :ms 1.0
                             :text "closed")))
      (should (equal (cadr attempts)
                     '(:port 25 :family "ipv4" :address "192.0.2.1"
                             :tls "starttls" :case 3 :errno "EHOSTUNREACH"
                             :icmp (:type 3 :code 13 :name "prohibited")
                             :offender (:address "192.0.2.9" :who "router")
                             :lost t :ms 2.5 :text "no")))
      (should (equal (plist-get done :exit) 75)))))

(ert-deftest mew-submit-job-tests-log-is-bounded-and-has-no-secret ()
  "The log is kept only when it is wanted, loses its oldest lines, hides AUTH."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret-Pa55"
                                   "127.0.0.1:0,name=plain,mechs=PLAIN"
                                   "127.0.0.1:0,name=login,mechs=LOGIN"
                                   "127.0.0.1:0,name=echo,auth-mode=echo-credentials")
    (let ((run (lambda (name)
                 (mew-submit-job-tests--run
                  (mew-submit-job-tests--request
                   peer name :trace t :user "me"
                   :password (copy-sequence "s3cret-Pa55")))))
          (forms (list "s3cret-Pa55" (base64-encode-string "s3cret-Pa55")
                       (base64-encode-string "\0me\0s3cret-Pa55"))))
      (when (get-buffer "*mew-submit log*")
        (kill-buffer "*mew-submit log*"))
      (let ((mew-submit-log nil))
        (funcall run "plain"))
      (should-not (get-buffer "*mew-submit log*"))
      (let ((mew-submit-log t)
            (mew-submit-log-max 4000))
        (dotimes (_ 4)
          (dolist (name '("plain" "login" "echo"))
            (let ((done (funcall run name)))
              (dolist (form forms)
                (should-not (string-search form (format "%S" done)))))))
        (with-current-buffer "*mew-submit log*"
          (should (<= 1000 (buffer-size) 4000))
          (should (string-match-p "RCPT TO\\|AUTH" (buffer-string)))
          (dolist (form forms)
            (should-not (string-search form (buffer-string)))))
        (kill-buffer "*mew-submit log*")))))

(provide 'mew-submit-job-tests)
;;; mew-submit-job-tests.el ends here
