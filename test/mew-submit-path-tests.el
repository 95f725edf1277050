;;; mew-submit-path-tests.el --- Tests: a way that swallows long packets -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; In a network of their own, where long packets vanish, as behind a VPN or a DSL line that tells
;; nobody of it: those of more than 1300 octets, which are not sent; or of more than 1000, as no
;; way should, so that what is sent does not get there.

;;; Code:

(require 'ert)
(require 'mew-submit-parcel)
(require 'mew-submit-report)
(require 'mew-submit-test-helpers)

(defun mew-submit-path-tests--network (link lost)
  "Return commands that make a network which loses LOST, as nft(8) has it.
LINK says how its interface is."
  (format "ip link set lo %s
nft -f - <<'END'
table inet filter {
  chain input {
    type filter hook input priority 0;
    %s drop
  }
}
END"
          link lost))

(defconst mew-submit-path-tests--script
  (mew-submit-path-tests--network "mtu 1500"
                                  "ct direction original meta length > 1000")
  "Commands that make such a network.")

(defconst mew-submit-path-tests--vpn
  (mew-submit-path-tests--network "mtu 1500 gso_max_segs 1" "meta length > 1300")
  "Commands that make one where the packets of both sides vanish.
Each goes by itself, as on a real way.")

(defun mew-submit-path-tests--form (listener lines)
  "Return a form that sends a message of LINES to a test server like LISTENER.
It comes to (KIND RESULT TEXT ABOUT OUTCOMES)."
  `(mew-submit-test-with-peer (peer ,(concat "127.0.0.1:0,name=x" listener))
     (let ((done (mew-submit-test-run
                  (mew-submit-test-account peer "x" :step-timeout 4)
                  (concat "To: a@x\nSubject: x\n\n"
                          (apply #'concat (make-list ,lines "twenty octets in all\n")))
                  :from "b@x")))
       (list (plist-get done :kind) (plist-get done :result) (plist-get done :text)
             (plist-get done :about)
             (mapcar (lambda (event) (plist-get event :outcome))
                     (mew-submit-test-log peer "message"))))))

(defun mew-submit-path-tests--send (listener lines)
  "Return what comes of a message of LINES to a test server like LISTENER there."
  (mew-submit-test-in-network mew-submit-path-tests--script "mew-submit-path-tests"
                              (mew-submit-path-tests--form listener lines)))

(ert-deftest mew-submit-path-tests-long-packets-vanish ()
  "A message that does not get there is deferred for certain, and told why (SECURITY: I16).
By DATA and by BDAT, in one flight and in many."
  (let ((done '(:kind "timeout" :result "deferred" :about "long-packets" :text "no")))
    (should (equal (mew-submit-report--reason done "x")
                   "long packets get lost between here and x"))
    (should (string-search "1280 bytes" (mew-submit-report--advice done))))
  (when (mew-submit-portable-p)
    (ert-skip "Only Linux tells what has not been acknowledged"))
  (dolist (case '(("" 200) ("" 20000) (",chunking" 200) (",chunking" 20000)
                  (",chunking,cap2-=PIPELINING" 200)))
    (ert-info ((format "%S" case))
      (pcase-let ((`(,kind ,result ,text ,about ,_) (apply #'mew-submit-path-tests--send case)))
        (should (equal (list kind result about) '("timeout" "deferred" "long-packets")))
        (should (string-match-p "long packets do not get through (MTU" text))
        (should (string-match-p " in 4 s" text))))))

(defconst mew-submit-path-tests--back
  (mew-submit-path-tests--network "mtu 900 gso_max_segs 1"
                                  "ct direction reply meta length > 800")
  "Commands that make a network from which long packets do not come back.
Each goes by itself, as on a real way.")

(ert-deftest mew-submit-path-tests-the-servers-vanish ()
  "Where a server's certificate does not get here for its length, that is told (SECURITY: I16)."
  (when (mew-submit-portable-p)
    (ert-skip "Only Linux tells what has come before its turn"))
  ;; That fills one packet and a half.
  (pcase-let ((`(,kind ,result ,text ,about ,outcomes)
               (mew-submit-test-in-network
                mew-submit-path-tests--back "mew-submit-path-tests"
                (mew-submit-path-tests--form ",cert=intermediate" 10))))
    (should (equal (list kind result about outcomes)
                   '("timeout" "deferred" "long-packets" nil)))
    (should (string-match-p "did not get its long packets through .* handshake in 4 s" text))))

(ert-deftest mew-submit-path-tests-behind-a-vpn ()
  "Where a VPN or a DSL line loses long packets a long message gets through, and a certificate."
  (dolist (listener '(",cert=rsa2048" ",cert=intermediate,chunking"))
    (ert-info (listener)
      (should (equal (seq-take (mew-submit-test-in-network
                                mew-submit-path-tests--vpn "mew-submit-path-tests"
                                (mew-submit-path-tests--form listener 20000))
                               2)
                     '("ok" "delivered"))))))

(ert-deftest mew-submit-path-tests-a-gap-that-was-filled ()
  "A packet that was lost once, and came later, is not why TLS begins in vain."
  (pcase-let ((`(,kind ,result ,text ,about ,_)
               (mew-submit-test-in-network
                (mew-submit-path-tests--network
                 "mtu 900 gso_max_segs 1"
                 "ct direction reply meta length > 800 numgen inc mod 1000000 0")
                "mew-submit-path-tests"
                (mew-submit-path-tests--form ",greeting=flood:100,tls=stall" 10))))
    (should (equal (list kind result about) '("timeout" "deferred" nil)))
    (should (string-search "did not finish the TLS handshake" text))))

(ert-deftest mew-submit-path-tests-short-message-gets-through ()
  "A message that fits into short packets is delivered there."
  (dolist (listener '("" ",chunking"))
    (ert-info (listener)
      (should (equal (seq-take (mew-submit-path-tests--send listener 10) 2)
                     '("ok" "delivered"))))))

;;; Another network

(defconst mew-submit-path-tests--roam
  '(mew-submit-test-with-peer
       (peer "192.0.2.1:0,name=steps,rcpt=stall" "192.0.2.1:0,name=block,chunking,block=stall"
             "192.0.2.1:0,name=doubt,chunking,dot=hold:go")
     (mew-submit-test-with-directory directory
       (let* (ends
              (start
               (lambda (name lines)
                 (mew-submit-parcel--submit
                  (mew-submit-test-write
                   (expand-file-name name directory)
                   (concat "To: a@x\nSubject: x\n\n"
                           (apply #'concat (make-list lines "twenty octets in all\n"))))
                  :account (mew-submit-test-account peer name :server "192.0.2.1"
                                                    :source "192.0.2.7")
                  :from "b@x"
                  :on-done (lambda (done)
                             (push (list name (plist-get done :kind) (plist-get done :text))
                                   ends)))))
              (address (lambda (what)
                         (call-process "ip" nil nil nil "addr" what "192.0.2.7/32"
                                       "dev" "lo"))))
         (funcall start "doubt" 1)
         (mew-submit-test-until ("the message") (mew-submit-test-lines peer "BDAT"))
         (funcall start "steps" 1)
         (funcall start "block" 200000)
         (mew-submit-test-until ("two stalls") (cdr (mew-submit-test-log peer "stall")))
         (funcall address "del")
         (mew-submit-test-until ("two ends") (cdr ends))
         (funcall address "add")
         (mew-submit-test-go peer)
         (mew-submit-test-until ("the last end") (cddr ends))
         (list (car ends) (cdr ends)))))
  "What sends messages, and takes the address that they leave from away.
It comes to the last end and the others.")

(ert-deftest mew-submit-path-tests-the-address-has-gone ()
  "Where this machine loses the address that a connection leaves from, that is told soon.
It has been 3 minutes, or 5.  What has left as a whole waits for its answer."
  (pcase-let ((`(,last ,others)
               (mew-submit-test-in-network
                "ip addr add 192.0.2.1/32 dev lo; ip addr add 192.0.2.7/32 dev lo"
                "mew-submit-path-tests" mew-submit-path-tests--roam)))
    (should (equal (seq-take last 2) '("doubt" "ok")))
    (should (equal (sort (mapcar #'car others) #'string<) '("block" "steps")))
    (pcase-dolist (`(,name ,kind ,text) others)
      (ert-info (name)
        (should (equal kind "lost"))
        (should (string-search "no longer has the address from which" text))))))

(provide 'mew-submit-path-tests)
;;; mew-submit-path-tests.el ends here
