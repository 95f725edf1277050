;;; mew-submit-cancel-tests.el --- Stopping a job, whatever it waits for -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A job can be cancelled in each phase; it ends with one `done' event, and
;; leaves no thread and no descriptor behind.  Emacs goes on meanwhile.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'mew-submit-job)

(declare-function mew-submit--mod-jobs "ext:mew-submit-native" ())

(defconst mew-submit-cancel-tests--phases
  '(("connect" "silent" resolved nil)
    ("greeting" "greeting=stall" connected nil)
    ("ehlo" "ehlo=stall" greeting nil)
    ("starttls" "starttls=stall" capabilities nil)
    ("tls" "tls=stall" capabilities nil)
    ("auth" "auth=stall" tls nil)
    ("auth-step" "auth-step=stall" tls nil)
    ("mail" "mail=stall" auth nil)
    ("data" "data=stall" recipient nil)
    ("block" "block=stall" progress t)
    ("dot" "dot=stall" progress nil))
  "What a server can keep a job waiting for: (PHASE DIRECTIVE EVENT LONG).
EVENT is the last one before the wait; LONG says that it takes a long message.")

(defun mew-submit-cancel-tests--census ()
  "Return the numbers of this process's threads and descriptors."
  (cons (length (directory-files "/proc/self/task" nil "\\`[0-9]"))
        (length (directory-files "/proc/self/fd" nil "\\`[0-9]"))))

