/* race.h --- the route race (README.org, "Plans"): which route leads to the server, and what the others met.

   Floor 3.  Nothing is read from or written to a connection here; what the race hands over is a connected
   descriptor.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_RACE_H
#define MSUB_RACE_H

#include "net.h"
#include "tunnel.h"
#include "verdict.h"

enum msub_tls_mode { MSUB_TLS_NONE, MSUB_TLS_STARTTLS, MSUB_TLS_IMPLICIT, MSUB_TLS_MODES };

/* "none", "starttls", "implicit".  Static.  */
const char *msub_tls_mode_name (enum msub_tls_mode mode);

/* "ipv4", "ipv6".  Static.  */
const char *msub_family_name (int family);

struct msub_route
{
  uint16_t port;
  int family; /* AF_INET, AF_INET6 */
  enum msub_tls_mode tls;
};

#define MSUB_ROUTES_MAX 16

struct msub_race_options
{
  const char *host; /* a name, or a numeric address */
  const struct msub_route *routes; /* in plan order; the first one's port is the preferred one */
  size_t count;     /* 1 .. MSUB_ROUTES_MAX */
  bool raced;       /* false: strictly one after the other */
  int attempt_delay_msecs;   /* RFC 8305's Connection Attempt Delay */
  int connect_timeout_msecs; /* upper bound for each attempt, and for the look-ups */
  /* Where the tunnel's kind is not MSUB_TUNNEL_NONE, every attempt goes through it: the far side looks HOST up and chooses
     the family, so there is one attempt a port, and a verdict is what the far side saw.  */
  struct msub_tunnel_options tunnel;
  const char *source_ipv4, *source_ipv6; /* numeric addresses to connect from, or NULL */
};

struct msub_winner
{
  size_t attempt; /* for msub_race_judge */
  int fd;         /* the caller's from now on */
  struct msub_route route;
  struct msub_address address;
  bool fallback;  /* a less preferred port than the first one */
  bool tunnelled; /* then nobody knows the family */
  double msecs;   /* since the race began */
};

struct msub_race;

/* Start the look-ups.  OPTIONS and what it points to must outlive the race.  NULL with ERR.  */
struct msub_race *msub_race_new (const struct msub_context *context, const struct msub_race_options *options,
                                 struct msub_error *err);
void msub_race_free (struct msub_race **race);

/* Run the race until it has a winner: 0.  -1 when there is none (left): ERR is MSUB_HOST when the name has no
   address, MSUB_CONNECT with every attempt's verdict in words, MSUB_CANCELLED or MSUB_INTERNAL.  May be called
   again when a winner turned out to be no use (accepted, then closed): the race goes on without it.  */
int msub_race_next (struct msub_race *race, struct msub_winner *winner_r, struct msub_error *err);

/* The winner ATTEMPT turned out to be KASE (MSUB_CASE_TLS, MSUB_CASE_GREETING) after all; WORDS say why.  */
void msub_race_judge (struct msub_race *race, size_t attempt, enum msub_case kase, const char *words);

#endif
