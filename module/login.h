/* login.h --- AUTH (RFC 4954): which mechanism, and the exchange.

   Floor 5.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_LOGIN_H
#define MSUB_LOGIN_H

#include "conversation.h"
#include "sasl.h"

/* Does this port take no log-in, which nobody on the way has made it say, since it was said inside verified TLS?  Port 25 of
   many servers is like that: it is for mail from other servers.  */
bool msub_smtp_takes_no_log_in (const struct msub_smtp *smtp);

/* The best mechanism of ours that the server offers, of those named by PINNED (with commas between them) if that is not NULL.
   REMEMBERED: the best one it offered before, or NULL; a weaker one now raises the alarm "weaker-auth" (RFC 4422 section
   6.1.2), and no AUTH at all where TLS was not verified "striptls".  NULL with ERR
   MSUB_INSECURE when there is none, or when credentials would leave without verified TLS (a loopback peer aside),
   MSUB_CONFIG when PINNED is no mechanism of ours.  */
const struct msub_sasl_mechanism *msub_smtp_mechanism (const struct msub_smtp *smtp, const char *pinned,
                                                       const char *remembered, struct msub_error *err);

/* Is there one among PINNED, names with commas between them, that could be used if it were offered?  */
bool msub_smtp_mechanism_known (const char *pinned, struct msub_error *err);

/* May SECRET, a user name, a password or a token, be used?  No control character is in any of them, and some mean something
   to a mechanism (SECURITY: E20-E22).  */
bool msub_smtp_secret_fine (const char *secret);

/* AUTH with MECHANISM to the server called NAME.  One try for one SECRET (NULL where MECHANISM needs none).  */
int msub_smtp_auth (struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism, const char *name,
                    const char *user, const char *secret, struct msub_error *err);

/* Emit an `auth' event: MECHANISM has been accepted, now with REPLY, or before (NULL).  */
void msub_smtp_report_auth (const struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism,
                            const struct msub_reply *reply);

#endif
