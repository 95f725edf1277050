/* ending.c --- being told to end, by a signal, without anything being done inside its handler; and the status at the end.

   In a batch Emacs the handler of SIGTERM runs kill-emacs-hook, wherever the signal comes: in the middle of malloc, where the
   next one who needs memory waits for itself, or of a garbage collection, where Lisp reads what is half moved.  So the
   handler only passes the number on; Lisp is told by a pipe, and ends Emacs from its event loop.

   Floor 2.  SPDX-License-Identifier: GPL-3.0-or-later  */

#include "ending.h"
#include "net.h"
#include "thread.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define MSUB_LEAKS
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define MSUB_LEAKS
#endif
#ifdef MSUB_LEAKS
#include <sanitizer/lsan_interface.h>
#endif

static const int signals[] = { SIGTERM, SIGHUP, SIGINT };
#define SIGNALS (sizeof signals / sizeof *signals)

static struct sigaction before[SIGNALS];
static int numbers[2] = { -1, -1 };
static int to_lisp = -1;
static volatile sig_atomic_t told;

static void
pass_on (void *arg)
{
  unsigned seconds = (unsigned) (uintptr_t) arg;
  struct pollfd wait = { .fd = numbers[0], .events = POLLIN };
  while (poll (&wait, 1, -1) < 0 && errno == EINTR)
    ;
  char number = SIGTERM;
  ssize_t n = read (numbers[0], &number, 1);
  while ((n = write (to_lisp, &number, 1)) < 0 && errno == EINTR)
    ;
  while (seconds)
    seconds = sleep (seconds);
  kill (getpid (), SIGKILL);
}

/* Only what POSIX calls async-signal-safe.  */
static void
handle (int number, siginfo_t *info, void *context)
{
  if (!told)
    {
      int saved = errno;
      char octet = (char) number;
      told = 1;
      ssize_t n = write (numbers[1], &octet, 1);
      (void) n;
      errno = saved;
      return;
    }
  size_t i = 0;
  while (i < SIGNALS - 1 && signals[i] != number)
    i++;
  if (before[i].sa_flags & SA_SIGINFO)
    before[i].sa_sigaction (number, info, context);
  else
    before[i].sa_handler (number);
}

/* What is ignored stays so, and what ends the process at once needs nobody.  */
static bool
caught (const struct sigaction *action)
{
  return action->sa_flags & SA_SIGINFO || (action->sa_handler != SIG_IGN && action->sa_handler != SIG_DFL);
}

int
msub_ending_watch (int channel, unsigned seconds)
{
  if (to_lisp >= 0)
    {
      close (channel);
      return 0;
    }
  int failed = msub_net_pipe (numbers) ? errno : 0;
  if (!failed)
    failed = msub_net_nonblocking_cloexec (channel) ? errno : 0;
  to_lisp = channel;
  if (!failed)
    failed = msub_thread_start (pass_on, (void *) (uintptr_t) seconds);
  if (failed)
    {
      for (int end = 0; end < 2 && numbers[end] >= 0; end++)
        close (numbers[end]);
      numbers[0] = numbers[1] = to_lisp = -1;
      close (channel);
      return failed;
    }
  for (size_t i = 0; i < SIGNALS; i++)
    {
      sigaction (signals[i], NULL, &before[i]);
      /* Without SA_RESTART: a read that waits for input has to notice.  */
      struct sigaction ours = { .sa_sigaction = handle, .sa_mask = before[i].sa_mask,
                                .sa_flags = (before[i].sa_flags & ~SA_RESTART) | SA_SIGINFO };
      if (caught (&before[i]))
        sigaction (signals[i], &ours, NULL);
    }
  return 0;
}

bool
msub_ending_told (void)
{
  return told != 0;
}

/* Emacs ends with 1 where it could not write all that it wanted to, whatever it is told to end with, and its own stream for
   standard error cannot be had.  So what it would do last is not done: this handler is called before its own.  */
static int left_with;

static void
leave (void)
{
  fflush (stdout);
#ifdef MSUB_LEAKS
  __lsan_do_leak_check ();
#endif
  _exit (left_with);
}

bool
msub_ending_with (int status)
{
  static bool registered;
  left_with = status;
  if (!registered)
    registered = atexit (leave) == 0;
  return fflush (stdout) != 0 || ferror (stdout) != 0;
}
