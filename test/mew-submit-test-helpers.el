;;; mew-submit-test-helpers.el --- What the ERT tests share -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A directory for a test, a test server (test/peer), a batch Emacs, and waiting
;; for a predicate with a deadline.  When a test runs out of time it fails, and
;; the server's log is shown.
;;
;; No verdict comes from a stop-watch: `mew-submit-test-patience' is only there so
;; that what hangs does not hang for ever, and a slow machine never uses it up.

;;; Code:

;; A checkout below the home directory is "~/...", and means another place in a child with
;; another HOME.
(setq default-directory (expand-file-name default-directory))

(require 'auth-source)                    ; tests bind its variables
(require 'cl-lib)
(require 'ert)
(require 'json)
(require 'mew-submit-portable "portable")
(require 'seq)
(require 'subr-x)

(declare-function mew-submit-parcel--submit "mew-submit-parcel" (file &rest keys))
(declare-function mew-submit-job--stop "mew-submit-job" ())
(declare-function mew-submit-job--wait "mew-submit-job"
                  (session &optional timeout))

(defconst mew-submit-test-root
  (expand-file-name
   (file-name-directory
    (directory-file-name
     (file-name-directory (or (macroexp-file-name) buffer-file-name)))))
  "The top of the tree.")

(defconst mew-submit-test-emacs
  (or (getenv "EMACS") (expand-file-name invocation-name invocation-directory))
  "The Emacs for batch commands.")

(defconst mew-submit-test-patience 120
  "How many seconds a test waits for what has to come.")

(defun mew-submit-test-deadline (&optional seconds)
  "Return the time SECONDS, or `mew-submit-test-patience', from now."
  (time-add nil (or seconds mew-submit-test-patience)))

(cl-defmacro mew-submit-test-until ((what &optional seconds) &rest body)
  "Wait until BODY returns non-nil, and return that.
Fail, saying WHAT was waited for, when SECONDS have passed, by default
`mew-submit-test-patience'."
  (declare (indent 1) (debug ((form &optional form) body)))
  `(mew-submit-test--until ,what ,seconds (lambda () ,@body)))

(defun mew-submit-test--until (what seconds predicate)
  "Wait until PREDICATE is true, and fail with WHAT after SECONDS."
  (let ((deadline (mew-submit-test-deadline seconds))
        value)
    (while (not (or (setq value (funcall predicate))
                    (time-less-p deadline nil)))
      (accept-process-output nil 0.01))
    (or value (ert-fail (format "Waited in vain for %s" what)))))

