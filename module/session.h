/* session.h --- delivering one message: the straight line from a file to the server's 250.

   Floor 4.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_SESSION_H
#define MSUB_SESSION_H

#include "login.h"
#include "race.h"
#include "smtp.h"
#include "transaction.h"

/* How much TLS the account asks for.  */
enum msub_tls_level { MSUB_LEVEL_REQUIRED, MSUB_LEVEL_OPPORTUNISTIC, MSUB_LEVEL_NONE };

/* Everything a delivery needs, decided beforehand.  Strings are the request's own (msub_request_clear).  */
struct msub_request
{
  char *host;       /* what to connect to: an A-label name or a numeric address */
  char *name;       /* what the certificate must be for; NULL: HOST */
  struct msub_route routes[MSUB_ROUTES_MAX];
  size_t route_count;
  bool raced, ask_fallback, trace;
  int attempt_delay_msecs, connect_timeout_msecs, step_timeout_msecs;
  enum msub_tls_level level;
  char *ca_file, *crl_file, *cert_file, *key_file, *priority, *pin; /* struct msub_tls_options */
  enum msub_tunnel_kind tunnel; /* struct msub_tunnel_options */
  char *tunnel_place, *tunnel_user, *tunnel_password;
  char *source_ipv4, *source_ipv6;
  char *auth;       /* a mechanism, "none", or NULL for the best one */
  bool starttls_remembered;  /* this server has offered STARTTLS before ... */
  char *auth_remembered;     /* ... and this mechanism as its best */
  char *user;       /* NULL: no AUTH is wanted */
  char *password;   /* NULL with a user: asked for when it is needed */
  char *helo;
  char *from;
  char **recipients;
  size_t recipient_count;
  char *file;
  bool require_tls, binary; /* struct msub_extensions */
  char *dsn_return, *dsn_id, *dsn_notify, *deliver_by, *hold_for, *hold_until, *priority_level;
};

void msub_request_clear (struct msub_request *request);

struct msub_delivery
{
  struct msub_error error;  /* MSUB_OK: delivered to at least one recipient */
  struct msub_transaction transaction;
  /* For msub_session_farewell: */
  struct msub_smtp *farewell; /* QUIT has been said on it */
  struct msub_tls_trust *trust;
};

/* Deliver REQUEST's message.  The password is wiped on the way.  */
void msub_session_deliver (const struct msub_context *context, struct msub_request *request,
                           struct msub_delivery *delivery_r);

/* When the result has been told: wait, for a moment, for the answer to QUIT, and close.  */
void msub_session_farewell (struct msub_delivery *delivery);

#endif
