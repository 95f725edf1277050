/* request.h --- what a job is told: everything that a delivery or a diagnosis needs, decided beforehand.

   Floor 5.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_REQUEST_H
#define MSUB_REQUEST_H

#include "race.h"
#include "tls.h"

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
  bool probe;       /* only look at the server: no log-in, no message */
  bool diagnose;    /* look at every route and address (probe.c) ... */
  bool relay_test;  /* ... and try whether a stranger may send to strangers: the user has agreed */
  int keep_msecs;   /* how long a conversation is kept for another message of the same SHARE */
  char *share;      /* what tells accounts and their settings apart, or NULL: nothing is shared */
  struct msub_tls_memory *memory; /* SHARE's, not the request's own */
  struct msub_tls_shelf *shelf;   /* everybody's */
  int attempt_delay_msecs, connect_timeout_msecs, step_timeout_msecs;
  enum msub_tls_level level;
  char *ca_file, *crl_file, *cert_file, *key_file, *priority; /* struct msub_tls_options */
  struct msub_pin pins[MSUB_PINS_MAX];
  size_t pin_count;
  enum msub_tunnel_kind tunnel; /* struct msub_tunnel_options */
  char *tunnel_place, *tunnel_user, *tunnel_password, *tunnel_program;
  char **environment; /* ended by NULL, or NULL */
  char *source_ipv4, *source_ipv6;
  char *auth;       /* a mechanism, or several with commas between them, "none", or NULL for the best one */
  bool starttls_remembered;  /* this server has offered STARTTLS before ... */
  char *auth_remembered;     /* ... and this mechanism as its best where mail is submitted ... */
  char *auth_remembered_25;  /* ... and this one at port 25, which is for other servers as well */
  char *user;       /* NULL: no AUTH is wanted */
  char *password;   /* NULL with a user: asked for when it is needed */
  char *helo;
  char *without;    /* EHLO keywords that do not count, with commas between them, or NULL */
  char *from;
  char **recipients;
  size_t recipient_count;
  char **notify, **original; /* struct msub_envelope: as many as there are recipients, or NULL */
  bool all_or_none;
  char *file;
  char *journal;    /* struct msub_envelope */
  bool require_tls, binary; /* struct msub_extensions */
  char *dsn_return, *dsn_id, *dsn_notify, *deliver_by, *hold_for, *hold_until, *priority_level;
};

void msub_request_clear (struct msub_request *request);

/* May REQUEST's words be said?  -1 with ERR: MSUB_MESSAGE.  */
int msub_request_check (const struct msub_request *request, struct msub_error *err);

/* How to get to REQUEST's host.  */
struct msub_way msub_request_way (const struct msub_request *request, const struct msub_context *context);

#endif
