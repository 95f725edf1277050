;;; mew-submit-message-tests.el --- Tests for messages and addresses -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'ert)
(require 'mew-submit-address)
(require 'mew-submit-error)
(require 'mew-submit-message)
(require 'mew-submit-relay-smtp)
(require 'mew-submit-setup-discover)
(require 'mew-submit-test-helpers)

(defmacro mew-submit-message-tests--with-file (text &rest body)
  "Run BODY with `file' and `fields' for a message that is TEXT."
  (declare (indent 1) (debug (form body)))
  `(mew-submit-test-with-directory directory
     (let* ((file (mew-submit-test-write (expand-file-name "m" directory) ,text))
            (fields (mew-submit-message--fields file)))
       (ignore fields)
       ,@body)))

(defun mew-submit-message-tests--recipients (text)
  "Return the recipients of the message TEXT."
  (mew-submit-message-tests--with-file text
    (mew-submit-message--recipients fields)))

(defun mew-submit-message-tests--sender (text)
  "Return the sender of the message TEXT."
  (mew-submit-message-tests--with-file text
    (mew-submit-message--sender fields)))

(defun mew-submit-message-tests--stripped (text)
  "Return the message TEXT as it may leave."
  (mew-submit-message-tests--with-file text
    (let ((out (concat file ".out")))
      (mew-submit-message--copy file fields out)
      (should (= (file-modes out) #o600))
      (mew-submit-test-octets out))))

;;; What must not leave

(ert-deftest mew-submit-message-tests-bcc-never-leaves ()
  "Private fields go, folded or not, with whatever line ends; nothing else does.
\(SECURITY: J11)."
  (pcase-dolist
      (`(,text ,expected)
       '(("To: a@x\nBcc: b@x\nSubject: s\n\nBcc: body\n"
          "To: a@x\nSubject: s\n\nBcc: body\n")
         ("Bcc: b@x,\n c@x,\n\td@x\nTo: a@x\n\nbody" "To: a@x\n\nbody")
         ("To: a@x\r\nBCC: b@x,\r\n c@x\r\nSubject: s\r\n\r\nbody\r\n"
          "To: a@x\r\nSubject: s\r\n\r\nbody\r\n")
         ;; A lone CR ends a line as well.
         ("Subject: s\rBcc: b@x\rTo: a@x\r\rbody\r"
          "Subject: s\r\nTo: a@x\r\n\rbody\r")
         ("Subject: s\rBcc: b@x\n c@x\r\nTo: a@x\n\nbody"
          "Subject: s\r\nTo: a@x\n\nbody")
         ("To: a@x\rBcc: b@x\n\nbody" "To: a@x\r\n\nbody")
         ;; Several CRs and an LF are one line end, and two CRs are two.
         ("To: a@x\r\r\nBcc: b@x\r\r\nX: y\r\r\n\r\r\nBcc: z" "To: a@x\r\r\nX: y\r\r\n\r\r\nBcc: z")
         ("To: a@x\r\r\r\nBcc: b@x\n\nbody" "To: a@x\r\r\r\n\nbody")
         ("To: a@x\r\rBcc: z\n" "To: a@x\r\rBcc: z\n")
         ("X: y\n\rBcc: body\n" "X: y\n\rBcc: body\n")
         ("bcc : b@x\nrEsEnT-bCC:b@x\nX-Mew-Submit-Account: w\nTo: a@x\n\nb"
          "To: a@x\n\nb")
         ("X-Message-SMTP-Method: smtp h 25\nTo: a@x\n\nb" "To: a@x\n\nb")
         ("Resent-To: a@x\nAlso-Resent-Bcc: b@x\nalso-also-Resent-Bcc: c@x\nAlso-Resent-To: d@x\n\nb"
          "Resent-To: a@x\nAlso-Resent-To: d@x\n\nb")
         ("Bcc: b@x" "")
         ("To: a@x\nBcc: b@x" "To: a@x\n")
         ("Bcc: b@x\n\nbody" "\nbody")
         ;; No field, though it looks like one.
         ("X-Bcc: b@x\nBcc-X: y\n Bcc: z\n\nb" "X-Bcc: b@x\nBcc-X: y\n Bcc: z\n\nb")
         ("\nBcc: b@x\n" "\nBcc: b@x\n")
         ("no header\n\nBcc: b@x\n" "no header\n\nBcc: b@x\n")))
    (ert-info ((format "%S" text))
      (should (equal (mew-submit-message-tests--stripped text) expected)))))

(ert-deftest mew-submit-message-tests-mbox-line ()
  "The line of an mbox before a header is none of it, and does not leave.
SECURITY: P10."
  (pcase-dolist
      (`(,text ,expected)
       '(("From a@x Thu Jan  1 00:00:00 2026\nTo: b@x\nSubject: s\n\nbody\n"
          "To: b@x\nSubject: s\n\nbody\n")
         ("From a@x Thu Jan  1 00:00:00 2026\r\nTo: b@x\r\n\r\nbody\r\n"
          "To: b@x\r\n\r\nbody\r\n")
         (">From a Thu Jan  1 00:00:00 2026\nTo: b@x\n\nb" "To: b@x\n\nb")
         ("From a Thu Jan  1 00:00:00 2026\r\r\nTo: b@x\n\nb" "To: b@x\n\nb")
         ;; A byte order mark is none of it, either.
         ("\357\273\277To: b@x\nBcc: c@x\n\nb" "To: b@x\n\nb")
         ("\357\273\277From a@x Thu Jan  1 00:00:00 2026\nTo: b@x\n\nb" "To: b@x\n\nb")
         ("From a@x Thu Jan  1 00:00:00 2026\n\357\273\277To: b@x\n\nb" "To: b@x\n\nb")
         ("To: b@x\n\n\357\273\277b" "To: b@x\n\n\357\273\277b")
         ;; A text without header, a field, and a line that is not the first.
         ("From now on\nall is well\n" "From now on\nall is well\n")
         ("From now on\n\nTo: b@x\n" "From now on\n\nTo: b@x\n")
         ("From : a@x\nTo: b@x\n\nb" "From : a@x\nTo: b@x\n\nb")
         ("To: b@x\nFrom a b\nX: y\n\nb" "To: b@x\nFrom a b\nX: y\n\nb")))
    (ert-info ((format "%S" text))
      (should (equal (mew-submit-message-tests--stripped text) expected))))
  (should (equal (mew-submit-message-tests--recipients
                  "From a@x Thu Jan  1\nTo: b@x\n\nb")
                 '("b@x"))))

(ert-deftest mew-submit-message-tests-names-in-capitals ()
  "A field in capitals is the field it is, also where the small letter of I is no i."
  (let ((before (standard-case-table)))
    (unwind-protect
        (progn
          (set-standard-case-table (copy-case-table before))
          (turkish-case-conversion-enable)
          (mew-submit-message-tests--with-file
              "MESSAGE-ID: <1@x>\nX-MEW-SUBMIT-ACCOUNT: w\nTO: a@x\nMIME-Version: 1.0\n\n"
            (should (equal (mapcar #'car fields) '("message-id" "x-mew-submit-account"
                                                   "to" "mime-version")))
            (should (equal (mew-submit-message-tests--stripped
                            "X-MEW-SUBMIT-ACCOUNT: w\nBCC: b@x\nTO: a@x\n\n")
                           "TO: a@x\n\n"))))
      (set-standard-case-table before))))

(ert-deftest mew-submit-message-tests-sender ()
  "The envelope sender is in From, as with smtpmail, where that names one."
  (pcase-dolist
      (`(,text ,expected)
       '(("From: A <a@x>\nSender: login@laptop.local\n\n" "a@x")
         ("From: a@x, b@x\nSender: c@x\n\n" "c@x")
         ("From: =?utf-8?Q?=C3=BC?= <a@x>, b@x\n\n" "a@x")
         ("Sender: c@x\n\n" "c@x")
         ("Resent-From: r@x\nResent-Sender: s@x\nFrom: a@x\n\n" "r@x")
         ("Resent-Sender: s@x\nFrom: a@x\n\n" "s@x")
         ("Resent-To: r@x\nFrom: a@x\n\n" "a@x")
         ("Subject: s\n\n" nil)))
    (ert-info (text)
      (should (equal (mew-submit-message-tests--sender text) expected)))))

(ert-deftest mew-submit-message-tests-one-sender ()
  "A header may have one From and one Sender, of other fields as many as it has.
What is ours but for an odd character or a slip is told (SECURITY: J11, J14)."
  (pcase-dolist
      (`(,text ,words)
       '(("From: a@x\nSender: b@x\nTo: c@x\nTo: d@x\n\nFrom: e@x\n" nil)
         ("Resent-From: a@x\nResent-From: b@x\nFrom: c@x\n\n" nil)
         ("From: a@x\nfrom : b@x\nFROM: c@x\n\n" "3 From fields")
         ("From: a@x\rFrom: b@x\r\r" "2 From fields")
         ("From: a@x\nSender: b@x\nSender: c@x\n\n" "2 Sender fields")
         ;; Fields to who sees them, and none to programs.
         ("To: a@x\nBcc\302\240: b@x\n\n" "a line Bcc .* U\\+00A0 (NO-BREAK SPACE): type")
         ("To: a@x\n\302\240bcc: b@x\n\n" "a line Bcc .* U\\+00A0")
         ("To: a@x\nBcc\240: b@x\n\n" "a line Bcc .* octet A0")
         ("To: a@x\n\342\200\213Bcc \t: b@x\n\n" "a line Bcc .* U\\+200B")
         ("To: a@x\n\357\273\277Resent-BCC: b@x\n\n" "a line Resent-Bcc .* U\\+FEFF")
         ("Subject: s\nBcc\357\274\232b@x\n\n" "a line Bcc .* COLON")
         (" Bcc: b@x\nTo: a@x\n\n" "a line Bcc .* a blank before it")
         ("To: a@x\nX-Mew-Submit-Require-TLS\302\240: yes\n\n" "X-Mew-Submit-Require-Tls .* U\\+00A0")
         (" To: text\nof a program\n\n" nil)
         ("To: a@x\n\303\240 to\302\240: b@x\nBcc\303\240: c@x\nSubject: s\n Bcc: x\n\n" nil)
         ("To: a@x\nSubject: s\n\nBcc\302\240: b@x\n" nil)
         ;; A slip must not take away what is wished for.
         ("To: a@x\nX-MewSubmit-Require-TLS: yes\n\n" "is X-Mew-Submit-Require-TLS meant")
         ("To: a@x\nMew-Submit-Send-At: 12:00\n\n" "is X-Mew-Submit-Send-At meant")
         ("To: a@x\nX-Mew_Submit-From: b@x\n\n" "is X-Mew-Submit-From meant")
         ("To: a@x\nX-Mew-Submit-From: b@x\nX-Mew-Version: 6\n\n" nil)))
    (let ((err (condition-case err
                   (mew-submit-message-tests--with-file text
                     (mew-submit-message--check-names fields))
                 (mew-submit-message (mew-submit-error--text err)))))
      (ert-info (text)
        (if words
            (should (string-match-p words err))
          (should-not err))))))

(ert-deftest mew-submit-message-tests-empty-orders ()
  "An empty field of ours, as a template has it, says nothing: no null sender above all."
  (mew-submit-message-tests--with-file
      "To: a@x\nX-Mew-Submit-From:\nX-Mew-Submit-Account: \nX-Mew-Submit-Send-At:\n \nX-Mew-Submit-Not-To:\n\n"
    (should-not (mew-submit-message--envelope-from fields))
    (should-not (mew-submit-message--account fields))
    (should-not (mew-submit-message--send-at fields))
    (should (equal (mew-submit-message--recipients fields) '("a@x"))))
  (mew-submit-message-tests--with-file "X-Mew-Submit-From:\nX-Mew-Submit-From: <>\n\n"
    (should (equal (mew-submit-message--envelope-from fields) "")))
  ;; Two that differ are told.
  (mew-submit-message-tests--with-file
      "X-Mew-Submit-From: a@x\nX-Mew-Submit-From: a@x\nX-Mew-Submit-Account: w\n\
X-Mew-Submit-Account: p\nX-Mew-Submit-Send-At: 2099-01-01 12:00\nX-Mew-Submit-Send-At: 2098-01-01 12:00\n\n"
    (should (equal (mew-submit-message--envelope-from fields) "a@x"))
    (should-error (mew-submit-message--account fields) :type 'mew-submit-message)
    (should-error (mew-submit-message--send-at fields) :type 'mew-submit-message)))

(ert-deftest mew-submit-message-tests-utf-16 ()
  "A message in UTF-16, as some shells write it, is told as one."
  (dolist (coding '(utf-16le-with-signature utf-16be-with-signature))
    (should (string-search
             "UTF-16"
             (condition-case err
                 (mew-submit-message-tests--with-file
                     (encode-coding-string "To: a@x\nSubject: s\n\nText\n" coding)
                   fields)
               (mew-submit-message (mew-submit-error--text err)))))))

(ert-deftest mew-submit-message-tests-octets-stay ()
  "Whatever octets there are, in the header and behind it, are copied as they are."
  (let ((octets (apply #'unibyte-string (number-sequence 0 255))))
    (should (equal (mew-submit-message-tests--stripped
                    (concat "X: \377\200\0\nBcc: x@y\n\n" octets octets))
                   (concat "X: \377\200\0\n\n" octets octets)))))

(ert-deftest mew-submit-message-tests-chunks-fit-together ()
  "A header and a body that are longer than what is read at once are whole.
The end of the header is found wherever it falls on the edge of a chunk."
  (dolist (pad (list 65530 65531 65532 65533 65534 65535 65536 131072))
    (dolist (end '("\n\n" "\r\n\r\n" "\r\r" "\n\r\n" "\r\r\n\r\r\n" "\r\r\r\nBcc: a@x\n\n"))
      (let* ((header (concat "X: " (make-string (- pad 3) ?x)))
             (body (make-string 300000 ?b)))
        (ert-info ((format "%d %S" pad end))
          (should (equal (mew-submit-message-tests--stripped
                          (concat header end body))
                         (concat header (string-replace "Bcc: a@x\n" "" end) body)))))))
  (let ((body (make-string (+ 3 (* 2 mew-submit-message--chunk)) ?b)))
    (should (equal (mew-submit-message-tests--stripped
                    (concat "Bcc: a@x\nTo: b@x\n\n" body))
                   (concat "To: b@x\n\n" body)))))

(ert-deftest mew-submit-message-tests-endless-header-is-refused ()
  "A file without an end to its header is refused, and not read whole."
  (let ((mew-submit-message--header-max 100000))
    (should-error (mew-submit-message-tests--with-file (make-string 600000 ?x)
                    fields)
                  :type 'mew-submit-message)))

(ert-deftest mew-submit-message-tests-large-message-takes-constant-memory ()
  "A message of 64 MB is copied without holding it."
  :tags '(:expensive-test)
  (mew-submit-test-with-directory directory
    (let ((file (expand-file-name "big" directory))
          (out (expand-file-name "out" directory))
          (line (concat (make-string 1023 ?b) "\n")))
      (mew-submit-test-write file "To: a@x\nBcc: b@x\n\n")
      (with-temp-buffer
        (dotimes (_ 16384) (insert line))
        (dotimes (_ 4)
          (let ((coding-system-for-write 'no-conversion))
            (write-region nil nil file t 'silent))))
      (garbage-collect)
      (let ((most 0)
            (write (symbol-function 'write-region)))
        (cl-letf (((symbol-function 'write-region)
                   (lambda (&rest args)
                     (setq most (max most (buffer-size)
                                     (length (or (car args) ""))))
                     (apply write args))))
          (mew-submit-message--copy file (mew-submit-message--fields file) out))
        (should (<= most mew-submit-message--chunk)))
      (should (= (file-attribute-size (file-attributes out))
                 (- (file-attribute-size (file-attributes file))
                    (length "Bcc: b@x\n")))))))

(ert-deftest mew-submit-message-tests-shape-that-programs-give ()
  "Text gets the empty line that is missing, and lines of blanks go."
  (pcase-dolist
      (`(,text ,expected)
       '(("To: a@x\nSubject: s\nhello\nyou\n" "To: a@x\nSubject: s\n\nhello\nyou\n")
         ("To: a@x\r\nhello\r\n\r\nyou" "To: a@x\r\n\nhello\r\n\r\nyou")
         ("To: a@x\rhello\r\ryou" "To: a@x\r\n\nhello\r\n\ryou")
         ("Bcc: b@x\nTo: a@x\nhello\n" "To: a@x\n\nhello\n")
         ("From m Thu\nTo: a@x\nhello\n" "To: a@x\n\nhello\n")
         ;; A field comes after it: who reads it may take it for one.
         ("To: a@x\nhello\nBcc: b@x\n\nyou" "To: a@x\nhello\n\nyou")
         ;; All of it is text.
         ("hello\nyou\n" "hello\nyou\n")
         ("hello\n  \nyou\n" "hello\n  \nyou\n")
         ("To: a@x\nhello\n  \nyou\n" "To: a@x\n\nhello\n  \nyou\n")
         ("To: a@x\n \t\nhello\n" "To: a@x\n\nhello\n")
         ("To: a@x\r\n \r\n\t\r\n \r\n b@x\r\n\r\nhi" "To: a@x\r\n b@x\r\n\r\nhi")
         ("To: a@x\r \rBcc: b@x\r\rhi" "To: a@x\r\n\rhi")
         ("To: a@x\n \nBcc: b@x,\n \n c@x\n\n \nhi" "To: a@x\n\n \nhi")
         ("To: a@x\n  " "To: a@x\n")))
    (ert-info (text)
      (should (equal (mew-submit-message-tests--stripped text) expected)))))

