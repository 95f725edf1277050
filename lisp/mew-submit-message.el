;;; mew-submit-message.el --- The header of a finished message, and its envelope -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what is read from and taken out of a message that is
;; finished, as octets in a file: who sends it to whom, and the fields that must not
;; leave (Bcc above all).  Only the header is ever in memory, so the size of a
;; message does not matter.  It knows nothing of accounts, buffers and servers.
;;
;; A line of the header ends with CRLF, LF or a lone CR, as on the wire each of
;; them will be CRLF: otherwise a lone CR could hide a Bcc (SECURITY.md, J9).  Several
;; CRs and an LF are one line end there (module/body.h), and so they are here.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-address)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-extension)
(require 'mew-submit-time)
(require 'seq)

(declare-function rfc2047-decode-string "rfc2047"
                  (string &optional address-mime))

(defconst mew-submit-message--chunk (* 1024 1024)
  "How many octets are copied at a time.")

(defconst mew-submit-message--header-max (* 8 1024 1024) "How many octets a header may have.")

(defun mew-submit-message--size (file)
  "Return how many octets FILE has.
Signal `mew-submit-message' when there is no such file, it cannot be read or it
is empty."
  (when (file-remote-p file)
    (mew-submit-error--throw 'message nil "Not a local file: %s" file))
  (let* ((attributes (file-attributes (file-truename file)))
         (size (file-attribute-size attributes)))
    (cond ((null attributes)
           (mew-submit-error--throw 'message nil "No such message file: %s" file))
          ;; A pipe, say, is no regular file.
          ((not (and (eq ?- (aref (file-attribute-modes attributes) 0))
                     (file-readable-p file)))
           (mew-submit-error--throw 'message nil "The message file cannot be read: %s" file))
          ((zerop size)
           (mew-submit-error--throw 'message nil "The message is empty: %s" file)))
    size))

;;; Reading the header

(defconst mew-submit-message--line-end "\r\\{1,8\\}\n\\|[\r\n]"
  "What matches the next line end.
Where case counts, Emacs searches it in a third of the time.")

(defun mew-submit-message--header-end ()
  "Return where the first empty line of the buffer begins, or nil."
  (goto-char (point-min))
  (let ((case-fold-search nil))
    (while (not (or (eobp) (memq (char-after) '(?\r ?\n))))
      (re-search-forward mew-submit-message--line-end nil 'move)))
  (and (not (eobp)) (point)))

(defun mew-submit-message--insert-header (file)
  "Insert the header of FILE, raw and without the empty line behind it."
  (let ((size (mew-submit-message--size file))
        (done 0)
        end)
    (while (and (null end) (< done size))
      (when (>= done mew-submit-message--header-max)
        (mew-submit-error--throw 'message nil "The header has no end: %s" file))
      (goto-char (point-max))
      (let ((next (min size (max 65536 (* 2 done)))))
        (insert-file-contents-literally file nil done next)
        (setq done next))
      ;; Whether CRs at the very end of what is here are line ends comes next.
      (goto-char (point-max))
      (unless (and (eq (char-before) ?\r) (< done size))
        (setq end (mew-submit-message--header-end))))
    (delete-region (or end (point-max)) (point-max))))

(defconst mew-submit-message--mbox "from "
  "The name given to what is before the header: the line that an mbox has there.
A byte order mark is another such thing.  No field can have that name.")

(defconst mew-submit-message--marks "\\(?:\357\273\277\\)*"
  "What matches byte order marks of UTF-8, which editors write before a text.")

(defun mew-submit-message--mbox-p (fields)
  "Is the first of FIELDS the line that an mbox has before a message?
Formail, procmail and `git format-patch' leave it there, mail that was passed on
more than once has several.  A text without header may begin like it, too: a
field has to follow."
  (and (string-match-p "\\`>*From [^\r\n]" (or (cdar fields) ""))
       (equal (caar fields) "")
       (or (mew-submit-message--name
            (replace-regexp-in-string (concat "\\`" mew-submit-message--marks) ""
                                      (or (cdr (nth 1 fields)) "")))
           (mew-submit-message--mbox-p (cdr fields)))))

(defun mew-submit-message--name (octets)
  "Return the name of the field OCTETS, in lower case, or nil when it is none.
A name is ASCII: a text without header may begin with a word and a colon."
  (and (string-match "\\`\\([!-9;-~]+\\)[ \t]*:" octets)
       (mew-submit-caseless--down (match-string 1 octets))))

(defun mew-submit-message--rest-fields ()
  "Return the fields from point on of the header that the buffer is."
  (let ((case-fold-search nil)
        fields)
    (while (not (eobp))
      (let ((start (point)))
        (while (progn
                 (re-search-forward mew-submit-message--line-end nil 'move)
                 (memq (char-after) '(?\s ?\t))))
        (let ((octets (buffer-substring start (point))))
          (push (cons (or (mew-submit-message--name octets) "") octets) fields))))
    (nreverse fields)))

(defun mew-submit-message--buffer-fields ()
  "Return the fields of the header that the buffer, unibyte and temporary, is."
  ;; Names are ASCII; where the user writes Turkish, the small letter of I is no i.
  (set-case-table mew-submit-caseless--table)
  (let ((start (point-min))
        fields)
    (while (progn
             (goto-char start)
             (looking-at mew-submit-message--marks)
             (setq start (goto-char (match-end 0))
                   fields (mew-submit-message--rest-fields))
             (mew-submit-message--mbox-p fields))
      (cl-incf start (length (cdar fields))))
    (if (= start (point-min))
        fields
      (cons (cons mew-submit-message--mbox (buffer-substring (point-min) start))
            fields))))

(defun mew-submit-message--fields (file)
  "Return the fields of the header of FILE, a list of (NAME . OCTETS).
NAME is in lower case and \"\" for a line that is no field; OCTETS are the whole
field with its line ends.  What is before them, such as the line of an mbox, is
one that must not leave.  Signal `mew-submit-message' when FILE cannot be read,
is empty or has no end to its header."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (mew-submit-message--insert-header file)
    (goto-char (point-min))
    (when (looking-at-p "\376\377\\|\377\376")
      (mew-submit-error--throw
       'message nil "The message is in UTF-16, which mail cannot carry: save it as UTF-8"))
    (mew-submit-message--buffer-fields)))

(defun mew-submit-message--fields-of-text (text)
  "Return the fields of TEXT, a header, as `mew-submit-message--fields' does."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert (encode-coding-string text 'utf-8))
    (mew-submit-message--buffer-fields)))

(defun mew-submit-message--value (field)
  "Return the value of FIELD, as (NAME . OCTETS), as text."
  (decode-coding-string
   (substring (cdr field) (1+ (string-match ":" (cdr field)))) 'utf-8-unix))

;;; The envelope

(defconst mew-submit-message--resent-singles
  '("resent-from" "resent-sender" "resent-date" "resent-message-id")
  "Fields a block of Resent- fields has once at most (RFC 5322, section 3.6.6).")

(defun mew-submit-message--resent-block (fields)
  "Return the first block of Resent- fields in FIELDS, or nil.
Another block begins where a field occurs again that can occur once only, and
behind a trace field.  The first is the newest, the one to act on."
  (let (block seen)
    (catch 'end
      (dolist (field fields)
        (let ((name (car field)))
          (when (and block
                     (or (member name '("received" "return-path"))
                         (member name seen)))
            (throw 'end nil))
          (when (string-prefix-p "resent-" name)
            (push field block)
            (when (member name mew-submit-message--resent-singles)
              (push name seen))))))
    (nreverse block)))

(defun mew-submit-message--own (fields)
  "Return those of FIELDS that can be orders of whoever sends the message.
In a message that is sent again they are those above the end of its newest block
of Resent- fields: the rest was written by somebody else."
  (if (seq-some (lambda (field) (string-prefix-p "resent-" (car field))) fields)
      (let ((last (car (last (mew-submit-message--resent-block fields)))))
        (seq-take fields (1+ (seq-position fields last #'eq))))
    fields))

(defun mew-submit-message--addresses (fields names)
  "Return the addresses in those of FIELDS whose name is in NAMES."
  (mapcan (lambda (field)
            (and (member (car field) names)
                 (mew-submit-address--parse (mew-submit-message--value field))))
          fields))

(defun mew-submit-message--to (fields)
  "Return the values of those of FIELDS that name recipients: To, Cc and Bcc.
In a message that is sent again, with Resent- fields, they are Resent-To,
Resent-Cc and Resent-Bcc of the newest block, and no others."
  (let* ((resent (mew-submit-message--resent-block fields))
         (names (if resent '("resent-to" "resent-cc" "resent-bcc") '("to" "cc" "bcc"))))
    (mapcar #'mew-submit-message--value
            (seq-filter (lambda (field) (member (car field) names))
                        (or resent fields)))))

(defun mew-submit-message--said (texts)
  "Return the addresses in TEXTS, and each text that is no address list as it is.
This is for what is kept and not sent: nobody is left out of it."
  (delete-dups
   (mapcan (lambda (text)
             (condition-case nil
                 (mew-submit-address--parse text)
               (mew-submit-error
                (list (mew-submit-error--trim
                       (replace-regexp-in-string "[\r\n]+" "" text))))))
           texts)))

(defun mew-submit-message--recipients-said (fields)
  "Return the recipients FIELDS name, as `mew-submit-message--said' does."
  (mew-submit-message--said (mew-submit-message--to fields)))

(defun mew-submit-message--resent-p (fields)
  "Is the message with FIELDS one that is sent again, with Resent- fields?"
  (and (mew-submit-message--resent-block fields) t))

(defun mew-submit-message--recipients (fields &optional names)
  "Return the recipients FIELDS name, as `mew-submit-message--to', each once.
Those in X-Mew-Submit-Not-To, who have it already, are left out.  What NAMES are
and what is signalled is as in `mew-submit-address--parse'."
  (let ((without (make-hash-table :test #'equal)))
    (dolist (address (mew-submit-message--addresses (mew-submit-message--own fields)
                                                    '("x-mew-submit-not-to")))
      (puthash (mew-submit-caseless--down address) t without))
    (seq-remove (lambda (address)
                  (gethash (mew-submit-caseless--down address) without))
                (delete-dups (mapcan (lambda (text) (mew-submit-address--parse text names))
                                     (mew-submit-message--to fields))))))

(defun mew-submit-message--first (addresses)
  "Return the first of ADDRESSES, or nil: of those with a domain, if there are any.
A name with a comma that nobody has quoted looks like another address."
  (or (seq-find (lambda (address) (string-search "@" address)) addresses)
      (car addresses)))

(defun mew-submit-message--sender (fields)
  "Return the address of the one who sends the message with FIELDS, or nil.
That is the one in From, as with smtpmail; Sender, which programs fill in with a
name of this machine, counts where From names nobody or several.  In a message
that is sent again they are Resent-From and Resent-Sender."
  (let ((resent (mew-submit-message--resent-block fields)))
    (seq-some
     (pcase-lambda (`(,fields ,from ,sender))
       (let ((authors (mew-submit-message--addresses fields (list from))))
         (if (= (length authors) 1)
             (car authors)
           (or (car (mew-submit-message--addresses fields (list sender)))
               (mew-submit-message--first authors)))))
     `((,resent "resent-from" "resent-sender") (,fields "from" "sender")))))

(defconst mew-submit-message--names
  (rx bos (group (* (not (any "!-~"))))
      (group (or (seq (opt "resent-") (or "to" "cc" "bcc" "from" "sender"))
                 (seq "x-mew-submit-" (+ (any "a-z-")))
                 "x-message-smtp-method"))
      (group (* (not (any "!-~")))) (or ":" (group "：")))
  "What matches a line that says who gets a message and how, as a person sees it.")

(defun mew-submit-message--odd-name (octets)
  "Return which such name OCTETS, a line without it, begin with, and what is odd.
That is (NAME WORDS), or nil.  A no-break space is typed before a colon, and
files that were put together have a byte order mark within."
  (let ((text (decode-coding-string
               (substring octets 0 (min 160 (length octets))) 'utf-8-unix))
        (case-fold-search nil))
    (when (string-match mew-submit-message--names (mew-submit-caseless--down text))
      (let ((name (capitalize (match-string 2 text)))
            (wide (match-beginning 4))
            (around (concat (match-string 1 text) (match-string 3 text))))
        (and (seq-every-p (lambda (char)
                            (or (memq char '(?\s ?\t)) (mew-submit-address--odd-p char)))
                          around)
             (list name (cond ((string-match "[^ \t]" around)
                               (car (split-string (mew-submit-address--odd-words
                                                   (match-string 0 around))
                                                  " as character ")))
                              (wide "U+FF1A (FULLWIDTH COLON)")
                              (t "a blank before it"))))))))

(defun mew-submit-message--check-odd-names (fields)
  "Signal `mew-submit-message' when one of FIELDS is none because of its name.
To whoever has written Bcc with a character that cannot be seen it is one: it
would leave, and who is in it get nothing.  A file without header is text."
  (when (seq-some (lambda (field) (member (car field) '("from" "to" "cc" "subject" "date")))
                  fields)
    (dolist (field fields)
      (when-let* (((string-match-p "[^!-~]" (if (equal (car field) "") " " (car field))))
                  (odd (mew-submit-message--odd-name (cdr field))))
        (mew-submit-error--throw
         'message nil "The header has a line %s that is no field, since it has %s: \
type its beginning anew" (car odd) (nth 1 odd))))))

(defun mew-submit-message--check-slips (fields)
  "Signal `mew-submit-message' when a name in FIELDS is almost X-Mew-Submit-.
What it wishes, such as TLS all the way, must not be dropped in silence."
  (pcase-dolist (`(,name . ,_) (mew-submit-message--own fields))
    (when-let* (((string-search "mew" name))
                ((not (string-prefix-p "x-mew-submit-" name)))
                (like (seq-find
                       (lambda (other)
                         (<= (string-distance
                              name (concat "x-mew-submit-" (mew-submit-caseless--down other)))
                             2))
                       (mew-submit-extension--names))))
      (mew-submit-error--throw
       'message nil "There is no field %s; is X-Mew-Submit-%s meant?"
       (capitalize name) like))))

(defun mew-submit-message--check-names (fields)
  "Signal `mew-submit-message' when FIELDS name more than one sender.
A message has one From and one Sender at most (RFC 5322, section 3.6): the
account would be chosen by one, and its reader be shown another.  Several fields
of recipients are one list to every program, and the server judges the others.
Do so, too, where a name is one of ours but for a slip."
  (mew-submit-message--check-odd-names fields)
  (mew-submit-message--check-slips fields)
  (dolist (name '("From" "Sender"))
    (let ((count (seq-count (lambda (field) (equal (car field) (mew-submit-caseless--down name)))
                            fields)))
      (when (> count 1)
        (mew-submit-error--throw
         'message nil "The header has %d %s fields, and one is allowed: leave one"
         count name)))))

(defun mew-submit-message--author (fields)
  "Return the address of the one whose message FIELDS are, or nil.
That is the first one in From, or in Resent-From of one that is sent again."
  (let ((resent (assoc "resent-from" (mew-submit-message--resent-block fields))))
    (mew-submit-message--first
     (if resent
         (mew-submit-message--addresses (list resent) '("resent-from"))
       (mew-submit-message--addresses fields '("from"))))))

(defun mew-submit-message--method (fields)
  "Return the value of X-Message-SMTP-Method in FIELDS, trimmed, or nil."
  (when-let* ((field (assoc "x-message-smtp-method" (mew-submit-message--own fields))))
    (mew-submit-error--trim (mew-submit-message--value field))))

(defun mew-submit-message--subject (fields)
  "Return the subject in FIELDS, decoded and on one line, or nil."
  (when-let* ((field (assoc "subject" fields)))
    (require 'rfc2047)                  ; slow to load
    (rfc2047-decode-string
     (mew-submit-error--trim
      (replace-regexp-in-string "[\r\n]+[ \t]*" " " (mew-submit-message--value field))))))

(defun mew-submit-message--id (fields)
  "Return the Message-ID in FIELDS, trimmed, or nil."
  (when-let* ((field (assoc "message-id" fields)))
    (mew-submit-error--trim (mew-submit-message--value field))))

(defun mew-submit-message--line (field)
  "Return the value of FIELD, as (NAME . OCTETS), unfolded and trimmed."
  (mew-submit-error--trim
   (replace-regexp-in-string "[\r\n]+" "" (mew-submit-message--value field))))

(defun mew-submit-message--order-p (field)
  "Is FIELD, as (NAME . OCTETS), one of `mew-submit-extension--orders'?"
  (seq-some (lambda (name)
              (equal (car field) (concat "x-mew-submit-" (mew-submit-caseless--down name))))
            mew-submit-extension--orders))

(defun mew-submit-message--order (name fields)
  "Return the value of the order NAME, as in x-mew-submit-*, of FIELDS, or nil.
An empty field, as templates have it, is none.  Signal `mew-submit-message' for
two that differ: nobody knows which is meant."
  (let* ((field-name (concat "x-mew-submit-" name))
         (values (delete-dups
                  (mapcan (lambda (field)
                            (and (equal (car field) field-name)
                                 (delete "" (list (mew-submit-message--line field)))))
                          (mew-submit-message--own fields)))))
    (when (cdr values)
      (mew-submit-error--throw 'message nil "X-Mew-Submit-%s is there twice, as %s and %s"
                               (capitalize name) (car values) (nth 1 values)))
    (car values)))

(defun mew-submit-message--wishes (fields)
  "Return those of FIELDS whose name begins with X-Mew-Submit-.
It is a list of (NAME . VALUE), texts, NAME without that and in lower case,
VALUE unfolded and trimmed.  When, to whom and by which account to send it is no
wish of the server."
  (mapcan (lambda (field)
            (and (string-prefix-p "x-mew-submit-" (car field))
                 (not (mew-submit-message--order-p field))
                 (list (cons (string-remove-prefix "x-mew-submit-" (car field))
                             (mew-submit-message--line field)))))
          (mew-submit-message--own fields)))

(defun mew-submit-message--account (fields)
  "Return the name of the account in X-Mew-Submit-Account of FIELDS, or nil."
  (mew-submit-message--order "account" fields))

(defun mew-submit-message--envelope-from (fields)
  "Return the envelope sender in X-Mew-Submit-From of FIELDS, or nil.
The null sender, <>, is the empty string."
  (when-let* ((from (mew-submit-message--order "from" fields)))
    (if (equal from "<>") "" from)))

(defun mew-submit-message--time (text)
  "Return the time that TEXT names, as for `mew-submit-time--parse'.
Signal `mew-submit-message' when it names none."
  (or (mew-submit-time--parse text)
      (mew-submit-error--throw
       'message nil "X-Mew-Submit-Send-At has to be a time such as %s, not: %s"
       mew-submit-time--examples text)))

(defun mew-submit-message--send-at (fields)
  "Return the time in X-Mew-Submit-Send-At of FIELDS, or nil without one.
Signal `mew-submit-message' when it is none."
  (when-let* ((text (mew-submit-message--order "send-at" fields)))
    (mew-submit-message--time text)))

(defun mew-submit-message--binary-p (fields)
  "Does the message with FIELDS say that it has parts in binary?"
  (when-let* ((field (assoc "content-transfer-encoding" fields)))
    (string-match-p "\\`[ \t\r\n]*binary[ \t\r\n]*\\(?:(.*)[ \t\r\n]*\\)?\\'"
                    (mew-submit-caseless--down (mew-submit-message--value field)))))

;;; What must not leave

(defconst mew-submit-message--how
  "\\`x-\\(?:mew-submit-\\|message-smtp-method\\'\\)"
  "What matches the name of a field that says how the message is to be sent.")

(defconst mew-submit-message--gone "\\`\\(?:also-\\)*\\(?:resent-\\)?bcc\\'"
  "What matches the name of a field with recipients that nobody is to see.
Message mode calls the old ones Also- when a message is sent again.")

(defun mew-submit-message--arrived-p (field)
  "Is FIELD the trace of mail that came over a network (RFC 5321, section 4.4)?
That of a program of this machine has no \"from\"; Exim's says local."
  (and (equal (car field) "received")
       (let ((words (string-join (split-string (mew-submit-message--line field)) " ")))
         (mew-submit-caseless--folding
           (and (string-match-p "\\`from " words)
                (not (string-match-p "\\`from [^][() ]+ by [^() ]+ with local " words)))))))

(defun mew-submit-message--handed-over (file)
  "Return the fields of the message FILE, which a program hands over.
Of one from elsewhere, which procmail passes on, the fields by which its writer
gives orders are taken out of FILE, but for that which makes it safer."
  (let* (came (fields (mew-submit-message--fields file))
         (left (seq-remove
                (lambda (field)
                  (setq came (or came (mew-submit-message--arrived-p field)))
                  (and came
                       (string-match-p mew-submit-message--how (car field))
                       (not (and (equal (car field) "x-mew-submit-require-tls")
                                 (eq 'yes (mew-submit-extension--truth
                                           (mew-submit-message--line field)))))))
                fields)))
    (cond ((= (length left) (length fields)) fields)
          (t (mew-submit-message--rewrite file fields left)
             (mew-submit-message--fields file)))))

(defun mew-submit-message--text-behind (fields)
  "Return the first of FIELDS that is text without an empty line before it, or nil.
That is what programs forget; no field comes after it."
  (let* ((all (mew-submit-message--after-mbox fields))
         (text (seq-drop-while (lambda (field) (not (equal (car field) ""))) all)))
    (and (not (eq text all))
         (seq-every-p (lambda (field) (equal (car field) "")) text)
         (car text))))

(defun mew-submit-message--without-blank-lines (octets)
  "Return OCTETS, a field, without lines of blanks.
Where it has none, what is returned is the very string."
  (let ((start 0)
        (kept 0)
        parts)
    ;; No regexp goes on behind the blanks: there may be more than can be gone back over.
    (while (string-match "[\r\n][ \t]+" octets start)
      (let ((line (1+ (match-beginning 0))))
        (setq start (match-end 0))
        (when (or (= start (length octets)) (memq (aref octets start) '(?\r ?\n)))
          (string-match "\r*\n?" octets start)
          (push (substring octets kept line) parts)
          (setq kept (match-end 0)
                start (1- kept)))))
    (if parts
        (apply #'concat (nreverse (cons (substring octets kept) parts)))
      octets)))

(defun mew-submit-message--leaving (fields)
  "Return what may leave of each of FIELDS: octets, or \"\" where nothing may.
Lines of blanks are left out, as some take one for the end of the header; text,
which has no name, keeps them, and has an empty line before it."
  (let ((case-fold-search nil)          ; names are in lower case
        (text (mew-submit-message--text-behind fields)))
    (mapcar
     (lambda (field)
       (let ((name (car field))
             (octets (cdr field)))
         (cond ((or (equal name mew-submit-message--mbox)
                    (string-match mew-submit-message--gone name)
                    (string-match mew-submit-message--how name))
                "")
               ((eq field text) (concat "\n" octets))
               ((or (equal name "") (not (string-match "[\r\n][ \t]" octets))) octets)
               (t (mew-submit-message--without-blank-lines octets)))))
     fields)))

(defun mew-submit-message--private-p (fields)
  "Is there any among FIELDS that must not leave, or not as it is?"
  (not (equal (mew-submit-message--leaving fields) (mapcar #'cdr fields))))

(defun mew-submit-message--private-text (fields)
  "Return the text of those of FIELDS that say how to send the message, or nil.
Recipients, when to send it and who has it already are not among them."
  (let ((text (mapconcat
               (lambda (field)
                 (if (and (string-match-p mew-submit-message--how (car field))
                          (not (member (car field) '("x-mew-submit-send-at"
                                                     "x-mew-submit-not-to"))))
                     (concat (replace-regexp-in-string
                              "[\r\n]+" "\n"
                              (mew-submit-error--trim
                               (decode-coding-string (cdr field) 'utf-8-unix)))
                             "\n")
                   ""))
               (mew-submit-message--own fields) "")))
    (and (not (string-empty-p text)) text)))

(defun mew-submit-message--write (octets file append)
  "Write OCTETS to FILE: a new one, or at its end with APPEND non-nil.
OCTETS is a unibyte string, or nil for what is in the buffer."
  (let ((coding-system-for-write 'no-conversion)
        (write-region-annotate-functions nil)
        (write-region-post-annotation-function nil)
        (write-region-inhibit-fsync t)
        (file-name-handler-alist nil))
    (with-file-modes #o600
      (write-region octets nil file append 'silent nil
                    (if append nil 'excl)))))

(defun mew-submit-message--copy-rest (file start out)
  "Append the octets of FILE from offset START to OUT."
  (let ((size (mew-submit-message--size file)))
    (with-temp-buffer
      (set-buffer-multibyte nil)
      (while (< start size)
        (let ((next (min size (+ start mew-submit-message--chunk))))
          (erase-buffer)
          (insert-file-contents-literally file nil start next)
          (mew-submit-message--write nil out t)
          (setq start next))))))

;;; Addresses that are not ASCII

(defconst mew-submit-message--raw
  '("\\(?:Resent-\\)?\\(?:To\\|Cc\\|Bcc\\|From\\|Sender\\|Reply-To\\):\
\\(?:\\(?:[^\n]\\|\n[ \t]\\)*[ \t\n<,:]\\)?\
[^][()<>@,;:\\\" \t\n]*[^][()<>@,;:\\\" \t\n[:ascii:]][^][()<>@,;:\\\" \t\n]*@"
    . utf-8)
  "For `rfc2047-header-encoding-alist': fields with a local part not in ASCII.
An encoded word is no address; SMTPUTF8 has such a field in UTF-8 (RFC 6532).")

;;; What a message lacks

(defun mew-submit-message--new-id (address)
  "Return a new Message-ID, with the domain of ADDRESS where it has one.
The name of this machine, which nobody out there knows, is not told."
  (let ((domain (and address
                     (string-match "@\\([^@]+\\)\\'" address)
                     (mew-submit-address--domain (match-string 1 address)))))
    (format "<%s.%x.%06x@%s>" (format-time-string "%Y%m%dT%H%M%S.%3N" nil t)
            (emacs-pid) (random #x1000000) (or domain "localhost.localdomain"))))

(defun mew-submit-message--date ()
  "Return the time, as the field Date has it."
  (let ((system-time-locale "C"))
    (format-time-string "%a, %d %b %Y %T %z")))

(defun mew-submit-message--mere-name (field)
  "Return the value of FIELD, a From in which a program has put no address, or nil."
  (let ((line (mew-submit-message--line field)))
    (and (not (string-search "@" line))
         (condition-case nil
             (null (mew-submit-address--parse line))
           (mew-submit-message t))
         line)))

(defun mew-submit-message--filled (fields names)
  "Return FIELDS without those in NAMES whose value is no good.
A program has left it empty, or put no address into From."
  (seq-remove (lambda (field)
                (and (member (car field) names)
                     (or (string-empty-p (mew-submit-message--line field))
                         (and (equal (car field) "from")
                              (mew-submit-message--mere-name field)))))
              fields))

(defun mew-submit-message--after-mbox (fields)
  "Return FIELDS without what is before the header."
  (if (equal (caar fields) mew-submit-message--mbox) (cdr fields) fields))

(defun mew-submit-message--length (fields)
  "Return how many octets FIELDS are."
  (apply #'+ (mapcar (lambda (field) (length (cdr field))) fields)))

(defun mew-submit-message--closed (octets)
  "Return OCTETS, a field, with CRLF at its end for a lone CR, as on the wire.
Else it could swallow an LF that came after a field left out."
  (if (string-suffix-p "\r" octets) (concat octets "\n") octets))

(defun mew-submit-message--rewrite (file fields new)
  "Give the message FILE, whose header has FIELDS, the fields NEW."
  (let ((part (concat file ".new.part")))
    (mew-submit-message--copy-with file fields new part)
    (rename-file part file t)))

(defun mew-submit-message--complete (file fields address &optional from)
  "Add to the message FILE, whose header has FIELDS, what it lacks.
That is Date, Message-ID, by the domain of the sender's ADDRESS (RFC 6409,
section 8), and with FROM, the value for it, From; one that is empty is none.  A
file whose first line is no field is all text."
  (let* ((all (mew-submit-message--after-mbox fields))
         (headless (equal "" (caar all)))
         (filled (if headless
                     all
                   (mew-submit-message--filled
                    all (cons (and from "from") '("date" "message-id")))))
         (lacks (lambda (name) (or headless (not (assoc name filled)))))
         (missing
          (concat
           (and from (funcall lacks "from")
                (format "From: %s\n" from))
           (and (funcall lacks "date")
                (format "Date: %s\n" (mew-submit-message--date)))
           (and (funcall lacks "message-id")
                (format "Message-ID: %s\n" (mew-submit-message--new-id address)))
           (and headless "\n"))))
    (unless (string-empty-p missing)
      (mew-submit-message--rewrite
       file fields (cons (cons "" (encode-coding-string missing 'utf-8-unix)) filled)))))

(defun mew-submit-message--copy (file fields out)
  "Copy the message FILE, whose header has FIELDS, to the new file OUT.
What must not leave is left out: Bcc, Resent-Bcc, X-Message-SMTP-Method, any
field whose name begins with X-Mew-Submit-, the line of an mbox, and lines of
blanks; text has an empty line before it.  Where nothing is changed, the line
ends are not either.  Nobody else can read OUT."
  (let ((parts (mew-submit-message--leaving fields)))
    (mew-submit-message--write
     (mapconcat (if (equal parts (mapcar #'cdr fields))
                    #'identity
                  #'mew-submit-message--closed)
                parts "")
     out nil)
    (mew-submit-message--copy-rest file (mew-submit-message--length fields) out)))

;;; A fresh date

(defconst mew-submit-message--covered
  "multipart/\\(?:signed\\|encrypted\\)\\|application/\\(?:x-\\)?pkcs7-\\|\
protected-headers\\|;[ \t\r\n]*hp[ \t\r\n]*="
  "What is in the Content-Type of a message whose header may be signed.
Whether that of one that is encrypted is cannot be seen.")

(defun mew-submit-message--date-covered-p (fields)
  "Would another Date in FIELDS be another than the one that was signed?
That of a message that is sent again is its author's, too."
  (or (mew-submit-message--resent-block fields)
      (seq-some (lambda (field)
                  (or (member (car field)
                              '("dkim-signature" "domainkey-signature" "hp-outer"))
                      (string-prefix-p "arc-" (car field))
                      (and (equal (car field) "content-type")
                           (string-match-p mew-submit-message--covered
                                           (mew-submit-caseless--down (cdr field))))))
                fields)))

(defun mew-submit-message--date-field (field)
  "Return FIELD, a Date, with the time it is now; its line end stays."
  (cons (car field)
        (concat "Date: " (mew-submit-message--date)
                (if (string-suffix-p "\r\n" (cdr field)) "\r\n" "\n"))))

(defun mew-submit-message--redated (fields)
  "Return FIELDS with the Date it is now, or nil where that must not be.
It must not where the header may be signed, and where it has not one Date."
  (and (= 1 (seq-count (lambda (field) (equal (car field) "date")) fields))
       (not (mew-submit-message--date-covered-p fields))
       (mapcar (lambda (field)
                 (if (equal (car field) "date")
                     (mew-submit-message--date-field field)
                   field))
               fields)))

(defun mew-submit-message--copy-with (file fields new out)
  "Copy the message FILE, whose header has FIELDS, to the new file OUT.
There its header has the fields NEW.  Nobody else can read OUT."
  (mew-submit-message--write
   (mapconcat (lambda (field) (mew-submit-message--closed (cdr field))) new "") out nil)
  (mew-submit-message--copy-rest file (mew-submit-message--length fields) out))

(provide 'mew-submit-message)
;;; mew-submit-message.el ends here
