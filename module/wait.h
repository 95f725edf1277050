/* wait.h --- waiting: for descriptors, for the user, and for work that nothing can interrupt.

   Floor 2.  Every wait of a session goes through msub_wait_poll: it ends when a descriptor is ready, when the
   deadline passes, or when the job is cancelled, whichever is first.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_WAIT_H
#define MSUB_WAIT_H

#include "error.h"
#include "event.h"
#include "net.h"

#include <poll.h>

/* Wait until one of FDS[1] .. FDS[COUNT - 1] is ready or DEADLINE has passed.  FDS[0] is the function's own (the
   wake descriptor).  Returns the number ready, 0 when the deadline has passed, -1 with ERR of kind
   MSUB_CANCELLED (or MSUB_INTERNAL).  */
int msub_wait_poll (const struct msub_context *context, struct pollfd *fds, nfds_t count, msub_time deadline,
                    struct msub_error *err);

/* Has the job been cancelled?  Then -1 with ERR of kind MSUB_CANCELLED, else 0.  */
int msub_wait_cancelled (const struct msub_context *context, struct msub_error *err);

/* Emit the `ask' event EVENT and wait for the answer, at most until DEADLINE.  0 with *ANSWER_R, which the caller
   frees, or -1 with ERR: MSUB_CANCELLED or MSUB_TIMEOUT.  */
int msub_wait_ask (const struct msub_context *context, struct msub_event *event, msub_time deadline,
                   struct msub_answer *answer_r, struct msub_error *err);

/* Work that neither a deadline nor a cancel can interrupt, such as reading a file that is on a disk far away.  It has a thread of
   its own, which is left to itself when nobody waits any longer, with all that it uses.  To be the first member of that.  */
struct msub_errand
{
  void (*work) (struct msub_errand *errand);
  void (*late) (struct msub_errand *errand, struct msub_error *err); /* the deadline has passed during WORK: say so in ERR */
  void (*dispose) (struct msub_errand *errand);                      /* free it; in whichever thread */
};

/* Have the work of IT done.  0: it is done, and IT is the caller's again.  -1 with ERR: MSUB_CANCELLED, what IT->late says, or
   MSUB_INTERNAL; IT has been, or will be, disposed of.  */
int msub_wait_errand (const struct msub_context *context, struct msub_errand *it, msub_time deadline, struct msub_error *err);

/* How long files may take to be opened, or for each piece that is read from one: STEP_MSECS at most where that is not 0.  */
#define MSUB_FILE_SECONDS 30
msub_time msub_wait_file_deadline (int step_msecs);

/* Read up to N octets of the message's file FD, as read(); -1 with ERR: MSUB_CANCELLED, MSUB_TIMEOUT, MSUB_MESSAGE.  */
ssize_t msub_wait_read_file (const struct msub_context *context, int fd, void *buf, size_t n, msub_time deadline,
                             struct msub_error *err);

#endif
