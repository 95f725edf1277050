;;; mew-submit-error.el --- What can go wrong, in words and numbers -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The counterpart of module/error.c.  It owns the closed list of
;; kinds, their Lisp conditions, what result and exit status each of them
;; means, and how text from elsewhere is made safe to show.  It knows
;; nothing of messages, servers or the module.
;;
;; The data of each condition is a plist: `:text' holds the words for people,
;; `:recipient' the address that is meant, where there is one.

;;; Code:

(require 'seq)
(require 'subr-x)

(defgroup mew-submit nil
  "Send mail in the background, by the best port the network lets through."
  :group 'mail
  :prefix "mew-submit-")

(defgroup mew-submit-connection nil
  "Ports, time-outs and connections of mew-submit."
  :group 'mew-submit)

(defgroup mew-submit-diagnosis nil
  "Looking at servers and networks: the diagnosis and the field test."
  :group 'mew-submit)

(defgroup mew-submit-display nil
  "What mew-submit shows of mail that is being sent."
  :group 'mew-submit)

(defgroup mew-submit-network nil
  "What is remembered of the networks mail is sent from."
  :group 'mew-submit)

(defgroup mew-submit-outbox nil
  "Where mail waits, and when it is tried again."
  :group 'mew-submit)

(defgroup mew-submit-relay nil
  "Mail from other programs: the relay, and what sendmail is elsewhere."
  :group 'mew-submit)

(defgroup mew-submit-relay-network nil
  "Where the relay listens, whom it lets in, and TLS with them."
  :group 'mew-submit-relay)

(defgroup mew-submit-security nil
  "Certificates, access tokens, and what servers have offered before."
  :group 'mew-submit)

(defgroup mew-submit-setup nil
  "Finding the server for an address."
  :group 'mew-submit)

(define-error 'mew-submit-error "Mail was not submitted")

(defconst mew-submit-error--kinds
  '(("ok" "delivered" 0 nil)
    ("usage" "refused" 64 "The command cannot be carried out")
    ("message" "refused" 65 "The message or an address cannot be sent")
    ("host" "deferred" 68 "The server's name does not exist")
    ("resolver" "deferred" 75 "No name server answers")
    ("refused" "refused" 69 "The server refused")
    ("internal" "deferred" 70 "Something failed inside mew-submit")
    ("uncertain" "uncertain" 74 "The message was sent, no answer came")
    ("connect" "deferred" 75 "No connection to the server")
    ("no-login" "deferred" 75 "No port that can be reached takes a log-in")
    ("tls" "deferred" 75 "The TLS handshake was cut short")
    ("timeout" "deferred" 75 "The server did not answer in time")
    ("lost" "deferred" 75 "The connection broke")
    ("deferred" "deferred" 75 "The server said: later")
    ("cancelled" "cancelled" 75 "Cancelled")
    ("protocol" "deferred" 76 "What the server said is not SMTP")
    ("insecure" "insecure" 77 "The security asked for could not be had")
    ("secret" "deferred" 75 "The password cannot be had at the moment")
    ("auth" "refused" 77 "The server did not accept the credentials")
    ("config" "refused" 78 "An option or a file it names is unusable"))
  "What each kind means: (KIND RESULT EXIT-STATUS CONDITION-MESSAGE).
The kinds are those of module/error.h, and \"usage\" for a batch command
that is wrong before anything has begun; and \"secret\" when a password could
not be had just now, of nobody.  The exit statuses are those of
sysexits(3), as the manual lists them.")

(pcase-dolist (`(,kind ,_result ,_status ,words) mew-submit-error--kinds)
  (when words
    (define-error (intern (concat "mew-submit-" kind)) words
      'mew-submit-error)))

(defun mew-submit-error--result (kind)
  "Return the result that KIND, a string, means, such as \"deferred\"."
  (nth 1 (or (assoc kind mew-submit-error--kinds)
             (assoc "internal" mew-submit-error--kinds))))

(defun mew-submit-error--status (kind)
  "Return the exit status that KIND, a string, means."
  (nth 2 (or (assoc kind mew-submit-error--kinds)
             (assoc "internal" mew-submit-error--kinds))))

(defun mew-submit-error--throw (kind recipient format &rest args)
  "Signal the condition of KIND, a symbol such as `config'.
FORMAT and ARGS make the words for people; RECIPIENT is the address that is
meant, or nil."
  (let ((text (mew-submit-error--clean (apply #'format format args))))
    (signal (intern (format "mew-submit-%s" kind))
            (if recipient
                (list :text text :recipient recipient)
              (list :text text)))))

(defun mew-submit-error--kind (err)
  "Return the kind, a string, of the condition ERR, as `condition-case' has it.
A condition that is not ours is \"internal\"."
  (let ((kind (string-remove-prefix "mew-submit-"
                                    (format "%s" (car-safe err)))))
    (if (and (string-prefix-p "mew-submit-" (format "%s" (car-safe err)))
             (assoc kind mew-submit-error--kinds))
        kind
      "internal")))

(defun mew-submit-error--updated-p ()
  "Are files of this package newer than this Emacs, or gone?
What it loads from now on is not of the version that it has loaded.  A native
compilation that was under way takes the newer file, too, and puts that in."
  (seq-some (lambda (entry)
              (let ((file (car entry)))
                (and (stringp file)
                     (string-match-p "/mew-submit[^/]*\\.elc?\\'" file)
                     (time-less-p before-init-time
                                  (file-attribute-modification-time
                                   (file-attributes file))))))
            load-history))

(defun mew-submit-error--text (err)
  "Return the words for people in the condition ERR, safe to show."
  (let ((data (cdr-safe err)))
    (mew-submit-error--clean
     (cond ((and (keywordp (car-safe data)) (plist-get data :text)))
           ((and (stringp (car-safe data))
                 (string-prefix-p "mew-submit-" (symbol-name (car err))))
            (mapconcat (lambda (datum) (format "%s" datum)) data " "))
           ((and (memq (car err) '(void-function void-variable
                                   wrong-number-of-arguments))
                 (mew-submit-error--updated-p))
            (concat "mew-submit was updated while this Emacs was open; restart Emacs ("
                    (error-message-string err) ")"))
           (t (error-message-string err))))))

(defconst mew-submit-error--text-max 1024
  "How many characters of a text are shown.")

(defun mew-submit-error--trim (text)
  "Return TEXT without blanks and line ends around it.
`string-trim' takes the square of the time where there are many within."
  (let ((start (string-match-p "[^ \t\r\n]" text))
        (end (length text)))
    (if (null start)
        ""
      (while (memq (aref text (1- end)) '(?\s ?\t ?\r ?\n))
        (setq end (1- end)))
      (substring text start end))))

(defun mew-submit-error--clean (text)
  "Return TEXT without text properties and safe to show, on one line.
What could deceive becomes U+FFFD: control and format characters (bidirectional
overrides, zero width), line separators, surrogates, noncharacters and raw
octets.  What is too long ends in \"...\"."
  (let* ((whole (substring-no-properties text))
         (cut (> (length whole) mew-submit-error--text-max)))
    (concat (mapcar (lambda (char)
                      (if (or (> char #x10FFFF)
                              (= (logand char #xFFFE) #xFFFE)
                              (memq (get-char-code-property char 'general-category)
                                    '(Cc Cf Cs Zl Zp)))
                          #xFFFD
                        char))
                    (if cut
                        (substring whole 0 (- mew-submit-error--text-max 3))
                      whole))
            (and cut "..."))))

(defmacro mew-submit-error--as-user-error (&rest body)
  "Run BODY for a person: one of our conditions in it becomes a `user-error'.
Emacs would show the data of the condition, which is a plist and no words."
  (declare (indent 0) (debug (body)))
  `(condition-case err
       (progn ,@body)
     (mew-submit-error (user-error "%s" (mew-submit-error--text err)))))

(defun mew-submit-error--save-option (option value)
  "Make VALUE that of OPTION, a symbol, in this and future sessions.
Where it cannot be saved it is for this session, and that is said."
  (condition-case err
      (customize-save-variable option value)
    (error
     (customize-set-variable option value)
     (message "This holds until you leave Emacs: %s"
              (mew-submit-error--text err)))))

(defun mew-submit-error--and (words)
  "Return the strings WORDS as an enumeration."
  (if (cdr words)
      (concat (string-join (butlast words) ", ") " and " (car (last words)))
    (or (car words) "")))

(defun mew-submit-error--done (err)
  "Return the `done' event of a message that ERR, a condition, ended.
It has the same keys as one whose job went all the way."
  (let ((kind (mew-submit-error--kind err)))
    (list :event 'done :kind kind
          :result (mew-submit-error--result kind)
          :exit (mew-submit-error--status kind)
          :code 0 :enhanced "" :text (mew-submit-error--text err)
          :port nil :family nil :address nil :fallback nil
          :tls nil :auth nil :reply nil
          :recipients nil :attempts nil :ms 0)))

(provide 'mew-submit-error)
;;; mew-submit-error.el ends here
