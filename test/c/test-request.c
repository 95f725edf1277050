/* test-request.c --- what a request was given is given back, whatever its keys are.

   The rows of request.def fill a request; what clearing it leaves behind, LeakSanitizer tells.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "tap.h"
#include "request.h"

#include <stdlib.h>
#include <string.h>

static char **
two_texts (void)
{
  char **texts = calloc (3, sizeof *texts);
  texts[0] = strdup ("one");
  texts[1] = strdup ("two");
  return texts;
}

static void
fill (struct msub_request *request)
{
#define TEXT(in, member, key) request->in member = strdup (key);
#define SECRET TEXT
#define TEXTS(in, member, key) request->in member = two_texts ();
#define SECRETS TEXTS
#define MSECS(in, member, key) request->in member = 1;
#define TRUTH(in, member, key) request->in member = true;
#define CHOICE(in, member, key, type, ...) request->in member = (type) 1;
#define ROUTES(in, key) request->in.count = 1;
#define PINS(in, member, key) request->in member.count = 1;
#define MSUB_ALL_KEYS
#include "request.def"
}

/* How many members are not NULL, or 0?  */
static int
filled (const struct msub_request *request)
{
  int count = 0;
#define TEXT(in, member, key) count += request->in member != NULL;
#define SECRET TEXT
#define TEXTS TEXT
#define SECRETS TEXT
#define MSECS(in, member, key) count += request->in member != 0;
#define TRUTH MSECS
#define CHOICE(in, member, key, type, ...) count += request->in member != 0;
#define ROUTES(in, key) count += request->in.count != 0;
#define PINS(in, member, key) count += request->in member.count != 0;
#define MSUB_ALL_KEYS
#include "request.def"
  return count;
}

static const char *const keys[] = {
#define TEXT(in, member, key) key,
#define SECRET TEXT
#define TEXTS TEXT
#define SECRETS TEXT
#define MSECS TEXT
#define TRUTH TEXT
#define CHOICE(in, member, key, type, ...) key,
#define PINS TEXT
#define ROUTES(in, key) key,
#define MSUB_ALL_KEYS
#include "request.def"
};

static void
test_keys (void)
{
  for (size_t i = 0; i < TAP_COUNT (keys); i++)
    {
      tap_begin ("a key that has one row: %s", keys[i]);
      for (size_t j = 0; j < i; j++)
        tap_expect (strcmp (keys[i], keys[j]) != 0, "it has two");
      tap_end ();
    }
}

static void
test_clear (void)
{
  struct msub_request request = { 0 };
  tap_begin ("a request that is cleared, however often");
  fill (&request);
  tap_expect_int ("the members that are filled", filled (&request), TAP_COUNT (keys));
  msub_request_clear (&request);
  msub_request_clear (&request);
  tap_expect_int ("the members that are left", filled (&request), 0);
  tap_end ();
}

int
main (void)
{
  test_keys ();
  test_clear ();
  return tap_done ();
}
