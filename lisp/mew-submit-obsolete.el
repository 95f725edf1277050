;;; mew-submit-obsolete.el --- Names that programs outside have used -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Until 0.2 the names of internal functions looked as if they were for everybody.  It
;; owns those that programs and users' files outside are known to have called: they go
;; on working, and the compiler says what to call instead.

;;; Code:

(defmacro mew-submit-obsolete--functions (&rest rows)
  "Make an obsolete alias of each of ROWS, (OLD NEW)."
  `(progn
     ,@(mapcar (lambda (row)
                 `(define-obsolete-function-alias ',(car row) ',(cadr row) "0.2.0"))
               rows)))

(mew-submit-obsolete--functions
 (mew-submit-account-choose mew-submit-account--choose)
 (mew-submit-browser--take mew-submit-edit--take)
 (mew-submit-diagnose-copy-text mew-submit-view-copy)
 (mew-submit-diagnose-network-copy mew-submit-view-copy)
 (mew-submit-domain-copy mew-submit-view-copy)
 (mew-submit-negative-learn mew-submit-network-negative--learn)
 (mew-submit-outbox-file mew-submit-spool--file)
 (mew-submit-outbox-ids mew-submit-spool--ids)
 (mew-submit-outbox-lock mew-submit-spool--lock)
 (mew-submit-outbox-message-file mew-submit-spool--message-file)
 (mew-submit-outbox-with mew-submit-spool--with)
 (mew-submit-outbox-write mew-submit-spool--write)
 (mew-submit-queue-add mew-submit-queue--add)
 (mew-submit-queue-cancel mew-submit-queue--cancel)
 (mew-submit-queue-delete mew-submit-queue--delete)
 (mew-submit-queue-entries mew-submit-known--entries)
 (mew-submit-queue-entry mew-submit-known--entry)
 (mew-submit-queue-leave mew-submit-dispatch--leave)
 (mew-submit-queue-look mew-submit-known--refresh)
 (mew-submit-queue-run mew-submit-dispatch--run)
 (mew-submit-queue-running mew-submit-known--running)
 (mew-submit-queue-send mew-submit-queue--send)
 (mew-submit-queue-start mew-submit-dispatch--start)
 (mew-submit-relay-places mew-submit-relay--places)
 (mew-submit-report-advice mew-submit-report--advice)
 (mew-submit-session-list mew-submit-job--list))

;; Files of before, whose functions are above.
(provide 'mew-submit-browser)
(provide 'mew-submit-session)

(provide 'mew-submit-obsolete)
;;; mew-submit-obsolete.el ends here
