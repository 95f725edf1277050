/* tap.h --- the few words a C test needs.

   A test is tap_begin, any number of expectations, tap_end; it prints one line, "ok - NAME", or
   "not ok - NAME: REASON" with the first expectation that did not hold.  main ends with
   `return tap_done ();'.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_TAP_H
#define MSUB_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TAP_COUNT(array) (sizeof (array) / sizeof *(array))
/* A literal with NULs inside, and its length.  */
#define TAP_OCTETS(literal) (literal), sizeof (literal) - 1

static struct
{
  char name[256], why[1024];
  unsigned run, failed;
} tap;

__attribute__ ((format (printf, 1, 2))) static inline void
tap_begin (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  vsnprintf (tap.name, sizeof tap.name, format, args);
  va_end (args);
  tap.why[0] = '\0';
}

/* Say what was expected and what came instead, should HOLDS be false.  Returns HOLDS.  */
__attribute__ ((format (printf, 2, 3))) static inline bool
tap_expect (bool holds, const char *format, ...)
{
  if (holds || tap.why[0])
    return holds;
  va_list args;
  va_start (args, format);
  vsnprintf (tap.why, sizeof tap.why, format, args);
  va_end (args);
  return holds;
}

/* Write the N octets of TEXT to DST so that they stay on one line of a terminal.  */
static inline const char *
tap_show (char *dst, size_t size, const char *text, size_t n)
{
  size_t out = 0;
  dst[0] = '\0';
  for (size_t i = 0; i < n && out + 5 < size; i++)
    {
      unsigned c = (unsigned char) text[i];
      bool plain = c >= ' ' && c < 0x7F && c != '\\';
      int length = snprintf (dst + out, size - out, plain ? "%c" : "\\x%02X", c);
      out += (size_t) length;
    }
  return dst;
}

static inline bool
tap_expect_int (const char *what, long long got, long long want)
{
  return tap_expect (got == want, "%s is %lld instead of %lld", what, got, want);
}

static inline bool
tap_expect_octets (const char *what, const char *got, size_t got_n, const char *want, size_t want_n)
{
  char shown[2][400];
  return tap_expect (got_n == want_n && (want_n == 0 || memcmp (got, want, want_n) == 0),
                     "%s is \"%s\" (%zu) instead of \"%s\" (%zu)", what,
                     tap_show (shown[0], sizeof shown[0], got, got_n), got_n,
                     tap_show (shown[1], sizeof shown[1], want, want_n), want_n);
}

static inline bool
tap_expect_text (const char *what, const char *got, const char *want)
{
  return tap_expect_octets (what, got ? got : "(null)", strlen (got ? got : "(null)"),
                            want ? want : "(null)", strlen (want ? want : "(null)"));
}

static inline void
tap_end (void)
{
  tap.run++;
  if (tap.why[0])
    {
      tap.failed++;
      printf ("not ok - %s: %s\n", tap.name, tap.why);
    }
  else
    printf ("ok - %s\n", tap.name);
  fflush (stdout); /* what a crash later on must not take along */
}

/* The exit status: 0 when something was tested and nothing failed.  */
static inline int
tap_done (void)
{
  return tap.run == 0 || tap.failed > 0;
}

#endif
