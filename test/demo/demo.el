;;; demo.el --- The main job, three times -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; test/demo/run starts the server and this.  Message mode makes a message with
;; an attachment; mew-submit sends it by the Submission port and, where that is
;; refused or silent, by the SMTP port.  Each time it is told what was tried,
;; whether Emacs was free meanwhile, and whether what arrived is what was sent.

;;; Code:

(require 'cl-lib)
(require 'json)
(require 'message)
(require 'mml)
(require 'mew-submit)

(defvar mew-submit-demo-directory (getenv "MEW_SUBMIT_DEMO")
  "Where the server keeps its certificates and what it receives.")

(defvar mew-submit-demo-failures 0
  "How many of the demo's claims did not come true.")

(defun mew-submit-demo-file (name)
  "Return the full name of NAME in the demo's directory."
  (expand-file-name name mew-submit-demo-directory))

(defun mew-submit-demo-say (format &rest args)
  "Print ARGS through FORMAT as a line."
  (send-string-to-terminal
   (encode-coding-string (concat (apply #'format format args) "\n") 'utf-8)))

(defun mew-submit-demo-claim (true format &rest args)
  "Print, as a test's line, whether what FORMAT and ARGS say is TRUE."
  (unless true
    (cl-incf mew-submit-demo-failures))
  (mew-submit-demo-say "%s - demo: %s" (if true "ok" "not ok")
                       (apply #'format format args)))

(defun mew-submit-demo-octets (file)
  "Return the contents of FILE, every line end as CRLF."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert-file-contents-literally file)
    (goto-char (point-min))
    (while (re-search-forward "\r?\n" nil t)
      (replace-match "\r\n" t t))
    (buffer-string)))

(defun mew-submit-demo-compose (file)
  "Have Message mode make a message with text and an attachment; write it to FILE."
  (let ((attachment (mew-submit-demo-file "every-octet.bin"))
        (mail-signature nil)
        (message-signature nil)
        (user-full-name "A Demonstrator")
        (user-mail-address "me@example.org"))
    (let ((coding-system-for-write 'no-conversion))
      (write-region (apply #'unibyte-string (number-sequence 0 255)) nil attachment
                    nil 'silent))
    (save-window-excursion
      (message-mail "you@example.net" "Grüße from the demo")
      (message-goto-body)
      (insert "This mail leaves Emacs in the background.\n.\nA line with a dot alone "
              "is no end.\n")
      (mml-attach-file attachment "application/octet-stream")
      (let ((message-send-mail-function
             (lambda ()
               (goto-char (point-min))
               (re-search-forward (concat "^" (regexp-quote mail-header-separator) "\n"))
               (replace-match "\n")
               (let ((coding-system-for-write 'no-conversion))
                 (write-region nil nil file nil 'silent))))
            (message-kill-buffer-on-exit t)
            (message-confirm-send nil)
            (message-interactive t))
        (message-send))
      (set-buffer-modified-p nil)
      (kill-buffer))))

(defun mew-submit-demo-account (submission smtp)
  "Return the account of a server with the ports SUBMISSION and SMTP."
  (list :name "demo" :server "127.0.0.1" :family 'ipv4
        :routes (format "%d:starttls,%d:starttls" submission smtp)
        :fallback 'always :ca-file (mew-submit-demo-file "certs/ca.pem")
        :user "demo"))

(defun mew-submit-demo-place (port submission)
  "Return what PORT stands for, when SUBMISSION stands for 587."
  (if (= port submission) "Submission (587)" "SMTP (25)"))

(defun mew-submit-demo-attempt (attempt submission)
  "Print the event ATTEMPT; SUBMISSION is the port that stands for 587."
  (mew-submit-demo-say "    %-17s case %-5s %7.1f ms  %s"
                       (mew-submit-demo-place (plist-get attempt :port) submission)
                       (or (plist-get attempt :case) "-") (plist-get attempt :ms)
                       (plist-get attempt :text)))

(defun mew-submit-demo-send (what file submission smtp number)
  "Send FILE to the server of which WHAT is told, by SUBMISSION or SMTP.
NUMBER says which message this is on the server."
  (mew-submit-demo-say "\n%d. The Submission port %s" number what)
  (let* ((last (float-time))
         (gap 0.0)
         (timer (run-at-time 0 0.01 (lambda ()
                                      (setq gap (max gap (- (float-time) last))
                                            last (float-time)))))
         (handle (mew-submit-send
                  file :account (mew-submit-demo-account submission smtp)
                  :from "me@example.org" :recipients '("you@example.net")
                  :on-done #'ignore
                  :on-ask (lambda (_event)
                            (cons "demo" (copy-sequence "correct horse")))))
         (done (mew-submit-wait handle 120))
         (stored (mew-submit-demo-file (format "store/%04d.eml" number))))
    (cancel-timer timer)
    (dolist (attempt (plist-get done :attempts))
      (mew-submit-demo-attempt attempt submission))
    (mew-submit-demo-say "    %s" (mew-submit-report--done done))
    (mew-submit-demo-say "    %.0f ms in all; the longest Emacs was busy: %.0f ms"
                         (or (plist-get done :ms) 0) (* 1000 gap))
    (mew-submit-demo-claim
     (and (equal (plist-get done :result) "delivered")
          (eql (plist-get done :port) (if (= number 1) submission smtp)))
     "the Submission port %s: delivered by the %s port" what
     (if (= number 1) "Submission" "SMTP"))
    (mew-submit-demo-claim
     (and (file-exists-p stored)
          (equal (mew-submit-demo-octets stored) (mew-submit-demo-octets file)))
     "the Submission port %s: what arrived is what was sent (%d octets, sha256 %s...)" what
     (length (mew-submit-demo-octets file))
     (substring (secure-hash 'sha256 (mew-submit-demo-octets file)) 0 16))))

(defun mew-submit-demo-relay (sink)
  "Start a relay that keeps what comes in SINK; return (PROCESS . PORT)."
  (let* ((buffer (generate-new-buffer " *relay*"))
         (process (make-process
                   :name "relay" :buffer buffer :noquery t
                   :connection-type 'pipe
                   :command
                   (list (or (getenv "EMACS") (expand-file-name invocation-name invocation-directory))
                         "-Q" "--batch" "-l" (expand-file-name "mew-submit.el")
                         "-f" "mew-submit-batch-relay" "--"
                         "--listen" "127.0.0.1:0" "--sink" sink)))
         (deadline (+ (float-time) 120))
         port)
    (while (and (null port) (process-live-p process)
                (< (float-time) deadline))
      (accept-process-output process 0.1)
      (with-current-buffer buffer
        (goto-char (point-min))
        (when (re-search-forward "listens on 127\\.0\\.0\\.1:\\([0-9]+\\)" nil t)
          (setq port (string-to-number (match-string 1))))))
    (cons process port)))

(defun mew-submit-demo-keep (file)
  "Send FILE to a relay that keeps it, as any program of this machine could."
  (mew-submit-demo-say
   "\n4. The relay, for the other programs of this machine, keeping what it gets")
  (pcase-let* ((sink (mew-submit-demo-file "sink"))
               (`(,process . ,port) (mew-submit-demo-relay sink))
               (handle (mew-submit-send
                        file :from "me@example.org"
                        :recipients '("you@example.net") :on-done #'ignore
                        :account (list :server "127.0.0.1" :tls 'none
                                       :auth "none"
                                       :routes (format "%s:none" (or port 1)))))
               (done (mew-submit-wait handle 120))
               (kept (and (file-directory-p sink)
                          (directory-files sink t "\\.eml\\'"))))
    (delete-process process)
    (mew-submit-demo-say "    %s" (mew-submit-report--done done))
    (mew-submit-demo-claim
     (and kept (equal (mew-submit-demo-octets (car kept))
                      (mew-submit-demo-octets file)))
     "the relay: what it keeps is what was sent")))

(defun mew-submit-demo-ports ()
  "Return an alist of the server's listeners and their ports."
  (mapcar (lambda (listener)
            (cons (gethash "name" listener) (gethash "port" listener)))
          (gethash "listeners"
                   (with-temp-buffer
                     (insert-file-contents (mew-submit-demo-file "ready"))
                     (json-parse-buffer)))))

(defun mew-submit-demo ()
  "Send a message three times, and to the relay; leave Emacs."
  (let ((ports (mew-submit-demo-ports))
        (file (mew-submit-demo-file "message.eml"))
        (number 0))
    (mew-submit-demo-compose file)
    (mew-submit-demo-say
     "A message of %d octets, made by Message mode: text and an attachment."
     (file-attribute-size (file-attributes file)))
    (pcase-dolist (`(,name . ,what)
                   '(("open" . "is open") ("refused" . "is refused")
                     ("silent" . "is silent")))
      (mew-submit-demo-send what file (cdr (assoc name ports))
                            (cdr (assoc (concat name "-25") ports))
                            (cl-incf number)))
    (mew-submit-demo-keep file)
    (mew-submit-demo-say "")
    (kill-emacs (if (zerop mew-submit-demo-failures) 0 1))))

(provide 'demo)
;;; demo.el ends here
