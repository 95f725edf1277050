/* offer.h --- offers that are not kept: what a server says no to before anything of the message counts.

   Floor 6.  It is tried the plain way then, in the same session.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_OFFER_H
#define MSUB_OFFER_H

#include "envelope.h"

/* Is REPLY about the command or its parameters, and not about who or what was named in it?  */
bool msub_smtp_about_command (const struct msub_reply *reply);
/* Is it about BDAT, or about a flight of commands?  */
bool msub_smtp_about_chunking (const struct msub_reply *reply);
bool msub_smtp_about_pipelining (const struct msub_reply *reply);
/* Does the last reply say that the transaction has recipients enough (RFC 5321 section 4.5.3.1.10, where 552 is as 452; X.5.3
   of RFC 3463)?  Some stop knowing RCPT then.  */
bool msub_smtp_about_number (const struct msub_reply *reply);
/* The same of an answer to DATA or to the message, where 452 and 552 alone are about its size; but fewer at once are no help
   against a limit of an hour or a day.  */
bool msub_smtp_about_number_at_last (const struct msub_reply *reply);
/* Does the last reply say that this session has had mail enough, and has it had some before?  Another one may take more.  */
bool msub_smtp_about_session (const struct msub_smtp *smtp);

/* Which of the parameters that MAIL had is the last reply against?  The one that it names, else the least important ones: EHLO
   keywords, with commas between them, or NULL.  */
const char *msub_smtp_unkept_by_mail (const struct msub_smtp *smtp, const struct msub_envelope *envelope,
                                      const struct msub_body_facts *facts);
/* Does the last reply, to recipient I, say that something is wrong with the command?  */
const char *msub_smtp_unkept_by_recipient (const struct msub_smtp *smtp, const struct msub_envelope *envelope, size_t i);
/* Does the last reply, to the message, say that it should have had seven bits?  8BITMIME is offered.  */
bool msub_smtp_unkept_by_message (const struct msub_smtp *smtp, const struct msub_envelope *envelope,
                                  const struct msub_body_facts *facts);

#endif
