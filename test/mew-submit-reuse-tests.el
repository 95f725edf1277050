;;; mew-submit-reuse-tests.el --- One connection for several messages -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Jobs that share everything go one after the other over one connection while it
;; is kept; TLS sessions are resumed for them and for nobody else.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'mew-submit-job)

(declare-function mew-submit--mod-jobs "ext:mew-submit-native" ())

(defun mew-submit-reuse-tests--request (peer name share keep file)
  "Return a request to send FILE to PEER's listener NAME with SHARE and KEEP."
  (list :host "127.0.0.1" :race t :attempt-delay 250
        :routes `((,(mew-submit-test-port peer name) ipv4 starttls))
        :connect-timeout 60000 :step-timeout 60000 :tls 'required
        :ca-file (mew-submit-test-ca peer) :helo "localhost"
        :user "me" :password (copy-sequence "secret")
        :from "me@example.org" :recipients (list "you@example.net")
        :file file :share share :keep keep))

(defun mew-submit-reuse-tests--send (peer name share keep &optional recipient)
  "Send a message to PEER's listener NAME with SHARE and KEEP, and wait.
Return (RESULT REUSED RESUMED).  RECIPIENT is its only one."
  (mew-submit-test-with-directory directory
    (let* ((events nil)
           (request (mew-submit-reuse-tests--request
                     peer name share keep
                     (mew-submit-test-write (expand-file-name "m" directory)
                                            "Subject: x\r\n\r\nx\r\n")))
           (session (mew-submit-job--start
                     (if recipient
                         (plist-put request :recipients (list recipient))
                       request)
                     :on-event (lambda (event) (push event events))))
           (done (mew-submit-job--wait session mew-submit-test-patience))
           (get (lambda (type key)
                  (plist-get (seq-find (lambda (event)
                                         (eq (plist-get event :event) type))
                                       events)
                             key))))
      (list (plist-get done :result) (funcall get 'connected :reused)
            (funcall get 'tls :resumed)))))

(defconst mew-submit-reuse-tests--user '("--user" "me" "--password" "secret")
  "The arguments of a test server that lets the user in.")

(defun mew-submit-reuse-tests--connections (peer)
  "Return how many connections PEER has taken."
  (length (mew-submit-test-log peer "connect")))

(ert-deftest mew-submit-reuse-tests-one-connection ()
  "Messages of one account go over one connection, refused ones in between."
  (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user
                                   "127.0.0.1:0,name=a,rcpt#2=reply:550 5.1.1 No such user")
    (should (equal (mew-submit-reuse-tests--send peer "a" "k" 5000)
                   '("delivered" nil nil)))
    (should (equal (mew-submit-reuse-tests--send peer "a" "k" 5000 "no@example.net")
                   '("refused" t nil)))
    (should (equal (mew-submit-reuse-tests--send peer "a" "k" 5000)
                   '("delivered" t nil)))
    (should (equal (mew-submit-reuse-tests--send peer "a" "another" 5000)
                   '("delivered" nil nil)))
    (should (= (mew-submit-reuse-tests--connections peer) 2))
    (should (mew-submit-test-stored peer 3))
    (should-not (mew-submit-test-stored peer 4))
    (should-not (seq-filter (lambda (line) (plist-get line :violation))
                            (mew-submit-test-log peer)))))

(ert-deftest mew-submit-reuse-tests-nothing-is-shared-unasked ()
  "Without a share, and when nothing is kept, each message has its own connection."
  (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user "127.0.0.1:0,name=a")
    (should (equal (mew-submit-reuse-tests--send peer "a" nil 5000)
                   '("delivered" nil nil)))
    (should (equal (mew-submit-reuse-tests--send peer "a" "k" 0)
                   '("delivered" nil nil)))
    (should (equal (mew-submit-reuse-tests--send peer "a" "k" 5000)
                   '("delivered" nil nil)))
    (should (= (mew-submit-reuse-tests--connections peer) 3))))

(ert-deftest mew-submit-reuse-tests-a-dead-connection-is-replaced ()
  "A server that has closed the kept connection gets a new one, and the mail."
  (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user
                                   "127.0.0.1:0,name=a,dot=closeafter"
                                   "127.0.0.1:0,name=b,1:mail#2=close")
    (dolist (name '("a" "a" "b" "b"))
      (should (equal (car (mew-submit-reuse-tests--send peer name name 5000))
                     "delivered")))
    (should (= (mew-submit-reuse-tests--connections peer) 4))))

(ert-deftest mew-submit-reuse-tests-time-limits ()
  "Over a kept connection each message has the time limits of its own."
  (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user "127.0.0.1:0,name=a,rcpt#2=stall")
    (mew-submit-test-with-directory directory
      (let ((file (mew-submit-test-write (expand-file-name "m" directory)
                                         "Subject: x\r\n\r\nx\r\n"))
            ends)
        (dolist (limit '(60000 3000))
          (push (mew-submit-job--wait
                 (mew-submit-job--start
                  (plist-put (mew-submit-reuse-tests--request peer "a" "k" 5000 file)
                             :step-timeout limit))
                 mew-submit-test-patience)
                ends))
        (should (equal (mapcar (lambda (end) (plist-get end :kind)) ends)
                       '("timeout" "ok")))
        (should (= (mew-submit-reuse-tests--connections peer) 1))
        (should (string-search "in 3 s" (plist-get (car ends) :text)))))))

(ert-deftest mew-submit-reuse-tests-silent-at-mail ()
  "A kept connection that says nothing to MAIL is left for a new one.
With the whole message in the flight nobody knows (SECURITY: I1)."
  (pcase-dolist (`(,server . ,wanted) '(("name=a,mail#2=stall" "ok" 2)
                                        ("name=a,chunking,mail#2=stall" "uncertain" 1)))
    (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user (concat "127.0.0.1:0," server))
      (mew-submit-test-with-directory directory
        (let ((file (mew-submit-test-write (expand-file-name "m" directory)
                                           "Subject: x\r\n\r\nx\r\n"))
              end)
          (dolist (limit '(60000 3000))
            (setq end (mew-submit-job--wait
                       (mew-submit-job--start
                        (plist-put (mew-submit-reuse-tests--request peer "a" "k" 5000 file)
                                   :step-timeout limit))
                       mew-submit-test-patience)))
          (should (equal (list (plist-get end :kind) (mew-submit-reuse-tests--connections peer))
                         wanted)))))))

