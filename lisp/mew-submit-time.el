;;; mew-submit-time.el --- When to send it, as people say it -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the times that a person names: "18:00", "2h", "tomorrow 8am",
;; "fri 9:00", "2030-12-24 18:00".  A time of day that is over is tomorrow's; what names
;; a day of its own is never moved.  While one is typed, what it means is shown.

;;; Code:

(require 'iso8601)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'parse-time)
(require 'seq)
(require 'subr-x)

(defconst mew-submit-time--morning '(8 0)
  "The hour and the minute where only a day is named.")

(defconst mew-submit-time--units
  '(("m\\(?:in\\(?:ute\\)?s?\\)?" . 60) ("h\\(?:ours?\\|rs?\\)?" . 3600)
    ("d\\(?:ays?\\)?" . 86400) ("w\\(?:eeks?\\)?" . 604800))
  "Units of a while, as regexps, and their seconds.")

(defun mew-submit-time--while (text)
  "Return the seconds that TEXT, such as \"1h30m\" or \"in 2 days\", means, or nil."
  (let ((rest (string-trim (replace-regexp-in-string
                            "\\`\\(?:\\+\\|in\\_>\\)[ \t]*" "" text)))
        (seconds 0)
        (fine t))
    (while (and fine (not (string-empty-p rest)))
      (setq fine
            (seq-some
             (lambda (unit)
               (when (string-match (concat "\\`\\([0-9]\\{1,5\\}\\)[ \t]*\\(?:"
                                           (car unit) "\\)\\_>?"
                                           "\\(?:[ \t,]*\\(?:and\\_>[ \t]*\\)?\\)")
                                   rest)
                 (setq seconds (+ seconds (* (cdr unit)
                                             (string-to-number
                                              (match-string 1 rest))))
                       rest (substring rest (match-end 0)))
                 t))
             mew-submit-time--units)))
    ;; "2mo" is no two minutes.
    (and fine (> seconds 0) seconds)))

(defun mew-submit-time--clock (word)
  "Return the (HOUR MINUTE) that WORD, such as \"18:00\" or \"8am\", means, or nil."
  (cond ((equal word "noon") '(12 0))
        ((equal word "midnight") '(24 0))
        ((string-match "\\`\\([0-9]\\{1,2\\}\\)\\(?:[:.h]\\([0-5][0-9]\\)\\)?\
\\(?:\\(am\\|pm\\)\\)?\\'" word)
         (let ((hour (string-to-number (match-string 1 word)))
               (minute (string-to-number (or (match-string 2 word) "0")))
               (half (match-string 3 word)))
           ;; A number alone may be anything.
           (cond ((not (or half (match-string 2 word))) nil)
                 ((null half) (and (< hour 24) (list hour minute)))
                 ((<= 1 hour 12)
                  (list (+ (% hour 12) (if (equal half "pm") 12 0)) minute)))))))

(defconst mew-submit-time--weekdays
  '("sunday" "monday" "tuesday" "wednesday" "thursday" "friday" "saturday")
  "The days of the week; three letters are enough.")

(defun mew-submit-time--weekday (word)
  "Return the number of the day of the week WORD, 0 for Sunday, or nil."
  (and (>= (length word) 3)
       (seq-find (lambda (number)
                   (string-prefix-p word (nth number mew-submit-time--weekdays)))
                 (number-sequence 0 6))))

(defun mew-submit-time--day (word now)
  "Return how many days after NOW the day WORD is, or nil."
  (let ((weekday (mew-submit-time--weekday word)))
    (cond ((equal word "today") 0)
          ((equal word "tomorrow") 1)
          (weekday (mod (- weekday (decoded-time-weekday (decode-time now))) 7)))))

(defun mew-submit-time--at (now days clock)
  "Return the time DAYS after NOW's day at CLOCK, (HOUR MINUTE)."
  (let ((day (decode-time now)))
    ;; `encode-time' makes the 32nd of a month the 1st of the next.
    (apply #'encode-time
           (list (list 0 (nth 1 clock) (nth 0 clock)
                       (+ (decoded-time-day day) days)
                       (decoded-time-month day) (decoded-time-year day)
                       nil -1 nil)))))

(defun mew-submit-time--words (text)
  "Return the words of TEXT that count; \"8 am\" is one."
  (seq-remove (lambda (word) (member word '("at" "on" "next")))
              (split-string (replace-regexp-in-string
                             "\\([0-9]\\)[ \t]+\\([ap]m\\)\\_>" "\\1\\2" text)
                            "[ \t,]+" t)))

(defun mew-submit-time--relative (text now)
  "Return the time that TEXT means seen from NOW: a day, a time of day, or both."
  (let (days weekday clock unknown)
    (dolist (word (mew-submit-time--words text))
      (let ((day (mew-submit-time--day word now))
            (hour (mew-submit-time--clock word)))
        (cond ((and day (null days))
               (setq days day
                     weekday (mew-submit-time--weekday word)))
              ((and hour (null clock)) (setq clock hour))
              (t (setq unknown t)))))
    (unless (or unknown (not (or days clock)))
      (let ((time (mew-submit-time--at now (or days 0)
                                       (or clock mew-submit-time--morning))))
        (cond ((time-less-p now time) time)
              ((null days) (mew-submit-time--at now 1 clock))
              (weekday (mew-submit-time--at now (+ days 7)
                                            (or clock mew-submit-time--morning)))
              ;; That is over, and whoever said "today" has to know.
              (t time))))))

(defun mew-submit-time--date-word (word)
  "Return WORD as `parse-time-string' takes it: a date in numbers, or a zone.
\"12/24/2030\" is left as it is: who writes so puts the day first elsewhere."
  (let ((iso (lambda (year month day)
               (apply #'format "%s-%02d-%02d" (match-string year word)
                      (mapcar (lambda (part)
                                (string-to-number (match-string part word)))
                              (list month day))))))
    (cond ((string-match "\\`\\([0-9]\\{4\\}\\)/\\([0-9]\\{1,2\\}\\)/\\([0-9]\\{1,2\\}\\)\\'"
                         word)
           (funcall iso 1 2 3))
          ((string-match "\\`\\([0-9]\\{1,2\\}\\)\\.\\([0-9]\\{1,2\\}\\)\\.\\([0-9]\\{4\\}\\)\\'"
                         word)
           (funcall iso 3 2 1))
          ((string-match-p "\\`[-+][0-9]\\{2\\}:[0-9]\\{2\\}\\'" word) ; a zone
           (string-replace ":" "" word))
          ;; Zones that RFC 5322 does not have.
          ((cdr (assoc word '(("utc" . "ut") ("wet" . "+0000") ("west" . "+0100")
                              ("cet" . "+0100") ("cest" . "+0200")
                              ("eet" . "+0200") ("eest" . "+0300")))))
          (t word))))

(defun mew-submit-time--date-words-p (words)
  "Are all of WORDS, without a time of day like 6pm, such as a date is made of?
`parse-time-string' makes something of any words, and leaves out what it does
not know: the mail would go at another time."
  (and (seq-every-p
        (lambda (word)
          (or (string-match-p
               "\\`\\(?:[0-9]\\{1,2\\}\\|[0-9]\\{4\\}\\|[0-9]\\{4\\}-[0-9]\\{2\\}-[0-9]\\{2\\}\
\\|\\(?:[01]?[0-9]\\|2[0-3]\\):[0-5][0-9]:[0-5][0-9]\\|[-+][0-9]\\{4\\}\\)\\'"
               word)
              (assoc word parse-time-months)
              (assoc word parse-time-weekdays)
              (assoc word parse-time-zoneinfo)))
        words)
       ;; A second one would be a year, a time, or a day: who knows.
       (seq-every-p (lambda (kind)
                      (<= (seq-count (lambda (word) (string-match-p kind word)) words) 1))
                    '("\\`[0-9]\\{1,2\\}\\'" "\\`[0-9]\\{4\\}\\'"))))

(defun mew-submit-time--dated (text)
  "Return the decoded time that TEXT, a date perhaps with a time of day, means.
It lacks what TEXT does not say; return nil where that has other words."
  (let* ((words (mew-submit-time--words (replace-regexp-in-string "([^()]*)" "" text)))
         (clocks (delq nil (mapcar #'mew-submit-time--clock words)))
         (date (mapcar #'mew-submit-time--date-word
                       (seq-remove #'mew-submit-time--clock words)))
         (time (and (null (cdr clocks))
                    (mew-submit-time--date-words-p date)
                    (parse-time-string (string-join date " ")))))
    (unless (and clocks time (decoded-time-hour time)) ; two times of day
      (pcase (car clocks)
        (`(,hour ,minute) (setf (decoded-time-hour time) hour
                                (decoded-time-minute time) minute
                                (decoded-time-second time) 0)))
      time)))

