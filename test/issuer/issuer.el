;;; issuer.el --- An issuer of access tokens, for tests -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Starts test/issuer/issuer, has Emacs trust it, and tells it how to behave.  A user with
;; a browser is test/issuer/browser, which says yes to everything.

;;; Code:

(require 'auth-source)
(require 'cl-lib)
(require 'gnutls)
(require 'mew-submit-sign-in)
(require 'mew-submit-test-helpers)

(cl-defstruct (mew-submit-issuer-test (:constructor mew-submit-issuer-test--make)
                                      (:copier nil))
  directory process url)

(defvar mew-submit-issuer-test--certificate nil
  "The directory with the certificate that all issuers of this Emacs have.")

(defun mew-submit-issuer-test--certificate ()
  "Return the directory with a certificate for localhost; it goes away with Emacs."
  (or mew-submit-issuer-test--certificate
      (let ((directory (make-temp-file "mew-submit-issuer-" t)))
        (add-hook 'kill-emacs-hook (lambda () (delete-directory directory t)))
        (let ((default-directory directory))
          (dolist (arguments
                   '(("-x509" "-keyout" "ca.key" "-out" "ca.pem" "-subj" "/CN=Test CA"
                      ;; Python 3.13 takes no authority without that (RFC 5280, 4.2.1.3).
                      "-addext" "keyUsage=critical,keyCertSign")
                     ("-x509" "-keyout" "key.pem" "-out" "cert.pem" "-subj" "/CN=issuer"
                      "-CA" "ca.pem" "-CAkey" "ca.key" "-addext"
                      "subjectAltName=DNS:localhost" "-addext"
                      "basicConstraints=critical,CA:FALSE")))
            (unless (eql 0 (apply #'call-process "openssl" nil nil nil "req" "-newkey" "ec"
                                  "-pkeyopt" "ec_paramgen_curve:P-256" "-nodes"
                                  "-days" "2" arguments))
              (error "No certificate"))))
        (setq mew-submit-issuer-test--certificate directory))))

(defun mew-submit-issuer-test-available-p ()
  "Is there what an issuer needs?"
  (and (executable-find "python3") (executable-find "openssl")))

(defun mew-submit-issuer-test--file (issuer name)
  "Return the file NAME in the directory of ISSUER."
  (expand-file-name name (mew-submit-issuer-test-directory issuer)))

(defun mew-submit-issuer-test-start (directory)
  "Start an issuer in DIRECTORY and return it."
  (dolist (name '("cert.pem" "key.pem"))
    (copy-file (expand-file-name name (mew-submit-issuer-test--certificate))
               (expand-file-name name directory)))
  (let ((issuer (mew-submit-issuer-test--make
                 :directory directory
                 :process (make-process
                           :name "issuer" :noquery t :connection-type 'pipe
                           :buffer (generate-new-buffer " *issuer*")
                           :command (list "python3"
                                          (expand-file-name "test/issuer/issuer"
                                                            mew-submit-test-root)
                                          directory)))))
    (mew-submit-test-until ("the issuer")
      (unless (process-live-p (mew-submit-issuer-test-process issuer))
        (ert-fail (with-current-buffer
                      (process-buffer (mew-submit-issuer-test-process issuer))
                    (buffer-string))))
      (file-exists-p (mew-submit-issuer-test--file issuer "ready")))
    (setf (mew-submit-issuer-test-url issuer)
          (mew-submit-test-octets (mew-submit-issuer-test--file issuer "ready")))
    issuer))

(defun mew-submit-issuer-test-stop (issuer)
  "Stop ISSUER."
  (let ((process (mew-submit-issuer-test-process issuer)))
    (delete-process process)
    (kill-buffer (process-buffer process))))

(defun mew-submit-issuer-test-behave (issuer &rest behaviour)
  "Have ISSUER do as BEHAVIOUR, a plist as JSON takes it, says from now on."
  (let ((file (mew-submit-issuer-test--file issuer "behaviour")))
    (mew-submit-test-write (concat file ".part")
                           (if behaviour
                               (json-serialize behaviour)
                             "{}"))
    (rename-file (concat file ".part") file t)))

(defun mew-submit-issuer-test-log (issuer &optional event path)
  "Return what ISSUER has noted, or of that what is of EVENT, and at PATH."
  (let ((file (mew-submit-issuer-test--file issuer "log")))
    (seq-filter (lambda (line)
                  (and (or (null event) (equal (plist-get line :event) event))
                       (or (null path) (equal (plist-get line :path) path))))
                (and (file-exists-p file)
                     (mew-submit-test-json-log file)))))

(defun mew-submit-issuer-test-forget ()
  "Forget in this Emacs who is signed in, as a new one would not know it."
  (setq mew-submit-token--key nil)
  (maphash (lambda (_ token)
             (when-let* ((ahead (mew-submit-token-ahead token)))
               (cancel-timer ahead)))
           mew-submit-token--all)
  (clrhash mew-submit-token--all)
  (auth-source-forget-all-cached))

(defmacro mew-submit-issuer-test-with (issuer &rest body)
  "Run BODY with ISSUER bound to an issuer that Emacs trusts.
There is a file of passwords to which one can be added, and nothing is known of
any sign-in."
  (declare (indent 1) (debug (symbolp body)))
  (let ((directory (make-symbol "directory"))
        (ended (make-symbol "ended")))
    `(progn
       (skip-unless (mew-submit-issuer-test-available-p))
       (mew-submit-test-with-directory ,directory
         (let* ((gnutls-trustfiles
                 (list (expand-file-name "ca.pem"
                                         (mew-submit-issuer-test--certificate))))
                (mew-submit-token-directory (expand-file-name "tokens/" ,directory))
                (mew-submit-issuer-clients-file (expand-file-name "clients.eld" ,directory))
                (auth-sources (list (mew-submit-test-write
                                     (expand-file-name "authinfo" ,directory) "")))
                (auth-source-save-behavior t)
                (mew-submit-oauth2-token-command nil)
                (mew-submit-question--list nil)
                (,issuer (mew-submit-issuer-test-start ,directory))
                ,ended)
           (mew-submit-issuer-test-forget)
           (unwind-protect
               (prog1 (progn ,@body)
                 (setq ,ended t))
             (mew-submit-sign-in-cancel)
             (unless ,ended
               (message "The issuer's log:\n%s" (mew-submit-issuer-test-log ,issuer)))
             (mew-submit-issuer-test-forget)
             (mew-submit-issuer-test-stop ,issuer)))))))

(defun mew-submit-issuer-test-account (issuer &rest more)
  "Return an account that signs in at ISSUER, with MORE keys."
  (append more
          (list :name "test" :user "me@x"
                :oauth (list :issuer (mew-submit-issuer-test-url issuer)
                             :client-id "emacs" :scope "mail"))))

(defun mew-submit-issuer-test-browse (url)
  "Have a browser go to URL and say yes to everything."
  (make-process :name "browser" :noquery t :connection-type 'pipe
                :buffer (get-buffer-create " *browser*")
                :sentinel #'ignore
                :command (list "python3" (expand-file-name "test/issuer/browser"
                                                           mew-submit-test-root)
                               (car gnutls-trustfiles) url)))

(defun mew-submit-issuer-test-sign-in (account &rest keys)
  "Sign in to ACCOUNT, with KEYS for `mew-submit-sign-in', and return the result."
  (let (result)
    (apply #'mew-submit-sign-in account
           (append (list :callback (lambda (end) (setq result end)))
                   keys
                   (list :browse #'mew-submit-issuer-test-browse
                         :on-event #'ignore)))
    (mew-submit-test-until ("the end of the sign-in")
      result)))

(provide 'mew-submit-issuer-test)
;;; issuer.el ends here
