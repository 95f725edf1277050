/* wait.c --- waiting: for descriptors, for the user, and for work that nothing can interrupt.

   Floor 2.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "wait.h"
#include "thread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
msub_wait_cancelled (const struct msub_context *context, struct msub_error *err)
{
  return context->cancelled (context->job) ? msub_fail (err, MSUB_CANCELLED, "Cancelled") : 0;
}

static void
drain_wake (int fd)
{
  char octets[64];
  while (read (fd, octets, sizeof octets) == sizeof octets)
    ;
}

/* As msub_wait_poll, but returns at once when woken: the number ready, not counting the wake descriptor.  */
static int
poll_once (const struct msub_context *context, struct pollfd *fds, nfds_t count, msub_time deadline, bool *woken_r,
           struct msub_error *err)
{
  fds[0] = (struct pollfd) { .fd = context->wake_fd, .events = POLLIN };
  *woken_r = false;
  int ready = poll (fds, count, msub_msecs_until (deadline));
  if (ready < 0 && errno != EINTR && errno != EAGAIN)
    return msub_fail_errno (err, MSUB_INTERNAL, errno, "Waiting failed");
  if (ready <= 0)
    return 0;
  if (fds[0].revents == 0)
    return ready;
  *woken_r = true;
  /* Several threads of a job may wait: the octet of a cancel is for all of them.  */
  if (!context->cancelled (context->job))
    drain_wake (context->wake_fd);
  return ready - 1;
}

int
msub_wait_poll (const struct msub_context *context, struct pollfd *fds, nfds_t count, msub_time deadline,
                struct msub_error *err)
{
  for (;;)
    {
      if (msub_wait_cancelled (context, err))
        return -1;
      bool woken;
      int ready = poll_once (context, fds, count, deadline, &woken, err);
      if (ready < 0 || msub_wait_cancelled (context, err))
        return -1;
      if (ready > 0)
        return ready;
      if (msub_now () >= deadline)
        return 0;
    }
}

int
msub_wait_ask (const struct msub_context *context, struct msub_event *event, msub_time deadline,
               struct msub_answer *answer_r, struct msub_error *err)
{
  *answer_r = (struct msub_answer) { 0 };
  if (!event)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  msub_emit (context, event);
  for (;;)
    {
      if (msub_wait_cancelled (context, err))
        return -1;
      if (context->take_answer (context->job, answer_r))
        return 0;
      if (msub_now () >= deadline)
        return msub_fail (err, MSUB_TIMEOUT, "A question to the user was not answered in time");
      struct pollfd wake[1];
      bool woken;
      if (poll_once (context, wake, 1, deadline, &woken, err) < 0)
        return -1;
    }
}

/* Errands: a thread of its own for each, and what it works on belongs to both until one of them leaves */

struct errand
{
  struct msub_errand *it; /* NULL: the asker has it back */
  atomic_int owners;
  atomic_bool done;
  int notice[2]; /* a pipe: the thread writes an octet when it is done */
};

static void
leave (struct errand *errand)
{
  if (atomic_fetch_sub (&errand->owners, 1) > 1)
    return;
  for (int i = 0; i < 2; i++)
    if (errand->notice[i] >= 0)
      close (errand->notice[i]);
  if (errand->it)
    errand->it->dispose (errand->it);
  free (errand);
}

static void
run_errand (void *arg)
{
  struct errand *errand = arg;
  errand->it->work (errand->it);
  atomic_store (&errand->done, true);
  while (write (errand->notice[1], "", 1) < 0 && errno == EINTR)
    ;
  leave (errand);
}

static int
await (struct errand *errand, const struct msub_context *context, msub_time deadline, struct msub_error *err)
{
  while (!atomic_load (&errand->done))
    {
      struct pollfd fds[2] = { { 0 }, { .fd = errand->notice[0], .events = POLLIN } };
      int ready = msub_wait_poll (context, fds, 2, deadline, err);
      if (ready == 0)
        errand->it->late (errand->it, err);
      if (ready <= 0)
        return -1;
    }
  return 0;
}

int
msub_wait_errand (const struct msub_context *context, struct msub_errand *it, msub_time deadline, struct msub_error *err)
{
  struct errand *errand = calloc (1, sizeof *errand);
  if (!errand)
    {
      it->dispose (it);
      return msub_fail (err, MSUB_INTERNAL, "Out of memory");
    }
  *errand = (struct errand) { .it = it, .owners = 2, .notice = { -1, -1 } };
  int failed = msub_net_pipe (errand->notice) ? errno : msub_thread_start (run_errand, errand);
  if (failed)
    {
      atomic_store (&errand->owners, 1);
      leave (errand);
      return msub_fail_errno (err, MSUB_INTERNAL, failed, "No thread can be started");
    }
  failed = await (errand, context, deadline, err);
  if (!failed)
    errand->it = NULL;
  leave (errand);
  return failed;
}

/* Files.  The disk may be another machine's, which is away.  */

msub_time
msub_wait_file_deadline (int step_msecs)
{
  int msecs = MSUB_FILE_SECONDS * 1000;
  return msub_now () + MSUB_MSECS (step_msecs > 0 && step_msecs < msecs ? step_msecs : msecs);
}

struct reading
{
  struct msub_errand errand;
  int fd, errnum;
  ssize_t got;
  size_t size;
  char octets[];
};

static void
read_piece (struct msub_errand *errand)
{
  struct reading *reading = (struct reading *) errand;
  do
    reading->got = read (reading->fd, reading->octets, reading->size);
  while (reading->got < 0 && errno == EINTR);
  reading->errnum = errno;
}

static void
reading_late (struct msub_errand *errand, struct msub_error *err)
{
  (void) errand;
  msub_fail (err, MSUB_TIMEOUT, "The message's file could not be read in time: is the disk it is on away? It was not sent");
}

static void
reading_dispose (struct msub_errand *errand)
{
  close (((struct reading *) errand)->fd);
  free (errand);
}

ssize_t
msub_wait_read_file (const struct msub_context *context, int fd, void *buf, size_t n, msub_time deadline,
                     struct msub_error *err)
{
  if (msub_wait_cancelled (context, err))
    return -1;
  ssize_t got = msub_net_read_cached (fd, buf, n);
  if (got >= 0)
    return got;
  struct reading *reading = malloc (sizeof *reading + n);
  /* Of its own, because the caller may close its one while the thread has not begun.  */
  int own = reading ? fcntl (fd, F_DUPFD_CLOEXEC, 3) : -1;
  if (own < 0)
    {
      free (reading);
      return msub_fail (err, MSUB_INTERNAL, "Out of memory or of descriptors");
    }
  *reading = (struct reading) { .errand = { read_piece, reading_late, reading_dispose }, .fd = own, .size = n };
  if (msub_wait_errand (context, &reading->errand, deadline, err))
    return -1;
  got = reading->got;
  if (got >= 0)
    memcpy (buf, reading->octets, (size_t) got);
  else
    msub_fail_errno (err, MSUB_MESSAGE, reading->errnum, "The message cannot be read to its end; it was not sent");
  reading_dispose (&reading->errand);
  return got;
}
