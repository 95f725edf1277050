;;; scenario.el --- One fault, the server that plays it and the job that meets it -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A scenario is an entry of a table, (NAME KEY VALUE...).  NAME begins with the row of the security
;; table that it is about.  What the server does:
;;   :peer DIRECTIVES  one listener for STARTTLS, with directives as in test/peer/README.org;
;;                     (FORMAT MSECS) is one with a time that has to be more than a time-out
;;   :listeners LIST   instead of it: (MODE DIRECTIVE...) for each route, preferred first; MODE is
;;                     `starttls', `implicit' or `none'
;; What the client does:
;;   :account PLIST    over `mew-submit-faults--account'; (certs FILE) is one of the server's files.
;;                     With :timeout or :step-timeout, which are short then, it is impatient.
;;   :request PLIST    put over the finished request, past all checks of the Lisp side
;;   :message TEXT     or a function that returns it
;;   :from, :recipients  the envelope
;;   :answer FUNCTION  answers questions; without it there must be none
;; What has to come of it (judge.el):
;;   :kind KIND        a symbol, or a list of those that are acceptable
;;   :result, :exit    where they are not what KIND says: a partial delivery
;;   :text REGEXP      in the words of the `done' event
;;   :reach LEVEL      how far the client went, as the server saw it; or a list
;;   :connections N    how many were made (default 1, or none where nothing is reached); or a list
;;   :events LIST      each (EVENT KEY VALUE): an event of the client's has that
;;   :saw LIST         the same for the server's log; :saw-line, :no-line REGEXP: of the client's lines
;;   :envelope LIST    the sender and the recipients of the message as the server has them
;;   :seven-bit t      it has to have the message encoded in seven bits
;;   :body TEXT        what the server has to have, where that is not the message itself
;;   :violations LIST  names of violations that are none here
;;   :auths N          how many AUTH commands there may be (default 1)
;;   :mails N          how many transactions there may be (default 1), all but one of them refused
;;   :clear t          SMTP in the clear is what the user asked for
;;   :check FUNCTION   of the judge's record: returns what is wrong, or nil
;;   :slow t           it takes its time: start it early
;;
;; Nobody looks at a clock.  A client that gives up says after how many seconds, and those are to be
;; the ones that it was given; one that does not give up at all never ends.  What an impatient
;; scenario does can be wrong because the machine is slow and another wait runs out first: then it
;; is played again with all its times multiplied (the fault's FACTOR).

;;; Code:

(require 'cl-lib)
(require 'mew-submit-error)
(require 'mew-submit-message)
(require 'mew-submit-parcel)
(require 'mew-submit-job)
(require 'mew-submit-test-helpers)

(defconst mew-submit-faults-user "joe"
  "The user at the server.")

(defconst mew-submit-faults-password "Wachtwoord-4711-geheim"
  "The user's password, and the token.")

(defconst mew-submit-faults-message
  "From: joe@example.org\nTo: ann@example.org\nSubject: test\n\nHello,\n.this is a test\n"
  "The message that is sent where a scenario has none of its own.")

(cl-defstruct (mew-submit-fault (:constructor mew-submit-fault--make) (:copier nil))
  "A scenario on its way: its NAME and NUMBER, the SPEC from the table, the FILE with the message.
EVENTS are the client's, newest first, DONE the last of them; FACTOR multiplies its times."
  name number spec file events done (factor 1))

(defun mew-submit-fault-get (fault key)
  "Return what the table has for KEY of FAULT."
  (plist-get (mew-submit-fault-spec fault) key))

(defun mew-submit-faults-show (text)
  "Return TEXT as Lisp spells it, in printable ASCII."
  (let ((print-escape-newlines t)
        (print-escape-control-characters t)
        (print-escape-multibyte t))
    (prin1-to-string text)))

(defun mew-submit-faults-table (defaults &rest entries)
  "Return ENTRIES, scenarios as in the commentary, each with the plist DEFAULTS behind its own keys."
  (mapcar (lambda (entry) (append entry defaults)) entries))

(defun mew-submit-fault-seconds (fault key)
  "Return the time-out that the table has for KEY of FAULT's account, multiplied, or nil."
  (when-let* ((seconds (plist-get (mew-submit-fault-get fault :account) key)))
    (* (mew-submit-fault-factor fault) seconds)))

(defun mew-submit-fault-again (fault factor)
  "Return FAULT as it was in the beginning, with FACTOR."
  (mew-submit-fault--make :name (mew-submit-fault-name fault) :number (mew-submit-fault-number fault)
                          :spec (mew-submit-fault-spec fault) :factor factor))

(defun mew-submit-faults-number (entries)
  "Return ENTRIES of tables as faults."
  (let ((number 0))
    (mapcar (lambda (entry)
              (mew-submit-fault--make :name (car entry) :number (cl-incf number)
                                      :spec (cdr entry)))
            entries)))

;;; The server's side

(defun mew-submit-faults-listeners (fault)
  "Return the listeners of FAULT: (MODE DIRECTIVE...) for each."
  (or (mew-submit-fault-get fault :listeners)
      (list (cons 'starttls (mew-submit-fault-get fault :peer)))))

(defun mew-submit-faults-listener-name (fault place)
  "Return what the listener of FAULT at PLACE, from 0, is called."
  (format "s%d-%d" (mew-submit-fault-number fault) place))

(defun mew-submit-faults--directive (fault directive)
  "Return the line of the script for DIRECTIVE of FAULT."
  (if (consp directive)
      (format (car directive) (* (mew-submit-fault-factor fault) (cadr directive)))
    directive))

(defun mew-submit-faults-script (faults)
  "Return a script for the test server with the listeners of all FAULTS."
  (mapconcat
   (lambda (fault)
     (let ((place -1))
       (mapconcat
        (pcase-lambda (`(,mode . ,directives))
          (concat (format "127.0.0.1:0,name=%s%s\n"
                          (mew-submit-faults-listener-name fault (cl-incf place))
                          (if (eq mode 'implicit) ",implicit" ""))
                  (mapconcat (lambda (directive)
                               (concat "  " (mew-submit-faults--directive fault directive) "\n"))
                             directives "")))
        (mew-submit-faults-listeners fault) "")))
   faults ""))

(defun mew-submit-faults-json-lines (octets)
  "Return the objects in OCTETS, JSON lines of the server's, as plists; null and false are nil.
A NUL, which Emacs 28 does not take in JSON, becomes U+FFFD."
  (mapcar (lambda (line)
            (json-parse-string (string-replace "\\u0000" "\\ufffd" line)
                               :object-type 'plist :array-type 'list
                               :null-object nil :false-object nil))
          (split-string octets "\n" t)))

;;; The client's side

(defun mew-submit-faults--routes (fault peer)
  "Return the routes to PEER's listeners for FAULT, as text."
  (let ((place -1))
    (mapconcat (lambda (listener)
                 (format "%d:%s"
                         (mew-submit-test-port
                          peer (mew-submit-faults-listener-name fault (cl-incf place)))
                         (car listener)))
               (mew-submit-faults-listeners fault) ",")))

(defun mew-submit-faults--certs-file (name)
  "Return the file NAME in the directory with the server's certificates."
  (expand-file-name name (mew-submit-test--certs)))

(defun mew-submit-faults--account (fault peer)
  "Return the account for FAULT at PEER."
  (append
   (cl-loop for key in '(:timeout :step-timeout)
            for seconds = (mew-submit-fault-seconds fault key)
            when seconds append (list key seconds))
   (mapcar (lambda (value)
             (if (eq (car-safe value) 'certs)
                 (mew-submit-faults--certs-file (cadr value))
               value))
           (mew-submit-fault-get fault :account))
   (list :server "127.0.0.1" :routes (mew-submit-faults--routes fault peer)
         :family 'ipv4 :fallback 'always :timeout 60 :step-timeout 60
         :ca-file (mew-submit-faults--certs-file "ca.pem")
         :user mew-submit-faults-user :password (copy-sequence mew-submit-faults-password))))

(defvar mew-submit-faults--files nil
  "The files of messages that a function makes: an alist.")

(defun mew-submit-faults--write-message (fault directory)
  "Make sure that the message of FAULT is in a file in DIRECTORY, and return its name."
  (let ((message (or (mew-submit-fault-get fault :message) mew-submit-faults-message)))
    (if (stringp message)
        (mew-submit-test-write
         (expand-file-name (format "%d.eml" (mew-submit-fault-number fault)) directory) message)
      (or (cdr (assoc message mew-submit-faults--files))
          (let ((file (expand-file-name (format "long-%d.eml" (length mew-submit-faults--files))
                                        directory)))
            (mew-submit-test-write file (funcall message))
            (push (cons message file) mew-submit-faults--files)
            file)))))

(defun mew-submit-faults--request (fault account)
  "Return the request of FAULT with ACCOUNT, with what the table wants put over it."
  (let* ((file (mew-submit-fault-file fault))
         (fields (mew-submit-message--fields file))
         (request (mew-submit-request--make
                   account file fields
                   (mew-submit-request--envelope account fields (mew-submit-faults--from fault)
                                                 (mew-submit-faults--recipients fault)))))
    (cl-loop for (key value) on (mew-submit-fault-get fault :request) by #'cddr
             do (setq request (plist-put request key
                                         (if (eq key :password) (copy-sequence value) value))))
    request))

(defun mew-submit-faults--from (fault)
  "Return the envelope sender of FAULT."
  (let ((spec (mew-submit-fault-spec fault)))
    (if (plist-member spec :from) (plist-get spec :from) "joe@example.org")))

(defun mew-submit-faults--recipients (fault)
  "Return the recipients of FAULT."
  (let ((spec (mew-submit-fault-spec fault)))
    (if (plist-member spec :recipients) (plist-get spec :recipients) '("ann@example.org"))))

(defun mew-submit-faults-start (fault peer directory ended)
  "Start the job of FAULT at PEER; files go to DIRECTORY.
Call ENDED, without arguments, when it has ended."
  (let ((on-event (lambda (event) (push event (mew-submit-fault-events fault))))
        (on-done (lambda (event)
                   (setf (mew-submit-fault-done fault) event)
                   (funcall ended)))
        (on-ask (or (mew-submit-fault-get fault :answer) #'ignore))
        (account (mew-submit-faults--account fault peer)))
    (setf (mew-submit-fault-file fault) (mew-submit-faults--write-message fault directory))
    (condition-case err
        (if (mew-submit-fault-get fault :request)
            (mew-submit-job--start (mew-submit-faults--request fault account)
                                   :on-event on-event :on-done on-done :on-ask on-ask)
          (mew-submit-parcel--submit
           (mew-submit-fault-file fault) :account account
           :from (mew-submit-faults--from fault)
           :recipients (mew-submit-faults--recipients fault)
           :on-event on-event :on-done on-done :on-ask on-ask))
      (error (mew-submit-job--fail err :on-event on-event :on-done on-done)))))

(provide 'mew-submit-faults-scenario)
;;; scenario.el ends here
