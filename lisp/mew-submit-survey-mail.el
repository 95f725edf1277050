;;; mew-submit-survey-mail.el --- Surveys by mail, without names -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what of a survey is sent to whoever collects them, and adding up
;; such mails.  There is no name and no address in it: servers have numbers, in an
;; order drawn by lot, and who sent an ICMP error is "self", "router" or "server".  A
;; mail is read line by line against a pattern, and nothing of it is evaluated.
;;
;; Between two marks there are fields, and lines
;;
;;     SERVER PORT FAMILY CASE MS ICMP OFFENDER SEEN
;;
;; such as "7 587 v4 3 13 3/13 router -".  SEEN is made of g (a greeting), s (STARTTLS
;; offered), t (TLS), v (a certificate that is good), a (AUTH inside TLS) and c (AUTH
;; in clear); "-" is nothing.  Lines are short and ASCII, so that no mail program
;; changes them.  Where those who take part have agreed upon a salt, there is a line
;; "Server: 7 HASH" for each, by which the same server is found in another mail.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-survey-fieldtest)
(require 'mew-submit-survey-statistics)
(require 'mew-submit-table)
(require 'mm-decode)
(require 'mew-submit-view)
(require 'seq)


(defconst mew-submit-survey-mail--begin "-----BEGIN MEW-SUBMIT SURVEY-----")
(defconst mew-submit-survey-mail--end "-----END MEW-SUBMIT SURVEY-----")

(defcustom mew-submit-survey-collector nil
  "The address that collects surveys, or nil, to be asked.
The default is nil."
  :type '(choice (const :tag "Ask" nil) string)
  :group 'mew-submit-diagnosis
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-survey-salt nil
  "Words that those who take part in one test have agreed upon, or nil.
With them a survey's mail has a hash of each server's name, so that whoever
collects the mails counts a server once, and is told no name.  Who knows the
words can try names, so take others for the next test.
The default is nil: no hash."
  :type '(choice (const :tag "No hash" nil) string)
  :group 'mew-submit-diagnosis
  :package-version '(mew-submit . "0.1.0")
  :risky t)

;;; Writing

(defun mew-submit-survey-mail--hash (host)
  "Return the hash of HOST's name with `mew-submit-survey-salt', a string."
  (substring (secure-hash 'sha256
                          (encode-coding-string
                           (concat mew-submit-survey-salt "\0"
                                   (string-remove-suffix "." (mew-submit-caseless--down host)))
                           'utf-8))
             0 32))

(defun mew-submit-survey-mail--server (number result)
  "Return the lines of RESULT, whose server has NUMBER."
  (concat (and mew-submit-survey-salt
               (format "Server: %d %s\n" number
                       (mew-submit-survey-mail--hash (plist-get result :host))))
          (mapconcat (apply-partially #'mew-submit-survey-mail--line number)
                     (plist-get result :attempts) "")))

(defconst mew-submit-survey-mail--flags
  '((:greeting . "g") (:starttls . "s") (:tls . "t") (:verified . "v")
    (:auth . "a") (:auth-clear . "c"))
  "The letters of what was seen.")

(defun mew-submit-survey-mail--seen (attempt)
  "Return the letters for what was seen in ATTEMPT, or \"-\"."
  (let ((seen (mapconcat
               (lambda (flag)
                 (let ((value (plist-get attempt (car flag))))
                   (if (if (eq (car flag) :starttls) (equal value "offered")
                         value)
                       (cdr flag)
                     "")))
               mew-submit-survey-mail--flags "")))
    (if (string-empty-p seen) "-" seen)))

(defun mew-submit-survey-mail--line (number attempt)
  "Return the line for ATTEMPT of the server with NUMBER."
  (let ((icmp (plist-get attempt :icmp))
        (case (plist-get attempt :case)))
    (format "%d %d %s %s %s %s %s %s\n"
            number (plist-get attempt :port)
            (pcase (plist-get attempt :family) ("ipv6" "v6") ("ipv4" "v4")
                   (_ "-"))
            (string-replace " or " "/" (format "%s" (or case "-")))
            (if (plist-get attempt :ms) (round (plist-get attempt :ms)) "-")
            (if icmp (format "%s/%s" (plist-get icmp :type)
                             (plist-get icmp :code))
              "-")
            (or (plist-get (plist-get attempt :offender) :who) "-")
            (mew-submit-survey-mail--seen attempt))))

(defun mew-submit-survey-mail--shuffled (list)
  "Return LIST in an order drawn by lot."
  (mapcar #'cdr (sort (mapcar (lambda (element) (cons (random) element)) list)
                      (lambda (a b) (< (car a) (car b))))))

(defun mew-submit-survey-mail--block (test)
  "Return what of TEST is for programs, between two lines."
  (let* ((counted (mew-submit-survey-fieldtest--counted test))
         (tally (car counted))
         (results (mew-submit-survey-mail--shuffled (cdr counted)))
         (number 0))
    (concat
     mew-submit-survey-mail--begin "\n"
     "Version: 1\n"
     "Id: " (mew-submit-survey-fieldtest-id test) "\n"
     ;; The month is enough.
     "Date: " (substring (or (mew-submit-survey-fieldtest-began test) "-------") 0 7) "\n"
     "System: " (symbol-name system-type) "\n"
     "Emacs: " emacs-version "\n"
     (format "Reports: %d\nOutside: %d\nServers: %d\n"
             (mew-submit-survey-statistics--tally-reports tally)
             (mew-submit-survey-statistics--tally-outside tally)
             (length results))
     (mapconcat (lambda (result)
                  (mew-submit-survey-mail--server (cl-incf number) result))
                results "")
     mew-submit-survey-mail--end "\n")))

(defun mew-submit-survey-mail--text (test)
  "Return the anonymised report of TEST, for people and for programs."
  (let* ((tally (mew-submit-survey-fieldtest--tally test))
         (cells (mew-submit-survey-statistics--cells tally)))
    (concat
     "A survey of mail servers by mew-submit: which of the five cases each port is.\n"
     "There are no names and no addresses in it.  What you want to add, such as the\n"
     "kind of your network (at home, at work, hotel, mobile), write here:\n\n\n"
     (mew-submit-survey-statistics--funnel tally) "\n"
     (mew-submit-survey-mail--tables cells)
     "\n" (mew-submit-survey-mail--block test))))

(defun mew-submit-survey-mail--tables (cells)
  "Return the breakdown of cases that CELLS are, in words."
  (mapconcat (lambda (port)
               (mew-submit-table--text
                (mew-submit-survey-statistics--shares cells port)))
             (delete-dups (mapcar (lambda (cell) (plist-get cell :port)) cells)) "\n"))

;;;###autoload
(defun mew-submit-survey-report (test)
  "Compose a mail with TEST, a survey, for whoever collects them.
It has no names and no addresses of servers, users or this machine.  Nothing is
sent before you do.  Interactively, TEST is the survey of this buffer, or else
one in a file."
  (interactive
   (list (or (bound-and-true-p mew-submit-survey--test)
             (mew-submit-survey-fieldtest--load
              (read-file-name
               "Survey: " (bound-and-true-p mew-submit-survey-directory) nil
               t)))))
  (let ((text (mew-submit-survey-mail--text test)))
    (compose-mail mew-submit-survey-collector "mew-submit survey")
    (save-excursion
      (goto-char (point-max))
      (insert text))))

;;; Reading

(defconst mew-submit-survey-mail--line-regexp
  "\\`\\([0-9]\\{1,5\\}\\) \\([0-9]\\{1,5\\}\\) \\(v[46]\\|-\\) \
\\([1-5]\\|2/3\\|3/4\\|greeting\\|tls\\|local\\|-\\) \\([0-9]\\{1,9\\}\\|-\\) \
\\([0-9]\\{1,3\\}/[0-9]\\{1,3\\}\\|-\\) \\(self\\|router\\|server\\|-\\) \
\\([gstvac]\\{1,6\\}\\|-\\)\\'"
  "What a line of a survey looks like.")

(defun mew-submit-survey-mail--case (text)
  "Return the case that TEXT, a word of a line, means."
  (pcase text
    ("-" nil)
    ("2/3" "2 or 3")
    ("3/4" "3 or 4")
    ((pred (string-match-p "\\`[1-5]\\'")) (string-to-number text))
    (_ text)))

(defun mew-submit-survey-mail--attempt (line)
  "Return (NUMBER . ATTEMPT) for LINE, or nil when it is none."
  (when (string-match mew-submit-survey-mail--line-regexp line)
    (let* ((get (lambda (group) (match-string group line)))
           (number (string-to-number (funcall get 1)))
           (port (string-to-number (funcall get 2)))
           (family (funcall get 3))
           (case (funcall get 4))
           (ms (funcall get 5))
           (seen (string-to-list (funcall get 8))))
      (cons number
            (list :port port
                  :family (pcase family ("v6" "ipv6") ("v4" "ipv4"))
                  :case (mew-submit-survey-mail--case case)
                  :ms (and (not (equal ms "-")) (string-to-number ms))
                  :greeting (and (memq ?g seen) t)
                  :starttls (and (memq ?s seen) "offered")
                  :tls (and (memq ?t seen) t)
                  :verified (and (memq ?v seen) t)
                  :auth (and (memq ?a seen) t)
                  :auth-clear (and (memq ?c seen) t))))))

(defun mew-submit-survey-mail--field (name lines)
  "Return the value of the field NAME in LINES, safe to show, or nil."
  (seq-some (lambda (line)
              (when (string-match (format "\\`%s: \\(.\\{1,60\\}\\)\\'" name) line)
                (mew-submit-error--clean (match-string 1 line))))
            lines))

(defun mew-submit-survey-mail--hashes (lines)
  "Return the hashes in LINES, an alist from a server's number."
  (delq nil
        (mapcar (lambda (line)
                  (and (string-match
                        "\\`Server: \\([0-9]\\{1,5\\}\\) \\([0-9a-f]\\{32\\}\\)\\'" line)
                       (cons (string-to-number (match-string 1 line))
                             (match-string 2 line))))
                lines)))

(defun mew-submit-survey-mail--parse (text)
  "Return the survey that TEXT, the inside of a block, is: (ID . RESULTS), or nil.
The first of RESULTS has :reports and :outside, if there were more than RESULTS."
  (let* ((lines (mapcar (lambda (line)
                          (string-trim (replace-regexp-in-string
                                        "\\`\\(?:> ?\\)+" "" line)))
                        ;; A longer one is none of ours, and may take for ever to be trimmed.
                        (seq-filter (lambda (line) (length< line 200))
                                    (split-string text "\r?\n" t))))
         (id (mew-submit-survey-mail--field "Id" lines))
         (servers (make-hash-table))
         (hashes (mew-submit-survey-mail--hashes lines))
         (count (lambda (name)
                  (string-to-number (or (mew-submit-survey-mail--field name lines) "0"))))
         numbers results)
    (dolist (line lines)
      (pcase (mew-submit-survey-mail--attempt line)
        (`(,number . ,attempt)
         (unless (gethash number servers)
           (push number numbers))
         (push attempt (gethash number servers)))))
    (when (and id numbers
               (equal (mew-submit-survey-mail--field "Version" lines) "1"))
      (setq results
            (mapcar (lambda (number)
                      (list :host (format "%s/%d" id number)
                            :hash (cdr (assq number hashes))
                            :attempts (nreverse (gethash number servers))))
                    (sort numbers #'<)))
      (setcar results (append (list :reports (funcall count "Reports")
                                    :outside (funcall count "Outside"))
                              (car results)))
      (cons id results))))

(defun mew-submit-survey-mail--blocks (text)
  "Return the surveys in the blocks of TEXT: a list of (ID . RESULTS)."
  (with-temp-buffer
    (insert text)
    (goto-char (point-min))
    (let ((case-fold-search nil)
          surveys)
      (while (search-forward mew-submit-survey-mail--begin nil t)
        (let ((start (point)))
          (when (search-forward mew-submit-survey-mail--end nil t)
            (when-let* ((survey (mew-submit-survey-mail--parse
                                (buffer-substring-no-properties
                                 start (match-beginning 0)))))
              (push survey surveys)))))
      (nreverse surveys))))

(defun mew-submit-survey-mail--texts (handle)
  "Return the texts in HANDLE, of `mm-dissect-buffer', decoded."
  (cond ((null handle) nil)
        ((bufferp (car handle))
         (and (string-prefix-p "text/" (mm-handle-media-type handle))
              (list (mm-get-part handle))))
        (t (mapcan #'mew-submit-survey-mail--texts
                   (seq-filter #'listp (cdr handle))))))

(defun mew-submit-survey-mail--decoded (message)
  "Return the texts in MESSAGE, octets with a header."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert message)
    (let ((handle (ignore-errors (mm-dissect-buffer t))))
      (unwind-protect
          (ignore-errors (mew-submit-survey-mail--texts handle))
        (when handle
          (mm-destroy-parts handle))))))

(defun mew-submit-survey-mail--surveys (text)
  "Return the surveys in TEXT, one mail or many: a list of (ID . RESULTS).
Where a mail is encoded it is decoded first."
  (mapcan (lambda (message)
            (or (mew-submit-survey-mail--blocks message)
                (mapcan #'mew-submit-survey-mail--blocks
                        (mew-submit-survey-mail--decoded message))))
          (split-string text "^From .*\n" t)))

(defconst mew-submit-survey-mail--file-max (* 50 1024 1024)
  "How many octets a file of mails may have.")

(defun mew-submit-survey-mail--file (file)
  "Return the surveys in FILE."
  (if (> (file-attribute-size (file-attributes file))
         mew-submit-survey-mail--file-max)
      (mew-submit-error--throw 'config nil "The file is too large: %s" file)
    (mew-submit-survey-mail--surveys
     (with-temp-buffer
       (set-buffer-multibyte nil)
       (insert-file-contents-literally file)
       (buffer-string)))))

(defun mew-submit-survey-mail--collect (files)
  "Return the surveys in FILES, files and directories of mails.
Each is there once, as it was sent last: a list of (ID . RESULTS)."
  (let ((surveys (make-hash-table :test #'equal))
        order)
    (dolist (file (mapcan (lambda (file)
                            (if (file-directory-p file)
                                (directory-files-recursively file "")
                              (list file)))
                          (copy-sequence files)))
      (pcase-dolist (`(,id . ,results) (mew-submit-survey-mail--file file))
        (unless (gethash id surveys)
          (push id order))
        (puthash id results surveys)))
    (mapcar (lambda (id) (cons id (gethash id surveys))) (nreverse order))))

(defun mew-submit-survey-mail--tally (surveys)
  "Return a tally of SURVEYS, a list of (ID . RESULTS).
What each has left out by itself, as it says, counts as reports."
  (let ((tally (mew-submit-survey-statistics--new-tally :everywhere t)))
    (pcase-dolist (`(,_ . ,results) surveys)
      (dolist (result results)
        (mew-submit-survey-statistics--add tally result))
      (let* ((number (length results))
             (outside (max number (or (plist-get (car results) :outside) 0)))
             (reports (max outside (or (plist-get (car results) :reports) 0))))
        (cl-incf (mew-submit-survey-statistics--tally-outside tally) (- outside number))
        (cl-incf (mew-submit-survey-statistics--tally-reports tally) (- reports number))))
    (setf (mew-submit-survey-statistics--tally-everywhere tally) nil)
    tally))

(defun mew-submit-survey-mail--sum (surveys)
  "Return what SURVEYS, a list of (ID . RESULTS), add up to, in words."
  (let* ((tally (mew-submit-survey-mail--tally surveys))
         (unhashed (seq-count (lambda (survey)
                                (seq-some (lambda (result) (null (plist-get result :hash)))
                                          (cdr survey)))
                              surveys)))
    (concat (format "%d survey%s:\n%s%s\n" (length surveys)
                    (if (= (length surveys) 1) "" "s")
                    (mew-submit-survey-statistics--funnel tally)
                    (if (and (cdr surveys) (< 0 unhashed))
                        (format "%d of them have no hashes: their servers may be counted \
more than once.\n" unhashed)
                      ""))
            (mew-submit-table--text (mew-submit-survey-statistics--breakdown tally))
            "\nNumber and share of each case, and its 95 % interval:\n\n"
            (mew-submit-survey-mail--tables (mew-submit-survey-statistics--cells tally)))))

;;;###autoload
(defun mew-submit-survey-collect (file)
  "Add up the surveys in the mails of FILE, and show the sum.
FILE is a mail, an mbox file, or a directory of mails such as a Maildir or an MH
folder.  A survey that was sent twice counts once."
  (interactive (list (read-file-name "Mails with surveys (file or directory): "
                                     nil nil t)))
  (condition-case err
      (let ((surveys (mew-submit-survey-mail--collect
                      (list (expand-file-name file)))))
        (unless surveys
          (user-error "There is no survey in %s" file))
        (pop-to-buffer
         (mew-submit-view--page
          "*mew-submit surveys*"
          (lambda () (insert (mew-submit-survey-mail--sum surveys))))))
    (mew-submit-error (user-error "%s" (mew-submit-error--text err)))))

(provide 'mew-submit-survey-mail)
;;; mew-submit-survey-mail.el ends here
