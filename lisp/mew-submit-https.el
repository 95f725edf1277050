;;; mew-submit-https.el --- One request over https, in the background -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the requests over https, to whoever issues access tokens and to domains that
;; say something of their mail: one request, one answer, one connection, nothing kept, and
;; a deadline for all of it.
;;
;; url.el is not used for these.  Sent in the background by url.el of Emacs 28.2 and 30.1,
;; a POST made it ask for a user and a password where the answer was 401, as that to an
;; unknown client is (RFC 6749, section 5.2), and went out a second time then; after 301,
;; 307 and 308 it posted the same, a refresh token say, to the other address; and where the
;; certificate was not valid, it asked a question with a key to press, also when told not
;; to be interactive.  Nor has it a limit on what it reads.  None of that can be switched
;; off for one request.  (Cookies can, and so can connections that are kept, on which it
;; sends a POST again by itself when they are closed: many issuers revoke a refresh token
;; that comes twice.)  And that of Emacs 28 may never hear that TLS is up.
;;
;; What was read may be a secret.  It is in no message and in no error.

;;; Code:

(require 'cl-lib)
(require 'gnutls)
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-module)
(require 'mew-submit-oauth)
(require 'seq)
(require 'subr-x)

;; Seldom needed: see `mew-submit-https--json-value'.
(declare-function json-read "json" ())
(defvar json-array-type)
(defvar json-false)
(defvar json-key-type)
(defvar json-null)
(defvar json-object-type)

(defconst mew-submit-https--octets-max 131072
  "How many octets an answer may have.")

(defconst mew-submit-https--depth-max 20
  "How deep JSON may be nested.")

(defconst mew-submit-https--priority
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM"
  "What GnuTLS may use: as for mail (SECURITY.md, C1 and C3).")

(defvar mew-submit-https--timeout 30
  "Seconds that a request and its answer may take.")

;;; Addresses

(defconst mew-submit-https--url
  (concat "\\`\\(https?\\)://"
          "\\([A-Za-z0-9]\\(?:[A-Za-z0-9._-]*[A-Za-z0-9]\\)?\\|\\[[0-9A-Fa-f:.]+\\]\\)"
          "\\(?::\\([0-9]\\{1,5\\}\\)\\)?"
          "\\(/[]!$%&'()*+,/0-9:;=@A-Z_a-z~?.[-]*\\)?\\'")
  "An address without user, fragment, space or whatever is not ASCII.")

(defun mew-submit-https--parse (url)
  "Return the parts of URL, (SCHEME HOST PORT PATH), or nil when it is not safe.
That is one of https, or of http on this machine by its address; nothing that
leaves it is sent in the clear."
  (let ((case-fold-search nil))
    (when (and (stringp url)
               (< (length url) 2048)
               (string-match mew-submit-https--url url))
      (let* ((scheme (match-string 1 url))
             (host (mew-submit-caseless--down (match-string 2 url)))
             (port (match-string 3 url))
             (path (match-string 4 url))
             (number (cond (port (string-to-number port))
                           ((equal scheme "https") 443)
                           (t 80))))
        (and (< 0 number 65536)
             (or (equal scheme "https") (member host '("127.0.0.1" "[::1]")))
             (list scheme host number (or path "/")))))))

(defun mew-submit-https--name (parts)
  "Return the host of PARTS, an address of IPv6 without its brackets."
  (string-trim (nth 1 parts) "\\[" "\\]"))

(defun mew-submit-https--host (url)
  "Return the host of URL for people."
  (or (nth 1 (mew-submit-https--parse url)) "the sign-in service"))

(defun mew-submit-https--quote (text)
  "Return TEXT, in UTF-8, as it is in a query."
  (mapconcat (lambda (octet)
               (if (string-match-p "[A-Za-z0-9._~-]" (string octet))
                   (string octet)
                 (format "%%%02X" octet)))
             (encode-coding-string text 'utf-8) ""))

(defun mew-submit-https--query (pairs)
  "Return PAIRS, an alist of strings, as a query; one without value is left out."
  (mapconcat (lambda (pair)
               (concat (mew-submit-https--quote (car pair)) "="
                       (mew-submit-https--quote (cdr pair))))
             (seq-filter #'cdr pairs) "&"))

;;; One exchange

(cl-defstruct (mew-submit-https (:constructor mew-submit-https--make)
                                (:copier nil))
  (process nil :documentation "The connection.")
  (began nil :documentation "Since when it has an address, or was begun, in seconds.")
  (place nil :documentation "Where it leads: (HOST PORT TLS), as for connecting.")
  (family nil :documentation "`ipv4' when it connects over that alone, or nil.")
  (buffer nil :documentation "What has come, octets.")
  (timer nil :documentation "What ends it at its deadline.")
  (pusher nil :documentation "What has TLS go on, or nil.")
  (callback nil :documentation "Function of the answer; nil when it has been called.")
  (peer nil :documentation "Who is asked, for people.")
  (request nil :documentation "What is to be sent, until it is.")
  (tls nil :documentation "What GnuTLS has to know, until TLS has begun.")
  (proxy nil :documentation "What a proxy is asked for, `asked', or nil.")
  (body nil :documentation "Where the body begins, once the header is there.")
  (scan nil :documentation "Where the next chunk of it begins.")
  (length nil :documentation "How long the body is, or `chunked', or nil.")
  (status nil :documentation "The status of the answer.")
  (location nil :documentation "Where it sends us on to, or nil."))

(defun mew-submit-https--release (exchange)
  "Give back what EXCHANGE has, and wipe it."
  (dolist (timer (list (mew-submit-https-timer exchange)
                       (mew-submit-https-pusher exchange)))
    (when timer
      (cancel-timer timer)))
  (when-let* ((process (mew-submit-https-process exchange)))
    (mew-submit-background--drop process))
  (when-let* ((request (mew-submit-https-request exchange)))
    (clear-string request)
    (setf (mew-submit-https-request exchange) nil))
  (let ((buffer (mew-submit-https-buffer exchange)))
    (when (buffer-live-p buffer)
      (with-current-buffer buffer
        (erase-buffer))
      (let (kill-buffer-query-functions)
        (kill-buffer buffer)))))

(defun mew-submit-https--end (exchange answer)
  "End EXCHANGE: call its callback with ANSWER, once."
  (when-let* ((callback (mew-submit-https-callback exchange)))
    (setf (mew-submit-https-callback exchange) nil)
    (mew-submit-https--release exchange)
    (condition-case err
        (funcall callback answer)
      (error (display-warning 'mew-submit (mew-submit-oauth--error-text err))))))

(defun mew-submit-https--fail (exchange format &rest args)
  "End EXCHANGE without an answer; FORMAT and ARGS tell why."
  (mew-submit-https--end
   exchange (list :error (mew-submit-error--clean
                          (concat (mew-submit-https-peer exchange) " "
                                  (apply #'format format args)))
                  ;; Whether the other side has seen the request.
                  :sent (null (mew-submit-https-request exchange))
                  :location (mew-submit-https-location exchange))))

(defun mew-submit-https--cancel (exchange)
  "End EXCHANGE; its callback is not called any more.  It may be nil, or over."
  (when (and exchange (mew-submit-https-callback exchange))
    (setf (mew-submit-https-callback exchange) nil)
    (mew-submit-https--release exchange)))

;;; The answer

(defun mew-submit-https--field (name)
  "Return the value of the field NAME in the header; the buffer is narrowed to it."
  (goto-char (point-min))
  (mew-submit-caseless--folding
    (and (re-search-forward (format "^%s:\\([^\r\n]*\\)\r?$" name) nil t)
         (mew-submit-error--trim (match-string 1)))))

(defun mew-submit-https--header (exchange)
  "Read the header of EXCHANGE in its buffer, if it is there."
  (goto-char (point-min))
  (when (re-search-forward "\r?\n\r?\n" nil t)
    (let ((end (point)))
      (save-restriction
        (narrow-to-region (point-min) end)
        (goto-char (point-min))
        (if (not (looking-at "HTTP/1\\.[01] \\([1-5][0-9][0-9]\\)\\(?: \\|\r?$\\)"))
            (mew-submit-https--fail exchange "does not speak HTTP")
          (setf (mew-submit-https-status exchange)
                (string-to-number (match-string 1))
                (mew-submit-https-body exchange) end
                (mew-submit-https-scan exchange) end
                (mew-submit-https-location exchange)
                (mew-submit-https--field "Location")
                (mew-submit-https-length exchange)
                (let ((length (mew-submit-https--field "Content-Length")))
                  (cond ((eql (mew-submit-https-status exchange) 204) 0)
                        ((mew-submit-https--field "Transfer-Encoding") 'chunked)
                        ((and length (string-match-p "\\`[0-9]\\{1,9\\}\\'" length))
                         (string-to-number length)))))))
      ;; What comes before the answer (RFC 9110, section 15.2) is not it.
      (when (and (mew-submit-https-callback exchange)
                 (< (mew-submit-https-status exchange) 200))
        (delete-region (point-min) end)
        (setf (mew-submit-https-body exchange) nil)
        (mew-submit-https--header exchange)))))

(defun mew-submit-https--unchunk (exchange)
  "Take what there is of the chunks of EXCHANGE apart.
Return where the body ends when all of it is there, else nil."
  (let (end more)
    (goto-char (mew-submit-https-scan exchange))
    (while (and (null end) (null more)
                (looking-at "\\([0-9A-Fa-f]+\\)[^\r\n]*\r?\n"))
      (let ((size (string-to-number (match-string 1) 16))
            (start (match-end 0)))
        (cond ((zerop size) (setq end (point)))
              ((< (- (point-max) start) (+ size 2)) (setq more t))
              (t (delete-region (point) start)
                 (forward-char size)
                 (when (looking-at "\r?\n")
                   (delete-region (point) (match-end 0)))
                 (setf (mew-submit-https-scan exchange) (point))))))
    end))

(defun mew-submit-https--body-end (exchange ended)
  "Return where the body of EXCHANGE ends in its buffer, or nil for not yet.
ENDED means that no more will come."
  (let ((length (mew-submit-https-length exchange))
        (start (mew-submit-https-body exchange)))
    (cond ((eq length 'chunked) (mew-submit-https--unchunk exchange))
          ((null length) (and ended (point-max)))
          ((>= (- (point-max) start) length) (+ start length)))))

(defun mew-submit-https--answer (exchange end)
  "End EXCHANGE with its answer, whose body ends at END of the buffer."
  (let ((status (mew-submit-https-status exchange)))
    (if (<= 300 status 399)
        (mew-submit-https--fail exchange "sends us on to another address (status %d), \
which is not followed" status)
      (mew-submit-https--end
       exchange (list :status status
                      :body (buffer-substring (mew-submit-https-body exchange)
                                              end))))))

(defun mew-submit-https--read (exchange ended)
  "See whether the answer of EXCHANGE is there; ENDED means no more will come."
  (with-current-buffer (mew-submit-https-buffer exchange)
    (unless (mew-submit-https-body exchange)
      (mew-submit-https--header exchange))
    (when (mew-submit-https-callback exchange)
      (let ((end (and (mew-submit-https-body exchange)
                      (mew-submit-https--body-end exchange ended))))
        (cond (end (mew-submit-https--answer exchange end))
              (ended (mew-submit-https--fail
                      exchange "closed the connection before its answer was whole")))))))

;;; A proxy

(defvar url-proxy-services)

(defun mew-submit-https--direct-p (host)
  "Is HOST one that is reached without a proxy, as the user has it?"
  (let ((regexp (cdr (assoc "no_proxy" (bound-and-true-p url-proxy-services))))
        (names (or (getenv "no_proxy") (getenv "NO_PROXY") "")))
    (or (and regexp (string-match-p regexp host))
        (seq-find (lambda (name)
                    (or (equal name "*")
                        (string-suffix-p (concat "." (string-remove-prefix "." name))
                                         (concat "." host) t)))
                  (split-string names "[ ,]+" t)))))

(defun mew-submit-https--proxy (parts)
  "Return the proxy for the address of PARTS, (HOST . PORT), or nil.
That is the one for https in `url-proxy-services', or in the environment.
Signal `mew-submit-config' for one that cannot be used: no way leads past it."
  (let ((name (or (cdr (assoc "https" (bound-and-true-p url-proxy-services)))
                  (getenv "https_proxy") (getenv "HTTPS_PROXY") "")))
    (cond ((or (equal name "")
               (not (equal (car parts) "https"))
               (mew-submit-https--direct-p (mew-submit-https--name parts)))
           nil)
          ((mew-submit-caseless--folding
             (string-match "\\`\\(?:http://\\)?\\([A-Za-z0-9._-]+\\):\\([0-9]+\\)/?\\'" name))
           (cons (match-string 1 name) (string-to-number (match-string 2 name))))
          ;; It may have a password in it, and is not shown.
          (t (mew-submit-error--throw 'config nil "The proxy for https (https_proxy, \
or `url-proxy-services') has to be HOST:PORT, without a password")))))

(defun mew-submit-https--ask-proxy (exchange process)
  "Ask the proxy that PROCESS, of EXCHANGE, leads to for the way on."
  (let ((place (mew-submit-https-proxy exchange)))
    (setf (mew-submit-https-proxy exchange) 'asked)
    (process-send-string process (format "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n"
                                         place place))))

(defun mew-submit-https--hear-proxy (exchange)
  "Go on with EXCHANGE when the proxy has said in its buffer that it may.
What it has said besides counts for nothing, and must not be there."
  (goto-char (point-min))
  (when (re-search-forward "\r?\n\r?\n" nil t)
    (let ((behind (not (eobp))))
      (goto-char (point-min))
      (if (or behind (not (looking-at "HTTP/1\\.[01] 200[ \r]")))
          (mew-submit-https--fail exchange "cannot be reached: the proxy does not let \
us through")
        (erase-buffer)
        (setf (mew-submit-https-proxy exchange) nil)
        (mew-submit-https--begin-tls exchange (mew-submit-https-process exchange))))))

;;; The request

(defun mew-submit-https--guard (exchange function &rest arguments)
  "Call FUNCTION with EXCHANGE and ARGUMENTS; an error ends EXCHANGE, in words.
One that escaped a filter or a sentinel would leave it to its deadline."
  (condition-case err
      (apply function exchange arguments)
    (error (mew-submit-https--fail exchange "cannot be reached safely: %s"
                                   (mew-submit-oauth--error-text err)))))

(defun mew-submit-https--filter (exchange chunk)
  "Take CHUNK, octets that have come for EXCHANGE, and wipe it."
  (when (mew-submit-https-callback exchange)
    (with-current-buffer (mew-submit-https-buffer exchange)
      (goto-char (point-max))
      (insert chunk)
      (clear-string chunk)
      (cond ((> (buffer-size) mew-submit-https--octets-max)
             (mew-submit-https--fail exchange "sent more than is read"))
            ((mew-submit-https-proxy exchange)
             (mew-submit-https--hear-proxy exchange))
            (t (mew-submit-https--read exchange nil))))))

(defun mew-submit-https--send (exchange process)
  "Send the request of EXCHANGE over PROCESS, which is open and safe."
  (when-let* ((request (mew-submit-https-request exchange)))
    (setf (mew-submit-https-request exchange) nil)
    (unwind-protect
        (process-send-string process request)
      (clear-string request))))

(defun mew-submit-https--go-on (exchange process status)
  "Send the request of EXCHANGE over PROCESS if TLS, in STATUS, is safe, or fail.
Where there is no STATUS, Emacs has found the certificate bad, given up TLS, and
left PROCESS open without it.  One who is trusted may have signed for itself."
  (if (or (null status) (remq :self-signed (plist-get status :warnings)))
      (mew-submit-https--fail exchange "cannot be reached safely: its certificate is \
not valid, or this machine's clock is not right")
    (mew-submit-https--send exchange process)))

(defvar mew-submit-https--patience 3
  "Seconds for a connection to come about; after that it is begun anew.
Emacs 28 never hears of some that are up.  Nothing has been sent by then.")

(defun mew-submit-https--begin-anew (exchange)
  "Have EXCHANGE, of which nothing has been sent, connect once more.
Every other time that is over IPv4: Emacs tries the first address, most often
one of IPv6, for as long as nothing comes back, and there are networks where
nothing ever does."
  (let ((process (mew-submit-https-process exchange)))
    (cancel-timer (mew-submit-https-pusher exchange))
    (mew-submit-background--drop process)
    (setf (mew-submit-https-family exchange)
          (if (mew-submit-https-family exchange) nil 'ipv4))
    (apply #'mew-submit-https--connect exchange (mew-submit-https-place exchange))))

(defun mew-submit-https--push-on (exchange)
  "Have EXCHANGE get on, also while Emacs waits for another process.
A command that waits for the output of one, such as that of a mail that needs
the token, lets Emacs go on with the address and the TLS of that one alone."
  (let ((process (mew-submit-https-process exchange)))
    (cond ((null (mew-submit-https-request exchange))
           (cancel-timer (mew-submit-https-pusher exchange)))
          ;; Waiting for it alone would not end where it has an address, and is refused.
          ((not (mew-submit-background--looked-up-p process))
           (setf (mew-submit-https-began exchange) (float-time))
           (accept-process-output nil 0))
          ((and (eq (process-status process) 'connect)
                (> (- (float-time) (mew-submit-https-began exchange))
                   mew-submit-https--patience))
           (mew-submit-https--begin-anew exchange))
          ;; It has an address, and connects to that.  Waiting for it alone Emacs would look
          ;; at nothing but whether it can be read; of one that is refused, for ever.
          ((eq (process-status process) 'connect))
          ((process-live-p process) (accept-process-output process 0 nil t))
          ;; The name has no address of IPv4 perhaps.
          ((and (null (process-contact process :local t)) (mew-submit-https-family exchange))
           (mew-submit-https--begin-anew exchange))
          ((null (process-contact process :local t))
           (mew-submit-https--fail exchange "cannot be found: this network does not know \
the name, or knows none at all"))
          ;; Emacs tells nobody of a certificate that is not valid.
          (t (mew-submit-https--fail exchange "cannot be reached safely: the \
connection, or its certificate, is not good, or this machine's clock is not right")))))

(defun mew-submit-https--begin-tls (exchange process)
  "Begin TLS for EXCHANGE on PROCESS, which is open, and leave the rest to Emacs.
Emacs would begin by itself, with :tls-parameters, but may then finish before it
notes that PROCESS is open, and never says that it is.  It looks there for them
when it checks the certificate."
  (let ((tls (mew-submit-https-tls exchange)))
    (setf (mew-submit-https-tls exchange) nil)
    (plist-put (process-contact process t) :tls-parameters tls)
    (let ((result (gnutls-boot process (car tls) (cdr tls))))
      (unless (memq result '(gnutls-e-again gnutls-e-interrupted))
        (mew-submit-https--go-on exchange process (gnutls-peer-status process))))))

(defun mew-submit-https--sentinel (exchange process change)
  "Go on with EXCHANGE: its PROCESS is open, or has ended because of CHANGE."
  (pcase (process-status process)
    ('connect nil)
    ((and 'open (guard (stringp (mew-submit-https-proxy exchange))))
     (mew-submit-https--ask-proxy exchange process))
    ((and 'open (guard (mew-submit-https-tls exchange)))
     (mew-submit-https--begin-tls exchange process))
    ('open (if (plist-get (process-contact process t) :tls-parameters)
               (mew-submit-https--go-on exchange process (gnutls-peer-status process))
             (mew-submit-https--send exchange process)))
    ;; Where IPv4 leads nowhere IPv6 may yet.
    ((guard (and (mew-submit-https-request exchange)
                 (mew-submit-https-family exchange)
                 (string-prefix-p "failed with code" change)))
     (mew-submit-https--begin-anew exchange))
    ((guard (and (mew-submit-https-request exchange)
                 (string-match "\\`failed with code \\(-?[0-9]+\\)" change)))
     (mew-submit-https--fail exchange "does not answer, or this network does not let us \
there (error %s)" (match-string 1 change)))
    ((guard (mew-submit-https-request exchange))
     (mew-submit-https--fail exchange "cannot be reached safely: %s"
                             (string-trim change)))
    (_ (mew-submit-https--read exchange t))))

(defun mew-submit-https--give-up (exchange)
  "End EXCHANGE, whose time is over, unless its answer has come.
Where Emacs was not awake, or something else stood in its way, that is there and
was not read; a refresh token in it would be lost."
  (let ((process (mew-submit-https-process exchange)))
    (while (and (mew-submit-https-callback exchange)
                (null (mew-submit-https-request exchange))
                (process-live-p process)
                (accept-process-output process 0 nil t))))
  (mew-submit-https--fail exchange "did not answer in time"))

(defun mew-submit-https--message (parts accept body type &optional user)
  "Return a request, octets, for the address of PARTS; its answer is of ACCEPT.
BODY is what is posted, octets of TYPE, or nil to get something.  USER, a name
and a password, says who asks as a client of OAuth does (RFC 6749, 2.3.1)."
  (pcase-let ((`(,scheme ,host ,port ,path) parts))
    (concat (if body "POST " "GET ") path " HTTP/1.1\r\n"
            "Host: " host
            (if (eql port (if (equal scheme "https") 443 80)) "" (format ":%d" port))
            ;; Without a word any coding will do, says RFC 9110 (section 12.5.3).
            "\r\nAccept: " accept "\r\nAccept-Encoding: identity"
            "\r\nUser-Agent: mew-submit\r\n"
            "Connection: close\r\n"
            (and user
                 (format "Authorization: Basic %s\r\n"
                         (base64-encode-string
                          (mapconcat #'mew-submit-https--quote user ":") t)))
            (and body (format "Content-Type: %s\r\nContent-Length: %d\r\n"
                              type (length body)))
            "\r\n" body)))

(defun mew-submit-https--tls (parts)
  "Return what GnuTLS has to know for the address of PARTS, or nil for none."
  (and (equal (car parts) "https")
       (cons 'gnutls-x509pki
             (gnutls-boot-parameters
              :type 'gnutls-x509pki :hostname (mew-submit-https--name parts)
              :verify-error t
              :priority-string mew-submit-https--priority))))

(defun mew-submit-https--open (exchange parts)
  "Have EXCHANGE connect to the address of PARTS."
  (let ((proxy (mew-submit-https--proxy parts)))
    (setf (mew-submit-https-proxy exchange)
          (and proxy (format "%s:%d" (nth 1 parts) (nth 2 parts))))
    (mew-submit-https--connect exchange (or (car proxy) (mew-submit-https--name parts))
                               (or (cdr proxy) (nth 2 parts))
                               (mew-submit-https--tls parts))))

(defun mew-submit-https--connect (exchange host port tls)
  "Have EXCHANGE connect to PORT of HOST; TLS is what GnuTLS has to know later."
  (mew-submit-module--ignore-pipe)
  (setf (mew-submit-https-tls exchange) tls
        (mew-submit-https-place exchange) (list host port tls)
        (mew-submit-https-began exchange) (float-time)
        (mew-submit-https-process exchange)
        (make-network-process
         :name "mew-submit https" :noquery t :buffer nil :coding 'binary
         :host host :service port :family (mew-submit-https-family exchange)
         :nowait t :tls-parameters nil
         :filter (lambda (_process chunk)
                   (mew-submit-https--guard exchange #'mew-submit-https--filter chunk))
         :sentinel (lambda (process change)
                     (mew-submit-https--guard exchange #'mew-submit-https--sentinel
                                              process change)))
        (mew-submit-https-pusher exchange)
        (run-at-time 0.05 0.05 #'mew-submit-https--guard exchange
                     #'mew-submit-https--push-on)))

(cl-defun mew-submit-https--fetch (url callback &key form json user
                                       (accept "application/json"))
  "Ask URL for an answer, and call CALLBACK with that; return at once.
FORM, an alist of strings, or JSON, a text, is posted; ACCEPT is the type of
what is wanted; USER is a name and a password, or nil.

The answer is a plist: :status, a number, and :body, octets, which are the
callback's to wipe; or :error, why there is none, in words, :sent, non-nil when
the other side may have acted on the request, and :location, where it sends us
on to.  The value is for `mew-submit-https--cancel'.

Only https is used, and only with a certificate that is valid, or http on this
machine; nobody is asked anything, and no redirect is followed."
  (let* ((parts (mew-submit-https--parse url))
         (exchange (mew-submit-https--make
                    :callback callback :peer (or (nth 1 parts) "The address")))
         (body (if form (encode-coding-string (mew-submit-https--query form) 'utf-8)
                 (and json (encode-coding-string json 'utf-8)))))
    (setf (mew-submit-https-timer exchange)
          (run-at-time mew-submit-https--timeout nil
                       #'mew-submit-https--guard exchange #'mew-submit-https--give-up)
          (mew-submit-https-buffer exchange)
          (generate-new-buffer " *mew-submit https*" t))
    (with-current-buffer (mew-submit-https-buffer exchange)
      (set-buffer-multibyte nil))
    (if (null parts)
        (mew-submit-https--fail exchange "is not one of https, and so is not used")
      (setf (mew-submit-https-request exchange)
            (mew-submit-https--message
             parts accept body
             (if form "application/x-www-form-urlencoded" "application/json")
             user))
      (when body
        (clear-string body))
      (mew-submit-https--guard exchange #'mew-submit-https--open parts))
    exchange))

;;; JSON

(defun mew-submit-https--skip-text ()
  "Move behind the JSON text that begins at point."
  (forward-char)
  (while (progn (skip-chars-forward "^\"\\\\")
                (eql (char-after) ?\\))
    (forward-char (min 2 (- (point-max) (point)))))
  (unless (eobp)
    (forward-char)))

(defun mew-submit-https--deep-p ()
  "Is the JSON in the current buffer nested too deep?"
  (let ((depth 0))
    (goto-char (point-min))
    (while (and (<= depth mew-submit-https--depth-max)
                (progn (skip-chars-forward "^\"[]{}")
                       (not (eobp))))
      (pcase (char-after)
        (?\" (mew-submit-https--skip-text))
        ((or ?\[ ?\{) (setq depth (1+ depth))
         (forward-char))
        (_ (setq depth (1- depth))
           (forward-char))))
    (> depth mew-submit-https--depth-max)))

(defun mew-submit-https--json-value ()
  "Read the JSON at point.
The longest answer takes json.el, in Lisp, a sixth of a second."
  (if (json-available-p)
      (json-parse-buffer :array-type 'list :null-object nil :false-object nil)
    (require 'json)
    (let ((json-object-type 'hash-table)
          (json-array-type 'list)
          (json-key-type 'string)
          (json-null nil)
          (json-false nil))
      (json-read))))

(defun mew-submit-https--json (octets)
  "Return the JSON object in OCTETS as a hash table by names, or nil.
Arrays are lists; null, and what is false, is nil."
  (with-temp-buffer
    (insert (string-remove-prefix "\ufeff" (decode-coding-string octets 'utf-8)))
    (unless (or (> (length octets) mew-submit-https--octets-max)
                (mew-submit-https--deep-p))
      (goto-char (point-min))
      (condition-case nil
          (let ((object (mew-submit-https--json-value)))
            (and (hash-table-p object)
                 (progn (skip-chars-forward " \t\r\n")
                        (eobp))
                 object))
        (error nil)))))

(defun mew-submit-https--text (object name &optional max)
  "Return the text called NAME in OBJECT, a hash table or nil, or nil.
One that is empty, or longer than MAX, by default 2000, is none."
  (let ((value (and object (gethash name object))))
    (and (stringp value)
         (< 0 (length value) (1+ (or max 2000)))
         value)))

(defun mew-submit-https--number (object name)
  "Return the number called NAME in OBJECT, a hash table or nil, or nil.
Some write it as a text."
  (let* ((value (and object (gethash name object)))
         (number (if (and (stringp value)
                          (string-match-p "\\`[0-9]\\{1,12\\}\\'" value))
                     (string-to-number value)
                   value)))
    (and (numberp number) (<= 0 number 1e12) number)))

(provide 'mew-submit-https)
;;; mew-submit-https.el ends here
