;;; mew-submit-oauth.el --- Access tokens, and what servers say of them -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the command that prints an OAuth 2.0 access token, which runs
;; beside Emacs and not in front of it, and puts a server's refusal of a token (RFC
;; 7628, section 3.2.2) into words.  A token is in no argument of a process, in no
;; buffer and in no message.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-error)
(require 'seq)

(declare-function json-read-from-string "json" (string))
(defvar json-key-type)
(defvar json-object-type)

(defcustom mew-submit-oauth2-token-command nil
  "The command that prints an OAuth 2.0 access token as its first line.
It is a string for the shell, or a list of a program and its arguments; the
default, nil, means that there is none.  An account's :token-command or
:token-function goes first.  The command finds in its environment
MEW_SUBMIT_USER, MEW_SUBMIT_HOST and, when the server has refused the token it
printed before, MEW_SUBMIT_REFRESH=1.  Its standard input is empty, and Emacs
does not wait for it."
  :type '(choice (const :tag "None" nil)
                 (string :tag "Shell command")
                 (repeat :tag "Program and arguments" string))
  :group 'mew-submit-security
  :package-version '(mew-submit . "0.1.0")
  :risky t)

;;; The command

(defconst mew-submit-oauth--output-max 65536
  "How many octets of what a command prints are kept.")

(cl-defstruct (mew-submit-oauth--run (:constructor mew-submit-oauth--make-run)
                                     (:copier nil))
  (chunks nil :documentation "What the command has printed, newest first.")
  (octets 0 :documentation "How much that is.")
  (complaint "" :documentation "The end of what it has said on standard error."))

(defun mew-submit-oauth--keep (run chunk)
  "Keep CHUNK, which the command of RUN has printed, if it is not too much."
  (cl-incf (mew-submit-oauth--run-octets run) (length chunk))
  (if (< (mew-submit-oauth--run-octets run) mew-submit-oauth--output-max)
      (push chunk (mew-submit-oauth--run-chunks run))
    (clear-string chunk)))

(defun mew-submit-oauth--hear (run text)
  "Keep the end of what the command of RUN has said with TEXT."
  (let ((whole (concat (mew-submit-oauth--run-complaint run) text)))
    (setf (mew-submit-oauth--run-complaint run)
          (substring whole (max 0 (- (length whole) 2000))))))

