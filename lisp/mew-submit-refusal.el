;;; mew-submit-refusal.el --- What follows from a server's no -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns what the cause of a refusal decides, and how it is said: whether
;; another password is asked for, when the next try is worth it, whether another port
;; may help, and the words.  What causes there are is mew-submit-cause.el's.
;;
;; A cause never makes anything less safe: what a server has refused for good is not
;; tried again by itself, whatever its words, and nobody is asked for a password unless
;; a password was refused.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-caseless)
(require 'mew-submit-cause)
(require 'mew-submit-cause-meaning)
(require 'mew-submit-error)
(require 'seq)

;;; The cause of an event

(defun mew-submit-refusal--of (step code enhanced text mechanism)
  "Return the cause of a reply as part of an event: `:cause', `:sure', `:remedy'.
STEP, CODE, ENHANCED, TEXT and MECHANISM are as for `mew-submit-cause--of'.
`:sure' is left out where the words leave it open, and `:detail' where no more
is known.  A server's words that make trouble here stop nothing: return nil."
  (condition-case err
      (let* ((found (mew-submit-cause--of step code enhanced text mechanism))
             (cause (plist-get found :cause))
             (detail (plist-get found :detail))
             (advice (mew-submit-cause-meaning--advice (or detail cause) code)))
        (append (list :cause cause)
                (and detail (list :detail detail))
                (and (plist-get found :sure) '(:sure t))
                (list :remedy (plist-get advice :remedy))))
    (error (display-warning 'mew-submit
                            (format "A refusal was not understood: %s"
                                    (mew-submit-error--text err)))
           nil)))

;; A line that is no UTF-8 comes with U+F780 to U+F7FF in place of its octets.
(defconst mew-submit-refusal--charsets
  '(windows-1252 gb18030 shift_jis euc-jp euc-kr big5 windows-1251 koi8-r iso-8859-2)
  "The charsets of replies that are no UTF-8.")

(defun mew-submit-refusal--octets-to (text function)
  "Return TEXT, or the value of FUNCTION where octets stand for characters in it.
FUNCTION gets the octets of TEXT."
  (if (string-match-p "[\uf780-\uf7ff]" text)
      (funcall function
               (apply #'unibyte-string
                      (mapcar (lambda (char)
                                (if (<= #xf780 char #xf7ff) (- char #xf700)
                                  (if (< char 128) char ??)))
                              text)))
    text))

(defun mew-submit-refusal--reading (lines charset)
  "Return LINES of a reply decoded by CHARSET, or nil where it cannot be that."
  (let ((texts (mapcar (lambda (line)
                         (mew-submit-refusal--octets-to
                          line (lambda (octets) (decode-coding-string octets charset))))
                       lines)))
    (unless (string-match-p "[\x3fff80-\x3fffff\ufffd]" (string-join texts))
      texts)))

(defun mew-submit-refusal--as-utf-8 (line)
  "Return LINE of a reply with U+FFFD for each octet that is no UTF-8.
One octet that is wrong leaves the rest of it in UTF-8."
  (mew-submit-refusal--octets-to
   line (lambda (octets)
          (replace-regexp-in-string "[\x3fff80-\x3fffff]" "\ufffd"
                                    (decode-coding-string octets 'utf-8)))))

(defun mew-submit-refusal--shown (text lines charset)
  "Return TEXT, which has LINES of a reply, with these read by CHARSET unless nil.
What is not found in it as the module shows such lines stays as it is."
  (dolist (line (and charset lines) text)
    (let* ((words (replace-regexp-in-string "\\`[245]\\.[0-9]+\\.[0-9]+ +" "" line))
           (shown (mew-submit-error--clean (mew-submit-refusal--as-utf-8 words))))
      (when (string-search "\ufffd" shown)
        (setq text (string-replace
                    shown
                    (mew-submit-error--clean
                     (car (mew-submit-refusal--reading (list words) charset)))
                    text))))))

(defun mew-submit-refusal--of-lines (step code enhanced lines mechanism)
  "Return the cause of a reply's LINES as part of an event.
STEP, CODE, ENHANCED and MECHANISM are as for `mew-submit-refusal--of'.  What is
no UTF-8 is read by the first charset that makes sense of it, :charset, if one
does."
  (let* ((of (lambda (lines)
               (mew-submit-refusal--of step code enhanced
                                       ;; Some lines begin with an enhanced code.
                                       (nth 2 (mew-submit-cause--parse lines))
                                       mechanism)))
         (clean (mapcar #'mew-submit-refusal--as-utf-8 lines))
         (plain (funcall of clean)))
    (or (and (not (equal lines clean))
             (not (plist-get plain :sure))
             (cl-loop for charset in mew-submit-refusal--charsets
                      for reading = (mew-submit-refusal--reading lines charset)
                      for found = (and reading (funcall of reading))
                      when (plist-get found :sure)
                      return (append (list :charset charset) found)))
        plain)))

(defun mew-submit-refusal--of-event (event)
  "Return the cause of EVENT, an end of the module's, as part of an event, or nil.
Nil where no reply of a server is why."
  (when-let* ((said (plist-get event :said))
              (code (plist-get event :code))
              ((<= 400 code 599))
              (found (mew-submit-refusal--of-lines (plist-get event :step) code
                                                   (plist-get event :enhanced) said
                                                   (plist-get event :mechanism))))
    ;; The certificate that is missing or no good is ours, not a server's, and no password
    ;; is wanted; and the "errors" are recipients that it has refused.
    (unless (or (and (equal (plist-get event :about) "client-certificate")
                     (memq (plist-get found :cause)
                           '(tls-unavailable auth-required auth-needs-tls auth-wrong-password)))
                (and (equal (plist-get event :about) "recipients")
                     (eq (plist-get found :cause) 'protocol-error)))
      found)))

(defun mew-submit-refusal--inside-tls (cause)
  "Return CAUSE, part of an event, of a reply that came inside verified TLS."
  (if (eq (plist-get cause :cause) 'auth-needs-tls)
      (let ((advice (mew-submit-cause-meaning--advice 'auth-tls-unseen)))
        (plist-put (plist-put (copy-sequence cause) :detail 'auth-tls-unseen)
                   :remedy (plist-get advice :remedy)))
    cause))

(defun mew-submit-refusal--with (plist said cause)
  "Return PLIST with CAUSE, and :text with the lines SAID as they were read for it."
  (let ((text (mew-submit-refusal--shown (plist-get plist :text) said
                                         (plist-get cause :charset)))
        (cause (copy-sequence cause)))
    (cl-remf cause :charset)
    (append (plist-put (copy-sequence plist) :text text) cause)))

(defun mew-submit-refusal--of-recipient (recipient &optional said)
  "Return RECIPIENT, of a `done' event, which was refused, with the cause of that.
SAID is the lines of the reply where they are no UTF-8."
  (mew-submit-refusal--with
   recipient said
   (mew-submit-refusal--of-lines
    :rcpt (plist-get recipient :code) (plist-get recipient :enhanced)
    (or said (list (or (plist-get recipient :text) "")))
    nil)))

(defun mew-submit-refusal--in-common (refused)
  "Return the cause that all REFUSED recipients have, as part of an event, or nil.
It is not certain where one of them has it probably."
  (let ((one (or (seq-find (lambda (other) (null (plist-get other :sure))) refused)
                 (car refused))))
    (and (seq-every-p (lambda (other) (eq (plist-get other :cause) (plist-get one :cause)))
                      refused)
         (cl-loop for key in '(:cause :detail :sure :remedy)
                  when (plist-get one key) append (list key (plist-get one key))))))

(defun mew-submit-refusal--advice (done)
  "Return what there is to tell and to do about the cause of DONE, a plist, or nil."
  (when-let* ((cause (or (plist-get done :detail) (plist-get done :cause))))
    (mew-submit-cause-meaning--advice cause (plist-get done :code))))

;;; What it decides

(defun mew-submit-refusal--undetermined-p (done)
  "Do the server's words in DONE leave it open why it refused?"
  (memq (plist-get done :cause) '(nil policy-unspecified)))

(defun mew-submit-refusal--secret-p (done)
  "Did the server of DONE refuse the password or token itself?
Both its codes and its words have to say so, where its words say anything.  Else
another password is no use, and one more log-in may do harm."
  (and (equal (plist-get done :kind) "auth")
       (member (plist-get done :about) '("password" "app-password" "token"))
       (or (mew-submit-refusal--undetermined-p done)
           (memq (plist-get (mew-submit-refusal--advice done) :password)
                 '(once app changed))
           (eq (plist-get done :cause) 'auth-oauth-token-refused))
       t))

(defun mew-submit-refusal--app-password-p (done)
  "Did the server of DONE want a password that is made for mail programs?"
  (or (equal (plist-get done :about) "app-password")
      (eq (plist-get (mew-submit-refusal--advice done) :password) 'app)))

(defconst mew-submit-refusal--patient
  '(auth-too-many-tries greylisted rate-limited quota-reached)
  "The causes after which a try that comes too early is in vain, or makes it worse.")

(defconst mew-submit-refusal--log-in-refused
  '(auth-wrong-password auth-app-password-needed auth-password-expired auth-basic-disabled
    auth-web-login-needed)
  "The causes after which each further log-in counts towards a lock-out.")

(defun mew-submit-refusal--log-in-refused-p (done)
  "Was the log-in of DONE refused with a code for now, and in vain later?"
  (and (or (memq (plist-get done :cause) mew-submit-refusal--log-in-refused)
           ;; Behind a log-in it may be about this message alone.
           (and (eq (plist-get done :cause) 'account-suspended)
                (equal (plist-get done :step) "auth")))
       (equal (plist-get done :kind) "deferred")))

(defun mew-submit-refusal--patience (done)
  "Return how many seconds at least to wait for another try after DONE.
That is 0 where nothing speaks against an early one, whoever was refused."
  (apply #'max (mapcar #'mew-submit-refusal--patience-with
                       (cons done (plist-get done :recipients)))))

(defun mew-submit-refusal--patience-with (done)
  "Return how many seconds to wait for the cause of DONE, or of one recipient."
  (let ((cause (plist-get done :cause))
        (retry (plist-get (mew-submit-refusal--advice done) :retry)))
    (cond ((and (memq cause mew-submit-refusal--patient) (numberp retry)) retry)
          ;; The code says later, and the words that it is no use.
          ((mew-submit-refusal--log-in-refused-p done) 3600)
          (t 0))))

(defconst mew-submit-refusal--patience-max
  (apply #'max (mapcar (lambda (cause)
                         (plist-get (mew-submit-cause-meaning--advice cause) :retry))
                       mew-submit-refusal--patient))
  "The most seconds that `mew-submit-refusal--patience' comes to.")

(defun mew-submit-refusal--locked-p (done)
  "Does DONE say beyond doubt that further log-ins do harm, whatever is sent?"
  (and (plist-get done :sure) (eq (plist-get done :cause) 'auth-too-many-tries)))

(defun mew-submit-refusal--other-port-p (done)
  "May another port help against the cause of DONE?"
  (and (memq 'port (plist-get (mew-submit-refusal--advice done) :routes)) t))

;;; How it is said

(defun mew-submit-refusal--meaning (event)
  "Return what the cause of EVENT means as a clause."
  (mew-submit-cause-meaning--clause (plist-get (mew-submit-refusal--advice event) :meaning)))

(defun mew-submit-refusal--reason (event)
  "Return why the server refused in EVENT in a clause, or nil where that is open."
  (and (plist-get event :sure)
       (not (mew-submit-refusal--undetermined-p event))
       (mew-submit-refusal--meaning event)))

(defun mew-submit-refusal--why (event)
  "Return what the cause of EVENT means, and whether it is certain, as a clause."
  (concat (if (or (plist-get event :sure) (mew-submit-refusal--undetermined-p event))
              ""
            "probably ")
          (mew-submit-refusal--meaning event)))

(defun mew-submit-refusal--about-name-p (event)
  "May EVENT be about this machine's name, though its text has no word of it?"
  (and (equal (plist-get event :step) "ehlo")
       (or (eq (plist-get event :cause) 'helo-refused)
           (mew-submit-refusal--undetermined-p event))
       (not (string-search "--helo" (or (plist-get event :text) "")))))

(defun mew-submit-refusal--to-do (event)
  "Return what to do about the cause of EVENT, in sentences, or nil without one."
  (when-let* ((remedy (plist-get event :remedy)))
    (concat
     (and (mew-submit-refusal--about-name-p event)
          "It may be about the name that this machine gives in EHLO: :helo or --helo \
sets another.  ")
     ;; Nothing was named yet: neither the message nor who gets it is why.
     (and (equal (plist-get event :step) "greeting")
          (mew-submit-refusal--undetermined-p event)
          "That was said before anything was sent: another network or port may help.  ")
     (if (or (plist-get event :sure) (mew-submit-refusal--undetermined-p event))
         remedy
       (format "Probably %s.  %s"
               (mew-submit-refusal--meaning event) remedy)))))

(defun mew-submit-refusal--meant (event)
  "Return in a sentence why the server refused in EVENT, or nil where that is open.
It is for where there is no headline: a server speaks any language."
  (and (mew-submit-refusal--reason event)
       (concat (plist-get (mew-submit-refusal--advice event) :meaning) ".")))

;;; Providers' pages

(defconst mew-submit-refusal--pages
  '(("gmail\\.com\\|googlemail\\.com\\|google\\.com"
     "https://myaccount.google.com/apppasswords" "https://mail.google.com/")
    ("yahoo\\.[a-z.]+\\|ymail\\.com\\|rocketmail\\.com\\|yahoodns\\.net"
     "https://login.yahoo.com/account/security" "https://mail.yahoo.com/")
    ("aol\\.com" "https://login.aol.com/account/security" "https://mail.aol.com/")
    ("icloud\\.com\\|me\\.com\\|mac\\.com"
     "https://account.apple.com/account/manage" "https://www.icloud.com/mail")
    ("outlook\\.[a-z.]+\\|hotmail\\.[a-z.]+\\|live\\.[a-z.]+\\|msn\\.com\\|office365\\.com"
     "https://account.microsoft.com/security" "https://outlook.live.com/")
    ("fastmail\\.com\\|fastmail\\.fm\\|messagingengine\\.com"
     "https://app.fastmail.com/settings/security/apps" "https://app.fastmail.com/")
    ("zoho\\.[a-z.]+" "https://accounts.zoho.com/home#security/app_password"
     "https://mail.zoho.com/")
    ("yandex\\.[a-z.]+\\|ya\\.ru" "https://id.yandex.ru/security/app-passwords"
     "https://mail.yandex.ru/")
    ("mail\\.ru\\|bk\\.ru\\|list\\.ru\\|inbox\\.ru\\|internet\\.ru"
     "https://account.mail.ru/user/2-step-auth/passwords" "https://e.mail.ru/")
    ("qq\\.com\\|foxmail\\.com" "https://wx.mail.qq.com/" "https://wx.mail.qq.com/")
    ("163\\.com" "https://mail.163.com/" "https://mail.163.com/")
    ("126\\.com" "https://mail.126.com/" "https://mail.126.com/")
    ("naver\\.com" "https://nid.naver.com/" "https://mail.naver.com/")
    ("gmx\\.[a-z.]+" "https://www.gmx.net/" "https://www.gmx.net/")
    ("web\\.de" "https://web.de/" "https://web.de/")
    ("t-online\\.de\\|magenta\\.de"
     "https://account.idm.telekom.com/" "https://email.t-online.de/")
    ("free\\.fr" "https://subscribe.free.fr/login/" "https://zimbra.free.fr/")
    ("orange\\.fr\\|wanadoo\\.fr" "https://login.orange.fr/" "https://mail.orange.fr/")
    ("comcast\\.net\\|xfinity\\.com"
     "https://customer.xfinity.com/users/me" "https://connect.xfinity.com/")
    ("att\\.net\\|sbcglobal\\.net\\|bellsouth\\.net"
     "https://www.att.com/" "https://currently.att.yahoo.com/"))
  "Where providers make passwords for mail programs: (SERVER PAGE WEB-MAIL).
SERVER is a regexp for the end of a server's name.  A page is only ever opened
from here: what a server says names none.")

(defun mew-submit-refusal--page (server what)
  "Return the page of the provider of SERVER for WHAT, or nil for an unknown one.
WHAT is `app-password' or `web-mail'."
  (mew-submit-caseless--folding
    (cl-loop for (regexp page mail) in mew-submit-refusal--pages
             when (string-match-p (concat "\\(?:\\`\\|\\.\\)\\(?:" regexp "\\)\\'") server)
             return (if (eq what 'web-mail) mail page))))

(provide 'mew-submit-refusal)
;;; mew-submit-refusal.el ends here