(defmacro mew-submit-test-with-directory (directory &rest body)
  "Run BODY with DIRECTORY bound to a new directory, which goes away."
  (declare (indent 1) (debug (symbolp body)))
  `(let ((,directory (file-name-as-directory
                      (make-temp-file "mew-submit-test-" t))))
     (unwind-protect
         (progn ,@body)
       (delete-directory ,directory t))))

;;; Files

(defun mew-submit-test-missing (name)
  "Return the name of a file called NAME, which does not exist."
  (expand-file-name name (expand-file-name "missing" (mew-submit-test--certs))))

(defun mew-submit-test-octets (file)
  "Return what is in FILE, as octets."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert-file-contents-literally file)
    (buffer-string)))

(defun mew-submit-test-write (file text)
  "Write TEXT, as UTF-8 unless it is octets, to FILE; return FILE."
  (let ((coding-system-for-write 'no-conversion))
    (write-region (if (multibyte-string-p text)
                      (encode-coding-string text 'utf-8)
                    text)
                  nil file nil 'silent))
  file)

(defun mew-submit-test-json-lines (text)
  "Return the objects in TEXT, JSON lines, as plists.
A NUL, which Emacs 28 does not take in JSON, becomes U+FFFD."
  (mapcar (lambda (line)
            (json-parse-string (string-replace "\\u0000" "\\ufffd" line)
                               :object-type 'plist :array-type 'list
                               :null-object nil :false-object :false))
          (split-string text "\n" t)))

(defun mew-submit-test-whole-lines (file)
  "Return the lines of FILE, which is still being written, without half a last one."
  (string-join (butlast (split-string (mew-submit-test-octets file) "\n")) "\n"))

(defun mew-submit-test-json-log (file)
  "Return the objects in FILE, JSON lines that are still being written."
  (mew-submit-test-json-lines (mew-submit-test-whole-lines file)))

;;; The test server

(cl-defstruct (mew-submit-test-peer (:constructor mew-submit-test-peer--make)
                                    (:copier nil))
  directory process ready)

(defvar mew-submit-test--certs nil
  "The directory of certificates that all servers of this Emacs share.")

(defun mew-submit-test--certs ()
  "Return the directory for certificates; it goes away with Emacs."
  (or mew-submit-test--certs
      (let ((directory (make-temp-file "mew-submit-certs-" t)))
        (add-hook 'kill-emacs-hook (lambda () (delete-directory directory t)))
        (setq mew-submit-test--certs directory))))

(defun mew-submit-test--peer-file (peer name)
  "Return the file NAME in the directory of PEER."
  (expand-file-name name (mew-submit-test-peer-directory peer)))

(defun mew-submit-test-peer-start (directory arguments)
  "Start a server in DIRECTORY with ARGUMENTS and return it."
  (let* ((peer (mew-submit-test-peer--make :directory directory))
         (file (lambda (name) (mew-submit-test--peer-file peer name))))
    (setf (mew-submit-test-peer-process peer)
          (make-process
           :name "peer" :noquery t :connection-type 'pipe
           :buffer (generate-new-buffer " *peer*")
           :command (append
                     (list (expand-file-name "test/peer/peer"
                                             mew-submit-test-root)
                           "--certs" (mew-submit-test--certs)
                           "--log" (funcall file "log")
                           "--store" (funcall file "store")
                           "--ready" (funcall file "ready"))
                     arguments)))
    (mew-submit-test-until ("the test server")
      (unless (process-live-p (mew-submit-test-peer-process peer))
        (ert-fail (with-current-buffer
                      (process-buffer (mew-submit-test-peer-process peer))
                    (buffer-string))))
      (file-exists-p (funcall file "ready")))
    (setf (mew-submit-test-peer-ready peer)
          (car (mew-submit-test-json-lines
                (mew-submit-test-octets (funcall file "ready")))))
    peer))

(defun mew-submit-test-peer-stop (peer)
  "Stop the server PEER; its ports are free on return."
  (let ((process (mew-submit-test-peer-process peer)))
    (ignore-errors (kill-process process))
    (while (process-live-p process)
      (accept-process-output process 0.1))
    (kill-buffer (process-buffer process))))

(defmacro mew-submit-test-with-peer (spec &rest body)
  "Run BODY with a test server, SPEC being (PEER [:bind SETTINGS] ARGUMENT...).
PEER is bound to it; the ARGUMENTs are test/peer/peer's, strings or lists of them.
SETTINGS are an alist of variables and their values meanwhile.  At the end the jobs
and the connections of this Emacs end.  When BODY fails, the server's log is shown."
  (declare (indent 1) (debug ((symbolp &rest form) body)))
  (let ((settings (and (eq (nth 1 spec) :bind) (nth 2 spec)))
        (arguments (if (eq (nth 1 spec) :bind) (nthcdr 3 spec) (cdr spec))))
    `(mew-submit-test--with-peer ,settings (list ,@arguments)
                                 (lambda (,(car spec)) ,@body))))

