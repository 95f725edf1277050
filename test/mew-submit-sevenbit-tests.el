;;; mew-submit-sevenbit-tests.el --- Tests for mew-submit-sevenbit -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Messages go to seven bits, are taken apart again by mm-decode, and have to have the
;; same parts with the same content.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'mail-parse)
(require 'mew-submit-parcel)
(require 'mew-submit-sevenbit)
(require 'mew-submit-test-helpers)
(require 'mm-decode)
(require 'mm-uu)

(defun mew-submit-sevenbit-tests--utf-8 (text)
  "Return TEXT as UTF-8."
  (encode-coding-string text 'utf-8-unix))

(defun mew-submit-sevenbit-tests--convert (octets &optional goal)
  "Return the message OCTETS in seven bits, or as GOAL wants it, or nil."
  (mew-submit-test-with-directory directory
    (let ((in (expand-file-name "in" directory))
          (out (expand-file-name "out" directory)))
      (mew-submit-test-write in octets)
      (if (mew-submit-sevenbit--convert in out goal)
          (progn
            (should (= (file-modes out) #o600))
            (let ((converted (mew-submit-test-octets out)))
              (unless goal
                (should-not (string-match-p "[^\0-\177]" converted))
                (should-not (string-match-p "\0" converted))
                (should-not (string-match-p
                             "^Content-Transfer-Encoding: *\\(8bit\\|binary\\)"
                             converted)))
              converted))
        (should-not (file-exists-p out))
        nil))))

(defun mew-submit-sevenbit-tests--handle-leaves (handle)
  "Return the leaves of the MIME HANDLE: a list of (TYPE FILENAME CONTENT)."
  (cond
   ((stringp (car handle))
    (mapcan #'mew-submit-sevenbit-tests--handle-leaves (cdr handle)))
   ((equal (mm-handle-media-type handle) "message/rfc822")
    (mew-submit-sevenbit-tests--leaves (mm-get-part handle t)))
   (t (list (list (mm-handle-media-type handle)
                  (mail-content-type-get (mm-handle-type handle) 'charset)
                  (decode-coding-string (or (mm-handle-filename handle) "")
                                        'utf-8)
                  (mm-get-part handle t))))))

(defun mew-submit-sevenbit-tests--leaves (octets)
  "Return the header and the leaves of the message OCTETS, as mm-decode has them."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert octets)
    (let* ((subject (mail-fetch-field "Subject"))
           (handle (mm-dissect-buffer t t))
           (leaves (mew-submit-sevenbit-tests--handle-leaves handle)))
      (mm-destroy-parts handle)
      (cons (mail-decode-encoded-word-string
             (decode-coding-string (or subject "") 'utf-8))
            leaves))))

(defun mew-submit-sevenbit-tests--plain (leaves)
  "Return LEAVES with LF as line end in all contents."
  (mapcar (lambda (leaf)
            (if (consp leaf)
                (append (butlast leaf)
                        (list (string-replace "\r\n" "\n" (car (last leaf)))))
              leaf))
          leaves))

(defun mew-submit-sevenbit-tests--same (octets)
  "Check that the message OCTETS in seven bits has the same content; return it."
  (let ((converted (mew-submit-sevenbit-tests--convert octets)))
    (should converted)
    (should (equal (mew-submit-sevenbit-tests--plain
                    (mew-submit-sevenbit-tests--leaves converted))
                   (mew-submit-sevenbit-tests--plain
                    (mew-submit-sevenbit-tests--leaves
                     (string-replace "\r\n" "\n" octets)))))
    converted))

(defconst mew-submit-sevenbit-tests--nested
  (mew-submit-sevenbit-tests--utf-8
   "From: me@x
Subject: Grüße
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=\"a\"
Content-Transfer-Encoding: 8bit

Präambel
--a
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Größe = 5 €\x20
.
From here
--ab is no delimiter, and neither is -- a
last line

--a
Content-Type: multipart/alternative;
\tboundary=ab
Content-Transfer-Encoding: 8BIT (all of it)

--ab

no header: ASCII only
--ab
Content-Type: text/html; charset=utf-8
content-transfer-encoding: 8bit

<p>ß</p>
--ab--
Epilog: ü
--a
Content-Type: application/octet-stream; name=\"b.bin\"
Content-Transfer-Encoding: base64

AAECAwQ=
--a
Content-Type: message/rfc822
Content-Transfer-Encoding: 8bit

Subject: innen
MIME-Version: 1.0
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: 8bit

gr")
  "The beginning of a message with parts.")

(ert-deftest mew-submit-sevenbit-tests-nested ()
  "Parts in parts stay, each leaf with its content; what is ASCII stays as it is."
  (let* ((octets (concat mew-submit-sevenbit-tests--nested "\374\337e\n"
                         "--a\nContent-Type: application/x-thing\n"
                         "Content-Transfer-Encoding: 8bit\n\n\1\377\200 line\nline\n"
                         "--a--\n"))
         (converted (mew-submit-sevenbit-tests--same octets)))
    (should (string-search "Content-Transfer-Encoding: base64\n\nAAECAwQ=\n"
                           converted))
    (should (string-search "\n--ab\n\nno header: ASCII only\n--ab\n" converted))
    (should (string-search "\n.\nFrom here\n" converted))
    (should (string-search "=20\n" converted))
    (should (= 7 (length (cdr (mew-submit-sevenbit-tests--leaves converted)))))
    ;; CRLF makes no difference.
    (should (equal (mew-submit-sevenbit-tests--convert
                    (string-replace "\n" "\r\n" octets))
                   converted))
    ;; What has been converted needs nothing more.
    (should (equal (mew-submit-sevenbit-tests--convert converted) converted))))

(ert-deftest mew-submit-sevenbit-tests-text-is-quoted-printable ()
  "Text becomes quoted-printable, with lines of 76 columns at most."
  (dolist (text (list "ü" "ü\n" "\nü\n\n" "a\n\nü" (make-string 5000 ?ü)
                      (concat (make-string 200 ?x) "€\n\n.\n..\n= 3D=\n\t\n")))
    (let ((converted
           (mew-submit-sevenbit-tests--same
            (concat "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                    "Content-Transfer-Encoding: 8bit\n\n"
                    (mew-submit-sevenbit-tests--utf-8 text)))))
      (should (string-search "Content-Transfer-Encoding: quoted-printable\n"
                             converted))
      (should-not (string-match-p ".\\{77\\}" converted)))))

(ert-deftest mew-submit-sevenbit-tests-binary-stays-octet-by-octet ()
  "A part in binary has the very same octets afterwards, whatever line ends it has."
  (let ((blob (concat "\0\r\n\n\r\r\n.\n\377--b\n\r\n" (make-string 100 ?\r) "z")))
    (dolist (line-end '("\n" "\r\n"))
      (let* ((octets (concat
                      (string-replace
                       "\n" line-end
                       "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\
Content-Transfer-Encoding: binary\n\n--x\nContent-Type: image/png\n\
Content-Transfer-Encoding: binary\n\n")
                      blob
                      (string-replace
                       "\n" line-end
                       "\n--x\nContent-Type: text/plain; charset=utf-8\n\
Content-Transfer-Encoding: 8bit\n\n\303\274\n--x--\n")))
             (leaves (cdr (mew-submit-sevenbit-tests--leaves
                           (string-replace
                            "\r\n" "\n"
                            (mew-submit-sevenbit-tests--convert octets))))))
        (should (equal (mapcar (lambda (leaf) (car (last leaf))) leaves)
                       (list blob "\303\274")))))))

(ert-deftest mew-submit-sevenbit-tests-no-mime ()
  "A message without MIME fields gets some, with the charset it seems to have."
  (pcase-dolist (`(,body ,charset)
                 `((,(mew-submit-sevenbit-tests--utf-8 "Größe\n") "utf-8")
                   ("Gr\366\337e\n" "unknown-8bit")))
    (let ((converted (mew-submit-sevenbit-tests--convert
                      (concat "From: me@x\nTo: a@x\n\n" body))))
      (should (equal converted
                     (concat "From: me@x\nTo: a@x\nContent-Type: text/plain; charset="
                             charset "\nMIME-Version: 1.0\n"
                             "Content-Transfer-Encoding: quoted-printable\n\n"
                             (with-temp-buffer
                               (set-buffer-multibyte nil)
                               (insert body)
                               (quoted-printable-encode-region
                                (point-min) (point-max))
                               (buffer-string))))))))

(ert-deftest mew-submit-sevenbit-tests-headers ()
  "Raw UTF-8 in a header becomes encoded words, and means the same afterwards."
  (let* ((octets (mew-submit-sevenbit-tests--utf-8
                  "From: Jörg Müller <joerg@x>
To: \"Größe, Ünal\" <u@x>, a@x (ein Kömmentar)
Subject: Grüße €, a long subject that goes on and on for more than one line of\n \
text, wïth mörë
X-Odd: =?utf-8?Q?=C3=BC?= stays
Received: from a by b; now

ASCII
"))
         (converted (mew-submit-sevenbit-tests--convert octets))
         (field (lambda (name text)
                  (with-temp-buffer
                    (insert text)
                    (mail-decode-encoded-word-string
                     (mail-fetch-field name))))))
    (should (string-match-p "^Subject: .*=\\?utf-8\\?" converted))
    (dolist (name '("From" "Subject"))
      (should (equal (replace-regexp-in-string
                      "[ \n]+" " " (funcall field name converted))
                     (replace-regexp-in-string
                      "[ \n]+" " "
                      (funcall field name
                               (decode-coding-string octets 'utf-8))))))
    (with-temp-buffer
      (insert converted)
      (let ((to (mail-fetch-field "To")))
        (should (string-match-p "<u@x>, a@x (ein =\\?utf-8\\?[^()]*)\\'" to))
        (should (equal (mew-submit-address--parse to) '("u@x" "a@x")))))
    (should (string-search "\nX-Odd: =?utf-8?Q?=C3=BC?= stays\n" converted))
    (should (string-search "\nReceived: from a by b; now\n" converted))
    (should (string-suffix-p "\n\nASCII\n" converted))
    (should-not (string-match-p ".\\{79\\}" converted))))

(ert-deftest mew-submit-sevenbit-tests-parameters ()
  "A file name in raw UTF-8 becomes a parameter as in RFC 2231."
  (let ((converted
         (mew-submit-sevenbit-tests--same
          (mew-submit-sevenbit-tests--utf-8
           "MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: application/pdf; name=\"Größe und ein langer Name.pdf\"
Content-Disposition: attachment; filename=\"Größe und ein langer Name.pdf\"
Content-Transfer-Encoding: base64

AAEC
--x--
"))))
    (should (string-match-p "filename\\*\\(?:0\\*\\)?=utf-8''Gr%C3%B6%C3%9Fe"
                            converted))))

(ert-deftest mew-submit-sevenbit-tests-parameters-as-programs-write-them ()
  "Of a name without the quotes it needs nothing is lost, nor of what is beside it."
  (pcase-dolist
      (`(,value . ,name)
       '(("filename=Größe Übersicht (2).txt" . "Größe Übersicht (2).txt")
         ("filename=[Grö,ße].pdf; size=3" . "[Grö,ße].pdf")
         ("filename=@ü.txt" . "@ü.txt")
         ("filename=\"a\\\"ü\\\\;b\"; x=a/b [c]" . "a\"ü\\;b")
         ("x=a@b (a comment; of two); filename = ü ;" . "ü")))
    (ert-info (value)
      (let* ((octets (mew-submit-sevenbit-tests--convert
                      (mew-submit-sevenbit-tests--utf-8
                       (concat "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8; x=[ü]\n"
                               "Content-Disposition: attachment; " value "\n\nü\n"))))
             (leaf (nth 1 (mew-submit-sevenbit-tests--leaves octets))))
        (should (equal (nth 1 leaf) "utf-8"))
        (should (equal (nth 2 leaf) name)))))
  (should (equal (mew-submit-sevenbit-header--quote-parameters " a/b; x=a/b [c]; y=z; w=v (c@d);\n")
                 " a/b; x=\"a/b [c]\"; y=z; w=v (c@d);\n")))

(ert-deftest mew-submit-sevenbit-tests-stray-octets ()
  "Octets above 127 in quoted-printable are encoded; what is there stays."
  (let ((converted (mew-submit-sevenbit-tests--convert
                    "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
Content-Transfer-Encoding: quoted-printable\n\n=C3=BC \303\274=\n x\n")))
    (should (string-suffix-p "\n\n=C3=BC =C3=BC=\n x\n" converted))))

(ert-deftest mew-submit-sevenbit-tests-digest ()
  "The parts of a digest are messages, also without saying so."
  (mew-submit-sevenbit-tests--same
   (mew-submit-sevenbit-tests--utf-8
    "MIME-Version: 1.0
Content-Type: multipart/digest; boundary=x
Content-Transfer-Encoding: 8bit

--x

Subject: Eins
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße
--x

Subject: two

no MIME: ASCII
--x--
")))

(ert-deftest mew-submit-sevenbit-tests-header-that-is-not-utf-8 ()
  "A header in another charset gets encoded words, which say what is known of it.
SECURITY: J13."
  (pcase-dolist (`(,charset . ,wanted)
                 '((nil . "=?unknown-8bit?Q?=FC?=") ("us-ascii" . "=?unknown-8bit?Q?=FC?=")
                   ("no-such-charset" . "=?unknown-8bit?Q?=FC?=")
                   ("utf-8" . "=?unknown-8bit?Q?=FC?=") ("utf-16" . "=?unknown-8bit?Q?=FC?=")
                   ("ISO-8859-1" . "=?utf-8?Q?=C3=BC?=") ("windows-1251" . "=?utf-8?Q?=D1=8C?=")))
    (ert-info ((or charset "none"))
      (let ((out (mew-submit-sevenbit-tests--convert
                  (concat "Subject: \374\nMIME-Version: 1.0\n"
                          (and charset (format "Content-Type: text/plain; charset=%s\n" charset))
                          "\nx\n"))))
        (should (stringp out))
        (should (string-match-p (concat "^Subject: " (regexp-quote wanted) "$") out))))))

(ert-deftest mew-submit-sevenbit-tests-fields ()
  "Raw text in a field is encoded, and what has a form in ASCII already gets that."
  (pcase-dolist
      (`(,field . ,wanted)
       '(;; The domain of an address (RFC 5890).
         ("To: Jörg <joerg@bücher.example>"
          . "To: =?utf-8?Q?J=C3=B6rg?= <joerg@xn--bcher-kva.example>")
         ("Cc: a@BÜCHER.example, b@x" . "Cc: a@xn--bcher-kva.example, b@x")
         ("Reply-To: \"@bücher\" <a@x>" . "Reply-To: =?utf-8?Q?=40b=C3=BCcher?= <a@x>")
         ;; What is encoded.
         ("Subject: =?utf-8?Q?Gr=C3=BC?= und Grüße"
          . "Subject: =?utf-8?Q?Gr=C3=BC?= und =?utf-8?B?R3LDvMOfZQ==?=")
         ;; A group stays one, and its members.
         ("To: Freunde der Größe: a@x, ü <b@y>;"
          . "To: Freunde der =?utf-8?B?R3LDtsOfZQ==?= : a@x, =?utf-8?Q?=C3=BC?= <b@y>;")
         ("Cc: ü:;, (ü:) \"ä: b\" <c@[IPv6:::1]>"
          . "Cc: =?utf-8?Q?=C3=BC?= :;, (=?utf-8?Q?=C3=BC=3A?=) =?utf-8?Q?=C3=A4=3A_b?=\n <c@[IPv6:::1]>")))
    (ert-info (field)
      (should (string-prefix-p
               (concat wanted "\n")
               (mew-submit-sevenbit-tests--convert
                (mew-submit-sevenbit-tests--utf-8 (concat field "\n\nASCII\n")))))))
  (should (string-prefix-p "Content-Type: a/b;\n name*=unknown-8bit''%fc\n"
                           (mew-submit-sevenbit-tests--convert
                            "Content-Type: a/b; name=\374\n\nASCII\n"))))

(ert-deftest mew-submit-sevenbit-tests-blanks-count ()
  "Words are as far from one another as they were, encoded already, quoted or raw."
  (dolist (value '("=?utf-8?q?Zo=C3=AB?= Größe und" "Größe =?utf-8?q?Zo=C3=AB?= ü =?utf-8?q?x?= ö"
                   "=?utf-8?q?a?=\n Größe ü" "Größe(ü) ä" "=?utf-8?q?a?= =?utf-8?q?b?= ä"
                   "=?utf-8?q?a?= äöüäöüäöüäöü =?utf-8?q?b?= ä"
                   "Re: =?iso-8859-1?q?a?= ääääääääääääääääääääääääääää b"))
    (ert-info (value)
      (should (equal (mew-submit-sevenbit-tests--decoded "Subject" value)
                     (rfc2047-decode-string (string-replace "\n" "" value))))))
  (pcase-dolist (`(,phrase . ,name)
                 '(("\"日本\" 太郎" . "日本 太郎") ("Zoë \"Ü\"  Größe" . "Zoë Ü  Größe")
                   ("=?utf-8?q?Zo=C3=AB?= Größe" . "Zoë Größe") ("Joe \"x ü\"" . "Joe x ü")
                   ("Zoë =?utf-8?q?x?= b" . "Zoë x b") ("\"Zoë\"\n \"ü\"" . "Zoë ü")))
    (ert-info (phrase)
      (should (equal (string-trim
                      (mew-submit-sevenbit-tests--decoded "From" (concat phrase " <a@x>")))
                     (concat name " <a@x>")))))
  ;; The time it takes grows with the length, whatever is there.
  (dolist (word (list (make-string 200000 ?a) (make-string 200000 ?ü)
                      (apply #'concat (make-list 20000 "\"ü\" a=?x "))))
    (should (mew-submit-sevenbit-tests--prepared word))))

(ert-deftest mew-submit-sevenbit-tests-much-raw-text ()
  "However much raw text a field has, it is encoded and stays what it is.
On a word that long rfc2047.el works ever longer, or gives up."
  (dolist (value (list (make-string 20000 ?ü) (concat "a " (make-string 20000 ?ü) " =?utf-8?q?b?= ö")
                       (mapconcat #'identity (make-list 2000 "Größe ü und a") " ")))
    (ert-info ((substring value 0 10))
      (should (equal (mew-submit-sevenbit-tests--decoded "Subject" value)
                     (rfc2047-decode-string value)))))
  (pcase-dolist (`(,phrase . ,name)
                 `((,(make-string 20000 ?ü) . ,(make-string 20000 ?ü))
                   (,(concat "\"" (make-string 20000 ?ü) " \\\"x\\\"\" b")
                    . ,(concat (make-string 20000 ?ü) " \"x\" b"))
                   (,(mapconcat #'identity (make-list 500 "Zoë <a@x>,") " ")
                    . ,(mapconcat #'identity (make-list 500 "Zoë <a@x>,") " "))))
    (ert-info ((substring phrase 0 10))
      (should (equal (string-trim (mew-submit-sevenbit-tests--decoded
                                   "Cc" (concat phrase " <a@x>")))
                     (concat name " <a@x>")))))
  ;; Nor does an octet that is no text, and a line that gets no blanks, do any harm.
  (let ((octets (concat "X-A: " (apply #'concat (make-list 4000 "\370\3\371 b")) "\n\nx\n")))
    (should (<= (mew-submit-sevenbit-tests--longest
                 (mew-submit-sevenbit-tests--convert octets))
                998))))

(defun mew-submit-sevenbit-tests--decoded (name value)
  "Return what is read of the field NAME with VALUE once it is encoded."
  (let ((encoded (mew-submit-sevenbit-tests--convert
                  (mew-submit-sevenbit-tests--utf-8
                   (concat name ": " value "\n\nASCII\n")))))
    (string-remove-prefix
     (concat name ": ")
     (rfc2047-decode-string
      (string-replace "\n" "" (substring encoded 0 (string-match "\n[^ ]" encoded)))))))

(defun mew-submit-sevenbit-tests--prepared (word)
  "Have fields with WORD prepared for being encoded."
  (dolist (name '("To" "Subject") t)
    (with-temp-buffer
      (insert name ": " word " <a@x>\n")
      (mew-submit-sevenbit-header--prepare-words nil))))

(ert-deftest mew-submit-sevenbit-tests-encoding-as-programs-name-it ()
  "Transfer encodings spelled oddly are understood, and there is one in the end."
  (dolist (fields '("Content-Transfer-Encoding:\n" "Content-Transfer-Encoding: 8-bit\n"
                    "Content-Transfer-Encoding: \"8bit\"\n" "Content-Transfer-Encoding: 8BITS;\n"
                    "Content-Transfer-Encoding: 7bit\nContent-transfer-encoding: 8bit\n"))
    (ert-info (fields)
      (should (equal (mew-submit-sevenbit-tests--convert
                      (concat "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                              fields "\n\303\274\n"))
                     "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
Content-Transfer-Encoding: quoted-printable\n\n=C3=BC\n")))))

(ert-deftest mew-submit-sevenbit-tests-what-is-left-alone ()
  "What was signed, or makes no sense, is not changed: there is no such message."
  (dolist
      (octets
       (mapcar
        #'mew-submit-sevenbit-tests--utf-8
        (list
         "MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=x\n\n--x\n\n\
ü\n--x\n\nsignature\n--x--\n"
         "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=y\n\n--y\n\
Content-Type: multipart/signed; boundary=x\n\n--x\n\nü\n--x\n\nsignature\n--x--\n--y--\n"
         "MIME-Version: 1.0\nContent-Type: Multipart/Encrypted; boundary=x\n\n--x\n\n\
ü\n--x--\n"
         "MIME-Version: 1.0\nContent-Type: multipart/mixed\n\nü\n"
         "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\nü\n"
         "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\
Content-Transfer-Encoding: base64\n\n--x\n\nü\n--x--\n"
         "MIME-Version: 1.0\nContent-Type: text/plain\n\
Content-Transfer-Encoding: base64\n\nü\n"
         "MIME-Version: 1.0\nContent-Type: text/plain\n\
Content-Transfer-Encoding: x-uue\n\nü\n"
         "MIME-Version: 1.0\nContent-Type: message/partial; id=x; number=1\n\nü\n"
         ;; Text behind what seems to be the end, and a name in pieces.
         "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\
Content-Type: multipart/mixed; boundary=x\n\n--x\n\nü\n--x--\n--x\n\nü\n--x--\n"
         "MIME-Version: 1.0\nContent-Type: a/b; name*0*=utf-8''%C3%A4; name*1=\"bü\"\n\nx\n"
         "From: jörg@x\n\nASCII\n"
         "To: Jörg <jörg@bücher.example>\n\nASCII\n"
         "Sübject: x\n\nASCII\n"
         "no header: ü\n"
         "ü\n")))
    (ert-info ((format "%S" octets))
      (should-not (mew-submit-sevenbit-tests--convert octets))))
  ;; Parts without end.
  (let ((octets ""))
    (dotimes (n 60)
      (setq octets (format "%s%sContent-Type: multipart/mixed; boundary=b%d\n\n"
                           octets (if (zerop n) "MIME-Version: 1.0\n"
                                    (format "--b%d\n" (1- n)))
                           n)))
    (should-not (mew-submit-sevenbit-tests--convert
                 (concat octets "--b59\n\n\303\274\n")))))

(ert-deftest mew-submit-sevenbit-tests-signed-ascii-stays ()
  "What was signed and is ASCII already is not touched when something else is."
  (let* ((signed "--y\nContent-Type: multipart/signed; boundary=x\n\n--x\n\nT \n\
--x\n\nsignature\n--x--\n")
         (converted (mew-submit-sevenbit-tests--same
                     (concat "MIME-Version: 1.0\nContent-Type: multipart/mixed; \
boundary=y\n\n" signed "--y\nContent-Type: text/plain; charset=utf-8\n\
Content-Transfer-Encoding: 8bit\n\n\303\274\n--y--\n"))))
    (should (string-search signed converted))))

;;; Through the server

(defun mew-submit-sevenbit-tests--longest (octets)
  "Return how long the longest line in OCTETS is."
  (apply #'max (mapcar #'length (split-string octets "\n"))))

(ert-deftest mew-submit-sevenbit-tests-long-body ()
  "A line over 998 octets is encoded as its part needs it, and says the same.
Nothing else changes, 8-bit text neither."
  (let ((long (make-string 3000 ?x))
        (eight "\303\274"))
    (pcase-dolist
        (`(,name . ,octets)
         `(("no MIME" . ,(concat "Subject: x\n\nshort\n" long "\nend\n"))
           ("no MIME, without an end" . ,(concat "Subject: x\n\n" long))
           ("text" . ,(concat "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\
Content-Transfer-Encoding: 8bit\n\n" eight long "=20 \n"))
           ("quoted-printable" . ,(concat "MIME-Version: 1.0\nContent-Type: text/plain\n\
Content-Transfer-Encoding: quoted-printable\n\n"
                                          (apply #'concat (make-list 700 "=41b"))
                                          "=\nx\n"))
           ("base64" . ,(concat "MIME-Version: 1.0\nContent-Type: image/png\n\
Content-Transfer-Encoding: base64\n\n" (base64-encode-string long t) "\n"))
           ("parts" . ,(concat "MIME-Version: 1.0\nContent-Type: multipart/mixed; \
boundary=b\nContent-Transfer-Encoding: 8bit\n\n" long "\n--b\n\n" long "\n--b\n\
Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" eight
"\n--b\nContent-Type: application/json\n\n" long "\n--b\nContent-Type: message/rfc822\n\
\nSubject: y\n\n" long "\n--b--\n" long "\n"))))
      (ert-info (name)
        (let ((converted (mew-submit-sevenbit-tests--convert octets 'lines)))
          (should converted)
          (should (<= (mew-submit-sevenbit-tests--longest converted) 998))
          (should (equal (mew-submit-sevenbit-tests--plain
                          (mew-submit-sevenbit-tests--leaves converted))
                         (mew-submit-sevenbit-tests--plain
                          (mew-submit-sevenbit-tests--leaves octets))))
          (when (equal name "parts")
            (should (string-search (concat "8bit\n\n" eight "\n") converted))))))
    (should (string-prefix-p
             "Subject: x\nContent-Type: text/plain; charset=utf-8\nMIME-Version: 1.0\n\
Content-Transfer-Encoding: quoted-printable\n\n=C3=BC\nxxx"
             (mew-submit-sevenbit-tests--convert
              (concat "Subject: x\n\n" eight "\n" long "\n") 'lines)))))

(ert-deftest mew-submit-sevenbit-tests-long-text-is-base64 ()
  "A text of many octets does not become quoted-printable, which would take long."
  (let* ((octets (concat "Subject: x\n\n" (make-string 300000 ?x) "\n"))
         (converted (mew-submit-sevenbit-tests--convert octets 'lines)))
    (should (string-search "\nContent-Transfer-Encoding: base64\n" converted))
    (should (equal (mew-submit-sevenbit-tests--plain
                    (mew-submit-sevenbit-tests--leaves converted))
                   (mew-submit-sevenbit-tests--plain
                    (mew-submit-sevenbit-tests--leaves octets))))))

(ert-deftest mew-submit-sevenbit-tests-long-header ()
  "A field over 998 octets is folded, or becomes encoded words; it says the same."
  (let ((ids (mapcar (lambda (n) (format "<%03d.abcdefghijklmnopqrstuvwxyz@mail>" n))
                     (number-sequence 1 40)))
        (addresses (mapcar (lambda (n) (format "member-%03d@case.test" n))
                           (number-sequence 1 90)))
        (word (make-string 1400 ?a)))
    (pcase-dolist
        (`(,name ,value ,blanks)
         `(("References" ,(string-join ids " ") t)
           ("References" ,(string-join ids) nil)
           ("To" ,(string-join addresses ", ") t)
           ("To" ,(string-join addresses ",") nil)
           ("Cc" ,(concat "\"a,b\" <x@y>," (string-join addresses ",")) nil)
           ("X-Spam-Report" ,(concat "a\tb " (string-join ids "  ")) t)
           ("Subject" ,word t)
           ("Subject" ,(concat "Re: " word " end") t)
           ("Subject" ,(concat "=?utf-8?Q?=C3=BC?= " word " =?utf-8?Q?=C3=BC?=") t)
           ("Subject" ,(concat "\303\274" (apply #'concat (make-list 600 "\303\274"))) t)
           ("X-Token" ,word t)))
      (ert-info ((format "%s: %.60s" name value))
        (let* ((converted (mew-submit-sevenbit-tests--convert
                           (concat "From: a@x\n" name ": " value "\nDate: now\n\nBody\n")
                           'lines))
               (now (and converted
                         (with-temp-buffer
                           (insert converted)
                           (mail-fetch-field name))))
               (say (lambda (text)
                      (replace-regexp-in-string
                       (if blanks "\n" "[ \n]+") ""
                       (mail-decode-encoded-word-string
                        (decode-coding-string text 'utf-8))))))
          (should converted)
          (should (<= (mew-submit-sevenbit-tests--longest converted) 998))
          (should-not (string-match-p "^[ \t]*$" (car (split-string converted "\n\n"))))
          (should (equal (funcall say now) (funcall say value)))
          (should (string-prefix-p "From: a@x\n" converted))
          (should (string-suffix-p "\nDate: now\n\nBody\n" converted)))))))

(ert-deftest mew-submit-sevenbit-tests-longest ()
  "However long a word, a line of blanks or a list of addresses is, there is an answer."
  (pcase-dolist (`(,octets ,converted)
                 `((,(concat "Subject: " (make-string 2000000 ?a) "\n\nx\n") t)
                   (,(concat "To: " (mapconcat #'identity (make-list 20000 "a@case.test") ",")
                             "\n\nx\n")
                    t)
                   (,(concat "To: \"" (make-string 500000 ?a) "\" <a@b>\n\nx\n") nil)
                   (,(concat "X-A: " (make-string 500000 ?\s) "b\n\nx\n") nil)
                   (,(concat "Subject: x\n\n" (make-string 250000 ?x)) t)))
    (ert-info ((substring octets 0 20))
      (let ((result (mew-submit-sevenbit-tests--convert octets 'lines)))
        (should (eq (and result t) converted))
        (when result
          (should (<= (mew-submit-sevenbit-tests--longest result) 998)))))))

(ert-deftest mew-submit-sevenbit-tests-what-is-long-for-good ()
  "A long line that was signed, or that cannot be folded, is left alone."
  (let ((long (make-string 1000 ?x)))
    (dolist (octets
             (list (concat "MIME-Version: 1.0\nContent-Type: multipart/signed; \
boundary=b\n\n--b\n\n" long "\n--b\n\ns\n--b--\n")
                   (concat "MIME-Version: 1.0\nContent-Type: multipart/encrypted; \
boundary=b\n\n--b\n\n" long "\n--b--\n")
                   (concat "To: " long "@x\n\nx\n")
                   (concat "Message-ID: <" long "@x>\n\nx\n")
                   (concat "MIME-Version: 1.0\nContent-Type: text/plain\n\
Content-Transfer-Encoding: x-uuencode\n\n" long "\n")
                   (concat "MIME-Version: 1.0\nContent-Type: message/partial; id=x\n\n"
                           long "\n")))
      (ert-info ((substring octets 0 60))
        (should-not (mew-submit-sevenbit-tests--convert octets 'lines))))))

(ert-deftest mew-submit-sevenbit-tests-header-alone ()
  "For a server without SMTPUTF8 the header is encoded, and nothing else changes."
  (let ((body "\nB\303\274cher\n\374\n"))
    (should (equal (mew-submit-sevenbit-tests--convert
                    (concat "From: Zo\303\253 <me@x>\nSubject: Gr\303\274\303\237e\n"
                            "X-ASCII: stays  as\n it is\n" body)
                    'header)
                   (concat "From: =?utf-8?Q?Zo=C3=AB?= <me@x>\n"
                           "Subject: =?utf-8?B?R3LDvMOfZQ==?=\n"
                           "X-ASCII: stays  as\n it is\n" body)))
    ;; What is signed has a header of its own.
    (should (mew-submit-sevenbit-tests--convert
             (concat "Subject: \303\274\nMIME-Version: 1.0\nContent-Type: multipart/signed; \
boundary=b\n\n--b\n\n\303\274\n--b\n\ns\n--b--\n")
             'header))
    (should-not (mew-submit-sevenbit-tests--convert
                 (concat "From: j\303\266@x\n" body) 'header))))

(defun mew-submit-sevenbit-tests--listener (name)
  "Return a listener called NAME that takes seven bits only."
  (format "127.0.0.1:0,name=%s,cap-=8BITMIME,cap2-=8BITMIME,cap-=SMTPUTF8,\
cap2-=SMTPUTF8" name))

(ert-deftest mew-submit-sevenbit-tests-delivered ()
  "A server without 8BITMIME gets ASCII; its neighbour gets the text as it is."
  :tags '(:module)
  (mew-submit-test-with-peer (peer (mew-submit-sevenbit-tests--listener "old")
                                   "127.0.0.1:0,name=new")
    (let ((octets (concat "Bcc: b@x\nTo: a@x\n"
                          mew-submit-sevenbit-tests--nested "\374\n--a--\n"))
          (tmp (mew-submit-test--peer-file peer "tmp/")))
      (make-directory tmp)
      (let ((temporary-file-directory tmp))
        (dolist (name '("old" "new"))
          (should (equal (plist-get (mew-submit-test-run
                                     (mew-submit-test-account peer name) octets)
                                    :result)
                         "delivered"))))
      (should (directory-empty-p tmp))
      (let ((old (mew-submit-test-stored peer 1))
            (new (mew-submit-test-stored peer 2)))
        (should-not (string-match-p "[^\0-\177]" old))
        (should (equal new (string-replace
                            "Subject: Gr\303\274\303\237e\r"
                            "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r"
                            (string-replace "\n" "\r\n" (substring octets 9)))))
        (dolist (text (list old new))
          (should-not (string-search "b@x" text)))
        (should (equal (mew-submit-sevenbit-tests--plain
                        (mew-submit-sevenbit-tests--leaves
                         (string-replace "\r\n" "\n" old)))
                       (mew-submit-sevenbit-tests--plain
                        (mew-submit-sevenbit-tests--leaves
                         (string-replace "\r\n" "\n" new))))))
      (should (= 1 (length (seq-filter
                            (lambda (line) (string-search "8BITMIME" line))
                            (mew-submit-test-lines peer "MAIL")))))
      (should-not (mew-submit-test-violations peer)))))

(ert-deftest mew-submit-sevenbit-tests-batch ()
  "The batch command does so as well; what cannot be changed ends with 65."
  :tags '(:module)
  (mew-submit-test-with-peer (peer (mew-submit-sevenbit-tests--listener "old"))
    (let* ((arguments (list "--server" "127.0.0.1" "--ca-file"
                            (mew-submit-test-ca peer) "--routes"
                            (format "%d:starttls"
                                    (mew-submit-test-port peer "old"))
                            "a@x"))
           (run (lambda (input)
                  (mew-submit-test-batch arguments :input input))))
      (should (= 0 (plist-get (funcall run "From: me@x\n\nGrüße\n") :status)))
      (should (string-suffix-p "\r\n\r\nGr=C3=BC=C3=9Fe\r\n"
                               (mew-submit-test-stored peer)))
      (let ((result (funcall run "From: me@x\nMIME-Version: 1.0\nContent-Type: \
multipart/signed; boundary=x\n\n--x\n\nü\n--x\n\ns\n--x--\n")))
        (should (= 65 (plist-get result :status)))
        (should (string-search "8BITMIME" (plist-get result :stderr))))
      (should-not (mew-submit-test-stored peer 2)))))

(ert-deftest mew-submit-sevenbit-tests-a-second-end ()
  "A multipart that is closed twice, as programs write it, has lost nothing behind."
  (let ((message (mew-submit-sevenbit-tests--utf-8
                  "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n
--b\n\nGrüße\n--b--\n")))
    (should (mew-submit-sevenbit-tests--convert (concat message "\n--b--\n")))
    (should-not (mew-submit-sevenbit-tests--convert (concat message "--b\n\ntext\n--b--\n")))))

(defun mew-submit-sevenbit-tests--apart (octets &optional function)
  "Return (OUTCOME TURNS OUT) of another Emacs that encodes OCTETS.
TURNS is how often this one did something else meanwhile, OUT what there is
then.  FUNCTION is called with the process at once."
  (mew-submit-test-with-directory directory
    (let* ((home (expand-file-name "Größe \"x\" \n\\/" directory))
           (in (expand-file-name "in" home))
           (out (expand-file-name "out" home))
           (turns 0)
           outcome timer)
      (make-directory home)
      (mew-submit-test-write in octets)
      (setq timer (run-at-time 0 0.001 (lambda () (setq turns (1+ turns)))))
      (unwind-protect
          (let ((process (mew-submit-sevenbit--convert-apart
                          in out 'octets (lambda (is) (setq outcome (list is))))))
            (when function
              (funcall function process))
            (mew-submit-test-until ("the other Emacs" 120) outcome))
        (cancel-timer timer))
      (should (equal (directory-files home nil "\\`[^.]")
                     (if (eq (car outcome) t) '("in" "out") '("in"))))
      (list (car outcome) turns (and (eq (car outcome) t) (mew-submit-test-octets out))))))

(ert-deftest mew-submit-sevenbit-tests-apart ()
  "Another Emacs encodes to the same, and this one does something else meanwhile.
Where there is no other one, this one does; one that is killed is told of."
  (let ((octets (mew-submit-sevenbit-tests--utf-8 "Subject: ü\n\nGrüße\n")))
    (pcase-let ((`(,outcome ,turns ,converted) (mew-submit-sevenbit-tests--apart octets)))
      (should (eq outcome t))
      (should (> turns 0))
      (should (equal converted (mew-submit-sevenbit-tests--convert octets))))
    (dolist (name '("no-such-emacs" "false"))
      (let ((invocation-name name)
            (invocation-directory (file-name-directory (executable-find "false"))))
        (should (equal (nth 2 (mew-submit-sevenbit-tests--apart octets))
                       (mew-submit-sevenbit-tests--convert octets)))))
    (pcase-let ((`((,kind . ,why) . ,_)
                 (mew-submit-sevenbit-tests--apart octets (lambda (process) (signal-process process 'KILL)))))
      (should (eq kind :failed))
      (should (string-search "killed" why))))
  (should-not (car (mew-submit-sevenbit-tests--apart
                    (mew-submit-sevenbit-tests--utf-8 "ü: x\n\nx\n")))))

(ert-deftest mew-submit-sevenbit-tests-apart-ends-with-the-job ()
  "Nobody encodes for a job that has ended, as when it was cancelled."
  (let* (told
         (parcel (mew-submit-parcel--make
                  :encoder (make-process :name "x" :command '("sleep" "600") :noquery t
                                         :sentinel (lambda (&rest _) (setq told t)))))
         (process (mew-submit-parcel-encoder parcel)))
    (mew-submit-parcel--clean-up parcel)
    (should-not (process-live-p process))
    (should-not told)))

(ert-deftest mew-submit-sevenbit-tests-whole-or-not-there ()
  "What could not be written whole is not there: it would be taken for the message."
  (mew-submit-test-with-directory directory
    (let ((in (expand-file-name "in" directory)))
      (mew-submit-test-write in "Subject: \303\274\n\nx\n")
      (cl-letf* ((write (symbol-function 'write-region))
                 ((symbol-function 'write-region)
                  (lambda (_start _end file &rest _)
                    (funcall write "half" nil file nil 'silent)
                    (signal 'file-error '("No space left on device")))))
        (should-error (mew-submit-sevenbit--convert in (expand-file-name "out" directory))
                      :type 'file-error))
      (should (equal (directory-files directory nil "\\`[^.]") '("in"))))))

(ert-deftest mew-submit-sevenbit-tests-no-room ()
  "A message that cannot be encoded just now, as on a full disk, is not refused for good."
  :tags '(:module)
  (mew-submit-test-with-peer (peer (mew-submit-sevenbit-tests--listener "old"))
    (pcase-dolist (`(,apart . ,words)
                   '((nil . "cannot be encoded .*: Write error: No space left")
                     (t . "cannot be encoded .*: the Emacs that encodes it was killed")))
      (cl-letf (((symbol-function 'mew-submit-parcel--apart-p) (lambda (_) apart))
                ((symbol-function 'mew-submit-sevenbit--convert)
                 (lambda (&rest _)
                   (signal 'file-error '("Write error" "No space left on device"))))
                ((symbol-function 'mew-submit-sevenbit--command)
                 (lambda (&rest _) (list "sh" "-c" "kill -9 $$"))))
        (let ((done (mew-submit-test-run (mew-submit-test-account peer "old")
                                         "To: a@x\n\n\303\274\n")))
          (should (equal (plist-get done :result) "deferred"))
          (should (string-match-p words (plist-get done :text))))))
    (should-not (mew-submit-test-stored peer))))

(ert-deftest mew-submit-sevenbit-tests-long-apart ()
  "A long message is encoded by another Emacs, once, and arrives; so does a short one."
  :tags '(:module)
  (mew-submit-test-with-peer (peer (mew-submit-sevenbit-tests--listener "old"))
    (let* ((account (mew-submit-test-account peer "old"))
           (apart 0)
           (count (lambda (&rest _) (setq apart (1+ apart)))))
      (advice-add 'mew-submit-sevenbit--convert-apart :before count)
      (unwind-protect
          (cl-letf* ((ask (symbol-function 'mew-submit-parcel--apart-p))
                     ((symbol-function 'mew-submit-parcel--apart-p)
                      (lambda (file) (let (noninteractive) (funcall ask file)))))
            (dolist (size '(10 20000))
              (should (equal (plist-get (mew-submit-test-run
                                         account
                                         (concat "To: a@x\n\n\303\274"
                                                 (apply #'concat (make-list size "\303\274\n"))))
                                        :result)
                             "delivered")))
            (should (= apart 1))
            (should-not (string-match-p "[^\0-\177]" (mew-submit-test-stored peer 2))))
        (advice-remove 'mew-submit-sevenbit--convert-apart count)))))

(provide 'mew-submit-sevenbit-tests)
;;; mew-submit-sevenbit-tests.el ends here
