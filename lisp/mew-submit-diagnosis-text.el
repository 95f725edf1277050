;;; mew-submit-diagnosis-text.el --- A diagnosis in words for people -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns how a diagnosis reads, in 80 columns or less: a verdict, a table with a
;; row for each address and port, the findings, and all that is known of an attempt.  The
;; report buffer and the batch command both show that.

;;; Code:

(require 'mew-submit-caseless)
(require 'mew-submit-diagnosis)
(require 'mew-submit-error)
(require 'mew-submit-finding)
(require 'mew-submit-table)
(require 'seq)
(require 'subr-x)

(defun mew-submit-diagnosis-text--clean (text)
  "Return TEXT, which may be nil, safe to show."
  (mew-submit-error--clean (or text "")))

(defun mew-submit-diagnosis-text--cut (text width)
  "Return TEXT cut to WIDTH columns."
  (truncate-string-to-width text (max width 1) nil nil t))

(defun mew-submit-diagnosis-text--msecs (msecs)
  "Return MSECS in few characters."
  (cond ((null msecs) "")
        ((< msecs 10) (format "%.1f ms" msecs))
        ((< msecs 1000) (format "%d ms" (round msecs)))
        (t (format "%.1f s" (/ msecs 1000.0)))))

(defun mew-submit-diagnosis-text--fill (text &optional indent)
  "Return TEXT filled, each line behind INDENT columns, with a newline at its end."
  (with-temp-buffer
    (setq indent-tabs-mode nil)
    (insert text)
    (let ((fill-column mew-submit-table--width)
          (sentence-end-double-space t)
          (left-margin (or indent 0)))
      (fill-region-as-paragraph (point-min) (point-max)))
    (goto-char (point-min))
    (concat (make-string (or indent 0) ?\s)
            (string-trim (buffer-string)) "\n")))

;;; The verdict

(defun mew-submit-diagnosis-text--verdict (diagnosis)
  "Return a sentence on whether mail can be submitted, according to DIAGNOSIS."
  (pcase-let ((`(,submits . ,attempt) (mew-submit-diagnosis--verdict diagnosis))
              (kind (plist-get (plist-get diagnosis :done) :kind)))
    (cond ((null (plist-get diagnosis :done)) "Looking...")
          ((equal kind "cancelled") "Stopped.")
          (submits
           (format "Mail can be submitted through port %s (%s)."
                   (plist-get attempt :port) (plist-get attempt :address)))
          (attempt
           (format "Mail cannot be submitted: port %s, %s."
                   (plist-get attempt :port)
                   (string-trim-right
                    (mew-submit-diagnosis-text--clean
                     (mew-submit-diagnosis-text--why attempt))
                    "[. ]+")))
          (t (format "Mail cannot be submitted: %s."
                     (string-trim-right
                      (mew-submit-diagnosis-text--clean
                       (plist-get (plist-get diagnosis :done) :text))
                      "[. ]+"))))))

(defun mew-submit-diagnosis-text--why (attempt)
  "Return in words why no mail can be submitted by ATTEMPT."
  (let ((end (plist-get attempt :end))
        (tls (plist-get attempt :tls)))
    (cond ((not (member (plist-get attempt :case) '(1 "tls")))
           (plist-get attempt :text))
          ((member (plist-get attempt :starttls) '("missing" "mangled"))
           (format "STARTTLS is %s" (plist-get attempt :starttls)))
          ((plist-get tls :weak)
           (format "TLS is not good enough (%s)" (plist-get end :text)))
          ((and tls (not (plist-get tls :verified)))
           (concat "the certificate: " (plist-get tls :unverified)))
          ((not (equal (or (plist-get end :text) "") ""))
           (plist-get end :text))
          ((null tls) "no TLS")
          ((plist-get attempt :auth-tls)
           (format "no log-in is offered that mew-submit speaks, only %s"
                   (string-join (plist-get attempt :auth-tls) ", ")))
          (t "no log-in is offered"))))

;;; Rows

(defun mew-submit-diagnosis-text--address-width (diagnosis)
  "Return how wide the column of addresses in DIAGNOSIS has to be."
  (apply #'max 15
         (mapcar (lambda (attempt)
                   (length (or (plist-get attempt :address) "")))
                 (plist-get diagnosis :attempts))))

(defun mew-submit-diagnosis-text--format (port address case time what width)
  "Return a row of the table, with the ADDRESS in WIDTH columns.
PORT, CASE, TIME and WHAT are strings, too."
  (let ((head (format (format "%%5s  %%-%ds  %%-8s %%8s  " width)
                      port address case time)))
    (string-trim-right
     (concat head
             (mew-submit-diagnosis-text--cut
              what (- mew-submit-table--width (string-width head)))))))

(defun mew-submit-diagnosis-text--heading (diagnosis)
  "Return the heading of the table of DIAGNOSIS."
  (mew-submit-diagnosis-text--format
   "port" "address" "case" "time" "what is there"
   (mew-submit-diagnosis-text--address-width diagnosis)))

(defun mew-submit-diagnosis-text--security (attempt)
  "Return how TLS stands in ATTEMPT, in few words, or nil."
  (let ((tls (plist-get attempt :tls)))
    (cond ((plist-get (plist-get attempt :end) :spoke)
           (format "speaks %s" (if (equal (plist-get (plist-get attempt :end)
                                                     :spoke)
                                          "tls")
                                   "TLS at once" "no TLS")))
          ((member (plist-get attempt :starttls) '("missing" "mangled"))
           (format "STARTTLS %s" (plist-get attempt :starttls)))
          ((and tls (plist-get tls :weak))
           (format "%s only" (plist-get tls :version)))
          (tls (format "%s%s" (plist-get tls :version)
                       (if (plist-get tls :verified) "" ", bad certificate"))))))

(defun mew-submit-diagnosis-text--log-in (attempt)
  "Return which log-ins ATTEMPT has, in few words, or nil."
  (let ((tls (plist-get attempt :auth-tls))
        (clear (plist-get attempt :auth-clear)))
    (cond (tls (concat "AUTH " (string-join tls " ")))
          (clear (concat "AUTH in clear: " (string-join clear " "))))))

(defun mew-submit-diagnosis-text--progress (attempt)
  "Return what the latest news of ATTEMPT, which has not ended, is."
  (pcase (caar (last (plist-get attempt :times)))
    ('connecting "connecting...")
    ('connected "connected, waiting...")
    ('greeting "greeted...")
    ('ehlo "EHLO answered...")
    ('tls "TLS is up...")
    (_ "...")))

(defun mew-submit-diagnosis-text--answer (attempt)
  "Return in few words what is behind ATTEMPT, which was answered."
  (or (if (equal (plist-get attempt :case) "greeting")
          (plist-get attempt :text)
        (let ((parts (delq nil (list (mew-submit-diagnosis-text--security attempt)
                                     (mew-submit-diagnosis-text--log-in
                                      attempt)))))
          (cond ((cdr parts) (string-join parts ", "))
                ((and (null parts) (equal (plist-get attempt :case) "tls"))
                 (plist-get attempt :text))
                ((plist-get attempt :greeting)
                 (string-join (append parts (list (plist-get attempt :greeting)))
                              ", "))
                (t (string-join parts ", ")))))
      ""))

(defun mew-submit-diagnosis-text--short (attempt)
  "Return the verdict of ATTEMPT, which TCP did not survive, in few words."
  (let ((icmp (plist-get attempt :icmp))
        (offender (plist-get attempt :offender)))
    (cond ((and icmp offender)
           (format "ICMP%s %s/%s from %s"
                   (if (equal (plist-get attempt :family) "ipv6") "v6" "")
                   (plist-get icmp :type) (plist-get icmp :code)
                   (pcase (plist-get offender :who)
                     ("self" "this machine")
                     ("server" "the server itself")
                     (_ (concat "router " (plist-get offender :address))))))
          ((eql (plist-get attempt :case) 5) "silence")
          ((eql (plist-get attempt :case) 2) "refused (TCP reset)")
          (t (plist-get attempt :text)))))

(defun mew-submit-diagnosis-text--what (attempt)
  "Return what there is at ATTEMPT, in few words."
  (mew-submit-diagnosis-text--clean
   (cond ((not (eq (plist-get attempt :state) 'ended))
          (mew-submit-diagnosis-text--progress attempt))
         ((equal (plist-get (plist-get attempt :end) :kind) "cancelled")
          "stopped")
         ((member (plist-get attempt :case) '(1 "tls" "greeting"))
          (mew-submit-diagnosis-text--answer attempt))
         (t (mew-submit-diagnosis-text--short attempt)))))

(defun mew-submit-diagnosis-text--row (diagnosis attempt)
  "Return the row of the table of DIAGNOSIS about ATTEMPT."
  (let ((case (plist-get attempt :case)))
    (mew-submit-diagnosis-text--format
     (number-to-string (plist-get attempt :port))
     (or (plist-get attempt :address) "")
     (if case (format "%s" case) "")
     (if case (mew-submit-diagnosis-text--msecs (plist-get attempt :ms)) "")
     (mew-submit-diagnosis-text--what attempt)
     (mew-submit-diagnosis-text--address-width diagnosis))))

(defun mew-submit-diagnosis-text--sorted (diagnosis)
  "Return the attempts of DIAGNOSIS, by port, then IPv6 first."
  (seq-sort (lambda (a b)
              (let ((port-a (plist-get a :port))
                    (port-b (plist-get b :port))
                    (family-a (plist-get a :family))
                    (family-b (plist-get b :family)))
                (cond ((/= port-a port-b) (< port-a port-b))
                      ((not (equal family-a family-b)) (equal family-a "ipv6"))
                      (t (< (plist-get a :id) (plist-get b :id))))))
            (plist-get diagnosis :attempts)))

;;; All that is known of an attempt

(defun mew-submit-diagnosis-text--certificate-details (tls)
  "Return what there is to say of the certificate in TLS: ((LABEL . TEXT)...)."
  (append
   `(("certificate" . ,(cond ((plist-get tls :pinned) "pinned")
                              ((plist-get tls :verified) "good")
                              (t (concat "bad: "
                                         (or (plist-get tls :unverified) "")))))
     ("names" . ,(string-join (plist-get tls :names) ", ")))
   (seq-mapn (lambda (certificate label)
               (cons label
                     (format "%s, by %s, %.10s to %.10s"
                             (plist-get certificate :subject)
                             (plist-get certificate :issuer)
                             (plist-get certificate :starts)
                             (plist-get certificate :expires))))
             (plist-get tls :chain)
             (cons "chain" (make-list 20 "")))
   `(("fingerprint" . ,(plist-get tls :fingerprint))
     ("OCSP staple" . ,(plist-get tls :ocsp)))))

(defun mew-submit-diagnosis-text--check-details (attempt)
  "Return the answers to the commands tried in ATTEMPT: ((LABEL . TEXT)...)."
  (mapcar (lambda (check)
            (cons (or (cdr (assoc (plist-get check :name)
                                  '(("mail-before-starttls" . "MAIL, no TLS")
                                    ("mail-before-auth" . "MAIL, no AUTH")
                                    ("rcpt-before-auth" . "RCPT, no AUTH")
                                    ("relay" . "RCPT, no AUTH")
                                    ("starttls-unoffered" . "STARTTLS tried"))))
                      (plist-get check :name))
                  (plist-get check :text)))
          (plist-get attempt :checks)))

(defun mew-submit-diagnosis-text--starttls (attempt)
  "Return what became of STARTTLS in ATTEMPT, or nil."
  (and (plist-get attempt :starttls)
       (concat (plist-get attempt :starttls)
               (and (plist-get attempt :starttls-instead)
                    (concat ": " (plist-get attempt :starttls-instead))))))

(defun mew-submit-diagnosis-text--details (attempt)
  "Return all that is known of ATTEMPT: ((LABEL . TEXT)...), in order."
  (let ((icmp (plist-get attempt :icmp))
        (offender (plist-get attempt :offender))
        (tls (plist-get attempt :tls)))
    (seq-filter
     (lambda (detail) (not (member (cdr detail) '(nil ""))))
     (append
      `(("verdict" . ,(plist-get attempt :text))
        ("errno" . ,(plist-get attempt :errno))
        ("ICMP" . ,(and icmp (format "type %s code %s: %s" (plist-get icmp :type)
                                     (plist-get icmp :code)
                                     (plist-get icmp :name))))
        ("sent by" . ,(and offender
                           (format "%s (%s)" (plist-get offender :address)
                                   (pcase (plist-get offender :who)
                                     ("self" "this machine")
                                     (who who)))))
        ("greeting" . ,(and (plist-get attempt :greeting)
                            (format "%s (after %s)" (plist-get attempt :greeting)
                                    (mew-submit-diagnosis-text--msecs
                                     (plist-get attempt :greeting-ms)))))
        ("before TLS" . ,(string-join (plist-get attempt :capabilities-clear)
                                      " "))
        ("AUTH there" . ,(string-join (plist-get attempt :auth-clear) " "))
        ("STARTTLS" . ,(mew-submit-diagnosis-text--starttls attempt))
        ("TLS" . ,(and tls (concat (plist-get tls :version) " "
                                   (plist-get tls :cipher)))))
      (and tls (mew-submit-diagnosis-text--certificate-details tls))
      `(("inside TLS" . ,(string-join (plist-get attempt :capabilities-tls) " "))
        ("AUTH there" . ,(string-join (plist-get attempt :auth-tls) " ")))
      (mew-submit-diagnosis-text--check-details attempt)
      `(("end" . ,(and (not (equal (plist-get (plist-get attempt :end) :text)
                                   (plist-get attempt :text)))
                       (plist-get (plist-get attempt :end) :text)))
        ("times" . ,(mapconcat (lambda (time)
                                 (format "%s %s" (car time)
                                         (mew-submit-diagnosis-text--msecs
                                          (cdr time))))
                               (plist-get attempt :times) ", ")))))))

(defun mew-submit-diagnosis-text--detail-lines (attempt)
  "Return all that is known of ATTEMPT as lines."
  (mapconcat
   (lambda (detail)
     (let* ((label (format "       %-15s " (car detail)))
            (text (mew-submit-diagnosis-text--fill
                   (mew-submit-diagnosis-text--clean (cdr detail))
                   (length label))))
       (concat label (substring text (length label)))))
   (mew-submit-diagnosis-text--details attempt) ""))

;;; Findings

(defun mew-submit-diagnosis-text--finding (finding)
  "Return FINDING as lines: severity and sentence, its advice, and its id."
  (concat
   (let ((label (format " %-8s" (mew-submit-caseless--up (plist-get finding :severity)))))
     (concat label (substring (mew-submit-diagnosis-text--fill
                               (plist-get finding :text) (length label))
                              (length label))))
   (mew-submit-diagnosis-text--fill
    (format "%s  [%s]" (plist-get finding :advice) (plist-get finding :id)) 9)))

;;; The whole

(defun mew-submit-diagnosis-text--lookups (diagnosis)
  "Return lines about the look-ups of DIAGNOSIS that brought no address.
A name without an IPv6 address, or without an IPv4 one, is nothing to tell of."
  (mapconcat (lambda (lookup)
               (format " %s: %s\n"
                       (if (equal (plist-get lookup :family) "ipv6")
                           "IPv6" "IPv4")
                       (plist-get lookup :error)))
             (seq-filter (lambda (lookup)
                           (and (plist-get lookup :why)
                                (not (equal (plist-get lookup :why) "none"))))
                         (plist-get diagnosis :lookups))
             ""))

(defun mew-submit-diagnosis-text--string (diagnosis &optional details)
  "Return DIAGNOSIS as text, with all that is known if DETAILS is non-nil."
  (let ((findings (mew-submit-finding--list diagnosis))
        (lookups (mew-submit-diagnosis-text--lookups diagnosis)))
    (concat
     (format "Diagnosis of %s\n\n" (plist-get diagnosis :host))
     (mew-submit-diagnosis-text--fill
      (mew-submit-diagnosis-text--verdict diagnosis))
     (unless (string-empty-p lookups)
       (concat "\n" lookups))
     (and (plist-get diagnosis :attempts)
          (concat
           "\n"
           (mew-submit-diagnosis-text--heading diagnosis) "\n"
           (mapconcat (lambda (attempt)
                        (concat (mew-submit-diagnosis-text--row diagnosis attempt)
                                "\n"
                                (and details
                                     (mew-submit-diagnosis-text--detail-lines
                                      attempt))))
                      (mew-submit-diagnosis-text--sorted diagnosis) "")))
     (and findings
          (concat "\n" (mapconcat #'mew-submit-diagnosis-text--finding findings
                                  ""))))))

(provide 'mew-submit-diagnosis-text)
;;; mew-submit-diagnosis-text.el ends here
