/* parts.h --- how much a server takes at once, and in a session (RFC 9422).

   Floor 6.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_PARTS_H
#define MSUB_PARTS_H

#include "envelope.h"

/* Does the server take no more messages in this session (RFC 9422, MAILMAX)?  */
bool msub_smtp_spent (const struct msub_smtp *smtp);

/* Will ENVELOPE's recipients need more messages than the server takes in this session?  */
bool msub_smtp_needs_sessions (const struct msub_smtp *smtp, const struct msub_envelope *envelope);

/* Of ENVELOPE's recipients the first of those that are OPEN, and those that follow at once, as many as the server takes
   together.  */
struct msub_envelope msub_smtp_next_part (const struct msub_smtp *smtp, const struct msub_envelope *envelope,
                                          const bool *open);

#endif
