/* sasl.h --- authentication exchanges, by GNU SASL.

   Floor 2.  Knows nothing of SMTP: challenges come in and responses go out in base64.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_SASL_H
#define MSUB_SASL_H

#include "error.h"

#include <stddef.h>

/* The mechanisms this client speaks, the best first, ended by NULL.  Only these are ever used, whatever a server
   offers (SECURITY: E6, E8, E23).  */
extern const char *const msub_sasl_mechanisms[];

struct msub_sasl_options
{
  const char *mechanism;        /* one of msub_sasl_mechanisms */
  const char *user, *password;  /* UTF-8 */
  /* Channel binding data, or NULL.  For a -PLUS mechanism it is used; for another SCRAM it makes the exchange say that
     the client could have bound (RFC 5802 section 6, flag "y"): leave it out where the server offers -PLUS.  */
  const unsigned char *binding;
  size_t binding_length;
  bool exporter;                /* the data is tls-exporter's, not tls-unique's */
};

struct msub_sasl;

/* NULL with ERR.  OPTIONS' strings are copied; the copies are wiped by msub_sasl_free.  */
struct msub_sasl *msub_sasl_new (const struct msub_sasl_options *options, struct msub_error *err);
void msub_sasl_free (struct msub_sasl **sasl);

/* Does the client speak first?  Then its first response may go with the AUTH command (RFC 4954 section 4).  */
bool msub_sasl_client_first (const struct msub_sasl *sasl);

bool msub_sasl_needs_binding (const char *mechanism);

/* Answer the base64 CHALLENGE (N octets; none for the first response of a client-first mechanism).  0 with *RESPONSE_R,
   base64, malloc'd, for msub_wipe_free; -1 with ERR, and then the exchange must be cancelled with "*":
   MSUB_PROTOCOL for a challenge that is none, MSUB_INSECURE for an iteration count or a signature that is not
   acceptable, MSUB_AUTH else.  */
int msub_sasl_step (struct msub_sasl *sasl, const char *challenge, size_t n, char **response_r, struct msub_error *err);

/* Has the exchange come to its end, the server's signature verified where the mechanism has one?  Only then does a
   235 mean anything (SECURITY: F2).  */
bool msub_sasl_complete (const struct msub_sasl *sasl);

/* The library's version, for the curious.  Static.  */
const char *msub_sasl_version (void);

#endif
