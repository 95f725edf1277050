/* mailbox.h --- what POP3 and IMAP servers show to anybody: greeting, capabilities, TLS (RFC 2595).

   Floor 6.  For a diagnosis: nobody logs in.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_MAILBOX_H
#define MSUB_MAILBOX_H

#include "attempt.h"
#include "tls.h"

/* Look at the server on C, which speaks SERVICE (MSUB_POP, MSUB_IMAP), and say goodbye.  NAME is what its certificate should
   be for; one that is not is only told of.  STEP_MSECS: upper bound for each step.  *STAGE_R says how far it went.  Events:
   `greeting', `capabilities', `tls'.  C is the caller's as before.  -1 with ERR.  */
int msub_mailbox_look (struct msub_connection *c, const struct msub_route *route, const struct msub_tls_trust *trust,
                       const char *name, int step_msecs, struct msub_tls_info *info_r, const char **stage_r,
                       struct msub_error *err);

#endif
