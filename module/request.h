/* request.h --- what a job is told: everything that a delivery or a diagnosis needs, decided beforehand.

   Floor 7.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_REQUEST_H
#define MSUB_REQUEST_H

#include "envelope.h"
#include "race.h"
#include "tls.h"

/* How much TLS the account asks for.  */
enum msub_tls_level { MSUB_LEVEL_REQUIRED, MSUB_LEVEL_OPPORTUNISTIC, MSUB_LEVEL_NONE };

/* The members are in request.def, by key.  All that they point to is the request's own (msub_request_clear), but for what
   jobs share: TLS' memory and shelf, and the way's context.  */
struct msub_request
{
  struct msub_way way;
  struct msub_race_options race;
  struct msub_tls_options tls;
  struct msub_envelope envelope;
#define MSUB_MEMBERS
#define MSUB_REQUEST_KEYS
#include "request.def"
};

/* Free and wipe what REQUEST has, and empty it.  */
void msub_request_clear (struct msub_request *request);

/* May REQUEST's words be said?  -1 with ERR: MSUB_MESSAGE.  */
int msub_request_check (const struct msub_request *request, struct msub_error *err);

/* Is somebody to be logged in as REQUEST says?  */
bool msub_request_wants_log_in (const struct msub_request *request);

#endif
