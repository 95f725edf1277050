;;; mew-submit-sign-in.el --- Sign in to an account, by browser or by code -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns how a user signs in to an account whose server takes access tokens:
;; in a browser that brings a code back to this machine (authorization code with PKCE, RFC
;; 6749, 7636 and 8252), or in a browser anywhere, with a code to type there (RFC 8628).
;;
;; All of it runs in the background, and ends: when it is done, when it is cancelled, and
;; when its time is over.  What comes back is believed only with the state that was sent,
;; and from the issuer that was asked (RFC 9207).  The page that a browser is started with
;; is one of ours, good for one visit: the arguments of a program can be seen by everybody
;; on this machine, and what the sign-in is known by is not among them.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-auth)
(require 'mew-submit-background)
(require 'mew-submit-error)
(require 'mew-submit-https)
(require 'mew-submit-issuer)
(require 'mew-submit-loopback)
(require 'mew-submit-oauth)
(require 'mew-submit-question)
(require 'mew-submit-random)
(require 'mew-submit-sign-in-view)
(require 'mew-submit-token)
(require 'seq)

(declare-function mew-submit-dispatch--run "mew-submit-dispatch" ())

(defcustom mew-submit-sign-in-timeout 600
  "Seconds after which a sign-in that nobody has finished is given up.
The default is 600."
  :type 'number
  :group 'mew-submit-security
  :package-version '(mew-submit . "0.1.0"))

(cl-defstruct (mew-submit-sign-in (:constructor mew-submit-sign-in--make)
                                  (:copier nil))
  (account nil :documentation "The account, a plist with :user.")
  (keys nil :documentation "Its :oauth.")
  (method nil :documentation "`browser', `code', or nil for what fits.")
  (callback nil :documentation "Function of the result; nil when it has been called.")
  (on-event nil :documentation "Function that shows what the user has to do, or nil.")
  (browse nil :documentation "Function that shows an address to the user.")
  (issuer nil :documentation "Who issues the tokens, once that is known.")
  (client nil :documentation "As whom it knows us: (ID SECRET REDIRECT).")
  (exchange nil :documentation "The request that runs, or nil.")
  (timer nil :documentation "What comes next, or nil.")
  (deadline nil :documentation "The timer that ends it.")
  (listener nil :documentation "Where the browser comes back to, or nil.")
  (start nil :documentation "The path of the page to begin with; nil once it was seen.")
  (redirect nil :documentation "Where the issuer sends the browser back to.")
  (state nil :documentation "What an answer is known by; nil once it is there.")
  (verifier nil :documentation "What only we know of the request.")
  (wrong 0 :documentation "How many answers were not for us.")
  (seen nil :documentation "Digest of the state in the answer, once that is there.")
  (pages nil :documentation "Functions that show the last page to who waits for it.")
  (shown nil :documentation "What the user was told to do, a plist."))

(defvar mew-submit-sign-in--all nil
  "The sign-ins that run.")

(defun mew-submit-sign-in--running ()
  "Return the sign-ins that are under way, as from `mew-submit-sign-in'."
  (copy-sequence mew-submit-sign-in--all))

(defun mew-submit-sign-in--user (flow)
  "Return who FLOW signs in."
  (mew-submit-token--user (mew-submit-sign-in-account flow)))

(defun mew-submit-sign-in--host (flow)
  "Return whom FLOW signs in with, for people."
  (mew-submit-https--host (mew-submit-token--issuer (mew-submit-sign-in-account flow))))

;;; The end

(defun mew-submit-sign-in--release (flow)
  "Give back what FLOW has."
  (setq mew-submit-sign-in--all (delq flow mew-submit-sign-in--all))
  (mew-submit-https--cancel (mew-submit-sign-in-exchange flow))
  (mapc #'cancel-timer (delq nil (list (mew-submit-sign-in-timer flow)
                                       (mew-submit-sign-in-deadline flow))))
  (mew-submit-loopback--stop (mew-submit-sign-in-listener flow))
  (mapc #'clear-string (delq nil (list (mew-submit-sign-in-state flow)
                                       (mew-submit-sign-in-verifier flow))))
  (setf (mew-submit-sign-in-exchange flow) nil
        (mew-submit-sign-in-listener flow) nil
        (mew-submit-sign-in-state flow) nil
        (mew-submit-sign-in-verifier flow) nil))

(defun mew-submit-sign-in--last-page (flow result text)
  "Show RESULT, with TEXT, in the browser that waits for the end of FLOW, if any."
  (let ((page (if (equal result "signed-in")
                  (mew-submit-loopback--page "You are signed in" text
                                            "You can close this page and go back to Emacs.")
                (mew-submit-loopback--page "You are not signed in" text
                                          "You can close this page."))))
    (dolist (answer (mew-submit-sign-in-pages flow))
      (funcall answer "200 OK" page))
    (setf (mew-submit-sign-in-pages flow) nil)))

(defun mew-submit-sign-in--end (flow result text &rest more)
  "End FLOW with RESULT and TEXT for people; MORE is for its caller's plist."
  (when-let* ((callback (mew-submit-sign-in-callback flow)))
    (setf (mew-submit-sign-in-callback flow) nil)
    (mew-submit-sign-in--last-page flow result text)
    (mew-submit-sign-in--release flow)
    (mew-submit-sign-in--show flow (list :step 'done :result result :text text))
    (condition-case err
        (funcall callback
                 (append (list :result result :text text
                               :user (mew-submit-sign-in--user flow)
                               :issuer (mew-submit-token--issuer
                                        (mew-submit-sign-in-account flow)))
                         more))
      (error (display-warning 'mew-submit (mew-submit-oauth--error-text err))))))

(defun mew-submit-sign-in--fail (flow format &rest args)
  "End FLOW without a sign-in; FORMAT and ARGS tell why."
  (mew-submit-sign-in--end flow "failed"
                           (mew-submit-error--clean (apply #'format format args))))

(defun mew-submit-sign-in--call (flow function &rest arguments)
  "Call FUNCTION with ARGUMENTS, unless FLOW is over; an error of it ends FLOW."
  (when (mew-submit-sign-in-callback flow)
    (condition-case err
        (apply function arguments)
      (error (mew-submit-sign-in--fail flow "%s" (mew-submit-oauth--error-text err))))))

(defun mew-submit-sign-in--keep (flow)
  "Return a function that has FLOW hold an exchange, so that it can be cancelled."
  (lambda (exchange)
    (if (mew-submit-sign-in-callback flow)
        (setf (mew-submit-sign-in-exchange flow) exchange)
      (mew-submit-https--cancel exchange))))

;;; What the user sees

(defun mew-submit-sign-in--show (flow event)
  "Show EVENT of FLOW, a plist with :step, to the user.
That is for :on-event of `mew-submit-sign-in' to do, where there is one."
  (setf (mew-submit-sign-in-shown flow) event)
  (condition-case err
      (cond ((mew-submit-sign-in-on-event flow)
             (funcall (mew-submit-sign-in-on-event flow) event))
            (noninteractive
             (message "%s" (mew-submit-sign-in--words flow event)))
            (t (mew-submit-sign-in--display flow event)))
    (error (display-warning 'mew-submit (mew-submit-oauth--error-text err)))))

(defun mew-submit-sign-in--words (flow event)
  "Return EVENT of FLOW in words."
  (pcase (plist-get event :step)
    ('begin (format "Asking %s how to sign in..." (mew-submit-sign-in--host flow)))
    ('browser (concat
               (format "Sign in as %s in your browser.  If it does not open, open this \
address on this machine" (mew-submit-sign-in--user flow))
               (and (mew-submit-sign-in--no-browser-p)
                    (mew-submit-loopback--from-afar (mew-submit-sign-in-listener flow)))
               " (it is good for one visit):\n\n  " (plist-get event :url)))
    ('code (format "To sign in as %s, open this address in a browser, on any \
machine:\n\n  %s\n\nand type this code there:\n\n  %s"
                   (mew-submit-sign-in--user flow) (plist-get event :url)
                   (plist-get event :code)))
    ('exchange (format "%s has said yes; getting the token..."
                       (mew-submit-sign-in--host flow)))
    (_ (plist-get event :text))))

(defun mew-submit-sign-in--display (flow event)
  "Show EVENT of FLOW in a buffer; select no window.
There is one buffer: at the end of FLOW another one that waits for its user is
shown again."
  (mew-submit-sign-in-view--display
   event (mew-submit-sign-in--words flow event)
   (lambda () (mew-submit-sign-in--open flow))
   (lambda () (mew-submit-sign-in-cancel flow)))
  (when-let* (((eq (plist-get event :step) 'done))
              (other (seq-find (lambda (other)
                                 (and (null (mew-submit-sign-in-on-event other))
                                      (memq (plist-get (mew-submit-sign-in-shown other)
                                                       :step)
                                            '(browser code))))
                               mew-submit-sign-in--all)))
    (mew-submit-sign-in--display other
                                 (copy-sequence (mew-submit-sign-in-shown other)))))

(defun mew-submit-sign-in--browse (flow)
  "Have a browser show the page that FLOW waits for, without a code in it."
  (condition-case err
      (funcall (or (mew-submit-sign-in-browse flow) #'browse-url)
               (plist-get (mew-submit-sign-in-shown flow) :url))
    (error (mew-submit-background--tell "The browser cannot be started: %s"
                                        (mew-submit-oauth--error-text err)))))

(defun mew-submit-sign-in--open (flow)
  "Have the page that FLOW waits for opened in a browser, again if need be."
  (when (mew-submit-sign-in-callback flow)
    (when (mew-submit-sign-in-state flow)
      (mew-submit-sign-in--show flow (mew-submit-sign-in--new-start flow)))
    (mew-submit-sign-in--browse flow)))

;;; Getting the token

(defun mew-submit-sign-in--take (flow answer)
  "Take ANSWER, the issuer's to a request of FLOW for tokens."
  (let* ((issuer (mew-submit-sign-in-issuer flow))
         (scope (mew-submit-sign-in--scope flow))
         (parsed (mew-submit-issuer--parse
                  answer (mew-submit-https--host (mew-submit-issuer-token issuer)) scope
                  (mew-submit-issuer-name issuer)
                  (nth 0 (mew-submit-sign-in-client flow)))))
    (if (plist-get parsed :problem)
        (mew-submit-sign-in--fail flow "%s" (cdr (plist-get parsed :problem)))
      (mew-submit-token--set
       (mew-submit-sign-in-account flow)
       (append (mew-submit-sign-in--who flow)
               (list :token-url (mew-submit-issuer-token issuer)
                     :revoke-url (mew-submit-issuer-revoke issuer)
                     :scope scope))
       parsed
       (lambda (why) (mew-submit-sign-in--signed-in flow why))))))

(defun mew-submit-sign-in--offer-to-keep (account key)
  "Have the user say whether ACCOUNT stays signed in when Emacs ends.
KEY is why it does not: `no-key' or `locked'."
  (mew-submit-question--ask
   nil (list 'keep-sign-in (mew-submit-token--id account))
   (format "%s is signed in.  Stay signed in when Emacs has ended?  %s"
           (mew-submit-token--user account)
           (if (eq key 'locked) "The key for that is among your passwords."
             "A key for that is put where your passwords are."))
   (list (list "Stay signed in" nil #'mew-submit-token--unlock)
         '("Only until Emacs ends" no))
   nil
   (lambda (answer)
     (when (eq answer t)
       (mew-submit-token--keep-now
        account (lambda (why)
                  (when why
                    (message "The sign-in is not kept: %s" why))))))))

(defun mew-submit-sign-in--signed-in (flow why)
  "End FLOW: its user is signed in; WHY is as `mew-submit-token--set' has it."
  (let ((account (mew-submit-sign-in-account flow)))
    (mew-submit-auth--user-is-here)
    (mew-submit-sign-in--end
     flow "signed-in"
     (format "%s is signed in at %s%s" (mew-submit-sign-in--user flow)
             (mew-submit-sign-in--host flow)
             (pcase why
               ('nil "")
               ((pred stringp) (format "; %s" why))
               (_ ", until Emacs ends")))
     :kept (null why))
    (when (and (symbolp why) why (not noninteractive))
      (mew-submit-sign-in--offer-to-keep account why))
    (when (featurep 'mew-submit-dispatch)
      (mew-submit-dispatch--run))))

(defun mew-submit-sign-in--scope (flow)
  "Return what FLOW asks for, names with spaces between, or nil."
  (mew-submit-issuer--scope (mew-submit-sign-in-issuer flow)
                           (mew-submit-sign-in-keys flow)))

(defun mew-submit-sign-in--who (flow)
  "Return as whom FLOW asks, as `mew-submit-issuer--post' takes it."
  (let ((client (mew-submit-sign-in-client flow)))
    (list :client-id (nth 0 client) :client-secret (nth 1 client)
          :basic (and (mew-submit-issuer-basic (mew-submit-sign-in-issuer flow)) t))))

(defun mew-submit-sign-in--post (flow url form function)
  "Post FORM to URL for FLOW, and call FUNCTION with the answer."
  (funcall (mew-submit-sign-in--keep flow)
           (mew-submit-issuer--post
            url form (mew-submit-sign-in--who flow)
            (lambda (answer)
              (setf (mew-submit-sign-in-exchange flow) nil)
              (mew-submit-sign-in--call flow function answer)))))

;;; In a browser on this machine

(defun mew-submit-sign-in--address (flow)
  "Return the address at which the issuer asks the user of FLOW."
  (let* ((place (mew-submit-issuer-authorize (mew-submit-sign-in-issuer flow)))
         (scope (mew-submit-sign-in--scope flow)))
    (concat place (if (string-search "?" place) "&" "?")
            (mew-submit-https--query
             `(("response_type" . "code")
               ("client_id" . ,(nth 0 (mew-submit-sign-in-client flow)))
               ("redirect_uri" . ,(mew-submit-sign-in-redirect flow))
               ("scope" . ,scope)
               ("state" . ,(mew-submit-sign-in-state flow))
               ("code_challenge" . ,(mew-submit-random--challenge
                                     (mew-submit-sign-in-verifier flow)))
               ("code_challenge_method" . "S256")
               ("login_hint" . ,(mew-submit-sign-in--user flow))
               ;; OpenID Connect Core, section 11: else there is no refresh token.
               ("prompt" . ,(and (member "openid" (split-string (or scope "")))
                                 (string-search "offline_access" scope)
                                 "consent")))))))

(defun mew-submit-sign-in--new-start (flow)
  "Have FLOW begin with a page that nobody has seen; return what to show."
  (setf (mew-submit-sign-in-start flow) (concat "/" (mew-submit-random--text)))
  (list :step 'browser
        :url (format "http://127.0.0.1:%d%s"
                     (mew-submit-loopback-port (mew-submit-sign-in-listener flow))
                     (mew-submit-sign-in-start flow))))

(defun mew-submit-sign-in--judge (flow parameters)
  "Return what PARAMETERS, an alist that a browser has brought, are for FLOW.
It is (code . CODE); (failed . WHY), for an answer to us that ends it; or
\(ignored . WHY), for what is not an answer to us, which anybody can send."
  (let* ((get (lambda (name) (cdr (assoc name parameters))))
         (issuer (mew-submit-sign-in-issuer flow))
         (host (mew-submit-sign-in--host flow))
         (state (mew-submit-sign-in-state flow))
         (iss (funcall get "iss"))
         (code (funcall get "code"))
         (refusal (funcall get "error")))
    (cond
     ((/= (length parameters) (length (delete-dups (mapcar #'car parameters))))
      '(ignored . "it says something twice"))
     ((not (and state (funcall get "state")
                (equal (secure-hash 'sha256 state)
                       (secure-hash 'sha256 (encode-coding-string (funcall get "state")
                                                                  'utf-8)))))
      '(ignored . "it is no answer to what was asked"))
     ((and iss (not (mew-submit-issuer--iss-p issuer iss)))
      (cons 'failed (format "The answer comes from another service than %s, which is how \
sign-ins are stolen; nothing was sent there" host)))
     ((and (null iss) (mew-submit-issuer-says-iss issuer))
      (cons 'failed (format "The answer does not say that it comes from %s, as its \
answers do; nothing was sent to anybody" host)))
     (refusal
      (cons 'failed (mew-submit-issuer--no-sign-in
                     host refusal (funcall get "error_description"))))
     ((not (and (mew-submit-issuer--usable-p code) (length< code 4097)))
      (cons 'failed (format "%s has answered without a code" host)))
     (t (cons 'code code)))))

(defun mew-submit-sign-in--come-back (flow parameters answer)
  "Take PARAMETERS that a browser has brought for FLOW; ANSWER is for its page."
  (pcase (mew-submit-sign-in--judge flow parameters)
    (`(ignored . ,_)
     (funcall answer "400 Bad Request"
              (mew-submit-loopback--page
               "This is not what Emacs waits for"
               "The sign-in goes on in the page that it was begun in."))
     (when (> (cl-incf (mew-submit-sign-in-wrong flow)) 100)
       (mew-submit-sign-in--fail flow "Something on this machine sends answers that are \
none to this sign-in; look what it is, and try again")))
    (`(failed . ,why)
     (push answer (mew-submit-sign-in-pages flow))
     (mew-submit-sign-in--fail flow "%s" why))
    (`(code . ,code)
     (setf (mew-submit-sign-in-seen flow) (secure-hash 'sha256 (mew-submit-sign-in-state flow)))
     (clear-string (mew-submit-sign-in-state flow))
     (setf (mew-submit-sign-in-state flow) nil)
     (push answer (mew-submit-sign-in-pages flow))
     (mew-submit-sign-in--show flow (list :step 'exchange))
     (mew-submit-sign-in--post
      flow (mew-submit-issuer-token (mew-submit-sign-in-issuer flow))
      `(("grant_type" . "authorization_code")
        ("code" . ,code)
        ("redirect_uri" . ,(mew-submit-sign-in-redirect flow))
        ("code_verifier" . ,(mew-submit-sign-in-verifier flow)))
      (lambda (answer) (mew-submit-sign-in--take flow answer))))))

(defun mew-submit-sign-in--visit (flow path parameters answer)
  "Answer a browser that asks for PATH with PARAMETERS, for FLOW, by ANSWER."
  (cond ((equal path (mew-submit-sign-in-start flow))
         (setf (mew-submit-sign-in-start flow) nil)
         (funcall answer "302 Found" ""
                  (list (concat "Location: " (mew-submit-sign-in--address flow)))))
        ((and (mew-submit-sign-in-state flow)
              (equal path (mew-submit-sign-in--path flow))
              parameters)
         (mew-submit-sign-in--come-back flow parameters answer))
        ;; Who loads that page once more waits for the same end.
        ((equal (mew-submit-sign-in-seen flow)
                (secure-hash 'sha256 (encode-coding-string
                                      (alist-get "state" parameters "" nil #'equal) 'utf-8)))
         (push answer (mew-submit-sign-in-pages flow)))
        (t (funcall answer "404 Not Found"
                    (mew-submit-loopback--page
                     "There is nothing here any more"
                     "A page to sign in by is good for one visit.  If it was not you \
who has seen it, go back to Emacs, cancel the sign-in and begin again.")))))

(defun mew-submit-sign-in--path (flow)
  "Return the path at which FLOW expects the browser back."
  (nth 3 (mew-submit-https--parse (replace-regexp-in-string
                                  "\\`http://localhost" "http://127.0.0.1"
                                  (mew-submit-sign-in-redirect flow)))))

(defun mew-submit-sign-in--template (flow)
  "Return where the issuer of FLOW sends the browser, without the port."
  (or (plist-get (mew-submit-sign-in-keys flow) :redirect)
      (nth 2 (mew-submit-sign-in-client flow))
      "http://127.0.0.1/"))

(defun mew-submit-sign-in--by-browser (flow)
  "Have the user of FLOW sign in with a browser on this machine."
  (let ((template (mew-submit-sign-in--template flow))
        (issuer (mew-submit-sign-in-issuer flow)))
    (cond
     ((not (mew-submit-issuer--answers-p issuer))
      (mew-submit-sign-in--foreign flow (mew-submit-issuer-authorize issuer)))
     ((not (string-match "\\`http://\\(127\\.0\\.0\\.1\\|localhost\\)\\(/[^?#]*\\)?\\'"
                         template))
      (mew-submit-sign-in--fail flow "The :redirect in the account's :oauth has to be \
http://127.0.0.1/ or http://localhost, with a path perhaps: the browser comes back to \
this machine"))
     (t (let ((host (match-string 1 template))
               (path (or (match-string 2 template) "")))
           (setf (mew-submit-sign-in-listener flow)
                 (mew-submit-loopback--start
                  (equal host "localhost")
                  (apply-partially #'mew-submit-sign-in--visit flow))
                 (mew-submit-sign-in-state flow) (mew-submit-random--text)
                 (mew-submit-sign-in-verifier flow) (mew-submit-random--text)
                 (mew-submit-sign-in-redirect flow)
                 (format "http://%s:%d%s" host
                         (mew-submit-loopback-port (mew-submit-sign-in-listener flow))
                         path))
           (mew-submit-sign-in--show flow (mew-submit-sign-in--new-start flow))
           (mew-submit-sign-in--later
            flow 0 (apply-partially #'mew-submit-sign-in-view--beside
                                    #'mew-submit-sign-in--browse)))))))

;;; In a browser anywhere

(defun mew-submit-sign-in--by-code (flow)
  "Have the user of FLOW sign in with a code, in a browser anywhere."
  (mew-submit-sign-in--post
   flow (mew-submit-issuer-device (mew-submit-sign-in-issuer flow))
   `(("scope" . ,(mew-submit-sign-in--scope flow)))
   (lambda (answer)
     (let* ((issuer (mew-submit-sign-in-issuer flow))
            (object (and (plist-get answer :body)
                         (mew-submit-https--json (plist-get answer :body))))
            (device (and (eql (plist-get answer :status) 200)
                         (mew-submit-https--text object "device_code")))
            (code (mew-submit-https--text object "user_code" 100))
            (url (or (mew-submit-https--text object "verification_uri")
                     (mew-submit-https--text object "verification_url")))
            (all (mew-submit-https--text object "verification_uri_complete"))
            (seconds (mew-submit-https--number object "expires_in")))
       (cond ((and (null (mew-submit-sign-in-method flow))
                   (mew-submit-issuer-authorize issuer)
                   (mew-submit-issuer--no-codes-p object answer))
              (mew-submit-sign-in--by-browser flow))
             ((not (and device code (mew-submit-https--parse url)))
              (mew-submit-sign-in--fail
               flow "%s" (mew-submit-issuer--no-code object answer issuer
                                                     (mew-submit-sign-in-client flow))))
             ((not (mew-submit-issuer--own-page-p issuer url))
              (mew-submit-sign-in--foreign flow url))
             (t (mew-submit-sign-in--show
                 flow (list :step 'code :code (mew-submit-error--clean code) :url url
                            :complete (and (mew-submit-issuer--own-page-p issuer all) all)))
                (mew-submit-sign-in--poll-later
                 flow device
                 (max 1 (min 60 (or (mew-submit-https--number object "interval") 5)))
                 (+ (float-time) (min (or seconds 600) mew-submit-sign-in-timeout)))))))))

(defun mew-submit-sign-in--poll-later (flow device interval end)
  "Ask in INTERVAL seconds whether the user of FLOW has typed the code of DEVICE.
That is until END."
  (mew-submit-sign-in--later
   flow interval
   (lambda (flow)
     (if (> (float-time) end)
         (mew-submit-sign-in--expired flow)
       (mew-submit-sign-in--post
        flow (mew-submit-issuer-token (mew-submit-sign-in-issuer flow))
        `(("grant_type" . "urn:ietf:params:oauth:grant-type:device_code")
          ("device_code" . ,device))
        (apply-partially #'mew-submit-sign-in--polled flow device interval end))))))

(defun mew-submit-sign-in--expired (flow)
  "End FLOW: nobody has typed its code in time."
  (mew-submit-sign-in--fail
   flow "The code is too old by now; M-x mew-submit-sign-in gives another one"))

(defun mew-submit-sign-in--polled (flow device interval end answer)
  "Go on with FLOW after ANSWER, to whether the code of DEVICE was typed.
INTERVAL and END are as for `mew-submit-sign-in--poll-later'."
  (let ((code (and (plist-get answer :body)
                   (mew-submit-https--text (mew-submit-https--json (plist-get answer :body))
                                          "error" 100)))
        (status (plist-get answer :status)))
    (cond ((equal code "authorization_pending")
           (mew-submit-sign-in--poll-later flow device interval end))
          ((equal code "slow_down")
           (mew-submit-sign-in--poll-later flow device (min 60 (+ interval 5)) end))
          ((member code '("expired_token" "code_expired")) (mew-submit-sign-in--expired flow))
          ;; RFC 8628, section 3.5: who cannot be reached is asked less often.
          ((or (null status) (eql status 429) (>= status 500))
           (mew-submit-sign-in--poll-later flow device (min 60 (* 2 interval)) end))
          (t (mew-submit-sign-in--take flow answer)))))

;;; The beginning

(defun mew-submit-sign-in--later (flow seconds function)
  "Call FUNCTION with FLOW in SECONDS, if that has not ended by then."
  (setf (mew-submit-sign-in-timer flow)
        (run-at-time seconds nil #'mew-submit-background--call
                     (lambda ()
                       (setf (mew-submit-sign-in-timer flow) nil)
                       (mew-submit-sign-in--call flow function flow)))))

(defun mew-submit-sign-in--no-browser-p ()
  "Is this Emacs one that cannot show a browser to its user?"
  (and (not (display-graphic-p))
       (null (getenv "DISPLAY"))
       (null (getenv "WAYLAND_DISPLAY"))
       (not (memq system-type '(darwin windows-nt ms-dos cygwin)))))

(defun mew-submit-sign-in--foreign (flow page)
  "End FLOW, whose issuer sends its users to PAGE, which is not its own."
  (mew-submit-sign-in--fail flow "%s sends you to %s, which is another service's, to sign \
in; that is how sign-ins are stolen.  If both are your provider's, name its addresses in \
the account's :oauth (:authorize-url, :device-url, :token-url)"
                            (mew-submit-sign-in--host flow)
                            (mew-submit-https--host page)))

(defun mew-submit-sign-in--choose (flow)
  "Have the user of FLOW sign in by the way that fits, or that was asked for."
  (let* ((issuer (mew-submit-sign-in-issuer flow))
         (authorize (mew-submit-issuer-authorize issuer))
         (device (mew-submit-issuer-device issuer))
         (method (mew-submit-sign-in-method flow))
         (host (mew-submit-sign-in--host flow)))
    (cond ((and device (or (eq method 'code) (null authorize)
                           (and (null method) (mew-submit-sign-in--no-browser-p))))
           (mew-submit-sign-in--by-code flow))
          ((eq method 'code)
           (mew-submit-sign-in--fail flow "%s has no sign-in with a code; it has to be in \
a browser on this machine" host))
          (authorize (mew-submit-sign-in--by-browser flow))
          (t (mew-submit-sign-in--fail flow "%s has no way to sign in from Emacs" host)))))

(defun mew-submit-sign-in--begin (flow)
  "Begin FLOW: find its issuer, and as whom that knows us."
  (mew-submit-sign-in--show flow (list :step 'begin))
  (mew-submit-issuer--find
   (mew-submit-sign-in-keys flow) (mew-submit-sign-in--keep flow)
   (apply-partially #'mew-submit-sign-in--call flow #'mew-submit-sign-in--found flow)))

(defun mew-submit-sign-in--found (flow issuer why)
  "Go on with FLOW, whose issuer is ISSUER, or end it because of WHY."
  (if (null issuer)
      (mew-submit-sign-in--fail flow "%s" why)
    (setf (mew-submit-sign-in-issuer flow) issuer)
    (mew-submit-issuer--client
     (mew-submit-sign-in-keys flow) issuer (mew-submit-sign-in--keep flow)
     (apply-partially #'mew-submit-sign-in--call flow #'mew-submit-sign-in--known flow))))

(defun mew-submit-sign-in--known (flow client why)
  "Go on with FLOW, whose issuer knows us as CLIENT, or end it because of WHY."
  (if (null client)
      (mew-submit-sign-in--fail flow "%s" why)
    (setf (mew-submit-sign-in-client flow) client)
    (mew-submit-sign-in--choose flow)))

(defun mew-submit-sign-in--account (account oauth)
  "Return ACCOUNT, a plist, a name or an address, as a plist with :user and :oauth.
OAUTH, if non-nil, goes before what the account has; an address is signed in as
itself then.  Signal `mew-submit-config' when ACCOUNT is none, or has no :oauth
that says where to sign in."
  (let* ((plist (cond ((consp account) (mew-submit-account--copy account))
                      ((not (string-search "@" account))
                       (mew-submit-account--by-name account))
                      (oauth (list :user account))
                      (t (mew-submit-account--choose account))))
         (user (or (mew-submit-token--user plist)
                   (and (stringp account) (string-search "@" account) account))))
    (when oauth
      (setq plist (plist-put plist :oauth oauth)))
    (unless (mew-submit-token--keys plist)
      (mew-submit-account--throw
       plist "does not say where to sign in: it needs :oauth (:issuer \
\"https://id.example.org\")"))
    (unless user
      (mew-submit-account--throw plist "needs :user to sign in as"))
    (plist-put plist :user user)))

(defun mew-submit-sign-in--read-account (prompt)
  "Ask with PROMPT for an account that can sign in; return it.
Where there is one only, nobody is asked."
  (let* ((accounts (seq-filter #'mew-submit-token--keys
                               (mew-submit-error--as-user-error
                                 (mew-submit-account--all))))
         (names (mapcar (lambda (account)
                          (or (plist-get account :name)
                              (mew-submit-token--user account)
                              (plist-get account :server)
                              "an account without a name"))
                        accounts)))
    (cond ((null names)
           (user-error "No account has an :oauth that says where to sign in; the manual \
says how, under \"Signing in\""))
          ((null (cdr names)) (car accounts))
          (t (let ((name (completing-read prompt names nil t)))
               (or (seq-some (lambda (pair) (and (equal name (car pair)) (cdr pair)))
                             (cl-mapcar #'cons names accounts))
                   (user-error "No account was named")))))))

;;;###autoload
(cl-defun mew-submit-sign-in
    (account &key oauth method browse callback on-event join)
  "Sign in to ACCOUNT, for access tokens to send mail with; return at once.
ACCOUNT is the name of one in `mew-submit-accounts', an address, or a plist
like those.  Its :oauth, or OAUTH, says where: (:issuer ADDRESS :client-id ID
:scope NAMES), and what else is in the manual.  METHOD is `browser', for one on
this machine, or `code', for one anywhere; by default it is what fits.

All of it runs in the background.  CALLBACK is called once, with a plist:
`:result'  \"signed-in\", \"failed\" or \"cancelled\"
`:text'    a sentence for people: what happened, and what to do next
`:user'    who is, or is not, signed in
`:issuer'  with whom
`:kept'    non-nil when that is on disk, and not until Emacs ends only.
ON-EVENT, if non-nil, is called with plists for the user to see, instead of a
buffer that shows them: `:step' is `begin', `browser' (with :url, which was
given to the browser), `code' (with :url, :code, which the user has to type
there, and perhaps :complete, an address with the code in it), `exchange', or
`done' (with :result and :text).  BROWSE is called with an address instead of
`browse-url'.

The value is for `mew-submit-sign-in-cancel'.  A sign-in to the same account
that runs already is cancelled, or with JOIN this waits for its end.  Nothing is
signalled but `mew-submit-config', when ACCOUNT is none or does not say where to
sign in."
  (interactive (list (mew-submit-sign-in--read-account "Sign in to: ")
                     :method (and current-prefix-arg 'code)))
  (let* ((account (if (called-interactively-p 'any)
                      (mew-submit-error--as-user-error
                        (mew-submit-sign-in--account account oauth))
                    (mew-submit-sign-in--account account oauth)))
         (id (mew-submit-token--id account))
         (running (seq-find (lambda (other)
                              (equal id (mew-submit-token--id
                                         (mew-submit-sign-in-account other))))
                            mew-submit-sign-in--all)))
    (if (and running join)
        (mew-submit-sign-in--join running callback)
      (when running
        (mew-submit-sign-in-cancel running))
      (mew-submit-sign-in--start
       (mew-submit-sign-in--make
        :account account :keys (mew-submit-token--keys account)
        :method method :browse browse :on-event on-event
        :callback (or callback #'ignore))))))

(defun mew-submit-sign-in--join (flow callback)
  "Have CALLBACK, too, hear of the end of FLOW; return FLOW."
  (let ((first (mew-submit-sign-in-callback flow)))
    (setf (mew-submit-sign-in-callback flow)
          (lambda (result)
            (unwind-protect
                (funcall first result)
              (funcall callback result))))
    flow))

(defun mew-submit-sign-in--start (flow)
  "Start FLOW, and return it."
  (push flow mew-submit-sign-in--all)
  (setf (mew-submit-sign-in-deadline flow)
        (run-at-time mew-submit-sign-in-timeout nil #'mew-submit-background--call
                     #'mew-submit-sign-in--fail flow "Nobody has finished the \
sign-in; M-x mew-submit-sign-in begins again"))
  (mew-submit-background--load
   '(browse-url)
   (lambda () (mew-submit-sign-in--call flow #'mew-submit-sign-in--begin flow)))
  flow)

;;;###autoload
(defun mew-submit-sign-in-cancel (&optional flow)
  "Cancel FLOW, a sign-in under way, or all; what was begun is closed."
  (interactive (unless (mew-submit-sign-in--running) (user-error "No sign-in is under way")))
  (dolist (one (if flow (list flow) (mew-submit-sign-in--running)))
    (mew-submit-sign-in--end one "cancelled" "The sign-in was cancelled")))

;;;###autoload
(defun mew-submit-sign-in-show ()
  "Show once more what a sign-in that is under way waits for."
  (interactive)
  (let ((flow (or (car mew-submit-sign-in--all)
                  (user-error "No sign-in is under way"))))
    (mew-submit-sign-in--display flow (copy-sequence (or (mew-submit-sign-in-shown flow)
                                                         '(:step begin))))
    (pop-to-buffer "*mew-submit sign-in*")))

;;;###autoload
(cl-defun mew-submit-sign-out (account &key callback)
  "Sign out of ACCOUNT: forget its tokens, here and at the issuer.
ACCOUNT is as for `mew-submit-sign-in'.  CALLBACK is called with nil, or with
what could not be done, in words.  The command may ask for a passphrase."
  (interactive (list (mew-submit-sign-in--read-account "Sign out of: ")))
  (let ((account (mew-submit-error--as-user-error
                   (mew-submit-sign-in--account account nil))))
    (mew-submit-token--remove
     account
     (or callback
         (lambda (why)
           (message "%s" (or why (format "%s is signed out" (mew-submit-token--user account))))))
     (called-interactively-p 'any))))

(provide 'mew-submit-sign-in)
;;; mew-submit-sign-in.el ends here
