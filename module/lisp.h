/* lisp.h --- values of Lisp: what a function of the module is given becomes C's, what C has becomes Lisp's.

   Floor 8.  An emacs_env and an emacs_value live only during a call from Lisp.  After an env call that can exit, callers
   check `msub_lisp_failed'.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_LISP_H
#define MSUB_LISP_H

#include "event.h"
#include "request.h"

#include <emacs-module.h>

/* Is a signal or a throw pending?  */
bool msub_lisp_failed (emacs_env *env);

emacs_value msub_lisp_nil (emacs_env *env);
emacs_value msub_lisp_truth (emacs_env *env, bool value);

/* Texts are valid UTF-8 (event.c, msub_text_clean), which is what make_string insists on.  */
emacs_value msub_lisp_string (emacs_env *env, const char *text);

/* Call FUNCTION, by its name, with COUNT ARGS.  */
emacs_value msub_lisp_call (emacs_env *env, const char *function, ptrdiff_t count, emacs_value *args);

/* Signal CONDITION, mew-submit-config or mew-submit-internal, with TEXT.  */
void msub_lisp_signal (emacs_env *env, const char *condition, const char *text);
void msub_lisp_signal_error (emacs_env *env, const struct msub_error *err);

/* A copy of Lisp's string VALUE, malloc'd, or NULL after an exit.  A NUL inside is an error: nothing that is sent or
   opened may be cut short by one.  */
char *msub_lisp_copy_string (emacs_env *env, emacs_value value);

/* The same to *TEXT_R, unless VALUE is nil or something is there.  */
void msub_lisp_read_text (emacs_env *env, emacs_value value, char **text_r);

/* Milliseconds, from 0 to a day's.  */
int msub_lisp_read_msecs (emacs_env *env, emacs_value value);

/* A vector of an address's octets, and the port behind them.  Returns how many octets there are; 0 after an exit.  */
size_t msub_lisp_read_place (emacs_env *env, emacs_value vector, uint8_t octets_r[16], uint16_t *port_r);

/* As process-contact has it: a vector of four octets or eight words, and the port.  nil where ADDRESS is none.  */
emacs_value msub_lisp_build_place (emacs_env *env, const struct msub_address *address);

/* PLIST, with the keys of request.def, to REQUEST, which the caller clears in any case.  What is no request is an exit.  */
void msub_lisp_read_request (emacs_env *env, emacs_value plist, struct msub_request *request);

/* EVENT as a plist: (:event TYPE :job ID KEY VALUE ...).  A field that Lisp does not take is left out: nothing waits behind
   an event that cannot be told whole, and least of all a `done' (SECURITY: O27).  */
emacs_value msub_lisp_build_event (emacs_env *env, const struct msub_event *event);

#endif
