/* ending.c --- that a process which is told to end does end.

   At SIGTERM Emacs runs its hooks inside the handler.  When the signal comes in the middle of malloc or free, the first of
   them that needs memory waits for itself, and the process never ends.  Whatever we have is on disk as it has to be for
   SIGKILL, so that one may follow.

   Floor 2.  SPDX-License-Identifier: GPL-3.0-or-later  */

#include "ending.h"
#include "net.h"
#include "thread.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

static const int signals[] = { SIGTERM, SIGHUP, SIGINT };
#define SIGNALS (sizeof signals / sizeof *signals)

static struct sigaction before[SIGNALS];
static int told[2] = { -1, -1 };

static void
kill_later (void *arg)
{
  unsigned seconds = (unsigned) (uintptr_t) arg;
  struct pollfd wait = { .fd = told[0], .events = POLLIN };
  while (poll (&wait, 1, -1) < 0 && errno == EINTR)
    ;
  while (seconds)
    seconds = sleep (seconds);
  kill (getpid (), SIGKILL);
}

/* Only what POSIX calls async-signal-safe.  */
static void
handle (int number, siginfo_t *info, void *context)
{
  int saved = errno;
  ssize_t written = write (told[1], "", 1);
  (void) written;
  size_t i = 0;
  while (i < SIGNALS - 1 && signals[i] != number)
    i++;
  errno = saved;
  if (before[i].sa_flags & SA_SIGINFO)
    before[i].sa_sigaction (number, info, context);
  else
    before[i].sa_handler (number);
}

int
msub_ending_watch (unsigned seconds)
{
  if (told[0] >= 0)
    return 0;
  if (msub_net_pipe (told))
    return errno;
  int failed = msub_thread_start (kill_later, (void *) (uintptr_t) seconds);
  if (failed)
    {
      for (int end = 0; end < 2; end++)
        {
          close (told[end]);
          told[end] = -1;
        }
      return failed;
    }
  for (size_t i = 0; i < SIGNALS; i++)
    {
      sigaction (signals[i], NULL, &before[i]);
      /* What is ignored, or ends the process at once, needs no watch.  */
      if (!(before[i].sa_flags & SA_SIGINFO) && (before[i].sa_handler == SIG_IGN || before[i].sa_handler == SIG_DFL))
        continue;
      struct sigaction ours = { .sa_sigaction = handle, .sa_mask = before[i].sa_mask,
                                .sa_flags = before[i].sa_flags | SA_SIGINFO };
      sigaction (signals[i], &ours, NULL);
    }
  return 0;
}