(defun mew-submit-test--with-peer (settings arguments function)
  "Call FUNCTION with a test server that was started with ARGUMENTS.
SETTINGS are as for `mew-submit-test-with-peer'."
  (mew-submit-test-with-directory directory
    (cl-progv (mapcar #'car settings) (mapcar #'cdr settings)
      (let ((peer (mew-submit-test-peer-start directory (flatten-tree arguments)))
            ended)
        (unwind-protect
            (prog1 (funcall function peer)
              (setq ended t))
          (unless ended
            (message "The server's log:\n%s"
                     (mew-submit-test-octets (expand-file-name "log" directory))))
          (when (fboundp 'mew-submit-job--stop)
            (mew-submit-job--stop))
          (mew-submit-test-peer-stop peer))))))

(defun mew-submit-test-port (peer name)
  "Return the port number of PEER's listener NAME."
  (plist-get (seq-find (lambda (listener)
                         (equal (plist-get listener :name) name))
                       (plist-get (mew-submit-test-peer-ready peer) :listeners))
             :port))

(defun mew-submit-test-ca (peer)
  "Return the file of the CA that PEER's certificates are signed by."
  (plist-get (mew-submit-test-peer-ready peer) :ca))

(defun mew-submit-test-log (peer &optional event)
  "Return what PEER has noted, a list of plists; with EVENT that kind only."
  (seq-filter (lambda (line)
                (or (null event) (equal (plist-get line :event) event)))
              (mew-submit-test-json-log (mew-submit-test--peer-file peer "log"))))

(defun mew-submit-test-accepted (peer)
  "Return what PEER has noted of the messages that it has accepted.
Those that broke off are in its log, too."
  (seq-filter (lambda (line) (equal (plist-get line :outcome) "accepted"))
              (mew-submit-test-log peer "message")))

(defun mew-submit-test-go (peer)
  "Let PEER go on, where it is at \"hold:go\"."
  (mew-submit-test-write (mew-submit-test--peer-file peer "store/go") ""))

(defun mew-submit-test-halt (peer)
  "Let PEER stop again at \"hold:go\"."
  (delete-file (mew-submit-test--peer-file peer "store/go")))

(defun mew-submit-test-stored (peer &optional number)
  "Return the message with NUMBER (1) that PEER has accepted, or nil."
  (let ((file (mew-submit-test--peer-file
               peer (format "store/%04d.eml" (or number 1)))))
    (and (file-exists-p file)
         (mew-submit-test-octets file))))

(defun mew-submit-test-envelope (peer &optional number)
  "Return the envelope of the message with NUMBER (1) at PEER: (FROM TO...)."
  (let* ((file (mew-submit-test--peer-file
                peer (format "store/%04d.env" (or number 1))))
         (env (car (mew-submit-test-json-lines (mew-submit-test-octets file)))))
    (cons (plist-get env :from)
          (mapcar (lambda (recipient) (plist-get recipient :address))
                  (plist-get env :recipients)))))

(defun mew-submit-test-account (peer name &rest more)
  "Return an account for PEER's listener NAME on 127.0.0.1, with MORE keys."
  (append more
          (list :server "127.0.0.1"
                :routes (format "%d:starttls" (mew-submit-test-port peer name))
                :ca-file (mew-submit-test-ca peer))))

;;; Ports that have a number

(defun mew-submit-test-address (number)
  "Return an address of this machine, the one with NUMBER, that is this Emacs' own.
So its ports are free, whatever else is tested here."
  (format "127.%d.%d.%d" (1+ (% (/ (emacs-pid) 250) 250)) (1+ (% (emacs-pid) 250))
          number))

(defun mew-submit-test-port-p (port)
  "Can a test listen at PORT?  It takes more than a user has below 1024, as a rule."
  (ignore-errors
    (delete-process (make-network-process
                     :name "try" :server t :noquery t :service port
                     :host (mew-submit-test-address 1)))
    t))

;;; Sending

(defun mew-submit-test-run (account text &rest keys)
  "Send the message TEXT by ACCOUNT and return the `done' event.
KEYS are for `mew-submit-parcel--submit'; nobody is asked by default."
  (mew-submit-test-with-directory directory
    (let ((session (apply #'mew-submit-parcel--submit
                          (mew-submit-test-write
                           (expand-file-name "message" directory) text)
                          :account account keys)))
      (or (mew-submit-job--wait session mew-submit-test-patience)
          (ert-fail "The session did not end")))))

(defun mew-submit-test-lines (peer &optional prefix)
  "Return the lines the client said to PEER, or those that begin with PREFIX."
  (seq-filter (lambda (line) (string-prefix-p (or prefix "") line))
              (mapcar (lambda (line) (plist-get line :text))
                      (mew-submit-test-log peer "line"))))

(defun mew-submit-test-violations (peer)
  "Return the violations of SMTP that PEER has noted."
  (mew-submit-test-log peer "violation"))

;;; What is preloaded

(defconst mew-submit-test--preload
  (expand-file-name "test/preload/preload.so" mew-submit-test-root)
  "What notes, or disturbs, a program's system calls.")

(defun mew-submit-test-preload-p ()
  "Can an Emacs be started with test/preload, as on GNU/Linux?
A sanitizer is preloaded itself."
  (and (file-exists-p mew-submit-test--preload)
       (not (getenv "MEW_SUBMIT_SANITIZER"))))

(defmacro mew-submit-test-with-preload (variables &rest body)
  "Run BODY; programs that it starts have test/preload, and its VARIABLES.
VARIABLES are expressions, each of which gives \"NAME=VALUE\"."
  (declare (indent 1) (debug (sexp body)))
  `(let ((process-environment
          (append (list (concat "LD_PRELOAD=" mew-submit-test--preload)
                        ,@variables)
                  process-environment)))
     ,@body))

