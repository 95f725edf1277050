;;; mew-submit-diagnose-network-tests.el --- Tests for the report on the network -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; The look, its report, what is remembered, the letter.  Which network has which verdict is
;; in test/diagnose.

;;; Code:

(require 'mew-submit-test-helpers)
(require 'mew-submit-diagnose-network)
(require 'message)
(require 'mew-submit-letter)
(require 'mew-submit-notice)

(declare-function mew-submit--mod-jobs "ext:mew-submit-module" ())

(defconst mew-submit-diagnose-network-tests--here
  '(:id "here" :label "192.0.2.9 (a1)" :family ipv4 :gateway "192.0.2.9" :up t)
  "The network of these tests.")

(defun mew-submit-diagnose-network-tests--evidence (&rest cases)
  "Return evidence of two servers at which 25, 465 and 587 have CASES."
  (list :diagnoses
        (mapcar (lambda (number)
                  (list :host (format "smtp.server%d.example" number) :done '(:kind "ok")
                        :attempts
                        (seq-mapn
                         (lambda (port case)
                           (append
                            (list :id port :port port :family "ipv4" :state 'ended
                                  :service (if (= port 25) 'transfer 'submission)
                                  :address (format "198.51.100.%d" number) :case case)
                            (and (eql case 3)
                                 '(:icmp (:type 3 :code 13 :name "filtered")
                                         :offender (:address "192.0.2.9" :who "router")))))
                         '(25 465 587) cases)))
                '(1 2))))

(defmacro mew-submit-diagnose-network-tests--with (&rest body)
  "Run BODY on the network of these tests, with nothing remembered and nothing written."
  (declare (indent 0))
  `(cl-letf (((symbol-function 'mew-submit-network--primary)
              (lambda () mew-submit-diagnose-network-tests--here)))
     (let ((mew-submit-network-verdict--seen nil)
           (mew-submit-diagnosis-look--last nil)
           (mew-submit-network-negative--active t)
           (mew-submit-negative-cache-file nil)
           (mew-submit-negative-cache nil))
       ,@body)))

(ert-deftest mew-submit-diagnose-network-tests-report ()
  "The report grows in the background, is stopped, and begun again."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,name=a" "127.0.0.1:0,name=b,greeting=stall")
    (mew-submit-diagnose-network-tests--with
      (let* ((mew-submit-accounts
              (list (list :server "127.0.0.1" :tls-name "smtp.example.org"
                          :ca-file (mew-submit-test-ca peer) :timeout 600 :step-timeout 600
                          :memory (mew-submit-test-missing "memory"))
                    '(:server "far.example" :tunnel "ssh:nowhere.example")))
             (mew-submit-network-servers nil)
             (mew-submit-network-page nil)
             (mew-submit-probe--ports (list (mew-submit-test-port peer "a")
                                            (mew-submit-test-port peer "b"))))
        (cl-letf (((symbol-function 'mew-submit-dns--servers) #'ignore))
          (save-window-excursion
            (mew-submit-diagnose-network)
            (unwind-protect
                (let ((see (lambda (regexp)
                             (mew-submit-test-until (regexp)
                               (accept-process-output nil 0.02)
                               (string-match-p regexp (buffer-string))))))
                  (should (string-match-p "^Looking" (buffer-string)))
                  (should-error (mew-submit-view-copy) :type 'user-error)
                  (funcall see "127.0.0.1: .*open")
                  ;; What goes through a tunnel says nothing of this network.
                  (should-not (string-match-p "far.example" (buffer-string)))
                  (mew-submit-diagnose-network-stop)
                  (should (string-match-p "^Stopped" (buffer-string)))
                  (mew-submit-test-until ("the end of all jobs")
                    (accept-process-output nil 0.02)
                    (equal 0 (mew-submit--mod-jobs)))
                  (setq mew-submit-probe--ports (list (mew-submit-test-port peer "a")))
                  (mew-submit-diagnose-network-again)
                  (funcall see "\\[clear\\]")
                  (mew-submit-diagnose-network-copy-json)
                  (should (string-match-p "\"id\":\"clear\"" (current-kill 0)))
                  (should-not (mew-submit-network-verdict--clause)))
              (kill-buffer))))))))

(defun mew-submit-diagnose-network-tests--page (answer)
  "Return what a page is whose server says ANSWER, or calls it with the connection."
  (let* ((server (make-network-process
                  :name "page" :server t :host "127.0.0.1" :service t :family 'ipv4
                  :noquery t :coding 'binary
                  :filter (lambda (client _request)
                            (if (functionp answer)
                                (funcall answer client)
                              (process-send-string client answer)
                              (delete-process client)))))
         (url (format "http://127.0.0.1:%d/" (process-contact server :service)))
         judgement)
    (unwind-protect
        (progn
          (mew-submit-diagnosis-look--fetch url '("127.0.0.1") "all is well"
                                            (lambda (found) (setq judgement found)))
          (mew-submit-test-until ("the page")
            (accept-process-output nil 0.02)
            judgement)
          judgement)
      (delete-process server))))

(ert-deftest mew-submit-diagnose-network-tests-page ()
  "Whatever answers for the page, it ends, and is shown clean.  SECURITY: N14"
  (pcase-dolist (`(,state ,answer)
                 `((ok "HTTP/1.1 200 OK\r\n\r\nall is well")
                   (foreign "HTTP/1.1 200 OK\r\n\r\nWelcome")
                   (foreign "220 this is no web server\r\n")
                   (foreign "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n")
                   (odd "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n")
                   (odd "HTTP/1.1 404 Not Found\r\n\r\n")
                   (foreign "HTTP/1.1 511 Log in\r\n\r\n")
                   (failed ,#'delete-process)
                   ;; One that never ends, and never closes.
                   (foreign ,(lambda (client)
                               (process-send-string
                                client (concat "HTTP/1.1 200 OK\r\n\r\n"
                                               (make-string 70000 ?x)))))))
    (should (equal (cons (plist-get (mew-submit-diagnose-network-tests--page answer) :state)
                         answer)
                   (cons state answer))))
  (let ((page (mew-submit-diagnose-network-tests--page
               "HTTP/1.1 302 Found\r\nLocation: http://a\e[2Jb.example/\r\n\r\n")))
    (should-not (string-match-p "\e" (concat (plist-get page :text)
                                             (plist-get page :location))))))

(ert-deftest mew-submit-diagnose-network-tests-remembered ()
  "What stops mail is remembered for this network, for an hour; the notice says it."
  (mew-submit-diagnose-network-tests--with
    (let ((here mew-submit-diagnose-network-tests--here)
          (entry '(:account (:server "smtp.server1.example")))
          (done '(:kind "connect" :result "deferred")))
      (mew-submit-diagnose-network--remember
       (mew-submit-diagnose-network-tests--evidence 5 5 5) here)
      (should (equal (mew-submit-notice-message--network entry done)
                     "As was found out before, this network shuts ports 25, 465 and 587."))
      ;; It is not to the point everywhere.
      (should-not (mew-submit-notice-message--network entry '(:kind "auth")))
      (should-not (mew-submit-notice-message--network '(:account (:tunnel "ssh:a")) done))
      ;; Since when stays, while it is the same.
      (let ((since (plist-get (mew-submit-network-verdict--known here) :since)))
        (mew-submit-diagnose-network--remember
         (mew-submit-diagnose-network-tests--evidence 5 5 5) here)
        (should (equal since (plist-get (mew-submit-network-verdict--known here) :since))))
      ;; What stops no mail takes it back, and so does time; elsewhere nothing is known.
      (plist-put (cdar mew-submit-network-verdict--seen) :seen (- (float-time) 3601))
      (should-not (mew-submit-notice-message--network entry done))
      (mew-submit-diagnose-network--remember
       (mew-submit-diagnose-network-tests--evidence 5 5 5) '(:id "there"))
      (should-not (mew-submit-notice-message--network entry done))
      (mew-submit-diagnose-network--remember
       (mew-submit-diagnose-network-tests--evidence 5 1 1) here)
      (should-not (mew-submit-notice-message--network entry done)))))

(ert-deftest mew-submit-diagnose-network-tests-letter ()
  "The letter is a draft with the evidence in plain words; nothing is sent."
  (mew-submit-diagnose-network-tests--with
    (let* ((here mew-submit-diagnose-network-tests--here)
           (mail-user-agent 'message-user-agent)
           (message-setup-hook nil)
           (mew-submit-negative-cache
            (list (list :network "here" :label "x" :server "smtp.server1.example" :port 25
                        :family 'ipv4 :case 5 :seen "2026-01-02T03:04:05Z"
                        :checked "2026-01-02T03:04:05Z" :expires "2999-01-01T00:00:00Z"))))
      (should-error (mew-submit-letter) :type 'user-error)
      (should-error (mew-submit-letter '(:diagnoses nil)) :type 'user-error)
      (mew-submit-diagnose-network--remember
       (mew-submit-diagnose-network-tests--evidence 3 1 1) here)
      (cl-letf (((symbol-function 'message-send) (lambda (&rest _) (ert-fail "sent")))
                ((symbol-function 'mew-submit-send-it) (lambda (&rest _) (ert-fail "sent"))))
        (save-window-excursion
          (mew-submit-letter)
          (unwind-protect
              (dolist (words '("Subject: Please open port 25" "port 25  of smtp.server1"
                               "refused by an ICMP error" "the router 192.0.2.9"
                               "since 2026-01-02T03:04:05Z at least" "port 587 of" "is open"))
                (should (string-search words (buffer-string))))
            (set-buffer-modified-p nil)
            (kill-buffer))))
      ;; Every verdict that can be complained of has its words.
      (pcase-dolist (`(,id ,subject ,wish) mew-submit-letter--subjects)
        (should (assoc id mew-submit-diagnosis-network--clauses))
        (should (and (stringp subject) (stringp wish)))))))

(ert-deftest mew-submit-diagnose-network-tests-moved ()
  "The report and the letter are of the network and the time of the look."
  (mew-submit-diagnose-network-tests--with
    (let* ((there '(:id "there" :label "198.51.100.1 (b2)" :family ipv4 :up t))
           (mail-user-agent 'message-user-agent)
           (message-setup-hook nil)
           (mew-submit-network-servers nil)
           (mew-submit-network-page nil)
           (mew-submit-accounts '((:server "a b")))
           (shown (lambda () (mew-submit-view--draw) (buffer-string))))
      (cl-letf (((symbol-function 'mew-submit-dns--servers) #'ignore))
        (save-window-excursion
          (mew-submit-diagnose-network)
          (unwind-protect
              (let ((look mew-submit-diagnose-network--look)
                    (moved (lambda (&rest _) there)))
                (mew-submit-test-until ("the end")
                  (accept-process-output nil 0.02)
                  (mew-submit-diagnosis-look--ended-p look))
                (should-not (plist-get (plist-get look :evidence) :moved))
                (let ((evidence (plist-get look :evidence)))
                  (plist-put evidence :diagnoses
                             (plist-get (mew-submit-diagnose-network-tests--evidence 3 1 1)
                                        :diagnoses))
                  (plist-put evidence :began (encode-time 0 0 12 2 1 2026 t))
                  (cl-letf (((symbol-function 'mew-submit-network--primary) moved))
                    (should (string-search "The network 192.0.2.9 (a1)" (funcall shown)))
                    (mew-submit-diagnose-network-letter)
                    (unwind-protect
                        (should (string-search "on 2026-01-02 at 12:00 UTC, from the \
network 192.0.2.9 (a1)" (buffer-string)))
                      (set-buffer-modified-p nil)
                      (kill-buffer))
                    ;; It ends in another network than it began in.
                    (set-buffer "*mew-submit network*")
                    (mew-submit-diagnose-network--remember
                     evidence (plist-get evidence :network))
                    (should (string-search "changed networks" (funcall shown)))
                    (should (string-search "changed networks" (mew-submit-view--as-text)))
                    (should-error (mew-submit-diagnose-network-letter)
                                  :type 'user-error))))
            (kill-buffer "*mew-submit network*")))))))

;;; mew-submit-diagnose-network-tests.el ends here
