;;; mew-submit-token-tests.el --- Tests for the tokens of who is signed in -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Refresh tokens that are taken once, between several Emacsen, and across their sudden
;; end; what is in the files, and what others do to them; and a month of it.

;;; Code:

(require 'ert)
(require 'mew-submit)
(require 'mew-submit-doctor-checkup)
(require 'mew-submit-dialog)
(require 'mew-submit-notice)
(require 'mew-submit-sign-in)
(require 'mew-submit-token-mail)
(require 'mew-submit-test-helpers)

(require 'mew-submit-issuer-test "issuer/issuer.el")

(defmacro mew-submit-token-tests--with (spec &rest body)
  "Run BODY with an issuer, and an account that has signed in there.
SPEC is (ISSUER ACCOUNT)."
  (declare (indent 1) (debug ((symbolp symbolp) body)))
  `(mew-submit-issuer-test-with ,(car spec)
     (let ((,(cadr spec) (mew-submit-issuer-test-account ,(car spec))))
       (should (plist-get (mew-submit-issuer-test-sign-in ,(cadr spec) :method 'browser)
                          :kept))
       ,@body)))

(defun mew-submit-token-tests--get (account &optional force)
  "Return (ACCESS PROBLEM) for ACCOUNT; FORCE is as for `mew-submit-token--get'."
  (let (result)
    (mew-submit-token--get account (lambda (&rest got) (setq result got)) force)
    (mew-submit-test-until ("a token, or why there is none")
      result)))

(defun mew-submit-token-tests--as-new (account)
  "Return what an Emacs that has just started gets for ACCOUNT: (ACCESS PROBLEM)."
  (mew-submit-issuer-test-forget)
  (mew-submit-token-tests--get account))

(defun mew-submit-token-tests--file (account)
  "Return the file of ACCOUNT."
  (mew-submit-token--file account ".token"))

(defun mew-submit-token-tests--reused (issuer)
  "Has somebody used a refresh token of ISSUER twice?"
  (mew-submit-issuer-test-log issuer "reuse"))

;;; Other Emacsen

(defun mew-submit-token-tests--emacs (name account &rest forms)
  "Start an Emacs called NAME that gets tokens of ACCOUNT, one for each line it reads.
It prints a line for each: \"ok\", or the problem.  FORMS are evaluated first."
  (make-process
   :name name :noquery t :connection-type 'pipe :coding 'utf-8-unix
   :buffer (generate-new-buffer " *other emacs*") :sentinel #'ignore
   :command
   (list mew-submit-test-emacs "-Q" "--batch" "-L" mew-submit-test-root "-L"
         (expand-file-name "lisp" mew-submit-test-root) "-l" "mew-submit" "-l"
         "mew-submit-token" "-l" "auth-source" "--eval"
         (prin1-to-string
          `(let ((gnutls-trustfiles ',gnutls-trustfiles)
                 (mew-submit-token-directory ,mew-submit-token-directory)
                 (auth-sources ',auth-sources)
                 (auth-source-save-behavior nil)
                 (account ',account)
                 line result)
             ,@forms
             (message "ready")
             (while (setq line (ignore-errors (read-from-minibuffer "")))
               (setq result nil)
               (mew-submit-token--get account (lambda (&rest got) (setq result got))
                                     (equal line "force"))
               (while (null result)
                 (accept-process-output nil 0.02))
               (princ (format "%s\n" (if (car result) "ok" (cadr result))))))))))

(defun mew-submit-token-tests--lines (process)
  "Return what PROCESS, an Emacs, has printed, lines."
  (with-current-buffer (process-buffer process)
    (split-string (replace-regexp-in-string "^Saved new.*\n" "" (buffer-string)) "\n" t)))

(defmacro mew-submit-token-tests--with-emacsen (emacsen &rest body)
  "Run BODY, and end the processes in the variable EMACSEN after it."
  (declare (indent 1) (debug (symbolp body)))
  `(unwind-protect
       (progn ,@body)
     (dolist (process ,emacsen)
       (when (process-live-p process)
         (delete-process process))
       (kill-buffer (process-buffer process)))))

(defun mew-submit-token-tests--wait (emacsen count)
  "Wait until each of EMACSEN has printed COUNT lines."
  (dolist (process emacsen)
    (mew-submit-test-until ((format "line %d of %s: %S" count (process-name process)
                                    (mew-submit-token-tests--lines process)))
      (>= (length (mew-submit-token-tests--lines process)) count))))

(ert-deftest mew-submit-token-tests-several-at-once ()
  "\"Q28 several Emacsen renew at once\": each gets a token, none is used twice."
  :tags '(:module)
  (mew-submit-token-tests--with (issuer account)
    (let (emacsen)
      (mew-submit-token-tests--with-emacsen emacsen
        (dotimes (number 3)
          (push (mew-submit-token-tests--emacs (format "emacs %d" number) account)
                emacsen))
        (mew-submit-token-tests--wait emacsen 1)
        (dotimes (round 3)
          (dolist (process emacsen)
            (process-send-string process "force\n"))
          (should (car (mew-submit-token-tests--get account t)))
          (mew-submit-token-tests--wait emacsen (+ 2 round)))
        (dolist (process emacsen)
          (should (equal (mew-submit-token-tests--lines process)
                         '("ready" "ok" "ok" "ok")))))
      (should-not (mew-submit-token-tests--reused issuer))
      (should (= 12 (seq-count (lambda (line)
                                 (equal (plist-get (plist-get line :form) :grant_type)
                                        "refresh_token"))
                               (mew-submit-issuer-test-log issuer "post"))))
      (should-not (directory-files mew-submit-token-directory nil "part")))))

(ert-deftest mew-submit-token-tests-killed ()
  "\"Q29 an Emacs is killed in the middle of a renewal\", at any point of it.
Nothing that is there is spoilt.  A token that only that one had is lost, and
that is told; with an issuer that takes the old one again all goes on."
  :tags '(:module)
  (mew-submit-token-tests--with (issuer account)
    (pcase-dolist
        (`(,row ,rotate ,function ,how ,words)
         '(("before anything" t mew-submit-token--seal :before nil)
           ("before the request" t mew-submit-https--fetch :before nil)
           ("before what is new is in place" t rename-file :before "was broken off")
           ("after the request, before the answer is kept" t mew-submit-token--renewed :before
            "was broken off")
           ("the same, where the old one is taken again" :false mew-submit-token--renewed
            :before nil)
           ("when what is new is in place" t mew-submit-token--have :before nil)))
      (ert-info (row)
        (mew-submit-issuer-test-behave issuer :rotate rotate)
        (let (emacsen)
          (mew-submit-token-tests--with-emacsen emacsen
            (push (mew-submit-token-tests--emacs
                   "killed" account
                   `(advice-add ',function ,how
                                (lambda (&rest _) (signal-process (emacs-pid) 'SIGKILL))))
                  emacsen)
            (mew-submit-token-tests--wait emacsen 1)
            (process-send-string (car emacsen) "\n")
            (mew-submit-test-until ("it to be killed")
              (not (process-live-p (car emacsen))))
            (should (eq (process-status (car emacsen)) 'signal))))
        (mew-submit-issuer-test-behave issuer)
        (pcase-let ((`(,access ,problem) (mew-submit-token-tests--as-new account)))
          (if (null words)
              (should access)
            (should (eq (car problem) 'consent))
            (should (string-search words (cdr problem)))
            ;; Signed in again, it is as before.
            (mew-submit-issuer-test-sign-in account :method 'browser)
            (should (car (mew-submit-token-tests--as-new account)))))))))

(ert-deftest mew-submit-token-tests-month ()
  "Thirty days, each two hours, with two Emacsen, one of which is killed each week.
Nobody is asked anything, no token is used twice, and each mail has its token."
  :tags '(:module :expensive-test)
  (mew-submit-token-tests--with (issuer account)
    (let* ((file (mew-submit-issuer-test--file issuer "behaviour"))
           (start (floor (float-time)))
           (clock `(fset 'mew-submit-token--now
                         (lambda ()
                           (with-temp-buffer
                             (insert-file-contents ,file)
                             (string-to-number (progn (re-search-forward "[0-9]+")
                                                      (match-string 0)))))))
           (lines (list 1 1))
           emacsen)
      (mew-submit-issuer-test-behave issuer :now start)
      (mew-submit-token-tests--with-emacsen emacsen
        (dolist (name '("one" "two"))
          (push (mew-submit-token-tests--emacs name account clock) emacsen))
        (mew-submit-token-tests--wait emacsen 1)
        (dotimes (step (* 30 12))
          (mew-submit-issuer-test-behave issuer :now (+ start (* step 7200)))
          (when (= (% step 84) 83)
            (let ((old (pop emacsen)))
              (signal-process old 'SIGKILL)
              (mew-submit-test-until ("it to be killed")
                (not (process-live-p old)))
              (kill-buffer (process-buffer old))
              (push (mew-submit-token-tests--emacs "next" account clock) emacsen)
              (setcar lines 1)
              (mew-submit-token-tests--wait (list (car emacsen)) 1)))
          (dolist (process emacsen)
            (process-send-string process "\n"))
          (setq lines (mapcar #'1+ lines))
          (cl-mapc (lambda (process count)
                     (mew-submit-token-tests--wait (list process) count))
                   emacsen lines))
        (dolist (process emacsen)
          (should-not (seq-difference (mew-submit-token-tests--lines process)
                                      '("ready" "ok")))))
      (should-not (mew-submit-token-tests--reused issuer))
      (should (= 720 (seq-count (lambda (line)
                                  (equal (plist-get (plist-get line :form) :grant_type)
                                         "refresh_token"))
                                (mew-submit-issuer-test-log issuer "post")))))))

;;; The files

(ert-deftest mew-submit-token-tests-files ()
  "What is in the files is of no use without the key, and of none to another account."
  :tags '(:module)
  (mew-submit-token-tests--with (issuer account)
    (let* ((file (mew-submit-token-tests--file account))
           (whole (mew-submit-test-octets file))
           (authinfo (mew-submit-test-octets (car auth-sources)))
           (refresh (plist-get (car (mew-submit-issuer-test-log issuer "answer")) :refresh)))
      (should (= #o600 (file-modes file)))
      (should (= #o700 (file-modes mew-submit-token-directory)))
      (should (= #o600 (file-modes (car auth-sources))))
      (should (stringp refresh))
      (dolist (text (list whole authinfo))
        (should-not (string-search refresh text))
        (should-not (string-search "emacs" text)))
      (should (string-match-p "\\`machine mew-submit login tokens port oauth2 password \
[A-Za-z0-9_-]\\{43\\}\n\\'"
                              authinfo))
      (pcase-dolist
          (`(,row ,spoil)
           `(("Q32 it is empty" ,(lambda () (mew-submit-test-write file "")))
             ("Q32 it is cut off"
              ,(lambda () (mew-submit-test-write file (substring whole 0 -40))))
             ("Q32 an octet is another"
              ,(lambda ()
                 (let ((text (copy-sequence whole)))
                   (aset text 60 (if (eql (aref text 60) ?A) ?B ?A))
                   (mew-submit-test-write file text))))
             ("Q32 it is Lisp" ,(lambda () (mew-submit-test-write
                                            file "(:refresh \"x\" :count 9)\n")))
             ("Q32 there is another key"
              ,(lambda ()
                 (mew-submit-test-write
                  (car auth-sources)
                  (format "machine mew-submit login tokens password %s port oauth2\n"
                          (mew-submit-random--text)))))
             ("Q32 there is no key"
              ,(lambda () (mew-submit-test-write (car auth-sources) "")))))
        (ert-info (row)
          (funcall spoil)
          (let ((before (length (mew-submit-issuer-test-log issuer "post"))))
            (pcase-let ((`(,access ,problem) (mew-submit-token-tests--as-new account)))
              (should-not access)
              (should (eq (car problem) 'consent))
              (should (string-search "cannot be read" (cdr problem))))
            (should (= before (length (mew-submit-issuer-test-log issuer "post")))))
          (mew-submit-test-write file whole)
          (mew-submit-test-write (car auth-sources) authinfo)))
      (ert-info ("Q32 it is that of another account")
        (let ((other (mew-submit-issuer-test-account issuer :user "other@x")))
          (copy-file file (mew-submit-token-tests--file other))
          (should (eq 'consent (car (cadr (mew-submit-token-tests--as-new other)))))))
      (ert-info ("Q32 others can write to the directory")
        (set-file-modes mew-submit-token-directory #o777)
        (pcase-let ((`(,access ,problem) (mew-submit-token-tests--as-new account)))
          (should-not access)
          (should (string-search "Others can write" (cdr problem))))
        (set-file-modes mew-submit-token-directory #o700))
      (should (car (mew-submit-token-tests--as-new account))))))

(ert-deftest mew-submit-token-tests-no-space ()
  "\"Q30 nothing can be written\": no token is used that could not be replaced."
  :tags '(:module)
  (mew-submit-token-tests--with (issuer account)
    (mew-submit-issuer-test-forget)
    (let ((count (length (mew-submit-issuer-test-log issuer "post"))))
      (cl-letf (((symbol-function 'mew-submit-token--seal)
                 (lambda (&rest _) (signal 'file-error '("No space left on device")))))
        (pcase-let ((`(,access ,problem) (mew-submit-token-tests--get account)))
          (should-not access)
          (should (eq (car problem) 'later))
          (should (string-search "No space" (cdr problem)))))
      (should (= count (length (mew-submit-issuer-test-log issuer "post"))))
      ;; It is full only when the answer is there: what was got is not lost.
      (cl-letf* ((warnings nil)
                 ((symbol-function 'display-warning)
                  (lambda (_ text &rest _) (push text warnings)))
                 ((symbol-function 'mew-submit-token--write)
                  (lambda (&rest _)
                    (signal 'file-error '("No space left on device")))))
        (should (car (mew-submit-token-tests--get account)))
        (should (car (mew-submit-token-tests--get account t)))
        (should (string-search "cannot be written" (car warnings))))
      (should (car (mew-submit-token-tests--get account t)))
      (should (car (mew-submit-token-tests--as-new account)))
      (should-not (mew-submit-token-tests--reused issuer)))))

;;; Time, and who takes it back

(ert-deftest mew-submit-token-tests-clock ()
  "\"Q25 the clock is wrong\", or set: a token is renewed rather than believed."
  (mew-submit-token-tests--with (issuer account)
    (let* ((now 1000000.0)
           (posts (lambda () (length (mew-submit-issuer-test-log issuer "post"))))
           (get (lambda (time)
                  (setq now time)
                  (let ((before (funcall posts)))
                    (should (car (mew-submit-token-tests--get account)))
                    (- (funcall posts) before)))))
      (cl-letf (((symbol-function 'mew-submit-token--now) (lambda () now)))
        (mew-submit-issuer-test-forget)
        (should (equal (mapcar get (list 1000000.0     ; a new Emacs
                                         1000010.0 1003000.0
                                         999000.0      ; set back
                                         999100.0
                                         2000000.0     ; set forward
                                         2003539.0     ; a minute is left, at least
                                         2003541.0))   ; and now it is not
                       '(1 0 0 1 0 1 0 1)))))))

(ert-deftest mew-submit-token-tests-ahead ()
  "A token that was used is renewed before it is over; one that was not is left."
  (mew-submit-token-tests--with (issuer account)
    (let* ((noninteractive nil)
           (token (mew-submit-token--of account))
           (posts (lambda () (length (mew-submit-issuer-test-log issuer "post"))))
           (before (funcall posts)))
      (should (car (mew-submit-token-tests--get account t)))
      (should (timerp (mew-submit-token-ahead token)))
      (should (> 3310 (- (float-time (timer--time (mew-submit-token-ahead token)))
                         (float-time))
                 3200))
      (mew-submit-token--renew-ahead token)
      (mew-submit-test-until ("it to be renewed")
        (= (funcall posts) (+ 2 before)))
      (mew-submit-test-until ("it to be there")
        (null (mew-submit-token-exchange token)))
      (mew-submit-token--renew-ahead token)
      (should-not (mew-submit-token-exchange token)))))

(ert-deftest mew-submit-token-tests-answers ()
  "What comes instead of a renewed token is told for what it is, and loses nothing."
  (mew-submit-token-tests--with (issuer account)
    (pcase-dolist
        (`(,row ,behaviour ,kind ,words)
         '(("Q31 consent was withdrawn" (:revoked t) consent "does not take the sign-in")
           ("Q39 the program is not known any more" (:clients ["other"]) config "client id")
           ("Q21 out of order" (:token (:status 503 :body (:error "temporarily_unavailable")))
            later "no token at the moment")
           ("Q21 too often" (:token (:status 429 :body "slow")) later "status 429")
           ("Q20 without an end" (:token-raw "endless") later "more than is read")
           ("Q19 sent elsewhere" (:token-raw "loop") later "sends us on")
           ("Q23 no token in it" (:token (:status 200 :body (:token_type "Bearer"))) later
            "without a token")
           ;; The one before is used up then.
           ("Q36 no token in it, but what to renew it with" (:answer (:access_token ""))
            later "without a token")
           ("Q36 one of another kind, and what to renew it with"
            (:answer (:token_type "mac")) config "another kind of token")))
      (ert-info (row)
        (apply #'mew-submit-issuer-test-behave issuer behaviour)
        (pcase-let ((`(,access ,problem) (mew-submit-token-tests--get account t)))
          (should-not access)
          (should (eq (car problem) kind))
          (should (string-search words (cdr problem))))
        (should (equal (plist-get (mew-submit-token--status account) :kept) t))
        (mew-submit-issuer-test-behave issuer)
        (should (car (mew-submit-token-tests--as-new account)))))
    (ert-info ("Q21 it closes before it answers, once, and the token is taken again")
      (mew-submit-issuer-test-behave issuer :token-raw "drop")
      (should (eq 'later (car (cadr (mew-submit-token-tests--get account t)))))
      (mew-submit-issuer-test-behave issuer)
      (should (car (mew-submit-token-tests--as-new account))))
    (should-not (mew-submit-token-tests--reused issuer))
    (ert-info ("Q21 it closes after it has taken the token")
      (mew-submit-issuer-test-behave issuer :lose t)
      (should (eq 'later (car (cadr (mew-submit-token-tests--get account t)))))
      (mew-submit-issuer-test-behave issuer)
      (pcase-let ((`(,access ,problem) (mew-submit-token-tests--as-new account)))
        (should-not access)
        (should (eq (car problem) 'consent))
        (should (string-search "was broken off" (cdr problem)))))))

(ert-deftest mew-submit-token-tests-refusals ()
  "A sign-in that is over is told from an issuer that is busy, however it says so."
  (pcase-dolist
      (`(,status ,body ,kind ,words)
       '((400 "{\"error\":\"interaction_required\",\"error_description\":\"AADSTS50076: \
you must use multi-factor\"}"
              consent "does not take the sign-in any more: AADSTS50076")
         (400 "{\"error\":\"login_required\"}" consent "(login_required)")
         (400 "{\"error\":\"consent_required\"}" consent "(consent_required)")
         (400 "{\"error\":\"INVALID_GRANT\"}" consent "(invalid_grant)")
         (401 "{\"error\":\"INVALID_REFRESH_TOKEN\"}" consent "(invalid_refresh_token)")
         ;; These say so with 200.
         (200 "{\"error\":\"invalid_code\"}" consent "(invalid_code)")
         (200 "{\"error\":\"bad_refresh_token\",\"error_description\":\"It is expired.\"}"
              consent "does not take the sign-in any more: It is expired, bad_refresh_token")
         ;; Google's words are no more than these, Microsoft's end in three lines of numbers.
         (400 "{\"error\":\"redirect_uri_mismatch\",\"error_description\":\"Bad Request\"}"
              config ": Bad Request, redirect_uri_mismatch")
         (400 "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS700082: The refresh \
token has expired due to inactivity.\\r\\nTrace ID: 1\\r\\nCorrelation ID: 2\"}"
              consent "AADSTS700082: The refresh token has expired due to inactivity")
         ;; It knows the program, which lacks its secret.
         (401 "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000218: The request \
body must contain the following parameter: 'client_assertion' or 'client_secret'.\"}"
              config "make the client a public one")
         (400 "{\"error\":\"invalid_request\",\"error_description\":\"client_secret is missing.\"}"
              config ":client-file in :oauth")
         (401 "{\"error\":\"unauthorized_client\",\"error_description\":\"Invalid client or \
Invalid client credentials\"}" config "look at :client-id")
         ;; To sign in again does not help where the administrator says no.
         (400 "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS53003: Access has been \
blocked by Conditional Access policies.\"}" later "ask the administrator")
         (200 "{\"error\":\"invalid_client\"}" config "does not know this program")
         (401 "{\"error\":\"deleted_client\"}" config "does not know this program")
         (401 "{\"error\":\"disabled_client\"}" config "does not know this program")
         (400 "{\"error\":\"authorization_declined\"}" consent "was told no")
         (503 "{\"error\":\"temporarily_unavailable\"}" later "(temporarily_unavailable)")
         (400 "{\"error\":\"T0ken-that_is_long_enough_to_be_one\"}" later "(****)")
         (429 "" later "(status 429)")
         (403 "<html>no</html>" later "(status 403)")
         (200 "<html>Welcome to our WiFi</html>" later "without a token")
         (200 "" later "without a token")))
    (ert-info ((format "%s %s" status body))
      (pcase-let ((`(,seen . ,said)
                   (plist-get (mew-submit-issuer--parse
                               (list :status status :body (copy-sequence body))
                               "id.example" nil "https://id.example" "emacs")
                              :problem)))
        (should (eq seen kind))
        (should-not (string-match-p "[\r\n\ufffd]\\|Trace" said))
        (should (string-search words said))))))

(ert-deftest mew-submit-token-tests-permissions ()
  "What was asked for is found in what was given, as issuers write that."
  (pcase-dolist
      (`(,wanted ,granted ,missing)
       '(("mail" "openid,mail" nil)
         ("mail,more" "mail more" nil)
         ("https://o.example/.default offline_access"
          "https://o.example/SMTP.Send https://o.example/IMAP" nil)
         ("mail send" "openid,mail" ("send"))))
    (should (equal (mew-submit-issuer--missing wanted granted) missing))))

(ert-deftest mew-submit-token-tests-one-after-the-other ()
  "What is wanted while a renewal runs is done after it, and each hears of its own."
  (mew-submit-token-tests--with (issuer account)
    (let* ((noninteractive t)
           (heard nil)
           (hear (lambda (what) (lambda (&rest got) (push (cons what (car got)) heard)))))
      (mew-submit-token--get account (funcall hear 'one) t)
      (should (mew-submit-token-exchange (mew-submit-token--of account)))
      (mew-submit-token--keep-now account (funcall hear 'saved))
      (mew-submit-token--get account (funcall hear 'two) t)
      (mew-submit-token--remove account (funcall hear 'removed))
      (mew-submit-test-until ("the last to be heard")
        (assq 'removed heard))
      ;; Who signs out ends what runs, for those who wait too.
      (should (equal (mapcar #'car (reverse heard)) '(saved one two removed)))
      (should-not (alist-get 'saved heard))
      (should-not (mew-submit-token--busy-p (mew-submit-token--of account)))
      (should-not (mew-submit-token-next (mew-submit-token--of account)))
      (should-not (file-exists-p (mew-submit-token-tests--file account)))
      (setq heard nil)
      (should (plist-get (mew-submit-issuer-test-sign-in account :method 'browser) :kept))
      (mew-submit-token--get account (funcall hear 'one) t)
      (mew-submit-token--keep-now account (funcall hear 'saved))
      (mew-submit-token--get account (funcall hear 'two))
      (mew-submit-test-until ("the last to be heard")
        (assq 'saved heard))
      (should (equal (mapcar #'car (reverse heard)) '(one two saved)))
      (should (cdr (assq 'one heard)))
      (should-not (cdr (assq 'saved heard)))
      (should-not (mew-submit-token-tests--reused issuer)))))

(defmacro mew-submit-token-tests--while-locked (&rest body)
  "Run BODY while another Emacs seems to have the lock on each sign-in."
  (declare (indent 0) (debug (body)))
  `(cl-letf (((symbol-function 'mew-submit--mod-lock) #'ignore))
     ,@body))

(ert-deftest mew-submit-token-tests-new-sign-in-counts ()
  "\"Q28 a sign-in ends while others wait for the lock\": they get what is new.
Nothing that is older is renewed then, and nothing older is written over it."
  :tags '(:module)
  (mew-submit-token-tests--with (issuer account)
    (let* ((posts (length (mew-submit-issuer-test-log issuer "post")))
           (url (concat (mew-submit-issuer-test-url issuer) "/token"))
           heard why)
      (mew-submit-token-tests--while-locked
        (dotimes (_ 2)
          (mew-submit-token--get account (lambda (access _) (push access heard)) t)))
      (mew-submit-token--set account
                             (list :client-id "emacs" :token-url url :scope "mail")
                             (list :access (copy-sequence "at-new") :lifetime 3600
                                   :refresh "rt-new")
                             (lambda (end) (setq why (list end))))
      (should (equal heard '("at-new" "at-new")))
      (mew-submit-test-until ("it to be kept")
        why)
      (should (equal why '(nil)))
      (mew-submit-test-until ("all to be done")
        (not (mew-submit-token--busy-p (mew-submit-token--of account))))
      (should-not (seq-find (lambda (process)
                              (string-search "mew-submit https" (process-name process)))
                            (process-list)))
      (should (= posts (length (mew-submit-issuer-test-log issuer "post"))))
      (should (equal "rt-new" (plist-get (mew-submit-token--read account) :refresh))))))

(ert-deftest mew-submit-token-tests-no-lock ()
  "\"Q28 another Emacs does not let go of the lock\": each that waits hears of it."
  :tags '(:module)
  (mew-submit-token-tests--with (issuer account)
    (let ((mew-submit-token--lock-patience 0.1)
          heard)
      (mew-submit-token-tests--while-locked
        (mew-submit-token--get account (lambda (_ problem) (push (cdr problem) heard)) t)
        (mew-submit-token--keep-now account (lambda (why) (push why heard)))
        (mew-submit-token--remove account (lambda (why) (push why heard)))
        (mew-submit-test-until ("all to be heard")
          (= 3 (length heard))))
      (dolist (words heard)
        (should (string-search "another Emacs" words)))
      ;; Who asked to be signed out is not told to be.
      (should (string-search "is not signed out" (car heard)))
      (should (file-exists-p (mew-submit-token-tests--file account)))
      (should-not (mew-submit-token--busy-p (mew-submit-token--of account))))))

(ert-deftest mew-submit-token-tests-clients-that-cannot-be-written ()
  "Where it cannot be kept as whom an issuer knows us, nobody waits for ever."
  (mew-submit-issuer-test-with issuer
    (let* ((warned 0)
           (account (list :name "test" :user "me@x"
                          :oauth (list :issuer (mew-submit-issuer-test-url issuer)
                                       :scope "mail")))
           (token (mew-submit-token--of account)))
      (cl-letf (((symbol-function 'display-warning) (lambda (&rest _) (cl-incf warned))))
        (let ((mew-submit-issuer-clients-file
               (expand-file-name "clients.eld" (car auth-sources))))
          (should (equal (plist-get (mew-submit-issuer-test-sign-in account :method 'browser)
                                    :result)
                         "signed-in"))
          (should (= warned 1)))
        ;; It is known, and cannot be forgotten.
        (mew-submit-issuer--remember (mew-submit-issuer-test-url issuer) "registered")
        (mew-submit-issuer-test-behave issuer :clients [])
        (cl-letf (((symbol-function 'mew-submit-store--write)
                   (lambda (&rest _) (error "No space"))))
          (should (eq 'consent (car (cadr (mew-submit-token-tests--get account t)))))
          (should (= warned 2)))
        (should-not (mew-submit-token--busy-p token))
        ;; Whatever else goes wrong.
        (cl-letf (((symbol-function 'mew-submit-issuer--parse)
                   (lambda (&rest _) (error "Something"))))
          (should (eq 'later (car (cadr (mew-submit-token-tests--get account t))))))
        (should-not (mew-submit-token--busy-p token))))))

(ert-deftest mew-submit-token-tests-quit ()
  "A quit while a sign-in is written keeps no lock, and what was in memory stays."
  (mew-submit-test-with-directory directory
    (let* ((mew-submit-token-directory (expand-file-name "tokens/" directory))
           (mew-submit-token--all (make-hash-table :test #'equal))
           (mew-submit-token--key (make-string 32 1))
           (account '(:user "me@x" :oauth (:issuer "https://id.example")))
           (token (mew-submit-token--of account))
           (said 'nothing))
      (setf (mew-submit-token-record token) '(:refresh "r" :count 0 :since 1))
      (cl-letf (((symbol-function 'rename-file) (lambda (&rest _) (signal 'quit nil))))
        (mew-submit-token--keep-now account (lambda (why) (setq said why))))
      (should (string-search "quit" said))
      (should-not (mew-submit-token--busy-p token))
      (should (mew-submit-token-record token))
      (mew-submit-token--keep-now account (lambda (why) (setq said why)))
      (should-not said)
      (should-not (mew-submit-token-record token)))))

(defun mew-submit-token-tests--sign-out (account)
  "Sign out of ACCOUNT; return what could not be done, in words, or nil."
  (let ((why 'none))
    (mew-submit-sign-out account :callback (lambda (end) (setq why end)))
    (mew-submit-test-until ("it to be done")
      (not (eq why 'none)))
    why))

(ert-deftest mew-submit-token-tests-sign-out ()
  "Who signs out is forgotten, here and at the issuer."
  (mew-submit-token-tests--with (issuer account)
    (let ((refresh (plist-get (car (mew-submit-issuer-test-log issuer "answer")) :refresh)))
      (should-not (mew-submit-token-tests--sign-out account))
      (should-not (file-exists-p (mew-submit-token-tests--file account)))
      (should (equal refresh (plist-get (plist-get (car (mew-submit-issuer-test-log
                                                         issuer "post" "/revoke"))
                                                   :form)
                                        :token)))
      (should (string-search "is not signed in"
                             (cdr (cadr (mew-submit-token-tests--get account)))))
      ;; There is nothing to take back on anybody's pages.
      (should (equal (mew-submit-token-tests--sign-out account)
                     "me@x at localhost was not signed in"))
      (should-not (cdr (mew-submit-issuer-test-log issuer "post" "/revoke"))))))

(ert-deftest mew-submit-token-tests-sign-out-of-what-is-locked ()
  "The command asks for the key, so that the issuer is told; without it that is said.
The refresh token went on being good there."
  (let ((look (symbol-function 'mew-submit-auth--proxy-password)))
    ;; The command, with the passphrase and without it; a program, which asks nobody.
    (pcase-dolist (`(,command ,error ,told ,words)
                   '((t nil 1 "me@x is signed out")
                     (t (mew-submit-secret :text "no") 0 "could not be told")
                     (nil nil 0 "could not be told")))
      (mew-submit-token-tests--with (issuer account)
        (mew-submit-issuer-test-forget)
        (let (asked said)
          (cl-letf (((symbol-function 'mew-submit-auth--proxy-password)
                     (lambda (&rest arguments)
                       (unless mew-submit-auth--ask
                         (signal 'mew-submit-secret '(:text "locked")))
                       (setq asked t)
                       (when error
                         (signal (car error) (cdr error)))
                       (apply look arguments)))
                    ((symbol-function 'message)
                     (lambda (format &rest arguments)
                       (setq said (apply #'format-message format arguments)))))
            (if command
                (funcall-interactively #'mew-submit-sign-out account)
              (setq said (mew-submit-token-tests--sign-out account)))
            (mew-submit-test-until ("it to be told")
              said)
            (should (string-search words said))
            (should (eq asked command))
            (should-not (file-exists-p (mew-submit-token-tests--file account)))
            (should (= told (length (mew-submit-issuer-test-log issuer "post" "/revoke"))))))))))

(ert-deftest mew-submit-token-tests-secret-in-the-header ()
  "Where an issuer takes a client's secret in the header alone, it is there each time.
Sign-in, renewal and sign-out were refused; where it takes both, it is in the form."
  (mew-submit-issuer-test-with issuer
    (let* ((file (mew-submit-test-write (mew-submit-issuer-test--file issuer "client.json")
                                        "{\"client_id\":\"emacs\",\"client_secret\":\"s: +%\u00e9\"}"))
           (account (list :name "test" :user "me@x"
                          :oauth (list :issuer (mew-submit-issuer-test-url issuer)
                                       :client-file file :scope "mail"))))
      ;; Where nothing is said it is the header (RFC 8414, section 2).
      (dolist (methods '(:null ["client_secret_basic" "private_key_jwt"]))
        (mew-submit-issuer-test-behave
         issuer :basic "s: +%\u00e9" :device_answers []
         :metadata (list :token_endpoint_auth_methods_supported methods))
        (dolist (method '(code browser))
          (should (plist-get (mew-submit-issuer-test-sign-in account :method method) :kept))))
      (dolist (_ '(1 2))
        (should (car (mew-submit-token-tests--as-new account))))
      (should-not (mew-submit-token-tests--sign-out account))
      (mew-submit-issuer-test-behave
       issuer :metadata '(:token_endpoint_auth_methods_supported
                          ["client_secret_basic" "client_secret_post"]))
      (should (plist-get (mew-submit-issuer-test-sign-in account :method 'browser) :kept))
      (should (equal "s: +%\u00e9"
                     (plist-get (plist-get (car (last (mew-submit-issuer-test-log
                                                       issuer "post" "/token")))
                                           :form)
                                :client_secret))))))

(ert-deftest mew-submit-token-tests-signed-out-without-a-word ()
  "An issuer that has nothing to say to that (204) has heard it; one that refuses has not."
  (pcase-dolist
      (`(,status ,why)
       '((204 nil)
         (503 "me@x at localhost is signed out here, but the issuer could not be told (status \
503); take it back on the pages of your provider")))
    (mew-submit-token-tests--with (issuer account)
      (mew-submit-issuer-test-behave issuer :revoke status)
      (should (equal (mew-submit-token-tests--sign-out account) why)))))

(ert-deftest mew-submit-token-tests-doctor ()
  "The doctor knows who is signed in, for how long, and what was wrong."
  (mew-submit-token-tests--with (issuer account)
    (let ((found (lambda ()
                   (let ((finding (mew-submit-doctor-account--token "test" account)))
                     (list (plist-get finding :status) (plist-get finding :text))))))
      (pcase-dolist
          (`(,do ,status ,words)
           `((,#'ignore ok "good for 59 minutes, until ")
             (,#'mew-submit-issuer-test-forget ok "is signed in")
             (,(lambda ()
                 (mew-submit-issuer-test-behave issuer :revoked t)
                 (mew-submit-token-tests--get account))
              error "does not take the sign-in any more")
             (,(lambda ()
                 (mew-submit-issuer-test-behave issuer :token '(:status 503 :body "x"))
                 (mew-submit-token-tests--get account))
              warning "no token at the moment")
             (,(lambda ()
                 (mew-submit-issuer-test-behave
                  issuer :token '(:status 401 :body (:error "unauthorized_client")))
                 (mew-submit-token-tests--get account))
              error "does not know this program by its client id")
             (,(lambda ()
                 (mew-submit-issuer-test-forget)
                 (delete-file (mew-submit-token-tests--file account)))
              warning "is not signed in, so mail waits")
             (,(lambda ()
                 (setq account (list :name "test" :oauth (plist-get account :oauth))))
              error "no :user")))
        (funcall do)
        (pcase-let ((`(,got ,text) (funcall found)))
          (should (eq got status))
          (should (string-search words text)))
        ;; No password is missed where one signs in.
        (should (equal (mapcar (lambda (finding) (plist-get finding :status))
                               (mew-submit-doctor-account--secret "test" account))
                       (list status)))))))

(ert-deftest mew-submit-token-tests-doctor-renews ()
  "The doctor has the sign-in renewed: it works, it is over, or nobody can tell."
  (mew-submit-token-tests--with (issuer account)
    (cl-flet ((look ()
                (let (found)
                  (should (mew-submit-doctor-account--renewal
                           account 1 (lambda (findings) (setq found (car findings)))))
                  (mew-submit-test-until ("the renewal")
                    found)
                  (list (plist-get found :status)
                        (concat (plist-get found :text) "; " (plist-get found :advice)))))
              (asked ()
                (length (mew-submit-issuer-test-log issuer "post" "/token"))))
      (pcase-dolist
          (`(,behaviour ,status ,words)
           '((nil ok "renewed just now: an access token is good for 59 minutes, until ")
             ((:token (:status 503 :body "x")) warning "It is tried again when mail is sent")
             ((:revoked t) error "mail waits")))
        (dolist (forget '(nil t))
          (when forget
            (mew-submit-issuer-test-forget))
          (apply #'mew-submit-issuer-test-behave issuer behaviour)
          (let ((before (asked)))
            (ert-info ((format "%S" (list behaviour forget)))
              (pcase-let ((`(,got ,text) (look)))
                (should (eq got status))
                (should (string-search words text)))
              (should (= (asked) (1+ before)))))))
      ;; What was good before a look that failed is good after it.
      (mew-submit-issuer-test-behave issuer)
      (should (plist-get (mew-submit-issuer-test-sign-in account :method 'browser) :kept))
      (mew-submit-issuer-test-behave issuer :token '(:status 503 :body "x"))
      (look)
      (let ((before (asked)))
        (should (car (mew-submit-token-tests--get account)))
        (should (= (asked) before))))
    ;; Who is not signed in has nothing to renew.
    (mew-submit-issuer-test-forget)
    (delete-file (mew-submit-token-tests--file account))
    (should-not (mew-submit-doctor-account--renewal account 1 #'error))))

;;; What the user is asked

(defun mew-submit-token-tests--answer (words)
  "Answer the question that waits with the choice WORDS."
  (let ((question (mew-submit-test-until ("a question")
                    (car mew-submit-question--list))))
    (mew-submit-question--answer
     question (assoc words (mew-submit-question-choices question)))
    (mew-submit-question-text question)))

(ert-deftest mew-submit-token-tests-mail-waits ()
  "A mail whose sign-in is over waits for the user, who signs in, and then it goes."
  :tags '(:module)
  (mew-submit-token-tests--with (issuer signed-in)
    (mew-submit-test-with-peer
        (peer "--user" "me@x" "--password" "good-token" "127.0.0.1:0,name=x,mechs=XOAUTH2")
      (let* ((account (apply #'mew-submit-issuer-test-account issuer
                             (mew-submit-test-account peer "x")))
             (browse-url-browser-function
              (lambda (url &rest _) (mew-submit-issuer-test-browse url)))
             (noninteractive nil)
             (mew-submit-keep-connection 0)
             (send (lambda (&optional during)
                     (mew-submit-test-with-directory directory
                       (let ((session (mew-submit-parcel--submit
                                       (mew-submit-test-write
                                        (expand-file-name "m" directory)
                                        "From: me@x\nTo: a@x\n\nbody\n")
                                       :account account :on-ask #'mew-submit-dialog--answer)))
                         (when during
                           (funcall during))
                         (mew-submit-test-until ("the end of the mail")
                           (mew-submit-job-done session)))))))
        (mew-submit-auth--user-is-here)
        (mew-submit-issuer-test-behave issuer :revoked t :access "good-token")
        (mew-submit-issuer-test-forget)
        (ert-info ("Q31 not now: the mail waits, and nobody is asked again")
          (let ((done (funcall send (lambda ()
                                      (should (string-search
                                               "does not take the sign-in any more"
                                               (mew-submit-token-tests--answer
                                                "Not now")))))))
            (should (equal (plist-get done :result) "deferred")))
          (should (equal (plist-get (funcall send) :result) "deferred"))
          (should-not mew-submit-question--list))
        (mew-submit-auth--user-is-here)
        (ert-info ("two mails wait, the user signs in once, and both go")
          (mew-submit-test-with-directory directory
            (let ((sessions
                   (mapcar (lambda (name)
                             (mew-submit-parcel--submit
                              (mew-submit-test-write (expand-file-name name directory)
                                                     "From: me@x\nTo: a@x\n\nbody\n")
                              :account account :on-ask #'mew-submit-dialog--answer))
                           '("one" "two"))))
              (mew-submit-test-until ("both to wait")
                (and mew-submit-question--list
                     (= 2 (length (mew-submit-question-waiting
                                   (car mew-submit-question--list))))))
              (mew-submit-issuer-test-behave issuer :access "good-token")
              (mew-submit-token-tests--answer "Sign in")
              (should (= 1 (length (mew-submit-sign-in--running))))
              (dolist (session sessions)
                (mew-submit-test-until ("a mail")
                  (mew-submit-job-done session))
                (should (equal (plist-get (mew-submit-job-done session) :result)
                               "delivered"))))))
        (ert-info ("Q21 the issuer is out of order: the mail waits, and not in a loop")
          (mew-submit-issuer-test-behave issuer :token '(:status 503 :body "x"))
          (mew-submit-token--forget-access (mew-submit-token--of account))
          (should (equal (plist-get (funcall send) :kind) "secret"))
          (should (string-search "no token at the moment"
                                 (mew-submit-auth--why-put-off account)))
          (mew-submit-auth--user-is-here)
          (mew-submit-issuer-test-behave issuer :access "good-token"))
        (ert-info ("the server refuses a token that was good, once")
          (setf (mew-submit-token-access (mew-submit-token--of account))
                (copy-sequence "stale-token"))
          (should (equal (plist-get (funcall send) :result) "delivered")))
        (when-let* ((buffer (get-buffer "*mew-submit sign-in*")))
          (kill-buffer buffer))))))

(ert-deftest mew-submit-token-tests-locked ()
  "A key that a passphrase may be needed for is asked for once the user says so."
  :tags '(:module)
  (mew-submit-token-tests--with (issuer signed-in)
    (mew-submit-test-with-peer
        (peer "--user" "me@x" "--password" "good-token" "127.0.0.1:0,name=x,mechs=XOAUTH2")
      (let* ((account (apply #'mew-submit-issuer-test-account issuer
                             (mew-submit-test-account peer "x")))
             (look (symbol-function 'mew-submit-auth--proxy-password))
             (file (mew-submit-token-tests--file signed-in))
             (before (mew-submit-test-octets file))
             (noninteractive nil)
             (mew-submit-keep-connection 0))
        (mew-submit-issuer-test-behave issuer :access "good-token")
        (mew-submit-auth--user-is-here)
        (cl-letf (((symbol-function 'mew-submit-auth--proxy-password)
                   (lambda (&rest arguments)
                     (if mew-submit-auth--ask
                         (apply look arguments)
                       (signal 'mew-submit-secret '(:text "locked"))))))
          (pcase-dolist (`(,words ,result) '(("Not now" "deferred") ("Unlock it" "delivered")))
            (ert-info (words)
              (mew-submit-issuer-test-forget)
              (mew-submit-auth--user-is-here)
              (mew-submit-test-with-directory directory
                (let ((session (mew-submit-parcel--submit
                                (mew-submit-test-write (expand-file-name "m" directory)
                                                       "From: me@x\nTo: a@x\n\nbody\n")
                                :account account :on-ask #'mew-submit-dialog--answer)))
                  (should (string-search "passphrase"
                                         (mew-submit-token-tests--answer words)))
                  (mew-submit-test-until ("the mail")
                    (mew-submit-job-done session))
                  (should (equal (plist-get (mew-submit-job-done session) :result)
                                 result))))
              (should (eq (equal before (mew-submit-test-octets file))
                          (equal words "Not now"))))))))))

(ert-deftest mew-submit-token-tests-locked-in-batch ()
  "Where nobody can be asked for the passphrase, to sign in again is no advice."
  (let (heard)
    (mew-submit-token-mail--ask
     '(:job 1) '(:name "test" :user "me@x") '(locked . "it is kept under a key")
     (lambda (answer) (setq heard answer)))
    (mew-submit-auth--user-is-here)
    (should (eq (car heard) :none))
    (should (string-search "gpg-agent" (cdr heard)))
    (should-not (string-search "mew-submit-sign-in" (cdr heard)))))

(ert-deftest mew-submit-token-tests-only-until-emacs-ends ()
  "A sign-in that is not kept is used, whatever file there is of an earlier one.
Nobody has to unlock that, and it does not come back."
  :tags '(:module)
  (mew-submit-token-tests--with (issuer account)
    (dotimes (_ 3)
      (should (car (mew-submit-token-tests--get account t))))
    (mew-submit-issuer-test-forget)
    (let* ((newest (lambda ()
                     (plist-get (car (last (mew-submit-issuer-test-log issuer "answer")))
                                :refresh)))
           (renew (lambda ()
                    (let ((before (funcall newest)))
                      (should (car (mew-submit-token-tests--get account t)))
                      (should (equal before
                                     (plist-get (plist-get (car (last (mew-submit-issuer-test-log
                                                                       issuer "post")))
                                                           :form)
                                                :refresh_token)))))))
      (cl-letf (((symbol-function 'mew-submit-auth--proxy-password)
                 (lambda (&rest _) (signal 'mew-submit-secret '(:text "locked")))))
        (should-not (plist-get (mew-submit-issuer-test-sign-in account :method 'browser)
                               :kept))
        (funcall renew))
      (funcall renew)
      (should (equal (funcall newest)
                     (plist-get (mew-submit-token--read account) :refresh))))))

(ert-deftest mew-submit-token-tests-no-place-for-a-key ()
  "Who has passwords where nothing can be read is signed in until Emacs ends."
  (mew-submit-issuer-test-with issuer
    (mew-submit-test-with-directory directory
      (let* ((auth-sources (list directory))
             (account (mew-submit-issuer-test-account issuer))
             (result (mew-submit-issuer-test-sign-in account :method 'browser)))
        (should (equal (list (plist-get result :result) (plist-get result :text))
                       '("signed-in" "me@x is signed in at localhost, until Emacs ends")))
        (should-not (plist-get result :kept))
        (should (car (mew-submit-token-tests--get account t)))))))

(ert-deftest mew-submit-token-tests-kept-if-wanted ()
  "Where nobody has said so, the user says whether the sign-in is kept."
  :tags '(:module)
  (mew-submit-issuer-test-with issuer
    (let ((noninteractive nil)
          (auth-source-save-behavior 'ask)
          (account (mew-submit-issuer-test-account issuer)))
      (should-not (plist-get (mew-submit-issuer-test-sign-in account :method 'browser) :kept))
      (should (car (mew-submit-token-tests--get account t)))
      (should-not (file-exists-p (mew-submit-token-tests--file account)))
      (should (equal (mew-submit-test-octets (car auth-sources)) ""))
      ;; Where auth-source saves nothing that is said, and the question stays.
      (let (said)
        (cl-letf ((auth-source-save-behavior nil)
                  ((symbol-function 'message)
                   (lambda (&rest words) (setq said (apply #'format words)))))
          (mew-submit-token-tests--answer "Stay signed in"))
        (should (string-search "auth-source-save-behavior" said)))
      (should (equal (mew-submit-test-octets (car auth-sources)) ""))
      ;; It has been said: auth-source does not ask for it once more.
      (cl-letf (((symbol-function 'read-char-choice)
                 (lambda (&rest _) (ert-fail "asked twice"))))
        (mew-submit-token-tests--answer "Stay signed in"))
      (mew-submit-test-until ("it to be written")
        (let ((status (mew-submit-token--status account)))
          (and (plist-get status :kept) (not (plist-get status :memory)))))
      (should (car (mew-submit-token-tests--as-new account)))
      (when-let* ((ahead (mew-submit-token-ahead (mew-submit-token--of account))))
        (cancel-timer ahead)))))

(ert-deftest mew-submit-token-tests-no-secret-is-seen ()
  "\"Q33 a secret where it can be seen\": in messages, warnings, buffers, arguments."
  (mew-submit-issuer-test-with issuer
    (let* ((noninteractive nil)
           (arguments nil)
           (account (mew-submit-issuer-test-account issuer))
           (start (with-current-buffer (messages-buffer) (point-max)))
           (result (mew-submit-issuer-test-sign-in
                    account :method 'browser :on-event nil
                    :browse (lambda (url)
                              (push url arguments)
                              (mew-submit-issuer-test-browse url)))))
      (should (plist-get result :kept))
      (mew-submit-token-tests--get account t)
      (mew-submit-issuer-test-behave issuer :revoked t)
      (mew-submit-token-tests--get account t)
      (let* ((posts (mapcar (lambda (line) (plist-get line :form))
                            (mew-submit-issuer-test-log issuer "post")))
             (authorize (plist-get (car (mew-submit-issuer-test-log issuer "get" "/authorize"))
                                   :query))
             (secrets (delq nil
                            (append (mapcan (lambda (form)
                                              (list (plist-get form :code)
                                                    (plist-get form :code_verifier)
                                                    (plist-get form :refresh_token)))
                                            posts)
                                    (list (plist-get authorize :state))
                                    (mapcar (lambda (line) (plist-get line :refresh))
                                            (mew-submit-issuer-test-log issuer "answer")))))
             (seen (append arguments
                           (list (format "%S" result)
                                 (format "%S" (mew-submit-token--status account)))
                           (mapcar (lambda (buffer)
                                     (with-current-buffer buffer
                                       (if (eq buffer (messages-buffer))
                                           (buffer-substring start (point-max))
                                         (buffer-string))))
                                   (seq-remove (lambda (buffer)
                                                 (string-match-p "authinfo\\|issuer"
                                                                 (buffer-name buffer)))
                                               (buffer-list))))))
        (should (> (length secrets) 5))
        (dolist (secret secrets)
          (dolist (text seen)
            (should-not (string-search secret text))))
        (should-not (seq-find (lambda (buffer)
                                (string-prefix-p " *mew-submit https" (buffer-name buffer)))
                              (buffer-list))))
      (kill-buffer "*mew-submit sign-in*"))))

(provide 'mew-submit-token-tests)
;;; mew-submit-token-tests.el ends here
