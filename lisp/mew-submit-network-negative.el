;;; mew-submit-network-negative.el --- Ports that a network has been found to block -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the negative cache: which port of which server cannot be
;; reached from which network, so that only the first mail there waits for it; and
;; what the user has said of falling back there.  What is remembered may
;; reorder what is tried, and never relaxes what is asked for (SECURITY.md, N9).
;;
;; Only what was met in TCP enters, and only from a job that has reached the server
;; by another way: a machine that is offline learns nothing.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-network)
(require 'mew-submit-store)
(require 'seq)

(defconst mew-submit-network-negative--entry-type
  '(plist :key-type symbol :value-type sexp
          :options (((const :tag "Network" :network) string)
                    ((const :tag "The network's name" :label) string)
                    ((const :tag "Server" :server) string)
                    ((const :tag "Port" :port) natnum)
                    ((const :tag "Family" :family)
                     (choice (const ipv4) (const ipv6)
                             (const :tag "Through a tunnel" nil)))
                    ((const :tag "Case" :case)
                     (choice (const :tag "2: TCP reset" 2)
                             (const :tag "3: ICMP hard error" 3)
                             (const :tag "4: ICMP soft error" 4)
                             (const :tag "5: silence" 5)))
                    ((const :tag "Met at" :seen) string)
                    ((const :tag "Looked at again" :checked) string)
                    ((const :tag "Until" :expires) string)))
  "How Customize shows an entry.")

(defcustom mew-submit-negative-cache nil
  "The ports that cannot be reached from some network, as was found out.
The default is nil.  mew-submit adds to it and removes from it by itself; times
are those of UTC, such as \"2026-11-02T10:00:00Z\".  Such a port is tried after
all others until then.  \\[mew-submit-forget-network] forgets them."
  :type `(repeat ,mew-submit-network-negative--entry-type)
  :group 'mew-submit-network
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-negative-cache-file
  (locate-user-emacs-file "mew-submit/networks.eld")
  "The file that keeps `mew-submit-negative-cache' between sessions.
The default is \"mew-submit/networks.eld\" in `user-emacs-directory'; nil means
that it ends with Emacs.  The batch command uses its option --network-cache
instead."
  :type '(choice file (const :tag "In memory only" nil))
  :group 'mew-submit-network
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-negative-cache-expiry 86400
  "Seconds for which a port is remembered to be blocked.
The default is 86400, a day; 0 means that none is."
  :type 'natnum
  :group 'mew-submit-network
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-negative-cache-expiry-soft 3600
  "As `mew-submit-negative-cache-expiry', but for case 4, trouble on the way.
The default is 3600, an hour.  It is never longer than that for the others."
  :type 'natnum
  :group 'mew-submit-network
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-negative-cache-recheck 900
  "Seconds after which a port that was blocked is looked at again, at least.
The default is 900, a quarter of an hour.  That happens in the background,
when a message has gone another way because of it."
  :type 'natnum
  :group 'mew-submit-network
  :package-version '(mew-submit . "0.1.0"))

(defcustom mew-submit-fallback-networks nil
  "What to do on some networks, where `mew-submit-fallback' says `ask'.
The default is nil.  Each element is (NETWORK SERVER RULE NAME): RULE is
`always' or `never', and NAME is what the network is called.  The answers
\"always\" and \"never\" to the question whether to fall back are saved here."
  :type '(repeat (list (string :tag "Network") (string :tag "Server")
                       (choice (const :tag "Always" always)
                               (const :tag "Never" never))
                       (string :tag "The network's name")))
  :group 'mew-submit-network
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defvar mew-submit-network-negative--active (not noninteractive)
  "Whether anything is remembered, and what is remembered is used.
In batch mode it has to be asked for.")

(defconst mew-submit-network-negative--max 500
  "How many entries are kept; the oldest go first.")

;;; Times

(defun mew-submit-network-negative--time (&optional seconds)
  "Return the time SECONDS from now as an entry has it."
  (format-time-string "%FT%TZ" (time-add nil (or seconds 0)) t))

(defun mew-submit-network-negative--lifetime (case)
  "Return for how many seconds a verdict CASE is remembered."
  (if (eql case 4)
      (min mew-submit-negative-cache-expiry
           mew-submit-negative-cache-expiry-soft)
    mew-submit-negative-cache-expiry))

(defun mew-submit-network-negative--valid-p (entry)
  "Is ENTRY still worth something?
What comes from the future does not count: the clock was wrong, then or now."
  (let ((now (mew-submit-network-negative--time)))
    (and (not (string< now (plist-get entry :seen)))
         (string< now (plist-get entry :expires)))))

;;; Entries

(defconst mew-submit-network-negative--stamp
  "\\`[0-9]\\{4\\}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z\\'"
  "What a time looks like.")

(defun mew-submit-network-negative--entry-p (entry)
  "Does ENTRY look like one of `mew-submit-negative-cache'?"
  (and (proper-list-p entry)
       (cl-evenp (length entry))
       (seq-every-p (lambda (key) (stringp (plist-get entry key)))
                    '(:network :label :server))
       (seq-every-p (lambda (key)
                      (let ((time (plist-get entry key)))
                        (and (stringp time)
                             (string-match-p mew-submit-network-negative--stamp time))))
                    '(:seen :checked :expires))
       (natnump (plist-get entry :port))
       (memq (plist-get entry :family) '(nil ipv4 ipv6))
       (memql (plist-get entry :case) '(2 3 4 5))))

(defun mew-submit-network-negative--key (entry)
  "Return the key of ENTRY: where it belongs."
  (mapcar (lambda (key) (plist-get entry key))
          '(:network :server :port :family)))

(defun mew-submit-network-negative--tidy (entries)
  "Return those of ENTRIES that are valid, the latest of each kind."
  (seq-take
   (seq-uniq (sort (seq-filter (lambda (entry)
                                 (and (mew-submit-network-negative--entry-p entry)
                                      (mew-submit-network-negative--valid-p entry)))
                               entries)
                   (lambda (entry other)
                     (string< (plist-get other :checked)
                              (plist-get entry :checked))))
             (lambda (entry other)
               (equal (mew-submit-network-negative--key entry)
                      (mew-submit-network-negative--key other))))
   mew-submit-network-negative--max))

;;; The file

(defvar mew-submit-network-negative--read nil
  "Which file was read when: (FILE . TIME-OF-THE-FILE).")

(defun mew-submit-network-negative--stamp-of (file)
  "Return a value that is another one when FILE has been written again."
  (let ((attributes (file-attributes file)))
    (list file (file-attribute-modification-time attributes)
          (file-attribute-inode-number attributes))))

(defun mew-submit-network-negative--load ()
  "Have in `mew-submit-negative-cache' what the file has, if that is news.
A file that makes no sense counts as an empty one: at worst a mail takes a
second longer."
  (let ((file mew-submit-negative-cache-file))
    (when (and file (file-readable-p file))
      (let ((stamp (mew-submit-network-negative--stamp-of file)))
        (unless (equal stamp mew-submit-network-negative--read)
          (let ((entries (ignore-errors (mew-submit-store--read file))))
            (setq mew-submit-negative-cache
                  (mew-submit-network-negative--tidy
                   (if mew-submit-network-negative--read
                       (ensure-list entries)
                     ;; The first time: what the user saved counts too.
                     (append (ensure-list entries)
                             mew-submit-negative-cache)))
                  mew-submit-network-negative--read stamp)))))))

(defun mew-submit-network-negative--save (entries)
  "Have ENTRIES remembered, in place of all others.
That the file cannot be written is no reason to trouble anybody who sends mail."
  (let ((file mew-submit-negative-cache-file))
    (setq mew-submit-negative-cache (mew-submit-network-negative--tidy entries))
    (when file
      (condition-case err
          (progn
            (mew-submit-store--write
             file "Ports that networks have been found to block, for mew-submit."
             mew-submit-negative-cache)
            (setq mew-submit-network-negative--read
                  (mew-submit-network-negative--stamp-of file)))
        (file-error (mew-submit-background--tell
                     "Blocked ports are remembered in memory only: %s"
                     (error-message-string err)))))))

(defun mew-submit-network-negative--entries ()
  "Return all that is remembered and still valid."
  (when (and mew-submit-network-negative--active
             (> mew-submit-negative-cache-expiry 0))
    (mew-submit-network-negative--load)
    (mew-submit-network-negative--tidy mew-submit-negative-cache)))

;;; Where we are

(defun mew-submit-network-negative--networks (&optional tunnel)
  "Return the networks that this machine is on, as ((FAMILY . NETWORK)...).
With TUNNEL, text that names the way out, there is one: what the far side can
reach does not depend on where this machine is."
  (if tunnel
      (list (cons nil (mew-submit-network--named (format "through %s" tunnel))))
    (mapcar (lambda (network) (cons (plist-get network :family) network))
            (mew-submit-network--list))))

(defun mew-submit-network-negative--find (server networks)
  "Return what is remembered of SERVER on NETWORKS.
NETWORKS is as `mew-submit-network-negative--networks' returns it."
  (seq-filter (lambda (entry)
                (let ((network (cdr (assq (plist-get entry :family) networks))))
                  (and network
                       (equal (plist-get entry :network)
                              (plist-get network :id))
                       (equal (plist-get entry :server) (mew-submit-caseless--down server)))))
              (mew-submit-network-negative--entries)))

(defun mew-submit-network-negative--mark (routes entries &optional tunnelled)
  "Return ROUTES with those marked that are in ENTRIES.
A marked route, (PORT FAMILY TLS t), is tried after all others.  With TUNNELLED
non-nil nobody knows the family."
  (mapcar (lambda (route)
            (if (seq-find (lambda (entry)
                            (and (eql (plist-get entry :port) (car route))
                                 (eq (plist-get entry :family)
                                     (if tunnelled nil (nth 1 route)))))
                          entries)
                (append (seq-take route 3) '(t))
              route))
          routes))

(defun mew-submit-network-negative--unmark (routes)
  "Return ROUTES as they were before `mew-submit-network-negative--mark'."
  (mapcar (lambda (route) (seq-take route 3)) routes))

;;; Learning

(defun mew-submit-network-negative--place (attempt)
  "Return (PORT . FAMILY) of ATTEMPT, FAMILY being a symbol or nil."
  (let ((family (plist-get attempt :family)))
    (cons (plist-get attempt :port) (and family (intern family)))))

(defun mew-submit-network-negative--answered-p (attempt)
  "Has the port of ATTEMPT answered?"
  (member (plist-get attempt :case) '(1 "tls" "no-login")))

(defun mew-submit-network-negative--blocked-p (attempt)
  "Has ATTEMPT met something that is worth remembering?"
  (memql (plist-get attempt :case) '(2 3 4 5)))

(defun mew-submit-network-negative--case (attempts)
  "Return what ATTEMPTS, all of them blocked, have met at one port.
Trouble on the way is forgotten soonest, and so goes before the rest."
  (let ((cases (mapcar (lambda (attempt) (plist-get attempt :case)) attempts)))
    (if (memql 4 cases)
        4
      (car cases))))

(defun mew-submit-network-negative--group (attempts)
  "Return ATTEMPTS by port and family: a list of ((PORT . FAMILY) ATTEMPT...)."
  (let (groups)
    (dolist (attempt (reverse attempts) groups)
      (push attempt (alist-get (mew-submit-network-negative--place attempt) groups
                               nil nil #'equal)))))

(defun mew-submit-network-negative--entry (server place case network)
  "Return a new entry: CASE was met at PLACE of SERVER, from NETWORK."
  (list :network (plist-get network :id) :label (plist-get network :label)
        :server (mew-submit-caseless--down server) :port (car place) :family (cdr place)
        :case case :seen (mew-submit-network-negative--time)
        :checked (mew-submit-network-negative--time)
        :expires (mew-submit-network-negative--time
                  (mew-submit-network-negative--lifetime case))))

(defun mew-submit-network-negative--news (server groups networks before)
  "Return (BLOCKED . OPEN), what GROUPS of attempts tell of SERVER.
BLOCKED are new entries, OPEN the keys of those that are true no longer.
NETWORKS are where this machine is, BEFORE where it was when the job began: what
was met while it moved tells nothing."
  (let (blocked open)
    (pcase-dolist (`(,place . ,attempts) groups)
      (let ((network (cdr (assq (cdr place) networks)))
            (old (cdr (assq (cdr place) before))))
        (when (and network (mew-submit-network--same-p network old))
          (let ((entry (mew-submit-network-negative--entry
                        server place (mew-submit-network-negative--case attempts)
                        network)))
            (cond ((seq-some #'mew-submit-network-negative--answered-p attempts)
                   (push (mew-submit-network-negative--key entry) open))
                  ((seq-every-p #'mew-submit-network-negative--blocked-p attempts)
                   (push entry blocked)))))))
    (cons blocked open)))

(defun mew-submit-network-negative--learn (server attempts networks before)
  "Remember what ATTEMPTS of a finished job tell of SERVER.
NETWORKS are where this machine is, BEFORE where it was when the job began, as
`mew-submit-network-negative--networks' returns them.  Where no attempt had
case 1 no port counts as blocked: then the machine itself may be offline."
  (when (and mew-submit-network-negative--active attempts)
    (let* ((entries (mew-submit-network-negative--entries))
           (reached (seq-some (lambda (attempt)
                                (eql (plist-get attempt :case) 1))
                              attempts))
           (news (mew-submit-network-negative--news
                  server (mew-submit-network-negative--group attempts) networks before))
           (blocked (and reached (car news)))
           (kept (seq-remove (lambda (entry)
                               (member (mew-submit-network-negative--key entry)
                                       (cdr news)))
                             entries)))
      (when (or blocked (/= (length kept) (length entries)))
        (mew-submit-network-negative--save (append blocked kept))))))

(defun mew-submit-network-negative--checked (checked)
  "Note that the entries CHECKED were looked at again, in vain."
  (let ((keys (mapcar #'mew-submit-network-negative--key checked)))
    (mew-submit-network-negative--save
     (mapcar (lambda (entry)
               (if (member (mew-submit-network-negative--key entry) keys)
                   (plist-put (copy-sequence entry) :checked
                              (mew-submit-network-negative--time))
                 entry))
             (mew-submit-network-negative--entries)))))

(defun mew-submit-network-negative--next-check (entries)
  "Return in how many seconds the first of ENTRIES may be looked at again."
  (apply #'min
         (mapcar (lambda (entry)
                   (max 0 (- (+ (float-time (date-to-time
                                             (plist-get entry :checked)))
                                mew-submit-negative-cache-recheck)
                             (float-time))))
                 entries)))

;;; What the user has said

(defconst mew-submit-network-negative--never
  "you chose never to fall back on this network; \
M-x mew-submit-forget-network takes that back"
  "What to tell where a message is not sent because of that.")

(defun mew-submit-network-negative--here-of (networks)
  "Return the one of NETWORKS that a user means by \"this network\"."
  (or (seq-find (lambda (network) (plist-get network :up))
                (mapcar #'cdr networks))
      (cdar networks)))

(defun mew-submit-network-negative--here (&optional tunnel)
  "Return the network that this machine is on, or the far side of TUNNEL."
  (mew-submit-network-negative--here-of (mew-submit-network-negative--networks tunnel)))

(defun mew-submit-network-negative--rule (server networks)
  "Return what the user has said of falling back to reach SERVER on NETWORKS.
That is `always', `never' or nil."
  (let ((id (plist-get (mew-submit-network-negative--here-of networks) :id)))
    (nth 2 (seq-find (lambda (element)
                       (and (equal (nth 0 element) id)
                            (equal (nth 1 element) (mew-submit-caseless--down server))))
                     mew-submit-fallback-networks))))

(defun mew-submit-network-negative--set-rule (server rule network)
  "Save RULE, `always' or `never', for SERVER on NETWORK.
With RULE nil there is none."
  (let ((id (plist-get network :id))
        (name (mew-submit-caseless--down server)))
    (mew-submit-error--save-option
     'mew-submit-fallback-networks
     (append (and rule (list (list id name rule (plist-get network :label))))
             (seq-remove (lambda (element)
                           (and (equal (nth 0 element) id)
                                (equal (nth 1 element) name)))
                         mew-submit-fallback-networks)))))

;;; Forgetting

(defun mew-submit-network-negative--forget (ids)
  "Forget what is remembered of the networks IDS, or with t of all."
  (let ((here (lambda (id) (or (eq ids t) (member id ids)))))
    (mew-submit-network-negative--load)
    (mew-submit-network-negative--save
     (seq-remove (lambda (entry) (funcall here (plist-get entry :network)))
                 mew-submit-negative-cache))
    (when (seq-some (lambda (element) (funcall here (car element)))
                    mew-submit-fallback-networks)
      (mew-submit-error--save-option
       'mew-submit-fallback-networks
       (seq-remove (lambda (element) (funcall here (car element)))
                   mew-submit-fallback-networks)))))

;;;###autoload
(defun mew-submit-forget-network (&optional all)
  "Forget which ports this network blocks, and whether to fall back here.
The next mail tries the preferred port first again, and the question whether to
fall back is asked again.  With a prefix argument, forget ALL networks, and the
far sides of tunnels too."
  (interactive "P")
  (let ((networks (mew-submit-network--list)))
    (mew-submit-network-negative--forget
     (or (and all t)
         (mapcar (lambda (network) (plist-get network :id)) networks)))
    (message "Forgotten what %s"
             (if all "was remembered of all networks"
               (format "was remembered of the network %s"
                       (plist-get (mew-submit-network--primary) :label))))))

(provide 'mew-submit-network-negative)
;;; mew-submit-network-negative.el ends here