(defun mew-submit-oauth--first-line (run)
  "Return the first line that the command of RUN has printed, octets.
What was kept of it is overwritten."
  (let* ((chunks (mew-submit-oauth--run-chunks run))
         (whole (apply #'concat (reverse chunks))))
    (string-match "\\`[ \t]*\\([^\r\n]*[^ \t\r\n]\\|\\)" whole)
    (prog1 (match-string 1 whole)
      (mapc #'clear-string (cons whole chunks))
      (setf (mew-submit-oauth--run-chunks run) nil))))

(defun mew-submit-oauth--hide (text)
  "Return TEXT without words so long that they may be secrets."
  (let ((case-fold-search nil))
    (replace-regexp-in-string "[A-Za-z0-9+=_~-]\\{20,\\}" "****" text)))

(defun mew-submit-oauth--error-text (err)
  "Return the words for people in the condition ERR, without what may be a secret.
What Emacs signals has the values in it that it could not do with."
  (mew-submit-oauth--hide (mew-submit-error--text err)))

(defun mew-submit-oauth--failure (process run)
  "Return why PROCESS, of RUN, has given no token."
  (let ((status (process-exit-status process))
        (said (car (last (split-string (mew-submit-oauth--run-complaint run)
                                       "[\r\n]+" t "[ \t]+")))))
    (format "the token command %s%s"
            (cond ((eq (process-status process) 'signal)
                   (format "was killed by signal %d" status))
                  ((zerop status) "printed no token")
                  (t (format "ended with status %d" status)))
            (if said
                (concat ": " (truncate-string-to-width
                              (mew-submit-oauth--hide
                               (mew-submit-error--clean said))
                              200 nil nil "..."))
              ""))))

(defun mew-submit-oauth--end (process stderr run reply)
  "Call REPLY with what PROCESS, of RUN, has printed; it has ended.
STDERR is where it complained.  Some program that it has started may keep
that open, so its end is not waited for."
  (accept-process-output stderr 0.1)
  (delete-process stderr)
  (let ((token (mew-submit-oauth--first-line run)))
    (if (and (eq (process-status process) 'exit)
             (zerop (process-exit-status process))
             (not (string-empty-p token)))
        (funcall reply token nil)
      (clear-string token)
      (funcall reply nil (mew-submit-oauth--failure process run)))))

(defun mew-submit-oauth--environment (user host refresh)
  "Return the environment of a command for a token of USER at HOST.
REFRESH is non-nil when the one before was refused."
  (append (list (concat "MEW_SUBMIT_USER=" user)
                (concat "MEW_SUBMIT_HOST=" host)
                (if refresh "MEW_SUBMIT_REFRESH=1" "MEW_SUBMIT_REFRESH"))
          process-environment))

(defun mew-submit-oauth--start (command stderr run sentinel)
  "Start COMMAND, with what it complains of going to STDERR; return its process.
RUN keeps what it prints; SENTINEL is called when it has changed."
  (condition-case err
      (make-process
       :name "mew-submit token" :noquery t :buffer nil :coding 'binary
       :connection-type 'pipe :stderr stderr :sentinel sentinel
       :command (if (stringp command)
                    (list shell-file-name shell-command-switch command)
                  command)
       :filter (lambda (_process chunk) (mew-submit-oauth--keep run chunk)))
    (error
     (delete-process stderr)
     (mew-submit-error--throw 'config nil "The token command cannot be run: %s"
                              (error-message-string err)))))

(defun mew-submit-oauth--launch (command user host refresh reply)
  "Run COMMAND for a token of USER at HOST, and return its process at once.
COMMAND is as `mew-submit-oauth2-token-command'; REFRESH is non-nil when the
token before was refused.  When it has ended, REPLY is called with the token,
octets that may be overwritten, and nil; or with nil and the reason why there
is none.  Signal `mew-submit-config' when it cannot be started."
  (let* ((run (mew-submit-oauth--make-run))
         (process-environment
          (mew-submit-oauth--environment user host refresh))
         ;; The current buffer is whichever it is when the server asks.
         (default-directory (if noninteractive
                                default-directory
                              (expand-file-name "~/")))
         (stderr (make-pipe-process
                  :name "mew-submit token errors" :noquery t :buffer nil
                  :coding 'utf-8-unix :sentinel #'ignore
                  :filter (lambda (_process text)
                            (mew-submit-oauth--hear run text))))
         (process (mew-submit-oauth--start
                   command stderr run
                   (lambda (process _change)
                     (unless (process-live-p process)
                       (mew-submit-oauth--end process stderr run reply))))))
    (ignore-errors                      ; it need not read anything
      (process-send-eof process))
    process))

;;; Refusals

(defconst mew-submit-oauth--statuses
  '(("invalid_token" . "it has expired or was revoked")
    ("insufficient_scope" . "it does not allow to send mail")
    ("invalid_request" . "the server could not read it")
    ("400" . "it has expired or was revoked")
    ("401" . "it has expired or was revoked")
    ("403" . "it does not allow to send mail"))
  "What the status of a refusal means, by the names of RFC 6750 and of Google.")

(defun mew-submit-oauth--members (json)
  "Return the members of the object JSON, texts by name, or nil."
  (require 'json)
  (condition-case nil
      (let ((json-object-type 'alist)
            (json-key-type 'string))
        (seq-filter (lambda (member)
                      (and (stringp (cdr-safe member))
                           (not (string-empty-p (cdr member)))))
                    (ensure-list (json-read-from-string json))))
    (json-error nil)))

(defun mew-submit-oauth--phrase (json)
  "Return the meaning of JSON, a server's refusal of a token, or nil.
Nothing in it is followed, and other members than status and scope are left
out."
  (let* ((members (mew-submit-oauth--members json))
         (status (cdr (assoc "status" members)))
         (words (cdr (assoc status mew-submit-oauth--statuses)))
         (scope (cdr (assoc "scope" members))))
    (when status
      (concat "the access token was refused: "
              (if words
                  (format "%s (status %s)" words status)
                (format "status %s" status))
              (if scope (format "; it has to be for the scope %s" scope) "")))))

(defun mew-submit-oauth--explain (text)
  "Return TEXT with a refusal in JSON, in parentheses, put into words."
  (if (string-match "({.*?})" text)
      (let* ((start (match-beginning 0))
             (end (match-end 0))
             (phrase (mew-submit-oauth--phrase
                      (substring text (1+ start) (1- end)))))
        (if phrase
            (concat (substring text 0 start) "(" phrase ")" (substring text end))
          text))
    text))

(provide 'mew-submit-oauth)
;;; mew-submit-oauth.el ends here
