;;; mew-submit-network-server.el --- Which server a network has let through -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the memory of which of an account's several servers has taken mail from the
;; network this machine is on, so that it is tried first there.  What is remembered
;; reorders servers, and nothing else: each is asked for all that it was asked for before.
;;
;; It is kept for as long as a blocked port is remembered, beside those.

;;; Code:

(require 'mew-submit-background)
(require 'mew-submit-network-negative)
(require 'mew-submit-store)
(require 'seq)

(defvar mew-submit-network-server--entries 'unread
  "What is remembered: ((NETWORK NAMES NAME SECONDS)...), or `unread'.
NAMES are what the servers of an account are called, in the user's order; NAME
is the one of them that has taken a mail from NETWORK.")

(defconst mew-submit-network-server--max 200
  "How many entries are kept; the oldest go first.")

(defun mew-submit-network-server--file ()
  "Return the file with what is remembered, or nil."
  (and mew-submit-negative-cache-file
       (expand-file-name "ways.eld" (file-name-directory
                                     (expand-file-name
                                      mew-submit-negative-cache-file)))))

(defun mew-submit-network-server--valid-p (entry)
  "Does ENTRY look like one, and is it not too old?"
  (pcase entry
    (`(,(pred stringp) ,(pred proper-list-p) ,(pred stringp) ,(and time (pred natnump)))
     (<= 0 (- (time-convert nil 'integer) time) mew-submit-negative-cache-expiry))))

(defun mew-submit-network-server--load ()
  "Return what is remembered and still counts.
A file that makes no sense counts as an empty one: at worst a mail takes longer."
  (let ((file (mew-submit-network-server--file)))
    (when (eq mew-submit-network-server--entries 'unread)
      (setq mew-submit-network-server--entries
            (and file (file-readable-p file)
                 (ignore-errors (mew-submit-store--read file)))))
    (setq mew-submit-network-server--entries
          (seq-filter #'mew-submit-network-server--valid-p
                      (and (proper-list-p mew-submit-network-server--entries)
                           mew-submit-network-server--entries)))))

(defun mew-submit-network-server--save (entries)
  "Have ENTRIES remembered.
That the file cannot be written is no reason to trouble anybody who sends mail."
  (let ((file (mew-submit-network-server--file)))
    (setq mew-submit-network-server--entries
          (seq-take entries mew-submit-network-server--max))
    (when file
      (condition-case err
          (mew-submit-store--write
           file "Which of several servers a network has let through, for mew-submit."
           mew-submit-network-server--entries)
        (file-error (mew-submit-background--tell
                     "Servers are remembered in memory only: %s"
                     (error-message-string err)))))))

(defun mew-submit-network-server--find (names network)
  "Return what is remembered of the servers NAMES on NETWORK, an entry or nil."
  (seq-find (lambda (entry)
              (and (equal (nth 0 entry) (plist-get network :id))
                   (equal (nth 1 entry) names)))
            (mew-submit-network-server--load)))

(defun mew-submit-network-server--first (names network)
  "Return which of the servers NAMES is tried first on NETWORK."
  (or (and mew-submit-network-negative--active
           (car (member (nth 2 (mew-submit-network-server--find names network))
                        names)))
      (car names)))

(defun mew-submit-network-server--learn (names name network)
  "Remember that the server NAME, one of NAMES, has taken a mail from NETWORK.
That the preferred one has is what is expected, and nothing to remember."
  (when mew-submit-network-negative--active
    (let ((old (mew-submit-network-server--find names network)))
      (when (or old (not (equal name (car names))))
        (mew-submit-network-server--save
         (append (and (not (equal name (car names)))
                      (list (list (plist-get network :id) names name
                                  ;; Until then the preferred one is not tried first.
                                  (if (equal name (nth 2 old)) (nth 3 old)
                                    (time-convert nil 'integer)))))
                 (remq old mew-submit-network-server--entries)))))))

(provide 'mew-submit-network-server)
;;; mew-submit-network-server.el ends here
