;;; mew-submit-cause-word.el --- What a server's words are about -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  Which notions (a mailbox, full, a list of blocked addresses ...) the text of a
;; reply speaks of, in the languages servers speak.  It knows nothing of causes.
;;
;; A text is brought to lower case without accents, with one space between words (every
;; Chinese, Japanese and Korean character is a word); then one walk along it, by a table of all
;; words, finds the notions.  The longest word or phrase wins and is used up, so that
;; "user unknown" is not also "user".  The time grows with the text, which is cut, and
;; with nothing else: no text can make it slow.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-caseless)
(require 'seq)
(require 'subr-x)

(defconst mew-submit-cause-word--max 2000
  "How many characters of a reply are read.")

;;; The text

(defconst mew-submit-cause-word--help
  (concat "\\(?:\\(?:for \\)?\\(?:more\\|further\\|additional\\) \\(?:info\\|detail\\|help\\)\\|please visit\\|"
          "visit https?:\\|learn more\\|to learn\\|\\(?:please \\)?refer to\\|\\(?:please \\)?see:? *<?https?:\\|"
          "to review\\|to request removal\\|to protect \\(?:our \\)?users\\|to reduce the amount\\|"
          "weitere info\\|plus d'info\\|m[aá]s info\\|подробн\\|详情\\|https?:\\)")
  "Where a reply goes over from its reason to where help is.")

(defun mew-submit-cause-word--reason (text)
  "Return TEXT without its end, in which there is only where help is."
  (let* ((text (substring text 0 (min (length text) mew-submit-cause-word--max)))
         (end (mew-submit-caseless--folding
                (string-match-p mew-submit-cause-word--help text))))
    (if (and end (string-match-p "[[:alpha:]]" (substring text 0 end)))
        (substring text 0 end)
      text)))

(defun mew-submit-cause-word--pageless (text)
  "Return TEXT without the addresses of pages, in which words say little."
  (replace-regexp-in-string "https?:[^ \t]*" " "
                            (substring text 0 (min (length text) mew-submit-cause-word--max))
                            t t))

(defconst mew-submit-cause-word--or
  "[ \t]+\\(?:or\\|oder\\|ou\\|eller\\|lub\\|nebo\\|или\\|veya\\)[ \t]+\\|或者?\\|または"
  "What stands between two reasons of which either may be it.")

(defconst mew-submit-cause-word--and
  (concat "[.;:!?,]+[ \t]+\\|[ \t]+\\(?:[-/|]\\|and\\|und\\|et\\|y\\|e\\|och\\|и\\)[ \t]+\\|"
          "[()。，；、]\\|" mew-submit-cause-word--or)
  "What stands between two parts of a text of which each may say a reason.")

(defun mew-submit-cause-word--parts (text)
  "Return the first parts of TEXT, as (EITHER PART...) for each way to divide it.
EITHER is t where the text says that either of them may be it."
  (mew-submit-caseless--folding
    (cl-loop for (either . between) in `((t . ,mew-submit-cause-word--or)
                                         (nil . ,mew-submit-cause-word--and))
             for parts = (split-string text between t)
             ;; A reason stands near the beginning, and no text may take long.
             when (cdr parts) collect (cons either (seq-take parts 12)))))

;;; What says nothing

(defconst mew-submit-cause-word--host
  (concat "\\(?:https?://\\)?[A-Za-z0-9-]\\{1,63\\}\\(?:\\(?:\\.[A-Za-z0-9-]\\{1,63\\}\\)\\{1,8\\}\\.[a-z]\\{2,\\}\\|"
          "\\.\\(?:[a-z][a-z]\\|com\\|net\\|org\\|edu\\|gov\\|info\\|biz\\|xyz\\|online\\|site\\|shop\\|store\\|"
          "app\\|dev\\|cloud\\|tech\\|club\\)\\)\\(?:[^A-Za-z0-9_-]\\|\\'\\)")
  "The name of a host, or how the address of a page begins, and what is behind it.")

(defconst mew-submit-cause-word--telling
  (concat "\\`http\\|bl[^[:alnum:]]\\|spamhaus\\|spamcop\\|sorbs\\|proofpoint\\|"
          ;; No country has these; a sentence may begin so without a blank before.
          "\\.\\(?:if\\|of\\|on\\|or\\|up\\|we\\|he\\|go\\|ip\\)\\(?:[^[:alnum:]]\\|\\'\\)")
  "Names of hosts that say something: pages, lists, and what is none.")

(defconst mew-submit-cause-word--id
  "[A-Za-z][0-9]+[A-Za-z]"
  "What is in an identifier of a message or a session, and in no word.")

(defun mew-submit-cause-word--nameless (text)
  "Return TEXT with \"nn\" for each host and identifier, in which are nobody's words."
  (replace-regexp-in-string
   "[A-Za-z0-9]\\{8,\\}"
   (lambda (word) (if (string-match-p mew-submit-cause-word--id word) "nn" word))
   (replace-regexp-in-string
    mew-submit-cause-word--host
    (lambda (host)
      (if (string-match-p mew-submit-cause-word--telling host)
          host
        (replace-regexp-in-string "[[:alnum:]_.-]+" " nn " host t t)))
    text t t)
   t t))

;;; The table of words

(defun mew-submit-cause-word--letter (char)
  "Return CHAR without accent, a character."
  (let ((base char) (next nil))
    (while (and (< #x7F base #x2000)
                (characterp
                 (setq next (car (get-char-code-property base 'decomposition))))
                (/= next base))
      (setq base next))
    (or (cdr (assq base '((?ł . ?l) (?ø . ?o) (?đ . ?d) (?ı . ?i) (?æ . ?a)
                          (?ё . ?е))))
        base)))

(defun mew-submit-cause-word--kind (char)
  "Return what CHAR is in a text: `word', `glyph' (a word by itself) or nil."
  (cond ((or (<= ?a char ?z) (<= ?0 char ?9)) 'word)
        ((< char #x80) nil)
        ((or (<= #x2E80 char #x2FFF) (<= #x3005 char #x3007)) 'glyph)
        ((<= #x3040 char #x30FF) 'glyph)
        ((<= #x3400 char #x9FFF) 'glyph)
        ((or (<= #xAC00 char #xD7AF) (<= #x0E00 char #x0E7F)) 'glyph)
        ((memq (get-char-code-property char 'general-category)
               '(Ll Lo Lm Mn Mc Nd))
         'word)))

(defun mew-submit-cause-word--letters (text)
  "Return the words of TEXT, with a space before and after each."
  (let ((last nil)
        (out (list ?\s)))
    (dotimes (index (length text))
      (let* ((raw (aref text index))
             (low (or (aref mew-submit-caseless--table raw) raw))
             (char (mew-submit-cause-word--letter low))
             (kind (mew-submit-cause-word--kind char)))
        (cond ((memq raw '(?' ?’ ?´))
               ;; "can't" is "cant", "l'adresse" two words.
               (when (and last (eq (nth 1 out) ?\s))
                 (push ?\s out)
                 (setq last nil)))
              ((eq char ?ß) (push ?s out) (push ?s out) (setq last 'word))
              ((not kind) (when last (push ?\s out)) (setq last nil))
              (t
               (when (and last
                          (or (eq kind 'glyph) (eq last 'glyph)
                              ;; "NoSuchUser" is three words.
                              (and (/= raw low) (eq last 'small))))
                 (push ?\s out))
               (push char out)
               (setq last (cond ((eq kind 'glyph) 'glyph)
                                ((and (= raw low) (not (<= ?0 raw ?9)))
                                 'small)
                                (t 'word)))))))
    (when last (push ?\s out))
    (concat (nreverse out))))

(defun mew-submit-cause-word--plain (text)
  "Return TEXT, of which only words remain, with a space before and after each.
Addresses become \"addr\", IP addresses \"ipaddr\"; an apostrophe joins."
  (let* ((text (substring text 0 (min (length text) mew-submit-cause-word--max)))
         (case-fold-search nil)
         (text (replace-regexp-in-string
                "[^][ \t<>()\"',;:=|]+@[^][ \t<>()\"',;:|]*" " addr " text t t))
         ;; Sendmail's log says so who the client is.
         (text (replace-regexp-in-string "\\_<relay=" " " text t t))
         ;; Those are the writer's words, and not the server's.
         (text (replace-regexp-in-string "with the subject of *\\(?:(.*) matches\\|(.*)\\)"
                                         " " text t t))
         (text (mew-submit-cause-word--nameless text))
         (text (replace-regexp-in-string
                "\\b[0-9]\\{1,3\\}\\(?:\\.[0-9]\\{1,3\\}\\)\\{3\\}\\b\\|\\b\\(?:[0-9a-fA-F]\\{1,4\\}:\\)\\{1,7\\}\\(?::[0-9a-fA-F:./]*\\|\\(?:[0-9a-fA-F]\\{1,4\\}:\\)\\{2,\\}[0-9a-fA-F./]*\\)"
                " ipaddr " text t t)))
    (mew-submit-cause-word--letters text)))

;; They are in a hash table, by how they begin: for a tree by characters six times as many
;; conses are made, and the first refusal would have Emacs stand still for that.  What has to
;; end with a word has its space behind it.
(defun mew-submit-cause-word--key (text start size)
  "Return SIZE characters of TEXT from START, or what there is of them."
  (substring text start (min (+ start size) (length text))))

(defun mew-submit-cause-word--add (table words notion)
  "Put each of WORDS, a string with \",\" between them, into TABLE for NOTION."
  (dolist (word (split-string words ",[ \t\n]*" t "[ \t\n]+"))
    (let* ((case-fold-search nil)
           (stem (string-suffix-p "*" word))
           (plain (if (string-match-p "\\`[a-z]+\\(?: [a-z]+\\)*[*]?\\'" word)
                      (concat (string-remove-suffix "*" word) " ")
                    (substring (mew-submit-cause-word--letters word) 1)))
           (text (if stem (substring plain 0 -1) plain))
           (key (mew-submit-cause-word--key text 0 3))
           (same (assoc text (gethash key table))))
      (if same
          (cl-pushnew notion (cdr same))
        (push (list text notion) (gethash key table))))))

(defun mew-submit-cause-word--table (&rest tables)
  "Return the words of TABLES, each a list of (NOTION WORDS), to be looked up."
  (let ((table (make-hash-table :test #'equal :size 2048)))
    (pcase-dolist (`(,notion ,words . ,_) (apply #'append tables))
      (mew-submit-cause-word--add table words notion))
    table))

(defun mew-submit-cause-word--longest (table plain start)
  "Return (NOTIONS . END) of the longest word or phrase of TABLE at START in PLAIN."
  (let ((longest 0) found)
    ;; The shortest words have two characters, one of which may be the space.
    (dolist (characters '(2 3))
      (pcase-dolist (`(,text . ,notions)
                     (gethash (mew-submit-cause-word--key plain start characters) table))
        (let ((size (if (string-suffix-p " " text) (1- (length text)) (length text))))
          (when (and (>= size longest)
                     (eq t (compare-strings text nil nil
                                            plain start (+ start (length text)))))
            (setq found (if (> size longest) notions (append notions found))
                  longest size)))))
    (and found (cons found (+ start longest)))))

(defun mew-submit-cause-word--notions (table text)
  "Return the notions of TABLE that TEXT speaks of, in the order they come."
  (let* ((plain (mew-submit-cause-word--plain text))
         (index 1)
         (length (length plain))
         notions)
    (while (< index length)
      (let ((found (mew-submit-cause-word--longest table plain index)))
        (dolist (notion (car found))
          (cl-pushnew notion notions))
        ;; On to the next word.
        (setq index (1+ (or (string-search " " plain (or (cdr found) index))
                            length)))))
    (nreverse notions)))

(provide 'mew-submit-cause-word)
;;; mew-submit-cause-word.el ends here
