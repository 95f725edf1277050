/* envelope.h --- who writes to whom, and what is asked for: may it be said, can the server do it, MAIL and RCPT.

   Floor 5.  Another parameter of MAIL or RCPT is a row of request.def, and its condition in envelope.c.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_ENVELOPE_H
#define MSUB_ENVELOPE_H

#include "body.h"
#include "conversation.h"

/* The members are in request.def.  */
struct msub_extensions
{
#define MSUB_MEMBERS
#define MSUB_EXTENSION_KEYS
#include "request.def"
};

/* The other members are in request.def.  */
struct msub_envelope
{
#define MSUB_MEMBERS
#define MSUB_ENVELOPE_KEYS
#include "request.def"
  size_t count;                  /* of the recipients */
  size_t first;                  /* the place of the first of them among the request's, for which notify and original are */
  struct msub_extensions extensions;
};

/* May ENVELOPE be said?  -1 with ERR: MSUB_MESSAGE.  */
int msub_envelope_check (const struct msub_envelope *envelope, struct msub_error *err);

/* An address that needs SMTPUTF8, or NULL.  */
const char *msub_envelope_odd_address (const struct msub_envelope *envelope);

/* The wish of LIST for recipient number I of the request's, or NULL.  */
const char *msub_envelope_wish (char *const *list, size_t i);

/* Does the message go as it is, by BINARYMIME?  */
bool msub_smtp_sends_binary (const struct msub_smtp *smtp, const struct msub_envelope *envelope);

/* Is the message of FACTS, which BINARY says to be binary, one that the server does not take before it has been encoded in
   7 bits: 8-bit text without 8BITMIME, anything binary without BINARYMIME (RFC 3030 section 3)?  What is binary goes as it
   is, so one whose header has not the line ends of the wire is encoded, too (SECURITY: J1).  */
bool msub_smtp_needs_seven_bit (const struct msub_smtp *smtp, const struct msub_body_facts *facts, bool binary);

/* What the message or the user needs and the server has not: -1 with ERR.  */
int msub_smtp_check_offer (const struct msub_smtp *smtp, const struct msub_envelope *envelope,
                           const struct msub_body_facts *facts, struct msub_error *err);

/* A parameter of MAIL that mail goes without where it is not offered.  */
struct msub_mail_wish
{
  const char *keyword; /* of EHLO */
  const char *word;    /* by which a reply that refuses it is known */
  const char *name;    /* with its = */
  const char *value;
};

enum { MSUB_MAIL_WISHES_MAX = 8 };

/* The keywords of SIZE, which is no wish, and of all that may be in msub_smtp_mail_wishes.  */
extern const char msub_mail_wish_keywords[];

/* The number of WISHES that MAIL for ENVELOPE says, in their order: a server that does not know them gets the mail without
   (RFC 3461 section 5, RFC 6710 section 4.1).  */
size_t msub_smtp_mail_wishes (const struct msub_smtp *smtp, const struct msub_envelope *envelope,
                              struct msub_mail_wish wishes[MSUB_MAIL_WISHES_MAX]);

/* MAIL, and RCPT for recipient number I of ENVELOPE's, into the flight.  */
int msub_smtp_put_mail (struct msub_smtp *smtp, const struct msub_envelope *envelope, const struct msub_body_facts *facts,
                        struct msub_error *err);
int msub_smtp_put_recipient (struct msub_smtp *smtp, const struct msub_envelope *envelope, size_t i, struct msub_error *err);

#endif
