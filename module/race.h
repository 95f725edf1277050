/* race.h --- the route race (the manual, "Plans"): which route leads to the server, and what the others met.

   Floor 6.  Nothing is read from or written to a connection here; what the race hands over is a connected
   descriptor.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_RACE_H
#define MSUB_RACE_H

#include "attempt.h"

#define MSUB_ROUTES_MAX 16

/* The other members are in request.def.  */
struct msub_race_options
{
  struct msub_route routes[MSUB_ROUTES_MAX]; /* in plan order; the first one's port is the preferred one, demoted or not */
  size_t count;                              /* 1 .. MSUB_ROUTES_MAX */
#define MSUB_MEMBERS
#define MSUB_RACE_KEYS
#include "request.def"
};

struct msub_winner
{
  size_t attempt; /* for msub_race_judge */
  int fd;         /* the caller's from now on ... */
  struct msub_tunnel *tunnel; /* ... as is this, or NULL: msub_tunnel_carry */
  struct msub_route route;
  struct msub_address address;
  bool fallback;  /* a less preferred port than the first one */
  bool tunnelled; /* then nobody knows the family */
  double msecs;   /* since the race began */
};

struct msub_race;

/* Start the look-ups of WAY's host.  WAY and OPTIONS must outlive the race.  NULL with ERR.  */
struct msub_race *msub_race_new (const struct msub_way *way, const struct msub_race_options *options, struct msub_error *err);
void msub_race_free (struct msub_race **race);

/* Run the race until it has a winner: 0.  -1 when there is none (left): ERR is MSUB_HOST when the name has no
   address, MSUB_CONNECT with every attempt's verdict in words, MSUB_CANCELLED or MSUB_INTERNAL.  May be called
   again when a winner turned out to be no use (accepted, then closed): the race goes on without it.  */
int msub_race_next (struct msub_race *race, struct msub_winner *winner_r, struct msub_error *err);

/* The winner ATTEMPT turned out to be KASE (MSUB_CASE_TLS, MSUB_CASE_GREETING) after all; WORDS say why.  The first
   verdict stays.  */
void msub_race_judge (struct msub_race *race, size_t attempt, enum msub_case kase, const char *words);

/* PORT is not to be used from now on.  To be called between two runs.  */
void msub_race_bar (struct msub_race *race, int port);
bool msub_race_barred (const struct msub_race *race, int port);

/* From now on nothing is tried but PORT, unless it is barred.  Whether there is anything left there.  */
bool msub_race_stay (struct msub_race *race, int port);

/* How many ports there are that have not been barred.  */
size_t msub_race_ports_left (const struct msub_race *race);

#endif
