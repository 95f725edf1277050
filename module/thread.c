/* thread.c --- starting a thread that minds its own business.

   Floor 0.  SPDX-License-Identifier: GPL-3.0-or-later  */

#include "thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* Enough for GnuTLS and getaddrinfo with room to spare; the default of 8 MiB is address space
   that a mail never needs.  */
#define STACK_OCTETS (1024 * 1024)

struct start
{
  void (*function) (void *arg);
  void *arg;
};

static void *
enter (void *arg)
{
  struct start start = *(struct start *) arg;
  free (arg);
  start.function (start.arg);
  return NULL;
}

int
msub_thread_start (void (*function) (void *arg), void *arg)
{
  struct start *start = malloc (sizeof *start);
  if (!start)
    return ENOMEM;
  *start = (struct start) { function, arg };

  pthread_attr_t attributes;
  int failed = pthread_attr_init (&attributes);
  if (failed)
    {
      free (start);
      return failed;
    }
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize (&attributes, STACK_OCTETS);

  /* A thread inherits the mask of the one that makes it: block first, or a signal could slip in.  */
  sigset_t all, before;
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  pthread_t thread;
  failed = pthread_create (&thread, &attributes, enter, start);
  pthread_sigmask (SIG_SETMASK, &before, NULL);

  pthread_attr_destroy (&attributes);
  if (failed)
    free (start);
  return failed;
}
