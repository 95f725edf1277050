;;; mew-submit-setup-discover.el --- Find the servers that take a person's mail -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the ways from an address to the servers that might take its mail: the domain's
;; SRV records (RFC 6186, RFC 8314), the JSON that it vouches for in the DNS (PACC,
;; draft-ietf-mailmaint-pacc), the XML that Thunderbird reads (https only, both), the
;; provider that its MX records lead to, and names that are only usual.  It stores nothing,
;; says nothing to a mail server and asks the user nothing.
;;
;; Everything is asynchronous and has an end: the function given is called once,
;; from a timer, with what was found, and what each that was asked has said.

;;; Code:

(require 'cl-lib)
(eval-when-compile (require 'dom))      ; it has macros, and is seldom needed
(require 'format-spec)
(require 'mew-submit-address)
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-dns)
(require 'mew-submit-error)
(require 'mew-submit-https)
(require 'mew-submit-setup-provider)
(require 'seq)
(require 'subr-x)

(declare-function dom-by-tag "dom" (dom tag))
(declare-function dom-child-by-tag "dom" (dom tag))
(declare-function dom-children "dom" (node))
(declare-function dom-non-text-children "dom" (node))
(declare-function url-domsuf-cookie-allowed-p "url-domsuf" (domain))
(declare-function url-expand-file-name "url-expand" (url &optional default))
(declare-function url-hexify-string "url-util" (string &optional allowed-chars))
(declare-function xml-parse-region "xml"
                  (&optional beg end buffer parse-dtd parse-ns))

(defcustom mew-submit-discover-timeout 10
  "Seconds to wait for each thing that is asked to find a server.
The default is 10."
  :type 'number
  :group 'mew-submit-setup
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-discover-urls
  '("https://autoconfig.%d/mail/config-v1.1.xml?emailaddress=%a"
    "https://%d/.well-known/autoconfig/mail/config-v1.1.xml")
  "Where a domain says which mail servers it has, in the order of preference.
The default is what Thunderbird asks.  %d is the domain and %a the address.
Only https is used."
  :type '(repeat (string :tag "URL (https)"))
  :group 'mew-submit-setup
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-discover-database
  "https://autoconfig.thunderbird.net/v1.1/%d"
  "Where is said which mail servers a provider has, or nil to ask nobody.
The default is Thunderbird's database, which is told the domain, %d, and nothing
else.  Only https is used."
  :type '(choice (const :tag "Ask nobody" nil)
                 (string :tag "URL (https)"))
  :group 'mew-submit-setup
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defvar mew-submit-setup-discover--dns-function #'mew-submit-dns--ask
  "Function called with NAME, TYPE and CALLBACK, as `mew-submit-dns--ask' is.")

(defvar mew-submit-setup-discover--fetch-function #'mew-submit-setup-discover--fetch
  "Function called with URL and CALLBACK to fetch a document.")

;;; Doing several things at once

(defun mew-submit-setup-discover--all (starters callback)
  "Call each of STARTERS with a function for its result, all at once.
CALLBACK is called with the list of the results when all are there."
  (let* ((left (length starters))
         (results (make-list left nil))
         (place results))
    (if (zerop left)
        (run-at-time 0 nil callback nil)
      (dolist (start starters)
        (let ((cell place))
          (funcall start (lambda (result)
                           (setcar cell result)
                           (when (zerop (setq left (1- left)))
                             (funcall callback results)))))
        (setq place (cdr place))))))

(defun mew-submit-setup-discover--once (seconds stop callback)
  "Return a function to call CALLBACK with its argument, soon and only once.
STOP is called before; and all the same, with nil, when SECONDS are over."
  (let (timer over)
    (let ((end (lambda (&optional result)
                 (unless over
                   (setq over t)
                   (when timer
                     (cancel-timer timer))
                   (funcall stop)
                   ;; Never from a filter: an error there freezes Emacs.
                   (run-at-time 0 nil callback result)))))
      (setq timer (run-at-time seconds nil #'mew-submit-background--call end))
      end)))

;;; DNS

(defun mew-submit-setup-discover--exists (domain callback)
  "Find out whether DOMAIN exists, and call CALLBACK with the answer.
That is `yes', `no', or nil when nobody answers."
  (funcall mew-submit-setup-discover--dns-function domain 'MX
           (lambda (answer)
             (funcall callback (pcase (plist-get answer :status)
                                 ((or 'ok 'none) 'yes)
                                 ('no-name 'no))))))

(defun mew-submit-setup-discover--dns-words (answer)
  "Return ANSWER of the DNS in words."
  (format "%s records of %s: %s" (plist-get answer :type) (plist-get answer :name)
          (pcase (plist-get answer :status)
            ('ok (format "%d" (length (plist-get answer :answers))))
            ((or 'none 'no-name) "none")
            (_ (or (plist-get answer :why) "no answer")))))

;;; The web

(defconst mew-submit-setup-discover--redirections-max 5
  "How often a redirection is followed.")

(defun mew-submit-setup-discover--fetch (url callback)
  "Fetch the document at URL and call CALLBACK with it, a string, or with nil.
Only https is used, also where URL leads on to another place, and only with a
certificate that can be verified."
  (let* (exchange
         (left mew-submit-setup-discover--redirections-max)
         (end (mew-submit-setup-discover--once
               mew-submit-discover-timeout
               (lambda () (mew-submit-https--cancel exchange))
               callback)))
    (cl-labels ((ask (url)
                  (if (not (string-prefix-p "https:" url t))
                      (funcall end)
                    (let ((mew-submit-https--timeout mew-submit-discover-timeout))
                      (setq exchange (mew-submit-https--fetch url (apply-partially #'hear url)
                                                              :accept "*/*")))))
                (hear (url answer)
                  (let ((on (plist-get answer :location)))
                    (cond ((eql (plist-get answer :status) 200)
                           (funcall end (plist-get answer :body)))
                          ((and on (<= 0 (setq left (1- left))))
                           (ask (mew-submit-setup-discover--expanded on url)))
                          (t (funcall end))))))
      (ask url))))

(defun mew-submit-setup-discover--expanded (location url)
  "Return the whole address that LOCATION, in an answer of URL, means."
  (require 'url-expand)
  (or (ignore-errors (url-expand-file-name location url)) ""))

;;; SRV records

(defun mew-submit-setup-discover--foreign-p (host domain)
  "Is HOST outside of DOMAIN?
The owner of DOMAIN has then to be asked whether this is right, as anybody
could have forged the answer that names HOST (RFC 6186, section 6)."
  (not (mew-submit-caseless--folding
         (string-suffix-p (concat "." domain) (concat "." host) t))))

(defun mew-submit-setup-discover--around (host)
  "Return the domain around HOST, or HOST where that is not one owner's.
Below \"co.uk\" anybody has a name, as below \"uk\"."
  (require 'url-domsuf)
  (let ((around (string-join (cdr (split-string (mew-submit-caseless--down host) "[.]")) ".")))
    (if (and (string-search "." around)
             (ignore-errors (url-domsuf-cookie-allowed-p around)))
        around
      host)))

(defun mew-submit-setup-discover--foreign-issuer-p (candidate domain)
  "Is the issuer of CANDIDATE somebody else than who has DOMAIN, or the server?
Whoever writes what a domain says can name one, and gets what that gives out."
  (let* ((issuer (plist-get candidate :issuer))
         (name (mew-submit-setup-provider--url-host issuer))
         (server (plist-get candidate :host)))
    (and name
         (null (mew-submit-setup-provider--by-issuer issuer))
         (mew-submit-setup-discover--foreign-p name domain)
         (mew-submit-setup-discover--foreign-p
          name (mew-submit-setup-discover--around server)))))

(defun mew-submit-setup-discover--candidate (domain host &rest more)
  "Return a candidate: HOST for mail from DOMAIN, with the keys of MORE.
Return nil when HOST is no host."
  (when-let* ((name (ignore-errors (mew-submit-address--host host))))
    (append (list :host name)
            (and (mew-submit-setup-discover--foreign-p name domain) '(:foreign t))
            more)))

(defun mew-submit-setup-discover--with-login (candidate issuer scope password)
  "Return CANDIDATE with what a document has on logging in.
ISSUER, a host or an address of https, gives access tokens for SCOPE; with
PASSWORD non-nil a password is taken, too."
  (let ((url (and (stringp issuer)
                  (if (string-match-p "\\`https?:" issuer) issuer
                    (concat "https://" issuer)))))
    (append (and url
                 (mew-submit-setup-provider--token-for-p
                  url (plist-get candidate :host))
                 (list :login 'oauth :issuer url :scope (and (stringp scope) scope)
                       :password password))
            candidate)))

(defun mew-submit-setup-discover--srv-candidates (domain answer tls)
  "Return the candidates for DOMAIN in ANSWER, SRV records, with the TLS mode."
  (mapcar (lambda (record)
            (and (plist-get record :target)
                 (mew-submit-setup-discover--candidate
                  domain (plist-get record :target)
                  :port (plist-get record :port) :tls tls :source 'srv
                  :priority (plist-get record :priority)
                  :weight (plist-get record :weight))))
          (plist-get answer :answers)))

(defun mew-submit-setup-discover--srv-before-p (a b)
  "Is the candidate A to be tried before B?
The priority decides, then implicit TLS (RFC 8314, section 5.1), then weight."
  (let ((key (lambda (candidate)
               (list (plist-get candidate :priority)
                     (if (eq (plist-get candidate :tls) 'implicit) 0 1)
                     (- (plist-get candidate :weight))))))
    (catch 'decided
      (cl-mapc (lambda (x y)
                 (unless (= x y)
                   (throw 'decided (< x y))))
               (funcall key a) (funcall key b))
      nil)))

(defun mew-submit-setup-discover--srv-found (domain implicit starttls)
  "Return what is found in SRV records of DOMAIN.
It is for `mew-submit-setup-discover--start'.
IMPLICIT and STARTTLS are the answers for _submissions and _submission."
  (let ((candidates
         (delq nil (append (mew-submit-setup-discover--srv-candidates
                            domain implicit 'implicit)
                           (mew-submit-setup-discover--srv-candidates
                            domain starttls 'starttls))))
        (records (append (plist-get implicit :answers)
                         (plist-get starttls :answers))))
    (list :candidates (sort candidates #'mew-submit-setup-discover--srv-before-p)
          ;; A target of "." says that the service is not there.
          :never (and records
                      (seq-every-p (lambda (record)
                                     (null (plist-get record :target)))
                                   records))
          :said (mapcar #'mew-submit-setup-discover--dns-words
                        (list implicit starttls)))))

(defun mew-submit-setup-discover--srv (domain _address callback)
  "Look for SRV records of DOMAIN and call CALLBACK with what is found."
  (mew-submit-setup-discover--all
   (mapcar (lambda (service)
             (lambda (found)
               (funcall mew-submit-setup-discover--dns-function
                        (format "_%s._tcp.%s" service domain) 'SRV found)))
           '("submissions" "submission"))
   (lambda (results)
     (funcall callback (mew-submit-setup-discover--srv-found
                        domain (nth 0 results) (nth 1 results))))))

;;; PACC

(defun mew-submit-setup-discover--pacc-url (domain)
  "Return where the JSON of DOMAIN is."
  (format "https://ua-auto-config.%s/.well-known/user-agent-configuration.json"
          domain))

(defun mew-submit-setup-discover--pacc-digests (records)
  "Return the SHA-256 digests, octets, in RECORDS, those of _ua-auto-config.
A record is such as \"v=UAAC1; a=sha256; d=BASE64\"."
  (delq nil
        (mapcar (lambda (record)
                  (let ((tags (mapcar (lambda (part)
                                        (let ((tag (split-string part "=")))
                                          (cons (mew-submit-error--trim (car tag))
                                                (mew-submit-error--trim
                                                 (string-join (cdr tag) "=")))))
                                      (split-string record ";" t))))
                    (and (equal (cdr (car tags)) "UAAC1")
                         (equal (cdr (assoc "a" tags)) "sha256")
                         (ignore-errors
                           (base64-decode-string (cdr (assoc "d" tags)))))))
                records)))

(defconst mew-submit-setup-discover--scope "urn:ietf:params:oauth:scope:mail"
  "What an issuer that PACC calls oauth-public is asked for.
See draft-ietf-mailmaint-oauth-public; the document has no scope of its own.")

(defun mew-submit-setup-discover--pacc-parse (document domain)
  "Return the candidate for DOMAIN in DOCUMENT, the JSON of PACC, in a list.
What is no such JSON has none.  The server is reached over implicit TLS."
  (ignore-errors
    (let* ((json (mew-submit-https--json document))
           (get (lambda (&rest path)
                  (let ((value json))
                    (dolist (name path value)
                      (setq value (and (hash-table-p value) (gethash name value)))))))
           (page (funcall get "info" "help" "documentation"))
           (issuer (funcall get "authentication" "oauth-public" "issuer"))
           (password (eq t (funcall get "authentication" "password")))
           (candidate (mew-submit-setup-discover--candidate
                       domain (funcall get "protocols" "smtp" "host")
                       :port 465 :tls 'implicit :source 'pacc
                       :page (and (mew-submit-setup-provider--url-host page) page))))
      (and candidate
           (list (mew-submit-setup-discover--with-login
                  candidate issuer mew-submit-setup-discover--scope password))))))

(defun mew-submit-setup-discover--pacc-found (document records domain)
  "Return what DOCUMENT, which may be nil, has for DOMAIN.
RECORDS of the DNS have to vouch for it."
  (let* ((digest (and document (secure-hash 'sha256 document nil nil t)))
         (vouched (and digest
                       (member digest
                               (mew-submit-setup-discover--pacc-digests records))))
         (candidates (and vouched
                          (mew-submit-setup-discover--pacc-parse document domain))))
    (list :candidates candidates
          :said (list (format "%s: %s" (mew-submit-setup-discover--pacc-url domain)
                              (cond (candidates "a document that the DNS vouches for")
                                    (vouched "a document without a mail server")
                                    (document "another document than the DNS \
vouches for, so not believed")
                                    (t "no document over verified TLS")))))))

(defun mew-submit-setup-discover--pacc (domain _address callback)
  "Look for the JSON of DOMAIN that its DNS vouches for; CALLBACK gets the rest.
Where the DNS has no digest of it the web is not asked."
  (funcall
   mew-submit-setup-discover--dns-function (concat "_ua-auto-config." domain) 'TXT
   (lambda (answer)
     (let ((records (plist-get answer :answers)))
       (if (null (mew-submit-setup-discover--pacc-digests records))
           (funcall callback
                    (list :said (list (mew-submit-setup-discover--dns-words answer))))
         (funcall mew-submit-setup-discover--fetch-function
                  (mew-submit-setup-discover--pacc-url domain)
                  (lambda (document)
                    (funcall callback (mew-submit-setup-discover--pacc-found
                                       document records domain)))))))))

;;; Thunderbird's XML

(defun mew-submit-setup-discover--expand (text domain address)
  "Return TEXT, a name in the XML, with the parts of ADDRESS at DOMAIN put in."
  (let ((parts `(("%EMAILADDRESS%" . ,address)
                 ("%EMAILLOCALPART%"
                  . ,(replace-regexp-in-string "@[^@]*\\'" "" address))
                 ("%EMAILDOMAIN%" . ,domain))))
    (mew-submit-caseless--folding
      (replace-regexp-in-string "%EMAIL[A-Z]+%"
                                (lambda (part)
                                  (or (cdr (assoc part parts)) part))
                                text t t))))

(defun mew-submit-setup-discover--xml-words (node)
  "Return the text of NODE without blanks around it; nothing for what is very long."
  (let ((text (string-join (seq-filter #'stringp (dom-children node)) " ")))
    (if (length> text 1000) "" (mew-submit-error--trim text))))

(defun mew-submit-setup-discover--xml-text (node tag)
  "Return the text of the first TAG right below NODE, or nil."
  (when-let* ((child (dom-child-by-tag node tag)))
    (mew-submit-setup-discover--xml-words child)))

(defconst mew-submit-setup-discover--no-log-in
  '("none" "client-IP-address" "smtp-after-pop")
  "What the XML calls a server that wants no log-in.")

(defun mew-submit-setup-discover--xml-login (candidate ways oauth)
  "Return CANDIDATE with how one logs in by WAYS, as the XML has them.
OAUTH is its element oAuth2, or nil.  What is listed first is what is wanted."
  (cond ((equal (car ways) "OAuth2")
         (let ((password (seq-some (lambda (way)
                                     (string-prefix-p "password-" way))
                                   ways)))
           (append (mew-submit-setup-discover--with-login
                    candidate (and oauth (mew-submit-setup-discover--xml-text oauth 'issuer))
                    (and oauth (mew-submit-setup-discover--xml-text oauth 'scope))
                    (and password t))
                   (list :login 'oauth :password (and password t)))))
        ((and ways (seq-every-p (lambda (way)
                                  (member way mew-submit-setup-discover--no-log-in))
                                ways))
         (append candidate '(:auth "none")))
        (t candidate)))

(defun mew-submit-setup-discover--xml-server (server oauth domain address)
  "Return the candidate in SERVER, an outgoingServer of the XML, or nil.
A server without TLS is none.  OAUTH is the element oAuth2, or nil; DOMAIN and
ADDRESS are the user's."
  (let* ((text (lambda (tag) (mew-submit-setup-discover--xml-text server tag)))
         (expand (lambda (words)
                   (mew-submit-setup-discover--expand words domain address)))
         (tls (pcase (mew-submit-caseless--up (or (funcall text 'socketType) ""))
                ("SSL" 'implicit)
                ("STARTTLS" 'starttls)))
         (port (string-to-number (or (funcall text 'port) "")))
         (user (funcall text 'username)))
    (when-let* ((candidate
                 (and tls
                      (equal (dom-attr server 'type) "smtp")
                      (< 0 port 65536)
                      (mew-submit-setup-discover--candidate
                       domain (funcall expand (or (funcall text 'hostname) ""))
                       :port port :tls tls :source 'autoconfig
                       :user (and user (not (string-empty-p user))
                                  (funcall expand user))))))
      (mew-submit-setup-discover--xml-login
       candidate
       (mapcar #'mew-submit-setup-discover--xml-words
               (seq-filter (lambda (child) (eq (dom-tag child) 'authentication))
                           (dom-non-text-children server)))
       oauth))))

(defconst mew-submit-setup-discover--servers-max 20
  "How many servers of a document are read.")

(defconst mew-submit-setup-discover--entities-max 500
  "How many entities and attributes XML may have.
That of Thunderbird's database has some ten; Emacs takes long for many of them.")

(defconst mew-submit-setup-discover--tags-max 4000
  "How many tags XML may have.
Each domain of a provider is in two, and some have hundreds.")

(defun mew-submit-setup-discover--parse (document domain address)
  "Return the candidates in DOCUMENT, Thunderbird's XML, in its order.
DOMAIN and ADDRESS are the user's.  What is no such XML has none."
  (require 'dom)
  (require 'xml)
  (ignore-errors
    (with-temp-buffer
      (insert (if (multibyte-string-p document)
                  document
                (decode-coding-string document 'utf-8)))
      (let* ((tree (and (< (how-many "[&=]" (point-min) (point-max))
                           mew-submit-setup-discover--entities-max)
                        (< (how-many "<" (point-min) (point-max))
                           mew-submit-setup-discover--tags-max)
                        (car (xml-parse-region (point-min) (point-max)))))
             (oauth (car (dom-by-tag tree 'oAuth2))))
        (delq nil
              (mapcar (lambda (server)
                        (mew-submit-setup-discover--xml-server server oauth domain address))
                      (seq-take (dom-by-tag tree 'outgoingServer)
                                mew-submit-setup-discover--servers-max)))))))

(defun mew-submit-setup-discover--url (template domain address)
  "Return the URL that TEMPLATE means for DOMAIN and ADDRESS."
  (require 'url-util)
  (format-spec template `((?d . ,domain) (?a . ,(url-hexify-string address)))))

(defun mew-submit-setup-discover--documents (urls domain address callback)
  "Fetch all URLS at once; CALLBACK gets the candidates of the first with any.
DOMAIN and ADDRESS are the user's."
  (mew-submit-setup-discover--all
   (mapcar (lambda (url)
             (lambda (found)
               (funcall mew-submit-setup-discover--fetch-function url found)))
           urls)
   (lambda (documents)
     (let ((found (mapcar (lambda (document)
                            (and document
                                 (mew-submit-setup-discover--parse document domain
                                                                   address)))
                          documents)))
       (funcall callback
                (list :candidates (seq-find #'identity found)
                      :said (cl-mapcar
                             (lambda (url document candidates)
                               (format "%s: %s" url
                                       (cond (candidates "a document with servers")
                                             (document "a document without a \
server that has TLS")
                                             (t "no document over verified TLS"))))
                             urls documents found)))))))

(defun mew-submit-setup-discover--database-urls (domains)
  "Return the URLs of the database's entries for DOMAINS."
  (and mew-submit-discover-database
       (mapcar (lambda (domain)
                 (mew-submit-setup-discover--url mew-submit-discover-database domain
                                                 ""))
               domains)))

(defun mew-submit-setup-discover--autoconfig (domain address callback)
  "Ask the web about ADDRESS at DOMAIN and call CALLBACK with what is found."
  (mew-submit-setup-discover--documents
   (append (mapcar (lambda (template)
                     (mew-submit-setup-discover--url template domain address))
                   mew-submit-discover-urls)
           (mew-submit-setup-discover--database-urls (list domain)))
   domain address callback))

;;; MX records

(defun mew-submit-setup-discover--ends (host)
  "Return what domain HOST may be in, such as \"b.example.org\", \"example.org\".
HOST itself and top-level domains are not among them."
  (let ((labels (cdr (split-string host "[.]")))
        ends)
    (while (cdr labels)
      (push (string-join labels ".") ends)
      (setq labels (cdr labels)))
    (nreverse ends)))

(defvar mew-submit-setup-discover--guess-routes
  "465:implicit,587:starttls,25:starttls,443:implicit"
  "Where a server that is only a guess is looked at.")

(defun mew-submit-setup-discover--guess (domain mx)
  "Return candidates for mail from DOMAIN, whose best mail exchanger is MX or nil."
  (mapcar (lambda (host)
            (mew-submit-setup-discover--candidate domain host :source 'mx))
          (seq-take
           (delete-dups
            (append
             (mapcar (lambda (prefix) (concat prefix domain))
                     '("smtp." "mail." "submission."))
             (and mx
                  (cons mx (mapcar (lambda (end) (concat "smtp." end))
                                   (reverse (mew-submit-setup-discover--ends mx)))))))
           7)))

(defun mew-submit-setup-discover--exchangers (answer)
  "Return the hosts in ANSWER, MX records, in small letters, the best first."
  (delq nil
        (mapcar (lambda (record)
                  (ignore-errors (mew-submit-caseless--down
                                  (mew-submit-address--host (plist-get record :host)))))
                (sort (copy-sequence (plist-get answer :answers))
                      (lambda (a b)
                        (< (plist-get a :preference) (plist-get b :preference)))))))

(defun mew-submit-setup-discover--of (provider)
  "Return the part of a candidate about PROVIDER, an entry of the table."
  (cons :provider
        (cons (car provider)
              (cl-loop for key in '(:login :page :issuer :scope :redirect)
                       append (list key (plist-get (cdr provider) key))))))

(defun mew-submit-setup-discover--provider-found (domain answer)
  "Return what the table has for DOMAIN, by ANSWER, its MX records."
  (let* ((mx (car (mew-submit-setup-discover--exchangers answer)))
         (provider (and mx (mew-submit-setup-provider--by-mx mx))))
    (list :candidates (mapcar (pcase-lambda (`(,host ,port ,tls))
                                (append (mew-submit-setup-discover--candidate
                                         domain host :port port :tls tls
                                         :source 'provider)
                                        (mew-submit-setup-discover--of provider)))
                              (plist-get (cdr provider) :servers))
          :said (list (mew-submit-setup-discover--dns-words answer)
                      (cond (provider (format "%s is %s's" mx (car provider)))
                            (mx (format "%s: of no provider that is known here" mx))
                            (t "no mail exchanger"))))))

(defun mew-submit-setup-discover--provider (domain _address callback)
  "Call CALLBACK with the servers of the provider that has the mail of DOMAIN."
  (funcall mew-submit-setup-discover--dns-function domain 'MX
           (lambda (answer)
             (funcall callback
                      (mew-submit-setup-discover--provider-found domain answer)))))

(defun mew-submit-setup-discover--mx (domain address callback)
  "Call CALLBACK with what the MX records of DOMAIN let one guess.
They name the provider, which the database may know; else names are guessed.
ADDRESS is the user's."
  (funcall
   mew-submit-setup-discover--dns-function domain 'MX
   (lambda (answer)
     (let* ((mx (car (mew-submit-setup-discover--exchangers answer)))
            (guess (mew-submit-setup-discover--guess domain mx)))
       (mew-submit-setup-discover--documents
        (and mx (mew-submit-setup-discover--database-urls
                 (mew-submit-setup-discover--ends mx)))
        domain address
        (lambda (found)
          (funcall callback
                   (if (plist-get found :candidates)
                       found
                     (list :candidates (delq nil guess)
                           :said (append (plist-get found :said)
                                         '("names that are only usual")))))))))))

(defun mew-submit-setup-discover--known (candidate)
  "Return CANDIDATE with what is known of its provider, if it has a known one.
The table goes before XML, which lists access tokens of issuers that know only
some programs; what PACC lists is for every program."
  (let* ((provider (mew-submit-setup-provider--by-server (plist-get candidate :host)))
         (known (and provider
                     (not (equal (plist-get candidate :auth) "none"))
                     (mew-submit-setup-discover--of provider))))
    (if (eq (plist-get candidate :source) 'pacc)
        (append candidate known)
      (append known candidate))))

;;; What the floors above call

(defconst mew-submit-setup-discover--ways '(srv pacc autoconfig provider mx)
  "The ways to find a server, the most trustworthy first.")

(defun mew-submit-setup-discover--domain (address)
  "Return the domain of ADDRESS for the DNS, or signal `mew-submit-message'.
It has no capital letters: what is asked on the web may be told apart by them."
  (let ((checked (mew-submit-address--check address)))
    (if (string-match "@\\([^]@[]+\\)\\'" checked)
        (mew-submit-caseless--down (match-string 1 checked))
      (mew-submit-error--throw 'message address "No domain in the address: <%s>"
                               address))))

(defun mew-submit-setup-discover--start (way address callback)
  "Look in WAY, one of `mew-submit-setup-discover--ways', for servers for ADDRESS.
CALLBACK is called once, from a timer, with a plist: :candidates, the best
first; :said, what each one asked has said, in words; and :never, t if the
domain says that it has no such server.  Each candidate is a plist:
:host      the server
:port      its port, or nil where it is a guess
:tls       `implicit' or `starttls', or nil
:user      the user name, or nil where nobody said
:auth      a SASL mechanism or \"none\", or nil for any
:source    the WAY
:login     how one logs in, where that is known: `password', `app-password',
           `oauth' or `bridge', as in `mew-submit-setup-provider--table'
:password  t if a password is taken besides, where :login is `oauth'
:issuer    who issues access tokens, an address, or nil; :scope what for, and
           :redirect where to, where that is known
:page      where there is help, an address, or nil
:provider  whose the server is, where that is known
:foreign   t if the server is outside of the domain of ADDRESS: then the user
           has to agree.
Signal `mew-submit-message' when ADDRESS is none."
  (let ((domain (mew-submit-setup-discover--domain address)))
    (funcall (pcase way
               ('srv #'mew-submit-setup-discover--srv)
               ('pacc #'mew-submit-setup-discover--pacc)
               ('autoconfig #'mew-submit-setup-discover--autoconfig)
               ('provider #'mew-submit-setup-discover--provider)
               ('mx #'mew-submit-setup-discover--mx))
             domain address
             (lambda (found)
               (funcall callback
                        (plist-put found :candidates
                                   (mapcar #'mew-submit-setup-discover--known
                                           (plist-get found :candidates))))))))

(provide 'mew-submit-setup-discover)
;;; mew-submit-setup-discover.el ends here
