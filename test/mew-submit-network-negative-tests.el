;;; mew-submit-network-negative-tests.el --- Tests for mew-submit-negative -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What is learned from which attempts, as tables.  With a real network:
;; test/network.

;;; Code:

(require 'cl-lib)
(require 'cus-edit)
(require 'ert)
(require 'mew-submit-network-negative)
(require 'mew-submit-test-helpers)
(require 'mew-submit-way)

(defconst mew-submit-network-negative-tests--here
  '((ipv4 :id "four" :label "cafe" :up t :family ipv4)
    (ipv6 :id "six" :label "cafe6" :up t :family ipv6))
  "Networks that this machine is on.")

(defmacro mew-submit-network-negative-tests--with (file &rest body)
  "Run BODY with nothing remembered but what is in FILE, or nil for none."
  (declare (indent 1) (debug (form body)))
  `(let ((mew-submit-network-negative--active t)
         (mew-submit-negative-cache nil)
         (mew-submit-network-negative--read nil)
         (mew-submit-negative-cache-file ,file)
         (mew-submit-fallback-networks nil))
     ,@body))

(defun mew-submit-network-negative-tests--attempts (places)
  "Return attempts for PLACES: a list of (PORT FAMILY CASE)."
  (mapcar (pcase-lambda (`(,port ,family ,case))
            (list :port port :family family :case case))
          places))

(defun mew-submit-network-negative-tests--learn (places &optional before)
  "Learn from attempts for PLACES; return what is known then, sorted.
BEFORE is where this machine was when they began."
  (mew-submit-network-negative--learn "Mail.Example.ORG"
                                      (mew-submit-network-negative-tests--attempts places)
                                      mew-submit-network-negative-tests--here
                                      (or before mew-submit-network-negative-tests--here))
  (sort (mapcar (lambda (entry)
                  (list (plist-get entry :port) (plist-get entry :family)
                        (plist-get entry :case)))
                (mew-submit-network-negative--entries))
        (lambda (a b) (string< (prin1-to-string a) (prin1-to-string b)))))

(ert-deftest mew-submit-network-negative-tests-what-is-learned ()
  "Only verdicts of TCP enter, and only where another way has led to the server."
  (pcase-dolist
      (`(,places ,known)
       '((((587 "ipv4" 5) (25 "ipv4" 1)) ((587 ipv4 5)))
         (((587 "ipv6" 3) (587 "ipv4" 2) (25 "ipv4" 1))
          ((587 ipv4 2) (587 ipv6 3)))
         (((587 "ipv4" 4) (25 "ipv4" 1)) ((587 ipv4 4)))
         ;; One family is enough.
         (((587 "ipv6" 5) (587 "ipv4" 1)) ((587 ipv6 5)))
         ;; Several addresses: all must be blocked.
         (((587 "ipv4" 5) (587 "ipv4" 2) (25 "ipv4" 1)) ((587 ipv4 5)))
         (((587 "ipv4" 5) (587 "ipv4" 4) (25 "ipv4" 1)) ((587 ipv4 4)))
         (((587 "ipv4" 5) (587 "ipv4" nil) (25 "ipv4" 1)) nil)
         (((587 "ipv4" 5) (587 "ipv4" 1)) nil)
         ;; Through a tunnel nobody knows the family.
         (((587 nil 2) (25 nil 1)) nil)
         ;; Not verdicts of TCP.
         (((587 "ipv4" "greeting") (25 "ipv4" 1)) nil)
         (((587 "ipv4" "tls") (25 "ipv4" 1)) nil)
         (((587 "ipv4" "local") (25 "ipv4" 1)) nil)
         (((587 "ipv4" "2 or 3") (25 "ipv4" 1)) nil)
         ;; Given up: no verdict.
         (((587 "ipv6" nil) (587 "ipv4" 1)) nil)
         ;; Nothing has led to the server.
         (((587 "ipv4" 5) (25 "ipv4" 5)) nil)
         (((587 "ipv4" 5) (25 "ipv4" "greeting")) nil)
         (((587 "ipv4" 5) (25 "ipv4" "tls")) nil)
         (((587 "ipv4" "local") (25 "ipv4" "local")) nil)
         (nil nil)))
    (mew-submit-network-negative-tests--with nil
      (should (equal (mew-submit-network-negative-tests--learn places) known)))))

(ert-deftest mew-submit-network-negative-tests-tunnel ()
  "Through a tunnel the far side is the network, wherever this machine is."
  (mew-submit-network-negative-tests--with nil
    (let ((networks (mew-submit-network-negative--networks "ssh:gate.example.org")))
      (mew-submit-network-negative--learn
       "h" (mew-submit-network-negative-tests--attempts '((587 nil 2) (25 nil 1)))
       networks networks)
      (let ((entries (mew-submit-network-negative--find "h" networks)))
        (should (= (length entries) 1))
        (should (equal (plist-get (car entries) :label)
                       "through ssh:gate.example.org"))
        (should (equal (mew-submit-network-negative--mark
                        '((587 ipv6 starttls) (25 ipv6 starttls)) entries t)
                       '((587 ipv6 starttls t) (25 ipv6 starttls)))))
      (should-not (mew-submit-network-negative--find
                   "h" (mew-submit-network-negative--networks "ssh:other.example.org")))
      (should-not (mew-submit-network-negative--find
                   "h" mew-submit-network-negative-tests--here)))))

(ert-deftest mew-submit-network-negative-tests-forgotten-when-it-answers ()
  "A port that answers is forgotten, with or without TLS, and no other one."
  (dolist (case '(1 "tls"))
    (mew-submit-network-negative-tests--with nil
      (mew-submit-network-negative-tests--learn
       '((587 "ipv6" 5) (587 "ipv4" 5) (25 "ipv4" 1)))
      (should (equal (mew-submit-network-negative-tests--learn `((587 "ipv4" ,case)))
                     '((587 ipv6 5)))))))

(ert-deftest mew-submit-network-negative-tests-moving-tells-nothing ()
  "What was met while the machine went to another network is not remembered."
  (mew-submit-network-negative-tests--with nil
    (should-not (mew-submit-network-negative-tests--learn
                 '((587 "ipv4" 5) (25 "ipv4" 1))
                 '((ipv4 :id "home") (ipv6 :id "six"))))))

(ert-deftest mew-submit-network-negative-tests-marks ()
  "What is remembered changes the order only: every route stays, as it was."
  (mew-submit-network-negative-tests--with nil
    (mew-submit-network-negative-tests--learn '((587 "ipv4" 5) (25 "ipv4" 1)))
                                           (let* ((routes (plist-get (mew-submit-way--plan "mail.example.org")
                              :routes))
           (marked (mew-submit-network-negative--mark
                    routes (mew-submit-network-negative--find
                            "mail.example.org"
                            mew-submit-network-negative-tests--here))))
      (should (equal marked '((587 ipv6 starttls) (587 ipv4 starttls t)
                              (25 ipv6 starttls) (25 ipv4 starttls))))
      (should (equal (mew-submit-network-negative--unmark marked) routes))
      (should (equal routes (mew-submit-network-negative--mark
                             routes (mew-submit-network-negative--find
                                     "other.example.org"
                                     mew-submit-network-negative-tests--here)))))))

(ert-deftest mew-submit-network-negative-tests-expiry ()
  "A verdict holds for a day, trouble on the way for an hour; nothing from the
future counts; and 0 switches it all off."
  (mew-submit-network-negative-tests--with nil
    (mew-submit-network-negative-tests--learn
     '((587 "ipv4" 5) (587 "ipv6" 4) (25 "ipv4" 1)))
    (dolist (step '((3500 2) (3700 1) (86300 1) (86500 0) (-100 0)))
      (let ((time (symbol-function 'mew-submit-network-negative--time)))
        (cl-letf (((symbol-function 'mew-submit-network-negative--time)
                   (lambda (&optional seconds)
                     (funcall time (+ (car step) (or seconds 0))))))
          (should (= (length (mew-submit-network-negative--entries)) (nth 1 step))))))
    (let ((mew-submit-negative-cache-expiry 0))
      (should-not (mew-submit-network-negative--entries))
      (should-not (mew-submit-network-negative-tests--learn
                   '((465 "ipv4" 5) (25 "ipv4" 1)))))))

(ert-deftest mew-submit-network-negative-tests-file ()
  "The file is for the user alone, and is read again when another Emacs wrote it;
what makes no sense in it is ignored."
  (mew-submit-test-with-directory directory
    (let ((file (expand-file-name "sub/networks.eld" directory))
          known)
      (mew-submit-network-negative-tests--with file
        (setq known (mew-submit-network-negative-tests--learn
                     '((587 "ipv4" 5) (25 "ipv4" 1))))
        (should known)
        (should (= (file-modes file) #o600)))
      (mew-submit-network-negative-tests--with file
        (should (equal (mapcar (lambda (entry) (plist-get entry :port))
                               (mew-submit-network-negative--entries))
                       '(587)))
        ;; Another Emacs forgets it.
        (let ((other mew-submit-negative-cache))
          (mew-submit-network-negative-tests--with file
            (mew-submit-network-negative--forget t)
            (should-not (mew-submit-network-negative--entries)))
          (should other)
          (should-not (mew-submit-network-negative--entries))))
      (dolist (junk '("" "(" "#.(error)" "(1 2 3)" "((:network 1))" "42"
                      "((:network \"n\" . 3))"))
        (mew-submit-network-negative-tests--with (mew-submit-test-write file junk)
          (should-not (mew-submit-network-negative--entries))
          (should (equal (mew-submit-network-negative-tests--learn
                          '((587 "ipv4" 5) (25 "ipv4" 1)))
                         '((587 ipv4 5)))))))))

(ert-deftest mew-submit-network-negative-tests-unwritable-file ()
  "A file that cannot be written costs nothing but the memory of it."
  (mew-submit-test-with-directory directory
    (mew-submit-network-negative-tests--with
        (expand-file-name "there/x.eld"
                          (mew-submit-test-write
                           (expand-file-name "file" directory) ""))
      (should (equal (mew-submit-network-negative-tests--learn
                      '((587 "ipv4" 5) (25 "ipv4" 1)))
                     '((587 ipv4 5)))))))

(ert-deftest mew-submit-network-negative-tests-bounded ()
  "Not more than a certain number is kept."
  (mew-submit-network-negative-tests--with nil
    (let ((mew-submit-network-negative--max 3))
      (dotimes (number 5)
        (mew-submit-network-negative--learn
         (format "h%d" number)
         (mew-submit-network-negative-tests--attempts '((587 "ipv4" 5) (25 "ipv4" 1)))
         mew-submit-network-negative-tests--here mew-submit-network-negative-tests--here))
      (should (= (length mew-submit-negative-cache) 3)))))

(ert-deftest mew-submit-network-negative-tests-customize ()
  "A person can edit what is remembered: the values fit their types."
  (mew-submit-network-negative-tests--with nil
    (mew-submit-network-negative-tests--learn '((587 "ipv4" 5) (25 "ipv4" 1)))
    (dolist (option '(mew-submit-negative-cache mew-submit-fallback-networks))
      (let ((widget (widget-convert (custom-variable-type option))))
        (should (widget-apply widget :match (symbol-value option)))))
    (should (widget-apply (widget-convert (custom-variable-type
                                           'mew-submit-fallback-networks))
                          :match '(("id" "h" always "cafe"))))
    (should (get 'mew-submit-negative-cache 'risky-local-variable))
    (should (get 'mew-submit-fallback-networks 'risky-local-variable))))

(ert-deftest mew-submit-network-negative-tests-rules ()
  "What the user has said holds for a server on a network, is saved, and can be
taken back."
  (mew-submit-test-with-directory directory
    (mew-submit-network-negative-tests--with nil
      (let ((user-init-file (expand-file-name "init.el" directory))
            (custom-file (expand-file-name "custom.el" directory))
            (here mew-submit-network-negative-tests--here))
        (should-not (mew-submit-network-negative--rule "h" here))
        (mew-submit-network-negative--set-rule "H" 'always (cdar here))
        (should (eq (mew-submit-network-negative--rule "h" here) 'always))
        (should-not (mew-submit-network-negative--rule "other" here))
        (should-not (mew-submit-network-negative--rule
                     "h" '((ipv4 :id "home" :up t) (ipv6 :id "six" :up t))))
        (with-temp-buffer
          (insert-file-contents custom-file)
          (should (search-forward "mew-submit-fallback-networks" nil t))
          (should (search-forward "always" nil t)))
        (mew-submit-network-negative--set-rule "h" 'never (cdar here))
        (should (equal mew-submit-fallback-networks
                       '(("four" "h" never "cafe"))))
        (mew-submit-network-negative--forget '("six"))
        (should mew-submit-fallback-networks)
        (mew-submit-network-negative--forget '("four"))
        (should-not mew-submit-fallback-networks)
        (should-not (mew-submit-network-negative--rule "h" here))))))

(provide 'mew-submit-network-negative-tests)
;;; mew-submit-network-negative-tests.el ends here
