;;; mew-submit-batch-setup.el --- Find the server of an address, from the shell -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The batch command:
;;
;;   Emacs -Q --batch -l mew-submit.el -f mew-submit-batch-setup -- [options] ADDRESS
;;
;; It owns the options, how a search is printed, and the exit status.  Nothing is stored,
;; and nobody is asked anything.

;;; Code:

(require 'mew-submit-address)
(require 'mew-submit-batch-command)
(require 'mew-submit-error)
(require 'mew-submit-json)
(require 'mew-submit-setup-login)
(require 'mew-submit-setup-search)
(require 'mew-submit-way)
(require 'seq)

(defconst mew-submit-batch-setup--options
  '(("--json" :json nil "one JSON object per line on standard output")
    ("--ca-file" :ca-file "FILE" "trust these certificates")
    ("--timeout" :timeout "SECONDS" "for each connection; default: 6")
    ("--help" :help nil "this text"))
  "The options of the batch command: (NAME KEY ARGUMENT WHAT-FOR).")

(defconst mew-submit-batch-setup--statuses
  '((found . 0) (pin . 77) (no-domain . 68) (never . 69) (nothing . 69)
    (unreachable . 69) (offline . 75)
    (no-dns . 75))
  "The exit status for what a search has come to.")

(defun mew-submit-batch-setup--value (name key value)
  "Return VALUE of option NAME, whose key is KEY, checked."
  (if (eq key :timeout)
      (mew-submit-batch-command--seconds name value)
    (mew-submit-way--file value "CA file" t)
    (expand-file-name value)))

;;; What is printed

(defun mew-submit-batch-setup--candidate (candidate)
  "Return CANDIDATE as JSON has it."
  (list :host (plist-get candidate :host) :port (plist-get candidate :port)
        :tls (plist-get candidate :tls)
        :foreign (if (plist-get candidate :foreign) t :false)))

(defun mew-submit-batch-setup--object (note)
  "Return NOTE of a search, a look or what came of a way, as JSON has it."
  (if (mew-submit-setup-search-way-p note)
      (list :event 'way :way (mew-submit-setup-search-way-way note)
            :text (mew-submit-setup-search-way-text note)
            :said (vconcat (mew-submit-setup-search-way-said note))
            :servers (vconcat (mapcar #'mew-submit-batch-setup--candidate
                                      (mew-submit-setup-search-way-candidates note))))
    (append (list :event 'look)
            (mew-submit-batch-setup--candidate
             (mew-submit-setup-search--seen note))
            (list :usable (if (mew-submit-setup-search--fine-p note) t :false)
                  :auth (vconcat (mew-submit-setup-search--mechanisms note))
                  :text (mew-submit-setup-search--verdict note)))))

(defun mew-submit-batch-setup--account (search)
  "Return what the account would be that SEARCH has found, or nil."
  (when-let* ((look (mew-submit-setup-search--best search)))
    (mew-submit-setup-login--account-for (mew-submit-setup-login--of look)
                                         (mew-submit-setup-search--seen look)
                                         (mew-submit-setup-search-address search))))

(defun mew-submit-batch-setup--end (search)
  "Return the end of SEARCH as JSON has it."
  (let* ((result (mew-submit-setup-search--result search))
         (look (mew-submit-setup-search--best search))
         (login (and look (mew-submit-setup-login--of look)))
         (candidate (and look (mew-submit-setup-search--seen look))))
    (list :event 'done :result result
          :text (if look
                    (mew-submit-setup-login--words
                     login candidate (mew-submit-setup-search-address search))
                  (mew-submit-setup-search--result-words search))
          :login login :provider (plist-get candidate :provider)
          :page (plist-get candidate :page) :issuer (plist-get candidate :issuer)
          :account (mew-submit-batch-setup--account search))))

(defun mew-submit-batch-setup--lines (search)
  "Return SEARCH for people."
  (let* ((end (mew-submit-batch-setup--end search))
         (account (plist-get end :account)))
    (concat
     (mapconcat
      (lambda (note)
        (if (mew-submit-setup-search-way-p note)
            (concat (mew-submit-setup-search-way-text note) "\n"
                    (mapconcat (lambda (said) (format "    %s\n" said))
                               (mew-submit-setup-search-way-said note) ""))
          (format "  %s: %s\n"
                  (mew-submit-setup-search--place
                   (mew-submit-setup-search-look-candidate note))
                  (mew-submit-setup-search--verdict note))))
      (reverse (mew-submit-setup-search-notes search)) "")
     (and (plist-get end :text) (concat (plist-get end :text) "\n"))
     (and account (format "The account:\n  %S\n" account)))))

;;; The command

(defun mew-submit-batch-setup--search (options)
  "Search for the server that OPTIONS name, print it, and return the exit status."
  (let* ((mew-submit-setup-timeout (or (plist-get options :timeout)
                                       mew-submit-setup-timeout))
         (mew-submit-setup-defaults
          (append (and (plist-get options :ca-file)
                       (list :ca-file (plist-get options :ca-file)))
                  mew-submit-setup-defaults))
         (search (mew-submit-setup-search--start
                  (mew-submit-address--bare (car (plist-get options :arguments)))
                  #'ignore)))
    (while (mew-submit-setup-search--waiting search)
      (accept-process-output nil 0.05))
    (mew-submit-batch-command--print
     (if (plist-get options :json)
         (mapconcat #'mew-submit-json--line
                    (append (mapcar #'mew-submit-batch-setup--object
                                    (reverse (mew-submit-setup-search-notes search)))
                            (list (mew-submit-batch-setup--end search)))
                    "")
       (encode-coding-string (mew-submit-batch-setup--lines search) 'utf-8)))
    (cdr (assq (mew-submit-setup-search--result search)
               mew-submit-batch-setup--statuses))))

(defun mew-submit-batch-setup--parse (args)
  "Return the options in ARGS as a plist."
  (let ((options (mew-submit-batch-command--parse args mew-submit-batch-setup--options
                                                  #'mew-submit-batch-setup--value)))
    (unless (or (plist-get options :help)
                (= 1 (length (plist-get options :arguments))))
      (mew-submit-error--throw 'usage nil "Name one address"))
    options))

(defun mew-submit-batch-setup--usage ()
  "Return the text for --help."
  (concat "usage: emacs -Q --batch -l mew-submit.el -f \
mew-submit-batch-setup -- [options] ADDRESS\n"
          (mew-submit-batch-command--help mew-submit-batch-setup--options)
          "Exit status: 0 a server was found, 64 usage, 65 no address, 68 \
no such domain,\n69 no server was found, 75 offline or no answer from the DNS, 77 only a \
server\nof this machine whose certificate has to be pinned, 78 configuration.\n"))

(defun mew-submit-batch-setup--run (args)
  "Do what ARGS say, and return the exit status."
  (mew-submit-batch-command--do args #'mew-submit-batch-setup--parse
                                #'mew-submit-batch-setup--usage
                                #'mew-submit-batch-setup--search))

;;;###autoload
(defun mew-submit-batch-setup ()
  "Find the server that takes mail from an address, print it, and leave Emacs.
What was asked, and what it said, is printed too.  Options and the address are
on the command line behind \"--\"; --help lists them."
  (mew-submit-batch-command--run #'mew-submit-batch-setup--run))

(provide 'mew-submit-batch-setup)
;;; mew-submit-batch-setup.el ends here
