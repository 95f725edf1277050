/* thread.h --- starting a thread that minds its own business.

   Floor 0.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_THREAD_H
#define MSUB_THREAD_H

/* Run FUNCTION (ARG) in a new detached thread with every signal blocked, so that Emacs' handlers never run
   there (SECURITY: O8).  Returns 0, or an errno value; then FUNCTION is never called.  */
int msub_thread_start (void (*function) (void *arg), void *arg);

#endif
