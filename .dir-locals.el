;;; Directory Local Variables  -*- no-byte-compile: t; -*-
;;; For more information see (info "(emacs) Directory Variables")

((nil . ((indent-tabs-mode . nil)
         (fill-column . 100)
         (require-final-newline . t)
         (sentence-end-double-space . t)))
 (c-mode . ((c-file-style . "gnu")))
 (emacs-lisp-mode . ((fill-column . 80)))
 (makefile-mode . ((indent-tabs-mode . t)))
 (sh-mode . ((sh-basic-offset . 2))))
