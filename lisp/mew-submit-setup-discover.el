;;; mew-submit-setup-discover.el --- Find the servers that take a person's mail -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the ways from an address to the servers that might take its
;; mail: the domain's SRV records (RFC 6186, RFC 8314), the XML that Thunderbird
;; reads (over https only), and a guess made of the MX records.  It stores
;; nothing, says nothing to a mail server and asks the user nothing.
;;
;; Everything is asynchronous and has an end: the function given is called once,
;; from a timer, with what was found.
;;
;; Why not `dns-query-asynchronous': it asks the first name server only, takes
;; any answer for one to its question, and a malformed packet makes it signal an
;; error in a process filter.  What goes over the wire is made and read by dns.el.

;;; Code:

(require 'cl-lib)
(eval-when-compile (require 'dom))      ; it has macros, and is seldom needed
(require 'dns)
(require 'format-spec)
(require 'mew-submit-address)
(require 'mew-submit-error)
(require 'mew-submit-module)
(require 'seq)
(require 'subr-x)

(declare-function dom-by-tag "dom" (dom tag))
(declare-function dom-text "dom" (node))
(declare-function url-generic-parse-url "url-parse" (url))
(declare-function url-hexify-string "url-util" (string &optional allowed-chars))
(declare-function url-type "url-parse" (urlobj))
(declare-function xml-parse-region "xml"
                  (&optional beg end buffer parse-dtd parse-ns))
(defvar gnutls-verify-error)
(defvar url-http-response-status)
(defvar url-request-noninteractive)

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

(defvar mew-submit-setup-discover--dns-function #'mew-submit-setup-discover--dns
  "Function called with NAME, TYPE and CALLBACK to ask for DNS records.")

(defvar mew-submit-setup-discover--exists-function #'mew-submit-setup-discover--exists
  "Function called with DOMAIN and CALLBACK to ask whether DOMAIN exists.")

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
      (setq timer (run-at-time seconds nil end))
      end)))

;;; DNS

(defconst mew-submit-setup-discover--dns-seconds 5
  "How many seconds to wait for the name servers.")

(defvar mew-submit-setup-discover--dns-service "domain"
  "The port of the name servers.")

(defun mew-submit-setup-discover--dns-answer (packet id name type)
  "Return (CODE . DATA) if PACKET answers the question ID for TYPE of NAME.
DATA is a list of what the records hold.  Return nil for any other packet."
  (let ((spec (ignore-errors (dns-read packet))))
    (when (and (eql (cadr (assq 'id spec)) id)
               (cadr (assq 'response-p spec))
               (equal (downcase (or (caar (cadr (assq 'queries spec))) ""))
                      (downcase name)))
      (cons (cadr (assq 'response-code spec))
            (delq nil (mapcar (lambda (answer)
                                (and (eq (cadr (assq 'type (cdr answer))) type)
                                     (cadr (assq 'data (cdr answer)))))
                              (cadr (assq 'answers spec))))))))

(defun mew-submit-setup-discover--dns-ask (server packet filter)
  "Send PACKET to the name server SERVER; FILTER hears what comes back.
Return the process, or nil."
  (ignore-errors
    (let ((process (make-network-process
                    :name "mew-submit-dns" :noquery t :coding 'binary
                    :buffer nil :type 'datagram :host server
                    :service mew-submit-setup-discover--dns-service
                    :filter filter)))
      (process-send-string process packet)
      process)))

(defun mew-submit-setup-discover--dns (name type callback)
  "Ask the name servers for the records of TYPE, a symbol, that NAME has.
CALLBACK is called with a list of what they hold, as dns.el reads it; with nil
when there are none or nobody answers."
  (mew-submit-setup-discover--ask-dns name type
                                      (lambda (answer) (funcall callback (cdr answer)))))

(defun mew-submit-setup-discover--exists (domain callback)
  "Find out whether DOMAIN exists, and call CALLBACK with the answer.
That is `yes', `no', or nil when nobody answers."
  (mew-submit-setup-discover--ask-dns domain 'MX
                                      (lambda (answer)
                                        (funcall callback (pcase (car answer)
                                                            ('no-error 'yes)
                                                            ('name-error 'no))))))

(defun mew-submit-setup-discover--ask-dns (name type callback)
  "Ask the name servers for the records of TYPE, a symbol, that NAME has.
CALLBACK is called with (CODE . DATA), the first one's answer, or with nil when
nobody answers."
  (unless (dns-servers-up-to-date-p)
    (dns-set-servers))
  (let* ((id (random #x10000))
         (packet (dns-write `((id ,id) (opcode query)
                              (queries ((,name (type ,type))))
                              (recursion-desired-p t))))
         (left (length dns-servers))
         processes
         (end (mew-submit-setup-discover--once
               mew-submit-setup-discover--dns-seconds
               (lambda () (mapc #'delete-process processes))
               callback))
         (filter (lambda (_process octets)
                   (pcase (mew-submit-setup-discover--dns-answer octets id name type)
                     ('nil)
                     ((and `(,(or 'no-error 'name-error) . ,_) answer)
                      (funcall end answer))
                     (_ (when (zerop (setq left (1- left)))
                          (funcall end)))))))
    (dolist (server dns-servers)
      (if-let* ((process (mew-submit-setup-discover--dns-ask server packet filter)))
          (push process processes)
        (setq left (1- left))))
    (when (zerop left)
      (funcall end))))

