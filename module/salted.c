/* salted.c --- what SCRAM computes with in a password's place.

   Floor 3.  SPDX-License-Identifier: GPL-3.0-or-later  */

#include "salted.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

struct salting
{
  struct msub_errand errand;
  gnutls_mac_algorithm_t mac;
  unsigned iterations, length;
  int code;
  size_t password_length, salt_length;
  unsigned char salted[32];
  unsigned char octets[]; /* the password, the salt */
};

static void
salting_work (struct msub_errand *errand)
{
  struct salting *salting = (struct salting *) errand;
  const gnutls_datum_t password = { salting->octets, (unsigned) salting->password_length };
  const gnutls_datum_t salt = { salting->octets + salting->password_length, (unsigned) salting->salt_length };
  salting->code = gnutls_pbkdf2 (salting->mac, &password, &salt, salting->iterations, salting->salted, salting->length);
}

static void
salting_late (struct msub_errand *errand, struct msub_error *err)
{
  msub_fail (err, MSUB_TIMEOUT, "The server asks for %u SCRAM iterations, and this machine did not compute them in time",
             ((struct salting *) errand)->iterations);
}

static void
salting_dispose (struct msub_errand *errand)
{
  struct salting *salting = (struct salting *) errand;
  msub_wipe (salting, sizeof *salting + salting->password_length);
  free (salting);
}

int
msub_salted_password (const struct msub_salting *what, const struct msub_context *context, msub_time deadline,
                      char hex_r[MSUB_SALTED_HEX], struct msub_error *err)
{
  size_t password_length = strlen (what->password), size = MSUB_SALTED_HEX;
  struct salting *salting = malloc (sizeof *salting + password_length + what->salt_length);
  if (!salting)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  *salting = (struct salting) {
    .errand = { salting_work, salting_late, salting_dispose },
    .mac = what->sha256 ? GNUTLS_MAC_SHA256 : GNUTLS_MAC_SHA1, .length = what->sha256 ? 32 : 20, .iterations = what->iterations,
    .password_length = password_length, .salt_length = what->salt_length,
  };
  memcpy (salting->octets, what->password, password_length);
  memcpy (salting->octets + password_length, what->salt, what->salt_length);
  if (msub_wait_errand (context, &salting->errand, deadline, err))
    /* cppcheck-suppress memleak ; it is disposed of by its first member */
    return -1;
  int code = salting->code;
  const gnutls_datum_t salted = { salting->salted, salting->length };
  if (code == GNUTLS_E_SUCCESS)
    code = gnutls_hex_encode (&salted, hex_r, &size);
  salting_dispose (&salting->errand);
  /* cppcheck-suppress memleak ; likewise */
  return code == GNUTLS_E_SUCCESS ? 0 : msub_fail (err, MSUB_INTERNAL, "SCRAM cannot be computed: %s", gnutls_strerror (code));
}
