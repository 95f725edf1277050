;;; guix.scm --- mew-submit for Guix: guix build -f packaging/guix.scm, at the top of the tree
;;;
;;; Tried with Guix 1.5.0 and no network: guix repl loads it, the checkers of guix lint that need no network say nothing,
;;; and guix build --derivations makes a derivation of it, so all it names is there.
;;; Untried: the build itself, which fetches what it needs, and what it installs.
;;; SPDX-License-Identifier: GPL-3.0-or-later

(use-modules (guix packages) (guix gexp) (guix build-system emacs)
             ((guix licenses) #:prefix license:)
             (gnu packages gsasl) (gnu packages pkg-config) (gnu packages tls))

(package
  (name "emacs-mew-submit")
  (version "0.2.0")
  (source (local-file ".." "mew-submit" #:recursive? #t))
  (build-system emacs-build-system)
  (arguments
   (list
    #:tests? #f                         ; they start servers; see `make check'
    #:include #~(cons* "^lisp/.*\\.el$" "^module/mew-submit-native\\.so$"
                       %default-include)
    #:phases
    #~(modify-phases %standard-phases
        (add-before 'install 'build-module
          (lambda _
            (invoke "make" "module" "CC=gcc"))))))
  (native-inputs (list pkg-config))
  (inputs (list gnutls gsasl))
  (home-page "https://example.org/mew-submit")
  (synopsis "Send mail from Emacs in the background, port by port")
  (description
   "mew-submit sends mail from Emacs without waiting, by the best port that the
network lets through, and says exactly why when it cannot be sent.")
  (license license:gpl3+))
