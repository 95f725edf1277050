;;; mew-submit-time-tests.el --- Tests of times that people name -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Code:

(require 'ert)
(require 'mew-submit-time)

(defconst mew-submit-time-tests--now
  ;; A Wednesday.
  (encode-time '(30 53 22 25 11 2026 nil -1 nil))
  "When the times of the table are named.")

(ert-deftest mew-submit-time-tests-table ()
  "What people say means what they mean."
  (pcase-dolist
      (`(,text ,means)
       '(("18:00" "2026-11-26 18:00") ("23:10" "2026-11-25 23:10")
         ("8am" "2026-11-26 08:00") ("8 am" "2026-11-26 08:00")
         ("12am" "2026-11-26 00:00") ("12pm" "2026-11-26 12:00")
         ("11:30pm" "2026-11-25 23:30") ("18.30" "2026-11-26 18:30")
         ("at 7:05" "2026-11-26 07:05") ("noon" "2026-11-26 12:00")
         ("midnight" "2026-11-26 00:00")
         ("2h" "2026-11-26 00:53") ("+2h" "2026-11-26 00:53")
         ("+ 90 m" "2026-11-26 00:23") ("1h30m" "2026-11-26 00:23")
         ("1 hour and 30 minutes" "2026-11-26 00:23")
         ("in 2 hours" "2026-11-26 00:53") ("in 45 min" "2026-11-25 23:38")
         ("3d" "2026-11-28 22:53") ("in 2 weeks" "2026-12-09 22:53")
         ("tomorrow" "2026-11-26 08:00") ("Tomorrow 8am" "2026-11-26 08:00")
         ("tomorrow at 18:00" "2026-11-26 18:00") ("9:15 tomorrow" "2026-11-26 09:15")
         ("fri" "2026-11-27 08:00") ("Fri 9:00" "2026-11-27 09:00")
         ("friday 9am" "2026-11-27 09:00") ("on sunday at 20:00" "2026-11-29 20:00")
         ("next monday 7:30" "2026-11-30 07:30")
         ("wed 9:00" "2026-12-02 09:00") ("wed 23:00" "2026-11-25 23:00")
         ("today 23:30" "2026-11-25 23:30")
         ;; Over: not moved, so that it can be told.
         ("today 18:00" "2026-11-25 18:00") ("2020-01-01 10:00" "2020-01-01 10:00")
         ("2030-12-24 18:00" "2030-12-24 18:00")
         ("24 Dec 2030 18:00" "2030-12-24 18:00")
         ("2030-12-24 6pm" "2030-12-24 18:00") ("Dec 24, 2030 6 pm" "2030-12-24 18:00")
         ("8:30am 24 December 2030" "2030-12-24 08:30")
         ("2030-12-24 at noon" "2030-12-24 12:00") ("20301224T180000" "2030-12-24 18:00")
         ;; An order that is the same everywhere, and one that is not.
         ("2030/12/24 18:00" "2030-12-24 18:00") ("2030/1/2" "2030-01-02 08:00")
         ("24.12.2030 18:00" "2030-12-24 18:00") ("1.2.2030" "2030-02-01 08:00")
         ("12/24/2030 18:00" nil) ("24-12-2030 18:00" nil) ("24.12.30 18:00" nil)
         ("24 12 2030 18:00" nil) ("dec 24 30 18:00" nil)
         ;; Without a year it is the next one.
         ("24 Dec 18:00" "2026-12-24 18:00") ("jan 2" "2027-01-02 08:00")
         ("25 nov 23:00" "2026-11-25 23:00") ("25 nov 22:00" "2027-11-25 22:00")
         ;; What is left out would have it sent at another time.
         ("24 dic 2030 18:00" nil) ("24 Dec 2030 18 Uhr" nil) ("2030-12-24 6pm 7pm" nil)
         ("2030-12-24 18:00:00 6pm" nil) ("2030-12-24 18:00 or so" nil)
         ("24 Dec 2030 1800" nil)
         ;; One of the two is a slip.
         ("fri 24 Dec 18:00" nil) ("2030-12-24 Wed 18:00" nil) ("thu 24 Dec 2026 6pm" "2026-12-24 18:00")
         ("tue 2030-12-24" "2030-12-24 08:00")
         ("2030-02-30 18:00" nil) ("2030-13-01 18:00" nil) ("2030-12-24 25:00" nil)
         ("2030-02-30T18:00" nil) ("2030-12-24 18:00:75" nil) ("29 feb" nil)
         ("" nil) ("   " nil) ("soon" nil) ("18" nil) ("25:00" nil) ("13pm" nil)
         ("0am" nil) ("2mo" nil) ("2 h foo" nil) ("fri sat" nil) ("8am 9am" nil)
         ("2030-12-24" "2030-12-24 08:00") ("tomorrow soon" nil) ("-2h" nil) ("0h" nil)))
    (ert-info (text)
      (let ((time (mew-submit-time--parse text mew-submit-time-tests--now)))
        (should (equal (and time (format-time-string "%F %H:%M" time)) means))))))

(ert-deftest mew-submit-time-tests-zone ()
  "A time with a zone is that moment."
  (dolist (text '("2030-12-24T18:00:00+01:00" "2030-12-24t17:00:00z"
                  "Tue, 24 Dec 2030 18:00:00 +0100 (CET)" "2030-12-24 18:00 +01:00"
                  "2030-12-24 17:00 UTC" "2030-12-24 18:00 CET"
                  "24.12.2030 19:00 eet" "24 Dec 2030 17:00:00 GMT"))
    (should (equal (format-time-string "%F %T" (mew-submit-time--parse text) t)
                   "2030-12-24 17:00:00"))))

(ert-deftest mew-submit-time-tests-summer ()
  "Tomorrow at eight is at eight, also when the clocks change in between."
  (let ((zone (getenv "TZ")))
    (unwind-protect
        (progn
          (set-time-zone-rule "CET-1CEST,M3.5.0,M10.5.0/3")
          (let ((now (encode-time '(0 0 22 28 3 2026 nil -1 nil))))
            (should (equal (format-time-string
                            "%F %H:%M" (mew-submit-time--parse "tomorrow 8am" now))
                           "2026-03-29 08:00"))))
      (set-time-zone-rule zone))))

(ert-deftest mew-submit-time-tests-over ()
  "What is over, or no time, is told in words and without Lisp."
  (pcase-dolist (`(,text ,words) '(("2020-01-01 10:00" "2020-01-01 10:00 is over")
                                   ("soon" "When is \"soon\"?  Say it like this")
                                   ("" "Type when to send it, like this: 18:00")
                                   (" \t" "Type when to send it, like this: 18:00")))
    (should (string-prefix-p words
                             (cadr (should-error (mew-submit-time--future text)
                                                 :type 'user-error))))))

(ert-deftest mew-submit-time-tests-hint ()
  "While a time is typed, what it means is shown, and for half a time nothing."
  (should (string-match-p "\\`  = .* (in 2 h 0 min)\\'" (mew-submit-time--hint "2h")))
  (should (equal (mew-submit-time--hint "2020-01-01 10:00") "  is over"))
  (should (equal (mew-submit-time--hint "tomo") "")))

(ert-deftest mew-submit-time-tests-while-in-words ()
  "What is less than two days is not said in days: nothing took \"0 days\" or \"1 days\"."
  (pcase-dolist (`(,seconds ,words) '((-5 "0 min") (60 "1 min") (5400 "90 min")
                                      (7200 "2 h 0 min") (86400 "24 h 0 min")
                                      (172800 "2 days") (518400.7 "6 days")))
    (should (equal (mew-submit-time--say-while seconds) words))))

(provide 'mew-submit-time-tests)
;;; mew-submit-time-tests.el ends here
