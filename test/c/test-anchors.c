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

/* And the system's trust is there or not.  */
static _Atomic bool away;
int __real_gnutls_certificate_set_x509_system_trust (gnutls_certificate_credentials_t credentials);
int __wrap_gnutls_certificate_set_x509_system_trust (gnutls_certificate_credentials_t credentials);

int
__wrap_gnutls_certificate_set_x509_system_trust (gnutls_certificate_credentials_t credentials)
{
  return away ? GNUTLS_E_FILE_ERROR : __real_gnutls_certificate_set_x509_system_trust (credentials);
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
  struct msub_tls_options options = { .shelf = shelf };
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

/* Returns how many of TIMES readers, one after the other, have ANCHORS.  */
static int
count_those_with (const struct msub_context *context, const struct msub_tls_anchors *anchors)
{
  int count = 0;
  for (int i = 0; i < TIMES; i++)
    {
      struct msub_tls_anchors *one = load (context);
      count += one == anchors;
      if (one)
        msub_tls_anchors_leave (one);
    }
  return count;
}

static void
test_failure (void)
{
  int wake[2];
  tap_begin ("where nobody can read the system's trust anew, what was read is good for one more minute (SECURITY: D28)");
  if (!tap_expect (msub_net_pipe (wake) == 0, "no pipe"))
    {
      tap_end ();
      return;
    }
  struct msub_context context = { .wake_fd = wake[0], .cancelled = never };
  struct msub_tls_anchors *first = load (&context);
  tap_expect (first != NULL, "nothing was read");
  away = true;
  ahead += MSUB_MSECS (61000);
  tap_expect_int ("those who have it in the second minute", count_those_with (&context, first), TIMES - 1);
  ahead += MSUB_MSECS (60000);
  tap_expect_int ("those who have it after that", count_those_with (&context, first), 0);
  away = false;
  struct msub_tls_anchors *second = load (&context);
  tap_expect (second && second != first, "it was not read anew as soon as that could be");
  tap_expect_int ("those who have what was read then", count_those_with (&context, second), TIMES);
  msub_tls_anchors_leave (first);
  if (second)
    msub_tls_anchors_leave (second);
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
    {
      shelf = msub_tls_shelf_new ();
      test_threads ();
      test_failure ();
    }
  return tap_done ();
}
