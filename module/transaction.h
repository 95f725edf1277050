/* transaction.h --- the envelope and the message: MAIL, RCPT, DATA or BDAT (RFC 5321 section 3.3, RFC 2920, RFC 3030).

   Floor 5.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_TRANSACTION_H
#define MSUB_TRANSACTION_H

#include "body.h"
#include "conversation.h"

/* May ADDRESS stand between angle brackets in MAIL and RCPT?  ("" may, for MAIL.)  SECURITY: K1-K7.  */
bool msub_smtp_address_fine (const char *address, struct msub_error *err);

/* The members are in request.def.  */
struct msub_extensions
{
#define MSUB_MEMBERS
#define MSUB_EXTENSION_KEYS
#include "request.def"
};

/* May VALUE be the value of an ESMTP parameter (RFC 5321 section 4.1.2, esmtp-value)?  WHAT is called in ERR.  */
bool msub_smtp_parameter_fine (const char *value, const char *what, struct msub_error *err);

/* The journal is for whoever finds the message after a crash.  Each line is on the disk before what it tells of can have
   an effect:
     dot FIRST COUNT           before the final dot, or the end of BDAT LAST, leaves: a transaction for the COUNT recipients
                               from FIRST (0 is the request's first)
     refused RECIPIENT CODE TEXT  with the answer to the message: this recipient of the transaction was refused
     reply CODE TEXT           that answer; or, with a code that is no success, that the transaction has definitely failed
   A `dot' without a `reply' is a message that may or may not have been delivered.  TEXT is the event's of the same name:
   one line of clean UTF-8.  */
struct msub_envelope
{
#define MSUB_MEMBERS
#define MSUB_ENVELOPE_KEYS
#include "request.def"
  size_t count;                  /* of the recipients */
  size_t first;                  /* the place of the first of them among the request's, for which notify and original are */
  struct msub_extensions extensions;
};

/* A server does not keep what it has offered: the same can be had without that, in this session or in another one.  */
enum msub_again { MSUB_AGAIN_NOT, MSUB_AGAIN_HERE, MSUB_AGAIN_ELSEWHERE };

struct msub_transaction
{
  size_t accepted, refused;  /* recipients */
  size_t left;               /* who has still to be dealt with: how many ... */
  bool *open;                /* ... and which of the envelope's; malloc'd, NULL before the first call */
  bool at_mail;              /* MAIL was refused, so it may be this session that is */
  enum msub_again again;     /* with an error: it is none yet */
  const char *offer;         /* EHLO keywords, with commas, that do better not count from now on; or NULL */
};

void msub_transaction_clear (struct msub_transaction *transaction);

/* Does the server take no more messages in this session (RFC 9422, MAILMAX)?  */
bool msub_smtp_spent (const struct msub_smtp *smtp);

/* Will ENVELOPE's recipients need more messages than the server takes in this session?  */
bool msub_smtp_needs_sessions (const struct msub_smtp *smtp, const struct msub_envelope *envelope);

/* Is the message of FACTS, which BINARY says to be binary, one that the server does not take before it has been encoded in
   7 bits: 8-bit text without 8BITMIME, anything binary without BINARYMIME (RFC 3030 section 3)?  */
bool msub_smtp_needs_seven_bit (const struct msub_smtp *smtp, const struct msub_body_facts *facts, bool binary);

/* The message in FD (from its start; FACTS were measured on it) to ENVELOPE's recipients; in more than one transaction where
   the server takes only so many recipients at once (RFC 9422).  *TRANSACTION is zeroed before the first call.  0: delivered
   to the ACCEPTED ones; where some are LEFT the server is spent, and they want another call with another session.  -1:
   where it says so AGAIN, another call without what it names; else MSUB_UNCERTAIN once the whole message is out, whatever else goes wrong then.  */
int msub_smtp_send (struct msub_smtp *smtp, const struct msub_envelope *envelope, int fd,
                    const struct msub_body_facts *facts, struct msub_transaction *transaction, struct msub_error *err);

/* Those of ENVELOPE's recipients that have not been dealt with will not be, because of ERR; report that.  */
void msub_smtp_leave_out (const struct msub_context *context, const struct msub_envelope *envelope,
                          struct msub_transaction *transaction, const struct msub_error *err);

#endif
