;;; j-message.el --- Faults J: the message itself -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Line ends and dots.  Whatever a message holds, the server gets one message: the one that was sent,
;; with CRLF for each line end.  The judge compares them; the server notes lone CR and LF.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-faults-scenario "faults/scenario")

(defconst mew-submit-faults-j--ways
  '(("DATA") ("BDAT" "chunking"))
  "The ways of a message to the server: (NAME DIRECTIVE...).")

(defun mew-submit-faults-j--sent (name message &rest more)
  "Return entries called NAME for MESSAGE by DATA and by BDAT; MORE are further keys."
  (mapcar (pcase-lambda (`(,way . ,how))
            `(,(format "%s, %s" name way) :peer ,how :message ,message ,@more :kind ok))
          mew-submit-faults-j--ways))

(defconst mew-submit-faults-j--command
  "MAIL FROM:<eve@example.org>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\nQUIT\r\n"
  "What would be a second message.")

(defconst mew-submit-faults-j--ends
  '("\n.\n" "\r\n.\n" "\n.\r\n" "\r\n.\r\n" "\r.\r" "\r.\r\n" "\r\n.\r" "\r.\n" "\n.\r" "\n.\r\r\n"
    "\r\n\r.\r\n" "\r\r.\r\r" "\n\r.\n\r" "\r\n..\r\n" "\n..\n" "\r\n. \r\n" "\r\n.\r\n.\r\n")
  "What might be taken for the end of a message.")

(defun mew-submit-faults-j--smuggled (end)
  "Return entries for a message with END in the middle, and commands behind it."
  (mew-submit-faults-j--sent
   (format "%s %s and a second message" (if (string-match-p "\r[^\n]" end) "J4" "J3")
           (mew-submit-faults-show end))
   (concat "To: ann@example.org\r\nSubject: x\r\n\r\nHello" end mew-submit-faults-j--command)))

