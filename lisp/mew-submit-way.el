;;; mew-submit-way.el --- The way to the server: routes, tunnel, TLS -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what an account says of the way to its server: by which routes and in which
;; order, through which tunnel (SSH, SOCKS5, a Unix socket) and from which address, and
;; with what TLS: files of certificates, versions and priorities, the name a certificate
;; must have, and the pins, which are set and taken back by commands of
;; mew-submit-pin.el and never while mail is sent.
;;
;; A route is a list (PORT FAMILY TLS) as the module takes it, FAMILY being `ipv6' or
;; `ipv4' and TLS `starttls', `implicit' or `none'.  A plan is an ordered list of routes
;; and says whether they are raced or tried one after the other.  The port of the first
;; route is the preferred one.  Nobody is asked and nothing remembered for it.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-address)
(require 'mew-submit-error)
(require 'mew-submit-module)
(require 'seq)
(require 'subr-x)

(defconst mew-submit-way--plans
  '(("appendix-a" nil (587 ipv4) (25 ipv6) (25 ipv4))
    ("symmetric" nil (587 ipv6) (587 ipv4) (25 ipv6) (25 ipv4))
    ("submission" t (587 ipv6) (587 ipv4) (25 ipv6) (25 ipv4))
    ("submissions" t (465 ipv6) (465 ipv4))
    ("rfc8314" t (465 ipv6) (465 ipv4) (587 ipv6) (587 ipv4)))
  "The plans that have a name: (NAME RACED (PORT FAMILY)...).
\"appendix-a\" is what Mew did, made explicit about the family; \"submissions\"
never falls back; \"rfc8314\" never uses port 25.")

(defconst mew-submit-way--default-plan "submission"
  "The plan that is used when none is named.")

(defconst mew-submit-way--prefixes
  '(("smtps-" t (26 ipv6) (26 ipv4) (25 ipv6) (25 ipv4))
    ("starttls-" t (25 ipv6) (25 ipv4)))
  "What the first label of a server's name says, as `mew-submit-way--plans'.
Such a name raises the security that is required, and never lowers it.")

(defun mew-submit-way--plan-names ()
  "Return the names of the plans, a list of strings."
  (mapcar #'car mew-submit-way--plans))

(defun mew-submit-way--port-tls (port)
  "Return the TLS mode for PORT where none is named."
  (if (memq port '(26 443 465)) 'implicit 'starttls))

;;; Routes by hand

(defun mew-submit-way--port (text)
  "Return the port number that TEXT spells, or signal `mew-submit-config'."
  (let ((port (if (string-match-p "\\`[0-9]\\{1,5\\}\\'" text)
                  (string-to-number text)
                0)))
    (unless (<= 1 port 65535)
      (mew-submit-error--throw 'config nil
                               "Not a port (1 to 65535): %s" text))
    port))

(defun mew-submit-way--mode (text)
  "Return the TLS mode that TEXT names, or signal `mew-submit-config'."
  (or (cdr (assoc text '(("none" . none)
                         ("starttls" . starttls)
                         ("implicit" . implicit))))
      (mew-submit-error--throw
       'config nil "Not a TLS mode (none, starttls, implicit): %s" text)))

(defconst mew-submit-way--ports-max 8
  "How many ports a list of routes may name: the module takes 16 routes.")

(defun mew-submit-way--parse-routes (text)
  "Return the routes that TEXT names: PORT:MODE,... with the preferred one first.
Each is tried in both families.  Signal `mew-submit-config' when TEXT is wrong."
  (let ((elements (split-string text "," nil "[ \t]+")))
    (when (> (length elements) mew-submit-way--ports-max)
      (mew-submit-error--throw 'config nil "More than %d routes: %s"
                               mew-submit-way--ports-max text))
    (mapcan (lambda (element)
              (pcase (split-string element ":")
                (`(,port ,mode)
                 (let ((port (mew-submit-way--port port))
                       (mode (mew-submit-way--mode mode)))
                   (list (list port 'ipv6 mode) (list port 'ipv4 mode))))
                (_ (mew-submit-error--throw
                    'config nil "Not a route: %s (it is PORT:MODE, and \
a comma between two)" element))))
            elements)))

;;; Plans

(defun mew-submit-way--prefix (server)
  "Return the entry that the name of SERVER begins with, or nil."
  (seq-find (lambda (entry) (string-prefix-p (car entry) server t))
            mew-submit-way--prefixes))

(defun mew-submit-way--named-plan (name)
  "Return the entry of the plan NAME, or signal `mew-submit-config'."
  (or (assoc name mew-submit-way--plans)
      (mew-submit-error--throw 'config nil "No such plan: %s; there are %s" name
                               (string-join (mew-submit-way--plan-names) ", "))))

(defun mew-submit-way--plan-routes (pairs tls)
  "Return routes for PAIRS of port and family, for an account with TLS.
Without TLS only implicit TLS is left, since there is no such port without it."
  (mapcar (lambda (pair)
            (let ((mode (mew-submit-way--port-tls (car pair))))
              (append pair (list (if (and (eq tls 'none) (eq mode 'starttls))
                                     'none
                                   mode)))))
          pairs))

(defun mew-submit-way--restrict (routes family fallback)
  "Return those of ROUTES that FAMILY and FALLBACK leave.
FAMILY nil leaves both.  FALLBACK `never' leaves those to the first one's port."
  (let ((preferred (caar routes)))
    (or (seq-filter (lambda (route)
                      (and (or (null family) (eq (nth 1 route) family))
                           (or (not (eq fallback 'never))
                               (= (car route) preferred))))
                    routes)
        (mew-submit-error--throw
         'config nil "No route is left: the plan has none by %s%s" family
         (if (eq fallback 'never)
             (format " to its preferred port %d" preferred)
           "")))))

(defun mew-submit-way--tls-level (server keys)
  "Return how much TLS an account for SERVER with KEYS asks for.
KEYS are as for `mew-submit-way--plan'."
  (if (and (null (plist-get keys :plan)) (null (plist-get keys :routes))
           (mew-submit-way--prefix server))
      'required
    (or (plist-get keys :tls) 'required)))

(defun mew-submit-way--plan (server &rest keys)
  "Return what to try to reach SERVER, as a plist (:routes :race :tls).
KEYS are
`:plan' NAME     one of `mew-submit-way--plan-names'
`:routes' LIST   instead of a plan: routes, raced
`:family' FAMILY `ipv6' or `ipv4', or nil for both
`:tls' LEVEL     `required' (the default), `opportunistic' or `none'
`:fallback' RULE `never' leaves only the preferred port.
Without a plan and routes, a SERVER whose name begins with \"smtps-\" or
\"starttls-\" says by it how it wants to be reached; then TLS is required,
whatever LEVEL is.  Else the plan is \"submission\".
Signal `mew-submit-config' for a name that is not known and when no route is
left."
  (let* ((plan (plist-get keys :plan))
         (routes (plist-get keys :routes))
         (prefix (and (null plan) (null routes)
                      (mew-submit-way--prefix server)))
         (entry (unless routes
                  (or prefix (mew-submit-way--named-plan
                              (or plan mew-submit-way--default-plan)))))
         (tls (mew-submit-way--tls-level server keys)))
    (list :routes (mew-submit-way--restrict
                   (or routes (mew-submit-way--plan-routes (cddr entry) tls))
                   (plist-get keys :family) (plist-get keys :fallback))
          :race (if routes t (nth 1 entry))
          :tls tls)))

;;; Tunnels, and the address to connect from

(defun mew-submit-way--tunnel-by-ssh (host)
  "Return HOST, a jump host as ssh takes it, as a part of a request, or nil."
  (and (string-match-p "\\`[^-[:space:][:cntrl:]][^[:space:][:cntrl:]]*\\'" host)
       (list :tunnel 'ssh :tunnel-place host)))

(defun mew-submit-way--tunnel-by-socks5 (text)
  "Return [USER@]ADDRESS:PORT in TEXT as a part of a request, or nil.
A proxy has a number, or is \"localhost\": a name would have to be looked up
by the resolver that the proxy is there to avoid."
  (when (string-match "\\`\\(?:\\(.+\\)@\\)?\\(\\[.+\\]\\|[^][:@]+\\):\\([0-9]+\\)\\'"
                      text)
    (let ((user (match-string 1 text))
          (host (match-string 2 text))
          (port (string-to-number (match-string 3 text))))
      (when (and (<= 1 port 65535)
                 (if (string-prefix-p "[" host)
                     (mew-submit-address--numeric-p (substring host 1 -1))
                   (or (equal host "localhost")
                       (mew-submit-address--numeric-p host))))
        (when user
          (mew-submit-address--check-secret user "user name of the proxy"))
        (append (list :tunnel 'socks5 :tunnel-place (format "%s:%d" host port))
                (and user (list :tunnel-user user)))))))

(defun mew-submit-way--tunnel-by-unix (path)
  "Return PATH, a Unix socket, as a part of a request, or nil."
  (and (string-match-p "\\`[^\0\r\n]+\\'" path)
       (list :tunnel 'unix :tunnel-place (mew-submit-module--octets-name path))))

(defun mew-submit-way--tunnel (text)
  "Return the tunnel that TEXT names as a part of a request; nil for nil.
TEXT is \"ssh:HOST\", \"socks5:[USER@]ADDRESS:PORT\" or \"unix:PATH\".  Signal
`mew-submit-config' when it is neither."
  (and text
       (or (cl-loop for (prefix . function)
                    in '(("ssh:" . mew-submit-way--tunnel-by-ssh)
                         ("socks5:" . mew-submit-way--tunnel-by-socks5)
                         ("unix:" . mew-submit-way--tunnel-by-unix))
                    when (string-prefix-p prefix text)
                    return (funcall function (string-remove-prefix prefix text)))
           (mew-submit-error--throw
            'config nil "Not a tunnel (ssh:HOST, socks5:[USER@]ADDRESS:PORT \
or unix:PATH): %s" text))))

(defun mew-submit-way--ssh-environment ()
  "Return the part of a request about the ssh that is run, as Emacs would run it.
That is the first of that name in the variable `exec-path', with the variable
`process-environment'."
  (let (names variables)
    (dolist (variable process-environment)
      (let ((name (car (split-string variable "="))))
        (unless (member name names)
          (push name names)
          ;; Without a value it is not to be there.
          (when (string-search "=" variable)
            (push (encode-coding-string variable locale-coding-system)
                  variables)))))
    (list :tunnel-program (when-let* ((program (executable-find "ssh")))
                            (mew-submit-module--octets-name program))
          :environment (nreverse variables))))

(defun mew-submit-way--proxy (tunnel)
  "Return (HOST . PORT) of the SOCKS5 proxy in TUNNEL, strings."
  (let ((place (plist-get tunnel :tunnel-place)))
    (string-match "\\`\\[?\\(.*?\\)\\]?:\\([0-9]+\\)\\'" place)
    (cons (match-string 1 place) (match-string 2 place))))

(defun mew-submit-way--tunnel-routes (routes)
  "Return those of ROUTES that differ when the far side chooses the family."
  (let (ports)
    (seq-filter (lambda (route)
                  (and (not (memq (car route) ports))
                       (push (car route) ports)))
                routes)))

(defun mew-submit-way--source (source)
  "Return SOURCE, addresses to connect from, as a part of a request.
It is a string, a list of strings, or nil.  Signal `mew-submit-config' for
what is no address, and for two of one family."
  (let (part)
    (dolist (address (ensure-list source))
      (unless (mew-submit-address--numeric-p address)
        (mew-submit-error--throw 'config nil "Not an address to connect from: %s"
                                 address))
      (let ((key (if (string-match-p ":" address) :source-ipv6 :source-ipv4)))
        (when (plist-get part key)
          (mew-submit-error--throw
           'config nil "Two addresses of one family to connect from: %s"
           address))
        (setq part (plist-put part key address))))
    part))

;;; Files

(defconst mew-submit-way--files
  '((:ca-file "CA file" t nil)
    (:crl-file "CRL file" nil nil)
    (:cert-file "client certificate" nil t)
    (:key-file "key of the client certificate" nil t))
  "The files that an account may have for TLS: (KEY WORDS DIRECTORY-TOO OWN).
OWN is non-nil for what says who the user is: who only looks shows none.")

(defun mew-submit-way--file-keys (own)
  "Return the keys of the files that say who the user is, if OWN, or the others."
  (cl-loop for (key _ _ says) in mew-submit-way--files
           when (eq says own) collect key))

(defun mew-submit-way--file (file words directory)
  "Return the name of FILE, a file called WORDS, for a request.
It may be one with DIRECTORY non-nil.  A URL of PKCS #11 stays as it is.
Signal `mew-submit-config' when it cannot be read."
  (cond ((string-prefix-p "pkcs11:" file)
         (encode-coding-string file 'utf-8))
        ((and (file-readable-p file)
              (or directory (not (file-directory-p file))))
         (mew-submit-module--octets-name file))
        (t (mew-submit-error--throw 'config nil "The %s cannot be read: %s" words
                                    file))))

(defun mew-submit-way--stamp (file)
  "Return something that is new when FILE was changed.
FILE is a name as in a request, or nil."
  (when file
    (let ((attributes (file-attributes file)))
      (list file (file-attribute-modification-time attributes)
            (file-attribute-size attributes)
            (file-attribute-inode-number attributes)))))

;;; Versions

(defconst mew-submit-way--priority
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM"
  "The priority string of an account that has none, as in module/tls.c.")

(defun mew-submit-way--tls-minimum (text)
  "Return TEXT, the least version of TLS, or signal `mew-submit-config'."
  (if (member text '("1.2" "1.3"))
      text
    (mew-submit-error--throw 'config nil "The least TLS version is 1.2 or 1.3, \
not %s" text)))

(defun mew-submit-way--priority-string (account)
  "Return the GnuTLS priority string for ACCOUNT, or nil for the module's own.
A least version of 1.3 goes with any priority string of the account's."
  (let ((priority (plist-get account :tls-priority))
        (minimum (plist-get account :tls-minimum)))
    (if (and minimum (equal (mew-submit-way--tls-minimum minimum) "1.3"))
        (concat (or priority mew-submit-way--priority) ":-VERS-TLS1.2")
      priority)))

;;; Pins

(defcustom mew-submit-pins nil
  "Certificates that are accepted although they cannot be verified.
Each element is (ACCOUNT SERVER PORT FINGERPRINT): for mail by the account
called ACCOUNT, or by one without a name where that is nil, the certificate
with the SHA-256 FINGERPRINT, and no other, is good for PORT of SERVER.  The
default is nil.  Use \\[mew-submit-pin-certificate] and
\\[mew-submit-unpin-certificate]."
  :type '(repeat (list :tag "Pin"
                       (choice :tag "Account" string
                               (const :tag "One without a name" nil))
                       (string :tag "Server")
                       (natnum :tag "Port")
                       (string :tag "Fingerprint (sha256:...)")))
  :group 'mew-submit-security
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defun mew-submit-way--pin-place (pin)
  "Return what PIN is for: (ACCOUNT SERVER PORT), or nil where it is none."
  (and (proper-list-p pin) (seq-take pin 3)))

(defun mew-submit-way--pins (name server ports)
  "Return what is pinned for the account called NAME at the PORTS of SERVER.
It is a list of (PORT . FINGERPRINT).  Signal `mew-submit-config' for a pin
there without a fingerprint: no certificate is that one."
  (delq nil
        (mapcar (lambda (port)
                  (let ((pin (seq-find (lambda (pin)
                                         (equal (mew-submit-way--pin-place pin)
                                                (list name server port)))
                                       mew-submit-pins)))
                    (when (and pin (not (stringp (nth 3 pin))))
                      (mew-submit-error--throw
                       'config nil "The pin for %s, port %s, has no fingerprint: \
M-x mew-submit-unpin-certificate takes it away" server port))
                    (and pin (cons port (nth 3 pin)))))
                ports)))

(defun mew-submit-way--add-pin (pin)
  "Add PIN, and take another one for the same place away."
  (mew-submit-error--save-option
   'mew-submit-pins
   (cons pin (seq-remove (lambda (other)
                           (equal (mew-submit-way--pin-place other)
                                  (mew-submit-way--pin-place pin)))
                         mew-submit-pins))))

(defun mew-submit-way--remove-pin (pin)
  "Take PIN away."
  (mew-submit-error--save-option 'mew-submit-pins (remove pin mew-submit-pins)))

;;; The request

(defun mew-submit-way--tls (account host ports)
  "Return the part of a request about TLS, for ACCOUNT.
HOST is what it connects to, PORTS where.  Signal `mew-submit-config' for a
file or a version that cannot be used, `mew-submit-message' for a name."
  (when (and (plist-get account :key-file) (not (plist-get account :cert-file)))
    (mew-submit-error--throw 'config nil "A key needs its certificate: :cert-file"))
  (let ((name (plist-get account :tls-name)))
    (append
     (list :name (and name (mew-submit-address--host name)))
     (cl-loop for (key words directory) in mew-submit-way--files
              for file = (plist-get account key)
              append (list key (and file
                                    (mew-submit-way--file file words directory))))
     (list :priority (mew-submit-way--priority-string account)
           :pins (mew-submit-way--pins (plist-get account :name) host ports)))))

(provide 'mew-submit-way)
;;; mew-submit-way.el ends here
