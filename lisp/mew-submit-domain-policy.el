;;; mew-submit-domain-policy.el --- The policy of MTA-STS -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the policy that a domain publishes over https (RFC 8461): fetching it in the
;; background, reading it, and which servers it names.  A policy is a plist :mode
;; ("enforce", "testing" or "none"), :mx (patterns), :max-age; or :why, the reason there is none.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-error)
(require 'mew-submit-module)
(require 'seq)
(require 'subr-x)

(defvar gnutls-trustfiles)
(defvar gnutls-verify-error)
(defvar url-http-response-status)
(defvar url-request-noninteractive)

(defconst mew-submit-domain-policy--seconds 60
  "How long a policy is waited for: what RFC 8461 says.")

(defconst mew-submit-domain-policy--octets-max 65536
  "How long a policy may be: what RFC 8461 says.")

;;; Reading

(defun mew-submit-domain-policy--read (text)
  "Return the policy in TEXT.  Of a key that comes twice the first one counts."
  (let (policy patterns)
    (dolist (line (split-string text "\r?\n" t))
      (when (string-match "\\`\\([a-zA-Z0-9_.-]+\\):[ \t]*\\(.*?\\)[ \t]*\\'" line)
        (let ((key (match-string 1 line))
              (value (mew-submit-error--clean (match-string 2 line))))
          (if (equal key "mx")
              (push (downcase value) patterns)
            (unless (assoc key policy)
              (push (cons key value) policy))))))
    (let ((mode (cdr (assoc "mode" policy)))
          (age (cdr (assoc "max_age" policy))))
      (cond ((not (equal (cdr (assoc "version" policy)) "STSv1"))
             '(:why "it does not begin with version: STSv1"))
            ((not (member mode '("enforce" "testing" "none")))
             (list :why "its mode is none of enforce, testing and none"))
            ((not (and age (string-match-p "\\`[0-9]\\{1,10\\}\\'" age)))
             '(:why "its max_age is no number"))
            ((and (null patterns) (not (equal mode "none")))
             '(:why "it names no server (mx)"))
            (t (list :mode mode :mx (nreverse patterns)
                     :max-age (string-to-number age)))))))

(defun mew-submit-domain-policy--names-p (policy host)
  "Does POLICY name HOST?  A pattern's \"*\" stands for one label, the first."
  (let ((host (downcase host)))
    (seq-some (lambda (pattern)
                (if (string-prefix-p "*." pattern)
                    (let ((dot (string-search "." host)))
                      (and dot (equal (substring host dot) (substring pattern 1))))
                  (equal host pattern)))
              (plist-get policy :mx))))

;;; Fetching

(defun mew-submit-domain-policy--answer (status)
  "Return the policy in the current buffer, which url.el has fetched.
STATUS is what url.el says of it.  A redirection is not followed (RFC 8461)."
  (goto-char (point-min))
  (cond ((plist-get status :redirect) '(:why "it is somewhere else: a redirection"))
        ((not (eql (bound-and-true-p url-http-response-status) 200))
         (list :why (if (bound-and-true-p url-http-response-status)
                          (format "the web server says %s" url-http-response-status)
                        "the web server does not answer, or its certificate is not good")))
        ((> (buffer-size) mew-submit-domain-policy--octets-max)
         '(:why "it is too long"))
        ((not (re-search-forward "\r?\n\r?\n" nil t)) '(:why "it is empty"))
        (t (mew-submit-domain-policy--read
            (buffer-substring-no-properties (point) (point-max))))))

(defconst mew-submit-domain-policy--patience 10
  "Seconds after which a connection that is not up is begun anew.
On a very short way Emacs may miss that TLS is up, and then waits for ever.")

(defun mew-submit-domain-policy--close (buffer)
  "End what url.el does in BUFFER, and kill it."
  (when (buffer-live-p buffer)
    (when-let* ((process (get-buffer-process buffer)))
      (set-process-sentinel process #'ignore)
      (delete-process process))
    (let (kill-buffer-query-functions)
      (kill-buffer buffer))))

(defun mew-submit-domain-policy--retrieve (domain ca-file function)
  "Have url.el get the policy of DOMAIN, trusting CA-FILE; return its buffer.
FUNCTION is called with the policy, and the buffer it came in."
  (let ((gnutls-verify-error t)
        (gnutls-trustfiles (if ca-file (list ca-file) gnutls-trustfiles))
        (url-request-noninteractive t))
    (url-retrieve (format "https://mta-sts.%s/.well-known/mta-sts.txt" domain)
                  (lambda (status)
                    (funcall function
                             (or (ignore-errors (mew-submit-domain-policy--answer status))
                                 '(:why "it cannot be read"))
                             (current-buffer)))
                  nil t t)))

(defun mew-submit-domain-policy--fetch (domain ca-file callback)
  "Fetch the policy of DOMAIN, and call CALLBACK with it once, later.
CA-FILE, where it is not nil, has the certificates to trust.  Return a function
that ends it without that."
  (require 'gnutls)
  (require 'url)
  (mew-submit-module--ignore-pipe)
  (let (buffer timers began over)
    (cl-labels
        ((stop ()
           (setq over t)
           (mapc #'cancel-timer timers)
           (mew-submit-domain-policy--close buffer))
         (finish (policy &optional where)
           (mew-submit-domain-policy--close where)
           (unless over
             (stop)
             (run-at-time 0 nil callback policy)))
         (start ()
           (unless over
             (setq began (float-time))
             (condition-case err
                 (setq buffer (mew-submit-domain-policy--retrieve domain ca-file #'finish))
               (error (finish (list :why (format "the web server is not reached: %s"
                                                   (error-message-string err))))))))
         (look ()
           (let ((process (and (buffer-live-p buffer) (get-buffer-process buffer))))
             (cond ((null process))
                   ((> (buffer-size buffer) mew-submit-domain-policy--octets-max)
                    (finish '(:why "it is too long")))
                   ((and (eq (process-status process) 'connect)
                         (< mew-submit-domain-policy--patience (- (float-time) began)))
                    (mew-submit-domain-policy--close buffer)
                    (start))))))
      (setq timers
            (list (run-at-time mew-submit-domain-policy--seconds nil #'finish
                               '(:why "the web server does not answer in time"))
                  (run-at-time 1 1 #'look)))
      (start)
      #'stop)))

(provide 'mew-submit-domain-policy)
;;; mew-submit-domain-policy.el ends here
