;;; mew-submit-journal-tests.el --- Tests for the journal of final dots and replies -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What the module leaves on the disk for whoever finds a message after a crash.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mew-submit-job)
(require 'mew-submit-test-helpers)

(declare-function mew-submit--mod-cancel "ext:mew-submit-native" (job))

(defconst mew-submit-journal-tests--short "From: me@example.org\nSubject: s\n\nbody\n"
  "A message that goes with its envelope where the server has CHUNKING.")

(defconst mew-submit-journal-tests--long
  (concat mew-submit-journal-tests--short
          (mapconcat #'identity (make-list 3000 (make-string 60 ?x)) "\n") "\n")
  "A message that needs more than one block.")

(defun mew-submit-journal-tests--file (peer)
  "Return the name of the journal in PEER's directory."
  (mew-submit-test--peer-file peer "journal"))

(cl-defun mew-submit-journal-tests--run (peer name &key (text mew-submit-journal-tests--short)
                                              (recipients '("a@x.org" "b@x.org"))
                                              on-event (journal (mew-submit-journal-tests--file peer)))
  "Send TEXT to RECIPIENTS by PEER's listener NAME; return the `done' event.
JOURNAL is kept; ON-EVENT is called with each event."
  (let ((file (mew-submit-test--peer-file peer "message")))
    (mew-submit-test-write file text)
    (or (mew-submit-job--wait
         (mew-submit-job--start
          (list :host "127.0.0.1"
                :routes (list (list (mew-submit-test-port peer name) 'ipv4 'starttls))
                :connect-timeout 60000 :step-timeout 60000 :tls 'required
                :ca-file (mew-submit-test-ca peer) :helo "localhost.localdomain"
                :from "me@example.org" :recipients recipients
                :file file :journal journal)
          :on-event on-event)
         mew-submit-test-patience)
        (ert-fail "The session did not end"))))

(defun mew-submit-journal-tests--lines (peer)
  "Return the lines of PEER's journal, nil where there is none."
  (let ((file (mew-submit-journal-tests--file peer)))
    (and (file-exists-p file)
         (split-string (mew-submit-test-octets file) "\n" t))))

(defmacro mew-submit-journal-tests--claim (directives kind lines &rest keys)
  "Assert what comes of a message to a server with DIRECTIVES.
KIND is the `done' event's, LINES are regexps for the journal's lines, KEYS are
for `mew-submit-journal-tests--run'."
  `(mew-submit-test-with-peer
       (peer (concat "127.0.0.1:0,name=s,noauth" ,directives))
     (let ((done (mew-submit-journal-tests--run peer "s" ,@keys))
           (found (mew-submit-journal-tests--lines peer))
           (expected ,lines))
       (should (equal (plist-get done :kind) ,kind))
       (should (= (length found) (length expected)))
       (cl-mapc (lambda (regexp line) (should (string-match-p regexp line)))
                expected found))))

;;; What is in it

(ert-deftest mew-submit-journal-tests-data ()
  "Before the dot there is a line, and after the answer who was refused, and the answer."
  :tags '(:module)
  (dolist (text (list mew-submit-journal-tests--short mew-submit-journal-tests--long))
    (mew-submit-journal-tests--claim
     ",rcpt#2=reply:550 5.1.1 Nobody" "ok"
     '("\\`dot 0 2\\'" "\\`refused 1 550 550 5\\.1\\.1 Nobody\\'" "\\`reply 250 250 ")
     :text text)))

(ert-deftest mew-submit-journal-tests-bdat ()
  "It is the same with BDAT, with the envelope in one flight or behind it."
  :tags '(:module)
  (dolist (text (list mew-submit-journal-tests--short mew-submit-journal-tests--long))
    (mew-submit-journal-tests--claim
     ",chunking,rcpt#1=reply:450 4.2.1 Later" "ok"
     '("\\`dot 0 2\\'" "\\`refused 0 450 450 4\\.2\\.1 Later\\'" "\\`reply 250 250 ")
     :text text)))

(ert-deftest mew-submit-journal-tests-in-steps ()
  "It is the same with a server that takes one command at a time."
  :tags '(:module)
  (mew-submit-journal-tests--claim
   ",cap2-=PIPELINING,rcpt#2=reply:550 5.1.1 Nobody" "ok"
   '("\\`dot 0 2\\'" "\\`refused 1 550 " "\\`reply 250 250 ")))

(ert-deftest mew-submit-journal-tests-no-answer ()
  "Where no answer came, the dot stands alone."
  :tags '(:module)
  (dolist (directives '(",dot=close" ",dot=reset" ",chunking,dot=close"
                        ",dot=reply:354 What" ",chunking,dot=truncate:5"))
    (mew-submit-journal-tests--claim directives "uncertain" '("\\`dot 0 2\\'"))))

(ert-deftest mew-submit-journal-tests-refusal-is-definite ()
  "A message that was refused after the dot is not left in doubt."
  :tags '(:module)
  (dolist (more '("" ",chunking"))
    (mew-submit-journal-tests--claim
     (concat more ",dot=reply:554 5.7.1 Not here") "refused"
     '("\\`dot 0 2\\'" "\\`reply 554 .*5\\.7\\.1 Not here"))
    (mew-submit-journal-tests--claim
     (concat more ",dot=reply:451 4.3.0 Later") "deferred"
     '("\\`dot 0 2\\'" "\\`reply 451 .*4\\.3\\.0 Later"))))

(ert-deftest mew-submit-journal-tests-refused-flight-is-definite ()
  "A flight with the whole message whose envelope was refused is not left in doubt."
  :tags '(:module)
  (mew-submit-journal-tests--claim
   ",chunking,mail=reply:550 5.7.1 Not you" "refused"
   '("\\`dot 0 2\\'" "\\`reply 550 .*5\\.7\\.1 Not you"))
  (mew-submit-journal-tests--claim
   ",chunking,rcpt=reply:550 5.1.1 Nobody" "refused"
   '("\\`dot 0 2\\'" "\\`refused 0 550 " "\\`refused 1 550 " "\\`reply 550 ")))

(ert-deftest mew-submit-journal-tests-nonsense-in-a-flight ()
  "Once the whole message is out, only an answer that makes sense is definite.
\(SECURITY: I14, B7)."
  :tags '(:module)
  (dolist (directives
           '(",rcpt#1=reply:354 Hm" ",mail=reply:354 Hm" ",rcpt#2=reply:334 Hm"
             ",rcpt#1=truncate:2" ",mail=reply:hello" ",rcpt#2=reply:999 Hm"
             ;; An answer that contradicts an earlier one.
             ",mail=reply:550 5.7.1 No,dot=reply:250 2.0.0 Ok"
             ",mail=reply:550 5.7.1 No,rcpt#2=reply:250 2.1.5 Ok"
             ",rcpt=reply:550 5.1.1 No,dot=reply:250 2.0.0 Ok"
             ;; One too many shifts all others.
             ",mail=after:550 5.7.1 No\\r\\n" ",rcpt#1=after:550 5.1.1 No\\r\\n"
             ",rcpt#1=after:250 2.0.0 Ok\\r\\n" ",mail=after:354 Hm\\r\\n"))
    (ert-info (directives)
      (mew-submit-test-with-peer
          (peer (concat "127.0.0.1:0,name=s,noauth,chunking" directives))
        (let ((done (mew-submit-journal-tests--run peer "s")))
          (should (equal (plist-get done :kind) "uncertain")))
        (let ((lines (mew-submit-journal-tests--lines peer)))
          (should (equal lines '("dot 0 2"))))))))

(ert-deftest mew-submit-journal-tests-farewell-in-a-flight ()
  "A 421 amid a flight with the whole message is definite when the server leaves.
When it does not leave, what it says of the message counts, and where that does not
come nobody knows."
  :tags '(:module)
  (mew-submit-journal-tests--claim
   ",chunking,rcpt#2=reply:421 4.3.2 Bye,rcpt#2=closeafter" "deferred"
   '("\\`dot 0 2\\'" "\\`refused 1 421 " "\\`reply 421 "))
  (mew-submit-journal-tests--claim
   ",chunking,rcpt#2=reply:421 4.3.2 Bye" "ok"
   '("\\`dot 0 2\\'" "\\`refused 1 421 " "\\`reply 250 "))
  (mew-submit-journal-tests--claim
   ",chunking,rcpt#2=reply:421 4.3.2 Bye,dot=stall" "uncertain" '("\\`dot 0 2\\'")
   :on-event (lambda (event)
               (when (eql (plist-get event :code) 421)
                 (mew-submit--mod-cancel (plist-get event :job))))))

(ert-deftest mew-submit-journal-tests-no-dot-no-line ()
  "Where no final dot can have left there is no line."
  :tags '(:module)
  (dolist (case '((",rcpt=reply:550 5.1.1 Nobody" "refused")
                  (",mail=reply:451 4.3.0 Later" "deferred")
                  (",data=reply:554 5.5.0 No" "refused")
                  (",mail=close" "lost")))
    (mew-submit-journal-tests--claim (car case) (cadr case) nil)))

(ert-deftest mew-submit-journal-tests-broken-off-is-definite ()
  "What the server breaks off before its end is not left in doubt."
  :tags '(:module)
  (mew-submit-test-with-peer
      (peer "127.0.0.1:0,name=s,noauth,block-at=20k,block=reply:552 5.3.4 Too much,block=closeafter")
    (let ((done (mew-submit-journal-tests--run
                 peer "s" :text mew-submit-journal-tests--long))
          (lines (mew-submit-journal-tests--lines peer)))
      (should (equal (plist-get done :kind) "refused"))
      ;; Whether the dot was under way already is a matter of time.
      (should (or (null lines)
                  (string-prefix-p "reply 552 " (car (last lines))))))))

(ert-deftest mew-submit-journal-tests-text-is-one-clean-line ()
  "Whatever the server says, it is one line of text."
  :tags '(:module)
  (mew-submit-journal-tests--claim
   ",dot=reply:250-a\\rreply 554 x\\r\\n250 \\e[2J\\xff" "ok"
   '("\\`dot 0 2\\'" "\\`reply 250 250 a\\(?:\357\277\275\\)reply 554 x \\(?:\357\277\275\\)\\[2J\\(?:\357\277\275\\)\\'")))

;;; When it is written

(defun mew-submit-journal-tests--body (octets)
  "Return a body that has OCTETS on the wire, in lines that mail can carry."
  (let* ((lines (/ (- octets 2) 100))
         (rest (- octets 2 (* 100 lines))))
    (concat (apply #'concat (make-list lines (concat (make-string 98 ?x) "\n")))
            (make-string rest ?x) "\n")))

(ert-deftest mew-submit-journal-tests-every-size ()
  "Wherever the message ends within a block, its dot is noted before it leaves."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth"
                                   "127.0.0.1:0,name=c,noauth,chunking")
    (let ((header (length (string-replace "\n" "\r\n" mew-submit-journal-tests--short)))
          (count 0))
      (dolist (name '("s" "c"))
        (dolist (octets '(65500 65511 65512 65513 65514 65515 65516 65517 65531 65532
                                65533 65534 65535 65536 65537 131069 131072))
          (cl-incf count)
          (let ((body (mew-submit-journal-tests--body (- octets header))))
            (should (equal
                     (plist-get
                      (mew-submit-journal-tests--run
                       peer name :text (concat mew-submit-journal-tests--short body))
                      :kind)
                     "ok"))
            (should (= (length (mew-submit-test-stored peer count)) octets)))))
      (should (equal (mapcar (lambda (line) (car (split-string line)))
                             (mew-submit-journal-tests--lines peer))
                     (apply #'append (make-list count '("dot" "reply"))))))))

(ert-deftest mew-submit-journal-tests-before-lisp-hears ()
  "When Lisp hears the answer, the journal has it."
  :tags '(:module)
  (dolist (more '("" ",chunking"))
    (mew-submit-test-with-peer (peer (concat "127.0.0.1:0,name=s,noauth" more))
      (let (lines)
        (mew-submit-journal-tests--run
         peer "s" :on-event (lambda (event)
                              (when (eq (plist-get event :event) 'reply)
                                (setq lines (mew-submit-journal-tests--lines peer)))))
        (should (= (length lines) 2))))))

(defun mew-submit-journal-tests--calls (peer name text directory)
  "Return what an Emacs asks of the system to send TEXT by PEER's listener NAME.
Its outbox is in DIRECTORY; it speaks in the clear, so that the dot can be seen."
  (let ((log (expand-file-name "calls" directory)))
    (mew-submit-test-with-preload ((concat "PRELOAD_LOG=" log))
      (should (eql 0 (plist-get
                      (mew-submit-test-batch
                       (list "--server" "127.0.0.1" "--tls" "none"
                             "--routes" (format "%d:none" (mew-submit-test-port peer name))
                             "--outbox" (expand-file-name "outbox" directory)
                             "--from" "me@example.org" "a@x.org")
                       :input text)
                      :status))))
    (mew-submit-test-calls log)))

(ert-deftest mew-submit-journal-tests-on-disk-before-the-dot ()
  "The line about the dot, and the name of its file, are on disk when it leaves."
  :tags '(:module)
  (skip-unless (mew-submit-test-preload-p))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=data,plain,noauth"
                                   "127.0.0.1:0,name=steps,plain,noauth,cap-=PIPELINING"
                                   "127.0.0.1:0,name=bdat,plain,noauth,chunking")
    (dolist (name '("data" "steps" "bdat"))
      (dolist (text (list mew-submit-journal-tests--short mew-submit-journal-tests--long))
        (ert-info ((format "%s, %d octets" name (length text)))
          (mew-submit-test-with-directory directory
            (let* ((calls (mew-submit-journal-tests--calls peer name text directory))
                   (end (concat (substring text -5 -1) "\r\n"))
                   (place (lambda (call file octets)
                            (cl-position-if
                             (lambda (one)
                               (and (equal (nth 0 one) call)
                                    (string-suffix-p file (nth 1 one))
                                    (string-suffix-p octets (nth 2 one))))
                             calls)))
                   (written (funcall place "write" ".1.journal" "dot 0 1\n"))
                   (synced (funcall place "sync" ".1.journal" ""))
                   ;; The end of a long message waits until the rest is acknowledged.
                   (alone (if (equal name "bdat") "\n" ".\r\n"))
                   (left (or (funcall place "send" "-" (if (equal name "bdat") end
                                                         (concat end ".\r\n")))
                             (cl-position-if
                              (lambda (one)
                                (and (equal (nth 0 one) "send")
                                     (equal (nth 2 one) alone)))
                              calls))))
              (should written)
              (should synced)
              (should left)
              (should (< written synced left))
              ;; The directory of the new journal.
              (should (seq-find (lambda (call)
                                  (and (equal (nth 0 call) "sync")
                                       (string-suffix-p "/outbox" (nth 1 call))))
                                (seq-subseq calls synced left))))))))))

(ert-deftest mew-submit-journal-tests-directories-without-fsync ()
  "An outbox is used where the file system has no fsync for a directory."
  :tags '(:module)
  (skip-unless (mew-submit-test-preload-p))
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=data,plain,noauth")
    (let ((run (mew-submit-test-with-preload ("PRELOAD_NO_SYNC=t")
                 (mew-submit-test-batch
                  (list "--server" "127.0.0.1" "--tls" "none" "--routes"
                        (format "%d:none" (mew-submit-test-port peer "data"))
                        "--outbox" (mew-submit-test--peer-file peer "outbox") "a@x")
                  :input mew-submit-journal-tests--short))))
      (should (eql (plist-get run :status) 0))
      (should (mew-submit-test-stored peer)))))

(ert-deftest mew-submit-journal-tests-what-cannot-be-noted-is-not-sent ()
  "Where the line cannot be written no dot leaves, and the server has no message.
\(SECURITY: I10)."
  :tags '(:module)
  (dolist (more '("" ",chunking" ",cap2-=PIPELINING"))
    (dolist (text (list mew-submit-journal-tests--short mew-submit-journal-tests--long))
      (mew-submit-test-with-peer (peer (concat "127.0.0.1:0,name=s,noauth" more))
        (dolist (journal (list (mew-submit-test--peer-file peer "no/such/directory/j")
                               (file-name-directory (mew-submit-test--peer-file peer "x"))))
          (let ((done (mew-submit-journal-tests--run peer "s" :text text :journal journal)))
            (should (equal (plist-get done :kind) "internal"))
            (should (string-search "journal" (plist-get done :text)))))
        (should-not (mew-submit-test-stored peer))
        (should-not (mew-submit-test-accepted peer))))))

(ert-deftest mew-submit-journal-tests-links-and-pipes-are-not-written ()
  "A link or a pipe in the journal's place is not followed, nor waited for."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth")
    (let ((link (mew-submit-test--peer-file peer "link"))
          (pipe (mew-submit-test--peer-file peer "pipe"))
          (victim (mew-submit-test--peer-file peer "victim")))
      (mew-submit-test-write victim "")
      (make-symbolic-link victim link)
      (call-process "mkfifo" nil nil nil pipe)
      (dolist (journal (list link pipe))
        (should (equal (plist-get (mew-submit-journal-tests--run peer "s" :journal journal)
                                  :kind)
                       "internal")))
      (should (equal (mew-submit-test-octets victim) "")))))

(ert-deftest mew-submit-journal-tests-cut-off-line-is-ended ()
  "A line that a crash has cut off does not swallow the next one; the file is private."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth")
    (mew-submit-test-write (mew-submit-journal-tests--file peer) "dot 0 1\nrepl")
    (mew-submit-journal-tests--run peer "s")
    (should (equal (seq-take (mew-submit-journal-tests--lines peer) 3)
                   '("dot 0 1" "repl" "dot 0 2")))
    (delete-file (mew-submit-journal-tests--file peer))
    (mew-submit-journal-tests--run peer "s")
    (should (equal (file-modes (mew-submit-journal-tests--file peer)) #o600))))

(provide 'mew-submit-journal-tests)
;;; mew-submit-journal-tests.el ends here
