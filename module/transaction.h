/* transaction.h --- the envelope and the message: MAIL, RCPT, DATA or BDAT (RFC 5321 section 3.3, RFC 2920, RFC 3030).

   Floor 9.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_TRANSACTION_H
#define MSUB_TRANSACTION_H

#include "envelope.h"

/* A server does not keep what it has offered: the same can be had without that, in this session or in another one.  Or it
   takes fewer recipients at once, or no more mail in a session.  */
enum msub_again { MSUB_AGAIN_NOT, MSUB_AGAIN_HERE, MSUB_AGAIN_ELSEWHERE, MSUB_AGAIN_FEWER, MSUB_AGAIN_ANOTHER };

struct msub_transaction
{
  size_t accepted, refused;  /* recipients */
  size_t left;               /* who has still to be dealt with: how many ... */
  bool *open;                /* ... and which of the envelope's; malloc'd, NULL before the first call */
  bool at_mail;              /* MAIL was refused, so it may be this session that is */
  bool fewer;                /* they were too many at once */
  bool another;              /* the session had mail enough, and nobody has the message since */
  enum msub_again again;     /* with an error: it is none yet */
  const char *offer;         /* EHLO keywords, with commas, that do better not count from now on; or NULL */
};

void msub_transaction_clear (struct msub_transaction *transaction);

/* The message in FD (from its start; FACTS were measured on it) to ENVELOPE's recipients; in more than one transaction where
   the server takes only so many recipients at once (RFC 9422).  *TRANSACTION is zeroed before the first call.  0: delivered
   to the ACCEPTED ones; where some are LEFT the server is spent, and they want another call with another session.  -1:
   where it says so AGAIN, another call without what it names; else MSUB_UNCERTAIN once the whole message is out,
   whatever else goes wrong then.  */
int msub_smtp_send (struct msub_smtp *smtp, const struct msub_envelope *envelope, int fd,
                    const struct msub_body_facts *facts, struct msub_transaction *transaction, struct msub_error *err);

/* Those of ENVELOPE's recipients that have not been dealt with will not be, because of ERR; report that.  */
void msub_smtp_leave_out (const struct msub_context *context, const struct msub_envelope *envelope,
                          struct msub_transaction *transaction, const struct msub_error *err);

#endif
