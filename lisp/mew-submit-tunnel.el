;;; mew-submit-tunnel.el --- By which way out the server is reached -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Pure.  It owns what an account says of tunnels (SSH, SOCKS5, a Unix socket)
;; and of the address that connections are made from.

;;; Code:

(require 'cl-lib)
(require 'mew-submit-address)
(require 'mew-submit-error)
(require 'seq)
(require 'subr-x)

(defun mew-submit-tunnel--ssh (host)
  "Return HOST, a jump host as ssh takes it, as a part of a request, or nil."
  (and (string-match-p "\\`[^-[:space:][:cntrl:]][^[:space:][:cntrl:]]*\\'" host)
       (list :tunnel 'ssh :tunnel-place host)))

(defun mew-submit-tunnel--socks5 (text)
  "Return [USER@]ADDRESS:PORT in TEXT as a part of a request, or nil.
A proxy has a number, or is \"localhost\": a name would have to be looked up
by the resolver that the proxy is there to avoid."
  (when (string-match "\\`\\(?:\\(.+\\)@\\)?\\(\\[.+\\]\\|[^][:@]+\\):\\([0-9]+\\)\\'"
                      text)
    (let ((user (match-string 1 text))
          (host (match-string 2 text))
          (port (string-to-number (match-string 3 text))))
      (when (and (<= 1 port 65535)
                 (if (string-prefix-p "[" host)
                     (mew-submit-address--numeric-p (substring host 1 -1))
                   (or (equal host "localhost")
                       (mew-submit-address--numeric-p host))))
        (when user
          (mew-submit-address--check-secret user "user name of the proxy"))
        (append (list :tunnel 'socks5 :tunnel-place (format "%s:%d" host port))
                (and user (list :tunnel-user user)))))))

(defun mew-submit-tunnel--unix (path)
  "Return PATH, a Unix socket, as a part of a request, or nil."
  (and (string-match-p "\\`[^\0\r\n]+\\'" path)
       (list :tunnel 'unix
             :tunnel-place (file-name-unquote (expand-file-name path)))))

(defun mew-submit-tunnel--parse (text)
  "Return the tunnel that TEXT names as a part of a request; nil for nil.
TEXT is \"ssh:HOST\", \"socks5:[USER@]ADDRESS:PORT\" or \"unix:PATH\".  Signal
`mew-submit-config' when it is neither."
  (and text
       (or (cl-loop for (prefix . function)
                    in '(("ssh:" . mew-submit-tunnel--ssh)
                         ("socks5:" . mew-submit-tunnel--socks5)
                         ("unix:" . mew-submit-tunnel--unix))
                    when (string-prefix-p prefix text)
                    return (funcall function (string-remove-prefix prefix text)))
           (mew-submit-error--throw
            'config nil "Not a tunnel (ssh:HOST, socks5:[USER@]ADDRESS:PORT \
or unix:PATH): %s" text))))

(defun mew-submit-tunnel--environment ()
  "Return the part of a request about the ssh that is run, as Emacs would run it.
That is the first of that name in the variable `exec-path', with the variable
`process-environment'."
  (let (names variables)
    (dolist (variable process-environment)
      (let ((name (car (split-string variable "="))))
        (unless (member name names)
          (push name names)
          ;; Without a value it is not to be there.
          (when (string-search "=" variable)
            (push (encode-coding-string variable locale-coding-system)
                  variables)))))
    (list :tunnel-program (when-let* ((program (executable-find "ssh")))
                            (encode-coding-string program
                                                  (or file-name-coding-system
                                                      'utf-8)))
          :environment (nreverse variables))))

(defun mew-submit-tunnel--proxy (tunnel)
  "Return (HOST . PORT) of the SOCKS5 proxy in TUNNEL, strings."
  (let ((place (plist-get tunnel :tunnel-place)))
    (string-match "\\`\\[?\\(.*?\\)\\]?:\\([0-9]+\\)\\'" place)
    (cons (match-string 1 place) (match-string 2 place))))

(defun mew-submit-tunnel--routes (routes)
  "Return those of ROUTES that differ when the far side chooses the family."
  (let (ports)
    (seq-filter (lambda (route)
                  (and (not (memq (car route) ports))
                       (push (car route) ports)))
                routes)))

(defun mew-submit-tunnel--source (source)
  "Return SOURCE, addresses to connect from, as a part of a request.
It is a string, a list of strings, or nil.  Signal `mew-submit-config' for
what is no address, and for two of one family."
  (let (part)
    (dolist (address (ensure-list source))
      (unless (mew-submit-address--numeric-p address)
        (mew-submit-error--throw 'config nil "Not an address to connect from: %s"
                                 address))
      (let ((key (if (string-match-p ":" address) :source-ipv6 :source-ipv4)))
        (when (plist-get part key)
          (mew-submit-error--throw
           'config nil "Two addresses of one family to connect from: %s"
           address))
        (setq part (plist-put part key address))))
    part))

(provide 'mew-submit-tunnel)
;;; mew-submit-tunnel.el ends here
