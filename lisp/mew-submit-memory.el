;;; mew-submit-memory.el --- What servers have offered before -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the memory of what a server has offered at a port: STARTTLS in a
;; session whose certificate was verified afterwards, and the best SASL mechanism
;; inside verified TLS.  A server that offers less later raises an alarm.  What is
;; remembered never gets weaker by itself; the user can have it forgotten.  And of what
;; it has offered and not kept, so that the next message does without for a month; and that
;; it has kept CHUNKING: until then a message goes in such a way that none is in doubt where
;; the server breaks off.
;;
;; The file holds one Lisp list, which is read and never evaluated.  It is read again
;; before each use, and written under another name first, so that several Emacsen can
;; share it.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-caseless)
(require 'mew-submit-course)
(require 'mew-submit-error)
(require 'mew-submit-store)
(require 'seq)

(defcustom mew-submit-memory-file
  (locate-user-emacs-file "mew-submit/servers.eld")
  "The file that remembers what servers have offered.
The default is \"mew-submit/servers.eld\" in `user-emacs-directory'; nil means
to remember nothing.  The batch command uses its option --memory instead."
  :type '(choice file (const :tag "Remember nothing" nil))
  :group 'mew-submit-security
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defconst mew-submit-memory--mechanisms
  '("SCRAM-SHA-256-PLUS" "SCRAM-SHA-1-PLUS" "SCRAM-SHA-256" "SCRAM-SHA-1" "PLAIN"
    "LOGIN" "OAUTHBEARER" "XOAUTH2")
  "The SASL mechanisms that are remembered, best first, as in sasl.c.
Behind those that are chosen by themselves are those for access tokens, so that
it is noticed when a server that has nothing else has nothing at all.")

;;; The file

(defun mew-submit-memory--entry-p (entry)
  "Does ENTRY look like ((SERVER . PORT) . PLIST)?"
  (pcase entry
    (`((,(pred stringp) . ,(pred natnump)) . ,plist)
     (and (proper-list-p plist)
          (memq (plist-get plist :starttls) '(nil t))
          (memq (plist-get plist :chunking) '(nil t))
          (let ((auth (plist-get plist :auth)))
            (or (null auth) (member auth mew-submit-memory--mechanisms)))
          (mew-submit-memory--unkept-p (plist-get plist :unkept))))))

(defun mew-submit-memory--unkept-p (unkept)
  "Does UNKEPT look like a list of (KEYWORD . SECONDS)?"
  (and (proper-list-p unkept)
       (seq-every-p (lambda (pair)
                      (and (consp pair) (stringp (car pair))
                           (natnump (cdr pair))))
                    unkept)))

(defun mew-submit-memory--read (file)
  "Return what FILE remembers: a list of ((SERVER . PORT) . PLIST).
PLIST may have :starttls, which is t, :auth, a mechanism, :chunking, which is t
where that was kept, and :unkept, a list of \(KEYWORD . SECONDS): what was
offered and not kept, and when.  Signal `mew-submit-config' when FILE holds
something else: what was remembered must not be lost in silence."
  (when (and file (file-exists-p file))
    (let ((entries (condition-case err
                       (mew-submit-store--read file)
                     (error
                      (mew-submit-error--throw
                       'config nil "The memory of servers cannot be read: %s: %s"
                       file (mew-submit-error--text err))))))
      (unless (and (proper-list-p entries)
                   (seq-every-p #'mew-submit-memory--entry-p entries))
        (mew-submit-error--throw
         'config nil "The memory of servers makes no sense; correct or delete it: \
%s" file))
      entries)))

(defun mew-submit-memory--write (file entries)
  "Make FILE remember ENTRIES, all at once, for nobody else to read."
  (mew-submit-store--write file "What servers have offered to mew-submit."
                           entries))

;;; What is remembered

(defun mew-submit-memory--better-p (mechanism other)
  "Is MECHANISM better than OTHER, which may be nil?"
  (or (null other)
      (< (seq-position mew-submit-memory--mechanisms mechanism)
         (seq-position mew-submit-memory--mechanisms other))))

(defun mew-submit-memory--best (mechanisms)
  "Return the best of MECHANISMS that is chosen by itself, or nil."
  (seq-find (lambda (mechanism) (member mechanism mechanisms))
            mew-submit-memory--mechanisms))

(defun mew-submit-memory--learn (file server port starttls auth)
  "Make FILE remember for PORT of SERVER: STARTTLS, and AUTH, a mechanism.
Each may be nil."
  (let* ((entries (mew-submit-memory--read file))
         (place (cons (mew-submit-caseless--down server) port))
         (entry (cdr (assoc place entries)))
         (better (and auth
                      (mew-submit-memory--better-p auth
                                                   (plist-get entry :auth)))))
    (when (or better (and starttls (not (plist-get entry :starttls))))
      (setq entry (copy-sequence entry))
      (when starttls
        (setq entry (plist-put entry :starttls t)))
      (when better
        (setq entry (plist-put entry :auth auth)))
      (mew-submit-memory--write
       file (cons (cons place entry)
                  (seq-remove (lambda (other) (equal (car other) place))
                              entries))))))

(defun mew-submit-memory--bindable (mechanisms version)
  "Return those of MECHANISMS that can be used in TLS VERSION whatever comes.
Only TLS 1.3 always has channel bindings."
  (if (equal version "TLS1.3")
      mechanisms
    (seq-remove (lambda (mechanism) (string-suffix-p "-PLUS" mechanism))
                mechanisms)))

(defun mew-submit-memory--note (file server event course)
  "Make FILE remember what SERVER has, as EVENT and what came before it tell.
COURSE has both.  What another connection had does not hold for this one."
  (when-let* ((attempt (mew-submit-course--current course)))
    (let* ((port (plist-get attempt :port))
           (tls (plist-get attempt :tls))
           (verified (plist-get tls :verified)))
      (pcase (plist-get event :event)
        ('tls (when (and verified
                         (member "STARTTLS" (plist-get attempt :capabilities-clear)))
                (mew-submit-memory--learn file server port t nil)))
        ('capabilities
         (when (and verified (plist-get event :secure))
           (mew-submit-memory--learn
            file server port nil
            (mew-submit-memory--best
             (mew-submit-memory--bindable (plist-get event :mechanisms)
                                          (plist-get tls :version))))))
        ('auth
         (let ((mechanism (plist-get event :mechanism)))
           (when (and verified
                      (member mechanism mew-submit-memory--mechanisms))
             (mew-submit-memory--learn file server port nil mechanism))))
        ('done
         (mew-submit-memory--learn-offers
          file server port (plist-get event :chunking-kept)
          ;; What else was refused was refused for certain, and costs little.
          (seq-intersection '("CHUNKING" "PIPELINING") (plist-get event :left-out))))))))

;;; Offers that were not kept

(defconst mew-submit-memory--unkept-seconds (* 30 24 60 60)
  "For how long an offer that was not kept is not believed: a month.")

(defun mew-submit-memory--learn-offers (file server port chunking keywords)
  "Make FILE remember what PORT of SERVER has kept, and what not.
CHUNKING says that it has kept that, and KEYWORDS are those it has not kept."
  (let* ((entries (mew-submit-memory--read file))
         (place (cons (mew-submit-caseless--down server) port))
         (old (cdr (assoc place entries)))
         (entry (copy-sequence old)))
    (when chunking
      (setq entry (plist-put entry :chunking t)))
    (when keywords
      (setq entry (plist-put (mew-submit-memory--less entry keywords) :unkept
                             (append
                              (mapcar (lambda (keyword)
                                        (cons keyword (time-convert nil 'integer)))
                                      keywords)
                              (seq-remove (lambda (pair) (member (car pair) keywords))
                                          (plist-get entry :unkept))))))
    (unless (equal entry old)
      (mew-submit-memory--write
       file (cons (cons place entry)
                  (seq-remove (lambda (other) (equal (car other) place))
                              entries))))))

(defun mew-submit-memory--less (entry keywords)
  "Return ENTRY, a plist, where none of KEYWORDS is kept any more."
  (if (member "CHUNKING" keywords)
      (cl-loop for (key value) on entry by #'cddr
               unless (eq key :chunking) append (list key value))
    entry))

(defun mew-submit-memory--without (file server ports)
  "Return the EHLO keywords that SERVER has not kept at PORTS, as FILE remembers.
What is older than a month is tried again."
  (let ((oldest (- (time-convert nil 'integer)
                   mew-submit-memory--unkept-seconds)))
    (seq-uniq
     (cl-loop for ((name . port) . plist) in (mew-submit-memory--read file)
              when (and (equal name (mew-submit-caseless--down server)) (memql port ports))
              append (cl-loop for (keyword . seconds)
                              in (plist-get plist :unkept)
                              when (> seconds oldest) collect keyword)))))

(defun mew-submit-memory--request (file server ports)
  "Return the part of a request about SERVER at PORTS, as remembered in FILE.
What was offered at one of the ports is expected of all: a server that is
reached by another port is not asked for less.  Port 25 is a service of its own
where logging in is concerned: many servers have that where mail is submitted,
and less or none where other servers bring theirs."
  (let (starttls chunking best best-25)
    (dolist (entry (mew-submit-memory--read file))
      (when (and (equal (caar entry) (mew-submit-caseless--down server))
                 (memql (cdar entry) ports))
        (setq starttls (or starttls (plist-get (cdr entry) :starttls))
              chunking (or chunking (plist-get (cdr entry) :chunking)))
        (when-let* ((auth (plist-get (cdr entry) :auth)))
          (if (eql (cdar entry) 25)
              (setq best-25 auth)
            (when (mew-submit-memory--better-p auth best)
              (setq best auth))))))
    (append (and starttls '(:starttls-remembered t))
            (and best (list :auth-remembered best))
            (and best-25 (list :auth-remembered-25 best-25))
            (and file (not chunking) '(:chunking-untried t)))))

(defun mew-submit-memory--servers (file)
  "Return the names of the servers that FILE remembers."
  (delete-dups (mapcar #'caar (mew-submit-memory--read file))))

(defun mew-submit-memory--forget (file server)
  "Make FILE forget SERVER."
  (mew-submit-memory--write
   file (seq-remove (lambda (entry) (equal (caar entry) (mew-submit-caseless--down server)))
                    (mew-submit-memory--read file))))

(provide 'mew-submit-memory)
;;; mew-submit-memory.el ends here
