;;; mew-submit-spool-tests.el --- Tests for messages on disk -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What is on disk, what a journal says, and what an Emacs that died leaves behind.

;;; Code:

(require 'ert)
(require 'mew-submit)
(require 'mew-submit-fate)
(require 'mew-submit-message)
(require 'mew-submit-spool)
(require 'mew-submit-test-helpers)

(defun mew-submit-spool-tests--add (directory &rest changes)
  "Add a message for a@x and b@x to DIRECTORY, its entry with CHANGES."
  (let ((raw (mew-submit-test-write
              (expand-file-name "raw" directory)
              "From: me@x\nTo: a@x\nBcc: b@x\nSubject: s\n\nbody\n")))
    (mew-submit-spool--add
     raw (mew-submit-message--fields raw) directory
     (apply #'mew-submit-spool--with
            '(:state queued :from "me@x" :recipients ("a@x" "b@x")
                     :account (:server "h" :tls required) :attempts 0)
            changes)
     t)))

(defun mew-submit-spool-tests--journal (entry lines)
  "Write LINES, a string, to the journal that counts for ENTRY."
  (mew-submit-test-write (mew-submit-spool--journal-file entry) lines))

;;; The journal

(ert-deftest mew-submit-spool-tests-a-tmpdir-that-is-gone ()
  "Before there is a module files are had on disk where TMPDIR is gone, too."
  (skip-unless (executable-find "sync"))
  (mew-submit-test-with-directory directory
    (let ((file (mew-submit-test-write (expand-file-name "file" directory) "x"))
          (temporary-file-directory (expand-file-name "gone/" directory))
          (real (and (fboundp 'mew-submit--mod-sync)
                     (symbol-function 'mew-submit--mod-sync))))
      (unwind-protect
          (progn (fmakunbound 'mew-submit--mod-sync)
                 (mew-submit-spool--sync file))
        (when real
          (fset 'mew-submit--mod-sync real))))))

(ert-deftest mew-submit-spool-tests-no-directory-at-all ()
  "Where not even the root can be opened, an outbox is not looked for for ever."
  (cl-letf (((symbol-function 'file-directory-p) #'ignore))
    (should-error (with-timeout (10 (ert-fail "It goes on and on"))
                    (mew-submit-spool--prepare "/a/b/c"))
                  :type 'mew-submit-config)))

(ert-deftest mew-submit-spool-tests-journals ()
  "Each line of a journal says what it says of each recipient, and no more."
  (pcase-dolist
      (`(,lines ,delivered ,uncertain ,unsent ,refused)
       '((nil nil nil ("a" "b" "c") nil)
         (("dot 0 3") nil ("a" "b" "c") nil nil)
         (("dot 0 3" "reply 250 2.0.0 ok") ("a" "b" "c") nil nil nil)
         (("dot 0 3" "refused 1 550 no" "reply 250 ok")
          ("a" "c") nil nil (("b" 550 "no")))
         (("dot 0 3" "refused 1 450 later" "reply 250 ok")
          ("a" "c") nil nil (("b" 450 "later")))
         (("dot 0 3" "reply 451 4.3.0 busy")
          nil nil nil (("a" 451 "451 4.3.0 busy") ("b" 451 "451 4.3.0 busy")
                       ("c" 451 "451 4.3.0 busy")))
         ;; Two transactions, the second unanswered, the third not begun.
         (("dot 0 1" "reply 250 ok" "dot 1 1") ("a") ("b") ("c") nil)
         ;; A refusal without an answer to the dot leaves the others open.
         (("dot 0 2" "refused 0 550 no") nil ("b") ("c") (("a" 550 "no")))
         ;; What is no line, or out of range, says nothing.
         (("dot 0 99" "refused 7 550 no" "" "nonsense" "reply 250")
          ("a" "b" "c") nil nil nil)))
    (ert-info ((format "%S" lines))
      (let (those)
        (dolist (said (reverse (plist-get (mew-submit-fate--of-journal '("a" "b" "c") lines)
                                          :recipients)))
          (let ((address (plist-get said :address))
                (code (plist-get said :code)))
            (cond ((eql code 250) (push address (alist-get 'delivered those)))
                  (code (push (list address code (plist-get said :text))
                              (alist-get 'refused those)))
                  ((plist-get said :sent) (push address (alist-get 'uncertain those)))
                  (t (push address (alist-get 'unsent those))))))
        (should (equal (alist-get 'delivered those) delivered))
        (should (equal (alist-get 'uncertain those) uncertain))
        (should (equal (alist-get 'unsent those) unsent))
        (should (equal (alist-get 'refused those) refused))))))

(ert-deftest mew-submit-spool-tests-settle ()
  "What became of the recipients decides the state, and who is left."
  (pcase-dolist
      (`(,said ,state ,recipients ,refused)
       '((((:address "a" :code 250) (:address "b" :code 250)) nil nil nil)
         (((:address "a" :code 250) (:address "b" :code 550 :text "no")) refused ("b") nil)
         (((:address "a" :code 250) (:address "b" :code 450 :text "later")) queued ("b") nil)
         (((:address "a" :code 550 :text "no") (:address "b" :code 450 :text "later"))
          queued ("b") (("a" 550 "no")))
         (((:address "a" :sent t) (:address "b")) uncertain ("a" "b") nil)
         (((:address "a") (:address "b")) queued ("a" "b") nil)))
    (ert-info ((format "%S" said))
      (let ((entry (mew-submit-fate--settle
                    '(:id "i" :state sending :recipients ("a" "b"))
                    (list :recipients said))))
        (should (eq (plist-get entry :state) state))
        (should (equal (plist-get entry :recipients) recipients))
        (should (equal (plist-get entry :refused) refused))))))

;;; On disk

(ert-deftest mew-submit-spool-tests-add ()
  "A message and its entry are there, for the owner only, and Bcc is not."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((entry (mew-submit-spool-tests--add directory))
           (files (directory-files directory t
                                   directory-files-no-dot-files-regexp)))
      (should (= (length files) 2))
      (dolist (file files)
        (should (= (file-modes file) #o600)))
      (should (equal (mew-submit-test-octets
                      (mew-submit-spool--message-file entry))
                     "From: me@x\nTo: a@x\nSubject: s\n\nbody\n"))
      (should (equal (mew-submit-spool--ids directory)
                     (list (plist-get entry :id))))
      (should (equal (plist-get entry :recipients) '("a@x" "b@x")))
      (should (= (plist-get entry :bytes)
                 (length "From: me@x\nTo: a@x\nSubject: s\n\nbody\n"))))))

(ert-deftest mew-submit-spool-tests-printed-for-no-user ()
  "An entry says the same, whatever the user has set for what Emacs prints.
A time that is rounded would have a mail that is to go later go at once."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((entry (mew-submit-spool-tests--add directory))
           (news (list :state 'held :next 1795719124.25 :not-before 1795719124.25
                       :last "a\nb" :recipients '("a@x" "b@x" "c@x"))))
      (let ((print-length 2) (print-level 1) (print-quoted nil)
            (print-escape-newlines nil) (print-integers-as-characters t)
            (float-output-format "%.3g"))
        (mew-submit-spool--write (apply #'mew-submit-spool--with entry news)))
      (let ((read (mew-submit-spool--read (plist-get entry :id) directory)))
        (cl-loop for (key value) on news by #'cddr
                 do (should (equal (plist-get read key) value)))))))

(defun mew-submit-spool-tests--steps (function)
  "Call FUNCTION and return what it syncs and renames, in order.
A directory is told by its name, a file by what follows the identifier."
  (let* (steps
         (short (lambda (file)
                  (let ((name (file-name-nondirectory (directory-file-name file))))
                    (cond ((string-match "\\.eml.*\\|\\.eld.*" name)
                           (match-string 0 name))
                          ((equal name "edited") name)
                          (t "directory")))))
         (note (lambda (what)
                 (lambda (file &rest _)
                   (push (list what (funcall short file)) steps))))
         (sync (funcall note 'sync))
         (rename (funcall note 'rename)))
    (mew-submit-module--ensure)
    (unwind-protect
        (progn
          (advice-add 'mew-submit--mod-sync :before sync)
          (advice-add 'rename-file :before rename)
          (funcall function))
      (advice-remove 'mew-submit--mod-sync sync)
      (advice-remove 'rename-file rename))
    (nreverse steps)))

(ert-deftest mew-submit-spool-tests-order-on-disk ()
  "Whatever gets its name is on disk before, and the message's name is the last.
A state that has to last has its name on disk, and so has a message that moves."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let (entry)
      (pcase-dolist
          (`(,function ,steps)
           (list (list (lambda ()
                         (setq entry (mew-submit-spool-tests--add directory)))
                       '((sync ".eml.part")
                         (sync ".eld.part") (rename ".eld.part")
                         (rename ".eml.part")
                         (sync "directory")))
                 (list (lambda () (mew-submit-spool--write entry))
                       '((sync ".eld.part") (rename ".eld.part")))
                 (list (lambda () (mew-submit-spool--write entry t))
                       '((sync ".eld.part") (rename ".eld.part")
                         (sync "directory")))
                 (list (lambda () (mew-submit-spool--set-aside entry))
                       ;; The first of them makes the directory, whose name has to last.
                       '((sync "directory")
                         (sync ".eld.part") (rename ".eld.part") (sync "edited")
                         (sync ".eml") (rename ".eml") (sync "edited")))))
        (should (equal (mew-submit-spool-tests--steps function) steps))))))

(ert-deftest mew-submit-spool-tests-one-name-for-two ()
  "Two Emacsen that choose the same name at the same moment lose neither's message.
One of them is told of an error, wherever the other is then."
  :tags '(:module)
  (pcase-dolist (`(,function ,when ,move)
                 '((mew-submit-message--copy :before nil)
                   (mew-submit-message--copy :after nil)
                   (mew-submit-spool--sync :before nil)
                   (rename-file :before t)
                   (mew-submit-spool--sync :before t)))
    (ert-info ((format "%s %s %s" when function move))
      (mew-submit-test-with-directory directory
        (cl-letf* ((id "20200101T000000-aaaaaa")
                   ((symbol-function 'mew-submit-spool--new-id) (lambda (_) id)))
          (let* (outcomes inside
                 (add (lambda (subject)
                        (let ((raw (mew-submit-test-write
                                    (expand-file-name subject directory)
                                    "From: me@x\nTo: a@x\n\nbody\n")))
                          (push (condition-case nil
                                    (plist-get
                                     (mew-submit-spool--add
                                      raw (mew-submit-message--fields raw) directory
                                      (list :state 'queued :from "me@x" :recipients '("a@x")
                                            :account nil :subject subject)
                                      move)
                                     :subject)
                                  (mew-submit-config 'failed))
                                outcomes))))
                 (other (lambda (&rest _)
                          (unless inside
                            (setq inside t)
                            (funcall add "other")))))
            (advice-add function when other)
            (unwind-protect
                (funcall add "mine")
              (advice-remove function other))
            (should (= (length outcomes) 2))
            (should (= (seq-count #'stringp outcomes) 1))
            (should (equal (plist-get (mew-submit-spool--read id directory) :subject)
                           (seq-find #'stringp outcomes)))
            (should-not (directory-files directory nil "\\.part\\'"))))))))

(ert-deftest mew-submit-spool-tests-text-survives ()
  "Whatever an entry holds is the same when it is read again."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((last "550 \"x\" \\ \0 \e[31m ü\n) (error)")
           (entry (mew-submit-spool-tests--add directory :last last
                                               :history '((1.5 . "#<buffer>"))))
           (again (mew-submit-spool--read (plist-get entry :id) directory)))
      (should (equal (plist-get again :last) last))
      (should (equal (plist-get again :history) '((1.5 . "#<buffer>")))))))

(ert-deftest mew-submit-spool-tests-unreadable-account ()
  "An account that could not be read again is refused, and nothing is left."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (should-error (mew-submit-spool-tests--add
                   directory :account (list :server "h"
                                            :token-function (current-buffer)))
                  :type 'mew-submit-config)
    (should-not (mew-submit-spool--ids directory))
    (should-not (directory-files directory nil "\\.\\(?:eld\\|part\\)\\'"))))

(ert-deftest mew-submit-spool-tests-broken-entries ()
  "A message whose entry cannot be read is shown as broken, and says why."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (dolist (junk '("" "(" "(:state nonsense)" "(:state queued :recipients 3)"
                    "\0\0\0" "(:state queued :recipients (1) :account nil)"
                    "#s(hash-table" "(:state queued :recipients . \"a\")"))
      (ert-info (junk)
        (let* ((entry (mew-submit-spool-tests--add directory))
               (id (plist-get entry :id)))
          (mew-submit-test-write
           (mew-submit-spool--file id ".eld" directory) junk)
          (let ((broken (mew-submit-spool--read id directory)))
            (should (eq (plist-get broken :state) 'broken))
            (should (string-match-p "cannot be read" (plist-get broken :last)))
            (should (equal (plist-get broken :recipients) '("a@x")))))))))

(ert-deftest mew-submit-spool-tests-copies-by-other-programs ()
  "A copy that another program has made of a message is shown, and never sent."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((entry (mew-submit-spool-tests--add directory))
           (id (plist-get entry :id)))
      (dolist (copy (list (concat id ".sync-conflict-20260101-120000-ABCDEFG")
                          (concat id " (a's conflicted copy 2026-01-01)") (concat id " (copy)")))
        (dolist (suffix '(".eml" ".eld"))
          (copy-file (mew-submit-spool--file id suffix directory)
                     (mew-submit-spool--file copy suffix directory)))
        (let ((read (mew-submit-spool--read copy directory)))
          (should (eq (plist-get read :state) 'broken))
          (should (string-search "copy of a mail" (plist-get read :last)))
          (mew-submit-spool--remove read)))
      (should (equal (mew-submit-spool--ids directory) (list id)))
      (should (equal (mew-submit-spool--read id directory) entry)))))

(ert-deftest mew-submit-spool-tests-what-cannot-be-taken-back-is-taken ()
  "A message that is there when its directory fails is taken, if it cannot be removed.
It would be sent, and sent again by whoever was told that it was not taken."
  (dolist (kept '(nil t))
    (mew-submit-test-with-directory directory
      (let ((sync (symbol-function 'mew-submit-spool--sync))
            (delete (symbol-function 'delete-file)))
        (cl-letf (((symbol-function 'mew-submit-spool--sync)
                   (lambda (file)
                     (when (file-directory-p file)
                       (signal 'mew-submit-internal '(:text "Read-only file system")))
                     (funcall sync file)))
                  ((symbol-function 'delete-file)
                   (lambda (file &rest more)
                     (when (and kept (string-suffix-p ".eml" file))
                       (signal 'file-error (list "Read-only file system" file)))
                     (apply delete file more))))
          (if (not kept)
              (should-error (mew-submit-spool-tests--add directory) :type 'mew-submit-config)
            (let ((entry (mew-submit-spool-tests--add directory)))
              (should (equal entry (mew-submit-spool--read (plist-get entry :id)
                                                           directory))))))
        (should (eq (and (mew-submit-spool--ids directory) t) kept))))))

(ert-deftest mew-submit-spool-tests-a-place-that-is-none ()
  "Why a directory cannot be the outbox, a link or a file in its place, is told."
  (mew-submit-test-with-directory directory
    (let ((link (expand-file-name "link" directory)))
      (make-symbolic-link (expand-file-name "away" directory) link)
      (pcase-dolist (`(,place . ,words)
                     `((,link . "leads to nowhere, perhaps its disk is away.*link/")
                       (,(mew-submit-test-write (expand-file-name "file" directory) "")
                        . "is a file, and no directory.*file/")))
        (dolist (below '("" "/outbox"))
          (should (string-match-p
                   words (mew-submit-error--text
                          (should-error (mew-submit-spool--prepare (concat place below))
                                        :type 'mew-submit-config)))))))))

(ert-deftest mew-submit-spool-tests-gone-while-it-is-read ()
  "What another Emacs removes while it is looked at is gone, and not broken."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((entry (mew-submit-spool-tests--add directory)))
      (cl-letf (((symbol-function 'mew-submit-spool--sound-p)
                 (lambda (_)
                   (mew-submit-spool--remove entry)
                   nil)))
        (should-not (mew-submit-spool--read (plist-get entry :id) directory))))))

(ert-deftest mew-submit-spool-tests-clean ()
  "Only what belongs to no message, and is old, is swept away."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((entry (mew-submit-spool-tests--add directory))
           (old (time-subtract nil 100000))
           (left (lambda ()
                   (length (directory-files directory nil
                                            directory-files-no-dot-files-regexp)))))
      (dolist (name '("20200101T000000-aaaaaa.eld" "copy-abcdef.part"
                      "20200101T000000-aaaaaa.1.journal" "20200101T000000-aaaaaa.eml.part"
                      ;; Whoever chooses a directory that has files of theirs finds them there.
                      "film.mkv.part" "draft-x.part" "system.journal" "a.source" "b.eld"))
        ;; As a backup has them that is being put back.
        (set-file-times (mew-submit-test-write (expand-file-name name directory) "")
                        old))
      (mew-submit-spool--clean directory)
      (should (= 11 (funcall left)))
      (mew-submit-spool--clean directory (time-add nil 100000))
      (should (= 7 (funcall left)))
      (should (equal (mew-submit-spool--read (plist-get entry :id) directory)
                     entry)))))

;;; What an Emacs that died leaves behind

(ert-deftest mew-submit-spool-tests-recover ()
  "The journal decides what is true of a message whose owner has died."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (pcase-dolist
        (`(,state ,journal ,true ,recipients)
         '((sending nil queued ("a@x" "b@x"))
           (sending "dot 0 2\n" uncertain ("a@x" "b@x"))
           (sending "dot 0 2" queued ("a@x" "b@x")) ; not all of it was written
           (sending "dot 0 2\nreply 250 ok\n" nil nil)
           (sending "dot 0 2\nreply 250 o" uncertain ("a@x" "b@x"))
           (sending "dot 0 2\nrefused 1 550 no\nreply 250 ok\n"
                    refused ("b@x"))
           (sending "dot 0 2\nreply 451 later\n" queued ("a@x" "b@x"))
           (sending "dot 0 2\nreply 550 no\n" refused ("a@x" "b@x"))
           ;; The entry of the attempt was lost in a power failure.
           (queued "dot 0 2\n" uncertain ("a@x" "b@x"))
           (refused nil refused ("a@x" "b@x"))))
      (ert-info ((format "%s %S" state journal))
        (let* ((entry (mew-submit-spool-tests--add
                       directory :state state
                       :attempts (if (eq state 'sending) 1 0)))
               (id (plist-get entry :id)))
          (when journal
            (mew-submit-spool-tests--journal entry journal))
          (let ((recovered (mew-submit-fate--recover entry))
                (now (mew-submit-spool--read id directory)))
            (should (eq (plist-get recovered :state) true))
            (should (eq (plist-get now :state) true))
            (should (equal (plist-get now :recipients) recipients))
            (should-not (directory-files directory nil "\\.journal\\'"))
            ;; Who has it is logged, also when others do not.
            (should (equal (mew-submit-spool--logged :id id directory)
                           (seq-difference (and (string-search "250 ok\n" (or journal ""))
                                                '("a@x" "b@x"))
                                           recipients)))
            (delete-file (expand-file-name "delivered.log" directory))))))))

(ert-deftest mew-submit-spool-tests-old-journals-do-not-count ()
  "A journal of an attempt that the entry tells of already says nothing new."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((entry (mew-submit-spool-tests--add directory :attempts 1)))
      (mew-submit-test-write
       (mew-submit-spool--file (plist-get entry :id) ".1.journal" directory)
       "dot 0 2\nrefused 1 450 later\nreply 250 ok\n")
      (should (equal (mew-submit-fate--recover entry) entry)))))

(ert-deftest mew-submit-spool-tests-the-journal-outlives-the-message ()
  "The journal goes when it is on disk that the message is gone.
One that came back after a power failure, without it, would be sent again."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let* ((entry (mew-submit-spool--with (mew-submit-spool-tests--add directory)
                                          :state 'sending :attempts 1))
           (journal (mew-submit-spool--journal-file entry))
           seen)
      (mew-submit-spool-tests--journal entry "dot 0 2\nreply 250 ok\n")
      (cl-letf (((symbol-function 'mew-submit-spool--sync)
                 (lambda (file)
                   (push (list file
                               (file-exists-p (mew-submit-spool--message-file entry))
                               (file-exists-p journal))
                         seen))))
        ;; As it is when all have it.
        (mew-submit-spool--remove (mew-submit-spool--with entry :state nil)))
      (should (equal seen (list (list directory nil t))))
      (should-not (directory-files directory nil "\\`[^.]")))))

(ert-deftest mew-submit-spool-tests-delivered-log ()
  "What is delivered is a line of the log, which has a bound."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((log (expand-file-name "delivered.log" directory))
          (mew-submit-delivered-log-max 300))
      (dotimes (_ 3)
        (mew-submit-fate--finish
         (mew-submit-spool--with (mew-submit-spool-tests--add directory)
                                 :delivered '("a@x") :reply "250 <new@id>"
                                 :message-id "<old@id>")
         '(:port 587)))
      (should (= (file-modes log) #o600))
      (should (file-exists-p (concat log ".1")))
      (let ((line (car (mew-submit-test-json-lines
                        (mew-submit-test-octets log)))))
        (should (equal (plist-get line :recipients) '("a@x")))
        (should (equal (plist-get line :reply) "250 <new@id>"))
        (should (equal (plist-get line :message-id) "<old@id>"))
        (should (equal (plist-get line :server) "h")))
      (should-not (mew-submit-spool--ids directory)))))

(ert-deftest mew-submit-spool-tests-who-was-not-logged ()
  "Who got a mail, and was not logged then, is when the others get it.
Emacs may have ended in between, or been one that logged each mail at its end."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((entry (mew-submit-spool--with (mew-submit-spool-tests--add directory)
                                         :attempts 2 :delivered '("a@x" "b@x" "c@x"))))
      (mew-submit-spool--log entry '(:port 587) '("b@x"))
      (mew-submit-fate--finish entry '(:port 587)
                               (mew-submit-spool--with entry :delivered '("a@x" "b@x")))
      (should (equal (sort (mew-submit-spool--logged :id (plist-get entry :id) directory)
                           #'string<)
                     '("a@x" "b@x" "c@x"))))))

(ert-deftest mew-submit-spool-tests-log-that-was-cut-off ()
  "What a full disk has left of a line makes the next one no less readable.
A message that is back from a backup is known by that."
  :tags '(:module)
  (mew-submit-test-with-directory directory
    (let ((log (expand-file-name "delivered.log" directory))
          (entry (mew-submit-spool--with (mew-submit-spool-tests--add directory)
                                         :delivered '("a@x"))))
      (dolist (before '("" "{\"time\":\"2026-" "{\"time\":\"2026-\"}\n"))
        (mew-submit-test-write log before)
        (mew-submit-fate--finish entry '(:port 587))
        (should (equal (mew-submit-spool--logged :id (plist-get entry :id) directory)
                       '("a@x")))
        (should (string-prefix-p (concat (string-trim-right before "\n")
                                         (unless (equal before "") "\n") "{\"time\"")
                                 (mew-submit-test-octets log)))))))

(ert-deftest mew-submit-spool-tests-has-had-it ()
  "A message that is in the outbox, or has left it, is known by its Message-ID."
  :tags '(:module)
  (dolist (id '("<old@id>" "<\"a b\"@id>" "<back\\\\slash@id>" "<jos\u00e9@id>"))
    (ert-info (id)
      (mew-submit-test-with-directory directory
        (cl-flet ((has (id &rest people)
                    (mew-submit-spool--has-p id people directory)))
          (should-not (has id "a@x"))
          (let ((entry (mew-submit-spool--with (mew-submit-spool-tests--add directory)
                                               :message-id id :recipients '("b@x")
                                               :delivered '("a@x"))))
            (mew-submit-spool--write entry)
            (should (has id "A@x" "b@x"))
            (should-not (has id "a@x" "c@x"))
            (mew-submit-fate--finish
             (mew-submit-spool--with entry :recipients nil :delivered '("a@x" "b@x")) nil))
          (should-not (mew-submit-spool--ids directory))
          (should (has id "A@x" "b@x"))
          (should-not (has id "c@x"))
          ;; Capitals make another identifier.
          (should-not (has (upcase id) "a@x"))
          (should-not (has "<other@id>" "a@x")))))))

(ert-deftest mew-submit-spool-tests-what-others-can-write-to ()
  "An outbox that others can write to is not used, nor read; 0755 is put right.
SECURITY: P3."
  (mew-submit-test-with-directory directory
    (let ((copies (mew-submit-spool--copies directory)))
      (make-directory copies)
      (dolist (modes '(#o777 #o770 #o702))
        (dolist (place (list directory copies))
          (set-file-modes place modes)
          (should-error (mew-submit-spool--prepare place) :type 'mew-submit-config)
          (should-error (mew-submit-spool--ids place) :type 'mew-submit-config)))
      (should (= (file-modes copies) #o702))
      (set-file-modes directory #o755)
      ;; On a disk without permissions, as a memory stick's; a drive of Windows says yes.
      (dolist (chmod (list (lambda (&rest _)
                             (signal 'file-error '("Doing chmod" "Operation not permitted")))
                           #'ignore))
        (cl-letf (((symbol-function 'set-file-modes) chmod))
          (should (string-match-p
                   "Others can read the outbox .*: set mew-submit-outbox-directory"
                   (mew-submit-error--text
                    (should-error (mew-submit-spool--prepare directory)
                                  :type 'mew-submit-config))))))
      (mew-submit-spool--prepare directory)
      (should (= (file-modes directory) #o700))
      ;; Somebody else's.
      (cl-letf (((symbol-function 'user-uid) (lambda () 4711)))
        (should-error (mew-submit-spool--ids directory)
                      :type 'mew-submit-config)))))

(ert-deftest mew-submit-spool-tests-parents-are-on-disk ()
  "The directories that are made for the outbox are on disk under their names."
  (mew-submit-test-with-directory directory
    (mew-submit-module--ensure)
    (let (synced)
      (cl-letf (((symbol-function 'mew-submit-spool--sync)
                 (lambda (file) (push (file-relative-name file directory) synced))))
        (mew-submit-spool--prepare (expand-file-name "a/b/outbox/" directory)))
      (should (equal synced '("a/b/" "a/" "./"))))))

(ert-deftest mew-submit-spool-tests-no-lock-files ()
  "A lock file that an Emacs elsewhere has left asks nothing of anybody.
SECURITY: P5."
  (mew-submit-test-with-directory directory
    (mew-submit-module--ensure)
    (let ((entry (list :id "x" :directory directory
                       :stem (expand-file-name "x" directory) :state 'held
                       :delivered '("a@x"))))
      (dolist (name '("delivered.log" "x.eld.part" "state"))
        (make-symbolic-link "bob@elsewhere.1:1" (expand-file-name
                                                 (concat ".#" name) directory)))
      (cl-letf (((symbol-function 'ask-user-about-lock)
                 (lambda (&rest _) (ert-fail "It asks"))))
        (let ((create-lockfiles t))
          (mew-submit-spool--write entry t)
          (mew-submit-spool--log entry nil '("a@x"))
          (mew-submit-store--write (expand-file-name "state" directory) "c" 1)))
      (should (file-exists-p (expand-file-name "delivered.log" directory))))))

(provide 'mew-submit-spool-tests)
;;; mew-submit-spool-tests.el ends here
