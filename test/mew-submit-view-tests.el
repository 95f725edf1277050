;;; mew-submit-view-tests.el --- Tests of what all reports have in common -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'ert)
(require 'mew-submit-delivery)
(require 'mew-submit-diagnose)
(require 'mew-submit-diagnose-network)
(require 'mew-submit-doctor)
(require 'mew-submit-domain)
(require 'mew-submit-notice)
(require 'mew-submit-outbox)
(require 'mew-submit-setup)
(require 'mew-submit-sign-in)
(require 'mew-submit-survey)
(require 'mew-submit-test-helpers)
(require 'mew-submit-view)

(defvar mew-submit-view-tests--lines nil
  "What the report is about: its lines.")

(defvar mew-submit-view-tests--drawn 0
  "How often the report was drawn.")

(defconst mew-submit-view-tests--keys
  '(("g" "again" ignore) ("p" "other ports" forward-char) ("\C-g" nil forward-char))
  "The keys of the report.")

(defun mew-submit-view-tests--insert ()
  "Insert the report."
  (setq mew-submit-view-tests--drawn (1+ mew-submit-view-tests--drawn))
  (mew-submit-view--buttons mew-submit-view-tests--keys)
  (dolist (line mew-submit-view-tests--lines)
    (insert (if (consp line)
                (propertize (cdr line) 'mew-submit-view-item (car line))
              line)
            "\n")))

(defmacro mew-submit-view-tests--with (lines &rest body)
  "Run BODY in a report of LINES, shown in the selected window."
  (declare (indent 1) (debug (form body)))
  `(let ((mew-submit-view-tests--lines ,lines)
         (mew-submit-view-tests--drawn 0))
     (save-window-excursion
       (delete-other-windows)
       (unwind-protect
           (with-current-buffer (mew-submit-view--page "*view test*"
                                                       #'mew-submit-view-tests--insert)
             (setq mew-submit-view--keys mew-submit-view-tests--keys)
             (switch-to-buffer (current-buffer))
             ,@body)
         (kill-buffer "*view test*")))))

(ert-deftest mew-submit-view-tests-no-mode-is-a-command ()
  "M-x mew-submit-outbox-mode in a draft would be the end of that, at the next g.
Who wants the outbox types that and more."
  (require 'mew-submit-survey-provider)
  (let (modes)
    (mapatoms (lambda (symbol)
                (when (and (string-prefix-p "mew-submit-" (symbol-name symbol))
                           (memq (get symbol 'derived-mode-parent)
                                 '(mew-submit-view-mode special-mode tabulated-list-mode)))
                  (push symbol modes))))
    (should (= (length modes) 12))
    (should-not (seq-filter #'commandp modes))))

;; They stand for Evil's.
(defvar mew-submit-view-tests--states nil
  "The modes whose state has been set, with that.")

(defun mew-submit-view-tests--state (mode &rest _)
  "Return the state of MODE."
  (alist-get mode mew-submit-view-tests--states))

(defun mew-submit-view-tests--set-state (mode state)
  "Have STATE be that of MODE."
  (push (cons mode state) mew-submit-view-tests--states))

(ert-deftest mew-submit-view-tests-keys-with-evil ()
  "What the words call keys are keys with Evil, too, unless its user says otherwise."
  (require 'mew-submit-survey-provider)
  (let ((mew-submit-view-tests--states '((mew-submit-outbox-mode . motion))))
    (cl-letf (((symbol-function 'evil-initial-state) #'mew-submit-view-tests--state)
              ((symbol-function 'evil-set-initial-state) #'mew-submit-view-tests--set-state))
      (dolist (mode '(mew-submit-notice-mode mew-submit-outbox-mode mew-submit-provider-mode
                                             mew-submit-diagnose-mode))
        (with-temp-buffer
          (funcall mode))))
    (should (equal mew-submit-view-tests--states
                   '((mew-submit-provider-mode . emacs)
                     (mew-submit-view-mode . emacs)
                     (mew-submit-outbox-mode . motion))))))

(defun mew-submit-view-tests--pop (buffer alist)
  "Show BUFFER by ALIST, and select its window, as popper does."
  (let ((window (select-window (display-buffer-pop-up-window buffer alist))))
    (set-window-parameter window 'mew-submit-view-tests--rule t)
    window))

(ert-deftest mew-submit-view-tests-shown-and-not-selected ()
  "A rule of the user's for all windows gives no key to what is shown by itself.
Popper, shackle and Doom select what they show."
  (pcase-dolist (`(,action . ,shown)
                 '((mew-submit-view-tests--pop . t)
                   ;; It would never be shown, nor what a sign-in waits for.
                   ((display-buffer-same-window (inhibit-same-window . nil)) . t)
                   ((display-buffer-no-window (allow-no-window . t)) . nil)))
    (let ((display-buffer-alist (list (cons "mew-submit" (ensure-list action))))
          (mew-submit-notice--unseen t)
          (buffer (get-buffer-create "*mew-submit*")))
      (unwind-protect
          (save-window-excursion
            (delete-other-windows)
            (let ((window (selected-window))
                  (there (window-buffer)))
              (mew-submit-notice--display-now)
              (should (eq window (selected-window)))
              (should (eq there (window-buffer)))
              (should (eq shown (and (get-buffer-window buffer) t)))
              ;; A rule counts where it can.
              (should (eq (eq action 'mew-submit-view-tests--pop)
                          (window-parameter (get-buffer-window buffer)
                                            'mew-submit-view-tests--rule)))
              (should (eq shown (not mew-submit-notice--unseen)))))
        (kill-buffer buffer)))))

(ert-deftest mew-submit-view-tests-a-directory-is-no-file ()
  "Who names a directory to save in is told so, and not asked whether to overwrite it."
  (mew-submit-test-with-directory directory
    (mew-submit-view-tests--with '("One")
      (cl-letf (((symbol-function 'y-or-n-p) (lambda (&rest _) (error "Asked"))))
        (should (string-match-p "is a directory"
                                (cadr (should-error (mew-submit-view-save directory)
                                                    :type 'user-error))))
        (mew-submit-view-save (expand-file-name "report.txt" directory))
        (should (file-exists-p (expand-file-name "report.txt" directory)))))))

(ert-deftest mew-submit-view-tests-a-running-diagnosis-is-not-saved ()
  "Nobody is asked for a file that there is nothing to write to."
  (with-temp-buffer
    (mew-submit-diagnose-mode)
    (cl-letf (((symbol-function 'read-file-name) (lambda (&rest _) (error "Asked"))))
      (should-error (call-interactively #'mew-submit-diagnose-save-svg)
                    :type 'user-error))))

(ert-deftest mew-submit-view-tests-brackets-of-buttons-are-no-parens ()
  "No colour comes over the brackets of the button that point is at."
  (require 'paren)
  (mew-submit-view-tests--with '("One")
    (search-forward "[g again")
    (goto-char (match-beginning 0))
    (let ((show-paren-mode t))
      (show-paren-function))
    (should-not (seq-some (lambda (overlay) (eq (overlay-get overlay 'face) 'show-paren-match))
                          (overlays-in (point-min) (point-max))))))

(defun mew-submit-view-tests--line (position)
  "Return the line at POSITION."
  (save-excursion
    (goto-char position)
    (buffer-substring-no-properties (line-beginning-position) (line-end-position))))

(defun mew-submit-view-tests--numbers (from to)
  "Return lines from number FROM to TO."
  (mapcar (lambda (number) (format "line %d" number)) (number-sequence from to)))

(ert-deftest mew-submit-view-tests-return ()
  "Return presses a button, and tells who is beside one how to get there."
  (mew-submit-view-tests--with '("a" "b")
    (goto-char (point-max))
    (should (eq (key-binding "\r") #'mew-submit-view-press))
    (let ((said (should-error (mew-submit-view-press) :type 'user-error)))
      (should (string-search "TAB" (error-message-string said))))))

(ert-deftest mew-submit-view-tests-stays ()
  "What comes above moves nothing: point, column and the first line seen stay, in all windows."
  (mew-submit-view-tests--with (mew-submit-view-tests--numbers 1 90)
    (let ((other (split-window)))
      (search-forward "line 60")
      (set-window-start (selected-window) (save-excursion (search-backward "line 55")
                                                          (line-beginning-position)))
      (set-window-point other (save-excursion (goto-char (point-min))
                                              (search-forward "line 80")
                                              (- (point) 2)))
      (setq mew-submit-view-tests--lines
            (append '("new" "" "" "line 6" "line") (mew-submit-view-tests--numbers 1 90)))
      (mew-submit-view--draw)
      (should (equal (mew-submit-view-tests--line (point)) "line 60"))
      (should (eolp))
      (should (equal (mew-submit-view-tests--line (window-start)) "line 55"))
      (should (equal (mew-submit-view-tests--line (window-point other)) "line 80"))
      (should (eql 5 (save-excursion (goto-char (window-point other)) (current-column))))
      (should (eql 1 (window-start other))))))

(ert-deftest mew-submit-view-tests-seen-of-what-is-gone ()
  "Where what a window began with is gone, it is full all the same, if there is enough for it."
  (mew-submit-view-tests--with (append (make-list 50 "row") '("gone") (make-list 50 "row"))
    (set-window-start nil (save-excursion (search-forward "gone")
                                          (line-beginning-position)))
    (goto-char (point-max))
    (dolist (count '(50 10 1))
      (setq mew-submit-view-tests--lines (append (make-list count "new") '("" "end")))
      (mew-submit-view--draw)
      ;; The buttons have two lines, and the end has an empty one.
      (should (eql (max 1 (- (+ count 6) (window-body-height)))
                   (line-number-at-pos (window-start)))))))

(ert-deftest mew-submit-view-tests-stays-at-what-changes ()
  "A row that says something else is found again, a button too; what is gone leaves its line."
  (mew-submit-view-tests--with '((1 . "a waits") (2 . "b waits") "end")
    (search-forward "b w")
    (setq mew-submit-view-tests--lines '((3 . "c waits") (1 . "a") (2 . "b ended well") "end"))
    (mew-submit-view--draw)
    (should (looking-back "^b w?e?" 1))
    (should (eql (current-column) 3))
    (setq mew-submit-view-tests--lines '((3 . "c") "other" "end"))
    (let ((line (line-number-at-pos)))
      (mew-submit-view--draw)
      (should (eql line (line-number-at-pos))))
    (goto-char (point-min))
    (forward-button 1)
    (mew-submit-view--draw)
    (should (equal "[p other ports]" (button-label (button-at (point)))))))

(ert-deftest mew-submit-view-tests-long-lines ()
  "A line as long as a message may have is no obstacle."
  (mew-submit-view-tests--with (list "a" (make-string 200000 ?x) "end")
    (goto-char (- (point-max) 100))
    (mew-submit-view--draw)
    (should (eql (point) (- (point-max) 100)))))

(ert-deftest mew-submit-view-tests-draws-once ()
  "Much news is drawn once; a report that was killed meanwhile is no error."
  (mew-submit-view-tests--with '("a")
    (dotimes (_ 100)
      (mew-submit-view--soon (current-buffer)))
    (mew-submit-test-until ("the drawing") (null mew-submit-view--timer))
    (should (eql mew-submit-view-tests--drawn 2))
    (mew-submit-view--soon (current-buffer)))
  (should-not (get-buffer "*view test*"))
  (mew-submit-test-until ("the timer of what was killed")
    (not (seq-some (lambda (timer)
                     (eq (timer--function timer) #'mew-submit-view--draw-now))
                   timer-list))))

(ert-deftest mew-submit-view-tests-clock ()
  "A clock that is set during a drawing, either way, puts off no other one for long."
  (dolist (jump '(-7200 7200))
    (mew-submit-view-tests--with '("One")
      (let ((times (list 1000 (+ 1000 jump))))
        (cl-letf (((symbol-function 'float-time)
                   (lambda (&rest _) (if (cdr times) (pop times) (car times)))))
          (mew-submit-view--draw)))
      (should (<= 0 mew-submit-view--cost 5)))))

(ert-deftest mew-submit-view-tests-nobody-writes ()
  "A report is read-only, is never to be saved, and keeps no old text for undo."
  (mew-submit-view-tests--with '("a")
    (mew-submit-view--draw)
    (should (eq buffer-undo-list t))
    (should-not (buffer-modified-p))
    (should-error (insert "x") :type 'buffer-read-only)))

(ert-deftest mew-submit-view-tests-part-by-part ()
  "What is written part by part is left alone by g."
  (with-current-buffer (mew-submit-view--buffer "*view test*" #'mew-submit-view-mode)
    (unwind-protect
        (progn (mew-submit-view--change (insert "part"))
               (mew-submit-view-redraw)
               (should (equal (buffer-string) "part")))
      (kill-buffer))))

(ert-deftest mew-submit-view-tests-copies-and-saves ()
  "What is copied and saved is the report, without its buttons; a file is asked about."
  (mew-submit-view-tests--with '("Grüße" "b")
    (let ((file (make-temp-file "mew-submit-view-"))
          (answer nil)
          kill-ring)
      (unwind-protect
          (cl-letf (((symbol-function 'y-or-n-p) (lambda (&rest _) answer)))
            (mew-submit-view-copy)
            (should (equal (car kill-ring) "Grüße\nb\n"))
            (mew-submit-view-save file)
            (should (eql 0 (file-attribute-size (file-attributes file))))
            (setq answer t)
            (mew-submit-view-save file)
            (should (equal (with-temp-buffer (insert-file-contents file) (buffer-string))
                           "Grüße\nb\n"))
            (mew-submit-view--save file (unibyte-string 0 255))
            (should (eql 2 (file-attribute-size (file-attributes file)))))
        (delete-file file)))))

(ert-deftest mew-submit-view-tests-moves ()
  "Keys go from button to button, and where there is none from line to line."
  (mew-submit-view-tests--with '("a")
    (mew-submit-view-next)
    (should (equal "[p other ports]" (button-label (button-at (point)))))
    (mew-submit-view-previous)
    (should (equal "[g again]" (button-label (button-at (point)))))
    (setq mew-submit-view--insert (lambda () (insert "a\nb\n")))
    (mew-submit-view--draw)
    (goto-char (point-min))
    (mew-submit-view-next)
    (should (looking-at-p "b"))
    (mew-submit-view-previous)
    (should (looking-at-p "a"))))

(ert-deftest mew-submit-view-tests-help ()
  "The keys are shown once each; a key that a report has for itself is not shown as another."
  (mew-submit-view-tests--with '("a")
    (use-local-map (mew-submit-view--map mew-submit-view-tests--keys mew-submit-view-mode-map))
    (mew-submit-view-help)
    (with-current-buffer "*mew-submit keys*"
      (dolist (line '("g +again" "p +other ports" "w +copy" "s +save" "q +quit"))
        (goto-char (point-min))
        (should (re-search-forward (concat "\\(^\\| \\)" line) nil t)))
      (should-not (string-search "previous" (buffer-string)))
      (goto-char (point-min))
      (should (eql 1 (how-many "other ports"))))
    (kill-buffer "*mew-submit keys*")))

(ert-deftest mew-submit-view-tests-narrow ()
  "A report fits a narrow window, and is drawn anew when its window gets wider; a copy has 78 columns."
  (mew-submit-view-tests--with '("One")
    (mew-submit-doctor-mode)
    (setq mew-submit-doctor--names t
          mew-submit-doctor--visit (mew-submit-doctor--make-visit
                                    :findings (list (list :topic "topic" :status 'error
                                                          :text (mapconcat #'identity (make-list 30 "word") " ")))))
    (let* ((noninteractive nil)
           (columns 50)
           (longest (lambda (text)
                      (apply #'max (mapcar #'string-width (split-string text " *\n"))))))
      (cl-letf (((symbol-function 'window-max-chars-per-line) (lambda (&rest _) columns)))
        (mew-submit-view--draw)
        (should (<= 45 (funcall longest (buffer-string)) 50))
        (should (<= 75 (funcall longest (mew-submit-view--as-text)) 78))
        (mew-submit-view--resized (selected-window))
        (should-not mew-submit-view--timer)
        (setq columns 200)
        (mew-submit-view--resized (selected-window))
        (should mew-submit-view--timer)
        (cancel-timer mew-submit-view--timer)
        (mew-submit-view--draw-now (current-buffer))
        (should (<= 75 (funcall longest (buffer-string)) 78))))))

(ert-deftest mew-submit-view-tests-every-report ()
  "Every report has the keys that all have, unless it has one of its own by that name."
  (dolist (mode '(mew-submit-delivery-mode
                  mew-submit-diagnose-mode mew-submit-diagnose-network-mode
                  mew-submit-doctor-mode mew-submit-domain-mode mew-submit-notice-mode
                  mew-submit-setup-mode mew-submit-sign-in-mode mew-submit-survey-mode))
    (with-temp-buffer
      (funcall mode)
      (should (derived-mode-p 'mew-submit-view-mode))
      (should (eq buffer-undo-list t))
      (pcase-dolist (`(,key ,_ ,command) mew-submit-view--common)
        (let ((bound (key-binding key)))
          (should (or (eq bound command)
                      (string-prefix-p "mew-submit-" (symbol-name bound))))))
      (should (eq (key-binding (kbd "TAB")) #'forward-button))
      (pcase-dolist (`(,key ,_ ,command) mew-submit-view--keys)
        (should (eq command (key-binding key)))))))

(ert-deftest mew-submit-view-tests-stop-is-offered-while-it-runs ()
  "What is offered is what can be done: to stop what runs, and else to begin again."
  (pcase-dolist (`(,mode ,about) '((mew-submit-domain-mode mew-submit-domain--zone)
                                   (mew-submit-diagnose-network-mode
                                    mew-submit-diagnose-network--look)))
    (with-temp-buffer
      (funcall mode)
      (set about (list :domain "example.org" :left 1))
      (mew-submit-view--draw)
      (should (string-search "[k stop]" (buffer-string)))
      (should-not (string-search "[g again]" (buffer-string)))
      (set about (list :domain "example.org" :left 1 :stopped t))
      (mew-submit-view--draw)
      (should-not (string-search "[k stop]" (buffer-string)))
      (should (string-search "[g again]" (buffer-string))))))

(ert-deftest mew-submit-view-tests-commands-of-a-buffer ()
  "A command that is of use in one of our buffers alone says so, for M-X and M-x.
Those that are not were announced before their file is loaded, or stand here."
  (let ((announced (with-temp-buffer
                     (insert-file-contents
                      (expand-file-name "lisp/mew-submit-loaddefs.el" mew-submit-test-root))
                     (buffer-string))))
    (mapatoms
     (lambda (symbol)
       (when (and (commandp symbol)
                  (string-match-p "\\`mew-submit-[a-z]+-" (symbol-name symbol))
                  (not (string-search "--" (symbol-name symbol)))
                  (not (string-search (format "'%s " symbol) announced))
                  (not (memq symbol '(mew-submit-file-copies))))
         (ert-info ((symbol-name symbol))
           (should (command-modes symbol))))))))

(provide 'mew-submit-view-tests)
;;; mew-submit-view-tests.el ends here
