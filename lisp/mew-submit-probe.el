;;; mew-submit-probe.el --- Running a diagnosis -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns what a diagnosis looks at, and starts it.  Whatever shows the result
;; goes by the plist of mew-submit-diagnosis.el, which is filled while events come.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-diagnosis)
(require 'mew-submit-error)
(require 'mew-submit-request)
(require 'mew-submit-job)
(require 'mew-submit-way)
(require 'seq)

(defconst mew-submit-probe--ports '(25 465 587)
  "The ports of a diagnosis where none are named.")

(defconst mew-submit-probe--all-ports '(25 26 465 587 110 143 993 995)
  "All the ports of mail.")

(defconst mew-submit-probe--step-timeout 30
  "Seconds for each step of a conversation, where the account has none.
RFC 5321 grants servers five minutes, which no user waits for.")

(defconst mew-submit-probe--known
  '((25 starttls transfer) (26 implicit transfer) (465 implicit submission)
    (587 starttls submission) (110 starttls pop) (143 starttls imap)
    (993 implicit imap) (995 implicit pop))
  "What is expected at a port: (PORT MODE SERVICE).")

;;; Ports

(defun mew-submit-probe--port (port &optional mode service)
  "Return the specification of PORT, a number: (PORT MODE SERVICE).
MODE and SERVICE are what is expected there, or nil for what is usual."
  (let ((known (assq port mew-submit-probe--known)))
    (list port (or mode (nth 1 known) 'starttls)
          (or service (nth 2 known) 'submission))))

(defun mew-submit-probe--word (text choices)
  "Return TEXT as a symbol that is one of CHOICES; signal `mew-submit-config'."
  (or (car (memq (intern-soft text) choices))
      (mew-submit-error--throw 'config nil "%s is none of %s" text
                               (mapconcat #'symbol-name choices ", "))))

(defun mew-submit-probe--parse-port (text)
  "Return the specification in TEXT: PORT, PORT:MODE or PORT:MODE:SERVICE."
  (pcase-let ((`(,port ,mode ,service . ,rest) (split-string text ":")))
    (let ((number (if (string-match-p "\\`[0-9]\\{1,5\\}\\'" port)
                      (string-to-number port)
                    0)))
      (when (or rest (not (<= 1 number 65535)))
        (mew-submit-error--throw 'config nil "Not a port (PORT:MODE:SERVICE): %s"
                                 text))
      (mew-submit-probe--port
       number
       (and mode (mew-submit-probe--word mode '(starttls implicit none)))
       (and service
            (mew-submit-probe--word service '(submission transfer pop imap)))))))

(defun mew-submit-probe--parse-ports (text)
  "Return the specifications in TEXT, separated by commas.
Each is PORT, PORT:MODE or PORT:MODE:SERVICE.  Signal `mew-submit-config' for
anything else, and for more than eight, which is what the module takes."
  (let ((ports (seq-uniq (mapcar #'mew-submit-probe--parse-port
                                 (split-string text "," t "[ \t]+"))
                         (lambda (a b) (= (car a) (car b))))))
    (unless (<= 1 (length ports) 8)
      (mew-submit-error--throw 'config nil "Name one to eight ports, not %d"
                               (length ports)))
    ports))

(defun mew-submit-probe--default-ports (server)
  "Return the specifications of the ports for a diagnosis of SERVER.
A name that begins with \"smtps-\" promises port 26."
  (mapcar #'mew-submit-probe--port
          (if (string-prefix-p "smtps-" server t)
              (cons 26 mew-submit-probe--ports)
            mew-submit-probe--ports)))

(defun mew-submit-probe--account-ports (account)
  "Return the specifications of the ports for a diagnosis of ACCOUNT's server.
Those that its mail goes to by hand, `:routes', are among them."
  (let ((routes (plist-get account :routes)))
    (seq-take
     ;; Where both name a port, it is looked at as mail goes there.
     (seq-uniq (append (mapcar (lambda (route)
                                 (list (car route) (nth 2 route) 'submission))
                               (if (stringp routes)
                                   (mew-submit-way--parse-routes routes)
                                 routes))
                       (mew-submit-probe--default-ports (or (plist-get account :server) "")))
               (lambda (a b) (= (car a) (car b))))
     8)))

(defun mew-submit-probe--routes (ports family)
  "Return the routes to PORTS, in FAMILY or, where that is nil, in both."
  (mapcan (lambda (port)
            (mapcar (lambda (family)
                      (cons (car port) (cons family (cdr port))))
                    (if family (list family) '(ipv6 ipv4))))
          (copy-sequence ports)))

;;; The start

(cl-defun mew-submit-probe--start
    (account &key ports family relay-test on-event on-done)
  "Start to diagnose the :server of ACCOUNT, and return the diagnosis.
That is a plist (mew-submit-diagnosis.el), which is filled in the background;
its :session is for `mew-submit-job--cancel' and `mew-submit-job--wait'.
ACCOUNT is a plist as in `mew-submit-accounts'; :timeout and :step-timeout in it
are the seconds for a connection and for a step.  PORTS are specifications
\(`mew-submit-probe--port'), by default those of
`mew-submit-probe--account-ports'.  FAMILY is `ipv4', `ipv6' or nil for both.
RELAY-TEST non-nil means that the user agrees to try whether the server relays.
ON-EVENT is called with the diagnosis and each event, after it was noted, and
ON-DONE with the diagnosis at the end.  Signal a condition such as
`mew-submit-config' when there is nothing to begin with."
  (let* ((server (or (plist-get account :server) ""))
         (ports (or ports (mew-submit-probe--account-ports account)))
         (account (append account
                          (list :step-timeout mew-submit-probe--step-timeout)))
         (request (mew-submit-request--diagnosis
                   account (mew-submit-probe--routes ports family)))
         (diagnosis (mew-submit-diagnosis--make
                     server ports :name (plist-get request :name)
                     :remembered (plist-get request :starttls-remembered)
                     :relay-test (and relay-test t) :session nil)))
    (plist-put diagnosis :session
               (mew-submit-job--start
                (append (list :relay-test (and relay-test t)) request)
                :on-event (lambda (event)
                            (mew-submit-diagnosis--take
                             diagnosis (mew-submit-job-course
                                        (plist-get diagnosis :session)))
                            (when on-event
                              (funcall on-event diagnosis event)))
                :on-done (and on-done
                              (lambda (_event) (funcall on-done diagnosis)))))
    diagnosis))

(provide 'mew-submit-probe)
;;; mew-submit-probe.el ends here
