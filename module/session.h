/* session.h --- delivering one message: the straight line from a file to the server's 250.

   Floor 10.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_SESSION_H
#define MSUB_SESSION_H

#include "server.h"
#include "transaction.h"

struct msub_delivery
{
  struct msub_error error;  /* MSUB_OK: delivered to at least one recipient */
  struct msub_transaction transaction;
  bool chunking_kept;       /* that was not known */
  char left_out[96];        /* what the server offers and does not keep: EHLO keywords, each ended by '\n' */
};

/* Deliver REQUEST's message, by the conversation in SERVER if one is kept there, else by a new one.  Where it is a probe, only
   look at the server, or log in, and then say RSET.  Returns whether the conversation in SERVER may be kept for another
   message; msub_server_close is the caller's in any case.  */
bool msub_session_deliver (const struct msub_context *context, struct msub_request *request, struct msub_server *server,
                           struct msub_delivery *delivery_r);

#endif
