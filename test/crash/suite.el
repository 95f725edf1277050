;;; suite.el --- No message is lost and none is sent twice, whenever Emacs dies -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; An Emacs with mail to send is killed (SIGKILL) before and after every step that
;; changes something outside it, and at random moments; another one finds the outbox.
;; One message waits for an answer on its way, another one is edited before it is sent.
;; In the end each message that was taken is at the server once, or it is `uncertain'
;; and there at most once.  Two Emacsen on one outbox send each message once.

;;; Code:

(require 'cl-lib)
(require 'mew-submit)
(require 'mew-submit-spool)
(require 'mew-submit-queue)
(require 'mew-submit-test-helpers)
(require 'seq)

(defconst crash-suite--here
  (file-name-directory (or load-file-name buffer-file-name))
  "Where this file is.")

(defvar crash-suite--peer nil
  "The server.")

(defvar crash-suite--counts (make-hash-table :test #'equal)
  "How often the server has accepted each Message-ID.")

(defvar crash-suite--seen 0
  "How many of the server's messages have been counted.")

(defun crash-suite--say (claim problem)
  "Print that CLAIM is true, or else what PROBLEM it has."
  (princ (if problem
             (format "not ok - crash: %s: %s\n" claim problem)
           (format "ok - crash: %s\n" claim))))

(defun crash-suite--count ()
  "Count what the server has accepted since it was counted last."
  (let (stored)
    (while (setq stored (mew-submit-test-stored crash-suite--peer
                                                (1+ crash-suite--seen)))
      (cl-incf crash-suite--seen)
      (when (string-match "^Message-ID: \\(<[^>]+>\\)" stored)
        (cl-incf (gethash (match-string 1 stored) crash-suite--counts 0))))))

(defun crash-suite--start (directory &rest environment)
  "Start an Emacs on the outbox in DIRECTORY, with ENVIRONMENT, and return it."
  ;; A current directory below ~ would be another one in its home.
  (let ((default-directory directory)
        (process-environment
         (append environment
                 (list (concat "CRASH_OUTBOX=" directory "outbox/")
                       (concat "CRASH_ACK=" directory "ack")
                       (format "CRASH_PORT=%d"
                               (mew-submit-test-port crash-suite--peer "ok"))
                       (concat "CRASH_CA="
                               (mew-submit-test-ca crash-suite--peer))
                       (concat "TMPDIR=" directory)
                       (concat "HOME=" directory))
                 process-environment)))
    (make-process :name "child" :noquery t :connection-type 'pipe
                  :buffer (get-buffer-create " *child*")
                  :command (list mew-submit-test-emacs "-Q" "--batch" "--eval"
                                 "(setq native-comp-deferred-compilation nil)"
                                 "-L" mew-submit-test-root
                                 "-L" (expand-file-name "lisp" mew-submit-test-root)
                                 "-l" (expand-file-name "child.el"
                                                        crash-suite--here)
                                 "-f" "crash-child-run"))))

(defun crash-suite--wait (process)
  "Wait for PROCESS; return t if it ended by itself and well."
  (mew-submit-test-until ("an Emacs to end" 300)
    (not (process-live-p process)))
  (and (eq (process-status process) 'exit)
       (zerop (process-exit-status process))))

(defun crash-suite--acknowledged (directory)
  "Return the Message-IDs that were taken into the outbox in DIRECTORY."
  (let ((file (expand-file-name "ack" directory)))
    (and (file-exists-p file)
         (split-string (mew-submit-test-octets file) "\n" t))))

(defun crash-suite--states (directory)
  "Return the states of the messages in DIRECTORY's outbox: (MESSAGE-ID . STATE)."
  (let ((outbox (expand-file-name "outbox/" directory)))
    (mapcar (lambda (id)
              (let ((entry (mew-submit-spool--read id outbox)))
                (cons (plist-get entry :message-id)
                      (plist-get entry :state))))
            (mew-submit-spool--ids outbox))))

(defun crash-suite--problem (directory)
  "Return what is wrong with what became of the messages in DIRECTORY, or nil."
  (crash-suite--count)
  (let ((states (crash-suite--states directory)))
    (or (seq-some
         (lambda (id)
           (let ((count (gethash id crash-suite--counts 0))
                 (state (cdr (assoc id states))))
             (cond ((> count 1) (format "%s was sent %d times" id count))
                   ((and (= count 0) (not (eq state 'uncertain)))
                    (format "%s is lost (%s)" id state))
                   ((and (= count 1) state (not (eq state 'uncertain)))
                    (format "%s was sent and is %s" id state)))))
         (crash-suite--acknowledged directory))
        (seq-some (lambda (pair)
                    (and (not (eq (cdr pair) 'uncertain))
                         (format "%s is left %s" (car pair) (cdr pair))))
                  states)
        (seq-some (lambda (id)
                    (and (> (gethash id crash-suite--counts) 1)
                         (format "%s was sent twice" id)))
                  (hash-table-keys crash-suite--counts)))))

(defun crash-suite--finish (directory)
  "Let an Emacs finish what is in DIRECTORY; return what is wrong then, or nil."
  (if (crash-suite--wait (crash-suite--start directory))
      (crash-suite--problem directory)
    (format "the Emacs after it failed: %s"
            (with-current-buffer " *child*"
              (buffer-substring (max (point-min) (- (point-max) 300))
                                (point-max))))))

;;; Every step

(defun crash-suite--step (number)
  "Kill an Emacs at the step with NUMBER.
Return nil when it had ended before, else t or what is wrong afterwards."
  (mew-submit-test-with-directory directory
    (if (crash-suite--wait
         (crash-suite--start directory "CRASH_ADD=2" "CRASH_HANDS=t"
                             (format "CRASH_PREFIX=step-%d" number)
                             (format "CRASH_AT=%d" number)))
        nil
      (or (crash-suite--finish directory) t))))

(defun crash-suite--steps (part parts)
  "Kill an Emacs at every step of the PART of PARTS: its number and each PARTS on.
Return how many steps there are at least."
  (let ((number part)
        (outcome t)
        problem)
    (while (and outcome (not problem))
      (setq outcome (crash-suite--step number))
      (when (stringp outcome)
        (setq problem (format "step %d: %s" number outcome)))
      (cl-incf number parts))
    (cl-decf number parts)
    (crash-suite--say
     (format "killed before and after every step, part %d of %d, all is well"
             part parts)
     (or problem
         (and (< number 40)
              (format "there were only %d steps" number))))
    (princ (format "# %d steps\n" (/ (- number part) parts)))
    (- number parts)))

;;; Random moments

(defconst crash-suite--kills 200
  "How often an Emacs is killed, the steps counted in.")

(defun crash-suite--kill-randomly (directory range &rest environment)
  "Start an Emacs for DIRECTORY with ENVIRONMENT and kill it within RANGE seconds.
Return t when it was killed, nil when it ended before."
  (let* ((process (apply #'crash-suite--start directory environment))
         (until (+ (float-time) (* range (/ (random 1000) 1000.0)))))
    (while (and (process-live-p process) (< (float-time) until))
      (accept-process-output process (max 0 (- until (float-time)))))
    (prog1 (process-live-p process)
      (when (process-live-p process)
        (signal-process process 'SIGKILL))
      (mew-submit-test-until ("the Emacs to be gone" 120)
        (not (process-live-p process))))))

(defun crash-suite--world (number kills range)
  "Kill Emacsen that work on one outbox, the one with NUMBER, up to KILLS times.
RANGE is how long one works at most.  Return (KILLED . PROBLEM)."
  (mew-submit-test-with-directory directory
    (let ((killed 0)
          (more t))
      (when (crash-suite--kill-randomly directory range "CRASH_ADD=20"
                                        (format "CRASH_PREFIX=random-%d" number))
        (cl-incf killed))
      (while (and more (< killed kills))
        (setq more (crash-suite--kill-randomly directory range))
        (when more
          (cl-incf killed)))
      (cons killed (crash-suite--finish directory)))))

(defun crash-suite--duration ()
  "Return how long an Emacs works on 20 messages, in seconds."
  (mew-submit-test-with-directory directory
    (let ((start (float-time)))
      (crash-suite--wait (crash-suite--start directory "CRASH_ADD=20"
                                             "CRASH_PREFIX=duration"))
      (- (float-time) start))))

(defun crash-suite--random (kills part parts)
  "Kill Emacsen at random moments, KILLS times, as the PART of PARTS."
  (let ((range (crash-suite--duration))
        (killed 0)
        (number 0)
        problem)
    (while (and (< killed kills) (not problem))
      (pcase-let ((`(,more . ,found)
                   (crash-suite--world (cl-incf number) (- kills killed) range)))
        (setq killed (+ killed more)
              problem found)))
    (crash-suite--say (format "killed at random moments, part %d of %d, all is well"
                              part parts)
                      problem)
    (princ (format "# killed %d times at random moments\n" killed))
    (princ (format "# %d outboxes with 20 messages each\n" number))))

