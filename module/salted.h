/* salted.h --- what SCRAM computes with in a password's place.

   Floor 3.  Knows nothing of the exchange.  Made here and not by GNU SASL, because that leaves copies of the password in freed memory
   (SECURITY: O3), and because nothing can stop it while it computes (SECURITY: F7).
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_SALTED_H
#define MSUB_SALTED_H

#include "wait.h"

#include <stddef.h>

struct msub_salting
{
  bool sha256; /* else SHA-1 */
  const char *password; /* as SASLprep leaves it (RFC 4013) */
  const char *salt;
  size_t salt_length;
  unsigned iterations;
};

#define MSUB_SALTED_HEX 65

/* Compute the SaltedPassword (RFC 5802 section 3) of WHAT into HEX_R, in hexadecimal digits, to be wiped.  0, or -1 with ERR:
   MSUB_CANCELLED, MSUB_TIMEOUT when it takes until DEADLINE, MSUB_INTERNAL.  */
int msub_salted_password (const struct msub_salting *what, const struct msub_context *context, msub_time deadline,
                          char hex_r[MSUB_SALTED_HEX], struct msub_error *err);

#endif
