/* server.h --- a server that a message can be given to: reached, secured, logged in; and kept for the next message.

   Floor 8.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_SERVER_H
#define MSUB_SERVER_H

#include "login.h"
#include "request.h"
#include "smtp.h"

/* Zero it before the first use.  */
struct msub_server
{
  struct msub_smtp *smtp;  /* NULL: none */
  struct msub_tls_trust *trust;
  struct msub_winner winner;
  struct msub_tls_info tls;
  const struct msub_sasl_mechanism *mechanism; /* NULL: not logged in */
  msub_time idle_since; /* msub_now_with_sleep */
  bool quit_said;
};

/* Read what TLS needs from files, before anything is connected.  -1 with ERR, as msub_tls_trust_new.  */
int msub_server_prepare (struct msub_server *server, const struct msub_context *context, const struct msub_request *request,
                         struct msub_error *err);

/* Find REQUEST's server, and get to where MAIL may be said.  The password is wiped on the way.  -1 with ERR.  */
int msub_server_open (struct msub_server *server, const struct msub_context *context, struct msub_request *request,
                      struct msub_error *err);

/* SERVER is REQUEST's from now on, and CONTEXT's: before anything else is done with it, and before those it was lent to end
   (SECURITY: O26).  */
void msub_server_adopt (struct msub_server *server, const struct msub_context *context,
                        const struct msub_request *request);

/* Take a kept SERVER, which REQUEST shares and has adopted, for it.  -1: it is no good any more and has been closed.  */
int msub_server_again (struct msub_server *server, const struct msub_context *context, const struct msub_request *request);

/* After a transaction that ended with ERR: may the conversation be kept?  If not, QUIT has been said where it may be, or the
   connection closed.  Never waits.  */
bool msub_server_rest (struct msub_server *server, const struct msub_request *request, const struct msub_error *err,
                       bool keep);

/* Say QUIT if that has not been done, wait for a moment for the answer, close.  */
void msub_server_close (struct msub_server *server);

#endif