;;; Two at once

(defun crash-suite--fill (directory count prefix)
  "Put COUNT messages, whose Message-IDs begin with PREFIX, into DIRECTORY."
  (let ((outbox (mew-submit-spool--prepare (expand-file-name "outbox" directory)))
        (raw (expand-file-name "raw" directory))
        (account (mew-submit-test-account crash-suite--peer "ok"
                                          :fallback 'always)))
    (dotimes (number count)
      (let ((id (format "<%s-%d@x>" prefix number)))
        (mew-submit-test-write
         raw (format "From: me@x\nTo: a@x\nMessage-ID: %s\n\nb\n" id))
        (mew-submit-spool--add
         raw (mew-submit-message--fields raw) outbox
         (list :state 'queued :from "me@x" :recipients '("a@x")
               :account account :attempts 0 :message-id id
               :created (float-time)))
        (let ((coding-system-for-write 'no-conversion))
          (write-region (concat id "\n") nil (expand-file-name "ack" directory)
                        t 'silent))))))

(defun crash-suite--two ()
  "Let two Emacsen work on one outbox of 200 messages."
  (mew-submit-test-with-directory directory
    (crash-suite--fill directory 200 "race")
    (let ((both (list (crash-suite--start directory)
                      (crash-suite--start directory))))
      (mapc #'crash-suite--wait both)
      (crash-suite--say
       "two Emacsen on one outbox of 200 messages send each once"
       (or (crash-suite--problem directory)
           (and (crash-suite--states directory) "some are left"))))))

;;; All

(defun crash-suite--number ()
  "Take a number from the command line."
  (string-to-number (pop command-line-args-left)))

(defmacro crash-suite--with-server (&rest body)
  "Run BODY with the server."
  `(progn
     (random t)
     (mew-submit-module--ensure)
     (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth,dot=delay:10")
       (setq crash-suite--peer peer)
       ,@body)))

(defun crash-suite-run-two ()
  "Run the test with two Emacsen."
  (crash-suite--with-server
   (crash-suite--two)))

(defun crash-suite-run-part ()
  "Kill Emacsen, as the part of so many parts that the command line says.
The parts run side by side, each with a server of its own, and share the kills."
  (let* ((part (crash-suite--number))
         (parts (crash-suite--number)))
    (crash-suite--with-server
     (let ((steps (crash-suite--steps part parts)))
       (crash-suite--random (ceiling (max 0 (- crash-suite--kills steps)) parts)
                            part parts)))))

(provide 'crash-suite)
;;; suite.el ends here
