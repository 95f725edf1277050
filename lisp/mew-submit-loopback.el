;;; mew-submit-loopback.el --- Where a browser brings an answer back to -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; It owns a listener on this machine alone, at a port that the kernel chooses
;; (RFC 8252, section 7.3), which serves a browser a few pages and tells whoever started it
;; what was asked for.  Everybody on this machine can come to it, and every web page can
;; send a browser there: what is asked proves nothing until its owner has checked it.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-background)
(require 'mew-submit-caseless)
(require 'mew-submit-error)
(require 'mew-submit-oauth)
(require 'seq)

(defconst mew-submit-loopback--octets-max 16384
  "How long a request may be.")

(defconst mew-submit-loopback--guests-max 32
  "How many connections are held at a time.")

(defconst mew-submit-loopback--patience 20
  "Seconds for which a connection is kept that does not ask for anything.")

(cl-defstruct (mew-submit-loopback (:constructor mew-submit-loopback--make)
                                   (:copier nil))
  (servers nil :documentation "The processes that listen.")
  (port nil :documentation "Their port.")
  (handler nil :documentation "Function that is asked, as for `mew-submit-loopback--start'.")
  (guests nil :documentation "The connections that are open."))

(defun mew-submit-loopback--leave (listener guest)
  "Close GUEST, a connection to LISTENER."
  (setf (mew-submit-loopback-guests listener)
        (delq guest (mew-submit-loopback-guests listener)))
  (when-let* ((timer (process-get guest 'timer)))
    (cancel-timer timer))
  (delete-process guest))

(defun mew-submit-loopback--send (listener guest status fields body)
  "Answer GUEST of LISTENER with STATUS, FIELDS of the header, and the page BODY."
  (when (process-live-p guest)
    (ignore-errors                      ; it may just have left
      (process-send-string
       guest
       (concat "HTTP/1.1 " status "\r\n"
               (mapconcat (lambda (field) (concat field "\r\n")) fields "")
               "Content-Type: text/html; charset=utf-8\r\n"
               (format "Content-Length: %d\r\n" (string-bytes body))
               "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
               "X-Content-Type-Options: nosniff\r\nConnection: close\r\n"
               "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
               "frame-ancestors 'none'\r\n\r\n"
               (encode-coding-string body 'utf-8)))))
  (mew-submit-loopback--leave listener guest))

(defun mew-submit-loopback--html (text)
  "Return TEXT as HTML has it."
  (replace-regexp-in-string
   "[<>&\"']" (lambda (char) (format "&#%d;" (aref char 0))) text t t))

(defun mew-submit-loopback--page (title &rest lines)
  "Return a page that is called TITLE, with LINES on it."
  (concat "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>"
          (mew-submit-loopback--html title)
          "</title><style>body{font-family:sans-serif;max-width:32em;margin:4em auto;"
          "padding:0 1em;line-height:1.5}</style></head><body><h1>"
          (mew-submit-loopback--html title) "</h1>"
          (mapconcat (lambda (line) (concat "<p>" (mew-submit-loopback--html line) "</p>"))
                     lines "")
          "</body></html>\n"))

;;; What is asked

(defun mew-submit-loopback--decode (text)
  "Return TEXT, part of a query, decoded."
  (decode-coding-string (url-unhex-string (string-replace "+" " " text) t) 'utf-8))

(defun mew-submit-loopback--query (text)
  "Return the parameters in the query TEXT, an alist of strings in their order."
  (mapcar (lambda (part)
            (let ((at (or (string-search "=" part) (length part))))
              (cons (mew-submit-loopback--decode (substring part 0 at))
                    (mew-submit-loopback--decode
                     (substring part (min (1+ at) (length part)))))))
          (split-string text "&" t)))

(defun mew-submit-loopback--own-name-p (listener head)
  "Does HEAD, of a request to LISTENER, name this machine as whom it is for?
A name of somebody else's that leads here would let a web page read what is
answered."
  (and (mew-submit-caseless--folding
         (string-match "^host:\\([^\r\n]*\\)\r?$" head))
       (member (mew-submit-caseless--down (mew-submit-error--trim (match-string 1 head)))
               (mapcar (lambda (host)
                         (format "%s:%d" host (mew-submit-loopback-port listener)))
                       '("127.0.0.1" "localhost" "[::1]")))))

(defun mew-submit-loopback--refuse (listener guest status)
  "Answer GUEST of LISTENER with STATUS and nothing else."
  (mew-submit-loopback--send
   listener guest status nil
   (mew-submit-loopback--page "This is not for a browser to see"
                             "Emacs waits here for the end of a sign-in.")))

(defun mew-submit-loopback--serve (listener guest head)
  "Have the request of GUEST of LISTENER answered; HEAD is all of it."
  (cond ((not (string-match "\\`GET \\(/[^ ?#]*\\)\\(?:\\?\\([^ #]*\\)\\)? HTTP/1\\.[01]\r?$"
                            head))
         (mew-submit-loopback--refuse listener guest "405 Method Not Allowed"))
        ;; A browser that loads ahead what nobody has opened yet would use up the page.
        ((mew-submit-caseless--folding
           (string-match-p "^\\(?:sec-\\|x-\\)?\\(?:purpose\\|moz\\):[ \t]*prefetch" head))
         (mew-submit-loopback--refuse listener guest "503 Service Unavailable"))
        ((let ((path (match-string 1 head))
               (query (or (match-string 2 head) "")))
           (when (mew-submit-loopback--own-name-p listener head)
             (funcall (mew-submit-loopback-handler listener)
                      path (mew-submit-loopback--query query)
                      (lambda (status body &optional fields)
                        (mew-submit-loopback--send listener guest status fields
                                                   body)))
             t)))
        (t (mew-submit-loopback--refuse listener guest "421 Misdirected Request"))))

(defun mew-submit-loopback--filter (listener guest chunk)
  "Take CHUNK, octets that GUEST of LISTENER has sent."
  (unless (process-get guest 'asked)
    (let ((text (concat (process-get guest 'text) chunk)))
      (process-put guest 'text text)
      (cond ((> (length text) mew-submit-loopback--octets-max)
             (mew-submit-loopback--refuse listener guest
                                          "431 Request Header Fields Too Large"))
            ((string-match-p "\r?\n\r?\n" text)
             (process-put guest 'asked t)
             (process-put guest 'text nil)
             (condition-case err
                 (mew-submit-loopback--serve listener guest text)
               (error (mew-submit-loopback--leave listener guest)
                      (display-warning 'mew-submit (mew-submit-oauth--error-text err)))))))))

(defun mew-submit-loopback--arrive (listener guest)
  "Have GUEST, a new connection to LISTENER, leave some time, or at once."
  (if (>= (length (mew-submit-loopback-guests listener))
          mew-submit-loopback--guests-max)
      (delete-process guest)
    (set-process-query-on-exit-flag guest nil)
    (push guest (mew-submit-loopback-guests listener))
    (process-put guest 'timer
                 (run-at-time mew-submit-loopback--patience nil #'mew-submit-background--call
                              (lambda ()
                                (unless (process-get guest 'asked)
                                  (mew-submit-loopback--leave listener guest)))))))

;;; The listener

(defun mew-submit-loopback--listen (listener host family port)
  "Have LISTENER listen at HOST, of FAMILY, and PORT; t means any."
  (let ((server (make-network-process
                 :name "mew-submit sign-in" :server t :noquery t :buffer nil
                 :host host :family family :service port :coding 'binary
                 :filter (lambda (guest chunk)
                           (mew-submit-loopback--filter listener guest chunk))
                 :sentinel (lambda (guest _change)
                             (unless (process-live-p guest)
                               (mew-submit-loopback--leave listener guest)))
                 :log (lambda (_server guest _message)
                        (mew-submit-loopback--arrive listener guest)))))
    (push server (mew-submit-loopback-servers listener))
    (process-contact server :service)))

(defun mew-submit-loopback--start (both handler)
  "Listen on this machine at a port that the kernel chooses; return the listener.
With BOTH non-nil that is IPv6, too, where there is IPv6: a browser that is sent
to \"localhost\" may try that first, and nobody else is to be there.  HANDLER is
called with the path, the parameters of the query (an alist) and a function to
answer with, now or later: it takes a status such as \"200 OK\", a page, and
fields for the header."
  (let ((listener (mew-submit-loopback--make :handler handler))
        (tries 5))
    (while (null (mew-submit-loopback-port listener))
      (setf (mew-submit-loopback-port listener)
            (mew-submit-loopback--listen listener "127.0.0.1" 'ipv4 t))
      (when (and both (featurep 'make-network-process '(:family ipv6))
                 (mew-submit-loopback--ipv6-p))
        (condition-case err
            (mew-submit-loopback--listen listener "::1" 'ipv6
                                         (mew-submit-loopback-port listener))
          (file-error
           (mew-submit-loopback--stop listener)
           (setf (mew-submit-loopback-port listener) nil)
           (when (zerop (setq tries (1- tries)))
             (mew-submit-error--throw 'config nil "There is no port for the sign-in: %s"
                                     (mew-submit-error--text err)))))))
    listener))

(defun mew-submit-loopback--from-afar (listener)
  "Return how a browser comes to LISTENER from where the user is, in words."
  (format ", or, after \"ssh -L %1$d:127.0.0.1:%1$d\" to here, on the one you sit at"
          (mew-submit-loopback-port listener)))

(defun mew-submit-loopback--ipv6-p ()
  "Does this machine have the address ::1?"
  (let ((server (ignore-errors
                  (make-network-process :name "mew-submit probe" :server t :noquery t
                                        :host "::1" :family 'ipv6 :service t))))
    (when server
      (delete-process server)
      t)))

(defun mew-submit-loopback--stop (listener)
  "Stop LISTENER; nil is fine."
  (when listener
    (mapc #'delete-process (mew-submit-loopback-servers listener))
    (setf (mew-submit-loopback-servers listener) nil)
    (dolist (guest (mew-submit-loopback-guests listener))
      (mew-submit-loopback--leave listener guest))))

(provide 'mew-submit-loopback)
;;; mew-submit-loopback.el ends here