;;; The web

(defconst mew-submit-setup-discover--document-max 200000
  "How many octets a document may have.")

(defun mew-submit-setup-discover--https-p (url)
  "Is URL one whose document comes over TLS?"
  (equal (url-type (url-generic-parse-url url)) "https"))

(defun mew-submit-setup-discover--body (status)
  "Return the document in the current buffer, which url.el has fetched, or nil.
STATUS is what url.el says of it.  A document that came by way of a redirection
to a place without TLS is none."
  (goto-char (point-min))
  (and (not (plist-get status :error))
       (eql (bound-and-true-p url-http-response-status) 200)
       (seq-every-p #'mew-submit-setup-discover--https-p
                    (cl-loop for (key value) on status by #'cddr
                             when (eq key :redirect) collect value))
       (<= (buffer-size) mew-submit-setup-discover--document-max)
       (re-search-forward "\r?\n\r?\n" nil t)
       (buffer-substring-no-properties (point) (point-max))))

(defun mew-submit-setup-discover--fetch (url callback)
  "Fetch the document at URL and call CALLBACK with it, a string, or with nil.
Only https is used, and only with a certificate that can be verified."
  (require 'gnutls)
  (require 'url)
  (let* (buffer
         (end (mew-submit-setup-discover--once
               mew-submit-discover-timeout
               (lambda ()
                 (when (buffer-live-p buffer)
                   (when-let* ((process (get-buffer-process buffer)))
                     (set-process-sentinel process #'ignore)
                     (delete-process process))
                   (let (kill-buffer-query-functions)
                     (kill-buffer buffer))))
               callback)))
    (if (not (mew-submit-setup-discover--https-p url))
        (funcall end)
      (condition-case nil
          (let ((gnutls-verify-error t)
                (url-request-noninteractive t))
            (mew-submit-module--ignore-pipe)
            (setq buffer
                  (url-retrieve url
                                (lambda (status)
                                  (setq buffer (current-buffer))
                                  (funcall end (ignore-errors
                                                 (mew-submit-setup-discover--body
                                                  status))))
                                nil t t)))
        (error (funcall end))))))

;;; SRV records

(defun mew-submit-setup-discover--foreign-p (host domain)
  "Is HOST outside of DOMAIN?
The owner of DOMAIN has then to be asked whether this is right, as anybody
could have forged the answer that names HOST (RFC 6186, section 6)."
  (not (string-suffix-p (concat "." domain) (concat "." host) t)))

(defun mew-submit-setup-discover--candidate (domain host &rest more)
  "Return a candidate: HOST for mail from DOMAIN, with the keys of MORE.
Return nil when HOST is no host."
  (when-let* ((name (ignore-errors (mew-submit-address--host host))))
    (append (list :host name)
            (and (mew-submit-setup-discover--foreign-p name domain) '(:foreign t))
            more)))

(defun mew-submit-setup-discover--srv-candidate (domain record tls)
  "Return the candidate in the SRV RECORD of DOMAIN, with the TLS mode, or nil."
  (let ((get (lambda (key) (cadr (assq key record)))))
    (and (not (member (funcall get 'target) '(nil "" ".")))
         (mew-submit-setup-discover--candidate
          domain (funcall get 'target) :port (funcall get 'port) :tls tls
          :source 'srv :priority (funcall get 'priority)
          :weight (funcall get 'weight)))))

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
IMPLICIT and STARTTLS are those of _submissions and _submission."
  (let ((candidates
         (delq nil
               (append
                (mapcar (lambda (record)
                          (mew-submit-setup-discover--srv-candidate domain record
                                                                    'implicit))
                        implicit)
                (mapcar (lambda (record)
                          (mew-submit-setup-discover--srv-candidate domain record
                                                                    'starttls))
                        starttls)))))
    (list :candidates (sort candidates #'mew-submit-setup-discover--srv-before-p)
          ;; A target of "." says that the service is not there.
          :never (and (null candidates)
                      (or implicit starttls)
                      (seq-every-p (lambda (record)
                                     (member (cadr (assq 'target record))
                                             '("" ".")))
                                   (append implicit starttls))
                      t))))

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

;;; Thunderbird's XML

(defun mew-submit-setup-discover--expand (text domain address)
  "Return TEXT, a name in the XML, with the parts of ADDRESS at DOMAIN put in."
  (let ((parts `(("%EMAILADDRESS%" . ,address)
                 ("%EMAILLOCALPART%"
                  . ,(string-remove-suffix (concat "@" domain) address))
                 ("%EMAILDOMAIN%" . ,domain))))
    (replace-regexp-in-string "%EMAIL[A-Z]+%"
                              (lambda (part)
                                (or (cdr (assoc part parts)) part))
                              text t t)))

(defun mew-submit-setup-discover--xml-server (server domain address)
  "Return the candidate in SERVER, an outgoingServer of the XML, or nil.
A server without TLS is none.  DOMAIN and ADDRESS are the user's."
  (let* ((texts (lambda (tag)
                  (mapcar (lambda (node) (string-trim (dom-text node)))
                          (dom-by-tag server tag))))
         (text (lambda (tag) (car (funcall texts tag))))
         (expand (lambda (words)
                   (mew-submit-setup-discover--expand words domain address)))
         (tls (pcase (upcase (or (funcall text 'socketType) ""))
                ("SSL" 'implicit)
                ("STARTTLS" 'starttls)))
         (port (string-to-number (or (funcall text 'port) "")))
         (user (funcall text 'username))
         (ways (funcall texts 'authentication)))
    (and tls
         (equal (dom-attr server 'type) "smtp")
         (< 0 port 65536)
         (mew-submit-setup-discover--candidate
          domain (funcall expand (or (funcall text 'hostname) ""))
          :port port :tls tls :source 'autoconfig
          :user (and user (not (string-empty-p user)) (funcall expand user))
          :oauth (equal ways '("OAuth2"))
          :auth (and ways
                     (seq-every-p (lambda (way)
                                    (member way '("none" "client-IP-address"
                                                  "smtp-after-pop")))
                                  ways)
                     "none")))))

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
      (let ((tree (car (xml-parse-region (point-min) (point-max)))))
        (delq nil
              (mapcar (lambda (server)
                        (mew-submit-setup-discover--xml-server server domain address))
                      (dom-by-tag tree 'outgoingServer)))))))

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
     (funcall callback
              (list :candidates
                    (seq-some (lambda (document)
                                (and document
                                     (mew-submit-setup-discover--parse document domain
                                                                       address)))
                              documents))))))

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

(defun mew-submit-setup-discover--mx (domain address callback)
  "Call CALLBACK with what the MX records of DOMAIN let one guess.
They name the provider, which the database may know; else names are guessed.
ADDRESS is the user's."
  (funcall
   mew-submit-setup-discover--dns-function domain 'MX
   (lambda (records)
     (let* ((best (cdar (sort (copy-sequence records) #'car-less-than-car)))
            (mx (and best (ignore-errors (mew-submit-address--host best))))
            (guess (mew-submit-setup-discover--guess domain mx)))
       (mew-submit-setup-discover--documents
        (and mx (mew-submit-setup-discover--database-urls
                 (mew-submit-setup-discover--ends mx)))
        domain address
        (lambda (found)
          (funcall callback (if (plist-get found :candidates)
                                found
                              (list :candidates (delq nil guess))))))))))

;;; What the floors above call

(defconst mew-submit-setup-discover--ways '(srv autoconfig mx)
  "The ways to find a server, the most trustworthy first.")

(defun mew-submit-setup-discover--domain (address)
  "Return the domain of ADDRESS for the DNS, or signal `mew-submit-message'."
  (let ((checked (mew-submit-address--check address)))
    (if (string-match "@\\([^]@[]+\\)\\'" checked)
        (match-string 1 checked)
      (mew-submit-error--throw 'message address "No domain in the address: <%s>"
                               address))))

(defun mew-submit-setup-discover--start (way address callback)
  "Look in WAY, one of `mew-submit-setup-discover--ways', for servers for ADDRESS.
CALLBACK is called once, from a timer, with a plist: :candidates, the best
first, and :never, t if the domain says that it has no such server.  Each
candidate is a plist:
:host      the server
:port      its port, or nil where it is a guess
:tls       `implicit' or `starttls', or nil
:user      the user name, or nil where nobody said
:auth      a SASL mechanism or \"none\", or nil for any
:source    the WAY
:foreign   t if the server is outside of the domain of ADDRESS: then the user
           has to agree.
Signal `mew-submit-message' when ADDRESS is none."
  (let ((domain (mew-submit-setup-discover--domain address)))
    (funcall (pcase way
               ('srv #'mew-submit-setup-discover--srv)
               ('autoconfig #'mew-submit-setup-discover--autoconfig)
               ('mx #'mew-submit-setup-discover--mx))
             domain address callback)))

(provide 'mew-submit-setup-discover)
;;; mew-submit-setup-discover.el ends here
