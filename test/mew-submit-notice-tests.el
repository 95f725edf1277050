;;; mew-submit-notice-tests.el --- Tests for what the user sees of mail -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The mode line, the echo area and *mew-submit*: what each of them says of events that
;; are made up here.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-batch-outbox)
(require 'mew-submit-notice)
(require 'mew-submit-outbox)
(require 'mew-submit-parcel)
(require 'mew-submit-test-helpers)

;;; The mode line

(defconst mew-submit-notice-tests--terminals
  '((("black" 0 0 0) ("red" 205 0 0) ("green" 0 205 0) ("cyan" 0 205 205)
     ("white" 229 229 229) ("bold white" 255 255 255))
    (("black" 0 0 0) ("red" 170 0 0) ("green" 0 170 0) ("cyan" 0 170 170)
     ("white" 170 170 170) ("bold white" 255 255 255)))
  "What eight colours look like: those of xterm and of the Linux console.")

(defun mew-submit-notice-tests--luminance (rgb)
  "Return the relative luminance of RGB, as WCAG defines it."
  (apply #'+ (cl-mapcar (lambda (weight part)
                          (let ((part (/ part 255.0)))
                            (* weight (if (<= part 0.04045) (/ part 12.92)
                                        (expt (/ (+ part 0.055) 1.055) 2.4)))))
                        '(0.2126 0.7152 0.0722) rgb)))

(defun mew-submit-notice-tests--contrast (one other)
  "Return the contrast of the colours ONE and OTHER, as WCAG defines it."
  (let ((light (mew-submit-notice-tests--luminance one))
        (dark (mew-submit-notice-tests--luminance other)))
    (/ (+ 0.05 (max light dark)) (+ 0.05 (min light dark)))))

(defun mew-submit-notice-tests--rgb (name)
  "Return what the colour NAME of X looks like."
  (pcase name
    ("white" '(255 255 255))
    ("black" '(0 0 0))
    ;; Without a display Emacs would take the nearest of eight.
    (_ (mapcar (lambda (at) (string-to-number (substring name at (+ at 2)) 16))
               '(1 3 5)))))

(ert-deftest mew-submit-notice-tests-contrast ()
  "Each badge in the mode line has both colours, 4.5:1, whatever is around it."
  (dolist (face '(mew-submit-mode-line-waiting mew-submit-mode-line-failed
                  mew-submit-mode-line-sending))
    (pcase-let ((`((,_ . ,many) (,_ . ,eight) (t . ,none))
                 (face-default-spec face)))
      (ert-info ((symbol-name face))
        (should (>= (mew-submit-notice-tests--contrast
                     (mew-submit-notice-tests--rgb (plist-get many :foreground))
                     (mew-submit-notice-tests--rgb (plist-get many :background)))
                    4.5))
        (should (plist-get none :inverse-video))
        (dolist (terminal mew-submit-notice-tests--terminals)
          (should (>= (mew-submit-notice-tests--contrast
                       (cdr (assoc (concat (and (plist-get eight :weight) "bold ")
                                           (plist-get eight :foreground))
                                   terminal))
                       (cdr (assoc (plist-get eight :background) terminal)))
                      4.5)))))))

(ert-deftest mew-submit-notice-tests-mode-line ()
  "What is a number of mails is never read as a percentage."
  (cl-letf* ((running '(a))
             (progress '(40 . 100))
             (entries nil)
             ((symbol-function 'mew-submit-known--running) (lambda () running))
             ((symbol-function 'mew-submit-known--progress) (lambda (_) progress))
             ((symbol-function 'mew-submit-known--entries) (lambda (&rest _) entries))
             (mew-submit-question--list nil))
    (should (equal (mew-submit-notice--words) " Mail>1 (40%%)"))
    (setq running '(a b) progress '(0 . 100))
    (should (equal (mew-submit-notice--words) " Mail>2 (0%%)"))
    (setq progress nil)
    (should (equal (mew-submit-notice--words) " Mail>2"))
    (setq running nil
          entries '((:state queued) (:state held) (:state refused) (:state broken)
                    (:state uncertain :left t)))
    ;; What needs the user is not cut off where there is little room.
    (should (equal (mew-submit-notice--words) " Mail!2 :2"))
    (should (string-prefix-p "2 need you" (get-text-property 1 'help-echo
                                                             (mew-submit-notice--words))))
    (let ((all entries))
      (setq entries '((:state refused)))
      (should (string-prefix-p "1 needs you" (get-text-property 1 'help-echo
                                                                (mew-submit-notice--words))))
      (setq entries all))
    (setq running '(a)
          mew-submit-question--list (list (mew-submit-question--make :text "Another port?")))
    (should (equal (mew-submit-notice--words) " Mail?1 !2 :2 >1"))
    (setq entries nil running nil mew-submit-question--list nil)
    (should (equal (mew-submit-notice--words) ""))))

(defun mew-submit-notice-tests--as-shown (construct)
  "Return what CONSTRUCT, of a mode line, is shown as."
  (pcase construct
    ('nil "")
    ((pred stringp) construct)
    ((pred symbolp) (mew-submit-notice-tests--as-shown (symbol-value construct)))
    (`(:eval ,form) (mew-submit-notice-tests--as-shown (eval form t)))
    (`(:propertize ,what . ,_) (mew-submit-notice-tests--as-shown what))
    (`(,(and (pred symbolp) condition) ,then . ,else)
     (mew-submit-notice-tests--as-shown (if (symbol-value condition) then (car else))))
    (_ (mapconcat #'mew-submit-notice-tests--as-shown construct ""))))

(ert-deftest mew-submit-notice-tests-mode-line-of-any-kind ()
  "Whatever `global-mode-string' is, it is still shown, and mail behind it, once."
  (dolist (old (list nil "abc" '(:eval (concat "a" "bc")) '("" "abc") '((:propertize "abc"))
                     'mew-submit-notice-tests--shown '(mew-submit-notice-tests--shown "abc" "")))
    (let ((global-mode-string old)
          (mew-submit-notice--string " Mail:1"))
      (cl-progv '(mew-submit-notice-tests--shown) '("abc")
        (mew-submit-notice--put-string)
        (mew-submit-notice--put-string)
        (should (equal (mew-submit-notice-tests--as-shown global-mode-string)
                       (if old "abc Mail:1" " Mail:1")))))))

;;; The diagnosis

(ert-deftest mew-submit-notice-tests-diagnoses-its-own-server ()
  "The server of the mail's own account is looked at, as it would be tried next.
Another account at that server may have other routes, or another tunnel."
  (let ((mew-submit-accounts '((:name "first" :server "mail.x.example")
                               (:name "own" :server "MAIL.x.example" :routes "2525:starttls"
                                      :servers ((:server "b.x.example")))))
        looked)
    (cl-letf (((symbol-function 'mew-submit-diagnose)
               (lambda (account)
                 (push (list (plist-get account :name) (plist-get account :server)
                             (plist-get account :routes) (plist-get account :servers))
                       looked))))
      (dolist (via '("mail.x.example 2525:starttls" "b.x.example " nil))
        (let ((entry (list :id "1" :directory "/nonexistent/" :via via
                           ;; Of before the user has corrected it.
                           :account '(:name "own" :server "mail.x.example" :routes "25:none"
                                            :servers ((:server "b.x.example"))))))
          (cl-letf (((symbol-function 'mew-submit-notice-message--here) (lambda () entry)))
            (mew-submit-notice-diagnose)))))
    (should (equal (reverse looked)
                   '(("own" "MAIL.x.example" "2525:starttls" nil)
                     ("own" "b.x.example" nil nil)
                     ("own" "MAIL.x.example" "2525:starttls"
                      ((:server "b.x.example"))))))))

(ert-deftest mew-submit-notice-tests-diagnoses-nothing-in-words ()
  "Where there is no message, or none of the accounts is for it, that is said in words."
  (mew-submit-test-with-directory directory
    (let ((mew-submit-accounts '((:name "other" :server "h" :from "other@x.example")))
          (entry (list :id "1" :directory directory :stem (concat directory "1"))))
      (mew-submit-test-write (concat directory "1.eml")
                             "From: me@x.example\nTo: a@x.example\n\nb\n")
      (pcase-dolist (`(,here . ,words) `((nil . "No message here")
                                         (,entry . "There is no account for")))
        (cl-letf (((symbol-function 'mew-submit-notice-message--here) (lambda () here))
                  ((symbol-function 'mew-submit-outbox--entry) (lambda () entry)))
          (dolist (command (cons #'mew-submit-notice-diagnose
                                 (and here '(mew-submit-outbox-diagnose))))
            (should (string-prefix-p
                     words (cadr (should-error (funcall command) :type 'user-error)))))))
      ;; Nor has it a server to pin or forget anything of.
      (cl-letf (((symbol-function 'mew-submit-notice-message--the-entry) (lambda () entry)))
        (dolist (command '(mew-submit-notice-pin mew-submit-notice-forget))
          (should (string-prefix-p
                   "No account is for this mail yet"
                   (cadr (should-error (funcall command) :type 'user-error)))))))))

;; "No message here" was said to who pressed r, or P, at the question about the password.
(ert-deftest mew-submit-notice-tests-a-question-is-no-message ()
  "Where there is a question, and no message, the keys of messages say how it is answered."
  (with-temp-buffer
    (insert (propertize "Another password?" 'mew-submit-question t))
    (should (string-match-p "TAB goes to its answers"
                            (cadr (should-error (mew-submit-notice-password)
                                                :type 'user-error))))))

;;; The echo area

(defun mew-submit-notice-tests--entry (&rest keys)
  "Return an entry, not on disk, with KEYS."
  (append keys
          (list :id "1" :directory "/nonexistent/"
                :stem (concat "/nonexistent/" (or (plist-get keys :id) "1"))
                :state 'queued
                :recipients '("b@x") :subject "Minutes"
                :account '(:server "mail.example.org")
                :created (float-time))))

(defmacro mew-submit-notice-tests--hearing (said shown &rest body)
  "Run BODY with what was SAID, newest first, and how often it was SHOWN."
  (declare (indent 2))
  `(let (,said
         (,shown 0)
         (mew-submit-notice-message--told (make-hash-table :test #'equal))
         (mew-submit-notice--news nil)
         (entries nil))
     (cl-letf (((symbol-function 'message)
                (lambda (format &rest args)
                  (when format
                    (push (apply #'format format args) ,said))))
               ((symbol-function 'mew-submit-notice--display)
                (lambda () (cl-incf ,shown)))
               ((symbol-function 'ding) #'ignore)
               ((symbol-function 'mew-submit-offer--465) #'ignore)
               ((symbol-function 'mew-submit-known--entry)
                (lambda (&rest _) (car entries))))
       (unwind-protect
           (progn ,@body)
         (when (get-buffer "*mew-submit*")
           (kill-buffer "*mew-submit*"))))))

(defconst mew-submit-notice-tests--blocked
  '(:kind "connect" :result "deferred" :text "No route leads to mail.example.org: a lot"
    :attempts ((:port 587 :case 5) (:port 587 :case 5) (:port 25 :case 3)))
  "The end of an attempt where all is filtered.")

(ert-deftest mew-submit-notice-tests-the-reason-has-the-room ()
  "On 80 columns why mail waits is whole, and when it is tried again said if it fits."
  (let ((noninteractive nil)
        (next (float-time (encode-time '(0 40 23 1 1 2030 nil -1 nil)))))
    (pcase-dolist
        (`(,who ,server ,line)
         '(("b@x" "mail.x.example"
            "Mail to b@x waits: mail.x.example does not answer on 587 and 25; next try 23:40")
           ("b@mail.example.org" "mail.x.example"
            "Mail to b@mail.example.org waits: mail.x.example does not answer on 587 and 25")
           ("b@mail.example.org" "mail.of.an.x.example"
            "Mail to b@mail.example.org waits: mail.of.an.x.example does not answer on 58...")))
      (mew-submit-notice-tests--hearing said shown
        (cl-letf (((symbol-function 'window-width) (lambda (&rest _) 80)))
          (mew-submit-notice--done
           (mew-submit-notice-tests--entry :next next :recipients (list who)
                                           :account (list :server server))
           mew-submit-notice-tests--blocked))
        (should (equal (car said) line))))))

(ert-deftest mew-submit-notice-tests-one-line-once ()
  "Why mail waits is said on one line, and again only when it is something else."
  (mew-submit-notice-tests--hearing said shown
    (let ((entry (mew-submit-notice-tests--entry
                  :next (float-time (encode-time '(0 40 23 1 1 2030 nil -1 nil))))))
      (mew-submit-notice--done entry mew-submit-notice-tests--blocked)
      (should (equal said '("Mail to b@x waits: mail.example.org does not answer on \
587 and 25; next try 23:40")))
      (mew-submit-notice--done entry mew-submit-notice-tests--blocked)
      (should (= (length said) 1))
      (mew-submit-notice--done entry '(:kind "timeout" :result "deferred" :text "x"))
      (should (string-match-p "did not answer in time" (car said)))
      (should (= (length said) 2))
      ;; Whoever asks for it is told.
      (cl-letf (((symbol-function 'mew-submit-queue--send) #'ignore))
        (mew-submit-notice-message--send entry))
      (setq said nil)
      (mew-submit-notice--done entry '(:kind "timeout" :result "deferred" :text "x"))
      (should (= (length said) 1))
      (should (zerop shown)))))

(ert-deftest mew-submit-notice-tests-old-mail-pops-up-once ()
  "Mail that has waited long is shown once, and once more for another reason."
  (mew-submit-notice-tests--hearing said shown
    (let ((entry (mew-submit-notice-tests--entry :created 0)))
      (dotimes (_ 3)
        (mew-submit-notice--done entry mew-submit-notice-tests--blocked))
      (should (= shown 1))
      (dotimes (_ 3)
        (mew-submit-notice--done entry '(:kind "lost" :result "deferred" :text "x")))
      (should (= shown 2))
      (should (= (length said) 2)))))

(ert-deftest mew-submit-notice-tests-good-news ()
  "What was delivered is said with its subject, without protocol; several at once."
  (mew-submit-notice-tests--hearing said shown
    (let ((done '(:kind "ok" :result "delivered" :reply "250 2.0.0 Ok: queued as D9"
                  :recipients ((:address "b@x" :code 250))))
          (entry (mew-submit-notice-tests--entry :state nil)))
      (mew-submit-notice--done entry done)
      (should (equal said '("Delivered to b@x: Minutes")))
      (setq said nil
            mew-submit-notice--news (list (float-time) "1" "2" "3" "4"))
      (mew-submit-notice--done entry done)
      (should (equal said '("5 mails delivered")))
      (should (zerop shown)))))

(ert-deftest mew-submit-notice-tests-a-doubt-is-no-good-news ()
  "What the outbox takes for uncertain is not told as delivered, whatever the end says."
  (mew-submit-notice-tests--hearing said shown
    (mew-submit-notice--done
     (mew-submit-notice-tests--entry :state 'uncertain
                                     :last "It is not known what the server said of b@x")
     '(:kind "ok" :result "delivered" :reply "250 2.0.0 Ok"
       :recipients ((:address "a@x" :code 250))))
    (should (= shown 1))
    (should (= (length said) 1))
    (should-not (string-match-p "Delivered" (car said)))
    (should (string-match-p "may have arrived" (car said)))))

(ert-deftest mew-submit-notice-tests-the-rest-can-be-sent ()
  "Who surely did not get what is in doubt is named, and sent it by a button.
After that the text is about the others alone; it is there for those only who are."
  (mew-submit-notice-tests--hearing said shown
    (let* ((entry (mew-submit-notice-tests--entry :state 'uncertain :recipients '("b@x" "c@x")
                                                  :unsent '("c@x") :last "No answer came."))
           (now entry)
           sent)
      (cl-letf (((symbol-function 'mew-submit-known--refresh) #'ignore)
                ((symbol-function 'mew-submit-known--entry) (lambda (&rest _) now))
                ((symbol-function 'mew-submit-queue--send-rest)
                 (lambda (id &optional _)
                   (push id sent)
                   (setq now (mew-submit-spool--with entry :recipients '("b@x") :unsent nil)))))
        (mew-submit-notice--failed entry (mew-submit-notice--doubt entry))
        (with-current-buffer "*mew-submit*"
          (should (string-search "It did not get to c@x: [Send to the rest]" (buffer-string)))
          (search-forward "\n[Send to the rest]")
          (push-button (1- (point)))
          (should (equal sent (list (plist-get entry :id))))
          (should-not (string-search "the rest" (buffer-string)))
          (should-not (string-search "c@x" (buffer-string)))
          (should (string-search "[Send again]" (buffer-string)))
          (should (bobp)))))))

(ert-deftest mew-submit-notice-tests-an-end-without-a-place ()
  "An end that does not say where the server is gives no place to a person."
  (should (equal (mew-submit-report--done
                  '(:kind "ok" :result "delivered" :recipients ((:address "b@x" :code 250))))
                 "delivered to b@x")))

(ert-deftest mew-submit-notice-tests-an-alarm-ends-no-macro ()
  "The bell of an alarm is none that ends the keyboard macro that is run just now."
  (mew-submit-notice-tests--hearing said shown
    (let (rung)
      (cl-letf (((symbol-function 'ding) (lambda (&optional goes-on) (push goes-on rung))))
        (mew-submit-notice--done (mew-submit-notice-tests--entry)
                                 (append '(:alarm "striptls") mew-submit-notice-tests--blocked)))
      (should (equal rung '(t)))
      (should said)
      (should (= shown 1)))))

(ert-deftest mew-submit-notice-tests-not-into-a-minibuffer ()
  "Nothing is said while somebody is in the minibuffer."
  (mew-submit-notice-tests--hearing said shown
    (cl-letf (((symbol-function 'active-minibuffer-window) #'selected-window))
      (mew-submit-notice--done (mew-submit-notice-tests--entry)
                              mew-submit-notice-tests--blocked))
    (should-not said)
    (should (zerop shown))))

;;; The buffer

(defun mew-submit-notice-tests--report (done &rest keys)
  "Return what *mew-submit* says of DONE; KEYS are for the entry."
  (with-current-buffer
      (mew-submit-notice--fill (apply #'mew-submit-notice-tests--entry keys) done)
    (buffer-string)))

(ert-deftest mew-submit-notice-tests-words-and-buttons ()
  "Each end has a headline a person understands, advice, and buttons that fit."
  (pcase-dolist
      (`(,done ,headline ,advice ,buttons ,without)
       '(((:kind "insecure" :result "insecure" :text "No"
           :tls (:problems ("expired") :expires "2026-11-01T00:00:00Z"))
          "was not sent: the certificate of mail.example.org expired on 2026-11-01"
          "renew it.  Is this machine's clock right" () ("[Pin" "[Other port]"))
         ((:kind "insecure" :result "insecure" :text "No"
           :tls (:problems ("self-signed")))
          "signed by nobody but itself" "pin it" ("[Pin...]") ("[Other port]" "[Forget"))
         ((:kind "insecure" :result "insecure" :text "No"
           :tls (:problems ("name") :names ("a.example.org")))
          "is for a.example.org" "Check the server's name" () ("[Pin"))
         ((:kind "insecure" :result "insecure" :text "No"
           :tls (:problems ("not-yet-valid") :starts "2030-11-01T00:00:00Z"))
          "not valid before 2030-11-01" "clock first" () ("[Pin"))
         ((:kind "insecure" :result "insecure" :text "No STARTTLS" :tls nil)
          "offers no encryption" "do not switch TLS off" ("[Other port]") ("[Pin"))
         ((:kind "insecure" :result "insecure" :text "No" :tls (:verified t))
          "offers no way to log in" "Check the account" ("[Other port]") ("[Pin"))
         ;; It is neither of these: a proxy between, a certificate that is not for TLS.
         ((:kind "insecure" :result "insecure" :mechanism "SCRAM-SHA-256-PLUS" :tls (:verified t)
           :text "192.0.2.1 sees another TLS connection: somebody listens in.  Nothing left.")
          "was not sent: 192.0.2.1 sees another TLS connection" "Check the account"
          ("[Other port]") ("no way to log in"))
         ((:kind "insecure" :result "insecure" :tls nil
           :text "The certificate of 192.0.2.1 must not be used for what TLS needs it for")
          "was not sent: The certificate of 192.0.2.1 must not" "do not switch TLS off"
          ("[Other port]") ("no encryption"))
         ((:kind "insecure" :result "insecure" :text "No" :alarm "striptls")
          "ALARM" "mew-submit-forget-server" ("[Forget what it offered]") ("[Pin"))
         ((:kind "refused" :result "refused"
           :text "192.0.2.1 refused a@x: 550 5.1.1 Unknown")
          "was not sent: mail.example.org says: 550 5.1.1 Unknown" "change"
          ("[Retry]" "[Edit]") ("[Other port]" "[Pin" "[Forget"))
         ((:kind "refused" :result "refused" :code 552 :enhanced "5.2.2"
           :cause recipient-mailbox-full :remedy "Tell the recipient another way."
           :text "192.0.2.1 refused a@x: 552 5.2.2 Quota exceeded, try tomorrow")
          "says: 552 5.2.2 Quota" "Probably the recipient's mailbox is full.  Tell"
          ("[Retry]" "[Send later...]") ("[Other port]"))
         ((:kind "ok" :result "partial" :reply "250 Ok"
           :recipients ((:address "a@x" :code 550 :text "550 No")
                        (:address "b@x" :code 250)))
          "was not delivered to all: mail.example.org said no to a@x"
          "Correct the addresses" ("[Edit]") ("[Other port]"))
         ;; It is tried again by itself, or there is nothing to correct.
         ((:kind "ok" :result "partial" :reply "250 Ok"
           :recipients ((:address "a@x" :code 452 :text "452 Later")
                        (:address "c@x" :code 552 :cause recipient-mailbox-full)
                        (:address "b@x" :code 250)))
          "was not delivered to all" "" ("[Edit]") ("Correct the addresses"))
         ;; As the outbox has kept it.
         ((:kind "insecure" :result "insecure" :text "The certificate was not accepted")
          "was not sent: The certificate was not accepted" "[Diagnose] tells"
          ("[Other port]") ("[Pin"))
         ((:kind "auth" :result "refused" :text "535 No")
          "did not accept user name and password" "Check user name" ("[Retry]")
          ("[Other port]"))
         ((:kind "secret" :result "deferred" :text "No"
           :why "me@x at id.example.org is not signed in")
          "The mail waits: me@x at id.example.org is not signed in"
          "It is sent when that can be had" ("[Retry]") ("[Sign in]"))
         ((:kind "secret" :result "deferred" :text "No")
          "the password for mail.example.org is not at hand" "" () ())
         ((:kind "connect" :result "deferred" :text "No"
           :attempts ((:port 587 :case 2 :text "" :address "192.0.2.1")))
          "The mail waits: mail.example.org refuses connections on 587"
          "Try again later" ("[Other port]") ("[Pin"))
         ;; A bridge on this machine that does not run: no other network has it.
         ((:kind "connect" :result "deferred" :text "No"
           :attempts ((:port 1025 :case 2 :text "" :address "::1")
                      (:port 1025 :case 2 :text "" :address "127.0.0.1")))
          "The mail waits: mail.example.org refuses connections on 1025"
          "Start the program" () ("network"))
         ((:kind "connect" :result "deferred" :text "No"
           :attempts ((:port 1025 :case "greeting" :text "" :address "127.0.0.1")))
          "The mail waits" "Try again later" () ("Start the program"))
         ((:kind "connect" :result "deferred" :text "No"
           :attempts ((:port 587 :case 2 :text "" :address "127.0.0.1")
                      (:port 587 :case 2 :text "" :address "192.0.2.1")))
          "The mail waits" "Try again later" () ("Start the program"))
         ;; This machine's own firewall, and not the neighbour who is silent.
         ((:kind "connect" :result "deferred" :text "No"
           :attempts ((:port 587 :case "local" :text "" :address "2001:db8::1"
                       :icmp (:type 1 :code 1) :offender (:who "self"))
                      (:port 587 :case "local" :text "" :address "192.0.2.1" :errno "EPERM")))
          "The mail waits" "in the firewall of this machine; another network does not help" ()
          ("Try again"))
         ((:kind "connect" :result "deferred" :text "No"
           :attempts ((:port 587 :case "local" :text "" :address "192.0.2.1"
                       :icmp (:type 3 :code 1) :offender (:who "self"))))
          "The mail waits" "another network" () ("firewall"))))
    (let ((text (mew-submit-notice-tests--report done :state 'refused)))
      (ert-info (text)
        (should (string-search headline (car (split-string text "\n"))))
        (should (string-search advice text))
        (should (string-match-p "^Time: +[A-Z]" text))
        (should-not (string-match-p "\\_<insecure\\_>\\|deferred\\|partial\\|uncertain"
                                    text))
        (dolist (button buttons)
          (should (string-search button text)))
        (dolist (button without)
          (should-not (string-search button text))))
      (kill-buffer "*mew-submit*"))))

(ert-deftest mew-submit-notice-tests-signs-in ()
  "[Sign in] begins a sign-in; what is not sent again by itself is sent after it, once."
  (pcase-dolist (`(,state ,result ,sent)
                 '((refused "signed-in" 1) (refused "failed" 0) (refused "cancelled" 0)
                   ;; The end of the sign-in has this sent.
                   (queued "signed-in" 0) (nil "signed-in" 0)))
    (let* ((account '(:server "h" :user "me" :oauth (:issuer "https://id.example.org")))
           (entry (mew-submit-notice-tests--entry :state 'refused :account account))
           (count 0)
           asked)
      (ert-info ((format "%s %s" state result))
        (cl-letf (((symbol-function 'mew-submit-notice-message--the-entry) (lambda (&rest _) entry))
                  ((symbol-function 'mew-submit-known--entry)
                   (lambda (&rest _) (and state (append (list :state state) entry))))
                  ((symbol-function 'mew-submit-notice-message--send) (lambda (_) (cl-incf count)))
                  ((symbol-function 'mew-submit-sign-in)
                   (lambda (account &rest keys)
                     (push account asked)
                     (funcall (plist-get keys :callback) (list :result result)))))
          (mew-submit-notice-sign-in)
          (should (equal asked (list account)))
          (should (= count sent))
          (setq entry '(:state refused :account (:server "h" :oauth t)))
          (should-error (mew-submit-notice-sign-in) :type 'user-error))))))

(ert-deftest mew-submit-notice-tests-held-until ()
  "Of what is held until a time it is not said that it waits for the user."
  (let ((done '(:kind "refused" :result "refused" :text "550 No"))
        (next (float-time (encode-time '(0 40 23 1 1 2030 nil -1 nil)))))
    (should (string-search "held in the outbox until Tue  1 Jan 23:40."
                           (mew-submit-notice-tests--report done :state 'held :next next)))
    (should (string-search "held in the outbox until you say so."
                           (mew-submit-notice-tests--report done :state 'held)))
    (kill-buffer "*mew-submit*")))

(ert-deftest mew-submit-notice-tests-every-kind-has-words ()
  "No kind of end is told by its name, or without something to do."
  (dolist (kind mew-submit-error--kinds)
    (unless (member (car kind) '("ok" "internal"))
      (let ((done (list :kind (car kind) :result (nth 1 kind) :text "Words")))
        (ert-info ((car kind))
          (should-not (string-empty-p (mew-submit-report--advice done)))
          (should-not (string-empty-p (mew-submit-report--reason done "s"))))))))

(ert-deftest mew-submit-notice-tests-offline ()
  "Where there is no network at all it is not the server's name that is wrong."
  (cl-letf (((symbol-function 'mew-submit-network--list)
             (lambda () '((:up nil) (:up nil)))))
    (let ((text (mew-submit-notice-tests--report
                 '(:kind "host" :result "deferred" :text "No such host"))))
      (should (string-match-p "\\`The mail waits: you are offline" text))
      (should (string-search "on a network again" text)))
    (kill-buffer "*mew-submit*")))

(ert-deftest mew-submit-notice-tests-too-big ()
  "How large a message is, and may be, is said as people say it."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=s,noauth,cap2-=SIZE,cap2+=SIZE 2000000")
    (let ((done (mew-submit-test-run
                 (mew-submit-test-account peer "s")
                 (concat "From: a@x\nTo: b@x\nSubject: s\n\n"
                         (apply #'concat (make-list 50000 (concat (make-string 60 ?x)
                                                                  "\n")))))))
      (should (string-match-p "has 3\\.1 MB; .* takes at most 2\\.0 MB"
                              (mew-submit-report--reason done "mail.example.org")))
      ;; The server has said nothing that it could say again.
      (should (string-search "make the attachments smaller" (mew-submit-report--advice done))))))

(ert-deftest mew-submit-notice-tests-refused-before-the-others-got-it ()
  "Of whom an earlier attempt was refused it is not told that all is delivered."
  (let ((noninteractive nil)
        (entry '(:id "1" :stem "/nonexistent/1" :directory "/nonexistent/" :state refused
                 :recipients ("a@x") :delivered ("b@x") :last "a@x: 550 5.1.1 Who"
                 :account (:server "mail.example.org")))
        (done '(:event done :kind "ok" :result "delivered" :code 0 :text ""
                :recipients ((:address "b@x" :code 250 :text "250 Ok"))))
        failed)
    (cl-letf (((symbol-function 'mew-submit-notice--failed)
               (lambda (_entry done) (push done failed)))
              ((symbol-function 'mew-submit-notice--delivered)
               (lambda (&rest _) (ert-fail "It is told as delivered")))
              ((symbol-function 'mew-submit-offer--465) #'ignore))
      (mew-submit-notice--done entry done)
      (should (string-search "not delivered to all: mail.example.org said no to a@x"
                             (mew-submit-report--headline
                              (car failed)
                              (mew-submit-report--reason (car failed) "mail.example.org"))))
      (should (string-search "550 5.1.1 Who" (mew-submit-report--what (car failed))))
      (should (string-search "only those get it" (mew-submit-report--advice (car failed)))))))

(ert-deftest mew-submit-notice-tests-leaving-says-how-many ()
  "Who leaves Emacs is asked about one mail as about one, and about several as about several."
  (cl-letf (((symbol-function 'mew-submit-known--running) (lambda () '(1))))
    (should (string-match-p "\\`A mail is .* send it next time" (mew-submit-notice--leave-question))))
  (cl-letf (((symbol-function 'mew-submit-known--running) (lambda () '(1 2))))
    (should (string-match-p "\\`2 mails are .* send them next time" (mew-submit-notice--leave-question)))))

(ert-deftest mew-submit-notice-tests-an-answer-is-for-whom-it-was-asked ()
  "While something is asked for another mail fails; the answer is not for that one."
  (let (entries done)
    (cl-letf* ((one (mew-submit-notice-tests--entry :id "1" :state 'refused))
               (other (mew-submit-notice-tests--entry :id "2" :state 'refused))
               (fails (lambda (answer)
                        (lambda (&rest _)
                          (mew-submit-notice--fill
                           other '(:kind "refused" :result "refused" :text "550 No"))
                          answer)))
               ((symbol-function 'mew-submit-known--refresh) #'ignore)
               ((symbol-function 'mew-submit-known--entry)
                (lambda (id &rest _)
                  (seq-find (lambda (entry) (equal (plist-get entry :id) id)) entries)))
               ((symbol-function 'mew-submit-queue--hold)
                (lambda (id &rest _) (push id done)))
               ((symbol-function 'mew-submit-queue--send-by)
                (lambda (id &rest _) (push id done)))
               ((symbol-function 'mew-submit-time--read)
                (funcall fails (+ 60 (float-time))))
               ((symbol-function 'completing-read) (funcall fails "465 with TLS")))
      (setq entries (list one other))
      (dolist (command '(mew-submit-notice-later mew-submit-notice-other-port))
        (save-window-excursion
          (pop-to-buffer (mew-submit-notice--fill
                          one '(:kind "refused" :result "refused" :text "550 No")))
          (setq done nil)
          (call-interactively command)
          (should (equal done '("1")))
          (kill-buffer "*mew-submit*"))))))

(defmacro mew-submit-notice-tests--reading (one &rest body)
  "Run BODY in the buffer, selected, at what it says of ONE, which was refused."
  (declare (indent 1))
  `(cl-letf (((symbol-function 'mew-submit-known--entry)
              (lambda (id &rest _)
                (mew-submit-notice-tests--entry :id id :state 'refused))))
     (save-window-excursion
       (unwind-protect
           (progn
             (pop-to-buffer (mew-submit-notice--fill
                             ,one '(:kind "refused" :result "refused" :text "550 No")))
             (search-forward "[Retry]")
             ,@body)
         (kill-buffer "*mew-submit*")))))

(ert-deftest mew-submit-notice-tests-a-reader-stays ()
  "When another mail fails, the next key is for the one that was read about."
  (let ((one (mew-submit-notice-tests--entry :id "1" :state 'refused))
        (other (mew-submit-notice-tests--entry :id "2" :state 'refused))
        (late (mew-submit-notice-tests--entry :id "3")))
    (mew-submit-notice-tests--reading one
      (goto-char (point-min))
      (mew-submit-notice--fill other '(:kind "refused" :result "refused" :text "550 No"))
      (should (eq (mew-submit-notice-message--here) one))
      (forward-line 3)
      (mew-submit-notice--fill late mew-submit-notice-tests--blocked)
      (should (eq (mew-submit-notice-message--here) one))
      ;; The same one again.
      (let ((again (mew-submit-notice-tests--entry :id "1" :state 'refused)))
        (mew-submit-notice--fill again '(:kind "refused" :result "refused" :text "550 No"))
        (should (eq (mew-submit-notice-message--here) again))))))

(ert-deftest mew-submit-notice-tests-a-reader-sees-the-same ()
  "What comes above scrolls no reader, and the same mail, when it fails again, moves no point."
  (let ((one (mew-submit-notice-tests--entry :id "1" :state 'refused))
        (refused '(:kind "refused" :result "refused" :text "550 No"))
        (seen (lambda ()
                (list (buffer-substring-no-properties (line-beginning-position) (point))
                      (count-lines (window-start) (point))
                      (mew-submit-notice-message--here)))))
    (mew-submit-notice-tests--reading one
      (set-window-start nil (mew-submit-notice--start one))
      (let ((before (funcall seen)))
        (mew-submit-notice--fill (mew-submit-notice-tests--entry :id "2" :state 'refused) refused)
        (should (equal (funcall seen) before))
        (should (equal (window-start) (mew-submit-notice--start one)))
        (let ((again (mew-submit-notice-tests--entry :id "1" :state 'refused)))
          (mew-submit-notice--fill again refused)
          (should (equal (butlast (funcall seen)) (butlast before)))
          (should (eq (mew-submit-notice-message--here) again)))))))

(ert-deftest mew-submit-notice-tests-a-question-scrolls-no-reader ()
  "Who reads what is said of a mail goes on seeing that when a question comes or goes."
  (let ((one (mew-submit-notice-tests--entry :id "1" :state 'refused))
        (mew-submit-question--list nil))
    (mew-submit-notice-tests--reading one
      (goto-char (point-min))
      (search-forward "To:")
      (set-window-start nil (line-beginning-position))
      (dolist (waiting (list (list (mew-submit-question--make :key 1 :text "Yes?")) nil))
        (setq mew-submit-question--list waiting)
        (mew-submit-notice--fill-questions)
        (should (equal (buffer-substring-no-properties (window-start) (+ (window-start) 3))
                       "To:"))))))

(ert-deftest mew-submit-notice-tests-what-is-read-stays-while-it-waits ()
  "What is said of a mail that waits goes when there is news, but not from a reader."
  (let ((late (mew-submit-notice-tests--entry :id "3"))
        (other (mew-submit-notice-tests--entry :id "4"))
        (state 'queued)
        (mew-submit-question--list (list (mew-submit-question--make :key 1 :text "Yes?"))))
    (cl-letf (((symbol-function 'mew-submit-known--entry)
               (lambda (id &rest _)
                 (and state (mew-submit-notice-tests--entry :id id :state state)))))
      (save-window-excursion
        (mew-submit-notice--show late mew-submit-notice-tests--blocked)
        (forward-line 1)
        (mew-submit-notice--fill other mew-submit-notice-tests--blocked)
        (should (eq (mew-submit-notice-message--here) late))
        (mew-submit-notice-message--tidy)
        (should (eq (mew-submit-notice-message--here) late))
        (should-not (mew-submit-notice--start other))
        (goto-char (mew-submit-notice--start late))
        (mew-submit-notice--fill-questions)
        (should (string-prefix-p "Yes?" (buffer-string)))
        (should (eq (mew-submit-notice-message--here) late))
        (dolist (over '(sending nil))
          (setq state 'queued)
          (mew-submit-notice--show late mew-submit-notice-tests--blocked)
          (setq state over)
          (mew-submit-notice-message--tidy)
          (should-not (mew-submit-notice--start late)))
        ;; Who is at nothing sees what comes.
        (setq state 'refused)
        (goto-char (point-max))
        (mew-submit-notice--fill other mew-submit-notice-tests--blocked)
        (should (= (point) (point-min)))
        (kill-buffer "*mew-submit*")))))

(ert-deftest mew-submit-notice-tests-why-shows-the-one-at-point ()
  "Where the buffer tells of several messages it is the one that was asked for."
  (let ((one (mew-submit-notice-tests--entry :id "1" :state 'refused))
        (late (mew-submit-notice-tests--entry :id "3")))
    (mew-submit-notice-tests--reading one
      (mew-submit-notice--show late mew-submit-notice-tests--blocked)
      (should (eq (mew-submit-notice-message--here) late))
      (should (looking-at-p "The mail waits")))))

(ert-deftest mew-submit-notice-tests-no-plist ()
  "What goes wrong in a command is told in words."
  (cl-letf (((symbol-function 'mew-submit-queue--send-by)
             (lambda (&rest _)
               (mew-submit-error--throw 'config nil "Not a port: 999999")))
            ((symbol-function 'mew-submit-notice-message--the-entry)
             #'mew-submit-notice-tests--entry))
    (should (equal (error-message-string
                    (should-error (mew-submit-notice-other-port "999999:foo")
                                  :type 'user-error))
                   "Not a port: 999999"))))

(ert-deftest mew-submit-notice-tests-a-port-s-number-will-do ()
  "Who is asked for a port may type its number; what is no port of the list is as typed."
  (pcase-dolist (`(,typed ,routes) '(("465" "465:implicit") ("25" "25:starttls")
                                     ("587 with STARTTLS" "587:starttls")
                                     ("2525:starttls" "2525:starttls") ("" "") ("9" "9")))
    (let (sent)
      (cl-letf (((symbol-function 'mew-submit-queue--send-by)
                 (lambda (_id routes &rest _) (setq sent routes)))
                ((symbol-function 'completing-read) (lambda (&rest _) typed))
                ((symbol-function 'mew-submit-notice-message--the-entry)
                 #'mew-submit-notice-tests--entry))
        (call-interactively #'mew-submit-notice-other-port)
        (should (equal sent routes))))))

;;; The command line

(ert-deftest mew-submit-notice-tests-mailq ()
  "The list of the outbox says when a message was put there, and what it is about."
  (should (string-match-p
           "\\`1  queued    2k  20[0-9-]+ [0-9:]+  from <a@x> to b@x: Minutes  (why)\n\\'"
           (mew-submit-batch-outbox--line
            (mew-submit-notice-tests--entry :bytes 2048 :from "a@x" :last "why")))))

(ert-deftest mew-submit-notice-tests-mailq-unsent ()
  "A script is told who surely did not get what is in doubt for others."
  (pcase-dolist (`(,unsent . ,words) '((("c@x") . "\"unsent\":[\"c@x\"]") (nil . "\"unsent\":[]")))
    (should (string-search words (mew-submit-json--line
                                  (mew-submit-batch-outbox--object
                                   (mew-submit-notice-tests--entry :unsent unsent)))))))

(provide 'mew-submit-notice-tests)
;;; mew-submit-notice-tests.el ends here
