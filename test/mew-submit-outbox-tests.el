;;; mew-submit-outbox-tests.el --- Tests for the outbox as a table -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; What the table says in windows of several widths, its menu and help, and messages as
;; their readers see them.  Entries are made up; none is on disk.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-outbox)
(require 'mew-submit-clients)
(require 'mew-submit-test-helpers)

(defmacro mew-submit-outbox-tests--with (entries &rest body)
  "Run BODY where ENTRIES are all there is in the outbox."
  (declare (indent 1))
  `(let ((entries ,entries))
     (clrhash mew-submit-outbox--rows)
     (cl-letf (((symbol-function 'mew-submit-known--entries) (lambda (&rest _) entries))
               ((symbol-function 'mew-submit-known--entry)
                (lambda (id &rest _)
                  (seq-find (lambda (entry) (equal (plist-get entry :id) id)) entries)))
               ((symbol-function 'mew-submit-known--refresh) #'ignore)
               ((symbol-function 'mew-submit-dispatch--run) #'ignore)
               ((symbol-function 'mew-submit-known--progress) #'ignore))
       (save-window-excursion
         (unwind-protect
             (progn ,@body)
           (when (get-buffer "*mew-submit outbox*")
             (kill-buffer "*mew-submit outbox*")))))))

(defun mew-submit-outbox-tests--entry (id &rest keys)
  "Return the entry ID with KEYS."
  (append keys
          (list :id id :directory "/nonexistent/" :stem (concat "/nonexistent/" id)
                :state 'queued :bytes 2000
                :recipients '("somebody@example.org") :subject "Minutes of the meeting"
                :attempts 3 :kind "connect" :result "deferred"
                :account '(:name "work" :server "mail.example.org")
                :last "No route leads to mail.example.org: port 587 over IPv4 (192.0.2.1): \
filtered on the way, or the host is down")))

(defun mew-submit-outbox-tests--table (width)
  "Show the table in a window of WIDTH; return its buffer."
  (cl-letf (((symbol-function 'window-width) (lambda (&rest _) width)))
    (mew-submit-outbox)
    (current-buffer)))

(defun mew-submit-outbox-tests--line (width)
  "Return the first line of the table in a window of WIDTH, as it is seen there."
  (with-current-buffer (mew-submit-outbox-tests--table width)
    (let* ((columns (mew-submit-outbox--columns width))
           (entry (tabulated-list-get-entry (point-min)))
           (line ""))
      (if (null entry)
          (buffer-string)
        (dotimes (at (length columns))
          (let ((size (nth 1 (nth at columns))))
            (setq line (concat line " "
                               (truncate-string-to-width
                                (string-pad (substring-no-properties (aref entry at)) size)
                                (if (zerop size) 1000 size))))))
        (truncate-string-to-width line width)))))

(ert-deftest mew-submit-outbox-tests-columns-fit-the-window ()
  "At 80 columns the reason can be read, and a wide window is used."
  (mew-submit-outbox-tests--with (list (mew-submit-outbox-tests--entry "1"))
    (let ((line (mew-submit-outbox-tests--line 80)))
      (should (string-search "server cannot be reached" line))
      (should-not (string-search "work" line)))
    ;; Half of a frame: the reason counts most.
    (let ((line (mew-submit-outbox-tests--line 48)))
      (should (string-search "server cannot be rea" line))
      (should (string-search "somebody@exam" line)))
    (let ((line (mew-submit-outbox-tests--line 160)))
      (should (string-search "server cannot be reached" line))
      (should (string-search " work " line))
      (should (string-search "somebody@example.org" line))
      (should (string-search "Minutes of the meeting" line)))))

(ert-deftest mew-submit-outbox-tests-the-server-s-words-first ()
  "The server's words come first, also where several recipients wait for one cause.
Where each was refused by words of its own, it says who by which."
  (pcase-dolist (`(,state ,text ,shown)
                 '((queued "192.0.2.1 cannot take the sender now, try again later: 450 Full"
                           "450 Full")
                   (refused "a@x: 550 Odd; b@x: 550 Even" "a@x: 550 Odd; b@x: 550 Even")))
    (should (equal shown
                   (mew-submit-outbox--last
                    (list :state state :recipients '("a@x" "b@x") :last text
                          :kind (if (eq state 'queued) "deferred" "refused")))))))

(ert-deftest mew-submit-outbox-tests-marks ()
  "What is marked is what is sent, held, deleted; one that fails stops no other."
  (mew-submit-outbox-tests--with (mapcar #'mew-submit-outbox-tests--entry '("1" "2" "3"))
    (let (done)
      (with-current-buffer (mew-submit-outbox-tests--table 80)
        (cl-flet ((marks () (let (found)
                              (save-excursion
                                (goto-char (point-min))
                                (while (not (eobp))
                                  (when (eq (char-after) ?*)
                                    (push (tabulated-list-get-id) found))
                                  (forward-line)))
                              (nreverse found))))
          (cl-letf (((symbol-function 'mew-submit-queue--hold)
                     (lambda (id &rest _)
                       (when (equal id "1")
                         (user-error "It may have arrived"))
                       (push (list 'hold id) done)))
                    ((symbol-function 'mew-submit-queue--cancel)
                     (lambda (id) (push (list 'cancel id) done)))
                    ((symbol-function 'mew-submit-queue--delete)
                     (lambda (id) (push (list 'delete id) done)))
                    ((symbol-function 'yes-or-no-p)
                     (lambda (text) (push text done) t)))
            ;; What goes wrong with one is told in words.
            (cl-letf (((symbol-function 'mew-submit-queue--delete)
                       (lambda (_) (mew-submit-error--throw 'config nil "No room"))))
              (goto-char (point-min))
              (should (equal (should-error (mew-submit-outbox-delete))
                             '(user-error "No room"))))
            ;; Without marks it is the one at point.
            (goto-char (point-min))
            (mew-submit-outbox-cancel)
            (should (equal (car done) '(cancel "1")))
            (setq done nil)
            (goto-char (point-min))
            (mew-submit-outbox-mark)
            (should (equal (tabulated-list-get-id) "2"))
            (mew-submit-outbox-mark)
            (should (equal (marks) '("1" "2")))
            (should (string-search "2 marked" (mew-submit-outbox--count)))
            ;; Marks outlive a new look at the table, and what leaves is not marked.
            (mew-submit-outbox--print)
            (should (equal (marks) '("1" "2")))
            (mew-submit-outbox--patch)
            (should (equal (marks) '("1" "2")))
            (should-error (mew-submit-outbox-hold-until (+ (float-time) 60))
                          :type 'user-error)
            (should (equal done '((hold "2"))))
            (should-not (marks))
            (goto-char (point-min))
            (mew-submit-outbox-mark)
            (mew-submit-outbox-mark)
            (goto-char (point-min))
            (mew-submit-outbox-unmark)
            (should (equal (marks) '("2")))
            (goto-char (point-min))
            (mew-submit-outbox-mark)
            (setq done nil)
            (mew-submit-outbox-delete)
            (should (equal (sort (mapcar #'cadr (seq-filter #'consp done)) #'string<)
                           '("1" "2")))
            (should (member "Delete 2 mails for good? " done))
            (goto-char (point-min))
            (mew-submit-outbox-mark)
            (mew-submit-outbox-unmark-all)
            (should-not (marks))))))))

(ert-deftest mew-submit-outbox-tests-a-time-is-for-what-was-chosen ()
  "While a time is asked for what was chosen may leave; no other takes its place."
  (mew-submit-outbox-tests--with (mapcar #'mew-submit-outbox-tests--entry '("1" "2"))
    (let (held)
      (with-current-buffer (mew-submit-outbox-tests--table 80)
        (cl-letf (((symbol-function 'mew-submit-queue--hold)
                   (lambda (id &rest _) (push id held)))
                  ((symbol-function 'mew-submit-time--read)
                   (lambda ()
                     (pop entries)
                     (mew-submit-outbox--patch)
                     (should (equal (tabulated-list-get-id) "2"))
                     (+ (float-time) 60))))
          (goto-char (point-min))
          (call-interactively #'mew-submit-outbox-hold-until)
          (should (equal held '("1"))))))))

(ert-deftest mew-submit-outbox-tests-what-has-left-is-told-in-words ()
  "A marked message that leaves while another is asked about is no Lisp error."
  (mew-submit-outbox-tests--with (mapcar #'mew-submit-outbox-tests--entry '("1" "2"))
    (with-current-buffer (mew-submit-outbox-tests--table 80)
      (cl-letf (((symbol-function 'mew-submit-notice-message--send)
                 (lambda (entry)
                   (should entry)
                   (setq entries nil))))
        (goto-char (point-min))
        (mew-submit-outbox-mark)
        (mew-submit-outbox-mark)
        (should (equal (error-message-string
                        (should-error (mew-submit-outbox-send) :type 'user-error))
                       "1 of 2 mails: That message is not in the outbox any more"))))))

(ert-deftest mew-submit-outbox-tests-point-stays ()
  "Where the message at point has left the next one is there, and else the column.
In a table that is sorted point went to the top, and the next key was for another."
  (mew-submit-outbox-tests--with (mapcar #'mew-submit-outbox-tests--entry
                                         '("1" "2" "3" "4" "5"))
    (with-current-buffer (mew-submit-outbox-tests--table 80)
      (switch-to-buffer (current-buffer))
      (let ((other (split-window)))
        (dolist (draw '(mew-submit-outbox--print mew-submit-outbox--patch))
          (goto-char (point-min))
          (forward-line 2)
          (move-to-column 20)
          (set-window-point other (point))
          ;; The one at point changes, then it goes, with one above it.
          (pcase-dolist (`(,entry . ,id)
                         `((,(mew-submit-outbox-tests--entry "3" :state 'held) . "3")
                           (nil . "4")))
            (setq entries
                  (if entry
                      (mapcar (lambda (it) (if (equal (plist-get it :id) "3") entry it))
                              entries)
                    (seq-remove (lambda (it) (member (plist-get it :id) '("1" "3")))
                                entries)))
            (funcall draw)
            (dolist (position (list (point) (window-point other)))
              (goto-char position)
              (ert-info ((format "%s %s" draw id))
                (should (equal (tabulated-list-get-id) id))
                (should (equal (current-column) 20)))))
          (setq entries (mapcar #'mew-submit-outbox-tests--entry '("1" "2" "3" "4" "5")))
          (mew-submit-outbox--print))))))

(ert-deftest mew-submit-outbox-tests-narrowed ()
  "What comes while the table is narrowed is there once, and so is all else."
  (mew-submit-outbox-tests--with (mapcar #'mew-submit-outbox-tests--entry '("1" "2" "3"))
    (with-current-buffer (mew-submit-outbox-tests--table 80)
      (goto-char (point-min))
      (forward-line)
      (narrow-to-region (point) (line-beginning-position 2))
      (setq entries (append entries (list (mew-submit-outbox-tests--entry "4"))))
      (mew-submit-outbox--patch)
      (widen)
      (should (equal (count-lines (point-min) (point-max)) 4))
      (should (equal (tabulated-list-get-id) "2")))))

(ert-deftest mew-submit-outbox-tests-empty ()
  "An empty outbox says so, and no longer when there is something."
  (mew-submit-outbox-tests--with nil
    (should (string-search "outbox is empty" (mew-submit-outbox-tests--line 80)))
    (setq entries (list (mew-submit-outbox-tests--entry "1")))
    (cl-letf (((symbol-function 'get-buffer-window) (lambda (&rest _) t))
              ((symbol-function 'get-buffer-window-list) #'ignore)
              ((symbol-function 'window-width) (lambda (&rest _) 80)))
      (set-buffer "*mew-submit outbox*")
      (mew-submit-outbox--refresh)
      (should-not (string-search "empty" (buffer-string)))
      (setq entries nil)
      (mew-submit-outbox--refresh)
      (should (string-search "empty" (buffer-string))))))

(ert-deftest mew-submit-outbox-tests-no-number-is-cut ()
  "What is at 100 % is not shown as at 10, nor a time without its end.
Months have long names in some languages."
  (let* ((entry (mew-submit-outbox-tests--entry
                 "1" :state 'sending :next (+ (float-time) 10000000)))
         (time (cl-letf* ((real (symbol-function 'format-time-string))
                          ((symbol-function 'format-time-string)
                           (lambda (format &rest rest)
                             (apply real (if (equal system-time-locale "C") format
                                           (string-replace "%b" "joulu" format))
                                    rest))))
                 (mew-submit-outbox--next (append '(:state held) entry))))
         (state (cl-letf (((symbol-function 'mew-submit-known--progress)
                           (lambda (_) '(2000 . 2000))))
                  (mew-submit-outbox--state entry))))
    (should (equal-including-properties
             state (propertize "sending 100%" 'face 'mew-submit-sending)))
    (should (string-match-p " [0-9:]+\\'" time))
    (dolist (width '(48 80 99 100 200))
      (pcase-dolist (`(,name ,room . ,_) (mew-submit-outbox--columns width))
        (pcase name
          ("State" (should (<= (string-width state) room)))
          ("Next" (should (<= (string-width time) room))))))))

(ert-deftest mew-submit-outbox-tests-next ()
  "When it is tried next has a time always, and a day where that is another one."
  (let ((noon (float-time (encode-time '(0 0 12 26 11 2026 nil -1 nil)))))
    (pcase-dolist (`(,after ,words)
                   '((3600 "13:00") (46800 "Fri 01:00") (72000 "Fri 08:00")
                     (864000 "06 Dec 12:00") (90000000 "2029-10-03")))
      (should (equal (mew-submit-outbox--time (+ noon after) noon) words))))
  (should (equal (mew-submit-outbox--next (list :state 'queued :next (1- (float-time))))
                 "soon"))
  (should (string-match-p "[0-9]:[0-9]" (mew-submit-outbox--next
                                         (list :state 'held
                                               :next (+ (float-time) 3600))))))

(ert-deftest mew-submit-outbox-tests-sorts-by-what-is-meant ()
  "Times and sizes are in the order of what they are, not of their letters."
  (mew-submit-outbox-tests--with
      (list (mew-submit-outbox-tests--entry "1" :next (+ (float-time) 400000) :bytes 900)
            (mew-submit-outbox-tests--entry "2" :next (+ (float-time) 60) :bytes 10000))
    (mew-submit-outbox-tests--table 160)
    (pcase-dolist (`(,column . ,first) '(("Next" . "2") ("Size" . "1")))
      (setq tabulated-list-sort-key (cons column nil))
      (mew-submit-outbox--print)
      (goto-char (point-min))
      (should (equal (tabulated-list-get-id) first)))))

(ert-deftest mew-submit-outbox-tests-why-it-is-being-sent ()
  "w goes to the question that a message waits with; of one under way it says no old reason."
  (mew-submit-outbox-tests--with
      (list (mew-submit-outbox-tests--entry "1" :state 'sending))
    (mew-submit-outbox-tests--table 80)
    (goto-char (point-min))
    (let (question answered)
      (cl-letf (((symbol-function 'mew-submit-queue--question)
                 (lambda (id) (and (equal id "1") question)))
                ((symbol-function 'mew-submit-answer) (lambda () (setq answered t))))
        (should (string-match-p "being sent" (cadr (should-error (mew-submit-outbox-why)
                                                                 :type 'user-error))))
        (setq question t)
        (mew-submit-outbox-why)
        (should answered)))))

(ert-deftest mew-submit-outbox-tests-sorts-from-anywhere ()
  "S needs no more than a message; where there is none, and on reasons, that is said.
With M-- S messages are in the order in which they came again."
  (mew-submit-outbox-tests--with
      (list (mew-submit-outbox-tests--entry "1" :state 'queued :bytes 900)
            (mew-submit-outbox-tests--entry "2" :state 'held :bytes 10000))
    (mew-submit-outbox-tests--table 160)
    (let ((first (lambda (&optional prefix)
                   (let ((current-prefix-arg prefix))
                     (goto-char (point-min))
                     (call-interactively #'mew-submit-outbox-sort))
                   (goto-char (point-min))
                   (tabulated-list-get-id))))
      (should (equal (funcall first) "2"))
      (should (equal (funcall first) "1"))
      (should (equal (funcall first 4) "1"))
      (should (equal (funcall first 4) "2"))
      (should (equal (funcall first '-) "1"))
      (should-error (funcall first 40) :type 'user-error)
      (goto-char (1- (line-end-position)))
      (should-error (mew-submit-outbox-sort) :type 'user-error)
      (goto-char (point-max))
      (should-error (mew-submit-outbox-sort) :type 'user-error)))
  (mew-submit-outbox-tests--with nil
    (mew-submit-outbox-tests--table 80)
    (should (string-search "Go to" (cadr (should-error (mew-submit-outbox-sort)))))))

(ert-deftest mew-submit-outbox-tests-keys ()
  "S sorts, as in other lists; ? tells the keys, and the menu has the commands."
  (should (eq (lookup-key mew-submit-outbox-mode-map "S") #'mew-submit-outbox-sort))
  (should (eq (lookup-key mew-submit-outbox-mode-map "A")
              #'mew-submit-outbox-send-all))
  (pcase-dolist (`(,map ,menu ,help ,key)
                 `((,mew-submit-outbox-mode-map ,mew-submit-outbox--menu
                    mew-submit-outbox-help "^s +Send now ")
                   (,mew-submit-notice-mode-map ,mew-submit-notice-message--menu
                    mew-submit-notice-help "^r +Send it again ")))
    (should (eq (lookup-key map "?") help))
    (should (keymapp (lookup-key map (vector 'menu-bar (intern (downcase (car menu)))))))
    ;; Whatever the menu names can be done, and by a key.
    (dolist (item (cdr menu))
      (when (vectorp item)
        (should (commandp (aref item 1)))
        (should (seq-remove (lambda (key) (eq (aref key 0) 'menu-bar))
                            (where-is-internal (aref item 1) map)))))
    (save-window-excursion
      (cl-letf (((symbol-function 'window-width) (lambda (&rest _) 80)))
        (funcall help))
      (with-current-buffer "*mew-submit keys*"
        (should (string-match-p key (buffer-string)))
        (kill-buffer))
      ;; In a narrow window there is one column.
      (cl-letf (((symbol-function 'window-width) (lambda (&rest _) 60)))
        (funcall help))
      (with-current-buffer "*mew-submit keys*"
        (dolist (line (split-string (buffer-string) "\n"))
          (should (< (string-width line) 48)))
        (kill-buffer)))
    ;; They are in two columns of a terminal.
    (dolist (line (mew-submit-menu--keys menu map))
      (should (< (string-width line) 39))))
  (should (< (string-width mew-submit-outbox--keys) 80)))

(ert-deftest mew-submit-outbox-tests-menu-in-mail-buffers ()
  "Message and Mail mode and Tools have entries while the mode is on, and only then."
  (require 'message)
  (require 'sendmail)
  (let ((there (lambda ()
                 (list (keymapp (lookup-key message-mode-map [menu-bar mew-submit]))
                       (keymapp (lookup-key mail-mode-map [menu-bar mew-submit]))
                       (and (lookup-key global-map
                                        [menu-bar tools mew-submit-outbox])
                            t)))))
    (mew-submit-menu--put t)
    ;; Else Emacs warns everybody who composes mail: "You have Mail mode variables
    ;; customized".
    (dolist (variable '(mail-mode-hook mail-send-hook mail-setup-hook mail-citation-hook))
      (should-not (and (boundp variable) (symbol-value variable))))
    (should (equal (funcall there) '(t t t)))
    (mew-submit-menu--put nil)
    (should (equal (funcall there) '(nil nil nil)))))

(ert-deftest mew-submit-outbox-tests-a-menu-bar-of-the-users ()
  "Who has taken Tools out of the menu bar, or all menus, can turn the mode on and off."
  (let ((global global-map))
    (dolist (gone '([menu-bar tools] [menu-bar]))
      (dolist (instead '(nil undefined))
        (let ((global-map (copy-keymap global)))
          (define-key global-map gone instead)
          (mew-submit-menu--put t)
          (mew-submit-menu--put nil))))))

(defun mew-submit-outbox-tests--decoded (message)
  "Return what is shown of MESSAGE."
  (mew-submit-test-with-directory directory
    (let ((file (mew-submit-test-write (expand-file-name "m" directory)
                                       (string-replace "\n" "\r\n" message))))
      (with-temp-buffer
        (mew-submit-outbox--insert-decoded file)
        (buffer-string)))))

(ert-deftest mew-submit-outbox-tests-shows-what-a-reader-sees ()
  "RET shows the text of a message, whatever it was encoded in."
  (let ((text "日本語のテキスト\n"))
    (dolist (message
             (list (concat "From: a@x\nSubject: =?utf-8?B?5pel5pys?=\nMIME-Version: 1.0\n\
Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
                           (base64-encode-string (encode-coding-string text 'utf-8))
                           "\n")
                   (concat "From: a@x\nSubject: =?utf-8?B?5pel5pys?=\nMIME-Version: 1.0\n\
Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; \
charset=iso-2022-jp\nContent-Transfer-Encoding: 7bit\n\n"
                           (encode-coding-string text 'iso-2022-jp)
                           "\n--b\nContent-Type: image/png\n\nx\n--b--\n")))
      (let ((shown (mew-submit-outbox-tests--decoded message)))
        (should (string-search "日本語のテキスト" shown))
        (should (string-match-p "^Subject: 日本$" shown))
        (should-not (string-search "Content-" shown)))))
  (let ((shown (mew-submit-outbox-tests--decoded
                (encode-coding-string "From: jos\u00e9@x\nSubject: Gr\u00fc\u00dfe\n\nh\n"
                                      'utf-8))))
    (should (string-search "From: jos\u00e9@x\n" shown))
    (should (string-search "Subject: Gr\u00fc\u00dfe\n" shown)))
  ;; A charset that nobody knows, or that cannot be right, is no reason to show octets.
  (dolist (charset '("x-unknown" "us-ascii" "binary" "\"\""))
    (ert-info (charset)
      (should (string-search
               "\u65e5\u672c"
               (mew-submit-outbox-tests--decoded
                (encode-coding-string
                 (format "From: a@x\nContent-Type: text/plain; charset=%s\n\n\u65e5\u672c\n"
                         charset)
                 'utf-8))))))
  (should (string-search "v in the outbox"
                         (mew-submit-outbox-tests--decoded
                          "From: a@x\nContent-Type: image/png\n\nx\n")))
  (should (string-search "plain words"
                         (mew-submit-outbox-tests--decoded
                          "From: a@x\nSubject: s\n\nplain words\n"))))

(defconst mew-submit-outbox-tests--enriched
  "Content-Type: text/enriched\nText-Width: 70\nFrom: a@x\nTo: b@x\nSubject: s\n\n\
<bold>Hello</bold> <<you\n"
  "A message that Emacs takes for a file of enriched text, because of its beginning.")

(ert-deftest mew-submit-outbox-tests-enriched-is-no-file-format ()
  "A message that begins as a file of enriched text is shown with its header, and as it is."
  (should (string-search "Subject: s\n" (mew-submit-outbox-tests--decoded
                                         mew-submit-outbox-tests--enriched)))
  (mew-submit-test-with-directory directory
    (let ((stem (expand-file-name "1" directory)))
      (mew-submit-test-write (concat stem ".eml") mew-submit-outbox-tests--enriched)
      (cl-letf (((symbol-function 'mew-submit-outbox--entry) (lambda () (list :stem stem))))
        (save-window-excursion
          (mew-submit-outbox-show-raw)
          (should (string-search mew-submit-outbox-tests--enriched (buffer-string)))
          (kill-buffer))))))

(ert-deftest mew-submit-outbox-tests-log-sets-no-variables ()
  "What a server has said, at the top of the log of what was delivered, is text (SECURITY: L5)."
  (mew-submit-test-with-directory directory
    (mew-submit-test-write
     (expand-file-name "delivered.log" directory)
     "{\"reply\":\"250 -*- mode: lisp-interaction; fill-column: 7; eval: (error) -*-\"}\n")
    (let ((mew-submit-outbox-directory directory)
          (enable-local-variables :all))
      (save-window-excursion
        (mew-submit-outbox-delivered)
        (should (eq major-mode 'fundamental-mode))
        (should-not (eql fill-column 7))
        (kill-buffer)))))

(provide 'mew-submit-outbox-tests)
;;; mew-submit-outbox-tests.el ends here
