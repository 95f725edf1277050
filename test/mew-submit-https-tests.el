;;; mew-submit-https-tests.el --- Tests for what an answer over https says -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What is read of an answer, without a server: the tests of the sign-in have one.

;;; Code:

(require 'json)
(require 'mew-submit-https)
(require 'mew-submit-loopback)
(require 'mew-submit-test-helpers)

(defun mew-submit-https-tests--read (text native)
  "Return what TEXT, JSON, is read as, by Emacs' C if NATIVE, as JSON again, or nil."
  (cl-letf (((symbol-function 'json-available-p) (lambda () native)))
    (let ((object (mew-submit-https--json (encode-coding-string text 'utf-8))))
      (and object
           (let (all)
             (maphash (lambda (name value)
                        (push (cons name (if (hash-table-p value)
                                             (hash-table-count value)
                                           value))
                              all))
                      object)
             (list (nreverse all)))))))

(ert-deftest mew-submit-https-tests-no-coding ()
  "An answer that is packed could not be read: it is asked for as it is."
  (dolist (body '(nil "grant_type=x"))
    (should (string-search "\r\nAccept-Encoding: identity\r\n"
                           (mew-submit-https--message
                            (mew-submit-https--parse "https://id.example/token")
                            "application/json" body "text/plain")))))

(ert-deftest mew-submit-https-tests-json ()
  "An object is read the same way by either parser of Emacs; nothing else is one."
  (skip-unless (json-available-p))
  (pcase-dolist (`(,text ,value)
                 '(("{}" (nil))
                   (" {\"a\": \"b\", \"n\": 3} \r\n" ((("a" . "b") ("n" . 3))))
                   ("\ufeff{\"a\": \"b\"}" ((("a" . "b")))) ("\ufeff" nil)
                   ("{\"t\": true, \"f\": false, \"z\": null}"
                    ((("t" . t) ("f") ("z"))))
                   ("{\"l\": [\"a\", 1, []], \"o\": {\"x\": 1}}"
                    ((("l" "a" 1 nil) ("o" . 1))))
                   ("{\"u\": \"\\u00fc\\ud83d\\ude00\", \"v\": \"ü\"}"
                    ((("u" . "ü😀") ("v" . "ü"))))
                   ("{\"a\": 1, \"a\": 2}" ((("a" . 2))))
                   ("[]" nil) ("\"a\"" nil) ("null" nil) ("3" nil) ("" nil)
                   ("{} {}" nil) ("{}x" nil) ("{\"a\"" nil) ("{\"a\": }" nil)
                   ("{a: 1}" nil) ("<html></html>" nil)))
    (ert-info (text)
      (should (equal value (mew-submit-https-tests--read text t)))
      (should (equal value (mew-submit-https-tests--read text nil))))))

(ert-deftest mew-submit-https-tests-json-is-limited ()
  "What is too long, or nested too deep, is no object."
  (let ((nest (lambda (depth)
                (mew-submit-https--json
                 (concat "{\"a\":" (make-string depth ?\[) (make-string depth ?\]) "}")))))
    (should (funcall nest (1- mew-submit-https--depth-max)))
    (should-not (funcall nest mew-submit-https--depth-max))
    (should-not (funcall nest 60000)))
  (let ((long (lambda (length)
                (mew-submit-https--json
                 (concat "{\"a\":\"" (make-string (- length 8) ?x) "\"}")))))
    (should (funcall long mew-submit-https--octets-max))
    (should-not (funcall long (1+ mew-submit-https--octets-max)))))

(ert-deftest mew-submit-https-tests-the-longest-json-is-read-at-once ()
  "The longest answer makes no more garbage than what is in it.
Emacs stands still for that; json.el makes one cons for each character."
  (skip-unless (json-available-p))
  (let* ((text (concat "{\"l\":[" (mapconcat (lambda (_) "\"abcdefghij\"")
                                             (number-sequence 1 10000) ",")
                       "]}"))
         (made (lambda (native)
                 (let ((before (car (memory-use-counts))))
                   (should (mew-submit-https-tests--read text native))
                   (- (car (memory-use-counts)) before)))))
    (should (< (funcall made t) 20000 (funcall made nil)))))

(ert-deftest mew-submit-https-tests-nobody-answers ()
  "Where no connection comes about that is said, and nothing of safety or of codes alone."
  (let* ((server (make-network-process :name "nobody" :server t :host 'local :service t
                                       :family 'ipv4))
         (port (process-contact server :service))
         answer)
    (delete-process server)
    (mew-submit-https--fetch (format "https://127.0.0.1:%d/" port)
                             (lambda (what) (setq answer what)))
    (mew-submit-test-until ("the end of the request") answer)
    (should (string-match-p "\\`127[.]0[.]0[.]1 does not answer, or this network does not \
let us there (error [0-9]+)\\'"
                            (plist-get answer :error)))
    (should-not (plist-get answer :sent))))

;;; A name that nobody knows

(defun mew-submit-https-tests--look-up ()
  "Fetch from a name that is looked up for minutes, and give up meanwhile.
Return how the connection was after some ticks of the clock, whether it was left
then, and what was told."
  (let* ((ticks 0)
         (timer (run-at-time 0.05 0.05 (lambda () (setq ticks (1+ ticks)))))
         told
         (exchange (mew-submit-https--fetch "https://nobody.example/"
                                            (lambda (answer) (setq told answer))))
         (process (mew-submit-https-process exchange)))
    (while (and (< ticks 20) (eq (process-status process) 'connect))
      (accept-process-output nil 0.05))
    (cancel-timer timer)
    (let ((before (process-status process)))
      (mew-submit-https--cancel exchange)
      (list before (process-status process) told))))

(ert-deftest mew-submit-https-tests-nobody-waits-for-a-name ()
  "While a name is looked up Emacs goes on, and whoever gives up need not wait.
The resolver is an address of a network of our own that takes no packets.
\(SECURITY: M6)."
  (should (equal (mew-submit-test-in-network
                  "resolv=$(mktemp)
printf 'nameserver 192.0.2.53\noptions timeout:30 attempts:5\n' >\"$resolv\"
mount --bind \"$resolv\" /etc/resolv.conf
rm \"$resolv\"
ip addr add 192.0.2.53/32 dev lo
nft 'table inet t { chain c { type filter hook input priority 0; udp dport 53 drop; tcp dport 53 drop; }; }'"
                  "mew-submit-https-tests"
                  '(mew-submit-https-tests--look-up))
                 '(connect connect nil))))

(ert-deftest mew-submit-https-tests-refused-meanwhile ()
  "One that is refused is told of at once, also while Emacs waits for another alone."
  (let* ((server (make-network-process :name "closed" :server t :noquery t
                                       :host "localhost" :service t))
         (port (process-contact server :service))
         (pipe (make-pipe-process :name "another" :noquery t))
         told)
    (delete-process server)
    (unwind-protect
        (progn
          (mew-submit-https--fetch (format "https://localhost:%d/" port)
                                   (lambda (answer) (setq told answer)))
          (while (null told)
            (accept-process-output pipe 0.5 nil t))
          (should (string-search "does not answer" (plist-get told :error))))
      (delete-process pipe))))

;;; An answer that nobody has read

(ert-deftest mew-submit-https-tests-answer-before-the-deadline ()
  "An answer that came while Emacs was not awake counts, though its time is over now."
  (dolist (whole '(t nil))
    (let* (guest told
           (server (make-network-process
                    :name "slow" :server t :noquery t :host "127.0.0.1" :service t
                    :coding 'binary
                    :filter (lambda (process _request) (setq guest process))))
           (exchange (mew-submit-https--fetch
                      (format "http://127.0.0.1:%d/" (process-contact server :service))
                      (lambda (answer) (setq told answer))
                      :form '(("grant_type" . "refresh_token")))))
      (unwind-protect
          (progn
            (mew-submit-test-until ("the request") guest)
            (process-send-string guest "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab")
            (when whole
              (process-send-string guest "c"))
            (timer-event-handler (mew-submit-https-timer exchange))
            (should (equal (plist-get told :body) (and whole "abc")))
            (should (equal (plist-get told :error)
                           (and (not whole) "127.0.0.1 did not answer in time")))
            (should (eq (plist-get told :sent) (not whole))))
        (delete-process server)))))

;;; Lawful oddities of an answer

(defun mew-submit-https-tests--answered (octets)
  "Return what is told of a server that answers with OCTETS and then closes."
  (let ((server (make-network-process
                 :name "odd" :server t :noquery t :host "127.0.0.1" :service t
                 :coding 'binary
                 :filter (lambda (guest _request)
                           (process-send-string guest octets)
                           (delete-process guest))))
        told)
    (unwind-protect
        (progn
          (mew-submit-https--fetch
           (format "http://127.0.0.1:%d/" (process-contact server :service))
           (lambda (answer) (setq told answer)))
          (mew-submit-test-until ("the answer") told))
      (delete-process server))))

;; With a regexp that gives blanks back one by one Emacs stands still for minutes.
(ert-deftest mew-submit-https-tests-blanks ()
  "However many blanks are in a field of the header, it is read at once."
  (let ((blanks (make-string 120000 ?\s)))
    (should (equal (plist-get (mew-submit-https-tests--answered
                               (concat "HTTP/1.1 200 OK\r\nLocation: a" blanks "b\r\n"
                                       "Content-Length: \t 3 \t\r\n\r\nabc"))
                              :body)
                   "abc")))
  (let* ((listener (mew-submit-loopback--start nil #'ignore))
         (port (mew-submit-loopback-port listener)))
    (unwind-protect
        (pcase-dolist (`(,host ,own) `((,(concat "a" (make-string 16000 ?\s) "b") nil)
                                       (,(format " \t127.0.0.1:%d \t" port) t)
                                       (,(format "127.0.0.1:%d\rx" port) nil)))
          (should (eq (and (mew-submit-loopback--own-name-p
                            listener (concat "GET / HTTP/1.1\r\nHost:" host "\r\n\r\n"))
                           t)
                      own)))
      (mew-submit-loopback--stop listener))))

(ert-deftest mew-submit-https-tests-sizes-of-chunks ()
  "The size of a chunk may have zeros before it, as many servers write it, and more behind."
  (pcase-dolist (`(,chunks ,body)
                 '(("3\r\nabc\r\n0\r\n\r\n" "abc")
                   ("0003\r\nabc\r\n0000\r\n\r\n" "abc")
                   ("00000003\r\nabc\r\n0000000B\r\ndefghijklmn\r\n00000000\r\n\r\n"
                    "abcdefghijklmn")
                   ("3   \r\nabc\r\n0\r\n\r\n" "abc")
                   ("3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n" "abc")
                   ("fffffffff\r\nabc\r\n0\r\n\r\n" nil)
                   ("\r\nabc\r\n0\r\n\r\n" nil)))
    (ert-info (chunks)
      (should (equal body (plist-get (mew-submit-https-tests--answered
                                      (concat "HTTP/1.1 200 OK\r\n"
                                              "Transfer-Encoding: chunked\r\n\r\n" chunks))
                                     :body))))))

(provide 'mew-submit-https-tests)
;;; mew-submit-https-tests.el ends here
