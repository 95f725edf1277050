;;; mew-submit-diagnose-network.el --- Is it the network? -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns M-x mew-submit-diagnose-network and its report, which grows while the look
;; (mew-submit-diagnosis-look.el) goes on.

;;; Code:

(require 'mew-submit-diagnose)
(require 'mew-submit-diagnosis-look)
(require 'mew-submit-diagnosis-network)
(require 'mew-submit-diagnosis-network-text)
(require 'mew-submit-json)
(require 'mew-submit-network)
(require 'mew-submit-network-verdict)
(require 'mew-submit-view)

(declare-function mew-submit-letter "mew-submit-letter" (&optional evidence))

(defvar-local mew-submit-diagnose-network--look nil
  "The look that is shown.")

;;; The report

(defun mew-submit-diagnose-network--text (look)
  "Return the report about LOOK."
  (let ((evidence (plist-get look :evidence)))
    (cond ((plist-get look :stopped) "Stopped.\n")
          ((mew-submit-diagnosis-look--ended-p look)
           (mew-submit-diagnosis-network-text--string evidence))
          (t (concat (format "Looking... (%d still to come)\n\n" (plist-get look :left))
                     (mapconcat #'mew-submit-diagnosis-network-text--host
                                (plist-get evidence :diagnoses) ""))))))

(defconst mew-submit-diagnose-network--keys
  '(("g" "again" mew-submit-diagnose-network-again)
    ("k" "stop" mew-submit-diagnose-network-stop)
    ("\C-g" nil mew-submit-diagnose-network-stop)
    ("w" "text" mew-submit-view-copy)
    ("j" "JSON" mew-submit-diagnose-network-copy-json)
    ("l" "letter" mew-submit-diagnose-network-letter))
  "The keys of the report, a table.")

(defun mew-submit-diagnose-network--insert ()
  "Insert the look of the current buffer."
  (apply #'mew-submit-view--buttons mew-submit-diagnose-network--keys
         (cond ((plist-get mew-submit-diagnose-network--look :stopped) '("g"))
               ((mew-submit-diagnosis-look--ended-p mew-submit-diagnose-network--look)
                '("g" "w" "j" "l"))
               (t '("k"))))
  (insert (propertize (format "The network %s"
                              (plist-get (plist-get (plist-get mew-submit-diagnose-network--look
                                                               :evidence)
                                                    :network)
                                         :label))
                      'face 'bold)
          "\n\n" (mew-submit-diagnose-network--text mew-submit-diagnose-network--look)))

(defun mew-submit-diagnose-network--remember (evidence network)
  "Remember the verdict on EVIDENCE for NETWORK, where it was begun.
What was met while this machine moved tells nothing."
  (if (not (mew-submit-network--same-p network (mew-submit-network--primary)))
      (plist-put evidence :moved t)
    (let ((verdict (car (mew-submit-diagnosis-network--list evidence))))
      (setq mew-submit-diagnosis-look--last (cons network evidence))
      (mew-submit-network-verdict--note
       (mew-submit-network--primary)
       ;; What stops no mail is nothing to tell of where one waits.
       (and (member (plist-get verdict :severity) '("error" "warning"))
            (not (equal (plist-get verdict :id) "unclear"))
            (plist-get verdict :id))
       (mew-submit-diagnosis-network--clause verdict)))))

;;; The mode

(defvar mew-submit-diagnose-network-mode-map
  (mew-submit-view--map mew-submit-diagnose-network--keys)
  "The keys of the report about a network.")

(define-derived-mode mew-submit-diagnose-network-mode mew-submit-view-mode "Network"
  "What this network does to mail.
\\{mew-submit-diagnose-network-mode-map}"
  :interactive nil
  (setq mew-submit-view--shape t
        mew-submit-view--insert #'mew-submit-diagnose-network--insert
        mew-submit-view--text (lambda ()
                                (mew-submit-diagnosis-network-text--string
                                 (mew-submit-diagnose-network--evidence)))
        mew-submit-view--keys mew-submit-diagnose-network--keys)
  (add-hook 'kill-buffer-hook #'mew-submit-diagnose-network--leave nil t))

(defun mew-submit-diagnose-network--leave ()
  "Stop what is running for the current buffer."
  (when mew-submit-diagnose-network--look
    (mew-submit-diagnosis-look--stop mew-submit-diagnose-network--look)))

(defun mew-submit-diagnose-network--begin (buffer)
  "Begin a look at this network, to be shown in BUFFER."
  (let* ((network (mew-submit-network--primary))
         (look (mew-submit-diagnosis-look--start
                (mew-submit-diagnose--accounts)
                :references mew-submit-network-servers :page mew-submit-network-page :dns t
                :on-change (lambda (_look) (mew-submit-view--soon buffer))
                :on-end (lambda (look)
                          (mew-submit-diagnose-network--remember
                           (plist-get look :evidence) network)
                          (mew-submit-view--soon buffer)))))
    (mew-submit-diagnosis-look--note look :network network)
    look))

;;;###autoload
(defun mew-submit-diagnose-network ()
  "Find out whether this network is in the way of mail.
The servers of your accounts and those in `mew-submit-network-servers' are
looked at, the page `mew-submit-network-page', and what the name servers say.
Nothing is sent, nobody logs in, and Emacs stays free."
  (interactive)
  (let ((buffer (mew-submit-view--buffer "*mew-submit network*"
                                         #'mew-submit-diagnose-network-mode)))
    (with-current-buffer buffer
      (mew-submit-diagnose-network--leave)
      (setq mew-submit-diagnose-network--look
            (mew-submit-diagnose-network--begin buffer))
      (mew-submit-view--draw))
    (pop-to-buffer buffer)))

(defun mew-submit-diagnose-network-again ()
  "Look at the network again."
  (interactive nil mew-submit-diagnose-network-mode)
  (mew-submit-diagnose-network))

(defun mew-submit-diagnose-network-stop ()
  "Stop the look at the network."
  (interactive nil mew-submit-diagnose-network-mode)
  (if (mew-submit-diagnosis-look--ended-p mew-submit-diagnose-network--look)
      (keyboard-quit)
    (mew-submit-diagnosis-look--stop mew-submit-diagnose-network--look)
    (mew-submit-view--draw)))

(defun mew-submit-diagnose-network--evidence ()
  "Return the evidence shown in this buffer; signal `user-error' before its end."
  (let ((look mew-submit-diagnose-network--look))
    (if (and look (mew-submit-diagnosis-look--ended-p look)
             (not (plist-get look :stopped)))
        (plist-get look :evidence)
      (user-error "The look at the network has not come to its end; g begins anew"))))

(defun mew-submit-diagnose-network-copy-json ()
  "Copy the verdict as JSON."
  (interactive nil mew-submit-diagnose-network-mode)
  (mew-submit-view--copy
   (mew-submit-json--line (mew-submit-diagnosis-network-text--object
                           (mew-submit-diagnose-network--evidence)))
   "JSON"))

(defun mew-submit-diagnose-network-letter ()
  "Begin a letter about the network: a draft, for you to edit and to send."
  (interactive nil mew-submit-diagnose-network-mode)
  (require 'mew-submit-letter)
  (mew-submit-letter (mew-submit-diagnose-network--evidence)))

(provide 'mew-submit-diagnose-network)
;;; mew-submit-diagnose-network.el ends here
