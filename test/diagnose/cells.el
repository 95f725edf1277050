;;; cells.el --- The batch diagnosis against the truth table -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Run by test/diagnose/run inside the client's namespace.  Each group of hosts is diagnosed by one
;; batch command; each attempt is a cell and is compared with table.el, each host's findings too.
;; The environment has MEW_SUBMIT_ROOT, RACE_WORK (a directory with certs/, memory.eld and peer.log)
;; and perhaps DIAGNOSE_HOSTS, a regexp, and DIAGNOSE_GROUPS, a group or `rest', which is all but plain and errors.

;;; Code:

(require 'cl-lib)
(require 'json)
(require 'seq)
(require 'mew-submit-diagnose-table "diagnose/table")

(defvar mew-submit-diagnose-cells--failed 0
  "How many tests were not as expected.")

(defun mew-submit-diagnose-cells--report (name wrong)
  "Print a line for the test NAME, which is fine when WRONG is nil."
  (when wrong
    (cl-incf mew-submit-diagnose-cells--failed))
  (princ (if wrong
             (format "not ok - diagnose: %s: %s\n" name (replace-regexp-in-string "\n" " " wrong))
           (format "ok - diagnose: %s\n" name))))

(defun mew-submit-diagnose-cells--work (file)
  "Return the name of FILE in the directory for all that is written."
  (expand-file-name file (getenv "RACE_WORK")))

;;; Running

(defconst mew-submit-diagnose-cells--options
  '((plain)
    (errors "--timeout" "12")
    (relay "--relay-test")
    (memory "--memory" "memory.eld")
    (crl "--crl-file" "certs/crl.pem"))
  "What the batch command of each group is told besides.  Files are in the work directory.")

(defun mew-submit-diagnose-cells--words (group)
  "Return the options of GROUP."
  (mapcar (lambda (word)
            (if (string-match-p "\\`\\(--\\|[0-9]\\)" word) word (mew-submit-diagnose-cells--work word)))
          (cdr (assq group mew-submit-diagnose-cells--options))))