(ert-deftest mew-submit-message-tests-no-end-of-blanks ()
  "However many blanks a line has, or lines of them a field, the message goes out."
  (let ((blanks (make-string 500000 ?\s)))
    (pcase-dolist
        (`(,text ,expected)
         `((,(concat "X: a\n" blanks "b\n\nhi") ,(concat "X: a\n" blanks "b\n\nhi"))
           (,(concat "X: a\n" blanks "\n\nhi") "X: a\n\nhi")
           (,(concat "X: a\n" blanks) "X: a\n")
           (,(concat "X: a\n" (string-replace " " " \r\r\n" blanks) " b\n\nhi")
            "X: a\n b\n\nhi")))
      ;; ERT would print them.
      (should (eq t (equal (mew-submit-message-tests--stripped text) expected))))))

(ert-deftest mew-submit-message-tests-empty-fields-are-filled-in ()
  "A sender, a date or an ID that a program has left empty is none."
  (mew-submit-message-tests--with-file
      "From:  \nDate:\n\t\nTo: a@x\nMessage-ID:\nSubject:\n\nhi\n"
    (mew-submit-message--complete file fields "me@x" "Me <me@x>")
    (should (string-match-p
             "\\`From: Me <me@x>\nDate: [^\n]+\nMessage-ID: <[^\n]+@x>\n\
To: a@x\nSubject:\n\nhi\n\\'"
             (mew-submit-test-octets file)))))

