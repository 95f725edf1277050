;;; mew-submit-cause.el --- Why a server refused, and what to do -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  How a reply is traced to the cause of a refusal, by the tables of
;; mew-submit-cause-rule.el: peculiarities of providers, notions that are named, bare codes.
;; Where nothing is named, the cause is `policy-unspecified' and the server's own words are
;; all there is.
;;
;;   (mew-submit-cause--of STEP CODE ENHANCED TEXT &optional MECHANISM)
;;       => (:cause ID :who WHO :again AGAIN :sure BOOL)
;;
;; It asks nobody, changes nothing and knows nothing of messages or queues.  What a cause
;; means, and what to do, is in mew-submit-cause-meaning.el.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-caseless)
(require 'mew-submit-cause-matter)
(require 'mew-submit-cause-meaning)
(require 'mew-submit-cause-rule)
(require 'mew-submit-cause-thing)
(require 'mew-submit-cause-word)
(require 'seq)

(defvar mew-submit-cause--words nil
  "The words of all tables as a table; nil until they are wanted.")
;; After an upgrade the tables are others.
(setq mew-submit-cause--words nil)

(defun mew-submit-cause--words ()
  "Return the words of all tables as a table."
  (or mew-submit-cause--words
      ;; All of that stays, so that collecting garbage meanwhile takes time only.
      (let ((gc-cons-threshold (max gc-cons-threshold 4000000)))
        (setq mew-submit-cause--words
              (mew-submit-cause-word--table mew-submit-cause-thing--rows
                                            mew-submit-cause-matter--rows
                                            mew-submit-cause-rule--peculiarities)))))

(defun mew-submit-cause--enhanced-p (pattern enhanced)
  "Does the enhanced code ENHANCED fit PATTERN, such as \"x.2.2\" or \"4.7.65?\"?"
  (and (= (length pattern) (length enhanced))
       (let ((index 0) (length (length pattern)))
         (while (and (< index length)
                     (or (eq (aref pattern index) (aref enhanced index))
                         (and (memq (aref pattern index) '(?x ??))
                              (<= ?0 (aref enhanced index) ?9))))
           (setq index (1+ index)))
         (= index length))))

(cl-defstruct (mew-submit-cause--reply (:constructor mew-submit-cause--make-reply))
  "What is known of a reply." step code enhanced notions)

(defun mew-submit-cause--holds-p (term reply)
  "Does TERM of a rule hold for REPLY?"
  (cond ((eq (car-safe term) 'or)
         (cl-loop for each in (cdr term)
                  thereis (mew-submit-cause--holds-p each reply)))
        ((eq (car-safe term) 'not)
         (cl-loop for each in (cdr term)
                  never (mew-submit-cause--holds-p each reply)))
        ((keywordp term) (eq term (mew-submit-cause--reply-step reply)))
        ((symbolp term) (memq term (mew-submit-cause--reply-notions reply)))
        ((stringp term)
         (mew-submit-cause--enhanced-p term (mew-submit-cause--reply-enhanced reply)))
        ((< term 10) (eq term (/ (mew-submit-cause--reply-code reply) 100)))
        (t (eq term (mew-submit-cause--reply-code reply)))))

(defun mew-submit-cause--peculiar (reply)
  "Return the cause that a peculiarity of a provider gives REPLY, or nil."
  (let ((enhanced (mew-submit-cause--reply-enhanced reply))
        (notions (mew-submit-cause--reply-notions reply)))
    (cl-loop for (cause _words . codes) in mew-submit-cause-rule--peculiarities
             when (or (memq cause notions)
                      (cl-loop for code in codes
                               thereis (mew-submit-cause--enhanced-p code enhanced)))
             return cause)))

(defun mew-submit-cause--consistent-p (cause reply)
  "Do the codes of REPLY say nothing else than CAUSE?"
  (let ((subjects (cdr (assq cause mew-submit-cause-rule--subjects)))
        (enhanced (mew-submit-cause--reply-enhanced reply))
        (class (/ (mew-submit-cause--reply-code reply) 100)))
    (and (or (null subjects) (< (length enhanced) 3)
             (memq (aref enhanced 2) (append subjects nil)))
         (not (and (eq class 4)
                   (memq cause '(recipient-unknown recipient-disabled relay-denied
                                 spam-content virus-found sender-not-owned
                                 sender-blocklisted recipient-needs-permission
                                 attachment-blocked url-blocked))))
         (not (and (eq class 5) (memq cause '(server-busy server-internal-error
                                              greylisted connection-timeout)))))))

(defun mew-submit-cause--early-p (cause reply)
  "Is CAUSE about something that REPLY came too early for?
Recipients are named after :mail, and the message comes last."
  (when-let* ((later (memq (mew-submit-cause--reply-step reply)
                           mew-submit-cause-rule--order)))
    (cl-loop for (first . causes) in mew-submit-cause-rule--earliest
             thereis (and (memq cause causes) (memq first (cdr later))))))

(defun mew-submit-cause--sure-p (rule reply)
  "Is the cause of RULE beyond doubt for REPLY?
It is not when something that also names a cause is left out."
  (and (nth 1 rule)
       (mew-submit-cause--consistent-p (car rule) reply)
       (let ((used (flatten-tree (cddr rule)))
             (doubts (cdr (assq (car rule) mew-submit-cause-rule--doubts))))
         (cl-loop for notion in (mew-submit-cause--reply-notions reply)
                  never (or (memq notion doubts)
                            (and (memq notion mew-submit-cause-rule--decisive)
                                 (not (memq notion used))))))))

(defun mew-submit-cause--rule (reply)
  "Return (CAUSE SURE) after the rules for REPLY, or nil."
  (cl-loop for rule in mew-submit-cause-rule--table
           when (and (cl-loop for term in (cddr rule)
                              always (mew-submit-cause--holds-p term reply))
                     (not (mew-submit-cause--early-p (car rule) reply)))
           return (list (car rule) (mew-submit-cause--sure-p rule reply))))

(defun mew-submit-cause--token-p (mechanism)
  "Does MECHANISM, a string or nil, take a token and no password?"
  (member (mew-submit-caseless--up (format "%s" mechanism)) '("XOAUTH2" "OAUTHBEARER")))

(defun mew-submit-cause--secretless-p (mechanism)
  "Does MECHANISM, a string or nil, take no secret at all?"
  (member (mew-submit-caseless--up (format "%s" mechanism)) '("EXTERNAL" "GSSAPI")))

(defun mew-submit-cause--of-secret (cause mechanism)
  "Return CAUSE, or its like where it is about what MECHANISM did not take."
  (cond ((and mechanism (eq cause 'auth-oauth-token-refused)
              (not (mew-submit-cause--token-p mechanism)))
         (mew-submit-cause--of-secret 'auth-wrong-password mechanism))
        ((not (memq cause '(auth-wrong-password auth-app-password-needed
                            auth-password-expired)))
         cause)
        ((mew-submit-cause--token-p mechanism) 'auth-oauth-token-refused)
        ((mew-submit-cause--secretless-p mechanism) 'policy-unspecified)
        (t cause)))

(defun mew-submit-cause--read (text step code enhanced mechanism)
  "Return TEXT with STEP, CODE, ENHANCED and MECHANISM as a reply."
  (mew-submit-cause--make-reply
   :step step :code code :enhanced enhanced
   :notions (append (and (mew-submit-cause--token-p mechanism) '(token-mech))
                    (mew-submit-cause-word--notions (mew-submit-cause--words) text))))

(defun mew-submit-cause--ruled (readings)
  "Return the cause that the rules give to the first of READINGS they know, or nil.
Each is a part of the same reply; one without notions has only codes to say."
  (cl-loop for reading in readings
           for rule = (and (mew-submit-cause--reply-notions reading)
                           (mew-submit-cause--rule reading))
           when rule return (car rule)))

(defun mew-submit-cause--said (reading)
  "Return (CAUSE SURE) that a peculiarity or a rule gives READING, or nil."
  (if-let* ((cause (mew-submit-cause--peculiar reading)))
      (list cause t)
    (mew-submit-cause--rule reading)))

(defun mew-submit-cause--elsewhere (reading)
  "Return (CAUSE nil) that the rules for another step give READING, or nil.
What is said of a recipient, say, may be said only when the message is there.
Of the codes only the class and what is said of an address count there."
  (when (mew-submit-cause--reply-notions reading)
    (cl-loop
     for step in (cdr (assq (mew-submit-cause--reply-step reading)
                            mew-submit-cause-rule--elsewhere))
     for enhanced = (mew-submit-cause--reply-enhanced reading)
     for rule = (mew-submit-cause--rule
                 (mew-submit-cause--make-reply
                  :step step
                  :enhanced (if (string-match-p "\\`[0-9]\\.1\\." enhanced) enhanced "")
                  :code (+ 99 (* 100 (/ (mew-submit-cause--reply-code reading) 100)))
                  :notions (mew-submit-cause--reply-notions reading)))
     when rule return (list (car rule) nil))))

