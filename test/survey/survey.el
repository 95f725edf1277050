;;; survey.el --- Field tests whose outcome is known -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Runs inside of the networks that test/survey/run has made.

;;; Code:

(require 'cl-lib)
(require 'mew-submit)
(require 'mew-submit-test-helpers)
(require 'race/free)
(require 'mew-submit-batch-survey)
(require 'seq)

(defvar mew-submit-survey-test--bad nil
  "Non-nil when a test has failed.")

(defvar mew-submit-survey-test--directory nil
  "Where files go.")

(defmacro mew-submit-survey-test--case (name &rest body)
  "Print a line for the test NAME, which passes when BODY signals nothing."
  (declare (indent 1) (debug (form body)))
  `(let ((problem (condition-case err
                      (progn ,@body nil)
                    (error (error-message-string err)))))
     (when problem
       (setq mew-submit-survey-test--bad t))
     (princ (if problem
                (format "not ok - %s: %s\n" ,name
                        (replace-regexp-in-string "[\n\r]+" " " (seq-take problem 400)))
              (format "ok - %s\n" ,name)))))

(defun mew-submit-survey-test--file (name &optional text)
  "Return the name of the file NAME; write TEXT, if there is one, to it."
  (let ((file (expand-file-name name mew-submit-survey-test--directory)))
    (if text (mew-submit-test-write file text) file)))

(defconst mew-submit-survey-test--timeout 5
  "Seconds for a connection.  What answers here does so at once, when it can.")

(defun mew-submit-survey-test--batch (arguments &rest keys)
  "Run `mew-submit-batch-survey' with ARGUMENTS; KEYS as `mew-submit-test-emacs'."
  (apply #'mew-submit-test-emacs
         (append (list "-l" (expand-file-name "mew-submit.el" mew-submit-test-root)
                       "-f" "mew-submit-batch-survey" "--"
                       "--timeout" (number-to-string mew-submit-survey-test--timeout)
                       "--ca-file" (expand-file-name "certs/ca.pem" (getenv "RACE_WORK")))
                 arguments)
         keys))

(defun mew-submit-survey-test--table (done port family)
  "Return ((CASE . COUNT)...) and n of PORT and FAMILY in DONE, the last object."
  (let ((table (seq-find (lambda (table)
                           (and (eql (plist-get table :port) port)
                                (equal (plist-get table :family) family)))
                         (plist-get done :tables))))
    (cons (plist-get table :n)
          (mapcar (lambda (case) (cons (plist-get case :case) (plist-get case :count)))
                  (seq-filter (lambda (case) (< 0 (plist-get case :count)))
                              (plist-get table :cases))))))

;;; The paper's servers

(defun mew-submit-survey-test--list ()
  "Return the list of the paper's servers, as an Org table with duplicates."
  (concat "| Server | User |\n|---+---|\n"
          (mapconcat (lambda (number)
                       (format "| s%d.example.org | user%d |\n" number number))
                     (append (number-sequence 1 26) '(3 13)) "")))

(defun mew-submit-survey-test--paper-table (done)
  "Check that DONE has the paper's table."
  (should (equal (mew-submit-survey-test--table done 587 nil)
                 '(26 (1 . 12) (2 . 7) (5 . 4) ("mixed" . 3))))
  (should (equal (mew-submit-survey-test--table done 587 "ipv4")
                 '(26 (1 . 13) (2 . 8) (5 . 5))))
  (should (equal (mew-submit-survey-test--table done 587 "ipv6")
                 '(26 (1 . 13) (2 . 8) (5 . 5))))
  (should (equal (mew-submit-survey-test--table done 25 nil) '(26 (1 . 26))))
  (should (equal (mew-submit-survey-test--table done 465 nil) '(26 (1 . 26))))
  (should (equal (plist-get done :lines) 28))
  (should (equal (plist-get done :outside) 28))
  (should (equal (plist-get done :servers) 26)))

(defun mew-submit-survey-test--paper-json (list)
  "Check the JSON of a survey of LIST."
  (mew-submit-survey-test--case "the paper's 26 servers give its table (JSON)"
    (let* ((result (mew-submit-survey-test--batch (list "--json" list)))
           (lines (mew-submit-test-events result))
           (s1 (seq-find (lambda (line) (equal (plist-get line :host) "s1.example.org")) lines))
           (attempt (seq-find (lambda (attempt) (eql (plist-get attempt :port) 587))
                              (plist-get s1 :attempts))))
      (should (equal (plist-get result :status) 0))
      (should (equal (length lines) 27))
      (should (equal (length (plist-get s1 :attempts)) 6))
      (should (equal (plist-get attempt :starttls) "offered"))
      (should (equal (plist-get attempt :verified) t))
      (should (equal (plist-get attempt :auth) t))
      (should (equal (plist-get attempt :demands) t))
      (should (member "PIPELINING" (plist-get attempt :extensions)))
      (should (equal (seq-take (plist-get (car (last lines)) :kinds) 1)
                     '((:group "all" :servers 26 :p587 14 :p465 26 :only25 0 :none 0
                               :starttls 14 :auth 26 :clear 0 :certificate 26
                               :submission 26))))
      (mew-submit-survey-test--paper-table (car (last lines))))))

(defun mew-submit-survey-test--paper-forms (list)
  "Check text, Org and CSV of a survey of LIST."
  (mew-submit-survey-test--case "text has a line for each server and both tables"
    (let* ((result (mew-submit-survey-test--batch (list "--ports" "587" list)))
           (text (plist-get result :stdout)))
      (should (equal (plist-get result :status) 0))
      (should (string-match-p "^s13\\.example\\.org: 587/v6 2  587/v4 2$" text))
      (should (string-match-p "^28 reports\n28 without this machine and private networks\n26 servers without duplicates$" text))
      (should (string-match-p "^1: answers +12, 46 % (29-65) +13, 50 % (32-68)" text))
      (should (string-match-p "^2: refused (RST) +7, 27 % (14-46)" text))
      (should (string-match-p "^3: ICMP hard error +0, 0 % (0-13)" text))
      (should (string-match-p "^4: ICMP soft error +0, 0 % (0-13)" text))
      (should (string-match-p "^5: silence +4, 15 % (6-34)" text))
      (should (string-match-p "^mixed +3, 12 % (4-29)" text))
      (should (string-match-p "^s24\\.example\\.org: 587/v6 5  587/v4 1$" text))
      (should (string-match-p "^all +26 +14 +0 +0 +12 " text))))
  (mew-submit-survey-test--case "Org has both tables"
    (let ((text (plist-get (mew-submit-survey-test--batch (list "--org" "--ports" "587" list))
                           :stdout)))
      (should (string-match-p "^| s26\\.example\\.org +| user26 | +2 | +5 |$" text))
      (should (string-match-p "^| mixed +| 3, 12 % (4-29)" text))))
  (mew-submit-survey-test--case "CSV has both tables"
    (let ((text (plist-get (mew-submit-survey-test--batch (list "--csv" "--ports" "587" list))
                           :stdout)))
      (should (string-match-p "^s26\\.example\\.org,user26,2,5$" text))
      (should (string-match-p "^587,both,1,12,26,0\\.4615,0\\.2876,0\\.6454$" text)))))

(defun mew-submit-survey-test--stop-once (state)
  "Return a function that stops a process when STATE has some records."
  (let (stopped)
    (lambda (process)
      (when (and (not stopped)
                 (file-exists-p state)
                 (<= 6 (length (split-string (mew-submit-test-octets state) "\n" t))))
        (setq stopped t)
        (signal-process process 'SIGKILL)))))

(defun mew-submit-survey-test--resume (list)
  "Check that a survey of LIST that was killed is resumed."
  (mew-submit-survey-test--case "a survey that was killed is resumed, and no server asked again"
    (let* ((state (mew-submit-survey-test--file "killed.eld"))
           (arguments (list "--json" "--jobs" "2" "--ports" "587" "--state" state list))
           (killed (mew-submit-survey-test--batch
                    arguments :signal (mew-submit-survey-test--stop-once state)))
           (found (1- (length (split-string (mew-submit-test-octets state) "\n" t)))))
      (should (equal (plist-get killed :status) -9))
      (should (< 4 found 26))
      ;; As if the last line had been cut off.
      (write-region "(:host \"s9" nil state t 'silent)
      (let* ((lines (mew-submit-test-events (mew-submit-survey-test--batch arguments)))
             (done (car (last lines)))
             (hosts (mapcar (lambda (line) (plist-get line :host)) (butlast lines))))
        (should (equal (length hosts) 26))
        (should (equal (length (delete-dups hosts)) 26))
        (should (equal (mew-submit-survey-test--table done 587 nil)
                       '(26 (1 . 12) (2 . 7) (5 . 4) ("mixed" . 3))))))))

(defun mew-submit-survey-test--nft (&rest words)
  "Have nft carry out WORDS."
  (should (zerop (apply #'call-process "nft" nil nil nil words))))

(defun mew-submit-survey-test--beside (list)
  "Check that surveys of LIST from two networks are laid side by side."
  (mew-submit-survey-test--case "two surveys side by side: who blocks here what works there"
    (let ((state (mew-submit-survey-test--file "there.eld")))
      (mew-submit-survey-test--batch (list "--ports" "587" "--state" state list))
      (mew-submit-survey-test--nft "add" "element" "inet" "filter" "filtered_ipv4" "{ 192.0.2.5 }")
      (let ((text (plist-get (mew-submit-survey-test--batch
                              (list "--ports" "587" "--beside" state list))
                             :stdout)))
        (mew-submit-survey-test--nft "delete" "element" "inet" "filter" "filtered_ipv4"
                                     "{ 192.0.2.5 }")
        (should (string-match-p "^Blocked here, working there: 1\\.  Working here, blocked there: 0\\."
                                text))
        (should (string-match-p "^s5\\.example\\.org +587 +IPv4 +3 +1 +blocked here, works there$"
                                text))))))

(defun mew-submit-survey-test--mails (list)
  "Check that what would be mailed of a survey of LIST tells no names, and adds up."
  (mew-submit-survey-test--case "the report has no name, user or address, and adds up"
    (let* ((result (mew-submit-survey-test--batch (list "--report" list)))
           (text (plist-get result :stdout))
           (mail (mew-submit-survey-test--file
                  "mail" (concat "From: a@example.net\nSubject: mew-submit survey\n\n" text)))
           (surveys (mew-submit-survey-mail--collect (list mail)))
           (sum (mew-submit-survey-mail--sum surveys)))
      (dolist (name '("example\\.org" "user[0-9]" "192\\.0\\." "2001:db8"))
        (should-not (string-match-p name text)))
      (should-not (string-match-p (regexp-quote (system-name)) text))
      (should (string-match-p "^26 servers without duplicates$" sum))
      (should (string-match-p "^1: answers +12, 46 % (29-65)" sum))
      (should (string-match-p "^mixed +3, 12 % (4-29)" sum)))))

(defun mew-submit-survey-test--interactive (list)
  "Check what a person sees of a survey of LIST, and that Emacs is free meanwhile."
  (mew-submit-survey-test--case "M-x mew-submit-survey fills its buffer while Emacs stays free"
    (let* ((mew-submit-survey-directory (mew-submit-survey-test--file "surveys/"))
           (mew-submit-connect-timeout mew-submit-survey-test--timeout)
           (try 0))
      (should-not (mew-submit-free-wrong
                   (lambda ()
                     ;; A survey that has a file is gone on with.
                     (setq mew-submit-survey-directory
                           (mew-submit-survey-test--file (format "surveys-%d/" (cl-incf try))))
                     (mew-submit-survey list)
                     (mew-submit-test-until ("the survey" 120)
                       (mew-submit-survey-fieldtest--ended-p mew-submit-survey--test))
                     (mew-submit-test-until ("the last drawing" 120)
                       (not mew-submit-view--timer)))))
      (should (string-prefix-p "[##############################] 26 of 26 servers" (buffer-string)))
      (should (string-match-p "^1: answers +12, 46 %" (buffer-string)))
      (should (string-match-p "^2: refused (RST) +######## +7, 27 % " (buffer-string)))
      (mew-submit-survey-copy-csv)
      (should (string-prefix-p "server,user,587/v6" (current-kill 0)))
      (kill-buffer)))
  (mew-submit-survey-test--case "k stops a survey, and g has it go on"
    (let ((mew-submit-survey-directory (mew-submit-survey-test--file "surveys2/"))
          (mew-submit-connect-timeout mew-submit-survey-test--timeout)
          (mew-submit-survey-limit 3))
      (mew-submit-survey list)
      (mew-submit-test-until ("some servers" 120)
        (<= 3 (car (mew-submit-survey-fieldtest--count mew-submit-survey--test))))
      (mew-submit-survey-stop)
      (let ((found (car (mew-submit-survey-fieldtest--count mew-submit-survey--test))))
        (should (< found 26))
        (accept-process-output nil 0.5)
        (should (= found (car (mew-submit-survey-fieldtest--count mew-submit-survey--test))))
        (should (string-match-p ", stopped" (buffer-string)))
        (mew-submit-survey-go-on)
        (mew-submit-test-until ("the rest" 120)
          (mew-submit-survey-fieldtest--ended-p mew-submit-survey--test))
        (should (= 26 (length (mew-submit-survey-fieldtest--results mew-submit-survey--test)))))
      (kill-buffer))))

(defun mew-submit-survey-test--run (count &rest functions)
  "Call FUNCTIONS, which have COUNT tests, with the list of the paper's servers.
Leave Emacs."
  (princ (format "1..%d\n" count))
  (setq mew-submit-survey-test--directory (make-temp-file "survey" t))
  (let ((list (mew-submit-survey-test--file "list.org" (mew-submit-survey-test--list))))
    (dolist (function functions)
      (funcall function list)))
  (kill-emacs (if mew-submit-survey-test--bad 1 0)))

(defun mew-submit-survey-test-paper ()
  "Run the tests of what a survey of the paper's servers says."
  (mew-submit-survey-test--run 4 #'mew-submit-survey-test--paper-json
                               #'mew-submit-survey-test--paper-forms))

(defun mew-submit-survey-test-twice ()
  "Run the tests of surveys that have to do with another one."
  (mew-submit-survey-test--run 3 #'mew-submit-survey-test--resume
                               #'mew-submit-survey-test--beside
                               #'mew-submit-survey-test--mails))

(defun mew-submit-survey-test-interactive ()
  "Run the tests of what a person sees."
  (mew-submit-survey-test--run 2 #'mew-submit-survey-test--interactive))

;;; Many servers

(defun mew-submit-survey-test--memory ()
  "Return how many MiB this Emacs has held at most, or nil."
  (with-temp-buffer
    (ignore-errors (insert-file-contents "/proc/self/status"))
    (goto-char (point-min))
    (and (re-search-forward "^VmHWM:[ \t]+\\([0-9]+\\) kB" nil t)
         (/ (string-to-number (match-string 1)) 1024))))

(defun mew-submit-survey-test--many-rows ()
  "Return 500 rows."
  (mew-submit-survey-fieldtest--parse
   (mapconcat (lambda (number) (format "a%d.example.org\nb%d.example.org\n" number number))
              (number-sequence 1 250) "")))

(defun mew-submit-survey-test-many ()
  "Run the tests on 500 servers, and leave Emacs."
  (princ "1..2\n")
  (let* ((began (float-time))
         (memory (or (mew-submit-survey-test--memory) 0))
         (test (mew-submit-survey-fieldtest--new
                (mew-submit-survey-test--many-rows)
                :timeout mew-submit-survey-test--timeout
                :account (list :ca-file (expand-file-name "certs/ca.pem" (getenv "RACE_WORK")))))
         (most 0)
         (mew-submit-survey-everywhere t)
         (mew-submit-survey-limit 32))
    (setf (mew-submit-survey-fieldtest-on-found test)
          (lambda (test _record)
            (setq most (max most (length (mew-submit-survey-fieldtest-running test))))))
    (mew-submit-survey-fieldtest--run test)
    (mew-submit-survey-fieldtest--wait test)
    (let ((seconds (- (float-time) began))
          (grown (- (or (mew-submit-survey-test--memory) 0) memory))
          (cell (mew-submit-survey-statistics--cell (mew-submit-survey-fieldtest--results test) 587 "ipv4")))
      (mew-submit-survey-test--case
          (format "500 servers in one run: %.1f s, %d MiB more than before" seconds grown)
        (should (equal (seq-filter (lambda (entry) (< 0 (cdr entry))) (plist-get cell :counts))
                       '((1 . 300) (2 . 100) (3 . 50) (5 . 50))))
        (should (< grown 150)))
      (mew-submit-survey-test--case
          (format "not more than 32 at once (there were %d)" most)
        (should (<= 16 most 32)))))
  (kill-emacs (if mew-submit-survey-test--bad 1 0)))


;;; Shards

(defun mew-submit-survey-test--sum (text)
  "Return TEXT, what a survey has printed, without the lines of servers."
  (replace-regexp-in-string "^[^ \n]+\\.example\\.org: .*\n" "" text))

(defun mew-submit-survey-test--shards (list directory)
  "Survey LIST in eight shards, with states in DIRECTORY; return what merging prints."
  (let ((states (mapcar (lambda (number) (expand-file-name (format "state.%d" number) directory))
                        (number-sequence 1 8))))
    (cl-loop for state in states
             for number from 1
             do (should (equal 0 (plist-get
                                  (mew-submit-survey-test--batch
                                   (list "--ports" "587" "--everywhere"
                                         "--shard" (format "%d/8" number) "--state" state list))
                                  :status))))
    (lambda (&rest options)
      (plist-get (mew-submit-survey-test--batch
                  (append '("--everywhere" "--merge") options states))
                 :stdout))))

(defun mew-submit-survey-test-shards ()
  "Run the tests of shards and long lists, and leave Emacs."
  (princ "1..4\n")
  (setq mew-submit-survey-test--directory (make-temp-file "survey" t))
  (let* ((list (mew-submit-survey-test--file
                "list" (concat "host,kind\n"
                               (mapconcat (lambda (number)
                                            (format "a%d.example.org,%s\nb%d.example.org,isp\n"
                                                    number (if (zerop (mod number 3)) "isp" "firm")
                                                    (+ number 40)))
                                          (append (number-sequence 1 20) '(5 6)) ""))))
         (state (mew-submit-survey-test--file "state"))
         (whole (lambda (&rest options)
                  (plist-get (mew-submit-survey-test--batch
                              (append (list "--ports" "587" "--everywhere" "--state" state)
                                      options (list list)))
                             :stdout)))
         (text (funcall whole))
         (merge (mew-submit-survey-test--shards list mew-submit-survey-test--directory)))
    (mew-submit-survey-test--case "eight shards give the tables of one run"
      (should (string-match-p "^44 reports\n44 with .*\n40 servers without duplicates$" text))
      (should (string-match-p "^firm +14 " text))
      (should (equal (mew-submit-survey-test--sum text)
                     (mew-submit-survey-test--sum (funcall merge)))))
    (mew-submit-survey-test--case "as Org, CSV and JSON, too, in whatever order"
      (dolist (option '("--org" "--csv"))
        (should (equal (sort (split-string (funcall whole option) "\n") #'string<)
                       (sort (split-string (funcall merge option) "\n") #'string<))))
      (should (equal (last (split-string (funcall whole "--json") "\n") 2)
                     (last (split-string (funcall merge "--json") "\n") 2))))
    (mew-submit-survey-test--case "each server is in one shard, and looked at once"
      (let ((hosts (cl-loop for number from 1 to 8
                            append (let (hosts)
                                     (mew-submit-survey-fieldtest--each-report
                                      (mew-submit-survey-test--file (format "state.%d" number))
                                      (lambda (report)
                                        (unless (plist-get report :again)
                                          (cl-pushnew (plist-get report :host) hosts
                                                      :test #'equal))))
                                     hosts))))
        (should (= 40 (length hosts)))
        (should (= 40 (length (delete-dups hosts))))))
    (mew-submit-survey-test--case "loopback is not counted unless that is wished"
      (should (string-match-p "^44 reports\n0 without .*\n0 servers"
                              (plist-get (mew-submit-survey-test--batch (list "--merge" state))
                                         :stdout)))))
  (kill-emacs (if mew-submit-survey-test--bad 1 0)))

(provide 'survey/survey)
;;; survey.el ends here
