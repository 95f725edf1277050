;;; manual.el --- Keep the manual true to the program -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; emacs -Q --batch -L . -L lisp -l test/tool/manual.el -f mew-submit-manual-write
;; emacs -Q --batch -L . -L lisp -l test/tool/manual.el -f mew-submit-manual-check
;;
;; Between "# begin generated: NAME" and "# end generated" doc/mew-submit.org has lists that
;; are made here, out of what the program itself has: its options, commands, account keys,
;; batch options, findings, events and errors.  The first function writes them.  The second
;; complains of a list that is out of date, of an option or a command that is in no list,
;; and of whatever the text names that does not exist.  Nothing is exempt.  It looks at
;; README.org and CONTRIBUTING.org too: their names, and the map of the sources.

;;; Code:

(require 'cl-lib)
(require 'rx)
(require 'seq)
(require 'subr-x)

(setq load-prefer-newer t)

(defconst mew-submit-manual--root
  (expand-file-name "../.." (file-name-directory (or load-file-name buffer-file-name)))
  "The top of the tree.")

(defconst mew-submit-manual--file (expand-file-name "doc/mew-submit.org" mew-submit-manual--root)
  "The manual.")

;; What is read of the program's inside.  Who renames one renames it here.
(defvar mew-submit-error--kinds)
(defvar mew-submit-extension--table)
(defvar mew-submit-finding--certificate-ids)
(defvar mew-submit-finding--icmp-advice)
(defvar mew-submit-finding--icmp-openings)
(defvar mew-submit-json--rare)
(defvar mew-submit-json--shapes)
(declare-function org-table-align "org-table" ())
(declare-function org-table-map-tables "org-table" (f &optional quietly))
(declare-function mew-submit-report--certificate-advice "mew-submit-report" (problem tls))
(declare-function mew-submit-report--certificate-words "mew-submit-report" (problem tls))

(defconst mew-submit-manual--finding-makers
  '(mew-submit-finding--make mew-submit-domain-zone--finding)
  "Functions whose calls (NAME ID SEVERITY ...) in the sources make a finding.
Behind these the first has ATTEMPTS ADVICE TEXT, the second TEXT and ADVICE.")

(defun mew-submit-manual--load ()
  "Load the whole program."
  (dolist (file (cons (expand-file-name "mew-submit.el" mew-submit-manual--root)
                      (directory-files (expand-file-name "lisp" mew-submit-manual--root)
                                       t "\\`mew-submit-.*\\.el\\'")))
    (require (intern (file-name-base file)) (file-name-sans-extension file))))

;;; Words

(defun mew-submit-manual--org (text)
  "Return TEXT of a docstring as Org."
  (let ((case-fold-search nil))
    (thread-last
      (substring-no-properties text)
      (replace-regexp-in-string "\\\\\\[\\([^]]+\\)]" "=M-x \\1=")
      (replace-regexp-in-string "[`‘]\\([^'’` ]+\\)['’]" "=\\1=")
      (replace-regexp-in-string "\\\\=" "")
      (replace-regexp-in-string "\\*\\(mew-submit[a-z ]*\\)\\*" "=*\\1*=")
      (replace-regexp-in-string "[ \n\t]+" " ")
      (string-trim))))

(defun mew-submit-manual--item (term text &optional indent)
  "Return the item TERM :: TEXT of a list, filled; INDENT is a string of blanks."
  (with-temp-buffer
    (let ((fill-column 98)
          (fill-prefix (concat indent "  "))
          (sentence-end-double-space nil)
          (colon-double-space nil)
          (adaptive-fill-mode nil))
      (insert (or indent "") "- " term " :: " text "\n")
      (fill-region (point-min) (point-max))
      (buffer-string))))

(defun mew-submit-manual--index (kind names)
  "Return index entries of KIND, \"vindex\" or so, for NAMES.
What begins with a colon would confuse those who read Info files."
  (mapconcat (lambda (name)
               (format "#+%s: %s\n" kind
                       (if (string-prefix-p ":" name)
                           (concat (substring name 1) " (account key)")
                         name)))
             names ""))

(defun mew-submit-manual--first-line (docstring)
  "Return the first line of DOCSTRING, as Org."
  (mew-submit-manual--org (car (split-string (or docstring "") "\n"))))

(defun mew-submit-manual--symbols (predicate)
  "Return the names of the symbols of mew-submit that are public and satisfy PREDICATE."
  (let (names)
    (mapatoms (lambda (symbol)
                (let ((name (symbol-name symbol)))
                  (when (and (string-prefix-p "mew-submit" name)
                             (not (string-search "--" name))
                             (funcall predicate symbol))
                    (push name names)))))
    (sort names #'string<)))

;;; Options

(defun mew-submit-manual--options ()
  "Return the names of all options; a mode's variable counts as the mode."
  (mew-submit-manual--symbols
   (lambda (symbol) (and (custom-variable-p symbol) (not (commandp symbol))))))

(defun mew-submit-manual--group-of (option)
  "Return the group that OPTION, a name, is in."
  (or (catch 'found
        (mapatoms (lambda (symbol)
                    (when (assq (intern option) (get symbol 'custom-group))
                      (throw 'found (symbol-name symbol))))))
      ;; A mode's hook is in none.
      "mew-submit"))

(defun mew-submit-manual--type (type)
  "Return the words for TYPE, a customization type."
  (pcase type
    (`(const . ,words) (format "=%S=" (car (last words))))
    (`(choice . ,types)
     ;; Keywords and their values, such as :tag "Command", come before the types.
     (while (keywordp (car types))
       (setq types (cddr types)))
     (string-join (delete-dups (mapcar #'mew-submit-manual--type types)) " or "))
    (_ (let ((name (if (consp type) (car type) type)))
         (pcase name
           ('boolean "=t= or =nil=")
           ((or 'natnum 'integer 'number) "a number")
           ('repeat "a list")
           ('set "a list")
           ('alist "an alist")
           ('plist "a plist")
           ('sexp "a Lisp value")
           (_ (format "a %s" name)))))))

(defun mew-submit-manual--default (docstring)
  "Return the sentence of DOCSTRING that names the default, or an empty string."
  (if (string-match "^The default\\(?:.\\|\n\\)*?[.:]\\(?:  \\|\n\\|\\'\\)" docstring)
      (concat " " (mew-submit-manual--org
                   (replace-regexp-in-string ":\\'" "." (string-trim (match-string 0 docstring)))))
    ""))

(defun mew-submit-manual--option (option)
  "Return the item about OPTION, a name."
  (let* ((symbol (intern option))
         (docstring (get symbol 'variable-documentation))
         (docstring (if (stringp docstring) docstring
                      (documentation-property symbol 'variable-documentation t))))
    (mew-submit-manual--item
     (format "=%s= (%s)" option (mew-submit-manual--type (get symbol 'custom-type)))
     (concat (mew-submit-manual--first-line docstring) (mew-submit-manual--default docstring)))))

(defun mew-submit-manual--make-options ()
  "Return the lists of options, one for each group."
  (mapconcat
   (pcase-lambda (`(,group . ,options))
     (concat (format "*** The group =%s=\n\n" group)
             (mew-submit-manual--index "vindex" options)
             (mew-submit-manual--first-line
              (documentation-property (intern group) 'group-documentation t))
             "\n\n"
             (mapconcat #'mew-submit-manual--option options "")
             "\n"))
   (sort (seq-group-by #'mew-submit-manual--group-of (mew-submit-manual--options))
         (lambda (a b) (string< (car a) (car b))))
   ""))

(defun mew-submit-manual--make-accounts ()
  "Return the list of account keys, out of the docstring of `mew-submit-accounts'."
  (let ((docstring (documentation-property 'mew-submit-accounts 'variable-documentation t))
        (start 0) items keys)
    ;; An item is a line that begins with a quoted key, and the lines behind it that are indented.
    (while (string-match "^`:[a-z-]+'\\(?:, `:[a-z-]+'\\)*\\(.*\\(?:\n +.*\\)*\\)" docstring start)
      (let ((term (substring docstring (match-beginning 0) (match-beginning 1)))
            (text (match-string 1 docstring)))
        (setq start (match-end 0))
        (setq keys (append keys (mapcar (lambda (key) (string-trim key "`" "'"))
                                        (split-string term ", "))))
        (push (mew-submit-manual--item (mew-submit-manual--org term)
                                       (mew-submit-manual--org text))
              items)))
    (concat (mew-submit-manual--index "vindex" keys) (string-join (nreverse items)))))

;;; Commands

(defun mew-submit-manual--mode-of (command)
  "Return the name of the mode that COMMAND, a name, belongs to, or nil."
  (car (mapcar #'symbol-name (command-modes (intern command)))))

(defun mew-submit-manual--commands ()
  "Return the names of all commands but major modes."
  (mew-submit-manual--symbols
   (lambda (symbol)
     (and (commandp symbol)
          (not (get symbol 'derived-mode-parent))))))

(defun mew-submit-manual--keys (command mode)
  "Return the keys of COMMAND in MODE, both names, in words."
  (let* ((map (intern-soft (concat mode "-map")))
         (keys (and mode map (boundp map)
                    (seq-remove
                     (lambda (key) (string-match-p "[<>]" key))
                     (mapcar #'key-description
                             (where-is-internal (intern command) (symbol-value map)))))))
    (if keys
        (format " (%s)" (mapconcat (lambda (key) (format "=%s=" key)) (sort keys #'string<) ", "))
      "")))

(defun mew-submit-manual--command-items (commands mode)
  "Return the list of COMMANDS, which belong to MODE, or nil."
  (concat
   (mew-submit-manual--index "findex" commands)
   (mapconcat
    (lambda (command)
      (mew-submit-manual--item
       (format "=%s=%s" command (mew-submit-manual--keys command mode))
       (mew-submit-manual--first-line (documentation (intern command) t))))
    commands "")))

(defun mew-submit-manual--make-commands ()
  "Return the list of the commands that can be called anywhere."
  (mew-submit-manual--command-items
   (seq-remove #'mew-submit-manual--mode-of (mew-submit-manual--commands)) nil))

(defun mew-submit-manual--make-mode-commands ()
  "Return the lists of the commands of each mode."
  (mapconcat
   (pcase-lambda (`(,mode . ,commands))
     (concat (format "*** In =%s=\n\n" mode)
             (mew-submit-manual--command-items commands mode) "\n"))
   (sort (seq-group-by #'mew-submit-manual--mode-of
                       (seq-filter #'mew-submit-manual--mode-of (mew-submit-manual--commands)))
         (lambda (a b) (string< (car a) (car b))))
   ""))

;;; The batch commands

(defun mew-submit-manual--batch-commands ()
  "Return the names of the batch commands."
  (mew-submit-manual--symbols
   (lambda (symbol)
     (and (fboundp symbol)
          (string-match-p "\\`mew-submit-batch-[a-z-]+\\'" (symbol-name symbol))
          (equal (func-arity symbol) '(0 . 0))))))

(defvar mew-submit-manual--helps nil
  "What was found: an alist of batch commands and their texts for --help.")

(defun mew-submit-manual--help (command)
  "Return what COMMAND, a name, prints for --help."
  (or (cdr (assoc command mew-submit-manual--helps))
      (with-temp-buffer
        (let ((default-directory mew-submit-manual--root))
          (call-process (expand-file-name invocation-name invocation-directory)
                        nil '(t nil) nil "-Q" "--batch"
                        "--eval" "(setq load-prefer-newer t)" "-l" "mew-submit.el"
                        "-f" command "--" "--help"))
        (unless (string-prefix-p "usage: " (buffer-string))
          (error "%s --help prints no usage: %s" command (buffer-string)))
        (push (cons command (buffer-string)) mew-submit-manual--helps)
        (buffer-string))))

(defun mew-submit-manual--help-options (command)
  "Return the options of COMMAND as its --help has them, a list of (TERM . TEXT)."
  (delq nil
        (mapcar (lambda (line)
                  ;; The text begins in the same column everywhere.
                  (and (string-match "\\`  \\(-.\\{33\\}\\) \\(.+\\)\\'" line)
                       (let ((term (string-trim-right (match-string 1 line)))
                             (text (match-string 2 line)))
                         (and (string-match-p "\\`-[^ ]+\\(?: [^ ]+\\)\\{0,2\\}\\'" term)
                              (cons term text)))))
                (split-string (mew-submit-manual--help command) "\n"))))

(defun mew-submit-manual--shared-options ()
  "Return the options that all commands which send have in common."
  (seq-reduce #'seq-intersection
              (mapcar #'mew-submit-manual--help-options
                      '("mew-submit-batch-relay" "mew-submit-batch-sendmail"))
              (mew-submit-manual--help-options "mew-submit-batch-send")))

(defun mew-submit-manual--option-items (options)
  "Return the list of OPTIONS, (TERM . TEXT) each."
  (concat (mew-submit-manual--index
           "vindex" (mapcar (lambda (option) (car (split-string (car option)))) options))
          (mapconcat (lambda (option)
                       (mew-submit-manual--item (format "=%s=" (car option)) (cdr option)))
                     options "")))

(defun mew-submit-manual--make-sending ()
  "Return the list of the options that all commands which send have."
  (mew-submit-manual--option-items
   (seq-remove (lambda (option) (equal (car option) "--help"))
               (mew-submit-manual--shared-options))))

(defun mew-submit-manual--make-batch (command)
  "Return the list of the options that COMMAND, a name, has of its own, and the rest of its help."
  (let ((shared (mew-submit-manual--shared-options))
        (options (mew-submit-manual--help-options command)))
    (concat "#+begin_example\n"
            (string-join
             (seq-remove
              (lambda (line)
                (seq-some (pcase-lambda (`(,term . ,text))
                            (string-match-p (concat "\\`  " (regexp-quote term) "  +"
                                                    (regexp-quote text) "\\'")
                                            line))
                          options))
              (split-string (mew-submit-manual--help command) "\n" t))
             "\n")
            "\n#+end_example\n\n"
            (mew-submit-manual--index "findex" (list command))
            (mew-submit-manual--option-items
             (seq-remove (lambda (option)
                           (and (seq-some (lambda (other)
                                            (string-prefix-p "--server " (car other)))
                                          options)
                                (member option shared)
                                (not (equal (car option) "--help"))))
                         options)))))

;;; Findings

(defun mew-submit-manual--calls (form)
  "Return the calls in FORM that make findings."
  (let (calls)
    (while (consp form)
      (when (and (memq (car form) mew-submit-manual--finding-makers)
                 (proper-list-p form)
                 (cddr form))
        (push form calls))
      (setq calls (append (mew-submit-manual--calls (car form)) calls)
            form (cdr form)))
    calls))

(defun mew-submit-manual--all-calls (maker)
  "Return the calls of MAKER in all sources."
  (let (calls)
    (dolist (file (directory-files (expand-file-name "lisp" mew-submit-manual--root) t
                                   "\\.el\\'"))
      (with-temp-buffer
        (insert-file-contents file)
        (when (search-forward (symbol-name maker) nil t)
          (goto-char (point-min))
          (condition-case nil
              (while t
                (let ((form (read (current-buffer))))
                  (unless (eq (nth 1 form) maker)
                    (setq calls (append calls
                                        (seq-filter (lambda (call) (eq (car call) maker))
                                                    (mew-submit-manual--calls form)))))))
            (end-of-file nil)))))
    calls))

(defun mew-submit-manual--text (form)
  "Return the text that FORM makes, with three dots for what is only known later, or nil."
  (pcase form
    ((pred stringp)
     (mew-submit-manual--org (replace-regexp-in-string "%[sdS]" "…" form)))
    (`(format ,first . ,_) (mew-submit-manual--text first))
    (`(concat . ,parts)
     (mew-submit-manual--org
      (mapconcat (lambda (part)
                   (cond ((stringp part) part)
                         ((and (symbolp part) (boundp part)) (symbol-value part))
                         (t "…")))
                 parts "")))
    (`(if ,_ ,then . ,_) (mew-submit-manual--text then))))

(defun mew-submit-manual--severity (form)
  "Return the severity that FORM, of a call, makes, in words."
  (pcase form
    ((pred stringp) form)
    (`(if ,_ ,(and (pred stringp) one) ,(and (pred stringp) other)) (format "%s or %s" one other))
    (_ "error or warning")))

(defun mew-submit-manual--finding (id severity text advice)
  "Return (ID . ITEM) of the finding ID of SEVERITY, which says TEXT and gives ADVICE."
  (cons id (mew-submit-manual--item
            (format "=%s= (%s)" id severity)
            (string-join (delq nil (list (and text (concat (string-trim-right text "[. ]+") "."))
                                         advice))
                         " "))))

(defconst mew-submit-manual--ids-elsewhere
  '(("%s is lax:" "lax-465" "lax-587")
    ("%s does not reach" "ipv4-broken" "ipv6-broken")
    ;; These have tables.
    ("The certificate of" "certificate-bad")
    ("%s"))
  "The names of findings whose calls do not have them: how their text begins, and the names.")

(defun mew-submit-manual--ids (id text)
  "Return the names of the finding whose call has the forms ID and TEXT."
  (pcase id
    ((pred stringp) (list id))
    (`(format ,(and format (pred stringp)) . ,_)
     (list (replace-regexp-in-string "%d" "PORT" format)))
    (_ (cdr (or (seq-find (lambda (entry) (string-prefix-p (car entry) text))
                          mew-submit-manual--ids-elsewhere)
                (error "What is the name of the finding %S?" text))))))

(defun mew-submit-manual--findings-by-form ()
  "Return the findings that are made by calls."
  (seq-mapcat
   (pcase-lambda (`(,_ ,id ,severity ,_ ,advice ,text . ,_))
     (mapcar (lambda (name)
               (mew-submit-manual--finding name (mew-submit-manual--severity severity)
                                           (mew-submit-manual--text text)
                                           (mew-submit-manual--text advice)))
             (mew-submit-manual--ids id text)))
   (mew-submit-manual--all-calls 'mew-submit-finding--make)))

(defun mew-submit-manual--findings-by-table ()
  "Return the findings whose names are in tables."
  (append
   (mapcar (pcase-lambda (`(,id . ,advice))
             (mew-submit-manual--finding
              id "error or warning"
              (concat (string-trim-right
                       (cdr (assoc id mew-submit-finding--icmp-openings)) "[: ]+")
                      " …")
              (mew-submit-manual--org advice)))
           mew-submit-finding--icmp-advice)
   (mapcar (pcase-lambda (`(,problem ,id))
             (mew-submit-manual--finding
              id "error or warning"
              (concat "The certificate "
                      (mew-submit-report--certificate-words
                       ;; The dates are cut to ten characters.
                       problem '(:expires "…         ." :starts "…         ." :names ("…")
                                          :issuer "…")))
              (mew-submit-report--certificate-advice problem '(:names ("…")))))
           mew-submit-finding--certificate-ids)))

(defun mew-submit-manual--sorted (findings)
  "Return the items of FINDINGS, (ID . ITEM) each, by their names, each name once."
  (let ((findings (seq-uniq findings (lambda (a b) (equal (car a) (car b))))))
    (mapconcat #'cdr (sort findings (lambda (a b) (string< (car a) (car b)))) "")))

(defun mew-submit-manual--make-findings ()
  "Return the list of the findings of a diagnosis."
  (let ((findings (append (mew-submit-manual--findings-by-form)
                          (mew-submit-manual--findings-by-table))))
    (when (< (length findings) 45)
      (error "Only %d findings are in the sources" (length findings)))
    (mew-submit-manual--sorted findings)))

(defun mew-submit-manual--make-domain-findings ()
  "Return the list of the findings about a domain."
  (mew-submit-manual--sorted
   (delq nil
         (mapcar (pcase-lambda (`(,_ ,id ,severity ,text ,advice))
                   (and (stringp id)
                        (mew-submit-manual--finding id (mew-submit-manual--severity severity)
                                                    (mew-submit-manual--text text)
                                                    (mew-submit-manual--text advice))))
                 (mew-submit-manual--all-calls 'mew-submit-domain-zone--finding)))))

;;; Events and errors

(defun mew-submit-manual--make-events ()
  "Return the list of the events and their fields, as JSON has them."
  (concat
   (mapconcat
    (pcase-lambda (`(,event . ,fields))
      (mew-submit-manual--item
       (format "=%s=" event)
       (mapconcat (lambda (field) (format "=%s=" (substring (symbol-name field) 1))) fields " ")))
    mew-submit-json--shapes "")
   (mew-submit-manual--item
    "only where there is something to say"
    (mapconcat (lambda (field) (format "=%s=" (substring (symbol-name field) 1)))
               mew-submit-json--rare " "))))

(defun mew-submit-manual--make-errors ()
  "Return the table of errors."
  (concat
   "| kind | result | exit status | what it means |\n|-\n"
   (mapconcat
    (pcase-lambda (`(,kind ,result ,status ,words))
      (format "| =%s= | =%s= | %d | %s |\n" kind result status (or words "Delivered")))
    mew-submit-error--kinds "")))

(defun mew-submit-manual--make-fields ()
  "Return the list of the fields that ask something of the server."
  (mapconcat
   (pcase-lambda (`(,key ,name ,_ ,words))
     (mew-submit-manual--item (format "=X-Mew-Submit-%s= (=%s=)" name key) words))
   mew-submit-extension--table ""))

;;; The file

(defconst mew-submit-manual--makers
  '(("accounts" . mew-submit-manual--make-accounts)
    ("commands" . mew-submit-manual--make-commands)
    ("domain-findings" . mew-submit-manual--make-domain-findings)
    ("errors" . mew-submit-manual--make-errors)
    ("events" . mew-submit-manual--make-events)
    ("fields" . mew-submit-manual--make-fields)
    ("findings" . mew-submit-manual--make-findings)
    ("mode-commands" . mew-submit-manual--make-mode-commands)
    ("options" . mew-submit-manual--make-options)
    ("sending" . mew-submit-manual--make-sending))
  "The generated lists and the functions that make them; a batch command names its own.")

(defun mew-submit-manual--align ()
  "Align the tables in the buffer."
  (require 'org-table)
  (delay-mode-hooks (org-mode))
  (org-table-map-tables #'org-table-align t))

(defun mew-submit-manual--make (name)
  "Return the generated list NAME."
  (let* ((maker (cdr (assoc name mew-submit-manual--makers)))
         (text (cond (maker (funcall maker))
                     ((member name (mew-submit-manual--batch-commands))
                      (mew-submit-manual--make-batch name))
                     (t (error "There is no list %s" name)))))
    (with-temp-buffer
      (insert text)
      (when (string-match-p "^|" text)
        (mew-submit-manual--align))
      (buffer-string))))

(defun mew-submit-manual--regions (function)
  "Call FUNCTION with name, start and end of each generated list in the buffer."
  (goto-char (point-min))
  (while (re-search-forward "^# begin generated: \\(.+\\)\n" nil t)
    (let ((name (match-string 1))
          (start (copy-marker (point))))
      (unless (re-search-forward "^# end generated\n" nil t)
        (error "The list %s has no end" name))
      (funcall function name start (copy-marker (match-beginning 0))))))

(defun mew-submit-manual-write ()
  "Write the generated lists of the manual anew."
  (mew-submit-manual--load)
  (let ((coding-system-for-write 'utf-8-unix)
        (coding-system-for-read 'utf-8-unix))
    (with-temp-buffer
      (insert-file-contents mew-submit-manual--file)
      (mew-submit-manual--regions
       (lambda (name start end)
         (let ((text (mew-submit-manual--make name)))
           (delete-region start end)
           (goto-char start)
           (insert text))))
      (write-region nil nil mew-submit-manual--file nil 'quiet))))

;;; Checking

(defvar mew-submit-manual--complaints 0
  "How many complaints there were.")

(defvar mew-submit-manual--checked nil
  "The file that is checked, from the top of the tree on.")

(defun mew-submit-manual--complain (format &rest args)
  "Print a complaint about the manual, FORMAT with ARGS."
  (setq mew-submit-manual--complaints (1+ mew-submit-manual--complaints))
  (message "%s: %s" mew-submit-manual--checked (apply #'format format args)))

(defun mew-submit-manual--check-lists ()
  "Complain of lists that are missing or out of date."
  (let (names)
    (mew-submit-manual--regions
     (lambda (name start end)
       (push name names)
       (unless (equal (buffer-substring-no-properties start end)
                      (mew-submit-manual--make name))
         (mew-submit-manual--complain "the list %s is out of date: make manual" name))))
    (dolist (name (append (mapcar #'car mew-submit-manual--makers)
                          (mew-submit-manual--batch-commands)))
      (unless (member name names)
        (mew-submit-manual--complain "there is no list %s" name)))))

(defun mew-submit-manual--verbatim ()
  "Return what the buffer has between equals signs, each once."
  (let (words)
    (goto-char (point-min))
    (while (re-search-forward "=\\([^=\n]+\\)=" nil t)
      (push (match-string 1) words)
      ;; What ends here may begin the next one: "=a= =b=".
      (goto-char (match-end 0)))
    (delete-dups words)))

(defun mew-submit-manual--command-p (name)
  "Is NAME that of a command, or of a program that `make install' makes?"
  (or (commandp (intern-soft name))
      (member name '("customize-group" "customize-option" "server-start"))))

(defun mew-submit-manual--known-p (name)
  "Is NAME, which begins with mew-submit, that of something that exists?"
  (let ((symbol (intern-soft name)))
    (or (and symbol
             (or (fboundp symbol) (boundp symbol) (facep symbol)
                 (get symbol 'custom-group) (get symbol 'error-conditions)))
        (file-exists-p (expand-file-name (concat "lisp/" name) mew-submit-manual--root))
        (file-exists-p (expand-file-name name mew-submit-manual--root))
        ;; The programs of `make install', and what make makes.
        (mew-submit-manual--says-p "packaging/install"
                                   (format "^for name in .*\\_<%s\\_>" (regexp-quote name)))
        (mew-submit-manual--says-p "Makefile" (format "^%s:" (regexp-quote name))))))

(defun mew-submit-manual--says-p (file regexp)
  "Does FILE of the tree say what REGEXP matches?"
  (with-temp-buffer
    (insert-file-contents (expand-file-name file mew-submit-manual--root))
    (re-search-forward regexp nil t)))

(defun mew-submit-manual--sources ()
  "Return the text of all sources of the program."
  (with-temp-buffer
    (dolist (file (append
                   (list (expand-file-name "mew-submit.el" mew-submit-manual--root))
                   (file-expand-wildcards (expand-file-name "lisp/*.el" mew-submit-manual--root))
                   (file-expand-wildcards (expand-file-name "module/*.c" mew-submit-manual--root))))
      (insert-file-contents file))
    (buffer-string)))

(defun mew-submit-manual--check-names ()
  "Complain of what the text names and does not exist."
  (let ((options (mapcan (lambda (command)
                           (mapcar (lambda (option) (car (split-string (car option))))
                                   (mew-submit-manual--help-options command)))
                         (mew-submit-manual--batch-commands)))
        (sources (mew-submit-manual--sources)))
    (dolist (word (mew-submit-manual--verbatim))
      (pcase word
        ((rx bos "M-x " (let command (+ (any "a-z-"))) (or eos " "))
         (unless (mew-submit-manual--command-p command)
           (mew-submit-manual--complain "there is no command %s" command)))
        ((rx bos (let name "mew-submit" (* (any "a-z0-9.-"))) eos)
         (unless (mew-submit-manual--known-p name)
           (mew-submit-manual--complain "there is no %s" name)))
        ((rx bos (let option "--" (+ (any "a-z-"))) (or eos " "))
         (unless (member option options)
           (mew-submit-manual--complain "no command has the option %s" option)))
        ((rx bos (let key ":" (+ (any "a-z-"))) eos)
         (unless (string-match-p (concat "[^a-z]" (regexp-quote key) "[^a-z-]\\|(event, \""
                                         (substring key 1) "\"")
                                 sources)
           (mew-submit-manual--complain "there is no key %s" key)))))))

(defun mew-submit-manual--check-all-there ()
  "Complain of options, commands and account keys that the text does not name."
  (let ((words (mew-submit-manual--verbatim)))
    (dolist (name (append (mew-submit-manual--options)
                          (mew-submit-manual--commands)
                          (mew-submit-manual--batch-commands)
                          (mapcar #'car (mew-submit-manual--findings-by-form))
                          (mapcar #'symbol-name
                                  (mapcar #'car (plist-get (cdr (nth 1 (get 'mew-submit-accounts
                                                                            'custom-type)))
                                                           :options)))))
      (unless (or (member name words)
                  (progn (goto-char (point-min))
                         (search-forward (concat "# begin generated: " name "\n") nil t)))
        (mew-submit-manual--complain "nothing tells of %s" name)))))

(defun mew-submit-manual--check-map ()
  "Complain of sources that the map in CONTRIBUTING.org, the current buffer, lacks or invents."
  (let ((files (append
                (mapcar (lambda (file)
                          (string-remove-prefix "mew-submit-" (file-name-base file)))
                        (file-expand-wildcards
                         (expand-file-name "lisp/mew-submit-*.el" mew-submit-manual--root)))
                (mapcar #'file-name-nondirectory
                        (file-expand-wildcards
                         (expand-file-name "module/*.c" mew-submit-manual--root)))))
        (map nil))
    (goto-char (point-min))
    (re-search-forward "^\\* The map$")
    (while (re-search-forward "^|.*|.*| *\\(=.*=\\) *|$" (save-excursion
                                                      (re-search-forward "^\\* " nil t))
                              t)
      (setq map (append (split-string (match-string 1) "[= ]+" t) map)))
    (dolist (file (seq-difference files map))
      (mew-submit-manual--complain "the map lacks %s" file))
    (dolist (file (seq-difference map files))
      (mew-submit-manual--complain "the map has %s, which is not there" file))))

(defun mew-submit-manual--check-files ()
  "Complain of files of the tests that the buffer names and that are not there."
  (dolist (word (mew-submit-manual--verbatim))
    (when (and (let ((case-fold-search nil))
                 (string-match-p "\\`[a-z/.-]+\\(?:/[a-z.-]+\\|[.]\\(?:el\\|sh\\|c\\|org\\)\\)\\'" word))
               (not (seq-some (lambda (place)
                                (file-expand-wildcards
                                 (expand-file-name (concat place word)
                                                   mew-submit-manual--root)))
                              '("" "test/" "test/*/"))))
      (mew-submit-manual--complain "there is no file %s" word))))

(defun mew-submit-manual--check-length (lines)
  "Complain when the buffer has more LINES than that."
  (when (> (count-lines (point-min) (point-max)) lines)
    (mew-submit-manual--complain "it has more than %d lines" lines)))

(defun mew-submit-manual--check-columns ()
  "Complain of lines over 100 columns; examples may be wider."
  (goto-char (point-min))
  (let (inside)
    (while (not (eobp))
      (cond ((looking-at "#\\+begin_") (setq inside t))
            ((looking-at "#\\+end_") (setq inside nil))
            ((and (not inside)
                  (> (- (line-end-position) (line-beginning-position)) 100))
             (mew-submit-manual--complain "line %d is wider than 100 columns"
                                          (line-number-at-pos))))
      (forward-line))))

(defun mew-submit-manual--check-file (file &rest checks)
  "Call CHECKS with FILE in the current buffer; names and columns are checked in any case."
  (with-temp-buffer
    (let ((coding-system-for-read 'utf-8-unix)
          (mew-submit-manual--checked file))
      (insert-file-contents (expand-file-name file mew-submit-manual--root))
      (mapc #'funcall checks)
      (mew-submit-manual--check-names)
      (mew-submit-manual--check-columns))))

(defun mew-submit-manual-check ()
  "Complain of whatever in the manual and beside it is not so; leave with status 1 then."
  (mew-submit-manual--load)
  (mew-submit-manual--check-file "doc/mew-submit.org"
                                 #'mew-submit-manual--check-lists
                                 #'mew-submit-manual--check-all-there)
  (mew-submit-manual--check-file "README.org" (lambda () (mew-submit-manual--check-length 150)))
  (mew-submit-manual--check-file "CONTRIBUTING.org" #'mew-submit-manual--check-map)
  (with-temp-buffer
    (let ((mew-submit-manual--checked "test/README.org"))
      (insert-file-contents (expand-file-name mew-submit-manual--checked
                                              mew-submit-manual--root))
      (mew-submit-manual--check-files)
      (mew-submit-manual--check-columns)))
  (if (zerop mew-submit-manual--complaints)
      (message "manual: clean")
    (kill-emacs 1)))

(provide 'mew-submit-manual)
;;; manual.el ends here
