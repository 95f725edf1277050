;;; mew-submit-issuer.el --- Who issues access tokens, and where -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what an issuer says of itself (RFC 8414, or OpenID Connect Discovery), what its
;; answers mean, and how this program becomes known to it: by an identifier that the user
;; has got, from a file as such issuers hand out, or by registration (RFC 7591) where an
;; issuer has that.
;;
;; What an issuer says is believed only for addresses of https that it has served itself
;; under its own name.  A document that names another issuer is one of an attacker's, who
;; wants codes and tokens of that one (RFC 9207, RFC 8414 section 6.2).  So is one whose
;; page to sign in at is somebody else's: the user would say yes there, to a program that
;; this one knows, and what comes back would go to the attacker.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-https)
(require 'mew-submit-setup-provider)
(require 'mew-submit-store)
(require 'seq)

(declare-function json-encode "json" (object))
(defvar json-encoding-pretty-print)

(cl-defstruct (mew-submit-issuer (:constructor mew-submit-issuer--make)
                                 (:copier nil))
  (name nil :documentation "The issuer's identifier, an address of https.")
  (named nil :documentation "Non-nil when its addresses are the user's own words.")
  (iss nil :documentation "What it calls itself in answers; {tenantid} in it varies.")
  (says-iss nil :documentation "Non-nil when each answer has to name it.")
  (authorize nil :documentation "Where the user says yes, or nil.")
  (token nil :documentation "Where codes and refresh tokens are taken.")
  (device nil :documentation "Where a code for another device is had, or nil.")
  (register nil :documentation "Where a program makes itself known, or nil.")
  (revoke nil :documentation "Where tokens are given back, or nil.")
  (basic nil :documentation "Non-nil when it takes a secret in the header alone.")
  (scopes nil :documentation "What it can be asked for, as far as it says."))

(defun mew-submit-issuer--url (issuer)
  "Return ISSUER, a host or an address, as an address without a final slash.
Capital letters in a host's name are small ones, and the place where an issuer
says what it has, which some call its address, is the issuer's."
  (let* ((url (replace-regexp-in-string
               (concat "/[.]well-known/\\(?:openid-configuration\\|"
                       "oauth-authorization-server\\)\\(/\\|\\'\\)")
               "\\1"
               (if (string-match-p "\\`https?:" issuer) issuer
                 (concat "https://" issuer))))
         (end (string-match "\\(?:/\\|\\'\\)" url (min 8 (length url)))))
    (concat (mew-submit-caseless--down (substring url 0 end))
            (string-remove-suffix "/" (substring url end)))))

;;; What it says of itself

(defun mew-submit-issuer--places (url)
  "Return where the issuer at URL may say what it has, the standard place first."
  (pcase-let* ((`(,scheme ,host ,port ,path) (mew-submit-https--parse url))
               (root (concat scheme "://" host
                             (if (eql port 443) "" (format ":%d" port))))
               (path (string-remove-suffix "/" path)))
    (delete-dups
     (list (concat root "/.well-known/oauth-authorization-server" path)
           (concat root path "/.well-known/openid-configuration")
           (concat root "/.well-known/openid-configuration" path)))))

(defconst mew-submit-issuer--tenants
  '(("common" . "{tenantid}")
    ("organizations" . "{tenantid}")
    ("consumers" . "9188040d-6c67-4c5b-b112-36a304b66dad"))
  "What Microsoft calls itself where it speaks for many, by what they are called.")

(defun mew-submit-issuer--same-p (said url)
  "Is SAID, the name of an issuer in its own words, that of the one at URL?
Those of `mew-submit-issuer--tenants' have two."
  (let ((url (mew-submit-issuer--url url))
        (said (string-remove-suffix "/" said)))
    (or (equal said url)
        (and (string-match "\\`\\(https://[^/]+/\\)\\([a-z]+\\)\\(/.*\\)?\\'" url)
             (when-let* ((tenant (cdr (assoc (match-string 2 url)
                                             mew-submit-issuer--tenants))))
               (equal said (concat (match-string 1 url) tenant (match-string 3 url))))))))

(defun mew-submit-issuer--lacks (document url)
  "Return why DOCUMENT, a hash table or nil, is not that of the issuer at URL."
  (let ((said (mew-submit-https--text document "issuer"))
        (methods (and document (gethash "code_challenge_methods_supported" document)))
        (types (and document (gethash "response_types_supported" document)))
        (token (mew-submit-https--text document "token_endpoint")))
    (cond ((null said) "does not say who it is")
          ((not (mew-submit-issuer--same-p said url))
           (format "speaks for %s, another issuer than the one that was asked, which is \
how sign-ins are stolen; if both are your provider's, make that one the :issuer"
                   (truncate-string-to-width (mew-submit-error--clean said) 100 nil nil
                                             "...")))
          ((not (mew-submit-https--parse token))
           "has no safe address for tokens")
          ((and (consp types) (not (member "code" types))
                (null (gethash "device_authorization_endpoint" document)))
           "has no kind of sign-in that is safe from Emacs")
          ((and (consp methods) (not (member "S256" methods)))
           "does not protect what it answers (no PKCE with S256)"))))

(defun mew-submit-issuer--silence (answer)
  "Return in words what ANSWER is, which is not the document of an issuer.
Microsoft has a reason in it where there is no such tenant."
  (let* ((status (plist-get answer :status))
         (object (and (not (eql status 200))
                      (mew-submit-https--json (plist-get answer :body))))
         (reason (mew-submit-issuer--reason
                  (mew-submit-https--text object "error" 100)
                  (mew-submit-https--text object "error_description" 1000))))
    (format "says nothing that can be read (%s): %s"
            (or reason (format "status %s" status))
            (if (or (eql status 429) (>= status 500)) "try again later"
              "look at :issuer in the account's :oauth"))))

(defun mew-submit-issuer--of (document url)
  "Return the issuer at URL that DOCUMENT, which is right, is about."
  (let ((place (lambda (name)
                 (let ((value (mew-submit-https--text document name)))
                   (and (mew-submit-https--parse value) value))))
        (said (mew-submit-https--text document "issuer")))
    (mew-submit-issuer--make
     :name url
     :iss said
     :says-iss (gethash "authorization_response_iss_parameter_supported" document)
     :authorize (funcall place "authorization_endpoint")
     :token (funcall place "token_endpoint")
     :device (funcall place "device_authorization_endpoint")
     :register (funcall place "registration_endpoint")
     :revoke (funcall place "revocation_endpoint")
     :basic (let ((methods (gethash "token_endpoint_auth_methods_supported" document
                                    ;; RFC 8414, section 2.
                                    '("client_secret_basic"))))
              (and (consp methods)
                   (member "client_secret_basic" methods)
                   (not (member "client_secret_post" methods))))
     :scopes (let ((scopes (gethash "scopes_supported" document)))
               (and (proper-list-p scopes) (seq-filter #'stringp scopes))))))

(defun mew-submit-issuer--iss-p (issuer iss)
  "Is ISS, in an answer, the name of ISSUER in its own words?
It is compared octet by octet, but for the tenant where there is one."
  (let ((case-fold-search nil)
        (own (mew-submit-issuer-iss issuer)))
    (cond ((null own) t)
          ((string-search "{tenantid}" own)
           (string-match-p (concat "\\`"
                                   (string-replace "{tenantid}" "[0-9A-Za-z-]+"
                                                   (regexp-quote own))
                                   "\\'")
                           iss))
          (t (equal iss own)))))

(defun mew-submit-issuer--own-page-p (issuer url)
  "May the user of ISSUER be sent to URL, to say yes there?
That is so at the issuer's own host and below it, where its provider is known,
and where the user has named its addresses."
  (let ((own (nth 1 (mew-submit-https--parse (mew-submit-issuer-name issuer))))
        (host (nth 1 (mew-submit-https--parse url))))
    (and host
         (or (mew-submit-issuer-named issuer)
             (equal host own)
             (string-suffix-p (concat "." own) host)
             (mew-submit-setup-provider--by-issuer (mew-submit-issuer-name issuer)))
         t)))

(defun mew-submit-issuer--answers-p (issuer)
  "Will it be seen whether an answer is of ISSUER, whose page the user sees?
One with a page at another host has to name itself in its answers, all of it."
  (or (mew-submit-issuer--own-page-p issuer (mew-submit-issuer-authorize issuer))
      (and (mew-submit-issuer-says-iss issuer)
           (mew-submit-issuer-iss issuer)
           (not (string-search "{" (mew-submit-issuer-iss issuer))))))

(defun mew-submit-issuer--named (keys)
  "Return the issuer whose addresses are in KEYS, the account's :oauth, or nil."
  (when-let* ((token (plist-get keys :token-url)))
    (mew-submit-issuer--make
     :name (mew-submit-issuer--url (or (plist-get keys :issuer) token))
     :named t
     :authorize (plist-get keys :authorize-url)
     :token token
     :device (plist-get keys :device-url))))

(defun mew-submit-issuer--find (keys keep callback)
  "Find the issuer that KEYS, the :oauth of an account, are about.
CALLBACK is called with it and nil, or with nil and why not, in words.  KEEP is
called with each exchange, so that it can be cancelled."
  (let* ((named (mew-submit-issuer--named keys))
         (unsafe (and named
                      (seq-find (lambda (url) (and url (not (mew-submit-https--parse url))))
                                (list (mew-submit-issuer-token named)
                                      (mew-submit-issuer-authorize named)
                                      (mew-submit-issuer-device named)))))
         (url (mew-submit-issuer--url (or (plist-get keys :issuer) ""))))
    (cond (unsafe
           (funcall callback nil (format "%s is no address of https, and so is not used"
                                         (mew-submit-error--clean unsafe))))
          (named (funcall callback named nil))
          ((not (mew-submit-https--parse url))
           (funcall callback nil "the issuer has to be an address of https, such as \
\"https://id.example.org\": look at :issuer in the account's :oauth"))
          (t (mew-submit-issuer--ask url (mew-submit-issuer--places url) nil keep
                                     callback)))))

(defun mew-submit-issuer--ask (url places why keep callback)
  "Ask PLACES, addresses, one after the other what the issuer at URL is.
WHY is what was wrong with the one before; KEEP and CALLBACK are as for
`mew-submit-issuer--find'."
  (if (null places)
      (funcall callback nil why)
    (funcall
     keep
     (mew-submit-https--fetch
      (car places)
      (lambda (answer)
        (let* ((document (and (eql (plist-get answer :status) 200)
                              (mew-submit-https--json (plist-get answer :body))))
               (lacks (cond ((plist-get answer :error))
                            ;; What was said before tells more than that there is nothing.
                            ((and why (eql (plist-get answer :status) 404)) why)
                            (t (concat (mew-submit-https--host url) " "
                                       (if document (mew-submit-issuer--lacks document url)
                                         (mew-submit-issuer--silence answer)))))))
          (if (and document (null (mew-submit-issuer--lacks document url)))
              (funcall callback (mew-submit-issuer--of document url) nil)
            (mew-submit-issuer--ask
             url
             ;; Who says something wrong is not asked for something else.  Some send on
             ;; whoever asks for what they do not have.
             (if (or document
                     (and (plist-get answer :error) (not (plist-get answer :location))))
                 nil
               (cdr places))
             lacks keep callback))))))))

(defun mew-submit-issuer--scope (issuer keys)
  "Return what ISSUER is asked for by KEYS, an account's :oauth, or nil.
It is names with spaces between.  Some have to be asked for a refresh token."
  (let ((scope (plist-get keys :scope)))
    (if (and scope
             (member "offline_access" (mew-submit-issuer-scopes issuer))
             (not (member "offline_access" (split-string scope))))
        (concat scope " offline_access")
      scope)))

;;; Who we are to it

(defcustom mew-submit-issuer-clients-file
  (locate-user-emacs-file "mew-submit/clients.eld")
  "The file that remembers as whom issuers know this program.
The default is \"mew-submit/clients.eld\" in `user-emacs-directory'.  There is
no secret in it."
  :type 'file
  :group 'mew-submit-security
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defun mew-submit-issuer--clients ()
  "Return what `mew-submit-issuer-clients-file' remembers.
That is ((ISSUER ID REDIRECT)...), without REDIRECT where that is the usual one."
  (let ((clients (ignore-errors
                   (mew-submit-store--read mew-submit-issuer-clients-file))))
    (and (proper-list-p clients)
         (delq nil
               (mapcar (lambda (client)
                         (let ((words (if (listp (cdr-safe client)) client
                                        (list (car client) (cdr client)))))
                           (and (proper-list-p words)
                                (cdr words)
                                (seq-every-p #'stringp words)
                                words)))
                       clients)))))

(defun mew-submit-issuer--remember (issuer id &optional redirect)
  "Remember that ISSUER, an address, knows this program as ID, or not if nil.
REDIRECT, if non-nil, is where it sends a browser back to.  That this cannot be
written is told, and keeps nobody from signing in."
  (let ((others (assoc-delete-all issuer (mew-submit-issuer--clients))))
    (condition-case err
        (mew-submit-store--write
         mew-submit-issuer-clients-file
         "As whom issuers of access tokens know mew-submit."
         (if id (cons (append (list issuer id) (and redirect (list redirect))) others)
           others))
      (error (display-warning
              'mew-submit
              (format "As whom %s knows this program cannot be written: %s"
                      (mew-submit-https--host issuer) (mew-submit-error--text err)))))))

(defun mew-submit-issuer--redirect (issuer keys)
  "Return where ISSUER is to send a browser back to, by KEYS, an account's :oauth.
Each has a place of its own, so that what another one was made to answer does
not come in its stead (RFC 9700, section 4.4.2.2)."
  (or (plist-get keys :redirect)
      (concat "http://127.0.0.1/"
              (substring (secure-hash 'sha256 (mew-submit-issuer-name issuer)) 0 16))))

(defun mew-submit-issuer--forget-client (issuer id)
  "Forget that ISSUER, an address, knows this program as ID by registration.
Return nil if that is not how it does."
  (when (equal id (nth 1 (assoc issuer (mew-submit-issuer--clients))))
    (mew-submit-issuer--remember issuer nil)
    t))

(defun mew-submit-issuer--read-client (file)
  "Return the client in FILE, as an issuer hands it out: (ID SECRET).
Signal `mew-submit-config' when there is none."
  (let* ((octets (condition-case err
                     (with-temp-buffer
                       (set-buffer-multibyte nil)
                       (insert-file-contents-literally (expand-file-name file)
                                                       nil 0 65536)
                       (buffer-string))
                   (file-error
                    (mew-submit-error--throw
                     'config nil "The client file cannot be read: %s"
                     (error-message-string err)))))
         (whole (mew-submit-https--json octets))
         (inner (and whole (gethash "installed" whole)))
         (object (if (hash-table-p inner) inner whole))
         (id (mew-submit-https--text object "client_id")))
    (when (and whole (or (gethash "web" whole) (gethash "private_key" whole)))
      (mew-submit-error--throw
       'config nil "What is in %s is for a server: have the issuer make a client for a \
desktop application (Google calls it \"Desktop app\"), and take the file of that" file))
    (unless id
      (mew-submit-error--throw
       'config nil "There is no client_id in %s, which has to be JSON such as \
{\"client_id\": \"...\"}" file))
    (list id (mew-submit-https--text object "client_secret"))))

(defun mew-submit-issuer--registration (issuer redirect scope)
  "Return what is told ISSUER of this program, JSON.
REDIRECT is where its answers come to, and SCOPE what it wants."
  (require 'json)
  (let ((json-encoding-pretty-print nil))
    (json-encode
     `((client_name . "mew-submit, mail from Emacs")
       (application_type . "native")
       (redirect_uris . [,redirect])
       (token_endpoint_auth_method . "none")
       (grant_types . ,(vconcat '("authorization_code" "refresh_token")
                                (and (mew-submit-issuer-device issuer)
                                     '("urn:ietf:params:oauth:grant-type:device_code"))))
       (response_types . ["code"])
       ,@(and scope `((scope . ,scope)))))))

(defun mew-submit-issuer--registered (issuer redirect answer)
  "Return the client in ANSWER of ISSUER, or why there is none.
It is (ID nil REDIRECT), where REDIRECT is what ISSUER was told."
  (let* ((object (and (memql (plist-get answer :status) '(200 201))
                      (mew-submit-https--json (plist-get answer :body))))
         (id (mew-submit-https--text object "client_id" 500))
         (method (mew-submit-https--text object "token_endpoint_auth_method"))
         (name (mew-submit-issuer-name issuer)))
    (cond ((null id)
           (or (plist-get answer :error)
               (format "%s does not let programs register themselves (status %s)"
                       (mew-submit-https--host name) (plist-get answer :status))))
          ((not (member method '(nil "none")))
           (format "%s has registered this program as one that keeps a secret, which \
no program on your own machine can" (mew-submit-https--host name)))
          (t (mew-submit-issuer--remember name id redirect)
             (list id nil redirect)))))

(defun mew-submit-issuer--client (keys issuer keep callback)
  "Find as whom ISSUER knows this program, for KEYS, the :oauth of an account.
CALLBACK is called with (ID SECRET REDIRECT) and nil, or with nil and why there
is none; SECRET, and REDIRECT, where answers come to, may be nil.  KEEP is as
for `mew-submit-issuer--find'."
  (let* ((id (plist-get keys :client-id))
         (file (plist-get keys :client-file))
         (name (mew-submit-issuer-name issuer))
         (known (cdr (assoc name (mew-submit-issuer--clients))))
         (redirect (mew-submit-issuer--redirect issuer keys))
         (register (mew-submit-issuer-register issuer)))
    (cond (id (funcall callback (list id nil) nil))
          (file (condition-case err
                    (funcall callback (mew-submit-issuer--read-client file) nil)
                  (mew-submit-config
                   (funcall callback nil (mew-submit-error--text err)))))
          (known (funcall callback (list (nth 0 known) nil (nth 1 known)) nil))
          ((null register)
           (funcall callback nil (format "%s has to know this program first: get a \
client id there (the manual says how, under \"Signing in\"), and give it to M-x \
mew-submit-setup, or put it into :oauth of the account, as :client-id" (mew-submit-https--host name))))
          (t (funcall
              keep
              (mew-submit-https--fetch
               register
               (lambda (answer)
                 (let ((client (mew-submit-issuer--registered issuer redirect answer)))
                   (if (consp client)
                       (funcall callback client nil)
                     (funcall callback nil client))))
               :json (mew-submit-issuer--registration
                      issuer redirect (mew-submit-issuer--scope issuer keys))))))))

(defun mew-submit-issuer--post (url form client callback)
  "Post FORM to URL as CLIENT, and call CALLBACK with the answer.
CLIENT is a plist with :client-id, :client-secret, or nil where there is none,
and :basic, non-nil where that has to be in the header (RFC 6749, 2.3.1)."
  (let ((id (plist-get client :client-id))
        (secret (plist-get client :client-secret)))
    (if (and secret (plist-get client :basic))
        (mew-submit-https--fetch url callback :form form :user (list id secret))
      (mew-submit-https--fetch url callback
                               :form (append form `(("client_id" . ,id)
                                                    ("client_secret" . ,secret)))))))

;;; What it answers to requests for tokens

(defconst mew-submit-issuer--lifetime-max 86400
  "For how many seconds an access token is believed to be good at most.")

(defun mew-submit-issuer--hide (text)
  "Return TEXT, of an issuer, without words so long that they may be secrets.
Microsoft's have numbers at the end, by which it finds its own log again."
  (truncate-string-to-width
   (let ((case-fold-search nil))
     (replace-regexp-in-string
      "[A-Za-z0-9+/=_~-]\\{20,\\}" "****"
      (mew-submit-error--clean
       (replace-regexp-in-string " ?\\(?:Trace ID: .*\\)?\\'" ""
                                 (replace-regexp-in-string "[ \t\r\n]+" " " text)))))
   200 nil nil "..."))

(defun mew-submit-issuer--name-of (code)
  "Return CODE, the issuer's name of a failure, for people.
Words with underscores between are no secret, however long they are."
  (let ((case-fold-search nil))
    (if (string-match-p "\\`[a-z]+\\(?:_[a-z]+\\)*\\'" code)
        (truncate-string-to-width code 80 nil nil "...")
      (mew-submit-issuer--hide code))))

(defun mew-submit-issuer--usable-p (text)
  "Can TEXT, a token, be sent in HTTP and SMTP (RFC 6749, appendix A)?"
  (and text (mew-submit-caseless--exactly-p "\\`[ -~]+\\'" text)))

(defun mew-submit-issuer--missing (wanted granted)
  "Return those of WANTED, names with spaces between, that GRANTED has not.
Names that are not about mail do not count, and Microsoft's .default stands for
others.  Some write commas between."
  (let ((have (split-string (mew-submit-caseless--down (or granted "")) "[ ,]+" t)))
    (seq-remove (lambda (name)
                  (or (member name '("openid" "offline_access" "email" "profile"))
                      (string-suffix-p "/.default" name)
                      (member (mew-submit-caseless--down name) have)))
                (split-string (or wanted "") "[ ,]+" t))))

(defconst mew-submit-issuer--consent
  '("invalid_grant" "interaction_required" "login_required" "consent_required"
    "account_selection_required" "invalid_token" "expired_token" "token_expired"
    "bad_refresh_token" "invalid_refresh_token" "invalid_code")
  "What a sign-in is refused with that is over: the user has to sign in again.
The first is that of RFC 6749, the next four are those of OpenID Connect, which
Microsoft has at token time, too; the rest is what others have for the first.")

(defconst mew-submit-issuer--unknown
  '("invalid_client" "unauthorized_client" "deleted_client" "disabled_client")
  "What a program is refused with that an issuer does not know, or not any more.")

(defun mew-submit-issuer--reason (code said)
  "Return CODE and what was SAID of a failure, either or both, for people.
CODE, the issuer's name of it, is left out where enough was SAID."
  (let ((said (and said (replace-regexp-in-string "\\([^.]\\)[.]\\'" "\\1"
                                              (mew-submit-issuer--hide said))))
        (name (and code (mew-submit-issuer--name-of code))))
    (cond ((and said name (< (length said) 30)) (format "%s, %s" said name))
          (t (or said name)))))

(defun mew-submit-issuer--no-sign-in (host code said)
  "Return why HOST does not let its user sign in, by the CODE and what it has SAID."
  (format (if (equal code "access_denied")
              "%s was told no, or does not let this program in (%s)"
            "%s does not let you sign in (%s)")
          host (mew-submit-issuer--reason code said)))

(defconst mew-submit-issuer--own-secret
  (concat "client_secret\\|client_assertion\\|client secret\\|public client"
          "\\|AADSTS7000218")
  "What is said of a program that has no secret, or a wrong one, by who wants one.")

(defconst mew-submit-issuer--policy
  "AADSTS\\(?:530[0-9]+\\|50105\\|9009[345]\\)\\>"
  "Microsoft's numbers for what an administrator has forbidden.
To sign in again does not help then.")

(defun mew-submit-issuer--failure (object answer host issuer client)
  "Return the failure (KIND . WORDS) that ANSWER of HOST, with OBJECT in it, means.
KIND is `consent', `config' or `later'.  Where ISSUER does not know CLIENT any
more, which has registered itself there, that is forgotten."
  (let* ((named (mew-submit-https--text object "error" 100))
         (code (and named (mew-submit-caseless--down named)))
         (said (mew-submit-https--text object "error_description" 1000))
         (reason (or (mew-submit-issuer--reason code said)
                     (format "status %s" (plist-get answer :status))))
         (more (format (if said ": %s" " (%s)") reason))
         (says (lambda (regexp)
                 (and said (mew-submit-caseless--folding (string-match-p regexp said))))))
    (pcase code
      ((and "invalid_client" (guard (mew-submit-issuer--forget-client issuer client)))
       (cons 'consent (format "%s has forgotten this program, which becomes known \
there again when you sign in" host)))
      ((and (or "invalid_client" "invalid_request" "unauthorized_client")
            (guard (funcall says mew-submit-issuer--own-secret)))
       (cons 'config (format "%s wants another secret with the client id (%s): make the \
client a public one there, or give its file with the secret as :client-file in :oauth"
                             host reason)))
      ((guard (and code (funcall says mew-submit-issuer--policy)))
       (cons 'later (format "%s does not let you in from here, or not by this program \
(%s); ask the administrator of your organisation" host reason)))
      ((pred (lambda (code) (member code mew-submit-issuer--consent)))
       (cons 'consent (format "%s does not take the sign-in any more%s" host more)))
      ((pred (lambda (code) (member code mew-submit-issuer--unknown)))
       (cons 'config (format "%s does not know this program by its client id, or not for \
this (%s): look at :client-id in the account's :oauth" host reason)))
      ((or "invalid_scope" "unsupported_grant_type" "invalid_request" "invalid_resource"
           "redirect_uri_mismatch")
       (cons 'config (format "%s does not give what the account's :oauth asks for%s"
                             host more)))
      ((or "access_denied" "authorization_declined")
       (cons 'consent (format "%s was told no, or does not let this program in%s"
                              host more)))
      (_ (cons 'later (format "%s has no token at the moment%s" host more))))))

(defun mew-submit-issuer--no-codes-p (object answer)
  "Does ANSWER, with OBJECT in it, say that codes to type are not for this program?
Google has none for mail, and others only for some of the programs they know."
  (and (member (mew-submit-https--text object "error" 100)
               '("invalid_scope" "unauthorized_client" "invalid_client" "invalid_request"
                 "unsupported_grant_type" "access_denied"))
       (memql (plist-get answer :status) '(400 401 403))
       t))

(defun mew-submit-issuer--no-code (object answer issuer client)
  "Return why ANSWER of ISSUER to CLIENT, with OBJECT in it, has no code to type."
  (let ((host (mew-submit-https--host (mew-submit-issuer-name issuer)))
        (url (or (mew-submit-https--text object "verification_uri")
                 (mew-submit-https--text object "verification_url"))))
    (cond ((plist-get answer :error))
          ((and url (not (mew-submit-https--parse url)))
           (format "%s names no page of https to type its code at" host))
          (t (cdr (mew-submit-issuer--failure object answer host
                                              (mew-submit-issuer-name issuer)
                                              (nth 0 client)))))))

(defun mew-submit-issuer--parse (answer host scope issuer client)
  "Return what is in ANSWER, of HOST, to a request for tokens of SCOPE.
It is a plist with :access, octets, :lifetime, seconds, and :refresh, or nil; or
with :problem, (KIND . WORDS), and :refresh all the same where there is one.  It
was CLIENT of ISSUER that has asked."
  (let* ((status (plist-get answer :status))
         (object (and status (mew-submit-https--json (plist-get answer :body))))
         (access (mew-submit-https--text object "access_token" 16384))
         (renew (mew-submit-https--text object "refresh_token" 16384))
         (refresh (and (mew-submit-issuer--usable-p renew) renew))
         (type (mew-submit-https--text object "token_type" 100))
         (granted (mew-submit-https--text object "scope" 5000))
         (missing (and granted (mew-submit-issuer--missing scope granted))))
    (when (plist-get answer :body)
      (clear-string (plist-get answer :body)))
    (cond
     ((plist-get answer :error)
      (list :problem (cons 'later (plist-get answer :error))
            :sent (plist-get answer :sent)))
     ;; Some refuse with 200.
     ((or (not (eql status 200))
          (and (null access) (mew-submit-https--text object "error" 100)))
      (list :problem (mew-submit-issuer--failure object answer host issuer client)))
     ((not (mew-submit-issuer--usable-p access))
      (list :problem (cons 'later (format "%s has answered without a token that can \
be used" host))
            :refresh refresh))
     ((and type (not (equal (mew-submit-caseless--down type) "bearer")))
      (list :problem (cons 'config (format "%s gives another kind of token than mail \
servers take" host))
            :refresh refresh))
     (missing
      (list :problem (cons 'consent (format "%s did not give the permission %s: sign in \
again, and tick it" host (mew-submit-issuer--hide (car missing))))))
     (t (list :access (encode-coding-string access 'utf-8)
              :lifetime (min (or (mew-submit-https--number object "expires_in") 3600)
                             mew-submit-issuer--lifetime-max)
              :refresh refresh)))))

(provide 'mew-submit-issuer)
;;; mew-submit-issuer.el ends here
