;;; mew-submit-queue-tests.el --- Tests for when which message is sent -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; States, retries, connections and what can be done with a message of the outbox.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'message)
(require 'mew-submit-edit)
(require 'mew-submit)
(require 'mew-submit-outbox)
(require 'mew-submit-spool)
(require 'mew-submit-queue)
(require 'mew-submit-batch-options)
(require 'mew-submit-test-helpers)
(require 'seq)
(defvar smtpmail-default-smtp-server)
(defvar smtpmail-local-domain)
(defvar smtpmail-smtp-server)
(defvar smtpmail-smtp-service)
(defvar smtpmail-smtp-user)
(defvar smtpmail-stream-type)

(defvar epg-pinentry-mode)

(declare-function mew-submit--mod-beat "ext:mew-submit-native" (msecs))
(declare-function mew-submit--mod-lock "ext:mew-submit-native" (file))

(defvar mew-submit-queue-tests--done nil
  "The (ENTRY . DONE) of the attempts that have ended, newest first.")

(defmacro mew-submit-queue-tests--with-outbox (directory &rest body)
  "Run BODY with an empty outbox in a new DIRECTORY."
  (declare (indent 1) (debug (symbolp body)))
  `(mew-submit-test-with-directory ,directory
     (let ((mew-submit-outbox-directory ,directory)
           (mew-submit-queue-tests--done nil)
           (mew-submit-request--several t)
           (mew-submit-delay 0)
           (mew-submit-dispatch--done-functions
            (list (lambda (entry done)
                    (push (cons entry done) mew-submit-queue-tests--done)))))
       (clrhash mew-submit-known--table)
       (unwind-protect
           (progn ,@body)
         (mew-submit-queue-tests--settle)
         (clrhash mew-submit-known--table)))))

(defun mew-submit-queue-tests--settle ()
  "Wait until nothing is being sent."
  (mew-submit-test-until ("the queue")
    (null (mew-submit-known--running))))

(defun mew-submit-queue-tests--add (directory account &rest keys)
  "Put a message into DIRECTORY, by ACCOUNT; return its identifier.
KEYS are for `mew-submit-queue--add', and :text for another message."
  (let ((raw (expand-file-name "raw" directory))
        (text (plist-get keys :text)))
    (cl-remf keys :text)
    (mew-submit-test-write
     raw (or text "From: me@x\nTo: a@x, b@x\nSubject: s\n\nbody\n"))
    (apply #'mew-submit-queue--add raw :account account
           (append keys (list :on-ask #'ignore)))))

(defun mew-submit-queue-tests--state (id)
  "Return the state of the message ID on disk, or nil."
  (plist-get (mew-submit-spool--read id mew-submit-outbox-directory) :state))

(ert-deftest mew-submit-queue-tests-delivered ()
  "What is delivered leaves a line in the log, and nothing else."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,dot=hold:go")
    (mew-submit-queue-tests--with-outbox directory
      (let ((id (mew-submit-queue-tests--add
                 directory (mew-submit-test-account peer "ok"))))
        ;; It returned at once, and all is on disk already.
        (should (eq (mew-submit-queue-tests--state id) 'sending))
        (mew-submit-test-go peer)
        (mew-submit-queue-tests--settle)
        (should (equal (sort (directory-files directory nil "\\`[^.]")
                             #'string<)
                       '("delivered.log" "raw")))
        (should (mew-submit-test-stored peer))
        (should-not (mew-submit-known--entries))))))

(ert-deftest mew-submit-queue-tests-states ()
  "What the server does decides the state, and who is tried again."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=later,mail=reply:451 4.3.0 Later"
            "127.0.0.1:0,name=never,mail=reply:550 5.7.1 Never"
            "127.0.0.1:0,name=one-never,rcpt#2=reply:550 5.1.1 Who"
            "127.0.0.1:0,name=one-later,rcpt#2=reply:450 4.2.1 Busy"
            "127.0.0.1:0,name=both,rcpt#1=reply:450 4.2.1 Busy,\
rcpt#2=reply:550 5.1.1 Who"
            "127.0.0.1:0,name=all-never,rcpt=reply:550 5.1.1 Who"
            "127.0.0.1:0,name=dot-later,dot=reply:452 4.3.1 Full"
            "127.0.0.1:0,name=dot-never,dot=reply:554 5.6.0 Bad"
            "127.0.0.1:0,name=silent,dot=close"
            "127.0.0.1:0,name=stripped,cap-=STARTTLS"
            "127.0.0.1:0,name=bdat,chunking,mail=reply:451 4.3.0 Later"
            "127.0.0.1:0,name=bdat-never,chunking,mail=reply:550 5.7.1 Never")
    (pcase-dolist
        (`(,name ,state ,recipients ,words)
         '(("later" queued ("a@x" "b@x") "451 4.3.0 Later")
           ("never" refused ("a@x" "b@x") "550 5.7.1 Never")
           ("one-never" refused ("b@x") "550 5.1.1 Who")
           ("one-later" queued ("b@x") "")
           ("both" queued ("a@x") "")
           ("all-never" refused ("a@x" "b@x") "550 5.1.1 Who")
           ("dot-later" queued ("a@x" "b@x") "452 4.3.1 Full")
           ("dot-never" refused ("a@x" "b@x") "554 5.6.0 Bad")
           ("silent" uncertain ("a@x" "b@x") "")
           ("stripped" refused ("a@x" "b@x") "")
           ("bdat" queued ("a@x" "b@x") "451 4.3.0 Later")
           ("bdat-never" refused ("a@x" "b@x") "550 5.7.1 Never")))
      (ert-info (name)
        (mew-submit-queue-tests--with-outbox directory
          (let ((id (mew-submit-queue-tests--add
                     directory (mew-submit-test-account peer name))))
            (mew-submit-queue-tests--settle)
            (let ((entry (mew-submit-spool--read id directory)))
              (should (eq (plist-get entry :state) state))
              (should (equal (sort (copy-sequence (plist-get entry :recipients))
                                   #'string<)
                             recipients))
              (should (string-search words (plist-get entry :last)))
              (should (= (plist-get entry :attempts) 1))
              (should (eq (and (plist-get entry :next) t) (eq state 'queued)))
              (should (= (length (plist-get entry :history)) 1))
              (should-not (directory-files directory nil "journal"))
              (should (equal entry (mew-submit-known--entry id))))))))))

(ert-deftest mew-submit-queue-tests-words-decide-nothing ()
  "A message is refused, or gone, though nothing can be said of its end."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=never,mail=reply:550 5.7.1 Never" "127.0.0.1:0,name=ok")
    (dolist (function '(mew-submit-report--done mew-submit-dispatch--perhaps-lock
                                                mew-submit-cause--of mew-submit-job--done))
      (pcase-dolist (`(,name ,state) '(("never" refused) ("ok" nil)))
        (ert-info ((format "%s %s" function name))
          (mew-submit-queue-tests--with-outbox directory
            (cl-letf (((symbol-function 'display-warning) #'ignore)
                      ((symbol-function function)
                       (lambda (&rest _) (error "Something is wrong"))))
              (let ((id (mew-submit-queue-tests--add
                         directory (mew-submit-test-account peer name))))
                (mew-submit-queue-tests--settle)
                (let ((entry (mew-submit-spool--read id directory)))
                  (should (eq (plist-get entry :state) state))
                  (should (or (null state) (= (plist-get entry :attempts) 1)))
                  (should (eq (null state) (null entry))))))))))
    (should (mew-submit-test-stored peer 4))
    (should-not (mew-submit-test-stored peer 5))))

(ert-deftest mew-submit-queue-tests-who-was-refused-without-words ()
  "Who was refused in a transaction of their own has not got it, whatever is told.
The journal has nothing of that one, and here the end of the job, or what the
server has said, cannot be put into words."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=never,cap2+=LIMITS RCPTMAX=1,rcpt#2=reply:550 5.1.1 Who"
            "127.0.0.1:0,name=later,cap2+=LIMITS RCPTMAX=1,rcpt#2=reply:450 4.2.1 Busy")
    (pcase-dolist (`(,function ,type ,name ,state)
                   '((mew-submit-job--done done "never" refused)
                     (mew-submit-job--done done "later" queued)
                     (mew-submit-course--add done "never" refused)
                     (mew-submit-course--add done "later" queued)
                     (mew-submit-course--add recipient "never" uncertain)))
      (ert-info ((format "%s %s %s" function type name))
        (mew-submit-queue-tests--with-outbox directory
          (let* ((before (symbol-function function))
                 (mew-submit-keep-connection 0)
                 (id (cl-letf (((symbol-function 'display-warning) #'ignore)
                               ((symbol-function function)
                                (lambda (&rest arguments)
                                  (if (eq (plist-get (nth 1 arguments) :event) type)
                                      (error "Something is wrong")
                                    (apply before arguments)))))
                       (prog1 (mew-submit-queue-tests--add
                               directory (mew-submit-test-account peer name))
                         (mew-submit-queue-tests--settle))))
                 (entry (mew-submit-spool--read id directory)))
            (should (eq (plist-get entry :state) state))
            (should (equal (plist-get entry :recipients) '("b@x")))
            (should (equal (plist-get entry :delivered) '("a@x")))
            (when (eq state 'uncertain)
              (should (equal (plist-get entry :kind) "uncertain"))
              (should (string-search "b@x" (plist-get entry :last))))))))))

(ert-deftest mew-submit-queue-tests-the-rest-only ()
  "Those who have it do not get it again; who was refused is told at the end."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=mixed,1:rcpt#1=reply:450 4.2.1 Busy,\
1:rcpt#2=reply:550 5.1.1 Who")
    (mew-submit-queue-tests--with-outbox directory
      (let ((id (mew-submit-queue-tests--add
                 directory (mew-submit-test-account peer "mixed")
                 :recipients '("a@x" "b@x" "c@x"))))
        (mew-submit-queue-tests--settle)
        (should (equal (cdr (mew-submit-test-envelope peer 1)) '("c@x")))
        (mew-submit-queue--send id)
        (mew-submit-queue-tests--settle)
        (should (equal (cdr (mew-submit-test-envelope peer 2)) '("a@x")))
        (let ((entry (mew-submit-spool--read id directory)))
          (should (eq (plist-get entry :state) 'refused))
          (should (equal (plist-get entry :recipients) '("b@x")))
          (should (equal (plist-get entry :delivered) '("c@x" "a@x")))
          (should (string-search "550 5.1.1 Who" (plist-get entry :last))))))))

(ert-deftest mew-submit-queue-tests-tries-again ()
  "What was told \"later\" is sent again by itself when its time has come.
So is what was not sent because the connection broke."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=later,1:mail=reply:451 4.3.0 Later,2:mail=close")
    (mew-submit-queue-tests--with-outbox directory
      (let ((mew-submit-retry-intervals '(0.2))
            (mew-submit-keep-connection 0))
        (mew-submit-queue-tests--add
         directory (mew-submit-test-account peer "later"))
        (mew-submit-test-until ("the delivery")
          (mew-submit-test-stored peer))
        (mew-submit-queue-tests--settle)
        (should (equal (mapcar (lambda (done) (plist-get (cdr done) :kind))
                               mew-submit-queue-tests--done)
                       '("ok" "lost" "deferred")))
        (should-not (mew-submit-spool--ids directory))))))

(ert-deftest mew-submit-queue-tests-intervals ()
  "Intervals grow up to the last one, and differ by a fifth at most."
  (let ((mew-submit-retry-intervals '(10 100 1000)))
    (pcase-dolist (`(,attempts ,interval)
                   '((1 10) (2 100) (3 1000) (4 1000) (99 1000)))
      (dotimes (_ 20)
        (should (<= (* 0.8 interval)
                    (mew-submit-fate--interval attempts)
                    ;; 1.2 is no float.
                    (* 1.2001 interval)))))))

(ert-deftest mew-submit-queue-tests-never-by-itself ()
  "What is refused, uncertain or held is not sent by a flush."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok"
                                   "127.0.0.1:0,name=silent,dot=close"
                                   "127.0.0.1:0,name=no,mail=reply:550 No")
    (mew-submit-queue-tests--with-outbox directory
      (mew-submit-queue-tests--add
       directory (mew-submit-test-account peer "silent"))
      (mew-submit-queue-tests--add
       directory (mew-submit-test-account peer "no"))
      (mew-submit-queue-tests--add
       directory (mew-submit-test-account peer "ok") :held t)
      (mew-submit-queue-tests--settle)
      (should (= (mew-submit-queue--flush) 0))
      (mew-submit-known--refresh)
      (mew-submit-dispatch--run)
      (mew-submit-queue-tests--settle)
      (should (= (length mew-submit-queue-tests--done) 2))
      (should (equal (sort (mapcar (lambda (entry) (plist-get entry :state))
                                   (mew-submit-known--entries))
                           #'string<)
                     '(held refused uncertain))))))

(ert-deftest mew-submit-queue-tests-one-connection ()
  "Several messages of one account go over one connection, in order."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let ((account (mew-submit-test-account peer "ok"))
            (mew-submit-keep-connection 600))
        (dotimes (i 10)
          (mew-submit-queue-tests--add
           directory account
           :text (format "From: me@x\nTo: a@x\nSubject: %d\n\nb\n" i))
          (should (= (length (mew-submit-known--running)) 1)))
        (mew-submit-queue-tests--settle)
        (should (= (length (mew-submit-test-log peer "connect")) 1))
        (dotimes (i 10)
          (should (string-search (format "Subject: %d\r\n" i)
                                 (mew-submit-test-stored peer (1+ i)))))))))

(ert-deftest mew-submit-queue-tests-a-slow-one-is-overtaken ()
  "A message that is stuck does not keep those of its account back for ever."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=slow,1:dot=stall")
    (mew-submit-queue-tests--with-outbox directory
      (cl-letf (((symbol-value 'mew-submit-dispatch--overtake) 0.3))
        (let* ((account (mew-submit-test-account peer "slow"))
               (first (mew-submit-queue-tests--add directory account)))
          (mew-submit-queue-tests--add directory account)
          (mew-submit-test-until ("the second to be delivered")
            (= (length mew-submit-queue-tests--done) 1))
          (mew-submit-queue--cancel first)
          (mew-submit-queue-tests--settle)
          (should (eq (mew-submit-queue-tests--state first) 'uncertain)))))))

(ert-deftest mew-submit-queue-tests-held-then-sent ()
  "With a delay a message is held, and goes when it is over, or is brought back."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let ((account (mew-submit-test-account peer "ok")))
        (mew-submit-queue-tests--add directory account
                                     :not-before (time-add nil 0.3))
        (let ((later (mew-submit-queue-tests--add
                      directory account
                      :text "From: me@x\nTo: a@x\n\
X-Mew-Submit-Send-At: 2099-12-24 18:00\n\nb\n")))
          (mew-submit-test-until ("the first to be delivered")
            (mew-submit-test-stored peer))
          (mew-submit-queue-tests--settle)
          (let ((entry (mew-submit-spool--read later directory)))
            (should (eq (plist-get entry :state) 'held))
            (should (equal (format-time-string "%F %R" (plist-get entry :next))
                           "2099-12-24 18:00")))
          (should-not (string-search
                       "Send-At" (mew-submit-test-octets
                                  (mew-submit-spool--file later ".eml"
                                                          directory))))
          (mew-submit-queue--send later)
          (mew-submit-queue-tests--settle)
          (should (mew-submit-test-stored peer 2)))))))

(ert-deftest mew-submit-queue-tests-a-delay-is-no-wait ()
  "What is held for a while is not sent before, whatever sends what waits."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((account (mew-submit-test-account peer "ok"))
             (ids (list (let ((mew-submit-delay 600) (noninteractive nil))
                          (mew-submit-queue-tests--add directory account))
                        (mew-submit-queue-tests--add
                         directory account :not-before (time-add nil 600)))))
        (dotimes (_ 2)
          (should (equal (mapcar #'mew-submit-queue-tests--state ids) '(held held)))
          (should-not (mew-submit-known--waiting))
          (mew-submit-dispatch--network-changed)
          (should (= (mew-submit-queue--flush) 0)))
        (should-not (mew-submit-known--running))
        (should-not (mew-submit-test-log peer "connect"))))))

(ert-deftest mew-submit-queue-tests-the-journal-goes-last ()
  "The journal stays until what it says is on disk: a crash may come in between."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok"
                                   "127.0.0.1:0,name=never,dot=reply:554 5.6.0 Bad"
                                   "127.0.0.1:0,name=later,dot=reply:451 4.3.0 Later"
                                   "127.0.0.1:0,name=silent,dot=close")
    (pcase-dolist (`(,name ,state) '(("ok" nil) ("never" refused) ("later" queued)
                                     ("silent" uncertain)))
      (ert-info (name)
        (mew-submit-queue-tests--with-outbox directory
          (let (id states)
            (cl-letf* ((real (symbol-function 'mew-submit-spool--forget-journal))
                       ((symbol-function 'mew-submit-spool--forget-journal)
                        (lambda (entry)
                          (push (mew-submit-queue-tests--state id) states)
                          (funcall real entry))))
              (setq id (mew-submit-queue-tests--add
                        directory (mew-submit-test-account peer name)))
              (mew-submit-queue-tests--settle))
            (should (equal states (list state)))))))))

(ert-deftest mew-submit-queue-tests-bad-input ()
  "What cannot be sent is an error at once, and nothing is left of it."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (pcase-dolist (`(,condition ,account ,text)
                   `((mew-submit-message (:server "h")
                                         "From: me@x\nTo: a b@x\n\nb\n")
                     (mew-submit-message (:server "h")
                                         "From: me@x\n\nb\n")
                     (mew-submit-config (:server "h" :plan "nonsense")
                                        "From: me@x\nTo: a@x\n\nb\n")
                     (mew-submit-config (:server "h" :ca-file ,(mew-submit-test-missing "ca.pem"))
                                        "From: me@x\nTo: a@x\n\nb\n")
                     (mew-submit-message (:server "h")
                                         "From: me@x\nTo: a@x\n\
X-Mew-Submit-Send-At: whenever\n\nb\n")))
      (ert-info ((format "%S %S" account text))
        (should-error (mew-submit-queue-tests--add directory account :text text)
                      :type condition)
        (should (equal (directory-files directory nil "\\`[^.]") '("raw")))
        (should-not (mew-submit-known--entries))))))

(ert-deftest mew-submit-queue-tests-no-secret-on-disk ()
  "A password that came with the account is used, and is not in the outbox."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "s3cret-word"
                                   "127.0.0.1:0,name=ok,1:mail=reply:451 Later")
    (mew-submit-queue-tests--with-outbox directory
      (mew-submit-queue-tests--add
       directory (mew-submit-test-account peer "ok" :user "me"
                                          :password (string-to-unibyte
                                                     "s3cret-word")))
      (mew-submit-queue-tests--settle)
      (should (equal (plist-get (cdar mew-submit-queue-tests--done) :auth)
                     "SCRAM-SHA-256-PLUS"))
      (dolist (file (directory-files directory t "\\`[^.]"))
        (should-not (string-search "s3cret" (mew-submit-test-octets file)))))))

(ert-deftest mew-submit-queue-tests-locked-by-another ()
  "What another Emacs has locked is left to it."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (mew-submit-queue-tests--add
                  directory (mew-submit-test-account peer "ok") :held t))
             (lock (mew-submit-spool--lock id directory)))
        (unwind-protect
            (progn
              (dolist (function (list #'mew-submit-queue--send
                                      #'mew-submit-queue--hold
                                      #'mew-submit-queue--delete))
                (should-error (funcall function id) :type 'user-error))
              (mew-submit-spool--write
               (mew-submit-spool--with (mew-submit-known--entry id)
                                       :state 'queued))
              (mew-submit-known--refresh)
              (mew-submit-dispatch--run)
              (should-not (mew-submit-known--running)))
          (mew-submit-spool--unlock lock))
        (mew-submit-dispatch--run)
        (should (= (length (mew-submit-known--running)) 1))
        ;; Now it is another Emacs that has to leave it alone.
        (should-not (mew-submit-spool--lock id directory))
        (should-error (mew-submit-queue--delete id) :type 'user-error)
        (mew-submit-queue-tests--settle)
        (should (mew-submit-test-stored peer))))))

(ert-deftest mew-submit-queue-tests-broken-one-does-not-stop-others ()
  "A corrupt file in the outbox is told of, and everything else goes on."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let ((id (mew-submit-queue-tests--add
                 directory (mew-submit-test-account peer "ok") :held t)))
        (mew-submit-test-write
         (mew-submit-spool--file id ".eld" directory) "(:state")
        (mew-submit-test-write (expand-file-name "x.eml" directory) "junk")
        (make-directory (expand-file-name "dir.eml" directory))
        (clrhash mew-submit-known--table)
        (mew-submit-queue-tests--add
         directory (mew-submit-test-account peer "ok"))
        (mew-submit-known--refresh)
        (mew-submit-dispatch--run)
        (mew-submit-queue-tests--settle)
        (should (mew-submit-test-stored peer))
        (should (= 2 (seq-count (lambda (entry)
                                  (eq (plist-get entry :state) 'broken))
                                (mew-submit-known--entries))))
        (should-error (mew-submit-queue--send id) :type 'user-error)
        (mew-submit-queue--delete id)))))

;;; The browser

(ert-deftest mew-submit-queue-tests-browser ()
  "The table shows each message, and its keys do what they say."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=no,mail=reply:550 5.7.1 No")
    (mew-submit-queue-tests--with-outbox directory
      (let ((id (mew-submit-queue-tests--add
                 directory (mew-submit-test-account peer "no" :name "work")
                 :text "From: me@x\nTo: a@x\nSubject: =?utf-8?Q?=C3=BC?=\n\nb\n")))
        (mew-submit-queue-tests--settle)
        (save-window-excursion
          (mew-submit-outbox)
          (should (equal (buffer-name) "*mew-submit outbox*"))
          (goto-char (point-min))
          (should (equal (tabulated-list-get-id) id))
          (let ((line (buffer-substring (point) (line-end-position))))
            ;; The account has a column where the window is wide.
            (dolist (words '("refused" "a@x" "ü" "550 5.7.1 No"))
              (should (string-search words line))))
          (mew-submit-outbox-log)
          (should (string-search "550 5.7.1 No" (buffer-string)))
          (kill-buffer)
          (set-buffer "*mew-submit outbox*")
          (mew-submit-outbox-cancel)
          (should (eq (mew-submit-queue-tests--state id) 'held))
          (cl-letf (((symbol-function 'yes-or-no-p) #'always))
            (mew-submit-outbox-delete))
          (should-not (mew-submit-spool--ids directory))
          (kill-buffer "*mew-submit outbox*"))))))

(ert-deftest mew-submit-queue-tests-edit-again ()
  "A message comes back as it was written, with its Bcc, and leaves the outbox."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((mew-submit-accounts
              (list (mew-submit-test-account peer "ok")))
             (message-send-mail-function #'mew-submit-send-it)
             (mew-submit-delay 0)
             (message-interactive nil)
             (id (mew-submit-queue-tests--add
                  directory nil :held t
                  :recipients '("a@x" "hidden@x")
                  :text "From: me@x\nTo: a@x\nSubject: =?utf-8?Q?=C3=BC?=\n\
MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"=\"\n\
Message-ID: <old@x>\nDate: Thu, 1 Jan 1970 00:00:00 +0000\n\n\
--=\nContent-Type: text/plain; charset=utf-8\n\
Content-Transfer-Encoding: 8bit\n\nGrüße\n\n\
--=\nContent-Type: text/plain\nContent-Disposition: attachment; \
filename=a.txt\n\nattached\n\n--=--\n")))
        (save-window-excursion
          (mew-submit-edit id)
          (let ((text (buffer-string)))
            (should (derived-mode-p 'message-mode))
            (dolist (words '("To: a@x" "Subject: ü" "Bcc: hidden@x" "Grüße"
                             "filename=a.txt" "attached"))
              (should (string-search words text)))
            (should-not (string-match-p "Message-ID\\|MIME-Version\\|^Date"
                                        text))
            (should (string-search (concat "\n" mail-header-separator "\n")
                                   text)))
          (should-not (mew-submit-spool--ids directory))
          (should (file-exists-p (expand-file-name (concat "edited/" id ".eml")
                                                   directory)))
          (message-send)
          (set-buffer-modified-p nil)
          (kill-buffer))
        (mew-submit-queue-tests--settle)
        (should-not (directory-files (expand-file-name "edited" directory)
                                     nil "eml"))
        (should (equal (cdr (mew-submit-test-envelope peer))
                       '("a@x" "hidden@x")))
        (let ((stored (mew-submit-test-stored peer)))
          (should (string-match-p "^Subject: =\\?utf-8\\?" stored))
          (should (string-search "attached" stored))
          (should-not (string-search "hidden" stored)))))))

;;; When something goes wrong at a bad moment

(defun mew-submit-queue-tests--settle-anyhow ()
  "Wait until nothing is being sent, whatever is quit meanwhile."
  (let ((tries 0))
    (while (and (mew-submit-known--running) (< tries 5))
      (setq tries (1+ tries))
      (condition-case nil
          (mew-submit-queue-tests--settle)
        (quit nil)))))

(ert-deftest mew-submit-queue-tests-taken-is-never-an-error ()
  "Once a message is in the outbox, no error and no quit says otherwise."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (pcase-dolist (`(,what . ,function)
                   `((error . ,(lambda (&rest _) (error "Not mine")))
                     (quit . ,(lambda (&rest _) (signal 'quit nil)))
                     (late-quit . ,(lambda (&rest _) (setq quit-flag t)))))
      (ert-info ((symbol-name what))
        (mew-submit-queue-tests--with-outbox directory
          (let* ((mew-submit-known--change-hook
                  (cons function mew-submit-known--change-hook))
                 (id (condition-case err
                         (mew-submit-queue-tests--add
                          directory (mew-submit-test-account peer "ok"))
                       ((error quit) (ert-fail err)))))
            (should (stringp id))
            (mew-submit-queue-tests--settle-anyhow)
            (should-not (mew-submit-spool--ids directory))))))
    ;; Nor where it is about the user who is here.
    (cl-letf (((symbol-function 'mew-submit-auth--locked)
               (lambda (_) (error "Not mine")))
              ((symbol-function 'display-warning) #'ignore))
      (mew-submit-queue-tests--with-outbox directory
        (should (stringp (mew-submit-queue-tests--add
                          directory (mew-submit-test-account peer "ok"))))
        (mew-submit-queue-tests--settle-anyhow)
        (should-not (mew-submit-spool--ids directory))))
    (should (mew-submit-test-stored peer 4))
    (should-not (mew-submit-test-stored peer 5))))

(ert-deftest mew-submit-queue-tests-the-header-known-is-that-on-disk ()
  "The header that is in memory is that of the file that leaves, or there is none.
Where its octets were other ones, the text behind it would be cut or doubled."
  (mew-submit-queue-tests--with-outbox directory
    (let ((account '(:server "127.0.0.1" :auth "none")))
      (dolist (text '("From: me@x\nTo: a@x\n\nbody\n"
                      "From: me@x\nTo: a@x\nBcc: b@x\n\nbody\n"
                      "From: me@x\nTo: a@x\nSubject: s\nno line between\n"
                      "From: me@x\nTo: a@x\nSubject: s\n \t\n more\n\nbody\n"
                      "From: me@x\nTo: a@x\nBcc: b@x\rSubject: s\r\n\nbody\n"
                      "From x Thu Nov 26\nFrom: me@x\nTo: a@x\n\nbody\n"))
        (ert-info ((format "%S" text))
          (let* ((id (mew-submit-queue-tests--add directory account :text text :held t))
                 (parcel (mew-submit-known--parcel (mew-submit-known--entry id))))
            (should (member (mew-submit-parcel-fields parcel)
                            (list nil (mew-submit-message--fields
                                       (mew-submit-parcel-file parcel)))))))))))

(ert-deftest mew-submit-queue-tests-not-read-back ()
  "What this Emacs has just written is not read again to be sent."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,dot=hold:go")
    (mew-submit-queue-tests--with-outbox directory
      (let ((real (symbol-function 'mew-submit-spool--read))
            (fields (symbol-function 'mew-submit-message--fields))
            (make (symbol-function 'mew-submit-request--make))
            (reads 0)
            (headers 0)
            (requests 0))
        (cl-letf (((symbol-function 'mew-submit-spool--read)
                   (lambda (&rest arguments)
                     (cl-incf reads)
                     (apply real arguments)))
                  ((symbol-function 'mew-submit-message--fields)
                   (lambda (file)
                     (cl-incf headers)
                     (funcall fields file)))
                  ((symbol-function 'mew-submit-request--make)
                   (lambda (&rest arguments)
                     (cl-incf requests)
                     (apply make arguments))))
          (let ((id (mew-submit-queue-tests--add
                     directory (mew-submit-test-account peer "ok"))))
            (should (= reads 0))
            (should (= headers 1))
            (should (= requests 1))
            (should (equal (mew-submit-known--entry id)
                           (funcall real id directory))))
          (mew-submit-test-go peer)
          (mew-submit-queue-tests--settle))
        (should (mew-submit-test-stored peer))))))

(ert-deftest mew-submit-queue-tests-no-secret-for-a-check ()
  "To put a message into the outbox no secret is fetched and nothing is built."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (cl-letf (((symbol-function 'mew-submit-auth--proxy-password)
               (lambda (&rest _) (ert-fail "A password was fetched")))
              ((symbol-function 'mew-submit-request--make)
               (lambda (&rest _) (ert-fail "A request was built"))))
      (let ((account '(:server "h.example" :auth "none"
                               :tunnel "socks5:me@127.0.0.1:1080")))
        (should (mew-submit-queue-tests--add directory account :held t))
        ;; What is wrong is found all the same.
        (pcase-dolist (`(,key ,value) '((:tunnel "socks5:x") (:routes "0:starttls")
                                        (:source "nowhere") (:helo "a b")
                                        (:ca-file "/nonexistent/ca")
                                        (:without ("STARTTLS")) (:plan "none such")))
          (ert-info ((format "%s" key))
            (should-error (mew-submit-queue-tests--add
                           directory (plist-put (copy-sequence account) key value)
                           :held t)
                          :type 'mew-submit-error)
            (should (= 1 (length (mew-submit-spool--ids directory))))))))))

(ert-deftest mew-submit-queue-tests-stamp-before-reading ()
  "What another Emacs writes just after the reading is read before it is sent."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (mew-submit-queue-tests--add
                  directory (mew-submit-test-account peer "ok") :held t))
             (entry (mew-submit-spool--with (mew-submit-known--entry id)
                                            :state 'queued :next nil))
             (real (symbol-function 'mew-submit-spool--read)))
        (mew-submit-spool--write entry)
        (clrhash mew-submit-known--table)
        (cl-letf (((symbol-function 'mew-submit-spool--read)
                   (lambda (&rest arguments)
                     (prog1 (apply real arguments)
                       (mew-submit-spool--write
                        (mew-submit-spool--with entry :state 'refused))))))
          (mew-submit-known--look-at id directory nil))
        (should (eq (plist-get (mew-submit-known--entry id) :state) 'queued))
        (mew-submit-dispatch--run)
        (mew-submit-queue-tests--settle)
        (should-not (mew-submit-test-log peer "connect"))
        (should (eq (plist-get (mew-submit-known--entry id) :state) 'refused))))))

(ert-deftest mew-submit-queue-tests-quit-while-it-begins ()
  "A quit while an attempt begins does not unlock what is being sent."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,dot=hold:go")
    (mew-submit-queue-tests--with-outbox directory
      (let ((id (mew-submit-queue-tests--add
                 directory (mew-submit-test-account peer "ok") :held t))
            (quit (lambda (session) (setq quit-flag t) session)))
        (advice-add 'mew-submit-parcel--send :filter-return quit)
        (unwind-protect
            (should (eq 'quit (condition-case nil
                                  (mew-submit-queue--send id)
                                (quit 'quit))))
          (advice-remove 'mew-submit-parcel--send quit))
        (should (mew-submit-known--running))
        (should-not (mew-submit-spool--lock id directory))
        (mew-submit-test-go peer)
        (mew-submit-queue-tests--settle)
        (should-not (mew-submit-spool--ids directory))))))

(ert-deftest mew-submit-queue-tests-quit-at-the-end ()
  "A quit in a function that is told of the end leaves nothing half done."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (dolist (where '(function caller))
      (mew-submit-queue-tests--with-outbox directory
        (let* ((quit (lambda (&rest _) (signal 'quit nil)))
               (mew-submit-dispatch--done-functions
                (and (eq where 'function) (list quit))))
          (mew-submit-queue-tests--add
           directory (mew-submit-test-account peer "ok")
           :on-done (and (eq where 'caller) quit))
          (mew-submit-queue-tests--settle-anyhow)
          (should-not (mew-submit-known--running))
          (should-not (mew-submit-known--entries))
          (should-not (mew-submit-spool--ids directory)))))))

(ert-deftest mew-submit-queue-tests-quit-before-it-is-told ()
  "A quit while the end is worked out keeps nobody from being told of it.
It takes effect after that."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=silent,dot=close")
    (mew-submit-queue-tests--with-outbox directory
      (let* (told
             (quit (lambda (entry) (setq quit-flag t) entry))
             (id (unwind-protect
                     (progn
                       (advice-add 'mew-submit-fate--after :filter-return quit)
                       (prog1 (mew-submit-queue-tests--add
                               directory (mew-submit-test-account peer "silent")
                               :on-done (lambda (_) (push 'caller told)))
                         (should (eq 'quit (condition-case nil
                                               (mew-submit-queue-tests--settle)
                                             (quit 'quit))))))
                   (advice-remove 'mew-submit-fate--after quit))))
        (should (equal told '(caller)))
        (should (= (length mew-submit-queue-tests--done) 1))
        (should (eq (mew-submit-queue-tests--state id) 'uncertain))))))

(ert-deftest mew-submit-queue-tests-journal-lost ()
  "Without the journal, what the server said is known all the same.
What it has taken is not sent again, who was refused is told of, and without an
answer it is in doubt."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=ok,dot=delay:1000"
            "127.0.0.1:0,name=one,rcpt#2=reply:550 5.1.1 Who,dot=delay:1000"
            "127.0.0.1:0,name=none,dot=delay:1000,dot=close")
    (pcase-dolist (`(,name ,result ,state ,recipients)
                   '(("ok" "delivered" nil nil)
                     ("one" "partial" refused ("b@x"))
                     ("none" "uncertain" uncertain ("a@x" "b@x"))))
      (dolist (how '(deleted replaced))
        (ert-info ((format "%s, %s" name how))
          (mew-submit-queue-tests--with-outbox directory
            (let* ((mew-submit-keep-connection 0)
                   (id (mew-submit-queue-tests--add
                        directory (mew-submit-test-account peer name)))
                   (journal (car (mew-submit-test-until ("the journal")
                                   (directory-files directory t "journal\\'")))))
              (delete-file journal)
              (when (eq how 'replaced)
                (make-directory journal))
              (mew-submit-test-go peer)
              (mew-submit-queue-tests--settle)
              (mew-submit-test-halt peer)
              (should (equal (plist-get (cdar mew-submit-queue-tests--done)
                                        :result)
                             result))
              (let ((entry (mew-submit-spool--read id directory)))
                (should (eq (plist-get entry :state) state))
                (should (equal (plist-get entry :recipients) recipients))
                (should (equal (mew-submit-known--entry id) entry))))))))))

(ert-deftest mew-submit-queue-tests-cancelled-is-held ()
  "What the user stops before the server has all of it is held, not sent again.
So is what is left when some have it already, in another transaction."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=greeting,greeting=stall"
            "127.0.0.1:0,name=mail,mail=stall"
            "127.0.0.1:0,name=data,data=stall"
            "127.0.0.1:0,name=second,cap2+=LIMITS RCPTMAX=1,mail#2=stall"
            "127.0.0.1:0,name=session,cap2+=LIMITS RCPTMAX=1 MAILMAX=1,2:mail=stall"
            "127.0.0.1:0,name=connection,cap2+=LIMITS RCPTMAX=1 MAILMAX=1,2:greeting=stall")
    (pcase-dolist (`(,name ,recipients)
                   '(("greeting" ("a@x" "b@x")) ("mail" ("a@x" "b@x")) ("data" ("a@x" "b@x"))
                     ("second" ("b@x")) ("session" ("b@x")) ("connection" ("b@x"))))
      (ert-info (name)
        (mew-submit-queue-tests--with-outbox directory
          (let ((id (mew-submit-queue-tests--add
                     directory (mew-submit-test-account peer name))))
            (mew-submit-test-until ("the server to stall")
              (seq-find (lambda (event)
                          (equal (plist-get event :listener) name))
                        (mew-submit-test-log peer "stall")))
            (mew-submit-queue--cancel id)
            (mew-submit-queue-tests--settle)
            (let ((entry (mew-submit-spool--read id directory)))
              (should (eq (plist-get entry :state) 'held))
              (should (equal (plist-get entry :recipients) recipients))
              (should (equal (mew-submit-report--reason (cdar mew-submit-queue-tests--done))
                             (if (cdr recipients) "you have stopped it"
                               "you have stopped it before b@x got it")))
              (should-not (plist-get entry :next)))
            (mew-submit-known--refresh)
            (mew-submit-dispatch--run)
            (should-not (mew-submit-known--running))
            (should (= (length mew-submit-queue-tests--done) 1))))))))

(ert-deftest mew-submit-queue-tests-in-doubt-for-some ()
  "What the outbox says of a message in doubt names those who did not get it."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=s,noauth,cap2+=LIMITS RCPTMAX=1,dot=close")
    (mew-submit-queue-tests--with-outbox directory
      (let ((id (mew-submit-queue-tests--add directory (mew-submit-test-account peer "s"))))
        (mew-submit-queue-tests--settle)
        (should (eq (mew-submit-queue-tests--state id) 'uncertain))
        (should (string-suffix-p "by itself.  b@x did not get it: ask one of the others."
                                 (plist-get (mew-submit-spool--read id directory) :last)))))))

;; a@x is in doubt; b@x surely has not got it.
(defun mew-submit-queue-tests--half-in-doubt (directory peer &rest keys)
  "Put a message into DIRECTORY that PEER leaves in doubt for one of two.
Return its identifier.  KEYS are for `mew-submit-queue-tests--add'."
  (prog1 (apply #'mew-submit-queue-tests--add
                directory (mew-submit-test-account peer "s") keys)
    (mew-submit-queue-tests--settle)))

(defconst mew-submit-queue-tests--half
  '("127.0.0.1:0,name=s,noauth,cap2+=LIMITS RCPTMAX=1,1:dot=close")
  "A server that leaves the first of two recipients in doubt, once.")

(ert-deftest mew-submit-queue-tests-what-is-under-way ()
  "Of what is being sent is said how to stop it, and nothing that is untrue.
Once all of it has left, who leaves Emacs is not told that it is sent next time."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth,mail=hold:mail,dot=hold:go")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (mew-submit-queue-tests--add directory (mew-submit-test-account peer "s")))
             (edit (lambda ()
                     (cadr (should-error (mew-submit-queue--take id #'ignore)
                                         :type 'user-error)))))
        (should (string-match-p "being sent: c in M-x mew-submit-outbox stops" (funcall edit)))
        (should (string-match-p "send it next time" (mew-submit-notice--leave-question)))
        (with-temp-buffer
          (mew-submit-outbox--insert-log (mew-submit-known--entry id))
          (should-not (string-search "No attempt" (buffer-string))))
        (mew-submit-test-write (mew-submit-test--peer-file peer "store/mail") "")
        (mew-submit-test-until ("the final dot")
          (mew-submit-spool--journal-lines (mew-submit-known--entry id)))
        (let ((question (mew-submit-notice--leave-question)))
          (mew-submit-test-go peer)
          (mew-submit-queue-tests--settle)
          (should (string-match-p "\\`A mail has left, .* know what arrived" question)))
        (should (string-match-p "not in the outbox" (funcall edit)))))))

(ert-deftest mew-submit-queue-tests-another-emacs-sends-it ()
  "Of what another Emacs sends, or has sent, that is said, and the outbox shows it."
  (mew-submit-queue-tests--with-outbox directory
    (let* ((id (mew-submit-queue-tests--add directory '(:server "h" :auth "none") :held t))
           (entry (mew-submit-known--entry id))
           (lock (mew-submit-spool--lock id directory))
           (edit (lambda ()
                   (cadr (should-error (mew-submit-queue--take id #'ignore)
                                       :type 'user-error)))))
      (should (string-match-p "\\`Another Emacs is sending" (funcall edit)))
      (mew-submit-spool--remove entry)
      (mew-submit-spool--unlock lock)
      (should (string-match-p "not in the outbox" (funcall edit)))
      (should-not (mew-submit-known--entries)))))

(ert-deftest mew-submit-queue-tests-sent-by-another-emacs-is-seen ()
  "An Emacs that only shows the outbox sees the end of what another one sends."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (let* ((id (mew-submit-queue-tests--add directory '(:server "h" :auth "none") :held t))
           (entry (mew-submit-known--entry id))
           (lock (mew-submit-spool--lock id directory))
           (mew-submit-dispatch--watching nil)
           (mew-submit-dispatch--timer nil))
      (mew-submit-spool--write (mew-submit-spool--with entry :state 'sending :attempts 1))
      (clrhash mew-submit-known--seen)
      (mew-submit-known--refresh)
      (should (eq (plist-get (mew-submit-known--entry id) :state) 'sending))
      (mew-submit-dispatch--run)
      (should (memq mew-submit-dispatch--timer timer-list))
      (mew-submit-spool--remove entry)
      (mew-submit-spool--unlock lock)
      ;; The time has come.
      (setq mew-submit-dispatch--looked 0)
      (mew-submit-dispatch--wake)
      (should-not (mew-submit-known--entries)))))

(ert-deftest mew-submit-queue-tests-what-options-told-stays ()
  "The way that options of a command have told is not forgotten with another account.
SECURITY: P28."
  (let* ((mew-submit-accounts '((:name "w" :from "me@x" :server "old" :user "alice")))
         (account (mew-submit-batch-options--account
                   '(:tls-minimum "1.3" :tls required :ssh "gate" :arguments ("a@x"))
                   '(("from" . "From: me@x\n"))))
         (mew-submit-accounts '((:name "w" :from "me@x" :server "new" :user "bob"
                                       :tls-minimum "1.2" :tls opportunistic))))
    (dotimes (_ 2)
      (setq account (mew-submit-account--check
                     (mew-submit-queue--renewed
                      (list :stem "/x" :account (car (mew-submit-dispatch--divided account))))))
      (pcase-dolist (`(,key ,value) '((:server "new") (:user "bob") (:tls-minimum "1.3")
                                      (:tls required) (:tunnel "ssh:gate")))
        (should (equal (plist-get account key) value))))))

;; mu4e's contexts set these for each identity, and its f sends what is queued of all of them.
(ert-deftest mew-submit-queue-tests-smtpmail-of-another-identity ()
  "A mail does not go by the server and the log-in that smtpmail has for somebody else."
  (let ((user-mail-address "work@x")
        (entry '(:stem "/x" :from "Work@x"
                 :account (:name "smtpmail" :server "smtp.work.example" :user "worker")))
        (smtpmail-default-smtp-server nil)
        (smtpmail-smtp-service 587)
        (smtpmail-stream-type nil)
        (smtpmail-local-domain nil))
    (pcase-dolist (`(,address ,server ,user . ,expected)
                   '(("home@x" "smtp.home.example" "homer" "smtp.work.example" "worker")
                     ("home@x" "smtp.work.example" "homer" "smtp.work.example" "worker")
                     ;; They are corrected.
                     ("work@x" "smtp.right.example" "right" "smtp.right.example" "right")))
      (let* ((user-mail-address address)
             (smtpmail-smtp-server server)
             (smtpmail-smtp-user user)
             (account (mew-submit-queue--renewed entry)))
        (should (equal (list (plist-get account :server) (plist-get account :user))
                       expected))))
    (let ((user-mail-address "alias@x")
          (smtpmail-smtp-server "smtp.work.example")
          (smtpmail-smtp-user "worker")
          (smtpmail-smtp-service 465))
      (should (equal (plist-get (mew-submit-queue--renewed entry) :plan) "submissions")))))

(ert-deftest mew-submit-queue-tests-rest-is-sent-apart ()
  "Who surely did not get what is in doubt for others can be sent it, and nobody else.
The copies go with that mail, and what the user wrote."
  :tags '(:module)
  (mew-submit-test-with-peer (peer mew-submit-queue-tests--half)
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (mew-submit-queue-tests--half-in-doubt
                  directory peer
                  :text "From: me@x\nTo: a@x\nBcc: b@x\nX-Mew-Submit-Account: s\n\nbody\n"
                  :fcc '((:kind file)) :source "To: a@x\n\nbody\n"))
             (before (mew-submit-known--entry id))
             (mew-submit-dispatch--done-functions nil)
             new)
        (should (equal (plist-get before :unsent) '("b@x")))
        (cl-letf (((symbol-function 'mew-submit-queue--send)
                   (lambda (it _) (setq new (mew-submit-known--entry it)))))
          (mew-submit-queue--send-rest id))
        (should (eq (plist-get new :state) 'held))
        (should (equal (plist-get new :recipients) '("b@x")))
        (should (equal (plist-get new :fcc) '((:kind file))))
        (should (string-search "X-Mew-Submit-Account: s" (plist-get new :private)))
        (should (equal (mew-submit-spool--source new) "To: a@x\n\nbody\n"))
        (dolist (old (list (mew-submit-known--entry id)
                           (mew-submit-spool--read id directory)))
          (should (eq (plist-get old :state) 'uncertain))
          (should (equal (plist-get old :recipients) '("a@x")))
          (should-not (plist-get old :unsent))
          (should-not (plist-get old :fcc)))
        (should-error (mew-submit-queue--send-rest id) :type 'user-error)
        (should (= (length (mew-submit-known--entries)) 2))))))

(ert-deftest mew-submit-queue-tests-rest-gets-it-once ()
  "The rest get what is in doubt for others, and those get it once more only if that is said."
  :tags '(:module)
  (mew-submit-test-with-peer (peer mew-submit-queue-tests--half)
    (mew-submit-queue-tests--with-outbox directory
      (let ((id (mew-submit-queue-tests--half-in-doubt directory peer))
            (to (lambda ()
                  (seq-filter (lambda (line) (string-prefix-p "RCPT" line))
                              (mapcar (lambda (line) (plist-get line :text))
                                      (mew-submit-test-log peer "line"))))))
        (should (equal (funcall to) '("RCPT TO:<a@x>")))
        ;; Nor do they get half of it, as while it is copied.
        (let* ((file (mew-submit-spool--file id ".eml" directory))
               (whole (mew-submit-test-octets file)))
          (mew-submit-test-write file (substring whole 0 20))
          (should-error (mew-submit-queue--send-rest id) :type 'user-error)
          (should (equal (mew-submit-spool--ids directory) (list id)))
          (mew-submit-test-write file whole))
        (mew-submit-queue--send-rest id)
        (mew-submit-queue-tests--settle)
        (should (equal (funcall to) '("RCPT TO:<a@x>" "RCPT TO:<b@x>")))
        (should (equal (mapcar (lambda (entry) (plist-get entry :id))
                               (mew-submit-known--entries))
                       (list id)))
        (mew-submit-queue--send id)
        (mew-submit-queue-tests--settle)
        (should (equal (funcall to) '("RCPT TO:<a@x>" "RCPT TO:<b@x>" "RCPT TO:<a@x>")))
        (should-not (mew-submit-known--entries))))))

(ert-deftest mew-submit-queue-tests-emacs-ends-amid-the-rest ()
  "Where Emacs ended between the two, nobody is sent it twice, whatever is done next.
It is done with the one in doubt, or with the one for the rest."
  :tags '(:module)
  (dolist (what '(rest doubt new take))
    (ert-info ((symbol-name what))
      (mew-submit-test-with-peer (peer mew-submit-queue-tests--half)
        (mew-submit-queue-tests--with-outbox directory
          (let* ((id (mew-submit-queue-tests--half-in-doubt directory peer))
                 (new (mew-submit-queue--apart (mew-submit-known--entry id)))
                 (rcpts (lambda ()
                          (sort (mapcan (lambda (line)
                                          (and (string-prefix-p "RCPT" (plist-get line :text))
                                               (list (plist-get line :text))))
                                        (mew-submit-test-log peer "line"))
                                #'string<)))
                 (a "RCPT TO:<a@x>")
                 (b "RCPT TO:<b@x>"))
            (clrhash mew-submit-known--table)
            (clrhash mew-submit-known--seen)
            (mew-submit-known--refresh)
            (pcase what
              ('rest (mew-submit-queue--send-rest id))
              ('doubt (mew-submit-queue--send id))
              ('new (mew-submit-queue--send (plist-get new :id)))
              ('take (mew-submit-queue--take (plist-get new :id) #'ignore)))
            (mew-submit-queue-tests--settle)
            (should (equal (funcall rcpts)
                           (pcase what ('doubt (list a a)) ('take (list a)) (_ (list a b)))))
            (should-error (mew-submit-queue--send-rest id) :type 'user-error)
            (mew-submit-queue-tests--settle)
            (should (<= (seq-count (lambda (rcpt) (equal rcpt b)) (funcall rcpts)) 1))
            (when (eq what 'doubt)
              (should (equal (mapcar (lambda (entry) (plist-get entry :recipients))
                                     (mew-submit-known--entries))
                             '(("b@x")))))))))))

(ert-deftest mew-submit-queue-tests-rest-cannot-be-noted ()
  "Where it cannot be noted who is left, the rest is not sent, and the outbox is as it was."
  :tags '(:module)
  (mew-submit-test-with-peer (peer mew-submit-queue-tests--half)
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (mew-submit-queue-tests--half-in-doubt directory peer))
             (before (mew-submit-spool--read id directory)))
        (cl-letf (((symbol-function 'mew-submit-queue--without-rest)
                   (lambda (_) (error "No space left on device"))))
          (should-error (mew-submit-queue--send-rest id)))
        (should (equal (mapcar (lambda (entry) (plist-get entry :id))
                               (mew-submit-known--entries))
                       (list id)))
        (should (equal (mew-submit-spool--ids directory) (list id)))
        (should (equal (mew-submit-spool--read id directory) before))))))

(ert-deftest mew-submit-queue-tests-changed-behind-our-back ()
  "What another Emacs has held, put off, settled or sent is left as it made it.
The copy in memory says that it is to be sent at once."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (dolist (news (list '(:state held :next nil) '(:state uncertain :next nil)
                        '(:state refused :next nil)
                        (list :state 'queued :next (+ (float-time) 50))
                        (list :state 'held :next (+ (float-time) 50))
                        nil))
      (ert-info ((format "%S" news))
        (mew-submit-queue-tests--with-outbox directory
          (let* ((id (mew-submit-queue-tests--add
                      directory (mew-submit-test-account peer "ok") :held t))
                 (entry (mew-submit-known--entry id))
                 (known (mew-submit-spool--with entry :state 'queued :next nil))
                 (made (apply #'mew-submit-spool--with entry news)))
            (mew-submit-known--note known)
            (if news
                (mew-submit-spool--write made)
              (mew-submit-spool--remove entry))
            (mew-submit-dispatch--run)
            (should-not (mew-submit-known--running))
            (should-not (mew-submit-test-log peer "connect"))
            (should (equal (mew-submit-known--entry id) (and news made)))))))))

(ert-deftest mew-submit-queue-tests-another-was-faster ()
  "What was not to wait, and was tried by another Emacs meanwhile, waits as that says."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (mew-submit-queue-tests--add
                  directory (mew-submit-test-account peer "ok") :held t))
             (later (mew-submit-spool--with (mew-submit-known--entry id)
                                            :state 'queued :next (+ (float-time) 50)))
             (lock (mew-submit-spool--lock id directory)))
        (mew-submit-known--save later)
        (mew-submit-spool--write
         (mew-submit-spool--with later :state 'sending :attempts 1))
        (should (= 1 (mew-submit-queue--flush)))
        (should (eq (plist-get (mew-submit-known--entry id) :state) 'sending))
        (mew-submit-spool--write (mew-submit-spool--with later :attempts 1))
        (mew-submit-spool--unlock lock)
        (mew-submit-known--refresh)
        (mew-submit-dispatch--run)
        (should-not (mew-submit-known--running))
        (should (= 1 (mew-submit-queue--flush)))
        (mew-submit-queue-tests--settle)
        (should (mew-submit-test-stored peer))))))

(ert-deftest mew-submit-queue-tests-doubt-stays ()
  "What is in doubt is not made a message like others by holding it."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=silent,dot=close")
    (mew-submit-queue-tests--with-outbox directory
      (let ((id (mew-submit-queue-tests--add
                 directory (mew-submit-test-account peer "silent"))))
        (mew-submit-queue-tests--settle)
        (should-error (mew-submit-queue--cancel id) :type 'user-error)
        (should-error (mew-submit-queue--hold id (time-add nil 1))
                      :type 'user-error)
        (should (eq (mew-submit-queue-tests--state id) 'uncertain))))))

(ert-deftest mew-submit-queue-tests-retry-takes-the-account-of-today ()
  "Who says \"send it\" means by the account as it is now; other attempts do not.
What the message itself wishes, and the server that it names, stay."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,greeting=hold:go")
    (pcase-dolist
        (`(,old ,header ,server . ,keys)
         `(((:name "a" :server "old.invalid" :routes "1:starttls") "" "127.0.0.1"
            :user nil)
           ((:from "me@x" :server "old.invalid") "" "127.0.0.1")
           ((:name "a" :server "old.invalid")
            "X-Mew-Submit-DSN-Notify: never\n" "127.0.0.1" :dsn-notify "NEVER")
           ((:name "other" :server "127.0.0.2" :routes "1:none") "" "127.0.0.2")
           ((:server "127.0.0.2" :routes "1:none") "" "127.0.0.2")
           (nil "X-Message-SMTP-Method: smtp 127.0.0.2 1\n" "127.0.0.2")))
      (ert-info ((format "%S %s" old header))
        (mew-submit-queue-tests--with-outbox directory
          (let* ((named (plist-member old :name))
                 (file (mew-submit-test-write
                        (expand-file-name "message" directory)
                        (concat header "From: me@x\nTo: a@x\n\nb\n")))
                 (id (mew-submit-queue--add file :account old :held t))
                 (mew-submit-accounts
                  (list (apply #'mew-submit-test-account peer "ok"
                               (if named '(:name "a") '(:from "me@x")))))
                 (entry (progn (mew-submit-queue--send id)
                               (mew-submit-known--entry id)))
                 (account (plist-get entry :account)))
            (should (equal (plist-get account :server) server))
            ;; A person reads this.
            (dolist (routes '("999999:foo" "587" "587:ssl"))
              (should-not (string-search
                           ":text" (cadr (should-error
                                          (mew-submit-queue--send-by
                                           (mew-submit-queue--add
                                            file :account old :held t)
                                           routes)
                                          :type 'user-error)))))
            (cl-loop for (key value) on keys by #'cddr
                     do (should (equal (plist-get account key) value)))
            (mew-submit-queue--cancel id)
            (mew-submit-queue--wait id)))))))

(ert-deftest mew-submit-queue-tests-doubt-is-news ()
  "What another Emacs has made uncertain is not sent by one who was not asked."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (mew-submit-queue-tests--add
                  directory (mew-submit-test-account peer "ok") :held t))
             (news (mew-submit-spool--with
                    (mew-submit-spool--read id directory) :state 'uncertain)))
        (dolist (change (list #'mew-submit-queue--send
                              (lambda (id)
                                (mew-submit-queue--send-by id "25:starttls"))
                              #'mew-submit-edit))
          (mew-submit-spool--write news)
          (mew-submit-known--note (mew-submit-spool--with news :state 'held))
          (should-error (funcall change id) :type 'user-error)
          (should (eq (mew-submit-queue-tests--state id) 'uncertain)))
        ;; Now it is known, and whoever sends it has been asked.
        (mew-submit-queue--send id)
        (mew-submit-queue-tests--settle)
        (should-not (mew-submit-spool--ids directory))))))

(ert-deftest mew-submit-queue-tests-unsound-entry ()
  "An entry with values of the wrong kind is broken, and stops nobody else."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (dolist (change '((:next "soon") (:created soon) (:attempts -1)
                        (:history ("x")) (:refused (("a@x"))) (:last 5)
                        (:subject 7) (:account 5) (:delivered (5))))
        (ert-info ((format "%S" change))
          (let* ((id (mew-submit-queue-tests--add
                      directory (mew-submit-test-account peer "ok") :held t))
                 (entry (mew-submit-spool--read id directory)))
            (mew-submit-spool--write
             (apply #'mew-submit-spool--with entry :state 'queued change))
            (mew-submit-known--refresh)
            (should (eq (plist-get (mew-submit-known--entry id) :state) 'broken))
            (mew-submit-queue-tests--add
             directory (mew-submit-test-account peer "ok"))
            (mew-submit-queue-tests--settle)
            (should (equal (mew-submit-spool--ids directory) (list id)))
            (mew-submit-queue--delete id)))))))

(ert-deftest mew-submit-queue-tests-clock-set-back ()
  "A message does not wait for years because the clock was wrong for a moment."
  (let ((entry (list :id "x" :directory "/nowhere/" :state 'queued)))
    (dolist (seconds '(20 50 3600 4300))
      (should-not (mew-submit-dispatch--due-p
                   (append (list :next (+ (float-time) seconds)) entry))))
    (should (mew-submit-dispatch--due-p
             (append (list :next (+ (float-time) 10000)) entry)))
    ;; A date is a date.
    (should-not (mew-submit-dispatch--due-p
                 (append (list :state 'held :next (+ (float-time) 1e8)
                               :not-before (+ (float-time) 1e8))
                         entry)))))

;;; What the functions of others do

(ert-deftest mew-submit-queue-tests-left-by-a-throw ()
  "Whoever leaves by a throw or a quit as a message is to be sent, it is sent later.
It did not go on being sent, by nobody, until Emacs ended.  Its password is wiped."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "--user" "me" "--password" "secret"
                                   "127.0.0.1:0,name=ok")
    (dolist (go (list (lambda () (throw 'mew-submit-test-thrown nil))
                      (lambda () (signal 'quit nil))))
      (mew-submit-queue-tests--with-outbox directory
        (let* ((account (mew-submit-test-account
                         peer "ok" :user "me" :password (copy-sequence "secret")))
               secrets id
               (leave (lambda (&rest _)
                        (setq secrets (mew-submit-parcel-secrets
                                       (car mew-submit-known--under-way)))
                        (funcall go))))
          (advice-add 'mew-submit-request--make :override leave)
          (unwind-protect
              (cl-letf (((symbol-function 'display-warning) #'ignore))
                (catch 'mew-submit-test-thrown
                  (mew-submit-queue-tests--add directory account)))
            (advice-remove 'mew-submit-request--make leave))
          (should secrets)
          (should (seq-every-p (lambda (secret) (string-match-p "\\`\0+\\'" secret))
                               secrets))
          (mew-submit-queue-tests--settle)
          (setq id (car (mew-submit-spool--ids directory)))
          (should (eq (mew-submit-queue-tests--state id) 'queued))
          (mew-submit-queue--flush)
          (mew-submit-queue-tests--settle)
          (should-not (mew-submit-spool--ids directory)))))
    (should (mew-submit-test-stored peer 2))))

(ert-deftest mew-submit-queue-tests-cancelled-at-its-end ()
  "Who is told that an attempt has ended does not cancel that message in vain.
It is said that this cannot be done then; before, it was sent later all the same."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth,mail=reply:451 Later")
    (mew-submit-queue-tests--with-outbox directory
      (let (id told)
        (setq id (mew-submit-queue-tests--add
                  directory (mew-submit-queue-tests--peer-account peer)
                  :on-done (lambda (_)
                             (setq told (condition-case err
                                            (list 'cancelled (mew-submit-queue--cancel id))
                                          (user-error err))))))
        (mew-submit-queue-tests--settle)
        (should (eq (car told) 'user-error))
        (mew-submit-queue--cancel id)
        (should (eq (mew-submit-queue-tests--state id) 'held))))))

;;; A disk that is away

(ert-deftest mew-submit-queue-tests-an-outbox-that-is-away ()
  "Mail on a disk that is away for a while is not forgotten, nor who waits for it.
It is sent when the disk is there again, and meanwhile it is said what is wrong."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth")
    (mew-submit-queue-tests--with-outbox top
      (let* ((directory (mew-submit-spool--prepare (expand-file-name "outbox" top)))
             (away (expand-file-name "away" top))
             (mew-submit-outbox-directory directory)
             done told)
        (mew-submit-queue-tests--add
         directory (mew-submit-queue-tests--peer-account peer)
         :not-before (time-add nil 1000) :on-done (lambda (event) (setq done event)))
        (let* ((entry (car (mew-submit-known--entries)))
               (id (plist-get entry :id)))
          (mew-submit-queue--hold id)
          (rename-file directory away)
          (mew-submit-known--refresh)
          (should (mew-submit-known--entry id))
          ;; Nor is it said that it is gone.
          (dolist (function '(mew-submit-queue--send mew-submit-queue--delete))
            (should (string-search "is not there; is its disk away?"
                                   (cadr (should-error (funcall function id)
                                                       :type 'user-error)))))
          ;; Its time has come.
          (mew-submit-known--note
           (mew-submit-spool--with (mew-submit-known--entry id) :state 'queued))
          (cl-letf (((symbol-function 'display-warning)
                     (lambda (_ text &rest _) (push text told))))
            (mew-submit-dispatch--run))
          (should (string-match-p "waits.*The outbox .* is not there" (car told)))
          (rename-file away (directory-file-name directory))
          (mew-submit-queue--send id)
          (mew-submit-queue-tests--settle)
          (should (equal (plist-get done :result) "delivered"))
          (should-not (mew-submit-known--entries))
          ;; What was deleted with it is forgotten when it is made anew, as was said.
          (mew-submit-queue-tests--add
           directory (mew-submit-queue-tests--peer-account peer)
           :not-before (time-add nil 1000))
          (delete-directory directory t)
          (mew-submit-known--refresh)
          (should (mew-submit-known--entries))
          (make-directory directory)
          (mew-submit-known--refresh)
          (should-not (mew-submit-known--entries)))))))

;;; A backup that is put back

(ert-deftest mew-submit-queue-tests-back-from-a-backup ()
  "A mail that is back in the outbox after it was delivered is not sent again.
The user, who is asked, may have it sent."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (mew-submit-queue-tests--add
                  directory (mew-submit-queue-tests--peer-account peer) :held t))
             (backup (mapcar (lambda (suffix)
                               (let ((file (mew-submit-spool--file id suffix directory)))
                                 (cons file (mew-submit-test-octets file))))
                             '(".eml" ".eld"))))
        (mew-submit-queue--send id)
        (mew-submit-queue-tests--settle)
        (should-not (mew-submit-spool--ids directory))
        (pcase-dolist (`(,file . ,octets) backup)
          (mew-submit-test-write
           file (string-replace ":state held" ":state queued" octets)))
        (clrhash mew-submit-known--seen)
        (mew-submit-known--refresh)
        (mew-submit-dispatch--run)
        (mew-submit-queue-tests--settle)
        (should (eq (mew-submit-queue-tests--state id) 'uncertain))
        (should (string-match-p "as from a backup; by delivered.log there a@x, b@x had it"
                                (plist-get (mew-submit-known--entry id) :last)))
        (should-not (mew-submit-test-stored peer 2))
        (mew-submit-queue--send id)
        (mew-submit-queue-tests--settle)
        (should (mew-submit-test-stored peer 2))
        (should-not (mew-submit-spool--ids directory))))))

(ert-deftest mew-submit-queue-tests-half-back-from-a-backup ()
  "Of a mail that is back after some got it, those do not get it again; the rest can.
The log has each of them once, and what goes on by itself is not stopped by it."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth,rcpt#2=reply:450 4.2.1 later")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (mew-submit-queue-tests--add
                  directory (mew-submit-queue-tests--peer-account peer) :held t))
             (backup (mew-submit-test-octets (mew-submit-spool--file id ".eld" directory)))
             (logged (lambda () (mew-submit-spool--logged :id id directory)))
             (rcpts (lambda () (length (seq-filter
                                        (lambda (line)
                                          (equal (plist-get line :text) "RCPT TO:<a@x>"))
                                        (mew-submit-test-log peer "line"))))))
        (mew-submit-queue--send id)
        (mew-submit-queue-tests--settle)
        (should (equal (funcall logged) '("a@x")))
        ;; As it is, it is tried again for the other one.
        (should-not (mew-submit-fate--returned (mew-submit-known--entry id)))
        (mew-submit-test-write (mew-submit-spool--file id ".eld" directory)
                               (string-replace ":state held" ":state queued" backup))
        (clrhash mew-submit-known--seen)
        (mew-submit-known--refresh)
        (mew-submit-dispatch--run)
        (mew-submit-queue-tests--settle)
        (let ((entry (mew-submit-known--entry id)))
          (should (eq (plist-get entry :state) 'uncertain))
          (should (equal (plist-get entry :unsent) '("b@x")))
          (should (string-match-p "there a@x had it" (plist-get entry :last))))
        (should (= 1 (funcall rcpts)))))))

(ert-deftest mew-submit-queue-tests-half-a-message ()
  "A message of which only half is there, as while it is copied, waits until all is."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth,rcpt=reply:450 4.2.1 later")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (mew-submit-queue-tests--add
                  directory (mew-submit-queue-tests--peer-account peer)
                  :not-before (time-add nil 1000)
                  :text (concat "From: me@x\nTo: a@x\nDate: Thu, 01 Jan 2015 00:00:00 +0000"
                                " (longer than any that takes its place)\n\nbody\n")))
             (file (mew-submit-spool--file id ".eml" directory))
             (whole (mew-submit-test-octets file))
             (try (lambda ()
                    (mew-submit-known--save
                     (mew-submit-spool--with (mew-submit-known--entry id)
                                             :state 'queued :next nil :not-before 1))
                    (mew-submit-dispatch--run)
                    (mew-submit-queue-tests--settle)))
             warned)
        (cl-letf (((symbol-function 'display-warning)
                   (lambda (_ text &rest _) (push text warned))))
          (dolist (octets '(0 40))
            (mew-submit-test-write file (substring whole 0 octets))
            (funcall try)
            (should (eq (mew-submit-queue-tests--state id) 'queued))
            (should (string-search (format "Only %d of the %d octets" octets (length whole))
                                   (pop warned)))))
        (should-not (mew-submit-test-log peer "line"))
        (mew-submit-test-write file whole)
        (funcall try)
        (should (= 1 (plist-get (mew-submit-known--entry id) :attempts)))
        ;; It is dated now, so it is shorter, and whole all the same.
        (should (< (file-attribute-size (file-attributes file)) (length whole)))
        (funcall try)
        (should (= 2 (plist-get (mew-submit-known--entry id) :attempts)))))))

;;; Many recipients

(ert-deftest mew-submit-queue-tests-many-recipients ()
  "The end of a mail to many does not look for each recipient among all others."
  (let* ((count 4000)
         (addresses (mapcar (lambda (number) (format "user%d@x" number))
                            (number-sequence 1 count)))
         (entry (list :id "x" :directory "/nowhere/" :stem "/nowhere/x" :state 'sending
                      :attempts 1 :recipients addresses))
         (session (mew-submit-job--make))
         (plist-get (symbol-function 'plist-get))
         (member (symbol-function 'member))
         (memq (symbol-function 'memq))
         (looks 0)
         after)
    (cl-letf (((symbol-function 'plist-get)
               (lambda (&rest args) (cl-incf looks) (apply plist-get args)))
              ((symbol-function 'member)
               (lambda (item list) (cl-incf looks (length list)) (funcall member item list)))
              ((symbol-function 'memq)
               (lambda (item list) (cl-incf looks (length list)) (funcall memq item list))))
      (dolist (address addresses)
        (setf (mew-submit-job-course session)
              (mew-submit-course--add (mew-submit-job-course session)
                                      (list :event 'recipient :address address :code 250))))
      (setq after (mew-submit-fate--after
                   entry (mew-submit-job--done session '(:event done :kind "ok"))))
      (should-not (mew-submit-message--recipients
                   (mapcar (lambda (name)
                             (cons (downcase name)
                                   (format "%s: %s\n" name (string-join addresses ", "))))
                           '("To" "X-Mew-Submit-Not-To")))))
    (should-not (plist-get after :state))
    (should (equal (plist-get after :delivered) addresses))
    (should (< looks (* count 1000)))))

;;; The end of patience

(ert-deftest mew-submit-queue-tests-a-file-that-is-away ()
  "A message whose file cannot be read at the moment is not refused for that."
  (mew-submit-test-with-directory directory
    (let ((entry (list :id "x" :directory directory
                       :stem (expand-file-name "x" directory) :state 'queued :attempts 1))
          (done '(:event done :kind "message" :result "refused" :text "No")))
      (should (eq 'queued (plist-get (mew-submit-fate--judge
                                      entry (mew-submit-fate--perhaps-unread
                                             entry done))
                                     :state)))
      (mew-submit-test-write (mew-submit-spool--message-file entry) "a")
      (should (eq 'refused (plist-get (mew-submit-fate--judge
                                       entry (mew-submit-fate--perhaps-unread
                                              entry done))
                                      :state))))))

(ert-deftest mew-submit-queue-tests-gives-up ()
  "After some days a message is tried no more, and the user is told."
  (let* ((mew-submit-give-up-after 1000)
         (now (float-time))
         (done '(:event done :result "deferred" :kind "connect" :text "No"))
         (result (lambda (&rest entry)
                   (plist-get (mew-submit-fate--perhaps-give-up entry done)
                              :result))))
    (should (equal (funcall result :created (- now 900)) "deferred"))
    (should (equal (funcall result :created (- now 1100)) "refused"))
    ;; It was not to be sent before.
    (should (equal (funcall result :created (- now 1100) :not-before now)
                   "deferred"))
    (let ((mew-submit-give-up-after nil))
      (should (equal (funcall result :created 0) "deferred")))
    (should (eq 'refused
                (plist-get (mew-submit-fate--judge
                            (list :state 'queued)
                            (mew-submit-fate--perhaps-give-up
                             (list :created 0) done))
                           :state)))))

;; A week's holiday, or a clock that began in 1970: the first attempt afterwards, before the
;; network is there, was the last one.
(ert-deftest mew-submit-queue-tests-does-not-give-up-after-a-pause ()
  "A message is not given up because nothing could be tried for a long time."
  (let* ((mew-submit-give-up-after 432000)
         (done '(:event done :result "deferred" :kind "connect" :text "No"))
         (day 86400)
         (now (float-time))
         (entry (list :id "x" :directory "/nowhere/" :state 'sending :attempts 2
                      :recipients '("a@x") :created 0 :history nil))
         (ended (lambda (entry)
                  (let ((done (mew-submit-fate--perhaps-give-up entry done)))
                    (cl-letf (((symbol-function 'mew-submit-spool--journal-lines)
                               #'ignore))
                      (mew-submit-fate--after entry done))))))
    (dolist (last (list 0 (- now (* 7 day))))
      (setq entry (plist-put (copy-sequence entry)
                             :history (list (cons last "It waits"))))
      (should (eq 'queued (plist-get (funcall ended entry) :state))))
    ;; One that was tried each day is given up.
    (dotimes (number 6)
      (should (eq (plist-get entry :state) 'sending))
      (setq entry (funcall ended (mew-submit-spool--with
                                  entry :history (list (cons (- now day) "It waits")))))
      (should (eq (plist-get entry :state) (if (< number 5) 'queued 'refused)))
      (when (< number 5)
        (setq entry (mew-submit-spool--with entry :state 'sending))))
    (should (string-match-p "Given up after 6 days" (plist-get entry :last)))
    ;; Nor is it in "0 days" that two hours were too long.
    (let ((mew-submit-give-up-after 3600))
      (should (string-match-p
               "Given up after 2 h 0 min"
               (plist-get (mew-submit-fate--perhaps-give-up
                           (list :created 0 :history (list (cons (- now 7200) ""))) done)
                          :text))))
    (should (mew-submit-spool--sound-p entry))))

(ert-deftest mew-submit-queue-tests-leaving-while-mail-waits ()
  "Who leaves Emacs while mail waits is asked, unless that is not wanted.
In a daemon without a frame nobody would see the question.  SECURITY: P6."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (let ((asked 0))
      (cl-letf (((symbol-function 'yes-or-no-p) (lambda (_) (cl-incf asked) nil)))
        (should (mew-submit-notice--may-leave))
        (mew-submit-queue-tests--all-wait directory '(:server "h" :auth "none") 1)
        (should-not (mew-submit-notice--may-leave))
        (should (= asked 1))
        (cl-letf (((symbol-function 'mew-submit-background--nobody-p) #'always))
          (should (mew-submit-notice--may-leave)))
        (let ((mew-submit-ask-when-mail-waits nil))
          (should (mew-submit-notice--may-leave)))
        (should (= asked 1))))))

;;; Looking at the outbox

(ert-deftest mew-submit-queue-tests-an-unchanged-outbox ()
  "A look at an outbox that has not changed reads no file; a change is seen."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (let* ((ids (mew-submit-queue-tests--all-wait
                 directory '(:name "x" :server "127.0.0.1" :auth "none"
                                   :routes "1:none" :tls none)
                 20))
           (looks 0)
           (count (lambda (&rest _) (cl-incf looks)))
           (age (lambda (seconds)
                  (set-file-times directory (time-subtract nil seconds)))))
      (funcall age 100)
      (mew-submit-known--refresh)
      (advice-add 'mew-submit-known--look-at :before count)
      (unwind-protect
          (progn
            (mew-submit-known--refresh)
            (should (= looks 0))
            ;; What another Emacs does there.
            (mew-submit-spool--remove (mew-submit-known--entry (car ids)))
            (mew-submit-known--refresh)
            (should (= looks 19))
            (should-not (mew-submit-known--entry (car ids)))
            ;; Two changes may have one time: what is new is not trusted.
            (mew-submit-known--refresh)
            (should (= looks 38))
            ;; Nor what is no longer known.
            (funcall age 50)
            (mew-submit-known--refresh)
            (clrhash mew-submit-known--table)
            (mew-submit-known--refresh)
            (should (= (hash-table-count mew-submit-known--table) 19)))
        (advice-remove 'mew-submit-known--look-at count)))))

(defun mew-submit-queue-tests--many (directory count)
  "Have COUNT messages that wait for an hour in DIRECTORY, which nothing knows yet."
  (let* ((id (mew-submit-queue-tests--add
              directory '(:server "127.0.0.1" :auth "none") :held t))
         (entry (mew-submit-spool--with (mew-submit-known--entry id)
                                        :state 'queued :attempts 1 :held nil
                                        :next (+ (float-time) 3600))))
    (mew-submit-known--save entry)
    (dotimes (number (1- count))
      (dolist (suffix '(".eml" ".eld"))
        (copy-file (mew-submit-spool--file id suffix directory)
                   (mew-submit-spool--file (format "%s-%d" id number) suffix
                                           directory))))
    (clrhash mew-submit-known--table)
    (set-file-times directory (time-subtract nil 100))))

(ert-deftest mew-submit-queue-tests-without-the-mode ()
  "Who sends without the mode has what was left behind sent at the first mail."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((account (mew-submit-test-account peer "ok"))
             (mew-submit-accounts (list account))
             (mew-submit-memory-file nil)
             (mew-submit-dispatch--watching nil)
             (id (mew-submit-queue-tests--add directory account :held t)))
        (mew-submit-spool--write
         (mew-submit-spool--with (mew-submit-known--entry id)
                                 :state 'queued :held nil))
        (clrhash mew-submit-known--table)
        (with-temp-buffer
          (insert "From: me@x\nTo: c@x\nSubject: new\n" mail-header-separator "\nb\n")
          (mew-submit-send-it))
        (mew-submit-test-until ("the new one" 120)
          (mew-submit-test-stored peer))
        (should-not mew-submit-dispatch--watching)
        (let ((noninteractive nil))
          (mew-submit-dispatch--start-once)
          (should (equal mew-submit-dispatch--watching (list directory)))
          (mew-submit-test-until ("the one that was left" 120)
            (mew-submit-test-stored peer 2))
          ;; Once is enough.
          (cl-letf (((symbol-function 'mew-submit-dispatch--start)
                     (lambda (&rest _) (ert-fail "Again"))))
            (mew-submit-dispatch--start-once)))))))

(ert-deftest mew-submit-queue-tests-in-slices ()
  "Thousands of messages are read in slices, and other things go on between them.
When nothing has changed, no message is touched, not even in memory."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (mew-submit-queue-tests--many directory 450)
    (let* ((noninteractive nil)
           (ticks 0)
           (reads 0)
           (touched 0)
           slices done tick timer)
      (setq tick (lambda () (cl-incf ticks)
                   (setq timer (run-at-time 0 nil tick)))
            timer (run-at-time 0 nil tick))
      (cl-flet ((count-slice (function &rest args)
                  (setq reads 0)
                  (prog1 (apply function args)
                    (push (cons reads ticks) slices)))
                (count-read (&rest _) (cl-incf reads))
                (touch (&rest _) (cl-incf touched)))
        (advice-add 'mew-submit-known--look-at-some :around #'count-slice)
        (advice-add 'mew-submit-known--look-at :before #'count-read)
        (unwind-protect
            (progn
              (mew-submit-dispatch--start directory (lambda () (setq done t)))
              (should (= (length slices) 1))
              (mew-submit-test-until ("the last slice" 120) done)
              (setq slices (nreverse slices))
              (should (equal (mapcar #'car slices) '(100 100 100 100 50)))
              ;; Something else has run between any two.
              (should (apply #'< (mapcar #'cdr slices)))
              (should (= (length (mew-submit-known--entries directory)) 450))
              (dolist (function '(mew-submit-known--look-at mew-submit-known--automatic
                                  mew-submit-dispatch--due-p mew-submit-known--entries))
                (advice-add function :before #'touch))
              (setq mew-submit-dispatch--looked 0)
              (mew-submit-dispatch--wake)
              (should (= touched 0))
              (should (memq mew-submit-dispatch--timer timer-list))
              ;; What is new is seen all the same.
              (mew-submit-known--note
               (mew-submit-known--entry (car (mew-submit-spool--ids directory))
                                       directory))
              (mew-submit-dispatch--wake)
              (should (> touched 0)))
          (cancel-timer timer)
          (mew-submit-dispatch--stop)
          (advice-remove 'mew-submit-known--look-at-some #'count-slice)
          (dolist (function '(mew-submit-known--look-at mew-submit-known--automatic
                              mew-submit-dispatch--due-p mew-submit-known--entries))
            (advice-remove function #'touch)
            (advice-remove function #'count-read)))))))

(ert-deftest mew-submit-queue-tests-what-is-beside-stops-nothing ()
  "What is in the outbox is sent though its directory \"edited\" cannot be used.
And what a filing that broke off has left beside the copies is swept away."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (dolist (start (list (lambda () (mew-submit-dispatch--start))
                         #'mew-submit-dispatch--module-is-there))
      (mew-submit-queue-tests--with-outbox directory
        (let* ((raw (expand-file-name "raw" directory))
               (edited (mew-submit-spool--edited directory))
               (part (expand-file-name "copy-x.part" (mew-submit-spool--copies directory)))
               (clean (symbol-function 'mew-submit-spool--clean))
               (mew-submit-dispatch--watching (list directory))
               warned)
          (make-directory (file-name-directory part))
          (mew-submit-test-write part "")
          (make-directory edited)
          (set-file-modes edited #o777)
          (mew-submit-test-write raw "From: me@x\nTo: a@x\n\nbody\n")
          (mew-submit-spool--add raw (mew-submit-message--fields raw) directory
                                 (list :state 'queued :from "me@x" :recipients '("a@x")
                                       :account (mew-submit-test-account peer "ok")))
          (cl-letf (((symbol-function 'display-warning)
                     (lambda (_ text &rest _) (push text warned)))
                    ;; Two days later.
                    ((symbol-function 'mew-submit-spool--clean)
                     (lambda (directory)
                       (funcall clean directory (time-add nil 172800)))))
            (funcall start)
            (mew-submit-queue-tests--settle))
          (should (seq-some (lambda (text) (string-search "Others can write" text)) warned))
          (should-not (mew-submit-spool--ids directory))
          (should (or (symbolp start) (not (file-exists-p part)))))))
    (should (mew-submit-test-stored peer 2))))

(ert-deftest mew-submit-queue-tests-a-look-that-ends-early ()
  "A look that an error or a quit has ended does not stand in the way of the next."
  (mew-submit-queue-tests--with-outbox directory
    (let ((id (mew-submit-queue-tests--add
               directory '(:server "127.0.0.1" :auth "none") :held t))
          (noninteractive nil)
          (mew-submit-known--looks nil)
          ended)
      (clrhash mew-submit-known--table)
      (dolist (function '(mew-submit-spool--ids mew-submit-spool--read))
        (dolist (condition '(error quit))
          (ert-info ((format "%s: %s" function condition))
            (cl-letf (((symbol-function function)
                       (lambda (&rest _) (signal condition '("Not now"))))
                      ((symbol-function 'display-warning) #'ignore))
              (condition-case nil
                  (mew-submit-known--look-then directory #'ignore)
                ((error quit) nil)))
            (should-not mew-submit-known--looks))))
      (mew-submit-known--look-then directory (lambda () (setq ended t)))
      (should ended)
      (should (mew-submit-known--entry id)))))

;;; Passwords

(defmacro mew-submit-queue-tests--with-user (spec &rest body)
  "Run BODY with a server that wants a password, an outbox, and a willing user.
SPEC is (PEER DIRECTORY ACCOUNT QUESTIONS): QUESTIONS is how often there was
something to ask; the first button is pressed.  The account has no :user."
  (declare (indent 1) (debug (sexp body)))
  (pcase-let ((`(,peer ,directory ,account ,questions) spec))
    `(mew-submit-test-with-peer (,peer "--user" "me" "--password" "secret"
                                       "127.0.0.1:0,name=s"
                                       "127.0.0.1:0,name=x,mechs=XOAUTH2")
       (mew-submit-queue-tests--with-outbox ,directory
         (let* ((,account (mew-submit-test-account ,peer "s" :name "t"))
                (,questions 0)
                (noninteractive nil)
                (mew-submit-dispatch--asking nil)
                (mew-submit-memory-file nil)
                (mew-submit-question--list nil)
                (mew-submit-question--hook nil)
                (ask (symbol-function 'mew-submit-question--ask)))
           (auth-source-forget-all-cached)
           (clrhash mew-submit-auth--put-off)
           (cl-letf (((symbol-function 'mew-submit-question--ask)
                      (lambda (&rest rest)
                        (cl-incf ,questions)
                        (apply ask rest)
                        (run-at-time
                         0 nil
                         (lambda ()
                           (when-let* ((question (car mew-submit-question--list)))
                             (condition-case nil
                                 (mew-submit-question--answer
                                  question
                                  (car (mew-submit-question-choices question)))
                               (quit nil)))))))
                     ((symbol-function 'y-or-n-p) #'ignore))
             ,@body))))))

(defun mew-submit-queue-tests--add-asking (directory account count)
  "Put COUNT messages into DIRECTORY, by ACCOUNT, whose questions are the user's."
  (dotimes (_ count)
    (mew-submit-queue-tests--add directory account
                                 :on-ask #'mew-submit-dialog--answer)))

(defun mew-submit-queue-tests--authinfo (directory name)
  "Write a file NAME of passwords in DIRECTORY; return its name."
  (let ((file-name-handler-alist nil))  ; as it is, also when it is called .gpg
    (mew-submit-test-write (expand-file-name name directory)
                           "machine 127.0.0.1 login me password secret\n")))

(ert-deftest mew-submit-queue-tests-what-nobody-is-asked-for ()
  "A secret that can be read without asking waits for no frame and no quiet."
  :tags '(:module)
  (mew-submit-queue-tests--with-user (peer directory account questions)
    (let ((auth-sources (list (mew-submit-queue-tests--authinfo directory "plain")
                              (mew-submit-queue-tests--authinfo directory "x.gpg"))))
      (cl-letf (((symbol-function 'mew-submit-background--nobody-p) #'always))
        (mew-submit-queue-tests--add-asking directory account 2)
        (mew-submit-test-until ("both" 120)
          (mew-submit-test-stored peer 2)))
      (should (= questions 0)))))

(ert-deftest mew-submit-queue-tests-one-no-for-all ()
  "\"Not now\" at the question for a password counts for all mail of the account.
It stays queued, with the reason, until the user does something.  A quit of the
prompt is no answer: the question goes on waiting."
  :tags '(:module)
  (mew-submit-queue-tests--with-user (peer directory account questions)
    (let ((auth-sources nil)
          (asked 0)
          (answer (lambda () (signal 'quit nil))))
      (setq account (append '(:user "me") account))
      (cl-letf (((symbol-function 'read-passwd)
                 (lambda (&rest _) (cl-incf asked) (funcall answer))))
        (mew-submit-queue-tests--add-asking directory account 4)
        (mew-submit-test-until ("the question" 120)
          (= asked 1))
        (should (= (length (mew-submit-known--running)) 1))
        (should (= (length mew-submit-question--list) 1))
        (mew-submit-question--answer (car mew-submit-question--list) '("Not now" nil))
        (mew-submit-queue-tests--settle)
        (mew-submit-dispatch--run)
        (should-not (mew-submit-known--running))
        (should (equal (mapcar (lambda (entry) (plist-get entry :state))
                               (mew-submit-known--entries))
                       '(queued queued queued queued)))
        (should (string-search "not now"
                               (plist-get (car (mew-submit-known--entries)) :last)))
        (should (equal (plist-get (cdar mew-submit-queue-tests--done) :kind)
                       "secret"))
        (should (= questions 1))
        (setq answer (lambda () (copy-sequence "secret")))
        (mew-submit-queue--flush)
        (mew-submit-test-until ("all four" 120)
          (mew-submit-test-stored peer 4))))))

(ert-deftest mew-submit-queue-tests-the-backend-says-why ()
  "What auth-source says when it fails is kept with the message, which waits."
  :tags '(:module)
  (mew-submit-queue-tests--with-user (peer directory account questions)
    (let ((auth-sources (list (mew-submit-queue-tests--authinfo directory "x.gpg"))))
      (cl-letf (((symbol-function 'auth-source-search)
                 (lambda (&rest _) (error "Decryption failed"))))
        (mew-submit-queue-tests--add-asking directory account 1)
        (mew-submit-test-until ("the reason" 120)
          (string-search "Decryption failed"
                         (or (plist-get (car (mew-submit-known--entries)) :last)
                             ""))))
      (should (= questions 1))
      (should (eq 'queued (plist-get (car (mew-submit-known--entries)) :state)))
      (should-not (mew-submit-test-log peer "accept")))))

(ert-deftest mew-submit-queue-tests-nobody-is-there ()
  "What has to be asked for waits for a frame, and the server is left alone.
SECURITY: P6."
  :tags '(:module)
  (mew-submit-queue-tests--with-user (peer directory account questions)
    (let ((auth-sources (list (mew-submit-queue-tests--authinfo directory "x.gpg")))
          (looks 0))
      (cl-letf (((symbol-function 'mew-submit-background--nobody-p) #'always)
                ((symbol-function 'auth-source-search)
                 (lambda (&rest _)
                   ;; What gpg can read by itself may be read.
                   (unless (eq epg-pinentry-mode 'error)
                     (cl-incf looks))
                   nil)))
        (mew-submit-queue-tests--add-asking directory account 2)
        (mew-submit-dispatch--run))
      (should (= looks 0))
      (should (= questions 0))
      (should-not (mew-submit-known--running))
      (let ((auth-sources (list (mew-submit-queue-tests--authinfo directory "y"))))
        (mew-submit-dispatch--somebody-came)
        (mew-submit-test-until ("both" 120)
          (mew-submit-test-stored peer 2))))))

(ert-deftest mew-submit-queue-tests-no-secret-stays ()
  "No password of an attempt is in memory after it, though the message waits there."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (let* ((secrets nil)
           (new (lambda (&rest _) (car (push (copy-sequence "s3cret") secrets)))))
      (cl-letf (((symbol-function 'mew-submit-auth--proxy-password) new)
                ((symbol-function 'mew-submit-auth--read-file) new))
        (let ((id (mew-submit-queue-tests--add
                   directory
                   (list :server "h.example" :user "me" :routes "1:starttls"
                         :password-file (mew-submit-test-write
                                         (expand-file-name "secret" directory) "")
                         :tunnel "socks5:me@127.0.0.1:1"))))
          (mew-submit-queue-tests--settle)
          (should (eq (mew-submit-queue-tests--state id) 'queued))))
      (should (= (length secrets) 2))
      (should-not (seq-some (lambda (secret) (string-search "s3cret" secret)) secrets)))))

(ert-deftest mew-submit-queue-tests-the-answer-comes-late ()
  "\"Not now\" to a question changes nothing of a mail that it is not about any more.
Nor does an error in an attempt to begin to send it."
  :tags '(:module)
  (mew-submit-queue-tests--with-user (peer directory account questions)
    (pcase-dolist (`(,act ,state) '((mew-submit-queue--hold held)
                                    (mew-submit-queue--delete nil)))
      (dolist (late (list (lambda (_ answer) (funcall answer nil))
                          (lambda (entry _)
                            (mew-submit-dispatch--put-off entry '(error "Full")))))
        (ert-info ((format "%s" act))
          (clrhash mew-submit-auth--put-off)
          (setq mew-submit-dispatch--asking nil)
          (let (answer)
            (cl-letf (((symbol-function 'mew-submit-question--ask)
                       (lambda (&rest rest) (setq answer (nth 5 rest))))
                      ((symbol-function 'mew-submit-dispatch--resolve)
                       (lambda (_) (signal 'mew-submit-secret '("Locked")))))
              (let* ((id (mew-submit-queue-tests--add directory account))
                     (entry (mew-submit-known--entry id)))
                (should answer)
                (funcall act id)
                (funcall late entry answer)
                (should (eq state (plist-get (mew-submit-known--entry id) :state)))
                (should-not (plist-get (mew-submit-known--entry id) :last))
                (when state
                  (mew-submit-queue--delete id))))))))
    (should (= questions 0))
    (should-not (mew-submit-test-log peer "connect"))))

(ert-deftest mew-submit-queue-tests-no-token-just-now ()
  "A token behind a passphrase is none just now: the mail waits, and nothing hangs.
One that a function has needs no frame."
  :tags '(:module)
  (mew-submit-queue-tests--with-user (peer directory account questions)
    (let ((auth-sources (list (mew-submit-queue-tests--authinfo directory "x.gpg")))
          calls)
      (setq account (mew-submit-test-account peer "x" :name "t" :user "me"
                                             :auth "XOAUTH2"))
      (cl-letf (((symbol-function 'mew-submit-background--nobody-p) #'always)
                ((symbol-function 'mew-submit-auth--lookup)
                 (lambda (&rest _)
                   (push t calls)
                   (mew-submit-error--throw 'secret nil "Locked"))))
        (mew-submit-queue-tests--add-asking directory account 2)
        (mew-submit-queue-tests--settle)
        (mew-submit-dispatch--run)
        (should-not (mew-submit-known--running))
        (should (equal (mapcar (lambda (entry) (plist-get entry :state))
                               (mew-submit-known--entries))
                       '(queued queued)))
        ;; One look for all of the account, until somebody comes.
        (should (= (length calls) 1))
        (setq account (append '(:token-function mew-submit-queue-tests--token)
                              account))
        (mew-submit-queue-tests--add-asking directory account 1)
        (mew-submit-test-until ("the token to be tried" 120)
          (get 'mew-submit-queue-tests--token 'called))))))

(defun mew-submit-queue-tests--token (&rest _)
  "Return no token, and note that it was called."
  (put 'mew-submit-queue-tests--token 'called t)
  nil)

(ert-deftest mew-submit-queue-tests-login-of-the-sender ()
  "The log-in that is the sender's address goes before the first one."
  (mew-submit-test-with-directory directory
    (let ((auth-sources
           (list (mew-submit-test-write
                  (expand-file-name "authinfo" directory)
                  "machine h login a@x password 1\nmachine h login b@x password 2\n")))
          (noninteractive nil))
      (auth-source-forget-all-cached)
      (should (equal (mew-submit-auth--user "h" 587 "b@x") "b@x"))
      (should (equal (mew-submit-auth--user "h" 587 "c@x") "a@x"))
      (should (equal (mew-submit-auth--user "h" 587 nil) "a@x"))
      (should-not (mew-submit-auth--user "other" 587 "b@x")))))

;;; Each message stands alone

(defun mew-submit-queue-tests--peer-account (peer)
  "Return an account for the listener s of PEER."
  (mew-submit-test-account peer "s" :auth "none"))

(defun mew-submit-queue-tests--all-wait (directory account count)
  "Have COUNT messages wait in DIRECTORY, by ACCOUNT; return their identifiers."
  (let (ids)
    (dotimes (_ count)
      (push (mew-submit-queue-tests--add directory account :held t) ids))
    (dolist (entry (mew-submit-known--entries))
      (mew-submit-known--save
       (mew-submit-spool--with entry :state 'queued :held nil)))
    (nreverse ids)))

(ert-deftest mew-submit-queue-tests-what-a-person-cannot-lock ()
  "Whoever does something with a message on a disk that takes no lock reads why not."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (let ((id (mew-submit-queue-tests--add
               directory '(:server "127.0.0.1" :tls none) :held t)))
      (cl-letf (((symbol-function 'mew-submit--mod-lock)
                 (lambda (file)
                   (mew-submit-error--throw 'internal nil "%s cannot be locked: No locks"
                                            file))))
        (dolist (act '(mew-submit-queue--send mew-submit-queue--hold
                       mew-submit-queue--delete mew-submit-edit))
          (should (string-match-p "\\`[^ ]+\\.eml cannot be locked: No locks\\'"
                                  (error-message-string
                                   (should-error (funcall act id) :type 'user-error)))))))))

(ert-deftest mew-submit-queue-tests-one-that-cannot-be-locked ()
  "A message that cannot be opened or locked is put off, and no other is."
  :tags '(:module)
  (dolist (errno '("Permission denied" "Too many open files" "No locks available"
                   "Too many levels of symbolic links"))
    (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth")
      (mew-submit-queue-tests--with-outbox directory
        (let* ((ids (mew-submit-queue-tests--all-wait
                     directory (mew-submit-queue-tests--peer-account peer) 3))
               (bad (mew-submit-spool--file (car ids) ".eml" directory))
               (real (symbol-function 'mew-submit--mod-lock))
               warnings)
          (cl-letf (((symbol-function 'mew-submit--mod-lock)
                     (lambda (file)
                       (if (equal file bad)
                           (mew-submit-error--throw
                            'internal nil "%s cannot be opened: %s" file errno)
                         (funcall real file))))
                    ((symbol-function 'display-warning)
                     (lambda (_type text &rest _) (push text warnings))))
            (mew-submit-dispatch--run)
            (mew-submit-test-until ("the others" 120)
              (mew-submit-test-stored peer 2))
            (mew-submit-queue-tests--settle)
            (should mew-submit-dispatch--timer)
            (let ((entry (mew-submit-known--entry (car ids))))
              (should (eq (plist-get entry :state) 'queued))
              (should (plist-get entry :next))
              (should (string-search errno (plist-get entry :last))))
            (should (= 1 (length warnings)))
            ;; It can be opened again.
            (setq bad nil)
            (mew-submit-queue--send (car ids))
            (mew-submit-test-until ("the first one" 120)
              (mew-submit-test-stored peer 3))))))))

(ert-deftest mew-submit-queue-tests-one-that-cannot-be-looked-at ()
  "A message that cannot be read just now hides no other, and is there again later."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (let ((ids (mew-submit-queue-tests--all-wait directory '(:server "h" :auth "none")
                                                 3))
          (mew-submit-dispatch--watching nil)
          (real (symbol-function 'mew-submit-spool--read))
          (count 0))
      (clrhash mew-submit-known--table)
      (cl-letf (((symbol-function 'mew-submit-spool--read)
                 (lambda (id directory)
                   (if (equal id (nth 1 ids))
                       (signal 'file-error '("Opening input file" "x"))
                     (funcall real id directory))))
                ((symbol-function 'display-warning)
                 (lambda (&rest _) (cl-incf count))))
        (mew-submit-known--refresh))
      (should (= count 1))
      (should (equal (sort (mapcar (lambda (entry) (plist-get entry :id))
                                   (mew-submit-known--entries))
                           #'string<)
                     (sort (list (nth 0 ids) (nth 2 ids)) #'string<)))
      (mew-submit-known--refresh)
      (should (= (length (mew-submit-known--entries)) 3)))))

(ert-deftest mew-submit-queue-tests-an-unreadable-moment ()
  "A directory that cannot be read for a moment does not end the queue."
  (mew-submit-queue-tests--with-outbox directory
    (let ((mew-submit-dispatch--watching (list directory))
          (mew-submit-dispatch--looked 0)
          (mew-submit-dispatch--timer nil)
          (mew-submit-dispatch--quiet nil)
          warnings)
      (cl-letf (((symbol-function 'mew-submit-known--refresh)
                 (lambda (&rest _) (signal 'file-error '("Opening directory" "x"))))
                ((symbol-function 'display-warning)
                 (lambda (_type text &rest _) (push text warnings))))
        (mew-submit-dispatch--wake))
      (should warnings)
      (should (memq mew-submit-dispatch--timer timer-list))
      ;; And whatever else fails.
      (setq mew-submit-dispatch--timer nil
            mew-submit-dispatch--quiet nil)
      (cl-letf (((symbol-function 'mew-submit-dispatch--run)
                 (lambda () (error "Anything"))))
        (should-error (mew-submit-dispatch--wake)))
      (should (memq mew-submit-dispatch--timer timer-list))
      (cancel-timer mew-submit-dispatch--timer))))

(ert-deftest mew-submit-queue-tests-heartbeat-sees-the-clock ()
  "When the clock was set back, timers and messages do not wait for longer.
SECURITY: P4."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (car (mew-submit-queue-tests--all-wait
                       directory (mew-submit-queue-tests--peer-account peer) 1)))
             (entry (mew-submit-known--entry id))
             (mew-submit-dispatch--timer nil)
             (timer (run-at-time 3700 nil #'mew-submit-dispatch--wake)))
        (mew-submit-known--save
         (mew-submit-spool--with entry :next (+ (float-time) 3610)))
        ;; In an Emacs that has sent nothing yet.
        (when mew-submit-job--process
          (delete-process mew-submit-job--process))
        (setq mew-submit-job--process nil
              mew-submit-job--seen nil)
        (mew-submit-dispatch--run)
        (should (process-live-p mew-submit-job--process))
        ;; An hour ahead, when the module sent something last.
        (cl-incf mew-submit-job--seen 3600)
        ;; As when the module's next octet comes.
        (mew-submit-job--filter nil ".")
        (unwind-protect
            (progn
              (mew-submit-test-until ("the message" 120)
                (mew-submit-test-stored peer 1))
              (should (< (float-time (timer--time timer))
                         (+ (float-time) 200))))
          (cancel-timer timer))))))

(ert-deftest mew-submit-queue-tests-heartbeat ()
  "The module sends an octet now and then though there is no event."
  :tags '(:module)
  (should (equal (plist-get
                  (mew-submit-test-emacs
                   (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                         "--eval"
                         (prin1-to-string
                          '(let ((beats 0)
                                 (end (+ (float-time) 100)))
                             (mew-submit-module--ensure)
                             (defconst mew-submit-job--beat 0.02)
                             (advice-add 'mew-submit-job--filter :before
                                         (lambda (&rest _) (setq beats (1+ beats))))
                             (mew-submit-job--open)
                             (while (and (< beats 3) (< (float-time) end))
                               (accept-process-output nil 0.1))
                             (princ (>= beats 3))))))
                  :stdout)
                 "t")))

(defconst mew-submit-queue-tests--old-date
  "From: me@x\nTo: a@x\nDate: Thu, 01 Jan 2015 00:00:00 +0000\nMessage-ID: <m@x>\n"
  "A header from long ago.")

(defun mew-submit-queue-tests--released (peer directory number header &rest keys)
  "Return what PEER gets as message NUMBER of a mail with HEADER that is released.
It waits in DIRECTORY for its time; KEYS are put into its entry meanwhile."
  (let* ((id (mew-submit-queue-tests--add
              directory (mew-submit-test-account peer "ok")
              :not-before (time-add nil 1000) :text (concat header "\nb\n")))
         (entry (apply #'mew-submit-spool--with (mew-submit-known--entry id)
                       :next (- (float-time) 1) :not-before (- (float-time) 1)
                       keys)))
    (mew-submit-known--save entry)
    (mew-submit-dispatch--run)
    (mew-submit-test-until ("the message to be delivered")
      (mew-submit-test-stored peer number))
    (mew-submit-queue-tests--settle)
    (mew-submit-test-stored peer number)))

(ert-deftest mew-submit-queue-tests-fresh-date ()
  "What was to be sent later says when it was sent, unless that was signed.
What an attempt may have sent to somebody stays as it was."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let ((old mew-submit-queue-tests--old-date)
            (number 0))
        (pcase-dolist
            (`(,fresh ,header . ,keys)
             `((t "")
               (nil "DKIM-Signature: v=1; h=from:date\n")
               (nil "Content-Type: text/plain; protected-headers=\"v1\"\n")
               (nil "Content-Type: text/plain;\n hp=\"clear\"\n")
               (nil "Content-Type: multipart/signed; boundary=b\n")
               (nil "Resent-From: me@x\nResent-To: a@x\n")
               (nil "" :attempts 1)
               (nil "" :delivered ("b@x"))))
          (let ((got (apply #'mew-submit-queue-tests--released peer directory
                            (cl-incf number) (concat header old) keys)))
            (should (eq fresh (not (string-search "Jan 2015" got))))
            (should (string-search "Message-ID: <m@x>" got))
            (should (string-match-p "^Date: [A-Z][a-z][a-z], [0-9][0-9] [A-Z]" got))
            (should (string-suffix-p "\r\n\r\nb\r\n"
                                     (replace-regexp-in-string "\r?\n" "\r\n" got)))))
        (let ((mew-submit-fresh-date nil))
          (should (string-search
                   "Jan 2015" (mew-submit-queue-tests--released
                               peer directory (cl-incf number) old))))
        (should-not (directory-files directory nil "\\.part\\'"))))))

(ert-deftest mew-submit-queue-tests-fresh-date-and-no-more ()
  "A message that is dated now, whose attempt cannot be noted then, is whole all the same."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((id (mew-submit-queue-tests--add
                  directory (mew-submit-test-account peer "ok")
                  :not-before (time-add nil 1000)
                  :text (string-replace "+0000" "+0000 (longer than any in its place)"
                                        (concat mew-submit-queue-tests--old-date "\nb\n"))))
             (write (symbol-function 'mew-submit-spool--write))
             (try (lambda ()
                    (mew-submit-known--note
                     (mew-submit-spool--with (mew-submit-known--entry id)
                                             :state 'queued :next nil))
                    (mew-submit-dispatch--run)))
             warned)
        (mew-submit-known--save
         (mew-submit-spool--with (mew-submit-known--entry id)
                                 :state 'queued :next nil :not-before 1))
        (cl-letf (((symbol-function 'display-warning)
                   (lambda (_ text &rest _) (push text warned))))
          (cl-letf (((symbol-function 'mew-submit-spool--write)
                     (lambda (entry &rest more)
                       (if (eq (plist-get entry :state) 'sending)
                           (signal 'file-error '("No space left on device"))
                         (apply write entry more)))))
            (funcall try))
          (should (string-search "No space left" (pop warned)))
          (funcall try)
          (mew-submit-queue-tests--settle)
          (should-not warned))
        (should-not (string-search "Jan 2015" (mew-submit-test-stored peer)))))))

(ert-deftest mew-submit-queue-tests-fresh-date-is-locked ()
  "While the Date is written anew nobody else can have the message.
SECURITY: P7."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (let* ((id (mew-submit-queue-tests--add
                directory '(:server "127.0.0.1" :auth "none")
                :not-before (time-add nil 1000)
                :text (concat mew-submit-queue-tests--old-date "\nb\n")))
           (entry (mew-submit-known--entry id))
           (file (mew-submit-spool--message-file entry))
           (lock (mew-submit-spool--lock id directory))
           (rename (symbol-function 'rename-file))
           (seen 0))
      (cl-letf (((symbol-function 'rename-file)
                 (lambda (&rest args)
                   (should-not (mew-submit-spool--lock id directory))
                   (apply rename args)
                   (should-not (mew-submit-spool--lock id directory))
                   (cl-incf seen))))
        (setq lock (mew-submit-spool--freshen entry lock)))
      (should (= seen 1))
      (should-not (mew-submit-spool--lock id directory))
      (should-not (string-search "Jan 2015" (mew-submit-test-octets file)))
      ;; Where that fails the message is as it was, and still locked.
      (cl-letf (((symbol-function 'rename-file)
                 (lambda (&rest _) (signal 'file-error '("No" "way")))))
        (should (eq lock (mew-submit-spool--freshen entry lock))))
      (should-not (mew-submit-spool--lock id directory))
      (should-not (directory-files directory nil "\\.part\\'"))
      (mew-submit-spool--unlock lock))))

(ert-deftest mew-submit-queue-tests-held-by-the-delay ()
  "What `mew-submit-delay' holds is not held for a day by a clock set back.
SECURITY: P4."
  (let* ((now (float-time))
         (entry (list :id "x" :directory "/nowhere/" :state 'held
                      :created now :next (+ now 10))))
    (should-not (mew-submit-dispatch--due-p entry (+ now 9)))
    (should (mew-submit-dispatch--due-p entry (+ now 11)))
    (should (mew-submit-dispatch--due-p entry (- now 86400)))
    ;; What the user has chosen is a time of the clock.
    (should-not (mew-submit-dispatch--due-p
                 (append (list :not-before (+ now 10)) entry)
                 (- now 86400)))))

(ert-deftest mew-submit-queue-tests-functions-are-not-on-disk ()
  "A function of an account, which may hold a secret, is not on disk.
It is used all the same; another Emacs uses that of the user's account."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((secret "tok-in-a-closure")
             (calls 0)
             (account (append (mew-submit-test-account
                               peer "ok" :user "u" :auth "XOAUTH2")
                              (list :name "n" :token-function
                                    (lambda (&rest _)
                                      (setq calls (1+ calls))
                                      (copy-sequence secret)))))
             (id (mew-submit-queue-tests--add directory account :held t))
             (octets (mew-submit-test-octets
                      (mew-submit-spool--file id ".eld" directory))))
        (should-not (string-search secret octets))
        (should-not (string-search "lambda" octets))
        (let ((parcel (mew-submit-known--parcel (mew-submit-known--entry id))))
          (should (functionp (plist-get (mew-submit-dispatch--account parcel)
                                        :token-function)))
          (setf (mew-submit-parcel-functions parcel) nil)
          (should-not (plist-get (mew-submit-dispatch--account parcel)
                                 :token-function))
          (let ((mew-submit-accounts (list account)))
            (should (functionp (plist-get (mew-submit-dispatch--account parcel)
                                          :token-function)))))))))

(ert-deftest mew-submit-queue-tests-functions-of-one-that-is-kept ()
  "A message that keeps its account, since no other is it, keeps its functions."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (cl-letf (((symbol-function 'mew-submit-dispatch--run) #'ignore))
      (let* ((token (let ((word "t")) (lambda (&rest _) word)))
             (id (mew-submit-queue-tests--add
                  directory (list :server "h.example" :user "u" :auth "XOAUTH2"
                                  :token-function token)))
             (now (lambda ()
                    (plist-get (mew-submit-dispatch--account
                                (mew-submit-known--parcel (mew-submit-known--entry id)))
                               :token-function))))
        (should (eq token (funcall now)))
        (mew-submit-queue--send id)
        (should (eq token (funcall now)))
        (mew-submit-queue--send-by id "465:implicit")
        (should (eq token (funcall now)))))))

(ert-deftest mew-submit-queue-tests-password-pipe ()
  "A pipe where the password file was is not read: nobody may write to it."
  :tags '(:module)
  (skip-unless (executable-find "mkfifo"))
  (mew-submit-test-with-directory directory
    (let ((fifo (expand-file-name "fifo" directory)))
      (should (zerop (call-process "mkfifo" nil nil nil fifo)))
      (should-error
       (mew-submit-dispatch--account
        (mew-submit-parcel--make
         :entry (list :id "x" :directory directory
                      :account (list :server "127.0.0.1" :password-file fifo))))
       :type 'mew-submit-config))))

;;; Editing again

(defmacro mew-submit-queue-tests--editing (id &rest body)
  "Run BODY in the buffer in which the message ID is edited again."
  (declare (indent 1) (debug (form body)))
  `(save-window-excursion
     (let ((message-interactive nil)
           (message-send-mail-function #'mew-submit-send-it))
       (mew-submit-edit ,id)
       (unwind-protect
           (progn ,@body)
         (set-buffer-modified-p nil)
         (when (string-prefix-p "*mail" (buffer-name))
           (kill-buffer))))))

(ert-deftest mew-submit-queue-tests-edit-the-rest ()
  "Those who have a message do not get it again when it is edited for others."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=ok,1:rcpt#2=reply:550 5.1.1 Who")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((mew-submit-accounts (list (mew-submit-test-account peer "ok")))
             (id (mew-submit-queue-tests--add directory nil)))
        (mew-submit-queue-tests--settle)
        (should (equal (cdr (mew-submit-test-envelope peer 1)) '("a@x")))
        (mew-submit-queue-tests--editing id
          (should (string-search "To: a@x, b@x" (buffer-string)))
          (should (string-search "X-Mew-Submit-Not-To: a@x" (buffer-string)))
          (message-send))
        (mew-submit-queue-tests--settle)
        (should (equal (cdr (mew-submit-test-envelope peer 2)) '("b@x")))
        (should-not (string-search "Not-To" (mew-submit-test-stored peer 2)))
        (should-not (mew-submit-spool--ids
                     (expand-file-name "edited" directory)))))))

(ert-deftest mew-submit-queue-tests-edit-given-up ()
  "What is edited and not sent is in the outbox again, held, also after a crash."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let ((id (mew-submit-queue-tests--add
                 directory (mew-submit-test-account peer "ok") :held t))
            (text nil))
        (setq text (mew-submit-test-octets
                    (mew-submit-spool--file id ".eml" directory)))
        (mew-submit-queue-tests--editing id
          (should-not (mew-submit-spool--ids directory))
          ;; Another Emacs leaves it alone.
          (should-not (mew-submit-spool--put-back directory))
          (insert "changed"))
        (should (eq (mew-submit-queue-tests--state id) 'held))
        (should (equal text (mew-submit-test-octets
                             (mew-submit-spool--file id ".eml" directory))))
        ;; An Emacs that dies does not run hooks, and its locks go away.
        (mew-submit-edit id)
        (mew-submit-spool--unlock (cdr mew-submit-edit--edited))
        (setq mew-submit-edit--edited nil)
        (set-buffer-modified-p nil)
        (kill-buffer)
        (should-not (mew-submit-spool--ids directory))
        (mew-submit-dispatch--start directory)
        (mew-submit-dispatch--stop)
        (should (eq (mew-submit-queue-tests--state id) 'held))
        (should (equal text (mew-submit-test-octets
                             (mew-submit-spool--file id ".eml" directory))))
        (should-not (directory-files (expand-file-name "edited" directory)
                                     nil "\\`[^.]"))))))

(ert-deftest mew-submit-queue-tests-edited-by-one-that-ends ()
  "What an Emacs edits that ends is seen by another that runs already, and by a list."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (let ((id (mew-submit-queue-tests--add
               directory '(:server "127.0.0.1" :tls none) :held t)))
      (dolist (look (list #'mew-submit-known--refresh
                          (lambda ()
                            (mew-submit-known--look-then directory #'ignore))))
        (mew-submit-spool--unlock
         (let ((lock (mew-submit-spool--lock id directory)))
           (mew-submit-spool--remove
            (prog1 (mew-submit-known--read id directory)
              (mew-submit-spool--set-aside (mew-submit-known--entry id))))
           lock))
        ;; There is nothing new, as far as it knows.
        (set-file-times directory (time-subtract nil 100))
        (mew-submit-known--end-look (mew-submit-known--begin-look directory))
        (should-not (mew-submit-known--entries))
        (funcall look)
        (should (equal (plist-get (car (mew-submit-known--entries)) :id) id))))))

(ert-deftest mew-submit-queue-tests-a-copy-that-cannot-be-kept ()
  "Where the copies of what is delivered cannot be kept, they are when that can be done.
Nobody is sent the message again, or told that it waits, and it is logged once."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((sent (expand-file-name "sent" directory))
             (copies (directory-file-name (mew-submit-spool--copies directory)))
             warnings
             (id (progn
                   (mew-submit-test-write copies "")
                   (mew-submit-queue-tests--add
                    directory (mew-submit-test-account peer "ok")
                    :fcc (list (list :kind 'mbox :place sent))))))
        (cl-letf (((symbol-function 'display-warning)
                   (lambda (_type text &rest _) (push text warnings))))
          (mew-submit-queue-tests--settle)
          (mew-submit-known--refresh))
        (should (string-search "copy of a delivered mail has to wait" (car warnings)))
        (should-not (mew-submit-known--entries))
        (should (equal (mew-submit-spool--ids directory) (list id)))
        (delete-file copies)
        (mew-submit-known--refresh)
        (should-not (mew-submit-spool--ids directory))
        (mew-submit-copies--file directory)
        (should (file-exists-p sent))
        (should-not (mew-submit-test-stored peer 2))
        (should (= 1 (length (mew-submit-test-json-lines
                              (mew-submit-test-octets
                               (expand-file-name "delivered.log" directory))))))))))

(defmacro mew-submit-queue-tests--with-scheduled (id directory &rest body)
  "Run BODY with the message ID, to be sent tomorrow, in an outbox in DIRECTORY.
It is sent once, whatever BODY does, and then the outbox is empty."
  (declare (indent 2) (debug (symbolp symbolp body)))
  `(mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
     (mew-submit-queue-tests--with-outbox ,directory
       (let* ((mew-submit-accounts (list (mew-submit-test-account peer "ok")))
              (send-mail-function #'mew-submit-send-it)
              (,id (mew-submit-queue-tests--add
                    ,directory nil :not-before (time-add nil 86400))))
         ,@body
         (mew-submit-queue-tests--settle)
         (should (mew-submit-test-stored peer 1))
         (should-not (mew-submit-spool--put-back ,directory))
         (should-not (mew-submit-spool--ids ,directory))))))

(ert-deftest mew-submit-queue-tests-edited-and-sent-is-gone ()
  "No other Emacs puts back what was edited and is sent, at whatever moment it looks.
One that was to be sent at a time of its own would be sent twice."
  :tags '(:module)
  (mew-submit-queue-tests--with-scheduled id directory
    (let ((look (lambda (&rest _) (mew-submit-spool--put-back directory))))
      (mew-submit-queue-tests--editing id
        (goto-char (point-min))
        (message-remove-header "X-Mew-Submit-Send-At")
        (advice-add 'mew-submit-spool--unlock :after look)
        (unwind-protect
            (message-send)
          (advice-remove 'mew-submit-spool--unlock look))))))

(ert-deftest mew-submit-queue-tests-quit-when-edited-is-sent ()
  "A quit while what was edited goes away, after it is sent, does not reach the user.
Who is told of it takes the mail for one that is not sent, and sends it twice."
  :tags '(:module)
  (mew-submit-queue-tests--with-scheduled id directory
    (let ((quit (lambda (entry)
                  (when (string-suffix-p "edited/" (plist-get entry :directory))
                    (setq quit-flag t)))))
      (mew-submit-queue-tests--editing id
        (goto-char (point-min))
        (message-remove-header "X-Mew-Submit-Send-At")
        (advice-add 'mew-submit-spool--remove :before quit)
        (unwind-protect
            (message-send)
          (advice-remove 'mew-submit-spool--remove quit))))))

(ert-deftest mew-submit-queue-tests-quit-while-it-is-set-aside ()
  "A quit at whatever moment leaves a mail in the outbox or in the buffer that edits it.
In neither nobody would see it, and it would be sent beside what was edited."
  :tags '(:module)
  (dolist (step '(mew-submit-restore--insert mew-submit-spool--set-aside
                  mew-submit-spool--remove mew-submit-spool--unlock))
    (mew-submit-queue-tests--with-scheduled id directory
      (let ((quit (lambda (&rest _) (setq quit-flag t))))
        (advice-add step :after quit)
        (unwind-protect
            (condition-case nil
                (mew-submit-edit id)
              (quit nil))
          (advice-remove step quit)))
      (let ((edits (seq-find (lambda (buffer)
                               (buffer-local-value 'mew-submit-edit--edited buffer))
                             (buffer-list))))
        (should (eq (null edits) (equal (mew-submit-spool--ids directory) (list id))))
        (when edits
          (with-current-buffer edits
            (should (cdr mew-submit-edit--edited))
            (kill-buffer))))
      (mew-submit-queue--send id))))

(ert-deftest mew-submit-queue-tests-edited-by-another-instead ()
  "Whoever is overtaken by another Emacs while a mail is set aside does not edit it.
That has put it back, and would send it at its time beside what was edited."
  :tags '(:module)
  (mew-submit-queue-tests--with-scheduled id directory
    (let ((look (lambda (&rest _) (mew-submit-spool--put-back directory))))
      (advice-add 'mew-submit-spool--unlock :after look)
      (unwind-protect
          (should-error (mew-submit-edit id) :type 'user-error)
        (advice-remove 'mew-submit-spool--unlock look)))
    (should-not (seq-some (lambda (buffer)
                            (buffer-local-value 'mew-submit-edit--edited buffer))
                          (buffer-list)))
    (mew-submit-known--refresh)
    (mew-submit-queue--send id)))

(ert-deftest mew-submit-queue-tests-edited-sent-and-killed ()
  "An Emacs that dies after it has sent what was edited leaves nothing to be sent twice.
Neither while the new mail is held, nor when it is sent, also by another Emacs."
  :tags '(:module)
  (pcase-dolist (`(,mode . ,time) '((message-mode) (message-mode . t)
                                    (mail-mode) (mail-mode . t)))
    (mew-submit-queue-tests--with-scheduled id directory
      (cl-letf (((symbol-function 'y-or-n-p) #'always)
                ;; As if it were killed: its locks go away, and all else stays.
                ((symbol-function 'mew-submit-edit--sent)
                 (lambda ()
                   (mew-submit-spool--unlock (cdr mew-submit-edit--edited))
                   (setq mew-submit-edit--edited nil))))
        (mew-submit-queue-tests--editing id
          (when (eq mode 'mail-mode)
            (mail-mode))
          (unless time
            (mail-position-on-field "X-Mew-Submit-Send-At")
            (delete-region (line-beginning-position) (line-beginning-position 2)))
          (should (cdr mew-submit-edit--edited))
          (if (eq mode 'mail-mode)
              (mail-send)
            (message-send))
          (should-not mew-submit-edit--edited)))
      (unless time
        (mew-submit-queue-tests--settle))
      (should-not (mew-submit-spool--put-back directory))
      (should-not (mew-submit-spool--ids (expand-file-name "edited" directory)))
      (when time
        (mew-submit-queue--send (car (mew-submit-spool--ids directory)))))))

(ert-deftest mew-submit-queue-tests-edited-in-another-mode ()
  "What is edited and put into another mode, or its own anew, is neither lost nor twice."
  :tags '(:module)
  (mew-submit-queue-tests--with-scheduled id directory
    (mew-submit-queue-tests--editing id
      (text-mode))
    (should (equal (mew-submit-spool--ids directory) (list id)))
    (mew-submit-queue-tests--editing id
      (message-mode)
      (goto-char (point-min))
      (message-remove-header "X-Mew-Submit-Send-At")
      (message-send))))

(ert-deftest mew-submit-queue-tests-edited-in-copies-of-the-buffer ()
  "What is edited is edited until the last buffer with it is killed, or one sends it.
Put back when a copy is killed, it would be sent twice: also from the buffer."
  :tags '(:module)
  (mew-submit-queue-tests--with-scheduled id directory
    (dolist (copy (list (lambda () (clone-indirect-buffer nil nil))
                        ;; What visits a file, as a draft does, is not cloned.
                        (lambda ()
                          (set-visited-file-name nil)
                          (clone-buffer "*mail copy*"))))
      ;; The copy goes first, and then the other way round.
      (mew-submit-queue-tests--editing id
        (kill-buffer (funcall copy))
        (should-not (mew-submit-spool--ids directory)))
      (should (equal (mew-submit-spool--ids directory) (list id)))
      (mew-submit-queue-tests--editing id
        (let ((other (funcall copy)))
          (set-buffer-modified-p nil)
          (kill-buffer)
          (when (buffer-live-p other)
            (should-not (mew-submit-spool--ids directory))
            (kill-buffer other))))
      (should (equal (mew-submit-spool--ids directory) (list id))))
    (mew-submit-queue-tests--editing id
      (goto-char (point-min))
      (message-remove-header "X-Mew-Submit-Send-At")
      (set-visited-file-name nil)
      (let ((buffer (current-buffer)))
        (with-current-buffer (clone-buffer "*mail copy*")
          (message-send)
          (kill-buffer))
        (should-not (buffer-local-value 'mew-submit-edit--edited buffer))))))

(ert-deftest mew-submit-queue-tests-edited-and-sent-by-mail-mode ()
  "Mail mode runs no hook when it has sent, and what was edited is gone all the same."
  :tags '(:module)
  (mew-submit-queue-tests--with-scheduled id directory
    (mew-submit-queue-tests--editing id
      (mail-mode)
      (mail-position-on-field "X-Mew-Submit-Send-At")
      (delete-region (line-beginning-position) (line-beginning-position 2))
      (cl-letf (((symbol-function 'y-or-n-p) #'always))
        (mail-send)))))

(ert-deftest mew-submit-queue-tests-edit-keeps-the-date ()
  "A message that is held until a date is held until then when it was edited."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((mew-submit-accounts (list (mew-submit-test-account peer "ok")))
             (then (+ (floor (float-time)) 86400))
             (id (mew-submit-queue-tests--add directory nil :not-before then)))
        (mew-submit-queue-tests--editing id
          (message-send))
        (let ((entry (car (mew-submit-known--entries))))
          (should (eq (plist-get entry :state) 'held))
          (should (= (plist-get entry :next) then)))))))

(ert-deftest mew-submit-queue-tests-undo-the-newest ()
  "The message that is brought back is the one that was sent last."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=slow,dot=hold:go")
    (mew-submit-queue-tests--with-outbox directory
      (let ((account (mew-submit-test-account peer "slow"))
            last)
        (dotimes (n 6)
          (setq last (mew-submit-queue-tests--add
                      directory account :held t
                      :text (format "From: me@x\nTo: a@x\nSubject: %d\n\nb\n"
                                    n))))
        (let ((mew-submit--sent (cons last (float-time))))
          (save-window-excursion
            (mew-submit-undo-send)
            (should (string-search "Subject: 5" (buffer-string)))
            (set-buffer-modified-p nil)
            (kill-buffer)))
        (mew-submit-queue--delete last)
        ;; Not an older one instead, when it is on its way.
        (let ((mew-submit--sent (cons (mew-submit-queue-tests--add directory account)
                                     (float-time))))
          (should-error (mew-submit-undo-send) :type 'user-error))
        (mew-submit-test-go peer)))))

(ert-deftest mew-submit-queue-tests-undo-asks-which ()
  "When the mail sent last has left, none of the others is brought back unasked."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let ((account (mew-submit-test-account peer "ok"))
            (monday (+ (float-time) 86400))
            asked id)
        (setq id (mew-submit-queue-tests--add directory account :not-before monday))
        (dolist (sent (list nil (cons "gone" (float-time))
                            (cons id (- (float-time) 100000))))
          (let ((mew-submit--sent sent))
            (cl-letf (((symbol-function 'completing-read)
                       (lambda (_prompt choices &rest _)
                         (setq asked (mapcar #'car choices))
                         (keyboard-quit))))
              (should (eq (condition-case nil (mew-submit-undo-send) (quit 'quit))
                          'quit))))
          (should (= (length asked) 1))
          (should (string-search id (car asked)))
          (should (equal (mew-submit-spool--ids directory) (list id)))
          (should (= (plist-get (mew-submit-known--entry id) :next) monday)))))))

(ert-deftest mew-submit-queue-tests-only-those ()
  "Where some are named, the others are not begun."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let* ((account (mew-submit-test-account peer "ok"))
             (one (mew-submit-queue-tests--add directory account :held t))
             (mew-submit-dispatch--only '("another"))
             (other (mew-submit-queue-tests--add directory account)))
        (should (eq (mew-submit-queue-tests--state other) 'queued))
        (let ((mew-submit-dispatch--only (list one)))
          (mew-submit-queue--send one)
          (mew-submit-queue-tests--settle))
        (should (equal (mew-submit-spool--ids directory) (list other)))))))

;;; The buffer *mew-submit*

(ert-deftest mew-submit-queue-tests-notice-keeps-others ()
  "What is said of a message that needs the user stays until that is over."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=no,mail=reply:550 5.7.1 No"
                                   "127.0.0.1:0,name=later,mail=reply:451 Later")
    (mew-submit-queue-tests--with-outbox directory
      (when (get-buffer "*mew-submit*")
        (kill-buffer "*mew-submit*"))
      (let ((mew-submit-dispatch--done-functions '(mew-submit-notice--done))
            ids)
        (save-window-excursion
          (pcase-dolist (`(,name . ,to) '(("no" . "one@x") ("later" . "two@x")
                                          ("no" . "three@x")))
            (push (mew-submit-queue-tests--add
                   directory (mew-submit-test-account peer name)
                   :recipients (list to))
                  ids)
            (mew-submit-queue-tests--settle)))
        (with-current-buffer "*mew-submit*"
          (should (string-match-p "three@x\\(?:.\\|\n\\)*one@x" (buffer-string)))
          (should-not (string-search "two@x" (buffer-string)))
          ;; What is done is done with the message that point is at.
          (should (equal (plist-get (mew-submit-notice-message--the-entry) :id)
                         (nth 0 ids)))
          (goto-char (point-max))
          (search-backward "[Retry]")
          (should (equal (plist-get (mew-submit-notice-message--the-entry) :id)
                         (nth 2 ids)))
          (mew-submit-queue--delete (nth 2 ids))
          (should-error (mew-submit-notice-message--the-entry) :type 'user-error))
        (save-window-excursion
          (mew-submit-queue--send (nth 0 ids))
          (mew-submit-queue-tests--settle))
        (with-current-buffer "*mew-submit*"
          (should-not (string-search "one@x" (buffer-string)))
          (should (= 1 (how-many "three@x" (point-min) (point-max)))))
        (kill-buffer "*mew-submit*")))))

(ert-deftest mew-submit-queue-tests-an-outbox-to-read-only ()
  "An outbox whose disk can be read only is told as that, by what waits and by who wants something."
  (require 'warnings)
  (mew-submit-test-with-directory directory
    (let ((mew-submit-known--table (make-hash-table :test #'equal))
          (mew-submit-dispatch--watching nil)
          (mew-submit-outbox-directory (expand-file-name "outbox/" directory))
          (writable #'file-writable-p)
          warnings)
      (mew-submit-spool--prepare mew-submit-outbox-directory)
      (let* ((raw (mew-submit-test-write (expand-file-name "raw" mew-submit-outbox-directory)
                                         "From: me@x\nTo: a@x\n\nText\n"))
             (entry (mew-submit-spool--add
                     raw (mew-submit-message--fields raw) mew-submit-outbox-directory
                     '(:state queued :from "me@x" :recipients ("a@x")
                              :account (:server "127.0.0.1" :auth "none")))))
        (mew-submit-known--note entry)
        (cl-letf (((symbol-function 'mew-submit-module--ensure) #'ignore)
                  ((symbol-function 'mew-submit-module--missing-p) #'ignore)
                  ((symbol-function 'file-writable-p)
                   (lambda (file)
                     (and (not (string-prefix-p mew-submit-outbox-directory file))
                          (funcall writable file))))
                  ((symbol-function 'mew-submit--mod-lock)
                   (lambda (_) (signal 'mew-submit-internal
                                       '(:text "Read-only file system"))))
                  ((symbol-function 'display-warning)
                   (lambda (_type text &rest _) (push text warnings))))
          (should (string-match-p
                   "\\`Nothing in the outbox .* until it can be written to again: Read-only"
                   (cadr (should-error (mew-submit-queue--hold (plist-get entry :id))
                                       :type 'user-error))))
          (mew-submit-dispatch--run)
          (mew-submit-dispatch--arm nil)
          (should (string-search "until it can be written to again" (car warnings)))
          (should (string-search "until it can be written to again"
                                 (plist-get (mew-submit-known--entry (plist-get entry :id))
                                            :last))))))))

(provide 'mew-submit-queue-tests)
;;; mew-submit-queue-tests.el ends here
