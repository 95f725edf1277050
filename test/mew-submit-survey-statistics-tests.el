;;; mew-submit-survey-statistics-tests.el --- Tests for mew-submit-survey-statistics.el and -table.el -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'mew-submit-survey-fieldtest)
(require 'mew-submit-survey-provider)
(require 'mew-submit-survey-statistics)
(require 'mew-submit-table)
(require 'mew-submit-test-helpers)

(defun mew-submit-survey-statistics-tests--attempt (port family case &rest more)
  "Return an attempt at PORT by FAMILY that is CASE, with MORE keys."
  (append (list :port port :family family :case case) more))

(defun mew-submit-survey-statistics-tests--result (host ipv6 ipv4 &optional user)
  "Return a result for HOST and USER whose port 587 is IPV6 and IPV4."
  (list :host host :user user
        :attempts (list (mew-submit-survey-statistics-tests--attempt 587 "ipv6" ipv6)
                        (mew-submit-survey-statistics-tests--attempt 587 "ipv4" ipv4))))

(ert-deftest mew-submit-survey-statistics-tests-one-case-for-a-server ()
  "Addresses that agree are one case, those that do not are mixed; no way out says nothing."
  (dolist (row '(((1 1) 1) ((2 2 2) 2) ((1 5) "mixed") ((2 5) "mixed") (("local" 5) 5)
                 (("local" "local") "local") (("tls" 1) 1) (("tls") 1) (("greeting" 1) "mixed")
                 (("greeting") "greeting") (("2 or 3") "2 or 3") ((nil nil) nil) (nil nil)
                 ((nil 3) 3)))
    (should (equal (cadr row)
                   (mew-submit-survey-statistics--case
                    (mapcar (lambda (case)
                              (mew-submit-survey-statistics-tests--attempt 587 "ipv4" case))
                            (car row)))))))

(ert-deftest mew-submit-survey-statistics-tests-wilson ()
  "The interval is Wilson's: known values, and sound at the ends."
  (dolist (row '((12 26 0.2876 0.6454) (0 10 0.0 0.2775) (10 10 0.7225 1.0) (1 2 0.0945 0.9055)
                 (0 0 0.0 1.0) (500 1000 0.4691 0.5309)))
    (pcase-let ((`(,count ,n ,low ,high) row))
      (let ((interval (mew-submit-survey-statistics--wilson count n)))
        (should (< (abs (- low (car interval))) 0.0001))
        (should (< (abs (- high (cdr interval))) 0.0001))))))

(ert-deftest mew-submit-survey-statistics-tests-same-server-and-user-count-once ()
  "A server counts once for each user, as in the paper."
  (let ((results (list (mew-submit-survey-statistics-tests--result "a" 1 1 "u")
                       (mew-submit-survey-statistics-tests--result "a" 1 1 "u")
                       (mew-submit-survey-statistics-tests--result "a" 1 1 "v")
                       (mew-submit-survey-statistics-tests--result "b" 5 5 "u"))))
    (should (string-match-p "\\`4 reports\n4 without .*\n3 servers "
                            (mew-submit-survey-statistics--funnel
                             (mew-submit-survey-statistics--sum results))))))

(ert-deftest mew-submit-survey-statistics-tests-the-papers-funnel ()
  "39 reports, of which 7 are of this machine and private networks, are 26 servers."
  (let* ((at (lambda (host address)
               (list :host host
                     :attempts (list (mew-submit-survey-statistics-tests--attempt
                                      587 "ipv4" 1 :address address)))))
         (results (append
                   (cl-loop for address in '("127.0.0.1" "::1" "10.1.2.3" "192.168.0.9"
                                             "172.20.0.1" "fd00::5" "100.64.0.1")
                            collect (funcall at "mail.example.org" address))
                   (cl-loop for number from 0 below 32
                            collect (funcall at (format "s%d.example.org" (mod number 26))
                                             (format "192.0.2.%d" (mod number 26)))))))
    (should (equal (mew-submit-survey-statistics--funnel
                    (mew-submit-survey-statistics--sum results))
                   "39 reports\n32 without this machine and private networks\n\
26 servers without duplicates\n"))
    (should (string-match-p "^39 with this machine .*\n27 servers"
                            (mew-submit-survey-statistics--funnel
                             (mew-submit-survey-statistics--sum results t))))))

(ert-deftest mew-submit-survey-statistics-tests-what-is-inside ()
  "One address outside is enough; without any the name says it."
  (dolist (row '((t "127.9.9.9") (t "fe80::1%lo") (t "::ffff:10.0.0.1") (t "169.254.1.1")
                 (nil "172.32.0.1") (nil "100.128.0.1") (nil "11.0.0.1") (nil "2001:db8::1")
                 (nil "10.0.0.1" "192.0.2.1") (nil "fec0::1") (nil "::10.0.0.1") (nil "1::")))
    (should (eq (and (mew-submit-survey-statistics--inside-p
                      (list :host "localhost"
                            :attempts (mapcar (lambda (address) (list :port 587 :address address))
                                              (cdr row))))
                     t)
                (car row))))
  (should (mew-submit-survey-statistics--inside-p '(:host "localhost")))
  (should (mew-submit-survey-statistics--inside-p '(:host "192.168.1.1")))
  (should-not (mew-submit-survey-statistics--inside-p '(:host "mail.example.org"))))

(ert-deftest mew-submit-survey-statistics-tests-breakdown-of-servers ()
  "There is a row for each group that the list names, and one for all."
  (let ((make (lambda (host group &rest attempts)
                (list :host host :group group :attempts attempts))))
    (should (equal (mew-submit-survey-statistics--breakdown
                    (mew-submit-survey-statistics--sum
                     (list (funcall make "a" "isp"
                                    '(:port 587 :case 1 :starttls "offered" :tls t :auth t
                                            :verified t :demands t))
                           (funcall make "b" "isp" '(:port 25 :case 1) '(:port 587 :case 2))
                           (funcall make "c" nil '(:port 587 :case 5)))))
                   '(("" "servers" "587" "465" "25 only" "none" "STARTTLS" "log-in"
                      "in clear" "valid" "good")
                     ("isp" 2 1 0 1 0 1 1 0 1 1)
                     ("all" 3 1 0 1 1 1 1 0 1 1))))))

(ert-deftest mew-submit-survey-statistics-tests-cells-split-by-port-and-family ()
  "Both families, IPv6 and IPv4 have their numbers; a family without a way is not counted."
  (let* ((results (list (mew-submit-survey-statistics-tests--result "a" 1 1)
                        (mew-submit-survey-statistics-tests--result "b" "local" 2)
                        (mew-submit-survey-statistics-tests--result "c" 5 1)))
         (cell (lambda (family)
                 (let ((cell (mew-submit-survey-statistics--cell results 587 family)))
                   (cons (plist-get cell :n)
                         (seq-filter (lambda (entry) (< 0 (cdr entry)))
                                     (plist-get cell :counts)))))))
    (should (equal (funcall cell nil) '(3 (1 . 1) (2 . 1) ("mixed" . 1))))
    (should (equal (funcall cell "ipv6") '(2 (1 . 1) (5 . 1))))
    (should (equal (funcall cell "ipv4") '(3 (1 . 2) (2 . 1))))
    (should (equal (mapcar #'car (mew-submit-survey-statistics--shares
                                  (mew-submit-survey-statistics--cells
                                   (mew-submit-survey-statistics--sum results))
                                  587))
                   '("port 587" "1: answers" "2: refused (RST)" "3: ICMP hard error"
                     "4: ICMP soft error" "5: silence" "mixed" "n")))))

(ert-deftest mew-submit-survey-statistics-tests-side-by-side ()
  "What works on one side only is blocked on the other."
  (let ((here (list (mew-submit-survey-statistics-tests--result "a" 1 5)
                    (mew-submit-survey-statistics-tests--result "b" 2 1)
                    (mew-submit-survey-statistics-tests--result "c" 2 3)))
        (there (list (mew-submit-survey-statistics-tests--result "a" 1 1)
                     (mew-submit-survey-statistics-tests--result "b" 2 5)
                     (mew-submit-survey-statistics-tests--result "c" 2 2)
                     (mew-submit-survey-statistics-tests--result "d" 1 1))))
    (should (equal (mapcar (lambda (difference)
                             (list (plist-get difference :host) (plist-get difference :family)
                                   (plist-get difference :blocked)))
                           (mew-submit-survey-statistics--differences here there))
                   '(("a" "ipv4" here) ("b" "ipv4" there) ("c" "ipv4" nil))))))

(ert-deftest mew-submit-survey-statistics-tests-who-offers-submission ()
  "587 with STARTTLS and a log-in after it, or 465; a certificate that verifies."
  (let* ((good '(:starttls "offered" :tls t :auth t :verified t :demands t))
         (make (lambda (sub subs)
                 (list :host "a"
                       :attempts
                       (list (apply #'mew-submit-survey-statistics-tests--attempt 587 "ipv4" sub)
                             (apply #'mew-submit-survey-statistics-tests--attempt 465 "ipv4"
                                    subs)))))
         (ask (lambda (key sub subs)
                (plist-get (mew-submit-survey-statistics--provider (funcall make sub subs))
                           key))))
    (dolist (row `((t (1 ,@good) (1 ,@good)) (t (1 ,@good) (2)) (t (5) (1 ,@good))
                   (nil (1 :starttls "missing") (2))
                   (nil (1 :starttls "offered" :tls t :verified t) (5))
                   (nil (1 :auth-clear t ,@good) (1 ,@good))
                   (nil (1 :starttls "offered" :tls t :auth t) (5))
                   (nil (1 :lax t ,@good) (2))))
      (should (eq (car row) (apply ask :submission (cdr row)))))
    (dolist (row `(("no STARTTLS on 587, 465 does not answer" (1 :starttls "missing") (2))
                   ("takes a password before TLS" (1 :auth-clear t ,@good) (1 ,@good))
                   ("certificate of 587 does not verify, 465 does not answer"
                    (1 :starttls "offered" :tls t :auth t) (2))
                   ("587 takes mail without a log-in, 465 does not answer"
                    (1 :lax t ,@good) (2))
                   ("465 does not answer, offers ETRN, no SIZE DSN"
                    (1 :extensions ("PIPELINING" "ENHANCEDSTATUSCODES" "8BITMIME" "ETRN")
                       ,@good)
                    (2))))
      (should (equal (car row) (apply ask :why (cdr row)))))
    (should (eq 'yes (funcall ask :demands `(1 ,@good) '(2))))
    (should (eq 'no (funcall ask :demands '(1 :lax t) '(2))))
    (should-not (funcall ask :demands '(1) '(2)))))

(ert-deftest mew-submit-survey-statistics-tests-what-has-changed ()
  "Of two surveys there is a line for each server that is another now, new or gone."
  (let ((good '(:port 587 :case 1 :starttls "offered" :tls t :auth t :verified t)))
    (should (equal (mew-submit-survey-statistics--changes
                    `((:host "a" :attempts (,good)) (:host "b" :attempts (,good))
                      (:host "c" :attempts (,good)))
                    `((:host "a" :attempts (,good)) (:host "b" :attempts ((:port 587 :case 5)))
                      (:host "d" :attempts (,good))))
                   '(("server" "before" "now" "missing before" "missing now")
                     ("b" "good" "not good" "465 does not answer"
                      "587 does not answer, 465 does not answer")
                     ("d" "not asked" "good" "" "465 does not answer")
                     ("c" "good" "not asked" "465 does not answer" ""))))
    (should (equal (mew-submit-survey-provider--changes-text nil nil)
                   "Nothing has changed.\n"))))

(ert-deftest mew-submit-survey-statistics-tests-the-list-of-providers ()
  "The list of providers shows each server once, with its group, and can be copied."
  (save-window-excursion
    (mew-submit-survey-provider--list
     (list (list :host "a.example.org" :user "x" :group "fi"
                 :attempts '((:port 587 :case 1 :starttls "offered" :tls t :auth t :verified t
                                    :demands t)))
           (list :host "a.example.org" :user "y"
                 :attempts '((:port 587 :case 1 :starttls "offered" :tls t :auth t)))
           (list :host "b.example.org" :attempts '((:port 587 :case 5)))))
    (with-current-buffer "*mew-submit providers*"
      (goto-char (point-min))
      (should (looking-at-p
               "a\\.example\\.org +fi +yes +1 +yes +yes +- +no +yes +yes +465 does not answer"))
      (forward-line)
      (should (looking-at-p
               "b\\.example\\.org +no +5 +no +no +- +no +no +- +587 does not answer"))
      (should (= 2 (count-lines (point-min) (point-max))))
      (mew-submit-provider-copy)
      (should (string-match-p "^| a\\.example\\.org | fi +| yes" (current-kill 0)))
      (kill-buffer))))

;;; Tables

(ert-deftest mew-submit-survey-statistics-tests-tables-are-quoted ()
  "A cell cannot break out of CSV, of Org, or become a formula."
  (let ((table '(("a" "b") ("x,y" "\"q\"") ("=1+1" "a|b") (5 nil))))
    (should (equal (mew-submit-table--csv table)
                   "a,b\n\"x,y\",\"\"\"q\"\"\"\n'=1+1,a|b\n5,\n"))
    (should (string-match-p "| =1\\+1 | a\\\\vert{}b |" (mew-submit-table--org table)))
    (should (string-match-p "^a +b\n-+  -+\n" (mew-submit-table--text table)))))

;;; Lists of servers

(defun mew-submit-survey-statistics-tests--rows (text)
  "Return the rows of the list TEXT, as (HOST USER PORTS)."
  (mapcar (lambda (row) (mapcar (lambda (key) (plist-get row key)) '(:host :user :ports)))
          (mew-submit-survey-fieldtest--parse text)))

(ert-deftest mew-submit-survey-statistics-tests-lists-of-servers ()
  "A list is an Org table, CSV or words, with or without a head; comments do not count."
  (dolist (text '("a.example.org alice 587\nb.example.org\n"
                  "# comment\n\n a.example.org  alice 587 \nb.example.org"
                  "a.example.org,alice,587\nb.example.org,,\n"
                  "server;user;port\na.example.org;alice;587\nb.example.org;;\n"
                  "user,host,port\nalice,a.example.org,587\n,b.example.org,\n"
                  "| Server | User | Port |\n|---+---+---|\n| a.example.org | alice | 587 |\n\
| b.example.org |  |  |\n"
                  "alice@a.example.org - 587\nb.example.org\n"))
    (should (equal (mew-submit-survey-statistics-tests--rows (string-replace " - " " alice " text))
                   '(("a.example.org" "alice" "587") ("b.example.org" nil nil)))))
  (should (equal (mew-submit-survey-statistics-tests--rows "a.example.org u 587/465+25")
                 '(("a.example.org" "u" "587,465,25"))))
  (dolist (text '("" "# nothing\n" "bad name! x" "a.example.org u 0" "a.example.org u nonsense"))
    (should-error (mew-submit-survey-fieldtest--parse text) :type 'mew-submit-config)))

(defun mew-submit-survey-statistics-tests--most (a b)
  "Return the greater of each two numbers in A and B, lists; B may be nil."
  (if b (cl-mapcar #'max a b) a))

(defun mew-submit-survey-statistics-tests--long (count)
  "Look at a list of COUNT servers, each of which answers at once.
Return (PENDING CONSES STRINGS SLOTS), the most there were of each at a time."
  (let* ((directory (make-temp-file "mew-submit-test" t))
         (list (expand-file-name "list" directory))
         (survey (lambda (place &rest keys)
                   (let ((diagnosis (list :session (list nil) :done '(:kind "ok" :ms 1)
                                          :attempts '((:port 587 :family "ipv4" :case 1)))))
                     (ignore place)
                     (run-at-time 0 nil (plist-get keys :on-done) diagnosis)
                     diagnosis)))
         (found 0) most)
    (unwind-protect
        (cl-letf (((symbol-function 'mew-submit-probe--start) survey))
          (with-temp-file list
            (dotimes (number count)
              (insert (format "s%d.example.org\n" number))))
          (let ((test (mew-submit-survey-fieldtest--long
                       list (expand-file-name "state" directory) nil)))
            (setf (mew-submit-survey-fieldtest-on-found test)
                  (lambda (test _record)
                    (when (zerop (% (cl-incf found) 50))
                      (let ((kept (garbage-collect)))
                        (setq most
                              (mew-submit-survey-statistics-tests--most
                               (cons (length (mew-submit-survey-fieldtest-pending test))
                                     (mapcar (lambda (kind) (nth 2 (assq kind kept)))
                                             '(conses strings vector-slots)))
                               most))))))
            (mew-submit-survey-fieldtest--run test)
            (while (not (mew-submit-survey-fieldtest-stopped test))
              (accept-process-output nil 0.01))
            (should (= found count))
            most))
      (delete-directory directory t))))

(ert-deftest mew-submit-survey-statistics-tests-memory-of-a-long-list ()
  "What a list leaves in memory for each server is its place in one table.
That is eight words at most in a full table, and half as many more in one that
has just grown, and no string and no cons.  No more of the list is read than is
soon looked at."
  (mew-submit-survey-statistics-tests--long 100)
  (pcase-let* ((short 1000) (long 4000)
               ;; The least of three: an Emacs that compiles natively may load something meanwhile.
               (`(,conses ,strings ,slots)
                (apply #'cl-mapcar #'min
                       (cl-loop repeat 3
                                for few = (cdr (mew-submit-survey-statistics-tests--long short))
                                for (pending . many) = (mew-submit-survey-statistics-tests--long long)
                                do (should (< pending 1000))
                                collect (cl-mapcar #'- many few)))))
    (should (< conses (/ (- long short) 2)))
    (should (< strings (/ (- long short) 2)))
    (should (< slots (* 12 (- long short))))))

(ert-deftest mew-submit-survey-statistics-tests-a-file-that-is-no-survey ()
  "What is not a file of a survey is refused, and records that make no sense are left out."
  (mew-submit-test-with-directory directory
    (let ((file (concat directory "s.eld")))
      (dolist (text '("" "nonsense" "(:survey 1 :rows 5)" "(:survey 1 :rows ((:host 5)))" "(a . b)"))
        (mew-submit-test-write file text)
        (should-error (mew-submit-survey-fieldtest--load file) :type 'mew-submit-config))
      (dolist (name (list directory (concat directory "none")))
        (should-error (mew-submit-survey-fieldtest--load name) :type 'mew-submit-config))
      (mew-submit-test-write
       file "(:survey 1 :id \"x\" :ports \"587\" :rows ((:host \"a\") (:host \"b\") (:host \"c\")))
(:host \"a\" :ports \"587\" :attempts ((:port 587 :family \"ipv4\" :case 1)))
(:host \"b\" :ports \"587\" :attempts ((:port \"x\" :case 99)))
(:host \"c\" :ports \"5")
      (let ((test (mew-submit-survey-fieldtest--load file)))
        (should (equal (mew-submit-survey-fieldtest--count test) '(1 . 3)))
        (should (equal (mew-submit-survey-fieldtest-pending test) '(("b" . "587") ("c" . "587"))))))))

(provide 'mew-submit-survey-statistics-tests)
;;; mew-submit-survey-statistics-tests.el ends here
