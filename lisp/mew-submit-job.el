;;; mew-submit-job.el --- Jobs, their events and their end -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The only Lisp that talks to the module.  It owns one pipe process
;; for all jobs, the queue of events, the callbacks, and the `done' event that
;; tells all there is to tell of a job.  It knows nothing of accounts and
;; messages, and asks the user nothing: a question goes to the function that
;; came with the job, and is over when the job is.
;;
;; The module writes one octet to the pipe when there are events.  The filter
;; fetches them and does nothing else: callbacks run from a timer, each in a
;; `condition-case' of its own, because an error that escapes a filter freezes
;; Emacs 28 for two seconds and ends a batch Emacs.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-background)
(require 'mew-submit-course)
(require 'mew-submit-error)
(require 'mew-submit-loaddefs)
(require 'mew-submit-module)
(require 'mew-submit-oauth)
(require 'mew-submit-question)
(require 'mew-submit-refusal)

(declare-function mew-submit--mod-open "ext:mew-submit-native" (process))
(declare-function mew-submit--mod-start "ext:mew-submit-native" (request))
(declare-function mew-submit--mod-drain "ext:mew-submit-native" ())
(declare-function mew-submit--mod-cancel "ext:mew-submit-native" (id))
(declare-function mew-submit--mod-answer "ext:mew-submit-native"
                  (id text &optional secret))
(declare-function mew-submit--mod-jobs "ext:mew-submit-native" ())
(declare-function mew-submit--mod-beat "ext:mew-submit-native" (msecs))
(declare-function mew-submit--mod-stop "ext:mew-submit-native" (msecs))

(defcustom mew-submit-log nil
  "Whether to keep a trace of each session in the buffer \"*mew-submit log*\".
The default is nil, since the trace names recipients and subjects.  Secrets are
never in it."
  :type 'boolean
  :group 'mew-submit-display
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-log-max 200000
  "How many characters the buffer \"*mew-submit log*\" keeps.
The default is 200000.  The oldest lines go first."
  :type 'natnum
  :group 'mew-submit-display
  :package-version '(mew-submit . "0.1.0"))

(cl-defstruct (mew-submit-job (:constructor mew-submit-job--make)
                              (:copier nil))
  (id nil :documentation "The job's number in the module, nil without a job.")
  (on-event nil :documentation "Function called with each event, or nil.")
  (on-done nil :documentation "Function called with the `done' event, or nil.")
  (on-ask nil :documentation "Function that answers an `ask' event, or nil.")
  (on-know nil :documentation "Function that answers one and asks nobody, or nil.")
  (lacks nil :documentation "Why there was no secret just now, or t, or nil.")
  (again nil :documentation "Function that may want another job, or nil.")
  (hint nil :documentation "Function that says what to add when no route leads on.")
  (cancelled nil :documentation "Non-nil when it was to be stopped.")
  (remark nil :documentation "Why a question got no answer, or nil.")
  (message nil :documentation "The recipients when it is about a message, or nil.")
  (course nil :documentation "What its events amount to (mew-submit-course.el).")
  (done nil :documentation "The whole `done' event, at the end."))

(defvar mew-submit-job--last nil
  "The course of the message that has ended last, with its recipients in :to.")

;;; The pipe and the queue

(defvar mew-submit-job--process nil
  "The pipe process through which the module says that there are events.")

(defvar mew-submit-job--table (make-hash-table)
  "The sessions that run, by the number of their job.")

(defvar mew-submit-job--queue nil
  "What is to be handled, oldest first: a list of (SESSION . EVENT).")

(defvar mew-submit-job--timer nil
  "The timer that will handle the queue, or nil.")

(defvar mew-submit-job--waiting nil
  "Non-nil while `mew-submit-job--wait' waits, in the foreground.")

(defun mew-submit-job--enqueue (news)
  "Put NEWS, (SESSION . EVENT)s, at the end of the queue.
Have it handled as soon as Emacs waits for something."
  (setq mew-submit-job--queue (nconc mew-submit-job--queue news))
  (when (and mew-submit-job--queue (null mew-submit-job--timer))
    (setq mew-submit-job--timer
          (run-at-time 0 nil #'mew-submit-job--dispatch))))

(defun mew-submit-job--collect ()
  "Fetch the module's events into the queue."
  (let (news)
    (dolist (event (mew-submit--mod-drain))
      (when-let* ((session (gethash (plist-get event :job)
                                    mew-submit-job--table)))
        (push (cons session event) news)))
    (mew-submit-job--enqueue (nreverse news))))

(defun mew-submit-job--warn (err what)
  "Show the condition ERR, met in WHAT, as a warning."
  (display-warning 'mew-submit
                   (format "%s: %s" what (mew-submit-error--text err)) :error))

;;; The clock

;; The timers of Emacs are times of the clock: when that is set back by an hour, they
;; sleep for an hour longer.  The module's heartbeat does not go by the clock.

(defconst mew-submit-job--beat 60
  "Seconds between two octets that the module sends though there is no event.")

(defvar mew-submit-job--seen nil
  "What the clock showed when the module sent something last.")

(defvar mew-submit-job--clock-hook '(mew-submit-dispatch--clock-went-back)
  "Hook that is run when the clock was set back.")

(defun mew-submit-job--tell-of-clock ()
  "Run the hook for a clock that was set back."
  (mew-submit-background--run
    (run-hooks 'mew-submit-job--clock-hook)))

(defun mew-submit-job--clock-went-back (seconds)
  "Have nothing sleep for longer because the clock was set back by SECONDS.
All timers of mew-submit come earlier by that."
  (dolist (timer (copy-sequence timer-list))
    (let ((function (timer--function timer)))
      (when (and (symbolp function)
                 (string-prefix-p "mew-submit-" (symbol-name function)))
        (cancel-timer timer)
        (timer-inc-time timer (- seconds))
        (timer-activate timer))))
  (run-at-time 0 nil #'mew-submit-job--tell-of-clock))

(defun mew-submit-job--filter (_process _octets)
  "Fetch the events that the module has announced, and look at the clock."
  (condition-case err
      (let* ((now (float-time))
             (back (- (or mew-submit-job--seen now) now)))
        (setq mew-submit-job--seen now)
        (when (> back 1)
          (mew-submit-job--clock-went-back back))
        (mew-submit-job--collect))
    (error (mew-submit-job--warn err "fetching events"))))

(defun mew-submit-job--sentinel (process _change)
  "Replace PROCESS, which has died, if jobs still need it."
  (condition-case err
      (when (and (eq process mew-submit-job--process)
                 (not (process-live-p process)))
        (setq mew-submit-job--process nil)
        (unless (zerop (hash-table-count mew-submit-job--table))
          (mew-submit-job--open)
          (mew-submit-job--collect)))
    (error (mew-submit-job--warn err "opening the pipe again"))))

(defun mew-submit-job--open ()
  "Make sure that the pipe process lives and that the module knows it."
  (unless (process-live-p mew-submit-job--process)
    (let ((process (make-pipe-process
                    :name "mew-submit" :buffer nil :noquery t :coding 'binary
                    :filter #'mew-submit-job--filter
                    :sentinel #'mew-submit-job--sentinel)))
      (condition-case err
          (mew-submit--mod-open process)
        (error (delete-process process)
               (signal (car err) (cdr err))))
      (mew-submit--mod-beat (round (* 1000 mew-submit-job--beat)))
      (setq mew-submit-job--seen (float-time))
      (setq mew-submit-job--process process)
      (add-hook 'kill-emacs-hook #'mew-submit-job--stop))))

(defun mew-submit-job--keep-time ()
  "Have it seen from now on when the clock is set back, also without a session.
Signal `mew-submit-config' when there is no module to see it."
  (mew-submit-module--ensure)
  (mew-submit-job--open))

;;; The log

(defun mew-submit-job--log (session event)
  "Add the `log' EVENT of SESSION to the buffer \"*mew-submit log*\"."
  (when mew-submit-log
    (with-current-buffer (get-buffer-create "*mew-submit log*")
      (unless (derived-mode-p 'special-mode)
        (special-mode)
        (setq-local buffer-undo-list t))
      (let ((inhibit-read-only t)
            (follow (= (point) (point-max))))
        (save-excursion
          (goto-char (point-max))
          (insert (format-time-string "%H:%M:%S.%3N ")
                  (format "%s %s %s\n" (mew-submit-job-id session)
                          (plist-get event :direction)
                          (mew-submit-error--clean (plist-get event :text))))
          (when (> (buffer-size) mew-submit-log-max)
            (goto-char (- (point-max) mew-submit-log-max))
            (delete-region (point-min) (line-beginning-position 2))))
        (when follow
          (goto-char (point-max)))))))

;;; Events

(defun mew-submit-job--attempt (event)
  "Return the `attempt' EVENT with all keys, and what belongs together nested.
A case that is a digit is a number then."
  (cl-destructuring-bind (&key id port family address tls case errno icmp-type
                               icmp-code icmp-name offender offender-who lost
                               ms limit grace at age text &allow-other-keys)
      event
    (list :event 'attempt :job (plist-get event :job) :id id
          :port port :family family :address address :tls tls
          :case (if (and (stringp case) (string-match-p "\\`[1-5]\\'" case))
                    (string-to-number case)
                  case)
          :errno errno
          :icmp (and icmp-type (list :type icmp-type :code icmp-code
                                     :name icmp-name))
          :offender (and offender (list :address offender :who offender-who))
          :lost (and lost t) :ms ms :limit limit :grace grace
          :at at :age age :text text)))

(defun mew-submit-job--text (session event)
  "Return the words for people in EVENT, the end of SESSION's job.
A refusal of an access token, in JSON, is put into words; why there was no
answer is added, and what to do about a certificate that was not accepted."
  (let ((text (or (plist-get event :text) ""))
        (tls (plist-get (mew-submit-job-course session) :tls))
        (remark (or (mew-submit-job-remark session)
                    (and (equal (plist-get event :kind) "connect")
                         (mew-submit-job--call (mew-submit-job-hint session) event
                                               "telling why no port is left")))))
    (pcase (plist-get event :kind)
      ("auth" (if remark
                  (format "%s (%s)" (mew-submit-oauth--explain text) remark)
                (mew-submit-oauth--explain text)))
      ((and "message" (guard remark))
       (concat "The message cannot be encoded as the server needs it: " remark))
      ((and "connect" (guard remark))
       (format "%s (%s)" (string-remove-suffix "." text) remark))
      ((and "insecure" (guard (and tls (not (plist-get tls :verified)))))
       (concat text (if (string-suffix-p "." text) "" ".")
               "  M-x mew-submit-pin-certificate shows the certificate, and can \
have it accepted from then on"))
      (_ text))))

(defun mew-submit-job--tried (session)
  "Return what SESSION has tried, in the order it was begun, not judged.
A connection that was kept was not tried."
  (cl-loop for attempt in (plist-get (mew-submit-job-course session) :attempts)
           when (plist-member attempt :case)
           collect (cl-destructuring-bind (&key port family address mode case errno icmp
                                                offender lost ms text limit grace
                                                &allow-other-keys)
                       attempt
                     (append (list :port port :family family :address address :tls mode
                                   :case case :errno errno :icmp icmp :offender offender
                                   :lost lost :ms ms :text text)
                             (and limit (list :limit limit :grace grace))))))

(defun mew-submit-job--kind (session event)
  "Return the kind of EVENT, the end of SESSION's job.
That nobody gave a secret is not a refusal: the server has not judged one.  Nor
is anything wrong with a message that could not be encoded just now.  What would
be tried again was stopped, if that was wanted just when the job ended."
  (let* ((kind (or (plist-get event :kind) "internal"))
         (kind (if (and (equal kind "message") (mew-submit-job-remark session))
                   "internal"
                 kind)))
    (cond ((and (equal kind "auth") (mew-submit-job-lacks session))
           "secret")
          ((and (mew-submit-job-cancelled session)
                (equal (mew-submit-error--result kind) "deferred"))
           "cancelled")
          (t kind))))

(defun mew-submit-job--odd-p (lines)
  "Has one of LINES, strings, other characters than those of ASCII?"
  (seq-some (lambda (line) (string-match-p "[^[:ascii:]]" line)) lines))

(defun mew-submit-job--recipients (session)
  "Return what was said of each recipient of SESSION, in their order.
With a :kind the words are ours, and no server's.  To read what is no UTF-8
takes its time: of many recipients that is done for the first ones."
  (let ((left 8))
    (mapcar (lambda (event)
              (let ((recipient (mew-submit-course--pick event :address :code :enhanced
                                                        :text))
                    (said (plist-get event :said))
                    (kind (plist-get event :kind)))
                (cond (kind (append recipient (list :kind kind)))
                      ((<= 400 (or (plist-get event :code) 0) 599)
                       (mew-submit-refusal--of-recipient
                        recipient (and (or (not (mew-submit-job--odd-p said))
                                           (<= 0 (setq left (1- left))))
                                       said)))
                      (t recipient))))
            (mew-submit-course--recipients (mew-submit-job-course session)))))

(defun mew-submit-job--refused (recipients)
  "Return those of RECIPIENTS, plists with :code, who were not accepted."
  (cl-remove-if (lambda (recipient)
                  (<= 200 (or (plist-get recipient :code) 0) 299))
                recipients))

(defun mew-submit-job--outcome (kind refused)
  "Return :result and :exit of a job that ended with KIND; some may be REFUSED."
  (if (and refused (equal kind "ok"))
      ;; Never 75: a script that sends again would send twice to the others.
      (list :result "partial" :exit 69)
    (list :result (mew-submit-error--result kind)
          :exit (mew-submit-error--status kind))))

(defun mew-submit-job--cause (event refused)
  "Return why the server refused, part of a `done' event, or nil.
EVENT is the end of the job; some recipients may be REFUSED.  Where that is what
it is about, its cause is that of all that were refused like the one it names."
  (if (equal (plist-get event :kind) "ok")
      (and refused
           (mew-submit-refusal--in-common
            (or (seq-remove (lambda (recipient) (plist-get recipient :kind)) refused)
                refused)))
    (let* ((cause (mew-submit-refusal--of-event event))
           (class (/ (or (plist-get event :code) 0) 100))
           (alike (seq-filter (lambda (other) (= class (/ (plist-get other :code) 100)))
                              (and (equal (plist-get event :step) "rcpt") refused))))
      (if (or (null (cdr alike)) (mew-submit-refusal--in-common alike))
          cause
        (list :charset (plist-get cause :charset))))))

(defun mew-submit-job--done (session event)
  "Return the whole `done' event of SESSION, whose job ended with EVENT."
  (let* ((course (mew-submit-job-course session))
         (kind (mew-submit-job--kind session event))
         (recipients (mew-submit-job--recipients session))
         (refused (mew-submit-job--refused recipients))
         (tls (plist-get course :tls))
         (reply (plist-get course :reply))
         (said (or (plist-get event :said) (plist-get reply :said)))
         (cause (mew-submit-job--cause event refused))
         (cause (if (and cause (plist-get tls :verified))
                    (mew-submit-refusal--inside-tls cause)
                  cause))
         (lacks (mew-submit-job-lacks session)))
    (append
     (list :event 'done :job (plist-get event :job) :kind kind)
     (mew-submit-job--outcome kind refused)
     (list :code (or (plist-get event :code) 0)
           :enhanced (or (plist-get event :enhanced) "")
           :text (if cause
                     (mew-submit-refusal--shown (mew-submit-job--text session event)
                                                said (plist-get cause :charset))
                   (mew-submit-job--text session event)))
     (mew-submit-course--pick (plist-get course :connected) :port :family :address :fallback)
     (list :tls (and tls (mew-submit-course--pick
                          tls :version :cipher :verified :pinned :unverified
                          :problems :subject :issuer :starts :expires :names :fingerprint))
           :auth (plist-get (plist-get course :auth) :mechanism)
           :reply (plist-get reply :text)
           :recipients recipients
           :attempts (mew-submit-job--tried session)
           :ms (or (plist-get event :ms) 0))
     (and refused (mew-submit-job-cancelled session) (list :stopped t))
     (and said (list :said said))
     (cl-loop for key in '(:alarm :about :chunking-kept :left-out :step :mechanism)
              when (plist-get event key)
              append (list key (plist-get event key)))
     (and (stringp lacks) (equal kind "secret") (list :why lacks))
     cause)))

;;; Callbacks

(defun mew-submit-job--call (function event what &optional asking)
  "Call FUNCTION, if there is one, with EVENT; show its errors as WHAT's.
Return what it returns, or nil after an error or a quit.  A quit, also one from
before, takes effect when EVENT has been dealt with; while ASKING it only means
no."
  (when function
    ;; One from before would end it before it begins.
    (let ((before (and inhibit-quit quit-flag)))
      (when before
        (setq quit-flag nil))
      (prog1 (condition-case err
                 (let ((inhibit-quit nil))
                   (funcall function event))
               (quit (unless asking
                       (setq quit-flag t))
                     nil)
               (error (mew-submit-job--warn err what)
                      nil))
        (when before
          (setq quit-flag before))))))

(defun mew-submit-job--no-answer (session why)
  "Tell SESSION's job that there is no answer; WHY is told at the end."
  (setf (mew-submit-job-remark session) why)
  (mew-submit--mod-answer (mew-submit-job-id session) nil))

(defun mew-submit-job--pass-on (session id answer)
  "Pass ANSWER on to the job ID of SESSION, unless that has ended.
What is (:failed . WHY) or (:none . WHY), or cannot be passed on, counts as no
answer, and the reason is told at the end.  A secret is wiped afterwards."
  (let* ((failed (memq (car-safe answer) '(:failed :none)))
         (secret (and (not failed) (cdr-safe answer))))
    (when (and (eql id (mew-submit-job-id session))
               (null (mew-submit-job-done session)))
      (setf (mew-submit-job-lacks session) (and (eq (car-safe answer) :none)
                                                (or (cdr answer) t)))
      (condition-case err
          (cond (failed (mew-submit-job--no-answer session (cdr answer)))
                (secret (mew-submit--mod-answer id (car answer) secret))
                (t (mew-submit--mod-answer id answer)))
        (error (mew-submit-job--no-answer session
                                          (mew-submit-error--text err)))))
    (when (stringp secret)
      (clear-string secret))))

(defun mew-submit-job--reply (session id answer)
  "Pass ANSWER on to the job ID of SESSION, as `mew-submit-job--pass-on' does.
It may be a function that takes the function to answer with; if that signals an
error, there is no answer."
  (if (not (functionp answer))
      (mew-submit-job--pass-on session id answer)
    (condition-case err
        (funcall answer (lambda (later)
                          (mew-submit-job--reply session id later)))
      (error (mew-submit-job--pass-on session id
                                      (cons :failed (mew-submit-error--text err)))))))

(defun mew-submit-job--ask (session event)
  "Have the question EVENT of SESSION answered, and pass the answer on.
What is known without the user is said at once.  The answer may depend on what
was tried so far, which goes with the question.  Whatever goes wrong counts as
\"no answer\"."
  (let* ((id (mew-submit-job-id session))
         (what "answering a question")
         (known (mew-submit-job--call (mew-submit-job-on-know session) event what t)))
    (when (or known (null (mew-submit-job-done session)))
      (mew-submit-job--reply
       session id
       (or known
           (mew-submit-job--call
            (mew-submit-job-on-ask session)
            (append event (list :attempts (mew-submit-job--tried session)))
            what t))))))

(defun mew-submit-job--start-job (request)
  "Have the module start a job for REQUEST and return its number.
The secrets in REQUEST are overwritten."
  (unwind-protect
      (mew-submit--mod-start request)
    (dolist (key '(:password :tunnel-password))
      (when-let* ((secret (plist-get request key)))
        (clear-string secret)))))

(defun mew-submit-job--restart (session request)
  "Begin SESSION, whose job has ended, anew with a job for REQUEST."
  (setf (mew-submit-job-id session) (mew-submit-job--start-job request)
        (mew-submit-job-course session) nil
        (mew-submit-job-remark session) nil
        (mew-submit-job-lacks session) nil)
  (puthash (mew-submit-job-id session) session mew-submit-job--table))

(defun mew-submit-job--again-p (session done)
  "Begin SESSION anew if its function for that wants it after DONE; return t then.
One that was to be stopped ends, and so do all when Emacs does."
  (when-let* ((request (and (not (mew-submit-job-cancelled session))
                            (mew-submit-job--call
                             (mew-submit-job-again session) done
                             "trying again"))))
    (condition-case err
        (progn (mew-submit-job--restart session request)
               t)
      (error (mew-submit-job--warn err "trying again")
             nil))))

(defun mew-submit-job--end (session event)
  "Do all there is to do for EVENT, the end of SESSION's job."
  (let ((done (if (plist-member event :result)
                  event
                (mew-submit-job--done session event))))
    (remhash (mew-submit-job-id session) mew-submit-job--table)
    (when mew-submit-question--list
      (mew-submit-question--drop (mew-submit-job-id session)))
    (unless (mew-submit-job--again-p session done)
      (setf (mew-submit-job-done session) done
            (mew-submit-job-course session)
            (mew-submit-course--with (mew-submit-job-course session) :done done))
      (when (mew-submit-job-message session)
        (setq mew-submit-job--last
              (append (list :to (mapcar (lambda (octets)
                                          (decode-coding-string octets 'utf-8))
                                        (mew-submit-job-message session)))
                      (mew-submit-job-course session))))
      ;; Whoever leaves by a throw: what is on disk depends on the second one.
      (unwind-protect
          (mew-submit-job--call (mew-submit-job-on-event session)
                                done "a callback for events")
        (mew-submit-job--call (mew-submit-job-on-done session)
                              done "a callback for the end")))))

(defun mew-submit-job--bare-done (session event)
  "Return a `done' event with no more than EVENT, the end of SESSION's job, has.
And with what the server has said of recipients, since that decides who has it."
  (let* ((kind (mew-submit-job--kind session event))
         (recipients (mew-submit-course--recipients (mew-submit-job-course session))))
    (append (list :kind kind :recipients recipients)
            (mew-submit-job--outcome kind (mew-submit-job--refused recipients))
            event)))

(defun mew-submit-job--handle-queue ()
  "Do all there is to do for what is in the queue, the oldest event first.
Nothing that one does reaches the others.  A callback may wait, and so come here
again: each event is taken from the queue before it is handled."
  ;; A quit that is under way would end the next callback before it begins.
  (while (and mew-submit-job--queue (not quit-flag))
    (let* ((next (pop mew-submit-job--queue))
           (inhibit-quit t)
           (session (car next))
           (type (plist-get (cdr next) :event)))
      (condition-case err
          (unless (mew-submit-job-done session)
            (let ((event (if (eq type 'attempt)
                             (mew-submit-job--attempt (cdr next))
                           (cdr next))))
              (setf (mew-submit-job-course session)
                    (mew-submit-course--add (mew-submit-job-course session) event))
              (when (eq type 'log)
                (mew-submit-job--log session event))
              (if (eq type 'done)
                  (mew-submit-job--end session event)
                (mew-submit-job--call (mew-submit-job-on-event session)
                                      event "a callback for events"))
              (when (eq type 'ask)
                (mew-submit-job--ask session event))))
        (error
         (mew-submit-job--warn err "handling an event")
         ;; Whatever cannot be told: somebody waits for the end, and the job for an answer.
         (pcase type
           ((and 'done (guard (null (mew-submit-job-done session))))
            (mew-submit-job--end session (mew-submit-job--bare-done session (cdr next))))
           ('ask
            (mew-submit-job--pass-on session (mew-submit-job-id session)
                                     (cons :failed (mew-submit-error--text err))))))))))

(defun mew-submit-job--dispatch ()
  "Handle the queue.  Whatever throws past this, the rest is handled later."
  (when mew-submit-job--timer
    (cancel-timer mew-submit-job--timer)
    (setq mew-submit-job--timer nil))
  (unwind-protect
      (mew-submit-background--run
        (mew-submit-job--handle-queue))
    ;; What came meanwhile, or was left.
    (when mew-submit-job--queue
      (mew-submit-job--enqueue nil))))

;;; What the floors above call

(cl-defun mew-submit-job--start
    (request &key on-event on-done on-ask on-know again hint)
  "Start a job for REQUEST, a plist as the module takes it, and return its session.
All of it happens in the background.  ON-EVENT is called with each event, the
last of which is `done'; ON-DONE with that one only.  ON-ASK is called with an
`ask' event and returns the answer: a string, (USER . SECRET), nil for no, or
\(:failed . WHY) for no with the reason; (:none . WHY) when there is no secret
just now; or a function, which is called with a function to pass such an answer
to, sooner or later.  The SECRET is overwritten then.  ON-ASK may ask the user,
and is called when that one is not typing.  ON-KNOW asks nobody; it is called
before, at once, and returns such an answer too, or nil where it knows none.  As
the SECRET, :password and :tunnel-password of REQUEST are overwritten, here.

AGAIN is called with what would be the `done' event, before anybody else is,
and may return another request: then that event is not told, and a job for
that request goes on as the same session.  HINT is called with the end if no
route has led to the server, and returns what is added to the words, or nil.
Signal `mew-submit-config' or `mew-submit-internal' when there is no job."
  (mew-submit-module--ensure)
  (mew-submit-job--open)
  (let ((session (mew-submit-job--make :on-event on-event :on-done on-done
                                       :on-ask on-ask :on-know on-know
                                       :again again
                                       :hint hint
                                       :message (and (plist-get request :file)
                                                     (plist-get request :recipients)))))
    (setf (mew-submit-job-id session)
          (mew-submit-job--start-job request))
    (puthash (mew-submit-job-id session) session mew-submit-job--table)
    session))

(cl-defun mew-submit-job--fail (err &key on-event on-done)
  "Return a session that ends, without a job, with the condition ERR.
ON-EVENT and ON-DONE are called soon, as for any session."
  (let ((session (mew-submit-job--make :on-event on-event
                                       :on-done on-done)))
    (mew-submit-job--enqueue (list (cons session (mew-submit-error--done err))))
    session))

(defun mew-submit-job--cancel (session)
  "Stop SESSION.  Return t if it still ran; its `done' event comes all the same."
  (and (mew-submit-job-id session)
       (null (mew-submit-job-done session))
       ;; Also where the job has ended, and that has not been heard of yet.
       (setf (mew-submit-job-cancelled session) t)
       (mew-submit--mod-cancel (mew-submit-job-id session))
       t))

(defun mew-submit-job--wait (session &optional timeout)
  "Wait until SESSION has ended and return its `done' event.
Return nil when TIMEOUT seconds have passed before.  The user can quit, which
does not stop the session."
  (let ((mew-submit-job--waiting t)
        (deadline (and timeout (time-add nil timeout)))
        (left 1))
    (while (and (null (mew-submit-job-done session)) (> left 0))
      (mew-submit-job--dispatch)
      (mew-submit-question--answer-now (mew-submit-job-id session))
      (when deadline
        (setq left (float-time (time-subtract deadline nil))))
      (unless (or (mew-submit-job-done session) (<= left 0))
        (accept-process-output mew-submit-job--process (min left 0.5))))
    (mew-submit-job-done session)))

(defun mew-submit-job--list ()
  "Return the sessions that run."
  (hash-table-values mew-submit-job--table))

(defun mew-submit-job--finish ()
  "Cancel all jobs, wait for them, and handle all their events.
Return how many still run after two seconds."
  (dolist (session (mew-submit-job--list))
    (setf (mew-submit-job-cancelled session) t))
  (prog1 (mew-submit-job--stop)
    (when (fboundp 'mew-submit--mod-drain)
      (mew-submit-job--collect)
      (mew-submit-job--dispatch))))

(defun mew-submit-job--stop ()
  "Cancel all jobs and wait for them, two seconds at most.
Return how many still run then.  This is on `kill-emacs-hook'."
  (if (or (not (fboundp 'mew-submit--mod-stop))
          (zerop (mew-submit--mod-jobs)))
      0
    (mew-submit--mod-stop 2000)))

(provide 'mew-submit-job)
;;; mew-submit-job.el ends here