(defun mew-submit-diagnose-cells--diagnose (group hosts)
  "Return a list of (STATUS . OBJECTS) of diagnosing HOSTS with the options of GROUP."
  (with-temp-buffer
    (let* ((default-directory (file-name-as-directory (getenv "MEW_SUBMIT_ROOT")))
           (coding-system-for-read 'utf-8)
           (status (apply #'call-process (or (getenv "EMACS") "emacs") nil
                          (list t (mew-submit-diagnose-cells--work "stderr")) nil
                          (append
                           '("-Q" "--batch" "-module-assertions" "-l" "mew-submit.el"
                             "-f" "mew-submit-batch-diagnose" "--" "--json"
                             "--timeout" "4.5" "--step-timeout" "20")
                           (list "--ca-file" (mew-submit-diagnose-cells--work "certs/ca.pem"))
                           (mew-submit-diagnose-cells--words group)
                           (mapcar #'mew-submit-diagnose-host-name hosts)))))
      (cons status
            (mapcar (lambda (line)
                      (json-parse-string line :object-type 'plist :array-type 'list
                                         :null-object nil :false-object nil))
                    (split-string (buffer-string) "\n" t))))))

;;; Comparing

(defun mew-submit-diagnose-cells--attempt (attempt)
  "Return what is compared of ATTEMPT: (CASE ERRNO TYPE CODE WHO OFFENDER)."
  (let ((icmp (plist-get attempt :icmp))
        (offender (plist-get attempt :offender)))
    (list (plist-get attempt :case) (plist-get attempt :errno)
          (plist-get icmp :type) (plist-get icmp :code)
          (plist-get offender :who) (plist-get offender :address))))

(defun mew-submit-diagnose-cells--find (object port address)
  "Return the attempts in OBJECT at PORT of ADDRESS."
  (seq-filter (lambda (attempt)
                (and (eql (plist-get attempt :port) port)
                     (equal (plist-get attempt :address) address)))
              (plist-get object :attempts)))

(defun mew-submit-diagnose-cells--compare-cell (object address port family state)
  "Return what OBJECT has wrong about PORT of ADDRESS in FAMILY and STATE, or nil."
  (let ((found (mew-submit-diagnose-cells--find object port address))
        (wanted (mew-submit-diagnose-table-verdict state family address)))
    (cond ((/= (length found) 1) (format "%d attempts" (length found)))
          (wanted
           (let ((is (mew-submit-diagnose-cells--attempt (car found)))
                 (should (append wanted (make-list (- 6 (length wanted)) nil))))
             (unless (equal is should)
               (format "%S, not %S" is should)))))))

(defun mew-submit-diagnose-cells--compare-cells (host object)
  "Compare each attempt in OBJECT, the diagnosis of HOST."
  (dolist (family '(ipv6 ipv4))
    (let ((address (mew-submit-diagnose-table-address host family)))
      (pcase-dolist (`(,port . ,state) (mew-submit-diagnose-table-states host family))
        (when (or (memq state '(open)) (mew-submit-diagnose-table-verdict state family address))
          (mew-submit-diagnose-cells--report
           (format "%s port %d %s" (mew-submit-diagnose-host-name host) port family)
           (mew-submit-diagnose-cells--compare-cell object address port family state)))))))

(defun mew-submit-diagnose-cells--ids (object)
  "Return the ids of the findings in OBJECT, sorted."
  (sort (mapcar (lambda (finding) (plist-get finding :id)) (plist-get object :findings))
        #'string<))

(defun mew-submit-diagnose-cells--findings-wrong (host object)
  "Return what is wrong with the findings in OBJECT, the diagnosis of HOST."
  (let ((is (mew-submit-diagnose-cells--ids object))
        (should (mew-submit-diagnose-table-findings host)))
    (cond ((not (equal is should))
           (format "findings %S, not %S" is should))
          ((seq-some (lambda (finding)
                       (seq-some (lambda (key)
                                   (unless (and (stringp (plist-get finding key))
                                                (not (equal (plist-get finding key) "")))
                                     (format "%s without %s" (plist-get finding :id) key)))
                                 '(:severity :text :advice)))
                     (plist-get object :findings))))))

(defun mew-submit-diagnose-cells--candid-wrong (object)
  "Return where OBJECT says more than can be known, or nil.
Who is behind silence or a reset nobody can tell."
  (seq-some (lambda (finding)
              (and (member (plist-get finding :id)
                           '("silent-host" "refused" "silent-587-465-open" "silent-465" "silent-587"))
                   (not (string-search "nobody can tell" (plist-get finding :advice)))
                   (format "%s does not say that nobody can tell" (plist-get finding :id))))
            (plist-get object :findings)))

(defun mew-submit-diagnose-cells--usable-p (host)
  "Should mail be submittable to HOST?  It has a port in state `open', other than 25."
  (seq-some (lambda (family)
              (seq-some (pcase-lambda (`(,port . ,state)) (and (/= port 25) (eq state 'open)))
                        (mew-submit-diagnose-table-states host family)))
            '(ipv4 ipv6)))

(defun mew-submit-diagnose-cells--verdict-wrong (host object)
  "Return what is wrong with the verdict in OBJECT, the diagnosis of HOST."
  (let ((submit (plist-get (plist-get object :verdict) :submit)))
    (and (mew-submit-diagnose-cells--usable-p host)
         (not submit)
         "the verdict says that mail cannot be submitted")))

(defun mew-submit-diagnose-cells--compare-twin (host object)
  "Compare the attempts in OBJECT at the second address of HOST, if it has one."
  (when-let* ((address (mew-submit-diagnose-table-twin host)))
    (dolist (port mew-submit-diagnose-table-ports)
      (mew-submit-diagnose-cells--report
       (format "%s port %d at its second address" (mew-submit-diagnose-host-name host) port)
       (mew-submit-diagnose-cells--compare-cell object address port 'ipv4 'closed)))))

(defun mew-submit-diagnose-cells--compare (host object)
  "Compare OBJECT, the diagnosis of HOST, with the table."
  (mew-submit-diagnose-cells--compare-cells host object)
  (mew-submit-diagnose-cells--compare-twin host object)
  (mew-submit-diagnose-cells--report
   (format "findings at %s" (mew-submit-diagnose-host-name host))
   (or (mew-submit-diagnose-cells--findings-wrong host object)
       (mew-submit-diagnose-cells--candid-wrong object)
       (mew-submit-diagnose-cells--verdict-wrong host object))))

(defun mew-submit-diagnose-cells--run-group (group hosts)
  "Diagnose HOSTS, which are in GROUP, and compare what comes."
  (pcase-let ((`(,status . ,objects) (mew-submit-diagnose-cells--diagnose group hosts)))
    (mew-submit-diagnose-cells--report
     (format "%d hosts, %s, in the order in which they were named" (length hosts) group)
     (unless (and (memql status '(0 69))
                  (equal (mapcar (lambda (object) (plist-get object :host)) objects)
                         (mapcar #'mew-submit-diagnose-host-name hosts)))
       (format "status %s, %d objects: %s" status (length objects)
               (with-temp-buffer
                 (insert-file-contents (mew-submit-diagnose-cells--work "stderr"))
                 (buffer-string)))))
    (cl-mapc #'mew-submit-diagnose-cells--compare hosts objects)))

;;; What the servers saw

(defun mew-submit-diagnose-cells--log ()
  "Return the events of the test server's log, a list of plists."
  (with-temp-buffer
    (insert-file-contents (mew-submit-diagnose-cells--work "peer.log"))
    ;; Not every Emacs takes a NUL in JSON; a ClientHello has some.
    (while (search-forward "\\u0000" nil t)
      (replace-match "\\u0001" t t))
    (mapcar (lambda (line)
              (json-parse-string line :object-type 'plist :array-type 'list :null-object nil))
            ;; What follows the last line end is half a line.
            (butlast (split-string (buffer-string) "\n")))))

(defun mew-submit-diagnose-cells--lines-wrong (log)
  "Return the first line in LOG that a diagnosis must not say, or nil."
  (seq-some (lambda (event)
              (let ((line (plist-get event :text)))
                (and (equal (plist-get event :event) "line")
                     (or (string-match-p "\\`\\(DATA\\|BDAT\\|AUTH\\|VRFY\\|EXPN\\)" line)
                         (and (string-prefix-p "MAIL" line) (not (equal line "MAIL FROM:<>")))
                         (and (string-prefix-p "RCPT" line)
                              (not (equal line "RCPT TO:<relay-test@example.net>"))))
                     (format "%s: %s" (plist-get event :listener) line))))
            log))

(defun mew-submit-diagnose-cells--relays-wrong (log)
  "Return a port 25 in LOG that was asked to relay without consent, or nil."
  (let ((agreed (seq-filter (lambda (host)
                              (eq (mew-submit-diagnose-host-group host) 'relay))
                            (mew-submit-diagnose-table-hosts))))
    (seq-some (lambda (event)
                (let ((listener (or (plist-get event :listener) "")))
                  (and (equal (plist-get event :event) "line")
                       (string-prefix-p "RCPT" (plist-get event :text))
                       (string-search "/25/" listener)
                       (not (seq-some (lambda (host)
                                        (string-prefix-p
                                         (concat (mew-submit-diagnose-host-name host) "/")
                                         listener))
                                      agreed))
                       listener)))
              log)))

(defun mew-submit-diagnose-cells--often-wrong (log)
  "Return a submission port in LOG that was named a recipient more than once, or nil."
  (let (ports)
    (dolist (event log)
      (when (and (equal (plist-get event :event) "line")
                 (string-prefix-p "RCPT" (plist-get event :text))
                 (not (string-search "/25/" (plist-get event :listener))))
        (push (string-remove-suffix
               "/ipv4" (string-remove-suffix "/ipv6" (plist-get event :listener)))
              ports)))
    (seq-find (lambda (port) (> (seq-count (lambda (other) (equal port other)) ports) 1))
              ports)))

(defun mew-submit-diagnose-cells--farewells-wrong (log)
  "Return where in LOG a mail was begun and not undone before QUIT, or nil."
  (let ((begun (make-hash-table :test #'equal)))
    (seq-some
     (lambda (event)
       (let ((conn (plist-get event :conn))
             (line (plist-get event :text)))
         (pcase (plist-get event :event)
           ("reply" (when (equal (plist-get event :step) "mail")
                      (puthash conn (string-prefix-p "250" line) begun)
                      nil))
           ("line" (cond ((equal line "RSET") (remhash conn begun))
                         ((and (equal line "QUIT") (gethash conn begun))
                          (format "%s: QUIT in the middle of a mail"
                                  (plist-get event :listener))))))))
     log)))

(defun mew-submit-diagnose-cells--wanted-p (host)
  "Is HOST one of those that the environment asks for?"
  (let ((group (symbol-name (mew-submit-diagnose-host-group host)))
        (groups (or (getenv "DIAGNOSE_GROUPS") "")))
    (and (string-match-p (or (getenv "DIAGNOSE_HOSTS") "") (mew-submit-diagnose-host-name host))
         (pcase groups
           ("" t)
           ("rest" (not (member group '("plain" "errors"))))
           (_ (equal group groups))))))

(defun mew-submit-diagnose-cells-run ()
  "Diagnose all hosts, print a line for each cell, and leave Emacs."
  (let ((hosts (seq-filter #'mew-submit-diagnose-cells--wanted-p
                           (mew-submit-diagnose-table-hosts))))
    (unless hosts
      (mew-submit-diagnose-cells--report "some hosts" "no host of that name"))
    (dolist (group (seq-uniq (mapcar #'mew-submit-diagnose-host-group hosts)))
      (mew-submit-diagnose-cells--run-group
       group (seq-filter (lambda (host) (eq (mew-submit-diagnose-host-group host) group)) hosts)))
    (let ((log (mew-submit-diagnose-cells--log)))
      (mew-submit-diagnose-cells--report "no DATA, no log-in, no address of anybody's"
                                         (mew-submit-diagnose-cells--lines-wrong log))
      (mew-submit-diagnose-cells--report "nobody was asked to relay without consent"
                                         (mew-submit-diagnose-cells--relays-wrong log))
      (mew-submit-diagnose-cells--report "a submission port was named a recipient once at most"
                                         (mew-submit-diagnose-cells--often-wrong log))
      (mew-submit-diagnose-cells--report "what was begun was undone by RSET"
                                         (mew-submit-diagnose-cells--farewells-wrong log)))
    (kill-emacs (if (zerop mew-submit-diagnose-cells--failed) 0 1))))

(provide 'mew-submit-diagnose-cells)
;;; cells.el ends here
