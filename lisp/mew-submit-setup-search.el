;;; mew-submit-setup-search.el --- From an address to a server that was looked at -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the search for a server that takes a person's mail: one way after the other is
;; gone, each server found is looked at, and the first one that speaks SMTP over verified
;; TLS ends it.  It says why nothing was found, makes an account of what was, and knows no
;; buffer and no question: mew-submit-setup.el shows it, mew-submit-batch-setup.el prints it.
;;
;; Servers are told hello, and nothing else.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-account)
(require 'mew-submit-background)
(require 'mew-submit-course)
(require 'mew-submit-error)
(require 'mew-submit-job)
(require 'mew-submit-network)
(require 'mew-submit-report)
(require 'mew-submit-request)
(require 'mew-submit-setup-discover)
(require 'mew-submit-way)
(require 'seq)

(defcustom mew-submit-setup-defaults nil
  "What every account that `mew-submit-setup' makes has besides.
It is a plist such as (:tunnel \"ssh:gate.example.org\"), with keys of
`mew-submit-accounts'.  The default is nil."
  :type '(plist :key-type (symbol :tag "Key") :value-type (sexp :tag "Value"))
  :group 'mew-submit-setup
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-setup-timeout 6
  "Seconds to wait for one connection to a server that was found.
The default is 6."
  :type 'number
  :group 'mew-submit-setup
  :package-version '(mew-submit . "0.1.0"))

(cl-defstruct (mew-submit-setup-search (:constructor mew-submit-setup-search--make)
                                       (:copier nil))
  "A search for the server of one address."
  (address nil :documentation "The address.")
  (ways nil :documentation "The ways to find servers that are left.")
  (notes nil :documentation "What happened so far, newest first: see `--note'.")
  (exists nil :documentation "Does the domain exist: `yes', `no', or nil for unknown.")
  (never nil :documentation "Non-nil when the domain says that it has no server.")
  (session nil :documentation "The session that looks at a server, or nil.")
  (turn nil :documentation "What is being waited for, by `eq': what comes late is told apart.")
  (on-change nil :documentation "Function that is called when anything has changed."))

(cl-defstruct (mew-submit-setup-search-look
               (:constructor mew-submit-setup-search--make-look)
               (:copier nil))
  "A look at one server."
  (candidate nil :documentation "As `mew-submit-setup-discover--start' has found it.")
  (course nil :documentation "What its job has told (mew-submit-course.el)."))

(cl-defstruct (mew-submit-setup-search-way
               (:constructor mew-submit-setup-search--make-way)
               (:copier nil))
  "What came of one way."
  (way nil :documentation "The way.")
  (text nil :documentation "What was found, in words.")
  (candidates nil :documentation "The candidates.")
  (said nil :documentation "What each one asked has said, in words."))

;;; From a candidate to an account

(defun mew-submit-setup-search--route (candidate)
  "Return the part of an account about the port of CANDIDATE."
  (let ((port (plist-get candidate :port))
        (tls (plist-get candidate :tls)))
    (cond ((null port)
           (list :routes mew-submit-setup-discover--guess-routes))
          ((and (eql port 465) (eq tls 'implicit)) '(:plan "submissions"))
          ;; The default plan, by which port 25 is asked for before it is used.
          ((and (eql port 587) (eq tls 'starttls)) nil)
          (t (list :routes (format "%d:%s" port tls))))))

(defun mew-submit-setup-search--account (candidate address)
  "Return an account for mail from ADDRESS by CANDIDATE."
  (append (list :name address :from address
                :server (plist-get candidate :host)
                :user (or (plist-get candidate :user) address))
          (and (plist-get candidate :auth)
               (list :auth (plist-get candidate :auth)))
          (mew-submit-setup-search--route candidate)
          mew-submit-setup-defaults))

(defun mew-submit-setup-search--probe-account (candidate address)
  "Return an account for a look at CANDIDATE, found for ADDRESS."
  (append (and (plist-get candidate :port)
               (list :routes (format "%d:%s" (plist-get candidate :port)
                                     (plist-get candidate :tls))))
          (list :timeout mew-submit-setup-timeout :fallback 'always
                :step-timeout 30)
          (mew-submit-setup-search--account candidate address)))

(defun mew-submit-setup-search--seen (look)
  "Return the candidate of LOOK with the port and TLS mode it was reached by."
  (let ((candidate (mew-submit-setup-search-look-candidate look))
        (port (plist-get (mew-submit-setup-search--told look :connected) :port)))
    (if (or (plist-get candidate :port) (null port))
        candidate
      (append (list :port port
                    :tls (nth 2 (assq port (mew-submit-way--parse-routes
                                            mew-submit-setup-discover--guess-routes))))
              candidate))))

;;; What was seen

(defun mew-submit-setup-search--told (look kind)
  "Return the last event of KIND, :connected, :tls or :done, of LOOK, or nil."
  (plist-get (mew-submit-setup-search-look-course look) kind))

(defun mew-submit-setup-search--mechanisms (look)
  "Return the ways to log in at the server of LOOK, over TLS."
  (plist-get (mew-submit-course--current (mew-submit-setup-search-look-course look))
             :auth-tls))

(defun mew-submit-setup-search--secure-p (look)
  "Did LOOK see a server that speaks SMTP over verified TLS?"
  (and (equal (plist-get (mew-submit-setup-search--told look :done) :kind) "ok")
       (plist-get (mew-submit-setup-search--told look :tls) :verified)))

(defun mew-submit-setup-search--fine-p (look)
  "Did LOOK see a server that can be used?
One that nobody has named and that takes no log-in is for mail that comes in."
  (and (mew-submit-setup-search--secure-p look)
       (or (mew-submit-setup-search--mechanisms look)
           (plist-get (mew-submit-setup-search-look-candidate look) :port)
           (eq (plist-get (mew-submit-setup-search-look-candidate look) :source)
               'user))))

(defun mew-submit-setup-search--best (search)
  "Return the look of SEARCH at the server that can be used, or nil."
  (seq-find (lambda (note)
              (and (mew-submit-setup-search-look-p note)
                   (mew-submit-setup-search--fine-p note)))
            (mew-submit-setup-search-notes search)))

(defun mew-submit-setup-search--pinnable (search)
  "Return the look of SEARCH at a server whose certificate may be pinned.
Such is a bridge on this machine, whose certificate nobody but itself has
signed, or a server that the user has named; never one that was found, or a
known provider's (SECURITY.md, S9)."
  (seq-find (lambda (note)
              (and (mew-submit-setup-search-look-p note)
                   (let ((candidate (mew-submit-setup-search-look-candidate note)))
                     (or (mew-submit-account--local-p (plist-get candidate :host))
                         (and (eq (plist-get candidate :source) 'user)
                              (not (plist-get candidate :provider)))))
                   (plist-get (mew-submit-setup-search--told note :tls) :fingerprint)
                   (not (plist-get (mew-submit-setup-search--told note :tls) :verified))))
            (mew-submit-setup-search-notes search)))

(defun mew-submit-setup-search--place (candidate)
  "Return CANDIDATE's server and port in words."
  (concat (plist-get candidate :host)
          (and (plist-get candidate :port)
               (format ":%d" (plist-get candidate :port)))))

(defun mew-submit-setup-search--verdict (look)
  "Return what is known of LOOK, in words."
  (let ((done (mew-submit-setup-search--told look :done))
        (connected (mew-submit-setup-search--told look :connected))
        (tls (mew-submit-setup-search--told look :tls))
        (mechanisms (mew-submit-setup-search--mechanisms look)))
    (cond ((null done) "...")
          ((mew-submit-setup-search--secure-p look)
           (format "%sanswers on port %d (%s), %s, certificate verified, %s"
                   (if (mew-submit-setup-search--fine-p look) "" "not usable: ")
                   (plist-get connected :port)
                   (mew-submit-report--family (plist-get connected :family))
                   (plist-get tls :version)
                   (if mechanisms
                       (concat "log-in by " (string-join mechanisms ", "))
                     "no log-in")))
          ((equal (plist-get done :kind) "ok") "not usable: there was no TLS")
          (t (concat "not usable: "
                     (mew-submit-error--clean (or (plist-get done :text) "")))))))

(defun mew-submit-setup-search--way-words (way)
  "Return what is looked at in WAY, in words."
  (pcase way
    ('srv "the SRV records of the domain")
    ('pacc "the document that the domain's DNS vouches for")
    ('autoconfig "what the domain and Thunderbird's database say on the web")
    ('provider "the list of providers, by the MX records of the domain")
    ('mx "the MX records of the domain")))

(defun mew-submit-setup-search--found-words (way candidates)
  "Return a line on CANDIDATES: found in WAY, or only a guess."
  (format "%s: %s"
          ;; What a document has said has a port.
          (if (seq-some (lambda (candidate) (plist-get candidate :port)) candidates)
              (concat "Found in " (mew-submit-setup-search--way-words way))
            "Guesses, by the domain's name and its MX records")
          (mapconcat #'mew-submit-setup-search--place candidates ", ")))

(defun mew-submit-setup-search--provider (search)
  "Return the first candidate of SEARCH that is a known provider's, or nil."
  (seq-some (lambda (note)
              (and (mew-submit-setup-search-way-p note)
                   (seq-find (lambda (candidate) (plist-get candidate :provider))
                             (mew-submit-setup-search-way-candidates note))))
            (mew-submit-setup-search-notes search)))

(defun mew-submit-setup-search--unreachable-words (candidate)
  "Return what to do where CANDIDATE, a known provider's server, cannot be used."
  (if (eq (plist-get candidate :login) 'bridge)
      (format "%s lets programs in through its bridge only, and that does not answer on \
this machine.  Start it, and look again; it is had at\n%s"
              (plist-get candidate :provider) (plist-get candidate :page))
    (format "Your mail is %s's, whose servers cannot be used from here.  Try it from \
another network." (plist-get candidate :provider))))

(defun mew-submit-setup-search--result (search)
  "Return what SEARCH, which is at rest, has come to, a symbol.
It is `found', `pin', `no-domain', `never', `offline', `no-dns', `nothing', or
`unreachable': a provider is known, and its servers cannot be used."
  (cond ((mew-submit-setup-search--best search) 'found)
        ((mew-submit-setup-search--pinnable search) 'pin)
        ((eq (mew-submit-setup-search-exists search) 'no) 'no-domain)
        ((mew-submit-setup-search-never search) 'never)
        ((mew-submit-setup-search--provider search) 'unreachable)
        ((mew-submit-setup-search-exists search) 'nothing)
        ((mew-submit-network--none-p) 'offline)
        (t 'no-dns)))

(defun mew-submit-setup-search--result-words (search)
  "Return why SEARCH, which is at rest, has found no server, and what to do."
  (let* ((address (mew-submit-setup-search-address search))
         (domain (mew-submit-setup-discover--domain address)))
    (pcase (mew-submit-setup-search--result search)
      ('pin (let ((host (plist-get (mew-submit-setup-search-look-candidate
                                    (mew-submit-setup-search--pinnable search))
                                   :host)))
              (format (if (mew-submit-account--local-p host)
                          "The certificate of %s is signed by nobody but itself, as that \
of a bridge is.  Pin it if the program is yours."
                        "The certificate of %s cannot be verified.  Pin it if the \
server's owner has told you its fingerprint.")
                      host)))
      ('no-domain (format "The domain %s does not exist.  Is there a typing error in the \
address?" domain))
      ('never (format "The domain %s says that it has no server for submission."
                      domain))
      ('offline "You are offline: this machine is on no network.")
      ('no-dns "No name server answers, so nothing can be found: does the network work?")
      ('unreachable (mew-submit-setup-search--unreachable-words
                     (mew-submit-setup-search--provider search)))
      ('nothing "No server was found that can be used.  Ask your provider for its \
name."))))

;;; Going on

(defun mew-submit-setup-search--changed (search)
  "Tell whoever wants to know that SEARCH has changed."
  (funcall (mew-submit-setup-search-on-change search)))

(defun mew-submit-setup-search--note (search note)
  "Add NOTE, a look or what came of a way, to what is known of SEARCH."
  (push note (mew-submit-setup-search-notes search)))

(defun mew-submit-setup-search--turn (search words function)
  "Have SEARCH wait for something, in WORDS; return a function to go on with it.
That calls FUNCTION with its arguments, and tells of it, unless SEARCH waits for
something else meanwhile, or for nothing."
  (let ((turn (list words)))
    (setf (mew-submit-setup-search-turn search) turn)
    (lambda (&rest arguments)
      (when (eq turn (mew-submit-setup-search-turn search))
        (setf (mew-submit-setup-search-turn search) nil)
        (apply function arguments)
        (mew-submit-setup-search--changed search)))))

(defun mew-submit-setup-search--waiting (search)
  "Return what SEARCH waits for, in words, or nil when it is at rest."
  (car (mew-submit-setup-search-turn search)))

(defun mew-submit-setup-search--request (search candidate)
  "Return the request for a look at CANDIDATE for SEARCH."
  (let ((account (mew-submit-setup-search--probe-account
                  candidate (mew-submit-setup-search-address search))))
    (if (plist-get candidate :pinned)
        (mew-submit-request--look account (plist-get account :routes))
      (mew-submit-request--probe account))))

(defun mew-submit-setup-search--look-at (search candidate rest)
  "Look at CANDIDATE for SEARCH, and if it is no good, at the REST."
  (let* ((look (mew-submit-setup-search--make-look :candidate candidate))
         (go-on (mew-submit-setup-search--turn
                 search (format "looking at %s" (plist-get candidate :host))
                 (lambda () (mew-submit-setup-search--looked search look rest))))
         job)
    (mew-submit-setup-search--note search look)
    (condition-case err
        (setq job (mew-submit-job--start
                   (mew-submit-setup-search--request search candidate)
                   :on-event (lambda (_event)
                               (setf (mew-submit-setup-search-look-course look)
                                     (mew-submit-job-course job)))
                   :on-done (lambda (_done) (funcall go-on))))
      (error
       (setf (mew-submit-setup-search-look-course look)
             (list :done (mew-submit-error--done err)))
       (run-at-time 0 nil go-on)))
    (setf (mew-submit-setup-search-session search) job)))

(defun mew-submit-setup-search--looked (search look rest)
  "Go on with SEARCH after LOOK, unless that is good: with REST or another way."
  (setf (mew-submit-setup-search-session search) nil)
  (cond ((mew-submit-setup-search--fine-p look))
        (rest (mew-submit-setup-search--look-at search (car rest) (cdr rest)))
        ;; Where the provider is known there is nothing to guess.
        ((mew-submit-setup-search--provider search))
        (t (mew-submit-setup-search--go-on search))))

(defun mew-submit-setup-search--found (search way found)
  "Go on with SEARCH: FOUND is what was found in WAY."
  (let* ((candidates (plist-get found :candidates))
         (never (plist-get found :never)))
    (mew-submit-setup-search--note
     search (mew-submit-setup-search--make-way
             :way way :candidates candidates :said (plist-get found :said)
             :text (cond (candidates (mew-submit-setup-search--found-words way candidates))
                         (never "The domain says that it has no server for \
submission.")
                         (t (format "Nothing in %s."
                                    (mew-submit-setup-search--way-words way))))))
    (cond (candidates
           (mew-submit-setup-search--look-at search (car candidates) (cdr candidates)))
          (never (setf (mew-submit-setup-search-never search) t))
          (t (mew-submit-setup-search--go-on search)))))

(defun mew-submit-setup-search--go-on (search)
  "Look for servers for SEARCH in the next way that is left."
  (when-let* ((way (pop (mew-submit-setup-search-ways search))))
    (setf (mew-submit-setup-search-never search) nil)
    (mew-submit-setup-discover--start
     way (mew-submit-setup-search-address search)
     (mew-submit-setup-search--turn
      search (format "asking %s" (mew-submit-setup-search--way-words way))
      (lambda (found) (mew-submit-setup-search--found search way found))))))

(defun mew-submit-setup-search--ask-domain (search domain)
  "Begin SEARCH, which is for a server of DOMAIN: ask whether that exists."
  (mew-submit-setup-discover--exists
   domain (mew-submit-setup-search--turn
           search (format "asking for %s" domain)
           (lambda (exists) (mew-submit-setup-search--exists search exists)))))

(defun mew-submit-setup-search--exists (search exists)
  "Go on with SEARCH: EXISTS is `yes', `no', or nil for unknown."
  (setf (mew-submit-setup-search-exists search) exists)
  (pcase exists
    ('no (setf (mew-submit-setup-search-ways search) nil))
    ;; Where nobody answers us the system may still find the web.
    ('nil (setf (mew-submit-setup-search-ways search)
                (and (not (mew-submit-network--none-p)) (list 'autoconfig)))))
  (mew-submit-setup-search--go-on search))

;;; What the floors above call

(defun mew-submit-setup-search--start (address on-change &optional libraries)
  "Start a search for the server of ADDRESS and return it.
ON-CHANGE is called, without arguments, when anything has changed.  LIBRARIES,
which are needed later, are loaded first.  Signal `mew-submit-message' when
ADDRESS is none."
  (let* ((domain (mew-submit-setup-discover--domain address))
         (search (mew-submit-setup-search--make
                  :address address :on-change on-change
                  :ways (copy-sequence mew-submit-setup-discover--ways))))
    (mew-submit-background--load
     libraries
     (mew-submit-setup-search--turn
      search (format "asking for %s" domain)
      (lambda () (mew-submit-setup-search--ask-domain search domain))))
    search))

(defun mew-submit-setup-search--give-up (search)
  "Have SEARCH wait for nothing any more."
  (setf (mew-submit-setup-search-turn search) nil)
  (when-let* ((session (mew-submit-setup-search-session search)))
    (setf (mew-submit-setup-search-session search) nil)
    (mew-submit-job--cancel session)))

(defun mew-submit-setup-search--try (search candidate)
  "Have SEARCH look at CANDIDATE, and at nothing else."
  (mew-submit-setup-search--give-up search)
  (setf (mew-submit-setup-search-ways search) nil)
  (mew-submit-setup-search--look-at search candidate nil))

(provide 'mew-submit-setup-search)
;;; mew-submit-setup-search.el ends here
