;;; walk.el --- Through how many functions and files one message goes -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -L . -L lisp -L test -l test/bench/walk.el -f mew-submit-walk [TOP]
;;
;; One message, from C-c C-c in a buffer in Message mode, with `mew-submit-mode' on, to the
;; copy in an mbox: one recipient, STARTTLS, SCRAM, the test server on loopback.  Every
;; function of mew-submit notes each call of it.  Printed are calls, distinct functions, rooms
;; (files entered), and changes of room (a call in another file than the call before),
;; until the command returns and from then on, and what is called most (TOP of them).
;;
;; It is done as a batch Emacs does it, and as one that somebody uses.  What is printed is
;; for comparing with an earlier run; nothing here passes or fails.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'mew-submit)
(require 'mew-submit-clients)
(require 'message)

(declare-function mew-submit-mode "mew-submit-clients" (&optional arg))

(defvar mew-submit-walk--calls nil
  "The functions that were called, newest first.")

(defvar mew-submit-walk--known nil
  "The functions that note their calls.")

(defun mew-submit-walk--room (function)
  "Return the file of FUNCTION, without what all names begin with."
  (let ((name (file-name-base (or (symbol-file function 'defun) "?"))))
    (string-remove-prefix "mew-submit-" name)))

(defun mew-submit-walk--note (&rest _)
  "Have all functions of mew-submit that are there note their calls."
  (mapatoms
   (lambda (symbol)
     (when (and (string-prefix-p "mew-submit-" (symbol-name symbol))
                (not (string-match-p "\\`mew-submit-\\(?:-mod\\|walk\\|test\\)-"
                                     (symbol-name symbol)))
                (fboundp symbol)
                (functionp symbol)
                (not (autoloadp (symbol-function symbol)))
                (not (memq symbol mew-submit-walk--known)))
       (push symbol mew-submit-walk--known)
       (advice-add symbol :before
                   (lambda (&rest _) (push symbol mew-submit-walk--calls)))))))

(defun mew-submit-walk--compose (directory)
  "Make the current buffer a message, to be filed in DIRECTORY."
  (message-mode)
  (insert "From: me@example.org\nTo: you@example.net\nSubject: A walk\n"
          "Fcc: " (expand-file-name "sent" directory) "\n"
          mail-header-separator "\nHello.\n"))

(defun mew-submit-walk--send (peer directory)
  "Send a message to PEER and have it filed in DIRECTORY.
Return the calls until the command was over, and those from then on."
  (let ((message-send-mail-function #'ignore)
        (message-confirm-send nil)
        (message-interactive nil)
        before)
    (mew-submit-mode 1)
    (mew-submit-test-until ("the outbox") (null mew-submit-known--looks))
    (with-temp-buffer
      (mew-submit-walk--compose directory)
      (setq mew-submit-walk--calls nil)
      (message-send)
      (setq before (reverse mew-submit-walk--calls)
            mew-submit-walk--calls nil)
      (set-buffer-modified-p nil))
    (mew-submit-test-until ("the copy")
      (file-exists-p (expand-file-name "sent" directory)))
    ;; Nothing here may call what is counted.
    (mew-submit-test-until ("the end")
      (null (directory-files-recursively mew-submit-outbox-directory "\\.e\\(ml\\|ld\\)\\'")))
    (unless (mew-submit-test-stored peer)
      (error "It was not delivered"))
    (prog1 (list before (reverse mew-submit-walk--calls))
      (mew-submit-mode -1))))

(defun mew-submit-walk--changes (calls)
  "Return how often one of CALLS is in another file than the one before."
  (cl-loop for (one other) on (mapcar #'mew-submit-walk--room calls)
           count (and other (not (equal one other)))))

(defun mew-submit-walk--line (what calls)
  "Print a line about WHAT, which took CALLS."
  (princ (format "%-28s %6d %10d %6d %8d\n" what (length calls)
                 (length (seq-uniq calls))
                 (length (seq-uniq (mapcar #'mew-submit-walk--room calls)))
                 (mew-submit-walk--changes calls))))

(defun mew-submit-walk--counted (things)
  "Return (COUNT . THING) for each of THINGS, the most frequent first."
  (let ((counts (make-hash-table :test #'equal))
        pairs)
    (dolist (thing things)
      (cl-incf (gethash thing counts 0)))
    (maphash (lambda (thing count) (push (cons count thing) pairs)) counts)
    (sort pairs (lambda (a b) (> (car a) (car b))))))

(defun mew-submit-walk--steps (calls)
  "Return the changes of room in CALLS, each (FILE . FILE)."
  (cl-loop for (one other) on (mapcar #'mew-submit-walk--room calls)
           when (and other (not (equal one other)))
           collect (format "%s > %s" one other)))

(defun mew-submit-walk--tell (what walk top)
  "Print about WALK, done by WHAT, figures and the TOP of the most frequent."
  (princ (format "%-28s %6s %10s %6s %8s\n" what "calls" "functions" "rooms" "changes"))
  (mew-submit-walk--line "until the command returns" (nth 0 walk))
  (mew-submit-walk--line "from then to the copy" (nth 1 walk))
  (let ((calls (apply #'append walk)))
    (mew-submit-walk--line "together" calls)
    (dolist (list (list calls (mapcar #'mew-submit-walk--room calls)
                        (mew-submit-walk--steps calls)))
      (pcase-dolist (`(,count . ,thing) (seq-take (mew-submit-walk--counted list) top))
        (princ (format "%6d  %s\n" count thing))))
    (princ "\n")))

(defun mew-submit-walk--go (batch)
  "Return the calls of one message, as in BATCH mode or not."
  (mew-submit-test-with-directory directory
    (let ((home (expand-file-name "home/" directory)))
      (make-directory home)
      (mew-submit-test-with-peer
          (peer :bind '((auth-source-do-cache) (user-mail-address . "me@example.org"))
                "--user" "me" "--password" "secret" "127.0.0.1:0,name=main,chunking")
        (let* ((noninteractive batch)
               (mew-submit-outbox-directory (expand-file-name "outbox/" directory))
               (mew-submit-memory-file (expand-file-name "servers.eld" directory))
               (mew-submit-negative-cache-file (expand-file-name "networks.eld" directory))
               (mew-submit-network-negative--active (not batch))
               (mew-submit-accounts
                (list (append '(:name "main" :user "me")
                              (mew-submit-test-account peer "main"))))
               (auth-sources (list (mew-submit-test-write
                                    (expand-file-name "authinfo" directory)
                                    "machine 127.0.0.1 login me password secret\n"))))
          (set-file-modes (car auth-sources) #o600)
          (mew-submit-walk--send peer directory))))))

(defun mew-submit-walk ()
  "Print through how many functions and files one message goes."
  (let ((top (string-to-number (or (pop command-line-args-left) "0"))))
    (add-hook 'after-load-functions #'mew-submit-walk--note)
    (mew-submit-walk--note)
    (mew-submit-walk--tell "in batch mode" (mew-submit-walk--go t) top)
    (mew-submit-walk--tell "as a user sends it" (mew-submit-walk--go nil) top)))

(provide 'walk)
;;; walk.el ends here
