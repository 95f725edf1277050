;;; mew-submit-address.el --- Addresses, host names, and what may not stand in them -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the grammar of address lists (RFC 5322, section
;; 3.4) and what may go into an SMTP command (RFC 5321, section 4.1.2): envelope
;; addresses, the server's name, the argument of EHLO, user names and passwords.
;; What may not is refused with `mew-submit-message' before any connection.
;;
;; Why not mail-parse: `mail-header-parse-addresses' of Emacs 28 leaves out an
;; address without domain ("To: root"), makes "Agroup:a@x" of "A group: a@x, b@y;",
;; "ab@c" of "a b@c", and takes the quotes off "\"a b\"@c".  And rfc822.el takes
;; "a@x <b@y>" for two recipients.  Nothing is guessed here: what is not in the
;; grammar is an error that names it, so no recipient is lost or made up.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'puny)
(require 'seq)

(declare-function rfc2047-decode-string "rfc2047" (string &optional address-mime))
(declare-function ucs-normalize-NFC-string "ucs-normalize" (str))

;;; Address lists

(defconst mew-submit-address--bare "^][()<>,;:\" \t"
  "What atoms, and . and @ among them, are made of, for `skip-chars-forward'.")

(defun mew-submit-address--skip-to (stop)
  "Move point behind the character STOP; backslashes quote.
Signal `mew-submit-message' when there is none."
  (let ((from (1- (point)))
        (set (format "^\\\\%s%c" (if (eq stop ?\]) "\\" "") stop)))
    (while (progn (skip-chars-forward set)
                  (eq (char-after) ?\\))
      (forward-char (min 2 (- (point-max) (point)))))
    (if (eobp)
        (mew-submit-error--throw 'message nil "Missing %c after: %s" stop
                                 (buffer-substring from (min (point-max)
                                                             (+ from 60))))
      (forward-char))))

(defun mew-submit-address--skip-comment ()
  "Move point behind the comment that begins at point; comments nest."
  (let ((from (point))
        (depth 0))
    (while (progn
             (skip-chars-forward "^()\\\\")
             (pcase (char-after)
               (?\( (setq depth (1+ depth)))
               (?\) (setq depth (1- depth)))
               (?\\ (unless (eq (1+ (point)) (point-max)) (forward-char)))
               (_ (mew-submit-error--throw
                   'message nil "Missing ) after: %s"
                   (buffer-substring from (min (point-max) (+ from 60))))))
             (forward-char)
             (> depth 0)))))

(defun mew-submit-address--skip-blank ()
  "Move point over blanks and comments."
  (while (progn
           (skip-chars-forward " \t")
           (when (eq (char-after) ?\()
             (mew-submit-address--skip-comment)
             t))))

(defun mew-submit-address--token ()
  "Return the token at point as a string, and move behind it and what is blank.
The characters < > , ; : are tokens of their own, and so are quoted strings,
domain literals, and atoms with . and @ among them.  Return nil at the end."
  (let ((from (point)))
    (pcase (char-after)
      ('nil)
      (?\" (forward-char) (mew-submit-address--skip-to ?\"))
      (?\[ (forward-char) (mew-submit-address--skip-to ?\]))
      ((or ?< ?> ?, ?\; ?:) (forward-char))
      (_ (when (zerop (skip-chars-forward mew-submit-address--bare))
           (mew-submit-error--throw 'message nil "Misplaced %c in: %s"
                                    (char-after) (buffer-string)))))
    (unless (= from (point))
      (prog1 (buffer-substring-no-properties from (point))
        (when (memq (char-after) '(?\s ?\t ?\())
          (mew-submit-address--skip-blank))))))

(defun mew-submit-address--to-nobody (text)
  "Return what to write instead of TEXT if that is to show nobody, or \"\"."
  (if (string-match-p "[Uu]ndisclosed" text)
      ".  To show no recipient, write undisclosed-recipients:;"
    ""))

(defun mew-submit-address--join (tokens)
  "Return the address that TOKENS spell, or signal `mew-submit-message'."
  (let* ((address (string-join tokens))
         (bare (seq-remove (lambda (token) (memq (aref token 0) '(?\" ?\[))) tokens))
         ;; With a blank between words side by side.
         (spelled (cl-loop for (token next) on tokens
                           concat token
                           unless (or (null next)
                                      (memq (aref token (1- (length token))) '(?. ?@))
                                      (memq (aref next 0) '(?. ?@)))
                           concat " ")))
    (if (and tokens
             (equal address spelled)
             (not (string-prefix-p "@" address))
             ;; A name may be DOMAIN\USER.
             (not (string-match-p "\\`[^\"[]*\\\\" address))
             (<= (cl-count ?@ (string-join bare)) 1))
        address
      (mew-submit-error--throw 'message spelled "Not an address: <%s>%s" spelled
                               (mew-submit-address--to-nobody spelled)))))

(defun mew-submit-address--angle ()
  "Return the address up to the next >, without a route before it.
Point is behind the <."
  (let (tokens token)
    (while (not (equal (setq token (mew-submit-address--token)) ">"))
      (cond ((null token)
             (mew-submit-error--throw 'message nil "Missing > in: %s"
                                      (buffer-string)))
            ;; A route <@a,@b:c@d> is to be ignored (RFC 5322, section 4.4).
            ((and tokens (equal token ":") (string-prefix-p "@" (car (last tokens))))
             (setq tokens nil))
            (t (push token tokens))))
    (mew-submit-address--join (nreverse tokens))))

(defun mew-submit-address--refuse-name (name behind)
  "Signal `mew-submit-message', since NAME, in an address list, is no address.
BEHIND are the words of the name that follows it, or nil."
  (require 'rfc2047)                    ; slow to load, and seldom needed
  (let ((name (rfc2047-decode-string name))
        (behind (and behind (rfc2047-decode-string (string-join behind " ")))))
    (mew-submit-error--throw
     'message name "Not an address%s: %s.  %s, or as <%s> if the server knows who that is"
     (if behind "" " or an alias") name
     (cond (behind (format "Write the name in quotes, as \"%s, %s\"" name behind))
           ((string-prefix-p "undisclosed" name t)
            "To show no recipient, write undisclosed-recipients:;")
           (t "Write it whole, as name@example.org"))
     name)))

(defun mew-submit-address--parse (text &optional names)
  "Return the addresses in TEXT, the value of a field such as To.
The result is a list of strings such as \"a@example.org\", in order: the
members of groups too, display names and comments not.  Signal
`mew-submit-message' where TEXT is no address list.  RFC 5322, section 3.4.
A name without a domain is an address, too: with NAMES `apart' not one that may
be what is before a comma in a name, with `never' only in angle brackets."
  (with-temp-buffer
    (insert (replace-regexp-in-string "[\r\n]+" "" text))
    (goto-char (point-min))
    (mew-submit-address--skip-blank)
    (let ((token t)
          addresses words angle group bare)
      (while token
        (setq token (mew-submit-address--token))
        (cond
         ((member token '(nil "," ";"))
          (when (and bare (eq names 'never))
            (mew-submit-address--refuse-name bare nil))
          (when (or angle words)
            (push (or angle (mew-submit-address--join (nreverse words))) addresses))
          (setq bare (and names words
                          (not (string-search "@" (car addresses)))
                          (car addresses)))
          ;; People who know other programs end an address with ; too.
          (when (if group (null token) (and (equal token ";") (null addresses)))
            (mew-submit-error--throw 'message nil "Misplaced or missing ; in: %s%s"
                                     (buffer-string)
                                     (mew-submit-address--to-nobody (buffer-string))))
          (setq words nil
                angle nil
                group (and group (equal token ","))))
         (angle
          (mew-submit-error--throw 'message angle "Missing comma after <%s>" angle))
         ((equal token "<")
          (when (and bare words)
            (mew-submit-address--refuse-name bare (reverse words)))
          (setq angle (mew-submit-address--angle)
                words nil))
         ((equal token ":")
          (when (or group (null words))
            (mew-submit-error--throw 'message nil "Misplaced : in: %s" (buffer-string)))
          (setq group t
                words nil))
         (t (push token words))))
      (when (and bare (eq names 'never))
        (mew-submit-address--refuse-name bare nil))
      (nreverse addresses))))

;;; Characters

(defun mew-submit-address--odd-p (char)
  "Is CHAR a control, format or separator character or a raw octet?
Only the blank of ASCII is none of them; letters that cannot be seen are."
  (or (> char #x10FFFF)
      (memq char '(#x034F #x115F #x1160 #x17B4 #x17B5 #x2800 #x3164 #xFFA0))
      (<= #x180B char #x180F)           ; variation selectors, and the other ones
      (<= #xFE00 char #xFE0F)
      (<= #xE0100 char #xE01EF)
      (= (logand char #xFFFE) #xFFFE)
      (and (/= char ?\s)
           (memq (get-char-code-property char 'general-category)
                 '(Cc Cf Cs Zl Zp Zs)))))

(defun mew-submit-address--odd-words (text)
  "Return in words which character of TEXT is odd, or nil where none is.
It cannot be seen: it comes along when an address is pasted."
  (let ((place -1))
    (while (and (setq place (string-match-p "[^ -~]" text (1+ place)))
                (not (mew-submit-address--odd-p (aref text place)))))
    (if-let* ((char (and place (aref text place))))
        (concat (if (> char #x10FFFF)
                    (format "octet %02X" (logand char #xFF))
                  (format "U+%04X" char))
                (if-let* ((name (get-char-code-property
                                 char (if (< char 32) 'old-name 'name))))
                    (format " (%s)" name)
                  "")
                (format " as character %d" (1+ place)))
      ;; Would it hold CR LF if each character lost all but its low eight bits?
      (and (string-search "\r\n" (concat (mapcar (lambda (one) (logand one #xFF)) text)))
           "a disguised line end"))))

;;; Domains and hosts

(defconst mew-submit-address--label-regexp
  "\\`[A-Za-z0-9_]\\(?:[A-Za-z0-9_-]\\{0,61\\}[A-Za-z0-9_]\\)?\\'"
  "What a label of a domain name looks like.")

(defun mew-submit-address--letter-p (char)
  "May CHAR stand in an internationalized label?  RFC 5892, roughly."
  (or (< char 128)
      (memq char '(#x00B7 #x30FB))
      (memq (get-char-code-property char 'general-category)
            '(Ll Lo Lm Lu Lt Mn Mc Nd))))

(defun mew-submit-address--domain (domain)
  "Return DOMAIN of an address for the wire, or nil when it is not a domain.
A name gets A-labels (RFC 5890); an address literal such as [192.0.2.1] stays."
  (let ((name domain))
    ;; Raw octets, of which a string may have as many as characters, are no label anyway.
    (unless (= (length name) (string-bytes name))
      (require 'ucs-normalize)          ; slow to load, and seldom needed
      (setq name (ucs-normalize-NFC-string
                  (mew-submit-caseless--down (replace-regexp-in-string "[。．｡]" "." name))))
      (setq name (and (seq-every-p #'mew-submit-address--letter-p name)
                      (puny-encode-domain name))))
    (cond ((mew-submit-caseless--folding
             (string-match-p "\\`\\[[A-Za-z0-9:.-]+\\]\\'" domain))
           domain)
          ((and name
                (<= (length name) 253)
                (seq-every-p (lambda (label)
                               (mew-submit-caseless--folding
                                 (string-match-p mew-submit-address--label-regexp label)))
                             (split-string name "[.]")))
           name))))

(defconst mew-submit-address--ipv6
  (rx-let ((h16 (repeat 1 4 xdigit))
           (ipv4 (seq (repeat 3 (seq (repeat 1 3 digit) ".")) (repeat 1 3 digit))))
    (rx bos
        (or (seq (repeat 7 (seq h16 ":")) h16)
            (seq (repeat 6 (seq h16 ":")) ipv4)
            (seq (opt h16 (* ":" h16)) "::" (opt (or (seq (* h16 ":") ipv4)
                                                     (seq (* h16 ":") h16)))))
        (opt "%" (+ (any "A-Za-z0-9_.-")))
        eos))
  "What matches an IPv6 address (RFC 4291, section 2.2), perhaps with a zone.")

(defun mew-submit-address--numeric-p (host)
  "Is HOST an IPv4 or IPv6 address, perhaps with an IPv6 zone?"
  (if (string-search ":" host)
      (and (string-match-p mew-submit-address--ipv6 host)
           ;; "::" is for one word or more, and an IPv4 address for two.
           (or (not (string-search "::" host))
               (let ((address (car (split-string host "%"))))
                 (<= (length (split-string address ":" t))
                     (if (string-search "." address) 6 7)))))
    (string-match-p "\\`[0-9]+\\(?:\\.[0-9]+\\)\\{3\\}\\'" host)))

(defun mew-submit-address--host (host)
  "Return HOST, a server's name or address, as it is looked up.
A name gets A-labels and loses a final dot, an IPv6 address its brackets.
Signal `mew-submit-message' when it is neither (SECURITY.md, K9)."
  (let ((bare (if (string-match "\\`\\[\\(.*:.*\\)\\]\\'" host)
                  (match-string 1 host)
                host)))
    (or (and (mew-submit-address--numeric-p bare) bare)
        (and (not (string-match-p "[:[]" bare))
             (mew-submit-address--domain (string-remove-suffix "." bare)))
        (mew-submit-error--throw
         'message nil "Not a host name or address: %s%s" host
         (if (string-match "\\`[^:/]+:\\([0-9]\\{1,5\\}\\)\\'" host)
             (format " (the port is said apart, as %s:%s by :routes, --routes or --ports)"
                     (match-string 1 host)
                     (if (equal (match-string 1 host) "465") "implicit" "starttls"))
           "")))))

(defun mew-submit-address--helo (name)
  "Return NAME, the argument of EHLO: a domain or an address literal.
Signal `mew-submit-message' when it is neither (SECURITY.md, K8)."
  (or (mew-submit-address--domain name)
      (mew-submit-error--throw 'message nil "Not an argument for EHLO: %s" name)))

;;; Envelope addresses

(defconst mew-submit-address--max 254
  "How many octets an address may have (RFC 5321, section 4.5.3.1.3).
Of these a server has to take 64 before the @; addresses to answer to, which
hold a key, have more, and the server that gave them out takes them.")

(defconst mew-submit-address--local
  "\\`\\(?:\"\\(?:[^\"\\]\\|\\\\.\\)*\"\\|[^][()<>@,;:\\\" ]+\\)\\'"
  "What matches a local part: a quoted string, or a dotted string.
Dots at the ends or side by side are allowed, as there are such addresses.")

(defun mew-submit-address--split (address)
  "Return (LOCAL-PART . DOMAIN) of ADDRESS; DOMAIN is nil where there is none."
  (if (mew-submit-caseless--folding
        (string-match "\\`\\(\"\\(?:[^\"\\]\\|\\\\.\\)*\"\\|[^\"@]+\\)@\\([^@]+\\)\\'"
                      address))
      (cons (match-string 1 address) (match-string 2 address))
    (cons address nil)))

(defun mew-submit-address--check (address)
  "Return ADDRESS for MAIL or RCPT, its domain in A-labels.
A local part without domain is allowed if it is ASCII, and stays as it is with
one.  Signal `mew-submit-message' for anything that could not stand between
angle brackets (SECURITY.md, K1 to K13)."
  (let ((problem (lambda (why)
                   (mew-submit-error--throw 'message address "%s: <%s>" why address))))
    (when (string-empty-p address)
      (funcall problem "Empty address"))
    ;; Before anything that takes more than linear time.
    (when (> (length address) (* 4 mew-submit-address--max))
      (funcall problem "Address too long"))
    (when-let* ((odd (mew-submit-address--odd-words address)))
      (funcall problem (format "Forbidden character in address: %s.  Type it anew" odd)))
    (pcase-let* ((`(,local . ,domain) (mew-submit-address--split address))
                 ;; The root of the DNS is no part of it, and a sentence may end there.
                 (ascii (and domain (mew-submit-address--domain
                                     (string-remove-suffix "." domain))))
                 (whole (if domain (concat local "@" ascii) local)))
      (cond ((not (mew-submit-caseless--exactly-p mew-submit-address--local local))
             (funcall problem "Not an address"))
            ;; What a client makes of a name that nobody gave an address.
            ((and (null domain)
                  (string-match-p "\\`=\\?[^?]+\\?[BQbq]\\?[^?]*\\?=\\'" local))
             (funcall problem "A name, encoded, and no address"))
            ((and (null domain) (string-search "@" local))
             (funcall problem "In quotes it is a name and no address"))
            ((and (null domain) (string-match "[＠﹫]" local))
             (funcall problem (format "Its @ is another character (U+%04X).  Type it anew"
                                      (aref local (match-beginning 0)))))
            ((and (null domain) (string-match-p "[^[:ascii:]]" local))
             (funcall problem "A name and no address"))
            ((and domain (null ascii))
             (funcall problem "Not a domain in address"))
            ((> (string-bytes (encode-coding-string whole 'utf-8))
                mew-submit-address--max)
             (funcall problem "Address over 254 octets"))
            (t whole)))))

;;; Several of them

(defconst mew-submit-address--comment "\\(?:[ \t]+([^()]*)\\)?[ \t\n\r]*"
  "What matches blanks, and perhaps a name in parentheses, behind an address.")

(defconst mew-submit-address--named
  (concat "\\`[ \t]*\\(?:.*[^\\]<\\|<\\)?\\([^][\\^$*@<> \t]+@[^][\\^$*@<> \t]+\\)>?"
          mew-submit-address--comment "\\'")
  "What matches an address, perhaps with a name beside it, that is no regexp.")

(defun mew-submit-address--bare (text)
  "Return the address in TEXT, perhaps with a name, as \"Me <me@example.org>\".
Any other TEXT, or nil, is returned as it is."
  (if (and text (string-match mew-submit-address--named text))
      (match-string 1 text)
    text))

(defun mew-submit-address--distinct (addresses)
  "Return ADDRESSES, each once; it is the same one whatever the case of its domain."
  (let ((seen (make-hash-table :test #'equal)))
    (seq-remove (lambda (address)
                  (pcase-let ((`(,local . ,domain) (mew-submit-address--split address)))
                    (let ((key (cons local (and domain (mew-submit-caseless--down domain)))))
                      (prog1 (gethash key seen)
                        (puthash key t seen)))))
                addresses)))

;;; Credentials

(defun mew-submit-address--check-secret (text what)
  "Signal `mew-submit-message' when AUTH cannot carry TEXT.
WHAT is \"user name\" or \"password\".  TEXT itself is never in the words
\(SECURITY.md, E20 to E22)."
  (when (string-match-p "[\0\1\r\n]" text)
    (mew-submit-error--throw
     'message nil "Forbidden character (NUL, 0x01 or a line end) in the %s"
     what)))

(provide 'mew-submit-address)
;;; mew-submit-address.el ends here