(defun mew-submit-faults-j--filler (octets)
  "Return lines of OCTETS octets, the last of them without an end."
  (let ((line (concat (make-string 71 ?x) "\n")))
    (concat (apply #'concat (make-list (/ octets 72) line)) (make-string (% octets 72) ?y))))

(defun mew-submit-faults-j--at-borders (offset)
  "Return a message with what might end it OFFSET octets before each border of 16 KiB.
OFFSET may be negative."
  (let ((message (concat "To: ann@example.org\n\n")))
    (cl-loop for end in mew-submit-faults-j--ends
             for border from 16384 by 16384
             do (setq message (concat message
                                      (mew-submit-faults-j--filler
                                       (- border offset (length message)))
                                      end mew-submit-faults-j--command)))
    message))

(defun mew-submit-faults-j--border (offset)
  "Return entries for `mew-submit-faults-j--at-borders' with OFFSET."
  (mew-submit-faults-j--sent
   (format "J5 ends and commands %d octets before each border of 16 KiB" offset)
   (mew-submit-faults-j--at-borders offset)))

(defun mew-submit-faults-j--block (offset)
  "Return entries for dots OFFSET octets before the border of a block of 64 KiB on the wire."
  (let ((head "To: ann@example.org\r\n\r\n")
        (line (concat (make-string 70 ?x) "\r\n")))
    (mew-submit-faults-j--sent
     (format "J5 dots %d octets before the border of 64 KiB" offset)
     (concat head
             (apply #'concat (make-list 909 line))
             (make-string (- 65536 offset (* 909 72) (length head)) ?y)
             "\r\n.\r\n..\r\n...\r\n.\r\n" mew-submit-faults-j--command))))

(defconst mew-submit-faults-j
  (append
   (mew-submit-faults-j--sent "J1 LF" "To: ann@example.org\n\nHello\nWorld\n")
   (mew-submit-faults-j--sent "J1 CRLF" "To: ann@example.org\r\n\r\nHello\r\nWorld\r\n")
   (mew-submit-faults-j--sent "J1 mixed" "To: ann@example.org\r\n\nHello\n\r\nWorld\r\n\n")
   (mew-submit-faults-j--sent "J2 CR" "To: ann@example.org\r\rHello\rWorld\r")
   (mew-submit-faults-j--sent "J2 a lone CR in a line" "To: ann@example.org\r\n\r\nHello\rWorld\r\n")
   (mew-submit-faults-j--sent "J2 a lone CR at the end" "To: ann@example.org\r\n\r\nHello\r")
   (mew-submit-faults-j--sent "J2 CR CR LF" "To: ann@example.org\r\r\n\r\r\nHello\r\r\n")
   (seq-mapcat #'mew-submit-faults-j--smuggled mew-submit-faults-j--ends)
   (mew-submit-faults-j--sent "J3 an end in the header"
                              (concat "To: ann@example.org\nSubject: x\n.\n" mew-submit-faults-j--command))
   (mew-submit-faults-j--sent "J3 dots alone" "To: ann@example.org\n\n.\n..\n...\n.\n.")
   (mew-submit-faults-j--sent "J3 a dot as last line, without an end" "To: ann@example.org\n\nx\n.")
   (mew-submit-faults-j--sent "J3 a dot as last line" "To: ann@example.org\n\nx\n.\n")
   (mew-submit-faults-j--sent "J3 a dot and CR as last line" "To: ann@example.org\n\nx\n.\r")
   (mew-submit-faults-j--sent "J3 a dot as first octet" ".x: y\nTo: ann@example.org\n\nx\n")
   (mew-submit-faults-j--sent "J3 a dot as the whole message" ".")
   (mapcar (lambda (entry) (append (list (car entry)) '(:kind message :reach nothing :text "NUL")
                                   (cdr entry)))
           (append (mew-submit-faults-j--sent "J4 NUL before the dot"
                                              "To: ann@example.org\r\n\r\nx\r\n\0.\r\nQUIT\r\n")
                   (mew-submit-faults-j--sent "J8 NUL" "To: ann@example.org\n\nx\0y\n")
                   (mew-submit-faults-j--sent "J8 NUL at the very end" "To: ann@example.org\n\nx\0")
                   (mew-submit-faults-j--sent
                    "J8 NUL behind 64 KiB"
                    (concat "To: ann@example.org\n\n" (mew-submit-faults-j--filler 70000) "\0"))))
   (cl-loop for offset from -2 to 7 append (mew-submit-faults-j--border offset))
   (cl-loop for offset from -2 to 9 append (mew-submit-faults-j--block offset))
   (mew-submit-faults-j--sent "J7 no line end at the end" "To: ann@example.org\n\nHello")
   (mew-submit-faults-j--sent "J7 a header alone" "To: ann@example.org\n")
   (mew-submit-faults-j--sent "J7 a header alone, without a line end" "To: ann@example.org")
   (mew-submit-faults-j--sent "J7 empty lines alone" "\n\n\n")
   (mew-submit-faults-table
    '(:kind ok)
    '("J7 an empty message" :message "" :kind message :reach nothing :text "empty")
    '("J8 8-bit text, and 8BITMIME" :message "To: ann@example.org\n\nB\303\274cher\n"
      :saw-line "^MAIL .*BODY=8BITMIME")
    '("J8 Latin-1, and 8BITMIME" :message "To: ann@example.org\n\nB\374cher\n"
      :saw-line "^MAIL .*BODY=8BITMIME")
    '("J8 7-bit text needs no BODY" :no-line "BODY=")
    '("J8 8-bit text, no 8BITMIME" :peer ("cap2-=8BITMIME")
      :message "To: ann@example.org\n\nB\303\274cher\n" :seven-bit t :kind ok :reach message)
    '("J8 8-bit text, no 8BITMIME, in something signed" :peer ("cap2-=8BITMIME")
      :message "To: ann@example.org\nMIME-Version: 1.0\nContent-Type: multipart/signed; \
boundary=b; protocol=\"application/pgp-signature\"\n\n--b\nContent-Type: text/plain\n\nB\303\274cher\n\
--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n"
      :kind message :reach (connection auth) :text "8-bit")
    '("J13 a header in Latin-1" :message "Subject: B\374cher\nTo: ann@example.org\n\nx\n"
      :body "Subject: =?unknown-8bit?Q?B=FCcher?=\nTo: ann@example.org\n\nx\n" :no-line "SMTPUTF8")
    '("J13 a parameter in Latin-1"
      :message "Content-Type: text/plain; name=\"B\374cher\"\nTo: ann@example.org\n\nx\n"
      :body "Content-Type: text/plain;\n name*=unknown-8bit''B%fccher\nTo: ann@example.org\n\nx\n"
      :no-line "SMTPUTF8")
    '("J8 a header in UTF-8" :message "Subject: B\303\274cher\nTo: ann@example.org\n\nx\n"
      :body "Subject: =?utf-8?Q?B=C3=BCcher?=\nTo: ann@example.org\n\nx\n" :no-line "SMTPUTF8")
    '("J8 an address in UTF-8 in the header" :message "From: j\303\266@example.org\nTo: ann@example.org\n\nx\n"
      :saw-line "^MAIL .*SMTPUTF8")
    `("J8 a line of 998 octets" :message ,(concat "To: ann@example.org\n\n" (make-string 998 ?x) "\n"))
    ;; Some servers refuse a longer line, and some cut it (RFC 5321 section 4.5.3.1.6): none leaves.
    `("J8 a line of 999 octets" :message ,(concat "To: ann@example.org\n\n" (make-string 999 ?x) "\n")
      :seven-bit t)
    `("J8 a line of 100000 octets"
      :message ,(concat "To: ann@example.org\n\n" (make-string 100000 ?x) "\n") :seven-bit t)
    `("J8 a line of 999 octets, in something signed"
      :message ,(concat "To: ann@example.org\nMIME-Version: 1.0\nContent-Type: multipart/signed; \
boundary=b; protocol=\"application/pgp-signature\"\n\n--b\n\n" (make-string 999 ?x) "\n\
--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n")
      :kind message :reach nothing :text "Line 7 ")
    `("J8 a line of 999 octets in the header"
      :message ,(concat "To: ann@example.org\nX-L:" (apply #'concat (make-list 111 " 12345678")) "\n\nx\n")
      :body ,(concat "To: ann@example.org\nX-L:"
                     (mapconcat (lambda (line) (apply #'concat line))
                                (seq-partition (make-list 111 " 12345678") 8) "\n")
                     "\n\nx\n"))
    '("J8 a header in UTF-8, no SMTPUTF8" :peer ("cap2-=SMTPUTF8")
      :message "Subject: B\303\274cher\nTo: ann@example.org\n\nB\303\274cher\n"
      :saw-line "^MAIL .*BODY=8BITMIME" :no-line "SMTPUTF8"
      :body "Subject: =?utf-8?Q?B=C3=BCcher?=\nTo: ann@example.org\n\nB\303\274cher\n")
    '("J8 an address in UTF-8 in the header, no SMTPUTF8" :peer ("cap2-=SMTPUTF8")
      :message "From: j\303\266@example.org\nTo: ann@example.org\n\nx\n"
      :kind message :reach (connection auth) :text "SMTPUTF8")
    '("J9 a lone CR hides a Bcc" :message "To: ann@example.org\rBcc: secret@example.org\r\rx\r"
      :body "To: ann@example.org\r\rx\r")
    '("J9 a lone CR in a line hides a Bcc"
      :message "To: ann@example.org\nSubject: x\rBcc: secret@example.org\n\nx\n"
      :body "To: ann@example.org\nSubject: x\n\nx\n")
    '("J11 Bcc" :recipients nil
      :message "To: ann@example.org\nBcc: secret@example.org,\n more@example.org\nSubject: x\n\nBcc: y\n"
      :body "To: ann@example.org\nSubject: x\n\nBcc: y\n"
      :envelope ("joe@example.org" "ann@example.org" "secret@example.org" "more@example.org"))
    '("J11 bCC, Resent-Bcc and what is for us"
      :message "bCC: a@example.org\nResent-Bcc: b@example.org\nX-Mew-Submit-Foo: c\nTo: ann@example.org\n\nx\n"
      :body "To: ann@example.org\n\nx\n")
    '("J12 CHUNKING is used" :peer ("chunking") :saw-line "^BDAT 86 LAST$" :no-line "^DATA")
    '("J12 CHUNKING is used, no PIPELINING" :peer ("chunking" "cap2-=PIPELINING")
      :saw-line "^BDAT 86 LAST$" :no-line "^DATA"))
   (mapcar (lambda (entry) (append entry '(:slow t)))
           (mew-submit-faults-j--sent "J10 8 MiB" 'mew-submit-faults-j-8-mib)))
  "Section J.")

(defun mew-submit-faults-j-8-mib ()
  "Return a message of 8 MiB, a tenth of whose lines begin with a dot."
  (concat "To: ann@example.org\n\n"
          (apply #'concat
                 (make-list 11650 (concat (mew-submit-faults-j--filler 648)
                                          ".a line with a dot, seventy-two octets in all, and so on and so forth.\n")))))

(provide 'mew-submit-faults-j)
;;; j-message.el ends here
