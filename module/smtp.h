/* smtp.h --- the client's side of an SMTP conversation (RFC 5321, RFC 6409).

   Floor 3.  Each function is one act of the conversation, reads top to bottom and ends with 0, or -1 and ERR.  After
   a -1 the conversation is over: msub_smtp_free.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_SMTP_H
#define MSUB_SMTP_H

#include "body.h"
#include "net.h"
#include "reply.h"
#include "sasl.h"
#include "tls.h"

struct msub_smtp;

/* Speak SMTP on C, which is taken over even on failure.  HELO: the argument of EHLO.  STEP_MSECS: upper bound for each
   step, or 0: then RFC 5321 section 4.5.3.2 alone.  NULL without memory.  */
struct msub_smtp *msub_smtp_new (struct msub_connection *c, const char *helo, int step_msecs);
void msub_smtp_free (struct msub_smtp **smtp);

/* Has the peer closed, or broken, the connection before its first octet?  Then a proxy, a tunnel or a middlebox
   may have accepted in the far end's place, and another route may be tried.  */
bool msub_smtp_unanswered (const struct msub_smtp *smtp, const struct msub_error *err);

/* TLS at once (RFC 8314 section 3), before the greeting.  */
int msub_smtp_tls (struct msub_smtp *smtp, const struct msub_tls_trust *trust, const char *name, bool must_verify,
                   struct msub_error *err);

/* Wait for the 220.  */
int msub_smtp_greeting (struct msub_smtp *smtp, struct msub_error *err);

/* EHLO; HELO after a 5yz only where HELO_ALLOWED (SECURITY: A5).  */
int msub_smtp_hello (struct msub_smtp *smtp, bool helo_allowed, struct msub_error *err);

/* STARTTLS, the handshake, and EHLO again (RFC 3207): everything learned before is forgotten.  Where the server does not
   offer it: MSUB_INSECURE when REQUIRED, else nothing happens.  */
int msub_smtp_starttls (struct msub_smtp *smtp, const struct msub_tls_trust *trust, const char *name, bool required,
                        bool must_verify, struct msub_error *err);

/* The best mechanism of ours that the server offers, or PINNED (a name) if that is not NULL.  NULL with ERR
   MSUB_INSECURE when there is none, or when credentials would leave without verified TLS (a loopback peer aside),
   MSUB_CONFIG when PINNED is no mechanism of ours.  */
const struct msub_sasl_mechanism *msub_smtp_mechanism (const struct msub_smtp *smtp, const char *pinned,
                                                       struct msub_error *err);

/* AUTH (RFC 4954) with MECHANISM to the server called NAME.  One try for one SECRET (NULL where MECHANISM needs none).  */
int msub_smtp_auth (struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism, const char *name,
                    const char *user, const char *secret, struct msub_error *err);

/* May ADDRESS stand between angle brackets in MAIL and RCPT?  ("" may, for MAIL.)  SECURITY: K1-K7.  */
bool msub_smtp_address_fine (const char *address, struct msub_error *err);

struct msub_envelope
{
  const char *from;              /* "" is the null sender */
  const char *const *recipients; /* as msub_smtp_address_fine likes them */
  size_t count;
};

struct msub_transaction
{
  size_t accepted, refused;  /* recipients */
};

/* One transaction: the message in FD (from its start; FACTS were measured on it) to ENVELOPE's recipients.  0: delivered to
   the ACCEPTED ones.  -1: MSUB_UNCERTAIN once the final dot is out, whatever else goes wrong then.  */
int msub_smtp_send (struct msub_smtp *smtp, const struct msub_envelope *envelope, int fd,
                    const struct msub_body_facts *facts, struct msub_transaction *transaction_r,
                    struct msub_error *err);

/* Is the conversation inside TLS?  */
bool msub_smtp_secure (const struct msub_smtp *smtp);

/* Say QUIT without waiting, where a command may be said at all ...  */
void msub_smtp_quit (struct msub_smtp *smtp);
/* ... and wait, for a moment, for the answer (RFC 5321 section 4.1.1.10), when the result has been told.  */
void msub_smtp_quit_wait (struct msub_smtp *smtp);

#endif
