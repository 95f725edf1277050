;;; l-shown.el --- Faults L: what the user sees -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Text from the server, wherever it comes from, is shown without anything that could deceive.  The
;; judge looks at all strings in all events, the suite at the trace.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-faults-scenario "faults/scenario")

(declare-function mew-submit-faults--done "faults/judge")

(defconst mew-submit-faults-l--texts
  '(("L1 ESC" . "\\e[2J\\e[31mred\\e]0;title\\x07")
    ("L1 C1" . "%C2%9B31m%C2%85%C2%9D")
    ("L1 C1 alone" . "\\x9b31m\\x85\\x9d")
    ("L1 BS and DEL" . "abc\\x08\\x08\\x08\\x7f\\x7f")
    ("L1 BEL, VT, FF, SO" . "\\x07\\x0b\\x0c\\x0e\\x0f")
    ("L1 tab" . "a\\tb")
    ("L2 bidi overrides" . "%E2%80%AEgro.elpmaxe%E2%80%AC %E2%81%A6x%E2%81%A9 %D8%9C")
    ("L2 zero width" . "%E2%80%8B%E2%80%8C%E2%80%8D%EF%BB%BF%E2%81%A0%C2%AD")
    ("L2 line separators" . "a%E2%80%A8b%E2%80%A9c%C2%85d")
    ("L2 tags and noncharacters" . "%F3%A0%80%81%EF%BF%BE%EF%B7%90")
    ("L2 Mongolian vowel separator, Hangul fillers, interlinear" . "%E1%A0%8E%E3%85%A4%EF%BF%B9")
    ("L3 CR and a forged line" . "No\\r550 5.7.1 Yes\\r\\t550 forged")
    ("L5 read syntax" . "#(\"x\" 0 1 (display \"y\")) #.(kill-emacs) ?\\x00")
    ("L5 help syntax" . "\\\\[kill-emacs] \\\\{global-map} \\\\<x> ‘quote’ `quote'")
    ("L5 format" . "%25s%25n%25d %25%25 100%25")
    ("L7 asks to log in" . "Log in at https://evil.example.org/login?u=joe now"))
  "Texts that a server may send: (NAME . TEXT).")

(defconst mew-submit-faults-l--places
  '((greeting "554" refused connection) (ehlo "550" (refused insecure) connection)
    (starttls "501" insecure connection) (ehlo2 "550" refused connection)
    (auth "535" auth auth) (mail "550" refused envelope) (rcpt "550" refused envelope)
    (data "554" refused envelope) (dot "554" refused message))
  "Where a server may refuse with a text: (STEP CODE KINDS LEVEL).")

(defun mew-submit-faults-l--shown (text)
  "Return entries for TEXT, as in the table, at each place, and behind the final 250."
  (cons
   `(,(format "%s: with 250" (car text)) :peer (,(format "dot=reply:250 2.0.0 seen %s" (cdr text)))
     :kind ok :events ((reply :code 250)))
   (mapcar (pcase-lambda (`(,step ,code ,kinds ,level))
             `(,(format "%s: %s" (car text) step)
               :peer (,(format "%s=reply:%s 5.0.0 seen %s" step code (cdr text)))
               :kind ,kinds :reach ,level :text "seen"))
           mew-submit-faults-l--places)))

(defun mew-submit-faults-l--unauthenticated (step code kinds)
  "Return an entry for a refusal with CODE at STEP, before TLS; it ends as one of KINDS.
Somebody on the way may have put it there: the text must not pass for the server's."
  `(,(format "L8 %s is refused in the clear with %s" step code)
    :peer (,(format "%s=reply:%s Your account is locked. Visit evil.example.org" step code))
    :kind ,kinds :reach connection
    :text "before TLS\\|unprotected\\|not protected\\|in the clear\\|not authenticated\\|unverified\\|not encrypted\\|unencrypted\\|without TLS"))

(defun mew-submit-faults-l--one-line (record)
  "Return a complaint when an event of RECORD has a text of more than one line."
  (let ((text (plist-get (mew-submit-faults--done record) :text)))
    (when (string-match-p "\n" text)
      (format "more than one line: %S" text))))

(defconst mew-submit-faults-l
  (append
   (seq-mapcat #'mew-submit-faults-l--shown mew-submit-faults-l--texts)
   (mew-submit-faults-table
    '(:check mew-submit-faults-l--one-line)
    '("L1 keywords with escapes" :peer ("cap+=\\e[31mX" "cap2+=X-\\e[2J%C2%9B" "cap2+=AUTH \\e[31mPLAIN")
      :kind ok)
    '("L1 a refusal of several lines" :peer ("mail=reply:550-one\\e[2J\\r\\n550-two\\x9b\\r\\n550 three")
      :kind refused :reach envelope :text "one.*two.*three")
    `("L6 200 lines of 500 octets"
      :peer (,(concat "mail=reply:"
                      (apply #'concat (make-list 199 (format "550-%s\\r\\n" (make-string 490 ?x))))
                      "550 end"))
      :kind refused :reach envelope)
    `("L6 200 lines of 500 octets, with 250"
      :peer (,(concat "dot=reply:"
                      (apply #'concat (make-list 199 (format "250-%s\\r\\n" (make-string 490 ?x))))
                      "250 end"))
      :kind ok)
    `("L6 a text of wide characters is cut between them"
      :peer (,(concat "mail=reply:550 5.0.0 " (apply #'concat (make-list 1000 "%E6%BC%A2"))))
      :kind refused :reach envelope :text "漢"))
   (list (mew-submit-faults-l--unauthenticated 'greeting "554" 'refused)
         (mew-submit-faults-l--unauthenticated 'ehlo "550" '(refused insecure))
         (mew-submit-faults-l--unauthenticated 'starttls "501" 'insecure)
         (mew-submit-faults-l--unauthenticated 'starttls "454" '(deferred insecure))
         (mew-submit-faults-l--unauthenticated 'greeting "421" 'deferred)))
  "Section L.")

(provide 'mew-submit-faults-l)
;;; l-shown.el ends here