(defun mew-submit-time--encode (time now)
  "Return the time that TIME, which is decoded, is seen from NOW, or nil.
Without a year it is the next one; a day that is not there, such as 30 February,
or is another day of the week, is none."
  (let* ((day (decoded-time-day time))
         (month (decoded-time-month time))
         (year (or (decoded-time-year time) (decoded-time-year (decode-time now))))
         (noon (decode-time (encode-time (list 0 0 12 day month year nil -1 nil)))))
    (when (and (equal (list day month year) (seq-subseq noon 3 6))
               (memql (decoded-time-weekday time) (list nil (decoded-time-weekday noon))))
      (let ((then (encode-time (decoded-time-set-defaults
                                (append (seq-take time 3) (list day month year)
                                        (nthcdr 6 time))))))
        (if (or (decoded-time-year time) (time-less-p now then))
            then
          (setf (decoded-time-year time) (1+ year))
          (mew-submit-time--encode time now))))))

(defun mew-submit-time--absolute (text now)
  "Return the time that TEXT, a date with a time, means seen from NOW, or nil.
A day alone means its morning; without a year it is the next one."
  (ignore-errors
    (let ((time (if (string-match-p "\\`[0-9]\\{4\\}\\(?:-[0-9][0-9]-[0-9][0-9]t\
\\|[0-9]\\{4\\}\\(?:t\\|\\'\\)\\)" text)
                    (iso8601-parse (mew-submit-caseless--up text))
                  (mew-submit-time--dated text))))
      (unless (decoded-time-hour time)
        (setf (decoded-time-hour time) (nth 0 mew-submit-time--morning)
              (decoded-time-minute time) (nth 1 mew-submit-time--morning)))
      (mew-submit-time--encode time now))))

