/* test-anchors.c --- whom TLS trusts is read once for all threads.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "tap.h"
#include "anchors.h"
#include "net.h"

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <unistd.h>

enum { THREADS = 16, TIMES = 8 };

/* Is never freed, as in the module.  */
static struct msub_tls_shelf *shelf;

/* Time goes as a test wants (ld's --wrap).  */
static _Atomic msub_time ahead;
msub_time __real_msub_now_with_sleep (void);
msub_time __wrap_msub_now_with_sleep (void);

msub_time
__wrap_msub_now_with_sleep (void)
{
  return __real_msub_now_with_sleep () + ahead;
}

struct reader
{
  pthread_t thread;
  struct msub_context context;
  struct msub_tls_anchors *seen[TIMES];
};

static bool
never (void *job)
{
  (void) job;
  return false;
}

static struct msub_tls_anchors *
load (const struct msub_context *context)
{
  struct msub_tls_options options = { .shelf = shelf, .look = true };
  struct msub_error err = { 0 };
  return msub_tls_anchors_load (context, &options, msub_now () + MSUB_MSECS (60000), &err);
}

static void *
read_often (void *argument)
{
  struct reader *reader = argument;
  for (int i = 0; i < TIMES; i++)
    reader->seen[i] = load (&reader->context);
  return NULL;
}

/* Returns how many readings besides FIRST all threads, at once, have seen.  */
static int
count_readings (const struct msub_context *context, const struct msub_tls_anchors *first)
{
  struct reader readers[THREADS];
  const struct msub_tls_anchors *known[THREADS * TIMES];
  int count = 0;
  for (int i = 0; i < THREADS; i++)
    {
      readers[i] = (struct reader) { .context = *context };
      pthread_create (&readers[i].thread, NULL, read_often, &readers[i]);
    }
  for (int i = 0; i < THREADS; i++)
    pthread_join (readers[i].thread, NULL);
  for (int i = 0; i < THREADS * TIMES; i++)
    {
      const struct msub_tls_anchors *one = readers[i / TIMES].seen[i % TIMES];
      int at = 0;
      while (at < count && known[at] != one)
        at++;
      if (one != first && at == count)
        known[count++] = one;
    }
  /* Only now: what is freed may come again.  */
  for (int i = 0; i < THREADS * TIMES; i++)
    msub_tls_anchors_leave (readers[i / TIMES].seen[i % TIMES]);
  return count;
}

static void
test_threads (void)
{
  int wake[2];
  tap_begin ("many threads that want the system's trust have the same, which one of them reads anew after a minute");
  shelf = msub_tls_shelf_new ();
  if (!tap_expect (shelf && msub_net_pipe (wake) == 0, "no shelf, or no pipe"))
    {
      tap_end ();
      return;
    }
  struct msub_context context = { .wake_fd = wake[0], .cancelled = never };
  struct msub_tls_anchors *first = load (&context);
  tap_expect (first != NULL, "nothing was read");
  tap_expect_int ("readings besides the first", count_readings (&context, first), 0);
  ahead = MSUB_MSECS (61000);
  tap_expect_int ("readings besides the first after a minute", count_readings (&context, first), 1);
  msub_tls_anchors_leave (first);
  close (wake[0]);
  close (wake[1]);
  tap_end ();
}

int
main (void)
{
  if (access ("/etc/ssl/certs/ca-certificates.crt", R_OK))
    puts ("ok - many threads that want the system's trust # SKIP it is not in a file that is known");
  else
    test_threads ();
  return tap_done ();
}
