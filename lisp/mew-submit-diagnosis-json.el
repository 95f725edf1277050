;;; mew-submit-diagnosis-json.el --- A diagnosis as JSON has it -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the object that stands for a diagnosis in JSON: for the batch command,
;; and for whoever saves a report.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-diagnosis)
(require 'mew-submit-diagnosis-text)
(require 'mew-submit-finding)
(require 'mew-submit-json)

(defun mew-submit-diagnosis-json--tls-object (tls)
  "Return TLS of an attempt as an object, or nil."
  (when tls
    (list :version (plist-get tls :version) :cipher (plist-get tls :cipher)
          :verified (and (plist-get tls :verified) (not (plist-get tls :weak)))
          :unverified (plist-get tls :unverified)
          :problems (vconcat (plist-get tls :problems))
          :subject (plist-get tls :subject) :issuer (plist-get tls :issuer)
          :starts (plist-get tls :starts) :expires (plist-get tls :expires)
          :names (plist-get tls :names)
          :fingerprint (plist-get tls :fingerprint)
          :ocsp (plist-get tls :ocsp)
          :chain (vconcat (plist-get tls :chain)))))

(defun mew-submit-diagnosis-json--check-object (check)
  "Return CHECK of an attempt as an object."
  (list :name (plist-get check :name) :code (plist-get check :code)
        :text (plist-get check :text)
        :secure (plist-get check :secure)))

(defun mew-submit-diagnosis-json--attempt-object (attempt)
  "Return ATTEMPT as an object."
  (let ((secure (plist-get attempt :capabilities-tls)))
    (list :port (plist-get attempt :port) :family (plist-get attempt :family)
          :address (plist-get attempt :address) :mode (plist-get attempt :mode)
          :case (plist-get attempt :case) :errno (plist-get attempt :errno)
          :icmp (plist-get attempt :icmp) :offender (plist-get attempt :offender)
          :ms (plist-get attempt :ms) :text (plist-get attempt :text)
          :greeting (plist-get attempt :greeting)
          :greeting_ms (plist-get attempt :greeting-ms)
          :capabilities (vconcat (or secure
                                     (plist-get attempt :capabilities-clear)))
          :capabilities_clear (vconcat (plist-get attempt :capabilities-clear))
          :starttls (plist-get attempt :starttls)
          :auth (vconcat (if secure
                             (plist-get attempt :auth-tls)
                           (plist-get attempt :auth-clear)))
          :auth_clear (vconcat (plist-get attempt :auth-clear))
          :tls (mew-submit-diagnosis-json--tls-object (plist-get attempt :tls))
          :checks (vconcat (mapcar #'mew-submit-diagnosis-json--check-object
                                   (plist-get attempt :checks))))))

(defun mew-submit-diagnosis-json--finding-object (finding)
  "Return FINDING as an object."
  (append
   (cl-loop for key in '(:id :severity :text :advice)
            append (list key (plist-get finding key)))
   (cl-loop for key in '(:cause :remedy)
            when (plist-get finding key) append (list key (plist-get finding key)))))

(defun mew-submit-diagnosis-json--verdict-object (diagnosis)
  "Return the verdict of DIAGNOSIS as an object."
  (pcase-let ((`(,submits . ,attempt) (mew-submit-diagnosis--verdict diagnosis)))
    (append
     (cl-loop for key in '(:port :case :family :address :mode)
              append (list key (plist-get attempt key)))
     (list :submit (if submits t :false)
           :text (mew-submit-diagnosis-text--verdict diagnosis)))))

(defun mew-submit-diagnosis-json--log-in-object (diagnosis)
  "Return what has come of the log-in of DIAGNOSIS as an object."
  (let* ((log-in (plist-get diagnosis :log-in))
         (done (plist-get log-in :done)))
    (append
     (list :result (mew-submit-diagnosis--log-in-result diagnosis)
           :port (plist-get log-in :port)
           :mechanism (plist-get log-in :mechanism)
           :text (or (plist-get log-in :text) (plist-get done :text)
                     (plist-get log-in :why)))
     (cl-loop for key in '(:cause :remedy)
              when (plist-get done key) append (list key (plist-get done key))))))

(defun mew-submit-diagnosis-json--object (diagnosis)
  "Return DIAGNOSIS as `mew-submit-json--line' takes it."
  (append
   (list :host (plist-get diagnosis :host)
         ;; A vector, so that it is there without attempts, too.
         :attempts (vconcat (mapcar #'mew-submit-diagnosis-json--attempt-object
                                    (mew-submit-diagnosis-text--sorted diagnosis)))
         :findings (vconcat (mapcar #'mew-submit-diagnosis-json--finding-object
                                    (mew-submit-finding--list diagnosis)))
         :verdict (mew-submit-diagnosis-json--verdict-object diagnosis))
   (and (plist-get diagnosis :log-in)
        (list :log_in (mew-submit-diagnosis-json--log-in-object diagnosis)))))

(provide 'mew-submit-diagnosis-json)
;;; mew-submit-diagnosis-json.el ends here