(defun mew-submit-cause--disputed-p (cause reason read)
  "Does a part of REASON, as told by READ, name another one than CAUSE?
It has to be sure of it by itself, but where it is said that either may be it."
  (cl-loop for (either . parts) in (mew-submit-cause-word--parts reason)
           thereis (cl-loop for part in parts
                            for (other sure) = (mew-submit-cause--said (funcall read part))
                            thereis (and (or sure (and either other))
                                         (not (eq other cause))))))

(defun mew-submit-cause--trace (step code enhanced text mechanism)
  "Return (CAUSE SURE) for STEP, CODE, ENHANCED, TEXT and MECHANISM."
  (let* ((reason (mew-submit-cause-word--reason text))
         (read (lambda (text)
                 (mew-submit-cause--read text step code enhanced mechanism)))
         (whole (funcall read text))
         (short (if (equal reason text) whole (funcall read reason)))
         (spoken (or (eq short whole) (mew-submit-cause--reply-notions short)))
         (said (or (if-let* ((cause (mew-submit-cause--peculiar whole)))
                       (list cause t)
                     (and spoken (mew-submit-cause--rule short)))
                   ;; What it is about may stand behind where help is, or only there.
                   (when-let* ((cause (and (not (eq short whole))
                                           (mew-submit-cause--ruled
                                            (list (funcall read
                                                           (mew-submit-cause-word--pageless text))
                                                  whole)))))
                     (list cause nil))
                   (mew-submit-cause--rule short)
                   (mew-submit-cause--elsewhere short)
                   '(policy-unspecified nil))))
    (list (car said)
          (and (nth 1 said)
               (not (mew-submit-cause--disputed-p (car said) reason read))))))

;;; A reply

(defun mew-submit-cause--detail (cause text mechanism)
  "Return what more is known of CAUSE, after a reply of TEXT to MECHANISM, or nil.
It is (ID WHEN), as in `mew-submit-cause-meaning--details'."
  (cl-loop for (id whose when) in mew-submit-cause-meaning--details
           when (and (eq whose cause)
                     (pcase when
                       ('token (mew-submit-cause--token-p mechanism))
                       ;; Not for a reply to tell: `mew-submit-refusal--inside-tls'.
                       ('tls nil)
                       (_ (mew-submit-caseless--folding
                            (string-match-p when text)))))
           return (list id when)))

(defconst mew-submit-cause--steps
  '(:greeting :ehlo :starttls :auth :mail :rcpt :data :dot :any)
  "The steps of a conversation at which a server refuses.")

(defun mew-submit-cause--step (step code)
  "Return STEP, a symbol, keyword or string in any case, as a keyword.
Where it is none, a CODE that only a log-in has says which (RFC 4954)."
  (let ((step (intern (concat ":" (string-remove-prefix
                                   ":" (mew-submit-caseless--down
                                        (format "%s" (or step "any"))))))))
    (pcase step
      (:helo :ehlo)
      ((guard (memq step (remq :any mew-submit-cause--steps))) step)
      ((guard (memq code '(432 534 535 538))) :auth)
      (_ :any))))

(defun mew-submit-cause--text (text)
  "Return TEXT as characters: octets are UTF-8 if they can be, else Latin-1."
  (let* ((text (substring-no-properties
                text 0 (min (length text) (* 4 mew-submit-cause-word--max))))
         (octets (condition-case nil (encode-coding-string text 'raw-text) (error text))))
    (if (or (multibyte-string-p text) (mew-submit-caseless--exactly-p "\\`[[:ascii:]]*\\'" text))
        text
      (let ((decoded (decode-coding-string octets 'utf-8)))
        (if (seq-some (lambda (char) (> char #x10FFFF)) decoded)
            (decode-coding-string octets 'latin-1)
          decoded)))))

(defun mew-submit-cause--parse (reply)
  "Return (CODE ENHANCED TEXT) of REPLY, a list of lines or a string.
CODE is 0 and ENHANCED \"\" where there is none."
  (let ((code 0) (enhanced "") texts)
    (dolist (line (if (stringp reply) (split-string reply "[\r\n]+" t) reply))
      (let ((line (mew-submit-cause--text line)) (case-fold-search nil))
        (when (string-match "\\`[ \t]*\\([2-5][0-9][0-9]\\)\\(?:[- \t]\\|\\'\\)" line)
          (setq code (string-to-number (match-string 1 line))
                line (substring line (match-end 0))))
        (when (string-match
               "\\`[ \t#(]*\\([245]\\.[0-9]\\{1,3\\}\\.[0-9]\\{1,3\\}\\)\\(?:[^0-9.]\\|\\'\\)"
               line)
          (when (equal enhanced "") (setq enhanced (match-string 1 line)))
          (setq line (substring line (match-end 1))))
        (push line texts)))
    (let ((text (string-join (nreverse texts) " ")))
      (when (and (equal enhanced "")
                 (string-match "#\\([245]\\.[0-9]\\{1,3\\}\\.[0-9]\\{1,3\\}\\)\\_>" text))
        (setq enhanced (match-string 1 text)))
      (list code enhanced text))))

(defun mew-submit-cause--of (step code enhanced text &optional mechanism)
  "Return why the server refused STEP: `:cause', `:who', `:again', `:sure'.
`:detail' is there where more is known (`mew-submit-cause-meaning--details').
CODE is the number of the reply, ENHANCED its enhanced code or nil, TEXT its
words, MECHANISM that of the log-in, where there was one.  `:sure' is nil where
the words leave it open: then the server's own words are to be shown first."
  (with-case-table mew-submit-caseless--table
    (let* ((code (or code 0))
           (text (mew-submit-cause--text (or text "")))
           (trace (mew-submit-cause--trace (mew-submit-cause--step step code) code
                                           (or enhanced "") text mechanism))
           (row (mew-submit-cause-meaning--row
                 (mew-submit-cause--of-secret (car trace) mechanism)))
           (detail (mew-submit-cause--detail (car row) text mechanism)))
      (append (list :cause (car row) :who (nth 1 row)
                    :again (mew-submit-cause--again row code)
                    ;; One that a provider always says in these words leaves no doubt.
                    :sure (and (or (nth 1 trace) (stringp (nth 1 detail))) t))
              (and detail (list :detail (car detail)))))))

(defun mew-submit-cause--again (row code)
  "Return when the message may go again after the cause of ROW and a reply of CODE."
  (if (and (<= 400 code 499) (eq (nth 2 row) 'no))
      'later
    (nth 2 row)))

(provide 'mew-submit-cause)
;;; mew-submit-cause.el ends here
