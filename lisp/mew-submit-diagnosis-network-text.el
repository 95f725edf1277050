;;; mew-submit-diagnosis-network-text.el --- The verdict on the network in words -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns how the verdicts of mew-submit-diagnosis-network.el read: for people,
;; and as JSON has them.

;;; Code:

(require 'mew-submit-diagnosis-network)
(require 'mew-submit-diagnosis-text)

(defun mew-submit-diagnosis-network-text--verdict (verdict)
  "Return VERDICT as lines: a sentence, and what to do."
  (concat (mew-submit-diagnosis-text--fill (plist-get verdict :text))
          (mew-submit-diagnosis-text--fill
           (format "%s  [%s]" (plist-get verdict :advice) (plist-get verdict :id)) 4)))

(defun mew-submit-diagnosis-network-text--families (evidence)
  "Return a line for each family in EVIDENCE, with the verdict on it alone."
  (mapconcat
   (pcase-lambda (`(,family . ,name))
     (if (mew-submit-diagnosis-network--entries evidence family)
         (format "%s: %s\n" name
                 (let ((verdict (car (mew-submit-diagnosis-network--list evidence family))))
                   (if (equal (plist-get verdict :id) "offline")
                       "no way out of this network"
                     (mew-submit-diagnosis-network--clause verdict))))
       ""))
   '(("ipv6" . "IPv6") ("ipv4" . "IPv4")) ""))

(defun mew-submit-diagnosis-network-text--host (diagnosis)
  "Return a line on what was met at each port of DIAGNOSIS."
  (format "  %s: %s\n" (plist-get diagnosis :host)
          (if (plist-get diagnosis :attempts)
              (mapconcat
               (pcase-lambda (`(,port . ,attempts))
                 (format "%d %s" port
                         (let ((case (plist-get (mew-submit-diagnosis--best attempts)
                                                :case)))
                           (cond ((null case) "...")
                                 ((eql case 1) "open")
                                 (t (format "case %s" case))))))
               (mew-submit-finding--by-port (plist-get diagnosis :attempts)) ", ")
            (mew-submit-diagnosis-text--clean
             (plist-get (plist-get diagnosis :done) :text)))))

(defun mew-submit-diagnosis-network-text--page (evidence)
  "Return a line on the web page in EVIDENCE, or nothing."
  (let ((page (plist-get evidence :page)))
    (if page
        (format "  %s: %s\n" (plist-get page :url)
                (mew-submit-diagnosis-text--clean (plist-get page :text)))
      "")))

(defun mew-submit-diagnosis-network-text--string (evidence)
  "Return the verdicts on EVIDENCE, and what they are made of, for people."
  (concat
   (if (plist-get evidence :moved)
       "This machine has changed networks meanwhile, and this is of neither: look again.\n\n"
     "")
   (mapconcat #'mew-submit-diagnosis-network-text--verdict
              (mew-submit-diagnosis-network--list evidence) "\n")
   "\n" (mew-submit-diagnosis-network-text--families evidence)
   "\nMade of:\n"
   (mapconcat #'mew-submit-diagnosis-network-text--host
              (plist-get evidence :diagnoses) "")
   (mew-submit-diagnosis-network-text--page evidence)))

(defun mew-submit-diagnosis-network-text--object (evidence)
  "Return the verdicts on EVIDENCE as `mew-submit-json--line' takes them."
  (let ((verdicts (mew-submit-diagnosis-network--list evidence))
        (object (lambda (verdict)
                  (list :id (plist-get verdict :id)
                        :severity (plist-get verdict :severity)
                        :text (plist-get verdict :text)
                        :advice (plist-get verdict :advice)
                        :sure (if (plist-get verdict :sure) t :false)
                        :ports (vconcat (plist-get verdict :ports))
                        :routers (vconcat (plist-get verdict :routers))
                        :hosts (vconcat (plist-get verdict :hosts))))))
    (append
     (list :network (funcall object (car verdicts))
           :others (vconcat (mapcar object (cdr verdicts))))
     (list :families
           (mapcan (lambda (family)
                     (list (intern (concat ":" family))
                           (and (mew-submit-diagnosis-network--entries evidence family)
                                (plist-get (car (mew-submit-diagnosis-network--list
                                                 evidence family))
                                           :id))))
                   '("ipv6" "ipv4")))
     (list :hosts (vconcat (mapcar (lambda (diagnosis) (plist-get diagnosis :host))
                                   (plist-get evidence :diagnoses)))
           :page (and (plist-get evidence :page)
                      (list :url (plist-get (plist-get evidence :page) :url)
                            :state (plist-get (plist-get evidence :page) :state)
                            :text (plist-get (plist-get evidence :page) :text)
                            :location (plist-get (plist-get evidence :page) :location)))
           :dns (and (plist-get evidence :dns)
                     (list :invalid (vconcat (plist-get (plist-get evidence :dns)
                                                        :invalid))
                           :nat64 (vconcat (plist-get (plist-get evidence :dns)
                                                      :nat64))
                           :failed (plist-get (plist-get evidence :dns) :failed)))))))

(provide 'mew-submit-diagnosis-network-text)
;;; mew-submit-diagnosis-network-text.el ends here