(defun mew-submit-test-calls (log)
  "Return the calls in LOG, a file of test/preload: (CALL FILE OCTETS) each."
  (mapcar (lambda (line)
            (pcase-let ((`(,call ,file ,hex) (split-string line " ")))
              (list call file
                    (apply #'unibyte-string
                           (cl-loop for i from 0 below (length hex) by 2
                                    collect (string-to-number
                                             (substring hex i (+ i 2)) 16))))))
          (split-string (mew-submit-test-octets log) "\n" t)))

;;; Batch Emacs

(cl-defun mew-submit-test-emacs
    (arguments &key (input "") home (directory mew-submit-test-root) signal)
  "Run a batch Emacs with ARGUMENTS and return what came of it.
That is a plist of :status, :stdout and :stderr; the status is a negative number
after a signal.  INPUT is its standard input, HOME its home directory (one that
has no ~/.authinfo), DIRECTORY the current one.  SIGNAL is a function that is
called with the process again and again meanwhile; INPUT t leaves the standard
input open."
  (let* ((default-directory directory)
         (coding-system-for-read 'utf-8-unix)
         (coding-system-for-write 'no-conversion)
         (process-environment
          (append (list (concat "HOME=" (or home (mew-submit-test--certs)))
                        "LC_ALL=C" "SMTPSERVER")
                  process-environment))
         (stderr (generate-new-buffer " *stderr*"))
         (stdout (generate-new-buffer " *stdout*"))
         (open 2)
         ;; Unlike `process-live-p', a sentinel knows that all output was read.
         (sentinel (lambda (process _change)
                     (unless (process-live-p process)
                       (cl-decf open))))
         (pipe (make-pipe-process :name "stderr" :buffer stderr :noquery t
                                  :sentinel sentinel))
         (process (make-process
                   :name "batch" :noquery t :connection-type 'pipe
                   :buffer stdout :stderr pipe :sentinel sentinel
                   :command (append (list mew-submit-test-emacs "-Q" "--batch"
                                          "-module-assertions"
                                          ;; Else an old .elc is told of on stderr.
                                          "--eval" "(setq load-prefer-newer t)")
                                    arguments))))
    (unwind-protect
        (progn
          (unless (eq input t)
            (ignore-errors              ; it need not read it
              (process-send-string process
                                   (if (multibyte-string-p input)
                                       (encode-coding-string input 'utf-8)
                                     input))
              (process-send-eof process)))
          (mew-submit-test-until ("the batch Emacs to end")
            (when signal
              (funcall signal process))
            (zerop open))
          (list :status (if (eq (process-status process) 'signal)
                            (- (process-exit-status process))
                          (process-exit-status process))
                :stdout (with-current-buffer stdout (buffer-string))
                :stderr (with-current-buffer stderr (buffer-string))))
      (delete-process process)
      (delete-process pipe)
      (kill-buffer stdout)
      (kill-buffer stderr))))

(defun mew-submit-test-batch (arguments &rest keys)
  "Run `mew-submit-batch-send' with ARGUMENTS; KEYS as `mew-submit-test-emacs'."
  (apply #'mew-submit-test-emacs
         (append (list "-l" (expand-file-name "mew-submit.el"
                                              mew-submit-test-root)
                       "-f" "mew-submit-batch-send" "--")
                 arguments)
         keys))

(defconst mew-submit-test--many
  '(let ((cases (with-temp-buffer
                  (insert-file-contents (pop command-line-args-left))
                  (read (current-buffer))))
         input)
     (advice-add 'mew-submit--mod-spool :override
                 (lambda (_descriptor file)
                   (let ((file (decode-coding-string file 'utf-8))
                         (coding-system-for-write 'no-conversion))
                     (write-region input nil file nil 'silent nil 'excl)
                     (string-bytes input))))
     (dolist (case cases)
       (setq input (cdr case)
             command-line-args-left (cons "--" (car case)))
       (let ((status (catch 'left
                       (cl-letf (((symbol-function 'kill-emacs)
                                  (lambda (status) (throw 'left status))))
                         (mew-submit-batch-send)))))
         (send-string-to-terminal (format "\f%d\f" status))
         (princ "\f" #'external-debugging-output))))
  "What an Emacs does that runs `mew-submit-batch-send' many times.
The cases are in the file that its command line names.")

(defun mew-submit-test-batches (cases)
  "Run `mew-submit-batch-send' for each of CASES, (ARGUMENTS . INPUT), in one Emacs.
Return for each a plist of :status, :stdout and :stderr.  How an Emacs of its own
ends, and what it reads, is for `mew-submit-test-batch' to see."
  (mew-submit-test-with-directory directory
    (let* ((octets (mapcar (lambda (case)
                             (cons (car case)
                                   (if (multibyte-string-p (cdr case))
                                       (encode-coding-string (cdr case) 'utf-8)
                                     (cdr case))))
                           cases))
           (result (mew-submit-test-emacs
                    (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                          "-l" "mew-submit-batch-send"
                          "--eval" (prin1-to-string mew-submit-test--many)
                          (mew-submit-test-write (expand-file-name "cases" directory)
                                                 (prin1-to-string octets)))))
           (stdout (split-string (plist-get result :stdout) "\f"))
           (stderr (split-string (plist-get result :stderr) "\f")))
      (unless (= (length stderr) (1+ (length cases)))
        (ert-fail (format "It ended early: %S" result)))
      (mapcar (lambda (_case)
                (let ((said (pop stdout)))
                  (list :status (string-to-number (pop stdout))
                        :stdout said :stderr (pop stderr))))
              cases))))

;;; Networks of our own

(defun mew-submit-test-in-network (script library form)
  "Return what FORM comes to in a batch Emacs in new network and mount namespaces.
SCRIPT, for sh, sets the network up; LIBRARY is loaded from this directory.  The
test is skipped where there can be no such network."
  (let* ((script (concat "set -e\nip link set lo up\n" script "\n\"$@\""))
         (try (list "unshare" "-rnmpf" "--mount-proc" "--kill-child" "sh" "-c" script "sh")))
    (unless (eql 0 (ignore-errors
                     (apply #'call-process (car try) nil nil nil
                            (append (cdr try) (list "true")))))
      (ert-skip "no such network namespace can be made here"))
    (with-temp-buffer
      (apply #'call-process (car try) nil '(t nil) nil
             (append (cdr try)
                     (list mew-submit-test-emacs "-Q" "--batch" "-module-assertions"
                           "-L" mew-submit-test-root
                           "-L" (expand-file-name "lisp" mew-submit-test-root)
                           "-L" (expand-file-name "test" mew-submit-test-root)
                           "-l" library "--eval" (format "(prin1 %S)" form))))
      (goto-char (point-max))
      (backward-sexp)
      (read (current-buffer)))))

(defun mew-submit-test-events (result)
  "Return the events that RESULT, of `mew-submit-test-batch', has printed."
  (mew-submit-test-json-lines (plist-get result :stdout)))

(defun mew-submit-test-done (result)
  "Return the last event of RESULT, which is `done'."
  (let ((done (car (last (mew-submit-test-events result)))))
    (should (equal (plist-get done :event) "done"))
    done))

(provide 'mew-submit-test-helpers)
;;; mew-submit-test-helpers.el ends here
