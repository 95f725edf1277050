;;; mew-submit-sign-in-tests.el --- Tests for signing in -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Sign-ins with an issuer of test/issuer, by browser and by code, up to a mail that a
;; server takes with the token; and what attackers do to them.

;;; Code:

(require 'ert)
(require 'mew-submit)
(require 'mew-submit-sign-in)
(require 'mew-submit-test-helpers)

(require 'mew-submit-issuer-test "issuer/issuer.el")

(defconst mew-submit-sign-in-tests--token "ya29.T0ken-good_abcdefghijklmnop~+/=="
  "The token that the mail server takes.")

;;; From nothing to a mail

(ert-deftest mew-submit-sign-in-tests-to-a-mail ()
  "Who signs in with a browser, or with a code, sends mail with the token."
  :tags '(:module)
  (mew-submit-issuer-test-with issuer
    (mew-submit-test-with-peer
        (peer "--user" "me@x" "--password" mew-submit-sign-in-tests--token
              "127.0.0.1:0,name=x,mechs=XOAUTH2" "127.0.0.1:0,name=b,mechs=OAUTHBEARER")
      (mew-submit-issuer-test-behave issuer :access mew-submit-sign-in-tests--token
                                     :device_answers ["authorization_pending"])
      (pcase-dolist (`(,name ,method ,mechanism)
                     '(("x" browser "XOAUTH2") ("b" code "OAUTHBEARER")))
        (ert-info (name)
          (mew-submit-issuer-test-forget)
          (let* ((account (apply #'mew-submit-issuer-test-account issuer
                                 (mew-submit-test-account peer name)))
                 (result (mew-submit-issuer-test-sign-in account :method method)))
            (should (equal (list (plist-get result :result) (plist-get result :text))
                           (list "signed-in" "me@x is signed in at localhost")))
            (should (plist-get result :kept))
            ;; Another Emacs has to renew it.
            (dolist (new '(nil t))
              (when new
                (mew-submit-issuer-test-forget))
              (let ((done (mew-submit-test-run
                           account "From: me@x\nTo: a@x\n\nbody\n"
                           :on-ask #'mew-submit-dialog--answer)))
                (should (equal (plist-get done :result) "delivered"))
                (should (equal (plist-get done :auth) mechanism)))))))
      (should-not (mew-submit-test-violations peer)))))

;;; What comes to the listener

(defun mew-submit-sign-in-tests--ask (url-or-port &rest octets)
  "Send OCTETS, or else a plain request for URL-OR-PORT; return what is answered.
With OCTETS it is the port."
  (let* ((text "")
         (url (and (stringp url-or-port) (url-generic-parse-url url-or-port)))
         (port (if url (url-port url) url-or-port))
         (process (make-network-process
                   :name "ask" :noquery t :host "127.0.0.1" :service port :coding 'binary
                   :filter (lambda (_ chunk) (setq text (concat text chunk)))
                   :sentinel #'ignore)))
    (process-send-string process
                         (if url
                             (format "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"
                                     (url-filename url) port)
                           (string-join octets)))
    (mew-submit-test-until ("an answer of the listener")
      (not (process-live-p process)))
    (while (accept-process-output process 0))
    text))

(cl-defstruct (mew-submit-sign-in-tests--try (:copier nil))
  flow result start back address)

(defun mew-submit-sign-in-tests--begin (issuer &rest keys)
  "Begin to sign in at ISSUER; KEYS are for `mew-submit-sign-in'.
Return a try, as far as a browser has it when it is at the issuer."
  (let* ((try (make-mew-submit-sign-in-tests--try))
         (flow (apply #'mew-submit-sign-in (mew-submit-issuer-test-account issuer)
                      (append keys
                              (list :on-event #'ignore :method 'browser
                                    :browse (lambda (url)
                                              (setf (mew-submit-sign-in-tests--try-start try)
                                                    url))
                                    :callback
                                    (lambda (end)
                                      (setf (mew-submit-sign-in-tests--try-result try)
                                            end)))))))
    (setf (mew-submit-sign-in-tests--try-flow try) flow)
    (mew-submit-test-until ("the page to begin with")
      (or (mew-submit-sign-in-tests--try-start try)
          (mew-submit-sign-in-tests--try-result try)))
    (when (mew-submit-sign-in-tests--try-start try)
      (let* ((answer (mew-submit-sign-in-tests--ask (mew-submit-sign-in-tests--try-start try)))
             (address (and (string-match "^Location: \\([^\r\n]*\\)" answer)
                           (match-string 1 answer))))
        (setf (mew-submit-sign-in-tests--try-address try)
              (mew-submit-loopback--query (cadr (split-string address "?")))
              (mew-submit-sign-in-tests--try-back try)
              (alist-get "redirect_uri" (mew-submit-sign-in-tests--try-address try)
                         nil nil #'equal))))
    try))

(defun mew-submit-sign-in-tests--state (try)
  "Return the state of TRY, as an issuer sees it."
  (alist-get "state" (mew-submit-sign-in-tests--try-address try) nil nil #'equal))

(defun mew-submit-sign-in-tests--come-back (try query)
  "Have a browser come back from TRY with QUERY; return what it is answered."
  (mew-submit-sign-in-tests--ask (concat (mew-submit-sign-in-tests--try-back try) "?"
                                         query)))

(ert-deftest mew-submit-sign-in-tests-no-answers ()
  "What is no answer to us changes nothing: the right one comes, and counts."
  (mew-submit-issuer-test-with issuer
    (let* ((try (mew-submit-sign-in-tests--begin issuer))
           (state (mew-submit-sign-in-tests--state try))
           (iss (mew-submit-issuer-test-url issuer))
           (port (url-port (url-generic-parse-url
                            (mew-submit-sign-in-tests--try-back try)))))
      (should (string-match-p "\\`http://127\\.0\\.0\\.1:[0-9]+/\\'"
                              (mew-submit-sign-in-tests--try-back try)))
      (pcase-dolist
          (`(,_row ,query)
           `(("Q1 no state" "code=x")
             ("Q1 no parameters" "")
             ("Q2 another state" "code=x&state=abcdefghijklmnopqrstuvwxyz")
             ("Q2 an empty state" "code=x&state=")
             ("Q2 the beginning of the state"
              ,(concat "code=x&state=" (substring state 0 -1)))
             ("Q2 more than the state" ,(concat "code=x&state=" state "x"))
             ("Q2 the state in other letters"
              ,(concat "code=x&state=" (if (equal state (upcase state)) (downcase state)
                                         (upcase state))))
             ("Q2 the state and a NUL" ,(concat "code=x&state=" state "%00"))
             ("Q4 the state twice" ,(format "code=x&state=%s&state=%s" state state))
             ("Q4 the code twice" ,(format "code=x&code=y&state=%s" state))
             ("Q4 the issuer twice"
              ,(format "code=x&state=%s&iss=%s&iss=https://evil.example" state iss))
             ("Q12 thousands of parameters"
              ,(mapconcat (lambda (number) (format "%x" number))
                          (number-sequence 1 3500) "&"))
             ("Q5 a refusal without state" "error=access_denied")
             ("Q5 a refusal with another state" "error=access_denied&state=x")
             ("Q8 octets that are no UTF-8" "code=%ff%fe&state=%ff")))
        (let ((answer (mew-submit-sign-in-tests--come-back try query)))
          (should (string-match-p "\\`HTTP/1\\.1 40[04]" answer))
          (should-not (mew-submit-sign-in-tests--try-result try))))
      (pcase-dolist
          (`(,_row ,octets ,status)
           `(("Q11 by another name, as after DNS rebinding"
              ,(format "GET /?code=x&state=%s HTTP/1.1\r\nHost: evil.example:%d\r\n\r\n"
                       state port)
              "421")
             ("Q11 without a name"
              ,(format "GET /?code=x&state=%s HTTP/1.1\r\n\r\n" state) "421")
             ("Q11 another port in the name"
              ,(format "GET /?state=%s HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n" state) "421")
             ("Q12 a POST"
              ,(format "POST /?code=x&state=%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"
                       state port)
              "405")
             ("Q12 no HTTP" "\0\1\2\3\r\n\r\n" "405")
             ("Q12 an address of somebody else's"
              ,(format "GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" port)
              "405")
             ("Q12 a header that is too long" ,(make-string 20000 ?a) "431")
             ("Q12 another page"
              ,(format "GET /favicon.ico HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" port)
              "404")))
        (should (string-prefix-p (concat "HTTP/1.1 " status)
                                 (mew-submit-sign-in-tests--ask port octets)))
        (should-not (mew-submit-sign-in-tests--try-result try)))
      ;; "Q12 more connections than are held": those that say nothing are let go.
      (let ((silent (cl-loop repeat 40 collect
                             (make-network-process :name "silent" :noquery t :nowait t
                                                   :host "127.0.0.1" :service port))))
        (mew-submit-test-until ("some to be let go")
          (seq-remove #'process-live-p silent))
        (mapc #'delete-process silent))
      (mew-submit-test-until ("the others to have left")
        (null (mew-submit-loopback-guests
               (mew-submit-sign-in-listener (mew-submit-sign-in-tests--try-flow try)))))
      (should-not (mew-submit-issuer-test-log issuer "post"))
      ;; The right one.
      (mew-submit-issuer-test-browse
       (concat iss "/authorize?"
               (mew-submit-https--query (mew-submit-sign-in-tests--try-address try))))
      (mew-submit-test-until ("the end")
        (mew-submit-sign-in-tests--try-result try))
      (should (equal (plist-get (mew-submit-sign-in-tests--try-result try) :result)
                     "signed-in"))
      ;; "Q3 the right one again": nobody listens any more.
      (should-error (mew-submit-sign-in-tests--come-back
                     try (format "code=x&state=%s&iss=%s" state iss))))))

(ert-deftest mew-submit-sign-in-tests-wrong-answers ()
  "An answer to us that is not right ends the sign-in, in words, without a request."
  (mew-submit-issuer-test-with issuer
    (pcase-dolist
        (`(,row ,query ,words)
         `(("Q6 of another issuer" "code=x&iss=https://evil.example" "another service")
           ("Q6 of one whose name begins alike" ,(format "code=x&iss=%s.evil.example"
                                                         (mew-submit-issuer-test-url issuer))
            "another service")
           ("Q6 of this one, with a slash" ,(format "code=x&iss=%s/"
                                                    (mew-submit-issuer-test-url issuer))
            "another service")
           ("Q7 of nobody" "code=x" "does not say that it comes from")
           ("Q5 a refusal" "error=access_denied&iss=ISS" "was told no")
           ("Q5 another one" "error=server_error&iss=ISS" "does not let you sign in")
           ("Q37 one with a page and a secret in it"
            "error=x&iss=ISS&error_description=%3Cscript%3Ealert(1)%3C/script%3E%0Aabcdefghijklmnopqrstuvwxyz"
            "does not let you sign in")
           ("Q8 no code" "iss=ISS" "without a code")
           ("Q8 an empty code" "code=&iss=ISS" "without a code")
           ("Q8 a code with a line end" "code=a%0d%0ab&iss=ISS" "without a code")
           ("Q8 a code with a NUL" "code=a%00b&iss=ISS" "without a code")
           ("Q8 a huge code" ,(concat "iss=ISS&code=" (make-string 5000 ?a))
            "without a code")))
      (ert-info (row)
        (let* ((try (mew-submit-sign-in-tests--begin issuer))
               (page (mew-submit-sign-in-tests--come-back
                      try (concat "state=" (mew-submit-sign-in-tests--state try) "&"
                                  (string-replace "ISS" (mew-submit-issuer-test-url issuer)
                                                  query))))
               (result (mew-submit-sign-in-tests--try-result try)))
          (should (equal (plist-get result :result) "failed"))
          (should (string-search words (plist-get result :text)))
          (should-not (string-match-p "[\n\r]\\|abcdefghij" (plist-get result :text)))
          (should (string-search "You are not signed in" page))
          (should-not (string-search "<script" page))
          (should (string-search "Content-Security-Policy: default-src 'none'" page)))))
    (should-not (mew-submit-issuer-test-log issuer "post"))
    (should-not (mew-submit-sign-in--running))))

(ert-deftest mew-submit-sign-in-tests-injected-code ()
  "\"Q9 a code that another process has got\" is of no use to it, nor to us."
  (skip-unless (executable-find "curl"))
  (mew-submit-issuer-test-with issuer
    (let* ((try (mew-submit-sign-in-tests--begin issuer))
           ;; It has seen all that the issuer was shown, and has a code of its own.
           (other (mew-submit-sign-in-tests--ask-issuer
                   issuer (cons '("code_challenge" . "of-somebody-else")
                                (assoc-delete-all
                                 "code_challenge"
                                 (mew-submit-sign-in-tests--try-address try))))))
      (mew-submit-sign-in-tests--come-back try other)
      (mew-submit-test-until ("the end")
        (mew-submit-sign-in-tests--try-result try))
      (should (equal (plist-get (mew-submit-sign-in-tests--try-result try) :result)
                     "failed"))
      (should (equal 400 (plist-get (car (last (mew-submit-issuer-test-log issuer "answer")))
                                    :status))))))

(defun mew-submit-sign-in-tests--ask-issuer (issuer parameters)
  "Return the query that ISSUER sends a browser back with that has PARAMETERS."
  (with-temp-buffer
    (let ((parameters (cons (cons "redirect_uri" "http://127.0.0.1:1/")
                            (assoc-delete-all "redirect_uri" parameters))))
      (call-process "curl" nil t nil "--silent" "--cacert" (car gnutls-trustfiles)
                    "--output" null-device "--write-out" "%{redirect_url}"
                    (concat (mew-submit-issuer-test-url issuer) "/authorize?"
                            (mew-submit-https--query parameters))))
    (cadr (split-string (buffer-string) "?"))))

(ert-deftest mew-submit-sign-in-tests-first-page ()
  "\"Q10 the first page, seen by somebody else\": the user is told; again means another."
  (mew-submit-issuer-test-with issuer
    (let* ((try (mew-submit-sign-in-tests--begin issuer))
           (start (mew-submit-sign-in-tests--try-start try)))
      ;; What everybody can see tells nothing of the sign-in.
      (should-not (string-search (mew-submit-sign-in-tests--state try) start))
      (let ((page (mew-submit-sign-in-tests--ask start)))
        (should (string-prefix-p "HTTP/1.1 404" page))
        (should (string-search "good for one visit" page))
        (should-not (string-search "Location" page)))
      (mew-submit-sign-in--open (mew-submit-sign-in-tests--try-flow try))
      ;; A browser that looks ahead has not been told to go there.
      (pcase-let* ((url (url-generic-parse-url (mew-submit-sign-in-tests--try-start try)))
                   (asked (format "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                                  (url-filename url) (url-port url))))
        (dolist (field '("Sec-Purpose: prefetch;prerender" "Purpose: prefetch"
                         "X-moz: prefetch"))
          (should (string-prefix-p "HTTP/1.1 503"
                                   (mew-submit-sign-in-tests--ask
                                    (url-port url) asked field "\r\n\r\n")))))
      (should-not (equal start (mew-submit-sign-in-tests--try-start try)))
      (should (string-prefix-p "HTTP/1.1 302"
                               (mew-submit-sign-in-tests--ask
                                (mew-submit-sign-in-tests--try-start try))))
      (should-not (mew-submit-sign-in-tests--try-result try)))))

(defun mew-submit-sign-in-tests--load (url)
  "Have a browser load URL; return its process, with what comes as :text."
  (let ((place (url-generic-parse-url url))
        process)
    (setq process (make-network-process
                   :name "load" :noquery t :host "127.0.0.1" :service (url-port place)
                   :coding 'binary :sentinel #'ignore
                   :filter (lambda (process chunk)
                             (process-put process :text
                                          (concat (process-get process :text) chunk)))))
    (process-send-string process (format "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"
                                         (url-filename place) (url-port place)))
    process))

(ert-deftest mew-submit-sign-in-tests-page-loaded-again ()
  "A browser that loads the last page once more, while that is waited for, sees it.
It was told that there is nothing any more, and to begin again."
  (mew-submit-issuer-test-with issuer
    (mew-submit-issuer-test-behave issuer :token-raw "hang")
    (let* ((try (mew-submit-sign-in-tests--begin issuer))
           (flow (mew-submit-sign-in-tests--try-flow try))
           (page (format "%s?code=c&state=%s&iss=%s" (mew-submit-sign-in-tests--try-back try)
                         (mew-submit-sign-in-tests--state try)
                         (mew-submit-issuer-test-url issuer)))
           (first (mew-submit-sign-in-tests--load page)))
      (mew-submit-test-until ("the code to be used")
        (mew-submit-issuer-test-log issuer "post" "/token"))
      (let ((again (mew-submit-sign-in-tests--load page)))
        (mew-submit-test-until ("it to wait for the end, too")
          (or (process-get again :text) (cdr (mew-submit-sign-in-pages flow))))
        ;; Whoever does not know what was sent learns nothing.
        (should (string-prefix-p "HTTP/1.1 404"
                                 (mew-submit-sign-in-tests--come-back try "code=c&state=x")))
        (should (string-prefix-p "HTTP/1.1 404" (mew-submit-sign-in-tests--come-back try "x")))
        (mew-submit-sign-in-cancel flow)
        (dolist (process (list first again))
          (mew-submit-test-until ("the last page")
            (string-search "The sign-in was cancelled"
                           (or (process-get process :text) "")))))
      (should (= 1 (length (mew-submit-issuer-test-log issuer "post" "/token")))))))

(ert-deftest mew-submit-sign-in-tests-ends ()
  "A listener ends with its sign-in, and that ends in time, or when it is cancelled."
  (mew-submit-issuer-test-with issuer
    (let ((try (mew-submit-sign-in-tests--begin issuer)))
      (ert-info ("Q13 a second sign-in to the same account")
        (let ((second (mew-submit-sign-in-tests--begin issuer)))
          (should (equal (plist-get (mew-submit-sign-in-tests--try-result try) :result)
                         "cancelled"))
          (should-error (mew-submit-sign-in-tests--come-back try "code=x"))
          (should (= 1 (length (mew-submit-sign-in--running))))
          (setq try second)))
      (ert-info ("Q14 it is cancelled")
        (mew-submit-sign-in-cancel)
        (should (equal (plist-get (mew-submit-sign-in-tests--try-result try) :result)
                       "cancelled"))
        (should-error (mew-submit-sign-in-tests--come-back try "code=x"))))
    (ert-info ("Q14 nobody finishes it")
      (let* ((mew-submit-sign-in-timeout 3)
             (try (mew-submit-sign-in-tests--begin issuer)))
        (mew-submit-test-until ("it to be over")
          (mew-submit-sign-in-tests--try-result try))
        (should (string-search "Nobody has finished"
                               (plist-get (mew-submit-sign-in-tests--try-result try) :text)))
        (should-error (mew-submit-sign-in-tests--come-back try "code=x"))))
    (ert-info ("Q14 it is cancelled at every step")
      (dolist (step '(begin browser exchange))
        (let* (result flow)
          (setq flow (mew-submit-sign-in
                      (mew-submit-issuer-test-account issuer) :method 'browser
                      :browse #'mew-submit-issuer-test-browse
                      :callback (lambda (end) (push end result))
                      :on-event (lambda (event)
                                  (when (eq (plist-get event :step) step)
                                    (mew-submit-sign-in-cancel)))))
          (mew-submit-test-until ("the end")
            result)
          (should (equal (mapcar (lambda (end) (plist-get end :result)) result)
                         '("cancelled")))
          (should-not (mew-submit-sign-in-listener flow))
          (should-not (mew-submit-sign-in-exchange flow)))))
    ;; One whose name was looked up when it was given up ends after that.
    (mew-submit-test-until ("the connections to be gone")
      (not (seq-some (lambda (process)
                       (string-match-p "mew-submit \\(https\\|sign-in\\)"
                                       (process-name process)))
                     (process-list))))))

;;; The browser

(ert-deftest mew-submit-sign-in-tests-no-code-for-mail ()
  "Where no browser can be shown here, and there is no code either, it is a browser.
So it is with Google, which has codes, and none for mail; who asks for a code
hears why there is none."
  (mew-submit-issuer-test-with issuer
    (let ((process-environment (append '("DISPLAY" "WAYLAND_DISPLAY") process-environment)))
      (pcase-dolist (`(,status ,error)
                     '((400 "invalid_scope") (400 "unauthorized_client")
                       (401 "invalid_client")))
        (ert-info (error)
          (mew-submit-issuer-test-forget)
          (mew-submit-issuer-test-behave
           issuer :device-raw (list :status status
                                    :body (format "{\"error\":\"%s\"}" error)))
          (let* (flow words
                 (result (mew-submit-issuer-test-sign-in
                          (mew-submit-issuer-test-account issuer)
                          :on-event (lambda (event)
                                      (when (eq (plist-get event :step) 'browser)
                                        (setq flow (car (mew-submit-sign-in--running))
                                              words (mew-submit-sign-in--words
                                                     flow event)))))))
            (should (equal (plist-get result :result) "signed-in"))
            (should (string-match "ssh -L \\([0-9]+\\):127[.]0[.]0[.]1:\\1\\>" words))
            (should (string-search (format "127.0.0.1:%s/" (match-string 1 words))
                                   (substring words (match-end 0)))))))
      (mew-submit-issuer-test-behave issuer :device-raw '(:status 503 :body "{}"))
      (should (equal (car (mew-submit-sign-in-tests--text issuer :method nil)) "failed"))
      (should-not (mew-submit-issuer-test-log issuer "get" "/x")))))

(ert-deftest mew-submit-sign-in-tests-code-in-no-argument ()
  "A code that the user has to type is in no argument of a browser."
  (mew-submit-issuer-test-with issuer
    (mew-submit-issuer-test-behave
     issuer :device_answers (make-vector 100 "authorization_pending")
     :device (list :verification_uri_complete
                   (concat (mew-submit-issuer-test-url issuer) "/go?code=WDJB-MJHT")))
    (let* (opened shown
           (flow (mew-submit-sign-in
                  (mew-submit-issuer-test-account issuer) :method 'code
                  :browse (lambda (url) (push url opened))
                  :on-event (lambda (event) (setq shown event)))))
      (mew-submit-test-until ("the code")
        (eq (plist-get shown :step) 'code))
      (mew-submit-sign-in--open flow)
      (mew-submit-sign-in-cancel flow)
      (should (equal opened (list (concat (mew-submit-issuer-test-url issuer) "/go")))))))

(ert-deftest mew-submit-sign-in-tests-browser-in-emacs ()
  "A browser in Emacs, such as eww, does not take the window that the user types in."
  (mew-submit-issuer-test-with issuer
    (save-window-excursion
      (dolist (window '(same other))
        (ert-info ((format "%s" window))
          (delete-other-windows)
          (switch-to-buffer (get-buffer-create "draft"))
          (let* (directory
                 (draft (selected-window))
                 (flow (mew-submit-sign-in
                        (mew-submit-issuer-test-account issuer)
                        :method 'browser :on-event #'ignore
                        :browse (lambda (_)
                                  (setq directory default-directory)
                                  (if (eq window 'same)
                                      (pop-to-buffer-same-window "*page*")
                                    (pop-to-buffer "*page*" '(nil (inhibit-same-window . t))))))))
            (get-buffer-create "*page*")
            (let ((default-directory "/no such directory/"))
              (mew-submit-test-until ("the page")
                (get-buffer-window "*page*")))
            (should (file-directory-p directory))
            (should (eq (selected-window) draft))
            (should (equal (buffer-name (window-buffer)) "draft"))
            (should-not (eq (get-buffer-window "*page*") draft))
            (mew-submit-sign-in-cancel flow)
            (kill-buffer "*page*")
            (kill-buffer "draft")))))))

;;; What issuers say

(defun mew-submit-sign-in-tests--text (issuer &rest keys)
  "Sign in at ISSUER, with KEYS, and return the result and the words: (RESULT TEXT)."
  (let ((result (apply #'mew-submit-issuer-test-sign-in
                       (mew-submit-issuer-test-account issuer)
                       (append keys '(:method browser)))))
    (list (plist-get result :result) (plist-get result :text))))

(ert-deftest mew-submit-sign-in-tests-issuers ()
  "What an issuer says of itself is believed if it is safe, and it is the right one."
  (mew-submit-issuer-test-with issuer
    (pcase-dolist
        (`(,row ,behaviour ,words)
         `(("Q15 of another issuer" (:metadata (:issuer "https://evil.example"))
            "speaks for https://evil.example, another issuer")
           ("Q15 of one with more to its name" (:metadata (:issuer "BASE/x"))
            "another issuer")
           ("Q15 of all tenants" (:metadata (:issuer "BASE/{tenantid}/v2.0"))
            "another issuer")
           ("Q15 of nobody" (:metadata (:issuer :null)) "does not say who it is")
           ("Q16 tokens in the clear"
            (:metadata (:token_endpoint "http://localhost.example/token"))
            "no safe address for tokens")
           ("Q16 tokens nowhere" (:metadata (:token_endpoint :null))
            "no safe address for tokens")
           ("Q16 the page in the clear"
            (:metadata (:authorization_endpoint "http://evil.example/"
                        :device_authorization_endpoint :null))
            "no way to sign in")
           ("Q17 a user in the address"
            (:metadata (:token_endpoint "https://localhost@evil.example/token"))
            "no safe address")
           ("Q17 a line end in the address"
            (:metadata (:token_endpoint "BASE/token\r\nX: y")) "no safe address")
           ("Q17 a fragment" (:metadata (:token_endpoint "BASE/token#x"))
            "no safe address")
           ("Q17 letters that look like others"
            (:metadata (:token_endpoint "https://gооgle.example/token"))
            "no safe address")
           ("Q17 port 0" (:metadata (:token_endpoint "https://localhost:0/token"))
            "no safe address")
           ("Q17 a page that runs a script"
            (:metadata (:authorization_endpoint "javascript:alert(1)"
                        :device_authorization_endpoint :null))
            "no way to sign in")
           ("Q41 a page of another service, whose answers nobody can tell"
            (:metadata (:authorization_endpoint "https://accounts.google.com/o/auth?x=y"
                        :authorization_response_iss_parameter_supported :null
                        :device_authorization_endpoint :null))
            "another service's, to sign in")
           ("Q18 no S256" (:metadata (:code_challenge_methods_supported ["plain"]))
            "no PKCE")
           ("Q18 tokens in the address only"
            (:metadata (:response_types_supported ["token"]
                        :device_authorization_endpoint :null))
            "no kind of sign-in")
           ("Q19 a redirect" (:well-known (:status 302 :body "{}"
                                           :fields (:Location "https://evil.example/")))
            "sends us on")
           ("Q19 a redirect to itself" (:well-known "loop") "sends us on")
           ("Q20 without an end" (:well-known "endless") "more than is read")
           ("Q20 deep" (:well-known (:body ,(concat (make-string 30000 ?\[)
                                                    (make-string 30000 ?\]))))
            "nothing that can be read")
           ("Q20 deep, without an end" (:well-known (:body ,(make-string 60000 ?\{)))
            "nothing that can be read")
           ("Q20 no JSON" (:well-known (:body "<html>Please log in to this hotel</html>"))
            "nothing that can be read")
           ("Q20 no object" (:well-known (:body "[1]")) "nothing that can be read")
           ("Q20 a text without an end" (:well-known (:body "{\"issuer\":\"BASE"))
            "nothing that can be read")
           ("Q20 something behind it" (:well-known (:body "{\"issuer\":\"BASE\"} x"))
            "nothing that can be read")
           ("Q20 a number for a name" (:well-known (:body "{\"issuer\":7}"))
            "does not say who it is")
           ("Q20 a list for a page"
            (:metadata (:authorization_endpoint ["x"] :device_authorization_endpoint :null))
            "no way to sign in")
           ("Q21 cut off" (:well-known (:octets "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"))
            "before its answer was whole")
           ("Q21 no HTTP" (:well-known (:octets "220 smtp.example.org\r\n\r\n"))
            "does not speak HTTP")
           ("Q21 chunks that make no sense"
            (:well-known (:octets "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"))
            "before its answer was whole")
           ("Q21 nothing" (:well-known "drop") "before its answer was whole")
           ("Q21 there is none" (:well-known (:status 404 :body "<html>"))
            "(status 404): look at :issuer")
           ("Q21 it is down" (:well-known (:status 503 :body "<html>")) "try again later")
           ("Q21 no such tenant"
            (:well-known (:status 400 :body "{\"error\":\"invalid_tenant\",\
\"error_description\":\"AADSTS90002: Tenant 'x' not found.\"}"))
            "Tenant 'x' not found): look at :issuer")
           ("Q21 silence" (:well-known "hang") "did not answer in time")))
      (ert-info (row)
        (apply #'mew-submit-issuer-test-behave issuer behaviour)
        (pcase-let* ((mew-submit-https--timeout (if (equal words "did not answer in time") 1
                                                  mew-submit-https--timeout))
                     (`(,result ,text) (mew-submit-sign-in-tests--text issuer)))
          (should (equal result "failed"))
          (should (string-search words text))
          (should-not (string-match-p "[\n\r]" text)))))
    (should-not (mew-submit-issuer-test-log issuer "post"))
    (should-not (mew-submit-issuer-test-log issuer "get" "/authorize"))
    (ert-info ("lawful oddities")
      (pcase-dolist (`(,row ,behaviour)
                     '(("in chunks" (:chunked 7))
                       ("where OpenID Connect has it" (:oidc 404))
                       ("there, and who asks elsewhere is sent to a page" (:oidc 302))
                       ("it says little"
                        (:metadata (:response_types_supported :null
                                    :code_challenge_methods_supported :null
                                    :scopes_supported :null)))
                       ("it does not name itself in answers"
                        (:back (:iss :null)
                         :metadata (:authorization_response_iss_parameter_supported
                                    :null)))))
        (ert-info (row)
          (apply #'mew-submit-issuer-test-behave issuer behaviour)
          (should (equal (car (mew-submit-sign-in-tests--text issuer)) "signed-in")))))))

(ert-deftest mew-submit-sign-in-tests-pages ()
  "SECURITY: Q41.  One signs in at the issuer's own page, or answers have to name it."
  (pcase-dolist
      (`(,name ,page ,more ,own ,answers)
       '(("https://id.example" "https://id.example/a" nil t t)
         ("https://id.example/realms/x" "https://id.example:8443/a" nil t t)
         ("https://id.example" "https://go.id.example/a" nil t t)
         ("https://id.example" "https://evilid.example/a" nil nil nil)
         ("https://id.example" "https://id.example.evil/a" nil nil nil)
         ("https://go.id.example" "https://id.example/a" nil nil nil)
         ("https://id.example" "https://login.microsoftonline.com/a" nil nil nil)
         ;; Where each answer says whose it is that is seen to later.
         ("https://id.example" "https://other.example/a"
          (:says-iss t :iss "https://id.example") nil t)
         ("https://id.example/common" "https://other.example/a"
          (:says-iss t :iss "https://id.example/{tenantid}") nil nil)
         ;; A provider that is known, and the user's own words.
         ("https://accounts.google.com" "https://www.google.com/device" nil t t)
         ("https://login.microsoftonline.com/common/v2.0" "https://microsoft.com/devicelogin"
          nil t t)
         ("https://id.example" "https://other.example/a" (:named t) t t)
         ("https://id.example" "http://id.example/a" (:named t) nil nil)))
    (ert-info ((format "%s %s %S" name page more))
      (let ((issuer (apply #'mew-submit-issuer--make :name name :authorize page more)))
        (should (eq own (and (mew-submit-issuer--own-page-p issuer page) t)))
        (should (eq answers (and (mew-submit-issuer--answers-p issuer) t)))))))

(ert-deftest mew-submit-sign-in-tests-tenants ()
  "SECURITY: Q42.  Who has a name for each tenant takes no answer of somebody else's."
  (pcase-dolist
      (`(,iss ,right)
       '(("https://login.example/1234-abCD/v2.0" t)
         ("https://login.example/{tenantid}/v2.0" nil)
         ("https://login.example/a/b/v2.0" nil)
         ("https://login.example//v2.0" nil)
         ("https://loginxexample/1234/v2.0" nil)
         ("https://accounts.google.com" nil)
         ("https://evil.example/?https://login.example/1234/v2.0" nil)
         ("https://login.example/1234/v2.0\n" nil)))
    (ert-info (iss)
      (should (eq right (and (mew-submit-issuer--iss-p
                              (mew-submit-issuer--make
                               :iss "https://login.example/{tenantid}/v2.0")
                              iss)
                             t))))))

(ert-deftest mew-submit-sign-in-tests-names ()
  "An issuer is who it says it is; Microsoft's speaks for all tenants at its own place."
  (pcase-dolist
      (`(,said ,url ,same)
       '(("https://id.example" "https://id.example" t)
         ("https://id.example/" "https://id.example" t)
         ("https://id.example" "id.example" t)
         ;; As people write it, and where it is found.
         ("https://id.example" "https://ID.Example/" t)
         ("https://id.example/a" "https://ID.Example/A" nil)
         ("https://id.example" "https://id.example/.well-known/openid-configuration" t)
         ("https://id.example/a/b" "id.example/a/b/.well-known/openid-configuration" t)
         ("https://id.example/a/b"
          "https://id.example/.well-known/oauth-authorization-server/a/b" t)
         ("https://id.example/a" "https://id.example/.well-known/openid-configurations/a" nil)
         ("https://id.example/a" "https://id.example" nil)
         ("https://ID.example" "https://id.example" nil)
         ("https://login.microsoftonline.com/{tenantid}/v2.0"
          "https://login.microsoftonline.com/common/v2.0" t)
         ("https://login.microsoftonline.com/{tenantid}/v2.0"
          "https://login.microsoftonline.com/1234/v2.0" nil)
         ("https://login.microsoftonline.com/{tenantid}/v2.0"
          "https://evil.example/common/v2.0" nil)
         ("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
          "https://login.microsoftonline.com/consumers/v2.0" t)
         ("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
          "https://login.microsoftonline.com/organizations/v2.0" nil)
         ("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
          "https://evil.example/consumers/v2.0" nil)
         ("https://login.microsoftonline.com/{tenantid}/v2.0"
          "https://login.microsoftonline.com/consumers/v2.0" nil)
         ("https://{tenantid}/common/v2.0" "https://evil.example/common/v2.0" nil)))
    (ert-info ((format "%s %s" said url))
      (should (eq same (and (mew-submit-issuer--same-p said url) t)))))
  (should (equal (mew-submit-issuer--places "https://id.example:8443/realms/x")
                 '("https://id.example:8443/.well-known/oauth-authorization-server/realms/x"
                   "https://id.example:8443/realms/x/.well-known/openid-configuration"
                   "https://id.example:8443/.well-known/openid-configuration/realms/x"))))

(ert-deftest mew-submit-sign-in-tests-both-addresses ()
  "\"Q13 somebody listens at our port of ::1\": another one is taken."
  (skip-unless (mew-submit-loopback--ipv6-p))
  (let* ((listen (symbol-function 'mew-submit-loopback--listen))
         (taken nil)
         (listener
          (cl-letf (((symbol-function 'mew-submit-loopback--listen)
                     (lambda (listener host family port)
                       (if (or taken (eq family 'ipv4))
                           (funcall listen listener host family port)
                         (setq taken port)
                         (signal 'file-error '("Address already in use"))))))
            (mew-submit-loopback--start t #'ignore))))
    (unwind-protect
        (progn
          (should taken)
          (should (= 2 (length (mew-submit-loopback-servers listener))))
          (dolist (server (mew-submit-loopback-servers listener))
            (should (eql (process-contact server :service)
                         (mew-submit-loopback-port listener)))))
      (mew-submit-loopback--stop listener))))

(ert-deftest mew-submit-sign-in-tests-addresses ()
  "Only https is used, and http on this machine."
  (dolist (url '("https://id.example.org" "https://id.example.org:8443/a/b?c=d"
                 "http://127.0.0.1:80/" "http://[::1]:8080/x" "https://[2001:db8::1]/"))
    (should (mew-submit-https--parse url)))
  (dolist (url `("http://id.example.org/" "http://localhost/" "http://127.0.0.2/"
                 "http://127.0.0.1.evil.example/" "http://127.0.0.1@evil.example/"
                 "ftp://id.example.org/" "file:///etc/passwd" "javascript:alert(1)"
                 "https://" "https:///x" "https://a b/" "https://a/\n" "https://a/#b"
                 "https://a:65536/" "https://a:x/" "https://-a/" "//a/" "" nil 7
                 ,(concat "https://a/" (make-string 3000 ?a))))
    (ert-info ((format "Q17 %S" url))
      (should-not (mew-submit-https--parse url)))))

(ert-deftest mew-submit-sign-in-tests-certificates ()
  "\"Q22 a certificate that is not valid\": nobody is asked, nothing is sent."
  (mew-submit-issuer-test-with issuer
    (let ((port (url-port (url-generic-parse-url (mew-submit-issuer-test-url issuer)))))
      (cl-letf (((symbol-function 'read-multiple-choice)
                 (lambda (&rest _) (ert-fail "asked")))
                ((symbol-function 'nsm-query)
                 (lambda (&rest _) (ert-fail "asked"))))
        (ert-info ("Q22 of nobody who is trusted")
          (let ((gnutls-trustfiles (list null-device)))
            (pcase-let ((`(,result ,text) (mew-submit-sign-in-tests--text issuer)))
              (should (equal result "failed"))
              (should (string-search "cannot be reached safely" text)))))
        (ert-info ("Q22 of another name")
          (pcase-let ((`(,result ,text)
                       (mew-submit-sign-in-tests--text
                        issuer :oauth (list :issuer (format "https://127.0.0.1:%d" port)
                                            :client-id "emacs"))))
            (should (equal result "failed"))
            (should (string-search "cannot be reached safely" text)))))
      (should-not (mew-submit-issuer-test-log issuer)))))

(defun mew-submit-sign-in-tests--proxy (directory manner)
  "Start a proxy that behaves in MANNER; return (PROCESS . PORT).
DIRECTORY is for its file."
  (let* ((ready (expand-file-name manner directory))
         (process (make-process
                   :name "proxy" :noquery t :connection-type 'pipe :sentinel #'ignore
                   :command (list "python3" (expand-file-name "test/issuer/proxy"
                                                              mew-submit-test-root)
                                  ready manner))))
    (mew-submit-test-until ("the proxy")
      (file-exists-p ready))
    (cons process (mew-submit-test-octets ready))))

(ert-deftest mew-submit-sign-in-tests-proxies ()
  "The user's proxy is used; what it says itself is no answer (Q40)."
  (mew-submit-issuer-test-with issuer
    (pcase-dolist (`(,row ,manner ,result ,words)
                   '(("a good one" "good" "signed-in" "")
                     ("Q40 it says no, and wants a password" "refuse" "failed"
                      "the proxy does not let us through")
                     ("Q40 it answers itself" "inject" "failed"
                      "the proxy does not let us through")
                     ("Q40 it does not end" "endless" "failed" "more than is read")))
      (ert-info (row)
        (pcase-let* ((`(,process . ,port) (mew-submit-sign-in-tests--proxy
                                           (mew-submit-issuer-test-directory issuer) manner))
                     (url-proxy-services (list (cons "https" (concat "127.0.0.1:" port)))))
          (unwind-protect
              (pcase-let ((`(,got ,text) (mew-submit-sign-in-tests--text issuer)))
                (should (equal got result))
                (should (string-search words text)))
            (delete-process process)))))
    (dolist (proxy '("http://me:s3cret@127.0.0.1:1" "https://127.0.0.1:1" "127.0.0.1"))
      (ert-info ((format "Q40 one that cannot be used is not passed by: %s" proxy))
        (let* ((url-proxy-services nil)
               (process-environment (cons (concat "https_proxy=" proxy) process-environment))
               (text (cadr (mew-submit-sign-in-tests--text issuer))))
          (should (string-search "has to be HOST:PORT" text))
          (should-not (string-search "s3cret" text)))))
    (ert-info ("nobody is there")
      (let ((url-proxy-services '(("https" . "127.0.0.1:1"))))
        (should (equal "failed" (car (mew-submit-sign-in-tests--text issuer))))))
    (dolist (services '((("https" . "127.0.0.1:1") ("no_proxy" . "\\`localhost\\'"))
                        (("https" . ""))
                        nil))
      (let ((url-proxy-services services)
            (process-environment (append '("https_proxy=http://127.0.0.1:1"
                                           "no_proxy=example.org,localhost")
                                         process-environment)))
        (should (equal "signed-in" (car (mew-submit-sign-in-tests--text issuer))))))))

;; On a short way, natively compiled Emacs 28 never hears of one connection in a hundred.
(ert-deftest mew-submit-sign-in-tests-unnoticed-connection ()
  "A connection that does not come about is begun anew, before anything is sent."
  :tags '(:module)
  (mew-submit-issuer-test-with issuer
    (mew-submit-test-with-peer (peer "127.0.0.1:0,name=silent,silent")
      (let ((connect (symbol-function 'make-network-process))
            (port (mew-submit-test-port peer "silent"))
            (mew-submit-https--patience 0.5)
            (calls 0))
        (cl-letf (((symbol-function 'make-network-process)
                   (lambda (&rest keys)
                     (when (and (plist-get keys :nowait) (= 1 (cl-incf calls)))
                       (setq keys (plist-put (plist-put keys :host "127.0.0.1")
                                             :service port)))
                     (apply connect keys))))
          (should (equal "signed-in" (car (mew-submit-sign-in-tests--text issuer)))))
        (should (= 1 (length (mew-submit-issuer-test-log
                             issuer "get" "/.well-known/oauth-authorization-server"))))
        (should (> calls 1))))))

(defun mew-submit-sign-in-tests--fetch-past-ipv6 ()
  "Fetch what an issuer says of itself where IPv6 leads nowhere.
Return the status, and how it ends where there is no address of IPv4, and where
that leads nowhere, either."
  (let ((mew-submit-https--patience 0.5)
        (gnutls-trustfiles (list (expand-file-name "ca.pem"
                                                   (mew-submit-issuer-test--certificate))))
        (status nil))
    (mew-submit-test-with-directory directory
      (let ((issuer (mew-submit-issuer-test-start directory)))
        (unwind-protect
            (progn
              (mew-submit-https--fetch
               (concat (mew-submit-issuer-test-url issuer) "/.well-known/x")
               (lambda (answer) (setq status (plist-get answer :status))))
              (mew-submit-test-until ("the answer") status))
          (mew-submit-issuer-test-stop issuer))))
    (cons status
          (mapcar (lambda (url)
                    (let ((mew-submit-https--timeout 2)
                          (said nil))
                      (mew-submit-https--fetch
                       url (lambda (answer) (setq said (plist-get answer :error))))
                      (mew-submit-test-until ("the end") said)))
                  '("https://six.example/" "https://both.example/")))))

(ert-deftest mew-submit-sign-in-tests-no-way-by-ipv6 ()
  "Where nothing comes back over IPv6, IPv4 is tried, and where there is none that is no end."
  (skip-unless (mew-submit-issuer-test-available-p))
  (should (equal (mew-submit-test-in-network
                  "ip addr add 2001:db8::53/128 dev lo
hosts=$(mktemp)
printf '2001:db8::53 localhost\n127.0.0.1 localhost\n2001:db8::53 six.example
2001:db8::53 both.example\n127.0.0.1 both.example\n' >\"$hosts\"
mount --bind \"$hosts\" /etc/hosts
rm \"$hosts\"
nft 'table inet t { chain c { type filter hook input priority 0; ip6 daddr 2001:db8::53 drop; }; }'"
                  "mew-submit-sign-in-tests"
                  '(mew-submit-sign-in-tests--fetch-past-ipv6))
                 '(200 "six.example did not answer in time"
                       "both.example did not answer in time"))))

;; Most often it is a name with two addresses, the first of which is refused: that makes a
;; connection readable, too.
(ert-deftest mew-submit-sign-in-tests-readable-before-open ()
  "Emacs does not stand still for a connection that can be read before it is noted as open."
  :tags '(:module)
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=greets")
    (let* ((mew-submit-https--timeout 60)
           (connect (symbol-function 'make-network-process))
           (answer nil)
           (exchange
            (cl-letf (((symbol-function 'make-network-process)
                       (lambda (&rest keys)
                         (apply connect
                                :remote (vector 127 0 0 1 (mew-submit-test-port peer "greets"))
                                (cl-loop for (key value) on keys by #'cddr
                                         unless (memq key '(:host :service))
                                         append (list key value))))))
              (mew-submit-https--fetch "https://127.0.0.1/" (lambda (got) (setq answer got))))))
      ;; Nobody looks whether it is open meanwhile.
      (while (not (mew-submit-test-log peer "reply")))
      (mew-submit-https--push-on exchange)
      (should-not answer)
      (mew-submit-https--cancel exchange))))

;;; What issuers give

(ert-deftest mew-submit-sign-in-tests-tokens ()
  "What comes instead of a token, or with one, is told, and no secret is."
  (mew-submit-issuer-test-with issuer
    (pcase-dolist
        (`(,row ,behaviour ,result ,words)
         `(("Q23 none" (:answer (:access_token :null)) "failed" "without a token")
           ("Q23 an empty one" (:answer (:access_token "")) "failed" "without a token")
           ("Q23 a number" (:answer (:access_token 7)) "failed" "without a token")
           ("Q23 a huge one" (:answer (:access_token ,(make-string 17000 ?a))) "failed"
            "without a token")
           ("Q23 one with a line end" (:answer (:access_token "a\nb")) "failed"
            "without a token")
           ("Q23 one with 0x01" (:answer (:access_token "a\1auth=x")) "failed"
            "without a token")
           ("Q23 one of another kind" (:answer (:token_type "mac")) "failed"
            "another kind of token")
           ("Q23 a lawful one, in small letters" (:answer (:token_type "bearer"))
            "signed-in" "")
           ("Q24 for no time" (:answer (:expires_in 0)) "signed-in" "")
           ("Q24 for less" (:answer (:expires_in -5)) "signed-in" "")
           ("Q24 for ever" (:answer (:expires_in 1e300)) "signed-in" "")
           ("Q24 for a text" (:answer (:expires_in "3599")) "signed-in" "")
           ("Q24 for who knows how long" (:answer (:expires_in :null)) "signed-in" "")
           ("Q24 for nonsense" (:answer (:expires_in ["x"])) "signed-in" "")
           ("Q26 for something else" (:answer (:scope "openid calendar")) "failed"
            "did not give the permission mail")
           ("Q36 nothing to renew it with" (:answer (:refresh_token :null)) "signed-in"
            "nothing to renew it with, so that holds for 60 minutes")
           ("Q36 something unusable to renew it with" (:answer (:refresh_token "a\nb"))
            "signed-in" "nothing to renew it with")
           ("Q39 it does not know us" (:clients ["other"]) "failed" "client id")
           ("Q39 it wants a password" (:token (:status 401 :body (:error "invalid_client")))
            "failed" "client id")
           ("Q31 it takes the code no more"
            (:token (:status 400 :body (:error "invalid_grant"))) "failed"
            "does not take the sign-in")
           ("Q33 it repeats a secret"
            (:token (:status 400 :body (:error "invalid_request" :error_description
                                        "no: abcdefghijklmnopqrstuvwxyz")))
            "failed" "****")
           ("Q37 it says something with markup and bidirectional characters"
            (:token (:status 400 :body (:error "x" :error_description
                                        "<b>\u202eevil</b>\nsecond line")))
            "failed" "no token at the moment")
           ("Q19 a redirect" (:token-raw (:status 307 :body "{}" :fields
                                          (:Location "https://evil.example/")))
            "failed" "sends us on")
           ("Q21 it closes before it answers" (:token-raw "drop") "failed"
            "before its answer was whole")
           ("Q20 it does not end" (:token-raw "endless") "failed" "more than is read")
           ("Q20 it is deep" (:token-raw (:body ,(make-string 50000 ?\[))) "failed"
            "without a token")))
      (ert-info (row)
        (mew-submit-issuer-test-forget)
        (apply #'mew-submit-issuer-test-behave issuer behaviour)
        (let ((before (length (mew-submit-issuer-test-log issuer "post"))))
          (cl-letf (((symbol-function 'read-passwd) (lambda (&rest _) (ert-fail "asked")))
                    ((symbol-function 'read-string) (lambda (&rest _) (ert-fail "asked"))))
            (pcase-let ((`(,got ,text) (mew-submit-sign-in-tests--text issuer)))
              (should (equal got result))
              (should (string-search words text))
              (should-not (string-match-p "[\n\r\u202e]\\|abcdefghij" text))))
          ;; Nothing is sent twice.
          (should (= (1+ before) (length (mew-submit-issuer-test-log issuer "post")))))))))

(defvar mew-submit-sign-in-tests--pauses nil
  "For how long a sign-in has waited each time, the last first.")

(ert-deftest mew-submit-sign-in-tests-codes ()
  "Who types a code elsewhere is waited for, as long as the issuer wants."
  (mew-submit-issuer-test-with issuer
    (cl-letf (((symbol-function 'mew-submit-sign-in--later)
               ;; Time passes at once, and is noted.
               (let ((later (symbol-function 'mew-submit-sign-in--later)))
                 (lambda (flow seconds function)
                   (unless (zerop seconds)
                     (push seconds mew-submit-sign-in-tests--pauses))
                   (funcall later flow 0 function)))))
      (pcase-dolist
          (`(,row ,behaviour ,result ,words ,pauses)
           `(("Q27 slower, and slower" (:device_answers ["authorization_pending" "slow_down"
                                                         "slow_down" "drop"])
              "signed-in" "" (1 1 6 11 22))
             ("Q27 too late" (:device_answers ["expired_token"]) "failed"
              "too old by now" (1))
             ("Q27 no" (:device_answers ["access_denied"]) "failed" "was told no" (1))
             ("Q27 something new" (:device_answers ["teapot"]) "failed" "teapot" (1))
             ("Q27 without a pause" (:device (:interval 0)) "signed-in" "" (1 1))
             ("Q27 for a year" (:device (:interval 1e9)) "signed-in" "" (60 60))
             ("Q27 where it is not safe" (:device (:verification_uri "http://evil.example/"))
              "failed" "no page of https" nil)
             ("Q27 in a file" (:device (:verification_uri "file:///etc/passwd"))
              "failed" "no page of https" nil)
             ("Q27 not for what is asked for"
              (:device-raw (:status 400 :body "{\"error\":\"invalid_scope\"}"))
              "failed" "(invalid_scope)" nil)
             ("Q41 at another service"
              (:device (:verification_uri "https://microsoft.com/devicelogin"))
              "failed" "another service's, to sign in" nil)
             ("Q27 a code that is too long" (:device (:user_code ,(make-string 200 ?a)))
              "failed" "no token" nil)
             ("Q27 no way for codes" (:metadata (:device_authorization_endpoint :null))
              "failed" "no sign-in with a code" nil)
             ("Q27 deep" (:device-raw (:body ,(make-string 5000 ?\[))) "failed"
              "no token" nil)))
        (ert-info (row)
          (setq mew-submit-sign-in-tests--pauses nil)
          (apply #'mew-submit-issuer-test-behave issuer behaviour)
          (let (shown)
            (pcase-let ((`(,got ,text)
                         (mew-submit-sign-in-tests--text
                          issuer :method 'code
                          :on-event (lambda (event)
                                      (when (eq (plist-get event :step) 'code)
                                        (setq shown event))))))
              (should (equal got result))
              (should (string-search words text))
              (should (equal (nreverse mew-submit-sign-in-tests--pauses) pauses))
              (when pauses
                (should (equal (plist-get shown :code) "WDJB-MJHT")))))))
      (ert-info ("Q41 a page that is right, and one with the code in it that is not")
        (mew-submit-issuer-test-behave
         issuer :device '(:verification_uri_complete "https://microsoft.com/devicelogin?c=1")
         :device_answers ["access_denied"])
        (mew-submit-issuer-test-sign-in
         (mew-submit-issuer-test-account issuer) :method 'code
         :on-event (lambda (event)
                     (when (eq (plist-get event :step) 'code)
                       (should-not (plist-get event :complete))))))
      (ert-info ("Q27 a code that turns the line around")
        (mew-submit-issuer-test-behave issuer :device '(:user_code "AB\u202eCD\n")
                                       :device_answers ["access_denied"])
        (mew-submit-issuer-test-sign-in
         (mew-submit-issuer-test-account issuer) :method 'code
         :on-event (lambda (event)
                     (when (eq (plist-get event :step) 'code)
                       (should (equal (plist-get event :code) "AB\ufffdCD\ufffd")))))))))

(defun mew-submit-sign-in-tests--see (issuer path wanted)
  "Wait until a sign-in by a code at ISSUER shows WANTED, a regexp, and cancel it.
The programs are those in PATH, a list of directories."
  (let ((noninteractive nil)
        (exec-path path))
    (unwind-protect
        (let ((flow (mew-submit-sign-in (mew-submit-issuer-test-account issuer)
                                        :method 'code)))
          (mew-submit-test-until ((concat "to see " wanted))
            (when-let* ((buffer (get-buffer "*mew-submit sign-in*")))
              (with-current-buffer buffer
                (string-match-p wanted (buffer-string)))))
          (mew-submit-sign-in-cancel flow)
          (with-current-buffer "*mew-submit sign-in*"
            (should (string-search "cancelled" (buffer-string)))
            (should-not (string-match-p wanted (buffer-string)))
            ;; What is over is not kept for another drawing.
            (should-not mew-submit-view--insert)))
      (when-let* ((buffer (get-buffer "*mew-submit sign-in*")))
        (kill-buffer buffer)))))

(ert-deftest mew-submit-sign-in-tests-qr-code ()
  "The address is shown as a QR code, where qrencode is, which gets it in no argument."
  (mew-submit-issuer-test-with issuer
    (mew-submit-issuer-test-behave
     issuer :device_answers (make-vector 100 "authorization_pending")
     :device (list :verification_uri_complete
                   (concat (mew-submit-issuer-test-url issuer) "/go?code=WDJB-MJHT")))
    (mew-submit-test-with-directory directory
      (let ((program (expand-file-name "qrencode" directory))
            (plain "WDJB-MJHT\n\n.*Cancel"))
        (mew-submit-sign-in-tests--see issuer (list directory) plain)
        (pcase-dolist
            (`(,script ,wanted)
             `(("#!/bin/sh\necho \"$@\" >$0.args; cat >$0.in; echo PICTURE\n"
                "Cancel.*\n\nPICTURE")
               ;; It takes no input, and fails.
               ("#!/bin/sh\nexec <&-; echo PICTURE; exit 1\n" ,plain)))
          (mew-submit-test-write program script)
          (set-file-modes program #o700)
          (mew-submit-sign-in-tests--see issuer (list directory) wanted))
        (should (equal "-t UTF8 -m 2\n" (mew-submit-test-octets (concat program ".args"))))
        (should (equal (concat (mew-submit-issuer-test-url issuer) "/go?code=WDJB-MJHT")
                       (mew-submit-test-octets (concat program ".in"))))
        (when (executable-find "qrencode")
          (mew-submit-sign-in-tests--see issuer exec-path "\n█+\n██ ▄▄▄▄▄ █"))))))

(ert-deftest mew-submit-sign-in-tests-registration ()
  "Where nobody has got a client id, an issuer that registers programs gives one."
  (mew-submit-issuer-test-with issuer
    (let ((oauth (list :issuer (mew-submit-issuer-test-url issuer) :scope "mail")))
      (pcase-dolist
          (`(,row ,behaviour ,words)
           '(("Q34 it takes us for a server"
              (:register (:status 201 :body "{\"client_id\":\"x\",\"client_secret\":\"s\",\
\"token_endpoint_auth_method\":\"client_secret_basic\"}"))
              "keeps a secret")
             ("Q34 it says no" (:register (:status 403 :body "{}")) "status 403")
             ("Q34 it says nothing" (:register (:status 201 :body "[]")) "register")
             ("Q34 a client id without an end"
              (:register (:status 201 :body "{\"client_id\":\"")) "register")
             ("Q16 in the clear" (:metadata (:registration_endpoint "http://evil.example/"))
              "get a client id there")))
        (ert-info (row)
          (apply #'mew-submit-issuer-test-behave issuer behaviour)
          (pcase-let ((`(,result ,text)
                       (mew-submit-sign-in-tests--text issuer :oauth oauth)))
            (should (equal result "failed"))
            (should (string-search words text)))))
      (mew-submit-issuer-test-behave issuer)
      (should (equal "signed-in" (car (mew-submit-sign-in-tests--text issuer :oauth oauth))))
      (let ((count (length (mew-submit-issuer-test-log issuer "register")))
            (own (nth 2 (assoc (mew-submit-issuer-test-url issuer)
                               (mew-submit-issuer--clients)))))
        (should (string-match-p "\\`http://127\\.0\\.0\\.1/[0-9a-f]\\{16\\}\\'" own))
        (should (equal (plist-get (car (last (mew-submit-issuer-test-log issuer "register")))
                                  :body)
                       `(:client_name "mew-submit, mail from Emacs" :application_type "native"
                         :redirect_uris (,own)
                         :token_endpoint_auth_method "none"
                         :grant_types ("authorization_code" "refresh_token"
                                       "urn:ietf:params:oauth:grant-type:device_code")
                         :response_types ("code") :scope "mail offline_access")))
        ;; It is known from then on.
        (should (equal "signed-in"
                       (car (mew-submit-sign-in-tests--text issuer :oauth oauth))))
        (should (= count (length (mew-submit-issuer-test-log issuer "register"))))
        (pcase-dolist
            (`(,row ,method ,behaviour)
             '(("Q39 it has forgotten us" browser (:clients []))
               ("Q39 it has forgotten us, and a code is asked for" code
                (:device-raw (:status 401 :body "{\"error\":\"invalid_client\"}")))))
          (ert-info (row)
            (apply #'mew-submit-issuer-test-behave issuer behaviour)
            (should (string-search "has forgotten this program"
                                   (cadr (mew-submit-sign-in-tests--text
                                          issuer :oauth oauth :method method))))
            (mew-submit-issuer-test-behave issuer)
            (should (equal "signed-in"
                           (car (mew-submit-sign-in-tests--text issuer :oauth oauth))))
            (should (= (cl-incf count)
                       (length (mew-submit-issuer-test-log issuer "register"))))))
        (ert-info ("Q39 it has forgotten us when a token is renewed")
          (let ((account (mew-submit-issuer-test-account issuer :oauth oauth))
                result)
            (mew-submit-issuer-test-behave issuer :clients [])
            (mew-submit-token--get account (lambda (&rest got) (setq result got)) t)
            (mew-submit-test-until ("why there is no token")
              result)
            (should (eq 'consent (car (cadr result))))
            (mew-submit-issuer-test-behave issuer)
            (should (equal "signed-in"
                           (car (mew-submit-sign-in-tests--text issuer :oauth oauth))))
            (should (= (1+ count)
                       (length (mew-submit-issuer-test-log issuer "register"))))))))))

(ert-deftest mew-submit-sign-in-tests-nothing-to-cancel ()
  "Who cancels a sign-in where none is under way is told so."
  (let (mew-submit-sign-in--all)
    (should (equal (cadr (should-error (call-interactively #'mew-submit-sign-in-cancel)
                                       :type 'user-error))
                   "No sign-in is under way"))))

(ert-deftest mew-submit-sign-in-tests-own-place ()
  "SECURITY: Q42.  Another issuer's answer, with our state, does not come to this one's place."
  (mew-submit-issuer-test-with issuer
    (let ((oauth (list :issuer (mew-submit-issuer-test-url issuer) :scope "mail")))
      (let* ((try (mew-submit-sign-in-tests--begin issuer :oauth oauth))
             (back (mew-submit-sign-in-tests--try-back try))
             (state (mew-submit-sign-in-tests--state try)))
        ;; Where other programs are sent back to.
        (dolist (path '("/" "/callback" "/0123456789abcdef"))
          (should (string-search
                   " 404 " (mew-submit-sign-in-tests--ask
                            (concat (replace-regexp-in-string "/[0-9a-f]*\\'" path back)
                                    "?code=x&state=" state)))))
        (should-not (mew-submit-sign-in-tests--try-result try))
        (should-not (mew-submit-issuer-test-log issuer "post"))
        (mew-submit-sign-in-cancel))
      ;; Each has another one; who was known before goes on as it was.
      (should-not (equal (mew-submit-issuer--redirect
                          (mew-submit-issuer--make :name "https://a.example") nil)
                         (mew-submit-issuer--redirect
                          (mew-submit-issuer--make :name "https://b.example") nil)))
      (mew-submit-test-write mew-submit-issuer-clients-file
                             (format "((%S . \"registered\") (7 . 8) (\"x\"))"
                                     (mew-submit-issuer-test-url issuer)))
      (should (equal (mew-submit-issuer--clients)
                     (list (list (mew-submit-issuer-test-url issuer) "registered"))))
      (should (string-match-p ":[0-9]+/\\'"
                              (mew-submit-sign-in-tests--try-back
                               (mew-submit-sign-in-tests--begin issuer :oauth oauth))))
      (mew-submit-sign-in-cancel))))

(ert-deftest mew-submit-sign-in-tests-client-files ()
  "A file as issuers hand it out says who we are; what is none is told (Q35)."
  (mew-submit-issuer-test-with issuer
    (let ((file (mew-submit-issuer-test--file issuer "client.json")))
      (pcase-dolist
          (`(,row ,text ,result ,words)
           '(("Google's" "{\"installed\":{\"client_id\":\"emacs\",\"client_secret\":\"s3\"}}"
              "signed-in" "")
             ("plain" "{\"client_id\":\"emacs\"}" "signed-in" "")
             ;; The browser would be told no, and never come back.
             ("Q35 Google's for a web page"
              "{\"web\":{\"client_id\":\"emacs\",\"client_secret\":\"s3\"}}"
              "failed" "is for a server")
             ("Q35 Google's of a service account"
              "{\"type\":\"service_account\",\"client_id\":\"1\",\"private_key\":\"s3\"}"
              "failed" "is for a server")
             ("Q35 empty" "" "failed" "no client_id")
             ("Q35 deep" "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[" "failed" "no client_id")
             ("Q35 none" nil "failed" "cannot be read")))
        (ert-info (row)
          (when (file-exists-p file)
            (delete-file file))
          (when text
            (mew-submit-test-write file text))
          (pcase-let ((`(,got ,said)
                       (mew-submit-sign-in-tests--text
                        issuer :oauth (list :issuer (mew-submit-issuer-test-url issuer)
                                            :client-file file))))
            (should (equal got result))
            (should (string-search words said)))))
      (should (equal "s3" (plist-get (plist-get (car (mew-submit-issuer-test-log
                                                      issuer "post" "/token"))
                                                :form)
                                     :client_secret))))))

(ert-deftest mew-submit-sign-in-tests-who ()
  "An account is meant by its name, by an address of its, or as it is."
  (let ((mew-submit-accounts
         '((:name "a" :from "me@a" :user "login" :server "s" :oauth (:issuer "https://a"))
           (:name "b" :server "s" :user "all" :oauth (:issuer "https://b")))))
    (pcase-dolist (`(,account ,oauth ,user ,issuer)
                   '(("a" nil "login" "https://a") ("me@a" nil "login" "https://a")
                     ("you@c" nil "all" "https://b")
                     ;; Not as somebody whose account takes all mail.
                     ("you@c" (:issuer "https://c") "you@c" "https://c")
                     ("a" (:issuer "https://c") "login" "https://c")
                     ((:from "me@d" :oauth (:issuer "d")) nil "me@d" "https://d")))
      (let ((found (mew-submit-sign-in--account account oauth)))
        (should (equal (mew-submit-token--user found) user))
        (should (equal (mew-submit-token--issuer found) issuer))))
    (should (equal (nth 1 mew-submit-accounts)
                   '(:name "b" :server "s" :user "all" :oauth (:issuer "https://b"))))
    (should-error (mew-submit-sign-in--account "nobody" nil) :type 'mew-submit-config)))

(ert-deftest mew-submit-sign-in-tests-errors ()
  "An error in the middle ends the sign-in, in words."
  (mew-submit-issuer-test-with issuer
    (dolist (function '(mew-submit-loopback--start mew-submit-issuer--client
                        mew-submit-issuer--parse))
      (ert-info ((symbol-name function))
        (cl-letf (((symbol-function function) (lambda (&rest _) (error "Oops"))))
          (should (equal (mew-submit-sign-in-tests--text issuer)
                         '("failed" "Oops"))))))
    (dolist (proxy (list nil (string-remove-prefix
                              "https://" (mew-submit-issuer-test-url issuer))))
      (ert-info ((format "Q21 nothing can be sent, proxy %s" proxy))
        (let ((url-proxy-services (list (cons "https" proxy))))
          (cl-letf (((symbol-function 'process-send-string)
                     (lambda (&rest _) (error "Broken pipe"))))
            (should (equal (mew-submit-sign-in-tests--text issuer)
                           '("failed" "localhost cannot be reached safely: \
Broken pipe")))))))))

(ert-deftest mew-submit-sign-in-tests-errors-with-secrets ()
  "SECURITY: Q33.  What Emacs could not do with a secret is told without that."
  (mew-submit-issuer-test-with issuer
    (let ((fail (lambda (&rest _)
                  (signal 'args-out-of-range (list mew-submit-sign-in-tests--token 7 9))))
          (warned nil))
      (cl-letf (((symbol-function 'display-warning)
                 (lambda (_type text &rest _) (push text warned))))
        (dolist (function '(mew-submit-issuer--parse mew-submit-https--go-on))
          (ert-info ((symbol-name function))
            (cl-letf (((symbol-function function) fail))
              (let ((text (cadr (mew-submit-sign-in-tests--text issuer))))
                (should (string-search "Args out of range" text))
                (should-not (string-search mew-submit-sign-in-tests--token text))))))
        ;; One who takes what comes of it, and one who waits for a token.
        (mew-submit-sign-in--end (mew-submit-sign-in--make
                                  :account (mew-submit-issuer-test-account issuer)
                                  :callback fail :on-event #'ignore)
                                 "failed" "Oops")
        (mew-submit-token--tell-waiting (mew-submit-token--make :waiting (list fail))
                                        '(later . "Oops"))
        ;; One who writes it down, and one who shows it.
        (cl-letf (((symbol-function 'mew-submit-token--write) fail))
          (let ((mew-submit-token--key "k"))
            (mew-submit-token--keep (mew-submit-token--make
                                     :account (mew-submit-issuer-test-account issuer))
                                    nil)))
        (cl-letf (((symbol-function 'message)
                   (lambda (format &rest args) (push (apply #'format format args) warned))))
          (mew-submit-sign-in--browse (mew-submit-sign-in--make :browse fail)))
        (should (= 4 (length warned)))
        (dolist (text warned)
          (should (string-search "Args out of range" text))
          (should-not (string-search mew-submit-sign-in-tests--token text)))))))

(ert-deftest mew-submit-sign-in-tests-two-at-once ()
  "When one of two sign-ins ends, the code to type for the other is shown again."
  (let* ((make (lambda (user code)
                 (mew-submit-sign-in--make
                  :account (list :user user :oauth '(:issuer "https://id.example"))
                  :callback #'ignore
                  :shown (list :step 'code :url "https://id.example/go" :code code))))
         (one (funcall make "me@x" "AAAA-AAAA"))
         (other (funcall make "me@y" "BBBB-BBBB"))
         (mew-submit-sign-in--all (list other one))
         (said (lambda ()
                 (with-current-buffer "*mew-submit sign-in*"
                   (buffer-substring-no-properties (point-min) (point-max)))))
         (noninteractive nil))
    (cl-letf (((symbol-function 'executable-find) #'ignore))
      (unwind-protect
          (progn
            (mew-submit-sign-in--display other (mew-submit-sign-in-shown other))
            (mew-submit-sign-in--end other "signed-in" "me@y is signed in")
            (should (string-search "AAAA-AAAA" (funcall said)))
            (should (string-search "me@x" (funcall said)))
            (mew-submit-sign-in--end one "cancelled" "The sign-in was cancelled")
            (should-not (string-search "AAAA-AAAA" (funcall said))))
        (kill-buffer "*mew-submit sign-in*")))))

(ert-deftest mew-submit-sign-in-tests-half-filled-accounts ()
  "M-x mew-submit-sign-in tells in words what an account lacks, also its user and name."
  (let ((lacks '(:server "h" :oauth (:issuer "https://id.example")))
        (other '(:name "b" :user "me@y" :oauth (:issuer "https://id.example"))))
    (pcase-dolist (`(,accounts ,choice ,words)
                   `(((,lacks) nil "needs :user")
                     ((,lacks ,other) "h" "needs :user")
                     ((,lacks ,other) "" "No account was named")
                     ((:server "h") nil "has an :oauth")
                     (((:server "h" :user "me")) nil "has an :oauth")))
      (let ((mew-submit-accounts accounts))
        (cl-letf (((symbol-function 'completing-read)
                   (lambda (_prompt names &rest _)
                     (should (seq-every-p #'stringp names))
                     choice)))
          (dolist (command '(mew-submit-sign-in mew-submit-sign-out))
            (should (string-search words
                                   (error-message-string
                                    (should-error (call-interactively command)
                                                  :type 'user-error))))))))))

(ert-deftest mew-submit-sign-in-tests-accounts ()
  "What an account lacks is said before anything is asked."
  (pcase-dolist
      (`(,account ,words)
       '(((:name "a" :user "me@x") "where to sign in")
         ((:name "a" :user "me@x" :oauth t) "where to sign in")
         ((:name "a" :oauth (:issuer "https://id.example")) "needs :user")))
    (should (string-search words
                           (mew-submit-error--text
                            (should-error (mew-submit-sign-in account)
                                          :type 'mew-submit-config)))))
  (dolist (oauth '((:issuer 7) (:isuer "https://id.example") (:issuer) ("x") "x" (:issuer . "x")))
    (should-error (mew-submit-account--check (list :name "a" :oauth oauth))
                  :type 'mew-submit-config))
  (dolist (oauth '(nil t (:issuer "https://id.example" :client-id "x" :scope "y")))
    (should (mew-submit-account--check (list :name "a" :oauth oauth))))
  (mew-submit-issuer-test-with issuer
    (pcase-dolist
        (`(,row ,oauth ,words)
         `(("Q16 an issuer in the clear" (:issuer "http://id.example") "address of https")
           ("Q16 tokens in the clear" (:token-url "http://id.example/t" :authorize-url
                                       "https://id.example/a")
            "no address of https")
           ("Q38 a browser sent elsewhere"
            (:issuer ,(mew-submit-issuer-test-url issuer) :client-id "emacs"
             :redirect "https://evil.example/")
            "comes back to this machine")
           ("Q38 a browser sent to a name that begins alike"
            (:issuer ,(mew-submit-issuer-test-url issuer) :client-id "emacs"
             :redirect "http://127.0.0.1.evil.example/")
            "comes back to this machine")))
      (ert-info (row)
        (pcase-let ((`(,result ,text) (mew-submit-sign-in-tests--text issuer :oauth oauth)))
          (should (equal result "failed"))
          (should (string-search words text)))))
    (should (equal "signed-in"
                   (car (mew-submit-sign-in-tests--text
                         issuer :oauth (list :issuer (mew-submit-issuer-test-url issuer)
                                             :client-id "emacs" :redirect
                                             "http://localhost/back")))))))

(provide 'mew-submit-sign-in-tests)
;;; mew-submit-sign-in-tests.el ends here
