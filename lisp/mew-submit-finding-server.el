;;; mew-submit-finding-server.el --- What a diagnosis says of the server -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns the judgements about what answers: greetings, STARTTLS and those
;; who take it away, TLS, log-ins, Bellovin's two flows, and who speaks in the server's place.

;;; Code:

(require 'mew-submit-caseless)
(require 'mew-submit-diagnosis)
(require 'mew-submit-finding-make)
(require 'mew-submit-refusal)
(require 'mew-submit-report)
(require 'seq)
(require 'subr-x)

;;; The greeting

(defconst mew-submit-finding--pause 2000
  "Milliseconds from which on the delay of a greeting is worth a word.")

(defun mew-submit-finding--bad-mode (attempts)
  "Return where ATTEMPTS met the other TLS mode than expected."
  (append
   (mew-submit-finding--filter
    attempts
    (lambda (attempt)
      (equal (plist-get (plist-get attempt :end) :spoke) "plaintext"))
    (lambda (those)
      (mew-submit-finding--make
       "plaintext-on-tls-port" "error" those
       "Tell the server's administrator: that port is for TLS at once (RFC 8314).  \
Until then use port 587 with STARTTLS."
       "%s speaks plain SMTP, where TLS has to begin at once."
       (mew-submit-finding--each those))))
   (mew-submit-finding--filter
    attempts
    (lambda (attempt) (equal (plist-get (plist-get attempt :end) :spoke) "tls"))
    (lambda (those)
      (mew-submit-finding--make
       "tls-on-starttls-port" "error" those
       (format "Use that port with implicit TLS (:routes \"%d:implicit\"), and \
tell the server's administrator."
               (plist-get (car those) :port))
       "%s waits for TLS at once, where the server has to greet first and TLS \
begins by STARTTLS."
       (mew-submit-finding--each those))))))

(defun mew-submit-finding--no-greeting-p (attempt)
  "Did ATTEMPT wait for a greeting in vain?"
  (and (mew-submit-finding--stage-p attempt "greeting" "timeout")
       (null (plist-get (plist-get attempt :end) :spoke))))

(defun mew-submit-finding--not-smtp-p (attempt)
  "Did ATTEMPT hear something that is no greeting?"
  (and (mew-submit-finding--stage-p attempt "greeting" "protocol" "lost" "insecure")
       (not (plist-get (plist-get attempt :end) :unanswered))))

(defun mew-submit-finding--greet-pause (attempts)
  "Return what is to be said where ATTEMPTS were greeted late."
  (mew-submit-finding--filter
   attempts
   (lambda (attempt)
     (> (or (plist-get attempt :greeting-ms) 0) mew-submit-finding--pause))
   (lambda (those)
     (mew-submit-finding--make
      "greet-pause" "note" those
      "Nothing: the server makes spammers wait that way, or looks your address \
up.  mew-submit waits, and does not fall back because of it."
      "%s greets only after %s; that is not a fault of the network."
      (mew-submit-finding--each those)
      (mew-submit-finding--seconds
       (apply #'max (mapcar (lambda (attempt)
                              (plist-get attempt :greeting-ms))
                            those)))))))

(defun mew-submit-finding--greetings (diagnosis)
  "Return what is wrong with the greetings in DIAGNOSIS."
  (let ((attempts (mew-submit-finding--ended diagnosis)))
    (append
     (mew-submit-finding--bad-mode attempts)
     (mew-submit-finding--filter
      attempts
      (lambda (attempt)
        (or (plist-get (plist-get attempt :end) :unanswered)
            ;; A reset that overtook the news that it was accepted.
            (and (equal (plist-get attempt :case) "greeting")
                 (mew-submit-finding--stage-p attempt "connect" "connect"))))
      (lambda (those)
        (mew-submit-finding--make
         "closed-after-accept" "error" those
         "Look for a proxy, a tunnel or a firewall on this machine or in this \
network that accepts in the server's place; try another network."
         "%s accepts the connection and closes it without a word, as proxies and \
middleboxes do that do not reach the server."
         (mew-submit-finding--each those))))
     (mew-submit-finding--filter
      attempts
      (lambda (attempt)
        (mew-submit-finding--stage-p attempt "greeting" "refused" "deferred"))
      (lambda (those)
        (mew-submit-finding--with-cause
         (mew-submit-finding--make
          "greeting-not-220" "error" those nil
          "%s greets with a refusal: %s." (mew-submit-finding--each those)
          (plist-get (car those) :greeting))
         (plist-get (car those) :end)
         "Ask the server's administrator, with these words; a code that begins with 4 \
means that later may be better.")))
     (mew-submit-finding--filter
      attempts #'mew-submit-finding--no-greeting-p
      (lambda (those)
        (mew-submit-finding--make
         "no-greeting" "error" those
         "The network lets the port through: what is behind it is overloaded, or no \
mail server.  Try again later."
         "%s accepts the connection and then says nothing."
         (mew-submit-finding--each those))))
     (mew-submit-finding--filter
      attempts #'mew-submit-finding--not-smtp-p
      (lambda (those)
        (mew-submit-finding--make
         "not-smtp" "error" those
         "Check the server's name and the port; a captive portal or a proxy may \
answer in its place."
         "What answers at %s is no mail server: %s."
         (mew-submit-finding--where those) (mew-submit-finding--said (car those)))))
     (mew-submit-finding--greet-pause attempts))))

;;; The conversation

(defun mew-submit-finding--conversation (diagnosis)
  "Return where the conversations in DIAGNOSIS broke off."
  (let ((attempts (seq-filter #'mew-submit-finding--smtp-p
                              (mew-submit-finding--ended diagnosis))))
    (append
     (mew-submit-finding--filter
      attempts
      (lambda (attempt)
        (mew-submit-finding--stage-p attempt "ehlo" "refused" "deferred"))
      (lambda (those)
        (mew-submit-finding--with-cause
         (mew-submit-finding--make
          "ehlo-refused" "error" those nil
          "%s does not take EHLO: %s." (mew-submit-finding--each those)
          (mew-submit-finding--said-at-end (car those)))
         (plist-get (car those) :end)
         "Ask the server's administrator, with these words.")))
     (mew-submit-finding--filter
      attempts
      (lambda (attempt)
        (and (or (seq-some (lambda (stage)
                             (mew-submit-finding--stage-p attempt stage "lost"
                                                          "timeout" "protocol"))
                           '("ehlo" "checks" "starttls"))
                 ;; TLS stood, and broke.
                 (and (equal (plist-get (plist-get attempt :end) :kind) "tls")
                      (not (equal (plist-get (plist-get attempt :end) :stage) "tls"))
                      (not (mew-submit-finding--certificate-wanted-p attempt))))
             ;; A handshake that failed is told as one.
             (null (plist-get (plist-get attempt :end) :failure))
             (not (plist-get (plist-get attempt :end) :unanswered))))
      (lambda (those)
        (mew-submit-finding--make
         "conversation-broken" "error" those
         "Try again later, or from another network: a firewall that looks into \
SMTP may have cut it."
         "The conversation at %s broke off: %s."
         (mew-submit-finding--where those)
         (mew-submit-finding--said-at-end (car those))))))))

(defun mew-submit-finding--said-at-end (attempt)
  "Return why the conversation of ATTEMPT ended, without an end."
  (string-trim-right (or (plist-get (plist-get attempt :end) :text) "") "[. ]+"))

;;; STARTTLS

(defun mew-submit-finding--starttls-wanted-p (attempt)
  "Should ATTEMPT have met STARTTLS in an EHLO reply?"
  (and (mew-submit-finding--smtp-p attempt)
       (equal (plist-get attempt :mode) "starttls")
       (plist-get attempt :starttls)))

(defun mew-submit-finding--stripped (diagnosis attempt)
  "Return how it is known that ATTEMPT of DIAGNOSIS lost STARTTLS, or nil."
  (let ((mail (mew-submit-diagnosis--check attempt "mail-before-starttls"))
        (taken (mew-submit-diagnosis--check attempt "starttls-unoffered")))
    (cond
     ((plist-get diagnosis :remembered) "it has offered it before")
     ((eql (plist-get taken :code) 220) "it takes the command all the same")
     ((and (eql (plist-get mail :code) 530)
           (string-match-p "TLS" (mew-submit-caseless--up (plist-get mail :text))))
      (format "it demands it: %s" (plist-get mail :text)))
     ((seq-some (lambda (other)
                  (and (eql (plist-get other :port) (plist-get attempt :port))
                       (equal (plist-get other :starttls) "offered")))
                (mew-submit-finding--ended diagnosis))
      "at another of its addresses it does offer it"))))

(defun mew-submit-finding--missing-starttls (diagnosis attempts)
  "Return what is wrong where ATTEMPTS of DIAGNOSIS saw no STARTTLS."
  (let* ((missing (seq-filter (lambda (attempt)
                                (equal (plist-get attempt :starttls) "missing"))
                              attempts))
         (stripped (seq-filter (lambda (attempt)
                                 (mew-submit-finding--stripped diagnosis attempt))
                               missing))
         (plain (seq-filter #'mew-submit-finding--submission-p
                            (seq-difference missing stripped))))
    (append
     (and stripped
          (list (mew-submit-finding--make
                 "striptls" "error" stripped
                 "Do not send a password over this network; use port 465, or \
another network.  mew-submit sends nothing here."
                 "Somebody on the way takes STARTTLS out of what %s says: %s."
                 (mew-submit-finding--where stripped)
                 (mew-submit-finding--stripped diagnosis (car stripped)))))
     (and plain
          (list (mew-submit-finding--make
                 "starttls-missing" "error" plain
                 "Use port 465 if it answers.  Either the server offers no TLS, \
or somebody on the way takes it out: compare with another network."
                 "%s does not offer STARTTLS, so neither a password nor mail is \
safe there."
                 (mew-submit-finding--each plain)))))))

(defun mew-submit-finding--starttls (diagnosis)
  "Return what has become of STARTTLS in DIAGNOSIS."
  (let ((attempts (seq-filter #'mew-submit-finding--starttls-wanted-p
                              (mew-submit-finding--ended diagnosis))))
    (append
     (mew-submit-finding--missing-starttls diagnosis attempts)
     (mew-submit-finding--filter
      attempts
      (lambda (attempt) (equal (plist-get attempt :starttls) "mangled"))
      (lambda (those)
        (mew-submit-finding--make
         "starttls-mangled" "error" those
         "Look for a firewall that inspects SMTP (\"fixup\", \"ESMTP \
inspection\") on the way; use port 465, or another network."
         "Something on the way writes over STARTTLS at %s: \"%s\" stands in its \
place."
         (mew-submit-finding--where those)
         (plist-get (car those) :starttls-instead))))
     (mew-submit-finding--filter
      attempts
      (lambda (attempt)
        (and (equal (plist-get attempt :starttls) "offered")
             (null (plist-get (plist-get attempt :end) :failure))
             (mew-submit-finding--stage-p attempt "starttls" "insecure" "refused"
                                          "deferred")))
      (lambda (those)
        (mew-submit-finding--with-cause
         (mew-submit-finding--make
          "starttls-refused" "error" those nil
          "%s offers STARTTLS and does not start it: %s."
          (mew-submit-finding--each those)
          (mew-submit-finding--said-at-end (car those)))
         (plist-get (car those) :end)
         "Ask the server's administrator, with these words; use port 465 until then."))))))

;;; TLS

(defun mew-submit-finding--old-p (attempt)
  "Does ATTEMPT lead to a server whose TLS is too old?"
  (let ((tls (plist-get attempt :tls))
        (failure (plist-get (plist-get attempt :end) :failure)))
    (and failure
         (or (equal failure "version")
             (and (plist-get tls :weak)
                  (not (member (plist-get tls :version) '("TLS1.2" "TLS1.3"))))))))

(defun mew-submit-finding--weak-p (attempt)
  "Does ATTEMPT lead to a server whose TLS is too weak, though not too old?"
  (let ((failure (plist-get (plist-get attempt :end) :failure)))
    (and failure
         (not (mew-submit-finding--old-p attempt))
         (or (equal failure "weak") (plist-get (plist-get attempt :tls) :weak)))))

;; Who only looks shows none, so that nobody learns who it is.
(defun mew-submit-finding--certificate-wanted-p (attempt)
  "Does the server that ATTEMPT leads to want a client certificate?"
  (equal (plist-get (plist-get attempt :end) :about) "client-certificate"))

(defun mew-submit-finding--handshakes (diagnosis)
  "Return the TLS handshakes of DIAGNOSIS that failed."
  (let ((attempts (seq-remove (lambda (attempt)
                                (plist-get (plist-get attempt :end) :spoke))
                              (mew-submit-finding--ended diagnosis))))
    (append
     (mew-submit-finding--filter
      attempts #'mew-submit-finding--certificate-wanted-p
      (lambda (those)
        (mew-submit-finding--make
         "client-certificate" "warning" those
         "Give the account the certificate that the server's administrator has made for \
you (:cert-file).  A diagnosis shows none, so it cannot tell what comes behind that."
         "%s wants a client certificate." (mew-submit-finding--each those))))
     (mew-submit-finding--filter
      attempts #'mew-submit-finding--old-p
      (lambda (those)
        (let ((version (plist-get (plist-get (car those) :tls) :version)))
          (mew-submit-finding--make
           "tls-too-old" (mew-submit-finding--severity those) those
           "Ask the server's administrator for TLS 1.2 or 1.3 (RFC 8996); nothing older \
is used."
           "%s has no TLS that is new enough%s."
           (mew-submit-finding--each those)
           (if version (format ", only %s" version) "")))))
     (mew-submit-finding--filter
      attempts #'mew-submit-finding--weak-p
      (lambda (those)
        (mew-submit-finding--make
         "tls-weak" (mew-submit-finding--severity those) those
         "Ask the server's administrator for longer keys and present algorithms \
(RFC 9325)."
         "%s has no TLS that is strong enough: %s."
         (mew-submit-finding--each those)
         (mew-submit-finding--said-at-end (car those)))))
     (mew-submit-finding--filter
      attempts
      (lambda (attempt)
        (let ((end (plist-get attempt :end)))
          (and (plist-get end :failure)
               (not (plist-get end :unanswered))
               (not (mew-submit-finding--certificate-wanted-p attempt))
               (not (mew-submit-finding--old-p attempt))
               (not (mew-submit-finding--weak-p attempt)))))
      (lambda (those)
        (mew-submit-finding--make
         "tls-failed" (mew-submit-finding--severity those) those
         (if (not (equal (plist-get (plist-get (car those) :end) :about) "long-packets"))
             "Try again later, and from another network: a middlebox may have cut the handshake."
           (mew-submit-report--advice (plist-get (car those) :end)))
         "The TLS handshake at %s came to nothing: %s."
         (mew-submit-finding--where those)
         (mew-submit-finding--said-at-end (car those))))))))

;;; Bellovin's flows

(defun mew-submit-finding--taken-p (attempt name)
  "Did the server of ATTEMPT say yes to the check NAME?"
  (let ((check (mew-submit-diagnosis--check attempt name)))
    ;; 221 is a farewell.
    (and check (eql (/ (plist-get check :code) 100) 2) (/= (plist-get check :code) 221))))

(defun mew-submit-finding--named-p (attempts port)
  "Was a recipient tried without a log-in in one of ATTEMPTS at PORT?"
  (seq-some (lambda (attempt)
              (and (eql (plist-get attempt :port) port)
                   (mew-submit-diagnosis--check attempt "rcpt-before-auth")))
            attempts))

(defun mew-submit-finding--open-before-auth-p (attempts attempt)
  "Did ATTEMPT's server, one of ATTEMPTS, take mail without a log-in?
Many take MAIL and turn the recipient down, which is fine."
  (or (mew-submit-finding--taken-p attempt "rcpt-before-auth")
      (and (mew-submit-finding--taken-p attempt "mail-before-auth")
           (not (mew-submit-finding--named-p attempts
                                             (plist-get attempt :port))))))

(defun mew-submit-finding--lax (attempts mode id)
  "Return the finding ID about those submission ATTEMPTS of MODE that are lax."
  (let* ((those (seq-filter (lambda (attempt)
                              (and (mew-submit-finding--submission-p attempt)
                                   (equal (plist-get attempt :mode) mode)))
                            attempts))
         (clear (seq-filter (lambda (attempt)
                              (mew-submit-finding--taken-p
                               attempt "mail-before-starttls"))
                            those))
         (open (seq-filter (lambda (attempt)
                             (mew-submit-finding--open-before-auth-p those
                                                                     attempt))
                           those)))
    (when (or clear open)
      (list (mew-submit-finding--make
             id "warning" (seq-union clear open)
             "Tell the server's administrator: a submission port takes nothing before \
STARTTLS and nothing before a log-in (RFC 6409)."
             "%s is lax: it begins a mail %s."
             (mew-submit-finding--each (seq-union clear open))
             (mew-submit-finding--and
              (delq nil (list (and clear "before STARTTLS")
                              (and open "without a log-in")))))))))

(defun mew-submit-finding--demands-tls-p (attempt)
  "Does port 25 of ATTEMPT offer STARTTLS and take no mail without it?"
  (let ((mail (mew-submit-diagnosis--check attempt "mail-before-starttls")))
    (and (eq (plist-get attempt :service) 'transfer)
         (equal (plist-get attempt :starttls) "offered")
         (eql (plist-get mail :code) 530)
         (string-match-p "TLS" (mew-submit-caseless--up (plist-get mail :text))))))

(defun mew-submit-finding--roles (attempts)
  "Return where ATTEMPTS at port 25 are not as mail servers need it."
  (append
   (mew-submit-finding--filter
    attempts #'mew-submit-finding--demands-tls-p
    (lambda (those)
      (mew-submit-finding--make
       "tls-demanded-25" "warning" those
       "Tell the server's administrator: other servers bring mail there, some of them \
without TLS, and it is lost to them (RFC 3207 forbids it).  What is for users alone \
belongs to the ports 587 and 465."
       "%s takes no mail without STARTTLS: %s." (mew-submit-finding--each those)
       (string-trim-right
        (plist-get (mew-submit-diagnosis--check (car those) "mail-before-starttls")
                   :text)
        "[. ]+"))))
   (mew-submit-finding--filter
    attempts
    (lambda (attempt)
      (and (eq (plist-get attempt :service) 'transfer) (plist-get attempt :auth-tls)))
    (lambda (those)
      (mew-submit-finding--make
       "mixed-role-25" "note" those
       "Submit through 587 or 465.  Whoever runs the server should offer log-ins \
there alone: then port 25 never has to trust anybody."
       "%s offers a log-in inside TLS (%s): it is for users and for other servers in one."
       (mew-submit-finding--each those)
       (string-join (plist-get (car those) :auth-tls) ", "))))))

(defun mew-submit-finding--flows (diagnosis)
  "Return where the servers of DIAGNOSIS do not follow Bellovin's two flows."
  (let ((attempts (mew-submit-finding--ended diagnosis)))
    (append
     (mew-submit-finding--lax attempts "starttls" "lax-587")
     (mew-submit-finding--lax attempts "implicit" "lax-465")
     (mew-submit-finding--roles attempts)
     (mew-submit-finding--filter
      attempts
      (lambda (attempt) (mew-submit-finding--taken-p attempt "relay"))
      (lambda (those)
        (mew-submit-finding--make
         "open-relay" "error" those
         "Tell the server's administrator at once: spammers will find it."
         "%s would pass mail on from anybody to anybody: it is an open relay."
         (mew-submit-finding--each those)))))))

(defconst mew-submit-finding--revealing
  '("PLAIN" "LOGIN" "XOAUTH2" "OAUTHBEARER" "NTLM")
  "Mechanisms that show the password, a token or its like to whoever listens.")

(defun mew-submit-finding--auth-in-clear (attempts)
  "Return the finding about ATTEMPTS, where log-ins are offered without TLS."
  (let* ((mechanisms (seq-uniq (mapcan (lambda (attempt)
                                         (copy-sequence
                                          (plist-get attempt :auth-clear)))
                                       attempts)))
         (revealing (seq-intersection mechanisms
                                      mew-submit-finding--revealing)))
    (mew-submit-finding--make
     "auth-in-clear" (if revealing "warning" "note") attempts
     (if revealing
         "Tell the server's administrator: a program that does not insist on TLS gives \
the password to everybody on the way.  mew-submit does insist."
       "Nothing: these do not show the password.  mew-submit insists on TLS all \
the same.")
     "%s offers a log-in without TLS (%s)." (mew-submit-finding--each attempts)
     (string-join mechanisms ", "))))

(defun mew-submit-finding--auth (diagnosis)
  "Return what is wrong with the log-ins offered in DIAGNOSIS."
  (let ((attempts (seq-filter #'mew-submit-finding--smtp-p
                              (mew-submit-finding--ended diagnosis))))
    (append
     (mew-submit-finding--filter
      attempts (lambda (attempt) (plist-get attempt :auth-clear))
      #'mew-submit-finding--auth-in-clear)
     (mew-submit-finding--filter
      attempts
      (lambda (attempt)
        (and (mew-submit-finding--submission-p attempt)
             ;; A server may offer nothing at all.
             (or (plist-get attempt :capabilities-tls)
                 (mew-submit-diagnosis--check attempt "mail-before-auth"))
             (null (plist-get attempt :auth-tls))))
      (lambda (those)
        (mew-submit-finding--make
         "no-auth" "error" those
         "Check the server's name: this is no submission server, or not for you."
         "%s offers no log-in, even inside TLS."
         (mew-submit-finding--each those))))
     (mew-submit-finding--filter
      attempts
      (lambda (attempt)
        (and (mew-submit-finding--submission-p attempt)
             (plist-get attempt :auth-tls)
             (null (mew-submit-diagnosis--log-ins attempt))))
      (lambda (those)
        (mew-submit-finding--make
         "auth-unspoken" "error" those
         "Ask the server's administrator for SCRAM, or for PLAIN inside TLS: the others are \
out of date (RFC 6331), or for the programs of one maker."
         "%s offers only ways to log in that mew-submit does not speak (%s)."
         (mew-submit-finding--each those)
         (string-join (plist-get (car those) :auth-tls) ", "))))
     (mew-submit-finding--filter
      attempts
      (lambda (attempt)
        (and (mew-submit-finding--submission-p attempt)
             (mew-submit-diagnosis--log-ins attempt)
             (null (seq-difference (mew-submit-diagnosis--log-ins attempt)
                                   '("OAUTHBEARER" "XOAUTH2")))))
      (lambda (those)
        (mew-submit-finding--make
         "auth-tokens-only" "note" those
         "Sign in instead of storing a password: :oauth t, or --auth with --token-command."
         "%s takes access tokens only (%s), and no password."
         (mew-submit-finding--each those)
         (string-join (plist-get (car those) :auth-tls) ", ")))))))

;;; Who answers

(defun mew-submit-finding--who (attempt)
  "Return the name the server of ATTEMPT gives itself, in small letters, or nil."
  (when-let* ((name (or (plist-get attempt :greeting-name)
                       (plist-get attempt :ehlo-name))))
    (and (string-search "." name) (mew-submit-caseless--down name))))

(defun mew-submit-finding--names (diagnosis)
  "Return the addresses of DIAGNOSIS whose ports call themselves differently."
  (let ((named (seq-filter (lambda (attempt)
                             (and (mew-submit-finding--smtp-p attempt)
                                  (mew-submit-finding--who attempt)))
                           (mew-submit-finding--ended diagnosis))))
    (mew-submit-finding--filter
     (mapcar #'cdr (seq-group-by (lambda (attempt) (plist-get attempt :address))
                                 named))
     (lambda (attempts)
       (cdr (seq-uniq (mapcar #'mew-submit-finding--who attempts))))
     (lambda (groups)
       (let ((attempts (car groups)))
         (mew-submit-finding--make
          "name-differs" "warning" (apply #'append groups)
          "Compare with another network: one of the ports may be answered by a \
proxy.  Where the certificates are good it is the server's own doing."
          "The ports of %s are answered by different servers: %s."
          (plist-get (car attempts) :address)
          (mew-submit-finding--and
           (mapcar (lambda (group)
                     (format "%s %s %s" (mew-submit-finding--where (cdr group))
                             (if (cdr (mew-submit-finding--ports (cdr group))) "say" "says")
                             (car group)))
                   (seq-group-by #'mew-submit-finding--who attempts)))))))))

(defconst mew-submit-finding--products
  (concat "\\b\\(avast\\|avg\\|avira\\|bitdefender\\|bullguard\\|clamsmtp\\|comodo\\|"
          "dr\\.?web\\|eset\\|f-secure\\|g ?data\\|kaspersky\\|mail ?shield\\|"
          "mailshield\\|mcafee\\|nod32\\|norton\\|panda\\|quick ?heal\\|sophos\\|"
          "spamihilator\\|symantec\\|trend ?micro\\|zonealarm\\)\\b")
  "Regexp of the names of programs that put themselves between mailer and server.")

(defun mew-submit-finding--product-in (text)
  "Return the name of such a program in TEXT, or nil.
The name of a host, or an address of the web, is none: firms have such names."
  (let ((bare (string-join (seq-remove (lambda (word)
                                         (and (string-match-p "[.@/][[:alpha:]]" word)
                                              (not (string-match-p "\\`[Dd]r\\.[Ww]eb\\'" word))))
                                       (split-string (or text "") "[][ \t\"'(),:;<>]+" t))
                           " ")))
    (and (mew-submit-caseless--folding
           (string-match mew-submit-finding--products bare))
         (match-string 1 bare))))

(defun mew-submit-finding--product (attempt)
  "Return the name of a local program that answers in ATTEMPT, or nil.
Such a program shows by its greeting, its EHLO name, or who issued the
certificate it made up.  A server that turns a guest down may name whose list
of bad addresses it goes by, and some of those firms are real issuers."
  (let ((tls (plist-get attempt :tls))
        (end (plist-get attempt :end)))
    (unless (memq (plist-get (mew-submit-refusal--of-event end) :cause)
                  '(ip-blocklisted ip-network-policy))
      (seq-some #'mew-submit-finding--product-in
                (list (plist-get attempt :greeting) (plist-get attempt :ehlo-name)
                      (plist-get end :text)
                      (and (seq-intersection (plist-get tls :problems) '("issuer" "self-signed"))
                           (plist-get tls :issuer)))))))

(defun mew-submit-finding--antivirus (diagnosis)
  "Return that an antivirus program answers for the server in DIAGNOSIS."
  (mew-submit-finding--filter
   (mew-submit-finding--ended diagnosis) #'mew-submit-finding--product
   (lambda (those)
     (mew-submit-finding--make
      "local-antivirus" "error" those
      "Switch the scanning of outgoing mail off in that program, or except Emacs \
from it: it reads what TLS is to protect, and may break STARTTLS."
      "A program called \"%s\", probably an antivirus on this machine, answers at \
%s in the server's place."
      (mew-submit-finding--product (car those))
      (mew-submit-finding--where those)))))

;;; All of them

(defun mew-submit-finding--log-in-end (diagnosis done)
  "Return the finding of DIAGNOSIS about its log-in, which ended with DONE."
  (let* ((log-in (plist-get diagnosis :log-in))
         (where (format "port %s (%s)" (plist-get log-in :port)
                        (or (plist-get log-in :mechanism) "no mechanism")))
         (text (string-trim-right (or (plist-get done :text) "") "[. ]+")))
    (cond ((equal (plist-get done :kind) "ok")
           (mew-submit-finding--make
            "log-in-works" "note" nil "Nothing.  No mail was sent."
            "The log-in at %s works: %s." where (plist-get log-in :text)))
          ((plist-get done :cause)
           (mew-submit-finding--with-cause
            (mew-submit-finding--make "log-in-refused" "error" nil nil
                                      "The log-in at %s is refused: %s." where text)
            done "Ask the server's administrator, with these words."))
          (t (mew-submit-finding--make
              "log-in-failed" "error" nil
              (string-replace "send it again" "try again" (mew-submit-report--advice done))
              "The log-in at %s came to nothing: %s." where text)))))

(defun mew-submit-finding--log-in (diagnosis)
  "Return what has come of the log-in of DIAGNOSIS, if there was to be one."
  (let ((log-in (plist-get diagnosis :log-in)))
    (pcase (plist-get log-in :state)
      ('untried
       (list (mew-submit-finding--make
              "log-in-untried" "warning" nil
              "Mend that first.  No password was sent."
              "Nobody has logged in: %s." (plist-get log-in :why))))
      ('ended (list (mew-submit-finding--log-in-end diagnosis
                                                    (plist-get log-in :done)))))))

(defun mew-submit-finding--server (diagnosis)
  "Return the findings of DIAGNOSIS about the server, but for its certificate."
  (append (mew-submit-finding--antivirus diagnosis)
          (mew-submit-finding--greetings diagnosis)
          (mew-submit-finding--conversation diagnosis)
          (mew-submit-finding--starttls diagnosis)
          (mew-submit-finding--handshakes diagnosis)
          (mew-submit-finding--flows diagnosis)
          (mew-submit-finding--auth diagnosis)
          (mew-submit-finding--log-in diagnosis)
          (mew-submit-finding--names diagnosis)))

(provide 'mew-submit-finding-server)
;;; mew-submit-finding-server.el ends here