(ert-deftest mew-submit-message-tests-filled-in-behind-a-lone-cr ()
  "The empty line behind an empty field stays one, whatever the field before ends in."
  (mew-submit-message-tests--with-file "From: me@x\nTo: a@x\rDate:\n\nBcc: text\n"
    (mew-submit-message--complete file fields "me@x")
    (should (string-suffix-p "\nFrom: me@x\nTo: a@x\r\n\nBcc: text\n"
                             (mew-submit-test-octets file)))))

(ert-deftest mew-submit-message-tests-handed-over-from-elsewhere ()
  "Behind the trace of a network nothing gives an order, but that TLS is required.
SECURITY: P23."
  (let ((orders "X-Mew-Submit-Account: w\nX-MEW-SUBMIT-From: <>\nx-mew-submit-not-to: a@x\n\
X-Mew-Submit-Require-TLS: no\nX-Message-SMTP-Method: smtp evil 25\n"))
    (pcase-dolist
        (`(,foreign ,trace)
         '((t "Received: from mx.x (mx.x [192.0.2.1])\n\tby me with ESMTP; now\n")
           (t "RECEIVED:\n\tFrom a by b; now\n")
           (t "Received: from [192.0.2.1] by me with local (x)\n")
           (t "Received: by me (Postfix, from userid 1)\nReceived: from a by b; now\n")
           (t "RECEIVED: FROM a BY b; now\n")
           (nil "Received: by me (Postfix, from userid 1)\n\tid X; now\n")
           (nil "Received: (from me@here) by here; now\n")
           (nil "Received: from me by here.x with local (Exim 4.96)\n\tid X; now\n")
           (nil "Return-Path: <me@x>\n")))
      (ert-info (trace)
        (mew-submit-message-tests--with-file
            (concat "X-Mew-Submit-Priority: 1\n" trace orders "From: a@x\n"
                    "X-Mew-Submit-Require-TLS: Yes\n\nX-Mew-Submit-Account: text\n")
          (should (equal (mew-submit-message--handed-over file)
                         (mew-submit-message--fields file)))
          (should (equal (mew-submit-test-octets file)
                         (concat "X-Mew-Submit-Priority: 1\n" trace
                                 (if foreign "" orders) "From: a@x\n"
                                 "X-Mew-Submit-Require-TLS: Yes\n\n"
                                 "X-Mew-Submit-Account: text\n"))))))))

(ert-deftest mew-submit-message-tests-handed-over-with-old-line-ends ()
  "What is taken out of a header whose lines end in CR takes nothing else along."
  (mew-submit-message-tests--with-file
      (concat "Received: from a (b) by c; x\rSubject: a\rX-Mew-Submit-Account: a\r"
              "From: x@y\rTo: b@c\n\nbody\n")
    (should (equal (mew-submit-message--handed-over file) (mew-submit-message--fields file)))
    (mew-submit-message--complete file (mew-submit-message--fields file) "x@y")
    (should (equal "b@c" (mew-submit-message--line
                          (car (last (mew-submit-message--fields file))))))
    (should (string-suffix-p "\n\nbody\n" (mew-submit-test-octets file)))))

(ert-deftest mew-submit-message-tests-text-is-not-filled-in ()
  "What is all text stays whole, whatever its lines look like."
  (mew-submit-message-tests--with-file "Report\nDate:\nFrom: \nthe end\n"
    (mew-submit-message--complete file fields "me@x" "me@x")
    (should (string-suffix-p "\n\nReport\nDate:\nFrom: \nthe end\n"
                             (mew-submit-test-octets file)))))

(ert-deftest mew-submit-message-tests-name-with-a-comma ()
  "A name with a comma that nobody has quoted is not the sender."
  (dolist (from '("Doe, John <me@x>" "me@x, Doe" "Doe, me@x, him@x"))
    (ert-info (from)
      (mew-submit-message-tests--with-file (format "From: %s\nTo: a@x\n\nhi\n" from)
        (should (equal (mew-submit-message--author fields) "me@x"))
        (should (equal (mew-submit-message--sender fields) "me@x"))))))

(ert-deftest mew-submit-message-tests-distinct-addresses ()
  "A domain in another case is the same, a local part is not."
  (should (equal (mew-submit-address--distinct
                  '("a@X.test" "A@x.test" "a@x.test" "root" "Root" "\"a@b\"@x" "root" "\"a@b\"@X"))
                 '("a@X.test" "A@x.test" "root" "Root" "\"a@b\"@x"))))

(ert-deftest mew-submit-message-tests-unusable-files-are-refused ()
  "A file that is missing, empty, a directory or remote is a bad message."
  (mew-submit-test-with-directory directory
    (let ((empty (mew-submit-test-write (expand-file-name "e" directory) "")))
      (dolist (file (list empty directory (concat empty "-no")
                          "/ssh:host.invalid:/etc/passwd"))
        (ert-info (file)
          (should-error (mew-submit-message--fields file)
                        :type 'mew-submit-message))))))

;;; The envelope

(ert-deftest mew-submit-message-tests-recipients-are-found ()
  "To, Cc and Bcc are the recipients, each once, whatever stands around them."
  (pcase-dolist
      (`(,text ,expected)
       '(("To: a@x\nCc: b@x\nBcc: c@x, a@x\n\nTo: d@x\n" ("a@x" "b@x" "c@x"))
         ("to:a@x,\r\n b@x\r\nTO : c@x\r\n\r\n" ("a@x" "b@x" "c@x"))
         ("To: =?utf-8?Q?J=C3=B6rg=2C_Dr=2E?= <j@x>, =?utf-8?B?w7w=?= <u@x>\n\n"
          ("j@x" "u@x"))
         ("To: Jörg <j@bücher.example>, čeh@x\n\n" ("j@bücher.example" "čeh@x"))
         ("To: undisclosed-recipients:;\nBcc: b@x\n\n" ("b@x"))
         ("To: friends: a@x, \"B, C\" <b@x>;, c@x\n\n" ("a@x" "b@x" "c@x"))
         ("To: root\nCc: \"a b\"@x, a..b@x, a@[192.0.2.1]\n\n"
          ("root" "\"a b\"@x" "a..b@x" "a@[192.0.2.1]"))
         ("To: a@x (a comment, with (b@x))\n\n" ("a@x"))
         ("To: \"b@x, c@x\" <a@x>\n\n" ("a@x"))
         ("To: b@x <a@x>\n\n" ("a@x"))
         ("To: <@relay,@other:a@x>\n\n" ("a@x"))
         ;; A quoted name whose second line looks like a command.
         ("To: \"x\r\n RCPT TO:<evil@x>\r\n DATA\" <a@x>\r\n\r\n" ("a@x"))
         ("Subject: s\rTo: a@x\rBcc: b@x\r\rbody" ("a@x" "b@x"))
         ("Subject: To: z@x\n\nTo: b@x\n" nil)
         ("To:\nCc: ,,\n\n" nil)))
    (ert-info ((format "%S" text))
      (should (equal (mew-submit-message-tests--recipients text) expected)))))

