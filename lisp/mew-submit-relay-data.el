;;; mew-submit-relay-data.el --- A message as it comes in, octet by octet -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns the way from the octets of DATA or BDAT to a file: dots are
;; unstuffed, the end is found, and what a message must not hold is noticed.  A
;; little of it is in memory at a time, whatever its size.
;;
;; Only CRLF ends a line, and only CRLF "." CRLF the message.  A CR or LF alone, which
;; another server may take for a line's end, is a fault that the whole message is
;; refused for (SMTP smuggling, VU#302671); so are a NUL and a line without end.  After
;; a fault, octets are still taken up to the end, but none is kept: what follows a
;; message that was tampered with is never taken for commands.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-error)
(require 'mew-submit-relay-smtp)

(defconst mew-submit-relay-data--line-max 8192
  "How many octets a line of a message may have.
The standard has 998, but messages with longer lines are common.")

(defconst mew-submit-relay-data--block 131072
  "How many octets are put into the file at a time.")

(cl-defstruct (mew-submit-relay-data (:constructor mew-submit-relay-data--make)
                                     (:copier nil))
  (file nil :documentation "The file, which did not exist before.")
  (max nil :documentation "How many octets the message may have, or nil.")
  (blocks nil :documentation "Octets that are not in the file yet, newest first.")
  (waiting 0 :documentation "How many those are.")
  (octets 0 :documentation "How many octets have come, those left out too.")
  (held "\r\n" :documentation "The last octets, if what follows decides on them.")
  (virgin t :documentation "Non-nil until the line end before the first line is gone.")
  (line 0 :documentation "How many octets the line that goes on has so far.")
  (fault nil :documentation "Why the message is refused, (CODE ENHANCED TEXT)."))

(defun mew-submit-relay-data--start (file &optional max)
  "Return a message that will be in FILE, of MAX octets at most."
  (mew-submit-relay-data--make :file file :max max))

(defun mew-submit-relay-data--blame (data code enhanced text)
  "Note that the message DATA is refused with CODE, ENHANCED and TEXT.
What is there of it goes away.  The first fault counts."
  (unless (mew-submit-relay-data-fault data)
    (setf (mew-submit-relay-data-fault data) (list code enhanced text)
          (mew-submit-relay-data-blocks data) nil
          (mew-submit-relay-data-waiting data) 0)
    (mew-submit-relay-data--discard data)))

(defun mew-submit-relay-data--discard (data)
  "Delete the file of DATA, if there is one."
  (ignore-errors
    (delete-file (mew-submit-relay-data-file data))))

(defun mew-submit-relay-data--flush (data)
  "Put what waits of DATA into its file."
  (condition-case err
      (let ((coding-system-for-write 'no-conversion)
            (write-region-annotate-functions nil)
            (write-region-post-annotation-function nil)
            (write-region-inhibit-fsync t)
            (file-name-handler-alist nil)
            (octets (apply #'concat
                           (nreverse (mew-submit-relay-data-blocks data)))))
        (setf (mew-submit-relay-data-blocks data) nil
              (mew-submit-relay-data-waiting data) 0)
        (with-file-modes #o600
          (write-region octets nil (mew-submit-relay-data-file data) t
                        'silent)))
    (file-error
     (mew-submit-relay-data--blame
      data 452 "4.3.1" (format "The message cannot be stored: %s"
                               (mew-submit-relay-smtp--public
                                (mew-submit-error--text err)))))))

(defun mew-submit-relay-data--put (data octets)
  "Add OCTETS, which are finished, to DATA."
  (unless (or (mew-submit-relay-data-fault data) (string-empty-p octets))
    (push octets (mew-submit-relay-data-blocks data))
    (when (>= (cl-incf (mew-submit-relay-data-waiting data) (length octets))
              mew-submit-relay-data--block)
      (mew-submit-relay-data--flush data))))

;;; What must not be there

(defun mew-submit-relay-data--check-lines (data octets)
  "Notice in OCTETS, the next ones of DATA, lines that are too long or end in LF."
  (let ((start (- (mew-submit-relay-data-line data)))
        (from 0)
        end)
    (while (setq end (string-search "\n" octets from))
      (cond ((not (and (> end 0) (eq (aref octets (1- end)) ?\r)))
             (mew-submit-relay-data--blame
              data 550 "5.5.2" "A line of the message ends in LF alone"))
            ((> (- end start) mew-submit-relay-data--line-max)
             (mew-submit-relay-data--long data)))
      (setq from (1+ end)
            start from))
    (setf (mew-submit-relay-data-line data) (- (length octets) start))
    (when (> (mew-submit-relay-data-line data) mew-submit-relay-data--line-max)
      (mew-submit-relay-data--long data))))

(defun mew-submit-relay-data--long (data)
  "Note that DATA has a line that is too long."
  (mew-submit-relay-data--blame
   data 550 "5.6.0" (format "A line of the message is over %d octets"
                            mew-submit-relay-data--line-max)))

(defun mew-submit-relay-data--check (data octets)
  "Notice what must not be in OCTETS, the next ones of DATA.
They do not end within a line end."
  (mew-submit-relay-data--check-lines data octets)
  (cond ((string-match-p "\r\\(?:[^\n]\\|\\'\\)" octets)
         (mew-submit-relay-data--blame
          data 550 "5.5.2" "The message has a CR that ends no line"))
        ((string-search "\0" octets)
         (mew-submit-relay-data--blame
          data 550 "5.6.0" "The message has a NUL octet")))
  (let ((max (mew-submit-relay-data-max data)))
    (when (and max (> (mew-submit-relay-data-octets data) max))
      (mew-submit-relay-data--blame
       data 552 "5.3.4" (format "The message is over %d octets" max)))))

(defun mew-submit-relay-data--add (data octets)
  "Add OCTETS, which do not end within a line end, to DATA."
  (let ((octets (if (and (mew-submit-relay-data-virgin data)
                         (> (length octets) 1))
                    (progn (setf (mew-submit-relay-data-virgin data) nil)
                           (substring octets 2))
                  octets)))
    (cl-incf (mew-submit-relay-data-octets data) (length octets))
    (unless (mew-submit-relay-data-fault data)
      (mew-submit-relay-data--check data octets)
      (mew-submit-relay-data--put data octets))))

(defun mew-submit-relay-data--hold (data octets)
  "Return OCTETS without those at their end that DATA has to hold back."
  (let ((cut (string-match "\r\\(?:\n\\(?:\\.\r?\\)?\\)?\\'" octets)))
    (setf (mew-submit-relay-data-held data) (substring octets (or cut (length octets))))
    (substring octets 0 (or cut (length octets)))))

(defun mew-submit-relay-data--unstuff (octets)
  "Return OCTETS without the first dot of each line that begins with one."
  (if (string-search "\r\n." octets)
      (replace-regexp-in-string "\r\n\\." "\r\n" octets t t)
    octets))

;;; The two ways to come

(defun mew-submit-relay-data--take (data octets)
  "Take OCTETS, the next ones after DATA, for the message DATA.
Return nil while there is no end; then what follows the end."
  (let* ((whole (concat (mew-submit-relay-data-held data) octets))
         (end (string-search "\r\n.\r\n" whole)))
    (setf (mew-submit-relay-data-held data) "")
    (if (null end)
        (prog1 nil
          (mew-submit-relay-data--add
           data (mew-submit-relay-data--unstuff
                 (mew-submit-relay-data--hold data whole))))
      (mew-submit-relay-data--add
       data (mew-submit-relay-data--unstuff (substring whole 0 (+ end 2))))
      (substring whole (+ end 5)))))

(defun mew-submit-relay-data--chunk (data octets)
  "Take OCTETS, of a BDAT chunk, for the message DATA."
  (let* ((virgin (mew-submit-relay-data-virgin data))
         (whole (concat (if virgin "" (mew-submit-relay-data-held data))
                        octets))
         (cut (string-match "\r\\'" whole)))
    (setf (mew-submit-relay-data-virgin data) nil
          (mew-submit-relay-data-held data) (if cut "\r" ""))
    (mew-submit-relay-data--add data (substring whole 0 cut))))

(defun mew-submit-relay-data--finish (data)
  "Have all of DATA in its file; return nil, or its fault."
  ;; After DATA nothing is held any more; after BDAT it may be a CR.
  (unless (mew-submit-relay-data-virgin data)
    (mew-submit-relay-data--add data (mew-submit-relay-data-held data)))
  (unless (mew-submit-relay-data-fault data)
    (if (zerop (mew-submit-relay-data-octets data))
        (mew-submit-relay-data--blame data 554 "5.6.0" "The message is empty")
      (mew-submit-relay-data--flush data)))
  (mew-submit-relay-data-fault data))

(provide 'mew-submit-relay-data)
;;; mew-submit-relay-data.el ends here
