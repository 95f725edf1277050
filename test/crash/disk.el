;;; disk.el --- Sending from an outbox on a full disk -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Called by disk.sh with the directory of a small file system.

;;; Code:

(require 'mew-submit)
(require 'mew-submit-spool)
(require 'mew-submit-queue)
(require 'mew-submit-test-helpers)

(defun crash-disk--say (claim good)
  "Print that CLAIM is true if GOOD, else that it is not."
  (princ (if good
             (format "ok - crash: %s\n" claim)
           (format "not ok - crash: %s: it is not so\n" claim))))

(defun crash-disk--fill (directory)
  "Fill the file system of DIRECTORY; return the file that does it."
  (let ((file (expand-file-name "filler" directory)))
    (call-process "sh" nil nil nil "-c" "cat /dev/zero >\"$1\"" "sh" file)
    file))

(defun crash-disk--add (directory account)
  "Put a message into DIRECTORY, by ACCOUNT, without sending it; return its ID."
  (let ((raw (mew-submit-test-write (expand-file-name "raw" directory)
                                    "From: me@x\nTo: a@x\n\nb\n")))
    (prog1 (mew-submit-queue--add raw :account account :held t)
      (delete-file raw))))

(defun crash-disk--settle ()
  "Wait until nothing is being sent."
  (mew-submit-test-until ("the queue" 120)
    (null (mew-submit-known--running))))

(defun crash-disk-run ()
  "Send from an outbox on a full disk, and again when there is room."
  (let* ((mew-submit-outbox-directory (pop command-line-args-left))
         (directory mew-submit-outbox-directory))
    (mew-submit-test-with-peer (peer "127.0.0.1:0,name=ok,noauth")
      (let* ((id (crash-disk--add directory
                                  (mew-submit-test-account peer "ok")))
             (entry (mew-submit-spool--read id directory))
             (filler (crash-disk--fill directory)))
        (condition-case nil
            (mew-submit-queue--send id)
          ((mew-submit-error user-error) nil))
        (crash-disk--settle)
        (crash-disk--say
         "on a full disk nothing is sent that could not be noted"
         (and (not (mew-submit-test-stored peer))
              (memq (plist-get (mew-submit-spool--read id directory) :state)
                    '(held queued sending))
              (equal (plist-get (mew-submit-spool--read id directory)
                                :recipients)
                     (plist-get entry :recipients))))
        (delete-file filler)
        (mew-submit-known--refresh)
        (mew-submit-queue--send id)
        (crash-disk--settle)
        (crash-disk--say "when there is room again it is sent, once"
                         (and (mew-submit-test-stored peer)
                              (not (mew-submit-test-stored peer 2))
                              (not (mew-submit-spool--read id directory))))
        ;; Full between the beginning and the final dot: the journal cannot be written.
        (let ((id (crash-disk--add directory
                                   (mew-submit-test-account peer "ok"))))
          (mew-submit-queue--send id)
          (crash-disk--fill directory)
          (crash-disk--settle)
          (let ((sent (mew-submit-test-stored peer 2))
                (entry (mew-submit-spool--read id directory)))
            (crash-disk--say
             "full while it is sent: it is sent and gone, or waits"
             (if sent
                 (or (null entry)
                     (not (memq (plist-get entry :state) '(queued held))))
               (and entry t)))))))))

(provide 'crash-disk)
;;; disk.el ends here
