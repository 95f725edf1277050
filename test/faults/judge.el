;;; judge.el --- Is what came of a fault what had to come of it? -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; `mew-submit-faults-judge' compares what the client said (its events) and what the server saw (its
;; log and its store) with what the table expects, and with what holds for every fault:
;;
;; - result and exit status belong to the kind of the last event, and there is one last event;
;; - no text holds control characters, bidirectional overrides or text properties, and what went
;;   wrong is told in words;
;; - no form of the password is in an event or left in the clear;
;; - before TLS the client says EHLO and STARTTLS at most, unless the user wanted no TLS;
;; - the server noted no violation of SMTP, there was one connection, one AUTH, one transaction;
;; - a message that was taken is octet by octet the one that was sent, with CRLF for each line end.
;;
;; Each function returns what is wrong as a string, or nil.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)
(require 'mew-submit-faults-scenario "faults/scenario")
(require 'mew-submit-faults-secret "faults/secret")

(cl-defstruct (mew-submit-faults-record (:constructor mew-submit-faults-record--make)
                                        (:copier nil))
  "What is known of a FAULT in the end.
EVENTS are the client's, oldest first, LOG the server's of all connections, STORE the server's
directory with messages."
  fault events log store)

(defun mew-submit-faults--get (record key)
  "Return what the table has for KEY of the fault of RECORD."
  (mew-submit-fault-get (mew-submit-faults-record-fault record) key))

(defun mew-submit-faults--log (record name)
  "Return the events called NAME in the server's log of RECORD."
  (seq-filter (lambda (event) (equal (plist-get event :event) name))
              (mew-submit-faults-record-log record)))

(defun mew-submit-faults--lines (record &optional verb)
  "Return what the client of RECORD said in lines, or those that begin with VERB."
  (seq-filter (lambda (line)
                (or (null verb) (string-prefix-p verb line t)))
              (mapcar (lambda (event) (plist-get event :text))
                      (mew-submit-faults--log record "line"))))

(defun mew-submit-faults--done (record)
  "Return the last event of RECORD."
  (mew-submit-fault-done (mew-submit-faults-record-fault record)))

(defun mew-submit-faults--one-of (value wanted)
  "Is VALUE the one that is WANTED, or among those?"
  (if (listp wanted) (member value wanted) (equal value wanted)))

;;; The result

(defconst mew-submit-faults--kinds
  '((ok "delivered" 0) (usage "refused" 64) (message "refused" 65) (host "deferred" 68)
    (resolver "deferred" 75)     (refused "refused" 69) (internal "deferred" 70) (uncertain "uncertain" 74)
    (connect "deferred" 75) (tls "deferred" 75) (timeout "deferred" 75) (lost "deferred" 75)
    (deferred "deferred" 75) (cancelled "cancelled" 75) (protocol "deferred" 76)
    (no-login "deferred" 75) (insecure "insecure" 77) (auth "refused" 77) (config "refused" 78))
  "What each kind means: (KIND RESULT EXIT-STATUS).")

(defun mew-submit-faults--kind (record)
  "Return the kind of end of RECORD, a symbol."
  (intern (plist-get (mew-submit-faults--done record) :kind)))

(defun mew-submit-faults--kind-wrong (record)
  "Return what is wrong with kind, result and exit status in RECORD."
  (let* ((done (mew-submit-faults--done record))
         (kind (mew-submit-faults--kind record))
         (wanted (mew-submit-faults--get record :kind))
         (meaning (cdr (assq kind mew-submit-faults--kinds)))
         (result (or (mew-submit-faults--get record :result) (car meaning)))
         (exit (or (mew-submit-faults--get record :exit) (cadr meaning))))
    (cond ((not (mew-submit-faults--one-of kind wanted))
           (format "%s, not %s: %s" kind wanted (plist-get done :text)))
          ((not (equal (plist-get done :result) result))
           (format "result %s, not %s" (plist-get done :result) result))
          ((not (eql (plist-get done :exit) exit))
           (format "exit status %s, not %s" (plist-get done :exit) exit)))))

(defun mew-submit-faults--given-up-p (record)
  "Did a wait of RECORD's client run out?  It says after how many seconds."
  (string-match-p " in [0-9.]+ s\\(?:\\_>\\|[.] \\)"
                  (or (plist-get (mew-submit-faults--done record) :text) "")))

(defun mew-submit-faults--patience-wrong (record)
  "Return a complaint when RECORD's client gave up after another time than it was given."
  (let* ((done (mew-submit-faults--done record))
         (seconds (mew-submit-fault-seconds (mew-submit-faults-record-fault record) :step-timeout)))
    (cond ((not (mew-submit-faults--given-up-p record))
           (when (eq (mew-submit-faults--kind record) 'timeout)
             (format "it does not say what it waited for: %s" (plist-get done :text))))
          ((null seconds)
           (format "it gave up: %s" (plist-get done :text)))
          ((not (string-search (format " in %g s" seconds) (plist-get done :text)))
           (format "it was to wait %g s: %s" seconds (plist-get done :text)))
          ((< (plist-get done :ms) (* 1000 seconds))
           (format "it did not wait %g s, but %s ms" seconds (plist-get done :ms))))))

(defun mew-submit-faults--done-wrong (record)
  "Return a complaint when RECORD has not exactly one `done' event, at the end."
  (let ((places (cl-loop for event in (mew-submit-faults-record-events record)
                         for place from 1
                         when (eq (plist-get event :event) 'done) collect place)))
    (unless (equal places (list (length (mew-submit-faults-record-events record))))
      (format "done events at %s of %d" places
              (length (mew-submit-faults-record-events record))))))

(defun mew-submit-faults--asked-wrong (record)
  "Return a complaint when RECORD has a question that the table does not expect."
  (let ((ask (seq-find (lambda (event) (eq (plist-get event :event) 'ask))
                       (mew-submit-faults-record-events record))))
    (when (and ask (not (mew-submit-faults--get record :answer))
               (not (member (plist-get ask :what) '("seven-bit" "header" "lines"))))
      (format "it asked about %s" (plist-get ask :what)))))

;;; The words

(defun mew-submit-faults--strings (tree)
  "Return all strings in TREE.
Each of a chain's certificates has members with tabs between them."
  (cond ((stringp tree) (list tree))
        ((consp tree)
         (let (strings)
           (while (consp tree)
             (let ((element (pop tree)))
               (when (eq element :chain)
                 (setq element (mapcan (lambda (text) (split-string text "\t"))
                                       (copy-sequence (pop tree)))))
               (setq strings (nconc (mew-submit-faults--strings element) strings))))
           (nconc (mew-submit-faults--strings tree) strings)))))

(defun mew-submit-faults-text-wrong (text)
  "Return what makes TEXT unfit to be shown, or nil."
  (let ((bad (seq-find (lambda (char)
                         (or (> char #x10FFFF)
                             (memq (get-char-code-property char 'general-category)
                                   '(Cc Cf Cs Zl Zp))))
                       text)))
    (cond (bad (format "U+%04X in a text: %S" bad text))
          ((object-intervals text) (format "text properties on %S" text))
          ((> (length text) 1100) (format "a text of %d characters" (length text))))))

(defun mew-submit-faults--texts-wrong (record)
  "Return a complaint about a text in the events of RECORD."
  (seq-some #'mew-submit-faults-text-wrong
            (mew-submit-faults--strings (mew-submit-faults-record-events record))))

(defun mew-submit-faults--words-wrong (record)
  "Return a complaint unless the `done' event of RECORD says in words what went wrong."
  (let* ((text (plist-get (mew-submit-faults--done record) :text))
         (wanted (mew-submit-faults--get record :text))
         (case-fold-search t))
    (cond ((and wanted (not (string-match-p wanted text)))
           (format "the text does not say `%s': %s" wanted text))
          ((eq (mew-submit-faults--kind record) 'ok) nil)
          ((not (string-match-p "[[:alpha:]]\\{2,\\}.* .*[[:alpha:]]\\{2,\\}" text))
           (format "no words: %S" text))
          ((string-match-p "\\`[0-9]\\{3\\}[- ]\\|GNUTLS_\\|GSASL_\\|errno" text)
           (format "a code instead of words: %s" text)))))

(defun mew-submit-faults--secrets (record)
  "Return the forms of all secrets in RECORD."
  (let ((fault (mew-submit-faults-record-fault record)))
    (seq-mapcat (lambda (secret)
                  (and (stringp secret) (> (length secret) 7)
                       (mew-submit-faults-secret-forms secret)))
                (list mew-submit-faults-password
                      (plist-get (mew-submit-fault-get fault :account) :password)
                      (plist-get (mew-submit-fault-get fault :request) :password)))))

(defun mew-submit-faults--leak-wrong (record)
  "Return a complaint when a secret is in an event of RECORD."
  (let ((forms (mew-submit-faults--secrets record)))
    (seq-some (lambda (event)
                (when-let* ((form (seq-some (lambda (text) (mew-submit-faults-secret-in text forms))
                                           (mew-submit-faults--strings event))))
                  (format "the secret, as %s, is in %S" form event)))
              (mew-submit-faults-record-events record))))

;;; What the server saw

(defconst mew-submit-faults--levels '(nothing connection auth envelope part message)
  "How far a client may go.
It made no connection, a connection, said AUTH, MAIL, some of the message, all of it.")

(defun mew-submit-faults--messages (record)
  "Return the whole messages that RECORD's server got, as in its log."
  (seq-remove (lambda (event) (equal (plist-get event :outcome) "aborted"))
              (mew-submit-faults--log record "message")))

(defun mew-submit-faults--level (record)
  "Return how far the client of RECORD went."
  (cond ((mew-submit-faults--messages record) 'message)
        ((or (mew-submit-faults--lines record "BDAT ")
             (seq-some (lambda (event) (> (plist-get event :octets) 0))
                       (mew-submit-faults--log record "message")))
         'part)
        ((seq-some (lambda (verb) (mew-submit-faults--lines record verb))
                   '("MAIL" "RCPT" "DATA"))
         'envelope)
        ((mew-submit-faults--lines record "AUTH") 'auth)
        ((mew-submit-faults--log record "connect") 'connection)
        (t 'nothing)))

(defun mew-submit-faults--reach-wrong (record)
  "Return a complaint when the client of RECORD went too far, or not far enough."
  (let ((level (mew-submit-faults--level record))
        (wanted (or (mew-submit-faults--get record :reach) 'message)))
    (unless (mew-submit-faults--one-of level wanted)
      (format "the client came to `%s', not to `%s'" level wanted))))

(defun mew-submit-faults--clear-wrong (record)
  "Return a complaint when the client of RECORD said in the clear what it must not."
  (let ((said (mapcar (lambda (event) (plist-get event :text))
                      (seq-filter (lambda (event)
                                    (and (member (plist-get event :event) '("line" "after-close"))
                                         (null (plist-get event :tls))
                                         (plist-get event :text)))
                                  (mew-submit-faults-record-log record))))
        (forms (mew-submit-faults--secrets record)))
    (or (seq-some (lambda (text)
                    (when-let* ((form (mew-submit-faults-secret-in text forms)))
                      (format "the secret left in the clear, as %s" form)))
                  said)
        (unless (mew-submit-faults--get record :clear)
          (when-let* ((text (seq-find
                            (lambda (text)
                              (not (string-match-p
                                    ;; The last is a ClientHello.
                                    "\\`\\(?:\\(?:EHLO [^ ]*\\|STARTTLS\\)[\r\n]*\\'\\|\x16\x03\\)"
                                    text)))
                            said)))
            (format "said in the clear: %S" text))))))

(defun mew-submit-faults--count-wrong (record)
  "Return a complaint when RECORD has too many connections, log-ins or transactions."
  (let ((connections (length (mew-submit-faults--log record "connect")))
        (wanted (or (mew-submit-faults--get record :connections)
                    (if (eq (mew-submit-faults--get record :reach) 'nothing) 0 1)))
        (auths (length (mew-submit-faults--lines record "AUTH")))
        (mails (length (mew-submit-faults--lines record "MAIL")))
        (messages (length (mew-submit-faults--messages record))))
    (cond ((not (mew-submit-faults--one-of connections wanted))
           (format "%d connections, not %s" connections wanted))
          ((> auths (or (mew-submit-faults--get record :auths) 1)) (format "%d times AUTH" auths))
          ((> mails (or (mew-submit-faults--get record :mails) 1)) (format "%d times MAIL" mails))
          ((> messages (or (mew-submit-faults--get record :mails) 1))
           (format "%d messages" messages)))))

(defun mew-submit-faults--violation-wrong (record)
  "Return the violations of RECORD that the table does not allow."
  (let ((bad (seq-remove (lambda (event)
                           (member (plist-get event :violation)
                                   (mew-submit-faults--get record :violations)))
                         (mew-submit-faults--log record "violation"))))
    (when bad
      (mapconcat (lambda (event)
                   (format "violation: %s (%s)" (plist-get event :violation)
                           (plist-get event :detail)))
                 bad ", "))))

(defun mew-submit-faults-wire (octets)
  "Return the message OCTETS as it has to arrive: each line end, CR CR LF as well, a CRLF."
  (let ((lines (replace-regexp-in-string "\r\\{1,8\\}\n\\|\r\\|\n" "\r\n" octets t t)))
    (if (or (string-suffix-p "\n" lines) (string-empty-p lines)) lines (concat lines "\r\n"))))

(defun mew-submit-faults--body-wrong (record)
  "Return a complaint unless the message the server of RECORD took is the one that was sent."
  (seq-some
   (lambda (event)
     (let ((stored (expand-file-name (format "%04d.eml" (plist-get event :number))
                                     (mew-submit-faults-record-store record)))
           (wanted (or (mew-submit-faults--get record :body)
                       (mew-submit-test-octets
                        (mew-submit-fault-file (mew-submit-faults-record-fault record))))))
       (if (mew-submit-faults--get record :seven-bit)
           (unless (string-match-p
                    "\\`[[:ascii:]]*\nContent-Transfer-Encoding: \\(?:quoted-printable\\|base64\\)\r\n[[:ascii:]]*\\'"
                    (mew-submit-test-octets stored))
             "the message was not encoded in seven bits")
         (unless (equal (mew-submit-test-octets stored) (mew-submit-faults-wire wanted))
           "the message that arrived is another one"))))
   (seq-filter (lambda (event) (> (plist-get event :number) 0))
               (mew-submit-faults--messages record))))

(defun mew-submit-faults--outcome-wrong (record)
  "Return a complaint when client and server of RECORD disagree on what became of the message."
  (let ((outcomes (mapcar (lambda (event) (plist-get event :outcome))
                          (mew-submit-faults--messages record))))
    (when (mew-submit-faults--get record :mails)
      (setq outcomes (remove "refused" outcomes)))
    (when (and (eq (mew-submit-faults--kind record) 'ok) (not (equal outcomes '("accepted"))))
      (format "delivered, but the server has %s" outcomes))))

(defun mew-submit-faults--envelope-wrong (record)
  "Return a complaint unless the server of RECORD has the envelope that the table wants."
  (when-let* ((wanted (mew-submit-faults--get record :envelope))
              (number (plist-get (car (mew-submit-faults--messages record)) :number))
              (env (car (mew-submit-faults-json-lines
                         (mew-submit-test-octets
                          (expand-file-name (format "%04d.env" number)
                                            (mew-submit-faults-record-store record))))))
              (got (cons (plist-get env :from)
                         (mapcar (lambda (recipient) (plist-get recipient :address))
                                 (plist-get env :recipients)))))
    (unless (equal got wanted)
      (format "the envelope was %S, not %S" got wanted))))

;;; What else the table says

(defun mew-submit-faults--has-p (events name key value)
  "Has one of EVENTS that is called NAME the VALUE for KEY?"
  (seq-some (lambda (event)
              (and (equal (format "%s" (plist-get event :event)) (format "%s" name))
                   (equal (plist-get event key) value)))
            events))

(defun mew-submit-faults--missing (record key events)
  "Return what the table has under KEY and is not in EVENTS of RECORD."
  (seq-some (pcase-lambda (`(,name ,member ,value))
              (unless (mew-submit-faults--has-p events name member value)
                (format "no event %s with %s %S" name member value)))
            (mew-submit-faults--get record key)))

(defun mew-submit-faults--said-wrong (record)
  "Return a complaint about the lines that the client of RECORD said."
  (let ((text (mapconcat #'identity (mew-submit-faults--lines record) "\n"))
        (wanted (mew-submit-faults--get record :saw-line))
        (unwanted (mew-submit-faults--get record :no-line)))
    (cond ((and wanted (not (string-match-p wanted text)))
           (format "the client did not say `%s': %S" wanted text))
          ((and unwanted (string-match-p unwanted text))
           (format "the client did say `%s': %S" unwanted text)))))

(defun mew-submit-faults--check-wrong (record)
  "Return what the table's own function complains of in RECORD."
  (when-let* ((function (mew-submit-faults--get record :check)))
    (funcall function record)))

(defconst mew-submit-faults--judges
  '(mew-submit-faults--kind-wrong
    mew-submit-faults--clear-wrong mew-submit-faults--leak-wrong
    mew-submit-faults--reach-wrong mew-submit-faults--count-wrong
    mew-submit-faults--outcome-wrong mew-submit-faults--body-wrong
    mew-submit-faults--envelope-wrong mew-submit-faults--violation-wrong
    mew-submit-faults--words-wrong mew-submit-faults--texts-wrong
    mew-submit-faults--done-wrong mew-submit-faults--asked-wrong mew-submit-faults--patience-wrong
    mew-submit-faults--said-wrong mew-submit-faults--check-wrong)
  "What looks at a record, the gravest first.")

(defun mew-submit-faults-hurried-p (record)
  "Can RECORD be wrong because the machine was too slow for an impatient scenario?"
  (let ((fault (mew-submit-faults-record-fault record)))
    (and (mew-submit-faults--done record)
         (or (and (mew-submit-fault-seconds fault :step-timeout)
                  (mew-submit-faults--given-up-p record))
             (and (mew-submit-fault-seconds fault :timeout)
                  (eq (mew-submit-faults--kind record) 'connect))))))

(defun mew-submit-faults-judge (record)
  "Return all that is wrong in RECORD, as one string, or nil."
  (if (null (mew-submit-faults--done record))
      "it did not end"
    (let ((wrong (delq nil
                       (append
                        (mapcar (lambda (judge) (funcall judge record)) mew-submit-faults--judges)
                        (list (mew-submit-faults--missing
                               record :events (mew-submit-faults-record-events record))
                              (mew-submit-faults--missing
                               record :saw (mew-submit-faults-record-log record)))))))
      (and wrong (string-join wrong "; ")))))

(provide 'mew-submit-faults-judge)
;;; judge.el ends here