(ert-deftest mew-submit-reuse-tests-a-kept-connection-ends ()
  "A connection that nobody wants any more is closed in good order."
  (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user "127.0.0.1:0,name=a")
    (mew-submit-reuse-tests--send peer "a" "k" 50)
    (mew-submit-test-until ("the thread to end")
      (zerop (mew-submit--mod-jobs)))
    (mew-submit-test-until ("QUIT")
      (seq-find (lambda (line) (equal (plist-get line :text) "QUIT"))
                (mew-submit-test-log peer)))))

(defconst mew-submit-reuse-tests--sleeper "#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime (clockid_t clock, struct timespec *now) {
  long failed = syscall (SYS_clock_gettime, clock, now);
  if (!failed && clock == CLOCK_BOOTTIME && access (getenv (\"SLEPT\"), F_OK) == 0)
    now->tv_sec += 3600;
  return failed ? -1 : 0;
}
"
  "A library with which the machine has slept for an hour once the file SLEPT is there.")

(defun mew-submit-reuse-tests--sleep ()
  "Send two messages, between which the machine sleeps; return what came of them.
The last element is how many connections there were."
  (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user "127.0.0.1:0,name=a")
    (list (mew-submit-reuse-tests--send peer "a" "k" 600000)
          (progn (mew-submit-test-write (getenv "SLEPT") "")
                 (mew-submit-reuse-tests--send peer "a" "k" 600000))
          (mew-submit-reuse-tests--connections peer))))

(ert-deftest mew-submit-reuse-tests-the-lid-was-closed ()
  "A connection that was kept while the machine slept is not used again.
\(SECURITY: O21)."
  (skip-unless (eq system-type 'gnu/linux))
  (when (mew-submit-portable-p)
    (ert-skip "not every system has a clock that goes on meanwhile"))
  (when (getenv "MEW_SUBMIT_SANITIZER")
    (ert-skip "a sanitizer puts its own library in the place of the test's"))
  (mew-submit-test-with-directory directory
    (let ((source (mew-submit-test-write (expand-file-name "sleeper.c" directory)
                                         mew-submit-reuse-tests--sleeper))
          (library (expand-file-name "sleeper.so" directory)))
      (unless (eql 0 (ignore-errors (call-process (or (getenv "CC") "cc") nil nil nil "-shared"
                                                  "-fPIC" "-o" library source)))
        (ert-skip "no C compiler that makes a library"))
      (let* ((process-environment
              (append (list (concat "LD_PRELOAD=" library
                                    (if-let* ((other (getenv "LD_PRELOAD"))) (concat ":" other) ""))
                            (concat "SLEPT=" (expand-file-name "slept" directory)))
                      process-environment))
             (result (mew-submit-test-emacs
                      (list "-L" (expand-file-name "lisp" mew-submit-test-root)
                            "-L" (expand-file-name "test" mew-submit-test-root)
                            "-l" "mew-submit-reuse-tests" "--eval"
                            "(prin1 (mew-submit-reuse-tests--sleep))"))))
        (should (equal (read (plist-get result :stdout))
                       '(("delivered" nil nil) ("delivered" nil nil) 2)))))))

(ert-deftest mew-submit-reuse-tests-connections-are-kept-alive ()
  "A session that waits for its server asks whether it is still there.
\(SECURITY: O21)."
  (skip-unless (executable-find "ss"))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a,greeting=stall")
    (let* ((port (mew-submit-test-port peer "a"))
           (session (mew-submit-job--start
                     (list :host "127.0.0.1" :race t :attempt-delay 250
                           :routes `((,port ipv4 none)) :connect-timeout 60000
                           :step-timeout 60000 :tls 'none :helo "localhost" :from ""
                           :recipients '("you@example.net")
                           :file (mew-submit-test-write
                                  (mew-submit-test--peer-file peer "m") "a: b\n\nc\n")))))
      (mew-submit-test-until ("a connection with a timer")
        (with-temp-buffer
          (call-process "ss" nil t nil "-tnoH" "dst" (format "127.0.0.1:%d" port))
          (goto-char (point-min))
          (search-forward "timer:(keepalive," nil t)))
      (mew-submit-job--cancel session)
      (mew-submit-job--wait session mew-submit-test-patience))))

(ert-deftest mew-submit-reuse-tests-tls-is-resumed ()
  "A ticket is used for the same share and server, and for no other.
\(SECURITY: B13)."
  (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user "127.0.0.1:0,name=a,tickets"
                                   "127.0.0.1:0,name=b,tickets")
    (pcase-dolist (`(,name ,share ,resumed)
                   ;; Each behind a ticket that would do, were it not another's.
                   '(("a" "t" nil) ("a" "u" nil) ("a" "t" t) ("a" "u" t)
                     ("a" "t" t) ("b" "t" nil) ("a" "v" nil)))
      (ert-info ((format "%s %s" name share))
        (should (equal (mew-submit-reuse-tests--send peer name share 0)
                       (list "delivered" nil resumed)))
        (mew-submit-test-until ("the connection to end")
          (zerop (mew-submit--mod-jobs)))))))

(ert-deftest mew-submit-reuse-tests-a-ticket-with-an-old-certificate ()
  "A certificate that was good when a session began may be good no longer when it is resumed.
The server may have another one by then, which it shows to who begins anew.
\(SECURITY: B13)."
  (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user
                                   "127.0.0.1:0,name=a,tickets,1:cert=revoked"
                                   "127.0.0.1:0,name=b,tickets,cert=revoked")
    ;; What another test has left may put its ticket into a memory that is shared by name.
    (pcase-dolist (`(,name ,share ,after) '(("a" "old certificate" "delivered")
                                            ("b" "revoked certificate" "insecure")))
      (ert-info (name)
        (should (equal (mew-submit-reuse-tests--send peer name share 0)
                       '("delivered" nil nil)))
        (mew-submit-test-until ("the connection to end")
          (zerop (mew-submit--mod-jobs)))
        (mew-submit-test-with-directory directory
          (let* ((request (append (list :crl-file (plist-get (mew-submit-test-peer-ready peer) :crl))
                                  (mew-submit-reuse-tests--request
                                   peer name share 0
                                   (mew-submit-test-write (expand-file-name "m" directory)
                                                          "Subject: x\r\n\r\nx\r\n"))))
                 (done (mew-submit-job--wait (mew-submit-job--start request)
                                             mew-submit-test-patience)))
            (should (equal (plist-get done :result) after))
            (should (eq (plist-get (plist-get done :tls) :verified)
                        (equal after "delivered")))))))
    ;; Once is tried without the ticket, and no password goes to the other one.
    (should (equal (cl-loop for line in (mew-submit-test-log peer "tls")
                            when (equal (plist-get line :listener) "a")
                            collect (eq (plist-get line :resumed) t))
                   '(nil t nil)))
    (should (= 6 (length (mew-submit-test-log peer "connect"))))
    (should (= 3 (length (mew-submit-test-lines peer "AUTH"))))))

;;; What is kept outlives who opened it

(defconst mew-submit-reuse-tests--early-ends
  (let ((write (lambda (text)
                 (lambda (request)
                   (mew-submit-test-write (plist-get request :file) text)
                   request)))
        (put (lambda (key value)
               ;; A copy: who is given a secret clears it.
               (lambda (request)
                 (plist-put request key (copy-sequence value))))))
    `(("a NUL in the message" ,(funcall write "Subject: x\n\n\0\n"))
      ("an empty message" ,(funcall write ""))
      ("a message that was deleted"
       ,(lambda (request) (delete-file (plist-get request :file)) request))
      ("a message that is a directory"
       ,(lambda (request)
          (plist-put request :file
                     (file-name-directory (plist-get request :file)))))
      ("a message that nobody may read"
       ,(lambda (request)
          (set-file-modes (plist-get request :file) 0)
          ;; Root may, and sends it.
          (and (not (file-readable-p (plist-get request :file))) request)))
      ("a bad name of the server" ,(funcall put :host "127.0.0.1 x"))
      ("a bad name for EHLO" ,(funcall put :helo "a b"))
      ("a bad user" ,(funcall put :user "m\ne"))
      ("a bad password" ,(funcall put :password "secr\net"))
      ("no recipient" ,(funcall put :recipients nil))
      ("a bad recipient" ,(funcall put :recipients '("you@example.net>")))
      ("a bad sender" ,(funcall put :from "me@example.org> SIZE=1"))
      ("a bad parameter" ,(funcall put :dsn-return "FULL X=1"))))
  "What ends a job before it has looked at its kept connection, each a list.
That is what it is, and a function that makes a request such a one, or returns
nil where that cannot be done.")

(defun mew-submit-reuse-tests--end-early (peer spoil keep)
  "Start a job with share \"k\" at PEER that SPOIL ends early; wait for it.
KEEP is how long it keeps the connection.  Return its result."
  (mew-submit-test-with-directory directory
    (when-let* ((request (funcall spoil
                                  (mew-submit-reuse-tests--request
                                   peer "a" "k" keep
                                   (mew-submit-test-write
                                    (expand-file-name "m" directory) "x\n")))))
      (plist-get (mew-submit-job--wait (mew-submit-job--start request) mew-submit-test-patience)
                 :result))))

(ert-deftest mew-submit-reuse-tests-an-early-end-with-a-kept-connection ()
  "A job that ends early keeps the connection, though who opened it has gone.
\(SECURITY: O26)."
  (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user "127.0.0.1:0,name=a")
    (should (equal (mew-submit-reuse-tests--send peer "a" "k" 60000)
                   '("delivered" nil nil)))
    (pcase-dolist (`(,what ,spoil) mew-submit-reuse-tests--early-ends)
      (ert-info (what)
        (should (member (mew-submit-reuse-tests--end-early peer spoil 60000)
                        '("refused" nil)))
        (should (equal (mew-submit-reuse-tests--send peer "a" "k" 60000)
                       '("delivered" t nil)))))
    (should (= (mew-submit-reuse-tests--connections peer) 1))))

(ert-deftest mew-submit-reuse-tests-an-early-end-says-goodbye ()
  "A job that ends early and keeps nothing says QUIT on the kept connection."
  (pcase-dolist (`(,what ,spoil) mew-submit-reuse-tests--early-ends)
    (ert-info (what)
      (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user "127.0.0.1:0,name=a")
        (should (equal (mew-submit-reuse-tests--send peer "a" "k" 60000)
                       '("delivered" nil nil)))
        (when (mew-submit-reuse-tests--end-early peer spoil 0)
          (mew-submit-test-until ("QUIT")
            (member "QUIT" (mew-submit-test-lines peer)))
          (mew-submit-test-until ("the thread to end")
            (zerop (mew-submit--mod-jobs))))))))

(ert-deftest mew-submit-reuse-tests-a-cancel-at-once ()
  "A job that is cancelled as it begins lets go of the kept connection.
How far it came is the threads' affair, what it says of that is not: a
cancelled message has not arrived, a delivered one has."
  (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user "127.0.0.1:0,name=a")
    (mew-submit-test-with-directory directory
      (let ((file (mew-submit-test-write (expand-file-name "m" directory) "x\n"))
            (results nil))
        (dotimes (_ 5)
          (push (car (mew-submit-reuse-tests--send peer "a" "k" 60000)) results)
          (should (equal (car results) "delivered"))
          (let ((session (mew-submit-job--start
                          (mew-submit-reuse-tests--request peer "a" "k" 60000
                                                           file))))
            (mew-submit-job--cancel session)
            (push (plist-get (mew-submit-job--wait session mew-submit-test-patience) :result) results)
            (should (member (car results) '("cancelled" "delivered" "uncertain")))))
        (let ((count (lambda (result) (seq-count (lambda (r) (equal r result)) results))))
          (should (<= 0
                      (- (length (mew-submit-test-accepted peer))
                         (funcall count "delivered"))
                      (funcall count "uncertain"))))))))

(ert-deftest mew-submit-reuse-tests-a-look-is-not-a-message ()
  "A job that only looks at a server has a connection of its own."
  (mew-submit-test-with-peer (peer mew-submit-reuse-tests--user "127.0.0.1:0,name=a")
    (dolist (look '(:probe :diagnose))
      (should (equal (car (mew-submit-reuse-tests--send peer "a" "k" 60000))
                     "delivered"))
      (let ((before (mew-submit-reuse-tests--connections peer)))
        (mew-submit-job--wait
         (mew-submit-job--start
          (append (list look t)
                  (mew-submit-reuse-tests--request peer "a" "k" 0 nil)))
         60)
        (should (= (mew-submit-reuse-tests--connections peer) (1+ before)))))))

(provide 'mew-submit-reuse-tests)
;;; mew-submit-reuse-tests.el ends here
