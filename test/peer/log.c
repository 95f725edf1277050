/* log.c --- JSON lines: what happened, for tests to ask questions of.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static FILE *log_file;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void
json_string (FILE *f, const void *p, size_t n)
{
  const unsigned char *s = p;
  putc ('"', f);
  for (size_t i = 0; i < n; i++)
    if (s[i] == '"' || s[i] == '\\')
      fprintf (f, "\\%c", s[i]);
    else if (s[i] == '\r')
      fputs ("\\r", f);
    else if (s[i] == '\n')
      fputs ("\\n", f);
    else if (s[i] < 0x20 || s[i] > 0x7E)
      fprintf (f, "\\u%04x", s[i]);
    else
      putc (s[i], f);
  putc ('"', f);
}

static void
members (FILE *f, const char *types, va_list args)
{
  for (const char *t = types; *t; t++)
    {
      const char *key = va_arg (args, const char *);
      fprintf (f, "%s\"%s\":", t == types ? "" : ",", key);
      if (*t == 'd')
        fprintf (f, "%lld", va_arg (args, long long));
      else if (*t == 'b')
        fputs (va_arg (args, int) ? "true" : "false", f);
      else
        {
          const char *p = va_arg (args, const char *);
          size_t n = *t == 'm' ? va_arg (args, size_t) : p ? strlen (p) : 0;
          if (p)
            json_string (f, p, n);
          else
            fputs ("null", f);
        }
    }
}

void
json_members (FILE *f, const char *types, ...)
{
  va_list args;
  va_start (args, types);
  members (f, types, args);
  va_end (args);
}

void
log_open (const char *file)
{
  if (!file)
    return;
  log_file = fopen (file, "we");
  if (!log_file)
    die ("%s: %s", file, strerror (errno));
}

void
log_event (const struct conn *c, const char *event, const char *types, ...)
{
  if (!log_file)
    return;
  pthread_mutex_lock (&lock);
  putc ('{', log_file);
  json_members (log_file, "d", "ms", now_msecs ());
  if (c)
    {
      putc (',', log_file);
      json_members (log_file, "sddb", "listener", c->listener->name, "conn", (long long) c->id,
                    "nth", (long long) c->number, "tls", c->tls);
    }
  putc (',', log_file);
  json_members (log_file, "s", "event", event);
  if (*types)
    putc (',', log_file);
  va_list args;
  va_start (args, types);
  members (log_file, types, args);
  va_end (args);
  fputs ("}\n", log_file);
  fflush (log_file);
  pthread_mutex_unlock (&lock);
}

/* Nothing is written after this: the other threads may still be running.  */
void
log_close (void)
{
  pthread_mutex_lock (&lock);
  if (log_file)
    fflush (log_file);
}
