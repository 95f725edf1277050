/* test-sasl.c --- SCRAM: what is made of a password.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "tap.h"
#include "salted.h"

#include <stdlib.h>

/* Long: the machine may be slow.  */
#define PATIENCE MSUB_MSECS (120000)

static bool cancelled;

static bool
is_cancelled (void *arg)
{
  (void) arg;
  return cancelled;
}

static void
drop (void *arg, struct msub_event *event)
{
  (void) arg;
  msub_event_free (&event);
}

static const struct msub_context context = { .cancelled = is_cancelled, .emit = drop };

static void
test_vectors (void)
{
  static const struct
  {
    const char *source;
    bool sha256;
    const char *password, *salt;
    size_t salt_length;
    unsigned iterations;
    const char *salted;
  } vectors[] = {
    { "RFC 5802 section 5", false, "pencil", TAP_OCTETS ("\x41\x25\xc2\x47\xe4\x3a\xb1\xe9\x3c\x6d\xff\x76"), 4096,
      "1d96ee3a529b5a5f9e47c01f229a2cb8a6e15f7d" },
    { "RFC 7677 section 3", true, "pencil",
      TAP_OCTETS ("\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81"), 4096,
      "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d" },
    { "RFC 6070, the second", false, "password", TAP_OCTETS ("salt"), 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957" },
    { "RFC 7914 section 11, its first 32 octets", true, "passwd", TAP_OCTETS ("salt"), 1,
      "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc" },
  };
  for (size_t i = 0; i < TAP_COUNT (vectors); i++)
    {
      struct msub_error err = { 0 };
      char hex[MSUB_SALTED_HEX] = "";
      const struct msub_salting what = {
        .sha256 = vectors[i].sha256, .password = vectors[i].password, .salt = vectors[i].salt,
        .salt_length = vectors[i].salt_length, .iterations = vectors[i].iterations,
      };
      tap_begin ("the salted password of %s", vectors[i].source);
      tap_expect_int ("the result", msub_salted_password (&what, &context, msub_now () + PATIENCE, hex, &err), 0);
      tap_expect_text ("it", hex, vectors[i].salted);
      tap_end ();
    }
}

/* Nobody is kept waiting for a computation that takes hours here; it ends with this program.  */
static void
test_stopped (void)
{
  static const struct
  {
    const char *how;
    bool cancelled;
    enum msub_kind kind;
  } ends[] = {
    { "its deadline", false, MSUB_TIMEOUT },
    { "a cancel", true, MSUB_CANCELLED },
  };
  for (size_t i = 0; i < TAP_COUNT (ends); i++)
    {
      struct msub_error err = { 0 };
      char hex[MSUB_SALTED_HEX] = "";
      const struct msub_salting what = { .password = "pencil", .salt = "salt", .salt_length = 4, .iterations = 4000000000 };
      cancelled = ends[i].cancelled;
      tap_begin ("F7: the wait for very many iterations ends with %s", ends[i].how);
      tap_expect_int ("the result", msub_salted_password (&what, &context, msub_now (), hex, &err), -1);
      tap_expect_text ("the error", msub_kind_name (err.kind), msub_kind_name (ends[i].kind));
      tap_expect_text ("what is told", hex, "");
      tap_end ();
    }
  cancelled = false;
}

int
main (void)
{
  test_vectors ();
  test_stopped ();
  return tap_done ();
}
