;;; mew-submit-diagnosis-look.el --- Looking at a network -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what is looked at for a verdict on the network: several servers, each by a
;; diagnosis; a web page whose text is known, without cookies, scripts or redirects; and
;; three questions to DNS.  All of it in the background, and each part with an end.
;; mew-submit-diagnosis-network.el judges what is found.
;;
;; A look is a plist:
;;   :evidence  as the judgement takes it, filled while things are found
;;   :left      how many parts have not ended
;;   :stopped   non-nil when it was told to stop
;;   :parts     what to stop then, functions

;;; Code:

(require 'cl-lib)
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-diagnosis)
(require 'mew-submit-dns)
(require 'mew-submit-error)
(require 'mew-submit-job)
(require 'mew-submit-probe)
(require 'seq)
(require 'subr-x)
(require 'url-parse)

(defcustom mew-submit-network-servers '("smtp.gmail.com" "smtp.office365.com")
  "Servers that are looked at besides your own for a verdict on the network.
They have to answer at the ports 25 and 587 from everywhere, as the two of the
default do: only what several servers do is the network's doing.  They learn
that somebody has connected; nobody logs in.  With nil only the servers of your
accounts count."
  :type '(repeat string)
  :group 'mew-submit-diagnosis
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defcustom mew-submit-network-page
  '("http://network-test.debian.org/nm" . "NetworkManager is online")
  "A web page for a verdict on the network: (URL . TEXT), TEXT being in it.
The default is one that Debian keeps for that.  When something else comes,
somebody in the network answers, as portals do.  The URL begins with http:,
since nobody can answer for https.  With nil no page is looked at."
  :type '(choice (cons (string :tag "URL") (string :tag "Text"))
                 (const :tag "None" nil))
  :group 'mew-submit-diagnosis
  :package-version '(mew-submit . "0.1.0")
  :risky t)

(defvar mew-submit-diagnosis-look--last nil
  "The evidence of the last look that was shown, and at which network.
That is (NETWORK . EVIDENCE).")

(defconst mew-submit-diagnosis-look--servers-max 6
  "How many servers are looked at.")

(defconst mew-submit-diagnosis-look--seconds 10
  "Seconds for each address of the web page.")

(defconst mew-submit-diagnosis-look--octets-max 16384
  "How much of the web page is read.")

;;; Parts

(defun mew-submit-diagnosis-look--change (look change)
  "Add CHANGE to what is left of LOOK, and tell."
  (plist-put look :left (+ change (plist-get look :left)))
  (unless (plist-get look :stopped)
    (when (plist-get look :on-change)
      (funcall (plist-get look :on-change) look))
    (when (and (zerop (plist-get look :left)) (plist-get look :on-end))
      (funcall (plist-get look :on-end) look))))

(defun mew-submit-diagnosis-look--begin (look stop)
  "Note that a part of LOOK has begun, which the function STOP ends."
  (plist-put look :parts (cons stop (plist-get look :parts)))
  (plist-put look :left (1+ (plist-get look :left))))

(defun mew-submit-diagnosis-look--note (look key value)
  "Put VALUE as KEY into the evidence of LOOK."
  (plist-put look :evidence (plist-put (plist-get look :evidence) key value)))

;;; Servers

(defun mew-submit-diagnosis-look--server (look account keys)
  "Diagnose the server of ACCOUNT for LOOK, with KEYS of `mew-submit-probe--start'."
  (condition-case err
      (let ((diagnosis
             (apply #'mew-submit-probe--start account
                    :on-event (lambda (_diagnosis _event)
                                (mew-submit-diagnosis-look--change look 0))
                    :on-done (lambda (_diagnosis)
                               (mew-submit-diagnosis-look--change look -1))
                    keys)))
        (mew-submit-diagnosis-look--begin
         look (lambda () (mew-submit-job--cancel (plist-get diagnosis :session))))
        (mew-submit-diagnosis-look--add look diagnosis))
    (mew-submit-error
     (mew-submit-diagnosis-look--add
      look (list :host (plist-get account :server) :attempts nil
                 :done (mew-submit-error--done err))))))

(defun mew-submit-diagnosis-look--add (look diagnosis)
  "Put DIAGNOSIS into the evidence of LOOK."
  (mew-submit-diagnosis-look--note
   look :diagnoses (append (plist-get (plist-get look :evidence) :diagnoses)
                           (list diagnosis))))

(defun mew-submit-diagnosis-look--accounts (accounts references)
  "Return accounts, one for each server of ACCOUNTS and each of REFERENCES.
What goes through a tunnel says nothing of this network, and is left out."
  (seq-take
   (seq-uniq
    (append (seq-filter (lambda (account) (and (plist-get account :server)
                                               (null (plist-get account :tunnel))))
                        accounts)
            (mapcar (lambda (host) (list :server host)) references))
    (lambda (a b) (equal (plist-get a :server) (plist-get b :server))))
   mew-submit-diagnosis-look--servers-max))

;;; The web page

(defun mew-submit-diagnosis-look--strip (host)
  "Return HOST of a URL without the brackets of IPv6, or nil for a name."
  (let ((bare (string-trim host "\\[" "\\]")))
    (and (string-match-p "\\`\\(?:[0-9.]+\\|[0-9a-f:.]*:[0-9a-f:.]*\\)\\'" bare) bare)))

(defun mew-submit-diagnosis-look--judge (octets url text)
  "Return what OCTETS, the answer to a request for URL, say; TEXT is expected.
That is a plist with :state, :text and :location."
  (let* ((text (encode-coding-string text 'utf-8))
         (code (and (string-match "\\`HTTP/[0-9.]+ \\([0-9][0-9][0-9]\\)" octets)
                    (string-to-number (match-string 1 octets))))
         (head (car (split-string octets "\r?\n\r?\n")))
         (location (and (mew-submit-caseless--folding
                          (string-match "^location:[ \t]*\\([^ \r\n]+\\)" head))
                        (mew-submit-error--clean
                         (decode-coding-string (match-string 1 head) 'utf-8))))
         (host (lambda (url) (url-host (url-generic-parse-url url))))
         (away (and location
                    (not (member (funcall host location)
                                 (list nil "" (funcall host url)))))))
    (cond ((null code) (list :state 'foreign :text "what answers is no web server"))
          ((and (= code 200) (string-search text octets))
           (list :state 'ok :text "as it should be"))
          ((= code 200) (list :state 'foreign :text "another page comes in its place"))
          ((= code 511) (list :state 'foreign :text "this network wants a log-in (511)"
                              :location location))
          ((and (<= 300 code 399) away)
           (list :state 'foreign :location location
                 :text (format "somebody sends you to %s" location)))
          (t (list :state 'odd :text (format "the answer has the code %d" code))))))

(defun mew-submit-diagnosis-look--fetch (url addresses text function)
  "Get URL from the first of ADDRESSES that answers, and judge it by TEXT.
FUNCTION is called once with the judgement.  Return a function that ends it
without that."
  (let* ((parsed (url-generic-parse-url url))
         (request (format "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\
User-Agent: mew-submit\r\nAccept: */*\r\n\r\n"
                          (if (string-empty-p (url-filename parsed)) "/"
                            (url-filename parsed))
                          (url-host parsed)))
         (octets "") process timer over next)
    (cl-labels
        ((close-it ()
           (when timer (cancel-timer timer))
           (when process
             (mew-submit-background--drop process))
           (setq timer nil process nil))
         (finish (judgement)
           (close-it)
           (unless over
             (setq over t)
             (run-at-time 0 nil function (append (list :url url) judgement))))
         (ended ()
           (if (string-empty-p octets)
               (progn (close-it) (funcall next))
             (finish (mew-submit-diagnosis-look--judge octets url text))))
         (filter (from part)
           (when (eq from process)
             (setq octets (concat octets part))
             (when (or (> (length octets) mew-submit-diagnosis-look--octets-max)
                       (string-search text octets))
               (ended))))
         (sentinel (from change)
           (when (eq from process)
             (if (not (string-prefix-p "open" change))
                 (ended)
               (condition-case nil
                   (process-send-string process request)
                 (error (ended)))))))
      (setq next
            (lambda ()
              (let ((address (pop addresses)))
                (cond
                 (over nil)
                 ((null address)
                  (finish (list :state 'failed :text "no answer")))
                 (t (condition-case nil
                        (setq timer (run-at-time mew-submit-diagnosis-look--seconds
                                                 nil #'mew-submit-background--call
                                                 #'ended)
                              process (make-network-process
                                       :name "mew-submit-page" :buffer nil :noquery t
                                       :coding 'binary :nowait t :host address
                                       :service (url-port parsed)
                                       :filter #'filter :sentinel #'sentinel))
                      (error (close-it) (funcall next))))))))
      (funcall next)
      (lambda () (setq over t) (close-it)))))

(defun mew-submit-diagnosis-look--page (look page family)
  "Look at PAGE, (URL . TEXT), for LOOK, by FAMILY or, if it is nil, by both."
  (pcase-let* ((`(,url . ,text) page)
               (host (url-host (url-generic-parse-url url)))
               (literal (mew-submit-diagnosis-look--strip host))
               (stop #'ignore)
               (addresses nil)
               (waiting (delq nil (list (and (not (eq family 'ipv4)) 'AAAA)
                                        (and (not (eq family 'ipv6)) 'A))))
               (done (lambda (judgement)
                       (mew-submit-diagnosis-look--note look :page judgement)
                       (mew-submit-diagnosis-look--change look -1))))
    (mew-submit-diagnosis-look--begin look (lambda () (funcall stop)))
    (if literal
        (setq stop (mew-submit-diagnosis-look--fetch url (list literal) text done))
      (let ((queries
             (mapcar
              (lambda (type)
                (mew-submit-dns--ask
                 host type
                 (lambda (answer)
                   (setq addresses (append addresses
                                           (seq-take (plist-get answer :answers) 2))
                         waiting (remq type waiting))
                   (unless waiting
                     (setq stop (mew-submit-diagnosis-look--fetch url addresses text
                                                                  done))))))
              waiting)))
        (setq stop (lambda () (mapc #'mew-submit-dns--cancel queries)))))))

;;; Names

(defun mew-submit-diagnosis-look--nonsense ()
  "Return a name that nobody has."
  (concat (mapconcat (lambda (_) (string (+ ?a (random 26)))) (number-sequence 1 16) "")
          ".com"))

(defun mew-submit-diagnosis-look--dns (look)
  "Ask DNS for LOOK: for names that do not exist, and how IPv4 is translated."
  (let ((failures 0) (waiting 3) dns)
    (pcase-dolist (`(,name ,type ,key)
                   (list (list "mew-submit.invalid" 'A :invalid)
                         (list (mew-submit-diagnosis-look--nonsense) 'A :invalid)
                         '("ipv4only.arpa" AAAA :nat64)))
      (let ((query
             (mew-submit-dns--ask
              name type
              (lambda (answer)
                (if (eq (plist-get answer :status) 'failed)
                    (setq failures (1+ failures))
                  (setq dns (plist-put dns key (append (plist-get dns key)
                                                       (plist-get answer :answers)))))
                (setq waiting (1- waiting))
                (when (zerop waiting)
                  (when (= failures 3)
                    (setq dns (list :failed (plist-get answer :why))))
                  (mew-submit-diagnosis-look--note look :dns dns))
                (mew-submit-diagnosis-look--change look -1)))))
        (mew-submit-diagnosis-look--begin
         look (lambda () (mew-submit-dns--cancel query)))))))

;;; The whole

(cl-defun mew-submit-diagnosis-look--start
    (accounts &key references page dns keys on-change on-end)
  "Begin a look at this network, and return it; it is filled in the background.
ACCOUNTS have the servers, REFERENCES are hosts known to listen at 25 and 587.
PAGE is as `mew-submit-network-page' or nil; DNS non-nil means to ask that, too.
KEYS are as for `mew-submit-probe--start'.  ON-CHANGE is called with the look
when there is more, ON-END at the end."
  (let ((look (list :evidence (list :references references :began (current-time)) :left 1 :stopped nil
                    :parts nil :on-change on-change :on-end on-end)))
    (dolist (account (mew-submit-diagnosis-look--accounts accounts references))
      (mew-submit-diagnosis-look--server look account keys))
    (when page
      (mew-submit-diagnosis-look--page look page (plist-get keys :family)))
    (when dns
      (mew-submit-diagnosis-look--dns look))
    (run-at-time 0 nil #'mew-submit-diagnosis-look--change look -1)
    look))

(defun mew-submit-diagnosis-look--ended-p (look)
  "Is there nothing more to come for LOOK?"
  (or (plist-get look :stopped) (zerop (plist-get look :left))))

(defun mew-submit-diagnosis-look--stop (look)
  "Stop LOOK."
  (unless (mew-submit-diagnosis-look--ended-p look)
    (plist-put look :stopped t)
    (mapc #'funcall (plist-get look :parts))))

(provide 'mew-submit-diagnosis-look)
;;; mew-submit-diagnosis-look.el ends here
