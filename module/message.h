/* message.h --- the message on its way to the server, and the answer to it: DATA or BDAT (RFC 5321 section 3.3, RFC 3030).

   Floor 8.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_MESSAGE_H
#define MSUB_MESSAGE_H

#include "progress.h"

#define MSUB_BLOCK_OCTETS 65536 /* four full TLS records */
/* Packets of this length and less get through everywhere (RFC 8200 section 5, without headers).  */
#define MSUB_SHORT_PACKET 1200

/* Put the whole of the short message in FD into the flight, as the last chunk (RFC 3030 section 4.2).  BINARY: as it is.  */
int msub_message_put (struct msub_smtp *smtp, bool binary, int fd, const struct msub_body_facts *facts,
                      struct msub_error *err);

/* Send the message in FD, after a 354 or (BDAT) as one chunk, and read the answer to it.  */
int msub_message_send (struct msub_smtp *smtp, bool binary, bool bdat, int fd, const struct msub_body_facts *facts,
                       struct msub_progress *progress, struct msub_error *err);

/* The answer to the dot, or (IN_FLIGHT) to a BDAT that went with its envelope: nothing but a whole reply is an answer
   (SECURITY: section I).  */
int msub_message_answer (struct msub_smtp *smtp, bool in_flight, bool bdat, struct msub_progress *progress,
                         struct msub_error *err);

/* Nobody has acknowledged what was sent in time, and ERR says so.  Where short packets got through before, and not even the
   first of the long ones does, it is their length.  BEFORE: what was acknowledged then.  Always -1.  */
int msub_message_stuck (const struct msub_smtp *smtp, uint64_t before, struct msub_error *err);

#endif