(ert-deftest mew-submit-message-tests-nobody-is-shown ()
  "Who means that no recipient is shown, and slips, is told how that is written."
  (dolist (text '("undisclosed recipients" "Undisclosed recipients:" "undisclosed-recipients"
                  "Undisclosed Recipients: ," "a@x, undisclosed-recipients"))
    (ert-info (text)
      (should (string-search
               ".  To show no recipient, write undisclosed-recipients:;"
               (mew-submit-error--text
                (should-error (mew-submit-address--parse text 'never)
                              :type 'mew-submit-message)))))))

(ert-deftest mew-submit-message-tests-names-alone ()
  "A name that stands for an address is told before anything is sent, as people write it."
  (pcase-dolist
      (`(,text ,apart ,never)
       `(("Meyer, Jo <j@x>" "Write the name in quotes, as \"Meyer, Jo\"" t)
         ("a@x,\n Meyer, =?utf-8?Q?J=C3=B6rg?= <j@x>" "\"Meyer, Jörg\", or as <Meyer>" t)
         ("j@x, Jo" nil "Not an address or an alias: Jo\\.  Write it whole")
         ("a@x,test" nil "an alias: test\\.")
         ("\"Meyer, Jo\"" nil "alias: \"Meyer, Jo\"\\.")
         ("=?utf-8?Q?J=C3=B6rg?=" nil "alias: Jörg\\.")
         ("friends: a@x, jo;" nil "alias: jo\\.")
         ("root, a@x" nil "alias: root\\.")
         ;; Nobody means something else by these.
         ("<root>, Jo <j@x>" nil nil) ("Jo <root>" nil nil) ("a@x,, b@x," nil nil)
         ("\"Meyer, Jo\" <j@x>" nil nil) ("a@x (Meyer, Jo), b@x" nil nil)
         ("Meyer Jo <j@x>; b@x" nil nil) ("undisclosed-recipients:;" nil nil)))
    (ert-info (text)
      (should (mew-submit-address--parse (concat text ",z@x")))
      (pcase-dolist (`(,names ,why) `((apart ,apart) (never ,(if (eq never t) apart never))))
        (let ((told (condition-case err
                        (progn (mew-submit-address--parse text names) nil)
                      (mew-submit-message (mew-submit-error--text err)))))
          (if why
              (should (string-match-p why (or told "")))
            (should-not told)))))))

(ert-deftest mew-submit-message-tests-resent-fields-decide ()
  "A message that is sent again goes to the newest Resent- block and nobody else."
  (pcase-dolist
      (`(,text ,recipients ,sender)
       '(("Resent-From: r@x\nResent-To: a@x\nResent-Bcc: b@x\nFrom: f@x\nTo: t@x\n\n"
          ("a@x" "b@x") "r@x")
         ("Resent-Sender: s@x\nResent-From: r@x\nResent-To: a@x\nFrom: f@x\n\n"
          ("a@x") "r@x")
         ;; An older block below.
         ("Resent-From: r@x\nResent-Date: now\nResent-To: a@x
Resent-From: old@x\nResent-To: o@x\nFrom: f@x\nTo: t@x\n\n" ("a@x") "r@x")
         ("Resent-To: a@x\nReceived: by x\nResent-To: o@x\nResent-From: old@x
From: f@x\nTo: t@x\n\n" ("a@x") "f@x")
         ;; A block that other fields stand in.
         ("From: f@x\nResent-To: a@x\nTo: t@x\nResent-Cc: c@x\nResent-From: r@x\n\n"
          ("a@x" "c@x") "r@x")
         ;; Nobody is named, so nobody gets it.
         ("Resent-From: r@x\nFrom: f@x\nTo: t@x\n\n" nil "r@x")))
    (ert-info ((format "%S" text))
      (should (equal (mew-submit-message-tests--recipients text) recipients))
      (should (equal (mew-submit-message-tests--sender text) sender)))))

(defun mew-submit-message-tests--cost (count)
  "Read a folded field with COUNT addresses; return the processor's seconds for it.
The least of three, without collecting garbage."
  (let* ((gc-cons-threshold most-positive-fixnum)
         (addresses (mapcar (lambda (n) (format "user%d@example.org" n))
                            (number-sequence 1 count)))
         (text (concat "To: " (mapconcat (lambda (address)
                                           (format "\"Last, %s\" <%s>"
                                                   (upcase address) address))
                                         addresses ",\r\n ")
                       "\r\n\r\nbody")))
    (apply #'min
           (mapcar (lambda (_)
                     (let ((start (get-internal-run-time)))
                       (should (equal (mew-submit-message-tests--recipients text) addresses))
                       (float-time (time-subtract (get-internal-run-time) start))))
                   '(1 2 3)))))

(ert-deftest mew-submit-message-tests-three-thousand-recipients ()
  "A folded field with 3000 addresses is read whole, and without looking at each again and again.
Ten times as many cost not more than thirty times as much; a hundred times would."
  (should (< (mew-submit-message-tests--cost 3000)
             (* 30 (max 0.002 (mew-submit-message-tests--cost 300))))))

(defun mew-submit-message-tests--blank-cost (count)
  "Read fields with COUNT blanks within; return the processor's seconds for it."
  (let* ((gc-cons-threshold most-positive-fixnum)
         (value (concat "a" (make-string count ?\s) "b\n"))
         (fields (mew-submit-message--fields-of-text
                  (mapconcat (lambda (name) (concat name ": " value))
                             '("From" "To" "Subject" "Message-ID" "X-Mew-Submit-Account"
                               "X-Message-SMTP-Method")
                             "")))
         (start (get-internal-run-time)))
    (mew-submit-message--recipients-said fields)
    (mew-submit-message--filled fields '("from" "message-id"))
    (dolist (read (list #'mew-submit-message--subject #'mew-submit-message--id
                        #'mew-submit-message--method #'mew-submit-message--account
                        #'mew-submit-message--private-text))
      (should (string-search "  b" (funcall read fields))))
    ;; What a client of the relay says, and what the DNS says of a domain.
    (mew-submit-relay-smtp--command (concat "AUTH x" (make-string (min 4000 count) ?\s) "\200"))
    (mew-submit-setup-discover--pacc-digests
     (list (concat "v=UAAC1; a=sha256; d=" (make-string count ?\s) "x")))
    (float-time (time-subtract (get-internal-run-time) start))))

(ert-deftest mew-submit-message-tests-many-blanks ()
  "Blanks within a field are not looked at again and again (SECURITY: K12).
Ten times as many cost not more than thirty times as much; a hundred times would."
  (should (< (mew-submit-message-tests--blank-cost 20000)
             (* 30 (max 0.002 (mew-submit-message-tests--blank-cost 2000))))))

(ert-deftest mew-submit-message-tests-garbage-is-refused ()
  "A field that is no address list is refused; no recipient is lost or made up."
  (dolist (value '("a b@x" "a@x b@y" ";a@x" "a@x;b: c@x" "<a@x" "a@x>" "a@x <b@x> c"
                   "\"a <b@x>" "a (b@x" "group: a@x" "a@b@c" "<>" "a\\b@x"
                   "g: h: a@x;;" ": a@x;" "@x" "a@x)"))
    (ert-info (value)
      (should-error (mew-submit-message-tests--recipients
                     (format "To: %s\n\nbody" value))
                    :type 'mew-submit-message))))

;;; Addresses

(ert-deftest mew-submit-message-tests-lawful-addresses-pass ()
  "Lawful addresses stay as they are, but for their domain."
  (pcase-dolist
      (`(,address ,expected)
       '(("a@x") ("-f@x") ("root") ("\"a b\"@x") ("\"a\\\"b@c\"@x") ("a+b=c@x.y")
         ("!#$%&'*+-/=?^_`{|}~@x") (".a..b.@docomo.example")
         ("a@[192.0.2.1]") ("a@[IPv6:2001:db8::1]") ("a@x_y.z") ("čeh@x")
         ("用户@例え。テスト" "用户@xn--r8jz45g.xn--zckzah")
         ("a@Bücher.Example" "a@xn--bcher-kva.example")
         ("a@bu\u0308cher.example" "a@xn--bcher-kva.example")))
    (ert-info (address)
      (should (equal (mew-submit-address--check address)
                     (or expected address))))))

(defconst mew-submit-message-tests--injections
  (list "" " " "a@x\r\nRCPT TO:<b@x>" "a@x\nDATA" "a\r@x" "a@x\0" "a\0b@x"
        "a@x> SIZE=1" "a@x>\r\n" "<a@x>" "a@x BODY=8BITMIME" "a b@x" "a@x y"
        "\"a\r\nb\"@x" "\"a\nb\"@x" "\"a" "\"a\"b@x" "\"a\\\"@x" "a\"b@x"
        "a\tb@x" "a\u2028@x" "a@x\u2029" "a\u0085@x" "a\u010D\u010A@x"
        "a\u009B@x" "a\177@x" "a\u00A0b@x" "a\u202Eb@x" "a\u200Bb@x" "a\uFFFFb@x"
        "a@b@c" "a@" "@x" "a@x.." "a@.x" "a@x..y" "a@-x" "a@x-" "a@[x y]" "a@[]"
        "=?utf-8?Q?Zo=C3=AB?=" "=?iso-8859-1?b?WmU=?="
        "a,b@x" "a;b@x" "a:b@x" "a(b)@x" "a\\b@x" "a@x\u2215y" "a@☃.example"
        (concat (make-string 253 ?a) "@x")
        (concat (make-string 127 ?ö) "@x")
        (concat "a@" (make-string 64 ?b))
        (concat "a@" (mapconcat #'identity (make-list 64 "bcd") "."))
        (make-string 2000 ?a)
        (concat "a" (string-to-multibyte "\377") "@x")
        (concat "a" (string #x3FFF8D #x3FFF8A) "@x"))
  "What may not be an envelope address.")

(ert-deftest mew-submit-message-tests-injections-are-refused ()
  "Whatever could end a command, or is no address, is refused and named."
  (dolist (address mew-submit-message-tests--injections)
    (ert-info ((format "%S" address))
      (let ((err (should-error (mew-submit-address--check address)
                               :type 'mew-submit-message)))
        (should (equal (plist-get (cdr err) :recipient) address))
        (should-not (string-match-p "[\0-\037\177-\237\u2028]"
                                    (mew-submit-error--text err)))))))

(ert-deftest mew-submit-message-tests-odd-characters-are-named ()
  "A character that cannot be seen is named, with its place."
  (pcase-dolist (`(,address ,words)
                 '(("a@case.test\u200B" "U\\+200B (ZERO WIDTH SPACE) as character 12\\.")
                   ("\u200Ea@x" "U\\+200E (LEFT-TO-RIGHT MARK) as character 1\\.")
                   ("a\u00AD@x" "U\\+00AD (SOFT HYPHEN) as character 2\\.")
                   ("a@x\uFEFF" "U\\+FEFF (ZERO WIDTH NO-BREAK SPACE) as character 4\\.")
                   ("a@\u2060x" "U\\+2060 (WORD JOINER) as character 3\\.")
                   ("a@x\u00A0" "U\\+00A0 (NO-BREAK SPACE) as character 4\\.")
                   ("a\n@x" "U\\+000A (LINE FEED (LF)) as character 2\\.")
                   ("a\u010D\u010A@x" "a disguised line end")))
    (should (string-match-p
             (concat "\\`Forbidden character in address: " words)
             (mew-submit-error--text
              (should-error (mew-submit-address--check address)
                            :type 'mew-submit-message))))))

(ert-deftest mew-submit-message-tests-lengths-are-octets ()
  "254 octets pass, as UTF-8 and with A-labels, however many of them are before the @."
  (let ((local (make-string 64 ?a))
        (domain (mapconcat #'identity (list (make-string 63 ?b)
                                            (make-string 63 ?c)
                                            (make-string 61 ?d))
                           ".")))
    (should (mew-submit-address--check (concat local "@" domain)))
    (should-error (mew-submit-address--check (concat local "@" domain "d"))
                  :type 'mew-submit-message)
    (should (mew-submit-address--check (concat (make-string 126 ?ö) "@x")))
    (should-error (mew-submit-address--check (concat (make-string 127 ?ö) "@x"))
                  :type 'mew-submit-message)))

(ert-deftest mew-submit-message-tests-hosts-are-checked ()
  "A server is a name, in A-labels, or an address; nothing else is looked up."
  (pcase-dolist (`(,host ,expected)
                 '(("smtp.example.org") ("smtp.example.org." "smtp.example.org")
                   ("localhost") ("192.0.2.1") ("2001:db8::1")
                   ("[2001:db8::1]" "2001:db8::1") ("fe80::1%eth0") ("::") ("1::")
                   ("2001:DB8:0:0:0:0:0:1") ("1:2:3:4:5:6:7::") ("::2:3:4:5:6:7:8")
                   ("::ffff:192.0.2.1") ("1:2:3:4:5:6:192.0.2.1") ("64:ff9b::192.0.2.1")
                   ("fe80::1%wlp0.5")
                   ("Bücher.example" "xn--bcher-kva.example")))
    (ert-info (host)
      (should (equal (mew-submit-address--host host) (or expected host)))))
  (dolist (host '("" "." "a b" "a\n" "a\r\nb" "a\0b" "x:25" "a/b" "a;b" "$(id)"
                  "-x" "a..b" "[::1" "::1]" "fe80::1%" "[192.0.2.1" "a\u2028b"
                  "a@b" "smtp.example.org\u3002\u3002" "127.0.0.1:25" "127.0.0.1:abc" ":25"
                  "1:2" "1:2:3:4:5:6:7" "1:2:3:4:5:6:7:8:9" "1::2::3" ":::" "12345::"
                  "1:2:3:4::5:6:7:8" "::1.2.3" "1.2.3.4::" ":1:2:3:4:5:6:7"))
    (ert-info ((format "%S" host))
      (should-error (mew-submit-address--host host)
                    :type 'mew-submit-message))))

(ert-deftest mew-submit-message-tests-helo-is-checked ()
  "The argument of EHLO is a domain or an address literal."
  (dolist (name '("localhost.localdomain" "[192.0.2.1]" "[IPv6:::1]" "x"))
    (should (equal (mew-submit-address--helo name) name)))
  (dolist (name '("" "a b" "a\r\nMAIL FROM:<>" "[a b]" "a\0" "[]" "a[1]"))
    (ert-info ((format "%S" name))
      (should-error (mew-submit-address--helo name) :type 'mew-submit-message))))

(ert-deftest mew-submit-message-tests-secrets-are-checked-and-not-shown ()
  "NUL, 0x01 and line ends are refused in a password, which is not in the words."
  (dolist (bad '("hunter2\0x" "hunter2\1" "hunter2\r" "hunter2\nx"))
    (let ((err (should-error (mew-submit-address--check-secret bad "password")
                             :type 'mew-submit-message)))
      (should-not (string-match-p "hunter2" (format "%S" err)))))
  (should-not (mew-submit-address--check-secret "p\377 ä" "password")))

;;; Text for people

(ert-deftest mew-submit-message-tests-text-is-made-safe ()
  "Text from elsewhere is shown on one line, without control of the terminal."
  (should (equal (mew-submit-error--clean "a\r\nb\033[31m\177\u009B\u202Ec\u2028\u200B")
                 "a��b�[31m���c��"))
  (should (equal (mew-submit-error--clean "jö 用户 ☃") "jö 用户 ☃"))
  (should (equal (mew-submit-error--clean (string-to-multibyte "\377x")) "�x"))
  (should-not (text-properties-at
               0 (mew-submit-error--clean (propertize "a" 'display "b"))))
  (let ((long (mew-submit-error--clean (make-string 5000 ?x))))
    (should (= (length long) mew-submit-error--text-max))
    (should (string-suffix-p "..." long))))

(provide 'mew-submit-message-tests)
;;; mew-submit-message-tests.el ends here