(defun mew-submit-cancel-tests--request (peer name file)
  "Return a request for FILE to PEER's listener NAME."
  (list :host "127.0.0.1" :race t :attempt-delay 250
        :routes `((,(mew-submit-test-port peer name) ipv4 starttls))
        :connect-timeout 600000 :step-timeout 600000 :tls 'required
        :ca-file (mew-submit-test-ca peer) :helo "localhost.localdomain"
        :user "me" :password (copy-sequence "secret") :auth "LOGIN"
        :from "me@example.org" :recipients '("you@example.net")
        :file file))

(defun mew-submit-cancel-tests--message (directory octets)
  "Write a message of about OCTETS octets in DIRECTORY and return its name."
  (mew-submit-test-write
   (expand-file-name (format "message-%d.eml" octets) directory)
   (concat "Subject: x\r\n\r\n"
           (apply #'concat (make-list (/ octets 72)
                                      (concat (make-string 70 ?x) "\r\n"))))))

(defun mew-submit-cancel-tests--file (peer &optional phase)
  "Return a message file in the directory of PEER, a long one if PHASE takes one."
  (let* ((octets (if (nth 3 phase) 20000000 200))
         (directory (mew-submit-test-peer-directory peer))
         (file (expand-file-name (format "message-%d.eml" octets) directory)))
    (if (file-exists-p file) file
      (mew-submit-cancel-tests--message directory octets))))

(defun mew-submit-cancel-tests--listeners ()
  "Return the arguments for a server with a listener for each phase."
  (append '("--user" "me" "--password" "secret" "127.0.0.1:0,name=good")
          (mapcar (lambda (phase)
                    (format "127.0.0.1:0,name=%s,%s" (nth 0 phase)
                            (nth 1 phase)))
                  mew-submit-cancel-tests--phases)))

(defun mew-submit-cancel-tests--run (peer phase file)
  "Start a job for FILE that gets stuck in PHASE at PEER, cancel it there.
Return all its events, oldest first."
  (let* ((events nil)
         (session (mew-submit-job--start
                   (mew-submit-cancel-tests--request peer (nth 0 phase) file)
                   :on-event (lambda (event) (push event events)))))
    (mew-submit-test-until ((format "%s of phase %s" (nth 2 phase)
                                    (nth 0 phase)))
      (mew-submit-cancel-tests--event (nth 2 phase) events))
    (mew-submit-job--cancel session)
    (should (mew-submit-job--wait session mew-submit-test-patience))
    (nreverse events)))

(defun mew-submit-cancel-tests--event (type events)
  "Return the first of EVENTS that is of TYPE."
  (seq-find (lambda (event) (eq (plist-get event :event) type)) events))

(defun mew-submit-cancel-tests--done (events)
  "Return the one `done' event of EVENTS, which is the last."
  (let ((done (seq-filter (lambda (event) (eq (plist-get event :event) 'done))
                          events)))
    (should (= (length done) 1))
    (should (eq (car done) (car (last events))))
    (car done)))

(ert-deftest mew-submit-cancel-tests-each-phase-ends-at-once ()
  "A job that is cancelled ends at once, with one `done', in every phase.
After the final dot nobody knows whether it was delivered, and it says so.
\(SECURITY: O9)."
  (mew-submit-test-with-peer (peer (mew-submit-cancel-tests--listeners))
    (dolist (phase mew-submit-cancel-tests--phases)
      (ert-info ((nth 0 phase) :prefix "phase ")
        (let ((done (mew-submit-cancel-tests--done
                     (mew-submit-cancel-tests--run
                      peer phase (mew-submit-cancel-tests--file peer phase)))))
          (should (equal (plist-get done :result)
                         (if (equal (nth 0 phase) "dot")
                             "uncertain"
                           "cancelled"))))))
    (mew-submit-test-until ("the threads to end")
      (zerop (mew-submit--mod-jobs)))))

(ert-deftest mew-submit-cancel-tests-nothing-is-left ()
  "After 220 jobs there are no more threads and descriptors than before.
Half of them are cancelled at once, the others where the server keeps them."
  (skip-unless (file-directory-p "/proc/self/task"))
  (mew-submit-test-with-peer (peer (mew-submit-cancel-tests--listeners))
    ;; What is made once and stays: the pipe, libraries' own descriptors.
    (mew-submit-job--wait
     (mew-submit-job--start
      (mew-submit-cancel-tests--request peer "good" (mew-submit-cancel-tests--file peer)))
     mew-submit-test-patience)
    (mew-submit-test-until ("the first job's thread")
      (zerop (mew-submit--mod-jobs)))
    (let ((before (mew-submit-cancel-tests--census))
          (dones 0))
      (dotimes (_ 10)
        (let ((sessions nil)
              (stuck 0))
          (dolist (phase mew-submit-cancel-tests--phases)
            (let ((file (mew-submit-cancel-tests--file peer phase))
                  (event (nth 2 phase))
                  seen)
              (push (mew-submit-job--start
                     (mew-submit-cancel-tests--request peer (nth 0 phase) file)
                     :on-done (lambda (_) (cl-incf dones)))
                    sessions)
              (mew-submit-job--cancel (car sessions))
              (push (mew-submit-job--start
                     (mew-submit-cancel-tests--request peer (nth 0 phase) file)
                     :on-event (lambda (e)
                                 (when (and (eq (plist-get e :event) event)
                                            (not seen))
                                   (setq seen t)
                                   (cl-incf stuck)))
                     :on-done (lambda (_) (cl-incf dones)))
                    sessions)))
          (mew-submit-test-until ("all jobs to get stuck")
            (= stuck (length mew-submit-cancel-tests--phases)))
          (mapc #'mew-submit-job--cancel sessions)
          (dolist (session sessions)
            (should (mew-submit-job--wait session mew-submit-test-patience)))))
      (should (= dones 220))
      (mew-submit-test-until ("the threads to end")
        (zerop (mew-submit--mod-jobs)))
      ;; The thread of the first job may have been ending still when it was counted.
      (mew-submit-test-until ((format "no more threads and descriptors than before, %S"
                                      before))
        (let ((now (mew-submit-cancel-tests--census)))
          (and (<= (car now) (car before)) (<= (cdr now) (cdr before))))))))

(defun mew-submit-cancel-tests--inherited ()
  "Return what descriptors beyond standard error a child of this Emacs has now.
They are named by what they lead to, files aside."
  (with-temp-buffer
    (call-process "ls" nil t nil "-l" "/proc/self/fd")
    (goto-char (point-min))
    (let (found)
      (while (re-search-forward " \\([0-9]+\\) -> \\(\\(?:pipe\\|socket\\):.*\\)" nil t)
        (when (> (string-to-number (match-string 1)) 2)
          (push (match-string 2) found)))
      found)))

(ert-deftest mew-submit-cancel-tests-children-inherit-nothing ()
  "A child that is forked while jobs make pipes and sockets gets none of them.
\(SECURITY: O11)."
  (skip-unless (file-directory-p "/proc/self/fd"))
  (when (mew-submit-portable-p)
    (ert-skip "without SOCK_CLOEXEC there is a moment in between"))
  (mew-submit-test-with-directory directory
    (let* ((file (mew-submit-cancel-tests--message directory 200))
           (before (mew-submit-cancel-tests--inherited))
           (dones 0)
           (start (lambda ()
                    (mew-submit-job--start
                     (list :host "name.example" :race t :attempt-delay 1
                           :routes '((587 ipv4 none) (25 ipv4 none) (465 ipv4 none))
                           :tunnel 'ssh :tunnel-place "gate"
                           :tunnel-program "/bin/false" :connect-timeout 60000
                           :step-timeout 60000 :tls 'none :helo "localhost"
                           :from "" :recipients '("you@example.net") :file file)
                     :on-done (lambda (_) (cl-incf dones))))))
      (dotimes (_ 60)
        (dotimes (_ 6)
          (funcall start))
        (dotimes (_ 6)
          (should-not (seq-difference (mew-submit-cancel-tests--inherited) before)))
        (accept-process-output nil 0.01))
      (mew-submit-test-until ("the jobs" 120)
        (= dones 360)))))

(ert-deftest mew-submit-cancel-tests-descriptors-are-made-close-on-exec ()
  "No file makes descriptors in a way that leaves a moment to a fork.
\(SECURITY: O11)."
  (dolist (file (directory-files (expand-file-name "module" mew-submit-test-root) t
                                 "\\.c\\'"))
    (with-temp-buffer
      (insert-file-contents file)
      (setq case-fold-search nil)
      (while (re-search-forward "\\_<\\(accept4?\\|dup\\|fopen\\|mkostemp\\|mkstemp\\|open\\|\
openat\\|opendir\\|pipe2?\\|popen\\|socket\\|socketpair\\) (\\([^;]*\\)" nil t)
        (let ((call (match-string 0)))
          (ert-info ((format "%s: %s" (file-name-nondirectory file) call))
            (should (or (string-search "CLOEXEC" call)
                        ;; What a system without SOCK_CLOEXEC has to do.
                        (and (equal (file-name-nondirectory file) "net.c")
                             (save-excursion
                               (re-search-backward "^#\\(else\\|endif\\)" nil t)
                               (looking-at-p "#else")))))))))))

(defconst mew-submit-cancel-tests--files '(:ca-file :crl-file :cert-file :key-file)
  "What a job reads before it connects, besides the message.")

(defun mew-submit-cancel-tests--with-mute-files (function)
  "Call FUNCTION with a request for each file that never answers.
The files are FIFOs that nobody writes to, and a message that another process has
a lease on.  FUNCTION gets the file's name, too."
  (mew-submit-test-with-peer (peer (mew-submit-cancel-tests--listeners))
    (let* ((directory (mew-submit-test-peer-directory peer))
           (fifo (expand-file-name "fifo" directory))
           (leased (mew-submit-cancel-tests--message directory 400))
           (holder (make-process
                    :name "lease" :noquery t :connection-type 'pipe
                    :buffer (generate-new-buffer " *lease*")
                    :command (list "python3" "-c" "import fcntl, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
file = open(sys.argv[1], 'r+')
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('held', flush=True)
sys.stdin.read()" leased))))
      (call-process "mkfifo" nil nil nil fifo)
      (unwind-protect
          (progn
            (mew-submit-test-until ("the lease" 120)
              (with-current-buffer (process-buffer holder)
                (or (> (buffer-size) 0) (not (process-live-p holder)))))
            (dolist (key mew-submit-cancel-tests--files)
              (let ((request (mew-submit-cancel-tests--request
                              peer "good" (mew-submit-cancel-tests--file peer))))
                (when (eq key :key-file)
                  (setq request (plist-put request :cert-file (mew-submit-test-ca peer))))
                (ert-info ((format "%s" key))
                  (funcall function (plist-put request key fifo) fifo))))
            (if (process-live-p holder)
                (ert-info ("message")
                  (funcall function (mew-submit-cancel-tests--request peer "good" leased)
                           leased))
              (message "No lease can be had: %s"
                       (with-current-buffer (process-buffer holder) (buffer-string))))
            (should-not (mew-submit-test-log peer "connect")))
        (delete-process holder)
        (kill-buffer (process-buffer holder))
        ;; Whoever still waits for the FIFO may go.
        (call-process "timeout" nil nil nil "5" "sh" "-c" ": >\"$1\"" "sh" fifo)))))

(ert-deftest mew-submit-cancel-tests-files-that-never-answer ()
  "A job that waits for a file is cancelled at once.  \(SECURITY: O9, O20)."
  (mew-submit-cancel-tests--with-mute-files
   (lambda (request _file)
     (let* ((events nil)
            (session (mew-submit-job--start
                      request :on-event (lambda (event) (push event events)))))
       (accept-process-output nil 0.2)  ; most likely it waits by now
       (should-not events)
       (mew-submit-job--cancel session)
       (should (mew-submit-job--wait session 120))
       (should (equal (plist-get (mew-submit-cancel-tests--done (nreverse events)) :result)
                      "cancelled"))
       (mew-submit-test-until ("the job to end") (zerop (mew-submit--mod-jobs)))))))

(ert-deftest mew-submit-cancel-tests-files-have-a-deadline ()
  "A job does not wait for a file for ever, and says for which.  \(SECURITY: O20)."
  (mew-submit-cancel-tests--with-mute-files
   (lambda (request file)
     (let ((done (mew-submit-job--wait
                  (mew-submit-job--start (plist-put request :step-timeout 300)) 60)))
       (should (equal (plist-get done :kind) "timeout"))
       (should (equal (plist-get done :result) "deferred"))
       (should (string-search "in time" (plist-get done :text)))
       (should (string-search (if (string-suffix-p "fifo" file) "read" file)
                              (plist-get done :text)))))))

(ert-deftest mew-submit-cancel-tests-emacs-goes-on ()
  "While a job waits out a silent port, timers go off as ever.
That it waits out no more than it was told is seen at another one."
  (mew-submit-test-with-peer (peer (mew-submit-cancel-tests--listeners))
    (let* ((ticks 0)
           (timer (run-at-time 0 0.01 (lambda () (cl-incf ticks))))
           (request (lambda ()
                      (mew-submit-cancel-tests--request peer "connect"
                                                         (mew-submit-cancel-tests--file peer))))
           (short-of-time (mew-submit-job--start
                           (plist-put (funcall request) :connect-timeout 200)))
           (done nil)
           (session (mew-submit-job--start
                     (funcall request) :on-done (lambda (event) (setq done event)))))
      (unwind-protect
          (progn
            (mew-submit-test-until ("the timer to go off 50 times")
              (> ticks 50))
            (should-not done)
            (mew-submit-job--cancel session)
            (should (equal (plist-get (mew-submit-job--wait
                                       session mew-submit-test-patience)
                                      :kind)
                           "cancelled"))
            (should (equal (plist-get (mew-submit-job--wait
                                       short-of-time mew-submit-test-patience)
                                      :kind)
                           "connect")))
        (cancel-timer timer)))))

(ert-deftest mew-submit-cancel-tests-look-up ()
  "A look-up that nobody answers is cancelled at once, and its thread ends later.
The resolver is an address of a network of our own that takes no packets.
\(SECURITY: M6)."
  (when (equal (getenv "MEW_SUBMIT_SANITIZER") "tsan")
    (ert-skip "TSan has a thread of its own, and this counts threads"))
  (let* ((script "mount --bind \"$1\" /etc/resolv.conf && ip link set lo up && \
ip addr add 192.0.2.53/32 dev lo && nft -f - <<END && shift && exec \"$@\"
table inet t { chain c { type filter hook input priority 0; udp dport 53 drop; tcp dport 53 drop; }; }
END")
         (try (list "unshare" "-rnm" "sh" "-c" script "sh")))
    (mew-submit-test-with-directory directory
      (let ((resolv (mew-submit-test-write
                     (expand-file-name "resolv.conf" directory)
                     "nameserver 192.0.2.53\noptions timeout:1 attempts:1\n"))
            (file (mew-submit-cancel-tests--message directory 200)))
        (unless (eql 0 (ignore-errors
                         (apply #'call-process (car try) nil nil nil
                                (append (cdr try) (list resolv "true")))))
          (ert-skip "no network namespace with nftables can be made here"))
        (with-temp-buffer
          (let ((status
                 (apply #'call-process (car try) nil t nil
                        (append
                         (cdr try)
                         (list resolv mew-submit-test-emacs "-Q" "--batch"
                               "-module-assertions"
                               "-L" (expand-file-name "lisp" mew-submit-test-root)
                               "-L" (expand-file-name "test" mew-submit-test-root)
                               "-l" "mew-submit-cancel-tests" "--eval"
                               (format "(mew-submit-cancel-tests--look-up %S)"
                                       file))))))
            (ert-info ((buffer-string))
              (should (equal status 0)))))))))

(defun mew-submit-cancel-tests--look-up (file)
  "In a network without a resolver: cancel a job for FILE while it looks up.
Leave Emacs with status 0 when all is as it should be."
  (let* ((alone (progn
                  ;; The heartbeat's thread stays.
                  (mew-submit-module--ensure)
                  (mew-submit-job--open)
                  (car (mew-submit-cancel-tests--census))))
         (before nil)
         (events nil)
         (start (lambda ()
                  (mew-submit-job--start
                   (list :host "smtp.example.org" :race t :attempt-delay 250
                         :routes '((587 ipv6 starttls) (587 ipv4 starttls))
                         :connect-timeout 600000 :step-timeout 600000
                         :tls 'required :helo "localhost" :from ""
                         :recipients '("you@example.net") :file file)
                   :on-event (lambda (event) (push event events)))))
         (cancelled (lambda ()
                      (setq events nil)
                      (let ((session (funcall start)))
                        (mew-submit-test-until ("the two look-ups")
                          (>= (car (mew-submit-cancel-tests--census))
                              (+ alone 2)))
                        (mew-submit-job--cancel session)
                        (mew-submit-job--wait session mew-submit-test-patience)
                        (plist-get (mew-submit-cancel-tests--done
                                    (nreverse events))
                                   :result)))))
    (unless (equal (funcall cancelled) "cancelled")
      (error "Not cancelled"))
    (mew-submit-test-until ("the first look-ups to end")
      (= (car (mew-submit-cancel-tests--census)) alone))
    (setq before (mew-submit-cancel-tests--census))
    (dotimes (_ 20)
      (unless (equal (funcall cancelled) "cancelled")
        (error "Not cancelled")))
    (mew-submit-test-until ("the look-ups to end")
      (equal (mew-submit-cancel-tests--census) before))
    (kill-emacs 0)))

(provide 'mew-submit-cancel-tests)
;;; mew-submit-cancel-tests.el ends here