(defun mew-submit-time--parse (text &optional now)
  "Return the time that TEXT means, seen from NOW (the present), or nil.
It is a while such as \"2h\", \"1h30m\" or \"in 3 days\"; a time of day such
as \"18:00\" or \"8am\", tomorrow's when today's is over; a day such as
\"tomorrow\" or \"fri\", with a time of day or in the morning; or a date
such as \"2030-12-24 18:00\" or \"2030-12-24\", a header's Date or RFC 3339.
Without a zone it is local."
  (let ((words (mew-submit-caseless--down (string-trim text)))
        (now (or now (current-time))))
    (if-let* ((seconds (mew-submit-time--while words)))
        (time-add now seconds)
      (or (mew-submit-time--relative words now)
          (mew-submit-time--absolute words now)))))

(defconst mew-submit-time--examples
  "18:00, 2h, tomorrow 8am, fri 9:00, 2030-12-24 18:00"
  "Times, as a person may name them.")

(defun mew-submit-time--say-while (seconds)
  "Return in words how long SECONDS are."
  (let* ((minutes (max 0 (round seconds 60)))
         (hours (/ minutes 60)))
    (cond ((< minutes 100) (format "%d min" minutes))
          ((< hours 48) (format "%d h %d min" hours (% minutes 60)))
          (t (format "%d days" (round hours 24))))))

(defun mew-submit-time--say (time &optional now)
  "Return TIME in words, seen from NOW: when it is and how long until then."
  (let* ((now (or now (current-time)))
         (while (float-time (time-subtract time now))))
    (format "%s (in %s)"
            (format-time-string "%a %e %b %Y %H:%M" time)
            (mew-submit-time--say-while while))))

(defun mew-submit-time--future (text)
  "Return the time to come that TEXT means, or signal `user-error'."
  (let ((time (mew-submit-time--parse text)))
    (cond ((string-blank-p text)
           (user-error "Type when to send it, like this: %s" mew-submit-time--examples))
          ((null time)
           (user-error "When is \"%s\"?  Say it like this: %s" text
                       mew-submit-time--examples))
          ((not (time-less-p nil time))
           (user-error "%s is over" (format-time-string "%F %H:%M" time)))
          (t time))))

;;; Asking for one

(defun mew-submit-time--hint (text)
  "Return what TEXT, typed so far, means, in words."
  (let ((time (and (not (string-blank-p text)) (mew-submit-time--parse text))))
    (cond ((null time) "")
          ((time-less-p nil time) (concat "  = " (mew-submit-time--say time)))
          (t "  is over"))))

(defun mew-submit-time--show (overlay)
  "Show in OVERLAY what the minibuffer's contents mean."
  (move-overlay overlay (point-max) (point-max))
  (let ((hint (propertize (mew-submit-time--hint (minibuffer-contents-no-properties))
                          'face 'shadow)))
    ;; Else point would be shown behind it.
    (unless (string-empty-p hint)
      (put-text-property 0 1 'cursor t hint))
    (overlay-put overlay 'after-string hint)))

(defun mew-submit-time--exit ()
  "End the minibuffer; where no time to come is in it say so, and stay there.
Who corrects what was not understood would type into another buffer, or call
its commands."
  (interactive)
  (mew-submit-time--future (minibuffer-contents-no-properties))
  (exit-minibuffer))

(defun mew-submit-time--read ()
  "Ask for a time to come and return it; showing what it means as it is typed."
  (mew-submit-time--future
   (minibuffer-with-setup-hook
       (lambda ()
         (let ((overlay (make-overlay (point-max) (point-max)))
               (map (make-sparse-keymap)))
           (define-key map [remap exit-minibuffer] #'mew-submit-time--exit)
           (use-local-map (make-composed-keymap map (current-local-map)))
           (add-hook 'post-command-hook
                     (lambda () (mew-submit-time--show overlay)) nil t)))
     (read-string (format "Send when (%s): " mew-submit-time--examples)))))

(provide 'mew-submit-time)
;;; mew-submit-time.el ends here
