;;; network-cells.el --- The verdict on the network against the truth table -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Run by test/diagnose/run inside the client's namespace.  All cells of network.el are looked at side by
;; side in this Emacs; a few again by the batch command, which has a /etc/resolv.conf of its own.
;; DIAGNOSE_HOSTS, a regexp, says which.

;;; Code:

(require 'cl-lib)
(require 'json)
(require 'seq)
(require 'race/free)
(require 'mew-submit)
(require 'mew-submit-diagnosis-look)
(require 'mew-submit-diagnosis-network)
(require 'mew-submit-diagnosis-network-text)
(require 'mew-submit-network-truth "diagnose/network")

(defvar mew-submit-network-truth--failed nil
  "Non-nil when a test was not as expected.")

(defun mew-submit-network-truth--report (name wrong)
  "Print a line for the test NAME, which is fine when WRONG is nil."
  (when wrong
    (setq mew-submit-network-truth--failed t))
  (princ (if wrong
             (format "not ok - network verdict: %s: %s\n" name (replace-regexp-in-string "\n" " | " wrong))
           (format "ok - network verdict: %s\n" name))))

(defun mew-submit-network-truth--work (file)
  "Return the name of FILE in the directory for all that is written."
  (expand-file-name file (getenv "RACE_WORK")))

(defun mew-submit-network-truth--url (cell)
  "Return the page of CELL as `mew-submit-network-page' has it, or nil."
  (when-let* ((what (plist-get (mew-submit-diagnose-cell-keys cell) :page))
              (address (mew-submit-network-truth-page
                        what (mew-submit-network-truth--main (mew-submit-diagnose-cell-family cell)))))
    (cons (format (if (string-search ":" address) "http://[%s]/" "http://%s/") address)
          "all is well")))

(defun mew-submit-network-truth--name-server (cell)
  "Return the address of CELL's name server."
  (cdr (assq (plist-get (mew-submit-diagnose-cell-keys cell) :dns)
             mew-submit-network-truth-name-servers)))

(defun mew-submit-network-truth--look (cell)
  "Begin a look at the network of CELL."
  (cl-letf (((symbol-function 'mew-submit-dns--servers)
             (lambda () (list (mew-submit-network-truth--name-server cell)))))
    (mew-submit-diagnosis-look--start
     (mapcar (lambda (name)
               (list :server name :timeout 6 :step-timeout 20
                     :ca-file (mew-submit-network-truth--work "certs/ca.pem")))
             (mew-submit-network-truth-names cell))
     :page (mew-submit-network-truth--url cell) :dns t)))

(defun mew-submit-network-truth--wrong (cell look)
  "Return what is wrong with the verdict of LOOK at CELL, or nil."
  (let* ((evidence (plist-get look :evidence))
         (verdicts (and (mew-submit-diagnosis-look--ended-p look)
                        (mew-submit-diagnosis-network--list evidence)))
         (id (plist-get (car verdicts) :id)))
    (cond ((null verdicts) "it does not end")
          ((not (equal id (mew-submit-diagnose-cell-verdict cell)))
           (format "%s, not %s: %s" id (mew-submit-diagnose-cell-verdict cell)
                   (mew-submit-diagnosis-network-text--string evidence)))
          ((seq-some (lambda (verdict)
                       (seq-some (lambda (key) (member (plist-get verdict key) '(nil "")))
                                 '(:text :advice :severity)))
                     verdicts)
           "a verdict without words")
          ((mew-submit-portable-p) nil) ; nobody says which router it is
          ((string-suffix-p "-filtered" (string-remove-suffix
                                         (format "-%s" (mew-submit-diagnose-cell-family cell))
                                         (mew-submit-diagnose-cell-name cell)))
           (unless (seq-intersection (plist-get (car verdicts) :routers) '("192.0.2.9" "2001:db8:c::9"))
             "the router is not named")))))

(defconst mew-submit-network-truth--at-once 10
  "How many cells are looked at at once: this Emacs has to keep up with its timers.")

(defun mew-submit-network-truth--looks (cells)
  "Return the looks at CELLS, which have ended, or should have."
  (let ((deadline (time-add nil 400))
        looks)
    (while (or cells (not (or (seq-every-p #'mew-submit-diagnosis-look--ended-p looks)
                              (time-less-p deadline nil))))
      (when (and cells (< (seq-count (lambda (look) (not (mew-submit-diagnosis-look--ended-p look))) looks)
                          mew-submit-network-truth--at-once))
        (push (mew-submit-network-truth--look (pop cells)) looks))
      (accept-process-output nil 0.02))
    (nreverse looks)))

(defun mew-submit-network-truth--batch (cell)
  "Have the batch command look at CELL, and report."
  (with-temp-buffer
    (let* ((resolv (mew-submit-network-truth--work "resolv.conf"))
           (default-directory (file-name-as-directory (getenv "MEW_SUBMIT_ROOT")))
           (page (mew-submit-network-truth--url cell))
           (status (progn
                     (write-region (format "nameserver %s\n" (mew-submit-network-truth--name-server cell))
                                   nil resolv nil 'silent)
                     (apply #'call-process "unshare" nil (list t (mew-submit-network-truth--work "stderr"))
                            nil "--mount" "sh" "-c"
                            (concat "mount --bind \"$1\" \"$(readlink -f /etc/resolv.conf)\" && shift && exec \"$@\"")
                            "sh" resolv (or (getenv "EMACS") "emacs")
                            "-Q" "--batch" "-module-assertions" "-l" "mew-submit.el"
                            "-f" "mew-submit-batch-diagnose" "--" "--network" "--json"
                            "--timeout" "5" "--step-timeout" "20"
                            "--ca-file" (mew-submit-network-truth--work "certs/ca.pem")
                            "--page" (format "%s %s" (car page) (cdr page))
                            (mew-submit-network-truth-names cell))))
           (object (ignore-errors (json-parse-string (buffer-string) :object-type 'plist
                                                     :null-object nil :false-object nil)))
           (id (plist-get (plist-get object :network) :id)))
      (mew-submit-network-truth--report
       (format "%s by the batch command" (mew-submit-diagnose-cell-name cell))
       (unless (and (equal id (mew-submit-diagnose-cell-verdict cell)) (eql status 69))
         (format "%s, status %s: %s" id status (buffer-string)))))))

(defun mew-submit-network-truth--free (cell)
  "Check that Emacs is free during a look at CELL: a timer that is due runs in time."
  (mew-submit-network-truth--report
   "Emacs is free meanwhile"
   (mew-submit-free-wrong (lambda () (mew-submit-network-truth--looks (list cell))))))

(defconst mew-submit-network-truth--by-batch '("all-filtered-both" "portal-both" "lie-ipv4" "nothing-both")
  "The cells that the batch command looks at, too.")

(defun mew-submit-network-truth-run ()
  "Look at all cells, print a line for each, and leave Emacs."
  (let* ((mew-submit-dns-timeout 10)
         (cells (seq-filter (lambda (cell)
                              (string-match-p (or (getenv "DIAGNOSE_HOSTS") "")
                                              (mew-submit-diagnose-cell-name cell)))
                            (mew-submit-network-truth-cells)))
         (looks (mew-submit-network-truth--looks cells)))
    (unless cells
      (mew-submit-network-truth--report "some cells" "no cell of that name"))
    (cl-mapc (lambda (cell look)
               (mew-submit-network-truth--report
                (format "%s is %s" (mew-submit-diagnose-cell-name cell)
                        (mew-submit-diagnose-cell-verdict cell))
                (mew-submit-network-truth--wrong cell look)))
             cells looks)
    (dolist (cell cells)
      (when (member (mew-submit-diagnose-cell-name cell) mew-submit-network-truth--by-batch)
        (mew-submit-network-truth--batch cell)))
    (when cells
      (mew-submit-network-truth--free (car cells)))
    (kill-emacs (if mew-submit-network-truth--failed 1 0))))

(provide 'mew-submit-network-truth-cells)
;;; network-cells.el ends here
