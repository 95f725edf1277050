;;; mew-submit-network-verdict.el --- What was found out about this network -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the memory of verdicts on networks, so that whoever tells the user that a
;; message waits can say what is known of the network in a clause.  In memory only: a
;; verdict is about now.  mew-submit-diagnosis-network.el makes them.

;;; Code:

(require 'mew-submit-network)

(defconst mew-submit-network-verdict--seconds 3600
  "For how many seconds a verdict is told of.")

(defvar mew-submit-network-verdict--seen nil
  "What was found: a list of (NETWORK-ID :id ID :clause CLAUSE :since S :seen S).
Times are in seconds; :since is when the same was found first.")

(defun mew-submit-network-verdict--known (network)
  "Return what was found about NETWORK not long ago, a plist, or nil."
  (let ((known (cdr (assoc (plist-get network :id) mew-submit-network-verdict--seen))))
    (and known
         (< -1 (- (float-time) (plist-get known :seen))
            mew-submit-network-verdict--seconds)
         known)))

(defun mew-submit-network-verdict--note (network id clause)
  "Note that the verdict on NETWORK is ID, CLAUSE in words, or nil for none."
  (let ((known (mew-submit-network-verdict--known network)))
    (setf (alist-get (plist-get network :id) mew-submit-network-verdict--seen
                     nil t #'equal)
          (and id
               (list :id id :clause clause :seen (float-time)
                     :since (if (equal id (plist-get known :id))
                                (plist-get known :since)
                              (float-time)))))))

(defun mew-submit-network-verdict--clause ()
  "Return in a clause what is known of the network that this machine is on, or nil."
  (plist-get (mew-submit-network-verdict--known (mew-submit-network--primary)) :clause))

(provide 'mew-submit-network-verdict)
;;; mew-submit-network-verdict.el ends here
