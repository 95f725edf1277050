/* sasl.h --- authentication exchanges, by GNU SASL.

   Floor 4.  Knows nothing of SMTP: challenges come in and responses go out in base64.  The only network it causes is
   Kerberos' own, for a ticket.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_SASL_H
#define MSUB_SASL_H

#include "wait.h"

#include <stddef.h>
#include <stdint.h>

enum msub_sasl_secret
{
  MSUB_SASL_PASSWORD,
  MSUB_SASL_TOKEN,   /* an OAuth 2.0 access token (RFC 6749) */
  MSUB_SASL_NOTHING, /* the proof is elsewhere: a Kerberos ticket, a TLS client certificate */
};

struct msub_sasl_mechanism
{
  const char *name;
  bool automatic;    /* chosen by itself where a server offers it; else only when the user names it */
  bool binding;      /* a -PLUS: needs channel binding data */
  bool client_first; /* the first response may go with the AUTH command (RFC 4954 section 4) */
  enum msub_sasl_secret secret;
};

/* The mechanisms this client speaks, the best first, ended by one without a name.  Only these are ever used, whatever a
   server offers (SECURITY: E6, E8, E23).  */
extern const struct msub_sasl_mechanism msub_sasl_mechanisms[];

struct msub_sasl_options
{
  const struct msub_sasl_mechanism *mechanism;
  const char *user;             /* UTF-8 */
  const char *secret;           /* a password or a token, UTF-8, or NULL where none is needed */
  const char *host;             /* the server's name, for GSSAPI and OAUTHBEARER */
  uint16_t port;
  /* Channel binding data, for a -PLUS mechanism only: libgsasl 2.2 fails when another SCRAM is given some, though RFC 5802
     section 6 would have it say "y" then (the client could have bound).  Taking -PLUS off a server's list is noticed by
     Lisp's memory of what that server offered.  */
  const unsigned char *binding;
  size_t binding_length;
  bool exporter;                /* the data is tls-exporter's, not tls-unique's */
};

struct msub_sasl;

/* NULL with ERR.  OPTIONS is copied; the copies of secrets are wiped by msub_sasl_free.  */
struct msub_sasl *msub_sasl_new (const struct msub_sasl_options *options, struct msub_error *err);
void msub_sasl_free (struct msub_sasl **sasl);

/* Answer the base64 CHALLENGE (N octets; none for the first response of a client-first mechanism).  0 with *RESPONSE_R,
   base64, malloc'd, for msub_wipe_free; -1 with ERR, and then the exchange must be cancelled with "*":
   MSUB_PROTOCOL for a challenge that is none, MSUB_INSECURE for an iteration count or a signature that is not
   acceptable, MSUB_TIMEOUT when there was no ticket until DEADLINE, or too much to compute, MSUB_CANCELLED, MSUB_AUTH else.  */
int msub_sasl_step (struct msub_sasl *sasl, const char *challenge, size_t n, const struct msub_context *context,
                    msub_time deadline, char **response_r, struct msub_error *err);

/* Has the exchange come to its end, the server's signature verified where the mechanism has one?  Only then does a
   235 mean anything (SECURITY: F2).  */
bool msub_sasl_complete (const struct msub_sasl *sasl);

/* What the server said within the exchange against an OAuth token (RFC 7628 section 3.2.2: JSON), or of its refusal in SCRAM
   (RFC 5802 section 7: "e=..."), clean; "" if nothing.  */
const char *msub_sasl_server_words (const struct msub_sasl *sasl);

/* How SECRET looks inside the base64 of a longer text that holds it: one piece for each of the three places it can stand at.
   *DISGUISES_R are malloc'd, for msub_wipe_free, or NULL where there is too little of it to be told apart.  */
#define MSUB_SASL_DISGUISES 3
void msub_sasl_disguise (const char *secret, char *disguises_r[MSUB_SASL_DISGUISES]);

/* The library's version, for the curious.  Static.  */
const char *msub_sasl_version (void);

#endif
