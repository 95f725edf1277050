;;; mew-submit-queue-tests.el --- Tests for when which message is sent -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; States, retries, connections and what can be done with a message of the outbox.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'message)
(require 'mew-submit)
(require 'mew-submit-browser)
(require 'mew-submit-outbox)
(require 'mew-submit-queue)
(require 'mew-submit-test-helpers)
(require 'seq)

(defvar mew-submit-queue-tests--done nil
  "The (ENTRY . DONE) of the attempts that have ended, newest first.")

(defmacro mew-submit-queue-tests--with-outbox (directory &rest body)
  "Run BODY with an empty outbox in a new DIRECTORY."
  (declare (indent 1) (debug (symbolp body)))
  `(mew-submit-test-with-directory ,directory
     (let ((mew-submit-outbox-directory ,directory)
           (mew-submit-queue-tests--done nil)
           (mew-submit-request-several t)
           (mew-submit-delay 0)
           (mew-submit-queue-done-functions
            (list (lambda (entry done)
                    (push (cons entry done) mew-submit-queue-tests--done)))))
       (clrhash mew-submit-queue--entries)
       (unwind-protect
           (progn ,@body)
         (mew-submit-queue-tests--settle)
         (clrhash mew-submit-queue--entries)))))

(defun mew-submit-queue-tests--settle ()
  "Wait until nothing is being sent."
  (mew-submit-test-until ("the queue" 30)
    (null (mew-submit-queue-running))))

(defun mew-submit-queue-tests--add (directory account &rest keys)
  "Put a message into DIRECTORY, by ACCOUNT; return its identifier.
KEYS are for `mew-submit-queue-add', and :text for another message."
  (let ((raw (expand-file-name "raw" directory))
        (text (plist-get keys :text)))
    (cl-remf keys :text)
    (mew-submit-test-write
     raw (or text "From: me@x\nTo: a@x, b@x\nSubject: s\n\nbody\n"))
    (apply #'mew-submit-queue-add raw :account account :on-ask #'ignore keys)))

(defun mew-submit-queue-tests--state (id)
  "Return the state of the message ID on disk, or nil."
  (plist-get (mew-submit-outbox-read id mew-submit-outbox-directory) :state))

(ert-deftest mew-submit-queue-tests-delivered ()
  "What is delivered leaves a line in the log, and nothing else."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,dot=delay:300")
    (mew-submit-queue-tests--with-outbox directory
      (let ((id (mew-submit-queue-tests--add
                 directory (mew-submit-test-account peer "ok"))))
        ;; It returned at once, and all is on disk already.
        (should (eq (mew-submit-queue-tests--state id) 'sending))
        (mew-submit-queue-tests--settle)
        (should (equal (sort (directory-files directory nil "\\`[^.]")
                             #'string<)
                       '("delivered.log" "raw")))
        (should (mew-submit-test-stored peer))
        (should-not (mew-submit-queue-entries))))))

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
            (let ((entry (mew-submit-outbox-read id directory)))
              (should (eq (plist-get entry :state) state))
              (should (equal (sort (copy-sequence (plist-get entry :recipients))
                                   #'string<)
                             recipients))
              (should (string-search words (plist-get entry :last)))
              (should (= (plist-get entry :attempts) 1))
              (should (eq (and (plist-get entry :next) t) (eq state 'queued)))
              (should (= (length (plist-get entry :history)) 1))
              (should-not (directory-files directory nil "journal"))
              (should (equal entry (mew-submit-queue-entry id))))))))))

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
        (mew-submit-queue-send id)
        (mew-submit-queue-tests--settle)
        (should (equal (cdr (mew-submit-test-envelope peer 2)) '("a@x")))
        (let ((entry (mew-submit-outbox-read id directory)))
          (should (eq (plist-get entry :state) 'refused))
          (should (equal (plist-get entry :recipients) '("b@x")))
          (should (equal (plist-get entry :delivered) '("c@x" "a@x")))
          (should (string-search "550 5.1.1 Who" (plist-get entry :last))))))))

(ert-deftest mew-submit-queue-tests-tries-again ()
  "What was told \"later\" is sent again by itself when its time has come."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=later,1:mail=reply:451 4.3.0 Later,\
2:mail=reply:451 4.3.0 Later")
    (mew-submit-queue-tests--with-outbox directory
      (let ((mew-submit-retry-intervals '(0.2))
            (mew-submit-keep-connection 0))
        (mew-submit-queue-tests--add
         directory (mew-submit-test-account peer "later"))
        (mew-submit-test-until ("the delivery")
          (mew-submit-test-stored peer))
        (mew-submit-queue-tests--settle)
        (should (= (length mew-submit-queue-tests--done) 3))
        (should-not (mew-submit-outbox-ids directory))))))

(ert-deftest mew-submit-queue-tests-intervals ()
  "Intervals grow up to the last one, and differ by a fifth at most."
  (let ((mew-submit-retry-intervals '(10 100 1000)))
    (pcase-dolist (`(,attempts ,interval)
                   '((1 10) (2 100) (3 1000) (4 1000) (99 1000)))
      (dotimes (_ 20)
        (should (<= (* 0.8 interval)
                    (mew-submit-queue--interval attempts)
                    (* 1.2 interval)))))))

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
      (should (= (mew-submit-queue-flush) 0))
      (mew-submit-queue-look)
      (mew-submit-queue-run)
      (mew-submit-queue-tests--settle)
      (should (= (length mew-submit-queue-tests--done) 2))
      (should (equal (sort (mapcar (lambda (entry) (plist-get entry :state))
                                   (mew-submit-queue-entries))
                           #'string<)
                     '(held refused uncertain))))))

(ert-deftest mew-submit-queue-tests-one-connection ()
  "Several messages of one account go over one connection, in order."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok")
    (mew-submit-queue-tests--with-outbox directory
      (let ((account (mew-submit-test-account peer "ok")))
        (dotimes (i 10)
          (mew-submit-queue-tests--add
           directory account
           :text (format "From: me@x\nTo: a@x\nSubject: %d\n\nb\n" i)))
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
      (cl-letf (((symbol-value 'mew-submit-queue--overtake) 0.3))
        (let* ((account (mew-submit-test-account peer "slow"))
               (first (mew-submit-queue-tests--add directory account)))
          (mew-submit-queue-tests--add directory account)
          (mew-submit-test-until ("the second to be delivered")
            (= (length mew-submit-queue-tests--done) 1))
          (mew-submit-queue-cancel first)
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
          (let ((entry (mew-submit-outbox-read later directory)))
            (should (eq (plist-get entry :state) 'held))
            (should (equal (format-time-string "%F %R" (plist-get entry :next))
                           "2099-12-24 18:00")))
          (should-not (string-search
                       "Send-At" (mew-submit-test-octets
                                  (mew-submit-outbox-file later ".eml"
                                                          directory))))
          (mew-submit-queue-send later)
          (mew-submit-queue-tests--settle)
          (should (mew-submit-test-stored peer 2)))))))

(ert-deftest mew-submit-queue-tests-bad-input ()
  "What cannot be sent is an error at once, and nothing is left of it."
  :tags '(:module)
  (mew-submit-queue-tests--with-outbox directory
    (pcase-dolist (`(,condition ,account ,text)
                   '((mew-submit-message (:server "h")
                                         "From: me@x\nTo: a b@x\n\nb\n")
                     (mew-submit-message (:server "h")
                                         "From: me@x\n\nb\n")
                     (mew-submit-config (:server "h" :plan "nonsense")
                                        "From: me@x\nTo: a@x\n\nb\n")
                     (mew-submit-config (:server "h" :ca-file "/nonexistent")
                                        "From: me@x\nTo: a@x\n\nb\n")
                     (mew-submit-message (:server "h")
                                         "From: me@x\nTo: a@x\n\
X-Mew-Submit-Send-At: whenever\n\nb\n")))
      (ert-info ((format "%S %S" account text))
        (should-error (mew-submit-queue-tests--add directory account :text text)
                      :type condition)
        (should (equal (directory-files directory nil "\\`[^.]") '("raw")))
        (should-not (mew-submit-queue-entries))))))

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
             (lock (mew-submit-outbox-lock id directory)))
        (unwind-protect
            (progn
              (dolist (function (list #'mew-submit-queue-send
                                      #'mew-submit-queue-hold
                                      #'mew-submit-queue-delete))
                (should-error (funcall function id) :type 'user-error))
              (mew-submit-outbox-write
               (mew-submit-outbox-with (mew-submit-queue-entry id)
                                       :state 'queued))
              (mew-submit-queue-look)
              (mew-submit-queue-run)
              (should-not (mew-submit-queue-running)))
          (mew-submit-outbox-unlock lock))
        (mew-submit-queue-run)
        (should (= (length (mew-submit-queue-running)) 1))
        (should-error (mew-submit-queue-delete id) :type 'user-error)
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
         (mew-submit-outbox-file id ".eld" directory) "(:state")
        (mew-submit-test-write (expand-file-name "x.eml" directory) "junk")
        (make-directory (expand-file-name "dir.eml" directory))
        (clrhash mew-submit-queue--entries)
        (mew-submit-queue-tests--add
         directory (mew-submit-test-account peer "ok"))
        (mew-submit-queue-look)
        (mew-submit-queue-run)
        (mew-submit-queue-tests--settle)
        (should (mew-submit-test-stored peer))
        (should (= 2 (seq-count (lambda (entry)
                                  (eq (plist-get entry :state) 'broken))
                                (mew-submit-queue-entries))))
        (should-error (mew-submit-queue-send id) :type 'user-error)
        (mew-submit-queue-delete id)))))

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
            (dolist (words '("refused" "work" "a@x" "ü" "550 5.7.1 No"))
              (should (string-search words line))))
          (mew-submit-outbox-log)
          (should (string-search "550 5.7.1 No" (buffer-string)))
          (kill-buffer)
          (set-buffer "*mew-submit outbox*")
          (mew-submit-outbox-cancel)
          (should (eq (mew-submit-queue-tests--state id) 'held))
          (cl-letf (((symbol-function 'yes-or-no-p) #'always))
            (mew-submit-outbox-delete))
          (should-not (mew-submit-outbox-ids directory))
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
                             "filename=\"a.txt\"" "attached"))
              (should (string-search words text)))
            (should-not (string-match-p "Message-ID\\|MIME-Version\\|^Date"
                                        text))
            (should (string-search (concat "\n" mail-header-separator "\n")
                                   text)))
          (should-not (mew-submit-outbox-ids directory))
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

(provide 'mew-submit-queue-tests)
;;; mew-submit-queue-tests.el ends here
