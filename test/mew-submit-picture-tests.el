;;; mew-submit-picture-tests.el --- Tests for mew-submit-picture.el and -diagnosis-view.el -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'dom)
(require 'mew-submit-diagnose)
(require 'cl-lib)
(require 'mew-submit-delivery)
(require 'mew-submit-diagnosis-view)
(require 'mew-submit-picture)
(require 'mew-submit-parcel)
(require 'mew-submit-test-helpers)
(require 'xml)

(defconst mew-submit-picture-tests--events
  '((:event resolved :family "ipv4" :addresses ("192.0.2.1") :ms 10 :at 10)
    (:event resolved :family "ipv6" :error "no IPv6 address is known" :ms 20 :at 20)
    (:event attempt :id 0 :port 587 :family "ipv4" :address "192.0.2.1" :at 30 :ms 20 :age 20
            :case 3 :text "filtered")
    (:event attempt :id 1 :port 25 :family "ipv4" :address "192.0.2.1" :at 100 :ms 40 :age 90
            :case 1 :text "open")
    (:event connected :id 1 :port 25 :family "ipv4" :at 100)
    (:event greeting :code 220 :at 150)
    (:event capabilities :at 160)
    (:event tls :at 200)
    (:event capabilities :secure t :at 210)
    (:event auth :at 230)
    (:event done :at 260))
  "The events of a message: 587 is filtered, 25 is held from 50 to 100 ms.")

(defun mew-submit-picture-tests--segments (row)
  "Return the segments of ROW, oldest first."
  (reverse (mew-submit-picture-row-segments row)))

(ert-deftest mew-submit-picture-tests-what-is-cut ()
  "Text that is too long fits; a terminal without the sign gets three dots for it."
  (require 'mew-submit-diagnosis-text)
  (dolist (dots '("…" "..."))
    (let ((truncate-string-ellipsis dots))
      (dolist (width '(8 9 20))
        (let ((middle (mew-submit-picture--fit "25 v6 2001:db8::1:2:3:4:5" width))
              (tail (mew-submit-diagnosis-text--cut "TLS1.3, AUTH SCRAM-SHA-256-PLUS" width)))
          (should (= (string-width middle) width))
          (should (string-prefix-p "25" middle))
          (should (string-suffix-p "5" middle))
          (should (string-search dots middle))
          (should (<= (string-width tail) width))
          (should (string-suffix-p dots tail)))))))

(ert-deftest mew-submit-picture-tests-rows-of-a-message ()
  "Look-ups, the attempt that failed, and the one that was held and then used."
  (pcase-let ((`(,four ,six ,failed ,used)
               (mew-submit-picture--rows mew-submit-picture-tests--events)))
    (should (equal (mew-submit-picture-tests--segments four) '((lookup 0 10))))
    (should (equal (mew-submit-picture-tests--segments six) '((failed 0 20))))
    (should (equal (mew-submit-picture-tests--segments failed) '((failed 10 30))))
    (should (equal (mew-submit-picture-tests--segments used)
                   '((syn 10 50) (held 50 100) (greeting 100 150) (ehlo 150 160) (tls 160 200)
                     (ehlo 200 210) (talk 210 230) (talk 230 260))))
    (should (equal (mew-submit-picture--verdict failed) "case 3, hard"))
    (should (equal (mew-submit-picture--label used) "25 v4 192.0.2.1"))))

(ert-deftest mew-submit-picture-tests-a-kept-connection-has-a-row ()
  "A message that goes over a connection that was kept has a row all the same."
  (let ((rows (mew-submit-picture--rows
               '((:event connected :port 587 :family "ipv4" :address "192.0.2.1" :at 2)
                 (:event reply :at 20) (:event done :at 21)))))
    (should (= 1 (length rows)))
    (should (equal (mew-submit-picture-tests--segments (car rows))
                   '((talk 2 20) (talk 20 21))))))

(defun mew-submit-picture-tests--diagnosis ()
  "Return a diagnosis that has ended, without a network."
  (list :host "mail.example.org" :began (current-time)
        :lookups '((:family "ipv4" :addresses ("192.0.2.1") :ms 5.0))
        :ports '((587 starttls submission) (465 implicit submission))
        :attempts
        (list (list :id 0 :port 587 :family "ipv4" :address "192.0.2.1" :mode "starttls"
                    :service 'submission :state 'ended :case 5 :ms 10000.0 :text "silence"
                    :times '((connecting . 5.0) (failed . 10005.0) (ended . 10005.1)))
              (list :id 1 :port 465 :family "ipv4" :address "192.0.2.1" :mode "implicit"
                    :service 'submission :state 'ended :case 1 :ms 20.0 :text "open"
                    :tls '(:version "TLS1.3" :cipher "x" :verified t) :auth-tls '("PLAIN")
                    :capabilities-tls '("AUTH") :ehlo-name "mail.example.org"
                    :times '((connecting . 5.0) (connected . 25.0) (tls . 80.0)
                             (greeting . 120.0) (ehlo-tls . 140.0) (ended . 150.0))))
        :done '(:kind "ok")))

(ert-deftest mew-submit-picture-tests-rows-of-a-diagnosis ()
  "The times of an attempt are its phases; while it lasts, the last phase grows."
  (let* ((diagnosis (mew-submit-picture-tests--diagnosis))
         (rows (mew-submit-picture--of-diagnosis diagnosis (plist-get diagnosis :attempts))))
    (should (= 3 (length rows)))
    (should (equal (mew-submit-picture-tests--segments (nth 1 rows)) '((failed 5.0 10005.0))))
    (should (equal (mew-submit-picture-tests--segments (nth 2 rows))
                   '((syn 5.0 25.0) (tls 25.0 80.0) (greeting 80.0 120.0) (ehlo 120.0 140.0)
                     (talk 140.0 150.0)))))
  (let* ((began (time-subtract nil 2))
         (attempt (list :id 0 :port 587 :state 'connecting :times '((connecting . 100.0))))
         (row (cadr (mew-submit-picture--of-diagnosis
                     (list :began began :lookups '((:family "ipv4" :ms 1))
                           :attempts (list attempt))
                     (list attempt)))))
    (pcase-let ((`(,phase ,from ,to) (car (mew-submit-picture-row-segments row))))
      (should (eq phase 'syn))
      (should (= from 100.0))
      (should (<= 2000 to (* 1000 (float-time (time-since began))))))))

(defun mew-submit-picture-tests--random-row (number)
  "Return a row with NUMBER and phases drawn by lot."
  (let ((row (mew-submit-picture--make-row
              :id number :port (random 65535) :family "ipv6"
              :address "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" :last (random 50) :verdict 5)))
    (dotimes (_ (random 12))
      (mew-submit-picture--add row (car (nth (random 8) mew-submit-picture--phases))
                               (+ (mew-submit-picture-row-last row)
                                  (random (if (zerop (random 3)) 20000 40)))))
    row))

(ert-deftest mew-submit-picture-tests-chart-fits-and-shows-every-phase ()
  "No line of a chart is too long, and no phase is lost, however short it was."
  (random "the same each time")
  (dotimes (_ 200)
    (let* ((rows (mapcar #'mew-submit-picture-tests--random-row (number-sequence 0 (random 6))))
           (width (+ 60 (random 60))))
      (pcase-dolist (`(,line . ,row) (mew-submit-picture--text rows width))
        (should (<= (string-width line) width))
        (when row
          (dolist (segment (mew-submit-picture-row-segments row))
            (should (string-search
                     (char-to-string (mew-submit-picture--letter (car segment)))
                     line))))))))

(ert-deftest mew-submit-picture-tests-chart-of-a-message ()
  "The chart of a message, as a terminal of 80 columns shows it."
  (let ((lines (mapcar #'car (mew-submit-picture--text
                              (mew-submit-picture--rows mew-submit-picture-tests--events) 80))))
    (should (string-match-p "\\`look-up IPv4 +LL +1 found" (nth 0 lines)))
    (should (string-match-p "\\`587 v4 192\\.0\\.2\\.1 +x+ +case 3, hard" (nth 2 lines)))
    (should (string-match-p "\\`25 v4 192\\.0\\.2\\.1 +S+H+G+E+T+E+\\.+ +case 1, open" (nth 3 lines)))
    (should (string-match-p "\\` +0 +50 ms +100 ms" (nth 4 lines)))))

(ert-deftest mew-submit-picture-tests-svg-is-well-formed ()
  "The SVG has a pattern for each phase, a box for each segment, the labels and the colours."
  (skip-unless (fboundp 'libxml-parse-xml-region))
  (let* ((rows (mew-submit-picture--rows mew-submit-picture-tests--events))
         (colors (append '("#eeeeee" "#111111")
                         (mapcar (lambda (entry) (cons (car entry) "#123456"))
                                 mew-submit-picture--phases)))
         (octets (mew-submit-picture--octets (mew-submit-picture--svg rows 800 colors)))
         (dom (with-temp-buffer
                (insert (decode-coding-string octets 'utf-8))
                (libxml-parse-xml-region (point-min) (point-max))))
         (segments (apply #'+ (mapcar (lambda (row)
                                        (length (mew-submit-picture-row-segments row)))
                                      rows))))
    (should (eq (dom-tag dom) 'svg))
    (should (= (length (dom-by-tag dom 'pattern)) (length mew-submit-picture--phases)))
    (should (= (+ segments (length mew-submit-picture--phases)) ; and the legend
               (seq-count (lambda (rect) (string-prefix-p "url(#phase-" (or (dom-attr rect 'fill) "")))
                          (dom-by-tag dom 'rect))))
    (should (member "587 v4 192.0.2.1" (mapcar (lambda (text) (string-trim (apply #'concat (dom-strings text))))
                                               (dom-by-tag dom 'text))))
    (should (seq-some (lambda (rect) (equal (dom-attr rect 'fill) "#111111"))
                      (dom-by-tag dom 'rect)))
    (should (= (length (mew-submit-picture--map rows 800 1.0)) (length rows)))))

(ert-deftest mew-submit-picture-tests-escapes-what-servers-say ()
  "A name or a text of the network cannot put anything into the SVG."
  (let* ((rows (mew-submit-picture--rows
                '((:event resolved :family "ipv4" :error "</text><script>x</script>" :ms 1 :at 1))))
         (text (decode-coding-string
                (mew-submit-picture--octets
                 (mew-submit-picture--svg rows 800 (mew-submit-picture--colors)))
                'utf-8)))
    (should-not (string-match-p "<script>" text))))

;;; The report

(ert-deftest mew-submit-picture-tests-use-this-route ()
  "A route that works becomes the account's, after a yes; one that does not is refused."
  (let* ((diagnosis (mew-submit-picture-tests--diagnosis))
         (attempts (plist-get diagnosis :attempts))
         (mew-submit-accounts '((:name "a" :server "mail.example.org" :plan "submission" :user "u")
                                (:name "b" :server "other.example.org")))
         saved)
    (cl-letf (((symbol-function 'customize-save-variable)
               (lambda (variable value) (setq saved (cons variable value))))
              ((symbol-function 'yes-or-no-p) (lambda (&rest _) nil)))
      (should-error (mew-submit-diagnosis-view--use diagnosis (car attempts)) :type 'user-error)
      (should-error (mew-submit-diagnosis-view--use diagnosis (cadr attempts)) :type 'user-error)
      (should-not saved)
      (cl-letf (((symbol-function 'yes-or-no-p) #'always))
        (should-error (mew-submit-diagnosis-view--use diagnosis (car attempts)) :type 'user-error)
        (should-not saved)
        (mew-submit-diagnosis-view--use diagnosis (cadr attempts))
        (should (equal saved
                       '(mew-submit-accounts
                         (:name "a" :server "mail.example.org" :user "u" :routes "465:implicit")
                         (:name "b" :server "other.example.org"))))))
    (let ((mew-submit-accounts nil))
      (should (equal (mew-submit-diagnosis-view--accounts "new.example.org" "465:implicit")
                     '((:server "new.example.org" :routes "465:implicit")))))))

(ert-deftest mew-submit-picture-tests-report-has-picture-and-buttons ()
  "The report of a real server: a row of the chart opens its details, and all copies work."
  (mew-submit-test-with-peer (peer "--user" "u" "--password" "p" "127.0.0.1:0,name=good")
    (save-window-excursion
      (let ((account (list :server "127.0.0.1" :ca-file (mew-submit-test-ca peer))))
        (mew-submit-diagnose--show
         account :ports (mew-submit-probe--parse-ports
                         (format "%d:starttls:submission" (mew-submit-test-port peer "good"))))
        (mew-submit-test-until ("the diagnosis")
          (not (mew-submit-diagnose--running-p)))
        (mew-submit-view--draw)
        (goto-char (point-min))
        (search-forward "[g again] ")
        (should (re-search-forward "^[0-9]+ v4 127\\.0\\.0\\.1 +S*G*E*\\.*T*E*\\.+ +case 1, open$"))
        (push-button (match-beginning 0))
        (should (string-match-p "^ +fingerprint" (buffer-string)))
        (mew-submit-view-copy)
        (should (string-match-p "TLS1\\.3" (current-kill 0)))
        (mew-submit-diagnose-copy-org)
        (should (string-match-p "^| [0-9]+ | ipv4 " (current-kill 0)))
        (mew-submit-diagnose-copy-json)
        (should (equal "127.0.0.1"
                       (plist-get (car (mew-submit-test-json-lines (current-kill 0))) :host)))
        (let ((file (expand-file-name "x.svg" (mew-submit-test-peer-directory peer))))
          (mew-submit-diagnose-save-svg file)
          (should (string-prefix-p "<?xml" (mew-submit-test-octets file))))
        (mew-submit-diagnose-other-ports "1")
        (mew-submit-test-until ("the other ports")
          (not (mew-submit-diagnose--running-p)))
        (should-error (mew-submit-diagnose-use-route) :type 'user-error)
        (kill-buffer)))))

(ert-deftest mew-submit-picture-tests-events-of-a-delivery-tell-when ()
  "Each event of a delivery says when it was, and they make a row from SYN to talk."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,noauth,name=good")
    (let (events)
      (mew-submit-test-run (mew-submit-test-account peer "good" :auth "none")
                           "From: a@example.org\nTo: b@example.org\nSubject: x\n\nx\n"
                           :on-event (lambda (event) (push event events)))
      (setq events (nreverse events))
      (dolist (event events)
        (unless (eq (plist-get event :event) 'done)
          (should (numberp (plist-get event :at)))))
      (let ((row (car (last (mew-submit-picture--rows events)))))
        (should (equal (mew-submit-picture-row-verdict row) 1))
        (should (memq 'tls (mapcar #'car (mew-submit-picture-row-segments row))))))))

(ert-deftest mew-submit-picture-tests-shows-the-last-delivery ()
  "The waterfall of the last message is there, with words, after a fallback too."
  (mew-submit-test-with-peer (peer "127.0.0.1:0,refused,name=shut"
                                   "127.0.0.1:0,noauth,name=good")
    (save-window-excursion
      (mew-submit-test-run
       (list :server "127.0.0.1" :ca-file (mew-submit-test-ca peer) :auth "none" :fallback 'always
             :routes (format "%d:starttls,%d:starttls" (mew-submit-test-port peer "shut")
                             (mew-submit-test-port peer "good")))
       "From: a@example.org\nTo: b@example.org\nSubject: x\n\nx\n")
      (mew-submit-last-delivery)
      (with-current-buffer "*mew-submit delivery*"
        (should (string-match-p (if (mew-submit-portable-p)
                                    "^[0-9]+ v4 127\\.0\\.0\\.1 +x+ +case 2 or 3$"
                                  "^[0-9]+ v4 127\\.0\\.0\\.1 +x+ +case 2, RST$")
                                (buffer-string)))
        (should (string-match-p "^[0-9]+ v4 127\\.0\\.0\\.1 +[SHGETx.]+ +case 1, open$"
                                (buffer-string)))
        (should (string-prefix-p "Mail to b@example.org\n" (buffer-string)))
        (should (string-match-p "^delivered to b@example\\.org" (buffer-string)))
        ;; A row has no more to tell.
        (should-not (next-button (point-min) t))
        (should-error (mew-submit-view-press) :type 'user-error)
        (kill-buffer)))))

(ert-deftest mew-submit-picture-tests-attempts-are-apart ()
  "Each attempt of the last message is an item of its own, filled."
  (let* ((attempt '(:port 25 :address "192.0.2.32" :family "ipv4" :tls "starttls" :case 2
                    :ms 0.1 :text "nothing listens there, or a firewall says so there"))
         (words (mew-submit-delivery--words
                 (list :kind "connect" :result "deferred" :text "No route"
                       :attempts (list attempt attempt attempt)))))
    (should (= 3 (cl-count-if (lambda (line) (string-prefix-p "- 192.0.2.32" line))
                              (split-string words "\n"))))
    (dolist (line (split-string words "\n"))
      (should (< (length line) 79))
      (should-not (string-match-p "[^ \n].* - 192" line)))))

;;; The pictures of README.org

(defconst mew-submit-picture-tests--documented
  '((:event resolved :family "ipv4" :addresses ("192.0.2.35") :ms 1 :at 1)
    (:event resolved :family "ipv6" :addresses ("2001:db8::23") :ms 1 :at 1)
    (:event attempt :id 0 :port 587 :family "ipv6" :address "2001:db8::23" :at 2 :ms 1 :age 1
            :case 3)
    (:event attempt :id 1 :port 587 :family "ipv4" :address "192.0.2.35" :at 757 :ms 756 :age 756
            :case 5)
    (:event attempt :id 2 :port 25 :family "ipv6" :address "2001:db8::23" :at 757 :ms 1 :age 502
            :case 1)
    (:event connected :id 2 :port 25 :family "ipv6" :at 757)
    (:event greeting :code 220 :at 758)
    (:event done :at 790))
  "The delivery that test/tool/pictures.el has drawn, as far as its words go.")

(defun mew-submit-picture-tests--words (svg)
  "Return the words of the string SVG: its texts without times and single letters."
  (with-temp-buffer
    (insert svg)
    (sort (seq-remove (lambda (text)
                        (string-match-p "\\`\\(.\\|[0-9.]+ m?s\\)\\'" text))
                      (mapcar (lambda (node) (string-trim (apply #'concat (dom-strings node))))
                              (dom-by-tag (car (xml-parse-region (point-min) (point-max)))
                                          'text)))
          #'string<)))

(ert-deftest mew-submit-picture-tests-documented ()
  "README.org's pictures of a delivery have the words that are drawn today.
Where this fails, the pictures are old: run make pictures."
  (let* ((drawn (mew-submit-picture-tests--words
                 (mew-submit-picture--octets
                  (mew-submit-picture--svg
                   (mew-submit-picture--rows mew-submit-picture-tests--documented)
                   860 (mew-submit-picture--colors)))))
         (doc (expand-file-name "doc/" mew-submit-test-root)))
    (should (member "587 v4 192.0.2.35" drawn))
    (dolist (name '("waterfall.svg" "waterfall-dark.svg"))
      (should (equal (mew-submit-picture-tests--words
                      (with-temp-buffer
                        (insert-file-contents (expand-file-name name doc))
                        (buffer-string)))
                     drawn)))))

(provide 'mew-submit-picture-tests)
;;; mew-submit-picture-tests.el ends here
