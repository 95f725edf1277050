;;; mew-submit-course-tests.el --- Tests for mew-submit-course -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'ert)
(require 'mew-submit-course)

(defconst mew-submit-course-tests--message
  '((:event resolved :family "ipv4" :addresses ("192.0.2.1") :ms 5 :at 5)
    (:event attempt :id 1 :port 25 :family "ipv4" :address "192.0.2.1" :tls "starttls" :at 6)
    (:event attempt :id 0 :port 587 :family "ipv4" :address "192.0.2.1" :tls "starttls" :at 6)
    (:event attempt :id 0 :port 587 :tls "starttls" :case 1 :ms 4 :at 10 :text "answers")
    (:event connected :id 0 :port 587 :at 10)
    (:event greeting :code 220 :text "220 mx.example.org hello" :at 20)
    (:event capabilities :keywords ("STARTTLS") :at 30)
    (:event tls :verified nil :version "TLS1.2" :at 40)
    (:event attempt :id 0 :port 587 :tls "starttls" :case "tls" :text "bad" :at 41)
    (:event attempt :id 1 :port 25 :tls "starttls" :case 1 :ms 40 :age 40 :at 46)
    (:event connected :id 1 :port 25 :at 47)
    (:event tls :verified t :version "TLS1.3" :at 60)
    (:event capabilities :secure t :mechanisms ("PLAIN") :at 70)
    (:event auth :mechanism "PLAIN" :at 80)
    (:event recipient :address "a@x" :code 250 :at 90)
    (:event recipient :address "b@x" :code 250 :at 91)
    (:event recipient :address "a@x" :code 550 :at 92)
    (:event reply :text "250 ok" :at 95)
    (:event done :kind "ok" :at 96))
  "The events of a message whose first connection has no good TLS.")

(defun mew-submit-course-tests--get (attempt &rest keys)
  "Return the values of KEYS in ATTEMPT."
  (mapcar (lambda (key) (plist-get attempt key)) keys))

(ert-deftest mew-submit-course-tests-of-a-message ()
  "What has no :id belongs to the connection in use; the rest goes by number."
  (let ((course (mew-submit-course--of mew-submit-course-tests--message)))
    (pcase-let ((`(,first ,second) (plist-get course :attempts)))
      (should (equal (mew-submit-course-tests--get
                      first :id :port :case :text :greeting-name :capabilities-clear
                      :auth-tls)
                     '(0 587 "tls" "bad" "mx.example.org" ("STARTTLS") nil)))
      (should-not (plist-get (plist-get first :tls) :verified))
      (should (equal (plist-get first :times)
                     '((connecting . 6) (connected . 10) (used . 10) (greeting . 20)
                       (ehlo . 30) (tls . 40))))
      (should (equal (mew-submit-course-tests--get second :id :greeting :auth-tls)
                     '(1 nil ("PLAIN"))))
      (should (plist-get (plist-get second :tls) :verified))
      (should (equal (plist-get second :times)
                     '((connecting . 6) (connected . 46) (used . 47) (tls . 60)
                       (ehlo-tls . 70) (talk . 80) (talk . 95) (talk . 96))))
      (should (eq second (mew-submit-course--current course))))
    (should (equal (mapcar (lambda (event) (plist-get event :code))
                           (mew-submit-course--recipients course))
                   '(550 250)))
    (should (equal (mapcar (lambda (key) (plist-get (plist-get course key) :at))
                           '(:connected :tls :auth :reply :done))
                   '(47 60 80 95 96)))))

(ert-deftest mew-submit-course-tests-of-a-diagnosis ()
  "Connections are used side by side; what was never begun is not heard of."
  (let ((course (mew-submit-course--of
                 '((:event greeting :id 7 :text "220 nobody" :at 0)
                   (:event greeting :text "220 nobody" :at 0)
                   (:event attempt :id 0 :port 587 :at 1)
                   (:event attempt :id 1 :port 25 :at 1)
                   (:event greeting :id 1 :text "220 one" :at 2)
                   (:event greeting :id 0 :text "554 zero" :at 3)
                   (:event tls :id 1 :again t :at 4)
                   (:event check :id 1 :name "n" :code 530 :at 5)
                   (:event probed :id 1 :kind "ok" :at 6)))))
    (should (equal (mapcar (lambda (attempt)
                             (mew-submit-course-tests--get attempt :id :greeting-name :state))
                           (plist-get course :attempts))
                   '((0 nil connecting) (1 "one" ended))))
    (let ((attempt (nth 1 (plist-get course :attempts))))
      (should (plist-get (plist-get attempt :tls) :weak))
      (should (equal (plist-get (car (plist-get attempt :checks)) :code) 530)))))

(ert-deftest mew-submit-course-tests-is-pure ()
  "A course is a value: another event makes another course."
  (let (course before)
    (dolist (event mew-submit-course-tests--message)
      (let ((next (mew-submit-course--add course event)))
        (when before
          (should (equal (prin1-to-string course) before)))
        (setq course next
              before (prin1-to-string course))))
    (should (equal before (prin1-to-string
                           (mew-submit-course--of mew-submit-course-tests--message))))))

(provide 'mew-submit-course-tests)
;;; mew-submit-course-tests.el ends here
