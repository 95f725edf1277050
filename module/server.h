/* server.h --- a server that a message can be given to: reached, secured, logged in; and kept for the next message.

   Floor 5.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_SERVER_H
#define MSUB_SERVER_H

#include "login.h"
#include "race.h"
#include "smtp.h"

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
  bool probe;       /* only look at the server: no message ... */
  bool log_in;      /* ... and no log-in, unless this says so */
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
