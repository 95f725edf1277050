;;; mew-submit-letter.el --- A letter to who runs the network -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns M-x mew-submit-letter: what this network does to mail, in plain words, as a
;; draft.  The user says whom it goes to, edits it and sends it; nothing is sent by itself.

;;; Code:

(require 'mew-submit-diagnosis-look)
(require 'mew-submit-diagnosis-network)
(require 'mew-submit-diagnosis-text)
(require 'mew-submit-error)
(require 'mew-submit-finding-make)
(require 'mew-submit-network)
(require 'mew-submit-network-negative)
(require 'mew-submit-network-verdict)
(require 'seq)

(defconst mew-submit-letter--subjects
  '(("op25b" "Please open port 25 for my line" "I have to reach port 25 of mail servers, \
and your network does not let me.  Please open it for my line, or tell me what I have to do \
for that.")
    ("mail-ports-shut" "Your network does not let mail through" "Please let connections \
to these ports through.  They are what the Internet uses to submit mail, with encryption \
and a log-in (RFC 6409, RFC 8314), and shutting them stops no spam.")
    ("smtp-proxy" "Your network answers in the place of my mail server" "Please do not \
answer in the place of mail servers, or tell me how I can be excepted from that: my mail \
program takes it for an attack, and rightly sends nothing.")
    ("dns-poisoned" "Your name servers give wrong addresses" "Please have your name \
servers give the addresses that these names have, and none for names that do not exist.")
    ("mtu" "Your network loses large packets" "Please let ICMP messages \"packet too big\" \
(type 3 code 4, in IPv6 type 2) through, or adjust the MSS of TCP.")
    ("captive-portal" "The log-in page of your network is in the way of mail" "Please \
let the ports of mail through once I have logged in, and do not answer in the place of \
servers before that.")
    ("offline" "Your network has no way to the Internet" "Please look at it."))
  "What to write about each verdict: (ID SUBJECT WISH).")

(defconst mew-submit-letter--cases
  '((1 . "is open") (2 . "refused by a TCP reset") ("2 or 3" . "refused")
    (3 . "refused by an ICMP error") (4 . "unreachable, by an ICMP error")
    ("3 or 4" . "unreachable, by an ICMP error")
    (5 . "no answer at all, the packets are dropped")
    ("local" . "this machine has no way there")
    ("greeting" . "connects, and then there is no mail server")
    ("tls" . "connects, and then there is no safe encryption"))
  "Each case in plain words.")

(defun mew-submit-letter--attempt (attempt)
  "Return a line on ATTEMPT."
  (let ((offender (plist-get attempt :offender)))
    (format "  port %-3s of %s (%s): %s%s\n" (plist-get attempt :port)
            (plist-get attempt :host) (plist-get attempt :address)
            (or (cdr (assoc (plist-get attempt :case) mew-submit-letter--cases))
                (plist-get attempt :case))
            (if (and (plist-get attempt :icmp) offender)
                (format ",\n    %s, from %s" (mew-submit-finding--icmp-words attempt)
                        (pcase (plist-get offender :who)
                          ("self" "my own machine")
                          ("server" "the server itself")
                          (_ (format "the router %s" (plist-get offender :address)))))
              ""))))

(defun mew-submit-letter--since (network verdict)
  "Return since when VERDICT is true of NETWORK, as far as is remembered, or nil."
  (let ((known (mew-submit-network-verdict--known network)))
    (car (sort
          (append
           (and (equal (plist-get known :id) (plist-get verdict :id))
                (list (format-time-string "%FT%TZ" (plist-get known :since) t)))
           (delq nil
                 (mapcar (lambda (entry)
                           (and (equal (plist-get entry :network)
                                       (plist-get network :id))
                                (memql (plist-get entry :port) (plist-get verdict :ports))
                                (plist-get entry :seen)))
                         (mew-submit-network-negative--entries))))
          #'string<))))

(defun mew-submit-letter--page (evidence)
  "Return a line on what the web page in EVIDENCE was, if somebody else answered."
  (let ((page (plist-get evidence :page)))
    (if (eq (plist-get page :state) 'foreign)
        (format "  %s: %s\n" (plist-get page :url)
                (mew-submit-error--clean (plist-get page :text)))
      "")))

(defun mew-submit-letter--names (evidence)
  "Return a line on the name that does not exist in EVIDENCE, if it has an address."
  (let ((invalid (plist-get (plist-get evidence :dns) :invalid)))
    (if invalid
        (format "  a name that does not exist has the address %s\n" (car invalid))
      "")))

(defun mew-submit-letter--text (evidence network)
  "Return (SUBJECT . TEXT) of a letter on EVIDENCE, met in NETWORK.
Signal `user-error' when there is nothing to write about."
  (let* ((verdict (car (mew-submit-diagnosis-network--list evidence)))
         (subject (cdr (assoc (plist-get verdict :id) mew-submit-letter--subjects)))
         (since (mew-submit-letter--since network verdict)))
    (when (plist-get evidence :moved)
      (user-error "This machine has changed networks meanwhile: look again"))
    (unless subject
      (user-error "There is nothing to complain of: %s" (plist-get verdict :text)))
    (cons
     (car subject)
     (concat
      "Hello,\n\n"
      (mew-submit-diagnosis-text--fill (plist-get verdict :text)) "\n"
      (mew-submit-diagnosis-text--fill (nth 1 subject)) "\n"
      (format "This is what I saw on %s, from the network %s%s:\n\n"
              (format-time-string "%Y-%m-%d at %H:%M UTC" (plist-get evidence :began) t)
              (plist-get network :label)
              (if since (format ",\nand it has been so since %s at least" since) ""))
      (mapconcat #'mew-submit-letter--attempt
                 (seq-sort-by (lambda (entry) (plist-get entry :port)) #'<
                              (mew-submit-diagnosis-network--entries evidence))
                 "")
      (mew-submit-letter--page evidence)
      (mew-submit-letter--names evidence)
      (if (plist-get verdict :sure) ""
        "\nNobody says who drops these packets, but several servers that have nothing to \
do\nwith each other are silent here in the same way.\n")
      "\nRegards\n"))))

;;;###autoload
(defun mew-submit-letter (&optional evidence)
  "Begin a letter about what this network does to mail.
It is a draft with the evidence in plain words: which ports, what was met, which
router says so, and since when.  You say whom it goes to, look at which servers
it names, and send it; nothing is sent by itself.  EVIDENCE is by default that
of the last look at this network (`mew-submit-diagnose-network')."
  (interactive)
  (let* ((here (mew-submit-network--primary))
         (last mew-submit-diagnosis-look--last)
         (evidence (or evidence
                       (and last (mew-submit-network--same-p (car last) here)
                            (cdr last))
                       (user-error "Nothing is known of this network yet: first \
M-x mew-submit-diagnose-network")))
         ;; By now this machine may be somewhere else.
         (letter (mew-submit-letter--text evidence (or (plist-get evidence :network) here))))
    (compose-mail nil (car letter))
    (save-excursion
      (goto-char (point-max))
      (insert (cdr letter)))
    (message "A draft: say whom it goes to, look it over, and send it")))

(provide 'mew-submit-letter)
;;; mew-submit-letter.el ends here
