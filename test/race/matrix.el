;;; matrix.el --- The race matrix: every kind of port, family, plan -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Run by test/race/run inside the network of network.el.  Each cell runs the
;; batch client once (worker.el) and compares its last JSON event with what expect.el says; at the end the test
;; server's log is compared with all of them.  The environment has
;;   MEW_SUBMIT_ROOT  the top of the source tree
;;   RACE_WORK        a directory with message, password, wrong-password, certs/ca.pem and peer.log
;;   RACE_CELLS       a regexp: run only the cells whose names match it
;;   RACE_JOBS        how many cells run at once (default 12), each in an Emacs that runs many

;;; Code:

(require 'cl-lib)
(require 'json)
(require 'seq)
(require 'mew-submit-race-network "race/network")
(require 'mew-submit-race-expect "race/expect")

(cl-defstruct (mew-submit-race-cell (:constructor mew-submit-race-cell--make) (:copier nil))
  "A cell of the matrix: its NAME and NUMBER, the HOST, and OPTIONS for the client.
Expected are the ATTEMPTS as of `mew-submit-race-expect', the verdict of the last
one being CASE where that is not nil, and the exit STATUS and RESULT."
  name number host options attempts case status result)

;;; Cells

(defun mew-submit-race--plain-cell (host plan)
  "Return the cell for PLAN at HOST, whose ports are as the matrix wants them."
  (let ((attempts (mew-submit-race-expect host plan)))
    (mew-submit-race-cell--make
     :name (format "%s at %s" plan (mew-submit-race-host-name host))
     :host host
     ;; Where another one wins, nobody has to wait for the end of a silence, and it must not come first.
     :options (list "--plan" (symbol-name plan)
                    "--timeout" (if (seq-some (lambda (attempt) (eq (nth 2 attempt) 'given-up)) attempts)
                                    "60"
                                  "1"))
     :attempts attempts
     :status (if (mew-submit-race-winner attempts) 0 75)
     :result (if (mew-submit-race-winner attempts) "delivered" "deferred"))))

(defun mew-submit-race--special-p (host)
  "Is HOST one of `mew-submit-race-specials' that answers in its own way?"
  (stringp (mew-submit-race-host-ipv4 host)))

(defun mew-submit-race--plain-cells (hosts)
  "Return the cells of all plans at those of HOSTS that are in the matrix."
  (cl-loop for host in hosts
           unless (or (mew-submit-race--special-p host)
                      (string-prefix-p "greet-pause" (mew-submit-race-host-name host)))
           append (mapcar (lambda (plan) (mew-submit-race--plain-cell host (car plan)))
                          mew-submit-race-plans)))

(defconst mew-submit-race--failures
  '(("bad-name" (symmetric submission submissions) "tls" 77 "insecure")
    ("expired" (submission submissions) "tls" 77 "insecure")
    ("unknown-ca" (submission submissions) "tls" 77 "insecure")
    ("no-starttls" (appendix-a symmetric submission) "tls" 77 "insecure")
    ("starttls-refused" (submission) "tls" 75 "deferred")
    ("alert" (symmetric submission submissions) "tls" 77 "insecure")
    ("close-in-handshake" (submission) "tls" 75 "deferred")
    ("greeting-554" (symmetric submission submissions) "greeting" 69 "refused")
    ("greeting-421" (symmetric submission submissions) "greeting" 75 "deferred")
    ("half-greeting" (symmetric submission) "greeting" 75 "deferred")
    ("mail-451" (submission) nil 75 "deferred")
    ("rcpt-550" (submission) nil 69 "refused")
    ("auth-454" (submission) nil 75 "deferred"))
  "What goes wrong after a port has answered, and never leads to port 25.
Each element is (HOST PLANS CASE STATUS RESULT); CASE nil stands for 1.")

(defun mew-submit-race--find-host (hosts label)
  "Return the one of HOSTS whose name begins with LABEL."
  (or (seq-find (lambda (host)
                  (equal (mew-submit-race-host-name host) (concat label ".example.org")))
                hosts)
      (error "No such host: %s" label)))

(defun mew-submit-race--failure-cells (hosts)
  "Return the cells of `mew-submit-race--failures' at HOSTS."
  (cl-loop for (label plans case status result) in mew-submit-race--failures
           append (mapcar (lambda (plan)
                            (let ((cell (mew-submit-race--plain-cell
                                         (mew-submit-race--find-host hosts label) plan)))
                              (setf (mew-submit-race-cell-case cell) case
                                    (mew-submit-race-cell-status cell) status
                                    (mew-submit-race-cell-result cell) result)
                              cell))
                          plans)))

(defun mew-submit-race--other-cells (hosts)
  "Return the cells at HOSTS that need options of their own."
  (cl-flet ((cell (name label options attempts status result)
              (mew-submit-race-cell--make
               :name name :host (mew-submit-race--find-host hosts label) :options options
               :attempts attempts :status status :result result)))
    (list
     (cell "a refused password does not lead to port 25" "v6-open-v4-open-25-open"
           '("--timeout" "1" "--password-file" "wrong-password") '((587 ipv6 open)) 77 "refused")
     (cell "a refused password does not lead to port 25 one after the other" "v6-open-v4-open-25-open"
           '("--plan" "symmetric" "--timeout" "1" "--password-file" "wrong-password")
           '((587 ipv6 open)) 77 "refused")
     (cell "no fallback where it is forbidden: reset" "v6-rst-v4-rst-25-open"
           '("--timeout" "1" "--fallback" "never") '((587 ipv6 rst) (587 ipv4 rst)) 75 "deferred")
     (cell "no fallback where it is forbidden: silence" "v6-drop-v4-drop-25-open"
           '("--timeout" "1" "--fallback" "never") '((587 ipv6 drop) (587 ipv4 drop)) 75 "deferred")
     (cell "one family only: ipv4" "v6-open-v4-rst-25-open"
           '("--timeout" "1" "--family" "ipv4") '((587 ipv4 rst) (25 ipv4 open)) 0 "delivered")
     (cell "routes by hand" "v6-rst-v4-rst-25-open"
           '("--timeout" "1" "--routes" "465:implicit,25:starttls")
           '((465 ipv6 rst) (465 ipv4 rst) (25 ipv6 open)) 0 "delivered")
     (cell "rfc8314 ends with port 587" "v6-rst-v4-rst-25-open"
           '("--timeout" "1" "--plan" "rfc8314")
           '((465 ipv6 rst) (465 ipv4 rst) (587 ipv6 rst) (587 ipv4 rst)) 75 "deferred")
     ;; The real figures.
     (cell "silence for the default time, one after the other" "v6-none-v4-drop-25-open"
           '("--plan" "appendix-a") '((587 ipv4 drop) (25 ipv4 open)) 0 "delivered")
     (cell "silence with the default time, raced" "v6-none-v4-drop-25-open"
           '() '((587 ipv4 drop) (25 ipv4 open)) 0 "delivered")
     (cell "a greeting after 8 s, raced" "greet-pause" '() '((587 ipv6 greet-pause)) 0 "delivered")
     (cell "a greeting after 8 s, one after the other" "greet-pause"
           '("--plan" "appendix-a") '((587 ipv4 greet-pause)) 0 "delivered")
     (cell "a greeting after 8 s, port 465" "greet-pause"
           '("--plan" "submissions") '((465 ipv6 greet-pause)) 0 "delivered")
     (cell "a greeting after 8 s, shorter time to connect" "greet-pause"
           '("--timeout" "1") '((587 ipv6 greet-pause)) 0 "delivered"))))

(defun mew-submit-race-cells (hosts)
  "Return all cells at HOSTS, numbered."
  (let ((number 0)
        ;; What takes longest comes first.
        (cells (append (mew-submit-race--other-cells hosts)
                       (mew-submit-race--failure-cells hosts)
                       (mew-submit-race--plain-cells hosts))))
    (dolist (cell cells cells)
      (setf (mew-submit-race-cell-number cell) (cl-incf number)))))

;;; Comparing

(defun mew-submit-race--wanted-attempts (cell)
  "Return what the attempts of CELL have to be, as `mew-submit-race--attempt' does.
For each that is a list: one of them."
  (let* ((host (mew-submit-race-cell-host cell))
         (wanted (mapcar
                  (pcase-lambda (`(,port ,family ,state))
                    (let ((address (mew-submit-race-host-address host family)))
                      (mapcar (lambda (verdict)
                                (append (list port (symbol-name family) address) verdict
                                        (list :offender (and (plist-get verdict :offender-who) address))))
                              (mew-submit-race-verdicts (if (stringp state) 'open state) family))))
                  (mew-submit-race-cell-attempts cell))))
    (when (mew-submit-race-cell-case cell)
      (cl-mapc (lambda (attempt verdicts)
                 (when (stringp (nth 2 attempt))
                   (setf (plist-get (nthcdr 3 (car verdicts)) :case) (mew-submit-race-cell-case cell))))
               (mew-submit-race-cell-attempts cell) wanted))
    wanted))

(defun mew-submit-race--attempt (attempt)
  "Return what is compared of ATTEMPT, a plist from the client's JSON."
  (let ((icmp (plist-get attempt :icmp))
        (offender (plist-get attempt :offender)))
    (list (plist-get attempt :port) (plist-get attempt :family) (plist-get attempt :address)
          :case (plist-get attempt :case)
          :errno (plist-get attempt :errno)
          :icmp (and icmp (list (plist-get icmp :type) (plist-get icmp :code)))
          :offender-who (plist-get offender :who)
          :offender (plist-get offender :address))))

(defun mew-submit-race--in-plan-order (attempts wanted)
  "Return ATTEMPTS, which come as their verdicts came, in the order of WANTED.
Those that are not wanted come last."
  (seq-sort-by (lambda (attempt)
                 (or (cl-position (seq-take attempt 2) wanted
                                  :test (lambda (a b) (equal a (seq-take (car b) 2))))
                     (length wanted)))
               #'< attempts))

(defun mew-submit-race--waits-wrong (cell attempts)
  "Return what is wrong with what ATTEMPTS of CELL say they were granted, or nil.
A port is silent when the time-out has run out, or, in a race, the grace: the
round trips of port 25, which are next to nothing here, and half a second."
  (let* ((options (mew-submit-race-cell-options cell))
         (strict (member (cadr (member "--plan" options)) '("appendix-a" "symmetric")))
         (limit (* 1000 (string-to-number (or (cadr (member "--timeout" options)) "10")))))
    (seq-some (lambda (attempt)
                (let ((ms (plist-get attempt :ms))
                      (grace (plist-get attempt :grace))
                      (granted (plist-get attempt :limit)))
                  (cond ((not (numberp ms)) "an attempt without ms")
                        ((not (eql (plist-get attempt :case) 5))
                         (and (or granted grace) "a patience where there was no silence"))
                        ((not (numberp granted)) "silence without a limit")
                        ((< ms granted) (format "silent after %s ms, not %s" ms granted))
                        (grace (cond (strict "a grace where nothing raced")
                                     ((< grace 500) (format "a grace of %s ms" grace))
                                     ((not (< granted limit)) (format "%s ms for a grace" granted))))
                        ((/= granted limit) (format "granted %s ms, not %d" granted limit)))))
              attempts)))

(defun mew-submit-race--delivery-wrong (cell done)
  "Return what DONE has wrong of the delivery that CELL expects, or nil."
  (pcase-let ((`(,port ,family ,_) (car (last (mew-submit-race-cell-attempts cell)))))
    (cond ((not (eql (plist-get done :port) port)) (format "port %s" (plist-get done :port)))
          ((not (equal (plist-get done :family) (symbol-name family)))
           (format "family %s" (plist-get done :family)))
          ((not (equal (plist-get done :address)
                       (mew-submit-race-host-address (mew-submit-race-cell-host cell) family)))
           (format "address %s" (plist-get done :address)))
          ((not (eq (plist-get (plist-get done :tls) :verified) t)) "no verified TLS")
          ((not (stringp (plist-get done :auth))) "not logged in")
          ((not (equal (mapcar (lambda (recipient) (plist-get recipient :code))
                               (plist-get done :recipients))
                       '(250)))
           "recipients"))))

(defun mew-submit-race--wrong (cell status done)
  "Return what is wrong with exit STATUS and last event DONE of CELL, or nil."
  (let* ((wanted (mew-submit-race--wanted-attempts cell))
         (attempts (mew-submit-race--in-plan-order
                    (mapcar #'mew-submit-race--attempt (plist-get done :attempts)) wanted)))
    (cond ((null done) (format "no last event, exit status %s" status))
          ((not (eql status (mew-submit-race-cell-status cell)))
           (format "exit status %s, not %s; %s" status (mew-submit-race-cell-status cell)
                   (plist-get done :text)))
          ((not (equal (plist-get done :result) (mew-submit-race-cell-result cell)))
           (format "result %s, not %s" (plist-get done :result) (mew-submit-race-cell-result cell)))
          ((not (and (length= attempts (length wanted)) (cl-every #'member attempts wanted)))
           (format "attempts %S, not %S" attempts wanted))
          ((mew-submit-race--waits-wrong cell (plist-get done :attempts)))
          ((and (equal (mew-submit-race-cell-result cell) "delivered")
                (mew-submit-race--delivery-wrong cell done))))))

;;; Running

(defvar mew-submit-race--failed 0
  "How many cells were not as expected.")

(defun mew-submit-race--report (name wrong)
  "Print a line for the test NAME, which is fine when WRONG is nil."
  (when wrong
    (cl-incf mew-submit-race--failed))
  (princ (if wrong
             (format "not ok - race: %s: %s\n" name (replace-regexp-in-string "\n" " " wrong))
           (format "ok - race: %s\n" name))))

(defun mew-submit-race--work (file)
  "Return the name of FILE in the directory for all that is written."
  (expand-file-name file (getenv "RACE_WORK")))

(defun mew-submit-race--arguments (cell)
  "Return the arguments of the batch client for CELL."
  (let ((number (mew-submit-race-cell-number cell))
        (options (mapcar (lambda (option)
                           (if (equal option "wrong-password") (mew-submit-race--work option) option))
                         (mew-submit-race-cell-options cell))))
    (append
     (list "--json" "--server" (mew-submit-race-host-name (mew-submit-race-cell-host cell))
           "--ca-file" (mew-submit-race--work "certs/ca.pem") "--user" "alice"
           "--from" (format "cell-%d@example.org" number)
           "--outbox" (mew-submit-race--work (format "outbox-%d" number)))
     (unless (member "--fallback" options) (list "--fallback" "always"))
     (unless (member "--password-file" options)
       (list "--password-file" (mew-submit-race--work "password")))
     options
     (list "somebody@example.org"))))

(defun mew-submit-race--object (line)
  "Return LINE as a plist, or nil when that is no JSON object."
  (condition-case nil
      (json-parse-string line :object-type 'plist :array-type 'list :null-object nil)
    (error nil)))

(defun mew-submit-race--worker (errors)
  "Start an Emacs that delivers for many cells.
Its standard error goes to the file ERRORS."
  (let ((default-directory (file-name-as-directory (getenv "MEW_SUBMIT_ROOT"))))
    (make-process
     :name "worker" :buffer (generate-new-buffer " *worker*") :connection-type 'pipe :coding 'utf-8
     :command (list "sh" "-c" "exec \"$0\" -Q --batch -L . -L lisp -L test -l race/worker -f mew-submit-race-worker 2>>\"$1\""
                    (or (getenv "EMACS") "emacs") errors))))

(defun mew-submit-race--delay (cell)
  "Return the seconds for the next attempt of CELL to begin beside one without answer.
Where each is answered none has to, however long this machine takes for that."
  (if (or (mew-submit-portable-p)       ; some are answered after a second there
          (seq-some (lambda (attempt) (memq (nth 2 attempt) '(drop slow given-up)))
                    (mew-submit-race-cell-attempts cell)))
      0.25
    10))

(defun mew-submit-race--ask (worker cell)
  "Have WORKER run CELL."
  (with-current-buffer (process-buffer worker)
    (erase-buffer)
    (process-send-string worker (concat (prin1-to-string (cons (mew-submit-race--delay cell)
                                                               (mew-submit-race--arguments cell)))
                                 "\n"))))

(defun mew-submit-race--ended (worker)
  "Return the list of the exit status and the last event of the cell of WORKER.
Return nil while that runs.  The status is nil where the worker has died."
  (with-current-buffer (process-buffer worker)
    (goto-char (point-max))
    (let* ((lines (split-string (buffer-string) "\n" t))
           (exit (and (bolp) (mew-submit-race--object (or (car (last lines)) "")))))
      (cond ((equal (plist-get exit :event) "exit")
             (list (plist-get exit :status)
                   (mew-submit-race--object (or (car (last lines 2)) ""))))
            ((not (process-live-p worker)) (list nil nil))))))

(defun mew-submit-race--run-all (cells jobs function)
  "Run CELLS, JOBS at once.
Call FUNCTION with each cell, its exit status and its last event."
  (let (running ended)
    (while (or cells running)
      (while (and cells (< (length running) jobs))
        (let ((worker (mew-submit-race--worker (mew-submit-race--work "stderr"))))
          (mew-submit-race--ask worker (car cells))
          (push (cons worker (pop cells)) running)))
      (accept-process-output nil 1)
      (dolist (entry running)
        (when (setq ended (mew-submit-race--ended (car entry)))
          (apply function (cdr entry) ended)
          (if (and cells (process-live-p (car entry)))
              (mew-submit-race--ask (car entry) (setcdr entry (pop cells)))
            (delete-process (car entry))
            (setq running (delq entry running))))))))

;;; What the servers saw

(defun mew-submit-race--late (quickest)
  "Return which cases never came at once by QUICKEST, an alist of cases and ms.
At once is before the next attempt would have been due: on whatever machine
one of many is."
  (let ((late (seq-filter (lambda (case) (>= (alist-get case quickest 1000 nil #'equal) 250))
                          (if (mew-submit-portable-p) '(1 "2 or 3" "3 or 4") '(1 2 3 4)))))
    (and late (format "never at once: %S of %S" late quickest))))

(defun mew-submit-race--read-log ()
  "Return the events of the test server's log, a list of plists."
  (with-temp-buffer
    (insert-file-contents (mew-submit-race--work "peer.log"))
    (mapcar (lambda (line)
              (json-parse-string line :object-type 'plist :array-type 'list :null-object nil))
            ;; What follows the last line end is half a line.
            (butlast (split-string (buffer-string) "\n")))))

(defun mew-submit-race--events (log name)
  "Return the events called NAME in LOG."
  (seq-filter (lambda (event) (equal (plist-get event :event) name)) log))

(defun mew-submit-race--settled-log ()
  "Return the log once each connection in it is closed, but wait 120 s at most."
  (let ((deadline (time-add nil 120))
        log)
    (while (progn
             (setq log (mew-submit-race--read-log))
             (and (time-less-p nil deadline)
                  (/= (length (mew-submit-race--events log "connect"))
                      (length (mew-submit-race--events log "close")))))
      (accept-process-output nil 0.1))
    log))

(defun mew-submit-race--listener-of (cell attempt)
  "Return the name of the listener that ATTEMPT of CELL reaches."
  (mew-submit-race-listener-name (mew-submit-race-cell-host cell) (nth 0 attempt) (nth 1 attempt)))

(defun mew-submit-race--wanted-connections (cells)
  "Return a hash table of listeners: how many connections CELLS make to each."
  (let ((table (make-hash-table :test #'equal)))
    (dolist (cell cells table)
      (dolist (attempt (mew-submit-race-cell-attempts cell))
        (when (or (mew-submit-race-answers-p (nth 2 attempt)) (memq (nth 2 attempt) '(close abort)))
          (cl-incf (gethash (mew-submit-race--listener-of cell attempt) table 0)))))))

(defun mew-submit-race--connections-wrong (cells log)
  "Return where LOG has more or fewer connections than CELLS expect, or nil."
  (let ((wanted (mew-submit-race--wanted-connections cells))
        (seen (make-hash-table :test #'equal))
        (wrong nil))
    (dolist (event (mew-submit-race--events log "connect"))
      (cl-incf (gethash (plist-get event :listener) seen 0)))
    (dolist (listener (seq-uniq (append (hash-table-keys wanted) (hash-table-keys seen))))
      (unless (eql (gethash listener wanted 0) (gethash listener seen 0))
        (push (format "%s: %d connections, not %d" listener
                      (gethash listener seen 0) (gethash listener wanted 0))
              wrong)))
    (and wrong (mapconcat #'identity (sort wrong #'string<) "; "))))

(defun mew-submit-race--messages-wrong (cells log)
  "Return those of CELLS whose message is not in LOG as expected, or nil."
  (let ((wrong nil))
    (dolist (cell cells)
      (let* ((from (format "cell-%d@example.org" (mew-submit-race-cell-number cell)))
             (seen (mapcar (lambda (event) (plist-get event :listener))
                           (seq-filter (lambda (event) (equal (plist-get event :from) from))
                                       (mew-submit-race--events log "message"))))
             (wanted (and (equal (mew-submit-race-cell-result cell) "delivered")
                          (list (mew-submit-race--listener-of
                                 cell (car (last (mew-submit-race-cell-attempts cell))))))))
        (unless (equal seen wanted)
          (push (format "%s: at %S, not at %S" (mew-submit-race-cell-name cell) seen wanted)
                wrong))))
    (and wrong (mapconcat #'identity (nreverse wrong) "; "))))

(defun mew-submit-race--violations (log)
  "Return the violations of SMTP in LOG, or nil."
  (let ((violations (mapcar (lambda (event)
                              (format "%s: %s %s" (plist-get event :listener)
                                      (plist-get event :violation) (plist-get event :detail)))
                            (mew-submit-race--events log "violation"))))
    (and violations (mapconcat #'identity violations "; "))))

(defun mew-submit-race-run ()
  "Run the matrix, print a line for each cell, and leave Emacs."
  (let* ((cells (seq-filter (lambda (cell)
                              (string-match-p (or (getenv "RACE_CELLS") "")
                                              (mew-submit-race-cell-name cell)))
                            (mew-submit-race-cells (mew-submit-race-hosts))))
         (jobs (string-to-number (or (getenv "RACE_JOBS") "12")))
         (quickest nil))
    (mew-submit-race--run-all
     cells jobs
     (lambda (cell status done)
       (dolist (attempt (plist-get done :attempts))
         (let ((case (plist-get attempt :case)))
           (setf (alist-get case quickest nil nil #'equal)
                 (min (plist-get attempt :ms) (alist-get case quickest 1000 nil #'equal)))))
       (mew-submit-race--report (mew-submit-race-cell-name cell)
                                (mew-submit-race--wrong cell status done))))
    (unless (getenv "RACE_CELLS")
      (mew-submit-race--report "every verdict but silence can be had at once"
                               (mew-submit-race--late quickest)))
    (let ((log (mew-submit-race--settled-log)))
      (mew-submit-race--report "the servers were connected to as often as the client says"
                               (mew-submit-race--connections-wrong cells log))
      (mew-submit-race--report "every message arrived once, where the client says it did"
                               (mew-submit-race--messages-wrong cells log))
      (mew-submit-race--report "the servers saw no violation of SMTP"
                               (mew-submit-race--violations log)))
    (kill-emacs (if (zerop mew-submit-race--failed) 0 1))))

(provide 'mew-submit-race-matrix)
;;; matrix.el ends here
